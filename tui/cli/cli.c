/* The lists of commands and flags as tables, the help that is written from them, and the way
 * from words to a command. */
#include "tui/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_BYTES_MAX (64 * 1024)

const struct cli_command cli_commands[] = {
#define COMMAND(noun, verb, fn, args, least, most, options, help) \
    {noun, verb, fn, args, least, most, options, help},
#include "tui/cli/commands.def.h"
#undef COMMAND
};
const size_t cli_command_count = ARRAY_SIZE(cli_commands);

const struct cli_option_row cli_option_rows[CLI_OPTION_COUNT] = {
#define OPTION(id, name, letter, value, help) [CLI_##id] = {name, letter, value, help},
#include "tui/cli/options.def.h"
#undef OPTION
};

#define BIT(id) (1ull << CLI_##id)
const uint64_t cli_options_common =
    BIT(OUTPUT) | BIT(YES) | BIT(PROFILE) | BIT(CONFIG) | BIT(URL) | BIT(HELP);
const uint64_t cli_options_console = BIT(PROFILE) | BIT(CONFIG) | BIT(URL) | BIT(HELP) |
                                     BIT(VERSION) | BIT(READ_ONLY) | BIT(ASCII) | BIT(COLOR) |
                                     BIT(NO_COLOR) | BIT(SCRIPT) | BIT(DUMP) | BIT(TRACE);

/* --- help ------------------------------------------------------------------------------------- */

static void options_help(uint64_t options, struct strbuf *out)
{
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_row *o = &cli_option_rows[i];
        char left[64], letter[8] = "    ";

        if (!(options >> i & 1))
            continue;
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        strbuf_addf(out, "  %-30s %s\n", left, o->help);
    }
}

static void command_help(const struct cli_command *k, struct strbuf *out)
{
    strbuf_addf(out, "usage: hourglass %s%s%s%s%s [flags]\n\n%s\n\nflags:\n", k->noun,
                k->verb[0] ? " " : "", k->verb, k->args[0] ? " " : "", k->args, k->help);
    options_help(k->options | cli_options_common, out);
}

void cli_help(const struct cli_command *only, struct strbuf *out)
{
    if (only) {
        command_help(only, out);
        return;
    }
    strbuf_adds(out, "usage: hourglass [flags]            the console\n"
                     "       hourglass NOUN VERB [flags]  one command; -h tells its flags\n\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];
        char left[64];

        snprintf(left, sizeof left, "%s%s%s%s%s", k->noun, k->verb[0] ? " " : "", k->verb,
                 k->args[0] ? " " : "", k->args);
        strbuf_addf(out, "  %-30s %s\n", left, k->help);
    }
    strbuf_adds(out, "\nflags of every command:\n");
    options_help(cli_options_common, out);
    strbuf_adds(out, "\nflags of the console:\n");
    options_help(cli_options_console & ~cli_options_common, out);
    strbuf_adds(out, "\nexit codes: 0 done  1 failed  2 wrong use  3 no such object  4 no credit\n"
                     "            5 no stock or wrong state  6 not allowed  7 unreachable\n"
                     "            8 the job, the launch or the checks did not succeed\n");
}

static int help_print(const struct cli_command *only)
{
    STRBUF text;

    strbuf_init(&text, HELP_BYTES_MAX);
    cli_help(only, &text);
    fputs(text.data, stdout);
    return fflush(stdout) ? CLI_FAILED : CLI_OK;
}

/* --- words into a command --------------------------------------------------------------------- */

static const struct cli_command *command_find(int argc, char **argv, int *used)
{
    for (size_t i = 0; argc && i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];

        if (strcmp(k->noun, argv[0]) != 0)
            continue;
        *used = k->verb[0] ? 2 : 1;
        if (!k->verb[0] || (argc > 1 && strcmp(k->verb, argv[1]) == 0))
            return k;
    }
    return NULL;
}

