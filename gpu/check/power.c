/* Clocks, heat and power. */
#include <inttypes.h>

#include "gpu/check.h"
#include "gpu/check/amd.h"

#define COOLING_ACTION "have the cooling checked"
#define SAMPLES        3
#define SAMPLE_MS      40

enum clock_reason {
    CLOCK_SW_POWER_CAP = 0x4,
    CLOCK_HW_SLOWDOWN = 0x8,
    CLOCK_SW_THERMAL = 0x20,
    CLOCK_HW_THERMAL = 0x40,
    CLOCK_HW_POWER_BRAKE = 0x80,
};

static int reasons_read(const struct gpu_target *t, unsigned long long *out)
{
    int code = NVML_CALL(t->nvml, clocks_event_reasons, t->device, out);

    /* The name before driver 535. */
    return code == NVML_NO_SYMBOL ? NVML_CALL(t->nvml, clocks_throttle_reasons, t->device, out)
                                  : code;
}

/* A slowdown may show for a moment whenever the performance state changes: only what all
 * samples have in common is judged. */
static void clocks_run(struct gpu_target *t, struct finding *f)
{
    unsigned long long always = ~0ULL, mask = 0;

    for (int i = 0; i < SAMPLES; i++) {
        if (i)
            gpu_pause_ms(SAMPLE_MS);
        if (!gpu_answered(t, f, reasons_read(t, &mask), "what slows its clocks"))
            return;
        always &= mask;
    }
    if (always & CLOCK_HW_THERMAL)
        gpu_fail(f, REMEDY_INSPECT, COOLING_ACTION, "clocks are halved: too hot");
    else if (always & CLOCK_HW_POWER_BRAKE)
        gpu_fail(f, REMEDY_INSPECT, "ask the provider: the machine's power supply holds the brake",
                 "clocks are halved: power brake");
    else if (always & CLOCK_HW_SLOWDOWN)
        gpu_warn(f, REMEDY_INSPECT, "have cooling and power checked",
                 "clocks are slowed by the hardware");
    else if (always & CLOCK_SW_THERMAL)
        gpu_warn(f, REMEDY_INSPECT, COOLING_ACTION, "clocks are slowed to keep the temperature");
    else if (always & CLOCK_SW_POWER_CAP)
        gpu_pass(f, "clocks follow the power limit, as under load");
    else
        gpu_pass(f, "nothing slows the clocks");
}

const struct gpu_check gpu_check_clocks = {
    .name = "clocks",
    .help = "what slows the clocks: heat, power brake (three samples)",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = clocks_run,
};

#define CELSIUS_MIN       (-60)
#define CELSIUS_MAX       200
#define MARGIN_WARN_BELOW 5

static int celsius_read(const struct gpu_target *t, int64_t *out)
{
    struct nvml_temperature v = {.version = NVML_STRUCT_VERSION(sizeof v, 1)};
    unsigned celsius = 0;
    int code = NVML_CALL(t->nvml, temperature_v, t->device, &v);

    *out = v.celsius;
    if (code != NVML_NO_SYMBOL && code != NVML_ARGUMENT_VERSION)
        return code;
    code = NVML_CALL(t->nvml, temperature, t->device, 0, &celsius);
    *out = celsius;
    return code;
}

/* Distance to the nearest slowdown: told by new drivers, else from the old threshold. */
static int margin_read(const struct gpu_target *t, int64_t celsius, int64_t *out)
{
    struct nvml_margin m = {.version = NVML_STRUCT_VERSION(sizeof m, 1)};
    unsigned threshold = 0;
    int code = NVML_CALL(t->nvml, temperature_margin, t->device, &m);

    *out = m.celsius;
    if (code == NVML_OK)
        return code;
    code =
        NVML_CALL(t->nvml, temperature_threshold, t->device, NVML_THRESHOLD_SLOWDOWN, &threshold);
    *out = (int64_t)threshold - celsius;
    return code;
}

