/* What the matrix products left: clocks, heat, power and memory errors under load. */
#include <inttypes.h>

#include "gpu/burn.h"
#include "gpu/compute.h"

#define SAMPLES_MIN       10  /* a second: fewer say nothing */
#define THROTTLED_PERCENT 5.0 /* of samples; a change of state shows for one or two */
#define POWER_PERCENT     75  /* of the limit: DCGM's targeted_power */
#define MARGIN_WARN_BELOW 5   /* as the state tier's temperature */
#define COOLING_ACTION    "have the cooling checked"
#define REPLACE_ACTION    "take the GPU out of use and ask the provider to replace it"
#define MILLIWATTS_MAX    10000000

/* NVML's numbers of bits. */
enum { BIT_POWER_CAP = 2, BIT_SLOWDOWN = 3, BIT_SW_HEAT = 5, BIT_HEAT = 6, BIT_BRAKE = 7 };

static bool is_loaded(const struct gpu_target *t, struct finding *f)
{
    if (t->compute->burn.loaded_ms)
        return true;
    gpu_skip(f, "nothing loaded the GPU");
    return false;
}

/* True when there is something to judge. */
static bool is_sampled(struct gpu_target *t, struct finding *f, enum telemetry_meter meter,
                       const char *what)
{
    const struct sampler_record *r = &t->compute->burn.meters;

    if (!is_loaded(t, f))
        return false;
    if (r->samples == 0)
        return gpu_answered(t, f, r->code == NVML_OK ? NVML_NO_DATA : r->code, what);
    if (r->meters[meter].count == 0) {
        gpu_skip(f, "this GPU does not report %s", what);
        return false;
    }
    if (r->meters[meter].count < SAMPLES_MIN) {
        gpu_skip(f, "%" PRIu32 " samples are too few to judge %s: load it for longer",
                 r->meters[meter].count, what);
        return false;
    }
    return true;
}

static double mean(const struct sampler_range *r)
{
    return r->sum / r->count;
}

static double percent(const struct gpu_target *t, unsigned bit)
{
    const struct sampler_record *r = &t->compute->burn.meters;

    return 100.0 * r->reasons[bit] / r->meters[TELEMETRY_THROTTLE_REASONS].count;
}

static void clocks_run(struct gpu_target *t, struct finding *f)
{
    const struct sampler_range *clock = &t->compute->burn.meters.meters[TELEMETRY_SM_CLOCK];

    if (!is_sampled(t, f, TELEMETRY_THROTTLE_REASONS, "what slows its clocks"))
        return;
    if (clock->count)
        gpu_figure(f, (double)(int64_t)(mean(clock) + 0.5), 0, "MHz");
    if (percent(t, BIT_HEAT) > THROTTLED_PERCENT)
        gpu_fail(f, REMEDY_INSPECT, COOLING_ACTION,
                 "clocks were halved for heat in %.0f %% of "
                 "the time",
                 percent(t, BIT_HEAT));
    else if (percent(t, BIT_BRAKE) > THROTTLED_PERCENT)
        gpu_fail(f, REMEDY_INSPECT, "ask the provider: the machine's power supply holds the brake",
                 "the power brake held the clocks in %.0f %% of the time", percent(t, BIT_BRAKE));
    else if (percent(t, BIT_SLOWDOWN) > THROTTLED_PERCENT)
        gpu_fail(f, REMEDY_INSPECT, "have cooling and power checked",
                 "the hardware slowed the clocks in %.0f %% of the time", percent(t, BIT_SLOWDOWN));
    else if (percent(t, BIT_SW_HEAT) > THROTTLED_PERCENT)
        gpu_warn(f, REMEDY_INSPECT, COOLING_ACTION,
                 "clocks were slowed to keep the temperature in %.0f %% of the time",
                 percent(t, BIT_SW_HEAT));
    else
        gpu_pass(f, "%" PRId64 " to %" PRId64 " MHz, at the power limit in %.0f %% of the time",
                 clock->least, clock->most, percent(t, BIT_POWER_CAP));
}

const struct gpu_check gpu_check_burn_clocks = {
    .name = "burn_clocks",
    .help = "share of the time that heat or the power brake slowed it under load",
    .tier = TIER_BURN,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = clocks_run,
};

