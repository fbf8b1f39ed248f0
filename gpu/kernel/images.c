/* Takes the files in, as they are. GPU_KERNEL_CODES_FILE names the list that the build wrote of
 * the machine code it could make; without it there is only PTX. */
#include "gpu/kernel/images.h"

/* Machine code is an ELF file, which its reader may expect to be aligned; PTX needs its NUL. */
#define EMBED(symbol, file)                       \
    __asm__(".pushsection .rodata,\"a\"\n"        \
            ".balign 64\n"                        \
            ".hidden " #symbol "\n" #symbol ":\n" \
            ".incbin \"" file "\"\n"              \
            ".byte 0\n"                           \
            ".popsection\n");                     \
    extern const char symbol[]

#define MODULE(name) EMBED(kernel_ptx_##name, "gpu/kernel/ptx/" #name ".ptx");
#include "gpu/kernel/modules.def.h"
#undef MODULE

const char *const kernel_ptx[COMPUTE_MODULE_COUNT] = {
#define MODULE(name) [COMPUTE_MODULE_##name] = kernel_ptx_##name,
#include "gpu/kernel/modules.def.h"
#undef MODULE
};

#ifdef GPU_KERNEL_CODES_FILE
#define CODE(name, target, file) EMBED(kernel_code_##name##_##target, file);
#include GPU_KERNEL_CODES_FILE
#undef CODE
#endif

/* The last is no code: a list of none is no array. */
const struct kernel_code kernel_codes[] = {
#ifdef GPU_KERNEL_CODES_FILE
#define CODE(name, target, file) {COMPUTE_MODULE_##name, #target, kernel_code_##name##_##target},
#include GPU_KERNEL_CODES_FILE
#undef CODE
#endif
    {COMPUTE_MODULE_COUNT, "", NULL},
};
const size_t kernel_code_count = ARRAY_SIZE(kernel_codes) - 1;
