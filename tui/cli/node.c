/* node: machines as staff see them: look, drain, resume. */
#include "tui/cli/cli.h"

static const struct cli_column list_columns[] = {
    {"ID", "id", SHOW_TEXT},
    {"NAME", "name", SHOW_TEXT},
    {"ZONE", "zone", SHOW_TEXT},
    {"STATE", "state", SHOW_TEXT},
    {"SINCE", "since", SHOW_AGO},
    {"GPUS", "gpu_count", SHOW_NUMBER},
    {"INSTANCES", "instance_count", SHOW_NUMBER},
    {"VERDICT", "verdict", SHOW_TEXT},
    {"CHECKED", "checked_at", SHOW_AGO},
    {"REASON", "reason", SHOW_TEXT},
};

static const struct cli_column show_columns[] = {
    {"id", "id", SHOW_TEXT},
    {"name", "name", SHOW_TEXT},
    {"zone", "zone", SHOW_TEXT},
    {"engine", "engine", SHOW_TEXT},
    {"state", "state", SHOW_TEXT},
    {"reason", "reason", SHOW_TEXT},
    {"since", "since", SHOW_TIME},
    {"gpus", "gpu_count", SHOW_NUMBER},
    {"virtual", "is_virtual", SHOW_TEXT},
    {"instances", "instance_count", SHOW_NUMBER},
    {"verdict", "verdict", SHOW_TEXT},
    {"checked", "checked_at", SHOW_TIME},
    {"report", "report_id", SHOW_TEXT},
    {"check runs", "check_id", SHOW_TEXT},
};

int cli_node_list(struct cli *c)
{
    return cli_list(c, "/v1/nodes", list_columns, ARRAY_SIZE(list_columns));
}

int cli_node_show(struct cli *c)
{
    json_t *node = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = cli_path(c, &path, "/v1/nodes/", c->args[0], "");
    if (!rc)
        rc = cli_get(c, path.data, &node);
    return rc ? rc : cli_print_object(c, node, show_columns, ARRAY_SIZE(show_columns));
}

static int act(struct cli *c, const char *action)
{
    json_t *node = NULL;
    STRBUF path, body;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    strbuf_init(&body, HTTP_BODY_BYTES_MAX);
    strbuf_addf(&body, "{\"action\":\"%s\"", action);
    if (c->value[CLI_REASON]) {
        strbuf_adds(&body, ",\"reason\":");
        json_quote(&body, c->value[CLI_REASON]);
    }
    strbuf_addc(&body, '}');
    rc = cli_path(c, &path, "/v1/nodes/", c->args[0], "/actions");
    if (!rc)
        rc = cli_send(c, "POST", path.data, body.data, &node);
    return rc ? rc : cli_print_object(c, node, show_columns, ARRAY_SIZE(show_columns));
}

int cli_node_drain(struct cli *c)
{
    if (!c->value[CLI_REASON])
        return cli_usage(c, "say why, for whoever finds it drained: --reason TEXT");
    return act(c, "drain");
}

int cli_node_resume(struct cli *c)
{
    return act(c, "resume");
}
