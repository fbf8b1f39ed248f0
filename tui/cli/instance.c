/* instance: launch, look, stop, start, delete. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "tui/cli/cli.h"
#include "tui/cli/estimate.h"

/* A deadline is when it will end by itself: nothing is left to end in these. */
#define ENDED "stopping stopped terminating terminated failed"

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
    {"ENDS", "deadline_at", SHOW_AGO, ENDED},
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
    {"check runs", "check_id", SHOW_TEXT},
    {"last check", "check_verdict", SHOW_TEXT},
    {"last checked", "checked_at", SHOW_TIME},
    {"limits by", "limits", SHOW_TEXT},
    {"created", "created_at", SHOW_TIME},
    {"running since", "running_at", SHOW_TIME},
    {"ends", "deadline_at", SHOW_TIME, ENDED},
    {"ended", "ended_at", SHOW_TIME},
};

int cli_instance_list(struct cli *c)
{
    return cli_list(c, "/v1/instances", list_columns, ARRAY_SIZE(list_columns));
}

static int path_of(const struct cli *c, struct strbuf *path, const char *id, const char *rest)
{
    return cli_path(c, path, "/v1/instances/", id, rest);
}

static const char *clean_of(const json_t *o, const char *name, char *buf, size_t size)
{
    const char *text = json_string_value(json_object_get(o, name));

    return cli_clean(text ? text : "-", buf, size);
}

static void print_slots(const json_t *instance)
{
    char label[NAME_BYTES_MAX];
    size_t i;
    json_t *slot;

    json_array_foreach(json_object_get(instance, "slots"), i, slot)
    {
        printf("%-14s  %lld: %s%s\n", i == 0 ? "gpu" : "",
               (long long)json_integer_value(json_object_get(slot, "index")),
               clean_of(slot, "label", label, sizeof label),
               json_is_true(json_object_get(slot, "is_virtual")) ? " (no real GPU behind it)" : "");
    }
}

static void print_actions(const json_t *instance)
{
    char name[NAME_BYTES_MAX], why[TEXT_BYTES_MAX];
    size_t i;
    json_t *a;

    json_array_foreach(json_object_get(instance, "actions"), i, a)
    {
        bool can = json_is_true(json_object_get(a, "available"));

        printf("%-14s  %s%s%s\n", i == 0 ? "may" : "", clean_of(a, "name", name, sizeof name),
               can ? "" : ": not now, ", can ? "" : clean_of(a, "reason", why, sizeof why));
    }
}

int cli_instance_show(struct cli *c)
{
    json_t *in = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = path_of(c, &path, c->args[0], "");
    if (!rc)
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

/* A private key has nearly the same name, and must not leave this machine by a slip. */
static bool is_public_key(const char *text)
{
    static const char *const types[] = {"ssh-", "ecdsa-", "sk-"};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strncmp(text, types[i], strlen(types[i])) == 0)
            return !strchr(text, '\n');
    return false;
}

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
    if (!is_public_key(key.data))
        return cli_usage(c, "%s: expected one public key in one line (a file that ends in .pub)",
                         c->value[CLI_SSH_KEY] ? c->value[CLI_SSH_KEY] : path);
    strbuf_adds(body, ",\"ssh_public_key\":");
    json_quote(body, key.data);
    return CLI_OK;
}

/* The price is in the organization's currency; only the server knows which that is. */
static int add_price_max(struct cli *c, struct strbuf *body)
{
    static const char path[] = "/v1/me";
    json_t *me = NULL;
    const char *currency;
    int64_t micros;
    struct err e;
    int rc;

    if (!c->value[CLI_MAX_PRICE])
        return CLI_OK;
    if (micros_parse(c->value[CLI_MAX_PRICE], &micros, &e))
        return cli_usage(c, "--max-price: %s", e.msg);
    rc = cli_get(c, path, &me);
    currency = json_string_value(json_object_get(json_object_get(me, "organization"), "currency"));
    if (!rc) {
        strbuf_addf(body,
                    ",\"price_max\":{\"amount_micros\":%lld,\"currency\":", (long long)micros);
        json_quote(body, currency ? currency : "");
        strbuf_addc(body, '}');
    }
    json_decref(me);
    return rc;
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
        if (rfc3339_parse(c->value[CLI_UNTIL], &value, &e))
            return cli_usage(c, "--until: %s", e.msg);
        strbuf_adds(body, ",\"deadline_at\":");
        json_quote(body, c->value[CLI_UNTIL]);
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
        rc = add_price_max(c, body);
    if (!rc)
        rc = add_ssh_key(c, body);
    strbuf_addc(body, '}');
    if (!rc && body->failed)
        rc = cli_usage(c, "what was given is longer than allowed");
    return rc;
}

