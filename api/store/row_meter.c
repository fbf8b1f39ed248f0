/* Rows of running meters and of the ranges of seconds that were captured. */
#include "api/store/row.h"

static const struct column meter_columns[] = {
    C_TEXT(struct meter, instance_id),      C_FIXED(struct meter, organization_id),
    C_TEXT(struct meter, hold_id),          C_INT(struct meter, rate_micros_per_hour),
    C_INT(struct meter, started_at_ms),     C_INT(struct meter, metered_seconds),
    C_INT32(struct meter, remainder),       C_INT(struct meter, window_seconds),
    C_INT(struct meter, window_micros),     C_INT(struct meter, captured_micros),
    C_INT(struct meter, window_ends_at_ms), C_VERSION(struct meter, version),
};
ROW_MAP(meters, struct meter, "meter", meter_columns, NULL);

static const struct column usage_row_columns[] = {
    C_TEXT(struct usage_row, instance_id),
    C_INT(struct usage_row, from_ms),
    C_TEXT(struct usage_row, organization_id),
    C_TEXT(struct usage_row, hold_id),
    C_INT(struct usage_row, to_ms),
    C_INT(struct usage_row, seconds),
    C_INT(struct usage_row, micros),
};
ROW_MAP(usage_rows, struct usage_row, "usage of", usage_row_columns, NULL);

static const struct column usage_columns[] = {
    C_TEXT(struct usage, instance_id), C_TEXT(struct usage, instance_name),
    C_TEXT(struct usage, offer_id),    C_INT(struct usage, from_ms),
    C_INT(struct usage, to_ms),        C_INT(struct usage, seconds),
    C_CURRENCY(struct usage, cost),    C_MONEY(struct usage, cost),
};
ROW_MAP(usages, struct usage, "usage", usage_columns, &usage_shape);
static const struct page_of usage_page = {
    .map = &usages,
    .list = SQL_USAGE_LIST,
    .list_all = SQL_USAGE_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_PROJECT | PAGE_INSTANCE | PAGE_ZONE | PAGE_GPU_MODEL | PAGE_RANGE,
};

enum err_code row_meter_insert(struct tx *tx, const struct meter *m, struct err *e)
{
    return row_insert(tx, &meters, SQL_METER_INSERT, m, e);
}

enum err_code row_meter_get(struct tx *tx, const char *instance_id, struct meter *out,
                            struct err *e)
{
    return row_get(tx, &meters, SQL_METER_GET, ARGS(value_text(instance_id)), out, e);
}

enum err_code row_meter_update(struct tx *tx, struct meter *m, struct err *e)
{
    return row_update(tx, &meters, SQL_METER_UPDATE, m, e);
}

enum err_code row_meter_delete(struct tx *tx, const char *instance_id, struct err *e)
{
    int64_t changed = 0;
    enum err_code rc = row_run(tx, SQL_METER_DELETE, ARGS(value_text(instance_id)), &changed, e);

    if (!rc && !changed)
        return err_set(e, ERR_NOT_FOUND, "no meter %s", instance_id);
    return rc;
}

enum err_code row_meter_list(struct tx *tx, const char *organization_id, const char *after,
                             int64_t limit, struct meter **out, size_t *count, struct err *e)
{
    const struct value args[] = {value_text(after), value_int(limit), value_text(organization_id)};
    bool is_all = !organization_id[0];

    return row_list(tx, &meters, is_all ? SQL_METER_LIST_ALL : SQL_METER_LIST, args, is_all ? 2 : 3,
                    out, count, e);
}

enum err_code row_usage_insert(struct tx *tx, const struct usage_row *u, struct err *e)
{
    return row_insert(tx, &usage_rows, SQL_USAGE_INSERT, u, e);
}

enum err_code row_usage_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                             struct usage **out, size_t *count, char next[CURSOR_BYTES_MAX],
                             struct err *e)
{
    return row_page(tx, &usage_page, organization_id, q, out, count, next, e);
}

enum err_code row_usage_sum(struct tx *tx, const char *instance_id, int64_t *micros,
                            int64_t *seconds, struct err *e)
{
    int64_t sums[2];
    enum err_code rc = row_numbers(tx, SQL_USAGE_SUM, ARGS(value_text(instance_id)), sums, 2, e);

    if (rc)
        return rc;
    *micros = sums[0];
    *seconds = sums[1];
    return ERR_OK;
}
