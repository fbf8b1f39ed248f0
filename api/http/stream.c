/* Answers that follow something: events, logs. A stream with nothing to send is suspended
 * and costs no time; http_wake() resumes it. libmicrohttpd does not notice that the client of
 * a suspended connection left, and ends the process when one is left at its stop: the tick
 * finds the former, streams_stop() resumes all before the latter. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/http/http_internal.h"
#include "core/log.h"

#define STREAM_BLOCK_BYTES 512 /* only HTTP/1.0 clients are served through it */
#define STREAM_PIECE_BYTES 16384
#define STREAM_PAGE_BYTES  4096
#define POLL_BATCH         64

static const char keep_alive[] = ": keep-alive\n\n";

struct stream {
    struct stream *next, *prev;
    struct http_server *server;
    struct http_stream *source;
    struct MHD_Connection *connection;
    int fd;
    uint32_t topic; /* hash; 0: every wake */
    uint64_t bytes;
    int64_t beat_at_ms;
    /* Guarded by stream_lock. */
    bool woken;  /* since `next` was last asked */
    bool asleep; /* suspended */
    bool beat;   /* say that we are alive */
    bool gone;   /* the client left */
    /* The HTTP thread's. */
    bool ended;  /* `next` said so with its last piece */
    bool spread; /* more than a page of the buffer was touched since the last sleep */
};

static uint32_t topic_hash(const char *topic)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    if (!topic || !topic[0])
        return 0;
    for (; *topic; topic++)
        h = (h ^ (unsigned char)*topic) * 16777619u;
    return h ? h : 1;
}

uint64_t stream_sent_bytes(const struct stream *st)
{
    return st->bytes;
}

/* With the lock held. */
static void stream_resume(struct stream *st)
{
    st->woken = true;
    if (!st->asleep)
        return;
    st->asleep = false;
    MHD_resume_connection(st->connection);
}

/* Give the pages of the buffer back, whose contents are nobody's: libmicrohttpd has filled
 * the whole of it with zeros, and a sleeper needs none. */
static void buffer_trim(struct stream *st, char *buf, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)buf + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)buf + size) & ~(page - 1);

    if (st->spread && to > from)
        madvise((void *)from, to - from, MADV_DONTNEED);
    st->spread = false;
}

/* End the connection without the end of the body. The shutdown makes the byte that is
 * handed over fail to go out, and libmicrohttpd lets go of the connection at once; with its
 * own end mark it keeps it until it has something else to do. */
static ssize_t stream_cut(struct stream *st, char *buf)
{
    shutdown(st->fd, SHUT_RDWR);
    buf[0] = '\n';
    return 1;
}

/* What to do when there is nothing to send. A wake since `next` was asked means: ask again;
 * without one the connection sleeps, and both are decided under the lock. */
enum idle { IDLE_AGAIN, IDLE_SLEEP, IDLE_BEAT, IDLE_END, IDLE_GONE };
static enum idle stream_idle(struct stream *st)
{
    struct http_server *s = st->server;
    enum idle what;

    pthread_mutex_lock(&s->stream_lock);
    if (server_stops(s)) {
        what = IDLE_END;
    } else if (st->gone) {
        what = IDLE_GONE;
    } else if (st->beat) {
        st->beat = false;
        what = IDLE_BEAT;
    } else if (st->woken) {
        what = IDLE_AGAIN;
    } else {
        st->asleep = true;
        MHD_suspend_connection(st->connection);
        what = IDLE_SLEEP;
    }
    pthread_mutex_unlock(&s->stream_lock);
    return what;
}

static void stream_woken_clear(struct stream *st)
{
    pthread_mutex_lock(&st->server->stream_lock);
    st->woken = false;
    pthread_mutex_unlock(&st->server->stream_lock);
}

