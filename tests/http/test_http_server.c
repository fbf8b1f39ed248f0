/* The server itself: where it listens, TLS, time limits, its stop. */
#include "tests/support/t.h"

#include <curl/curl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/log.h"
#include "tests/support/fx_http.h"

extern char **environ;

#define LIVE "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n"

static enum err_code start(const char *listen, struct http_config c, struct http_server **out,
                           struct err *e)
{
    static struct http_app app;

    app = (struct http_app){.routes = fx_http_routes, .route_count = fx_http_route_count};
    app.clock = clock_real();
    c.listen = listen;
    c.app = &app;
    return http_start(&c, out, e);
}

static void a_bad_address_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:x",
                                      ":80",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:65536",
                                      "[::1:80",
                                      "example.org:80",
                                      "unix:",
                                      "unix:relative",
                                      "127.1:80",
                                      "127.0.0.1:1 ",
                                      "[::1]x:80"};
    struct http_server *s;
    struct err e;

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_err(ERR_INVALID, start(bad[i], (struct http_config){0}, &s, &e), &e);
}

static void beyond_loopback_without_tls_is_refused(void **state)
{
    static const char *const bad[] = {"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[::ffff:10.0.0.1]:0"};
    struct http_server *s;
    struct err e;

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_err(ERR_INVALID, start(bad[i], (struct http_config){0}, &s, &e), &e);
        assert_contains(e.msg, "TLS");
    }
}

static void a_port_that_is_taken_is_said(void **state)
{
    struct http_server *a, *b;
    struct err e;
    char address[32];

    UNUSED(state);
    assert_ok(start("127.0.0.1:0", (struct http_config){0}, &a, &e), &e);
    snprintf(address, sizeof address, "127.0.0.1:%d", http_port(a));
    assert_err(ERR_IO, start(address, (struct http_config){0}, &b, &e), &e);
    assert_contains(e.msg, "in use");
    http_stop(a, 0);
}

static void it_listens_on_ipv6_too(void **state)
{
    struct http_server *s;
    struct err e;
    enum err_code rc;

    UNUSED(state);
    rc = start("[::1]:0", (struct http_config){.threads = 1}, &s, &e);
    if (rc == ERR_IO)
        skip(); /* a machine without IPv6 */
    assert_ok(rc, &e);
    assert_true(http_port(s) > 0);
    http_stop(s, 0);
}

static void a_unix_socket_is_its_owners(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);
    char path[512], listen[520];
    struct stat st;

    UNUSED(state);
    snprintf(path, sizeof path, "%s/api.sock", t_dir());
    snprintf(listen, sizeof listen, "unix:%s", path);
    fx_http_open(fx, (struct http_config){.listen = listen});
    assert_int_equal(http_port(fx->server), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(raw_open_unix(&fx->client, path));
    raw_ask(&fx->client, &fx->reply, "GET /v1/things/1 HTTP/1.1\r\n" FX_AUTH "\r\n");
    assert_contains(fx->reply.body.data, "\"name\":\"unix\"");
    fx_http_close(fx);
    assert_int_equal(access(path, F_OK), -1);
    free(fx);
}

static void a_unix_socket_is_taken_over_only_when_nobody_answers(void **state)
{
    struct http_server *a, *b;
    char path[512], listen[520];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct err e;
    int stale;

    UNUSED(state);
    snprintf(path, sizeof path, "%s/s", t_dir());
    snprintf(listen, sizeof listen, "unix:%s", path);
    text_copy(un.sun_path, sizeof un.sun_path, path);
    stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&un, sizeof un), 0);
    close(stale);
    assert_ok(start(listen, (struct http_config){0}, &a, &e), &e);
    assert_err(ERR_IO, start(listen, (struct http_config){0}, &b, &e), &e);
    assert_contains(e.msg, "another process");
    assert_int_equal(access(path, F_OK), 0);
    http_stop(a, 0);
    assert_ok(file_write(path, "x", 1, 0600, &e), &e);
    assert_err(ERR_IO, start(listen, (struct http_config){0}, &b, &e), &e);
    assert_contains(e.msg, "not a socket");
}

