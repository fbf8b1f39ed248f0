/* What a machine's GPUs do at one moment, as `hourglass-gpu watch` sees it. */
#ifndef MODEL_TELEMETRY_H
#define MODEL_TELEMETRY_H

#include "core/json.h"

/* One meter. The name ends in its unit ("power_watts"); gpu/telemetry.def.h has those that there
 * are. A meter that is not known is left out, never zero. */
struct telemetry_reading {
    char meter[SLUG_BYTES_MAX];
    double value;
};

struct telemetry_gpu {
    int64_t index; /* the driver's */
    char uuid[64];
    char model[NAME_BYTES_MAX];
    char pci[32];
    char trouble[TEXT_BYTES_MAX]; /* why it did not answer; "" when it did */
    struct telemetry_reading *readings;
    size_t reading_count;
};

struct telemetry_sample {
    char instance_id[ID_MAX]; /* "": a machine of the member's own */
    char host[NAME_BYTES_MAX];
    char driver_version[SLUG_BYTES_MAX];
    char watcher_version[SLUG_BYTES_MAX];
    int64_t taken_at_ms;
    int64_t received_at_ms; /* the API's; 0 in what `watch` prints */
    struct telemetry_gpu *gpus;
    size_t gpu_count;
};

/* telemetry_create is the same struct without what the API answers: received_at. It is also
 * the shape of a line of `hourglass-gpu watch -o json`. */
extern const struct shape telemetry_reading_shape, telemetry_gpu_shape, telemetry_sample_shape,
    telemetry_create_shape;

#endif
