/* What commands share towards people and the server: errors with their exit codes, questions,
 * requests, waiting. */
#include "tui/cli/cli.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/id.h"
#include "core/text.h"

#define WAIT_POLL_MS         200
#define WAIT_SECONDS_DEFAULT 600

static int exit_code(enum err_code rc)
{
    switch ((int)rc) {
    case ERR_OK:
        return CLI_OK;
    case ERR_NOT_FOUND:
    case ERR_GONE:
        return CLI_NOT_FOUND;
    case ERR_NO_CREDIT:
        return CLI_NO_CREDIT;
    case ERR_NO_STOCK:
    case ERR_CONFLICT:
    case ERR_PRECONDITION:
        return CLI_CONFLICT;
    case ERR_UNAUTHENTICATED:
    case ERR_FORBIDDEN:
        return CLI_DENIED;
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
    case ERR_BUSY:
    case ERR_STORAGE:
    case ERR_ENGINE:
        return CLI_UNREACHABLE;
    default:
        return CLI_FAILED;
    }
}

static void say_clean(const char *before, const char *text)
{
    STRBUF clean;

    strbuf_init(&clean, 4096);
    text_clean(&clean, text, strlen(text), TEXT_ONE_LINE);
    fprintf(stderr, "%s%s\n", before, clean.data);
}

int cli_fail(const struct err *e, enum err_code rc)
{
    char amount[MONEY_TEXT_MAX], line[ERR_POINTER_MAX + ERR_TEXT_MAX + 8];

    say_clean("hourglass: ", e->msg[0] ? e->msg : err_text(rc));
    for (size_t i = 0; i < e->detail_count; i++) {
        snprintf(line, sizeof line, "%s%s%s", e->details[i].pointer,
                 e->details[i].pointer[0] ? ": " : "", e->details[i].text);
        if (!strstr(e->msg, e->details[i].text))
            say_clean("  ", line);
    }
    for (size_t i = 0; i < e->fact_count; i++) {
        const struct err_fact *f = &e->facts[i];

        if (f->kind == ERR_FACT_MONEY)
            snprintf(line, sizeof line, "%s: %s", f->key,
                     money_format(money_of(f->value, f->text), 2, amount));
        else if (f->kind == ERR_FACT_INT)
            snprintf(line, sizeof line, "%s: %lld", f->key, (long long)f->value);
        else
            snprintf(line, sizeof line, "%s: %s", f->key, f->text);
        say_clean("  ", line);
    }
    return exit_code(rc);
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "hourglass %s%s%s: ", c->command->noun, c->command->verb[0] ? " " : "",
            c->command->verb);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputs(" (-h tells its flags)\n", stderr);
    return CLI_USAGE;
}

bool cli_confirm(const struct cli *c, const char *fmt, ...)
{
    char line[16] = "";
    va_list ap;

    if (c->value[CLI_YES])
        return true;
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "hourglass: there is no terminal to ask on: say --yes\n");
        return false;
    }
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputs(" [y/N] ", stderr);
    if (!fgets(line, sizeof line, stdin))
        return false;
    return line[0] == 'y' || line[0] == 'Y';
}

const char *cli_key(char buf[ID_MAX])
{
    return id_new(ID_REQUEST, clock_real(), buf);
}

static int call(struct cli *c, const char *method, const char *path, const char *body,
                const struct request_options *o, json_t **out)
{
    struct answer a;
    struct err e;
    enum err_code rc;

    err_clear(&e);
    rc = client_call(c->client, method, path, body, o, &a, &e);
    if (rc)
        return cli_fail(&e, rc);
    *out = NULL;
    if (a.len)
        rc = json_parse(a.body, a.len, out, &e);
    answer_release(&a);
    if (rc)
        return cli_fail(&e, err_wrap(&e, rc, "the server's answer"));
    return CLI_OK;
}

int cli_get(struct cli *c, const char *path, json_t **out)
{
    return call(c, "GET", path, NULL, NULL, out);
}

int cli_send(struct cli *c, const char *method, const char *path, const char *body, json_t **out)
{
    char key[ID_MAX];
    struct request_options o = {.idempotency_key = cli_key(key)};

    return call(c, method, path, body, strcmp(method, "POST") == 0 ? &o : NULL, out);
}

void cli_query(const struct cli *c, struct strbuf *path)
{
    static const struct {
        enum cli_option option;
        const char *name;
    } rows[] = {{CLI_STATE, "state"}, {CLI_ZONE, "zone"},   {CLI_GPU, "gpu_model"},
                {CLI_TEXT, "text"},   {CLI_LIMIT, "limit"}, {CLI_INSTANCE, "instance_id"}};
    char mark = strchr(path->data, '?') ? '&' : '?';

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (!c->value[rows[i].option] || !(c->command->options >> rows[i].option & 1))
            continue;
        strbuf_addf(path, "%c%s=", mark, rows[i].name);
        url_encode(path, c->value[rows[i].option]);
        mark = '&';
    }
}

static bool word_in(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = words; len && (p = strstr(p, word)); p += len)
        if ((p == words || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
            return true;
    return false;
}

int cli_wait(struct cli *c, const char *path, const char *until, const char *failed, json_t **out)
{
    int64_t seconds = WAIT_SECONDS_DEFAULT, end_ms;
    struct err e;

    if (c->value[CLI_TIMEOUT]) {
        enum err_code rc = duration_parse(c->value[CLI_TIMEOUT], &seconds, &e);

        if (rc)
            return cli_usage(c, "--timeout: %s", e.msg);
    }
    end_ms = clock_mono_ms(c->clock) + seconds * 1000;
    for (;;) {
        int rc = cli_get(c, path, out);
        const char *state;

        if (rc)
            return rc;
        state = json_string_value(json_object_get(*out, "state"));
        if (state && word_in(until, state))
            return CLI_OK;
        if (state && word_in(failed, state))
            return CLI_BAD_RESULT;
        if (clock_mono_ms(c->clock) >= end_ms) {
            fprintf(stderr, "hourglass: it is still %s: giving up waiting\n", state ? state : "?");
            return CLI_UNREACHABLE;
        }
        json_decref(*out);
        *out = NULL;
        poll(NULL, 0, WAIT_POLL_MS);
    }
}
