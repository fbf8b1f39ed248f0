/* The spool directory of one instance, job or check: the border between an engine, which writes
 * the intent, and hourglass-run, which writes what became of it. Every file is written
 * whole and renamed into place; every record names the generation (start) it belongs to,
 * so that a record of an earlier start is never taken for one of the present.
 *
 *   spec.json    what to run; by the engine, before anything else
 *   lock         a POSIX lock on it is held while hourglass-run lives; its time of change is
 *                the last moment at which that was seen alive
 *   status.json  what it is doing; by hourglass-run
 *   end.json     how it ended; by hourglass-run, once, last
 *   report.json  what the health gate or the check found (instances, checks)
 *   out out.idx  output in order of arrival, and which stream its parts are (jobs)
 *   ssh          the socket that answers as sshd (instances)
 *   home/ etc/   what the sandbox sees of it (instances)
 *   jobs/        one empty file per job of an instance, named by its id */
#ifndef MODEL_SPOOL_H
#define MODEL_SPOOL_H

#include <signal.h>

#include "core/json.h"
#include "model/instance.h"
#include "model/job.h"

#define SPOOL_SPEC           "spec.json"
#define SPOOL_LOCK           "lock"
#define SPOOL_STATUS         "status.json"
#define SPOOL_END            "end.json"
#define SPOOL_REPORT         "report.json"
#define SPOOL_OUT            "out"
#define SPOOL_INDEX          "out.idx"
#define SPOOL_SSH            "ssh"
#define SPOOL_HOME           "home"
#define SPOOL_ETC            "etc"
#define SPOOL_JOBS           "jobs"
#define SPOOL_TRASH          ".trash-" /* prefix of what is being removed */

#define SPOOL_PATH_BYTES_MAX 1024
#define SPOOL_FILE_BYTES_MAX (4 * 1024 * 1024)
#define SPOOL_CGROUPS_MAX    8
/* Where hourglass-run is started by root, each instance runs as a user id of its own from
 * this range, which neither Debian nor systemd nor subordinate ids use. */
#define SPOOL_USER_ID_MIN   1778384896
#define SPOOL_USER_ID_COUNT 65536

/* Signals that hourglass-run obeys besides SIGTERM, which ends it with grace. */
#define SPOOL_SIGNAL_INSTANCE_ENDS SIGUSR1 /* with grace, because its instance ends */
#define SPOOL_SIGNAL_NOW           SIGUSR2 /* at once */

#define SPOOL_KIND_LIST(X)        \
    X(SPOOL_INSTANCE, "instance") \
    X(SPOOL_JOB, "job")           \
    X(SPOOL_CHECK, "check")
enum spool_kind {
#define X(id, name) id,
    SPOOL_KIND_LIST(X)
#undef X
};
extern const char *const spool_kind_names[];

/* One GPU slot as the sandbox needs it. */
struct spool_gpu {
    int64_t index;
    int64_t device; /* N of /dev/nvidiaN; -1 for virtual */
    char label[NAME_BYTES_MAX];
    char uuid[64];
    bool is_virtual;
};

struct spool_spec {
    char id[ID_MAX];
    enum spool_kind kind;
    int64_t generation; /* 1 at first, one more at each start */
    int64_t created_at_ms;
    int64_t grace_seconds; /* from TERM to KILL */
    /* instances */
    int64_t user_id; /* on this machine that its processes run as; 0: the caller's own */
    int64_t vcpu_count, memory_gib;
    bool network;
    char ssh_public_key[1024];
    char gpu_program[SPOOL_PATH_BYTES_MAX]; /* the health gate */
    struct spool_gpu *gpus;
    size_t gpu_count;
    /* checks; they have GPUs and a program too, and an instance unless their node is idle */
    enum tier tier;
    /* jobs */
    char instance_id[ID_MAX];
    char *command;
    struct env_entry *env;
    size_t env_count;
    int64_t time_limit_seconds;
    int64_t log_bytes_max;
    bool ends_instance; /* its instance ends with it */
};

