/* What follows when a check of ours finds a GPU bad: credit for what it cost, once, and its node
 * drains. The rule is docs/adr/0005. */
#include "tests/support/fx_check.h"

#define HOUR 3600

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

static int64_t given(struct fx_service *fx)
{
    size_t count;

    return fx_given(fx, &count);
}

static enum node_state node_state(struct fx_service *fx)
{
    struct node n;

    fx_node(fx, &n);
    return n.state;
}

/* --- a bad GPU ----------------------------------------------------------------------- */

static void a_bad_gpu_gives_back_what_it_cost_and_drains_its_node(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;
    size_t count;

    fx_real_running(fx, &i);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.check_verdict, VERDICT_UNHEALTHY);
    assert_int_equal(fx_given(fx, &count), 100 * FX_GPU_RATE / HOUR);
    assert_int_equal(count, 1);
    assert_int_equal(i.cost.micros, 100 * FX_GPU_RATE / HOUR); /* it has cost exactly that */
    assert_int_equal(fx_events(fx, "instance.fault", i.id), 1);
    fx_node(fx, &n);
    assert_int_equal(n.state, NODE_DRAINING);
    assert_string_equal(n.reason, "memory-pattern, GPU 0: 12 words differ");
    assert_int_equal(n.verdict, VERDICT_UNHEALTHY);
    assert_int_equal(n.instance_count, 1);
    assert_int_equal(fx_audits(fx, "node.drain", n.id), 1);
    fx_check(fx);
    drop(&i);
}

/* Why: a customer may ask as often as they like; the fault is one. */
static void a_second_bad_check_gives_back_only_what_came_since_the_first(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;
    size_t count;

    fx_real_running(fx, &i);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    fx_check_run(fx, &i); /* no second has passed: nothing */
    fx_advance(fx, 50);
    fx_check_run(fx, &i);
    assert_int_equal(fx_given(fx, &count), 150 * FX_GPU_RATE / HOUR);
    assert_int_equal(count, 2);
    assert_int_equal(i.cost.micros, 150 * FX_GPU_RATE / HOUR);
    fx_node(fx, &n);
    assert_int_equal(fx_audits(fx, "node.drain", n.id), 1); /* drains once */
    fx_check(fx);
    drop(&i);
}

static void a_healthy_check_moves_the_moment_from_which_credit_counts(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_real_running(fx, &i);
    assert_int_equal(i.credit_from_ms, i.running_at_ms);
    fx_advance(fx, 1000);
    fx_check_plan(fx, VERDICT_HEALTHY, -2);
    fx_check_run(fx, &i);
    assert_int_equal(i.credit_from_ms, FX_AT_MS + 1000000);
    fx_advance(fx, 10);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_check_run(fx, &i);
    assert_int_equal(given(fx), 10 * FX_GPU_RATE / HOUR);
    fx_check(fx);
    drop(&i);
}

static void what_is_no_verdict_on_health_moves_nothing(void **state)
{
    static const enum verdict verdicts[] = {VERDICT_DEGRADED, VERDICT_INCONCLUSIVE};
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_real_running(fx, &i);
    for (size_t k = 0; k < ARRAY_SIZE(verdicts); k++) {
        fx_advance(fx, 10);
        fx_check_plan(fx, verdicts[k], 0);
        fx_check_run(fx, &i);
        assert_int_equal(i.check_verdict, verdicts[k]);
        assert_int_equal(i.credit_from_ms, i.running_at_ms);
    }
    assert_int_equal(given(fx), 0);
    assert_int_equal(node_state(fx), NODE_READY);
    drop(&i);
}

static void no_more_than_24_hours_are_given_back(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_real_running(fx, &i);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    for (int h = 0; h < 26; h++) {
        fx_advance(fx, HOUR);
        fx_step(fx);
    }
    fx_check_run(fx, &i);
    assert_int_equal(i.cost.micros, 26 * FX_GPU_RATE);
    assert_int_equal(given(fx), 24 * FX_GPU_RATE);
    fx_check(fx);
    drop(&i);
}

