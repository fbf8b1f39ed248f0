/* What the store does when the disk does not: nothing half done, nobody blamed for another,
 * and back to work when the disk is. The failures are made below SQLite. */
#include <sqlite3.h>

#include "tests/support/fault_vfs.h"
#include "tests/support/writes.h"

#define BATCH      12
#define FAULTS_MAX 400

struct fixture {
    struct store *store;
    struct err e;
    struct gate gate;
    char url[URL_BYTES_MAX];
    char *large; /* more than fits under the limit of a file */
    enum err_code swallowed;
};

static void open_store(struct fixture *fx)
{
    struct store_config c = {.url = fx->url, .clock = clock_real()};

    assert_ok(store_open(&c, &fx->store, E), E);
}

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fault_vfs_install();
    fault_vfs_set(FAULT_NONE, 0, false);
    rows_url(fx->url);
    open_store(fx);
    gate_init(&fx->gate);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    fault_vfs_set(FAULT_NONE, 0, false);
    fault_vfs_size_max(0);
    store_close(fx->store);
    gate_release(&fx->gate);
    free(fx->large);
    free(fx);
    return 0;
}

static void queue_batch(struct fixture *fx, struct write w[BATCH], int round)
{
    fx->gate.answered = 0;
    gate_close(&fx->gate, fx->store);
    for (int i = 0; i < BATCH; i++) {
        w[i].gate = &fx->gate;
        snprintf(w[i].name, sizeof w[i].name, "r%d-%d", round, i);
        write_queue(fx->store, &w[i]);
    }
}

/* What was acknowledged is there and what was refused is not, for the readers now and
 * after the store was opened again. */
static void check_batch(struct fixture *fx, const struct write w[BATCH])
{
    for (int again = 0; again < 2; again++) {
        for (int i = 0; i < BATCH; i++)
            if (setting_is_there(fx->store, w[i].name) != (w[i].rc == ERR_OK))
                fail_msg("%s was answered %s, stored: %d", w[i].name, err_slug(w[i].rc),
                         w[i].rc != ERR_OK);
        store_close(fx->store);
        open_store(fx);
    }
}

/* One batch with one failure after so many operations. Returns the number of failures. */
static int64_t batch_with_fault(struct fixture *fx, enum fault_kind kind, int after, bool sticky,
                                struct write w[BATCH])
{
    int64_t hits;

    queue_batch(fx, w, after);
    fault_vfs_set(kind, after, sticky);
    gate_open(&fx->gate);
    gate_await(&fx->gate, BATCH);
    hits = fault_vfs_hits();
    fault_vfs_set(FAULT_NONE, 0, false);
    for (int i = 0; i < BATCH; i++)
        if (w[i].rc != ERR_OK && w[i].rc != ERR_STORAGE)
            fail_msg("%s was answered %s: %s", w[i].name, err_slug(w[i].rc), w[i].e.msg);
    check_batch(fx, w);
    return hits;
}

/* Let each operation of the batch in turn be the one that fails. */
static void each_operation_fails_once(struct fixture *fx, enum fault_kind kind)
{
    int after = 0, refused = 0;
    int64_t hits;

    do {
        struct write w[BATCH] = {0};

        hits = batch_with_fault(fx, kind, after, false, w);
        for (int i = 0; i < BATCH; i++)
            refused += w[i].rc != ERR_OK;
    } while (hits && ++after < FAULTS_MAX);
    assert_true(after > 1);
    /* A failure that does not last costs nobody his write: alone, each succeeds. */
    assert_int_equal(refused, 0);
}

static void a_passing_lack_of_room_loses_no_write(void **state)
{
    each_operation_fails_once(*state, FAULT_FULL);
}

static void a_passing_write_error_loses_no_write(void **state)
{
    each_operation_fails_once(*state, FAULT_WRITE);
}

static void a_passing_flush_error_loses_no_write(void **state)
{
    each_operation_fails_once(*state, FAULT_SYNC);
}

static void lasting_failure(struct fixture *fx, enum fault_kind kind)
{
    struct write w[BATCH] = {0}, later[BATCH] = {0};

    assert_true(batch_with_fault(fx, kind, 0, true, w) > 0);
    for (int i = 0; i < BATCH; i++) {
        assert_int_equal(w[i].rc, ERR_STORAGE);
        assert_int_equal(w[i].e.code, ERR_STORAGE);
        assert_true(w[i].runs <= 2);
    }
    assert_int_equal(batch_with_fault(fx, FAULT_NONE, 1, false, later), 0);
    for (int i = 0; i < BATCH; i++)
        assert_int_equal(later[i].rc, ERR_OK);
}

static void a_full_disk_refuses_all_and_is_survived(void **state)
{
    lasting_failure(*state, FAULT_FULL);
}

static void a_dead_disk_refuses_all_and_is_survived(void **state)
{
    lasting_failure(*state, FAULT_WRITE);
    lasting_failure(*state, FAULT_SYNC);
}

/* Why: with many calls in one commit, the one that does not fit must not take the others
 * with it. */
static void only_the_write_that_does_not_fit_is_refused(void **state)
{
    struct fixture *fx = *state;
    struct write w[BATCH] = {0};
    struct store_stats stats;

    fx->large = malloc(1 << 20);
    assert_non_null(fx->large);
    memset(fx->large, 'x', (1 << 20) - 1);
    fx->large[(1 << 20) - 1] = '\0';
    w[5].value = fx->large;
    queue_batch(fx, w, 0);
    fault_vfs_size_max(512 * 1024);
    gate_open(&fx->gate);
    gate_await(&fx->gate, BATCH);
    for (int i = 0; i < BATCH; i++) {
        assert_int_equal(w[i].rc, i == 5 ? ERR_STORAGE : ERR_OK);
        assert_int_equal(w[i].runs, 2);
    }
    assert_contains(w[5].e.msg, "full");
    store_stats(fx->store, &stats);
    assert_int_equal(stats.retries, BATCH);
    check_batch(fx, w);
}

