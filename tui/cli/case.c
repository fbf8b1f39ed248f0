/* case: what renters' own reports opened for support: look, close. */
#include "tui/cli/cli.h"

static const struct cli_column columns[] = {
    {"ID", "id", SHOW_TEXT},
    {"STATE", "state", SHOW_TEXT},
    {"OPENED", "opened_at", SHOW_AGO},
    {"VERDICT", "verdict", SHOW_TEXT},
    {"REPORTS", "report_count", SHOW_NUMBER},
    {"INSTANCE", "instance_id", SHOW_TEXT},
    {"REPORT", "report_id", SHOW_TEXT},
    {"SUMMARY", "summary", SHOW_TEXT},
    {"NOTE", "note", SHOW_TEXT},
};

static const struct cli_column closed_columns[] = {
    {"id", "id", SHOW_TEXT},
    {"state", "state", SHOW_TEXT},
    {"instance", "instance_id", SHOW_TEXT},
    {"summary", "summary", SHOW_TEXT},
    {"note", "note", SHOW_TEXT},
    {"closed", "closed_at", SHOW_TIME},
};

int cli_case_list(struct cli *c)
{
    return cli_list(c, "/v1/cases", columns, ARRAY_SIZE(columns));
}

int cli_case_close(struct cli *c)
{
    json_t *closed = NULL;
    STRBUF path, body;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    strbuf_init(&body, HTTP_BODY_BYTES_MAX);
    if (!c->value[CLI_NOTE])
        return cli_usage(c, "say what was found or done; the customer reads it: --note TEXT");
    strbuf_adds(&body, "{\"action\":\"close\",\"note\":");
    json_quote(&body, c->value[CLI_NOTE]);
    strbuf_addc(&body, '}');
    rc = cli_path(c, &path, "/v1/cases/", c->args[0], "/actions");
    if (!rc)
        rc = cli_send(c, "POST", path.data, body.data, &closed);
    return rc ? rc : cli_print_object(c, closed, closed_columns, ARRAY_SIZE(closed_columns));
}
