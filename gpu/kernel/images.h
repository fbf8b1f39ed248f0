/* The kernels as the driver takes them, inside this program: PTX of every module (committed under
 * gpu/kernel/ptx/), and, when nvcc's assembler was there at build time, machine code made from
 * that PTX. */
#ifndef GPU_KERNEL_IMAGES_H
#define GPU_KERNEL_IMAGES_H

#include "gpu/compute.h"

/* Text, ended by NUL. */
extern const char *const kernel_ptx[COMPUTE_MODULE_COUNT];

struct kernel_code {
    enum compute_module module;
    const char *target; /* "80", "90a" */
    const void *bytes;
};
extern const struct kernel_code kernel_codes[]; /* kernel_code_count of them; may be none */
extern const size_t kernel_code_count;

#endif
