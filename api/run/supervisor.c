/* The first and the last of a supervisor's steps: claim the spool, prepare what the sandbox
 * needs, start it; in the end write down how it ended. In between see supervisor_loop.c. */
#include "api/run/supervisor_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/run/instance_files.h"
#include "core/id.h"
#include "core/text.h"

#define UP_MS_MAX          20000
#define LOCK_TRIES         200
#define LOCK_PAUSE_NS      10000000
#define PROCESSES_BASE     1024
#define PROCESSES_PER_VCPU 512
#define LOG_BYTES_DEFAULT  (64LL * 1024 * 1024)

static void supervisor_free(struct supervisor *s)
{
    int *fds[] = {&s->lock_fd,   &s->signal_fd,   &s->out_fd,
                  &s->errors_fd, &s->instance_fd, &s->box.control_fd,
                  &s->gate_fd,   &s->jobs_fd,     &s->box.trouble_fd};

    if (!s)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        if (*fds[i] >= 0)
            close(*fds[i]);
    shape_release(&spool_spec_shape, &s->spec);
    shape_release(&spool_spec_shape, &s->instance);
    shape_release(&spool_status_shape, &s->status);
    strbuf_release(&s->trouble);
    free(s);
}

static struct supervisor *supervisor_new(const char *dir)
{
    struct supervisor *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->lock_fd = s->signal_fd = s->out_fd = s->errors_fd = s->instance_fd = s->gate_fd = -1;
    s->jobs_fd = s->box.control_fd = s->box.trouble_fd = -1;
    s->output.out_fd = s->output.index_fd = -1;
    s->up_by_ms = s->kill_at_ms = s->limit_at_ms = INT64_MAX;
    s->sweep_at_ms = s->done_by_ms = INT64_MAX;
    strbuf_init(&s->trouble, TROUBLE_BYTES_MAX);
    text_copy(s->dir, sizeof s->dir, dir);
    text_copy(s->instance_dir, sizeof s->instance_dir, dir);
    text_copy(s->root, sizeof s->root, dir);
    if (strrchr(s->root, '/'))
        *strrchr(s->root, '/') = '\0';
    return s;
}

void supervisor_save(struct supervisor *s, enum spool_state state)
{
    s->status.state = state;
    /* What cannot be told now is told by the end, or by the lock that is free then. */
    if (spool_save(s->dir, SPOOL_STATUS, &spool_status_shape, &s->status, NULL))
        return;
}

/* True when this generation has run, runs, or was called off. Errors: as spool_load(). */
static enum err_code spec_read(struct supervisor *s, bool *over, struct err *e)
{
    struct spool_status status = {.generation = 0};
    struct spool_end end = {.generation = 0};
    enum err_code rc;

    shape_release(&spool_spec_shape, &s->spec);
    rc = spool_load(s->dir, SPOOL_SPEC, &spool_spec_shape, &s->spec, e);
    if (rc)
        return rc;
    *over = (!spool_load(s->dir, SPOOL_STATUS, &spool_status_shape, &status, NULL) &&
             status.generation == s->spec.generation) ||
            (!spool_load(s->dir, SPOOL_END, &spool_end_shape, &end, NULL) &&
             end.generation == s->spec.generation);
    shape_release(&spool_status_shape, &status);
    shape_release(&spool_end_shape, &end);
    return ERR_OK;
}

/* An earlier start may be in the last moment of its end: that is worth a wait. */
static enum err_code lock_take(struct supervisor *s, bool *over, struct err *e)
{
    const struct timespec pause = {0, LOCK_PAUSE_NS};
    enum err_code rc;

    for (int i = 0; i < LOCK_TRIES; i++) {
        rc = spec_read(s, over, e);
        if (rc || *over)
            return rc;
        rc = spool_lock(s->dir, &s->lock_fd, e);
        if (rc)
            return rc;
        if (s->lock_fd >= 0)
            return spec_read(s, over, e); /* it may have run and ended since we looked */
        nanosleep(&pause, NULL);
    }
    return err_set(e, ERR_BUSY, "another hourglass-run holds '%s'", s->dir);
}

enum err_code supervisor_claim(const char *dir, struct supervisor **out, struct err *e)
{
    struct supervisor *s = supervisor_new(dir);
    bool over = false;
    enum err_code rc;

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = lock_take(s, &over, e);
    if (!rc && !over) {
        s->status.generation = s->spec.generation;
        s->status.state = SPOOL_STARTING;
        rc = spool_save(dir, SPOOL_STATUS, &spool_status_shape, &s->status, e);
    }
    if (rc || over) {
        supervisor_free(s);
        s = NULL;
    }
    if (!rc)
        *out = s;
    return rc;
}

