/* Requests of the client against a server that does as it is told: slow, broken, hostile. */
#include "tests/support/t.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "client/client.h"
#include "core/id.h"
#include "model/instance.h"
#include "tests/support/peer.h"

#define TOKEN "hgk_secret_of_the_test"

static struct peer peer; /* one test at a time */

static struct client *client_to(int port, int64_t request_ms_max)
{
    char url[64];
    const struct client_config c = {
        .url = url, .token = TOKEN, .request_ms_max = request_ms_max, .connect_ms_max = 2000};
    struct client *cl = NULL;
    struct err e;

    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    assert_ok(client_open(&c, &cl, &e), &e);
    return cl;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void serve_one(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_answer(fd, "200 OK",
                    "ETag: \"7\"\r\nX-Request-Id: req_1\r\nContent-Type: application/json\r\n",
                    "{\"id\":\"ins_1\"}");
    close(fd);
}

static void an_answer_comes_with_its_headers(void **state)
{
    struct client *cl;
    struct answer a;
    struct err e;

    (void)state;
    peer_start(&peer, serve_one, NULL);
    cl = client_to(peer.port, 0);
    assert_ok(client_call(cl, "GET", "/v1/instances/ins_1", NULL, NULL, &a, &e), &e);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "{\"id\":\"ins_1\"}");
    assert_int_equal(a.len, strlen(a.body));
    assert_string_equal(a.etag, "\"7\"");
    assert_string_equal(a.request_id, "req_1");
    answer_release(&a);
    client_close(cl);
    peer_stop(&peer);
    assert_contains(peer.requests[0], "GET /v1/instances/ins_1 HTTP/1.1\r\n");
    assert_contains(peer.requests[0], "\r\nAuthorization: Bearer " TOKEN "\r\n");
    assert_contains(peer.requests[0], "\r\nUser-Agent: hourglass/");
    assert_null(strstr(peer.requests[0], "Idempotency-Key"));
}

static void a_post_carries_its_key_its_match_and_its_body(void **state)
{
    const struct request_options o = {.idempotency_key = "req_9", .if_match = "\"3\""};
    struct client *cl;
    struct answer a;
    struct err e;

    (void)state;
    peer_start(&peer, serve_one, NULL);
    cl = client_to(peer.port, 0);
    assert_ok(client_call(cl, "POST", "/v1/jobs?dry_run=true", "{\"a\":1}", &o, &a, &e), &e);
    answer_release(&a);
    client_close(cl);
    peer_stop(&peer);
    assert_contains(peer.requests[0], "POST /v1/jobs?dry_run=true HTTP/1.1\r\n");
    assert_contains(peer.requests[0], "\r\nIdempotency-Key: req_9\r\n");
    assert_contains(peer.requests[0], "\r\nIf-Match: \"3\"\r\n");
    assert_contains(peer.requests[0], "\r\nContent-Type: application/json\r\n");
    assert_contains(peer.requests[0], "\r\n\r\n{\"a\":1}");
    assert_null(strstr(peer.requests[0], "Expect:"));
}

static void every_method_says_its_name(void **state)
{
    static const struct {
        const char *method, *body;
    } rows[] = {{"DELETE", NULL}, {"PATCH", "{}"}, {"POST", NULL}};
    char want[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct client *cl;
        struct err e;

        peer_start(&peer, serve_one, NULL);
        cl = client_to(peer.port, 0);
        assert_ok(client_call(cl, rows[i].method, "/v1/x", rows[i].body, NULL, NULL, &e), &e);
        client_close(cl);
        peer_stop(&peer);
        snprintf(want, sizeof want, "%s /v1/x HTTP/1.1\r\n", rows[i].method);
        assert_int_equal(strncmp(peer.requests[0], want, strlen(want)), 0);
    }
}

