/* Jobs: submit (or estimate), look, cancel. Their output is in job_log.c. */
#include "api/resource/resource.h"

GET_ROUTE(job, job, out.version)
LIST_ROUTE(job, job, job_state_names)

static enum err_code estimate_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return job_estimate(r->sv, tx, r->by, r->req->in, r->out, e);
}

enum err_code job_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct job out = {0};
    enum err_code rc;

    if (req->dry_run) {
        struct estimate est = {0};
        struct read_call r = {.out = &est};

        rc = read_run(req, &r, estimate_read, e);
        if (!rc)
            answer_object(req, resp, &estimate_shape, &est, 0);
        return rc;
    }
    rc = job_submit(app_service(req), w->tx, app_actor(req), req->in, &out, e);
    if (rc)
        return rc;
    answer_location(req, resp, out.id);
    answer_object(req, resp, &job_shape, &out, out.version);
    return ERR_OK;
}

enum err_code job_cancel_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct job out = {0};
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc)
        rc = job_cancel(app_service(req), w->tx, app_actor(req), req->params[0], version, &out, e);
    if (!rc)
        answer_object(req, resp, &job_shape, &out, out.version);
    return rc;
}
