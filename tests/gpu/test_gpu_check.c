/* hourglass-gpu check, the real program, on machines that are healthy, ill, silent or
 * absurd. The driver is a fake library; no GPU is needed. */
#include "tests/support/t.h"

#include "core/file.h"
#include "core/text.h"
#include "tests/support/fx_gpu.h"

#include <unistd.h>

#define COLUMNS_MAX 80

struct fixture {
    struct fx_gpu gpu;
    struct report report;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(&fx->gpu, 8);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    shape_release(&report_shape, &fx->report);
    fx_gpu_release(&fx->gpu);
    free(fx);
    return 0;
}

static int check(struct fixture *fx, const char *script)
{
    shape_release(&report_shape, &fx->report);
    fx_gpu_script(&fx->gpu, script);
    return fx_gpu_check(&fx->gpu, &fx->report);
}

static void assert_finding(const struct fixture *fx, const char *name, int64_t gpu_index,
                           enum check_result result, const char *words)
{
    const struct finding *f = fx_gpu_finding(&fx->report, name, gpu_index);

    if (f->result != result)
        fail_msg("%s of GPU %d is %s, expected %s: %s", name, (int)gpu_index,
                 check_result_names[f->result], check_result_names[result], f->detail);
    assert_contains(f->detail, words);
    if (result == CHECK_FAIL || result == CHECK_WARN)
        assert_true(f->action[0]);
}

static size_t count(const struct fixture *fx, enum check_result result)
{
    size_t n = 0;

    for (size_t i = 0; i < fx->report.finding_count; i++)
        n += fx->report.findings[i].result == result;
    return n;
}

static void a_machine_without_a_driver_is_inconclusive_in_clean_words(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    fx_gpu_init(&fx->gpu, 0);
    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    assert_int_equal(check(fx, ""), 3);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(fx->report.gpu_count, 0);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "no NVIDIA driver");
    assert_contains(fx->report.summary, "inconclusive: no NVIDIA driver");
}

static void gpus_on_the_bus_without_a_driver_are_named(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    assert_int_equal(check(fx, ""), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "8 GPUs on the PCI bus");
}

static void eight_healthy_gpus_are_healthy(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, ""), 0);
    assert_int_equal(fx->report.verdict, VERDICT_HEALTHY);
    assert_int_equal(fx->report.gpu_count, 8);
    assert_string_equal(fx->report.gpus[3].model, "NVIDIA H100 80GB HBM3");
    assert_string_equal(fx->report.gpus[3].pci, "0000:13:00.0");
    assert_string_equal(fx->report.driver_version, "580.95.05");
    assert_int_equal(fx->report.tier, TIER_STATE);
    assert_finding(fx, "gpu_count", -1, CHECK_PASS, "every GPU");
    for (int i = 0; i < 8; i++)
        assert_finding(fx, "recovery", i, CHECK_PASS, "nothing");
    assert_int_equal(count(fx, CHECK_FAIL) + count(fx, CHECK_WARN) + count(fx, CHECK_ERROR), 0);
    assert_true(fx->report.ended_at_ms >= fx->report.started_at_ms);
    assert_true(fx->report.started_at_ms > 0);
}

/* The limit is for a healthy machine; under a sanitizer everything is slower. */
static void the_state_tier_takes_under_a_second(void **state)
{
    struct fixture *fx = *state;

    check(fx, "");
    assert_true(fx->gpu.took_ms < 3000);
    assert_true(fx->report.ended_at_ms - fx->report.started_at_ms < 1000);
}

static void a_lost_gpu_fails_and_is_named(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu3.code.nvmlDeviceGetHandleByIndex_v2 15\n"), 1);
    assert_int_equal(fx->report.verdict, VERDICT_UNHEALTHY);
    assert_finding(fx, "reachable", 3, CHECK_FAIL, "fell off the bus");
    assert_finding(fx, "row_remap", 3, CHECK_SKIP, "does not answer");
    assert_finding(fx, "row_remap", 2, CHECK_PASS, "");
    assert_contains(fx->report.summary, "gpu3 reachable");
    assert_contains(fx->report.summary, "(1 of 8 GPUs)");
    assert_finding(fx, "gpu_count", -1, CHECK_PASS, "");
}

