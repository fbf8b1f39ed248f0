/* What every engine promises of checks and nodes (api/engine/engine.h), run against each; then what
 * only `local` has, with programs that stand in for hourglass-gpu. */
#include "tests/support/fx_engine.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/spool.h"

/* One report in one line of shell; %s: tier, verdict. */
#define REPORT                                                                    \
    "echo '{\"tier\":\"%s\",\"verdict\":\"%s\",\"summary\":\"as told\",\"host\":" \
    "\"h\",\"started_at\":\"2026-11-20T14:00:00Z\",\"ended_at\":"                 \
    "\"2026-11-20T14:00:01Z\",\"gpus\":[],\"findings\":[{\"check\":\"copy\","     \
    "\"gpu_index\":0,\"result\":\"fail\",\"detail\":\"slow\"}]}'"
/* The machine has one physical GPU, number 7, which is not really there. */
#define LIST                                                               \
    "[ $1 = list ] && { echo '{\"gpus\":[{\"index\":7,\"uuid\":\"GPU-7\"," \
    "\"model\":\"NVIDIA H100\",\"pci\":\"\",\"is_virtual\":false}]}'; exit; }; "

static const struct finding slow_copy = {
    .check = "copy", .gpu_index = 0, .result = CHECK_FAIL, .detail = "slow"};

/* What a check that never ends runs: no other test has the same. */
static const char *mark(void)
{
    static char text[64];

    snprintf(text, sizeof text, "sleep 987652.%d", (int)getpid());
    return text;
}

/* From now on checks say this, at once (seconds 0) or never (-1). The gate of `local` says so too.
 */
static void checks_say(struct fixture *fx, enum verdict verdict, int seconds)
{
    struct sim_check_plan plan = {.lasts_ms = seconds < 0 ? SIM_NEVER : seconds * 1000,
                                  .verdict = verdict,
                                  .summary = "as told",
                                  .findings = &slow_copy,
                                  .finding_count = 1};
    char script[1024], report[640];

    snprintf(report, sizeof report, REPORT, "burn", verdict_names[verdict]);
    if (fxe_is_sim(fx)) {
        sim_plan_checks(fx->en, &plan);
        return;
    }
    /* Only the check waits, not the gate. */
    snprintf(script, sizeof script, "[ $3 = burn ] && [ %d = -1 ] && %s; %s", seconds, mark(),
             report);
    fxe_gpu_program(fx, script);
}

static enum err_code check(struct fixture *fx, const char *id, const char *instance)
{
    struct engine_check c = {
        .check_id = id, .instance_id = instance, .node = "", .tier = TIER_BURN};

    return fx->en->ops->check(fx->en, &c, &fx->err);
}

static struct engine_check_state look(struct fixture *fx, const char *id)
{
    struct engine_check_state s = {.state = ENGINE_ABSENT};

    assert_ok(fx->en->ops->check_describe(fx->en, id, &s, &fx->err), &fx->err);
    return s;
}

static struct engine_check_state await(struct fixture *fx, const char *id, enum engine_state want)
{
    struct engine_check_state s = look(fx, id);

    for (int i = 0; i < 1500 && s.state != want; i++) {
        shape_release(&report_shape, &s.report);
        fxe_tick(fx);
        s = look(fx, id);
    }
    if (s.state != want)
        fail_msg("%s is %s (%s), expected %s", id, engine_state_names[s.state], s.detail,
                 engine_state_names[want]);
    return s;
}

static void the_id(char id[ID_MAX])
{
    id_new(ID_REPORT, clock_real(), id);
}

/* The one node. */
static struct engine_node node(struct fixture *fx)
{
    struct engine_node *list = NULL, one;
    size_t count = 0;

    assert_ok(fx->en->ops->node_list(fx->en, &list, &count, &fx->err), &fx->err);
    assert_int_equal(count, 1);
    one = list[0];
    free(list);
    return one;
}

static enum err_code check_idle(struct fixture *fx, const char *id, const char *name)
{
    struct engine_check c = {.check_id = id, .instance_id = "", .node = name, .tier = TIER_QUICK};

    return fx->en->ops->check(fx->en, &c, &fx->err);
}

/* --- every engine ------------------------------------------------------------------------ */

static void a_check_of_an_instance_ends_with_its_whole_report(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX];

    the_id(id);
    checks_say(fx, VERDICT_DEGRADED, 0);
    fxe_launch(fx, fx->ins);
    assert_int_equal(look(fx, id).state, ENGINE_ABSENT);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_ENDED);
    assert_int_equal(s.report.tier, TIER_BURN);
    assert_int_equal(s.report.verdict, VERDICT_DEGRADED);
    assert_string_equal(s.report.summary, "as told");
    assert_int_equal(s.report.finding_count, 1);
    assert_string_equal(s.report.findings[0].check, "copy");
    assert_true(s.report.ended_at_ms >= s.report.started_at_ms);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY); /* beside it */
    shape_release(&report_shape, &s.report);
}

