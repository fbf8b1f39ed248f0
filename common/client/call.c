/* For programs that may wait: one request, polled to its answer. */
#include <stdlib.h>
#include <string.h>

#include "client/client.h"

struct waiting {
    bool answered;
    struct answer *out;
    struct err *e;
    enum err_code rc;
};

static void answered(void *ctx, const struct reply *r)
{
    struct waiting *w = ctx;

    w->answered = true;
    w->rc = r->rc;
    if (w->e)
        *w->e = *r->err;
    if (!w->out)
        return;
    w->out->status = r->status;
    w->out->broke = r->broke;
    w->out->retry_after_seconds = r->retry_after_seconds;
    text_copy(w->out->etag, sizeof w->out->etag, r->etag);
    text_copy(w->out->request_id, sizeof w->out->request_id, r->request_id);
    if (r->rc)
        return;
    w->out->body = malloc(r->len + 1);
    if (!w->out->body) {
        w->rc = err_set(w->e, ERR_INTERNAL, "out of memory");
        return;
    }
    memcpy(w->out->body, r->body, r->len + 1);
    w->out->len = r->len;
}

enum err_code client_call(struct client *cl, const char *method, const char *path, const char *body,
                          const struct request_options *o, struct answer *out, struct err *e)
{
    struct waiting w = {.out = out, .e = e};
    int call;

    if (out)
        memset(out, 0, sizeof *out);
    call = client_send(cl, method, path, body, o, answered, &w);
    if (!call)
        return err_set(e, ERR_INTERNAL, "out of memory");
    while (!w.answered) {
        enum err_code rc = client_poll(cl, NULL, 0, -1, e);

        if (!rc || w.answered)
            continue;
        if (rc != ERR_GONE) /* else it was closed, and its calls with it */
            client_cancel(cl, call);
        return rc;
    }
    return w.rc;
}

void answer_release(struct answer *a)
{
    free(a->body);
    memset(a, 0, sizeof *a);
}
