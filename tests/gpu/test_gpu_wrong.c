/* hourglass-gpu on GPUs that compute wrongly: every unit, one SM, one bit, now and then. The
 * kernels are the real ones; the fake driver runs them on the processor and plants the faults. */
#include "tests/support/t.h"

#include "core/json.h"
#include "core/text.h"
#include "tests/support/fx_gpu.h"

#define GPUS 8

static const char *const quick[] = {"arithmetic", "tensor", "matmul_bf16", "matmul_fp16",
                                    "matmul_tf32"};

struct fixture {
    struct fx_gpu gpu;
    struct report report;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(&fx->gpu, GPUS);
    fx->gpu.tier = "quick";
    fx->gpu.deadline = "3m";
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

static void check(struct fixture *fx, const char *script)
{
    shape_release(&report_shape, &fx->report);
    fx_gpu_script(&fx->gpu, script);
    fx_gpu_check(&fx->gpu, &fx->report);
}

/* The load takes two seconds in all. */
static void burn(struct fixture *fx, const char *script)
{
    json_t *tree = NULL;
    struct err e;

    shape_release(&report_shape, &fx->report);
    memset(&fx->report, 0, sizeof fx->report);
    fx_gpu_script(&fx->gpu, script);
    fx_gpu_run(&fx->gpu, "check", "-o", "json", "--tier", "burn", "--burn", "2s", "--deadline",
               "3m", NULL);
    assert_string_equal(fx->gpu.errors.data, "");
    assert_ok(json_parse(fx->gpu.out.data, fx->gpu.out.len, &tree, &e), &e);
    assert_ok(shape_decode(&report_shape, tree, &fx->report, &e), &e);
    json_decref(tree);
}

static const struct finding *assert_finding(const struct fixture *fx, const char *name, int gpu,
                                            enum check_result result, const char *words)
{
    const struct finding *f = fx_gpu_finding(&fx->report, name, gpu);

    if (f->result != result)
        fail_msg("%s of GPU %d is %s, expected %s: %s", name, gpu, check_result_names[f->result],
                 check_result_names[result], f->detail);
    assert_contains(f->detail, words);
    return f;
}

/* Of the checks of this file, these fail on this GPU and no other fires. */
static void assert_only(const struct fixture *fx, int gpu, const char *names, const char *words)
{
    for (size_t i = 0; i < ARRAY_SIZE(quick); i++) {
        bool meant = strstr(names, quick[i]) != NULL;

        assert_finding(fx, quick[i], gpu, meant ? CHECK_FAIL : CHECK_PASS, meant ? words : "");
    }
}

static void healthy_gpus_of_three_generations_compute_right(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 4\ngpu1.capability 80\ngpu2.capability 100\ngpu3.sms 7\n");
    for (int gpu = 0; gpu < 4; gpu++)
        assert_only(fx, gpu, "", "");
    assert_finding(fx, "arithmetic", 3, CHECK_PASS, "all 7 SMs compute right");
    assert_true(assert_finding(fx, "matmul_bf16", 0, CHECK_PASS, "")->value > 900);
    assert_finding(fx, "matmul_bf16", 2, CHECK_PASS, "do not reach this GPU's ceiling");
}

static void a_wrong_unit_is_found_with_its_sm(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 8\n"
              "gpu0.fault.0 wrong int32 1 5\n"
              "gpu1.fault.0 wrong fp32 3 22\n"
              "gpu2.fault.0 wrong fp64 4 51\n"
              "gpu3.fault.0 wrong special 0 0\n"
              "gpu4.fault.0 wrong int8 3 9\n"
              "gpu5.fault.0 wrong fp64_tensor 1 40\n"
              "gpu6.fault.0 wrong tf32 4 14\n"
              "gpu7.capability 80\ngpu7.fault.0 wrong bf16 0 31\n");
    assert_only(fx, 0, "arithmetic", "integer multiply-add, bit operations wrong on SM 1 (of 4");
    assert_only(fx, 1, "arithmetic", "fp32 multiply-add wrong on SM 3 (");
    assert_only(fx, 2, "arithmetic", "fp64 multiply-add wrong on SM 4 (");
    assert_only(fx, 3, "arithmetic", "special functions wrong on SM 0 (");
    assert_only(fx, 4, "tensor", "int8 matrices wrong on SM 3 (");
    assert_only(fx, 5, "tensor", "fp64 matrices wrong on SM 1 (");
    assert_only(fx, 6, "tensor matmul_tf32", " wrong on SM 4 (");
    assert_only(fx, 7, "tensor matmul_bf16", " wrong on SM 0 (");
    assert_int_equal(fx_gpu_finding(&fx->report, "arithmetic", 0)->remedy, REMEDY_REPLACE);
}

