/* The balance with its runway, lists of money, use, and the audit of it all. */
#include "tests/support/fx_service.h"

#define SECOND 1000 /* what a second of gpu-1.sim costs */
#define HELD   ((FX_WINDOW + FX_RESERVE) * SECOND)

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

/* --- balance and runway -------------------------------------------------------------- */

static void the_balance_is_exact_at_any_moment_without_a_write(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct credit c;

    fx_running(fx, &i);
    fx_advance(fx, 7);
    fx_credit(fx, &c);
    assert_int_equal(c.as_of_ms, FX_AT_MS + 7000);
    assert_int_equal(c.granted.micros, FX_GRANT);
    assert_int_equal(c.held.micros, HELD);
    assert_int_equal(c.available.micros, FX_GRANT - HELD);
    assert_int_equal(c.accrued.micros, 7 * SECOND);
    assert_int_equal(c.left.micros, FX_GRANT - 7 * SECOND);
    assert_int_equal(c.burn_per_hour.micros, FX_GPU_RATE);
    assert_int_equal(c.running_count, 1);
    assert_int_equal(c.runway_ends_at_ms, FX_AT_MS + FX_GRANT / SECOND * 1000);
    assert_contains(c.runway_basis, "1 running at 3.60 EUR per hour, ");
    drop(&i);
}

static void nothing_running_has_no_runway(void **state)
{
    struct fx_service *fx = *state;
    struct credit c;

    fx_credit(fx, &c);
    assert_int_equal(c.runway_ends_at_ms, 0);
    assert_string_equal(c.runway_basis, "nothing runs");
}

static void the_runway_knows_deadlines_expiries_and_what_is_coming_up(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create soon = {.offer_id = "gpu-4.sim", .deadline_at_ms = FX_AT_MS + 3600000};
    struct instance i = {0}, four = {0};
    struct credit c;
    struct grant g;

    fx_running(fx, &i);
    OK(instance_launch(AS(owner), &soon, &four, E)); /* not running yet, and held */
    fx_credit(fx, &c);
    /* 14.4 of the 100 go to the one with a deadline, the rest to the other. */
    assert_int_equal(c.runway_ends_at_ms, FX_AT_MS + (FX_GRANT - 14400000) / SECOND * 1000);
    assert_string_equal(
        c.runway_basis,
        "1 running at 3.60 EUR per hour and 1 coming up, each to its deadline; what "
        "is set aside is used, other credit ends at its expiry");
    fx_grant_make(fx, GRANT_SLA, FX_EUR(1000), FX_AT_MS + 7200000, &g);
    fx_credit(fx, &c);
    /* It burns first, for two hours: 14.4 + 7.2, less what the first grant holds already. */
    assert_true(c.runway_ends_at_ms > FX_AT_MS + (FX_GRANT - 14400000) / SECOND * 1000);
    assert_true(c.runway_ends_at_ms <= FX_AT_MS + 7200000 + FX_GRANT / SECOND * 1000);
    drop(&i);
    drop(&four);
}

