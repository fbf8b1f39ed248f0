/* GPUs of AMD's: memory, heat, power, links. The questions are those of the checks they answer
 * for; the counters are the driver's since it was loaded. */
#include "gpu/check/amd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "gpu/amd.h"

#define RESET_ACTION   "stop work on this GPU and reset it"
#define REPLACE_ACTION "ask the provider to replace the GPU"
#define SLOT_ACTION    "have the slot, riser or cable checked"
#define COUNT_MAX      1000000000000ULL
#define PAUSE_MS       100

static const struct {
    uint64_t block;
    const char *name;
} blocks[] = {
    {0x1, "memory"}, {0x2, "SDMA"},  {0x4, "graphics"}, {0x8, "MMHUB"},    {0x10, "ATHUB"},
    {0x20, "PCIe"},  {0x40, "HDP"},  {0x80, "XGMI"},    {0x100, "DF"},     {0x200, "SMN"},
    {0x400, "SEM"},  {0x800, "MP0"}, {0x1000, "MP1"},   {0x2000, "fuses"},
};

struct ecc_sum {
    size_t answered;
    uint64_t corrected, uncorrected, deferred;
    const char *where; /* the block with most uncorrected errors */
    uint64_t most;
    int code; /* of the first block that did not answer */
};

static void ecc_add(const struct gpu_target *t, size_t i, struct ecc_sum *sum)
{
    struct amd_errors e = {0};
    int code = AMD_CALL(t->amd, ecc_count, t->info->vendor_index, blocks[i].block, &e);

    if (code == NVML_OK &&
        (e.corrected > COUNT_MAX || e.uncorrected > COUNT_MAX || e.deferred > COUNT_MAX))
        code = NVML_GARBAGE;
    if (code != NVML_OK) {
        /* A block may have ECC and no counters. */
        if (sum->code == NVML_OK && code != NVML_NOT_SUPPORTED)
            sum->code = code;
        return;
    }
    sum->answered++;
    sum->corrected += e.corrected;
    sum->uncorrected += e.uncorrected;
    sum->deferred += e.deferred;
    if (e.uncorrected > sum->most) {
        sum->most = e.uncorrected;
        sum->where = blocks[i].name;
    }
}

void amd_ecc_run(struct gpu_target *t, struct finding *f)
{
    struct ecc_sum sum = {.code = NVML_OK};
    uint64_t enabled = 0;

    if (!gpu_answered(t, f, AMD_CALL(t->amd, ecc_enabled, t->info->vendor_index, &enabled),
                      "error correction"))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        if (enabled & blocks[i].block)
            ecc_add(t, i, &sum);
    }
    gpu_figure(f, (double)sum.uncorrected, 0, "errors");
    if (sum.uncorrected)
        gpu_fail(f, REMEDY_RESET, RESET_ACTION "; if it comes back, have it replaced",
                 "%" PRIu64 " uncorrectable error%s since the driver was loaded, most in %s",
                 sum.uncorrected, sum.uncorrected == 1 ? "" : "s", sum.where);
    else if (!gpu_answered(t, f, sum.code, "error counters"))
        return;
    else if (!sum.answered)
        gpu_skip(f, enabled ? "this GPU does not report error counters"
                            : "error correction is switched off");
    else if (sum.deferred) /* found damaged before anybody read it; its page is retired */
        gpu_warn(f, REMEDY_WATCH, "watch it; reset the GPU when it is idle",
                 "%" PRIu64 " deferred error%s since the driver was loaded", sum.deferred,
                 sum.deferred == 1 ? "" : "s");
    else if (sum.corrected)
        gpu_pass(f, "no uncorrectable error since the driver was loaded; %" PRIu64 " corrected",
                 sum.corrected);
    else
        gpu_pass(f, "no uncorrectable error since the driver was loaded");
}

#define PAGES_MAX      256
#define PAGES_SANE_MAX 1000000

