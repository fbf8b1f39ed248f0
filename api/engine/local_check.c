/* Checks and the node of the engine `local`: a check has a spool of its own, named by its id, with
 * a hourglass-run that runs the checker; this machine is the one node. */
#include "api/engine/local.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"

#define NODE_FILE         ".node"
#define CHECK_KEEP_MS     (24LL * 3600 * 1000)
#define CHECK_GRACE_LEAST 1 /* a check has nothing to save */

/* --- the node ---------------------------------------------------------------------------- */

enum err_code local_node_name(struct engine_local *el, struct err *e)
{
    char path[SPOOL_PATH_BYTES_MAX], host[NAME_BYTES_MAX] = "";
    STRBUF text;
    enum err_code rc = spool_path(path, el->root, NODE_FILE, e);

    strbuf_init(&text, NAME_BYTES_MAX);
    if (!rc && !file_read(path, &text, NULL) && text.len > 0) {
        text.data[strcspn(text.data, "\n")] = '\0';
        text_copy(el->node, sizeof el->node, text.data);
        return ERR_OK;
    }
    /* A longer name is cut and then not terminated. */
    if (gethostname(host, sizeof host - 1) != 0 || !host[0])
        text_copy(host, sizeof host, "local");
    strbuf_reset(&text);
    text_clean(&text, host, strlen(host), TEXT_ONE_LINE);
    text_copy(el->node, sizeof el->node, text.data);
    if (!rc)
        rc = file_write(path, el->node, strlen(el->node), 0600, e);
    return rc ? err_wrap(e, ERR_ENGINE, "write down the name of this machine") : ERR_OK;
}

enum err_code local_node_list(struct engine *en, struct engine_node **out, size_t *count,
                              struct err *e)
{
    struct engine_local *el = local_from(en);
    struct engine_node *n = calloc(1, sizeof *n);

    if (!n)
        return err_set(e, ERR_ENGINE, "out of memory");
    text_copy(n->name, sizeof n->name, el->node);
    n->gpu_count = el->capacity.gpu_slots;
    n->is_virtual = el->capacity.gpus_are_virtual;
    local_lock(el);
    n->is_draining = el->is_draining;
    local_unlock(el);
    *out = n;
    *count = 1;
    return ERR_OK;
}

static enum err_code node_set(struct engine *en, const char *node, bool is_draining, struct err *e)
{
    struct engine_local *el = local_from(en);

    if (strcmp(node, el->node) != 0)
        return err_set(e, ERR_NOT_FOUND, "there is no node '%.60s' here", node);
    local_lock(el);
    el->is_draining = is_draining;
    local_unlock(el);
    return ERR_OK;
}

enum err_code local_node_drain(struct engine *en, const char *node, const char *reason,
                               struct err *e)
{
    UNUSED(reason); /* whoever asked remembers it */
    return node_set(en, node, true, e);
}

enum err_code local_node_resume(struct engine *en, const char *node, struct err *e)
{
    return node_set(en, node, false, e);
}

/* --- beginning --------------------------------------------------------------------------- */

/* Call fn with the view of every spool of this kind; errors end the walk. */
static enum err_code views_each(struct engine_local *el, enum id_kind kind,
                                enum err_code (*fn)(struct engine_local *el, struct local_view *v,
                                                    void *ctx, struct err *e),
                                void *ctx, struct err *e)
{
    DIR *dir = opendir(el->root);
    struct dirent *entry;
    enum err_code rc = ERR_OK;

    if (!dir)
        return err_set(e, ERR_ENGINE, "cannot read '%s': %m", el->root);
    while (!rc && (entry = readdir(dir))) {
        LOCAL_VIEW v = {.state = ENGINE_ABSENT};

        if (!id_is(kind, entry->d_name))
            continue;
        rc = local_view_load(el, entry->d_name, &v, e);
        if (!rc)
            rc = fn(el, &v, ctx, e);
    }
    closedir(dir);
    return rc;
}

static enum err_code idle_check(struct engine_local *el, struct local_view *v, void *ctx,
                                struct err *e)
{
    UNUSED(el);
    UNUSED(ctx);
    if (v->spec.gpu_count == 0 || v->state == ENGINE_ENDED || v->state == ENGINE_FAILED)
        return ERR_OK;
    return err_set(e, ERR_CONFLICT, "the node is not idle: %s is on it", v->spec.id);
}

static enum err_code gpus_copy(const struct spool_gpu *gpus, size_t count, struct spool_spec *spec,
                               struct err *e)
{
    spec->gpus = calloc(count ? count : 1, sizeof *spec->gpus);
    if (!spec->gpus)
        return err_set(e, ERR_ENGINE, "out of memory");
    for (size_t i = 0; i < count; i++)
        spec->gpus[spec->gpu_count++] = gpus[i];
    return ERR_OK;
}

