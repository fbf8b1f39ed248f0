/* Instances on this machine: intent into the spool, then hourglass-run. Every step may be
 * the last before a crash; the next call goes on from what it finds. */
#include "api/engine/local.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/file.h"

#define VCPUS_MAX         65536
#define MEMORY_GIB_MAX    (1 << 20)
#define GRACE_SECONDS_MAX (1 << 20)

/* One line of printable text, or nothing: it becomes a line of a file. */
static bool key_is_clean(const char *key)
{
    for (; *key; key++)
        if ((unsigned char)*key < ' ' || *key == 0x7f)
            return false;
    return true;
}

static enum err_code provision_check(const struct engine_provision *p, struct err *e)
{
    const char *key = p->ssh_public_key ? p->ssh_public_key : "";

    if (!id_is(ID_INSTANCE, p->instance_id))
        return err_set(e, ERR_INVALID, "'%.50s' is no id of an instance", p->instance_id);
    if (p->gpu_count < 0 || p->gpu_count > GPUS_PER_INSTANCE_MAX || p->vcpu_count < 0 ||
        p->vcpu_count > VCPUS_MAX || p->memory_gib < 0 || p->memory_gib > MEMORY_GIB_MAX ||
        p->grace_seconds < 0 || p->grace_seconds > GRACE_SECONDS_MAX)
        return err_set(e, ERR_INVALID, "the size of the instance is out of range");
    if (strlen(key) >= FIELD_BYTES(struct spool_spec, ssh_public_key) || !key_is_clean(key))
        return err_set(e, ERR_INVALID, "the SSH key is not one line of at most 1023 characters");
    return ERR_OK;
}

static void spec_fill(struct engine_local *el, const struct engine_provision *p,
                      struct spool_spec *spec)
{
    text_copy(spec->id, sizeof spec->id, p->instance_id);
    spec->kind = SPOOL_INSTANCE;
    spec->generation++;
    spec->created_at_ms = clock_now_ms(el->clock);
    spec->grace_seconds = p->grace_seconds;
    spec->vcpu_count = p->vcpu_count;
    spec->memory_gib = p->memory_gib;
    spec->network = p->network;
    text_copy(spec->ssh_public_key, sizeof spec->ssh_public_key,
              p->ssh_public_key ? p->ssh_public_key : "");
    text_copy(spec->gpu_program, sizeof spec->gpu_program, el->gpu_program);
}

/* The next generation of the spool, which may not be there yet. */
static enum err_code spool_prepare(struct engine_local *el, const struct engine_provision *p,
                                   struct local_view *v, struct err *e)
{
    char jobs[SPOOL_PATH_BYTES_MAX], end[SPOOL_PATH_BYTES_MAX];
    enum err_code rc;

    spec_fill(el, p, &v->spec);
    rc = local_allocate(el, p->gpu_count, &v->spec, e);
    if (!rc)
        rc = dir_make(v->dir, 0700, e);
    if (!rc)
        rc = spool_path(jobs, v->dir, SPOOL_JOBS, e);
    if (!rc)
        rc = dir_make(jobs, 0700, e);
    if (!rc)
        rc = spool_save(v->dir, SPOOL_SPEC, &spool_spec_shape, &v->spec, e);
    if (!rc)
        rc = spool_path(end, v->dir, SPOOL_END, e);
    /* It is of an earlier start by now; a damaged one cannot say so. */
    if (!rc)
        unlink(end);
    return rc;
}

static enum err_code provision_locked(struct engine_local *el, const struct engine_provision *p,
                                      struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(el, p->instance_id, &v, e);

    if (rc)
        return rc;
    switch (v.state) {
    case ENGINE_STARTING:
    case ENGINE_CHECKING:
    case ENGINE_READY:
        return ERR_OK;
    case ENGINE_STOPPING:
        return err_set(e, ERR_ENGINE, "%s is still stopping", p->instance_id);
    case ENGINE_FAILED:
        if (!v.has_spec)
            return err_set(e, ERR_ENGINE, "%s", v.detail);
        break;
    case ENGINE_ABSENT:
    case ENGINE_ENDED:
        break;
    }
    if (el->is_draining)
        return err_set(e, ERR_NO_STOCK, "no machine takes new instances now");
    if (p->gpu_count > 0)
        rc = local_checks_end(el, e);
    if (rc)
        return rc;
    /* What was prepared and never began is started as it is: a crash came between. */
    if (v.state != ENGINE_ABSENT || !v.has_spec)
        rc = spool_prepare(el, p, &v, e);
    return rc ? rc : local_run(el, NULL, v.dir, e);
}

