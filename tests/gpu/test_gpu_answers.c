/* What hourglass-gpu check does with its answer: formats, files, exit codes, and the scripts that
 * Slurm runs, with a fake scontrol. The real program on a fake machine. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"
#include "gpu/runner.h"
#include "tests/support/fx_gpu.h"

#define ROW_REMAP_OF_GPU_3 "gpu3.field.145 1\n"

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

static const char *in_dir(const struct fx_gpu *fx, const char *name)
{
    static char path[700];

    snprintf(path, sizeof path, "%s/%s", fx->dir, name);
    return path;
}

static void read_text(const char *path, struct strbuf *out)
{
    struct err e;

    strbuf_reset(out);
    assert_ok(file_read(path, out, &e), &e);
}

static void exit_codes_are_those_that_were_asked_for(void **state)
{
    static const struct {
        const char *script, *scheme, *strict;
        int want;
    } cases[] = {
        {"", "--exit=default", NULL, 0},
        {ROW_REMAP_OF_GPU_3, "--exit=default", NULL, 1},
        {ROW_REMAP_OF_GPU_3, "--exit=nagios", NULL, 2},
        {ROW_REMAP_OF_GPU_3, "--exit=npd", NULL, 1},
        {ROW_REMAP_OF_GPU_3, "--exit=slurm", NULL, 1},
        {"count 0\n", "--exit=nagios", NULL, 3},
        {"count 0\n", "--exit=npd", NULL, 2},
        {"count 0\n", "--exit=slurm", NULL, 0},
        {"count 0\n", "--exit=slurm", "--strict", 1},
    };
    struct fx_gpu *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fx_gpu_script(fx, cases[i].script);
        fx_gpu_run(fx, "check", "-d8s", cases[i].scheme, cases[i].strict, NULL);
        if (fx->code != cases[i].want)
            fail_msg("case %zu exits with %d: %.80s", i, fx->code, fx->out.data);
    }
}

/* Why: node problem detector shows the first 80 bytes, Slurm the reason as one line. */
static void the_first_line_fits_eighty_bytes(void **state)
{
    static const char *const scripts[] = {"", ROW_REMAP_OF_GPU_3, "count 0\n",
                                          "gpu2.hang.nvmlDeviceGetName 1\n"};
    struct fx_gpu *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
        fx_gpu_script(fx, scripts[i]);
        fx_gpu_run(fx, "check", "-d2s", NULL);
        assert_true(strncmp(fx->out.data, "hourglass-gpu: ", 15) == 0);
        assert_true(strcspn(fx->out.data, "\n") < 80);
    }
}

static void strict_makes_an_untested_check_inconclusive(void **state)
{
    struct fx_gpu *fx = *state;

    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", NULL), 0);
    fx_gpu_script(fx, "gpu1.code.nvmlDeviceValidateInforom 4\n");
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", NULL), 0);
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--strict", NULL), 3);
    assert_contains(fx->out.data, "hourglass-gpu: inconclusive: gpu1 inforom: ");
}

