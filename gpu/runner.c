/* One process per GPU, then one for the machine; what they did not say is said for them. */
#include "gpu/runner.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/id.h"
#include "gpu/alone.h"
#include "gpu/child.h"
#include "gpu/compute.h"
#include "gpu/floor.h"
#include "gpu/probe.h"
#include "gpu/progress.h"
#include "gpu/record.h"
#include "gpu/verdict.h"

/* The state tier: inside the five seconds after which the shortest-tempered callers (node problem
 * detector, prologs) kill us. Quick: Slurm kills its health check after sixty. */
static const int64_t tier_deadlines_ms[] = {
    [TIER_STATE] = 4000,
    [TIER_QUICK] = 55 * 1000,
    [TIER_BURN] = 7 * 60 * 1000,
    [TIER_SOAK] = 35 * 60 * 1000,
};
/* What a driver needs to start and the machine's checks to run does not grow with the tier. */
#define PROBE_MS_MAX   (15 * 1000)
#define MACHINE_MS_MAX (20 * 1000)

struct run {
    struct gpu_options options;
    enum tier tier;
    bool only_list;
    int alone_fd;
    int64_t started_mono_ms;
    struct gpu_inventory inv;
    struct finding *findings; /* room for every check of every target */
    size_t finding_count;
    size_t answered, wanted; /* so far, for who watches */
};

/* What was told of what a child said. */
struct ear {
    struct run *run;
    int64_t gpu_index;
    size_t at;
};

struct gpu_task {
    const struct run *run;
    size_t gpu;
};

static int64_t share_ms(const struct run *r, int percent, int64_t ms_max)
{
    int64_t ms = r->options.deadline_ms * percent / 100;

    return ms < ms_max ? ms : ms_max;
}

static int64_t probe_deadline(const struct run *r)
{
    return r->started_mono_ms + share_ms(r, 50, PROBE_MS_MAX);
}

static int64_t run_deadline(const struct run *r)
{
    return r->started_mono_ms + r->options.deadline_ms;
}

static int64_t gpus_deadline(const struct run *r)
{
    int percent = r->tier == TIER_STATE ? 10 : 20;

    return run_deadline(r) - share_ms(r, percent, MACHINE_MS_MAX);
}

static bool is_wanted(const struct run *r, size_t check, enum gpu_scope scope)
{
    const struct gpu_check *c = gpu_checks[check];

    return !r->only_list && c->scope == scope && c->tier <= r->tier &&
           gpu_check_is_among(r->options.only, c);
}

/* A load that was asked for comes on top of what the tier needs. */
static int64_t deadline_ms(const struct gpu_options *o, enum tier tier)
{
    if (o->deadline_ms)
        return o->deadline_ms;
    return tier_deadlines_ms[tier] + (tier >= TIER_BURN ? o->burn_ms : 0);
}

/* What the driver knows already costs next to nothing and always fits. */
static bool is_over_budget(const struct run *r, size_t check)
{
    int64_t passed_ms = clock_mono_ms(r->options.clock) - r->started_mono_ms;

    return r->options.budget_ms && gpu_checks[check]->tier > TIER_STATE &&
           passed_ms >= r->options.budget_ms;
}

static void checks_run(const struct run *r, enum gpu_scope scope, struct gpu_target *t, int fd)
{
    for (size_t i = 0; i < gpu_check_count; i++) {
        struct gpu_record record = {.kind = RECORD_FINDING, .check = (uint32_t)i};

        if (!is_wanted(r, i, scope))
            continue;
        if (r->options.progress)
            gpu_record_send(fd, &(struct gpu_record){.kind = RECORD_BEGIN, .check = (uint32_t)i});
        if (is_over_budget(r, i))
            gpu_skip(&record.as.finding, "not run: the time given with --budget was over");
        else
            gpu_check_run(gpu_checks[i], t, &record.as.finding);
        gpu_record_send(fd, &record);
    }
}

static struct gpu_target target_of(const struct run *r)
{
    return (struct gpu_target){
        .options = &r->options, .inventory = &r->inv, .tier = r->tier, .alone_fd = r->alone_fd};
}

