/* What commands say to people: errors with their exit codes, and questions. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"
#include "tui/cli/cli.h"

#define SAY_BYTES_MAX 4096

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
    case ERR_IN_PROGRESS:
    case ERR_PRECONDITION:
        return CLI_CONFLICT;
    case ERR_UNAUTHENTICATED:
    case ERR_FORBIDDEN:
        return CLI_DENIED;
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
    case ERR_BUSY:
    case ERR_RATE:
    case ERR_STORAGE:
    case ERR_ENGINE:
        return CLI_UNREACHABLE;
    default:
        return CLI_FAILED;
    }
}

const char *cli_clean(const char *text, char *buf, size_t size)
{
    STRBUF clean;

    strbuf_init(&clean, size - 1);
    text_clean(&clean, text, strlen(text), TEXT_ONE_LINE);
    text_copy(buf, size, clean.data);
    return buf;
}

static void say_line(const char *before, const char *text, const char *end)
{
    char clean[SAY_BYTES_MAX];

    fprintf(stderr, "%s%s%s", before, cli_clean(text, clean, sizeof clean), end);
}

PRINTF_LIKE(2, 0)
static void say_formatted(const char *before, const char *fmt, va_list ap, const char *end)
{
    char text[SAY_BYTES_MAX];

    vsnprintf(text, sizeof text, fmt, ap);
    say_line(before, text, end);
}

void cli_say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_formatted("hourglass: ", fmt, ap, "\n");
    va_end(ap);
}

static void fact_say(const struct err_fact *f)
{
    char amount[MONEY_TEXT_MAX], line[ERR_TEXT_MAX + 64];

    if (f->kind == ERR_FACT_MONEY)
        snprintf(line, sizeof line, "%s: %s", f->key,
                 money_format(money_of(f->value, f->text), 2, amount));
    else if (f->kind == ERR_FACT_INT)
        snprintf(line, sizeof line, "%s: %lld", f->key, (long long)f->value);
    else
        snprintf(line, sizeof line, "%s: %s", f->key, f->text);
    say_line("  ", line, "\n");
}

int cli_fail(const struct err *e, enum err_code rc)
{
    char line[ERR_POINTER_MAX + ERR_TEXT_MAX + 8];

    say_line("hourglass: ", e->msg[0] ? e->msg : err_text(rc), "\n");
    for (size_t i = 0; i < e->detail_count; i++) {
        snprintf(line, sizeof line, "%s%s%s", e->details[i].pointer,
                 e->details[i].pointer[0] ? ": " : "", e->details[i].text);
        if (!strstr(e->msg, e->details[i].text))
            say_line("  ", line, "\n");
    }
    for (size_t i = 0; i < e->fact_count; i++)
        fact_say(&e->facts[i]);
    return exit_code(rc);
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
    const char *noun = c->command ? c->command->noun : "",
               *verb = c->command ? c->command->verb : "";
    char before[64];
    va_list ap;

    snprintf(before, sizeof before, "hourglass%s%s%s%s: ", noun[0] ? " " : "", noun,
             verb[0] ? " " : "", verb);
    va_start(ap, fmt);
    say_formatted(before, fmt, ap, " (-h tells its flags)\n");
    va_end(ap);
    return CLI_USAGE;
}

int cli_confirm(const struct cli *c, const char *fmt, ...)
{
    char line[16] = "";
    va_list ap;

    if (c->value[CLI_YES])
        return CLI_OK;
    if (!isatty(STDIN_FILENO)) {
        cli_say("there is no terminal to ask on: say --yes");
        return CLI_USAGE;
    }
    va_start(ap, fmt);
    say_formatted("", fmt, ap, " [y/N] ");
    va_end(ap);
    if (fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y'))
        return CLI_OK;
    cli_say("nothing was done");
    return CLI_FAILED;
}