static void a_textfile_is_written_whole_and_readable(void **state)
{
    struct fx_gpu *fx = *state;
    struct stat st;
    char option[800];

    snprintf(option, sizeof option, "--textfile=%s", in_dir(fx, "gpu.prom"));
    fx_gpu_script(fx, ROW_REMAP_OF_GPU_3);
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", option, NULL), 1);
    assert_contains(fx->out.data, "hourglass-gpu: unhealthy");
    assert_int_equal(stat(in_dir(fx, "gpu.prom"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    read_text(in_dir(fx, "gpu.prom"), &fx->out);
    assert_contains(fx->out.data, "hourglass_gpu_verdict{tier=\"state\"} 2\n");
    assert_contains(fx->out.data, "check=\"row_remap\"} 2\n");
}

static void a_textfile_that_cannot_be_written_is_not_healthy(void **state)
{
    struct fx_gpu *fx = *state;

    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--textfile=/nonexistent/dir/gpu.prom", NULL),
                     3);
    assert_contains(fx->errors.data, "cannot create a file beside '/nonexistent/dir/gpu.prom'");
    assert_contains(fx->out.data, "hourglass-gpu: healthy");
}

static void floors_of_ones_own_are_refused_with_their_line(void **state)
{
    struct fx_gpu *fx = *state;
    char option[800];

    snprintf(option, sizeof option, "--floors=%s", in_dir(fx, "floors.json"));
    fx_gpu_file(in_dir(fx, "floors.json"), "{\"floors\":\n [{\"model\": 7}]}");
    assert_int_equal(fx_gpu_run(fx, "check", option, NULL), 2);
    assert_string_equal(fx->out.data, "");
    assert_contains(fx->errors.data, "floors.json:2: ");
    fx_gpu_file(in_dir(fx, "floors.json"), "{\"floors\": []}");
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", option, NULL), 0);
}

static void figures_are_saved_and_compared(void **state)
{
    struct fx_gpu *fx = *state;
    char file[800];

    snprintf(file, sizeof file, "--baseline-file=%s", in_dir(fx, "state/baseline.json"));
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--baseline=compare", file, NULL), 3);
    assert_contains(fx->out.data, "baseline             -          error");
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--baseline=save", file, NULL), 0);
    assert_contains(fx->errors.data, " figures saved in ");
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--baseline=compare", file, NULL), 0);
    assert_contains(fx->out.data, "baseline             0-7        pass");
    fx_gpu_script(fx, ROW_REMAP_OF_GPU_3);
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--baseline=save", file, NULL), 1);
    assert_contains(fx->errors.data, "baseline not saved: this run is unhealthy");
}

static void another_gpu_than_the_saved_one_is_said(void **state)
{
    struct fx_gpu *fx = *state;
    char file[800];

    snprintf(file, sizeof file, "--baseline-file=%s", in_dir(fx, "b.json"));
    fx_gpu_file(in_dir(fx, "b.json"), "{\"version\":1,\"entries\":[]}");
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--baseline=compare", file, NULL), 0);
    assert_contains(fx->out.data, "no figure of this GPU is saved");
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "--baseline=compare", "--strict", file, NULL),
                     3);
}

static void junit_and_prometheus_are_formats_of_check(void **state)
{
    struct fx_gpu *fx = *state;

    fx_gpu_script(fx, ROW_REMAP_OF_GPU_3);
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "-o", "junit", NULL), 1);
    assert_contains(fx->out.data, "<testcase classname=\"hourglass-gpu\" name=\"row_remap\">");
    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", "-o", "prometheus", NULL), 1);
    assert_contains(fx->out.data, "hourglass_gpu_count 8\n");
    assert_int_equal(fx_gpu_run(fx, "schema", NULL), 0);
    assert_contains(fx->out.data, "\"$ref\": \"#/$defs/Report\"");
}

static void nothing_is_shown_of_progress_where_there_is_no_terminal(void **state)
{
    struct fx_gpu *fx = *state;

    assert_int_equal(fx_gpu_run(fx, "check", "-d8s", NULL), 0);
    assert_string_equal(fx->errors.data, "");
}

/* The whole program with a terminal for its errors: what a person sees while it runs. */
static void progress_is_shown_on_a_terminal_and_taken_away(void **state)
{
    struct fx_gpu *fx = *state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal, status = 0;
    char script[600], seen[65536];
    size_t len = 0;
    pid_t pid;

    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    snprintf(script, sizeof script, "HOURGLASS_FAKE_NVML=%s", fx->script);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char term[] = "TERM=xterm", *env[] = {script, term, NULL};

        dup2(terminal, STDERR_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execle(t_program("hourglass-gpu"), "hourglass-gpu", "check", "-d8s", "--nvml", fx->library,
               "--sysfs", fx->sysfs, "--proc", fx->proc, "--dev", fx->dev, "--kmsg", fx->kmsg,
               (char *)NULL, env);
        _exit(127);
    }
    close(terminal);
    for (ssize_t n;
         len < sizeof seen - 1 && (n = read(master, seen + len, sizeof seen - 1 - len)) > 0;)
        len += (size_t)n;
    seen[len] = '\0';
    close(master);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_contains(seen, "\rhourglass-gpu: 0 of ");
    assert_contains(seen, ": gpu7 ");
    assert_contains(seen, ": machine driver");
    assert_contains(seen, " \r");
    assert_null(strchr(seen, '\n'));
}

