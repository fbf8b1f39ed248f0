/* The command line of hourglass-gpu, read into a struct. Prints nothing. */
#ifndef GPU_COMMAND_H
#define GPU_COMMAND_H

#include "gpu/check.h"
#include "gpu/exit.h"
#include "gpu/format.h"

enum gpu_verb { GPU_LIST, GPU_CHECK, GPU_CHECKS, GPU_SCHEMA, GPU_HELP, GPU_VERSION };

/* What `check` does with the figures of earlier runs. */
#define GPU_BASELINE_USE_LIST(X)  \
    X(GPU_BASELINE_UNUSED, "off") \
    X(GPU_BASELINE_SAVE, "save")  \
    X(GPU_BASELINE_COMPARE, "compare")
enum gpu_baseline_use {
#define X(id, name) id,
    GPU_BASELINE_USE_LIST(X)
#undef X
};

struct gpu_command {
    enum gpu_verb verb;
    enum tier tier;
    enum tier tier_of_only; /* the deepest that --only needs */
    enum gpu_format format;
    enum gpu_exit_scheme exits;
    enum gpu_audience audience; /* operator for root, else renter, unless told */
    enum gpu_baseline_use baseline;
    const char *baseline_file;  /* NULL: where programs keep their state */
    const char *floors_file;    /* NULL: only what is built in */
    const char *textfile;       /* Prometheus' text goes there as well; NULL: nowhere */
    struct gpu_options options; /* its texts point into argv */
};

/* Errors: ERR_INVALID with a sentence that says what to type instead. */
enum err_code gpu_command_read(int argc, char **argv, struct gpu_command *out,
                               struct err *e) MUST_CHECK;

/* --help. */
void gpu_help_text(struct strbuf *out);

#endif
