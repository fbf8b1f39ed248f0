/* What is checked before a handler runs: address, route, key, framing, content type; and
 * the body, decoded by the route's shape. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/http/http_internal.h"
#include "core/id.h"

#define QUERY_NAMES_MAX 16

static enum err_code route_resolve(struct exchange *x, const char *method, struct err *e)
{
    enum http_method m = method_parse(method);

    x->head = strcmp(method, "HEAD") == 0;
    x->options = strcmp(method, "OPTIONS") == 0;
    x->node = route_find(x->server->routes, &x->target, x->req.params);
    if (!x->node && x->options && strcmp(x->req.path, "*") == 0)
        return ERR_OK;
    if (!x->node)
        return err_set(e, ERR_NOT_FOUND, "there is nothing at this address");
    if (x->options)
        return ERR_OK;
    x->req.route = m < HTTP_METHOD_COUNT ? x->node->routes[m] : NULL;
    if (!x->req.route)
        return err_set(e, ERR_METHOD, "this address takes %s", x->node->allow);
    return ERR_OK;
}

static enum err_code target_resolve(struct exchange *x, const char *method, struct err *e)
{
    enum err_code rc;

    if (strlen(x->uri) > HTTP_LINE_BYTES_MAX)
        return err_set(e, ERR_URI_TOO_LONG, "the address is longer than %d bytes",
                       HTTP_LINE_BYTES_MAX);
    rc = target_parse(x->uri, &x->target, e);
    return rc ? rc : route_resolve(x, method, e);
}

static enum err_code authenticate(struct exchange *x, struct err *e)
{
    char token[TOKEN_BYTES_MAX];
    enum err_code rc;

    if (x->options || !x->req.route || (x->req.route->flags & ROUTE_PUBLIC))
        return ERR_OK;
    rc = heads_bearer(&x->heads, token, sizeof token, e);
    if (!rc)
        rc = x->server->app->authenticate(x->server->app, &x->req, token, e);
    explicit_bzero(token, sizeof token);
    return rc;
}

/* A dry run that the route does not know would be the real thing. */
static enum err_code dry_run_resolve(struct exchange *x, struct err *e)
{
    const char *value = request_query(&x->req, "dry_run");

    if (!value)
        return ERR_OK;
    if (!(x->req.route->flags & ROUTE_DRY_RUN)) {
        err_set(e, ERR_INVALID, "this request has no dry run");
        err_detail(e, "?dry_run", "unknown_parameter", "not known here");
        return ERR_INVALID;
    }
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        err_set(e, ERR_INVALID, "dry_run is true or false");
        err_detail(e, "?dry_run", "wrong_type", "must be true or false");
        return ERR_INVALID;
    }
    x->req.dry_run = value[0] == 't';
    return ERR_OK;
}

/* What the route does not know is refused, never ignored. */
static enum err_code query_check(const struct exchange *x, struct err *e)
{
    const char *names[QUERY_NAMES_MAX + 1];
    const struct route_query *q = x->req.route->query;
    size_t n = 0;

    if (!q)
        return ERR_OK;
    for (; q->name && n < QUERY_NAMES_MAX; q++)
        names[n++] = q->name;
    names[n] = NULL;
    return request_query_only(&x->req, names, e);
}

static enum err_code idempotency_check(const struct exchange *x, struct err *e)
{
    const char *key = x->heads.value[HEAD_IDEMPOTENCY_KEY];
    unsigned flags = x->req.route->flags;

    if (!(flags & ROUTE_IDEMPOTENT) || x->req.dry_run)
        return ERR_OK;
    if (!key && (flags & ROUTE_KEY_REQUIRED))
        return err_set(e, ERR_BAD_REQUEST,
                       "send an Idempotency-Key (any unique text), so that a repetition is safe");
    if (!key)
        return ERR_OK;
    if (key[0] == '\0' || strlen(key) > HTTP_IDEMPOTENCY_KEY_BYTES_MAX)
        return err_set(e, ERR_BAD_REQUEST, "Idempotency-Key must have 1..%d bytes",
                       HTTP_IDEMPOTENCY_KEY_BYTES_MAX);
    for (const unsigned char *p = (const unsigned char *)key; *p; p++)
        if (*p < 0x21 || *p > 0x7E)
            return err_set(e, ERR_BAD_REQUEST, "Idempotency-Key must be printable ASCII");
    return ERR_OK;
}

static bool type_is(const char *value, const char *type)
{
    size_t len = strlen(type);

    return strncasecmp(value, type, len) == 0 &&
           (value[len] == '\0' || value[len] == ';' || value[len] == ' ' || value[len] == '\t');
}

static enum err_code content_check(const struct exchange *x, struct err *e)
{
    const char *type = x->heads.value[HEAD_CONTENT_TYPE];
    const struct route *r = x->req.route;

