/* What is known about the GPUs: rates from counters, who has trouble, the sample for the wire. */
#include "gpu/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(m) (1ULL << (m))
/* Counters that read no more than this before they went down have 32 bits: at a link's full speed
 * (64 GB/s on PCIe 5) they wrap many times a second, and what they grew by means nothing. */
#define NARROW_MAX   UINT32_MAX
#define PCIE_RATES   (BIT(TELEMETRY_PCIE_RX) | BIT(TELEMETRY_PCIE_TX))
#define READ_GAP_MAX (3600 * 1000)

static void show(struct watch_gpu *g, int m, double value)
{
    g->shown[m] = value;
    g->known |= BIT(m);
}

/* Energy only ever grows, except when the driver or the GPU was reset; then every counter
 * begins again. */
static bool was_reset(const struct watch_gpu *g, const struct telemetry *t)
{
    return telemetry_has(&g->raw, TELEMETRY_ENERGY) && telemetry_has(t, TELEMETRY_ENERGY) &&
           t->value[TELEMETRY_ENERGY] < g->raw.value[TELEMETRY_ENERGY];
}

static void rate_take(struct watch_gpu *g, const struct telemetry *t, int m, int64_t gap_ms)
{
    int64_t before = g->raw.value[m], now = t->value[m];

    if (!telemetry_has(&g->raw, (enum telemetry_meter)m) || gap_ms <= 0 || gap_ms > READ_GAP_MAX)
        return;
    if (now < before) {
        if (before <= NARROW_MAX && !was_reset(g, t))
            g->narrow |= BIT(m);
        return;
    }
    if (!(g->narrow & BIT(m)))
        show(g, m, (double)(now - before) * telemetry_meters[m].scale * 1000 / (double)gap_ms);
}

void watch_gpu_take(struct watch_gpu *g, const struct telemetry *t, const struct watch_pcie *pcie,
                    int64_t read_at_ms)
{
    g->known = 0;
    for (int m = 0; m < TELEMETRY_COUNT; m++) {
        if (!telemetry_has(t, (enum telemetry_meter)m))
            continue;
        if (telemetry_meters[m].kind == TELEMETRY_RATE)
            rate_take(g, t, m, read_at_ms - g->read_at_ms);
        else
            show(g, m, (double)t->value[m] * telemetry_meters[m].scale);
    }
    if (pcie->rx_bytes_per_second >= 0)
        show(g, TELEMETRY_PCIE_RX, (double)pcie->rx_bytes_per_second);
    if (pcie->tx_bytes_per_second >= 0)
        show(g, TELEMETRY_PCIE_TX, (double)pcie->tx_bytes_per_second);
    g->raw = *t;
    g->read_at_ms = read_at_ms;
    g->answered = true;
    g->trouble[0] = '\0';
}

bool watch_gpu_wants_pcie(const struct watch_gpu *g)
{
    return g->read_at_ms && ((g->raw.known & PCIE_RATES) != PCIE_RATES || (g->narrow & PCIE_RATES));
}

void watch_gpu_trouble(struct watch_gpu *g, const char *trouble)
{
    g->answered = false;
    g->known = 0;
    g->raw.known = 0; /* the next rate must not span the gap */
    gpu_text_copy(g->trouble, sizeof g->trouble, trouble, strlen(trouble));
}

void watch_gpu_silent(struct watch_gpu *g)
{
    char at[RFC3339_MAX], text[TEXT_BYTES_MAX];

    if (!g->heard_at_ms) {
        watch_gpu_trouble(g, "it has not answered yet");
        return;
    }
    snprintf(text, sizeof text, "silent since %s",
             rfc3339_format(g->heard_at_ms - g->heard_at_ms % 1000, at));
    watch_gpu_trouble(g, text);
}

static enum err_code sample_gpu(const struct watch_gpu *g, int64_t index, struct telemetry_gpu *out,
                                struct err *e)
{
    out->index = index;
    gpu_text_copy(out->uuid, sizeof out->uuid, g->uuid, strlen(g->uuid));
    gpu_text_copy(out->model, sizeof out->model, g->model, strlen(g->model));
    gpu_text_copy(out->pci, sizeof out->pci, g->pci, strlen(g->pci));
    gpu_text_copy(out->trouble, sizeof out->trouble, g->trouble, strlen(g->trouble));
    out->readings = calloc(TELEMETRY_COUNT, sizeof *out->readings);
    if (!out->readings)
        return err_set(e, ERR_IO, "out of memory");
    for (int m = 0; m < TELEMETRY_COUNT; m++) {
        struct telemetry_reading *r = &out->readings[out->reading_count];

        if (!(g->known & BIT(m)))
            continue;
        text_copy(r->meter, sizeof r->meter, telemetry_meters[m].name);
        r->value = g->shown[m];
        out->reading_count++;
    }
    return ERR_OK;
}

enum err_code watch_sample(const struct watch_state *s, const char *instance_id,
                           struct telemetry_sample *out, struct err *e)
{
    struct telemetry_sample sample = {.taken_at_ms = s->taken_at_ms};

    gpu_text_copy(sample.host, sizeof sample.host, s->host, strlen(s->host));
    text_copy(sample.instance_id, sizeof sample.instance_id, instance_id ? instance_id : "");
    gpu_text_copy(sample.driver_version, sizeof sample.driver_version, s->driver_version,
                  strlen(s->driver_version));
    text_copy(sample.watcher_version, sizeof sample.watcher_version, HOURGLASS_VERSION);
    sample.gpus = calloc(s->gpu_count + 1, sizeof *sample.gpus);
    if (!sample.gpus)
        return err_set(e, ERR_IO, "out of memory");
    for (size_t i = 0; i < s->gpu_count; i++) {
        sample.gpu_count = i + 1;
        if (sample_gpu(&s->gpus[i], (int64_t)i, &sample.gpus[i], e)) {
            shape_release(&telemetry_sample_shape, &sample);
            return ERR_IO;
        }
    }
    *out = sample;
    return ERR_OK;
}
