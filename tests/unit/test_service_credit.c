/* Grants, billing windows and running out. */
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

/* --- grants -------------------------------------------------------------------------- */

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

/* One more than can be read at once would leave what runs with nobody to bill or stop it. */
static void an_organization_gets_no_more_grants_than_can_be_read(void **state)
{
    struct fx_service *fx = *state;
    struct grant_create in = {.amount = {1, "EUR"}};
    struct instance i = {0};
    struct grant out;

    text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
    fx_running(fx, &i);
    for (int n = 1; n < GRANTS_LIVE_MAX; n++) /* the first is the fixture's */
        OK(grant_create(AS(support), &in, &out, E));
    REFUSED(ERR_LIMIT, grant_create(AS(support), &in, &out, E));
    assert_contains(fx->e.msg, "1000 grants");
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.billing, BILLING_OFF);
    fx_check(fx);
    drop(&i);
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

/* --- windows ------------------------------------------------------------------------- */

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

/* --- running out --------------------------------------------------------------------- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(only_support_grants_credit),
        FX_TEST(a_grant_that_makes_no_sense_is_refused_with_its_place),
        FX_TEST(an_organization_gets_no_more_grants_than_can_be_read),
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
    };

    return T_RUN("service credit", tests);
}
