/* The raw side of an upgraded connection: what `hourglass instance ssh` uses as ssh's
 * ProxyCommand. libcurl makes the connection (and its TLS); bytes are pumped here, both ways at
 * once, so that neither end can block the other. */
#include "common/client/client_internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUNNEL_HEAD_BYTES_MAX 32768
#define FLOW_BYTES            32768

/* One direction: what was read and is not yet written. */
struct flow {
    size_t start, len;
    bool eof; /* nothing more comes */
    char bytes[FLOW_BYTES];
};

struct pump {
    CURL *easy;
    curl_socket_t sock;
    int fd_in, fd_out;
    bool half_closed; /* the end of fd_in was passed on */
    struct flow up, down;
};

/* --- the handshake ---------------------------------------------------------------------------- */

static bool socket_wait(curl_socket_t fd, short events, int64_t timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    do {
        n = poll(&p, 1, timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static enum err_code send_all(const struct client *cl, struct pump *p, const char *bytes,
                              size_t len, struct err *e)
{
    while (len) {
        size_t n = 0;
        CURLcode rc = curl_easy_send(p->easy, bytes, len, &n);

        if (rc == CURLE_AGAIN) {
            if (!socket_wait(p->sock, POLLOUT, cl->request_ms_max))
                return err_set(e, ERR_TIMEOUT, "%s takes no more bytes", cl->name);
            continue;
        }
        if (rc != CURLE_OK)
            return err_set(e, ERR_UNREACHABLE, "%s broke the connection (%s)", cl->name,
                           curl_easy_strerror(rc));
        bytes += n;
        len -= n;
    }
    return ERR_OK;
}

static void request_text(const struct client *cl, const char *path, struct strbuf *out)
{
    const char *host = strstr(cl->url, "://") + 3;
    size_t len = strcspn(host, "/");

    strbuf_addf(out, "GET %s%s HTTP/1.1\r\nHost: %.*s\r\n", host + len, path, (int)len, host);
    strbuf_adds(out, "User-Agent: hourglass/" HOURGLASS_VERSION "\r\n"
                     "Connection: Upgrade\r\nUpgrade: hourglass-tunnel\r\n");
    if (cl->token[0])
        strbuf_addf(out, "Authorization: Bearer %s\r\n", cl->token);
    strbuf_adds(out, "\r\n");
}

/* More of the answer. ERR_GONE: that was all. */
static enum err_code answer_more(const struct client *cl, struct pump *p, struct strbuf *in,
                                 struct err *e)
{
    char buf[4096];
    size_t n = 0;

    for (;;) {
        CURLcode rc = curl_easy_recv(p->easy, buf, sizeof buf, &n);

        if (rc == CURLE_OK && n) {
            strbuf_add(in, buf, n);
            return in->failed ? err_set(e, ERR_TOO_LARGE, "the answer of %s is larger than allowed",
                                        cl->name)
                              : ERR_OK;
        }
        if (rc != CURLE_AGAIN)
            return err_set(e, ERR_GONE, "%s broke the connection", cl->name);
        if (!socket_wait(p->sock, POLLIN, cl->request_ms_max))
            return err_set(e, ERR_TIMEOUT, "%s does not answer in time", cl->name);
    }
}

static enum err_code head_read(const struct client *cl, struct pump *p, struct strbuf *in,
                               struct err *e)
{
    enum err_code rc = ERR_OK;

    while (!rc && !strstr(in->data, "\r\n\r\n"))
        rc = answer_more(cl, p, in, e);
    return rc == ERR_GONE ? err_set(e, ERR_UNREACHABLE, "%s broke the connection", cl->name) : rc;
}

static size_t content_length(const char *head)
{
    static const char name[] = "\r\nContent-Length:";
    const char *at = strcasestr(head, name);
    long long n = at ? strtoll(at + sizeof name - 1, NULL, 10) : 0;

    return n > 0 && n < TUNNEL_HEAD_BYTES_MAX ? (size_t)n : 0;
}

static enum err_code refused(const struct client *cl, struct pump *p, struct strbuf *in, int status,
                             struct err *e)
{
    size_t head = (size_t)(strstr(in->data, "\r\n\r\n") + 4 - in->data);
    size_t want = head + content_length(in->data);
    struct err ignored;

    while (in->len < want && !answer_more(cl, p, in, &ignored)) {
    }
    if (problem_read(in->data + head, in->len - head, status, e))
        return e ? e->code : err_of_status(status);
    return err_set(e, err_of_status(status), "%s refused the tunnel with status %d", cl->name,
                   status);
}

/* --- the pump --------------------------------------------------------------------------------- */

static enum err_code up_move(struct pump *p, bool readable, struct err *e)
{
    struct flow *f = &p->up;
    size_t n = 0;
    CURLcode rc;

    if (!f->len && !f->eof && readable) {
        ssize_t got = read(p->fd_in, f->bytes, sizeof f->bytes);

        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return err_set(e, ERR_IO, "reading what goes into the tunnel: %s", strerror(errno));
        f->eof = got == 0;
        f->start = 0;
        f->len = got > 0 ? (size_t)got : 0;
    }
    while (f->len) {
        rc = curl_easy_send(p->easy, f->bytes + f->start, f->len, &n);
        if (rc == CURLE_AGAIN)
            return ERR_OK;
        if (rc != CURLE_OK) {
            /* It takes no more, but what it had sent may still be on its way. */
            f->len = 0;
            f->eof = p->half_closed = true;
            return ERR_OK;
        }
        f->start += n;
        f->len -= n;
    }
    if (f->eof && !p->half_closed) {
        shutdown(p->sock, SHUT_WR);
        p->half_closed = true;
    }
    return ERR_OK;
}

/* All that is there: a server may send in very small records. */
static void down_receive(struct pump *p)
{
    struct flow *f = &p->down;
    CURLcode rc = CURLE_OK;
    size_t n;

    f->start = 0;
    while (rc == CURLE_OK && f->len < sizeof f->bytes) {
        n = 0;
        rc = curl_easy_recv(p->easy, f->bytes + f->len, sizeof f->bytes - f->len, &n);
        if (rc == CURLE_OK && !n)
            break;
        f->len += rc == CURLE_OK ? n : 0;
    }
    /* However it ended: ssh knows by itself whether it was cut. */
    f->eof = rc != CURLE_AGAIN && f->len < sizeof f->bytes;
}

/* No more than PIPE_BUF bytes after POLLOUT: so much fits without waiting, whatever kind of
 * descriptor it is; its flags are left alone, others share them. */
static enum err_code down_move(struct pump *p, bool writable, struct err *e)
{
    struct flow *f = &p->down;

    if (f->len && writable) {
        ssize_t put = write(p->fd_out, f->bytes + f->start, f->len < PIPE_BUF ? f->len : PIPE_BUF);

        if (put < 0 && errno != EINTR && errno != EAGAIN)
            return err_set(e, ERR_IO, "writing what came through the tunnel: %s", strerror(errno));
        f->start += put > 0 ? (size_t)put : 0;
        f->len -= put > 0 ? (size_t)put : 0;
    }
    if (!f->len && !f->eof)
        down_receive(p);
    return ERR_OK;
}

static enum err_code pump_run(struct pump *p, struct err *e)
{
    bool readable = false, writable = p->down.len > 0;
    enum err_code rc;

    for (;;) {
        struct pollfd w[3];

        /* TLS may hold bytes that poll() does not see: receive before every wait. */
        rc = down_move(p, writable, e);
        if (!rc)
            rc = up_move(p, readable, e);
        if (rc || (p->down.eof && !p->down.len))
            return rc;
        w[0] = (struct pollfd){.fd = p->up.len || p->up.eof ? -1 : p->fd_in, .events = POLLIN};
        w[1] = (struct pollfd){.fd = p->sock,
                               .events =
                                   (short)((p->down.len ? 0 : POLLIN) | (p->up.len ? POLLOUT : 0))};
        w[2] = (struct pollfd){.fd = p->down.len ? p->fd_out : -1, .events = POLLOUT};
        if (!w[1].events)
            w[1].fd = -1; /* or a hang-up that is known would spin */
        if (poll(w, ARRAY_SIZE(w), -1) < 0 && errno != EINTR)
            return err_set(e, ERR_IO, "waiting for the tunnel: %s", strerror(errno));
        readable = w[0].fd >= 0 && w[0].revents;
        writable = w[2].fd >= 0 && w[2].revents;
    }
}

/* --- together --------------------------------------------------------------------------------- */

static enum err_code handshake(const struct client *cl, struct pump *p, const char *path,
                               struct err *e)
{
    STRBUF text = {0}, in = {0};
    enum err_code rc;
    const char *rest;
    int status;

    strbuf_init(&text, TUNNEL_HEAD_BYTES_MAX);
    strbuf_init(&in, TUNNEL_HEAD_BYTES_MAX);
    request_text(cl, path, &text);
    rc = send_all(cl, p, text.data, text.len, e);
    explicit_bzero(text.data, text.len);
    if (!rc)
        rc = head_read(cl, p, &in, e);
    if (rc)
        return rc;
    status = strncmp(in.data, "HTTP/1.", 7) == 0 && strlen(in.data) > 9
                 ? (int)strtol(in.data + 9, NULL, 10)
                 : 0;
    if (status != 101)
        return refused(cl, p, &in, status, e);
    rest = strstr(in.data, "\r\n\r\n") + 4;
    p->down.len = in.len - (size_t)(rest - in.data);
    memcpy(p->down.bytes, rest, p->down.len);
    return ERR_OK;
}

static enum err_code tunnel_run(struct client *cl, CURL *easy, const char *path, int fd_in,
                                int fd_out, struct err *e)
{
    struct pump *p = calloc(1, sizeof *p);
    enum err_code rc;

    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->easy = easy;
    p->fd_in = fd_in;
    p->fd_out = fd_out;
    if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &p->sock) != CURLE_OK ||
        p->sock == CURL_SOCKET_BAD)
        rc = err_set(e, ERR_INTERNAL, "the connection has no socket");
    else
        rc = handshake(cl, p, path, e);
    if (!rc)
        rc = pump_run(p, e);
    free(p);
    return rc;
}

enum err_code client_tunnel(struct client *cl, const char *path, int fd_in, int fd_out,
                            struct err *e)
{
    CURL *easy;
    CURLcode code;
    char why[CURL_ERROR_SIZE] = "";
    enum err_code rc;

    if (!path_is_valid(path) || strlen(path) >= HTTP_LINE_BYTES_MAX)
        return err_set(e, ERR_INVALID, "the request's path is not one that may be sent");
    rc = client_network(cl, e);
    if (rc)
        return rc;
    easy = client_easy(cl, path, NULL);
    if (!easy)
        return err_set(e, ERR_INTERNAL, "out of memory");
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
    code = curl_easy_perform(easy);
    if (code != CURLE_OK)
        rc = err_set(e, ERR_UNREACHABLE, "%s cannot be reached (%s)", cl->name,
                     why[0] ? why : curl_easy_strerror(code));
    else
        rc = tunnel_run(cl, easy, path, fd_in, fd_out, e);
    curl_easy_cleanup(easy);
    return rc;
}
