/* Logging in to an instance of the engine `local` with the real ssh, over the socket that
 * answers as sshd. This program is ssh's ProxyCommand as well: --proxy SOCKET. */
#include "tests/support/fx_engine.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"

#define SSH_MS_MAX 20000

static bool copy(int from, int to)
{
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes), done = 0;

    while (n > 0 && done < n) {
        ssize_t w = write(to, bytes + done, (size_t)(n - done));

        if (w <= 0)
            return false;
        done += w;
    }
    return n > 0;
}

static int proxy(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct pollfd fds[2] = {{0, POLLIN, 0}, {fd, POLLIN, 0}};

    if (!text_copy(address.sun_path, sizeof address.sun_path, path) ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror(path);
        return 1;
    }
    while (poll(fds, 2, -1) > 0) {
        if (fds[0].revents && !copy(0, fd)) {
            shutdown(fd, SHUT_WR);
            fds[0].fd = -1;
        }
        if (fds[1].revents && !copy(fd, 1))
            return 0;
    }
    return 1;
}

static const char *file_in(struct fixture *fx, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", fx->state_dir, name);
    return path;
}

/* A key pair in the state folder; returns the public line. */
static const char *key_make(struct fixture *fx, const char *name)
{
    static char line[1024];
    char path[512], public_path[520];
    const char *argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, NULL};
    struct process p = {.argv = argv, .timeout_ms = SSH_MS_MAX};
    int status = -1;
    STRBUF text;

    strbuf_init(&text, sizeof line);
    text_copy(path, sizeof path, file_in(fx, name));
    snprintf(public_path, sizeof public_path, "%s.pub", path);
    assert_ok(process_run(&p, &status, &fx->err), &fx->err);
    assert_int_equal(status, 0);
    assert_ok(file_read(public_path, &text, &fx->err), &fx->err);
    text_copy(line, sizeof line, text.data);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void launch(struct fixture *fx, const char *public_key)
{
    struct engine_provision p = {.instance_id = fx->ins,
                                 .gpu_count = 1,
                                 .vcpu_count = 2,
                                 .memory_gib = 1,
                                 .ssh_public_key = public_key,
                                 .grace_seconds = 1};

    assert_ok(fx->en->ops->provision(fx->en, &p, &fx->err), &fx->err);
    fxe_await(fx, fx->ins, ENGINE_READY);
}

