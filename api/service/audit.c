/* The invariants of the ledger, held against the whole store. Reads only. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

/* What the rows of one organization add up to. */
struct sums {
    int64_t available, held, consumed, gone, granted; /* of grants */
    int64_t open, captured;                           /* of holds */
};

#define BROKEN(e, ...) err_set((e), ERR_INTERNAL, __VA_ARGS__)

/* --- grants and entries -------------------------------------------------------------- */

static enum err_code grants_sum(struct tx *tx, const char *organization_id, struct sums *s,
                                struct err *e)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX] = "";

    do {
        struct grant *page = NULL;
        size_t count = 0;
        enum err_code rc = row_grant_list(tx, organization_id, &q, &page, &count, next, e);

        for (size_t i = 0; !rc && i < count; i++) {
            const struct grant *g = &page[i];

            if (!grant_adds_up(g))
                rc = BROKEN(e, "grant %s: its parts do not add up to its amount", g->id);
            s->available += g->available.micros;
            s->held += g->held.micros;
            s->consumed += g->consumed.micros;
            s->gone += g->expired.micros + g->voided.micros;
            s->granted += g->amount.micros;
        }
        free(page);
        if (rc)
            return rc;
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    return ERR_OK;
}

static enum err_code account_check(struct tx *tx, const char *organization_id, enum account account,
                                   int64_t want, struct err *e)
{
    int64_t has;
    enum err_code rc = row_entry_sum(tx, organization_id, account, &has, e);

    if (!rc && has != want)
        rc = BROKEN(e,
                    "organization %s: account %s has %" PRId64 " by its entries, %" PRId64
                    " by its rows",
                    organization_id, account_names[account], has, want);
    return rc;
}

/* Replaying the entries gives what the rows say, account by account. */
static enum err_code accounts_check(struct tx *tx, const char *organization_id,
                                    const struct sums *s, struct err *e)
{
    int64_t loss;
    enum err_code rc = row_entry_sum(tx, organization_id, ACCOUNT_PROVIDER_LOSS, &loss, e);

    if (!rc && loss < 0)
        rc = BROKEN(e, "organization %s: a loss is negative", organization_id);
    if (!rc)
        rc = account_check(tx, organization_id, ACCOUNT_GRANT, s->available, e);
    if (!rc)
        rc = account_check(tx, organization_id, ACCOUNT_HELD, s->held, e);
    if (!rc)
        rc = account_check(tx, organization_id, ACCOUNT_REVENUE, s->consumed, e);
    if (!rc)
        rc = account_check(tx, organization_id, ACCOUNT_BREAKAGE, s->gone, e);
    if (!rc)
        rc = account_check(tx, organization_id, ACCOUNT_FUNDING, -s->granted - loss, e);
    return rc;
}

/* --- holds and meters ---------------------------------------------------------------- */

static enum err_code parts_check(const struct hold *h, struct err *e)
{
    int64_t amount = 0, captured = 0;

    for (size_t i = 0; i < h->part_count; i++) {
        if (h->parts[i].captured.micros > h->parts[i].amount.micros)
            return BROKEN(e, "hold %s: more was captured of a part than it has", h->id);
        amount += h->parts[i].amount.micros;
        captured += h->parts[i].captured.micros;
    }
    if (amount != h->amount.micros || captured != h->captured.micros)
        return BROKEN(e, "hold %s: its parts do not add up", h->id);
    if (captured > amount)
        return BROKEN(e, "hold %s: more was captured than held", h->id);
    if (h->state == HOLD_OPEN && captured)
        return BROKEN(e, "hold %s: captured and still open", h->id);
    return ERR_OK;
}

/* An open hold is the only one of an instance that is not over. */
static enum err_code open_check(struct tx *tx, const struct hold *h, struct err *e)
{
    struct hold newest = {0};
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, h->instance_id, &i, e);

    if (!rc && !instance_holds_stock(i.state))
        rc = BROKEN(e, "hold %s is open, but its instance is %s", h->id,
                    instance_state_names[i.state]);
    if (!rc)
        rc = row_hold_open(tx, h->instance_id, &newest, e);
    if (!rc && strcmp(newest.id, h->id) != 0)
        rc = BROKEN(e, "instance %s has two open holds", h->instance_id);
    shape_release(&hold_shape, &newest);
    return rc;
}

static enum err_code hold_check(struct tx *tx, const struct hold *h, struct sums *s, struct err *e)
{
    enum err_code rc = parts_check(h, e);

    s->captured += h->captured.micros;
    if (rc || h->state != HOLD_OPEN)
        return rc;
    s->open += h->amount.micros;
    return open_check(tx, h, e);
}

