/* The arithmetic of one meter and the tick that keeps it going.
 *
 * Rounding: only whole seconds count, a second that has begun is billed when it is complete
 * (down); what n seconds cost is floor(rate * n / 3600) micro-units since the begin of the
 * period of billing, however often it is looked at in between. */
#include <assert.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

#define METER_WRITE_SECONDS  10 /* of progress that are not written down */
#define WINDOW_SECONDS_MIN   60 /* the last window may be short, not tiny */
#define WINDOWS_PER_TICK_MAX 1000

/* What the first `seconds` of the period cost. */
static enum err_code meter_total(const struct meter *m, int64_t seconds, int64_t *micros,
                                 int32_t *remainder, struct err *e)
{
    *remainder = 0;
    return money_accrue(m->rate_micros_per_hour, seconds, remainder, micros, e);
}

enum err_code meter_at(const struct meter *m, int64_t at_ms, int64_t *seconds, int64_t *micros,
                       struct err *e)
{
    int64_t whole = at_ms > m->started_at_ms ? (at_ms - m->started_at_ms) / MS_PER_SECOND : 0;
    int64_t before, after;
    int32_t remainder;
    enum err_code rc;

    assert(m->window_seconds >= 0);
    if (whole < m->window_seconds) /* what was captured stays */
        whole = m->window_seconds;
    rc = meter_total(m, m->window_seconds, &before, &remainder, e);
    if (!rc)
        rc = meter_total(m, whole, &after, &remainder, e);
    if (rc)
        return rc;
    assert(after >= before);
    *seconds = whole;
    *micros = after - before;
    return ERR_OK;
}

enum err_code meter_move(struct meter *m, int64_t at_ms, struct err *e)
{
    int64_t seconds, micros, total;
    int32_t remainder;
    enum err_code rc = meter_at(m, at_ms, &seconds, &micros, e);

    if (!rc)
        rc = meter_total(m, seconds, &total, &remainder, e);
    if (rc)
        return rc;
    m->metered_seconds = seconds;
    m->window_micros = micros;
    m->remainder = remainder;
    return ERR_OK;
}

enum err_code meter_owed(struct service *sv, struct tx *tx, const struct meter *m, int64_t *seconds,
                         int64_t *micros, struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock), whole, accrued;
    enum err_code rc = meter_at(m, now_ms, &whole, &accrued, e);
    struct hold h = {0};

    if (rc)
        return rc;
    if (now_ms > m->window_ends_at_ms) { /* before that the hold covers it by its making */
        rc = row_hold_get(tx, m->hold_id, &h, e);
        if (rc)
            return rc;
        accrued = accrued < h.amount.micros ? accrued : h.amount.micros;
        shape_release(&hold_shape, &h);
    }
    *seconds = whole;
    *micros = accrued;
    return ERR_OK;
}

/* --- the end of a window ------------------------------------------------------------- */

/* Everything that the end of one window needs and changes. */
struct turn {
    struct organization organization;
    struct purse purse;
    struct hold_room old, new;
    struct capture capture;
    struct postings placed;
    int64_t window_seconds; /* of the new window */
};

static void turn_release(struct turn *t)
{
    purse_release(&t->purse);
}

/* How long the next window is: as the catalogue says, to the deadline if that is sooner, and
 * no longer than the credit there is. 0: not even the shortest can be held. */
static enum err_code turn_seconds(const struct catalogue *c, const struct instance *i,
                                  const struct meter *m, const struct turn *t,
                                  const struct hold_time *when, int64_t *out, struct err *e)
{
    int64_t reserve = c->checkpoint_grace_seconds + c->stop_margin_seconds;
    int64_t seconds = c->hold_window_seconds, available = 0;
    enum err_code rc = grants_available(t->purse.grants, t->purse.count, when, &available, e);

    if (rc)
        return rc;
    if (i->deadline_at_ms > m->window_ends_at_ms) {
        int64_t left_ms = i->deadline_at_ms - m->window_ends_at_ms;
        int64_t left = (left_ms + MS_PER_SECOND - 1) / MS_PER_SECOND;

        seconds = left < seconds ? left : seconds;
    }
    if (m->rate_micros_per_hour > 0) {
        __int128 bearable = (__int128)available * MONEY_SECONDS_PER_HOUR / m->rate_micros_per_hour;
        int64_t shortest = seconds < WINDOW_SECONDS_MIN ? seconds : WINDOW_SECONDS_MIN;

        if (bearable < seconds + reserve)
            seconds = bearable >= shortest + reserve ? (int64_t)bearable - reserve : 0;
    }
    *out = seconds;
    return ERR_OK;
}

/* Close the old hold and place the next one, in memory only. */
static enum err_code turn_compute(struct service *sv, const struct catalogue *c,
                                  const struct instance *i, const struct meter *m, struct turn *t,
                                  struct err *e)
{
    struct hold_time when = {.now_ms = clock_now_ms(sv->clock), .from_ms = m->window_ends_at_ms};
    int64_t reserve = c->checkpoint_grace_seconds + c->stop_margin_seconds, micros;
    int64_t used = m->window_micros;
    struct hold *old = &t->old.h, *new = &t->new.h;
    enum err_code rc;

