/* Which server, with which key: flags over environment over file, and a key only where it
 * belongs. */
#include "tests/support/t.h"

#include <sys/stat.h>

#include "client/profile.h"
#include "core/file.h"

static const char config[] = "profile: two\n"
                             "profiles:\n"
                             "  - name: one\n"
                             "    url: http://127.0.0.1:1001\n"
                             "    token_file: ~/one.token\n"
                             "  - name: two\n"
                             "    url: https://two.example\n"
                             "    token_file: ~/two.token\n"
                             "    ca_file: ~/ca.pem\n";

static void put(const char *dir, const char *name, const char *text, unsigned mode)
{
    char path[400];
    struct err e;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(file_write(path, text, strlen(text), mode, &e), &e);
    assert_int_equal(chmod(path, mode), 0);
}

/* A home of its own, and none of the variables. Returns the home. */
static const char *home(const char *file)
{
    static const char *const names[] = {"HOURGLASS_URL", "HOURGLASS_TOKEN", "HOURGLASS_PROFILE",
                                        "XDG_CONFIG_HOME"};
    const char *dir = t_dir();
    char folder[400];
    struct err e;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        unsetenv(names[i]);
    setenv("HOME", dir, 1);
    snprintf(folder, sizeof folder, "%s/.config/hourglass", dir);
    assert_ok(dir_make(folder, 0700, &e), &e);
    if (file)
        put(folder, "config.yaml", file, 0644);
    put(dir, "one.token", "hgk_one\n", 0600);
    put(dir, "two.token", "hgk_two", 0400);
    return dir;
}

static void the_files_profile_is_the_default(void **state)
{
    struct profile_flags f = {0};
    struct profile p;
    struct err e;
    char ca[400];

    (void)state;
    snprintf(ca, sizeof ca, "%s/ca.pem", home(config));
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.name, "two");
    assert_string_equal(p.url, "https://two.example");
    assert_string_equal(p.token, "hgk_two");
    assert_string_equal(p.ca_file, ca);
}

static void without_a_default_it_is_the_first(void **state)
{
    struct profile_flags f = {0};
    struct profile p;
    struct err e;

    (void)state;
    home(config + strlen("profile: two\n"));
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.name, "one");
}

static void the_environment_wins_over_the_file_and_a_flag_over_both(void **state)
{
    struct profile_flags f = {0};
    struct profile p;
    struct err e;

    (void)state;
    home(config);
    setenv("HOURGLASS_PROFILE", "one", 1);
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.token, "hgk_one");
    f.name = "two";
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.token, "hgk_two");
    setenv("HOURGLASS_TOKEN", "hgk_env", 1);
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.token, "hgk_env");
    assert_string_equal(p.url, "https://two.example");
    setenv("HOURGLASS_URL", "http://localhost:9", 1);
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.url, "http://localhost:9");
    f.url = "http://localhost:10";
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.url, "http://localhost:10");
}

static void another_address_never_gets_the_files_key(void **state)
{
    struct profile_flags f = {0};
    struct profile p;
    struct err e;

    (void)state;
    home(config);
    setenv("HOURGLASS_URL", "https://elsewhere.example", 1);
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.token, "");
    assert_string_equal(p.token_file, "");
    assert_string_equal(p.ca_file, "");
    unsetenv("HOURGLASS_URL");
    f.url = "https://two.example.org";
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.token, "");
    f.name = "two";
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.token, "");
    f.url = "https://two.example";
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.token, "hgk_two");
}

static void an_address_alone_needs_no_file(void **state)
{
    struct profile_flags f = {.url = "unix:/run/x"};
    struct profile p;
    struct err e;

    (void)state;
    home(NULL);
    setenv("HOURGLASS_TOKEN", "hgk_env", 1);
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.url, "unix:/run/x");
    assert_string_equal(p.token, "hgk_env");
    f.name = "two"; /* but a profile by name does */
    assert_err(ERR_NOT_FOUND, profile_load(&f, &p, &e), &e);
}

static void nothing_configured_says_what_to_do(void **state)
{
    struct profile_flags f = {0};
    struct profile p;
    struct err e;

    (void)state;
    home(NULL);
    assert_err(ERR_NOT_FOUND, profile_load(&f, &p, &e), &e);
    assert_contains(e.msg, "/.config/hourglass/config.yaml");
    assert_contains(e.msg, "HOURGLASS_URL");
}