#define SPOOL_STATE_LIST(X)       \
    X(SPOOL_STARTING, "starting") \
    X(SPOOL_CHECKING, "checking") \
    X(SPOOL_READY, "ready")       \
    X(SPOOL_STOPPING, "stopping")
enum spool_state {
#define X(id, name) id,
    SPOOL_STATE_LIST(X)
#undef X
};
extern const char *const spool_state_names[];

struct spool_status {
    int64_t generation;
    enum spool_state state;
    int64_t started_at_ms;
    int64_t ready_at_ms; /* the gate passed; 0: not yet, or it did not */
    char limits[SLUG_BYTES_MAX];
    enum tier gate_tier; /* of the gate, or of the check */
    enum verdict gate_verdict;
    char gate_summary[TEXT_BYTES_MAX];
    bool gate_passed;
    char (*cgroups)[TEXT_BYTES_MAX]; /* to remove with it, innermost first */
    size_t cgroup_count;
};

struct spool_end {
    int64_t generation;
    enum job_reason reason;
    char detail[TEXT_BYTES_MAX]; /* a sentence */
    int64_t exit_code;           /* -1 unless it exited */
    int64_t signal;              /* 0: none */
    int64_t started_at_ms, ended_at_ms;
    int64_t cpu_ms;
    int64_t rss_bytes; /* of its largest process */
    int64_t log_bytes;
};

extern const struct shape spool_gpu_shape, spool_spec_shape, spool_status_shape, spool_end_shape;

/* out.idx: one record where the stream changes, in order of offset; a part reaches to the
 * next record or to the end of `out`. Written before the bytes that it speaks of. */
struct spool_part {
    uint64_t offset_and_stream; /* offset * 2, + 1 for standard error; little-endian */
};

/* Read `<dir>/<file>` into the zeroed struct `out`; the caller releases it with its shape.
 * What a newer version added is ignored. Texts may have any characters.
 * Errors: ERR_NOT_FOUND; ERR_INVALID what is wrong with it; ERR_IO. */
enum err_code spool_load(const char *dir, const char *file, const struct shape *s, void *out,
                         struct err *e) MUST_CHECK;
/* Write it whole, durably. Errors: ERR_IO, ERR_TOO_LARGE. */
enum err_code spool_save(const char *dir, const char *file, const struct shape *s, const void *in,
                         struct err *e) MUST_CHECK;

/* "<dir>/<file>". Errors: ERR_LIMIT the path is too long. */
enum err_code spool_path(char out[SPOOL_PATH_BYTES_MAX], const char *dir, const char *file,
                         struct err *e) MUST_CHECK;

/* Who holds the lock: the pid of hourglass-run, 0 when nobody does. `alive_at_ms` (may be
 * NULL) gets the last moment at which it was seen alive, 0 when it never ran. Takes
 * nothing. Must not be called by the holder itself: closing the file would drop its lock.
 * Errors: ERR_IO. */
enum err_code spool_owner(const char *dir, int64_t *pid, int64_t *alive_at_ms,
                          struct err *e) MUST_CHECK;

/* A pidfd of the holder, or -1 when nobody holds it: to wait for its end, or to signal it
 * and never another process that has its pid by then. Caller closes it. Errors: ERR_IO. */
enum err_code spool_owner_open(const char *dir, int *pidfd, struct err *e) MUST_CHECK;

/* Signal the holder; *sent is false when nobody holds the lock. Errors: ERR_IO. */
enum err_code spool_signal(const char *dir, int signal, bool *sent, struct err *e) MUST_CHECK;

/* Take the lock and hold it until *fd is closed or the process ends. *fd is -1 when
 * another process holds it. Errors: ERR_IO. */
enum err_code spool_lock(const char *dir, int *fd, struct err *e) MUST_CHECK;

#endif
