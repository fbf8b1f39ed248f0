/* The driver's own opinion of the GPU: does it answer, what does it advise, what waits for a
 * reset, is its inforom whole. */
#include <inttypes.h>

#include "gpu/check.h"

static void reachable_run(struct gpu_target *t, struct finding *f)
{
    if (gpu_answered(t, f, t->device_code, "the GPU"))
        gpu_pass(f, "the driver opens it");
}

const struct gpu_check gpu_check_reachable = {
    .name = "reachable",
    .help = "the driver can open the GPU",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .without_device = true,
    .run = reachable_run,
    .run_amd = reachable_run,
};

static void recovery_run(struct gpu_target *t, struct finding *f)
{
    static const struct {
        const char *advice;
        enum remedy remedy;
        const char *action;
    } advices[] = {
        {"", REMEDY_NONE, ""},
        {"reset the GPU", REMEDY_RESET, "reset the GPU (nvidia-smi --gpu-reset)"},
        {"restart the machine", REMEDY_RESTART, "restart the machine"},
        {"drain peer-to-peer traffic", REMEDY_INSPECT, "stop all jobs that use this GPU's peers"},
        {"drain, then reset the GPU", REMEDY_RESET, "stop all jobs on this GPU, then reset it"},
        {"recover the IMEX domain", REMEDY_INSPECT,
         "restart nvidia-imex on the machines of this domain"},
    };
    int64_t action;

    if (!gpu_field(t, f, NVML_FIELD_RECOVERY_ACTION, "its advice", 0, 31, &action))
        return;
    if (action == 0)
        gpu_pass(f, "the driver advises nothing");
    else if (action < (int64_t)ARRAY_SIZE(advices))
        gpu_fail(f, advices[action].remedy, advices[action].action, "the driver advises: %s",
                 advices[action].advice);
    else
        gpu_fail(f, REMEDY_INSPECT, "see nvidia-smi -q, GPU Recovery Action",
                 "the driver advises action %" PRId64 ", unknown to this version", action);
}

const struct gpu_check gpu_check_recovery = {
    .name = "recovery",
    .help = "the driver's own advice to reset, drain or restart",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = recovery_run,
};

static void repair_run(struct gpu_target *t, struct finding *f)
{
    struct nvml_repair r = {.version = NVML_STRUCT_VERSION(sizeof r, 1)};

    if (!gpu_answered(t, f, NVML_CALL(t->nvml, repair_status, t->device, &r), "pending repairs"))
        return;
    if (r.channel_pending > 1 || r.tpc_pending > 1)
        gpu_error(f, "the driver's flags for pending repairs make no sense");
    else if (r.channel_pending || r.tpc_pending)
        gpu_warn(f, REMEDY_RESET, "reset the GPU when it is idle",
                 "a repair of %s waits for a reset",
                 r.channel_pending ? "a memory channel" : "a processor cluster");
    else
        gpu_pass(f, "no repair waits for a reset");
}

const struct gpu_check gpu_check_repair_pending = {
    .name = "repair_pending",
    .help = "repairs that wait for a reset",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = repair_run,
};

static void inforom_run(struct gpu_target *t, struct finding *f)
{
    int code = NVML_CALL(t->nvml, inforom_validate, t->device);

    if (code == NVML_CORRUPTED_INFOROM)
        gpu_fail(f, REMEDY_REPLACE, "ask the provider to replace the GPU",
                 "the inforom is corrupted");
    else if (gpu_answered(t, f, code, "the inforom"))
        gpu_pass(f, "the inforom's checksums hold");
}

const struct gpu_check gpu_check_inforom = {
    .name = "inforom",
    .help = "checksums of the GPU's own flash memory",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = inforom_run,
};
