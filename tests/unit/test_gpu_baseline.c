/* What was saved of a GPU: written, read, refused, compared. */
#include "tests/support/t.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "gpu/baseline.h"
#include "gpu/peers.h"

/* The state tier's one figure that peers and baseline compare; its share is 1. */
#define FIGURE "nvlink"
#define UUID   "GPU-00000000-0000-4000-8000-00000000000"

struct fixture {
    struct report report;
    char path[600];
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx->report = (struct report){.verdict = VERDICT_HEALTHY, .started_at_ms = 1763600000000};
    fx->report.gpus = calloc(GPUS_PER_INSTANCE_MAX, sizeof *fx->report.gpus);
    fx->report.findings = calloc(REPORT_FINDINGS_MAX, sizeof *fx->report.findings);
    assert_non_null(fx->report.gpus);
    assert_non_null(fx->report.findings);
    text_copy(fx->report.driver_version, sizeof fx->report.driver_version, "580.95.05");
    snprintf(fx->path, sizeof fx->path, "%s/deep/folder/baseline.json", t_dir());
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    shape_release(&report_shape, &fx->report);
    free(fx);
    return 0;
}

static struct finding *measure(struct fixture *fx, int gpu, double value)
{
    struct report_gpu *g = &fx->report.gpus[gpu];
    struct finding *f = &fx->report.findings[fx->report.finding_count++];

    if (fx->report.gpu_count <= (size_t)gpu)
        fx->report.gpu_count = (size_t)gpu + 1;
    g->index = gpu;
    snprintf(g->uuid, sizeof g->uuid, UUID "%d", gpu);
    *f = (struct finding){.gpu_index = gpu, .result = CHECK_PASS};
    text_copy(f->check, sizeof f->check, FIGURE);
    gpu_figure(f, value, 0, "links");
    return f;
}

static void again(struct fixture *fx)
{
    fx->report.finding_count = 0;
    fx->report.gpu_count = 0;
}

static size_t save(struct fixture *fx)
{
    size_t saved = 0;
    struct err e;

    assert_ok(gpu_baseline_save(fx->path, &fx->report, &saved, &e), &e);
    return saved;
}

static void compare(struct fixture *fx)
{
    struct gpu_baseline b = {0};
    struct err e;

    assert_ok(gpu_baseline_read(fx->path, &b, &e), &e);
    assert_ok(gpu_baseline_compare(&b, &fx->report, &e), &e);
    shape_release(&gpu_baseline_shape, &b);
}

static const struct finding *last(const struct fixture *fx)
{
    return &fx->report.findings[fx->report.finding_count - 1];
}

static void what_was_saved_is_compared_and_nothing_is_worse(void **state)
{
    struct fixture *fx = *state;

    measure(fx, 0, 18);
    measure(fx, 1, 12);
    assert_int_equal(save(fx), 2);
    compare(fx);
    assert_int_equal(fx->report.finding_count, 4);
    assert_string_equal(last(fx)->check, "baseline");
    assert_int_equal(last(fx)->gpu_index, 1);
    assert_int_equal(last(fx)->result, CHECK_PASS);
    assert_string_equal(last(fx)->detail, "1 of 1 saved figures compared, none is worse");
}

static void a_gpu_that_got_worse_is_found(void **state)
{
    struct fixture *fx = *state;
    const struct finding *f;

    measure(fx, 0, 18);
    save(fx);
    again(fx);
    measure(fx, 0, 17);
    compare(fx);
    f = &fx->report.findings[0];
    assert_int_equal(f->result, CHECK_FAIL);
    assert_string_equal(f->detail, "17 links, where 18 was saved on 2025-11-20");
    assert_string_equal(f->source, "baseline of 2025-11-20, driver 580.95.05");
    assert_true(f->floor == 18);
    assert_true(f->action[0]);
    assert_int_equal(last(fx)->result, CHECK_FAIL);
    assert_contains(last(fx)->detail, "1 of 1 figures are worse than saved, first nvlink");
}

/* Why: a few per cent are noise, and a lost stack of memory (one of six) is not. */
static void a_rate_may_vary_a_little_and_a_latency_much(void **state)
{
    static const struct {
        const char *check;
        double times; /* in powers of the share: 1 is just at the share */
        enum check_result want;
    } cases[] = {
        {"pcie_to_gpu", 0.9, CHECK_PASS},    {"pcie_to_gpu", 1.1, CHECK_WARN},
        {"pcie_to_gpu", 2.9, CHECK_WARN},    {"pcie_to_gpu", 3.1, CHECK_FAIL},
        {"pcie_to_gpu", -5, CHECK_PASS},     {"launch_latency", 0.9, CHECK_PASS},
        {"launch_latency", 1.1, CHECK_WARN}, {"launch_latency", 3.1, CHECK_FAIL},
    };
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct gpu_check *check = gpu_check_find(cases[i].check);
        struct finding *f;
        double factor;

        assert_non_null(check);
        factor = pow(check->peer_share, cases[i].times);
        again(fx);
        f = measure(fx, 0, 100);
        text_copy(f->check, sizeof f->check, check->name);
        save(fx);
        f->value = check->higher_is_worse ? 100 / factor : 100 * factor;
        compare(fx);
        if (fx->report.findings[0].result != cases[i].want || last(fx)->result != cases[i].want)
            fail_msg("case %zu is %s", i, check_result_names[fx->report.findings[0].result]);
    }
}