/* Why: rates do not divide into seconds; what is given back must be what was taken. */
static void odd_rates_are_given_back_to_the_millionth(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create odd = {.offer_id = "odd-1.sim"};
    struct instance i = {0};
    int64_t before;

    sim_slots(fx->engine, FX_SLOTS, false);
    OK(instance_launch(AS(owner), &odd, &i, E));
    fx_step(fx);
    fx_advance(fx, 7);
    fx_check_plan(fx, VERDICT_HEALTHY, -2);
    fx_check_run(fx, &i);
    before = i.cost.micros;
    fx_advance(fx, 7000);
    fx_step(fx);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_check_run(fx, &i);
    assert_int_equal(given(fx), i.cost.micros - before);
    fx_check(fx);
    drop(&i);
}

/* Why: what the provider bears already was never the customer's. */
static void what_ran_beyond_the_credit_is_not_given_back(void **state)
{
    struct fx_service *fx = *state;
    struct report bad = {.verdict = VERDICT_UNHEALTHY, .tier = TIER_QUICK};
    struct instance i = {0};

    fx_real_running(fx, &i);
    fx_advance(fx, 2 * FX_WINDOW); /* nobody looked: the hold of one window bears all */
    fx_check_ask(fx, &i, TIER_QUICK);
    text_copy(bad.id, sizeof bad.id, i.check_id);
    OK(check_observe(AS(us), i.id, &bad, E));
    fx_look(fx, &i);
    assert_int_equal(i.cost.micros, INT64_C(1) * (FX_WINDOW + FX_RESERVE) * FX_GPU_RATE / HOUR);
    assert_int_equal(given(fx), i.cost.micros);
    fx_check(fx);
    drop(&i);
}

/* Why: a node whose GPU fails may fail next, and tells of an end before the check. */
static void an_end_before_the_check_does_not_cost_less_than_was_given_back(void **state)
{
    struct engine_instance seen = {.state = ENGINE_FAILED, .ended_at_ms = FX_AT_MS + 90 * 1000};
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    fx_real_running(fx, &i);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    assert_int_equal(given(fx), 100 * FX_GPU_RATE / HOUR);
    OK(instance_observe(AS(us), i.id, &seen, &out, E));
    assert_int_equal(out.state, INSTANCE_FAILED);
    assert_int_equal(out.cost.micros, given(fx));
    fx_given_check(fx);
    drop(&out);
    drop(&i);
}

static void the_same_report_taken_again_changes_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct report bad = {.verdict = VERDICT_UNHEALTHY, .tier = TIER_QUICK};
    struct instance i = {0};
    int64_t version;

    fx_real_running(fx, &i);
    fx_advance(fx, 60);
    fx_check_ask(fx, &i, TIER_QUICK);
    text_copy(bad.id, sizeof bad.id, i.check_id);
    OK(check_observe(AS(us), i.id, &bad, E));
    fx_look(fx, &i);
    version = i.version;
    fx_advance(fx, 60);
    OK(check_observe(AS(us), i.id, &bad, E));
    fx_look(fx, &i);
    assert_int_equal(i.version, version);
    assert_int_equal(given(fx), 60 * FX_GPU_RATE / HOUR);
    assert_int_equal(fx_events(fx, "instance.fault", i.id), 1);
    drop(&i);
}

static void a_neighbours_bad_gpu_counts_for_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_real_running(fx, &i); /* has GPU 0 */
    fx_check_plan(fx, VERDICT_UNHEALTHY, 5);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    assert_int_equal(given(fx), 0);
    assert_int_equal(node_state(fx), NODE_READY);
    assert_int_equal(fx_events(fx, "instance.fault", i.id), 0);
    drop(&i);
}