/* Silent corruption: one result in many thousands, on one SM. */
static void a_rare_wrong_bit_is_found_with_its_sm(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 6\n"
              "gpu0.fault.0 silent int32 4 0 9000\n"
              "gpu1.fault.0 silent fp32 1 0 3000\n"
              "gpu2.fault.0 silent fp64 3 0 3000\n"
              "gpu3.fault.0 silent int8 0 0 9000\n"
              "gpu4.fault.0 silent bf16 3 3 90000\n"
              "gpu5.capability 80\ngpu5.fault.0 silent fp16 4 3 200000\n");
    assert_only(fx, 0, "arithmetic", " wrong on SM 4 (");
    assert_only(fx, 1, "arithmetic", " wrong on SM 1 (");
    assert_only(fx, 2, "arithmetic", " wrong on SM 3 (");
    assert_only(fx, 3, "tensor", " wrong on SM 0 (");
    assert_only(fx, 4, "matmul_bf16", "bf16 products wrong on SM 3 (");
    assert_only(fx, 5, "matmul_fp16", "fp16 products wrong on SM 4 (");
}

/* SMs cannot outvote the processor. */
static void what_all_sms_get_wrong_is_found_by_the_processor(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 3\n"
              "gpu0.fault.0 wrong fp32 -1 3\n"
              "gpu1.fault.0 wrong fp16 -1 10\n"
              "gpu2.capability 80\ngpu2.fault.0 wrong tf32 -1 12\n");
    assert_only(fx, 0, "arithmetic", "all 4 SMs compute fp32 multiply-add differently");
    assert_only(fx, 1, "arithmetic tensor matmul_fp16", "all 4 SMs compute fp16 ");
    assert_only(fx, 2, "tensor matmul_tf32", "all 4 SMs compute tf32 ");
    assert_int_equal(fx_gpu_finding(&fx->report, "tensor", 1)->remedy, REMEDY_INSPECT);
}

static void an_sm_that_gets_no_work_is_no_pass(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 1\nsms 5\nsms_idle 2\n");
    assert_finding(fx, "arithmetic", 0, CHECK_ERROR, "only 3 of 5 SMs were given work");
    assert_finding(fx, "tensor", 0, CHECK_ERROR, "only 3 of 5 SMs were given work");
}

static void gpus_before_ampere_skip_matrices_and_do_arithmetic(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 1\ncapability 75\n");
    assert_finding(fx, "tensor", 0, CHECK_SKIP, "compute capability 7.5");
    assert_finding(fx, "matmul_tf32", 0, CHECK_SKIP, "compute capability 7.5");
}

/* A driver of CUDA 11 does not know the newest PTX; the GPU is tested by older instructions. */
static void an_old_driver_on_hopper_multiplies_without_wgmma(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 1\ncubin_code 209\nptx_version 74\n");
    assert_finding(fx, "matmul_bf16", 0, CHECK_PASS, "do not reach this GPU's ceiling");
}

static void too_little_free_memory_is_a_skip(void **state)
{
    struct fixture *fx = *state;

    check(fx, "count 1\nmemory 131072\n");
    assert_finding(fx, "matmul_bf16", 0, CHECK_SKIP, "too little free memory");
}

static void a_healthy_burn_tells_clocks_heat_and_power(void **state)
{
    struct fixture *fx = *state;

    burn(fx, "count 1\npower 680000\nclock_sm 1755\ntemperature 64\nclocks 0x4\n");
    for (size_t i = 0; i < ARRAY_SIZE(quick); i++)
        assert_finding(fx, quick[i], 0, CHECK_PASS, "");
    assert_finding(fx, "burn_clocks", 0, CHECK_PASS, "at the power limit in 100 %");
    assert_float_equal(fx_gpu_finding(&fx->report, "burn_clocks", 0)->value, 1755, 0.1);
    assert_finding(fx, "burn_temperature", 0, CHECK_PASS, "64 C");
    assert_finding(fx, "burn_power", 0, CHECK_PASS, "680 W at most");
    assert_float_equal(fx_gpu_finding(&fx->report, "burn_power", 0)->value, 97, 0.1);
    assert_finding(fx, "burn_ecc", 0, CHECK_PASS, "no memory error under load");
}

