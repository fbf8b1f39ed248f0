/* What changes or costs something: launch, stop, start, delete, submit, cancel. Each asks, says the
 * price, sends once, and says what became of it. */
#include "tests/support/t.h"

#include "core/file.h"
#include "tests/support/fx_console.h"

static void launch_form(struct fx_console *fx)
{
    fx_console_keys(fx, "2");
    fx_console_keys(fx, "<Enter>");
}

/* --- launch ----------------------------------------------------------------------------------- */

static void launch_shows_what_it_would_cost_before_anything_is_asked(void **state)
{
    struct fx_console *fx = *state;

    launch_form(fx);
    assert_contains(fx_console_text(fx), "2.730000 EUR per hour, 65.52 EUR per day");
    assert_contains(fx_console_text(fx), "2.910000 EUR");
    assert_contains(fx_console_text(fx), "1,248.54 EUR before, 1,245.63 EUR after");
    assert_contains(fx_console_text(fx), "2026-11-26 21:00Z");
    assert_contains(fx_console_text(fx), "programme grant grt_1");
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances?dry_run=true"), 1);
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances"), 1);
}

static void estimate_follows_what_is_typed_once_typing_rests(void **state)
{
    struct fx_console *fx = *state;
    const struct fake_request *r;

    launch_form(fx);
    fx_console_keys(fx, "web<Tab>2h<Tab> ");
    assert_contains(fx_console_text(fx), "asking what it would cost");
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances?dry_run=true"), 1);
    fx_console_advance(fx, 300);
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances?dry_run=true"), 2);
    r = fake_api_asked(&fx->api, "POST /v1/instances?dry_run=true");
    assert_contains(r->body, "\"name\":\"web\"");
    assert_contains(r->body, "\"stop_after_seconds\":7200");
    assert_contains(r->body, "\"network\":true");
}

static void launch_needs_a_word_and_sends_price_and_key(void **state)
{
    struct fx_console *fx = *state;
    const struct fake_request *r;

    launch_form(fx);
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "Launch H100-1-80G?");
    assert_contains(fx_console_text(fx), "2.730000 EUR per hour");
    fx_console_keys(fx, "yes<Enter>");
    r = fake_api_asked(&fx->api, "POST /v1/instances");
    assert_string_equal(r->what, "POST /v1/instances");
    assert_true(strlen(r->key) > 20);
    assert_contains(r->body, "\"price_max\":{\"amount_micros\":2730000");
    assert_contains(fx_console_text(fx), "train-1 is asked for (ins_1)");
    assert_contains(fx_console_text(fx), "[3 instances]");
}

static void launch_that_is_not_confirmed_sends_nothing(void **state)
{
    static const char *const answers[] = {"<Esc>", "<Enter>", "no<Enter>", "Y<Enter>",
                                          "yess<Enter>"};
    struct fx_console *fx = *state;

    launch_form(fx);
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        fx_console_keys(fx, "<Enter>");
        fx_console_keys(fx, answers[i]);
        assert_contains(fx_console_text(fx), "nothing was done");
    }
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances"), 1);
}

static void refused_estimate_says_why_and_cannot_be_launched(void **state)
{
    struct fx_console *fx = *state;

    fake_api_on(&fx->api, "POST /v1/instances?dry_run=true", 200,
                "{\"offer_id\":\"x\",\"accepted\":false,\"refusal_code\":\"insufficient-credit\","
                "\"refusal\":\"it needs 2.91 EUR and 0.10 EUR is free\",\"grants\":[]}");
    launch_form(fx);
    assert_contains(fx_console_text(fx), "it needs 2.91 EUR");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "it would be refused");
    assert_int_equal(fx->console.mode, MODE_VIEW);
}

