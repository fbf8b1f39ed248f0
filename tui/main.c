/* hourglass: the console without words, a command with them. Nothing of the network is touched
 * here: the console paints its first screen before it asks anything. */
#include <locale.h>
#include <sodium.h>
#include <string.h>

#include "client/profile.h"
#include "tui/app.h"
#include "tui/cli/cli.h"

/* COLOR_ALWAYS + 1 for a word that is none of them. */
static int color_of(const struct cli *c)
{
    static const char *const names[] = {
        [COLOR_AUTO] = "auto", [COLOR_NEVER] = "never", [COLOR_ALWAYS] = "always", NULL};

    if (c->value[CLI_NO_COLOR])
        return COLOR_NEVER;
    return c->value[CLI_COLOR] ? names_find(names, c->value[CLI_COLOR]) : COLOR_AUTO;
}

static int console(const struct cli *c)
{
    const struct profile_flags f = {
        .config = c->value[CLI_CONFIG], .name = c->value[CLI_PROFILE], .url = c->value[CLI_URL]};
    struct client_config config;
    struct console_options o = {.client = &config,
                                .read_only = c->value[CLI_READ_ONLY] != NULL,
                                .ascii = c->value[CLI_ASCII] != NULL,
                                .script = c->value[CLI_SCRIPT],
                                .dump = c->value[CLI_DUMP],
                                .trace = c->value[CLI_TRACE]};
    struct profile p;
    struct err e;
    enum err_code bad;
    int rc = color_of(c);

    if (rc < 0)
        return cli_usage(c, "--color: expected auto, always or never");
    o.color = (enum color_choice)rc;
    err_clear(&e);
    bad = profile_load(&f, &p, &e);
    if (bad) {
        cli_fail(&e, bad);
        return bad == ERR_FORBIDDEN ? CLI_DENIED : CLI_USAGE;
    }
    config = (struct client_config){.url = p.url, .token = p.token, .ca_file = p.ca_file};
    o.profile = p.name[0] ? p.name : NULL;
    rc = console_run(&o);
    explicit_bzero(p.token, sizeof p.token);
    return rc;
}

/* Only flags, and only the console's. */
static bool is_console(const struct cli *c, int used, int argc)
{
    return used == argc && !c->value[CLI_HELP] && !c->value[CLI_VERSION];
}

int main(int argc, char **argv)
{
    struct cli c = {0};
    int used;

    setlocale(LC_ALL, "");
    if (sodium_init() < 0) {
        cli_say("there is no source of randomness");
        return CLI_FAILED;
    }
    argc -= argc > 0;
    used = cli_flags_read(&c, argc, argv + 1, cli_options_console | cli_options_common);
    if (used < 0)
        return CLI_USAGE;
    if (is_console(&c, used, argc) && !c.value[CLI_OUTPUT] && !c.value[CLI_YES])
        return console(&c);
    return cli_run(argc, argv + 1);
}
