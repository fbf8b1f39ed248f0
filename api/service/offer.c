/* Offers with their stock, and taking from and giving to that stock. Prices and figures are
 * the catalogue's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/service/service_internal.h"

#define SCARCE_STOCK 2 /* instances; or a fifth of the pool */

bool offer_is_connected(const struct service *sv, const struct catalogue *c, const struct offer *o)
{
    const struct zone *z = catalogue_zone(c, o->zone);

    return z && sv->engine && strcmp(z->engine, sv->engine->ops->name) == 0;
}

static const struct pool_row *pool_find(const struct pool_row *pools, size_t count,
                                        const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pools[i].name, name) == 0)
            return &pools[i];
    return NULL;
}

static bool pool_is_ours(const struct service *sv, const struct catalogue *c, const char *name)
{
    const struct pool *p = catalogue_pool(c, name);
    const struct zone *z = p ? catalogue_zone(c, p->zone) : NULL;

    return z && sv->engine && strcmp(z->engine, sv->engine->ops->name) == 0;
}

enum err_code pools_read(struct service *sv, struct tx *tx, const struct catalogue *c,
                         struct pool_row **out, size_t *count, struct err *e)
{
    struct pool_row *pools = NULL;
    bool take_new = true;
    size_t n = 0;
    enum err_code rc = nodes_take_new(sv, tx, &take_new, e);

    if (!rc)
        rc = row_pool_list(tx, &pools, &n, e);
    if (rc)
        return rc;
    for (size_t i = 0; !take_new && i < n; i++)
        if (pool_is_ours(sv, c, pools[i].name))
            pools[i].capacity_units = pools[i].used_units;
    *out = pools;
    *count = n;
    return ERR_OK;
}

int64_t offer_stock(const struct offer *o, const struct pool_row *pools, size_t count)
{
    const struct pool_row *p = pool_find(pools, count, o->pool);

    if (!p || o->pool_units <= 0 || p->used_units >= p->capacity_units)
        return 0;
    return (p->capacity_units - p->used_units) / o->pool_units;
}

static void offer_fill(const struct service *sv, const struct catalogue *c, struct offer *o,
                       const struct pool_row *pools, size_t count)
{
    const struct pool_row *p = pool_find(pools, count, o->pool);
    int64_t all = p && o->pool_units > 0 ? p->capacity_units / o->pool_units : 0;

    o->stock = offer_is_connected(sv, c, o) ? offer_stock(o, pools, count) : 0;
    assert(o->stock >= 0);
    if (!offer_is_connected(sv, c, o))
        o->availability = AVAILABILITY_NOT_CONNECTED;
    else if (o->stock == 0)
        o->availability = AVAILABILITY_SHORTAGE;
    else if (o->stock < all && (o->stock <= SCARCE_STOCK || o->stock * 5 <= all))
        o->availability = AVAILABILITY_SCARCE;
    else
        o->availability = AVAILABILITY_AVAILABLE;
}

static bool offer_matches(const struct offer *o, const struct page_query *q)
{
    if (q->zone[0] && strcmp(q->zone, o->zone) != 0)
        return false;
    if (q->gpu_model[0] && strcmp(q->gpu_model, o->gpu_model) != 0)
        return false;
    return !q->text[0] || strcasestr(o->id, q->text) || strcasestr(o->name, q->text);
}

static enum err_code offers_select(struct service *sv, const struct catalogue *c,
                                   const struct pool_row *pools, size_t pool_count,
                                   const struct page_query *q, struct offer **out, size_t *count,
                                   struct err *e)
{
    struct offer *items = malloc((c->offer_count + 1) * sizeof *items);
    size_t n = 0;

    if (!items)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < c->offer_count; i++) {
        if (!offer_matches(&c->offers[i], q))
            continue;
        items[n] = c->offers[i];
        offer_fill(sv, c, &items[n], pools, pool_count);
        n++;
    }
    *out = items;
    *count = n;
    return ERR_OK;
}

enum err_code offer_list(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct page_query *q, struct offer **out, size_t *count,
                         struct err *e)
{
    const struct catalogue *c;
    struct pool_row *pools = NULL;
    size_t pool_count = 0;
    enum err_code rc = rule_check(by, ACTION_CATALOGUE_READ, e);

    if (rc)
        return rc;
    c = catalogue_hold(sv);
    rc = pools_read(sv, tx, c, &pools, &pool_count, e);
    if (!rc)
        rc = offers_select(sv, c, pools, pool_count, q, out, count, e);
    catalogue_put(sv, c);
    free(pools);
    return rc;
}

/* Name the offers that have stock: those with the same GPU first, then any. */
static void alternatives_add(struct service *sv, const struct catalogue *c, const struct offer *o,
                             const struct pool_row *pools, size_t count, struct err *e)
{
    bool found = false;

    for (int pass = 0; pass < 2 && !found; pass++)
        for (size_t i = 0; i < c->offer_count; i++) {
            const struct offer *other = &c->offers[i];

            if (pass == 0 && strcmp(other->gpu_model, o->gpu_model) != 0)
                continue;
            if (!offer_is_connected(sv, c, other) || !offer_stock(other, pools, count))
                continue;
            err_fact_text(e, "alternatives", "%s", other->id);
            found = true;
        }
}

enum err_code stock_refuse(struct service *sv, struct tx *tx, const struct catalogue *c,
                           const struct offer *o, struct err *e)
{
    struct pool_row *pools = NULL;
    size_t count = 0;
    enum err_code rc = pools_read(sv, tx, c, &pools, &count, e);

    if (rc)
        return rc;
    if (offer_is_connected(sv, c, o))
        rc = err_set(e, ERR_NO_STOCK, "no stock of %s is left in %s", o->name, o->zone);
    else
        rc = err_set(e, ERR_NO_STOCK, "zone %s is shown, but not connected to this installation",
                     o->zone);
    alternatives_add(sv, c, o, pools, count, e);
    free(pools);
    return rc;
}

enum err_code stock_take(struct service *sv, struct tx *tx, const struct catalogue *c,
                         const struct offer *o, struct err *e)
{
    bool take_new = true;
    enum err_code rc = nodes_take_new(sv, tx, &take_new, e);

    assert(o->pool_units > 0);
    if (rc)
        return rc;
    rc = ERR_NO_STOCK;
    if (take_new && offer_is_connected(sv, c, o))
        rc = row_pool_take(tx, o->pool, o->pool_units, e);
    return rc == ERR_NO_STOCK ? stock_refuse(sv, tx, c, o, e) : rc;
}

enum err_code stock_give(struct service *sv, struct tx *tx, const struct instance *i, struct err *e)
{
    const struct catalogue *c = catalogue_hold(sv);
    const struct offer *o = catalogue_offer(c, i->offer_id);
    enum err_code rc = ERR_OK;

    if (o)
        rc = row_pool_give(tx, o->pool, o->pool_units, e);
    catalogue_put(sv, c);
    return rc;
}
