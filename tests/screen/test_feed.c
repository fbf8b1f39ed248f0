/* How the console keeps what it knows true: windows into long lists, events, a server that goes
 * away and comes back. */
#include "tests/support/t.h"

#include "model/job.h"
#include "tests/support/fx_console.h"
#include "tui/feed/list.h"

/* --- windows ---------------------------------------------------------------------------------- */

#define PAGES      12
#define PAGE_ITEMS 10

static void add_job(struct strbuf *body, int number)
{
    strbuf_addf(
        body,
        "{\"id\":\"job_%03d\",\"name\":\"n%03d\",\"command\":\"true\",\"state\":\"running\","
        "\"state_reason\":\"none\",\"exit_code\":-1,\"actions\":[]}",
        number, number);
}

/* A list of 120 jobs in 12 pages, whose first `skip` jobs are gone. */
static void serve_pages(struct fake_api *api, int skip)
{
    for (int page = 0; page < PAGES; page++) {
        char what[128];
        STRBUF body = {0};

        strbuf_init(&body, 1024 * 1024);
        strbuf_adds(&body, "{\"items\":[");
        for (int i = 0; i < PAGE_ITEMS; i++) {
            if (i)
                strbuf_addc(&body, ',');
            add_job(&body, skip + page * PAGE_ITEMS + i);
        }
        strbuf_adds(&body, "]");
        if (page + 1 < PAGES)
            strbuf_addf(&body, ",\"next_cursor\":\"p%d=\"", page + 1);
        strbuf_adds(&body, "}");
        snprintf(what, sizeof what,
                 page ? "GET /v1/things?limit=10&cursor=p%d%%3D" : "GET /v1/things?limit=10", page);
        fake_api_on(api, what, 200, body.data);
    }
}

struct fixture {
    struct fake_api api;
    struct clock_test clock;
    struct feed feed;
    struct list list;
};

static void settle(struct fixture *fx)
{
    for (int i = 0; i < 20; i++) {
        feed_tick(&fx->feed);
        fake_api_deliver(&fx->api);
    }
}

static int compare_names(const void *a, const void *b, int column)
{
    (void)column;
    return strcmp(((const struct job *)a)->name, ((const struct job *)b)->name);
}

static int window_begin(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    if (!fx)
        return -1;
    clock_test_init(&fx->clock, FAKE_NOW_MS);
    fake_api_init(&fx->api);
    fake_api_demo(&fx->api);
    serve_pages(&fx->api, 0);
    feed_init(&fx->feed, &fx->api.base, &fx->clock.base);
    fx->list = (struct list){.shape = &job_shape,
                             .path = "/v1/things",
                             .page_items = PAGE_ITEMS,
                             .pages_wanted = 1,
                             .compare = compare_names};
    list_open(&fx->list, &fx->feed, TOPIC_JOB, 0);
    resource_show(&fx->list.resource, true);
    feed_start(&fx->feed);
    settle(fx);
    *state = fx;
    return 0;
}

static int window_end(void **state)
{
    struct fixture *fx = *state;

    list_close(&fx->list);
    feed_release(&fx->feed);
    fake_api_release(&fx->api);
    free(fx);
    return 0;
}

static const char *selected_name(const struct fixture *fx)
{
    const struct job *j = list_selected(&fx->list);

    return j ? j->name : "";
}

static void step(struct fixture *fx, int by)
{
    list_select(&fx->list, (size_t)((int)fx->list.selected + by));
    settle(fx);
}

static void long_list_costs_some_pages_and_is_seen_whole_in_both_directions(void **state)
{
    struct fixture *fx = *state;
    char name[16];

    assert_int_equal(fx->list.count, PAGE_ITEMS);
    for (int i = 0; i < PAGES * PAGE_ITEMS; i++) {
        snprintf(name, sizeof name, "n%03d", i);
        assert_string_equal(selected_name(fx), name);
        assert_true(fx->list.page_count <= LIST_PAGES_MAX);
        step(fx, 1);
    }
    assert_int_equal(fx->list.before + fx->list.selected, PAGES * PAGE_ITEMS - 1);
    for (int i = PAGES * PAGE_ITEMS - 1; i >= 0; i--) {
        snprintf(name, sizeof name, "n%03d", i);
        assert_string_equal(selected_name(fx), name);
        if (i > 0)
            step(fx, -1);
    }
    assert_int_equal(fx->list.before, 0);
}