/* The library of the runner itself: a millisecond is over before any GPU was asked. */
static void a_budget_skips_the_deeper_checks_and_never_the_state(void **state)
{
    struct fx_gpu *fx = *state;
    struct gpu_options o = gpu_options_default();
    struct report report = {0};
    size_t skipped = 0;
    struct err e;

    setenv("HOURGLASS_FAKE_NVML", fx->script, 1);
    o.nvml_path = fx->library;
    o.cuda_path = fx->cuda;
    o.sysfs_dir = fx->sysfs;
    o.proc_dir = fx->proc;
    o.dev_dir = fx->dev;
    o.kmsg_path = fx->kmsg;
    o.uptime_ms = 86400000;
    o.budget_ms = 1;
    assert_ok(gpu_report_run(&o, TIER_QUICK, &report, &e), &e);
    for (size_t i = 0; i < report.finding_count; i++)
        skipped += strcmp(report.findings[i].detail,
                          "not run: the time given with --budget was over") == 0;
    assert_true(skipped > 0);
    assert_int_equal(fx_gpu_finding(&report, "pcie_to_gpu", 0)->result, CHECK_SKIP);
    assert_int_equal(fx_gpu_finding(&report, "row_remap", 0)->result, CHECK_PASS);
    assert_int_equal(report.verdict, VERDICT_INCONCLUSIVE);
    shape_release(&report_shape, &report);
}

/* A node as Slurm shows it, and what was asked of it. */
static void slurm_make(const struct fx_gpu *fx, const char *node_state, const char *reason)
{
    char text[4096];

    snprintf(text, sizeof text,
             "#!/bin/sh\n"
             "if [ \"$1\" = show ]; then\n"
             "  echo 'NodeName=n1 Arch=x86_64'\n"
             "  echo '   State=%s ThreadsPerCore=2'\n"
             "  echo '   Reason=%s [root@2026-11-20T13:35:20]'\n"
             "else\n"
             "  echo \"$@\" >> %s/asked\n"
             "fi\n",
             node_state, reason, fx->dir);
    fx_gpu_file(in_dir(fx, "scontrol"), text);
    assert_int_equal(chmod(in_dir(fx, "scontrol"), 0755), 0);
    fx_gpu_file(in_dir(fx, "asked"), "");
}

/* hourglass-gpu on the fake machine, as the scripts call it. */
static void gpu_make(const struct fx_gpu *fx)
{
    char text[8192];

    snprintf(text, sizeof text,
             "#!/bin/sh\n"
             "echo \"$@\" > %s/called\n"
             "HOURGLASS_FAKE_NVML=%s exec %s \"$@\" --uptime 86400 --nvml %s --sysfs %s --proc %s "
             "--dev %s --kmsg %s\n",
             fx->dir, fx->script, t_program("hourglass-gpu"), fx->library, fx->sysfs, fx->proc,
             fx->dev, fx->kmsg);
    fx_gpu_file(in_dir(fx, "gpu"), text);
    assert_int_equal(chmod(in_dir(fx, "gpu"), 0755), 0);
}

/* No PATH, as Slurm gives none. */
static int script_run(struct fx_gpu *fx, const char *script, const char *gpu, const char *more)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[600], gpu_env[800], scontrol[800];
    const char *argv[] = {"/bin/sh", path, NULL};
    const char *env[] = {gpu_env, scontrol, "SLURMD_NODENAME=n1", more, NULL};
    struct process p = {
        .argv = argv, .env = env, .timeout_ms = 60000, .out = &fx->out, .errors = &fx->errors};
    int status = 0;
    struct err e;

    snprintf(path, sizeof path, "%s/share/slurm/%s", source ? source : ".", script);
    snprintf(gpu_env, sizeof gpu_env, "HOURGLASS_GPU=%s", gpu);
    snprintf(scontrol, sizeof scontrol, "HOURGLASS_SCONTROL=%s/scontrol", fx->dir);
    strbuf_reset(&fx->out);
    strbuf_reset(&fx->errors);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int prolog(struct fx_gpu *fx, const char *script, const char *more)
{
    gpu_make(fx);
    fx_gpu_script(fx, script);
    return script_run(fx, "prolog.sh", in_dir(fx, "gpu"), more);
}

