/* What hourglass-run tells itself inside the sandbox, where it is process 1: the document
 * on descriptor 3 that says what to start, and the messages on descriptor 4. */
#ifndef API_RUN_INSIDE_H
#define API_RUN_INSIDE_H

#include "core/json.h"
#include "model/job.h"

/* Descriptors that it finds open. */
#define INSIDE_FD_DOCUMENT 3
#define INSIDE_FD_CONTROL  4 /* a SOCK_SEQPACKET socket to the supervisor */
#define INSIDE_FD_LISTEN   5 /* instances: the login socket */
#define INSIDE_FD_OUT      6 /* jobs: standard output and error */
#define INSIDE_FD_ERRORS   7
#define INSIDE_FD_END      8

#define INSIDE_USER_ID     1000 /* what its user looks like from inside */
#define INSIDE_USER        "gpu"
#define INSIDE_HOME        "/home/gpu"
#define INSIDE_PROGRAM     "/run/hourglass-run"
#define INSIDE_ENV_MAX     (JOB_ENV_MAX + 16)

#define INSIDE_TASK_LIST(X)                                               \
    X(INSIDE_PROBE, "probe")       /* end at once: sandboxes work here */ \
    X(INSIDE_INSTANCE, "instance") /* answer logins until told to end */  \
    X(INSIDE_JOB, "job")           /* run the command */
enum inside_task {
#define X(id, name) id,
    INSIDE_TASK_LIST(X)
#undef X
};

struct inside {
    enum inside_task task;
    char *command;
    struct env_entry *env; /* all of it, in order; a later one replaces an earlier */
    size_t env_count;
    int64_t process_count_max;
};
extern const struct shape inside_shape;

enum inside_message_kind {
    INSIDE_UP = 1,   /* out: the sandbox stands, what was asked for is being started */
    INSIDE_ENDED,    /* out: the job's command ended; `status` as from waitpid() */
    INSIDE_TERMINATE /* in: TERM to everything */
};
struct inside_message {
    int32_t kind, status;
};

/* Be process 1 of the sandbox; never returns. */
_Noreturn void inside_main(void);

#endif
