/* The records of a spool directory and its lock. Knows how they are kept, not what an
 * engine or hourglass-run does with them. */
#include "model/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

const char *const spool_kind_names[] = {
#define X(id, name) name,
    SPOOL_KIND_LIST(X)
#undef X
        NULL};

const char *const spool_state_names[] = {
#define X(id, name) name,
    SPOOL_STATE_LIST(X)
#undef X
        NULL};

static const struct field spool_gpu_fields[] = {
    F_INT(struct spool_gpu, index, FIELD_REQUIRED, 0, 1 << 16, "Number of the slot."),
    F_INT(struct spool_gpu, device, FIELD_REQUIRED, -1, 1 << 16, "N of /dev/nvidiaN, or -1."),
    F_STRING(struct spool_gpu, label, 0, 0, 0, "Model, or \"virtual\"."),
    F_STRING(struct spool_gpu, uuid, FIELD_OMIT, 0, 0, "The driver's identifier."),
    F_BOOL(struct spool_gpu, is_virtual, 0, "True when there is no device behind it."),
};
SHAPE(spool_gpu_shape, struct spool_gpu, "SpoolGpu", "One GPU slot of an instance.",
      spool_gpu_fields);

static const struct field spool_spec_fields[] = {
    F_STRING(struct spool_spec, id, FIELD_REQUIRED, 1, 0, "The instance or job."),
    F_ENUM(struct spool_spec, kind, FIELD_REQUIRED, spool_kind_names, "Which of the two."),
    F_INT(struct spool_spec, generation, FIELD_REQUIRED, 1, INT64_MAX, "Which start this is."),
    F_TIME(struct spool_spec, created_at, FIELD_OMIT, "When the intent was written."),
    F_INT(struct spool_spec, grace_seconds, 0, 0, 1 << 20, "From TERM to KILL."),
    F_INT(struct spool_spec, user_id, FIELD_OMIT, 0, UINT32_MAX - 1, "Whom its processes run as."),
    F_INT(struct spool_spec, vcpu_count, FIELD_OMIT, 0, 1 << 16, "Processors."),
    F_INT(struct spool_spec, memory_gib, FIELD_OMIT, 0, 1 << 20, "Memory."),
    F_BOOL(struct spool_spec, network, FIELD_OMIT, "True when it may reach the network."),
    F_STRING(struct spool_spec, ssh_public_key, FIELD_OMIT, 0, 0, "Who may log in."),
    F_STRING(struct spool_spec, gpu_program, FIELD_OMIT, 0, 0, "The health gate."),
    F_LIST(struct spool_spec, gpus, gpu_count, FIELD_OMIT, &spool_gpu_shape, GPUS_PER_INSTANCE_MAX,
           "Its GPU slots."),
    F_ENUM(struct spool_spec, tier, FIELD_OMIT, tier_names, "How deep a check goes."),
    F_STRING(struct spool_spec, instance_id, FIELD_OMIT, 0, 0,
             "The instance a job or check is of."),
    F_TEXT(struct spool_spec, command, FIELD_OMIT, 0, JOB_COMMAND_BYTES_MAX,
           "What a job runs, given to /bin/sh -c."),
    F_LIST(struct spool_spec, env, env_count, FIELD_OMIT, &env_entry_shape, JOB_ENV_MAX,
           "A job's environment."),
    F_INT(struct spool_spec, time_limit_seconds, FIELD_OMIT, 0, INT32_MAX, "0: none."),
    F_INT(struct spool_spec, log_bytes_max, FIELD_OMIT, 0, INT64_MAX / 4, "Output that is kept."),
    F_BOOL(struct spool_spec, ends_instance, FIELD_OMIT, "Its instance ends with it."),
};
SHAPE(spool_spec_shape, struct spool_spec, "SpoolSpec", "What hourglass-run is to run.",
      spool_spec_fields);

