/* Resources and the link to the server. The event stream is in events.c. */
#include "tui/feed/feed_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS_MIN         500
#define RETRY_MS_MAX         8000 /* somebody is waiting in front of it */
#define REFUSED_RETRY_MS     30000
#define CREDIT_REFRESH_MS    30000
#define ASK_AGAIN_MS_MIN     500  /* events come in bursts: one question for many of them */
#define NO_STREAM_REFRESH_MS 5000 /* without events, what is shown is asked for this often */
#define TRACE_BYTES_MAX      8192
#define ERROR_RETRY_MS       5000

void feed_trace(struct feed *f, const char *fmt, ...)
{
    STRBUF line = {0};
    va_list ap;

    if (!f->trace)
        return;
    strbuf_init(&line, TRACE_BYTES_MAX);
    va_start(ap, fmt);
    strbuf_vaddf(&line, fmt, ap);
    va_end(ap);
    fprintf(f->trace, "%s\n", line.data);
    fflush(f->trace);
}

unsigned topic_of_event(const char *kind)
{
    static const struct {
        const char *prefix;
        unsigned topics;
    } table[] = {
        /* An instance that comes or goes changes stock and burn as well. */
        {"instance", TOPIC_INSTANCE | TOPIC_CREDIT | TOPIC_OFFER},
        {"job", TOPIC_JOB | TOPIC_CREDIT},
        {"credit", TOPIC_CREDIT},
        {"grant", TOPIC_CREDIT},
        {"hold", TOPIC_CREDIT},
        {"report", TOPIC_REPORT},
        {"offer", TOPIC_OFFER},
        {"catalogue", TOPIC_OFFER},
    };
    size_t len = strcspn(kind, ".");

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strlen(table[i].prefix) == len && strncmp(kind, table[i].prefix, len) == 0)
            return table[i].topics;
    return TOPIC_OTHER;
}

void link_set(struct feed *f, enum link_state link, const char *error)
{
    bool back = link == LINK_LIVE && f->link != LINK_LIVE;

    if (f->link != link) {
        f->changed = true;
        feed_trace(f, "link %d %s", (int)link, error);
    }
    if (link == LINK_AWAY && f->link != LINK_AWAY)
        f->away_since_ms = clock_now_ms(f->clock);
    f->link = link;
    text_copy(f->link_error, sizeof f->link_error, error);
    if (!back)
        return;
    f->retry_wait_ms = 0;
    f->retry_mono_ms = 0;
    f->stream_retry_mono_ms = 0;
    /* A stream that broke has a back-off of its own; another one need not wait for it. */
    if (f->stream && !f->stream_open) {
        feed_cancel(f, f->stream);
        f->stream = 0;
    }
    for (struct resource *r = f->resources; r; r = r->next) {
        r->stale = true;
        r->retry_mono_ms = 0;
    }
}

void link_lost(struct feed *f, const struct err *err, int64_t retry_in_ms)
{
    int64_t mono = clock_mono_ms(f->clock);

    /* Several calls fail together: that is one failure, and one wait. */
    if (f->link == LINK_AWAY && f->retry_mono_ms > mono)
        return;
    if (retry_in_ms <= 0) {
        f->retry_wait_ms = f->retry_wait_ms ? f->retry_wait_ms * 2 : RETRY_MS_MIN;
        if (f->retry_wait_ms > RETRY_MS_MAX)
            f->retry_wait_ms = RETRY_MS_MAX;
        /* Consoles of one office must not all come back in the same moment. */
        retry_in_ms = f->retry_wait_ms / 2 +
                      (int64_t)(arc4random_uniform((uint32_t)f->retry_wait_ms / 2 + 1));
    }
    f->retry_mono_ms = mono + retry_in_ms;
    link_set(f, LINK_AWAY, err ? err->msg : "no answer");
}

static bool is_lost(const struct reply *r)
{
    return r->rc && (r->status == 0 || r->status == 502 || r->status == 504);
}

void feed_heard(struct feed *f, const struct reply *r)
{
    f->changed = true;
    if (is_lost(r)) {
        link_lost(f, r->err, r->retry_after_seconds * 1000);
        return;
    }
    f->heard_at_ms = clock_now_ms(f->clock);
    if (r->status == 401) {
        f->retry_mono_ms = clock_mono_ms(f->clock) + REFUSED_RETRY_MS;
        link_set(f, LINK_REFUSED, r->err->msg);
    } else {
        link_set(f, LINK_LIVE, "");
    }
}

