/* The raw HTTP client of the tests. */
#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BODY_BYTES_MAX (64 * 1024 * 1024)

bool raw_open(struct raw_client *c, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((in_port_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    c->len = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0)
        return true;
    raw_close(c);
    return false;
}

bool raw_open_unix(struct raw_client *c, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    c->len = 0;
    if (!text_copy(a.sun_path, sizeof a.sun_path, path))
        return false;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&a, sizeof a) == 0)
        return true;
    raw_close(c);
    return false;
}

void raw_close(struct raw_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

bool raw_send(struct raw_client *c, const void *bytes, size_t len)
{
    const char *p = bytes;

    while (len) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_format(struct raw_client *c, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
static bool send_format(struct raw_client *c, const char *fmt, va_list ap)
{
    STRBUF text = {0};

    strbuf_init(&text, BODY_BYTES_MAX);
    strbuf_vaddf(&text, fmt, ap);
    return !text.failed && raw_send(c, text.data, text.len);
}

bool raw_sendf(struct raw_client *c, const char *fmt, ...)
{
    va_list ap;
    bool ok;

    va_start(ap, fmt);
    ok = send_format(c, fmt, ap);
    va_end(ap);
    return ok;
}

/* More bytes into the buffer: 1, or 0 at the end, -1 when none came in time. */
static int fill(struct raw_client *c, int wait_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    ssize_t n;

    if (c->len == sizeof c->buf)
        return 1;
    if (poll(&p, 1, wait_ms) <= 0)
        return -1;
    n = recv(c->fd, c->buf + c->len, sizeof c->buf - c->len, 0);
    if (n <= 0)
        return 0;
    c->len += (size_t)n;
    return 1;
}

static void consume(struct raw_client *c, size_t n)
{
    memmove(c->buf, c->buf + n, c->len - n);
    c->len -= n;
}

static int head_parse(struct raw_reply *r)
{
    const char *coding;

    if (strncmp(r->head, "HTTP/1.", 7) != 0 || strlen(r->head) < 12)
        return r->status = 0;
    r->status = (int)strtol(r->head + 9, NULL, 10);
    coding = raw_header(r, "Transfer-Encoding");
    r->chunked = coding && strcasecmp(coding, "chunked") == 0;
    return r->status;
}

int raw_head_read(struct raw_client *c, struct raw_reply *r)
{
    r->piece = 0;
    for (;;) {
        char *end = memmem(c->buf, c->len, "\r\n\r\n", 4);
        size_t len = end ? (size_t)(end - c->buf) + 4 : 0;
        int got;

        if (end && len < sizeof r->head) {
            memcpy(r->head, c->buf, len);
            r->head[len] = '\0';
            consume(c, len);
            if (head_parse(r) == 100)
                continue;
            return r->status;
        }
        got = fill(c, RAW_WAIT_MS);
        if (got <= 0)
            return r->status = got;
    }
}

/* The next chunk's length, after the line end of the one before. 0: the last one. */
static int chunk_start(struct raw_client *c, struct raw_reply *r, int wait_ms)
{
    for (;;) {
        size_t skip = c->len >= 2 && memcmp(c->buf, "\r\n", 2) == 0 ? 2 : 0;
        char *end = memmem(c->buf + skip, c->len - skip, "\r\n", 2);
        int got;

        if (end) {
            r->piece = strtoul(c->buf + skip, NULL, 16);
            consume(c, (size_t)(end - c->buf) + 2);
            return r->piece ? 1 : 0;
        }
        got = fill(c, wait_ms);
        if (got <= 0)
            return got;
    }
}

/* Some more of the body into out: 1, 0 at the end, -1 when none came in time. */
static int body_more(struct raw_client *c, struct raw_reply *r, struct strbuf *out, int wait_ms)
{
    size_t n;

    if (r->chunked && r->piece == 0) {
        int got = chunk_start(c, r, wait_ms);

        if (got <= 0)
            return got;
    }
    if (c->len == 0) {
        int got = fill(c, wait_ms);

        if (got <= 0)
            return got;
    }
    n = r->chunked && c->len > r->piece ? r->piece : c->len;
    strbuf_add(out, c->buf, n);
    consume(c, n);
    if (r->chunked)
        r->piece -= n;
    return 1;
}

static void body_read(struct raw_client *c, struct raw_reply *r)
{
    const char *length = raw_header(r, "Content-Length");
    size_t want = length ? strtoul(length, NULL, 10) : SIZE_MAX;

    if (r->chunked) {
        while (body_more(c, r, &r->body, RAW_WAIT_MS) > 0)
            ;
        if (c->len >= 2) /* after the last chunk */
            consume(c, 2);
        else if (fill(c, RAW_WAIT_MS) > 0 && c->len >= 2)
            consume(c, 2);
        return;
    }
    while (r->body.len < want && (c->len || fill(c, RAW_WAIT_MS) > 0)) {
        size_t n = c->len < want - r->body.len ? c->len : want - r->body.len;

        strbuf_add(&r->body, c->buf, n);
        consume(c, n);
    }
}

int raw_read(struct raw_client *c, struct raw_reply *r, bool head)
{
    strbuf_release(&r->body);
    strbuf_init(&r->body, BODY_BYTES_MAX);
    raw_head_read(c, r);
    if (!head && r->status >= 200 && r->status != 204 && r->status != 304)
        body_read(c, r);
    return r->status;
}

int raw_ask(struct raw_client *c, struct raw_reply *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    send_format(c, fmt, ap); /* a server that refuses early closes: its answer is there */
    va_end(ap);
    return raw_read(c, r, strncmp(fmt, "HEAD ", 5) == 0);
}

bool raw_follow(struct raw_client *c, struct raw_reply *r, struct strbuf *out, const char *until,
                int wait_ms)
{
    while (!strstr(out->data, until))
        if (body_more(c, r, out, wait_ms) <= 0)
            return false;
    return true;
}

long raw_recv(struct raw_client *c, void *bytes, size_t len, int wait_ms)
{
    size_t n;

    if (c->len == 0) {
        int got = fill(c, wait_ms);

        if (got <= 0)
            return got;
    }
    n = c->len < len ? c->len : len;
    memcpy(bytes, c->buf, n);
    consume(c, n);
    return (long)n;
}

bool raw_closes(struct raw_client *c, int wait_ms)
{
    for (;;) {
        int got = fill(c, wait_ms);

        c->len = 0;
        if (got <= 0)
            return got == 0;
    }
}

const char *raw_header(const struct raw_reply *r, const char *name)
{
    static __thread char value[4096];
    size_t len = strlen(name);

    for (const char *p = strstr(r->head, "\r\n"); p && p[2]; p = strstr(p + 2, "\r\n")) {
        const char *line = p + 2;
        size_t n;

        if (strncasecmp(line, name, len) != 0 || line[len] != ':')
            continue;
        line += len + 1;
        line += strspn(line, " ");
        n = strcspn(line, "\r");
        if (n >= sizeof value)
            n = sizeof value - 1;
        memcpy(value, line, n);
        value[n] = '\0';
        return value;
    }
    return NULL;
}

void raw_reply_release(struct raw_reply *r)
{
    strbuf_release(&r->body);
}
