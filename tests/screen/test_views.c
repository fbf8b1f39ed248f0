/* Every view from fixed data on a screen in memory: pictures of some, words of the others, and
 * all of them at every size. */
#include "tests/support/t.h"

#include "core/file.h"
#include "tests/support/fx_console.h"

/* --- pictures --------------------------------------------------------------------------------- */

static void overview_picture(void **state)
{
    fx_console_golden(*state, "overview");
}

static void offers_picture(void **state)
{
    fx_console_keys(*state, "2j");
    fx_console_golden(*state, "offers");
}

static void instances_picture(void **state)
{
    fx_console_keys(*state, "3");
    fx_console_golden(*state, "instances");
}

static void instance_picture(void **state)
{
    fx_console_keys(*state, "3");
    fx_console_keys(*state, "d");
    fx_console_golden(*state, "instance");
}

static void launch_picture(void **state)
{
    fx_console_keys(*state, "2");
    fx_console_keys(*state, "<Enter>");
    fx_console_golden(*state, "launch");
}

static void stop_question_picture(void **state)
{
    fx_console_keys(*state, "3");
    fx_console_keys(*state, "S");
    fx_console_golden(*state, "stop-question");
}

static void jobs_picture(void **state)
{
    fx_console_keys(*state, "4");
    fx_console_golden(*state, "jobs");
}

static void log_picture(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "4");
    fx_console_keys(fx, "l");
    fake_api_log(&fx->api, 0, "step 1\nstep \033[31m2\033[0m\nhalf a li");
    fx_console_settle(fx);
    fx_console_golden(fx, "log");
}

static void credit_picture(void **state)
{
    fx_console_keys(*state, "5");
    fx_console_golden(*state, "credit");
}

static void help_picture(void **state)
{
    fx_console_keys(*state, "3?");
    fx_console_golden(*state, "help");
}

static void narrow_picture(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    screen_memory_resize(fx->screen, 8, 40);
    console_resized(&fx->console);
    fx_console_settle(fx);
    fx_console_golden(fx, "narrow");
}

static void ascii_picture(void **state)
{
    struct fx_console fx;

    (void)state;
    fx_console_init(&fx, 24, 80, true);
    fx_console_start(&fx);
    fx_console_keys(&fx, "3");
    fx_console_keys(&fx, "D");
    fx_console_golden(&fx, "ascii");
    for (const char *at = fx_console_text(&fx); *at; at++)
        assert_true((unsigned char)*at < 0x80);
    fx_console_release(&fx);
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* Ways into every view; the first key goes back to where it starts. */
static const char *const ways[][3] = {
    {"1", ""},
    {"2", ""},
    {"2", "<Enter>"},
    {"2", "d"},
    {"3", ""},
    {"3", "d"},
    {"3", "S"},
    {"4", ""},
    {"4", "d"},
    {"4", "n"},
    {"4", "l"},
    {"5", ""},
    {"5<Right>", ""},
    {"5<Left>", ""},
    {"6", ""},
    {"7", ""},
    {"7", "d"},
    {"?", ""},
    {"3", "c"},
    {":nodes<Enter>", ""},
    {":nodes<Enter>", "D"},
    {":cases<Enter>", ""},
};

static void check_size(struct fx_console *fx, int rows, int cols)
{
    bool small = rows < 8 || cols < 40;

    screen_memory_resize(fx->screen, rows, cols);
    console_resized(&fx->console);
    fx->console.dirty = true;
    console_frame(&fx->console);
    if (small)
        assert_true(fx_console_row(fx, 0)[0] == 'w' || cols < 2);
    else if (fx->console.mode != MODE_ASK) /* a question may need all the room */
        assert_non_null(strstr(fx_console_row(fx, 0), "hourglass"));
}

static void every_view_draws_at_every_size(void **state)
{
    static const int cols[] = {1, 2, 3, 20, 39, 40, 41, 50, 64, 79, 80, 81, 100, 133, 200};
    struct fx_console *fx = *state;

    for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
        fx_console_keys(fx, "<Esc><Esc><Esc><Esc>");
        for (size_t k = 0; k < 2; k++)
            fx_console_keys(fx, ways[way][k]);
        for (int rows = 1; rows <= 60; rows += rows < 30 ? 1 : 10)
            for (size_t i = 0; i < ARRAY_SIZE(cols); i++)
                check_size(fx, rows, cols[i]);
        screen_memory_resize(fx->screen, 24, 80);
        console_resized(&fx->console);
        fx_console_settle(fx);
    }
}