static int64_t process_count_max(const struct supervisor *s)
{
    return PROCESSES_BASE + PROCESSES_PER_VCPU * supervisor_instance(s)->vcpu_count;
}

static void limits_prepare(struct supervisor *s)
{
    struct limits_want want = {.instance_id = supervisor_instance(s)->id,
                               .leaf = s->spec.id,
                               .vcpu_count = supervisor_instance(s)->vcpu_count,
                               .memory_gib = supervisor_instance(s)->memory_gib,
                               .process_count_max = process_count_max(s)};

    limits_make(&limits_place_real, &want, &s->limits);
    limits_try(&s->limits);
    text_copy(s->status.limits, sizeof s->status.limits, s->limits.kind);
    s->status.cgroups = calloc(SPOOL_CGROUPS_MAX, sizeof *s->status.cgroups);
    for (size_t i = 0; s->status.cgroups && i < s->limits.group_count; i++)
        text_copy(s->status.cgroups[s->status.cgroup_count++], TEXT_BYTES_MAX, s->limits.groups[i]);
}

/* A job lives with its instance: find it, and be told when it goes. */
static enum err_code instance_find(struct supervisor *s, struct err *e)
{
    enum err_code rc;

    if (!id_is(ID_INSTANCE, s->spec.instance_id))
        return err_set(e, ERR_INVALID, "'%s' is no instance", s->spec.instance_id);
    rc = spool_path(s->instance_dir, s->root, s->spec.instance_id, e);
    if (!rc)
        rc = spool_load(s->instance_dir, SPOOL_SPEC, &spool_spec_shape, &s->instance, e);
    if (!rc)
        rc = spool_owner_open(s->instance_dir, &s->instance_fd, e);
    if (rc || s->instance_fd >= 0)
        return rc;
    s->reason = JOB_REASON_INSTANCE_ENDED;
    return err_set(e, ERR_CONFLICT, "its instance is not running");
}

/* pipes: out read, out write, errors read, errors write. */
static enum err_code job_prepare(struct supervisor *s, int pipes[4], struct err *e)
{
    int64_t log_bytes_max = s->spec.log_bytes_max ? s->spec.log_bytes_max : LOG_BYTES_DEFAULT;
    enum err_code rc = instance_find(s, e);

    if (!rc)
        rc = output_open(&s->output, s->dir, log_bytes_max, e);
    if (rc)
        return rc;
    if (pipe2(pipes, O_CLOEXEC) != 0 || pipe2(pipes + 2, O_CLOEXEC) != 0)
        return err_set(e, ERR_IO, "cannot make a pipe: %m");
    return ERR_OK;
}

static void env_add(struct inside *in, const char *name, char *value)
{
    struct env_entry *entry = &in->env[in->env_count];

    if (in->env_count == INSIDE_ENV_MAX)
        return;
    text_copy(entry->name, sizeof entry->name, name);
    entry->value = value;
    in->env_count++;
}

/* What every sandbox is told, then what the job wants, which counts more. `texts` keep the
 * values that were made here. */
static void env_fill(struct supervisor *s, struct inside *in, struct strbuf texts[2])
{
    static char path[] = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
    static char home[] = INSIDE_HOME, user[] = INSIDE_USER, shell[] = "/bin/bash";
    static char lang[] = "C.UTF-8";

    gpu_indexes_write(supervisor_instance(s), &texts[0]);
    gpu_devices_write(supervisor_instance(s), &texts[1]);
    env_add(in, "PATH", path);
    env_add(in, "HOME", home);
    env_add(in, "USER", user);
    env_add(in, "LOGNAME", user);
    env_add(in, "SHELL", shell);
    env_add(in, "LANG", lang);
    env_add(in, "HOURGLASS_GPUS", texts[0].data);
    env_add(in, "CUDA_VISIBLE_DEVICES", texts[1].data);
    env_add(in, "HOURGLASS_INSTANCE", supervisor_is_job(s) ? s->instance.id : s->spec.id);
    if (supervisor_is_job(s))
        env_add(in, "HOURGLASS_JOB", s->spec.id);
    for (size_t i = 0; i < s->spec.env_count; i++)
        env_add(in, s->spec.env[i].name, s->spec.env[i].value);
}

