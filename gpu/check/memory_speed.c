/* How fast the GPU reads, writes and copies its own memory: kernels over a range far larger than
 * its caches, whose words are all different. Best of several, since others may be at work. */
#include <inttypes.h>

#include "gpu/compute.h"
#include "gpu/kernel/memory.h"

#define RANGE_BYTES_MAX (4LL << 30)
#define RANGE_CACHES    4  /* a range that is so many times the cache is not read from the cache */
#define ROUNDS_CALM     12 /* without a gain: then the clocks of an idle GPU have risen… */
#define ROUNDS_LARGE    50 /* …as many where one takes a millisecond: they need tens of those */
#define ROUNDS_MAX      500
#define GAIN_LEAST      1.01
#define LARGE_BYTES     (1LL << 30)
#define BLOCKS_PER_SM   6 /* of 256 threads: as many as fit on every GPU since 2020 */
#define SEED            0x1f2e3d4cU

struct range {
    uint64_t address;
    int64_t bytes;
};

/* Most of what is free, up to 4 GiB. */
static bool range_take(struct gpu_target *t, struct finding *f, struct range *out)
{
    struct compute *c = t->compute;
    int64_t free_bytes = 0, bytes, least = RANGE_CACHES * c->l2_bytes;
    enum err_code rc;
    struct err e;

    if (!compute_answered(t, f, compute_free_bytes(c, &free_bytes, &e), &e))
        return false;
    bytes = free_bytes / 4 * 3 < RANGE_BYTES_MAX ? free_bytes / 4 * 3 : RANGE_BYTES_MAX;
    for (;; bytes /= 2) {
        bytes -= bytes % (2 * MEMORY_TILE_BYTES);
        if (bytes < least || bytes == 0) {
            gpu_skip(f, "%" PRId64 " MB of memory are free; %" PRId64 " MB would be needed",
                     free_bytes / 1000000, least * 4 / 3 / 1000000 + 1);
            return false;
        }
        rc = compute_take(c, bytes, &out->address, &e);
        if (rc == ERR_OK)
            break;
        if (c->code != CUDA_OUT_OF_MEMORY)
            return compute_answered(t, f, rc, &e);
    }
    out->bytes = bytes;
    return true;
}

static enum err_code round_run(struct compute *c, struct cu_function *kernel,
                               const struct memory_args *a, double *seconds, struct err *e)
{
    struct compute_timer timer;
    enum err_code rc = compute_timer_begin(c, &timer, e);

    if (rc)
        return rc;
    rc = compute_launch(c, kernel, (unsigned)c->sm_count * BLOCKS_PER_SM, MEMORY_THREADS, 0, a, e);
    if (!rc)
        return compute_timer_end(c, &timer, seconds, e);
    compute_timer_release(c, &timer);
    return rc;
}

/* Fill the range, then time the kernel on it until it has not become faster for a while. */
static enum err_code best_find(struct compute *c, const char *name, const struct memory_args *fill,
                               const struct memory_args *a, double *best, struct err *e)
{
    bool is_large = (int64_t)fill->tiles * MEMORY_TILE_BYTES >= LARGE_BYTES;
    int calm = 0, calm_enough = is_large ? ROUNDS_LARGE : ROUNDS_CALM;
    struct cu_function *write = NULL, *kernel = NULL;
    double seconds = 0;
    enum err_code rc = compute_kernel(c, COMPUTE_MODULE_memory, "memory_write", &write, e);

    if (!rc)
        rc = compute_kernel(c, COMPUTE_MODULE_memory, name, &kernel, e);
    if (!rc)
        rc = round_run(c, write, fill, &seconds, e);
    *best = 0;
    for (int i = 0; i < ROUNDS_MAX && calm < calm_enough && !rc; i++) {
        rc = round_run(c, kernel, a, &seconds, e);
        calm = *best > seconds * GAIN_LEAST ? 0 : calm + 1;
        if (!rc && (*best == 0 || seconds < *best))
            *best = seconds;
    }
    return rc;
}

static void speed_run(struct gpu_target *t, struct finding *f, const char *kernel, bool is_copy)
{
    struct memory_args fill = {.seed = SEED}, a;
    struct range range = {0};
    double best = 0;
    enum err_code rc;
    struct err e;

    if (!range_take(t, f, &range))
        return;
    fill.address = range.address;
    fill.tiles = (u32)(range.bytes / MEMORY_TILE_BYTES);
    a = fill;
    a.report = range.address;
    if (is_copy) {
        a.tiles /= 2;
        a.from = range.address;
        a.address = range.address + (uint64_t)a.tiles * MEMORY_TILE_BYTES;
    }
    rc = best_find(t->compute, kernel, &fill, &a, &best, &e);
    if (!t->compute->broken)
        compute_give(t->compute, range.address);
    if (!compute_answered(t, f, rc, &e))
        return;
    if (best <= 0)
        gpu_error(f, "the GPU's timer stood still");
    else /* a copy moves half of the range, out and in */
        gpu_measured(t, f, (double)range.bytes / best / 1e9, "GB/s");
}

static void memory_read_run(struct gpu_target *t, struct finding *f)
{
    speed_run(t, f, "memory_read", false);
}

const struct gpu_check gpu_check_memory_read = {
    .name = "memory_read",
    .help = "how fast the GPU reads its memory",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .peer_share = 0.95,
    .needs_compute = true,
    .run = memory_read_run,
};

static void memory_write_run(struct gpu_target *t, struct finding *f)
{
    speed_run(t, f, "memory_write", false);
}

const struct gpu_check gpu_check_memory_write = {
    .name = "memory_write",
    .help = "how fast the GPU writes its memory",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .peer_share = 0.95,
    .needs_compute = true,
    .run = memory_write_run,
};

static void memory_copy_run(struct gpu_target *t, struct finding *f)
{
    speed_run(t, f, "memory_copy", true);
}

const struct gpu_check gpu_check_memory_copy = {
    .name = "memory_copy",
    .help = "how fast the GPU copies within its memory, reading and writing counted",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .peer_share = 0.95,
    .needs_compute = true,
    .run = memory_copy_run,
};
