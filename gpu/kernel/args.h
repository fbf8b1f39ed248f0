/* What kernels are given, as host and GPU both see it: C and CUDA C++, fixed layout, addresses
 * as numbers. */
#ifndef GPU_KERNEL_ARGS_H
#define GPU_KERNEL_ARGS_H

typedef unsigned int u32;
typedef unsigned long long u64;

/* gpu/kernel/launch.cu */
struct launch_mark_args {
    u64 address; /* of the word that gets the value */
    u32 value;
};

#endif
