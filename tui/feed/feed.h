/* What the console knows of the API, and how it stays true: who we are, credit, the event stream,
 * and the resources that views subscribe to. Keeps the last answer when the server is away,
 * says how old it is, tries again with back-off, and comes back by itself. Nothing waits. */
#ifndef TUI_FEED_FEED_H
#define TUI_FEED_FEED_H

#include "model/credit.h"
#include "model/event.h"
#include "model/identity.h"
#include "tui/feed/transport.h"

#define FEED_EVENTS_MAX 32 /* newest events kept for the overview */

/* What an event may concern; a resource names those that make it stale. */
enum topic {
    TOPIC_INSTANCE = 1 << 0,
    TOPIC_JOB = 1 << 1,
    TOPIC_CREDIT = 1 << 2,
    TOPIC_REPORT = 1 << 3,
    TOPIC_OFFER = 1 << 4,
    TOPIC_OTHER = 1 << 5,
    TOPIC_ALL = (1 << 6) - 1,
};
unsigned topic_of_event(const char *kind);

enum link_state {
    LINK_STARTING, /* nothing was answered yet */
    LINK_LIVE,
    LINK_AWAY,    /* no answer: what is shown is old */
    LINK_REFUSED, /* answers, but not to this key */
};

struct feed;

/* One address that is asked again when it may have changed. Embedded in its owner. */
struct resource {
    struct feed *feed; /* NULL: not subscribed */
    /* Append the path to ask for. False: nothing to ask now. */
    bool (*ask)(struct resource *r, struct strbuf *path);
    /* A good answer. Errors: of decoding. */
    enum err_code (*take)(struct resource *r, const struct reply *reply, struct err *e);
    unsigned topics;
    int64_t refresh_ms; /* asked again after this long in any case; 0: only when stale */
    bool shown;         /* asked only while it is */
    bool stale;
    int call; /* in flight; 0: none */
    int64_t loaded_at_ms, asked_mono_ms, retry_mono_ms;
    struct err err; /* of the last answer; code 0: it was good */
    char request_id[ID_MAX];
    struct resource *next;
};

struct feed {
    struct transport *net;
    struct clock *clock;
    bool started;
    bool changed; /* something to draw since the last frame */
    enum link_state link;
    int64_t heard_at_ms; /* last answer of any kind */
    int64_t away_since_ms;
    int64_t retry_mono_ms, retry_wait_ms;
    char link_error[ERR_MSG_MAX];
    struct resource *resources;

    struct resource me_resource, credit_resource, events_resource;
    bool has_me, has_credit;
    struct me me;
    struct credit credit;

    int stream;
    bool stream_open;
    int64_t stream_retry_mono_ms;
    int64_t last_seq;
    struct event events[FEED_EVENTS_MAX]; /* newest first */
    size_t event_count;

    FILE *trace; /* NULL: none */
};

/* Nothing is sent before feed_start(). `net` and `clock` are borrowed until feed_release(). */
void feed_init(struct feed *f, struct transport *net, struct clock *clock);
void feed_start(struct feed *f);
void feed_release(struct feed *f);

/* Send what is due. Call after each poll. */
void feed_tick(struct feed *f);
/* Milliseconds until feed_tick() has something to do, -1: nothing is planned. */
int64_t feed_wait_ms(const struct feed *f);
/* Nothing in flight and nothing due: a script may go on. */
bool feed_is_settled(const struct feed *f);
/* Ask for everything that is shown again, now. */
void feed_refresh(struct feed *f);

void feed_add(struct feed *f, struct resource *r);
void feed_remove(struct resource *r); /* also cancels its call; accepts one that is not added */
/* Visible resources are kept fresh; a hidden one keeps what it has. */
void resource_show(struct resource *r, bool shown);
void resource_touch(struct resource *r); /* stale: ask again */

/* A request that a person made. Returns its number for feed_cancel(). */
int feed_send(struct feed *f, const char *method, const char *path, const char *body,
              const char *idempotency_key, reply_fn *done, void *ctx);
void feed_cancel(struct feed *f, int call);
int feed_stream(struct feed *f, const char *path, const struct stream_ops *ops, void *ctx);
/* Every answer passes here: it says whether the server is there. */
void feed_heard(struct feed *f, const struct reply *r);

/* What is left of the credit now: as last answered, less what burnt since. Never negative.
 * False: not known yet. */
bool feed_credit_left(const struct feed *f, int64_t now_ms, struct money *out);

#endif
