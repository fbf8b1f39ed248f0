/* The first questions to the drivers: are you there, how many, who are they. */
#include "gpu/probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gpu/child.h"
#include "gpu/record.h"

#define DRIVER_TEXT_MAX 96 /* NVML's own buffers are 80 (version) and 96 (name, UUID) bytes */

static void send_failed(int fd, enum gpu_driver_state state, const char *reason)
{
    struct gpu_record r = {.kind = RECORD_FAILED};

    r.as.failed.state = state;
    gpu_text_copy(r.as.failed.reason, sizeof r.as.failed.reason, reason, strlen(reason));
    gpu_record_send(fd, &r);
}

static void probe_child(int fd, void *ctx)
{
    const struct gpu_options *o = ctx;
    struct gpu_record ready = {.kind = RECORD_READY};
    char version[DRIVER_TEXT_MAX] = "";
    unsigned count = 0;
    struct nvml n;
    enum err_code rc;
    struct err e;
    int code;

    rc = nvml_open(&n, o->nvml_path, &e);
    if (rc) {
        send_failed(fd, rc == ERR_NOT_FOUND ? GPU_DRIVER_ABSENT : GPU_DRIVER_FAILED, e.msg);
        return;
    }
    gpu_record_send(fd, &(struct gpu_record){.kind = RECORD_LOADED});
    code = n.init();
    if (code == NVML_OK)
        code = n.device_count(&count);
    if (code != NVML_OK) {
        send_failed(fd, code == NVML_DRIVER_NOT_LOADED ? GPU_DRIVER_ABSENT : GPU_DRIVER_FAILED,
                    nvml_code_text(code));
        return;
    }
    ready.as.ready.count = count;
    if (NVML_CALL(&n, driver_version, version, sizeof version - 1) == NVML_OK)
        gpu_text_copy(ready.as.ready.version, sizeof ready.as.ready.version, version,
                      sizeof version);
    gpu_record_send(fd, &ready);
}

/* AMD's library loads without AMD's driver, and then does not start. */
static void amd_probe_child(int fd, void *ctx)
{
    const struct gpu_options *o = ctx;
    struct gpu_record ready = {.kind = RECORD_READY};
    char version[DRIVER_TEXT_MAX] = "";
    uint32_t count = 0;
    struct amd a;
    enum err_code rc;
    struct err e;
    int code;

    rc = amd_open(&a, o->amd_path, &e);
    if (rc) {
        send_failed(fd, rc == ERR_NOT_FOUND ? GPU_DRIVER_ABSENT : GPU_DRIVER_FAILED, e.msg);
        return;
    }
    gpu_record_send(fd, &(struct gpu_record){.kind = RECORD_LOADED});
    code = amd_code(a.init(AMD_INIT_FLAGS));
    if (code == NVML_UNINITIALIZED) {
        send_failed(fd, GPU_DRIVER_ABSENT, "the amdgpu kernel driver is not loaded");
        return;
    }
    if (code == NVML_OK)
        code = amd_code(a.device_count(&count));
    if (code != NVML_OK || count == 0) {
        send_failed(fd, code == NVML_OK ? GPU_DRIVER_ABSENT : GPU_DRIVER_FAILED,
                    code == NVML_OK ? "it lists no GPU" : nvml_code_text(code));
        return;
    }
    ready.as.ready.count = count;
    if (AMD_CALL(&a, version, AMD_COMPONENT_DRIVER, version, sizeof version - 1) == NVML_OK)
        gpu_text_copy(ready.as.ready.version, sizeof ready.as.ready.version, version,
                      sizeof version);
    gpu_record_send(fd, &ready);
}

/* Take what one library's child said. Without a verdict from it: how far did it get? */
static void driver_hear(const struct gpu_child *c, enum gpu_vendor v, struct gpu_driver *out)
{
    char end[TEXT_BYTES_MAX / 2];
    bool loaded = false, answered = false;
    struct gpu_record r;
    size_t at = 0;

    *out = (struct gpu_driver){0};
    while (gpu_record_next(&c->said, &at, &r)) {
        loaded = loaded || r.kind == RECORD_LOADED;
        answered = answered || r.kind == RECORD_READY || r.kind == RECORD_FAILED;
        if (r.kind == RECORD_READY) {
            out->listed_count = r.as.ready.count;
            text_copy(out->version, sizeof out->version, r.as.ready.version);
        } else if (r.kind == RECORD_FAILED) {
            out->state = r.as.failed.state;
            text_copy(out->reason, sizeof out->reason, r.as.failed.reason);
        }
    }
    if (answered)
        return;
    out->state = c->timed_out ? GPU_DRIVER_SILENT : GPU_DRIVER_FAILED;
    snprintf(out->reason, sizeof out->reason, "the %sdriver %s: %s",
             v == GPU_VENDOR_AMD ? "AMD " : "", loaded ? "did not start" : "could not be loaded",
             gpu_child_end(c, end, sizeof end));
}

/* One machine of both: an absent driver does not count beside one that is there. */
static void inventory_join(struct gpu_inventory *inv)
{
    const struct gpu_driver *told = &inv->drivers[GPU_VENDOR_NVIDIA];

    for (size_t v = 0; v < GPU_VENDOR_COUNT; v++) {
        const struct gpu_driver *d = &inv->drivers[v];

        if (told->state == GPU_DRIVER_ABSENT ||
            (told->state == GPU_DRIVER_READY && d->state > GPU_DRIVER_ABSENT))
            told = d->state == GPU_DRIVER_ABSENT ? told : d;
        for (int64_t i = 0; i < d->listed_count && inv->gpu_count < GPUS_PER_INSTANCE_MAX; i++) {
            struct gpu_info *info = &inv->gpus[inv->gpu_count];

            info->gpu.index = (int64_t)inv->gpu_count++;
            info->vendor = (enum gpu_vendor)v;
            info->vendor_index = (uint32_t)i;
        }
        inv->listed_count += d->listed_count;
    }
    inv->state = told->state;
    text_copy(inv->reason, sizeof inv->reason, told->reason);
    text_copy(inv->driver_version, sizeof inv->driver_version, told->version);
}

