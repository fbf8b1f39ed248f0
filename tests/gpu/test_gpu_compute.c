/* hourglass-gpu check --tier quick, the real program with its real kernels, on a CUDA driver that
 * is missing, old, stubborn, silent or broken, and on links that are slow or lie. */
#include "tests/support/t.h"

#include <sys/stat.h>

#include "core/file.h"
#include "core/text.h"
#include "tests/support/fx_gpu.h"

/* Checks that need the driver and no kernel, and one that needs a kernel. */
#define COPY   "pcie_to_gpu"
#define KERNEL "launch_latency"
/* The others have tests of their own, and take their time on this processor. */
#define CHECKS "driver,row_remap,peer," COPY ",pcie_from_gpu,pcie_both,pcie_link_loaded," KERNEL

struct fixture {
    struct fx_gpu gpu;
    struct report report;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(&fx->gpu, 2);
    fx->gpu.only = CHECKS;
    fx->gpu.deadline = "40s";
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

/* Two GPUs, and whatever else the script says. */
static int check(struct fixture *fx, const char *script)
{
    STRBUF whole;

    strbuf_init(&whole, 4096);
    strbuf_addf(&whole, "%scount 2\n", script);
    shape_release(&report_shape, &fx->report);
    fx_gpu_script(&fx->gpu, whole.data);
    return fx_gpu_check(&fx->gpu, &fx->report);
}

static const struct finding *assert_finding(const struct fixture *fx, const char *name,
                                            int64_t gpu_index, enum check_result result,
                                            const char *words)
{
    const struct finding *f = fx_gpu_finding(&fx->report, name, gpu_index);

    if (f->result != result)
        fail_msg("%s of GPU %d is %s, expected %s: %s", name, (int)gpu_index,
                 check_result_names[f->result], check_result_names[result], f->detail);
    assert_contains(f->detail, words);
    if (result == CHECK_FAIL || result == CHECK_WARN)
        assert_true(f->action[0]);
    return f;
}

static size_t count(const struct fixture *fx, enum check_result result)
{
    size_t n = 0;

    for (size_t i = 0; i < fx->report.finding_count; i++)
        n += fx->report.findings[i].result == result;
    return n;
}

static void two_healthy_gpus_are_healthy(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, ""), 0);
    assert_int_equal(fx->report.verdict, VERDICT_HEALTHY);
    assert_int_equal(fx->report.tier, TIER_QUICK);
    assert_int_equal(count(fx, CHECK_FAIL) + count(fx, CHECK_WARN) + count(fx, CHECK_ERROR), 0);
    for (int i = 0; i < 2; i++) {
        assert_float_equal(assert_finding(fx, COPY, i, CHECK_PASS, "")->value, 55, 0.5);
        assert_float_equal(assert_finding(fx, "pcie_from_gpu", i, CHECK_PASS, "")->value, 53, 0.5);
        /* The shorter way ends first, so that the sum is a little less. */
        assert_float_equal(assert_finding(fx, "pcie_both", i, CHECK_PASS, "")->value, 106, 1);
        assert_float_equal(assert_finding(fx, KERNEL, i, CHECK_PASS, "")->value, 2.2, 0.2);
        assert_finding(fx, "pcie_link_loaded", i, CHECK_PASS, "generation 5 on 16 lanes");
    }
    assert_float_equal(assert_finding(fx, "peer", -1, CHECK_PASS, "")->value, 380, 4);
}

/* A skip never reads as a pass: nothing of the tier was seen. */
static void without_the_cuda_library_a_quick_run_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.tier = "quick";
    fx->gpu.only = NULL;
    text_copy(fx->gpu.cuda, sizeof fx->gpu.cuda, "/nonexistent/libcuda.so.1");
    assert_int_equal(check(fx, ""), 3);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
    assert_finding(fx, COPY, 0, CHECK_SKIP, "no CUDA driver");
    assert_finding(fx, KERNEL, 1, CHECK_SKIP, "no CUDA driver");
    assert_finding(fx, "peer", -1, CHECK_SKIP, "no CUDA driver");
    assert_finding(fx, "row_remap", 1, CHECK_PASS, "");
    assert_contains(fx->report.summary, "inconclusive: ");
}

static void without_any_driver_a_quick_run_touches_no_kernel(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.tier = "quick";
    fx->gpu.only = NULL;
    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    assert_int_equal(check(fx, "hang.cuInit 1\n"), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "no NVIDIA driver");
    assert_finding(fx, "peer", -1, CHECK_SKIP, "no other GPU");
    assert_true(fx->gpu.took_ms < 5000);
}

