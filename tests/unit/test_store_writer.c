/* Group commit: what is answered, when, in which order, and what becomes of a batch in
 * which some calls are refused. Failures of the disk are in test_store_faults. */
#include "tests/support/writes.h"

#define THREADS     64
#define WRITES_EACH 40

struct fixture {
    struct store *store;
    struct err e;
    struct gate gate;
    char url[URL_BYTES_MAX];
    _Atomic int64_t news_seq, news_count;
};

static void on_news(void *ctx, int64_t event_seq)
{
    struct fixture *fx = ctx;

    fx->news_seq = event_seq;
    fx->news_count++;
}

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);
    struct store_config c = {.news = on_news, .news_ctx = fx, .queue_max = 100};

    assert_non_null(fx);
    c.url = rows_url(fx->url);
    c.clock = clock_real();
    assert_ok(store_open(&c, &fx->store, E), E);
    gate_init(&fx->gate);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    store_close(fx->store);
    gate_release(&fx->gate);
    free(fx);
    return 0;
}

static void name_writes(struct fixture *fx, struct write *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        w[i].gate = &fx->gate;
        snprintf(w[i].name, sizeof w[i].name, "name-%zu", i);
    }
}

static void what_was_answered_is_there(void **state)
{
    struct fixture *fx = *state;
    struct write w = {.name = "a"};

    assert_false(setting_is_there(fx->store, "a"));
    assert_ok(store_write(fx->store, write_run, &w, E), E);
    assert_true(setting_is_there(fx->store, "a"));
    assert_int_equal(w.runs, 1);
}

static void a_refused_write_leaves_nothing_and_says_why(void **state)
{
    struct fixture *fx = *state;
    struct write w = {.name = "a", .refuse = ERR_NO_CREDIT};
    struct store_stats stats;

    assert_err(ERR_NO_CREDIT, store_write(fx->store, write_run, &w, E), E);
    assert_string_equal(fx->e.msg, "a is refused");
    assert_false(setting_is_there(fx->store, "a"));
    assert_err(ERR_NO_CREDIT, store_write(fx->store, write_run, &w, NULL), NULL);
    store_stats(fx->store, &stats);
    assert_int_equal(stats.refusals, 2);
    assert_int_equal(stats.calls, 2);
}

static void queued_writes_share_one_commit(void **state)
{
    struct fixture *fx = *state;
    struct write w[50] = {0};
    struct store_stats before, after;

    name_writes(fx, w, ARRAY_SIZE(w));
    gate_close(&fx->gate, fx->store);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        write_queue(fx->store, &w[i]);
    store_stats(fx->store, &before);
    assert_int_equal(before.queue_len, ARRAY_SIZE(w));
    gate_open(&fx->gate);
    gate_await(&fx->gate, ARRAY_SIZE(w));
    store_stats(fx->store, &after);
    assert_int_equal(after.commits - before.commits, 2); /* the gate's own and theirs */
    assert_int_equal(after.retries, 0);
    assert_int_equal(after.queue_len, 0);
}

static void a_refusal_does_not_touch_the_rest_of_its_batch(void **state)
{
    struct fixture *fx = *state;
    struct write w[9] = {0};

    name_writes(fx, w, ARRAY_SIZE(w));
    for (size_t i = 0; i < ARRAY_SIZE(w); i += 2)
        w[i].refuse = ERR_CONFLICT;
    gate_close(&fx->gate, fx->store);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        write_queue(fx->store, &w[i]);
    gate_open(&fx->gate);
    gate_await(&fx->gate, ARRAY_SIZE(w));
    for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
        assert_int_equal(w[i].rc, w[i].refuse);
        assert_int_equal(w[i].runs, 1);
        assert_int_equal(setting_is_there(fx->store, w[i].name), !w[i].refuse);
        if (w[i].refuse)
            assert_contains(w[i].e.msg, w[i].name);
    }
}

static void answers_come_in_the_order_of_the_calls(void **state)
{
    struct fixture *fx = *state;
    struct write w[20] = {0};

    name_writes(fx, w, ARRAY_SIZE(w));
    w[3].refuse = ERR_LIMIT;
    gate_close(&fx->gate, fx->store);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        write_queue(fx->store, &w[i]);
    gate_open(&fx->gate);
    gate_await(&fx->gate, ARRAY_SIZE(w));
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        assert_int_equal(w[i].order, i + 1);
}

