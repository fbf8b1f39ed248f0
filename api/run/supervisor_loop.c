/* The supervisor's one loop: output, messages from the sandbox, signals, the gate, time. */
#include "api/run/supervisor_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"

#define READ_BYTES     65536
#define BEAT_MS        10000
#define GONE_MS_MAX    5000
#define SWEEP_MS       50
#define PIDS_BYTES_MAX 65536

enum {
    ON_SIGNAL,
    ON_CONTROL,
    ON_TROUBLE,
    ON_OUT,
    ON_ERRORS,
    ON_GATE,
    ON_INSTANCE,
    ON_JOBS,
    ON_COUNT
};

static void forget(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void gate_kill(struct supervisor *s)
{
    if (s->gate_pid > 0)
        kill(-s->gate_pid, SIGKILL);
    forget(&s->gate_fd);
}

/* A check has no sandbox: when its checker has ended, only what it leaves behind is left. */
static void check_over(struct supervisor *s)
{
    s->is_stopping = s->box_gone = true;
    s->limit_at_ms = INT64_MAX;
    s->sweep_at_ms = mono_ms();
}

/* TERM has had its time, or was not to be given any. */
static void supervisor_kill(struct supervisor *s)
{
    s->is_killed = true;
    s->kill_at_ms = INT64_MAX;
    gate_kill(s);
    supervisor_jobs_signal(s, SPOOL_SIGNAL_NOW);
    if (!s->box_gone && s->box.pid > 0)
        kill(s->box.pid, SIGKILL);
    if (s->spec.kind == SPOOL_CHECK)
        check_over(s);
}

/* Begin to end it, for the first reason given; `now`: without grace. */
static void supervisor_stop(struct supervisor *s, enum job_reason reason, bool now)
{
    struct inside_message m = {.kind = INSIDE_TERMINATE};

    if (!s->is_stopping) {
        s->is_stopping = true;
        s->reason = reason;
        s->limit_at_ms = INT64_MAX;
        s->kill_at_ms = mono_ms() + s->spec.grace_seconds * 1000;
        supervisor_save(s, SPOOL_STOPPING);
        gate_kill(s);
        supervisor_jobs_signal(s, now ? SPOOL_SIGNAL_NOW : SPOOL_SIGNAL_INSTANCE_ENDS);
        /* Before it is up nothing of the tenant's runs that could want a grace. */
        now = now || !s->is_up;
        if (!now && send(s->box.control_fd, &m, sizeof m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            now = errno != EAGAIN;
    }
    if (now && !s->is_killed)
        supervisor_kill(s);
}

/* At once, because something is broken: `e` says what. */
static void supervisor_fail(struct supervisor *s, const struct err *e)
{
    if (!s->is_stopping)
        text_copy(s->detail, sizeof s->detail, e->msg);
    supervisor_stop(s, JOB_REASON_ENGINE, true);
}

static void sandbox_up(struct supervisor *s)
{
    const struct spool_spec *spec = &s->spec;
    struct err e;

    s->is_up = true;
    s->up_by_ms = INT64_MAX;
    s->started_at_ms = s->status.started_at_ms = clock_now_ms(clock_real());
    if (s->is_stopping)
        return;
    if (supervisor_is_job(s)) {
        if (spec->time_limit_seconds > 0)
            s->limit_at_ms = mono_ms() + spec->time_limit_seconds * 1000;
        supervisor_save(s, SPOOL_READY);
        return;
    }
    supervisor_save(s, SPOOL_CHECKING);
    err_clear(&e);
    if (gate_start(s->dir, spec, &s->gate_pid, &s->gate_fd, &e))
        supervisor_fail(s, &e);
}

static void gate_done(struct supervisor *s)
{
    struct gate_result result;
    ssize_t n = read(s->gate_fd, &result, sizeof result);

    if (n < 0 && errno == EINTR)
        return;
    forget(&s->gate_fd);
    if (n != sizeof result) {
        result = (struct gate_result){.tier = gate_tier(&s->spec),
                                      .verdict = VERDICT_INCONCLUSIVE,
                                      .summary = "the health check was ended by force"};
        result.passed = gate_passes(result.verdict, &s->spec);
    }
    s->status.gate_tier = result.tier;
    s->status.gate_verdict = result.verdict;
    text_copy(s->status.gate_summary, sizeof s->status.gate_summary, result.summary);
    s->status.gate_passed = result.passed;
    if (result.passed)
        s->status.ready_at_ms = clock_now_ms(clock_real());
    supervisor_save(s, SPOOL_READY);
    if (s->spec.kind == SPOOL_CHECK && !s->is_stopping) {
        s->has_end = true; /* the verdict is in the report, not in an exit status */
        s->reason = JOB_REASON_EXITED;
        check_over(s);
    }
}

static void control_read(struct supervisor *s)
{
    struct inside_message m;
    ssize_t n = recv(s->box.control_fd, &m, sizeof m, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != sizeof m) {
        forget(&s->box.control_fd);
    } else if (m.kind == INSIDE_UP) {
        sandbox_up(s);
    } else if (m.kind == INSIDE_ENDED) {
        s->has_end = true;
        s->end_status = m.status;
    }
}

static void trouble_read(struct supervisor *s)
{
    char bytes[TROUBLE_BYTES_MAX];
    ssize_t n = read(s->box.trouble_fd, bytes, sizeof bytes);
    size_t room = s->trouble.len_max - s->trouble.len;

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0)
        forget(&s->box.trouble_fd);
    else
        strbuf_add(&s->trouble, bytes, (size_t)n < room ? (size_t)n : room);
}

static void output_read(struct supervisor *s, int *fd, bool from_errors)
{
    char bytes[READ_BYTES];
    ssize_t n = read(*fd, bytes, sizeof bytes);

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        forget(fd);
        return;
    }
    output_add(&s->output, from_errors, bytes, (size_t)n);
    if (s->output.is_full)
        supervisor_stop(s, JOB_REASON_LOG_QUOTA, false);
}

static void reap(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == s->gate_pid)
            s->gate_pid = -1;
        if (pid != s->box.pid)
            continue;
        s->box_gone = true;
        s->sweep_at_ms = mono_ms();
        if (s->is_stopping)
            continue;
        /* Nobody asked for it: a job that ended, or a sandbox that broke. The reason is
         * found when all it said was read. */
        s->is_stopping = true;
        s->limit_at_ms = INT64_MAX;
        supervisor_kill(s);
    }
    s->children_gone = pid < 0 && errno == ECHILD;
}

