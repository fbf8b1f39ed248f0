/* Commands against a server that does as it is told: what they send, print and return. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/file.h"
#include "tests/support/fx_cli.h"

#define INS "ins_0199"
#define JOB "job_0199"

/* --- exit codes ------------------------------------------------------------------------------- */

static void a_refusal_is_its_exit_code(void **state)
{
    static const struct {
        const char *answers[2];
        int want;
    } rows[] = {
        {{PROBLEM("404", "not-found"), NONE}, CLI_NOT_FOUND},
        {{PROBLEM("402", "insufficient-credit"), NONE}, CLI_NO_CREDIT},
        {{PROBLEM("409", "out-of-stock"), NONE}, CLI_CONFLICT},
        {{PROBLEM("409", "conflict"), NONE}, CLI_CONFLICT},
        {{PROBLEM("401", "unauthenticated"), NONE}, CLI_DENIED},
        {{PROBLEM("403", "forbidden"), NONE}, CLI_DENIED},
        {{PROBLEM("422", "invalid-request"), NONE}, CLI_FAILED},
        {{PROBLEM("409", "something-new"), NONE}, CLI_CONFLICT},
        {{PROBLEM("503", "storage-unavailable"), NONE}, CLI_UNREACHABLE},
        {{PROBLEM("500", "internal"), NONE}, CLI_FAILED},
        {{OK_HEAD "<html>", NONE}, CLI_FAILED},
        {{OK_HEAD, NONE}, CLI_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int rc = fx_cli_run_with(rows[i].answers, "instance show " INS);

        assert_int_equal(rc, rows[i].want);
        assert_string_equal(fx_cli_said.out, "");
        assert_int_equal(strncmp(fx_cli_said.err, "hourglass: ", 11), 0);
        assert_null(strchr(fx_cli_said.err, '\x1B'));
        assert_null(strstr(fx_cli_said.err, "hgk_test"));
    }
}

static void a_server_that_is_not_there_is_seven_at_once(void **state)
{
    static const char *const answers[] = {OK_HEAD "{}", NONE};
    int64_t before;

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "me"), CLI_OK);
    before = clock_mono_ms(clock_real());
    assert_int_equal(fx_cli_run("me"), CLI_UNREACHABLE); /* the same address, nobody listening */
    assert_contains(fx_cli_said.err, "cannot be reached");
    assert_true(clock_mono_ms(clock_real()) - before < 1000);
}

static void wrong_configuration_is_wrong_use(void **state)
{
    char path[400];
    struct err e;

    (void)state;
    setenv("HOME", t_dir(), 1);
    unsetenv("HOURGLASS_URL");
    assert_int_equal(fx_cli_run("me"), CLI_USAGE);
    assert_contains(fx_cli_said.err, "no server is configured");
    assert_int_equal(fx_cli_run("me --url ftp://x"), CLI_USAGE);
    assert_int_equal(fx_cli_run("me --url http://a.example"), CLI_USAGE);
    assert_contains(fx_cli_said.err, "https only");
    assert_int_equal(fx_cli_run("--config /nonexistent me"), CLI_USAGE);
    snprintf(path, sizeof path, "%s/c.yaml", t_dir());
    assert_ok(file_write(path, "profiles: 7\n", 12, 0644, &e), &e);
    snprintf(fx_cli_said.out, sizeof fx_cli_said.out, "--config %s me", path);
    assert_int_equal(fx_cli_run(fx_cli_said.out), CLI_USAGE);
    assert_contains(fx_cli_said.err, "c.yaml:1:");
}

/* --- asking again ----------------------------------------------------------------------------- */

/* The value of a header in request i. */
static const char *header(size_t i, const char *name, char *buf, size_t size)
{
    const char *at = strstr(fx_cli_peer.requests[i], name);

    assert_non_null(at);
    snprintf(buf, size, "%.*s", (int)strcspn(at, "\r"), at);
    return buf;
}

