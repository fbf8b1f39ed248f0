/* What the files of api/http share. libmicrohttpd is seen by these files only.
 *
 * Two locks. `lock` guards connections and tunnels and is never held while libmicrohttpd
 * is called, because it calls back with a lock of its own held. `stream_lock` guards
 * streams and is held around suspend and resume, so that no wake is lost. They are never
 * held together. */
#ifndef API_HTTP_HTTP_INTERNAL_H
#define API_HTTP_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/http/http.h"

#define HTTP_SEGMENTS_MAX      12 /* of a path */
#define HTTP_QUERY_MAX         32 /* arguments */
#define HTTP_TUNNELS_MAX       256
#define HTTP_IDLE_FACTOR       2  /* an idle connection is kept this many request times */
#define HTTP_SEND_BYTES_PER_MS 16 /* a client that reads slower than this is cut */
#define HTTP_DISCARD_FACTOR    8  /* of a refused body this many maxima are read, then the cut */
#define HTTP_TICK_MS           1000
#define HTTP_ALLOW_BYTES_MAX   64
#define HTTP_TUNNEL_PROTOCOL   "hourglass-tunnel"

/* --- route.c: the table as a tree of path segments ------------------------------------- */

struct route_node {
    const char *text; /* of this segment; NULL for {parameter} */
    size_t len;
    struct route_node *child, *sibling; /* literal segments below, and beside */
    struct route_node *param;           /* the {parameter} below */
    const struct route *routes[HTTP_METHOD_COUNT];
    char allow[HTTP_ALLOW_BYTES_MAX]; /* "" when no path ends here */
};

/* A decoded request target; points into the text it was parsed from. */
struct target {
    const char *segments[HTTP_SEGMENTS_MAX];
    size_t segment_lens[HTTP_SEGMENTS_MAX];
    size_t segment_count; /* HTTP_SEGMENTS_MAX + 1: more than any route has */
    struct target_query {
        const char *name, *value;
    } query[HTTP_QUERY_MAX];
    size_t query_count;
};

/* Errors: ERR_INVALID for a table that cannot work (twice the same, too many parameters). */
enum err_code route_tree_new(const struct route *routes, size_t count, struct route_node **out,
                             struct err *e) MUST_CHECK;
void route_tree_free(struct route_node *root); /* accepts NULL */
/* The node of the path, or NULL; its parameters are copied to `params`. */
const struct route_node *route_find(const struct route_node *root, const struct target *t,
                                    char params[HTTP_PARAMS_MAX][64]);
/* The method, HEAD as GET, or HTTP_METHOD_COUNT. */
enum http_method method_parse(const char *name);

/* --- target.c ---------------------------------------------------------------------------- */

/* Decode `uri` ("/a%20b?x=1") in place. Errors: ERR_BAD_REQUEST. */
enum err_code target_parse(char *uri, struct target *out, struct err *e) MUST_CHECK;

/* --- heads.c: request headers ------------------------------------------------------------ */

/* Sent once at most, or the request is refused. */
enum head_name {
    HEAD_AUTHORIZATION,
    HEAD_CONTENT_LENGTH,
    HEAD_CONTENT_TYPE,
    HEAD_HOST,
    HEAD_IDEMPOTENCY_KEY,
    HEAD_IF_MATCH,
    HEAD_LAST_EVENT_ID,
    HEAD_REQUEST_ID,
    HEAD_TRANSFER_ENCODING,
    HEAD_UPGRADE,
    HEAD_EXPECT,
    HEAD_CONNECTION,
    HEAD_IF_NONE_MATCH,
    HEAD_COUNT
};

struct heads {
    const char *value[HEAD_COUNT]; /* libmicrohttpd's, until the request ends */
    size_t bytes;                  /* of all headers */
    enum head_name repeated;       /* HEAD_COUNT: none */
    bool has_nul;
};

void heads_read(struct MHD_Connection *connection, struct heads *out);
/* Size, repetition, framing that two parsers could read differently, Host.
 * Errors: ERR_HEADERS_LARGE, ERR_BAD_REQUEST. */
enum err_code heads_check(const struct heads *h, const char *version, struct err *e) MUST_CHECK;
/* True when two parsers could disagree about where the body ends: nothing after the
 * headers may be read. */
bool heads_framing_bad(const struct heads *h);
/* Declared length; 0 when none, -1 when chunked. */
int64_t heads_body_bytes(const struct heads *h);
/* The token of "Bearer <token>" in `out`; "" without the header.
 * Errors: ERR_UNAUTHENTICATED for anything else. */
enum err_code heads_bearer(const struct heads *h, char *out, size_t size, struct err *e) MUST_CHECK;
/* True when `list` ("a, b") has the token, any case. */
bool heads_list_has(const char *list, const char *token);
/* True when If-None-Match names the tag (RFC 9110 §13.1.2, weak comparison). */
bool heads_etag_match(const char *if_none_match, const char *etag);

/* --- exchange.c: one request and its answer ------------------------------------------------ */

enum exchange_phase {
    EXCHANGE_START,   /* libmicrohttpd has the headers */
    EXCHANGE_BODY,    /* reading */
    EXCHANGE_WAITING, /* the application writes; the connection sleeps */
    EXCHANGE_ANSWERED,
};

