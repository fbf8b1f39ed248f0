/* instance ssh, instance tunnel: plain OpenSSH, reached through the control plane. Nothing on the
 * instance listens on a port. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/id.h"
#include "tui/cli/cli.h"

#define SSH_WORDS_MAX 80

int cli_instance_tunnel(struct cli *c)
{
    struct err e;
    STRBUF path;
    enum err_code rc;
    int bad;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    bad = cli_path(c, &path, "/v1/instances/", c->args[0], "/tunnel");
    if (bad)
        return bad;
    err_clear(&e);
    rc = client_tunnel(c->client, path.data, STDIN_FILENO, STDOUT_FILENO, &e);
    return rc ? cli_fail(&e, rc) : CLI_OK;
}

/* ssh gives the proxy command to a shell: quote each word, whatever is in it. */
static void quote_word(struct strbuf *out, const char *word)
{
    strbuf_addc(out, '\'');
    for (; *word; word++) {
        if (*word == '\'')
            strbuf_adds(out, "'\\''");
        else if (*word == '%')
            strbuf_adds(out, "%%"); /* ssh's own escapes */
        else
            strbuf_addc(out, *word);
    }
    strbuf_adds(out, "' ");
}

static int proxy_command(const struct cli *c, struct strbuf *out)
{
    static const enum cli_option passed[] = {CLI_CONFIG, CLI_PROFILE, CLI_URL};
    char self[PATH_MAX], flag[64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n < 0) {
        cli_say("where am I? %s", strerror(errno));
        return CLI_FAILED;
    }
    self[n] = '\0';
    strbuf_adds(out, "ProxyCommand=");
    quote_word(out, self);
    strbuf_adds(out, "instance tunnel ");
    for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
        if (c->value[passed[i]]) {
            snprintf(flag, sizeof flag, "--%s", cli_option_rows[passed[i]].name);
            quote_word(out, flag);
            quote_word(out, c->value[passed[i]]);
        }
    quote_word(out, c->args[0]);
    return CLI_OK;
}

/* A path as ssh's configuration reads it: in quotes, its escapes doubled. */
static void quote_path(struct strbuf *out, const char *path)
{
    strbuf_addc(out, '"');
    for (; *path; path++) {
        if (*path == '%')
            strbuf_addc(out, '%');
        if (*path == '"' || *path == '\\')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *path);
    }
    strbuf_addc(out, '"');
}

/* Host keys are per instance and kept apart from the user's own. */
static int known_hosts(struct strbuf *out)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char path[PATH_MAX];
    bool own = base && base[0] == '/';
    struct err e;
    size_t n;

    if (!own && !(home && home[0] == '/')) {
        cli_say("HOME is not set: there is no place for host keys");
        return CLI_FAILED;
    }
    snprintf(path, sizeof path, "%s%s/hourglass", own ? base : home, own ? "" : "/.local/state");
    err_clear(&e);
    if (dir_make(path, 0700, &e))
        return cli_fail(&e, ERR_IO);
    n = strlen(path);
    snprintf(path + n, sizeof path - n, "/known_hosts");
    strbuf_adds(out, "UserKnownHostsFile=");
    quote_path(out, path);
    return CLI_OK;
}

int cli_instance_ssh(struct cli *c)
{
    char alias[ID_MAX + 16], target[ID_MAX + 8];
    char *argv[SSH_WORDS_MAX];
    int n = 0, rc;
    STRBUF proxy = {0}, hosts = {0};

    if (!id_is(ID_INSTANCE, c->args[0]))
        return cli_usage(c, "'%s' is not the id of an instance", c->args[0]);
    strbuf_init(&proxy, 4 * PATH_MAX);
    strbuf_init(&hosts, 4 * PATH_MAX);
    rc = proxy_command(c, &proxy);
    if (!rc)
        rc = known_hosts(&hosts);
    if (!rc && (proxy.failed || hosts.failed))
        rc = cli_usage(c, "the paths are longer than allowed");
    if (rc)
        return rc;
    snprintf(alias, sizeof alias, "HostKeyAlias=%s", c->args[0]);
    snprintf(target, sizeof target, "gpu@%s", c->args[0]);
    const char *const words[] = {"ssh",
                                 "-o",
                                 proxy.data,
                                 "-o",
                                 alias,
                                 "-o",
                                 hosts.data,
                                 "-o",
                                 "StrictHostKeyChecking=accept-new",
                                 "-o",
                                 "LogLevel=ERROR",
                                 target};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        argv[n++] = (char *)(uintptr_t)words[i];
    for (int i = 1; i < c->arg_count && n + 1 < SSH_WORDS_MAX; i++)
        argv[n++] = c->args[i];
    argv[n] = NULL;
    fflush(NULL);
    execvp("ssh", argv);
    cli_say("ssh does not start: %s", strerror(errno));
    return CLI_FAILED;
}
