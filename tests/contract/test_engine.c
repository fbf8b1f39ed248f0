/* What every engine promises (api/engine/engine.h): one suite, run against each. */
#include "tests/support/fx_engine.h"

#include <fcntl.h>
#include <unistd.h>

#define PAYLOAD_BYTES (3 * 512 * 1024)

static const struct act forever = {
    .command = "trap 'exit 5' TERM; echo up; while :; do sleep 0.02; done",
    .plan = {.lasts_ms = SIM_NEVER, .term_code = 5, .output = "up\n", .output_len = 3}};
static const struct act deaf = {
    .command = "trap '' TERM; echo up; while :; do sleep 0.05; done",
    .plan = {.lasts_ms = SIM_NEVER, .term_ms = SIM_NEVER, .output = "up\n", .output_len = 3}};
static const struct act hello = {.command = "echo hello",
                                 .plan = {.output = "hello\n", .output_len = 6}};

static void the_name_is_the_engines(void **state)
{
    FIXTURE(fx);

    assert_string_equal(fx->en->ops->name, fx->name);
}

static void capacity_counts_its_virtual_slots(void **state)
{
    FIXTURE(fx);
    struct engine_capacity c;

    assert_ok(fx->en->ops->capacity(fx->en, &c, &fx->err), &fx->err);
    assert_int_equal(c.gpu_slots, 2);
    assert_true(c.gpus_are_virtual);
    assert_string_equal(c.gpu_label, "virtual");
}

static void what_is_provisioned_becomes_ready(void **state)
{
    FIXTURE(fx);
    struct engine_instance in;

    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ABSENT);
    assert_ok(fxe_provision(fx, fx->ins, 2), &fx->err);
    in = fxe_await(fx, fx->ins, ENGINE_READY);
    assert_true(in.gate_passed);
    assert_true(in.ready_at_ms > 0);
    assert_int_equal(in.ended_at_ms, 0);
    assert_int_equal(in.slot_count, 2);
    assert_true(in.slots[0].is_virtual);
    assert_true(in.limits[0]);
}

static void an_instance_without_gpus_has_nothing_to_check(void **state)
{
    FIXTURE(fx);
    struct engine_instance in;

    assert_ok(fxe_provision(fx, fx->ins, 0), &fx->err);
    in = fxe_await(fx, fx->ins, ENGINE_READY);
    assert_true(in.gate_passed);
    assert_int_equal(in.slot_count, 0);
}

static void provision_twice_is_one(void **state)
{
    FIXTURE(fx);

    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    fxe_await(fx, fx->ins, ENGINE_READY);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
    /* The other slot is still free. */
    assert_ok(fxe_provision(fx, fx->other, 1), &fx->err);
}

static void two_instances_never_share_a_slot(void **state)
{
    FIXTURE(fx);
    struct engine_instance a, b;

    fxe_launch(fx, fx->ins);
    fxe_launch(fx, fx->other);
    a = fxe_describe(fx, fx->ins);
    b = fxe_describe(fx, fx->other);
    assert_int_not_equal(a.slots[0].index, b.slots[0].index);
    assert_err(ERR_NO_STOCK, fxe_provision(fx, fx->third, 1), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->third).state, ENGINE_ABSENT);

    fxe_stop(fx, fx->ins);
    fxe_launch(fx, fx->third);
    assert_int_equal(fxe_describe(fx, fx->third).slots[0].index, a.slots[0].index);
}

static void more_slots_than_there_are_is_no_stock(void **state)
{
    FIXTURE(fx);

    assert_err(ERR_NO_STOCK, fxe_provision(fx, fx->ins, 3), &fx->err);
    assert_contains(fx->err.msg, "2 of 2 are free");
}

static void a_stopped_instance_starts_again(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    fxe_stop(fx, fx->ins);
    assert_true(fxe_describe(fx, fx->ins).ended_at_ms > 0);
    fxe_launch(fx, fx->ins);
    assert_int_equal(fxe_describe(fx, fx->ins).ended_at_ms, 0);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
}

static void stop_twice_is_harmless(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    fxe_await(fx, fx->ins, ENGINE_ENDED);
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, true, &fx->err), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ENDED);
}

static void stop_right_after_provision_ends_it(void **state)
{
    FIXTURE(fx);

    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    fxe_stop(fx, fx->ins);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
}

