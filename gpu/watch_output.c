/* Text, JSON lines, Prometheus. Whatever came from the driver is cleaned on its way out. */
#include "gpu/watch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

#define BIT(m) (1ULL << (m))
#define GB     1e9

/* --- text -------------------------------------------------------------------------------- */

static bool has(const struct watch_gpu *g, enum telemetry_meter m)
{
    return g->known & BIT(m);
}

/* A whole number in a column of this width, or a dash. */
static void cell(const struct watch_gpu *g, enum telemetry_meter m, int width, double unit,
                 struct strbuf *out)
{
    if (has(g, m))
        strbuf_addf(out, " %*.0f", width, g->shown[m] / unit);
    else
        strbuf_addf(out, " %*s", width, "-");
}

static void fine_cell(const struct watch_gpu *g, enum telemetry_meter m, int width, double unit,
                      struct strbuf *out)
{
    if (has(g, m))
        strbuf_addf(out, " %*.1f", width, g->shown[m] / unit);
    else
        strbuf_addf(out, " %*s", width, "-");
}

/* NVML's bits for what holds the clocks down; idle and the application's own wish are none. */
static const struct {
    uint64_t bits;
    const char *text;
} slowed_texts[] = {
    {0x40 | 0x20, "heat"},
    {0x80, "brake"},
    {0x08, "hardware"},
    {0x04, "power"},
};

static const char *slowed_by(const struct watch_gpu *g)
{
    if (!has(g, TELEMETRY_THROTTLE_REASONS))
        return "-";
    for (size_t i = 0; i < ARRAY_SIZE(slowed_texts); i++) {
        if ((uint64_t)g->raw.value[TELEMETRY_THROTTLE_REASONS] & slowed_texts[i].bits)
            return slowed_texts[i].text;
    }
    return "no";
}

static void trouble_text(const struct watch_gpu *g, struct strbuf *out)
{
    STRBUF text;

    strbuf_init(&text, TEXT_BYTES_MAX * 4);
    text_clean(&text, g->trouble, strlen(g->trouble), TEXT_ONE_LINE | TEXT_ASCII);
    strbuf_addf(out, " %.75s\n", text.data);
}

static void gpu_text(const struct watch_gpu *g, size_t index, struct strbuf *out)
{
    strbuf_addf(out, "%3zu", index);
    if (!g->answered) {
        trouble_text(g, out);
        return;
    }
    cell(g, TELEMETRY_GPU_UTIL, 4, 1, out);
    cell(g, TELEMETRY_MEM_UTIL, 4, 1, out);
    cell(g, TELEMETRY_MEM_USED, 7, 1, out);
    cell(g, TELEMETRY_POWER, 5, 1, out);
    cell(g, TELEMETRY_TEMPERATURE, 4, 1, out);
    cell(g, TELEMETRY_MEM_TEMPERATURE, 4, 1, out);
    cell(g, TELEMETRY_SM_CLOCK, 5, 1, out);
    fine_cell(g, TELEMETRY_PCIE_RX, 6, GB, out);
    fine_cell(g, TELEMETRY_PCIE_TX, 6, GB, out);
    fine_cell(g, TELEMETRY_NVLINK_RX, 6, GB, out);
    fine_cell(g, TELEMETRY_NVLINK_TX, 6, GB, out);
    strbuf_addf(out, " %s\n", slowed_by(g));
}

size_t watch_text(const struct watch_state *s, struct strbuf *out)
{
    char at[RFC3339_MAX];

    strbuf_addf(out, "%s", rfc3339_format(s->taken_at_ms - s->taken_at_ms % 1000, at));
    if (s->driver_version[0]) {
        strbuf_adds(out, "  driver ");
        text_clean(out, s->driver_version, strlen(s->driver_version), TEXT_ONE_LINE | TEXT_ASCII);
    }
    strbuf_addf(out, "  %zu GPU%s\n", s->gpu_count, s->gpu_count == 1 ? "" : "s");
    strbuf_adds(out, "        %   %     MiB     W    C    C   MHz  -- PCIe GB/s  - NVLink GB/s\n");
    strbuf_adds(out, "GPU  use mem    used power gpu  mem clock     in    out     in    out "
                     "slowed\n");
    for (size_t i = 0; i < s->gpu_count; i++)
        gpu_text(&s->gpus[i], i, out);
    return 3 + s->gpu_count;
}

/* --- JSON lines ------------------------------------------------------------------------------ */

