/* What only the engine `local` promises: real processes, isolation, limits, and sense out of
 * whatever a crash left behind. */
#include "tests/support/fx_engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"
#include "model/spool.h"

static const struct act forever = {.command =
                                       "trap 'exit 5' TERM; echo up; while :; do sleep 0.02; done"};

static void job_output_is(struct fixture *fx, const char *command, const char *want)
{
    const struct act act = {.command = command};
    struct engine_job job;
    char id[ID_MAX];
    STRBUF out;

    id_new(ID_JOB, clock_real(), id);
    assert_ok(fxe_job_start(fx, id, fx->ins, &act), &fx->err);
    job = fxe_job_await(fx, id, ENGINE_ENDED);
    fxe_output(fx, id, 2, &out);
    assert_string_equal(out.data, want);
    assert_int_equal(job.reason, JOB_REASON_EXITED);
}

static pid_t supervisor_of(struct fixture *fx, const char *id)
{
    int64_t pid = 0;

    assert_ok(spool_owner(fxe_path(fx, id, ""), &pid, NULL, &fx->err), &fx->err);
    return (pid_t)pid;
}

static void write_file(const char *path, const char *text)
{
    struct err e;

    assert_ok(file_write(path, text, strlen(text), 0600, &e), &e);
}

/* --- the sandbox --------------------------------------------------------------------------- */

static void a_sandbox_shows_nothing_of_the_machine(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    job_output_is(fx, "id -u; id -un; pwd", "1000\ngpu\n/home/gpu\n");
    job_output_is(fx, "ls -d /root /work /srv /opt /boot /mnt 2>/dev/null", "");
    job_output_is(fx, "ls /home /run", "/home:\ngpu\n\n/run:\nhourglass-run\n");
    job_output_is(fx, "ls / | grep -v -e bin -e lib | tr '\\n' ' '",
                  "dev etc home proc run tmp usr var ");
    /* Two lines of heading and the loopback. */
    job_output_is(fx, "wc -l </proc/net/dev", "3\n");
    job_output_is(fx, "touch /x /usr/x /etc/x 2>/dev/null; echo $?", "1\n");
    job_output_is(fx, "kill -9 1; ls /proc/1/fd 2>/dev/null | wc -l", "0\n");
    job_output_is(fx, "grep -e NoNewPrivs -e CapEff /proc/self/status | tr -d '\\t\\n'",
                  "CapEff:0000000000000000NoNewPrivs:1");
    job_output_is(fx, "unshare -U true 2>/dev/null; echo $?", "1\n");
    job_output_is(fx, "ls /proc/self/fd | wc -l", "4\n");
}