static void what_is_stopping_burns_but_has_no_runway(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct credit c;

    fx_running(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_advance(fx, 3);
    fx_credit(fx, &c);
    assert_int_equal(c.running_count, 1);
    assert_int_equal(c.burn_per_hour.micros, FX_GPU_RATE);
    assert_int_equal(c.accrued.micros, 3 * SECOND);
    assert_int_equal(c.runway_ends_at_ms, 0);
    drop(&i);
}

static void credit_of_another_organization_is_not_found(void **state)
{
    struct fx_service *fx = *state;
    struct credit c;

    REFUSED(ERR_NOT_FOUND, credit_get(AS(owner), fx->other_org.id, &c, E));
    OK(credit_get(AS(owner), "", &c, E));
    assert_int_equal(c.granted.micros, FX_GRANT);
    OK(credit_get(AS(support), fx->org.id, &c, E));
    assert_int_equal(c.granted.micros, FX_GRANT);
}

static void credit_of_the_future_is_not_there_yet(void **state)
{
    struct fx_service *fx = *state;
    struct grant_create in = {.amount = {FX_EUR(5), "EUR"}, .effective_at_ms = FX_AT_MS + 10000};
    struct grant out;
    struct credit c;

    text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
    OK(grant_create(AS(support), &in, &out, E));
    fx_credit(fx, &c);
    assert_int_equal(c.granted.micros, FX_GRANT);
    assert_int_equal(c.available.micros, FX_GRANT);
    fx_advance(fx, 10);
    fx_credit(fx, &c);
    assert_int_equal(c.granted.micros, FX_GRANT + FX_EUR(5));
    assert_int_equal(c.available.micros, FX_GRANT + FX_EUR(5));
}

/* --- lists --------------------------------------------------------------------------- */

static void lists_of_money_stay_inside_the_organization(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    char next[CURSOR_BYTES_MAX];
    struct instance i = {0};
    struct grant *grants = NULL;
    struct hold *holds = NULL;
    struct entry *entries = NULL;
    struct usage *usage = NULL;
    size_t count = 0;

    fx_running(fx, &i);
    fx_advance(fx, 60);
    OK(grant_list(AS(other), &q, &grants, &count, next, E));
    assert_int_equal(count, 0);
    free(grants);
    OK(hold_list(AS(other), &q, &holds, &count, next, E));
    assert_int_equal(count, 0);
    free(holds);
    OK(entry_list(AS(other), &q, &entries, &count, next, E));
    assert_int_equal(count, 0);
    free(entries);
    OK(usage_list(AS(other), &q, &usage, &count, next, E));
    assert_int_equal(count, 0);
    free(usage);
    OK(entry_list(AS(billing), &q, &entries, &count, next, E));
    assert_int_equal(count, 4); /* the grant and the hold, two lines each */
    free(entries);
    text_copy(q.state, sizeof q.state, "ajar");
    REFUSED(ERR_INVALID, hold_list(AS(billing), &q, &holds, &count, next, E));
    drop(&i);
}

static void use_counts_what_runs_now_with_energy_and_carbon(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    char next[CURSOR_BYTES_MAX];
    struct instance i = {0};
    struct usage *items = NULL;
    size_t count = 0;

    fx_running(fx, &i);
    fx_advance(fx, 1800);
    OK(usage_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].instance_id, i.id);
    assert_string_equal(items[0].offer_id, "gpu-1.sim");
    assert_int_equal(items[0].seconds, 1800);
    assert_int_equal(items[0].cost.micros, 1800 * SECOND);
    /* (700 + 100) W * 1.5 for half an hour, at 50 g/kWh */
    assert_true(items[0].kwh > 0.5999 && items[0].kwh < 0.6001);
    assert_true(items[0].carbon_g > 29.99 && items[0].carbon_g < 30.01);
    free(items);
    fx_advance(fx, 1800 + 100);
    OK(meter_tick(AS(us), i.id, E));
    OK(usage_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_int_equal(items[0].seconds, 3700);
    assert_int_equal(items[0].cost.micros, 3700 * SECOND);
    assert_int_equal(items[0].from_ms, FX_AT_MS);
    assert_int_equal(items[0].to_ms, FX_AT_MS + 3700000);
    free(items);
    drop(&i);
}

static void use_filters_by_time_and_instance(void **state)
{
    struct fx_service *fx = *state;
    struct page_query before = {.limit = 10, .to_ms = FX_AT_MS};
    struct page_query one = {.limit = 10};
    char next[CURSOR_BYTES_MAX];
    struct instance a = {0}, b = {0};
    struct usage *items = NULL;
    size_t count = 0;

    fx_running(fx, &a);
    fx_running(fx, &b);
    fx_advance(fx, 30);
    OK(usage_list(AS(viewer), &before, &items, &count, next, E));
    assert_int_equal(count, 0);
    free(items);
    /* A range counts where it begins: in the first hour, only what was captured of it. */
    fx_advance(fx, FX_WINDOW);
    OK(meter_tick(AS(us), a.id, E));
    OK(meter_tick(AS(us), b.id, E));
    before.to_ms = FX_AT_MS + FX_WINDOW * 1000LL;
    OK(usage_list(AS(viewer), &before, &items, &count, next, E));
    assert_int_equal(count, 2);
    assert_int_equal(items[0].seconds, FX_WINDOW);
    assert_int_equal(items[1].seconds, FX_WINDOW);
    free(items);
    text_copy(one.instance_id, sizeof one.instance_id, b.id);
    OK(usage_list(AS(viewer), &one, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].instance_id, b.id);
    assert_int_equal(items[0].seconds, FX_WINDOW + 30);
    free(items);
    drop(&a);
    drop(&b);
}

/* --- the invariants, seen to fail ---------------------------------------------------- */

/* Why: a check that cannot fail checks nothing. */
static void the_audit_sees_rows_that_do_not_agree(void **state)
{
    struct fx_service *fx = *state;
    struct entry en = {.kind = ENTRY_CORRECTION,
                       .account = ACCOUNT_REVENUE,
                       .amount = {5, "EUR"},
                       .at_ms = FX_AT_MS};
    struct grant g;

    fx_check(fx);
    OK(row_grant_get(TX, fx->grant.id, &g, E));
    g.available.micros -= 5;
    g.consumed.micros += 5;
    OK(row_grant_update(TX, &g, E));
    REFUSED(ERR_INTERNAL, ledger_audit(&fx->sv, TX, E));
    assert_contains(fx->e.msg, "by its entries");
    text_copy(en.organization_id, sizeof en.organization_id, fx->org.id);
    id_new(ID_ENTRY, &fx->clock.base, en.id);
    id_new(ID_TRANSACTION, &fx->clock.base, en.transaction_id);
    OK(row_entry_insert(TX, &en, E));
    REFUSED(ERR_INTERNAL, ledger_audit(&fx->sv, TX, E));
    assert_contains(fx->e.msg, "do not sum to zero");
}

static void the_audit_sees_use_that_was_not_captured(void **state)
{
    struct fx_service *fx = *state;
    struct usage_row u = {.from_ms = FX_AT_MS, .to_ms = FX_AT_MS + 1000, .seconds = 1, .micros = 1};
    struct instance i = {0};

    fx_running(fx, &i);
    text_copy(u.instance_id, sizeof u.instance_id, i.id);
    text_copy(u.organization_id, sizeof u.organization_id, fx->org.id);
    OK(row_usage_insert(TX, &u, E));
    REFUSED(ERR_INTERNAL, ledger_audit(&fx->sv, TX, E));
    assert_contains(fx->e.msg, "were captured");
    REFUSED(ERR_CONFLICT, row_usage_insert(TX, &u, E)); /* no second is charged twice */
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(the_balance_is_exact_at_any_moment_without_a_write),
        FX_TEST(nothing_running_has_no_runway),
        FX_TEST(the_runway_knows_deadlines_expiries_and_what_is_coming_up),
        FX_TEST(what_is_stopping_burns_but_has_no_runway),
        FX_TEST(credit_of_another_organization_is_not_found),
        FX_TEST(credit_of_the_future_is_not_there_yet),
        FX_TEST(lists_of_money_stay_inside_the_organization),
        FX_TEST(use_counts_what_runs_now_with_energy_and_carbon),
        FX_TEST(use_filters_by_time_and_instance),
        FX_TEST(the_audit_sees_rows_that_do_not_agree),
        FX_TEST(the_audit_sees_use_that_was_not_captured),
    };

    return T_RUN("service balance", tests);
}
