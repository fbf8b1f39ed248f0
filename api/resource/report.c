/* Reports of GPU checks: posted by members, listed, one. */
#include "api/resource/resource.h"

GET_ROUTE(report, report, 0)
LIST_ROUTE(report, report, NULL)

enum err_code report_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct report out = {0};
    enum err_code rc = report_post(app_service(req), w->tx, app_actor(req), req->in, &out, e);

    if (!rc)
        answer_object(req, resp, &report_shape, &out, 0);
    return rc;
}
