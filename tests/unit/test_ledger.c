/* The ledger's pure functions. */
#include "tests/support/t.h"

#include "api/ledger/ledger.h"
#include "core/strbuf.h"

#define NOW  1800000000000
#define HOUR 3600000

static const struct hold_time now = {.now_ms = NOW, .from_ms = NOW};

static struct grant grant_of(const char *id, int64_t micros)
{
    struct grant g = {.kind = GRANT_PROMOTIONAL,
                      .amount = money_of(micros, "EUR"),
                      .effective_at_ms = NOW - HOUR,
                      .created_at_ms = NOW - HOUR};
    struct postings p = {0};
    struct err e;

    text_copy(g.id, sizeof g.id, id);
    assert_ok(ledger_grant_issue(&g, &p, &e), &e);
    return g;
}

struct placed {
    struct hold h;
    struct hold_part parts[HOLD_PARTS_MAX];
    struct postings lines;
};

static enum err_code place(struct grant *grants, size_t count, int64_t micros, struct placed *p,
                           struct err *e)
{
    *p = (struct placed){.h = {.id = "hold", .state = HOLD_OPEN}};
    p->h.parts = p->parts;
    p->h.amount = money_of(micros, "EUR");
    p->h.captured = money_of(0, "EUR");
    return ledger_hold_place(grants, count, micros, "EUR", &now, p->parts, &p->h.part_count,
                             &p->lines, e);
}

static int64_t sum_of(const struct postings *p, enum account a)
{
    int64_t sum = 0;

    for (size_t i = 0; i < p->count; i++)
        sum += p->items[i].account == a ? p->items[i].micros : 0;
    return sum;
}

/* --- burn order ---------------------------------------------------------------------- */

static void grants_burn_in_the_documented_order(void **state)
{
    /* Each differs from the next in one key only, the most significant first. */
    struct grant g[7] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(g); i++)
        g[i] = grant_of("b", 1);
    g[0].priority = -1;
    g[1].expires_at_ms = NOW + HOUR;
    g[2].expires_at_ms = NOW + 2 * HOUR;
    g[3].effective_at_ms = NOW - 2 * HOUR;
    g[4].created_at_ms = NOW - 2 * HOUR;
    text_copy(g[5].id, sizeof g[5].id, "a");
    /* g[6] is the plain one */
    for (size_t a = 0; a < ARRAY_SIZE(g); a++)
        for (size_t b = 0; b < ARRAY_SIZE(g); b++) {
            int c = grant_burn_compare(&g[a], &g[b]);

            assert_int_equal(a == b ? 0 : a < b ? -1 : 1, (c > 0) - (c < 0));
        }
}

static void promotional_credit_burns_before_paid(void **state)
{
    struct grant paid = grant_of("a", 1), sla = grant_of("b", 1);

    (void)state;
    paid.kind = GRANT_PAID;
    sla.kind = GRANT_SLA;
    assert_true(grant_burn_compare(&sla, &paid) < 0);
    paid.expires_at_ms = NOW + HOUR; /* but a sooner expiry counts more */
    assert_true(grant_burn_compare(&sla, &paid) > 0);
}

static void a_hold_takes_grants_in_burn_order_whatever_order_they_come_in(void **state)
{
    struct grant g[3] = {grant_of("c", 100), grant_of("a", 100), grant_of("b", 100)};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(g, 3, 250, &p, &e), &e);
    assert_int_equal(p.h.part_count, 3);
    assert_string_equal(p.parts[0].grant_id, "a");
    assert_string_equal(p.parts[1].grant_id, "b");
    assert_string_equal(p.parts[2].grant_id, "c");
    assert_int_equal(p.parts[2].amount.micros, 50);
    assert_int_equal(g[0].available.micros, 50);
    assert_int_equal(g[0].held.micros, 50);
    assert_true(postings_balance(&p.lines));
    assert_int_equal(sum_of(&p.lines, ACCOUNT_GRANT), -250);
    assert_int_equal(sum_of(&p.lines, ACCOUNT_HELD), 250);
}

static void a_hold_skips_what_is_expired_or_not_in_effect_yet(void **state)
{
    struct grant g[4] = {grant_of("a", 100), grant_of("b", 100), grant_of("c", 100),
                         grant_of("d", 100)};
    struct placed p;
    struct err e;

    (void)state;
    g[0].expires_at_ms = NOW; /* exclusive */
    g[1].effective_at_ms = NOW + 1;
    g[2].expires_at_ms = NOW + 1;
    assert_err(ERR_NO_CREDIT, place(g, 4, 201, &p, &e), &e);
    assert_ok(place(g, 4, 200, &p, &e), &e);
    assert_string_equal(p.parts[0].grant_id, "c");
    assert_string_equal(p.parts[1].grant_id, "d");
    assert_int_equal(g[0].available.micros, 100);
    assert_int_equal(g[1].available.micros, 100);
}

