/* The word of gpu/kernel/tensor.h: the threads of a warp meet, and the last one multiplies. */
#include "gpu/kernel/plain_tensor.h"
#include "tests/support/fake/cuda/emulator.h"

static const enum emulator_unit units[TENSOR_COUNT] = {
    [TENSOR_BF16] = EMULATOR_bf16,        [TENSOR_FP16] = EMULATOR_fp16,
    [TENSOR_TF32] = EMULATOR_tf32,        [TENSOR_INT8] = EMULATOR_int8,
    [TENSOR_FP64] = EMULATOR_fp64_tensor,
};

static void multiply(void *const *payloads, unsigned count, void *ctx)
{
    u32 kind = *(const u32 *)ctx, words = kind == TENSOR_FP64 ? 2 : 4;
    struct tensor_fragment *lanes[WARP_THREADS] = {0};

    for (unsigned i = 0; i < count; i++) {
        if (!payloads[i] || count != WARP_THREADS)
            emulator_fail(719); /* a GPU would do anything */
        lanes[i] = payloads[i];
    }
    plain_mma(kind, lanes);
    emulator_count(units[kind], 2ULL * (kind == TENSOR_FP64 ? 8 : 16) * 8 * plain_depth(kind));
    for (unsigned i = 0; i < count; i++) {
        for (u32 w = 0; w < words; w++) {
            u32 *d = lanes[i]->d;

            if (kind != TENSOR_FP64) {
                d[w] = (u32)emulator_result(units[kind], d[w], 32);
                continue;
            }
            u64 bits = emulator_result(units[kind], (u64)d[w * 2 + 1] << 32 | d[w * 2], 64);
            d[w * 2] = (u32)bits;
            d[w * 2 + 1] = (u32)(bits >> 32);
        }
    }
}

void mma(u32 kind, struct tensor_fragment *f)
{
    emulator_meet(WARP_THREADS, f, multiply, &kind);
}
