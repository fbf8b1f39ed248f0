/* Which floor applies, and what a figure means by it. */
#include "gpu/floor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the default. Less is taken off by rounding, and explains no figure under its floor. */
#define POWER_LIMIT_SHARE 0.95

const struct gpu_floor gpu_floor_table[] = {
#define FLOOR(m, c, u, at_best, warn, fail, generation, lanes, gpus, from) \
    {m, c, u, at_best, warn, fail, generation, lanes, gpus, from},
#include "gpu/floors.def.h"
#undef FLOOR
};
const size_t gpu_floor_table_count = ARRAY_SIZE(gpu_floor_table);

static bool is_about(const struct gpu_floor *f, const char *model, const char *check)
{
    return strcmp(f->model, model) == 0 && strcmp(f->check, check) == 0;
}

static bool is_here(const struct gpu_floor *f, const struct gpu_floor_place *p)
{
    return (!f->pcie_generation || f->pcie_generation == p->pcie_generation) &&
           (!f->pcie_lanes || f->pcie_lanes == p->pcie_lanes) && f->gpus_min <= p->gpu_count;
}

const struct gpu_floor *gpu_floor_find(const struct gpu_floors *own, const char *model,
                                       const char *check, const struct gpu_floor_place *place)
{
    bool is_own = false;

    for (size_t i = 0; own && i < own->floor_count; i++) {
        if (!is_about(&own->floors[i], model, check))
            continue;
        is_own = true;
        if (is_here(&own->floors[i], place))
            return &own->floors[i];
    }
    for (size_t i = 0; !is_own && i < gpu_floor_table_count; i++) {
        if (is_about(&gpu_floor_table[i], model, check) && is_here(&gpu_floor_table[i], place))
            return &gpu_floor_table[i];
    }
    return NULL;
}

/* Lines of one model and check differ in what they ask for. */
double gpu_floor_peak(const struct gpu_floors *own, const char *model, const struct finding *f)
{
    for (size_t i = 0; own && i < own->floor_count; i++) {
        if (is_about(&own->floors[i], model, f->check) && own->floors[i].warn_below == f->floor)
            return own->floors[i].peak;
    }
    for (size_t i = 0; i < gpu_floor_table_count; i++) {
        if (is_about(&gpu_floor_table[i], model, f->check) &&
            gpu_floor_table[i].warn_below == f->floor)
            return gpu_floor_table[i].peak;
    }
    return 0;
}

static bool may_meet(int64_t a, int64_t b)
{
    return !a || !b || a == b;
}

bool gpu_floors_overlap(const struct gpu_floor *a, const struct gpu_floor *b)
{
    return is_about(a, b->model, b->check) && may_meet(a->pcie_generation, b->pcie_generation) &&
           may_meet(a->pcie_lanes, b->pcie_lanes);
}

/* "4560 GB/s, 95 % of 4800". */
static void reached_text(const struct gpu_floor *floor, double value, char *out, size_t size)
{
    if (floor->peak > 0)
        snprintf(out, size, "%.4g %s, %.0f %% of %.4g", value, floor->unit,
                 100 * value / floor->peak, floor->peak);
    else
        snprintf(out, size, "%.4g %s", value, floor->unit);
}

void gpu_floor_judge(const struct gpu_floor *floor, bool is_power_limited, struct finding *f,
                     double value, const char *unit)
{
    char reached[TEXT_BYTES_MAX / 2];

    gpu_figure(f, isfinite(value) ? value : 0, floor->warn_below, unit);
    text_copy(f->source, sizeof f->source, floor->source);
    /* A floor in another unit condemns or passes everything: DCGM's H200 entry does. */
    if (strcmp(unit, floor->unit) != 0 || !isfinite(value)) {
        f->floor = 0;
        gpu_error(f, "measured in %s, but the floor is in %s", unit, floor->unit);
        return;
    }
    reached_text(floor, value, reached, sizeof reached);
    if (value >= floor->warn_below)
        gpu_pass(f, "%s", reached);
    else if (value >= floor->fail_below)
        gpu_warn(f, REMEDY_RETRY, "run it again on an idle machine; if it stays, inspect the GPU",
                 "%s; healthy is %.4g", reached, floor->warn_below);
    else if (is_power_limited)
        gpu_warn(f, REMEDY_FIX_SETUP, "set the power limit back (nvidia-smi -pl), then check again",
                 "%s; its power limit was lowered", reached);
    else
        gpu_fail(f, REMEDY_INSPECT, "have this GPU inspected: a healthy one is never so slow",
                 "%s; at least %.4g is needed", reached, floor->fail_below);
}

static bool power_is_limited(const struct gpu_target *t)
{
    unsigned enforced = 0, normal = 0;

    return NVML_CALL(t->nvml, power_limit_enforced, t->device, &enforced) == NVML_OK &&
           NVML_CALL(t->nvml, power_limit_default, t->device, &normal) == NVML_OK &&
           enforced < POWER_LIMIT_SHARE * normal;
}

static bool is_sliced(const struct gpu_target *t)
{
    unsigned current = 0, pending = 0;

    return NVML_CALL(t->nvml, mig_mode, t->device, &current, &pending) == NVML_OK && current;
}

static struct gpu_floor_place place_of(const struct gpu_target *t)
{
    struct gpu_floor_place p = {.gpu_count = t->inventory->listed_count};
    unsigned generation = 0, lanes = 0;

    if (NVML_CALL(t->nvml, pcie_gen_max, t->device, &generation) == NVML_OK)
        p.pcie_generation = generation;
    if (NVML_CALL(t->nvml, pcie_width_max, t->device, &lanes) == NVML_OK)
        p.pcie_lanes = lanes;
    return p;
}

void gpu_excuses_read(const struct gpu_target *t, struct gpu_info *out)
{
    struct gpu_floor_place p = place_of(t);

    out->pcie_generation = p.pcie_generation;
    out->pcie_lanes = p.pcie_lanes;
    out->is_power_limited = power_is_limited(t);
}

void gpu_measured(const struct gpu_target *t, struct finding *f, double value, const char *unit)
{
    const struct gpu_floor *floor = NULL;
    bool has_driver = t->nvml && t->device && t->info;

    /* Slices differ in size: without a figure of its own no peer is held against it, either. */
    if (has_driver && is_sliced(t) && isfinite(value)) {
        gpu_pass(f, "%.4g %s on a MIG instance, which is held to no floor", value, unit);
        return;
    }
    if (has_driver) {
        struct gpu_floor_place place = place_of(t);

        floor = gpu_floor_find(t->options->floors, t->info->gpu.model, f->check, &place);
    }
    if (floor) {
        gpu_floor_judge(floor, power_is_limited(t), f, value, unit);
        return;
    }
    gpu_figure(f, isfinite(value) ? value : 0, 0, unit);
    if (isfinite(value))
        gpu_pass(f, "%.4g %s; no floor is known for this model here", value, unit);
    else
        gpu_error(f, "measured no number");
}
