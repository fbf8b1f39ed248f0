/* What comes with time: expiries, things that the engine has and nobody knows, old rows. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/worker/worker_internal.h"
#include "core/log.h"
#include "core/strbuf.h"

#define ORPHANS_EVERY_MS 60000
#define ORPHANS_MAX      4096
#define TRIM_EVERY_MS    3600000

/* --- expiries --------------------------------------------------------------------------- */

static enum err_code grants_look(struct tx *tx, void *ctx, struct err *e)
{
    struct worker *w = ctx;
    struct grant *items = NULL;
    size_t count = 0;
    enum err_code rc = row_grant_expired(tx, clock_now_ms(w->sv->clock), 1, &items, &count, e);

    free(items);
    w->expire |= !rc && count > 0;
    return rc;
}

static enum err_code expire_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct worker *w = ctx;

    return expire_due(w->sv, tx, &w->by, e);
}

/* A look costs a read; only what is due costs a commit. */
enum err_code expiries_apply(struct worker *w, struct err *e)
{
    enum err_code rc = store_read(w->sv->store, grants_look, w, e);

    if (rc || !w->expire)
        return rc;
    w->busy = true; /* what was told to stop is stopped in the next step */
    return store_write(w->sv->store, expire_tx, w, e);
}

/* --- orphans ---------------------------------------------------------------------------- */

struct found {
    char id[ID_MAX];
    bool is_job, is_known;
};

struct find {
    struct worker *w;
    struct found items[ORPHANS_MAX];
    size_t count, at;
};

static bool find_add(const char *id, bool is_job, void *ctx)
{
    struct find *f = ctx;
    struct found *one;

    if (f->count == ORPHANS_MAX)
        return false;
    one = &f->items[f->count++];
    text_copy(one->id, sizeof one->id, id);
    one->is_job = is_job;
    one->is_known = false;
    return true;
}

static enum err_code row_is_known(struct tx *tx, struct found *one, struct err *e)
{
    struct instance i = {0};
    struct job j = {0};
    enum err_code rc =
        one->is_job ? row_job_get(tx, one->id, &j, e) : row_instance_get(tx, one->id, &i, e);

    /* The output of a job is kept when it is over; a deleted instance has nothing to keep. */
    one->is_known = !rc && (one->is_job || !instance_is_over(i.state));
    shape_release(&instance_shape, &i);
    shape_release(&job_shape, &j);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err_code find_check(struct tx *tx, void *ctx, struct err *e)
{
    struct find *f = ctx;
    enum err_code rc = ERR_OK;

    for (size_t i = 0; !rc && i < f->count; i++)
        rc = row_is_known(tx, &f->items[i], e);
    return rc;
}

static bool is_reported(const struct worker *w, const char *id)
{
    for (size_t i = 0; i < w->orphan_count; i++)
        if (strcmp(w->orphans[i], id) == 0)
            return true;
    return false;
}

static enum err_code report_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct find *f = ctx;

    return orphan_report(f->w->sv, tx, &f->w->by, f->items[f->at].id, f->items[f->at].is_job, e);
}

static enum err_code orphan_add(struct find *f, struct err *e)
{
    struct worker *w = f->w;
    const struct found *one = &f->items[f->at];
    char(*more)[ID_MAX];
    enum err_code rc;

    if (one->is_known || w->orphan_count >= ORPHANS_MAX || is_reported(w, one->id))
        return ERR_OK;
    more = realloc(w->orphans, (w->orphan_count + 1) * sizeof *more);
    if (!more)
        return err_set(e, ERR_INTERNAL, "out of memory");
    w->orphans = more;
    rc = store_write(w->sv->store, report_tx, f, e);
    if (rc)
        return rc;
    text_copy(w->orphans[w->orphan_count++], ID_MAX, one->id);
    log_line(LOG_WARN, "worker", "orphan", "id=%s", one->id);
    return ERR_OK;
}

enum err_code orphans_find(struct worker *w, struct err *e)
{
    int64_t mono_ms = clock_mono_ms(w->sv->clock);
    struct err no = {0};
    struct find *f;
    enum err_code rc;

    if (!w->en || mono_ms < w->orphans_next_ms)
        return ERR_OK;
    w->orphans_next_ms = mono_ms + ORPHANS_EVERY_MS;
    f = calloc(1, sizeof *f);
    if (!f)
        return err_set(e, ERR_INTERNAL, "out of memory");
    f->w = w;
    if (w->en->ops->each(w->en, find_add, f, &no)) {
        worker_complain("-", "look for orphans", &no); /* the engine is away: next time */
        free(f);
        return ERR_OK;
    }
    rc = store_read(w->sv->store, find_check, f, e);
    for (f->at = 0; !rc && f->at < f->count; f->at++)
        rc = orphan_add(f, e);
    free(f);
    return rc;
}

/* --- old rows ---------------------------------------------------------------------------- */

static enum err_code trim_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct worker *w = ctx;

    return service_trim(w->sv, tx, &w->by, e);
}

enum err_code rows_trim(struct worker *w, struct err *e)
{
    int64_t mono_ms = clock_mono_ms(w->sv->clock);

    if (mono_ms < w->trim_next_ms)
        return ERR_OK;
    w->trim_next_ms = mono_ms + TRIM_EVERY_MS;
    return store_write(w->sv->store, trim_tx, w, e);
}
