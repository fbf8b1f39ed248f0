/* The event and the audit record of a change, written in its transaction. */
#include <assert.h>
#include <stdarg.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

static enum err_code event_write(struct tx *tx, const struct actor *by, const struct record *r,
                                 int64_t at_ms, const char *text, struct err *e)
{
    struct event ev = {.at_ms = at_ms};

    text_copy(ev.organization_id, sizeof ev.organization_id, r->organization_id);
    text_copy(ev.project_id, sizeof ev.project_id, r->project_id ? r->project_id : "");
    text_copy(ev.kind, sizeof ev.kind, r->kind);
    text_copy(ev.object_id, sizeof ev.object_id, r->object_id);
    text_copy(ev.actor_id, sizeof ev.actor_id, by->member_id);
    text_copy(ev.request_id, sizeof ev.request_id, by->request_id);
    text_copy(ev.state, sizeof ev.state, r->state ? r->state : "");
    text_copy(ev.summary, sizeof ev.summary, text);
    return row_event_insert(tx, &ev, e);
}

enum err_code record_write(struct service *sv, struct tx *tx, const struct actor *by,
                           const struct record *r, struct err *e, const char *fmt, ...)
{
    struct audit_record a = {.at_ms = clock_now_ms(sv->clock)};
    enum err_code rc;
    va_list ap;

    assert(r->organization_id && r->object_id);
    va_start(ap, fmt);
    vsnprintf(a.detail, sizeof a.detail, fmt, ap);
    va_end(ap);
    text_copy(a.organization_id, sizeof a.organization_id, r->organization_id);
    text_copy(a.member_id, sizeof a.member_id, by->member_id);
    text_copy(a.key_id, sizeof a.key_id, by->key_id);
    text_copy(a.request_id, sizeof a.request_id, by->request_id);
    text_copy(a.address, sizeof a.address, by->address);
    text_copy(a.action, sizeof a.action, rule_action_name(r->action));
    text_copy(a.object_id, sizeof a.object_id, r->object_id);
    rc = row_audit_insert(tx, &a, e);
    if (rc || !r->kind)
        return rc;
    return event_write(tx, by, r, a.at_ms, a.detail, e);
}
