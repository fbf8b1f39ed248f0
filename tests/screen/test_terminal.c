/* The console in a real pseudo-terminal: what it writes, how much, and that it always gives the
 * terminal back. Its API is in the same process; the client has tests of its own. */
#include "tests/support/t.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "tests/support/console_child.h"

static const struct console_child plain = {.script = NULL};
static const struct console_child still = {.still = true};

/* Stands before libcurl's own: keeps what the console had traced when the network library began. */
static char trace_path[512], trace_then[512];

CURLcode curl_global_init(long flags)
{
    CURLcode (*real)(long) = (CURLcode(*)(long))(uintptr_t)dlsym(RTLD_NEXT, "curl_global_init");
    STRBUF text = {0};

    strbuf_init(&text, 1024 * 1024);
    if (trace_then[0] && (file_read(trace_path, &text, NULL) ||
                          file_write(trace_then, text.data, text.len, 0600, NULL)))
        return CURLE_FAILED_INIT;
    return real ? real(flags) : CURLE_FAILED_INIT;
}

/* --- ends ------------------------------------------------------------------------------------- */

static void quit_key_leaves_the_terminal_as_it_was(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);
    int status;

    (void)state;
    assert_screen(t, "train-1");
    assert_string_equal(term_disorder(t), "the alternate screen is still shown");
    term_keys(t, "q");
    status = term_exit(t, TERM_WAIT_MS);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

static void signals_that_ask_to_end_restore_and_tell_their_number(void **state)
{
    static const int asked[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        struct term *t = console_child_start(&plain, NULL, 24, 80);
        int status;

        assert_screen(t, "train-1");
        term_signal(t, asked[i]);
        status = term_exit(t, TERM_WAIT_MS);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 128 + asked[i]);
        assert_string_equal(term_disorder(t), "");
        term_free(t);
    }
}

static void interrupt_key_ends_it_like_the_signal(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);
    int status;

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "<^C>");
    status = term_exit(t, TERM_WAIT_MS);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

static void crash_restores_the_terminal_and_still_is_a_crash(void **state)
{
    static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(crashes); i++) {
        struct term *t = console_child_start(&plain, NULL, 24, 80);
        int status;

        assert_screen(t, "train-1");
        term_signal(t, crashes[i]);
        status = term_exit(t, TERM_WAIT_MS);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), crashes[i]);
        assert_string_equal(term_disorder(t), "");
        term_free(t);
    }
}

static void broken_pipe_does_not_end_it(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    term_signal(t, SIGPIPE);
    term_keys(t, "2");
    assert_screen(t, "H100-1-80G");
    term_free(t);
}

static void cut_line_ends_it(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);
    int status;

    (void)state;
    assert_screen(t, "train-1");
    term_hang_up(t);
    status = term_exit(t, TERM_WAIT_MS);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGHUP);
    term_free(t);
}

static void suspended_gives_the_terminal_back_and_returns_whole(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "<^Z>");
    assert_true(term_stopped(t, TERM_WAIT_MS));
    assert_string_equal(term_disorder(t), "");
    term_continue(t);
    assert_screen(t, "train-1");
    assert_string_equal(term_disorder(t), "the alternate screen is still shown");
    term_keys(t, "2");
    assert_screen(t, "H100-1-80G");
    term_keys(t, "q");
    assert_int_equal(term_exit(t, TERM_WAIT_MS), 0);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

