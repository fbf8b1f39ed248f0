/* The responder: sockets, deadlines, one request a connection. */
#include "gpu/watch_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG        16
#define BODY_BYTES_MAX (2 * 1024 * 1024)

/* --- where to listen ------------------------------------------------------------------ */

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } at;
    socklen_t size;
    bool loopback;
};

static enum err_code place_unix(const char *path, struct place *p, struct err *e)
{
    p->at.local.sun_family = AF_UNIX;
    p->size = sizeof p->at.local;
    p->loopback = true;
    if (!path[0] || !text_copy(p->at.local.sun_path, sizeof p->at.local.sun_path, path))
        return err_set(e, ERR_INVALID, "--listen: unix: needs a path of at most %zu bytes",
                       sizeof p->at.local.sun_path - 1);
    return ERR_OK;
}

static bool place_address(const char *host, unsigned port, struct place *p)
{
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &p->at.v4.sin_addr) == 1) {
        p->at.v4.sin_family = AF_INET;
        p->at.v4.sin_port = htons((uint16_t)port);
        p->size = sizeof p->at.v4;
        p->loopback = ntohl(p->at.v4.sin_addr.s_addr) >> 24 == 127;
        return true;
    }
    if (inet_pton(AF_INET6, host, &p->at.v6.sin6_addr) != 1)
        return false;
    p->at.v6.sin6_family = AF_INET6;
    p->at.v6.sin6_port = htons((uint16_t)port);
    p->size = sizeof p->at.v6;
    p->loopback = IN6_IS_ADDR_LOOPBACK(&p->at.v6.sin6_addr);
    return true;
}

static enum err_code place_read(const char *text, struct place *p, struct err *e)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2], *end = NULL;
    size_t len = colon ? (size_t)(colon - text) : 0;
    unsigned long port;

    memset(p, 0, sizeof *p);
    if (strncmp(text, "unix:", 5) == 0)
        return place_unix(text + 5, p, e);
    if (!colon || len >= sizeof host || colon[1] < '0' || colon[1] > '9')
        return err_set(e, ERR_INVALID, "--listen: '%s': expected ADDRESS:PORT or unix:PATH", text);
    port = strtoul(colon + 1, &end, 10);
    memcpy(host, text, len);
    host[len] = '\0';
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        memmove(host, host + 1, len - 1);
    }
    if (*end || port > UINT16_MAX || !place_address(host, (unsigned)port, p))
        return err_set(e, ERR_INVALID,
                       "--listen: '%s': expected a numeric address and a port, as 127.0.0.1:9400",
                       text);
    return ERR_OK;
}

/* A socket that nobody listens on any more is in the way. Only a refusal says that: one that is
 * busy, of another kind or forbidden to us is somebody's. */
static enum err_code stale_remove(const struct place *p, struct err *e)
{
    const char *path = p->at.local.sun_path;
    struct stat st;
    bool stale;
    int fd;

    if (lstat(path, &st) != 0)
        return ERR_OK;
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_CONFLICT, "%s is there and is no socket", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    stale = fd >= 0 && connect(fd, &p->at.any, p->size) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    if (!stale)
        return err_set(e, ERR_CONFLICT, "somebody else listens on %s", path);
    unlink(path);
    return ERR_OK;
}

static enum err_code place_open(struct watch_http *h, const struct place *p, struct err *e)
{
    bool local = p->at.any.sa_family == AF_UNIX;
    mode_t mask = umask(0177); /* the socket is this user's from its first moment */
    enum err_code code = ERR_OK;
    int on = 1, rc;

