/* Rows of cases for support. */
#include "api/store/row.h"

static const struct column case_columns[] = {
    C_TEXT(struct support_case, id),
    C_FIXED(struct support_case, organization_id),
    C_FIXED(struct support_case, instance_id),
    C_FIXED(struct support_case, report_id),
    C_INT(struct support_case, report_count),
    C_ENUM(struct support_case, verdict, verdict_names),
    C_TEXT(struct support_case, summary),
    C_ENUM(struct support_case, state, case_state_names),
    {.name = "opened_at_ms",
     .kind = COLUMN_INT,
     .flags = COLUMN_FIXED,
     FIELD_AT(struct support_case, opened_at_ms)},
    C_INT(struct support_case, closed_at_ms),
    C_TEXT(struct support_case, closed_by),
    C_TEXT(struct support_case, note),
    C_VERSION(struct support_case, version),
};
ROW_MAP(cases, struct support_case, "case", case_columns, &support_case_shape);
ROW_MAP_FITS(struct support_case);
static const struct page_of case_page = {
    .map = &cases,
    .list = SQL_CASE_LIST,
    .list_all = SQL_CASE_LIST_ALL,
    .filters = PAGE_STATE | PAGE_TEXT | PAGE_INSTANCE | PAGE_RANGE,
};

enum err_code row_case_insert(struct tx *tx, const struct support_case *c, struct err *e)
{
    return row_insert(tx, &cases, SQL_CASE_INSERT, c, e);
}

enum err_code row_case_get(struct tx *tx, const char *id, struct support_case *out, struct err *e)
{
    return row_get(tx, &cases, SQL_CASE_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_case_open(struct tx *tx, const char *instance_id, struct support_case *out,
                            struct err *e)
{
    return row_get(tx, &cases, SQL_CASE_FIND_OPEN, ARGS(value_text(instance_id)), out, e);
}

enum err_code row_case_update(struct tx *tx, struct support_case *c, struct err *e)
{
    return row_update(tx, &cases, SQL_CASE_UPDATE, c, e);
}

enum err_code row_case_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                            struct support_case **out, size_t *count, char next[CURSOR_BYTES_MAX],
                            struct err *e)
{
    return row_page(tx, &case_page, organization_id, q, out, count, next, e);
}
