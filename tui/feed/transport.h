/* How requests leave the console: the real client, or a test's. The meaning of each function
 * is that of client/client.h. */
#ifndef TUI_FEED_TRANSPORT_H
#define TUI_FEED_TRANSPORT_H

#include "client/client.h"

struct transport;

struct transport_ops {
    int (*send)(struct transport *t, const char *method, const char *path, const char *body,
                const struct request_options *o, reply_fn *done, void *ctx);
    int (*stream)(struct transport *t, const char *path, const char *last_event_id,
                  const struct stream_ops *ops, void *ctx);
    void (*cancel)(struct transport *t, int call);
    enum err_code (*poll)(struct transport *t, struct pollfd *fds, size_t fd_count, int timeout_ms,
                          struct err *e);
};

struct transport {
    const struct transport_ops *ops;
};

/* Over a client; closing both stays with the caller. */
struct transport_client {
    struct transport base;
    struct client *client;
};
void transport_client_init(struct transport_client *t, struct client *client);

#endif
