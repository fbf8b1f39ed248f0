/* Requests of the client against a server that does as it is told: slow, broken, hostile. */
#include "tests/support/t.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
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

/* What one reply was. */
struct seen {
    int times;
    enum err_code rc;
    int status;
    bool broke;
    int64_t retry_after_seconds;
    char body[256], message[ERR_MSG_MAX];
    /* what to do inside */
    struct client *cl;
    int cancel;
    bool close, again, nested;
    struct seen *next;
};

static void on_reply(void *ctx, const struct reply *r)
{
    struct seen *s = ctx;
    struct err e;

    s->times++;
    s->rc = r->rc;
    s->status = r->status;
    s->broke = r->broke;
    s->retry_after_seconds = r->retry_after_seconds;
    snprintf(s->body, sizeof s->body, "%s", r->body);
    snprintf(s->message, sizeof s->message, "%s", r->err->msg);
    assert_null(strstr(r->err->msg, TOKEN));
    if (s->cancel)
        client_cancel(s->cl, s->cancel);
    if (s->nested) {
        struct answer a;

        assert_ok(client_call(s->cl, "GET", "/v1/nested", NULL, NULL, &a, &e), &e);
        assert_string_equal(a.body, "nested");
        answer_release(&a);
    }
    if (s->again)
        assert_true(client_send(s->cl, "GET", "/v1/again", NULL, NULL, on_reply, s->next) > 0);
    if (s->close)
        client_close(s->cl);
}