static void a_gpu_that_is_not_known_is_said_and_never_a_pass(void **state)
{
    struct fixture *fx = *state;

    measure(fx, 0, 18);
    save(fx);
    again(fx);
    measure(fx, 0, 9);
    text_copy(fx->report.gpus[0].uuid, sizeof fx->report.gpus[0].uuid, "GPU-other");
    compare(fx);
    assert_int_equal(last(fx)->result, CHECK_SKIP);
    assert_contains(last(fx)->detail, "no figure of this GPU is saved");
    fx->report.gpus[0].uuid[0] = '\0';
    compare(fx);
    assert_int_equal(last(fx)->result, CHECK_SKIP);
    assert_false(last(fx)->is_moot);
}

static void figures_that_were_not_measured_now_are_no_pass(void **state)
{
    struct fixture *fx = *state;

    measure(fx, 0, 18);
    save(fx);
    fx->report.findings[0].result = CHECK_SKIP;
    compare(fx);
    assert_int_equal(last(fx)->result, CHECK_SKIP);
    assert_contains(last(fx)->detail, "none of the 1 saved figures");
    fx->report.findings[0].result = CHECK_PASS;
    text_copy(fx->report.findings[0].unit, sizeof fx->report.findings[0].unit, "lanes");
    compare(fx);
    assert_int_equal(last(fx)->result, CHECK_SKIP);
}

static void what_failed_by_itself_keeps_its_words(void **state)
{
    struct fixture *fx = *state;

    measure(fx, 0, 18);
    save(fx);
    again(fx);
    gpu_fail(measure(fx, 0, 2), REMEDY_INSPECT, "look", "own words");
    compare(fx);
    assert_string_equal(fx->report.findings[0].detail, "own words");
    assert_int_equal(last(fx)->result, CHECK_FAIL);
}

static void a_sick_machine_is_no_measure(void **state)
{
    struct fixture *fx = *state;
    size_t saved = 0;
    struct err e;

    measure(fx, 0, 18);
    fx->report.verdict = VERDICT_UNHEALTHY;
    assert_err(ERR_CONFLICT, gpu_baseline_save(fx->path, &fx->report, &saved, &e), &e);
    assert_contains(e.msg, "this run is unhealthy");
    fx->report.verdict = VERDICT_INCONCLUSIVE;
    assert_err(ERR_CONFLICT, gpu_baseline_save(fx->path, &fx->report, &saved, &e), &e);
    assert_int_equal(access(fx->path, F_OK), -1);
    fx->report.verdict = VERDICT_DEGRADED;
    assert_int_equal(save(fx), 1);
}

static void nothing_measured_is_nothing_saved(void **state)
{
    struct fixture *fx = *state;
    size_t saved = 0;
    struct err e;

    measure(fx, 0, 18)->result = CHECK_SKIP;
    assert_err(ERR_NOT_FOUND, gpu_baseline_save(fx->path, &fx->report, &saved, &e), &e);
    assert_contains(e.msg, "the state tier measured no figure");
}

