/* Small windows, and what stands at the edges of all of them: nothing that one must know is cut off
 * without a hint of how to see the rest, and hints tell the truth. */
#include "tests/support/t.h"

#include "tests/support/fx_console.h"

static void window(struct fx_console *fx, int rows, int cols)
{
    screen_memory_resize(fx->screen, rows, cols);
    console_resized(&fx->console);
    fx_console_settle(fx);
}

static const char *last_row(struct fx_console *fx)
{
    return fx_console_row(fx, fx->console.canvas.rows - 1);
}

/* --- 40x8 ------------------------------------------------------------------------------------- */

static void question_is_read_by_scrolling_where_it_does_not_fit(void **state)
{
    struct fx_console *fx = *state;

    window(fx, 8, 40);
    fx_console_keys(fx, "3");
    fx_console_keys(fx, "S");
    assert_contains(fx_console_text(fx), "stop train-1?");
    assert_contains(fx_console_text(fx), "gets SIGTERM");
    assert_contains(fx_console_text(fx), "more below");
    assert_contains(fx_console_text(fx), "yes, Enter (or Esc):");
    fx_console_keys(fx, "<PgDn><PgDn><PgDn><PgDn>");
    assert_contains(fx_console_text(fx), "Cost so far: 4.09");
    assert_null(strstr(fx_console_text(fx), "more below"));
    assert_contains(fx_console_text(fx), "more above");
    fx_console_keys(fx, "<Up><Up><Up><Up><Up><Up><Up><Up>");
    assert_contains(fx_console_text(fx), "gets SIGTERM");
    /* Moving is no answer, and does not spoil one. */
    fx_console_keys(fx, "<Down>yes<Enter>");
    assert_non_null(fake_api_asked(&fx->api, "POST /v1/instances/ins_1/actions"));
}

static void question_that_fits_does_not_move(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    fx_console_keys(fx, "S");
    fx_console_keys(fx, "<PgDn><Down>");
    assert_contains(fx_console_text(fx), "gets SIGTERM");
    assert_contains(fx_console_text(fx), "Cost so far");
    assert_null(strstr(fx_console_text(fx), "more "));
}

static void credit_shows_what_is_left_and_its_rows(void **state)
{
    struct fx_console *fx = *state;

    window(fx, 8, 40);
    fx_console_keys(fx, "5");
    assert_contains(fx_console_row(fx, 1), "left 1255.4000 of 2,000.00 EUR");
    assert_contains(fx_console_row(fx, 2), "[grants]  holds   entries  Left/Right");
    assert_contains(fx_console_text(fx), "> programme");
    fx_console_keys(fx, "<Right>");
    assert_contains(fx_console_text(fx), "> open");
    fx_console_keys(fx, "<Right>");
    assert_contains(fx_console_text(fx), "> hold");
}

static void launch_form_shows_the_price_and_the_field_that_is_typed_into(void **state)
{
    struct fx_console *fx = *state;

    window(fx, 8, 40);
    fx_console_keys(fx, "2");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_row(fx, 1), "> name");
    assert_contains(fx_console_text(fx), "2.730000 EUR");
    assert_contains(fx_console_text(fx), "more below");
    fx_console_keys(fx, "<Tab>2h");
    assert_contains(fx_console_row(fx, 1), "> stop after    2h");
    fx_console_advance(fx, 300);
    for (int i = 0; i < 9 && strstr(fx_console_text(fx), "more below"); i++)
        fx_console_keys(fx, "<PgDn>");
    assert_contains(fx_console_text(fx), "rounding");
    assert_contains(fx_console_text(fx), "more above");
    assert_contains(fx_console_row(fx, 1), "> stop after    2h");
}

static void overview_shows_credit_runway_and_what_runs(void **state)
{
    struct fx_console *fx = *state;

    window(fx, 8, 40);
    assert_contains(fx_console_text(fx), "credit left     1,255.4000 EUR");
    assert_contains(fx_console_text(fx), "runway          until 2026-11-3");
    assert_contains(fx_console_text(fx), "train-1                running");
}