static void a_create_is_repeated_with_the_same_key(void **state)
{
    static const char *const answers[] = {
        NULL, PROBLEM("409", "request-in-progress"),
        "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"id\":\"" INS "\"}", NONE};
    char keys[3][100];

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance launch --offer x --yes"), CLI_OK);
    assert_int_equal(fx_cli_peer.request_count, 3);
    for (size_t i = 0; i < 3; i++)
        header(i, "\r\nIdempotency-Key: req_", keys[i], sizeof keys[i]);
    assert_string_equal(keys[0], keys[1]);
    assert_string_equal(keys[0], keys[2]);
    assert_contains(fx_cli_said.out, INS);
}

static void it_gives_up_in_the_end(void **state)
{
    static const char *const answers[] = {NULL, NULL, NULL, NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance launch --offer x --yes"), CLI_UNREACHABLE);
    assert_int_equal(fx_cli_peer.request_count, 3);
}

static void an_action_is_not_repeated_blindly(void **state)
{
    static const char *const answers[] = {NULL, NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance stop " INS " --yes"), CLI_UNREACHABLE);
    assert_contains(fx_cli_said.err, "broke the connection");
    assert_contains(fx_cli_peer.requests[0], "POST /v1/instances/" INS "/actions HTTP/1.1\r\n");
    assert_contains(fx_cli_peer.requests[0], "{\"action\":\"stop\"}");
}

static void a_server_that_says_later_is_asked_later(void **state)
{
    static const char *const soon[] = {
        "HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nConnection: close\r\n\r\n", OK_HEAD "{}", NONE};
    static const char *const late[] = {
        "HTTP/1.1 503 Busy\r\nRetry-After: 600\r\nConnection: close\r\n\r\n", NONE};
    int64_t before = clock_mono_ms(clock_real());

    (void)state;
    assert_int_equal(fx_cli_run_with(soon, "me"), CLI_OK);
    assert_true(clock_mono_ms(clock_real()) - before >= 1000);
    assert_int_equal(fx_cli_run_with(late, "me"), CLI_UNREACHABLE);
}

static void waiting_outlasts_a_server_that_is_away(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"id\":\"" INS
        "\",\"state\":\"requested\"}",
        OK_HEAD "{\"id\":\"" INS "\",\"state\":\"provisioning\"}",
        "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n",
        OK_HEAD "{\"id\":\"" INS "\",\"state\":\"running\"}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance launch --offer x --yes --wait -o json"),
                     CLI_OK);
    assert_contains(fx_cli_said.out, "\"state\": \"running\"");
    assert_contains(fx_cli_said.err, "waiting on");
}