static void a_unix_socket_is_as_good(void **state)
{
    char path[400], url[420];
    const struct client_config c = {.url = url};
    struct client *cl;
    struct err e;

    (void)state;
    snprintf(path, sizeof path, "%s/s", t_dir());
    snprintf(url, sizeof url, "unix:%s", path);
    peer_start_unix(&peer, serve_one, path);
    assert_ok(client_open(&c, &cl, &e), &e);
    assert_ok(client_call(cl, "GET", "/v1/me", NULL, NULL, NULL, &e), &e);
    client_close(cl);
    peer_stop(&peer);
    remove(path);
    assert_ok(client_open(&c, &cl, &e), &e);
    assert_err(ERR_UNREACHABLE, client_call(cl, "GET", "/v1/me", NULL, NULL, NULL, &e), &e);
    assert_contains(e.msg, url); /* not the host that stands in for it */
    assert_null(strstr(e.msg, "localhost"));
    client_close(cl);
}

static void serve_three(struct peer *p)
{
    int fd = peer_accept(p);

    for (int i = 0; i < 3 && peer_request(p, fd); i++)
        peer_answer(fd, "200 OK", "", "{}");
    close(fd);
}

static void a_connection_is_used_again(void **state)
{
    struct client *cl;
    struct err e;

    (void)state;
    peer_start(&peer, serve_three, NULL);
    cl = client_to(peer.port, 0);
    for (int i = 0; i < 3; i++)
        assert_ok(client_call(cl, "GET", "/v1/me", NULL, NULL, NULL, &e), &e);
    client_close(cl);
    peer_stop(&peer);
    assert_int_equal(peer.request_count, 3);
    assert_int_equal(peer.accepted, 1);
}

/* --- servers that misbehave ------------------------------------------------------------------- */

static void serve_nothing(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_gone(fd);
    close(fd);
}

static void a_slow_server_is_a_timeout(void **state)
{
    struct client *cl;
    struct answer a;
    struct err e;

    (void)state;
    peer_start(&peer, serve_nothing, NULL);
    cl = client_to(peer.port, 100);
    assert_err(ERR_TIMEOUT, client_call(cl, "POST", "/v1/x", "{}", NULL, &a, &e), &e);
    assert_contains(e.msg, "does not answer in time");
    assert_true(a.broke); /* who knows what it did */
    client_close(cl);
    peer_stop(&peer);
}

static void serve_half(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":");
    close(fd);
}

static void serve_hang_up(struct peer *p)
{
    int fd = peer_accept(p);

    peer_request(p, fd);
    close(fd);
}

static void serve_garbage(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_send(fd, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    close(fd);
}

static void a_broken_answer_is_unreachable_and_may_have_been_done(void **state)
{
    static void (*const servers[])(struct peer *) = {serve_half, serve_hang_up, serve_garbage};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        struct client *cl;
        struct answer a;
        struct err e;

        peer_start(&peer, servers[i], NULL);
        cl = client_to(peer.port, 0);
        assert_err(ERR_UNREACHABLE, client_call(cl, "POST", "/v1/x", "{}", NULL, &a, &e), &e);
        assert_true(a.broke);
        assert_null(a.body);
        client_close(cl);
        peer_stop(&peer);
    }
}

static void nobody_there_is_unreachable_and_nothing_was_done(void **state)
{
    struct client *cl;
    struct answer a;
    struct err e;
    char name[32];

    (void)state;
    peer_start(&peer, serve_one, NULL);
    cl = client_to(peer.port, 0);
    assert_ok(client_call(cl, "GET", "/v1/me", NULL, NULL, NULL, &e), &e);
    client_close(cl);
    peer_stop(&peer); /* the port is closed now */
    cl = client_to(peer.port, 0);
    assert_err(ERR_UNREACHABLE, client_call(cl, "GET", "/v1/me", NULL, NULL, &a, &e), &e);
    assert_false(a.broke);
    snprintf(name, sizeof name, "127.0.0.1:%d", peer.port);
    assert_contains(e.msg, name);
    client_close(cl);
}

static void serve_text(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_answer(fd, "200 OK", "", "<html>\xFF\x1B[2J");
    close(fd);
}

static void what_is_no_json_is_told_when_it_is_decoded(void **state)
{
    struct client *cl;
    struct answer a;
    struct instance in = {0};
    struct err e;

    (void)state;
    peer_start(&peer, serve_text, NULL);
    cl = client_to(peer.port, 0);
    assert_ok(client_call(cl, "GET", "/v1/x", NULL, NULL, &a, &e), &e);
    assert_err(ERR_INVALID, answer_decode(a.body, a.len, &instance_shape, &in, &e), &e);
    answer_release(&a);
    client_close(cl);
    peer_stop(&peer);
}

