/* The answer: a struct response made into libmicrohttpd's, with the headers that every
 * answer carries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/http/http_internal.h"
#include "core/log.h"

#define NOT_MODIFIED 304
#define SWITCHING    101

struct http_shared {
    int64_t refs; /* atomic */
    size_t len;
    char content_type[64];
    char etag[64];
    char bytes[];
};

struct http_shared *http_shared_new(const char *content_type, const char *etag, const void *bytes,
                                    size_t len)
{
    struct http_shared *s = malloc(sizeof *s + len);

    if (!s)
        return NULL;
    s->refs = 1;
    s->len = len;
    text_copy(s->content_type, sizeof s->content_type,
              content_type ? content_type : "application/json");
    text_copy(s->etag, sizeof s->etag, etag ? etag : "");
    memcpy(s->bytes, bytes, len);
    return s;
}

void http_shared_ref(struct http_shared *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

void http_shared_unref(struct http_shared *s)
{
    if (s && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(s);
}

void response_init(struct response *resp)
{
    memset(resp, 0, sizeof *resp);
    strbuf_init(&resp->body, HTTP_RESPONSE_BYTES_MAX);
    resp->tunnel_fd = -1;
}

void response_clear(struct response *resp)
{
    struct strbuf body = resp->body;

    http_shared_unref(resp->shared);
    if (resp->stream)
        resp->stream->free(resp->stream);
    if (resp->tunnel_fd >= 0)
        close(resp->tunnel_fd);
    if (resp->guard)
        resp->guard->free(resp->guard);
    response_init(resp);
    strbuf_reset(&body);
    resp->body = body;
}

void response_release(struct response *resp)
{
    response_clear(resp);
    strbuf_release(&resp->body);
}

static void shared_release(void *cls)
{
    http_shared_unref(cls);
}

static struct MHD_Response *empty_response(void)
{
    static char nothing[1];

    return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
}

/* The body moves into the response, it is not copied. */
static struct MHD_Response *body_response(struct exchange *x)
{
    struct response *resp = &x->resp;
    struct MHD_Response *r;

    if (resp->status == NOT_MODIFIED || resp->status == 204)
        return empty_response();
    if (resp->shared) {
        struct http_shared *s = resp->shared;

        r = MHD_create_response_from_buffer_with_free_callback_cls(s->len, s->bytes, shared_release,
                                                                   s);
        x->sent_bytes = s->len;
        if (r)
            resp->shared = NULL;
        return r;
    }
    x->sent_bytes = resp->body.len;
    if (x->sent_bytes == 0)
        return empty_response();
    return MHD_create_response_from_buffer(x->sent_bytes, strbuf_take(&resp->body),
                                           MHD_RESPMEM_MUST_FREE);
}

static void header_add(struct MHD_Response *r, const char *name, const char *value)
{
    /* Refused when it holds a line end: then it is left out, and nothing is smuggled. */
    if (value[0] && MHD_add_response_header(r, name, value) != MHD_YES)
        log_line(LOG_WARN, "http", "header-dropped", "name=%s", name);
}

static const char *cache_control(const struct exchange *x)
{
    unsigned flags = x->req.route ? x->req.route->flags : 0;

    if (!x->resp.etag[0] || (flags & ROUTE_NO_STORE) || x->refused)
        return "no-store";
    return flags & ROUTE_PUBLIC ? "no-cache" : "private, no-cache";
}

static void headers_add(const struct exchange *x, struct MHD_Response *r, const char *type)
{
    const struct response *resp = &x->resp;

    header_add(r, "X-Request-Id", x->req.id);
    if (resp->status == SWITCHING)
        return;
    header_add(r, "Cache-Control", cache_control(x));
    header_add(r, "ETag", resp->etag);
    header_add(r, "Location", resp->location);
    header_add(r, "Link", resp->link);
    header_add(r, "Retry-After", resp->retry_after);
    if (resp->extra_name[0])
        header_add(r, resp->extra_name, resp->extra_value);
    if (x->close || server_stops(x->server))
        header_add(r, "Connection", "close");
    if (type) {
        header_add(r, "Content-Type", type);
        if (!strstr(type, "json"))
            header_add(r, "X-Content-Type-Options", "nosniff");
    }
    if (x->stream)
        header_add(r, "X-Accel-Buffering", "no");
}

static void etag_resolve(struct exchange *x)
{
    struct response *resp = &x->resp;
    char quoted[sizeof resp->etag];
    const char *asked = x->heads.value[HEAD_IF_NONE_MATCH];

    if (resp->shared && !resp->etag[0])
        text_copy(resp->etag, sizeof resp->etag, resp->shared->etag);
    if (!resp->etag[0])
        return;
    if (!strchr(resp->etag, '"')) {
        snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)sizeof quoted - 3, resp->etag);
        text_copy(resp->etag, sizeof resp->etag, quoted);
    }
    if (asked && x->req.route && x->req.route->method == HTTP_GET && resp->status == 200 &&
        heads_etag_match(asked, resp->etag))
        resp->status = NOT_MODIFIED;
}

