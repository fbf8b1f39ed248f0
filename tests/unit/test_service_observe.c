/* What the engine's news do to the rows and the money of an instance. The engine is played
 * by hand. */
#include "tests/support/fx_service.h"

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

/* Hand an observation in; `i` gets the answer. */
static void see(struct fx_service *fx, struct instance *i, struct engine_instance seen)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, i->id);
    drop(i);
    OK(instance_observe(AS(us), id, &seen, i, E));
}

static struct engine_instance ready(int64_t at_ms)
{
    return (struct engine_instance){.state = ENGINE_READY,
                                    .ready_at_ms = at_ms,
                                    .gate_verdict = VERDICT_HEALTHY,
                                    .gate_passed = true,
                                    .gate_summary = "1 GPU is healthy",
                                    .limits = "cgroup2",
                                    .slots = {{.index = 3, .label = "H100", .uuid = "GPU-1"}},
                                    .slot_count = 1};
}

static struct engine_instance ended(int64_t at_ms)
{
    struct engine_instance x = ready(FX_AT_MS);

    x.state = ENGINE_ENDED;
    x.ended_at_ms = at_ms;
    return x;
}

static const struct engine_instance starting = {.state = ENGINE_STARTING};
static const struct engine_instance checking = {.state = ENGINE_CHECKING};
static const struct engine_instance absent = {.state = ENGINE_ABSENT};

static void to_running(struct fx_service *fx, struct instance *i)
{
    fx_launch(fx, i);
    see(fx, i, ready(FX_AT_MS));
    assert_int_equal(i->state, INSTANCE_RUNNING);
}

static void tick(struct fx_service *fx, const struct instance *i)
{
    OK(meter_tick(AS(us), i->id, E));
}

/* --- coming up ----------------------------------------------------------------------- */

static void it_comes_up_state_by_state(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_launch(fx, &i);
    see(fx, &i, absent);
    assert_int_equal(i.state, INSTANCE_REQUESTED);
    see(fx, &i, starting);
    assert_int_equal(i.state, INSTANCE_PROVISIONING);
    see(fx, &i, checking);
    assert_int_equal(i.state, INSTANCE_HEALTH_CHECK);
    assert_int_equal(i.billing, BILLING_OFF);
    see(fx, &i, ready(FX_AT_MS));
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.billing, BILLING_ON);
    assert_int_equal(i.gate_verdict, VERDICT_HEALTHY);
    assert_string_equal(i.gate_summary, "1 GPU is healthy");
    assert_string_equal(i.limits, "cgroup2");
    assert_int_equal(i.slot_count, 1);
    assert_int_equal(i.slots[0].index, 3);
    assert_int_equal(fx_events(fx, "instance.state", i.id), 4);
    fx_check(fx);
    drop(&i);
}

static void a_quick_engine_skips_no_event(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    assert_int_equal(fx_events(fx, "instance.state", i.id), 4);
    drop(&i);
}

static void news_may_come_twice_and_late(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    int64_t version;

    to_running(fx, &i);
    version = i.version;
    see(fx, &i, ready(FX_AT_MS));
    see(fx, &i, checking);
    see(fx, &i, starting);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.version, version);
    fx_check(fx);
    drop(&i);
}

static void billing_begins_when_the_gate_passed_on_the_node(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_launch(fx, &i);
    fx_advance(fx, 100);
    see(fx, &i, ready(FX_AT_MS + 40500));
    assert_int_equal(i.running_at_ms, FX_AT_MS + 40500);
    assert_int_equal(i.cost.micros, 59 * 1000); /* 59.5 seconds, whole ones count */
    assert_int_equal(i.cost_at_ms, FX_AT_MS + 40500 + 59000);
    drop(&i);
}

static void a_clock_of_a_node_that_is_off_cannot_begin_billing_early_or_late(void **state)
{
    struct fx_service *fx = *state;
    struct instance early = {0}, late = {0}, none = {0};

    fx_launch(fx, &early);
    fx_launch(fx, &late);
    fx_launch(fx, &none);
    fx_advance(fx, 10);
    see(fx, &early, ready(FX_AT_MS - 1000000));
    see(fx, &late, ready(FX_AT_MS + 1000000));
    see(fx, &none, ready(0));
    assert_int_equal(early.running_at_ms, FX_AT_MS);
    assert_int_equal(late.running_at_ms, FX_AT_MS + 10000);
    assert_int_equal(none.running_at_ms, FX_AT_MS + 10000);
    drop(&early);
    drop(&late);
    drop(&none);
}