    h->fd = socket(p->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (h->fd >= 0 && !local)
        setsockopt(h->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    rc = h->fd < 0 ? -1 : bind(h->fd, &p->at.any, p->size);
    if (rc == 0)
        rc = listen(h->fd, BACKLOG);
    if (rc != 0) {
        code = err_set(e, errno == EADDRINUSE ? ERR_CONFLICT : ERR_IO, "cannot listen: %m");
        if (h->fd >= 0)
            close(h->fd);
        h->fd = -1;
    }
    umask(mask);
    if (h->fd >= 0 && local)
        text_copy(h->socket_path, sizeof h->socket_path, p->at.local.sun_path);
    return code;
}

static void where_write(struct watch_http *h)
{
    struct place p = {.size = sizeof p.at};
    char host[INET6_ADDRSTRLEN] = "";

    getsockname(h->fd, &p.at.any, &p.size);
    if (h->socket_path[0])
        snprintf(h->where, sizeof h->where, "unix:%s", h->socket_path);
    else if (p.at.any.sa_family == AF_INET)
        snprintf(h->where, sizeof h->where, "http://%s:%u/metrics",
                 inet_ntop(AF_INET, &p.at.v4.sin_addr, host, sizeof host), ntohs(p.at.v4.sin_port));
    else
        snprintf(h->where, sizeof h->where, "http://[%s]:%u/metrics",
                 inet_ntop(AF_INET6, &p.at.v6.sin6_addr, host, sizeof host),
                 ntohs(p.at.v6.sin6_port));
}

enum err_code watch_http_open(struct watch_http *h, const char *listen, bool any,
                              watch_body_fn *body, void *ctx, struct err *e)
{
    struct place p;
    enum err_code rc;

    *h = (struct watch_http){.fd = -1, .body = body, .ctx = ctx};
    rc = place_read(listen, &p, e);
    if (!rc && !p.loopback && !any)
        rc = err_set(e, ERR_FORBIDDEN,
                     "--listen: others can reach %s, and the numbers are for everybody who asks: "
                     "use a loopback address or a unix: socket, or say --listen-any",
                     listen);
    if (!rc && p.at.any.sa_family == AF_UNIX)
        rc = stale_remove(&p, e);
    if (!rc)
        rc = place_open(h, &p, e);
    if (!rc)
        where_write(h);
    return rc;
}

/* --- connections ---------------------------------------------------------------------- */

static void connection_end(struct watch_connection *c)
{
    if (c->phase == WATCH_IDLE)
        return;
    close(c->fd);
    strbuf_release(&c->in);
    strbuf_release(&c->out);
    *c = (struct watch_connection){.phase = WATCH_IDLE, .fd = -1};
}

void watch_http_close(struct watch_http *h)
{
    if (h->fd < 0)
        return;
    for (size_t i = 0; i < WATCH_CONNECTIONS_MAX; i++)
        connection_end(&h->connections[i]);
    close(h->fd);
    h->fd = -1;
    if (h->socket_path[0])
        unlink(h->socket_path);
}

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {200, "OK"},
    {400, "Bad Request"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
};

static void answer_write(int status, const char *extra, const struct strbuf *body,
                         struct strbuf *out)
{
    const char *text = "";

    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].status == status)
            text = statuses[i].text;
    strbuf_addf(out,
                "HTTP/1.1 %d %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                "Content-Length: %zu\r\nCache-Control: no-store\r\n"
                "X-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n",
                status, text, body->len, extra);
    strbuf_add(out, body->data, body->len);
}

static void refuse(int status, const char *extra, const char *why, struct strbuf *out)
{
    STRBUF body;

    strbuf_init(&body, TEXT_BYTES_MAX);
    strbuf_addf(&body, "%s\n", why);
    answer_write(status, extra, &body, out);
}

/* "GET /metrics HTTP/1.1" in its parts; false for anything else. */
static bool line_read(const char *head, size_t len, char method[16], char target[256])
{
    const char *end = memchr(head, '\n', len);
    char line[512], version[4] = "";
    size_t n = end ? (size_t)(end - head) : 0;
    int used = 0;

    if (!n || n >= sizeof line || memchr(head, '\0', n))
        return false;
    memcpy(line, head, n);
    line[n - (line[n - 1] == '\r')] = '\0';
    return sscanf(line, "%15[A-Z] %255[!-~] HTTP/1.%1[01]%n", method, target, version, &used) ==
               3 &&
           line[used] == '\0';
}

void watch_http_answer(const struct watch_http *h, const char *head, size_t len, struct strbuf *out)
{
    char method[16] = "", target[256] = "";
    STRBUF body;

    strbuf_init(&body, BODY_BYTES_MAX);
    if (!line_read(head, len, method, target) || target[0] != '/') {
        refuse(400, "", "this is no HTTP/1.1 request that I understand", out);
        return;
    }
    target[strcspn(target, "?")] = '\0';
    if (strcmp(target, "/metrics") != 0) {
        refuse(404, "", "there is only /metrics", out);
        return;
    }
    if (strcmp(method, "GET") != 0) {
        refuse(405, "Allow: GET\r\n", "only GET", out);
        return;
    }
    h->body(&body, h->ctx);
    if (body.failed)
        refuse(500, "", "out of memory", out);
    else
        answer_write(200, "", &body, out);
}