    assert(when.from_ms <= when.now_ms);
    used = used < old->amount.micros ? used : old->amount.micros;
    t->capture.room = &t->old;
    rc = ledger_hold_capture(old, t->purse.grants, t->purse.count, used, &t->capture.captured, e);
    if (!rc)
        rc = ledger_hold_release(old, t->purse.grants, t->purse.count, when.now_ms,
                                 &t->capture.released, e);
    if (!rc)
        rc = turn_seconds(c, i, m, t, &when, &t->window_seconds, e);
    if (!rc && !t->window_seconds)
        rc = err_set(e, ERR_NO_CREDIT, "the credit is used up");
    if (!rc)
        rc = money_ceil(m->rate_micros_per_hour, t->window_seconds + reserve, &micros, e);
    if (rc)
        return rc;
    *new = (struct hold){.state = HOLD_OPEN, .created_at_ms = when.now_ms, .parts = t->new.parts};
    rc = ledger_hold_place(t->purse.grants, t->purse.count, micros, t->purse.currency, &when,
                           new->parts, &new->part_count, &t->placed, e);
    new->amount = money_of(micros, t->purse.currency);
    new->captured = money_of(0, t->purse.currency);
    return rc;
}

/* Write down what turn_compute() decided. */
static enum err_code turn_save(struct service *sv, struct tx *tx, const struct actor *by,
                               struct instance *i, struct meter *m, struct turn *t, struct err *e)
{
    struct hold *new = &t->new.h;
    enum err_code rc = window_save(sv, tx, by, i, m, &t->capture, e);

    if (rc)
        return rc;
    id_new(ID_HOLD, sv->clock, new->id);
    text_copy(new->organization_id, sizeof new->organization_id, i->organization_id);
    text_copy(new->instance_id, sizeof new->instance_id, i->id);
    new->window_from_ms = m->window_ends_at_ms;
    new->window_to_ms = m->window_ends_at_ms + t->window_seconds *MS_PER_SECOND;
    text_copy(m->hold_id, sizeof m->hold_id, new->id);
    m->captured_micros += t->old.h.captured.micros;
    m->window_seconds = m->metered_seconds;
    m->window_micros = 0;
    m->window_ends_at_ms = new->window_to_ms;
    rc = hold_save(sv, tx, by, i, &t->new, &t->placed, e);
    if (!rc)
        rc = purse_save(tx, &t->purse, e);
    if (!rc)
        rc = row_meter_update(tx, m, e);
    return rc ? rc : row_instance_update(tx, i, e);
}

/* The window is over: capture it and begin the next one. `*stopped` when there is nothing to
 * begin it with, and then the instance was told to stop on what the old hold has left. */
static enum err_code window_turn(struct service *sv, struct tx *tx, const struct actor *by,
                                 struct instance *i, struct meter *m, bool *stopped, struct err *e)
{
    const struct catalogue *c = catalogue_hold(sv);
    CLEANUP(turn_release) struct turn t = {0};
    struct hold read = {0};
    enum err_code rc = meter_move(m, m->window_ends_at_ms, e);

    if (!rc)
        rc = row_organization_get(tx, i->organization_id, &t.organization, e);
    if (!rc)
        rc = purse_open(tx, &t.organization, &t.purse, e);
    if (!rc)
        rc = row_hold_get(tx, m->hold_id, &read, e);
    if (!rc) {
        hold_into_room(&read, &t.old);
        rc = turn_compute(sv, c, i, m, &t, e);
        if (rc == ERR_NO_CREDIT) {
            err_clear(e);
            *stopped = true;
            rc = instance_wind_down(sv, tx, by, i, INSTANCE_REASON_NO_CREDIT,
                                    "the credit for another billing window is missing", e);
        } else if (!rc) {
            rc = turn_save(sv, tx, by, i, m, &t, e);
        }
    }
    catalogue_put(sv, c);
    return rc;
}

bool meter_tick_due(const struct meter *m, int64_t now_ms)
{
    return now_ms >= m->window_ends_at_ms ||
           now_ms - m->started_at_ms >= (m->metered_seconds + METER_WRITE_SECONDS) * MS_PER_SECOND;
}

/* Turn every window that has ended by now; many only after the service was down. */
static enum err_code windows_turn(struct service *sv, struct tx *tx, const struct actor *by,
                                  struct instance *i, struct meter *m, int64_t now_ms,
                                  struct err *e)
{
    bool stopped = false;
    enum err_code rc = ERR_OK;

    for (int n = 0; !rc && !stopped && n < WINDOWS_PER_TICK_MAX; n++) {
        if (now_ms < m->window_ends_at_ms || i->desired_state != INSTANCE_WANT_RUNNING)
            break;
        if (i->deadline_at_ms && i->deadline_at_ms <= m->window_ends_at_ms) {
            stopped = true;
            rc = instance_wind_down(sv, tx, by, i, INSTANCE_REASON_DEADLINE,
                                    "its deadline has passed", e);
        } else {
            rc = window_turn(sv, tx, by, i, m, &stopped, e);
        }
    }
    return rc;
}

enum err_code meter_tick(struct service *sv, struct tx *tx, const struct actor *by,
                         const char *instance_id, struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock), was;
    struct meter m;
    INSTANCE_OWN i = {0};
    enum err_code rc = row_meter_get(tx, instance_id, &m, e);

    if (rc == ERR_NOT_FOUND) { /* nothing is billed, so nothing is due */
        err_clear(e);
        return ERR_OK;
    }
    if (rc || !meter_tick_due(&m, now_ms))
        return rc;
    rc = row_instance_get(tx, instance_id, &i, e);
    if (!rc)
        rc = windows_turn(sv, tx, by, &i, &m, now_ms, e);
    was = m.metered_seconds;
    if (!rc)
        rc = meter_move(&m, now_ms, e);
    if (rc || m.metered_seconds <= was) /* a clock that stepped back waits for itself */
        return rc;
    return row_meter_update(tx, &m, e);
}
