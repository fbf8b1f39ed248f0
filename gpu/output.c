/* Tables and JSON. Whatever came from the driver or the machine is cleaned on its way to a
 * terminal. */
#include "gpu/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define GIB          (1024.0 * 1024 * 1024)
#define NAME_WIDTH   20
#define GPUS_WIDTH   10
#define FIGURE_WIDTH 20

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

static void clean(struct strbuf *out, const char *text)
{
    text_clean(out, text, strlen(text), TEXT_ONE_LINE);
}

/* Text, then spaces up to `width` cells and one more. */
static void column(struct strbuf *out, const char *text, int width)
{
    STRBUF cell;

    strbuf_init(&cell, TEXT_BYTES_MAX * 4);
    clean(&cell, text);
    strbuf_adds(out, cell.data);
    for (int used = text_width(cell.data); used < width; used++)
        strbuf_addc(out, ' ');
    strbuf_addc(out, ' ');
}

/* No line ends in spaces. */
static void line_end(struct strbuf *out)
{
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    strbuf_addc(out, '\n');
}

static void gpus_text(const struct report_gpu *gpus, size_t count, struct strbuf *out)
{
    int width = 5;

    for (size_t i = 0; i < count; i++)
        width = text_width(gpus[i].model) > width ? text_width(gpus[i].model) : width;
    column(out, "GPU", 4);
    column(out, "MODEL", width);
    column(out, "PCI", 13);
    strbuf_adds(out, "UUID\n");
    for (size_t i = 0; i < count; i++) {
        char index[24];

        snprintf(index, sizeof index, "%" PRId64, gpus[i].index);
        column(out, index, 4);
        column(out, gpus[i].model[0] ? gpus[i].model : "-", width);
        column(out, gpus[i].pci[0] ? gpus[i].pci : "-", 13);
        clean(out, gpus[i].uuid[0] ? gpus[i].uuid : "-");
        line_end(out);
    }
}

/* Findings that say the same about several GPUs are one row. */
static bool is_same(const struct finding *a, const struct finding *b)
{
    if (strcmp(a->check, b->check) != 0 || a->result != b->result ||
        (a->gpu_index < 0) != (b->gpu_index < 0))
        return false;
    return a->result == CHECK_PASS ||
           (strcmp(a->detail, b->detail) == 0 && strcmp(a->action, b->action) == 0);
}

struct row {
    const struct finding *first;
    struct strbuf gpus; /* "0-3,5" */
    int64_t from, to;   /* the open range */
    double lowest, highest;
    bool details_differ;
};

static void range_close(struct row *w)
{
    if (w->from < 0)
        return;
    if (w->gpus.len)
        strbuf_addc(&w->gpus, ',');
    strbuf_addf(&w->gpus, "%" PRId64, w->from);
    if (w->to > w->from)
        strbuf_addf(&w->gpus, "-%" PRId64, w->to);
    w->from = -1;
}

static void row_add(struct row *w, const struct finding *f)
{
    if (f->value < w->lowest)
        w->lowest = f->value;
    if (f->value > w->highest)
        w->highest = f->value;
    if (strcmp(f->detail, w->first->detail) != 0)
        w->details_differ = true;
    if (f->gpu_index < 0)
        return;
    if (w->from >= 0 && f->gpu_index == w->to + 1) {
        w->to = f->gpu_index;
        return;
    }
    range_close(w);
    w->from = w->to = f->gpu_index;
}

static void row_text(const struct row *w, struct strbuf *out)
{
    const struct finding *f = w->first;
    char figure[64] = "";

    column(out, f->check, NAME_WIDTH);
    column(out, f->gpu_index < 0 ? "-" : w->gpus.data, GPUS_WIDTH);
    column(out, check_result_names[f->result], 5);
    if (f->unit[0] && w->lowest != w->highest)
        snprintf(figure, sizeof figure, "%g..%g %s", w->lowest, w->highest, f->unit);
    else if (f->unit[0])
        snprintf(figure, sizeof figure, "%g %s", w->lowest, f->unit);
    column(out, figure, FIGURE_WIDTH);
    if (!w->details_differ)
        clean(out, f->detail);
    line_end(out);
    if (!f->action[0])
        return;
    column(out, "", NAME_WIDTH + GPUS_WIDTH + FIGURE_WIDTH + 7);
    strbuf_adds(out, " do: ");
    clean(out, f->action);
    line_end(out);
}

