/* Is there a driver, and does it answer? */
#include "gpu/check.h"
#include "gpu/pci.h"

static size_t gpus_on_bus(const struct gpu_target *t)
{
    struct pci_gpu gpus[GPUS_PER_INSTANCE_MAX];
    size_t count = 0;

    if (pci_gpus_list(t->options->sysfs_dir, gpus, ARRAY_SIZE(gpus), &count, NULL))
        return 0;
    return count;
}

/* Without a driver nothing can be said about the GPUs: an error, never a fail. */
static void run(struct gpu_target *t, struct finding *f)
{
    static const char *const actions[] = {
        [GPU_DRIVER_ABSENT] = "install or load the NVIDIA driver",
        [GPU_DRIVER_FAILED] = "reload the driver, or restart the machine",
        [GPU_DRIVER_SILENT] = GPU_SILENCE_ACTION,
    };
    const struct gpu_inventory *inv = t->inventory;
    size_t on_bus;

    if (inv->state == GPU_DRIVER_READY) {
        gpu_pass(f, "driver %s", inv->driver_version[0] ? inv->driver_version : "answers");
        return;
    }
    on_bus = gpus_on_bus(t);
    if (inv->state == GPU_DRIVER_ABSENT && on_bus == 0)
        gpu_error(f, "no NVIDIA driver: %.180s", inv->reason);
    else if (inv->state == GPU_DRIVER_ABSENT)
        gpu_error(f, "no NVIDIA driver for the %zu GPU%s on the PCI bus: %.140s", on_bus,
                  on_bus == 1 ? "" : "s", inv->reason);
    else
        gpu_error(f, "%.240s", inv->reason);
    text_copy(f->action, sizeof f->action, actions[inv->state]);
}

const struct gpu_check gpu_check_driver = {
    .name = "driver",
    .help = "the driver loads, starts and answers",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_MACHINE,
    .run = run,
};
