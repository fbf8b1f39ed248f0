/* How far a GPU's counters went within a moment. */
#ifndef GPU_COUNTERS_H
#define GPU_COUNTERS_H

#include "gpu/nvml.h"

enum gpu_counter_id {
#define COUNTER(id, field, meaning) GPU_COUNTER_##id,
#include "gpu/counters.def.h"
#undef COUNTER
    GPU_COUNTER_COUNT
};

enum gpu_link_counter_id {
#define LINK_COUNTER(id, field, meaning, result, allowed) GPU_LINK_COUNTER_##id,
#include "gpu/link_counters.def.h"
#undef LINK_COUNTER
    GPU_LINK_COUNTER_COUNT
};

/* code is the driver's answer, the first of two that was not NVML_OK; delta holds for NVML_OK
 * and is negative when the counter was set back in between. */
struct gpu_counter {
    int code;
    int64_t delta;
};

struct gpu_counters {
    bool is_read;
    int64_t interval_ms; /* at least 1 */
    struct gpu_counter one[GPU_COUNTER_COUNT];
    struct gpu_counter link[NVML_NVLINKS_MAX][GPU_LINK_COUNTER_COUNT];
    struct gpu_counter replays; /* of PCIe */
};

#endif
