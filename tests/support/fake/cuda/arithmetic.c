/* The words of gpu/kernel/arithmetic.h: right, unless the script says otherwise. */
#include "gpu/kernel/arithmetic.h"
#include "gpu/kernel/plain.h"
#include "tests/support/fake/cuda/emulator.h"

static u32 result(enum emulator_unit unit, u32 bits, u64 operations)
{
    emulator_count(unit, operations);
    return (u32)emulator_result(unit, bits, 32);
}

u32 mad_low(u32 a, u32 b, u32 c)
{
    return result(EMULATOR_int32, plain_mad_low(a, b, c), 2);
}

u32 mad_high(u32 a, u32 b, u32 c)
{
    return result(EMULATOR_int32, plain_mad_high(a, b, c), 2);
}

u32 bits_mix(u32 a, u32 b, u32 c)
{
    return result(EMULATOR_int32, plain_bits(a, b, c), 5);
}

u32 fma32(u32 a, u32 b, u32 c)
{
    return result(EMULATOR_fp32, plain_fma32(a, b, c), 2);
}

u64 fma64(u64 a, u64 b, u64 c)
{
    emulator_count(EMULATOR_fp64, 2);
    return emulator_result(EMULATOR_fp64, plain_fma64(a, b, c), 64);
}

u32 fma16x2(u32 a, u32 b, u32 c)
{
    return result(EMULATOR_fp16, plain_fma16x2(a, b, c), 4);
}

/* No approximation of ours would be theirs. It must only be the same each time. */
u32 special_mix(u32 a)
{
    return result(EMULATOR_special, unit_random(a), 4);
}