static void a_burn_finds_heat_brake_idle_power_and_memory_errors(void **state)
{
    struct fixture *fx = *state;

    burn(fx, "count 4\npower 680000\n"
             "gpu0.clocks 0x48\ngpu0.temperature 93\n"
             "gpu1.clocks 0x88\ngpu1.power 300000\n"
             "gpu2.clocks 0x20\ngpu2.temperature 89\n"
             "gpu3.clocks 0x8\ngpu3.field.143.0 0\ngpu3.field.143_step 1\n");
    assert_finding(fx, "burn_clocks", 0, CHECK_FAIL, "halved for heat in 100 %");
    assert_finding(fx, "burn_temperature", 0, CHECK_FAIL, "it slows down at");
    assert_finding(fx, "burn_clocks", 1, CHECK_FAIL, "power brake held the clocks in 100 %");
    assert_finding(fx, "burn_power", 1, CHECK_WARN, "at most 300 W of 700 W");
    assert_finding(fx, "burn_clocks", 2, CHECK_WARN, "slowed to keep the temperature in 100 %");
    assert_finding(fx, "burn_temperature", 2, CHECK_WARN, "below slowdown");
    assert_finding(fx, "burn_clocks", 3, CHECK_FAIL, "the hardware slowed the clocks in 100 %");
    assert_finding(fx, "burn_ecc", 3, CHECK_FAIL, "remapped rows under load");
}

static void a_burn_tells_what_happened_to_memory(void **state)
{
    struct fixture *fx = *state;

    /* The first looks are those of row_remap, of memory_patterns before and after, and of the
     * burn before its load. */
    burn(fx, "count 4\npower 680000\n"
             "gpu0.field.4_step 1\ngpu1.field.3_step 1\n"
             "gpu2.field.144.0 0\ngpu2.field.144.1 0\ngpu2.field.144.2 0\n"
             "gpu2.field.144.3 0\ngpu2.field.144 1\n"
             "gpu3.field.145.0 0\ngpu3.field.145.1 0\ngpu3.field.145.2 0\n"
             "gpu3.field.145.3 0\ngpu3.field.145 1\n");
    assert_finding(fx, "burn_ecc", 0, CHECK_FAIL, "uncorrectable memory errors");
    assert_true(fx_gpu_finding(&fx->report, "burn_ecc", 0)->value >= 1);
    assert_finding(fx, "burn_ecc", 1, CHECK_PASS, "corrected memory errors under load, none un");
    assert_finding(fx, "burn_ecc", 2, CHECK_FAIL, "0 uncorrectable memory errors and 0 remapped");
    assert_finding(fx, "burn_ecc", 3, CHECK_FAIL, "a memory row could not be remapped under load");
}

static void what_the_driver_does_not_tell_is_skipped(void **state)
{
    struct fixture *fx = *state;

    burn(fx, "count 1\ncode.nvmlDeviceGetPowerUsage 3\nfield.1 0\n"
             "field.3.code 3\nfield.4.code 3\nfield.143.code 3\n"
             "code.nvmlDeviceGetTemperatureThreshold 3\n"
             "code.nvmlDeviceGetCurrentClocksEventReasons 3\n");
    assert_finding(fx, "burn_power", 0, CHECK_SKIP, "does not report its power");
    assert_finding(fx, "burn_clocks", 0, CHECK_SKIP, "does not report what slows its clocks");
    assert_finding(fx, "burn_temperature", 0, CHECK_PASS, "does not tell where it slows down");
    assert_finding(fx, "burn_ecc", 0, CHECK_SKIP, "does not count memory errors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(healthy_gpus_of_three_generations_compute_right),
        TEST(a_wrong_unit_is_found_with_its_sm),
        TEST(a_rare_wrong_bit_is_found_with_its_sm),
        TEST(what_all_sms_get_wrong_is_found_by_the_processor),
        TEST(an_sm_that_gets_no_work_is_no_pass),
        TEST(gpus_before_ampere_skip_matrices_and_do_arithmetic),
        TEST(an_old_driver_on_hopper_multiplies_without_wgmma),
        TEST(too_little_free_memory_is_a_skip),
        TEST(a_healthy_burn_tells_clocks_heat_and_power),
        TEST(a_burn_finds_heat_brake_idle_power_and_memory_errors),
        TEST(a_burn_tells_what_happened_to_memory),
        TEST(what_the_driver_does_not_tell_is_skipped),
#undef TEST
    };

    return T_RUN("gpu wrong", tests);
}