static void a_check_asked_for_twice_is_one(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX];

    the_id(id);
    checks_say(fx, VERDICT_HEALTHY, 0);
    fxe_launch(fx, fx->ins);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_ENDED);
    shape_release(&report_shape, &s.report);
    assert_ok(check(fx, id, fx->ins), &fx->err); /* over is over */
    s = look(fx, id);
    assert_int_equal(s.state, ENGINE_ENDED);
    shape_release(&report_shape, &s.report);
}

static void a_check_needs_an_instance_that_is_ready(void **state)
{
    FIXTURE(fx);
    char id[ID_MAX];

    the_id(id);
    assert_err(ERR_NOT_FOUND, check(fx, id, fx->ins), &fx->err);
    fxe_launch(fx, fx->ins);
    fxe_stop(fx, fx->ins);
    assert_err(ERR_CONFLICT, check(fx, id, fx->ins), &fx->err);
    assert_int_equal(look(fx, id).state, ENGINE_ABSENT);
}

static void a_check_ends_with_its_instance(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX];

    the_id(id);
    checks_say(fx, VERDICT_HEALTHY, -1);
    fxe_launch(fx, fx->ins);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_CHECKING);
    fxe_stop(fx, fx->ins);
    s = await(fx, id, ENGINE_FAILED);
    assert_string_equal(s.detail, "its instance ended");
    assert_int_equal(fxe_processes_with(mark()), 0);
}

static void a_check_that_is_removed_is_ended_and_forgotten(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX];

    the_id(id);
    checks_say(fx, VERDICT_HEALTHY, -1);
    fxe_launch(fx, fx->ins);
    assert_ok(fx->en->ops->check_remove(fx->en, id, &fx->err), &fx->err); /* unknown */
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_CHECKING);
    for (int i = 0; i < 1500 && s.state != ENGINE_ABSENT; i++) {
        assert_ok(fx->en->ops->check_remove(fx->en, id, &fx->err), &fx->err);
        fxe_tick(fx);
        s = look(fx, id);
    }
    assert_int_equal(s.state, ENGINE_ABSENT);
    assert_int_equal(fxe_processes_with(mark()), 0);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
}

/* Why: nobody asks about the checks of an instance that was deleted while they ran. */
static void the_checks_of_an_instance_go_with_it(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX];

    the_id(id);
    checks_say(fx, VERDICT_HEALTHY, -1);
    fxe_launch(fx, fx->ins);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_CHECKING);
    fxe_stop(fx, fx->ins);
    s = await(fx, id, ENGINE_FAILED);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
    s = look(fx, id);
    assert_int_equal(s.state, ENGINE_ABSENT);
}

static void the_gates_report_is_there_when_the_gate_has_one(void **state)
{
    FIXTURE(fx);
    struct report r = {.verdict = VERDICT_NONE};

    assert_err(ERR_NOT_FOUND, fx->en->ops->gate_report(fx->en, fx->ins, &r, &fx->err), &fx->err);
    checks_say(fx, VERDICT_HEALTHY, 0);
    fxe_launch(fx, fx->ins);
    assert_ok(fx->en->ops->gate_report(fx->en, fx->ins, &r, &fx->err), &fx->err);
    assert_int_equal(r.verdict, VERDICT_HEALTHY);
    assert_int_equal(r.verdict, fxe_describe(fx, fx->ins).gate_verdict);
    shape_release(&report_shape, &r);
}

static void the_gate_of_virtual_slots_is_of_the_state_tier(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    assert_int_equal(fxe_describe(fx, fx->ins).gate_tier, TIER_STATE);
}

static void a_node_has_a_name_and_its_slots(void **state)
{
    FIXTURE(fx);
    struct engine_node n = node(fx);

    assert_true(n.name[0]);
    assert_int_equal(n.gpu_count, 2);
    assert_true(n.is_virtual);
    assert_false(n.is_draining);
    fxe_launch(fx, fx->ins);
    assert_string_equal(fxe_describe(fx, fx->ins).node, n.name);
}

static void virtual_slots_are_not_checked_while_idle(void **state)
{
    FIXTURE(fx);
    char id[ID_MAX];

    the_id(id);
    assert_err(ERR_CONFLICT, check_idle(fx, id, node(fx).name), &fx->err);
    assert_err(ERR_NOT_FOUND, check_idle(fx, id, "elsewhere"), &fx->err);
}