static void waiting_ends_with_a_bad_state_or_with_time(void **state)
{
    static const char *const bad[] = {
        OK_HEAD "{\"id\":\"" INS "\"}",
        OK_HEAD "{\"id\":\"" INS "\",\"state\":\"failed\",\"state_detail\":\"no luck\"}", NONE};
    static const char *const slow[] = {OK_HEAD "{\"id\":\"" INS "\"}",
                                       OK_HEAD "{\"id\":\"" INS "\",\"state\":\"stopping\"}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(bad, "instance start " INS " --yes --wait"), CLI_BAD_RESULT);
    assert_contains(fx_cli_said.out, "no luck");
    assert_int_equal(fx_cli_run_with(slow, "instance stop " INS " -y --wait --timeout 0s"),
                     CLI_UNREACHABLE);
    assert_contains(fx_cli_said.err, "still stopping");
}

/* --- output ----------------------------------------------------------------------------------- */

#define PAGE_ONE \
    OK_HEAD "{\"items\":[{\"id\":\"job_1\",\"name\":\"a\\u001b[2J\"}],\"next_cursor\":\"c/2\"}"
#define PAGE_TWO OK_HEAD "{\"items\":[{\"id\":\"job_2\",\"exit_code\":-1}]}"

static void only_a_flag_that_is_there_is_recommended(void **state)
{
    static const char *const answers[] = {OK_HEAD "{\"items\":[],\"next_cursor\":\"c2\"}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "events"), CLI_OK);
    assert_contains(fx_cli_said.err, "--limit");
    assert_null(strstr(fx_cli_said.err, "--all"));
}

static void only_a_public_key_is_sent(void **state)
{
    static const char *const texts[] = {
        "-----BEGIN ANY KEY-----\nb3BlbnNzaC1rZXk\n-----END ANY KEY-----\n", "hgk_0123456789\n",
        "ssh-ed25519 AAAA one\nssh-ed25519 AAAA two\n", "\n"};
    static const char *const none[] = {NONE};
    char path[400], line[500];
    struct err e;

    (void)state;
    snprintf(path, sizeof path, "%s/id_ed25519", t_dir());
    snprintf(line, sizeof line, "instance launch --offer x --yes --ssh-key %s", path);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_ok(file_write(path, texts[i], strlen(texts[i]), 0600, &e), &e);
        assert_int_equal(fx_cli_run_with(none, line), CLI_USAGE);
        assert_int_equal(fx_cli_peer.request_count, 0);
        assert_contains(fx_cli_said.err, "id_ed25519: expected one public key");
    }
}

static void standard_input_without_end_is_not_read_to_its_end(void **state)
{
    static const char *const none[] = {NONE};
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC), was = dup(STDIN_FILENO);

    (void)state;
    assert_int_equal(dup2(zero, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(fx_cli_run_with(none, "job submit -"), CLI_FAILED);
    assert_contains(fx_cli_said.err, "longer than a job file may be");
    assert_int_equal(dup2(was, STDIN_FILENO), STDIN_FILENO);
    close(zero);
    close(was);
}

static void a_list_is_a_table_json_or_yaml(void **state)
{
    static const char *const one[] = {PAGE_ONE, NONE}, *const two[] = {PAGE_TWO, NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(one, "job list --state queued --text a/b"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "GET /v1/jobs?state=queued&text=a%2Fb HTTP/1.1\r\n");
    assert_int_equal(strncmp(fx_cli_said.out, "ID     NAME", 11), 0);
    assert_contains(fx_cli_said.out, "\njob_1  a     -");
    assert_contains(fx_cli_said.err, "--all");
    assert_int_equal(fx_cli_run_with(two, "job list -o json"), CLI_OK);
    assert_string_equal(fx_cli_said.out,
                        "[\n  {\n    \"id\": \"job_2\",\n    \"exit_code\": -1\n  }\n]\n");
    assert_int_equal(fx_cli_run_with(two, "job list -o yaml"), CLI_OK);
    assert_contains(fx_cli_said.out, "id: job_2");
}

static void all_pages_are_followed_with_their_filters(void **state)
{
    static const char *const answers[] = {PAGE_ONE, PAGE_TWO, NONE};
    static const char *const circle[] = {PAGE_ONE, PAGE_ONE, NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "job list --all --limit 1"), CLI_OK);
    assert_contains(fx_cli_peer.requests[1], "GET /v1/jobs?limit=1&cursor=c%2F2 HTTP/1.1\r\n");
    assert_contains(fx_cli_said.out, "\njob_1");
    assert_contains(fx_cli_said.out, "\njob_2");
    assert_int_equal(fx_cli_run_with(circle, "job list --all"), CLI_FAILED);
}

static void an_answer_that_is_no_list_is_an_error(void **state)
{
    static const char *const answers[] = {OK_HEAD "{\"items\":7}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "job list"), CLI_FAILED);
    assert_string_equal(fx_cli_said.out, "");
}

static void a_result_that_cannot_be_written_is_no_success(void **state)
{
    static const char *const answers[] = {OK_HEAD "{\"id\":\"" INS "\"}", NONE};
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC), saved, rc;
    char noun[] = "instance", verb[] = "show", id[] = INS, *argv[] = {noun, verb, id};

    (void)state;
    fx_cli_begin(answers);
    fflush(stdout);
    saved = fcntl(1, F_DUPFD_CLOEXEC, 10);
    dup2(full, 1);
    rc = cli_run(3, argv);
    dup2(saved, 1);
    clearerr(stdout);
    close(saved);
    close(full);
    peer_stop(&fx_cli_peer);
    assert_int_equal(rc, CLI_FAILED);
}

static void instance_show_is_clean_and_complete(void **state)
{
    static const char *const answers[] = {
        OK_HEAD "{\"id\":\"" INS "\",\"slots\":[{\"index\":0,\"label\":\"vir\\u001b[1mtual\","
                "\"is_virtual\":true},{\"index\":1}],\"actions\":[{\"name\":\"stop\","
                "\"available\":true},{\"name\":\"st\\nart\",\"available\":false,"
                "\"reason\":\"it\\u0007 runs\"},{\"name\":7}]}",
        NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance show " INS), CLI_OK);
    assert_contains(fx_cli_said.out, "no real GPU behind it");
    assert_contains(fx_cli_said.out, ": not now, it^G runs\n");
    for (const char *p = fx_cli_said.out; *p; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= ' ');
}

#define OVER      "{\"state\":\"terminated\",\"deadline_at\":\"2999-01-02T03:04:05Z\"}"
#define OVER_PAGE OK_HEAD "{\"items\":[" OVER "]}"

static void an_instance_that_is_over_has_no_end_to_come(void **state)
{
    static const char *const one[] = {OK_HEAD OVER, NONE}, *const list[] = {OVER_PAGE, NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(one, "instance show " INS), CLI_OK);
    assert_contains(fx_cli_said.out, "\nends            -\n");
    assert_int_equal(fx_cli_run_with(list, "instance list"), CLI_OK);
    assert_null(strstr(fx_cli_said.out, "  in "));
}

/* --- launching -------------------------------------------------------------------------------- */

static void what_is_launched_is_what_was_said(void **state)
{
    static const char *const answers[] = {
        OK_HEAD "{\"organization\":{\"currency\":\"CHF\"}}",
        "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"id\":\"" INS "\"}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers,
                                     "instance launch --offer l4\"x --name a\\b --for 8h --until "
                                     "2026-12-24T18:00:00Z --max-price 2.5 --network --yes"),
                     CLI_OK);
    assert_contains(fx_cli_peer.requests[1],
                    "{\"offer_id\":\"l4\\\"x\",\"name\":\"a\\\\b\",\"network\":true,"
                    "\"stop_after_seconds\":28800,\"deadline_at\":\"2026-12-24T18:00:00Z\","
                    "\"price_max\":{\"amount_micros\":2500000,\"currency\":\"CHF\"}}");
}

static void a_dry_run_sends_nothing_else_and_tells_the_refusal(void **state)
{
    static const char *const good[] = {
        OK_HEAD
        "{\"offer_id\":\"x\",\"accepted\":true,\"price_per_hour\":{\"amount_micros\":750000,"
        "\"currency\":\"EUR\"}}",
        NONE};
    static const char *const bad[] = {
        OK_HEAD "{\"offer_id\":\"x\",\"accepted\":false,\"refusal_code\":\"insufficient-credit\","
                "\"refusal\":\"too little\"}",
        NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(good, "instance launch --offer x --dry-run"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "POST /v1/instances?dry_run=true HTTP/1.1\r\n");
    assert_contains(fx_cli_said.out, "0.75 EUR");
    assert_int_equal(fx_cli_run_with(bad, "instance launch --offer x --dry-run"), CLI_NO_CREDIT);
    assert_contains(fx_cli_said.err, "too little");
}

static void what_cannot_be_meant_is_refused_before_anything_is_sent(void **state)
{
    static const char *const lines[] = {
        "instance launch",
        "instance launch --offer x --for soon",
        "instance launch --offer x --until tomorrow",
        "instance launch --offer x --max-price much",
        "instance show ..",
        "instance delete . --yes",
        "instance ssh not-an-id",
        "job logs " JOB " --offset -1",
        "job logs " JOB " --offset 1x",
        "instance show "
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxx",
        "key create n --expires never",
        "check run --tier deep",
    };

    (void)state;
    setenv("HOME", t_dir(), 1);
    setenv("HOURGLASS_URL", "http://127.0.0.1:1", 1); /* asking it would be exit code 7 */
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_int_equal(fx_cli_run(lines[i]), CLI_USAGE);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static const char *job_file(const char *text)
{
    static char path[400];
    struct err e;

    snprintf(path, sizeof path, "%s/job.yaml", t_dir());
    assert_ok(file_write(path, text, strlen(text), 0644, &e), &e);
    return path;
}

static void a_mistake_in_a_job_file_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"command: x\ninstance_id: ins_1\ntime: 3\n", "job.yaml:3:"},
        {"instance_id: ins_1\n", "command"},
        {"command: x\noffer_id: o\n", "time_limit_seconds"},
        {"command: x\noffer_id: o\ninstance_id: i\ntime_limit_seconds: 9\n", "job.yaml:3:"},
        {"command: x\ninstance_id: i\nnetwork: true\n", "job.yaml:3:"},
        {"command: x\ninstance_id: i\nenv:\n  - name: 1A\n    value: b\n", "job.yaml:4:"},
        {"command: [x\n", "job.yaml:"},
        {"command: x\ninstance_id: i\ntime_limit_seconds: -4\n", "job.yaml:3:"},
    };
    char line[500];

    (void)state;
    setenv("HOME", t_dir(), 1);
    setenv("HOURGLASS_URL", "http://127.0.0.1:1", 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        snprintf(line, sizeof line, "job submit %s --yes", job_file(rows[i].text));
        assert_int_equal(fx_cli_run(line), CLI_FAILED);
        assert_contains(fx_cli_said.err, "job.yaml:");
        assert_contains(fx_cli_said.err, rows[i].says);
    }
    snprintf(line, sizeof line, "job submit %s", job_file("command: x\n"));
    assert_int_equal(fx_cli_run(line), CLI_USAGE);
    assert_contains(fx_cli_said.err, "--instance ID");
    assert_int_equal(fx_cli_run("job submit /nonexistent.yaml"), CLI_NOT_FOUND);
}

static void a_job_runs_where_the_flag_says(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 201 Created\r\nConnection: close\r\n\r\n{\"id\":\"" JOB "\"}", NONE};
    char line[500];

    (void)state;
    fx_cli_begin(answers);
    snprintf(line, sizeof line, "job submit %s --instance " INS " --name other",
             job_file("name: n\ncommand: |\n  echo \"hi\"\noffer_id: o\nnetwork: true\n"
                      "time_limit_seconds: 60\n"));
    assert_int_equal(fx_cli_run(line), CLI_OK); /* no machine is launched, so nothing is asked */
    peer_stop(&fx_cli_peer);
    assert_contains(fx_cli_peer.requests[0], "\"instance_id\":\"" INS "\"");
    assert_contains(fx_cli_peer.requests[0], "\"name\":\"other\"");
    assert_contains(fx_cli_peer.requests[0], "\"command\":\"echo \\\"hi\\\"\\n\"");
    assert_null(strstr(fx_cli_peer.requests[0], "offer_id"));
    assert_null(strstr(fx_cli_peer.requests[0], "network"));
}

#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define PIECE(offset, next, stream, b64)                                          \
    "id: " next "\nevent: log\ndata: {\"offset\":" offset ",\"stream\":\"" stream \
    "\",\"b64\":\"" b64 "\"}\n\n"

static void a_log_is_followed_to_the_byte_over_a_broken_connection(void **state)
{
    static const char *const answers[] = {
        SSE_HEAD PIECE("0", "4", "stdout", "b25lCg==") PIECE("4", "8", "stderr", "ZXJyCg=="),
        /* it begins before what is known: nothing is written twice */
        SSE_HEAD PIECE("0", "8", "stdout", "b25lCmVycgo=")
            PIECE("6", "12", "stdout", "cgp0d28K") "id: 12\nevent: end\ndata: {\"offset\":12}\n\n",
        OK_HEAD "{\"id\":\"" JOB "\",\"state\":\"succeeded\"}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "job logs -f " JOB), CLI_OK);
    assert_string_equal(fx_cli_said.out, "one\ntwo\n");
    assert_contains(fx_cli_said.err, "err\n");
    assert_contains(fx_cli_peer.requests[0], "GET /v1/jobs/" JOB "/log?follow=true HTTP/1.1\r\n");
    assert_contains(fx_cli_peer.requests[1], "\r\nLast-Event-ID: 8\r\n");
}

static void the_end_of_the_job_is_the_exit_code_of_its_log(void **state)
{
    static const char *const answers[] = {SSE_HEAD "id: 5\nevent: end\ndata: {\"offset\":5}\n\n",
                                          OK_HEAD "{\"state\":\"running\"}",
                                          OK_HEAD "{\"state\":\"failed\"}", NONE};
    static const char *const refused[] = {PROBLEM("404", "not-found"), NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "job logs --follow --offset 5 " JOB), CLI_BAD_RESULT);
    assert_contains(fx_cli_peer.requests[0], "\r\nLast-Event-ID: 5\r\n");
    assert_int_equal(fx_cli_run_with(refused, "job logs -f " JOB), CLI_NOT_FOUND);
}

static void a_log_is_printed_from_its_offset_to_its_end(void **state)
{
    static const char *const answers[] = {OK_HEAD "first\n", OK_HEAD "second\n", OK_HEAD, NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "job logs " JOB " --offset 3"), CLI_OK);
    assert_string_equal(fx_cli_said.out, "first\nsecond\n");
    assert_contains(fx_cli_peer.requests[0], "/log?offset=3 ");
    assert_contains(fx_cli_peer.requests[1], "/log?offset=9 ");
    assert_contains(fx_cli_peer.requests[2], "/log?offset=16 ");
}

