/* Does the environment bend what programs started here see? Not the GPU's fault, and the first
 * thing to look at when a program finds none. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/check.h"

#define UNSET_ACTION "unset it where programs are started"

static const struct {
    const char *name, *effect;
    bool is_flag;
} variables[] = {
#define ENVIRONMENT(name, effect, is_flag) {name, effect, is_flag},
#include "gpu/environment.def.h"
#undef ENVIRONMENT
};

/* Lists of the GPUs that programs may see. */
static const struct {
    const char *name;
    enum gpu_vendor vendor;
} lists[] = {
    {"CUDA_VISIBLE_DEVICES", GPU_VENDOR_NVIDIA},
    {"ROCR_VISIBLE_DEVICES", GPU_VENDOR_AMD},
    {"HIP_VISIBLE_DEVICES", GPU_VENDOR_AMD},
};

/* Entries before the first that names no GPU: programs ignore what follows it. */
static int64_t entries_count(const char *value)
{
    int64_t n = 0;

    while (*value && *value != '-' && *value != ',') {
        n++;
        value += strcspn(value, ",");
        value += *value == ',';
    }
    return n;
}

/* How many GPUs a list hides; 0 when it is not set or hides none. */
static int64_t hidden_count(const struct gpu_inventory *inv, size_t list, int64_t *listed)
{
    const char *value = getenv(lists[list].name);

    *listed = 0;
    for (size_t i = 0; i < inv->gpu_count; i++)
        *listed += inv->gpus[i].vendor == lists[list].vendor;
    if (!value || *listed == 0 || entries_count(value) >= *listed)
        return 0;
    return *listed - entries_count(value);
}

static bool is_effective(size_t i)
{
    const char *value = getenv(variables[i].name);

    return value && value[0] && !(variables[i].is_flag && strcmp(value, "0") == 0);
}

static void run(struct gpu_target *t, struct finding *f)
{
    int64_t hidden = 0, listed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        if (!is_effective(i))
            continue;
        gpu_warn(f, REMEDY_FIX_SETUP, UNSET_ACTION, "%s is set: %s", variables[i].name,
                 variables[i].effect);
        return;
    }
    gpu_pass(f, "nothing in it bends what programs see");
    /* A job that was given some of the GPUs is no fault; one that sees none can do nothing. */
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        hidden = hidden_count(t->inventory, i, &listed);
        if (hidden == 0)
            continue;
        if (hidden == listed)
            gpu_warn(f, REMEDY_FIX_SETUP, UNSET_ACTION, "%s hides every GPU from programs",
                     lists[i].name);
        else
            gpu_pass(f, "%s hides %" PRId64 " of %" PRId64 " GPUs from programs", lists[i].name,
                     hidden, listed);
        return;
    }
}

const struct gpu_check gpu_check_environment = {
    .name = "environment",
    .help = "environment variables that change what programs see of the GPUs",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_MACHINE,
    .run = run,
};
