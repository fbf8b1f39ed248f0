/* Grants, windows, running out, the balance and its runway, use. */
#include "tests/support/fx_service.h"

#define SECOND 1000 /* what a second of gpu-1.sim costs */
#define HELD   ((FX_WINDOW + FX_RESERVE) * SECOND)

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

static void tick(struct fx_service *fx, const struct instance *i)
{
    OK(meter_tick(AS(us), i->id, E));
    fx_check(fx);
}

static void hold_of(struct fx_service *fx, const struct instance *i, struct hold *out)
{
    OK(row_hold_open(TX, i->id, out, E));
}

/* Leave the organization with exactly this much that it may use. */
static void leave(struct fx_service *fx, int64_t micros)
{
    struct grant g;

    OK(row_grant_get(TX, fx->grant.id, &g, E));
    assert_true(g.available.micros >= micros);
    g.voided.micros += g.available.micros - micros;
    g.available.micros = micros;
    OK(row_grant_update(TX, &g, E));
}

/* --- grants ------------------------------------------------------------------------------------
 */

static void only_support_grants_credit(void **state)
{
    struct fx_service *fx = *state;
    struct grant_create in = {.amount = {FX_EUR(5), "EUR"}, .note = "sorry"};
    struct grant out;

    text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
    REFUSED(ERR_FORBIDDEN, grant_create(AS(owner), &in, &out, E));
    REFUSED(ERR_FORBIDDEN, grant_create(AS(operator_), &in, &out, E));
    OK(grant_create(AS(support), &in, &out, E));
    assert_int_equal(out.available.micros, FX_EUR(5));
    assert_int_equal(out.effective_at_ms, FX_AT_MS);
    assert_int_equal(fx_account(fx, ACCOUNT_FUNDING), -FX_GRANT - FX_EUR(5));
    assert_int_equal(fx_audits(fx, "grant.create", out.id), 1);
    fx_check(fx);
}

static void a_grant_that_makes_no_sense_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *pointer;
        struct grant_create in;
    } rows[] = {
        {"/amount/amount_micros", {.amount = {0, "EUR"}}},
        {"/amount/amount_micros", {.amount = {-1, "EUR"}}},
        {"/amount/currency", {.amount = {1, "USD"}}},
        {"/expires_at", {.amount = {1, "EUR"}, .expires_at_ms = FX_AT_MS}},
        {"/expires_at",
         {.amount = {1, "EUR"}, .effective_at_ms = FX_AT_MS + 9, .expires_at_ms = FX_AT_MS + 9}},
        {"/expires_at", {.amount = {1, "EUR"}, .expires_at_ms = INT64_MAX}},
        {"/expires_at", {.amount = {1, "EUR"}, .effective_at_ms = INT64_MAX}},
    };
    struct fx_service *fx = *state;
    struct grant out;

    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        struct grant_create in = rows[n].in;

        text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
        REFUSED(ERR_INVALID, grant_create(AS(support), &in, &out, E));
        assert_pointer(rows[n].pointer);
    }
    {
        struct grant_create in = {.organization_id = "org_nothing", .amount = {1, "EUR"}};

        REFUSED(ERR_INVALID, grant_create(AS(support), &in, &out, E));
        assert_pointer("/organization_id");
    }
}

static void credit_expires_to_breakage_once(void **state)
{
    struct fx_service *fx = *state;
    struct grant g, row;
    struct credit c;

    fx_grant_make(fx, GRANT_SLA, FX_EUR(7), FX_AT_MS + 5000, &g);
    fx_advance(fx, 4);
    OK(expire_due(AS(us), E));
    assert_int_equal(fx_account(fx, ACCOUNT_BREAKAGE), 0);
    fx_advance(fx, 1);
    fx_credit(fx, &c); /* nobody came to sweep yet: it is gone all the same */
    assert_int_equal(c.available.micros, FX_GRANT);
    OK(expire_due(AS(us), E));
    OK(expire_due(AS(us), E));
    assert_int_equal(fx_account(fx, ACCOUNT_BREAKAGE), FX_EUR(7));
    OK(row_grant_get(TX, g.id, &row, E));
    assert_int_equal(row.expired.micros, FX_EUR(7));
    fx_credit(fx, &c);
    assert_int_equal(c.expired.micros, FX_EUR(7));
    assert_int_equal(fx_events(fx, "credit.expire", g.id), 1);
    fx_check(fx);
}

