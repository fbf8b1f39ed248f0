/* AMD's management library (librocm_smi64), declared here as far as the checks use it, so that
 * the program builds without ROCm and runs without amdgpu. It holds no judgement: what a value
 * means is in gpu/check/. */
#ifndef GPU_AMD_H
#define GPU_AMD_H

#include "core/errs.h"

/* Answers of the library. The list is AMD's. */
enum amd_status {
    AMD_OK = 0,
    AMD_INVALID_ARGUMENT = 1,
    AMD_NOT_SUPPORTED = 2,
    AMD_FILE_ERROR = 3, /* most often: this kernel does not know the question */
    AMD_PERMISSION = 4,
    AMD_OUT_OF_RESOURCES = 5,
    AMD_INTERNAL = 6,
    AMD_OUT_OF_BOUNDS = 7,
    AMD_INIT_ERROR = 8,
    AMD_NOT_YET_IMPLEMENTED = 9,
    AMD_NOT_FOUND = 10,
    AMD_INSUFFICIENT_SIZE = 11,
    AMD_INTERRUPT = 12,
    AMD_UNEXPECTED_SIZE = 13,
    AMD_NO_DATA = 14,
    AMD_UNEXPECTED_DATA = 15,
    AMD_BUSY = 16,
    AMD_REFCOUNT_OVERFLOW = 17,
    AMD_SETTING_UNAVAILABLE = 18,
};

enum {
    AMD_COMPONENT_DRIVER = 0,
    AMD_MEMORY_VRAM = 0,
    AMD_SENSOR_EDGE = 0,
    AMD_SENSOR_JUNCTION = 1,
    AMD_SENSOR_MEMORY = 2,
    AMD_TEMPERATURE_CURRENT = 0,
    AMD_TEMPERATURE_CRITICAL = 5,
};

/* Locks inside one process only: a child that is killed must not leave a lock in shared memory
 * that the next one waits for. */
#define AMD_INIT_FLAGS 0x400000000000000ULL

/* Libraries since ROCm 6.3 fill eight words, older ones the first two. */
struct amd_errors {
    uint64_t corrected, uncorrected, deferred, reserved[5];
};

enum amd_page_state { AMD_PAGE_RESERVED, AMD_PAGE_PENDING, AMD_PAGE_UNRESERVABLE };

struct amd_page {
    uint64_t address, size;
    int state;
};

_Static_assert(sizeof(struct amd_errors) == 64, "rsmi_error_count_t");
_Static_assert(offsetof(struct amd_errors, deferred) == 16, "rsmi_error_count_t.deferred_err");
_Static_assert(sizeof(struct amd_page) == 24, "rsmi_retired_page_record_t");
_Static_assert(offsetof(struct amd_page, state) == 16, "rsmi_retired_page_record_t.status");

/* The functions found; NULL where this library has none. Tests fill it by hand. */
struct amd {
    void *library;
#define AMD(member, symbol, required, args) int(*member) args;
#include "gpu/amd.def.h"
#undef AMD
};

/* Call an optional function: AMD_CALL(a, unique_id, index, &id). Returns an nvml_code, so that
 * one judgement, gpu_answered(), serves both vendors. */
#define AMD_CALL(a, member, ...) \
    ((a)->member ? amd_code((a)->member(__VA_ARGS__)) : amd_code(AMD_NO_SYMBOL))
#define AMD_NO_SYMBOL (-1)

/* Load the library, from `path` or, when NULL, from where ROCm puts it. It stays loaded.
 * Errors: ERR_NOT_FOUND no such library; ERR_ENGINE not one that can be used. */
enum err_code amd_open(struct amd *a, const char *path, struct err *e) MUST_CHECK;

/* The library's answer as the nvml_code that says the same. */
int amd_code(int status);

#endif
