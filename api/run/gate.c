/* Runs hourglass-gpu by argument vector, reads its report by its shape, and says whether the
 * instance may be used. */
#include "api/run/gate.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/run/instance_files.h"
#include "core/process.h"
#include "core/text.h"

#define DEADLINE_BYTES   16
#define REPORT_BYTES_MAX (1024 * 1024)
#define ERRORS_BYTES_MAX 4096

/* What each tier may take: the deadline that the checker is given, and the time after which it
 * is ended by force. A burn lasts 2 to 5 minutes (docs/man/hourglass-gpu.1). The state tier has
 * its own default, far below what is left to it. */
static const struct {
    int64_t deadline_seconds; /* 0: its default */
    int64_t ms_max;
} limits[] = {
    [TIER_STATE] = {0, 20000},
    [TIER_QUICK] = {60, 70000},
    [TIER_BURN] = {420, 430000},
    [TIER_SOAK] = {3600, 3630000},
};

static bool all_are_virtual(const struct spool_spec *spec)
{
    for (size_t i = 0; i < spec->gpu_count; i++)
        if (!spec->gpus[i].is_virtual)
            return false;
    return true;
}

enum tier gate_tier(const struct spool_spec *spec)
{
    if (spec->kind == SPOOL_CHECK)
        return spec->tier;
    return spec->generation > 1 || all_are_virtual(spec) ? TIER_STATE : TIER_QUICK;
}

bool gate_passes(enum verdict verdict, const struct spool_spec *spec)
{
    switch (verdict) {
    case VERDICT_HEALTHY:
    case VERDICT_DEGRADED:
        return true;
    case VERDICT_INCONCLUSIVE:
        return all_are_virtual(spec);
    case VERDICT_NONE:
        return spec->gpu_count == 0;
    case VERDICT_UNHEALTHY:
        break;
    }
    return false;
}

