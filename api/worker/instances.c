/* Instances: what is wanted against what the engine has, and their meters. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/worker/worker_internal.h"
#include "core/strbuf.h"

/* One instance as read, with its meter. */
struct look {
    struct instance i;
    struct meter m;
    bool metered;
};

struct page {
    char after[ID_MAX];
    struct look *items;
    size_t count;
};

static void page_release(struct page *p)
{
    for (size_t i = 0; i < p->count; i++)
        shape_release(&instance_shape, &p->items[i].i);
    free(p->items);
    p->items = NULL;
    p->count = 0;
}

static enum err_code page_read(struct tx *tx, void *ctx, struct err *e)
{
    struct instance *rows = NULL;
    struct page *p = ctx;
    size_t count = 0;
    enum err_code rc = row_instance_unsettled(tx, p->after, PAGE_ITEMS, &rows, &count, e);

    page_release(p); /* it may run again */
    if (rc)
        return rc;
    p->items = calloc(count + 1, sizeof *p->items);
    if (!p->items) {
        LIST_FREE(&instance_shape, rows, count);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    for (; p->count < count; p->count++)
        p->items[p->count].i = rows[p->count];
    free(rows);
    for (size_t i = 0; !rc && i < count; i++) {
        rc = row_meter_get(tx, p->items[i].i.id, &p->items[i].m, e);
        p->items[i].metered = !rc;
        if (rc == ERR_NOT_FOUND)
            rc = ERR_OK;
    }
    return rc;
}

/* --- writing down ---------------------------------------------------------------------- */

struct note {
    struct worker *w;
    const char *id;
    const struct engine_instance *seen;
    struct instance out;
    enum instance_reason why;
    const char *detail;
};

static enum err_code observe_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct note *n = ctx;

    shape_release(&instance_shape, &n->out);
    return instance_observe(n->w->sv, tx, &n->w->by, n->id, n->seen, &n->out, e);
}

static enum err_code fail_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct note *n = ctx;

    return instance_fail(n->w->sv, tx, &n->w->by, n->id, n->why, n->detail, e);
}

static enum err_code tick_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct note *n = ctx;

    return meter_tick(n->w->sv, tx, &n->w->by, n->id, e);
}

static enum err_code unreachable_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct note *n = ctx;

    return instance_unreachable(n->w->sv, tx, &n->w->by, n->id, n->detail, e);
}

static bool wants_up(enum instance_state s)
{
    return s == INSTANCE_REQUESTED || s == INSTANCE_PROVISIONING || s == INSTANCE_STARTING ||
           s == INSTANCE_HEALTH_CHECK;
}

/* The gate's whole report, where the engine has one: without it the summary has to do. */
static void gate_read(struct worker *w, const struct look *l, const struct engine_instance *seen,
                      struct report *out)
{
    struct err e = {0};

    if (!wants_up(l->i.state) || seen->gate_verdict == VERDICT_NONE)
        return;
    if (w->en->ops->gate_report(w->en, l->i.id, out, &e) && e.code != ERR_NOT_FOUND)
        worker_complain(l->i.id, "read the gate's report", &e);
}

/* Bring what was seen into the row, and the row into `l`. */
static bool look_observe(struct worker *w, struct look *l, struct engine_instance *seen)
{
    struct note n = {.w = w, .id = l->i.id, .seen = seen};
    struct report gate = {.verdict = VERDICT_NONE};
    struct err e = {0};
    enum err_code rc;

    if (!instance_observe_due(&l->i, seen))
        return true;
    gate_read(w, l, seen, &gate);
    seen->gate_report = gate.verdict ? &gate : NULL;
    rc = store_write(w->sv->store, observe_tx, &n, &e);
    seen->gate_report = NULL;
    shape_release(&report_shape, &gate);
    if (rc) {
        worker_complain(l->i.id, "observe", &e);
        return false;
    }
    shape_release(&instance_shape, &l->i);
    l->i = n.out;
    return true;
}

/* Only what was seen alive a moment ago is metered, so that nobody pays for what is lost. */
static void look_tick(struct worker *w, const struct look *l, const struct engine_instance *seen)
{
    struct note n = {.w = w, .id = l->i.id};
    bool alive = seen->state == ENGINE_READY || seen->state == ENGINE_STOPPING;
    struct err e = {0};

    if (!l->metered || !alive || l->i.billing != BILLING_ON)
        return;
    if (!meter_tick_due(&l->m, clock_now_ms(w->sv->clock)))
        return;
    if (store_write(w->sv->store, tick_tx, &n, &e))
        worker_complain(l->i.id, "meter", &e);
}

/* --- driving --------------------------------------------------------------------------- */

static enum err_code provision(struct worker *w, const struct instance *i, struct err *e)
{
    const struct catalogue *c = catalogue_hold(w->sv);
    struct engine_provision p = {.instance_id = i->id,
                                 .gpu_count = i->gpu_count,
                                 .vcpu_count = i->vcpu_count,
                                 .memory_gib = i->memory_gib,
                                 .network = i->network,
                                 .ssh_public_key = i->ssh_public_key,
                                 .grace_seconds = c->checkpoint_grace_seconds};

    catalogue_put(w->sv, c);
    return w->en->ops->provision(w->en, &p, e);
}

static bool is_live(enum engine_state s)
{
    return s == ENGINE_STARTING || s == ENGINE_CHECKING || s == ENGINE_READY;
}

static bool is_quiet(enum engine_state s)
{
    return s == ENGINE_ENDED || s == ENGINE_FAILED || s == ENGINE_ABSENT;
}

