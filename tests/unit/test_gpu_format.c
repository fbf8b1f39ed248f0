/* A report as JUnit, as Prometheus' text, as a chart, as a schema: escaped whatever is in it. */
#include "tests/support/t.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"
#include "core/text.h"
#include "gpu/chart.h"
#include "gpu/exit.h"
#include "gpu/format.h"
#include "gpu/output.h"

#define XMLLINT     "/usr/bin/xmllint"
#define COLUMNS_MAX 80

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
                                 .verdict = VERDICT_UNHEALTHY,
                                 .started_at_ms = 1700000000000,
                                 .ended_at_ms = 1700000000250};
    fx->report.gpus = calloc(GPUS_PER_INSTANCE_MAX, sizeof *fx->report.gpus);
    fx->report.findings = calloc(REPORT_FINDINGS_MAX, sizeof *fx->report.findings);
    assert_non_null(fx->report.gpus);
    assert_non_null(fx->report.findings);
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

static void gpu_add(struct fixture *fx, const char *model, const char *uuid)
{
    struct report_gpu *g = &fx->report.gpus[fx->report.gpu_count];

    g->index = (int64_t)fx->report.gpu_count++;
    text_copy(g->model, sizeof g->model, model);
    text_copy(g->uuid, sizeof g->uuid, uuid);
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

static void write_as(struct fixture *fx, enum gpu_format format)
{
    strbuf_reset(&fx->out);
    gpu_report_write(format, &fx->report, &fx->style, &fx->out);
    assert_false(fx->out.failed);
}

/* One finding of each kind for the machine and a GPU, with the worst words there are. */
static void fill_with_hostile_words(struct fixture *fx)
{
    static const char bad[] = "a\"<b>&'\\ ]]>\n\x1b[2J\x01\xff\xef\xbf\xbe\xe2\x80\xae--><!--";

    gpu_add(fx, bad, bad);
    text_copy(fx->report.host, sizeof fx->report.host, bad);
    text_copy(fx->report.summary, sizeof fx->report.summary, bad);
    for (int i = CHECK_PASS; i <= CHECK_ERROR; i++) {
        struct finding *f = say(fx, bad, i % 2 - 1, (enum check_result)i, bad);

        text_copy(f->action, sizeof f->action, bad);
        gpu_figure(f, 1.5 + i, 2, bad);
    }
}

/* Tags that nest and match, quoted attributes, known entities, no byte that XML forbids. Not all
 * of XML, but what a JUnit reader needs of this writer. */
static void assert_well_formed(const char *xml)
{
    char open[16][64];
    size_t depth = 0;

    assert_true(strncmp(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", 39) == 0);
    for (const char *c = xml + 39; *c; c++) {
        assert_true((unsigned char)*c >= ' ' || *c == '\n');
        if (*c == '&') {
            assert_true(strncmp(c, "&amp;", 5) == 0 || strncmp(c, "&lt;", 4) == 0 ||
                        strncmp(c, "&gt;", 4) == 0 || strncmp(c, "&quot;", 6) == 0 ||
                        strncmp(c, "&apos;", 6) == 0);
        } else if (*c == '<') {
            const char *end = strchr(c, '>');
            size_t name = strcspn(c + 1, " />\n");

            assert_non_null(end);
            assert_null(memchr(c + 1, '<', (size_t)(end - c - 1)));
            if (c[1] == '/') {
                assert_true(depth > 0);
                name = strlen(open[--depth]);
                assert_memory_equal(c + 2, open[depth], name);
                assert_int_equal(c[2 + name], '>');
            } else if (end[-1] != '/') {
                assert_true(name > 0 && name < sizeof open[0] && depth < ARRAY_SIZE(open));
                snprintf(open[depth++], sizeof open[0], "%.*s", (int)name, c + 1);
            }
            c = end;
        }
    }
    assert_int_equal(depth, 0);
}

static void junit_is_well_formed_whatever_is_in_it(void **state)
{
    struct fixture *fx = *state;

    fill_with_hostile_words(fx);
    write_as(fx, GPU_FORMAT_junit);
    assert_true(text_is_utf8(fx->out.data, fx->out.len));
    assert_well_formed(fx->out.data);
    assert_null(strstr(fx->out.data, "\xef\xbf\xbe"));
}

/* The same by a parser that others wrote, where it is installed (libxml2-utils). */
static void a_real_parser_takes_the_junit(void **state)
{
    struct fixture *fx = *state;
    char path[600];
    const char *argv[] = {XMLLINT, "--noout", "--nonet", path, NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", NULL};
    struct process p = {.argv = argv, .env = env, .timeout_ms = 30000, .errors = &fx->out};
    int status = 0;
    struct err e;

    if (access(XMLLINT, X_OK) != 0)
        skip();
    fill_with_hostile_words(fx);
    write_as(fx, GPU_FORMAT_junit);
    snprintf(path, sizeof path, "%s/junit.xml", t_dir());
    assert_ok(file_write_passing(path, fx->out.data, fx->out.len, 0600, &e), &e);
    strbuf_reset(&fx->out);
    assert_ok(process_run(&p, &status, &e), &e);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s", fx->out.data);
}

static void junit_has_a_case_for_each_finding_and_its_outcome(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100", "GPU-1");
    say(fx, "driver", -1, CHECK_PASS, "driver 580");
    say(fx, "clocks", 0, CHECK_WARN, "slow");
    text_copy(say(fx, "row_remap", 0, CHECK_FAIL, "a row")->action, 8, "replace");
    say(fx, "xid", 0, CHECK_SKIP, "only root");
    say(fx, "ecc", 0, CHECK_ERROR, "no answer");
    write_as(fx, GPU_FORMAT_junit);
    assert_contains(fx->out.data,
                    "tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"0.250\"");
    assert_contains(fx->out.data, "<testsuite name=\"machine\" tests=\"1\" failures=\"0\"");
    assert_contains(fx->out.data, "<testsuite name=\"gpu0 H100\" tests=\"4\"");
    assert_contains(fx->out.data, "<property name=\"uuid\" value=\"GPU-1\"/>");
    assert_contains(fx->out.data, "<failure message=\"a row\">a row do: replace</failure>");
    assert_contains(fx->out.data, "<skipped message=\"only root\">");
    assert_contains(fx->out.data, "<error message=\"no answer\">");
    assert_contains(fx->out.data, "<system-out>warning: slow</system-out>");
}

/* Every line is a comment or NAME{LABELS} NUMBER, labels quoted as the format asks. */
static void assert_exposition(const char *text)
{
    while (*text) {
        const char *end = strchr(text, '\n'), *c = text;
        char *after = NULL;

        assert_non_null(end);
        if (*c != '#') {
            assert_true(strncmp(c, "hourglass_gpu_", 14) == 0);
            c += strspn(c, "abcdefghijklmnopqrstuvwxyz_");
            if (*c == '{') {
                for (bool quoted = false; quoted || *c != '}'; c++) {
                    assert_true(c < end);
                    if (quoted && *c == '\\') {
                        c++;
                        assert_true(*c == '\\' || *c == '"' || *c == 'n');
                    } else if (*c == '"') {
                        quoted = !quoted;
                    }
                }
                c++;
            }
            assert_int_equal(*c, ' ');
            strtod(c + 1, &after);
            assert_ptr_equal(after, end);
        }
        text = end + 1;
    }
}

static void prometheus_reads_every_line_whatever_is_in_it(void **state)
{
    struct fixture *fx = *state;

    fill_with_hostile_words(fx);
    write_as(fx, GPU_FORMAT_prometheus);
    assert_true(text_is_utf8(fx->out.data, fx->out.len));
    assert_exposition(fx->out.data);
}

static void prometheus_gets_status_value_floor_and_verdict(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100", "GPU-1");
    say(fx, "driver", -1, CHECK_PASS, "");
    gpu_figure(say(fx, "memory_read", 0, CHECK_FAIL, ""), 2500.5, 3015, "GB/s");
    write_as(fx, GPU_FORMAT_prometheus);
    assert_contains(fx->out.data,
                    "hourglass_gpu_check_status{gpu=\"\",uuid=\"\",check=\"driver\"} 0\n");
    assert_contains(
        fx->out.data,
        "hourglass_gpu_check_status{gpu=\"0\",uuid=\"GPU-1\",check=\"memory_read\"} 2\n");
    assert_contains(fx->out.data, "hourglass_gpu_check_value{gpu=\"0\",uuid=\"GPU-1\","
                                  "check=\"memory_read\",unit=\"GB/s\"} 2500.5\n");
    assert_contains(fx->out.data, "hourglass_gpu_check_floor{gpu=\"0\",uuid=\"GPU-1\","
                                  "check=\"memory_read\",unit=\"GB/s\"} 3015\n");
    assert_contains(fx->out.data, "hourglass_gpu_verdict{tier=\"state\"} 2\n");
    assert_contains(fx->out.data, "hourglass_gpu_last_run_timestamp_seconds 1700000000.250\n");
    assert_contains(fx->out.data, "# TYPE hourglass_gpu_check_status gauge\n");
}

static void a_renter_is_told_what_a_renter_can_do(void **state)
{
    struct fixture *fx = *state;
    struct finding *f = say(fx, "row_remap", 0, CHECK_FAIL, "a row");

    gpu_add(fx, "H100", "GPU-1");
    f->remedy = REMEDY_RESET;
    text_copy(f->action, sizeof f->action, "nvidia-smi --gpu-reset");
    fx->style.audience = GPU_FOR_RENTER;
    write_as(fx, GPU_FORMAT_text);
    assert_contains(fx->out.data, "do: save your work and ask your provider to reset this GPU");
    assert_null(strstr(fx->out.data, "nvidia-smi"));
    fx->style.audience = GPU_FOR_OPERATOR;
    write_as(fx, GPU_FORMAT_text);
    assert_contains(fx->out.data, "do: nvidia-smi --gpu-reset");
    f->remedy = REMEDY_NONE;
    assert_string_equal(gpu_finding_action(f, GPU_FOR_RENTER), "nvidia-smi --gpu-reset");
}

static void every_remedy_has_words_for_a_renter(void **state)
{
    (void)state;
    for (size_t i = REMEDY_NONE + 1; remedy_names[i]; i++)
        assert_true(remedy_renter_texts[i][0]);
}

static void figures_are_written_as_people_read_them(void **state)
{
    static const struct {
        double value;
        const char *want;
    } cases[] = {{0, "0"},          {18, "18"},          {4560.123, "4560"},
                 {54.123, "54.12"}, {0.51234, "0.5123"}, {123456, "123456"},
                 {-3, "-3"},        {1e30, "1e+30"}};
    char buf[GPU_NUMBER_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(gpu_number_text(cases[i].value, buf), cases[i].want);
}

static void rates_add(struct fixture *fx, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        gpu_add(fx, "NVIDIA H200", "");
        gpu_figure(say(fx, "memory_read", (int64_t)i, CHECK_PASS, ""), i == 1 ? 3000 : 4560, 4320,
                   "GB/s");
    }
}

static size_t lines_check(const char *text)
{
    size_t lines = 0;

    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1, lines++) {
        char line[512];

        snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
        if (text_width(line) > COLUMNS_MAX)
            fail_msg("%d columns: %s", text_width(line), line);
    }
    return lines;
}

static void a_chart_shows_how_much_of_the_peak_is_reached(void **state)
{
    struct fixture *fx = *state;

    rates_add(fx, 2);
    gpu_chart_check_text(&fx->report, "memory_read", &fx->style, &fx->out);
    assert_string_equal(fx->out.data,
                        "memory_read     1       #############......|.. 3000 GB/s, 62 % of peak\n"
                        "memory_read     0       ####################.. 4560 GB/s, 95 % of peak\n");
    strbuf_reset(&fx->out);
    fx->style.is_utf8 = true;
    gpu_chart_check_text(&fx->report, "memory_read", &fx->style, &fx->out);
    assert_true(text_is_utf8(fx->out.data, fx->out.len));
    assert_contains(fx->out.data, "\xe2\x96\x88\xe2\x96\x89 ");
    assert_int_equal(lines_check(fx->out.data), 2);
}

static void a_chart_without_a_peak_compares_with_the_best(void **state)
{
    struct fixture *fx = *state;

    rates_add(fx, 2);
    for (size_t i = 0; i < 2; i++)
        fx->report.findings[i].floor = 0;
    gpu_chart_check_text(&fx->report, "memory_read", &fx->style, &fx->out);
    assert_contains(fx->out.data, "4560 GB/s, 100 % of best");
    assert_contains(fx->out.data, "3000 GB/s, 66 % of best");
}

static void gpus_that_do_alike_share_a_line_after_the_slowest(void **state)
{
    struct fixture *fx = *state;

    rates_add(fx, 16);
    gpu_chart_check_text(&fx->report, "memory_read", &fx->style, &fx->out);
    assert_int_equal(lines_check(fx->out.data), 2);
    assert_contains(fx->out.data, "memory_read     1       ");
    assert_contains(fx->out.data, "memory_read     0,2-15  ");
    strbuf_reset(&fx->out);
    fx->report.findings[4].value = 1000;
    fx->report.findings[9].value = 2000;
    gpu_chart_check_text(&fx->report, "memory_read", &fx->style, &fx->out);
    assert_int_equal(lines_check(fx->out.data), 4);
    assert_contains(fx->out.data, "memory_read     13 GPUs ");
}

static void a_chart_holds_what_it_is_given(void **state)
{
    static const double values[] = {0, 1e300, 123456789, 0.001};
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        gpu_add(fx, "model", "");
        gpu_figure(say(fx, "a_very_long_name_of_a_check", (int64_t)i, CHECK_PASS, ""), values[i], 0,
                   "a long unit name");
    }
    say(fx, "a_very_long_name_of_a_check", 0, CHECK_SKIP, "no figure");
    gpu_chart_check_text(&fx->report, "a_very_long_name_of_a_check", &fx->style, &fx->out);
    assert_int_equal(lines_check(fx->out.data), ARRAY_SIZE(values));
}

static void the_schema_in_the_repository_is_the_one_that_is_printed(void **state)
{
    struct fixture *fx = *state;
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[1024];
    STRBUF file = {0};
    struct err e;

    snprintf(path, sizeof path, "%s/docs/schema/gpu-report.json", source ? source : ".");
    strbuf_init(&file, GPU_OUTPUT_BYTES_MAX);
    gpu_report_schema(&fx->out);
    assert_false(fx->out.failed);
    assert_ok(file_read(path, &file, &e), &e);
    if (strcmp(file.data, fx->out.data) != 0)
        fail_msg("docs/schema/gpu-report.json is not what the shapes say: run 'make openapi'");
}

/* Every $ref leads somewhere, and what a report has is in the schema. */
static void assert_described(const json_t *schema, json_t *object, const char *name)
{
    const json_t *of = json_object_get(json_object_get(schema, "$defs"), name);
    const json_t *properties = json_object_get(of, "properties");
    const char *key;
    json_t *value;

    assert_non_null(properties);
    json_object_foreach(object, key, value)
    {
        if (!json_object_get(properties, key))
            fail_msg("%s has no '%s'", name, key);
    }
}

static void a_report_is_as_its_schema_says(void **state)
{
    struct fixture *fx = *state;
    json_t *schema = NULL, *report = NULL;
    struct err e;

    gpu_add(fx, "H100", "GPU-1");
    gpu_figure(say(fx, "clocks", 0, CHECK_FAIL, "words"), 1, 2, "x");
    gpu_report_schema(&fx->out);
    assert_ok(json_parse(fx->out.data, fx->out.len, &schema, &e), &e);
    assert_null(strstr(fx->out.data, "#/components/"));
    assert_string_equal(json_string_value(json_object_get(schema, "$ref")), "#/$defs/Report");
    write_as(fx, GPU_FORMAT_json);
    assert_ok(json_parse(fx->out.data, fx->out.len, &report, &e), &e);
    assert_described(schema, report, "Report");
    assert_described(schema, json_array_get(json_object_get(report, "gpus"), 0), "ReportGpu");
    assert_described(schema, json_array_get(json_object_get(report, "findings"), 0), "Finding");
    json_decref(schema);
    json_decref(report);
}

static void exit_codes_follow_their_scheme(void **state)
{
    static const struct {
        enum gpu_exit_scheme scheme;
        bool strict;
        int healthy, degraded, unhealthy, inconclusive;
    } want[] = {
        {GPU_EXITS_DEFAULT, false, 0, 4, 1, 3}, {GPU_EXITS_DEFAULT, true, 0, 4, 1, 3},
        {GPU_EXITS_NAGIOS, false, 0, 1, 2, 3},  {GPU_EXITS_NAGIOS, true, 0, 1, 2, 3},
        {GPU_EXITS_NPD, false, 0, 0, 1, 2},     {GPU_EXITS_NPD, true, 0, 1, 1, 2},
        {GPU_EXITS_SLURM, false, 0, 0, 1, 0},   {GPU_EXITS_SLURM, true, 0, 1, 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        enum gpu_exit_scheme s = want[i].scheme;
        bool strict = want[i].strict;

        assert_int_equal(gpu_exit_code(s, VERDICT_HEALTHY, strict), want[i].healthy);
        assert_int_equal(gpu_exit_code(s, VERDICT_DEGRADED, strict), want[i].degraded);
        assert_int_equal(gpu_exit_code(s, VERDICT_UNHEALTHY, strict), want[i].unhealthy);
        assert_int_equal(gpu_exit_code(s, VERDICT_INCONCLUSIVE, strict), want[i].inconclusive);
        assert_int_equal(gpu_exit_code(s, VERDICT_NONE, strict), want[i].inconclusive);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(junit_is_well_formed_whatever_is_in_it),
        TEST(a_real_parser_takes_the_junit),
        TEST(junit_has_a_case_for_each_finding_and_its_outcome),
        TEST(prometheus_reads_every_line_whatever_is_in_it),
        TEST(prometheus_gets_status_value_floor_and_verdict),
        TEST(a_renter_is_told_what_a_renter_can_do),
        TEST(every_remedy_has_words_for_a_renter),
        TEST(figures_are_written_as_people_read_them),
        TEST(a_chart_shows_how_much_of_the_peak_is_reached),
        TEST(a_chart_without_a_peak_compares_with_the_best),
        TEST(gpus_that_do_alike_share_a_line_after_the_slowest),
        TEST(a_chart_holds_what_it_is_given),
        TEST(the_schema_in_the_repository_is_the_one_that_is_printed),
        TEST(a_report_is_as_its_schema_says),
        TEST(exit_codes_follow_their_scheme),
    };

    return T_RUN("gpu formats", tests);
}
