/* The log of a job: bounded lines, and the view that follows them. */
#include "tests/support/t.h"

#include "tests/support/fx_console.h"
#include "tui/view/ring.h"

/* --- the ring --------------------------------------------------------------------------------- */

static const char *line_of(const struct ring *r, size_t index)
{
    static struct strbuf text;

    strbuf_release(&text);
    strbuf_init(&text, (size_t)8 * RING_LINE_BYTES_MAX);
    ring_line(r, index, &text);
    return text.data;
}

static void add(struct ring *r, const char *bytes)
{
    struct err e;

    assert_ok(ring_add(r, bytes, strlen(bytes), &e), &e);
}

static void lines_come_out_whole_however_the_bytes_arrive(void **state)
{
    static const char text[] = "one\ntwo gr\u00fc\u00dfe\n\nfour";

    (void)state;
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct ring r;
        struct err e;

        ring_init(&r, false);
        assert_ok(ring_add(&r, text, cut, &e), &e);
        assert_ok(ring_add(&r, text + cut, sizeof text - 1 - cut, &e), &e);
        assert_int_equal(ring_count(&r), 4);
        assert_string_equal(line_of(&r, 0), "one");
        assert_string_equal(line_of(&r, 1), "two gr\u00fc\u00dfe");
        assert_string_equal(line_of(&r, 2), "");
        assert_string_equal(line_of(&r, 3), "four");
        ring_release(&r);
    }
}

static void carriage_return_begins_the_line_anew_as_on_a_terminal(void **state)
{
    struct ring r;

    (void)state;
    ring_init(&r, false);
    add(&r, "10%\r20%\r");
    add(&r, "100%\r\nnext\r\n");
    assert_int_equal(ring_count(&r), 2);
    assert_string_equal(line_of(&r, 0), "100%");
    assert_string_equal(line_of(&r, 1), "next");
    ring_release(&r);
}

static void control_sequences_and_wrong_bytes_are_made_harmless(void **state)
{
    struct ring r;

    (void)state;
    ring_init(&r, false);
    add(&r, "\033[31mred\033[0m \033]52;c;aGk=\007 \xff\xfe\n");
    for (const char *at = line_of(&r, 0); *at; at++)
        assert_true((unsigned char)*at >= 0x20);
    assert_contains(line_of(&r, 0), "red");
    ring_release(&r);
}

static void oldest_lines_go_first_and_are_counted(void **state)
{
    struct ring r;
    char line[64];
    const int lines = 60000;

    (void)state;
    ring_init(&r, false);
    for (int i = 0; i < lines; i++) {
        snprintf(line, sizeof line, "line %d of many, with some length to it\n", i);
        add(&r, line);
    }
    assert_true(r.size <= RING_BYTES_MAX);
    assert_true(ring_count(&r) <= RING_LINES_MAX);
    assert_true(ring_count(&r) > 10000);
    assert_int_equal(r.dropped + (int64_t)ring_count(&r), lines);
    for (size_t i = 0; i < ring_count(&r); i += 997) {
        snprintf(line, sizeof line, "line %lld of many, with some length to it",
                 (long long)r.dropped + (long long)i);
        assert_string_equal(line_of(&r, i), line);
    }
    ring_release(&r);
}

static void lines_of_all_lengths_survive_many_turns(void **state)
{
    struct ring r;
    char *line = malloc(RING_LINE_BYTES_MAX);
    unsigned seed = 7;

    (void)state;
    assert_non_null(line);
    ring_init(&r, false);
    for (int i = 0; i < 3000; i++) {
        size_t len = (seed = seed * 1103515245u + 12345u) / 65536u % (RING_LINE_BYTES_MAX - 16);

        memset(line, 'a' + i % 26, len);
        line[len] = '\n';
        line[len + 1] = '\0';
        add(&r, line);
    }
    assert_int_equal(r.dropped + (int64_t)ring_count(&r), 3000);
    for (size_t i = 0; i < ring_count(&r); i++) {
        const char *text = line_of(&r, i);
        char want = (char)('a' + (r.dropped + (int64_t)i) % 26);

        for (const char *at = text; *at; at++)
            assert_int_equal(*at, want);
    }
    ring_release(&r);
    free(line);
}