void watch_json(const struct watch_state *s, const char *instance_id, struct strbuf *out)
{
    struct telemetry_sample sample;
    struct err e;

    if (watch_sample(s, instance_id, &sample, &e)) {
        out->failed = true;
        return;
    }
    shape_encode(&telemetry_create_shape, &sample, out);
    strbuf_addc(out, '\n');
    shape_release(&telemetry_sample_shape, &sample);
}

/* --- Prometheus ------------------------------------------------------------------------------ */

/* A label's value: valid UTF-8 without control characters, and the three escapes. */
static void label(const char *name, const char *value, struct strbuf *out)
{
    STRBUF text;

    strbuf_init(&text, TEXT_BYTES_MAX * 4);
    text_clean(&text, value, strlen(value), TEXT_ONE_LINE);
    strbuf_addf(out, "%s=\"", name);
    for (const char *c = text.data; *c; c++) {
        if (*c == '"' || *c == '\\')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *c);
    }
    strbuf_addc(out, '"');
}

/* "0000:10:00.0" as dcgm-exporter has it: "00000000:10:00.0". */
static void bus_label(const char *pci, struct strbuf *out)
{
    unsigned domain, bus, device;
    char text[32];

    text_copy(text, sizeof text, pci);
    if (sscanf(pci, "%x:%x:%x", &domain, &bus, &device) == 3)
        snprintf(text, sizeof text, "%08X:%02X:%02X.0", domain, bus, device);
    label("pci_bus_id", text, out);
}

static void labels(const struct watch_state *s, size_t i, struct strbuf *out)
{
    strbuf_addf(out, "{gpu=\"%zu\",", i);
    label("UUID", s->gpus[i].uuid, out);
    strbuf_addc(out, ',');
    bus_label(s->gpus[i].pci, out);
    strbuf_addf(out, ",device=\"nvidia%zu\",", i);
    label("modelName", s->gpus[i].model, out);
    strbuf_addc(out, ',');
    label("Hostname", s->host, out);
    strbuf_adds(out, "} ");
}

static void number(double value, struct strbuf *out)
{
    if (value == floor(value) && fabs(value) < 9e15)
        strbuf_addf(out, "%.0f\n", value);
    else
        strbuf_addf(out, "%.6f\n", value);
}

static void head(const char *name, const char *kind, const char *help, struct strbuf *out)
{
    strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* A meter that no GPU has is not mentioned. */
static void meter(const struct watch_state *s, int m, struct strbuf *out)
{
    const struct telemetry_meter_row *row = &telemetry_meters[m];
    char own[SLUG_BYTES_MAX + 16];
    const char *name = row->exported;
    bool begun = false;

    snprintf(own, sizeof own, "hourglass_gpu_%s", row->name);
    if (!name[0])
        name = own;
    for (size_t i = 0; i < s->gpu_count; i++) {
        if (!(s->gpus[i].known & BIT(m)))
            continue;
        if (!begun)
            head(name, row->kind == TELEMETRY_COUNTER ? "counter" : "gauge", row->help, out);
        begun = true;
        strbuf_adds(out, name);
        labels(s, i, out);
        number(s->gpus[i].shown[m], out);
    }
}

void watch_prometheus(const struct watch_state *s, int64_t now_ms, struct strbuf *out)
{
    for (int m = 0; m < TELEMETRY_COUNT; m++)
        meter(s, m, out);
    head("hourglass_gpu_up", "gauge", "1 when the GPU answered, else 0", out);
    for (size_t i = 0; i < s->gpu_count; i++) {
        strbuf_adds(out, "hourglass_gpu_up");
        labels(s, i, out);
        number(s->gpus[i].answered, out);
    }
    head("hourglass_gpu_watch_age_seconds", "gauge", "time since the last sample", out);
    strbuf_adds(out, "hourglass_gpu_watch_age_seconds ");
    number((double)(now_ms > s->taken_at_ms ? now_ms - s->taken_at_ms : 0) / 1000, out);
    head("hourglass_gpu_watch_restarts_total", "counter",
         "how often the process that asks the driver was given up", out);
    strbuf_addf(out, "hourglass_gpu_watch_restarts_total %" PRId64 "\n", s->restarts);
    head("hourglass_gpu_watch_info", "gauge", "versions, as labels", out);
    strbuf_adds(out, "hourglass_gpu_watch_info{version=\"" HOURGLASS_VERSION "\",");
    label("driver", s->driver_version, out);
    strbuf_adds(out, "} 1\n");
}
