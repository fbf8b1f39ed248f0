/* What the kernels that look for a wrong unit share: a generator of operands, a checksum, and
 * where a block leaves its results. Host and GPU read it. */
#ifndef GPU_KERNEL_UNIT_H
#define GPU_KERNEL_UNIT_H

#include "gpu/kernel/device.h"

enum {
    UNIT_SETS = 2,   /* of operands */
    UNIT_PHASES = 2, /* after the steps that the host knows the answer of, and at the end */
};

/* A block's results: the SM's index plus one, then kind, set, phase. */
#define UNIT_WORD(kind, set, phase) (1 + ((kind)*UNIT_SETS + (set)) * UNIT_PHASES + (phase))
#define UNIT_WORDS(kind_count)      (1 + (kind_count)*UNIT_SETS * UNIT_PHASES)

/* Shifts and xors only (Marsaglia's xorshift32), so that a broken multiplier does not disturb
 * the operands of all other kinds. Never zero. */
DEVICE u32 unit_random(u32 x)
{
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

DEVICE u32 unit_seed(u32 seed, u32 thread)
{
    u32 x = (seed << 20 ^ thread << 3 ^ 0x9e3779b9U) | 1;

    for (u32 i = 0; i < 4; i++)
        x = unit_random(x);
    return x;
}

/* One to one in `sum`: a single wrong result can never cancel out. The carries of the addition
 * keep the same wrong bit in all results from cancelling, as it would if this were linear. */
DEVICE u32 unit_fold(u32 sum, u32 result)
{
    u32 x = (sum << 5 | sum >> 27) ^ result;

    return x + (x << 3);
}

/* Threads' sums are added up; turned by the thread first, so that the same error in two threads
 * does not look like none. */
DEVICE u32 unit_turn(u32 sum, u32 thread)
{
    u32 by = thread & 31;

    return by ? sum << by | sum >> (32 - by) : sum;
}

#endif
