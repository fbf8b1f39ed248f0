/* The health gate of the engine `local`, with programs that stand in for hourglass-gpu. */
#include "tests/support/fx_engine.h"

#include <unistd.h>

#define REPORT                                                                       \
    "{\"tier\":\"state\",\"verdict\":\"%s\",\"summary\":\"%s\",\"host\":\"h\","      \
    "\"started_at\":\"2026-11-20T14:00:00Z\",\"ended_at\":\"2026-11-20T14:00:01Z\"," \
    "\"gpus\":[],\"findings\":[]}"

static const struct act hello = {.command = "echo hello"};

static struct engine_instance gate_with(struct fixture *fx, const char *script)
{
    fxe_gpu_program(fx, script);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    return fxe_await(fx, fx->ins, ENGINE_READY);
}

static void a_healthy_report_passes_the_gate(void **state)
{
    FIXTURE(fx);
    struct engine_instance in;
    char script[512];

    snprintf(script, sizeof script,
             "[ \"$*\" = 'check --tier state -o json' ] || exit 0\necho '" REPORT "'", "healthy",
             "all is well");
    in = gate_with(fx, script);
    assert_int_equal(in.gate_verdict, VERDICT_HEALTHY);
    assert_string_equal(in.gate_summary, "all is well");
    assert_true(in.gate_passed);
    assert_int_equal(access(fxe_path(fx, fx->ins, "report.json"), F_OK), 0);
}

static void an_unhealthy_report_keeps_jobs_out(void **state)
{
    FIXTURE(fx);
    struct engine_instance in;
    char script[512];

    snprintf(script, sizeof script, "echo '" REPORT "'; exit 1", "unhealthy", "gpu0 fell off");
    in = gate_with(fx, script);
    assert_int_equal(in.gate_verdict, VERDICT_UNHEALTHY);
    assert_false(in.gate_passed);
    assert_int_equal(in.ready_at_ms, 0);
    assert_err(ERR_CONFLICT, fxe_job_start(fx, fx->job, fx->ins, &hello), &fx->err);
    assert_contains(fx->err.msg, "did not pass its health check");
}

static void a_crashing_check_is_inconclusive_and_passes_on_virtual_slots(void **state)
{
    FIXTURE(fx);
    struct engine_instance in;

    in = gate_with(fx, "echo 'no driver here' >&2; exit 3");
    assert_int_equal(in.gate_verdict, VERDICT_INCONCLUSIVE);
    assert_contains(in.gate_summary, "gave no report (exit code 3): no driver here");
    assert_true(in.gate_passed);
    fxe_stop(fx, fx->ins);
    in = gate_with(fx, "[ $1 = list ] || kill -SEGV $$");
    assert_contains(in.gate_summary, "ended by signal 11");
    assert_true(in.gate_passed);
    fxe_stop(fx, fx->ins);
    in = gate_with(fx, "echo '{\"verdict\":[\"healthy\"]}'");
    assert_int_equal(in.gate_verdict, VERDICT_INCONCLUSIVE);
}

static void the_real_check_gives_a_report(void **state)
{
    FIXTURE(fx);
    struct engine_instance in;

    fx->config.gpu_program = t_program("hourglass-gpu");
    fxe_reopen(fx);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    in = fxe_await(fx, fx->ins, ENGINE_READY);
    assert_int_not_equal(in.gate_verdict, VERDICT_NONE);
    assert_null(strstr(in.gate_summary, "gave no report"));
    assert_int_equal(access(fxe_path(fx, fx->ins, "report.json"), F_OK), 0);
}

static void real_slots_need_more_than_an_inconclusive_check(void **state)
{
    FIXTURE(fx);
    struct engine_capacity c;
    struct engine_instance in;

    /* /dev/nvidia7 is not there, so the sandbox cannot come up with it. */
    fxe_gpu_program(fx, "[ $1 = list ] && echo '{\"gpus\":[{\"index\":7,\"uuid\":\"GPU-7\","
                        "\"model\":\"NVIDIA H100\",\"pci\":\"\",\"is_virtual\":false}]}'");
    assert_ok(fx->en->ops->capacity(fx->en, &c, &fx->err), &fx->err);
    assert_int_equal(c.gpu_slots, 1);
    assert_false(c.gpus_are_virtual);
    assert_string_equal(c.gpu_label, "NVIDIA H100");
    if (access("/dev/nvidia7", F_OK) == 0)
        skip();
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    in = fxe_await(fx, fx->ins, ENGINE_FAILED);
    assert_contains(in.detail, "the sandbox did not come up");
    assert_contains(in.detail, "/dev/nvidia7");
}

static void stop_does_not_wait_for_a_hanging_gate(void **state)
{
    FIXTURE(fx);
    char script[128], mark[64];

    snprintf(mark, sizeof mark, "sleep 987651.%d", (int)getpid());
    snprintf(script, sizeof script, "[ $1 = list ] || %s", mark);
    fxe_gpu_program(fx, script);
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
    fxe_await(fx, fx->ins, ENGINE_CHECKING);
    fxe_await_processes(fx, mark, 1);
    fxe_stop(fx, fx->ins);
    assert_int_equal(fxe_processes_with(mark), 0);
}

#define LOCAL(fn)                                                     \
    {                                                                 \
#fn, fn, fxe_setup, fxe_teardown, (void *)(uintptr_t) "local" \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        LOCAL(a_healthy_report_passes_the_gate),
        LOCAL(an_unhealthy_report_keeps_jobs_out),
        LOCAL(a_crashing_check_is_inconclusive_and_passes_on_virtual_slots),
        LOCAL(the_real_check_gives_a_report),
        LOCAL(real_slots_need_more_than_an_inconclusive_check),
        LOCAL(stop_does_not_wait_for_a_hanging_gate),
    };

    return T_RUN("engine_gate", tests);
}
