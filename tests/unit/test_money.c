/* Money: exact, refused when it does not fit, rounded for display only. */
#include "tests/support/t.h"

#include "core/money.h"

static struct money eur(int64_t micros)
{
    return money_of(micros, "EUR");
}

/* xorshift64*: repeatable, so that a failure can be repeated. */
static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 2685821657736338717u;
}

static void sums_that_do_not_fit_are_refused(void **state)
{
    int64_t micros = 7;
    struct err e;

    (void)state;
    assert_err(ERR_LIMIT, micros_add(INT64_MIN, -1, &micros, &e), &e);
    assert_err(ERR_LIMIT, micros_add(INT64_MAX, 1, &micros, &e), &e);
    assert_int_equal(micros, 7);
    assert_ok(micros_add(INT64_MAX, INT64_MIN, &micros, &e), &e);
    assert_int_equal(micros, -1);
}

static void accrual_is_exact_with_its_remainder(void **state)
{
    static const struct {
        int64_t rate, seconds;
        int32_t remainder;
        int64_t want_micros;
        int32_t want_remainder;
    } row[] = {
        {2730000, 3600, 0, 2730000, 0},
        {2730000, 1, 0, 758, 1200},
        {2730000, 1, 2400, 759, 0},
        {1, 3599, 0, 0, 3599},
        {1, 1, 3599, 1, 0},
        {0, 86400, 17, 0, 17},
        {3600, 0, 3599, 0, 3599},
        {-1, 1, 0, -1, 3599},
        {-3600, 2, 5, -2, 5},
        {INT64_MAX, 3600, 0, INT64_MAX, 0},
        {INT64_MAX, 3600, 3599, INT64_MAX, 3599},
        {INT64_MIN, 3600, 0, INT64_MIN, 0},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        int32_t remainder = row[i].remainder;
        int64_t micros;

        assert_ok(money_accrue(row[i].rate, row[i].seconds, &remainder, &micros, &e), &e);
        assert_true(micros == row[i].want_micros);
        assert_int_equal(remainder, row[i].want_remainder);
    }
}

/* Why: a meter ticks whenever it can; the bill must not depend on it. */
static void any_split_of_the_seconds_costs_the_same(void **state)
{
    struct err e;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        int64_t rate = (int64_t)(next_random() % 200000000000u), total = 0, whole, part;
        int64_t seconds = (int64_t)(next_random() % 200000), left = seconds;
        int32_t once = (int32_t)(next_random() % 3600), carried = once;

        assert_ok(money_accrue(rate, seconds, &once, &whole, &e), &e);
        while (left > 0) {
            int64_t step = 1 + (int64_t)(next_random() % (uint64_t)left);

            assert_ok(money_accrue(rate, step, &carried, &part, &e), &e);
            total += part;
            left -= step;
        }
        assert_true(total == whole);
        assert_int_equal(carried, once);
    }
}

static void accrual_that_does_not_fit_is_refused(void **state)
{
    int32_t remainder = 5;
    int64_t micros = 7;
    struct err e;

    (void)state;
    assert_err(ERR_LIMIT, money_accrue(INT64_MAX, 3601, &remainder, &micros, &e), &e);
    assert_err(ERR_LIMIT, money_accrue(INT64_MIN, INT64_MAX, &remainder, &micros, &e), &e);
    assert_err(ERR_LIMIT, money_accrue(INT64_MAX, INT64_MAX, &remainder, &micros, NULL), NULL);
    assert_int_equal(remainder, 5);
    assert_int_equal(micros, 7);
}

static void ceil_is_the_accrual_rounded_up(void **state)
{
    int64_t micros;
    struct err e;

    (void)state;
    assert_ok(money_ceil(3600, 7, &micros, &e), &e);
    assert_int_equal(micros, 7);
    assert_ok(money_ceil(3601, 7, &micros, &e), &e);
    assert_int_equal(micros, 8);
    assert_ok(money_ceil(1, 1, &micros, &e), &e);
    assert_int_equal(micros, 1);
    assert_ok(money_ceil(0, 1, &micros, &e), &e);
    assert_int_equal(micros, 0);
    assert_err(ERR_LIMIT, money_ceil(INT64_MAX, 7200, &micros, &e), &e);
}

