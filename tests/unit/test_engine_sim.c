/* What tests may ask of the engine `sim`: faults, losses, plans that go by the clock. */
#include "tests/support/fx_engine.h"

static const struct act hello = {.plan = {.lasts_ms = 1000, .output = "hi", .output_len = 2}};

static void it_fails_as_often_as_told_and_counts(void **state)
{
    struct fixture *fx = *state;

    sim_fail(fx->en, SIM_PROVISION, 2, ERR_ENGINE, "the moon is full");
    assert_err(ERR_ENGINE, fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_string_equal(fx->err.msg, "the moon is full");
    assert_err(ERR_ENGINE, fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ABSENT);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_int_equal(sim_calls(fx->en, SIM_PROVISION), 3);
    sim_fail(fx->en, SIM_DESCRIBE, -1, ERR_ENGINE, "always");
    for (int i = 0; i < 3; i++) {
        struct engine_instance in;

        assert_err(ERR_ENGINE, fx->en->ops->describe(fx->en, fx->ins, &in, &fx->err), &fx->err);
    }
    sim_fail(fx->en, SIM_DESCRIBE, 0, ERR_OK, "");
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
}

static void an_instance_goes_by_the_clock(void **state)
{
    struct fixture *fx = *state;
    const struct sim_instance_plan plan = {
        .provision_ms = 100, .check_ms = 50, .stop_ms = 300, .gate_summary = "fine"};
    int64_t start_ms = clock_now_ms(&fx->hands.base);
    struct engine_instance in;

    sim_plan_instances(fx->en, &plan);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_STARTING);
    clock_test_advance(&fx->hands, 100);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_CHECKING);
    assert_int_equal(fxe_describe(fx, fx->ins).gate_verdict, VERDICT_NONE);
    clock_test_advance(&fx->hands, 1000);
    in = fxe_describe(fx, fx->ins);
    assert_int_equal(in.state, ENGINE_READY);
    assert_int_equal(in.ready_at_ms, start_ms + 150);
    assert_string_equal(in.gate_summary, "fine");

    assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_STOPPING);
    assert_err(ERR_ENGINE, fxe_provision(fx, fx->ins, 1), &fx->err);
    clock_test_advance(&fx->hands, 5000);
    in = fxe_describe(fx, fx->ins);
    assert_int_equal(in.state, ENGINE_ENDED);
    assert_int_equal(in.ended_at_ms, start_ms + 1100 + 300);
}

static void a_plan_to_fail_fails(void **state)
{
    struct fixture *fx = *state;
    const struct sim_instance_plan plan = {.provision_ms = 10, .failure = "no power"};
    struct engine_instance in;

    sim_plan_instances(fx->en, &plan);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    in = fxe_await(fx, fx->ins, ENGINE_FAILED);
    assert_string_equal(in.detail, "no power");
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
}

static void real_slots_need_more_than_an_inconclusive_check(void **state)
{
    struct fixture *fx = *state;
    const struct sim_instance_plan plan = {.gate_verdict = VERDICT_INCONCLUSIVE};

    sim_plan_instances(fx->en, &plan);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_true(fxe_describe(fx, fx->ins).gate_passed);
    sim_slots(fx->en, 8, false);
    assert_false(fxe_describe(fx, fx->ins).gate_passed);
    assert_int_equal(fxe_describe(fx, fx->ins).ready_at_ms, 0);
    assert_err(ERR_CONFLICT, fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
}

static void what_is_lost_is_failed_with_its_jobs(void **state)
{
    struct fixture *fx = *state;
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    assert_ok(fxe_job_start(fx, fx->job2, fx->ins, &hello), &fx->err);
    sim_lose(fx->en, fx->job);
    job = fxe_job_describe(fx, fx->job);
    assert_int_equal(job.state, ENGINE_FAILED);
    assert_int_equal(job.reason, JOB_REASON_LOST);
    assert_int_equal(fxe_job_describe(fx, fx->job2).state, ENGINE_READY);
    clock_test_advance(&fx->hands, 10);
    sim_lose(fx->en, fx->ins);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_FAILED);
    assert_int_equal(fxe_job_describe(fx, fx->job2).state, ENGINE_FAILED);
    assert_int_equal(fxe_describe(fx, fx->ins).ended_at_ms, clock_now_ms(&fx->hands.base));
}

/* A restart must not bring back, or change the end of, what ended before it. */
static void an_ended_job_stays_as_it_was_over_a_restart(void **state)
{
    struct fixture *fx = *state;
    struct engine_job before, after;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    clock_test_advance(&fx->hands, 100);
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, true, &fx->err), &fx->err);
    before = fxe_job_describe(fx, fx->job);
    clock_test_advance(&fx->hands, 100);
    fxe_launch(fx, fx->ins);
    clock_test_advance(&fx->hands, 5000);
    after = fxe_job_describe(fx, fx->job);
    assert_int_equal(before.reason, JOB_REASON_INSTANCE_ENDED);
    assert_int_equal(after.reason, before.reason);
    assert_int_equal(after.ended_at_ms, before.ended_at_ms);
}

static void writing_past_the_quota_ends_the_job(void **state)
{
    struct fixture *fx = *state;
    const struct act quiet = {.plan = {.lasts_ms = SIM_NEVER}};

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start_limited(fx, fx->job, fx->ins, &quiet, 0, 5), &fx->err);
    assert_true(sim_job_write(fx->en, fx->job, false, "123", 3));
    assert_int_equal(fxe_job_describe(fx, fx->job).state, ENGINE_READY);
    assert_false(sim_job_write(fx->en, fx->job, true, "4567", 4));
    assert_int_equal(fxe_job_describe(fx, fx->job).reason, JOB_REASON_LOG_QUOTA);
    assert_int_equal(fxe_job_describe(fx, fx->job).log_bytes, 5);
    assert_false(sim_job_write(fx->en, fx->job, false, "8", 1));
}

static void a_job_out_of_memory_says_so(void **state)
{
    struct fixture *fx = *state;
    const struct act hungry = {.plan = {.out_of_memory = true}};

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hungry), &fx->err);
    assert_int_equal(fxe_job_describe(fx, fx->job).reason, JOB_REASON_MEMORY);
    assert_int_equal(fxe_job_describe(fx, fx->job).signal, 9);
}

#define SIM(fn)                                                     \
    {                                                               \
#fn, fn, fxe_setup, fxe_teardown, (void *)(uintptr_t) "sim" \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SIM(it_fails_as_often_as_told_and_counts),
        SIM(an_instance_goes_by_the_clock),
        SIM(a_plan_to_fail_fails),
        SIM(real_slots_need_more_than_an_inconclusive_check),
        SIM(what_is_lost_is_failed_with_its_jobs),
        SIM(an_ended_job_stays_as_it_was_over_a_restart),
        SIM(writing_past_the_quota_ends_the_job),
        SIM(a_job_out_of_memory_says_so),
    };

    return T_RUN("engine_sim", tests);
}
