/* Checks in the console: asking for one, reports, what changed since the last; nodes and cases. */
#include "tests/support/t.h"

#include "model/report.h"
#include "tests/support/fx_console.h"

static void window(struct fx_console *fx, int rows, int cols)
{
    screen_memory_resize(fx->screen, rows, cols);
    console_resized(&fx->console);
    fx_console_settle(fx);
}

static void assert_clean(const char *text)
{
    for (const char *at = text; *at; at++)
        assert_true((unsigned char)*at >= 0x20 || *at == '\n');
    assert_null(strstr(text, "\u202e"));
}

/* --- pictures --------------------------------------------------------------------------------- */

static void check_picture(void **state)
{
    fx_console_keys(*state, "3");
    fx_console_keys(*state, "c");
    fx_console_golden(*state, "check");
}

static void reports_picture(void **state)
{
    fx_console_keys(*state, "7");
    fx_console_golden(*state, "reports");
}

static void report_picture(void **state)
{
    fx_console_keys(*state, "7");
    fx_console_keys(*state, "<Enter>");
    fx_console_golden(*state, "report");
}

static void small_pictures(void **state)
{
    struct fx_console *fx = *state;

    window(fx, 15, 60);
    fx_console_keys(fx, "7");
    fx_console_keys(fx, "<Enter>");
    fx_console_golden(fx, "report-small");
    fx_console_keys(fx, "3");
    fx_console_keys(fx, "c");
    fx_console_golden(fx, "check-small");
}

static void ascii_picture(void **state)
{
    struct fx_console fx;

    (void)state;
    fx_console_init(&fx, 24, 80, true);
    fx_console_start(&fx);
    fx_console_keys(&fx, "7");
    fx_console_keys(&fx, "<Enter>");
    fx_console_golden(&fx, "report-ascii");
    for (const char *at = fx_console_text(&fx); *at; at++)
        assert_true((unsigned char)*at < 0x80);
    assert_null(strchr(fx_console_row(&fx, 9), '?'));
    fx_console_release(&fx);
}

static void nodes_picture(void **state)
{
    fx_console_keys(*state, ":nodes<Enter>");
    fx_console_keys(*state, "j");
    fx_console_golden(*state, "nodes");
}

static void cases_picture(void **state)
{
    fx_console_keys(*state, ":cases<Enter>");
    fx_console_golden(*state, "cases");
}

/* --- asking for a check ----------------------------------------------------------------------- */

static void check_says_what_it_disturbs_costs_and_gives_back(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    fx_console_keys(fx, "c");
    assert_contains(fx_console_text(fx), "check train-1?");
    assert_contains(fx_console_text(fx), "While a job runs it is");
    assert_contains(fx_console_text(fx), "The check is free");
    assert_contains(fx_console_text(fx), "given back as credit");
    fx_console_keys(fx, "<Tab>y");
    assert_contains(fx_console_text(fx), "A job that runs there is slowed down");
    fx_console_keys(fx, "<Up><^U>state");
    assert_contains(fx_console_text(fx), "Nothing that runs is disturbed");
    assert_null(fake_api_asked(&fx->api, "POST /v1/instances/"));
}

static void check_is_asked_for_once_from_the_list_and_from_the_details(void **state)
{
    static const char *const ways[][2] = {{"c", "<Enter>"}, {"d", "c<^U>burn<Tab>y<Enter>"}};
    static const char *const bodies[] = {
        "{\"action\":\"check\",\"tier\":\"quick\",\"disturb\":false}",
        "{\"action\":\"check\",\"tier\":\"burn\",\"disturb\":true}"};
    struct fx_console *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        const struct fake_request *r;

        fx_console_keys(fx, "3");
        fx_console_keys(fx, ways[i][0]);
        fx_console_keys(fx, ways[i][1]);
        r = fake_api_asked(&fx->api, "POST /v1/instances/");
        assert_string_equal(r->what, "POST /v1/instances/ins_1/actions");
        assert_string_equal(r->body, bodies[i]);
        assert_true(strlen(r->key) > 20);
        assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances/"), i + 1);
        assert_contains(fx_console_text(fx), "check train-1: asked for");
        assert_contains(fx_console_text(fx), i == 0 ? "> train-1" : "price per hour");
    }
}

