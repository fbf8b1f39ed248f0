/* One look at a GPU's meters. Used by `watch` and by the checks that load a GPU. */
#ifndef GPU_TELEMETRY_H
#define GPU_TELEMETRY_H

#include "gpu/nvml.h"

/* A meter that the driver does not know is absent (its bit in `known` is clear), never zero. */
enum telemetry_meter {
#define METER(id, name, exported, kind, unit, scale, field, scope, help) TELEMETRY_##id,
#include "gpu/telemetry.def.h"
#undef METER
    TELEMETRY_COUNT
};

enum telemetry_kind {
    TELEMETRY_GAUGE,
    TELEMETRY_COUNTER,
    TELEMETRY_RATE, /* read as a counter; shown is how much it grows in a second */
};

struct telemetry_meter_row {
    const char *name;     /* ends in the shown unit: "power_watts" */
    const char *exported; /* dcgm-exporter's name of the same number; "" where it has none */
    enum telemetry_kind kind;
    const char *unit; /* of struct telemetry's value; "" for counts and bits */
    double scale;     /* what is shown is value times scale */
    unsigned field;   /* NVML's; 0: a function of its own */
    unsigned scope;   /* of the field */
    const char *help;
};
extern const struct telemetry_meter_row telemetry_meters[TELEMETRY_COUNT];

/* Values are as the driver gives them, in telemetry_meters[].unit; rates are counters here. */
struct telemetry {
    uint64_t known; /* bit per meter */
    int64_t value[TELEMETRY_COUNT];
};

_Static_assert(TELEMETRY_COUNT <= 64, "one bit each");

/* Ask for all meters in as few calls as can be: one for all fields, and one each for what NVML
 * has no field for. Nothing in it sleeps, so that it may be called each 100 ms; NVML's own PCIe
 * throughput call, which takes 20 ms a direction, is not used where the driver has the byte
 * counters (since 565). Returns NVML_OK, or the driver's word for a GPU that is lost, needs a
 * reset or has no power, and what was read before it said so; a driver that answers nothing at
 * all gives its last code. Single meters that it does not know are no failure. */
int telemetry_read(const struct nvml *n, struct nvml_device *d, struct telemetry *out);

static inline bool telemetry_has(const struct telemetry *t, enum telemetry_meter m)
{
    return t->known >> m & 1;
}

#endif
