/* Matrix products by wgmma, for compute capability 9.0: one warp copies blocks of operands into
 * four stages of shared memory, two warpgroups multiply 64 by 256 each. Barriers count bytes
 * that arrived and warps that are done with a stage; the copying runs ahead into the next tile
 * while the last is folded. */
#include "gpu/kernel/matmul.h"
#include "gpu/kernel/shared.h"
#include "gpu/kernel/warpgroup.h"

enum {
    THREADS = MATMUL_THREADS + 32,
    WARPS = MATMUL_THREADS / 32, /* that multiply */
};

/* Where in shared memory: the stages first, since swizzled rows begin at multiples of 1024. */
struct place {
    u32 stages, full, empty;
};

struct turn {
    u32 stage, parity;
};

DEVICE void turn_next(const struct matmul_args *a, struct turn *t)
{
    if (++t->stage == a->stages) {
        t->stage = 0;
        t->parity ^= 1;
    }
}

DEVICE void slice_copy(const struct matmul_args *a, struct place p, struct turn t, u64 rows,
                       u64 cols)
{
    u32 to = p.stages + t.stage * MATMUL_STAGE_BYTES, full = p.full + t.stage * 8;

    barrier_wait(p.empty + t.stage * 8, t.parity ^ 1); /* the first time it is empty */
    barrier_expect(full, MATMUL_STAGE_BYTES);
    copy_bytes(to, rows, MATMUL_BLOCK_BYTES, full);
    copy_bytes(to + MATMUL_BLOCK_BYTES, cols, MATMUL_BLOCK_BYTES, full);
    copy_bytes(to + 2 * MATMUL_BLOCK_BYTES, cols + (u64)a->slices * MATMUL_BLOCK_BYTES,
               MATMUL_BLOCK_BYTES, full);
}

DEVICE void produce(const struct matmul_args *a, struct place p)
{
    struct turn t = {0, 0};

    for (u32 at = block_index(); at < a->tile_rows * a->tile_cols; at += block_count()) {
        u32 tile, row, col;

        matmul_tile(a, at, &tile, &row, &col);
        for (u32 slice = 0; slice < a->slices; slice++, turn_next(a, &t))
            slice_copy(a, p, t, a->a + ((u64)row * a->slices + slice) * MATMUL_BLOCK_BYTES,
                       a->b + ((u64)col * 2 * a->slices + slice) * MATMUL_BLOCK_BYTES);
    }
}

DEVICE u32 elements_fold(const u32 d[WARPGROUP_ELEMENTS])
{
    u32 sum = 0;

    UNROLL for (u32 i = 0; i < WARPGROUP_ELEMENTS; i++) sum = matmul_fold(sum, d[i]);
    return sum;
}

DEVICE void consume(u32 kind, const struct matmul_args *a, struct place p)
{
    u32 rows = thread_index() / WARPGROUP_THREADS * 64 * MATMUL_SLICE_BYTES;
    u32 d[WARPGROUP_ELEMENTS];
    struct turn t = {0, 0};

    UNROLL for (u32 i = 0; i < WARPGROUP_ELEMENTS; i++) d[i] = 0;
    for (u32 at = block_index(); at < a->tile_rows * a->tile_cols; at += block_count()) {
        u32 tile, row, col;

        for (u32 slice = 0; slice < a->slices; slice++, turn_next(a, &t)) {
            u32 stage = p.stages + t.stage * MATMUL_STAGE_BYTES;

            barrier_wait(p.full + t.stage * 8, t.parity);
            warpgroup_multiply(kind, warpgroup_operand(stage + rows),
                               warpgroup_operand(stage + MATMUL_BLOCK_BYTES), slice != 0, d);
            if (thread_index() % 32 == 0)
                barrier_arrive(p.empty + t.stage * 8);
        }
        matmul_tile(a, at, &tile, &row, &col);
        matmul_result(a, tile, thread_index(), elements_fold(d));
    }
}

DEVICE void matmul_sm90(u32 kind, const struct matmul_args *a)
{
    struct place p;

    p.stages = (shared_start() + 1023) & ~1023U;
    p.full = p.stages + a->stages * MATMUL_STAGE_BYTES;
    p.empty = p.full + a->stages * 8;
    if (thread_index() == 0) {
        for (u32 i = 0; i < a->stages; i++) {
            barrier_init(p.full + i * 8, 1);
            barrier_init(p.empty + i * 8, WARPS);
        }
        barriers_publish();
    }
    block_barrier();
    if (thread_index() < MATMUL_THREADS)
        consume(kind, a, p);
    else if (thread_index() == MATMUL_THREADS)
        produce(a, p);
}

MATMUL_KERNEL_OF(matmul_sm90_bf16, THREADS)
{
    matmul_sm90(TENSOR_BF16, &a);
}
MATMUL_KERNEL_OF(matmul_sm90_fp16, THREADS)
{
    matmul_sm90(TENSOR_FP16, &a);
}
MATMUL_KERNEL_OF(matmul_sm90_tf32, THREADS)
{
    matmul_sm90(TENSOR_TF32, &a);
}
