/* Starting bubblewrap: descriptors, rights and namespaces of the process that becomes it.
 * What the sandbox looks like is in sandbox_args.c. */
#include "api/run/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/run/instance_files.h"
#include "api/run/sandbox_args.h"
#include "api/run/tree.h"

#define FD_CLEAR     16 /* above every descriptor that is handed on */
#define PROBE_MS_MAX 5000
#define STAGE        "/tmp"
/* Of a job's processes; -1000 to 1000, where 1000 outweighs all of the memory there is. */
#define JOB_OOM_SCORE "500"

static enum err_code paths_of(const char *instance_dir, struct sandbox_sources *out, struct err *e)
{
    ssize_t n = readlink("/proc/self/exe", out->program, sizeof out->program - 1);
    enum err_code rc;

    if (n < 0 || n >= (ssize_t)sizeof out->program - 1)
        return err_set(e, ERR_IO, "cannot tell where hourglass-run is: %m");
    out->program[n] = '\0';
    rc = spool_path(out->home, instance_dir, SPOOL_HOME, e);
    return rc ? rc : spool_path(out->etc, instance_dir, SPOOL_ETC, e);
}

/* Bind what the descriptor is of onto a path of the stage, and say so in `source`. */
static bool stage_one(int fd, char source[SPOOL_PATH_BYTES_MAX], const char *to, bool is_dir)
{
    char from[64];
    int made = is_dir ? mkdir(to, 0755) : open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

    snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
    if (fd < 0 || made < 0 || mount(from, to, NULL, MS_BIND, NULL) != 0)
        return false;
    if (!is_dir)
        close(made);
    return text_copy(source, SPOOL_PATH_BYTES_MAX, to);
}

/* In the child: bind the sources where any user can reach them. They are opened in the new
 * namespace, before the stage hides its folder, and closed by exec. */
static bool stage_make(struct sandbox_sources *s)
{
    int home, etc, program;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
        return false;
    home = open(s->home, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    etc = open(s->etc, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    program = open(s->program, O_PATH | O_CLOEXEC);
    return mount("stage", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=64k") == 0 &&
           stage_one(home, s->home, STAGE "/home", true) &&
           stage_one(etc, s->etc, STAGE "/etc", true) &&
           stage_one(program, s->program, STAGE "/hourglass-run", false);
}

/* In the child: from root to the instance's own user. */
static bool step_down(const struct spool_spec *instance, struct sandbox_sources *s)
{
    uid_t id = (uid_t)instance->user_id;

    if (geteuid() != 0 || id == 0)
        return true;
    if (!stage_make(s))
        return false;
    if (setgroups(0, NULL) != 0 && errno != EPERM)
        return false;
    if (setresgid(id, id, id) == 0 && setresuid(id, id, id) == 0)
        return true;
    return errno == EINVAL; /* the id is not mapped here: see sandbox.h */
}

/* In the child: put the descriptors where they are expected, all others close by exec. */
static bool place_descriptors(int document, int control, int trouble, const struct sandbox_plan *p)
{
    const int from[] = {document, control, p->listen_fd, p->out_fd, p->errors_fd, trouble, trouble};
    const int to[] = {INSIDE_FD_DOCUMENT, INSIDE_FD_CONTROL, INSIDE_FD_LISTEN, INSIDE_FD_OUT,
                      INSIDE_FD_ERRORS,   STDOUT_FILENO,     STDERR_FILENO};
    int high[ARRAY_SIZE(from)];

    for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
        high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, FD_CLEAR);
        if (from[i] >= 0 && high[i] < 0)
            return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
        if (high[i] < 0)
            close(to[i]);
        else if (dup2(high[i], to[i]) < 0)
            return false;
    }
    return true;
}

/* In the child: when the instance runs out of memory, its jobs go before itself, whatever of it
 * is small. What fills a file system in memory is no process, so size alone would not tell.
 * While we are root nobody inside can take it back. */
static void go_first(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, JOB_OOM_SCORE, strlen(JOB_OOM_SCORE)) < 0) {
        /* We have a higher one already, and it is inherited. */
    }
    close(fd);
}

static _Noreturn void become_bwrap(const struct sandbox_plan *p, struct sandbox_sources *from,
                                   int document, int control, int trouble)
{
    struct sandbox_args args;
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (!place_descriptors(document, control, trouble, p) || null < 0 || dup2(null, 0) < 0)
        _exit(126);
    if (p->limits && !limits_enter(p->limits)) {
        dprintf(STDERR_FILENO, "cannot enter the control groups: %m\n");
        _exit(126);
    }
    if (p->inside->task == INSIDE_JOB)
        go_first();
    if (!step_down(p->instance, from)) {
        dprintf(STDERR_FILENO, "cannot step down from root: %m\n");
        _exit(126);
    }
    sandbox_args_make(&args, p->instance, from);
    if (args.failed) {
        dprintf(STDERR_FILENO, "the sandbox needs too many arguments\n");
        _exit(126);
    }
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp("bwrap", (char *const *)(uintptr_t)args.argv);
    dprintf(STDERR_FILENO, "cannot run bwrap: %m\n");
    _exit(127);
}

