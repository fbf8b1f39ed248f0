/* The line that is written over while checks run. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "gpu/progress.h"

struct fixture {
    struct clock_test clock;
    struct gpu_progress_line line;
    int ends[2];
    char shown[4096];
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    assert_int_equal(pipe2(fx->ends, O_CLOEXEC | O_NONBLOCK), 0);
    clock_test_init(&fx->clock, 1700000000000);
    gpu_progress_init(&fx->line, fx->ends[1], &fx->clock.base);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    close(fx->ends[0]);
    close(fx->ends[1]);
    free(fx);
    return 0;
}

static const char *shown(struct fixture *fx)
{
    ssize_t n = read(fx->ends[0], fx->shown, sizeof fx->shown - 1);

    fx->shown[n > 0 ? n : 0] = '\0';
    return fx->shown;
}

static void tell(struct fixture *fx, int64_t gpu_index, const char *check, bool ended, size_t done)
{
    struct gpu_step step = {gpu_index, check, ended, done, 40};

    fx->line.base.tell(&fx->line.base, &step);
}

static void a_step_is_written_over_the_one_before(void **state)
{
    struct fixture *fx = *state;

    tell(fx, 3, "memory_patterns", false, 12);
    assert_string_equal(shown(fx), "\rhourglass-gpu: 12 of 40, 0 s: gpu3 memory_patterns");
    clock_test_advance(&fx->clock, 2500);
    tell(fx, -1, "xid", true, 13);
    assert_string_equal(shown(fx), "\rhourglass-gpu: 13 of 40, 2 s: machine xid done    ");
}

static void the_end_leaves_nothing_on_the_screen(void **state)
{
    struct fixture *fx = *state;
    const char *text;

    gpu_progress_close(&fx->line);
    assert_string_equal(shown(fx), "");
    tell(fx, 0, "xid", false, 0);
    shown(fx);
    gpu_progress_close(&fx->line);
    text = shown(fx);
    assert_int_equal(text[0], '\r');
    assert_int_equal(strspn(text + 1, " "), strlen("hourglass-gpu: 0 of 40, 0 s: gpu0 xid"));
    assert_string_equal(text + strlen(text) - 1, "\r");
}

static void a_line_never_wraps(void **state)
{
    struct fixture *fx = *state;
    char name[200];

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    tell(fx, 0, name, true, 0);
    assert_true(strlen(shown(fx)) <= 79);
}

static void without_a_terminal_there_is_no_progress(void **state)
{
    struct fixture *fx = *state;

    setenv("TERM", "xterm", 1);
    assert_false(gpu_progress_open(&fx->line, fx->ends[1], &fx->clock.base));
}

static void a_terminal_that_can_go_back_shows_it_and_a_dumb_one_does_not(void **state)
{
    struct fixture *fx = *state;
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), terminal;

    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    setenv("TERM", "xterm", 1);
    assert_true(gpu_progress_open(&fx->line, terminal, &fx->clock.base));
    setenv("TERM", "dumb", 1);
    assert_false(gpu_progress_open(&fx->line, terminal, &fx->clock.base));
    unsetenv("TERM");
    assert_false(gpu_progress_open(&fx->line, terminal, &fx->clock.base));
    close(terminal);
    close(master);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_is_written_over_the_one_before),
        TEST(the_end_leaves_nothing_on_the_screen),
        TEST(a_line_never_wraps),
        TEST(without_a_terminal_there_is_no_progress),
        TEST(a_terminal_that_can_go_back_shows_it_and_a_dumb_one_does_not),
    };

    return T_RUN("gpu progress", tests);
}
