/* Writes: they run on another thread while the connection sleeps, in any order, and
 * whoever asked may leave meanwhile. */
#include "tests/support/t.h"

#include <poll.h>
#include <sys/socket.h>

#include "core/file.h"
#include "core/log.h"
#include "tests/support/fx_http.h"

#define PARALLEL 64

static int setup(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);

    fx_http_open(fx, (struct http_config){.threads = 2});
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    fx_http_close(*state);
    free(*state);
    return 0;
}

#define CREATE_HEAD "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON
#define CREATE      CREATE_HEAD FX_KEY "Content-Length: 14\r\n\r\n{\"name\":\"n%02d\"}"

static void a_write_is_answered_when_it_is_done(void **state)
{
    struct fx_http *fx = *state;

    assert_int_equal(raw_ask(&fx->client, &fx->reply, CREATE, 1), 201);
    assert_string_equal(fx->reply.body.data, "{\"id\":\"new\",\"name\":\"n01\",\"size\":0}");
    assert_string_equal(raw_header(&fx->reply, "Location"), "/v1/things/new");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, CREATE, 2), 201);
}

static void a_write_that_fails_is_a_problem(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            CREATE_HEAD FX_KEY "Content-Length: 19\r\n\r\n{\"name\":\"conflict\"}");
    assert_int_equal(fx->reply.status, 409);
    assert_contains(fx->reply.body.data, "there is one");
    assert_null(raw_header(&fx->reply, "Location"));
}

static void a_write_that_cannot_begin_is_503(void **state)
{
    struct fx_http *fx = *state;

    fx_http_writes_set(fx, false, true);
    assert_int_equal(raw_ask(&fx->client, &fx->reply, CREATE, 1), 503);
    assert_string_equal(raw_header(&fx->reply, "Retry-After"), "1");
    fx_http_writes_set(fx, false, false);
    assert_int_equal(raw_ask(&fx->client, &fx->reply, CREATE, 1), 201);
}

static size_t lines_with(const char *log, const char *text)
{
    size_t n = 0;

    for (const char *at = strstr(log, text); at; at = strstr(at + 1, text))
        n++;
    return n;
}

static void failures_ask(struct fx_http *fx)
{
    static const char *const paths[] = {"internal", "io", "storage-unavailable", "timeout",
                                        "not-found"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        raw_ask(&fx->client, &fx->reply,
                "GET /v1/fail?code=%s HTTP/1.1\r\n" FX_AUTH "X-Request-Id: fail-%zu\r\n\r\n",
                paths[i], i);
    fx_http_writes_set(fx, false, true);
    raw_ask(&fx->client, &fx->reply,
            CREATE_HEAD FX_KEY "X-Request-Id: fail-busy\r\nContent-Length: 17\r\n\r\n"
                               "{\"name\":\"secret\"}");
    assert_int_equal(fx->reply.status, 503);
    fx_http_writes_set(fx, false, false);
}

/* Why: the person who is told the request id must find the reason under it, by default. */
static void an_answer_that_is_our_fault_is_one_line_with_its_request(void **state)
{
    struct fx_http *fx = *state;
    STRBUF text = {0};
    struct err e;
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/log", t_dir());
    f = fopen(path, "w");
    assert_non_null(f);
    log_fd_set(fileno(f));
    failures_ask(fx);
    log_fd_set(2);
    fclose(f);
    strbuf_init(&text, 1 << 16);
    assert_ok(file_read(path, &text, &e), &e);
    assert_contains(text.data, " error http: failed request=fail-0 route=/v1/fail status=500 "
                               "code=internal reason=\"on \"purpose\"\"\n");
    assert_contains(text.data, " error http: failed request=fail-1 route=/v1/fail status=500 ");
    assert_contains(text.data, " warn http: failed request=fail-2 route=/v1/fail status=503 ");
    assert_contains(text.data, " warn http: failed request=fail-3 route=/v1/fail status=504 ");
    assert_contains(text.data, " warn http: failed request=fail-busy route=/v1/things status=503 ");
    assert_int_equal(lines_with(text.data, "\n"), 5); /* none for 404, none twice */
    assert_null(strstr(text.data, FX_TOKEN));
    assert_null(strstr(text.data, "secret"));
}

static void a_dry_run_is_a_read(void **state)
{
    struct fx_http *fx = *state;

    fx_http_writes_set(fx, true, false); /* a write would wait for ever */
    raw_ask(&fx->client, &fx->reply,
            "POST /v1/things?dry_run=true HTTP/1.1\r\n" FX_AUTH FX_JSON
            "Content-Length: 12\r\n\r\n{\"name\":\"a\"}");
    assert_int_equal(fx->reply.status, 200);
    assert_contains(fx->reply.body.data, "\"id\":\"dry\"");
}

static void a_dry_run_is_true_or_false_and_known(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "POST /v1/things?dry_run=yes HTTP/1.1\r\n" FX_AUTH FX_JSON
            "Content-Length: 12\r\n\r\n{\"name\":\"a\"}");
    assert_int_equal(fx->reply.status, 422);
    assert_contains(fx->reply.body.data, "\"pointer\":\"?dry_run\"");
    raw_ask(&fx->client, &fx->reply,
            "DELETE /v1/things/1?dry_run=true HTTP/1.1\r\n" FX_AUTH "\r\n");
    assert_int_equal(fx->reply.status, 422);
    assert_contains(fx->reply.body.data, "unknown_parameter");
    assert_int_equal(fx->handled, 0);
}