static void credit_that_is_held_outlives_its_expiry_until_the_window_ends(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct grant g, row;

    fx_grant_make(fx, GRANT_SLA, FX_EUR(10), FX_AT_MS + 60000, &g);
    fx_running(fx, &i); /* the sooner expiry burns first */
    fx_advance(fx, 60);
    OK(expire_due(AS(us), E));
    OK(row_grant_get(TX, g.id, &row, E));
    assert_int_equal(row.held.micros, HELD);
    assert_int_equal(row.expired.micros, FX_EUR(10) - HELD);
    fx_advance(fx, FX_WINDOW - 60);
    tick(fx, &i);
    OK(row_grant_get(TX, g.id, &row, E));
    assert_int_equal(row.consumed.micros, FX_WINDOW * SECOND);
    OK(expire_due(AS(us), E)); /* what came back expires now */
    OK(row_grant_get(TX, g.id, &row, E));
    assert_int_equal(row.available.micros, 0);
    fx_check(fx);
    drop(&i);
}

/* --- windows
 * -------------------------------------------------------------------------------------- */

static void ticks_only_move_the_meter(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct meter m;

    fx_running(fx, &i);
    for (int n = 0; n < 9; n++) {
        fx_advance(fx, 1);
        tick(fx, &i);
    }
    OK(row_meter_get(TX, i.id, &m, E));
    assert_int_equal(m.metered_seconds, 0); /* not worth writing yet */
    fx_advance(fx, 1);
    tick(fx, &i);
    OK(row_meter_get(TX, i.id, &m, E));
    assert_int_equal(m.metered_seconds, 10);
    assert_int_equal(m.window_micros, 10 * SECOND);
    assert_int_equal(fx_account(fx, ACCOUNT_REVENUE), 0);
    drop(&i);
}

static void at_the_end_of_a_window_it_is_captured_and_the_next_one_held(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct hold first = {0}, second = {0}, closed = {0};
    struct meter m;

    fx_running(fx, &i);
    hold_of(fx, &i, &first);
    assert_int_equal(first.window_to_ms, FX_AT_MS + FX_WINDOW * 1000);
    fx_advance(fx, FX_WINDOW + 3);
    tick(fx, &i);
    tick(fx, &i);
    hold_of(fx, &i, &second);
    assert_string_not_equal(first.id, second.id);
    assert_int_equal(second.window_from_ms, first.window_to_ms);
    assert_int_equal(second.amount.micros, HELD);
    OK(row_hold_get(TX, first.id, &closed, E));
    assert_int_equal(closed.state, HOLD_CLOSED);
    assert_int_equal(closed.captured.micros, FX_WINDOW * SECOND);
    assert_int_equal(fx_account(fx, ACCOUNT_REVENUE), FX_WINDOW * SECOND);
    OK(row_meter_get(TX, i.id, &m, E));
    assert_string_equal(m.hold_id, second.id);
    assert_int_equal(m.window_seconds, FX_WINDOW);
    assert_int_equal(m.captured_micros, FX_WINDOW * SECOND);
    fx_look(fx, &i);
    assert_int_equal(i.cost.micros, (FX_WINDOW + 3) * SECOND);
    shape_release(&hold_shape, &first);
    shape_release(&hold_shape, &second);
    shape_release(&hold_shape, &closed);
    drop(&i);
}

static void windows_missed_while_nobody_was_there_are_caught_up(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    fx_advance(fx, 5 * FX_WINDOW + 17);
    tick(fx, &i);
    assert_int_equal(fx_account(fx, ACCOUNT_REVENUE), 5 * FX_WINDOW * SECOND);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.cost.micros, (5 * FX_WINDOW + 17) * SECOND);
    drop(&i);
}

/* Why: floor() per tick or per window would lose up to a micro-unit each. */
static void odd_prices_do_not_drift_over_windows(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "odd-1.sim"};
    struct instance i = {0};
    int64_t passed = 0;

    OK(instance_launch(AS(owner), &in, &i, E));
    fx_step(fx);
    for (int n = 0; n < 30; n++) {
        fx_advance(fx, 997);
        passed += 997;
        OK(meter_tick(AS(us), i.id, E));
    }
    fx_look(fx, &i);
    assert_int_equal(i.cost.micros, 2730001LL * passed / 3600);
    fx_act(fx, &i, INSTANCE_DELETE);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.cost.micros, 2730001LL * passed / 3600);
    fx_check(fx);
    drop(&i);
}