static void a_table_that_cannot_work_is_refused(void **state)
{
    struct route twice[] = {fx_http_routes[0], fx_http_routes[0]}, deep[] = {fx_http_routes[0]};
    struct http_app app = {.routes = twice, .route_count = 2};
    struct http_config c = {.listen = "127.0.0.1:0", .app = &app};
    struct http_server *s;
    struct err e;

    UNUSED(state);
    assert_err(ERR_INVALID, http_start(&c, &s, &e), &e);
    assert_contains(e.msg, "twice");
    deep[0].pattern = "/{a}/{b}/{c}";
    app = (struct http_app){.routes = deep, .route_count = 1};
    assert_err(ERR_INVALID, http_start(&c, &s, &e), &e);
    deep[0].pattern = "relative";
    assert_err(ERR_INVALID, http_start(&c, &s, &e), &e);
}

/* --- time --------------------------------------------------------------------------------------
 */

/* Bytes keep coming, so that no silence ends it: the whole request has its time. */
static void a_request_that_drips_is_cut(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);
    int64_t began = clock_mono_ms(clock_real());
    bool cut = false;

    UNUSED(state);
    fx_http_open(fx, (struct http_config){.threads = 1, .request_seconds = 1});
    raw_sendf(&fx->client, "GET /livez HTTP/1.1\r\nHost: t\r\nX: ");
    while (!cut && clock_mono_ms(clock_real()) - began < RAW_WAIT_MS)
        cut = !raw_send(&fx->client, "a", 1) || raw_closes(&fx->client, 100);
    assert_true(cut);
    assert_true(clock_mono_ms(clock_real()) - began < 5000);
    fx_http_close(fx);
    free(fx);
}

static void a_body_that_drips_is_cut(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);
    int64_t began = clock_mono_ms(clock_real());
    bool cut = false;

    UNUSED(state);
    fx_http_open(fx, (struct http_config){.threads = 1, .request_seconds = 1});
    raw_sendf(&fx->client, "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
                           "Content-Length: 100000\r\n\r\n");
    while (!cut && clock_mono_ms(clock_real()) - began < RAW_WAIT_MS)
        cut = !raw_send(&fx->client, " ", 1) || raw_closes(&fx->client, 100);
    assert_true(cut);
    assert_true(clock_mono_ms(clock_real()) - began < 5000);
    fx_http_close(fx);
    free(fx);
}

static void a_connection_that_says_nothing_is_cut(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);

    UNUSED(state);
    fx_http_open(fx, (struct http_config){.threads = 1, .request_seconds = 1});
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS));
    assert_true(raw_open(&fx->client, http_port(fx->server)));
    assert_int_equal(raw_ask(&fx->client, &fx->reply, LIVE), 200);
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS)); /* nor one that has nothing more to say */
    assert_true(fx_http_await(fx_http_connections_are, fx, 0));
    fx_http_close(fx);
    free(fx);
}

/* A stream or a held write takes what time it takes. */
static void what_the_server_is_late_with_is_not_cut(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);
    struct raw_client *c = calloc(1, sizeof *c);

    UNUSED(state);
    fx_http_open(fx, (struct http_config){.threads = 1, .request_seconds = 1});
    fx_http_writes_set(fx, true, false);
    raw_sendf(&fx->client, "DELETE /v1/things/1 HTTP/1.1\r\n" FX_AUTH "\r\n");
    assert_true(raw_open(c, http_port(fx->server)));
    raw_sendf(c, "GET /v1/events HTTP/1.1\r\n" FX_AUTH "\r\n");
    assert_int_equal(raw_head_read(c, &fx->reply), 200);
    poll(NULL, 0, 2500);
    fx_http_job_run(fx, 0);
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 204);
    assert_false(raw_closes(c, 10));
    raw_close(c);
    free(c);
    fx_http_close(fx);
    free(fx);
}

