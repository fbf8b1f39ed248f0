/* GET /metrics and nothing else: the smallest HTTP/1.1 responder that a hostile client cannot
 * hurt. One request a connection, everything bounded, nothing waits. It has no idea what it
 * serves: a function writes the body when it is asked for. */
#ifndef GPU_WATCH_HTTP_H
#define GPU_WATCH_HTTP_H

#include <poll.h>

#include "core/errs.h"
#include "core/limits.h"
#include "core/strbuf.h"

#define WATCH_CONNECTIONS_MAX   16
#define WATCH_REQUEST_BYTES_MAX 8192
#define WATCH_REQUEST_MS_MAX    5000  /* to say what is wanted */
#define WATCH_ANSWER_MS_MAX     10000 /* to take the answer */
#define WATCH_DRAIN_MS_MAX      1000  /* to hang up after it */

typedef void watch_body_fn(struct strbuf *out, void *ctx);

enum watch_phase { WATCH_IDLE, WATCH_ASKING, WATCH_ANSWERING, WATCH_DRAINING };

struct watch_connection {
    enum watch_phase phase;
    int fd;
    int64_t until_ms;
    struct strbuf in, out;
    size_t sent;
};

struct watch_http {
    int fd;                    /* -1: not open */
    char where[URL_BYTES_MAX]; /* "http://127.0.0.1:9400/metrics", for people */
    char socket_path[108];     /* removed at the end; "" for TCP */
    watch_body_fn *body;
    void *ctx;
    struct watch_connection connections[WATCH_CONNECTIONS_MAX];
};

/* Listen on "127.0.0.1:9400", "[::1]:9400", "localhost:9400" (port 0: any) or "unix:PATH", which
 * only this user may then use. An address that others can reach is refused unless `any`, since
 * the numbers are for everybody who asks. Errors: ERR_INVALID, ERR_FORBIDDEN not loopback,
 * ERR_CONFLICT somebody else listens there, ERR_IO. */
enum err_code watch_http_open(struct watch_http *h, const char *listen, bool any,
                              watch_body_fn *body, void *ctx, struct err *e) MUST_CHECK;
/* Accepts one that is not open (fd -1). */
void watch_http_close(struct watch_http *h);

#define WATCH_HTTP_FDS (WATCH_CONNECTIONS_MAX + 1)
/* What to poll for, always WATCH_HTTP_FDS entries; and how long at most (-1: no limit). */
int64_t watch_http_poll(const struct watch_http *h, struct pollfd *fds, int64_t mono_ms);
/* Do what can be done now. */
void watch_http_serve(struct watch_http *h, const struct pollfd *fds, int64_t mono_ms);

/* The answer to a whole request head. For tests too. */
void watch_http_answer(const struct watch_http *h, const char *head, size_t len,
                       struct strbuf *out);

#endif