static enum err_code idle_fill(struct engine_local *el, const struct engine_check *c,
                               struct spool_spec *spec, struct err *e)
{
    size_t count = el->slot_count < GPUS_PER_INSTANCE_MAX ? el->slot_count : GPUS_PER_INSTANCE_MAX;
    enum err_code rc;

    if (strcmp(c->node, el->node) != 0)
        return err_set(e, ERR_NOT_FOUND, "there is no node '%.60s' here", c->node);
    if (el->capacity.gpus_are_virtual || !count)
        return err_set(e, ERR_CONFLICT, "%s has no physical GPU", el->node);
    rc = views_each(el, ID_INSTANCE, idle_check, NULL, e);
    return rc ? rc : gpus_copy(el->slots, count, spec, e);
}

static enum err_code instance_fill(struct engine_local *el, const struct engine_check *c,
                                   struct spool_spec *spec, struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(el, c->instance_id, &v, e);

    if (rc)
        return rc;
    if (v.state == ENGINE_ABSENT)
        return err_set(e, ERR_NOT_FOUND, "there is no instance %s here", c->instance_id);
    if (v.state != ENGINE_READY || !v.status.gate_passed)
        return err_set(e, ERR_CONFLICT, "the instance is %s", engine_state_names[v.state]);
    text_copy(spec->instance_id, sizeof spec->instance_id, c->instance_id);
    return gpus_copy(v.spec.gpus, v.spec.gpu_count, spec, e);
}

static enum err_code check_prepare(struct engine_local *el, const struct engine_check *c,
                                   struct local_view *v, struct err *e)
{
    struct spool_spec *spec = &v->spec;
    enum err_code rc;

    shape_release(&spool_spec_shape, spec);
    text_copy(spec->id, sizeof spec->id, c->check_id);
    spec->kind = SPOOL_CHECK;
    spec->generation = 1;
    spec->created_at_ms = clock_now_ms(el->clock);
    spec->grace_seconds = CHECK_GRACE_LEAST;
    spec->tier = c->tier;
    text_copy(spec->gpu_program, sizeof spec->gpu_program, el->gpu_program);
    rc = c->instance_id[0] ? instance_fill(el, c, spec, e) : idle_fill(el, c, spec, e);
    if (!rc)
        rc = dir_make(v->dir, 0700, e);
    return rc ? rc : spool_save(v->dir, SPOOL_SPEC, &spool_spec_shape, spec, e);
}

static enum err_code check_locked(struct engine_local *el, const struct engine_check *c,
                                  struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(el, c->check_id, &v, e);

    if (!rc && v.state != ENGINE_ABSENT)
        return ERR_OK; /* it runs, or did */
    if (!rc && !v.has_spec)
        rc = check_prepare(el, c, &v, e);
    return rc ? rc : local_run(el, NULL, v.dir, e);
}

enum err_code local_check(struct engine *en, const struct engine_check *c, struct err *e)
{
    struct engine_local *el = local_from(en);
    enum err_code rc;

    if (!id_is(ID_REPORT, c->check_id))
        return err_set(e, ERR_INVALID, "'%.50s' is no id of a check", c->check_id);
    local_lock(el);
    rc = check_locked(el, c, e);
    local_unlock(el);
    if (!rc || rc == ERR_NOT_FOUND || rc == ERR_CONFLICT)
        return rc;
    return err_wrap(e, ERR_ENGINE, "check %s", c->check_id);
}

/* --- what became of it ------------------------------------------------------------------- */

/* What the checker left, or where it left nothing what hourglass-run made of that. */
static enum err_code report_load(const struct local_view *v, struct report *out, struct err *e)
{
    struct report r = {.verdict = VERDICT_NONE};
    struct err why;

    err_clear(&why);
    if (!spool_load(v->dir, SPOOL_REPORT, &report_shape, &r, &why)) {
        *out = r;
        return ERR_OK;
    }
    shape_release(&report_shape, &r);
    return err_set(e, why.code == ERR_NOT_FOUND ? ERR_NOT_FOUND : ERR_ENGINE, "%s", why.msg);
}

static void report_of_status(const struct local_view *v, struct report *out)
{
    *out = (struct report){.tier = v->status.gate_tier,
                           .verdict = v->status.gate_verdict,
                           .started_at_ms = v->status.started_at_ms,
                           .ended_at_ms = v->end.ended_at_ms};
    text_copy(out->summary, sizeof out->summary, v->status.gate_summary);
}

