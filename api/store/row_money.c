/* Rows of grants, holds and entries. The ledger decides what is written here; the checks of
 * the schema are only the second net. */
#include "api/store/row.h"

#include <stdlib.h>

/* --- grants ------------------------------------------------------------------------------- */

static const struct column grant_columns[] = {
    C_TEXT(struct grant, id),
    C_FIXED(struct grant, organization_id),
    C_ENUM(struct grant, kind, grant_kind_names),
    C_TEXT(struct grant, note),
    C_CURRENCY(struct grant, amount),
    C_MONEY(struct grant, amount),
    C_MONEY(struct grant, available),
    C_MONEY(struct grant, held),
    C_MONEY(struct grant, consumed),
    C_MONEY(struct grant, expired),
    C_MONEY(struct grant, voided),
    C_INT(struct grant, priority),
    C_INT(struct grant, effective_at_ms),
    C_INT(struct grant, expires_at_ms),
    C_INT(struct grant, created_at_ms),
    C_VERSION(struct grant, version),
};
ROW_MAP(grants, struct grant, "grant", grant_columns, &grant_shape);
static const struct page_of grant_page = {
    .map = &grants,
    .list = SQL_GRANT_LIST,
    .list_all = SQL_GRANT_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_RANGE,
};

enum err_code row_grant_insert(struct tx *tx, const struct grant *g, struct err *e)
{
    return row_insert(tx, &grants, SQL_GRANT_INSERT, g, e);
}

enum err_code row_grant_get(struct tx *tx, const char *id, struct grant *out, struct err *e)
{
    return row_get(tx, &grants, SQL_GRANT_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_grant_update(struct tx *tx, struct grant *g, struct err *e)
{
    return row_update(tx, &grants, SQL_GRANT_UPDATE, g, e);
}

enum err_code row_grant_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                             struct grant **out, size_t *count, char next[CURSOR_BYTES_MAX],
                             struct err *e)
{
    return row_page(tx, &grant_page, organization_id, q, out, count, next, e);
}

enum err_code row_grant_live(struct tx *tx, const char *organization_id, struct grant **out,
                             size_t *count, struct err *e)
{
    const struct value args[] = {value_int(GRANTS_LIVE_MAX + 1), value_text(organization_id)};
    bool is_all = !organization_id[0];
    struct grant *items = NULL;
    size_t n = 0;
    enum err_code rc = row_list(tx, &grants, is_all ? SQL_GRANT_LIVE_ALL : SQL_GRANT_LIVE, args,
                                is_all ? 1 : 2, &items, &n, e);

    if (rc)
        return rc;
    if (n > GRANTS_LIVE_MAX) {
        LIST_FREE(&grant_shape, items, n);
        return err_set(e, ERR_LIMIT, "more than %d grants with credit", GRANTS_LIVE_MAX);
    }
    *out = items;
    *count = n;
    return ERR_OK;
}

enum err_code row_grant_expired(struct tx *tx, int64_t at_ms, int64_t limit, struct grant **out,
                                size_t *count, struct err *e)
{
    return row_list(tx, &grants, SQL_GRANT_EXPIRED, ARGS(value_int(at_ms), value_int(limit)), out,
                    count, e);
}

enum err_code row_grant_sums(struct tx *tx, const char *organization_id, struct grant_sums *out,
                             struct err *e)
{
    const struct value scope = value_text(organization_id);
    bool is_all = !organization_id[0];
    int64_t sums[6];
    enum err_code rc = row_numbers(tx, is_all ? SQL_GRANT_SUM_ALL : SQL_GRANT_SUM, &scope,
                                   is_all ? 0 : 1, sums, ARRAY_SIZE(sums), e);

