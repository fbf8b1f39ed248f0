/* Streams: events and logs that are followed. They sleep without cost, lose no wake, notice
 * that a follower left, and end in order. */
#include "tests/support/t.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/support/fx_http.h"

static int setup(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);

    fx_http_open(fx, (struct http_config){.threads = 2, .heartbeat_seconds = 1});
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    fx_http_close(*state);
    free(*state);
    return 0;
}

#define FOLLOW "GET /v1/events HTTP/1.1\r\n" FX_AUTH "\r\n"
#define LOG    "GET /v1/log HTTP/1.1\r\n" FX_AUTH "\r\n"

/* A follower and what it got so far. */
struct follower {
    struct raw_client c;
    struct raw_reply r;
    struct strbuf got;
};

static struct follower *follow(struct fx_http *fx, const char *request)
{
    struct follower *f = calloc(1, sizeof *f);

    strbuf_init(&f->got, 4 << 20);
    assert_true(raw_open(&f->c, http_port(fx->server)));
    assert_true(raw_sendf(&f->c, "%s", request));
    assert_int_equal(raw_head_read(&f->c, &f->r), 200);
    return f;
}

static void unfollow(struct follower *f)
{
    raw_close(&f->c);
    strbuf_release(&f->got);
    free(f);
}

static bool sees(struct follower *f, const char *text)
{
    return raw_follow(&f->c, &f->r, &f->got, text, RAW_WAIT_MS);
}

static void an_event_reaches_its_follower(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f = follow(fx, FOLLOW);

    assert_string_equal(raw_header(&f->r, "Content-Type"), "text/event-stream");
    assert_string_equal(raw_header(&f->r, "Cache-Control"), "no-store");
    assert_string_equal(raw_header(&f->r, "X-Accel-Buffering"), "no");
    fx_http_publish(fx);
    assert_true(sees(f, "id: 1\ndata: e\n\n"));
    fx_http_publish(fx);
    assert_true(sees(f, "id: 2\ndata: e\n\n"));
    unfollow(f);
}

static void a_follower_resumes_after_its_last_event(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f;

    for (int i = 0; i < 5; i++)
        fx_http_publish(fx);
    f = follow(fx, "GET /v1/events HTTP/1.1\r\n" FX_AUTH "Last-Event-ID: 3\r\n\r\n");
    assert_true(sees(f, "id: 5\n"));
    assert_null(strstr(f->got.data, "id: 3\n"));
    assert_contains(f->got.data, "id: 4\n");
    unfollow(f);
}

static void a_long_backlog_arrives_whole_and_in_order(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f;
    const char *at;
    char id[32];

    __atomic_store_n(&fx->events, 20000, __ATOMIC_RELEASE);
    f = follow(fx, LOG);
    assert_true(sees(f, "line 20000\n"));
    at = f->got.data;
    for (int i = 1; i <= 20000; i++) {
        int n = snprintf(id, sizeof id, "line %d\n", i);

        assert_memory_equal(at, id, (size_t)n);
        at += n;
    }
    unfollow(f);
}

/* A wake between "nothing there" and the sleep must not be lost: publish as fast as can be
 * while followers fall asleep all the time. */
