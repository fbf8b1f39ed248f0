/* The main job, by somebody who only has keys and a screen: look at the offers, launch, submit,
 * follow, watch the credit, stop, delete, leave. The real console in a terminal of 80x24 against
 * the real hourglassd; after each step the API is asked whether what the screen said is so. */
#include "tests/support/t.h"

#include <signal.h>

#include "core/clock.h"
#include "core/file.h"
#include "tests/support/seat.h"

#define OFFER_PRICE_MICROS 1200000 /* LOCAL-GPU-1, per hour */

struct fixture {
    struct fx_daemon daemon;
    struct seat seat;
    char instance[ID_MAX];
    int64_t asked_mono_ms; /* when `credit` was read */
    int64_t credit;
};

static int begin(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    if (!fx)
        return -1;
    *state = fx;
    fx_daemon_init(&fx->daemon);
    fx_daemon_start(&fx->daemon);
    return 0;
}

static int end(void **state)
{
    struct fixture *fx = *state;

    seat_drop(&fx->seat);
    fx_daemon_clear(&fx->daemon);
    assert_int_equal(fx_daemon_check(&fx->daemon), 0);
    free(fx);
    return 0;
}

static void keys(struct fixture *fx, const char *text)
{
    term_keys(fx->seat.term, text);
}

#define shows(fx, text)      assert_screen((fx)->seat.term, text)
#define no_longer(fx, text)  assert_screen_gone((fx)->seat.term, text)
#define row_is(fx, has, row) assert_string_equal(seat_row(&(fx)->seat, has), row)

static size_t count_of(struct fixture *fx, const char *path)
{
    json_t *list = fx_must(&fx->daemon, "GET", path, NULL);
    size_t count = json_array_size(json_object_get(list, "items"));

    json_decref(list);
    return count;
}

/* --- offers ----------------------------------------------------------------------------------- */

/* What the row of an offer has to say, by the API's answer. */
static void offer_row(struct fixture *fx, const char *id, char *out, size_t size)
{
    json_t *list = fx_must(&fx->daemon, "GET", "/v1/offers", NULL), *o;
    size_t i;

    out[0] = '\0';
    json_array_foreach(json_object_get(list, "items"), i, o)
    {
        bool is_example = json_is_true(json_object_get(o, "price_is_example"));

        if (strcmp(fx_text(o, "id"), id) != 0)
            continue;
        snprintf(out, size, " %.3f%s %lld %.0f %s %s %s",
                 (double)fx_micros(o, "price_per_hour") / 1e6, is_example ? "*" : "",
                 (long long)json_integer_value(json_object_get(o, "stock")),
                 json_number_value(json_object_get(o, "carbon_g_per_hour")), fx_text(o, "country"),
                 fx_text(o, "jurisdiction"), fx_text(o, "zone"));
    }
    json_decref(list);
    assert_true(out[0] != '\0');
}

static void offers_show_price_stock_carbon_and_law(struct fixture *fx)
{
    char want[256];

    shows(fx, "credit left     250.00 EUR");
    keys(fx, "2");
    shows(fx, "PRICE/H  STOCK CO2 G/H IN LAW ZONE");
    seat_await(&fx->seat, "> LOCAL-GPU-1", "1x local-gpu");
    offer_row(fx, "local-gpu-1.local", want, sizeof want);
    seat_await(&fx->seat, "LOCAL-GPU-1", want);
    shows(fx, "* an example price");
    /* Where it stands and whose law holds there differ. */
    keys(fx, "/h200<Enter>");
    shows(fx, "filter 'h200'");
    seat_await(&fx->seat, "HGX-H200-8", " ES US ");
    no_longer(fx, "LOCAL-GPU-1");
    keys(fx, "<Esc>");
    seat_await(&fx->seat, "LOCAL-GPU-1", "local");
}

/* --- launch ----------------------------------------------------------------------------------- */

static void form_shows_what_it_would_cost(struct fixture *fx)
{
    keys(fx, "g<Enter>");
    shows(fx, "Launch LOCAL-GPU-1 in local");
    keys(fx, "first<Tab>1h");
    shows(fx, "until it ends     1.20 EUR");
    shows(fx, "price             1.200000 EUR per hour, 28.80 EUR per day");
    shows(fx, "set aside now     1.220000 EUR");
    shows(fx, "available         250.00 EUR before, 248.78 EUR after");
    shows(fx, "where             hourglass-demo, in FR, under the law of FR");
    shows(fx, "carbon            12 gCO2e per hour");
    /* Without an end in its form it burns on, and there is a day on which the credit ends. */
    keys(fx, "<^U>");
    shows(fx, "runway after      until 20");
    no_longer(fx, "until it ends");
    assert_int_equal(count_of(fx, "/v1/instances"), 0);
}

