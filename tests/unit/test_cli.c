/* The command line without a server: its lists, its parser, its help, what it prints. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/text.h"
#include "tests/support/captured.h"
#include "tui/cli/cli.h"

static struct captured got;

static int run(const char *line)
{
    char text[512], *argv[32];
    int argc, rc;

    snprintf(text, sizeof text, "%s", line);
    argc = words_split(text, argv, ARRAY_SIZE(argv));
    capture_begin(&got);
    rc = cli_run(argc, argv);
    capture_end(&got);
    return rc;
}

/* --- the lists -------------------------------------------------------------------------------- */

static void every_command_is_there_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++)
        for (size_t k = 0; k < i; k++) {
            const struct cli_command *a = &cli_commands[i], *b = &cli_commands[k];

            assert_false(strcmp(a->noun, b->noun) == 0 &&
                         (strcmp(a->verb, b->verb) == 0 || !a->verb[0] || !b->verb[0]));
        }
}

static void commands_of_a_noun_stand_together(void **state)
{
    (void)state;
    for (size_t i = 1; i < cli_command_count; i++)
        for (size_t k = 0; k + 1 < i; k++)
            if (strcmp(cli_commands[k].noun, cli_commands[i].noun) == 0)
                assert_string_equal(cli_commands[i - 1].noun, cli_commands[i].noun);
}

static void every_command_says_what_it_does_and_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];

        assert_true(k->noun[0] && strlen(k->help) > 5);
        assert_non_null(k->run);
        assert_int_equal(k->args[0] != '\0', k->args_max > 0);
        assert_true(k->args_min <= k->args_max && k->args_min >= 0);
        assert_int_equal(k->options >> CLI_OPTION_COUNT, 0);
        assert_int_equal(k->options & cli_options_common, 0);
    }
}

static void every_flag_is_known_once_and_used(void **state)
{
    (void)state;
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct cli_option_row *o = &cli_option_rows[i];
        uint64_t used = cli_options_common | cli_options_console;

        assert_true(o->name[0] && strlen(o->help) > 5);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(o->name, cli_option_rows[k].name);
            assert_false(o->letter && o->letter == cli_option_rows[k].letter);
        }
        for (size_t k = 0; k < cli_command_count; k++)
            used |= cli_commands[k].options;
        if (!(used >> i & 1))
            fail_msg("no command takes --%s", o->name);
    }
}

static void every_command_has_help_with_its_flags(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *k = &cli_commands[i];
        char words[100];

        snprintf(words, sizeof words, "%s %s --help", k->noun, k->verb);
        assert_int_equal(run(words), CLI_OK);
        assert_contains(got.out, k->help);
        assert_contains(got.out, k->args);
        for (int o = 0; o < CLI_OPTION_COUNT; o++) {
            snprintf(words, sizeof words, " --%s ", cli_option_rows[o].name);
            if ((k->options | cli_options_common) >> o & 1)
                assert_contains(got.out, words);
            else
                assert_null(strstr(got.out, words));
        }
    }
}

static void help_fits_a_terminal_and_names_all(void **state)
{
    STRBUF help = {0};

    (void)state;
    strbuf_init(&help, 100000);
    cli_help(NULL, &help);
    assert_false(help.failed);
    for (size_t i = 0; i < cli_command_count; i++) {
        char left[100];

        snprintf(left, sizeof left, "  %s%s%s", cli_commands[i].noun,
                 cli_commands[i].verb[0] ? " " : "", cli_commands[i].verb);
        assert_contains(help.data, left);
        assert_contains(help.data, cli_commands[i].help);
    }
    for (char *line = help.data; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 120);
}

/* --- the parser ------------------------------------------------------------------------------- */

static void help_is_asked_for_in_every_way(void **state)
{
    static const char *const ways[] = {"--help", "-h", "help"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        assert_int_equal(run(ways[i]), CLI_OK);
        assert_contains(got.out, "usage: hourglass");
    }
    assert_int_equal(run("help job submit"), CLI_OK);
    assert_contains(got.out, "usage: hourglass job submit FILE");
    assert_int_equal(run("job --help"), CLI_OK);
    assert_contains(got.out, "hourglass job submit");
    assert_int_equal(run("--version"), CLI_OK);
    assert_int_equal(strncmp(got.out, "hourglass ", 10), 0);
}

