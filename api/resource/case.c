/* Cases for support: look, close. */
#include "api/resource/resource.h"

GET_ROUTE(case, support_case, out.version)
LIST_ROUTE(case, support_case, case_state_names)

enum err_code case_act_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct support_case out = {0};
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc)
        rc = case_act(app_service(req), w->tx, app_actor(req), req->params[0], version, req->in,
                      &out, e);
    if (!rc)
        answer_object(req, resp, &support_case_shape, &out, out.version);
    return rc;
}
