/* Organizations, projects, members, API keys, and who is asking. */
#include "api/resource/resource.h"

#include <sodium.h>
#include <string.h>

GET_ROUTE(organization, organization, out.version)
LIST_ROUTE(organization, organization, NULL)
GET_ROUTE(project, project, out.version)
LIST_ROUTE(project, project, NULL)
GET_ROUTE(member, member, out.version)
LIST_ROUTE(member, member, NULL)
LIST_ROUTE(audit, audit_record, NULL)

static enum err_code key_list_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return key_list(r->sv, tx, r->by, &r->page, (struct api_key **)r->items, r->count, r->next, e);
}

enum err_code key_list_route(struct request *req, struct response *resp, struct err *e)
{
    struct api_key *items = NULL;
    size_t count = 0;
    char next[CURSOR_BYTES_MAX] = "";
    struct read_call r = {.items = (void **)&items, .count = &count, .next = next};
    enum err_code rc = page_parse(req, NULL, &r.page, e);

    if (!rc)
        rc = read_run(req, &r, key_list_read, e);
    if (!rc)
        answer_page(req, resp, &api_key_shape, items, count, next);
    return rc;
}

static enum err_code me_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return me_get(r->sv, tx, r->by, r->out, e);
}

enum err_code me_get_route(struct request *req, struct response *resp, struct err *e)
{
    struct me out = {0};
    struct read_call r = {.out = &out};
    enum err_code rc = read_run(req, &r, me_read, e);

    if (!rc)
        answer_object(req, resp, &me_shape, &out, 0);
    return rc;
}

enum err_code organization_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct organization out = {0};
    enum err_code rc =
        organization_create(app_service(req), w->tx, app_actor(req), req->in, &out, e);

    if (rc)
        return rc;
    answer_location(req, resp, out.id);
    answer_object(req, resp, &organization_shape, &out, out.version);
    return ERR_OK;
}

enum err_code project_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct project out = {0};
    enum err_code rc = project_create(app_service(req), w->tx, app_actor(req), req->in, &out, e);

    if (rc)
        return rc;
    answer_location(req, resp, out.id);
    answer_object(req, resp, &project_shape, &out, out.version);
    return ERR_OK;
}

enum err_code member_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct member out = {0};
    enum err_code rc = member_create(app_service(req), w->tx, app_actor(req), req->in, &out, e);

    if (rc)
        return rc;
    answer_location(req, resp, out.id);
    answer_object(req, resp, &member_shape, &out, out.version);
    return ERR_OK;
}

enum err_code member_patch_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct member_patch in = {0};
    struct member out = {0};
    uint64_t present;
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc)
        rc = shape_patch(&member_patch_shape, req->in_json, &in, &present, e);
    if (!rc && !present)
        rc = err_set(e, ERR_INVALID, "nothing to change: expected role");
    if (!rc)
        rc = member_update(app_service(req), w->tx, app_actor(req), req->params[0], version, &in,
                           &out, e);
    if (!rc)
        answer_object(req, resp, &member_shape, &out, out.version);
    return rc;
}

enum err_code member_delete_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct member now = {0};
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc && version)
        rc = member_get(app_service(req), w->tx, app_actor(req), req->params[0], &now, e);
    if (!rc && version && version != now.version)
        rc = err_set(e, ERR_PRECONDITION, "member %s has changed: it is version %lld now", now.name,
                     (long long)now.version);
    if (!rc)
        rc = member_delete(app_service(req), w->tx, app_actor(req), req->params[0], e);
    if (!rc)
        resp->status = 204;
    return rc;
}

enum err_code key_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct api_key out = {0}, shown;
    enum err_code rc = key_create(app_service(req), w->tx, app_actor(req), req->in, &out, e);

    if (rc)
        return rc;
    /* Kept for repetitions without its token: a token is shown once and stored nowhere. */
    shown = out;
    sodium_memzero(shown.token, sizeof shown.token);
    shape_encode(&api_key_shape, &shown, &w->replay);
    answer_location(req, resp, out.id);
    answer_object(req, resp, &api_key_shape, &out, 0);
    return ERR_OK;
}

enum err_code key_revoke_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct api_key out = {0};
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc && version)
        rc = err_set(e, ERR_PRECONDITION, "an API key has no tag to match");
    if (!rc)
        rc = key_revoke(app_service(req), w->tx, app_actor(req), req->params[0], &out, e);
    if (!rc)
        answer_object(req, resp, &api_key_shape, &out, 0);
    return rc;
}
