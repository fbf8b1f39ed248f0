/* What counters say about now. All are deltas over a tenth of a second: over a life they count
 * what was repaired long ago. */
#include <inttypes.h>

#include "gpu/check.h"
#include "gpu/check/amd.h"

#define SLOT_ACTION "have the slot, riser or cable checked"
#define LINK_ACTION "stop work on this GPU; have its NVLinks checked"

static bool pcie_gen_read(const struct gpu_target *t, unsigned *gen, unsigned *lanes)
{
    return NVML_CALL(t->nvml, pcie_gen, t->device, gen) == NVML_OK && *gen >= 1 && *gen <= 6 &&
           NVML_CALL(t->nvml, pcie_width, t->device, lanes) == NVML_OK && *lanes >= 1 &&
           *lanes <= 16;
}

/* Repeated packets that the bit error rate of the PCIe specification, 1e-12, makes on this link
 * in so many milliseconds, rounded up. NVIDIA's DCGM watches for the same rate per minute. */
static int64_t pcie_allowed(const struct gpu_target *t, int64_t ms)
{
    static const double gigabits[] = {0, 2.5, 5, 8, 16, 32, 64}; /* a second and lane */
    unsigned gen = 0, lanes = 0;
    double errors;

    if (!pcie_gen_read(t, &gen, &lanes)) { /* the fastest there is allows the most */
        gen = 6;
        lanes = 16;
    }
    errors = gigabits[gen] * 1e9 * 1e-12 * lanes * (double)ms / 1000;
    return (int64_t)errors + 1;
}

static void pcie_replay_run(struct gpu_target *t, struct finding *f)
{
    const struct gpu_counters *c = gpu_counters_read(t);
    int64_t allowed;

    if (!gpu_answered(t, f, c->replays.code, "PCIe replays"))
        return;
    allowed = pcie_allowed(t, c->interval_ms);
    gpu_figure(f, (double)c->replays.delta, 0, "replays");
    if (c->replays.delta < 0)
        gpu_skip(f, "the counter of PCIe replays went back");
    else if (c->replays.delta > allowed)
        gpu_warn(f, REMEDY_INSPECT, SLOT_ACTION,
                 "%" PRId64 " PCIe replays in %" PRId64 " ms, where %" PRId64 " is allowed",
                 c->replays.delta, c->interval_ms, allowed);
    else
        gpu_pass(f, c->replays.delta ? "no more PCIe replays than the specification allows"
                                     : "the PCIe link repeats nothing");
}

const struct gpu_check gpu_check_pcie_replay = {
    .name = "pcie_replay",
    .help = "packets that PCIe has to send again, now",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = pcie_replay_run,
    .run_amd = amd_pcie_replay_run,
};

static const char *const one_texts[] = {
#define COUNTER(id, field, meaning) meaning,
#include "gpu/counters.def.h"
#undef COUNTER
};

/* The counter is not there, or not for us: nothing is wrong. */
static bool is_untold(int code)
{
    switch (code) {
    case NVML_NO_SYMBOL:
    case NVML_FUNCTION_NOT_FOUND:
    case NVML_ARGUMENT_VERSION:
    case NVML_DEPRECATED:
    case NVML_INVALID_ARGUMENT:
    case NVML_NOT_SUPPORTED:
    case NVML_NO_PERMISSION:
    case NVML_NO_DATA:
        return true;
    default:
        return false;
    }
}

/* The first code among these counters that is neither an answer nor "there is none": what a
 * failing question hides might be an error. Else NVML_OK when any is answered, else the first. */
static int codes_of(const struct gpu_counter *c, size_t count)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        any = any || c[i].code == NVML_OK;
        if (c[i].code != NVML_OK && !is_untold(c[i].code))
            return c[i].code;
    }
    return any ? NVML_OK : c[0].code;
}

static void pcie_errors_run(struct gpu_target *t, struct finding *f)
{
    const struct gpu_counters *c = gpu_counters_read(t);
    const struct gpu_counter *one = c->one;
    int64_t allowed, total = 0;
    size_t worst = GPU_COUNTER_PCIE_CORRECTABLE;

    if (!gpu_answered(t, f,
                      codes_of(&one[GPU_COUNTER_PCIE_CORRECTABLE],
                               GPU_COUNTER_PCIE_LANE - GPU_COUNTER_PCIE_CORRECTABLE + 1),
                      "PCIe errors"))
        return;
    allowed = pcie_allowed(t, c->interval_ms);
    for (size_t i = GPU_COUNTER_PCIE_CORRECTABLE; i <= GPU_COUNTER_PCIE_LANE; i++) {
        /* A request that the GPU does not know is somebody's probing, not the link's. */
        if (one[i].code != NVML_OK || one[i].delta <= 0 || i == GPU_COUNTER_PCIE_UNSUPPORTED)
            continue;
        total += one[i].delta;
        if (one[i].delta > one[worst].delta)
            worst = i;
    }
    gpu_figure(f, (double)total, 0, "errors");
    if (one[GPU_COUNTER_PCIE_FATAL].delta > 0)
        gpu_fail(f, REMEDY_INSPECT, SLOT_ACTION, "%" PRId64 " fatal PCIe errors in %" PRId64 " ms",
                 one[GPU_COUNTER_PCIE_FATAL].delta, c->interval_ms);
    else if (one[GPU_COUNTER_PCIE_NON_FATAL].delta > 0 || one[worst].delta > allowed)
        gpu_warn(f, REMEDY_INSPECT, SLOT_ACTION, "%" PRId64 " PCIe errors in %" PRId64 " ms: %s",
                 total, c->interval_ms, one_texts[worst]);
    else
        gpu_pass(f, total ? "no more PCIe errors than the specification allows"
                          : "the PCIe link counts no errors");
}

