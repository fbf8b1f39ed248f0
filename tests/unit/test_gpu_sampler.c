/* A GPU's meters while it works. */
#include "tests/support/t.h"

#include "gpu/check.h"
#include "gpu/sampler.h"
#include "tests/support/fx_gpu.h"

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

static void samples_become_least_mean_most_first_and_last(void **state)
{
    static const int64_t watts[] = {300000, 700000, 690000, 310000};
    struct sampler_record r = {0};
    const struct sampler_range *power = &r.meters[TELEMETRY_POWER];

    for (size_t i = 0; i < ARRAY_SIZE(watts); i++) {
        struct telemetry t = {.known = 1ULL << TELEMETRY_POWER};

        t.value[TELEMETRY_POWER] = watts[i];
        sampler_add(&r, &t);
    }
    assert_int_equal(r.samples, 4);
    assert_int_equal(power->count, 4);
    assert_int_equal(power->first, 300000);
    assert_int_equal(power->last, 310000);
    assert_int_equal(power->least, 300000);
    assert_int_equal(power->most, 700000);
    assert_float_equal(power->sum / power->count, 500000, 0.1);
}

/* A meter that is absent for a while counts for nothing then. */
static void a_meter_that_is_not_known_adds_nothing(void **state)
{
    struct sampler_record r = {0};
    struct telemetry t = {.known = 1ULL << TELEMETRY_SM_CLOCK};

    t.value[TELEMETRY_SM_CLOCK] = 1980;
    sampler_add(&r, &t);
    t.known = 0;
    t.value[TELEMETRY_SM_CLOCK] = 0;
    sampler_add(&r, &t);
    assert_int_equal(r.samples, 2);
    assert_int_equal(r.meters[TELEMETRY_SM_CLOCK].count, 1);
    assert_int_equal(r.meters[TELEMETRY_SM_CLOCK].least, 1980);
}

static void reasons_are_counted_bit_by_bit(void **state)
{
    struct sampler_record r = {0};
    struct telemetry t = {.known = 1ULL << TELEMETRY_THROTTLE_REASONS};

    t.value[TELEMETRY_THROTTLE_REASONS] = 0x44;
    sampler_add(&r, &t);
    t.value[TELEMETRY_THROTTLE_REASONS] = 0x4;
    sampler_add(&r, &t);
    assert_int_equal(r.reasons[2], 2);
    assert_int_equal(r.reasons[6], 1);
    assert_int_equal(r.reasons[0] + r.reasons[1] + r.reasons[3], 0);
}

static void a_thread_looks_until_it_is_stopped(void **state)
{
    struct sampler_record r = {0};
    struct sampler s;
    struct nvml n;
    struct err e;
    struct nvml_device *d = driver("power 651000\n", &n);

    assert_ok(sampler_start(&s, &n, d, &r, &e), &e);
    gpu_pause_ms(10);
    sampler_stop(&s);
    sampler_stop(&s);
    assert_true(r.samples >= 1); /* the last look at least */
    assert_int_equal(r.meters[TELEMETRY_POWER].most, 651000);
    assert_int_equal(r.code, NVML_OK);
}

static void a_driver_that_refuses_is_remembered(void **state)
{
    struct sampler_record r = {0};
    struct sampler s;
    struct nvml n;
    struct err e;
    struct nvml_device *d = driver("code.nvmlDeviceGetFieldValues 15\n", &n);

    assert_ok(sampler_start(&s, &n, d, &r, &e), &e);
    sampler_stop(&s);
    assert_int_equal(r.samples, 0);
    assert_int_equal(r.code, NVML_GPU_IS_LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_become_least_mean_most_first_and_last),
        cmocka_unit_test(a_meter_that_is_not_known_adds_nothing),
        cmocka_unit_test(reasons_are_counted_bit_by_bit),
        cmocka_unit_test(a_thread_looks_until_it_is_stopped),
        cmocka_unit_test(a_driver_that_refuses_is_remembered),
    };

    return T_RUN("gpu sampler", tests);
}
