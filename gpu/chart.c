/* Bars of block characters, eighths of a cell, or of '#' where there is only ASCII. */
#include "gpu/chart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gpu/cells.h"
#include "gpu/floor.h"
#include "gpu/peers.h"

#define BAR_CELLS  22
#define NAME_CELLS 15
#define GPUS_CELLS 7
#define LINES_MAX  4    /* of a check */
#define ALIKE_MAX  1.02 /* times the slowest: healthy GPUs differ by so much */
#define EIGHTHS    8
#define WHOLE_MAX  1e15
#define OVER_MAX   9.99 /* times what is full, so that the line fits */

const char *gpu_number_text(double value, char buf[GPU_NUMBER_BYTES])
{
    bool is_whole = fabs(value) < WHOLE_MAX && value == (double)(int64_t)value;

    if (is_whole || (fabs(value) >= 1000 && fabs(value) < WHOLE_MAX))
        snprintf(buf, GPU_NUMBER_BYTES, "%.0f", value);
    else
        snprintf(buf, GPU_NUMBER_BYTES, "%.4g", value);
    return buf;
}

static const char *model_of(const struct report *r, int64_t index)
{
    for (size_t i = 0; i < r->gpu_count; i++) {
        if (r->gpus[i].index == index)
            return r->gpus[i].model;
    }
    return "";
}

static bool is_shown(const struct finding *f, const char *check)
{
    return strcmp(f->check, check) == 0 && f->unit[0] && f->gpu_index >= 0 &&
           f->result != CHECK_SKIP && f->result != CHECK_ERROR && isfinite(f->value) &&
           f->value >= 0;
}

static double best_of(const struct report *r, const char *check)
{
    double best = 0;

    for (size_t i = 0; i < r->finding_count; i++) {
        if (is_shown(&r->findings[i], check) && r->findings[i].value > best)
            best = r->findings[i].value;
    }
    return best;
}

/* The part of the bar that is full, in eighths. */
static int eighths_of(double value, double full)
{
    double part = full > 0 ? value / full : 0;

    if (!(part > 0))
        return 0;
    return part >= 1 ? BAR_CELLS * EIGHTHS : (int)(part * BAR_CELLS * EIGHTHS);
}

static void bar_add(struct strbuf *out, double value, double least, double full, bool is_utf8)
{
    static const char *const parts[] = {"",
                                        "\xe2\x96\x8f",
                                        "\xe2\x96\x8e",
                                        "\xe2\x96\x8d",
                                        "\xe2\x96\x8c",
                                        "\xe2\x96\x8b",
                                        "\xe2\x96\x8a",
                                        "\xe2\x96\x89"};
    int eighths = eighths_of(value, full), mark = eighths_of(least, full) / EIGHTHS;
    int cells = eighths / EIGHTHS, rest = is_utf8 ? eighths % EIGHTHS : 0;

    for (int i = 0; i < BAR_CELLS; i++) {
        if (i < cells)
            strbuf_adds(out, is_utf8 ? "\xe2\x96\x88" : "#");
        else if (least > 0 && i == mark)
            strbuf_addc(out, '|');
        else if (i == cells && rest)
            strbuf_adds(out, parts[rest]);
        else
            strbuf_addc(out, is_utf8 ? ' ' : '.');
    }
}

/* "0-3,5", or how many where that does not fit. */
static void gpus_text(uint64_t gpus, char *out, size_t size)
{
    STRBUF text;
    int count = 0;

    strbuf_init(&text, TEXT_BYTES_MAX);
    for (int i = 0; i < GPUS_PER_INSTANCE_MAX; i++) {
        int last = i;

        if (!(gpus >> i & 1))
            continue;
        while (last + 1 < GPUS_PER_INSTANCE_MAX && gpus >> (last + 1) & 1)
            last++;
        strbuf_addf(&text, last > i ? "%s%d-%d" : "%s%d", text.len ? "," : "", i, last);
        count += last - i + 1;
        i = last;
    }
    if (text.len <= GPUS_CELLS)
        text_copy(out, size, text.data);
    else
        snprintf(out, size, "%d GPUs", count);
}

static void line_add(const struct report *r, const struct finding *f, uint64_t gpus, double best,
                     const struct gpu_style *style, struct strbuf *out)
{
    double peak = gpu_floor_peak(style->floors, model_of(r, f->gpu_index), f);
    double full = peak > 0 ? peak : best;
    char cell[48], number[GPU_NUMBER_BYTES];

    snprintf(cell, sizeof cell, "%.*s", NAME_CELLS, f->check);
    gpu_column(out, cell, NAME_CELLS);
    gpus_text(gpus, cell, sizeof cell);
    gpu_column(out, cell, GPUS_CELLS);
    bar_add(out, f->value, f->floor, full, style->is_utf8);
    snprintf(cell, sizeof cell, " %.9s %.7s", gpu_number_text(f->value, number), f->unit);
    gpu_clean(out, cell);
    if (full > 0)
        strbuf_addf(out, ", %.0f %% of %s",
                    100 * (f->value < full * OVER_MAX ? f->value / full : OVER_MAX),
                    peak > 0 ? "peak" : "best");
    strbuf_addc(out, '\n');
}

static uint64_t gpu_bit(const struct finding *f)
{
    return f->gpu_index < GPUS_PER_INSTANCE_MAX ? 1ULL << f->gpu_index : 0;
}

static const struct finding *slowest_of(const struct report *r, const char *check, uint64_t shown)
{
    const struct finding *slowest = NULL;

    for (size_t i = 0; i < r->finding_count; i++) {
        const struct finding *f = &r->findings[i];

        if (is_shown(f, check) && (gpu_bit(f) & ~shown) && (!slowest || f->value < slowest->value))
            slowest = f;
    }
    return slowest;
}

void gpu_chart_check_text(const struct report *r, const char *check, const struct gpu_style *style,
                          struct strbuf *out)
{
    double best = best_of(r, check);
    uint64_t shown = 0;

    for (int lines = 0; lines < LINES_MAX; lines++) {
        const struct finding *slowest = slowest_of(r, check, shown);
        uint64_t alike = 0;

        if (!slowest)
            return;
        for (size_t i = 0; i < r->finding_count; i++) {
            const struct finding *f = &r->findings[i];

            if (is_shown(f, check) && f->value <= slowest->value * ALIKE_MAX &&
                strcmp(model_of(r, f->gpu_index), model_of(r, slowest->gpu_index)) == 0)
                alike |= gpu_bit(f) & ~shown;
        }
        line_add(r, slowest, alike | gpu_bit(slowest), best, style, out);
        shown |= alike | gpu_bit(slowest);
    }
}

void gpu_chart_text(const struct report *r, const struct gpu_style *style, struct strbuf *out)
{
    size_t before = out->len;

    for (size_t i = 0; i < gpu_check_count; i++) {
        const struct gpu_check *check = gpu_checks[i];

        if (check->peer_share > 0 && check->peer_share < 1 && !check->higher_is_worse)
            gpu_chart_check_text(r, check->name, style, out);
    }
    if (out->len > before)
        strbuf_addc(out, '\n');
}