static void enter_before_the_price_is_known_asks_as_soon_as_it_is(void **state)
{
    struct fx_console *fx = *state;

    launch_form(fx);
    fx->api.holding = true;
    fx_console_keys(fx, "web<Enter>");
    assert_contains(fx_console_text(fx), "the question comes with the price");
    assert_int_equal(fx->console.mode, MODE_VIEW);
    fx->api.holding = false;
    fx_console_settle(fx);
    assert_contains(fx_console_text(fx), "Launch H100-1-80G?");
    assert_null(strstr(fx_console_text(fx), "the question comes"));
    assert_contains(fake_api_asked(&fx->api, "POST /v1/instances?dry_run=true")->body, "\"web\"");
    /* Nothing was launched by that Enter, and the one that follows is no answer either. */
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "nothing was done");
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances"),
                     fake_api_count(&fx->api, "POST /v1/instances?dry_run=true"));
}

static void what_is_typed_after_that_enter_takes_it_back(void **state)
{
    struct fx_console *fx = *state;

    launch_form(fx);
    fx->api.holding = true;
    fx_console_keys(fx, "web<Enter>2");
    fx->api.holding = false;
    fx_console_advance(fx, 300);
    assert_contains(fx_console_text(fx), "price             2.730000 EUR");
    assert_int_equal(fx->console.mode, MODE_VIEW);
}

static void enter_asks_again_for_a_price_that_could_not_be_had(void **state)
{
    struct fx_console *fx = *state;

    launch_form(fx);
    fx->api.away = true;
    fx_console_keys(fx, "web<Enter>");
    assert_contains(fx_console_text(fx), "nothing was asked for: cannot reach the server");
    fx->api.away = false;
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "Launch H100-1-80G?");
}

static void launched_instance_is_the_selected_row_whatever_was_filtered(void **state)
{
    static const char *const before[] = {"j", ":instances old<Enter>"};
    struct fx_console *fx = *state;

    fake_api_on(&fx->api, "GET /v1/instances?limit=50&text=old", 200,
                "{\"items\":[{\"id\":\"ins_2\",\"organization_id\":\"o\",\"name\":\"old\","
                "\"offer_id\":\"x\",\"state\":\"terminated\"}]}");
    for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
        fx_console_keys(fx, "3");
        fx_console_keys(fx, before[i]);
        assert_contains(fx_console_text(fx), "> old");
        launch_form(fx);
        fx_console_keys(fx, "<Enter>");
        fx_console_keys(fx, "yes<Enter>");
        fx_console_settle(fx);
        assert_contains(fx_console_text(fx), "> train-1");
        assert_null(strstr(fx_console_text(fx), "filter"));
    }
    /* It is asked for once; after that the selection is the person's. */
    fx_console_keys(fx, "jr");
    fx_console_advance(fx, 600);
    assert_contains(fx_console_text(fx), "> old");
}

static void mistake_in_the_form_is_a_sentence(void **state)
{
    struct fx_console *fx = *state;

    launch_form(fx);
    fx_console_keys(fx, "<Tab>soon");
    fx_console_advance(fx, 300);
    assert_contains(fx_console_text(fx), "stop after: ");
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "nothing was asked for: stop after: ");
    assert_int_equal(fx->console.mode, MODE_VIEW);
    fx_console_keys(fx, "<^U><Tab><Tab>/nowhere/key.pub");
    fx_console_advance(fx, 300);
    assert_contains(fx_console_text(fx), "SSH key: ");
}

static void failed_launch_shows_sentence_and_request_id_and_stays(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "POST /v1/instances", 409, "out-of-stock", "no H100-1-80G is left");
    fake_api_on(&fx->api, "POST /v1/instances?dry_run=true", 200,
                "{\"offer_id\":\"x\",\"accepted\":true,\"grants\":[]}");
    launch_form(fx);
    fx_console_keys(fx, "<Enter>");
    fx_console_keys(fx, "y<Enter>");
    assert_contains(fx_console_text(fx), "cannot launch H100-1-80G: no H100-1-80G is left");
    assert_contains(fx_console_text(fx), "(request req_fake)");
    assert_contains(fx_console_text(fx), "Launch H100-1-80G in");
}

