/* hourglass-gpu on machines with GPUs of AMD's, alone or beside NVIDIA's. The library is a fake;
 * no GPU is needed. */
#include "tests/support/t.h"

#include "core/text.h"
#include "gpu/check.h"
#include "tests/support/fx_gpu.h"

struct fixture {
    struct fx_gpu gpu;
    struct report report;
};

/* Eight MI300X, and no NVIDIA driver. */
static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(&fx->gpu, 0);
    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    fx_gpu_amd(&fx->gpu, 8, "");
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
    fx_gpu_file(fx->gpu.amd_script, script);
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

static void eight_healthy_mi300x_are_healthy(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, ""), 0);
    assert_int_equal(fx->report.verdict, VERDICT_HEALTHY);
    assert_int_equal(fx->report.gpu_count, 8);
    assert_string_equal(fx->report.gpus[3].model, "AMD Instinct MI300X OAM");
    assert_string_equal(fx->report.gpus[3].pci, "0000:53:00.0");
    assert_string_equal(fx->report.gpus[3].uuid, "GPU-1234567890abcd03");
    assert_string_equal(fx->report.driver_version, "6.12.12");
    assert_finding(fx, "driver", -1, CHECK_PASS, "6.12.12");
    assert_finding(fx, "gpu_count", -1, CHECK_PASS, "every GPU");
    for (int i = 0; i < 8; i++) {
        assert_finding(fx, "reachable", i, CHECK_PASS, "opens");
        assert_finding(fx, "ecc_volatile", i, CHECK_PASS, "no uncorrectable");
        assert_finding(fx, "retired_pages", i, CHECK_PASS, "no page");
        assert_finding(fx, "temperature", i, CHECK_PASS, "38 C");
        assert_finding(fx, "memory_temperature", i, CHECK_PASS, "38 C");
        assert_finding(fx, "power_limit", i, CHECK_PASS, "full power");
        assert_finding(fx, "pcie_link", i, CHECK_PASS, "full width, 32 GT/s");
        assert_finding(fx, "pcie_replay", i, CHECK_PASS, "repeats nothing");
        assert_finding(fx, "nvlink_errors", i, CHECK_PASS, "no XGMI link");
        assert_finding(fx, "mig_mode", i, CHECK_PASS, "SPX");
    }
    assert_int_equal(count(fx, CHECK_FAIL) + count(fx, CHECK_WARN) + count(fx, CHECK_ERROR), 0);
}

static void what_is_not_known_for_amd_is_skipped_and_never_passes(void **state)
{
    static const char *const names[] = {"recovery", "row_remap", "inforom",     "fabric",
                                        "clocks",   "nvlink",    "compute_mode"};
    struct fixture *fx = *state;

    check(fx, "");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_finding(fx, names[i], 0, CHECK_SKIP, "not known for AMD GPUs");
}

/* Nothing that needs a kernel says more than that it was not run. */
static void kernels_are_not_run_on_gpus_of_amd(void **state)
{
    struct fixture *fx = *state;
    size_t skipped = 0;

    fx->gpu.tier = "quick";
    fx->gpu.deadline = "20s";
    check(fx, "");
    for (size_t i = 0; i < gpu_check_count; i++) {
        const struct gpu_check *c = gpu_checks[i];

        if (!c->needs_compute || c->scope != GPU_SCOPE_GPU || c->tier > TIER_QUICK)
            continue;
        for (int g = 0; g < 8; g++)
            assert_finding(fx, c->name, g, CHECK_SKIP, "kernels run on NVIDIA GPUs only");
        skipped++;
    }
    assert_true(skipped > 0);
    assert_finding(fx, "peer", -1, CHECK_SKIP, "no other GPU to reach");
    assert_int_equal(count(fx, CHECK_FAIL) + count(fx, CHECK_ERROR), 0);
}

