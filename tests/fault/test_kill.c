/* hourglassd killed with SIGKILL at seeded random moments, also while it starts, and clients that
 * rent, run, stop and delete meanwhile. Each client repeats what it did not get an answer to with
 * the same idempotency key, as the real one does, across all restarts; at the end everything that
 * was acknowledged must be there once, have run once, and be paid for once: to the second that was
 * written down where it ran. FAULT_KILLS sets the number of kills, FAULT_SEED the moments. */
#include "tests/support/t.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "core/id.h"
#include "model/spool.h"
#include "tests/support/fx_daemon.h"

#define CLIENTS       4
#define KILLS_DEFAULT 20
#define PATIENCE_MS   60000
#define UP_MS_MAX     700 /* how long it lives at most once it answers */
#define START_MS_MAX  40  /* and when it is killed before */
#define START_EVERY   4   /* one kill in so many hits the start */

/* What a tenant knows of how an instance of its own ended. */
struct ending {
    char id[ID_MAX];
    int64_t node_ms;     /* as written down on the node; 0: it was deleted while it ran */
    int64_t asked_at_ms; /* it was alive until then */
};

struct tenant {
    struct fx_daemon *d;
    int number;
    bool *stop;
    int cycles;
    struct ending *endings; /* by cycle */
    char failure[512];      /* the first thing that went wrong, or "" */
    struct err e;
};

struct fault {
    struct fx_daemon d;
    struct tenant tenants[CLIENTS];
    pthread_t threads[CLIENTS];
    bool stop;
};

static bool is_outage(enum err_code rc)
{
    return rc == ERR_UNREACHABLE || rc == ERR_TIMEOUT || rc == ERR_BUSY || rc == ERR_STORAGE ||
           rc == ERR_ENGINE;
}

/* Ask until there is an answer: same key, so that a repetition is no second request. A client of
 * its own each time: connections to a killed server are worth nothing. */
static json_t *insist(struct tenant *t, const char *method, const char *path, const char *body)
{
    char key[ID_MAX];

    id_new(ID_REQUEST, clock_real(), key);
    for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
        struct client_config c = {.url = t->d->url, .token = t->d->token};
        struct client *cl = NULL;
        json_t *tree = NULL;

        if (!client_open(&c, &cl, &t->e))
            tree = fx_ask_with(cl, method, path, body, strcmp(method, "POST") == 0 ? key : NULL,
                               &t->e);
        client_close(cl);
        if (tree || !is_outage(t->e.code))
            return tree;
        poll(NULL, 0, 20);
    }
    return NULL;
}

static bool wrong(struct tenant *t, const char *what)
{
    snprintf(t->failure, sizeof t->failure, "client %d, cycle %d: %s: %s", t->number, t->cycles,
             what, t->e.msg);
    return false;
}

static bool await(struct tenant *t, const char *path, const char *state, const char *bad)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
        json_t *o = insist(t, "GET", path, NULL);
        bool is = o && strcmp(fx_text(o, "state"), state) == 0;
        bool never = !o || strstr(bad, fx_text(o, "state"));

        if (!is && never)
            err_set(&t->e, ERR_INTERNAL, "%s is %s (%s: %s)", path, fx_text(o, "state"),
                    fx_text(o, "state_reason"), fx_text(o, "state_detail"));
        json_decref(o);
        if (is || never)
            return is;
        poll(NULL, 0, 20);
    }
    err_set(&t->e, ERR_TIMEOUT, "%s never became %s", path, state);
    return false;
}

static bool job_once(struct tenant *t, const char *instance, int number)
{
    char body[512], path[128];
    json_t *job;
    bool good;

    snprintf(body, sizeof body,
             "{\"instance_id\":\"%s\",\"name\":\"j-%d-%d-%d\","
             "\"command\":\"echo ran >> %d; cat %d\"}",
             instance, t->number, t->cycles, number, number, number);
    job = insist(t, "POST", "/v1/jobs", body);
    if (!job)
        return wrong(t, "submit");
    snprintf(path, sizeof path, "/v1/jobs/%s", fx_text(job, "id"));
    json_decref(job);
    good = await(t, path, "succeeded", "failed timed_out cancelled lost");
    return good ? true : wrong(t, "job");
}