static void gpu_child_main(int fd, void *ctx)
{
    const struct gpu_task *task = ctx;
    const struct run *r = task->run;
    struct gpu_record record = {.kind = RECORD_GPU};
    struct gpu_info *info = &record.as.gpu;
    struct compute compute = {0};
    struct gpu_target t = target_of(r);
    struct gpu_library library;

    *info = r->inv.gpus[task->gpu];
    /* The probe has just done the same: if it fails now, silence says so. */
    if (!gpu_library_open(&t, info, &library))
        return;
    gpu_identify(&t, info);
    gpu_record_send(fd, &record);
    t.info = info;
    t.compute = &compute;
    /* The process ends here: a driver that hangs in letting go must not take its answers along. */
    checks_run(r, GPU_SCOPE_GPU, &t, fd);
    if (r->tier == TIER_STATE || !t.device || t.lost)
        return;
    gpu_excuses_read(&t, info);
    gpu_record_send(fd, &record);
}

static void machine_child_main(int fd, void *ctx)
{
    const struct run *r = ctx;
    struct gpu_target t = target_of(r);

    checks_run(r, GPU_SCOPE_MACHINE, &t, fd);
}

static void child_heard(struct gpu_child *c)
{
    struct ear *ear = c->heard_ctx;
    struct run *r = ear->run;
    struct gpu_record record;

    while (gpu_record_next(&c->said, &ear->at, &record)) {
        struct gpu_step step = {.gpu_index = ear->gpu_index, .total = r->wanted};

        if (record.kind != RECORD_BEGIN && record.kind != RECORD_FINDING)
            continue;
        step.ended = record.kind == RECORD_FINDING;
        r->answered += step.ended && r->answered < r->wanted;
        step.done = r->answered;
        step.check = gpu_checks[record.check]->name;
        r->options.progress->tell(r->options.progress, &step);
    }
}

static void child_watch(struct gpu_child *c, struct run *r, int64_t gpu_index, struct ear *ear)
{
    if (!r->options.progress)
        return;
    *ear = (struct ear){.run = r, .gpu_index = gpu_index};
    c->heard_ctx = ear;
    c->heard = child_heard;
}

static size_t wanted_count(const struct run *r)
{
    size_t n = 0;

    for (size_t i = 0; i < gpu_check_count; i++)
        n += is_wanted(r, i, GPU_SCOPE_GPU) * r->inv.gpu_count + is_wanted(r, i, GPU_SCOPE_MACHINE);
    return n;
}

static void finding_add(struct run *r, const struct finding *f, size_t check, int64_t gpu_index)
{
    struct finding *into = &r->findings[r->finding_count++];

    *into = *f;
    into->gpu_index = gpu_index;
    text_copy(into->check, sizeof into->check, gpu_checks[check]->name);
}

/* A check without an answer: the first is where the process ended, the rest never ran. */
static void finding_missing(struct run *r, const struct gpu_child *c, size_t check,
                            int64_t gpu_index, bool first)
{
    char end[TEXT_BYTES_MAX / 2];
    struct finding f = {0};

    if (first)
        gpu_error(&f, "the driver left this check without an answer: %s",
                  gpu_child_end(c, end, sizeof end));
    else
        gpu_skip(&f, "not run: an earlier check did not end");
    if (first && c->timed_out)
        text_copy(f.action, sizeof f.action, GPU_SILENCE_ACTION);
    finding_add(r, &f, check, gpu_index);
}

/* Take what one child said; its findings come out in the order of the table. */
static void child_collect(struct run *r, struct gpu_child *c, enum gpu_scope scope,
                          struct gpu_info *info)
{
    int64_t index = info ? info->gpu.index : -1;
    size_t next = 0, at = 0;
    struct gpu_record record;
    bool first = true;

    while (gpu_record_next(&c->said, &at, &record)) {
        if (record.kind == RECORD_GPU && info) {
            *info = record.as.gpu;
            info->gpu.index = index;
        }
        if (record.kind != RECORD_FINDING || record.check < next ||
            !is_wanted(r, record.check, scope))
            continue;
        for (; next < record.check; next++) {
            if (is_wanted(r, next, scope))
                finding_missing(r, c, next, index, true);
        }
        finding_add(r, &record.as.finding, next++, index);
    }
    for (; next < gpu_check_count; next++) {
        if (!is_wanted(r, next, scope))
            continue;
        finding_missing(r, c, next, index, first);
        first = false;
    }
    if (info && !info->answered && !info->reason[0])
        gpu_child_end(c, info->reason, sizeof info->reason);
}

static enum err_code gpus_run(struct run *r, struct err *e)
{
    struct gpu_child children[GPUS_PER_INSTANCE_MAX] = {0};
    struct gpu_task tasks[GPUS_PER_INSTANCE_MAX];
    struct ear ears[GPUS_PER_INSTANCE_MAX];
    enum err_code rc = ERR_OK;
    size_t started = 0;