static void a_connection_too_many_is_503(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);
    struct raw_client c[4];
    struct http_stats st;

    UNUSED(state);
    fx_http_open(fx, (struct http_config){.threads = 1, .connections_max = 4});
    for (int i = 0; i < 3; i++)
        assert_true(raw_open(&c[i], http_port(fx->server)));
    assert_true(fx_http_await(fx_http_connections_are, fx, 4));
    assert_true(raw_open(&c[3], http_port(fx->server)));
    assert_int_equal(raw_read(&c[3], &fx->reply, false), 503);
    assert_contains(fx->reply.body.data, "too many connections\",\"code\":\"busy\"}");
    http_stats(fx->server, &st);
    assert_int_equal(st.refused_limits, 1);
    for (int i = 0; i < 4; i++)
        raw_close(&c[i]);
    assert_true(fx_http_await(fx_http_connections_are, fx, 1));
    assert_int_equal(raw_ask(&fx->client, &fx->reply, LIVE), 200);
    fx_http_close(fx);
    free(fx);
}

/* --- TLS
 * ------------------------------------------------------------------------------------------ */

static void certificate_make(const char *cert, const char *key)
{
    char *argv[] = {(char *)(uintptr_t) "openssl",
                    (char *)(uintptr_t) "req",
                    (char *)(uintptr_t) "-x509",
                    (char *)(uintptr_t) "-newkey",
                    (char *)(uintptr_t) "ec",
                    (char *)(uintptr_t) "-pkeyopt",
                    (char *)(uintptr_t) "ec_paramgen_curve:P-256",
                    (char *)(uintptr_t) "-nodes",
                    (char *)(uintptr_t) "-days",
                    (char *)(uintptr_t) "2",
                    (char *)(uintptr_t) "-subj",
                    (char *)(uintptr_t) "/CN=localhost",
                    (char *)(uintptr_t) "-addext",
                    (char *)(uintptr_t) "subjectAltName=IP:127.0.0.1",
                    (char *)(uintptr_t) "-keyout",
                    (char *)(uintptr_t)key,
                    (char *)(uintptr_t) "-out",
                    (char *)(uintptr_t)cert,
                    NULL};
    posix_spawn_file_actions_t quiet;
    pid_t pid;
    int status;

    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", 1, 0);
    assert_int_equal(posix_spawnp(&pid, "openssl", &quiet, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&quiet);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(key, 0600), 0);
}

struct tls {
    char cert[512], key[512], url[64];
    struct fx_http fx;
};

static int tls_setup(void **state)
{
    struct tls *t = calloc(1, sizeof *t);
    const char *dir = t_dir();

    snprintf(t->cert, sizeof t->cert, "%s/cert.pem", dir);
    snprintf(t->key, sizeof t->key, "%s/key.pem", dir);
    certificate_make(t->cert, t->key);
    fx_http_open(&t->fx, (struct http_config){.threads = 2,
                                              .tls_certificate = t->cert,
                                              .tls_key = t->key,
                                              .listen = "0.0.0.0:0",
                                              .heartbeat_seconds = 1});
    snprintf(t->url, sizeof t->url, "https://127.0.0.1:%d", http_port(t->fx.server));
    *state = t;
    return 0;
}

static int tls_teardown(void **state)
{
    struct tls *t = *state;

    fx_http_close(&t->fx);
    free(t);
    return 0;
}

static size_t body_add(char *bytes, size_t size, size_t count, void *arg)
{
    strbuf_add(arg, bytes, size * count);
    return size * count;
}

static CURL *curl_new(struct tls *t, const char *path, struct curl_slist **headers)
{
    CURL *c = curl_easy_init();
    char url[256];

    snprintf(url, sizeof url, "%s%s", t->url, path);
    *headers = curl_slist_append(*headers, "Authorization: Bearer " FX_TOKEN);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CAINFO, t->cert);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, *headers);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
    return c;
}

static long curl_ask(CURL *c, struct strbuf *body)
{
    long status = 0;
    CURLcode rc;

    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_add);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
    rc = curl_easy_perform(c);
    if (rc != CURLE_OK)
        fail_msg("curl: %s", curl_easy_strerror(rc));
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static void requests_and_writes_go_over_tls(void **state)
{
    struct tls *t = *state;
    struct curl_slist *headers = NULL;
    STRBUF body = {0};
    CURL *c;

    strbuf_init(&body, 8 << 20);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Idempotency-Key: k");
    c = curl_new(t, "/v1/things", &headers);
    assert_int_equal(curl_ask(c, &body), 200);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, "{\"name\":\"tls\"}");
    assert_int_equal(curl_ask(c, &body), 201);
    assert_contains(body.data, "\"name\":\"tls\"");
    curl_slist_free_all(headers);
    headers = NULL;
    curl_easy_cleanup(c);

    strbuf_reset(&body);
    c = curl_new(t, "/v1/big", &headers);
    assert_int_equal(curl_ask(c, &body), 200);
    assert_int_equal(body.len, FX_BIG_LEN);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
}