static void a_draining_node_provisions_nothing_new_until_it_is_resumed(void **state)
{
    FIXTURE(fx);
    struct engine_node n = node(fx);

    fxe_launch(fx, fx->ins);
    assert_ok(fx->en->ops->node_drain(fx->en, n.name, "fan", &fx->err), &fx->err);
    assert_ok(fx->en->ops->node_drain(fx->en, n.name, "fan", &fx->err), &fx->err);
    assert_true(node(fx).is_draining);
    assert_err(ERR_NO_STOCK, fxe_provision(fx, fx->other, 1), &fx->err);
    assert_null(strstr(fx->err.msg, "fan"));
    assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err); /* it is there already */
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
    assert_ok(fx->en->ops->node_resume(fx->en, n.name, &fx->err), &fx->err);
    fxe_launch(fx, fx->other);
    assert_err(ERR_NOT_FOUND, fx->en->ops->node_drain(fx->en, "elsewhere", "", &fx->err), &fx->err);
    assert_err(ERR_NOT_FOUND, fx->en->ops->node_resume(fx->en, "elsewhere", &fx->err), &fx->err);
}

/* --- local ------------------------------------------------------------------------------- */

static void a_machine_keeps_its_name(void **state)
{
    FIXTURE(fx);
    struct engine_node n = node(fx);
    char path[600];
    FILE *f;

    snprintf(path, sizeof path, "%s/local/.node", fx->state_dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("as-it-was", f);
    fclose(f);
    fxe_reopen(fx);
    assert_string_not_equal(node(fx).name, n.name);
    assert_string_equal(node(fx).name, "as-it-was");
}

static void a_checker_that_gives_no_report_is_inconclusive(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX];

    the_id(id);
    fxe_gpu_program(fx, "[ $1 = list ] && exit; echo 'no such tier' >&2; exit 2");
    fxe_launch(fx, fx->ins);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_ENDED);
    assert_int_equal(s.report.verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(s.report.tier, TIER_BURN);
    assert_contains(s.report.summary, "no such tier");
    shape_release(&report_shape, &s.report);
}

static void a_check_whose_supervisor_dies_has_failed(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX], dir[600];
    int64_t pid = 0;

    the_id(id);
    checks_say(fx, VERDICT_HEALTHY, -1);
    fxe_launch(fx, fx->ins);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_CHECKING);
    fxe_await_processes(fx, mark(), 1);
    snprintf(dir, sizeof dir, "%s/local/%s", fx->state_dir, id);
    assert_ok(spool_owner(dir, &pid, NULL, &fx->err), &fx->err);
    assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
    s = await(fx, id, ENGINE_FAILED);
    assert_string_equal(s.detail, "its supervisor is gone");
    fxe_await_processes(fx, mark(), 0);
}

static void an_idle_machine_is_checked_on_all_its_gpus(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX], args[600], said[256] = "", script[1024], report[512];
    FILE *f;

    the_id(id);
    snprintf(args, sizeof args, "%s/args", fx->state_dir);
    snprintf(report, sizeof report, REPORT, "quick", "healthy");
    snprintf(script, sizeof script, LIST "echo \"$* $CUDA_VISIBLE_DEVICES\" > %s; %s", args,
             report);
    fxe_gpu_program(fx, script);
    assert_false(node(fx).is_virtual);
    assert_ok(check_idle(fx, id, node(fx).name), &fx->err);
    s = await(fx, id, ENGINE_ENDED);
    assert_int_equal(s.report.verdict, VERDICT_HEALTHY);
    f = fopen(args, "r");
    assert_non_null(f);
    assert_non_null(fgets(said, sizeof said, f));
    fclose(f);
    assert_string_equal(said, "check --tier quick --deadline 60s -o json GPU-7\n");
    shape_release(&report_shape, &s.report);
}

/* Why: two programs that both fill the memory of one GPU make each other fail. */
static void an_instance_waits_until_the_check_of_idle_gpus_is_gone(void **state)
{
    FIXTURE(fx);
    struct engine_check_state s;
    char id[ID_MAX], script[512];
    enum err_code rc = ERR_ENGINE;

    if (access("/dev/nvidia7", F_OK) == 0)
        skip();
    the_id(id);
    snprintf(script, sizeof script, LIST "%s", mark());
    fxe_gpu_program(fx, script);
    assert_ok(check_idle(fx, id, node(fx).name), &fx->err);
    s = await(fx, id, ENGINE_CHECKING);
    fxe_await_processes(fx, mark(), 1);
    assert_err(ERR_ENGINE, fxe_provision(fx, fx->ins, 1), &fx->err);
    assert_contains(fx->err.msg, "just being ended");
    for (int i = 0; i < 1500 && rc == ERR_ENGINE; i++) {
        fxe_tick(fx);
        rc = fxe_provision(fx, fx->ins, 1);
    }
    assert_ok(rc, &fx->err);
    assert_int_equal(fxe_processes_with(mark()), 0);
    s = await(fx, id, ENGINE_FAILED);
    assert_contains(s.detail, "told to stop");
    fxe_await(fx, fx->ins, ENGINE_FAILED); /* /dev/nvidia7 is not there */
}

