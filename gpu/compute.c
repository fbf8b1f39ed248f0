/* Opens a GPU through the CUDA driver, starts kernels, keeps time. */
#include "gpu/compute.h"

#include <stdio.h>
#include <string.h>

/* A kernel may have so much without asking. */
#define SHARED_BYTES_PLAIN (48 * 1024)

/* After these the driver refuses all else in this context (cuda.h: "the process must be
 * terminated and relaunched"). */
static bool is_fatal(int code)
{
    switch (code) {
    case CUDA_DEINITIALIZED:
    case CUDA_INVALID_CONTEXT:
    case CUDA_ECC_UNCORRECTABLE:
    case CUDA_NVLINK_UNCORRECTABLE:
    case CUDA_CONTAINED:
    case CUDA_ILLEGAL_ADDRESS:
    case CUDA_LAUNCH_TIMEOUT:
    case CUDA_HARDWARE_STACK_ERROR:
    case CUDA_ILLEGAL_INSTRUCTION:
    case CUDA_MISALIGNED_ADDRESS:
    case CUDA_LAUNCH_FAILED:
    case CUDA_UNKNOWN:
        return true;
    default:
        return false;
    }
}

enum err_code compute_code(struct compute *c, int code, const char *what, struct err *e)
{
    if (code == CUDA_OK)
        return ERR_OK;
    c->code = code;
    c->broken = c->broken || is_fatal(code);
    if (code == CUDA_NO_SYMBOL)
        return err_set(e, ERR_ENGINE, "%s: %s", what, cuda_code_text(code));
    return err_set(e, ERR_ENGINE, "%s: %s (%d)", what, cuda_code_text(code), code);
}

static enum err_code driver_start(struct compute *c, const char *path, struct err *e)
{
    enum err_code rc = cuda_open(&c->cuda, path, e);
    int code;

    if (rc)
        return err_wrap(e, rc, "no CUDA driver");
    code = c->cuda.init(0);
    if (code == CUDA_NO_DEVICE || code == CUDA_STUB_LIBRARY) {
        c->code = code;
        return err_set(e, ERR_NOT_FOUND, "%s (%d)", cuda_code_text(code), code);
    }
    return compute_code(c, code, "start the driver", e);
}

/* With MIG on, CUDA shows one instance of the GPU under the GPU's address, or nothing. */
static enum err_code device_find(const struct gpu_target *t, struct compute *c, struct err *e)
{
    unsigned mig = 0, pending = 0;
    int code;

    if (t->nvml && NVML_CALL(t->nvml, mig_mode, t->device, &mig, &pending) != NVML_OK)
        mig = 0;
    c->slice = mig == 1;
    if (!t->info->gpu.pci[0])
        return err_set(e, ERR_NOT_FOUND, "the driver does not tell the GPU's PCI address");
    code = c->cuda.device_by_pci(&c->device, t->info->gpu.pci);
    if (code == CUDA_NO_DEVICE || code == CUDA_INVALID_DEVICE || code == CUDA_INVALID_VALUE) {
        c->code = code;
        return err_set(e, ERR_NOT_FOUND, "%s",
                       c->slice ? "MIG is on and no instance of it can be used"
                                : "CUDA does not show this GPU (CUDA_VISIBLE_DEVICES?)");
    }
    return compute_code(c, code, "find the GPU", e);
}

static enum err_code device_describe(struct compute *c, struct err *e)
{
    const struct {
        int attribute, *value;
        int lowest, highest; /* beyond which it cannot be */
    } asked[] = {
        {CUDA_ATTRIBUTE_MAJOR, &c->major, 1, 99},
        {CUDA_ATTRIBUTE_MINOR, &c->minor, 0, 99},
        {CUDA_ATTRIBUTE_SM_COUNT, &c->sm_count, 1, 65536},
        {CUDA_ATTRIBUTE_SHARED_BYTES_MAX, &c->shared_bytes_max, 0, 1 << 30},
    };
    int l2 = 0;
    enum err_code rc;

    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        rc =
            compute_code(c, c->cuda.device_attribute(asked[i].value, asked[i].attribute, c->device),
                         "ask for the GPU's features", e);
        if (rc)
            return rc;
        if (*asked[i].value < asked[i].lowest || *asked[i].value > asked[i].highest) {
            c->code = CUDA_UNKNOWN;
            return err_set(e, ERR_ENGINE, "the driver's figure for feature %d makes no sense: %d",
                           asked[i].attribute, *asked[i].value);
        }
    }
    rc = compute_code(c, c->cuda.device_attribute(&l2, CUDA_ATTRIBUTE_L2_BYTES, c->device),
                      "ask for the cache's size", e);
    c->l2_bytes = l2 > 0 ? l2 : 0;
    return rc;
}

