/* The state tier on machines that are not quite in order: counters that run, an environment that
 * bends, nouveau, NVSwitches that complain. The driver is a fake library; no GPU is needed. */
#include "tests/support/t.h"

#include "core/text.h"
#include "tests/support/fx_gpu.h"

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

static void counters_that_run_are_found_on_their_gpu(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "gpu1.field.162.link7_step 2\ngpu2.field.173_step 300\n"
                               "gpu3.field.270_step 900000000\ngpu4.field.82 93\n"
                               "gpu5.spare_none 2\ngpu6.field.163_step 90000\n"),
                     1);
    assert_finding(fx, "nvlink_errors", 1, CHECK_WARN, "NVLink 7: 2 recoveries");
    assert_finding(fx, "pcie_errors", 2, CHECK_WARN, "300 PCIe errors");
    assert_finding(fx, "throttle_time", 3, CHECK_WARN, "heat");
    assert_finding(fx, "memory_temperature", 4, CHECK_FAIL, "93 C");
    assert_finding(fx, "row_remap", 5, CHECK_WARN, "2 memory banks have no spare row left");
    assert_finding(fx, "nvlink_errors", 6, CHECK_FAIL, "checksum errors");
    assert_finding(fx, "nvlink_errors", 7, CHECK_PASS, "");
}

static void counters_of_a_whole_life_are_told_by_nobody(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "field.161 99999\nfield.162 99\nfield.163 7777\nfield.173 12345\n"
                               "field.270 1\nfield.74 123456789012\nreplays 4000\n"),
                     0);
}

static void a_link_missing_on_every_gpu_is_seen_by_the_model(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(check(fx, "nvlinks_up 17\n"), 4);
    assert_finding(fx, "nvlink", 0, CHECK_WARN, "17 NVLinks are up, where this model has 18");
    assert_int_equal(check(fx, "nvlinks_up 12\nmodel NVIDIA H100 PCIe\n"), 0);
    assert_finding(fx, "nvlink", 0, CHECK_PASS, "links are up");
}

static void variables_that_slow_programs_are_a_warning(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.variable = "CUDA_LAUNCH_BLOCKING=1";
    assert_int_equal(check(fx, ""), 4);
    assert_finding(fx, "environment", -1, CHECK_WARN, "CUDA_LAUNCH_BLOCKING");
    fx->gpu.variable = "CUDA_LAUNCH_BLOCKING=0";
    assert_int_equal(check(fx, ""), 0);
    fx->gpu.variable = "CUDA_DEVICE_WAITS_ON_EXCEPTION=1";
    assert_int_equal(check(fx, ""), 4);
    fx->gpu.variable = "CUDA_INJECTION64_PATH=/tmp/x.so";
    assert_int_equal(check(fx, ""), 4);
}

static void variables_that_hide_gpus_are_told(void **state)
{
    struct fixture *fx = *state;

    fx->gpu.variable = "CUDA_VISIBLE_DEVICES=0,1";
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "environment", -1, CHECK_PASS, "hides 6 of 8 GPUs");
    fx->gpu.variable = "CUDA_VISIBLE_DEVICES=0,1,2,3,4,5,6,7";
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "environment", -1, CHECK_PASS, "nothing");
    fx->gpu.variable = "CUDA_VISIBLE_DEVICES=0,-1,3";
    assert_int_equal(check(fx, ""), 0);
    assert_finding(fx, "environment", -1, CHECK_PASS, "hides 7 of 8 GPUs");
    fx->gpu.variable = "CUDA_VISIBLE_DEVICES=";
    assert_int_equal(check(fx, ""), 4);
    assert_finding(fx, "environment", -1, CHECK_WARN, "hides every GPU");
    fx->gpu.variable = "ROCR_VISIBLE_DEVICES=";
    assert_int_equal(check(fx, ""), 0);
}

static void a_gpu_that_nouveau_holds_is_named(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_bus_add(&fx->gpu, "0000:66:00.0", "nouveau");
    assert_int_equal(check(fx, ""), 1);
    assert_finding(fx, "gpu_count", -1, CHECK_FAIL, "0000:66:00.0, held by nouveau");
    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    assert_int_equal(check(fx, ""), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "nouveau holds 1 GPU");
}

