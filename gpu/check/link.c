/* The GPU's connections: NVSwitch fabric, NVLinks, PCIe. What a card does not have is not
 * applicable, never bad. */
#include <inttypes.h>
#include <string.h>

#include "gpu/check/amd.h"
#include "gpu/check/link.h"

#define FABRIC_ACTION "start nvidia-fabricmanager, or ask the provider"

/* Two bits each of the fabric's health mask: 1 is true, 2 is false, 0 is not known. */
enum {
    FABRIC_DEGRADED_SHIFT = 0,
    FABRIC_RECOVERY_SHIFT = 2,
    FABRIC_ROUTE_SHIFT = 4,
    FABRIC_TIMEOUT_SHIFT = 6,
    FABRIC_CONFIG_SHIFT = 8
};
enum {
    FABRIC_STATE_NONE,
    FABRIC_STATE_NOT_STARTED,
    FABRIC_STATE_IN_PROGRESS,
    FABRIC_STATE_COMPLETED
};
enum { FABRIC_UNHEALTHY = 2, FABRIC_LIMITED = 3 };

static int fabric_read(const struct gpu_target *t, struct nvml_fabric *out)
{
    int code;

    *out = (struct nvml_fabric){.version = NVML_STRUCT_VERSION(sizeof *out, 3)};
    code = NVML_CALL(t->nvml, fabric_info, t->device, out);
    if (code != NVML_ARGUMENT_VERSION)
        return code;
    *out = (struct nvml_fabric){.version = NVML_STRUCT_VERSION(NVML_FABRIC_V2_SIZE, 2)};
    return NVML_CALL(t->nvml, fabric_info, t->device, out);
}

static bool mask_is_true(unsigned mask, int shift)
{
    return (mask >> shift & 3) == 1;
}

static void fabric_judge(const struct nvml_fabric *fb, struct finding *f)
{
    static const char *const mistakes[] = {
        NULL,
        NULL,
        "wrong system GUID",
        "wrong chassis serial number",
        "no partition",
        "too few NVLinks",
        "incompatible firmware",
        "invalid location",
        "invalid GPU state",
    };
    unsigned mask = fb->health_mask, config = mask >> FABRIC_CONFIG_SHIFT & 0xf;

    if (fb->status != NVML_OK)
        gpu_fail(f, REMEDY_INSPECT, FABRIC_ACTION, "registration with the fabric failed: %s",
                 nvml_code_text(fb->status));
    else if (mask_is_true(mask, FABRIC_ROUTE_SHIFT))
        gpu_fail(f, REMEDY_INSPECT, FABRIC_ACTION, "a route through the fabric is unhealthy");
    else if (mask_is_true(mask, FABRIC_DEGRADED_SHIFT))
        gpu_fail(f, REMEDY_INSPECT, FABRIC_ACTION, "the fabric's bandwidth is degraded");
    else if (config >= 2)
        gpu_fail(f, REMEDY_INSPECT, FABRIC_ACTION, "the fabric is misconfigured: %s",
                 config < ARRAY_SIZE(mistakes) ? mistakes[config] : "unknown mistake");
    else if (fb->health_summary == FABRIC_UNHEALTHY)
        gpu_fail(f, REMEDY_INSPECT, FABRIC_ACTION, "the fabric calls this GPU unhealthy");
    else if (fb->health_summary == FABRIC_LIMITED)
        gpu_warn(f, REMEDY_INSPECT, FABRIC_ACTION, "the fabric has limited capacity");
    else if (mask_is_true(mask, FABRIC_RECOVERY_SHIFT) || mask_is_true(mask, FABRIC_TIMEOUT_SHIFT))
        gpu_warn(f, REMEDY_RETRY, "check again in a minute", "the fabric is recovering");
    else
        gpu_pass(f, "registered with the fabric");
}

