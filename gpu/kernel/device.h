/* The dialect of the kernels: the common part of C and CUDA C++, and these words. One source is
 * compiled twice: for the GPU, and, by the tests, for the processor, where an emulator
 * (tests/support/fake/cuda/emulator.c) provides the words, runs every thread of a block, and plants
 * faults in what passes through them. So a kernel touches device memory, shared memory and
 * arithmetic under test only by these words.
 *
 * A kernel is written  KERNEL(memory_fill, memory_fill_args) { ... a.count ... }  with the struct
 * in gpu/kernel/args.h and a line in gpu/kernel/kernels.def.h. */
#ifndef GPU_KERNEL_DEVICE_H
#define GPU_KERNEL_DEVICE_H

#include "gpu/kernel/args.h"

struct words4 {
    u32 x, y, z, w;
};

#ifdef __CUDA__ /* clang, for the GPU */

#define KERNEL(name, args)                                     \
    extern "C" __attribute__((global)) void name(struct args); \
    extern "C" __attribute__((global)) void name(struct args a)
#define DEVICE static inline __attribute__((device, always_inline))
/* Before a loop over an array of registers, whose indices must be known when it is compiled. */
#define UNROLL _Pragma("unroll")

DEVICE u32 thread_index(void)
{
    return (u32)__nvvm_read_ptx_sreg_tid_x();
}
DEVICE u32 thread_count(void) /* in a block */
{
    return (u32)__nvvm_read_ptx_sreg_ntid_x();
}
DEVICE u32 block_index(void)
{
    return (u32)__nvvm_read_ptx_sreg_ctaid_x();
}
DEVICE u32 block_count(void)
{
    return (u32)__nvvm_read_ptx_sreg_nctaid_x();
}
DEVICE u32 sm_index(void) /* the unit that runs this block; not dense */
{
    u32 id;
    __asm__ volatile("mov.u32 %0, %%smid;" : "=r"(id));
    return id;
}
/* All threads of the block. */
DEVICE void block_barrier(void)
{
    __asm__ volatile("bar.sync 0;" ::: "memory");
}

/* Device memory, by address. Volatile and past the first-level cache: what is read is what is
 * there. */
DEVICE struct words4 load4(u64 address)
{
    struct words4 v;
    __asm__ volatile("ld.global.cg.v4.u32 {%0,%1,%2,%3}, [%4];"
                     : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                     : "l"(address)
                     : "memory");
    return v;
}
DEVICE void store4(u64 address, struct words4 v)
{
    __asm__ volatile("st.global.cg.v4.u32 [%0], {%1,%2,%3,%4};" ::"l"(address), "r"(v.x), "r"(v.y),
                     "r"(v.z), "r"(v.w)
                     : "memory");
}
DEVICE u32 load1(u64 address)
{
    u32 v;
    __asm__ volatile("ld.global.cg.u32 %0, [%1];" : "=r"(v) : "l"(address) : "memory");
    return v;
}
DEVICE void store1(u64 address, u32 v)
{
    __asm__ volatile("st.global.cg.u32 [%0], %1;" ::"l"(address), "r"(v) : "memory");
}
/* Returns what was there. */
DEVICE u32 add1(u64 address, u32 v)
{
    u32 old;
    __asm__ volatile("atom.global.add.u32 %0, [%1], %2;"
                     : "=r"(old)
                     : "l"(address), "r"(v)
                     : "memory");
    return old;
}

#else /* C, for the processor */

#define KERNEL(name, args)        \
    void name(const struct args); \
    void name(const struct args a)
#define DEVICE static inline
#define UNROLL

u32 thread_index(void);
u32 thread_count(void);
u32 block_index(void);
u32 block_count(void);
u32 sm_index(void);
void block_barrier(void);
struct words4 load4(u64 address);
void store4(u64 address, struct words4 v);
u32 load1(u64 address);
void store1(u64 address, u32 v);
u32 add1(u64 address, u32 v);

#endif
#endif
