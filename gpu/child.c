/* fork, pipe, poll, kill. */
#include "gpu/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/limits.h"

#define SAID_BYTES_MAX    (256 * 1024)
#define CHILDREN_MAX      (GPUS_PER_INSTANCE_MAX + 1)
#define REAP_STEP_MS      1
#define REAP_AFTER_MS_MAX 50 /* how long a killed process may take to go before we leave it */

static void child_main(pid_t parent, gpu_child_fn *fn, int fd, void *ctx)
{
    struct rlimit no_core = {0, 0};
    int null_fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    /* A process stuck in the driver cannot be killed. If it held our output open, whoever
     * reads that would wait for it, too. */
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0) /* a bare container; whatever is not our output will do */
        null_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (null_fd >= 0) {
        dup2(null_fd, STDIN_FILENO);
        dup2(null_fd, STDOUT_FILENO);
        dup2(null_fd, STDERR_FILENO);
    }
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGPIPE, SIG_DFL);
    fn(fd, ctx);
    _exit(0);
}

enum err_code gpu_child_start(struct gpu_child *c, gpu_child_fn *fn, void *ctx, struct err *e)
{
    pid_t parent = getpid();
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(e, ERR_IO, "cannot make a pipe: %m");
    pid = fork();
    if (pid < 0) {
        err_set(e, ERR_IO, "cannot start a process: %m");
        close(ends[0]);
        close(ends[1]);
        return ERR_IO;
    }
    if (pid == 0) {
        close(ends[0]);
        child_main(parent, fn, ends[1], ctx);
    }
    close(ends[1]);
    *c = (struct gpu_child){.pid = pid, .listening = true, .fd = ends[0], .status = -1};
    strbuf_init(&c->said, SAID_BYTES_MAX);
    return ERR_OK;
}

static void fd_close(struct gpu_child *c)
{
    if (c->listening)
        close(c->fd);
    c->listening = false;
}

/* A child that says more than it ever should is broken: stop listening. */
static void child_hear(struct gpu_child *c)
{
    char bytes[4096];
    ssize_t n = read(c->fd, bytes, sizeof bytes);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0)
        strbuf_add(&c->said, bytes, (size_t)n);
    if (n <= 0 || c->said.failed)
        fd_close(c);
    else if (c->heard)
        c->heard(c);
}

static bool child_reaped(struct gpu_child *c)
{
    int status = 0;
    pid_t done;

    if (!c->pid)
        return true;
    done = waitpid(c->pid, &status, WNOHANG);
    if (done == 0 || (done < 0 && errno == EINTR))
        return false;
    c->status = done == c->pid ? status : -1;
    c->pid = 0;
    return true;
}

/* Wait for those that closed their pipe, then for those that were killed: briefly, since a
 * process inside a driver call may be beyond any signal. */
static void children_reap(struct gpu_child *c, size_t count, struct clock *clock, int64_t until_ms)
{
    for (;;) {
        bool all = true;

        for (size_t i = 0; i < count; i++)
            all = child_reaped(&c[i]) && all;
        if (all || clock_mono_ms(clock) >= until_ms)
            return;
        poll(NULL, 0, REAP_STEP_MS);
    }
}

/* Listen until every pipe is closed or time is up. */
static void children_hear(struct gpu_child *c, size_t count, struct clock *clock,
                          int64_t deadline_ms)
{
    struct pollfd fds[CHILDREN_MAX];

    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms(clock);
        size_t open_count = 0;

        for (size_t i = 0; i < count; i++) {
            fds[i] = (struct pollfd){.fd = c[i].listening ? c[i].fd : -1, .events = POLLIN};
            open_count += fds[i].fd >= 0;
        }
        if (open_count == 0 || left_ms <= 0)
            return;
        if (poll(fds, count, (int)left_ms) < 0 && errno != EINTR)
            return;
        for (size_t i = 0; i < count; i++) {
            if (fds[i].fd >= 0 && fds[i].revents)
                child_hear(&c[i]);
        }
    }
}

void gpu_children_wait(struct gpu_child *c, size_t count, struct clock *clock, int64_t deadline_ms)
{
    if (count > CHILDREN_MAX)
        count = CHILDREN_MAX;
    children_hear(c, count, clock, deadline_ms);
    children_reap(c, count, clock, deadline_ms);
    for (size_t i = 0; i < count; i++) {
        fd_close(&c[i]);
        if (!c[i].pid)
            continue;
        c[i].timed_out = true;
        kill(c[i].pid, SIGKILL);
    }
    children_reap(c, count, clock, clock_mono_ms(clock) + REAP_AFTER_MS_MAX);
}

void gpu_child_release(struct gpu_child *c)
{
    if (c->pid)
        kill(c->pid, SIGKILL);
    fd_close(c);
    child_reaped(c);
    c->pid = 0;
    strbuf_release(&c->said);
}

const char *gpu_child_end(const struct gpu_child *c, char *buf, size_t size)
{
    if (c->timed_out)
        text_copy(buf, size, "no answer in time");
    else if (c->status >= 0 && WIFSIGNALED(c->status))
        snprintf(buf, size, "its process was killed by signal %d", WTERMSIG(c->status));
    else if (c->status >= 0 && WIFEXITED(c->status) && WEXITSTATUS(c->status) != 0)
        snprintf(buf, size, "its process ended with status %d", WEXITSTATUS(c->status));
    else
        text_copy(buf, size, "its process ended without an answer");
    return buf;
}