static void keys_are_harmless_at_every_size(void **state)
{
    static const char *const keys[] = {
        "j", "k", "G",         "g",     "<PgDn>",        "<PgUp>", "<Left>", "<Right>",
        "w", "N", "/x<Enter>", "<Esc>", ":he<Tab><Esc>", "o",      "O"};
    static const int sizes[][2] = {{1, 1}, {2, 80}, {8, 40}, {9, 41}, {60, 200}};
    struct fx_console *fx = *state;

    for (size_t s = 0; s < ARRAY_SIZE(sizes); s++)
        for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
            fx_console_keys(fx, "<Esc><Esc><Esc><Esc>");
            for (size_t k = 0; k < 2; k++)
                fx_console_keys(fx, ways[way][k]);
            screen_memory_resize(fx->screen, sizes[s][0], sizes[s][1]);
            console_resized(&fx->console);
            for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
                fx_console_keys(fx, keys[k]);
        }
    /* None of them asked for a change. */
    assert_null(fake_api_asked(&fx->api, "POST /v1/instances/"));
    assert_null(fake_api_asked(&fx->api, "DELETE"));
}

static void same_state_draws_the_same_cells_and_no_frame_is_shown_twice(void **state)
{
    struct fx_console *fx = *state;
    int64_t frames;

    fx_console_settle(fx);
    frames = screen_memory_frames(fx->screen);
    for (int i = 0; i < 5; i++)
        fx_console_settle(fx);
    assert_int_equal(screen_memory_frames(fx->screen), frames);
}

/* --- words ------------------------------------------------------------------------------------ */

static void offers_mark_example_prices_stock_and_foreign_law(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "2");
    assert_contains(fx_console_text(fx), "40.000*");
    assert_contains(fx_console_text(fx), "!1");
    assert_contains(fx_console_text(fx), "NO US");
    fx_console_keys(fx, "jj");
    assert_contains(fx_console_text(fx), "* an example price");
    assert_contains(fx_console_text(fx), "not connected here");
}

static void offers_sort_by_the_next_column_and_turn_round(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "2");
    fx_console_keys(fx, "ooo");
    assert_contains(fx_console_text(fx), "PRICE/H^");
    assert_contains(fx_console_row(fx, 3), "LOCAL-GPU-1");
    assert_contains(fx_console_text(fx), "by PRICE/H");
    /* The row that was selected still is. */
    assert_contains(fx_console_text(fx), "> H100-1-80G");
    fx_console_keys(fx, "O");
    assert_contains(fx_console_row(fx, 3), "H200-8");
}

static void what_is_over_shows_no_end_to_come(void **state)
{
    static const struct {
        const char *state;
        bool ends;
    } rows[] = {{"running", true}, {"stopped", false}, {"terminated", false}, {"failed", false}};
    struct fx_console *fx = *state;
    char body[300], page[400];

    fx_console_keys(fx, "3");
    screen_memory_resize(fx->screen, 24, 140);
    console_resized(&fx->console);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        snprintf(body, sizeof body,
                 "{\"id\":\"ins_1\",\"name\":\"one\",\"state\":\"%s\","
                 "\"deadline_at\":\"2026-11-21T08:09:00Z\"}",
                 rows[i].state);
        snprintf(page, sizeof page, "{\"items\":[%s]}", body);
        fake_api_on(&fx->api, "GET /v1/instances", 200, page);
        fake_api_on(&fx->api, "GET /v1/instances/ins_1", 200, body);
        fx_console_keys(fx, "r");
        assert_contains(fx_console_text(fx), "STOPS AT");
        assert_int_equal(strstr(fx_console_text(fx), "2026-11-21 08:09Z") != NULL, rows[i].ends);
        fx_console_keys(fx, "d");
        assert_contains(fx_console_text(fx), rows[i].state);
        assert_int_equal(strstr(fx_console_text(fx), "stops at") != NULL, rows[i].ends);
        assert_int_equal(strstr(fx_console_text(fx), "2026-11-21 08:09Z") != NULL, rows[i].ends);
        fx_console_keys(fx, "<Esc>");
    }
}

static void filter_is_asked_of_the_server_and_shown(void **state)
{
    struct fx_console *fx = *state;

    fake_api_on(&fx->api, "GET /v1/offers?text=l40s%20x", 200, "{\"items\":[]}");
    fx_console_keys(fx, "2");
    fx_console_keys(fx, "/l40s x<Enter>");
    assert_non_null(fake_api_asked(&fx->api, "GET /v1/offers?text=l40s%20x"));
    assert_contains(fx_console_text(fx), "nothing matches 'l40s x'");
    fx_console_keys(fx, "<Esc>");
    assert_contains(fx_console_text(fx), "H100-1-80G");
}

static void filter_that_is_dismissed_changes_nothing(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "2");
    fx_console_keys(fx, "/abc<Esc>");
    assert_null(strstr(fx_console_text(fx), "filter"
                                            " 'abc'"));
    assert_contains(fx_console_text(fx), "> H100-1-80G");
}

static void commands_complete_and_go(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, ":j<Tab>");
    assert_contains(fx_console_text(fx), ":jobs");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "[4 jobs]");
    fx_console_keys(fx, ":ev<Enter>");
    assert_contains(fx_console_text(fx), "[6 events]");
    fx_console_keys(fx, ":q<Enter>");
    assert_true(fx->console.quit);
}

static void command_with_a_text_filters_the_view(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, ":instances old<Enter>");
    assert_non_null(fake_api_asked(&fx->api, "GET /v1/instances?limit=50&text=old"));
    assert_contains(fx_console_text(fx), "filter 'old'");
}