static enum err_code box_start(struct supervisor *s, int listen_fd, const int pipes[4],
                               struct err *e)
{
    struct env_entry env[INSIDE_ENV_MAX];
    struct inside inside = {.task = supervisor_is_job(s) ? INSIDE_JOB : INSIDE_INSTANCE,
                            .command = s->spec.command,
                            .env = env,
                            .process_count_max = process_count_max(s)};
    struct sandbox_plan plan = {.instance = supervisor_instance(s),
                                .instance_dir = s->instance_dir,
                                .limits = &s->limits,
                                .inside = &inside,
                                .listen_fd = listen_fd,
                                .out_fd = pipes[1],
                                .errors_fd = pipes[3]};
    struct strbuf texts[2];
    enum err_code rc;

    strbuf_init(&texts[0], TEXT_BYTES_MAX * 16);
    strbuf_init(&texts[1], TEXT_BYTES_MAX * 32);
    env_fill(s, &inside, texts);
    rc = sandbox_start(&plan, &s->box, e);
    strbuf_release(&texts[0]);
    strbuf_release(&texts[1]);
    return rc;
}

/* No sandbox: the checker runs beside that of its instance, or alone on an idle node. */
static enum err_code check_start(struct supervisor *s, struct err *e)
{
    enum err_code rc = s->spec.instance_id[0] ? instance_find(s, e) : ERR_OK;

    if (rc)
        return rc;
    s->started_at_ms = s->status.started_at_ms = clock_now_ms(clock_real());
    supervisor_save(s, SPOOL_CHECKING);
    return gate_start(s->dir, &s->spec, &s->gate_pid, &s->gate_fd, e);
}

static enum err_code supervisor_start(struct supervisor *s, struct err *e)
{
    int pipes[4] = {-1, -1, -1, -1};
    int listen_fd = -1;
    enum err_code rc;

    if (s->spec.kind == SPOOL_CHECK)
        return check_start(s, e);
    if (supervisor_is_job(s))
        rc = job_prepare(s, pipes, e);
    else
        rc = instance_files_make(s->dir, &s->spec, e);
    if (!rc && !supervisor_is_job(s) && s->spec.ssh_public_key[0])
        rc = login_listen(s->dir, &listen_fd, e);
    if (!rc) {
        limits_prepare(s);
        supervisor_save(s, SPOOL_STARTING); /* so that its groups are known, whatever comes */
        rc = box_start(s, listen_fd, pipes, e);
    }
    s->out_fd = pipes[0];
    s->errors_fd = pipes[2];
    if (pipes[1] >= 0)
        close(pipes[1]);
    if (pipes[3] >= 0)
        close(pipes[3]);
    if (listen_fd >= 0)
        close(listen_fd);
    s->up_by_ms = mono_ms() + UP_MS_MAX;
    return rc;
}

