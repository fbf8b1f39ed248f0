/* Rows of organizations, projects, members and API keys. Who may see them is decided in
 * the services. */
#include "api/store/row.h"

/* --- organizations ------------------------------------------------------------------------ */

static const struct column organization_columns[] = {
    C_TEXT(struct organization, id),           C_TEXT(struct organization, name),
    C_TEXT(struct organization, country),      C_TEXT(struct organization, currency),
    C_INT(struct organization, created_at_ms), C_VERSION(struct organization, version),
};
ROW_MAP(organizations, struct organization, "organization", organization_columns,
        &organization_shape);
static const struct page_of organization_page = {
    .map = &organizations,
    .list_all = SQL_ORGANIZATION_LIST,
    .filters = PAGE_TEXT | PAGE_RANGE,
};

enum err_code row_organization_insert(struct tx *tx, const struct organization *o, struct err *e)
{
    return row_insert(tx, &organizations, SQL_ORGANIZATION_INSERT, o, e);
}

enum err_code row_organization_get(struct tx *tx, const char *id, struct organization *out,
                                   struct err *e)
{
    return row_get(tx, &organizations, SQL_ORGANIZATION_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_organization_update(struct tx *tx, struct organization *o, struct err *e)
{
    return row_update(tx, &organizations, SQL_ORGANIZATION_UPDATE, o, e);
}

enum err_code row_organization_list(struct tx *tx, const struct page_query *q,
                                    struct organization **out, size_t *count,
                                    char next[CURSOR_BYTES_MAX], struct err *e)
{
    return row_page(tx, &organization_page, NULL, q, out, count, next, e);
}

/* --- projects ----------------------------------------------------------------------------- */

static const struct column project_columns[] = {
    C_TEXT(struct project, id),         C_FIXED(struct project, organization_id),
    C_TEXT(struct project, name),       C_INT(struct project, created_at_ms),
    C_VERSION(struct project, version),
};
ROW_MAP(projects, struct project, "project", project_columns, &project_shape);
static const struct page_of project_page = {
    .map = &projects,
    .list = SQL_PROJECT_LIST,
    .list_all = SQL_PROJECT_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_RANGE,
};

enum err_code row_project_insert(struct tx *tx, const struct project *p, struct err *e)
{
    return row_insert(tx, &projects, SQL_PROJECT_INSERT, p, e);
}

enum err_code row_project_get(struct tx *tx, const char *id, struct project *out, struct err *e)
{
    return row_get(tx, &projects, SQL_PROJECT_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_project_list(struct tx *tx, const char *organization_id,
                               const struct page_query *q, struct project **out, size_t *count,
                               char next[CURSOR_BYTES_MAX], struct err *e)
{
    return row_page(tx, &project_page, organization_id, q, out, count, next, e);
}

/* --- members ------------------------------------------------------------------------------ */

static const struct column member_columns[] = {
    C_TEXT(struct member, id),
    C_FIXED(struct member, organization_id),
    C_TEXT(struct member, name),
    C_TEXT(struct member, email),
    C_ENUM(struct member, role, role_names),
    C_ENUM(struct member, staff_role, staff_role_names),
    C_INT(struct member, created_at_ms),
    C_VERSION(struct member, version),
};
ROW_MAP(members, struct member, "member", member_columns, &member_shape);
static const struct page_of member_page = {
    .map = &members,
    .list = SQL_MEMBER_LIST,
    .list_all = SQL_MEMBER_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_RANGE,
};

enum err_code row_member_insert(struct tx *tx, const struct member *m, struct err *e)
{
    return row_insert(tx, &members, SQL_MEMBER_INSERT, m, e);
}

enum err_code row_member_get(struct tx *tx, const char *id, struct member *out, struct err *e)
{
    return row_get(tx, &members, SQL_MEMBER_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_member_update(struct tx *tx, struct member *m, struct err *e)
{
    return row_update(tx, &members, SQL_MEMBER_UPDATE, m, e);
}

enum err_code row_member_delete(struct tx *tx, const char *id, struct err *e)
{
    int64_t changed = 0;
    enum err_code rc = row_run(tx, SQL_MEMBER_DELETE, ARGS(value_text(id)), &changed, e);

    if (!rc && !changed)
        return err_set(e, ERR_NOT_FOUND, "no member %s", id);
    return rc;
}

enum err_code row_member_list(struct tx *tx, const char *organization_id,
                              const struct page_query *q, struct member **out, size_t *count,
                              char next[CURSOR_BYTES_MAX], struct err *e)
{
    return row_page(tx, &member_page, organization_id, q, out, count, next, e);
}

enum err_code row_member_count(struct tx *tx, const char *organization_id, enum role role,
                               int64_t *out, struct err *e)
{
    if ((unsigned)role >= ROLE_COUNT)
        return err_set(e, ERR_INTERNAL, "role %d has no name", (int)role);
    if (!organization_id[0])
        return row_numbers(tx, SQL_MEMBER_COUNT_ALL, ARGS(value_text(role_names[role])), out, 1, e);
    return row_numbers(tx, SQL_MEMBER_COUNT,
                       ARGS(value_text(role_names[role]), value_text(organization_id)), out, 1, e);
}

/* --- API keys ----------------------------------------------------------------------------- */

/* The token itself is never stored. */
static const struct column api_key_columns[] = {
    C_TEXT(struct api_key, id),           C_FIXED(struct api_key, organization_id),
    C_TEXT(struct api_key, member_id),    C_TEXT(struct api_key, project_id),
    C_TEXT(struct api_key, name),         C_TEXT(struct api_key, hint),
    C_INT(struct api_key, created_at_ms), C_INT(struct api_key, expires_at_ms),
    C_INT(struct api_key, revoked_at_ms), C_INT(struct api_key, last_used_at_ms),
};
ROW_MAP(api_keys, struct api_key, "API key", api_key_columns, &api_key_shape);
static const struct page_of api_key_page = {
    .map = &api_keys,
    .list = SQL_API_KEY_LIST,
    .list_all = SQL_API_KEY_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_PROJECT | PAGE_RANGE,
};

enum err_code row_api_key_insert(struct tx *tx, const struct api_key *k,
                                 const uint8_t hash[KEY_HASH_BYTES], struct err *e)
{
    struct value args[COLUMNS_MAX];
    size_t count;
    enum err_code rc = row_bind(tx, &api_keys, k, args, &count, e);

    if (rc)
        return rc;
    args[count++] = value_bytes(hash, KEY_HASH_BYTES);
    rc = row_run(tx, SQL_API_KEY_INSERT, args, count, NULL, e);
    return rc ? err_wrap(e, rc, "API key %s", k->id) : ERR_OK;
}

enum err_code row_api_key_get(struct tx *tx, const char *id, struct api_key *out, struct err *e)
{
    return row_get(tx, &api_keys, SQL_API_KEY_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_api_key_find(struct tx *tx, const uint8_t hash[KEY_HASH_BYTES],
                               struct api_key *out, struct err *e)
{
    return row_get(tx, &api_keys, SQL_API_KEY_FIND, ARGS(value_bytes(hash, KEY_HASH_BYTES)), out,
                   e);
}

/* Set a moment of a key; that it is set already is fine, that there is no key is not. */
static enum err_code key_mark(struct tx *tx, enum sql_id id, const char *key_id, int64_t at_ms,
                              struct err *e)
{
    int64_t changed = 0;
    struct api_key key;
    enum err_code rc = row_run(tx, id, ARGS(value_text(key_id), value_int(at_ms)), &changed, e);

    if (rc || changed)
        return rc;
    return row_api_key_get(tx, key_id, &key, e);
}

enum err_code row_api_key_revoke(struct tx *tx, const char *id, int64_t at_ms, struct err *e)
{
    return key_mark(tx, SQL_API_KEY_REVOKE, id, at_ms, e);
}

enum err_code row_api_key_touch(struct tx *tx, const char *id, int64_t at_ms, struct err *e)
{
    return key_mark(tx, SQL_API_KEY_TOUCH, id, at_ms, e);
}

enum err_code row_api_key_list(struct tx *tx, const char *organization_id,
                               const struct page_query *q, struct api_key **out, size_t *count,
                               char next[CURSOR_BYTES_MAX], struct err *e)
{
    return row_page(tx, &api_key_page, organization_id, q, out, count, next, e);
}