/* The head of a request ends in an empty line. */
static bool head_is_whole(const struct strbuf *in)
{
    return memmem(in->data, in->len, "\r\n\r\n", 4) || memmem(in->data, in->len, "\n\n", 2);
}

static void connection_answer(struct watch_http *h, struct watch_connection *c, int64_t mono_ms)
{
    strbuf_init(&c->out, BODY_BYTES_MAX + WATCH_REQUEST_BYTES_MAX);
    if (head_is_whole(&c->in))
        watch_http_answer(h, c->in.data, c->in.len, &c->out);
    else
        refuse(431, "", "the request is too long", &c->out);
    c->phase = WATCH_ANSWERING;
    c->until_ms = mono_ms + WATCH_ANSWER_MS_MAX;
}

static void connection_hear(struct watch_http *h, struct watch_connection *c, int64_t mono_ms)
{
    char bytes[2048];
    size_t room = WATCH_REQUEST_BYTES_MAX - c->in.len;
    ssize_t n =
        read(c->fd, bytes, c->phase == WATCH_DRAINING || room > sizeof bytes ? sizeof bytes : room);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        connection_end(c);
        return;
    }
    if (c->phase == WATCH_DRAINING)
        return;
    strbuf_add(&c->in, bytes, (size_t)n);
    if (head_is_whole(&c->in) || c->in.len >= WATCH_REQUEST_BYTES_MAX)
        connection_answer(h, c, mono_ms);
}

/* A close with bytes unread would be a reset, which may throw away our answer on its way. */
static void connection_drain(struct watch_connection *c, int64_t mono_ms)
{
    shutdown(c->fd, SHUT_WR);
    strbuf_release(&c->out);
    c->phase = WATCH_DRAINING;
    c->until_ms = mono_ms + WATCH_DRAIN_MS_MAX;
}

static void connection_tell(struct watch_connection *c, int64_t mono_ms)
{
    ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        connection_end(c);
        return;
    }
    c->sent += (size_t)n;
    if (c->sent == c->out.len)
        connection_drain(c, mono_ms);
}

/* A free place, or that of whoever has been there the longest. */
static struct watch_connection *place_find(struct watch_http *h)
{
    struct watch_connection *oldest = &h->connections[0];

    for (size_t i = 0; i < WATCH_CONNECTIONS_MAX; i++) {
        struct watch_connection *c = &h->connections[i];

        if (c->phase == WATCH_IDLE)
            return c;
        if (c->until_ms < oldest->until_ms)
            oldest = c;
    }
    connection_end(oldest);
    return oldest;
}

static void connection_accept(struct watch_http *h, int64_t mono_ms)
{
    int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct watch_connection *c;

    if (fd < 0)
        return;
    c = place_find(h);
    *c = (struct watch_connection){
        .phase = WATCH_ASKING, .fd = fd, .until_ms = mono_ms + WATCH_REQUEST_MS_MAX};
    strbuf_init(&c->in, WATCH_REQUEST_BYTES_MAX);
}

int64_t watch_http_poll(const struct watch_http *h, struct pollfd *fds, int64_t mono_ms)
{
    int64_t wait_ms = -1;

    fds[0] = (struct pollfd){.fd = h->fd, .events = POLLIN};
    for (size_t i = 0; i < WATCH_CONNECTIONS_MAX; i++) {
        const struct watch_connection *c = &h->connections[i];
        int64_t left_ms = c->until_ms > mono_ms ? c->until_ms - mono_ms : 0;

        fds[i + 1] = (struct pollfd){.fd = c->phase == WATCH_IDLE ? -1 : c->fd,
                                     .events = c->phase == WATCH_ANSWERING ? POLLOUT : POLLIN};
        if (c->phase != WATCH_IDLE && (wait_ms < 0 || left_ms < wait_ms))
            wait_ms = left_ms;
    }
    return wait_ms;
}

void watch_http_serve(struct watch_http *h, const struct pollfd *fds, int64_t mono_ms)
{
    for (size_t i = 0; i < WATCH_CONNECTIONS_MAX; i++) {
        struct watch_connection *c = &h->connections[i];

        if (c->phase == WATCH_IDLE)
            continue;
        if (fds[i + 1].fd == c->fd && fds[i + 1].revents) {
            if (c->phase == WATCH_ANSWERING)
                connection_tell(c, mono_ms);
            else
                connection_hear(h, c, mono_ms);
        }
        if (c->phase != WATCH_IDLE && mono_ms >= c->until_ms)
            connection_end(c);
    }
    if (fds[0].revents)
        connection_accept(h, mono_ms);
}
