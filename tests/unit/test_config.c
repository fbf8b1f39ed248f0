/* The options of hourglassd: which source wins, what is refused and where, and that each option
 * is in the manual. */
#include "tests/support/t.h"

#include <ctype.h>
#include <limits.h>
#include <unistd.h>

#include "api/config.h"
#include "core/file.h"

static const char *const option_names[] = {
#define OPTION(name, kind, value, least, most, help) #name,
#include "api/config.def.h"
#undef OPTION
};

static void environment_clear(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
        char name[64] = "HOURGLASSD_";
        size_t n = strlen(name);

        for (const char *p = option_names[i]; *p; p++)
            name[n++] = (char)toupper((unsigned char)*p);
        name[n] = '\0';
        unsetenv(name);
    }
    unsetenv("HOURGLASSD_CONFIG");
    unsetenv("HOURGLASSD_LISTN");
}

struct fixture {
    struct config c;
    enum config_command command;
    char file[PATH_MAX];
    struct err e;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    environment_clear();
    snprintf(fx->file, sizeof fx->file, "%s/hourglassd.yaml", t_dir());
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    environment_clear();
    free(*state);
    return 0;
}

static void file_is(struct fixture *fx, const char *text)
{
    assert_ok(file_write(fx->file, text, strlen(text), 0600, &fx->e), &fx->e);
}

/* Load with these flags (NULL-terminated); the file is named by the first when it is "--config". */
static enum err_code load(struct fixture *fx, const char *const *flags)
{
    char words[16][PATH_MAX], *argv[17];
    int argc = 1;

    argv[0] = words[0];
    text_copy(words[0], PATH_MAX, "hourglassd");
    for (; flags && flags[argc - 1]; argc++) {
        argv[argc] = words[argc];
        text_copy(words[argc], PATH_MAX, flags[argc - 1]);
    }
    argv[argc] = NULL;
    err_clear(&fx->e);
    return config_load(argc, argv, &fx->c, &fx->command, &fx->e);
}
#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void refused(struct fixture *fx, const char *const *flags, const char *sentence)
{
    enum err_code rc = load(fx, flags);

    if (rc != ERR_INVALID)
        fail_msg("not refused: %s", sentence);
    assert_contains(fx->e.msg, sentence);
}

static void nothing_said_means_the_defaults(void **state)
{
    struct fixture *fx = *state;

    assert_ok(load(fx, NULL), &fx->e);
    assert_string_equal(fx->c.listen, "127.0.0.1:7070");
    assert_int_equal(fx->c.http_threads, 2);
    assert_false(fx->c.seed);
    assert_int_equal(fx->command, CONFIG_SERVE);
}

static void each_source_wins_over_the_one_before(void **state)
{
    struct fixture *fx = *state;

    file_is(fx, "http_threads: 3\nlog_level: warn\nengine: sim\n");
    assert_ok(load(fx, FLAGS("--config", fx->file)), &fx->e);
    assert_int_equal(fx->c.http_threads, 3);
    setenv("HOURGLASSD_HTTP_THREADS", "4", 1);
    setenv("HOURGLASSD_LOG_LEVEL", "error", 1);
    assert_ok(load(fx, FLAGS("--config", fx->file)), &fx->e);
    assert_int_equal(fx->c.http_threads, 4);
    assert_ok(load(fx, FLAGS("--http-threads=5", "--config", fx->file)), &fx->e);
    assert_int_equal(fx->c.http_threads, 5);
    assert_string_equal(fx->c.log_level, "error");
    assert_string_equal(fx->c.engine, "sim");
}

static void the_last_of_two_flags_wins(void **state)
{
    struct fixture *fx = *state;

    assert_ok(load(fx, FLAGS("--http-threads=5", "--http-threads", "6")), &fx->e);
    assert_int_equal(fx->c.http_threads, 6);
}

static void the_file_can_be_named_in_three_ways(void **state)
{
    struct fixture *fx = *state;
    char flag[PATH_MAX + 16];

    file_is(fx, "http_threads: 9\n");
    assert_ok(load(fx, FLAGS("--config", fx->file)), &fx->e);
    assert_int_equal(fx->c.http_threads, 9);
    snprintf(flag, sizeof flag, "--config=%s", fx->file);
    assert_ok(load(fx, FLAGS(flag, "--log-level=warn")), &fx->e);
    assert_int_equal(fx->c.http_threads, 9);
    assert_string_equal(fx->c.log_level, "warn");
    setenv("HOURGLASSD_CONFIG", fx->file, 1);
    assert_ok(load(fx, NULL), &fx->e);
    assert_int_equal(fx->c.http_threads, 9);
}