static const struct field spool_status_fields[] = {
    F_INT(struct spool_status, generation, FIELD_REQUIRED, 1, INT64_MAX, "Which start this is."),
    F_ENUM(struct spool_status, state, 0, spool_state_names, "What it is doing."),
    F_TIME(struct spool_status, started_at, FIELD_OMIT, "When its sandbox was up."),
    F_TIME(struct spool_status, ready_at, FIELD_OMIT, "When the gate passed."),
    F_STRING(struct spool_status, limits, FIELD_OMIT, 0, 0, "What enforces its limits."),
    F_ENUM(struct spool_status, gate_tier, FIELD_OMIT, tier_names, "How deep the gate went."),
    F_ENUM(struct spool_status, gate_verdict, 0, verdict_names, "Verdict of the health gate."),
    F_STRING(struct spool_status, gate_summary, FIELD_OMIT, 0, 0, "Its summary."),
    F_BOOL(struct spool_status, gate_passed, 0, "True when it may be used."),
    F_STRINGS(struct spool_status, cgroups, cgroup_count, FIELD_OMIT, TEXT_BYTES_MAX,
              SPOOL_CGROUPS_MAX, "Control groups to remove with it, innermost first."),
};
SHAPE(spool_status_shape, struct spool_status, "SpoolStatus", "What hourglass-run is doing.",
      spool_status_fields);

static const struct field spool_end_fields[] = {
    F_INT(struct spool_end, generation, FIELD_REQUIRED, 1, INT64_MAX, "Which start this was."),
    F_ENUM(struct spool_end, reason, 0, job_reason_names, "Why it ended."),
    F_STRING(struct spool_end, detail, FIELD_OMIT, 0, 0, "The same as a sentence."),
    F_INT(struct spool_end, exit_code, 0, -1, 255, "-1 unless it exited."),
    F_INT(struct spool_end, signal, 0, 0, 128, "0: none."),
    F_TIME(struct spool_end, started_at, FIELD_OMIT, "When its sandbox was up."),
    F_TIME(struct spool_end, ended_at, FIELD_OMIT, "When the last of its processes was gone."),
    F_INT(struct spool_end, cpu_ms, 0, 0, INT64_MAX, "Processor time, user and system."),
    F_INT(struct spool_end, rss_bytes, 0, 0, INT64_MAX, "Of its largest process."),
    F_INT(struct spool_end, log_bytes, 0, 0, INT64_MAX, "Output kept."),
};
SHAPE(spool_end_shape, struct spool_end, "SpoolEnd", "How it ended.", spool_end_fields);

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define FD CLEANUP(fd_close) int

/* The descriptor, which is the caller's from now on. */
static int fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

enum err_code spool_path(char out[SPOOL_PATH_BYTES_MAX], const char *dir, const char *file,
                         struct err *e)
{
    int n = snprintf(out, SPOOL_PATH_BYTES_MAX, "%s/%s", dir, file);

    if (n < 0 || n >= SPOOL_PATH_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "the path '%s/…' is too long", dir);
    return ERR_OK;
}

/* A newer or older version may have written it, so much is forgiven (shape_read()), but not
 * that what is required is missing or senseless. */
static enum err_code required_check(const struct shape *s, const json_t *tree, struct err *e)
{
    for (size_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        const json_t *v = json_object_get(tree, f->name);
        bool ok = v != NULL;

        if (!(f->flags & FIELD_REQUIRED))
            continue;
        if (f->kind == FIELD_INT)
            ok = json_is_integer(v) && json_integer_value(v) >= f->min &&
                 json_integer_value(v) <= f->max;
        else if (f->kind == FIELD_ENUM)
            ok = json_is_string(v) && names_find(f->names, json_string_value(v)) >= 0;
        if (!ok)
            return err_set(e, ERR_INVALID, "'%s' is missing or makes no sense", f->name);
    }
    return ERR_OK;
}

enum err_code spool_load(const char *dir, const char *file, const struct shape *s, void *out,
                         struct err *e)
{
    STRBUF text;
    char path[SPOOL_PATH_BYTES_MAX];
    json_t *tree = NULL;
    enum err_code rc;

    strbuf_init(&text, SPOOL_FILE_BYTES_MAX);
    rc = spool_path(path, dir, file, e);
    if (!rc)
        rc = file_read(path, &text, e);
    if (rc)
        return rc;
    rc = json_parse(text.data, text.len, &tree, e);
    if (!rc)
        rc = required_check(s, tree, e);
    if (!rc)
        rc = shape_read(s, tree, out, e);
    json_decref(tree);
    return rc ? err_wrap(e, ERR_INVALID, "%s", file) : ERR_OK;
}