static void a_window_of_the_past_may_use_what_had_not_expired_then(void **state)
{
    struct grant g = grant_of("a", 100);
    struct hold_time late = {.now_ms = NOW, .from_ms = NOW - HOUR};

    (void)state;
    g.expires_at_ms = NOW - 1;
    assert_false(grant_is_usable(&g, &now));
    assert_true(grant_is_usable(&g, &late));
    g.expires_at_ms = NOW - HOUR;
    assert_false(grant_is_usable(&g, &late));
}

static void a_hold_that_cannot_be_covered_says_how_much_there_is(void **state)
{
    struct grant g[2] = {grant_of("a", 100), grant_of("b", 50)};
    struct placed p;
    struct err e;

    (void)state;
    assert_err(ERR_NO_CREDIT, place(g, 2, 151, &p, &e), &e);
    assert_int_equal(e.fact_count, 2);
    assert_string_equal(e.facts[0].key, "available");
    assert_int_equal(e.facts[0].value, 150);
    assert_string_equal(e.facts[1].key, "required");
    assert_int_equal(e.facts[1].value, 151);
    assert_int_equal(g[0].available.micros, 100);
    assert_int_equal(g[0].held.micros, 0);
    assert_int_equal(p.lines.count, 0);
}

static void a_hold_of_nothing_is_a_hold(void **state)
{
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(NULL, 0, 0, &p, &e), &e);
    assert_int_equal(p.h.part_count, 0);
    assert_int_equal(p.lines.count, 0);
}

/* Why: a customer with dozens of small SLA credits must still be able to launch. */
static void small_grants_do_not_block_a_large_hold(void **state)
{
    struct grant g[HOLD_PARTS_MAX + 8];
    struct placed p;
    struct err e;
    char id[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(g); i++) {
        snprintf(id, sizeof id, "g%02zu", i);
        g[i] = grant_of(id, i + 1 == ARRAY_SIZE(g) ? 1000 : 1);
    }
    assert_ok(place(g, ARRAY_SIZE(g), 1000, &p, &e), &e);
    assert_int_equal(p.h.part_count, HOLD_PARTS_MAX);
    assert_int_equal(p.parts[HOLD_PARTS_MAX - 1].amount.micros, 1000 - (HOLD_PARTS_MAX - 1));
    assert_true(postings_balance(&p.lines));
    for (size_t i = 0; i < ARRAY_SIZE(g); i++)
        assert_true(grant_adds_up(&g[i]));
}

static void too_many_tiny_grants_are_refused_and_say_so(void **state)
{
    struct grant g[HOLD_PARTS_MAX + 1];
    struct placed p;
    struct err e;
    char id[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(g); i++) {
        snprintf(id, sizeof id, "g%02zu", i);
        g[i] = grant_of(id, 1);
    }
    assert_err(ERR_NO_CREDIT, place(g, ARRAY_SIZE(g), HOLD_PARTS_MAX + 1, &p, &e), &e);
    assert_contains(e.msg, "too thin");
}

/* --- capture and release ------------------------------------------------------------- */

static void a_capture_uses_parts_in_burn_order_and_the_rest_comes_back(void **state)
{
    struct grant g[2] = {grant_of("a", 100), grant_of("b", 100)};
    struct postings captured = {0}, released = {0};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(g, 2, 180, &p, &e), &e);
    assert_ok(ledger_hold_capture(&p.h, g, 2, 130, &captured, &e), &e);
    assert_int_equal(p.parts[0].captured.micros, 100);
    assert_int_equal(p.parts[1].captured.micros, 30);
    assert_int_equal(p.h.captured.micros, 130);
    assert_int_equal(sum_of(&captured, ACCOUNT_REVENUE), 130);
    assert_ok(ledger_hold_release(&p.h, g, 2, NOW, &released, &e), &e);
    assert_int_equal(sum_of(&released, ACCOUNT_GRANT), 50);
    assert_true(postings_balance(&captured) && postings_balance(&released));
    assert_int_equal(p.h.state, HOLD_CLOSED);
    assert_int_equal(p.h.closed_at_ms, NOW);
    assert_int_equal(g[0].consumed.micros, 100);
    assert_int_equal(g[1].consumed.micros, 30);
    assert_int_equal(g[1].available.micros, 70);
    assert_int_equal(g[0].held.micros + g[1].held.micros, 0);
}