static void half_a_figure_is_never_shown(void **state)
{
    struct fx_console *fx = *state;

    for (int cols = 40; cols < 80; cols++) {
        window(fx, 24, cols);
        if (strstr(fx_console_text(fx), "2.7300"))
            assert_contains(fx_console_text(fx), "2.7300/h");
        if (strstr(fx_console_text(fx), " 4.0"))
            assert_contains(fx_console_text(fx), " 4.0958");
    }
}

/* --- what is not seen ------------------------------------------------------------------------- */

static void details_say_how_much_is_above_and_below(void **state)
{
    static const char *const ways[][2] = {
        {"3", "d"}, {"4", "d"}, {"2", "d"}, {"7", "d"}, {"1", "?"}};
    struct fx_console *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        window(fx, 10, 80);
        fx_console_keys(fx, "<Esc><Esc>");
        fx_console_keys(fx, ways[i][0]);
        fx_console_keys(fx, ways[i][1]);
        assert_contains(fx_console_row(fx, 7), "PgDn: ");
        assert_contains(fx_console_row(fx, 7), "more below");
        assert_null(strstr(fx_console_row(fx, 7), "more above"));
        fx_console_keys(fx, "j");
        assert_contains(fx_console_row(fx, 7), "PgUp: 1 more above");
        fx_console_keys(fx, "G");
        assert_contains(fx_console_row(fx, 7), "more above");
        assert_null(strstr(fx_console_row(fx, 7), "more below"));
        /* Where all of it fits nothing is said, and nothing stays scrolled away. */
        window(fx, 200, 80);
        assert_null(strstr(fx_console_text(fx), "more above"));
        assert_null(strstr(fx_console_text(fx), "more below"));
    }
}

static void paragraph_that_is_cut_ends_with_an_ellipsis(void **state)
{
    struct fx_console *fx = *state;

    fake_api_on(
        &fx->api, "GET /v1/credit", 200,
        "{\"as_of\":\"2026-11-20T14:00:00Z\",\"runway_basis\":\"one two three four five six "
        "seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty\"}");
    fx_console_keys(fx, "r");
    window(fx, 18, 60);
    assert_contains(fx_console_text(fx), "six seven eight");
    assert_contains(fx_console_text(fx), "\u2026");
    assert_null(strstr(fx_console_text(fx), "twenty"));
}

/* --- edges ------------------------------------------------------------------------------------ */

static void header_and_hints_fit_from_the_smallest_width_on(void **state)
{
    static const char *const ways[] = {"1", "2", "3", "4", "5", "6", "7"};
    struct fx_console *fx = *state;

    for (int cols = 40; cols <= 90; cols++)
        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
            fx_console_keys(fx, ways[i]);
            window(fx, 12, cols);
            assert_contains(fx_console_row(fx, 0), " live  14:");
            assert_contains(fx_console_row(fx, 0), " hourglass ");
            /* A hint is there whole or not at all, and the way out always is. */
            assert_null(strstr(last_row(fx), "\u2026"));
            assert_contains(last_row(fx), "? help  q quit");
        }
}

static void absent_server_is_told_in_the_smallest_window(void **state)
{
    struct fx_console *fx = *state;

    window(fx, 8, 40);
    fx->api.away = true;
    fx_console_keys(fx, "r");
    for (int i = 0; i < 20; i++) {
        fx_console_advance(fx, 1000);
        assert_contains(fx_console_row(fx, 0), " hourglass");
        assert_contains(fx_console_row(fx, 0), "AWAY ");
        assert_contains(fx_console_row(fx, 0), " s ");
        assert_contains(fx_console_row(fx, 6), "r: try now");
    }
}

static void tab_hint_says_what_tab_does_there(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "2");
    fx_console_keys(fx, "<Enter>");
    assert_contains(last_row(fx), "Tab next-field");
    fx_console_keys(fx, "<Enter>");
    assert_null(strstr(last_row(fx), "Tab")); /* a question */
    fx_console_keys(fx, "<Esc><Esc>/");
    assert_null(strstr(last_row(fx), "Tab")); /* a filter */
    fx_console_keys(fx, "<Esc>:");
    assert_contains(last_row(fx), "Tab complete");
    fx_console_keys(fx, "<Esc>4");
    fx_console_keys(fx, "n");
    assert_contains(last_row(fx), "Tab complete");
}

