/* A connection turned into raw bytes, spliced with a descriptor of the application: each
 * tunnel has a thread, which is what a handful of long logins is worth. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/http/http_internal.h"
#include "core/log.h"

#define FLOW_BYTES        (HTTP_CONNECTION_MEMORY_BYTES + 4096) /* what a request may bring along */
#define STACK_BYTES       (256 * 1024)                          /* a guard may ask the store */
#define GUARD_MS          1000
#define LINGER_MS         5000 /* for the client to close after the target did */
#define GONE_MS           1000 /* for the rest of what a client sent before it hung up */
#define DEAD_PEER_SECONDS 60

/* One direction. */
struct flow {
    int from, to;
    size_t start, len;
    bool eof;  /* nothing more comes */
    bool done; /* ... and all of it was sent on */
    char bytes[FLOW_BYTES];
};

struct tunnel {
    struct tunnel *next, *prev;
    struct http_server *server;
    struct MHD_UpgradeResponseHandle *upgrade;
    struct http_guard *guard; /* NULL: none */
    int64_t guard_at_ms;      /* when it is asked again */
    int target;
    int client; /* to read and write: with TLS a socket pair of libmicrohttpd's */
    int wire;   /* the network connection itself */
    bool stop;  /* atomic */
    char request_id[ID_MAX];
    struct flow up, down; /* client to target, and back */
};

static void tunnel_unlink(struct tunnel *t)
{
    struct http_server *s = t->server;

    pthread_mutex_lock(&s->lock);
    if (t->next)
        t->next->prev = t->prev;
    if (t->prev)
        t->prev->next = t->next;
    else
        s->tunnels = t->next;
    pthread_mutex_unlock(&s->lock);
}

/* Unlinked before its connection is given back, so that tunnels_stop() never shuts down a
 * descriptor that is somebody else's by then; counted out after. */
static void tunnel_close(struct tunnel *t)
{
    struct http_server *s = t->server;

    tunnel_unlink(t);
    if (t->upgrade)
        MHD_upgrade_action(t->upgrade, MHD_UPGRADE_ACTION_CLOSE);
    close(t->target);
    if (t->guard)
        t->guard->free(t->guard);
    free(t);
    server_leave(s, &s->tunnel_count); /* from here on the application may go */
}

void tunnel_free(struct tunnel *t)
{
    tunnel_close(t);
}

static bool fault(ssize_t n)
{
    return n < 0 && errno != EAGAIN && errno != EINTR;
}

/* Move what can be moved without waiting. Returns false when the tunnel is broken. */
static bool flow_move(struct flow *f)
{
    ssize_t n;

    if (!f->eof && f->len == 0) {
        n = read(f->from, f->bytes, sizeof f->bytes);
        if (fault(n) && errno != ECONNRESET)
            return false;
        f->eof = n == 0 || fault(n);
        f->start = 0;
        f->len = n > 0 ? (size_t)n : 0;
    }
    if (f->len) {
        n = write(f->to, f->bytes + f->start, f->len);
        if (fault(n))
            return false;
        f->start += n > 0 ? (size_t)n : 0;
        f->len -= n > 0 ? (size_t)n : 0;
    }
    if (f->eof && f->len == 0 && !f->done) {
        f->done = true;
        shutdown(f->to, SHUT_WR);
    }
    return true;
}

static short wants_read(const struct flow *f)
{
    return !f->eof && f->len == 0 ? POLLIN : 0;
}

static short wants_write(const struct flow *f)
{
    return f->len ? POLLOUT : 0;
}

static bool guard_holds(struct tunnel *t)
{
    int64_t now_ms = mono_ms();

    if (!t->guard || now_ms < t->guard_at_ms)
        return true;
    t->guard_at_ms = now_ms + GUARD_MS;
    return t->guard->holds(t->guard);
}

/* With TLS libmicrohttpd 0.9.75 does not tell that the client hung up: the wire does, and
 * then what it had sent gets a moment to arrive. */
static void pump(struct tunnel *t, struct flow *up, struct flow *down)
{
    bool watch_wire = t->server->tls, gone = false;

    while (!(up->done && down->done) && !__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) {
        struct pollfd p[3] = {
            {.fd = t->client, .events = (short)(wants_read(up) | wants_write(down))},
            {.fd = t->target, .events = (short)(wants_read(down) | wants_write(up))},
            {.fd = watch_wire ? t->wire : -1, .events = POLLRDHUP},
        };
        int end_ms = down->done ? LINGER_MS : gone && !up->eof ? GONE_MS : -1;
        int n;

        for (int i = 0; i < 2; i++)
            if (!p[i].events)
                p[i].fd = -1; /* or a hang-up that is known would spin */
        n = poll(p, 3, end_ms >= 0 ? end_ms : t->guard ? GUARD_MS : -1);
        if (n == 0 && down->done)
            return;
        if (n == 0 && end_ms >= 0)
            up->eof = true;
        if (n > 0 && p[2].revents) {
            gone = true;
            watch_wire = false;
        }
        if (!guard_holds(t) || !flow_move(up) || !flow_move(down))
            return;
    }
}

