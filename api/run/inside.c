/* hourglass-run as process 1 of a sandbox: starts the job's command, or sshd for each
 * connection to an instance, reaps, passes TERM on to all. When it ends, the kernel kills
 * whatever is left in the sandbox. It can be neither traced nor signalled from inside. */
#include "api/run/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOCUMENT_BYTES_MAX (4 * 1024 * 1024)
#define LOGINS_MAX         64
#define OPEN_FILES_MAX     65536
#define EXIT_NOT_STARTED   127

static const char *const inside_task_names[] = {
#define X(id, name) name,
    INSIDE_TASK_LIST(X)
#undef X
        NULL};

static const struct field inside_fields[] = {
    F_ENUM(struct inside, task, FIELD_REQUIRED, inside_task_names, "What to do."),
    F_TEXT(struct inside, command, FIELD_OMIT, 0, JOB_COMMAND_BYTES_MAX, "A job's command."),
    F_LIST(struct inside, env, env_count, FIELD_OMIT, &env_entry_shape, INSIDE_ENV_MAX,
           "The environment."),
    F_INT(struct inside, process_count_max, 0, 0, 1 << 22, "Processes and threads; 0: any."),
};
SHAPE(inside_shape, struct inside, "Inside", "What to start in the sandbox.", inside_fields);

struct init {
    struct inside task;
    pid_t main_pid;           /* the job's command */
    pid_t logins[LOGINS_MAX]; /* of sshd, 0 where there is none */
    int signal_fd;
    bool is_ending;
};

static _Noreturn void give_up(const char *what)
{
    /* Standard error is the supervisor's until something was started. */
    dprintf(STDERR_FILENO, "inside the sandbox: %s: %m\n", what);
    _exit(1);
}

static void tell(enum inside_message_kind kind, int status)
{
    struct inside_message m = {.kind = kind, .status = status};

    if (send(INSIDE_FD_CONTROL, &m, sizeof m, MSG_NOSIGNAL) != sizeof m)
        _exit(1);
}

static void read_document(struct inside *out)
{
    STRBUF text;
    struct err e;
    json_t *tree = NULL;
    char bytes[16384];
    ssize_t n;

    strbuf_init(&text, DOCUMENT_BYTES_MAX);
    err_clear(&e);
    while ((n = read(INSIDE_FD_DOCUMENT, bytes, sizeof bytes)) > 0)
        strbuf_add(&text, bytes, (size_t)n);
    close(INSIDE_FD_DOCUMENT);
    if (n < 0 || text.failed)
        give_up("cannot read what to start");
    if (json_parse(text.data, text.len, &tree, &e) || shape_read(&inside_shape, tree, out, &e)) {
        dprintf(STDERR_FILENO, "inside the sandbox: %s\n", e.msg);
        _exit(1);
    }
    json_decref(tree);
}

static void limit(__rlimit_resource_t what, rlim_t most)
{
    struct rlimit now;

    if (getrlimit(what, &now) != 0)
        return;
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most)
        most = now.rlim_max;
    now.rlim_cur = now.rlim_max = most;
    setrlimit(what, &now);
}

/* Set here, in the sandbox's own user namespace, the number of processes counts for this
 * sandbox alone. No limit on address space: CUDA reserves far more than it uses. */
static void set_limits(const struct inside *t)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, OPEN_FILES_MAX);
    if (t->process_count_max > 0)
        limit(RLIMIT_NPROC, (rlim_t)t->process_count_max);
}

static void set_environment(const struct inside *t)
{
    clearenv();
    for (size_t i = 0; i < t->env_count; i++)
        if (setenv(t->env[i].name, t->env[i].value ? t->env[i].value : "", 1) != 0)
            give_up("environment");
}

/* In the child: a session of its own, default signals, three descriptors. */
static void become_payload(int in, int out, int errors)
{
    sigset_t none;

    setsid();
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* The sources are all above 2, so none is overwritten before it is used. */
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0)
        _exit(EXIT_NOT_STARTED);
    closefrom(3);
}

