/* Errors of one GPU in the kernel log, and those that no listed GPU accounts for. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gpu/check.h"
#include "gpu/kmsg.h"

/* Older events are told, not judged: resets and restarts since then leave no mark here, and
 * what is still wrong shows in the counters. Azure's node checks use the same window. */
#define RECENT_MS (2 * 3600 * 1000)

struct tally {
    const struct gpu_target *target;
    int64_t now_ms;
    size_t recent_count, old_count;
    struct xid_event worst; /* of the recent ones */
    enum check_result worst_result;
};

static void tally_add(struct tally *y, const struct xid_event *x)
{
    enum check_result result = xid_event_result(x);

    if (y->now_ms - x->at_ms > RECENT_MS) {
        y->old_count++;
        return;
    }
    y->recent_count++;
    /* The first of the worst is the cause; what follows are often its consequences. */
    if (y->recent_count > 1 && result <= y->worst_result)
        return;
    y->worst = *x;
    y->worst_result = result;
}

static bool own_event(const struct xid_event *x, void *ctx)
{
    struct tally *y = ctx;

    if (!x->is_switch && strcmp(x->address, y->target->info->gpu.pci) == 0)
        tally_add(y, x);
    return true;
}

static bool orphan_event(const struct xid_event *x, void *ctx)
{
    struct tally *y = ctx;
    const struct gpu_inventory *inv = y->target->inventory;

    /* A display of AMD's beside other GPUs is not what is rented. */
    if (x->is_amd && inv->drivers[GPU_VENDOR_AMD].state != GPU_DRIVER_READY)
        return true;
    for (size_t i = 0; i < inv->gpu_count && !x->is_switch; i++) {
        if (strcmp(x->address, inv->gpus[i].gpu.pci) == 0)
            return true;
    }
    tally_add(y, x);
    return true;
}

/* "XID 79 (machine): the GPU fell off the bus, 12 min ago" */
static void tally_tell(const struct tally *y, const char *whose, struct finding *f)
{
    const struct xid_event *x = &y->worst;
    int64_t minutes = (y->now_ms - x->at_ms) / 60000;
    char text[TEXT_BYTES_MAX - 32], name[32] = "amdgpu";

    gpu_figure(f, (double)y->recent_count, 0, "events");
    if (y->recent_count == 0) {
        gpu_pass(f, "none in the last two hours%s",
                 y->old_count ? "; older ones are in the kernel log" : "");
        return;
    }
    if (!x->is_amd)
        snprintf(name, sizeof name, "%s %" PRId64, x->is_switch ? "NVSwitch SXid" : "XID",
                 x->number);
    snprintf(text, sizeof text, "%s (%s): %s%s%s, %" PRId64 " min ago", name,
             xid_blame_names[x->kind->blame], x->kind->meaning, whose[0] ? ", " : "", whose,
             minutes < 0 ? 0 : minutes);
    if (y->worst_result == CHECK_FAIL)
        gpu_fail(f, x->kind->remedy, x->kind->action, "%s", text);
    else if (y->worst_result == CHECK_WARN)
        gpu_warn(f, x->kind->remedy, x->kind->action, "%s", text);
    else
        gpu_pass(f, "%s", text);
}

static bool read_log(struct gpu_target *t, struct finding *f, struct tally *y,
                     bool (*fn)(const struct xid_event *, void *))
{
    struct err e;
    enum err_code rc = kmsg_each(t->options->kmsg_path, fn, y, &e);

    if (rc == ERR_FORBIDDEN || rc == ERR_NOT_FOUND)
        gpu_skip(f, "%s", e.msg);
    else if (rc)
        gpu_error(f, "%s", e.msg);
    return rc == ERR_OK;
}

static void run_gpu(struct gpu_target *t, struct finding *f)
{
    struct tally y = {.target = t, .now_ms = gpu_uptime_ms(t)};

    if (read_log(t, f, &y, own_event))
        tally_tell(&y, "", f);
}

static void run_machine(struct gpu_target *t, struct finding *f)
{
    struct tally y = {.target = t, .now_ms = gpu_uptime_ms(t)};

    if (read_log(t, f, &y, orphan_event))
        tally_tell(&y, y.worst.address, f);
}

static bool applies(const struct gpu_target *t, struct finding *f)
{
    if (t->info->gpu.pci[0])
        return true;
    gpu_skip(f, "the driver does not tell this GPU's PCI address");
    return false;
}

const struct gpu_check gpu_check_xid = {
    .name = "xid",
    .help = "errors of this GPU (XIDs, amdgpu) in the kernel log, by whose fault they are",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_GPU,
    .applies = applies,
    .run = run_gpu,
    .run_amd = run_gpu,
};

const struct gpu_check gpu_check_kernel_log = {
    .name = "kernel_log",
    .help = "errors of NVSwitches and of GPUs that no driver names any more",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_MACHINE,
    .run = run_machine,
};