static void a_gate_that_refuses_costs_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct engine_instance bad = ready(0);
    struct instance i = {0};
    struct credit c;

    bad.gate_passed = false;
    bad.gate_verdict = VERDICT_UNHEALTHY;
    text_copy(bad.gate_summary, sizeof bad.gate_summary, "GPU 3: row remap pending");
    fx_launch(fx, &i);
    see(fx, &i, checking);
    fx_advance(fx, 30);
    see(fx, &i, bad);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_CHECK_FAILED);
    assert_contains(i.state_detail, "row remap pending");
    assert_int_equal(i.billing, BILLING_OFF);
    assert_int_equal(i.cost.micros, 0);
    assert_int_equal(i.gate_verdict, VERDICT_UNHEALTHY);
    fx_credit(fx, &c);
    assert_int_equal(c.available.micros, FX_GRANT);
    assert_int_equal(c.consumed.micros, 0);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    fx_check(fx);
    drop(&i);
}

static void the_gate_leaves_one_report(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct report *items = NULL;
    char next[CURSOR_BYTES_MAX];
    struct instance i = {0};
    size_t count = 0;

    to_running(fx, &i);
    see(fx, &i, ready(FX_AT_MS));
    OK(report_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_int_equal(items[0].origin, REPORT_GATE);
    assert_string_equal(items[0].instance_id, i.id);
    assert_string_equal(items[0].summary, "1 GPU is healthy");
    assert_int_equal(items[0].gpu_count, 1);
    assert_string_equal(items[0].gpus[0].uuid, "GPU-1");
    LIST_FREE(&report_shape, items, count);
    drop(&i);
}

static void an_engine_that_cannot_start_it_fails_it_without_cost(void **state)
{
    struct fx_service *fx = *state;
    struct engine_instance bad = {.state = ENGINE_FAILED, .detail = "no bubblewrap"};
    struct instance i = {0};
    struct credit c;

    fx_launch(fx, &i);
    see(fx, &i, starting);
    see(fx, &i, bad);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_ENGINE);
    assert_string_equal(i.state_detail, "no bubblewrap");
    fx_credit(fx, &c);
    assert_int_equal(c.available.micros, FX_GRANT);
    fx_check(fx);
    drop(&i);
}

/* Why: until the engine has nothing of it, somebody must look. */
static void a_failed_instance_is_settled_when_the_engine_is_quiet(void **state)
{
    struct fx_service *fx = *state;
    struct engine_instance bad = {.state = ENGINE_FAILED};
    struct instance i = {0};

    fx_launch(fx, &i);
    OK(instance_fail(AS(us), i.id, INSTANCE_REASON_ENGINE, "refused", E));
    OK(instance_fail(AS(us), i.id, INSTANCE_REASON_ENGINE, "refused", E));
    fx_look(fx, &i);
    assert_int_equal(i.desired_state, INSTANCE_WANT_RUNNING);
    see(fx, &i, starting);
    assert_int_equal(i.desired_state, INSTANCE_WANT_RUNNING);
    see(fx, &i, bad);
    assert_int_equal(i.desired_state, INSTANCE_WANT_STOPPED);
    assert_int_equal(fx_events(fx, "instance.state", i.id), 2);
    fx_check(fx);
    drop(&i);
}

/* --- ends ---------------------------------------------------------------------------- */

static void it_costs_to_the_second_until_the_end_written_on_the_node(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct credit c;

    to_running(fx, &i);
    fx_advance(fx, 500);
    tick(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    assert_int_equal(i.state, INSTANCE_STOPPING);
    assert_int_equal(i.state_reason, INSTANCE_REASON_BY_MEMBER);
    assert_int_equal(i.billing, BILLING_ON);
    fx_advance(fx, 100); /* the news come late */
    see(fx, &i, ended(FX_AT_MS + 512999));
    assert_int_equal(i.state, INSTANCE_STOPPED);
    assert_int_equal(i.billing, BILLING_OFF);
    assert_int_equal(i.cost.micros, 512 * 1000);
    fx_credit(fx, &c);
    assert_int_equal(c.consumed.micros, 512000);
    assert_int_equal(c.available.micros, FX_GRANT - 512000);
    assert_int_equal(c.held.micros, 0);
    assert_int_equal(c.running_count, 0);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    assert_int_equal(fx_account(fx, ACCOUNT_REVENUE), 512000);
    fx_check(fx);
    drop(&i);
}

/* Why: what was metered between the end and its news was never used. */
static void seconds_metered_after_the_end_are_not_charged(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, 500);
    tick(fx, &i);
    see(fx, &i, ended(FX_AT_MS + 495000));
    assert_int_equal(i.cost.micros, 495 * 1000);
    fx_check(fx);
    drop(&i);
}

