/* What hourglass-gpu prints, given a report: clean, grouped, and the same again when read. */
#include "tests/support/t.h"

#include "core/text.h"
#include "gpu/format.h"
#include "gpu/output.h"

struct fixture {
    struct report report;
    struct gpu_style style;
    struct strbuf out;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx->report = (struct report){.tier = TIER_STATE,
                                 .verdict = VERDICT_HEALTHY,
                                 .started_at_ms = 1700000000000,
                                 .ended_at_ms = 1700000000250};
    fx->report.gpus = calloc(GPUS_PER_INSTANCE_MAX, sizeof *fx->report.gpus);
    fx->report.findings = calloc(REPORT_FINDINGS_MAX, sizeof *fx->report.findings);
    assert_non_null(fx->report.gpus);
    assert_non_null(fx->report.findings);
    text_copy(fx->report.summary, sizeof fx->report.summary, "healthy: words");
    text_copy(fx->report.host, sizeof fx->report.host, "node-1");
    strbuf_init(&fx->out, GPU_OUTPUT_BYTES_MAX);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    shape_release(&report_shape, &fx->report);
    strbuf_release(&fx->out);
    free(fx);
    return 0;
}

static struct finding *say(struct fixture *fx, const char *check, int64_t gpu_index,
                           enum check_result result, const char *detail)
{
    struct finding *f = &fx->report.findings[fx->report.finding_count++];

    *f = (struct finding){.gpu_index = gpu_index, .result = result};
    text_copy(f->check, sizeof f->check, check);
    text_copy(f->detail, sizeof f->detail, detail);
    return f;
}

static void nothing_in_a_report_can_move_the_cursor(void **state)
{
    static const char bad[] = "a\x1b[2J\nb\r\x9b"
                              "31m\xe2\x80\xae";
    struct fixture *fx = *state;
    struct report *r = &fx->report;
    struct finding *f = say(fx, "clocks", 0, CHECK_FAIL, bad);

    text_copy(f->action, sizeof f->action, bad);
    r->gpu_count = 1;
    text_copy(r->gpus[0].model, sizeof r->gpus[0].model, bad);
    text_copy(r->gpus[0].uuid, sizeof r->gpus[0].uuid, bad);
    text_copy(r->gpus[0].pci, sizeof r->gpus[0].pci, bad);
    text_copy(r->summary, sizeof r->summary, bad);
    text_copy(r->host, sizeof r->host, bad);
    text_copy(r->driver_version, sizeof r->driver_version, bad);
    gpu_report_write(GPU_FORMAT_text, r, &fx->style, &fx->out);
    assert_false(fx->out.failed);
    assert_true(text_is_utf8(fx->out.data, fx->out.len));
    for (const char *c = fx->out.data; *c; c++)
        assert_true(*c == '\n' || (unsigned char)*c >= ' ');
    assert_null(strstr(fx->out.data, "\xe2\x80\xae"));
    assert_null(strstr(fx->out.data, "\nb"));
}

static void equal_answers_share_a_row_and_figures_become_a_range(void **state)
{
    struct fixture *fx = *state;
    static const int64_t gpus[] = {0, 1, 2, 4, 6, 7};

    for (size_t i = 0; i < ARRAY_SIZE(gpus); i++) {
        struct finding *f = say(fx, "temperature", gpus[i], CHECK_PASS, i % 2 ? "35 C" : "36 C");

        f->value = 50 + (double)i;
        text_copy(f->unit, sizeof f->unit, "C margin");
    }
    say(fx, "temperature", 3, CHECK_WARN, "84 C");
    say(fx, "temperature", 5, CHECK_SKIP, "no sensor");
    gpu_report_write(GPU_FORMAT_text, &fx->report, &fx->style, &fx->out);
    assert_contains(fx->out.data, "temperature          0-2,4,6-7  pass  50..55 C margin\n");
    assert_contains(fx->out.data, "temperature          3          warn");
    assert_contains(fx->out.data,
                    "temperature          5          skip                       no sensor");
    assert_contains(fx->out.data, "6 passed, 1 warned, 0 failed, 1 skipped, 0 without an answer");
    assert_contains(fx->out.data, "state tier on node-1, 0.25 s");
}

static void answers_that_are_not_passes_share_a_row_only_word_for_word(void **state)
{
    struct fixture *fx = *state;

    say(fx, "clocks", 0, CHECK_FAIL, "too hot");
    say(fx, "clocks", 1, CHECK_FAIL, "power brake");
    say(fx, "clocks", 2, CHECK_FAIL, "too hot");
    gpu_report_write(GPU_FORMAT_text, &fx->report, &fx->style, &fx->out);
    assert_contains(fx->out.data,
                    "clocks               0,2        fail                       too hot");
    assert_contains(fx->out.data,
                    "clocks               1          fail                       power brake");
}

static void a_report_as_json_is_read_back_as_it_was(void **state)
{
    struct fixture *fx = *state;
    struct report back = {0};
    json_t *tree = NULL;
    struct finding *f;
    struct err e;

    fx->report.gpu_count = 2;
    fx->report.gpus[1].index = 1;
    text_copy(fx->report.gpus[1].model, NAME_BYTES_MAX, "NVIDIA \"H100\"");
    f = say(fx, "power_limit", 1, CHECK_WARN, "450 W of 700 W");
    f->value = 450;
    f->floor = 700;
    text_copy(f->unit, sizeof f->unit, "W");
    gpu_report_write(GPU_FORMAT_json, &fx->report, &fx->style, &fx->out);
    assert_int_equal(fx->out.data[fx->out.len - 1], '\n');
    assert_ok(json_parse(fx->out.data, fx->out.len, &tree, &e), &e);
    assert_ok(shape_decode(&report_shape, tree, &back, &e), &e);
    json_decref(tree);
    assert_int_equal(back.gpu_count, 2);
    assert_string_equal(back.gpus[1].model, "NVIDIA \"H100\"");
    assert_int_equal(back.finding_count, 1);
    assert_int_equal(back.findings[0].result, CHECK_WARN);
    assert_true(back.findings[0].value == 450 && back.findings[0].floor == 700);
    assert_int_equal(back.ended_at_ms, fx->report.ended_at_ms);
    shape_release(&report_shape, &back);
}

static void the_largest_report_fits(void **state)
{
    struct fixture *fx = *state;

    fx->report.gpu_count = GPUS_PER_INSTANCE_MAX;
    for (int i = 0; i < REPORT_FINDINGS_MAX; i++) {
        struct finding *f = say(fx, "clocks", i % GPUS_PER_INSTANCE_MAX, CHECK_FAIL, "");

        snprintf(f->detail, sizeof f->detail, "%0250d", i);
        snprintf(f->action, sizeof f->action, "%0250d", i);
    }
    gpu_report_write(GPU_FORMAT_text, &fx->report, &fx->style, &fx->out);
    assert_false(fx->out.failed);
    strbuf_reset(&fx->out);
    gpu_report_write(GPU_FORMAT_json, &fx->report, &fx->style, &fx->out);
    assert_false(fx->out.failed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_in_a_report_can_move_the_cursor),
        TEST(equal_answers_share_a_row_and_figures_become_a_range),
        TEST(answers_that_are_not_passes_share_a_row_only_word_for_word),
        TEST(a_report_as_json_is_read_back_as_it_was),
        TEST(the_largest_report_fits),
    };

    return T_RUN("gpu output", tests);
}