static void launch_without_an_answer_is_sent_again_with_the_same_key(void **state)
{
    struct fx_console *fx = *state;
    char first[64], second[64];

    launch_form(fx);
    fx_console_keys(fx, "<Enter>");
    fx->api.away = true;
    fx_console_keys(fx, "y<Enter>");
    snprintf(first, sizeof first, "%s", fake_api_asked(&fx->api, "POST /v1/instances")->key);
    fx->api.away = false;
    fx_console_keys(fx, "<Enter>");
    fx_console_keys(fx, "y<Enter>");
    snprintf(second, sizeof second, "%s", fake_api_asked(&fx->api, "POST /v1/instances")->key);
    assert_string_equal(first, second);
}

static void another_try_after_a_refusal_has_another_key(void **state)
{
    struct fx_console *fx = *state;
    char first[64];

    launch_form(fx);
    fake_api_problem(&fx->api, "POST /v1/instances", 409, "out-of-stock", "none left");
    fx_console_keys(fx, "<Enter>");
    fx_console_keys(fx, "y<Enter>");
    snprintf(first, sizeof first, "%s", fake_api_asked(&fx->api, "POST /v1/instances")->key);
    fx_console_keys(fx, "<Enter>");
    fx_console_keys(fx, "y<Enter>");
    assert_string_not_equal(first, fake_api_asked(&fx->api, "POST /v1/instances")->key);
}

/* --- instances -------------------------------------------------------------------------------- */

static void stop_asks_with_the_cost_and_takes_only_the_whole_word(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    fx_console_keys(fx, "S");
    assert_contains(fx_console_text(fx), "stop train-1?");
    assert_contains(fx_console_text(fx), "Cost so far: 4.09");
    fx_console_keys(fx, "y<Enter>");
    assert_contains(fx_console_text(fx), "nothing was done");
    assert_null(fake_api_asked(&fx->api, "POST /v1/instances/"));
    fx_console_keys(fx, "S");
    fx_console_keys(fx, "yes<Enter>");
    assert_string_equal(fake_api_asked(&fx->api, "POST /v1/instances/")->what,
                        "POST /v1/instances/ins_1/actions");
    assert_string_equal(fake_api_asked(&fx->api, "POST /v1/instances/")->body,
                        "{\"action\":\"stop\"}");
    assert_contains(fx_console_text(fx), "stop train-1: asked for");
}

static void act_that_is_not_available_says_why(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    fx_console_keys(fx, "T");
    assert_contains(fx_console_text(fx), "cannot start train-1: it is running");
    fx_console_keys(fx, "jD");
    assert_contains(fx_console_text(fx), "cannot delete old: the server does not offer it");
    assert_int_equal(fx->console.mode, MODE_VIEW);
}

static void delete_says_what_is_lost_and_sends_a_delete(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    fx_console_keys(fx, "d");
    fx_console_keys(fx, "D");
    assert_contains(fx_console_text(fx), "everything on it is lost");
    fx_console_keys(fx, "yes<Enter>");
    assert_string_equal(fake_api_asked(&fx->api, "DELETE")->what, "DELETE /v1/instances/ins_1");
}

static void conflict_from_the_server_is_shown_with_its_request(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "POST /v1/instances/ins_1/actions", 409, "conflict",
                     "it is terminating");
    fx_console_keys(fx, "3");
    fx_console_keys(fx, "S");
    fx_console_keys(fx, "yes<Enter>");
    assert_contains(fx_console_text(fx),
                    "cannot stop train-1: it is terminating (request req_fake)");
}

static void refusal_is_read_to_its_end_however_long_it_is(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "POST /v1/instances/ins_1/actions", 409, "conflict",
                     "it is reserved until 2026-12-24 by the project of another team, whose owner "
                     "alone may end it before that day");
    fx_console_keys(fx, "3");
    fx_console_keys(fx, "S");
    fx_console_keys(fx, "yes<Enter>");
    assert_contains(fx_console_text(fx), "cannot stop train-1: it is reserved until 2026-12-24");
    assert_contains(fx_console_row(fx, 22), "before that day (request req_fake)");
}

static void pasted_yes_is_no_answer(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "3");
    fx_console_keys(fx, "S<PasteBegin>yes<Enter><PasteEnd><Enter>");
    assert_contains(fx_console_text(fx), "nothing was done");
    assert_null(fake_api_asked(&fx->api, "POST /v1/instances/"));
}