/* Why: a customer makes a GPU slow by using it while it is checked. */
static void a_figure_below_its_floor_is_no_fault_where_the_tenant_runs(void **state)
{
    static const struct finding slow = {.check = "copy",
                                        .result = CHECK_FAIL,
                                        .value = 2.1,
                                        .floor = 4.2,
                                        .unit = "TB/s",
                                        .detail = "2.1 TB/s"};
    struct sim_check_plan plan = {
        .verdict = VERDICT_UNHEALTHY, .findings = &slow, .finding_count = 1};
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_real_running(fx, &i);
    sim_plan_checks(fx->engine, &plan);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_UNHEALTHY); /* it is told as it was found */
    assert_int_equal(given(fx), 0);
    assert_int_equal(node_state(fx), NODE_READY);
    drop(&i);
}

static void a_bad_machine_counts(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_real_running(fx, &i);
    fx_check_plan(fx, VERDICT_UNHEALTHY, -1);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    assert_int_equal(given(fx), 100 * FX_GPU_RATE / HOUR);
    assert_int_equal(node_state(fx), NODE_DRAINING);
    drop(&i);
}

static void virtual_slots_have_no_gpu_that_could_be_bad(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_UNHEALTHY);
    assert_int_equal(given(fx), 0);
    assert_int_equal(node_state(fx), NODE_READY);
    drop(&i);
}

/* Why: a report that could not be taken would be taken again and again, and never drain. */
static void with_as_many_grants_as_there_may_be_the_credit_is_owed(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct grant_create in = {.kind = GRANT_PAID, .amount = money_of(1000000, "EUR")};
    struct grant out;
    size_t count;

    fx_real_running(fx, &i);
    text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
    fx_begin(fx);
    for (int n = 1; n < GRANTS_LIVE_MAX; n++)
        assert_ok(grant_create(AS(support), &in, &out, E), E);
    fx_end(fx, ERR_OK, ERR_OK, "", __FILE__, __LINE__);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    fx_check_run(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_UNHEALTHY);
    (void)fx_given(fx, &count);
    assert_int_equal(count, 0);
    assert_int_equal(node_state(fx), NODE_DRAINING);
    assert_int_equal(fx_events(fx, "instance.fault", i.id), 1);
    drop(&i);
}

static void a_restart_counts_from_its_own_gate(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_real_running(fx, &i);
    fx_advance(fx, 500);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_step(fx);
    fx_advance(fx, 10);
    fx_act(fx, &i, INSTANCE_START);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    fx_advance(fx, 20);
    fx_check_plan(fx, VERDICT_UNHEALTHY, 0);
    fx_check_run(fx, &i);
    assert_int_equal(given(fx), 20 * FX_GPU_RATE / HOUR);
    fx_check(fx);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_bad_gpu_gives_back_what_it_cost_and_drains_its_node),
        FX_TEST(a_second_bad_check_gives_back_only_what_came_since_the_first),
        FX_TEST(a_healthy_check_moves_the_moment_from_which_credit_counts),
        FX_TEST(what_is_no_verdict_on_health_moves_nothing),
        FX_TEST(no_more_than_24_hours_are_given_back),
        FX_TEST(odd_rates_are_given_back_to_the_millionth),
        FX_TEST(what_ran_beyond_the_credit_is_not_given_back),
        FX_TEST(an_end_before_the_check_does_not_cost_less_than_was_given_back),
        FX_TEST(the_same_report_taken_again_changes_nothing),
        FX_TEST(a_neighbours_bad_gpu_counts_for_nothing),
        FX_TEST(a_figure_below_its_floor_is_no_fault_where_the_tenant_runs),
        FX_TEST(a_bad_machine_counts),
        FX_TEST(virtual_slots_have_no_gpu_that_could_be_bad),
        FX_TEST(with_as_many_grants_as_there_may_be_the_credit_is_owed),
        FX_TEST(a_restart_counts_from_its_own_gate),
    };

    return T_RUN("service_fault", tests);
}
