/* Life of the worker, its loop, and the patience it has with what fails. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "api/worker/worker_internal.h"
#include "core/log.h"
#include "core/strbuf.h"

#define BUSY_MS_DEFAULT 200
#define IDLE_MS_DEFAULT 1000
#define LOGS_EVERY_MS   5000
#define DELAY_FIRST_MS  500
#define DELAY_MOST_MS   30000
#define DELAYS_MAX      65536

/* --- patience -------------------------------------------------------------------------- */

static struct delay *delay_find(struct worker *w, const char *id)
{
    for (size_t i = 0; i < w->delay_count; i++)
        if (strcmp(w->delays[i].id, id) == 0)
            return &w->delays[i];
    return NULL;
}

static struct delay *delay_add(struct worker *w, const char *id)
{
    struct delay *d;

    if (w->delay_count == w->delay_size) {
        size_t size = w->delay_size ? 2 * w->delay_size : 16;
        struct delay *more = size <= DELAYS_MAX ? realloc(w->delays, size * sizeof *more) : NULL;

        if (!more)
            return NULL;
        w->delays = more;
        w->delay_size = size;
    }
    d = &w->delays[w->delay_count++];
    *d = (struct delay){0};
    text_copy(d->id, sizeof d->id, id);
    return d;
}

bool delay_applies(struct worker *w, const char *id)
{
    const struct delay *d = delay_find(w, id);

    return d && clock_mono_ms(w->sv->clock) < d->until_ms;
}

int delay_raise(struct worker *w, const char *id, const char *doing, const struct err *e)
{
    struct delay *d = delay_find(w, id);
    int64_t wait_ms = DELAY_FIRST_MS;

    if (!d)
        d = delay_add(w, id);
    log_line(LOG_WARN, "worker", doing, "id=%s code=%s error=\"%s\" failures=%d", id,
             err_slug(e->code), e->msg, d ? d->failures + 1 : 1);
    if (!d)
        return 1; /* out of memory: it is tried again at once, which is safe */
    for (int i = 0; i < d->failures && wait_ms < DELAY_MOST_MS; i++)
        wait_ms *= 2;
    d->failures++;
    d->in_row = d->doing && strcmp(d->doing, doing) == 0 ? d->in_row + 1 : 1;
    d->doing = doing;
    d->until_ms = clock_mono_ms(w->sv->clock) + (wait_ms < DELAY_MOST_MS ? wait_ms : DELAY_MOST_MS);
    return d->in_row;
}

void delay_clear(struct worker *w, const char *id)
{
    struct delay *d = delay_find(w, id);

    if (d)
        *d = w->delays[--w->delay_count];
}

void worker_complain(const char *id, const char *doing, const struct err *e)
{
    log_line(LOG_ERROR, "worker", doing, "id=%s code=%s error=\"%s\"", id, err_slug(e->code),
             e->msg);
}

bool zone_is_ours(struct worker *w, const char *zone)
{
    const struct catalogue *c = catalogue_hold(w->sv);
    const struct zone *z = catalogue_zone(c, zone);
    bool ours = !z || strcmp(z->engine, w->en->ops->name) == 0;

    catalogue_put(w->sv, c);
    return ours;
}

bool worker_is_ending(struct worker *w)
{
    return atomic_load(&w->ending);
}

/* --- one step -------------------------------------------------------------------------- */

/* Nodes first, so that an instance finds the row of its node; instances before jobs, so that a job
 * sees its instance as it is; meters inside the look at their instance, so that what is lost is not
 * billed first; expiries last, so that credit which a late window could still hold is not gone. */
enum err_code worker_step(struct worker *w, bool *busy, struct err *e)
{
    int64_t mono_ms = clock_mono_ms(w->sv->clock);
    enum err_code rc;

    w->busy = w->expire = false;
    w->logs = mono_ms >= w->logs_next_ms;
    if (w->logs)
        w->logs_next_ms = mono_ms + LOGS_EVERY_MS;
    rc = nodes_reconcile(w, e);
    if (!rc)
        rc = instances_reconcile(w, e);
    if (!rc)
        rc = jobs_reconcile(w, e);
    if (!rc)
        rc = expiries_apply(w, e);
    if (!rc)
        rc = orphans_find(w, e);
    if (!rc)
        rc = rows_trim(w, e);
    if (!rc && busy)
        *busy = w->busy;
    return rc;
}

/* --- life ------------------------------------------------------------------------------- */

enum err_code worker_open(const struct worker_config *c, struct worker **out, struct err *e)
{
    struct worker *w = calloc(1, sizeof *w);

    assert(c->service && c->service->store);
    if (!w)
        return err_set(e, ERR_INTERNAL, "out of memory");
    w->config = *c;
    w->config.busy_ms = c->busy_ms ? c->busy_ms : BUSY_MS_DEFAULT;
    w->config.idle_ms = c->idle_ms ? c->idle_ms : IDLE_MS_DEFAULT;
    w->sv = c->service;
    w->en = c->engine;
    w->by = (struct actor){.is_system = true};
    w->wake_fd = -1;
    *out = w;
    return ERR_OK;
}

void worker_close(struct worker *w)
{
    if (!w)
        return;
    assert(!w->threaded);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    free(w->delays);
    free(w->orphans);
    free(w);
}

/* Sleep until woken or until the timer is up; many wakes are one. */
static void worker_sleep(struct worker *w, int64_t ms)
{
    struct pollfd p = {.fd = w->wake_fd, .events = POLLIN};
    uint64_t count;

    if (poll(&p, 1, (int)ms) > 0 && read(w->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
        log_line(LOG_ERROR, "worker", "wake", "error=\"%s\"", strerror(errno));
}

static void *worker_run(void *arg)
{
    struct worker *w = arg;

    while (!worker_is_ending(w)) {
        struct err e = {0};
        bool busy = false;

        if (worker_step(w, &busy, &e))
            worker_complain("-", "step", &e);
        if (!worker_is_ending(w))
            worker_sleep(w, busy ? w->config.busy_ms : w->config.idle_ms);
    }
    return NULL;
}

enum err_code worker_start(const struct worker_config *c, struct worker **out, struct err *e)
{
    struct worker *w;
    enum err_code rc = worker_open(c, &w, e);

    if (rc)
        return rc;
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake_fd < 0 || pthread_create(&w->thread, NULL, worker_run, w) != 0) {
        worker_close(w);
        return err_set(e, ERR_INTERNAL, "cannot start the worker's thread");
    }
    w->threaded = true;
    *out = w;
    return ERR_OK;
}

void worker_wake(struct worker *w)
{
    uint64_t one = 1;

    if (!w || w->wake_fd < 0)
        return;
    /* EAGAIN means that more wakes are waiting than it can count: one is enough. */
    if (write(w->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        log_line(LOG_ERROR, "worker", "wake", "error=\"%s\"", strerror(errno));
}

void worker_stop(struct worker *w)
{
    if (!w)
        return;
    atomic_store(&w->ending, true);
    worker_wake(w);
    if (w->threaded)
        pthread_join(w->thread, NULL);
    w->threaded = false;
    worker_close(w);
}
