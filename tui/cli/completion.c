/* completion: scripts for bash and zsh, written from the same lists as help and parser, so that
 * they cannot fall behind. */
#include <stdio.h>
#include <string.h>

#include "tui/cli/cli.h"

#define SCRIPT_BYTES_MAX (256 * 1024)

static void flags(uint64_t options, struct strbuf *out)
{
    for (int i = 0; i < CLI_OPTION_COUNT; i++)
        if (options >> i & 1)
            strbuf_addf(out, "--%s ", cli_option_rows[i].name);
}

static bool is_first_of_noun(size_t i)
{
    return i == 0 || strcmp(cli_commands[i].noun, cli_commands[i - 1].noun) != 0;
}

static void nouns(struct strbuf *out)
{
    for (size_t i = 0; i < cli_command_count; i++)
        if (is_first_of_noun(i))
            strbuf_addf(out, "%s ", cli_commands[i].noun);
}

/* "job) echo 'submit list …';;" for each noun that has verbs. */
static void verbs(struct strbuf *out)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!is_first_of_noun(i) || !cli_commands[i].verb[0])
            continue;
        strbuf_addf(out, "    %s) words='", cli_commands[i].noun);
        for (size_t k = i; k < cli_command_count; k++)
            if (strcmp(cli_commands[k].noun, cli_commands[i].noun) == 0)
                strbuf_addf(out, "%s ", cli_commands[k].verb);
        strbuf_adds(out, "';;\n");
    }
}

/* What may follow the whole of a command: its flags, and files or words where it takes them. */
static void tails(struct strbuf *out)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];

        strbuf_addf(out, "    '%s%s%s') words='", k->noun, k->verb[0] ? " " : "", k->verb);
        flags(k->options | cli_options_common, out);
        if (strchr(k->args, '|'))
            for (const char *p = k->args; *p; p++)
                strbuf_addc(out, *p == '|' ? ' ' : *p);
        strbuf_addf(out, "'%s;;\n", strcmp(k->args, "FILE") == 0 ? " files=1" : "");
    }
}

/* "--output|-o) words='table json yaml'": values that a flag names, files, and the rest, which
 * nobody can guess. */
static void values(struct strbuf *out)
{
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_row *o = &cli_option_rows[i];

        if (!o->value)
            continue;
        strbuf_addf(out, "    --%s", o->name);
        if (o->letter)
            strbuf_addf(out, "|-%c", o->letter);
        if (strcmp(o->value, "FILE") == 0)
            strbuf_adds(out, ") files=1; return;;\n");
        else if (!strchr(o->value, '|'))
            strbuf_adds(out, ") return;;\n");
        else {
            strbuf_adds(out, ") words='");
            for (const char *p = o->value; *p; p++)
                strbuf_addc(out, *p == '|' ? ' ' : *p);
            strbuf_adds(out, "'; return;;\n");
        }
    }
}

/* "--config|…|-o": flags of every command whose value is the next word. */
static void common_with_value(struct strbuf *out)
{
    const char *bar = "";

    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_row *o = &cli_option_rows[i];

        if (!(cli_options_common >> i & 1) || !o->value)
            continue;
        strbuf_addf(out, "%s--%s", bar, o->name);
        if (o->letter)
            strbuf_addf(out, "|-%c", o->letter);
        bar = "|";
    }
}

/* Flags before the noun are stepped over. */
static void bash(struct strbuf *out)
{
    strbuf_adds(out, "# completes hourglass; written by `hourglass completion bash`\n"
                     "_hourglass_words() {\n"
                     "  local i=1 at=() w\n"
                     "  case \"$prev\" in\n");
    values(out);
    strbuf_adds(out, "  esac\n"
                     "  while [ \"$i\" -lt \"$COMP_CWORD\" ]; do\n"
                     "    w=${COMP_WORDS[i]}\n"
                     "    case \"$w\" in\n"
                     "      ");
    common_with_value(out);
    strbuf_adds(out, ") i=$((i + 1));;\n"
                     "      -*) ;;\n"
                     "      *) at+=(\"$w\");;\n"
                     "    esac\n"
                     "    i=$((i + 1))\n"
                     "  done\n"
                     "  if [ \"${#at[@]}\" = 0 ]; then words='");
    nouns(out);
    strbuf_adds(out, "help ");
    flags(cli_options_console | cli_options_common, out);
    strbuf_adds(out, "'; return; fi\n"
                     "  case \"${at[0]}${at[1]:+ ${at[1]}}\" in\n");
    tails(out);
    strbuf_adds(out, "    *) [ \"${#at[@]}\" = 1 ] && case \"${at[0]}\" in\n");
    verbs(out);
    strbuf_adds(out, "    esac;;\n"
                     "  esac\n"
                     "}\n"
                     "_hourglass() {\n"
                     "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "  local words= files= IFS=$' \\n'\n"
                     "  _hourglass_words\n"
                     "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                     "  IFS=$'\\n'\n"
                     "  [ -z \"$files\" ] || COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
                     "}\n"
                     "complete -F _hourglass hourglass\n");
}

/* zsh runs the bash functions. It reads an installed file as the body of the function _hourglass
 * when Tab is pressed for the first time: that Tab is answered too. */
static void zsh(struct strbuf *out)
{
    strbuf_adds(out, "#compdef hourglass\nautoload -U +X bashcompinit && bashcompinit\n");
    bash(out);
    strbuf_adds(out, "[ \"${funcstack[1]-}\" != _hourglass ] || _bash_complete -F _hourglass\n");
}

bool cli_completion_write(const char *shell, struct strbuf *out)
{
    if (strcmp(shell, "zsh") == 0)
        zsh(out);
    else if (strcmp(shell, "bash") == 0)
        bash(out);
    else
        return false;
    return !out->failed;
}

int cli_completion(struct cli *c)
{
    STRBUF text;

    strbuf_init(&text, SCRIPT_BYTES_MAX);
    if (!cli_completion_write(c->args[0], &text))
        return cli_usage(c, "expected bash or zsh");
    fputs(text.data, stdout);
    return CLI_OK;
}
