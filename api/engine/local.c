/* The engine `local`: opening, closing, listing, and how it starts hourglass-run. */
#include "api/engine/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"

#define RUN_MS_MAX     20000
#define SAID_BYTES_MAX 1024
#define LOCK_FILE      ".lock"
#define PROBE_PREFIX   ".probe-"
#define PROBE_MS_MAX   60000

enum err_code local_run(struct engine_local *el, const char *option, const char *dir, struct err *e)
{
    const char *argv[] = {el->run_program, option ? option : dir, option ? dir : NULL, NULL};
    STRBUF said;
    struct process p = {.argv = argv, .timeout_ms = RUN_MS_MAX, .errors = &said};
    int status = 0;
    enum err_code rc;

    strbuf_init(&said, SAID_BYTES_MAX);
    rc = process_run(&p, &status, e);
    if (rc)
        return err_wrap(e, ERR_ENGINE, "start hourglass-run");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ERR_OK;
    if (!said.len)
        return err_set(e, ERR_ENGINE, "hourglass-run ended without a word (status %d)", status);
    return err_set(e, ERR_ENGINE, "%.*s", (int)strcspn(said.data, "\n"), said.data);
}

void local_lock(struct engine_local *el)
{
    pthread_mutex_lock(&el->mutex);
    while (flock(el->lock_fd, LOCK_EX) != 0 && errno == EINTR)
        ;
}

void local_unlock(struct engine_local *el)
{
    flock(el->lock_fd, LOCK_UN);
    pthread_mutex_unlock(&el->mutex);
}

static enum err_code local_capacity(struct engine *en, struct engine_capacity *out, struct err *e)
{
    const struct engine_local *el = local_from(en);

    /* Found when it was opened; but programs and file systems go away. */
    if (access(el->run_program, X_OK) != 0)
        return err_set(e, ERR_ENGINE, "cannot run hourglass-run at '%s': %m", el->run_program);
    if (access(el->root, W_OK | X_OK) != 0)
        return err_set(e, ERR_ENGINE, "cannot write to '%s': %m", el->root);
    *out = el->capacity;
    return ERR_OK;
}

static enum err_code local_each(struct engine *en,
                                bool (*fn)(const char *id, bool is_job, void *ctx), void *ctx,
                                struct err *e)
{
    struct engine_local *el = local_from(en);
    DIR *dir = opendir(el->root);
    struct dirent *entry;
    bool more = true;

    if (!dir)
        return err_set(e, ERR_ENGINE, "cannot read '%s': %m", el->root);
    while (more && (entry = readdir(dir))) {
        bool is_job = id_is(ID_JOB, entry->d_name);

        if (is_job || id_is(ID_INSTANCE, entry->d_name))
            more = fn(entry->d_name, is_job, ctx);
    }
    closedir(dir);
    return ERR_OK;
}

static void local_close(struct engine *en)
{
    struct engine_local *el = local_from(en);

    if (el->root_fd >= 0)
        close(el->root_fd);
    if (el->lock_fd >= 0)
        close(el->lock_fd);
    pthread_mutex_destroy(&el->mutex);
    free(el->slots);
    free(el);
}

static const struct engine_ops local_ops = {
    .name = "local",
    .capacity = local_capacity,
    .provision = local_provision,
    .describe = local_describe,
    .stop = local_stop,
    .remove = local_remove,
    .job_start = local_job_start,
    .job_describe = local_job_describe,
    .job_cancel = local_job_cancel,
    .job_output = local_job_output,
    .job_watch = local_job_watch,
    .login_socket = local_login_socket,
    .check = local_check,
    .check_describe = local_check_describe,
    .check_remove = local_check_remove,
    .gate_report = local_gate_report,
    .node_list = local_node_list,
    .node_drain = local_node_drain,
    .node_resume = local_node_resume,
    .each = local_each,
    .close = local_close,
};

/* A trial's folder that is not that of a trial going on now. */
static bool is_old_probe(const char *path, const char *name)
{
    struct stat st;

    return strncmp(name, PROBE_PREFIX, sizeof PROBE_PREFIX - 1) == 0 && lstat(path, &st) == 0 &&
           (int64_t)st.st_mtime * 1000 < clock_now_ms(clock_real()) - PROBE_MS_MAX;
}

/* Go on with removals that a crash interrupted. */
static void trash_resume(struct engine_local *el)
{
    char path[SPOOL_PATH_BYTES_MAX], aside[SPOOL_PATH_BYTES_MAX];
    DIR *dir = opendir(el->root);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (spool_path(path, el->root, entry->d_name, NULL))
            continue;
        if (is_old_probe(path, entry->d_name) &&
            snprintf(aside, sizeof aside, "%s/" SPOOL_TRASH "%s", el->root, entry->d_name + 1) <
                (int)sizeof aside &&
            rename(path, aside) == 0)
            text_copy(path, sizeof path, aside);
        else if (strncmp(entry->d_name, SPOOL_TRASH, sizeof SPOOL_TRASH - 1) != 0)
            continue;
        /* What cannot be removed now is tried again at the next start. */
        if (local_run(el, "--remove", path, NULL))
            continue;
    }
    if (dir)
        closedir(dir);
}

static enum err_code paths_fill(struct engine_local *el, const struct engine_config *c,
                                struct err *e)
{
    char root[SPOOL_PATH_BYTES_MAX], real[PATH_MAX];
    enum err_code rc = spool_path(root, c->state_dir, local_ops.name, e);

    if (!rc)
        rc = dir_make(root, 0700, e);
    if (rc)
        return err_wrap(e, ERR_ENGINE, "make the spool");
    if (!realpath(root, real) || !text_copy(el->root, sizeof el->root, real))
        return err_set(e, ERR_ENGINE, "cannot use '%s' as spool: %m", root);
    if (!c->run_program || !realpath(c->run_program, real) ||
        !text_copy(el->run_program, sizeof el->run_program, real) || access(real, X_OK) != 0)
        return err_set(e, ERR_ENGINE, "cannot run hourglass-run at '%s': %m",
                       c->run_program ? c->run_program : "");
    /* Without it there are no real GPUs; that is no reason not to open. */
    if (c->gpu_program && realpath(c->gpu_program, real))
        text_copy(el->gpu_program, sizeof el->gpu_program, real);
    el->root_fd = open(el->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (el->root_fd >= 0)
        el->lock_fd = openat(el->root_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (el->lock_fd < 0)
        return err_set(e, ERR_ENGINE, "cannot open '%s': %m", el->root);
    return ERR_OK;
}

enum err_code engine_local_open(const struct engine_config *c, struct engine **out, struct err *e)
{
    struct engine_local *el = calloc(1, sizeof *el);
    enum err_code rc;

    if (!el)
        return err_set(e, ERR_INTERNAL, "out of memory");
    el->base.ops = &local_ops;
    el->clock = c->clock ? c->clock : clock_real();
    el->root_fd = el->lock_fd = -1;
    pthread_mutex_init(&el->mutex, NULL);
    rc = paths_fill(el, c, e);
    if (!rc)
        rc = local_run(el, "--probe", el->root, e);
    if (!rc)
        rc = local_slots_find(el, c->virtual_gpu_slots, e);
    if (!rc)
        rc = local_node_name(el, e);
    if (rc) {
        local_close(&el->base);
        return err_wrap(e, ERR_ENGINE, "engine local");
    }
    trash_resume(el);
    local_checks_trim(el);
    *out = &el->base;
    return ERR_OK;
}
