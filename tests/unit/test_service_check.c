/* Checks that are asked for on a running instance, and what follows when a GPU is bad: credit for
 * what it cost, once, and its node drains. */
#include "tests/support/fx_service.h"

#include "core/log.h"

#define HOUR 3600

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

/* An instance that runs on physical GPUs. */
static void real_running(struct fx_service *fx, struct instance *out)
{
    sim_slots(fx->engine, FX_SLOTS, false);
    fx_running(fx, out);
}

static void ask(struct fx_service *fx, struct instance *i, enum tier tier)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, i->id);
    drop(i);
    OK(instance_check(AS(owner), id, 0, tier, false, i, E));
}

/* The verdict of checks from now on, with a failure on this GPU (-2: none is named). */
static void plan(struct fx_service *fx, enum verdict verdict, int64_t gpu)
{
    static struct finding f;
    struct sim_check_plan p = {.verdict = verdict, .summary = "12 words differ"};

    f = (struct finding){.check = "memory-pattern", .gpu_index = gpu, .result = CHECK_FAIL};
    text_copy(f.detail, sizeof f.detail, "12 words differ");
    p.findings = gpu == -2 ? NULL : &f;
    p.finding_count = gpu == -2 ? 0 : 1;
    sim_plan_checks(fx->engine, &p);
}

/* Asked for, begun and taken. */
static void check(struct fx_service *fx, struct instance *i)
{
    ask(fx, i, TIER_QUICK);
    fx_step(fx);
    fx_step(fx);
    fx_look(fx, i);
    assert_string_equal(i->check_id, "");
}

/* All grants of this kind together. */
static int64_t granted(struct fx_service *fx, enum grant_kind kind, size_t *count)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    struct grant *items = NULL;
    char next[CURSOR_BYTES_MAX];
    int64_t sum = 0;
    size_t n = 0;

    *count = 0;
    OK(grant_list(AS(owner), &q, &items, &n, next, E));
    for (size_t k = 0; k < n; k++)
        if (items[k].kind == kind) {
            sum += items[k].amount.micros;
            ++*count;
        }
    free(items);
    return sum;
}

static int64_t given(struct fx_service *fx)
{
    size_t count;

    return granted(fx, GRANT_SLA, &count);
}

static void the_node(struct fx_service *fx, struct node *out)
{
    struct page_query q = {.limit = 10};
    struct node *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(node_list(AS(operator_), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    *out = items[0];
    free(items);
}

static enum node_state node_state(struct fx_service *fx)
{
    struct node n;

    the_node(fx, &n);
    return n.state;
}

static const struct action *action(const struct instance *i)
{
    return &i->actions[INSTANCE_CHECK];
}

/* --- asking -------------------------------------------------------------------------- */

static void a_check_comes_back_as_a_report_under_its_id(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct report *items = NULL;
    char next[CURSOR_BYTES_MAX], id[ID_MAX];
    struct instance i = {0};
    size_t count = 0;

    real_running(fx, &i);
    assert_true(action(&i)->available);
    plan(fx, VERDICT_DEGRADED, 0);
    ask(fx, &i, TIER_BURN);
    assert_int_equal(i.check_tier, TIER_BURN);
    assert_int_equal(i.check_verdict, VERDICT_NONE);
    text_copy(id, sizeof id, i.check_id);
    assert_true(id_is(ID_REPORT, id));
    fx_advance(fx, 7);
    fx_step(fx);
    fx_step(fx);
    fx_look(fx, &i);
    assert_string_equal(i.check_id, "");
    assert_int_equal(i.check_verdict, VERDICT_DEGRADED);
    assert_int_equal(i.checked_at_ms, FX_AT_MS + 7000);
    OK(report_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 2);
    assert_string_equal(items[0].id, id);
    assert_int_equal(items[0].origin, REPORT_CHECK);
    assert_int_equal(items[0].tier, TIER_BURN);
    assert_string_equal(items[0].instance_id, i.id);
    assert_int_equal(items[0].gpu_count, 1);
    assert_int_equal(items[0].finding_count, 1);
    assert_string_equal(items[0].findings[0].check, "memory-pattern");
    assert_int_equal(fx_events(fx, "instance.check", i.id), 2); /* asked for, and done */
    assert_int_equal(fx_audits(fx, "instance.check", i.id), 2);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK_REMOVE), 1);
    LIST_FREE(&report_shape, items, count);
    drop(&i);
}

