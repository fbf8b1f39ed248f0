/* Start and stop. The order of the stop is the point: nothing new, then what sleeps wakes
 * up and ends, then what runs ends, then libmicrohttpd. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/http/http_internal.h"
#include "core/file.h"
#include "core/log.h"

#define THREADS_DEFAULT 2
#define PEM_BYTES_MAX   (256 * 1024)
#define OPTIONS_MAX     16
/* A pool above 32 KiB is mapped rather than taken from the heap: of a connection that only
 * listens to a stream two or three pages are then ever touched. */
#define POOL_BYTES     (HTTP_CONNECTION_MEMORY_BYTES + 4096)
#define TLS_PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:-VERS-DTLS-ALL:%SERVER_PRECEDENCE"

void server_leave(struct http_server *s, int64_t *count)
{
    pthread_mutex_lock(&s->lock);
    (*count)--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* libmicrohttpd's own remarks (a client left, a request was malformed) are for debugging;
 * while it starts the last one is the reason of the failure. */
PRINTF_LIKE(2, 0)
static void daemon_log(void *cls, const char *fmt, va_list ap)
{
    struct http_server *s = cls;
    char text[sizeof s->daemon_said];

    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    if (s->starting)
        text_copy(s->daemon_said, sizeof s->daemon_said, text);
    log_line(LOG_DEBUG, "http", "libmicrohttpd", "said=\"%s\"", text);
}

static enum err_code tls_load(struct http_server *s, const struct http_config *c, struct err *e)
{
    enum err_code rc;

    strbuf_init(&s->certificate, PEM_BYTES_MAX);
    strbuf_init(&s->key, PEM_BYTES_MAX);
    if (!c->tls_certificate && !c->tls_key)
        return ERR_OK;
    if (!c->tls_certificate || !c->tls_key)
        return err_set(e, ERR_INVALID, "TLS needs both a certificate and a key");
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return err_set(e, ERR_IO, "this libmicrohttpd was built without TLS");
    rc = file_read(c->tls_certificate, &s->certificate, e);
    if (rc)
        return err_wrap(e, ERR_IO, "TLS certificate");
    rc = file_read_secret(c->tls_key, &s->key, e);
    if (rc)
        return err_wrap(e, ERR_IO, "TLS key");
    s->tls = true;
    return ERR_OK;
}

static size_t options_fill(struct http_server *s, struct MHD_OptionItem *o)
{
    size_t n = 0;

#define OPTION(name, number, pointer) \
    o[n++] = (struct MHD_OptionItem){MHD_OPTION_##name, (intptr_t)(number), pointer}
    OPTION(CONNECTION_MEMORY_LIMIT, POOL_BYTES, NULL);
    OPTION(CONNECTION_LIMIT, s->connections_max + 8, NULL); /* the keeper's is exact */
    OPTION(CONNECTION_TIMEOUT, (s->request_ms + 999) / 1000, NULL);
    OPTION(SIGPIPE_HANDLED_BY_APP, 1, NULL);
    if (s->tls) {
        OPTION(HTTPS_MEM_CERT, 0, s->certificate.data);
        OPTION(HTTPS_MEM_KEY, 0, s->key.data);
        OPTION(HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES);
    }
    OPTION(END, 0, NULL);
#undef OPTION
    return n;
}

static enum err_code daemon_start(struct http_server *s, struct err *e)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[OPTIONS_MAX];
    struct MHD_Daemon *d;

    if (s->tls)
        flags |= MHD_USE_TLS;
    options_fill(s, options);
    s->starting = true;
    d = MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_step, s, MHD_OPTION_EXTERNAL_LOGGER, daemon_log, s,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_open, s, MHD_OPTION_NOTIFY_COMPLETED, exchange_close,
        s, MHD_OPTION_NOTIFY_CONNECTION, conn_notify, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    s->starting = false;
    if (!d)
        return err_set(e, ERR_IO, "cannot start the HTTP server: %s",
                       s->daemon_said[0] ? s->daemon_said : "libmicrohttpd gives no reason");
    s->daemons[s->daemon_count++] = d;
    return ERR_OK;
}

/* One for each thread rather than one with a pool: a pool chooses the thread by the number of the
 * descriptor, and numbers that are used again are soon nearly all even or all odd. */
static enum err_code daemons_start(struct http_server *s, int threads, struct err *e)
{
    enum err_code rc = ERR_OK;

    if (threads > HTTP_THREADS_MAX)
        return err_set(e, ERR_INVALID, "%d HTTP threads, at most %d", threads, HTTP_THREADS_MAX);
    while (!rc && s->daemon_count < threads)
        rc = daemon_start(s, e);
    return rc;
}

static void server_free(struct http_server *s)
{
    for (int i = 0; i < s->daemon_count; i++)
        MHD_stop_daemon(s->daemons[i]);
    listener_close(&s->listener);
    route_tree_free(s->routes);
    explicit_bzero(s->key.data, s->key.len);
    strbuf_release(&s->key);
    strbuf_release(&s->certificate);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->stream_lock);
    pthread_cond_destroy(&s->changed);
    free(s);
}

