/* Members and their roles. Only an owner makes, changes or removes an owner, and the last
 * owner stays. */
#include <assert.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

static enum err_code member_fetch(struct tx *tx, const struct actor *by, enum rule_action a,
                                  const char *id, struct member *out, struct err *e)
{
    struct member m;
    enum err_code rc = row_member_get(tx, id, &m, e);

    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no member %s", id);
    if (!rc)
        rc = rule_check_object(by, a, m.organization_id, "member", id, e);
    if (!rc)
        *out = m;
    return rc;
}

/* Owners are the owners' business. */
static enum err_code owner_check(const struct actor *by, enum role a, enum role b, struct err *e)
{
    if (by->is_system || by->role == ROLE_OWNER || (a != ROLE_OWNER && b != ROLE_OWNER))
        return ERR_OK;
    return err_set(e, ERR_FORBIDDEN,
                   "only an owner may make, change or remove an owner; you are %s",
                   role_names[by->role]);
}

static enum err_code last_owner_check(struct tx *tx, const struct member *m, struct err *e)
{
    int64_t owners;
    enum err_code rc;

    if (m->role != ROLE_OWNER)
        return ERR_OK;
    rc = row_member_count(tx, m->organization_id, ROLE_OWNER, &owners, e);
    if (rc)
        return rc;
    assert(owners >= 1);
    if (owners == 1)
        return err_set(e, ERR_CONFLICT, "%s is the last owner; make another member owner first",
                       m->name);
    return ERR_OK;
}

enum err_code member_get(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                         struct member *out, struct err *e)
{
    UNUSED(sv);
    return member_fetch(tx, by, ACTION_MEMBER_READ, id, out, e);
}

enum err_code member_list(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct page_query *q, struct member **out, size_t *count,
                          char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_MEMBER_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_member_list(tx, scope, q, out, count, next, e);
}

enum err_code member_create(struct service *sv, struct tx *tx, const struct actor *by,
                            const struct member_create *in, struct member *out, struct err *e)
{
    struct member m = {.role = in->role, .created_at_ms = clock_now_ms(sv->clock), .version = 1};
    struct record r = {
        ACTION_MEMBER_CREATE, "member.created", by->organization_id, NULL, m.id, NULL};
    enum err_code rc = rule_check(by, ACTION_MEMBER_CREATE, e);

    if (!rc)
        rc = owner_check(by, in->role, in->role, e);
    if (!rc)
        rc = input_name("/name", in->name, e);
    if (!rc)
        rc = input_email("/email", in->email, e);
    if (rc)
        return rc;
    id_new(ID_MEMBER, sv->clock, m.id);
    text_copy(m.organization_id, sizeof m.organization_id, by->organization_id);
    text_copy(m.name, sizeof m.name, in->name);
    text_copy(m.email, sizeof m.email, in->email);
    rc = row_member_insert(tx, &m, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "member %s added as %s", m.name, role_names[m.role]);
    if (!rc)
        *out = m;
    return rc;
}

enum err_code member_update(struct service *sv, struct tx *tx, const struct actor *by,
                            const char *id, int64_t if_version, const struct member_patch *in,
                            struct member *out, struct err *e)
{
    struct member m;
    struct record r = {ACTION_MEMBER_UPDATE, "member.updated", m.organization_id, NULL, m.id, NULL};
    enum err_code rc = member_fetch(tx, by, ACTION_MEMBER_UPDATE, id, &m, e);

    if (rc)
        return rc;
    if (if_version && if_version != m.version)
        return err_set(e, ERR_PRECONDITION, "member %s has changed since", m.name);
    rc = owner_check(by, m.role, in->role, e);
    if (!rc && in->role != ROLE_OWNER)
        rc = last_owner_check(tx, &m, e);
    if (rc)
        return rc;
    m.role = in->role;
    rc = row_member_update(tx, &m, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "member %s is now %s", m.name, role_names[m.role]);
    if (!rc)
        *out = m;
    return rc;
}

/* The keys of a member who leaves stop working with this transaction. */
static enum err_code keys_revoke_of(struct service *sv, struct tx *tx, const struct member *m,
                                    struct err *e)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX] = "";

    do {
        struct api_key *keys = NULL;
        size_t count = 0;
        enum err_code rc = row_api_key_list(tx, m->organization_id, &q, &keys, &count, next, e);

        for (size_t i = 0; !rc && i < count; i++)
            if (!keys[i].revoked_at_ms && strcmp(keys[i].member_id, m->id) == 0)
                rc = row_api_key_revoke(tx, keys[i].id, clock_now_ms(sv->clock), e);
        free(keys);
        if (rc)
            return rc;
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    return ERR_OK;
}

enum err_code member_delete(struct service *sv, struct tx *tx, const struct actor *by,
                            const char *id, struct err *e)
{
    struct member m;
    struct record r = {ACTION_MEMBER_DELETE, "member.deleted", m.organization_id, NULL, m.id, NULL};
    enum err_code rc = member_fetch(tx, by, ACTION_MEMBER_DELETE, id, &m, e);

    if (!rc)
        rc = owner_check(by, m.role, m.role, e);
    if (!rc)
        rc = last_owner_check(tx, &m, e);
    if (!rc)
        rc = keys_revoke_of(sv, tx, &m, e);
    if (!rc)
        rc = row_member_delete(tx, m.id, e);
    return rc ? rc : record_write(sv, tx, by, &r, e, "member %s removed", m.name);
}
