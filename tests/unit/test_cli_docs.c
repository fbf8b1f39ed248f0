/* What is written about the command line outside of it: the man page and the completion scripts
 * say what the lists say, no more and no less. */
#include "tests/support/t.h"

#include <unistd.h>

#include "core/file.h"
#include "core/process.h"
#include "tui/cli/cli.h"

/* --- the man page ----------------------------------------------------------------------------- */

/* Without fonts, and with plain hyphens. */
static void plain(char *text)
{
    char *to = text;

    for (const char *p = text; *p;) {
        if (p[0] == '\\' && p[1] == 'f' && p[2])
            p += 3;
        else if (p[0] == '\\' && p[1] == '-')
            p++;
        else
            *to++ = *p++;
    }
    *to = '\0';
}

static void man_page(struct strbuf *out)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[500];
    struct err e;

    snprintf(path, sizeof path, "%s/docs/man/hourglass.1", source ? source : ".");
    strbuf_init(out, 1000000);
    assert_ok(file_read(path, out, &e), &e);
    plain(out->data);
}

/* The text from `title` to the next section; ends the text there. */
static char *section(struct strbuf *page, const char *title)
{
    char *from = strstr(page->data, title), *to;

    assert_non_null(from);
    from += strlen(title);
    to = strstr(from, "\n.SH ");
    if (to)
        *to = '\0';
    return from;
}

static const struct cli_command *command_of(const char *line)
{
    const struct cli_command *best = NULL;

    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];
        char head[100];

        snprintf(head, sizeof head, "%s%s%s%s%s\n", k->noun, k->verb[0] ? " " : "", k->verb,
                 k->args[0] ? " " : "", k->args);
        if (strncmp(line, head, strlen(head)) == 0)
            best = k;
    }
    return best;
}

static bool names_flag(const char *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = text; (p = strstr(p, "--")); p += 2)
        if (strncmp(p + 2, name, len) == 0 && !strchr("abcdefghijklmnopqrstuvwxyz-", p[2 + len]))
            return true;
    return false;
}

/* Every paragraph of COMMANDS is a command of the list, and its flags are that one's flags. */
static void the_man_page_has_every_command_with_its_flags(void **state)
{
    STRBUF page = {0};
    uint64_t seen = 0;
    char *at;

    (void)state;
    man_page(&page);
    at = section(&page, "\n.SH COMMANDS\n");
    while ((at = strstr(at, ".TP\n"))) {
        const struct cli_command *k = command_of(at + 4);
        char *end = strstr(at + 4, ".TP\n"), *flags;

        if (!k)
            fail_msg("no command is called like this: %.60s", at + 4);
        if (end)
            end[-1] = '\0';
        assert_true(strlen(at) > strlen(k->help));
        flags = strstr(at, "Flags: ");
        assert_int_equal(flags != NULL, k->options != 0);
        for (int o = 0; flags && o < CLI_OPTION_COUNT; o++)
            if (names_flag(flags, cli_option_rows[o].name) != (k->options >> o & 1))
                fail_msg("%s %s and --%s", k->noun, k->verb, cli_option_rows[o].name);
        seen |= 1ull << (k - cli_commands);
        at = end ? end : at + strlen(at);
    }
    assert_int_equal(seen, (1ull << cli_command_count) - 1);
}

static void the_man_page_has_every_flag(void **state)
{
    STRBUF page = {0};
    char *text;
    int rows = 0;

    (void)state;
    man_page(&page);
    text = section(&page, "\n.SH OPTIONS\n");
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_row *o = &cli_option_rows[i];
        char row[100];

        if (o->letter)
            snprintf(row, sizeof row, ".TP\n-%c, --%s%s%s\n", o->letter, o->name,
                     o->value ? " " : "", o->value ? o->value : "");
        else
            snprintf(row, sizeof row, ".TP\n--%s%s%s\n", o->name, o->value ? " " : "",
                     o->value ? o->value : "");
        assert_contains(text, row);
    }
    for (const char *p = text; (p = strstr(p, ".TP\n")); p++)
        rows++;
    assert_int_equal(rows, CLI_OPTION_COUNT);
}

