/* Long chains of scalar arithmetic, one per thread: operands from a generator of shifts and
 * xors, every result folded into a checksum at once, since rounding would soon hide a wrong
 * bit. Three compilers read this: for the GPU; for the emulator, which plants faults in the
 * words; and, with ARITHMETIC_PLAIN, for the program itself, which computes what is right. */
#ifndef GPU_KERNEL_ARITHMETIC_H
#define GPU_KERNEL_ARITHMETIC_H

#include "gpu/kernel/device.h"
#include "gpu/kernel/unit.h"

/* What computes: id, name. The last has no exact answer: only SM against SM. */
#define ARITHMETIC_LIST(X)             \
    X(INTEGER, "integer multiply-add") \
    X(BITS, "bit operations")          \
    X(FP32, "fp32 multiply-add")       \
    X(FP64, "fp64 multiply-add")       \
    X(FP16, "fp16 multiply-add")       \
    X(SPECIAL, "special functions")
enum arithmetic_kind {
#define X(id, name) ARITHMETIC_##id,
    ARITHMETIC_LIST(X)
#undef X
        ARITHMETIC_COUNT
};

#ifdef __CUDA__

DEVICE u32 mad_low(u32 a, u32 b, u32 c)
{
    u32 d;
    __asm__ volatile("mad.lo.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
DEVICE u32 mad_high(u32 a, u32 b, u32 c)
{
    u32 d;
    __asm__ volatile("mad.hi.u32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
DEVICE u32 bits_mix(u32 a, u32 b, u32 c)
{
    u32 d;
    __asm__ volatile("{ .reg .b32 t, u;\n"
                     "lop3.b32 t, %1, %2, %3, 0xe8;\n"
                     "shf.l.wrap.b32 t, %1, t, %2;\n"
                     "brev.b32 t, t;\n"
                     "popc.b32 u, %3;\n"
                     "add.u32 %0, t, u; }"
                     : "=r"(d)
                     : "r"(a), "r"(b), "r"(c));
    return d;
}
DEVICE u32 fma32(u32 a, u32 b, u32 c)
{
    u32 d;
    __asm__ volatile("fma.rn.f32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
DEVICE u64 fma64(u64 a, u64 b, u64 c)
{
    u64 d;
    __asm__ volatile("fma.rn.f64 %0, %1, %2, %3;" : "=l"(d) : "l"(a), "l"(b), "l"(c));
    return d;
}
DEVICE u32 fma16x2(u32 a, u32 b, u32 c)
{
    u32 d;
    __asm__ volatile("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
/* Of fp32 between 1 and 2, or minus that: two to the power, sine, root, logarithm. */
DEVICE u32 special_mix(u32 a)
{
    u32 d;
    __asm__ volatile("{ .reg .b32 t, u;\n"
                     "ex2.approx.ftz.f32 t, %1;\n"
                     "sin.approx.ftz.f32 u, %1;\n"
                     "xor.b32 u, u, t;\n"
                     "rsqrt.approx.ftz.f32 t, t;\n"
                     "xor.b32 u, u, t;\n"
                     "lg2.approx.ftz.f32 t, t;\n"
                     "xor.b32 %0, u, t; }"
                     : "=r"(d)
                     : "r"(a));
    return d;
}

#elif defined(ARITHMETIC_PLAIN)

#include "gpu/kernel/plain.h"

#define mad_low        plain_mad_low
#define mad_high       plain_mad_high
#define bits_mix       plain_bits
#define fma32          plain_fma32
#define fma64          plain_fma64
#define fma16x2        plain_fma16x2
#define special_mix(a) (a) /* no answer is defined; never asked */

#else /* the emulator */

u32 mad_low(u32 a, u32 b, u32 c);
u32 mad_high(u32 a, u32 b, u32 c);
u32 bits_mix(u32 a, u32 b, u32 c);
u32 fma32(u32 a, u32 b, u32 c);
u64 fma64(u64 a, u64 b, u64 c);
u32 fma16x2(u32 a, u32 b, u32 c);
u32 special_mix(u32 a);

#endif

/* Floats of magnitude 1 to 2, sign and mantissa random. */
DEVICE u32 unit_fp32(u32 bits)
{
    return (bits & 0x807fffffU) | 0x3f800000U;
}
DEVICE u64 unit_fp64(u64 bits)
{
    return (bits & 0x800fffffffffffffULL) | 0x3ff0000000000000ULL;
}
DEVICE u32 unit_fp16x2(u32 bits)
{
    return (bits & 0x83ff83ffU) | 0x3c003c00U;
}

struct arithmetic_chain {
    u32 random, sum;
    u64 x; /* the value that the chain carries on */
};

DEVICE struct arithmetic_chain arithmetic_begin(u32 kind, u32 seed, u32 thread)
{
    struct arithmetic_chain c;

    c.random = unit_seed(seed + kind, thread);
    c.sum = 0;
    c.x = c.random * 0x0001000100010001ULL;
    return c;
}

DEVICE void arithmetic_fold(struct arithmetic_chain *c, u32 result)
{
    c->sum = unit_fold(c->sum, result);
}

DEVICE void arithmetic_step(u32 kind, struct arithmetic_chain *c)
{
    u32 a = c->random = unit_random(c->random);
    u32 b = c->random = unit_random(c->random);
    u32 x = (u32)c->x;

    switch (kind) {
    case ARITHMETIC_INTEGER:
        c->x = mad_low(x, a | 1, b);
        arithmetic_fold(c, mad_high((u32)c->x, a, b));
        break;
    case ARITHMETIC_BITS:
        c->x = bits_mix(x, a, b);
        break;
    case ARITHMETIC_FP32:
        c->x = fma32(unit_fp32(x), unit_fp32(a), unit_fp32(b));
        break;
    case ARITHMETIC_FP64:
        c->x = fma64(unit_fp64(c->x), unit_fp64((u64)a << 32 | b), unit_fp64((u64)b << 32 | a));
        arithmetic_fold(c, (u32)(c->x >> 32));
        break;
    case ARITHMETIC_FP16:
        c->x = fma16x2(unit_fp16x2(x), unit_fp16x2(a), unit_fp16x2(b));
        break;
    default:
        c->x = special_mix(unit_fp32(x ^ a));
        break;
    }
    arithmetic_fold(c, (u32)c->x);
}

#endif
