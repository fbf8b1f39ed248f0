/* A report for people: one line, the GPUs, the findings by check, a chart of what was measured. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "gpu/baseline.h"
#include "gpu/cells.h"
#include "gpu/chart.h"
#include "gpu/format.h"

#define NAME_WIDTH   20
#define GPUS_WIDTH   10
#define FIGURE_WIDTH 20

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

static void row_text(const struct row *w, const struct gpu_style *style, struct strbuf *out)
{
    const struct finding *f = w->first;
    const char *action = gpu_finding_action(f, style->audience);
    char figure[GPU_NUMBER_BYTES * 3] = "", low[GPU_NUMBER_BYTES], high[GPU_NUMBER_BYTES];

    gpu_column(out, f->check, NAME_WIDTH);
    gpu_column(out, f->gpu_index < 0 ? "-" : w->gpus.data, GPUS_WIDTH);
    gpu_column(out, check_result_names[f->result], 5);
    gpu_number_text(w->lowest, low);
    if (f->unit[0] && w->lowest != w->highest)
        snprintf(figure, sizeof figure, "%s..%s %s", low, gpu_number_text(w->highest, high),
                 f->unit);
    else if (f->unit[0])
        snprintf(figure, sizeof figure, "%s %s", low, f->unit);
    gpu_column(out, figure, FIGURE_WIDTH);
    if (!w->details_differ)
        gpu_clean(out, f->detail);
    gpu_line_end(out);
    if (!action[0])
        return;
    gpu_column(out, "", NAME_WIDTH + GPUS_WIDTH + FIGURE_WIDTH + 7);
    strbuf_adds(out, " do: ");
    gpu_clean(out, action);
    gpu_line_end(out);
}

static bool was_shown(const struct report *r, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (is_same(&r->findings[k], &r->findings[i]))
            return true;
    }
    return false;
}

static void check_rows(const struct report *r, const char *check, const struct gpu_style *style,
                       struct strbuf *out)
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
        row_text(&w, style, out);
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

void gpu_format_text(const struct report *r, const struct gpu_style *style, struct strbuf *out)
{
    strbuf_adds(out, "hourglass-gpu: ");
    gpu_clean(out, r->summary);
    strbuf_adds(out, "\n\n");
    if (r->gpu_count) {
        gpu_gpus_text(r->gpus, r->gpu_count, out);
        strbuf_addc(out, '\n');
    }
    gpu_column(out, "CHECK", NAME_WIDTH);
    gpu_column(out, "GPU", GPUS_WIDTH);
    gpu_column(out, "IS", 5);
    gpu_column(out, "FIGURE", FIGURE_WIDTH);
    strbuf_adds(out, "WHAT\n");
    for (size_t i = 0; i < gpu_check_count; i++)
        check_rows(r, gpu_checks[i]->name, style, out);
    check_rows(r, GPU_BASELINE_CHECK, style, out);
    strbuf_addc(out, '\n');
    gpu_chart_text(r, style, out);
    counts_text(r, out);
    strbuf_addf(out, "%s tier on ", tier_names[r->tier]);
    gpu_clean(out, r->host);
    if (r->driver_version[0]) {
        strbuf_adds(out, ", driver ");
        gpu_clean(out, r->driver_version);
    }
    strbuf_addf(out, ", %.2f s\n", (double)(r->ended_at_ms - r->started_at_ms) / 1000);
}