    for (; started < r->inv.gpu_count && !rc; started++) {
        tasks[started] = (struct gpu_task){r, started};
        rc = gpu_child_start(&children[started], gpu_child_main, &tasks[started], e);
        if (rc)
            err_wrap(e, rc, "check GPU %zu", started);
        else
            child_watch(&children[started], r, (int64_t)started, &ears[started]);
    }
    gpu_children_wait(children, started, r->options.clock, gpus_deadline(r));
    for (size_t i = 0; i < started; i++) {
        if (!rc)
            child_collect(r, &children[i], GPU_SCOPE_GPU, &r->inv.gpus[i]);
        gpu_child_release(&children[i]);
    }
    return rc;
}

/* Runs last, since it compares the machine with the GPUs that answered, and reads first. */
static enum err_code machine_run(struct run *r, struct err *e)
{
    size_t gpu_findings = r->finding_count, machine_findings;
    struct finding *machine = NULL;
    struct gpu_child c = {0};
    struct ear ear;
    enum err_code rc = gpu_child_start(&c, machine_child_main, r, e);

    if (rc)
        return err_wrap(e, rc, "check the machine");
    child_watch(&c, r, -1, &ear);
    gpu_children_wait(&c, 1, r->options.clock, run_deadline(r));
    child_collect(r, &c, GPU_SCOPE_MACHINE, NULL);
    gpu_child_release(&c);
    machine_findings = r->finding_count - gpu_findings;
    machine = calloc(machine_findings + 1, sizeof *machine);
    if (!machine)
        return err_set(e, ERR_IO, "out of memory");
    memcpy(machine, r->findings + gpu_findings, machine_findings * sizeof *machine);
    memmove(r->findings + machine_findings, r->findings, gpu_findings * sizeof *machine);
    memcpy(r->findings, machine, machine_findings * sizeof *machine);
    free(machine);
    return ERR_OK;
}

static enum err_code run_stages(struct run *r, struct err *e)
{
    enum err_code rc;

    r->options.deadline_ms = deadline_ms(&r->options, r->tier);
    r->started_mono_ms = clock_mono_ms(r->options.clock);
    rc = gpu_probe(&r->options, probe_deadline(r), &r->inv, e);
    if (rc)
        return rc;
    r->findings = calloc((r->inv.gpu_count + 1) * gpu_check_count, sizeof *r->findings);
    if (!r->findings)
        return err_set(e, ERR_IO, "out of memory");
    r->wanted = wanted_count(r);
    r->alone_fd = alone_open();
    rc = gpus_run(r, e);
    alone_close(r->alone_fd);
    return rc || r->only_list ? rc : machine_run(r, e);
}

enum err_code gpu_inventory_read(const struct gpu_options *o, struct gpu_inventory *out,
                                 struct err *e)
{
    struct run r = {.options = *o, .only_list = true};
    enum err_code rc = run_stages(&r, e);

    if (!rc)
        *out = r.inv;
    free(r.findings);
    return rc;
}

static enum err_code report_fill(struct run *r, struct report *out, struct err *e)
{
    char host[NAME_BYTES_MAX] = "";

    out->gpus = calloc(r->inv.gpu_count + 1, sizeof *out->gpus);
    if (!out->gpus)
        return err_set(e, ERR_IO, "out of memory");
    out->gpu_count = r->inv.gpu_count;
    for (size_t i = 0; i < out->gpu_count; i++)
        out->gpus[i] = r->inv.gpus[i].gpu;
    out->findings = r->findings;
    out->finding_count = r->finding_count;
    r->findings = NULL;
    if (gethostname(host, sizeof host - 1) == 0)
        gpu_text_copy(out->host, sizeof out->host, host, sizeof host);
    text_copy(out->driver_version, sizeof out->driver_version, r->inv.driver_version);
    text_copy(out->checker_version, sizeof out->checker_version, HOURGLASS_VERSION);
    return ERR_OK;
}

enum err_code gpu_report_run(const struct gpu_options *o, enum tier tier, struct report *out,
                             struct err *e)
{
    struct run r = {.options = *o, .tier = tier};
    struct report report = {.origin = REPORT_MEMBER, .tier = tier};
    enum err_code rc;

    report.started_at_ms = clock_now_ms(o->clock);
    id_new(ID_REPORT, o->clock, report.id);
    rc = run_stages(&r, e);
    if (!rc)
        rc = report_fill(&r, &report, e);
    free(r.findings);
    if (rc)
        return rc;
    report.ended_at_ms = clock_now_ms(o->clock);
    rc = gpu_report_judge(&report, &r.inv, o, e);
    if (rc)
        shape_release(&report_shape, &report);
    else
        *out = report;
    return rc;
}
