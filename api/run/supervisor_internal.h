/* What the supervisor's files share: its state, and who does what. supervisor.c begins and
 * ends, supervisor_loop.c waits and reacts, supervisor_jobs.c speaks to an instance's jobs. */
#ifndef API_RUN_SUPERVISOR_INTERNAL_H
#define API_RUN_SUPERVISOR_INTERNAL_H

#include "api/run/gate.h"
#include "api/run/limits.h"
#include "api/run/output.h"
#include "api/run/sandbox.h"
#include "api/run/supervisor.h"
#include "core/clock.h"

#define TROUBLE_BYTES_MAX 1024

struct supervisor {
    char dir[SPOOL_PATH_BYTES_MAX];
    char root[SPOOL_PATH_BYTES_MAX];         /* where all spools are */
    char instance_dir[SPOOL_PATH_BYTES_MAX]; /* of a job's instance; else dir */
    struct spool_spec spec;
    struct spool_spec instance; /* a job's; else empty */
    struct spool_status status;
    struct limits limits;
    struct sandbox box;
    struct output output;
    struct strbuf trouble; /* what bubblewrap said */
    int lock_fd, signal_fd, out_fd, errors_fd;
    int instance_fd; /* a job's: pidfd of its instance's supervisor */
    int gate_fd;
    pid_t gate_pid;
    int jobs_fd; /* an instance's: epoll over pidfds of its jobs that are to end */
    size_t jobs_alive;

    bool is_up, is_stopping, is_killed;
    bool box_gone, children_gone;
    bool has_end; /* the command's own end was reported */
    int end_status;
    enum job_reason reason;
    char detail[TEXT_BYTES_MAX];
    int64_t started_at_ms;
    /* Monotonic; INT64_MAX: never. */
    int64_t up_by_ms, kill_at_ms, limit_at_ms, beat_at_ms, sweep_at_ms, done_by_ms;
};

static inline bool supervisor_is_job(const struct supervisor *s)
{
    return s->spec.kind == SPOOL_JOB;
}
static inline const struct spool_spec *supervisor_instance(const struct supervisor *s)
{
    return supervisor_is_job(s) ? &s->instance : &s->spec;
}
static inline int64_t mono_ms(void)
{
    return clock_mono_ms(clock_real());
}

/* Put its state on record. */
void supervisor_save(struct supervisor *s, enum spool_state state);

/* React until everything is gone. */
void supervisor_loop(struct supervisor *s);

/* Signal all jobs of the instance and count those alive. */
void supervisor_jobs_signal(struct supervisor *s, int signal);
/* Some of them have ended. */
void supervisor_jobs_reap(struct supervisor *s);

#endif
