/* The main job over the real API, store, worker and engine: launch, check, job, output, credit,
 * events, end; repetitions; restarts while things run. */
#include "tests/support/t.h"

#include <poll.h>
#include <signal.h>

#include "core/id.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

static int setup(void **state)
{
    struct fx_daemon *d = calloc(1, sizeof *d);

    fx_daemon_init(d);
    fx_daemon_start(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct fx_daemon *d = *state;

    fx_daemon_clear(d);
    assert_int_equal(fx_daemon_check(d), 0);
    free(d);
    return 0;
}

static void submit(struct fx_daemon *d, const char *instance, const char *command, char path[128])
{
    json_t *job;
    STRBUF body;

    strbuf_init(&body, 65536);
    strbuf_addf(&body, "{\"name\":\"t\",\"instance_id\":\"%s\",\"command\":", instance);
    json_quote(&body, command);
    strbuf_addc(&body, '}');
    job = fx_must(d, "POST", "/v1/jobs", body.data);
    snprintf(path, 128, "/v1/jobs/%s", fx_text(job, "id"));
    json_decref(job);
}

static void an_instance_is_billed_only_after_its_check(void **state)
{
    struct fx_daemon *d = *state;
    char id[ID_MAX], path[128];
    json_t *in;

    fx_daemon_launch(d, "local-gpu-1.local", id);
    snprintf(path, sizeof path, "/v1/instances/%s", id);
    in = fx_must(d, "GET", path, NULL);
    assert_string_equal(fx_text(in, "billing"), "on");
    assert_true(fx_text(in, "gate_verdict")[0] && strcmp(fx_text(in, "gate_verdict"), "none") != 0);
    assert_true(fx_text(in, "running_at")[0] != '\0');
    assert_int_equal(json_array_size(json_object_get(in, "slots")), 1);
    json_decref(in);
    fx_daemon_delete(d, id);
}

static void output_comes_back_to_the_byte(void **state)
{
    struct fx_daemon *d = *state;
    char id[ID_MAX], path[128], log[160];
    struct answer a;
    struct err e;

    fx_daemon_launch(d, "local-cpu-2.local", id);
    /* NUL, invalid UTF-8, escape sequences, no newline at the end */
    submit(d, id, "printf 'a\\000b\\377\\033[31mred\\n'; printf end >&2; exit 3", path);
    json_decref(fx_await_state(d, path, "failed"));
    snprintf(log, sizeof log, "%s/log", path);
    err_clear(&e);
    assert_ok(client_call(d->client, "GET", log, NULL, NULL, &a, &e), &e);
    assert_int_equal(a.len, 13 + 3);
    assert_memory_equal(a.body, "a\0b\377\033[31mred\n", 13);
    answer_release(&a);
    json_t *job = fx_must(d, "GET", path, NULL);
    assert_int_equal(json_integer_value(json_object_get(job, "exit_code")), 3);
    assert_string_equal(fx_text(job, "state_reason"), "exited");
    json_decref(job);
    fx_daemon_delete(d, id);
}

static void a_followed_log_ends_with_the_job_and_resumes_by_id(void **state)
{
    struct fx_daemon *d = *state;
    char id[ID_MAX], path[128];
    struct raw_client c;
    struct raw_reply r = {0};
    STRBUF all;

    strbuf_init(&all, 1 << 20);
    fx_daemon_launch(d, "local-cpu-2.local", id);
    submit(d, id, "echo one; sleep 0.3; echo two", path);
    assert_true(raw_open_unix(&c, d->socket));
    raw_sendf(&c, "GET %s/log?follow=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
              path, d->token);
    assert_int_equal(raw_head_read(&c, &r), 200);
    assert_true(raw_follow(&c, &r, &all, "event: end", RAW_WAIT_MS));
    assert_contains(all.data, "b25lCg=="); /* one */
    assert_contains(all.data, "dHdvCg=="); /* two */
    raw_close(&c);
    strbuf_reset(&all);
    assert_true(raw_open_unix(&c, d->socket));
    raw_sendf(&c,
              "GET %s/log?follow=true HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 4\r\n"
              "Authorization: Bearer %s\r\n\r\n",
              path, d->token);
    assert_int_equal(raw_head_read(&c, &r), 200);
    assert_true(raw_follow(&c, &r, &all, "event: end", RAW_WAIT_MS));
    assert_null(strstr(all.data, "b25lCg=="));
    assert_contains(all.data, "dHdvCg==");
    raw_close(&c);
    raw_reply_release(&r);
    fx_daemon_delete(d, id);
}

static void the_same_key_launches_once(void **state)
{
    struct fx_daemon *d = *state;
    static const char body[] = "{\"offer_id\":\"local-cpu-2.local\",\"name\":\"once\"}";
    char key[ID_MAX], id[ID_MAX];
    json_t *a, *b, *other;
    struct err e;

    id_new(ID_REQUEST, clock_real(), key);
    a = fx_ask_with(d->client, "POST", "/v1/instances", body, key, &e);
    b = fx_ask_with(d->client, "POST", "/v1/instances", body, key, &e);
    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(fx_text(a, "id"), fx_text(b, "id"));
    other = fx_ask_with(d->client, "POST", "/v1/instances",
                        "{\"offer_id\":\"local-cpu-2.local\",\"name\":\"other\"}", key, &e);
    assert_null(other);
    assert_int_equal(e.code, ERR_KEY_REUSED);
    text_copy(id, sizeof id, fx_text(a, "id"));
    json_decref(a);
    json_decref(b);
    fx_daemon_delete(d, id);
}

static void things_run_on_while_the_server_is_down(void **state)
{
    struct fx_daemon *d = *state;
    char id[ID_MAX], path[128], log[160];
    struct answer a;
    struct err e;

    fx_daemon_launch(d, "local-cpu-2.local", id);
    submit(d, id, "for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done", path);
    json_decref(fx_await_state(d, path, "running"));
    fx_daemon_end(d, SIGKILL);
    poll(NULL, 0, 1500); /* the job ends meanwhile */
    fx_daemon_start(d);
    json_decref(fx_await_state(d, path, "succeeded"));
    snprintf(log, sizeof log, "%s/log", path);
    assert_ok(client_call(d->client, "GET", log, NULL, NULL, &a, &e), &e);
    assert_string_equal(a.body, "1\n2\n3\n4\n5\n6\n");
    answer_release(&a);
    fx_daemon_delete(d, id);
}

static void a_job_with_an_offer_takes_its_instance_along(void **state)
{
    struct fx_daemon *d = *state;
    json_t *job = fx_must(d, "POST", "/v1/jobs",
                          "{\"offer_id\":\"local-cpu-2.local\",\"time_limit_seconds\":30,"
                          "\"command\":\"echo hi\"}");
    char path[128], instance[128];

    snprintf(path, sizeof path, "/v1/jobs/%s", fx_text(job, "id"));
    snprintf(instance, sizeof instance, "/v1/instances/%s", fx_text(job, "instance_id"));
    json_decref(job);
    json_decref(fx_await_state(d, path, "succeeded"));
    json_decref(fx_await_state(d, instance, "terminated"));
}

static void credit_falls_while_it_runs_and_is_exact_at_the_end(void **state)
{
    struct fx_daemon *d = *state;
    char id[ID_MAX];
    json_t *before, *during, *after;

    before = fx_must(d, "GET", "/v1/credit", NULL);
    fx_daemon_launch(d, "local-gpu-1.local", id);
    poll(NULL, 0, 1200);
    during = fx_must(d, "GET", "/v1/credit", NULL);
    assert_true(fx_micros(during, "left") < fx_micros(before, "left"));
    assert_true(fx_micros(during, "burn_per_hour") > 0);
    assert_true(fx_text(during, "runway_ends_at")[0] != '\0');
    fx_daemon_delete(d, id);
    after = fx_must(d, "GET", "/v1/credit", NULL);
    assert_int_equal(fx_micros(after, "held"), 0);
    assert_int_equal(fx_micros(after, "left"), fx_micros(after, "available"));
    assert_true(fx_micros(after, "consumed") > fx_micros(before, "consumed"));
    json_decref(before);
    json_decref(during);
    json_decref(after);
}

static void events_are_followed_from_where_one_left(void **state)
{
    struct fx_daemon *d = *state;
    char id[ID_MAX];
    struct raw_client c;
    struct raw_reply r = {0};
    STRBUF all;

    strbuf_init(&all, 1 << 20);
    assert_true(raw_open_unix(&c, d->socket));
    raw_sendf(&c,
              "GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
              "Authorization: Bearer %s\r\n\r\n",
              d->token);
    assert_int_equal(raw_head_read(&c, &r), 200);
    fx_daemon_launch(d, "local-cpu-2.local", id);
    assert_true(raw_follow(&c, &r, &all, "\"state\":\"running\"", RAW_WAIT_MS));
    assert_contains(all.data, id);
    assert_contains(all.data, "event: instance.state");
    raw_close(&c);
    raw_reply_release(&r);
    fx_daemon_delete(d, id);
}

static void pages_follow_their_cursor_and_link(void **state)
{
    struct fx_daemon *d = *state;
    json_t *first = fx_must(d, "GET", "/v1/events?limit=2", NULL), *second;
    char path[256];

    assert_int_equal(json_array_size(json_object_get(first, "items")), 2);
    snprintf(path, sizeof path, "/v1/events?limit=2&cursor=%s", fx_text(first, "next_cursor"));
    second = fx_must(d, "GET", path, NULL);
    assert_true(json_integer_value(
                    json_object_get(json_array_get(json_object_get(first, "items"), 1), "seq")) >
                json_integer_value(
                    json_object_get(json_array_get(json_object_get(second, "items"), 0), "seq")));
    json_decref(first);
    json_decref(second);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instance_is_billed_only_after_its_check),
        cmocka_unit_test(output_comes_back_to_the_byte),
        cmocka_unit_test(a_followed_log_ends_with_the_job_and_resumes_by_id),
        cmocka_unit_test(the_same_key_launches_once),
        cmocka_unit_test(things_run_on_while_the_server_is_down),
        cmocka_unit_test(a_job_with_an_offer_takes_its_instance_along),
        cmocka_unit_test(credit_falls_while_it_runs_and_is_exact_at_the_end),
        cmocka_unit_test(events_are_followed_from_where_one_left),
        cmocka_unit_test(pages_follow_their_cursor_and_link),
    };

    return t_run("api_life", tests, ARRAY_SIZE(tests), setup, teardown);
}
