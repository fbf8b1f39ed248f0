/* start ADDRESS PROGRAM ARG...: start a server, ask GET /readyz until it is 200, print the
 * milliseconds from exec to that answer, and stop it. ADDRESS is the path of its UNIX socket. */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

#define WAIT_US_MAX (20 * US_PER_SECOND)
#define ANSWER_MS   2000

static int dial(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !text_copy(a.sun_path, sizeof a.sun_path, path))
        die("%s: no address of a socket", path);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool is_ready(const char *path)
{
    static const char request[] =
        "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[64] = "";
    int fd = dial(path);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    bool ok;

    if (fd < 0)
        return false;
    ok = write(fd, request, sizeof request - 1) == (ssize_t)sizeof request - 1 &&
         poll(&p, 1, ANSWER_MS) == 1 && read(fd, answer, sizeof answer - 1) > 0 &&
         strncmp(answer, "HTTP/1.1 200", 12) == 0;
    close(fd);
    return ok;
}

int main(int argc, char **argv)
{
    struct timespec pause = {.tv_nsec = 500000}; /* asking costs the server time, too */
    int64_t from_us, took_us;
    int status;
    pid_t pid;

    if (argc < 3)
        die("usage: start SOCKET PROGRAM ARG...");
    unlink(argv[1]);
    from_us = now_us();
    pid = fork();
    if (pid == 0) {
        execv(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0)
        die("fork: %s", strerror(errno));
    while (!is_ready(argv[1])) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            die("%s ended before it was ready", argv[2]);
        if (now_us() - from_us > WAIT_US_MAX) {
            kill(pid, SIGKILL);
            die("%s was not ready in time", argv[2]);
        }
        nanosleep(&pause, NULL);
    }
    took_us = now_us() - from_us;
    kill(pid, SIGTERM);
    if (waitpid(pid, &status, 0) != pid || status)
        die("%s did not stop well", argv[2]);
    printf("%.2f\n", (double)took_us / 1000);
    return 0;
}