static void fabric_run(struct gpu_target *t, struct finding *f)
{
    struct nvml_fabric fb;

    if (!gpu_answered(t, f, fabric_read(t, &fb), "an NVSwitch fabric"))
        return;
    if (fb.state == FABRIC_STATE_NONE)
        gpu_not_applicable(f, "this GPU is on no NVSwitch fabric");
    else if (fb.state == FABRIC_STATE_COMPLETED)
        fabric_judge(&fb, f);
    else if (fb.state > FABRIC_STATE_COMPLETED)
        gpu_error(f, "the driver's state of the fabric makes no sense: %u", fb.state);
    else if (gpu_machine_is_young(t))
        gpu_error(f, "the machine has just started: the GPU is not registered yet");
    else
        gpu_fail(f, REMEDY_INSPECT, FABRIC_ACTION, "registration with the fabric %s",
                 fb.state == FABRIC_STATE_NOT_STARTED ? "has not started" : "does not end");
}

const struct gpu_check gpu_check_fabric = {
    .name = "fabric",
    .help = "registration with the NVSwitch fabric and its health",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = fabric_run,
};

/* States need several looks: a link that retrains is down for a moment. */
#define POLLS   3
#define POLL_MS 40

static const struct {
    const char *model;
    int links;
    int64_t gpus;
} wired[] = {
#define NVLINKS(model, links, gpus) {model, links, gpus},
#include "gpu/nvlinks.def.h"
#undef NVLINKS
};

/* How many links must be up; 0: not known for this model or this part of a board. */
static int links_wired(const struct gpu_target *t)
{
    for (size_t i = 0; i < ARRAY_SIZE(wired); i++) {
        if (strcmp(wired[i].model, t->info->gpu.model) == 0 &&
            t->inventory->listed_count >= wired[i].gpus)
            return wired[i].links;
    }
    return 0;
}

/* Count links; returns the first code that says something other than up or down. */
static int links_count(const struct gpu_target *t, int *up, int *down)
{
    *up = *down = 0;
    for (unsigned link = 0; link < NVML_NVLINKS_MAX; link++) {
        int active = 0;
        int code = NVML_CALL(t->nvml, nvlink_state, t->device, link, &active);

        /* Links that this chip does not have: after the last one, or holes on cards. */
        if (code == NVML_INVALID_ARGUMENT || (code == NVML_NOT_SUPPORTED && link > 0))
            continue;
        if (code != NVML_OK)
            return code;
        if (active != 0 && active != 1)
            return NVML_GARBAGE;
        *up += active;
        *down += !active;
    }
    return NVML_OK;
}

/* All links down is normal for a card without a bridge, and a fault where the board wires
 * them: on a fabric or an SXM module. */
static bool links_are_wired(const struct gpu_target *t)
{
    struct nvml_fabric fb;

    if (strstr(t->info->gpu.model, "SXM"))
        return true;
    return fabric_read(t, &fb) == NVML_OK && fb.state != FABRIC_STATE_NONE;
}

/* The most links that were up at one of several looks. */
static int links_poll(const struct gpu_target *t, int *up, int *down)
{
    int code = links_count(t, up, down);

    for (int i = 1; i < POLLS && code == NVML_OK && *down; i++) {
        int now_up, now_down;

        gpu_pause_ms(POLL_MS);
        code = links_count(t, &now_up, &now_down);
        if (code == NVML_OK && now_up > *up) {
            *up = now_up;
            *down = now_down;
        }
    }
    return code;
}

