/* rss_at_exit PROGRAM ARG...: run a program to its end and print the anonymous memory (RssAnon,
 * KiB) that it has at that moment. What it prints goes to standard error. */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/bench/bench.h"

static void child(char **argv)
{
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(126);
    raise(SIGSTOP);
    execvp(argv[0], argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    int64_t kib = -1;
    int status;
    pid_t pid;

    if (argc < 2)
        die("usage: rss_at_exit PROGRAM ARG...");
    pid = fork();
    if (pid == 0)
        child(argv + 1);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        die("%s cannot be watched", argv[1]);
    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, pid, NULL, NULL);
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        int signal = WSTOPSIG(status);

        if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXIT << 8)))
            kib = rss_anon_kib(pid);
        ptrace(PTRACE_CONT, pid, NULL, signal == SIGTRAP ? 0 : signal);
    }
    if (kib < 0)
        die("%s was not seen at its end", argv[1]);
    printf("%lld\n", (long long)kib);
    return 0;
}
