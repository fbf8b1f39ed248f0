/* Words of compute capability 9.0 alone: barriers that count bytes, copies by the block, and
 * multiplications by four warps that read both operands from shared memory. */
#ifndef GPU_KERNEL_WARPGROUP_H
#define GPU_KERNEL_WARPGROUP_H

#include "gpu/kernel/device.h"
#include "gpu/kernel/tensor.h"

enum { WARPGROUP_THREADS = 128, WARPGROUP_ELEMENTS = 128 };

#ifdef __CUDA__

/* Eight bytes of shared memory: a phase ends when so many have arrived and all bytes that were
 * announced are there. */
DEVICE void barrier_init(u32 barrier, u32 count)
{
    __asm__ volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}
/* For the copying unit to see the barriers that this thread made. */
DEVICE void barriers_publish(void)
{
    __asm__ volatile("fence.mbarrier_init.release.cluster;\n"
                     "fence.proxy.async;" ::
                         : "memory");
}
DEVICE void barrier_arrive(u32 barrier)
{
    __asm__ volatile("{ .reg .b64 t; mbarrier.arrive.shared.b64 t, [%0]; }" ::"r"(barrier)
                     : "memory");
}
/* Arrive, and announce bytes. */
DEVICE void barrier_expect(u32 barrier, u32 bytes)
{
    __asm__ volatile(
        "{ .reg .b64 t; mbarrier.arrive.expect_tx.shared.b64 t, [%0], %1; }" ::"r"(barrier),
        "r"(bytes)
        : "memory");
}
/* Until the phase of this parity has ended. */
DEVICE void barrier_wait(u32 barrier, u32 parity)
{
    u32 done = 0;

    while (!done)
        __asm__ volatile("{ .reg .pred p;\n"
                         "mbarrier.try_wait.parity.shared.b64 p, [%1], %2;\n"
                         "selp.u32 %0, 1, 0, p; }"
                         : "=r"(done)
                         : "r"(barrier), "r"(parity)
                         : "memory");
}
/* Bytes of device memory into shared memory; the barrier counts them. */
DEVICE void copy_bytes(u32 to, u64 from, u32 bytes, u32 barrier)
{
    __asm__ volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
                     " [%0], [%1], %2, [%3];" ::"r"(to),
                     "l"(from), "r"(bytes), "r"(barrier)
                     : "memory");
}

/* clang-format off */
#define WARPGROUP_D \
    "{" \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
    "%112, %113, %114, %115, %116, %117, %118, %119, " \
    "%120, %121, %122, %123, %124, %125, %126, %127" \
    "}, "
#define WARPGROUP_ONE(text, x, y, sum, tail) \
    "wgmma.mma_async.sync.aligned." text " " WARPGROUP_D x ", " y ", " sum ", 1, 1" tail ";\n"
#define WARPGROUP_D4(d, i) \
    "+r"((d)[i]), "+r"((d)[(i) + 1]), "+r"((d)[(i) + 2]), "+r"((d)[(i) + 3])
#define WARPGROUP_D16(d, i) \
    WARPGROUP_D4(d, i), WARPGROUP_D4(d, (i) + 4), WARPGROUP_D4(d, (i) + 8), \
        WARPGROUP_D4(d, (i) + 12)
/* Four steps of 32 bytes of the slice; done when it returns. One piece of assembly, so that the
 * compiler cannot touch a register while the unit still writes to it. */
#define WARPGROUP_SLICE(text, tail, d, x, y, adds) \
    __asm__ volatile( \
        "{ .reg .pred p, q;\n" \
        ".reg .b64 x, y;\n" \
        "setp.ne.b32 p, %130, 0;\n" \
        "setp.eq.b32 q, %130, %130;\n" \
        "bar.warp.sync 0xffffffff;\n" \
        "wgmma.fence.sync.aligned;\n" \
        WARPGROUP_ONE(text, "%128", "%129", "p", tail) \
        "add.s64 x, %128, 2;\n" \
        "add.s64 y, %129, 2;\n" \
        WARPGROUP_ONE(text, "x", "y", "q", tail) \
        "add.s64 x, %128, 4;\n" \
        "add.s64 y, %129, 4;\n" \
        WARPGROUP_ONE(text, "x", "y", "q", tail) \
        "add.s64 x, %128, 6;\n" \
        "add.s64 y, %129, 6;\n" \
        WARPGROUP_ONE(text, "x", "y", "q", tail) \
        "wgmma.commit_group.sync.aligned;\n" \
        "wgmma.wait_group.sync.aligned 0; }" \
        : WARPGROUP_D16(d, 0), WARPGROUP_D16(d, 16), WARPGROUP_D16(d, 32), WARPGROUP_D16(d, 48), \
          WARPGROUP_D16(d, 64), WARPGROUP_D16(d, 80), WARPGROUP_D16(d, 96), WARPGROUP_D16(d, 112) \
        : "l"(x), "l"(y), "r"(adds) \
        : "memory")
/* clang-format on */

/* d = (adds ? d : 0) + 64 rows of A times 256 rows of B, a slice of 128 bytes of each, by a
 * warpgroup. x and y: warpgroup_operand(). `kind` is a constant. */
DEVICE void warpgroup_multiply(u32 kind, u64 x, u64 y, u32 adds, u32 d[WARPGROUP_ELEMENTS])
{
    if (kind == TENSOR_BF16)
        WARPGROUP_SLICE("m64n256k16.f32.bf16.bf16", ", 0, 0", d, x, y, adds);
    else if (kind == TENSOR_FP16)
        WARPGROUP_SLICE("m64n256k16.f32.f16.f16", ", 0, 0", d, x, y, adds);
    else
        WARPGROUP_SLICE("m64n256k8.f32.tf32.tf32", "", d, x, y, adds);
}

#else /* the emulator */

void barrier_init(u32 barrier, u32 count);
void barriers_publish(void);
void barrier_arrive(u32 barrier);
void barrier_expect(u32 barrier, u32 bytes);
void barrier_wait(u32 barrier, u32 parity);
void copy_bytes(u32 to, u64 from, u32 bytes, u32 barrier);
void warpgroup_multiply(u32 kind, u64 x, u64 y, u32 adds, u32 d[WARPGROUP_ELEMENTS]);

#endif

/* Rows of 128 bytes in shared memory, swizzled, as wgmma is told of them (PTX ISA, "matrix
 * descriptor"): where they begin, 1024 bytes from 8 rows to the next, swizzle of 128 bytes. */
DEVICE u64 warpgroup_operand(u32 start)
{
    return (start & 0x3ffff) >> 4 | 1ULL << 16 | 64ULL << 32 | 1ULL << 62;
}

#endif
