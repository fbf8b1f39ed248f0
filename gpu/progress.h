/* How far a run is: told by the runner, shown on a terminal as one line that is written over. */
#ifndef GPU_PROGRESS_H
#define GPU_PROGRESS_H

#include "gpu/check.h"

/* One check of one target began or ended. */
struct gpu_step {
    int64_t gpu_index; /* -1: the machine */
    const char *check;
    bool ended;
    size_t done, total; /* of the run's answers */
};

struct gpu_progress {
    void (*tell)(struct gpu_progress *p, const struct gpu_step *step);
};

/* Shows on `fd`, a terminal. */
struct gpu_progress_line {
    struct gpu_progress base;
    int fd;
    struct clock *clock;
    int64_t from_mono_ms;
    int columns; /* of the line on the screen now */
};

/* Without a terminal on `fd`, or on one that cannot go back in its line (TERM unset or "dumb"),
 * nothing is ever shown: then false, and the line is not to be used. */
bool gpu_progress_open(struct gpu_progress_line *l, int fd, struct clock *clock);

/* As gpu_progress_open(), whatever fd is. */
void gpu_progress_init(struct gpu_progress_line *l, int fd, struct clock *clock);
/* Take the line off the screen again. */
void gpu_progress_close(struct gpu_progress_line *l);

#endif
