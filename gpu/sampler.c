/* Looks, waits, looks again. */
#include "gpu/sampler.h"

#include <string.h>

#include "gpu/check.h"

#define PATIENCE_MS 20 /* how late a stop is noticed */

static void range_add(struct sampler_range *r, int64_t value)
{
    if (r->count == 0) {
        r->first = r->least = r->most = value;
        r->sum = 0;
    }
    r->last = value;
    r->least = value < r->least ? value : r->least;
    r->most = value > r->most ? value : r->most;
    r->sum += (double)value;
    r->count++;
}

void sampler_add(struct sampler_record *r, const struct telemetry *t)
{
    uint64_t reasons = 0;

    for (int m = 0; m < TELEMETRY_COUNT; m++) {
        if (telemetry_has(t, (enum telemetry_meter)m))
            range_add(&r->meters[m], t->value[m]);
    }
    if (telemetry_has(t, TELEMETRY_THROTTLE_REASONS))
        reasons = (uint64_t)t->value[TELEMETRY_THROTTLE_REASONS];
    for (unsigned bit = 0; bit < SAMPLER_REASON_BITS; bit++)
        r->reasons[bit] += reasons >> bit & 1;
    r->samples++;
}

static void look(struct sampler *s)
{
    struct telemetry t;
    int code = telemetry_read(s->nvml, s->device, &t);

    if (code == NVML_OK)
        sampler_add(s->record, &t);
    else
        s->record->code = code;
}

static void *sampler_main(void *ctx)
{
    struct sampler *s = ctx;

    while (!atomic_load(&s->stops)) {
        look(s);
        for (int ms = 0; ms < SAMPLER_STEP_MS && !atomic_load(&s->stops); ms += PATIENCE_MS)
            gpu_pause_ms(PATIENCE_MS);
    }
    look(s);
    return NULL;
}

enum err_code sampler_start(struct sampler *s, const struct nvml *n, struct nvml_device *d,
                            struct sampler_record *record, struct err *e)
{
    int code;

    memset(s, 0, sizeof *s);
    s->nvml = n;
    s->device = d;
    s->record = record;
    code = pthread_create(&s->thread, NULL, sampler_main, s);
    if (code)
        return err_set(e, ERR_IO, "cannot start a thread: %s", strerror(code));
    s->runs = true;
    return ERR_OK;
}

void sampler_stop(struct sampler *s)
{
    if (!s->runs)
        return;
    atomic_store(&s->stops, true);
    pthread_join(s->thread, NULL);
    s->runs = false;
}