/* Stop it and read what its node wrote down about the end; its files go when it is deleted. */
static bool stop_first(struct tenant *t, const char *path, struct ending *end)
{
    char actions[160], dir[SPOOL_PATH_BYTES_MAX];
    struct spool_end node = {0};
    json_t *in;

    snprintf(actions, sizeof actions, "%s/actions", path);
    in = insist(t, "POST", actions, "{\"action\":\"stop\"}");
    if (!in && t->e.code != ERR_CONFLICT) /* the first try may have been heard */
        return wrong(t, "stop");
    json_decref(in);
    if (!await(t, path, "stopped", "failed terminated"))
        return wrong(t, "stopped");
    snprintf(dir, sizeof dir, "%s/local/%s", t->d->dir, end->id);
    if (spool_load(dir, SPOOL_END, &spool_end_shape, &node, &t->e))
        return wrong(t, "the node's word");
    end->node_ms = node.ended_at_ms;
    return true;
}

static struct ending *ending_new(struct tenant *t, const char *id)
{
    size_t size = ((size_t)t->cycles + 1) * sizeof *t->endings;
    struct ending *more = realloc(t->endings, size);

    if (!more)
        return NULL;
    t->endings = more;
    more[t->cycles] = (struct ending){0};
    text_copy(more[t->cycles].id, ID_MAX, id);
    return &more[t->cycles];
}

static bool end(struct tenant *t, const char *path, struct ending *end)
{
    json_t *in;

    if (t->cycles % 2 && !stop_first(t, path, end))
        return false;
    end->asked_at_ms = clock_now_ms(clock_real());
    in = insist(t, "DELETE", path, NULL);
    if (!in && t->e.code != ERR_CONFLICT)
        return wrong(t, "delete");
    json_decref(in);
    return await(t, path, "terminated", "failed") ? true : wrong(t, "end");
}

static bool cycle(struct tenant *t)
{
    char body[256], path[128];
    struct ending *ending;
    json_t *in;

    snprintf(body, sizeof body, "{\"offer_id\":\"local-gpu-1.local\",\"name\":\"n-%d-%d\"}",
             t->number, t->cycles);
    in = insist(t, "POST", "/v1/instances", body);
    if (!in)
        return wrong(t, "launch");
    ending = ending_new(t, fx_text(in, "id"));
    json_decref(in);
    if (!ending)
        return wrong(t, "out of memory");
    snprintf(path, sizeof path, "/v1/instances/%s", ending->id);
    if (!await(t, path, "running", "failed terminated terminating"))
        return wrong(t, "instance");
    for (int i = 0; i < 2; i++)
        if (!job_once(t, ending->id, i))
            return false;
    return end(t, path, ending);
}

static void *tenant_main(void *arg)
{
    struct tenant *t = arg;

    while (!__atomic_load_n(t->stop, __ATOMIC_RELAXED) && cycle(t))
        t->cycles++;
    return NULL;
}

static uint64_t next_random(uint64_t *seed)
{
    /* splitmix64, Steele et al. 2014: the moments of a run can be had again from its seed. */
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);

    return text && text[0] ? strtoll(text, NULL, 10) : otherwise;
}

/* --- what must be true afterwards ------------------------------------------------------------ */

/* All items of a list, page by page. */
static json_t *all_of(struct fx_daemon *d, const char *path)
{
    json_t *all = json_array();
    char cursor[CURSOR_BYTES_MAX] = "", full[256];

    do {
        json_t *page;

        snprintf(full, sizeof full, "%s?limit=200%s%s", path, cursor[0] ? "&cursor=" : "", cursor);
        page = fx_must(d, "GET", full, NULL);
        json_array_extend(all, json_object_get(page, "items"));
        text_copy(cursor, sizeof cursor, fx_text(page, "next_cursor"));
        json_decref(page);
    } while (cursor[0]);
    return all;
}