static void plain_http_on_a_tls_port_is_closed(void **state)
{
    struct tls *t = *state;

    raw_sendf(&t->fx.client, LIVE);
    assert_true(raw_closes(&t->fx.client, RAW_WAIT_MS));
}

/* As far as the head of the answer, and then bytes both ways. */
static CURL *curl_raw(struct tls *t, const char *request, struct strbuf *got, const char *until,
                      struct curl_slist **headers)
{
    CURL *c = curl_new(t, "", headers);
    size_t n;

    curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    assert_int_equal(curl_easy_send(c, request, strlen(request), &n), CURLE_OK);
    for (int waited = 0; waited < RAW_WAIT_MS && !strstr(got->data, until); waited += 5) {
        char bytes[4096];
        CURLcode rc = curl_easy_recv(c, bytes, sizeof bytes, &n);

        if (rc == CURLE_AGAIN)
            poll(NULL, 0, 5);
        else if (rc == CURLE_OK)
            strbuf_add(got, bytes, n);
        else
            break;
    }
    assert_contains(got->data, until);
    return c;
}

static void a_stream_over_tls_is_followed_and_left(void **state)
{
    struct tls *t = *state;
    struct curl_slist *headers = NULL;
    STRBUF got = {0};
    CURL *c;

    strbuf_init(&got, 1 << 20);
    fx_http_publish(&t->fx);
    c = curl_raw(t, "GET /v1/events HTTP/1.1\r\n" FX_AUTH "\r\n", &got, ": keep-alive", &headers);
    assert_contains(got.data, "id: 1\ndata: e\n\n");
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    assert_true(fx_http_await(fx_http_streams_are, &t->fx, 0));
}

static bool no_connections(struct fx_http *fx, int64_t want)
{
    struct http_stats st;

    http_stats(fx->server, &st);
    return st.connections == want && st.in_flight == 0;
}

/* libmicrohttpd 0.9.75 does not pass on that a TLS client hung up; the tunnel sees it. */
static void a_tunnel_over_tls_echoes_and_notices_the_end(void **state)
{
    struct tls *t = *state;
    struct curl_slist *headers = NULL;
    STRBUF got = {0};
    CURL *c;

    strbuf_init(&got, 1 << 20);
    raw_close(&t->fx.client);
    c = curl_raw(t,
                 "GET /v1/tunnel HTTP/1.1\r\n" FX_AUTH "Connection: Upgrade\r\n"
                 "Upgrade: hourglass-tunnel\r\n\r\nthere and back",
                 &got, "there and back", &headers);
    assert_contains(got.data, "101 Switching");
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    assert_true(fx_http_await(no_connections, &t->fx, 0));
}

static void a_stop_with_tls_streams_and_tunnels_is_clean(void **state)
{
    struct tls *t = *state;
    struct curl_slist *h1 = NULL, *h2 = NULL;
    STRBUF got = {0};
    CURL *a, *b;

    strbuf_init(&got, 1 << 20);
    a = curl_raw(t, "GET /v1/events HTTP/1.1\r\n" FX_AUTH "\r\n", &got, "200 OK", &h1);
    b = curl_raw(t,
                 "GET /v1/tunnel HTTP/1.1\r\n" FX_AUTH "Connection: Upgrade\r\n"
                 "Upgrade: hourglass-tunnel\r\n\r\nping",
                 &got, "ping", &h2);
    fx_http_stop(&t->fx, 2000);
    assert_true(fx_http_streams_are(&t->fx, 0));
    curl_slist_free_all(h1);
    curl_slist_free_all(h2);
    curl_easy_cleanup(a);
    curl_easy_cleanup(b);
}