void feed_stale(struct feed *f, unsigned topics)
{
    for (struct resource *r = f->resources; r; r = r->next)
        if (r->topics & topics)
            r->stale = true;
}

/* --- resources -------------------------------------------------------------------------------- */

static void resource_answered(void *ctx, const struct reply *reply)
{
    struct resource *r = ctx;
    struct feed *f = r->feed;
    int64_t mono = clock_mono_ms(f->clock);

    r->call = 0;
    err_clear(&r->err);
    text_copy(r->request_id, sizeof r->request_id, reply->request_id);
    feed_trace(f, "reply %d %zu", reply->status, reply->len);
    if (reply->rc == ERR_OK) {
        r->retry_mono_ms = 0;
        r->loaded_at_ms = clock_now_ms(f->clock);
        if (r->take(r, reply, &r->err))
            r->retry_mono_ms = mono + ERROR_RETRY_MS;
    } else {
        int64_t wait = reply->retry_after_seconds * 1000;

        r->err = *reply->err;
        r->stale = true;
        r->retry_mono_ms = mono + (wait > ERROR_RETRY_MS ? wait : ERROR_RETRY_MS);
        /* It will not get better by asking again. */
        if (reply->status >= 400 && reply->status < 500 && reply->rc != ERR_RATE)
            r->stale = false;
    }
    feed_heard(f, reply);
}

static void resource_send(struct resource *r, int64_t mono)
{
    STRBUF path = {0};

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    r->stale = false;
    r->asked_mono_ms = mono;
    if (!r->ask(r, &path) || path.failed)
        return;
    feed_trace(r->feed, "send GET %s", path.data);
    r->call =
        r->feed->net->ops->send(r->feed->net, "GET", path.data, NULL, NULL, resource_answered, r);
}

/* When it should be asked for, in monotonic time; INT64_MAX: not planned. */
static int64_t resource_due(const struct resource *r)
{
    int64_t refresh = r->refresh_ms, due = INT64_MAX;

    if (!r->shown || r->call)
        return INT64_MAX;
    if (r->asked_mono_ms < 0)
        return 0;
    if (r->stale)
        due = r->asked_mono_ms + ASK_AGAIN_MS_MIN;
    if (r->topics && !r->feed->stream_open && (refresh == 0 || refresh > NO_STREAM_REFRESH_MS))
        refresh = NO_STREAM_REFRESH_MS;
    if (refresh && r->asked_mono_ms + refresh < due)
        due = r->asked_mono_ms + refresh;
    return due < r->retry_mono_ms ? r->retry_mono_ms : due;
}

void feed_add(struct feed *f, struct resource *r)
{
    r->feed = f;
    r->stale = true;
    r->asked_mono_ms = -1;
    r->next = f->resources;
    f->resources = r;
}