static void a_check_that_lasts_is_under_way_until_it_is_done(void **state)
{
    struct fx_service *fx = *state;
    struct sim_check_plan slow = {.lasts_ms = 15000};
    struct instance i = {0}, out = {0};

    real_running(fx, &i);
    sim_plan_checks(fx->engine, &slow);
    ask(fx, &i, TIER_QUICK);
    fx_step(fx);
    fx_advance(fx, 14);
    fx_step(fx);
    fx_look(fx, &i);
    assert_string_not_equal(i.check_id, "");
    assert_false(action(&i)->available);
    assert_string_equal(action(&i)->reason, "a check is under way");
    REFUSED(ERR_CONFLICT, instance_check(AS(owner), i.id, 0, TIER_QUICK, false, &out, E));
    assert_contains(fx->e.msg, "a check is under way");
    fx_advance(fx, 1);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_HEALTHY);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 1); /* asked the engine once */
    drop(&i);
}

static void a_check_is_refused_where_there_is_nothing_to_check(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create cpu = {.offer_id = "cpu-2.sim"};
    struct instance i = {0}, out = {0};

    fx_launch(fx, &i);
    assert_string_equal(action(&i)->reason, "it is not running");
    REFUSED(ERR_CONFLICT, instance_check(AS(owner), i.id, 0, TIER_STATE, false, &out, E));
    drop(&i);
    OK(instance_launch(AS(owner), &cpu, &i, E));
    fx_step(fx);
    fx_look(fx, &i);
    assert_string_equal(action(&i)->reason, "it has no GPU");
    REFUSED(ERR_CONFLICT, instance_check(AS(owner), i.id, 0, TIER_STATE, false, &out, E));
    drop(&i);
}

static void a_soak_is_refused_with_its_reason(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    real_running(fx, &i);
    REFUSED(ERR_INVALID, instance_check(AS(owner), i.id, 0, TIER_SOAK, false, &out, E));
    assert_pointer("/tier");
    assert_contains(fx->e.details[0].text, "takes hours");
    drop(&i);
}

static void who_may_not_check_is_refused(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    real_running(fx, &i);
    REFUSED(ERR_FORBIDDEN, instance_check(AS(viewer), i.id, 0, TIER_STATE, false, &out, E));
    REFUSED(ERR_FORBIDDEN, instance_check(AS(billing), i.id, 0, TIER_STATE, false, &out, E));
    REFUSED(ERR_NOT_FOUND, instance_check(AS(other), i.id, 0, TIER_STATE, false, &out, E));
    REFUSED(ERR_PRECONDITION, instance_check(AS(owner), i.id, 99, TIER_STATE, false, &out, E));
    OK(instance_check(AS(operator_), i.id, 0, TIER_STATE, false, &out, E));
    drop(&out);
    drop(&i);
}

static void only_staff_see_the_node_of_an_instance(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    real_running(fx, &i);
    assert_true(id_is(ID_NODE, i.node_id)); /* fx_look() asks as the system */
    drop(&i);
    fx_launch(fx, &i);
    fx_step(fx);
    OK(instance_get(AS(owner), i.id, &i, E));
    assert_string_equal(i.node_id, "");
    drop(&i);
}

/* --- jobs ---------------------------------------------------------------------------- */

static void job_running(struct fx_service *fx, const struct instance *i, struct job *out)
{
    static const struct sim_job_plan lasting = {.lasts_ms = SIM_NEVER};
    static char command[] = "train";
    struct job_create in = {.command = command};

    text_copy(in.instance_id, sizeof in.instance_id, i->id);
    sim_plan_jobs(fx->engine, &lasting);
    OK(job_submit(AS(owner), &in, out, E));
    fx_step(fx);
    fx_step(fx);
}

static void a_quick_check_is_refused_while_a_job_runs_unless_it_may_disturb(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};
    struct job j = {0};

    real_running(fx, &i);
    job_running(fx, &i, &j);
    REFUSED(ERR_CONFLICT, instance_check(AS(owner), i.id, 0, TIER_QUICK, false, &out, E));
    assert_contains(fx->e.msg, "\"disturb\": true");
    REFUSED(ERR_CONFLICT, instance_check(AS(owner), i.id, 0, TIER_BURN, false, &out, E));
    OK(instance_check(AS(owner), i.id, 0, TIER_QUICK, true, &out, E));
    assert_string_not_equal(out.check_id, "");
    shape_release(&job_shape, &j);
    drop(&out);
    drop(&i);
}

static void a_state_check_disturbs_no_job(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct job j = {0};

    real_running(fx, &i);
    job_running(fx, &i, &j);
    ask(fx, &i, TIER_STATE);
    assert_string_not_equal(i.check_id, "");
    shape_release(&job_shape, &j);
    drop(&i);
}

/* --- a bad GPU ----------------------------------------------------------------------- */