static void a_machine_without_any_driver_names_both_vendors(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_init(&fx->gpu, 0);
    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    assert_int_equal(check(fx, ""), 3);
    assert_finding(fx, "driver", -1, CHECK_ERROR, "no NVIDIA driver");
    assert_finding(fx, "driver", -1, CHECK_ERROR, "no AMD driver");
}

static void sxids_are_judged_by_number_and_by_their_own_word(void **state)
{
    static const struct {
        const char *line;
        int code;
        enum check_result want;
        const char *words;
    } cases[] = {
        {"nvidia-nvswitch3: SXid (PCI:0000:c5:00.0): 11012, Non-fatal, Link 32", 0, CHECK_PASS,
         "corrected"},
        {"nvidia-nvswitch3: SXid (PCI:0000:c5:00.0): 22013, Non-fatal, Link 32", 0, CHECK_PASS,
         "interrupt"},
        {"nvidia-nvswitch3: SXid (PCI:0000:c5:00.0): 20034, Non-fatal, Link 32", 4, CHECK_WARN,
         "a link went down"},
        {"nvidia-nvswitch3: SXid (PCI:0000:c5:00.0): 20034, Fatal, Link 32", 1, CHECK_FAIL,
         "a link went down"},
        {"nvidia-nvswitch3: SXid (PCI:0000:c5:00.0): 23005, Non-fatal, Link 32", 1, CHECK_FAIL,
         "crossbar"},
        {"nvidia-nvswitch3: SXid (PCI:0000:c5:00.0): 10004, Non-fatal", 4, CHECK_WARN, "too hot"},
        {"nvidia-nvswitch3: SXid (PCI:0000:c5:00.0): 31999, Fatal", 1, CHECK_FAIL, "unknown"},
    };
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fx_gpu_file(fx->gpu.kmsg, "");
        fx_gpu_log(&fx->gpu, 4, 60, cases[i].line);
        assert_int_equal(check(fx, ""), cases[i].code);
        assert_finding(fx, "kernel_log", -1, cases[i].want, cases[i].words);
    }
}

static void nvlink_xids_are_judged_by_their_own_word(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_log(&fx->gpu, 4, 60,
               "NVRM: Xid (PCI:0000:11:00): 145, RLW_REMAP Nonfatal XC0 i0 Link 00 (0x4 0x1)");
    fx_gpu_log(&fx->gpu, 4, 60,
               "NVRM: Xid (PCI:0000:12:00): 145, RLW_REMAP Fatal XC0 i0 Link 00 (0x4 0x40)");
    fx_gpu_log(&fx->gpu, 4, 60, "NVRM: Xid (PCI:0000:13:00): 137, pid=1, name=Fatal, x");
    fx_gpu_log(&fx->gpu, 4, 60, "NVRM: Xid (PCI:0000:14:00): 131, pid=1, name=x, Ch 1");
    assert_int_equal(check(fx, ""), 1);
    assert_finding(fx, "xid", 1, CHECK_WARN, "XID 145 (link)");
    assert_finding(fx, "xid", 2, CHECK_FAIL, "XID 145 (GPU)");
    assert_finding(fx, "xid", 3, CHECK_WARN, "XID 137 (link)");
    assert_finding(fx, "xid", 4, CHECK_WARN, "copy engine");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counters_that_run_are_found_on_their_gpu),
        TEST(counters_of_a_whole_life_are_told_by_nobody),
        TEST(a_link_missing_on_every_gpu_is_seen_by_the_model),
        TEST(variables_that_slow_programs_are_a_warning),
        TEST(variables_that_hide_gpus_are_told),
        TEST(a_gpu_that_nouveau_holds_is_named),
        TEST(a_machine_without_any_driver_names_both_vendors),
        TEST(sxids_are_judged_by_number_and_by_their_own_word),
        TEST(nvlink_xids_are_judged_by_their_own_word),
    };

    return T_RUN("gpu state", tests);
}
