/* bubblewrap's argument vector. */
#ifndef API_RUN_SANDBOX_ARGS_H
#define API_RUN_SANDBOX_ARGS_H

#include "model/spool.h"

#define SANDBOX_ARGS_MAX       384
#define SANDBOX_TEXT_BYTES_MAX 16384

/* What the sandbox is made of, by paths that its user can reach. */
struct sandbox_sources {
    char home[SPOOL_PATH_BYTES_MAX];
    char etc[SPOOL_PATH_BYTES_MAX];
    char program[SPOOL_PATH_BYTES_MAX]; /* hourglass-run */
};

/* Entries of `argv` are constants or live in `text`. */
struct sandbox_args {
    const char *argv[SANDBOX_ARGS_MAX]; /* NULL-terminated */
    size_t count;
    char text[SANDBOX_TEXT_BYTES_MAX];
    size_t text_len;
    bool failed; /* something did not fit */
};

void sandbox_args_make(struct sandbox_args *a, const struct spool_spec *instance,
                       const struct sandbox_sources *from);

#endif