static void endless_line_is_cut_and_loses_nothing(void **state)
{
    struct ring r;
    size_t total = 0;

    (void)state;
    ring_init(&r, false);
    for (int i = 0; i < 1000; i++)
        add(&r, "\u00fc0123456789");
    for (size_t i = 0; i < ring_count(&r); i++)
        total += strlen(line_of(&r, i));
    assert_int_equal(total, 12000);
    assert_true(ring_count(&r) >= 2);
    ring_release(&r);
}

/* --- the view --------------------------------------------------------------------------------- */

static int begin(void **state)
{
    int rc = fx_console_begin(state);

    if (rc)
        return rc;
    fx_console_keys(*state, "4");
    fx_console_keys(*state, "l");
    return 0;
}

/* `count` numbered lines of 10 bytes each. */
static void print_lines(struct fx_console *fx, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char line[32];

        snprintf(line, sizeof line, "line %04d\n", i);
        fake_api_log(&fx->api, (int64_t)i * 10, line);
    }
    fx_console_settle(fx);
}

static void log_follows_the_end_until_one_scrolls_up(void **state)
{
    struct fx_console *fx = *state;

    assert_non_null(fake_api_asked(&fx->api, "STREAM /v1/jobs/job_1/log?follow=true"));
    print_lines(fx, 0, 100);
    assert_contains(fx_console_text(fx), "line 0099");
    fx_console_keys(fx, "kk");
    assert_null(strstr(fx_console_text(fx), "line 0099"));
    assert_contains(fx_console_text(fx), "line 0097");
    assert_contains(fx_console_text(fx), "not following (F follows)");
    print_lines(fx, 100, 50);
    assert_contains(fx_console_text(fx), "line 0097");
    assert_null(strstr(fx_console_text(fx), "line 0149"));
    fx_console_keys(fx, "F");
    assert_contains(fx_console_text(fx), "line 0149");
    print_lines(fx, 150, 1);
    assert_contains(fx_console_text(fx), "line 0150");
}

static void top_and_bottom_and_pages(void **state)
{
    struct fx_console *fx = *state;

    print_lines(fx, 0, 100);
    fx_console_keys(fx, "g");
    assert_contains(fx_console_row(fx, 2), "line 0000");
    fx_console_keys(fx, "<PgDn>");
    assert_contains(fx_console_row(fx, 2), "line 0018");
    fx_console_keys(fx, "<PgUp>");
    assert_contains(fx_console_row(fx, 2), "line 0000");
    fx_console_keys(fx, "G");
    assert_contains(fx_console_text(fx), "line 0099");
    assert_contains(fx_console_text(fx), "following");
}

static void bytes_sent_again_are_shown_once_and_missing_ones_are_counted(void **state)
{
    struct fx_console *fx = *state;

    fake_api_log(&fx->api, 0, "hello\n");
    fake_api_log(&fx->api, 0, "hello\n");
    fake_api_log(&fx->api, 3, "lo\nworld\n");
    fx_console_settle(fx);
    assert_contains(fx_console_row(fx, 2), "hello");
    assert_contains(fx_console_row(fx, 3), "world");
    assert_string_equal(fx_console_row(fx, 4), "");
    fake_api_log(&fx->api, 112, "later\n");
    fx_console_settle(fx);
    assert_contains(fx_console_text(fx), "100 bytes missing");
    assert_contains(fx_console_text(fx), "later");
}

static void log_that_is_over_says_so_and_a_broken_line_too(void **state)
{
    struct fx_console *fx = *state;

    print_lines(fx, 0, 3);
    fx->api.away = true;
    fake_api_break(&fx->api);
    fx_console_settle(fx);
    assert_contains(fx_console_text(fx), "next try in 1 s");
    assert_contains(fx_console_text(fx), "line 0002");
    fx->api.away = false;
    fake_api_break(&fx->api);
    fake_api_event(&fx->api, "/v1/jobs/", "", "end", "{\"state\":\"succeeded\"}");
    fake_api_end(&fx->api, "/v1/jobs/");
    fx_console_settle(fx);
    assert_contains(fx_console_text(fx), "complete");
}

