/* Events and audit records as they are read, and what is forgotten of them. */
#include <string.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

enum err_code event_list(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct page_query *q, struct event **out, size_t *count,
                         char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_EVENT_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_event_list(tx, scope, q, out, count, next, e);
}

enum err_code event_after(struct service *sv, struct tx *tx, const struct actor *by, int64_t seq,
                          int64_t limit, struct event **out, size_t *count, struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_check(by, ACTION_EVENT_READ, e);

    UNUSED(sv);
    if (!rc && (limit < 1 || limit > PAGE_ITEMS_MAX))
        rc = err_set(e, ERR_INVALID, "limit must be between 1 and %d", PAGE_ITEMS_MAX);
    if (!rc && seq < 0)
        rc = err_set(e, ERR_INVALID, "an event's number is not negative");
    if (!rc)
        rc = rule_scope(by, "", scope, e);
    return rc ? rc : row_event_after(tx, scope, seq, limit, out, count, e);
}

enum err_code audit_list(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct page_query *q, struct audit_record **out, size_t *count,
                         char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_AUDIT_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_audit_list(tx, scope, q, out, count, next, e);
}

enum err_code service_trim(struct service *sv, struct tx *tx, const struct actor *by, struct err *e)
{
    int64_t before_ms = clock_now_ms(sv->clock) - (int64_t)IDEMPOTENCY_KEEP_SECONDS * MS_PER_SECOND;
    enum err_code rc = row_event_trim(tx, EVENT_KEEP_MAX, e);

    UNUSED(by);
    return rc ? rc : row_idempotency_trim(tx, before_ms, e);
}

enum err_code orphan_report(struct service *sv, struct tx *tx, const struct actor *by,
                            const char *id, bool is_job, struct err *e)
{
    struct event ev = {.at_ms = clock_now_ms(sv->clock)};

    UNUSED(by);
    text_copy(ev.kind, sizeof ev.kind, "engine.orphan");
    text_copy(ev.object_id, sizeof ev.object_id, id);
    snprintf(ev.summary, sizeof ev.summary, "engine %s has %s %s that no row knows",
             sv->engine ? sv->engine->ops->name : "none", is_job ? "job" : "instance",
             ev.object_id);
    return row_event_insert(tx, &ev, e);
}
