/* Nodes: look, drain, resume. For staff. */
#include "api/resource/resource.h"

GET_ROUTE(node, node, out.version)
LIST_ROUTE(node, node, node_state_names)

enum err_code node_act_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct node out = {0};
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc)
        rc = node_act(app_service(req), w->tx, app_actor(req), req->params[0], version, req->in,
                      &out, e);
    if (!rc)
        answer_object(req, resp, &node_shape, &out, out.version);
    return rc;
}
