/* run_once STATUS PROGRAM ARG...: run a program to its end, which must be with this exit status,
 * and print the microseconds from before fork to its end. What it prints is dropped. */
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

int main(int argc, char **argv)
{
    int64_t want, from_us, took_us;
    int status;
    pid_t pid;

    if (argc < 3)
        die("usage: run_once STATUS PROGRAM ARG...");
    want = number(argv[1]);
    from_us = now_us();
    pid = fork();
    if (pid == 0) {
        int nowhere = open("/dev/null", O_RDWR);

        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        die("%s cannot be run", argv[2]);
    took_us = now_us() - from_us;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != want)
        die("%s did not end with %lld", argv[2], (long long)want);
    printf("%lld\n", (long long)took_us);
    return 0;
}