const struct gpu_check gpu_check_pcie_errors = {
    .name = "pcie_errors",
    .help = "errors that the PCIe link counts, now",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = pcie_errors_run,
};

static const struct {
    const char *text;
    enum check_result result;
    int64_t allowed; /* a second */
} link_kinds[] = {
#define LINK_COUNTER(id, field, meaning, result, allowed) {meaning, CHECK_##result, allowed},
#include "gpu/link_counters.def.h"
#undef LINK_COUNTER
};

struct link_errors {
    enum check_result result; /* the worst; pass: none */
    size_t link, kind;        /* of the first of the worst */
    int64_t count;            /* its */
};

static bool is_worse(enum check_result a, enum check_result b)
{
    return (a == CHECK_FAIL && b != CHECK_FAIL) || (a == CHECK_WARN && b == CHECK_PASS);
}

static void link_errors_find(const struct gpu_counters *c, struct link_errors *out)
{
    *out = (struct link_errors){.result = CHECK_PASS};
    for (size_t link = 0; link < NVML_NVLINKS_MAX; link++) {
        for (size_t k = 0; k < GPU_LINK_COUNTER_COUNT; k++) {
            const struct gpu_counter *one = &c->link[link][k];
            int64_t allowed = link_kinds[k].allowed * c->interval_ms / 1000;

            if (one->code != NVML_OK || one->delta <= 0 || one->delta < allowed ||
                !is_worse(link_kinds[k].result, out->result))
                continue;
            *out = (struct link_errors){link_kinds[k].result, link, k, one->delta};
        }
    }
}

static void nvlink_errors_run(struct gpu_target *t, struct finding *f)
{
    const struct gpu_counters *c = gpu_counters_read(t);
    int code = codes_of(&c->link[0][0], NVML_NVLINKS_MAX * GPU_LINK_COUNTER_COUNT);
    struct link_errors e;

    /* What NVML says of a link that the GPU does not have, as in links_count(). */
    if (code == NVML_INVALID_ARGUMENT) {
        gpu_not_applicable(f, "this GPU has no NVLinks");
        return;
    }
    if (!gpu_answered(t, f, code, "errors of NVLinks"))
        return;
    link_errors_find(c, &e);
    gpu_figure(f, (double)e.count, 0, "errors");
    if (e.result == CHECK_PASS)
        gpu_pass(f, "no NVLink counts errors");
    else if (gpu_machine_is_young(t))
        gpu_error(f, "the machine has just started: links are still training");
    else if (e.result == CHECK_FAIL)
        gpu_fail(f, REMEDY_INSPECT, LINK_ACTION, "NVLink %zu: %" PRId64 " %s in %" PRId64 " ms",
                 e.link, e.count, link_kinds[e.kind].text, c->interval_ms);
    else
        gpu_warn(f, REMEDY_INSPECT, LINK_ACTION, "NVLink %zu: %" PRId64 " %s in %" PRId64 " ms",
                 e.link, e.count, link_kinds[e.kind].text, c->interval_ms);
}

/* A tenth: changes of the performance state slow the clocks for a few milliseconds (a note in
 * NVIDIA's header), and the driver adds to these counters in steps. */
#define SLOWED_PERCENT_MAX 10

/* The share of the interval, or -1 when the driver does not tell. */
static double slowed_percent(const struct gpu_counters *c, enum gpu_counter_id id)
{
    double percent;

    if (c->one[id].code != NVML_OK || c->one[id].delta < 0)
        return -1;
    percent = (double)c->one[id].delta / ((double)c->interval_ms * 1e6) * 100;
    return percent > 100 ? 100 : percent;
}

static void throttle_time_run(struct gpu_target *t, struct finding *f)
{
    static const enum gpu_counter_id ids[] = {
        GPU_COUNTER_THROTTLE_BRAKE, GPU_COUNTER_THROTTLE_HW_HEAT, GPU_COUNTER_THROTTLE_SW_HEAT};
    const struct gpu_counters *c = gpu_counters_read(t);
    enum gpu_counter_id worst = ids[0];

    if (!gpu_answered(t, f, codes_of(&c->one[GPU_COUNTER_THROTTLE_SW_HEAT], ARRAY_SIZE(ids)),
                      "time with slowed clocks"))
        return;
    for (size_t i = 1; i < ARRAY_SIZE(ids); i++) {
        if (slowed_percent(c, ids[i]) > slowed_percent(c, worst))
            worst = ids[i];
    }
    if (slowed_percent(c, worst) < 0) {
        gpu_skip(f, "the counters of slowed time went back");
        return;
    }
    gpu_figure(f, slowed_percent(c, worst), 0, "% of time");
    if (slowed_percent(c, worst) >= SLOWED_PERCENT_MAX)
        gpu_warn(f, REMEDY_INSPECT, "have cooling and power checked",
                 "clocks are slowed for %.0f %% of the time: %s", slowed_percent(c, worst),
                 one_texts[worst]);
    else
        gpu_pass(f, slowed_percent(c, GPU_COUNTER_THROTTLE_POWER) >= SLOWED_PERCENT_MAX
                        ? "slowed by its power limit only, as under load"
                        : "no time is lost to slowed clocks");
}

const struct gpu_check gpu_check_throttle_time = {
    .name = "throttle_time",
    .help = "share of the time in which heat or a power brake slows the clocks",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = throttle_time_run,
};

const struct gpu_check gpu_check_nvlink_errors = {
    .name = "nvlink_errors",
    .help = "errors that links between GPUs count, now",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = nvlink_errors_run,
    .run_amd = amd_xgmi_run,
};
