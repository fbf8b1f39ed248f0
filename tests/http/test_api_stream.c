/* Following events and output over the real API: from where, until when, and for whom. */
#include "tests/support/t.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>

#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

struct fixture {
    struct fx_daemon d;
    struct raw_client c;
    struct raw_reply r;
    struct strbuf seen;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    fx_daemon_init(&fx->d);
    fx_daemon_start(&fx->d);
    strbuf_init(&fx->seen, 1024 * 1024);
    fx->c.fd = -1;
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    raw_close(&fx->c);
    raw_reply_release(&fx->r);
    strbuf_release(&fx->seen);
    fx_daemon_clear(&fx->d);
    free(fx);
    return 0;
}

/* Ask with this key ("": the owner's); returns the status. A connection of its own each time. */
static int ask(struct fixture *fx, const char *token, const char *path, const char *headers)
{
    raw_close(&fx->c);
    strbuf_reset(&fx->seen);
    assert_true(raw_open_unix(&fx->c, fx->d.socket));
    assert_true(raw_sendf(&fx->c,
                          "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n", path,
                          token[0] ? token : fx->d.token, headers));
    return raw_head_read(&fx->c, &fx->r);
}

#define LIVE "Accept: text/event-stream\r\n"

static bool sees(struct fixture *fx, const char *text)
{
    return raw_follow(&fx->c, &fx->r, &fx->seen, text, RAW_WAIT_MS);
}

static void job_submit(struct fixture *fx, const char *instance, const char *command,
                       char path[160])
{
    char body[512];
    json_t *job;

    snprintf(body, sizeof body, "{\"instance_id\":\"%s\",\"command\":\"%s\"}", instance, command);
    job = fx_must(&fx->d, "POST", "/v1/jobs", body);
    snprintf(path, 160, "/v1/jobs/%s", fx_text(job, "id"));
    json_decref(job);
}

/* --- for whom --------------------------------------------------------------------------------- */

static int64_t followers(struct fixture *fx)
{
    struct answer a;
    const char *at;
    int64_t n;

    err_clear(&fx->d.e);
    assert_ok(client_call(fx->d.client, "GET", "/metrics", NULL, NULL, &a, &fx->d.e), &fx->d.e);
    at = strstr(a.body, "\nhourglass_http_streams ");
    assert_non_null(at);
    n = strtoll(at + strlen("\nhourglass_http_streams "), NULL, 10);
    answer_release(&a);
    return n;
}

static void follower_is_gone(struct fixture *fx)
{
    for (int waited = 0; followers(fx) != 0; waited += 20) {
        if (waited > FX_DAEMON_WAIT_MS)
            fail_msg("the stream goes on");
        poll(NULL, 0, 20);
    }
}

static int staff_setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    fx->d.staff = true;
    fx_daemon_init(&fx->d);
    fx_daemon_start(&fx->d);
    strbuf_init(&fx->seen, 1024 * 1024);
    fx->c.fd = -1;
    *state = fx;
    return 0;
}

static void a_revoked_key_sees_no_more_events(void **state)
{
    struct fixture *fx = *state;
    json_t *key = fx_must(&fx->d, "POST", "/v1/keys", "{\"name\":\"short\"}");
    char path[128];

    assert_int_equal(ask(fx, fx_text(key, "token"), "/v1/events", LIVE), 200);
    json_decref(fx_must(&fx->d, "POST", "/v1/projects", "{\"name\":\"before\"}"));
    assert_true(sees(fx, "project.created"));
    snprintf(path, sizeof path, "/v1/keys/%s", fx_text(key, "id"));
    json_decref(fx_must(&fx->d, "DELETE", path, NULL));
    follower_is_gone(fx);
    json_decref(fx_must(&fx->d, "POST", "/v1/projects", "{\"name\":\"after-it\"}"));
    raw_follow(&fx->c, &fx->r, &fx->seen, "\001never", 500);
    assert_null(strstr(fx->seen.data, "after-it"));
    assert_int_equal(ask(fx, fx_text(key, "token"), "/v1/events", LIVE), 401);
    json_decref(key);
}

static void a_revoked_key_follows_no_output(void **state)
{
    struct fixture *fx = *state;
    json_t *key = fx_must(&fx->d, "POST", "/v1/keys", "{\"name\":\"short\"}");
    char path[160], log[200], id[ID_MAX];

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    job_submit(fx, id, "echo one; sleep 30", path);
    snprintf(log, sizeof log, "%s/log?follow=true", path);
    assert_int_equal(ask(fx, fx_text(key, "token"), log, ""), 200);
    assert_true(sees(fx, "b25lCg=="));
    snprintf(path, sizeof path, "/v1/keys/%s", fx_text(key, "id"));
    json_decref(fx_must(&fx->d, "DELETE", path, NULL));
    follower_is_gone(fx);
    assert_null(strstr(fx->seen.data, "event: end"));
    json_decref(key);
    fx_daemon_delete(&fx->d, id);
}

