/* Jobs on this machine: each in a spool and under a hourglass-run of its own, named in its
 * instance's spool before anything else, so that the instance finds it. */
#include "api/engine/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

#define GRACE_SECONDS_MAX (1 << 20)

static enum err_code start_check(const struct engine_job_start *j, struct err *e)
{
    if (!id_is(ID_JOB, j->job_id))
        return err_set(e, ERR_INVALID, "'%.50s' is no id of a job", j->job_id);
    if (!j->command || strlen(j->command) > JOB_COMMAND_BYTES_MAX || j->env_count > JOB_ENV_MAX)
        return err_set(e, ERR_INVALID, "the command or the environment is too large");
    if (j->time_limit_seconds < 0 || j->time_limit_seconds > INT32_MAX || j->grace_seconds < 0 ||
        j->grace_seconds > GRACE_SECONDS_MAX || j->log_bytes_max < 0 ||
        j->log_bytes_max > INT64_MAX / 4)
        return err_set(e, ERR_INVALID, "a limit of the job is out of range");
    return ERR_OK;
}

/* An empty file whose name is the job's id. */
static enum err_code job_name(const struct local_view *instance, const char *job_id, struct err *e)
{
    char path[SPOOL_PATH_BYTES_MAX];
    int fd;

    if (snprintf(path, sizeof path, "%s/" SPOOL_JOBS "/%s", instance->dir, job_id) >=
        (int)sizeof path)
        return err_set(e, ERR_ENGINE, "the path of %s is too long", job_id);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(e, ERR_ENGINE, "cannot make '%s': %m", path);
    close(fd);
    return ERR_OK;
}

static enum err_code spool_prepare(struct engine_local *el, const struct engine_job_start *j,
                                   const char *dir, struct err *e)
{
    /* Borrowed for the time of the call, and only read. */
    struct spool_spec spec = {.kind = SPOOL_JOB,
                              .generation = 1,
                              .created_at_ms = clock_now_ms(el->clock),
                              .grace_seconds = j->grace_seconds,
                              .command = (char *)(uintptr_t)j->command,
                              .env = (struct env_entry *)(uintptr_t)j->env,
                              .env_count = j->env_count,
                              .time_limit_seconds = j->time_limit_seconds,
                              .log_bytes_max = j->log_bytes_max,
                              .ends_instance = j->ends_instance};
    enum err_code rc;

    text_copy(spec.id, sizeof spec.id, j->job_id);
    text_copy(spec.instance_id, sizeof spec.instance_id, j->instance_id);
    rc = dir_make(dir, 0700, e);
    return rc ? rc : spool_save(dir, SPOOL_SPEC, &spool_spec_shape, &spec, e);
}

static enum err_code instance_check(const struct local_view *instance, const char *id,
                                    struct err *e)
{
    if (instance->state == ENGINE_ABSENT || instance->spec.kind != SPOOL_INSTANCE)
        return err_set(e, ERR_NOT_FOUND, "there is no instance %s here", id);
    if (instance->state != ENGINE_READY)
        return err_set(e, ERR_CONFLICT, "instance %s is %s", id,
                       engine_state_names[instance->state]);
    if (!instance->status.gate_passed)
        return err_set(e, ERR_CONFLICT, "instance %s did not pass its health check", id);
    return ERR_OK;
}

static enum err_code start_locked(struct engine_local *el, const struct engine_job_start *j,
                                  struct err *e)
{
    LOCAL_VIEW instance;
    LOCAL_VIEW v = {.state = ENGINE_ABSENT};
    enum err_code rc = local_view_load(el, j->instance_id, &instance, e);

    if (!rc)
        rc = local_view_load(el, j->job_id, &v, e);
    if (rc)
        return rc;
    /* It runs, or ran: once is enough, whatever the instance is by now. */
    if (v.state != ENGINE_ABSENT)
        return v.has_spec && strcmp(v.spec.instance_id, j->instance_id) != 0
                   ? err_set(e, ERR_CONFLICT, "%s was started on %s", j->job_id, v.spec.instance_id)
                   : ERR_OK;
    rc = instance_check(&instance, j->instance_id, e);
    if (!rc)
        rc = job_name(&instance, j->job_id, e);
    if (!rc)
        rc = spool_prepare(el, j, v.dir, e);
    return rc ? rc : local_run(el, NULL, v.dir, e);
}

enum err_code local_job_start(struct engine *en, const struct engine_job_start *j, struct err *e)
{
    struct engine_local *el = local_from(en);
    enum err_code rc = start_check(j, e);

    if (rc)
        return rc;
    local_lock(el);
    rc = start_locked(el, j, e);
    local_unlock(el);
    if (!rc)
        return ERR_OK;
    return err_wrap(e, rc == ERR_NOT_FOUND || rc == ERR_CONFLICT ? rc : ERR_ENGINE, "start %s",
                    j->job_id);
}

static int64_t log_bytes(const struct local_view *v)
{
    char path[SPOOL_PATH_BYTES_MAX];
    struct stat st;

    if (v->has_end)
        return v->end.log_bytes;
    return !spool_path(path, v->dir, SPOOL_OUT, NULL) && stat(path, &st) == 0 ? st.st_size : 0;
}

enum err_code local_job_describe(struct engine *en, const char *job_id, struct engine_job *out,
                                 struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(local_from(en), job_id, &v, e);

    if (rc)
        return rc;
    *out = (struct engine_job){.state = v.state, .exit_code = -1};
    text_copy(out->detail, sizeof out->detail, v.detail);
    if (v.state == ENGINE_ABSENT)
        return ERR_OK;
    out->log_bytes = log_bytes(&v);
    if (v.has_status)
        out->started_at_ms = v.status.started_at_ms;
    if (v.has_end) {
        out->started_at_ms = v.end.started_at_ms;
        out->ended_at_ms = v.end.ended_at_ms;
        out->exit_code = v.end.exit_code;
        out->signal = v.end.signal;
        out->reason = v.end.reason;
    } else if (v.state == ENGINE_FAILED) {
        out->reason = JOB_REASON_LOST;
        out->ended_at_ms = v.alive_at_ms;
    }
    return ERR_OK;
}

enum err_code local_job_cancel(struct engine *en, const char *job_id, struct err *e)
{
    struct engine_local *el = local_from(en);
    LOCAL_VIEW v;
    enum err_code rc;

    local_lock(el);
    rc = local_view_load(el, job_id, &v, e);
    if (!rc)
        rc = local_view_stop(el, &v, SIGTERM, e);
    local_unlock(el);
    return rc;
}

int local_job_watch(struct engine *en, const char *job_id)
{
    char dir[SPOOL_PATH_BYTES_MAX];
    int fd;

    if (!id_is(ID_JOB, job_id) || spool_path(dir, local_from(en)->root, job_id, NULL))
        return -1;
    fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0)
        return -1;
    if (inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE) >= 0)
        return fd;
    close(fd);
    return -1;
}
