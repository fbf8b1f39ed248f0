/* Tensor cores: one multiplication of small matrices by a warp, and chains of them. For the GPU
 * mma() is one instruction; for the processor the emulator gathers the 32 threads of a warp.
 * Every kind has the same registers: 4 words of A, 2 of B, 4 of the accumulator. */
#ifndef GPU_KERNEL_TENSOR_H
#define GPU_KERNEL_TENSOR_H

#include "gpu/kernel/device.h"
#include "gpu/kernel/unit.h"

/* id, name, depth (elements of a row of A) */
#define TENSOR_LIST(X)  \
    X(BF16, "bf16", 16) \
    X(FP16, "fp16", 16) \
    X(TF32, "tf32", 8)  \
    X(INT8, "int8", 32) \
    X(FP64, "fp64", 4)
enum tensor_kind {
#define X(id, name, depth) TENSOR_##id,
    TENSOR_LIST(X)
#undef X
        TENSOR_COUNT
};

struct tensor_fragment {
    u32 a[4], b[2], d[4];
};

#ifdef __CUDA__

#define TENSOR_MMA(text, f)                                                               \
    __asm__ volatile("mma.sync.aligned." text                                             \
                     " {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"             \
                     : "+r"((f)->d[0]), "+r"((f)->d[1]), "+r"((f)->d[2]), "+r"((f)->d[3]) \
                     : "r"((f)->a[0]), "r"((f)->a[1]), "r"((f)->a[2]), "r"((f)->a[3]),    \
                       "r"((f)->b[0]), "r"((f)->b[1]))

DEVICE void mma_fp64(struct tensor_fragment *f)
{
    __asm__ volatile("{ .reg .f64 x, y, a, b;\n"
                     "mov.b64 x, {%0, %1};\n"
                     "mov.b64 y, {%2, %3};\n"
                     "mov.b64 a, {%4, %5};\n"
                     "mov.b64 b, {%6, %7};\n"
                     "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {x, y}, {a}, {b}, {x, y};\n"
                     "mov.b64 {%0, %1}, x;\n"
                     "mov.b64 {%2, %3}, y; }"
                     : "+r"(f->d[0]), "+r"(f->d[1]), "+r"(f->d[2]), "+r"(f->d[3])
                     : "r"(f->a[0]), "r"(f->a[1]), "r"(f->b[0]), "r"(f->b[1]));
}

/* d += a * b. `kind` is a constant. */
DEVICE void mma(u32 kind, struct tensor_fragment *f)
{
    if (kind == TENSOR_BF16)
        TENSOR_MMA("m16n8k16.row.col.f32.bf16.bf16.f32", f);
    else if (kind == TENSOR_FP16)
        TENSOR_MMA("m16n8k16.row.col.f32.f16.f16.f32", f);
    else if (kind == TENSOR_TF32)
        TENSOR_MMA("m16n8k8.row.col.f32.tf32.tf32.f32", f);
    else if (kind == TENSOR_INT8)
        TENSOR_MMA("m16n8k32.row.col.s32.s8.s8.s32", f);
    else
        mma_fp64(f);
}

#elif defined(TENSOR_PLAIN)

/* The program multiplies 32 threads' fragments at once: gpu/kernel/plain_tensor.h. */

#else /* the emulator */

void mma(u32 kind, struct tensor_fragment *f);

#endif

enum { TENSOR_BURST = 8 }; /* multiplications between two draws of operands */

struct tensor_chain {
    u32 random, sum;
    struct tensor_fragment f;
};