static void check_that_cannot_be_meant_sends_nothing(void **state)
{
    static const char *const tiers[] = {"soak", "", "quick burn", "QUICK"};
    struct fx_console *fx = *state;
    char keys[64];

    fx_console_keys(fx, "3");
    for (size_t i = 0; i < ARRAY_SIZE(tiers); i++) {
        fx_console_keys(fx, "c");
        snprintf(keys, sizeof keys, "<^U>%s<Enter>", tiers[i]);
        fx_console_keys(fx, keys);
        assert_contains(fx_console_text(fx), "nothing was asked for: the tier is");
        fx_console_keys(fx, "<Esc>");
    }
    assert_null(fake_api_asked(&fx->api, "POST /v1/instances/"));
}

static void check_that_is_not_available_says_why(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    fx_console_keys(fx, "jc");
    assert_contains(fx_console_text(fx), "cannot check old: the server does not offer it");
    fake_api_on(&fx->api, "GET /v1/instances", 200,
                "{\"items\":[{\"id\":\"ins_1\",\"name\":\"web\",\"state\":\"running\",\"actions\":"
                "[{\"name\":\"check\",\"available\":false,\"reason\":\"it has no GPU\"}]}]}");
    fx_console_keys(fx, "r");
    fx_console_keys(fx, "c");
    assert_contains(fx_console_text(fx), "cannot check web: it has no GPU");
    fx->console.read_only = true;
    fx_console_keys(fx, "c");
    assert_contains(fx_console_text(fx), "only looks");
    assert_int_equal(fx->console.depth, 0);
}

static void refused_check_keeps_the_form_and_its_sentence(void **state)
{
    struct fx_console *fx = *state;
    char first[64];

    fake_api_problem(&fx->api, "POST /v1/instances/ins_1/actions", 409, "conflict",
                     "cannot check instance train-1: job nightly runs");
    fx_console_keys(fx, "3");
    fx_console_keys(fx, "c<Enter>");
    assert_contains(fx_console_text(fx), "job nightly runs");
    assert_contains(fx_console_text(fx), "disturb jobs");
    snprintf(first, sizeof first, "%s", fake_api_asked(&fx->api, "POST /v1/instances/")->key);
    fx_console_keys(fx, "<Enter>");
    assert_string_not_equal(first, fake_api_asked(&fx->api, "POST /v1/instances/")->key);
}

static void check_without_an_answer_is_sent_again_with_the_same_key(void **state)
{
    struct fx_console *fx = *state;
    char first[64];

    fx_console_keys(fx, "3");
    fx->api.away = true;
    fx_console_keys(fx, "c<Enter>");
    snprintf(first, sizeof first, "%s", fake_api_asked(&fx->api, "POST /v1/instances/")->key);
    fx->api.away = false;
    fx_console_keys(fx, "<Enter>");
    assert_string_equal(first, fake_api_asked(&fx->api, "POST /v1/instances/")->key);
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances/"), 2);
}

static void check_under_way_and_the_last_one_are_shown(void **state)
{
    struct fx_console *fx = *state;
    static const char one[] = "{\"id\":\"ins_1\",\"name\":\"web\",\"state\":\"running\","
                              "\"check_id\":\"rep_9\",\"check_tier\":\"burn\","
                              "\"check_verdict\":\"degraded\","
                              "\"checked_at\":\"2026-11-20T13:00:00Z\"}";
    char page[400];

    snprintf(page, sizeof page, "{\"items\":[%s]}", one);
    fake_api_on(&fx->api, "GET /v1/instances", 200, page);
    fake_api_on(&fx->api, "GET /v1/instances/ins_1", 200, one);
    fx_console_keys(fx, "3");
    assert_contains(fx_console_text(fx), "running: burn check");
    fx_console_keys(fx, "d");
    assert_contains(fx_console_text(fx), "burn, under way: its report will be rep_9");
    assert_contains(fx_console_text(fx), "degraded, 1h 00m ago");
}

/* --- one report ------------------------------------------------------------------------------- */

static void report_of_this(struct fx_console *fx, const char *body)
{
    fake_api_on(&fx->api, "GET /v1/reports/rep_3", 200, body);
    fx_console_keys(fx, "7");
    fx_console_keys(fx, "<Enter>");
}

