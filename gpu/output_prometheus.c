/* Prometheus' text format, for its node exporter's textfile collector. Our own names: those of
 * dcgm-exporter belong to `watch`. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "gpu/format.h"

/* Numbers that an alert can compare: worse is higher, and what is not known is worst. */
static const int result_numbers[] = {
    [CHECK_PASS] = 0, [CHECK_WARN] = 1, [CHECK_FAIL] = 2, [CHECK_SKIP] = 3, [CHECK_ERROR] = 4};
static const int verdict_numbers[] = {[VERDICT_NONE] = 3,
                                      [VERDICT_HEALTHY] = 0,
                                      [VERDICT_DEGRADED] = 1,
                                      [VERDICT_UNHEALTHY] = 2,
                                      [VERDICT_INCONCLUSIVE] = 3};

/* A label's value: backslash, quote and line feed are escaped; nothing else is special. */
static void label(struct strbuf *out, const char *name, const char *text)
{
    STRBUF clean;

    strbuf_init(&clean, TEXT_BYTES_MAX * 8);
    text_clean(&clean, text, strlen(text), TEXT_ONE_LINE);
    strbuf_addf(out, "%s=\"", name);
    for (const char *c = clean.data; *c; c++) {
        if (*c == '\\' || *c == '"')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *c);
    }
    strbuf_addc(out, '"');
}

static void metric(struct strbuf *out, const char *name, const char *help)
{
    strbuf_addf(out, "# HELP hourglass_gpu_%s %s\n# TYPE hourglass_gpu_%s gauge\n", name, help,
                name);
}

static const char *uuid_of(const struct report *r, int64_t index)
{
    for (size_t i = 0; i < r->gpu_count; i++) {
        if (r->gpus[i].index == index)
            return r->gpus[i].uuid;
    }
    return "";
}

/* Labels without a value are as good as none: the machine's own findings have no GPU. */
static void sample(struct strbuf *out, const char *name, const struct report *r,
                   const struct finding *f, bool with_unit, double value)
{
    char gpu[24] = "";

    if (f->gpu_index >= 0)
        snprintf(gpu, sizeof gpu, "%" PRId64, f->gpu_index);
    strbuf_addf(out, "hourglass_gpu_%s{", name);
    label(out, "gpu", gpu);
    strbuf_addc(out, ',');
    label(out, "uuid", uuid_of(r, f->gpu_index));
    strbuf_addc(out, ',');
    label(out, "check", f->check);
    if (with_unit) {
        strbuf_addc(out, ',');
        label(out, "unit", f->unit);
    }
    strbuf_addf(out, "} %.17g\n", value);
}

static void checks_write(const struct report *r, struct strbuf *out)
{
    metric(out, "check_status", "How a check ended: 0 pass, 1 warn, 2 fail, 3 skip, 4 error.");
    for (size_t i = 0; i < r->finding_count; i++)
        sample(out, "check_status", r, &r->findings[i], false,
               result_numbers[r->findings[i].result]);
    metric(out, "check_value", "What a check measured.");
    for (size_t i = 0; i < r->finding_count; i++) {
        if (r->findings[i].unit[0])
            sample(out, "check_value", r, &r->findings[i], true, r->findings[i].value);
    }
    metric(out, "check_floor", "What it should have measured.");
    for (size_t i = 0; i < r->finding_count; i++) {
        if (r->findings[i].unit[0] && r->findings[i].floor != 0)
            sample(out, "check_floor", r, &r->findings[i], true, r->findings[i].floor);
    }
}

void gpu_format_prometheus(const struct report *r, const struct gpu_style *style,
                           struct strbuf *out)
{
    UNUSED(style);
    checks_write(r, out);
    metric(out, "verdict",
           "What a run amounts to: 0 healthy, 1 degraded, 2 unhealthy, 3 inconclusive.");
    strbuf_adds(out, "hourglass_gpu_verdict{");
    label(out, "tier", tier_names[r->tier]);
    strbuf_addf(out, "} %d\n", verdict_numbers[r->verdict]);
    metric(out, "count", "GPUs that the driver lists.");
    strbuf_addf(out, "hourglass_gpu_count %zu\n", r->gpu_count);
    metric(out, "last_run_timestamp_seconds", "When the last run ended.");
    strbuf_addf(out, "hourglass_gpu_last_run_timestamp_seconds %.3f\n",
                (double)r->ended_at_ms / 1000);
    metric(out, "last_run_duration_seconds", "How long the last run took.");
    strbuf_addf(out, "hourglass_gpu_last_run_duration_seconds %.3f\n",
                (double)(r->ended_at_ms - r->started_at_ms) / 1000);
}
