/* The parts of hourglass-run that need no sandbox: output, removal, control groups, the
 * gate's judgement, bubblewrap's arguments. */
#include "tests/support/t.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/run/gate.h"
#include "api/run/inside.h"
#include "api/run/limits.h"
#include "api/run/output.h"
#include "api/run/remove.h"
#include "api/run/sandbox_args.h"
#include "api/run/tree.h"
#include "core/file.h"

static const char *in(const char *dir, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void put(const char *dir, const char *name, const char *text)
{
    struct err e;

    assert_ok(file_write(in(dir, name), text, strlen(text), 0644, &e), &e);
}

static void make(const char *dir, const char *name)
{
    struct err e;

    assert_ok(dir_make(in(dir, name), 0755, &e), &e);
}

static void content_is(const char *dir, const char *name, const char *want)
{
    STRBUF text;
    struct err e;

    strbuf_init(&text, 65536);
    assert_ok(file_read(in(dir, name), &text, &e), &e);
    assert_string_equal(text.data, want);
}

/* --- output -------------------------------------------------------------------------------- */

static void the_index_has_a_record_where_the_stream_changes(void **state)
{
    const char *dir = t_dir();
    struct output o;
    struct spool_part parts[4];
    struct err e;
    int fd;

    UNUSED(state);
    assert_ok(output_open(&o, dir, 1000, &e), &e);
    output_add(&o, false, "ab", 2);
    output_add(&o, false, "c", 1);
    output_add(&o, true, "", 0);
    output_add(&o, true, "de", 2);
    output_add(&o, false, "f", 1);
    assert_int_equal(o.bytes, 6);
    output_close(&o);
    content_is(dir, SPOOL_OUT, "abcdef");
    fd = open(in(dir, SPOOL_INDEX), O_RDONLY);
    assert_int_equal(read(fd, parts, sizeof parts), 3 * sizeof parts[0]);
    close(fd);
    assert_int_equal(le64toh(parts[0].offset_and_stream), 0);
    assert_int_equal(le64toh(parts[1].offset_and_stream), 3 * 2 + 1);
    assert_int_equal(le64toh(parts[2].offset_and_stream), 5 * 2);
}

static void the_quota_is_kept_to_the_byte_and_counts_the_index(void **state)
{
    const char *dir = t_dir();
    struct output o;
    struct err e;

    UNUSED(state);
    assert_ok(output_open(&o, dir, 20, &e), &e);
    output_add(&o, false, "0123456789", 10);
    assert_false(o.is_full);
    output_add(&o, false, "0123456789", 10);
    assert_true(o.is_full);
    output_add(&o, true, "x", 1);
    output_close(&o);
    assert_int_equal(o.bytes, 12);
    content_is(dir, SPOOL_OUT, "012345678901");
}

static void output_never_follows_a_link(void **state)
{
    const char *dir = t_dir();
    struct output o;
    struct err e;

    UNUSED(state);
    put(dir, "victim", "precious");
    assert_int_equal(symlink("victim", in(dir, SPOOL_OUT)), 0);
    assert_err(ERR_IO, output_open(&o, dir, 100, &e), &e);
    content_is(dir, "victim", "precious");
}

/* --- removal ------------------------------------------------------------------------------- */

static void removal_follows_no_link(void **state)
{
    const char *dir = t_dir();

    UNUSED(state);
    make(dir, "keep/below");
    put(dir, "keep/file", "precious");
    make(dir, "tree/sub");
    assert_int_equal(symlink("../keep", in(dir, "tree/link")), 0);
    assert_int_equal(symlink(in(dir, "keep"), in(dir, "tree/sub/link")), 0);
    assert_true(tree_remove(in(dir, "tree")));
    assert_int_equal(access(in(dir, "tree"), F_OK), -1);
    content_is(dir, "keep/file", "precious");
    assert_int_equal(access(in(dir, "keep/below"), F_OK), 0);
    assert_true(tree_remove(in(dir, "never was")));
}

static void removal_opens_folders_without_rights(void **state)
{
    const char *dir = t_dir();

    UNUSED(state);
    make(dir, "tree/a/b");
    put(dir, "tree/a/b/file", "");
    assert_int_equal(chmod(in(dir, "tree/a/b"), 0), 0);
    assert_int_equal(chmod(in(dir, "tree/a"), 0), 0);
    assert_true(tree_remove(in(dir, "tree")));
    assert_int_equal(access(in(dir, "tree"), F_OK), -1);
}

static void removal_reaches_any_depth(void **state)
{
    const char *dir = t_dir();
    int fd, next;

    UNUSED(state);
    make(dir, "tree");
    fd = open(in(dir, "tree"), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(fd, "down", 0700), 0);
        next = openat(fd, "down", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
        assert_true(fd >= 0);
    }
    close(fd);
    assert_true(tree_remove(in(dir, "tree")));
    assert_int_equal(access(in(dir, "tree"), F_OK), -1);
}

static void only_what_was_put_aside_is_removed(void **state)
{
    struct err e;

    UNUSED(state);
    assert_err(ERR_INVALID, spool_remove_check("/etc", &e), &e);
    assert_err(ERR_INVALID, spool_remove_check("/spool/.trash-x/ins_1", &e), &e);
    assert_ok(spool_remove_check("/spool/.trash-ins_1-7", &e), &e);
}

/* --- control groups ------------------------------------------------------------------------ */

static const struct limits_want want = {.instance_id = "ins_1",
                                        .leaf = "job_1",
                                        .vcpu_count = 2,
                                        .memory_gib = 4,
                                        .process_count_max = 100};

/* Where this folder's groups are; the paths live until the next call. */
static struct limits_place place_in(const char *dir)
{
    static char root[512], self[512];

    text_copy(root, sizeof root, in(dir, "fs"));
    text_copy(self, sizeof self, in(dir, "self"));
    return (struct limits_place){root, self};
}

/* The kernel makes these files with each folder; here they wait in place. */
static void make_v2_group(const char *dir, const char *group)
{
    char name[256];

    make(dir, group);
    static const char *const files[] = {"cgroup.subtree_control", "memory.max", "pids.max",
                                        "cpu.max", "cgroup.procs"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(name, sizeof name, "%s/%s", group, files[i]);
        put(dir, name, "");
    }
    snprintf(name, sizeof name, "%s/cgroup.controllers", group);
    put(dir, name, "cpuset cpu io memory pids\n");
}

static void cgroup2_is_used_where_it_can_be_written(void **state)
{
    const char *dir = t_dir();
    struct limits_place place = place_in(dir);
    struct limits l;

    UNUSED(state);
    put(dir, "self", "0::/user.slice/hourglass\n");
    make_v2_group(dir, "fs/user.slice/hourglass");
    make_v2_group(dir, "fs/user.slice/hourglass/hourglass-ins_1");
    limits_make(&place, &want, &l);
    assert_string_equal(l.kind, "cgroup2");
    content_is(dir, "fs/user.slice/hourglass/hourglass-ins_1/memory.max", "4294967296");
    content_is(dir, "fs/user.slice/hourglass/hourglass-ins_1/pids.max", "100");
    content_is(dir, "fs/user.slice/hourglass/hourglass-ins_1/cpu.max", "200000 100000");
    assert_int_equal(l.leaf_count, 1);
    assert_contains(l.leaves[0], "/hourglass-ins_1/job_1");
    assert_int_equal(l.group_count, 2);
    assert_string_equal(l.groups[0], l.leaves[0]);

    assert_int_equal(limits_memory_kills(&l), 0);
    put(dir, "fs/user.slice/hourglass/hourglass-ins_1/job_1/memory.events",
        "low 0\nhigh 0\noom 4\noom_kill 2\n");
    assert_int_equal(limits_memory_kills(&l), 2);
}

static void a_leaf_made_by_a_service_manager_uses_the_group_above(void **state)
{
    const char *dir = t_dir();
    struct limits_place place = place_in(dir);
    struct limits l;

    UNUSED(state);
    put(dir, "self", "0::/hourglass.service/supervisor\n");
    make_v2_group(dir, "fs/hourglass.service");
    make_v2_group(dir, "fs/hourglass.service/hourglass-ins_1");
    make(dir, "fs/hourglass.service/supervisor"); /* nothing may be delegated here */
    limits_make(&place, &want, &l);
    assert_string_equal(l.kind, "cgroup2");
    assert_contains(l.groups[1], "fs/hourglass.service/hourglass-ins_1");
}

static void cgroup1_is_the_second_choice(void **state)
{
    const char *dir = t_dir();
    struct limits_place place = place_in(dir);
    struct limits l;

    UNUSED(state);
    put(dir, "self", "9:name=systemd:/\n8:pids:/\n4:memory:/api/x\n1:cpu,cpuacct:/\n0::/\n");
    make(dir, "fs/memory/api/x/hourglass-ins_1");
    make(dir, "fs/pids/hourglass-ins_1");
    make(dir, "fs/cpu/hourglass-ins_1");
    put(dir, "fs/memory/api/x/hourglass-ins_1/memory.limit_in_bytes", "");
    put(dir, "fs/pids/hourglass-ins_1/pids.max", "");
    put(dir, "fs/cpu/hourglass-ins_1/cpu.cfs_quota_us", "");
    limits_make(&place, &want, &l);
    assert_string_equal(l.kind, "cgroup1");
    assert_int_equal(l.leaf_count, 3);
    content_is(dir, "fs/memory/api/x/hourglass-ins_1/memory.limit_in_bytes", "4294967296");
    content_is(dir, "fs/pids/hourglass-ins_1/pids.max", "100");
    content_is(dir, "fs/cpu/hourglass-ins_1/cpu.cfs_quota_us", "200000");
    put(dir, "fs/memory/api/x/hourglass-ins_1/job_1/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    assert_int_equal(limits_memory_kills(&l), 1);
}

static void without_groups_there_are_rlimits(void **state)
{
    static const char *const selfs[] = {"", "rubbish", "0::", "4:memory:/none\n8:pids:/none\n",
                                        "0::/gone\n"};
    const char *dir = t_dir();
    struct limits_place place = place_in(dir);
    struct limits l;

    UNUSED(state);
    make(dir, "fs");
    for (size_t i = 0; i < ARRAY_SIZE(selfs); i++) {
        put(dir, "self", selfs[i]);
        limits_make(&place, &want, &l);
        assert_string_equal(l.kind, "rlimit");
        assert_int_equal(l.group_count, 0);
        assert_int_equal(l.leaf_count, 0);
        assert_int_equal(limits_memory_kills(&l), 0);
    }
}

static void empty_groups_are_removed(void **state)
{
    const char *dir = t_dir();
    struct limits l = {.group_count = 2};

    UNUSED(state);
    make(dir, "group/leaf");
    text_copy(l.groups[0], TEXT_BYTES_MAX, in(dir, "group/leaf"));
    text_copy(l.groups[1], TEXT_BYTES_MAX, in(dir, "group"));
    limits_remove(&l, false);
    assert_int_equal(access(in(dir, "group"), F_OK), -1);
    /* A dead job left its leaf: the instance takes it along. */
    make(dir, "group/leaf");
    make(dir, "group/dead");
    limits_remove(&l, false);
    assert_int_equal(access(in(dir, "group/dead"), F_OK), 0);
    limits_remove(&l, true);
    assert_int_equal(access(in(dir, "group"), F_OK), -1);
}

/* --- the gate ------------------------------------------------------------------------------ */

static struct spool_gpu slots[2];

/* An instance with slot 1 (and 2) of a machine, and a program that prints this report. */
static struct spool_spec instance_with(const char *dir, size_t gpus, bool is_virtual,
                                       const char *script)
{
    struct spool_spec s = {.id = "ins_1", .gpus = slots, .gpu_count = gpus};
    STRBUF text;

    strbuf_init(&text, 65536);
    for (size_t i = 0; i < gpus; i++)
        slots[i] = (struct spool_gpu){.index = (int64_t)i + 1, .is_virtual = is_virtual};
    strbuf_addf(&text, "#!/bin/sh\n%s\n", script);
    put(dir, "gpu", text.data);
    assert_int_equal(chmod(in(dir, "gpu"), 0755), 0);
    text_copy(s.gpu_program, sizeof s.gpu_program, in(dir, "gpu"));
    return s;
}

static void a_verdict_passes_by_the_rule(void **state)
{
    struct spool_gpu real = {.index = 0}, faked = {.index = 0, .is_virtual = true};
    struct spool_spec none = {.gpu_count = 0}, on_real = {.gpus = &real, .gpu_count = 1},
                      on_virtual = {.gpus = &faked, .gpu_count = 1};

    UNUSED(state);
    assert_true(gate_passes(VERDICT_HEALTHY, &on_real));
    assert_true(gate_passes(VERDICT_DEGRADED, &on_real));
    assert_false(gate_passes(VERDICT_UNHEALTHY, &on_real));
    assert_false(gate_passes(VERDICT_UNHEALTHY, &on_virtual));
    assert_false(gate_passes(VERDICT_INCONCLUSIVE, &on_real));
    assert_true(gate_passes(VERDICT_INCONCLUSIVE, &on_virtual));
    assert_false(gate_passes(VERDICT_NONE, &on_real));
    assert_true(gate_passes(VERDICT_NONE, &none));
}

#define FINDING(gpu, result) "{\"check\":\"ecc\",\"gpu_index\":" gpu ",\"result\":\"" result "\"}"
#define REPORT(verdict, findings)                                                    \
    "echo '{\"tier\":\"state\",\"verdict\":\"" verdict "\",\"summary\":\"of all\","  \
    "\"started_at\":\"2026-11-20T14:00:00Z\",\"ended_at\":\"2026-11-20T14:00:01Z\"," \
    "\"gpus\":[{\"index\":0},{\"index\":1},{\"index\":2}],\"findings\":[" findings "]}'"

static void only_findings_of_its_own_gpus_count(void **state)
{
    static const struct {
        const char *script;
        enum verdict verdict;
        bool passed;
    } row[] = {
        /* GPU 0 belongs to another; 1 is ours. */
        {REPORT("unhealthy", FINDING("0", "fail") "," FINDING("1", "pass")), VERDICT_HEALTHY, true},
        {REPORT("unhealthy",
                FINDING("0", "fail") "," FINDING("1", "warn") "," FINDING("1", "pass")),
         VERDICT_DEGRADED, true},
        {REPORT("unhealthy", FINDING("0", "pass") "," FINDING("1", "fail")), VERDICT_UNHEALTHY,
         false},
        {REPORT("unhealthy", FINDING("-1", "fail") "," FINDING("1", "pass")), VERDICT_UNHEALTHY,
         false},
        {REPORT("inconclusive", FINDING("0", "error") "," FINDING("1", "pass")), VERDICT_HEALTHY,
         true},
        {REPORT("inconclusive", FINDING("0", "pass") "," FINDING("1", "error")),
         VERDICT_INCONCLUSIVE, false},
        /* Nothing was found out about ours. */
        {REPORT("healthy", FINDING("0", "pass")), VERDICT_INCONCLUSIVE, false},
    };
    const char *dir = t_dir();

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct spool_spec s = instance_with(dir, 1, false, row[i].script);
        struct gate_result result;

        gate_run(dir, &s, &result);
        print_message("%zu: %s\n", i, result.summary);
        assert_int_equal(result.verdict, row[i].verdict);
        assert_int_equal(result.passed, row[i].passed);
    }
}

/* valgrind 3.19 knows no pidfds, and its fork in place of vfork hides a failed exec. */
static void needs_the_kernel_itself(void)
{
    const char *preload = getenv("LD_PRELOAD");

    if (preload && strstr(preload, "vgpreload")) {
        print_message("skipped: not under valgrind\n");
        skip();
    }
}

static void how_deep_the_gate_looks_is_by_the_rule(void **state)
{
    struct spool_gpu real = {.index = 0}, faked = {.index = 0, .is_virtual = true};
    struct spool_spec made = {.generation = 1, .gpus = &real, .gpu_count = 1},
                      again = {.generation = 2, .gpus = &real, .gpu_count = 1},
                      on_virtual = {.generation = 1, .gpus = &faked, .gpu_count = 1},
                      asked = {.kind = SPOOL_CHECK, .tier = TIER_BURN, .gpus = &faked};

    UNUSED(state);
    assert_int_equal(gate_tier(&made), TIER_QUICK);
    assert_int_equal(gate_tier(&again), TIER_STATE);
    assert_int_equal(gate_tier(&on_virtual), TIER_STATE);
    assert_int_equal(gate_tier(&asked), TIER_BURN);
}

static void the_checker_is_told_tier_deadline_and_gpus(void **state)
{
    static const struct {
        enum spool_kind kind;
        enum tier tier;
        int64_t generation;
        const char *said;
    } row[] = {
        {SPOOL_INSTANCE, TIER_STATE, 1, "check --tier quick --deadline 60s -o json GPU-a\n"},
        {SPOOL_INSTANCE, TIER_STATE, 2, "check --tier state -o json GPU-a\n"},
        {SPOOL_CHECK, TIER_STATE, 1, "check --tier state -o json GPU-a\n"},
        {SPOOL_CHECK, TIER_BURN, 1, "check --tier burn --deadline 420s -o json GPU-a\n"},
    };
    const char *dir = t_dir();

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct spool_spec s =
            instance_with(dir, 1, false, "echo \"$* $CUDA_VISIBLE_DEVICES\" > ${0}.said");
        struct gate_result result;
        STRBUF said;

        strbuf_init(&said, 4096);
        text_copy(slots[0].uuid, sizeof slots[0].uuid, "GPU-a");
        s.kind = row[i].kind;
        s.tier = row[i].tier;
        s.generation = row[i].generation;
        gate_run(dir, &s, &result);
        assert_int_equal(file_read(in(dir, "gpu.said"), &said, NULL), ERR_OK);
        assert_string_equal(said.data, row[i].said);
    }
}

