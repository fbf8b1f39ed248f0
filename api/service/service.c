/* The catalogue that may be replaced while it is read, the pools of stock that follow from it,
 * and the record that it was loaded. No rules of any other noun. */
#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"
#include "core/yaml.h"

struct shared_catalogue {
    struct catalogue c;
    int references;
};

struct catalogue_ref {
    pthread_mutex_t lock; /* guards `now` and every count */
    struct shared_catalogue *now;
};

static struct shared_catalogue *shared_new(struct catalogue *first_take)
{
    struct shared_catalogue *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->c = *first_take;
    s->references = 1;
    *first_take = (struct catalogue){0};
    return s;
}

/* With the lock held. */
static void shared_drop(struct shared_catalogue *s)
{
    assert(s->references > 0);
    if (--s->references)
        return;
    catalogue_release(&s->c);
    free(s);
}

const struct catalogue *catalogue_hold(struct service *sv)
{
    struct shared_catalogue *s;

    pthread_mutex_lock(&sv->catalogue->lock);
    s = sv->catalogue->now;
    s->references++;
    pthread_mutex_unlock(&sv->catalogue->lock);
    return &s->c;
}

void catalogue_put(struct service *sv, const struct catalogue *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&sv->catalogue->lock);
    shared_drop((struct shared_catalogue *)(uintptr_t)c); /* c is its first member */
    pthread_mutex_unlock(&sv->catalogue->lock);
}

/* --- pools --------------------------------------------------------------------------- */

#define UNITS_NAME        "offer_units"
#define LOADED_NAME       "catalogue"
#define FINGERPRINT_BYTES 16
#define FINGERPRINT_SIZE  (2 * FINGERPRINT_BYTES + 1)

struct pools_job {
    struct service *sv;
    const struct catalogue *c;
    const char *file;  /* it comes from */
    int64_t gpu_slots; /* of our engine; -1: no engine */
    char units[FINGERPRINT_SIZE], loaded[FINGERPRINT_SIZE];
};

static void fingerprint(const struct strbuf *text, char out[FINGERPRINT_SIZE])
{
    uint8_t hash[FINGERPRINT_BYTES];

    crypto_generichash(hash, sizeof hash, (const unsigned char *)text->data, text->len, NULL, 0);
    sodium_bin2hex(out, FINGERPRINT_SIZE, hash, sizeof hash);
}

/* A pool of GPUs in a zone of ours has no more units than the machine has GPUs for. */
static int64_t pool_capacity(const struct pools_job *job, const struct pool *p)
{
    int64_t units = p->capacity_units;

    for (size_t i = 0; i < job->c->offer_count; i++) {
        const struct offer *o = &job->c->offers[i];
        int64_t most;

        if (strcmp(o->pool, p->name) != 0 || o->gpu_count <= 0)
            continue;
        if (job->gpu_slots < 0 || !offer_is_connected(job->sv, job->c, o))
            continue;
        most = job->gpu_slots * o->pool_units / o->gpu_count;
        units = most < units ? most : units;
    }
    return units;
}

/* What instances use of each pool, by the units of this catalogue. */
static enum err_code pools_count(struct tx *tx, const struct catalogue *c, int64_t *used,
                                 struct err *e)
{
    char after[ID_MAX] = "";
    struct instance *page = NULL;
    size_t count = 0;

    do {
        enum err_code rc = row_instance_unsettled(tx, after, PAGE_ITEMS_MAX, &page, &count, e);

        if (rc)
            return rc;
        for (size_t i = 0; i < count; i++) {
            const struct offer *o = catalogue_offer(c, page[i].offer_id);
            const struct pool *p = o ? catalogue_pool(c, o->pool) : NULL;
            struct hold_room room;

            text_copy(after, sizeof after, page[i].id);
            if (!p || !instance_holds_stock(page[i].state))
                continue;
            rc = row_hold_open(tx, page[i].id, &room.h, e);
            if (rc == ERR_OK)
                shape_release(&hold_shape, &room.h);
            else if (rc == ERR_NOT_FOUND && page[i].state == INSTANCE_TERMINATING)
                continue;
            used[p - c->pools] += o->pool_units;
        }
        LIST_FREE(&instance_shape, page, count);
    } while (count == PAGE_ITEMS_MAX);
    return ERR_OK;
}

