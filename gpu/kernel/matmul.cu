/* Matrix products by mma.sync, for compute capability 8.0 and later: three slices in flight
 * (two where shared memory is short), one barrier a slice, warps of 64 by 64. */
#include "gpu/kernel/matmul.h"
#include "gpu/kernel/shared.h"

KERNEL(matmul_fill, matmul_fill_args)
{
    u32 pieces = MATMUL_BLOCK_BYTES / 16;
    u64 all = (u64)a.panels * a.slices * pieces;

    for (u64 i = (u64)block_index() * thread_count() + thread_index(); i < all;
         i += (u64)block_count() * thread_count()) {
        u32 block = (u32)(i / pieces), row = (u32)(i % pieces) / 8, piece = (u32)i % 8;
        u32 word = block % a.slices * MATMUL_SLICE_WORDS + piece * 4;
        struct words4 v;

        row += block / a.slices * MATMUL_ROWS;
        v.x = matmul_word(a.kind, a.set, a.seed, row, word);
        v.y = matmul_word(a.kind, a.set, a.seed, row, word + 1);
        v.z = matmul_word(a.kind, a.set, a.seed, row, word + 2);
        v.w = matmul_word(a.kind, a.set, a.seed, row, word + 3);
        store4(a.to + (u64)block * MATMUL_BLOCK_BYTES + matmul_place(row % MATMUL_ROWS, piece), v);
    }
}

/* What is copied next: the slices of this block's tiles, one after another without a gap. */
struct loader {
    u32 turn, slice, stage;
    u64 rows, cols; /* of the slice, in A and B */
};

DEVICE void loader_tile(const struct matmul_args *a, struct loader *l)
{
    u32 tile, row, col;

    matmul_tile(a, l->turn, &tile, &row, &col);
    l->rows = a->a + (u64)row * a->slices * MATMUL_BLOCK_BYTES;
    l->cols = a->b + (u64)col * 2 * a->slices * MATMUL_BLOCK_BYTES;
    l->slice = 0;
}

/* Also when there is nothing left: groups are counted. */
DEVICE void loader_step(const struct matmul_args *a, u32 shared, struct loader *l)
{
    if (l->turn < a->tile_rows * a->tile_cols) {
        u32 offset = thread_index() * 16, to = shared + l->stage * MATMUL_STAGE_BYTES + offset;
        u64 rows = l->rows + (u64)l->slice * MATMUL_BLOCK_BYTES + offset;
        u64 cols = l->cols + (u64)l->slice * MATMUL_BLOCK_BYTES + offset;
        u64 other = cols + (u64)a->slices * MATMUL_BLOCK_BYTES;

        UNROLL for (u32 i = 0; i < MATMUL_BLOCK_BYTES; i += MATMUL_THREADS * 16)
        {
            copy16_start(to + i, rows + i);
            copy16_start(to + MATMUL_BLOCK_BYTES + i, cols + i);
            copy16_start(to + 2 * MATMUL_BLOCK_BYTES + i, other + i);
        }
        if (++l->slice == a->slices) {
            l->turn += block_count();
            if (l->turn < a->tile_rows * a->tile_cols)
                loader_tile(a, l);
        }
    }
    l->stage = l->stage + 1 == a->stages ? 0 : l->stage + 1;
    copies_close();
}

struct warp_tile {
    u32 d[4][8][4]; /* 16 rows, 8 columns, a thread's four */
};

DEVICE void multiply(u32 kind, const u32 x[4], const u32 y[2], u32 d[4])
{
    struct tensor_fragment f;

    UNROLL for (u32 i = 0; i < 4; i++)
    {
        f.a[i] = x[i];
        f.d[i] = d[i];
    }
    f.b[0] = y[0];
    f.b[1] = y[1];
    mma(kind, &f);
    UNROLL for (u32 i = 0; i < 4; i++) d[i] = f.d[i];
}

/* One slice: four steps of 32 bytes of every row. */
DEVICE void slice_multiply(u32 kind, u32 stage, struct warp_tile *t)
{
    u32 lane = thread_index() % 32, warp = thread_index() / 32;
    u32 row = warp / 4 * 64 + lane % 16, col = warp % 4 * 64 + lane % 8 + lane / 16 * 8;

    UNROLL for (u32 step = 0; step < 4; step++)
    {
        u32 x[4][4], y[4][4];

        UNROLL for (u32 i = 0; i < 4; i++)
        {
            load_pieces(stage + matmul_place(row + i * 16, step * 2 + lane / 16), x[i]);
            load_pieces(stage + MATMUL_BLOCK_BYTES +
                            matmul_place(col + i * 16, step * 2 + lane / 8 % 2),
                        y[i]);
        }
        UNROLL for (u32 i = 0; i < 4; i++)
        {
            UNROLL for (u32 j = 0; j < 8; j++)
                multiply(kind, x[i], &y[j / 2][j % 2 * 2], t->d[i][j]);
        }
    }
}

DEVICE u32 warp_tile_take(struct warp_tile *t)
{
    u32 sum = 0;

    UNROLL for (u32 n = 0; n < MATMUL_THREAD_ELEMENTS; n++)
    {
        u32 *d = &t->d[n / 32][n / 4 % 8][n % 4];

        sum = matmul_fold(sum, *d);
        *d = 0;
    }
    return sum;
}

DEVICE void matmul(u32 kind, const struct matmul_args *a)
{
    u32 shared = shared_start(), stage = 0;
    struct loader l = {block_index(), 0, 0, 0, 0};
    struct warp_tile t;

    warp_tile_take(&t);
    loader_tile(a, &l);
    for (u32 i = 0; i + 1 < a->stages; i++)
        loader_step(a, shared, &l);
    for (u32 turn = block_index(); turn < a->tile_rows * a->tile_cols; turn += block_count()) {
        u32 tile, row, col;

        for (u32 slice = 0; slice < a->slices; slice++) {
            if (a->stages == 3)
                copies_wait_but_one();
            else
                copies_wait();
            /* All have what they copied, and are done with the stage that is filled next. */
            block_barrier();
            loader_step(a, shared, &l);
            slice_multiply(kind, shared + stage * MATMUL_STAGE_BYTES, &t);
            stage = stage + 1 == a->stages ? 0 : stage + 1;
        }
        matmul_tile(a, turn, &tile, &row, &col);
        matmul_result(a, tile, thread_index(), warp_tile_take(&t));
    }
    copies_wait();
}

MATMUL_KERNEL(matmul_bf16)
{
    matmul(TENSOR_BF16, &a);
}
MATMUL_KERNEL(matmul_fp16)
{
    matmul(TENSOR_FP16, &a);
}
MATMUL_KERNEL(matmul_tf32)
{
    matmul(TENSOR_TF32, &a);
}
