/* Shared memory and copies into it, by address: what matrix products are made of. An address is
 * a byte in the block's shared memory. */
#ifndef GPU_KERNEL_SHARED_H
#define GPU_KERNEL_SHARED_H

#include "gpu/kernel/device.h"

#ifdef __CUDA__

extern __attribute__((shared, aligned(1024))) unsigned char shared_memory[];

/* Where the memory begins that the launch asked for. */
DEVICE u32 shared_start(void)
{
    u32 start;
    __asm__("{ .reg .u64 t; cvta.to.shared.u64 t, %1; cvt.u32.u64 %0, t; }"
            : "=r"(start)
            : "l"((u64)&shared_memory[0]));
    return start;
}
/* 16 bytes from device memory, past the registers. They are there when the group they were
 * closed into has been waited for and the block has met. */
DEVICE void copy16_start(u32 to, u64 from)
{
    __asm__ volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}
DEVICE void copies_close(void)
{
    __asm__ volatile("cp.async.commit_group;" ::: "memory");
}
/* Until all groups of this thread are there, but the newest, or all. */
DEVICE void copies_wait_but_one(void)
{
    __asm__ volatile("cp.async.wait_group 1;" ::: "memory");
}
DEVICE void copies_wait(void)
{
    __asm__ volatile("cp.async.wait_group 0;" ::: "memory");
}
/* Four pieces of 8 rows of 16 bytes, spread over the warp: thread i gives the address of row
 * i % 8 of piece i / 8, and gets word i % 4 of row i / 4 of each. */
DEVICE void load_pieces(u32 row, u32 out[4])
{
    __asm__ volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                     : "r"(row)
                     : "memory");
}

#else /* the emulator */

u32 shared_start(void);
void copy16_start(u32 to, u64 from);
void copies_close(void);
void copies_wait_but_one(void);
void copies_wait(void);
void load_pieces(u32 row, u32 out[4]);

#endif
#endif