static void the_man_page_has_every_exit_code(void **state)
{
    STRBUF page = {0};
    char *text, row[32];

    (void)state;
    man_page(&page);
    text = section(&page, "\n.SH EXIT STATUS\n");
    for (int i = 0; i <= CLI_BAD_RESULT; i++) {
        snprintf(row, sizeof row, ".TP\n.B %d\n", i);
        assert_contains(text, row);
    }
}

/* --- completion ------------------------------------------------------------------------------- */

static const char *script(const char *shell)
{
    static char path[500];
    STRBUF text = {0};
    struct err e;

    snprintf(path, sizeof path, "%s/hourglass.%s", t_dir(), shell);
    strbuf_init(&text, 1000000);
    assert_true(cli_completion_write(shell, &text));
    assert_ok(file_write(path, text.data, text.len, 0644, &e), &e);
    return path;
}

static void bash(const char *const *argv, struct strbuf *out)
{
    STRBUF errors = {0};
    struct process p = {.argv = argv, .timeout_ms = 20000, .out = out, .errors = &errors};
    int status = -1;
    struct err e;

    strbuf_init(&errors, 10000);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_string_equal(errors.data, "");
    assert_int_equal(status, 0);
}

/* What is offered for the last of these words, one per line between newlines. */
static void complete(const char *words, struct strbuf *out)
{
    static const char program[] = "set -u; . \"$1\"; shift; COMP_WORDS=(\"$@\"); "
                                  "COMP_CWORD=$(($# - 1)); COMPREPLY=(); _hourglass; "
                                  "echo; printf '%s\\n' \"${COMPREPLY[@]-}\"";
    const char *argv[24] = {"bash", "--norc", "-c", program, "bash", script("bash"), "hourglass"};
    char text[300], *save = NULL;
    size_t n = 7;

    snprintf(text, sizeof text, "%s", words);
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[n++] = strcmp(w, "''") == 0 ? "" : w;
    argv[n] = NULL;
    strbuf_reset(out);
    bash(argv, out);
}

static void assert_offers(const struct strbuf *out, const char *word, bool wanted)
{
    char line[100];

    snprintf(line, sizeof line, "\n%s\n", word);
    if ((strstr(out->data, line) != NULL) != wanted)
        fail_msg("'%s' is %soffered in: %s", word, wanted ? "not " : "", out->data);
}

static void the_scripts_parse(void **state)
{
    static const char *const shells[] = {"bash", "zsh"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
        const char *argv[] = {"bash", "-n", script(shells[i]), NULL};
        STRBUF out = {0};

        strbuf_init(&out, 1000);
        bash(argv, &out);
    }
    assert_false(cli_completion_write("fish", &(struct strbuf){0}));
}

static void nouns_verbs_and_flags_are_completed(void **state)
{
    STRBUF out = {0};

    (void)state;
    strbuf_init(&out, 100000);
    complete("''", &out);
    for (size_t i = 0; i < cli_command_count; i++)
        assert_offers(&out, cli_commands[i].noun, true);
    assert_offers(&out, "--read-only", true);
    complete("in", &out);
    assert_string_equal(out.data, "\ninstance\n");
    complete("instance s", &out);
    assert_string_equal(out.data, "\nshow\nstop\nstart\nssh\n");
    complete("instance stop --wa", &out);
    assert_string_equal(out.data, "\n--wait\n");
    complete("zone ''", &out);
    assert_offers(&out, "list", true);
    assert_offers(&out, "launch", false);
    complete("events --fo", &out);
    assert_string_equal(out.data, "\n--follow\n");
    complete("completion ''", &out);
    assert_offers(&out, "zsh", true);
}

static void every_flag_of_every_command_is_completed_and_no_other(void **state)
{
    STRBUF out = {0};

    (void)state;
    strbuf_init(&out, 100000);
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];
        char words[100], flag[64];

        snprintf(words, sizeof words, "%s %s --", k->noun, k->verb);
        complete(words, &out);
        for (int o = 0; o < CLI_OPTION_COUNT; o++) {
            snprintf(flag, sizeof flag, "--%s", cli_option_rows[o].name);
            assert_offers(&out, flag, (k->options | cli_options_common) >> o & 1);
        }
    }
}