static void no_wake_is_lost(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f[4];

    for (size_t i = 0; i < ARRAY_SIZE(f); i++)
        f[i] = follow(fx, FOLLOW);
    for (int i = 0; i < 3000; i++) {
        fx_http_publish(fx);
        if (i % 7 == 0 && i < 1000) {
            char want[32];

            snprintf(want, sizeof want, "id: %d\n", i + 1);
            assert_true(sees(f[i % 4], want));
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
        assert_true(sees(f[i], "id: 3000\n"));
        unfollow(f[i]);
    }
}

static void a_wake_reaches_its_topic_only(void **state)
{
    struct fx_http *fx = *state;
    struct follower *a = follow(fx, "GET /v1/topics/a/events HTTP/1.1\r\n" FX_AUTH "\r\n");
    struct follower *b = follow(fx, "GET /v1/topics/b/events HTTP/1.1\r\n" FX_AUTH "\r\n");
    struct follower *all = follow(fx, FOLLOW);

    /* After a heartbeat there is a second until the next, and it needs a moment to sleep. */
    assert_true(sees(b, ": keep-alive"));
    poll(NULL, 0, 50);
    __atomic_store_n(&fx->events, 1, __ATOMIC_RELEASE);
    http_wake(fx->server, "a");
    assert_true(sees(a, "id: 1\n"));
    assert_true(sees(all, "id: 1\n"));
    assert_false(raw_follow(&b->c, &b->r, &b->got, "id: 1\n", 200));
    http_wake(fx->server, "b");
    assert_true(sees(b, "id: 1\n"));
    unfollow(a);
    unfollow(b);
    unfollow(all);
}

static void silence_is_broken_by_heartbeats(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f = follow(fx, FOLLOW);

    assert_true(sees(f, ": keep-alive\n\n: keep-alive\n\n"));
    fx_http_publish(fx);
    assert_true(sees(f, "id: 1\ndata: e\n\n"));
    unfollow(f);
}

static void a_log_has_no_heartbeats(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f = follow(fx, LOG);

    assert_string_equal(raw_header(&f->r, "Content-Type"), "text/plain; charset=utf-8");
    assert_string_equal(raw_header(&f->r, "X-Content-Type-Options"), "nosniff");
    assert_false(raw_follow(&f->c, &f->r, &f->got, "keep", 2500));
    fx_http_publish(fx);
    assert_true(sees(f, "line 1\n"));
    assert_string_equal(f->got.data, "line 1\n");
    unfollow(f);
}

static void a_stream_that_ends_keeps_the_connection(void **state)
{
    struct fx_http *fx = *state;

    fx_http_publish(fx);
    __atomic_store_n(&fx->events_end, true, __ATOMIC_RELEASE);
    assert_int_equal(raw_ask(&fx->client, &fx->reply, LOG), 200);
    assert_string_equal(fx->reply.body.data, "line 1\n");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\n" FX_AUTH "\r\n"),
                     200);
    assert_true(fx_http_await(fx_http_streams_are, fx, 0));
}

/* The last chunk is missing: the client knows that it has not seen all. */
static void a_stream_that_fails_is_cut(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f = follow(fx, LOG);
    char rest[16];

    __atomic_store_n(&fx->events_fail, true, __ATOMIC_RELEASE);
    http_wake(fx->server, NULL);
    assert_int_equal(raw_recv(&f->c, rest, sizeof rest, RAW_WAIT_MS), 0);
    assert_true(fx_http_await(fx_http_streams_are, fx, 0));
    unfollow(f);
}

static void an_old_client_gets_a_stream_without_chunks(void **state)
{
    struct fx_http *fx = *state;

    fx_http_publish(fx);
    __atomic_store_n(&fx->events_end, true, __ATOMIC_RELEASE);
    assert_int_equal(raw_ask(&fx->client, &fx->reply,
                             "GET /v1/log HTTP/1.0\r\nAuthorization: Bearer " FX_TOKEN "\r\n\r\n"),
                     200);
    assert_string_equal(fx->reply.body.data, "line 1\n");
}

/* A suspended connection is not polled: the tick must find them, heartbeat or not. */
static void followers_that_left_are_found(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f[20];

    for (size_t i = 0; i < ARRAY_SIZE(f); i++)
        f[i] = follow(fx, i % 2 ? LOG : FOLLOW);
    assert_true(fx_http_streams_are(fx, 20));
    for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
        struct linger at_once = {.l_onoff = 1};

        if (i % 3 == 0)
            setsockopt(f[i]->c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        unfollow(f[i]);
    }
    assert_true(fx_http_await(fx_http_streams_are, fx, 0));
    assert_true(fx_http_await(fx_http_connections_are, fx, 1));
}

