/* Checks, reports, nodes and cases on the command line: what is sent, printed and returned. */
#include "tests/support/t.h"

#include "core/file.h"
#include "model/report.h"
#include "tests/support/fx_cli.h"

#define INS      "ins_0199"
#define ASKED    OK_HEAD "{\"id\":\"" INS "\",\"state\":\"running\",\"check_id\":\"rep_7\"}"
#define DONE     OK_HEAD "{\"id\":\"" INS "\",\"state\":\"running\",\"check_verdict\":\"healthy\"}"
#define FOUND(v) OK_HEAD "{\"id\":\"rep_7\",\"verdict\":\"" v "\",\"summary\":\"1 GPU\"}"

/* --- asking for one --------------------------------------------------------------------------- */

static void a_check_is_asked_for_as_it_was_said(void **state)
{
    static const struct {
        const char *line, *body;
    } rows[] = {
        {"instance check " INS, "{\"action\":\"check\"}"},
        {"instance check " INS " --tier state", "{\"action\":\"check\",\"tier\":\"state\"}"},
        {"instance check " INS " --tier burn --disturb",
         "{\"action\":\"check\",\"tier\":\"burn\",\"disturb\":true}"},
    };
    static const char *const answers[] = {ASKED, NONE};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(fx_cli_run_with(answers, rows[i].line), CLI_OK);
        assert_contains(fx_cli_peer.requests[0], "POST /v1/instances/" INS "/actions HTTP/1.1\r\n");
        assert_contains(fx_cli_peer.requests[0], rows[i].body);
        assert_contains(fx_cli_said.out, "rep_7");
    }
}

