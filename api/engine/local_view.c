/* From the files of a spool and its lock to a state. The order of reading makes it right
 * while hourglass-run writes: its status, then whether it lives, then its end. Who is dead
 * by the second look has written its end before the third, or never will. */
#include "api/engine/local.h"

#define READS_MAX 5

void local_view_release(struct local_view *v)
{
    shape_release(&spool_spec_shape, &v->spec);
    shape_release(&spool_status_shape, &v->status);
    shape_release(&spool_end_shape, &v->end);
}

/* Damaged is a finding, not an error. */
static enum err_code load(struct local_view *v, const char *file, const struct shape *s, void *out,
                          bool *found, bool *damaged, struct err *e)
{
    struct err why;
    enum err_code rc;

    err_clear(&why);
    shape_release(s, out);
    rc = spool_load(v->dir, file, s, out, &why);
    *found = rc == ERR_OK;
    if (!rc || rc == ERR_NOT_FOUND)
        return ERR_OK;
    if (rc != ERR_INVALID && rc != ERR_TOO_LARGE)
        return err_set(e, ERR_ENGINE, "%s", why.msg);
    *damaged = true;
    snprintf(v->detail, sizeof v->detail, "its spool is damaged: %.200s", why.msg);
    return ERR_OK;
}

/* One reading. *again: an engine wrote a new generation meanwhile. */
static enum err_code view_read(struct local_view *v, int64_t *pid, bool *damaged, bool *again,
                               struct err *e)
{
    bool ignored = false;
    enum err_code rc;

    *damaged = *again = false;
    v->detail[0] = '\0';
    rc = load(v, SPOOL_SPEC, &spool_spec_shape, &v->spec, &v->has_spec, damaged, e);
    if (!rc)
        rc = load(v, SPOOL_STATUS, &spool_status_shape, &v->status, &v->has_status, &ignored, e);
    if (!rc && spool_owner(v->dir, pid, &v->alive_at_ms, e))
        rc = err_wrap(e, ERR_ENGINE, "look at the spool");
    if (!rc)
        rc = load(v, SPOOL_END, &spool_end_shape, &v->end, &v->has_end, damaged, e);
    if (rc)
        return rc;
    *again = v->status.generation > v->spec.generation || v->end.generation > v->spec.generation;
    v->has_status = v->has_status && v->status.generation == v->spec.generation;
    v->has_end = v->has_end && v->end.generation == v->spec.generation;
    return ERR_OK;
}

static enum engine_state state_running(const struct local_view *v)
{
    if (!v->has_status)
        return ENGINE_STARTING;
    switch (v->status.state) {
    case SPOOL_CHECKING:
        return ENGINE_CHECKING;
    case SPOOL_READY:
        return ENGINE_READY;
    case SPOOL_STOPPING:
        return ENGINE_STOPPING;
    case SPOOL_STARTING:
        break;
    }
    return ENGINE_STARTING;
}

static enum engine_state state_find(struct local_view *v, int64_t pid, bool damaged)
{
    if (v->has_end) {
        text_copy(v->detail, sizeof v->detail, v->end.detail);
        if (v->end.reason == JOB_REASON_ENGINE)
            return ENGINE_FAILED;
        /* What a job used too much ends the job; an instance it takes down. */
        return v->end.reason == JOB_REASON_MEMORY && v->spec.kind == SPOOL_INSTANCE ? ENGINE_FAILED
                                                                                    : ENGINE_ENDED;
    }
    if (damaged)
        return ENGINE_FAILED;
    if (!v->has_spec)
        return ENGINE_ABSENT;
    if (pid > 0)
        return state_running(v);
    if (!v->has_status)
        return ENGINE_ABSENT; /* its supervisor never began: it may still be started */
    text_copy(v->detail, sizeof v->detail, "its supervisor is gone");
    return ENGINE_FAILED;
}

enum err_code local_view_load(struct engine_local *el, const char *id, struct local_view *out,
                              struct err *e)
{
    bool damaged = false, again = true;
    int64_t pid = 0;
    enum err_code rc;

    *out = (struct local_view){.state = ENGINE_ABSENT};
    /* An id that is none is nowhere; it must not become part of a path either. */
    if (!id_is(ID_INSTANCE, id) && !id_is(ID_JOB, id) && !id_is(ID_REPORT, id))
        return ERR_OK;
    rc = spool_path(out->dir, el->root, id, e);
    for (int i = 0; !rc && again && i < READS_MAX; i++)
        rc = view_read(out, &pid, &damaged, &again, e);
    if (rc) {
        local_view_release(out);
        return err_wrap(e, ERR_ENGINE, "read the spool of %s", id);
    }
    if (out->has_spec && strcmp(out->spec.id, id) != 0) {
        damaged = true;
        out->has_spec = out->has_status = out->has_end = false;
        text_copy(out->detail, sizeof out->detail, "its spool is damaged: it is of another id");
    }
    out->state = state_find(out, pid, damaged);
    return ERR_OK;
}

bool local_view_is_over(const struct local_view *v)
{
    return v->state == ENGINE_ABSENT || v->state == ENGINE_ENDED || v->state == ENGINE_FAILED;
}
