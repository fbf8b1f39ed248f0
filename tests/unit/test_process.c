/* Running programs: what comes back, and what is bounded. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/process.h"

#define SH(command) ((const char *const[]){"sh", "-c", command, NULL})

static void output_and_status_come_back(void **state)
{
    STRBUF out, errors;
    struct process p = {.argv = SH("echo out; echo err >&2; exit 3"),
                        .timeout_ms = 5000,
                        .out = &out,
                        .errors = &errors};
    struct err e;
    int status = 0;

    UNUSED(state);
    strbuf_init(&out, 100);
    strbuf_init(&errors, 100);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_string_equal(out.data, "out\n");
    assert_string_equal(errors.data, "err\n");
}

static void errors_that_are_shown_go_where_ours_go(void **state)
{
    STRBUF out, errors;
    struct process p = {.argv = SH("echo out; echo err >&2"),
                        .timeout_ms = 5000,
                        .out = &out,
                        .errors = &errors,
                        .shows_errors = true};
    int file = fileno(tmpfile()), ours = dup(STDERR_FILENO), status = -1;
    char got[8] = "";
    struct err e;

    UNUSED(state);
    strbuf_init(&out, 100);
    strbuf_init(&errors, 100);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(process_run(&p, &status, &e), ERR_OK);
    assert_int_equal(dup2(ours, STDERR_FILENO), STDERR_FILENO);
    close(ours);
    assert_int_equal(pread(file, got, sizeof got - 1, 0), 4);
    assert_string_equal(got, "err\n");
    assert_string_equal(out.data, "out\n");
    assert_int_equal(errors.len, 0);
}

static void arguments_are_not_read_by_a_shell(void **state)
{
    STRBUF out;
    const char *argv[] = {"echo", "$HOME; `id` *", NULL};
    struct process p = {.argv = argv, .timeout_ms = 5000, .out = &out};
    struct err e;
    int status = 0;

    UNUSED(state);
    strbuf_init(&out, 100);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_string_equal(out.data, "$HOME; `id` *\n");
}

static void output_past_the_maximum_is_dropped(void **state)
{
    STRBUF out;
    struct process p = {
        .argv = SH("head -c 300000 /dev/zero | tr '\\0' x"), .timeout_ms = 5000, .out = &out};
    struct err e;
    int status = -1;

    UNUSED(state);
    strbuf_init(&out, 1000);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_int_equal(status, 0);
    assert_int_equal(out.len, 1000);
    assert_true(out.failed);
}

static void a_program_that_hangs_is_killed(void **state)
{
    static const char *const hangs[] = {"sleep 60", "exec sleep 60 >&- 2>&-"};
    struct err e;
    int status = 0;

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(hangs); i++) {
        struct process p = {.argv = SH(hangs[i]), .timeout_ms = 100};
        int64_t before_ms = clock_mono_ms(clock_real());

        assert_err(ERR_TIMEOUT, process_run(&p, &status, &e), &e);
        assert_true(clock_mono_ms(clock_real()) - before_ms < 5000);
        assert_contains(e.msg, "100 ms");
    }
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

static void a_missing_program_is_not_found(void **state)
{
    const char *argv[] = {"/nonexistent/program", NULL};
    struct process p = {.argv = argv, .timeout_ms = 1000};
    struct err e;
    int status = 0;

    UNUSED(state);
    needs_the_kernel_itself();
    assert_err(ERR_NOT_FOUND, process_run(&p, &status, &e), &e);
    assert_contains(e.msg, "/nonexistent/program");
}

static void nothing_of_ours_is_inherited(void **state)
{
    STRBUF out;
    struct process p = {.argv = SH("ls /proc/self/fd | wc -l; echo \"[$SECRET_Y]\"; "
                                   "grep SigBlk /proc/self/status | tr -d '\\t'"),
                        .timeout_ms = 5000,
                        .out = &out};
    struct err e;
    sigset_t usr1;
    int status = 0, fd = open("/dev/null", O_RDONLY);

    UNUSED(state);
    strbuf_init(&out, 1000);
    assert_true(fd > 2);
    setenv("SECRET_Y", "secret", 1);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    assert_ok(process_run(&p, &status, &e), &e);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    close(fd);
    /* Three, and the one that ls reads the folder by. */
    assert_string_equal(out.data, "4\n[]\nSigBlk:0000000000000000\n");
}

static void the_environment_is_the_given_one(void **state)
{
    STRBUF out;
    const char *env[] = {"A=1", "PATH=/usr/bin:/bin", NULL};
    const char *argv[] = {"env", NULL};
    struct process p = {.argv = argv, .env = env, .timeout_ms = 5000, .out = &out};
    struct err e;
    int status = 0;

    UNUSED(state);
    strbuf_init(&out, 1000);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_string_equal(out.data, "A=1\nPATH=/usr/bin:/bin\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_status_come_back),
        cmocka_unit_test(errors_that_are_shown_go_where_ours_go),
        cmocka_unit_test(arguments_are_not_read_by_a_shell),
        cmocka_unit_test(output_past_the_maximum_is_dropped),
        cmocka_unit_test(a_program_that_hangs_is_killed),
        cmocka_unit_test(a_missing_program_is_not_found),
        cmocka_unit_test(nothing_of_ours_is_inherited),
        cmocka_unit_test(the_environment_is_the_given_one),
    };

    return T_RUN("process", tests);
}