static void certificates_that_cannot_serve_are_refused(void **state)
{
    struct tls *t = *state;
    struct http_server *s;
    struct http_config c = {.tls_certificate = t->cert, .tls_key = "/nonexistent"};
    struct err e;

    assert_err(ERR_IO, start("127.0.0.1:0", c, &s, &e), &e);
    assert_contains(e.msg, "TLS key");
    c.tls_key = NULL;
    assert_err(ERR_INVALID, start("127.0.0.1:0", c, &s, &e), &e);
    c.tls_key = t->cert; /* not a key, and readable by others */
    assert_int_equal(chmod(t->cert, 0644), 0);
    assert_err(ERR_IO, start("127.0.0.1:0", c, &s, &e), &e);
    assert_int_equal(chmod(t->cert, 0600), 0);
    assert_err(ERR_IO, start("127.0.0.1:0", c, &s, &e), &e);
    assert_contains(e.msg, "cannot start");
}

/* --- the log
 * ------------------------------------------------------------------------------------------ */

static void a_request_is_one_line_without_secrets(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);
    STRBUF text = {0};
    struct err e;
    char path[512];
    FILE *f;

    UNUSED(state);
    snprintf(path, sizeof path, "%s/log", t_dir());
    f = fopen(path, "w");
    assert_non_null(f);
    log_fd_set(fileno(f));
    fx_http_open(fx, (struct http_config){.threads = 1, .log_requests = true});
    raw_ask(&fx->client, &fx->reply,
            "GET /v1/things/secret-id?limit=secret HTTP/1.1\r\n" FX_AUTH
            "X-Request-Id: line-1\r\n\r\n");
    raw_ask(&fx->client, &fx->reply, "GET /secret HTTP/1.1\r\n" FX_AUTH "\r\n");
    fx_http_close(fx);
    log_fd_set(2);
    fclose(f);
    strbuf_init(&text, 1 << 16);
    assert_ok(file_read(path, &text, &e), &e);
    assert_contains(text.data, "info http: request request=line-1 method=GET "
                               "route=/v1/things/{id} status=200 ms=");
    assert_contains(text.data, "method=- route=- status=404");
    assert_null(strstr(text.data, "secret"));
    assert_null(strstr(text.data, FX_TOKEN));
    free(fx);
}

static void starting_and_stopping_many_times_leaks_nothing(void **state)
{
    struct http_server *s;
    struct err e;
    int before = dup(0), after;

    UNUSED(state);
    close(before);
    for (int i = 0; i < 20; i++) {
        assert_ok(start("127.0.0.1:0", (struct http_config){.threads = 1 + i % 3}, &s, &e), &e);
        http_wake(s, NULL);
        http_stop(s, 1000);
    }
    http_stop(NULL, 0);
    after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

#define TLS(name) cmocka_unit_test_setup_teardown(name, tls_setup, tls_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_address_is_refused),
        cmocka_unit_test(beyond_loopback_without_tls_is_refused),
        cmocka_unit_test(a_port_that_is_taken_is_said),
        cmocka_unit_test(it_listens_on_ipv6_too),
        cmocka_unit_test(a_unix_socket_is_its_owners),
        cmocka_unit_test(a_unix_socket_is_taken_over_only_when_nobody_answers),
        cmocka_unit_test(a_table_that_cannot_work_is_refused),
        cmocka_unit_test(a_request_that_drips_is_cut),
        cmocka_unit_test(a_body_that_drips_is_cut),
        cmocka_unit_test(a_connection_that_says_nothing_is_cut),
        cmocka_unit_test(what_the_server_is_late_with_is_not_cut),
        cmocka_unit_test(a_connection_too_many_is_503),
        TLS(requests_and_writes_go_over_tls),
        TLS(plain_http_on_a_tls_port_is_closed),
        TLS(a_stream_over_tls_is_followed_and_left),
        TLS(a_tunnel_over_tls_echoes_and_notices_the_end),
        TLS(a_stop_with_tls_streams_and_tunnels_is_clean),
        TLS(certificates_that_cannot_serve_are_refused),
        cmocka_unit_test(a_request_is_one_line_without_secrets),
        cmocka_unit_test(starting_and_stopping_many_times_leaks_nothing),
    };

    return T_RUN("http_server", tests);
}
