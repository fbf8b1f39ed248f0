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
    {CUDA_INVALID_VALUE, "the driver refused the request (1)"},
    {CUDA_OUT_OF_MEMORY, "the GPU has not enough free memory (2)"},
    {CUDA_NOT_INITIALIZED, "the driver could not be initialised (3)"},
    {CUDA_DEINITIALIZED, "the driver is shutting down (4)"},
    {CUDA_STUB_LIBRARY, "libcuda.so.1 is the toolkit's stub, not a driver (34)"},
    {CUDA_DEVICE_UNAVAILABLE, "the GPU is in use by another program alone (46)"},
    {CUDA_NO_DEVICE, "the driver shows no GPU to programs (100)"},
    {CUDA_INVALID_DEVICE, "the driver does not show this GPU to programs (101)"},
    {CUDA_INVALID_IMAGE, "the kernel image is broken (200)"},
    {CUDA_INVALID_CONTEXT, "the context is gone (201)"},
    {CUDA_NO_BINARY_FOR_GPU, "no kernel for this GPU (209)"},
    {CUDA_ECC_UNCORRECTABLE, "an uncorrectable memory error (214)"},
    {CUDA_UNSUPPORTED_LIMIT, "not supported by this GPU (215)"},
    {CUDA_PEER_ACCESS_UNSUPPORTED, "no peer access between these GPUs (217)"},
    {CUDA_INVALID_PTX, "the driver cannot compile the kernels (218)"},
    {CUDA_NVLINK_UNCORRECTABLE, "an uncorrectable NVLink error (220)"},
    {CUDA_JIT_COMPILER_NOT_FOUND, "the driver's compiler is not installed (221)"},
    {CUDA_UNSUPPORTED_PTX_VERSION, "the driver is too old for these kernels (222)"},
    {CUDA_CONTAINED, "an error stopped this program's work (226)"},
    {CUDA_OPERATING_SYSTEM, "the operating system refused (304)"},
    {CUDA_NOT_FOUND, "not found (500)"},
    {CUDA_NOT_READY, "not ready (600)"},
    {CUDA_ILLEGAL_ADDRESS, "a kernel read or wrote where it must not (700)"},
    {CUDA_LAUNCH_OUT_OF_RESOURCES, "the kernel does not fit on this GPU (701)"},
    {CUDA_LAUNCH_TIMEOUT, "the kernel took too long (702)"},
    {CUDA_PEER_ACCESS_ALREADY_ENABLED, "peer access is already on (704)"},
    {CUDA_HARDWARE_STACK_ERROR, "a hardware stack error (714)"},
    {CUDA_ILLEGAL_INSTRUCTION, "an illegal instruction (715)"},
    {CUDA_MISALIGNED_ADDRESS, "a misaligned address (716)"},
    {CUDA_LAUNCH_FAILED, "the kernel failed (719)"},
    {CUDA_NOT_PERMITTED, "not permitted (800)"},
    {CUDA_NOT_SUPPORTED, "not supported (801)"},
    {CUDA_SYSTEM_NOT_READY, "the fabric manager does not run (802)"},
    {CUDA_SYSTEM_DRIVER_MISMATCH, "driver and driver library differ in version (803)"},
    {CUDA_UNKNOWN, "unknown driver error (999)"},
};

const char *cuda_code_text(int code)
{
    for (size_t i = 0; i < ARRAY_SIZE(code_texts); i++) {
        if (code_texts[i].code == code)
            return code_texts[i].text;
    }
    return "the driver answered with an error unknown to this version";
}
