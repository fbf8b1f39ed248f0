/* The kernels as the driver takes them, packed inside this program: PTX of every module (committed
 * under gpu/kernel/ptx/), and, when nvcc's assembler was there at build time, machine code made
 * from that PTX. */
#ifndef GPU_KERNEL_IMAGES_H
#define GPU_KERNEL_IMAGES_H

#include "gpu/compute.h"

struct kernel_image {
    enum compute_module module;
    const char *target;      /* "80", "90a": machine code for it; "ptx": PTX */
    const char *from, *past; /* packed by gzip */
};
extern const struct kernel_image kernel_images[];
extern const size_t kernel_image_count;

/* What the driver takes: text or an ELF file, a NUL after it. Caller frees. Errors: ERR_INVALID
 * the program's file is damaged; ERR_IO no memory. */
enum err_code kernel_image_unpack(const struct kernel_image *image, char **out,
                                  struct err *e) MUST_CHECK;

#endif