static void a_removed_member_sees_no_more_events(void **state)
{
    struct fixture *fx = *state;
    char body[160], path[128];
    json_t *m = fx_must(&fx->d, "POST", "/v1/members",
                        "{\"name\":\"v\",\"email\":\"v@example.org\",\"role\":\"viewer\"}");
    json_t *key;

    snprintf(body, sizeof body, "{\"name\":\"k\",\"member_id\":\"%s\"}", fx_text(m, "id"));
    key = fx_must(&fx->d, "POST", "/v1/keys", body);
    assert_int_equal(ask(fx, fx_text(key, "token"), "/v1/events", LIVE), 200);
    snprintf(path, sizeof path, "/v1/members/%s", fx_text(m, "id"));
    json_decref(fx_must(&fx->d, "DELETE", path, NULL));
    follower_is_gone(fx);
    json_decref(key);
    json_decref(m);
}

/* --- from where ------------------------------------------------------------------------------- */

static int64_t last_event(struct fixture *fx)
{
    json_t *list = fx_must(&fx->d, "GET", "/v1/events?limit=1", NULL);
    int64_t seq = json_integer_value(
        json_object_get(json_array_get(json_object_get(list, "items"), 0), "seq"));

    json_decref(list);
    return seq;
}

static void events_continue_after_the_one_named(void **state)
{
    struct fixture *fx = *state;
    char headers[128], path[128];
    int64_t seq = last_event(fx);

    json_decref(fx_must(&fx->d, "POST", "/v1/projects", "{\"name\":\"first-one\"}"));
    json_decref(fx_must(&fx->d, "POST", "/v1/projects", "{\"name\":\"second-one\"}"));
    snprintf(headers, sizeof headers, LIVE "Last-Event-ID: %lld\r\n", (long long)seq);
    assert_int_equal(ask(fx, "", "/v1/events", headers), 200);
    assert_true(sees(fx, "second-one"));
    assert_contains(fx->seen.data, "first-one");
    snprintf(path, sizeof path, "/v1/events?after=%lld", (long long)seq + 1);
    assert_int_equal(ask(fx, "", path, LIVE), 200);
    assert_true(sees(fx, "second-one"));
    assert_null(strstr(fx->seen.data, "first-one"));
}