static void failures_come_first_with_figure_floor_change_and_remedy(void **state)
{
    struct fx_console *fx = *state;
    const char *text, *fail, *warn, *pass;

    fx_console_keys(fx, "7");
    fx_console_keys(fx, "<Enter>");
    text = fx_console_text(fx);
    fail = strstr(text, "memory_read ");
    warn = strstr(text, "memory_copy ");
    pass = strstr(text, "ecc ");
    assert_true(fail && warn && pass && fail < warn && warn < pass);
    assert_contains(text, "1220.5 GB/s");
    assert_contains(text, "floor 1600");
    assert_contains(text, "-35.9 % in 1h 25m, from 1905 GB/s");
    assert_contains(text, remedy_renter_texts[REMEDY_REPLACE]);
    assert_null(strstr(text, "take the node out")); /* that is for its operator */
    assert_contains(text, "1h 30m ago: healthy (quick, gate)");
    assert_contains(text, "1d 00h ago: degraded (state, check)");
}

static void only_reports_of_the_same_instance_are_compared(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "7");
    fx_console_keys(fx, "<Enter>");
    assert_string_equal(fake_api_asked(&fx->api, "GET /v1/reports?limit=8")->what,
                        "GET /v1/reports?limit=8&to=2026-11-20T13%3A55%3A00Z&instance_id=ins_1");
    assert_null(strstr(fx_console_text(fx), "2d"));
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/reports/rep_3"), 1);
}

#define FIGURE(index, value)                                                                  \
    "{\"check\":\"memory_read\",\"gpu_index\":" index ",\"result\":\"pass\",\"value\":" value \
    ",\"floor\":10,\"unit\":\"GB/s\"}"
#define GPU(index, uuid) "{\"index\":" index ",\"uuid\":\"" uuid "\",\"model\":\"m\"}"

static void figures_follow_the_gpu_and_not_its_number(void **state)
{
    struct fx_console *fx = *state;

    fake_api_on(&fx->api, "GET /v1/reports?limit=8&to=", 200,
                "{\"items\":[{\"id\":\"rep_a\",\"host\":\"h\",\"received_at\":"
                "\"2026-11-18T14:00:00Z\",\"gpus\":[" GPU("0", "GPU-b") "," GPU(
                    "1", "GPU-a") "],"
                                  "\"findings\":[" FIGURE("0", "400") "," FIGURE(
                                      "1", "100") "]},"
                                                  "{\"id\":\"rep_b\",\"host\":\"hh\",\"received_"
                                                  "at\":\"2026-11-17T14:00:00Z\"}]}");
    report_of_this(fx, "{\"id\":\"rep_3\",\"host\":\"h\",\"received_at\":\"2026-11-20T14:00:00Z\","
                       "\"gpus\":[" GPU("0", "GPU-a") "],\"findings\":[" FIGURE("0", "99") "]}");
    assert_contains(fake_api_asked(&fx->api, "GET /v1/reports?limit=8")->what, "&text=h");
    assert_contains(fx_console_text(fx), "-1.0 % in 2d 00h, from 100 GB/s");
    assert_null(strstr(fx_console_text(fx), "3d"));
}

static void report_of_nobody_knows_what_is_looked_for_nowhere_else(void **state)
{
    struct fx_console *fx = *state;

    report_of_this(fx, "{\"id\":\"rep_3\",\"verdict\":\"healthy\"}");
    assert_contains(fx_console_text(fx), "no check said anything");
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/reports?limit=8"), 0);
}

static void report_that_is_not_there_says_so(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "GET /v1/reports/rep_3", 404, "not-found", "no report rep_3");
    fx_console_keys(fx, "7");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "no report rep_3");
}

static void earlier_reports_that_cannot_be_had_are_a_sentence(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "GET /v1/reports?limit=8&to=", 500, "internal", "it broke");
    fx_console_keys(fx, "7");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "it broke");
    assert_contains(fx_console_text(fx), "memory_read");
}

