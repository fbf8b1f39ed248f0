/* instance: launch, look, stop, start, delete. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tui/cli/cli.h"
#include "tui/cli/estimate.h"

static const struct cli_column list_columns[] = {
    {"ID", "id", SHOW_TEXT},
    {"NAME", "name", SHOW_TEXT},
    {"OFFER", "offer_id", SHOW_TEXT},
    {"STATE", "state", SHOW_TEXT},
    {"REASON", "state_reason", SHOW_TEXT},
    {"BILLING", "billing", SHOW_TEXT},
    {"PRICE/H", "price_per_hour", SHOW_MONEY},
    {"COST", "cost", SHOW_MONEY},
    {"CREATED", "created_at", SHOW_AGO},
    {"ENDS", "deadline_at", SHOW_AGO},
};

static const struct cli_column show_columns[] = {
    {"id", "id", SHOW_TEXT},
    {"name", "name", SHOW_TEXT},
    {"offer", "offer_id", SHOW_TEXT},
    {"zone", "zone", SHOW_TEXT},
    {"state", "state", SHOW_TEXT},
    {"wanted", "desired_state", SHOW_TEXT},
    {"reason", "state_reason", SHOW_TEXT},
    {"detail", "state_detail", SHOW_TEXT},
    {"billing", "billing", SHOW_TEXT},
    {"price per hour", "price_per_hour", SHOW_MONEY},
    {"cost so far", "cost", SHOW_MONEY},
    {"check", "gate_verdict", SHOW_TEXT},
    {"check says", "gate_summary", SHOW_TEXT},
    {"limits by", "limits", SHOW_TEXT},
    {"created", "created_at", SHOW_TIME},
    {"running since", "running_at", SHOW_TIME},
    {"ends", "deadline_at", SHOW_TIME},
    {"ended", "ended_at", SHOW_TIME},
};

int cli_instance_list(struct cli *c)
{
    return cli_list(c, "/v1/instances", list_columns, ARRAY_SIZE(list_columns));
}

static void path_of(struct strbuf *path, const char *id, const char *rest)
{
    strbuf_reset(path);
    strbuf_adds(path, "/v1/instances/");
    url_encode(path, id);
    strbuf_adds(path, rest);
}

static void print_slots(const json_t *instance)
{
    size_t i;
    json_t *slot;

    json_array_foreach(json_object_get(instance, "slots"), i, slot)
    {
        const char *label = json_string_value(json_object_get(slot, "label"));

        printf("%-14s  %lld: %s%s\n", i == 0 ? "gpu" : "",
               (long long)json_integer_value(json_object_get(slot, "index")), label ? label : "-",
               json_is_true(json_object_get(slot, "is_virtual")) ? " (no real GPU behind it)" : "");
    }
}

static void print_actions(const json_t *instance)
{
    size_t i;
    json_t *a;

    json_array_foreach(json_object_get(instance, "actions"), i, a)
    {
        const char *name = json_string_value(json_object_get(a, "name"));
        const char *why = json_string_value(json_object_get(a, "reason"));
        bool can = json_is_true(json_object_get(a, "available"));

        printf("%-14s  %s%s%s\n", i == 0 ? "may" : "", name ? name : "-", can ? "" : ": not now, ",
               can || !why ? "" : why);
    }
}

int cli_instance_show(struct cli *c)
{
    json_t *in = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    path_of(&path, c->args[0], "");
    rc = cli_get(c, path.data, &in);
    if (rc)
        return rc;
    json_incref(in);
    rc = cli_print_object(c, in, show_columns, ARRAY_SIZE(show_columns));
    if (!rc && c->format == CLI_TABLE) {
        print_slots(in);
        print_actions(in);
    }
    json_decref(in);
    return rc;
}

/* --- launch ----------------------------------------------------------------------------------- */

static int add_ssh_key(struct cli *c, struct strbuf *body)
{
    static const char *const names[] = {"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"};
    const char *home = getenv("HOME");
    char path[URL_BYTES_MAX];
    struct err e;
    enum err_code rc = ERR_NOT_FOUND;
    STRBUF key;

    strbuf_init(&key, 1023);
    if (c->value[CLI_SSH_KEY])
        rc = file_read(c->value[CLI_SSH_KEY], &key, &e);
    for (size_t i = 0; !c->value[CLI_SSH_KEY] && home && i < ARRAY_SIZE(names) && rc; i++) {
        snprintf(path, sizeof path, "%s/.ssh/%s", home, names[i]);
        strbuf_reset(&key);
        rc = file_read(path, &key, &e);
    }
    if (rc && c->value[CLI_SSH_KEY])
        return cli_fail(&e, rc);
    if (rc)
        return CLI_OK; /* none: nobody logs in, and `instance ssh` says so */
    while (key.len && (key.data[key.len - 1] == '\n' || key.data[key.len - 1] == '\r'))
        key.data[--key.len] = '\0';
    strbuf_adds(body, ",\"ssh_public_key\":");
    json_quote(body, key.data);
    return CLI_OK;
}

