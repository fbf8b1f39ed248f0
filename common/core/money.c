/* Exact money in integers. Products are taken in 128 bits, so the only failure is a
 * result that does not fit. */
#include "core/money.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DECIMALS_MAX    6
#define MICROS_PER_UNIT 1000000

struct money money_of(int64_t micros, const char *currency)
{
    struct money m = {.micros = micros};

    assert(currency);
    assert(strlen(currency) == CURRENCY_MAX - 1);
    for (size_t i = 0; i < CURRENCY_MAX - 1; i++) {
        assert(currency[i] >= 'A' && currency[i] <= 'Z');
        m.currency[i] = currency[i];
    }
    return m;
}

enum err_code micros_add(int64_t a, int64_t b, int64_t *out, struct err *e)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return err_set(e, ERR_LIMIT, "the sum of two amounts is too large");
    *out = sum;
    return ERR_OK;
}

enum err_code money_accrue(int64_t rate_micros_per_hour, int64_t seconds, int32_t *remainder,
                           int64_t *micros, struct err *e)
{
    __int128 total, whole, rest;

    assert(*remainder >= 0);
    assert(*remainder < MONEY_SECONDS_PER_HOUR);
    total = (__int128)rate_micros_per_hour * seconds + *remainder;
    whole = total / MONEY_SECONDS_PER_HOUR;
    rest = total % MONEY_SECONDS_PER_HOUR;
    /* Division truncates towards zero; the remainder is promised not to be negative. */
    if (rest < 0) {
        rest += MONEY_SECONDS_PER_HOUR;
        whole--;
    }
    if (whole > INT64_MAX || whole < INT64_MIN)
        return err_set(e, ERR_LIMIT, "%" PRId64 " seconds at this rate cost too much to count",
                       seconds);
    *remainder = (int32_t)rest;
    *micros = (int64_t)whole;
    assert(*remainder >= 0 && *remainder < MONEY_SECONDS_PER_HOUR);
    return ERR_OK;
}

enum err_code money_ceil(int64_t rate_micros_per_hour, int64_t seconds, int64_t *micros,
                         struct err *e)
{
    int32_t remainder = 0;
    int64_t whole = 0;
    enum err_code rc = money_accrue(rate_micros_per_hour, seconds, &remainder, &whole, e);

    if (rc)
        return rc;
    return micros_add(whole, remainder > 0, micros, e);
}

/* The size of x; INT64_MIN has none in int64. */
static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

const char *money_format(struct money m, int decimals, char buf[MONEY_TEXT_MAX])
{
    uint64_t units = magnitude(m.micros), step = 1, fraction, rest;
    bool minus;

    assert(decimals >= 0 && decimals <= DECIMALS_MAX);
    for (int i = decimals; i < DECIMALS_MAX; i++)
        step *= 10;
    rest = units % step;
    units /= step;
    if (rest * 2 > step || (rest * 2 == step && units % 2 == 1))
        units++;
    /* What rounds to zero has no sign. */
    minus = m.micros < 0 && units > 0;
    fraction = units % (MICROS_PER_UNIT / step);
    units /= MICROS_PER_UNIT / step;
    if (decimals == 0)
        snprintf(buf, MONEY_TEXT_MAX, "%s%" PRIu64 "%s%.3s", minus ? "-" : "", units,
                 m.currency[0] ? " " : "", m.currency);
    else
        snprintf(buf, MONEY_TEXT_MAX, "%s%" PRIu64 ".%0*" PRIu64 "%s%.3s", minus ? "-" : "", units,
                 decimals, fraction, m.currency[0] ? " " : "", m.currency);
    return buf;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read the digits before the point into *sum, in micro-units. */
static enum err_code digits_add(const char **text, __int128 *sum, struct err *e)
{
    for (; is_digit(**text); (*text)++) {
        *sum = *sum * 10 + (__int128)(**text - '0') * MICROS_PER_UNIT;
        if (*sum > (__int128)INT64_MAX + 1)
            return err_set(e, ERR_LIMIT, "the amount is too large");
    }
    return ERR_OK;
}

enum err_code micros_parse(const char *text, int64_t *micros, struct err *e)
{
    const char *p = text;
    bool minus = *p == '-';
    __int128 sum = 0;
    int64_t unit = MICROS_PER_UNIT;
    enum err_code rc;

    p += minus;
    if (!is_digit(*p))
        goto bad;
    rc = digits_add(&p, &sum, e);
    if (rc)
        return rc;
    if (*p == '.') {
        p++;
        if (!is_digit(*p))
            goto bad;
        for (; is_digit(*p) && unit > 1; p++) {
            unit /= 10;
            sum += (__int128)(*p - '0') * unit;
        }
    }
    if (*p)
        goto bad;
    if (minus)
        sum = -sum;
    if (sum > INT64_MAX || sum < INT64_MIN)
        return err_set(e, ERR_LIMIT, "the amount is too large");
    *micros = (int64_t)sum;
    return ERR_OK;
bad:
    return err_set(e, ERR_INVALID,
                   "expected an amount such as 1.50 with at most six decimals, got '%.40s'", text);
}
