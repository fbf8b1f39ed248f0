/* What handlers share: pages in, objects and pages out. */
#include "api/resource/resource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum err_code read_run(struct request *req, struct read_call *r, tx_fn *fn, struct err *e)
{
    r->req = req;
    r->sv = app_service(req);
    r->by = app_actor(req);
    return store_read(r->sv->store, fn, r, e);
}

/* --- pages in ------------------------------------------------------------------------------- */

enum err_code bad_argument(struct err *e, const char *name, const char *expected)
{
    char pointer[64];

    err_set(e, ERR_INVALID, "?%s: expected %s", name, expected);
    snprintf(pointer, sizeof pointer, "?%s", name);
    err_detail(e, pointer, "bad_parameter", "expected %s", expected);
    return ERR_INVALID;
}

static enum err_code page_limit(const char *text, int64_t *out, struct err *e)
{
    char *end;
    long long n;

    *out = PAGE_ITEMS_DEFAULT;
    if (!text)
        return ERR_OK;
    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < 1 || n > PAGE_ITEMS_MAX)
        return bad_argument(e, "limit", "a number from 1 to 200");
    *out = n;
    return ERR_OK;
}

static enum err_code page_time(const struct request *req, const char *name, int64_t *out,
                               struct err *e)
{
    const char *text = request_query(req, name);

    if (text && rfc3339_parse(text, out, NULL))
        return bad_argument(e, name, "a time such as 2026-11-20T13:00:00Z");
    return ERR_OK;
}

static enum err_code page_text(const struct request *req, const char *name, char *out, size_t size,
                               struct err *e)
{
    const char *text = request_query(req, name);

    if (text && !text_copy(out, size, text))
        return bad_argument(e, name, "a shorter text");
    return ERR_OK;
}

static bool name_in(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

enum err_code page_parse(const struct request *req, const char *const *states,
                         struct page_query *out, struct err *e)
{
    struct page_query q = {0};
    const char *state = request_query(req, "state");
    enum err_code rc = page_limit(request_query(req, "limit"), &q.limit, e);

    if (!rc && state && !name_in(states, state))
        rc = bad_argument(e, "state", "a state of this kind of object");
    if (!rc)
        rc = page_text(req, "cursor", q.cursor, sizeof q.cursor, e);
    if (!rc)
        rc = page_text(req, "state", q.state, sizeof q.state, e);
    if (!rc)
        rc = page_text(req, "text", q.text, sizeof q.text, e);
    if (!rc)
        rc = page_text(req, "project_id", q.project_id, sizeof q.project_id, e);
    if (!rc)
        rc = page_text(req, "instance_id", q.instance_id, sizeof q.instance_id, e);
    if (!rc)
        rc = page_text(req, "zone", q.zone, sizeof q.zone, e);
    if (!rc)
        rc = page_text(req, "gpu_model", q.gpu_model, sizeof q.gpu_model, e);
    if (!rc)
        rc = page_time(req, "from", &q.from_ms, e);
    if (!rc)
        rc = page_time(req, "to", &q.to_ms, e);
    if (!rc)
        *out = q;
    return rc;
}

/* --- answers out ------------------------------------------------------------------------------ */

/* Percent-encoded, as a value of a query. */
static void query_add(struct strbuf *out, const char *name, const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    strbuf_addf(out, "&%s=", name);
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if (strchr(plain, *p))
            strbuf_addc(out, (char)*p);
        else
            strbuf_addf(out, "%%%02X", *p);
    }
}

/* The filters go along, so that following the link stays in the same list; without room for
 * all of them there is no link, and next_cursor in the body is the way. */
static void link_next(const struct request *req, struct response *resp, const char *next)
{
    STRBUF text;

    strbuf_init(&text, sizeof resp->link - 1);
    strbuf_addf(&text, "<%s?cursor=%s", req->path, next);
    for (const struct route_query *q = req->route->query; q && q->name; q++) {
        const char *value = request_query(req, q->name);

        if (value && strcmp(q->name, "cursor") != 0)
            query_add(&text, q->name, value);
    }
    strbuf_adds(&text, ">; rel=\"next\"");
    if (!text.failed)
        text_copy(resp->link, sizeof resp->link, text.data);
}

void answer_page(const struct request *req, struct response *resp, const struct shape *s,
                 void *items_take, size_t count, const char *next)
{
    shape_encode_list(s, items_take, count, next, &resp->body);
    LIST_FREE(s, items_take, count);
    if (next[0])
        link_next(req, resp, next);
}

void answer_object(const struct request *req, struct response *resp, const struct shape *s,
                   void *object_take, int64_t version)
{
    resp->status = req->dry_run ? 200 : req->route->status;
    shape_encode(s, object_take, &resp->body);
    shape_release(s, object_take);
    if (version > 0)
        snprintf(resp->etag, sizeof resp->etag, "\"%lld\"", (long long)version);
}

void answer_location(const struct request *req, struct response *resp, const char *id)
{
    char one[64];

    snprintf(one, sizeof one, "%s/{id}", req->route->pattern);
    for (size_t i = 0; i < api_routes_count; i++)
        if (api_routes[i].method == HTTP_GET && strcmp(api_routes[i].pattern, one) == 0)
            snprintf(resp->location, sizeof resp->location, "%s/%s", req->route->pattern, id);
}

enum err_code if_match_version(const struct request *req, int64_t *version, struct err *e)
{
    const char *tag = request_header(req, "If-Match");
    char *end;
    long long n;

    *version = 0;
    if (!tag || strcmp(tag, "*") == 0)
        return ERR_OK;
    errno = 0;
    n = tag[0] == '"' ? strtoll(tag + 1, &end, 10) : 0;
    if (errno || n <= 0 || strcmp(end, "\"") != 0)
        return err_set(e, ERR_PRECONDITION, "If-Match %s is not a tag of this object", tag);
    *version = n;
    return ERR_OK;
}