static void launch_asks_and_launches_once(struct fixture *fx)
{
    keys(fx, "<Enter>");
    shows(fx, "Launch LOCAL-GPU-1?");
    shows(fx, "1.200000 EUR per hour, by the second");
    keys(fx, "<Esc>");
    shows(fx, "nothing was done");
    assert_int_equal(count_of(fx, "/v1/instances"), 0);
    keys(fx, "<Enter>");
    shows(fx, "Launch LOCAL-GPU-1?");
    keys(fx, "yes<Enter>");
    shows(fx, "first is asked for (ins_");
    shows(fx, "[3 instances]");
    seat_await(&fx->seat, "> first", " running ");
    assert_int_equal(count_of(fx, "/v1/instances"), 1);
}

static void instance_shows_its_check_and_its_bill(struct fixture *fx)
{
    json_t *list = fx_must(&fx->daemon, "GET", "/v1/instances", NULL);
    json_t *in = json_array_get(json_object_get(list, "items"), 0);

    assert_string_equal(fx_text(in, "state"), "running");
    assert_string_equal(fx_text(in, "billing"), "on");
    assert_true(strcmp(fx_text(in, "gate_verdict"), "none") != 0);
    assert_true(text_copy(fx->instance, sizeof fx->instance, fx_text(in, "id")));
    keys(fx, "<Enter>");
    shows(fx, fx->instance);
    shows(fx, "state             running, for ");
    shows(fx, "price per hour    1.200000 EUR");
    shows(fx, "billing           on");
    seat_await(&fx->seat, "health check", fx_text(in, "gate_verdict"));
    json_decref(list);
    keys(fx, "<Esc>");
}

static void events_and_reports_tell_how_it_came_about(struct fixture *fx)
{
    keys(fx, "6");
    shows(fx, "instance first: health_check -> running");
    shows(fx, "instance first: provisioning -> health_check");
    shows(fx, "instance first: requested -> provisioning");
    shows(fx, "instance first launched: local-gpu-1.local");
    shows(fx, "1.22 EUR set aside for instance first");
    keys(fx, "7");
    seat_await(&fx->seat, "> ", " state gate ");
}

/* Asked for with a key, run by the provider, and its report opened beside the one of the gate. */
static void check_is_asked_for_and_its_report_is_read(struct fixture *fx)
{
    keys(fx, "3c");
    shows(fx, "check first?");
    shows(fx, "The check is free");
    keys(fx, "<^U>state<Enter>");
    shows(fx, "check first: asked for");
    keys(fx, "7");
    shows(fx, " state check ");
    keys(fx, "g<Enter>");
    shows(fx, "(state, check)");
    shows(fx, fx->instance);
    seat_await(&fx->seat, "earlier ", "(state, gate)");
    keys(fx, "<Esc>");
    seat_await(&fx->seat, "> ", " state check ");
}

/* --- job -------------------------------------------------------------------------------------- */

/* Runs until another job on the same instance has made a file, so that the log is seen to grow. */
static void files_write(struct fixture *fx)
{
    char path[256], text[512];
    struct err e;

    snprintf(path, sizeof path, "%s/counting.yaml", fx->daemon.dir);
    snprintf(text, sizeof text,
             "name: counting\ninstance_id: %s\ncommand: |\n  echo begun\n  i=0\n"
             "  until [ -e \"$HOME/go\" ]; do i=$((i + 1)); echo \"waiting $i\"; sleep 0.1; done\n"
             "  echo \"the end\"\n",
             fx->instance);
    assert_ok(file_write(path, text, strlen(text), 0600, &e), &e);
    snprintf(path, sizeof path, "%s/wrong.yaml", fx->daemon.dir);
    snprintf(text, sizeof text, "name: wrong\ncomand: echo\n");
    assert_ok(file_write(path, text, strlen(text), 0600, &e), &e);
}

static void a_mistake_in_the_file_is_shown_with_its_place(struct fixture *fx)
{
    files_write(fx);
    keys(fx, "4n");
    shows(fx, "Submit a job from a file");
    keys(fx, fx->daemon.dir);
    keys(fx, "/wr<Tab><Enter>");
    shows(fx, "wrong.yaml:2:1:");
    assert_int_equal(count_of(fx, "/v1/jobs"), 0);
}

