/* hourglass-gpu's command line: list, checks, help, and what is refused. The real program. */
#include "tests/support/t.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"
#include "gpu/command.h"
#include "gpu/output.h"
#include "tests/support/fx_gpu.h"

static int setup(void **state)
{
    struct fx_gpu *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(fx, 8);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fx_gpu *fx = *state;

    fx_gpu_release(fx);
    free(fx);
    return 0;
}

static void listing_read(const struct fx_gpu *fx, struct gpu_listing *out)
{
    json_t *tree = NULL;
    struct err e;

    memset(out, 0, sizeof *out);
    assert_ok(json_parse(fx->out.data, fx->out.len, &tree, &e), &e);
    assert_ok(shape_decode(&gpu_listing_shape, tree, out, &e), &e);
    json_decref(tree);
}

static void list_names_every_gpu(void **state)
{
    struct fx_gpu *fx = *state;
    struct gpu_listing l;

    assert_int_equal(fx_gpu_run(fx, "list", "-o", "json", NULL), 0);
    listing_read(fx, &l);
    assert_int_equal(l.gpu_count, 8);
    assert_string_equal(l.gpus[7].uuid, "GPU-00000000-0000-4000-8000-000000000007");
    assert_string_equal(l.gpus[7].pci, "0000:17:00.0");
    assert_false(l.gpus[7].is_virtual);
    assert_string_equal(l.driver_version, "580.95.05");
    assert_string_equal(l.reason, "");
    shape_release(&gpu_listing_shape, &l);

    assert_int_equal(fx_gpu_run(fx, "list", NULL), 0);
    assert_contains(fx->out.data, "NVIDIA H100 80GB HBM3");
    assert_contains(fx->out.data, "GPU 7: 0.6 of 79.6 GiB");
}

static void list_without_a_driver_says_so_and_exits_3(void **state)
{
    struct fx_gpu *fx = *state;
    struct gpu_listing l;

    text_copy(fx->library, sizeof fx->library, "/nonexistent/nvml.so");
    assert_int_equal(fx_gpu_run(fx, "list", "-o", "json", NULL), 3);
    listing_read(fx, &l);
    assert_int_equal(l.gpu_count, 0);
    assert_contains(l.reason, "no NVIDIA driver");
    shape_release(&gpu_listing_shape, &l);

    assert_int_equal(fx_gpu_run(fx, "list", NULL), 3);
    assert_contains(fx->out.data, "hourglass-gpu: no NVIDIA driver");
}

static void list_tells_which_gpu_does_not_answer(void **state)
{
    struct fx_gpu *fx = *state;
    struct gpu_listing l;

    fx_gpu_script(fx, "gpu2.code.nvmlDeviceGetHandleByIndex_v2 15\n");
    assert_int_equal(fx_gpu_run(fx, "list", "-o", "json", NULL), 0);
    listing_read(fx, &l);
    assert_int_equal(l.gpu_count, 8);
    assert_string_equal(l.gpus[2].uuid, "");
    assert_contains(l.reason, "GPU 2: the GPU fell off the bus");
    shape_release(&gpu_listing_shape, &l);
}

static void list_answers_although_a_gpu_hangs(void **state)
{
    struct fx_gpu *fx = *state;
    struct gpu_listing l;

    fx_gpu_script(fx, "gpu2.hang.nvmlDeviceGetName 1\n");
    assert_int_equal(fx_gpu_run(fx, "list", "-o", "json", "-d", "2s", NULL), 0);
    listing_read(fx, &l);
    assert_string_equal(l.gpus[3].model, "NVIDIA H100 80GB HBM3");
    assert_contains(l.reason, "GPU 2: no answer in time");
    shape_release(&gpu_listing_shape, &l);
    assert_true(fx->took_ms < 4000);
}

static void checks_are_listed_from_the_table(void **state)
{
    struct fx_gpu *fx = *state;
    json_t *tree = NULL;
    struct err e;

    assert_int_equal(fx_gpu_run(fx, "checks", NULL), 0);
    for (size_t i = 0; i < gpu_check_count; i++)
        assert_contains(fx->out.data, gpu_checks[i]->name);
    assert_int_equal(fx_gpu_run(fx, "checks", "-o", "json", NULL), 0);
    assert_ok(json_parse(fx->out.data, fx->out.len, &tree, &e), &e);
    assert_int_equal(json_array_size(json_object_get(tree, "checks")), gpu_check_count);
    json_decref(tree);
}

static void the_text_report_groups_gpus_that_say_the_same(void **state)
{
    struct fx_gpu *fx = *state;

    fx_gpu_script(fx, "gpu3.field.145 1\n");
    assert_int_equal(fx_gpu_run(fx, "check", "--for=operator", NULL), 1);
    assert_contains(fx->out.data, "hourglass-gpu: unhealthy: gpu3 row_remap: ");
    assert_contains(fx->out.data, "row_remap            0-2,4-7    pass");
    assert_contains(fx->out.data, "row_remap            3          fail");
    assert_contains(fx->out.data, "do: ask the provider to replace the GPU");
    assert_contains(fx->out.data, "1 failed");
}

