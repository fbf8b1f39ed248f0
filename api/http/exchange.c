/* One request and its answer, from libmicrohttpd's first call to its last. Reads run here;
 * a write puts the connection to sleep until the application says it is done. */
#include <stdlib.h>
#include <string.h>

#include "api/http/http_internal.h"
#include "core/log.h"

struct exchange *exchange_of(const struct request *req)
{
    return (struct exchange *)(uintptr_t)((const char *)req - offsetof(struct exchange, req));
}

/* Called with the request line, before the headers. */
void *exchange_open(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *s = cls;
    struct conn *c = conn_of(connection);
    size_t len = uri ? strlen(uri) : 0;
    struct exchange *x = c ? calloc(1, sizeof *x + len + 1) : NULL;

    if (!x)
        return NULL; /* the first step then ends the connection */
    x->server = s;
    x->conn = c;
    memcpy(x->uri, uri ? uri : "", len + 1);
    len = strcspn(x->uri, "?");
    if (len < sizeof x->req.path)
        memcpy(x->req.path, x->uri, len);
    text_copy(x->req.address, sizeof x->req.address, c->address);
    x->req.app = s->app;
    x->req.connection = connection;
    response_init(&x->resp);
    strbuf_init(&x->body, HTTP_BODY_BYTES_MAX);
    x->started_ms = mono_ms();
    conn_deadline(c, s->request_ms);
    __atomic_add_fetch(&s->exchanges, 1, __ATOMIC_ACQ_REL);
    return x;
}

/* One line for each answer that is our fault. Its thread may be the store's, or one that has
 * been at another connection since, so the line is told whose it is. */
static void exchange_log_failure(const struct exchange *x, enum err_code rc, const char *sentence)
{
    int status = err_http_status(rc);

    log_request_set(x->req.id);
    log_line(status == 500 ? LOG_ERROR : LOG_WARN, "http", "failed",
             "route=%s status=%d code=%s reason=\"%s\"", x->req.route ? x->req.route->pattern : "-",
             status, err_slug(rc), sentence[0] ? sentence : err_text(rc));
    log_request_set("");
}

/* Limits and overload are counted; what only we can mend is logged and not told. */
void exchange_refuse(struct exchange *x, enum err_code rc, struct err *e)
{
    int status = err_http_status(rc);

    if (status >= 500)
        exchange_log_failure(x, rc, e->msg);
    if (status == 500)
        err_set(e, rc, "%s; the log has more under this request id", err_text(rc));
    if (status == 413 || status == 414 || status == 431)
        __atomic_add_fetch(&x->server->refused_limits, 1, __ATOMIC_RELAXED);
    response_clear(&x->resp);
    x->resp.status = status;
    x->resp.content_type = "application/problem+json";
    problem_write(e, rc, x->req.id, &x->resp.body);
    if (rc == ERR_METHOD && x->node) {
        text_copy(x->resp.extra_name, sizeof x->resp.extra_name, "Allow");
        text_copy(x->resp.extra_value, sizeof x->resp.extra_value, x->node->allow);
    }
    if (rc == ERR_UNAUTHENTICATED) {
        text_copy(x->resp.extra_name, sizeof x->resp.extra_name, "WWW-Authenticate");
        text_copy(x->resp.extra_value, sizeof x->resp.extra_value, "Bearer");
    }
    if (status == 503 || status == 429)
        text_copy(x->resp.retry_after, sizeof x->resp.retry_after, "1");
    for (size_t i = 0; i < e->fact_count; i++)
        if (strcmp(e->facts[i].key, "retry_after_seconds") == 0)
            snprintf(x->resp.retry_after, sizeof x->resp.retry_after, "%lld",
                     (long long)e->facts[i].value);
    x->refused = true;
}

/* The application's thread, or ours when it is quick. After the resume the exchange may be
 * gone at any moment. */
static void write_done(struct request *req, enum err_code rc, const struct err *e)
{
    struct exchange *x = exchange_of(req);
    struct http_server *s = x->server;
    struct MHD_Connection *connection = req->connection;
    struct err copy;

    if (rc) {
        if (e)
            copy = *e;
        else
            err_set(&copy, rc, "%s", err_text(rc));
        exchange_refuse(x, rc, &copy);
    }
    MHD_resume_connection(connection);
    server_leave(s, &s->writes);
}

/* Suspended first: `done` may come before write() returns. */
static enum MHD_Result exchange_write(struct exchange *x)
{
    struct http_server *s = x->server;
    struct err e;
    enum err_code rc;

    x->phase = EXCHANGE_WAITING;
    MHD_suspend_connection(x->req.connection);
    pthread_mutex_lock(&s->lock);
    s->writes++;
    pthread_mutex_unlock(&s->lock);
    err_clear(&e);
    rc = s->app->write(s->app, &x->req, &x->resp, write_done, &e);
    if (rc)
        write_done(&x->req, rc, &e);
    return MHD_YES;
}