static void wrong_use_is_told_and_is_two(void **state)
{
    static const struct {
        const char *words, *says;
    } rows[] = {
        {"", "expected a command"},
        {"nonsense", "there is no command 'nonsense'"},
        {"job", "hourglass job submit"},
        {"job dance", "hourglass job submit"},
        {"help nonsense", "there is no command"},
        {"job list --frobnicate", "there is no flag '--frobnicate' here"},
        {"job list --offer x", "there is no flag '--offer' here"},
        {"job list -x", "there is no flag '-x' here"},
        {"job list --", "server"}, /* nothing behind it: not wrong, but nobody to ask */
        {"job list extra", "expected no argument"},
        {"job show", "expected ID"},
        {"job show a b", "expected ID"},
        {"job list --output", "--output needs table|json|yaml"},
        {"job list -o xml", "expected table, json or yaml"},
        {"job list --all=yes", "--all takes no value"},
        {"job list -ax", "--all takes no value"},
        {"--ascii job list", "there is no flag '--ascii' here"},
        {"--config", "--config needs FILE"},
        {"job submit x --wait --timeout soon", "--timeout: "},
        {"completion fish", "expected bash or zsh"},
    };

    (void)state;
    setenv("HOME", t_dir(), 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int rc = run(rows[i].words);

        assert_contains(got.err, rows[i].says);
        assert_string_equal(got.out, "");
        assert_int_equal(rc, CLI_USAGE);
    }
}

/* The words behind noun and verb, as the parser reads them; valid until the next call. */
static int read_words(struct cli *c, const char *noun, const char *verb, const char *line)
{
    static char text[512], *argv[32], *args[32];

    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < cli_command_count; i++)
        if (strcmp(cli_commands[i].noun, noun) == 0 && strcmp(cli_commands[i].verb, verb) == 0)
            c->command = &cli_commands[i];
    assert_non_null(c->command);
    snprintf(text, sizeof text, "%s", line);
    return cli_words_read(c, words_split(text, argv, ARRAY_SIZE(argv)), argv, args);
}

static void flags_stand_anywhere_in_any_spelling(void **state)
{
    struct cli c;

    (void)state;
    assert_int_equal(
        read_words(&c, "job", "list", "a -ojson --limit=7 --text -x -a b --state= -- -y"), CLI_OK);
    assert_string_equal(c.value[CLI_OUTPUT], "json");
    assert_string_equal(c.value[CLI_LIMIT], "7");
    assert_string_equal(c.value[CLI_TEXT], "-x");
    assert_string_equal(c.value[CLI_ALL], "");
    assert_string_equal(c.value[CLI_STATE], "");
    assert_null(c.value[CLI_YES]);
    assert_int_equal(c.arg_count, 3);
    assert_string_equal(c.args[0], "a");
    assert_string_equal(c.args[1], "b");
    assert_string_equal(c.args[2], "-y");
}

static void a_lone_dash_is_an_argument(void **state)
{
    struct cli c;

    (void)state;
    assert_int_equal(read_words(&c, "job", "submit", "- --wait"), CLI_OK);
    assert_int_equal(c.arg_count, 1);
    assert_string_equal(c.args[0], "-");
    assert_non_null(c.value[CLI_WAIT]);
}

static void what_follows_the_id_of_ssh_belongs_to_ssh(void **state)
{
    struct cli c;

    (void)state;
    assert_int_equal(
        read_words(&c, "instance", "ssh", "--profile p ins_1 -L 80:localhost:80 --url x"), CLI_OK);
    assert_string_equal(c.value[CLI_PROFILE], "p");
    assert_null(c.value[CLI_URL]);
    assert_int_equal(c.arg_count, 5);
    assert_string_equal(c.args[1], "-L");
    assert_string_equal(c.args[4], "x");
}

static void flags_before_the_command_are_its_flags(void **state)
{
    char text[] = "--profile=p -o yaml --read-only job --url", *argv[8];
    int argc = words_split(text, argv, ARRAY_SIZE(argv));
    struct cli c = {0};

    (void)state;
    assert_int_equal(cli_flags_read(&c, argc, argv, cli_options_common | cli_options_console), 4);
    assert_string_equal(c.value[CLI_PROFILE], "p");
    assert_string_equal(c.value[CLI_OUTPUT], "yaml");
    assert_string_equal(c.value[CLI_READ_ONLY], "");
    assert_null(c.value[CLI_URL]);
}

/* --- errors ----------------------------------------------------------------------------------- */

static void every_error_has_a_documented_exit_code(void **state)
{
    static const struct {
        enum err_code code;
        int want;
    } rows[] = {{ERR_NOT_FOUND, 3}, {ERR_GONE, 3},        {ERR_NO_CREDIT, 4},
                {ERR_NO_STOCK, 5},  {ERR_CONFLICT, 5},    {ERR_UNAUTHENTICATED, 6},
                {ERR_FORBIDDEN, 6}, {ERR_UNREACHABLE, 7}, {ERR_TIMEOUT, 7},
                {ERR_BUSY, 7},      {ERR_STORAGE, 7},     {ERR_INVALID, 1},
                {ERR_INTERNAL, 1},  {ERR_IN_PROGRESS, 5}, {ERR_RATE, 7}};

    (void)state;
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++) {
        struct err e;
        int rc;

        err_clear(&e);
        err_set(&e, (enum err_code)code, "because");
        capture_begin(&got);
        rc = cli_fail(&e, (enum err_code)code);
        capture_end(&got);
        assert_true(rc > 0 && rc <= CLI_BAD_RESULT && rc != CLI_USAGE);
        assert_string_equal(got.err, "hourglass: because\n");
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
            if (rows[i].code == (enum err_code)code)
                assert_int_equal(rc, rows[i].want);
    }
}