static void a_bad_gpu_gives_back_what_it_cost_and_drains_its_node(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;
    size_t count;

    real_running(fx, &i);
    plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    check(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.check_verdict, VERDICT_UNHEALTHY);
    assert_int_equal(granted(fx, GRANT_SLA, &count), 100 * FX_GPU_RATE / HOUR);
    assert_int_equal(count, 1);
    assert_int_equal(i.cost.micros, 100 * FX_GPU_RATE / HOUR); /* it has cost exactly that */
    assert_int_equal(fx_events(fx, "instance.fault", i.id), 1);
    the_node(fx, &n);
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

    real_running(fx, &i);
    plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    check(fx, &i);
    check(fx, &i); /* no second has passed: nothing */
    fx_advance(fx, 50);
    check(fx, &i);
    assert_int_equal(granted(fx, GRANT_SLA, &count), 150 * FX_GPU_RATE / HOUR);
    assert_int_equal(count, 2);
    assert_int_equal(i.cost.micros, 150 * FX_GPU_RATE / HOUR);
    the_node(fx, &n);
    assert_int_equal(fx_audits(fx, "node.drain", n.id), 1); /* drains once */
    fx_check(fx);
    drop(&i);
}

static void a_healthy_check_moves_the_moment_from_which_credit_counts(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    real_running(fx, &i);
    assert_int_equal(i.credit_from_ms, i.running_at_ms);
    fx_advance(fx, 1000);
    plan(fx, VERDICT_HEALTHY, -2);
    check(fx, &i);
    assert_int_equal(i.credit_from_ms, FX_AT_MS + 1000000);
    fx_advance(fx, 10);
    plan(fx, VERDICT_UNHEALTHY, 0);
    check(fx, &i);
    assert_int_equal(given(fx), 10 * FX_GPU_RATE / HOUR);
    fx_check(fx);
    drop(&i);
}

static void what_is_no_verdict_on_health_moves_nothing(void **state)
{
    static const enum verdict verdicts[] = {VERDICT_DEGRADED, VERDICT_INCONCLUSIVE};
    struct fx_service *fx = *state;
    struct instance i = {0};

    real_running(fx, &i);
    for (size_t k = 0; k < ARRAY_SIZE(verdicts); k++) {
        fx_advance(fx, 10);
        plan(fx, verdicts[k], 0);
        check(fx, &i);
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

    real_running(fx, &i);
    plan(fx, VERDICT_UNHEALTHY, 0);
    for (int h = 0; h < 26; h++) {
        fx_advance(fx, HOUR);
        fx_step(fx);
    }
    check(fx, &i);
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
    plan(fx, VERDICT_HEALTHY, -2);
    check(fx, &i);
    before = i.cost.micros;
    fx_advance(fx, 7000);
    fx_step(fx);
    plan(fx, VERDICT_UNHEALTHY, 0);
    check(fx, &i);
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

    real_running(fx, &i);
    fx_advance(fx, 2 * FX_WINDOW); /* nobody looked: the hold of one window bears all */
    ask(fx, &i, TIER_QUICK);
    text_copy(bad.id, sizeof bad.id, i.check_id);
    OK(check_observe(AS(us), i.id, &bad, E));
    fx_look(fx, &i);
    assert_int_equal(i.cost.micros, INT64_C(1) * (FX_WINDOW + FX_RESERVE) * FX_GPU_RATE / HOUR);
    assert_int_equal(given(fx), i.cost.micros);
    fx_check(fx);
    drop(&i);
}

static void the_same_report_taken_again_changes_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct report bad = {.verdict = VERDICT_UNHEALTHY, .tier = TIER_QUICK};
    struct instance i = {0};
    int64_t version;

    real_running(fx, &i);
    fx_advance(fx, 60);
    ask(fx, &i, TIER_QUICK);
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

    real_running(fx, &i); /* has GPU 0 */
    plan(fx, VERDICT_UNHEALTHY, 5);
    fx_advance(fx, 100);
    check(fx, &i);
    assert_int_equal(given(fx), 0);
    assert_int_equal(node_state(fx), NODE_READY);
    assert_int_equal(fx_events(fx, "instance.fault", i.id), 0);
    drop(&i);
}

static void a_bad_machine_counts(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    real_running(fx, &i);
    plan(fx, VERDICT_UNHEALTHY, -1);
    fx_advance(fx, 100);
    check(fx, &i);
    assert_int_equal(given(fx), 100 * FX_GPU_RATE / HOUR);
    assert_int_equal(node_state(fx), NODE_DRAINING);
    drop(&i);
}