static void a_job_has_its_environment_and_no_other(void **state)
{
    FIXTURE(fx);
    struct env_entry env[] = {
        {.name = "GREETING", .value = (char *)(uintptr_t) "a 'b' \"c\" \xc3\xa9"},
        {.name = "LD_PRELOAD_X", .value = (char *)(uintptr_t) ""},
        {.name = "PATH", .value = (char *)(uintptr_t) "/bin"}};
    struct engine_job_start j = {.job_id = fx->job,
                                 .instance_id = fx->ins,
                                 .command = "echo \"$GREETING|$PATH|$HOURGLASS_GPUS|$SECRET_X\"",
                                 .env = env,
                                 .env_count = ARRAY_SIZE(env)};
    STRBUF out;

    setenv("SECRET_X", "secret", 1);
    fxe_launch(fx, fx->ins);
    assert_ok(fx->en->ops->job_start(fx->en, &j, &fx->err), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    fxe_output(fx, fx->job, 2, &out);
    assert_string_equal(out.data, "a 'b' \"c\" \xc3\xa9|/bin|0|\n");
}

static void files_stay_over_jobs_and_restarts(void **state)
{
    FIXTURE(fx);

    fxe_launch(fx, fx->ins);
    job_output_is(fx, "echo kept > file; mkdir -p a/b; chmod 000 a", "");
    job_output_is(fx, "cat file", "kept\n");
    fxe_stop(fx, fx->ins);
    fxe_launch(fx, fx->ins);
    job_output_is(fx, "cat file", "kept\n");
    fxe_stop(fx, fx->ins);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
    assert_int_not_equal(access(fxe_path(fx, fx->ins, ""), F_OK), 0);
}

static void removal_leaves_nothing_behind(void **state)
{
    FIXTURE(fx);
    char path[600];
    bool left = true;

    fxe_launch(fx, fx->ins);
    job_output_is(fx, "mkdir -p a/b; chmod 000 a; ln -s / root", "");
    fxe_stop(fx, fx->ins);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
    snprintf(path, sizeof path, "%s/local", fx->state_dir);
    for (int i = 0; left && i < 500; i++) {
        DIR *dir = opendir(path);
        struct dirent *entry;

        assert_non_null(dir);
        left = false;
        while ((entry = readdir(dir)))
            left = left || strstr(entry->d_name, fx->ins);
        closedir(dir);
        fxe_tick(fx);
    }
    assert_false(left);
}

static void a_process_that_got_away_dies_with_its_job(void **state)
{
    FIXTURE(fx);
    char command[256], mark[64];
    const struct act act = {.command = command};

    snprintf(mark, sizeof mark, "sleep 987654.%d", (int)getpid());
    snprintf(command, sizeof command, "setsid sh -c \"trap '' TERM; %s; :\" & echo up; wait", mark);
    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    fxe_await_output(fx, fx->job, "up\n");
    fxe_await_processes(fx, mark, 3); /* two shells and the sleep */
    assert_ok(fx->en->ops->job_cancel(fx->en, fx->job, &fx->err), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(fxe_processes_with(mark), 0);
}

static void what_a_job_leaves_running_dies_when_it_ends(void **state)
{
    FIXTURE(fx);
    char command[256], mark[64];

    snprintf(mark, sizeof mark, "sleep 987653.%d", (int)getpid());
    snprintf(command, sizeof command, "setsid %s >/dev/null 2>&1 & echo done", mark);
    fxe_launch(fx, fx->ins);
    job_output_is(fx, command, "done\n");
    assert_int_equal(fxe_processes_with(mark), 0);
}

/* Launch, and run what takes more memory than there is; skips where only processes are limited. */
static struct engine_job out_of_memory(struct fixture *fx, const struct act *act)
{
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    if (strcmp(fxe_describe(fx, fx->ins).limits, "rlimit") == 0) {
        print_message("skipped: no control groups here\n");
        skip();
    }
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, act), &fx->err);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_MEMORY);
    return job;
}

static void too_much_memory_ends_a_job_for_that_reason(void **state)
{
    FIXTURE(fx);
    const struct act act = {.command = "tail /dev/zero"};
    struct engine_job job = out_of_memory(fx, &act);

    assert_contains(job.detail, "1 GiB");
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
}

/* It belongs to no process: the kernel kills one after another until it is gone, and without a
 * word from us the instance's own would be among them. */
static void a_job_that_fills_the_memory_with_files_leaves_its_instance_alone(void **state)
{
    FIXTURE(fx);
    const struct act act = {.command = "head -c 2G /dev/zero >/tmp/much; sleep 30"};

    (void)out_of_memory(fx, &act);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
    job_output_is(fx, "cat /proc/self/oom_score_adj", "500\n");
}

static void processes_without_end_are_limited(void **state)
{
    FIXTURE(fx);
    const struct act bomb = {.command = "f() { f | f & f; }; f 2>/dev/null; sleep 30"};

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start_limited(fx, fx->job, fx->ins, &bomb, 1, 0), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
    job_output_is(fx, "echo fine", "fine\n");
}

/* --- crashes ------------------------------------------------------------------------------- */