static void a_stop_ends_a_hundred_streams(void **state)
{
    struct fx_http *fx = *state;
    struct follower *f[100];
    int64_t began = clock_mono_ms(clock_real());

    for (size_t i = 0; i < ARRAY_SIZE(f); i++)
        f[i] = follow(fx, i % 2 ? LOG : FOLLOW);
    fx_http_publish(fx);
    fx_http_stop(fx, RAW_WAIT_MS);
    assert_true(clock_mono_ms(clock_real()) - began < RAW_WAIT_MS);
    assert_true(fx_http_streams_are(fx, 0));
    for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
        assert_false(sees(f[i], "never")); /* a proper last chunk, or the end */
        unfollow(f[i]);
    }
}

/* Streams that fall asleep, wake and end at the very moment of the stop. */
static void a_stop_amid_wakes_is_clean(void **state)
{
    UNUSED(state);
    for (int round = 0; round < 5; round++) {
        struct fx_http *fx = malloc(sizeof *fx);
        struct follower *f[10];

        fx_http_open(fx, (struct http_config){.threads = 2});
        for (size_t i = 0; i < ARRAY_SIZE(f); i++)
            f[i] = follow(fx, FOLLOW);
        for (int i = 0; i < 20 * round; i++)
            fx_http_publish(fx);
        fx_http_stop(fx, 1000);
        assert_true(fx_http_streams_are(fx, 0));
        for (size_t i = 0; i < ARRAY_SIZE(f); i++)
            unfollow(f[i]);
        fx_http_close(fx);
        free(fx);
    }
}

static int64_t anonymous_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    long long kib = -1;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "RssAnon: %lld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

static bool is_instrumented(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

/* As many as there may be, what they cost, and one too many. */
static void a_follower_too_many_is_503(void **state)
{
    struct fx_http *fx = *state;
    struct rlimit files;
    int *fds = malloc(HTTP_FOLLOWERS_MAX * sizeof *fds);
    int64_t before_kib = anonymous_kib(), each_bytes;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < 2 * HTTP_FOLLOWERS_MAX + 64)
        skip();
    for (int i = 0; i < HTTP_FOLLOWERS_MAX; i++) {
        assert_true(raw_open(&fx->client, http_port(fx->server)));
        raw_sendf(&fx->client, FOLLOW);
        assert_int_equal(raw_head_read(&fx->client, &fx->reply), 200);
        fds[i] = fx->client.fd;
    }
    each_bytes = (anonymous_kib() - before_kib) * 1024 / HTTP_FOLLOWERS_MAX;
    print_message("a follower costs %lld bytes\n", (long long)each_bytes);
    if (!is_instrumented())
        assert_true(each_bytes < 14 * 1024);
    assert_true(raw_open(&fx->client, http_port(fx->server)));
    assert_int_equal(raw_ask(&fx->client, &fx->reply, FOLLOW), 503);
    assert_contains(fx->reply.body.data, "\"code\":\"busy\"");
    for (int i = 0; i < HTTP_FOLLOWERS_MAX; i++) {
        fx->client.fd = fds[i];
        raw_close(&fx->client);
    }
    free(fds);
    assert_true(fx_http_await(fx_http_streams_are, fx, 0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_event_reaches_its_follower),
        T(a_follower_resumes_after_its_last_event),
        T(a_long_backlog_arrives_whole_and_in_order),
        T(no_wake_is_lost),
        T(a_wake_reaches_its_topic_only),
        T(silence_is_broken_by_heartbeats),
        T(a_log_has_no_heartbeats),
        T(a_stream_that_ends_keeps_the_connection),
        T(a_stream_that_fails_is_cut),
        T(an_old_client_gets_a_stream_without_chunks),
        T(followers_that_left_are_found),
        T(a_stop_ends_a_hundred_streams),
        cmocka_unit_test(a_stop_amid_wakes_is_clean),
        T(a_follower_too_many_is_503),
    };

    return T_RUN("http_stream", tests);
}
