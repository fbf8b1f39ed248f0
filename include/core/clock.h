/* Time as a dependency: everything that needs the time takes a clock, so that
 * tests turn the hands. No other file calls time() or clock_gettime(). */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/base.h"
#include "core/errs.h"

#define RFC3339_MAX 32 /* "2026-11-20T13:35:20.123Z" and its NUL */

struct clock {
    int64_t (*now_ms)(struct clock *c);  /* Unix time, may step */
    int64_t (*mono_ms)(struct clock *c); /* never goes back; for time-outs */
};

/* The machine's clock; a constant, never freed. */
struct clock *clock_real(void);

/* A clock that stands still until told otherwise. Safe to read from several
 * threads. */
struct clock_test {
    struct clock base;
    int64_t at_ms;
};
void clock_test_init(struct clock_test *c, int64_t at_ms);
void clock_test_advance(struct clock_test *c, int64_t by_ms);

static inline int64_t clock_now_ms(struct clock *c)
{
    return c->now_ms(c);
}
static inline int64_t clock_mono_ms(struct clock *c)
{
    return c->mono_ms(c);
}

/* RFC 3339 in UTC with `Z`, milliseconds only when not zero. Returns buf. */
const char *rfc3339_format(int64_t at_ms, char buf[RFC3339_MAX]);

/* Accepts any RFC 3339 offset and up to nine decimals (cut to milliseconds),
 * years 1970..9999. Errors: ERR_INVALID with what was expected. */
enum err_code rfc3339_parse(const char *text, int64_t *at_ms, struct err *e) MUST_CHECK;

/* "45s", "12m 03s", "3h 12m", "5d 04h": two units, for people. Negative is "0s".
 * Returns buf. */
#define DURATION_TEXT_MAX 24
const char *duration_format(int64_t seconds, char buf[DURATION_TEXT_MAX]);

/* "90", "90s", "30m", "2h", "1d", "1h30m" to seconds.
 * Errors: ERR_INVALID; ERR_LIMIT above ten years. */
enum err_code duration_parse(const char *text, int64_t *seconds, struct err *e) MUST_CHECK;

#endif
