/* Running a line of the command line against answers. */
#include "tests/support/t.h"

#include "tests/support/fx_cli.h"

#include <unistd.h>

struct peer fx_cli_peer;
struct captured fx_cli_said;

static void serve_answers(struct peer *p)
{
    for (const char *const *a = p->ctx; !*a || (*a)[0]; a++) {
        int fd = peer_accept(p);

        if (fd >= 0 && peer_request(p, fd) && *a)
            peer_send(fd, *a);
        close(fd);
    }
}

void fx_cli_begin(const char *const *answers)
{
    char url[64];

    peer_start(&fx_cli_peer, serve_answers, (void *)(uintptr_t)answers);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fx_cli_peer.port);
    setenv("HOURGLASS_URL", url, 1);
    setenv("HOURGLASS_TOKEN", "hgk_test", 1);
    setenv("HOME", t_dir(), 1);
    unsetenv("XDG_CONFIG_HOME");
}

int fx_cli_run(const char *line)
{
    char text[1024], *argv[32];
    int argc, rc;

    snprintf(text, sizeof text, "%s", line);
    argc = words_split(text, argv, ARRAY_SIZE(argv));
    capture_begin(&fx_cli_said);
    rc = cli_run(argc, argv);
    capture_end(&fx_cli_said);
    return rc;
}

int fx_cli_run_with(const char *const *answers, const char *line)
{
    int rc;

    fx_cli_begin(answers);
    rc = fx_cli_run(line);
    peer_stop(&fx_cli_peer);
    return rc;
}
