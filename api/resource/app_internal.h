/* The application behind the HTTP server: who is asking, transactions for writes, replayed
 * answers, waking of streams. Private to api/resource. */
#ifndef API_RESOURCE_APP_INTERNAL_H
#define API_RESOURCE_APP_INTERNAL_H

#include <pthread.h>

#include "api/resource/resource.h"

#define AUTH_SLOTS 512
/* How long a revoked key or a changed role may still pass, when another process changed it;
 * changes through this process count at once. */
#define AUTH_KEEP_MS 2000

struct auth_slot {
    uint8_t hash[KEY_HASH_BYTES];
    struct actor actor;
    int64_t until_mono_ms; /* 0: empty */
    uint64_t generation;
};

struct log_watch;

struct app {
    struct http_app http; /* first: request->app points here */
    struct service *service;
    struct clock *clock;
    struct http_server *server; /* atomic; NULL until attached */

    pthread_mutex_t auth_lock;
    uint64_t auth_generation; /* raised by each committed change of identity */
    struct auth_slot auth[AUTH_SLOTS];

    pthread_mutex_t offers_lock;
    uint64_t stock_generation;    /* raised by each commit with events, and by a new catalogue */
    uint64_t offers_generation;   /* of the answer below */
    int64_t offers_until_mono_ms; /* stock also changes without an event */
    struct http_shared *offers;   /* NULL: to be made */

    pthread_mutex_t news_lock;
    pthread_cond_t news_cond;
    int64_t news_seq, told_seq;
    bool news_stop;
    pthread_t news_thread;
    bool news_running;

    struct log_watch *log_watch;
};

static inline struct app *app_of(const struct request *req)
{
    return CONTAINER_OF(req->app, struct app, http);
}

enum err_code app_authenticate(struct http_app *http, struct request *req, const char *token,
                               struct err *e);
enum err_code app_write(struct http_app *http, struct request *req, struct response *resp,
                        void (*done)(struct request *req, enum err_code rc, const struct err *e),
                        struct err *e);
/* Identity changed: everybody is looked up again, who follows something too. */
void auth_forget(struct app *a);

/* Who follows something: a key may be revoked or a role changed meanwhile. */
struct auth_watch {
    struct actor by;
    uint64_t generation;
    int64_t until_mono_ms; /* 0: look at once */
};
/* May it go on? Looks the key up when AUTH_KEEP_MS have passed or identity has changed;
 * while the store cannot be read it may. */
bool auth_watch_holds(struct app *a, struct auth_watch *w, enum rule_action action);

/* http_wake() of the attached server, if there is one. Any thread. */
void app_wake(struct app *a, const char *topic);

/* Waking of followers when a job writes: one thread over the engine's descriptors. */
enum err_code log_watch_new(struct app *a, struct log_watch **out, struct err *e) MUST_CHECK;
/* No more waking: before the server is stopped. Followers may still drop what they watch. */
void log_watch_stop(struct log_watch *w); /* accepts NULL */
void log_watch_free(struct log_watch *w); /* accepts NULL */
/* Watch this job until log_watch_drop() was called as often. Errors: ERR_LIMIT. */
enum err_code log_watch_add(struct log_watch *w, const char *job_id, struct err *e) MUST_CHECK;
void log_watch_drop(struct log_watch *w, const char *job_id);

#endif
