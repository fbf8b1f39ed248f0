/* The raw tunnel of the client: both ways at once, ended from either side, refused. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/client.h"
#include "core/id.h"
#include "tests/support/peer.h"

#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nUpgrade: hourglass-tunnel\r\n\r\n"
#define MANY   (3 * 1024 * 1024)

static struct peer peer;

static struct client *client_to(const char *prefix, int64_t request_ms_max)
{
    char url[64];
    const struct client_config c = {.url = url, .token = "hgk_x", .request_ms_max = request_ms_max};
    struct client *cl = NULL;
    struct err e;

    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", peer.port, prefix);
    assert_ok(client_open(&c, &cl, &e), &e);
    return cl;
}

/* --- what stands at this end: a thread that writes and reads like ssh ---------------------------
 */

struct user {
    int to, from;      /* its ends of the two pipes */
    int fd_in, fd_out; /* the tunnel's */
    size_t send, got;  /* bytes */
    bool in_order, reads_late;
    pthread_t thread;
};

static char byte_at(size_t i)
{
    return (char)(i * 31 + i / 251);
}

static void user_write(struct user *u, size_t *sent)
{
    char bytes[4096];
    size_t n = u->send - *sent < sizeof bytes ? u->send - *sent : sizeof bytes;
    ssize_t put;

    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(*sent + i);
    put = write(u->to, bytes, n);
    *sent += put > 0 ? (size_t)put : 0;
    if (*sent == u->send) {
        close(u->to);
        u->to = -1;
    }
}

static void *user_run(void *arg)
{
    struct user *u = arg;
    size_t sent = 0;
    char bytes[65536];

    u->in_order = true;
    if (!u->send) {
        close(u->to);
        u->to = -1;
    }
    for (;;) {
        /* Not reading before all is written is what blocks a pump that does one thing a time. */
        bool reads = !u->reads_late || u->to < 0;
        struct pollfd w[2] = {{.fd = u->to, .events = POLLOUT},
                              {.fd = reads ? u->from : -1, .events = POLLIN}};
        ssize_t n;

        if (poll(w, 2, PEER_WAIT_MS) <= 0)
            break;
        if (w[0].revents)
            user_write(u, &sent);
        if (!w[1].revents)
            continue;
        n = read(u->from, bytes, sizeof bytes);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++)
            u->in_order = u->in_order && bytes[i] == byte_at(u->got + (size_t)i);
        u->got += (size_t)n;
    }
    return NULL;
}

