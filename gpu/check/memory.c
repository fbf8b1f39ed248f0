/* What the driver remembers about the GPU's memory: remapped rows, retired pages, error
 * counters and flags. Lifetime counters alone never condemn a GPU: a row that was remapped
 * is repaired. */
#include <inttypes.h>

#include "gpu/check.h"
#include "gpu/check/amd.h"

#define RESET_ACTION      "stop work on this GPU and reset it"
#define REPLACE_ACTION    "ask the provider to replace the GPU"
#define COUNT_MAX         1000000000000LL /* more events than a life has seconds: garbage */
#define REMAPPED_MAX      512             /* uncorrectable remaps at which NVIDIA replaces it */
#define BANKS_MAX         65536           /* far above any GPU's */
#define RETIRED_PAGES_MAX 63              /* retired pages at which NVIDIA replaces it */

static void row_remap_run(struct gpu_target *t, struct finding *f)
{
    static const char what[] = "row remapping";
    struct nvml_spare_rows spare = {0};
    int64_t pending, failure, rows;

    if (!gpu_field(t, f, NVML_FIELD_REMAP_FAILURE, what, 0, 1, &failure) ||
        !gpu_field(t, f, NVML_FIELD_REMAP_PENDING, what, 0, 1, &pending) ||
        !gpu_field(t, f, NVML_FIELD_REMAPPED_UNCORRECTABLE, what, 0, COUNT_MAX, &rows))
        return;
    gpu_figure(f, (double)rows, 0, "rows");
    if (failure)
        gpu_fail(f, REMEDY_REPLACE, REPLACE_ACTION, "a memory row could not be remapped");
    else if (rows >= REMAPPED_MAX)
        gpu_fail(f, REMEDY_REPLACE, REPLACE_ACTION,
                 "%" PRId64 " rows were remapped after uncorrectable errors", rows);
    else if (pending)
        gpu_fail(f, REMEDY_RESET, RESET_ACTION, "memory rows wait to be remapped");
    else if (NVML_CALL(t->nvml, spare_rows, t->device, &spare) == NVML_OK && spare.none > 0 &&
             spare.none <= BANKS_MAX)
        gpu_warn(f, REMEDY_WATCH, "watch it: the next error there cannot be repaired",
                 "%u memory bank%s no spare row left", spare.none,
                 spare.none == 1 ? " has" : "s have");
    else
        gpu_pass(f, "nothing waits to be remapped");
}

const struct gpu_check gpu_check_row_remap = {
    .name = "row_remap",
    .help = "memory rows that wait to be remapped or could not be",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = row_remap_run,
};

static void unrepairable_run(struct gpu_target *t, struct finding *f)
{
    struct nvml_unrepairable u = {0};

    if (!gpu_answered(t, f, NVML_CALL(t->nvml, unrepairable, t->device, &u), "unrepairable memory"))
        return;
    if (u.flag > 1)
        gpu_error(f, "the driver's flag for unrepairable memory makes no sense: %u", u.flag);
    else if (u.flag)
        gpu_fail(f, REMEDY_REPLACE, REPLACE_ACTION, "the GPU has memory that cannot be repaired");
    else
        gpu_pass(f, "no unrepairable memory");
}

const struct gpu_check gpu_check_unrepairable_memory = {
    .name = "unrepairable_memory",
    .help = "the driver's flag for memory that cannot be repaired",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = unrepairable_run,
};

/* False, with the reason, when nobody counts. */
static bool ecc_is_on(struct gpu_target *t, struct finding *f)
{
    int64_t on;

    if (!gpu_field(t, f, NVML_FIELD_ECC_CURRENT, "error correction", 0, 1, &on))
        return false;
    if (!on)
        gpu_skip(f, "error correction is switched off");
    return on != 0;
}

/* What was corrected is no fault: told, where there is any. Too many of them are an XID (92). */
static void ecc_volatile_run(struct gpu_target *t, struct finding *f)
{
    int64_t errors, corrected = 0;

    if (!ecc_is_on(t, f) || !gpu_field(t, f, NVML_FIELD_ECC_DBE_VOLATILE,
                                       "uncorrectable memory errors", 0, COUNT_MAX, &errors))
        return;
    gpu_figure(f, (double)errors, 0, "errors");
    if (errors)
        gpu_fail(f, REMEDY_RESET, RESET_ACTION "; if it comes back, have it replaced",
                 "%" PRId64 " uncorrectable memory error%s since the driver was loaded", errors,
                 errors == 1 ? "" : "s");
    else if (nvml_field_read(t->nvml, t->device, NVML_FIELD_ECC_SBE_VOLATILE, &corrected) ==
                 NVML_OK &&
             corrected > 0 && corrected <= COUNT_MAX)
        gpu_pass(f, "no uncorrectable error since the driver was loaded; %" PRId64 " corrected",
                 corrected);
    else
        gpu_pass(f, "no uncorrectable error since the driver was loaded");
}