/* The loader finds the library by its usual name, as on a real machine. */
static void the_library_is_found_where_the_loader_looks(void **state)
{
    struct fx_gpu *fx = *state;
    const char *argv[] = {t_program("hourglass-gpu"), "list", "-o", "json", NULL};
    char link[600], path[600], script[600];
    const char *env[] = {path, script, "PATH=/usr/bin:/bin", NULL};
    struct process p = {.argv = argv, .env = env, .timeout_ms = 30000, .out = &fx->out};
    int status = 0;
    struct err e;

    fx_gpu_script(fx, "count 3\n");
    snprintf(link, sizeof link, "%s/libnvidia-ml.so.1", fx->dir);
    snprintf(path, sizeof path, "LD_LIBRARY_PATH=%s", fx->dir);
    snprintf(script, sizeof script, "HOURGLASS_FAKE_NVML=%s", fx->script);
    assert_int_equal(symlink(fx->library, link), 0);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_contains(fx->out.data, "\"index\":2");
    assert_null(strstr(fx->out.data, "\"index\":3"));
}

/* By a shell, which can close and limit what we cannot. Returns the exit status. */
static int shell_check(struct fx_gpu *fx, const char *before, const char *after)
{
    char command[2048], script[600];
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", script, NULL};
    struct process p = {
        .argv = argv, .env = env, .timeout_ms = 30000, .out = &fx->out, .errors = &fx->errors};
    int status = 0;
    struct err e;

    strbuf_reset(&fx->out);
    strbuf_reset(&fx->errors);
    snprintf(script, sizeof script, "HOURGLASS_FAKE_NVML=%s", fx->script);
    snprintf(command, sizeof command,
             "%s exec %s check --nvml %s --sysfs %s --dev %s --kmsg %s --uptime 1d %s", before,
             t_program("hourglass-gpu"), fx->library, fx->sysfs, fx->dev, fx->kmsg, after);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void an_answer_that_cannot_be_written_is_not_healthy(void **state)
{
    struct fx_gpu *fx = *state;

    assert_int_equal(shell_check(fx, "", ">/dev/full"), 3);
    assert_contains(fx->errors.data, "cannot write");
    assert_int_equal(shell_check(fx, "", ">&-"), 3);
    assert_contains(fx->errors.data, "cannot write");
    assert_int_equal(shell_check(fx, "", ">&- <&-"), 3);
    assert_contains(fx->errors.data, "cannot write");
}

/* Pipes to the processes that ask the driver must not take the place of what was closed. */
static void a_caller_that_closed_input_and_errors_gets_its_answer(void **state)
{
    static const char *const closed[] = {"<&-", "2>&-", "<&- 2>&-"};
    struct fx_gpu *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(closed); i++) {
        if (shell_check(fx, "", closed[i]) != 0)
            fail_msg("with '%s': %s", closed[i], fx->out.data);
        assert_contains(fx->out.data, "healthy: 8 GPUs");
    }
}

static void a_file_over_its_limit_is_told_and_ends_nothing(void **state)
{
    struct fx_gpu *fx = *state;
    char option[600];

    snprintf(option, sizeof option, "--textfile %s/gpu.prom", fx->dir);
    assert_int_equal(shell_check(fx, "ulimit -f 0;", option), 3);
    assert_contains(fx->out.data, "healthy: 8 GPUs");
    assert_contains(fx->errors.data, "gpu.prom");
}

static void named_checks_are_run_alone_in_their_tier(void **state)
{
    struct fx_gpu *fx = *state;
    struct report r;

    fx->only = "nvlink,pcie_to_gpu";
    assert_int_equal(fx_gpu_check(fx, &r), 0);
    assert_int_equal(r.finding_count, 16);
    assert_int_equal(r.tier, TIER_QUICK);
    assert_int_equal(fx_gpu_finding(&r, "nvlink", 7)->result, CHECK_PASS);
    assert_int_equal(fx_gpu_finding(&r, "pcie_to_gpu", 7)->result, CHECK_PASS);
    shape_release(&report_shape, &r);
    /* One that is skipped is no answer. */
    fx->only = "retired_pages";
    assert_int_equal(fx_gpu_check(fx, &r), 3);
    shape_release(&report_shape, &r);
}

static void help_and_version_are_answers(void **state)
{
    struct fx_gpu *fx = *state;

    assert_int_equal(fx_gpu_run(fx, "check", "--help", NULL), 0);
    assert_contains(fx->out.data, "usage: hourglass-gpu");
    assert_contains(fx->out.data, "exit (default): 0 healthy");
    assert_int_equal(fx_gpu_run(fx, "--version", NULL), 0);
    assert_contains(fx->out.data, "hourglass-gpu ");
}