struct exchange {
    struct http_server *server;
    struct conn *conn;
    enum exchange_phase phase;
    int status;        /* answered; 0: none */
    size_t sent_bytes; /* of the body */
    int64_t started_ms;
    const struct route *route; /* of the answer, for the log */
    char id[ID_MAX];
    struct stream *stream;
    struct tunnel *tunnel; /* until the connection is upgraded */
    bool head, options;
    bool refused; /* resp is a problem */
    bool close;   /* after the answer */
    bool shrunk;  /* what follows is gone: of a stream only the above is kept */
    /* --- */
    struct request req;
    struct response resp;
    const struct route_node *node;
    struct heads heads;
    struct target target;
    struct strbuf body;
    size_t discarded_bytes;
    char uri[]; /* decoded in place by target_parse() */
};

struct exchange *exchange_of(const struct request *req);
/* libmicrohttpd's callbacks; `cls` is the server. */
void *exchange_open(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_step(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_len, void **context);
void exchange_close(void *cls, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why);
/* Make the response a problem. */
void exchange_refuse(struct exchange *x, enum err_code rc, struct err *e);

/* --- admit.c: what is checked before the body is read, and the body -------------------------- */

/* Route, authentication, framing, content type. Errors: as HTTP knows them. */
enum err_code exchange_admit(struct exchange *x, const char *method, const char *version,
                             struct err *e) MUST_CHECK;
/* Decode the body that was read. Errors: ERR_BAD_REQUEST, ERR_INVALID. */
enum err_code exchange_decode(struct exchange *x, struct err *e) MUST_CHECK;

/* --- answer.c ------------------------------------------------------------------------------- */

enum MHD_Result exchange_answer(struct exchange *x);
void response_init(struct response *resp);
void response_release(struct response *resp);

/* --- stream.c --------------------------------------------------------------------------------- */

/* A response that follows x->resp.stream, which is taken also on failure.
 * Errors: ERR_BUSY when there are HTTP_FOLLOWERS_MAX, or the server stops; ERR_INTERNAL. */
enum err_code stream_respond(struct exchange *x, struct MHD_Response **out,
                             struct err *e) MUST_CHECK;
uint64_t stream_sent_bytes(const struct stream *st);
/* Heartbeats that are due, and followers that have left. */
void streams_tick(struct http_server *s, int64_t now_ms);
void streams_stop(struct http_server *s);

/* --- tunnel.c -----------------------------------------------------------------------------------
 */

/* A response that upgrades and splices with x->resp.tunnel_fd, which is taken also on failure, and
 * so is x->resp.guard.
 * Errors: ERR_BUSY when there are HTTP_TUNNELS_MAX, or the server stops; ERR_INTERNAL. */
enum err_code tunnel_respond(struct exchange *x, struct MHD_Response **out,
                             struct err *e) MUST_CHECK;
/* Forget a tunnel whose connection ended before the upgrade. */
void tunnel_free(struct tunnel *t);
void tunnels_stop(struct http_server *s);

/* --- conn.c: connections, and the thread that accepts them and watches their time
 * ----------------- */

struct conn {
    struct conn *next, *prev;
    struct http_server *server;
    int fd; /* libmicrohttpd's; open while this struct is in the list */
    uint64_t address_hash;
    int64_t deadline_ms; /* atomic; 0: none */
    char address[64];
};

void conn_notify(void *cls, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode what);
struct conn *conn_of(struct MHD_Connection *connection);
/* Cut the connection `ms` from now; 0: never. */
void conn_deadline(struct conn *c, int64_t ms);
/* The accepting thread. Errors: ERR_IO. */
enum err_code keeper_start(struct http_server *s, struct err *e) MUST_CHECK;
void keeper_stop(struct http_server *s);

/* --- listen.c
 * --------------------------------------------------------------------------------------- */

struct listener {
    int fd;
    int port;
    char unix_path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* "" for TCP */
};
/* Errors: ERR_INVALID, ERR_IO, as http_start(). */
enum err_code listener_open(const char *address, bool tls, struct listener *out,
                            struct err *e) MUST_CHECK;
void listener_close(struct listener *l);
/* "unix" or the numeric address, without its port. */
void address_format(const struct sockaddr *sa, char *out, size_t size);
bool address_is_local(const struct sockaddr *sa);

/* --- server.c
 * ------------------------------------------------------------------------------------------ */

struct http_server {
    struct http_app *app;
    struct MHD_Daemon *daemons[HTTP_THREADS_MAX]; /* of one thread each */
    int daemon_count;
    int daemon_next; /* who gets the next connection; the keeper's */
    struct route_node *routes;
    struct listener listener;
    struct strbuf certificate, key;
    bool tls, log_requests;
    int connections_max;
    int64_t request_ms, heartbeat_ms;
    char daemon_said[160]; /* libmicrohttpd's last complaint while it started */
    bool starting;

    pthread_t keeper;
    int keeper_fd; /* eventfd: stop */
    bool keeper_runs;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* something that http_stop() waits for went away */
    struct conn *conns;
    int64_t conn_count;
    struct tunnel *tunnels;
    int64_t tunnel_count;
    int64_t writes; /* that the application has not ended */

    pthread_mutex_t stream_lock;
    struct stream *streams;
    int64_t stream_count;

    /* Atomic from here on. */
    bool stopping;
    int64_t exchanges;
    int64_t requests[6];
    int64_t refused_limits;
};

static inline int64_t mono_ms(void)
{
    return clock_mono_ms(clock_real());
}
static inline bool server_stops(const struct http_server *s)
{
    return __atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE);
}
/* One less of what http_stop() waits for: *count, which `lock` guards. */
void server_leave(struct http_server *s, int64_t *count);

#endif