static void unknown_command_says_so(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, ":nonsense<Enter>");
    assert_contains(fx_console_text(fx), "no command 'nonsense'");
    fx_console_keys(fx, ":o<Enter>"); /* overview or offers: neither is guessed */
    assert_contains(fx_console_text(fx), "no command 'o'");
}

static void screendump_writes_what_is_shown(void **state)
{
    struct fx_console *fx = *state;
    char keys[600], path[512];
    STRBUF text = {0};
    struct err e;

    snprintf(path, sizeof path, "%s/dump", t_dir());
    snprintf(keys, sizeof keys, ":screendump %s<Enter>", path);
    fx_console_keys(fx, keys);
    strbuf_init(&text, 1024 * 1024);
    assert_ok(file_read(path, &text, &e), &e);
    assert_contains(text.data, "credit left");
    fx_console_keys(fx, ":screendump /nowhere/at/all<Enter>");
    assert_contains(fx_console_text(fx), "screendump: ");
}

static void numbers_and_tab_switch_views(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "7");
    assert_contains(fx_console_text(fx), "[7 reports]");
    fx_console_keys(fx, "<Tab>");
    assert_contains(fx_console_text(fx), "[1 overview]");
    fx_console_keys(fx, "<S-Tab><S-Tab>");
    assert_contains(fx_console_text(fx), "[6 events]");
    fx_console_keys(fx, "<Esc>");
    assert_contains(fx_console_text(fx), "[1 overview]");
}

static void credit_tabs_show_holds_and_entries(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "5");
    fx_console_keys(fx, "<Right>");
    assert_contains(fx_console_text(fx), "[holds]");
    assert_contains(fx_console_text(fx), "2.730000");
    fx_console_keys(fx, "<Right>");
    assert_contains(fx_console_text(fx), "one hour of train-1");
    fx_console_keys(fx, "<Right>");
    assert_contains(fx_console_text(fx), "[grants]");
}

static void event_opens_what_it_is_about(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "6");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "python train.py");
    fx_console_keys(fx, "<Esc>");
    fx_console_keys(fx, "j<Enter>");
    assert_contains(fx_console_text(fx), "9 checks passed");
}

static void names_from_outside_are_made_harmless(void **state)
{
    struct fx_console *fx = *state;

    fake_api_on(&fx->api, "GET /v1/reports", 200,
                "{\"items\":[{\"id\":\"rep_1\",\"organization_id\":\"o\",\"origin\":\"gate\","
                "\"tier\":\"quick\",\"verdict\":\"healthy\",\"host\":\"a\\u001b[2Jb\\u202ec\\nd\","
                "\"summary\":\"\\u0007bell\\u009bx\",\"gpus\":[],\"findings\":[]}]}");
    fx_console_keys(fx, "7");
    assert_contains(fx_console_text(fx), "bell");
    for (const char *at = fx_console_text(fx); *at; at++)
        assert_true((unsigned char)*at >= 0x20 || *at == '\n');
    assert_null(strstr(fx_console_text(fx), "\u202e"));
    assert_null(strstr(fx_console_text(fx), "\xc2\x9b"));
}

static void too_many_views_on_top_of_each_other_are_refused(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, ":help<Enter>:help<Enter>:help<Enter>:help<Enter>:help<Enter>");
    fx_console_keys(fx, ":help<Enter>:help<Enter>:help<Enter>:help<Enter>");
    assert_contains(fx_console_text(fx), "too many views");
    fx_console_keys(fx, "1");
    assert_contains(fx_console_text(fx), "credit left");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fx_console_begin, fx_console_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(overview_picture),
        TEST(offers_picture),
        TEST(instances_picture),
        TEST(instance_picture),
        TEST(launch_picture),
        TEST(stop_question_picture),
        TEST(jobs_picture),
        TEST(log_picture),
        TEST(credit_picture),
        TEST(help_picture),
        TEST(narrow_picture),
        cmocka_unit_test(ascii_picture),
        TEST(every_view_draws_at_every_size),
        TEST(keys_are_harmless_at_every_size),
        TEST(same_state_draws_the_same_cells_and_no_frame_is_shown_twice),
        TEST(offers_mark_example_prices_stock_and_foreign_law),
        TEST(offers_sort_by_the_next_column_and_turn_round),
        TEST(what_is_over_shows_no_end_to_come),
        TEST(filter_is_asked_of_the_server_and_shown),
        TEST(filter_that_is_dismissed_changes_nothing),
        TEST(commands_complete_and_go),
        TEST(command_with_a_text_filters_the_view),
        TEST(unknown_command_says_so),
        TEST(screendump_writes_what_is_shown),
        TEST(numbers_and_tab_switch_views),
        TEST(credit_tabs_show_holds_and_entries),
        TEST(event_opens_what_it_is_about),
        TEST(names_from_outside_are_made_harmless),
        TEST(too_many_views_on_top_of_each_other_are_refused),
    };

    return T_RUN("views", tests);
}
