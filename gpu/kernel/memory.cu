/* Reading, writing and copying memory as fast as it goes, and filling it with what can be checked.
 * Blocks take tiles in turn; a thread has MEMORY_FLIGHT accesses of 16 bytes under way, neighbours
 * at neighbouring places. Tiles are walked up or down, since a cell that disturbs another is only
 * seen when it is written after the other. */
#include "gpu/kernel/memory.h"

/* The unit of this thread in a tile. */
DEVICE u32 tile_place(u32 tile, u32 i)
{
    return tile * MEMORY_TILE_UNITS + i * MEMORY_THREADS + thread_index();
}

DEVICE u32 differs(struct words4 a, struct words4 b)
{
    return (a.x ^ b.x) | (a.y ^ b.y) | (a.z ^ b.z) | (a.w ^ b.w);
}

KERNEL(memory_read, memory_args)
{
    u32 sum = 0;

    for (u32 tile = block_index(); tile < a.tiles; tile += block_count()) {
        struct words4 v[MEMORY_FLIGHT];

        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++)
            v[i] = load4(a.address + 16ULL * tile_place(tile, i));
        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++)
            sum ^= v[i].x ^ v[i].y ^ v[i].z ^ v[i].w;
    }
    /* So that what was read is used; next to never is anything written. */
    if (sum == a.seed)
        store1(a.report, sum);
}

/* No two words alike, so that nothing on the way can make them less. */
KERNEL(memory_write, memory_args)
{
    for (u32 tile = block_index(); tile < a.tiles; tile += block_count()) {
        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++) {
            u32 place = tile_place(tile, i);
            struct words4 v;

            v.x = place * 0x9e3779b9U ^ a.seed;
            v.y = v.x * 0x85ebca6bU;
            v.z = ~v.x;
            v.w = place ^ v.y;
            store4(a.address + 16ULL * place, v);
        }
    }
}

KERNEL(memory_copy, memory_args)
{
    for (u32 tile = block_index(); tile < a.tiles; tile += block_count()) {
        struct words4 v[MEMORY_FLIGHT];

        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++)
            v[i] = load4(a.from + 16ULL * tile_place(tile, i));
        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++)
            store4(a.address + 16ULL * tile_place(tile, i), v[i]);
    }
}

KERNEL(memory_fill, memory_args)
{
    for (u32 n = block_index(); n < a.tiles; n += block_count()) {
        u32 tile = a.down ? a.tiles - 1 - n : n;

        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++) {
            u32 place = tile_place(tile, i);

            store4(a.address + 16ULL * place, memory_wanted(&a, place));
        }
    }
}

DEVICE void report_word(const struct memory_args *a, u64 address, u32 expected, u32 got)
{
    u64 entry;
    u32 n;

    if (expected == got)
        return;
    if (load1(a->report + 4 * MEMORY_REPORT_WRONG) < MEMORY_WRONG_MAX)
        add1(a->report + 4 * MEMORY_REPORT_WRONG, 1);
    if (load1(a->report + 4 * MEMORY_REPORT_ENTRIES) >= MEMORY_ENTRIES_MAX)
        return;
    n = add1(a->report + 4 * MEMORY_REPORT_ENTRIES, 1);
    if (n >= MEMORY_ENTRIES_MAX)
        return;
    entry = a->report + 4 * (MEMORY_REPORT_HEAD + (u64)n * MEMORY_ENTRY_WORDS);
    store1(entry + 4 * MEMORY_ENTRY_LOW, (u32)address);
    store1(entry + 4 * MEMORY_ENTRY_HIGH, (u32)(address >> 32));
    store1(entry + 4 * MEMORY_ENTRY_EXPECTED, expected);
    store1(entry + 4 * MEMORY_ENTRY_GOT, got);
    store1(entry + 4 * MEMORY_ENTRY_AGAIN, load1(address));
    store1(entry + 4 * MEMORY_ENTRY_SM, sm_index());
}

DEVICE void report_unit(const struct memory_args *a, u32 place, struct words4 want,
                        struct words4 got)
{
    u64 address = a->address + 16ULL * place;

    report_word(a, address, want.x, got.x);
    report_word(a, address + 4, want.y, got.y);
    report_word(a, address + 8, want.z, got.z);
    report_word(a, address + 12, want.w, got.w);
}

KERNEL(memory_check, memory_args)
{
    for (u32 n = block_index(); n < a.tiles; n += block_count()) {
        u32 tile = a.down ? a.tiles - 1 - n : n;
        struct words4 got[MEMORY_FLIGHT];

        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++)
            got[i] = load4(a.address + 16ULL * tile_place(tile, i));
        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++) {
            u32 place = tile_place(tile, i);
            struct words4 want = memory_wanted(&a, place);

            if (differs(want, got[i]))
                report_unit(&a, place, want, got[i]);
        }
    }
}

/* Check, and leave the inverse behind: one reading and one writing. */
KERNEL(memory_turn, memory_args)
{
    for (u32 n = block_index(); n < a.tiles; n += block_count()) {
        u32 tile = a.down ? a.tiles - 1 - n : n;
        struct words4 got[MEMORY_FLIGHT];

        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++)
            got[i] = load4(a.address + 16ULL * tile_place(tile, i));
        UNROLL
        for (u32 i = 0; i < MEMORY_FLIGHT; i++) {
            u32 place = tile_place(tile, i);
            struct words4 want = memory_wanted(&a, place);

            if (differs(want, got[i]))
                report_unit(&a, place, want, got[i]);
            want.x = ~want.x;
            want.y = ~want.y;
            want.z = ~want.z;
            want.w = ~want.w;
            store4(a.address + 16ULL * place, want);
        }
    }
}