static void *tunnel_run(void *arg)
{
    struct tunnel *t = arg;

    log_request_set(t->request_id);
    t->up.from = t->down.to = t->client;
    t->up.to = t->down.from = t->target;
    pump(t, &t->up, &t->down);
    tunnel_close(t);
    return NULL;
}

static int thread_start(struct tunnel *t)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    rc = pthread_create(&thread, &attr, tunnel_run, t);
    pthread_attr_destroy(&attr);
    return rc;
}

/* A peer that vanished without a word is found by probes. */
static void wire_watch(int fd)
{
    int one = 1, idle = DEAD_PEER_SECONDS;

    if (setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0)
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
}

/* libmicrohttpd has sent the 101; the connection is ours until MHD_upgrade_action(). */
static void tunnel_upgraded(void *cls, struct MHD_Connection *connection, void *context,
                            const char *early, size_t early_len, MHD_socket sock,
                            struct MHD_UpgradeResponseHandle *upgrade)
{
    struct tunnel *t = cls;
    struct exchange *x = context;
    int rc = EMSGSIZE;

    UNUSED(connection);
    x->tunnel = NULL; /* the thread's from here */
    t->upgrade = upgrade;
    pthread_mutex_lock(&t->server->lock);
    t->client = sock;
    pthread_mutex_unlock(&t->server->lock);
    wire_watch(t->wire);
    if (early_len <= sizeof t->up.bytes) { /* it came behind the request */
        if (early_len)
            memcpy(t->up.bytes, early, early_len);
        t->up.len = early_len;
        rc = thread_start(t);
    }
    if (rc) {
        log_line(LOG_WARN, "http", "tunnel-failed", "reason=\"%s\"", strerror(rc));
        tunnel_close(t);
    }
}

static enum err_code tunnel_link(struct http_server *s, struct tunnel *t, struct err *e)
{
    bool room;

    pthread_mutex_lock(&s->lock);
    room = s->tunnel_count < HTTP_TUNNELS_MAX && !server_stops(s);
    if (room) {
        t->next = s->tunnels;
        if (t->next)
            t->next->prev = t;
        s->tunnels = t;
        s->tunnel_count++;
    }
    pthread_mutex_unlock(&s->lock);
    return room ? ERR_OK
                : err_set(e, ERR_BUSY, "there are %d tunnels already; try again later",
                          HTTP_TUNNELS_MAX);
}

static struct tunnel *tunnel_new(struct exchange *x, int target)
{
    struct tunnel *t = calloc(1, sizeof *t);
    int flags = fcntl(target, F_GETFL);

    if (!t || flags < 0 || fcntl(target, F_SETFL, flags | O_NONBLOCK) != 0) {
        free(t);
        return NULL;
    }
    t->guard = x->resp.guard;
    x->resp.guard = NULL;
    t->guard_at_ms = mono_ms() + GUARD_MS; /* it was let in a moment ago */
    t->server = x->server;
    t->target = target;
    t->client = -1;
    t->wire = x->conn->fd;
    text_copy(t->request_id, sizeof t->request_id, x->req.id);
    return t;
}

enum err_code tunnel_respond(struct exchange *x, struct MHD_Response **out, struct err *e)
{
    int target = x->resp.tunnel_fd;
    struct tunnel *t = tunnel_new(x, target);
    struct MHD_Response *r;
    enum err_code rc;

    x->resp.tunnel_fd = -1;
    rc = t ? tunnel_link(x->server, t, e) : err_set(e, ERR_INTERNAL, "no memory for a tunnel");
    if (rc) {
        close(target);
        if (t && t->guard)
            t->guard->free(t->guard);
        free(t);
        return rc;
    }
    r = MHD_create_response_for_upgrade(tunnel_upgraded, t);
    if (!r || MHD_add_response_header(r, "Upgrade", HTTP_TUNNEL_PROTOCOL) != MHD_YES) {
        if (r)
            MHD_destroy_response(r);
        tunnel_free(t);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    x->tunnel = t;
    *out = r;
    return ERR_OK;
}

/* The threads close what is theirs; http_stop() waits for them. */
void tunnels_stop(struct http_server *s)
{
    pthread_mutex_lock(&s->lock);
    for (struct tunnel *t = s->tunnels; t; t = t->next) {
        __atomic_store_n(&t->stop, true, __ATOMIC_RELEASE);
        if (t->client >= 0)
            shutdown(t->client, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->lock);
}