static void an_error_says_details_and_facts_and_is_clean(void **state)
{
    struct err e;

    (void)state;
    err_clear(&e);
    err_set(&e, ERR_NO_CREDIT, "no\x1B[2J credit\nat all\x07");
    err_detail(&e, "/name", "too_long", "at most\r63");
    err_fact_money(&e, "required", 2730000, "EUR");
    err_fact_text(&e, "alternatives", "l4\x1B]0;x\x07");
    err_fact_int(&e, "count", 3);
    capture_begin(&got);
    assert_int_equal(cli_fail(&e, e.code), CLI_NO_CREDIT);
    capture_end(&got);
    for (const char *p = got.err; *p; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= ' ');
    assert_contains(got.err, "  /name: at most");
    assert_contains(got.err, "  required: 2.73 EUR\n");
    assert_contains(got.err, "  count: 3\n");
}

static void a_question_without_a_terminal_is_wrong_use(void **state)
{
    struct cli c = {.command = &cli_commands[0]};
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC), saved = fcntl(0, F_DUPFD_CLOEXEC, 10), rc;

    (void)state;
    dup2(in, 0);
    capture_begin(&got);
    rc = cli_confirm(&c, "Really?");
    capture_end(&got);
    dup2(saved, 0);
    close(saved);
    close(in);
    assert_int_equal(rc, CLI_USAGE);
    assert_contains(got.err, "--yes");
    c.value[CLI_YES] = "";
    assert_int_equal(cli_confirm(&c, "Really?"), CLI_OK);
}

/* --- output ----------------------------------------------------------------------------------- */

static const struct cli_column columns[] = {
    {"NAME", "name", SHOW_TEXT},
    {"COST", "cost", SHOW_MONEY},
    {"OF", "owner/name", SHOW_TEXT},
    {"END", "end", SHOW_TEXT},
};

static json_t *tree(const char *text)
{
    json_t *o = NULL;
    struct err e;

    assert_ok(json_parse(text, strlen(text), &o, &e), &e);
    return o;
}

/* The terminal's column at which `word` stands in the line. */
static int column_of(const char *line, const char *word)
{
    char before[512];
    const char *at = strstr(line, word);

    assert_non_null(at);
    snprintf(before, sizeof before, "%.*s", (int)(at - line), line);
    return text_width(before);
}

static void a_table_is_straight_whatever_is_in_it(void **state)
{
    json_t *items =
        tree("[{\"name\":\"漢字の\",\"cost\":{\"amount_micros\":2730000,\"currency\":\"EUR\"},"
             "\"owner\":{\"name\":\"é\"},\"end\":\"|\"},"
             "{\"name\":\"a\",\"cost\":{\"amount_micros\":-1,\"currency\":\"EUR\"},\"end\":\"|\"},"
             "{\"name\":\"e\xCC\x81 "
             "\\u001b[31mred\\u001b[0m\\nnew\\u202eline\",\"owner\":{\"name\":\"x\"},"
             "\"end\":\"|\"},"
             "{\"end\":\"|\"},{\"name\":7,\"owner\":3,\"cost\":\"free\",\"end\":\"|\"}]");
    struct cli c = {.clock = clock_real()};
    STRBUF out = {0};
    int at = -1;
    size_t lines = 0;

    (void)state;
    strbuf_init(&out, 10000);
    cli_table(&c, items, columns, ARRAY_SIZE(columns), &out);
    for (char *line = out.data; *line; lines++) {
        size_t len = strcspn(line, "\n");

        line[len] = '\0';
        if (lines) {
            int end = column_of(line, "|");

            assert_true(at < 0 || at == end);
            at = end;
        }
        for (const char *p = line; *p; p++)
            assert_true((unsigned char)*p >= ' ' && *p != 0x7F);
        assert_null(strstr(line, "\xE2\x80\xAE"));
        line += len + 1;
    }
    assert_int_equal(lines, 6);
    json_decref(items);
}

