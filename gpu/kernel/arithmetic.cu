/* Scalar arithmetic on every SM: each block does the same work and leaves its checksums. */
#include "gpu/kernel/arithmetic.h"

KERNEL(arithmetic_chains, unit_args)
{
    u64 results = a.results + (u64)block_index() * UNIT_WORDS(ARITHMETIC_COUNT) * sizeof(u32);
    u32 thread = thread_index();

    for (u32 set = 0; set < UNIT_SETS; set++) {
        for (u32 kind = 0; kind < ARITHMETIC_COUNT; kind++) {
            struct arithmetic_chain c = arithmetic_begin(kind, a.seed + set * 64, thread);

            for (u32 phase = 0; phase < UNIT_PHASES; phase++) {
                u32 steps = phase ? a.steps : a.steps_known;

                for (u32 i = 0; i < steps; i++)
                    arithmetic_step(kind, &c);
                add1(results + UNIT_WORD(kind, set, phase) * sizeof(u32), unit_turn(c.sum, thread));
            }
        }
    }
    if (thread == 0)
        store1(results, sm_index() + 1);
}