static void read_only_console_refuses_every_change(void **state)
{
    static const char *const tries[][2] = {{"3", "S"}, {"3", "D"}, {"4", "C"}, {"4", "n"}};
    struct fx_console *fx = *state;

    fx->console.read_only = true;
    for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
        fx_console_keys(fx, tries[i][0]);
        fx_console_keys(fx, tries[i][1]);
        assert_contains(fx_console_text(fx), "this console only looks");
    }
    fx_console_keys(fx, ":submit /etc/hostname<Enter>");
    assert_contains(fx_console_text(fx), "this console only looks");
    launch_form(fx);
    fx_console_keys(fx, "<Enter>");
    assert_contains(fx_console_text(fx), "this console only looks");
    assert_contains(fx_console_row(fx, 0), "read-only");
    assert_int_equal(fake_api_count(&fx->api, "POST /v1/instances?dry_run=true"),
                     fake_api_count(&fx->api, "POST"));
}

/* --- jobs ------------------------------------------------------------------------------------- */

static const char *job_file(const char *text)
{
    static char path[512];
    struct err e;

    snprintf(path, sizeof path, "%s/job.yaml", t_dir());
    assert_ok(file_write(path, text, strlen(text), 0600, &e), &e);
    return path;
}

static void type_path(struct fx_console *fx, const char *path)
{
    char keys[600];

    snprintf(keys, sizeof keys, "%s<Enter>", path);
    fx_console_keys(fx, "4");
    fx_console_keys(fx, "n");
    fx_console_keys(fx, keys);
}

static const char good_job[] = "name: hello\noffer_id: h100-1-80g.fr-par-2\n"
                               "time_limit_seconds: 300\ncommand: echo hello\n";

static void dry_run_of_jobs(struct fx_console *fx)
{
    fake_api_on(&fx->api, "POST /v1/jobs?dry_run=true", 200,
                "{\"offer_id\":\"h100-1-80g.fr-par-2\",\"accepted\":true,\"price_per_hour\":"
                "{\"amount_micros\":2730000,\"currency\":\"EUR\"},\"cost_to_deadline\":"
                "{\"amount_micros\":227500,\"currency\":\"EUR\"},\"grants\":[]}");
}

static void job_file_is_estimated_asked_about_and_submitted(void **state)
{
    struct fx_console *fx = *state;
    const struct fake_request *r;

    dry_run_of_jobs(fx);
    type_path(fx, job_file(good_job));
    assert_contains(fx_console_text(fx), "Submit hello?");
    assert_contains(fx_console_text(fx), "at most 0.227500 EUR");
    fx_console_keys(fx, "yes<Enter>");
    r = fake_api_asked(&fx->api, "POST /v1/jobs");
    assert_string_equal(r->what, "POST /v1/jobs");
    assert_contains(r->body, "\"command\":\"echo hello\"");
    assert_true(r->key[0] != '\0');
    assert_contains(fx_console_text(fx), "finetune is submitted (job_1)");
    assert_contains(fx_console_text(fx), "[4 jobs]");
}

static void submitted_job_is_the_selected_row(void **state)
{
    struct fx_console *fx = *state;

    dry_run_of_jobs(fx);
    fx_console_keys(fx, "4");
    fx_console_keys(fx, "jj");
    assert_contains(fx_console_text(fx), "> broken");
    type_path(fx, job_file(good_job));
    fx_console_keys(fx, "yes<Enter>");
    fx_console_settle(fx);
    assert_contains(fx_console_text(fx), "> finetune");
}

static void mistake_in_a_job_file_is_shown_with_its_place(void **state)
{
    struct fx_console *fx = *state;

    type_path(fx, job_file("name: x\ncommand: true\ntime_limit: 3\n"));
    assert_contains(fx_console_text(fx), "job.yaml:3:");
    assert_null(fake_api_asked(&fx->api, "POST /v1/jobs"));
}

static void job_file_without_a_place_to_run_is_refused_here(void **state)
{
    struct fx_console *fx = *state;

    type_path(fx, job_file("name: x\ncommand: echo x\n"));
    assert_contains(fx_console_text(fx), "expected instance_id or offer_id");
    assert_contains(fx_console_text(fx), "job.yaml:1:1");
    assert_null(fake_api_asked(&fx->api, "POST /v1/jobs"));
}

