/* The event stream: the newest events by a list call, then live from there. Each event makes
 * the resources of its topic stale; what they say is then asked for, not guessed. */
#include "tui/feed/feed_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_AGAIN_MS 30000 /* after the server closed or refused it */

static void event_keep(struct feed *f, const struct event *ev)
{
    size_t at = 0;

    while (at < f->event_count && f->events[at].seq > ev->seq)
        at++;
    if (at == FEED_EVENTS_MAX || (at < f->event_count && f->events[at].seq == ev->seq))
        return;
    if (f->event_count < FEED_EVENTS_MAX)
        f->event_count++;
    memmove(&f->events[at + 1], &f->events[at], (f->event_count - at - 1) * sizeof f->events[0]);
    f->events[at] = *ev;
    if (ev->seq > f->last_seq)
        f->last_seq = ev->seq;
    f->changed = true;
}

static bool events_ask(struct resource *r, struct strbuf *path)
{
    UNUSED(r);
    strbuf_addf(path, "/v1/events?limit=%d", FEED_EVENTS_MAX);
    return true;
}

static enum err_code events_take(struct resource *r, const struct reply *reply, struct err *e)
{
    char next[CURSOR_BYTES_MAX];
    void *items = NULL;
    size_t count = 0;
    enum err_code rc =
        answer_decode_list(reply->body, reply->len, &event_shape, &items, &count, next, e);

    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        event_keep(r->feed, (const struct event *)items + i);
    free(items);
    return ERR_OK;
}

void events_init(struct feed *f)
{
    f->events_resource = (struct resource){.ask = events_ask, .take = events_take, .shown = true};
    feed_add(f, &f->events_resource);
}

static void stream_event(void *ctx, const char *id, const char *type, const char *data, size_t len)
{
    struct feed *f = ctx;
    struct event ev = {0};

    UNUSED(id);
    f->heard_at_ms = clock_now_ms(f->clock);
    if (answer_decode(data, len, &event_shape, &ev, NULL)) {
        /* Not understood, yet something happened: ask for everything. */
        feed_stale(f, TOPIC_ALL);
        return;
    }
    event_keep(f, &ev);
    feed_stale(f, topic_of_event(ev.kind[0] ? ev.kind : type) | TOPIC_OTHER);
}

static void stream_state(void *ctx, enum stream_state st, const struct err *err,
                         int64_t retry_in_ms)
{
    struct feed *f = ctx;

    UNUSED(retry_in_ms); /* the link's own back-off is the shorter one */
    feed_trace(f, "stream state %d", (int)st);
    f->changed = true;
    f->stream_open = st == STREAM_OPEN;
    switch (st) {
    case STREAM_OPEN:
        f->heard_at_ms = clock_now_ms(f->clock);
        link_set(f, LINK_LIVE, "");
        /* What happened while it was closed is sent again, but the lists need not wait. */
        feed_stale(f, TOPIC_ALL);
        break;
    case STREAM_WAITING:
        if (err && (err->code == ERR_UNREACHABLE || err->code == ERR_TIMEOUT))
            link_lost(f, err, 0);
        break;
    case STREAM_ENDED:
        f->stream = 0;
        f->stream_retry_mono_ms = clock_mono_ms(f->clock) + STREAM_AGAIN_MS;
        break;
    case STREAM_CONNECTING:
        break;
    }
}

static const struct stream_ops stream_handlers = {.event = stream_event, .state = stream_state};

void events_tick(struct feed *f, int64_t mono_ms)
{
    char last[32];

    if (f->stream || f->events_resource.call || f->link != LINK_LIVE ||
        f->stream_retry_mono_ms > mono_ms)
        return;
    /* Without the newest ones the stream would start at the oldest that are kept. */
    if (f->events_resource.loaded_at_ms == 0)
        return;
    snprintf(last, sizeof last, "%" PRId64, f->last_seq);
    feed_trace(f, "stream /v1/events after %s", last);
    f->stream_retry_mono_ms = 0;
    f->stream = f->net->ops->stream(f->net, "/v1/events", last, &stream_handlers, f);
    if (!f->stream)
        f->stream_retry_mono_ms = mono_ms + STREAM_AGAIN_MS;
}
