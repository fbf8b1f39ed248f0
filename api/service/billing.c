/* Begin and end of what an instance costs. The seconds in between are meter.c's. */
#include <assert.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

void hold_into_room(struct hold *h_take, struct hold_room *room)
{
    assert(h_take->part_count <= HOLD_PARTS_MAX);
    if (h_take->part_count)
        memcpy(room->parts, h_take->parts, h_take->part_count * sizeof *room->parts);
    room->h = *h_take;
    room->h.parts = room->parts;
    shape_release(&hold_shape, h_take);
}

/* --- begin --------------------------------------------------------------------------- */

/* Seconds of the first window: what the hold pays for beyond stopping, however the price,
 * the deadline or the catalogue moved since the launch. */
static int64_t window_first(const struct catalogue *c, const struct instance *i,
                            const struct hold *h, int64_t at_ms)
{
    int64_t seconds = c->hold_window_seconds;

    if (i->deadline_at_ms) {
        int64_t left = (i->deadline_at_ms - at_ms + MS_PER_SECOND - 1) / MS_PER_SECOND;

        seconds = left < seconds ? left : seconds;
    }
    if (i->price_per_hour.micros > 0) {
        __int128 paid =
            (__int128)h->amount.micros * MONEY_SECONDS_PER_HOUR / i->price_per_hour.micros -
            c->checkpoint_grace_seconds - c->stop_margin_seconds;

        seconds = paid < seconds ? (int64_t)paid : seconds;
    }
    return seconds > 1 ? seconds : 1;
}

enum err_code billing_start(struct service *sv, struct tx *tx, struct instance *i, int64_t at_ms,
                            struct err *e)
{
    struct meter m = {
        .rate_micros_per_hour = i->price_per_hour.micros, .started_at_ms = at_ms, .version = 1};
    struct hold h = {0};
    const struct catalogue *c;
    enum err_code rc = row_hold_open(tx, i->id, &h, e);

    if (rc)
        return rc == ERR_NOT_FOUND ? err_set(e, ERR_INTERNAL, "instance %s has no hold", i->id)
                                   : rc;
    c = catalogue_hold(sv);
    m.window_ends_at_ms = at_ms + window_first(c, i, &h, at_ms) * MS_PER_SECOND;
    catalogue_put(sv, c);
    text_copy(m.instance_id, sizeof m.instance_id, i->id);
    text_copy(m.organization_id, sizeof m.organization_id, i->organization_id);
    text_copy(m.hold_id, sizeof m.hold_id, h.id);
    h.window_from_ms = at_ms;
    h.window_to_ms = m.window_ends_at_ms;
    rc = row_meter_insert(tx, &m, e);
    if (!rc)
        rc = row_hold_update(tx, &h, e);
    shape_release(&hold_shape, &h);
    return rc;
}

/* --- end ----------------------------------------------------------------------------- */

static enum err_code usage_save(struct tx *tx, const struct instance *i, const struct meter *m,
                                const struct hold *h, struct err *e)
{
    struct usage_row u = {.from_ms = m->started_at_ms + m->window_seconds * MS_PER_SECOND,
                          .to_ms = m->started_at_ms + m->metered_seconds * MS_PER_SECOND,
                          .seconds = m->metered_seconds - m->window_seconds,
                          .micros = h->captured.micros};

    assert(u.seconds >= 0);
    if (!u.seconds)
        return ERR_OK;
    text_copy(u.instance_id, sizeof u.instance_id, i->id);
    text_copy(u.organization_id, sizeof u.organization_id, i->organization_id);
    text_copy(u.hold_id, sizeof u.hold_id, h->id);
    return row_usage_insert(tx, &u, e);
}

enum err_code window_save(struct service *sv, struct tx *tx, const struct actor *by,
                          struct instance *i, const struct meter *m, struct capture *c,
                          struct err *e)
{
    struct hold *h = &c->room->h;
    struct posting_place used = {i->organization_id, h->id, i->id, "used in a billing window"};
    struct posting_place back = {i->organization_id, h->id, i->id, "set aside and not used"};
    struct record r = {ACTION_INSTANCE_UPDATE,
                       "credit.capture",
                       i->organization_id,
                       i->project_id,
                       h->id,
                       "closed"};
    char text[MONEY_TEXT_MAX];
    enum err_code rc = postings_save(sv, tx, &c->captured, &used, e);

