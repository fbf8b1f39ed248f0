/* Matrix products for the burn: C = A * B', where both A and B are stored by rows and a row of B
 * is a column of C. Host and GPU read it.
 *
 * Operands lie in device memory as they must lie in shared memory, so that copying needs no
 * arithmetic and no descriptor: in blocks of 128 rows of 128 bytes (a slice of the rows), whose
 * 16-byte pieces are swizzled: piece p of row r is stored at place p ^ (r % 8). The blocks of
 * 128 rows follow slice after slice. A block of threads computes a tile of 128 by 256.
 *
 * A tile is not stored: each thread folds its 128 elements into one word, in which no single
 * wrong bit can hide. Words are compared with those of earlier products, of other SMs, and of
 * the processor. */
#ifndef GPU_KERNEL_MATMUL_H
#define GPU_KERNEL_MATMUL_H

#include "gpu/kernel/tensor.h"

enum {
    MATMUL_ROWS = 128, /* of A, in a tile and in a block of the operands */
    MATMUL_COLS = 256, /* of C in a tile: rows of B */
    MATMUL_SLICE_BYTES = 128,
    MATMUL_SLICE_WORDS = 32,
    MATMUL_BLOCK_BYTES = MATMUL_ROWS * MATMUL_SLICE_BYTES,
    MATMUL_STAGE_BYTES = 3 * MATMUL_BLOCK_BYTES, /* one block of A, two of B */
    MATMUL_THREADS = 256,                        /* that hold a part of the tile */
    MATMUL_THREAD_ELEMENTS = 128,
    MATMUL_GROUP_ROWS = 16, /* tiles that run at a time share few rows and columns in the cache */
    MATMUL_SMS_MAX = 1024,
};

/* What each thread of a tile holds, in the order of folding. */
enum matmul_shape {
    MATMUL_WARPS,      /* warps of 64 by 64, two below each other and four side by side */
    MATMUL_WARPGROUPS, /* two warpgroups of 64 by 256, 16 rows a warp */
};

/* Bits for word `word` of row `row` of an operand (Wellons' lowbias32). */
DEVICE u32 matmul_random(u32 seed, u32 row, u32 word)
{
    u32 x = seed ^ row * 0x9e3779b1U ^ (word + 1) * 0x85ebca6bU;

    x = (x ^ x >> 16) * 0x7feb352dU;
    x = (x ^ x >> 15) * 0x846ca68bU;
    return x ^ x >> 16;
}

/* The word itself: one or two elements. */
DEVICE u32 matmul_word(u32 kind, u32 set, u32 seed, u32 row, u32 word)
{
    return tensor_operand(kind, set, matmul_random(seed, row, word));
}

/* Where in a block of 128 rows this 16-byte piece is. */
DEVICE u32 matmul_place(u32 row, u32 piece)
{
    return row * MATMUL_SLICE_BYTES + ((piece ^ (row & 7)) << 4);
}

/* Row and column, in its tile, of element n of a thread. */
DEVICE void matmul_element(u32 shape, u32 thread, u32 n, u32 *row, u32 *col)
{
    u32 warp = thread / 32, lane = thread % 32;

    *row = lane / 4 + (n / 2 % 2) * 8;
    *col = lane % 4 * 2 + n % 2;
    if (shape == MATMUL_WARPS) {
        *row += warp / 4 * 64 + n / 32 * 16;
        *col += warp % 4 * 64 + n / 4 % 8 * 8;
    } else {
        *row += warp * 16;
        *col += n / 4 * 8;
    }
}

DEVICE u32 matmul_fold(u32 sum, u32 element)
{
    return unit_fold(sum, element << 1 ? element : 0); /* zero has no sign */
}

/* Which tile a block computes as its number `turn`. */
DEVICE void matmul_tile(const struct matmul_args *a, u32 turn, u32 *tile, u32 *row, u32 *col)
{
    u32 all = a->tile_rows * a->tile_cols, at = (turn + a->rotation) % all;
    u32 group = at / (MATMUL_GROUP_ROWS * a->tile_cols), rows = a->tile_rows;
    u32 first = group * MATMUL_GROUP_ROWS;

    rows = rows - first < MATMUL_GROUP_ROWS ? rows - first : MATMUL_GROUP_ROWS;
    at -= first * a->tile_cols;
    *row = first + at % rows;
    *col = at / rows;
    *tile = *row * a->tile_cols + *col;
}

/* As many registers as 256 threads can have; 288 in matmul_sm90.cu. */
#ifdef __CUDA__
#define MATMUL_KERNEL_OF(name, threads)                                                          \
    extern "C" __attribute__((global, launch_bounds(threads, 1))) void name(struct matmul_args); \
    KERNEL(name, matmul_args)
#else
#define MATMUL_KERNEL_OF(name, threads) KERNEL(name, matmul_args)
#endif
#define MATMUL_KERNEL(name) MATMUL_KERNEL_OF(name, MATMUL_THREADS)

/* A thread's word: kept, or compared with what is kept. */
DEVICE void matmul_result(const struct matmul_args *a, u32 tile, u32 thread, u32 sum)
{
    u64 at = a->sums + ((u64)tile * MATMUL_THREADS + thread) * sizeof(u32);
    u32 sm = sm_index();

    if (!a->compares) {
        store1(at, sum);
        if (thread == 0)
            store1(a->sms + (u64)tile * sizeof(u32), sm);
        return;
    }
    if (load1(at) != sum)
        add1(a->wrong + (u64)(sm < MATMUL_SMS_MAX ? sm : 0) * sizeof(u32), 1);
}

#endif
