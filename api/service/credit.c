/* Grants, holds and entries as customers see them, the balance with its runway, and what
 * expires. The arithmetic is api/ledger's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

#define EXPIRE_BATCH 100
#define DAYS_MAX     (50LL * 365)

/* --- grants -------------------------------------------------------------------------- */

static enum err_code grant_check(const struct grant_create *in, const struct organization *o,
                                 int64_t now_ms, struct err *e)
{
    int64_t from_ms = in->effective_at_ms ? in->effective_at_ms : now_ms;
    int64_t last_ms = now_ms + DAYS_MAX * 24 * 60 * MS_PER_MINUTE;

    if (in->amount.micros <= 0)
        return input_refuse(e, "/amount/amount_micros", "out_of_range",
                            "a grant must be above zero");
    if (strcmp(in->amount.currency, o->currency) != 0)
        return input_refuse(e, "/amount/currency", "currency", "%s pays in %s", o->name,
                            o->currency);
    if (in->expires_at_ms && in->expires_at_ms <= now_ms)
        return input_refuse(e, "/expires_at", "in_the_past", "a grant must expire in the future");
    if (in->expires_at_ms && in->expires_at_ms <= from_ms)
        return input_refuse(e, "/expires_at", "out_of_range",
                            "a grant must expire after it takes effect");
    if (from_ms > last_ms || in->expires_at_ms > last_ms)
        return input_refuse(e, "/expires_at", "out_of_range", "that is more than 50 years away");
    return ERR_OK;
}

/* Everything that moves credit reads all grants that have some: with one more than can be read,
 * nothing of the organization could be billed, stopped or shown any more. */
static enum err_code grant_room_check(struct tx *tx, const struct organization *o, struct err *e)
{
    PURSE_OWN purse = {0};
    enum err_code rc = purse_open(tx, o, &purse, e);

    if (!rc && purse.count >= GRANTS_LIVE_MAX)
        rc =
            err_set(e, ERR_LIMIT, "%s has %d grants with credit already", o->name, GRANTS_LIVE_MAX);
    return rc;
}

static enum err_code grant_save(struct service *sv, struct tx *tx, const struct actor *by,
                                const char *instance_id, struct grant *g, struct err *e)
{
    struct posting_place at = {g->organization_id, NULL, instance_id, g->note};
    struct record r = {ACTION_GRANT_CREATE, "credit.grant", g->organization_id, NULL, g->id, NULL};
    struct postings lines = {0};
    char text[MONEY_TEXT_MAX];
    enum err_code rc = ledger_grant_issue(g, &lines, e);

    if (!rc)
        rc = row_grant_insert(tx, g, e);
    if (!rc)
        rc = postings_save(sv, tx, &lines, &at, e);
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "%s granted (%s)", money_format(g->amount, 2, text),
                             grant_kind_names[g->kind]);
}

enum err_code grant_issue(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct organization *o, const char *instance_id, struct grant *g,
                          struct err *e)
{
    enum err_code rc = grant_room_check(tx, o, e);

    if (rc)
        return rc;
    id_new(ID_GRANT, sv->clock, g->id);
    text_copy(g->organization_id, sizeof g->organization_id, o->id);
    g->version = 1;
    return grant_save(sv, tx, by, instance_id, g, e);
}

enum err_code grant_create(struct service *sv, struct tx *tx, const struct actor *by,
                           const struct grant_create *in, struct grant *out, struct err *e)
{
    struct grant g = {.kind = in->kind,
                      .amount = in->amount,
                      .priority = in->priority,
                      .expires_at_ms = in->expires_at_ms};
    struct organization o;
    enum err_code rc = rule_check(by, ACTION_GRANT_CREATE, e);

    g.created_at_ms = clock_now_ms(sv->clock);
    g.effective_at_ms = in->effective_at_ms ? in->effective_at_ms : g.created_at_ms;
    if (!rc)
        rc = row_organization_get(tx, in->organization_id, &o, e);
    if (rc == ERR_NOT_FOUND)
        return input_refuse(e, "/organization_id", "unknown", "there is no such organization");
    if (!rc)
        rc = grant_check(in, &o, g.created_at_ms, e);
    text_copy(g.note, sizeof g.note, in->note);
    if (!rc)
        rc = grant_issue(sv, tx, by, &o, "", &g, e);
    if (!rc)
        *out = g;
    return rc;
}