enum err_code spool_save(const char *dir, const char *file, const struct shape *s, const void *in,
                         struct err *e)
{
    STRBUF text;
    char path[SPOOL_PATH_BYTES_MAX];
    enum err_code rc = spool_path(path, dir, file, e);

    strbuf_init(&text, SPOOL_FILE_BYTES_MAX);
    if (rc)
        return rc;
    shape_encode(s, in, &text);
    strbuf_addc(&text, '\n');
    if (text.failed)
        return err_set(e, ERR_TOO_LARGE, "%s would be over %d bytes", file, SPOOL_FILE_BYTES_MAX);
    return file_write(path, text.data, text.len, 0600, e);
}

/* The holder's pid, or 0. */
static enum err_code lock_owner(int fd, int64_t *pid, struct err *e)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_GETLK, &lock) != 0)
        return err_set(e, ERR_IO, "cannot look at the lock: %m");
    *pid = lock.l_type == F_UNLCK ? 0 : lock.l_pid;
    return ERR_OK;
}

/* *fd is -1 when there is no lock file. */
static enum err_code lock_open(const char *dir, int *fd, struct err *e)
{
    char path[SPOOL_PATH_BYTES_MAX];
    enum err_code rc = spool_path(path, dir, SPOOL_LOCK, e);

    if (rc)
        return rc;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return err_set(e, ERR_IO, "cannot open '%s': %m", path);
    return ERR_OK;
}

enum err_code spool_owner(const char *dir, int64_t *pid, int64_t *alive_at_ms, struct err *e)
{
    FD fd = -1;
    struct stat st;
    enum err_code rc = lock_open(dir, &fd, e);

    if (rc)
        return rc;
    if (fd < 0) {
        *pid = 0;
        if (alive_at_ms)
            *alive_at_ms = 0;
        return ERR_OK;
    }
    if (fstat(fd, &st) != 0)
        return err_set(e, ERR_IO, "cannot look at the lock: %m");
    rc = lock_owner(fd, pid, e);
    if (!rc && alive_at_ms)
        *alive_at_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return rc;
}

enum err_code spool_owner_open(const char *dir, int *pidfd, struct err *e)
{
    FD fd = -1;
    FD opened = -1;
    int64_t pid = 0, again = 0;
    enum err_code rc = lock_open(dir, &fd, e);

    if (!rc && fd >= 0)
        rc = lock_owner(fd, &pid, e);
    if (rc)
        return rc;
    if (pid > 0) {
        opened = pidfd_open((pid_t)pid, 0);
        if (opened < 0 && errno != ESRCH)
            return err_set(e, ERR_IO, "cannot watch process %lld: %m", (long long)pid);
        /* It had this pid before and after, so the descriptor is of none other. */
        rc = lock_owner(fd, &again, e);
        if (rc)
            return rc;
    }
    *pidfd = pid > 0 && pid == again ? fd_take(&opened) : -1;
    return ERR_OK;
}

enum err_code spool_signal(const char *dir, int signal, bool *sent, struct err *e)
{
    FD pidfd = -1;
    enum err_code rc = spool_owner_open(dir, &pidfd, e);

    if (rc)
        return rc;
    if (pidfd >= 0 && pidfd_send_signal(pidfd, signal, NULL, 0) != 0 && errno != ESRCH)
        return err_set(e, ERR_IO, "cannot signal its supervisor: %m");
    *sent = pidfd >= 0;
    return ERR_OK;
}

enum err_code spool_lock(const char *dir, int *fd, struct err *e)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    FD opened = -1;
    char path[SPOOL_PATH_BYTES_MAX];
    enum err_code rc = spool_path(path, dir, SPOOL_LOCK, e);

    if (rc)
        return rc;
    opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (opened < 0)
        return err_set(e, ERR_IO, "cannot open '%s': %m", path);
    *fd = -1;
    if (fcntl(opened, F_SETLK, &lock) == 0) {
        *fd = fd_take(&opened);
    } else if (errno != EAGAIN && errno != EACCES) {
        return err_set(e, ERR_IO, "cannot lock '%s': %m", path);
    }
    return ERR_OK;
}