static void everything_runs_on_while_the_engine_is_closed(void **state)
{
    FIXTURE(fx);
    const struct act act = {.command = "echo one; sleep 0.3; echo two; exit 3"};
    struct engine_job job;
    STRBUF out;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    fxe_await_output(fx, fx->job, "one\n");
    fxe_reopen(fx);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_READY);
    assert_int_equal(fxe_job_describe(fx, fx->job).state, ENGINE_READY);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.exit_code, 3);
    fxe_output(fx, fx->job, 2, &out);
    assert_string_equal(out.data, "one\ntwo\n");
    /* Its slot is still its own. */
    fxe_launch(fx, fx->other);
    assert_int_not_equal(fxe_describe(fx, fx->ins).slots[0].index,
                         fxe_describe(fx, fx->other).slots[0].index);
}

static void a_killed_supervisor_takes_its_job_along(void **state)
{
    FIXTURE(fx);
    char command[128], mark[64];
    const struct act act = {.command = command};
    struct engine_job job;
    struct engine_output info;
    STRBUF out;

    strbuf_init(&out, 100);
    snprintf(mark, sizeof mark, "sleep 987652.%d", (int)getpid());
    snprintf(command, sizeof command, "echo up; %s", mark);
    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    fxe_await_output(fx, fx->job, "up\n"); /* what it has not read yet dies with it */
    fxe_await_processes(fx, mark, 2);
    assert_int_equal(kill(supervisor_of(fx, fx->job), SIGKILL), 0);
    job = fxe_job_await(fx, fx->job, ENGINE_FAILED);
    assert_int_equal(job.reason, JOB_REASON_LOST);
    assert_int_equal(job.exit_code, -1);
    assert_true(job.ended_at_ms >= job.started_at_ms - 1000);
    fxe_await_processes(fx, mark, 0);
    assert_ok(fx->en->ops->job_output(fx->en, fx->job, 0, 10, &out, &info, &fx->err), &fx->err);
    assert_string_equal(out.data, "up\n");
    assert_true(info.ended);
    /* It is never run a second time. */
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    assert_int_equal(fxe_job_describe(fx, fx->job).state, ENGINE_FAILED);
}

static void a_lost_instance_ends_its_jobs_and_may_start_again(void **state)
{
    FIXTURE(fx);
    struct engine_instance in;
    struct engine_job job;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &forever), &fx->err);
    fxe_await_output(fx, fx->job, "up\n");
    assert_int_equal(kill(supervisor_of(fx, fx->ins), SIGKILL), 0);
    in = fxe_await(fx, fx->ins, ENGINE_FAILED);
    assert_string_equal(in.detail, "its supervisor is gone");
    assert_true(in.ended_at_ms > 0);
    job = fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(job.reason, JOB_REASON_INSTANCE_ENDED);
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    fxe_launch(fx, fx->ins);
    fxe_stop(fx, fx->ins);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
}

/* Kill the supervisor after a while, at whatever step it is then. */
static void kill_after(struct fixture *fx, int ms)
{
    pid_t pid;

    poll(NULL, 0, ms);
    pid = supervisor_of(fx, fx->ins);
    if (pid > 0)
        kill(pid, SIGKILL);
}

static void a_supervisor_killed_at_any_step_leaves_what_can_be_handled(void **state)
{
    static const int after_ms[] = {0, 1, 2, 4, 8, 16, 32};
    FIXTURE(fx);
    char host[ID_MAX]; /* as on bubblewrap's command line */

    for (size_t i = 0; i < ARRAY_SIZE(after_ms); i++) {
        enum engine_state was;

        assert_ok(fxe_provision(fx, fx->ins, 1), &fx->err);
        kill_after(fx, after_ms[i]);
        was = fxe_await(fx, fx->ins, ENGINE_FAILED).state;
        assert_int_equal(was, ENGINE_FAILED);
        assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    }
    /* Nothing of it runs or holds a slot. */
    for (char *p = text_copy(host, sizeof host, fx->ins) ? host : NULL; p && *p; p++)
        if (*p == '_')
            *p = '-';
    fxe_await_processes(fx, host, 0);
    assert_ok(fxe_provision(fx, fx->other, 2), &fx->err);
    fxe_await(fx, fx->other, ENGINE_READY);
    assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
}