enum err_code grant_list(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct page_query *q, struct grant **out, size_t *count,
                         char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_CREDIT_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_grant_list(tx, scope, q, out, count, next, e);
}

enum err_code hold_list(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct page_query *q, struct hold **out, size_t *count,
                        char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_CREDIT_READ, q, scope, e);

    UNUSED(sv);
    if (!rc)
        rc = input_state(q, hold_state_names, e);
    return rc ? rc : row_hold_list(tx, scope, q, out, count, next, e);
}

enum err_code entry_list(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct page_query *q, struct entry **out, size_t *count,
                         char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_CREDIT_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_entry_list(tx, scope, q, out, count, next, e);
}

/* --- what runs ----------------------------------------------------------------------- */

/* Everything that costs now or is about to. */
struct loads {
    struct runway_load *items;
    size_t count, size;
    int64_t accrued, burn_per_hour, running_count, pending_count;
};

static void loads_release(struct loads *l)
{
    free(l->items);
}

static enum err_code load_add(struct loads *l, int64_t micros_per_hour, int64_t ends_at_ms,
                              struct err *e)
{
    if (l->count == l->size) {
        size_t size = l->size ? 2 * l->size : 16;
        struct runway_load *more = realloc(l->items, size * sizeof *more);

        if (!more)
            return err_set(e, ERR_INTERNAL, "out of memory");
        l->items = more;
        l->size = size;
    }
    l->items[l->count++] = (struct runway_load){micros_per_hour, ends_at_ms};
    return ERR_OK;
}

static enum err_code load_add_meter(struct service *sv, struct tx *tx, struct loads *l,
                                    const struct meter *m, struct err *e)
{
    int64_t seconds, micros;
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, m->instance_id, &i, e);

    if (!rc)
        rc = meter_owed(sv, tx, m, &seconds, &micros, e);
    if (!rc)
        rc = micros_add(l->accrued, micros, &l->accrued, e);
    if (!rc)
        rc = micros_add(l->burn_per_hour, m->rate_micros_per_hour, &l->burn_per_hour, e);
    if (rc)
        return rc;
    l->running_count++;
    if (i.desired_state != INSTANCE_WANT_RUNNING) /* it ends within its grace */
        return ERR_OK;
    return load_add(l, m->rate_micros_per_hour, i.deadline_at_ms, e);
}

static enum err_code loads_running(struct service *sv, struct tx *tx, const char *organization_id,
                                   struct loads *l, struct err *e)
{
    char after[ID_MAX] = "";
    size_t count;

    do {
        struct meter *page = NULL;
        enum err_code rc =
            row_meter_list(tx, organization_id, after, PAGE_ITEMS_MAX, &page, &count, e);

        for (size_t i = 0; !rc && i < count; i++) {
            text_copy(after, sizeof after, page[i].instance_id);
            rc = load_add_meter(sv, tx, l, &page[i], e);
        }
        free(page);
        if (rc)
            return rc;
    } while (count == PAGE_ITEMS_MAX);
    return ERR_OK;
}

/* Those that come up cost from the moment their check passes: soon, so from now. */
static enum err_code loads_pending(struct service *sv, struct tx *tx, const char *organization_id,
                                   enum instance_state state, struct loads *l, struct err *e)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    struct instance *page = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;
    enum err_code rc;

    text_copy(q.state, sizeof q.state, instance_state_names[state]);
    rc = row_instance_list(tx, organization_id, &q, &page, &count, next, e);
    for (size_t i = 0; !rc && i < count; i++) {
        int64_t ends_ms = page[i].deadline_at_ms;

        if (page[i].stop_after_seconds)
            ends_ms = clock_now_ms(sv->clock) + page[i].stop_after_seconds * MS_PER_SECOND;
        l->pending_count++;
        rc = load_add(l, page[i].price_per_hour.micros, ends_ms, e);
    }
    LIST_FREE(&instance_shape, page, count);
    return rc;
}

static enum err_code loads_read(struct service *sv, struct tx *tx, const char *organization_id,
                                struct loads *l, struct err *e)
{
    static const enum instance_state pending[] = {INSTANCE_REQUESTED, INSTANCE_PROVISIONING,
                                                  INSTANCE_HEALTH_CHECK, INSTANCE_STARTING};
    enum err_code rc = loads_running(sv, tx, organization_id, l, e);

