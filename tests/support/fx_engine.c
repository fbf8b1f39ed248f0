/* The engines' fixture. */
#include "tests/support/fx_engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_TICKS_MAX 1500
#define TICK_MS        10
#define SIM_START_MS   1790000000000

bool fxe_is_sim(const struct fixture *fx)
{
    return strcmp(fx->name, "sim") == 0;
}

void fxe_need(const struct fixture *fx)
{
    if (!fx->en) {
        print_message("skipped: %s\n", fx->err.msg);
        skip();
    }
}

static void ids_make(struct fixture *fx)
{
    struct clock *clock = clock_real();

    id_new(ID_INSTANCE, clock, fx->ins);
    id_new(ID_INSTANCE, clock, fx->other);
    id_new(ID_INSTANCE, clock, fx->third);
    id_new(ID_JOB, clock, fx->job);
    id_new(ID_JOB, clock, fx->job2);
}

/* Without bubblewrap's namespaces there is nothing to test; all else is a failure. */
static void open_engine(struct fixture *fx)
{
    enum err_code rc = engine_open(fx->name, &fx->config, &fx->en, &fx->err);

    if (rc && strstr(fx->err.msg, "bubblewrap cannot make a sandbox here")) {
        fx->en = NULL;
        return;
    }
    assert_ok(rc, &fx->err);
}

int fxe_setup(void **state)
{
    const char *name = *state;
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx->name = name;
    fx->state_dir = t_dir();
    clock_test_init(&fx->hands, SIM_START_MS);
    ids_make(fx);
    fx->config = (struct engine_config){.state_dir = fx->state_dir, .virtual_gpu_slots = 2};
    fx->config.clock = fxe_is_sim(fx) ? &fx->hands.base : clock_real();
    if (!fxe_is_sim(fx))
        fx->config.run_program = t_program("hourglass-run");
    open_engine(fx);
    *state = fx;
    return 0;
}

static bool stop_one(const char *id, bool is_job, void *ctx)
{
    struct fixture *fx = ctx;

    /* Jobs end with their instance; one that lost it is told itself. */
    if (is_job)
        assert_ok(fx->en->ops->job_cancel(fx->en, id, &fx->err), &fx->err);
    else
        assert_ok(fx->en->ops->stop(fx->en, id, true, &fx->err), &fx->err);
    return true;
}

static bool await_over(const char *id, bool is_job, void *ctx)
{
    struct fixture *fx = ctx;

    for (int i = 0; i < WAIT_TICKS_MAX; i++) {
        enum engine_state state =
            is_job ? fxe_job_describe(fx, id).state : fxe_describe(fx, id).state;

        if (state == ENGINE_ABSENT || state == ENGINE_ENDED || state == ENGINE_FAILED)
            return true;
        fxe_tick(fx);
    }
    fail_msg("%s outlived its test", id);
    return false;
}

static bool remove_one(const char *id, bool is_job, void *ctx)
{
    struct fixture *fx = ctx;

    if (!is_job)
        assert_ok(fx->en->ops->remove(fx->en, id, &fx->err), &fx->err);
    return true;
}

/* Removal goes on in the background; it must not meet the removal of the folder. */
static void await_removed(struct fixture *fx)
{
    char path[600];
    bool left = !fxe_is_sim(fx);

    snprintf(path, sizeof path, "%s/%s", fx->config.state_dir, fx->name);
    for (int i = 0; left && i < WAIT_TICKS_MAX; i++) {
        DIR *dir = opendir(path);
        struct dirent *entry;

        assert_non_null(dir);
        left = false;
        while ((entry = readdir(dir)))
            left = left || strstr(entry->d_name, "trash");
        closedir(dir);
        if (left)
            fxe_tick(fx);
    }
    assert_false(left);
}

int fxe_teardown(void **state)
{
    struct fixture *fx = *state;

    if (fx->en) {
        assert_ok(fx->en->ops->each(fx->en, stop_one, fx, &fx->err), &fx->err);
        assert_ok(fx->en->ops->each(fx->en, await_over, fx, &fx->err), &fx->err);
        assert_ok(fx->en->ops->each(fx->en, remove_one, fx, &fx->err), &fx->err);
        await_removed(fx);
        fx->en->ops->close(fx->en);
    }
    free(fx);
    return 0;
}

void fxe_reopen(struct fixture *fx)
{
    fx->en->ops->close(fx->en);
    assert_ok(engine_open(fx->name, &fx->config, &fx->en, &fx->err), &fx->err);
}

void fxe_tick(struct fixture *fx)
{
    if (fxe_is_sim(fx))
        clock_test_advance(&fx->hands, TICK_MS);
    else
        poll(NULL, 0, TICK_MS);
}

struct engine_instance fxe_describe(struct fixture *fx, const char *id)
{
    struct engine_instance in;

    assert_ok(fx->en->ops->describe(fx->en, id, &in, &fx->err), &fx->err);
    return in;
}

struct engine_job fxe_job_describe(struct fixture *fx, const char *id)
{
    struct engine_job job;

    assert_ok(fx->en->ops->job_describe(fx->en, id, &job, &fx->err), &fx->err);
    return job;
}

static void wrong_end(const char *id, enum engine_state is, enum engine_state want, const char *why)
{
    if (is == want || (is != ENGINE_ENDED && is != ENGINE_FAILED))
        return;
    fail_msg("%s is %s (%s), expected %s", id, engine_state_names[is], why,
             engine_state_names[want]);
}

