/* console MARK IDLE_SECONDS PROGRAM ARG...: run the console in a pseudo-terminal of 80x24, wait
 * until MARK was painted, let it idle, read its memory, quit with `q`. Prints
 * "MS_TO_FIRST_PAINT RSSANON_KIB". The first paint is the first moment at which a screenful (a
 * cleared screen with text) has arrived and nothing more is waiting; MARK is a text that only
 * data from the server can bring. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

#define ROWS        24
#define COLUMNS     80
#define SCREEN_MAX  (1024 * 1024)
#define PAINTED_MIN 200 /* bytes of a first screen; setting up the terminal takes fewer */
#define WAIT_US_MAX (15 * US_PER_SECOND)
#define QUIT_US_MAX (5 * US_PER_SECOND)
#define LOOK_MS     5

struct run {
    int fd;
    pid_t pid;
    int64_t from_us, painted_us;
    char *screen; /* all that was written */
    size_t len;
};

static void child(char **argv)
{
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    execv(argv[0], argv);
    _exit(127);
}

static void begin(struct run *r, char **argv)
{
    struct winsize size = {.ws_row = ROWS, .ws_col = COLUMNS};

    r->screen = calloc(1, SCREEN_MAX);
    if (!r->screen)
        die("out of memory");
    r->from_us = now_us();
    r->pid = forkpty(&r->fd, NULL, NULL, &size);
    if (r->pid == 0)
        child(argv);
    if (r->pid < 0)
        die("no pseudo-terminal: %s", strerror(errno));
    fcntl(r->fd, F_SETFL, O_NONBLOCK);
}

/* False when the program has ended. */
static bool take(struct run *r, int wait_ms)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    ssize_t n;

    if (poll(&p, 1, wait_ms) <= 0)
        return true;
    while ((n = read(r->fd, r->screen + r->len, SCREEN_MAX - 1 - r->len)) > 0)
        r->len += (size_t)n;
    r->screen[r->len] = '\0';
    if (!r->painted_us && r->len >= PAINTED_MIN)
        r->painted_us = now_us();
    if (r->len > SCREEN_MAX / 2)
        r->len = 0; /* a second screenful is as good */
    return n < 0 && errno == EAGAIN;
}

static void until(struct run *r, const char *mark)
{
    while (!strstr(r->screen, mark)) {
        if (now_us() - r->from_us > WAIT_US_MAX)
            die("'%s' was not painted; the last of the screen: %.400s", mark,
                r->len > 400 ? r->screen + r->len - 400 : r->screen);
        if (!take(r, LOOK_MS))
            die("the console ended: %s", r->screen);
    }
}

static void idle(struct run *r, int64_t for_us)
{
    int64_t end_us = now_us() + for_us;

    while (now_us() < end_us)
        if (!take(r, LOOK_MS))
            die("the console ended: %s", r->screen);
}

static void quit(struct run *r)
{
    int64_t end_us = now_us() + QUIT_US_MAX;
    int status = 0;

    if (write(r->fd, "q", 1) != 1)
        die("the terminal takes no key");
    while (waitpid(r->pid, &status, WNOHANG) == 0) {
        take(r, LOOK_MS);
        if (now_us() > end_us) {
            kill(r->pid, SIGKILL);
            waitpid(r->pid, &status, 0);
            die("the console did not quit");
        }
    }
    if (status)
        die("the console ended with status %d", status);
}

int main(int argc, char **argv)
{
    struct run r = {0};
    int64_t kib;

    if (argc < 4)
        die("usage: console MARK IDLE_SECONDS PROGRAM ARG...");
    begin(&r, argv + 3);
    until(&r, argv[1]);
    idle(&r, number(argv[2]) * US_PER_SECOND);
    kib = rss_anon_kib(r.pid);
    quit(&r);
    printf("%.2f %lld\n", (double)(r.painted_us - r.from_us) / 1000, (long long)kib);
    free(r.screen);
    return 0;
}