static void signals_read(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            reap(s);
        else if (info.ssi_signo == SIGTERM)
            supervisor_stop(s, JOB_REASON_BY_MEMBER, false);
        else
            supervisor_stop(s,
                            supervisor_is_job(s) ? JOB_REASON_INSTANCE_ENDED : JOB_REASON_BY_MEMBER,
                            info.ssi_signo == SPOOL_SIGNAL_NOW);
    }
}

/* Say that we live. Without a spool nobody could know of what runs here, stop it or pay for
 * it: then it ends. */
static void beat(struct supervisor *s, int64_t now_ms)
{
    struct stat st;
    struct err e;

    s->beat_at_ms = now_ms + BEAT_MS;
    futimens(s->lock_fd, NULL);
    if (fstat(s->lock_fd, &st) != 0 || st.st_nlink > 0)
        return;
    err_set(&e, ERR_NOT_FOUND, "its spool was removed");
    supervisor_fail(s, &e);
}

/* With bubblewrap gone, whatever became our child must go too: process 1 of the sandbox, or
 * what was to become it. */
static void sweep(struct supervisor *s, int64_t now_ms)
{
    char path[64];
    STRBUF pids;

    s->sweep_at_ms = s->children_gone ? INT64_MAX : now_ms + SWEEP_MS;
    strbuf_init(&pids, PIDS_BYTES_MAX);
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    if (s->children_gone || file_read(path, &pids, NULL))
        return;
    for (char *p = pids.data, *end; *p; p = end) {
        long pid = strtol(p, &end, 10);

        if (end == p)
            break;
        if (pid > 0)
            kill((pid_t)pid, SIGKILL);
        end += *end == ' ';
    }
}