/* Every --option of the help, with the man page's hyphens. */
static void the_man_page_knows_every_option(void **state)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[600], wanted[64];
    STRBUF page = {0}, help = {0};
    struct err e;

    UNUSED(state);
    strbuf_init(&page, 1 << 20);
    strbuf_init(&help, 1 << 20);
    snprintf(path, sizeof path, "%s/docs/man/hourglass-gpu.1", source ? source : ".");
    assert_ok(file_read(path, &page, &e), &e);
    gpu_help_text(&help);
    for (const char *at = help.data; (at = strstr(at, "--")) != NULL;) {
        size_t len = 0;

        for (; (*at == '-' || (*at >= 'a' && *at <= 'z')) && len < sizeof wanted - 2; at++) {
            if (*at == '-')
                wanted[len++] = '\\';
            wanted[len++] = *at;
        }
        wanted[len] = '\0';
        if (!strstr(page.data, wanted))
            fail_msg("docs/man/hourglass-gpu.1 does not know %s", wanted);
    }
}

static void wrong_usage_is_refused_with_exit_2(void **state)
{
    static const struct {
        const char *args[4], *words;
    } cases[] = {
        {{"check", "--tier", "deep"}, "no tier is called 'deep'; there is: state, quick"},
        {{"list", "--tier", "state"}, "--tier belongs to check"},
        {{"list", "--only=nvlink"}, "--only belongs to check"},
        {{"check", "--only=nvlinks"}, "no check is called 'nvlinks'"},
        {{"check", "--only=nvlink,"}, "no check is called ''"},
        {{"check", "--only="}, "no check is called ''"},
        {{"list", "--burn=1m"}, "--burn belongs to check"},
        {{"list", "--budget=1m"}, "--budget belongs to check"},
        {{"check", "--budget=0"}, "--budget must be from 1s to 1h"},
        {{"list", "--strict"}, "--strict belongs to check"},
        {{"list", "--floors=x"}, "--floors belongs to check"},
        {{"checks", "--baseline=save"}, "--baseline belongs to check"},
        {{"checks", "--for=renter"}, "--for belongs to check"},
        {{"list", "--textfile=x"}, "--textfile belongs to check"},
        {{"list", "-o", "junit"}, "only check is written as junit"},
        {{"check", "--baseline=keep"}, "--baseline cannot be 'keep'; there is: off, save, compare"},
        {{"check", "--baseline-file=x"}, "--baseline-file needs --baseline"},
        {{"check", "--for=me"}, "--for cannot be 'me'; there is: operator, renter"},
        {{"check", "--exit=sge"}, "there is: default, nagios, npd, slurm"},
        {{"check", "--floors=/nonexistent"}, "no file '/nonexistent'"},
        {{"check", "--burn=1m"}, "--burn belongs to --tier burn or soak"},
        {{"check", "--tier=burn", "--burn=2h"}, "--burn must be from 1s to 1h"},
        {{"check", "--tier=burn", "--burn=long"}, "--burn: "},
        {{"check", "--cuda"}, "needs a value"},
        {{"check", "-o", "yaml"}, "cannot write 'yaml'"},
        {{"check", "--deadline", "0"}, "from 1s to 1h"},
        {{"check", "--deadline", "2h"}, "from 1s to 1h"},
        {{"check", "--deadline", "soon"}, "--deadline"},
        {{"check", "--uptime", "long"}, "--uptime"},
        {{"check", "--frobnicate"}, "no option '--frobnicate'"},
        {{"check", "-z"}, "no option '-z'"},
        {{"check", "--output"}, "needs a value"},
        {{"check", "now"}, "'now' is one word too many"},
        {{"burn"}, "there is no 'burn'; there is: list, check, checks, schema, watch"},
    };
    struct fx_gpu *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *const *a = cases[i].args;

        if (fx_gpu_run(fx, a[0], a[1], a[2], NULL) != 2)
            fail_msg("'%s %s' exits with %d", a[0], a[1] ? a[1] : "", fx->code);
        assert_string_equal(fx->out.data, "");
        assert_contains(fx->errors.data, cases[i].words);
        if (!strstr(cases[i].words, "no file"))
            assert_contains(fx->errors.data, "--help");
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(list_names_every_gpu),
        TEST(list_without_a_driver_says_so_and_exits_3),
        TEST(list_tells_which_gpu_does_not_answer),
        TEST(list_answers_although_a_gpu_hangs),
        TEST(checks_are_listed_from_the_table),
        TEST(the_text_report_groups_gpus_that_say_the_same),
        TEST(the_library_is_found_where_the_loader_looks),
        TEST(an_answer_that_cannot_be_written_is_not_healthy),
        TEST(a_caller_that_closed_input_and_errors_gets_its_answer),
        TEST(a_file_over_its_limit_is_told_and_ends_nothing),
        TEST(named_checks_are_run_alone_in_their_tier),
        TEST(help_and_version_are_answers),
        TEST(the_man_page_knows_every_option),
        TEST(wrong_usage_is_refused_with_exit_2),
    };

    return T_RUN("gpu command line", tests);
}