static void many_earlier_reports_leave_the_findings_in_sight(void **state)
{
    struct fx_console *fx = *state;
    char body[2000];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"items\":[");

    for (int i = 0; i < 8; i++)
        len += (size_t)snprintf(body + len, sizeof body - len,
                                "%s{\"id\":\"rep_e%d\",\"instance_id\":\"ins_1\",\"received_at\":"
                                "\"2026-11-%02dT13:00:00Z\"}",
                                i ? "," : "", i, 19 - i);
    snprintf(body + len, sizeof body - len, "]}");
    fake_api_on(&fx->api, "GET /v1/reports?limit=8&to=", 200, body);
    fx_console_keys(fx, "7");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "4d 01h ago");
    assert_null(strstr(fx_console_text(fx), "5d 01h ago"));
    assert_contains(fx_console_text(fx), "memory_read");
    assert_contains(fx_console_text(fx), "floor 1600");
}

/* A renter may post anything. */
static void hostile_report_is_shown_and_not_obeyed(void **state)
{
    struct fx_console *fx = *state;

    report_of_this(
        fx, "{\"id\":\"rep_3\",\"verdict\":\"unhealthy\",\"summary\":\"\\u001b[2Jx\\u202ey\","
            "\"host\":\"a\\nb\\u0007\",\"instance_id\":\"../../x?y&z=1\",\"gpus\":"
            "[{\"index\":0,\"model\":\"\\u009bm\",\"uuid\":\"\\u001b]0;t\\u0007\"}],"
            "\"findings\":[{\"check\":\"%s%n\\u001b[H\",\"gpu_index\":7,\"result\":\"fail\","
            "\"value\":1e308,\"floor\":1e-308,\"unit\":\"\\u001b[1m\",\"detail\":\"d\\r\\ne\"},"
            "{\"check\":\"neg\",\"gpu_index\":-1,\"result\":\"warn\",\"value\":-5,\"floor\":-7,"
            "\"unit\":\"u\"},{\"check\":\"tiny\",\"gpu_index\":-1,\"result\":\"warn\","
            "\"value\":-1e308,\"floor\":1e308,\"unit\":\"u\"}]}");
    assert_clean(fx_console_text(fx));
    assert_contains(fx_console_text(fx), "%s%n");
    assert_contains(fx_console_text(fx), "neg");
    assert_contains(fake_api_asked(&fx->api, "GET /v1/reports?limit=8")->what,
                    "&instance_id=..%2F..%2Fx%3Fy%26z%3D1");
}

static void as_many_findings_as_there_may_be_are_scrolled(void **state)
{
    struct fx_console *fx = *state;
    static char body[200000];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"id\":\"rep_3\",\"findings\":[");

    for (int i = 0; i < REPORT_FINDINGS_MAX; i++)
        len += (size_t)snprintf(
            body + len, sizeof body - len,
            "%s{\"check\":\"c%d\",\"gpu_index\":%d,\"result\":\"fail\",\"detail\":\"bad %d\"}",
            i ? "," : "", i, i % 8, i);
    snprintf(body + len, sizeof body - len, "]}");
    report_of_this(fx, body);
    assert_contains(fx_console_text(fx), "bad 0");
    assert_contains(fx_console_text(fx), "more below");
    fx_console_keys(fx, "G");
    assert_contains(fx_console_text(fx), "bad 511");
    assert_contains(fx_console_text(fx), "rep_3");
}

static void event_about_a_report_opens_it(void **state)
{
    struct fx_console *fx = *state;

    fake_api_on(&fx->api, "GET /v1/events", 200,
                "{\"items\":[{\"seq\":9,\"kind\":\"report.created\",\"object_id\":\"rep_3\","
                "\"at\":\"2026-11-20T13:55:00Z\",\"summary\":\"checks: unhealthy\"}]}");
    fx_console_keys(fx, "6");
    fx_console_keys(fx, "r");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "floor 1600");
}

/* --- nodes and cases -------------------------------------------------------------------------- */

static void drain_needs_a_reason_and_is_sent_once(void **state)
{
    struct fx_console *fx = *state;
    const struct fake_request *r;

    fx_console_keys(fx, ":nodes<Enter>");
    fx_console_keys(fx, "D");
    assert_contains(fx_console_text(fx), "drain node-7?");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "nothing was asked for: say why");
    assert_null(fake_api_asked(&fx->api, "POST /v1/nodes"));
    fx_console_keys(fx, "a \"fan\"<Enter>");
    r = fake_api_asked(&fx->api, "POST /v1/nodes");
    assert_string_equal(r->what, "POST /v1/nodes/nod_7/actions");
    assert_string_equal(r->body, "{\"action\":\"drain\",\"reason\":\"a \\\"fan\\\"\"}");
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/nodes"), 1);
    assert_contains(fx_console_text(fx), "drain node-7: asked for");
    assert_contains(fx_console_text(fx), "> node-7");
}

