/* What the real hourglassd does on signals: SIGHUP takes a good catalogue and leaves a bad one,
 * SIGTERM finishes what it has begun and ends. */
#include "tests/support/t.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

#define OLD_PRICE "amount_micros: 1200000"

struct fixture {
    struct fx_daemon d;
    char catalogue[256];
    struct strbuf shipped;
};

static void replaced(const char *in, const char *from, const char *to, struct strbuf *out)
{
    const char *at = strstr(in, from);

    assert_non_null(at);
    strbuf_init(out, 4 * 1024 * 1024);
    strbuf_add(out, in, (size_t)(at - in));
    strbuf_adds(out, to);
    strbuf_adds(out, at + strlen(from));
}

static void catalogue_with(struct fixture *fx, const char *from, const char *to)
{
    STRBUF text = {0};

    replaced(fx->shipped.data, from, to, &text);
    assert_ok(file_write(fx->catalogue, text.data, text.len, 0600, &fx->d.e), &fx->d.e);
}

/* Another price, and the higher version that goes with it. */
static void catalogue_priced(struct fixture *fx, const char *price)
{
    STRBUF risen = {0}, text = {0};

    replaced(fx->shipped.data, "\nversion: 1\n", "\nversion: 2\n", &risen);
    replaced(risen.data, OLD_PRICE, price, &text);
    assert_ok(file_write(fx->catalogue, text.data, text.len, 0600, &fx->d.e), &fx->d.e);
}

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[512];

    strbuf_init(&fx->shipped, 4 * 1024 * 1024);
    snprintf(path, sizeof path, "%s/share/catalogue.yaml", source ? source : ".");
    assert_ok(file_read(path, &fx->shipped, &fx->d.e), &fx->d.e);
    fx_daemon_init(&fx->d);
    snprintf(fx->catalogue, sizeof fx->catalogue, "%s/catalogue.yaml", fx->d.dir);
    catalogue_with(fx, OLD_PRICE, OLD_PRICE);
    fx->d.catalogue = fx->catalogue;
    fx_daemon_start(&fx->d);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    catalogue_with(fx, OLD_PRICE, OLD_PRICE);
    fx_daemon_clear(&fx->d);
    assert_int_equal(fx_daemon_check(&fx->d), 0);
    strbuf_release(&fx->shipped);
    free(fx);
    return 0;
}

static json_t *offers(struct fixture *fx, char etag[64])
{
    struct answer a;
    json_t *tree = NULL;

    err_clear(&fx->d.e);
    assert_ok(client_call(fx->d.client, "GET", "/v1/offers", NULL, NULL, &a, &fx->d.e), &fx->d.e);
    text_copy(etag, 64, a.etag);
    assert_ok(json_parse(a.body, a.len, &tree, &fx->d.e), &fx->d.e);
    answer_release(&a);
    return tree;
}

static int64_t price_of(struct fixture *fx, const char *offer, char etag[64])
{
    json_t *list = offers(fx, etag), *o;
    int64_t price = -1;
    size_t i;

    json_array_foreach(json_object_get(list, "items"), i, o)
    {
        if (strcmp(fx_text(o, "id"), offer) == 0)
            price = fx_micros(o, "price_per_hour");
    }
    json_decref(list);
    return price;
}

/* "catalogue.yaml:<line>:" of this text in the shipped file. */
static void place_of(const struct fixture *fx, const char *text, char out[64])
{
    const char *at = strstr(fx->shipped.data, text);
    size_t line = 1;

    assert_non_null(at);
    for (const char *p = fx->shipped.data; p < at; p++)
        line += *p == '\n';
    snprintf(out, 64, "catalogue.yaml:%zu:", line);
}

/* The offer whose price is the one that the tests change. */
#define OFFER "local-gpu-1.local"

static void a_bad_catalogue_changes_nothing_and_is_reported_with_its_place(void **state)
{
    struct fixture *fx = *state;
    char before[64], after[64], place[64];
    int64_t price = price_of(fx, OFFER, before);

    catalogue_with(fx, "hold_window_seconds: 3600", "hold_window_seconds: soon");
    kill(fx->d.pid, SIGHUP);
    fx_daemon_await_log(&fx->d, "catalogue-refused");
    place_of(fx, "hold_window_seconds: 3600", place);
    fx_daemon_await_log(&fx->d, place);
    fx_daemon_await_log(&fx->d, ":22: expected an integer");
    assert_int_equal(price_of(fx, OFFER, after), price);
    assert_string_equal(before, after);
    catalogue_with(fx, "engine: local", "engine: slurm");
    kill(fx->d.pid, SIGHUP);
    fx_daemon_await_log(&fx->d, "there is no engine 'slurm'");
    assert_int_equal(unlink(fx->catalogue), 0);
    kill(fx->d.pid, SIGHUP);
    fx_daemon_await_log(&fx->d, "no file '");
    assert_int_equal(price_of(fx, OFFER, after), price);
}

/* Why: an instance remembers the version of its price; two prices under one would make it a lie. */
static void a_price_that_changes_without_its_version_is_refused_with_its_place(void **state)
{
    struct fixture *fx = *state;
    char before[64], after[64], place[64];

    assert_int_equal(price_of(fx, OFFER, before), 1200000);
    place_of(fx, OLD_PRICE, place);
    catalogue_with(fx, OLD_PRICE, "amount_micros: 2400000");
    kill(fx->d.pid, SIGHUP);
    fx_daemon_await_log(&fx->d, "catalogue-refused");
    fx_daemon_await_log(&fx->d, place);
    fx_daemon_await_log(&fx->d, OFFER " costs 2.4000 EUR per hour here and 1.2000 EUR now, both "
                                      "in version 1");
    assert_int_equal(price_of(fx, OFFER, after), 1200000);
    assert_string_equal(before, after);
}

