/* Small files that make a sandbox look like a machine with one user, and the socket that
 * answers as its sshd. */
#include "api/run/instance_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/run/inside.h"
#include "api/run/sandbox.h"
#include "core/file.h"
#include "core/process.h"

#define KEYGEN_MS_MAX      10000
#define LOGINS_WAITING_MAX 16
#define SSH_TEXT_BYTES_MAX 16384

static const struct {
    const char *name, *text;
} etc_files[] = {
    {"passwd",
     "root:x:0:0:root:/:/usr/sbin/nologin\n" INSIDE_USER ":x:1000:1000::" INSIDE_HOME ":/bin/bash\n"
     "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
    {"group", "root:x:0:\n" INSIDE_USER ":x:1000:\nnogroup:x:65534:\n"},
    {"nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"},
    {"hosts", "127.0.0.1 localhost\n::1 localhost\n"},
};

static const char sshd_config[] = "HostKey /etc/ssh/host_key\n"
                                  "PidFile none\n"
                                  "UsePAM no\n"
                                  "PasswordAuthentication no\n"
                                  "KbdInteractiveAuthentication no\n"
                                  "AuthorizedKeysFile /etc/ssh/authorized_keys\n"
                                  "StrictModes no\n"
                                  "PrintMotd no\n"
                                  "AllowUsers " INSIDE_USER "\n"
                                  "AllowAgentForwarding no\n"
                                  "X11Forwarding no\n"
                                  "Subsystem sftp internal-sftp\n";

/* A power cut ends the instance too, and its next start writes them again. */
static enum err_code write_in(const char *dir, const char *name, const char *text, unsigned mode,
                              struct err *e)
{
    char path[SPOOL_PATH_BYTES_MAX];
    enum err_code rc = spool_path(path, dir, name, e);

    return rc ? rc : file_write_passing(path, text, strlen(text), mode, e);
}

void gpu_indexes_write(const struct spool_spec *spec, struct strbuf *out)
{
    for (size_t i = 0; i < spec->gpu_count; i++)
        strbuf_addf(out, "%s%lld", i ? "," : "", (long long)spec->gpus[i].index);
}

/* By UUID where there is one: indexes count anew when fewer devices are visible. */
void gpu_devices_write(const struct spool_spec *spec, struct strbuf *out)
{
    const char *comma = "";

    for (size_t i = 0; i < spec->gpu_count; i++) {
        const struct spool_gpu *g = &spec->gpus[i];

        if (g->is_virtual)
            continue;
        if (g->uuid[0])
            strbuf_addf(out, "%s%s", comma, g->uuid);
        else
            strbuf_addf(out, "%s%lld", comma, (long long)g->index);
        comma = ",";
    }
}

static enum err_code host_key_make(const struct spool_spec *spec, const char *ssh_dir,
                                   struct err *e)
{
    char path[SPOOL_PATH_BYTES_MAX], said_first[TEXT_BYTES_MAX];
    const char *argv[] = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                          "-C",         "",   "-f", path,      NULL};
    STRBUF said;
    struct process p = {.argv = argv, .timeout_ms = KEYGEN_MS_MAX, .errors = &said};
    int status = 0;
    enum err_code rc = spool_path(path, ssh_dir, "host_key", e);

    strbuf_init(&said, TEXT_BYTES_MAX - 1);
    if (rc)
        return rc;
    if (access(path, F_OK) != 0) {
        rc = process_run(&p, &status, e);
        text_copy(said_first, sizeof said_first, said.data);
        said_first[strcspn(said_first, "\n")] = '\0';
        if (rc)
            return err_wrap(e, ERR_ENGINE, "make a host key");
        if (status != 0)
            return err_set(e, ERR_ENGINE, "ssh-keygen failed: %s", said_first);
    }
    return sandbox_own(spec, path, e);
}

static enum err_code ssh_make(const char *etc, const struct spool_spec *spec, struct err *e)
{
    char dir[SPOOL_PATH_BYTES_MAX];
    STRBUF config, key;
    enum err_code rc = spool_path(dir, etc, "ssh", e);

    strbuf_init(&config, SSH_TEXT_BYTES_MAX);
    strbuf_init(&key, SSH_TEXT_BYTES_MAX);
    strbuf_addf(&config, "%sSetEnv HOURGLASS_INSTANCE=%s HOURGLASS_GPUS=", sshd_config, spec->id);
    gpu_indexes_write(spec, &config);
    strbuf_adds(&config, " LANG=C.UTF-8 CUDA_VISIBLE_DEVICES=");
    gpu_devices_write(spec, &config);
    strbuf_addc(&config, '\n');
    strbuf_addf(&key, "%s\n", spec->ssh_public_key);
    if (!rc)
        rc = dir_make(dir, 0755, e);
    if (!rc)
        rc = write_in(dir, "sshd_config", config.data, 0644, e);
    if (!rc)
        rc = write_in(dir, "authorized_keys", key.data, 0644, e);
    return rc ? rc : host_key_make(spec, dir, e);
}

enum err_code instance_files_make(const char *dir, const struct spool_spec *spec, struct err *e)
{
    char home[SPOOL_PATH_BYTES_MAX], etc[SPOOL_PATH_BYTES_MAX];
    enum err_code rc = spool_path(home, dir, SPOOL_HOME, e);

    if (!rc)
        rc = spool_path(etc, dir, SPOOL_ETC, e);
    if (!rc)
        rc = dir_make(home, 0700, e);
    if (!rc)
        rc = sandbox_own(spec, home, e);
    if (!rc)
        rc = dir_make(etc, 0755, e);
    for (size_t i = 0; !rc && i < ARRAY_SIZE(etc_files); i++)
        rc = write_in(etc, etc_files[i].name, etc_files[i].text, 0644, e);
    if (!rc && spec->ssh_public_key[0])
        rc = ssh_make(etc, spec, e);
    return rc;
}

enum err_code login_listen(const char *dir, int *fd, struct err *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask;
    bool ok;

    /* By way of the descriptor: the path itself may be longer than an address can be. */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" SPOOL_SSH, folder);
    unlinkat(folder, SPOOL_SSH, 0);
    mask = umask(0177);
    ok = folder >= 0 && made >= 0 &&
         bind(made, (const struct sockaddr *)&address, sizeof address) == 0 &&
         listen(made, LOGINS_WAITING_MAX) == 0;
    umask(mask);
    if (!ok)
        err_set(e, ERR_IO, "cannot listen for logins: %m");
    if (folder >= 0)
        close(folder);
    if (!ok && made >= 0)
        close(made);
    if (!ok)
        return ERR_IO;
    *fd = made;
    return ERR_OK;
}
