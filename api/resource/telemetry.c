/* Telemetry: posted by watchers, listed. Kept in memory, so that neither is a write. */
#include "api/resource/resource.h"

static enum err_code telemetry_create_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return telemetry_post(r->sv, tx, r->by, r->req->in, e);
}

enum err_code telemetry_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct read_call r = {0};
    enum err_code rc = read_run(req, &r, telemetry_create_read, e);

    if (!rc)
        resp->status = req->route->status;
    return rc;
}

static enum err_code telemetry_list_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return telemetry_list(r->sv, tx, r->by, &r->page, (struct telemetry_sample **)r->items,
                          r->count, r->next, e);
}

enum err_code telemetry_list_route(struct request *req, struct response *resp, struct err *e)
{
    const char *host = request_query(req, "host");
    char next[CURSOR_BYTES_MAX] = "";
    struct telemetry_sample *items = NULL;
    size_t count = 0;
    struct read_call r = {.items = (void **)&items, .count = &count, .next = next};
    enum err_code rc = page_parse(req, NULL, &r.page, e);

    if (!rc && host && !text_copy(r.page.text, sizeof r.page.text, host))
        rc = bad_argument(e, "host", "the name of a machine");
    if (!rc)
        rc = read_run(req, &r, telemetry_list_read, e);
    if (!rc)
        answer_page(req, resp, &telemetry_sample_shape, items, count, next);
    return rc;
}