/* After a stop the engine tells of that end until it is asked to start again. */
static bool needs_provision(const struct instance *i, const struct engine_instance *seen)
{
    if (!wants_up(i->state))
        return false;
    return seen->state == ENGINE_ABSENT ||
           (i->state == INSTANCE_STARTING && seen->state == ENGINE_ENDED &&
            seen->ended_at_ms <= i->state_since_ms);
}

static bool needs_stop(const struct instance *i, const struct engine_instance *seen)
{
    return is_live(seen->state) && (i->state == INSTANCE_STOPPING || i->state == INSTANCE_FAILED ||
                                    i->state == INSTANCE_TERMINATING);
}

/* Ask the engine for what is wanted. `*asked`: it was asked, so that it is worth looking again. */
static enum err_code instance_drive(struct worker *w, const struct instance *i,
                                    const struct engine_instance *seen, bool *asked, struct err *e)
{
    *asked = true;
    if (needs_provision(i, seen))
        return provision(w, i, e);
    if (needs_stop(i, seen)) /* what has failed gets no time to write a checkpoint */
        return w->en->ops->stop(w->en, i->id, i->state == INSTANCE_FAILED, e);
    if (i->state == INSTANCE_TERMINATING && is_quiet(seen->state) && seen->state != ENGINE_ABSENT) {
        jobs_settle(w, i->id); /* how they ended is in the files that go now */
        return w->en->ops->remove(w->en, i->id, e);
    }
    *asked = false;
    return ERR_OK;
}

static void instance_refused(struct worker *w, const struct instance *i, const struct err *why)
{
    struct note n = {.w = w, .id = i->id, .why = INSTANCE_REASON_ENGINE, .detail = why->msg};
    struct err e = {0};

    if (store_write(w->sv->store, fail_tx, &n, &e))
        worker_complain(i->id, "fail", &e);
}

/* The engine did not answer. Once in a while that happens; five times in a row, a quarter of a
 * minute, is a state of its own. Nothing is known of what was to come up: it goes on waiting. */
static void describe_failed(struct worker *w, const struct look *l, const struct err *why)
{
    struct note n = {.w = w, .id = l->i.id, .detail = why->msg};
    struct err e = {0};

    if (delay_raise(w, l->i.id, "describe", why) < FAILURES_MAX || l->i.state != INSTANCE_RUNNING)
        return;
    if (store_write(w->sv->store, unreachable_tx, &n, &e))
        worker_complain(l->i.id, "unreachable", &e);
}

/* The engine answers, but cannot do what it is asked: after so many tries it never will. */
static void drive_failed(struct worker *w, const struct look *l, const struct err *why)
{
    if (delay_raise(w, l->i.id, "drive", why) >= FAILURES_MAX && wants_up(l->i.state))
        instance_refused(w, &l->i, why);
}

static enum err_code look_again(struct worker *w, const struct instance *i,
                                struct engine_instance *seen, struct err *e)
{
    *seen = (struct engine_instance){0};
    return w->en->ops->describe(w->en, i->id, seen, e);
}

static void look_reconcile(struct worker *w, struct look *l)
{
    struct engine_instance seen;
    struct err e = {0};
    bool asked = false;
    enum err_code rc;

    if (delay_applies(w, l->i.id))
        return;
    rc = look_again(w, &l->i, &seen, &e);
    if (rc) {
        describe_failed(w, l, &e);
        return;
    }
    /* First what is seen: what has ended is not billed while its files are removed. */
    if (!needs_provision(&l->i, &seen) && !look_observe(w, l, &seen))
        return;
    rc = instance_drive(w, &l->i, &seen, &asked, &e);
    if (rc == ERR_NO_STOCK && wants_up(l->i.state)) {
        instance_refused(w, &l->i, &e);
        return;
    }
    if (!rc && asked)
        rc = look_again(w, &l->i, &seen, &e);
    if (rc) {
        drive_failed(w, l, &e);
        return;
    }
    delay_clear(w, l->i.id);
    if (asked && !look_observe(w, l, &seen))
        return;
    look_tick(w, l, &seen);
    if (seen.state == ENGINE_READY && l->i.state == INSTANCE_RUNNING && l->i.check_id[0])
        check_reconcile(w, &l->i);
}

static bool is_on_its_way(const struct instance *i)
{
    return i->state != INSTANCE_RUNNING && i->state != INSTANCE_STOPPED &&
           i->state != INSTANCE_TERMINATED;
}

static void page_reconcile(struct worker *w, struct page *p)
{
    int64_t now_ms = clock_now_ms(w->sv->clock);

    for (size_t n = 0; n < p->count && !worker_is_ending(w); n++) {
        struct look *l = &p->items[n];

        text_copy(p->after, sizeof p->after, l->i.id);
        w->expire |= deadline_is_due(&l->i, now_ms);
        if (w->en && zone_is_ours(w, l->i.zone))
            look_reconcile(w, l);
        w->busy |= is_on_its_way(&l->i);
    }
}

enum err_code instances_reconcile(struct worker *w, struct err *e)
{
    struct page p = {0};
    size_t count;

    do {
        enum err_code rc = store_read(w->sv->store, page_read, &p, e);

        if (rc) {
            page_release(&p);
            return rc;
        }
        count = p.count;
        page_reconcile(w, &p);
        page_release(&p);
    } while (count == PAGE_ITEMS && !worker_is_ending(w));
    return ERR_OK;
}
