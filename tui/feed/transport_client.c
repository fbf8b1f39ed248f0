/* The transport that is the real client. */
#include "tui/feed/transport.h"

static struct client *client_of(struct transport *t)
{
    return CONTAINER_OF(t, struct transport_client, base)->client;
}

static int send_call(struct transport *t, const char *method, const char *path, const char *body,
                     const struct request_options *o, reply_fn *done, void *ctx)
{
    return client_send(client_of(t), method, path, body, o, done, ctx);
}

static int open_stream(struct transport *t, const char *path, const char *last_event_id,
                       const struct stream_ops *ops, void *ctx)
{
    return client_stream(client_of(t), path, last_event_id, ops, ctx);
}

static void cancel_call(struct transport *t, int call)
{
    client_cancel(client_of(t), call);
}

static enum err_code wait_for(struct transport *t, struct pollfd *fds, size_t fd_count,
                              int timeout_ms, struct err *e)
{
    return client_poll(client_of(t), fds, fd_count, timeout_ms, e);
}

static const struct transport_ops client_ops = {
    .send = send_call,
    .stream = open_stream,
    .cancel = cancel_call,
    .poll = wait_for,
};

void transport_client_init(struct transport_client *t, struct client *client)
{
    t->base.ops = &client_ops;
    t->client = client;
}