/* Bring the used units of one pool to what was counted. */
static enum err_code pool_correct(struct tx *tx, const char *name, int64_t used, struct err *e)
{
    struct pool_row *rows = NULL;
    size_t count = 0;
    int64_t was = 0;
    enum err_code rc = row_pool_list(tx, &rows, &count, e);

    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            was = rows[i].used_units;
    free(rows);
    if (used > was) /* more may be used than the new file has: what runs, runs */
        rc = row_pool_set(tx, name, used, e);
    if (!rc && used > was)
        rc = row_pool_take(tx, name, used - was, e);
    else if (!rc && used < was)
        rc = row_pool_give(tx, name, was - used, e);
    return rc;
}

static enum err_code pools_recount(struct tx *tx, const struct catalogue *c, struct err *e)
{
    int64_t *used = calloc(c->pool_count + 1, sizeof *used);
    enum err_code rc;

    if (!used)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = pools_count(tx, c, used, e);
    for (size_t i = 0; !rc && i < c->pool_count; i++)
        rc = row_pool_set(tx, c->pools[i].name, c->pools[i].capacity_units, e);
    for (size_t i = 0; !rc && i < c->pool_count; i++)
        rc = pool_correct(tx, c->pools[i].name, used[i], e);
    free(used);
    return rc;
}

/* Which units each offer takes, as one text: while it is the same, the used units in the
 * rows are right and need not be counted again. */
static void offers_fingerprint(const struct catalogue *c, char out[FINGERPRINT_SIZE])
{
    STRBUF text;

    strbuf_init(&text, JSON_TEXT_BYTES_MAX);
    for (size_t i = 0; i < c->offer_count; i++)
        strbuf_addf(&text, "%s %s %lld\n", c->offers[i].id, c->offers[i].pool,
                    (long long)c->offers[i].pool_units);
    fingerprint(&text, out);
}

/* Everything that a load may change: the file's content, and the GPUs that cap its pools. */
static enum err_code load_fingerprint(struct pools_job *job, struct err *e)
{
    STRBUF text;

    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    shape_encode(&catalogue_shape, job->c, &text);
    strbuf_addf(&text, " %lld", (long long)job->gpu_slots);
    if (text.failed)
        return err_set(e, ERR_INTERNAL, "out of memory");
    fingerprint(&text, job->loaded);
    return ERR_OK;
}

