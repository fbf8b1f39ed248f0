/* Checks that are asked for on a running instance: who may, when, and what becomes of them. */
#include "tests/support/fx_check.h"

#include "core/log.h"

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

static enum node_state node_state(struct fx_service *fx)
{
    struct node n;

    fx_node(fx, &n);
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

    fx_real_running(fx, &i);
    assert_true(action(&i)->available);
    fx_check_plan(fx, VERDICT_DEGRADED, 0);
    fx_check_ask(fx, &i, TIER_BURN);
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

    fx_real_running(fx, &i);
    sim_plan_checks(fx->engine, &slow);
    fx_check_ask(fx, &i, TIER_QUICK);
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

    fx_real_running(fx, &i);
    REFUSED(ERR_INVALID, instance_check(AS(owner), i.id, 0, TIER_SOAK, false, &out, E));
    assert_pointer("/tier");
    assert_contains(fx->e.details[0].text, "takes hours");
    drop(&i);
}

static void who_may_not_check_is_refused(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    fx_real_running(fx, &i);
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

    fx_real_running(fx, &i);
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

    fx_real_running(fx, &i);
    job_running(fx, &i, &j);
    REFUSED(ERR_CONFLICT, instance_check(AS(owner), i.id, 0, TIER_QUICK, false, &out, E));
    assert_contains(fx->e.msg, "say disturb"); /* in JSON, by a flag or by a key */
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

    fx_real_running(fx, &i);
    job_running(fx, &i, &j);
    fx_check_ask(fx, &i, TIER_STATE);
    assert_string_not_equal(i.check_id, "");
    shape_release(&job_shape, &j);
    drop(&i);
}

/* --- what gives no verdict ----------------------------------------------------------- */

static void a_check_that_the_engine_lost_is_inconclusive(void **state)
{
    struct fx_service *fx = *state;
    struct sim_check_plan lost = {.failure = "its supervisor is gone"};
    struct instance i = {0};

    fx_real_running(fx, &i);
    sim_plan_checks(fx->engine, &lost);
    fx_check_run(fx, &i);
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
    fx_real_running(fx, &i);
    fx_check_ask(fx, &i, TIER_QUICK);
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

    fx_real_running(fx, &i);
    sim_plan_checks(fx->engine, &slow);
    fx_check_ask(fx, &i, TIER_BURN);
    fx_step(fx);
    fx_act(fx, &i, INSTANCE_STOP);
    assert_string_equal(i.check_id, "");
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_NONE);
    fx_check(fx);
    drop(&i);
}

/* Why: "burn" beside "healthy" would be read as a burn that passed. */
static void a_check_that_was_cut_off_has_no_verdict(void **state)
{
    struct fx_service *fx = *state;
    struct sim_check_plan slow = {.lasts_ms = SIM_NEVER};
    struct instance i = {0};

    fx_real_running(fx, &i);
    fx_check_ask(fx, &i, TIER_STATE);
    fx_step(fx);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.check_verdict, VERDICT_HEALTHY);
    sim_plan_checks(fx->engine, &slow);
    fx_check_ask(fx, &i, TIER_BURN);
    fx_act(fx, &i, INSTANCE_STOP);
    assert_int_equal(i.check_tier, TIER_BURN);
    assert_int_equal(i.check_verdict, VERDICT_NONE);
    assert_int_equal(i.checked_at_ms, 0);
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
        FX_TEST(a_check_that_the_engine_lost_is_inconclusive),
        FX_TEST(a_check_that_cannot_be_begun_is_given_up_after_some_tries),
        FX_TEST(a_stop_ends_the_check),
        FX_TEST(a_check_that_was_cut_off_has_no_verdict),
    };

    return T_RUN("service_check", tests);
}