static enum err_code context_open(struct compute *c, struct err *e)
{
    size_t free_bytes = 0, total_bytes = 0;
    enum err_code rc;

    rc = compute_code(c, c->cuda.context_create(&c->context, 0, c->device), "open the GPU", e);
    if (!rc)
        rc = compute_code(c, c->cuda.stream_create(&c->stream, CUDA_STREAM_NON_BLOCKING),
                          "open a queue to the GPU", e);
    if (!rc)
        rc = compute_code(c, c->cuda.memory_info(&free_bytes, &total_bytes),
                          "ask for the GPU's memory", e);
    c->memory_bytes = total_bytes > INT64_MAX ? INT64_MAX : (int64_t)total_bytes;
    return rc;
}

enum err_code compute_open(const struct gpu_target *t, struct compute *out, struct err *e)
{
    enum err_code rc;

    memset(out, 0, sizeof *out);
    rc = driver_start(out, t->options->cuda_path, e);
    if (!rc)
        rc = device_find(t, out, e);
    if (!rc)
        rc = device_describe(out, e);
    if (!rc)
        rc = context_open(out, e);
    if (rc)
        compute_close(out);
    return rc;
}

void compute_close(struct compute *c)
{
    if (c->stream)
        c->cuda.stream_destroy(c->stream);
    if (c->context)
        c->cuda.context_destroy(c->context);
    c->stream = NULL;
    c->context = NULL;
    memset(c->modules, 0, sizeof c->modules);
}

enum err_code compute_launch(struct compute *c, struct cu_function *kernel, unsigned blocks,
                             unsigned threads, unsigned shared_bytes, const void *args,
                             struct err *e)
{
    /* The driver copies the struct before it returns and never writes to it. */
    void *parameters[] = {(void *)(uintptr_t)args};
    enum err_code rc = ERR_OK;

    if (shared_bytes > SHARED_BYTES_PLAIN)
        rc = compute_code(c,
                          CUDA_CALL(&c->cuda, function_set, kernel, CUDA_FUNCTION_SHARED_BYTES,
                                    (int)shared_bytes),
                          "ask for shared memory", e);
    if (rc)
        return rc;
    return compute_code(c,
                        c->cuda.launch(kernel, blocks, 1, 1, threads, 1, 1, shared_bytes, c->stream,
                                       parameters, NULL),
                        "start a kernel", e);
}

enum err_code compute_wait(struct compute *c, struct err *e)
{
    return compute_code(c, c->cuda.stream_wait(c->stream), "wait for the GPU", e);
}

enum err_code compute_timer_begin(struct compute *c, struct compute_timer *t, struct err *e)
{
    enum err_code rc;

    *t = (struct compute_timer){0};
    rc = compute_code(c, c->cuda.event_create(&t->from, 0), "make a timer", e);
    if (!rc)
        rc = compute_code(c, c->cuda.event_create(&t->to, 0), "make a timer", e);
    if (!rc)
        rc = compute_code(c, c->cuda.event_record(t->from, c->stream), "start a timer", e);
    if (rc)
        compute_timer_release(c, t);
    return rc;
}

enum err_code compute_timer_end(struct compute *c, struct compute_timer *t, double *seconds,
                                struct err *e)
{
    float ms = 0;
    enum err_code rc = compute_code(c, c->cuda.event_record(t->to, c->stream), "stop a timer", e);

    if (!rc)
        rc = compute_code(c, c->cuda.event_wait(t->to), "wait for the GPU", e);
    if (!rc)
        rc = compute_code(c, c->cuda.event_elapsed(&ms, t->from, t->to), "read a timer", e);
    compute_timer_release(c, t);
    if (rc)
        return rc;
    if (!(ms >= 0 && ms < 1e9f)) {
        c->code = CUDA_UNKNOWN;
        return err_set(e, ERR_ENGINE, "the GPU's timer makes no sense: %g ms", (double)ms);
    }
    *seconds = (double)ms / 1000;
    return ERR_OK;
}

void compute_timer_release(struct compute *c, struct compute_timer *t)
{
    if (t->from)
        c->cuda.event_destroy(t->from);
    if (t->to)
        c->cuda.event_destroy(t->to);
    *t = (struct compute_timer){0};
}
