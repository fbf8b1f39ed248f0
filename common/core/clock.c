/* The machine's clock, the clock that tests turn, and the two ways that time is
 * written. The only file that asks the machine for the time. */
#include "core/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_SECOND        INT64_C(1000)
#define SECONDS_PER_DAY      INT64_C(86400)
#define MS_PER_DAY           (SECONDS_PER_DAY * MS_PER_SECOND)
#define AT_MS_MAX            (2932897 * MS_PER_DAY - 1) /* 9999-12-31T23:59:59.999Z */
#define AT_MS_MIN            (-719528 * MS_PER_DAY)     /* 0000-01-01T00:00:00Z */
#define DURATION_SECONDS_MAX (3650 * SECONDS_PER_DAY)   /* ten years */

static int64_t read_ms(clockid_t which)
{
    struct timespec ts = {0};

    clock_gettime(which, &ts);
    return (int64_t)ts.tv_sec * MS_PER_SECOND + ts.tv_nsec / 1000000;
}

static int64_t real_now_ms(struct clock *c)
{
    UNUSED(c);
    return read_ms(CLOCK_REALTIME);
}

static int64_t real_mono_ms(struct clock *c)
{
    UNUSED(c);
    return read_ms(CLOCK_MONOTONIC);
}

struct clock *clock_real(void)
{
    static struct clock real = {.now_ms = real_now_ms, .mono_ms = real_mono_ms};

    return &real;
}

static int64_t test_read_ms(struct clock *c)
{
    struct clock_test *t = CONTAINER_OF(c, struct clock_test, base);

    return __atomic_load_n(&t->at_ms, __ATOMIC_SEQ_CST);
}

void clock_test_init(struct clock_test *c, int64_t at_ms)
{
    c->base = (struct clock){.now_ms = test_read_ms, .mono_ms = test_read_ms};
    __atomic_store_n(&c->at_ms, at_ms, __ATOMIC_SEQ_CST);
}

void clock_test_advance(struct clock_test *c, int64_t by_ms)
{
    __atomic_fetch_add(&c->at_ms, by_ms, __ATOMIC_SEQ_CST);
}

struct date {
    int64_t year;
    int month, day;
};

/* Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March,
 * so that the leap day is the last of its year. Days count from 1970-01-01. */
static struct date date_of_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (int)((5 * day_of_year + 2) / 153);
    struct date d = {
        .year = year_of_era + era * 400 + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
    };

    return d;
}