static void uncorrectable_errors_fail_with_their_block(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu2.ecc.1 3\ngpu2.ecc.4 1\ngpu4.corrected.1 55\n"), 1);
    assert_finding(fx, "ecc_volatile", 2, CHECK_FAIL, "4 uncorrectable errors");
    assert_finding(fx, "ecc_volatile", 2, CHECK_FAIL, "most in memory");
    assert_finding(fx, "ecc_volatile", 4, CHECK_PASS, "55 corrected");
    assert_contains(fx->report.summary, "gpu2 ecc_volatile");
    assert_int_equal(check(fx, "gpu3.deferred.1 2\n"), 4);
    assert_finding(fx, "ecc_volatile", 3, CHECK_WARN, "2 deferred errors");
    assert_int_equal(check(fx, "ecc_blocks 0\n"), 0);
    assert_finding(fx, "ecc_volatile", 2, CHECK_SKIP, "switched off");
    assert_int_equal(check(fx, "gpu1.code.rsmi_dev_ecc_count_get 2\n"), 0);
    assert_finding(fx, "ecc_volatile", 1, CHECK_SKIP, "does not report");
    assert_int_equal(check(fx, "gpu1.code.rsmi_dev_ecc_count_get 6\n"), 3);
    assert_finding(fx, "ecc_volatile", 1, CHECK_ERROR, "cannot read");
}

static void pages_that_wait_or_cannot_be_retired_fail(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.pages 3\ngpu1.pages 1\ngpu1.page_state 1\n"
                               "gpu2.pages 900\ngpu2.page_state 2\n"),
                     1);
    assert_finding(fx, "retired_pages", 0, CHECK_PASS, "no page waits");
    assert_true(fx_gpu_finding(&fx->report, "retired_pages", 0)->value == 3);
    assert_finding(fx, "retired_pages", 1, CHECK_FAIL, "wait to be retired");
    assert_finding(fx, "retired_pages", 2, CHECK_FAIL, "1 bad memory page cannot");
    assert_true(fx_gpu_finding(&fx->report, "retired_pages", 2)->value == 900);
    assert_int_equal(check(fx, "gpu0.pages 4000000000\n"), 3);
    assert_finding(fx, "retired_pages", 0, CHECK_ERROR, "makes no sense");
}

static void xgmi_errors_count_while_they_happen(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu5.xgmi 2\ngpu6.xgmi_now 1\ngpu7.xgmi_now 2\n"), 4);
    assert_finding(fx, "nvlink_errors", 5, CHECK_PASS, "some before");
    assert_finding(fx, "nvlink_errors", 6, CHECK_WARN, "makes an error now");
    assert_finding(fx, "nvlink_errors", 7, CHECK_WARN, "makes errors now");
    assert_int_equal(check(fx, "gpu5.xgmi_now 77\n"), 3);
    assert_finding(fx, "nvlink_errors", 5, CHECK_ERROR, "makes no sense");
}

static void heat_power_and_links_are_judged(void **state)
{
    struct fixture *fx = *state;
    char path[1024];

    snprintf(path, sizeof path, "%s/bus/pci/devices/0000:54:00.0/current_link_width",
             fx->gpu.sysfs);
    fx_gpu_file(path, "8\n");
    assert_int_equal(check(fx, "gpu1.junction.now 99000\ngpu2.memory.now 104000\n"
                               "gpu3.power_cap 550000000\ngpu5.replay_step 50\n"),
                     1);
    assert_finding(fx, "temperature", 1, CHECK_WARN, "1 C below");
    assert_finding(fx, "memory_temperature", 2, CHECK_FAIL, "104 C");
    assert_finding(fx, "power_limit", 3, CHECK_WARN, "550 W of 750 W");
    assert_finding(fx, "pcie_link", 4, CHECK_WARN, "8 lanes of 16");
    assert_finding(fx, "pcie_replay", 5, CHECK_WARN, "50 PCIe replays");
}

static void a_gpu_without_a_hot_spot_is_judged_by_its_edge(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "no_junction 1\nhas_edge 1\nedge.now 61000\n"), 0);
    assert_finding(fx, "temperature", 0, CHECK_PASS, "61 C");
    assert_int_equal(check(fx, "no_junction 1\n"), 0);
    assert_finding(fx, "temperature", 0, CHECK_SKIP, "does not report");
}

