/* A GPU's meters, read from the fake driver. */
#include "tests/support/t.h"

#include <string.h>

#include "gpu/telemetry.h"
#include "tests/support/fx_gpu.h"

/* The driver with this script, and its first GPU. */
static struct nvml_device *driver(const char *script, struct nvml *n)
{
    struct nvml_device *device = NULL;
    char path[512];
    struct err e;

    snprintf(path, sizeof path, "%s/script", t_dir());
    fx_gpu_file(path, script);
    assert_int_equal(setenv("HOURGLASS_FAKE_NVML", path, 1), 0);
    assert_ok(nvml_open(n, t_program("fake/nvml.so"), &e), &e);
    assert_int_equal(n->init(), NVML_OK);
    assert_int_equal(n->device_by_index(0, &device), NVML_OK);
    return device;
}

static void a_healthy_gpu_knows_every_meter(void **state)
{
    struct telemetry t;
    struct nvml n;
    struct nvml_device *d = driver("utilisation 97\nmemory_used 2000000000\n", &n);

    UNUSED(state);
    assert_int_equal(telemetry_read(&n, d, &t), NVML_OK);
    for (int m = 0; m < TELEMETRY_COUNT; m++) {
        if (!telemetry_has(&t, (enum telemetry_meter)m))
            fail_msg("%s is missing", telemetry_meters[m].name);
    }
    assert_int_equal(t.value[TELEMETRY_GPU_UTIL], 97);
    assert_int_equal(t.value[TELEMETRY_MEM_USED], (2000000000 - 570425344) / 1048576);
    assert_int_equal(t.value[TELEMETRY_MEM_RESERVED], 544);
    assert_int_equal(t.value[TELEMETRY_POWER], 70000);
    assert_int_equal(t.value[TELEMETRY_SM_CLOCK], 345);
    assert_int_equal(t.value[TELEMETRY_MEM_CLOCK], 2619);
    assert_int_equal(t.value[TELEMETRY_THROTTLE_REASONS], 1);
}

static void what_the_driver_does_not_know_is_absent_and_never_zero(void **state)
{
    struct telemetry t;
    struct nvml n;
    struct nvml_device *d = driver("field.82.code 3\n"
                                   "field.83.type 99\n"
                                   "code.nvmlDeviceGetPowerUsage 3\n"
                                   "code.nvmlDeviceGetUtilizationRates 4\n"
                                   "code.nvmlDeviceGetMemoryInfo_v2 13\n"
                                   "temperature -40\n",
                                   &n);

    UNUSED(state);
    assert_int_equal(telemetry_read(&n, d, &t), NVML_OK);
    assert_false(telemetry_has(&t, TELEMETRY_MEM_TEMPERATURE));
    assert_false(telemetry_has(&t, TELEMETRY_ENERGY));
    assert_false(telemetry_has(&t, TELEMETRY_POWER));
    assert_false(telemetry_has(&t, TELEMETRY_GPU_UTIL));
    assert_false(telemetry_has(&t, TELEMETRY_MEM_UTIL));
    assert_false(telemetry_has(&t, TELEMETRY_TEMPERATURE));
    assert_false(telemetry_has(&t, TELEMETRY_MEM_RESERVED));
    assert_true(telemetry_has(&t, TELEMETRY_MEM_USED)); /* from the older question */
    assert_true(telemetry_has(&t, TELEMETRY_POWER_INSTANT));
}

static void numbers_that_cannot_be_are_absent(void **state)
{
    struct telemetry t;
    struct nvml n;
    struct nvml_device *d = driver("utilisation 101\npower 4294967295\nfield.82 4294967295\n"
                                   "field.140 -1\nfield.140_step 0\nclocks -1\n",
                                   &n);

    UNUSED(state);
    assert_int_equal(telemetry_read(&n, d, &t), NVML_OK);
    assert_false(telemetry_has(&t, TELEMETRY_GPU_UTIL));
    assert_false(telemetry_has(&t, TELEMETRY_POWER));
    assert_false(telemetry_has(&t, TELEMETRY_MEM_TEMPERATURE));
    assert_false(telemetry_has(&t, TELEMETRY_NVLINK_TX));
    assert_false(telemetry_has(&t, TELEMETRY_THROTTLE_REASONS));
}