static void a_batch_is_never_larger_than_its_maximum(void **state)
{
    struct fixture *fx = *state;
    struct store_config c = {.url = fx->url, .batch_max = 4, .clock = clock_real()};
    struct write w[10] = {0};
    struct store_stats stats;
    struct store *s;

    assert_ok(store_open(&c, &s, E), E);
    name_writes(fx, w, ARRAY_SIZE(w));
    gate_close(&fx->gate, s);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        write_queue(s, &w[i]);
    gate_open(&fx->gate);
    gate_await(&fx->gate, ARRAY_SIZE(w));
    store_stats(s, &stats);
    assert_int_equal(stats.commits, 1 + 3);
    store_close(s);
}

static void a_full_queue_is_busy_at_once(void **state)
{
    struct fixture *fx = *state;
    struct write w[101] = {0};

    name_writes(fx, w, ARRAY_SIZE(w));
    gate_close(&fx->gate, fx->store);
    for (size_t i = 0; i < 100; i++)
        write_queue(fx->store, &w[i]);
    assert_err(ERR_BUSY, store_write(fx->store, write_run, &w[100], E), E);
    gate_open(&fx->gate);
    gate_await(&fx->gate, 100);
    assert_int_equal(w[100].runs, 0);
    assert_ok(store_write(fx->store, write_run, &w[100], E), E);
}

static void closing_finishes_what_is_queued(void **state)
{
    struct fixture *fx = *state;
    struct store_config c = {.url = fx->url, .clock = clock_real()};
    struct write w[30] = {0};

    name_writes(fx, w, ARRAY_SIZE(w));
    gate_close(&fx->gate, fx->store);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        write_queue(fx->store, &w[i]);
    gate_open(&fx->gate);
    store_close(fx->store);
    assert_int_equal(fx->gate.answered, ARRAY_SIZE(w));
    assert_ok(store_open(&c, &fx->store, E), E);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        assert_true(setting_is_there(fx->store, w[i].name));
}

static enum err_code write_in_write(struct tx *tx, void *ctx, struct err *e)
{
    struct fixture *fx = ctx;
    struct write w = {.name = "inner"};

    (void)tx;
    return store_write(fx->store, write_run, &w, e);
}

static void a_write_that_would_wait_for_itself_is_refused(void **state)
{
    struct fixture *fx = *state;

    assert_err(ERR_INTERNAL, store_write(fx->store, write_in_write, fx, E), E);
}

static void news_name_the_highest_event_once_per_commit(void **state)
{
    struct fixture *fx = *state;
    struct write w[5] = {0};

    name_writes(fx, w, ARRAY_SIZE(w));
    for (size_t i = 0; i < 4; i++)
        w[i].adds_event = true;
    w[3].refuse = ERR_CONFLICT;
    gate_close(&fx->gate, fx->store);
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        write_queue(fx->store, &w[i]);
    gate_open(&fx->gate);
    gate_await(&fx->gate, ARRAY_SIZE(w));
    /* The news follow the answers: another write is behind them. */
    assert_ok(store_write(fx->store, write_run, &(struct write){.name = "z"}, E), E);
    assert_int_equal(fx->news_seq, w[2].event_seq);
    assert_int_equal(fx->news_count, 1);
}

static void no_news_come_of_writes_without_events(void **state)
{
    struct fixture *fx = *state;
    struct write w = {.name = "a", .adds_event = true, .refuse = ERR_CONFLICT};

    assert_err(ERR_CONFLICT, store_write(fx->store, write_run, &w, E), E);
    assert_ok(store_write(fx->store, write_run, &(struct write){.name = "b"}, E), E);
    assert_ok(store_write(fx->store, write_run, &(struct write){.name = "c"}, E), E);
    assert_int_equal(fx->news_count, 0);
}

struct taker {
    struct store *store;
    int64_t taken, refused, others;
};

static enum err_code take_one(struct tx *tx, void *ctx, struct err *e)
{
    (void)ctx;
    return row_pool_take(tx, "h100", 1, e);
}

