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

/* gpu/kernel/memory.cu: each kernel takes what it needs of it. */
struct memory_args {
    u64 address; /* of the first tile */
    u64 from;    /* memory_copy: where it comes from */
    u64 first;   /* number of the first unit in the pattern: its address / 16 */
    u64 report;  /* MEMORY_REPORT_WORDS; counts are zeros at first */
    u32 tiles;
    u32 pattern;
    u32 seed;
    u32 flip; /* all bits set: the inverse of the pattern */
    u32 down; /* 1: from the last tile to the first */
};

#endif
