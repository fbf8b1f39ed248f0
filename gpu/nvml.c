/* Loads NVML and names its answers. Nothing here knows what is healthy. */
#include "gpu/nvml.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>

/* Beside the loader's own path: Google's and gVisor's images, WSL, NixOS. */
static const char *const library_paths[] = {
    "libnvidia-ml.so.1",
    "/usr/local/nvidia/lib64/libnvidia-ml.so.1",
    "/usr/lib/wsl/lib/libnvidia-ml.so.1",
    "/run/opengl-driver/lib/libnvidia-ml.so.1",
};

static const struct {
    size_t offset;
    const char *symbol;
    bool required;
} symbols[] = {
#define NVML(member, symbol, required, args) {offsetof(struct nvml, member), symbol, required},
#include "gpu/nvml.def.h"
#undef NVML
};

static enum err_code library_open(struct nvml *n, const char *path, struct err *e)
{
    const char *why = NULL;

    if (path) {
        n->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        return n->library ? ERR_OK : err_set(e, ERR_NOT_FOUND, "%s", dlerror());
    }
    for (size_t i = 0; i < ARRAY_SIZE(library_paths); i++) {
        n->library = dlopen(library_paths[i], RTLD_NOW | RTLD_LOCAL);
        if (n->library)
            return ERR_OK;
        /* The first place is the one that everybody expects: its sentence is the useful one. */
        if (!why) {
            why = dlerror();
            why = why ? why : "libnvidia-ml.so.1 cannot be loaded";
            err_set(e, ERR_NOT_FOUND, "%s",
                    strstr(why, "No such file") ? "libnvidia-ml.so.1 not found" : why);
        }
    }
    return ERR_NOT_FOUND;
}

enum err_code nvml_open(struct nvml *n, const char *path, struct err *e)
{
    struct nvml found = {0};
    enum err_code rc = library_open(&found, path, e);

    if (rc)
        return rc;
    for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
        void *address = dlsym(found.library, symbols[i].symbol);

        if (!address && symbols[i].required)
            return err_set(e, ERR_ENGINE, "the NVIDIA library has no %s", symbols[i].symbol);
        memcpy((char *)&found + symbols[i].offset, &address, sizeof address);
    }
    *n = found;
    return ERR_OK;
}

static const struct {
    int code;
    const char *text;
} code_texts[] = {
    {NVML_NO_SYMBOL, "the driver is too old for this question"},
    {NVML_GARBAGE, "the driver's answer makes no sense"},
    {NVML_OK, "no error"},
    {NVML_UNINITIALIZED, "the driver library is not initialised (1)"},
    {NVML_INVALID_ARGUMENT, "the driver refused the question (2)"},
    {NVML_NOT_SUPPORTED, "not supported by this GPU (3)"},
    {NVML_NO_PERMISSION, "no permission (4)"},
    {NVML_NOT_FOUND, "not found (6)"},
    {NVML_INSUFFICIENT_SIZE, "the answer did not fit (7)"},
    {NVML_INSUFFICIENT_POWER, "external power cables are not attached properly (8)"},
    {NVML_DRIVER_NOT_LOADED, "the NVIDIA kernel driver is not loaded (9)"},
    {NVML_TIMEOUT, "the driver timed out (10)"},
    {NVML_IRQ_ISSUE, "the kernel found an interrupt problem with a GPU (11)"},
    {NVML_LIBRARY_NOT_FOUND, "the driver library was not found (12)"},
    {NVML_FUNCTION_NOT_FOUND, "the driver is too old for this question (13)"},
    {NVML_CORRUPTED_INFOROM, "the inforom is corrupted (14)"},
    {NVML_GPU_IS_LOST, "the GPU fell off the bus (15)"},
    {NVML_RESET_REQUIRED, "the GPU must be reset before it can be used (16)"},
    {NVML_OPERATING_SYSTEM, "the operating system blocks the GPU device (17)"},
    {NVML_VERSION_MISMATCH, "driver and driver library differ in version (18)"},
    {NVML_IN_USE, "the GPU is in use (19)"},
    {NVML_MEMORY, "the driver is out of memory (20)"},
    {NVML_NO_DATA, "the driver has no data (21)"},
    {NVML_ARGUMENT_VERSION, "the driver knows another version of this question (25)"},
    {NVML_DEPRECATED, "the driver no longer answers this question (26)"},
    {NVML_NOT_READY, "the system is not ready (27)"},
    {NVML_GPU_NOT_FOUND, "the driver found no GPU (28)"},
    {NVML_INVALID_STATE, "the GPU is in the wrong state for this question (29)"},
    {NVML_UNKNOWN, "internal driver error (999)"},
};

const char *nvml_code_text(int code)
{
    for (size_t i = 0; i < ARRAY_SIZE(code_texts); i++) {
        if (code_texts[i].code == code)
            return code_texts[i].text;
    }
    return "the driver answered with an error unknown to this version";
}

/* A field's type is the driver's word for which member of the union it filled. */
static int value_read(const struct nvml_field *f, int64_t *out)
{
    switch (f->value_type) {
    case NVML_VALUE_DOUBLE:
        if (!isfinite(f->value.d) || fabs(f->value.d) > 9e15)
            return NVML_GARBAGE;
        *out = (int64_t)f->value.d;
        return NVML_OK;
    case NVML_VALUE_UINT:
        *out = f->value.ui;
        return NVML_OK;
    case NVML_VALUE_ULONG:
    case NVML_VALUE_ULONGLONG:
        if (f->value.ull > INT64_MAX)
            return NVML_GARBAGE;
        *out = (int64_t)f->value.ull;
        return NVML_OK;
    case NVML_VALUE_LONGLONG:
        *out = f->value.sll;
        return NVML_OK;
    case NVML_VALUE_INT:
        *out = f->value.si;
        return NVML_OK;
    case NVML_VALUE_USHORT:
        *out = f->value.us;
        return NVML_OK;
    default:
        return NVML_GARBAGE;
    }
}

int nvml_field_value(const struct nvml_field *f, int64_t *out)
{
    return f->code == NVML_OK ? value_read(f, out) : f->code;
}

int nvml_field_read(const struct nvml *n, struct nvml_device *d, unsigned id, int64_t *out)
{
    struct nvml_field field = {.id = id, .code = NVML_UNKNOWN};
    int code = NVML_CALL(n, fields, d, 1, &field);

    return code == NVML_OK ? nvml_field_value(&field, out) : code;
}
