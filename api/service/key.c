/* API keys: made here, shown once, kept as a hash. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

#define TOKEN_PREFIX       "hgk_"
#define TOKEN_RANDOM_BYTES 32
#define TOUCH_EVERY_MS     MS_PER_MINUTE

_Static_assert(sizeof TOKEN_PREFIX + 2 * TOKEN_RANDOM_BYTES <= TOKEN_BYTES_MAX, "a token fits");

void token_make(char out[TOKEN_BYTES_MAX])
{
    uint8_t bytes[TOKEN_RANDOM_BYTES];
    size_t prefix = sizeof TOKEN_PREFIX - 1;

    randombytes_buf(bytes, sizeof bytes);
    text_copy(out, TOKEN_BYTES_MAX, TOKEN_PREFIX);
    sodium_bin2hex(out + prefix, TOKEN_BYTES_MAX - prefix, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
}

void token_hash(const char *token, uint8_t hash[KEY_HASH_BYTES])
{
    crypto_generichash(hash, KEY_HASH_BYTES, (const unsigned char *)token, strlen(token), NULL, 0);
}

enum err_code key_insert(struct service *sv, struct tx *tx, const struct actor *by,
                         struct api_key *k, struct err *e)
{
    struct record r = {ACTION_KEY_CREATE, "key.created", k->organization_id,
                       k->project_id,     k->id,         NULL};
    uint8_t hash[KEY_HASH_BYTES];
    enum err_code rc;

    assert(k->token[0]);
    id_new(ID_API_KEY, sv->clock, k->id);
    k->created_at_ms = clock_now_ms(sv->clock);
    snprintf(k->hint, sizeof k->hint, "%.12s", k->token);
    token_hash(k->token, hash);
    rc = row_api_key_insert(tx, k, hash, e);
    return rc ? rc : record_write(sv, tx, by, &r, e, "API key %s created (%s)", k->name, k->hint);
}

static bool key_is_good(const struct api_key *k, int64_t now_ms)
{
    return !k->revoked_at_ms && (!k->expires_at_ms || k->expires_at_ms > now_ms);
}

/* Whatever is wrong with the key, its member is read as well, so that unknown, expired and
 * revoked keys cost the same. */
static enum err_code key_actor_make(struct service *sv, struct tx *tx, enum err_code found,
                                    const struct api_key *key, struct actor *out, struct err *e)
{
    struct member m = {0};
    enum err_code has_member;

    if (found && found != ERR_NOT_FOUND)
        return found;
    has_member = row_member_get(tx, key->member_id, &m, e);
    if (has_member && has_member != ERR_NOT_FOUND)
        return has_member;
    if (found || has_member || !key_is_good(key, clock_now_ms(sv->clock)))
        return err_set(e, ERR_UNAUTHENTICATED, "the API key is not valid");
    *out = (struct actor){.role = m.role, .staff_role = m.staff_role};
    text_copy(out->organization_id, sizeof out->organization_id, key->organization_id);
    text_copy(out->member_id, sizeof out->member_id, m.id);
    text_copy(out->project_id, sizeof out->project_id, key->project_id);
    text_copy(out->key_id, sizeof out->key_id, key->id);
    return ERR_OK;
}

/* A token is found by its hash, so how long the search takes tells about the
 * hash of a guess and nothing about a token. */
enum err_code key_authenticate(struct service *sv, struct tx *tx, const char *token,
                               struct actor *out, struct err *e)
{
    uint8_t hash[KEY_HASH_BYTES];
    struct api_key key = {0};
    enum err_code found;

    token_hash(token, hash);
    found = row_api_key_find(tx, hash, &key, e);
    return key_actor_make(sv, tx, found, &key, out, e);
}

enum err_code key_actor(struct service *sv, struct tx *tx, const char *key_id, struct actor *out,
                        struct err *e)
{
    struct api_key key = {0};
    enum err_code found = row_api_key_get(tx, key_id, &key, e);

    return key_actor_make(sv, tx, found, &key, out, e);
}

enum err_code key_touch_due(struct service *sv, struct tx *tx, const struct actor *by, bool *out,
                            struct err *e)
{
    struct api_key key;
    enum err_code rc = row_api_key_get(tx, by->key_id, &key, e);

    if (rc)
        return rc;
    *out = clock_now_ms(sv->clock) - key.last_used_at_ms >= TOUCH_EVERY_MS;
    return ERR_OK;
}

enum err_code key_touch(struct service *sv, struct tx *tx, const struct actor *by, struct err *e)
{
    bool due = false;
    enum err_code rc = key_touch_due(sv, tx, by, &due, e);

    if (rc || !due)
        return rc;
    return row_api_key_touch(tx, by->key_id, clock_now_ms(sv->clock), e);
}