static void partitions_are_told_and_not_condemned(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.partition CPX\n"), 0);
    assert_finding(fx, "mig_mode", 1, CHECK_PASS, "partitions (CPX)");
}

static void values_that_cannot_be_are_errors(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.junction.now 99000000\ngpu0.power_cap 3\n"
                               "gpu0.ecc.1 9999999999999999\ngpu0.memory.limit -5\n"),
                     3);
    assert_finding(fx, "temperature", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "power_limit", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "ecc_volatile", 0, CHECK_ERROR, "makes no sense");
    assert_finding(fx, "memory_temperature", 0, CHECK_ERROR, "makes no sense");
}

static void an_old_library_skips_what_it_does_not_know(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.amd_library, sizeof fx->gpu.amd_library, t_program("fake/rocm_smi_old.so"));
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "mig_mode", 0, CHECK_SKIP, "too old");
    assert_finding(fx, "temperature", 0, CHECK_PASS, "38 C");
}

static void what_only_root_may_read_is_skipped(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "code.rsmi_dev_memory_reserved_pages_get 4\n"
                               "code.rsmi_dev_ecc_enabled_get 4\n"),
                     0);
    assert_finding(fx, "retired_pages", 0, CHECK_SKIP, "only root");
    assert_finding(fx, "ecc_volatile", 0, CHECK_SKIP, "only root");
}

static void a_call_that_hangs_costs_one_gpu_its_answer(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.deadline = "2s";
    assert_int_equal(check(fx, "gpu6.hang.rsmi_dev_power_cap_get 1\n"), 3);
    assert_finding(fx, "power_limit", 6, CHECK_ERROR, "no answer in time");
    assert_finding(fx, "mig_mode", 6, CHECK_SKIP, "earlier check");
    assert_finding(fx, "power_limit", 7, CHECK_PASS, "");
    assert_true(fx->gpu.took_ms < 4000);
}

