/* Stock: units of a pool that instances take and give back. Taking is one guarded
 * statement, so no two launches can get the same unit. */
#include "api/store/row.h"

static const struct column pool_columns[] = {
    C_TEXT(struct pool_row, name),
    C_INT(struct pool_row, capacity_units),
    C_INT(struct pool_row, used_units),
};
ROW_MAP(pools, struct pool_row, "pool", pool_columns, NULL);

enum err_code row_pool_set(struct tx *tx, const char *name, int64_t capacity_units, struct err *e)
{
    if (capacity_units < 0)
        return err_set(e, ERR_INVALID, "pool %s: a capacity is not negative", name);
    return row_run(tx, SQL_POOL_SET, ARGS(value_text(name), value_int(capacity_units)), NULL, e);
}

/* Run a guarded statement; when its guard refused, *pool says why. */
static enum err_code pool_move(struct tx *tx, enum sql_id id, const char *name, int64_t units,
                               bool *refused, struct pool_row *pool, struct err *e)
{
    int64_t changed = 0;
    enum err_code rc;

    if (units <= 0)
        return err_set(e, ERR_INVALID, "pool %s: %lld units cannot be moved", name,
                       (long long)units);
    rc = row_run(tx, id, ARGS(value_text(name), value_int(units)), &changed, e);
    *refused = !changed;
    if (rc || changed)
        return rc;
    return row_get(tx, &pools, SQL_POOL_GET, ARGS(value_text(name)), pool, e);
}

enum err_code row_pool_take(struct tx *tx, const char *name, int64_t units, struct err *e)
{
    struct pool_row pool;
    bool refused = false;
    enum err_code rc = pool_move(tx, SQL_POOL_TAKE, name, units, &refused, &pool, e);

    if (rc || !refused)
        return rc;
    return err_set(e, ERR_NO_STOCK, "pool %s has %lld of %lld units in use, %lld are needed", name,
                   (long long)pool.used_units, (long long)pool.capacity_units, (long long)units);
}

enum err_code row_pool_give(struct tx *tx, const char *name, int64_t units, struct err *e)
{
    struct pool_row pool;
    bool refused = false;
    enum err_code rc = pool_move(tx, SQL_POOL_GIVE, name, units, &refused, &pool, e);

    if (rc || !refused)
        return rc;
    return err_set(e, ERR_CONFLICT, "pool %s has only %lld units in use, %lld were given back",
                   name, (long long)pool.used_units, (long long)units);
}

enum err_code row_pool_list(struct tx *tx, struct pool_row **out, size_t *count, struct err *e)
{
    return row_list(tx, &pools, SQL_POOL_LIST, NO_ARGS, out, count, e);
}
