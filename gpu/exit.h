/* What the program's exit status says, in the words of who asked. */
#ifndef GPU_EXIT_H
#define GPU_EXIT_H

#include "model/report.h"

/* The default codes, the same for every verb. */
enum gpu_exit {
    GPU_EXIT_HEALTHY = 0,
    GPU_EXIT_UNHEALTHY = 1,
    GPU_EXIT_USAGE = 2,        /* of every scheme */
    GPU_EXIT_INCONCLUSIVE = 3, /* and: no driver */
    GPU_EXIT_DEGRADED = 4,
};

/* default: as above. nagios: 0 healthy, 1 degraded, 2 unhealthy, 3 inconclusive. npd (node problem
 * detector): 0 healthy or degraded, 1 unhealthy, 2 inconclusive. slurm (prolog): a node is drained
 * by any code but 0, so only unhealthy is 1. Strict: with npd, degraded is 1; with slurm, degraded
 * and inconclusive are. */
#define GPU_EXIT_SCHEME_LIST(X)     \
    X(GPU_EXITS_DEFAULT, "default") \
    X(GPU_EXITS_NAGIOS, "nagios")   \
    X(GPU_EXITS_NPD, "npd")         \
    X(GPU_EXITS_SLURM, "slurm")
enum gpu_exit_scheme {
#define X(id, name) id,
    GPU_EXIT_SCHEME_LIST(X)
#undef X
};
extern const char *const gpu_exit_scheme_names[];

int gpu_exit_code(enum gpu_exit_scheme scheme, enum verdict verdict, bool strict);

#endif
