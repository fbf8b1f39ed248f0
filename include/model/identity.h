/* Who: organizations pay, projects group work, members act through API keys. */
#ifndef MODEL_IDENTITY_H
#define MODEL_IDENTITY_H

#include "core/json.h"

#define ROLE_LIST(X)           \
    X(ROLE_OWNER, "owner")     \
    X(ROLE_ADMIN, "admin")     \
    X(ROLE_BILLING, "billing") \
    X(ROLE_MEMBER, "member")   \
    X(ROLE_VIEWER, "viewer")
enum role {
#define X(id, name) id,
    ROLE_LIST(X)
#undef X
        ROLE_COUNT
};
extern const char *const role_names[];

#define STAFF_ROLE_LIST(X)        \
    X(STAFF_NONE, "none")         \
    X(STAFF_SUPPORT, "support")   \
    X(STAFF_OPERATOR, "operator") \
    X(STAFF_AUDITOR, "auditor")
enum staff_role {
#define X(id, name) id,
    STAFF_ROLE_LIST(X)
#undef X
        STAFF_ROLE_COUNT
};
extern const char *const staff_role_names[];

struct organization {
    char id[ID_MAX];
    char name[NAME_BYTES_MAX];
    char country[3];
    char currency[CURRENCY_MAX];
    int64_t created_at_ms;
    int64_t version;
};

struct project {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    char name[NAME_BYTES_MAX];
    int64_t created_at_ms;
    int64_t version;
};

struct member {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    char name[NAME_BYTES_MAX];
    char email[EMAIL_BYTES_MAX];
    enum role role;
    enum staff_role staff_role;
    int64_t created_at_ms;
    int64_t version;
};

struct api_key {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    char member_id[ID_MAX];
    char project_id[ID_MAX]; /* default project of what is made with it */
    char name[NAME_BYTES_MAX];
    char hint[16];               /* first characters of the token, to recognise it */
    char token[TOKEN_BYTES_MAX]; /* in the answer to its creation only */
    int64_t created_at_ms;
    int64_t expires_at_ms; /* 0: never */
    int64_t revoked_at_ms;
    int64_t last_used_at_ms;
};

/* Who is asking, resolved from the key of a request; what services decide on. */
struct actor {
    char organization_id[ID_MAX];
    char member_id[ID_MAX];
    char project_id[ID_MAX];
    char key_id[ID_MAX];
    char request_id[ID_MAX];
    char address[64]; /* of the peer, for the audit record */
    enum role role;
    enum staff_role staff_role;
    bool is_system; /* a worker of ours: passes every rule, audited as "system" */
};

/* GET /v1/me */
struct me {
    struct organization organization;
    struct project project;
    struct member member;
    char key_id[ID_MAX];
    int64_t key_expires_at_ms;
    char server_version[SLUG_BYTES_MAX];
    int64_t server_time_ms; /* wire name server_time */
};

struct organization_create {
    char name[NAME_BYTES_MAX];
    char country[3];
};
struct project_create {
    char name[NAME_BYTES_MAX];
};
struct member_create {
    char name[NAME_BYTES_MAX];
    char email[EMAIL_BYTES_MAX];
    enum role role;
};
struct member_patch {
    enum role role;
};
struct api_key_create {
    char name[NAME_BYTES_MAX];
    char member_id[ID_MAX];  /* "": the caller */
    char project_id[ID_MAX]; /* "": the caller's */
    int64_t expires_at_ms;
};

extern const struct shape organization_shape, project_shape, member_shape, api_key_shape, me_shape,
    organization_create_shape, project_create_shape, member_create_shape, member_patch_shape,
    api_key_create_shape;

#endif