/* A noun alone, or with a wrong verb: say which there are. `hourglass job --help` asked for it. */
static int noun_only(int argc, char **argv)
{
    bool asked = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    FILE *to = asked ? stdout : stderr;
    size_t known = 0;

    for (size_t i = 0; argc && i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];

        if (strcmp(k->noun, argv[0]) != 0)
            continue;
        if (known++ == 0)
            fprintf(to, "'%s' is followed by one of:\n", k->noun);
        fprintf(to, "  hourglass %s %-8s %-16s %s\n", k->noun, k->verb, k->args, k->help);
    }
    if (known)
        return asked ? CLI_OK : CLI_USAGE;
    if (argc)
        cli_say("there is no command '%s' (try --help)", argv[0]);
    else
        cli_say("expected a command (try --help)");
    return CLI_USAGE;
}

static int format_set(struct cli *c)
{
    static const char *const names[] = {"table", "json", "yaml", NULL};
    int found = c->value[CLI_OUTPUT] ? names_find(names, c->value[CLI_OUTPUT]) : 0;

    if (found < 0)
        return cli_usage(c, "--output: expected table, json or yaml");
    c->format = (enum cli_format)found;
    return CLI_OK;
}

/* Before anything is done, not after. */
static int values_check(struct cli *c)
{
    int64_t seconds;
    struct err e;

    if (c->value[CLI_TIMEOUT] && duration_parse(c->value[CLI_TIMEOUT], &seconds, &e))
        return cli_usage(c, "--timeout: %s", e.msg);
    return format_set(c);
}

static int client_make(struct cli *c)
{
    struct profile_flags f = {
        .config = c->value[CLI_CONFIG], .name = c->value[CLI_PROFILE], .url = c->value[CLI_URL]};
    struct client_config config;
    struct err e;
    enum err_code rc;

    err_clear(&e);
    rc = profile_load(&f, &c->profile, &e);
    if (!rc) {
        config = (struct client_config){.url = c->profile.url,
                                        .token = c->profile.token,
                                        .ca_file = c->profile.ca_file,
                                        .clock = c->clock};
        rc = client_open(&config, &c->client, &e);
    }
    if (!rc)
        return CLI_OK;
    cli_fail(&e, rc);
    return rc == ERR_FORBIDDEN ? CLI_DENIED : CLI_USAGE;
}

static int command_run(struct cli *c, int argc, char **argv, char **args)
{
    int rc = cli_words_read(c, argc, argv, args);

    if (rc)
        return rc;
    if (c->value[CLI_HELP])
        return help_print(c->command);
    if (c->arg_count < c->command->args_min || c->arg_count > c->command->args_max)
        return cli_usage(c, "expected %s", c->command->args[0] ? c->command->args : "no argument");
    rc = values_check(c);
    if (!rc && c->command->run != cli_completion)
        rc = client_make(c);
    if (!rc)
        rc = c->command->run(c);
    client_close(c->client);
    /* A result that nobody got is no success. */
    if ((fflush(stdout) || ferror(stdout)) && !rc) {
        cli_say("standard output cannot be written");
        return CLI_FAILED;
    }
    return rc;
}

int cli_run(int argc, char **argv)
{
    struct cli c = {.clock = clock_real()};
    int used, words = 0, rc;
    char **args;

    used = cli_flags_read(&c, argc, argv, cli_options_common | BIT(VERSION));
    if (used < 0)
        return CLI_USAGE;
    argc -= used;
    argv += used;
    if (c.value[CLI_VERSION]) {
        printf("hourglass " HOURGLASS_VERSION "\n");
        return CLI_OK;
    }
    if (!argc && c.value[CLI_HELP])
        return help_print(NULL);
    if (argc && strcmp(argv[0], "help") == 0) {
        c.command = command_find(argc - 1, argv + 1, &words);
        return argc > 1 && !c.command ? noun_only(argc - 1, argv + 1) : help_print(c.command);
    }
    c.command = command_find(argc, argv, &words);
    if (!c.command)
        return noun_only(argc, argv);
    args = calloc((size_t)argc + 1, sizeof *args);
    if (!args)
        return CLI_FAILED;
    rc = command_run(&c, argc - words, argv + words, args);
    explicit_bzero(c.profile.token, sizeof c.profile.token);
    free(args);
    return rc;
}
