/* A GPU's meters while it works: a thread that looks at them ten times a second and keeps what
 * it saw in a fixed space, however long it looks. */
#ifndef GPU_SAMPLER_H
#define GPU_SAMPLER_H

#include <pthread.h>
#include <stdatomic.h>

#include "gpu/telemetry.h"

#define SAMPLER_STEP_MS     100
#define SAMPLER_REASON_BITS 64

struct sampler_range {
    uint32_t count; /* of samples that knew this meter; the rest is meaningless when 0 */
    int64_t first, last, least, most;
    double sum; /* mean: sum / count */
};

/* Starts out as zeros. Sampling again adds to it. */
struct sampler_record {
    uint32_t samples; /* that the driver answered */
    int code;         /* of the last refusal; NVML_OK when there was none */
    struct sampler_range meters[TELEMETRY_COUNT];
    uint32_t reasons[SAMPLER_REASON_BITS]; /* samples with this bit of what slows the clocks */
};

struct sampler {
    const struct nvml *nvml;
    struct nvml_device *device;
    struct sampler_record *record;
    pthread_t thread;
    atomic_bool stops;
    bool runs;
};

/* Add one look to the record. */
void sampler_add(struct sampler_record *r, const struct telemetry *t);

/* Begin. nvml, device and record are borrowed until sampler_stop(), and the record is the
 * thread's alone until then. Errors: ERR_IO no thread can be made. */
enum err_code sampler_start(struct sampler *s, const struct nvml *n, struct nvml_device *d,
                            struct sampler_record *record, struct err *e) MUST_CHECK;
/* One look more, and no other. A driver that hangs keeps us here; the run's deadline ends that.
 * Accepts a zeroed struct. */
void sampler_stop(struct sampler *s);

#endif
