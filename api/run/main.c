/* hourglass-run: the supervisor of one instance or job. Started by an engine with the path
 * of a spool directory; goes into the background and lives until what it runs has ended,
 * whatever becomes of the engine. Not for people. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/run/inside.h"
#include "api/run/remove.h"
#include "api/run/sandbox.h"
#include "api/run/supervisor.h"

static const char usage[] =
    "usage: hourglass-run SPOOL            supervise what SPOOL/spec.json says, in the background\n"
    "       hourglass-run --remove SPOOL   remove a spool that was put aside, in the background\n"
    "       hourglass-run --probe FOLDER   see whether sandboxes work here\n"
    "       hourglass-run --version\n";

/* Nothing of whoever started us stays: descriptors, folder, environment, signal mask. */
static void become_nobodys(void)
{
    static const char *const path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
    struct rlimit files;
    sigset_t all;

    closefrom(3);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGCHLD, SIG_DFL);
    umask(022);
    clearenv();
    setenv("PATH", path, 1);
    setenv("LANG", "C.UTF-8", 1);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void close_standard(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

/* Two forks: an orphan in a session of its own. Returns in it, with a pipe on which one byte
 * says to the waiting caller that all is well; the caller ends with that. */
static int go_background(void)
{
    int pipes[2];
    char said;
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
        fprintf(stderr, "hourglass-run: cannot go into the background: %s\n", strerror(errno));
        exit(1);
    }
    if (pid > 0) {
        close(pipes[1]);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        _exit(read(pipes[0], &said, 1) == 1 ? 0 : 1);
    }
    close(pipes[0]);
    setsid();
    pid = fork();
    if (pid != 0)
        _exit(pid < 0);
    return pipes[1];
}

static void say_well(int fd)
{
    close_standard();
    /* Whoever started us may be gone; the start is on record, so go on. */
    if (write(fd, "", 1) == 1 || errno != EINTR)
        close(fd);
}

static int supervise(const char *dir)
{
    struct supervisor *s = NULL;
    struct err e;
    int fd = go_background();

    err_clear(&e);
    if (supervisor_claim(dir, &s, &e)) {
        fprintf(stderr, "hourglass-run: %s\n", e.msg);
        return 1;
    }
    say_well(fd);
    return s ? supervisor_run(s) : 0;
}

static int remove_spool(const char *dir)
{
    struct err e;
    int fd;

    err_clear(&e);
    if (spool_remove_check(dir, &e)) {
        fprintf(stderr, "hourglass-run: %s\n", e.msg);
        return 1;
    }
    fd = go_background();
    say_well(fd);
    return spool_remove(dir) ? 0 : 1;
}

static int probe(const char *dir)
{
    struct err e;

    err_clear(&e);
    if (!sandbox_probe(dir, &e))
        return 0;
    fprintf(stderr, "%s\n", e.msg);
    return 1;
}

int main(int argc, char **argv)
{
    char *dir;
    int rc;

    if (argc == 2 && strcmp(argv[1], "--inside") == 0)
        inside_main();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("hourglass-run " HOURGLASS_VERSION);
        return 0;
    }
    if (argc < 2 || argc > 3 || (argc == 2) == (argv[1][0] == '-')) {
        fputs(usage, stderr);
        return 2;
    }
    become_nobodys();
    dir = realpath(argv[argc - 1], NULL);
    if (!dir || chdir("/") != 0) {
        fprintf(stderr, "hourglass-run: %s: %s\n", argv[argc - 1], strerror(errno));
        free(dir);
        return 1;
    }
    if (argc == 2)
        rc = supervise(dir);
    else if (strcmp(argv[1], "--remove") == 0)
        rc = remove_spool(dir);
    else if (strcmp(argv[1], "--probe") == 0)
        rc = probe(dir);
    else
        rc = (fputs(usage, stderr), 2);
    free(dir);
    return rc;
}
