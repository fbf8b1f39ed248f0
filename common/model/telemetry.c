/* The rows of a sample of telemetry. */
#include "model/telemetry.h"

static const struct field reading_fields[] = {
    F_STRING(struct telemetry_reading, meter, FIELD_REQUIRED, 1, 0,
             "Name of the meter; it ends in the unit."),
    F_NUMBER(struct telemetry_reading, value, FIELD_REQUIRED, 0, 0, "What it showed."),
};
SHAPE(telemetry_reading_shape, struct telemetry_reading, "TelemetryReading", "One meter.",
      reading_fields);

static const struct field gpu_fields[] = {
    F_INT(struct telemetry_gpu, index, FIELD_REQUIRED, 0, GPUS_PER_INSTANCE_MAX - 1,
          "Position of the GPU on its machine."),
    F_STRING(struct telemetry_gpu, uuid, FIELD_OMIT, 0, 0, "Identifier of the physical GPU."),
    F_STRING(struct telemetry_gpu, model, FIELD_OMIT, 0, 0, "Model name as the driver reports it."),
    F_STRING(struct telemetry_gpu, pci, FIELD_OMIT, 0, 0, "PCI address."),
    F_STRING(struct telemetry_gpu, trouble, FIELD_OMIT, 0, 0,
             "Why the GPU did not answer; left out when it did."),
    F_LIST(struct telemetry_gpu, readings, reading_count, 0, &telemetry_reading_shape,
           TELEMETRY_READINGS_MAX,
           "What its meters showed; those that it does not have are not "
           "in it."),
};
SHAPE(telemetry_gpu_shape, struct telemetry_gpu, "TelemetryGpu", "One GPU at one moment.",
      gpu_fields);

#define TELEMETRY_POSTED_ROWS                                                                  \
    F_TIME(struct telemetry_sample, taken_at, FIELD_REQUIRED, "When the meters were read."),   \
        F_STRING(struct telemetry_sample, host, FIELD_REQUIRED, 1, 0, "Name of the machine."), \
        F_STRING(struct telemetry_sample, instance_id, FIELD_OMIT, 0, 0,                       \
                 "The instance that is watched; left out for a machine of one's own."),        \
        F_STRING(struct telemetry_sample, driver_version, FIELD_OMIT, 0, 0,                    \
                 "Version of the GPU driver."),                                                \
        F_STRING(struct telemetry_sample, watcher_version, FIELD_OMIT, 0, 0,                   \
                 "Version of the program that read them."),                                    \
        F_LIST(struct telemetry_sample, gpus, gpu_count, 0, &telemetry_gpu_shape,              \
               GPUS_PER_INSTANCE_MAX, "The GPUs of the machine.")

static const struct field sample_fields[] = {
    F_TIME(struct telemetry_sample, received_at, FIELD_OMIT, "When it arrived."),
    TELEMETRY_POSTED_ROWS,
};
SHAPE(telemetry_sample_shape, struct telemetry_sample, "TelemetrySample",
      "What the GPUs of one machine did at one moment.", sample_fields);

static const struct field create_fields[] = {TELEMETRY_POSTED_ROWS};
SHAPE(telemetry_create_shape, struct telemetry_sample, "TelemetryCreate",
      "A sample of telemetry to keep for an hour.", create_fields);