static void *take_many(void *ctx)
{
    struct taker *t = ctx;

    for (int i = 0; i < WRITES_EACH; i++) {
        enum err_code rc = store_write(t->store, take_one, NULL, NULL);

        t->taken += rc == ERR_OK;
        t->refused += rc == ERR_NO_STOCK;
        t->others += rc != ERR_OK && rc != ERR_NO_STOCK;
    }
    return NULL;
}

static enum err_code set_pool(struct tx *tx, void *ctx, struct err *e)
{
    return row_pool_set(tx, "h100", *(int64_t *)ctx, e);
}

static enum err_code used_units(struct tx *tx, void *ctx, struct err *e)
{
    struct pool_row *items;
    size_t count;
    enum err_code rc = row_pool_list(tx, &items, &count, e);

    if (rc)
        return rc;
    *(int64_t *)ctx = items[0].used_units;
    free(items);
    return ERR_OK;
}

static void many_threads_never_take_a_unit_twice(void **state)
{
    struct fixture *fx = *state;
    struct taker takers[THREADS] = {0};
    pthread_t threads[THREADS];
    int64_t capacity = 1000, used, taken = 0;

    assert_ok(store_write(fx->store, set_pool, &capacity, E), E);
    for (int i = 0; i < THREADS; i++) {
        takers[i].store = fx->store;
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        taken += takers[i].taken;
        assert_int_equal(takers[i].others, 0);
        assert_int_equal(takers[i].taken + takers[i].refused, WRITES_EACH);
    }
    assert_int_equal(taken, capacity);
    assert_ok(store_read(fx->store, used_units, &used, E), E);
    assert_int_equal(used, capacity);
}

struct talker {
    struct store *store;
    unsigned seed;
    int index;
    bool is_stored[WRITES_EACH];
};

/* Refuses a third of its writes at random, and reads in between. */
static void *talk(void *ctx)
{
    struct talker *t = ctx;

    for (int i = 0; i < WRITES_EACH; i++) {
        struct write w = {0};

        t->seed = t->seed * 1103515245u + 12345u;
        w.refuse = t->seed >> 16 & 3 ? ERR_OK : ERR_CONFLICT;
        w.adds_event = t->seed >> 20 & 1;
        snprintf(w.name, sizeof w.name, "t%d-%d", t->index, i);
        t->is_stored[i] = store_write(t->store, write_run, &w, NULL) == ERR_OK;
        if (t->is_stored[i] != (w.refuse == ERR_OK) ||
            setting_is_there(t->store, w.name) != t->is_stored[i])
            return t;
    }
    return NULL;
}

/* Why: an acknowledged write is never lost and a refused one never there, whatever shares
 * its commit. */
static void acknowledged_writes_are_there_and_refused_ones_are_not(void **state)
{
    struct fixture *fx = *state;
    struct talker talkers[THREADS] = {0};
    struct store_config c = {.url = fx->url, .clock = clock_real()};
    pthread_t threads[THREADS];
    void *bad = NULL;

    for (int i = 0; i < THREADS; i++) {
        talkers[i] = (struct talker){.store = fx->store, .seed = 77u + (unsigned)i, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &talkers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    store_close(fx->store);
    assert_ok(store_open(&c, &fx->store, E), E);
    for (int i = 0; i < THREADS; i++)
        for (int n = 0; n < WRITES_EACH; n++) {
            char name[32];

            snprintf(name, sizeof name, "t%d-%d", i, n);
            assert_int_equal(setting_is_there(fx->store, name), talkers[i].is_stored[n]);
        }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(what_was_answered_is_there),
        TEST(a_refused_write_leaves_nothing_and_says_why),
        TEST(queued_writes_share_one_commit),
        TEST(a_refusal_does_not_touch_the_rest_of_its_batch),
        TEST(answers_come_in_the_order_of_the_calls),
        TEST(a_batch_is_never_larger_than_its_maximum),
        TEST(a_full_queue_is_busy_at_once),
        TEST(closing_finishes_what_is_queued),
        TEST(a_write_that_would_wait_for_itself_is_refused),
        TEST(news_name_the_highest_event_once_per_commit),
        TEST(no_news_come_of_writes_without_events),
        TEST(many_threads_never_take_a_unit_twice),
        TEST(acknowledged_writes_are_there_and_refused_ones_are_not),
    };

    return T_RUN("store_writer", tests);
}