void gpu_celsius_judge(struct finding *f, int64_t celsius, int64_t limit)
{
    int64_t margin = limit - celsius;

    gpu_figure(f, (double)margin, 0, "C margin");
    if (margin <= 0)
        gpu_fail(f, REMEDY_INSPECT, COOLING_ACTION,
                 "%" PRId64 " C: at the temperature that slows it", celsius);
    else if (margin < MARGIN_WARN_BELOW)
        gpu_warn(f, REMEDY_INSPECT, COOLING_ACTION, "%" PRId64 " C: %" PRId64 " C below slowdown",
                 celsius, margin);
    else
        gpu_pass(f, "%" PRId64 " C", celsius);
}

static void temperature_run(struct gpu_target *t, struct finding *f)
{
    int64_t celsius, margin;

    if (!gpu_answered(t, f, celsius_read(t, &celsius), "its temperature"))
        return;
    if (celsius < CELSIUS_MIN || celsius > CELSIUS_MAX) {
        gpu_error(f, "the driver's temperature makes no sense: %" PRId64 " C", celsius);
        return;
    }
    if (!gpu_answered(t, f, margin_read(t, celsius, &margin), "the temperature it slows at"))
        return;
    if (margin < -CELSIUS_MAX || margin > CELSIUS_MAX) {
        gpu_error(f, "the driver's temperature margin makes no sense: %" PRId64 " C", margin);
        return;
    }
    gpu_celsius_judge(f, celsius, celsius + margin);
}

const struct gpu_check gpu_check_temperature = {
    .name = "temperature",
    .help = "distance to the temperature at which the GPU slows down",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = temperature_run,
    .run_amd = amd_temperature_run,
};

static void memory_temperature_run(struct gpu_target *t, struct finding *f)
{
    unsigned limit = 0;
    int64_t celsius;
    int code;

    if (!gpu_field(t, f, NVML_FIELD_MEMORY_TEMPERATURE, "the temperature of its memory",
                   CELSIUS_MIN, CELSIUS_MAX, &celsius))
        return;
    code = NVML_CALL(t->nvml, temperature_threshold, t->device, NVML_THRESHOLD_MEMORY_MAX, &limit);
    if (!gpu_answered(t, f, code, "the temperature that its memory may have"))
        return;
    if (limit < 1 || limit > CELSIUS_MAX) {
        gpu_error(f, "the driver's limit of the memory's temperature makes no sense: %u C", limit);
        return;
    }
    gpu_celsius_judge(f, celsius, limit);
}

const struct gpu_check gpu_check_memory_temperature = {
    .name = "memory_temperature",
    .help = "distance to the temperature at which the memory slows the GPU down",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = memory_temperature_run,
    .run_amd = amd_memory_temperature_run,
};

#define MILLIWATTS_MAX 10000000

static bool watts_read(struct gpu_target *t, struct finding *f,
                       int (*ask)(struct nvml_device *, unsigned *), unsigned *watts)
{
    unsigned milliwatts = 0;

    if (!gpu_answered(t, f, ask ? ask(t->device, &milliwatts) : NVML_NO_SYMBOL, "its power limit"))
        return false;
    if (milliwatts < 1000 || milliwatts > MILLIWATTS_MAX) {
        gpu_error(f, "the driver's power limit makes no sense: %u mW", milliwatts);
        return false;
    }
    *watts = milliwatts / 1000;
    return true;
}

static void power_limit_run(struct gpu_target *t, struct finding *f)
{
    unsigned enforced, standard;

    if (!watts_read(t, f, t->nvml->power_limit_enforced, &enforced) ||
        !watts_read(t, f, t->nvml->power_limit_default, &standard))
        return;
    gpu_figure(f, enforced, standard, "W");
    if (enforced < standard)
        gpu_warn(f, REMEDY_FIX_SETUP, "raise it with nvidia-smi -pl, or ask the provider",
                 "power is limited to %u W of %u W", enforced, standard);
    else
        gpu_pass(f, "full power");
}

const struct gpu_check gpu_check_power_limit = {
    .name = "power_limit",
    .help = "the enforced power limit against the model's own",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = power_limit_run,
    .run_amd = amd_power_limit_run,
};