    for (size_t i = 0; !rc && i < ARRAY_SIZE(pending); i++)
        rc = loads_pending(sv, tx, organization_id, pending[i], l, e);
    return rc;
}

/* --- balance ------------------------------------------------------------------------- */

static int burn_order(const void *a, const void *b)
{
    return grant_burn_compare(*(const struct grant *const *)a, *(const struct grant *const *)b);
}

/* Credit as the runway burns it: what is held first, which no longer expires, then grants. */
static enum err_code runway_run(const struct purse *p, const struct loads *l, int64_t now_ms,
                                int64_t *ends_at_ms, struct err *e)
{
    const struct grant **order = malloc((p->count + 1) * sizeof *order);
    struct runway_credit *credits = calloc(p->count + 1, sizeof *credits);
    int64_t held = 0;
    enum err_code rc = ERR_OK;

    if (!order || !credits)
        rc = err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; !rc && i < p->count; i++) {
        order[i] = &p->grants[i];
        rc = micros_add(held, p->grants[i].held.micros, &held, e);
    }
    if (!rc) {
        qsort(order, p->count, sizeof *order, burn_order);
        credits[0].micros = held > l->accrued ? held - l->accrued : 0;
        for (size_t i = 0; i < p->count; i++)
            credits[i + 1] = (struct runway_credit){
                order[i]->available.micros, order[i]->effective_at_ms, order[i]->expires_at_ms};
        *ends_at_ms = runway_end(now_ms, l->items, l->count, credits, p->count + 1);
    }
    free(order);
    free(credits);
    return rc;
}

enum err_code runway_find(struct service *sv, struct tx *tx, const struct purse *p,
                          const struct runway_load *extra, int64_t *ends_at_ms, struct err *e)
{
    struct loads l = {0};
    enum err_code rc = loads_read(sv, tx, p->organization_id, &l, e);

    if (!rc && extra)
        rc = load_add(&l, extra->micros_per_hour, extra->ends_at_ms, e);
    if (!rc)
        rc = runway_run(p, &l, clock_now_ms(sv->clock), ends_at_ms, e);
    loads_release(&l);
    return rc;
}

/* What was granted, takes effect later and is not used (clocks may step) is not there yet. */
static int64_t granted_later(const struct purse *p, int64_t now_ms)
{
    int64_t sum = 0;

    for (size_t i = 0; i < p->count; i++)
        if (p->grants[i].effective_at_ms > now_ms &&
            p->grants[i].available.micros == p->grants[i].amount.micros)
            sum += p->grants[i].amount.micros;
    return sum;
}

static void basis_write(const struct loads *l, struct credit *c)
{
    char burn[MONEY_TEXT_MAX], coming[64] = "";

    if (!l->running_count && !l->pending_count) {
        text_copy(c->runway_basis, sizeof c->runway_basis, "nothing runs");
        return;
    }
    if (l->pending_count)
        snprintf(coming, sizeof coming, " and %lld coming up", (long long)l->pending_count);
    snprintf(c->runway_basis, sizeof c->runway_basis,
             "%lld running at %s per hour%s, each to its deadline; what is set aside is used, "
             "other credit ends at its expiry",
             (long long)l->running_count, money_format(c->burn_per_hour, 2, burn), coming);
}

static enum err_code credit_fill(struct purse *p, const struct grant_sums *sums,
                                 const struct loads *l, struct credit *c, struct err *e)
{
    struct hold_time when = {.now_ms = c->as_of_ms, .from_ms = c->as_of_ms};
    int64_t available = 0, left = 0;
    enum err_code rc = grants_available(p->grants, p->count, &when, &available, e);

    if (!rc)
        rc = micros_add(available, sums->held - l->accrued, &left, e);
    if (rc)
        return rc;
    c->granted = money_of(sums->granted - granted_later(p, c->as_of_ms), p->currency);
    c->consumed = money_of(sums->consumed, p->currency);
    c->expired = money_of(sums->expired + sums->voided, p->currency);
    c->held = money_of(sums->held, p->currency);
    c->available = money_of(available, p->currency);
    c->accrued = money_of(l->accrued, p->currency);
    c->left = money_of(left, p->currency);
    c->burn_per_hour = money_of(l->burn_per_hour, p->currency);
    c->running_count = l->running_count;
    basis_write(l, c);
    return ERR_OK;
}