static void log_goes_on_from_its_byte_as_soon_as_the_server_is_back(void **state)
{
    struct fx_console *fx = *state;

    fake_api_log(&fx->api, 0, "one\n");
    fx->api.away = true;
    fake_api_break(&fx->api);
    fx_console_settle(fx);
    assert_contains(fx_console_text(fx), "next try in 1 s");
    fx->api.away = false;
    fx_console_advance(fx, 500);
    fx_console_advance(fx, 600);
    assert_contains(fx_console_text(fx), ", following");
    assert_int_equal(fx->api.stream_count, 2);
    fake_api_log(&fx->api, 4, "two\n");
    fx_console_settle(fx);
    assert_contains(fx_console_row(fx, 2), "one");
    assert_contains(fx_console_row(fx, 3), "two");
    for (size_t i = 0; i < fx->api.stream_count; i++)
        if (strncmp(fx->api.streams[i].path, "/v1/jobs/", 9) == 0)
            assert_contains(fx->api.streams[i].path, "&offset=4");
}

static void search_finds_forwards_and_backwards(void **state)
{
    struct fx_console *fx = *state;

    print_lines(fx, 0, 300);
    fx_console_keys(fx, "/LINE 0050<Enter>");
    assert_contains(fx_console_text(fx), "line 0050");
    fx_console_keys(fx, "/07<Enter>");
    assert_contains(fx_console_text(fx), "line 0070");
    fx_console_keys(fx, "n");
    fx_console_keys(fx, "n");
    assert_contains(fx_console_text(fx), "line 0072");
    fx_console_keys(fx, "g/0107<Enter>");
    assert_contains(fx_console_text(fx), "line 0107");
    fx_console_keys(fx, "n");
    assert_contains(fx_console_text(fx), "no '0107' further down");
    fx_console_keys(fx, "N");
    assert_contains(fx_console_text(fx), "no '0107' further up");
}

static void long_lines_go_sideways_or_wrap(void **state)
{
    struct fx_console *fx = *state;
    char line[201];

    for (int i = 0; i < 200; i++)
        line[i] = (char)('0' + i / 20);
    line[200] = '\0';
    fake_api_log(&fx->api, 0, line);
    fx_console_settle(fx);
    assert_null(strstr(fx_console_text(fx), "9"
                                            "9999"));
    fx_console_keys(fx, "<Right><Right><Right><Right><Right><Right>");
    assert_contains(fx_console_row(fx, 2), "9999");
    fx_console_keys(fx, "w");
    assert_contains(fx_console_row(fx, 2), "0000");
    assert_contains(fx_console_row(fx, 4), "9999");
    fx_console_keys(fx, "w<Left>");
    assert_contains(fx_console_row(fx, 2), "0000");
}

static void pieces_that_are_no_log_are_ignored(void **state)
{
    struct fx_console *fx = *state;
    static const char *const wrong[] = {
        "", "{", "{\"offset\":-1,\"stream\":\"stdout\",\"b64\":\"aGk=\"}",
        "{\"offset\":0,\"stream\":\"stdout\",\"b64\":\"***\"}", "{\"offset\":0}"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        fake_api_event(&fx->api, "/v1/jobs/", "", "log", wrong[i]);
    fx_console_settle(fx);
    assert_contains(fx_console_text(fx), "nothing was printed yet");
}

static void leaving_the_log_ends_its_stream(void **state)
{
    struct fx_console *fx = *state;

    assert_int_equal(fx->api.stream_count, 2);
    fx_console_keys(fx, "<Esc>");
    assert_int_equal(fx->api.stream_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, fx_console_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_whole_however_the_bytes_arrive),
        cmocka_unit_test(carriage_return_begins_the_line_anew_as_on_a_terminal),
        cmocka_unit_test(control_sequences_and_wrong_bytes_are_made_harmless),
        cmocka_unit_test(oldest_lines_go_first_and_are_counted),
        cmocka_unit_test(lines_of_all_lengths_survive_many_turns),
        cmocka_unit_test(endless_line_is_cut_and_loses_nothing),
        TEST(log_follows_the_end_until_one_scrolls_up),
        TEST(top_and_bottom_and_pages),
        TEST(bytes_sent_again_are_shown_once_and_missing_ones_are_counted),
        TEST(log_that_is_over_says_so_and_a_broken_line_too),
        TEST(log_goes_on_from_its_byte_as_soon_as_the_server_is_back),
        TEST(search_finds_forwards_and_backwards),
        TEST(long_lines_go_sideways_or_wrap),
        TEST(pieces_that_are_no_log_are_ignored),
        TEST(leaving_the_log_ends_its_stream),
    };

    return T_RUN("log", tests);
}