enum err_code key_list(struct service *sv, struct tx *tx, const struct actor *by,
                       const struct page_query *q, struct api_key **out, size_t *count,
                       char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_KEY_READ, q, scope, e);

    UNUSED(sv);
    return rc ? rc : row_api_key_list(tx, scope, q, out, count, next, e);
}

/* May `by` make or revoke keys that act for this member? Nobody may reach beyond their own
 * role that way. *m: the member, zeroed where `by` needs to ask nobody. */
static enum err_code key_member_check(struct tx *tx, const struct actor *by, const char *member_id,
                                      const char *pointer, struct member *m, struct err *e)
{
    enum err_code rc;

    *m = (struct member){0};
    if (by->is_system || strcmp(member_id, by->member_id) == 0)
        return ERR_OK;
    rc = row_member_get(tx, member_id, m, e);
    if (rc && rc != ERR_NOT_FOUND)
        return rc;
    if (rc || strcmp(m->organization_id, by->organization_id) != 0)
        return input_refuse(e, pointer, "unknown", "there is no such member");
    if (by->role != ROLE_OWNER && by->role != ROLE_ADMIN)
        return err_set(e, ERR_FORBIDDEN, "only owner, admin may handle keys of others; you are %s",
                       role_names[by->role]);
    if (m->role == ROLE_OWNER && by->role != ROLE_OWNER)
        return err_set(e, ERR_FORBIDDEN,
                       "only an owner may handle the keys of an owner; you are %s",
                       role_names[by->role]);
    return ERR_OK;
}

/* A key carries its member's staff role too, which reaches into every organization: only its
 * bearer makes one. */
static enum err_code key_staff_check(const struct member *m, struct err *e)
{
    if (m->staff_role == STAFF_NONE)
        return ERR_OK;
    return err_set(e, ERR_FORBIDDEN, "only %s may make keys of their own: they are %s staff",
                   m->name, staff_role_names[m->staff_role]);
}

static enum err_code key_project_check(struct tx *tx, const struct actor *by,
                                       const char *project_id, struct err *e)
{
    struct project p;
    enum err_code rc = project_id[0] ? row_project_get(tx, project_id, &p, e) : ERR_OK;

    if (rc == ERR_NOT_FOUND ||
        (!rc && project_id[0] && strcmp(p.organization_id, by->organization_id) != 0))
        return input_refuse(e, "/project_id", "unknown", "there is no such project");
    return rc;
}

enum err_code key_create(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct api_key_create *in, struct api_key *out, struct err *e)
{
    struct api_key k = {.expires_at_ms = in->expires_at_ms};
    struct member m;
    enum err_code rc = rule_check(by, ACTION_KEY_CREATE, e);

    if (!rc)
        rc = input_name("/name", in->name, e);
    if (!rc && in->expires_at_ms && in->expires_at_ms <= clock_now_ms(sv->clock))
        rc = input_refuse(e, "/expires_at", "in_the_past", "a key must expire in the future");
    text_copy(k.organization_id, sizeof k.organization_id, by->organization_id);
    text_copy(k.member_id, sizeof k.member_id, in->member_id[0] ? in->member_id : by->member_id);
    text_copy(k.project_id, sizeof k.project_id,
              in->project_id[0] ? in->project_id : by->project_id);
    text_copy(k.name, sizeof k.name, in->name);
    if (!rc)
        rc = key_member_check(tx, by, k.member_id, "/member_id", &m, e);
    if (!rc)
        rc = key_staff_check(&m, e);
    if (!rc)
        rc = key_project_check(tx, by, k.project_id, e);
    if (rc)
        return rc;
    token_make(k.token);
    rc = key_insert(sv, tx, by, &k, e);
    if (!rc)
        *out = k;
    sodium_memzero(k.token, sizeof k.token);
    return rc;
}

enum err_code key_revoke(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                         struct api_key *out, struct err *e)
{
    struct api_key k;
    struct member m;
    struct record r = {ACTION_KEY_REVOKE, "key.revoked", k.organization_id,
                       k.project_id,      k.id,          NULL};
    enum err_code rc = row_api_key_get(tx, id, &k, e);

    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no key %s", id);
    if (!rc)
        rc = rule_check_object(by, ACTION_KEY_REVOKE, k.organization_id, "key", id, e);
    if (!rc && k.revoked_at_ms) { /* revoked is what was asked for */
        *out = k;
        return ERR_OK;
    }
    if (!rc)
        rc = key_member_check(tx, by, k.member_id, "", &m, e);
    if (rc)
        return rc;
    k.revoked_at_ms = clock_now_ms(sv->clock);
    rc = row_api_key_revoke(tx, k.id, k.revoked_at_ms, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "API key %s revoked", k.name);
    if (!rc)
        *out = k;
    return rc;
}
