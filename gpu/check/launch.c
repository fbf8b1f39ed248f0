/* How long it takes to start a kernel, from the moment the queue was empty to its end. */
#include <stdlib.h>

#include "gpu/compute.h"
#include "gpu/kernel/args.h"

#define LAUNCHES 1000
#define WARM_UP  50
#define PEER_SHARE \
    0.32 /* nobody publishes a limit: beyond three times the peers' is odd, ten bad */
#define MARK_FIRST  0x5eed0000u
#define LOST_ACTION "reset the GPU; if it comes back, have it replaced"

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static enum err_code launch_time(struct compute *c, struct cu_function *kernel,
                                 struct launch_mark_args args, double *seconds, struct err *e)
{
    struct compute_timer timer;
    enum err_code rc = compute_timer_begin(c, &timer, e);

    if (rc)
        return rc;
    rc = compute_launch(c, kernel, 1, 32, 0, &args, e);
    if (!rc)
        return compute_timer_end(c, &timer, seconds, e);
    compute_timer_release(c, &timer);
    return rc;
}

/* `seconds` has room for all; *mark is what the last kernel left. */
static enum err_code launches_time(struct compute *c, double *seconds, uint32_t *mark,
                                   struct err *e)
{
    struct launch_mark_args args = {.value = MARK_FIRST};
    struct cu_function *kernel = NULL;
    double ignored;
    uint64_t address = 0;
    enum err_code rc = compute_kernel(c, COMPUTE_MODULE_launch, "launch_mark", &kernel, e);

    if (!rc)
        rc = compute_take(c, sizeof *mark, &address, e);
    args.address = address;
    for (int i = 0; i < WARM_UP + LAUNCHES && !rc; i++) {
        args.value++;
        rc = launch_time(c, kernel, args, i < WARM_UP ? &ignored : &seconds[i - WARM_UP], e);
    }
    if (!rc)
        rc = compute_read(c, mark, address, sizeof *mark, e);
    compute_give(c, address);
    return rc;
}

static void launch_run(struct gpu_target *t, struct finding *f)
{
    double *seconds = calloc(LAUNCHES, sizeof *seconds);
    uint32_t mark = 0;
    struct err e;
    enum err_code rc;

    if (!seconds) {
        gpu_error(f, "out of memory");
        return;
    }
    rc = launches_time(t->compute, seconds, &mark, &e);
    qsort(seconds, LAUNCHES, sizeof *seconds, by_value);
    if (compute_answered(t, f, rc, &e)) {
        if (mark != MARK_FIRST + WARM_UP + LAUNCHES)
            gpu_fail(f, REMEDY_RESET, LOST_ACTION, "a kernel ran and its result is not there");
        else
            gpu_measured(t, f, seconds[LAUNCHES / 2] * 1e6, "us");
    }
    free(seconds);
}

const struct gpu_check gpu_check_launch_latency = {
    .name = "launch_latency",
    .help = "time to start a kernel, compared with GPUs of the same model",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .peer_share = PEER_SHARE,
    .higher_is_worse = true,
    .needs_compute = true,
    .run = launch_run,
};