static void hints_name_only_keys_that_do_something(void **state)
{
    struct fx_console *fx = *state;

    assert_null(strstr(last_row(fx), "Esc back"));
    fx_console_keys(fx, "5");
    assert_contains(last_row(fx), "Esc back");
    assert_null(strstr(last_row(fx), "Enter open")); /* a grant */
    fx_console_keys(fx, "<Right>");
    assert_contains(last_row(fx), "Enter open"); /* a hold, of an instance */
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "price per hour    2.730000 EUR");
}

/* --- figures and words ------------------------------------------------------------------------ */

static void little_carbon_is_not_called_none(void **state)
{
    static const struct {
        const char *grams, *shown;
    } row[] = {{"0", "0"}, {"0.2", "<1"}, {"0.99", "<1"}, {"1", "1"}, {"1.6", "2"}, {"190", "190"}};
    struct fx_console *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        char body[1024], want[64];

        snprintf(body, sizeof body,
                 "{\"items\":[{\"id\":\"x.y\",\"name\":\"X\",\"zone\":\"y\",\"gpu_model\":\"m\","
                 "\"availability\":\"available\",\"stock\":3,\"carbon_g_per_hour\":%s}]}",
                 row[i].grams);
        fake_api_on(&fx->api, "GET /v1/offers", 200, body);
        fx_console_keys(fx, "2r");
        fx_console_advance(fx, 600);
        snprintf(want, sizeof want, "3 %7s ", row[i].shown);
        assert_contains(fx_console_text(fx), want);
        fx_console_keys(fx, "d");
        snprintf(want, sizeof want, "carbon            %s gCO2e", row[i].shown);
        assert_contains(fx_console_text(fx), want);
        fx_console_keys(fx, "<Esc>");
    }
}

#define VIRTUAL                                                                                 \
    "{\"id\":\"rep_1\",\"organization_id\":\"o\",\"origin\":\"gate\",\"tier\":\"state\","       \
    "\"verdict\":\"inconclusive\",\"summary\":\"inconclusive: no NVIDIA driver\",\"findings\":" \
    "[],\"gpus\":[{\"index\":0,\"model\":\"virtual\",\"is_virtual\":true}]}"

static void verdict_is_said_once(void **state)
{
    struct fx_console *fx = *state;

    fake_api_on(&fx->api, "GET /v1/reports", 200, "{\"items\":[" VIRTUAL "]}");
    fake_api_on(&fx->api, "GET /v1/reports/rep_1", 200, VIRTUAL);
    fx_console_keys(fx, "7");
    assert_contains(fx_console_text(fx), "no NVIDIA driver");
    assert_null(strstr(fx_console_text(fx), "inconclusive: "));
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_row(fx, 2), "no NVIDIA driver");
    assert_null(strstr(fx_console_text(fx), "inconclusive: "));
    assert_null(strstr(fx_console_text(fx), "virtual virtual"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fx_console_begin, fx_console_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(question_is_read_by_scrolling_where_it_does_not_fit),
        TEST(question_that_fits_does_not_move),
        TEST(credit_shows_what_is_left_and_its_rows),
        TEST(launch_form_shows_the_price_and_the_field_that_is_typed_into),
        TEST(overview_shows_credit_runway_and_what_runs),
        TEST(half_a_figure_is_never_shown),
        TEST(details_say_how_much_is_above_and_below),
        TEST(paragraph_that_is_cut_ends_with_an_ellipsis),
        TEST(header_and_hints_fit_from_the_smallest_width_on),
        TEST(absent_server_is_told_in_the_smallest_window),
        TEST(tab_hint_says_what_tab_does_there),
        TEST(hints_name_only_keys_that_do_something),
        TEST(little_carbon_is_not_called_none),
        TEST(verdict_is_said_once),
    };

    return T_RUN("windows", tests);
}
