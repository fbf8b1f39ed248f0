/* Scalar arithmetic with a known result, on every SM. */
#define ARITHMETIC_PLAIN
#include "gpu/kernel/arithmetic.h"
#include "gpu/units.h"

static const char *const kinds[] = {
#define X(id, name) name,
    ARITHMETIC_LIST(X)
#undef X
};

/* The same chains, computed here. */
static bool known(u32 kind, u32 set, u32 seed, const struct unit_size *size, u32 *out)
{
    u32 sum = 0;

    if (kind == ARITHMETIC_SPECIAL) /* approximations: each GPU generation has its own */
        return false;
    for (u32 thread = 0; thread < size->threads; thread++) {
        struct arithmetic_chain c = arithmetic_begin(kind, seed + set * 64, thread);

        for (u32 i = 0; i < size->steps_known; i++)
            arithmetic_step(kind, &c);
        sum += unit_turn(c.sum, thread);
    }
    *out = sum;
    return true;
}

static void arithmetic_run(struct gpu_target *t, struct finding *f)
{
    static const struct unit_work work = {
        .module = COMPUTE_MODULE_arithmetic,
        .kernel = "arithmetic_chains",
        .kinds = kinds,
        .kind_count = ARITHMETIC_COUNT,
        .full = {.threads = 512, .waves = 4, .steps_known = 64, .steps = 32768},
        .small = {.threads = 64, .waves = 2, .steps_known = 16, .steps = 16},
        .known = known,
    };

    units_run(t, f, &work);
}

const struct gpu_check gpu_check_arithmetic = {
    .name = "arithmetic",
    .help = "integer, bit and floating-point results of every SM, bit for bit",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = arithmetic_run,
};
