/* What a failed call to the CUDA driver means for the GPU. */
#include "gpu/compute.h"

#define RESET_ACTION  "reset the GPU (nvidia-smi --gpu-reset); if it comes back, have it replaced"
#define FABRIC_ACTION "start nvidia-fabricmanager, or ask the provider"
#define MEMORY_ACTION "stop what uses the GPU and check again"
#define AGAIN_ACTION  "check again; if it says the same, have the GPU inspected"

/* A broken GPU often answers CUDA with something vague, and NVML with the truth. */
static bool nvml_condemns(struct gpu_target *t, struct finding *f)
{
    int state = 0, code;

    if (!t->nvml || !t->device)
        return false;
    code = NVML_CALL(t->nvml, performance_state, t->device, &state);
    if (code != NVML_GPU_IS_LOST && code != NVML_RESET_REQUIRED)
        return false;
    return !gpu_answered(t, f, code, "its state");
}

/* What cuda.h lays on the hardware, or on programs that do what ours never do (226: reach into a
 * peer from a kernel; 714: use much stack; 715: run what no compiler writes), condemns the GPU. A
 * kernel that went astray (700, 716, 719) may be a fault of ours on a GPU we have not seen: no
 * proof, and no pass either. */
static void code_judge(struct gpu_target *t, struct finding *f, int code, const char *msg)
{
    switch (code) {
    case CUDA_ECC_UNCORRECTABLE:
    case CUDA_CONTAINED:
    case CUDA_HARDWARE_STACK_ERROR:
    case CUDA_ILLEGAL_INSTRUCTION:
        gpu_fail(f, REMEDY_RESET, RESET_ACTION, "%s", msg);
        return;
    case CUDA_NVLINK_UNCORRECTABLE:
        gpu_fail(f, REMEDY_INSPECT, "have the GPU's links checked", "%s", msg);
        return;
    case CUDA_SYSTEM_NOT_READY:
        if (gpu_machine_is_young(t))
            gpu_error(f, "the machine has just started: %s", msg);
        else
            gpu_fail(f, REMEDY_FIX_SETUP, FABRIC_ACTION, "%s", msg);
        return;
    case CUDA_NO_SYMBOL:
    case CUDA_NO_BINARY_FOR_GPU:
    case CUDA_INVALID_PTX:
    case CUDA_JIT_COMPILER_NOT_FOUND:
    case CUDA_UNSUPPORTED_PTX_VERSION:
    case CUDA_JIT_COMPILATION_DISABLED:
    case CUDA_NOT_SUPPORTED:
        gpu_skip(f, "%s%s%s", msg, t->compute && t->compute->log[0] ? "; the driver says: " : "",
                 t->compute ? t->compute->log : "");
        return;
    default:
        gpu_error(f, "%s", msg);
        text_copy(f->action, sizeof f->action,
                  code == CUDA_OUT_OF_MEMORY ? MEMORY_ACTION : AGAIN_ACTION);
        return;
    }
}

bool compute_answered(struct gpu_target *t, struct finding *f, enum err_code rc,
                      const struct err *e)
{
    if (rc == ERR_OK)
        return true;
    if (rc == ERR_NOT_FOUND)
        gpu_skip(f, "%s", e->msg);
    else if (rc == ERR_ENGINE && nvml_condemns(t, f))
        return false;
    else if (rc == ERR_ENGINE && t->compute)
        code_judge(t, f, t->compute->code, e->msg);
    else
        gpu_error(f, "%s", e->msg);
    return false;
}

static void refusal_copy(const struct finding *refusal, struct finding *f)
{
    f->result = refusal->result;
    f->remedy = refusal->remedy;
    text_copy(f->detail, sizeof f->detail, refusal->detail);
    text_copy(f->action, sizeof f->action, refusal->action);
}

bool compute_ready(struct gpu_target *t, struct finding *f)
{
    struct compute *c = t->compute;
    bool is_first = c && !c->tried;
    struct err e;
    enum err_code rc;

    if (!c) {
        gpu_skip(f, "kernels do not run here");
        return false;
    }
    if (!c->tried) {
        err_clear(&e);
        rc = compute_open(t, c, &e);
        if (!compute_answered(t, f, rc, &e))
            c->refusal = *f;
        c->tried = true;
    }
    if (!c->context && (is_first || c->refusal.result == CHECK_SKIP))
        refusal_copy(&c->refusal, f);
    else if (!c->context) /* one cause is one finding */
        gpu_skip(f, "not run: %.200s", c->refusal.detail);
    else if (c->broken)
        gpu_skip(f, "not run: an earlier check ended with an error of the GPU");
    return c->context && !c->broken;
}