enum err_code local_provision(struct engine *en, const struct engine_provision *p, struct err *e)
{
    struct engine_local *el = local_from(en);
    enum err_code rc = provision_check(p, e);

    if (rc)
        return rc;
    local_lock(el);
    rc = provision_locked(el, p, e);
    local_unlock(el);
    if (!rc)
        return ERR_OK;
    return err_wrap(e, rc == ERR_NO_STOCK ? rc : ERR_ENGINE, "provision %s", p->instance_id);
}

static void slots_copy(const struct spool_spec *spec, struct engine_instance *out)
{
    for (size_t i = 0; i < spec->gpu_count && i < GPUS_PER_INSTANCE_MAX; i++) {
        struct gpu_slot *slot = &out->slots[i];

        slot->index = spec->gpus[i].index;
        slot->is_virtual = spec->gpus[i].is_virtual;
        text_copy(slot->label, sizeof slot->label, spec->gpus[i].label);
        text_copy(slot->uuid, sizeof slot->uuid, spec->gpus[i].uuid);
        out->slot_count++;
    }
}

enum err_code local_describe(struct engine *en, const char *instance_id,
                             struct engine_instance *out, struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(local_from(en), instance_id, &v, e);

    if (rc)
        return rc;
    *out = (struct engine_instance){.state = v.state};
    text_copy(out->detail, sizeof out->detail, v.detail);
    text_copy(out->node, sizeof out->node, local_from(en)->node);
    if (v.has_status) {
        out->gate_tier = v.status.gate_tier;
        out->ready_at_ms = v.status.ready_at_ms;
        text_copy(out->limits, sizeof out->limits, v.status.limits);
        out->gate_verdict = v.status.gate_verdict;
        out->gate_passed = v.status.gate_passed;
        text_copy(out->gate_summary, sizeof out->gate_summary, v.status.gate_summary);
    }
    if (v.has_end)
        out->ended_at_ms = v.end.ended_at_ms;
    else if (v.state == ENGINE_FAILED)
        out->ended_at_ms = v.alive_at_ms; /* the last that is known of it */
    if (v.state != ENGINE_ABSENT)
        slots_copy(&v.spec, out);
    return ERR_OK;
}

/* Never begun: say that it ended, so that it never will. Should its supervisor have been on
 * its way, it reads that, or gets the signal. */
static enum err_code call_off(struct engine_local *el, struct local_view *v, struct err *e)
{
    int64_t now_ms = clock_now_ms(el->clock);
    struct spool_end end = {.generation = v->spec.generation,
                            .reason = JOB_REASON_BY_MEMBER,
                            .detail = "it was told to stop before it began",
                            .exit_code = -1,
                            .ended_at_ms = now_ms};

    return spool_save(v->dir, SPOOL_END, &spool_end_shape, &end, e);
}

enum err_code local_view_stop(struct engine_local *el, struct local_view *v, int signal,
                              struct err *e)
{
    bool sent;
    enum err_code rc = ERR_OK;

    if (!v->has_spec || v->state == ENGINE_ENDED || v->state == ENGINE_FAILED)
        return ERR_OK;
    if (v->state == ENGINE_ABSENT)
        rc = call_off(el, v, e);
    if (!rc)
        rc = spool_signal(v->dir, signal, &sent, e);
    return rc ? err_wrap(e, ERR_ENGINE, "stop %s", v->spec.id) : ERR_OK;
}

enum err_code local_stop(struct engine *en, const char *instance_id, bool now, struct err *e)
{
    struct engine_local *el = local_from(en);
    LOCAL_VIEW v;
    enum err_code rc;