static void exchange_options(struct exchange *x)
{
    x->resp.status = 204;
    text_copy(x->resp.extra_name, sizeof x->resp.extra_name, "Allow");
    text_copy(x->resp.extra_value, sizeof x->resp.extra_value,
              x->node ? x->node->allow : "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
}

/* The request is whole. */
static enum MHD_Result exchange_run(struct exchange *x)
{
    const struct route *r = x->req.route;
    enum err_code rc = ERR_OK;
    struct err e;

    conn_deadline(x->conn, 0);
    if (!x->refused && x->options) {
        exchange_options(x);
    } else if (!x->refused) {
        err_clear(&e);
        rc = exchange_decode(x, &e);
        if (!rc && (r->flags & ROUTE_WRITE) && !x->req.dry_run)
            return exchange_write(x);
        if (!rc)
            rc = r->handle(&x->req, &x->resp, &e);
        if (rc)
            exchange_refuse(x, rc, &e);
    }
    return exchange_answer(x);
}

/* An answer on this first call closes the connection, since the body may still come; so
 * only what must not be read is refused at once. */
static bool exchange_must_not_read(const struct exchange *x)
{
    return heads_body_bytes(&x->heads) > HTTP_BODY_BYTES_MAX ||
           (x->heads.value[HEAD_EXPECT] && heads_body_bytes(&x->heads) != 0) ||
           heads_framing_bad(&x->heads);
}

static enum MHD_Result exchange_start(struct exchange *x, const char *method, const char *version)
{
    struct err e;
    enum err_code rc;

    err_clear(&e);
    x->phase = EXCHANGE_BODY;
    rc = exchange_admit(x, method, version, &e);
    log_request_set(x->req.id);
    if (!rc)
        return MHD_YES;
    exchange_refuse(x, rc, &e);
    if (!exchange_must_not_read(x))
        return MHD_YES;
    x->close = true;
    return exchange_answer(x);
}

/* libmicrohttpd takes no answer between the headers and the end of the body: a body that
 * grows too large is thrown away up to a bound, and then the connection is cut. */
static enum MHD_Result exchange_read(struct exchange *x, const char *data, size_t len)
{
    struct err e;

    if (!x->refused) {
        if (len <= HTTP_BODY_BYTES_MAX - x->body.len) {
            strbuf_add(&x->body, data, len);
            if (!x->body.failed)
                return MHD_YES;
            exchange_refuse(x, err_set(&e, ERR_INTERNAL, "out of memory"), &e);
        } else {
            err_set(&e, ERR_TOO_LARGE, "the body is larger than %d bytes", HTTP_BODY_BYTES_MAX);
            exchange_refuse(x, ERR_TOO_LARGE, &e);
            x->close = true;
        }
        strbuf_release(&x->body);
    }
    x->discarded_bytes += len;
    return x->discarded_bytes > (size_t)HTTP_DISCARD_FACTOR * HTTP_BODY_BYTES_MAX ? MHD_NO
                                                                                  : MHD_YES;
}

/* The pattern, not the path: ids are for the application's own records. */
static void exchange_log(const struct exchange *x)
{
    const struct route *r = x->route;
    uint64_t bytes = x->stream ? stream_sent_bytes(x->stream) : x->sent_bytes;

    log_request_set(x->id);
    log_line(LOG_INFO, "http", "request", "method=%s route=%s status=%d ms=%lld bytes=%llu",
             x->options ? "OPTIONS"
             : x->head  ? "HEAD"
             : r        ? http_method_names[r->method]
                        : "-",
             r ? r->pattern : "-", x->status, (long long)(mono_ms() - x->started_ms),
             (unsigned long long)bytes);
    log_request_set("");
}

static void exchange_release(struct exchange *x)
{
    response_release(&x->resp);
    strbuf_release(&x->body);
    if (x->req.in) {
        shape_release(x->req.route->in, x->req.in);
        free(x->req.in);
    }
    json_decref(x->req.in_json);
    free(x->req.actor);
}

static void exchange_free(struct exchange *x)
{
    if (!x->shrunk)
        exchange_release(x);
    if (x->tunnel)
        tunnel_free(x->tunnel);
    free(x);
}

/* A stream is answered for hours: keep what its end needs. */
static void exchange_shrink(void **context)
{
    struct exchange *x = *context;

    exchange_release(x);
    x->shrunk = true;
    x = realloc(x, offsetof(struct exchange, req));
    if (x)
        *context = x;
}

enum MHD_Result exchange_step(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_len, void **context)
{
    struct exchange *x = *context;
    size_t len = *data_len;
    enum MHD_Result rc;

    UNUSED(cls);
    UNUSED(url);
    UNUSED(connection);
    if (!x)
        return MHD_NO;
    switch (x->phase) {
    case EXCHANGE_START:
        return exchange_start(x, method, version);
    case EXCHANGE_BODY:
        *data_len = 0;
        rc = len ? exchange_read(x, data, len) : exchange_run(x);
        break;
    case EXCHANGE_WAITING:
        rc = exchange_answer(x);
        break;
    case EXCHANGE_ANSWERED:
    default:
        return MHD_YES;
    }
    if (x->stream)
        exchange_shrink(context);
    return rc;
}

/* May run with a lock of libmicrohttpd's held (see http_internal.h). */
void exchange_close(void *cls, struct MHD_Connection *connection, void **context,
                    enum MHD_RequestTerminationCode why)
{
    struct http_server *s = cls;
    struct exchange *x = *context;

    UNUSED(connection);
    UNUSED(why);
    *context = NULL;
    if (!x)
        return;
    if (s->log_requests)
        exchange_log(x);
    conn_deadline(x->conn, HTTP_IDLE_FACTOR * s->request_ms);
    exchange_free(x);
    if (__atomic_sub_fetch(&s->exchanges, 1, __ATOMIC_ACQ_REL) == 0 && server_stops(s)) {
        pthread_mutex_lock(&s->lock);
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
}
