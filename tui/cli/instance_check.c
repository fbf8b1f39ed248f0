/* instance check: ask the control plane to check an instance's GPUs, and wait for what it finds. */
#include <stdio.h>
#include <string.h>

#include "tui/cli/report.h"

static const struct cli_column asked_columns[] = {
    {"id", "id", SHOW_TEXT},           {"name", "name", SHOW_TEXT},
    {"state", "state", SHOW_TEXT},     {"tier", "check_tier", SHOW_TEXT},
    {"report", "check_id", SHOW_TEXT},
};

static int over(const json_t *instance, const void *ctx)
{
    const char *check = json_string_value(json_object_get(instance, "check_id"));

    return check && strcmp(check, ctx) == 0 ? -1 : CLI_OK;
}

/* The check ends with its instance: then there is no report. */
static int report_get(struct cli *c, const char *check, const json_t *instance)
{
    const char *state = json_string_value(json_object_get(instance, "state"));
    json_t *report = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = cli_path(c, &path, "/v1/reports/", check, "");
    if (!rc)
        rc = cli_get(c, path.data, &report);
    if (rc == CLI_NOT_FOUND) {
        cli_say("the check ended with its instance, which is %s", state ? state : "not known");
        return CLI_BAD_RESULT;
    }
    return rc ? rc : cli_verdict_print(c, report);
}

static int wait_report(struct cli *c, const json_t *asked)
{
    const char *check = json_string_value(json_object_get(asked, "check_id"));
    const struct cli_wait w = {.over = over, .ctx = check, .still = "under way"};
    json_t *instance = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    if (!check) {
        cli_say("the server's answer: there is no check in it");
        return CLI_FAILED;
    }
    rc = cli_path(c, &path, "/v1/instances/", c->args[0], "");
    if (!rc)
        rc = cli_wait_for(c, path.data, &w, &instance);
    if (!rc)
        rc = report_get(c, check, instance);
    else if (rc == CLI_UNREACHABLE)
        cli_say("its report will be: hourglass check show %s", check);
    json_decref(instance);
    return rc;
}

int cli_instance_check(struct cli *c)
{
    const char *tier = NULL;
    json_t *asked = NULL;
    STRBUF path, body;
    int rc = cli_tier(c, &tier);

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    strbuf_init(&body, 256);
    strbuf_adds(&body, "{\"action\":\"check\"");
    if (tier)
        strbuf_addf(&body, ",\"tier\":\"%s\"", tier);
    if (c->value[CLI_DISTURB])
        strbuf_adds(&body, ",\"disturb\":true");
    strbuf_addc(&body, '}');
    if (!rc)
        rc = cli_path(c, &path, "/v1/instances/", c->args[0], "/actions");
    if (!rc)
        rc = cli_send(c, "POST", path.data, body.data, &asked);
    if (rc)
        return rc;
    if (!c->value[CLI_WAIT])
        return cli_print_object(c, asked, asked_columns, ARRAY_SIZE(asked_columns));
    rc = wait_report(c, asked);
    json_decref(asked);
    return rc;
}