/* One piece of at most `size` bytes; 0 when there is none, or libmicrohttpd's end marks. */
static ssize_t stream_piece(struct stream *st, char *buf, size_t size)
{
    size_t len_max = size < STREAM_PIECE_BYTES ? size : STREAM_PIECE_BYTES;
    STRBUF out = {0};
    enum err_code rc;

    if (st->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    stream_woken_clear(st);
    strbuf_init(&out, len_max);
    rc = st->source->next(st->source, &out, len_max, &st->ended);
    if (rc || out.failed) {
        log_line(LOG_WARN, "http", "stream-cut", "code=%s", rc ? err_slug(rc) : "too-large");
        return stream_cut(st, buf);
    }
    memcpy(buf, out.data, out.len);
    st->spread |= out.len > STREAM_PAGE_BYTES;
    if (out.len == 0 && st->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return (ssize_t)out.len;
}

static ssize_t stream_sent(struct stream *st, ssize_t len)
{
    struct http_server *s = st->server;

    pthread_mutex_lock(&s->stream_lock);
    st->beat_at_ms = mono_ms() + s->heartbeat_ms;
    st->beat = false;
    pthread_mutex_unlock(&s->stream_lock);
    st->bytes += (uint64_t)len;
    return len;
}

static ssize_t stream_read(void *cls, uint64_t position, char *buf, size_t size)
{
    struct stream *st = cls;

    UNUSED(position);
    while (!server_stops(st->server)) {
        ssize_t n = stream_piece(st, buf, size);

        if (n != 0)
            return n > 0 ? stream_sent(st, n) : n;
        switch (stream_idle(st)) {
        case IDLE_AGAIN:
            continue;
        case IDLE_SLEEP:
            buffer_trim(st, buf, size);
            return 0;
        case IDLE_BEAT:
            memcpy(buf, keep_alive, sizeof keep_alive - 1);
            return stream_sent(st, sizeof keep_alive - 1);
        case IDLE_GONE:
            return stream_cut(st, buf);
        case IDLE_END:
            break;
        }
        break;
    }
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static void stream_free(void *cls)
{
    struct stream *st = cls;
    struct http_server *s = st->server;

    pthread_mutex_lock(&s->stream_lock);
    if (st->next)
        st->next->prev = st->prev;
    if (st->prev)
        st->prev->next = st->next;
    else
        s->streams = st->next;
    s->stream_count--;
    pthread_mutex_unlock(&s->stream_lock);
    st->source->free(st->source);
    free(st);
}

static enum err_code stream_link(struct http_server *s, struct stream *st, struct err *e)
{
    bool room;

    pthread_mutex_lock(&s->stream_lock);
    room = s->stream_count < HTTP_FOLLOWERS_MAX && !server_stops(s);
    if (room) {
        st->next = s->streams;
        if (st->next)
            st->next->prev = st;
        s->streams = st;
        s->stream_count++;
    }
    pthread_mutex_unlock(&s->stream_lock);
    if (room)
        return ERR_OK;
    __atomic_add_fetch(&s->refused_limits, 1, __ATOMIC_RELAXED);
    return err_set(e, ERR_BUSY, "there are %d followers already; try again later",
                   HTTP_FOLLOWERS_MAX);
}

static struct stream *stream_new(struct exchange *x, struct http_stream *source)
{
    struct stream *st = calloc(1, sizeof *st);

    if (st)
        *st = (struct stream){.server = x->server,
                              .source = source,
                              .connection = x->req.connection,
                              .fd = x->conn->fd,
                              .topic = topic_hash(source->topic),
                              .spread = true,
                              .beat_at_ms = mono_ms() + x->server->heartbeat_ms};
    return st;
}

enum err_code stream_respond(struct exchange *x, struct MHD_Response **out, struct err *e)
{
    struct http_stream *source = x->resp.stream;
    struct stream *st = stream_new(x, source);
    struct MHD_Response *r;
    enum err_code rc;

    x->resp.stream = NULL;
    rc = st ? stream_link(x->server, st, e) : err_set(e, ERR_INTERNAL, "out of memory");
    if (rc) {
        source->free(source);
        free(st);
        return rc;
    }
    r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_read, st,
                                          stream_free);
    if (!r) {
        stream_free(st);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    x->stream = st;
    *out = r;
    return ERR_OK;
}

void http_wake(struct http_server *s, const char *topic)
{
    uint32_t hash = topic_hash(topic);

    pthread_mutex_lock(&s->stream_lock);
    for (struct stream *st = s->streams; st; st = st->next)
        if (!topic || st->topic == 0 || st->topic == hash)
            stream_resume(st);
    pthread_mutex_unlock(&s->stream_lock);
}

/* With the lock held: resume those of p[0..n) whose client hung up. */
static void gone_find(struct stream **of, struct pollfd *p, nfds_t n)
{
    if (n == 0 || poll(p, n, 0) <= 0)
        return;
    for (nfds_t i = 0; i < n; i++) {
        if (!(p[i].revents & (POLLRDHUP | POLLHUP | POLLERR)))
            continue;
        of[i]->gone = true;
        stream_resume(of[i]);
    }
}

void streams_tick(struct http_server *s, int64_t now_ms)
{
    struct pollfd p[POLL_BATCH];
    struct stream *of[POLL_BATCH];
    nfds_t n = 0;

    pthread_mutex_lock(&s->stream_lock);
    for (struct stream *st = s->streams; st; st = st->next) {
        if (!st->asleep)
            continue;
        if (st->source->heartbeat && now_ms >= st->beat_at_ms) {
            st->beat = true;
            stream_resume(st);
            continue;
        }
        p[n] = (struct pollfd){.fd = st->fd, .events = POLLRDHUP};
        of[n++] = st;
        if (n == POLL_BATCH) {
            gone_find(of, p, n);
            n = 0;
        }
    }
    gone_find(of, p, n);
    pthread_mutex_unlock(&s->stream_lock);
}

/* server_stops() is true: none falls asleep again. */
void streams_stop(struct http_server *s)
{
    http_wake(s, NULL);
}
