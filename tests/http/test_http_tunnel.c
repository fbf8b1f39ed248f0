/* Tunnels: a connection that becomes raw bytes, both ways, until both ends are done. */
#include "tests/support/t.h"

#include <pthread.h>
#include <sys/socket.h>

#include "tests/support/fx_http.h"

#define TUNNEL                                                      \
    "GET /v1/tunnel HTTP/1.1\r\n" FX_AUTH "Connection: Upgrade\r\n" \
    "Upgrade: hourglass-tunnel\r\n\r\n"
#define MIB (1024 * 1024)

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

static bool nothing_in_flight(struct fx_http *fx, int64_t want)
{
    struct http_stats st;

    http_stats(fx->server, &st);
    return st.connections == want && st.in_flight == 0;
}

struct sender {
    struct raw_client *c;
    const char *bytes;
    size_t len;
};

static void *send_run(void *arg)
{
    struct sender *s = arg;

    raw_send(s->c, s->bytes, s->len);
    shutdown(s->c->fd, SHUT_WR);
    return NULL;
}

static char *pattern_new(size_t len)
{
    char *bytes = malloc(len);
    uint32_t x = 1;

    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        bytes[i] = (char)(x >> 24);
    }
    return bytes;
}

static void a_mebibyte_comes_back_unchanged(void **state)
{
    struct fx_http *fx = *state;
    char *sent = pattern_new(MIB), *got = malloc(MIB);
    struct sender s = {&fx->client, sent, MIB};
    pthread_t thread;
    size_t len = 0;

    assert_true(raw_sendf(&fx->client, TUNNEL));
    assert_int_equal(raw_head_read(&fx->client, &fx->reply), 101);
    assert_string_equal(raw_header(&fx->reply, "Upgrade"), "hourglass-tunnel");
    assert_string_equal(raw_header(&fx->reply, "Connection"), "Upgrade");
    assert_non_null(raw_header(&fx->reply, "X-Request-Id"));
    pthread_create(&thread, NULL, send_run, &s);
    while (len < MIB) {
        long n = raw_recv(&fx->client, got + len, MIB - len, RAW_WAIT_MS);

        assert_true(n > 0);
        len += (size_t)n;
    }
    pthread_join(thread, NULL);
    assert_memory_equal(sent, got, MIB);
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS)); /* both ends are done */
    raw_close(&fx->client);
    assert_true(fx_http_await(nothing_in_flight, fx, 0));
    free(sent);
    free(got);
}

static void bytes_right_behind_the_request_are_not_lost(void **state)
{
    struct fx_http *fx = *state;
    char got[16] = "";

    assert_true(raw_sendf(&fx->client, TUNNEL "early"));
    assert_int_equal(raw_head_read(&fx->client, &fx->reply), 101);
    assert_int_equal(raw_recv(&fx->client, got, 5, RAW_WAIT_MS), 5);
    assert_string_equal(got, "early");
}

static void a_tunnel_must_be_asked_for(void **state)
{
    static const char *const requests[] = {
        "GET /v1/tunnel HTTP/1.1\r\n" FX_AUTH "\r\n",
        "GET /v1/tunnel HTTP/1.1\r\n" FX_AUTH "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET /v1/tunnel HTTP/1.1\r\n" FX_AUTH "Upgrade: hourglass-tunnel\r\n\r\n",
    };
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        assert_int_equal(raw_ask(&fx->client, &fx->reply, "%s", requests[i]), 400);
        assert_contains(fx->reply.body.data, "hourglass-tunnel");
    }
    assert_int_equal(fx->handled, 0);
}

static void a_tunnel_needs_the_right_key(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "GET /v1/tunnel HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer " FX_READER
            "\r\nConnection: Upgrade\r\nUpgrade: hourglass-tunnel\r\n\r\n");
    assert_int_equal(fx->reply.status, 403);
}

static void a_client_that_resets_ends_the_tunnel(void **state)
{
    struct fx_http *fx = *state;
    struct linger at_once = {.l_onoff = 1};

    assert_true(raw_sendf(&fx->client, TUNNEL));
    assert_int_equal(raw_head_read(&fx->client, &fx->reply), 101);
    setsockopt(fx->client.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    raw_close(&fx->client);
    assert_true(fx_http_await(nothing_in_flight, fx, 0));
}

static void a_stop_closes_open_tunnels(void **state)
{
    struct fx_http *fx = *state;
    struct raw_client c[FX_ECHOES];
    int64_t began = clock_mono_ms(clock_real());

    for (int i = 0; i < FX_ECHOES; i++) {
        assert_true(raw_open(&c[i], http_port(fx->server)));
        assert_true(raw_sendf(&c[i], TUNNEL));
        assert_int_equal(raw_head_read(&c[i], &fx->reply), 101);
    }
    fx_http_stop(fx, RAW_WAIT_MS);
    assert_true(clock_mono_ms(clock_real()) - began < RAW_WAIT_MS);
    for (int i = 0; i < FX_ECHOES; i++) {
        assert_true(raw_closes(&c[i], RAW_WAIT_MS));
        raw_close(&c[i]);
    }
}

static bool guards_freed(struct fx_http *fx, int64_t want)
{
    return __atomic_load_n(&fx->guards_freed, __ATOMIC_ACQUIRE) == want;
}

static void a_tunnel_ends_when_its_guard_says_so(void **state)
{
    struct fx_http *fx = *state;
    char got[16] = "";

    assert_true(raw_sendf(&fx->client, TUNNEL "early"));
    assert_int_equal(raw_head_read(&fx->client, &fx->reply), 101);
    assert_int_equal(raw_recv(&fx->client, got, 5, RAW_WAIT_MS), 5);
    assert_false(raw_closes(&fx->client, 2500)); /* asked more than once, silent all the while */
    __atomic_store_n(&fx->guard_refuses, true, __ATOMIC_RELEASE);
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS));
    assert_true(fx_http_await(guards_freed, fx, 1));
}

/* The answer to the upgrade is never read, the connection goes first. */
static void a_client_that_leaves_before_the_upgrade_leaks_nothing(void **state)
{
    struct fx_http *fx = *state;

    for (int i = 0; i < FX_ECHOES; i++) {
        struct linger at_once = {.l_onoff = 1};
        struct raw_client c;

        assert_true(raw_open(&c, http_port(fx->server)));
        assert_true(raw_sendf(&c, TUNNEL));
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        raw_close(&c);
    }
    assert_true(fx_http_await(nothing_in_flight, fx, 1));
    assert_true(fx_http_await(guards_freed, fx, fx->echo_count)); /* some never got so far */
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_mebibyte_comes_back_unchanged),
        T(bytes_right_behind_the_request_are_not_lost),
        T(a_tunnel_must_be_asked_for),
        T(a_tunnel_needs_the_right_key),
        T(a_client_that_resets_ends_the_tunnel),
        T(a_stop_closes_open_tunnels),
        T(a_tunnel_ends_when_its_guard_says_so),
        T(a_client_that_leaves_before_the_upgrade_leaks_nothing),
    };

    return T_RUN("http_tunnel", tests);
}
