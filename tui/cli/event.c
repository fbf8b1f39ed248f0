/* events: a page, or live until interrupted. */
#include <stdio.h>

#include "model/event.h"
#include "tui/cli/cli.h"

static const struct cli_column columns[] = {
    {"AT", "at", SHOW_TIME},
    {"KIND", "kind", SHOW_TEXT},
    {"OBJECT", "object_id", SHOW_TEXT},
    {"STATE", "state", SHOW_TEXT},
    {"SUMMARY", "summary", SHOW_TEXT},
};

struct following {
    struct cli *c;
    bool ended;
    int rc;
};

static void on_event(void *ctx, const char *id, const char *type, const char *data, size_t len)
{
    struct following *f = ctx;
    char cell[512];
    json_t *tree;

    UNUSED(id);
    UNUSED(type);
    if (json_parse(data, len, &tree, NULL))
        return;
    if (f->c->format == CLI_TABLE) {
        for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
            printf("%s%s", cli_cell(f->c, tree, &columns[i], cell, sizeof cell),
                   i + 1 < ARRAY_SIZE(columns) ? "  " : "\n");
    } else {
        /* One line, one event: what programs read. */
        json_dumpf(tree, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        putchar('\n');
    }
    fflush(stdout);
    f->ended = ferror(stdout);
    json_decref(tree);
}

static void on_state(void *ctx, enum stream_state st, const struct err *err, int64_t retry_in_ms)
{
    struct following *f = ctx;

    if (st == STREAM_WAITING)
        cli_say("%s; trying again in %.1f s", err ? err->msg : "the stream ended",
                (double)retry_in_ms / 1000);
    if (st == STREAM_ENDED) {
        f->ended = true;
        f->rc = err ? cli_fail(err, err->code) : CLI_OK;
    }
}

int cli_events(struct cli *c)
{
    static const struct stream_ops ops = {.event = on_event, .state = on_state};
    struct following f = {.c = c};
    struct err e;

    if (!c->value[CLI_FOLLOW])
        return cli_list(c, "/v1/events", columns, ARRAY_SIZE(columns));
    if (!client_stream(c->client, "/v1/events", NULL, &ops, &f))
        return CLI_FAILED;
    while (!f.ended) {
        enum err_code rc = client_poll(c->client, NULL, 0, -1, &e);

        if (rc)
            return cli_fail(&e, rc);
    }
    return f.rc;
}
