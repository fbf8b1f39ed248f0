/* Reports of checks: those of our own checks, and those that members post about their machines.
 * Only ours move money, and that happens where they are observed; a member's opens a case. */
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

/* Write a shallow copy with our own fields set; lists stay borrowed from `in`. */
static enum err_code report_save(struct service *sv, struct tx *tx, const struct actor *by,
                                 const struct report *in, const struct report_place *at,
                                 struct report *copy, struct err *e)
{
    struct record r = {
        ACTION_REPORT_POST, "report.created", at->organization_id, NULL, copy->id, NULL};
    enum err_code rc;

    *copy = *in;
    if (at->id[0])
        text_copy(copy->id, sizeof copy->id, at->id);
    else
        id_new(ID_REPORT, sv->clock, copy->id);
    text_copy(copy->organization_id, sizeof copy->organization_id, at->organization_id);
    text_copy(copy->instance_id, sizeof copy->instance_id, at->instance_id);
    copy->origin = at->origin;
    copy->received_at_ms = clock_now_ms(sv->clock);
    rc = row_report_insert(tx, copy, e);
    r.state = verdict_names[copy->verdict];
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "checks: %s",
                             copy->summary[0] ? copy->summary : verdict_names[copy->verdict]);
}

enum err_code report_keep(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct report *in, const struct report_place *at,
                          char out_id[ID_MAX], struct err *e)
{
    struct report copy;
    enum err_code rc = report_save(sv, tx, by, in, at, &copy, e);

    if (!rc)
        text_copy(out_id, ID_MAX, copy.id);
    return rc;
}

/* --- what it means --------------------------------------------------------------------- */

static bool is_theirs(const struct finding *f, const struct instance *i)
{
    if (!i || f->gpu_index < 0)
        return true; /* the machine, which is theirs too */
    for (size_t n = 0; n < i->slot_count; n++)
        if (i->slots[n].index == f->gpu_index)
            return true;
    return false;
}

static bool has_physical(const struct instance *i)
{
    for (size_t n = 0; n < i->slot_count; n++)
        if (!i->slots[n].is_virtual)
            return true;
    return false;
}

static void fault_write(const struct finding *f, char out[TEXT_BYTES_MAX])
{
    char where[32] = "";

    if (f->gpu_index >= 0)
        snprintf(where, sizeof where, ", GPU %lld", (long long)f->gpu_index);
    snprintf(out, TEXT_BYTES_MAX, "%s%s: %.150s", f->check, where,
             f->detail[0] ? f->detail : "failed");
}

bool report_is_bad(const struct report *r, const struct instance *i, bool alone,
                   char fault[TEXT_BYTES_MAX])
{
    bool named = false;

    text_copy(fault, TEXT_BYTES_MAX, r->summary[0] ? r->summary : verdict_names[r->verdict]);
    if (r->verdict != VERDICT_UNHEALTHY || (i && !has_physical(i)))
        return false;
    for (size_t n = 0; n < r->finding_count; n++) {
        const struct finding *f = &r->findings[n];

        if (f->result != CHECK_FAIL)
            continue;
        named = true;
        if (!is_theirs(f, i) || (!alone && f->floor > 0))
            continue;
        fault_write(f, fault);
        return true;
    }
    return !named; /* a checker that names nothing means what it was asked about */
}

/* --- those of members ------------------------------------------------------------------- */

enum err_code report_post(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct report *in, struct report *out, struct err *e)
{
    struct report_place at = {"", by->organization_id, in->instance_id, REPORT_MEMBER};
    struct report copy;
    INSTANCE_OWN i = {0};
    enum err_code rc = rule_check(by, ACTION_REPORT_POST, e);

    if (!rc && in->ended_at_ms && in->ended_at_ms < in->started_at_ms)
        rc = input_refuse(e, "/ended_at", "out_of_range", "a report ends after it started");
    if (!rc && in->instance_id[0])
        rc = instance_fetch(sv, tx, by, ACTION_REPORT_POST, in->instance_id, &i, e);
    if (rc == ERR_NOT_FOUND)
        return input_refuse(e, "/instance_id", "unknown", "there is no such instance");
    if (!rc)
        rc = report_save(sv, tx, by, in, &at, &copy, e);
    if (!rc && i.id[0] && (copy.verdict == VERDICT_UNHEALTHY || copy.verdict == VERDICT_DEGRADED))
        rc = case_note(sv, tx, by, &copy, e);
    if (rc)
        return rc;
    /* The caller owns *out: read it back instead of sharing the lists of `in`. */
    return row_report_get(tx, copy.id, out, e);
}

/* That of an idle node belongs to no organization: only staff find it. */
enum err_code report_get(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                         struct report *out, struct err *e)
{
    struct report r = {0};
    enum err_code rc = row_report_get(tx, id, &r, e);

    UNUSED(sv);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no report %s", id);
    if (!rc)
        rc = rule_check_object(by, ACTION_REPORT_READ, r.organization_id, "report", id, e);
    if (rc) {
        shape_release(&report_shape, &r);
        return rc;
    }
    *out = r;
    return ERR_OK;
}

enum err_code report_list(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct page_query *q, struct report **out, size_t *count,
                          char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_REPORT_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_report_list(tx, scope, q, out, count, next, e);
}
