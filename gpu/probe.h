/* Asks each driver whether it is there and how many GPUs it lists, in a process of its own.
 * Private to the runner, and what GPU processes need to open theirs. */
#ifndef GPU_PROBE_H
#define GPU_PROBE_H

#include "gpu/amd.h"
#include "gpu/check.h"

/* Fill *out but for the GPUs, of which it gives index, vendor and the vendor's index. Errors:
 * ERR_IO when no process can be started. */
enum err_code gpu_probe(const struct gpu_options *o, int64_t deadline_ms, struct gpu_inventory *out,
                        struct err *e) MUST_CHECK;

/* The library of one GPU's vendor, loaded. */
struct gpu_library {
    struct nvml nvml;
    struct amd amd;
};

/* In a child: load and start the library of this GPU's vendor into *l and point the target at
 * it. False when that fails, which the probe has just seen to work. */
bool gpu_library_open(struct gpu_target *t, const struct gpu_info *info, struct gpu_library *l);

/* In a child, then: open GPU number info->vendor_index and learn who it is. Fills t->device,
 * t->device_code and *info. */
void gpu_identify(struct gpu_target *t, struct gpu_info *info);

#endif
