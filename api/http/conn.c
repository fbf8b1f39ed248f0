/* Connections, and the one thread that accepts them, cuts the slow ones, sends heartbeats
 * and finds followers that left. libmicrohttpd has no absolute time limit (a byte now and
 * then keeps a request open for ever) and, when it accepts by itself, a race at its
 * connection limit that ends the process on quiesce; both are settled here. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/http/http_internal.h"
#include "core/log.h"

#define ACCEPT_BATCH    64 /* between two looks at the clock */
#define ACCEPT_RETRY_MS 50 /* when descriptors or memory ran out */
#define ADDRESS_SHARE   4  /* one address outside may have this part of the connections */

#define REFUSAL_BODY                                                                         \
    "{\"type\":\"urn:hourglass:problem:busy\",\"title\":\"try again later\",\"status\":503," \
    "\"detail\":\"too many connections\",\"code\":\"busy\"}"
static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n"
                              "Content-Type: application/problem+json\r\n"
                              "Content-Length: 122\r\nRetry-After: 1\r\n"
                              "Connection: close\r\n\r\n" REFUSAL_BODY;
_Static_assert(sizeof REFUSAL_BODY - 1 == 122, "Content-Length of the refusal");

static uint64_t address_hash(const char *text)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h;
}

void conn_deadline(struct conn *c, int64_t ms)
{
    __atomic_store_n(&c->deadline_ms, ms ? mono_ms() + ms : 0, __ATOMIC_RELAXED);
}

struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

static struct conn *conn_new(struct http_server *s, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *fd, *address;
    struct conn *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->server = s;
    fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    c->fd = fd ? fd->connect_fd : -1;
    address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    address_format(address ? address->client_addr : NULL, c->address, sizeof c->address);
    c->address_hash = address_hash(c->address);
    conn_deadline(c, s->request_ms);
    return c;
}

static void conn_link(struct http_server *s, struct conn *c)
{
    pthread_mutex_lock(&s->lock);
    c->next = s->conns;
    if (c->next)
        c->next->prev = c;
    s->conns = c;
    s->conn_count++;
    pthread_mutex_unlock(&s->lock);
}

static void conn_unlink(struct http_server *s, struct conn *c)
{
    pthread_mutex_lock(&s->lock);
    if (c->next)
        c->next->prev = c->prev;
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    s->conn_count--;
    pthread_mutex_unlock(&s->lock);
}

void conn_notify(void *cls, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = cls;
    struct conn *c = *context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = c = conn_new(s, connection);
        if (c)
            conn_link(s, c);
    } else if (c) {
        *context = NULL;
        conn_unlink(s, c); /* before the descriptor is closed */
        free(c);
    }
}

/* Cut what has had its time. The socket is shut down only: closing it is libmicrohttpd's,
 * which sees the end and does so. */
static void conns_tick(struct http_server *s, int64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = s->conns; c; c = c->next) {
        int64_t deadline = __atomic_load_n(&c->deadline_ms, __ATOMIC_RELAXED);

        if (deadline == 0 || now_ms < deadline)
            continue;
        conn_deadline(c, 0);
        shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->lock);
}

/* True when there is no place for one more from this address. */
static bool conns_full(struct http_server *s, const struct sockaddr *sa)
{
    int64_t share = s->connections_max / ADDRESS_SHARE, same = 0;
    bool local = address_is_local(sa), full;
    char text[64];
    uint64_t hash;

    address_format(sa, text, sizeof text);
    hash = address_hash(text);
    pthread_mutex_lock(&s->lock);
    for (struct conn *c = local ? NULL : s->conns; c; c = c->next)
        same += c->address_hash == hash;
    full = s->conn_count >= s->connections_max || same > share;
    pthread_mutex_unlock(&s->lock);
    return full;
}

static void conn_refuse(struct http_server *s, int fd)
{
    ssize_t n;

    __atomic_add_fetch(&s->refused_limits, 1, __ATOMIC_RELAXED);
    n = s->tls ? 0 : send(fd, refusal, sizeof refusal - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    UNUSED(n); /* a kindness; whoever cannot read it sees the end */
    close(fd);
}

static struct MHD_Daemon *daemon_in_turn(struct http_server *s)
{
    s->daemon_next = (s->daemon_next + 1) % s->daemon_count;
    return s->daemons[s->daemon_next];
}

/* Take what waits. Returns false when descriptors or memory ran out. */
static bool keeper_accept(struct http_server *s)
{
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage sa = {.ss_family = AF_UNIX};
        socklen_t len = sizeof sa;
        int fd =
            accept4(s->listener.fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return errno == EAGAIN;
        if (conns_full(s, (struct sockaddr *)&sa))
            conn_refuse(s, fd);
        else /* closes it when it fails */
            MHD_add_connection(daemon_in_turn(s), fd, (struct sockaddr *)&sa, len);
    }
    return true;
}

static int keeper_tick_ms(const struct http_server *s)
{
    int64_t least = s->request_ms < s->heartbeat_ms ? s->request_ms : s->heartbeat_ms;

    return (int)(least / 4 < HTTP_TICK_MS ? least / 4 + 1 : HTTP_TICK_MS);
}

static bool conns_empty(struct http_server *s)
{
    bool empty;

    pthread_mutex_lock(&s->lock);
    empty = s->conn_count == 0;
    pthread_mutex_unlock(&s->lock);
    return empty;
}

/* Without connections it sleeps until one comes. */
static void *keeper_run(void *arg)
{
    struct http_server *s = arg;
    int tick_ms = keeper_tick_ms(s);
    int64_t next_ms = 0;
    bool came = false, room = true;

    for (;;) {
        struct pollfd p[2] = {{.fd = s->keeper_fd, .events = POLLIN},
                              {.fd = room ? s->listener.fd : -1, .events = POLLIN}};
        int wait_ms = !room ? ACCEPT_RETRY_MS : came || !conns_empty(s) ? tick_ms : -1;
        int n = poll(p, 2, wait_ms);
        int64_t now_ms = mono_ms();

        if (n > 0 && p[0].revents)
            return NULL;
        came = n > 0 && p[1].revents;
        room = !came || keeper_accept(s);
        if (now_ms < next_ms)
            continue;
        next_ms = now_ms + tick_ms;
        conns_tick(s, now_ms);
        streams_tick(s, now_ms);
    }
}

enum err_code keeper_start(struct http_server *s, struct err *e)
{
    int rc;

    s->keeper_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->keeper_fd < 0)
        return err_set(e, ERR_IO, "eventfd: %s", strerror(errno));
    rc = pthread_create(&s->keeper, NULL, keeper_run, s);
    if (rc)
        return err_set(e, ERR_IO, "cannot start a thread: %s", strerror(rc));
    s->keeper_runs = true;
    return ERR_OK;
}

void keeper_stop(struct http_server *s)
{
    uint64_t one = 1;

    if (s->keeper_runs) {
        ssize_t n = write(s->keeper_fd, &one, sizeof one);

        UNUSED(n); /* an eventfd at zero takes it */
        pthread_join(s->keeper, NULL);
        s->keeper_runs = false;
    }
    if (s->keeper_fd >= 0)
        close(s->keeper_fd);
    s->keeper_fd = -1;
}
