/* Tensor cores of every SM, from registers: exact small integers, and random mantissas. */
#define TENSOR_PLAIN
#include "gpu/kernel/plain_tensor.h"
#include "gpu/units.h"

#define CAPABILITY_MIN 8 /* mma with these formats */

static const char *const kinds[] = {
#define X(id, name, depth) name " matrices",
    TENSOR_LIST(X)
#undef X
};

static u32 warp_sum(u32 kind, u32 seed, u32 first, u32 steps)
{
    struct tensor_chain c[WARP_THREADS] = {0};
    struct tensor_fragment *lanes[WARP_THREADS];
    u32 sum = 0;

    for (u32 i = 0; i < WARP_THREADS; i++) {
        tensor_begin(kind, seed, first + i, &c[i]);
        lanes[i] = &c[i].f;
    }
    for (u32 n = 0; n < steps; n++) {
        for (u32 i = 0; i < WARP_THREADS; i++)
            tensor_draw(kind, 0, &c[i]);
        for (u32 step = 0; step < TENSOR_BURST; step++) {
            for (u32 i = 0; i < WARP_THREADS; i++)
                tensor_flip(kind, step, &c[i]);
            plain_mma(kind, lanes);
        }
        for (u32 i = 0; i < WARP_THREADS; i++)
            tensor_fold(&c[i]);
    }
    for (u32 i = 0; i < WARP_THREADS; i++)
        sum += unit_turn(c[i].sum, first + i);
    return sum;
}

/* Set 0 has exact answers; set 1 rounds as only a tensor core does (int8 never rounds). */
static bool known(u32 kind, u32 set, u32 seed, const struct unit_size *size, u32 *out)
{
    if (set)
        return false;
    *out = 0;
    for (u32 thread = 0; thread < size->threads; thread += WARP_THREADS)
        *out += warp_sum(kind, seed, thread, size->steps_known);
    return true;
}

/* Known only when the GPU is open. */
static bool is_capable(const struct gpu_target *t, struct finding *f)
{
    if (t->compute->major >= CAPABILITY_MIN)
        return true;
    gpu_skip(f, "GPUs of compute capability %d.%d have other tensor cores, or none",
             t->compute->major, t->compute->minor);
    f->is_moot = true;
    return false;
}

static void tensor_run(struct gpu_target *t, struct finding *f)
{
    static const struct unit_work work = {
        .module = COMPUTE_MODULE_tensor,
        .kernel = "tensor_chains",
        .kinds = kinds,
        .kind_count = TENSOR_COUNT,
        .full = {.threads = 256, .waves = 4, .steps_known = 8, .steps = 4096},
        .small = {.threads = 64, .waves = 2, .steps_known = 1, .steps = 1},
        .known = known,
    };

    if (is_capable(t, f))
        units_run(t, f, &work);
}

const struct gpu_check gpu_check_tensor = {
    .name = "tensor",
    .help = "tensor-core results of every SM, bit for bit",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = tensor_run,
};