    local_lock(el);
    rc = local_view_load(el, instance_id, &v, e);
    if (!rc)
        rc = local_view_stop(el, &v, now ? SPOOL_SIGNAL_NOW : SIGTERM, e);
    local_unlock(el);
    return rc;
}

/* The spools of jobs stay, with what they printed and how they ended; only none may run. */
static enum err_code job_check_over(struct engine_local *el, const char *job_id, struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(el, job_id, &v, e);

    if (rc)
        return rc;
    if (!local_view_is_over(&v))
        return err_set(e, ERR_CONFLICT, "its job %s is still %s", job_id,
                       engine_state_names[v.state]);
    return ERR_OK;
}

static enum err_code jobs_check_over(struct engine_local *el, const struct local_view *instance,
                                     struct err *e)
{
    char path[SPOOL_PATH_BYTES_MAX];
    struct dirent *entry;
    DIR *dir;
    enum err_code rc = spool_path(path, instance->dir, SPOOL_JOBS, e);

    if (rc)
        return err_wrap(e, ERR_ENGINE, "remove");
    dir = opendir(path);
    if (!dir && (errno == ENOENT || errno == ENOTDIR))
        return ERR_OK;
    if (!dir)
        return err_set(e, ERR_ENGINE, "cannot read '%s': %m", path);
    while (!rc && (entry = readdir(dir)))
        if (id_is(ID_JOB, entry->d_name))
            rc = job_check_over(el, entry->d_name, e);
    closedir(dir);
    return rc;
}

static enum err_code remove_locked(struct engine_local *el, const char *id, struct err *e)
{
    char aside[SPOOL_PATH_BYTES_MAX];
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(el, id, &v, e);

    if (rc)
        return rc;
    if (!local_view_is_over(&v))
        return err_set(e, ERR_CONFLICT, "%s is %s; stop it first", id, engine_state_names[v.state]);
    if (!v.dir[0] || access(v.dir, F_OK) != 0)
        return ERR_OK;
    rc = jobs_check_over(el, &v, e);
    if (rc)
        return rc;
    local_checks_forget(el, id);
    /* An id may come, go and come again before the first is all gone. */
    if (snprintf(aside, sizeof aside, "%s/" SPOOL_TRASH "%s-%lld", el->root, id,
                 (long long)clock_mono_ms(clock_real())) >= (int)sizeof aside)
        return err_set(e, ERR_ENGINE, "the path of %s is too long", id);
    /* Gone by one rename; what then takes time, or a crash interrupts, is only the disk. */
    if (rename(v.dir, aside) != 0)
        return err_set(e, ERR_ENGINE, "cannot put %s aside: %m", id);
    return local_run(el, "--remove", aside, e);
}

enum err_code local_remove(struct engine *en, const char *instance_id, struct err *e)
{
    struct engine_local *el = local_from(en);
    enum err_code rc;

    local_lock(el);
    rc = remove_locked(el, instance_id, e);
    local_unlock(el);
    return rc;
}

enum err_code local_login_socket(struct engine *en, const char *instance_id, char *path,
                                 size_t size, struct err *e)
{
    struct engine_local *el = local_from(en);
    struct sockaddr_un address;
    LOCAL_VIEW v;
    int n;
    enum err_code rc = local_view_load(el, instance_id, &v, e);

    if (rc)
        return rc;
    if (v.state == ENGINE_ABSENT)
        return err_set(e, ERR_NOT_FOUND, "there is no instance %s here", instance_id);
    if (v.state != ENGINE_READY)
        return err_set(e, ERR_CONFLICT, "the instance is %s", engine_state_names[v.state]);
    if (!v.spec.ssh_public_key[0])
        return err_set(e, ERR_CONFLICT, "the instance was made without an SSH key");
    n = snprintf(path, size, "%s/" SPOOL_SSH, v.dir);
    /* An address is shorter than a path may be; our own descriptor of the root is short. */
    if (n >= (int)sizeof address.sun_path)
        n = snprintf(path, size, "/proc/self/fd/%d/%s/" SPOOL_SSH, el->root_fd, instance_id);
    if (n < 0 || (size_t)n >= size)
        return err_set(e, ERR_ENGINE, "the path of its login socket is too long");
    return ERR_OK;
}