/* What the client is told the body is; NULL when there is none. */
static const char *content_type(const struct response *resp)
{
    if (resp->status == NOT_MODIFIED || resp->status == 204)
        return NULL;
    if (resp->shared)
        return resp->shared->content_type;
    if (resp->stream)
        return resp->content_type ? resp->content_type : "text/event-stream";
    return resp->body.len == 0  ? NULL
           : resp->content_type ? resp->content_type
                                : "application/json";
}

static enum err_code response_make(struct exchange *x, struct MHD_Response **out, struct err *e)
{
    struct response *resp = &x->resp;

    if (resp->body.failed)
        return err_set(e, ERR_INTERNAL, "the answer is larger than %d bytes",
                       HTTP_RESPONSE_BYTES_MAX);
    if (resp->tunnel_fd >= 0) {
        resp->status = SWITCHING;
        return tunnel_respond(x, out, e);
    }
    if (resp->stream && !x->head)
        return stream_respond(x, out, e);
    *out = body_response(x);
    return *out ? ERR_OK : err_set(e, ERR_INTERNAL, "out of memory");
}

static void status_count(struct exchange *x)
{
    int class = x->resp.status / 100;

    x->status = x->resp.status;
    if (class >= 1 && class <= 5)
        __atomic_add_fetch(&x->server->requests[class], 1, __ATOMIC_RELAXED);
}

enum MHD_Result exchange_answer(struct exchange *x)
{
    struct MHD_Response *r = NULL;
    enum MHD_Result queued;
    const char *type;
    char type_copy[64] = "";
    enum err_code rc;
    struct err e;

    x->phase = EXCHANGE_ANSWERED;
    x->route = x->req.route;
    text_copy(x->id, sizeof x->id, x->req.id);
    if (x->resp.status == 0)
        x->resp.status = 200;
    etag_resolve(x);
    type = content_type(&x->resp);
    if (type)
        text_copy(type_copy, sizeof type_copy, type); /* it may go with what it belongs to */
    rc = response_make(x, &r, &e);
    if (rc) {
        exchange_refuse(x, rc, &e);
        text_copy(type_copy, sizeof type_copy, x->resp.content_type);
        r = body_response(x);
    }
    if (!r)
        return MHD_NO;
    headers_add(x, r, type_copy[0] ? type_copy : NULL);
    status_count(x);
    conn_deadline(x->conn,
                  x->stream || x->tunnel
                      ? 0
                      : x->server->request_ms + (int64_t)x->sent_bytes / HTTP_SEND_BYTES_PER_MS);
    queued = MHD_queue_response(x->req.connection, (unsigned)x->resp.status, r);
    if (queued != MHD_YES)
        x->stream = NULL; /* it goes with the response */
    MHD_destroy_response(r);
    return queued;
}