static void a_clock_that_steps_back_charges_nothing_twice(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct meter m;

    fx_running(fx, &i);
    fx_advance(fx, 100);
    tick(fx, &i);
    fx_advance(fx, -50);
    tick(fx, &i);
    OK(row_meter_get(TX, i.id, &m, E));
    assert_int_equal(m.metered_seconds, 100);
    fx_advance(fx, 51);
    tick(fx, &i);
    fx_advance(fx, 100);
    tick(fx, &i);
    OK(row_meter_get(TX, i.id, &m, E));
    assert_int_equal(m.metered_seconds, 201);
    assert_int_equal(m.window_micros, 201 * SECOND);
    drop(&i);
}

static void a_tick_without_a_meter_is_nothing(void **state)
{
    struct fx_service *fx = *state;

    OK(meter_tick(AS(us), "ins_nothing", E));
}

/* --- running out
 * -------------------------------------------------------------------------------------- */

static void without_credit_for_a_window_it_is_told_to_stop_on_what_is_held(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct hold h = {0};
    struct credit c;

    fx_running(fx, &i);
    leave(fx, 0);
    fx_advance(fx, FX_WINDOW);
    OK(meter_tick(AS(us), i.id, E));
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_STOPPING);
    assert_int_equal(i.desired_state, INSTANCE_WANT_STOPPED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_NO_CREDIT);
    hold_of(fx, &i, &h); /* still the first: it pays for the stop */
    assert_int_equal(h.amount.micros, HELD);
    shape_release(&hold_shape, &h);
    fx_step(fx); /* the worker tells the engine, which ends it at once */
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_STOPPED);
    assert_int_equal(i.cost.micros, FX_WINDOW * SECOND);
    fx_credit(fx, &c);
    assert_int_equal(c.available.micros, FX_RESERVE * SECOND);
    assert_int_equal(fx_account(fx, ACCOUNT_PROVIDER_LOSS), 0);
    drop(&i);
}

/* Why: credit for half an hour is half an hour. */
static void the_last_window_is_as_long_as_the_credit(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct hold h = {0};

    fx_running(fx, &i);
    leave(fx, 1800 * SECOND);
    fx_advance(fx, FX_WINDOW);
    OK(meter_tick(AS(us), i.id, E));
    hold_of(fx, &i, &h);
    /* 1800 were left and 60 came back; 60 are kept for the stop. */
    assert_int_equal(h.amount.micros, 1860 * SECOND);
    assert_int_equal(h.window_to_ms - h.window_from_ms, 1800 * 1000);
    shape_release(&hold_shape, &h);
    fx_advance(fx, 1800);
    OK(meter_tick(AS(us), i.id, E));
    fx_look(fx, &i);
    assert_int_equal(i.state_reason, INSTANCE_REASON_NO_CREDIT);
    drop(&i);
}

static void a_remainder_below_a_minute_is_no_window(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    leave(fx, 59 * SECOND);
    fx_advance(fx, FX_WINDOW);
    OK(meter_tick(AS(us), i.id, E));
    fx_look(fx, &i);
    assert_int_equal(i.state_reason, INSTANCE_REASON_NO_CREDIT);
    drop(&i);
}

static void a_deadline_stops_it_and_shortens_its_last_window(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim",
                                 .deadline_at_ms = FX_AT_MS + (FX_WINDOW + 600) * 1000};
    struct instance i = {0};
    struct hold h = {0};

    OK(instance_launch(AS(owner), &in, &i, E));
    fx_step(fx);
    fx_advance(fx, FX_WINDOW);
    OK(meter_tick(AS(us), i.id, E));
    hold_of(fx, &i, &h);
    assert_int_equal(h.amount.micros, (600 + FX_RESERVE) * SECOND);
    shape_release(&hold_shape, &h);
    fx_advance(fx, 600);
    OK(meter_tick(AS(us), i.id, E));
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_STOPPING);
    assert_int_equal(i.state_reason, INSTANCE_REASON_DEADLINE);
    fx_check(fx);
    drop(&i);
}

static void a_deadline_that_passes_before_it_runs_ends_it_without_cost(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .deadline_at_ms = FX_AT_MS + 5000};
    struct instance i = {0};

    OK(instance_launch(AS(owner), &in, &i, E));
    fx_advance(fx, 5);
    OK(expire_due(AS(us), E));
    OK(expire_due(AS(us), E));
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_DEADLINE);
    assert_int_equal(fx_account(fx, ACCOUNT_HELD), 0);
    fx_check(fx);
    drop(&i);
}