static void a_file_takes_every_kind_of_value(void **state)
{
    struct fixture *fx = *state;

    file_is(fx, "listen: unix:/run/x.sock\nseed: true\nseed_token_file: /t\nhttp-threads: 7\n"
                "seed_grant: 12.50\nseed_organization: 42\nlog_requests: \"true\"\n");
    assert_ok(load(fx, FLAGS("--config", fx->file)), &fx->e);
    assert_string_equal(fx->c.listen, "unix:/run/x.sock");
    assert_true(fx->c.seed);
    assert_true(fx->c.log_requests);
    assert_int_equal(fx->c.http_threads, 7);
    assert_string_equal(fx->c.seed_grant, "12.5");
    assert_string_equal(fx->c.seed_organization, "42");
}

static void a_mistake_in_the_file_has_its_place(void **state)
{
    struct fixture *fx = *state;
    static const struct {
        const char *text, *place, *what;
    } row[] = {
        {"engine: sim\n\nlisten_on: x\n", ":3:", "there is no option 'listen_on'"},
        {"http_threads: many\n", ":1:15", "'many' is not a whole number"},
        {"engine: sim\nhttp_threads: 65\n", ":2:15", "expected 1 to 64, not 65"},
        {"http_threads: 2.5\n", ":1:15", "not a whole number"},
        {"http_threads: 99999999999999999999\n", ":1:15", "too large"},
        {"seed_grant_days: -1\n", ":1:18", "expected 0 to 3650"},
        {"seed: yes\n", ":1:7", "neither true nor false"},
        {"listen: [a, b]\n", ":1:9", "expected a text"},
        {"listen:\n", ":1:", "expected a text"},
        {"listen: a\nlisten: b\n", ":2:", "listen"},
        {"listen: 'a\n", ":", "hourglassd.yaml"},
        {"- listen\n", ":1:1", "expected options"},
        {"just words\n", ":1:1", "expected options"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        file_is(fx, row[i].text);
        refused(fx, FLAGS("--config", fx->file), row[i].what);
        assert_contains(fx->e.msg, "hourglassd.yaml:");
        assert_contains(fx->e.msg, row[i].place);
    }
}

static void a_missing_file_is_refused(void **state)
{
    struct fixture *fx = *state;

    assert_err(ERR_NOT_FOUND, load(fx, FLAGS("--config", "/nonexistent/x.yaml")), &fx->e);
    assert_contains(fx->e.msg, "/nonexistent/x.yaml");
    refused(fx, FLAGS("--config"), "--config needs a file");
    refused(fx, FLAGS("--config="), "--config needs a file");
}

static void a_bad_flag_is_refused(void **state)
{
    struct fixture *fx = *state;
    char longest[CONFIG_TEXT_MAX + 32] = "--listen=";

    memset(longest + strlen(longest), 'x', CONFIG_TEXT_MAX);
    refused(fx, FLAGS("--listn=x"), "there is no option '--listn=x'");
    refused(fx, FLAGS("--"), "there is no option '--'");
    refused(fx, FLAGS("listen"), "there is no option 'listen'");
    refused(fx, FLAGS("-v"), "there is no option '-v'");
    refused(fx, FLAGS("--listen"), "--listen needs a value");
    refused(fx, FLAGS("--http-threads=0"), "http_threads: expected 1 to 64, not 0");
    refused(fx, FLAGS("--http-threads="), "http_threads: '' is not a whole number");
    refused(fx, FLAGS("--http-threads=2x"), "http_threads: '2x' is not a whole number");
    refused(fx, FLAGS("--seed=1"), "seed: '1' is neither true nor false");
    refused(fx, FLAGS(longest), "listen: longer than");
    refused(fx, FLAGS("--log-level=loud"), "log_level: expected debug, info, warn or error");
}

static void a_bad_variable_is_refused_by_its_name(void **state)
{
    struct fixture *fx = *state;

    setenv("HOURGLASSD_LISTN", "x", 1);
    refused(fx, NULL, "HOURGLASSD_LISTN: there is no option 'listn'");
    unsetenv("HOURGLASSD_LISTN");
    setenv("HOURGLASSD_HTTP_THREADS", "x", 1);
    refused(fx, NULL, "HOURGLASSD_HTTP_THREADS: http_threads: 'x' is not a whole number");
}

static void options_that_need_each_other_are_checked_together(void **state)
{
    struct fixture *fx = *state;

    refused(fx, FLAGS("--seed"), "seed_token_file");
    refused(fx, FLAGS("--tls-certificate=/c"), "tls_certificate and tls_key go together");
    refused(fx, FLAGS("--tls-key=/k"), "tls_certificate and tls_key go together");
    assert_ok(load(fx, FLAGS("--seed", "--version")), &fx->e); /* nothing is started */
}

static void a_refusal_leaves_the_output_alone(void **state)
{
    struct fixture *fx = *state;

    memset(&fx->c, 7, sizeof fx->c);
    refused(fx, FLAGS("--http-threads=0"), "http_threads");
    assert_int_equal(((const char *)&fx->c)[0], 7);
}

static void commands_are_flags(void **state)
{
    struct fixture *fx = *state;
    static const struct {
        const char *flag;
        enum config_command command;
    } row[] = {{"--help", CONFIG_HELP},       {"-h", CONFIG_HELP},
               {"--version", CONFIG_VERSION}, {"--routes", CONFIG_ROUTES},
               {"--openapi", CONFIG_OPENAPI}, {"--check", CONFIG_CHECK}};

    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        assert_ok(load(fx, FLAGS(row[i].flag)), &fx->e);
        assert_int_equal(fx->command, row[i].command);
    }
}