static void stopped_from_outside_repaints_when_it_goes_on(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    term_signal(t, SIGSTOP);
    assert_true(term_stopped(t, TERM_WAIT_MS));
    term_continue(t);
    term_keys(t, "3");
    assert_screen(t, "[3 instances]");
    term_keys(t, "q");
    assert_int_equal(term_exit(t, TERM_WAIT_MS), 0);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

/* --- terminals -------------------------------------------------------------------------------- */

static void unknown_terminal_is_taken_for_an_xterm_and_says_so(void **state)
{
    struct term *t = console_child_start(&plain, "xterm-ghostly", 24, 80);

    (void)state;
    assert_screen(t, "terminal type 'xterm-ghostly' is unknown here");
    assert_screen(t, "train-1");
    term_keys(t, "q");
    assert_int_equal(term_exit(t, TERM_WAIT_MS), 0);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

static void simple_terminals_show_the_same_words(void **state)
{
    static const char *const names[] = {"linux", "vt100", "screen-256color", "tmux-256color"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct term *t = console_child_start(&plain, names[i], 24, 80);

        assert_screen(t, "train-1");
        term_keys(t, "2");
        assert_screen(t, "H100-1-80G");
        term_keys(t, "q");
        assert_int_equal(term_exit(t, TERM_WAIT_MS), 0);
        assert_string_equal(term_disorder(t), "");
        term_free(t);
    }
}

static void terminal_that_cannot_place_its_cursor_is_refused_with_a_sentence(void **state)
{
    struct term *t = console_child_start(&plain, "dumb", 24, 80);
    int status;

    (void)state;
    assert_screen(t, "cannot place its cursor");
    status = term_exit(t, TERM_WAIT_MS);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

static bool any_color(struct term *t)
{
    for (int row = 0; row < 24; row++)
        for (int col = 0; col < 80; col++)
            if (term_cell_at(t, row, col).colored)
                return true;
    return false;
}

static void colors_are_used_where_they_may_be(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    assert_true(any_color(t));
    term_free(t);
}

static void no_color_in_the_environment_is_obeyed(void **state)
{
    static const char *const env[] = {"NO_COLOR=1", NULL};
    struct term_options o = {
        .run = console_child_run, .ctx = (void *)(uintptr_t)&plain, .env = env};
    struct term *t = term_start(&o);

    (void)state;
    assert_screen(t, "train-1");
    assert_false(any_color(t));
    term_keys(t, "3");
    assert_screen(t, "[3 instances]");
    /* The selection is seen without colours too. */
    assert_screen(t, "> train-1");
    term_free(t);
}

static void never_color_wins_over_the_terminal(void **state)
{
    const struct console_child never = {.color = COLOR_NEVER};
    struct term *t = console_child_start(&never, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    assert_false(any_color(t));
    term_free(t);
}

static void locale_without_utf8_gets_ascii(void **state)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    struct term_options o = {
        .run = console_child_run, .ctx = (void *)(uintptr_t)&plain, .env = env};
    struct term *t = term_start(&o);
    const char *raw;
    size_t len;

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "3");
    assert_screen(t, "> train-1");
    term_keys(t, "S");
    assert_screen(t, "+- stop train-1?");
    raw = term_raw(t, &len);
    for (size_t i = 0; i < len; i++)
        assert_true((unsigned char)raw[i] < 0x80);
    term_free(t);
}

/* --- keys and sizes --------------------------------------------------------------------------- */

static void escape_acts_without_a_noticeable_wait(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "?");
    assert_screen(t, "Keys in overview");
    term_keys(t, "<Esc>");
    /* The default of curses is a whole second. */
    assert_true(term_wait_gone(t, "Keys in overview", 500));
    term_free(t);
}

static void special_keys_arrive(void **state)
{
    const struct console_child many = {.offers = 150, .still = true};
    struct term *t = console_child_start(&many, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "2");
    assert_screen(t, "> OFFER-000");
    term_keys(t, "<Down><Down><Up>");
    assert_screen(t, "> OFFER-001");
    term_keys(t, "<PgDn>");
    assert_screen(t, "> OFFER-018");
    term_keys(t, "<^U>");
    assert_screen(t, "> OFFER-001");
    term_keys(t, "<End>");
    assert_screen(t, "> OFFER-149");
    term_keys(t, "<Home>");
    assert_screen(t, "> OFFER-000");
    term_keys(t, "<S-Tab>");
    assert_screen(t, "[1 overview]");
    term_free(t);
}

static void pasted_letters_are_no_commands(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "3");
    assert_screen(t, "> train-1");
    term_keys(t, "<PasteBegin>Sq2yes<PasteEnd>");
    term_drain(t, 100);
    assert_screen(t, "[3 instances]");
    assert_null(strstr(term_text(t), "stop train-1?"));
    term_keys(t, ":<PasteBegin>off<PasteEnd>");
    assert_screen(t, ":off");
    term_free(t);
}