static int64_t days_of_date(int64_t year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* Write `digits` digits of n and return the place after them. */
static char *digits_put(char *p, int64_t n, int digits)
{
    for (int i = digits - 1; i >= 0; i--, n /= 10)
        p[i] = (char)('0' + n % 10);
    return p + digits;
}

const char *rfc3339_format(int64_t at_ms, char buf[RFC3339_MAX])
{
    int64_t at = at_ms > AT_MS_MAX ? AT_MS_MAX : at_ms < AT_MS_MIN ? AT_MS_MIN : at_ms;
    int64_t days = (at - (at < 0 ? MS_PER_DAY - 1 : 0)) / MS_PER_DAY;
    int64_t rest = at - days * MS_PER_DAY, seconds = rest / MS_PER_SECOND;
    struct date d = date_of_days(days);
    char *p = buf;

    p = digits_put(p, d.year, 4);
    *p++ = '-';
    p = digits_put(p, d.month, 2);
    *p++ = '-';
    p = digits_put(p, d.day, 2);
    *p++ = 'T';
    p = digits_put(p, seconds / 3600, 2);
    *p++ = ':';
    p = digits_put(p, seconds / 60 % 60, 2);
    *p++ = ':';
    p = digits_put(p, seconds % 60, 2);
    if (rest % MS_PER_SECOND) {
        *p++ = '.';
        p = digits_put(p, rest % MS_PER_SECOND, 3);
    }
    *p++ = 'Z';
    *p = '\0';
    return buf;
}

/* Exactly `digits` digits at *p; moves *p. -1 when there are fewer. */
static int digits_take(const char **p, int digits)
{
    int n = 0;

    for (int i = 0; i < digits; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        n = n * 10 + (**p - '0');
    }
    return n;
}

static bool char_take(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* ".123456789": one to nine digits, cut to milliseconds. -1 when malformed. */
static int fraction_take(const char **p)
{
    int ms = 0, count = 0;

    if (!char_take(p, '.'))
        return 0;
    for (; **p >= '0' && **p <= '9'; (*p)++, count++)
        if (count < 3)
            ms = ms * 10 + (**p - '0');
    for (int i = count; i < 3; i++)
        ms *= 10;
    return count >= 1 && count <= 9 ? ms : -1;
}

/* "Z" or "+hh:mm" in minutes; the end of the text must follow. */
static bool offset_take(const char **p, int *minutes)
{
    int sign, h, m;

    if (char_take(p, 'Z') || char_take(p, 'z')) {
        *minutes = 0;
        return !**p;
    }
    sign = **p == '-' ? -1 : 1;
    if (!char_take(p, '+') && !char_take(p, '-'))
        return false;
    h = digits_take(p, 2);
    if (h < 0 || h > 23 || !char_take(p, ':'))
        return false;
    m = digits_take(p, 2);
    if (m < 0 || m > 59)
        return false;
    *minutes = sign * (h * 60 + m);
    return !**p;
}

static bool date_take(const char **p, int64_t *days)
{
    int year = digits_take(p, 4), month, day;

    if (year < 1 || !char_take(p, '-'))
        return false;
    month = digits_take(p, 2);
    if (month < 1 || month > 12 || !char_take(p, '-'))
        return false;
    day = digits_take(p, 2);
    if (day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_of_date(year, month, day);
    return true;
}

/* "hh:mm:ss" with the leap second 60, which counts as the next second. */
static bool time_take(const char **p, int *seconds)
{
    int h = digits_take(p, 2), m, s;

    if (h < 0 || h > 23 || !char_take(p, ':'))
        return false;
    m = digits_take(p, 2);
    if (m < 0 || m > 59 || !char_take(p, ':'))
        return false;
    s = digits_take(p, 2);
    if (s < 0 || s > 60)
        return false;
    *seconds = h * 3600 + m * 60 + s;
    return true;
}

enum err_code rfc3339_parse(const char *text, int64_t *at_ms, struct err *e)
{
    const char *p = text;
    int64_t days, at;
    int seconds, ms, offset;

    if (!date_take(&p, &days) || (!char_take(&p, 'T') && !char_take(&p, 't')) ||
        !time_take(&p, &seconds) || (ms = fraction_take(&p)) < 0 || !offset_take(&p, &offset))
        return err_set(e, ERR_INVALID, "expected a time such as 2026-11-20T13:35:20Z, got '%.40s'",
                       text);
    at = (days * SECONDS_PER_DAY + seconds - INT64_C(60) * offset) * MS_PER_SECOND + ms;
    if (at < 0 || at > AT_MS_MAX)
        return err_set(e, ERR_INVALID, "expected a time in the years 1970 to 9999, got '%.40s'",
                       text);
    *at_ms = at;
    return ERR_OK;
}

const char *duration_format(int64_t seconds, char buf[DURATION_TEXT_MAX])
{
    int64_t s = seconds < 0 ? 0 : seconds, days = s / SECONDS_PER_DAY;
    int h = (int)(s / 3600 % 24), m = (int)(s / 60 % 60);

    if (s < 60)
        snprintf(buf, DURATION_TEXT_MAX, "%ds", (int)s);
    else if (s < 3600)
        snprintf(buf, DURATION_TEXT_MAX, "%dm %02ds", m, (int)(s % 60));
    else if (s < SECONDS_PER_DAY)
        snprintf(buf, DURATION_TEXT_MAX, "%dh %02dm", h, m);
    else
        snprintf(buf, DURATION_TEXT_MAX, "%" PRId64 "d %02dh", days, h);
    return buf;
}

/* A number at *p, kept below what overflows; -1 when there is none. */
static int64_t number_take(const char **p)
{
    int64_t n = -1;

    for (; **p >= '0' && **p <= '9'; (*p)++) {
        n = (n < 0 ? 0 : n) * 10 + (**p - '0');
        if (n > DURATION_SECONDS_MAX)
            n = DURATION_SECONDS_MAX + 1;
    }
    return n;
}

enum err_code duration_parse(const char *text, int64_t *seconds, struct err *e)
{
    static const char units[] = "dhms"; /* each at most once, the largest first */
    static const int64_t unit_seconds[] = {SECONDS_PER_DAY, 3600, 60, 1};
    const char *p = text;
    int64_t sum = 0, n;
    size_t next = 0;

    do {
        const char *unit;

        n = number_take(&p);
        unit = *p ? strchr(units + next, *p) : NULL;
        if (n < 0 || (!unit && (*p || p == text || next > 0)))
            return err_set(e, ERR_INVALID,
                           "expected a duration such as 90s, 30m, 2h, 1d or 1h30m, got '%.40s'",
                           text);
        sum += n * (unit ? unit_seconds[unit - units] : 1);
        if (sum > DURATION_SECONDS_MAX)
            return err_set(e, ERR_LIMIT, "'%.40s' is longer than ten years", text);
        next = unit ? (size_t)(unit - units) + 1 : next;
        p += unit != NULL;
    } while (*p);
    *seconds = sum;
    return ERR_OK;
}
