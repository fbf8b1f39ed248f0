/* Credit: balance, grants, holds, entries, usage. */
#include "api/resource/resource.h"

LIST_ROUTE(grant, grant, NULL)
LIST_ROUTE(hold, hold, hold_state_names)
LIST_ROUTE(entry, entry, NULL)
LIST_ROUTE(usage, usage, NULL)

static enum err_code credit_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;
    const char *organization = request_query(r->req, "organization_id");

    return credit_get(r->sv, tx, r->by, organization ? organization : "", r->out, e);
}

enum err_code credit_get_route(struct request *req, struct response *resp, struct err *e)
{
    struct credit out = {0};
    struct read_call r = {.out = &out};
    enum err_code rc = read_run(req, &r, credit_read, e);

    if (!rc)
        answer_object(req, resp, &credit_shape, &out, 0);
    return rc;
}

enum err_code grant_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct grant out = {0};
    enum err_code rc = grant_create(app_service(req), w->tx, app_actor(req), req->in, &out, e);

    if (!rc)
        answer_object(req, resp, &grant_shape, &out, out.version);
    return rc;
}