static void values_and_files_are_completed_where_they_can_be(void **state)
{
    STRBUF out = {0};
    char file[500], words[600];
    struct err e;

    (void)state;
    strbuf_init(&out, 100000);
    complete("job list -o ''", &out);
    assert_string_equal(out.data, "\ntable\njson\nyaml\n");
    complete("--color ''", &out);
    assert_offers(&out, "never", true);
    complete("job list --limit ''", &out);
    assert_string_equal(out.data, "\n\n");
    snprintf(file, sizeof file, "%s/train.yaml", t_dir());
    assert_ok(file_write(file, "", 0, 0644, &e), &e);
    snprintf(words, sizeof words, "job submit %.*s", (int)strlen(file) - 3, file);
    complete(words, &out);
    assert_offers(&out, file, true);
    snprintf(words, sizeof words, "--config %.*s", (int)strlen(file) - 3, file);
    complete(words, &out);
    assert_offers(&out, file, true);
    snprintf(words, sizeof words, "job show %.*s", (int)strlen(file) - 3, file);
    complete(words, &out);
    assert_offers(&out, file, false);
}

static void flags_before_the_command_do_not_confuse_it(void **state)
{
    STRBUF out = {0};

    (void)state;
    strbuf_init(&out, 100000);
    complete("--config instance -o json job s", &out);
    assert_string_equal(out.data, "\nsubmit\nshow\n");
    complete("--yes ''", &out);
    assert_offers(&out, "job", true);
}

/* In a new zsh in the folder $1 that was told $2, type part of a word, Tab and Enter; what came of
 * it is printed unless it is the whole word. */
static const char press_tab[] =
    "zmodload zsh/zpty && zpty shell \"cd ${(q)1} && exec zsh -f -i\" || exit 1\n"
    "zpty -w shell \"PS1='rea''dy>'; hourglass() print ran:\\$*:; autoload -U compinit; $2\"\n"
    "zpty -r shell said '*ready>*'\n"
    "zpty -w -n shell $'hourglass instance laun\\t\\r'\n"
    "zpty -r shell said '*ran:*:*'\n"
    "[[ $said = *ran:instance\\ launch:* ]] || print -r -- \"$said\"\n"
    "zpty -d shell\n";

static void the_first_tab_in_zsh_completes(void **state)
{
    /* Installed, so that it is read at the first Tab; source <(hourglass completion zsh). */
    static const char *const told[] = {"fpath=($PWD $fpath); compinit -u -d $PWD/dump",
                                       "compinit -u -d $PWD/dump; . ./_hourglass"};
    const char *dir = t_dir(), *argv[] = {"zsh", "-f", "-c", press_tab, "zsh", dir, NULL, NULL};
    char file[500];

    (void)state;
    if (access("/usr/bin/zsh", X_OK) && access("/bin/zsh", X_OK))
        skip();
    snprintf(file, sizeof file, "%s/_hourglass", dir);
    assert_int_equal(rename(script("zsh"), file), 0);
    for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
        STRBUF out = {0};

        argv[6] = told[i];
        strbuf_init(&out, 100000);
        bash(argv, &out);
        assert_string_equal(out.data, "");
    }
}

/* Without a zsh to try it: what is read as the body of a function calls that function. */
static void the_script_for_zsh_ends_by_answering(void **state)
{
    static const char last[] = "\n[ \"${funcstack[1]-}\" != _hourglass ] || "
                               "_bash_complete -F _hourglass\n";
    STRBUF text = {0};

    (void)state;
    strbuf_init(&text, 1000000);
    assert_true(cli_completion_write("zsh", &text));
    assert_int_equal(strncmp(text.data, "#compdef hourglass\n", 19), 0);
    assert_true(text.len > strlen(last));
    assert_string_equal(text.data + text.len - strlen(last), last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_man_page_has_every_command_with_its_flags),
        cmocka_unit_test(the_man_page_has_every_flag),
        cmocka_unit_test(the_man_page_has_every_exit_code),
        cmocka_unit_test(the_scripts_parse),
        cmocka_unit_test(nouns_verbs_and_flags_are_completed),
        cmocka_unit_test(every_flag_of_every_command_is_completed_and_no_other),
        cmocka_unit_test(values_and_files_are_completed_where_they_can_be),
        cmocka_unit_test(flags_before_the_command_do_not_confuse_it),
        cmocka_unit_test(the_first_tab_in_zsh_completes),
        cmocka_unit_test(the_script_for_zsh_ends_by_answering),
    };

    return T_RUN("cli docs", tests);
}
