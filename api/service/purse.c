/* Money between the ledger, which decides, and the rows, which remember. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

enum err_code purse_open(struct tx *tx, const struct organization *o, struct purse *out,
                         struct err *e)
{
    struct purse p = {0};
    enum err_code rc = row_grant_live(tx, o->id, &p.grants, &p.count, e);

    if (rc)
        return rc;
    text_copy(p.organization_id, sizeof p.organization_id, o->id);
    text_copy(p.currency, sizeof p.currency, o->currency);
    p.before = malloc((p.count ? p.count : 1) * sizeof *p.before);
    if (!p.before) {
        purse_release(&p);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    if (p.count)
        memcpy(p.before, p.grants, p.count * sizeof *p.before);
    *out = p;
    return ERR_OK;
}

void purse_release(struct purse *p)
{
    free(p->grants);
    free(p->before);
    *p = (struct purse){0};
}

const struct grant *purse_grant(const struct purse *p, const char *id)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->grants[i].id, id) == 0)
            return &p->grants[i];
    return NULL;
}

static bool grant_has_changed(const struct grant *a, const struct grant *b)
{
    return a->available.micros != b->available.micros || a->held.micros != b->held.micros ||
           a->consumed.micros != b->consumed.micros || a->expired.micros != b->expired.micros ||
           a->voided.micros != b->voided.micros;
}

enum err_code purse_save(struct tx *tx, struct purse *p, struct err *e)
{
    for (size_t i = 0; i < p->count; i++) {
        enum err_code rc;

        assert(grant_adds_up(&p->grants[i]));
        if (!grant_has_changed(&p->grants[i], &p->before[i]))
            continue;
        rc = row_grant_update(tx, &p->grants[i], e);
        if (rc)
            return rc;
        p->before[i] = p->grants[i];
    }
    return ERR_OK;
}

enum err_code postings_save(struct service *sv, struct tx *tx, const struct postings *p,
                            const struct posting_place *at, struct err *e)
{
    struct entry en = {.kind = p->kind, .at_ms = clock_now_ms(sv->clock)};

    assert(postings_balance(p));
    if (!p->count)
        return ERR_OK;
    id_new(ID_TRANSACTION, sv->clock, en.transaction_id);
    text_copy(en.organization_id, sizeof en.organization_id, at->organization_id);
    text_copy(en.hold_id, sizeof en.hold_id, at->hold_id ? at->hold_id : "");
    text_copy(en.instance_id, sizeof en.instance_id, at->instance_id ? at->instance_id : "");
    text_copy(en.detail, sizeof en.detail, at->detail ? at->detail : "");
    for (size_t i = 0; i < p->count; i++) {
        enum err_code rc;

        id_new(ID_ENTRY, sv->clock, en.id);
        en.account = p->items[i].account;
        en.amount = money_of(p->items[i].micros, p->currency);
        text_copy(en.grant_id, sizeof en.grant_id, p->items[i].grant_id);
        rc = row_entry_insert(tx, &en, e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

enum err_code hold_save(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct instance *i, struct hold_room *room,
                        const struct postings *lines, struct err *e)
{
    struct hold *h = &room->h;
    struct posting_place at = {i->organization_id, h->id, i->id, "set aside for a billing window"};
    struct record r = {ACTION_INSTANCE_LAUNCH, "credit.hold", i->organization_id,
                       i->project_id,          h->id,         "open"};
    char text[MONEY_TEXT_MAX];
    enum err_code rc = row_hold_insert(tx, h, e);

    if (!rc)
        rc = postings_save(sv, tx, lines, &at, e);
    if (rc)
        return rc;
    return record_write(sv, tx, by, &r, e, "%s set aside for instance %s",
                        money_format(h->amount, 2, text), i->name);
}

enum err_code hold_place(struct service *sv, struct tx *tx, const struct actor *by, struct purse *p,
                         const struct instance *i, int64_t micros, const struct hold_time *t,
                         struct hold_room *out, struct err *e)
{
    struct hold *h = &out->h;
    struct postings lines = {0};
    enum err_code rc;

    *h = (struct hold){.state = HOLD_OPEN, .created_at_ms = t->now_ms, .parts = out->parts};
    rc = ledger_hold_place(p->grants, p->count, micros, p->currency, t, h->parts, &h->part_count,
                           &lines, e);
    if (rc)
        return rc;
    id_new(ID_HOLD, sv->clock, h->id);
    text_copy(h->organization_id, sizeof h->organization_id, p->organization_id);
    text_copy(h->instance_id, sizeof h->instance_id, i->id);
    h->amount = money_of(micros, p->currency);
    h->captured = money_of(0, p->currency);
    return hold_save(sv, tx, by, i, out, &lines, e);
}