enum err_code gpu_probe(const struct gpu_options *o, int64_t deadline_ms, struct gpu_inventory *out,
                        struct err *e)
{
    static gpu_child_fn *const probes[] = {probe_child, amd_probe_child};
    struct gpu_child children[GPU_VENDOR_COUNT] = {0};
    struct gpu_options copy = *o;
    enum err_code rc = ERR_OK;

    memset(out, 0, sizeof *out);
    for (size_t v = 0; v < GPU_VENDOR_COUNT && !rc; v++)
        rc = gpu_child_start(&children[v], probes[v], &copy, e);
    if (!rc)
        gpu_children_wait(children, GPU_VENDOR_COUNT, o->clock, deadline_ms);
    for (size_t v = 0; v < GPU_VENDOR_COUNT; v++) {
        if (!rc)
            driver_hear(&children[v], (enum gpu_vendor)v, &out->drivers[v]);
        gpu_child_release(&children[v]);
    }
    if (rc)
        return err_wrap(e, rc, "ask the drivers");
    inventory_join(out);
    return ERR_OK;
}

static void text_ask(int (*ask)(struct nvml_device *, char *, unsigned), struct nvml_device *d,
                     char *out, size_t size)
{
    char text[DRIVER_TEXT_MAX] = "";

    if (ask && ask(d, text, sizeof text - 1) == NVML_OK)
        gpu_text_copy(out, size, text, sizeof text);
}

/* The id of AMD's library: domain, then bus, device and function as PCI packs them. */
static void amd_address(uint64_t id, char *out, size_t size)
{
    snprintf(out, size, "%04x:%02x:%02x.0", (unsigned)(id >> 32), (unsigned)(id >> 8 & 0xff),
             (unsigned)(id >> 3 & 0x1f));
}

static void amd_identify(struct gpu_target *t, struct gpu_info *info)
{
    uint64_t id = 0, total = 0, used = 0;
    char name[DRIVER_TEXT_MAX] = "";
    struct report_gpu *g = &info->gpu;
    uint32_t index = info->vendor_index;
    uint16_t device = 0;

    t->device_code = AMD_CALL(t->amd, device_id, index, &device);
    if (t->device_code != NVML_OK) {
        text_copy(info->reason, sizeof info->reason, nvml_code_text(t->device_code));
        return;
    }
    info->answered = true;
    if (AMD_CALL(t->amd, device_name, index, name, sizeof name - 1) == NVML_OK)
        gpu_text_copy(g->model, sizeof g->model, name, sizeof name);
    if (AMD_CALL(t->amd, unique_id, index, &id) == NVML_OK && id)
        snprintf(g->uuid, sizeof g->uuid, "GPU-%016" PRIx64, id);
    if (AMD_CALL(t->amd, pci_id, index, &id) == NVML_OK && id >> 32 <= 0xffffff)
        amd_address(id, g->pci, sizeof g->pci);
    if (AMD_CALL(t->amd, memory_total, index, AMD_MEMORY_VRAM, &total) == NVML_OK &&
        AMD_CALL(t->amd, memory_used, index, AMD_MEMORY_VRAM, &used) == NVML_OK &&
        total <= INT64_MAX && used <= total) {
        info->memory_total_bytes = (int64_t)total;
        info->memory_used_bytes = (int64_t)used;
    }
}

bool gpu_library_open(struct gpu_target *t, const struct gpu_info *info, struct gpu_library *l)
{
    if (info->vendor == GPU_VENDOR_AMD) {
        t->amd = &l->amd;
        return amd_open(&l->amd, t->options->amd_path, NULL) == ERR_OK &&
               l->amd.init(AMD_INIT_FLAGS) == AMD_OK;
    }
    t->nvml = &l->nvml;
    return nvml_open(&l->nvml, t->options->nvml_path, NULL) == ERR_OK && l->nvml.init() == NVML_OK;
}

void gpu_identify(struct gpu_target *t, struct gpu_info *info)
{
    struct nvml_memory memory = {0};
    struct nvml_pci pci = {0};
    struct report_gpu *g = &info->gpu;

    t->device = NULL;
    if (info->vendor == GPU_VENDOR_AMD) {
        amd_identify(t, info);
        return;
    }
    t->device_code = t->nvml->device_by_index(info->vendor_index, &t->device);
    if (t->device_code != NVML_OK) {
        t->device = NULL;
        text_copy(info->reason, sizeof info->reason, nvml_code_text(t->device_code));
        return;
    }
    info->answered = true;
    text_ask(t->nvml->device_name, t->device, g->model, sizeof g->model);
    text_ask(t->nvml->device_uuid, t->device, g->uuid, sizeof g->uuid);
    if (NVML_CALL(t->nvml, device_pci, t->device, &pci) == NVML_OK && pci.bus <= 0xff &&
        pci.device <= 0x1f)
        snprintf(g->pci, sizeof g->pci, "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
    if (NVML_CALL(t->nvml, memory, t->device, &memory) == NVML_OK && memory.total <= INT64_MAX &&
        memory.used <= memory.total) {
        info->memory_total_bytes = (int64_t)memory.total;
        info->memory_used_bytes = (int64_t)memory.used;
    }
}