static void user_start(struct user *u, size_t send, bool reads_late)
{
    int up[2], down[2];

    memset(u, 0, sizeof *u);
    assert_int_equal(pipe2(up, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    fcntl(up[0], F_SETFL, 0); /* the tunnel's own are plain */
    u->fd_in = up[0];
    u->to = up[1];
    u->from = down[0];
    u->fd_out = down[1];
    u->send = send;
    u->reads_late = reads_late;
    assert_int_equal(pthread_create(&u->thread, NULL, user_run, u), 0);
}

/* What the tunnel's process does at its end. */
static void user_stop(struct user *u)
{
    close(u->fd_in);
    close(u->fd_out);
    pthread_join(u->thread, NULL);
    close(u->from);
    if (u->to >= 0)
        close(u->to);
}

/* --- servers ---------------------------------------------------------------------------------- */

static void serve_echo(struct peer *p)
{
    char bytes[8192];
    int fd = peer_accept(p);
    ssize_t n;

    if (peer_request(p, fd)) {
        peer_send(fd, SWITCH);
        while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
            peer_send_bytes(fd, bytes, (size_t)n);
    }
    close(fd);
}

static void what_goes_in_comes_back_whole(void **state)
{
    struct user u;
    struct client *cl;
    struct err e;

    (void)state;
    peer_start(&peer, serve_echo, NULL);
    user_start(&u, MANY, false);
    cl = client_to("", 0);
    assert_ok(client_tunnel(cl, "/v1/instances/ins_1/tunnel", u.fd_in, u.fd_out, &e), &e);
    client_close(cl);
    user_stop(&u);
    peer_stop(&peer);
    assert_int_equal(u.got, MANY);
    assert_true(u.in_order);
    assert_contains(peer.requests[0], "GET /v1/instances/ins_1/tunnel HTTP/1.1\r\n");
    assert_contains(peer.requests[0], "\r\nUpgrade: hourglass-tunnel\r\n");
    assert_contains(peer.requests[0], "\r\nConnection: Upgrade\r\n");
    assert_contains(peer.requests[0], "\r\nAuthorization: Bearer hgk_x\r\n");
}

static void serve_push(struct peer *p)
{
    char bytes[16384];
    int fd = peer_accept(p);
    size_t got = 0;

    if (peer_request(p, fd)) {
        peer_send(fd, SWITCH);
        for (size_t at = 0; at < MANY; at += sizeof bytes) {
            for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = byte_at(at + i);
            peer_send_bytes(fd, bytes, sizeof bytes);
        }
        shutdown(fd, SHUT_WR); /* all of it is written before anything is read */
        for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0;)
            got += (size_t)n;
    }
    *(size_t *)p->ctx = got;
    close(fd);
}

/* ssh and the far end may both write before they read. */
static void neither_end_blocks_the_other(void **state)
{
    size_t got = 0;
    struct user u;
    struct client *cl;
    struct err e;

    (void)state;
    peer_start(&peer, serve_push, &got);
    user_start(&u, 60000, true);
    cl = client_to("", 0);
    assert_ok(client_tunnel(cl, "/v1/t", u.fd_in, u.fd_out, &e), &e);
    client_close(cl);
    user_stop(&u);
    peer_stop(&peer);
    assert_int_equal(u.got, MANY);
    assert_true(u.in_order);
    assert_int_equal(got, 60000);
}

static void serve_count(struct peer *p)
{
    char bytes[8192];
    int fd = peer_accept(p);
    size_t got = 0;
    ssize_t n;

    if (peer_request(p, fd)) {
        peer_send(fd, SWITCH "early ");
        while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
            got += (size_t)n;
        n = snprintf(bytes, sizeof bytes, "%zu", got);
        peer_send_bytes(fd, bytes, (size_t)n);
    }
    close(fd);
}

static void the_end_of_input_is_passed_on_and_the_answer_still_comes(void **state)
{
    char text[64] = "";
    int in[2], out[2];
    struct client *cl;
    struct err e;

    (void)state;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    peer_start(&peer, serve_count, NULL);
    cl = client_to("/under/it/", 0);
    assert_int_equal(write(in[1], "12345", 5), 5);
    close(in[1]);
    assert_ok(client_tunnel(cl, "/v1/t", in[0], out[1], &e), &e);
    client_close(cl);
    peer_stop(&peer);
    assert_true(read(out[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "early 5"); /* also what came with the head */
    assert_contains(peer.requests[0], "GET /under/it/v1/t HTTP/1.1\r\n");
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

static void serve_close(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_send(fd, SWITCH "bye");
    close(fd);
}

static void the_far_end_ends_it_while_input_is_open(void **state)
{
    char text[8] = "";
    int in[2], out[2];
    struct client *cl;
    struct err e;

    (void)state;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    peer_start(&peer, serve_close, NULL);
    cl = client_to("", 0);
    assert_ok(client_tunnel(cl, "/v1/t", in[0], out[1], &e), &e);
    assert_int_equal(read(out[0], text, sizeof text - 1), 3);
    assert_string_equal(text, "bye");
    client_close(cl);
    peer_stop(&peer);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
}

static void nobody_reads_is_an_error(void **state)
{
    int in[2], out[2];
    struct client *cl;
    struct err e;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    close(out[0]);
    peer_start(&peer, serve_close, NULL);
    cl = client_to("", 0);
    assert_err(ERR_IO, client_tunnel(cl, "/v1/t", in[0], out[1], &e), &e);
    client_close(cl);
    peer_stop(&peer);
    close(in[0]);
    close(in[1]);
    close(out[1]);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void serve_ctx(struct peer *p)
{
    const char *answer = p->ctx;
    int fd = peer_accept(p);

    if (peer_request(p, fd)) {
        /* In two pieces: the head may come alone. */
        peer_send_bytes(fd, answer, strlen(answer) / 2);
        peer_send(fd, answer + strlen(answer) / 2);
    }
    peer_gone(fd);
    close(fd);
}

static void tunnel_answered(const char *answer, enum err_code want, const char *message)
{
    struct client *cl;
    struct err e;
    int in[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    peer_start(&peer, serve_ctx, (void *)(uintptr_t)answer);
    cl = client_to("", 200);
    assert_err(want, client_tunnel(cl, "/v1/t", in[0], in[1], &e), &e);
    assert_contains(e.msg, message);
    client_close(cl);
    peer_stop(&peer);
    close(in[0]);
    close(in[1]);
}

static void a_refusal_is_told(void **state)
{
    (void)state;
    tunnel_answered("HTTP/1.1 409 Conflict\r\nContent-Length: 47\r\n\r\n"
                    "{\"code\":\"conflict\",\"detail\":\"it is not running\"}",
                    ERR_CONFLICT, "it is not running");
    tunnel_answered("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ERR_NOT_FOUND,
                    "refused the tunnel with status 404");
    tunnel_answered("HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\nhalf", ERR_NOT_FOUND,
                    "status 404");
    tunnel_answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ERR_UNREACHABLE, "status 200");
    tunnel_answered("SSH-2.0-OpenSSH\r\n\r\n", ERR_UNREACHABLE, "status 0");
}

static void a_silent_or_endless_head_is_given_up(void **state)
{
    static char endless[40000];

    (void)state;
    tunnel_answered("HTTP/1.1 101 Switching Proto", ERR_TIMEOUT, "does not answer in time");
    memset(endless, 'x', sizeof endless - 1);
    tunnel_answered(endless, ERR_TOO_LARGE, "larger than allowed");
}

static void serve_hang_up(struct peer *p)
{
    int fd = peer_accept(p);

    peer_request(p, fd);
    close(fd);
}

static void a_broken_handshake_is_unreachable(void **state)
{
    struct client *cl;
    struct err e;

    (void)state;
    peer_start(&peer, serve_hang_up, NULL);
    cl = client_to("", 0);
    assert_err(ERR_UNREACHABLE, client_tunnel(cl, "/v1/t", 0, 1, &e), &e);
    client_close(cl);
    peer_stop(&peer);
    cl = client_to("", 0); /* nobody listens now */
    assert_err(ERR_UNREACHABLE, client_tunnel(cl, "/v1/t", 0, 1, &e), &e);
    assert_err(ERR_INVALID, client_tunnel(cl, "/v1/t\r\nX: y", 0, 1, &e), &e);
    client_close(cl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_back_whole),
        cmocka_unit_test(neither_end_blocks_the_other),
        cmocka_unit_test(the_end_of_input_is_passed_on_and_the_answer_still_comes),
        cmocka_unit_test(the_far_end_ends_it_while_input_is_open),
        cmocka_unit_test(nobody_reads_is_an_error),
        cmocka_unit_test(a_refusal_is_told),
        cmocka_unit_test(a_silent_or_endless_head_is_given_up),
        cmocka_unit_test(a_broken_handshake_is_unreachable),
    };

    return T_RUN("client tunnel", tests);
}