enum err_code local_check_describe(struct engine *en, const char *check_id,
                                   struct engine_check_state *out, struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(local_from(en), check_id, &v, e);

    if (rc)
        return rc;
    *out = (struct engine_check_state){.state = v.state};
    text_copy(out->detail, sizeof out->detail, v.detail);
    if (v.state == ENGINE_ENDED &&
        (v.end.reason != JOB_REASON_EXITED || v.status.gate_verdict == VERDICT_NONE))
        out->state = ENGINE_FAILED;
    else if (v.state == ENGINE_ENDED && report_load(&v, &out->report, NULL))
        report_of_status(&v, &out->report);
    else if (!local_view_is_over(&v))
        out->state = ENGINE_CHECKING;
    return ERR_OK;
}

enum err_code local_gate_report(struct engine *en, const char *instance_id, struct report *out,
                                struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(local_from(en), instance_id, &v, e);

    if (rc)
        return rc;
    if (!v.has_status || v.status.gate_verdict == VERDICT_NONE)
        return err_set(e, ERR_NOT_FOUND, "the gate of %s has no report yet", instance_id);
    return report_load(&v, out, e);
}

/* --- ending ------------------------------------------------------------------------------ */

static enum err_code check_drop(struct engine_local *el, struct local_view *v, struct err *e)
{
    char aside[SPOOL_PATH_BYTES_MAX];

    if (!local_view_is_over(v))
        return local_view_stop(el, v, SPOOL_SIGNAL_NOW, e);
    if (!v->dir[0] || access(v->dir, F_OK) != 0)
        return ERR_OK;
    if (snprintf(aside, sizeof aside, "%s/" SPOOL_TRASH "%s-%lld", el->root,
                 strrchr(v->dir, '/') + 1,
                 (long long)clock_mono_ms(clock_real())) >= (int)sizeof aside)
        return err_set(e, ERR_ENGINE, "the path of a check is too long");
    if (rename(v->dir, aside) != 0)
        return err_set(e, ERR_ENGINE, "cannot put a check aside: %m");
    return local_run(el, "--remove", aside, e);
}

enum err_code local_check_remove(struct engine *en, const char *check_id, struct err *e)
{
    struct engine_local *el = local_from(en);
    LOCAL_VIEW v;
    enum err_code rc;

    if (!id_is(ID_REPORT, check_id))
        return ERR_OK;
    local_lock(el);
    rc = local_view_load(el, check_id, &v, e);
    if (!rc)
        rc = check_drop(el, &v, e);
    local_unlock(el);
    return rc;
}

static bool instance_lives(struct engine_local *el, const char *id)
{
    LOCAL_VIEW v;

    return !local_view_load(el, id, &v, NULL) && !local_view_is_over(&v);
}

/* A check of an instance that lives is on GPUs that nobody else gets. */
static enum err_code check_end(struct engine_local *el, struct local_view *v, void *ctx,
                               struct err *e)
{
    enum err_code rc;

    UNUSED(ctx);
    if (local_view_is_over(v) ||
        (v->spec.instance_id[0] && instance_lives(el, v->spec.instance_id)))
        return ERR_OK;
    rc = local_view_stop(el, v, SPOOL_SIGNAL_NOW, e);
    return rc ? rc : err_set(e, ERR_ENGINE, "a check of idle GPUs is just being ended");
}

enum err_code local_checks_end(struct engine_local *el, struct err *e)
{
    return views_each(el, ID_REPORT, check_end, NULL, e);
}

static enum err_code check_forget(struct engine_local *el, struct local_view *v, void *ctx,
                                  struct err *e)
{
    const char *instance_id = ctx;

    UNUSED(e);
    if (strcmp(v->spec.instance_id, instance_id) == 0 && check_drop(el, v, NULL))
        return ERR_OK; /* it is removed when it is old */
    return ERR_OK;
}

void local_checks_forget(struct engine_local *el, const char *instance_id)
{
    if (views_each(el, ID_REPORT, check_forget, (void *)(uintptr_t)instance_id, NULL))
        return; /* likewise */
}

static enum err_code check_trim(struct engine_local *el, struct local_view *v, void *ctx,
                                struct err *e)
{
    UNUSED(ctx);
    UNUSED(e);
    if (local_view_is_over(v) && v->spec.created_at_ms < clock_now_ms(el->clock) - CHECK_KEEP_MS &&
        check_drop(el, v, NULL))
        return ERR_OK; /* at the next start */
    return ERR_OK;
}

void local_checks_trim(struct engine_local *el)
{
    if (views_each(el, ID_REPORT, check_trim, NULL, NULL))
        return; /* what is old stays, and does no harm */
}
