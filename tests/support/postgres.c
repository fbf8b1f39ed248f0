/* Starting and stopping PostgreSQL by hand. It refuses to run as root, so root becomes the
 * user that Debian's package made for it. */
#include "tests/support/postgres.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_SECONDS_MAX 60
#define PING_EVERY_MS     20

static bool is_runnable(const char *folder)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/initdb", folder);
    return access(path, X_OK) == 0;
}

const char *postgres_programs(void)
{
    static char folder[PATH_MAX];
    const char *given = getenv("PGBIN");
    glob_t found = {0};
    long best = -1;

    folder[0] = '\0';
    if (given && given[0] && is_runnable(given))
        snprintf(folder, sizeof folder, "%s", given);
    else if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            long version = strtol(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);

            if (version > best && is_runnable(found.gl_pathv[i])) {
                best = version;
                snprintf(folder, sizeof folder, "%s", found.gl_pathv[i]);
            }
        }
    globfree(&found);
    return folder[0] ? folder : NULL;
}

/* In the child: who it shall be, where it writes, and that it ends with its parent. */
static void child_setup(const struct postgres *pg)
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    char log[PATH_MAX];
    int fd;

    snprintf(log, sizeof log, "%s/log", pg->dir);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
    if (chdir("/") != 0)
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

static pid_t spawn(const struct postgres *pg, char *const argv[])
{
    pid_t pid = fork();

    if (pid == 0) {
        child_setup(pg);
        execv(argv[0], argv);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static void show_log(const struct postgres *pg)
{
    char path[PATH_MAX], text[4096];
    FILE *f;
    size_t len;

    snprintf(path, sizeof path, "%s/log", pg->dir);
    f = fopen(path, "r");
    if (!f)
        return;
    len = fread(text, 1, sizeof text - 1, f);
    text[len] = '\0';
    print_error("%s\n", text);
    fclose(f);
}

static void make_cluster(const struct postgres *pg, const char *programs)
{
    char initdb[PATH_MAX], data[PATH_MAX];
    char *argv[] = {initdb,
                    (char[]){"-D"},
                    data,
                    (char[]){"-U"},
                    (char[]){"hourglass"},
                    (char[]){"-A"},
                    (char[]){"trust"},
                    (char[]){"-E"},
                    (char[]){"UTF8"},
                    (char[]){"--locale=C.UTF-8"},
                    (char[]){"--no-sync"},
                    NULL};
    int status = 0;

    snprintf(initdb, sizeof initdb, "%s/initdb", programs);
    snprintf(data, sizeof data, "%s/data", pg->dir);
    assert_true(waitpid(spawn(pg, argv), &status, 0) > 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        show_log(pg);
        fail_msg("initdb failed with status %d", status);
    }
}

static void wait_until_ready(struct postgres *pg)
{
    for (int i = 0; i < START_SECONDS_MAX * 1000 / PING_EVERY_MS; i++) {
        int status;

        if (PQping(pg->conninfo) == PQPING_OK)
            return;
        if (waitpid(pg->pid, &status, WNOHANG) == pg->pid)
            break;
        poll(NULL, 0, PING_EVERY_MS);
    }
    show_log(pg);
    fail_msg("PostgreSQL did not start");
}

void postgres_start(struct postgres *pg)
{
    const char *programs = postgres_programs();
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    char server[PATH_MAX], data[PATH_MAX], sockets[PATH_MAX];
    char *argv[] = {server,
                    (char[]){"-D"},
                    data,
                    (char[]){"-c"},
                    sockets,
                    (char[]){"-c"},
                    (char[]){"listen_addresses="},
                    (char[]){"-c"},
                    (char[]){"fsync=off"},
                    (char[]){"-c"},
                    (char[]){"shared_buffers=16MB"},
                    (char[]){"-c"},
                    (char[]){"max_connections=10"},
                    NULL};

    assert_non_null(programs);
    snprintf(pg->dir, sizeof pg->dir, "%s", t_dir());
    if (user)
        assert_int_equal(chown(pg->dir, user->pw_uid, user->pw_gid), 0);
    make_cluster(pg, programs);
    snprintf(server, sizeof server, "%s/postgres", programs);
    snprintf(data, sizeof data, "%s/data", pg->dir);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", pg->dir);
    snprintf(pg->conninfo, sizeof pg->conninfo, "host=%s user=hourglass dbname=postgres", pg->dir);
    pg->pid = spawn(pg, argv);
    wait_until_ready(pg);
}

/* SIGINT is its fast shutdown: it does not wait for clients. */
void postgres_stop(struct postgres *pg)
{
    int status;

    if (pg->pid <= 0)
        return;
    kill(pg->pid, SIGINT);
    waitpid(pg->pid, &status, 0);
    pg->pid = 0;
}