const struct gpu_check gpu_check_ecc_volatile = {
    .name = "ecc_volatile",
    .help = "uncorrectable memory errors since the driver was loaded",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = ecc_volatile_run,
    .run_amd = amd_ecc_run,
};

/* Over a GPU's life, errors in DRAM were repaired by remapping, which row_remap judges; those
 * in SRAM were not. */
static void ecc_aggregate_run(struct gpu_target *t, struct finding *f)
{
    unsigned long long sram = 0;
    int64_t errors;
    int code;

    if (!ecc_is_on(t, f) || !gpu_field(t, f, NVML_FIELD_ECC_DBE_AGGREGATE, "lifetime memory errors",
                                       0, COUNT_MAX, &errors))
        return;
    gpu_figure(f, (double)errors, 0, "errors");
    code = NVML_CALL(t->nvml, error_counter, t->device, NVML_ERRORS_UNCORRECTED,
                     NVML_COUNTER_AGGREGATE, NVML_LOCATION_SRAM, &sram);
    if (code == NVML_OK && sram > COUNT_MAX)
        gpu_error(f, "the driver's count of SRAM errors makes no sense: %llu", sram);
    else if (code == NVML_OK && sram)
        gpu_warn(f, REMEDY_WATCH, "watch it; ask the provider when it grows",
                 "%llu uncorrectable SRAM error%s over its life", sram, sram == 1 ? "" : "s");
    else if (errors)
        gpu_pass(f, "only errors that remapping repairs, over its life");
    else
        gpu_pass(f, "no uncorrectable error over its life");
}

const struct gpu_check gpu_check_ecc_aggregate = {
    .name = "ecc_aggregate",
    .help = "uncorrectable memory errors over the GPU's life",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = ecc_aggregate_run,
};

static void sram_threshold_run(struct gpu_target *t, struct finding *f)
{
    struct nvml_sram s = {.version = NVML_STRUCT_VERSION(sizeof s, 1)};

    if (!gpu_answered(t, f, NVML_CALL(t->nvml, sram_status, t->device, &s), "SRAM errors"))
        return;
    if (s.threshold_exceeded > 1)
        gpu_error(f, "the driver's flag for SRAM errors makes no sense: %u", s.threshold_exceeded);
    else if (s.threshold_exceeded)
        gpu_fail(f, REMEDY_REPLACE, REPLACE_ACTION, "SRAM errors are above NVIDIA's threshold");
    else
        gpu_pass(f, "SRAM errors are below NVIDIA's threshold");
}

const struct gpu_check gpu_check_sram_threshold = {
    .name = "sram_threshold",
    .help = "the driver's flag for too many SRAM errors (root only)",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = sram_threshold_run,
};

static void retired_pages_run(struct gpu_target *t, struct finding *f)
{
    static const char what[] = "retired pages";
    int64_t single, twice, pending;

    if (!gpu_field(t, f, NVML_FIELD_RETIRED_PENDING, what, 0, 1, &pending) ||
        !gpu_field(t, f, NVML_FIELD_RETIRED_SBE, what, 0, COUNT_MAX, &single) ||
        !gpu_field(t, f, NVML_FIELD_RETIRED_DBE, what, 0, COUNT_MAX, &twice))
        return;
    gpu_figure(f, (double)(single + twice), 0, "pages");
    if (single + twice >= RETIRED_PAGES_MAX)
        gpu_fail(f, REMEDY_REPLACE, REPLACE_ACTION, "%" PRId64 " memory pages are retired",
                 single + twice);
    else if (pending)
        gpu_fail(f, REMEDY_RESET, RESET_ACTION, "memory pages wait to be retired");
    else
        gpu_pass(f, "no page waits to be retired");
}

const struct gpu_check gpu_check_retired_pages = {
    .name = "retired_pages",
    .help = "memory pages that are retired or wait for it (before Ampere; AMD)",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = retired_pages_run,
    .run_amd = amd_pages_run,
};