static void start_command(struct init *in)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0)
        give_up("/dev/null");
    in->main_pid = fork();
    if (in->main_pid < 0)
        give_up("fork");
    if (in->main_pid == 0) {
        become_payload(null, INSIDE_FD_OUT, INSIDE_FD_ERRORS);
        execl("/bin/sh", "sh", "-c", in->task.command ? in->task.command : "", (char *)NULL);
        dprintf(STDERR_FILENO, "cannot run /bin/sh: %m\n");
        _exit(EXIT_NOT_STARTED);
    }
    close(null);
    close(INSIDE_FD_OUT);
    close(INSIDE_FD_ERRORS);
}

/* The entry with this pid; NULL when there is none. */
static pid_t *login_find(struct init *in, pid_t pid)
{
    for (size_t i = 0; i < LOGINS_MAX; i++)
        if (in->logins[i] == pid)
            return &in->logins[i];
    return NULL;
}

static void accept_login(struct init *in)
{
    int peer = accept4(INSIDE_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC);
    pid_t *place = login_find(in, 0);
    int null;
    pid_t pid;

    if (peer < 0)
        return;
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid = place && null >= 0 ? fork() : -1;
    if (pid == 0) {
        become_payload(peer, peer, null);
        execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-i", "-e", "-f", "/etc/ssh/sshd_config",
              (char *)NULL);
        _exit(EXIT_NOT_STARTED);
    }
    if (pid > 0)
        *place = pid;
    close(peer);
    if (null >= 0)
        close(null);
}

/* The orphans of the sandbox end here too. */
static void reap(struct init *in)
{
    struct signalfd_siginfo info;
    pid_t *login;
    int status;
    pid_t pid;

    while (read(in->signal_fd, &info, sizeof info) == sizeof info)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        login = login_find(in, pid);
        if (login)
            *login = 0;
        if (in->task.task == INSIDE_JOB && pid == in->main_pid) {
            tell(INSIDE_ENDED, status);
            _exit(0);
        }
    }
    if (pid < 0 && errno == ECHILD && in->is_ending)
        _exit(0);
}

static void obey(struct init *in)
{
    struct inside_message m;
    ssize_t n = recv(INSIDE_FD_CONTROL, &m, sizeof m, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != sizeof m) /* the supervisor is gone, and with it the reason to be here */
        _exit(1);
    if (m.kind == INSIDE_TERMINATE) {
        in->is_ending = true;
        /* A stopped process would not see TERM. */
        kill(-1, SIGTERM);
        kill(-1, SIGCONT);
        reap(in);
    }
}

static _Noreturn void serve(struct init *in)
{
    bool listens = in->task.task == INSIDE_INSTANCE && fcntl(INSIDE_FD_LISTEN, F_GETFD) >= 0;

    for (;;) {
        struct pollfd fds[3] = {
            {INSIDE_FD_CONTROL, POLLIN, 0},
            {in->signal_fd, POLLIN, 0},
            {listens && !in->is_ending ? INSIDE_FD_LISTEN : -1, POLLIN, 0},
        };

        if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
            continue;
        if (fds[1].revents)
            reap(in);
        if (fds[0].revents)
            obey(in);
        if (fds[2].revents)
            accept_login(in);
    }
}

/* Our own descriptors are not for what we start. */
static void keep_private(void)
{
    for (int fd = INSIDE_FD_DOCUMENT; fd < INSIDE_FD_END; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    closefrom(INSIDE_FD_END);
}

static int signals_open(void)
{
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &child, NULL) != 0)
        return -1;
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

_Noreturn void inside_main(void)
{
    struct init in = {.main_pid = -1};
    int null;

    keep_private();
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* of bubblewrap, which the supervisor can kill */
    in.signal_fd = signals_open();
    if (in.signal_fd < 0)
        give_up("signals");
    read_document(&in.task);
    set_limits(&in.task);
    set_environment(&in.task);
    if (chdir(INSIDE_HOME) != 0 && in.task.task != INSIDE_PROBE)
        give_up(INSIDE_HOME);
    tell(INSIDE_UP, 0);
    if (in.task.task == INSIDE_PROBE)
        _exit(0);
    if (in.task.task == INSIDE_JOB)
        start_command(&in);
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    serve(&in);
}