static void what_runs_is_not_removed(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    assert_err(ERR_CONFLICT, fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
}

/* Why: who paid for a job reads its output after the machine is given back. */
static void a_jobs_output_outlives_its_instance(void **state)
{
    FIXTURE(fx);
    struct engine_job job;
    STRBUF before, after;

    strbuf_init(&before, 1000);
    strbuf_init(&after, 1000);
    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    fxe_output(fx, fx->job, 2, &before);
    fxe_stop(fx, fx->ins);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ABSENT);
    job = fxe_job_describe(fx, fx->job);
    assert_int_equal(job.state, ENGINE_ENDED);
    assert_int_equal(job.exit_code, 0);
    fxe_output(fx, fx->job, 2, &after);
    assert_true(before.len > 0);
    assert_string_equal(after.data, before.data);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
}

static void unknown_ids_are_absent_or_refused(void **state)
{
    FIXTURE(fx);
    const struct engine_ops *ops = fx->en->ops;
    struct engine_output info;
    char path[256];
    STRBUF out;

    strbuf_init(&out, 100);
    assert_int_equal(fxe_describe(fx, "ins_nobody").state, ENGINE_ABSENT);
    assert_int_equal(fxe_describe(fx, "../../etc").state, ENGINE_ABSENT);
    assert_int_equal(fxe_job_describe(fx, fx->job).state, ENGINE_ABSENT);
    assert_ok(ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    assert_ok(ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
    assert_ok(ops->job_cancel(fx->en, fx->job, &fx->err), &fx->err);
    assert_err(ERR_NOT_FOUND, ops->job_output(fx->en, fx->job, 0, 1, &out, &info, &fx->err),
               &fx->err);
    assert_err(ERR_NOT_FOUND, ops->login_socket(fx->en, fx->ins, path, sizeof path, &fx->err),
               &fx->err);
    assert_err(ERR_NOT_FOUND, fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
}

static void nobody_logs_in_without_a_key(void **state)
{
    FIXTURE(fx);
    char path[256];

    fxe_launch(fx, fx->ins);
    assert_err(ERR_CONFLICT,
               fx->en->ops->login_socket(fx->en, fx->ins, path, sizeof path, &fx->err), &fx->err);
}

static void the_exit_code_is_the_commands(void **state)
{
    FIXTURE(fx);
    const struct act seven = {.command = "exit 7", .plan = {.exit_code = 7}};
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &seven), &fx->err);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.exit_code, 7);
    assert_int_equal(job.signal, 0);
    assert_int_equal(job.reason, JOB_REASON_EXITED);
    assert_true(job.started_at_ms > 0 && job.ended_at_ms >= job.started_at_ms);
}

static void a_signal_is_told_from_an_exit(void **state)
{
    FIXTURE(fx);
    const struct act segv = {.command = "kill -SEGV $$", .plan = {.signal = 11}};
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &segv), &fx->err);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.exit_code, -1);
    assert_int_equal(job.signal, 11);
    assert_int_equal(job.reason, JOB_REASON_SIGNAL);
}

/* All byte values, NUL and what is not UTF-8 among them. */
static char *payload_make(void)
{
    char *bytes = malloc(PAYLOAD_BYTES);
    uint32_t x = 2463534242;

    assert_non_null(bytes);
    for (size_t i = 0; i < PAYLOAD_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bytes[i] = (char)x;
    }
    return bytes;
}

static void payload_place(struct fixture *fx, const char *bytes)
{
    int fd;

    if (fxe_is_sim(fx))
        return;
    fd = open(fxe_path(fx, fx->ins, "home/data"), O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, PAYLOAD_BYTES), PAYLOAD_BYTES);
    close(fd);
}

static void output_is_kept_to_the_byte(void **state)
{
    FIXTURE(fx);
    char *bytes = payload_make();
    const struct act act = {.command = "cat data",
                            .plan = {.output = bytes, .output_len = PAYLOAD_BYTES}};
    struct engine_job job;
    STRBUF out;

    fxe_launch(fx, fx->ins);
    payload_place(fx, bytes);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.exit_code, 0);
    assert_int_equal(job.log_bytes, PAYLOAD_BYTES);
    fxe_output(fx, fx->job, 2, &out);
    assert_int_equal(out.len, PAYLOAD_BYTES);
    assert_memory_equal(out.data, bytes, PAYLOAD_BYTES);
    free(bytes);
}

static void the_streams_are_told_apart(void **state)
{
    FIXTURE(fx);
    const struct act act = {.command = "echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three",
                            .plan = {.lasts_ms = 1000, .output = "one\n", .output_len = 4}};
    STRBUF out;
    STRBUF errors;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    if (fxe_is_sim(fx)) {
        assert_true(sim_job_write(fx->en, fx->job, true, "two\n", 4));
        assert_true(sim_job_write(fx->en, fx->job, false, "three\n", 6));
    }
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    fxe_output(fx, fx->job, 0, &out);
    fxe_output(fx, fx->job, 1, &errors);
    assert_string_equal(out.data, "one\nthree\n");
    assert_string_equal(errors.data, "two\n");
}

