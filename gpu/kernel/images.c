/* Takes the files in that the build packed: GPU_KERNEL_FILES is its list of them. */
#include "gpu/kernel/images.h"

#include "gpu/gunzip.h"

#define IMAGE_BYTES_MAX (16u << 20)

#ifdef GPU_KERNEL_FILES
#define IMAGE(module, target, file)                         \
    __asm__(".pushsection .rodata,\"a\"\n"                  \
            ".hidden kernel_" #module "_" #target "\n"      \
            ".hidden kernel_" #module "_" #target "_past\n" \
            "kernel_" #module "_" #target ":\n"             \
            ".incbin \"" file "\"\n"                        \
            "kernel_" #module "_" #target "_past:\n"        \
            ".byte 0\n"                                     \
            ".popsection\n");                               \
    extern const char kernel_##module##_##target[], kernel_##module##_##target##_past[];
#include GPU_KERNEL_FILES
#undef IMAGE
#endif

/* The last is none: a list of nothing is no array. */
const struct kernel_image kernel_images[] = {
#ifdef GPU_KERNEL_FILES
#define IMAGE(module, target, file)                                \
    {COMPUTE_MODULE_##module, #target, kernel_##module##_##target, \
     kernel_##module##_##target##_past},
#include GPU_KERNEL_FILES
#undef IMAGE
#endif
    {COMPUTE_MODULE_COUNT, "", "", ""},
};
const size_t kernel_image_count = ARRAY_SIZE(kernel_images) - 1;

enum err_code kernel_image_unpack(const struct kernel_image *image, char **out, struct err *e)
{
    size_t len;
    enum err_code rc =
        gunzip(image->from, (size_t)(image->past - image->from), IMAGE_BYTES_MAX, out, &len, e);

    return rc ? err_wrap(e, rc, "the kernels inside this program") : ERR_OK;
}
