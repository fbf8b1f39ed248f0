/* Jobs: starting them on their instance, cancelling them, and how they end. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/worker/worker_internal.h"
#include "core/strbuf.h"

/* One job as read, with the state of its instance. */
struct look {
    struct job j;
    enum instance_state instance;
    char zone[SLUG_BYTES_MAX];
};

struct page {
    char after[ID_MAX];
    const char *instance_id; /* only the jobs of this one; NULL: all */
    struct look *items;
    size_t count;
};

static void page_release(struct page *p)
{
    for (size_t i = 0; i < p->count; i++)
        shape_release(&job_shape, &p->items[i].j);
    free(p->items);
    p->items = NULL;
    p->count = 0;
}

static enum err_code page_read(struct tx *tx, void *ctx, struct err *e)
{
    struct page *p = ctx;
    struct job *rows = NULL;
    size_t count = 0;
    enum err_code rc = p->instance_id
                           ? row_job_of_instance(tx, p->instance_id, &rows, &count, e)
                           : row_job_unsettled(tx, p->after, PAGE_ITEMS, &rows, &count, e);

    page_release(p); /* it may run again */
    if (rc)
        return rc;
    p->items = calloc(count + 1, sizeof *p->items);
    if (!p->items) {
        LIST_FREE(&job_shape, rows, count);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    for (; p->count < count; p->count++)
        p->items[p->count].j = rows[p->count];
    free(rows);
    for (size_t i = 0; !rc && i < count; i++) {
        struct instance in = {0};

        rc = row_instance_get(tx, p->items[i].j.instance_id, &in, e);
        p->items[i].instance = in.state;
        text_copy(p->items[i].zone, sizeof p->items[i].zone, in.zone);
        shape_release(&instance_shape, &in);
    }
    return rc;
}

/* --- writing down ---------------------------------------------------------------------- */

struct note {
    struct worker *w;
    const char *id;
    const struct engine_job *seen;
    struct job out;
};

static enum err_code observe_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct note *n = ctx;

    shape_release(&job_shape, &n->out);
    return job_observe(n->w->sv, tx, &n->w->by, n->id, n->seen, &n->out, e);
}

static enum err_code begin_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct note *n = ctx;

    shape_release(&job_shape, &n->out);
    return job_begin(n->w->sv, tx, &n->w->by, n->id, &n->out, e);
}

static bool look_write(struct worker *w, struct look *l, tx_fn *fn, const char *doing,
                       const struct engine_job *seen)
{
    struct note n = {.w = w, .id = l->j.id, .seen = seen};
    struct err e = {0};

    if (store_write(w->sv->store, fn, &n, &e)) {
        worker_complain(l->j.id, doing, &e);
        return false;
    }
    shape_release(&job_shape, &l->j);
    l->j = n.out;
    return true;
}

/* --- driving --------------------------------------------------------------------------- */

static enum err_code job_start(struct worker *w, const struct job *j, struct err *e)
{
    const struct catalogue *c = catalogue_hold(w->sv);
    struct engine_job_start s = {.job_id = j->id,
                                 .instance_id = j->instance_id,
                                 .command = j->command,
                                 .env = j->env,
                                 .env_count = j->env_count,
                                 .time_limit_seconds = j->time_limit_seconds,
                                 .grace_seconds = c->checkpoint_grace_seconds,
                                 .log_bytes_max = LOG_BYTES_MAX,
                                 .ends_instance = j->owns_instance};

    catalogue_put(w->sv, c);
    return w->en->ops->job_start(w->en, &s, e);
}

/* Ask the engine for what is wanted. `*asked`: it was asked, so that it is worth looking again. */
static enum err_code job_drive(struct worker *w, const struct look *l,
                               const struct engine_job *seen, bool *asked, struct err *e)
{
    *asked = true;
    if (l->j.state == JOB_STARTING && seen->state == ENGINE_ABSENT &&
        l->instance == INSTANCE_RUNNING)
        return job_start(w, &l->j, e);
    if (l->j.state == JOB_CANCELLING &&
        (seen->state == ENGINE_STARTING || seen->state == ENGINE_READY))
        return w->en->ops->job_cancel(w->en, l->j.id, e);
    *asked = false;
    return ERR_OK;
}

static enum err_code look_again(struct worker *w, const struct job *j, struct engine_job *seen,
                                struct err *e)
{
    *seen = (struct engine_job){.exit_code = -1};
    return w->en->ops->job_describe(w->en, j->id, seen, e);
}

/* How far a log has grown is not worth a commit each time. */
static bool is_worth_writing(const struct worker *w, const struct look *l,
                             const struct engine_job *seen)
{
    if (!job_observe_due(&l->j, seen, l->instance))
        return false;
    return w->logs || l->j.state != JOB_RUNNING || l->instance != INSTANCE_RUNNING ||
           seen->state != ENGINE_READY;
}

static void look_reconcile(struct worker *w, struct look *l)
{
    struct engine_job seen;
    struct err e = {0};
    bool asked = false;
    enum err_code rc;

    if (delay_applies(w, l->j.id) || !zone_is_ours(w, l->zone))
        return;
    /* Intent first: from here on a crash finds a job that is starting, and starts it. */
    if (l->j.state == JOB_QUEUED && l->instance == INSTANCE_RUNNING &&
        !look_write(w, l, begin_tx, "begin", NULL))
        return;
    rc = look_again(w, &l->j, &seen, &e);
    if (!rc)
        rc = job_drive(w, l, &seen, &asked, &e);
    if (!rc && asked)
        rc = look_again(w, &l->j, &seen, &e);
    if (rc) {
        (void)delay_raise(w, l->j.id, "drive", &e);
        return;
    }
    delay_clear(w, l->j.id);
    if (is_worth_writing(w, l, &seen))
        (void)look_write(w, l, observe_tx, "observe", &seen);
}

void jobs_settle(struct worker *w, const char *instance_id)
{
    struct page p = {.instance_id = instance_id};
    struct err e = {0};

    if (store_read(w->sv->store, page_read, &p, &e))
        worker_complain(instance_id, "read jobs", &e);
    for (size_t i = 0; i < p.count; i++)
        if (p.items[i].j.state != JOB_QUEUED)
            look_reconcile(w, &p.items[i]);
    page_release(&p);
}

enum err_code jobs_reconcile(struct worker *w, struct err *e)
{
    struct page p = {0};
    size_t count;

    if (!w->en)
        return ERR_OK;
    do {
        enum err_code rc = store_read(w->sv->store, page_read, &p, e);

        if (rc) {
            page_release(&p);
            return rc;
        }
        count = p.count;
        for (size_t i = 0; i < p.count && !worker_is_ending(w); i++) {
            text_copy(p.after, sizeof p.after, p.items[i].j.id);
            look_reconcile(w, &p.items[i]);
            w->busy |= !job_is_over(p.items[i].j.state);
        }
        page_release(&p);
    } while (count == PAGE_ITEMS && !worker_is_ending(w));
    return ERR_OK;
}