static void output_past_the_end_is_empty(void **state)
{
    FIXTURE(fx);
    struct engine_output info;
    STRBUF out;

    strbuf_init(&out, 100);
    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_ok(fx->en->ops->job_output(fx->en, fx->job, 6, 10, &out, &info, &fx->err), &fx->err);
    assert_true(info.ended);
    assert_ok(fx->en->ops->job_output(fx->en, fx->job, INT64_MAX, 10, &out, &info, &fx->err),
              &fx->err);
    assert_int_equal(out.len, 0);
    assert_ok(fx->en->ops->job_output(fx->en, fx->job, 2, 3, &out, &info, &fx->err), &fx->err);
    assert_string_equal(out.data, "llo");
    assert_false(info.ended);
    assert_err(ERR_INVALID, fx->en->ops->job_output(fx->en, fx->job, -1, 10, &out, &info, &fx->err),
               &fx->err);
}

static void a_running_jobs_output_has_not_ended(void **state)
{
    FIXTURE(fx);
    struct engine_output info;
    STRBUF out;

    strbuf_init(&out, 100);
    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &forever), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_READY);
    fxe_await_output(fx, fx->job, "up\n");
    assert_ok(fx->en->ops->job_output(fx->en, fx->job, 0, 10, &out, &info, &fx->err), &fx->err);
    assert_string_equal(out.data, "up\n");
    assert_false(info.ended);
}

static void a_job_started_twice_runs_once(void **state)
{
    FIXTURE(fx);
    STRBUF out;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    fxe_output(fx, fx->job, 2, &out);
    assert_string_equal(out.data, "hello\n");
}

static void a_job_belongs_to_one_instance(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    fxe_launch(fx, fx->other);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_err(ERR_CONFLICT, fxe_job_start(fx, fx->job, fx->other, &hello), &fx->err);
}

static void a_stopped_instance_takes_no_jobs(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    fxe_stop(fx, fx->ins);
    assert_err(ERR_CONFLICT, fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    assert_int_equal(fxe_job_describe(fx, fx->job).state, ENGINE_ABSENT);
}

static void cancel_lets_the_trap_run(void **state)
{
    FIXTURE(fx);
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &forever), &fx->err);
    fxe_await_output(fx, fx->job, "up\n");
    assert_ok(fx->en->ops->job_cancel(fx->en, fx->job, &fx->err), &fx->err);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_BY_MEMBER);
    assert_int_equal(job.exit_code, 5);
    assert_ok(fx->en->ops->job_cancel(fx->en, fx->job, &fx->err), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
}

static void cancel_kills_after_the_grace(void **state)
{
    FIXTURE(fx);
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &deaf), &fx->err);
    fxe_await_output(fx, fx->job, "up\n");
    assert_ok(fx->en->ops->job_cancel(fx->en, fx->job, &fx->err), &fx->err);
    assert_int_equal(fxe_job_describe(fx, fx->job).log_bytes, 3);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_BY_MEMBER);
    assert_int_equal(job.exit_code, -1);
    assert_int_equal(job.signal, 9);
    assert_true(job.ended_at_ms - job.started_at_ms >= 1000);
}

static void the_time_limit_ends_a_job(void **state)
{
    FIXTURE(fx);
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start_limited(fx, fx->job, fx->ins, &forever, 1, 0), &fx->err);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_TIME_LIMIT);
    assert_int_equal(job.exit_code, 5);
    assert_true(job.ended_at_ms - job.started_at_ms >= 1000);
}

static void the_log_quota_ends_a_job(void **state)
{
    FIXTURE(fx);
    char *bytes = payload_make();
    const struct act act = {
        .command = "exec 2>&1; yes",
        .plan = {.lasts_ms = SIM_NEVER, .output = bytes, .output_len = PAYLOAD_BYTES}};
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start_limited(fx, fx->job, fx->ins, &act, 0, 100000), &fx->err);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_LOG_QUOTA);
    assert_true(job.log_bytes > 90000 && job.log_bytes <= 100000);
    free(bytes);
}

static void an_instance_ends_its_jobs_with_it(void **state)
{
    FIXTURE(fx);
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &forever), &fx->err);
    fxe_await_output(fx, fx->job, "up\n");
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    fxe_await(fx, fx->ins, ENGINE_ENDED);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_INSTANCE_ENDED);
    assert_int_equal(job.exit_code, 5);
}

static void an_instance_told_to_end_now_kills_its_jobs(void **state)
{
    FIXTURE(fx);
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &deaf), &fx->err);
    fxe_await_output(fx, fx->job, "up\n");
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, true, &fx->err), &fx->err);
    fxe_await(fx, fx->ins, ENGINE_ENDED);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_INSTANCE_ENDED);
    assert_int_equal(job.signal, 9);
}

