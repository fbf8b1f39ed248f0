/* Checks that were asked for on an instance: begun, looked at, taken down. */
#include "api/worker/worker_internal.h"
#include "core/strbuf.h"

struct taken {
    struct worker *w;
    const char *instance_id;
    struct report report;
};

static enum err_code observe_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct taken *t = ctx;

    return check_observe(t->w->sv, tx, &t->w->by, t->instance_id, &t->report, e);
}

/* The report into the rows; then the engine may forget it. Takes what it owns. */
static void check_take(struct worker *w, const struct instance *i, struct report *report_take)
{
    struct taken t = {.w = w, .instance_id = i->id, .report = *report_take};
    struct err e = {0};
    enum err_code rc;

    text_copy(t.report.id, sizeof t.report.id, i->check_id);
    rc = store_write(w->sv->store, observe_tx, &t, &e);
    shape_release(&report_shape, &t.report);
    *report_take = (struct report){0};
    if (rc) {
        worker_complain(i->id, "take the report of a check", &e);
        return;
    }
    delay_clear(w, i->check_id);
    if (w->en->ops->check_remove(w->en, i->check_id, &e))
        worker_complain(i->check_id, "remove a check", &e);
}

/* It will not give a verdict: that is a report too, so that whoever asked is answered. */
static void check_give_up(struct worker *w, const struct instance *i, const char *why)
{
    int64_t now_ms = clock_now_ms(w->sv->clock);
    struct report r = {.tier = i->check_tier,
                       .verdict = VERDICT_INCONCLUSIVE,
                       .started_at_ms = now_ms,
                       .ended_at_ms = now_ms};

    snprintf(r.summary, sizeof r.summary, "the check gave no verdict: %.200s", why);
    check_take(w, i, &r);
}

/* What does not fit the instance as the engine has it is over; the rest is tried again. */
static void check_failed(struct worker *w, const struct instance *i, const char *doing,
                         const struct err *why)
{
    bool final = why->code == ERR_NOT_FOUND || why->code == ERR_CONFLICT;

    if (delay_raise(w, i->check_id, doing, why) >= FAILURES_MAX || final)
        check_give_up(w, i, why->msg);
}

void check_reconcile(struct worker *w, const struct instance *i)
{
    struct engine_check c = {
        .check_id = i->check_id, .instance_id = i->id, .node = "", .tier = i->check_tier};
    struct engine_check_state seen = {.state = ENGINE_ABSENT};
    struct err e = {0};

    if (delay_applies(w, i->check_id))
        return;
    w->busy = true;
    if (w->en->ops->check_describe(w->en, i->check_id, &seen, &e)) {
        check_failed(w, i, "describe a check", &e);
        return;
    }
    if (seen.state == ENGINE_ABSENT) {
        if (w->en->ops->check(w->en, &c, &e))
            check_failed(w, i, "begin a check", &e);
    } else if (seen.state == ENGINE_ENDED) {
        check_take(w, i, &seen.report);
    } else if (seen.state == ENGINE_FAILED) {
        check_give_up(w, i, seen.detail);
    }
}