static void temperature_run(struct gpu_target *t, struct finding *f)
{
    const struct sampler_range *r = &t->compute->burn.meters.meters[TELEMETRY_TEMPERATURE];
    unsigned threshold = 0;
    int64_t margin;

    if (!is_sampled(t, f, TELEMETRY_TEMPERATURE, "its temperature"))
        return;
    gpu_figure(f, (double)r->most, 0, "C");
    /* Newer drivers tell a margin in place of this; the share of slowed time judges then. */
    if (NVML_CALL(t->nvml, temperature_threshold, t->device, NVML_THRESHOLD_SLOWDOWN, &threshold) !=
            NVML_OK ||
        threshold == 0 || threshold > 200) {
        gpu_pass(f, "%" PRId64 " to %" PRId64 " C; the driver does not tell where it slows down",
                 r->first, r->most);
        return;
    }
    margin = (int64_t)threshold - r->most;
    if (margin <= 0)
        gpu_fail(f, REMEDY_INSPECT, COOLING_ACTION, "%" PRId64 " C under load: it slows down at %u",
                 r->most, threshold);
    else if (margin < MARGIN_WARN_BELOW)
        gpu_warn(f, REMEDY_INSPECT, COOLING_ACTION,
                 "%" PRId64 " C under load: %" PRId64 " C below slowdown", r->most, margin);
    else
        gpu_pass(f, "%" PRId64 " to %" PRId64 " C", r->first, r->most);
}

const struct gpu_check gpu_check_burn_temperature = {
    .name = "burn_temperature",
    .help = "the highest temperature under load, against where it slows down",
    .tier = TIER_BURN,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = temperature_run,
};

static void power_run(struct gpu_target *t, struct finding *f)
{
    const struct burn *b = &t->compute->burn;
    const struct sampler_range *r = &b->meters.meters[TELEMETRY_POWER];
    unsigned limit = 0;
    double share;

    if (!is_sampled(t, f, TELEMETRY_POWER, "its power") ||
        !gpu_answered(t, f, NVML_CALL(t->nvml, power_limit_enforced, t->device, &limit),
                      "its power limit"))
        return;
    if (limit < 1000 || limit > MILLIWATTS_MAX) {
        gpu_error(f, "the driver's power limit makes no sense: %u mW", limit);
        return;
    }
    share = 100.0 * (double)r->most / limit;
    gpu_figure(f, (double)(int64_t)(share + 0.5), POWER_PERCENT, "% of limit");
    if (share >= POWER_PERCENT || t->compute->slice || !b->is_full_load)
        gpu_pass(f, "%.0f W at most, %.0f W on average, of %.0f W", (double)r->most / 1000,
                 mean(r) / 1000, limit / 1000.0);
    else
        gpu_warn(
            f, REMEDY_WATCH, "compare its rate with the floor and with other GPUs of the model",
            "at most %.0f W of %.0f W under full load", (double)r->most / 1000, limit / 1000.0);
}

const struct gpu_check gpu_check_burn_power = {
    .name = "burn_power",
    .help = "the power drawn under load, as a share of the limit",
    .tier = TIER_BURN,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = power_run,
};

/* More than before; 0 where the driver does not tell. */
static int64_t grown(int64_t before, int64_t after)
{
    return before >= 0 && after > before ? after - before : 0;
}

static void ecc_run(struct gpu_target *t, struct finding *f)
{
    const struct burn_errors *x = &t->compute->burn.before, *y = &t->compute->burn.after;
    int64_t corrected = grown(x->corrected, y->corrected);
    int64_t uncorrected = grown(x->uncorrected, y->uncorrected);

    if (!is_loaded(t, f))
        return;
    if (x->uncorrected < 0 && x->remapped < 0) {
        gpu_skip(f, "this GPU does not count memory errors");
        return;
    }
    gpu_figure(f, (double)uncorrected, 0, "errors");
    if (grown(x->failure, y->failure))
        gpu_fail(f, REMEDY_REPLACE, REPLACE_ACTION,
                 "a memory row could not be remapped under load");
    else if (uncorrected || grown(x->remapped, y->remapped) || grown(x->pending, y->pending))
        gpu_fail(f, REMEDY_RESET, "reset the GPU; if it comes back, have it replaced",
                 "%" PRId64 " uncorrectable memory errors and %" PRId64 " remapped rows under load",
                 uncorrected, grown(x->remapped, y->remapped));
    else if (corrected)
        gpu_pass(f, "%" PRId64 " corrected memory errors under load, none uncorrectable",
                 corrected);
    else
        gpu_pass(f, "no memory error under load");
}

const struct gpu_check gpu_check_burn_ecc = {
    .name = "burn_ecc",
    .help = "memory errors and remapped rows that came under load",
    .tier = TIER_BURN,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = ecc_run,
};
