/* The HTTP side of the control plane, over libmicrohttpd: limits, routing by table,
 * problems, streams and tunnels. It knows nothing of clouds: what a request means is the
 * application's business (struct http_app), filled in by api/resource.
 *
 * Reads run on the HTTP thread. Writes are handed to the application, which runs them
 * in a transaction on another thread while the connection sleeps. */
#ifndef API_HTTP_HTTP_H
#define API_HTTP_HTTP_H

#include "core/clock.h"
#include "core/errs.h"
#include "core/json.h"
#include "core/limits.h"
#include "core/strbuf.h"

enum http_method { HTTP_GET, HTTP_POST, HTTP_PATCH, HTTP_DELETE, HTTP_METHOD_COUNT };
extern const char *const http_method_names[];

enum route_flags {
    ROUTE_PUBLIC = 1 << 0,       /* no key needed */
    ROUTE_WRITE = 1 << 1,        /* runs through http_app.write in a transaction */
    ROUTE_IDEMPOTENT = 1 << 2,   /* takes Idempotency-Key: the application replays answers */
    ROUTE_KEY_REQUIRED = 1 << 3, /* ... and refuses to run without one (400) */
    ROUTE_STREAM = 1 << 4,       /* may answer as an event stream */
    ROUTE_TUNNEL = 1 << 5,       /* upgrades the connection to raw bytes */
    ROUTE_LIST = 1 << 6,         /* answers a list: {"items": […], "next_cursor": "…"} */
    ROUTE_DRY_RUN = 1 << 7,      /* takes ?dry_run=true, and then it is a read */
    ROUTE_NO_STORE = 1 << 8,     /* Cache-Control: no-store */
};

struct request;
struct response;
/* Fill the response. On error the problem is written from `e`. For ROUTE_WRITE it may run
 * more than once (the response is emptied before each run). */
typedef enum err_code route_fn(struct request *req, struct response *resp, struct err *e);

/* One ?name=value that a route takes: for the check of requests and for the document. */
struct route_query {
    const char *name;   /* NULL ends a list */
    const char *schema; /* JSON */
    const char *help;
};

struct route {
    enum http_method method;
    const char *pattern; /* "/v1/instances/{id}" */
    const char *name;    /* "instance_get": operationId */
    route_fn *handle;
    unsigned flags;
    int action;              /* of the application's rules table */
    const struct shape *in;  /* body; NULL: none is accepted */
    const struct shape *out; /* answer (of each item when ROUTE_LIST); NULL: not JSON or empty */
    const char *summary;
    /* All ?names it takes besides dry_run; others are refused before the handler runs. NULL: the
     * handler asks request_query_only() by itself. */
    const struct route_query *query;
    int status;                  /* of success, for the document; 0: 200, and 201 of a POST */
    const struct shape *dry_out; /* answer of a dry run (200); NULL: as `out` */
};

#define HTTP_PARAMS_MAX 2
struct request {
    const struct route *route;
    char id[ID_MAX];  /* answered as X-Request-Id; the client's own if it sent a good one */
    char address[64]; /* of the peer; "unix" for a UNIX socket */
    char path[512];
    char params[HTTP_PARAMS_MAX][64]; /* {..} of the pattern, in order, decoded */
    const char *body;                 /* raw, body_len bytes, NUL after them */
    size_t body_len;
    void *in;        /* route->in decoded, or NULL; owned by the request */
    json_t *in_json; /* its tree (for patches); owned by the request */
    bool dry_run;
    void *actor; /* set by http_app.authenticate; freed with free() */
    void *tx;    /* the application's open transaction in a ROUTE_WRITE */
    struct http_app *app;
    void *connection; /* libmicrohttpd's; private to api/http */
};

/* Query argument, decoded; NULL when absent. Borrowed until the request ends. */
const char *request_query(const struct request *req, const char *name);
/* Header by name, any case; NULL when absent. Borrowed until the request ends. */
const char *request_header(const struct request *req, const char *name);
/* Refuse query arguments that are not in this NULL-terminated list, as an unknown field is,
 * and those given twice. dry_run is known where the route takes it.
 * Errors: ERR_INVALID with details "unknown_parameter" and "duplicate_parameter", whose
 * pointer is "?name". */
enum err_code request_query_only(const struct request *req, const char *const *names,
                                 struct err *e) MUST_CHECK;

/* A stream answers piece by piece. `next` appends what is there (at most len_max bytes):
 * nothing appended and no *end means: sleep until http_wake(). It runs on the HTTP thread;
 * a wake that comes while it runs makes it run again. An error cuts the connection, so that
 * the client sees that the answer is not whole. The request is gone when `next` first runs:
 * a stream copies what it needs of it. */
struct http_stream {
    enum err_code (*next)(struct http_stream *s, struct strbuf *out, size_t len_max, bool *end);
    void (*free)(struct http_stream *s);
    const char *topic; /* http_wake() by topic; "" or NULL every wake */
    char topic_text[ID_MAX];
    bool heartbeat; /* after HTTP_HEARTBEAT_SECONDS of silence send ": keep-alive\n\n" */
};

