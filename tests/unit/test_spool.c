/* Spool records and the lock. */
#include "tests/support/t.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "model/spool.h"

static struct spool_spec spec_of_a_job(void)
{
    struct spool_spec s = {.id = "job_1",
                           .kind = SPOOL_JOB,
                           .generation = 3,
                           .created_at_ms = 1790000000123,
                           .grace_seconds = 30,
                           .instance_id = "ins_1",
                           .time_limit_seconds = 60,
                           .log_bytes_max = 1000};

    s.command = strdup("echo \"a\"\n\xc3\xa9");
    s.env = calloc(1, sizeof *s.env);
    assert_non_null(s.env);
    s.env_count = 1;
    text_copy(s.env[0].name, sizeof s.env[0].name, "A");
    s.env[0].value = strdup("");
    return s;
}

static void a_spec_comes_back_as_it_was_written(void **state)
{
    struct spool_spec s = spec_of_a_job(), back = {.generation = 0};
    const char *dir = t_dir();
    struct err e;

    UNUSED(state);
    assert_ok(spool_save(dir, SPOOL_SPEC, &spool_spec_shape, &s, &e), &e);
    assert_ok(spool_load(dir, SPOOL_SPEC, &spool_spec_shape, &back, &e), &e);
    assert_string_equal(back.id, "job_1");
    assert_int_equal(back.kind, SPOOL_JOB);
    assert_int_equal(back.generation, 3);
    assert_int_equal(back.created_at_ms, 1790000000123);
    assert_string_equal(back.command, s.command);
    assert_int_equal(back.env_count, 1);
    assert_string_equal(back.env[0].value, "");
    assert_int_equal(back.log_bytes_max, 1000);
    shape_release(&spool_spec_shape, &s);
    shape_release(&spool_spec_shape, &back);
}

static void the_largest_command_and_environment_fit(void **state)
{
    struct spool_spec s = {.id = "job_1", .kind = SPOOL_JOB, .generation = 1}, back = {.id = ""};
    const char *dir = t_dir();
    struct err e;

    UNUSED(state);
    /* Control characters take six bytes each in JSON. */
    s.command = malloc(JOB_COMMAND_BYTES_MAX + 1);
    s.env = calloc(JOB_ENV_MAX, sizeof *s.env);
    assert_true(s.command && s.env);
    memset(s.command, 1, JOB_COMMAND_BYTES_MAX);
    s.command[JOB_COMMAND_BYTES_MAX] = '\0';
    for (s.env_count = 0; s.env_count < JOB_ENV_MAX; s.env_count++) {
        struct env_entry *entry = &s.env[s.env_count];

        snprintf(entry->name, sizeof entry->name, "N%zu", s.env_count);
        entry->value = malloc(JOB_ENV_VALUE_BYTES_MAX + 1);
        assert_non_null(entry->value);
        memset(entry->value, 1, JOB_ENV_VALUE_BYTES_MAX);
        entry->value[JOB_ENV_VALUE_BYTES_MAX] = '\0';
    }
    assert_ok(spool_save(dir, SPOOL_SPEC, &spool_spec_shape, &s, &e), &e);
    assert_ok(spool_load(dir, SPOOL_SPEC, &spool_spec_shape, &back, &e), &e);
    assert_string_equal(back.command, s.command);
    shape_release(&spool_spec_shape, &s);
    shape_release(&spool_spec_shape, &back);
}

