/* Jobs in the hands of the worker, with the engine `sim`. */
#include "tests/support/fx_service.h"

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}
static void drop_job(struct job *j)
{
    shape_release(&job_shape, j);
}

static char command[] = "true";

static void submit_on(struct fx_service *fx, const struct instance *i, struct job *out)
{
    struct job_create in = {.command = command};

    text_copy(in.instance_id, sizeof in.instance_id, i->id);
    OK(job_submit(AS(owner), &in, out, E));
}

static void look_job(struct fx_service *fx, struct job *j)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, j->id);
    drop_job(j);
    OK(job_get(AS(us), id, j, E));
}

/* --- jobs ---------------------------------------------------------------------------- */

static void a_job_starts_when_its_instance_runs_and_ends_as_the_engine_says(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan slow = {.provision_ms = 5000};
    struct sim_job_plan plan = {.lasts_ms = 10000, .exit_code = 3, .output = "hi", .output_len = 2};
    struct instance i = {0};
    struct job j = {0};

    sim_plan_instances(fx->engine, &slow);
    sim_plan_jobs(fx->engine, &plan);
    fx_launch(fx, &i);
    submit_on(fx, &i, &j);
    fx_step(fx);
    assert_int_equal(sim_calls(fx->engine, SIM_JOB_START), 0);
    fx_advance(fx, 5);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_RUNNING);
    assert_int_equal(sim_calls(fx->engine, SIM_JOB_START), 1);
    fx_advance(fx, 11);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_FAILED);
    assert_int_equal(j.exit_code, 3);
    assert_int_equal(j.log_bytes, 2);
    assert_int_equal(j.ended_at_ms, FX_AT_MS + 15000);
    drop_job(&j);
    drop(&i);
}

static void a_job_of_its_own_takes_its_instance_along(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in = {.command = command, .offer_id = "gpu-1.sim", .time_limit_seconds = 60};
    struct sim_job_plan plan = {.lasts_ms = 20000};
    struct instance i = {0};
    struct job j = {0};

    sim_plan_jobs(fx->engine, &plan);
    OK(job_submit(AS(owner), &in, &j, E));
    fx_step(fx);
    fx_advance(fx, 20);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_SUCCEEDED);
    fx_step(fx); /* it is stopped */
    fx_step(fx); /* and removed */
    OK(instance_get(AS(owner), j.instance_id, &i, E));
    assert_int_equal(i.state, INSTANCE_TERMINATED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_JOB_ENDED);
    assert_int_equal(i.cost.micros, 20 * 1000);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    fx_check(fx);
    drop_job(&j);
    drop(&i);
}

static void a_job_past_its_time_is_ended(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in = {.command = command, .offer_id = "gpu-1.sim", .time_limit_seconds = 60};
    struct sim_job_plan plan = {.lasts_ms = SIM_NEVER};
    struct job j = {0};

    sim_plan_jobs(fx->engine, &plan);
    OK(job_submit(AS(owner), &in, &j, E));
    fx_step(fx);
    fx_advance(fx, 61);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_TIMED_OUT);
    drop_job(&j);
}

static void cancelling_reaches_the_engine(void **state)
{
    struct fx_service *fx = *state;
    struct sim_job_plan plan = {.lasts_ms = SIM_NEVER, .term_ms = 5000};
    struct instance i = {0};
    struct job j = {0}, out = {0};

    sim_plan_jobs(fx->engine, &plan);
    fx_running(fx, &i);
    submit_on(fx, &i, &j);
    fx_step(fx);
    OK(job_cancel(AS(owner), j.id, 0, &out, E));
    drop_job(&out);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_CANCELLING);
    fx_advance(fx, 6);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_CANCELLED);
    drop_job(&j);
    drop(&i);
}

/* Why: a job must not run twice because we died after the engine had started it. */
static void a_crash_after_a_job_was_started_starts_it_once(void **state)
{
    struct fx_service *fx = *state;
    struct sim_job_plan plan = {.lasts_ms = SIM_NEVER};
    struct instance i = {0};
    struct job j = {0}, out = {0};
    struct engine_job_start s = {.command = command, .grace_seconds = 1, .log_bytes_max = 100};

    sim_plan_jobs(fx->engine, &plan);
    fx_running(fx, &i);
    submit_on(fx, &i, &j);
    OK(job_begin(AS(us), j.id, &out, E));
    drop_job(&out);
    s.job_id = j.id;
    s.instance_id = i.id;
    assert_ok(fx->engine->ops->job_start(fx->engine, &s, E), E);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_RUNNING);
    assert_int_equal(sim_calls(fx->engine, SIM_JOB_START), 1);
    drop_job(&j);
    drop(&i);
}

/* Why: the end of a job is written in files that go with its instance. */
static void how_a_job_ended_is_read_before_its_files_go(void **state)
{
    struct fx_service *fx = *state;
    struct sim_job_plan plan = {.lasts_ms = 3000, .exit_code = 4};
    struct instance i = {0};
    struct job j = {0};

    sim_plan_jobs(fx->engine, &plan);
    fx_running(fx, &i);
    submit_on(fx, &i, &j);
    fx_step(fx);
    fx_advance(fx, 5); /* it ended; then the machine did, and in the same moment it is deleted */
    assert_ok(fx->engine->ops->stop(fx->engine, i.id, true, E), E);
    fx_act(fx, &i, INSTANCE_DELETE);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_TERMINATED);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_FAILED);
    assert_int_equal(j.state_reason, JOB_REASON_EXITED);
    assert_int_equal(j.exit_code, 4);
    drop_job(&j);
    drop(&i);
}

static void a_queued_job_ends_with_its_instance(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan slow = {.provision_ms = 5000};
    struct instance i = {0};
    struct job j = {0};

    sim_plan_instances(fx->engine, &slow);
    fx_launch(fx, &i);
    submit_on(fx, &i, &j);
    fx_step(fx);
    fx_act(fx, &i, INSTANCE_DELETE);
    fx_step(fx);
    fx_step(fx);
    look_job(fx, &j);
    assert_int_equal(j.state, JOB_FAILED);
    assert_int_equal(j.state_reason, JOB_REASON_INSTANCE_ENDED);
    assert_int_equal(sim_calls(fx->engine, SIM_JOB_START), 0);
    drop_job(&j);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_job_starts_when_its_instance_runs_and_ends_as_the_engine_says),
        FX_TEST(a_job_of_its_own_takes_its_instance_along),
        FX_TEST(a_job_past_its_time_is_ended),
        FX_TEST(cancelling_reaches_the_engine),
        FX_TEST(a_crash_after_a_job_was_started_starts_it_once),
        FX_TEST(how_a_job_ended_is_read_before_its_files_go),
        FX_TEST(a_queued_job_ends_with_its_instance),
    };

    return T_RUN("worker jobs", tests);
}
