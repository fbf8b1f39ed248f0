/* Cases: what renters' own reports say, for support to look at. No money moves here, and no node
 * drains: a report that somebody posts is a claim. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

static enum err_code case_open(struct service *sv, struct tx *tx, const struct actor *by,
                               const struct report *r, struct err *e)
{
    struct support_case c = {
        .report_count = 1, .verdict = r->verdict, .state = CASE_OPEN, .version = 1};
    struct record rec = {ACTION_REPORT_POST,         "case.state", r->organization_id, NULL, c.id,
                         case_state_names[CASE_OPEN]};
    enum err_code rc;

    c.opened_at_ms = clock_now_ms(sv->clock);
    id_new(ID_CASE, sv->clock, c.id);
    text_copy(c.organization_id, sizeof c.organization_id, r->organization_id);
    text_copy(c.instance_id, sizeof c.instance_id, r->instance_id);
    text_copy(c.report_id, sizeof c.report_id, r->id);
    text_copy(c.summary, sizeof c.summary, r->summary);
    rc = row_case_insert(tx, &c, e);
    return rc ? rc
              : record_write(sv, tx, by, &rec, e, "a case was opened for instance %s: %.150s",
                             c.instance_id, c.summary[0] ? c.summary : verdict_names[c.verdict]);
}

static enum err_code case_join(struct service *sv, struct tx *tx, const struct actor *by,
                               struct support_case *c, const struct report *r, struct err *e)
{
    struct record rec = {ACTION_REPORT_POST,        "case.report", c->organization_id, NULL, c->id,
                         case_state_names[c->state]};
    enum err_code rc;

    c->report_count++;
    c->verdict = r->verdict;
    text_copy(c->summary, sizeof c->summary, r->summary);
    rc = row_case_update(tx, c, e);
    return rc ? rc : record_write(sv, tx, by, &rec, e, "report %s joined the case", r->id);
}

enum err_code case_note(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct report *r, struct err *e)
{
    struct support_case c = {0};
    enum err_code rc = row_case_open(tx, r->instance_id, &c, e);

    assert(r->origin == REPORT_MEMBER);
    if (!rc)
        return case_join(sv, tx, by, &c, r, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    return case_open(sv, tx, by, r, e);
}

static void actions_fill(const struct actor *by, struct support_case *c)
{
    struct action *act = &c->actions[CASE_CLOSE];
    const char *no = c->state == CASE_CLOSED ? "it is closed already" : NULL;
    struct err e;

    text_copy(act->name, sizeof act->name, case_action_names[CASE_CLOSE]);
    if (!no && rule_check_object(by, ACTION_CASE_CLOSE, c->organization_id, "case", c->id, &e))
        no = e.msg;
    act->available = !no;
    text_copy(act->reason, sizeof act->reason, no ? no : "");
    c->action_count = CASE_ACTION_COUNT;
}

static enum err_code case_fetch(struct tx *tx, const struct actor *by, enum rule_action a,
                                const char *id, struct support_case *out, struct err *e)
{
    enum err_code rc = row_case_get(tx, id, out, e);

    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no case %s", id);
    return rc ? rc : rule_check_object(by, a, out->organization_id, "case", id, e);
}

enum err_code case_get(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                       struct support_case *out, struct err *e)
{
    struct support_case c = {0};
    enum err_code rc = case_fetch(tx, by, ACTION_CASE_READ, id, &c, e);

    UNUSED(sv);
    if (rc)
        return rc;
    actions_fill(by, &c);
    *out = c;
    return ERR_OK;
}

enum err_code case_list(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct page_query *q, struct support_case **out, size_t *count,
                        char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_CASE_READ, q, scope, e);

    UNUSED(sv);
    if (!rc)
        rc = input_state(q, case_state_names, e);
    if (!rc)
        rc = row_case_list(tx, scope, q, out, count, next, e);
    for (size_t i = 0; !rc && i < *count; i++)
        actions_fill(by, &(*out)[i]);
    return rc;
}

enum err_code case_act(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                       int64_t if_version, const struct case_act *in, struct support_case *out,
                       struct err *e)
{
    struct support_case c = {0};
    struct record r = {ACTION_CASE_CLOSE,
                       "case.state",
                       c.organization_id,
                       NULL,
                       c.id,
                       case_state_names[CASE_CLOSED]};
    enum err_code rc = case_fetch(tx, by, ACTION_CASE_CLOSE, id, &c, e);

    assert(in->action == CASE_CLOSE);
    if (!rc && if_version && if_version != c.version)
        rc = err_set(e, ERR_PRECONDITION, "case %s has changed since", id);
    if (!rc)
        rc = input_name("/note", in->note, e);
    if (!rc && c.state == CASE_CLOSED)
        rc = err_set(e, ERR_CONFLICT, "cannot close case %s: it is closed already", id);
    if (rc)
        return rc;
    c.state = CASE_CLOSED;
    c.closed_at_ms = clock_now_ms(sv->clock);
    text_copy(c.closed_by, sizeof c.closed_by, by->member_id);
    text_copy(c.note, sizeof c.note, in->note);
    rc = row_case_update(tx, &c, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "the case was closed: %.180s", c.note);
    if (rc)
        return rc;
    actions_fill(by, &c);
    *out = c;
    return ERR_OK;
}
