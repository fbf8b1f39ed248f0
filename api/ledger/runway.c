/* Walks from one moment at which something changes to the next and burns in between. Sums
 * are taken in 128 bits of micro-units times milliseconds, so nothing is rounded on the way. */
#include "api/ledger/runway.h"

#include <assert.h>

#define MS_PER_HOUR 3600000
/* Further than this is not in sight. */
#define HORIZON_MS (100LL * 365 * 24 * MS_PER_HOUR)

typedef __int128 wide; /* micro-units x MS_PER_HOUR */

static bool credit_counts(const struct runway_credit *c, int64_t at_ms)
{
    return c->micros > 0 && c->effective_at_ms <= at_ms &&
           (!c->expires_at_ms || c->expires_at_ms > at_ms);
}

static wide rate_at(const struct runway_load *loads, size_t n, int64_t at_ms)
{
    wide sum = 0;

    for (size_t i = 0; i < n; i++) {
        assert(loads[i].micros_per_hour >= 0);
        if (!loads[i].ends_at_ms || loads[i].ends_at_ms > at_ms)
            sum += loads[i].micros_per_hour;
    }
    return sum;
}

static wide credit_at(const struct runway_credit *credits, size_t n, int64_t at_ms)
{
    wide sum = 0;

    for (size_t i = 0; i < n; i++)
        if (credit_counts(&credits[i], at_ms))
            sum += credits[i].micros;
    return sum * MS_PER_HOUR;
}

static void sooner(int64_t *best, int64_t candidate, int64_t after_ms)
{
    if (candidate > after_ms && candidate < *best)
        *best = candidate;
}

/* The next moment at which a load ends or a grant begins or expires. */
static int64_t change_next(int64_t after_ms, const struct runway_load *loads, size_t load_count,
                           const struct runway_credit *credits, size_t credit_count)
{
    int64_t best = INT64_MAX;

    for (size_t i = 0; i < load_count; i++)
        sooner(&best, loads[i].ends_at_ms, after_ms);
    for (size_t i = 0; i < credit_count; i++) {
        sooner(&best, credits[i].effective_at_ms, after_ms);
        sooner(&best, credits[i].expires_at_ms, after_ms);
    }
    return best;
}

/* Burn in order; `carry` keeps what is less than a micro-unit for the next stretch. */
static void burn(struct runway_credit *credits, size_t n, int64_t at_ms, wide need, wide *carry)
{
    int64_t micros;

    need += *carry;
    micros = (int64_t)(need / MS_PER_HOUR);
    *carry = need % MS_PER_HOUR;
    for (size_t i = 0; i < n && micros > 0; i++) {
        int64_t take;

        if (!credit_counts(&credits[i], at_ms))
            continue;
        take = credits[i].micros < micros ? credits[i].micros : micros;
        credits[i].micros -= take;
        micros -= take;
    }
    assert(micros == 0);
}

int64_t runway_end(int64_t now_ms, const struct runway_load *loads, size_t load_count,
                   struct runway_credit *credits, size_t credit_count)
{
    int64_t horizon_ms = now_ms + HORIZON_MS;
    int64_t at_ms = now_ms;
    wide carry = 0;

    assert(now_ms >= 0);
    while (at_ms < horizon_ms) {
        wide rate = rate_at(loads, load_count, at_ms);
        wide has = credit_at(credits, credit_count, at_ms) - carry;
        int64_t next_ms = change_next(at_ms, loads, load_count, credits, credit_count);
        wide need = rate * ((wide)next_ms - at_ms);

        if (rate == 0 && next_ms == INT64_MAX)
            return 0;
        if (rate > 0 && need >= has && has / rate < horizon_ms - at_ms) {
            int64_t end_ms = at_ms + (int64_t)((has > 0 ? has : 0) / rate);

            if (end_ms < next_ms)
                return end_ms;
        }
        if (next_ms >= horizon_ms)
            return 0;
        burn(credits, credit_count, at_ms, need, &carry);
        at_ms = next_ms;
    }
    return 0;
}