/* -7 to 7 in the kind's format. Sums of so few of them are exact in every accumulator. */
DEVICE u32 tensor_small(u32 kind, u32 random)
{
    u32 out = 0, bits, count = kind == TENSOR_INT8 ? 4 : kind == TENSOR_TF32 ? 1 : 2;

    for (u32 i = 0; i < count; i++, random >>= 4) {
        u32 n = random & 7, sign = random >> 3 & 1;
        /* fp32 bits of n: 1, 2..3 and 4..7 have exponents 127, 128, 129 */
        u32 power = n >= 4 ? 2 : n >= 2;

        bits = n ? ((127 + power) << 23) + ((n << (23 - power)) - (1U << 23)) : 0;
        if (kind == TENSOR_BF16)
            out |= (bits >> 16 | sign << 15) << 16 * i;
        else if (kind == TENSOR_FP16)
            out |= (n ? (bits >> 13) - (112 << 10) : 0U) << 16 * i | sign << (15 + 16 * i);
        else if (kind == TENSOR_INT8)
            out |= ((sign ? 0 - n : n) & 0xff) << 8 * i;
        else
            out = bits | sign << 31;
    }
    return out;
}

/* Of magnitude 0.5 to 2, mantissa and sign random; int8: anything. */
DEVICE u32 tensor_any(u32 kind, u32 random)
{
    if (kind == TENSOR_BF16)
        return (random & 0x80ff80ffU) | 0x3f003f00U;
    if (kind == TENSOR_FP16)
        return (random & 0x87ff87ffU) | 0x38003800U;
    if (kind == TENSOR_TF32) /* the lowest 13 bits are not part of the format */
        return (random & 0x80ffe000U) | 0x3f000000U;
    return random;
}

/* A double from fp32 bits of few mantissa bits, or with a random mantissa. */
DEVICE void tensor_double(u32 set, u32 random, u32 more, u32 out[2])
{
    u32 small = tensor_small(TENSOR_TF32, random);

    if (set) {
        out[0] = more;
        out[1] = (random & 0x801fffffU) | 0x3fe00000U;
        return;
    }
    out[0] = 0;
    out[1] = small & 0x7fffffffU
                 ? (small & 0x80000000U) | (((small & 0x7fffffffU) >> 3) + ((1023 - 127) << 20))
                 : small;
}

DEVICE u32 tensor_operand(u32 kind, u32 set, u32 random)
{
    return set ? tensor_any(kind, random) : tensor_small(kind, random);
}

DEVICE void tensor_draw(u32 kind, u32 set, struct tensor_chain *c)
{
    u32 r[6];

    for (u32 i = 0; i < 6; i++)
        r[i] = c->random = unit_random(c->random);
    for (u32 i = 0; i < 4; i++) {
        c->f.a[i] = tensor_operand(kind, set, r[i]);
        c->f.d[i] = 0;
    }
    for (u32 i = 0; i < 2; i++)
        c->f.b[i] = tensor_operand(kind, set, r[4 + i]);
    if (kind != TENSOR_FP64)
        return;
    tensor_double(set, r[0], r[1], c->f.a);
    tensor_double(set, r[4], r[5], c->f.b);
}

/* Other signs before each multiplication (int8: other numbers, all of which are small enough),
 * which costs less than other operands. */
DEVICE void tensor_flip(u32 kind, u32 step, struct tensor_chain *c)
{
    u32 signs = kind == TENSOR_BF16 || kind == TENSOR_FP16 ? 0x80008000U
                : kind == TENSOR_INT8                      ? 0x07070707U
                                                           : 0x80000000U;
    u32 at = kind == TENSOR_FP64 ? 1 : step & 3;

    for (u32 i = 0; i < 4; i++)
        c->f.a[i] ^= i == at ? c->random << step & signs : 0;
}

DEVICE void tensor_fold(struct tensor_chain *c)
{
    for (u32 i = 0; i < 4; i++) /* zero has one sum, whatever its sign */
        c->sum = unit_fold(c->sum, c->f.d[i] << 1 ? c->f.d[i] : 0);
}

DEVICE void tensor_begin(u32 kind, u32 seed, u32 thread, struct tensor_chain *c)
{
    c->random = unit_seed(seed + kind, thread);
    c->sum = 0;
}

#endif