/* Why: the API shows the report to who rents GPU 1. */
static void the_report_that_is_kept_names_no_gpu_of_others(void **state)
{
    const char *dir = t_dir();
    struct spool_spec s = instance_with(
        dir, 1, false,
        REPORT("unhealthy",
               FINDING("0", "fail") "," FINDING("1", "pass") "," FINDING("-1", "pass")));
    struct report r = {.verdict = VERDICT_NONE};
    struct gate_result result;
    struct err e;

    UNUSED(state);
    gate_run(dir, &s, &result);
    assert_int_equal(result.tier, TIER_STATE); /* its own word, not what was asked for */
    assert_ok(spool_load(dir, SPOOL_REPORT, &report_shape, &r, &e), &e);
    assert_int_equal(r.verdict, VERDICT_HEALTHY);
    assert_int_equal(r.gpu_count, 1);
    assert_int_equal(r.gpus[0].index, 1);
    assert_int_equal(r.finding_count, 2);
    for (size_t i = 0; i < r.finding_count; i++)
        assert_int_not_equal(r.findings[i].gpu_index, 0);
    shape_release(&report_shape, &r);
}

static void the_report_of_an_earlier_start_is_not_taken_for_this_one(void **state)
{
    const char *dir = t_dir();
    struct spool_spec s = instance_with(dir, 1, true, REPORT("healthy", FINDING("1", "pass")));
    struct gate_result result;

    UNUSED(state);
    gate_run(dir, &s, &result);
    assert_int_equal(access(in(dir, SPOOL_REPORT), F_OK), 0);
    s = instance_with(dir, 1, true, "exit 3");
    gate_run(dir, &s, &result);
    assert_int_equal(result.verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(access(in(dir, SPOOL_REPORT), F_OK), -1);
}

static void without_a_program_the_gate_is_inconclusive(void **state)
{
    struct spool_spec s = {.id = "ins_1", .gpus = slots, .gpu_count = 1};
    struct gate_result result;

    UNUSED(state);
    needs_the_kernel_itself();
    slots[0] = (struct spool_gpu){.index = 0};
    gate_run("/nonexistent", &s, &result);
    assert_int_equal(result.verdict, VERDICT_INCONCLUSIVE);
    assert_false(result.passed);
    text_copy(s.gpu_program, sizeof s.gpu_program, "/nonexistent/gpu");
    gate_run("/nonexistent", &s, &result);
    assert_contains(result.summary, "did not run");
}

/* --- bubblewrap's arguments ---------------------------------------------------------------- */

static void nothing_of_a_tenant_is_an_argument(void **state)
{
    static struct sandbox_args a;
    struct sandbox_sources from = {"/spool/home", "/spool/etc", "/usr/bin/hourglass-run"};
    struct env_entry env = {.name = "TENANT", .value = (char *)(uintptr_t) "tenant"};
    struct spool_spec s = {.id = "ins_1",
                           .command = (char *)(uintptr_t) "tenant",
                           .env = &env,
                           .env_count = 1,
                           .ssh_public_key = "tenant"};

    UNUSED(state);
    sandbox_args_make(&a, &s, &from);
    assert_false(a.failed);
    for (size_t i = 0; i < a.count; i++)
        assert_null(strstr(a.argv[i], "tenant"));
    assert_null(a.argv[a.count]);
    assert_string_equal(a.argv[a.count - 1], "--inside");
}

static bool has_arg(const struct sandbox_args *a, const char *arg)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->argv[i], arg) == 0)
            return true;
    return false;
}

