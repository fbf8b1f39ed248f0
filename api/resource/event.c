/* Events: a page of them, or all that come, from where the client left off. */
#include "api/resource/app_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_AT_ONCE 100

struct event_stream {
    struct http_stream base;
    struct app *app;
    struct auth_watch auth;
    int64_t seq; /* last one sent */
};

struct events_read {
    struct event_stream *s;
    struct event *items;
    size_t count;
};

static enum err_code after_read(struct tx *tx, void *ctx, struct err *e)
{
    struct events_read *r = ctx;

    return event_after(r->s->app->service, tx, &r->s->auth.by, r->s->seq, EVENTS_AT_ONCE, &r->items,
                       &r->count, e);
}

static void event_write(struct strbuf *out, const struct event *ev)
{
    strbuf_addf(out, "id: %lld\nevent: %s\ndata: ", (long long)ev->seq, ev->kind);
    shape_encode(&event_shape, ev, out);
    strbuf_adds(out, "\n\n");
}

static enum err_code event_next(struct http_stream *base, struct strbuf *out, size_t len_max,
                                bool *end)
{
    struct event_stream *s = CONTAINER_OF(base, struct event_stream, base);
    struct events_read r = {.s = s};
    enum err_code rc;

    if (!auth_watch_holds(s->app, &s->auth, ACTION_EVENT_READ)) {
        *end = true; /* the client asks again and is told 401 or 403 */
        return ERR_OK;
    }
    rc = store_read(s->app->service->store, after_read, &r, NULL);
    if (rc == ERR_GONE)
        *end = true; /* the client asks again and is told 410 */
    if (rc)
        return rc == ERR_GONE ? ERR_OK : rc;
    for (size_t i = 0; i < r.count && out->len < len_max / 2; i++) {
        event_write(out, &r.items[i]);
        s->seq = r.items[i].seq;
    }
    LIST_FREE(&event_shape, r.items, r.count);
    return ERR_OK;
}

static void event_free(struct http_stream *base)
{
    free(CONTAINER_OF(base, struct event_stream, base));
}

static enum err_code seq_of(const struct request *req, int64_t *out, struct err *e)
{
    const char *text = request_header(req, "Last-Event-ID");
    char *end;
    long long n;

    *out = -1;
    if (!text)
        text = request_query(req, "after");
    if (!text)
        return ERR_OK;
    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < 0)
        return bad_argument(e, "after", "the id of an event (also in Last-Event-ID)");
    *out = n;
    return ERR_OK;
}

static enum err_code start_read(struct tx *tx, void *ctx, struct err *e)
{
    struct events_read *r = ctx;
    int64_t last = 0;
    enum err_code rc = row_event_last(tx, &last, e);

    if (rc)
        return rc;
    if (r->s->seq < 0) {
        r->s->seq = last; /* without a place: from now on */
        return ERR_OK;
    }
    if (r->s->seq > last) /* of another database, or of one that was set back */
        return err_set(e, ERR_GONE, "there is no event %lld yet: the last one is %lld",
                       (long long)r->s->seq, (long long)last);
    rc = after_read(tx, ctx, e); /* is the place still known? */
    if (!rc)
        LIST_FREE(&event_shape, r->items, r->count);
    return rc;
}

static enum err_code follow(struct request *req, struct response *resp, struct err *e)
{
    struct event_stream *s = calloc(1, sizeof *s);
    struct events_read r = {.s = s};
    enum err_code rc;

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->app = app_of(req);
    s->auth.by = *app_actor(req);
    s->base = (struct http_stream){.next = event_next, .free = event_free, .heartbeat = true};
    text_copy(s->base.topic_text, sizeof s->base.topic_text,
              s->auth.by.staff_role == STAFF_NONE ? s->auth.by.organization_id : "");
    s->base.topic = s->base.topic_text;
    rc = seq_of(req, &s->seq, e);
    if (!rc)
        rc = store_read(s->app->service->store, start_read, &r, e);
    if (rc) {
        free(s);
        return rc;
    }
    resp->content_type = "text/event-stream";
    resp->stream = &s->base;
    return ERR_OK;
}

static enum err_code page_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return event_list(r->sv, tx, r->by, &r->page, (struct event **)r->items, r->count, r->next, e);
}

/* A live stream has no pages; a page has no place to continue after. */
static enum err_code mode_check(const struct request *req, bool live, struct err *e)
{
    for (const struct route_query *q = req->route->query; q->name; q++)
        if (request_query(req, q->name) && (strcmp(q->name, "after") == 0) != live)
            return bad_argument(e, q->name,
                                live ? "no filter on a live stream" : "Accept: text/event-stream");
    return ERR_OK;
}

enum err_code event_list_route(struct request *req, struct response *resp, struct err *e)
{
    const char *accept = request_header(req, "Accept");
    bool live = accept && strstr(accept, "text/event-stream");
    struct event *items = NULL;
    size_t count = 0;
    char next[CURSOR_BYTES_MAX] = "";
    struct read_call r = {.items = (void **)&items, .count = &count, .next = next};
    enum err_code rc = mode_check(req, live, e);

    if (rc)
        return rc;
    if (live)
        return follow(req, resp, e);
    rc = page_parse(req, NULL, &r.page, e);
    if (!rc)
        rc = read_run(req, &r, page_read, e);
    if (!rc)
        answer_page(req, resp, &event_shape, items, count, next);
    return rc;
}
