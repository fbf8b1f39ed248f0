/* What replies may do to their client: cancel, send, call, close; and waiting for other things. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "client/client.h"
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

static void serve_nothing(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_gone(fd);
    close(fd);
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

    return T_RUN("client callbacks", tests);
}
