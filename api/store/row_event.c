/* Events and audit records: numbered in the order of their commits. Events are trimmed at
 * the old end, audit records never. */
#include "api/store/row.h"

static const struct column event_columns[] = {
    C_INT(struct event, seq),
    C_INT(struct event, at_ms),
    C_TEXT(struct event, organization_id),
    C_TEXT(struct event, project_id),
    C_TEXT(struct event, kind),
    C_TEXT(struct event, object_id),
    C_TEXT(struct event, actor_id),
    C_TEXT(struct event, request_id),
    C_TEXT(struct event, state),
    C_TEXT(struct event, summary),
};
ROW_MAP(events, struct event, "event", event_columns, &event_shape);
static const struct page_of event_page = {
    .map = &events,
    .list = SQL_EVENT_LIST,
    .list_all = SQL_EVENT_LIST_ALL,
    .filters = PAGE_STATE | PAGE_TEXT | PAGE_PROJECT | PAGE_INSTANCE | PAGE_RANGE,
};

static const struct column audit_columns[] = {
    C_INT(struct audit_record, seq),
    C_INT(struct audit_record, at_ms),
    C_TEXT(struct audit_record, organization_id),
    C_TEXT(struct audit_record, member_id),
    C_TEXT(struct audit_record, key_id),
    C_TEXT(struct audit_record, request_id),
    C_TEXT(struct audit_record, address),
    C_TEXT(struct audit_record, action),
    C_TEXT(struct audit_record, object_id),
    C_TEXT(struct audit_record, detail),
};
ROW_MAP(audits, struct audit_record, "audit record", audit_columns, &audit_record_shape);
static const struct page_of audit_page = {
    .map = &audits,
    .list = SQL_AUDIT_LIST,
    .list_all = SQL_AUDIT_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_INSTANCE | PAGE_RANGE,
};

/* Insert all but the number, which the database gives and answers. */
static enum err_code insert_numbered(struct tx *tx, const struct row_map *map, enum sql_id id,
                                     const void *obj, int64_t *seq, struct err *e)
{
    struct value args[COLUMNS_MAX];
    size_t count;
    enum err_code rc = row_bind(tx, map, obj, args, &count, e);

    if (!rc)
        rc = row_numbers(tx, id, args + 1, count - 1, seq, 1, e);
    return rc ? err_wrap(e, rc, "%s", map->noun) : ERR_OK;
}

enum err_code row_event_insert(struct tx *tx, struct event *ev, struct err *e)
{
    int64_t seq = 0;
    enum err_code rc = insert_numbered(tx, &events, SQL_EVENT_INSERT, ev, &seq, e);

    if (rc)
        return rc;
    ev->seq = seq;
    if (seq > tx->event_seq)
        tx->event_seq = seq;
    return ERR_OK;
}

enum err_code row_event_after(struct tx *tx, const char *organization_id, int64_t seq,
                              int64_t limit, struct event **out, size_t *count, struct err *e)
{
    const struct value args[] = {value_int(seq), value_int(limit), value_text(organization_id)};
    bool is_all = !organization_id[0];
    int64_t floor = 0;
    enum err_code rc = row_numbers(tx, SQL_EVENT_FLOOR, NO_ARGS, &floor, 1, e);

    if (rc)
        return rc;
    if (seq < floor)
        return err_set(e, ERR_GONE, "events up to number %lld are no longer kept",
                       (long long)floor);
    return row_list(tx, &events, is_all ? SQL_EVENT_AFTER_ALL : SQL_EVENT_AFTER, args,
                    is_all ? 2 : 3, out, count, e);
}

enum err_code row_event_last(struct tx *tx, int64_t *seq, struct err *e)
{
    return row_numbers(tx, SQL_EVENT_LAST, NO_ARGS, seq, 1, e);
}

enum err_code row_event_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                             struct event **out, size_t *count, char next[CURSOR_BYTES_MAX],
                             struct err *e)
{
    return row_page(tx, &event_page, organization_id, q, out, count, next, e);
}

enum err_code row_event_trim(struct tx *tx, int64_t keep, struct err *e)
{
    int64_t last = 0, moved = 0;
    enum err_code rc;

    if (keep < 0)
        return err_set(e, ERR_INVALID, "cannot keep %lld events", (long long)keep);
    rc = row_event_last(tx, &last, e);
    if (rc || last <= keep)
        return rc;
    rc = row_run(tx, SQL_EVENT_FLOOR_SET, ARGS(value_int(last - keep)), &moved, e);
    if (rc || !moved)
        return rc;
    return row_run(tx, SQL_EVENT_TRIM, ARGS(value_int(last - keep)), NULL, e);
}

enum err_code row_audit_insert(struct tx *tx, struct audit_record *a, struct err *e)
{
    int64_t seq = 0;
    enum err_code rc = insert_numbered(tx, &audits, SQL_AUDIT_INSERT, a, &seq, e);

    if (!rc)
        a->seq = seq;
    return rc;
}

enum err_code row_audit_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                             struct audit_record **out, size_t *count, char next[CURSOR_BYTES_MAX],
                             struct err *e)
{
    return row_page(tx, &audit_page, organization_id, q, out, count, next, e);
}
