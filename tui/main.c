/* hourglass: the console without words, a command with them. Nothing of the network is touched
 * here: the console paints its first screen before it asks anything. */
#include <locale.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/profile.h"
#include "tui/app.h"
#include "tui/cli/cli.h"

struct flags {
    struct profile_flags profile;
    struct console_options console;
};

/* Flags that may stand before the first word, and their values. */
static const struct flag {
    const char *name;
    size_t offset; /* of a const char * or a bool in struct flags */
    bool takes_value;
} flag_rows[] = {
    {"--config", offsetof(struct flags, profile.config), true},
    {"--profile", offsetof(struct flags, profile.name), true},
    {"--url", offsetof(struct flags, profile.url), true},
    {"--script", offsetof(struct flags, console.script), true},
    {"--dump", offsetof(struct flags, console.dump), true},
    {"--trace", offsetof(struct flags, console.trace), true},
    {"--read-only", offsetof(struct flags, console.read_only), false},
    {"--ascii", offsetof(struct flags, console.ascii), false},
};

static const struct flag *flag_find(const char *arg)
{
    size_t len = strcspn(arg, "=");

    for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++)
        if (strlen(flag_rows[i].name) == len && strncmp(flag_rows[i].name, arg, len) == 0)
            return &flag_rows[i];
    return NULL;
}

static bool color_set(struct flags *f, const char *arg)
{
    if (strcmp(arg, "--color=never") == 0 || strcmp(arg, "--no-color") == 0)
        f->console.color = COLOR_NEVER;
    else if (strcmp(arg, "--color=always") == 0)
        f->console.color = COLOR_ALWAYS;
    else if (strcmp(arg, "--color=auto") == 0)
        f->console.color = COLOR_AUTO;
    else
        return false;
    return true;
}

/* Read one flag at argv[i]; returns how many words it took, 0 when it is none. */
static int flag_read(struct flags *f, int argc, char **argv, int i)
{
    const struct flag *row = flag_find(argv[i]);
    const char *equals = strchr(argv[i], '=');
    char *at;

    if (color_set(f, argv[i]))
        return 1;
    if (!row)
        return 0;
    at = (char *)f + row->offset;
    if (!row->takes_value) {
        *(bool *)at = true;
        return 1;
    }
    if (!equals && i + 1 == argc)
        return 0;
    *(const char **)(void *)at = equals ? equals + 1 : argv[i + 1];
    return equals ? 1 : 2;
}

/* `hourglass --profile p instance list` is `hourglass instance list --profile p`: the flags move
 * behind noun and verb, where the commands read them. */
static int command(int argc, char **argv, int first)
{
    char **words = calloc((size_t)argc + 1, sizeof *words);
    int n = 0, rest = first, rc;

    if (!words)
        return CLI_FAILED;
    words[n++] = argv[rest++];
    if (rest < argc && argv[rest][0] != '-')
        words[n++] = argv[rest++];
    for (int i = 1; i < first; i++)
        words[n++] = argv[i];
    while (rest < argc)
        words[n++] = argv[rest++];
    rc = cli_run(n, words);
    free(words);
    return rc;
}

static int console(struct flags *f)
{
    struct profile p;
    struct client_config c;
    struct err e;
    int rc;

    err_clear(&e);
    if (profile_load(&f->profile, &p, &e))
        return cli_fail(&e, e.code);
    c = (struct client_config){.url = p.url, .token = p.token, .ca_file = p.ca_file};
    f->console.client = &c;
    f->console.profile = p.name[0] ? p.name : NULL;
    rc = console_run(&f->console);
    sodium_memzero(p.token, sizeof p.token);
    return rc;
}

int main(int argc, char **argv)
{
    struct flags f = {0};
    int i = 1;

    setlocale(LC_ALL, "");
    if (sodium_init() < 0) {
        fputs("hourglass: no source of randomness\n", stderr);
        return CLI_FAILED;
    }
    while (i < argc) {
        int used = flag_read(&f, argc, argv, i);

        if (!used)
            break;
        i += used;
    }
    return i < argc ? command(argc, argv, i) : console(&f);
}