static void a_place_that_is_not_known_is_410(void **state)
{
    struct fixture *fx = *state;
    char path[256];
    sqlite3 *db = NULL;

    assert_int_equal(ask(fx, "", "/v1/events", LIVE "Last-Event-ID: 999999\r\n"), 410);
    snprintf(path, sizeof path, "%s/hourglass.db", fx->d.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_exec(db, "UPDATE event_floor SET seq = 2", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(ask(fx, "", "/v1/events", LIVE "Last-Event-ID: 1\r\n"), 410);
    assert_int_equal(ask(fx, "", "/v1/events", LIVE "Last-Event-ID: 2\r\n"), 200);
}

static void what_cannot_be_asked_of_a_stream_is_422(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(ask(fx, "", "/v1/events?limit=5", LIVE), 422);
    assert_int_equal(ask(fx, "", "/v1/events?text=x", LIVE), 422);
    assert_int_equal(ask(fx, "", "/v1/events?after=1", ""), 422);
    assert_int_equal(ask(fx, "", "/v1/events?after=-1", LIVE), 422);
    assert_int_equal(ask(fx, "", "/v1/events", LIVE "Last-Event-ID: x\r\n"), 422);
    assert_int_equal(ask(fx, "", "/v1/events?state=running", ""), 422);
}

/* --- output ----------------------------------------------------------------------------------- */

static void who_follows_before_it_starts_gets_all_of_it(void **state)
{
    struct fixture *fx = *state;
    json_t *in = fx_must(&fx->d, "POST", "/v1/instances", "{\"offer_id\":\"local-cpu-2.local\"}");
    char path[160], log[200], id[ID_MAX];

    text_copy(id, sizeof id, fx_text(in, "id"));
    json_decref(in);
    job_submit(fx, id, "echo one", path);
    snprintf(log, sizeof log, "%s/log", path);
    assert_int_equal(ask(fx, "", log, LIVE), 200);
    assert_true(sees(fx, "event: end"));
    assert_contains(fx->seen.data, "b25lCg==");
    fx_daemon_delete(&fx->d, id);
}

static void the_output_of_what_never_ran_is_empty_and_ends(void **state)
{
    struct fixture *fx = *state;
    json_t *in = fx_must(&fx->d, "POST", "/v1/instances", "{\"offer_id\":\"local-cpu-2.local\"}");
    char path[160], log[200], cancel[200], id[ID_MAX];

    text_copy(id, sizeof id, fx_text(in, "id"));
    json_decref(in);
    job_submit(fx, id, "true", path);
    snprintf(log, sizeof log, "%s/log", path);
    assert_int_equal(ask(fx, "", log, LIVE), 200); /* it follows already */
    snprintf(cancel, sizeof cancel, "%s/cancel", path);
    json_decref(fx_ask(&fx->d, "POST", cancel, NULL));
    assert_true(sees(fx, "event: end"));
    assert_int_equal(ask(fx, "", log, LIVE), 200); /* or comes later */
    assert_true(sees(fx, "event: end"));
    assert_int_equal(ask(fx, "", log, ""), 200);
    assert_string_equal(raw_header(&fx->r, "Content-Length"), "0");
    fx_daemon_delete(&fx->d, id);
}

static void output_outlives_its_instance(void **state)
{
    struct fixture *fx = *state;
    char path[160], log[200], id[ID_MAX];

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    job_submit(fx, id, "echo one; sleep 60", path);
    snprintf(log, sizeof log, "%s/log", path);
    assert_int_equal(ask(fx, "", log, LIVE), 200);
    assert_true(sees(fx, "b25lCg=="));
    fx_daemon_delete(&fx->d, id);
    assert_true(sees(fx, "event: end"));
    assert_int_equal(ask(fx, "", log, ""), 200);
    assert_string_equal(raw_header(&fx->r, "X-Next-Offset"), "4");
}

/* As an operator may do it to win back room. */
static void output_cleared(struct fixture *fx, const char *path)
{
    char from[256], to[256];

    snprintf(from, sizeof from, "%s/local/%s", fx->d.dir, strrchr(path, '/') + 1);
    snprintf(to, sizeof to, "%s/cleared", fx->d.dir);
    assert_int_equal(rename(from, to), 0);
}

static void output_that_is_no_longer_kept_is_410(void **state)
{
    struct fixture *fx = *state;
    char path[160], log[200], id[ID_MAX];

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    job_submit(fx, id, "echo one", path);
    json_decref(fx_await_state(&fx->d, path, "succeeded"));
    fx_daemon_delete(&fx->d, id);
    output_cleared(fx, path);
    snprintf(log, sizeof log, "%s/log", path);
    assert_int_equal(ask(fx, "", log, ""), 410);
    assert_int_equal(ask(fx, "", log, LIVE), 410);
    assert_int_equal(ask(fx, "", log, LIVE "Last-Event-ID: 4\r\n"), 410);
}

static void what_cannot_be_asked_of_a_log_is_refused(void **state)
{
    struct fixture *fx = *state;
    char path[160], log[200], id[ID_MAX];

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    job_submit(fx, id, "echo one", path);
    snprintf(log, sizeof log, "%s/log?offset=-1", path);
    assert_int_equal(ask(fx, "", log, ""), 422);
    snprintf(log, sizeof log, "%s/log?offset=x", path);
    assert_int_equal(ask(fx, "", log, ""), 422);
    snprintf(log, sizeof log, "%s/log?follow=perhaps", path);
    assert_int_equal(ask(fx, "", log, ""), 422);
    snprintf(log, sizeof log, "%s/log?lines=5", path);
    assert_int_equal(ask(fx, "", log, ""), 422);
    assert_int_equal(ask(fx, "", "/v1/jobs/job_none/log", ""), 404);
    fx_daemon_delete(&fx->d, id);
}

int main(void)
{
#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)
#define STAFF(name) cmocka_unit_test_setup_teardown(name, staff_setup, teardown)
    static const struct CMUnitTest tests[] = {
        STAFF(a_revoked_key_sees_no_more_events),
        STAFF(a_revoked_key_follows_no_output),
        STAFF(a_removed_member_sees_no_more_events),
        TEST(events_continue_after_the_one_named),
        TEST(a_place_that_is_not_known_is_410),
        TEST(what_cannot_be_asked_of_a_stream_is_422),
        TEST(who_follows_before_it_starts_gets_all_of_it),
        TEST(the_output_of_what_never_ran_is_empty_and_ends),
        TEST(output_outlives_its_instance),
        TEST(output_that_is_no_longer_kept_is_410),
        TEST(what_cannot_be_asked_of_a_log_is_refused),
    };
#undef STAFF
#undef TEST

    return T_RUN("api_stream", tests);
}