/* Remember a fingerprint; *changed: the last one was another. */
static enum err_code fingerprint_keep(struct tx *tx, const char *name, const char *now,
                                      bool *changed, struct err *e)
{
    char was[FINGERPRINT_SIZE] = "";
    enum err_code rc = row_setting_get(tx, name, was, sizeof was, e);

    if (rc && rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    *changed = strcmp(now, was) != 0;
    return *changed ? row_setting_set(tx, name, now, e) : ERR_OK;
}

static enum err_code load_record(struct tx *tx, const struct pools_job *job, struct err *e)
{
    struct record r = {ACTION_CATALOGUE_LOAD, NULL, "", NULL, "catalogue", NULL};

    return record_write(job->sv, tx, &system_actor, &r, e,
                        "catalogue version %lld loaded, %zu offers, from %s",
                        (long long)job->c->version, job->c->offer_count, job->file);
}

static enum err_code pools_sync(struct tx *tx, void *ctx, struct err *e)
{
    const struct pools_job *job = ctx;
    bool units_changed = false, changed = false;
    enum err_code rc = fingerprint_keep(tx, UNITS_NAME, job->units, &units_changed, e);

    if (!rc && units_changed)
        rc = pools_recount(tx, job->c, e);
    for (size_t i = 0; !rc && i < job->c->pool_count; i++)
        rc = row_pool_set(tx, job->c->pools[i].name, pool_capacity(job, &job->c->pools[i]), e);
    if (!rc)
        rc = fingerprint_keep(tx, LOADED_NAME, job->loaded, &changed, e);
    if (!rc && changed)
        rc = load_record(tx, job, e);
    return rc;
}

static enum err_code pools_write(struct service *sv, const struct catalogue *c, const char *file,
                                 struct err *e)
{
    struct pools_job job = {.sv = sv, .c = c, .file = file, .gpu_slots = -1};
    struct engine_capacity has = {0};
    enum err_code rc;

    if (!sv->store)
        return ERR_OK;
    if (sv->engine) {
        rc = sv->engine->ops->capacity(sv->engine, &has, e);
        if (rc)
            return err_wrap(e, rc, "ask the engine for its capacity");
        job.gpu_slots = has.gpu_slots;
    }
    offers_fingerprint(c, job.units);
    rc = load_fingerprint(&job, e);
    return rc ? rc : store_write(sv->store, pools_sync, &job, e);
}

/* --- life ---------------------------------------------------------------------------- */

enum err_code service_init(struct service *sv, struct store *store, struct clock *clock,
                           struct engine *engine, const char *file, struct catalogue *first_take,
                           struct err *e)
{
    struct catalogue_ref *ref = calloc(1, sizeof *ref);
    struct telemetry_memory *telemetry = telemetry_memory_new();
    enum err_code rc;

    assert(clock && file && first_take);
    if (sodium_init() < 0 || !ref || !telemetry) {
        free(ref);
        telemetry_memory_free(telemetry);
        return err_set(e, ERR_INTERNAL, "out of memory or no source of randomness");
    }
    *sv = (struct service){
        .store = store, .clock = clock, .engine = engine, .catalogue = ref, .telemetry = telemetry};
    rc = pools_write(sv, first_take, file, e);
    if (!rc) {
        ref->now = shared_new(first_take);
        if (!ref->now)
            rc = err_set(e, ERR_INTERNAL, "out of memory");
    }
    if (rc) {
        free(ref);
        telemetry_memory_free(telemetry);
        *sv = (struct service){0};
        return rc;
    }
    pthread_mutex_init(&ref->lock, NULL);
    return ERR_OK;
}

void service_release(struct service *sv)
{
    if (sv->catalogue) {
        assert(sv->catalogue->now->references == 1); /* else somebody still reads it */
        shared_drop(sv->catalogue->now);
        pthread_mutex_destroy(&sv->catalogue->lock);
        free(sv->catalogue);
    }
    telemetry_memory_free(sv->telemetry);
    *sv = (struct service){0};
}

static enum err_code price_refuse(const char *path, size_t i, const struct offer *was,
                                  const struct catalogue *next, struct err *e)
{
    const struct offer *o = &next->offers[i];
    char pointer[ERR_POINTER_MAX], place[URL_BYTES_MAX + 32] = "";
    char before[MONEY_TEXT_MAX], after[MONEY_TEXT_MAX];
    struct yaml_doc *doc = NULL;

    snprintf(pointer, sizeof pointer, "/offers/%zu/price_per_hour", i);
    if (!yaml_load(path, &doc, NULL))
        yaml_place(doc, pointer, place, sizeof place);
    yaml_doc_free(doc);
    return err_set(e, ERR_INVALID,
                   "%s: %s costs %s per hour here and %s now, both in version %lld; expected "
                   "a higher version with a change of price",
                   place[0] ? place : path, o->id, money_format(o->price_per_hour, 4, after),
                   money_format(was->price_per_hour, 4, before), (long long)next->version);
}

/* A version names its prices: instances remember it beside what they pay. */
static enum err_code prices_check(const char *path, const struct catalogue *now,
                                  const struct catalogue *next, struct err *e)
{
    if (next->version != now->version)
        return ERR_OK;
    for (size_t i = 0; i < next->offer_count; i++) {
        const struct money *price = &next->offers[i].price_per_hour;
        const struct offer *was = catalogue_offer(now, next->offers[i].id);

        if (was && (was->price_per_hour.micros != price->micros ||
                    strcmp(was->price_per_hour.currency, price->currency) != 0))
            return price_refuse(path, i, was, next, e);
    }
    return ERR_OK;
}

enum err_code catalogue_replace(struct service *sv, const char *path, struct err *e)
{
    struct shared_catalogue *next, *last;
    const struct catalogue *now;
    struct catalogue c = {0};
    enum err_code rc = catalogue_load(path, &c, e);

    if (rc)
        return rc;
    now = catalogue_hold(sv);
    rc = prices_check(path, now, &c, e);
    catalogue_put(sv, now);
    if (!rc)
        rc = pools_write(sv, &c, path, e);
    next = rc ? NULL : shared_new(&c);
    if (!next) {
        catalogue_release(&c);
        return rc ? rc : err_set(e, ERR_INTERNAL, "out of memory");
    }
    pthread_mutex_lock(&sv->catalogue->lock);
    last = sv->catalogue->now;
    sv->catalogue->now = next;
    shared_drop(last);
    pthread_mutex_unlock(&sv->catalogue->lock);
    return ERR_OK;
}