static void nvlink_run(struct gpu_target *t, struct finding *f)
{
    int up, down;

    if (!gpu_answered(t, f, links_poll(t, &up, &down), "NVLinks"))
        return;
    if (up + down == 0)
        gpu_not_applicable(f, "this GPU has no NVLinks");
    else if (t->inventory->listed_count < 2)
        gpu_not_applicable(f, "%d of %d links are up; there is no other GPU to link to", up,
                           up + down);
    else if (up == 0 && !links_are_wired(t))
        gpu_not_applicable(f, "no link is up, as on a card without a bridge");
    else if (down && gpu_machine_is_young(t))
        gpu_error(f, "the machine has just started: links are still training");
    else {
        int wanted = links_wired(t);

        gpu_figure(f, up, wanted, "links");
        if (up && up < wanted)
            gpu_warn(f, REMEDY_INSPECT, FABRIC_ACTION, "%d NVLinks are up, where this model has %d",
                     up, wanted);
        else if (up)
            gpu_pass(f, "links are up");
        else
            gpu_fail(f, REMEDY_INSPECT, FABRIC_ACTION, "none of %d NVLinks is up", down);
    }
}

const struct gpu_check gpu_check_nvlink = {
    .name = "nvlink",
    .help = "NVLinks that are up, against the model and GPUs of the same model",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .peer_share = 1.0,
    .run = nvlink_run,
};

static bool pcie_read(struct gpu_target *t, struct finding *f,
                      int (*ask)(struct nvml_device *, unsigned *), unsigned highest, unsigned *out)
{
    unsigned value = 0;

    if (!gpu_answered(t, f, ask ? ask(t->device, &value) : NVML_NO_SYMBOL, "its PCIe link"))
        return false;
    if (value < 1 || value > highest) {
        gpu_error(f, "the driver's figure for the PCIe link makes no sense: %u", value);
        return false;
    }
    *out = value;
    return true;
}

bool pcie_link_read(struct gpu_target *t, struct finding *f, struct pcie_link *out)
{
    const struct nvml *n = t->nvml;

    return pcie_read(t, f, n->pcie_gen, 16, &out->gen) &&
           pcie_read(t, f, n->pcie_width, 32, &out->width) &&
           pcie_read(t, f, n->pcie_gen_max, 16, &out->gen_max) &&
           pcie_read(t, f, n->pcie_width_max, 32, &out->width_max);
}

/* The fastest generation of several looks in the highest performance state, P0: at idle it
 * falls to save power, and on the way up it lags behind. */
static bool pcie_gen_poll(struct gpu_target *t, struct finding *f, struct pcie_link *link,
                          bool *is_p0)
{
    for (int i = 0;; i++) {
        unsigned now;
        int state = -1;

        *is_p0 = NVML_CALL(t->nvml, performance_state, t->device, &state) == NVML_OK && state == 0;
        if (link->gen >= link->gen_max || !*is_p0 || i == POLLS)
            return true;
        gpu_pause_ms(POLL_MS);
        if (!pcie_read(t, f, t->nvml->pcie_gen, 16, &now))
            return false;
        link->gen = now > link->gen ? now : link->gen;
    }
}

/* Width does not change at idle. */
static void pcie_link_run(struct gpu_target *t, struct finding *f)
{
    struct pcie_link link;
    bool is_p0;

    if (!pcie_link_read(t, f, &link) || !pcie_gen_poll(t, f, &link, &is_p0))
        return;
    gpu_figure(f, link.width, link.width_max, "lanes");
    if (link.width < link.width_max)
        gpu_warn(f, REMEDY_INSPECT, PCIE_ACTION, "PCIe runs on %u lanes of %u", link.width,
                 link.width_max);
    else if (link.gen < link.gen_max && is_p0)
        gpu_warn(f, REMEDY_INSPECT, PCIE_ACTION,
                 "PCIe runs at generation %u of %u in performance state P0", link.gen,
                 link.gen_max);
    else if (link.gen < link.gen_max)
        gpu_pass(f, "full width; generation %u of %u, as at idle", link.gen, link.gen_max);
    else
        gpu_pass(f, "full width, generation %u", link.gen);
}

const struct gpu_check gpu_check_pcie_link = {
    .name = "pcie_link",
    .help = "PCIe width and generation against what the slot allows",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .run = pcie_link_run,
    .run_amd = amd_pcie_link_run,
};
