/* The first questions to a driver: are you there, how many, who are they. */
#include "gpu/probe.h"

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

static void inventory_start(struct gpu_inventory *inv, const struct gpu_record *r)
{
    inv->state = GPU_DRIVER_READY;
    inv->reason[0] = '\0';
    inv->listed_count = r->as.ready.count;
    inv->gpu_count = inv->listed_count > GPUS_PER_INSTANCE_MAX ? GPUS_PER_INSTANCE_MAX
                                                               : (size_t)inv->listed_count;
    text_copy(inv->driver_version, sizeof inv->driver_version, r->as.ready.version);
    for (size_t i = 0; i < inv->gpu_count; i++)
        inv->gpus[i].gpu.index = (int64_t)i;
}

/* Without a verdict from the child: how far did it get? */
static void inventory_silence(struct gpu_inventory *inv, const struct gpu_child *c, bool loaded)
{
    char end[TEXT_BYTES_MAX / 2];

    inv->state = c->timed_out ? GPU_DRIVER_SILENT : GPU_DRIVER_FAILED;
    snprintf(inv->reason, sizeof inv->reason, "the driver %s: %s",
             loaded ? "did not start" : "could not be loaded", gpu_child_end(c, end, sizeof end));
}

enum err_code gpu_probe(const struct gpu_options *o, int64_t deadline_ms, struct gpu_inventory *out,
                        struct err *e)
{
    struct gpu_options copy = *o;
    struct gpu_record r;
    struct gpu_child c = {0};
    bool loaded = false;
    size_t at = 0;
    enum err_code rc = gpu_child_start(&c, probe_child, &copy, e);

    if (rc)
        return err_wrap(e, rc, "ask the driver");
    gpu_children_wait(&c, 1, o->clock, deadline_ms);
    memset(out, 0, sizeof *out);
    out->state = GPU_DRIVER_SILENT;
    while (gpu_record_next(&c.said, &at, &r)) {
        loaded = loaded || r.kind == RECORD_LOADED;
        if (r.kind == RECORD_READY) {
            inventory_start(out, &r);
        } else if (r.kind == RECORD_FAILED) {
            out->state = r.as.failed.state;
            text_copy(out->reason, sizeof out->reason, r.as.failed.reason);
        }
    }
    if (out->state == GPU_DRIVER_SILENT)
        inventory_silence(out, &c, loaded);
    gpu_child_release(&c);
    return ERR_OK;
}

static void text_ask(int (*ask)(struct nvml_device *, char *, unsigned), struct nvml_device *d,
                     char *out, size_t size)
{
    char text[DRIVER_TEXT_MAX] = "";

    if (ask && ask(d, text, sizeof text - 1) == NVML_OK)
        gpu_text_copy(out, size, text, sizeof text);
}

void gpu_identify(struct gpu_target *t, struct gpu_info *info)
{
    struct nvml_memory memory = {0};
    struct nvml_pci pci = {0};
    struct report_gpu *g = &info->gpu;

    t->device = NULL;
    t->device_code = t->nvml->device_by_index((unsigned)g->index, &t->device);
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