static bool was_shown(const struct report *r, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (is_same(&r->findings[k], &r->findings[i]))
            return true;
    }
    return false;
}

static void check_rows(const struct report *r, const char *check, struct strbuf *out)
{
    for (size_t i = 0; i < r->finding_count; i++) {
        const struct finding *f = &r->findings[i];
        struct row w = {.first = f, .from = -1, .lowest = f->value, .highest = f->value};

        if (strcmp(f->check, check) != 0 || was_shown(r, i))
            continue;
        strbuf_init(&w.gpus, TEXT_BYTES_MAX * 2);
        for (size_t k = i; k < r->finding_count; k++) {
            if (is_same(f, &r->findings[k]))
                row_add(&w, &r->findings[k]);
        }
        range_close(&w);
        row_text(&w, out);
        strbuf_release(&w.gpus);
    }
}

static void counts_text(const struct report *r, struct strbuf *out)
{
    size_t counts[CHECK_ERROR + 1] = {0};

    for (size_t i = 0; i < r->finding_count; i++)
        counts[r->findings[i].result]++;
    strbuf_addf(out, "%zu passed, %zu warned, %zu failed, %zu skipped, %zu without an answer\n",
                counts[CHECK_PASS], counts[CHECK_WARN], counts[CHECK_FAIL], counts[CHECK_SKIP],
                counts[CHECK_ERROR]);
}

void gpu_report_text(const struct report *r, struct strbuf *out)
{
    strbuf_adds(out, "hourglass-gpu: ");
    clean(out, r->summary);
    strbuf_adds(out, "\n\n");
    if (r->gpu_count) {
        gpus_text(r->gpus, r->gpu_count, out);
        strbuf_addc(out, '\n');
    }
    column(out, "CHECK", NAME_WIDTH);
    column(out, "GPU", GPUS_WIDTH);
    column(out, "IS", 5);
    column(out, "FIGURE", FIGURE_WIDTH);
    strbuf_adds(out, "WHAT\n");
    for (size_t i = 0; i < gpu_check_count; i++)
        check_rows(r, gpu_checks[i]->name, out);
    strbuf_addc(out, '\n');
    counts_text(r, out);
    strbuf_addf(out, "%s tier on ", tier_names[r->tier]);
    clean(out, r->host);
    if (r->driver_version[0]) {
        strbuf_adds(out, ", driver ");
        clean(out, r->driver_version);
    }
    strbuf_addf(out, ", %.2f s\n", (double)(r->ended_at_ms - r->started_at_ms) / 1000);
}

void gpu_report_json(const struct report *r, struct strbuf *out)
{
    shape_encode(&report_shape, r, out);
    strbuf_addc(out, '\n');
}

/* Why the list is not what a caller hopes for; "" when every GPU answered. */
static void inventory_reason(const struct gpu_inventory *inv, char *out, size_t size)
{
    out[0] = '\0';
    if (inv->state != GPU_DRIVER_READY) {
        snprintf(out, size, "%s%s", inv->state == GPU_DRIVER_ABSENT ? "no NVIDIA driver: " : "",
                 inv->reason);
        return;
    }
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
        gpus_text(gpus, inv->gpu_count, out);
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
        clean(out, inv->driver_version);
        strbuf_addc(out, '\n');
    }
    if (reason[0]) {
        strbuf_adds(out, "hourglass-gpu: ");
        clean(out, reason);
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
    column(out, "CHECK", NAME_WIDTH);
    column(out, "TIER", 6);
    column(out, "OF", 8);
    strbuf_adds(out, "LOOKS AT\n");
    for (size_t i = 0; i < gpu_check_count; i++) {
        column(out, gpu_checks[i]->name, NAME_WIDTH);
        column(out, tier_names[gpu_checks[i]->tier], 6);
        column(out, gpu_checks[i]->scope == GPU_SCOPE_GPU ? "each GPU" : "machine", 8);
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
