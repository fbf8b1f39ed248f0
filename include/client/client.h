/* What a client may ask of the API, over libcurl's multi interface on one thread: nothing
 * blocks, answers come to callbacks from client_poll(). The network library is initialised
 * by the first request, not by client_open(), so that a screen can be painted before.
 *
 * Answers are decoded by the model's shapes. A transport failure and a problem document
 * both arrive as a `struct err` with a sentence, details and facts. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "core/clock.h"
#include "core/errs.h"
#include "core/json.h"

struct pollfd;
struct client;

struct client_config {
    const char *url;     /* "http://127.0.0.1:7070", "https://…", "unix:/path" */
    const char *token;   /* copied; never logged, never in an argument list */
    const char *ca_file; /* NULL: the system's */
    int64_t connect_ms_max, request_ms_max; /* 0: 5000, 30000 */
    struct clock *clock;
};

/* Errors: ERR_INVALID the url, or a token sent in the clear beyond loopback. Caller owns *out. */
enum err_code client_open(const struct client_config *c, struct client **out,
                          struct err *e) MUST_CHECK;
/* Calls in flight get no callback. Never waits for a name resolver. May be called from a
 * callback: the poll that is under way then ends with ERR_GONE. Accepts NULL. */
void client_close(struct client *cl);

struct reply {
    enum err_code rc;      /* 0: 2xx; else what `err` says */
    const struct err *err; /* borrowed until the callback returns */
    int status;            /* 0: no HTTP answer */
    const char *body;      /* borrowed; NUL after len bytes */
    size_t len;
    const char *etag;            /* "" none */
    const char *request_id;      /* "" none */
    int64_t retry_after_seconds; /* 0: not said; at most an hour */
    bool broke; /* it was sent, and the connection ended first: it may have been carried out */
};
typedef void reply_fn(void *ctx, const struct reply *r);

struct request_options {
    const char *idempotency_key; /* NULL: none */
    const char *if_match;
    const char *content_type; /* NULL: application/json */
};

/* Send; `done` is called exactly once from client_poll(), unless cancelled, also for a request
 * that cannot be sent. It may call anything here. `path` starts with "/v1/"; redirects are
 * errors. Returns the call's number (> 0), or 0 when out of memory: then done is not called. */
int client_send(struct client *cl, const char *method, const char *path, const char *body,
                const struct request_options *o, reply_fn *done, void *ctx);
/* No callback will come. Unknown numbers are ignored. */
void client_cancel(struct client *cl, int call);
size_t client_in_flight(const struct client *cl);

/* Event streams: reconnects by itself with jittered exponential back-off and Last-Event-ID,
 * obeys Retry-After and "retry:", until client_cancel(). A connection that is silent for three
 * heartbeats is taken for broken. Callbacks come from client_poll() and may call anything here.
 * Returns the call's number (> 0), or 0 when out of memory. */
enum stream_state { STREAM_CONNECTING, STREAM_OPEN, STREAM_WAITING, STREAM_ENDED };
struct stream_ops {
    /* data is NUL-terminated; all borrowed until it returns */
    void (*event)(void *ctx, const char *id, const char *type, const char *data, size_t len);
    /* WAITING carries the error and when it tries again; ENDED: the server closed it for good
     * (its "end" event) or refused it with a 4xx. */
    void (*state)(void *ctx, enum stream_state st, const struct err *err, int64_t retry_in_ms);
};
int client_stream(struct client *cl, const char *path, const char *last_event_id,
                  const struct stream_ops *ops, void *ctx);

/* Wait at most timeout_ms (-1: for ever) for the network, for `fds` (at most 16), or for a
 * signal, then do what is due. Their revents are set. Errors: ERR_IO; ERR_GONE a callback closed
 * the client: do not touch it. */
enum err_code client_poll(struct client *cl, struct pollfd *fds, size_t fd_count, int timeout_ms,
                          struct err *e) MUST_CHECK;

/* For programs that may wait: send and poll until it is answered. `out` (may be NULL) gets
 * the body on success, the rest always. Errors: those of the reply. */
struct answer {
    int status;
    bool broke;
    int64_t retry_after_seconds;
    char *body; /* caller owns (answer_release); "" when empty */
    size_t len;
    char etag[64];
    char request_id[ID_MAX];
};
enum err_code client_call(struct client *cl, const char *method, const char *path, const char *body,
                          const struct request_options *o, struct answer *out,
                          struct err *e) MUST_CHECK;
void answer_release(struct answer *a);

/* Decode an answer. Lists: *items is malloc'ed, caller owns; `next` gets the cursor or "".
 * Fields that this program does not know are ignored: the server may be newer.
 * Errors: ERR_INVALID "the server's answer: …". */
enum err_code answer_decode(const char *body, size_t len, const struct shape *s, void *out,
                            struct err *e) MUST_CHECK;
enum err_code answer_decode_list(const char *body, size_t len, const struct shape *s, void **items,
                                 size_t *count, char next[CURSOR_BYTES_MAX],
                                 struct err *e) MUST_CHECK;

/* Append `value` percent-encoded, for paths and queries. */
void url_encode(struct strbuf *out, const char *value);

/* An upgraded connection (GET path, Upgrade: hourglass-tunnel), pumped on this thread: copies
 * between it and fd_in/fd_out until the far end closes; the end of fd_in is passed on to it.
 * Errors: those of the reply; ERR_IO fd_in or fd_out failed. */
enum err_code client_tunnel(struct client *cl, const char *path, int fd_in, int fd_out,
                            struct err *e) MUST_CHECK;

#endif