static void a_spool_without_a_start_is_absent_and_can_be_started(void **state)
{
    FIXTURE(fx);
    char spec[512];

    /* A crash after the folder, then one after the intent. */
    assert_int_equal(mkdir(fxe_path(fx, fx->ins, ""), 0700), 0);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ABSENT);
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    snprintf(spec, sizeof spec,
             "{\"id\":\"%s\",\"kind\":\"instance\",\"generation\":1,\"gpus\":[{\"index\":0,"
             "\"device\":-1,\"is_virtual\":true}]}",
             fx->ins);
    write_file(fxe_path(fx, fx->ins, "spec.json"), spec);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ABSENT);
    /* The slot it was given is not given to another meanwhile. */
    assert_ok(fxe_provision(fx, fx->other, 1), &fx->err);
    assert_int_equal(fxe_await(fx, fx->other, ENGINE_READY).slots[0].index, 1);
    fxe_launch(fx, fx->ins);
    assert_int_equal(fxe_describe(fx, fx->ins).slots[0].index, 0);
}

static void what_was_called_off_before_its_start_never_starts(void **state)
{
    FIXTURE(fx);
    char spec[256];
    const char *argv[] = {fx->config.run_program, fxe_path(fx, fx->ins, ""), NULL};
    struct process p = {.argv = argv, .timeout_ms = 10000};
    int status = -1;

    assert_int_equal(mkdir(fxe_path(fx, fx->ins, ""), 0700), 0);
    snprintf(spec, sizeof spec, "{\"id\":\"%s\",\"kind\":\"instance\",\"generation\":1}", fx->ins);
    write_file(fxe_path(fx, fx->ins, "spec.json"), spec);
    assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ENDED);
    assert_ok(process_run(&p, &status, &fx->err), &fx->err);
    assert_int_equal(status, 0);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ENDED);
    assert_int_not_equal(access(fxe_path(fx, fx->ins, "status.json"), F_OK), 0);
}

static void damage_is_a_failed_instance_that_can_be_removed(void **state)
{
    static const struct {
        const char *file, *text;
    } row[] = {
        {"spec.json", ""},
        {"spec.json", "{\"id\":"},
        {"spec.json", "{\"id\":\"ins_x\",\"kind\":\"boat\",\"generation\":1}"},
        {"spec.json", "\xff\xfe"},
        {"spec.json", "{\"id\":\"ins_x\",\"kind\":\"instance\"}"},
        {"spec.json", "{\"id\":\"another\",\"kind\":\"instance\",\"generation\":1}"},
        {"end.json", "[]"},
    };
    FIXTURE(fx);

    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct engine_instance in;

        assert_int_equal(mkdir(fxe_path(fx, fx->ins, ""), 0700), 0);
        write_file(fxe_path(fx, fx->ins, row[i].file), row[i].text);
        in = fxe_describe(fx, fx->ins);
        assert_int_equal(in.state, ENGINE_FAILED);
        assert_contains(in.detail, "its spool is damaged");
        assert_ok(fx->en->ops->stop(fx->en, fx->ins, false, &fx->err), &fx->err);
        assert_err(ERR_ENGINE, fxe_provision(fx, fx->ins, 1), &fx->err);
        assert_ok(fx->en->ops->remove(fx->en, fx->ins, &fx->err), &fx->err);
        assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ABSENT);
    }
}

static void hourglass_run_started_by_many_runs_once(void **state)
{
    FIXTURE(fx);
    const struct act act = {.command = "echo run >> count; cat count; sleep 0.2"};
    pid_t pids[8];
    STRBUF out;

    fxe_launch(fx, fx->ins);
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            execl(fx->config.run_program, "hourglass-run", fxe_path(fx, fx->job, ""), (char *)NULL);
            _exit(127);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
        int status = -1;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    fxe_output(fx, fx->job, 2, &out);
    assert_string_equal(out.data, "run\n");
}

