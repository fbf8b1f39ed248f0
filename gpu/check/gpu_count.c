/* Does the driver list every GPU that the PCI bus shows? One that is missing failed to start
 * or fell off; one that is hidden (another container's, a virtual machine's) is none of our
 * business, and sysfs shows it all the same. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "gpu/check.h"
#include "gpu/pci.h"

#define INFORMATION_BYTES_MAX 8192
#define MISSING_ACTION        "restart the machine; if it stays away, have the GPU replaced"

static bool is_listed(const struct gpu_inventory *inv, const char *address)
{
    for (size_t i = 0; i < inv->gpu_count; i++) {
        if (strcmp(inv->gpus[i].gpu.pci, address) == 0)
            return true;
    }
    return false;
}

/* The N of /dev/nvidiaN, from the kernel driver's own page about the GPU; -1: not told. */
static long minor_read(const struct gpu_options *o, const char *address)
{
    static const char words[] = "Device Minor:";
    char path[PATH_MAX], *end;
    const char *at;
    STRBUF text;
    long minor;

    strbuf_init(&text, INFORMATION_BYTES_MAX);
    if (snprintf(path, sizeof path, "%s/driver/nvidia/gpus/%s/information", o->proc_dir, address) >=
            (int)sizeof path ||
        file_read(path, &text, NULL))
        return -1;
    at = strstr(text.data, words);
    if (!at)
        return -1;
    at += sizeof words - 1;
    minor = strtol(at, &end, 10);
    return end != at && minor >= 0 && minor <= 255 ? minor : -1;
}

/* amdgpu gives no page of its own in /proc; a container that may not open its devices sees the
 * GPU in sysfs all the same, so one that is bound and not listed is taken for hidden. */
static bool is_amd_hidden(const struct pci_gpu *g)
{
    return g->driver[0] != '\0';
}

/* What is bound to nvidia and not listed is either broken or kept from us. A container
 * runtime leaves out the page in /proc or the device file; a device cgroup refuses it. */
static bool is_hidden(const struct gpu_options *o, const struct pci_gpu *g)
{
    char path[PATH_MAX];
    long minor;
    int fd;

    if (g->vendor == PCI_VENDOR_AMD)
        return is_amd_hidden(g);
    if (!g->driver[0] || strcmp(g->driver, "nouveau") == 0)
        return false;
    if (strcmp(g->driver, "nvidia") != 0)
        return true; /* given to a virtual machine: vfio-pci and its like */
    minor = minor_read(o, g->address);
    if (minor < 0 ||
        snprintf(path, sizeof path, "%s/nvidia%ld", o->dev_dir, minor) >= (int)sizeof path)
        return true;
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EPERM || errno == EACCES;
    close(fd);
    return false;
}

static bool applies(const struct gpu_target *t, struct finding *f)
{
    if (t->inventory->state == GPU_DRIVER_READY)
        return true;
    gpu_skip(f, "the driver lists nothing to count");
    return false;
}

/* Too many for a report, none at all, or none that could be compared. */
static bool is_countable(const struct gpu_inventory *inv, struct finding *f)
{
    gpu_figure(f, (double)inv->listed_count, 0, "GPUs");
    if (inv->listed_count == 0)
        gpu_error(f, "the driver lists no GPU");
    else if (inv->listed_count > GPUS_PER_INSTANCE_MAX)
        gpu_error(f, "the driver lists %lld GPUs; only the first %d were checked",
                  (long long)inv->listed_count, GPUS_PER_INSTANCE_MAX);
    else
        return true;
    return false;
}

static void run(struct gpu_target *t, struct finding *f)
{
    struct pci_gpu gpus[GPUS_PER_INSTANCE_MAX * 2];
    const struct gpu_inventory *inv = t->inventory;
    size_t count = 0, ours = 0, missing = 0, unnamed = 0;
    const struct pci_gpu *first = NULL;
    struct err e;
    enum err_code rc = pci_gpus_list(t->options->sysfs_dir, gpus, ARRAY_SIZE(gpus), &count, &e);

    for (size_t i = 0; i < count; i++) {
        enum gpu_vendor v = gpus[i].vendor == PCI_VENDOR_AMD ? GPU_VENDOR_AMD : GPU_VENDOR_NVIDIA;

        /* Without its driver, a GPU beside those of the other vendor is a display. */
        if (inv->drivers[v].state != GPU_DRIVER_READY)
            continue;
        ours++;
        if (is_listed(inv, gpus[i].address) || is_hidden(t->options, &gpus[i]))
            continue;
        first = first ? first : &gpus[i];
        missing++;
    }
    /* A GPU that the driver lists and cannot name accounts for one on the bus; that it does
     * not answer is said by `reachable`. */
    for (size_t i = 0; i < inv->gpu_count; i++)
        unnamed += inv->gpus[i].gpu.pci[0] == '\0';
    if (missing > unnamed) {
        gpu_figure(f, (double)inv->listed_count, (double)(inv->listed_count + (int64_t)missing),
                   "GPUs");
        gpu_fail(f, REMEDY_RESTART, MISSING_ACTION,
                 "the driver does not list %zu GPU%s of the PCI bus: %s%s%s", missing,
                 missing == 1 ? "" : "s", first->address, missing > 1 ? ", ..." : "",
                 strcmp(first->driver, "nouveau") == 0 ? ", held by nouveau" : "");
    } else if (!is_countable(inv, f)) {
        return;
    } else if (rc || ours == 0) {
        gpu_skip(f, "nothing to compare with: %s", rc ? e.msg : "the PCI bus shows no GPU here");
    } else {
        gpu_pass(f, "every GPU of the PCI bus that is ours is listed");
    }
}

const struct gpu_check gpu_check_gpu_count = {
    .name = "gpu_count",
    .help = "the driver lists every GPU that the PCI bus shows",
    .tier = TIER_STATE,
    .scope = GPU_SCOPE_MACHINE,
    .applies = applies,
    .run = run,
};