static void window_is_read_again_where_it_is_and_keeps_the_selection(void **state)
{
    struct fixture *fx = *state;

    for (int i = 0; i < 55; i++)
        step(fx, 1);
    assert_string_equal(selected_name(fx), "n055");
    assert_true(fx->list.page_first > 0);
    /* Two rows went away at the start: all others moved up. */
    serve_pages(&fx->api, 2);
    list_reload(&fx->list);
    settle(fx);
    assert_string_equal(selected_name(fx), "n055");
    assert_true(fx->list.page_count <= LIST_PAGES_MAX);
}

static void event_during_a_refresh_is_not_lost(void **state)
{
    struct fixture *fx = *state;
    size_t before;

    step(fx, 9); /* two pages */
    assert_int_equal(fx->list.page_count, 2);
    before = fake_api_count(&fx->api, "GET /v1/things?limit=10");
    list_reload(&fx->list);
    feed_tick(&fx->feed); /* the first page is asked for */
    fx->list.resource.stale = true;
    settle(fx);
    clock_test_advance(&fx->clock, 1000);
    settle(fx);
    /* Two pages for the reload, two more for what happened in between. */
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/things?limit=10"), before + 4);
}

static void part_of_a_list_is_not_sorted_and_a_whole_one_is(void **state)
{
    struct fixture *fx = *state;

    assert_false(list_sort(&fx->list, 0, true));
    fake_api_on(
        &fx->api, "GET /v1/things?limit=10&text=few", 200,
        "{\"items\":[{\"id\":\"job_b\",\"name\":\"b\",\"command\":\"x\",\"state\":\"running\"},"
        "{\"id\":\"job_c\",\"name\":\"c\",\"command\":\"x\",\"state\":\"running\"},"
        "{\"id\":\"job_a\",\"name\":\"a\",\"command\":\"x\",\"state\":\"running\"}]}");
    list_filter(&fx->list, "few");
    settle(fx);
    assert_true(list_sort(&fx->list, 0, true));
    assert_string_equal(((const struct job *)list_row(&fx->list, 0))->name, "c");
    assert_string_equal(((const struct job *)list_row(&fx->list, 2))->name, "a");
    assert_string_equal(selected_name(fx), "b");
    assert_int_equal(fx->list.selected, 1);
    assert_true(list_sort(&fx->list, -1, false));
    assert_string_equal(((const struct job *)list_row(&fx->list, 0))->name, "b");
}

static void answer_that_is_no_list_keeps_the_rows_and_says_so(void **state)
{
    static const char *const wrong[] = {
        "",        "{", "[]", "{\"items\":3}", "{\"items\":[{\"id\":7}]}", "{\"items\":[null]}",
        "\xff\xfe"};
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        fake_api_on(&fx->api, "GET /v1/things?limit=10", 200, wrong[i]);
        list_reload(&fx->list);
        settle(fx);
        assert_int_equal(fx->list.count, PAGE_ITEMS);
        assert_int_not_equal(fx->list.resource.err.code, 0);
    }
    serve_pages(&fx->api, 0);
    clock_test_advance(&fx->clock, 60000);
    settle(fx);
    list_reload(&fx->list);
    settle(fx);
    assert_int_equal(fx->list.resource.err.code, 0);
}

static void page_that_is_gone_starts_the_window_again(void **state)
{
    struct fixture *fx = *state;

    fake_api_problem(&fx->api, "GET /v1/things?limit=10&cursor=p1%3D", 422, "invalid-request",
                     "the cursor is no longer known");
    step(fx, 9);
    assert_int_equal(fx->list.count, PAGE_ITEMS);
    assert_int_equal(fx->list.resource.err.code, ERR_INVALID);
    serve_pages(&fx->api, 0);
    list_reload(&fx->list);
    settle(fx);
    step(fx, 1);
    assert_int_equal(fx->list.page_count, 2);
}

/* --- events ----------------------------------------------------------------------------------- */

static void event_makes_what_it_concerns_be_asked_again_and_nothing_else(void **state)
{
    struct fx_console *fx = *state;
    size_t jobs = fake_api_count(&fx->api, "GET /v1/jobs?");
    size_t instances = fake_api_count(&fx->api, "GET /v1/instances?");

    assert_int_equal(
        fake_api_event(&fx->api, "/v1/events", "13", "job.state",
                       "{\"seq\":13,\"at\":\"2026-11-20T14:00:01Z\",\"kind\":\"job.state\","
                       "\"object_id\":\"job_1\",\"summary\":\"finetune has succeeded\"}"),
        1);
    fx_console_advance(fx, 600);
    assert_contains(fx_console_text(fx), "finetune has succeeded");
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/jobs?"), jobs + 1);
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/instances?"), instances);
}