void amd_pages_run(struct gpu_target *t, struct finding *f)
{
    struct amd_page pages[PAGES_MAX] = {{0}};
    uint32_t count = PAGES_MAX, pending = 0, stuck = 0;
    int code = AMD_CALL(t->amd, reserved_pages, t->info->vendor_index, &count, pages);

    /* More than fit: count says how many there are, and what fits is looked at. */
    if (code == NVML_INSUFFICIENT_SIZE)
        code = NVML_OK;
    if (!gpu_answered(t, f, code, "retired pages"))
        return;
    if (count > PAGES_SANE_MAX) {
        gpu_error(f, "the driver's count of retired pages makes no sense: %" PRIu32, count);
        return;
    }
    for (uint32_t i = 0; i < count && i < PAGES_MAX; i++) {
        pending += pages[i].state == AMD_PAGE_PENDING;
        stuck += pages[i].state == AMD_PAGE_UNRESERVABLE;
    }
    gpu_figure(f, (double)count, 0, "pages");
    if (stuck)
        gpu_fail(f, REMEDY_REPLACE, REPLACE_ACTION,
                 "%" PRIu32 " bad memory page%s cannot be retired", stuck, stuck == 1 ? "" : "s");
    else if (pending)
        gpu_fail(f, REMEDY_RESET, RESET_ACTION, "memory pages wait to be retired");
    else
        gpu_pass(f, "no page waits to be retired");
}

#define MILLICELSIUS_MAX 200000

static bool celsius_read(struct gpu_target *t, struct finding *f, uint32_t sensor, int metric,
                         int64_t *out)
{
    int64_t milli = 0;
    int code = AMD_CALL(t->amd, temperature, t->info->vendor_index, sensor, metric, &milli);

    if (!gpu_answered(t, f, code, "this temperature"))
        return false;
    if (milli < -MILLICELSIUS_MAX || milli > MILLICELSIUS_MAX) {
        gpu_error(f, "the driver's temperature makes no sense: %" PRId64 " mC", milli);
        return false;
    }
    *out = milli / 1000;
    return true;
}

static bool sensor_judge(struct gpu_target *t, struct finding *f, uint32_t sensor)
{
    int64_t celsius, limit;

    if (!celsius_read(t, f, sensor, AMD_TEMPERATURE_CURRENT, &celsius) ||
        !celsius_read(t, f, sensor, AMD_TEMPERATURE_CRITICAL, &limit))
        return false;
    if (limit <= 0)
        gpu_error(f, "the driver's limit of the temperature makes no sense: %" PRId64 " C", limit);
    else
        gpu_celsius_judge(f, celsius, limit);
    return true;
}

/* The hottest spot, which data centre GPUs have; else the edge. */
void amd_temperature_run(struct gpu_target *t, struct finding *f)
{
    if (!sensor_judge(t, f, AMD_SENSOR_JUNCTION) && f->result == CHECK_SKIP)
        sensor_judge(t, f, AMD_SENSOR_EDGE);
}

void amd_memory_temperature_run(struct gpu_target *t, struct finding *f)
{
    sensor_judge(t, f, AMD_SENSOR_MEMORY);
}

#define MICROWATTS_PER_WATT 1000000ULL
#define MICROWATTS_MAX      (10000 * MICROWATTS_PER_WATT)

void amd_power_limit_run(struct gpu_target *t, struct finding *f)
{
    uint64_t cap = 0, standard = 0;
    uint32_t index = t->info->vendor_index;

    if (!gpu_answered(t, f, AMD_CALL(t->amd, power_cap, index, 0, &cap), "its power limit") ||
        !gpu_answered(t, f, AMD_CALL(t->amd, power_cap_default, index, &standard),
                      "its own power limit"))
        return;
    if (cap < MICROWATTS_PER_WATT || cap > MICROWATTS_MAX || standard < MICROWATTS_PER_WATT ||
        standard > MICROWATTS_MAX) {
        gpu_error(f, "the driver's power limit makes no sense: %" PRIu64 " of %" PRIu64 " uW", cap,
                  standard);
        return;
    }
    cap /= MICROWATTS_PER_WATT;
    standard /= MICROWATTS_PER_WATT;
    gpu_figure(f, (double)cap, (double)standard, "W");
    if (cap < standard)
        gpu_warn(f, REMEDY_FIX_SETUP,
                 "raise it with rocm-smi --setpoweroverdrive, or ask the provider",
                 "power is limited to %" PRIu64 " W of %" PRIu64 " W", cap, standard);
    else
        gpu_pass(f, "full power");
}

#define SYSFS_VALUE_MAX 64

