/* The terminal back in order when the program dies of a crash signal. curses' own way back is
 * not safe in a handler (it uses stdio), so nothing of it is called here. */
#include "tui/screen/restore.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

static const int crash_signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

/* A signal handler reaches nothing but globals. */
static struct {
    volatile sig_atomic_t armed;
    int fd;
    char bytes[RESTORE_BYTES_MAX];
    size_t len;
    bool has_line;
    struct termios line;
    struct sigaction before[ARRAY_SIZE(crash_signals)];
    void *stack;
    bool prepared;
} saved;

static void restore_now(void)
{
    size_t at = 0;

    while (at < saved.len) {
        ssize_t n = write(saved.fd, saved.bytes + at, saved.len - at);

        if (n <= 0)
            break;
        at += (size_t)n;
    }
    if (saved.has_line)
        tcsetattr(saved.fd, TCSANOW, &saved.line);
}

/* The handlers from before are put back and the signal is raised again: whoever watches sees
 * the program die of it, and a sanitizer gets its report. */
static void crashed(int signal_number)
{
    if (saved.armed) {
        saved.armed = 0;
        restore_now();
    }
    for (size_t i = 0; i < ARRAY_SIZE(crash_signals); i++)
        if (crash_signals[i] == signal_number)
            sigaction(signal_number, &saved.before[i], NULL);
    raise(signal_number);
}

void restore_bytes(const char *bytes)
{
    saved.len = strnlen(bytes, sizeof saved.bytes);
    memcpy(saved.bytes, bytes, saved.len);
}

void restore_prepare(int fd)
{
    struct sigaction act = {.sa_handler = crashed, .sa_flags = SA_ONSTACK};
    stack_t stack = {.ss_size = 16384};

    saved.fd = fd;
    saved.len = 0;
    saved.has_line = tcgetattr(fd, &saved.line) == 0;
    if (saved.prepared)
        return;
    /* Its own stack: the crash may be an overflow of the ordinary one. */
    saved.stack = malloc(stack.ss_size);
    stack.ss_sp = saved.stack;
    if (saved.stack)
        sigaltstack(&stack, NULL);
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < ARRAY_SIZE(crash_signals); i++)
        sigaction(crash_signals[i], &act, &saved.before[i]);
    saved.prepared = true;
}

void restore_arm(bool armed)
{
    saved.armed = armed;
}

void restore_forget(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};

    saved.armed = 0;
    if (!saved.prepared)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(crash_signals); i++)
        sigaction(crash_signals[i], &saved.before[i], NULL);
    sigaltstack(&none, NULL);
    free(saved.stack);
    saved.stack = NULL;
    saved.prepared = false;
}
