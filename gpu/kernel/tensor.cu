/* Tensor cores of every SM, from registers alone: each block does the same work and leaves its
 * checksums. Set 0 are small integers, whose sums are exact; set 1 random mantissas, of which
 * only SMs and repeats can be compared. */
#include "gpu/kernel/tensor.h"

DEVICE void tensor_kind_run(u32 kind, struct unit_args a)
{
    u64 results = a.results + (u64)block_index() * UNIT_WORDS(TENSOR_COUNT) * sizeof(u32);
    u32 thread = thread_index();

    for (u32 set = 0; set < UNIT_SETS; set++) {
        struct tensor_chain c;

        tensor_begin(kind, a.seed + set * 64, thread, &c);
        for (u32 phase = 0; phase < UNIT_PHASES; phase++) {
            u32 steps = phase ? a.steps : a.steps_known;

            for (u32 i = 0; i < steps; i++) {
                tensor_draw(kind, set, &c);
                UNROLL for (u32 step = 0; step < TENSOR_BURST; step++)
                {
                    tensor_flip(kind, step, &c);
                    mma(kind, &c.f);
                }
                tensor_fold(&c);
            }
            add1(results + UNIT_WORD(kind, set, phase) * sizeof(u32), unit_turn(c.sum, thread));
        }
    }
}

KERNEL(tensor_chains, unit_args)
{
    tensor_kind_run(TENSOR_BF16, a);
    tensor_kind_run(TENSOR_FP16, a);
    tensor_kind_run(TENSOR_TF32, a);
    tensor_kind_run(TENSOR_INT8, a);
    tensor_kind_run(TENSOR_FP64, a);
    if (thread_index() == 0)
        store1(a.results + (u64)block_index() * UNIT_WORDS(TENSOR_COUNT) * sizeof(u32),
               sm_index() + 1);
}
