/* Rows of nodes. */
#include "api/store/row.h"

static const struct column node_columns[] = {
    C_TEXT(struct node, id),
    C_FIXED(struct node, name),
    C_TEXT(struct node, zone),
    C_FIXED(struct node, engine),
    C_ENUM(struct node, state, node_state_names),
    C_TEXT(struct node, reason),
    C_INT(struct node, since_ms),
    C_INT(struct node, gpu_count),
    C_BOOL(struct node, is_virtual),
    C_TEXT(struct node, check_id),
    C_TEXT(struct node, report_id),
    C_ENUM(struct node, verdict, verdict_names),
    C_INT(struct node, checked_at_ms),
    C_VERSION(struct node, version),
};
ROW_MAP(nodes, struct node, "node", node_columns, &node_shape);
ROW_MAP_FITS(struct node);
static const struct page_of node_page = {
    .map = &nodes,
    .list_all = SQL_NODE_LIST,
    .filters = PAGE_STATE | PAGE_TEXT | PAGE_ZONE,
};

enum err_code row_node_insert(struct tx *tx, const struct node *n, struct err *e)
{
    return row_insert(tx, &nodes, SQL_NODE_INSERT, n, e);
}

enum err_code row_node_get(struct tx *tx, const char *id, struct node *out, struct err *e)
{
    return row_get(tx, &nodes, SQL_NODE_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_node_find(struct tx *tx, const char *engine, const char *name, struct node *out,
                            struct err *e)
{
    return row_get(tx, &nodes, SQL_NODE_FIND, ARGS(value_text(engine), value_text(name)), out, e);
}

enum err_code row_node_update(struct tx *tx, struct node *n, struct err *e)
{
    return row_update(tx, &nodes, SQL_NODE_UPDATE, n, e);
}

enum err_code row_node_list(struct tx *tx, const struct page_query *q, struct node **out,
                            size_t *count, char next[CURSOR_BYTES_MAX], struct err *e)
{
    return row_page(tx, &node_page, NULL, q, out, count, next, e);
}

enum err_code row_node_of_engine(struct tx *tx, const char *engine, struct node **out,
                                 size_t *count, struct err *e)
{
    return row_list(tx, &nodes, SQL_NODE_OF_ENGINE, ARGS(value_text(engine)), out, count, e);
}

enum err_code row_node_count(struct tx *tx, const char *engine, struct node_counts *out,
                             struct err *e)
{
    int64_t numbers[2] = {0};
    enum err_code rc =
        row_numbers(tx, SQL_NODE_COUNT, ARGS(value_text(engine)), numbers, ARRAY_SIZE(numbers), e);

    if (!rc)
        *out = (struct node_counts){numbers[0], numbers[1]};
    return rc;
}
