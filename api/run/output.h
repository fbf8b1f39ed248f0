/* A job's output as it is kept: all bytes in order of arrival in `out`, and in `out.idx`
 * where the stream changes (model/spool.h). */
#ifndef API_RUN_OUTPUT_H
#define API_RUN_OUTPUT_H

#include "model/spool.h"

struct output {
    int out_fd, index_fd;
    int64_t bytes; /* kept */
    int64_t used;  /* kept, and what the index takes: what the quota is held against */
    int64_t bytes_max;
    int stream; /* of the last byte: 0 out, 1 errors, -1 none yet */
    bool is_full;
};

/* Caller owns *o. Errors: ERR_IO. */
enum err_code output_open(struct output *o, const char *dir, int64_t bytes_max,
                          struct err *e) MUST_CHECK;

/* Keep bytes, at most up to the quota: is_full then, and later bytes are dropped. A full
 * disk counts as a full quota. */
void output_add(struct output *o, bool from_errors, const void *bytes, size_t len);

/* Make it last, and close. */
void output_close(struct output *o);

#endif