static void burst_of_events_is_one_question(void **state)
{
    struct fx_console *fx = *state;
    size_t jobs = fake_api_count(&fx->api, "GET /v1/jobs?");

    for (int i = 0; i < 200; i++) {
        char data[128];

        snprintf(data, sizeof data, "{\"seq\":%d,\"kind\":\"job.state\",\"summary\":\"step %d\"}",
                 20 + i, i);
        fake_api_event(&fx->api, "/v1/events", "", "job.state", data);
        console_tick(&fx->console);
        fake_api_deliver(&fx->api);
    }
    fx_console_advance(fx, 600);
    assert_true(fake_api_count(&fx->api, "GET /v1/jobs?") <= jobs + 2);
    assert_contains(fx_console_text(fx), "step 199");
    assert_int_equal(fx->console.feed.event_count, FEED_EVENTS_MAX);
}

static void event_that_is_not_understood_makes_everything_be_asked(void **state)
{
    struct fx_console *fx = *state;
    size_t instances = fake_api_count(&fx->api, "GET /v1/instances?");

    fake_api_event(&fx->api, "/v1/events", "", "x", "not json");
    fake_api_event(&fx->api, "/v1/events", "", "x", "{\"seq\":\"no\"}");
    fx_console_advance(fx, 600);
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/instances?"), instances + 1);
}

static void events_sent_twice_are_kept_once_and_in_order(void **state)
{
    struct fx_console *fx = *state;
    static const int seqs[] = {15, 14, 15, 12, 13};

    for (size_t i = 0; i < ARRAY_SIZE(seqs); i++) {
        char data[128];

        snprintf(data, sizeof data, "{\"seq\":%d,\"kind\":\"job.state\",\"summary\":\"s\"}",
                 seqs[i]);
        fake_api_event(&fx->api, "/v1/events", "", "job.state", data);
    }
    assert_int_equal(fx->console.feed.event_count, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fx->console.feed.events[i].seq, 15 - i);
}

static void stream_begins_after_the_newest_known_event(void **state)
{
    struct fx_console *fx = *state;

    assert_int_equal(fx->api.stream_count, 1);
    assert_string_equal(fx->api.streams[0].last_id, "12");
}

static void stream_that_the_server_closed_is_opened_again_and_polled_meanwhile(void **state)
{
    struct fx_console *fx = *state;
    size_t jobs = fake_api_count(&fx->api, "GET /v1/jobs?");

    fake_api_end(&fx->api, "/v1/events");
    fx_console_advance(fx, 100);
    assert_contains(fx_console_row(fx, 0), "polling");
    fx_console_advance(fx, 5100);
    assert_true(fake_api_count(&fx->api, "GET /v1/jobs?") > jobs);
    fx_console_advance(fx, 30000);
    fx_console_advance(fx, 600);
    assert_int_equal(fx->api.stream_count, 1);
    assert_contains(fx_console_row(fx, 0), "live");
}

/* --- a server that is away -------------------------------------------------------------------- */

static void away_server_keeps_the_data_with_its_age_and_comes_back_by_itself(void **state)
{
    struct fx_console *fx = *state;

    fx->api.away = true;
    fx_console_keys(fx, "r");
    fx_console_settle(fx);
    assert_contains(fx_console_row(fx, 0), "AWAY");
    assert_contains(fx_console_text(fx), "train-1");
    for (int i = 0; i < 30; i++)
        fx_console_advance(fx, 2000);
    assert_contains(fx_console_row(fx, 0), "AWAY 1m");
    assert_contains(fx_console_text(fx), "what is shown is 1m");
    fx->api.away = false;
    for (int i = 0; i < 30; i++)
        fx_console_advance(fx, 1200);
    assert_contains(fx_console_row(fx, 0), "live");
    assert_null(strstr(fx_console_text(fx), "connection refused"));
}