static void what_was_captured_is_not_given_back_by_an_earlier_end(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, FX_WINDOW + 5);
    tick(fx, &i);
    see(fx, &i, ended(FX_AT_MS + 10000));
    assert_int_equal(i.cost.micros, FX_WINDOW * 1000);
    fx_check(fx);
    drop(&i);
}

static void an_end_in_the_future_is_now(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, 50);
    see(fx, &i, ended(FX_AT_MS + 900000));
    assert_int_equal(i.cost.micros, 50 * 1000);
    drop(&i);
}

static void an_end_that_nobody_asked_for_is_the_engines(void **state)
{
    struct fx_service *fx = *state;
    struct engine_instance x = ended(FX_AT_MS + 20000);
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, 30);
    text_copy(x.detail, sizeof x.detail, "the machine was shut down");
    see(fx, &i, x);
    assert_int_equal(i.state, INSTANCE_STOPPED);
    assert_int_equal(i.desired_state, INSTANCE_WANT_STOPPED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_ENGINE);
    assert_string_equal(i.state_detail, "the machine was shut down");
    drop(&i);
}

static void a_lost_instance_is_billed_to_its_last_sign_of_life(void **state)
{
    struct fx_service *fx = *state;
    struct engine_instance lost = {.state = ENGINE_FAILED, .detail = "its supervisor is gone"};
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, 200);
    tick(fx, &i);
    fx_advance(fx, 3000); /* nobody looked for a while */
    see(fx, &i, lost);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_LOST);
    assert_int_equal(i.cost.micros, 200 * 1000);
    fx_check(fx);
    drop(&i);
}

static void what_the_engine_forgot_is_lost(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    see(fx, &i, absent);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_LOST);
    drop(&i);
}

static void use_beyond_the_hold_is_the_providers_loss(void **state)
{
    struct fx_service *fx = *state;
    int64_t held = (FX_WINDOW + FX_RESERVE) * 1000;
    struct instance i = {0};
    struct credit c;

    to_running(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_advance(fx, FX_WINDOW + FX_RESERVE + 100); /* an engine that does not stop in time */
    tick(fx, &i);
    fx_look(fx, &i);
    assert_int_equal(i.cost.micros, held);
    see(fx, &i, ended(FX_AT_MS + (FX_WINDOW + FX_RESERVE + 90) * 1000LL));
    assert_int_equal(i.cost.micros, held);
    fx_credit(fx, &c);
    assert_int_equal(c.consumed.micros, held);
    assert_int_equal(fx_account(fx, ACCOUNT_PROVIDER_LOSS), 90 * 1000);
    assert_int_equal(fx_events(fx, "credit.loss", i.id), 1);
    fx_check(fx);
    drop(&i);
}

static void the_least_charge_of_the_catalogue_applies_to_an_end_that_was_asked_for(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_catalogue_write(fx, FX_GPU_RATE, FX_SLOTS, 60);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    to_running(fx, &i);
    fx_advance(fx, 5);
    fx_act(fx, &i, INSTANCE_STOP);
    see(fx, &i, ended(FX_AT_MS + 5000));
    assert_int_equal(i.cost.micros, 60 * 1000);
    fx_check(fx);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(it_comes_up_state_by_state),
        FX_TEST(a_quick_engine_skips_no_event),
        FX_TEST(news_may_come_twice_and_late),
        FX_TEST(billing_begins_when_the_gate_passed_on_the_node),
        FX_TEST(a_clock_of_a_node_that_is_off_cannot_begin_billing_early_or_late),
        FX_TEST(a_gate_that_refuses_costs_nothing),
        FX_TEST(the_gate_leaves_one_report),
        FX_TEST(an_engine_that_cannot_start_it_fails_it_without_cost),
        FX_TEST(a_failed_instance_is_settled_when_the_engine_is_quiet),
        FX_TEST(it_costs_to_the_second_until_the_end_written_on_the_node),
        FX_TEST(seconds_metered_after_the_end_are_not_charged),
        FX_TEST(what_was_captured_is_not_given_back_by_an_earlier_end),
        FX_TEST(an_end_in_the_future_is_now),
        FX_TEST(an_end_that_nobody_asked_for_is_the_engines),
        FX_TEST(a_lost_instance_is_billed_to_its_last_sign_of_life),
        FX_TEST(what_the_engine_forgot_is_lost),
        FX_TEST(use_beyond_the_hold_is_the_providers_loss),
        FX_TEST(the_least_charge_of_the_catalogue_applies_to_an_end_that_was_asked_for),
    };

    return T_RUN("service observe", tests);
}
