/* The handles of the fake driver, shared by its two files. */
#ifndef TESTS_SUPPORT_FAKE_CUDA_DRIVER_H
#define TESTS_SUPPORT_FAKE_CUDA_DRIVER_H

#include "gpu/cuda.h"
#include "gpu/kernel/args.h"
#include "tests/support/fake/cuda/machine.h"
#include "tests/support/fake/script.h"

#define CONTEXTS_MAX       64
#define FUNCTIONS_MAX      64
#define SHARED_BYTES_PLAIN (48 * 1024)  /* without cuFuncSetAttribute() */
#define SHARED_BYTES_MAX   (227 * 1024) /* of an H100 */
#define SMALL_WORK         4096

/* A trampoline per kernel: the driver is given the arguments by address. */
#define KERNEL_ENTRY(module, name, args) void enter_##name(const void *given);
#include "gpu/kernel/kernels.def.h"
#undef KERNEL_ENTRY

struct cu_context {
    struct machine_gpu *gpu; /* NULL: not in use */
    struct cu_module *modules;
    struct cu_stream *streams;
};

struct cu_function {
    void (*enter)(const void *args);
    unsigned shared_bytes_max;
};

struct cu_module {
    struct cu_module *next; /* of the same context */
    char *ptx;              /* NULL: machine code */
    struct cu_function functions[FUNCTIONS_MAX];
};

struct cu_stream {
    double ready_ns;
    struct cu_stream *next; /* of the same context */
};

struct cu_event {
    double at_ns;
    bool is_recorded;
};

extern struct cu_context *context_current;

/* NVML's number of the current context's GPU; -1: there is none. */
int gpu_current(void);
int driver_enter(int gpu, const char *function);
int copy_between(struct machine_gpu *to_gpu, uint64_t to, struct machine_gpu *from_gpu,
                 uint64_t from, size_t bytes, struct cu_stream *stream);

#define DRIVER(gpu)                                \
    do {                                           \
        int code_ = driver_enter((gpu), __func__); \
        if (code_)                                 \
            return code_;                          \
    } while (0)
#define DRIVER_CONTEXT()                 \
    do {                                 \
        if (!context_current)            \
            return CUDA_INVALID_CONTEXT; \
        DRIVER(gpu_current());           \
    } while (0)

#endif
