/* Time: the test clock, RFC 3339 both ways, durations both ways. */
#include "tests/support/t.h"

#include "core/clock.h"

static void the_test_clock_moves_only_when_told(void **state)
{
    struct clock_test t;

    (void)state;
    clock_test_init(&t, 1000);
    assert_int_equal(clock_now_ms(&t.base), 1000);
    assert_int_equal(clock_mono_ms(&t.base), 1000);
    clock_test_advance(&t, 500);
    assert_int_equal(clock_now_ms(&t.base), 1500);
    assert_int_equal(clock_mono_ms(&t.base), 1500);
}

static void the_real_clock_is_in_this_century_and_does_not_go_back(void **state)
{
    struct clock *c = clock_real();
    int64_t before = clock_mono_ms(c);

    (void)state;
    assert_true(clock_now_ms(c) > 1700000000000);
    assert_true(clock_now_ms(c) < 4102444800000);
    assert_true(clock_mono_ms(c) >= before);
}

static const struct {
    int64_t at_ms;
    const char *text;
} moments[] = {
    {0, "1970-01-01T00:00:00Z"},
    {1, "1970-01-01T00:00:00.001Z"},
    {951782399000, "2000-02-28T23:59:59Z"},
    {951782400000, "2000-02-29T00:00:00Z"},
    {1709164800000, "2024-02-29T00:00:00Z"},
    {1795181720123, "2026-11-20T13:35:20.123Z"},
    {1795181720100, "2026-11-20T13:35:20.100Z"},
    {4107542400000, "2100-03-01T00:00:00Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void moments_are_written_as_rfc3339(void **state)
{
    char buf[RFC3339_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++)
        assert_string_equal(rfc3339_format(moments[i].at_ms, buf), moments[i].text);
    assert_string_equal(rfc3339_format(-1, buf), "1969-12-31T23:59:59.999Z");
    assert_string_equal(rfc3339_format(INT64_MAX, buf), "9999-12-31T23:59:59.999Z");
    assert_string_equal(rfc3339_format(INT64_MIN, buf), "0000-01-01T00:00:00Z");
}

static void what_is_written_is_read_back(void **state)
{
    char buf[RFC3339_MAX];
    struct err e;
    int64_t back;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        assert_ok(rfc3339_parse(moments[i].text, &back, &e), &e);
        assert_true(back == moments[i].at_ms);
    }
    /* Every day of 400 years and a bit, at odd times: all leap rules. */
    for (int64_t at = 12345678; at < 14000000000000; at += 86400000 + 999) {
        assert_ok(rfc3339_parse(rfc3339_format(at, buf), &back, &e), &e);
        assert_true(back == at);
    }
}

static void offsets_decimals_and_leap_seconds_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } row[] = {
        {"2026-11-20T14:35:20+01:00", 1795181720000},
        {"2026-11-20T08:05:20.5-05:30", 1795181720500},
        {"2026-11-20t13:35:20z", 1795181720000},
        {"2026-11-20T13:35:20-00:00", 1795181720000},
        {"2026-11-20T13:35:20.123999999Z", 1795181720123},
        {"2026-11-20T13:35:20.01Z", 1795181720010},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"1970-01-01T01:00:00+01:00", 0},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        int64_t at;

        assert_ok(rfc3339_parse(row[i].text, &at, &e), &e);
        assert_true(at == row[i].want);
    }
}

static void other_times_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "now",
        "2026-11-20",
        "2026-11-20T13:35:20",
        "2026-11-20 13:35:20Z",
        "2026-11-20T13:35Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-11-20T24:00:00Z",
        "2026-11-20T13:60:00Z",
        "2026-11-20T13:35:61Z",
        "2026-11-20T13:35:20.Z",
        "2026-11-20T13:35:20.1234567890Z",
        "2026-11-20T13:35:20+1:00",
        "2026-11-20T13:35:20+24:00",
        "2026-11-20T13:35:20+01:60",
        "2026-11-20T13:35:20+0100",
        "2026-11-20T13:35:20Zjunk",
        "26-11-20T13:35:20Z",
        "+2026-11-20T13:35:20Z",
        "2026-11-20T13:35:20,5Z",
        " 2026-11-20T13:35:20Z",
    };
    static const char *const outside[] = {
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:30:00+01:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-00:01",
    };
    int64_t at = 7;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_err(ERR_INVALID, rfc3339_parse(bad[i], &at, &e), &e);
        assert_contains(e.msg, "expected a time such as");
    }
    for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
        assert_err(ERR_INVALID, rfc3339_parse(outside[i], &at, &e), &e);
        assert_contains(e.msg, "1970 to 9999");
    }
    assert_int_equal(at, 7);
}

static void durations_are_written_in_two_units(void **state)
{
    static const struct {
        int64_t seconds;
        const char *want;
    } row[] = {
        {0, "0s"},         {-5, "0s"},         {45, "45s"},
        {60, "1m 00s"},    {723, "12m 03s"},   {3599, "59m 59s"},
        {3600, "1h 00m"},  {11520, "3h 12m"},  {86399, "23h 59m"},
        {86400, "1d 00h"}, {446400, "5d 04h"}, {INT64_MAX, "106751991167300d 15h"},
    };
    char buf[DURATION_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        assert_string_equal(duration_format(row[i].seconds, buf), row[i].want);
}

static void durations_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } row[] = {
        {"90", 90},      {"90s", 90},         {"30m", 1800}, {"2h", 7200},     {"1d", 86400},
        {"1h30m", 5400}, {"1d2h3m4s", 93784}, {"0", 0},      {"1d30s", 86430}, {"3650d", 315360000},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        int64_t seconds;

        assert_ok(duration_parse(row[i].text, &seconds, &e), &e);
        assert_true(seconds == row[i].want);
    }
}

static void other_durations_are_refused(void **state)
{
    static const char *const bad[] = {
        "",     "h",   "-1",  "+1",  "1x", "1h30", "30m1h", "1h1h",
        "1.5h", " 1h", "1h ", "1 h", "1H", "s1",   "1w",
    };
    static const char *const long_ones[] = {
        "3650d1s",
        "315360001",
        "99999999999999999999999999",
        "99999999999999999999d",
    };
    int64_t seconds = 7;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_err(ERR_INVALID, duration_parse(bad[i], &seconds, &e), &e);
        assert_contains(e.msg, "expected a duration");
    }
    for (size_t i = 0; i < ARRAY_SIZE(long_ones); i++)
        assert_err(ERR_LIMIT, duration_parse(long_ones[i], &seconds, &e), &e);
    assert_int_equal(seconds, 7);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_test_clock_moves_only_when_told),
    cmocka_unit_test(the_real_clock_is_in_this_century_and_does_not_go_back),
    cmocka_unit_test(moments_are_written_as_rfc3339),
    cmocka_unit_test(what_is_written_is_read_back),
    cmocka_unit_test(offsets_decimals_and_leap_seconds_are_read),
    cmocka_unit_test(other_times_are_refused),
    cmocka_unit_test(durations_are_written_in_two_units),
    cmocka_unit_test(durations_are_read),
    cmocka_unit_test(other_durations_are_refused),
};

int main(void)
{
    return T_RUN("clock", tests);
}