static void a_deadline_moved_later_goes_on(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .deadline_at_ms = FX_AT_MS + 600000};
    struct instance_patch later = {.deadline_at_ms = FX_AT_MS + 7200000};
    struct instance i = {0}, out = {0};

    OK(instance_launch(AS(owner), &in, &i, E));
    fx_step(fx);
    OK(instance_update(AS(owner), i.id, 0, &later, 2, &out, E));
    drop(&out);
    fx_advance(fx, 700);
    OK(meter_tick(AS(us), i.id, E));
    OK(expire_due(AS(us), E));
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.cost.micros, 700 * SECOND);
    fx_check(fx);
    drop(&i);
}

/* --- balance and runway
 * ---------------------------------------------------------------------------------- */

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
    assert_contains(c.runway_basis, "(1 at 3.60 EUR per hour)");
    drop(&i);
}

static void nothing_running_has_no_runway(void **state)
{
    struct fx_service *fx = *state;
    struct credit c;

    fx_credit(fx, &c);
    assert_int_equal(c.runway_ends_at_ms, 0);
    assert_string_equal(c.runway_basis, "Nothing runs.");
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
    assert_contains(c.runway_basis, "coming up (1)");
    fx_grant_make(fx, GRANT_SLA, FX_EUR(1000), FX_AT_MS + 7200000, &g);
    fx_credit(fx, &c);
    /* It burns first, for two hours: 14.4 + 7.2, less what the first grant holds already. */
    assert_true(c.runway_ends_at_ms > FX_AT_MS + (FX_GRANT - 14400000) / SECOND * 1000);
    assert_true(c.runway_ends_at_ms <= FX_AT_MS + 7200000 + FX_GRANT / SECOND * 1000);
    drop(&i);
    drop(&four);
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

/* --- lists
 * ---------------------------------------------------------------------------------------------------
 */

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
    tick(fx, &i);
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
    text_copy(one.instance_id, sizeof one.instance_id, b.id);
    OK(usage_list(AS(viewer), &one, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].instance_id, b.id);
    free(items);
    drop(&a);
    drop(&b);
}

/* --- the invariants, seen to fail
 * ---------------------------------------------------------------------------- */

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
        FX_TEST(only_support_grants_credit),
        FX_TEST(a_grant_that_makes_no_sense_is_refused_with_its_place),
        FX_TEST(credit_expires_to_breakage_once),
        FX_TEST(credit_that_is_held_outlives_its_expiry_until_the_window_ends),
        FX_TEST(ticks_only_move_the_meter),
        FX_TEST(at_the_end_of_a_window_it_is_captured_and_the_next_one_held),
        FX_TEST(windows_missed_while_nobody_was_there_are_caught_up),
        FX_TEST(odd_prices_do_not_drift_over_windows),
        FX_TEST(a_clock_that_steps_back_charges_nothing_twice),
        FX_TEST(a_tick_without_a_meter_is_nothing),
        FX_TEST(without_credit_for_a_window_it_is_told_to_stop_on_what_is_held),
        FX_TEST(the_last_window_is_as_long_as_the_credit),
        FX_TEST(a_remainder_below_a_minute_is_no_window),
        FX_TEST(a_deadline_stops_it_and_shortens_its_last_window),
        FX_TEST(a_deadline_that_passes_before_it_runs_ends_it_without_cost),
        FX_TEST(a_deadline_moved_later_goes_on),
        FX_TEST(the_balance_is_exact_at_any_moment_without_a_write),
        FX_TEST(nothing_running_has_no_runway),
        FX_TEST(the_runway_knows_deadlines_expiries_and_what_is_coming_up),
        FX_TEST(credit_of_another_organization_is_not_found),
        FX_TEST(credit_of_the_future_is_not_there_yet),
        FX_TEST(lists_of_money_stay_inside_the_organization),
        FX_TEST(use_counts_what_runs_now_with_energy_and_carbon),
        FX_TEST(use_filters_by_time_and_instance),
        FX_TEST(the_audit_sees_rows_that_do_not_agree),
        FX_TEST(the_audit_sees_use_that_was_not_captured),
    };

    return T_RUN("service credit", tests);
}
