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

static const char *const page_names[] = {"limit",      "cursor", "state",       "text",
                                         "project_id", "zone",   "instance_id", "gpu_model",
                                         "from",       "to",     NULL};

static enum err_code bad_argument(struct err *e, const char *name, const char *expected)
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

static enum err_code page_names_only(const struct request *req, const char *const *extra,
                                     struct err *e)
{
    const char *all[ARRAY_SIZE(page_names) + 8];
    size_t n = 0;

    for (size_t i = 0; page_names[i]; i++)
        all[n++] = page_names[i];
    for (size_t i = 0; extra && extra[i] && n + 1 < ARRAY_SIZE(all); i++)
        all[n++] = extra[i];
    all[n] = NULL;
    return request_query_only(req, all, e);
}

enum err_code page_parse(const struct request *req, const char *const *states,
                         const char *const *extra, struct page_query *out, struct err *e)
{
    struct page_query q = {0};
    const char *state = request_query(req, "state");
    enum err_code rc = page_names_only(req, extra, e);

    if (!rc)
        rc = page_limit(request_query(req, "limit"), &q.limit, e);
    if (!rc && state && !name_in(states, state))
        rc = bad_argument(e, "state", states ? "a state of this kind of object" : "no state here");
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

/* Only what needs no encoding goes along: a filter of free text is the client's to repeat. */
static bool is_plain(const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";

    return value[strspn(value, plain)] == '\0';
}

/* The filters go along, so that following the link stays in the same list. */
static void link_next(const struct request *req, struct response *resp, const char *next)
{
    STRBUF text;

    strbuf_init(&text, sizeof resp->link - 1);
    strbuf_addf(&text, "<%s?cursor=%s", req->path, next);
    for (size_t i = 0; page_names[i]; i++) {
        const char *value = request_query(req, page_names[i]);

        if (value && strcmp(page_names[i], "cursor") != 0 && is_plain(value))
            strbuf_addf(&text, "&%s=%s", page_names[i], value);
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

void answer_object(struct response *resp, int status, const struct shape *s, void *object_take,
                   int64_t version)
{
    resp->status = status;
    shape_encode(s, object_take, &resp->body);
    shape_release(s, object_take);
    if (version > 0)
        snprintf(resp->etag, sizeof resp->etag, "\"%lld\"", (long long)version);
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