static void an_idempotency_key_is_required_and_bounded(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, CREATE_HEAD "Content-Length: 12\r\n\r\n{\"name\":\"a\"}");
    assert_int_equal(fx->reply.status, 400);
    assert_contains(fx->reply.body.data, "Idempotency-Key");
    raw_ask(&fx->client, &fx->reply,
            CREATE_HEAD "Idempotency-Key: %0129d\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}", 1);
    assert_int_equal(fx->reply.status, 400);
    raw_ask(&fx->client, &fx->reply,
            CREATE_HEAD "Idempotency-Key: a b\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}");
    assert_int_equal(fx->reply.status, 400);
    assert_int_equal(fx->handled, 0);
}

static void a_patch_names_only_what_changes(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "PATCH /v1/things/1 HTTP/1.1\r\n" FX_AUTH
            "Content-Type: application/merge-patch+json\r\nContent-Length: 10\r\n\r\n{\"size\":9}");
    assert_int_equal(fx->reply.status, 200);
    assert_string_equal(raw_header(&fx->reply, "X-Named"), "size");
    assert_contains(fx->reply.body.data, "\"size\":9");
    raw_ask(&fx->client, &fx->reply,
            "PATCH /v1/things/1 HTTP/1.1\r\n" FX_AUTH FX_JSON
            "Content-Length: 8\r\n\r\n{\"id\":1}");
    assert_int_equal(fx->reply.status, 422);
}

static void a_delete_answers_204_and_sees_its_condition(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, "DELETE /v1/things/1 HTTP/1.1\r\n" FX_AUTH "\r\n");
    assert_int_equal(fx->reply.status, 204);
    assert_null(raw_header(&fx->reply, "Content-Type"));
    raw_ask(&fx->client, &fx->reply,
            "DELETE /v1/things/1 HTTP/1.1\r\n" FX_AUTH "If-Match: \"v2\"\r\n\r\n");
    assert_int_equal(fx->reply.status, 412);
}

/* The last asked is answered first; nobody gets another's answer. */
static void writes_may_complete_in_any_order(void **state)
{
    struct fx_http *fx = *state;
    struct raw_client *c = calloc(PARALLEL, sizeof *c);
    char want[16];

    fx_http_writes_set(fx, true, false);
    for (int i = 0; i < PARALLEL; i++) {
        assert_true(raw_open(&c[i], http_port(fx->server)));
        assert_true(raw_sendf(&c[i], CREATE, i));
        fx_http_jobs_await(fx, (size_t)i + 1);
    }
    for (int i = PARALLEL - 1; i >= 0; i--) {
        fx_http_job_run(fx, (size_t)i);
        assert_int_equal(raw_read(&c[i], &fx->reply, false), 201);
        snprintf(want, sizeof want, "\"n%02d\"", i);
        assert_contains(fx->reply.body.data, want);
    }
    for (int i = 0; i < PARALLEL; i++)
        raw_close(&c[i]);
    free(c);
}

static void many_connections_write_at_once(void **state)
{
    struct fx_http *fx = *state;
    struct raw_client *c = calloc(PARALLEL, sizeof *c);
    char want[16];

    for (int i = 0; i < PARALLEL; i++)
        assert_true(raw_open(&c[i], http_port(fx->server)));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < PARALLEL; i++)
            assert_true(raw_sendf(&c[i], CREATE, i));
        for (int i = 0; i < PARALLEL; i++) {
            assert_int_equal(raw_read(&c[i], &fx->reply, false), 201);
            snprintf(want, sizeof want, "\"n%02d\"", i);
            assert_contains(fx->reply.body.data, want);
        }
    }
    for (int i = 0; i < PARALLEL; i++)
        raw_close(&c[i]);
    free(c);
}

