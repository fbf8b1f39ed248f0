/* One look at a GPU's meters. Used by `watch` and by the checks that load a GPU. */
#ifndef GPU_TELEMETRY_H
#define GPU_TELEMETRY_H

#include "gpu/nvml.h"

/* Name, Prometheus name as dcgm-exporter has it, unit, meaning. A meter that the driver does not
 * know is absent (its bit in `known` is clear), never zero. */
enum telemetry_meter {
#define METER(id, name, exported, kind, unit, help) TELEMETRY_##id,
#include "gpu/telemetry.def.h"
#undef METER
    TELEMETRY_COUNT
};

struct telemetry {
    uint64_t known; /* bit per meter */
    int64_t value[TELEMETRY_COUNT];
};

_Static_assert(TELEMETRY_COUNT <= 64, "one bit each");

/* Ask for all meters in as few calls as can be. Returns the driver's code of the worst answer
 * (a lost GPU); single meters that it does not know are no failure. */
int telemetry_read(const struct nvml *n, struct nvml_device *d, struct telemetry *out);

static inline bool telemetry_has(const struct telemetry *t, enum telemetry_meter m)
{
    return t->known >> m & 1;
}

#endif