static void a_library_that_is_no_driver_is_an_error(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.cuda, sizeof fx->gpu.cuda, t_program("fake/nvml.so"));
    assert_int_equal(check(fx, ""), 3);
    assert_finding(fx, COPY, 0, CHECK_ERROR, "the CUDA library has no cuInit");
}

static void the_drivers_refusals_are_told_apart(void **state)
{
    static const struct {
        const char *script;
        const char *check; /* of GPU 0 */
        enum check_result result;
        enum remedy remedy;
        const char *words;
    } cases[] = {
        {"code.cuInit 34", COPY, CHECK_SKIP, REMEDY_NONE, "the toolkit's stub, not a driver (34)"},
        {"code.cuInit 100", COPY, CHECK_SKIP, REMEDY_NONE, "shows no GPU to programs (100)"},
        {"code.cuInit 803", COPY, CHECK_ERROR, REMEDY_NONE, "differ in version (803)"},
        {"code.cuInit 802", COPY, CHECK_FAIL, REMEDY_FIX_SETUP, "fabric manager"},
        {"code.cuInit 12345", COPY, CHECK_ERROR, REMEDY_NONE, "(12345)"},
        {"code.cuDeviceGetByPCIBusId 101", COPY, CHECK_SKIP, REMEDY_NONE, "CUDA_VISIBLE_DEVICES"},
        {"code.cuCtxCreate_v2 2", COPY, CHECK_ERROR, REMEDY_NONE, "not enough free memory (2)"},
        {"code.cuCtxCreate_v2 46", COPY, CHECK_ERROR, REMEDY_NONE, "another program alone (46)"},
        {"code.cuMemAlloc_v2 2", COPY, CHECK_ERROR, REMEDY_NONE, "not enough free memory (2)"},
        {"code.cuMemHostAlloc 2", COPY, CHECK_ERROR, REMEDY_NONE, "memory of the host"},
        {"code.cuMemcpyHtoDAsync_v2 214", COPY, CHECK_FAIL, REMEDY_RESET, "memory error (214)"},
        {"code.cuMemcpyHtoDAsync_v2 220", COPY, CHECK_FAIL, REMEDY_INSPECT, "NVLink error (220)"},
        {"code.cuMemcpyHtoDAsync_v2 999", COPY, CHECK_ERROR, REMEDY_NONE, "unknown driver"},
        {"code.cuLaunchKernel 214", KERNEL, CHECK_FAIL, REMEDY_RESET, "memory error (214)"},
        {"code.cuStreamSynchronize 226", COPY, CHECK_FAIL, REMEDY_RESET, "(226)"},
        {"code.cuLaunchKernel 714", KERNEL, CHECK_FAIL, REMEDY_RESET, "hardware stack error"},
        {"code.cuLaunchKernel 700", KERNEL, CHECK_ERROR, REMEDY_NONE, "(700)"},
        {"code.cuLaunchKernel 719", KERNEL, CHECK_ERROR, REMEDY_NONE, "(719)"},
        {"code.cuModuleGetFunction 500", KERNEL, CHECK_SKIP, REMEDY_NONE, "no kernel is called"},
        {"capability 0", COPY, CHECK_ERROR, REMEDY_NONE, "makes no sense: 0"},
        {"capability 75", KERNEL, CHECK_SKIP, REMEDY_NONE, "for sm_80, this GPU is sm_75"},
        {"capability 75", COPY, CHECK_PASS, REMEDY_NONE, ""},
    };
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char script[128];

        snprintf(script, sizeof script, "gpu0.%s\n%s\n", cases[i].script,
                 strstr(cases[i].script, "cuInit") ? cases[i].script : "");
        check(fx, script);
        if (fx_gpu_finding(&fx->report, cases[i].check, 0)->result != cases[i].result)
            print_message("with %s:\n", cases[i].script);
        assert_int_equal(
            assert_finding(fx, cases[i].check, 0, cases[i].result, cases[i].words)->remedy,
            cases[i].remedy);
        if (cases[i].result == CHECK_FAIL)
            assert_int_equal(fx->gpu.code, 1);
        else
            assert_int_not_equal(fx->gpu.code, 1);
    }
}

static void a_driver_too_old_for_machine_code_takes_the_ptx(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "cubin_code 209\n"), 0);
    assert_finding(fx, KERNEL, 0, CHECK_PASS, "");
}