static void each_name_is_there_once(const json_t *all, const char *what, int64_t want)
{
    size_t i;
    json_t *o;
    json_t *seen = json_object();

    json_array_foreach(all, i, o)
    {
        const char *name = fx_text(o, "name");

        if (json_object_get(seen, name))
            fail_msg("%s %s exists twice", what, name);
        json_object_set_new(seen, name, json_true());
    }
    assert_int_equal(json_object_size(seen), want);
    json_decref(seen);
}

static void each_job_ran_once(const json_t *jobs)
{
    size_t i;
    json_t *job;

    json_array_foreach(jobs, i, job)
    {
        if (strcmp(fx_text(job, "state"), "succeeded") != 0)
            fail_msg("job %s is %s (%s)", fx_text(job, "name"), fx_text(job, "state"),
                     fx_text(job, "state_detail"));
        /* It shows a file of its instance to which each run adds a line. */
        if (json_integer_value(json_object_get(job, "log_bytes")) != (int)strlen("ran\n"))
            fail_msg("job %s ran more than once", fx_text(job, "name"));
    }
}

static int64_t ms_of(const json_t *o, const char *name)
{
    int64_t at = 0;
    struct err e;

    assert_ok(rfc3339_parse(fx_text(o, name), &at, &e), &e);
    return at;
}

static const json_t *usage_of(const json_t *usage, const char *instance)
{
    size_t i;
    json_t *row;

    json_array_foreach(usage, i, row)
    {
        if (strcmp(fx_text(row, "instance_id"), instance) == 0)
            return row;
    }
    return NULL;
}

static const struct ending *ending_of(const struct fault *f, const char *id)
{
    for (int i = 0; i < CLIENTS; i++)
        for (int k = 0; k < f->tenants[i].cycles; k++)
            if (strcmp(f->tenants[i].endings[k].id, id) == 0)
                return &f->tenants[i].endings[k];
    return NULL;
}

/* Complete seconds from running to the end that the node wrote down. Of what was deleted while it
 * ran nobody can read that any more: then it is between the wish and the removal. */
static void seconds_are_right(const struct fault *f, const json_t *in, int64_t seconds)
{
    const struct ending *end = ending_of(f, fx_text(in, "id"));
    int64_t from_ms = ms_of(in, "running_at"), least, most;

    assert_non_null(end);
    least = ((end->node_ms ? end->node_ms : end->asked_at_ms) - from_ms) / 1000;
    most = ((end->node_ms ? end->node_ms : ms_of(in, "ended_at")) - from_ms) / 1000;
    if (seconds < least || seconds > most)
        fail_msg("%s was charged %lld s, not %lld to %lld s", fx_text(in, "name"),
                 (long long)seconds, (long long)least, (long long)most);
}

static void each_second_is_charged_once(struct fault *f, const json_t *instances)
{
    json_t *usage = all_of(&f->d, "/v1/usage"), *in, *credit;
    int64_t total = 0;
    size_t i;

    json_array_foreach(instances, i, in)
    {
        const json_t *row = usage_of(usage, fx_text(in, "id"));
        int64_t seconds = row ? json_integer_value(json_object_get(row, "seconds")) : 0;
        int64_t micros = 0;
        int32_t remainder = 0;
        struct err e;

        seconds_are_right(f, in, seconds);
        assert_ok(money_accrue(fx_micros(in, "price_per_hour"), seconds, &remainder, &micros, &e),
                  &e);
        assert_int_equal(row ? fx_micros(row, "cost") : 0, micros);
        total += micros;
    }
    credit = fx_must(&f->d, "GET", "/v1/credit", NULL);
    assert_int_equal(fx_micros(credit, "consumed"), total);
    assert_int_equal(fx_micros(credit, "held"), 0);
    assert_int_equal(fx_micros(credit, "left"), fx_micros(credit, "granted") - total);
    json_decref(credit);
    json_decref(usage);
}