    if (heads_body_bytes(&x->heads) == 0)
        return ERR_OK;
    if (!r || !r->in)
        return err_set(e, ERR_BAD_REQUEST, "this request takes no body");
    if (type && type_is(type, "application/json"))
        return ERR_OK;
    if (type && r->method == HTTP_PATCH && type_is(type, "application/merge-patch+json"))
        return ERR_OK;
    return err_set(e, ERR_MEDIA_TYPE, "send the body as Content-Type: application/json%s",
                   r->method == HTTP_PATCH ? " or application/merge-patch+json" : "");
}

static enum err_code tunnel_check(const struct exchange *x, const char *version, struct err *e)
{
    if (!x->req.route || !(x->req.route->flags & ROUTE_TUNNEL))
        return ERR_OK;
    if (strcmp(version, "HTTP/1.1") == 0 && !x->head &&
        heads_list_has(x->heads.value[HEAD_CONNECTION], "upgrade") &&
        heads_list_has(x->heads.value[HEAD_UPGRADE], HTTP_TUNNEL_PROTOCOL))
        return ERR_OK;
    return err_set(e, ERR_BAD_REQUEST, "send 'Connection: Upgrade' and 'Upgrade: %s'",
                   HTTP_TUNNEL_PROTOCOL);
}

/* The client's own id if it can stand in a log line and a header. */
static void request_id_resolve(struct exchange *x)
{
    const char *own = x->heads.value[HEAD_REQUEST_ID];
    size_t len = own ? strspn(own, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "._-")
                     : 0;

    if (len == 0 || own[len] || !text_copy(x->req.id, sizeof x->req.id, own))
        id_new(ID_REQUEST, x->server->app->clock, x->req.id);
}

static enum err_code size_check(const struct exchange *x, struct err *e)
{
    if (heads_body_bytes(&x->heads) > HTTP_BODY_BYTES_MAX)
        return err_set(e, ERR_TOO_LARGE, "the body is larger than %d bytes", HTTP_BODY_BYTES_MAX);
    return ERR_OK;
}

enum err_code exchange_admit(struct exchange *x, const char *method, const char *version,
                             struct err *e)
{
    enum err_code rc;

    heads_read(x->req.connection, &x->heads);
    request_id_resolve(x);
    rc = heads_check(&x->heads, version, e);
    if (!rc)
        rc = target_resolve(x, method, e);
    if (!rc)
        rc = size_check(x, e);
    if (!rc)
        rc = authenticate(x, e);
    if (!rc)
        rc = content_check(x, e);
    if (rc || x->options)
        return rc;
    rc = tunnel_check(x, version, e);
    if (!rc)
        rc = dry_run_resolve(x, e);
    if (!rc)
        rc = query_check(x, e);
    return rc ? rc : idempotency_check(x, e);
}

enum err_code exchange_decode(struct exchange *x, struct err *e)
{
    const struct route *r = x->req.route;
    enum err_code rc = ERR_OK;

    x->req.body = x->body.data;
    x->req.body_len = x->body.len;
    if (!r->in)
        return ERR_OK;
    /* No body is an empty object: what is missing is then named. */
    if (x->body.len == 0)
        x->req.in_json = json_object();
    else
        rc = json_parse(x->body.data, x->body.len, &x->req.in_json, e);
    if (rc)
        return rc;
    x->req.in = calloc(1, r->in->size);
    if (!x->req.in || !x->req.in_json)
        return err_set(e, ERR_INTERNAL, "out of memory");
    /* A patch names what changes; what is required is there already. */
    return r->method == HTTP_PATCH ? shape_patch(r->in, x->req.in_json, x->req.in, NULL, e)
                                   : shape_decode(r->in, x->req.in_json, x->req.in, e);
}

/* --- what a handler asks of its request ------------------------------------------------------- */

const char *request_query(const struct request *req, const char *name)
{
    const struct target *t = &exchange_of(req)->target;

    for (size_t i = 0; i < t->query_count; i++)
        if (strcmp(t->query[i].name, name) == 0)
            return t->query[i].value;
    return NULL;
}

const char *request_header(const struct request *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

static bool query_is_known(const struct request *req, const char *name, const char *const *names)
{
    if (strcmp(name, "dry_run") == 0 && (req->route->flags & ROUTE_DRY_RUN))
        return true;
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static void query_detail(struct err *e, const char *name, const char *code, const char *text)
{
    char pointer[ERR_POINTER_MAX];

    if (!e)
        return;
    pointer[0] = '?';
    text_copy(pointer + 1, sizeof pointer - 1, name);
    if (e->detail_count == 0)
        err_set(e, ERR_INVALID, "the query argument '%.64s' is %s", name, text);
    err_detail(e, pointer, code, "%s", text);
}

enum err_code request_query_only(const struct request *req, const char *const *names, struct err *e)
{
    const struct target *t = &exchange_of(req)->target;
    bool bad = false;

    err_clear(e);
    for (size_t i = 0; i < t->query_count; i++) {
        const char *name = t->query[i].name;

        if (!query_is_known(req, name, names)) {
            query_detail(e, name, "unknown_parameter", "not known here");
            bad = true;
        } else if (request_query(req, name) != t->query[i].value) {
            query_detail(e, name, "duplicate_parameter", "given more than once");
            bad = true;
        }
    }
    return bad ? ERR_INVALID : ERR_OK;
}