/* --- what is documented ------------------------------------------------------------------------
 */

static void flag_of(const char *name, char out[64])
{
    snprintf(out, 64, "--%s", name);
    for (char *p = out; *p; p++)
        *p = *p == '_' ? '-' : *p;
}

static void the_help_names_every_option_and_its_default(void **state)
{
    STRBUF text;

    (void)state;
    strbuf_init(&text, 64 * 1024);
    config_help(&text);
    for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
        char flag[64];

        flag_of(option_names[i], flag);
        assert_contains(text.data, flag);
    }
    assert_contains(text.data, "127.0.0.1:7070");
}

/* The page without its escapes: "\-\-listen" is "--listen". */
static void manual_read(struct strbuf *out)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[PATH_MAX];
    struct err e;
    STRBUF raw;

    strbuf_init(&raw, 1024 * 1024);
    snprintf(path, sizeof path, "%s/docs/man/hourglassd.8", source ? source : ".");
    assert_ok(file_read(path, &raw, &e), &e);
    for (size_t i = 0; i < raw.len; i++)
        if (raw.data[i] != '\\')
            strbuf_addc(out, raw.data[i]);
}

static bool is_documented(const char *manual, const char *flag)
{
    size_t len = strlen(flag);

    for (const char *p = strstr(manual, flag); p; p = strstr(p + 1, flag))
        if (!isalnum((unsigned char)p[len]) && p[len] != '-')
            return true;
    return false;
}

static void the_manual_has_every_option_with_its_default(void **state)
{
    static const char *const defaults[] = {
#define OPTION(name, kind, value, least, most, help) value,
#include "api/config.def.h"
#undef OPTION
    };
    STRBUF text;

    (void)state;
    strbuf_init(&text, 1024 * 1024);
    manual_read(&text);
    for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
        char flag[64];

        flag_of(option_names[i], flag);
        if (!is_documented(text.data, flag))
            fail_msg("docs/man/hourglassd.8 does not have %s", flag);
        if (!strstr(text.data, defaults[i]))
            fail_msg("docs/man/hourglassd.8 does not have the default of %s: %s", flag,
                     defaults[i]);
    }
}

static bool is_flag(const char *word, size_t len)
{
    static const char *const others[] = {"--config",  "--check",   "--routes",
                                         "--openapi", "--version", "--help"};
    char flag[64];

    for (size_t i = 0; i < ARRAY_SIZE(option_names); i++) {
        flag_of(option_names[i], flag);
        if (strlen(flag) == len && strncmp(flag, word, len) == 0)
            return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (strlen(others[i]) == len && strncmp(others[i], word, len) == 0)
            return true;
    return false;
}

static void the_manual_has_no_option_that_there_is_not(void **state)
{
    STRBUF text;

    (void)state;
    strbuf_init(&text, 1024 * 1024);
    manual_read(&text);
    for (const char *p = strstr(text.data, "--"); p; p = strstr(p, "--")) {
        size_t len = strspn(p, "-abcdefghijklmnopqrstuvwxyz0123456789");

        if (!is_flag(p, len))
            fail_msg("docs/man/hourglassd.8 has %.*s, which is no option", (int)len, p);
        p += len;
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(nothing_said_means_the_defaults),
        TEST(each_source_wins_over_the_one_before),
        TEST(the_last_of_two_flags_wins),
        TEST(the_file_can_be_named_in_three_ways),
        TEST(a_file_takes_every_kind_of_value),
        TEST(a_mistake_in_the_file_has_its_place),
        TEST(a_missing_file_is_refused),
        TEST(a_bad_flag_is_refused),
        TEST(a_bad_variable_is_refused_by_its_name),
        TEST(options_that_need_each_other_are_checked_together),
        TEST(a_refusal_leaves_the_output_alone),
        TEST(commands_are_flags),
        TEST(the_help_names_every_option_and_its_default),
        TEST(the_manual_has_every_option_with_its_default),
        TEST(the_manual_has_no_option_that_there_is_not),
    };
#undef TEST

    return T_RUN("config", tests);
}
