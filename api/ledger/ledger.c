/* Moves of credit between accounts, in integers. Knows no store, no clock and no instance. */
#include "api/ledger/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "core/strbuf.h"

static void post(struct postings *p, enum account account, const char *grant_id, int64_t micros)
{
    struct posting *line;

    assert(p->count < POSTINGS_MAX);
    assert(micros != 0);
    line = &p->items[p->count++];
    line->account = account;
    text_copy(line->grant_id, sizeof line->grant_id, grant_id);
    line->micros = micros;
}

/* Two lines: `micros` leave one account and enter another. */
static void post_pair(struct postings *p, enum account from, const char *from_grant,
                      enum account to, const char *to_grant, int64_t micros)
{
    assert(micros > 0);
    post(p, from, from_grant, -micros);
    post(p, to, to_grant, micros);
}

static void postings_begin(struct postings *p, enum entry_kind kind, const char *currency)
{
    assert(p->count == 0);
    p->kind = kind;
    text_copy(p->currency, sizeof p->currency, currency);
}

bool postings_balance(const struct postings *p)
{
    int64_t sum = 0;

    assert(p->count <= POSTINGS_MAX);
    for (size_t i = 0; i < p->count; i++)
        if (__builtin_add_overflow(sum, p->items[i].micros, &sum))
            return false;
    return sum == 0;
}

bool grant_adds_up(const struct grant *g)
{
    const struct money *parts[] = {&g->available, &g->held, &g->consumed, &g->expired, &g->voided};
    int64_t sum = 0;

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (parts[i]->micros < 0 || __builtin_add_overflow(sum, parts[i]->micros, &sum))
            return false;
        if (parts[i]->micros && strcmp(parts[i]->currency, g->amount.currency) != 0)
            return false;
    }
    return sum == g->amount.micros;
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int grant_burn_compare(const struct grant *a, const struct grant *b)
{
    int c = compare(a->priority, b->priority);

    assert(a->expires_at_ms >= 0 && b->expires_at_ms >= 0);
    if (!c)
        c = compare(a->expires_at_ms ? a->expires_at_ms : INT64_MAX,
                    b->expires_at_ms ? b->expires_at_ms : INT64_MAX);
    if (!c) /* only paid credit can be paid back, so it burns last */
        c = compare(a->kind == GRANT_PAID, b->kind == GRANT_PAID);
    if (!c)
        c = compare(a->effective_at_ms, b->effective_at_ms);
    if (!c)
        c = compare(a->created_at_ms, b->created_at_ms);
    return c ? c : strcmp(a->id, b->id);
}

bool grant_is_usable(const struct grant *g, const struct hold_time *t)
{
    assert(t->from_ms <= t->now_ms);
    return g->available.micros > 0 && g->effective_at_ms <= t->now_ms &&
           (!g->expires_at_ms || g->expires_at_ms > t->from_ms);
}

enum err_code grants_available(const struct grant *grants, size_t count, const struct hold_time *t,
                               int64_t *out, struct err *e)
{
    int64_t sum = 0;
    enum err_code rc;

    for (size_t i = 0; i < count; i++) {
        if (!grant_is_usable(&grants[i], t))
            continue;
        rc = micros_add(sum, grants[i].available.micros, &sum, e);
        if (rc)
            return rc;
    }
    assert(sum >= 0);
    *out = sum;
    return ERR_OK;
}

enum err_code ledger_grant_issue(struct grant *g, struct postings *out, struct err *e)
{
    struct money zero;

    if (g->amount.micros <= 0)
        return err_set(e, ERR_INVALID, "a grant must be above zero");
    zero = money_of(0, g->amount.currency);
    g->available = g->amount;
    g->held = g->consumed = g->expired = g->voided = zero;
    postings_begin(out, ENTRY_GRANT, g->amount.currency);
    post_pair(out, ACCOUNT_FUNDING, "", ACCOUNT_GRANT, g->id, g->amount.micros);
    assert(grant_adds_up(g) && postings_balance(out));
    return ERR_OK;
}

/* One grant chosen for a hold. */
struct pick {
    size_t index;
    int64_t micros;
};

/* The next usable grant in burn order after `after` (NULL: the first), or `count`. */
static size_t grant_next(const struct grant *grants, size_t count, const struct hold_time *t,
                         const struct grant *after)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        if (!grant_is_usable(&grants[i], t))
            continue;
        if (after && grant_burn_compare(&grants[i], after) <= 0)
            continue;
        if (best == count || grant_burn_compare(&grants[i], &grants[best]) < 0)
            best = i;
    }
    return best;
}