static void a_gpu_lost_in_the_middle_fails_once(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu5.code.nvmlDeviceGetTemperatureV 15\n"), 1);
    assert_finding(fx, "temperature", 5, CHECK_FAIL, "fell off the bus");
    assert_finding(fx, "power_limit", 5, CHECK_SKIP, "does not answer");
    assert_int_equal(count(fx, CHECK_FAIL), 1);
}

static void a_pending_remap_and_the_drivers_advice_fail(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu2.field.144 1\ngpu2.field.143 2\ngpu2.field.230 1\n"), 1);
    assert_finding(fx, "row_remap", 2, CHECK_FAIL, "wait to be remapped");
    assert_finding(fx, "recovery", 2, CHECK_FAIL, "reset the GPU");
    assert_true(fx_gpu_finding(&fx->report, "row_remap", 2)->value == 2);
    assert_contains(fx->report.summary, "gpu2 recovery: the driver advises");
}

static void what_a_gpu_does_not_support_is_skipped_and_never_passes(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "field.144.code 3\nfield.145.code 3\n"
                               "code.nvmlDeviceGetNvLinkState 3\n"
                               "code.nvmlDeviceGetGpuFabricInfoV 3\n"
                               "code.nvmlDeviceGetMigMode 3\n"),
                     0);
    for (int i = 0; i < 8; i++) {
        assert_finding(fx, "row_remap", i, CHECK_SKIP, "does not report");
        assert_finding(fx, "nvlink", i, CHECK_SKIP, "does not report");
        assert_finding(fx, "fabric", i, CHECK_SKIP, "does not report");
        assert_finding(fx, "mig_mode", i, CHECK_SKIP, "does not report");
    }
}

static void an_old_driver_skips_what_it_does_not_know(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.library, sizeof fx->gpu.library, t_program("fake/nvml_old.so"));
    assert_int_equal(check(fx, "driver 470.82.01\n"), 0);
    assert_finding(fx, "recovery", 0, CHECK_SKIP, "too old");
    assert_finding(fx, "row_remap", 0, CHECK_SKIP, "too old");
    assert_finding(fx, "fabric", 0, CHECK_SKIP, "too old");
    /* The older names of two questions still work. */
    assert_finding(fx, "clocks", 0, CHECK_PASS, "");
    assert_finding(fx, "temperature", 0, CHECK_PASS, "33 C");
}

static void a_driver_that_does_not_start_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "code.nvmlInit_v2 18\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "differ in version (18)");
    assert_int_equal(fx->report.gpu_count, 0);
}

static void a_kernel_driver_that_is_not_loaded_is_no_driver(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "code.nvmlInit_v2 9\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "no NVIDIA driver");
}

static void a_library_that_is_no_driver_is_refused(void **state)
{
    struct fixture *fx = *state;

    snprintf(fx->gpu.library, sizeof fx->gpu.library, "%s/libtext.so", fx->gpu.dir);
    fx_gpu_file(fx->gpu.library, "this is no library");
    assert_int_equal(check(fx, ""), 3);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
}

static void a_start_that_hangs_is_answered_by_the_deadline(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.deadline = "2s";
    assert_int_equal(check(fx, "hang.nvmlInit_v2 1\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "no answer in time");
    assert_true(fx->gpu.took_ms < 4000);
}

static void a_call_that_hangs_costs_one_gpu_its_answer(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.deadline = "2s";
    assert_int_equal(check(fx, "gpu6.hang.nvmlDeviceValidateInforom 1\n"), 3);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
    assert_finding(fx, "row_remap", 6, CHECK_PASS, "");
    assert_finding(fx, "inforom", 6, CHECK_ERROR, "no answer in time");
    assert_contains(fx_gpu_finding(&fx->report, "inforom", 6)->action, "--deadline");
    assert_finding(fx, "clocks", 6, CHECK_SKIP, "earlier check");
    assert_finding(fx, "clocks", 7, CHECK_PASS, "");
    assert_finding(fx, "driver", -1, CHECK_PASS, "");
    assert_true(fx->gpu.took_ms < 4000);
}

static void a_hang_does_not_hide_a_failure(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.deadline = "2s";
    assert_int_equal(check(fx, "gpu6.hang.nvmlDeviceGetHandleByIndex_v2 1\ngpu1.field.145 1\n"), 1);
    assert_finding(fx, "reachable", 6, CHECK_ERROR, "no answer in time");
    assert_finding(fx, "row_remap", 1, CHECK_FAIL, "could not be remapped");
}

static void a_driver_that_crashes_costs_its_process_only(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu4.crash.nvmlDeviceGetMigMode 1\n"), 3);
    assert_finding(fx, "mig_mode", 4, CHECK_ERROR, "signal 11");
    assert_finding(fx, "mig_mode", 5, CHECK_PASS, "");
    assert_int_equal(check(fx, "crash.nvmlInit_v2 1\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "did not start");
}

static void values_that_cannot_be_are_errors(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.field.230 3735928559\ngpu0.field.144.type 77\n"
                               "gpu0.field.4 -1\ngpu0.temperature 4000000\ngpu0.pcie_gen 0\n"
                               "gpu0.mig 7\ngpu0.compute 99\ngpu0.power_enforced 4294967295\n"
                               "gpu0.fabric_state 200\ngpu0.unrepairable 9\n"
                               "gpu0.processes 4000000000\ngpu0.persistence -5\n"),
                     3);
    assert_finding(fx, "recovery", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "row_remap", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "ecc_volatile", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "temperature", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "pcie_link", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "mig_mode", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "compute_mode", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "power_limit", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "fabric", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "unrepairable_memory", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "processes", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "persistence", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "recovery", 1, CHECK_PASS, "");
}

static void a_gpu_count_that_cannot_be_checked_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "count 100\n"), 3);
    assert_int_equal(fx->report.gpu_count, GPUS_PER_INSTANCE_MAX);
    assert_finding(fx, "gpu_count", -1, CHECK_ERROR, "only the first 64");
    assert_true(fx->report.finding_count <= REPORT_FINDINGS_MAX);
}

