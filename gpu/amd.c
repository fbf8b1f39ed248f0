/* Loads AMD's library and translates its answers. Nothing here knows what is healthy. */
#include "gpu/amd.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "gpu/nvml.h"

/* The number grew with ROCm 5, 6 and 7 and fell back to 1; what is called here stayed.
 * libamd_smi, which is to follow it, is built around the same functions and exports them. */
static const char *const library_names[] = {
    "librocm_smi64.so.1", "librocm_smi64.so.7", "librocm_smi64.so.8", "librocm_smi64.so.6",
    "librocm_smi64.so.5", "librocm_smi64.so",   "libamd_smi.so",
};
static const char *const library_dirs[] = {"", "/opt/rocm/lib/"};

static const struct {
    size_t offset;
    const char *symbol;
    bool required;
} symbols[] = {
#define AMD(member, symbol, required, args) {offsetof(struct amd, member), symbol, required},
#include "gpu/amd.def.h"
#undef AMD
};

static enum err_code library_open(struct amd *a, const char *path, struct err *e)
{
    char file[64];

    if (path) {
        a->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        return a->library ? ERR_OK : err_set(e, ERR_NOT_FOUND, "%s", dlerror());
    }
    for (size_t d = 0; d < ARRAY_SIZE(library_dirs); d++) {
        for (size_t i = 0; i < ARRAY_SIZE(library_names); i++) {
            snprintf(file, sizeof file, "%s%s", library_dirs[d], library_names[i]);
            a->library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
            if (a->library && dlsym(a->library, symbols[0].symbol))
                return ERR_OK;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "librocm_smi64.so not found");
}

enum err_code amd_open(struct amd *a, const char *path, struct err *e)
{
    struct amd found = {0};
    enum err_code rc = library_open(&found, path, e);

    if (rc)
        return rc;
    for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
        void *address = dlsym(found.library, symbols[i].symbol);

        if (!address && symbols[i].required)
            return err_set(e, ERR_ENGINE, "the AMD library has no %s", symbols[i].symbol);
        memcpy((char *)&found + symbols[i].offset, &address, sizeof address);
    }
    *a = found;
    return ERR_OK;
}

int amd_code(int status)
{
    static const struct {
        int status, code;
    } codes[] = {
        {AMD_NO_SYMBOL, NVML_NO_SYMBOL},
        {AMD_OK, NVML_OK},
        {AMD_INVALID_ARGUMENT, NVML_INVALID_ARGUMENT},
        {AMD_NOT_SUPPORTED, NVML_NOT_SUPPORTED},
        {AMD_FILE_ERROR, NVML_NOT_SUPPORTED},
        {AMD_PERMISSION, NVML_NO_PERMISSION},
        {AMD_OUT_OF_RESOURCES, NVML_MEMORY},
        {AMD_INIT_ERROR, NVML_UNINITIALIZED},
        {AMD_NOT_YET_IMPLEMENTED, NVML_NOT_SUPPORTED},
        {AMD_NOT_FOUND, NVML_NOT_FOUND},
        {AMD_INSUFFICIENT_SIZE, NVML_INSUFFICIENT_SIZE},
        {AMD_UNEXPECTED_SIZE, NVML_GARBAGE},
        {AMD_NO_DATA, NVML_NOT_SUPPORTED},
        {AMD_UNEXPECTED_DATA, NVML_GARBAGE},
        {AMD_BUSY, NVML_IN_USE},
        {AMD_SETTING_UNAVAILABLE, NVML_NOT_SUPPORTED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        if (codes[i].status == status)
            return codes[i].code;
    }
    return NVML_UNKNOWN;
}
