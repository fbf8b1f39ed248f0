/* What a fresh installation begins with: somebody who may do everything, and credit. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

#define TOKEN_BYTES_MIN 24 /* of a token that the operator chose */
#define MS_PER_DAY      (24LL * 60 * MS_PER_MINUTE)

static enum err_code is_seeded(struct tx *tx, bool *out, struct err *e)
{
    struct page_query q = {.limit = 1};
    struct organization *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;
    enum err_code rc = row_organization_list(tx, &q, &items, &count, next, e);

    free(items);
    if (!rc)
        *out = count > 0;
    return rc;
}

static enum err_code seed_organization(struct service *sv, struct tx *tx, const struct seed *seed,
                                       struct organization *o, struct project *p, struct err *e)
{
    struct organization_create in = {0};
    struct record r = {ACTION_ORGANIZATION_CREATE, NULL, o->id, NULL, o->id, NULL};
    enum err_code rc;

    text_copy(in.name, sizeof in.name, seed->organization);
    text_copy(in.country, sizeof in.country, seed->country);
    rc = organization_make(sv, tx, &system_actor, &in, seed->project, o, p, e);
    if (rc || strcmp(o->currency, seed->currency) == 0)
        return rc;
    text_copy(o->currency, sizeof o->currency, seed->currency);
    rc = row_organization_update(tx, o, e);
    return rc ? rc
              : record_write(sv, tx, &system_actor, &r, e, "organization %s pays in %s", o->name,
                             o->currency);
}

static enum err_code seed_member(struct service *sv, struct tx *tx, const struct seed *seed,
                                 const struct organization *o, struct member *m, struct err *e)
{
    struct member_create in = {.role = ROLE_OWNER};
    struct record r = {ACTION_MEMBER_UPDATE, NULL, m->organization_id, NULL, m->id, NULL};
    struct actor by = system_actor;
    enum err_code rc;

    text_copy(by.organization_id, sizeof by.organization_id, o->id);
    text_copy(in.name, sizeof in.name, seed->member);
    text_copy(in.email, sizeof in.email, seed->email);
    rc = member_create(sv, tx, &by, &in, m, e);
    if (rc || !seed->staff_support)
        return rc;
    m->staff_role = STAFF_SUPPORT;
    rc = row_member_update(tx, m, e);
    return rc ? rc
              : record_write(sv, tx, &by, &r, e, "member %s is now %s staff", m->name,
                             staff_role_names[m->staff_role]);
}

static enum err_code seed_grant(struct service *sv, struct tx *tx, const struct seed *seed,
                                const struct organization *o, struct err *e)
{
    struct grant_create in = {.kind = GRANT_PROMOTIONAL,
                              .amount = money_of(seed->grant_micros, o->currency)};
    struct grant g;

    if (seed->grant_micros <= 0)
        return ERR_OK;
    text_copy(in.organization_id, sizeof in.organization_id, o->id);
    text_copy(in.note, sizeof in.note, "credit to begin with");
    if (seed->grant_days > 0)
        in.expires_at_ms = clock_now_ms(sv->clock) + seed->grant_days * MS_PER_DAY;
    return grant_create(sv, tx, &system_actor, &in, &g, e);
}

static enum err_code seed_key(struct service *sv, struct tx *tx, const struct seed *seed,
                              const struct member *m, const struct project *p,
                              char token[TOKEN_BYTES_MAX], struct err *e)
{
    struct api_key k = {0};
    enum err_code rc;

    text_copy(k.organization_id, sizeof k.organization_id, m->organization_id);
    text_copy(k.member_id, sizeof k.member_id, m->id);
    text_copy(k.project_id, sizeof k.project_id, p->id);
    text_copy(k.name, sizeof k.name, "first key");
    if (seed->token[0])
        text_copy(k.token, sizeof k.token, seed->token);
    else
        token_make(k.token);
    rc = key_insert(sv, tx, &system_actor, &k, e);
    if (!rc)
        text_copy(token, TOKEN_BYTES_MAX, k.token);
    return rc;
}

enum err_code service_seed(struct service *sv, struct tx *tx, const struct seed *seed,
                           char token[TOKEN_BYTES_MAX], struct err *e)
{
    struct organization o;
    struct project p;
    struct member m;
    bool seeded = false;
    size_t len = strlen(seed->token);
    enum err_code rc = is_seeded(tx, &seeded, e);

    if (rc)
        return rc;
    token[0] = '\0';
    if (seeded)
        return ERR_OK;
    if (len && (len < TOKEN_BYTES_MIN || len >= TOKEN_BYTES_MAX))
        return err_set(e, ERR_INVALID, "a token has %d to %d characters", TOKEN_BYTES_MIN,
                       TOKEN_BYTES_MAX - 1);
    rc = seed_organization(sv, tx, seed, &o, &p, e);
    if (!rc)
        rc = seed_member(sv, tx, seed, &o, &m, e);
    if (!rc)
        rc = seed_grant(sv, tx, seed, &o, e);
    return rc ? rc : seed_key(sv, tx, seed, &m, &p, token, e);
}
