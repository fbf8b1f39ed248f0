/* The lock that children of a run pass on: held by one, let go by the dead, never waited for
 * without end. */
#include "tests/support/t.h"

#include <sys/wait.h>
#include <unistd.h>

#include "gpu/alone.h"

#define LONG_MS 60000 /* never waited for in a test that passes */

/* In a process of its own, which ends without letting go. */
static bool child_gets_it(int fd, int64_t wait_ms)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(alone_begin(fd, clock_real(), wait_ms) ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 0;
}

static void only_one_process_holds_it(void **state)
{
    int fd = alone_open();

    UNUSED(state);
    assert_true(fd > STDERR_FILENO);
    assert_true(alone_begin(fd, clock_real(), 0));
    assert_false(child_gets_it(fd, 0));
    alone_end(fd);
    assert_true(child_gets_it(fd, 0));
    alone_close(fd);
}

static void who_dies_lets_go(void **state)
{
    int fd = alone_open();

    UNUSED(state);
    assert_true(child_gets_it(fd, 0));
    assert_true(alone_begin(fd, clock_real(), LONG_MS));
    alone_close(fd);
}

static void waiting_ends(void **state)
{
    int fd = alone_open();

    UNUSED(state);
    assert_true(alone_begin(fd, clock_real(), 0));
    assert_false(child_gets_it(fd, 5));
    alone_close(fd);
}

static void without_a_lock_nobody_waits(void **state)
{
    UNUSED(state);
    assert_false(alone_begin(0, clock_real(), LONG_MS));
    alone_end(0);
    alone_close(0);
}

/* The caller may have closed its standard input; a child puts /dev/null in its place. */
static void it_is_never_one_of_the_standard_descriptors(void **state)
{
    int saved = dup(STDIN_FILENO), fd;

    UNUSED(state);
    close(STDIN_FILENO);
    fd = alone_open();
    assert_true(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
    close(saved);
    assert_true(fd > STDERR_FILENO);
    alone_close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_process_holds_it),
        cmocka_unit_test(who_dies_lets_go),
        cmocka_unit_test(waiting_ends),
        cmocka_unit_test(without_a_lock_nobody_waits),
        cmocka_unit_test(it_is_never_one_of_the_standard_descriptors),
    };

    return T_RUN("gpu alone", tests);
}