static void each_transaction_sums_to_zero(struct fault *f)
{
    json_t *entries = all_of(&f->d, "/v1/credit/entries"), *sums = json_object(), *o;
    const char *id;
    size_t i;

    json_array_foreach(entries, i, o)
    {
        int64_t sum;

        id = fx_text(o, "transaction_id");
        sum = json_integer_value(json_object_get(sums, id)) + fx_micros(o, "amount");
        json_object_set_new(sums, id, json_integer(sum));
    }
    assert_true(json_object_size(sums) > 0);
    json_object_foreach(sums, id, o)
    {
        if (json_integer_value(o) != 0)
            fail_msg("transaction %s sums to %lld", id, (long long)json_integer_value(o));
    }
    json_decref(sums);
    json_decref(entries);
}

static void afterwards(struct fault *f)
{
    json_t *instances = all_of(&f->d, "/v1/instances"), *jobs = all_of(&f->d, "/v1/jobs");
    int64_t cycles = 0;

    for (int i = 0; i < CLIENTS; i++)
        cycles += f->tenants[i].cycles;
    assert_true(cycles > 0);
    each_name_is_there_once(instances, "instance", cycles);
    each_name_is_there_once(jobs, "job", 2 * cycles);
    each_job_ran_once(jobs);
    each_second_is_charged_once(f, instances);
    each_transaction_sums_to_zero(f);
    print_message("%lld instances and %lld jobs, all acknowledged, run and charged once\n",
                  (long long)cycles, (long long)(2 * cycles));
    json_decref(instances);
    json_decref(jobs);
}

static void tenants_start(struct fault *f)
{
    for (int i = 0; i < CLIENTS; i++) {
        f->tenants[i] = (struct tenant){.d = &f->d, .number = i, .stop = &f->stop};
        assert_int_equal(pthread_create(&f->threads[i], NULL, tenant_main, &f->tenants[i]), 0);
    }
}

static void tenants_join(struct fault *f)
{
    __atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(f->threads[i], NULL);
    for (int i = 0; i < CLIENTS; i++)
        if (f->tenants[i].failure[0])
            fail_msg("%s", f->tenants[i].failure);
}

static void kill_once(struct fault *f, uint64_t *seed)
{
    if (next_random(seed) % START_EVERY == 0) {
        fx_daemon_end(&f->d, SIGKILL);
        fx_daemon_spawn(&f->d);
        poll(NULL, 0, (int)(next_random(seed) % START_MS_MAX));
    } else {
        poll(NULL, 0, (int)(next_random(seed) % UP_MS_MAX));
    }
    fx_daemon_end(&f->d, SIGKILL);
    fx_daemon_start(&f->d);
}

static void kills_at_random_moments_lose_nothing_and_repeat_nothing(void **state)
{
    struct fault *f = calloc(1, sizeof *f);
    int64_t kills = number_of("FAULT_KILLS", KILLS_DEFAULT);
    uint64_t seed = (uint64_t)number_of("FAULT_SEED", 20261120);

    (void)state;
    print_message("FAULT_SEED=%llu FAULT_KILLS=%lld\n", (unsigned long long)seed, (long long)kills);
    f->d.grant = "50000.00";
    fx_daemon_init(&f->d);
    fx_daemon_start(&f->d);
    tenants_start(f);
    for (int64_t k = 0; k < kills; k++)
        kill_once(f, &seed);
    tenants_join(f);
    afterwards(f);
    fx_daemon_clear(&f->d);
    assert_int_equal(fx_daemon_check(&f->d), 0);
    for (int i = 0; i < CLIENTS; i++)
        free(f->tenants[i].endings);
    free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_at_random_moments_lose_nothing_and_repeat_nothing),
    };

    return T_RUN("kill", tests);
}
