/* A GPU opened for work: the CUDA driver, one context, the embedded kernels, time and memory.
 * One thread of one process uses it. Every call that can fail leaves the driver's code in
 * c->code and a sentence in *e; compute_answered() turns both into a finding. */
#ifndef GPU_COMPUTE_H
#define GPU_COMPUTE_H

#include "gpu/burn.h"
#include "gpu/check.h"
#include "gpu/cuda.h"

/* One file gpu/kernel/<name>.cu each: the list is gpu/kernel/modules.def.h. */
enum compute_module {
#define MODULE(name) COMPUTE_MODULE_##name,
#include "gpu/kernel/modules.def.h"
#undef MODULE
    COMPUTE_MODULE_COUNT
};

struct compute {
    struct cuda cuda;
    int code;    /* of the last call that failed */
    bool broken; /* after such a code no call succeeds: the context is gone */
    bool slice;  /* a MIG instance: what is known of the whole GPU's speed does not apply */
    int device;
    struct cu_context *context;
    struct cu_stream *stream; /* everything below goes here unless it says otherwise */
    int major, minor;         /* compute capability */
    int sm_count;
    int shared_bytes_max; /* per block */
    int64_t l2_bytes;
    int64_t memory_bytes; /* of the GPU, or of its slice */
    struct cu_module *modules[COMPUTE_MODULE_COUNT];
    char image[SLUG_BYTES_MAX]; /* of the module loaded last: "sm_90a" or "PTX 7.0" */
    bool tried;                 /* by compute_ready() */
    struct finding refusal;     /* what that said when it could not be opened */
    char log[TEXT_BYTES_MAX];   /* what the driver's compiler said last; "" when nothing */
    struct burn burn;           /* what a load left for the checks after it */
};

/* Open the GPU of this target, found by its PCI address (orders differ between NVML and CUDA).
 * Errors: ERR_NOT_FOUND there is no CUDA driver, or it does not show this GPU (hidden by
 * CUDA_VISIBLE_DEVICES, MIG without an instance); ERR_ENGINE with what the driver said. */
enum err_code compute_open(const struct gpu_target *t, struct compute *out,
                           struct err *e) MUST_CHECK;
/* Accepts a zeroed struct. */
void compute_close(struct compute *c);

/* True when t->compute (zeroed at first) is open, which the first call tries; else *f says why
 * not: a fault to the first check alone, to all others that they were not run, as when an earlier
 * check has ended the driver's work. */
bool compute_ready(struct gpu_target *t, struct finding *f);

/* Keep a driver's answer: ERR_OK for 0, else ERR_ENGINE "<what>: <text>" and c->code. */
enum err_code compute_code(struct compute *c, int code, const char *what, struct err *e) MUST_CHECK;

/* A kernel by the name of its function. Its module is loaded when first asked for: machine code
 * for this GPU, else PTX. Errors: ERR_NOT_FOUND no such kernel, or none for a GPU of this
 * capability; ERR_ENGINE it does not load: c->code tells an old driver (no binary, PTX version)
 * from a broken one. */
enum err_code compute_kernel(struct compute *c, enum compute_module module, const char *name,
                             struct cu_function **out, struct err *e) MUST_CHECK;

/* True for a driver's answer that refuses this image and not the GPU: another one may do. */
bool compute_is_refusal(int code);

/* Start a kernel: every kernel takes one struct, copied now. shared_bytes above 48 KiB is asked
 * for as the driver wants it. Returns when it is queued. */
enum err_code compute_launch(struct compute *c, struct cu_function *kernel, unsigned blocks,
                             unsigned threads, unsigned shared_bytes, const void *args,
                             struct err *e) MUST_CHECK;
/* Until all that was queued is done. */
enum err_code compute_wait(struct compute *c, struct err *e) MUST_CHECK;

/* Time between two calls as the GPU saw it: begin, queue work, end (waits). */
struct compute_timer {
    struct cu_event *from, *to;
};
enum err_code compute_timer_begin(struct compute *c, struct compute_timer *t,
                                  struct err *e) MUST_CHECK;
enum err_code compute_timer_end(struct compute *c, struct compute_timer *t, double *seconds,
                                struct err *e) MUST_CHECK;
void compute_timer_release(struct compute *c, struct compute_timer *t);

/* Device memory. `give` accepts 0. Reading and writing wait until done. */
enum err_code compute_take(struct compute *c, int64_t bytes, uint64_t *address,
                           struct err *e) MUST_CHECK;
void compute_give(struct compute *c, uint64_t address);
enum err_code compute_read(struct compute *c, void *to, uint64_t from, size_t bytes,
                           struct err *e) MUST_CHECK;
enum err_code compute_write(struct compute *c, uint64_t to, const void *from, size_t bytes,
                            struct err *e) MUST_CHECK;
enum err_code compute_zero(struct compute *c, uint64_t to, size_t bytes, struct err *e) MUST_CHECK;
/* Not in use by anybody now. */
enum err_code compute_free_bytes(struct compute *c, int64_t *out, struct err *e) MUST_CHECK;

/* Memory of the host that the GPU reaches by itself (page-locked). `give` accepts NULL. */
enum err_code compute_host_take(struct compute *c, int64_t bytes, void **host,
                                struct err *e) MUST_CHECK;
void compute_host_give(struct compute *c, void *host);

/* As much free memory as the driver gives, but for `keep_bytes`, in pieces of at most 1 GiB so
 * that fragments do not matter, each a multiple of 64 KiB in size. Never an error for too little:
 * `bytes` says how much it is. */
#define COMPUTE_PIECES_MAX 1024
struct compute_hoard {
    uint64_t address[COMPUTE_PIECES_MAX];
    int64_t size[COMPUTE_PIECES_MAX];
    size_t count;
    int64_t bytes;
};
void compute_hoard_take(struct compute *c, int64_t keep_bytes, struct compute_hoard *out);
void compute_hoard_give(struct compute *c, struct compute_hoard *h);

/* True when rc is ERR_OK. Else the finding says what a failed call means: fail when the GPU's
 * memory, links or units are broken (uncorrectable error, lost), skip when the driver is too old
 * for our kernels or does not show the GPU, error for all else. It asks t->compute for what the
 * driver said, and t->nvml whether the GPU is still there. */
bool compute_answered(struct gpu_target *t, struct finding *f, enum err_code rc,
                      const struct err *e);

#endif
