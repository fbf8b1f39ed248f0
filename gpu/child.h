/* A killable piece of work: a forked process that talks back through a pipe and has until
 * a deadline. A driver call that hangs costs its process, never the program. */
#ifndef GPU_CHILD_H
#define GPU_CHILD_H

#include <sys/types.h>

#include "core/clock.h"
#include "core/strbuf.h"

struct gpu_child {
    pid_t pid;      /* 0: not running */
    bool listening; /* fd is open */
    int fd;
    struct strbuf said;
    /* Called whenever more was said; NULL: nobody listens before the end. Set after the start. */
    void (*heard)(struct gpu_child *c);
    void *heard_ctx; /* heard()'s own */
    bool timed_out;
    int status; /* as of waitpid(); -1 while unknown */
};

/* Runs in the child; writes to fd; returning ends the process. */
typedef void gpu_child_fn(int fd, void *ctx);

/* Fork. The child sees memory as it is now, has /dev/null for standard input, output and
 * error, and dies with its parent. Nothing may be buffered in stdio that must not appear
 * twice: the child leaves by _exit(). Errors: ERR_IO. */
enum err_code gpu_child_start(struct gpu_child *c, gpu_child_fn *fn, void *ctx,
                              struct err *e) MUST_CHECK;

/* Read what all of them say until each has ended or the clock's mono_ms reaches
 * `deadline_ms`; those still there are killed. Never blocks on a process that the kernel
 * cannot end. */
void gpu_children_wait(struct gpu_child *c, size_t count, struct clock *clock, int64_t deadline_ms);

/* Free what was said; kills a child that still runs. Accepts a zeroed struct. */
void gpu_child_release(struct gpu_child *c);

/* Why it ended without finishing, for a person: "killed by signal 11". Returns buf. */
const char *gpu_child_end(const struct gpu_child *c, char *buf, size_t size);

#endif