static void the_prolog_stops_a_job_only_before_a_broken_gpu(void **state)
{
    struct fx_gpu *fx = *state;

    assert_int_equal(prolog(fx, "", NULL), 0);
    assert_string_equal(fx->errors.data, "");
    assert_int_equal(prolog(fx, ROW_REMAP_OF_GPU_3, NULL), 1);
    assert_contains(fx->errors.data, "hourglass-gpu: unhealthy: gpu3 row_remap");
    assert_int_equal(prolog(fx, "count 0\n", NULL), 0);
    assert_int_equal(prolog(fx, "count 0\n", "HOURGLASS_STRICT=1"), 1);
    read_text(in_dir(fx, "called"), &fx->out);
    assert_contains(fx->out.data, "check --tier state --deadline 4s --exit slurm");
}

static void a_prolog_without_the_checker_lets_the_job_run_and_says_so(void **state)
{
    struct fx_gpu *fx = *state;

    assert_int_equal(script_run(fx, "prolog.sh", "/nonexistent/hourglass-gpu", NULL), 0);
    assert_contains(fx->errors.data, "the GPUs were not checked");
    assert_int_equal(script_run(fx, "prolog.sh", "/bin/false", NULL), 0);
    assert_contains(fx->errors.data, "ended with 1: the GPUs were not checked");
}

/* What the health check asked of Slurm, in fx->out. */
static void healthcheck(struct fx_gpu *fx, const char *script, const char *node_state,
                        const char *reason, const char *more)
{
    gpu_make(fx);
    slurm_make(fx, node_state, reason);
    fx_gpu_script(fx, script);
    assert_int_equal(script_run(fx, "healthcheck.sh", in_dir(fx, "gpu"), more), 0);
    read_text(in_dir(fx, "asked"), &fx->out);
}

static void the_health_check_drains_with_the_first_line_as_the_reason(void **state)
{
    struct fx_gpu *fx = *state;

    healthcheck(fx, ROW_REMAP_OF_GPU_3, "IDLE", "(null)", NULL);
    assert_contains(fx->out.data, "update NodeName=n1 State=DRAIN "
                                  "Reason=hourglass-gpu: unhealthy: gpu3 row_remap: ");
    healthcheck(fx, ROW_REMAP_OF_GPU_3, "MIXED", "(null)", NULL);
    assert_contains(fx->out.data, "State=DRAIN");
}

static void the_health_check_leaves_a_drained_node_its_reason(void **state)
{
    struct fx_gpu *fx = *state;

    healthcheck(fx, ROW_REMAP_OF_GPU_3, "IDLE+DRAIN", "new disks", NULL);
    assert_string_equal(fx->out.data, "");
    healthcheck(fx, ROW_REMAP_OF_GPU_3, "IDLE+DRAIN", "hourglass-gpu: unhealthy: gpu1", NULL);
    assert_string_equal(fx->out.data, "");
}

static void the_health_check_resumes_only_what_it_drained(void **state)
{
    struct fx_gpu *fx = *state;

    healthcheck(fx, "", "IDLE+DRAIN", "hourglass-gpu: unhealthy: gpu3", NULL);
    assert_string_equal(fx->out.data, "update NodeName=n1 State=RESUME\n");
    healthcheck(fx, "", "IDLE+DRAIN", "new disks", NULL);
    assert_string_equal(fx->out.data, "");
    healthcheck(fx, "", "IDLE+DRAIN", "see hourglass-gpu: unhealthy", NULL);
    assert_string_equal(fx->out.data, "");
    healthcheck(fx, "", "IDLE", "hourglass-gpu: unhealthy: gpu3", NULL);
    assert_string_equal(fx->out.data, "");
}