/* All that can be asked of us comes as a signal, and none may be lost: main() blocked them. */
static enum err_code signals_open(struct supervisor *s, struct err *e)
{
    static const int wanted[] = {SIGCHLD, SIGTERM, SPOOL_SIGNAL_INSTANCE_ENDS, SPOOL_SIGNAL_NOW};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
        sigaddset(&set, wanted[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    /* What loses its parent in the sandbox's fall is waited for here. */
    if (s->signal_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return err_set(e, ERR_IO, "cannot receive signals: %m");
    return ERR_OK;
}

static void detail_set(struct supervisor *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void detail_set(struct supervisor *s, const char *fmt, ...)
{
    va_list ap;

    if (s->detail[0])
        return;
    va_start(ap, fmt);
    vsnprintf(s->detail, sizeof s->detail, fmt, ap);
    va_end(ap);
}

/* Nobody asked for this end. */
static void reason_find(struct supervisor *s)
{
    if (s->has_end)
        s->reason = WIFSIGNALED(s->end_status) ? JOB_REASON_SIGNAL : JOB_REASON_EXITED;
    else
        s->reason = JOB_REASON_ENGINE;
    if (s->has_end && WIFEXITED(s->end_status) && WEXITSTATUS(s->end_status) == 0)
        return;
    if (limits_memory_kills(&s->limits) > 0)
        s->reason = JOB_REASON_MEMORY;
    if (s->reason == JOB_REASON_ENGINE && !s->is_up) {
        s->trouble.data[strcspn(s->trouble.data, "\n")] = '\0';
        detail_set(s, "the sandbox did not come up: %.200s",
                   s->trouble.data[0] ? s->trouble.data : "it gave no reason");
    }
    if (s->reason == JOB_REASON_ENGINE)
        detail_set(s, "the sandbox was ended by force");
}

static void detail_find(struct supervisor *s, const struct spool_end *end)
{
    const char *what = s->spec.kind == SPOOL_CHECK ? "the check"
                       : supervisor_is_job(s)      ? "the job"
                                                   : "the instance";

    switch (s->reason) {
    case JOB_REASON_EXITED:
        detail_set(s, "the command ended with exit code %lld", (long long)end->exit_code);
        break;
    case JOB_REASON_SIGNAL:
        detail_set(s, "the command was ended by signal %lld", (long long)end->signal);
        break;
    case JOB_REASON_TIME_LIMIT:
        detail_set(s, "it ran for its time limit of %lld s", (long long)s->spec.time_limit_seconds);
        break;
    case JOB_REASON_MEMORY:
        detail_set(s, "%s used more than its %lld GiB of memory", what,
                   (long long)supervisor_instance(s)->memory_gib);
        break;
    case JOB_REASON_LOG_QUOTA:
        detail_set(s, "it wrote more output than the %lld bytes that are kept",
                   (long long)s->output.bytes_max);
        break;
    case JOB_REASON_BY_MEMBER:
        detail_set(s, "%s was told to stop", what);
        break;
    case JOB_REASON_INSTANCE_ENDED:
        detail_set(s, "its instance ended");
        break;
    case JOB_REASON_ENGINE:
    case JOB_REASON_NONE:
    case JOB_REASON_WAITING:
    case JOB_REASON_INSTANCE_FAILED:
    case JOB_REASON_LOST:
        detail_set(s, "it was ended by a failure");
        break;
    }
}

static void end_fill(struct supervisor *s, struct spool_end *end)
{
    struct rusage use = {.ru_maxrss = 0};
    STRBUF detail;

    strbuf_init(&detail, TEXT_BYTES_MAX * 4);
    *end = (struct spool_end){.generation = s->spec.generation,
                              .exit_code = -1,
                              .started_at_ms = s->started_at_ms,
                              .ended_at_ms = clock_now_ms(clock_real()),
                              .log_bytes = s->output.bytes};
    getrusage(RUSAGE_CHILDREN, &use);
    end->cpu_ms = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
                  (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
    end->rss_bytes = (int64_t)use.ru_maxrss * 1024;
    if (s->has_end && WIFEXITED(s->end_status))
        end->exit_code = WEXITSTATUS(s->end_status);
    else if (s->has_end && WIFSIGNALED(s->end_status))
        end->signal = WTERMSIG(s->end_status);
    else if (supervisor_is_job(s) && s->is_up)
        end->signal = SIGKILL;
    if (s->reason == JOB_REASON_NONE)
        reason_find(s);
    detail_find(s, end);
    end->reason = s->reason;
    text_clean(&detail, s->detail, strlen(s->detail), TEXT_ONE_LINE);
    text_copy(end->detail, sizeof end->detail, detail.data);
}

/* An instance that was made for this job costs from here on for nothing. Should this signal be
 * lost, whoever made the instance ends it as soon as it reads of the job's end. */
static void instance_end(const struct supervisor *s)
{
    char dir[SPOOL_PATH_BYTES_MAX];
    bool sent;

    if (!s->spec.ends_instance || spool_path(dir, s->root, s->spec.instance_id, NULL))
        return;
    if (spool_signal(dir, SIGTERM, &sent, NULL))
        return; /* it is gone already */
}

/* The end is written last: who reads it may take the spool for its own at once. */
static int supervisor_finish(struct supervisor *s)
{
    struct spool_end end;
    char path[SPOOL_PATH_BYTES_MAX];
    enum err_code rc;

    end_fill(s, &end);
    output_close(&s->output);
    limits_remove(&s->limits, !supervisor_is_job(s));
    if (!spool_path(path, s->dir, SPOOL_SSH, NULL))
        unlink(path);
    rc = spool_save(s->dir, SPOOL_END, &spool_end_shape, &end, NULL);
    instance_end(s);
    supervisor_free(s);
    return rc ? 1 : 0;
}

int supervisor_run(struct supervisor *s)
{
    struct err e;
    enum err_code rc;

    err_clear(&e);
    rc = signals_open(s, &e);
    if (!rc)
        rc = supervisor_start(s, &e);
    if (!rc) {
        supervisor_loop(s);
    } else {
        if (s->reason == JOB_REASON_NONE)
            s->reason = JOB_REASON_ENGINE;
        text_copy(s->detail, sizeof s->detail, e.msg);
    }
    return supervisor_finish(s);
}
