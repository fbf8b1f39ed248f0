/* hourglassd killed with SIGKILL at seeded random moments while clients rent, run and delete. Each
 * client repeats what it did not get an answer to with the same idempotency key, as the real one
 * does, across all restarts; at the end everything that was acknowledged must be there once, have
 * run once, and be paid for once. FAULT_KILLS sets the number of kills, FAULT_SEED the moments. */
#include "tests/support/t.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "core/id.h"
#include "tests/support/fx_daemon.h"

#define CLIENTS       4
#define KILLS_DEFAULT 20
#define PATIENCE_MS   60000

struct tenant {
    struct fx_daemon *d;
    int number;
    bool *stop;
    int cycles;
    char failure[512]; /* the first thing that went wrong, or "" */
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
             "{\"instance_id\":\"%s\",\"name\":\"j-%d-%d-%d\",\"command\":\"echo ran j-%d-%d-%d\"}",
             instance, t->number, t->cycles, number, t->number, t->cycles, number);
    job = insist(t, "POST", "/v1/jobs", body);
    if (!job)
        return wrong(t, "submit");
    snprintf(path, sizeof path, "/v1/jobs/%s", fx_text(job, "id"));
    json_decref(job);
    good = await(t, path, "succeeded", "failed timed_out cancelled lost");
    return good ? true : wrong(t, "job");
}

static bool cycle(struct tenant *t)
{
    char body[256], path[128], id[ID_MAX];
    json_t *in;

    snprintf(body, sizeof body, "{\"offer_id\":\"local-gpu-1.local\",\"name\":\"n-%d-%d\"}",
             t->number, t->cycles);
    in = insist(t, "POST", "/v1/instances", body);
    if (!in)
        return wrong(t, "launch");
    text_copy(id, sizeof id, fx_text(in, "id"));
    json_decref(in);
    snprintf(path, sizeof path, "/v1/instances/%s", id);
    if (!await(t, path, "running", "failed terminated terminating"))
        return wrong(t, "instance");
    for (int i = 0; i < 2; i++)
        if (!job_once(t, id, i))
            return false;
    in = insist(t, "DELETE", path, NULL);
    if (!in && t->e.code != ERR_CONFLICT) /* the first try may have been heard */
        return wrong(t, "delete");
    json_decref(in);
    return await(t, path, "terminated", "failed") ? true : wrong(t, "end");
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

static void each_job_ran_once(struct fx_daemon *d, const json_t *jobs)
{
    size_t i;
    json_t *job;

    json_array_foreach(jobs, i, job)
    {
        if (strcmp(fx_text(job, "state"), "succeeded") != 0)
            fail_msg("job %s is %s (%s)", fx_text(job, "name"), fx_text(job, "state"),
                     fx_text(job, "state_detail"));
        /* "ran j-x-y-z" and a newline, once: a second run would append a second one */
        assert_int_equal(json_integer_value(json_object_get(job, "log_bytes")),
                         strlen("ran ") + strlen(fx_text(job, "name")) + 1);
    }
    (void)d;
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

/* Complete seconds between the two moments that the node wrote down, each charged once. */
static void each_second_is_charged_once(struct fx_daemon *d, const json_t *instances)
{
    json_t *usage = all_of(d, "/v1/usage"), *in;
    int64_t total = 0;
    json_t *credit;
    size_t i;

    json_array_foreach(instances, i, in)
    {
        const json_t *row = usage_of(usage, fx_text(in, "id"));
        int64_t ran_ms = ms_of(in, "ended_at") - ms_of(in, "running_at");
        int64_t seconds = row ? json_integer_value(json_object_get(row, "seconds")) : 0;
        int64_t micros = 0;
        int32_t remainder = 0;
        struct err e;

        if (seconds != ran_ms / 1000)
            fail_msg("%s ran %lld ms and was charged %lld s", fx_text(in, "name"),
                     (long long)ran_ms, (long long)seconds);
        assert_ok(money_accrue(fx_micros(in, "price_per_hour"), seconds, &remainder, &micros, &e),
                  &e);
        assert_int_equal(row ? fx_micros(row, "cost") : 0, micros);
        total += micros;
    }
    credit = fx_must(d, "GET", "/v1/credit", NULL);
    assert_int_equal(fx_micros(credit, "consumed"), total);
    assert_int_equal(fx_micros(credit, "held"), 0);
    assert_int_equal(fx_micros(credit, "left"), fx_micros(credit, "granted") - total);
    json_decref(credit);
    json_decref(usage);
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
    each_job_ran_once(&f->d, jobs);
    each_second_is_charged_once(&f->d, instances);
    print_message("%lld instances and %lld jobs, all acknowledged, run and charged once\n",
                  (long long)cycles, (long long)(2 * cycles));
    json_decref(instances);
    json_decref(jobs);
}

static void kills_at_random_moments_lose_nothing_and_repeat_nothing(void **state)
{
    struct fault *f = calloc(1, sizeof *f);
    int64_t kills = number_of("FAULT_KILLS", KILLS_DEFAULT);
    uint64_t seed = (uint64_t)number_of("FAULT_SEED", 20261120);

    (void)state;
    print_message("FAULT_SEED=%llu FAULT_KILLS=%lld\n", (unsigned long long)seed, (long long)kills);
    f->d.grant = "5000.00";
    fx_daemon_init(&f->d);
    fx_daemon_start(&f->d);
    for (int i = 0; i < CLIENTS; i++) {
        f->tenants[i] = (struct tenant){.d = &f->d, .number = i, .stop = &f->stop};
        assert_int_equal(pthread_create(&f->threads[i], NULL, tenant_main, &f->tenants[i]), 0);
    }
    for (int64_t k = 0; k < kills; k++) {
        poll(NULL, 0, (int)(next_random(&seed) % 700));
        fx_daemon_end(&f->d, SIGKILL);
        fx_daemon_start(&f->d);
    }
    __atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(f->threads[i], NULL);
    for (int i = 0; i < CLIENTS; i++)
        if (f->tenants[i].failure[0])
            fail_msg("%s", f->tenants[i].failure);
    afterwards(f);
    fx_daemon_clear(&f->d);
    assert_int_equal(fx_daemon_check(&f->d), 0);
    free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_at_random_moments_lose_nothing_and_repeat_nothing),
    };

    return T_RUN("kill", tests);
}