/* The document as a file in memory, at its start. */
static enum err_code document_open(const struct inside *in, int *fd, struct err *e)
{
    STRBUF text;
    int made = memfd_create("inside", MFD_CLOEXEC);

    strbuf_init(&text, SPOOL_FILE_BYTES_MAX);
    if (made < 0)
        return err_set(e, ERR_IO, "cannot make a file in memory: %m");
    shape_encode(&inside_shape, in, &text);
    if (text.failed || write(made, text.data, text.len) != (ssize_t)text.len ||
        lseek(made, 0, SEEK_SET) != 0) {
        close(made);
        return err_set(e, ERR_IO, "cannot write what to start");
    }
    *fd = made;
    return ERR_OK;
}

static void fds_close(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

enum err_code sandbox_start(const struct sandbox_plan *p, struct sandbox *out, struct err *e)
{
    int fd[5] = {-1, -1, -1, -1, -1}; /* control x2, trouble x2, document */
    struct sandbox_sources from;
    pid_t pid;
    enum err_code rc = paths_of(p->instance_dir, &from, e);

    if (!rc)
        rc = document_open(p->inside, &fd[4], e);
    if (!rc && (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0 ||
                pipe2(fd + 2, O_CLOEXEC) != 0))
        rc = err_set(e, ERR_IO, "cannot make a pipe: %m");
    if (rc)
        goto fail;
    pid = fork();
    if (pid == 0)
        become_bwrap(p, &from, fd[4], fd[1], fd[3]);
    if (pid < 0) {
        rc = err_set(e, ERR_IO, "cannot fork: %m");
        goto fail;
    }
    *out = (struct sandbox){.pid = pid, .control_fd = fd[0], .trouble_fd = fd[2]};
    fds_close((int[]){fd[1], fd[3], fd[4]}, 3);
    return ERR_OK;
fail:
    fds_close(fd, ARRAY_SIZE(fd));
    return rc;
}

enum err_code sandbox_own(const struct spool_spec *instance, const char *path, struct err *e)
{
    uid_t id = (uid_t)instance->user_id;

    if (geteuid() != 0 || id == 0 || lchown(path, id, id) == 0 || errno == EINVAL)
        return ERR_OK;
    return err_set(e, ERR_IO, "cannot give '%s' to user %u: %m", path, (unsigned)id);
}

/* True when the sandbox said that it stands, before anything went wrong or time was up. */
static bool probe_stands(const struct sandbox *box)
{
    struct pollfd fd = {box->control_fd, POLLIN, 0};
    struct inside_message m = {0};

    return poll(&fd, 1, PROBE_MS_MAX) == 1 && recv(fd.fd, &m, sizeof m, 0) == sizeof m &&
           m.kind == INSIDE_UP;
}

static enum err_code probe_in(const char *dir, struct err *e)
{
    struct spool_spec instance = {.id = "probe", .user_id = geteuid() == 0 ? SPOOL_USER_ID_MIN : 0};
    struct inside inside = {.task = INSIDE_PROBE};
    struct sandbox_plan plan = {.instance = &instance,
                                .instance_dir = dir,
                                .inside = &inside,
                                .listen_fd = -1,
                                .out_fd = -1,
                                .errors_fd = -1};
    struct sandbox box = {.control_fd = -1, .trouble_fd = -1};
    char said[TEXT_BYTES_MAX] = "";
    bool stands;
    ssize_t n;
    enum err_code rc = instance_files_make(dir, &instance, e);

    if (!rc)
        rc = sandbox_start(&plan, &box, e);
    if (rc)
        return rc;
    stands = probe_stands(&box);
    if (!stands)
        kill(box.pid, SIGKILL);
    n = read(box.trouble_fd, said, sizeof said - 1);
    said[n > 0 ? (size_t)n : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    while (waitpid(box.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    fds_close((int[]){box.control_fd, box.trouble_fd}, 2);
    if (stands)
        return ERR_OK;
    return err_set(e, ERR_ENGINE, "bubblewrap cannot make a sandbox here: %s",
                   said[0] ? said : "it gave no reason");
}

enum err_code sandbox_probe(const char *root, struct err *e)
{
    char dir[SPOOL_PATH_BYTES_MAX], path[SPOOL_PATH_BYTES_MAX];
    enum err_code rc;

    if (snprintf(dir, sizeof dir, "%s/.probe-XXXXXX", root) >= (int)sizeof dir)
        return err_set(e, ERR_LIMIT, "the path '%s' is too long", root);
    if (!mkdtemp(dir))
        return err_set(e, ERR_IO, "cannot make a folder in '%s': %m", root);
    rc = probe_in(dir, e);
    if (!spool_path(path, dir, "", NULL))
        tree_remove(path);
    return rc;
}
