/* The application: built, attached to a server, and the thread that turns commits into
 * woken streams. */
#include "api/resource/app_internal.h"

#include <stdlib.h>
#include <string.h>

struct service *app_service(const struct request *req)
{
    return app_of(req)->service;
}

static struct http_server *server_of(struct app *a)
{
    return __atomic_load_n(&a->server, __ATOMIC_ACQUIRE);
}

struct http_server *app_server(const struct request *req)
{
    return server_of(app_of(req));
}

void app_wake(struct app *a, const char *topic)
{
    struct http_server *server = server_of(a);

    if (server)
        http_wake(server, topic);
}

const struct actor *app_actor(const struct request *req)
{
    return req->actor;
}

struct http_app *app_http(struct app *a)
{
    return &a->http;
}

enum err_code app_new(const struct app_config *c, struct app **out, struct err *e)
{
    struct app *a = calloc(1, sizeof *a);
    enum err_code rc;

    if (!a)
        return err_set(e, ERR_INTERNAL, "out of memory");
    a->http = (struct http_app){.routes = api_routes,
                                .route_count = api_routes_count,
                                .clock = c->clock,
                                .authenticate = app_authenticate,
                                .write = app_write};
    a->service = c->service;
    a->clock = c->clock;
    pthread_mutex_init(&a->auth_lock, NULL);
    pthread_mutex_init(&a->offers_lock, NULL);
    pthread_mutex_init(&a->news_lock, NULL);
    pthread_cond_init(&a->news_cond, NULL);
    rc = log_watch_new(a, &a->log_watch, e);
    if (rc) {
        app_free(a);
        return rc;
    }
    *out = a;
    return ERR_OK;
}

void app_free(struct app *a)
{
    if (!a)
        return;
    app_detach(a);
    log_watch_free(a->log_watch);
    http_shared_unref(a->offers);
    pthread_mutex_destroy(&a->auth_lock);
    pthread_mutex_destroy(&a->offers_lock);
    pthread_mutex_destroy(&a->news_lock);
    pthread_cond_destroy(&a->news_cond);
    free(a);
}

void app_catalogue_changed(struct app *a)
{
    pthread_mutex_lock(&a->offers_lock);
    a->stock_generation++;
    pthread_mutex_unlock(&a->offers_lock);
}

void app_news(void *app, int64_t event_seq)
{
    struct app *a = app;

    app_catalogue_changed(a);
    pthread_mutex_lock(&a->news_lock);
    if (event_seq > a->news_seq)
        a->news_seq = event_seq;
    pthread_cond_signal(&a->news_cond);
    pthread_mutex_unlock(&a->news_lock);
}

/* --- from commits to streams ---------------------------------------------------------------- */

#define NEWS_BATCH 256

struct news_batch {
    int64_t after, last;
    struct event *items;
    size_t count;
};

static enum err_code news_read(struct tx *tx, void *ctx, struct err *e)
{
    struct news_batch *b = ctx;

    return row_event_after(tx, "", b->after, NEWS_BATCH, &b->items, &b->count, e);
}

/* Wake each organization that has news once (staff follow ""), and who follows the output of
 * a job whose state changed: it may have begun, or ended without a word. */
static void news_wake(struct app *a, const struct news_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        size_t k = 0;

        if (strncmp(b->items[i].kind, "job.", 4) == 0)
            app_wake(a, b->items[i].object_id);
        while (k < i && strcmp(b->items[k].organization_id, b->items[i].organization_id) != 0)
            k++;
        if (k == i)
            app_wake(a, b->items[i].organization_id);
    }
}

/* Returns the last sequence number that was told. */
static int64_t news_tell(struct app *a, int64_t after, int64_t upto)
{
    struct news_batch b = {.after = after};

    if (store_read(a->service->store, news_read, &b, NULL)) {
        app_wake(a, NULL); /* gone or unreadable: let everybody look for himself */
        return upto;
    }
    news_wake(a, &b);
    b.last = b.count ? b.items[b.count - 1].seq : upto;
    LIST_FREE(&event_shape, b.items, b.count);
    return b.last;
}

static void *news_main(void *arg)
{
    struct app *a = arg;

    pthread_mutex_lock(&a->news_lock);
    while (!a->news_stop) {
        int64_t after = a->told_seq, upto = a->news_seq;

        if (after >= upto) {
            pthread_cond_wait(&a->news_cond, &a->news_lock);
            continue;
        }
        pthread_mutex_unlock(&a->news_lock);
        after = news_tell(a, after, upto);
        pthread_mutex_lock(&a->news_lock);
        a->told_seq = after;
    }
    pthread_mutex_unlock(&a->news_lock);
    return NULL;
}

static enum err_code last_read(struct tx *tx, void *ctx, struct err *e)
{
    return row_event_last(tx, ctx, e);
}

enum err_code app_attach(struct app *a, struct http_server *server, struct err *e)
{
    int64_t last = 0;
    enum err_code rc = store_read(a->service->store, last_read, &last, e);

    if (rc)
        return err_wrap(e, rc, "read the last event");
    __atomic_store_n(&a->server, server, __ATOMIC_RELEASE);
    a->told_seq = last;
    if (pthread_create(&a->news_thread, NULL, news_main, a))
        return err_set(e, ERR_INTERNAL, "no thread for news");
    a->news_running = true;
    app_wake(a, NULL); /* who came since the server listens has missed what was told before */
    return ERR_OK;
}

void app_detach(struct app *a)
{
    log_watch_stop(a->log_watch);
    if (a->news_running) {
        pthread_mutex_lock(&a->news_lock);
        a->news_stop = true;
        pthread_cond_signal(&a->news_cond);
        pthread_mutex_unlock(&a->news_lock);
        pthread_join(a->news_thread, NULL);
        a->news_running = false;
    }
}
