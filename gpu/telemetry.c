/* Reads meters. What they mean is the caller's. */
#include "gpu/telemetry.h"

#include <limits.h>

#define MIB              (1024ULL * 1024)
#define PERCENT_MAX      100
#define CELSIUS_MAX      300        /* silicon is long dead; a driver's "no such sensor" is not */
#define POWER_MW_MAX     20000000LL /* twenty kilowatts: no GPU, but a number that can be */
#define CLOCK_MHZ_MAX    100000
#define MEMORY_BYTES_MAX (1ULL << 50)
#define CALL             0

#define GAUGE            TELEMETRY_GAUGE
#define COUNTER          TELEMETRY_COUNTER
#define RATE             TELEMETRY_RATE
const struct telemetry_meter_row telemetry_meters[TELEMETRY_COUNT] = {
#define METER(id, name, exported, kind, unit, scale, field, scope, help) \
    {name, exported, kind, unit, scale, field, scope, help},
#include "gpu/telemetry.def.h"
#undef METER
};
#undef GAUGE
#undef COUNTER
#undef RATE

/* One reading of one GPU. */
struct reading {
    const struct nvml *nvml;
    struct nvml_device *device;
    struct telemetry *out;
    int gone; /* the code that says that asking on is of no use; NVML_OK while there is none */
    int last; /* the last code that was neither an answer nor "I do not know that" */
};

static bool heard(struct reading *r, int code)
{
    switch (code) {
    case NVML_OK:
        return true;
    case NVML_GPU_IS_LOST:
    case NVML_RESET_REQUIRED:
    case NVML_INSUFFICIENT_POWER:
        r->gone = code;
        return false;
    case NVML_NO_SYMBOL:
    case NVML_NOT_SUPPORTED:
    case NVML_FUNCTION_NOT_FOUND:
        return false;
    default:
        r->last = code;
        return false;
    }
}

/* A number that cannot be is none. */
static void set(struct reading *r, enum telemetry_meter m, int64_t value, int64_t max)
{
    if (value < 0 || value > max)
        return;
    r->out->value[m] = value;
    r->out->known |= 1ULL << m;
}

static int64_t field_max(enum telemetry_meter m)
{
    if (m == TELEMETRY_MEM_TEMPERATURE)
        return CELSIUS_MAX;
    return m == TELEMETRY_POWER_INSTANT ? POWER_MW_MAX : INT64_MAX;
}

static void fields_read(struct reading *r)
{
    struct nvml_field fields[TELEMETRY_COUNT];
    enum telemetry_meter meters[TELEMETRY_COUNT];
    int count = 0;

    for (int m = 0; m < TELEMETRY_COUNT; m++) {
        if (telemetry_meters[m].field == CALL)
            continue;
        meters[count] = (enum telemetry_meter)m;
        fields[count++] = (struct nvml_field){.id = telemetry_meters[m].field,
                                              .scope = telemetry_meters[m].scope,
                                              .code = NVML_UNKNOWN};
    }
    if (!heard(r, NVML_CALL(r->nvml, fields, r->device, count, fields)))
        return;
    for (int i = 0; i < count && !r->gone; i++) {
        int64_t value;

        if (heard(r, nvml_field_value(&fields[i], &value)))
            set(r, meters[i], value, field_max(meters[i]));
    }
}

static void utilisation_read(struct reading *r)
{
    struct nvml_utilisation u = {0};

    if (!heard(r, NVML_CALL(r->nvml, utilisation, r->device, &u)))
        return;
    set(r, TELEMETRY_GPU_UTIL, u.gpu_percent, PERCENT_MAX);
    set(r, TELEMETRY_MEM_UTIL, u.memory_percent, PERCENT_MAX);
}

/* dcgm-exporter's "used" leaves out what the driver reserves, as the newer question does. The
 * older one counts it as used. */
static void memory_read(struct reading *r)
{
    struct nvml_memory_v2 m = {.version = NVML_STRUCT_VERSION(sizeof m, 2)};
    struct nvml_memory old = {0};
    bool split = heard(r, NVML_CALL(r->nvml, memory_v2, r->device, &m));

    if (!split) {
        if (r->gone || !heard(r, NVML_CALL(r->nvml, memory, r->device, &old)))
            return;
        m.total = old.total;
        m.used = old.used;
        m.free = old.free;
        m.reserved = 0;
    }
    if (m.total > MEMORY_BYTES_MAX || m.used > m.total || m.free > m.total || m.reserved > m.total)
        return;
    set(r, TELEMETRY_MEM_USED, (int64_t)(m.used / MIB), INT64_MAX);
    set(r, TELEMETRY_MEM_FREE, (int64_t)(m.free / MIB), INT64_MAX);
    if (split)
        set(r, TELEMETRY_MEM_RESERVED, (int64_t)(m.reserved / MIB), INT64_MAX);
}

static void clocks_read(struct reading *r)
{
    unsigned mhz = 0;

    if (heard(r, NVML_CALL(r->nvml, clock, r->device, NVML_CLOCK_SM, &mhz)))
        set(r, TELEMETRY_SM_CLOCK, mhz, CLOCK_MHZ_MAX);
    if (!r->gone && heard(r, NVML_CALL(r->nvml, clock, r->device, NVML_CLOCK_MEMORY, &mhz)))
        set(r, TELEMETRY_MEM_CLOCK, mhz, CLOCK_MHZ_MAX);
}

static void temperature_read(struct reading *r)
{
    struct nvml_temperature t = {.version = NVML_STRUCT_VERSION(sizeof t, 1)};
    unsigned celsius = 0;
    int code = NVML_CALL(r->nvml, temperature_v, r->device, &t);

    if (code == NVML_NO_SYMBOL || code == NVML_ARGUMENT_VERSION) {
        code = NVML_CALL(r->nvml, temperature, r->device, t.sensor, &celsius);
        t.celsius = celsius > CELSIUS_MAX ? -1 : (int)celsius;
    }
    if (heard(r, code))
        set(r, TELEMETRY_TEMPERATURE, t.celsius, CELSIUS_MAX);
}

static void reasons_read(struct reading *r)
{
    unsigned long long mask = 0;
    int code = NVML_CALL(r->nvml, clocks_event_reasons, r->device, &mask);

    if (code == NVML_NO_SYMBOL)
        code = NVML_CALL(r->nvml, clocks_throttle_reasons, r->device, &mask);
    if (heard(r, code) && mask <= INT64_MAX)
        set(r, TELEMETRY_THROTTLE_REASONS, (int64_t)mask, INT64_MAX);
}

static void power_read(struct reading *r)
{
    unsigned milliwatts = 0;

    if (heard(r, NVML_CALL(r->nvml, power, r->device, &milliwatts)))
        set(r, TELEMETRY_POWER, milliwatts, POWER_MW_MAX);
}

int telemetry_read(const struct nvml *n, struct nvml_device *d, struct telemetry *out)
{
    static void (*const reads[])(struct reading *) = {
        fields_read, utilisation_read, memory_read,  power_read,
        clocks_read, temperature_read, reasons_read,
    };
    struct reading r = {.nvml = n, .device = d, .out = out, .last = NVML_NOT_SUPPORTED};

    *out = (struct telemetry){0};
    for (size_t i = 0; i < ARRAY_SIZE(reads) && !r.gone; i++)
        reads[i](&r);
    if (r.gone)
        return r.gone;
    return out->known ? NVML_OK : r.last;
}