static void a_machine_with_an_instance_on_its_gpus_is_not_idle(void **state)
{
    FIXTURE(fx);
    struct spool_gpu gpu = {.index = 7, .label = "NVIDIA H100"};
    struct spool_spec spec = {
        .kind = SPOOL_INSTANCE, .generation = 1, .gpus = &gpu, .gpu_count = 1};
    char id[ID_MAX], dir[600];

    the_id(id);
    fxe_gpu_program(fx, LIST "exit 1");
    /* As prepared by provision() just before a crash. */
    snprintf(dir, sizeof dir, "%s/local/%s", fx->state_dir, fx->ins);
    assert_int_equal(mkdir(dir, 0700), 0);
    text_copy(spec.id, sizeof spec.id, fx->ins);
    assert_ok(spool_save(dir, SPOOL_SPEC, &spool_spec_shape, &spec, &fx->err), &fx->err);
    assert_err(ERR_CONFLICT, check_idle(fx, id, node(fx).name), &fx->err);
    assert_contains(fx->err.msg, "not idle");
}

static void old_checks_are_removed_when_the_engine_opens(void **state)
{
    FIXTURE(fx);
    struct spool_spec spec = {.kind = SPOOL_CHECK};
    struct engine_check_state s;
    char id[ID_MAX], dir[600];

    the_id(id);
    checks_say(fx, VERDICT_HEALTHY, 0);
    fxe_launch(fx, fx->ins);
    assert_ok(check(fx, id, fx->ins), &fx->err);
    s = await(fx, id, ENGINE_ENDED);
    shape_release(&report_shape, &s.report);
    fxe_reopen(fx);
    s = look(fx, id); /* young */
    assert_int_equal(s.state, ENGINE_ENDED);
    shape_release(&report_shape, &s.report);
    snprintf(dir, sizeof dir, "%s/local/%s", fx->state_dir, id);
    assert_ok(spool_load(dir, SPOOL_SPEC, &spool_spec_shape, &spec, &fx->err), &fx->err);
    spec.created_at_ms -= 25LL * 3600 * 1000;
    assert_ok(spool_save(dir, SPOOL_SPEC, &spool_spec_shape, &spec, &fx->err), &fx->err);
    shape_release(&spool_spec_shape, &spec);
    fxe_reopen(fx);
    assert_int_equal(look(fx, id).state, ENGINE_ABSENT);
}

#define T(engine, fn)                                                           \
    {                                                                           \
        engine ": " #fn, fn, fxe_setup, fxe_teardown, (void *)(uintptr_t)engine \
    }
#define CONTRACT(engine)                                            \
    T(engine, a_check_of_an_instance_ends_with_its_whole_report),   \
        T(engine, a_check_asked_for_twice_is_one),                  \
        T(engine, a_check_needs_an_instance_that_is_ready),         \
        T(engine, a_check_ends_with_its_instance),                  \
        T(engine, a_check_that_is_removed_is_ended_and_forgotten),  \
        T(engine, the_checks_of_an_instance_go_with_it),            \
        T(engine, the_gates_report_is_there_when_the_gate_has_one), \
        T(engine, the_gate_of_virtual_slots_is_of_the_state_tier),  \
        T(engine, a_node_has_a_name_and_its_slots),                 \
        T(engine, virtual_slots_are_not_checked_while_idle),        \
        T(engine, a_draining_node_provisions_nothing_new_until_it_is_resumed)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CONTRACT("sim"),
        CONTRACT("local"),
        T("local", a_machine_keeps_its_name),
        T("local", a_checker_that_gives_no_report_is_inconclusive),
        T("local", a_check_whose_supervisor_dies_has_failed),
        T("local", an_idle_machine_is_checked_on_all_its_gpus),
        T("local", an_instance_waits_until_the_check_of_idle_gpus_is_gone),
        T("local", a_machine_with_an_instance_on_its_gpus_is_not_idle),
        T("local", old_checks_are_removed_when_the_engine_opens),
    };

    return T_RUN("engine_check", tests);
}