static void reads_go_on_while_a_write_waits(void **state)
{
    struct fx_http *fx = *state;
    struct raw_client *c = calloc(1, sizeof *c);

    fx_http_writes_set(fx, true, false);
    raw_sendf(&fx->client, CREATE, 1);
    fx_http_jobs_await(fx, 1);
    assert_true(raw_open(c, http_port(fx->server)));
    for (int i = 0; i < 50; i++)
        assert_int_equal(raw_ask(c, &fx->reply, "GET /v1/things HTTP/1.1\r\n" FX_AUTH "\r\n"), 200);
    fx_http_job_run(fx, 0);
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 201);
    raw_close(c);
    free(c);
}

static bool nothing_in_flight(struct fx_http *fx, int64_t want)
{
    struct http_stats st;

    http_stats(fx->server, &st);
    return st.in_flight == want;
}

/* The request must outlive its client: the write still runs, and its answer goes nowhere. */
static void a_client_may_leave_while_its_write_waits(void **state)
{
    struct fx_http *fx = *state;
    struct raw_client *c = calloc(8, sizeof *c);

    fx_http_writes_set(fx, true, false);
    for (int i = 0; i < 8; i++) {
        struct linger at_once = {.l_onoff = 1};

        assert_true(raw_open(&c[i], http_port(fx->server)));
        raw_sendf(&c[i], CREATE, i);
        fx_http_jobs_await(fx, (size_t)i + 1);
        if (i % 2) /* half of them with a reset */
            setsockopt(c[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        raw_close(&c[i]);
    }
    for (int i = 0; i < 8; i++)
        fx_http_job_run(fx, 0);
    assert_int_equal(fx->handled, 16);
    assert_true(fx_http_await(nothing_in_flight, fx, 0));
    assert_int_equal(raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\n" FX_AUTH "\r\n"),
                     200);
    free(c);
}

static void pipelined_writes_are_answered_in_order(void **state)
{
    struct fx_http *fx = *state;

    assert_true(
        raw_sendf(&fx->client, CREATE CREATE "GET /livez HTTP/1.1\r\n" FX_AUTH "\r\n", 1, 2));
    raw_read(&fx->client, &fx->reply, false);
    assert_contains(fx->reply.body.data, "\"n01\"");
    raw_read(&fx->client, &fx->reply, false);
    assert_contains(fx->reply.body.data, "\"n02\"");
    raw_read(&fx->client, &fx->reply, false);
    assert_string_equal(fx->reply.body.data, "ok\n");
}

struct stopper {
    pthread_t thread;
    struct fx_http *fx;
    bool stopped; /* atomic */
};

static void *stop_run(void *arg)
{
    struct stopper *s = arg;

    fx_http_stop(s->fx, 100);
    __atomic_store_n(&s->stopped, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Even beyond the grace: the application still holds the request. */
static void a_stop_waits_for_writes(void **state)
{
    struct fx_http *fx = *state;
    struct stopper s = {.fx = fx};

    fx_http_writes_set(fx, true, false);
    raw_sendf(&fx->client, CREATE, 5);
    fx_http_jobs_await(fx, 1);
    assert_int_equal(pthread_create(&s.thread, NULL, stop_run, &s), 0);
    poll(NULL, 0, 300);
    assert_false(__atomic_load_n(&s.stopped, __ATOMIC_ACQUIRE));
    fx_http_job_run(fx, 0);
    pthread_join(s.thread, NULL);
    raw_read(&fx->client, &fx->reply, false); /* beyond the grace it may be lost */
    assert_true(fx->reply.status == 201 || fx->reply.status == 0);
}

static void a_stop_lets_a_write_within_the_grace_be_answered(void **state)
{
    struct fx_http *fx = *state;

    fx_http_writes_set(fx, true, false);
    raw_sendf(&fx->client, CREATE, 5);
    fx_http_jobs_await(fx, 1);
    fx_http_job_run(fx, 0);
    fx_http_stop(fx, RAW_WAIT_MS);
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 201);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_write_is_answered_when_it_is_done),
        T(a_write_that_fails_is_a_problem),
        T(a_write_that_cannot_begin_is_503),
        T(an_answer_that_is_our_fault_is_one_line_with_its_request),
        T(a_dry_run_is_a_read),
        T(a_dry_run_is_true_or_false_and_known),
        T(an_idempotency_key_is_required_and_bounded),
        T(a_patch_names_only_what_changes),
        T(a_delete_answers_204_and_sees_its_condition),
        T(writes_may_complete_in_any_order),
        T(many_connections_write_at_once),
        T(reads_go_on_while_a_write_waits),
        T(a_client_may_leave_while_its_write_waits),
        T(pipelined_writes_are_answered_in_order),
        T(a_stop_waits_for_writes),
        T(a_stop_lets_a_write_within_the_grace_be_answered),
    };

    return T_RUN("http_write", tests);
}
