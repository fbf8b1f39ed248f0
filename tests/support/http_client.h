/* A small blocking HTTP client over a raw socket, for tests: it sends bytes as they are,
 * so that a server can be told anything, and reads answers with a time bound. */
#ifndef TESTS_SUPPORT_HTTP_CLIENT_H
#define TESTS_SUPPORT_HTTP_CLIENT_H

#include "core/strbuf.h"

#define RAW_WAIT_MS      10000 /* for anything that must come */
#define RAW_HEAD_BYTES   (32 * 1024)
#define RAW_BUFFER_BYTES (64 * 1024)

struct raw_client {
    int fd;
    size_t len; /* read, not yet consumed */
    char buf[RAW_BUFFER_BYTES];
};

struct raw_reply {
    int status; /* 0: the connection ended first; -1: nothing came in time */
    char head[RAW_HEAD_BYTES];
    struct strbuf body;
    bool chunked;
    size_t piece; /* of a chunked body that is read piece by piece: bytes left of this chunk */
};

/* Connect to loopback or to a UNIX socket; false when refused. */
bool raw_open(struct raw_client *c, int port);
bool raw_open_unix(struct raw_client *c, const char *path);
void raw_close(struct raw_client *c);

/* False when the server has closed. */
bool raw_send(struct raw_client *c, const void *bytes, size_t len);
bool raw_sendf(struct raw_client *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Read one answer; the body is empty for an answer to HEAD (`head` true), 204, 304, 101.
 * Skips 100 Continue. Returns the status, see struct raw_reply. */
int raw_read(struct raw_client *c, struct raw_reply *r, bool head);
/* Only the head: what follows is read with raw_follow() or raw_recv(). */
int raw_head_read(struct raw_client *c, struct raw_reply *r);
/* sendf, then read. */
int raw_ask(struct raw_client *c, struct raw_reply *r, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Append body bytes until `until` is in out->data, the end, or wait_ms without a byte.
 * True when it is there. */
bool raw_follow(struct raw_client *c, struct raw_reply *r, struct strbuf *out, const char *until,
                int wait_ms);
/* Read raw bytes, at most len; 0 at the end, -1 when none came in time. */
long raw_recv(struct raw_client *c, void *bytes, size_t len, int wait_ms);
/* True when the server closes within wait_ms, whatever it sends before. */
bool raw_closes(struct raw_client *c, int wait_ms);

/* Value of a header, any case; NULL when absent. Good until the next call. */
const char *raw_header(const struct raw_reply *r, const char *name);
void raw_reply_release(struct raw_reply *r);

#endif
