/* tests/gpu/acceptance.sh, which measures on machines with a GPU, on machines that are not there:
 * what it runs, what it sums up, and that nothing which was not measured counts as met. */
#include "tests/support/t.h"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/file.h"
#include "core/process.h"
#include "tests/support/fx_gpu.h"

#define FILES_MAX 8

struct fixture {
    struct fx_gpu gpu;
    char out[512], arguments[4096];
    char sanitizer[600]; /* SANITIZER= */
    struct strbuf summary, steps, said;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(&fx->gpu, 1);
    snprintf(fx->out, sizeof fx->out, "%s/out", fx->gpu.dir);
    text_copy(fx->sanitizer, sizeof fx->sanitizer, "SANITIZER=none");
    strbuf_init(&fx->summary, 1 << 20);
    strbuf_init(&fx->steps, 1 << 20);
    strbuf_init(&fx->said, 1 << 20);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    strbuf_release(&fx->summary);
    strbuf_release(&fx->steps);
    strbuf_release(&fx->said);
    fx_gpu_release(&fx->gpu);
    free(fx);
    return 0;
}

static void file_of(struct fixture *fx, const char *name, struct strbuf *out)
{
    char path[1024];
    struct err e;

    snprintf(path, sizeof path, "%s/%s", fx->out, name);
    strbuf_reset(out);
    assert_ok(file_read(path, out, &e), &e);
}

static void machine_arguments(struct fixture *fx)
{
    snprintf(fx->arguments, sizeof fx->arguments,
             "HOURGLASS_GPU_ARGS=--nvml %s --cuda %s --amd %s --sysfs %s --proc %s --dev %s "
             "--kmsg %s --uptime 86400",
             fx->gpu.library, fx->gpu.cuda, fx->gpu.amd_library, fx->gpu.sysfs, fx->gpu.proc,
             fx->gpu.dev, fx->gpu.kmsg);
}