/* "16" or "32.0 GT/s PCIe" of /sys/bus/pci/devices/ADDRESS/NAME; 0 when it is not there. */
static double link_value(const struct gpu_target *t, const char *name)
{
    char path[512], *end;
    STRBUF text;
    double value;

    strbuf_init(&text, SYSFS_VALUE_MAX);
    if (snprintf(path, sizeof path, "%s/bus/pci/devices/%s/%s", t->options->sysfs_dir,
                 t->info->gpu.pci, name) >= (int)sizeof path ||
        file_read(path, &text, NULL))
        return 0;
    value = strtod(text.data, &end);
    return end != text.data && value >= 1 && value <= 255 ? value : 0;
}

/* From the kernel: AMD's library tells every width that PCIe knows, not those of this slot. */
void amd_pcie_link_run(struct gpu_target *t, struct finding *f)
{
    double width = link_value(t, "current_link_width"), width_max = link_value(t, "max_link_width");
    double speed = link_value(t, "current_link_speed"), speed_max = link_value(t, "max_link_speed");

    if (width <= 0 || width_max <= 0) {
        gpu_skip(f, "the kernel does not tell its PCIe link");
        return;
    }
    gpu_figure(f, width, width_max, "lanes");
    if (width < width_max)
        gpu_warn(f, REMEDY_INSPECT, SLOT_ACTION, "PCIe runs on %.0f lanes of %.0f", width,
                 width_max);
    else if (speed < speed_max)
        gpu_pass(f, "full width; %g of %g GT/s, as at idle", speed, speed_max);
    else
        gpu_pass(f, "full width, %g GT/s", speed);
}

#define REPLAYS_MAX                                                              \
    1 /* see pcie_allowed() in gpu/check/counter.c: no link makes more in 100 ms \
       */

void amd_pcie_replay_run(struct gpu_target *t, struct finding *f)
{
    uint64_t before = 0, after = 0;
    uint32_t index = t->info->vendor_index;

    if (!gpu_answered(t, f, AMD_CALL(t->amd, pcie_replays, index, &before), "PCIe replays"))
        return;
    gpu_pause_ms(PAUSE_MS);
    if (!gpu_answered(t, f, AMD_CALL(t->amd, pcie_replays, index, &after), "PCIe replays"))
        return;
    if (after < before) {
        gpu_skip(f, "the counter of PCIe replays went back");
        return;
    }
    gpu_figure(f, (double)(after - before), 0, "replays");
    if (after - before > REPLAYS_MAX)
        gpu_warn(f, REMEDY_INSPECT, SLOT_ACTION, "%" PRIu64 " PCIe replays in a tenth of a second",
                 after - before);
    else
        gpu_pass(f, "the PCIe link repeats nothing");
}

/* The kernel forgets what it has told: the first answer is about the past, the second about the
 * pause between them. */
void amd_xgmi_run(struct gpu_target *t, struct finding *f)
{
    int before = 0, now = 0;
    uint32_t index = t->info->vendor_index;

    if (!gpu_answered(t, f, AMD_CALL(t->amd, xgmi_status, index, &before), "errors of XGMI links"))
        return;
    gpu_pause_ms(PAUSE_MS);
    if (!gpu_answered(t, f, AMD_CALL(t->amd, xgmi_status, index, &now), "errors of XGMI links"))
        return;
    if (before < 0 || before > 2 || now < 0 || now > 2)
        gpu_error(f, "the driver's state of the XGMI links makes no sense: %d, %d", before, now);
    else if (now)
        gpu_warn(f, REMEDY_INSPECT, "stop work on this GPU; have its links checked",
                 "an XGMI link makes %s now", now == 1 ? "an error" : "errors");
    else
        gpu_pass(f, before ? "no XGMI link makes errors now; there were some before"
                           : "no XGMI link makes errors");
}

void amd_partition_run(struct gpu_target *t, struct finding *f)
{
    char text[16] = "", clean[16];
    int code = AMD_CALL(t->amd, partition, t->info->vendor_index, text, sizeof text);

    if (!gpu_answered(t, f, code, "partitions"))
        return;
    gpu_text_copy(clean, sizeof clean, text, sizeof text);
    if (!clean[0])
        gpu_error(f, "the driver names no partition");
    else if (strcmp(clean, "SPX") == 0)
        gpu_pass(f, "one whole GPU (SPX)");
    else
        gpu_pass(f, "cut into partitions (%s): programs see slices, not the whole GPU", clean);
}