/* Make room for one more: drop the smallest pick. Returns what it bore. */
static int64_t pick_drop_smallest(struct pick *picks, size_t *n)
{
    size_t smallest = 0;
    int64_t micros;

    assert(*n > 0);
    for (size_t i = 1; i < *n; i++)
        if (picks[i].micros < picks[smallest].micros)
            smallest = i;
    micros = picks[smallest].micros;
    memmove(&picks[smallest], &picks[smallest + 1], (*n - smallest - 1) * sizeof *picks);
    (*n)--;
    return micros;
}

/* Choose in burn order until `micros` are covered. Returns what is still missing. */
static int64_t picks_choose(const struct grant *grants, size_t count, const struct hold_time *t,
                            int64_t micros, struct pick picks[HOLD_PARTS_MAX], size_t *n)
{
    size_t i = micros > 0 ? grant_next(grants, count, t, NULL) : count;

    assert(micros >= 0);
    for (*n = 0; i < count && micros > 0; i = grant_next(grants, count, t, &grants[i])) {
        int64_t take;

        if (*n == HOLD_PARTS_MAX)
            micros += pick_drop_smallest(picks, n);
        take = grants[i].available.micros < micros ? grants[i].available.micros : micros;
        picks[(*n)++] = (struct pick){.index = i, .micros = take};
        micros -= take;
    }
    return micros;
}

static enum err_code no_credit(const struct grant *grants, size_t count, const struct hold_time *t,
                               int64_t micros, const char *currency, struct err *e)
{
    char has[MONEY_TEXT_MAX], needs[MONEY_TEXT_MAX];
    int64_t available;
    enum err_code rc = grants_available(grants, count, t, &available, e);

    if (rc)
        return rc;
    money_format(money_of(available, currency), 2, has);
    money_format(money_of(micros, currency), 2, needs);
    rc = err_set(e, ERR_NO_CREDIT, "%s %s are needed; %s are available",
                 available < micros ? "not enough credit:" : "credit is spread too thin:", needs,
                 has);
    err_fact_money(e, "available", available, currency);
    err_fact_money(e, "required", micros, currency);
    return rc;
}

enum err_code ledger_hold_place(struct grant *grants, size_t count, int64_t micros,
                                const char *currency, const struct hold_time *t,
                                struct hold_part *parts, size_t *part_count, struct postings *out,
                                struct err *e)
{
    struct pick picks[HOLD_PARTS_MAX];
    size_t n;

    assert(micros >= 0);
    if (picks_choose(grants, count, t, micros, picks, &n) > 0)
        return no_credit(grants, count, t, micros, currency, e);
    postings_begin(out, ENTRY_HOLD, currency);
    for (size_t i = 0; i < n; i++) {
        struct grant *g = &grants[picks[i].index];

        g->available.micros -= picks[i].micros;
        g->held.micros += picks[i].micros;
        assert(grant_adds_up(g));
        parts[i] = (struct hold_part){.amount = money_of(picks[i].micros, currency),
                                      .captured = money_of(0, currency)};
        text_copy(parts[i].grant_id, sizeof parts[i].grant_id, g->id);
        post_pair(out, ACCOUNT_GRANT, g->id, ACCOUNT_HELD, g->id, picks[i].micros);
    }
    *part_count = n;
    assert(postings_balance(out));
    return ERR_OK;
}

static struct grant *grant_find(struct grant *grants, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(grants[i].id, id) == 0)
            return &grants[i];
    return NULL;
}

/* Every part has its grant, and that grant holds at least what the part says. */
static enum err_code hold_check(const struct hold *h, struct grant *grants, size_t count,
                                struct err *e)
{
    assert(h->part_count <= HOLD_PARTS_MAX);
    if (h->state != HOLD_OPEN)
        return err_set(e, ERR_CONFLICT, "hold %s is resolved already", h->id);
    for (size_t i = 0; i < h->part_count; i++) {
        const struct grant *g = grant_find(grants, count, h->parts[i].grant_id);

        if (!g)
            return err_set(e, ERR_INTERNAL, "hold %s: grant %s was not given", h->id,
                           h->parts[i].grant_id);
        if (g->held.micros < h->parts[i].amount.micros - h->parts[i].captured.micros)
            return err_set(e, ERR_INTERNAL, "hold %s: grant %s holds less than it should", h->id,
                           g->id);
    }
    return ERR_OK;
}