    assert(h->state == HOLD_CLOSED);
    if (!rc)
        rc = postings_save(sv, tx, &c->released, &back, e);
    if (!rc)
        rc = row_hold_update(tx, h, e);
    if (!rc && m)
        rc = usage_save(tx, i, m, h, e);
    if (!rc)
        rc = micros_add(i->cost.micros, h->captured.micros, &i->cost.micros, e);
    if (rc)
        return rc;
    i->cost_at_ms =
        m ? m->started_at_ms + m->metered_seconds * MS_PER_SECOND : clock_now_ms(sv->clock);
    return record_write(sv, tx, by, &r, e, "%s used by instance %s",
                        money_format(h->captured, 6, text), i->name);
}

static enum err_code loss_save(struct service *sv, struct tx *tx, const struct actor *by,
                               const struct instance *i, int64_t micros, struct err *e)
{
    struct postings lines = {0};
    struct posting_place at = {i->organization_id, NULL, i->id,
                               "ran longer than its credit; the provider bears it"};
    struct record r = {ACTION_INSTANCE_UPDATE, "credit.loss", i->organization_id,
                       i->project_id,          i->id,         NULL};
    char text[MONEY_TEXT_MAX];
    enum err_code rc = ledger_loss(micros, i->price_per_hour.currency, &lines, e);

    if (!rc)
        rc = postings_save(sv, tx, &lines, &at, e);
    money_format(money_of(micros, i->price_per_hour.currency), 6, text);
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "instance %s ran %s beyond its credit", i->name,
                             text);
}

/* Capture what the meter says (m NULL: nothing was billed) and release the rest. */
static enum err_code hold_resolve(struct service *sv, struct tx *tx, const struct actor *by,
                                  struct instance *i, const struct meter *m, struct hold_room *room,
                                  struct err *e)
{
    struct capture c = {.room = room};
    int64_t used = m ? m->window_micros : 0, loss = 0;
    struct organization o;
    PURSE_OWN purse = {0};
    enum err_code rc = row_organization_get(tx, i->organization_id, &o, e);

    if (used > room->h.amount.micros) {
        loss = used - room->h.amount.micros;
        used = room->h.amount.micros;
    }
    if (!rc)
        rc = purse_open(tx, &o, &purse, e);
    if (!rc)
        rc = ledger_hold_capture(&room->h, purse.grants, purse.count, used, &c.captured, e);
    if (!rc)
        rc = ledger_hold_release(&room->h, purse.grants, purse.count, clock_now_ms(sv->clock),
                                 &c.released, e);
    if (!rc)
        rc = window_save(sv, tx, by, i, m, &c, e);
    if (!rc)
        rc = purse_save(tx, &purse, e);
    if (!rc && loss)
        rc = loss_save(sv, tx, by, i, loss, e);
    return rc;
}

/* Bring the meter to the end: as written down on the node, but not before what was captured or
 * given back, and not after now. The catalogue's least charge applies to an end that was asked
 * for. */
static enum err_code meter_finish(struct service *sv, const struct instance *i, struct meter *m,
                                  int64_t end_ms, struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock), least_ms;
    int64_t known_ms = m->started_at_ms + m->metered_seconds * MS_PER_SECOND;
    const struct catalogue *c;

    if (!end_ms)
        return ERR_OK; /* what was metered is the last that is known */
    c = catalogue_hold(sv);
    least_ms = m->started_at_ms + c->minimum_charge_seconds * MS_PER_SECOND;
    catalogue_put(sv, c);
    end_ms = end_ms < now_ms ? end_ms : now_ms;
    /* A node may date the end before a check of ours that looked at it, or a clock may have been
     * set back since: who was given back the time up to the check owes that time. */
    known_ms = known_ms < i->credit_from_ms ? known_ms : i->credit_from_ms;
    least_ms = least_ms > known_ms ? least_ms : known_ms;
    return meter_move(m, end_ms > least_ms ? end_ms : least_ms, e);
}

enum err_code billing_end(struct service *sv, struct tx *tx, const struct actor *by,
                          struct instance *i, int64_t end_ms, struct err *e)
{
    struct hold read = {0};
    struct hold_room room;
    struct meter m;
    bool metered;
    enum err_code rc = row_hold_open(tx, i->id, &read, e);

    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        i->billing = BILLING_OFF;
        return ERR_OK;
    }
    if (rc)
        return rc;
    hold_into_room(&read, &room);
    rc = row_meter_get(tx, i->id, &m, e);
    metered = rc == ERR_OK;
    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        rc = ERR_OK;
    }
    if (!rc && metered)
        rc = meter_finish(sv, i, &m, end_ms, e);
    if (!rc)
        rc = hold_resolve(sv, tx, by, i, metered ? &m : NULL, &room, e);
    if (!rc && metered)
        rc = row_meter_delete(tx, i->id, e);
    if (!rc)
        rc = stock_give(sv, tx, i, e);
    i->billing = BILLING_OFF;
    return rc;
}
