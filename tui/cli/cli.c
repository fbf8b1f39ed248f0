/* Words into a command: the parser, help, and the dispatch over commands.def.h. */
#include "tui/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

const uint64_t cli_options_common = 1ull << CLI_OUTPUT | 1ull << CLI_YES | 1ull << CLI_PROFILE |
                                    1ull << CLI_CONFIG | 1ull << CLI_URL | 1ull << CLI_HELP;

static void option_help(int id, struct strbuf *out)
{
    const struct cli_option_row *o = &cli_option_rows[id];
    char left[48];

    if (o->letter)
        snprintf(left, sizeof left, "-%c, --%s%s%s", o->letter, o->name, o->value ? " " : "",
                 o->value ? o->value : "");
    else
        snprintf(left, sizeof left, "    --%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
    strbuf_addf(out, "  %-30s %s\n", left, o->help);
}

void cli_help(const struct cli_command *only, struct strbuf *out)
{
    if (only) {
        strbuf_addf(out, "usage: hourglass %s%s%s%s%s [flags]\n\n%s\n\nflags:\n", only->noun,
                    only->verb[0] ? " " : "", only->verb, only->args[0] ? " " : "", only->args,
                    only->help);
        for (int i = 0; i < CLI_OPTION_COUNT; i++)
            if ((only->options | cli_options_common) >> i & 1)
                option_help(i, out);
        return;
    }
    strbuf_adds(out, "usage: hourglass                 the console\n"
                     "       hourglass NOUN VERB …     one command; -h tells its flags\n\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        char left[64];

        snprintf(left, sizeof left, "%s %s%s%s", cli_commands[i].noun, cli_commands[i].verb,
                 cli_commands[i].verb[0] ? " " : "", cli_commands[i].args);
        strbuf_addf(out, "  %-32s %s\n", left, cli_commands[i].help);
    }
    strbuf_adds(out, "\nflags of every command:\n");
    for (int i = 0; i < CLI_OPTION_COUNT; i++)
        if (cli_options_common >> i & 1)
            option_help(i, out);
    strbuf_adds(out, "\nexit codes: 0 done  1 failed  2 wrong use  3 no such object  4 no credit\n"
                     "            5 no stock or wrong state  6 not allowed  7 unreachable\n"
                     "            8 the job or the checks did not succeed\n");
}

static int help_print(const struct cli_command *only)
{
    STRBUF text;

    strbuf_init(&text, 64 * 1024);
    cli_help(only, &text);
    fputs(text.data, stdout);
    return CLI_OK;
}

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

static int unknown_command(int argc, char **argv)
{
    bool known = false;

    for (size_t i = 0; argc && i < cli_command_count; i++)
        if (strcmp(cli_commands[i].noun, argv[0]) == 0) {
            if (!known)
                fprintf(stderr, "hourglass: '%s' is followed by one of:\n", argv[0]);
            known = true;
            fprintf(stderr, "  hourglass %s %s %s\n", cli_commands[i].noun, cli_commands[i].verb,
                    cli_commands[i].args);
        }
    if (!known)
        fprintf(stderr, "hourglass: there is no command '%s' (try --help)\n", argc ? argv[0] : "");
    return CLI_USAGE;
}

static int option_find(const char *arg, const char **value)
{
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

    *value = equals ? equals + 1 : NULL;
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_row *o = &cli_option_rows[i];

        if (arg[1] == '-' && strlen(o->name) == len - 2 && strncmp(o->name, arg + 2, len - 2) == 0)
            return i;
        if (arg[1] != '-' && o->letter == arg[1] && arg[1]) {
            *value = arg[2] ? arg + 2 : NULL;
            return i;
        }
    }
    return -1;
}

static int parse_option(struct cli *c, int argc, char **argv, int *i)
{
    const char *value;
    int id = option_find(argv[*i], &value);

    if (id < 0 || !((c->command->options | cli_options_common) >> id & 1))
        return cli_usage(c, "there is no flag '%s' here", argv[*i]);
    if (!cli_option_rows[id].value) {
        if (value)
            return cli_usage(c, "--%s takes no value", cli_option_rows[id].name);
        c->value[id] = "";
        return CLI_OK;
    }
    if (!value && ++*i < argc)
        value = argv[*i];
    if (!value)
        return cli_usage(c, "--%s needs %s", cli_option_rows[id].name, cli_option_rows[id].value);
    c->value[id] = value;
    return CLI_OK;
}

/* Flags may stand anywhere, but not behind the object of `instance ssh`: those are the command's.
 */
static int parse(struct cli *c, int argc, char **argv, char **args)
{
    bool raw = false;

    for (int i = 0; i < argc; i++) {
        int rc;

        if (!raw && strcmp(argv[i], "--") == 0) {
            raw = true;
            continue;
        }
        if (raw || argv[i][0] != '-' || !argv[i][1]) {
            args[c->arg_count++] = argv[i];
            raw = raw || c->command->run == cli_instance_ssh;
            continue;
        }
        rc = parse_option(c, argc, argv, &i);
        if (rc)
            return rc;
    }
    c->args = args;
    return CLI_OK;
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

static int client_make(struct cli *c)
{
    struct profile_flags f = {
        .config = c->value[CLI_CONFIG], .name = c->value[CLI_PROFILE], .url = c->value[CLI_URL]};
    struct err e;
    enum err_code rc = profile_load(&f, &c->profile, &e);
    struct client_config config;

    if (rc)
        return cli_fail(&e, rc);
    config = (struct client_config){.url = c->profile.url,
                                    .token = c->profile.token,
                                    .ca_file = c->profile.ca_file,
                                    .clock = c->clock};
    rc = client_open(&config, &c->client, &e);
    return rc ? cli_fail(&e, rc) : CLI_OK;
}

static int command_run(struct cli *c, int argc, char **argv, char **args)
{
    int rc = parse(c, argc, argv, args);

    if (rc)
        return rc;
    if (c->value[CLI_HELP])
        return help_print(c->command);
    if (c->arg_count < c->command->args_min || c->arg_count > c->command->args_max)
        return cli_usage(c, "expected %s", c->command->args[0] ? c->command->args : "no argument");
    rc = format_set(c);
    if (!rc && c->command->run != cli_completion)
        rc = client_make(c);
    if (!rc)
        rc = c->command->run(c);
    client_close(c->client);
    if (!rc && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "hourglass: standard output cannot be written\n");
        return CLI_FAILED;
    }
    return rc;
}

int cli_run(int argc, char **argv)
{
    struct cli c = {.clock = clock_real()};
    int used = 0, rc;
    char **args;

    if (argc && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0 ||
                 strcmp(argv[0], "help") == 0))
        return help_print(NULL);
    if (argc && strcmp(argv[0], "--version") == 0) {
        printf("hourglass " HOURGLASS_VERSION "\n");
        return CLI_OK;
    }
    c.command = command_find(argc, argv, &used);
    if (!c.command)
        return unknown_command(argc, argv);
    args = calloc((size_t)argc + 1, sizeof *args);
    if (!args)
        return CLI_FAILED;
    rc = command_run(&c, argc - used, argv + used, args);
    explicit_bzero(c.profile.token, sizeof c.profile.token);
    free(args);
    return rc;
}
