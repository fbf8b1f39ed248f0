/* Reads all counters twice with one pause between, so that several checks cost one wait. */
#include "gpu/check.h"

#define SAMPLE_MS    100
#define FIELDS_MAX   (GPU_COUNTER_COUNT + NVML_NVLINKS_MAX * GPU_LINK_COUNTER_COUNT)
#define BATCH_FIELDS 64 /* fields in one call; no driver is known to take fewer */

static const unsigned one_fields[] = {
#define COUNTER(id, field, meaning) field,
#include "gpu/counters.def.h"
#undef COUNTER
};
static const unsigned link_fields[] = {
#define LINK_COUNTER(id, field, meaning, result, allowed) field,
#include "gpu/link_counters.def.h"
#undef LINK_COUNTER
};

struct sample {
    int64_t at_ms;
    struct nvml_field fields[FIELDS_MAX];
    int replays_code;
    int64_t replays;
};

static int replays_read(const struct gpu_target *t, int64_t *out)
{
    unsigned count = 0;
    int code = NVML_CALL(t->nvml, pcie_replays, t->device, &count);

    if (code == NVML_NO_SYMBOL || code == NVML_NOT_SUPPORTED)
        return nvml_field_read(t->nvml, t->device, NVML_FIELD_PCIE_REPLAYS, out);
    *out = count;
    return code;
}

static void fields_ask(const struct gpu_target *t, struct nvml_field *fields)
{
    for (int at = 0; at < FIELDS_MAX; at += BATCH_FIELDS) {
        int count = FIELDS_MAX - at < BATCH_FIELDS ? FIELDS_MAX - at : BATCH_FIELDS;
        int code = NVML_CALL(t->nvml, fields, t->device, count, fields + at);

        for (int i = at; i < at + count && code != NVML_OK; i++)
            fields[i].code = code;
    }
}

static void sample_take(const struct gpu_target *t, struct sample *s)
{
    struct nvml_field *f = s->fields;

    for (unsigned i = 0; i < GPU_COUNTER_COUNT; i++)
        *f++ = (struct nvml_field){.id = one_fields[i], .code = NVML_UNKNOWN};
    for (unsigned link = 0; link < NVML_NVLINKS_MAX; link++) {
        for (unsigned i = 0; i < GPU_LINK_COUNTER_COUNT; i++)
            *f++ = (struct nvml_field){.id = link_fields[i], .scope = link, .code = NVML_UNKNOWN};
    }
    s->at_ms = clock_mono_ms(t->options->clock);
    fields_ask(t, s->fields);
    s->replays = 0;
    s->replays_code = replays_read(t, &s->replays);
}

static struct gpu_counter counter_of(int before_code, int64_t before, int after_code, int64_t after)
{
    struct gpu_counter c = {.code = before_code == NVML_OK ? after_code : before_code};

    if (c.code != NVML_OK)
        return c;
    if (before < 0 || after < 0)
        c.code = NVML_GARBAGE;
    else
        c.delta = after - before;
    return c;
}

static struct gpu_counter field_counter(const struct nvml_field *before,
                                        const struct nvml_field *after)
{
    int64_t from = 0, to = 0;
    int before_code = nvml_field_value(before, &from), after_code = nvml_field_value(after, &to);

    return counter_of(before_code, from, after_code, to);
}

const struct gpu_counters *gpu_counters_read(struct gpu_target *t)
{
    struct gpu_counters *c = &t->counters;
    struct sample before, after;
    size_t at = 0;

    if (c->is_read)
        return c;
    sample_take(t, &before);
    gpu_pause_ms(SAMPLE_MS);
    sample_take(t, &after);
    c->is_read = true;
    c->interval_ms = after.at_ms > before.at_ms ? after.at_ms - before.at_ms : 1;
    for (size_t i = 0; i < GPU_COUNTER_COUNT; i++, at++)
        c->one[i] = field_counter(&before.fields[at], &after.fields[at]);
    for (size_t link = 0; link < NVML_NVLINKS_MAX; link++) {
        for (size_t i = 0; i < GPU_LINK_COUNTER_COUNT; i++, at++)
            c->link[link][i] = field_counter(&before.fields[at], &after.fields[at]);
    }
    c->replays = counter_of(before.replays_code, before.replays, after.replays_code, after.replays);
    return c;
}
