/* What kernels are given, as host and GPU both see it: C and CUDA C++, fixed layout, addresses
 * as numbers. */
#ifndef GPU_KERNEL_ARGS_H
#define GPU_KERNEL_ARGS_H

typedef unsigned int u32;
typedef unsigned long long u64;

#endif
