/* Counters before, a sampler meanwhile, counters after. */
#include "gpu/burn.h"

#include "gpu/compute.h"

#define LOADS      3                /* bf16, fp16, tf32 */
#define BURN_MS    (120 * 1000)     /* DCGM's targeted_power; less than 30 s heats nothing */
#define SOAK_MS    (20 * 60 * 1000) /* until the machine's air is warm, too */
#define ERRORS_MAX 1000000000000LL  /* more than a life has seconds: garbage */

int64_t burn_share_ms(const struct gpu_target *t)
{
    int64_t ms = t->options->burn_ms;

    if (t->tier < TIER_BURN)
        return 0;
    if (ms <= 0)
        ms = t->tier == TIER_SOAK ? SOAK_MS : BURN_MS;
    return ms / LOADS;
}

static int64_t counter(const struct gpu_target *t, unsigned field)
{
    int64_t value = -1;

    if (nvml_field_read(t->nvml, t->device, field, &value) != NVML_OK || value < 0 ||
        value > ERRORS_MAX)
        return -1;
    return value;
}

static struct burn_errors errors_read(const struct gpu_target *t)
{
    return (struct burn_errors){
        .corrected = counter(t, NVML_FIELD_ECC_SBE_VOLATILE),
        .uncorrected = counter(t, NVML_FIELD_ECC_DBE_VOLATILE),
        .remapped = counter(t, NVML_FIELD_REMAPPED_UNCORRECTABLE),
        .pending = counter(t, NVML_FIELD_REMAP_PENDING),
        .failure = counter(t, NVML_FIELD_REMAP_FAILURE),
    };
}

enum err_code burn_begin(struct gpu_target *t, struct err *e)
{
    struct burn *b = &t->compute->burn;

    if (b->loaded_ms == 0)
        b->before = errors_read(t);
    b->began_mono_ms = clock_mono_ms(t->options->clock);
    return sampler_start(&b->sampler, t->nvml, t->device, &b->meters, e);
}

void burn_end(struct gpu_target *t)
{
    struct burn *b = &t->compute->burn;

    if (!b->sampler.runs)
        return;
    sampler_stop(&b->sampler);
    b->loaded_ms += clock_mono_ms(t->options->clock) - b->began_mono_ms;
    b->loaded_ms += b->loaded_ms == 0;
    b->after = errors_read(t);
}