struct engine_instance fxe_await(struct fixture *fx, const char *id, enum engine_state state)
{
    struct engine_instance in = {.state = ENGINE_ABSENT};

    for (int i = 0; i < WAIT_TICKS_MAX; i++) {
        in = fxe_describe(fx, id);
        if (in.state == state)
            return in;
        wrong_end(id, in.state, state, in.detail);
        fxe_tick(fx);
    }
    fail_msg("%s stayed %s, expected %s", id, engine_state_names[in.state],
             engine_state_names[state]);
    return in;
}

struct engine_job fxe_job_await(struct fixture *fx, const char *id, enum engine_state state)
{
    int watch = fx->en->ops->job_watch(fx->en, id);
    struct engine_job job = {.state = ENGINE_ABSENT};
    char events[4096];

    for (int i = 0; i < WAIT_TICKS_MAX; i++) {
        struct pollfd fd = {watch, POLLIN, 0};

        job = fxe_job_describe(fx, id);
        if (job.state == state)
            break;
        wrong_end(id, job.state, state, job.detail);
        if (watch < 0)
            fxe_tick(fx);
        else if (poll(&fd, 1, TICK_MS) == 1 && read(watch, events, sizeof events) < 0)
            fail_msg("cannot read the watch");
    }
    if (watch >= 0)
        close(watch);
    if (job.state != state)
        fail_msg("%s stayed %s, expected %s", id, engine_state_names[job.state],
                 engine_state_names[state]);
    return job;
}

enum err_code fxe_provision(struct fixture *fx, const char *id, int64_t gpus)
{
    struct engine_provision p = {.instance_id = id,
                                 .gpu_count = gpus,
                                 .vcpu_count = 2,
                                 .memory_gib = 1,
                                 .ssh_public_key = "",
                                 .grace_seconds = 1};

    return fx->en->ops->provision(fx->en, &p, &fx->err);
}

void fxe_launch(struct fixture *fx, const char *id)
{
    assert_ok(fxe_provision(fx, id, 1), &fx->err);
    fxe_await(fx, id, ENGINE_READY);
}

void fxe_stop(struct fixture *fx, const char *id)
{
    assert_ok(fx->en->ops->stop(fx->en, id, false, &fx->err), &fx->err);
    fxe_await(fx, id, ENGINE_ENDED);
}

enum err_code fxe_job_start_limited(struct fixture *fx, const char *job, const char *ins,
                                    const struct act *act, int64_t seconds, int64_t log_bytes)
{
    struct engine_job_start j = {.job_id = job,
                                 .instance_id = ins,
                                 .command = act->command,
                                 .time_limit_seconds = seconds,
                                 .grace_seconds = 1,
                                 .log_bytes_max = log_bytes};

    if (fxe_is_sim(fx))
        sim_plan_jobs(fx->en, &act->plan);
    return fx->en->ops->job_start(fx->en, &j, &fx->err);
}

enum err_code fxe_job_start(struct fixture *fx, const char *job, const char *ins,
                            const struct act *act)
{
    return fxe_job_start_limited(fx, job, ins, act, 0, 0);
}

void fxe_output(struct fixture *fx, const char *job, int want, struct strbuf *out)
{
    struct engine_output info = {.ended = false};
    int64_t offset = 0;
    size_t before;
    STRBUF piece;

    strbuf_init(out, 64 * 1024 * 1024);
    strbuf_init(&piece, 64 * 1024);
    do {
        strbuf_reset(&piece);
        assert_ok(fx->en->ops->job_output(fx->en, job, offset, 50000, &piece, &info, &fx->err),
                  &fx->err);
        assert_int_equal(info.offset, offset);
        if (want == 2 || want == info.from_stderr)
            strbuf_add(out, piece.data, piece.len);
        before = piece.len;
        offset += (int64_t)piece.len;
    } while (before > 0 && !info.ended);
    assert_false(out->failed);
}

void fxe_await_output(struct fixture *fx, const char *job, const char *text)
{
    for (int i = 0; i < WAIT_TICKS_MAX; i++) {
        STRBUF out = {0};

        fxe_output(fx, job, 2, &out);
        if (strstr(out.data, text))
            return;
        fxe_tick(fx);
    }
    fail_msg("%s never wrote '%s'", job, text);
}

/* Processes of this machine whose command line has this text. */
int fxe_processes_with(const char *text)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc))) {
        char path[300], line[4096];
        ssize_t n;
        int fd;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        fd = open(path, O_RDONLY);
        if (fd < 0)
            continue;
        n = read(fd, line, sizeof line - 1);
        close(fd);
        for (ssize_t i = 0; i < n; i++)
            if (!line[i])
                line[i] = ' ';
        line[n > 0 ? n : 0] = '\0';
        count += strstr(line, text) != NULL;
    }
    closedir(proc);
    return count;
}

void fxe_await_processes(struct fixture *fx, const char *text, int want)
{
    for (int i = 0; i < 500 && fxe_processes_with(text) != want; i++)
        fxe_tick(fx);
    assert_int_equal(fxe_processes_with(text), want);
}

const char *fxe_path(struct fixture *fx, const char *id, const char *file)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/local/%s/%s", fx->state_dir, id, file);
    return path;
}

void fxe_gpu_program(struct fixture *fx, const char *script)
{
    static char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/gpu", fx->state_dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0755), 0);
    fx->config.gpu_program = path;
    fxe_reopen(fx);
}
