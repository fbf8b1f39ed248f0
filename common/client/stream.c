/* Event streams (text/event-stream of the WHATWG HTML standard): lines into events, and
 * reconnection with jittered exponential back-off from where it stopped. */
#include "common/client/client_internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_LINE_BYTES_MAX (2 * LOG_CHUNK_BYTES_MAX)
#define STREAM_RETRY_MS_MIN   250
#define STREAM_RETRY_MS_MAX   30000
/* The server sends a heartbeat each HTTP_HEARTBEAT_SECONDS: three missed, and it is gone. */
#define STREAM_SILENCE_SECONDS_MAX (3L * HTTP_HEARTBEAT_SECONDS)

struct stream {
    struct client *client;
    int number;
    char path[HTTP_LINE_BYTES_MAX];
    char last_id[64];
    char id[64], type[64];
    struct strbuf line, data;
    bool ended; /* the server said so */
    bool open;
    bool busy; /* inside a callback: freeing waits */
    bool cancelled;
    int64_t retry_ms;  /* next wait without jitter */
    int64_t due_at_ms; /* of the next connection; 0: connected */
    const struct stream_ops *ops;
    void *ctx;
    struct stream *next;
};

static void stream_free(struct stream *s)
{
    struct transfer *t = s->client->transfers;

    for (struct stream **at = &s->client->streams; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    while (t && t->stream != s)
        t = t->next;
    if (t)
        transfer_free(t);
    strbuf_release(&s->line);
    strbuf_release(&s->data);
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

static void stream_dispatch(struct stream *s)
{
    if (s->id[0])
        text_copy(s->last_id, sizeof s->last_id, s->id);
    if (s->data.len && s->data.data[s->data.len - 1] == '\n')
        s->data.data[--s->data.len] = '\0';
    if (strcmp(s->type, "end") == 0)
        s->ended = true;
    if (s->data.len && !s->data.failed && !s->cancelled) {
        s->busy = true;
        s->ops->event(s->ctx, s->id, s->type[0] ? s->type : "message", s->data.data, s->data.len);
        s->busy = false;
    }
    s->type[0] = '\0';
    strbuf_reset(&s->data);
}

static void stream_line(struct stream *s)
{
    char *line = s->line.data;
    char *value = strchr(line, ':');

    if (line[0] == '\0') {
        stream_dispatch(s);
        return;
    }
    if (value == line || !value)
        return; /* a comment (heartbeat), or a field without a value */
    *value++ = '\0';
    if (*value == ' ')
        value++;
    if (strcmp(line, "data") == 0) {
        strbuf_adds(&s->data, value);
        strbuf_addc(&s->data, '\n');
    } else if (strcmp(line, "id") == 0) {
        text_copy(s->id, sizeof s->id, value);
    } else if (strcmp(line, "event") == 0) {
        text_copy(s->type, sizeof s->type, value);
    }
}

void stream_bytes(struct stream *s, const char *bytes, size_t len)
{
    if (!s->open) {
        s->open = true;
        s->retry_ms = STREAM_RETRY_MS_MIN;
        stream_tell(s, STREAM_OPEN, NULL, 0);
    }
    for (size_t i = 0; i < len && !s->cancelled; i++) {
        if (bytes[i] == '\n') {
            if (!s->line.failed)
                stream_line(s);
            strbuf_reset(&s->line);
        } else if (bytes[i] != '\r') {
            strbuf_addc(&s->line, bytes[i]);
        }
    }
}

static void stream_connect(struct stream *s)
{
    struct transfer *t;
    struct err e;
    char header[96];

    s->due_at_ms = 0;
    s->open = false;
    strbuf_reset(&s->line);
    strbuf_reset(&s->data);
    s->type[0] = s->id[0] = '\0';
    stream_tell(s, STREAM_CONNECTING, NULL, 0);
    t = transfer_new(s->client, "GET", s->path, NULL);
    if (!t) {
        err_set(&e, ERR_INTERNAL, "out of memory");
        stream_closed(s, ERR_INTERNAL, 0, 0, &e);
        return;
    }
    t->stream = s;
    if (!t->easy)
        return;
    t->headers = curl_slist_append(t->headers, "Accept: text/event-stream");
    if (s->last_id[0]) {
        snprintf(header, sizeof header, "Last-Event-ID: %s", s->last_id);
        t->headers = curl_slist_append(t->headers, header);
    }
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, STREAM_SILENCE_SECONDS_MAX);
    if (transfer_start(t, &e))
        t->err = e;
}

int client_stream(struct client *cl, const char *path, const char *last_event_id,
                  const struct stream_ops *ops, void *ctx)
{
    struct stream *s = calloc(1, sizeof *s);

    if (!s)
        return 0;
    s->client = cl;
    s->number = ++cl->last_number;
    s->ops = ops;
    s->ctx = ctx;
    s->retry_ms = STREAM_RETRY_MS_MIN;
    text_copy(s->path, sizeof s->path, path);
    text_copy(s->last_id, sizeof s->last_id, last_event_id ? last_event_id : "");
    strbuf_init(&s->line, STREAM_LINE_BYTES_MAX);
    strbuf_init(&s->data, STREAM_LINE_BYTES_MAX);
    s->next = cl->streams;
    cl->streams = s;
    s->due_at_ms = clock_mono_ms(cl->clock);
    return s->number;
}

void stream_closed(struct stream *s, enum err_code rc, int status, int64_t retry_after_seconds,
                   const struct err *e)
{
    int64_t wait;
    /* A refusal will not get better by asking again, but for "too many" and "later". */
    bool refused = status >= 400 && status < 500 && rc != ERR_RATE;

    if (s->cancelled)
        return;
    if (s->ended || refused || status == 204) {
        s->cancelled = true; /* stream_due() frees it: the callback may hold its number */
        if (s->ops->state)
            s->ops->state(s->ctx, STREAM_ENDED, rc ? e : NULL, 0);
        return;
    }
    /* Half of the wait is jitter, so that clients of a server that restarts spread out. */
    wait = s->retry_ms / 2 + (int64_t)randombytes_uniform((uint32_t)(s->retry_ms / 2 + 1));
    if (retry_after_seconds * 1000 > wait)
        wait = retry_after_seconds * 1000;
    s->retry_ms = s->retry_ms * 2 > STREAM_RETRY_MS_MAX ? STREAM_RETRY_MS_MAX : s->retry_ms * 2;
    s->due_at_ms = clock_mono_ms(s->client->clock) + wait;
    stream_tell(s, STREAM_WAITING, rc ? e : NULL, wait);
}

void stream_due(struct client *cl)
{
    int64_t now = clock_mono_ms(cl->clock);
    struct stream *next;

    for (struct stream *s = cl->streams; s; s = next) {
        next = s->next;
        if (s->cancelled)
            stream_free(s);
        else if (s->due_at_ms && s->due_at_ms <= now)
            stream_connect(s);
    }
}

int64_t stream_wait_ms(const struct client *cl)
{
    int64_t now = clock_mono_ms(cl->clock), wait = -1;

    for (const struct stream *s = cl->streams; s; s = s->next) {
        int64_t left = s->cancelled ? 0 : s->due_at_ms - now;

        if (!s->cancelled && !s->due_at_ms)
            continue;
        left = left < 0 ? 0 : left;
        if (wait < 0 || left < wait)
            wait = left;
    }
    return wait;
}

bool stream_cancel(struct client *cl, int number)
{
    for (struct stream *s = cl->streams; s; s = s->next)
        if (s->number == number) {
            s->cancelled = true;
            if (!s->busy && !s->open)
                stream_free(s);
            return true;
        }
    return false;
}

void stream_free_all(struct client *cl)
{
    while (cl->streams)
        stream_free(cl->streams);
}
