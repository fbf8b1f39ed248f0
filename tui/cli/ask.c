/* What commands ask of the server: paths, requests that are repeated where that is safe, and
 * waiting for a state. */
#include <poll.h>
#include <string.h>

#include "core/id.h"
#include "tui/cli/cli.h"

#define ATTEMPTS_MAX         3
#define ATTEMPT_WAIT_MS      300
#define RETRY_SECONDS_MAX    5 /* a server that asks for more is left to the caller */
#define WAIT_POLL_MS         200
#define WAIT_AWAY_POLL_MS    1000
#define WAIT_SECONDS_DEFAULT 600

int cli_path(const struct cli *c, struct strbuf *path, const char *before, const char *id,
             const char *after)
{
    strbuf_reset(path);
    strbuf_adds(path, before);
    if (!id) {
        cli_say("the server's answer: there is no id in it");
        return CLI_FAILED;
    }
    if (!id[0] || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return cli_usage(c, "'%s' is not an id", id);
    url_encode(path, id);
    strbuf_adds(path, after);
    if (path->failed || strlen(id) >= ID_MAX + NAME_BYTES_MAX)
        return cli_usage(c, "'%.40s…' is longer than an id", id);
    return CLI_OK;
}

int cli_query(const struct cli *c, struct strbuf *path)
{
    static const struct {
        enum cli_option option;
        const char *name;
    } rows[] = {{CLI_STATE, "state"}, {CLI_ZONE, "zone"},   {CLI_GPU, "gpu_model"},
                {CLI_TEXT, "text"},   {CLI_LIMIT, "limit"}, {CLI_INSTANCE, "instance_id"}};
    char mark = strchr(path->data, '?') ? '&' : '?';

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *value = c->value[rows[i].option];

        if (!value || !(c->command->options >> rows[i].option & 1))
            continue;
        if (strlen(value) >= FILTER_BYTES_MAX)
            return cli_usage(c, "--%s is longer than allowed",
                             cli_option_rows[rows[i].option].name);
        strbuf_addf(path, "%c%s=", mark, rows[i].name);
        url_encode(path, value);
        mark = '&';
    }
    return CLI_OK;
}

/* --- requests --------------------------------------------------------------------------------- */

struct ask {
    const char *method, *path, *body;
    const struct request_options *options;
    bool again; /* asking twice is as good as asking once */
};

/* Milliseconds until it is worth asking again, -1 when it is not. */
static int64_t again_in_ms(const struct ask *a, const struct answer *got, enum err_code rc,
                           int attempt)
{
    if (attempt + 1 >= ATTEMPTS_MAX)
        return -1;
    if (got->status == 503 || got->status == 429)
        return got->retry_after_seconds > 0 && got->retry_after_seconds <= RETRY_SECONDS_MAX
                   ? got->retry_after_seconds * 1000
                   : -1;
    if (a->again && ((got->broke && rc == ERR_UNREACHABLE) || rc == ERR_IN_PROGRESS))
        return (int64_t)(attempt + 1) * ATTEMPT_WAIT_MS;
    return -1;
}

static enum err_code ask(struct cli *c, const struct ask *a, struct answer *got, struct err *e)
{
    for (int attempt = 0;; attempt++) {
        enum err_code rc;
        int64_t wait;

        err_clear(e);
        rc = client_call(c->client, a->method, a->path, a->body, a->options, got, e);
        wait = rc ? again_in_ms(a, got, rc, attempt) : -1;
        if (wait < 0)
            return rc;
        poll(NULL, 0, (int)wait);
    }
}

static enum err_code ask_tree(struct cli *c, const struct ask *a, json_t **out, struct err *e)
{
    struct answer got;
    enum err_code rc = ask(c, a, &got, e);

    if (rc)
        return rc;
    *out = NULL;
    if (got.len)
        rc = json_parse(got.body, got.len, out, e);
    answer_release(&got);
    return rc ? err_wrap(e, ERR_INVALID, "the server's answer") : ERR_OK;
}

