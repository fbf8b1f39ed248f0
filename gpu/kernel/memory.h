/* What is written into memory to test it, as a function of the place: host, GPU and emulator
 * share it. Memory is counted in units of 16 bytes; a block takes tiles of MEMORY_TILE_UNITS. */
#ifndef GPU_KERNEL_MEMORY_H
#define GPU_KERNEL_MEMORY_H

#include "gpu/kernel/device.h"

enum {
    MEMORY_THREADS = 256,
    MEMORY_FLIGHT = 4, /* loads of a thread that are under way together */
    MEMORY_TILE_UNITS = MEMORY_THREADS * MEMORY_FLIGHT,
    MEMORY_TILE_BYTES = MEMORY_TILE_UNITS * 16,
};

enum memory_pattern {
    /* Every unit holds its own number: two places that are one, or a block at the wrong place. */
    MEMORY_ADDRESS,
    /* Zeros only; its inverse, ones: with MEMORY_ADDRESS the classic march. */
    MEMORY_ZERO,
    /* A function of place and seed without a rhythm. */
    MEMORY_RANDOM,
    /* One bit of each byte, the next one in the next word; seed 0 to 7 moves them. */
    MEMORY_WALKING,
    /* One word of twenty differs from all others; seed 0 to 19 says which. */
    MEMORY_MODULO
};

/* The report: how many words were wrong, how many entries there are, what the host wrote to know
 * whether its memory keeps it, and from word 4 on the entries. */
enum memory_entry {
    MEMORY_ENTRY_LOW, /* address */
    MEMORY_ENTRY_HIGH,
    MEMORY_ENTRY_EXPECTED,
    MEMORY_ENTRY_GOT,
    MEMORY_ENTRY_AGAIN, /* read once more */
    MEMORY_ENTRY_SM,
    MEMORY_ENTRY_WORDS
};
enum {
    MEMORY_REPORT_WRONG,
    MEMORY_REPORT_ENTRIES,
    MEMORY_REPORT_SEAL,
    MEMORY_REPORT_HEAD = 4,
    MEMORY_ENTRIES_MAX = 256,
    MEMORY_REPORT_WORDS = MEMORY_REPORT_HEAD + MEMORY_ENTRIES_MAX * MEMORY_ENTRY_WORDS,
    MEMORY_WRONG_MAX = 1 << 30, /* counting stops about here */
};

/* Bijective, and every bit of the result depends on every bit of x (Chris Wellons, lowbias32). */
DEVICE u32 memory_mix(u32 x)
{
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    return x ^ x >> 16;
}

DEVICE u32 memory_turn_left(u32 x, u32 by)
{
    return x << by | x >> (32 - by);
}

/* What a unit holds. `unit` is its address / 16, which tells it from all others; `place` counts
 * from the start of its piece of memory. */
DEVICE struct words4 memory_unit(u32 pattern, u32 seed, u64 unit, u32 place)
{
    u32 low = (u32)unit, high = (u32)(unit >> 32), h, at;
    struct words4 v = {0, 0, 0, 0};

    switch (pattern) {
    case MEMORY_ADDRESS:
        h = memory_mix(low);
        v.x = low;
        v.y = ~high;
        v.z = h;
        v.w = ~memory_turn_left(h, 16) ^ high;
        break;
    case MEMORY_RANDOM:
        h = memory_mix(low ^ memory_mix(seed + high * 0x9e3779b9U));
        v.x = h;
        v.y = memory_turn_left(h, 8) * 0x2c1b3c6dU;
        v.z = memory_turn_left(h, 16) ^ 0xa5c3965aU;
        v.w = memory_turn_left(h, 24) * 0x297a2d39U;
        break;
    case MEMORY_WALKING:
        v.x = 0x01010101U << (place * 4 + seed) % 8;
        v.y = 0x01010101U << (place * 4 + seed + 1) % 8;
        v.z = 0x01010101U << (place * 4 + seed + 2) % 8;
        v.w = 0x01010101U << (place * 4 + seed + 3) % 8;
        break;
    case MEMORY_MODULO:
        /* Twenty words are five units. */
        at = place % 5 == seed / 4 ? seed % 4 : 4;
        v.x = at == 0 ? 0x5a5a5a5aU : 0xa5a5a5a5U;
        v.y = at == 1 ? 0x5a5a5a5aU : 0xa5a5a5a5U;
        v.z = at == 2 ? 0x5a5a5a5aU : 0xa5a5a5a5U;
        v.w = at == 3 ? 0x5a5a5a5aU : 0xa5a5a5a5U;
        break;
    default: /* MEMORY_ZERO */
        break;
    }
    return v;
}

DEVICE struct words4 memory_wanted(const struct memory_args *a, u32 place)
{
    struct words4 v = memory_unit(a->pattern, a->seed, a->first + place, place);

    v.x ^= a->flip;
    v.y ^= a->flip;
    v.z ^= a->flip;
    v.w ^= a->flip;
    return v;
}

#endif