static void job_is_submitted_from_its_file(struct fixture *fx)
{
    keys(fx, "<^U>");
    keys(fx, fx->daemon.dir);
    keys(fx, "/cou<Tab><Enter>");
    shows(fx, "Submit counting?");
    shows(fx, "the job adds nothing");
    assert_int_equal(count_of(fx, "/v1/jobs"), 0);
    keys(fx, "y<Enter>");
    shows(fx, "counting is submitted (job_");
    seat_await(&fx->seat, "> counting", " running ");
    assert_int_equal(count_of(fx, "/v1/jobs"), 1);
}

static void log_is_followed_live_to_its_end(struct fixture *fx)
{
    char body[256];

    keys(fx, "l");
    shows(fx, "begun");
    shows(fx, "counting, ");
    shows(fx, ", following");
    shows(fx, "waiting 12"); /* more than had been printed when the log was opened */
    assert_null(strstr(term_text(fx->seat.term), "the end"));
    snprintf(body, sizeof body,
             "{\"instance_id\":\"%s\",\"name\":\"go\",\"command\":\"touch $HOME/go\"}",
             fx->instance);
    json_decref(fx_must(&fx->daemon, "POST", "/v1/jobs", body));
    shows(fx, "the end");
    shows(fx, ", complete");
    keys(fx, "g");
    shows(fx, "begun");
    keys(fx, "<Esc>");
    seat_await(&fx->seat, " counting", "succeeded: exit 0");
}

/* --- credit ----------------------------------------------------------------------------------- */

/* The figure of the screen is the API's, give or take what burns between the two looks. */
static void check_against_api(struct fixture *fx)
{
    json_t *credit = fx_must(&fx->daemon, "GET", "/v1/credit", NULL);
    int64_t off = seat_micros(&fx->seat, "credit left ") - fx_micros(credit, "left");

    assert_int_equal(fx_micros(credit, "burn_per_hour"), OFFER_PRICE_MICROS);
    json_decref(credit);
    assert_in_range(off + 5000, 0, 10000); /* 15 seconds of it */
}

