/* The arithmetic under test in plain C, for the processor only: what is right. Exactly rounded
 * without a maths library, for operands whose products neither overflow nor underflow. */
#ifndef GPU_KERNEL_PLAIN_H
#define GPU_KERNEL_PLAIN_H

#include <string.h>

#include "gpu/kernel/args.h"

static inline float plain_float(u32 bits)
{
    float x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline u32 plain_float_bits(float x)
{
    u32 bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double plain_double(u64 bits)
{
    double x;

    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline u64 plain_double_bits(double x)
{
    u64 bits;

    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* a + b, rounded to odd: a second rounding, to fewer bits, is then the right one. */
static inline double plain_add_odd(double a, double b)
{
    double sum = a + b, part = sum - a;
    double rest = (a - (sum - part)) + (b - part);
    u64 bits = plain_double_bits(sum);

    if (rest == 0 || (bits & 1))
        return sum;
    /* The odd neighbour on the side of the exact sum. */
    return plain_double((rest > 0) == (sum > 0) ? bits + 1 : bits - 1);
}

#if defined(__FP_FAST_FMA) || defined(__FMA__) || defined(__aarch64__)
/* One instruction here; and compilers may fuse what follows below. */
static inline u32 plain_fma32(u32 a, u32 b, u32 c)
{
    return plain_float_bits(__builtin_fmaf(plain_float(a), plain_float(b), plain_float(c)));
}

static inline u64 plain_fma64(u64 a, u64 b, u64 c)
{
    return plain_double_bits(__builtin_fma(plain_double(a), plain_double(b), plain_double(c)));
}
#else
static inline u32 plain_fma32(u32 a, u32 b, u32 c)
{
    double product = (double)plain_float(a) * (double)plain_float(b); /* exact */

    return plain_float_bits((float)plain_add_odd(product, (double)plain_float(c)));
}

/* Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008. */
static inline u64 plain_fma64(u64 a, u64 b, u64 c)
{
    double x = plain_double(a), y = plain_double(b), z = plain_double(c);
    double cut = 134217729.0; /* 2^27 + 1: halves a mantissa (Veltkamp) */
    double xs = x * cut, ys = y * cut;
    double xh = xs - (xs - x), xl = x - xh, yh = ys - (ys - y), yl = y - yh;
    double high = x * y, low = xl * yl - (((high - xh * yh) - xl * yh) - xh * yl);
    double t = z + low, tp = t - z, tl = (z - (t - tp)) + (low - tp);
    double v = high + t, vp = v - high, vl = (high - (v - vp)) + (t - vp);

    return plain_double_bits(v + plain_add_odd(tl, vl));
}
#endif

static inline double plain_half(u32 bits)
{
    u32 exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double x = exponent ? (double)(1024 + mantissa) : (double)mantissa;

    for (u32 e = exponent ? exponent : 1; e < 25; e++)
        x *= 0.5;
    for (u32 e = 25; e < exponent; e++)
        x *= 2;
    return bits & 0x8000 ? -x : x;
}

/* To the nearest, ties to even; |x| < 65504. */
static inline u32 plain_half_bits(double x)
{
    u32 sign = plain_double_bits(x) >> 63 ? 0x8000 : 0, exponent = 1;
    double m = (sign ? -x : x) * 16777216.0; /* in units of the smallest half */

    while (m >= 2048) {
        m *= 0.5;
        exponent++;
    }
    m = (m + 4503599627370496.0) - 4503599627370496.0;
    if (m < 1024) /* subnormal, or zero */
        return sign | (u32)m;
    return sign | ((exponent << 10) + (u32)m - 1024); /* a carry moves the exponent */
}

/* One half of a pair: operands of magnitude 1 to 2, so the sum is exact before it is rounded. */
static inline u32 plain_fma16(u32 a, u32 b, u32 c)
{
    return plain_half_bits(plain_half(a) * plain_half(b) + plain_half(c));
}

static inline u32 plain_fma16x2(u32 a, u32 b, u32 c)
{
    return plain_fma16(a & 0xffff, b & 0xffff, c & 0xffff) | plain_fma16(a >> 16, b >> 16, c >> 16)
                                                                 << 16;
}

static inline u32 plain_mad_low(u32 a, u32 b, u32 c)
{
    return a * b + c;
}

static inline u32 plain_mad_high(u32 a, u32 b, u32 c)
{
    return (u32)((u64)a * b >> 32) + c;
}

/* Majority, funnel shift, reversal, count of ones. */
static inline u32 plain_bits(u32 a, u32 b, u32 c)
{
    u32 most = (a & b) | (a & c) | (b & c), by = b & 31;
    u32 shifted = by ? most << by | a >> (32 - by) : most, back = 0;

    for (u32 i = 0; i < 32; i++)
        back |= (shifted >> i & 1) << (31 - i);
    return back + (u32)__builtin_popcount(c);
}

#endif
