/* What a GPU did under full load: left by the checks that load it (gpu/check/matmul.c) for those
 * that judge heat, power, clocks and memory errors (gpu/check/burn.c), in one process. */
#ifndef GPU_BURN_H
#define GPU_BURN_H

#include "gpu/check.h"
#include "gpu/sampler.h"

/* Counters that must not move under load. -1: the driver does not tell. */
struct burn_errors {
    int64_t corrected, uncorrected;     /* of memory, since the driver was loaded */
    int64_t remapped, pending, failure; /* rows after uncorrectable errors; flags */
};

struct burn {
    struct sampler_record meters;
    struct burn_errors before, after;
    int64_t loaded_ms; /* 0: nothing loaded the GPU */
    bool is_full_load; /* by the kernel that is made for this GPU */
    struct sampler sampler;
    int64_t began_mono_ms;
};

/* How long each of the checks that load a GPU does so in this tier; 0 in those before burn. */
int64_t burn_share_ms(const struct gpu_target *t);

/* Around the load; several loads make one record. Errors: ERR_IO no thread can be made. */
enum err_code burn_begin(struct gpu_target *t, struct err *e) MUST_CHECK;
void burn_end(struct gpu_target *t);

#endif