static void back_off_grows_and_one_question_is_enough_to_learn(void **state)
{
    struct fx_console *fx = *state;
    size_t before, after, me;

    fx->api.away = true;
    fx_console_keys(fx, "r");
    before = fx->api.request_count;
    me = fake_api_count(&fx->api, "GET /v1/me");
    for (int i = 0; i < 600; i++)
        fx_console_advance(fx, 100);
    after = fx->api.request_count - before;
    /* In a minute: 0.25..0.5, ..1, ..2, ..4, then 4..8 seconds apart. */
    assert_in_range(after, 9, 19);
    assert_int_equal(after, fake_api_count(&fx->api, "GET /v1/me") - me);
}

static void next_try_is_never_far_away_and_a_key_makes_it_now(void **state)
{
    struct fx_console *fx = *state;
    size_t before;

    fx->api.away = true;
    fx_console_keys(fx, "r");
    for (int i = 0; i < 300; i++) {
        fx_console_advance(fx, 1000);
        assert_in_range(feed_wait_ms(&fx->console.feed), 0, 8000);
    }
    assert_contains(fx_console_text(fx), "r: try now");
    before = fake_api_count(&fx->api, "GET /v1/me");
    fx_console_keys(fx, "r");
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/me"), before + 1);
    fx->api.away = false;
    fx_console_keys(fx, "r");
    assert_contains(fx_console_row(fx, 0), "live");
    assert_null(strstr(fx_console_text(fx), "r: try now"));
}

static void broken_stream_is_opened_again_as_soon_as_the_server_is_back(void **state)
{
    struct fx_console *fx = *state;
    int first = fx->api.streams[0].number;

    fx->api.away = true;
    fake_api_break(&fx->api);
    fx_console_settle(fx);
    assert_contains(fx_console_row(fx, 0), "AWAY");
    fx->api.away = false;
    fx_console_advance(fx, 500);
    fx_console_advance(fx, 600);
    /* The old one would have waited for its own back-off. */
    assert_contains(fx_console_row(fx, 0), "live");
    assert_int_equal(fx->api.stream_count, 1);
    assert_int_not_equal(fx->api.streams[0].number, first);
    assert_string_equal(fx->api.streams[0].last_id, "12");
}

static void keyboard_answers_while_nothing_is_answered(void **state)
{
    struct fx_console *fx = *state;

    fx->api.holding = true;
    fx_console_keys(fx, "2");
    assert_contains(fx_console_text(fx), "[2 offers]");
    assert_contains(fx_console_text(fx), "loading");
    fx_console_keys(fx, "3");
    assert_contains(fx_console_text(fx), "[3 instances]");
    fx_console_keys(fx, "?");
    assert_contains(fx_console_text(fx), "Keys in instances");
    fx->api.holding = false;
    fx_console_keys(fx, "<Esc>2");
    assert_contains(fx_console_text(fx), "H100-1-80G");
}

static void refused_key_is_said_and_asked_about_slowly(void **state)
{
    struct fx_console fx;
    size_t before;

    (void)state;
    fx_console_init(&fx, 24, 80, false);
    fake_api_problem(&fx.api, "GET /v1/", 401, "unauthenticated", "no valid API key was given");
    for (size_t i = 0; i < fx.api.answer_count; i++)
        if (strncmp(fx.api.answers[i].what, "GET ", 4) == 0)
            fake_api_problem(&fx.api, fx.api.answers[i].what, 401, "unauthenticated",
                             "no valid API key was given");
    fx_console_start(&fx);
    assert_contains(fx_console_row(&fx, 0), "KEY REFUSED");
    assert_contains(fx_console_text(&fx), "no valid API key was given");
    before = fx.api.request_count;
    for (int i = 0; i < 20; i++)
        fx_console_advance(&fx, 1000);
    assert_int_equal(fx.api.request_count, before);
    fake_api_demo(&fx.api);
    fx_console_advance(&fx, 15000);
    fx_console_advance(&fx, 1000);
    fx_console_advance(&fx, 1000);
    assert_contains(fx_console_text(&fx), "train-1");
    fx_console_release(&fx);
}

static void busy_server_is_not_taken_for_an_absent_one(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "GET /v1/jobs", 503, "busy", "try again later");
    fx_console_keys(fx, "4");
    assert_contains(fx_console_row(fx, 0), "live");
    assert_contains(fx_console_text(fx), "try again later (request req_fake)");
    fake_api_demo(&fx->api);
    fx_console_advance(fx, 5100);
    assert_contains(fx_console_text(fx), "finetune");
}

