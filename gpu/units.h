/* The same work on every SM: one block at a time on each, several times, and a vote about what
 * they leave (gpu/kernel/unit.h has the GPU's side). */
#ifndef GPU_UNITS_H
#define GPU_UNITS_H

#include "gpu/compute.h"
#include "gpu/kernel/args.h"

struct unit_size {
    unsigned threads, waves; /* of a block; blocks per SM */
    u32 steps_known, steps;
};

struct unit_work {
    enum compute_module module;
    const char *kernel;
    const char *const *kinds;
    size_t kind_count;
    struct unit_size full, small; /* small: for a GPU of less than 1 GiB, as tests play it */
    /* The sum that a block leaves after the first phase; false when the processor cannot know.
     * `seed` is the kernel's. */
    bool (*known)(u32 kind, u32 set, u32 seed, const struct unit_size *size, u32 *out);
};

/* Run it and leave the finding: a failure names the SMs and what they got wrong; an SM that no
 * block was given to is an error, since it may be the broken one. */
void units_run(struct gpu_target *t, struct finding *f, const struct unit_work *w);

#endif