static void a_gpu_that_is_lost_is_said_and_not_asked_on(void **state)
{
    static const int codes[] = {NVML_GPU_IS_LOST, NVML_RESET_REQUIRED, NVML_INSUFFICIENT_POWER};
    struct telemetry t;
    char script[128];
    struct nvml n;

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        snprintf(script, sizeof script,
                 "code.nvmlDeviceGetUtilizationRates %d\nhang.nvmlDeviceGetPowerUsage 1\n",
                 codes[i]);
        assert_int_equal(telemetry_read(&n, driver(script, &n), &t), codes[i]);
        assert_true(telemetry_has(&t, TELEMETRY_ENERGY));
        assert_false(telemetry_has(&t, TELEMETRY_POWER));
    }
    snprintf(script, sizeof script, "field.83.code %d\n", NVML_GPU_IS_LOST);
    assert_int_equal(telemetry_read(&n, driver(script, &n), &t), NVML_GPU_IS_LOST);
    assert_false(telemetry_has(&t, TELEMETRY_TEMPERATURE));
}

static void a_driver_without_any_of_the_functions_knows_nothing(void **state)
{
    struct nvml n = {0};
    struct telemetry t = {.known = ~0ULL};

    UNUSED(state);
    assert_int_equal(telemetry_read(&n, NULL, &t), NVML_NOT_SUPPORTED);
    assert_int_equal(t.known, 0);
}

static void an_old_driver_still_tells_what_it_can(void **state)
{
    struct nvml_device *device = NULL;
    struct telemetry t;
    struct nvml n;
    struct err e;

    UNUSED(state);
    unsetenv("HOURGLASS_FAKE_NVML");
    assert_ok(nvml_open(&n, t_program("fake/nvml_old.so"), &e), &e);
    assert_int_equal(n.init(), NVML_OK);
    assert_int_equal(n.device_by_index(0, &device), NVML_OK);
    assert_int_equal(telemetry_read(&n, device, &t), NVML_OK);
    assert_true(telemetry_has(&t, TELEMETRY_TEMPERATURE));
    assert_true(telemetry_has(&t, TELEMETRY_THROTTLE_REASONS));
    assert_true(telemetry_has(&t, TELEMETRY_MEM_FREE));
    assert_false(telemetry_has(&t, TELEMETRY_ENERGY));
}

static void the_names_of_meters_are_what_programs_may_rely_on(void **state)
{
    UNUSED(state);
    for (int m = 0; m < TELEMETRY_COUNT; m++) {
        const struct telemetry_meter_row *row = &telemetry_meters[m];

        assert_in_range(strlen(row->name), 1, SLUG_BYTES_MAX - 1);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(row->name));
        assert_true(row->scale > 0);
        if (row->exported[0])
            assert_int_equal(strncmp(row->exported, "DCGM_FI_", 8), 0);
        for (int other = 0; other < m; other++) {
            assert_string_not_equal(row->name, telemetry_meters[other].name);
            assert_string_not_equal(row->exported, telemetry_meters[other].exported);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_gpu_knows_every_meter),
        cmocka_unit_test(what_the_driver_does_not_know_is_absent_and_never_zero),
        cmocka_unit_test(numbers_that_cannot_be_are_absent),
        cmocka_unit_test(a_gpu_that_is_lost_is_said_and_not_asked_on),
        cmocka_unit_test(a_driver_without_any_of_the_functions_knows_nothing),
        cmocka_unit_test(an_old_driver_still_tells_what_it_can),
        cmocka_unit_test(the_names_of_meters_are_what_programs_may_rely_on),
    };

    return T_RUN("gpu telemetry", tests);
}