/* Every image is refused: the check is not run and says why, and copies still are. */
static void a_driver_that_takes_no_kernel_still_copies(void **state)
{
    static const struct {
        int code;
        const char *words;
    } refusals[] = {{222, "too old for these kernels (222)"},
                    {218, "cannot compile the kernels (218)"},
                    {221, "compiler is not installed (221)"},
                    {209, "no kernel for this GPU (209)"}};
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        char script[64];

        snprintf(script, sizeof script, "cubin_code 209\nptx_code %d\n", refusals[i].code);
        check(fx, script);
        assert_finding(fx, KERNEL, 0, CHECK_SKIP, refusals[i].words);
        assert_finding(fx, COPY, 0, CHECK_PASS, "");
    }
}

/* 6.5 is of 2019: no driver for these GPUs is older than 7.0. */
static void the_ptx_is_as_old_as_it_may_be(void **state)
{
    struct fixture *fx = *state;

    check(fx, "cubin_code 209\nptx_version 70\n");
    assert_finding(fx, KERNEL, 0, CHECK_PASS, "");
    check(fx, "cubin_code 209\nptx_version 65\n");
    assert_finding(fx, KERNEL, 0, CHECK_SKIP, "(222)");
}

static void a_driver_without_the_newer_functions_is_enough(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.cuda, sizeof fx->gpu.cuda, t_program("fake/cuda_old.so"));
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, COPY, 0, CHECK_PASS, "");
    assert_finding(fx, KERNEL, 0, CHECK_PASS, "");
    assert_finding(fx, "peer", -1, CHECK_SKIP, "too old");
}

static void mig_without_an_instance_is_skipped_and_with_one_is_not_held_to_floors(void **state)
{
    struct fixture *fx = *state;

    check(fx, "gpu0.mig 1\ngpu0.code.cuDeviceGetByPCIBusId 101\n");
    assert_finding(fx, COPY, 0, CHECK_SKIP, "MIG is on and no instance");
    assert_finding(fx, COPY, 1, CHECK_PASS, "");
    /* A slice copies slower than the whole GPU: no fault of anybody's. */
    check(fx, "gpu0.mig 1\ngpu0.pcie_in_gbps 12\n");
    assert_finding(fx, COPY, 0, CHECK_PASS, "12 GB/s on a MIG instance, which is held to no floor");
    assert_finding(fx, COPY, 1, CHECK_PASS, "87 % of 63");
    check(fx, "mig 0\npcie_in_gbps 12\n");
    assert_finding(fx, COPY, 0, CHECK_FAIL, "");
}

/* Two cards of one model, one of them in a slot of eight lanes: every desktop board's second. */
static void a_gpu_in_a_slower_slot_is_warned_about_and_not_condemned(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.pcie_width 8\ngpu1.pcie_width_max 8\n"
                               "gpu1.pcie_in_gbps 27\ngpu1.pcie_out_gbps 26\n"),
                     4);
    assert_finding(fx, COPY, 1, CHECK_WARN, "its slot is PCIe 5 x8, slower than theirs");
    assert_finding(fx, COPY, 0, CHECK_PASS, "");
    /* The slot can do sixteen: then it is a fault. */
    assert_int_equal(check(fx, "gpu1.pcie_width 8\ngpu1.pcie_in_gbps 27\n"), 1);
    assert_finding(fx, COPY, 1, CHECK_FAIL, "");
}

static void a_gpu_whose_power_was_lowered_is_warned_about_and_not_condemned(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.only = "memory_read";
    assert_int_equal(check(fx, "gpu1.power_enforced 350000\ngpu1.memory_read_gbps 2800\n"), 4);
    assert_finding(fx, "memory_read", 1, CHECK_WARN, "its power limit was lowered");
    assert_finding(fx, "memory_read", 0, CHECK_PASS, "");
    assert_int_equal(check(fx, "gpu1.memory_read_gbps 2800\n"), 1);
}

static void a_launch_that_hangs_costs_one_gpu_its_answers(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.deadline = "3s";
    assert_int_equal(check(fx, "gpu0.hang.cuLaunchKernel 1\n"), 3);
    assert_finding(fx, COPY, 0, CHECK_PASS, "");
    assert_finding(fx, KERNEL, 1, CHECK_PASS, "");
    assert_finding(fx, "driver", -1, CHECK_PASS, "");
    assert_true(count(fx, CHECK_ERROR) >= 1);
    assert_true(fx->gpu.took_ms < 8000);
}