static void node_that_is_drained_is_resumed_and_not_drained_again(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, ":nodes<Enter>");
    fx_console_keys(fx, "R");
    assert_contains(fx_console_text(fx), "cannot resume node-7: it takes new instances already");
    fx_console_keys(fx, "jjD");
    assert_contains(fx_console_text(fx), "cannot drain node-9: it is drained already");
    fx_console_keys(fx, "R<Enter>");
    assert_string_equal(fake_api_asked(&fx->api, "POST /v1/nodes/nod_9")->body,
                        "{\"action\":\"resume\"}");
}

static void node_opens_its_last_report(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, ":nodes<Enter>");
    fx_console_keys(fx, "j<Enter>");
    assert_contains(fx_console_text(fx), "floor 1600");
    fx_console_keys(fx, "<Esc>j<Enter>");
    assert_contains(fx_console_text(fx), "no check of ours has reported on it yet");
}

static void nodes_are_refused_to_those_who_are_not_staff(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "GET /v1/nodes", 403, "forbidden", "only staff may see nodes");
    fx_console_keys(fx, ":nodes<Enter>");
    assert_contains(fx_console_text(fx), "only staff may see nodes");
    fx_console_keys(fx, "DR<Enter>");
    assert_contains(fx_console_text(fx), "no check of ours");
    assert_null(fake_api_asked(&fx->api, "POST /v1/nodes"));
}

static void case_is_closed_with_a_note_that_must_be_written(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, ":cases<Enter>");
    fx_console_keys(fx, "C<Enter>");
    assert_contains(fx_console_text(fx), "nothing was asked for: say what was found");
    fx_console_keys(fx, "moved<Enter>");
    assert_string_equal(fake_api_asked(&fx->api, "POST /v1/cases")->what,
                        "POST /v1/cases/cas_1/actions");
    assert_string_equal(fake_api_asked(&fx->api, "POST /v1/cases")->body,
                        "{\"action\":\"close\",\"note\":\"moved\"}");
    fx_console_keys(fx, "jC");
    assert_contains(fx_console_text(fx), "cannot close cas_0: it is closed already");
    fx_console_keys(fx, "k<Enter>");
    assert_contains(fx_console_text(fx), "floor 1600");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fx_console_begin, fx_console_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(check_picture),
        TEST(reports_picture),
        TEST(report_picture),
        TEST(small_pictures),
        cmocka_unit_test(ascii_picture),
        TEST(nodes_picture),
        TEST(cases_picture),
        TEST(check_says_what_it_disturbs_costs_and_gives_back),
        TEST(check_is_asked_for_once_from_the_list_and_from_the_details),
        TEST(check_that_cannot_be_meant_sends_nothing),
        TEST(check_that_is_not_available_says_why),
        TEST(refused_check_keeps_the_form_and_its_sentence),
        TEST(check_without_an_answer_is_sent_again_with_the_same_key),
        TEST(check_under_way_and_the_last_one_are_shown),
        TEST(failures_come_first_with_figure_floor_change_and_remedy),
        TEST(only_reports_of_the_same_instance_are_compared),
        TEST(figures_follow_the_gpu_and_not_its_number),
        TEST(report_of_nobody_knows_what_is_looked_for_nowhere_else),
        TEST(report_that_is_not_there_says_so),
        TEST(earlier_reports_that_cannot_be_had_are_a_sentence),
        TEST(many_earlier_reports_leave_the_findings_in_sight),
        TEST(hostile_report_is_shown_and_not_obeyed),
        TEST(as_many_findings_as_there_may_be_are_scrolled),
        TEST(event_about_a_report_opens_it),
        TEST(drain_needs_a_reason_and_is_sent_once),
        TEST(node_that_is_drained_is_resumed_and_not_drained_again),
        TEST(node_opens_its_last_report),
        TEST(nodes_are_refused_to_those_who_are_not_staff),
        TEST(case_is_closed_with_a_note_that_must_be_written),
    };

    return T_RUN("checks", tests);
}
