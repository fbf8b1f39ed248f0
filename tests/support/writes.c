/* A gate for the writer's thread, and writes behind it. */
#include "tests/support/writes.h"

#define AWAIT_SECONDS_MAX 60

void gate_init(struct gate *g)
{
    *g = (struct gate){0};
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->changed, NULL);
}

void gate_release(struct gate *g)
{
    pthread_cond_destroy(&g->changed);
    pthread_mutex_destroy(&g->lock);
}

/* With the lock held. */
static void await_change(struct gate *g)
{
    int64_t until_ms = clock_now_ms(clock_real()) + AWAIT_SECONDS_MAX * 1000;
    struct timespec until = {.tv_sec = until_ms / 1000};

    if (pthread_cond_timedwait(&g->changed, &g->lock, &until) != 0) {
        print_error("nothing happened for %d s\n", AWAIT_SECONDS_MAX);
        abort();
    }
}

static enum err_code stand(struct tx *tx, void *ctx, struct err *e)
{
    struct gate *g = ctx;

    (void)tx;
    (void)e;
    pthread_mutex_lock(&g->lock);
    g->is_held = true;
    pthread_cond_broadcast(&g->changed);
    while (!g->is_open)
        await_change(g);
    g->is_held = false;
    pthread_mutex_unlock(&g->lock);
    return ERR_OK;
}

static void stood(void *ctx, enum err_code rc, const struct err *e)
{
    (void)ctx;
    (void)rc;
    (void)e;
}

void gate_close(struct gate *g, struct store *s)
{
    struct err e;

    g->is_open = false;
    assert_ok(store_write_async(s, stand, stood, g, &e), &e);
    pthread_mutex_lock(&g->lock);
    while (!g->is_held)
        await_change(g);
    pthread_mutex_unlock(&g->lock);
}

void gate_open(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->is_open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

void gate_await(struct gate *g, size_t answered)
{
    pthread_mutex_lock(&g->lock);
    while (g->answered < answered)
        await_change(g);
    pthread_mutex_unlock(&g->lock);
}

enum err_code write_run(struct tx *tx, void *ctx, struct err *e)
{
    struct write *w = ctx;
    struct event ev = {.kind = "test.write", .organization_id = "org_1"};
    enum err_code rc;

    w->runs++;
    rc = row_setting_set(tx, w->name, w->value ? w->value : "1", e);
    if (!rc && w->adds_event)
        rc = row_event_insert(tx, &ev, e);
    if (rc)
        return rc;
    w->event_seq = ev.seq;
    return w->refuse ? err_set(e, w->refuse, "%s is refused", w->name) : ERR_OK;
}

static void write_done(void *ctx, enum err_code rc, const struct err *e)
{
    struct write *w = ctx;

    pthread_mutex_lock(&w->gate->lock);
    w->rc = rc;
    w->e = *e;
    w->order = ++w->gate->answered;
    pthread_cond_broadcast(&w->gate->changed);
    pthread_mutex_unlock(&w->gate->lock);
}

void write_queue(struct store *s, struct write *w)
{
    struct err e;

    assert_ok(store_write_async(s, write_run, write_done, w, &e), &e);
}

struct question {
    const char *name;
    bool is_there;
};

static enum err_code ask(struct tx *tx, void *ctx, struct err *e)
{
    struct question *q = ctx;
    char value[8];
    enum err_code rc = row_setting_get(tx, q->name, value, sizeof value, e);

    q->is_there = !rc || rc == ERR_LIMIT;
    return rc == ERR_NOT_FOUND || rc == ERR_LIMIT ? ERR_OK : rc;
}

bool setting_is_there(struct store *s, const char *name)
{
    struct question q = {.name = name};
    struct err e;

    assert_ok(store_read(s, ask, &q, &e), &e);
    return q.is_there;
}
