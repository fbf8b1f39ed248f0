/* Loads the CUDA driver and names its answers. */
#include "gpu/cuda.h"

#include <dlfcn.h>
#include <string.h>

/* Beside the loader's own path: Google's and gVisor's images, WSL, NixOS. */
static const char *const library_paths[] = {
    "libcuda.so.1",
    "/usr/local/nvidia/lib64/libcuda.so.1",
    "/usr/lib/wsl/lib/libcuda.so.1",
    "/run/opengl-driver/lib/libcuda.so.1",
};

static const struct {
    size_t offset;
    const char *symbol;
    bool required;
} symbols[] = {
#define CUDA(member, symbol, required, args) {offsetof(struct cuda, member), symbol, required},
#include "gpu/cuda.def.h"
#undef CUDA
};

static enum err_code library_open(struct cuda *c, const char *path, struct err *e)
{
    if (path) {
        c->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        return c->library ? ERR_OK : err_set(e, ERR_NOT_FOUND, "%s", dlerror());
    }
    for (size_t i = 0; i < ARRAY_SIZE(library_paths); i++) {
        c->library = dlopen(library_paths[i], RTLD_NOW | RTLD_LOCAL);
        if (c->library)
            return ERR_OK;
    }
    return err_set(e, ERR_NOT_FOUND, "libcuda.so.1 not found");
}

enum err_code cuda_open(struct cuda *c, const char *path, struct err *e)
{
    struct cuda found = {0};
    enum err_code rc = library_open(&found, path, e);

    if (rc)
        return rc;
    for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
        void *address = dlsym(found.library, symbols[i].symbol);

        if (!address && symbols[i].required)
            return err_set(e, ERR_ENGINE, "the CUDA library has no %s", symbols[i].symbol);
        memcpy((char *)&found + symbols[i].offset, &address, sizeof address);
    }
    *c = found;
    return ERR_OK;
}

static const struct {
    int code;
    const char *text;
} code_texts[] = {
    {CUDA_NO_SYMBOL, "the driver is too old for this question"},
    {CUDA_OK, "no error"},
    {CUDA_INVALID_VALUE, "the driver refused the request"},
    {CUDA_OUT_OF_MEMORY, "the GPU has not enough free memory"},
    {CUDA_NOT_INITIALIZED, "the driver could not be initialised"},
    {CUDA_DEINITIALIZED, "the driver is shutting down"},
    {CUDA_STUB_LIBRARY, "libcuda.so.1 is the toolkit's stub, not a driver"},
    {CUDA_DEVICE_UNAVAILABLE, "the GPU is in use by another program alone"},
    {CUDA_NO_DEVICE, "the driver shows no GPU to programs"},
    {CUDA_INVALID_DEVICE, "the driver does not show this GPU to programs"},
    {CUDA_INVALID_IMAGE, "the kernel image is broken"},
    {CUDA_INVALID_CONTEXT, "the context is gone"},
    {CUDA_NO_BINARY_FOR_GPU, "no kernel for this GPU"},
    {CUDA_ECC_UNCORRECTABLE, "an uncorrectable memory error"},
    {CUDA_UNSUPPORTED_LIMIT, "not supported by this GPU"},
    {CUDA_PEER_ACCESS_UNSUPPORTED, "no peer access between these GPUs"},
    {CUDA_INVALID_PTX, "the driver cannot compile the kernels"},
    {CUDA_NVLINK_UNCORRECTABLE, "an uncorrectable NVLink error"},
    {CUDA_JIT_COMPILER_NOT_FOUND, "the driver's compiler is not installed"},
    {CUDA_UNSUPPORTED_PTX_VERSION, "the driver is too old for these kernels"},
    {CUDA_JIT_COMPILATION_DISABLED, "the driver's compiler is switched off (CUDA_DISABLE_PTX_JIT)"},
    {CUDA_CONTAINED, "an error stopped this program's work"},
    {CUDA_INVALID_SOURCE, "the driver does not take the kernels"},
    {CUDA_OPERATING_SYSTEM, "the operating system refused"},
    {CUDA_NOT_FOUND, "not found"},
    {CUDA_NOT_READY, "not ready"},
    {CUDA_ILLEGAL_ADDRESS, "a kernel read or wrote where it must not"},
    {CUDA_LAUNCH_OUT_OF_RESOURCES, "the kernel does not fit on this GPU"},
    {CUDA_LAUNCH_TIMEOUT, "the kernel took too long"},
    {CUDA_PEER_ACCESS_ALREADY_ENABLED, "peer access is already on"},
    {CUDA_HARDWARE_STACK_ERROR, "a hardware stack error"},
    {CUDA_ILLEGAL_INSTRUCTION, "an illegal instruction"},
    {CUDA_MISALIGNED_ADDRESS, "a misaligned address"},
    {CUDA_LAUNCH_FAILED, "the kernel failed"},
    {CUDA_NOT_PERMITTED, "not permitted"},
    {CUDA_NOT_SUPPORTED, "not supported"},
    {CUDA_SYSTEM_NOT_READY, "the fabric manager does not run"},
    {CUDA_SYSTEM_DRIVER_MISMATCH, "driver and driver library differ in version"},
    {CUDA_UNKNOWN, "unknown driver error"},
};

const char *cuda_code_text(int code)
{
    for (size_t i = 0; i < ARRAY_SIZE(code_texts); i++) {
        if (code_texts[i].code == code)
            return code_texts[i].text;
    }
    return "the driver answered with an error unknown to this version";
}
