/* Start a program with posix_spawn, read both its outputs until they close or time is up,
 * and wait for it. */
#include "core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"

#define READ_BYTES     16384
#define PAUSE_NS_FIRST 50000
#define PAUSE_NS_MAX   2000000

struct pipes {
    int out[2], errors[2];
};

static void pipes_release(struct pipes *p)
{
    int *all[] = {&p->out[0], &p->out[1], &p->errors[0], &p->errors[1]};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

/* The attributes of a program that knows nothing of us: no blocked or ignored signals. */
static int spawn(const struct process *p, const struct pipes *pipes, pid_t *pid)
{
    static const char *const env_default[] = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
                                              "LANG=C.UTF-8", NULL};
    const char *const *env = p->env ? p->env : env_default;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawnattr_init(&attributes) != 0)
        return ENOMEM;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        posix_spawnattr_destroy(&attributes);
        return ENOMEM;
    }
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, pipes->out[1], 1);
    if (!rc && !p->shows_errors)
        rc = posix_spawn_file_actions_adddup2(&actions, pipes->errors[1], 2);
    if (!rc)
        rc = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    /* posix_spawn takes the vectors as not const, but does not change them. */
    if (!rc)
        rc = posix_spawnp(pid, p->argv[0], &actions, &attributes, (char *const *)(uintptr_t)p->argv,
                          (char *const *)(uintptr_t)env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

/* Read what is there; closes and forgets the descriptor at its end. */
static void drain(int *fd, struct strbuf *into)
{
    char bytes[READ_BYTES];
    ssize_t n = read(*fd, bytes, sizeof bytes);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close(*fd);
        *fd = -1;
    } else if (into) {
        size_t room = into->len_max - into->len;

        strbuf_add(into, bytes, (size_t)n < room ? (size_t)n : room);
        if ((size_t)n > room)
            into->failed = true;
    }
}

/* True when both outputs were closed in time. */
static bool drain_both(const struct process *p, struct pipes *pipes, int64_t deadline_ms)
{
    while (pipes->out[0] >= 0 || pipes->errors[0] >= 0) {
        struct pollfd fds[2] = {{pipes->out[0], POLLIN, 0}, {pipes->errors[0], POLLIN, 0}};
        int64_t left_ms = deadline_ms - clock_mono_ms(clock_real());

        if (left_ms <= 0)
            return false;
        if (poll(fds, 2, left_ms < 60000 ? (int)left_ms : 60000) < 0 && errno != EINTR)
            return false;
        if (fds[0].revents)
            drain(&pipes->out[0], p->out);
        if (fds[1].revents)
            drain(&pipes->errors[0], p->errors);
    }
    return true;
}

/* It has closed its outputs, so it is about to end, or it must: look soon, then less often. */
static bool wait_until(pid_t pid, int64_t deadline_ms, int *status)
{
    struct timespec pause = {0, PAUSE_NS_FIRST};

    for (;;) {
        pid_t got = waitpid(pid, status, WNOHANG);

        if (got == pid)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        if (clock_mono_ms(clock_real()) >= deadline_ms)
            return false;
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < PAUSE_NS_MAX)
            pause.tv_nsec *= 2;
    }
}

static enum err_code open_pipes(struct pipes *p, struct err *e)
{
    if (pipe2(p->out, O_CLOEXEC) != 0 || pipe2(p->errors, O_CLOEXEC) != 0)
        return err_set(e, ERR_IO, "cannot make a pipe: %m");
    /* A dup2() onto itself would keep close-on-exec: keep clear of the targets. */
    if (p->out[1] > 2 && p->errors[1] > 2)
        return ERR_OK;
    return err_set(e, ERR_IO, "descriptors 0 to 2 must be open");
}

enum err_code process_run(const struct process *p, int *status, struct err *e)
{
    struct pipes CLEANUP(pipes_release) pipes = {{-1, -1}, {-1, -1}};
    int64_t deadline_ms = clock_mono_ms(clock_real()) + p->timeout_ms;
    pid_t pid = -1;
    int rc, ended = 0;
    enum err_code code = open_pipes(&pipes, e);

    if (code)
        return code;
    rc = spawn(p, &pipes, &pid);
    if (rc == ENOENT || rc == EACCES || rc == ENOTDIR)
        return err_set(e, ERR_NOT_FOUND, "cannot run '%s': %s", p->argv[0], strerror(rc));
    if (rc)
        return err_set(e, ERR_IO, "cannot start '%s': %s", p->argv[0], strerror(rc));
    close(pipes.out[1]);
    close(pipes.errors[1]);
    pipes.out[1] = pipes.errors[1] = -1;
    if (drain_both(p, &pipes, deadline_ms) && wait_until(pid, deadline_ms, &ended)) {
        *status = ended;
        return ERR_OK;
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
        ;
    return err_set(e, ERR_TIMEOUT, "'%s' did not end within %lld ms and was killed", p->argv[0],
                   (long long)p->timeout_ms);
}