static void serve_ctx(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_send(fd, p->ctx);
    close(fd);
}

static void a_refusal_is_what_its_problem_says(void **state)
{
    static const struct {
        const char *answer;
        enum err_code want;
        const char *message;
        int64_t retry;
    } rows[] = {
        {"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 37\r\n\r\n"
         "{\"code\":\"storage-unavailable\",\"a\":1 }",
         ERR_STORAGE, "status 503", 7},
        {"HTTP/1.1 503 Busy\r\nRetry-After: 99999999\r\nContent-Length: 0\r\n\r\n", ERR_BUSY,
         "status 503 and no explanation", 3600},
        {"HTTP/1.1 503 Busy\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", ERR_BUSY, "503", 0},
        {"HTTP/1.1 503 Busy\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", ERR_BUSY, "503", 0},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\noops", ERR_NOT_FOUND,
         "status 404 and no explanation", 0},
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", ERR_UNREACHABLE, "502", 0},
        {"HTTP/1.1 401 Who\r\nContent-Length: 45\r\n\r\n"
         "{\"code\":\"unauthenticated\",\"detail\":\"no key\"} ",
         ERR_UNAUTHENTICATED, "no key", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct client *cl;
        struct answer a;
        struct err e;

        peer_start(&peer, serve_ctx, (void *)(uintptr_t)rows[i].answer);
        cl = client_to(peer.port, 0);
        assert_err(rows[i].want, client_call(cl, "GET", "/v1/x", NULL, NULL, &a, &e), &e);
        assert_contains(e.msg, rows[i].message);
        assert_int_equal(a.retry_after_seconds, rows[i].retry);
        assert_false(a.broke);
        client_close(cl);
        peer_stop(&peer);
    }
}

static void a_redirect_is_not_followed(void **state)
{
    char answer[256];
    struct client *cl;
    struct err e;
    int elsewhere = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    (void)state;
    assert_int_equal(bind(elsewhere, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(elsewhere, 1), 0);
    assert_int_equal(getsockname(elsewhere, (struct sockaddr *)&a, &len), 0);
    snprintf(
        answer, sizeof answer,
        "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n",
        ntohs(a.sin_port));
    peer_start(&peer, serve_ctx, answer);
    cl = client_to(peer.port, 0);
    assert_err(ERR_UNREACHABLE, client_call(cl, "GET", "/v1/x", NULL, NULL, NULL, &e), &e);
    assert_contains(e.msg, "redirect");
    client_close(cl);
    peer_stop(&peer);
    assert_int_equal(accept(elsewhere, NULL, NULL), -1);
    close(elsewhere);
}

static void serve_flood(struct peer *p)
{
    static char block[65536];
    int fd = peer_accept(p);

    memset(block, ' ', sizeof block);
    if (peer_request(p, fd)) {
        peer_send(fd, "HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0; i < 300; i++)
            peer_send_bytes(fd, block, sizeof block);
    }
    close(fd);
}

static void an_endless_answer_is_cut(void **state)
{
    struct client *cl;
    struct err e;

    (void)state;
    peer_start(&peer, serve_flood, NULL);
    cl = client_to(peer.port, 0);
    assert_err(ERR_TOO_LARGE, client_call(cl, "GET", "/v1/x", NULL, NULL, NULL, &e), &e);
    client_close(cl);
    peer_stop(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_its_headers),
        cmocka_unit_test(a_post_carries_its_key_its_match_and_its_body),
        cmocka_unit_test(every_method_says_its_name),
        cmocka_unit_test(a_unix_socket_is_as_good),
        cmocka_unit_test(a_connection_is_used_again),
        cmocka_unit_test(a_slow_server_is_a_timeout),
        cmocka_unit_test(a_broken_answer_is_unreachable_and_may_have_been_done),
        cmocka_unit_test(nobody_there_is_unreachable_and_nothing_was_done),
        cmocka_unit_test(what_is_no_json_is_told_when_it_is_decoded),
        cmocka_unit_test(a_refusal_is_what_its_problem_says),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(an_endless_answer_is_cut),
    };

    return T_RUN("client", tests);
}
