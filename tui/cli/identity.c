/* me, key, member, project: who is asking, and who else may. */
#include "tui/cli/cli.h"

#include <stdio.h>

int cli_me(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"organization", "organization/name", SHOW_TEXT},
        {"project", "project/name", SHOW_TEXT},
        {"member", "member/name", SHOW_TEXT},
        {"role", "member/role", SHOW_TEXT},
        {"staff role", "member/staff_role", SHOW_TEXT},
        {"key", "key_id", SHOW_TEXT},
        {"key expires", "key_expires_at", SHOW_TIME},
        {"server", "server_version", SHOW_TEXT},
    };
    json_t *me = NULL;
    int rc = cli_get(c, "/v1/me", &me);

    return rc ? rc : cli_print_object(c, me, columns, ARRAY_SIZE(columns));
}

static const struct cli_column key_columns[] = {
    {"ID", "id", SHOW_TEXT},
    {"NAME", "name", SHOW_TEXT},
    {"BEGINS", "hint", SHOW_TEXT},
    {"MEMBER", "member_id", SHOW_TEXT},
    {"CREATED", "created_at", SHOW_AGO},
    {"EXPIRES", "expires_at", SHOW_AGO},
    {"LAST USED", "last_used_at", SHOW_AGO},
    {"REVOKED", "revoked_at", SHOW_AGO},
};

int cli_key_list(struct cli *c)
{
    return cli_list(c, "/v1/keys", key_columns, ARRAY_SIZE(key_columns));
}

int cli_key_create(struct cli *c)
{
    static const struct cli_column columns[] = {{"id", "id", SHOW_TEXT},
                                                {"name", "name", SHOW_TEXT},
                                                {"expires", "expires_at", SHOW_TIME},
                                                {"token", "token", SHOW_TEXT}};
    struct err e;
    int64_t seconds;
    char at[RFC3339_MAX];
    json_t *key = NULL;
    STRBUF body;
    int rc;

    strbuf_init(&body, 4096);
    strbuf_adds(&body, "{\"name\":");
    json_quote(&body, c->args[0]);
    if (c->value[CLI_EXPIRES]) {
        if (duration_parse(c->value[CLI_EXPIRES], &seconds, &e))
            return cli_usage(c, "--expires: %s", e.msg);
        strbuf_addf(&body, ",\"expires_at\":\"%s\"",
                    rfc3339_format(clock_now_ms(c->clock) + seconds * 1000, at));
    }
    strbuf_addc(&body, '}');
    if (body.failed)
        return cli_usage(c, "the name is longer than allowed");
    rc = cli_create(c, "/v1/keys", body.data, &key);
    if (rc)
        return rc;
    if (c->format == CLI_TABLE)
        fputs("keep the token: it is shown this once\n", stderr);
    return cli_print_object(c, key, columns, ARRAY_SIZE(columns));
}

int cli_key_revoke(struct cli *c)
{
    STRBUF path;
    json_t *key = NULL;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = cli_path(c, &path, "/v1/keys/", c->args[0], "");
    if (!rc)
        rc =
            cli_confirm(c, "Programs that use key %s stop working at once. Revoke it?", c->args[0]);
    if (rc)
        return rc;
    rc = cli_send(c, "DELETE", path.data, NULL, &key);
    return rc ? rc : cli_print_object(c, key, key_columns, ARRAY_SIZE(key_columns));
}

int cli_member_list(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"ID", "id", SHOW_TEXT},           {"NAME", "name", SHOW_TEXT},
        {"E-MAIL", "email", SHOW_TEXT},    {"ROLE", "role", SHOW_TEXT},
        {"SINCE", "created_at", SHOW_AGO},
    };

    return cli_list(c, "/v1/members", columns, ARRAY_SIZE(columns));
}

int cli_project_list(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"ID", "id", SHOW_TEXT}, {"NAME", "name", SHOW_TEXT}, {"CREATED", "created_at", SHOW_AGO}};

    return cli_list(c, "/v1/projects", columns, ARRAY_SIZE(columns));
}