void feed_remove(struct resource *r)
{
    if (!r->feed)
        return;
    feed_cancel(r->feed, r->call);
    r->call = 0;
    for (struct resource **at = &r->feed->resources; *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    r->feed = NULL;
}

void resource_show(struct resource *r, bool shown)
{
    r->shown = shown;
}

void resource_touch(struct resource *r)
{
    r->stale = true;
    r->asked_mono_ms = -1;
    r->retry_mono_ms = 0;
}

/* --- the feed --------------------------------------------------------------------------------- */

static bool me_ask(struct resource *r, struct strbuf *path)
{
    UNUSED(r);
    strbuf_adds(path, "/v1/me");
    return true;
}

static enum err_code me_take(struct resource *r, const struct reply *reply, struct err *e)
{
    struct me me = {0};
    enum err_code rc = answer_decode(reply->body, reply->len, &me_shape, &me, e);

    if (rc)
        return rc;
    r->feed->me = me;
    r->feed->has_me = true;
    return ERR_OK;
}

static bool credit_ask(struct resource *r, struct strbuf *path)
{
    UNUSED(r);
    strbuf_adds(path, "/v1/credit");
    return true;
}

static enum err_code credit_take(struct resource *r, const struct reply *reply, struct err *e)
{
    struct credit credit = {0};
    enum err_code rc = answer_decode(reply->body, reply->len, &credit_shape, &credit, e);

    if (rc)
        return rc;
    r->feed->credit = credit;
    r->feed->has_credit = true;
    return ERR_OK;
}

void feed_init(struct feed *f, struct transport *net, struct clock *clock)
{
    memset(f, 0, sizeof *f);
    f->net = net;
    f->clock = clock;
    f->me_resource = (struct resource){.ask = me_ask, .take = me_take, .shown = true};
    f->credit_resource = (struct resource){.ask = credit_ask,
                                           .take = credit_take,
                                           .topics = TOPIC_CREDIT,
                                           .refresh_ms = CREDIT_REFRESH_MS,
                                           .shown = true};
    feed_add(f, &f->credit_resource);
    events_init(f);
    feed_add(f, &f->me_resource);
}

void feed_start(struct feed *f)
{
    f->started = true;
    feed_tick(f);
}

void feed_release(struct feed *f)
{
    if (f->stream)
        feed_cancel(f, f->stream);
    while (f->resources)
        feed_remove(f->resources);
    memset(f, 0, sizeof *f);
}

/* While the server is away one question is enough to learn that it is back. */
static void probe(struct feed *f, int64_t mono)
{
    if (f->retry_mono_ms > mono || f->me_resource.call)
        return;
    f->retry_mono_ms = 0;
    resource_send(&f->me_resource, mono);
}

void feed_tick(struct feed *f)
{
    int64_t mono = clock_mono_ms(f->clock);

    if (!f->started)
        return;
    if (f->link == LINK_AWAY || f->link == LINK_REFUSED) {
        probe(f, mono);
        return;
    }
    for (struct resource *r = f->resources; r; r = r->next)
        if (resource_due(r) <= mono)
            resource_send(r, mono);
    events_tick(f, mono);
}

int64_t feed_wait_ms(const struct feed *f)
{
    int64_t mono = clock_mono_ms(f->clock), due = INT64_MAX;

    if (!f->started)
        return -1;
    if (f->link == LINK_AWAY || f->link == LINK_REFUSED) {
        due = f->me_resource.call ? INT64_MAX : f->retry_mono_ms;
    } else {
        for (const struct resource *r = f->resources; r; r = r->next)
            if (resource_due(r) < due)
                due = resource_due(r);
        if (!f->stream && f->stream_retry_mono_ms && f->stream_retry_mono_ms < due)
            due = f->stream_retry_mono_ms;
    }
    if (due == INT64_MAX)
        return -1;
    return due > mono ? due - mono : 0;
}

bool feed_is_settled(const struct feed *f)
{
    if (!f->started)
        return false;
    if (f->link == LINK_AWAY)
        return !f->me_resource.call;
    for (const struct resource *r = f->resources; r; r = r->next)
        if (r->call || (r->shown && r->stale))
            return false;
    return true;
}

void feed_refresh(struct feed *f)
{
    for (struct resource *r = f->resources; r; r = r->next)
        if (r->shown)
            resource_touch(r);
    f->retry_mono_ms = 0;
    f->retry_wait_ms = 0;
    f->stream_retry_mono_ms = f->stream ? 0 : clock_mono_ms(f->clock);
}

int feed_send(struct feed *f, const char *method, const char *path, const char *body,
              const char *idempotency_key, reply_fn *done, void *ctx)
{
    struct request_options o = {.idempotency_key = idempotency_key};

    feed_trace(f, "send %s %s", method, path);
    return f->net->ops->send(f->net, method, path, body, &o, done, ctx);
}

void feed_cancel(struct feed *f, int call)
{
    if (call)
        f->net->ops->cancel(f->net, call);
}

int feed_stream(struct feed *f, const char *path, const struct stream_ops *ops, void *ctx)
{
    feed_trace(f, "stream %s", path);
    return f->net->ops->stream(f->net, path, "", ops, ctx);
}

bool feed_credit_left(const struct feed *f, int64_t now_ms, struct money *out)
{
    int64_t seconds = (now_ms - f->credit_resource.loaded_at_ms) / 1000, burnt;
    int32_t remainder = 0;

    if (!f->has_credit)
        return false;
    *out = f->credit.left;
    if (seconds <= 0 || f->credit.burn_per_hour.micros <= 0)
        return true;
    if (money_accrue(f->credit.burn_per_hour.micros, seconds, &remainder, &burnt, NULL) ||
        burnt > out->micros)
        burnt = out->micros > 0 ? out->micros : 0;
    out->micros -= burnt;
    return true;
}
