/* Organizations, their projects, and who is asking. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

enum err_code organization_get(struct service *sv, struct tx *tx, const struct actor *by,
                               const char *id, struct organization *out, struct err *e)
{
    enum err_code rc = rule_check_object(by, ACTION_ORGANIZATION_READ, id, "organization", id, e);

    UNUSED(sv);
    if (rc)
        return rc;
    return row_organization_get(tx, id, out, e);
}

enum err_code organization_list(struct service *sv, struct tx *tx, const struct actor *by,
                                const struct page_query *q, struct organization **out,
                                size_t *count, char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    struct organization own, *items;
    enum err_code rc = rule_list(by, ACTION_ORGANIZATION_READ, q, scope, e);

    UNUSED(sv);
    if (rc)
        return rc;
    if (!scope[0])
        return row_organization_list(tx, q, out, count, next, e);
    rc = row_organization_get(tx, scope, &own, e);
    if (rc)
        return rc;
    items = calloc(1, sizeof *items);
    if (!items)
        return err_set(e, ERR_INTERNAL, "out of memory");
    items[0] = own;
    *out = items;
    *count = q->cursor[0] ? 0 : 1; /* one page, the first */
    next[0] = '\0';
    return ERR_OK;
}

static enum err_code project_insert(struct service *sv, struct tx *tx, const struct actor *by,
                                    const char *organization_id, const char *name,
                                    struct project *out, struct err *e)
{
    struct project p = {.created_at_ms = clock_now_ms(sv->clock), .version = 1};
    struct record r = {ACTION_PROJECT_CREATE, "project.created", organization_id, p.id, p.id, NULL};
    enum err_code rc;

    id_new(ID_PROJECT, sv->clock, p.id);
    text_copy(p.organization_id, sizeof p.organization_id, organization_id);
    text_copy(p.name, sizeof p.name, name);
    rc = row_project_insert(tx, &p, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "project %s created", p.name);
    if (!rc)
        *out = p;
    return rc;
}

enum err_code organization_make(struct service *sv, struct tx *tx, const struct actor *by,
                                const struct organization_create *in, const char *project,
                                struct organization *out, struct project *first, struct err *e)
{
    struct organization o = {.created_at_ms = clock_now_ms(sv->clock), .version = 1};
    struct record r = {ACTION_ORGANIZATION_CREATE, "organization.created", o.id, NULL, o.id, NULL};
    const struct catalogue *c;
    enum err_code rc = rule_check(by, ACTION_ORGANIZATION_CREATE, e);

    if (!rc)
        rc = input_name("/name", in->name, e);
    if (!rc)
        rc = input_country("/country", in->country, e);
    if (rc)
        return rc;
    id_new(ID_ORGANIZATION, sv->clock, o.id);
    text_copy(o.name, sizeof o.name, in->name);
    text_copy(o.country, sizeof o.country, in->country);
    c = catalogue_hold(sv); /* it can buy only what is priced in its currency */
    text_copy(o.currency, sizeof o.currency, c->currency);
    catalogue_put(sv, c);
    rc = row_organization_insert(tx, &o, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "organization %s created", o.name);
    if (!rc)
        rc = project_insert(sv, tx, by, o.id, project, first, e);
    if (!rc)
        *out = o;
    return rc;
}

enum err_code organization_create(struct service *sv, struct tx *tx, const struct actor *by,
                                  const struct organization_create *in, struct organization *out,
                                  struct err *e)
{
    struct project first;

    return organization_make(sv, tx, by, in, "default", out, &first, e);
}

enum err_code project_get(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                          struct project *out, struct err *e)
{
    struct project p;
    enum err_code rc = row_project_get(tx, id, &p, e);

    UNUSED(sv);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no project %s", id);
    if (!rc)
        rc = rule_check_object(by, ACTION_PROJECT_READ, p.organization_id, "project", id, e);
    if (!rc)
        *out = p;
    return rc;
}

enum err_code project_list(struct service *sv, struct tx *tx, const struct actor *by,
                           const struct page_query *q, struct project **out, size_t *count,
                           char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_PROJECT_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_project_list(tx, scope, q, out, count, next, e);
}

enum err_code project_create(struct service *sv, struct tx *tx, const struct actor *by,
                             const struct project_create *in, struct project *out, struct err *e)
{
    enum err_code rc = rule_check(by, ACTION_PROJECT_CREATE, e);

    if (!rc)
        rc = input_name("/name", in->name, e);
    return rc ? rc : project_insert(sv, tx, by, by->organization_id, in->name, out, e);
}

/* A key without a project, or whose project is gone, has none to show. */
static enum err_code me_project(struct tx *tx, const struct actor *by, struct me *m, struct err *e)
{
    enum err_code rc = row_project_get(tx, by->project_id, &m->project, e);

    if (rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    return ERR_OK;
}

enum err_code me_get(struct service *sv, struct tx *tx, const struct actor *by, struct me *out,
                     struct err *e)
{
    struct me m = {.server_time_ms = clock_now_ms(sv->clock)};
    struct api_key key = {0};
    enum err_code rc = row_organization_get(tx, by->organization_id, &m.organization, e);

    if (!rc)
        rc = row_member_get(tx, by->member_id, &m.member, e);
    if (!rc)
        rc = me_project(tx, by, &m, e);
    if (!rc)
        rc = row_api_key_get(tx, by->key_id, &key, e);
    if (rc)
        return rc;
    text_copy(m.key_id, sizeof m.key_id, key.id);
    m.key_expires_at_ms = key.expires_at_ms;
    text_copy(m.server_version, sizeof m.server_version, HOURGLASS_VERSION);
    *out = m;
    return ERR_OK;
}