/* It holds the lock that copies take in turn; the neighbour goes on without. */
static void a_copy_that_hangs_does_not_stop_the_neighbours_copy(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.deadline = "4s";
    assert_int_equal(check(fx, "gpu0.hang.cuMemcpyHtoDAsync_v2 1\n"), 3);
    assert_finding(fx, COPY, 0, CHECK_ERROR, "no answer in time");
    assert_finding(fx, KERNEL, 0, CHECK_SKIP, "not run");
    assert_finding(fx, COPY, 1, CHECK_PASS, "");
    assert_finding(fx, "pcie_both", 1, CHECK_PASS, "");
}

static void a_driver_that_crashes_costs_its_process_only(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.crash.cuCtxCreate_v2 1\n"), 3);
    assert_finding(fx, COPY, 1, CHECK_ERROR, "signal 11");
    assert_finding(fx, KERNEL, 1, CHECK_SKIP, "not run");
    assert_finding(fx, KERNEL, 0, CHECK_PASS, "");
}

/* The first check to meet it fails; those after it are not run, since the driver is through. */
static void after_an_error_of_the_gpu_the_rest_is_not_run(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.code.cuMemcpyDtoHAsync_v2 214\n"), 1);
    assert_finding(fx, COPY, 1, CHECK_FAIL, "uncorrectable memory error (214)");
    assert_finding(fx, "pcie_from_gpu", 1, CHECK_SKIP, "an earlier check ended with an error");
    assert_finding(fx, KERNEL, 1, CHECK_SKIP, "an earlier check ended with an error");
    assert_finding(fx, COPY, 0, CHECK_PASS, "");
}

/* CUDA says "unknown error"; NVML knows that the GPU is gone. */
static void a_gpu_lost_under_a_kernel_is_lost_and_not_unknown(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.code.cuLaunchKernel 999\n"
                               "gpu0.code.nvmlDeviceGetPerformanceState 15\n"),
                     1);
    assert_finding(fx, KERNEL, 0, CHECK_FAIL, "fell off the bus");
}

static void slow_pcie_fails_by_the_floor_and_by_the_peer(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.pcie_out_gbps 13\n"), 1);
    assert_finding(fx, "pcie_from_gpu", 1, CHECK_FAIL, "13 GB/s");
    assert_finding(fx, "pcie_from_gpu", 0, CHECK_PASS, "");
    assert_finding(fx, COPY, 1, CHECK_PASS, "");
    /* A model that no table knows: its peer tells. */
    assert_int_equal(check(fx, "model NVIDIA X1\ngpu1.pcie_in_gbps 13\n"), 1);
    assert_finding(fx, COPY, 1, CHECK_FAIL, "13 GB/s, where its peers have 55");
}

static void a_link_that_stays_slow_at_work_is_a_warning(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.pcie_gen 3\n"), 4);
    assert_finding(fx, "pcie_link_loaded", 0, CHECK_WARN, "generation 3 of 5 on 16 lanes of 16");
    assert_finding(fx, "pcie_link_loaded", 1, CHECK_PASS, "");
}

static void a_byte_that_changes_on_its_way_fails(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.fault.0 link_in 3 70001\n"), 1);
    assert_finding(fx, COPY, 0, CHECK_FAIL, "bytes came back wrong");
    assert_finding(fx, COPY, 1, CHECK_PASS, "");
    assert_int_equal(check(fx, "gpu1.fault.0 link_out 0 70001\n"), 1);
    assert_finding(fx, "pcie_from_gpu", 1, CHECK_FAIL, "bytes came back wrong");
    assert_finding(fx, "pcie_both", 1, CHECK_FAIL, "bytes came back wrong");
}

static void a_kernel_that_leaves_nothing_fails(void **state)
{
    struct fixture *fx = *state;

    /* Whatever is written to the kernel's word is lost: the last unit of the fake's memory. */
    check(fx, "gpu0.fault.0 stuck 0x1ffe00 2 1\ngpu0.fault.1 stuck 0x1ffe00 0 1\n");
    assert_finding(fx, KERNEL, 0, CHECK_FAIL, "its result is not there");
}

/* Alone, the check finds the GPU asleep. */
static void a_gpu_whose_clocks_rise_slowly_is_not_called_slow(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.only = "memory_read,memory_copy";
    assert_int_equal(check(fx, "count 1\nclock_rise 80\n"), 0);
    assert_finding(fx, "memory_read", 0, CHECK_PASS, "97 % of 3350");
    assert_finding(fx, "memory_copy", 0, CHECK_PASS, "");
    assert_int_equal(check(fx, "count 1\nclock_rise 80\nmemory_gbps 2200\n"), 1);
    assert_finding(fx, "memory_read", 0, CHECK_FAIL, "");
}