static enum err_code holds_sum(struct tx *tx, const char *organization_id, struct sums *s,
                               struct err *e)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX] = "";

    do {
        struct hold *page = NULL;
        size_t count = 0;
        enum err_code rc = row_hold_list(tx, organization_id, &q, &page, &count, next, e);

        for (size_t i = 0; !rc && i < count; i++)
            rc = hold_check(tx, &page[i], s, e);
        LIST_FREE(&hold_shape, page, count);
        if (rc)
            return rc;
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    if (s->open != s->held || s->captured != s->consumed)
        return BROKEN(e, "organization %s: holds and grants do not agree", organization_id);
    return ERR_OK;
}

static enum err_code meter_check(struct tx *tx, const struct meter *m, struct err *e)
{
    struct hold h = {0};
    enum err_code rc = row_hold_get(tx, m->hold_id, &h, e);

    if (!rc && (h.state != HOLD_OPEN || strcmp(h.instance_id, m->instance_id) != 0))
        rc = BROKEN(e, "meter of %s runs against hold %s, which is not its open one",
                    m->instance_id, m->hold_id);
    if (!rc && (m->metered_seconds < m->window_seconds || m->window_micros < 0))
        rc = BROKEN(e, "meter of %s runs backwards", m->instance_id);
    shape_release(&hold_shape, &h);
    return rc;
}

static enum err_code meters_check(struct tx *tx, const char *organization_id, struct err *e)
{
    char after[ID_MAX] = "";
    size_t count;

    do {
        struct meter *page = NULL;
        enum err_code rc =
            row_meter_list(tx, organization_id, after, PAGE_ITEMS_MAX, &page, &count, e);

        for (size_t i = 0; !rc && i < count; i++) {
            text_copy(after, sizeof after, page[i].instance_id);
            rc = meter_check(tx, &page[i], e);
        }
        free(page);
        if (rc)
            return rc;
    } while (count == PAGE_ITEMS_MAX);
    return ERR_OK;
}

/* --- use ----------------------------------------------------------------------------- */

/* Ranges of use carry exactly what was captured; their key forbids charging one twice. */
static enum err_code usage_check(struct tx *tx, const char *organization_id, const struct sums *s,
                                 struct err *e)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX] = "";
    int64_t used = 0;

    do {
        struct usage *page = NULL;
        size_t count = 0;
        enum err_code rc = row_usage_list(tx, organization_id, &q, &page, &count, next, e);

        for (size_t i = 0; !rc && i < count; i++) {
            used += page[i].cost.micros;
            if (page[i].seconds * MS_PER_SECOND > page[i].to_ms - page[i].from_ms)
                rc = BROKEN(e, "instance %s: more seconds were charged than passed",
                            page[i].instance_id);
        }
        free(page);
        if (rc)
            return rc;
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    if (used != s->captured)
        return BROKEN(e,
                      "organization %s: ranges of use cost %" PRId64 ", %" PRId64 " were captured",
                      organization_id, used, s->captured);
    return ERR_OK;
}

/* --- all ----------------------------------------------------------------------------- */

static enum err_code organization_check(struct tx *tx, const char *id, struct err *e)
{
    struct sums s = {0};
    enum err_code rc = grants_sum(tx, id, &s, e);

    if (!rc)
        rc = accounts_check(tx, id, &s, e);
    if (!rc)
        rc = holds_sum(tx, id, &s, e);
    if (!rc)
        rc = meters_check(tx, id, e);
    return rc ? rc : usage_check(tx, id, &s, e);
}

static enum err_code totals_check(struct tx *tx, struct err *e)
{
    int64_t unbalanced, total = 0;
    enum err_code rc = row_entry_unbalanced(tx, &unbalanced, e);

    if (!rc && unbalanced)
        rc = BROKEN(e, "%" PRId64 " transactions do not sum to zero", unbalanced);
    for (int a = 0; !rc && a < ACCOUNT_COUNT; a++) {
        int64_t sum;

        rc = row_entry_sum(tx, "", (enum account)a, &sum, e);
        total += rc ? 0 : sum;
    }
    if (!rc && total)
        rc = BROKEN(e, "all entries together do not sum to zero");
    return rc;
}

enum err_code ledger_audit(struct service *sv, struct tx *tx, struct err *e)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX] = "";
    enum err_code rc = totals_check(tx, e);

    UNUSED(sv);
    if (rc)
        return rc;
    do {
        struct organization *page = NULL;
        size_t count = 0;

        rc = row_organization_list(tx, &q, &page, &count, next, e);
        for (size_t i = 0; !rc && i < count; i++)
            rc = organization_check(tx, page[i].id, e);
        free(page);
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (!rc && next[0]);
    return rc;
}
