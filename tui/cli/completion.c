/* completion: scripts for bash and zsh, written from the same lists as help and parser, so that
 * they cannot fall behind. */
#include <stdio.h>
#include <string.h>

#include "tui/cli/cli.h"

static void nouns(struct strbuf *out)
{
    for (size_t i = 0; i < cli_command_count; i++)
        if (i == 0 || strcmp(cli_commands[i].noun, cli_commands[i - 1].noun) != 0)
            strbuf_addf(out, "%s ", cli_commands[i].noun);
}

static void flags(const struct cli_command *k, struct strbuf *out)
{
    for (int i = 0; i < CLI_OPTION_COUNT; i++)
        if ((k->options | cli_options_common) >> i & 1)
            strbuf_addf(out, "--%s ", cli_option_rows[i].name);
}

static void bash(struct strbuf *out)
{
    strbuf_adds(out,
                "_hourglass() {\n"
                "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
                "  [ \"$COMP_CWORD\" = 1 ] && words=\"");
    nouns(out);
    strbuf_adds(out, "\"\n  case \"$prev\" in -o|--output) words='table json yaml';;\n"
                     "  *) case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];

        strbuf_addf(out, "    '%s %s'*) [ \"$COMP_CWORD\" -gt %d ] && words='", k->noun, k->verb,
                    k->verb[0] ? 2 : 1);
        flags(k, out);
        strbuf_adds(out, "';;\n");
    }
    strbuf_adds(out, "    esac\n  [ \"$COMP_CWORD\" = 2 ] && case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_commands[i].verb[0] ||
            (i && strcmp(cli_commands[i].noun, cli_commands[i - 1].noun) == 0))
            continue;
        strbuf_addf(out, "    %s) words='", cli_commands[i].noun);
        for (size_t k = i; k < cli_command_count; k++)
            if (strcmp(cli_commands[k].noun, cli_commands[i].noun) == 0)
                strbuf_addf(out, "%s ", cli_commands[k].verb);
        strbuf_adds(out, "';;\n");
    }
    strbuf_adds(out, "  esac;;\n  esac\n"
                     "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                     "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
                     "}\ncomplete -F _hourglass hourglass\n");
}

int cli_completion(struct cli *c)
{
    STRBUF text;

    strbuf_init(&text, 256 * 1024);
    if (strcmp(c->args[0], "zsh") == 0)
        strbuf_adds(&text, "#compdef hourglass\nautoload -U +X bashcompinit && bashcompinit\n");
    else if (strcmp(c->args[0], "bash") != 0)
        return cli_usage(c, "expected bash or zsh");
    bash(&text);
    fputs(text.data, stdout);
    return CLI_OK;
}
