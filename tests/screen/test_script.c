/* Scripts: keys from a file, waits that end, and mistakes that name their line. */
#include "tests/support/t.h"

#include "core/file.h"
#include "tests/support/fx_console.h"
#include "tui/script.h"

static struct script *script_of(const char *text)
{
    char path[512];
    struct script *s;
    struct err e;

    snprintf(path, sizeof path, "%s/script", t_dir());
    assert_ok(file_write(path, text, strlen(text), 0600, &e), &e);
    assert_ok(script_load(path, &s, &e), &e);
    return s;
}

/* Run to the end or to a failure, the clock going on with each wait. Returns the last answer. */
static int64_t run(struct fx_console *fx, struct script *s)
{
    int64_t again = 0;

    for (int i = 0; i < 10000 && !fx->console.quit; i++) {
        again = script_run(s, &fx->console);
        if (again < 0)
            break;
        fx_console_advance(fx, again);
    }
    return again;
}

static void script_types_waits_and_dumps(void **state)
{
    struct fx_console *fx = *state;
    char text[1200], path[512];
    struct script *s;
    STRBUF dump = {0};
    struct err e;

    snprintf(path, sizeof path, "%s/dump", t_dir());
    snprintf(text, sizeof text,
             "# a remark\n\nkeys :off<Tab><Enter>\nwait H100-1-80G\ngone loading\nsettle\n"
             "keys jj\nwait > H200-8\ndump %s\n",
             path);
    s = script_of(text);
    assert_int_equal(run(fx, s), -1);
    assert_int_equal(fx->console.exit_code, 0);
    strbuf_init(&dump, 1024 * 1024);
    assert_ok(file_read(path, &dump, &e), &e);
    assert_contains(dump.data, "> H200-8");
    script_free(s);
}

static void wait_that_takes_too_long_ends_the_console_with_its_line(void **state)
{
    struct fx_console *fx = *state;
    struct script *s = script_of("wait train-1\nseconds 3\nwait no such words\nkeys q\n");

    run(fx, s);
    assert_true(fx->console.quit);
    assert_int_equal(fx->console.exit_code, 1);
    assert_contains(fx->console.message, "script line 3: no such words: waited too long");
    script_free(s);
}

static void mistakes_in_a_script_name_their_line(void **state)
{
    static const struct {
        const char *script, *message;
    } wrong[] = {
        {"keys j\npress k\n", "script line 2: press: expected keys, wait"},
        {"keys j<Nonsense>\n", "script line 1: j<Nonsense>: no such key"},
        {"dump /nowhere/at/all\n", "script line 1: /nowhere/at/all: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct fx_console fx;
        struct script *s = script_of(wrong[i].script);

        fx_console_init(&fx, 24, 80, false);
        fx_console_start(&fx);
        run(&fx, s);
        assert_int_equal(fx.console.exit_code, 1);
        assert_contains(fx.console.message, wrong[i].message);
        script_free(s);
        fx_console_release(&fx);
    }
}

static void script_that_is_not_there_is_refused(void **state)
{
    struct script *s;
    struct err e;

    (void)state;
    assert_err(ERR_NOT_FOUND, script_load("/nowhere/script", &s, &e), &e);
}

static void script_may_leave_by_the_quit_key(void **state)
{
    struct fx_console *fx = *state;
    struct script *s = script_of("keys 2q3\nkeys 4\n");

    run(fx, s);
    assert_true(fx->console.quit);
    assert_int_equal(fx->console.exit_code, 0);
    assert_int_equal(fx->console.root, 1);
    script_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fx_console_begin, fx_console_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(script_types_waits_and_dumps),
        TEST(wait_that_takes_too_long_ends_the_console_with_its_line),
        cmocka_unit_test(mistakes_in_a_script_name_their_line),
        cmocka_unit_test(script_that_is_not_there_is_refused),
        TEST(script_may_leave_by_the_quit_key),
    };

    return T_RUN("script", tests);
}
