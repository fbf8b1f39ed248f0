/* Checks of nodes while nobody has their GPUs: when they come, what they mean, who comes first. */
#include "tests/support/fx_service.h"

#include "core/log.h"

#define HOUR 3600

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

/* The one node, after a look by the worker. */
static void the_node(struct fx_service *fx, struct node *out)
{
    struct page_query q = {.limit = 10};
    struct node *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    fx_step(fx);
    OK(node_list(AS(operator_), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    *out = items[0];
    free(items);
}

/* Checks of idle nodes, every hour. */
static void checks_on(struct fx_service *fx, bool real)
{
    struct worker_config c = {.service = &fx->sv, .engine = fx->engine, .check_ms = HOUR * 1000};

    sim_slots(fx->engine, FX_SLOTS, !real);
    worker_close(fx->worker);
    assert_ok(worker_open(&c, &fx->worker, E), E);
}

static void bad_checks(struct fx_service *fx)
{
    struct sim_check_plan bad = {.verdict = VERDICT_UNHEALTHY, .summary = "2 of 8 GPUs fail"};

    sim_plan_checks(fx->engine, &bad);
}

static void newest_report(struct fx_service *fx, struct report *out)
{
    struct page_query q = {.limit = 1};
    struct report *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(report_list(AS(operator_), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    *out = items[0];
    free(items);
}

static void an_idle_node_is_checked_each_interval(void **state)
{
    struct fx_service *fx = *state;
    struct report r = {0};
    struct node n;

    checks_on(fx, true);
    the_node(fx, &n); /* begun */
    the_node(fx, &n); /* taken */
    assert_string_equal(n.check_id, "");
    assert_int_equal(n.verdict, VERDICT_HEALTHY);
    newest_report(fx, &r);
    assert_string_equal(r.id, n.report_id);
    assert_int_equal(r.origin, REPORT_IDLE);
    assert_int_equal(r.tier, TIER_QUICK);
    assert_string_equal(r.organization_id, "");
    fx_advance(fx, HOUR - 1);
    the_node(fx, &n);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 1);
    fx_advance(fx, 1);
    the_node(fx, &n);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 2);
    shape_release(&report_shape, &r);
}

static void a_report_of_an_idle_node_is_for_staff(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct report *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 9;
    struct node n;

    checks_on(fx, true);
    the_node(fx, &n);
    the_node(fx, &n);
    OK(report_list(AS(owner), &q, &items, &count, next, E));
    assert_int_equal(count, 0);
    free(items);
}

static void virtual_slots_and_an_interval_of_none_are_never_checked(void **state)
{
    struct fx_service *fx = *state;
    struct node_load idle = {0};
    struct node n;

    checks_on(fx, false);
    the_node(fx, &n);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 0);
    n.is_virtual = false;
    assert_true(node_check_due(&n, &idle, 1, FX_AT_MS));
    assert_false(node_check_due(&n, &idle, 0, FX_AT_MS));
}

static void a_node_whose_gpus_somebody_has_is_not_idle(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create cpu = {.offer_id = "cpu-2.sim"};
    struct instance gpu = {0}, other = {0};
    struct node n;

    sim_slots(fx->engine, FX_SLOTS, false);
    fx_running(fx, &gpu);
    checks_on(fx, true);
    fx_advance(fx, 2 * HOUR);
    the_node(fx, &n);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 0);
    OK(instance_launch(AS(owner), &cpu, &other, E));
    fx_act(fx, &gpu, INSTANCE_DELETE);
    fx_step(fx);
    fx_step(fx);
    fx_advance(fx, HOUR);
    the_node(fx, &n);
    assert_int_equal(n.instance_count, 1); /* one without a GPU */
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 1);
    drop(&gpu);
    drop(&other);
}

static void an_idle_check_that_fails_drains_the_node(void **state)
{
    struct fx_service *fx = *state;
    struct node n;

    checks_on(fx, true);
    bad_checks(fx);
    the_node(fx, &n);
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_DRAINED);
    assert_string_equal(n.reason, "2 of 8 GPUs fail");
    fx_advance(fx, 2 * HOUR);
    the_node(fx, &n);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 1); /* who repairs it is left alone */
}

/* Floors count where nothing of a tenant runs. */
static const struct finding slow_copy = {.check = "copy",
                                         .gpu_index = 1,
                                         .result = CHECK_FAIL,
                                         .value = 2.1,
                                         .floor = 4.2,
                                         .unit = "TB/s",
                                         .detail = "2.1 TB/s"};

static void an_instance_without_gpus_drains_no_node_by_slowing_its_check_down(void **state)
{
    struct sim_check_plan slow = {
        .verdict = VERDICT_UNHEALTHY, .findings = &slow_copy, .finding_count = 1};
    struct fx_service *fx = *state;
    struct instance_create cpu = {.offer_id = "cpu-2.sim"};
    struct instance i = {0};
    struct node n;

    sim_plan_checks(fx->engine, &slow);
    OK(instance_launch(AS(owner), &cpu, &i, E));
    fx_step(fx); /* it runs, and its gate is the node's last check */
    checks_on(fx, true);
    fx_advance(fx, HOUR);
    the_node(fx, &n);
    the_node(fx, &n);
    assert_int_equal(n.verdict, VERDICT_UNHEALTHY); /* it is told as it was found */
    assert_int_equal(n.state, NODE_READY);
    fx_act(fx, &i, INSTANCE_DELETE);
    fx_step(fx);
    fx_step(fx);
    fx_advance(fx, HOUR);
    the_node(fx, &n);
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_DRAINED);
    assert_string_equal(n.reason, "copy, GPU 1: 2.1 TB/s");
    drop(&i);
}

static void an_instance_pushes_the_check_of_an_idle_node_aside(void **state)
{
    struct fx_service *fx = *state;
    struct sim_check_plan slow = {.lasts_ms = SIM_NEVER};
    struct instance i = {0};
    struct node n;

    log_fd_set(-1);
    checks_on(fx, true);
    sim_plan_checks(fx->engine, &slow);
    the_node(fx, &n);
    assert_string_not_equal(n.check_id, "");
    fx_running(fx, &i);
    the_node(fx, &n);
    assert_string_equal(n.check_id, "");
    assert_int_equal(n.state, NODE_READY);
    log_fd_set(2);
    drop(&i);
}

static void a_check_that_is_no_longer_under_way_is_not_taken(void **state)
{
    struct fx_service *fx = *state;
    struct report bad = {.verdict = VERDICT_UNHEALTHY};
    struct node n;

    the_node(fx, &n);
    OK(node_check_end(AS(us), n.id, "rep_old", &bad, E));
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_READY);
    assert_int_equal(n.verdict, VERDICT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(an_idle_node_is_checked_each_interval),
        FX_TEST(a_report_of_an_idle_node_is_for_staff),
        FX_TEST(virtual_slots_and_an_interval_of_none_are_never_checked),
        FX_TEST(a_node_whose_gpus_somebody_has_is_not_idle),
        FX_TEST(an_idle_check_that_fails_drains_the_node),
        FX_TEST(an_instance_without_gpus_drains_no_node_by_slowing_its_check_down),
        FX_TEST(an_instance_pushes_the_check_of_an_idle_node_aside),
        FX_TEST(a_check_that_is_no_longer_under_way_is_not_taken),
    };

    return T_RUN("service_idle", tests);
}