static void mig_is_told_and_not_condemned(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.mig 1\ngpu1.mig 0\ngpu1.mig_pending 1\n"), 4);
    assert_int_equal(fx->report.verdict, VERDICT_DEGRADED);
    assert_finding(fx, "mig_mode", 0, CHECK_PASS, "MIG is on");
    assert_finding(fx, "mig_mode", 1, CHECK_WARN, "switched on");
    assert_contains(fx->report.summary, "degraded: gpu1 mig_mode");
}

static void a_driver_that_lists_no_gpu_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_init(&fx->gpu, 0);
    assert_int_equal(check(fx, "count 0\n"), 3);
    assert_finding(fx, "gpu_count", -1, CHECK_ERROR, "lists no GPU");
    assert_int_equal(fx->report.gpu_count, 0);
}

static void a_gpu_missing_from_the_driver_fails(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_bus_add(&fx->gpu, "0000:66:00.0", NULL);
    assert_int_equal(check(fx, ""), 1);
    assert_finding(fx, "gpu_count", -1, CHECK_FAIL, "0000:66:00.0");
}

static void a_gpu_given_to_a_virtual_machine_is_not_missed(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_bus_add(&fx->gpu, "0000:66:00.0", "vfio-pci");
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "gpu_count", -1, CHECK_PASS, "");
}

/* A container sees every GPU in sysfs and owns one of them. */
static void a_gpu_kept_from_this_container_is_not_missed(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "count 1\n"), 0);
    assert_finding(fx, "gpu_count", -1, CHECK_PASS, "");
    assert_finding(fx, "nvlink", 0, CHECK_SKIP, "no other GPU");
}

static void a_gpu_that_can_be_opened_and_is_not_listed_fails(void **state)
{
    struct fixture *fx = *state;
    char path[1024];

    snprintf(path, sizeof path, "%s/driver/nvidia/gpus/0000:17:00.0", fx->gpu.proc);
    assert_ok(dir_make(path, 0755, NULL), NULL);
    snprintf(path, sizeof path, "%s/driver/nvidia/gpus/0000:17:00.0/information", fx->gpu.proc);
    fx_gpu_file(path, "Model: \t\t NVIDIA H100\nDevice Minor: \t 7\n");
    snprintf(path, sizeof path, "%s/nvidia7", fx->gpu.dev);
    fx_gpu_file(path, "");
    assert_int_equal(check(fx, "count 7\n"), 1);
    assert_finding(fx, "gpu_count", -1, CHECK_FAIL, "0000:17:00.0");
}

static void an_xid_is_blamed_on_its_gpu_and_its_cause(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_log(&fx->gpu, 4, 60, "NVRM: Xid (PCI:0000:12:00): 31, pid=1, name=a, Ch 00000008");
    fx_gpu_log(&fx->gpu, 4, 30, "NVRM: Xid (PCI:0000:14:00): 79, pid='<unknown>', name=x, lost");
    assert_int_equal(check(fx, ""), 1);
    assert_finding(fx, "xid", 2, CHECK_PASS, "XID 31 (application)");
    assert_finding(fx, "xid", 4, CHECK_FAIL, "XID 79 (machine): the GPU fell off the bus");
    assert_finding(fx, "kernel_log", -1, CHECK_PASS, "none");
}