static void saving_again_replaces_the_same_and_keeps_the_others(void **state)
{
    struct fixture *fx = *state;
    struct gpu_baseline b = {0};
    struct stat st;
    struct err e;

    measure(fx, 0, 18);
    measure(fx, 1, 18);
    save(fx);
    again(fx);
    measure(fx, 0, 16);
    save(fx);
    assert_ok(gpu_baseline_read(fx->path, &b, &e), &e);
    assert_int_equal(b.entry_count, 2);
    assert_true(b.entries[0].value == 16 && b.entries[1].value == 18);
    shape_release(&gpu_baseline_shape, &b);
    assert_int_equal(stat(fx->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_full_file_loses_its_oldest(void **state)
{
    struct fixture *fx = *state;
    struct gpu_baseline b = {.version = 1, .entry_count = GPU_BASELINE_ENTRIES_MAX};
    STRBUF out;
    struct err e;

    strbuf_init(&out, GPU_BASELINE_BYTES_MAX);
    b.entries = calloc(GPU_BASELINE_ENTRIES_MAX, sizeof *b.entries);
    assert_non_null(b.entries);
    for (size_t i = 0; i < b.entry_count; i++) {
        b.entries[i] = (struct gpu_baseline_entry){
            .value = 1, .unit = "x", .check = "c", .measured_at_ms = 1000 + (i == 77 ? 0 : 9000)};
        snprintf(b.entries[i].uuid, sizeof b.entries[i].uuid, "GPU-%zu", i);
    }
    shape_encode(&gpu_baseline_shape, &b, &out);
    assert_false(out.failed);
    snprintf(fx->path, sizeof fx->path, "%s/full.json", t_dir());
    assert_ok(file_write_passing(fx->path, out.data, out.len, 0600, &e), &e);
    shape_release(&gpu_baseline_shape, &b);
    measure(fx, 0, 18);
    save(fx);
    assert_ok(gpu_baseline_read(fx->path, &b, &e), &e);
    assert_int_equal(b.entry_count, GPU_BASELINE_ENTRIES_MAX);
    for (size_t i = 0; i < b.entry_count; i++)
        assert_string_not_equal(b.entries[i].uuid, "GPU-77");
    assert_string_equal(b.entries[b.entry_count - 1].uuid, UUID "0");
    shape_release(&gpu_baseline_shape, &b);
}

#define ENTRY                                                                     \
    "{\"uuid\":\"g\",\"check\":\"c\",\"value\":1,\"unit\":\"u\",\"measured_at\":" \
    "\"2026-01-01T00:00:00Z\"}"

static void a_broken_baseline_is_refused_with_its_line_and_left_alone(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "b.json: line 1"},
        {"{\"version\":1,\n\"entries\":[\n{\"uuid\":\"g\"}]}", "b.json:3: "},
        {"{\"version\":2,\"entries\":[]}", "b.json:1: "},
        {"{\"version\":1,\"entries\":[\n" ENTRY ",\n" ENTRY "]}", "b.json:3: a second entry"},
        {"{\"version\":1,\"entries\":[{\"uuid\":\"g\",\"check\":\"c\",\"value\":0,\"unit\":\"u\","
         "\"measured_at\":\"2026-01-01T00:00:00Z\"}]}",
         "value must be over 0"},
        {"{\"version\":1,\"entries\":[" ENTRY "],\"more\":1}", "unknown field 'more'"},
    };
    struct fixture *fx = *state;
    size_t saved = 0;
    STRBUF after = {0};
    struct err e;

    measure(fx, 0, 18);
    snprintf(fx->path, sizeof fx->path, "%s/broken.json", t_dir());
    strbuf_init(&after, 4096);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct gpu_baseline b = {0};
        size_t len = strlen(cases[i].text);

        assert_err(ERR_INVALID, gpu_baseline_parse("b.json", cases[i].text, len, &b, &e), &e);
        assert_contains(e.msg, cases[i].words);
        assert_ok(file_write_passing(fx->path, cases[i].text, len, 0600, &e), &e);
        assert_err(ERR_INVALID, gpu_baseline_save(fx->path, &fx->report, &saved, &e), &e);
        assert_contains(e.msg, "baseline not saved: ");
        strbuf_reset(&after);
        assert_ok(file_read(fx->path, &after, &e), &e);
        assert_string_equal(after.data, cases[i].text);
    }
}

static void a_baseline_that_cannot_be_read_is_an_error_of_the_machine(void **state)
{
    struct fixture *fx = *state;
    struct gpu_baseline b = {.problem = "no file 'x'"};
    struct err e;

    measure(fx, 0, 18);
    assert_ok(gpu_baseline_compare(&b, &fx->report, &e), &e);
    assert_int_equal(last(fx)->result, CHECK_ERROR);
    assert_int_equal(last(fx)->gpu_index, -1);
    assert_string_equal(last(fx)->detail, "no file 'x'");
}

static void the_file_lies_where_programs_keep_their_state(void **state)
{
    char path[300], tiny[8];
    struct err e;

    (void)state;
    setenv("HOME", "/h", 1);
    setenv("XDG_STATE_HOME", "/s", 1);
    assert_ok(gpu_baseline_path(path, sizeof path, &e), &e);
    assert_string_equal(path, "/s/hourglass/gpu-baseline.json");
    setenv("XDG_STATE_HOME", "relative", 1);
    assert_ok(gpu_baseline_path(path, sizeof path, &e), &e);
    assert_string_equal(path, "/h/.local/state/hourglass/gpu-baseline.json");
    assert_err(ERR_NOT_FOUND, gpu_baseline_path(tiny, sizeof tiny, &e), &e);
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    assert_err(ERR_NOT_FOUND, gpu_baseline_path(path, sizeof path, &e), &e);
    assert_contains(e.msg, "--baseline-file");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_saved_is_compared_and_nothing_is_worse),
        TEST(a_gpu_that_got_worse_is_found),
        TEST(a_rate_may_vary_a_little_and_a_latency_much),
        TEST(a_gpu_that_is_not_known_is_said_and_never_a_pass),
        TEST(figures_that_were_not_measured_now_are_no_pass),
        TEST(what_failed_by_itself_keeps_its_words),
        TEST(a_sick_machine_is_no_measure),
        TEST(nothing_measured_is_nothing_saved),
        TEST(saving_again_replaces_the_same_and_keeps_the_others),
        TEST(a_full_file_loses_its_oldest),
        TEST(a_broken_baseline_is_refused_with_its_line_and_left_alone),
        TEST(a_baseline_that_cannot_be_read_is_an_error_of_the_machine),
        TEST(the_file_lies_where_programs_keep_their_state),
    };

    return T_RUN("gpu baseline", tests);
}