struct seen {
    int instances, jobs;
    bool stop_at_once;
};

static bool see(const char *id, bool is_job, void *ctx)
{
    struct seen *seen = ctx;

    assert_true(id_is(is_job ? ID_JOB : ID_INSTANCE, id));
    seen->jobs += is_job;
    seen->instances += !is_job;
    return !seen->stop_at_once;
}

static void each_names_instances_and_jobs(void **state)
{
    FIXTURE(fx);
    struct seen seen = {0}, one = {.stop_at_once = true};

    fxe_launch(fx, fx->ins);
    fxe_launch(fx, fx->other);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_ok(fx->en->ops->each(fx->en, see, &seen, &fx->err), &fx->err);
    assert_int_equal(seen.instances, 2);
    assert_int_equal(seen.jobs, 1);
    assert_ok(fx->en->ops->each(fx->en, see, &one, &fx->err), &fx->err);
    assert_int_equal(one.instances + one.jobs, 1);
}

static void an_engine_nobody_knows_is_refused(void **state)
{
    struct engine_config c = {.state_dir = "/nowhere"};
    struct engine *en = NULL;
    struct err e;

    UNUSED(state);
    assert_err(ERR_INVALID, engine_open("cloud", &c, &en, &e), &e);
    assert_contains(e.msg, "'cloud'");
    assert_null(en);
}

/* Why: nobody may be there to stop it, and it costs until it ends. */
static void an_instance_made_for_a_job_ends_with_it(void **state)
{
    FIXTURE(fx);
    struct engine_job_start j = {.job_id = fx->job,
                                 .instance_id = fx->ins,
                                 .command = hello.command,
                                 .grace_seconds = 1,
                                 .ends_instance = true};
    struct engine_instance in;

    fxe_launch(fx, fx->ins);
    if (fxe_is_sim(fx))
        sim_plan_jobs(fx->en, &hello.plan);
    assert_ok(fx->en->ops->job_start(fx->en, &j, &fx->err), &fx->err);
    in = fxe_await(fx, fx->ins, ENGINE_ENDED);
    assert_int_equal(fxe_job_describe(fx, fx->job).reason, JOB_REASON_EXITED);
    assert_true(in.ended_at_ms >= fxe_job_describe(fx, fx->job).ended_at_ms);
    assert_true(in.ended_at_ms - fxe_job_describe(fx, fx->job).ended_at_ms < 1000);
}

/* The name says which engine failed: "local: stop_twice_is_harmless". */
#define T(engine, fn)                                                           \
    {                                                                           \
        engine ": " #fn, fn, fxe_setup, fxe_teardown, (void *)(uintptr_t)engine \
    }
#define CONTRACT(engine)                                                                         \
    T(engine, the_name_is_the_engines), T(engine, capacity_counts_its_virtual_slots),            \
        T(engine, what_is_provisioned_becomes_ready),                                            \
        T(engine, an_instance_without_gpus_has_nothing_to_check),                                \
        T(engine, provision_twice_is_one), T(engine, two_instances_never_share_a_slot),          \
        T(engine, more_slots_than_there_are_is_no_stock),                                        \
        T(engine, a_stopped_instance_starts_again), T(engine, stop_twice_is_harmless),           \
        T(engine, stop_right_after_provision_ends_it), T(engine, what_runs_is_not_removed),      \
        T(engine, a_jobs_output_outlives_its_instance),                                          \
        T(engine, unknown_ids_are_absent_or_refused), T(engine, nobody_logs_in_without_a_key),   \
        T(engine, the_exit_code_is_the_commands), T(engine, a_signal_is_told_from_an_exit),      \
        T(engine, output_is_kept_to_the_byte), T(engine, the_streams_are_told_apart),            \
        T(engine, output_past_the_end_is_empty), T(engine, a_running_jobs_output_has_not_ended), \
        T(engine, a_job_started_twice_runs_once), T(engine, a_job_belongs_to_one_instance),      \
        T(engine, a_stopped_instance_takes_no_jobs), T(engine, cancel_lets_the_trap_run),        \
        T(engine, cancel_kills_after_the_grace), T(engine, the_time_limit_ends_a_job),           \
        T(engine, the_log_quota_ends_a_job), T(engine, an_instance_ends_its_jobs_with_it),       \
        T(engine, an_instance_told_to_end_now_kills_its_jobs),                                   \
        T(engine, an_instance_made_for_a_job_ends_with_it),                                      \
        T(engine, each_names_instances_and_jobs)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_nobody_knows_is_refused),
        CONTRACT("sim"),
        CONTRACT("local"),
    };

    return T_RUN("engine", tests);
}