static void an_xid_of_a_gpu_that_is_gone_is_told_by_the_machine(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_log(&fx->gpu, 4, 30, "NVRM: Xid (PCI:0000:99:00): 79, pid=1, GPU has fallen off");
    assert_int_equal(check(fx, ""), 1);
    assert_finding(fx, "kernel_log", -1, CHECK_FAIL, "0000:99:00.0");
}

static void an_old_xid_is_told_and_not_judged(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_log(&fx->gpu, 4, 3 * 3600, "NVRM: Xid (PCI:0000:14:00): 79, pid=1, lost");
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "xid", 4, CHECK_PASS, "older ones");
}

static void a_program_cannot_forge_an_xid(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_log(&fx->gpu, 12, 30, "NVRM: Xid (PCI:0000:14:00): 79, pid=1, lost");
    fx_gpu_log(&fx->gpu, 4, 30, "app: NVRM: Xid (PCI:0000:14:00): 79, pid=1, lost");
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "xid", 4, CHECK_PASS, "none");
}

static void a_kernel_log_that_may_not_be_read_is_skipped(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.kmsg, sizeof fx->gpu.kmsg, "/nonexistent/kmsg");
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "xid", 0, CHECK_SKIP, "no kernel log");
    assert_finding(fx, "kernel_log", -1, CHECK_SKIP, "no kernel log");
}

static void a_slowdown_in_one_sample_of_three_is_not_judged(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.clocks.0 0x88\ngpu2.clocks.1 0x88\ngpu3.clocks.2 0x88\n"), 0);
    assert_finding(fx, "clocks", 1, CHECK_PASS, "");
    assert_int_equal(check(fx, "gpu1.clocks 0x88\n"), 1);
    assert_finding(fx, "clocks", 1, CHECK_FAIL, "power brake");
}

static void fewer_links_than_the_peers_fail(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu3.nvlinks_up 12\n"), 1);
    assert_finding(fx, "nvlink", 3, CHECK_FAIL, "12 links, where its peers have 18");
    assert_finding(fx, "nvlink", 2, CHECK_PASS, "");
    /* The same count on every card is how that card is built. */
    assert_int_equal(check(fx, "model NVIDIA H100 NVL\nnvlinks_up 12\n"), 0);
}

/* Links train and GPUs register for a while after a start: not up yet is not broken. */
static void links_that_still_train_after_a_start_are_no_failure(void **state)
{
    struct fixture *fx = *state;
    static const char script[] = "nvlinks_up 0\nfabric_state 2\n";

    fx->gpu.uptime_seconds = 60;
    assert_int_equal(check(fx, script), 3);
    assert_finding(fx, "nvlink", 0, CHECK_ERROR, "still training");
    assert_finding(fx, "fabric", 0, CHECK_ERROR, "just started");
    fx->gpu.uptime_seconds = 3600;
    assert_int_equal(check(fx, script), 1);
    assert_finding(fx, "nvlink", 0, CHECK_FAIL, "none of 18");
    assert_finding(fx, "fabric", 0, CHECK_FAIL, "does not end");
}

static void a_card_without_a_bridge_has_no_links_and_is_healthy(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "model NVIDIA H100 PCIe\nnvlinks_up 0\nfabric_state 0\n"), 0);
    assert_finding(fx, "nvlink", 0, CHECK_SKIP, "without a bridge");
}

static void the_older_form_of_the_fabric_is_understood(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "fabric_version 2\ngpu1.fabric_mask 0x1\n"), 1);
    assert_finding(fx, "fabric", 0, CHECK_PASS, "");
    assert_finding(fx, "fabric", 1, CHECK_FAIL, "degraded");
}

static void packets_sent_again_now_are_a_warning_and_old_ones_are_not(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "replays 5000\n"), 0);
    assert_int_equal(check(fx, "gpu1.replay_step 9\n"), 4);
    assert_finding(fx, "pcie_replay", 1, CHECK_WARN, "9 PCIe replays");
}

static void a_library_that_prints_does_not_spoil_the_answer(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "noise 1\n"), 0);
    assert_null(strstr(fx->gpu.out.data, "noise"));
}

