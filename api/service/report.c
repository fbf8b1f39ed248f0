/* Reports of checks: those of our own gate, and those that members post about their
 * machines. Only the gate's move money, and that happens where it is observed. */
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

/* Write a shallow copy with our own fields set; lists stay borrowed from `in`. */
static enum err_code report_save(struct service *sv, struct tx *tx, const struct actor *by,
                                 const struct report *in, const char *organization_id,
                                 const char *instance_id, enum report_origin origin,
                                 struct report *copy, struct err *e)
{
    struct record r = {ACTION_REPORT_POST, "report.created", organization_id, NULL, copy->id, NULL};
    enum err_code rc;

    *copy = *in;
    id_new(ID_REPORT, sv->clock, copy->id);
    text_copy(copy->organization_id, sizeof copy->organization_id, organization_id);
    text_copy(copy->instance_id, sizeof copy->instance_id, instance_id);
    copy->origin = origin;
    copy->received_at_ms = clock_now_ms(sv->clock);
    rc = row_report_insert(tx, copy, e);
    r.state = verdict_names[copy->verdict];
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "checks: %s",
                             copy->summary[0] ? copy->summary : verdict_names[copy->verdict]);
}

enum err_code report_post(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct report *in, struct report *out, struct err *e)
{
    char instance_id[ID_MAX];
    struct report copy;
    INSTANCE_OWN i = {0};
    enum err_code rc = rule_check(by, ACTION_REPORT_POST, e);

    text_copy(instance_id, sizeof instance_id, in->instance_id);
    if (!rc && in->ended_at_ms && in->ended_at_ms < in->started_at_ms)
        rc = input_refuse(e, "/ended_at", "out_of_range", "a report ends after it started");
    if (!rc && instance_id[0])
        rc = instance_fetch(sv, tx, by, ACTION_REPORT_POST, instance_id, &i, e);
    if (rc == ERR_NOT_FOUND)
        return input_refuse(e, "/instance_id", "unknown", "there is no such instance");
    if (!rc)
        rc = report_save(sv, tx, by, in, by->organization_id, instance_id, REPORT_MEMBER, &copy, e);
    if (rc)
        return rc;
    /* The caller owns *out: read it back instead of sharing the lists of `in`. */
    return row_report_get(tx, copy.id, out, e);
}

enum err_code report_gate(struct service *sv, struct tx *tx, const struct actor *by,
                          const char *instance_id, const struct report *in, struct err *e)
{
    struct report copy;
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, instance_id, &i, e);

    if (rc)
        return rc;
    return report_save(sv, tx, by, in, i.organization_id, i.id, REPORT_GATE, &copy, e);
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