static void network_and_devices_are_shared_only_when_asked(void **state)
{
    static struct sandbox_args a;
    struct sandbox_sources from = {"/h", "/e", "/p"};
    struct spool_gpu gpus[GPUS_PER_INSTANCE_MAX];
    struct spool_spec s = {.id = "ins_1", .gpus = gpus, .gpu_count = GPUS_PER_INSTANCE_MAX};

    UNUSED(state);
    for (size_t i = 0; i < GPUS_PER_INSTANCE_MAX; i++)
        gpus[i] = (struct spool_gpu){.index = (int64_t)i, .device = -1, .is_virtual = true};
    sandbox_args_make(&a, &s, &from);
    assert_false(has_arg(&a, "--share-net"));
    assert_false(has_arg(&a, "/dev/nvidiactl"));
    assert_false(has_arg(&a, "/etc/resolv.conf"));
    for (size_t i = 0; i < GPUS_PER_INSTANCE_MAX; i++)
        gpus[i] = (struct spool_gpu){.index = (int64_t)i, .device = (int64_t)i + 10};
    s.network = true;
    sandbox_args_make(&a, &s, &from);
    assert_false(a.failed);
    assert_true(has_arg(&a, "--share-net"));
    assert_true(has_arg(&a, "/dev/nvidiactl"));
    assert_true(has_arg(&a, "/dev/nvidia10") && has_arg(&a, "/dev/nvidia73"));
    assert_false(has_arg(&a, "/dev/nvidia0"));
    assert_true(has_arg(&a, "/etc/resolv.conf"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_has_a_record_where_the_stream_changes),
        cmocka_unit_test(the_quota_is_kept_to_the_byte_and_counts_the_index),
        cmocka_unit_test(output_never_follows_a_link),
        cmocka_unit_test(removal_follows_no_link),
        cmocka_unit_test(removal_opens_folders_without_rights),
        cmocka_unit_test(removal_reaches_any_depth),
        cmocka_unit_test(only_what_was_put_aside_is_removed),
        cmocka_unit_test(cgroup2_is_used_where_it_can_be_written),
        cmocka_unit_test(a_leaf_made_by_a_service_manager_uses_the_group_above),
        cmocka_unit_test(cgroup1_is_the_second_choice),
        cmocka_unit_test(without_groups_there_are_rlimits),
        cmocka_unit_test(empty_groups_are_removed),
        cmocka_unit_test(a_verdict_passes_by_the_rule),
        cmocka_unit_test(only_findings_of_its_own_gpus_count),
        cmocka_unit_test(how_deep_the_gate_looks_is_by_the_rule),
        cmocka_unit_test(the_checker_is_told_tier_deadline_and_gpus),
        cmocka_unit_test(the_report_that_is_kept_names_no_gpu_of_others),
        cmocka_unit_test(the_report_of_an_earlier_start_is_not_taken_for_this_one),
        cmocka_unit_test(without_a_program_the_gate_is_inconclusive),
        cmocka_unit_test(nothing_of_a_tenant_is_an_argument),
        cmocka_unit_test(network_and_devices_are_shared_only_when_asked),
    };

    return T_RUN("run", tests);
}