/* Until it was told `times` times; a bounded number of bounded waits. */
static void poll_until(struct client *cl, const struct seen *s, int times)
{
    struct err e;

    for (int i = 0; s->times < times; i++) {
        if (i == 1000)
            fail_msg("no answer came");
        assert_ok(client_poll(cl, NULL, 0, 10000, &e), &e);
    }
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
    snprintf(answer, sizeof answer,
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

/* --- callbacks -------------------------------------------------------------------------------- */

static void what_cannot_be_sent_is_told_once_at_the_next_poll(void **state)
{
    static char long_path[HTTP_LINE_BYTES_MAX + 10];
    const struct request_options breaking = {.idempotency_key = "a\r\nX-Other: 1"};
    const struct {
        const char *path;
        const struct request_options *o;
        enum err_code want;
    } rows[] = {{"/v1/a b", NULL, ERR_INVALID},
                {"@a.example/", NULL, ERR_INVALID},
                {"/v1/x", &breaking, ERR_INVALID},
                {long_path, NULL, ERR_URI_TOO_LONG}};
    struct client *cl = client_to(1, 0);

    (void)state;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct seen s = {0};
        struct err e;

        assert_true(client_send(cl, "POST", rows[i].path, "{}", rows[i].o, on_reply, &s) > 0);
        assert_int_equal(s.times, 0);
        assert_int_equal(client_in_flight(cl), 1);
        poll_until(cl, &s, 1);
        assert_int_equal(s.rc, rows[i].want);
        assert_int_equal(client_in_flight(cl), 0);
        assert_ok(client_poll(cl, NULL, 0, 0, &e), &e);
        assert_int_equal(s.times, 1);
    }
    client_close(cl);
}

static void a_cancelled_call_is_never_told(void **state)
{
    struct seen s = {0};
    struct client *cl;
    int call;
    struct err e;

    (void)state;
    peer_start(&peer, serve_nothing, NULL);
    cl = client_to(peer.port, 0);
    call = client_send(cl, "GET", "/v1/x", NULL, NULL, on_reply, &s);
    assert_int_equal(client_in_flight(cl), 1);
    assert_ok(client_poll(cl, NULL, 0, 10, &e), &e);
    client_cancel(cl, call);
    client_cancel(cl, call);
    client_cancel(cl, 0);
    client_cancel(cl, 999);
    assert_int_equal(client_in_flight(cl), 0);
    assert_ok(client_poll(cl, NULL, 0, 10, &e), &e);
    assert_int_equal(s.times, 0);
    client_close(cl);
    peer_stop(&peer);
}

/* Both of two calls are answered before the client polls: the first reply cancels the second. */
static void serve_two_connections(struct peer *p)
{
    int a = peer_accept(p), b = peer_accept(p);

    if (peer_request(p, a) && peer_request(p, b)) {
        peer_answer(a, "200 OK", "", "a");
        peer_answer(b, "200 OK", "", "b");
    }
    peer_wait(p);
    close(a);
    close(b);
}

static void a_reply_may_cancel_another_call(void **state)
{
    struct seen one = {0}, two = {0};
    struct client *cl;
    int first, second;

    (void)state;
    peer_start(&peer, serve_two_connections, NULL);
    cl = client_to(peer.port, 0);
    one.cl = two.cl = cl;
    first = client_send(cl, "GET", "/v1/a", NULL, NULL, on_reply, &one);
    second = client_send(cl, "GET", "/v1/b", NULL, NULL, on_reply, &two);
    one.cancel = second;
    two.cancel = first;
    while (client_in_flight(cl)) {
        struct err e;

        assert_ok(client_poll(cl, NULL, 0, 10000, &e), &e);
    }
    assert_int_equal(one.times + two.times, 1);
    client_close(cl);
    sem_post(&peer.go);
    peer_stop(&peer);
}

static void serve_again(struct peer *p)
{
    int fd = peer_accept(p);

    for (int i = 0; i < 3 && peer_request(p, fd); i++)
        peer_answer(fd, "200 OK", "", strstr(p->requests[i], "nested") ? "nested" : "{}");
    close(fd);
}

static void a_reply_may_send_and_may_call(void **state)
{
    struct seen second = {0}, first = {.again = true, .nested = true, .next = &second};
    struct client *cl;

    (void)state;
    peer_start(&peer, serve_again, NULL);
    cl = first.cl = second.cl = client_to(peer.port, 0);
    client_send(cl, "GET", "/v1/first", NULL, NULL, on_reply, &first);
    poll_until(cl, &second, 1);
    assert_int_equal(first.times, 1);
    assert_int_equal(second.times, 1);
    client_close(cl);
    peer_stop(&peer);
    assert_int_equal(peer.request_count, 3);
}

static void a_reply_may_close_the_client(void **state)
{
    struct seen one = {.close = true}, two = {.close = true};
    struct client *cl;
    struct err e;
    enum err_code rc = ERR_OK;

    (void)state;
    peer_start(&peer, serve_two_connections, NULL);
    cl = one.cl = two.cl = client_to(peer.port, 0);
    client_send(cl, "GET", "/v1/a", NULL, NULL, on_reply, &one);
    client_send(cl, "GET", "/v1/b", NULL, NULL, on_reply, &two);
    for (int i = 0; i < 1000 && !rc; i++)
        rc = client_poll(cl, NULL, 0, 10000, &e);
    assert_int_equal(rc, ERR_GONE);
    assert_int_equal(one.times + two.times, 1);
    sem_post(&peer.go);
    peer_stop(&peer);
}

static void a_call_whose_client_is_closed_under_it_ends(void **state)
{
    struct seen s = {.close = true};
    struct client *cl = s.cl = client_to(1, 0);
    struct answer a;
    struct err e;

    (void)state;
    /* The failing one is told first, from inside the other's wait. */
    client_send(cl, "GET", "bad path", NULL, NULL, on_reply, &s);
    assert_err(ERR_GONE, client_call(cl, "GET", "/v1/x", NULL, NULL, &a, &e), &e);
    assert_int_equal(s.times, 1);
}

static void closing_waits_for_nothing(void **state)
{
    struct seen s = {0};
    struct client *cl;
    struct err e;
    int64_t before;

    (void)state;
    peer_start(&peer, serve_nothing, NULL);
    cl = client_to(peer.port, 0);
    for (int i = 0; i < 5; i++)
        client_send(cl, "GET", "/v1/x", NULL, NULL, on_reply, &s);
    client_send(cl, "GET", "/v1/x y", NULL, NULL, on_reply, &s);
    before = clock_mono_ms(clock_real());
    client_close(cl); /* not yet polled */
    cl = client_to(peer.port, 0);
    client_send(cl, "GET", "/v1/x", NULL, NULL, on_reply, &s);
    assert_ok(client_poll(cl, NULL, 0, 10, &e), &e);
    client_close(cl); /* on its way */
    assert_true(clock_mono_ms(clock_real()) - before < 2000);
    assert_int_equal(s.times, 0);
    peer_stop(&peer);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void other_descriptors_are_waited_for(void **state)
{
    static const char *const urls[] = {"http://127.0.0.1:1", "no network yet"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        struct client *cl = client_to(1, 0);
        struct pollfd w[2];
        int in[2], full[2];

        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
        assert_int_equal(pipe2(full, O_CLOEXEC), 0);
        if (i == 0) /* with the network library at work */
            assert_true(client_call(cl, "GET", "/v1/x", NULL, NULL, NULL, &e) != ERR_OK);
        w[0] = (struct pollfd){.fd = in[0], .events = POLLIN};
        w[1] = (struct pollfd){.fd = full[1], .events = 0};
        assert_ok(client_poll(cl, w, 2, 0, &e), &e);
        assert_int_equal(w[0].revents, 0);
        assert_int_equal(write(in[1], "x", 1), 1);
        assert_ok(client_poll(cl, w, 2, -1, &e), &e);
        assert_int_equal(w[0].revents, POLLIN);
        w[1].events = POLLOUT;
        assert_ok(client_poll(cl, w, 2, -1, &e), &e);
        assert_int_equal(w[1].revents, POLLOUT);
        close(in[1]);
        assert_int_equal(read(in[0], (char[1]){0}, 1), 1);
        w[1].events = 0;
        assert_ok(client_poll(cl, w, 2, -1, &e), &e);
        assert_true(w[0].revents & POLLHUP); /* a terminal that went away is news */
        close(in[0]);
        close(full[0]);
        close(full[1]);
        client_close(cl);
    }
}

static void too_many_descriptors_are_refused(void **state)
{
    struct client *cl = client_to(1, 0);
    struct pollfd w[17];
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(w); i++)
        w[i] = (struct pollfd){.fd = -1};
    assert_ok(client_poll(cl, w, 16, 0, &e), &e);
    assert_err(ERR_IO, client_poll(cl, w, 17, 0, &e), &e);
    client_close(cl);
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
        cmocka_unit_test(what_cannot_be_sent_is_told_once_at_the_next_poll),
        cmocka_unit_test(a_cancelled_call_is_never_told),
        cmocka_unit_test(a_reply_may_cancel_another_call),
        cmocka_unit_test(a_reply_may_send_and_may_call),
        cmocka_unit_test(a_reply_may_close_the_client),
        cmocka_unit_test(a_call_whose_client_is_closed_under_it_ends),
        cmocka_unit_test(closing_waits_for_nothing),
        cmocka_unit_test(other_descriptors_are_waited_for),
        cmocka_unit_test(too_many_descriptors_are_refused),
    };

    return T_RUN("client", tests);
}