static void a_missing_record_is_not_found_and_a_broken_one_invalid(void **state)
{
    static const char *const broken[] = {
        "",
        "{",
        "null",
        "{\"generation\":0,\"reason\":\"exited\"}",
        "{\"reason\":\"exited\"}",
        "{\"generation\":\"1\"}",
        "{\"generation\":1,\"exit_code\":\"7\"}",
        "{\"generation\":1,\"reason\":\"exited\",\"generation\":2}",
    };
    const char *dir = t_dir();
    char path[SPOOL_PATH_BYTES_MAX];
    struct err e;

    UNUSED(state);
    assert_ok(spool_path(path, dir, SPOOL_END, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        struct spool_end end = {.generation = 0};

        assert_ok(file_write(path, broken[i], strlen(broken[i]), 0600, &e), &e);
        assert_err(ERR_INVALID, spool_load(dir, SPOOL_END, &spool_end_shape, &end, &e), &e);
        assert_contains(e.msg, SPOOL_END);
    }
    struct spool_status status = {.generation = 0};
    assert_err(ERR_NOT_FOUND, spool_load(dir, SPOOL_STATUS, &spool_status_shape, &status, &e), &e);
}

/* hourglass-run goes on while hourglassd is replaced, and the other way round. */
static void what_a_newer_version_wrote_is_read(void **state)
{
    static const char text[] = "{\"generation\":2,\"reason\":\"eclipse\",\"exit_code\":7,"
                               "\"tomorrow\":[1],\"detail\":\"a\\u0001b\"}";
    struct spool_end end = {.generation = 0};
    const char *dir = t_dir();
    char path[SPOOL_PATH_BYTES_MAX];
    struct err e;

    UNUSED(state);
    assert_ok(spool_path(path, dir, SPOOL_END, &e), &e);
    assert_ok(file_write(path, text, sizeof text - 1, 0600, &e), &e);
    assert_ok(spool_load(dir, SPOOL_END, &spool_end_shape, &end, &e), &e);
    assert_int_equal(end.generation, 2);
    assert_int_equal(end.exit_code, 7);
    assert_int_equal(end.reason, JOB_REASON_NONE);
    shape_release(&spool_end_shape, &end);
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
    char dir[SPOOL_PATH_BYTES_MAX], path[SPOOL_PATH_BYTES_MAX];
    struct err e;

    UNUSED(state);
    memset(dir, 'x', sizeof dir);
    dir[sizeof dir - 1] = '\0';
    assert_err(ERR_LIMIT, spool_path(path, dir, SPOOL_END, &e), &e);
}

/* valgrind 3.19 knows no pidfds, and its fork in place of vfork hides a failed exec. */
static void needs_the_kernel_itself(void)
{
    const char *preload = getenv("LD_PRELOAD");

    if (preload && strstr(preload, "vgpreload")) {
        print_message("skipped: not under valgrind\n");
        skip();
    }
}

/* A child that holds the lock until it is killed; returns when it does. */
static pid_t hold(const char *dir)
{
    int pipes[2];
    char said;
    pid_t pid;

    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    if (pid == 0) {
        int fd = -1;

        if (spool_lock(dir, &fd, NULL) || fd < 0 || write(pipes[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &said, 1), 1);
    close(pipes[0]);
    return pid;
}

static void the_lock_names_its_holder_and_is_free_when_it_dies(void **state)
{
    const char *dir = t_dir();
    int64_t owner = -1, alive_at_ms = 0;
    int pidfd = -1, fd = -1;
    struct pollfd wait = {.events = POLLIN};
    struct err e;
    pid_t pid;

    UNUSED(state);
    needs_the_kernel_itself();
    assert_ok(spool_owner(dir, &owner, NULL, &e), &e);
    assert_int_equal(owner, 0);
    pid = hold(dir);
    assert_ok(spool_owner(dir, &owner, &alive_at_ms, &e), &e);
    assert_int_equal(owner, pid);
    assert_true(alive_at_ms > 0);
    assert_ok(spool_lock(dir, &fd, &e), &e);
    assert_int_equal(fd, -1);
    assert_ok(spool_owner_open(dir, &pidfd, &e), &e);
    assert_true(pidfd >= 0);
    wait.fd = pidfd;
    assert_int_equal(poll(&wait, 1, 0), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(poll(&wait, 1, 5000), 1);
    close(pidfd);
    assert_ok(spool_owner(dir, &owner, NULL, &e), &e);
    assert_int_equal(owner, 0);
    assert_ok(spool_lock(dir, &fd, &e), &e);
    assert_true(fd >= 0);
    close(fd);
}

static void a_signal_goes_to_the_holder_and_to_nobody_else(void **state)
{
    const char *dir = t_dir();
    bool sent = true;
    int status = 0;
    struct err e;
    pid_t pid;

    UNUSED(state);
    needs_the_kernel_itself();
    assert_ok(spool_signal(dir, SIGTERM, &sent, &e), &e);
    assert_false(sent);
    pid = hold(dir);
    assert_ok(spool_signal(dir, SIGTERM, &sent, &e), &e);
    assert_true(sent);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_ok(spool_signal(dir, SIGTERM, &sent, &e), &e);
    assert_false(sent);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_comes_back_as_it_was_written),
        cmocka_unit_test(the_largest_command_and_environment_fit),
        cmocka_unit_test(a_missing_record_is_not_found_and_a_broken_one_invalid),
        cmocka_unit_test(what_a_newer_version_wrote_is_read),
        cmocka_unit_test(a_path_that_does_not_fit_is_refused),
        cmocka_unit_test(the_lock_names_its_holder_and_is_free_when_it_dies),
        cmocka_unit_test(a_signal_goes_to_the_holder_and_to_nobody_else),
    };

    return T_RUN("spool", tests);
}
