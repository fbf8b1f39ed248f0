/* How the GPU is set up and who uses it. A setting that somebody chose is told, not judged,
 * unless it keeps work from running. */
#include "gpu/check.h"
#include "gpu/check/amd.h"

static void mig_mode_run(struct gpu_target *t, struct finding *f)
{
    unsigned current = 0, pending = 0;

    if (!gpu_answered(t, f, NVML_CALL(t->nvml, mig_mode, t->device, &current, &pending),
                      "MIG mode"))
        return;
    if (current > 1 || pending > 1)
        gpu_error(f, "the driver's MIG mode makes no sense: %u, %u", current, pending);
    else if (current != pending)
        gpu_warn(f, REMEDY_RESET, "reset the GPU when it is idle",
                 "MIG will be switched %s by the next reset", pending ? "on" : "off");
    else
        gpu_pass(f, current ? "MIG is on: programs see slices, not the whole GPU" : "MIG is off");
}

const struct gpu_check gpu_check_mig_mode = {
    .name = "mig_mode",
    .help = "whether the GPU is cut into slices (MIG, partitions)",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = mig_mode_run,
    .run_amd = amd_partition_run,
};

enum { COMPUTE_DEFAULT, COMPUTE_EXCLUSIVE_THREAD, COMPUTE_PROHIBITED, COMPUTE_EXCLUSIVE_PROCESS };

static void compute_mode_run(struct gpu_target *t, struct finding *f)
{
    int mode = -1;

    if (!gpu_answered(t, f, NVML_CALL(t->nvml, compute_mode, t->device, &mode), "compute mode"))
        return;
    if (mode == COMPUTE_PROHIBITED)
        gpu_fail(f, REMEDY_FIX_SETUP, "allow it: nvidia-smi -c 0",
                 "computing on this GPU is prohibited");
    else if (mode == COMPUTE_DEFAULT)
        gpu_pass(f, "open to programs");
    else if (mode == COMPUTE_EXCLUSIVE_THREAD || mode == COMPUTE_EXCLUSIVE_PROCESS)
        gpu_pass(f, "open to one program at a time");
    else
        gpu_error(f, "the driver's compute mode makes no sense: %d", mode);
}

const struct gpu_check gpu_check_compute_mode = {
    .name = "compute_mode",
    .help = "whether programs may compute on the GPU",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = compute_mode_run,
};

#define PROCESSES_MAX   64
#define COUNT_PLAUSIBLE 65536
/* A GPU that nobody uses still shows some hundred MiB of the driver's own. */
#define IDLE_BYTES_MAX (2LL * 1024 * 1024 * 1024)

static void processes_run(struct gpu_target *t, struct finding *f)
{
    struct nvml_process processes[PROCESSES_MAX] = {0};
    unsigned count = PROCESSES_MAX;
    int code = NVML_CALL(t->nvml, compute_processes, t->device, &count, processes);

    /* More than fit: then count says how many, which is all that is asked. */
    if (code == NVML_INSUFFICIENT_SIZE)
        code = NVML_OK;
    if (!gpu_answered(t, f, code, "its processes"))
        return;
    if (count > COUNT_PLAUSIBLE) {
        gpu_error(f, "the driver's count of processes makes no sense: %u", count);
        return;
    }
    gpu_figure(f, count, 0, "processes");
    if (count)
        gpu_pass(f, "in use by %u process%s", count, count == 1 ? "" : "es");
    else if (t->info->memory_used_bytes > IDLE_BYTES_MAX)
        gpu_skip(f, "memory is in use by processes that cannot be seen from here");
    else
        gpu_pass(f, "not in use");
}

const struct gpu_check gpu_check_processes = {
    .name = "processes",
    .help = "programs that use the GPU now",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = processes_run,
};

static void persistence_run(struct gpu_target *t, struct finding *f)
{
    int mode = -1;

    if (!gpu_answered(t, f, NVML_CALL(t->nvml, persistence_mode, t->device, &mode),
                      "persistence mode"))
        return;
    if (mode != 0 && mode != 1)
        gpu_error(f, "the driver's persistence mode makes no sense: %d", mode);
    else
        gpu_pass(f, mode ? "the driver stays loaded" : "off: the first call after a rest is slow");
}

const struct gpu_check gpu_check_persistence = {
    .name = "persistence",
    .help = "whether the driver keeps the GPU ready between programs",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = persistence_run,
};