static void events_come_one_per_line(void **state)
{
    static const char *const answers[] = {
        SSE_HEAD "id: 1\ndata: {\"seq\":1,\"summary\":\"a\\u001bb\"}\n\nid: 2\ndata: nonsense\n\n"
                 "id: 3\ndata: {\"seq\":3}\n\nevent: end\n\n",
        NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "events -f -o json"), CLI_OK);
    assert_string_equal(fx_cli_said.out, "{\"seq\":1,\"summary\":\"a\\u001Bb\"}\n{\"seq\":3}\n");
    assert_int_equal(fx_cli_run_with(answers, "events -f"), CLI_OK);
    assert_null(strchr(fx_cli_said.out, '\x1B'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_its_exit_code),
        cmocka_unit_test(a_server_that_is_not_there_is_seven_at_once),
        cmocka_unit_test(wrong_configuration_is_wrong_use),
        cmocka_unit_test(a_create_is_repeated_with_the_same_key),
        cmocka_unit_test(it_gives_up_in_the_end),
        cmocka_unit_test(an_action_is_not_repeated_blindly),
        cmocka_unit_test(a_server_that_says_later_is_asked_later),
        cmocka_unit_test(waiting_outlasts_a_server_that_is_away),
        cmocka_unit_test(waiting_ends_with_a_bad_state_or_with_time),
        cmocka_unit_test(a_list_is_a_table_json_or_yaml),
        cmocka_unit_test(only_a_flag_that_is_there_is_recommended),
        cmocka_unit_test(only_a_public_key_is_sent),
        cmocka_unit_test(standard_input_without_end_is_not_read_to_its_end),
        cmocka_unit_test(all_pages_are_followed_with_their_filters),
        cmocka_unit_test(an_answer_that_is_no_list_is_an_error),
        cmocka_unit_test(a_result_that_cannot_be_written_is_no_success),
        cmocka_unit_test(instance_show_is_clean_and_complete),
        cmocka_unit_test(an_instance_that_is_over_has_no_end_to_come),
        cmocka_unit_test(what_is_launched_is_what_was_said),
        cmocka_unit_test(a_dry_run_sends_nothing_else_and_tells_the_refusal),
        cmocka_unit_test(what_cannot_be_meant_is_refused_before_anything_is_sent),
        cmocka_unit_test(a_mistake_in_a_job_file_is_told_with_its_place),
        cmocka_unit_test(a_job_runs_where_the_flag_says),
        cmocka_unit_test(a_log_is_followed_to_the_byte_over_a_broken_connection),
        cmocka_unit_test(the_end_of_the_job_is_the_exit_code_of_its_log),
        cmocka_unit_test(a_log_is_printed_from_its_offset_to_its_end),
        cmocka_unit_test(events_come_one_per_line),
    };

    return T_RUN("cli server", tests);
}