static void a_library_that_hangs_or_crashes_is_no_absent_driver(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.deadline = "2s";
    assert_int_equal(check(fx, "hang.rsmi_init 1\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "AMD driver did not start");
    assert_int_equal(check(fx, "crash.rsmi_num_monitor_devices 1\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "signal 11");
}

static void a_library_without_its_kernel_driver_is_no_driver(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "code.rsmi_init 8\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "no AMD driver for the 8 GPUs on the PCI bus");
    assert_finding(fx, "driver", -1, CHECK_ERROR, "amdgpu kernel driver is not loaded");
}

static void a_gpu_that_does_not_answer_is_an_error(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu3.code.rsmi_dev_id_get 6\n"), 3);
    assert_finding(fx, "reachable", 3, CHECK_ERROR, "cannot read the GPU");
    assert_finding(fx, "temperature", 3, CHECK_SKIP, "does not answer");
}

static void lines_of_amdgpu_are_judged_by_their_words(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_log(
        &fx->gpu, 6, 60,
        "amdgpu 0000:51:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block");
    fx_gpu_log(
        &fx->gpu, 6, 60,
        "amdgpu 0000:52:00.0: amdgpu: 0 uncorrectable hardware errors detected in umc block");
    fx_gpu_log(&fx->gpu, 3, 60, "amdgpu 0000:53:00.0: amdgpu: GPU reset begin!");
    fx_gpu_log(&fx->gpu, 3, 60,
               "amdgpu 0000:54:00.0: amdgpu: ring sdma0 timeout, signaled seq=5, emitted seq=7");
    fx_gpu_log(&fx->gpu, 3, 60,
               "amdgpu 0000:55:00.0: amdgpu: Process information: process device lost from bus");
    fx_gpu_log(&fx->gpu, 3, 60, "amdgpu 0000:99:00.0: amdgpu: device lost from bus!");
    assert_int_equal(check(fx, ""), 1);
    assert_finding(fx, "xid", 1, CHECK_FAIL, "amdgpu (GPU): uncorrectable hardware error");
    assert_finding(fx, "xid", 2, CHECK_PASS, "none");
    assert_finding(fx, "xid", 3, CHECK_WARN, "the GPU was reset");
    assert_finding(fx, "xid", 4, CHECK_PASS, "amdgpu (application): work did not end");
    assert_finding(fx, "xid", 5, CHECK_PASS, "none");
    assert_finding(fx, "kernel_log", -1, CHECK_FAIL, "0000:99:00.0");
}

static void both_vendors_share_one_report(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_init(&fx->gpu, 2);
    fx_gpu_script(&fx->gpu, "count 2\n");
    fx_gpu_amd(&fx->gpu, 2, "");
    assert_int_equal(check(fx, "count 2\ngpu1.ecc.1 1\n"), 1);
    assert_int_equal(fx->report.gpu_count, 4);
    assert_string_equal(fx->report.gpus[1].model, "NVIDIA H100 80GB HBM3");
    assert_string_equal(fx->report.gpus[2].model, "AMD Instinct MI300X OAM");
    assert_finding(fx, "row_remap", 1, CHECK_PASS, "");
    assert_finding(fx, "ecc_volatile", 3, CHECK_FAIL, "1 uncorrectable error since");
    assert_contains(fx->report.summary, "gpu3 ecc_volatile");
}

/* An NVIDIA driver that broke must not hide behind AMD's that works. */
static void a_broken_driver_beside_a_ready_one_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_init(&fx->gpu, 2);
    fx_gpu_script(&fx->gpu, "code.nvmlInit_v2 18\n");
    fx_gpu_amd(&fx->gpu, 8, "");
    assert_int_equal(check(fx, ""), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "differ in version (18)");
    assert_int_equal(fx->report.gpu_count, 8);
    assert_finding(fx, "temperature", 7, CHECK_PASS, "38 C");
}

static void a_display_of_amd_beside_nvidia_gpus_is_not_missed(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_init(&fx->gpu, 8);
    fx_gpu_amd(&fx->gpu, 1, "");
    text_copy(fx->gpu.amd_library, sizeof fx->gpu.amd_library, "/nonexistent/librocm_smi64.so");
    fx_gpu_log(&fx->gpu, 3, 60, "amdgpu 0000:50:00.0: amdgpu: GPU reset begin!");
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "gpu_count", -1, CHECK_PASS, "every GPU");
    assert_finding(fx, "kernel_log", -1, CHECK_PASS, "none");
}

static void list_names_gpus_of_amd(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(fx_gpu_run(&fx->gpu, "list", NULL), 0);
    assert_contains(fx->gpu.out.data, "AMD Instinct MI300X OAM");
    assert_contains(fx->gpu.out.data, "0000:57:00.0");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(eight_healthy_mi300x_are_healthy),
        TEST(what_is_not_known_for_amd_is_skipped_and_never_passes),
        TEST(kernels_are_not_run_on_gpus_of_amd),
        TEST(uncorrectable_errors_fail_with_their_block),
        TEST(pages_that_wait_or_cannot_be_retired_fail),
        TEST(xgmi_errors_count_while_they_happen),
        TEST(heat_power_and_links_are_judged),
        TEST(a_gpu_without_a_hot_spot_is_judged_by_its_edge),
        TEST(partitions_are_told_and_not_condemned),
        TEST(values_that_cannot_be_are_errors),
        TEST(an_old_library_skips_what_it_does_not_know),
        TEST(what_only_root_may_read_is_skipped),
        TEST(a_call_that_hangs_costs_one_gpu_its_answer),
        TEST(a_library_that_hangs_or_crashes_is_no_absent_driver),
        TEST(a_library_without_its_kernel_driver_is_no_driver),
        TEST(a_gpu_that_does_not_answer_is_an_error),
        TEST(lines_of_amdgpu_are_judged_by_their_words),
        TEST(both_vendors_share_one_report),
        TEST(a_broken_driver_beside_a_ready_one_is_inconclusive),
        TEST(a_display_of_amd_beside_nvidia_gpus_is_not_missed),
        TEST(list_names_gpus_of_amd),
    };

    return T_RUN("gpu amd", tests);
}