static void times_check(struct supervisor *s)
{
    int64_t now_ms = mono_ms();
    struct err e;

    if (now_ms >= s->up_by_ms) {
        s->up_by_ms = INT64_MAX;
        err_set(&e, ERR_TIMEOUT, "the sandbox did not come up in time");
        supervisor_fail(s, &e);
    }
    if (now_ms >= s->limit_at_ms)
        supervisor_stop(s, JOB_REASON_TIME_LIMIT, false);
    if (now_ms >= s->kill_at_ms)
        supervisor_kill(s);
    /* From here on it is only a matter of the kernel's and the supervisors' own work. */
    if (s->box_gone && s->done_by_ms == INT64_MAX && (s->jobs_alive == 0 || s->is_killed))
        s->done_by_ms = now_ms + GONE_MS_MAX;
    if (now_ms >= s->sweep_at_ms)
        sweep(s, now_ms);
    if (now_ms >= s->beat_at_ms)
        beat(s, now_ms);
}

static int wait_ms(const struct supervisor *s)
{
    const int64_t at_ms[] = {s->up_by_ms,   s->limit_at_ms, s->kill_at_ms,
                             s->beat_at_ms, s->sweep_at_ms, s->done_by_ms};
    int64_t next_ms = INT64_MAX, left_ms;

    for (size_t i = 0; i < ARRAY_SIZE(at_ms); i++)
        if (at_ms[i] < next_ms)
            next_ms = at_ms[i];
    left_ms = next_ms - mono_ms();
    return left_ms < 0 ? 0 : left_ms > BEAT_MS ? BEAT_MS : (int)left_ms;
}

/* Everything that ran is gone and everything it wrote is kept. A descriptor that got out of
 * the sandbox cannot hold up the end for long. */
static bool is_done(const struct supervisor *s)
{
    if (!s->box_gone)
        return false;
    if (mono_ms() >= s->done_by_ms)
        return true;
    return s->children_gone && s->jobs_alive == 0 && s->out_fd < 0 && s->errors_fd < 0 &&
           s->box.control_fd < 0 && s->box.trouble_fd < 0;
}

static void react(struct supervisor *s, const struct pollfd *fds)
{
    /* What was said before what ended. */
    if (fds[ON_CONTROL].revents)
        control_read(s);
    if (fds[ON_TROUBLE].revents)
        trouble_read(s);
    if (fds[ON_OUT].revents)
        output_read(s, &s->out_fd, false);
    if (fds[ON_ERRORS].revents)
        output_read(s, &s->errors_fd, true);
    if (fds[ON_GATE].revents && s->gate_fd >= 0)
        gate_done(s);
    if (fds[ON_INSTANCE].revents) {
        forget(&s->instance_fd);
        supervisor_stop(s, JOB_REASON_INSTANCE_ENDED, true);
    }
    if (fds[ON_JOBS].revents)
        supervisor_jobs_reap(s);
    if (fds[ON_SIGNAL].revents)
        signals_read(s);
}

void supervisor_loop(struct supervisor *s)
{
    while (!is_done(s)) {
        struct pollfd fds[ON_COUNT] = {
            [ON_SIGNAL] = {s->signal_fd, POLLIN, 0},
            [ON_CONTROL] = {s->box.control_fd, POLLIN, 0},
            [ON_TROUBLE] = {s->box.trouble_fd, POLLIN, 0},
            [ON_OUT] = {s->out_fd, POLLIN, 0},
            [ON_ERRORS] = {s->errors_fd, POLLIN, 0},
            [ON_GATE] = {s->gate_fd, POLLIN, 0},
            [ON_INSTANCE] = {s->instance_fd, POLLIN, 0},
            [ON_JOBS] = {s->jobs_fd, POLLIN, 0},
        };

        if (poll(fds, ON_COUNT, wait_ms(s)) > 0)
            react(s, fds);
        times_check(s);
    }
}