static void file_that_is_not_there_is_a_sentence(void **state)
{
    struct fx_console *fx = *state;

    type_path(fx, "/nowhere/job.yaml");
    assert_contains(fx_console_text(fx), "/nowhere/job.yaml");
    fx_console_keys(fx, "<^U><Enter>");
    assert_contains(fx_console_text(fx), "which file?");
}

static void submit_refused_by_the_server_stays_with_the_file(void **state)
{
    struct fx_console *fx = *state;

    fake_api_problem(&fx->api, "POST /v1/jobs", 402, "insufficient-credit", "0.10 EUR is free");
    type_path(fx, job_file(good_job));
    assert_contains(fx_console_text(fx), "0.10 EUR is free");
    assert_contains(fx_console_text(fx), "Submit a job from a file");
    fx_console_keys(fx, "<Esc>");
    assert_contains(fx_console_text(fx), "[4 jobs]");
}

static void cancel_asks_and_says_what_goes_on_costing(void **state)
{
    struct fx_console *fx = *state;

    fx_console_keys(fx, "4");
    fx_console_keys(fx, "C");
    assert_contains(fx_console_text(fx), "goes on running, and costing");
    fx_console_keys(fx, "yes<Enter>");
    assert_string_equal(fake_api_asked(&fx->api, "POST /v1/jobs/")->what,
                        "POST /v1/jobs/job_1/cancel");
    fx_console_keys(fx, "jC");
    assert_contains(fx_console_text(fx), "cannot cancel prepare: it has ended");
}

static void file_names_are_completed(void **state)
{
    struct fx_console *fx = *state;
    const char *path = job_file(good_job);
    char keys[600];

    snprintf(keys, sizeof keys, "%.*s<Tab>", (int)strlen(path) - 6, path);
    fx_console_keys(fx, "4");
    fx_console_keys(fx, "n");
    fx_console_keys(fx, keys);
    assert_contains(fx_console_text(fx), "job.yaml");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fx_console_begin, fx_console_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(launch_shows_what_it_would_cost_before_anything_is_asked),
        TEST(estimate_follows_what_is_typed_once_typing_rests),
        TEST(launch_needs_a_word_and_sends_price_and_key),
        TEST(launch_that_is_not_confirmed_sends_nothing),
        TEST(refused_estimate_says_why_and_cannot_be_launched),
        TEST(enter_before_the_price_is_known_asks_as_soon_as_it_is),
        TEST(what_is_typed_after_that_enter_takes_it_back),
        TEST(enter_asks_again_for_a_price_that_could_not_be_had),
        TEST(launched_instance_is_the_selected_row_whatever_was_filtered),
        TEST(mistake_in_the_form_is_a_sentence),
        TEST(failed_launch_shows_sentence_and_request_id_and_stays),
        TEST(launch_without_an_answer_is_sent_again_with_the_same_key),
        TEST(another_try_after_a_refusal_has_another_key),
        TEST(stop_asks_with_the_cost_and_takes_only_the_whole_word),
        TEST(act_that_is_not_available_says_why),
        TEST(delete_says_what_is_lost_and_sends_a_delete),
        TEST(conflict_from_the_server_is_shown_with_its_request),
        TEST(refusal_is_read_to_its_end_however_long_it_is),
        TEST(pasted_yes_is_no_answer),
        TEST(read_only_console_refuses_every_change),
        TEST(job_file_is_estimated_asked_about_and_submitted),
        TEST(submitted_job_is_the_selected_row),
        TEST(mistake_in_a_job_file_is_shown_with_its_place),
        TEST(job_file_without_a_place_to_run_is_refused_here),
        TEST(file_that_is_not_there_is_a_sentence),
        TEST(submit_refused_by_the_server_stays_with_the_file),
        TEST(cancel_asks_and_says_what_goes_on_costing),
        TEST(file_names_are_completed),
    };

    return T_RUN("acts", tests);
}
