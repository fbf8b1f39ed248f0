/* The command line of hourglass-gpu, read into a struct. Prints nothing. */
#ifndef GPU_COMMAND_H
#define GPU_COMMAND_H

#include "gpu/check.h"

enum gpu_verb { GPU_LIST, GPU_CHECK, GPU_CHECKS, GPU_HELP, GPU_VERSION };

/* Exit codes, the same for every verb. */
enum gpu_exit {
    GPU_EXIT_HEALTHY = 0,
    GPU_EXIT_UNHEALTHY = 1,
    GPU_EXIT_USAGE = 2,
    GPU_EXIT_INCONCLUSIVE = 3, /* and: no driver */
    GPU_EXIT_DEGRADED = 4,
};

struct gpu_command {
    enum gpu_verb verb;
    enum tier tier;
    bool json;
    struct gpu_options options; /* its texts point into argv */
};

/* Errors: ERR_INVALID with a sentence that says what to type instead. */
enum err_code gpu_command_read(int argc, char **argv, struct gpu_command *out,
                               struct err *e) MUST_CHECK;

/* --help. */
void gpu_help_text(struct strbuf *out);

enum gpu_exit gpu_exit_of(enum verdict verdict);

#endif
