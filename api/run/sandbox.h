/* One bubblewrap sandbox with hourglass-run as its process 1 (inside.h).
 *
 * Whom it runs as: an unprivileged caller's sandbox runs as the caller. A caller who is
 * root gives up root before bubblewrap starts, for the instance's own user id, which no
 * other instance and no person has; because that user may not look into the spool, what
 * the sandbox is made of is bound into a folder of a private mount namespace first. Only
 * where that id cannot be taken (root of a user namespace without it) it stays as it is:
 * such a root has no power outside its namespace either.
 *
 * In it: user, pid, mount, ipc, uts, cgroup and, unless asked otherwise, network
 * namespaces of its own; no further user namespaces, no new privileges, no capabilities;
 * /usr and a few files of /etc read-only, its home, an empty /tmp.
 *
 * It dies with us: process 1 ends when its control socket closes, and the kernel ends it
 * when bubblewrap dies. bubblewrap's own --die-with-parent is not used, because killed in
 * the moment before its child may go on, it leaves that child waiting for ever. */
#ifndef API_RUN_SANDBOX_H
#define API_RUN_SANDBOX_H

#include "api/run/inside.h"
#include "api/run/limits.h"
#include "model/spool.h"

struct sandbox_plan {
    const struct spool_spec *instance; /* network, GPU slots, user */
    const char *instance_dir;          /* its home/ and etc/ */
    const struct limits *limits;       /* entered by the sandbox; may be NULL */
    const struct inside *inside;
    int listen_fd, out_fd, errors_fd; /* handed on; -1: none */
};

struct sandbox {
    pid_t pid;      /* of bubblewrap: a child of this process; killing it kills all */
    int control_fd; /* inside_message; ours */
    int trouble_fd; /* what bubblewrap has to complain of; ours */
};

/* Caller owns *out: wait for pid, close the descriptors. Errors: ERR_IO. */
enum err_code sandbox_start(const struct sandbox_plan *p, struct sandbox *out,
                            struct err *e) MUST_CHECK;

/* Make and remove a sandbox in a new folder below `root`, to see that it works here.
 * Errors: ERR_ENGINE with what bubblewrap said. */
enum err_code sandbox_probe(const char *root, struct err *e) MUST_CHECK;

/* Give a path to the user that the instance's sandbox runs as. Errors: ERR_IO. */
enum err_code sandbox_own(const struct spool_spec *instance, const char *path,
                          struct err *e) MUST_CHECK;

#endif