static void a_value_is_shown_by_its_kind(void **state)
{
    static const struct {
        const char *json;
        enum cli_show show;
        const char *want;
    } rows[] = {
        {"{\"v\":\"text\"}", SHOW_TEXT, "text"},
        {"{\"v\":\"\"}", SHOW_TEXT, "-"},
        {"{\"v\":null}", SHOW_TEXT, "-"},
        {"{}", SHOW_MONEY, "-"},
        {"{\"v\":{\"amount_micros\":2730000,\"currency\":\"EUR\"}}", SHOW_MONEY, "2.73 EUR"},
        {"{\"v\":{\"amount_micros\":758300,\"currency\":\"EUR\"}}", SHOW_MONEY, "0.7583 EUR"},
        {"{\"v\":{\"amount_micros\":1,\"currency\":\"\\u001b[\"}}", SHOW_MONEY, "0.0000 XXX"},
        {"{\"v\":\"free\"}", SHOW_MONEY, "0.00 XXX"},
        {"{\"v\":7}", SHOW_NUMBER, "7"},
        {"{\"v\":1.37}", SHOW_NUMBER, "1.37"},
        {"{\"v\":0.0123}", SHOW_NUMBER, "0.0123"},
        {"{\"v\":true}", SHOW_TEXT, "yes"},
        {"{\"v\":[1]}", SHOW_TEXT, "?"},
        {"{\"v\":-1}", SHOW_EXIT, "-"},
        {"{\"v\":137}", SHOW_EXIT, "137"},
        {"{\"v\":3725}", SHOW_DURATION, "1h 02m"},
        {"{\"v\":\"2026-11-20T12:00:00Z\"}", SHOW_TIME, "2026-11-20T12:00:00Z"},
        {"{\"v\":\"2026-11-20T11:59:15Z\"}", SHOW_AGO, "45s ago"},
        {"{\"v\":\"2026-11-20T12:00:45Z\"}", SHOW_AGO, "in 45s"},
        {"{\"v\":\"yesterday\\u0007\"}", SHOW_AGO, "yesterday^G"},
    };
    struct clock_test clock;
    struct cli c = {.clock = &clock.base};
    int64_t now;
    struct err e;

    (void)state;
    assert_ok(rfc3339_parse("2026-11-20T12:00:00Z", &now, &e), &e);
    clock_test_init(&clock, now);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct cli_column col = {"V", "v", rows[i].show};
        json_t *o = tree(rows[i].json);
        char cell[100];

        assert_string_equal(cli_cell(&c, o, &col, cell, sizeof cell), rows[i].want);
        json_decref(o);
    }
}

static void a_column_says_nothing_in_the_states_that_it_is_not_for(void **state)
{
    const struct cli_column col = {"V", "v", SHOW_TEXT, "stopped terminated"};
    static const struct {
        const char *json, *want;
    } rows[] = {
        {"{\"v\":\"x\",\"state\":\"running\"}", "x"},
        {"{\"v\":\"x\",\"state\":\"stopped\"}", "-"},
        {"{\"v\":\"x\",\"state\":\"terminated\"}", "-"},
        {"{\"v\":\"x\",\"state\":\"terminate\"}", "x"},
        {"{\"v\":\"x\",\"state\":\"\"}", "x"},
        {"{\"v\":\"x\",\"state\":7}", "x"},
        {"{\"v\":\"x\"}", "x"},
    };
    struct cli c = {.clock = clock_real()};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *o = tree(rows[i].json);
        char cell[100];

        assert_string_equal(cli_cell(&c, o, &col, cell, sizeof cell), rows[i].want);
        json_decref(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_there_once),
        cmocka_unit_test(commands_of_a_noun_stand_together),
        cmocka_unit_test(every_command_says_what_it_does_and_takes),
        cmocka_unit_test(every_flag_is_known_once_and_used),
        cmocka_unit_test(every_command_has_help_with_its_flags),
        cmocka_unit_test(help_fits_a_terminal_and_names_all),
        cmocka_unit_test(help_is_asked_for_in_every_way),
        cmocka_unit_test(wrong_use_is_told_and_is_two),
        cmocka_unit_test(flags_stand_anywhere_in_any_spelling),
        cmocka_unit_test(a_lone_dash_is_an_argument),
        cmocka_unit_test(what_follows_the_id_of_ssh_belongs_to_ssh),
        cmocka_unit_test(flags_before_the_command_are_its_flags),
        cmocka_unit_test(every_error_has_a_documented_exit_code),
        cmocka_unit_test(an_error_says_details_and_facts_and_is_clean),
        cmocka_unit_test(a_question_without_a_terminal_is_wrong_use),
        cmocka_unit_test(a_table_is_straight_whatever_is_in_it),
        cmocka_unit_test(a_value_is_shown_by_its_kind),
        cmocka_unit_test(a_column_says_nothing_in_the_states_that_it_is_not_for),
    };

    return T_RUN("cli", tests);
}
