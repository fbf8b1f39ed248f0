/* The rows and names of organizations, projects, members and API keys. Who may do what
 * is decided by the services. */
#include "model/identity.h"

#define EMAIL_BYTES_MIN 3 /* a@b */

const char *const role_names[] = {
#define X(id, name) [id] = name,
    ROLE_LIST(X)
#undef X
        [ROLE_COUNT] = NULL};

const char *const staff_role_names[] = {
#define X(id, name) [id] = name,
    STAFF_ROLE_LIST(X)
#undef X
        [STAFF_ROLE_COUNT] = NULL};

static const struct field organization_fields[] = {
    F_STRING(struct organization, id, FIELD_REQUIRED, 1, 0, "Identifier of the organization."),
    F_STRING(struct organization, name, 0, 0, 0, "Its name."),
    F_STRING(struct organization, country, FIELD_OMIT, 0, 0, "Its country, ISO 3166-1 alpha-2."),
    F_STRING(struct organization, currency, 0, 0, 0, "The currency it pays in, ISO 4217."),
    F_TIME(struct organization, created_at, FIELD_OMIT, "When it was created."),
    F_INT(struct organization, version, 0, 0, 0, "Grows with every change; the ETag."),
};
SHAPE(organization_shape, struct organization, "Organization", "Who pays.", organization_fields);

static const struct field organization_create_fields[] = {
    F_STRING(struct organization_create, name, FIELD_REQUIRED, 1, 0, "Its name."),
    F_STRING(struct organization_create, country, FIELD_REQUIRED, 2, 2,
             "Its country, ISO 3166-1 alpha-2."),
};
SHAPE(organization_create_shape, struct organization_create, "OrganizationCreate",
      "An organization to create.", organization_create_fields);

static const struct field project_fields[] = {
    F_STRING(struct project, id, FIELD_REQUIRED, 1, 0, "Identifier of the project."),
    F_STRING(struct project, organization_id, 0, 0, 0, "The organization it belongs to."),
    F_STRING(struct project, name, 0, 0, 0, "Its name."),
    F_TIME(struct project, created_at, FIELD_OMIT, "When it was created."),
    F_INT(struct project, version, 0, 0, 0, "Grows with every change; the ETag."),
};
SHAPE(project_shape, struct project, "Project", "A group of work.", project_fields);

static const struct field project_create_fields[] = {
    F_STRING(struct project_create, name, FIELD_REQUIRED, 1, 0, "Its name."),
};
SHAPE(project_create_shape, struct project_create, "ProjectCreate", "A project to create.",
      project_create_fields);

static const struct field member_fields[] = {
    F_STRING(struct member, id, FIELD_REQUIRED, 1, 0, "Identifier of the member."),
    F_STRING(struct member, organization_id, 0, 0, 0, "The organization the member belongs to."),
    F_STRING(struct member, name, 0, 0, 0, "Name of the person or program."),
    F_STRING(struct member, email, FIELD_OMIT, 0, 0, "Address for notices."),
    F_ENUM(struct member, role, 0, role_names, "What the member may do in the organization."),
    F_ENUM(struct member, staff_role, 0, staff_role_names,
           "What the member may do for every organization."),
    F_TIME(struct member, created_at, FIELD_OMIT, "When the member was added."),
    F_INT(struct member, version, 0, 0, 0, "Grows with every change; the ETag."),
};
SHAPE(member_shape, struct member, "Member", "Someone who acts for an organization.",
      member_fields);

static const struct field member_create_fields[] = {
    F_STRING(struct member_create, name, FIELD_REQUIRED, 1, 0, "Name of the person or program."),
    F_STRING(struct member_create, email, FIELD_REQUIRED, EMAIL_BYTES_MIN, 0,
             "Address for notices."),
    F_ENUM(struct member_create, role, FIELD_REQUIRED, role_names,
           "What the member may do in the organization."),
};
SHAPE(member_create_shape, struct member_create, "MemberCreate", "A member to add.",
      member_create_fields);

static const struct field member_patch_fields[] = {
    F_ENUM(struct member_patch, role, FIELD_REQUIRED, role_names,
           "What the member may do in the organization."),
};
SHAPE(member_patch_shape, struct member_patch, "MemberPatch", "What to change.",
      member_patch_fields);

static const struct field api_key_fields[] = {
    F_STRING(struct api_key, id, FIELD_REQUIRED, 1, 0, "Identifier of the key."),
    F_STRING(struct api_key, organization_id, 0, 0, 0, "The organization it belongs to."),
    F_STRING(struct api_key, member_id, 0, 0, 0, "The member it acts for."),
    F_STRING(struct api_key, project_id, FIELD_OMIT, 0, 0, "The project of what is made with it."),
    F_STRING(struct api_key, name, 0, 0, 0, "What it is for."),
    F_STRING(struct api_key, hint, FIELD_OMIT, 0, 0,
             "First characters of the token, to recognise it."),
    F_STRING(struct api_key, token, FIELD_OMIT, 0, 0,
             "The token itself; only in the answer to its creation."),
    F_TIME(struct api_key, created_at, FIELD_OMIT, "When it was created."),
    F_TIME(struct api_key, expires_at, FIELD_OMIT, "When it ceases to work; left out: never."),
    F_TIME(struct api_key, revoked_at, FIELD_OMIT, "When it was revoked."),
    F_TIME(struct api_key, last_used_at, FIELD_OMIT, "When it was last used."),
};
SHAPE(api_key_shape, struct api_key, "ApiKey", "A key with which a member acts.", api_key_fields);

static const struct field api_key_create_fields[] = {
    F_STRING(struct api_key_create, name, FIELD_REQUIRED, 1, 0, "What it is for."),
    F_STRING(struct api_key_create, member_id, FIELD_OMIT, 1, 0,
             "The member it acts for; the caller when left out."),
    F_STRING(struct api_key_create, project_id, FIELD_OMIT, 1, 0,
             "The project of what is made with it; the caller's when left out."),
    F_TIME(struct api_key_create, expires_at, FIELD_OMIT,
           "When it ceases to work; never when left out."),
};
SHAPE(api_key_create_shape, struct api_key_create, "ApiKeyCreate", "A key to create.",
      api_key_create_fields);

static const struct field me_fields[] = {
    F_OBJECT(struct me, organization, FIELD_REQUIRED, &organization_shape,
             "The caller's organization."),
    F_OBJECT(struct me, project, FIELD_OMIT, &project_shape,
             "The project of what the caller makes."),
    F_OBJECT(struct me, member, FIELD_REQUIRED, &member_shape, "The caller."),
    F_STRING(struct me, key_id, FIELD_OMIT, 0, 0, "The key that was used."),
    F_TIME(struct me, key_expires_at, FIELD_OMIT, "When that key ceases to work."),
    F_STRING(struct me, server_version, 0, 0, 0, "Version of the control plane."),
    F_TIME(struct me, server_time, FIELD_OMIT, "The control plane's clock."),
};
SHAPE(me_shape, struct me, "Me", "Who is asking.", me_fields);