/* May a tunnel go on? What let its client in may end before the client does. Asked about once a
 * second, on a thread of the tunnel's own. */
struct http_guard {
    bool (*holds)(struct http_guard *g);
    void (*free)(struct http_guard *g);
};

struct response {
    int status; /* 0: 200 */
    struct strbuf body;
    const char *content_type; /* NULL: application/json */
    /* "" none; quotes are added when there are none. With If-None-Match equal the answer
     * of a GET is 304. */
    char etag[64];
    char location[256];
    char link[512]; /* RFC 8288 */
    char retry_after[16];
    char extra_name[48], extra_value[128]; /* one further header; "" none */
    /* A body shared by many answers (the offers list): used instead of `body` when set,
     * with its content type and, when `etag` is "", its tag. Takes one reference. */
    struct http_shared *shared;
    struct http_stream *stream; /* taken */
    int tunnel_fd;              /* >= 0: upgrade and splice with this descriptor; taken */
    struct http_guard *guard;   /* of the tunnel, taken; NULL: only its two ends end it */
};

/* Empty the response as before the handler ran: what it had taken is let go. For
 * http_app.write, before each run. */
void response_clear(struct response *resp);

/* An immutable body, one reference for the caller; bytes are copied, and never again.
 * NULL when out of memory. Thread-safe. */
struct http_shared *http_shared_new(const char *content_type, const char *etag, const void *bytes,
                                    size_t len);
void http_shared_ref(struct http_shared *s);
void http_shared_unref(struct http_shared *s); /* accepts NULL */

/* The application behind the routes. */
struct http_app {
    const struct route *routes;
    size_t route_count;
    struct clock *clock;
    /* Set req->actor from the bearer token ("" when none was sent), and check that it may
     * do route->action. Errors: ERR_UNAUTHENTICATED, ERR_FORBIDDEN, ERR_STORAGE. */
    enum err_code (*authenticate)(struct http_app *app, struct request *req, const char *token,
                                  struct err *e);
    /* Start req->route->handle(req, resp) in a transaction elsewhere; call done(req, rc, e)
     * exactly once, from any thread, when its result is durable. Errors (done is not
     * called): ERR_BUSY. */
    enum err_code (*write)(struct http_app *app, struct request *req, struct response *resp,
                           void (*done)(struct request *req, enum err_code rc, const struct err *e),
                           struct err *e);
};

struct http_config {
    const char *listen; /* "127.0.0.1:7070", "[::1]:7070", "0.0.0.0:443", "unix:/path" */
    const char *tls_certificate, *tls_key; /* PEM files; NULL: none */
    int threads;                           /* epoll threads; 0: 2 */
    int connections_max;                   /* 0: HTTP_CONNECTIONS_MAX */
    struct http_app *app;                  /* borrowed */
    bool log_requests;
    int request_seconds;   /* to send a request whole; 0: HTTP_REQUEST_SECONDS_MAX */
    int heartbeat_seconds; /* 0: HTTP_HEARTBEAT_SECONDS */
};

/* What libmicrohttpd answers by itself, in HTML and without a request id, and then closes:
 * a request line (414) or headers (431) beyond HTTP_CONNECTION_MEMORY_BYTES, a malformed
 * header, Content-Length or chunk (400), an HTTP version it does not know (505 or closed).
 * A chunked body beyond HTTP_BODY_BYTES_MAX is read to its end before the 413, and cut at
 * eight times that. */
struct http_server;
/* Errors: ERR_INVALID a bad address, or one beyond loopback without TLS; ERR_IO with what
 * failed (the port is taken, the certificate cannot be read). Caller owns *out. */
enum err_code http_start(const struct http_config *c, struct http_server **out,
                         struct err *e) MUST_CHECK;
/* The port it listens on (useful with port 0); 0 for a UNIX socket. */
int http_port(const struct http_server *s);
/* Resume the sleeping streams whose topic is `topic` or "" (NULL: all). Thread-safe, cheap. */
void http_wake(struct http_server *s, const char *topic);
/* Stop accepting, end streams and tunnels, let requests in flight finish (at most `grace_ms`;
 * a write that the application has begun is always waited for), free. Accepts NULL. */
void http_stop(struct http_server *s, int64_t grace_ms);

struct http_stats {
    int64_t requests[6]; /* by status class: [2] is 2xx */
    int64_t in_flight, streams, connections;
    int64_t refused_limits;
};
void http_stats(const struct http_server *s, struct http_stats *out);

/* Write `e` as application/problem+json (RFC 9457). */
void problem_write(const struct err *e, enum err_code rc, const char *request_id,
                   struct strbuf *out);
/* The OpenAPI 3.1 document of the table, pretty-printed, ending in a newline. */
void openapi_write(const struct route *routes, size_t count, struct strbuf *out);

#endif
