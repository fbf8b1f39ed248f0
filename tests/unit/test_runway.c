/* When credit ends, by a table. */
#include "tests/support/t.h"

#include "api/ledger/runway.h"
#include "core/base.h"

#define NOW    1800000000000
#define H(n)   (INT64_C(3600000) * (n))
#define AT(n)  (NOW + H(n))
#define EUR(n) (INT64_C(1000000) * (n))

struct row {
    const char *what;
    struct runway_load loads[3];
    struct runway_credit credits[3];
    int64_t want_ms;
};

static const struct row rows[] = {
    {"nothing runs", {{0}}, {{EUR(10)}}, 0},
    {"one load for ever", {{EUR(2), 0}}, {{EUR(10)}}, AT(5)},
    {"two loads add up", {{EUR(2), 0}, {EUR(3), 0}}, {{EUR(10)}}, AT(2)},
    {"a deadline before the end", {{EUR(2), AT(4)}}, {{EUR(10)}}, 0},
    {"a deadline exactly at the end", {{EUR(2), AT(5)}}, {{EUR(10)}}, 0},
    {"a deadline after the end", {{EUR(2), AT(6)}}, {{EUR(10)}}, AT(5)},
    {"one of two ends", {{EUR(2), AT(1)}, {EUR(1), 0}}, {{EUR(10)}}, AT(8)},
    {"no credit at all", {{EUR(2), 0}}, {{0}}, NOW},
    {"credit expires unused", {{EUR(1), 0}}, {{EUR(10), 0, AT(3)}}, AT(3)},
    {"credit expires after it is used", {{EUR(5), 0}}, {{EUR(10), 0, AT(3)}}, AT(2)},
    {"two grants, the first expires", {{EUR(1), 0}}, {{EUR(10), 0, AT(3)}, {EUR(2)}}, AT(5)},
    {"the first grant is used before it expires",
     {{EUR(1), 0}},
     {{EUR(2), 0, AT(3)}, {EUR(2)}},
     AT(4)},
    {"later credit comes in time", {{EUR(1), 0}}, {{EUR(3)}, {EUR(3), AT(2)}}, AT(6)},
    {"later credit comes too late", {{EUR(1), 0}}, {{EUR(3)}, {EUR(3), AT(4)}}, AT(3)},
    {"later credit comes just in time", {{EUR(1), 0}}, {{EUR(3)}, {EUR(3), AT(3)}}, AT(6)},
    {"expired already", {{EUR(1), 0}}, {{EUR(3), 0, NOW}}, NOW},
    {"a load that ended already", {{EUR(1), NOW}}, {{EUR(3)}}, 0},
    {"a free load", {{0, 0}}, {{EUR(3)}}, 0},
    {"so slow that it is not in sight", {{1, 0}}, {{EUR(100)}}, 0},
    {"to the millisecond, down", {{EUR(3), 0}}, {{EUR(1)}}, NOW + 1200000},
    {"a fraction of a millisecond is not credit", {{3600001, 0}}, {{EUR(1)}}, NOW + 999999},
};

static void the_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct runway_credit credits[3];
        int64_t got;

        memcpy(credits, rows[i].credits, sizeof credits);
        got = runway_end(NOW, rows[i].loads, 3, credits, 3);
        if (got != rows[i].want_ms)
            print_error("%s: %lld ms from now, expected %lld\n", rows[i].what,
                        (long long)(got - NOW), (long long)(rows[i].want_ms - NOW));
        assert_true(got == rows[i].want_ms);
    }
}

/* Why: what is left of a micro-unit at each change must not be lost or counted twice. */
static void many_changes_do_not_round(void **state)
{
    struct runway_load loads[200];
    struct runway_credit credit = {.micros = 0};
    int64_t exact = 0; /* micro-units times milliseconds per hour */

    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        loads[i] = (struct runway_load){1000001, NOW + 1 + i * 7};
        exact += 1000001 * (1 + i * 7);
    }
    credit.micros = exact / H(1) + 1;
    assert_true(runway_end(NOW, loads, 200, &credit, 1) == 0);
    credit.micros = exact / H(1);
    assert_true(runway_end(NOW, loads, 200, &credit, 1) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds),
        cmocka_unit_test(many_changes_do_not_round),
    };

    return T_RUN("runway", tests);
}