static void virtual_slots_have_no_gpu_that_could_be_bad(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    check(fx, &i);
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

    real_running(fx, &i);
    text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
    fx_begin(fx);
    for (int n = 1; n < GRANTS_LIVE_MAX; n++)
        assert_ok(grant_create(AS(support), &in, &out, E), E);
    fx_end(fx, ERR_OK, ERR_OK, "", __FILE__, __LINE__);
    plan(fx, VERDICT_UNHEALTHY, 0);
    fx_advance(fx, 100);
    check(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_UNHEALTHY);
    (void)granted(fx, GRANT_SLA, &count);
    assert_int_equal(count, 0);
    assert_int_equal(node_state(fx), NODE_DRAINING);
    assert_int_equal(fx_events(fx, "instance.fault", i.id), 1);
    drop(&i);
}

static void a_restart_counts_from_its_own_gate(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    real_running(fx, &i);
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
    plan(fx, VERDICT_UNHEALTHY, 0);
    check(fx, &i);
    assert_int_equal(given(fx), 20 * FX_GPU_RATE / HOUR);
    fx_check(fx);
    drop(&i);
}

/* --- what gives no verdict ----------------------------------------------------------- */

static void a_check_that_the_engine_lost_is_inconclusive(void **state)
{
    struct fx_service *fx = *state;
    struct sim_check_plan lost = {.failure = "its supervisor is gone"};
    struct instance i = {0};

    real_running(fx, &i);
    sim_plan_checks(fx->engine, &lost);
    check(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(i.credit_from_ms, i.running_at_ms);
    assert_int_equal(node_state(fx), NODE_READY);
    drop(&i);
}

static void a_check_that_cannot_be_begun_is_given_up_after_some_tries(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    log_fd_set(-1);
    real_running(fx, &i);
    ask(fx, &i, TIER_QUICK);
    sim_fail(fx->engine, SIM_CHECK, -1, ERR_ENGINE, "no disk");
    fx_step(fx);
    fx_look(fx, &i);
    assert_string_not_equal(i.check_id, ""); /* once is no reason */
    for (int n = 0; n < 5; n++) {
        fx_advance(fx, 30);
        fx_step(fx);
    }
    fx_look(fx, &i);
    assert_string_equal(i.check_id, "");
    assert_int_equal(i.check_verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(sim_calls(fx->engine, SIM_CHECK), 5);
    log_fd_set(2);
    drop(&i);
}

static void a_stop_ends_the_check(void **state)
{
    struct fx_service *fx = *state;
    struct sim_check_plan slow = {.lasts_ms = SIM_NEVER};
    struct instance i = {0};

    real_running(fx, &i);
    sim_plan_checks(fx->engine, &slow);
    ask(fx, &i, TIER_BURN);
    fx_step(fx);
    fx_act(fx, &i, INSTANCE_STOP);
    assert_string_equal(i.check_id, "");
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_NONE);
    fx_check(fx);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_check_comes_back_as_a_report_under_its_id),
        FX_TEST(a_check_that_lasts_is_under_way_until_it_is_done),
        FX_TEST(a_check_is_refused_where_there_is_nothing_to_check),
        FX_TEST(a_soak_is_refused_with_its_reason),
        FX_TEST(who_may_not_check_is_refused),
        FX_TEST(only_staff_see_the_node_of_an_instance),
        FX_TEST(a_quick_check_is_refused_while_a_job_runs_unless_it_may_disturb),
        FX_TEST(a_state_check_disturbs_no_job),
        FX_TEST(a_bad_gpu_gives_back_what_it_cost_and_drains_its_node),
        FX_TEST(a_second_bad_check_gives_back_only_what_came_since_the_first),
        FX_TEST(a_healthy_check_moves_the_moment_from_which_credit_counts),
        FX_TEST(what_is_no_verdict_on_health_moves_nothing),
        FX_TEST(no_more_than_24_hours_are_given_back),
        FX_TEST(odd_rates_are_given_back_to_the_millionth),
        FX_TEST(what_ran_beyond_the_credit_is_not_given_back),
        FX_TEST(the_same_report_taken_again_changes_nothing),
        FX_TEST(a_neighbours_bad_gpu_counts_for_nothing),
        FX_TEST(a_bad_machine_counts),
        FX_TEST(virtual_slots_have_no_gpu_that_could_be_bad),
        FX_TEST(with_as_many_grants_as_there_may_be_the_credit_is_owed),
        FX_TEST(a_restart_counts_from_its_own_gate),
        FX_TEST(a_check_that_the_engine_lost_is_inconclusive),
        FX_TEST(a_check_that_cannot_be_begun_is_given_up_after_some_tries),
        FX_TEST(a_stop_ends_the_check),
    };

    return T_RUN("service_check", tests);
}
