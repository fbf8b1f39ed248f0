/* The CUDA driver library (libcuda.so.1), declared here as far as the checks use it, so that
 * the program builds without the vendor's headers and runs without the driver. It holds no
 * judgement and no state: work is done through gpu/compute.h. */
#ifndef GPU_CUDA_H
#define GPU_CUDA_H

#include "core/errs.h"

/* Answers of the driver. The list is NVIDIA's (cuda.h); the negative one is ours. */
enum cuda_code {
    CUDA_NO_SYMBOL = -1, /* this driver has no such function */
    CUDA_OK = 0,
    CUDA_INVALID_VALUE = 1,
    CUDA_OUT_OF_MEMORY = 2,
    CUDA_NOT_INITIALIZED = 3,
    CUDA_DEINITIALIZED = 4,
    CUDA_STUB_LIBRARY = 34,
    CUDA_DEVICE_UNAVAILABLE = 46,
    CUDA_NO_DEVICE = 100,
    CUDA_INVALID_DEVICE = 101,
    CUDA_INVALID_IMAGE = 200,
    CUDA_INVALID_CONTEXT = 201,
    CUDA_NO_BINARY_FOR_GPU = 209,
    CUDA_ECC_UNCORRECTABLE = 214,
    CUDA_UNSUPPORTED_LIMIT = 215,
    CUDA_PEER_ACCESS_UNSUPPORTED = 217,
    CUDA_INVALID_PTX = 218,
    CUDA_NVLINK_UNCORRECTABLE = 220,
    CUDA_JIT_COMPILER_NOT_FOUND = 221,
    CUDA_UNSUPPORTED_PTX_VERSION = 222,
    CUDA_JIT_COMPILATION_DISABLED = 223,
    CUDA_CONTAINED = 226, /* an error that stayed inside this program */
    CUDA_INVALID_SOURCE = 300,
    CUDA_OPERATING_SYSTEM = 304,
    CUDA_NOT_FOUND = 500,
    CUDA_NOT_READY = 600,
    CUDA_ILLEGAL_ADDRESS = 700,
    CUDA_LAUNCH_OUT_OF_RESOURCES = 701,
    CUDA_LAUNCH_TIMEOUT = 702,
    CUDA_PEER_ACCESS_ALREADY_ENABLED = 704,
    CUDA_HARDWARE_STACK_ERROR = 714,
    CUDA_ILLEGAL_INSTRUCTION = 715,
    CUDA_MISALIGNED_ADDRESS = 716,
    CUDA_LAUNCH_FAILED = 719,
    CUDA_NOT_PERMITTED = 800,
    CUDA_NOT_SUPPORTED = 801,
    CUDA_SYSTEM_NOT_READY = 802, /* the fabric manager does not run */
    CUDA_SYSTEM_DRIVER_MISMATCH = 803,
    CUDA_UNKNOWN = 999,
};

enum cuda_attribute {
    CUDA_ATTRIBUTE_SM_COUNT = 16,
    CUDA_ATTRIBUTE_L2_BYTES = 38,
    CUDA_ATTRIBUTE_MAJOR = 75,
    CUDA_ATTRIBUTE_MINOR = 76,
    CUDA_ATTRIBUTE_SHARED_BYTES_MAX = 97, /* per block, when asked for */
};

enum {
    CUDA_FUNCTION_SHARED_BYTES = 8, /* cuFuncSetAttribute */
    CUDA_STREAM_NON_BLOCKING = 1,
    CUDA_JIT_ERROR_LOG = 5,
    CUDA_JIT_ERROR_LOG_BYTES = 6,
};

/* The driver's own. */
struct cu_context;
struct cu_module;
struct cu_function;
struct cu_stream;
struct cu_event;

/* The functions found; NULL where this driver has none. */
struct cuda {
    void *library;
#define CUDA(member, symbol, required, args) int(*member) args;
#include "gpu/cuda.def.h"
#undef CUDA
};

#define CUDA_CALL(c, member, ...) ((c)->member ? (c)->member(__VA_ARGS__) : CUDA_NO_SYMBOL)

/* Load the library, from `path` or, when NULL, from where drivers put it. It stays loaded, as
 * NVML does. Errors: ERR_NOT_FOUND no such library; ERR_ENGINE not a driver that can be used. */
enum err_code cuda_open(struct cuda *c, const char *path, struct err *e) MUST_CHECK;

/* "the GPU has not enough free memory" for a person, without the number; never NULL. */
const char *cuda_code_text(int code);

#endif