static void format_rounds_half_to_even_and_only_on_display(void **state)
{
    static const struct {
        int64_t micros;
        int decimals;
        const char *want;
    } row[] = {
        {1500000, 2, "1.50 EUR"},
        {1500000, 6, "1.500000 EUR"},
        {-1, 6, "-0.000001 EUR"},
        {-1, 2, "0.00 EUR"},
        {500000, 0, "0 EUR"},
        {1500000, 0, "2 EUR"},
        {2500000, 0, "2 EUR"},
        {2500001, 0, "3 EUR"},
        {-2500000, 0, "-2 EUR"},
        {1005000, 2, "1.00 EUR"},
        {1015000, 2, "1.02 EUR"},
        {999999, 2, "1.00 EUR"},
        {999995000, 2, "1000.00 EUR"},
        {12345678, 4, "12.3457 EUR"},
        {0, 2, "0.00 EUR"},
        {INT64_MAX, 6, "9223372036854.775807 EUR"},
        {INT64_MIN, 6, "-9223372036854.775808 EUR"},
        {INT64_MIN, 2, "-9223372036854.78 EUR"},
    };
    char buf[MONEY_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        assert_string_equal(money_format(eur(row[i].micros), row[i].decimals, buf), row[i].want);
    assert_string_equal(money_format((struct money){0}, 2, buf), "0.00");
}

static void parse_reads_what_people_write(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } row[] = {
        {"0", 0},
        {"1.5", 1500000},
        {"1.500000", 1500000},
        {"-2", -2000000},
        {"-0.000001", -1},
        {"007", 7000000},
        {"9223372036854.775807", INT64_MAX},
        {"-9223372036854.775808", INT64_MIN},
    };
    int64_t micros;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        assert_ok(micros_parse(row[i].text, &micros, &e), &e);
        assert_true(micros == row[i].want);
    }
}

static void parse_refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",    "-",   "+1",   ".5",   "1.",  "1.1234567", " 1",  "1 ",
        "1,5", "1e3", "0x10", "1.-5", "--1", "1.5EUR",    "EUR", "nan",
    };
    static const char *const large[] = {
        "9223372036854.775808",
        "-9223372036854.775809",
        "9223372036855",
        "99999999999999999999999999999999999999999999999999",
    };
    int64_t micros = 7;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_err(ERR_INVALID, micros_parse(bad[i], &micros, &e), &e);
        assert_contains(e.msg, "expected an amount such as 1.50");
    }
    for (size_t i = 0; i < ARRAY_SIZE(large); i++)
        assert_err(ERR_LIMIT, micros_parse(large[i], &micros, &e), &e);
    assert_int_equal(micros, 7);
}

static void what_is_formatted_in_full_parses_back(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        int64_t micros = (int64_t)next_random() >> (next_random() % 60), back;
        char buf[MONEY_TEXT_MAX];
        struct err e;

        money_format(eur(micros), 6, buf);
        *strchr(buf, ' ') = '\0';
        assert_ok(micros_parse(buf, &back, &e), &e);
        assert_true(back == micros);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sums_that_do_not_fit_are_refused),
    cmocka_unit_test(accrual_is_exact_with_its_remainder),
    cmocka_unit_test(any_split_of_the_seconds_costs_the_same),
    cmocka_unit_test(accrual_that_does_not_fit_is_refused),
    cmocka_unit_test(ceil_is_the_accrual_rounded_up),
    cmocka_unit_test(format_rounds_half_to_even_and_only_on_display),
    cmocka_unit_test(parse_reads_what_people_write),
    cmocka_unit_test(parse_refuses_everything_else),
    cmocka_unit_test(what_is_formatted_in_full_parses_back),
};

int main(void)
{
    return T_RUN("money", tests);
}