static void a_check_that_is_waited_for_ends_with_its_verdict(void **state)
{
    static const struct {
        const char *report;
        int want;
    } rows[] = {
        {FOUND("healthy"), CLI_OK},
        {FOUND("degraded"), CLI_OK},
        {FOUND("unhealthy"), CLI_BAD_RESULT},
        {FOUND("inconclusive"), CLI_BAD_RESULT},
        {FOUND("never heard of"), CLI_BAD_RESULT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *answers[] = {ASKED, ASKED, DONE, rows[i].report, NONE};

        assert_int_equal(fx_cli_run_with(answers, "instance check " INS " --wait"), rows[i].want);
        assert_contains(fx_cli_peer.requests[1], "GET /v1/instances/" INS " HTTP/1.1\r\n");
        assert_contains(fx_cli_peer.requests[3], "GET /v1/reports/rep_7 HTTP/1.1\r\n");
        assert_contains(fx_cli_said.out, "rep_7");
        assert_contains(fx_cli_said.out, "1 GPU");
    }
}

static void a_check_whose_instance_ends_has_no_verdict(void **state)
{
    static const char *const answers[] = {ASKED,
                                          OK_HEAD "{\"id\":\"" INS "\",\"state\":\"stopping\"}",
                                          PROBLEM("404", "not-found"), NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance check " INS " --wait"), CLI_BAD_RESULT);
    assert_contains(fx_cli_said.err, "ended with its instance, which is stopping");
}

static void a_check_that_takes_too_long_says_where_its_report_will_be(void **state)
{
    static const char *const answers[] = {ASKED, ASKED, NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance check " INS " -w --timeout 0s"),
                     CLI_UNREACHABLE);
    assert_contains(fx_cli_said.err, "still under way");
    assert_contains(fx_cli_said.err, "hourglass check show rep_7");
}

static void a_check_that_is_refused_says_why(void **state)
{
    static const char *const answers[] = {PROBLEM("409", "conflict"), NONE};
    static const char *const silent[] = {OK_HEAD "{\"id\":\"" INS "\"}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "instance check " INS " --wait"), CLI_CONFLICT);
    assert_contains(fx_cli_said.err, "because  of it");
    assert_int_equal(fx_cli_run_with(silent, "instance check " INS " --wait"), CLI_FAILED);
    assert_contains(fx_cli_said.err, "there is no check in it");
}

static void what_cannot_be_meant_is_refused_before_anything_is_sent(void **state)
{
    static const char *const lines[] = {
        "instance check " INS " --tier soak",
        "instance check " INS " --tier x\"y",
        "instance check ..",
        "check run --tier soak",
        "check show .",
        "node drain nod_1",
        "case close cas_1",
    };

    (void)state;
    setenv("HOME", t_dir(), 1);
    setenv("HOURGLASS_URL", "http://127.0.0.1:1", 1); /* asking it would be exit code 7 */
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_int_equal(fx_cli_run(lines[i]), CLI_USAGE);
}

/* --- this machine ----------------------------------------------------------------------------- */

/* A hourglass-gpu that writes down what it was called with and gives this report. Returns its
 * folder, which is the first of PATH. */
static const char *checker_is(const char *report)
{
    const char *dir = t_dir();
    char path[400], text[2000];
    struct err e;

    snprintf(path, sizeof path, "%s/hourglass-gpu", dir);
    snprintf(
        text, sizeof text,
        "#!/bin/sh\necho \"$@\" > \"%s/called\"\necho busy >&2\ncat <<'END'\n%s\nEND\nexit 1\n",
        dir, report);
    assert_ok(file_write(path, text, strlen(text), 0755, &e), &e);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", dir);
    setenv("PATH", path, 1);
    return dir;
}

static void this_machine_is_checked_in_the_tier_that_was_said(void **state)
{
    static const struct {
        const char *line, *called, *verdict;
        int want;
    } rows[] = {
        {"check run", "check --tier state -o json\n", "healthy", CLI_OK},
        {"check run --tier quick", "check --tier quick -o json\n", "degraded", CLI_OK},
        {"check run --tier burn", "check --tier burn -o json\n", "unhealthy", CLI_BAD_RESULT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *answers[2] = {NULL, NONE};
        char report[400], posted[400], path[400];
        const char *dir;
        STRBUF called = {0};
        struct err e;

        snprintf(report, sizeof report,
                 "{\"tier\":\"state\",\"verdict\":\"%s\",\"started_at\":\"2026-01-01T00:00:00Z\","
                 "\"ended_at\":\"2026-01-01T00:00:01Z\"}",
                 rows[i].verdict);
        snprintf(posted, sizeof posted, "%s{\"id\":\"rep_8\",\"verdict\":\"%s\"}", OK_HEAD,
                 rows[i].verdict);
        answers[0] = posted;
        dir = checker_is(report);
        assert_int_equal(fx_cli_run_with(answers, rows[i].line), rows[i].want);
        assert_contains(fx_cli_peer.requests[0], "POST /v1/reports HTTP/1.1\r\n");
        assert_contains(fx_cli_peer.requests[0], rows[i].verdict);
        assert_contains(fx_cli_said.out, "rep_8");
        assert_null(strstr(fx_cli_said.err, "busy")); /* no terminal: no progress */
        strbuf_init(&called, 1000);
        snprintf(path, sizeof path, "%s/called", dir);
        assert_ok(file_read(path, &called, &e), &e);
        assert_string_equal(called.data, rows[i].called);
    }
}

static void a_checker_without_a_report_is_told_with_what_it_said(void **state)
{
    static const char *const none[] = {NONE};

    (void)state;
    checker_is("nothing");
    assert_int_equal(fx_cli_run_with(none, "check run"), CLI_FAILED);
    assert_contains(fx_cli_said.err, "gave no report that can be read");
}

/* --- one report ------------------------------------------------------------------------------- */

#define REPORT                                                                                 \
    OK_HEAD "{\"id\":\"rep_7\",\"verdict\":\"unhealthy\",\"summary\":\"a\\u001b[2Jb\","        \
            "\"tier\":\"quick\",\"origin\":\"member\",\"gpus\":[{\"index\":0,"                 \
            "\"uuid\":\"GPU-1\",\"model\":\"H\\u202e100\"}],\"findings\":["                    \
            "{\"check\":\"ecc\",\"gpu_index\":-1,\"result\":\"pass\"},"                        \
            "{\"check\":\"xid\",\"gpu_index\":0,\"result\":\"skip\",\"detail\":\"no log\"},"   \
            "{\"check\":\"memory_read\",\"gpu_index\":0,\"result\":\"fail\",\"value\":1220.5," \
            "\"floor\":1600,\"unit\":\"GB/s\",\"detail\":\"slow\\nevil \\u0007\","             \
            "\"remedy\":\"replace_gpu\",\"action\":\"for the operator\"}]}"

static void a_report_is_shown_with_its_failures_first(void **state)
{
    static const char *const answers[] = {REPORT, NONE};
    const char *fail, *pass;

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "check show rep_7"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "GET /v1/reports/rep_7 HTTP/1.1\r\n");
    assert_contains(fx_cli_said.out, "0: H");
    assert_contains(fx_cli_said.out, "1220.5 GB/s");
    assert_contains(fx_cli_said.out, "1600");
    assert_contains(fx_cli_said.out, remedy_renter_texts[REMEDY_REPLACE]);
    assert_null(strstr(fx_cli_said.out, "for the operator"));
    fail = strstr(fx_cli_said.out, "\nfail ");
    pass = strstr(fx_cli_said.out, "\npass ");
    assert_true(fail && pass && fail < pass && pass < strstr(fx_cli_said.out, "\nskip "));
    for (const char *p = fx_cli_said.out; *p; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= ' ');
    assert_null(strstr(fx_cli_said.out, "\u202e"));
}

static void a_report_for_programs_is_the_servers_own(void **state)
{
    static const char *const answers[] = {REPORT, NONE}, *const odd[] = {OK_HEAD "[]", NONE};
    static const char *const empty[] = {OK_HEAD "{\"id\":\"rep_7\"}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "check show rep_7 -o json"), CLI_OK);
    assert_contains(fx_cli_said.out, "\"action\": \"for the operator\"");
    assert_int_equal(fx_cli_run_with(odd, "check show rep_7"), CLI_FAILED);
    assert_int_equal(fx_cli_run_with(empty, "check show rep_7"), CLI_OK);
    assert_null(strstr(fx_cli_said.out, "RESULT"));
}

static void as_many_findings_as_there_may_be_are_all_printed(void **state)
{
    static char text[200000];
    const char *answers[] = {text, NONE};
    size_t len = (size_t)snprintf(text, sizeof text, "%s{\"findings\":[", OK_HEAD), lines = 0;

    (void)state;
    for (int i = 0; i < REPORT_FINDINGS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "%s{\"check\":\"c%d\",\"gpu_index\":0,\"result\":\"warn\"}",
                                i ? "," : "", i);
    snprintf(text + len, sizeof text - len, "]}");
    assert_int_equal(fx_cli_run_with(answers, "check show rep_7"), CLI_OK);
    for (const char *at = fx_cli_said.out; (at = strstr(at, "\nwarn ")); at++)
        lines++;
    assert_int_equal(lines, REPORT_FINDINGS_MAX);
}

/* --- nodes and cases -------------------------------------------------------------------------- */

static void staff_drain_and_resume_with_their_words(void **state)
{
    static const char *const answers[] = {OK_HEAD "{\"id\":\"nod_1\",\"state\":\"draining\"}",
                                          NONE};
    static const char *const denied[] = {PROBLEM("403", "forbidden"), NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "node drain nod_1 --reason fan\"s"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "POST /v1/nodes/nod_1/actions HTTP/1.1\r\n");
    assert_contains(fx_cli_peer.requests[0], "{\"action\":\"drain\",\"reason\":\"fan\\\"s\"}");
    assert_contains(fx_cli_said.out, "draining");
    assert_int_equal(fx_cli_run_with(answers, "node resume nod_1"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "{\"action\":\"resume\"}");
    assert_int_equal(fx_cli_run_with(answers, "node show nod_1"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "GET /v1/nodes/nod_1 HTTP/1.1\r\n");
    assert_int_equal(fx_cli_run_with(denied, "node list"), CLI_DENIED);
}

static void a_case_is_closed_with_a_note(void **state)
{
    static const char *const answers[] = {OK_HEAD "{\"id\":\"cas_1\",\"state\":\"closed\"}", NONE};
    static const char *const page[] = {
        OK_HEAD "{\"items\":[{\"id\":\"cas_1\",\"state\":\"open\",\"report_count\":2}]}", NONE};

    (void)state;
    assert_int_equal(fx_cli_run_with(answers, "case close cas_1 --note ok"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "POST /v1/cases/cas_1/actions HTTP/1.1\r\n");
    assert_contains(fx_cli_peer.requests[0], "{\"action\":\"close\",\"note\":\"ok\"}");
    assert_int_equal(fx_cli_run_with(page, "case list --state open"), CLI_OK);
    assert_contains(fx_cli_peer.requests[0], "GET /v1/cases?state=open HTTP/1.1\r\n");
    assert_contains(fx_cli_said.out, "cas_1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_is_asked_for_as_it_was_said),
        cmocka_unit_test(a_check_that_is_waited_for_ends_with_its_verdict),
        cmocka_unit_test(a_check_whose_instance_ends_has_no_verdict),
        cmocka_unit_test(a_check_that_takes_too_long_says_where_its_report_will_be),
        cmocka_unit_test(a_check_that_is_refused_says_why),
        cmocka_unit_test(what_cannot_be_meant_is_refused_before_anything_is_sent),
        cmocka_unit_test(this_machine_is_checked_in_the_tier_that_was_said),
        cmocka_unit_test(a_checker_without_a_report_is_told_with_what_it_said),
        cmocka_unit_test(a_report_is_shown_with_its_failures_first),
        cmocka_unit_test(a_report_for_programs_is_the_servers_own),
        cmocka_unit_test(as_many_findings_as_there_may_be_are_all_printed),
        cmocka_unit_test(staff_drain_and_resume_with_their_words),
        cmocka_unit_test(a_case_is_closed_with_a_note),
    };

    return T_RUN("cli checks", tests);
}