/* Two repeats, a second of load; no cuBLAS and no memory checker, whatever is installed. */
static int acceptance(struct fixture *fx, const char *steps)
{
    char script[1024], fake[600], program[1024], ptx[1024], tools[1024], only[256];
    const char *source = getenv("HOURGLASS_SOURCE");
    const char *argv[] = {"bash", script, fx->out, NULL};
    const char *env[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                         "CUBLAS=none",
                         fx->sanitizer,
                         "ACCEPTANCE_REPEATS=2",
                         "ACCEPTANCE_BURN=1",
                         fake,
                         fx->arguments,
                         program,
                         ptx,
                         tools,
                         only,
                         NULL};
    struct process p = {.argv = argv, .env = env, .timeout_ms = 240000, .out = &fx->said};
    int status = 0;
    struct err e;

    snprintf(script, sizeof script, "%s/tests/gpu/acceptance.sh", source ? source : ".");
    snprintf(fake, sizeof fake, "HOURGLASS_FAKE_NVML=%s", fx->gpu.script);
    snprintf(program, sizeof program, "HOURGLASS_GPU=%s", t_program("hourglass-gpu"));
    snprintf(ptx, sizeof ptx, "HOURGLASS_GPU_PTX=%s", t_program("acceptance/hourglass-gpu-ptx"));
    snprintf(tools, sizeof tools, "ACCEPTANCE_BIN=%s", t_program("acceptance"));
    snprintf(only, sizeof only, "ACCEPTANCE_STEPS=%s", steps);
    machine_arguments(fx);
    assert_ok(process_run(&p, &status, &e), &e);
    file_of(fx, "summary.md", &fx->summary);
    file_of(fx, "steps.tsv", &fx->steps);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t occurrences(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

static size_t file_count(const char *path)
{
    DIR *dir = opendir(path);
    size_t n = 0;

    assert_non_null(dir);
    for (const struct dirent *d; (d = readdir(dir));)
        n += d->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void without_a_gpu_every_goal_is_skipped_with_the_reason(void **state)
{
    struct fixture *fx = *state;

    text_copy(fx->gpu.library, sizeof fx->gpu.library, "/nonexistent/libnvidia-ml.so.1");
    assert_int_equal(acceptance(fx, ""), 0);
    assert_int_equal(occurrences(fx->summary.data, "| skipped: no GPU: "), 13);
    assert_int_equal(occurrences(fx->summary.data, "| met |"), 0);
    assert_int_equal(occurrences(fx->summary.data, "| missed |"), 0);
    assert_int_equal(occurrences(fx->steps.data, "\n"),
                     occurrences(fx->steps.data, "\tskipped\t0\tno GPU: "));
}

static void goals_are_held_against_what_a_run_measured(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_script(&fx->gpu, "count 1\nmodel NVIDIA H200\nmemory_gbps 4800\n");
    assert_int_equal(
        acceptance(
            fx, "list state quick nvml context inside patterns burn compare ptx sanitizer repeats"),
        0);
    assert_contains(fx->summary.data, "NVIDIA H200, driver 580.95.05");
    assert_contains(fx->summary.data,
                    "| memory_read | 4656 GB/s (97.0 %) | >= 4560 GB/s (95 % of 4800) | met |");
    assert_contains(fx->summary.data, "| >= 4224 GB/s (88 % of 4800) | met |");
    /* The fake has 143 MB. */
    assert_contains(fx->summary.data, "GB hold 6 patterns (");
    assert_contains(fx->summary.data, "(95 % of 141) | missed |");
    assert_contains(fx->summary.data, "| 2 runs, 0 not healthy, ");
    assert_contains(fx->summary.data, "| 20 runs, each healthy | missed |");
    assert_contains(fx->summary.data, "limit | skipped: no libcublas.so here |");
    assert_contains(fx->summary.data, "| skipped: no compute-sanitizer here |");
    assert_contains(fx->steps.data, "ptx-warm\tok\t");
    assert_contains(fx->steps.data, "burn\t");
    assert_contains(fx->steps.data, "inside\tok\t");
    file_of(fx, "nvml.jsonl", &fx->said);
    assert_contains(fx->said.data,
                    "{\"function\":\"nvmlDeviceGetMemoryInfo_v2\",\"exported\":true}");
    assert_contains(fx->said.data, "{\"field\":82,\"call\":0,\"code\":0,");
    assert_true(file_count(fx->out) <= FILES_MAX);
}

/* A tool that finds nothing with memcheck, two errors with racecheck, and dies of the rest. */
static void memory_checkers_are_clean_only_when_they_say_so(void **state)
{
    struct fixture *fx = *state;
    char path[512];

    snprintf(path, sizeof path, "%s/tool", fx->gpu.dir);
    fx_gpu_file(path, "#!/bin/bash\n"
                      "declare -A said=([memcheck]=0 [racecheck]=2)\n"
                      "n=${said[$2]:-}; [ -n \"$n\" ] || { echo crashed >&2; exit 7; }\n"
                      "log=$8; shift 8; \"$@\" || exit\n"
                      "echo \"========= ERROR SUMMARY: $n errors\" >\"$log\"; exit $((n * 4))\n");
    assert_int_equal(chmod(path, 0755), 0);
    snprintf(fx->sanitizer, sizeof fx->sanitizer, "SANITIZER=%s", path);
    fx_gpu_script(&fx->gpu, "count 1\nmodel NVIDIA H200\nmemory_gbps 4800\n");
    assert_int_equal(acceptance(fx, "sanitizer"), 0);
    assert_contains(fx->summary.data, "memcheck | SUMMARY: 0 errors; ok | 0 errors | met |");
    assert_contains(fx->summary.data,
                    "racecheck | SUMMARY: 2 errors; exit 8 | 0 errors | missed |");
    assert_contains(fx->summary.data, "synccheck | - | 0 errors | skipped: crashed |");
    assert_int_equal(occurrences(fx->summary.data, "| met |"), 1);
}

static void an_alarm_in_a_repeat_is_counted_and_shown(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_script(&fx->gpu, "count 1\nmodel NVIDIA H200\nmemory_gbps 3000\n");
    assert_int_equal(acceptance(fx, "quick repeats"), 0);
    assert_contains(fx->summary.data, ">= 4560 GB/s (95 % of 4800) | missed |");
    assert_contains(fx->summary.data, "| 2 runs, 2 not healthy, ");
    assert_contains(fx->summary.data, "| repeat 2 | memory_read | fail | ");
    assert_contains(fx->steps.data, "quick\texit 1\t");
}

static void goals_are_not_judged_on_another_gpu(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_script(&fx->gpu, "count 1\n");
    assert_int_equal(acceptance(fx, "quick"), 0);
    assert_contains(fx->summary.data, "| skipped: the goal is for an NVIDIA H200 |");
    assert_int_equal(occurrences(fx->summary.data, "| met |"), 0);
    assert_int_equal(occurrences(fx->summary.data, "| missed |"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_gpu_every_goal_is_skipped_with_the_reason),
        TEST(goals_are_held_against_what_a_run_measured),
        TEST(memory_checkers_are_clean_only_when_they_say_so),
        TEST(an_alarm_in_a_repeat_is_counted_and_shown),
        TEST(goals_are_not_judged_on_another_gpu),
    };

    return T_RUN("acceptance on a GPU", tests);
}