static void inconclusive(struct gate_result *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void inconclusive(struct gate_result *out, const char *fmt, ...)
{
    va_list ap;

    out->verdict = VERDICT_INCONCLUSIVE;
    va_start(ap, fmt);
    vsnprintf(out->summary, sizeof out->summary, fmt, ap);
    va_end(ap);
}

/* It comes from another program and is shown to people. */
static void summary_clean(struct gate_result *out)
{
    STRBUF clean;

    strbuf_init(&clean, TEXT_BYTES_MAX * 4);
    text_clean(&clean, out->summary, strlen(out->summary), TEXT_ONE_LINE);
    text_copy(out->summary, sizeof out->summary, clean.data);
}

static bool is_ours(const struct spool_spec *spec, int64_t gpu_index)
{
    for (size_t i = 0; i < spec->gpu_count; i++)
        if (!spec->gpus[i].is_virtual && spec->gpus[i].index == gpu_index)
            return true;
    return false;
}

/* Findings with this result about one GPU (-1: the machine, -2: the machine and ours). */
static size_t findings_of(const struct report *r, const struct spool_spec *spec, int64_t gpu_index,
                          enum check_result result)
{
    size_t n = 0;

    for (size_t i = 0; i < r->finding_count; i++) {
        int64_t at = r->findings[i].gpu_index;

        if (r->findings[i].result == result &&
            (gpu_index == -2 ? at < 0 || is_ours(spec, at) : at == gpu_index))
            n++;
    }
    return n;
}

/* The machine's verdict, unless it has GPUs of others too: what is wrong with those, or runs
 * on them, must not fail this instance. The rule is hourglass-gpu's: what failed is
 * unhealthy, what is not known is inconclusive. */
static enum verdict verdict_for(const struct report *r, const struct spool_spec *spec)
{
    size_t ours = 0;

    for (size_t i = 0; i < r->gpu_count; i++)
        ours += is_ours(spec, r->gpus[i].index);
    if (all_are_virtual(spec) || !r->gpu_count || (ours == r->gpu_count && ours == spec->gpu_count))
        return r->verdict;
    if (findings_of(r, spec, -2, CHECK_FAIL))
        return VERDICT_UNHEALTHY;
    /* How the GPUs are that it lists says nothing of one that it does not. */
    if (ours < spec->gpu_count)
        return VERDICT_INCONCLUSIVE;
    if (findings_of(r, spec, -2, CHECK_ERROR))
        return VERDICT_INCONCLUSIVE;
    for (size_t i = 0; i < spec->gpu_count; i++)
        if (!findings_of(r, spec, spec->gpus[i].index, CHECK_PASS))
            return VERDICT_INCONCLUSIVE;
    return findings_of(r, spec, -2, CHECK_WARN) ? VERDICT_DEGRADED : VERDICT_HEALTHY;
}

/* " (first line of what it said)" or "". */
static const char *said(const struct strbuf *errors, char text[TEXT_BYTES_MAX])
{
    int n = (int)strcspn(errors->data, "\r\n");

    snprintf(text, TEXT_BYTES_MAX, n ? ": %.*s" : "%.*s", n < 120 ? n : 120, errors->data);
    return text;
}

/* What it says of other people's GPUs is not for who rents these. */
static void report_narrow(struct report *r, const struct spool_spec *spec)
{
    size_t gpus = 0, findings = 0;

    if (all_are_virtual(spec))
        return;
    for (size_t i = 0; i < r->gpu_count; i++)
        if (is_ours(spec, r->gpus[i].index))
            r->gpus[gpus++] = r->gpus[i];
    for (size_t i = 0; i < r->finding_count; i++)
        if (r->findings[i].gpu_index < 0 || is_ours(spec, r->findings[i].gpu_index))
            r->findings[findings++] = r->findings[i];
    r->gpu_count = gpus;
    r->finding_count = findings;
}

/* The checker's summary is of the whole machine. Of one that others have GPUs of too, this says
 * what is wrong with ours: "unhealthy: its own of 8 GPUs: ecc, GPU 2: 12 errors". */
static void summary_own(const struct report *r, const struct spool_spec *spec, size_t all,
                        struct gate_result *out)
{
    static const enum check_result reasons[] = {[VERDICT_UNHEALTHY] = CHECK_FAIL,
                                                [VERDICT_INCONCLUSIVE] = CHECK_ERROR,
                                                [VERDICT_DEGRADED] = CHECK_WARN};
    char where[32] = "";
    int n = snprintf(out->summary, sizeof out->summary, "%s: its own of %zu GPUs",
                     verdict_names[out->verdict], all);

    if (r->gpu_count < spec->gpu_count)
        n = snprintf(out->summary, sizeof out->summary, "%s: %zu of its %zu GPUs not found",
                     verdict_names[out->verdict], spec->gpu_count - r->gpu_count, spec->gpu_count);
    for (size_t i = 0; i < r->finding_count && out->verdict != VERDICT_HEALTHY; i++) {
        const struct finding *f = &r->findings[i];

        if (f->result != reasons[out->verdict])
            continue;
        if (f->gpu_index >= 0)
            snprintf(where, sizeof where, ", GPU %lld", (long long)f->gpu_index);
        snprintf(out->summary + n, sizeof out->summary - (size_t)n, ": %s%s: %.120s", f->check,
                 where, f->detail);
        return;
    }
}

/* Bring the report to what it means for these GPUs, and keep it. */
static void report_keep(const char *dir, const struct spool_spec *spec, struct report *r,
                        struct gate_result *out)
{
    enum verdict verdict = verdict_for(r, spec);
    size_t all = r->gpu_count;

    out->tier = r->tier;
    out->verdict = verdict;
    report_narrow(r, spec);
    if (all_are_virtual(spec) || !all || (r->gpu_count == all && all == spec->gpu_count))
        text_copy(out->summary, sizeof out->summary, r->summary);
    else
        summary_own(r, spec, all, out);
    r->verdict = verdict;
    text_copy(r->summary, sizeof r->summary, out->summary);
    if (spool_save(dir, SPOOL_REPORT, &report_shape, r, NULL))
        inconclusive(out, "the report of the health check cannot be kept");
}

/* The exit status is for people and schedulers; the report says more. */
static void judge(const char *dir, const struct spool_spec *spec, const struct strbuf *text,
                  int status, const struct strbuf *errors, struct gate_result *out)
{
    struct report report = {.verdict = VERDICT_NONE};
    char why[TEXT_BYTES_MAX];
    json_t *tree = NULL;
    struct err e;

    err_clear(&e);
    if (WIFSIGNALED(status))
        inconclusive(out, "the health check was ended by signal %d", WTERMSIG(status));
    else if (text->failed || json_parse(text->data, text->len, &tree, &e) ||
             shape_read(&report_shape, tree, &report, &e))
        inconclusive(out, "the health check gave no report (exit code %d)%s", WEXITSTATUS(status),
                     said(errors, why));
    else if (report.verdict == VERDICT_NONE)
        inconclusive(out, "the health check gave no verdict");
    else
        report_keep(dir, spec, &report, out);
    json_decref(tree);
    shape_release(&report_shape, &report);
}

/* hourglass-gpu check --tier quick --deadline 60s -o json */
static void checker_run(const char *dir, const struct spool_spec *spec, struct gate_result *out)
{
    char deadline[DEADLINE_BYTES];
    const char *argv[9] = {spec->gpu_program, "check", "--tier", tier_names[out->tier]};
    STRBUF text, errors, devices;
    struct process p = {
        .argv = argv, .timeout_ms = limits[out->tier].ms_max, .out = &text, .errors = &errors};
    const char *env[4] = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"};
    struct err e;
    int status = 0, n = 4;

    if (limits[out->tier].deadline_seconds) {
        snprintf(deadline, sizeof deadline, "%llds", (long long)limits[out->tier].deadline_seconds);
        argv[n++] = "--deadline";
        argv[n++] = deadline;
    }
    argv[n++] = "-o";
    argv[n] = "json";
    strbuf_init(&text, REPORT_BYTES_MAX);
    strbuf_init(&errors, ERRORS_BYTES_MAX);
    strbuf_init(&devices, ERRORS_BYTES_MAX);
    err_clear(&e);
    strbuf_adds(&devices, "CUDA_VISIBLE_DEVICES=");
    gpu_devices_write(spec, &devices);
    env[2] = devices.data;
    p.env = env;
    if (process_run(&p, &status, &e))
        inconclusive(out, "the health check did not run: %.200s", e.msg);
    else
        judge(dir, spec, &text, status, &errors, out);
}

void gate_run(const char *dir, const struct spool_spec *spec, struct gate_result *out)
{
    char path[SPOOL_PATH_BYTES_MAX];

    *out = (struct gate_result){.verdict = VERDICT_NONE, .tier = gate_tier(spec)};
    if (!spool_path(path, dir, SPOOL_REPORT, NULL))
        unlink(path); /* of an earlier start */
    if (spec->gpu_count == 0)
        text_copy(out->summary, sizeof out->summary, "no GPU to check");
    else if (!spec->gpu_program[0])
        inconclusive(out, "there is no hourglass-gpu to check with");
    else
        checker_run(dir, spec, out);
    out->passed = gate_passes(out->verdict, spec);
    summary_clean(out);
}

/* All that was started to check goes with it. */
static void group_end(int signal)
{
    UNUSED(signal);
    kill(0, SIGKILL);
}

/* In the child: a group of its own, which nothing outlives that could hold the GPUs, also when the
 * supervisor itself is killed. */
static void group_begin(pid_t parent)
{
    sigset_t none;

    setpgid(0, 0);
    signal(SIGTERM, group_end);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
        _exit(1);
}

enum err_code gate_start(const char *dir, const struct spool_spec *spec, pid_t *pid, int *fd,
                         struct err *e)
{
    struct gate_result result;
    pid_t parent = getpid();
    int pipes[2];

    if (pipe2(pipes, O_CLOEXEC) != 0)
        return err_set(e, ERR_IO, "cannot make a pipe: %m");
    *pid = fork();
    if (*pid == 0) {
        group_begin(parent);
        gate_run(dir, spec, &result);
        /* Smaller than PIPE_BUF, so all of it or nothing. */
        _exit(write(pipes[1], &result, sizeof result) == sizeof result ? 0 : 1);
    }
    close(pipes[1]);
    if (*pid < 0) {
        close(pipes[0]);
        return err_set(e, ERR_IO, "cannot fork: %m");
    }
    setpgid(*pid, *pid);
    *fd = pipes[0];
    return ERR_OK;
}
