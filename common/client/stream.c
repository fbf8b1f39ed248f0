/* Event streams: what came is put away by libcurl's callback and told from client_poll();
 * connections that end are made again, later and later, from where the last one stopped. */
#include "common/client/client_internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/client/sse.h"

#define STREAM_LINE_BYTES_MAX (2 * LOG_CHUNK_BYTES_MAX)
/* More than this, not yet told, and the connection is paused: the server feels it. */
#define STREAM_PENDING_BYTES_MAX (256 * 1024)
#define STREAM_RETRY_MS_MIN      250
#define STREAM_RETRY_MS_MAX      30000
/* The server sends a heartbeat each HTTP_HEARTBEAT_SECONDS: three missed, and it is gone. */
#define STREAM_SILENCE_MS_MAX (3 * 1000 * HTTP_HEARTBEAT_SECONDS)
/* A connection that gave nothing and lasted less was no success: the back-off goes on. */
#define STREAM_GOOD_MS 10000

struct stream {
    struct client *client;
    int number;
    char *path;
    char last_id[SSE_NAME_BYTES_MAX];
    struct sse sse;
    struct strbuf pending; /* came, not yet told */
    struct transfer *transfer;
    bool answered; /* its head came and promises events */
    bool open;     /* ... and the owner was told */
    bool busy;     /* inside one of its callbacks: not served again by a poll from there */
    bool paused;
    bool useful; /* this connection gave an event */
    bool ended;  /* the server said so */
    bool cancelled;
    struct outcome *over; /* the connection ended so; told once `pending` is */
    int64_t opened_at_ms, heard_at_ms;
    int64_t retry_ms;  /* next wait without jitter */
    int64_t due_at_ms; /* of the next connection, while `waiting` */
    bool waiting;
    const struct stream_ops *ops;
    void *ctx;
    struct stream *next;
};

static int64_t now_of(const struct stream *s)
{
    return clock_mono_ms(s->client->clock);
}

static void stream_free(struct stream *s)
{
    struct stream **at = &s->client->streams;

    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
    transfer_free(s->transfer);
    sse_release(&s->sse);
    strbuf_release(&s->pending);
    free(s->over);
    free(s->path);
    free(s);
}

static void stream_tell(struct stream *s, enum stream_state st, const struct err *e,
                        int64_t retry_in_ms)
{
    if (s->cancelled || !s->ops->state)
        return;
    s->busy = true;
    s->ops->state(s->ctx, st, e, retry_in_ms);
    s->busy = false;
}

/* --- from libcurl ----------------------------------------------------------------------------- */

bool stream_takes(const struct transfer *t)
{
    long status = 0;
    char *type = NULL;

    if (!t->stream)
        return false;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    return status == 200 && type && strncasecmp(type, "text/event-stream", 17) == 0;
}

static size_t stream_head(char *line, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;

    if ((line[0] == '\r' || line[0] == '\n') && stream_takes(t)) {
        t->stream->answered = true;
        t->stream->heard_at_ms = now_of(t->stream);
    }
    return size * count;
}