static void the_config_folder_can_be_moved(void **state)
{
    struct profile_flags f = {0};
    struct profile p;
    struct err e;
    const char *dir = home(NULL), *other = t_dir();
    char folder[400], file[420];

    (void)state;
    UNUSED(dir);
    snprintf(folder, sizeof folder, "%s/hourglass", other);
    assert_ok(dir_make(folder, 0700, &e), &e);
    put(folder, "config.yaml", config, 0644);
    setenv("XDG_CONFIG_HOME", other, 1);
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.name, "two");
    unsetenv("XDG_CONFIG_HOME");
    snprintf(file, sizeof file, "%s/config.yaml", folder);
    f.config = file;
    assert_ok(profile_load(&f, &p, &e), &e);
    assert_string_equal(p.name, "two");
    f.config = "~/nowhere.yaml";
    assert_err(ERR_NOT_FOUND, profile_load(&f, &p, &e), &e);
    assert_contains(e.msg, "nowhere.yaml");
}

static void an_unknown_profile_is_named(void **state)
{
    struct profile_flags f = {.name = "three"};
    struct profile p;
    struct err e;

    (void)state;
    home(config);
    assert_err(ERR_INVALID, profile_load(&f, &p, &e), &e);
    assert_contains(e.msg, "no profile 'three'");
    f.name = NULL;
    setenv("HOURGLASS_PROFILE", "four", 1);
    assert_err(ERR_INVALID, profile_load(&f, &p, &e), &e);
    assert_contains(e.msg, "no profile 'four'");
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    static const unsigned modes[] = {0644, 0640, 0604, 0660, 0666, 0610};
    struct profile_flags f = {.name = "one"};
    struct profile p;
    struct err e;
    const char *dir = home(config);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        put(dir, "one.token", "hgk_one", modes[i]);
        assert_err(ERR_FORBIDDEN, profile_load(&f, &p, &e), &e);
        assert_contains(e.msg, "one.token");
    }
    put(dir, "one.token", "hgk_one", 0600);
    assert_ok(profile_load(&f, &p, &e), &e);
}

static void a_key_file_holds_one_key(void **state)
{
    static const char *const bad[] = {"", "\n\n",
                                      "hgk_0123456789012345678901234567890123456789012345678901234"
                                      "56789012345678901234567890"};
    struct profile_flags f = {.name = "one"};
    struct profile p;
    struct err e;
    const char *dir = home(config);
    char path[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        put(dir, "one.token", bad[i], 0600);
        assert_true(profile_load(&f, &p, &e) != ERR_OK);
        assert_contains(e.msg, "one.token");
    }
    snprintf(path, sizeof path, "%s/one.token", dir);
    remove(path);
    assert_err(ERR_INVALID, profile_load(&f, &p, &e), &e);
    assert_contains(e.msg, "one.token");
}

static void a_mistake_in_the_file_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"profiles:\n  - name: one\n    uri: http://x\n", "config.yaml:3:"},
        {"profiles:\n  - name: one\n", "config.yaml:2:"},
        {"profile: [\n", "config.yaml:"},
        {"profiles:\n  - name: one\n    url: http://x\n    token: hgk_1\n", "config.yaml:4:"},
        {"", "config.yaml"},
    };
    struct profile_flags f = {0};
    struct profile p;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        home(rows[i].text);
        assert_err(ERR_INVALID, profile_load(&f, &p, &e), &e);
        assert_contains(e.msg, rows[i].place);
    }
}

static void an_address_or_key_that_would_be_cut_is_refused(void **state)
{
    char url[700];
    struct profile_flags f = {.url = url};
    struct profile p;
    struct err e;

    (void)state;
    home(NULL);
    snprintf(url, sizeof url, "http://%0600d", 1);
    assert_err(ERR_INVALID, profile_load(&f, &p, &e), &e);
    f.url = "http://localhost";
    setenv("HOURGLASS_TOKEN", url, 1);
    assert_err(ERR_INVALID, profile_load(&f, &p, &e), &e);
    assert_contains(e.msg, "HOURGLASS_TOKEN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_profile_is_the_default),
        cmocka_unit_test(without_a_default_it_is_the_first),
        cmocka_unit_test(the_environment_wins_over_the_file_and_a_flag_over_both),
        cmocka_unit_test(another_address_never_gets_the_files_key),
        cmocka_unit_test(an_address_alone_needs_no_file),
        cmocka_unit_test(nothing_configured_says_what_to_do),
        cmocka_unit_test(the_config_folder_can_be_moved),
        cmocka_unit_test(an_unknown_profile_is_named),
        cmocka_unit_test(a_key_that_others_may_read_is_refused),
        cmocka_unit_test(a_key_file_holds_one_key),
        cmocka_unit_test(a_mistake_in_the_file_is_told_with_its_line),
        cmocka_unit_test(an_address_or_key_that_would_be_cut_is_refused),
    };

    return T_RUN("client profile", tests);
}
