/* An instance ends its jobs before it ends: each has a supervisor of its own, found by the
 * name it left in the instance's spool. */
#include "api/run/supervisor_internal.h"

#include <dirent.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "core/id.h"

#define EVENTS_AT_ONCE 32

static void job_signal(struct supervisor *s, const char *job_id, int signal, bool count)
{
    char dir[SPOOL_PATH_BYTES_MAX];
    struct epoll_event event = {.events = EPOLLIN};
    int pidfd = -1;

    if (spool_path(dir, s->root, job_id, NULL) || spool_owner_open(dir, &pidfd, NULL) || pidfd < 0)
        return;
    pidfd_send_signal(pidfd, signal, NULL, 0);
    event.data.fd = pidfd;
    if (count && epoll_ctl(s->jobs_fd, EPOLL_CTL_ADD, pidfd, &event) == 0)
        s->jobs_alive++;
    else
        close(pidfd);
}

void supervisor_jobs_signal(struct supervisor *s, int signal)
{
    bool is_first = s->jobs_fd < 0;
    char path[SPOOL_PATH_BYTES_MAX];
    struct dirent *entry;
    DIR *dir;

    if (supervisor_is_job(s) || spool_path(path, s->dir, SPOOL_JOBS, NULL))
        return;
    if (is_first)
        s->jobs_fd = epoll_create1(EPOLL_CLOEXEC);
    dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (id_is(ID_JOB, entry->d_name))
            job_signal(s, entry->d_name, signal, is_first && s->jobs_fd >= 0);
    closedir(dir);
}

void supervisor_jobs_reap(struct supervisor *s)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int n = epoll_wait(s->jobs_fd, events, EVENTS_AT_ONCE, 0);

    for (int i = 0; i < n; i++) {
        close(events[i].data.fd); /* which also takes it out */
        s->jobs_alive--;
    }
}