static void slow_launches_are_seen_beside_a_peer_and_only_gross_ones_fail(void **state)
{
    struct fixture *fx = *state;

    check(fx, "gpu1.launch_us 60\n");
    assert_finding(fx, KERNEL, 1, CHECK_FAIL, "60 us, where its peers have 2.2");
    check(fx, "gpu1.launch_us 5\n");
    assert_finding(fx, KERNEL, 1, CHECK_PASS, "");
}

static void peers_that_cannot_reach_each_other_fail_where_nvlink_joins_them(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.peer.0 0\n"), 1);
    assert_finding(fx, "peer", -1, CHECK_FAIL, "GPU 1 cannot reach GPU 0, although NVLink");
    assert_int_equal(check(fx, "peer 0\nnvlink_peer 0\n"), 0);
    assert_finding(fx, "peer", -1, CHECK_SKIP, "as over PCIe alone");
    assert_int_equal(check(fx, "nvlink_peer 0\npeer_gbps 20\n"), 0);
    assert_finding(fx, "peer", -1, CHECK_PASS, "over PCIe");
}

static void a_byte_that_changes_between_peers_fails(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu0.fault.0 link_peer 3 70001\n"), 1);
    assert_finding(fx, "peer", -1, CHECK_FAIL, "from GPU 0 to GPU 1");
}

static void one_slow_pair_among_four_gpus_is_named(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_release(&fx->gpu);
    fx_gpu_init(&fx->gpu, 4);
    fx->gpu.only = CHECKS;
    fx->gpu.deadline = "40s";
    shape_release(&report_shape, &fx->report);
    fx_gpu_script(&fx->gpu, "count 4\nmodel NVIDIA X1\ngpu2.peer.3.gbps 90\n");
    assert_int_equal(fx_gpu_check(&fx->gpu, &fx->report), 1);
    assert_finding(fx, "peer", -1, CHECK_FAIL, "from GPU 2 to GPU 3 90 GB/s by NVLink");
}

static void a_peer_that_breaks_under_the_copy_fails_and_is_named(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.code.cuMemcpyPeerAsync 220\n"), 1);
    assert_finding(fx, "peer", -1, CHECK_FAIL, "GPU 1: copy to a peer: an uncorrectable NVLink");
    assert_finding(fx, COPY, 1, CHECK_PASS, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_healthy_gpus_are_healthy),
        TEST(without_the_cuda_library_a_quick_run_is_inconclusive),
        TEST(without_any_driver_a_quick_run_touches_no_kernel),
        TEST(a_library_that_is_no_driver_is_an_error),
        TEST(the_drivers_refusals_are_told_apart),
        TEST(a_driver_too_old_for_machine_code_takes_the_ptx),
        TEST(a_driver_that_takes_no_kernel_still_copies),
        TEST(the_ptx_is_as_old_as_it_may_be),
        TEST(a_driver_without_the_newer_functions_is_enough),
        TEST(mig_without_an_instance_is_skipped_and_with_one_is_not_held_to_floors),
        TEST(a_gpu_in_a_slower_slot_is_warned_about_and_not_condemned),
        TEST(a_gpu_whose_power_was_lowered_is_warned_about_and_not_condemned),
        TEST(a_launch_that_hangs_costs_one_gpu_its_answers),
        TEST(a_copy_that_hangs_does_not_stop_the_neighbours_copy),
        TEST(a_driver_that_crashes_costs_its_process_only),
        TEST(after_an_error_of_the_gpu_the_rest_is_not_run),
        TEST(a_gpu_lost_under_a_kernel_is_lost_and_not_unknown),
        TEST(slow_pcie_fails_by_the_floor_and_by_the_peer),
        TEST(a_link_that_stays_slow_at_work_is_a_warning),
        TEST(a_byte_that_changes_on_its_way_fails),
        TEST(a_kernel_that_leaves_nothing_fails),
        TEST(a_gpu_whose_clocks_rise_slowly_is_not_called_slow),
        TEST(slow_launches_are_seen_beside_a_peer_and_only_gross_ones_fail),
        TEST(peers_that_cannot_reach_each_other_fail_where_nvlink_joins_them),
        TEST(a_byte_that_changes_between_peers_fails),
        TEST(one_slow_pair_among_four_gpus_is_named),
        TEST(a_peer_that_breaks_under_the_copy_fails_and_is_named),
    };

    return T_RUN("gpu compute", tests);
}