size_t stream_bytes(struct stream *s, const char *bytes, size_t len)
{
    if (s->pending.len && s->pending.len + len > STREAM_PENDING_BYTES_MAX) {
        s->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    strbuf_add(&s->pending, bytes, len);
    s->heard_at_ms = now_of(s);
    return s->pending.failed ? 0 : len;
}

void stream_transfer_over(struct stream *s, const struct outcome *o)
{
    s->transfer = NULL;
    s->paused = false;
    if (s->cancelled)
        return;
    s->over = malloc(sizeof *s->over);
    if (s->over)
        *s->over = *o;
}

/* --- towards the owner ------------------------------------------------------------------------ */

static void stream_opened(struct stream *s)
{
    if (!s->answered || s->open)
        return;
    s->open = true;
    s->opened_at_ms = now_of(s);
    stream_tell(s, STREAM_OPEN, NULL, 0);
}

static void stream_event(struct stream *s, const struct sse_event *ev)
{
    s->useful = true;
    if (ev->id[0])
        text_copy(s->last_id, sizeof s->last_id, ev->id);
    if (strcmp(ev->type, "end") == 0)
        s->ended = true;
    if (!ev->has_data)
        return;
    s->busy = true;
    s->ops->event(s->ctx, ev->id, ev->type, ev->data, ev->len);
    s->busy = false;
}

/* Tell what has come. A callback may poll, and then more comes: so the buffer is taken away
 * before it is read. */
static void stream_feed(struct stream *s)
{
    stream_opened(s);
    while (s->pending.len && !s->cancelled) {
        struct strbuf taken = s->pending;
        const char *bytes = taken.data;
        size_t left = taken.len;
        struct sse_event ev;

        strbuf_init(&s->pending, taken.len_max);
        while (!s->cancelled && sse_next(&s->sse, &bytes, &left, &ev))
            stream_event(s, &ev);
        strbuf_release(&taken);
    }
    if (s->paused && s->transfer && !s->cancelled) {
        s->paused = false;
        s->heard_at_ms = now_of(s);
        curl_easy_pause(s->transfer->easy, CURLPAUSE_CONT);
    }
}

/* A refusal will not get better by asking again, but for "later" and "too many". */
static bool is_refusal(const struct outcome *o)
{
    if (o->rc == ERR_RATE || o->status == 408 || o->status == 425 || o->status == 429)
        return false;
    return (o->status >= 400 && o->status < 500) || o->status == 204 ||
           (o->rc && !o->status && (o->rc == ERR_INVALID || o->rc == ERR_URI_TOO_LONG));
}

static int64_t next_wait_ms(struct stream *s, const struct outcome *o)
{
    int64_t least = s->sse.retry_ms > STREAM_RETRY_MS_MAX ? STREAM_RETRY_MS_MAX : s->sse.retry_ms;
    int64_t wait;

    if (s->useful || (s->open && now_of(s) - s->opened_at_ms >= STREAM_GOOD_MS))
        s->retry_ms = STREAM_RETRY_MS_MIN;
    /* Half of the wait is jitter, so that clients of a server that restarts spread out. */
    wait = s->retry_ms / 2 + (int64_t)randombytes_uniform((uint32_t)(s->retry_ms / 2 + 1));
    if (o->retry_after_seconds * 1000 > least)
        least = o->retry_after_seconds * 1000;
    s->retry_ms = s->retry_ms * 2 > STREAM_RETRY_MS_MAX ? STREAM_RETRY_MS_MAX : s->retry_ms * 2;
    return wait > least ? wait : least;
}

static void stream_over(struct stream *s)
{
    struct outcome *o = s->over;
    int64_t wait;

    s->over = NULL;
    if (!o->rc && o->status != 204 && !s->open)
        o->rc = err_set(&o->err, ERR_UNREACHABLE, "%s answered with something else than events",
                        s->client->name);
    if (s->ended || is_refusal(o)) {
        stream_tell(s, STREAM_ENDED, o->rc ? &o->err : NULL, 0);
        s->cancelled = true;
    } else {
        wait = next_wait_ms(s, o);
        s->waiting = true;
        s->due_at_ms = now_of(s) + wait;
        stream_tell(s, STREAM_WAITING, o->rc ? &o->err : NULL, wait);
    }
    free(o);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void stream_set_up(struct transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 0L); /* it lasts; silence is watched here */
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, stream_head);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
}

static void stream_connect(struct stream *s)
{
    struct transfer *t;

    s->waiting = s->answered = s->open = s->useful = false;
    s->heard_at_ms = now_of(s);
    sse_reset(&s->sse);
    strbuf_reset(&s->pending);
    stream_tell(s, STREAM_CONNECTING, NULL, 0);
    if (s->cancelled)
        return;
    t = transfer_new(s->client, "GET", s->path, NULL);
    if (!t) {
        s->waiting = true;
        s->due_at_ms = now_of(s) + STREAM_RETRY_MS_MAX;
        return;
    }
    t->stream = s;
    s->transfer = t;
    transfer_header(t, "Accept", "text/event-stream");
    if (s->last_id[0])
        transfer_header(t, "Last-Event-ID", s->last_id);
    if (t->easy)
        stream_set_up(t);
    transfer_start(t);
}

