/* A machine with GPUs that are not there: the fake driver library with its script, a made-up
 * PCI bus, /proc, /dev and kernel log, and hourglass-gpu run on all of it. */
#ifndef TESTS_SUPPORT_FX_GPU_H
#define TESTS_SUPPORT_FX_GPU_H

#include "core/strbuf.h"
#include "model/report.h"

struct fx_gpu {
    const char *dir;
    char library[512], cuda[512], script[512], amd_library[512], amd_script[512];
    char sysfs[512], proc[512], dev[512], kmsg[512];
    struct strbuf out, errors; /* of the last run */
    int64_t uptime_seconds;    /* a day, unless a test turns it back */
    const char *tier;          /* "state" */
    const char *only;          /* --only; NULL: all checks of the tier */
    const char *deadline;      /* "8s", so that a slow machine is no hang */
    const char *variable;      /* "NAME=value" of the environment, or NULL */
    int code;                  /* its exit code; -1 when it did not exit */
    int64_t took_ms;
};

/* `gpu_count` GPUs on the bus, bound to the driver, as the fake library numbers them. */
void fx_gpu_init(struct fx_gpu *fx, int gpu_count);
void fx_gpu_release(struct fx_gpu *fx);

/* One more GPU on the bus; `driver` may be NULL. */
void fx_gpu_bus_add(struct fx_gpu *fx, const char *address, const char *driver);
/* The script of both fake libraries: tests/support/fake/nvml.c, fake/cuda/machine.h. */
void fx_gpu_script(struct fx_gpu *fx, const char *text);
/* `gpu_count` GPUs of AMD's on the bus as well, listed by a fake library with this script. */
void fx_gpu_amd(struct fx_gpu *fx, int gpu_count, const char *script);
/* One record of the kernel log, so many seconds ago. */
void fx_gpu_log(struct fx_gpu *fx, unsigned priority, int64_t seconds_ago, const char *text);
void fx_gpu_file(const char *path, const char *text);

/* Run with these arguments (NULL-terminated list) on the fake machine; returns the exit code. */
int fx_gpu_run(struct fx_gpu *fx, const char *verb, ...) __attribute__((sentinel));
/* `check -o json` of fx->tier, decoded. Caller releases with shape_release(&report_shape). */
int fx_gpu_check(struct fx_gpu *fx, struct report *out);

/* The finding of this check; fails the test when there is not exactly one. */
const struct finding *fx_gpu_finding(const struct report *r, const char *check, int64_t gpu_index);

#endif