static int add_ends(struct cli *c, struct strbuf *body)
{
    int64_t value;
    struct err e;

    if (c->value[CLI_FOR]) {
        if (duration_parse(c->value[CLI_FOR], &value, &e))
            return cli_usage(c, "--for: %s", e.msg);
        strbuf_addf(body, ",\"stop_after_seconds\":%lld", (long long)value);
    }
    if (c->value[CLI_UNTIL]) {
        strbuf_adds(body, ",\"deadline_at\":");
        json_quote(body, c->value[CLI_UNTIL]);
    }
    if (c->value[CLI_MAX_PRICE]) {
        if (micros_parse(c->value[CLI_MAX_PRICE], &value, &e))
            return cli_usage(c, "--max-price: %s", e.msg);
        strbuf_addf(body, ",\"price_max\":{\"amount_micros\":%lld,\"currency\":\"EUR\"}",
                    (long long)value);
    }
    return CLI_OK;
}

static int launch_body(struct cli *c, struct strbuf *body)
{
    int rc;

    if (!c->value[CLI_OFFER])
        return cli_usage(c, "say what to launch with --offer ID (hourglass offer list)");
    strbuf_adds(body, "{\"offer_id\":");
    json_quote(body, c->value[CLI_OFFER]);
    if (c->value[CLI_NAME]) {
        strbuf_adds(body, ",\"name\":");
        json_quote(body, c->value[CLI_NAME]);
    }
    if (c->value[CLI_NETWORK])
        strbuf_adds(body, ",\"network\":true");
    rc = add_ends(c, body);
    if (!rc)
        rc = add_ssh_key(c, body);
    strbuf_addc(body, '}');
    return rc;
}

/* Without an end, the price of forgetting it is part of the question. */
static bool launch_confirmed(struct cli *c)
{
    if (c->value[CLI_FOR] || c->value[CLI_UNTIL])
        return cli_confirm(c, "Launch it?");
    return cli_confirm(c,
                       "It runs, at this price, until you stop it or the credit ends. Launch it?");
}

int cli_instance_launch(struct cli *c)
{
    json_t *in = NULL;
    STRBUF body, path;
    int rc;

    strbuf_init(&body, 64 * 1024);
    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = launch_body(c, &body);
    if (!rc && (c->value[CLI_DRY_RUN] || !c->value[CLI_YES]))
        rc = cli_estimate(c, "/v1/instances", body.data, c->value[CLI_DRY_RUN] != NULL);
    if (rc || c->value[CLI_DRY_RUN])
        return rc;
    if (!launch_confirmed(c))
        return CLI_USAGE;
    rc = cli_send(c, "POST", "/v1/instances", body.data, &in);
    if (rc)
        return rc;
    if (c->value[CLI_WAIT]) {
        path_of(&path, json_string_value(json_object_get(in, "id")), "");
        json_decref(in);
        in = NULL;
        rc = cli_wait(c, path.data, "running", "failed terminated stopped", &in);
    }
    if (in)
        cli_print_object(c, in, show_columns, ARRAY_SIZE(show_columns));
    return rc;
}

/* --- stop, start, delete ------------------------------------------------------------------------
 */

static int act_one(struct cli *c, const char *id, const char *action, const char *until)
{
    STRBUF path, body;
    json_t *in = NULL;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    strbuf_init(&body, 256);
    path_of(&path, id, "/actions");
    strbuf_addf(&body, "{\"action\":\"%s\"}", action);
    rc = cli_send(c, "POST", path.data, body.data, &in);
    if (!rc && c->value[CLI_WAIT]) {
        json_decref(in);
        in = NULL;
        path_of(&path, id, "");
        rc = cli_wait(c, path.data, until, "failed", &in);
    }
    if (in)
        cli_print_object(c, in, show_columns, ARRAY_SIZE(show_columns));
    return rc;
}

static int act_all(struct cli *c, const char *action, const char *until)
{
    int worst = CLI_OK;

    for (int i = 0; i < c->arg_count; i++) {
        int rc = act_one(c, c->args[i], action, until);

        worst = rc > worst ? rc : worst;
    }
    return worst;
}

int cli_instance_stop(struct cli *c)
{
    if (!cli_confirm(c, "Everything that runs there ends; files are kept; billing ends. Stop %d?",
                     c->arg_count))
        return CLI_USAGE;
    return act_all(c, "stop", "stopped");
}

int cli_instance_start(struct cli *c)
{
    if (!cli_confirm(c, "Billing begins again when it runs. Start %d?", c->arg_count))
        return CLI_USAGE;
    return act_all(c, "start", "running");
}

int cli_instance_delete(struct cli *c)
{
    if (!cli_confirm(c, "All files there are removed for good. Delete %d?", c->arg_count))
        return CLI_USAGE;
    return act_all(c, "delete", "terminated");
}