static void resizes_follow_at_once_and_small_windows_say_so(void **state)
{
    struct term *t = console_child_ready(&still, 24, 80);

    (void)state;
    term_resize(t, 40, 120);
    assert_screen(t, "7 reports");
    term_drain(t, 50);
    assert_contains(term_row(t, 39), "quit");
    term_resize(t, 8, 40);
    assert_screen(t, "credit left");
    term_resize(t, 7, 39);
    assert_screen(t, "window too small");
    term_resize(t, 1, 1);
    term_drain(t, 50);
    term_resize(t, 24, 80);
    assert_screen(t, "train-1");
    term_keys(t, "q");
    assert_int_equal(term_exit(t, TERM_WAIT_MS), 0);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

static void typed_text_shows_the_cursor_and_a_list_hides_it(void **state)
{
    struct term *t = console_child_ready(&still, 24, 80);
    int row, col;
    bool visible;

    (void)state;
    term_cursor(t, &row, &col, &visible);
    assert_false(visible);
    term_keys(t, ":of");
    assert_screen(t, ":of");
    term_drain(t, 50);
    term_cursor(t, &row, &col, &visible);
    assert_true(visible);
    assert_int_equal(row, 22);
    assert_int_equal(col, 3);
    term_free(t);
}

/* --- order and safety ------------------------------------------------------------------------- */

static void first_frame_stands_before_anything_is_asked(void **state)
{
    char path[512];
    struct console_child child = {.trace = path, .still = true};
    struct term *t;
    STRBUF text;
    struct err e;

    (void)state;
    snprintf(path, sizeof path, "%s/trace", t_dir());
    t = console_child_start(&child, NULL, 24, 80);
    assert_screen(t, "train-1");
    term_keys(t, "q");
    assert_int_equal(term_exit(t, TERM_WAIT_MS), 0);
    strbuf_init(&text, 1024 * 1024);
    assert_ok(file_read(path, &text, &e), &e);
    assert_int_equal(strncmp(text.data, "frame 1\n", 8), 0);
    assert_contains(text.data, "send GET /v1/me");
    term_free(t);
}

static void first_frame_stands_before_the_network_library_begins(void **state)
{
    char url[600];
    const struct console_child real = {.url = url, .trace = trace_path};
    struct term *t;
    STRBUF text;
    struct err e;

    (void)state;
    snprintf(url, sizeof url, "unix:%s/nobody.sock", t_dir());
    snprintf(trace_path, sizeof trace_path, "%s/trace", t_dir());
    snprintf(trace_then, sizeof trace_then, "%s/then", t_dir());
    t = console_child_start(&real, NULL, 24, 80);
    assert_screen(t, "AWAY");
    term_keys(t, "q");
    assert_int_equal(term_exit(t, TERM_WAIT_MS), 0);
    term_free(t);
    strbuf_init(&text, 1024 * 1024);
    assert_ok(file_read(trace_then, &text, &e), &e);
    assert_int_equal(strncmp(text.data, "frame 1\n", 8), 0);
    strbuf_release(&text);
    trace_then[0] = '\0';
}

static void hostile_names_cannot_leave_their_place(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);
    const char *raw;
    size_t len;

    (void)state;
    assert_screen(t, "train-1");
    term_raw(t, &len);
    /* The error sentence repeats what was typed; nothing of it may reach the terminal raw. */
    term_keys(t, ":");
    term_bytes_in(t, "evil\xe2\x80\xae\xc2\x9b\x33m\r", 13);
    assert_screen(t, "no command 'evil");
    raw = term_raw(t, &len);
    assert_null(memmem(raw, len, "\xe2\x80\xae", 3));
    assert_null(memmem(raw, len, "\xc2\x9b", 2));
    term_free(t);
}

static void absent_server_is_said_and_does_not_hold_up_the_end(void **state)
{
    char url[512];
    const struct console_child real = {.url = url};
    struct term *t;
    int status;

    (void)state;
    snprintf(url, sizeof url, "unix:%s/nobody.sock", t_dir());
    t = console_child_start(&real, NULL, 24, 80);
    assert_screen(t, "AWAY");
    assert_screen(t, "cannot be reached");
    term_keys(t, "2");
    assert_screen(t, "waiting for the server");
    term_keys(t, "q");
    status = term_exit(t, 2000);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_string_equal(term_disorder(t), "");
    term_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quit_key_leaves_the_terminal_as_it_was),
        cmocka_unit_test(signals_that_ask_to_end_restore_and_tell_their_number),
        cmocka_unit_test(interrupt_key_ends_it_like_the_signal),
        cmocka_unit_test(crash_restores_the_terminal_and_still_is_a_crash),
        cmocka_unit_test(broken_pipe_does_not_end_it),
        cmocka_unit_test(cut_line_ends_it),
        cmocka_unit_test(suspended_gives_the_terminal_back_and_returns_whole),
        cmocka_unit_test(stopped_from_outside_repaints_when_it_goes_on),
        cmocka_unit_test(unknown_terminal_is_taken_for_an_xterm_and_says_so),
        cmocka_unit_test(simple_terminals_show_the_same_words),
        cmocka_unit_test(terminal_that_cannot_place_its_cursor_is_refused_with_a_sentence),
        cmocka_unit_test(colors_are_used_where_they_may_be),
        cmocka_unit_test(no_color_in_the_environment_is_obeyed),
        cmocka_unit_test(never_color_wins_over_the_terminal),
        cmocka_unit_test(locale_without_utf8_gets_ascii),
        cmocka_unit_test(escape_acts_without_a_noticeable_wait),
        cmocka_unit_test(special_keys_arrive),
        cmocka_unit_test(pasted_letters_are_no_commands),
        cmocka_unit_test(resizes_follow_at_once_and_small_windows_say_so),
        cmocka_unit_test(typed_text_shows_the_cursor_and_a_list_hides_it),
        cmocka_unit_test(first_frame_stands_before_anything_is_asked),
        cmocka_unit_test(first_frame_stands_before_the_network_library_begins),
        cmocka_unit_test(hostile_names_cannot_leave_their_place),
        cmocka_unit_test(absent_server_is_said_and_does_not_hold_up_the_end),
    };

    return T_RUN("terminal", tests);
}