static void credit_falls_by_the_second_and_the_runway_is_told(struct fixture *fx)
{
    int64_t before, after, mono;

    keys(fx, "1");
    shows(fx, "burning         1.2000 EUR per hour");
    shows(fx, "runway          until 20");
    check_against_api(fx);
    before = seat_micros(&fx->seat, "credit left ");
    mono = clock_mono_ms(clock_real());
    term_listen(fx->seat.term, 5200);
    after = seat_micros(&fx->seat, "credit left ");
    mono = clock_mono_ms(clock_real()) - mono;
    /* A second is 333 micro-units and four decimals are shown. The screen may be two seconds
     * behind, one until its next frame and one that the answer rounded down, never ahead: credit
     * does not rise by being asked for. */
    assert_in_range(before - after, 600, OFFER_PRICE_MICROS * (mono + 2000) / 3600000 + 200);
    check_against_api(fx);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void stop_asks_and_ends_the_billing(struct fixture *fx)
{
    json_t *in;
    char path[128];

    keys(fx, "3S");
    shows(fx, "stop first?");
    shows(fx, "Billing by the hour (1.2000");
    keys(fx, "no<Enter>");
    shows(fx, "nothing was done");
    keys(fx, "S");
    shows(fx, "stop first?");
    keys(fx, "yes<Enter>");
    seat_await(&fx->seat, "> first", " stopped");
    snprintf(path, sizeof path, "/v1/instances/%s", fx->instance);
    in = fx_await_state(&fx->daemon, path, "stopped");
    assert_string_not_equal(fx_text(in, "billing"), "on");
    json_decref(in);
    keys(fx, "1");
    shows(fx, "burning         0.0000 EUR per hour");
}

static void delete_says_what_is_lost(struct fixture *fx)
{
    keys(fx, "3D");
    shows(fx, "delete first?");
    shows(fx, "everything on it is lost");
    keys(fx, "yes<Enter>");
    seat_await(&fx->seat, "> first", " terminated");
}

/* What was paid is the same on the screen, in the API and in the ledger's own check. */
static void nothing_is_held_any_more(struct fixture *fx)
{
    json_t *credit = fx_must(&fx->daemon, "GET", "/v1/credit", NULL);
    int64_t left = fx_micros(credit, "left");

    assert_int_equal(fx_micros(credit, "held"), 0);
    assert_true(left < 250000000);
    assert_int_equal(left, fx_micros(credit, "available"));
    json_decref(credit);
    keys(fx, "5");
    shows(fx, "held 0.0000 EUR");
    keys(fx, "<Left>");
    seat_await(&fx->seat, " capture", " revenue ");
}

static void the_main_job_is_done_with_keys_alone(void **state)
{
    struct fixture *fx = *state;

    seat_open(&fx->seat, &fx->daemon);
    offers_show_price_stock_carbon_and_law(fx);
    form_shows_what_it_would_cost(fx);
    launch_asks_and_launches_once(fx);
    instance_shows_its_check_and_its_bill(fx);
    events_and_reports_tell_how_it_came_about(fx);
    check_is_asked_for_and_its_report_is_read(fx);
    a_mistake_in_the_file_is_shown_with_its_place(fx);
    job_is_submitted_from_its_file(fx);
    log_is_followed_live_to_its_end(fx);
    credit_falls_by_the_second_and_the_runway_is_told(fx);
    stop_asks_and_ends_the_billing(fx);
    delete_says_what_is_lost(fx);
    nothing_is_held_any_more(fx);
    seat_leave(&fx->seat);
}

/* --- a server that dies ----------------------------------------------------------------------- */

static void what_was_there_stays_and_is_said_to_be_old(struct fixture *fx, const char *name)
{
    shows(fx, "AWAY ");
    shows(fx, "next try in ");
    shows(fx, "r: try now");
    shows(fx, "what is shown is ");
    shows(fx, "as of ");
    seat_await(&fx->seat, name, " running ");
    /* The keyboard is answered; what was never asked for says what it waits for. */
    keys(fx, "2");
    shows(fx, "waiting for the server");
    keys(fx, "1");
    shows(fx, "credit left ");
    seat_await(&fx->seat, name, " running ");
}

static void act_without_a_server_fails_with_a_sentence(struct fixture *fx, const char *name)
{
    char want[128];

    keys(fx, "3S");
    shows(fx, "Billing by the hour (1.2000");
    keys(fx, "yes<Enter>");
    snprintf(want, sizeof want, "cannot stop %s: ", name);
    shows(fx, want);
    shows(fx, "(Connection refused)");
    keys(fx, "k");
    no_longer(fx, want);
    seat_await(&fx->seat, name, " running ");
}

static void it_is_live_again_and_shows_what_happens_now(struct fixture *fx, const char *name)
{
    char second[ID_MAX];

    shows(fx, "  live ");
    no_longer(fx, "AWAY ");
    no_longer(fx, "try now");
    no_longer(fx, "as of ");
    seat_await(&fx->seat, name, " running ");
    /* Nobody presses a key: the event stream is back as well. */
    fx_daemon_launch(&fx->daemon, "local-gpu-2.local", second);
    seat_await(&fx->seat, "local-gpu-2", " running ");
    keys(fx, "1");
    shows(fx, "burning         3.6000 EUR per hour");
}

static void killed_server_is_survived_and_found_again(void **state)
{
    struct fixture *fx = *state;
    char path[128], name[NAME_BYTES_MAX];
    json_t *in;

    fx_daemon_launch(&fx->daemon, "local-gpu-1.local", fx->instance);
    snprintf(path, sizeof path, "/v1/instances/%s", fx->instance);
    in = fx_must(&fx->daemon, "GET", path, NULL);
    assert_true(text_copy(name, sizeof name, fx_text(in, "name")));
    json_decref(in);
    seat_open(&fx->seat, &fx->daemon);
    shows(fx, "burning         1.2000 EUR per hour");
    keys(fx, "3");
    shows(fx, " 1 row");
    shows(fx, "  live ");

    fx_daemon_end(&fx->daemon, SIGKILL);
    what_was_there_stays_and_is_said_to_be_old(fx, name);
    act_without_a_server_fails_with_a_sentence(fx, name);
    fx_daemon_start(&fx->daemon);
    it_is_live_again_and_shows_what_happens_now(fx, name);
    seat_leave(&fx->seat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_server_is_survived_and_found_again, begin, end),
        cmocka_unit_test_setup_teardown(the_main_job_is_done_with_keys_alone, begin, end),
    };

    return T_RUN("console", tests);
}