static void text_from_the_driver_cannot_reach_the_terminal(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_script(&fx->gpu, "model \x1b[31mH100\x1b]0;x\x07\nuuid \xff\xfe\ndriver \x1b[2J1.0\n");
    assert_int_equal(fx_gpu_run(&fx->gpu, "check", NULL), 0);
    assert_null(strchr(fx->gpu.out.data, '\x1b'));
    assert_null(strchr(fx->gpu.out.data, '\x07'));
    assert_true(text_is_utf8(fx->gpu.out.data, fx->gpu.out.len));
    assert_contains(fx->gpu.out.data, "H100");
    assert_int_equal(check(fx, "model \x1b[31mH100\nuuid \xff\xfe\n"), 0);
}

static void the_first_line_is_a_drain_reason(void **state)
{
    static const char *const scripts[] = {
        "",
        "count 0\n",
        "code.nvmlInit_v2 18\n",
        "gpu3.field.144 1\n",
        "gpu7.fabric_mask 0x601\n",
        "field.145 1\n",
        "gpu3.hang.nvmlDeviceGetMigMode 1\n",
        "driver \x1b[2J\n",
    };
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        size_t columns;

        fx_gpu_script(&fx->gpu, scripts[i]);
        fx_gpu_run(&fx->gpu, "check", "--deadline", "2s", NULL);
        columns = strcspn(fx->gpu.out.data, "\n");
        assert_in_range(columns, 20, COLUMNS_MAX);
        assert_memory_equal(fx->gpu.out.data, "hourglass-gpu: ", 15);
        for (size_t k = 0; k < columns; k++)
            assert_in_range(fx->gpu.out.data[k], ' ', '~');
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_machine_without_a_driver_is_inconclusive_in_clean_words),
        TEST(gpus_on_the_bus_without_a_driver_are_named),
        TEST(eight_healthy_gpus_are_healthy),
        TEST(the_state_tier_takes_under_a_second),
        TEST(a_lost_gpu_fails_and_is_named),
        TEST(a_gpu_lost_in_the_middle_fails_once),
        TEST(a_pending_remap_and_the_drivers_advice_fail),
        TEST(what_a_gpu_does_not_support_is_skipped_and_never_passes),
        TEST(an_old_driver_skips_what_it_does_not_know),
        TEST(a_driver_that_does_not_start_is_inconclusive),
        TEST(a_kernel_driver_that_is_not_loaded_is_no_driver),
        TEST(a_library_that_is_no_driver_is_refused),
        TEST(a_start_that_hangs_is_answered_by_the_deadline),
        TEST(a_call_that_hangs_costs_one_gpu_its_answer),
        TEST(a_hang_does_not_hide_a_failure),
        TEST(a_driver_that_crashes_costs_its_process_only),
        TEST(values_that_cannot_be_are_errors),
        TEST(a_gpu_count_that_cannot_be_checked_is_inconclusive),
        TEST(mig_is_told_and_not_condemned),
        TEST(a_driver_that_lists_no_gpu_is_inconclusive),
        TEST(a_gpu_missing_from_the_driver_fails),
        TEST(a_gpu_given_to_a_virtual_machine_is_not_missed),
        TEST(a_gpu_kept_from_this_container_is_not_missed),
        TEST(a_gpu_that_can_be_opened_and_is_not_listed_fails),
        TEST(an_xid_is_blamed_on_its_gpu_and_its_cause),
        TEST(an_xid_of_a_gpu_that_is_gone_is_told_by_the_machine),
        TEST(an_old_xid_is_told_and_not_judged),
        TEST(a_program_cannot_forge_an_xid),
        TEST(a_kernel_log_that_may_not_be_read_is_skipped),
        TEST(a_slowdown_in_one_sample_of_three_is_not_judged),
        TEST(fewer_links_than_the_peers_fail),
        TEST(links_that_still_train_after_a_start_are_no_failure),
        TEST(a_card_without_a_bridge_has_no_links_and_is_healthy),
        TEST(the_older_form_of_the_fabric_is_understood),
        TEST(packets_sent_again_now_are_a_warning_and_old_ones_are_not),
        TEST(a_library_that_prints_does_not_spoil_the_answer),
        TEST(text_from_the_driver_cannot_reach_the_terminal),
        TEST(the_first_line_is_a_drain_reason),
    };

    return T_RUN("gpu check", tests);
}