    if (rc)
        return rc;
    *out = (struct grant_sums){.granted = sums[0],
                               .available = sums[1],
                               .held = sums[2],
                               .consumed = sums[3],
                               .expired = sums[4],
                               .voided = sums[5]};
    return ERR_OK;
}

/* --- holds -------------------------------------------------------------------------------- */

static const struct field parts_fields[] = {
    F_LIST(struct hold, parts, part_count, 0, &hold_part_shape, HOLD_PARTS_MAX, ""),
};
static SHAPE(parts_shape, struct hold, "Parts", "", parts_fields);

static const struct column hold_columns[] = {
    C_TEXT(struct hold, id),          C_FIXED(struct hold, organization_id),
    C_TEXT(struct hold, instance_id), C_ENUM(struct hold, state, hold_state_names),
    C_CURRENCY(struct hold, amount),  C_MONEY(struct hold, amount),
    C_MONEY(struct hold, captured),   C_INT(struct hold, window_from_ms),
    C_INT(struct hold, window_to_ms), C_INT(struct hold, created_at_ms),
    C_INT(struct hold, closed_at_ms), C_JSON("parts", &parts_shape),
};
ROW_MAP(holds, struct hold, "hold", hold_columns, &hold_shape);

/* What may still change in an open hold. */
static const struct column hold_open_columns[] = {
    C_TEXT(struct hold, id),          C_ENUM(struct hold, state, hold_state_names),
    C_MONEY(struct hold, captured),   C_INT(struct hold, window_from_ms),
    C_INT(struct hold, window_to_ms), C_INT(struct hold, closed_at_ms),
    C_JSON("parts", &parts_shape),
};
ROW_MAP(open_holds, struct hold, "hold", hold_open_columns, &hold_shape);
static const struct page_of hold_page = {
    .map = &holds,
    .list = SQL_HOLD_LIST,
    .list_all = SQL_HOLD_LIST_ALL,
    .filters = PAGE_STATE | PAGE_TEXT | PAGE_INSTANCE | PAGE_RANGE,
};

enum err_code row_hold_insert(struct tx *tx, const struct hold *h, struct err *e)
{
    return row_insert(tx, &holds, SQL_HOLD_INSERT, h, e);
}

enum err_code row_hold_get(struct tx *tx, const char *id, struct hold *out, struct err *e)
{
    return row_get(tx, &holds, SQL_HOLD_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_hold_update(struct tx *tx, const struct hold *h, struct err *e)
{
    struct value args[COLUMNS_MAX];
    struct hold old;
    int64_t changed = 0;
    size_t count;
    enum err_code rc = row_bind(tx, &open_holds, h, args, &count, e);

    if (!rc)
        rc = row_run(tx, SQL_HOLD_UPDATE, args, count, &changed, e);
    if (rc)
        return err_wrap(e, rc, "hold %s", h->id);
    if (changed)
        return ERR_OK;
    rc = row_hold_get(tx, h->id, &old, e);
    if (rc)
        return rc;
    shape_release(&hold_shape, &old);
    return err_set(e, ERR_CONFLICT, "hold %s is resolved already", h->id);
}

enum err_code row_hold_open(struct tx *tx, const char *instance_id, struct hold *out, struct err *e)
{
    enum err_code rc = row_get(tx, &holds, SQL_HOLD_OPEN, ARGS(value_text(instance_id)), out, e);

    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no open hold for instance %s", instance_id);
    return rc;
}

enum err_code row_hold_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                            struct hold **out, size_t *count, char next[CURSOR_BYTES_MAX],
                            struct err *e)
{
    return row_page(tx, &hold_page, organization_id, q, out, count, next, e);
}

/* --- entries ------------------------------------------------------------------------------ */

static const struct column entry_columns[] = {
    C_TEXT(struct entry, id),
    C_TEXT(struct entry, transaction_id),
    C_TEXT(struct entry, organization_id),
    C_ENUM(struct entry, kind, entry_kind_names),
    C_ENUM(struct entry, account, account_names),
    C_TEXT(struct entry, grant_id),
    C_TEXT(struct entry, hold_id),
    C_TEXT(struct entry, instance_id),
    C_CURRENCY(struct entry, amount),
    C_MONEY(struct entry, amount),
    C_INT(struct entry, at_ms),
    C_TEXT(struct entry, detail),
    C_TEXT(struct entry, corrects),
};
ROW_MAP(entries, struct entry, "entry", entry_columns, &entry_shape);
static const struct page_of entry_page = {
    .map = &entries,
    .list = SQL_ENTRY_LIST,
    .list_all = SQL_ENTRY_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_INSTANCE | PAGE_RANGE,
};

enum err_code row_entry_insert(struct tx *tx, const struct entry *en, struct err *e)
{
    return row_insert(tx, &entries, SQL_ENTRY_INSERT, en, e);
}

enum err_code row_entry_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                             struct entry **out, size_t *count, char next[CURSOR_BYTES_MAX],
                             struct err *e)
{
    return row_page(tx, &entry_page, organization_id, q, out, count, next, e);
}

enum err_code row_entry_sum(struct tx *tx, const char *organization_id, enum account account,
                            int64_t *out, struct err *e)
{
    bool is_all = !organization_id[0];

    if ((unsigned)account >= ACCOUNT_COUNT)
        return err_set(e, ERR_INTERNAL, "account %d has no name", (int)account);
    if (is_all)
        return row_numbers(tx, SQL_ENTRY_SUM_ALL, ARGS(value_text(account_names[account])), out, 1,
                           e);
    return row_numbers(tx, SQL_ENTRY_SUM,
                       ARGS(value_text(account_names[account]), value_text(organization_id)), out,
                       1, e);
}

enum err_code row_entry_unbalanced(struct tx *tx, int64_t *out, struct err *e)
{
    return row_numbers(tx, SQL_ENTRY_UNBALANCED, NO_ARGS, out, 1, e);
}