static void what_could_not_be_tested_neither_drains_nor_resumes(void **state)
{
    struct fx_gpu *fx = *state;

    healthcheck(fx, "count 0\n", "IDLE", "(null)", NULL);
    assert_string_equal(fx->out.data, "");
    assert_contains(fx->errors.data, "not tested (exit 3): inconclusive");
    healthcheck(fx, "count 0\n", "IDLE+DRAIN", "hourglass-gpu: unhealthy: gpu3", NULL);
    assert_string_equal(fx->out.data, "");
    healthcheck(fx, "count 0\n", "IDLE", "(null)", "HOURGLASS_STRICT=1");
    assert_contains(fx->out.data, "State=DRAIN Reason=hourglass-gpu: inconclusive: ");
}

static void a_checker_that_cannot_start_drains_nothing(void **state)
{
    struct fx_gpu *fx = *state;

    slurm_make(fx, "IDLE", "(null)");
    assert_int_equal(script_run(fx, "healthcheck.sh", "/bin/false", NULL), 0);
    assert_contains(fx->errors.data, "not tested (exit 1)");
    assert_int_equal(script_run(fx, "healthcheck.sh", "/nonexistent", NULL), 0);
    read_text(in_dir(fx, "asked"), &fx->out);
    assert_string_equal(fx->out.data, "");
}

/* Why: what others parse must be what they parse. */
static void the_snippets_for_others_are_in_their_form(void **state)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    struct fx_gpu *fx = *state;
    const json_t *rule;
    json_t *tree = NULL;
    char path[600];
    struct err e;

    snprintf(path, sizeof path, "%s/share/npd/hourglass-gpu.json", source ? source : ".");
    read_text(path, &fx->out);
    assert_ok(json_parse(fx->out.data, fx->out.len, &tree, &e), &e);
    rule = json_array_get(json_object_get(tree, "rules"), 0);
    assert_string_equal(json_string_value(json_object_get(rule, "timeout")), "5s");
    assert_string_equal(json_string_value(json_object_get(rule, "condition")),
                        json_string_value(json_object_get(
                            json_array_get(json_object_get(tree, "conditions"), 0), "type")));
    json_decref(tree);
    snprintf(path, sizeof path, "%s/share/nhc/hourglass-gpu.nhc", source ? source : ".");
    read_text(path, &fx->out);
    assert_contains(fx->out.data, "\n * || check_cmd_status -t 5 -r 0 /");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exit_codes_are_those_that_were_asked_for),
        TEST(the_first_line_fits_eighty_bytes),
        TEST(strict_makes_an_untested_check_inconclusive),
        TEST(a_textfile_is_written_whole_and_readable),
        TEST(a_textfile_that_cannot_be_written_is_not_healthy),
        TEST(floors_of_ones_own_are_refused_with_their_line),
        TEST(figures_are_saved_and_compared),
        TEST(another_gpu_than_the_saved_one_is_said),
        TEST(junit_and_prometheus_are_formats_of_check),
        TEST(nothing_is_shown_of_progress_where_there_is_no_terminal),
        TEST(progress_is_shown_on_a_terminal_and_taken_away),
        TEST(a_budget_skips_the_deeper_checks_and_never_the_state),
        TEST(the_prolog_stops_a_job_only_before_a_broken_gpu),
        TEST(a_prolog_without_the_checker_lets_the_job_run_and_says_so),
        TEST(the_health_check_drains_with_the_first_line_as_the_reason),
        TEST(the_health_check_leaves_a_drained_node_its_reason),
        TEST(the_health_check_resumes_only_what_it_drained),
        TEST(what_could_not_be_tested_neither_drains_nor_resumes),
        TEST(a_checker_that_cannot_start_drains_nothing),
        TEST(the_snippets_for_others_are_in_their_form),
    };

    return T_RUN("gpu answers", tests);
}
