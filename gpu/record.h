/* What a child process says to its parent: records of one size, each written at once.
 * Private to the runner. The parent believes none of it before record_next() has checked
 * it: the driver may have scribbled over the child's memory. */
#ifndef GPU_RECORD_H
#define GPU_RECORD_H

#include "gpu/check.h"

enum gpu_record_kind {
    RECORD_LOADED = 1, /* the library is there; the driver is being asked to start */
    RECORD_FAILED,     /* state, reason */
    RECORD_READY,      /* the driver started: its version and how many GPUs */
    RECORD_GPU,        /* one GPU's identity */
    RECORD_BEGIN,      /* check number `check` begins; only where somebody watches */
    RECORD_FINDING,    /* the answer of check number `check` */
};

struct gpu_record {
    uint32_t kind, check;
    union {
        struct {
            uint32_t state;
            char reason[TEXT_BYTES_MAX];
        } failed;
        struct {
            int64_t count;
            char version[SLUG_BYTES_MAX];
        } ready;
        struct gpu_info gpu;
        struct finding finding;
    } as;
};

/* Errors are the parent's to see: it finds the record missing. */
void gpu_record_send(int fd, const struct gpu_record *r);

/* The record at *at, which moves on; false at the end and at the first that cannot be. */
bool gpu_record_next(const struct strbuf *said, size_t *at, struct gpu_record *out);

#endif
