/* Is there a driver, and does it answer? */
#include <string.h>

#include "gpu/check.h"
#include "gpu/pci.h"

struct bus {
    size_t count[GPU_VENDOR_COUNT];
    size_t nouveau_count;
};

static void bus_read(const struct gpu_target *t, struct bus *out)
{
    struct pci_gpu gpus[GPUS_PER_INSTANCE_MAX];
    size_t count = 0;

    *out = (struct bus){0};
    if (pci_gpus_list(t->options->sysfs_dir, gpus, ARRAY_SIZE(gpus), &count, NULL))
        return;
    for (size_t i = 0; i < count; i++) {
        out->count[gpus[i].vendor == PCI_VENDOR_AMD ? GPU_VENDOR_AMD : GPU_VENDOR_NVIDIA]++;
        out->nouveau_count += strcmp(gpus[i].driver, "nouveau") == 0;
    }
}

/* "no NVIDIA driver for the 8 GPUs on the PCI bus: libnvidia-ml.so.1 not found" */
static void absence_add(const struct gpu_target *t, const struct bus *bus, enum gpu_vendor v,
                        struct strbuf *out)
{
    strbuf_addf(out, "%sno %s driver", out->len ? "; " : "", gpu_vendor_names[v]);
    if (bus->count[v])
        strbuf_addf(out, " for the %zu GPU%s on the PCI bus", bus->count[v],
                    bus->count[v] == 1 ? "" : "s");
    strbuf_addf(out, ": %.100s", t->inventory->drivers[v].reason);
}

/* The vendor whose GPUs are there is named first; a machine without any may want either. */
static void absence_tell(struct gpu_target *t, struct finding *f)
{
    struct bus bus;
    STRBUF text;

    strbuf_init(&text, TEXT_BYTES_MAX * 2);
    bus_read(t, &bus);
    if (bus.nouveau_count) {
        gpu_error(f, "no NVIDIA driver: nouveau holds %zu GPU%s", bus.nouveau_count,
                  bus.nouveau_count == 1 ? "" : "s");
        text_copy(f->action, sizeof f->action,
                  "keep nouveau from loading, install the NVIDIA driver, restart the machine");
        return;
    }
    if (bus.count[GPU_VENDOR_NVIDIA] || !bus.count[GPU_VENDOR_AMD])
        absence_add(t, &bus, GPU_VENDOR_NVIDIA, &text);
    if (bus.count[GPU_VENDOR_AMD] || !bus.count[GPU_VENDOR_NVIDIA])
        absence_add(t, &bus, GPU_VENDOR_AMD, &text);
    gpu_error(f, "%.250s", text.data);
    text_copy(f->action, sizeof f->action, "install or load the driver of the GPU's vendor");
}

/* Without a driver nothing can be said about the GPUs: an error, never a fail. */
static void run(struct gpu_target *t, struct finding *f)
{
    static const char *const actions[] = {
        [GPU_DRIVER_FAILED] = "reload the driver, or restart the machine",
        [GPU_DRIVER_SILENT] = GPU_SILENCE_ACTION,
    };
    const struct gpu_inventory *inv = t->inventory;

    if (inv->state == GPU_DRIVER_READY) {
        gpu_pass(f, "driver %s", inv->driver_version[0] ? inv->driver_version : "answers");
    } else if (inv->state == GPU_DRIVER_ABSENT) {
        absence_tell(t, f);
    } else {
        gpu_error(f, "%.240s", inv->reason);
        text_copy(f->action, sizeof f->action, actions[inv->state]);
    }
}

const struct gpu_check gpu_check_driver = {
    .name = "driver",
    .help = "the driver loads, starts and answers",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_MACHINE,
    .run = run,
};