int cli_get(struct cli *c, const char *path, json_t **out)
{
    const struct ask a = {.method = "GET", .path = path, .again = true};
    struct err e;
    enum err_code rc = ask_tree(c, &a, out, &e);

    if (!rc && !*out)
        rc = err_set(&e, ERR_INVALID, "the server's answer is empty");
    return rc ? cli_fail(&e, rc) : CLI_OK;
}

int cli_create(struct cli *c, const char *path, const char *body, json_t **out)
{
    char key[ID_MAX];
    const struct request_options o = {.idempotency_key = id_new(ID_REQUEST, c->clock, key)};
    const struct ask a = {
        .method = "POST", .path = path, .body = body, .options = &o, .again = true};
    struct err e;
    enum err_code rc = ask_tree(c, &a, out, &e);

    return rc ? cli_fail(&e, rc) : CLI_OK;
}

int cli_send(struct cli *c, const char *method, const char *path, const char *body, json_t **out)
{
    const struct ask a = {.method = method, .path = path, .body = body};
    struct err e;
    enum err_code rc = ask_tree(c, &a, out, &e);

    return rc ? cli_fail(&e, rc) : CLI_OK;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static bool is_away(enum err_code rc)
{
    return rc == ERR_UNREACHABLE || rc == ERR_TIMEOUT || rc == ERR_BUSY || rc == ERR_STORAGE ||
           rc == ERR_RATE;
}

static int64_t wait_end_ms(struct cli *c)
{
    int64_t seconds = WAIT_SECONDS_DEFAULT;

    /* It was checked before anything was sent. */
    if (c->value[CLI_TIMEOUT] && duration_parse(c->value[CLI_TIMEOUT], &seconds, NULL))
        seconds = WAIT_SECONDS_DEFAULT;
    return clock_mono_ms(c->clock) + seconds * 1000;
}

/* One look. `*code` is the exit code when it is over, -1 before. */
static int wait_look(struct cli *c, const struct ask *a, const struct cli_wait *w, json_t **out,
                     int *code, bool *away)
{
    struct err e;
    enum err_code rc;

    json_decref(*out);
    *out = NULL;
    rc = ask_tree(c, a, out, &e);
    if (rc && !is_away(rc))
        return cli_fail(&e, rc);
    if (rc && !*away)
        cli_say("%s; waiting on", e.msg);
    *away = rc != ERR_OK;
    *code = *out ? w->over(*out, w->ctx) : -1;
    return CLI_OK;
}

int cli_wait_for(struct cli *c, const char *path, const struct cli_wait *w, json_t **out)
{
    const struct ask a = {.method = "GET", .path = path, .again = true};
    int64_t end_ms = wait_end_ms(c);
    bool away = false;
    int code = -1;

    *out = NULL;
    for (;;) {
        int rc = wait_look(c, &a, w, out, &code, &away);

        if (rc || code >= 0)
            return rc ? rc : code;
        if (clock_mono_ms(c->clock) >= end_ms) {
            const char *state = json_string_value(json_object_get(*out, "state"));

            cli_say("it is still %s: giving up waiting", w->still ? w->still
                                                         : state  ? state
                                                                  : "not known");
            return CLI_UNREACHABLE;
        }
        poll(NULL, 0, away ? WAIT_AWAY_POLL_MS : WAIT_POLL_MS);
    }
}

struct states {
    const char *until, *failed;
};

static int over_by_state(const json_t *tree, const void *ctx)
{
    const char *state = json_string_value(json_object_get(tree, "state"));
    const struct states *s = ctx;

    if (state && cli_word_in(s->failed, state))
        return CLI_BAD_RESULT;
    return state && cli_word_in(s->until, state) ? CLI_OK : -1;
}

int cli_wait(struct cli *c, const char *path, const char *until, const char *failed, json_t **out)
{
    const struct states s = {until, failed};
    const struct cli_wait w = {.over = over_by_state, .ctx = &s};

    return cli_wait_for(c, path, &w, out);
}
