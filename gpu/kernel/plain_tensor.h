/* A warp's multiplication of matrices in plain C, for the processor only. Which thread holds
 * which element is NVIDIA's (PTX ISA, "Matrix fragments for mma"). */
#ifndef GPU_KERNEL_PLAIN_TENSOR_H
#define GPU_KERNEL_PLAIN_TENSOR_H

#include "gpu/kernel/plain.h"
#include "gpu/kernel/tensor.h"

enum { WARP_THREADS = 32, TENSOR_DEPTH_MAX = 32 };

struct plain_tile {
    double a[16][TENSOR_DEPTH_MAX], b[TENSOR_DEPTH_MAX][8], d[16][8];
};

static inline u32 plain_depth(u32 kind)
{
    static const u32 depths[TENSOR_COUNT] = {
#define X(id, name, depth) depth,
        TENSOR_LIST(X)
#undef X
    };

    return depths[kind];
}

/* Element number i of a register. */
static inline double plain_element(u32 kind, u32 word, u32 i)
{
    switch (kind) {
    case TENSOR_BF16:
        return (double)plain_float(word >> 16 * i << 16);
    case TENSOR_FP16:
        return plain_half(word >> 16 * i & 0xffff);
    case TENSOR_INT8:
        return (double)(signed char)(word >> 8 * i & 0xff);
    default:
        return (double)plain_float(word & 0xffffe000U);
    }
}

static inline double plain_pair(const u32 words[2])
{
    return plain_double((u64)words[1] << 32 | words[0]);
}

static inline void plain_gather_fp64(const struct tensor_fragment *f, u32 lane,
                                     struct plain_tile *t)
{
    t->a[lane / 4][lane % 4] = plain_pair(f->a);
    t->b[lane % 4][lane / 4] = plain_pair(f->b);
    t->d[lane / 4][lane % 4 * 2] = plain_pair(f->d);
    t->d[lane / 4][lane % 4 * 2 + 1] = plain_pair(f->d + 2);
}

/* A row of A is eight registers' worth: four threads, the second half in registers 2 and 3. */
static inline void plain_gather(u32 kind, const struct tensor_fragment *f, u32 lane,
                                struct plain_tile *t)
{
    u32 row = lane / 4, at = lane % 4, per_word = plain_depth(kind) / 8;

    if (kind == TENSOR_FP64) {
        plain_gather_fp64(f, lane, t);
        return;
    }
    for (u32 i = 0; i < per_word; i++) {
        u32 k = at * per_word + i, half = 4 * per_word;

        t->a[row][k] = plain_element(kind, f->a[0], i);
        t->a[row + 8][k] = plain_element(kind, f->a[1], i);
        t->a[row][k + half] = plain_element(kind, f->a[2], i);
        t->a[row + 8][k + half] = plain_element(kind, f->a[3], i);
        t->b[k][row] = plain_element(kind, f->b[0], i);
        t->b[k + half][row] = plain_element(kind, f->b[1], i);
    }
    for (u32 i = 0; i < 4; i++)
        t->d[row + i / 2 * 8][at * 2 + i % 2] =
            kind == TENSOR_INT8 ? (double)(int)f->d[i] : (double)plain_float(f->d[i]);
}

static inline void plain_scatter(u32 kind, const struct plain_tile *t, u32 lane,
                                 struct tensor_fragment *f)
{
    u32 row = lane / 4, at = lane % 4;

    for (u32 i = 0; i < 2 && kind == TENSOR_FP64; i++) {
        u64 bits = plain_double_bits(t->d[row][at * 2 + i]);

        f->d[i * 2] = (u32)bits;
        f->d[i * 2 + 1] = (u32)(bits >> 32);
    }
    for (u32 i = 0; i < 4 && kind != TENSOR_FP64; i++) {
        double x = t->d[row + i / 2 * 8][at * 2 + i % 2];

        f->d[i] = kind == TENSOR_INT8 ? (u32)(int)x : plain_float_bits((float)x);
    }
}

/* What mma() does to the fragments of a warp. Exact for integers; else the sum is rounded once,
 * which is not how a tensor core rounds, but is always the same. */
static inline void plain_mma(u32 kind, struct tensor_fragment *const lanes[WARP_THREADS])
{
    struct plain_tile t;
    u32 depth = plain_depth(kind), rows = kind == TENSOR_FP64 ? 8 : 16;

    for (u32 lane = 0; lane < WARP_THREADS; lane++)
        plain_gather(kind, lanes[lane], lane, &t);
    for (u32 i = 0; i < rows; i++) {
        for (u32 k = 0; k < depth; k++) {
            for (u32 j = 0; j < 8; j++)
                t.d[i][j] += t.a[i][k] * t.b[k][j];
        }
    }
    for (u32 lane = 0; lane < WARP_THREADS; lane++)
        plain_scatter(kind, &t, lane, lanes[lane]);
}

#endif
