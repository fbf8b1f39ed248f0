/* Money: an integer count of micro-units of one ISO 4217 currency, never a
 * float. The struct makes `price + seconds` a compile error. Rounding happens
 * in one place, money_accrue(), and carries its remainder. */
#ifndef CORE_MONEY_H
#define CORE_MONEY_H

#include "core/base.h"
#include "core/errs.h"

#define CURRENCY_MAX           4
#define MONEY_TEXT_MAX         40
#define MONEY_SECONDS_PER_HOUR 3600

struct money {
    int64_t micros;              /* 1.50 EUR is 1500000 */
    char currency[CURRENCY_MAX]; /* "EUR"; "" only in a zeroed struct */
};

/* Currency is copied; it must be three upper-case letters. */
struct money money_of(int64_t micros, const char *currency);

/* A sum of micro-units, checked; of one currency, which the caller knows.
 * Errors: ERR_LIMIT on overflow. */
enum err_code micros_add(int64_t a, int64_t b, int64_t *out, struct err *e) MUST_CHECK;

/* The exact cost of `seconds` at an hourly rate: whole micro-units, and what is
 * left over as a numerator over 3600, carried into the next call, so that the
 * sum over any split of the seconds is the same to the micro-unit.
 *   rate * seconds + *remainder  =  3600 * micros + *remainder'
 * `*remainder` is in 0..3599 before and after.
 * Errors: ERR_LIMIT when the product or the result does not fit. */
enum err_code money_accrue(int64_t rate_micros_per_hour, int64_t seconds, int32_t *remainder,
                           int64_t *micros, struct err *e) MUST_CHECK;

/* What `seconds` cost at most: money_accrue() rounded up. For holds.
 * Errors: as money_accrue(). */
enum err_code money_ceil(int64_t rate_micros_per_hour, int64_t seconds, int64_t *micros,
                         struct err *e) MUST_CHECK;

/* "1.50 EUR", "-0.000001 EUR"; `decimals` (0..6) is display only: digits that it
 * cuts off are rounded half to even. Returns buf. */
const char *money_format(struct money m, int decimals, char buf[MONEY_TEXT_MAX]);

/* "1.5", "1.500000", "-2" to micros. At most six decimals, nothing else around.
 * Errors: ERR_INVALID with what was expected; ERR_LIMIT when too large. */
enum err_code micros_parse(const char *text, int64_t *micros, struct err *e) MUST_CHECK;

#endif