/* Without an end, the price of forgetting it is part of the question. */
static int launch_confirm(struct cli *c)
{
    if (c->value[CLI_FOR] || c->value[CLI_UNTIL])
        return cli_confirm(c, "Launch it?");
    return cli_confirm(c,
                       "It runs, at this price, until you stop it or the credit ends. Launch it?");
}

static int launch(struct cli *c, const char *body)
{
    json_t *in = NULL;
    STRBUF path;
    int rc = cli_create(c, "/v1/instances", body, &in), printed;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    if (!rc && c->value[CLI_WAIT]) {
        rc = path_of(c, &path, json_string_value(json_object_get(in, "id")), "");
        json_decref(in);
        in = NULL;
        if (!rc)
            rc = cli_wait(c, path.data, "running", "failed terminated stopped", &in);
    }
    printed = cli_print_object(c, in, show_columns, ARRAY_SIZE(show_columns));
    return rc ? rc : printed;
}

int cli_instance_launch(struct cli *c)
{
    STRBUF body;
    int rc;

    strbuf_init(&body, 64 * 1024);
    rc = launch_body(c, &body);
    if (!rc && (c->value[CLI_DRY_RUN] || !c->value[CLI_YES]))
        rc = cli_estimate(c, "/v1/instances", body.data, c->value[CLI_DRY_RUN] != NULL);
    if (rc || c->value[CLI_DRY_RUN])
        return rc;
    rc = launch_confirm(c);
    return rc ? rc : launch(c, body.data);
}

/* --- stop, start, delete ---------------------------------------------------------------------- */

static int act_one(struct cli *c, const char *id, const char *action, const char *until)
{
    STRBUF path, body;
    json_t *in = NULL;
    int rc, printed;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    strbuf_init(&body, 256);
    strbuf_addf(&body, "{\"action\":\"%s\"}", action);
    rc = path_of(c, &path, id, "/actions");
    if (!rc)
        rc = cli_send(c, "POST", path.data, body.data, &in);
    if (!rc && c->value[CLI_WAIT]) {
        json_decref(in);
        in = NULL;
        rc = path_of(c, &path, id, "");
        if (!rc)
            rc = cli_wait(c, path.data, until, "failed", &in);
    }
    printed = cli_print_object(c, in, show_columns, ARRAY_SIZE(show_columns));
    return rc ? rc : printed;
}

/* All are tried; the worst exit code is the command's. */
static int act_all(struct cli *c, const char *action, const char *until, const char *question)
{
    int worst = CLI_OK, rc = cli_confirm(c, "%s %d instance%s?", question, c->arg_count,
                                         c->arg_count == 1 ? "" : "s");

    for (int i = 0; !rc && i < c->arg_count; i++) {
        int one = act_one(c, c->args[i], action, until);

        worst = one > worst ? one : worst;
    }
    return rc ? rc : worst;
}

int cli_instance_stop(struct cli *c)
{
    return act_all(c, "stop", "stopped",
                   "Everything that runs there ends; files are kept; billing ends. Stop");
}

int cli_instance_start(struct cli *c)
{
    return act_all(c, "start", "running", "Billing begins again when it runs. Start");
}

int cli_instance_delete(struct cli *c)
{
    return act_all(c, "delete", "terminated", "All files there are removed for good. Delete");
}
