/* Use by instance: what was captured and what the meters have accrued since, with energy
 * and carbon from the catalogue's figures. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

#define WATT_SECONDS_PER_KWH 3600000.0

/* At full rated power with the data centre's overhead; zero where the catalogue has no figure. */
static void energy_fill(const struct catalogue *c, struct usage *u)
{
    const struct offer *o = catalogue_offer(c, u->offer_id);
    const struct zone *z = o ? catalogue_zone(c, o->zone) : NULL;
    const struct gpu_model *g = o && o->gpu_model[0] ? catalogue_gpu_model(c, o->gpu_model) : NULL;
    double watts;

    if (!o || !z)
        return;
    watts = (double)o->host_watts + (g ? (double)(g->tdp_watts * o->gpu_count) : 0.0);
    u->kwh = watts * z->pue * (double)u->seconds / WATT_SECONDS_PER_KWH;
    u->carbon_g = u->kwh * z->grid_g_per_kwh;
}

/* A range counts in the window of time where it begins, as captured ranges do. */
static bool window_matches(const struct meter *m, const struct page_query *q)
{
    int64_t from_ms = m->started_at_ms + m->window_seconds * MS_PER_SECOND;

    return from_ms >= q->from_ms && (!q->to_ms || from_ms < q->to_ms);
}

static enum err_code meter_add(struct service *sv, struct tx *tx, const struct meter *m,
                               struct usage *u, struct err *e)
{
    int64_t seconds, micros;
    enum err_code rc = meter_owed(sv, tx, m, &seconds, &micros, e);

    if (!rc)
        rc = micros_add(u->cost.micros, micros, &u->cost.micros, e);
    if (rc)
        return rc;
    u->seconds += seconds - m->window_seconds;
    u->to_ms = m->started_at_ms + seconds * MS_PER_SECOND;
    return ERR_OK;
}

/* Rows that have captured ranges: add what runs now. */
static enum err_code open_merge(struct service *sv, struct tx *tx, const struct page_query *q,
                                struct usage *items, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        struct meter m;
        enum err_code rc = row_meter_get(tx, items[i].instance_id, &m, e);

        if (rc == ERR_NOT_FOUND) {
            err_clear(e);
            continue;
        }
        if (!rc && window_matches(&m, q))
            rc = meter_add(sv, tx, &m, &items[i], e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

static bool instance_matches(const struct instance *i, const struct page_query *q)
{
    return (!q->project_id[0] || strcmp(q->project_id, i->project_id) == 0) &&
           (!q->instance_id[0] || strcmp(q->instance_id, i->id) == 0) &&
           (!q->zone[0] || strcmp(q->zone, i->zone) == 0) &&
           (!q->gpu_model[0] || strcmp(q->gpu_model, i->gpu_model) == 0) &&
           (!q->text[0] || strcasestr(i->name, q->text) || strcasestr(i->id, q->text));
}

static bool is_listed(const struct usage *items, size_t count, const char *instance_id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i].instance_id, instance_id) == 0)
            return true;
    return false;
}

/* The row of an instance in its first window, which has no captured range yet. `*wanted` false
 * when it has one (another page shows it) or does not match. */
static enum err_code open_row(struct service *sv, struct tx *tx, const struct meter *m,
                              const struct page_query *q, struct usage *out, bool *wanted,
                              struct err *e)
{
    struct usage u = {0};
    int64_t micros, seconds;
    INSTANCE_OWN i = {0};
    enum err_code rc = row_usage_sum(tx, m->instance_id, &micros, &seconds, e);

    *wanted = false;
    if (rc || seconds > 0 || !window_matches(m, q))
        return rc;
    rc = row_instance_get(tx, m->instance_id, &i, e);
    if (rc || !instance_matches(&i, q))
        return rc;
    text_copy(u.instance_id, sizeof u.instance_id, i.id);
    text_copy(u.instance_name, sizeof u.instance_name, i.name);
    text_copy(u.offer_id, sizeof u.offer_id, i.offer_id);
    u.from_ms = m->started_at_ms;
    u.cost = money_of(0, i.price_per_hour.currency);
    rc = meter_add(sv, tx, m, &u, e);
    if (rc)
        return rc;
    *out = u;
    *wanted = true;
    return ERR_OK;
}

/* Those go before the first page: the newest use there is, at most a page of it. */
static enum err_code open_append(struct service *sv, struct tx *tx, const char *organization_id,
                                 const struct page_query *q, struct usage **items, size_t *count,
                                 struct err *e)
{
    struct meter *meters = NULL;
    struct usage *all;
    size_t n = 0, added = 0;
    enum err_code rc = row_meter_list(tx, organization_id, "", PAGE_ITEMS_MAX, &meters, &n, e);

    if (rc || !n) {
        free(meters);
        return rc;
    }
    all = calloc(*count + n, sizeof *all);
    if (!all)
        rc = err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; !rc && i < n; i++) {
        bool wanted = false;

        if (is_listed(*items, *count, meters[i].instance_id))
            continue;
        rc = open_row(sv, tx, &meters[i], q, &all[added], &wanted, e);
        added += !rc && wanted;
    }
    free(meters);
    if (rc) {
        free(all);
        return rc;
    }
    if (*count)
        memcpy(all + added, *items, *count * sizeof *all);
    free(*items);
    *items = all;
    *count += added;
    return ERR_OK;
}

enum err_code usage_list(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct page_query *q, struct usage **out, size_t *count,
                         char next[CURSOR_BYTES_MAX], struct err *e)
{
    struct usage *items = NULL;
    const struct catalogue *c;
    char scope[ID_MAX];
    size_t n = 0;
    enum err_code rc = rule_list(by, ACTION_USAGE_READ, q, scope, e);

    if (!rc)
        rc = row_usage_list(tx, scope, q, &items, &n, next, e);
    if (!rc)
        rc = open_merge(sv, tx, q, items, n, e);
    if (!rc && !q->cursor[0])
        rc = open_append(sv, tx, scope, q, &items, &n, e);
    if (rc) {
        free(items);
        return rc;
    }
    c = catalogue_hold(sv);
    for (size_t i = 0; i < n; i++)
        energy_fill(c, &items[i]);
    catalogue_put(sv, c);
    *out = items;
    *count = n;
    return ERR_OK;
}