static void nothing_captured_is_all_released(void **state)
{
    struct grant g = grant_of("a", 100);
    struct postings captured = {0}, released = {0};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(&g, 1, 60, &p, &e), &e);
    assert_ok(ledger_hold_capture(&p.h, &g, 1, 0, &captured, &e), &e);
    assert_ok(ledger_hold_release(&p.h, &g, 1, NOW, &released, &e), &e);
    assert_int_equal(captured.count, 0);
    assert_int_equal(g.available.micros, 100);
}

static void all_captured_releases_nothing(void **state)
{
    struct grant g = grant_of("a", 100);
    struct postings captured = {0}, released = {0};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(&g, 1, 60, &p, &e), &e);
    assert_ok(ledger_hold_capture(&p.h, &g, 1, 60, &captured, &e), &e);
    assert_ok(ledger_hold_release(&p.h, &g, 1, NOW, &released, &e), &e);
    assert_int_equal(released.count, 0);
    assert_int_equal(g.consumed.micros, 60);
    assert_int_equal(p.h.state, HOLD_CLOSED);
}

static void more_than_a_hold_has_cannot_be_captured(void **state)
{
    struct grant g = grant_of("a", 100);
    struct postings lines = {0};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(&g, 1, 60, &p, &e), &e);
    assert_err(ERR_INVALID, ledger_hold_capture(&p.h, &g, 1, 61, &lines, &e), &e);
    assert_err(ERR_INVALID, ledger_hold_capture(&p.h, &g, 1, -1, &lines, &e), &e);
    assert_int_equal(g.held.micros, 60);
    assert_int_equal(lines.count, 0);
}

static void a_hold_is_resolved_exactly_once(void **state)
{
    struct grant g = grant_of("a", 100);
    struct postings first = {0}, second = {0}, third = {0};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(&g, 1, 60, &p, &e), &e);
    assert_ok(ledger_hold_capture(&p.h, &g, 1, 10, &first, &e), &e);
    assert_err(ERR_CONFLICT, ledger_hold_capture(&p.h, &g, 1, 10, &second, &e), &e);
    assert_ok(ledger_hold_release(&p.h, &g, 1, NOW, &second, &e), &e);
    assert_err(ERR_CONFLICT, ledger_hold_release(&p.h, &g, 1, NOW, &third, &e), &e);
    assert_err(ERR_CONFLICT, ledger_hold_capture(&p.h, &g, 1, 1, &third, &e), &e);
    assert_int_equal(g.consumed.micros, 10);
    assert_int_equal(g.available.micros, 90);
}

static void a_hold_whose_grant_is_missing_is_refused(void **state)
{
    struct grant g = grant_of("a", 100), stranger = grant_of("z", 100);
    struct postings lines = {0};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(&g, 1, 60, &p, &e), &e);
    assert_err(ERR_INTERNAL, ledger_hold_capture(&p.h, &stranger, 1, 1, &lines, &e), &e);
    g.held.micros = 10; /* rows that do not agree are not made worse */
    assert_err(ERR_INTERNAL, ledger_hold_release(&p.h, &g, 1, NOW, &lines, &e), &e);
    assert_int_equal(lines.count, 0);
}

/* --- grants -------------------------------------------------------------------------- */

static void a_grant_of_nothing_is_refused(void **state)
{
    struct grant g = {.id = "a", .amount = money_of(0, "EUR")};
    struct postings lines = {0};
    struct err e;

    (void)state;
    assert_err(ERR_INVALID, ledger_grant_issue(&g, &lines, &e), &e);
    g.amount.micros = -5;
    assert_err(ERR_INVALID, ledger_grant_issue(&g, &lines, &e), &e);
}

static void expiry_takes_what_is_available_and_leaves_what_is_held(void **state)
{
    struct grant g = grant_of("a", 100);
    struct postings lines = {0};
    struct placed p;
    struct err e;

    (void)state;
    g.expires_at_ms = NOW + HOUR;
    assert_ok(place(&g, 1, 60, &p, &e), &e);
    assert_err(ERR_CONFLICT, ledger_grant_expire(&g, NOW + HOUR - 1, &lines, &e), &e);
    assert_ok(ledger_grant_expire(&g, NOW + HOUR, &lines, &e), &e);
    assert_int_equal(g.expired.micros, 40);
    assert_int_equal(g.held.micros, 60);
    assert_int_equal(sum_of(&lines, ACCOUNT_BREAKAGE), 40);
    assert_true(postings_balance(&lines) && grant_adds_up(&g));
}

