/* The processor plays GPU: kernels compiled as C (gpu/kernel/device.h) run here, block after
 * block, every thread on a stack of its own once it has to wait for others. What they load,
 * store and compute passes through here, where the script's faults are, and is counted, from
 * which the time that the scripted GPU would have taken follows.
 *
 * To add a word to the dialect: declare it in the processor's part of gpu/kernel/device.h and
 * write it in a file of this folder with the functions below. For arithmetic under test, let
 * each result pass emulator_result() and count it with emulator_count(). For a collective
 * (shuffle, mma, ldmatrix, wgmma), let the threads meet: emulator_meet(). */
#ifndef TESTS_SUPPORT_FAKE_CUDA_EMULATOR_H
#define TESTS_SUPPORT_FAKE_CUDA_EMULATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpu/kernel/args.h"

/* --- for words, called inside a kernel ------------------------------------------------------- */

/* Units that a fault can be planted in, and whose work takes time. */
#define EMULATOR_UNITS(X) \
    X(int32, 33.5)        \
    X(fp32, 67)           \
    X(fp64, 34)           \
    X(bf16, 989)          \
    X(fp16, 989)          \
    X(tf32, 494)          \
    X(fp8, 1979)          \
    X(int8, 1979)         \
    X(fp64_tensor, 67)    \
    X(special, 4.2)
/* The figure: 10^12 operations a second, unless the script says otherwise ("bf16_tflops 700").
 * From NVIDIA's datasheet of the H100 SXM5 (dense; int32 and special functions: half and a
 * sixteenth of the fp32 rate, as the CUDA programming guide's throughput table has it). */
enum emulator_unit {
#define X(name, tera) EMULATOR_##name,
    EMULATOR_UNITS(X)
#undef X
        EMULATOR_UNIT_COUNT
};

/* The result of one operation in this unit on this thread's SM, `width` bits wide: as it is, or
 * with the bit wrong that the script says. */
u64 emulator_result(enum emulator_unit unit, u64 bits, unsigned width);
/* So many operations were done; a multiply-add counts two. */
void emulator_count(enum emulator_unit unit, u64 operations);

/* Until all live threads of this thread's group have come: 32 (warp), 128 (warpgroup) or any
 * number of neighbours, or 0 for the block. The last to come calls work(payloads, count, ctx)
 * once, with what each thread brought in the order of the threads (NULL for those that have
 * ended); then all go on. Payloads may be on the callers' stacks. work may be NULL. */
typedef void emulator_meet_fn(void *const *payloads, unsigned count, void *ctx);
void emulator_meet(unsigned threads, void *payload, emulator_meet_fn *work, void *ctx);

/* Let other threads go on first. Who waits for something that another thread does calls it again
 * and again, and gives up some time: emulator_fail(). */
void emulator_yield(void);

/* The block's shared memory from this byte on; outside of it the kernel fails. It starts out
 * as noise in every block. */
void *emulator_shared(u32 offset, u32 bytes);

/* Device memory through all its faults. Fails the kernel when misaligned (address not a multiple
 * of `bytes`) or not allocated. bytes: 1, 2, 4, 8, 16. */
void emulator_load(u64 address, void *out, u32 bytes);
/* The same, of what lies in the cache: it takes no time of the memory's. */
void emulator_load_cached(u64 address, void *out, u32 bytes);
void emulator_store(u64 address, const void *from, u32 bytes);

/* End the kernel with this answer of the driver (700 …); everything after it gets the same. */
void emulator_fail(int code) __attribute__((noreturn));

/* --- for the driver -------------------------------------------------------------------------- */

struct machine_gpu; /* machine.h */

struct emulator_launch {
    struct machine_gpu *gpu;
    void (*enter)(const void *args);
    const void *args;
    u32 blocks, threads, shared_bytes;
};

/* Run to the end; returns 0 or the driver's code. */
int emulator_run(const struct emulator_launch *launch);

#endif
