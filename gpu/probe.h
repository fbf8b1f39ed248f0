/* Asks the driver whether it is there and how many GPUs it lists, in a process of its own.
 * Private to the runner, and what GPU processes need to open theirs. */
#ifndef GPU_PROBE_H
#define GPU_PROBE_H

#include "gpu/check.h"

/* Fill state, reason, driver_version, listed_count and gpu_count of *out, with the index of
 * each GPU and nothing else about it. Errors: ERR_IO when no process can be started. */
enum err_code gpu_probe(const struct gpu_options *o, int64_t deadline_ms, struct gpu_inventory *out,
                        struct err *e) MUST_CHECK;

/* In a child: open GPU number info->gpu.index and learn who it is. Fills t->device,
 * t->device_code and *info. */
void gpu_identify(struct gpu_target *t, struct gpu_info *info);

#endif