static enum err_code swallow(struct tx *tx, void *ctx, struct err *e)
{
    struct fixture *fx = ctx;

    fx->swallowed = row_setting_set(tx, "swallowed", fx->large, e);
    return ERR_OK;
}

/* A rule that goes on after a failed statement must not be told that it succeeded. */
static void a_failure_that_a_call_hides_is_still_a_failure(void **state)
{
    struct fixture *fx = *state;

    fx->large = malloc(6 << 20); /* more than the page cache, so the statement itself fails */
    assert_non_null(fx->large);
    memset(fx->large, 'x', (6 << 20) - 1);
    fx->large[(6 << 20) - 1] = '\0';
    fault_vfs_size_max(512 * 1024);
    assert_err(ERR_STORAGE, store_write(fx->store, swallow, fx, E), E);
    assert_int_equal(fx->swallowed, ERR_STORAGE);
    fault_vfs_size_max(0);
    assert_false(setting_is_there(fx->store, "swallowed"));
    assert_ok(store_write(fx->store, swallow, fx, E), E);
    assert_true(setting_is_there(fx->store, "swallowed"));
}

static void a_single_write_that_fails_is_not_tried_again(void **state)
{
    struct fixture *fx = *state;
    struct write w = {.name = "a"};

    fault_vfs_set(FAULT_SYNC, 0, false);
    assert_err(ERR_STORAGE, store_write(fx->store, write_run, &w, E), E);
    assert_int_equal(w.runs, 1);
    assert_false(setting_is_there(fx->store, "a"));
    assert_ok(store_write(fx->store, write_run, &w, E), E);
    assert_true(setting_is_there(fx->store, "a"));
}

static void ping_tells_of_a_full_disk_and_of_its_end(void **state)
{
    struct fixture *fx = *state;

    assert_ok(store_ping(fx->store, E), E);
    fault_vfs_set(FAULT_FULL, 0, true);
    assert_err(ERR_STORAGE, store_write(fx->store, write_run, &(struct write){.name = "a"}, E), E);
    assert_err(ERR_STORAGE, store_ping(fx->store, E), E);
    assert_contains(fx->e.msg, "cannot write");
    fault_vfs_set(FAULT_NONE, 0, false);
    assert_ok(store_ping(fx->store, E), E);
}

static void a_read_error_is_told_and_passes(void **state)
{
    struct fixture *fx = *state;

    store_close(fx->store);
    open_store(fx);
    fault_vfs_set(FAULT_READ, 0, true);
    assert_err(ERR_STORAGE, store_ping(fx->store, E), E);
    fault_vfs_set(FAULT_NONE, 0, false);
    assert_ok(store_ping(fx->store, E), E);
}

static void a_store_cannot_be_opened_on_a_full_disk(void **state)
{
    struct fixture *fx = *state;
    char url[URL_BYTES_MAX];
    struct store_config c = {.url = rows_url(url), .clock = clock_real()};
    struct store *other = NULL;

    fault_vfs_set(FAULT_FULL, 0, true);
    assert_err(ERR_STORAGE, store_open(&c, &other, E), E);
    assert_null(other);
    fault_vfs_set(FAULT_NONE, 0, false);
    assert_ok(store_open(&c, &other, E), E);
    store_close(other);
}

/* Another program that holds the lock: all of the batch wait once, not each in turn. */
static void a_locked_database_is_busy_for_all_and_then_free(void **state)
{
    struct fixture *fx = *state;
    struct write w[BATCH] = {0}, later = {.name = "later"};
    sqlite3 *other;
    int64_t began_ms, took_ms;

    assert_int_equal(sqlite3_open(strchr(fx->url, ':') + 1, &other), SQLITE_OK);
    queue_batch(fx, w, 0);
    gate_open(&fx->gate);
    gate_await(&fx->gate, BATCH);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    began_ms = clock_mono_ms(clock_real());
    assert_err(ERR_BUSY, store_write(fx->store, write_run, &later, E), E);
    took_ms = clock_mono_ms(clock_real()) - began_ms;
    assert_int_equal(later.runs, 0);
    assert_true(took_ms < 10000);
    assert_true(setting_is_there(fx->store, "r0-0"));
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_ok(store_write(fx->store, write_run, &later, E), E);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(a_passing_lack_of_room_loses_no_write),
        TEST(a_passing_write_error_loses_no_write),
        TEST(a_passing_flush_error_loses_no_write),
        TEST(a_full_disk_refuses_all_and_is_survived),
        TEST(a_dead_disk_refuses_all_and_is_survived),
        TEST(only_the_write_that_does_not_fit_is_refused),
        TEST(a_failure_that_a_call_hides_is_still_a_failure),
        TEST(a_single_write_that_fails_is_not_tried_again),
        TEST(ping_tells_of_a_full_disk_and_of_its_end),
        TEST(a_read_error_is_told_and_passes),
        TEST(a_store_cannot_be_opened_on_a_full_disk),
        TEST(a_locked_database_is_busy_for_all_and_then_free),
    };

    return T_RUN("store_faults", tests);
}