enum err_code ledger_hold_capture(struct hold *h, struct grant *grants, size_t count,
                                  int64_t micros, struct postings *out, struct err *e)
{
    enum err_code rc = hold_check(h, grants, count, e);
    int64_t rest = micros;

    if (rc)
        return rc;
    if (h->captured.micros)
        return err_set(e, ERR_CONFLICT, "hold %s was captured already", h->id);
    if (micros < 0 || micros > h->amount.micros)
        return err_set(e, ERR_INVALID, "hold %s has %" PRId64 " micros, not %" PRId64, h->id,
                       h->amount.micros, micros);
    postings_begin(out, ENTRY_CAPTURE, h->amount.currency);
    for (size_t i = 0; i < h->part_count && rest > 0; i++) {
        struct hold_part *part = &h->parts[i];
        struct grant *g = grant_find(grants, count, part->grant_id);
        int64_t take = part->amount.micros < rest ? part->amount.micros : rest;

        part->captured = money_of(take, h->amount.currency);
        g->held.micros -= take;
        g->consumed.micros += take;
        assert(grant_adds_up(g));
        post_pair(out, ACCOUNT_HELD, g->id, ACCOUNT_REVENUE, g->id, take);
        rest -= take;
    }
    assert(rest == 0 && postings_balance(out));
    h->captured = money_of(micros, h->amount.currency);
    return ERR_OK;
}

enum err_code ledger_hold_release(struct hold *h, struct grant *grants, size_t count, int64_t at_ms,
                                  struct postings *out, struct err *e)
{
    enum err_code rc = hold_check(h, grants, count, e);

    if (rc)
        return rc;
    postings_begin(out, ENTRY_RELEASE, h->amount.currency);
    for (size_t i = 0; i < h->part_count; i++) {
        const struct hold_part *part = &h->parts[i];
        struct grant *g = grant_find(grants, count, part->grant_id);
        int64_t rest = part->amount.micros - part->captured.micros;

        assert(rest >= 0);
        if (!rest)
            continue;
        g->held.micros -= rest;
        g->available.micros += rest;
        assert(grant_adds_up(g));
        post_pair(out, ACCOUNT_HELD, g->id, ACCOUNT_GRANT, g->id, rest);
    }
    assert(postings_balance(out));
    h->state = HOLD_CLOSED;
    h->closed_at_ms = at_ms;
    return ERR_OK;
}

enum err_code ledger_grant_expire(struct grant *g, int64_t at_ms, struct postings *out,
                                  struct err *e)
{
    int64_t micros = g->available.micros;

    if (!g->expires_at_ms || g->expires_at_ms > at_ms)
        return err_set(e, ERR_CONFLICT, "grant %s has not expired", g->id);
    postings_begin(out, ENTRY_EXPIRE, g->amount.currency);
    if (micros) {
        g->available.micros = 0;
        g->expired = money_of(g->expired.micros + micros, g->amount.currency);
        post_pair(out, ACCOUNT_GRANT, g->id, ACCOUNT_BREAKAGE, g->id, micros);
    }
    assert(grant_adds_up(g) && postings_balance(out));
    return ERR_OK;
}

enum err_code ledger_grant_void(struct grant *g, struct postings *out, struct err *e)
{
    int64_t micros = g->available.micros;

    assert(micros >= 0);
    postings_begin(out, ENTRY_VOID, g->amount.currency);
    if (micros) {
        g->available.micros = 0;
        g->voided = money_of(g->voided.micros + micros, g->amount.currency);
        post_pair(out, ACCOUNT_GRANT, g->id, ACCOUNT_BREAKAGE, g->id, micros);
    }
    assert(grant_adds_up(g) && postings_balance(out));
    return ERR_OK;
}

enum err_code ledger_loss(int64_t micros, const char *currency, struct postings *out, struct err *e)
{
    if (micros <= 0)
        return err_set(e, ERR_INVALID, "a loss must be above zero");
    postings_begin(out, ENTRY_LOSS, currency);
    post_pair(out, ACCOUNT_FUNDING, "", ACCOUNT_PROVIDER_LOSS, "", micros);
    assert(postings_balance(out));
    return ERR_OK;
}