static struct http_server *server_new(const struct http_config *c)
{
    struct http_server *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;

    if (!s)
        return NULL;
    s->app = c->app;
    s->log_requests = c->log_requests;
    s->connections_max = c->connections_max > 0 ? c->connections_max : HTTP_CONNECTIONS_MAX;
    s->request_ms =
        1000 * (int64_t)(c->request_seconds > 0 ? c->request_seconds : HTTP_REQUEST_SECONDS_MAX);
    s->heartbeat_ms =
        1000 * (int64_t)(c->heartbeat_seconds > 0 ? c->heartbeat_seconds : HTTP_HEARTBEAT_SECONDS);
    s->listener.fd = s->keeper_fd = -1;
    strbuf_init(&s->certificate, PEM_BYTES_MAX);
    strbuf_init(&s->key, PEM_BYTES_MAX);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->stream_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    return s;
}

enum err_code http_start(const struct http_config *c, struct http_server **out, struct err *e)
{
    struct http_server *s = server_new(c);
    enum err_code rc;

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    signal(SIGPIPE, SIG_IGN);
    rc = route_tree_new(c->app->routes, c->app->route_count, &s->routes, e);
    if (!rc)
        rc = tls_load(s, c, e);
    if (!rc)
        rc = listener_open(c->listen, s->tls, &s->listener, e);
    if (!rc)
        rc = daemons_start(s, c->threads > 0 ? c->threads : THREADS_DEFAULT, e);
    if (!rc)
        rc = keeper_start(s, e);
    if (rc) {
        keeper_stop(s);
        server_free(s);
        return rc;
    }
    *out = s;
    return ERR_OK;
}

int http_port(const struct http_server *s)
{
    return s->listener.port;
}

/* Requests in flight and tunnels within the grace; writes however long they take. */
static bool server_quiet(const struct http_server *s, bool in_grace)
{
    int64_t exchanges = __atomic_load_n(&s->exchanges, __ATOMIC_ACQUIRE);

    return s->writes == 0 && s->tunnel_count == 0 && (!in_grace || exchanges == 0);
}

static void server_wait(struct http_server *s, int64_t grace_ms)
{
    int64_t until_ms = mono_ms() + grace_ms;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    bool in_grace = true;

    pthread_mutex_lock(&s->lock);
    while (!server_quiet(s, in_grace)) {
        if (!in_grace)
            pthread_cond_wait(&s->changed, &s->lock);
        else if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
            in_grace = false;
    }
    pthread_mutex_unlock(&s->lock);
}

void http_stop(struct http_server *s, int64_t grace_ms)
{
    if (!s)
        return;
    keeper_stop(s);
    listener_close(&s->listener);
    __atomic_store_n(&s->stopping, true, __ATOMIC_RELEASE);
    streams_stop(s);
    tunnels_stop(s);
    server_wait(s, grace_ms);
    server_free(s);
}

void http_stats(const struct http_server *s, struct http_stats *out)
{
    struct http_server *m = (struct http_server *)(uintptr_t)s; /* to lock it */
    int64_t streams, tunnels;

    for (size_t i = 0; i < ARRAY_SIZE(out->requests); i++)
        out->requests[i] = __atomic_load_n(&s->requests[i], __ATOMIC_RELAXED);
    out->refused_limits = __atomic_load_n(&s->refused_limits, __ATOMIC_RELAXED);
    pthread_mutex_lock(&m->stream_lock);
    streams = s->stream_count;
    pthread_mutex_unlock(&m->stream_lock);
    pthread_mutex_lock(&m->lock);
    tunnels = s->tunnel_count;
    out->connections = s->conn_count;
    pthread_mutex_unlock(&m->lock);
    out->streams = streams;
    out->in_flight = __atomic_load_n(&s->exchanges, __ATOMIC_ACQUIRE) - streams - tunnels;
    if (out->in_flight < 0)
        out->in_flight = 0; /* the three are not read at one moment */
}
