/* When credit ends under a known load: pure, exact to the millisecond. Not a forecast of
 * what people will do, only of what is scheduled. */
#ifndef API_LEDGER_RUNWAY_H
#define API_LEDGER_RUNWAY_H

#include "core/base.h"

/* Something that costs money from now on until it ends. */
struct runway_load {
    int64_t micros_per_hour;
    int64_t ends_at_ms; /* 0: no end is scheduled */
};

/* Some credit, in burn order in its array. */
struct runway_credit {
    int64_t micros;
    int64_t effective_at_ms;
    int64_t expires_at_ms; /* exclusive; 0: never */
};

/* The moment when the loads cannot be paid any more; 0 when that is not in sight: they end
 * before the credit does, or there are none. Changes `credits` (they are burnt). */
int64_t runway_end(int64_t now_ms, const struct runway_load *loads, size_t load_count,
                   struct runway_credit *credits, size_t credit_count);

#endif