static void refusal_of_one_list_is_not_repeated(void **state)
{
    struct fx_console *fx = *state;
    size_t before;

    fake_api_problem(&fx->api, "GET /v1/reports", 403, "forbidden", "not allowed");
    fx_console_keys(fx, "7");
    before = fake_api_count(&fx->api, "GET /v1/reports");
    assert_contains(fx_console_text(fx), "not allowed");
    for (int i = 0; i < 10; i++)
        fx_console_advance(fx, 2000);
    assert_int_equal(fake_api_count(&fx->api, "GET /v1/reports"), before);
}

static void server_that_is_away_at_the_start_is_waited_for(void **state)
{
    struct fx_console fx;

    (void)state;
    fx_console_init(&fx, 24, 80, false);
    fx.api.away = true;
    fx_console_start(&fx);
    assert_contains(fx_console_row(&fx, 0), "AWAY");
    assert_contains(fx_console_text(&fx), "cannot reach the server");
    assert_contains(fx_console_text(&fx), "waiting for the server");
    fx.api.away = false;
    for (int i = 0; i < 6; i++)
        fx_console_advance(&fx, 1000);
    assert_contains(fx_console_text(&fx), "train-1");
    fx_console_release(&fx);
}

/* --- credit and idleness ---------------------------------------------------------------------- */

static void credit_falls_by_the_second_and_never_below_zero(void **state)
{
    struct fx_console *fx = *state;
    struct money before, after;
    int64_t now = clock_now_ms(&fx->clock.base);

    assert_true(feed_credit_left(&fx->console.feed, now, &before));
    assert_true(feed_credit_left(&fx->console.feed, now + 3600000, &after));
    assert_int_equal(before.micros - after.micros, 5460000);
    assert_true(feed_credit_left(&fx->console.feed, now + (int64_t)1000 * 3600000, &after));
    assert_int_equal(after.micros, 0);
    /* A clock that was set back shows what was answered. */
    assert_true(feed_credit_left(&fx->console.feed, now - 3600000, &after));
    assert_int_equal(after.micros, 1255400000);
}

static void resting_console_wakes_once_a_second_only_where_seconds_are_shown(void **state)
{
    struct fx_console *fx = *state;
    int64_t wait;

    fx_console_advance(fx, 1000);
    wait = console_wait_ms(&fx->console);
    assert_in_range(wait, 1, 1000);
    fx_console_keys(fx, "2");
    fx_console_advance(fx, 1000);
    wait = console_wait_ms(&fx->console);
    /* Offers do not change by the second: the next thing is the refresh of the credit. */
    assert_in_range(wait, 5000, 60000);
}

#define TEST(name)   cmocka_unit_test_setup_teardown(name, fx_console_begin, fx_console_end)
#define WINDOW(name) cmocka_unit_test_setup_teardown(name, window_begin, window_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WINDOW(long_list_costs_some_pages_and_is_seen_whole_in_both_directions),
        WINDOW(window_is_read_again_where_it_is_and_keeps_the_selection),
        WINDOW(event_during_a_refresh_is_not_lost),
        WINDOW(part_of_a_list_is_not_sorted_and_a_whole_one_is),
        WINDOW(answer_that_is_no_list_keeps_the_rows_and_says_so),
        WINDOW(page_that_is_gone_starts_the_window_again),
        TEST(event_makes_what_it_concerns_be_asked_again_and_nothing_else),
        TEST(burst_of_events_is_one_question),
        TEST(event_that_is_not_understood_makes_everything_be_asked),
        TEST(events_sent_twice_are_kept_once_and_in_order),
        TEST(stream_begins_after_the_newest_known_event),
        TEST(stream_that_the_server_closed_is_opened_again_and_polled_meanwhile),
        TEST(away_server_keeps_the_data_with_its_age_and_comes_back_by_itself),
        TEST(back_off_grows_and_one_question_is_enough_to_learn),
        TEST(next_try_is_never_far_away_and_a_key_makes_it_now),
        TEST(broken_stream_is_opened_again_as_soon_as_the_server_is_back),
        TEST(keyboard_answers_while_nothing_is_answered),
        cmocka_unit_test(refused_key_is_said_and_asked_about_slowly),
        TEST(busy_server_is_not_taken_for_an_absent_one),
        TEST(refusal_of_one_list_is_not_repeated),
        cmocka_unit_test(server_that_is_away_at_the_start_is_waited_for),
        TEST(credit_falls_by_the_second_and_never_below_zero),
        TEST(resting_console_wakes_once_a_second_only_where_seconds_are_shown),
    };

    return T_RUN("feed", tests);
}