/* Nothing was heard for too long: as if the connection had broken. */
static void stream_silent(struct stream *s)
{
    struct outcome o = {.broke = true};

    o.rc = err_set(&o.err, ERR_TIMEOUT, "%s has been silent for %d seconds", s->client->name,
                   STREAM_SILENCE_MS_MAX / 1000);
    transfer_free(s->transfer);
    stream_transfer_over(s, &o);
}

static bool has_news(const struct stream *s)
{
    return s->pending.len || s->over || s->paused || s->answered != s->open;
}

static void stream_serve(struct stream *s)
{
    if (s->busy || s->cancelled)
        return;
    stream_feed(s);
    if (s->cancelled)
        return;
    if (s->transfer && !has_news(s) && now_of(s) - s->heard_at_ms >= STREAM_SILENCE_MS_MAX)
        stream_silent(s);
    if (s->over && !s->pending.len)
        stream_over(s);
    else if (!s->over && !s->transfer && !s->waiting) {
        /* Out of memory when its end was to be noted: as after any other end. */
        s->waiting = true;
        s->due_at_ms = now_of(s) + STREAM_RETRY_MS_MIN;
    }
    if (!s->cancelled && s->waiting && s->due_at_ms <= now_of(s))
        stream_connect(s);
}

void streams_serve(struct client *cl)
{
    /* New ones are put in front, and none is freed while a poll is on the stack. */
    for (struct stream *s = cl->streams; s && !cl->closing; s = s->next)
        stream_serve(s);
}

int64_t streams_wait_ms(const struct client *cl)
{
    int64_t now = clock_mono_ms(cl->clock), least = -1;

    for (const struct stream *s = cl->streams; s; s = s->next) {
        int64_t left;

        if (s->busy || s->cancelled)
            continue;
        if (has_news(s))
            return 0;
        left = (s->waiting ? s->due_at_ms : s->heard_at_ms + STREAM_SILENCE_MS_MAX) - now;
        left = left < 0 ? 0 : left;
        if (least < 0 || left < least)
            least = left;
    }
    return least;
}

int client_stream(struct client *cl, const char *path, const char *last_event_id,
                  const struct stream_ops *ops, void *ctx)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s)
        return 0;
    s->path = strdup(path);
    if (!s->path) {
        free(s);
        return 0;
    }
    s->client = cl;
    s->number = ++cl->last_number;
    s->ops = ops;
    s->ctx = ctx;
    s->retry_ms = STREAM_RETRY_MS_MIN;
    text_copy(s->last_id, sizeof s->last_id, last_event_id ? last_event_id : "");
    sse_init(&s->sse, STREAM_LINE_BYTES_MAX);
    strbuf_init(&s->pending, 2 * STREAM_PENDING_BYTES_MAX + CURL_MAX_WRITE_SIZE);
    s->waiting = true;
    s->due_at_ms = now_of(s);
    s->next = cl->streams;
    cl->streams = s;
    return s->number;
}

/* --- ending ----------------------------------------------------------------------------------- */

static void stream_drop(struct stream *s)
{
    s->cancelled = true;
    transfer_free(s->transfer);
    s->transfer = NULL;
}

bool stream_cancel(struct client *cl, int number)
{
    for (struct stream *s = cl->streams; s; s = s->next)
        if (s->number == number) {
            stream_drop(s);
            if (!cl->depth)
                streams_reap(cl);
            return true;
        }
    return false;
}

void streams_cancel_all(struct client *cl)
{
    for (struct stream *s = cl->streams; s; s = s->next)
        stream_drop(s);
}

void streams_reap(struct client *cl)
{
    struct stream *next;

    for (struct stream *s = cl->streams; s; s = next) {
        next = s->next;
        if (s->cancelled)
            stream_free(s);
    }
}