static int64_t rent_of(struct fixture *fx, const char *id)
{
    char path[128];
    json_t *in;
    int64_t price;

    snprintf(path, sizeof path, "/v1/instances/%s", id);
    in = fx_must(&fx->d, "GET", path, NULL);
    price = fx_micros(in, "price_per_hour");
    json_decref(in);
    return price;
}

static void a_new_price_is_for_new_instances(void **state)
{
    struct fixture *fx = *state;
    char etag[64], other[64], old[ID_MAX], new[ID_MAX];

    assert_int_equal(price_of(fx, OFFER, etag), 1200000);
    fx_daemon_launch(&fx->d, OFFER, old);
    catalogue_priced(fx, "amount_micros: 2400000");
    kill(fx->d.pid, SIGHUP);
    fx_daemon_await_log(&fx->d, "catalogue-loaded");
    assert_int_equal(price_of(fx, OFFER, other), 2400000);
    assert_string_not_equal(etag, other);
    fx_daemon_launch(&fx->d, OFFER, new);
    assert_int_equal(rent_of(fx, old), 1200000);
    assert_int_equal(rent_of(fx, new), 2400000);
    fx_daemon_delete(&fx->d, old);
    fx_daemon_delete(&fx->d, new);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void exits_cleanly(struct fixture *fx, int64_t within_ms)
{
    int64_t from_ms = clock_mono_ms(clock_real());
    int status = fx_daemon_end(&fx->d, SIGTERM);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    if (clock_mono_ms(clock_real()) - from_ms > within_ms)
        fail_msg("it took more than %lld ms to end", (long long)within_ms);
}

static sqlite3 *database_locked(struct fixture *fx)
{
    char path[256];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/hourglass.db", fx->d.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static void unlocked(sqlite3 *db)
{
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* The write waits for the lock that the test holds; so it is in flight when the signal comes. */
static void a_write_in_flight_is_finished(void **state)
{
    static const char body[] = "{\"name\":\"in flight\"}";
    struct fixture *fx = *state;
    struct raw_client c;
    struct raw_reply r = {0};
    sqlite3 *db;
    json_t *list;

    assert_true(raw_open_unix(&c, fx->d.socket));
    db = database_locked(fx);
    assert_true(raw_sendf(&c,
                          "POST /v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                          fx->d.token, strlen(body), body));
    poll(NULL, 0, 200); /* that it has come there cannot be seen from here */
    kill(fx->d.pid, SIGTERM);
    fx_daemon_await_log(&fx->d, "stopping");
    unlocked(db);
    assert_int_equal(raw_read(&c, &r, false), 201);
    exits_cleanly(fx, 5000);
    raw_close(&c);
    raw_reply_release(&r);
    fx_daemon_start(&fx->d);
    list = fx_must(&fx->d, "GET", "/v1/projects?text=in%20flight", NULL);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    json_decref(list);
}

static void follow(struct fixture *fx, struct raw_client *c, struct raw_reply *r, const char *path)
{
    assert_true(raw_open_unix(c, fx->d.socket));
    assert_true(raw_sendf(c,
                          "GET %s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                          "Authorization: Bearer %s\r\n\r\n",
                          path, fx->d.token));
    assert_int_equal(raw_head_read(c, r), 200);
}

static void streams_end_and_idle_connections_close(void **state)
{
    struct fixture *fx = *state;
    struct raw_client events, log, idle;
    struct raw_reply r = {0};
    char id[ID_MAX], body[256], path[128];
    json_t *job;

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    snprintf(body, sizeof body, "{\"instance_id\":\"%s\",\"command\":\"sleep 60\"}", id);
    job = fx_must(&fx->d, "POST", "/v1/jobs", body);
    snprintf(path, sizeof path, "/v1/jobs/%s/log", fx_text(job, "id"));
    json_decref(job);
    follow(fx, &events, &r, "/v1/events");
    follow(fx, &log, &r, path);
    assert_true(raw_open_unix(&idle, fx->d.socket));
    assert_int_equal(raw_ask(&idle, &r, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    exits_cleanly(fx, 5000);
    assert_true(raw_closes(&events, RAW_WAIT_MS));
    assert_true(raw_closes(&log, RAW_WAIT_MS));
    assert_true(raw_closes(&idle, RAW_WAIT_MS));
    assert_int_not_equal(access(fx->d.socket, F_OK), 0);
    raw_close(&events);
    raw_close(&log);
    raw_close(&idle);
    raw_reply_release(&r);
    fx_daemon_start(&fx->d);
}

static void interrupt_ends_it_as_well(void **state)
{
    struct fixture *fx = *state;
    int status = fx_daemon_end(&fx->d, SIGINT);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(a_bad_catalogue_changes_nothing_and_is_reported_with_its_place),
        TEST(a_price_that_changes_without_its_version_is_refused_with_its_place),
        TEST(a_new_price_is_for_new_instances),
        TEST(a_write_in_flight_is_finished),
        TEST(streams_end_and_idle_connections_close),
        TEST(interrupt_ends_it_as_well),
    };
#undef TEST

    return T_RUN("daemon_signal", tests);
}