static void a_grant_without_expiry_does_not_expire(void **state)
{
    struct grant g = grant_of("a", 100);
    struct postings lines = {0};
    struct err e;

    (void)state;
    assert_err(ERR_CONFLICT, ledger_grant_expire(&g, INT64_MAX, &lines, &e), &e);
}

static void voiding_takes_back_only_what_is_available(void **state)
{
    struct grant g = grant_of("a", 100);
    struct postings first = {0}, again = {0};
    struct placed p;
    struct err e;

    (void)state;
    assert_ok(place(&g, 1, 60, &p, &e), &e);
    assert_ok(ledger_grant_void(&g, &first, &e), &e);
    assert_int_equal(g.voided.micros, 40);
    assert_int_equal(g.held.micros, 60);
    assert_ok(ledger_grant_void(&g, &again, &e), &e);
    assert_int_equal(again.count, 0);
}

static void a_loss_is_the_providers(void **state)
{
    struct postings lines = {0}, none = {0};
    struct err e;

    (void)state;
    assert_ok(ledger_loss(7, "EUR", &lines, &e), &e);
    assert_int_equal(sum_of(&lines, ACCOUNT_PROVIDER_LOSS), 7);
    assert_int_equal(sum_of(&lines, ACCOUNT_REVENUE), 0);
    assert_true(postings_balance(&lines));
    assert_err(ERR_INVALID, ledger_loss(0, "EUR", &none, &e), &e);
}

static void a_sum_that_does_not_fit_is_refused(void **state)
{
    struct grant g[2] = {grant_of("a", INT64_MAX), grant_of("b", 1)};
    int64_t sum = 0;
    struct err e;

    (void)state;
    assert_err(ERR_LIMIT, grants_available(g, 2, &now, &sum, &e), &e);
}

static void unbalanced_lines_are_seen(void **state)
{
    struct postings p = {.count = 2, .items = {{.micros = 5}, {.micros = -4}}};

    (void)state;
    assert_false(postings_balance(&p));
    p.items[1].micros = -5;
    assert_true(postings_balance(&p));
    p = (struct postings){.count = 2, .items = {{.micros = INT64_MAX}, {.micros = 1}}};
    assert_false(postings_balance(&p));
}

static void a_grant_that_does_not_add_up_is_seen(void **state)
{
    struct grant g = grant_of("a", 100);

    (void)state;
    g.consumed.micros = 1;
    assert_false(grant_adds_up(&g));
    g.available.micros = 99;
    assert_true(grant_adds_up(&g));
    g.held.micros = -1;
    g.available.micros = 100;
    assert_false(grant_adds_up(&g));
    g = grant_of("a", 100);
    text_copy(g.available.currency, CURRENCY_MAX, "USD");
    assert_false(grant_adds_up(&g));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_burn_in_the_documented_order),
        cmocka_unit_test(promotional_credit_burns_before_paid),
        cmocka_unit_test(a_hold_takes_grants_in_burn_order_whatever_order_they_come_in),
        cmocka_unit_test(a_hold_skips_what_is_expired_or_not_in_effect_yet),
        cmocka_unit_test(a_window_of_the_past_may_use_what_had_not_expired_then),
        cmocka_unit_test(a_hold_that_cannot_be_covered_says_how_much_there_is),
        cmocka_unit_test(a_hold_of_nothing_is_a_hold),
        cmocka_unit_test(small_grants_do_not_block_a_large_hold),
        cmocka_unit_test(too_many_tiny_grants_are_refused_and_say_so),
        cmocka_unit_test(a_capture_uses_parts_in_burn_order_and_the_rest_comes_back),
        cmocka_unit_test(nothing_captured_is_all_released),
        cmocka_unit_test(all_captured_releases_nothing),
        cmocka_unit_test(more_than_a_hold_has_cannot_be_captured),
        cmocka_unit_test(a_hold_is_resolved_exactly_once),
        cmocka_unit_test(a_hold_whose_grant_is_missing_is_refused),
        cmocka_unit_test(a_grant_of_nothing_is_refused),
        cmocka_unit_test(expiry_takes_what_is_available_and_leaves_what_is_held),
        cmocka_unit_test(a_grant_without_expiry_does_not_expire),
        cmocka_unit_test(voiding_takes_back_only_what_is_available),
        cmocka_unit_test(a_loss_is_the_providers),
        cmocka_unit_test(a_sum_that_does_not_fit_is_refused),
        cmocka_unit_test(unbalanced_lines_are_seen),
        cmocka_unit_test(a_grant_that_does_not_add_up_is_seen),
    };

    return T_RUN("ledger", tests);
}