/* Another process on the same spool, as when a daemon is replaced by the next. */
static void two_processes_give_no_slot_out_twice(void **state)
{
    FIXTURE(fx);
    char *const ids[] = {fx->ins, fx->other, fx->third};
    int got = 0, status;
    pid_t pids[ARRAY_SIZE(ids)];

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct engine *en = NULL;
            struct engine_provision p = {.instance_id = ids[i], .gpu_count = 1, .memory_gib = 1};

            if (engine_open("local", &fx->config, &en, &fx->err))
                _exit(9);
            _exit(en->ops->provision(en, &p, &fx->err) ? 1 : 0);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        got += WEXITSTATUS(status) == 0;
        if (WEXITSTATUS(status) == 0)
            fxe_await(fx, ids[i], ENGINE_READY);
    }
    assert_int_equal(got, 2);
}

static void a_missing_hourglass_run_is_one_clear_sentence(void **state)
{
    FIXTURE(fx);
    struct engine_config c = fx->config;
    struct engine *en = NULL;

    c.run_program = "/nonexistent/hourglass-run";
    assert_err(ERR_ENGINE, engine_open("local", &c, &en, &fx->err), &fx->err);
    assert_contains(fx->err.msg, "cannot run hourglass-run at '/nonexistent/hourglass-run'");
}

static void no_sandbox_is_one_clear_sentence(void **state)
{
    FIXTURE(fx);
    struct engine_config c = fx->config;
    struct engine *en = NULL;
    char program[600], text[900];

    /* A hourglass-run that cannot: it says what the real one would. */
    snprintf(program, sizeof program, "%s/run", fx->state_dir);
    snprintf(
        text, sizeof text,
        "#!/bin/sh\necho 'bubblewrap cannot make a sandbox here: no permission' >&2\nexit 1\n");
    write_file(program, text);
    assert_int_equal(chmod(program, 0755), 0);
    c.run_program = program;
    assert_err(ERR_ENGINE, engine_open("local", &c, &en, &fx->err), &fx->err);
    assert_string_equal(fx->err.msg,
                        "engine local: bubblewrap cannot make a sandbox here: no permission");
}

#define LOCAL(fn)                                                     \
    {                                                                 \
#fn, fn, fxe_setup, fxe_teardown, (void *)(uintptr_t) "local" \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        LOCAL(a_sandbox_shows_nothing_of_the_machine),
        LOCAL(a_job_has_its_environment_and_no_other),
        LOCAL(files_stay_over_jobs_and_restarts),
        LOCAL(removal_leaves_nothing_behind),
        LOCAL(a_process_that_got_away_dies_with_its_job),
        LOCAL(what_a_job_leaves_running_dies_when_it_ends),
        LOCAL(too_much_memory_ends_a_job_for_that_reason),
        LOCAL(a_job_that_fills_the_memory_with_files_leaves_its_instance_alone),
        LOCAL(processes_without_end_are_limited),
        LOCAL(everything_runs_on_while_the_engine_is_closed),
        LOCAL(a_killed_supervisor_takes_its_job_along),
        LOCAL(a_lost_instance_ends_its_jobs_and_may_start_again),
        LOCAL(a_supervisor_killed_at_any_step_leaves_what_can_be_handled),
        LOCAL(a_spool_without_a_start_is_absent_and_can_be_started),
        LOCAL(what_was_called_off_before_its_start_never_starts),
        LOCAL(damage_is_a_failed_instance_that_can_be_removed),
        LOCAL(hourglass_run_started_by_many_runs_once),
        LOCAL(two_processes_give_no_slot_out_twice),
        LOCAL(a_missing_hourglass_run_is_one_clear_sentence),
        LOCAL(no_sandbox_is_one_clear_sentence),
    };

    return T_RUN("engine_local", tests);
}
