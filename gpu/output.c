/* The lists: GPUs and checks. What a report looks like is in gpu/output_<format>.c. */
#include "gpu/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "gpu/cells.h"

#define GIB        (1024.0 * 1024 * 1024)
#define NAME_WIDTH 20

static const struct field listing_fields[] = {
    F_LIST(struct gpu_listing, gpus, gpu_count, 0, &report_gpu_shape, GPUS_PER_INSTANCE_MAX,
           "The GPUs that the driver lists."),
    F_STRING(struct gpu_listing, driver_version, 0, 0, 0, "Version of the driver; empty without."),
    F_STRING(struct gpu_listing, reason, 0, 0, 0,
             "Why there is no driver or a GPU did not answer; else empty."),
};
SHAPE(gpu_listing_shape, struct gpu_listing, "GpuListing", "GPUs of this machine.", listing_fields);

static const struct field check_line_fields[] = {
    F_STRING(struct gpu_check_line, name, 0, 0, 0, "Name of the check."),
    F_ENUM(struct gpu_check_line, tier, 0, tier_names, "The first tier that runs it."),
    F_BOOL(struct gpu_check_line, per_gpu, 0,
           "True when it looks at one GPU, else at the machine."),
    F_STRING(struct gpu_check_line, help, 0, 0, 0, "What it looks at."),
};
SHAPE(gpu_check_line_shape, struct gpu_check_line, "GpuCheck", "A check.", check_line_fields);

static const struct field check_listing_fields[] = {
    F_LIST(struct gpu_check_listing, checks, check_count, 0, &gpu_check_line_shape, 1024,
           "The checks, in the order of running."),
};
SHAPE(gpu_check_listing_shape, struct gpu_check_listing, "GpuChecks", "All checks.",
      check_listing_fields);

/* Why the list is not what a caller hopes for; "" when every GPU answered. */
static void inventory_reason(const struct gpu_inventory *inv, char *out, size_t size)
{
    out[0] = '\0';
    if (inv->state == GPU_DRIVER_ABSENT)
        snprintf(out, size, "no NVIDIA driver: %.100s; no AMD driver: %.100s",
                 inv->drivers[GPU_VENDOR_NVIDIA].reason, inv->drivers[GPU_VENDOR_AMD].reason);
    else if (inv->state != GPU_DRIVER_READY)
        text_copy(out, size, inv->reason);
    if (inv->state != GPU_DRIVER_READY)
        return;
    if (inv->listed_count == 0)
        text_copy(out, size, "the driver lists no GPU");
    for (size_t i = 0; i < inv->gpu_count && !out[0]; i++) {
        if (!inv->gpus[i].answered)
            snprintf(out, size, "GPU %zu: %s", i, inv->gpus[i].reason);
    }
    if (!out[0] && inv->listed_count > GPUS_PER_INSTANCE_MAX)
        snprintf(out, size, "only the first %d of %" PRId64 " GPUs", GPUS_PER_INSTANCE_MAX,
                 inv->listed_count);
}

void gpu_list_text(const struct gpu_inventory *inv, struct strbuf *out)
{
    struct report_gpu gpus[GPUS_PER_INSTANCE_MAX];
    char reason[TEXT_BYTES_MAX];

    inventory_reason(inv, reason, sizeof reason);
    for (size_t i = 0; i < inv->gpu_count; i++)
        gpus[i] = inv->gpus[i].gpu;
    if (inv->gpu_count) {
        gpu_gpus_text(gpus, inv->gpu_count, out);
        strbuf_addc(out, '\n');
        for (size_t i = 0; i < inv->gpu_count; i++) {
            if (inv->gpus[i].memory_total_bytes)
                strbuf_addf(out, "GPU %zu: %.1f of %.1f GiB of memory in use\n", i,
                            (double)inv->gpus[i].memory_used_bytes / GIB,
                            (double)inv->gpus[i].memory_total_bytes / GIB);
        }
    }
    if (inv->state == GPU_DRIVER_READY && inv->driver_version[0]) {
        strbuf_adds(out, "driver ");
        gpu_clean(out, inv->driver_version);
        strbuf_addc(out, '\n');
    }
    if (reason[0]) {
        strbuf_adds(out, "hourglass-gpu: ");
        gpu_clean(out, reason);
        strbuf_addc(out, '\n');
    }
}

enum err_code gpu_list_json(const struct gpu_inventory *inv, struct strbuf *out, struct err *e)
{
    struct gpu_listing l = {.gpu_count = inv->gpu_count};

    l.gpus = calloc(inv->gpu_count + 1, sizeof *l.gpus);
    if (!l.gpus)
        return err_set(e, ERR_IO, "out of memory");
    for (size_t i = 0; i < inv->gpu_count; i++)
        l.gpus[i] = inv->gpus[i].gpu;
    text_copy(l.driver_version, sizeof l.driver_version, inv->driver_version);
    inventory_reason(inv, l.reason, sizeof l.reason);
    shape_encode(&gpu_listing_shape, &l, out);
    strbuf_addc(out, '\n');
    free(l.gpus);
    return ERR_OK;
}

void gpu_checks_text(struct strbuf *out)
{
    gpu_column(out, "CHECK", NAME_WIDTH);
    gpu_column(out, "TIER", 6);
    gpu_column(out, "OF", 8);
    strbuf_adds(out, "LOOKS AT\n");
    for (size_t i = 0; i < gpu_check_count; i++) {
        gpu_column(out, gpu_checks[i]->name, NAME_WIDTH);
        gpu_column(out, tier_names[gpu_checks[i]->tier], 6);
        gpu_column(out, gpu_checks[i]->scope == GPU_SCOPE_GPU ? "each GPU" : "machine", 8);
        strbuf_adds(out, gpu_checks[i]->help);
        strbuf_addc(out, '\n');
    }
}

enum err_code gpu_checks_json(struct strbuf *out, struct err *e)
{
    struct gpu_check_listing l = {.check_count = gpu_check_count};

    l.checks = calloc(gpu_check_count, sizeof *l.checks);
    if (!l.checks)
        return err_set(e, ERR_IO, "out of memory");
    for (size_t i = 0; i < gpu_check_count; i++) {
        l.checks[i].tier = gpu_checks[i]->tier;
        l.checks[i].per_gpu = gpu_checks[i]->scope == GPU_SCOPE_GPU;
        text_copy(l.checks[i].name, sizeof l.checks[i].name, gpu_checks[i]->name);
        text_copy(l.checks[i].help, sizeof l.checks[i].help, gpu_checks[i]->help);
    }
    shape_encode(&gpu_check_listing_shape, &l, out);
    strbuf_addc(out, '\n');
    free(l.checks);
    return ERR_OK;
}
