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

/* Kernels that look for a wrong unit (gpu/kernel/unit.h). `results` starts out as zeros. */
struct unit_args {
    u64 results;
    u32 seed;
    u32 steps_known; /* the host computes these, too */
    u32 steps;       /* more of them */
};

/* gpu/kernel/matmul.h says how operands lie. */
struct matmul_fill_args {
    u64 to;
    u32 panels, slices; /* blocks of 128 rows; slices of 128 bytes of every row */
    u32 kind, set, seed;
};
struct matmul_args {
    u64 a, b;
    u64 sums;     /* a word per tile and thread */
    u64 sms;      /* a word per tile: which SM left the sums */
    u64 wrong;    /* a count per SM of words that differ */
    u32 compares; /* with sums; else writes them */
    u32 tile_rows, tile_cols, slices;
    u32 stages;   /* of shared memory */
    u32 rotation; /* block 0 begins with this tile */
};

#endif
