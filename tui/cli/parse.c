/* Words into flags and arguments. */
#include <string.h>

#include "tui/cli/cli.h"

/* The flag that a word names, and the value that stands in the same word, or NULL. */
static int option_find(const char *word, const char **value)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    bool is_long = word[1] == '-';

    *value = NULL;
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_row *o = &cli_option_rows[i];

        if (is_long && strlen(o->name) == len - 2 && strncmp(o->name, word + 2, len - 2) == 0) {
            *value = equals ? equals + 1 : NULL;
            return i;
        }
        if (!is_long && o->letter && o->letter == word[1]) {
            *value = word[2] ? word + 2 : NULL;
            return i;
        }
    }
    return -1;
}

/* Read the flag at words[0]. Returns how many words it took, or -1 after a sentence. */
static int option_read(struct cli *c, int count, char **words, uint64_t allowed)
{
    const char *value;
    int id = option_find(words[0], &value), took = 1;

    if (id < 0 || !(allowed >> id & 1)) {
        cli_usage(c, "there is no flag '%s' here", words[0]);
        return -1;
    }
    if (!cli_option_rows[id].value) {
        if (value)
            cli_usage(c, "--%s takes no value", cli_option_rows[id].name);
        c->value[id] = "";
        return value ? -1 : 1;
    }
    if (!value && count > 1) {
        value = words[1];
        took = 2;
    }
    if (!value) {
        cli_usage(c, "--%s needs %s", cli_option_rows[id].name, cli_option_rows[id].value);
        return -1;
    }
    c->value[id] = value;
    return took;
}

static bool is_flag(const char *word)
{
    return word[0] == '-' && word[1];
}

int cli_flags_read(struct cli *c, int argc, char **argv, uint64_t allowed)
{
    int at = 0;

    while (at < argc && is_flag(argv[at]) && strcmp(argv[at], "--") != 0) {
        int took = option_read(c, argc - at, argv + at, allowed);

        if (took < 0)
            return -1;
        at += took;
    }
    return at;
}

/* Flags may stand anywhere, but not behind the ID of `instance ssh`: those are for ssh. */
int cli_words_read(struct cli *c, int argc, char **argv, char **args)
{
    bool raw = false;
    int at = 0;

    c->args = args;
    while (at < argc) {
        int took = 1;

        if (!raw && strcmp(argv[at], "--") == 0) {
            raw = true;
        } else if (raw || !is_flag(argv[at])) {
            args[c->arg_count++] = argv[at];
            raw = raw || c->command->run == cli_instance_ssh;
        } else {
            took = option_read(c, argc - at, argv + at, c->command->options | cli_options_common);
        }
        if (took < 0)
            return CLI_USAGE;
        at += took;
    }
    return CLI_OK;
}