enum err_code credit_get(struct service *sv, struct tx *tx, const struct actor *by,
                         const char *organization_id, struct credit *out, struct err *e)
{
    const char *id = organization_id[0] ? organization_id : by->organization_id;
    struct credit c = {.as_of_ms = clock_now_ms(sv->clock)};
    struct loads l = {0};
    struct organization o;
    struct grant_sums sums;
    PURSE_OWN purse = {0};
    enum err_code rc = rule_check_object(by, ACTION_CREDIT_READ, id, "organization", id, e);

    if (!rc)
        rc = row_organization_get(tx, id, &o, e);
    if (!rc)
        rc = purse_open(tx, &o, &purse, e);
    if (!rc)
        rc = row_grant_sums(tx, id, &sums, e);
    if (!rc)
        rc = loads_read(sv, tx, id, &l, e);
    if (!rc)
        rc = credit_fill(&purse, &sums, &l, &c, e);
    if (!rc)
        rc = runway_run(&purse, &l, c.as_of_ms, &c.runway_ends_at_ms, e);
    loads_release(&l);
    if (!rc)
        *out = c;
    return rc;
}

/* --- what is over -------------------------------------------------------------------- */

static enum err_code grant_expire_one(struct service *sv, struct tx *tx, const struct actor *by,
                                      struct grant *g, struct err *e)
{
    struct posting_place at = {g->organization_id, NULL, NULL, "expired unused"};
    struct record r = {ACTION_GRANT_CREATE, "credit.expire", g->organization_id, NULL, g->id, NULL};
    struct money was = g->available;
    struct postings lines = {0};
    char text[MONEY_TEXT_MAX];
    enum err_code rc = ledger_grant_expire(g, clock_now_ms(sv->clock), &lines, e);

    if (!rc)
        rc = row_grant_update(tx, g, e);
    if (!rc)
        rc = postings_save(sv, tx, &lines, &at, e);
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "%s expired unused", money_format(was, 2, text));
}

static enum err_code grants_expire(struct service *sv, struct tx *tx, const struct actor *by,
                                   struct err *e)
{
    struct grant *items = NULL;
    size_t count = 0;
    enum err_code rc =
        row_grant_expired(tx, clock_now_ms(sv->clock), EXPIRE_BATCH, &items, &count, e);

    for (size_t i = 0; !rc && i < count; i++)
        rc = grant_expire_one(sv, tx, by, &items[i], e);
    free(items);
    return rc;
}

bool deadline_is_due(const struct instance *i, int64_t now_ms)
{
    bool may_run = i->state == INSTANCE_REQUESTED || i->state == INSTANCE_PROVISIONING ||
                   i->state == INSTANCE_HEALTH_CHECK || i->state == INSTANCE_STARTING ||
                   i->state == INSTANCE_RUNNING || i->state == INSTANCE_UNREACHABLE;

    return may_run && i->deadline_at_ms && i->deadline_at_ms <= now_ms;
}

static enum err_code deadlines_stop(struct service *sv, struct tx *tx, const struct actor *by,
                                    struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock);
    char after[ID_MAX] = "";
    size_t count;

    do {
        struct instance *page = NULL;
        enum err_code rc = row_instance_unsettled(tx, after, PAGE_ITEMS_MAX, &page, &count, e);

        for (size_t i = 0; !rc && i < count; i++) {
            text_copy(after, sizeof after, page[i].id);
            if (deadline_is_due(&page[i], now_ms))
                rc = instance_wind_down(sv, tx, by, &page[i], INSTANCE_REASON_DEADLINE,
                                        "its deadline has passed", e);
        }
        LIST_FREE(&instance_shape, page, count);
        if (rc)
            return rc;
    } while (count == PAGE_ITEMS_MAX);
    return ERR_OK;
}

enum err_code expire_due(struct service *sv, struct tx *tx, const struct actor *by, struct err *e)
{
    enum err_code rc = deadlines_stop(sv, tx, by, e);

    return rc ? rc : grants_expire(sv, tx, by, e);
}