/* Run a command over ssh with a key; returns ssh's exit code. */
static int ssh(struct fixture *fx, const char *key, const char *command, struct strbuf *out)
{
    char socket_path[512], self[512], proxy_option[1200], key_path[512];
    const char *argv[] = {"ssh",
                          "-F",
                          "/dev/null",
                          "-o",
                          "StrictHostKeyChecking=no",
                          "-o",
                          "UserKnownHostsFile=/dev/null",
                          "-o",
                          "BatchMode=yes",
                          "-o",
                          "IdentitiesOnly=yes",
                          "-o",
                          proxy_option,
                          "-i",
                          key_path,
                          "gpu@instance",
                          command,
                          NULL};
    struct process p = {.argv = argv, .timeout_ms = SSH_MS_MAX, .out = out};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    int status = -1;

    assert_true(n > 0);
    self[n] = '\0';
    assert_ok(fx->en->ops->login_socket(fx->en, fx->ins, socket_path, sizeof socket_path, &fx->err),
              &fx->err);
    snprintf(proxy_option, sizeof proxy_option, "ProxyCommand=%s --proxy %s", self, socket_path);
    text_copy(key_path, sizeof key_path, file_in(fx, key));
    strbuf_reset(out);
    assert_ok(process_run(&p, &status, &fx->err), &fx->err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void the_owner_logs_in_and_sees_what_jobs_see(void **state)
{
    FIXTURE(fx);
    const struct act act = {.command = "echo from the job > file"};
    STRBUF out;

    strbuf_init(&out, 65536);
    launch(fx, key_make(fx, "key"));
    assert_ok(fxe_job_start(fx, fx->job, fx->ins, &act), &fx->err);
    fxe_job_await(fx, fx->job, ENGINE_ENDED);
    assert_int_equal(ssh(fx, "key", "id -un; pwd; cat file; echo $HOURGLASS_GPUS; exit 3", &out),
                     3);
    assert_string_equal(out.data, "gpu\n/home/gpu\nfrom the job\n0\n");
    assert_int_equal(ssh(fx, "key", "echo $HOURGLASS_INSTANCE", &out), 0);
    assert_contains(out.data, fx->ins);
}

static void what_a_login_leaves_running_stays_until_the_stop(void **state)
{
    FIXTURE(fx);
    STRBUF out;

    strbuf_init(&out, 65536);
    launch(fx, key_make(fx, "key"));
    assert_int_equal(ssh(fx, "key", "setsid sleep 4321 >/dev/null 2>&1 </dev/null & echo $!", &out),
                     0);
    assert_int_equal(ssh(fx, "key",
                         "ps ax 2>/dev/null | grep -c '[s]leep 4321' || "
                         "grep -la 'sleep.4321' /proc/[0-9]*/cmdline | wc -l",
                         &out),
                     0);
    assert_contains(out.data, "1");
    fxe_stop(fx, fx->ins);
    assert_int_equal(access(fxe_path(fx, fx->ins, "ssh"), F_OK), -1);
}

static void another_key_is_refused(void **state)
{
    FIXTURE(fx);
    STRBUF out;
    char first[1024];

    strbuf_init(&out, 65536);
    text_copy(first, sizeof first, key_make(fx, "key"));
    key_make(fx, "stranger");
    launch(fx, first);
    assert_int_equal(ssh(fx, "stranger", "echo in", &out), 255);
    assert_string_equal(out.data, "");
}

static void the_host_key_stays_over_a_restart(void **state)
{
    FIXTURE(fx);
    struct stat before, after;
    char key[1024];
    STRBUF out;

    strbuf_init(&out, 65536);
    text_copy(key, sizeof key, key_make(fx, "key"));
    launch(fx, key);
    assert_int_equal(stat(fxe_path(fx, fx->ins, "etc/ssh/host_key"), &before), 0);
    fxe_stop(fx, fx->ins);
    launch(fx, key);
    assert_int_equal(stat(fxe_path(fx, fx->ins, "etc/ssh/host_key"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(ssh(fx, "key", "true", &out), 0);
}

static void only_its_owner_may_connect_to_the_socket(void **state)
{
    FIXTURE(fx);
    struct stat st;

    launch(fx, key_make(fx, "key"));
    assert_int_equal(lstat(fxe_path(fx, fx->ins, "ssh"), &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0077, 0);
    assert_int_equal(stat(fxe_path(fx, fx->ins, ""), &st), 0);
    assert_int_equal(st.st_mode & 0077, 0);
}

static void a_key_of_two_lines_is_refused(void **state)
{
    FIXTURE(fx);
    struct engine_provision p = {.instance_id = fx->ins,
                                 .ssh_public_key = "ssh-ed25519 AAAA\nssh-ed25519 BBBB"};

    assert_err(ERR_INVALID, fx->en->ops->provision(fx->en, &p, &fx->err), &fx->err);
    assert_int_equal(fxe_describe(fx, fx->ins).state, ENGINE_ABSENT);
}

static void a_long_state_folder_still_has_a_login_socket(void **state)
{
    FIXTURE(fx);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    static char dir[400]; /* the fixture's until its end */
    char path[512];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(dir, sizeof dir, "%s/%0120d", fx->state_dir, 7);
    fx->config.state_dir = dir;
    fxe_reopen(fx);
    launch(fx, key_make(fx, "key"));
    assert_ok(fx->en->ops->login_socket(fx->en, fx->ins, path, sizeof path, &fx->err), &fx->err);
    assert_true(text_copy(address.sun_path, sizeof address.sun_path, path));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(read(fd, path, 4), 4);
    assert_memory_equal(path, "SSH-", 4);
    close(fd);
}

#define LOCAL(fn)                                                     \
    {                                                                 \
#fn, fn, fxe_setup, fxe_teardown, (void *)(uintptr_t) "local" \
    }

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        LOCAL(the_owner_logs_in_and_sees_what_jobs_see),
        LOCAL(what_a_login_leaves_running_stays_until_the_stop),
        LOCAL(another_key_is_refused),
        LOCAL(the_host_key_stays_over_a_restart),
        LOCAL(only_its_owner_may_connect_to_the_socket),
        LOCAL(a_key_of_two_lines_is_refused),
        LOCAL(a_long_state_folder_still_has_a_login_socket),
    };

    if (argc == 3 && strcmp(argv[1], "--proxy") == 0)
        return proxy(argv[2]);
    return T_RUN("engine_login", tests);
}
