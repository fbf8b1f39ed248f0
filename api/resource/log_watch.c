/* Wakes the followers of a job's output when it grows: one thread waits on the engine's
 * descriptors of all followed jobs. */
#include "api/resource/app_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A job that has not started has nothing to watch yet: look again this often. */
#define WATCH_RETRY_MS 200

struct watched {
    char job_id[ID_MAX];
    int fd; /* -1: none yet */
    int followers;
};

struct log_watch {
    struct app *app;
    pthread_mutex_t lock;
    pthread_t thread;
    bool running, stop;
    int pipe[2]; /* tells the thread that the list changed */
    struct watched jobs[HTTP_FOLLOWERS_MAX];
    size_t count;
};

static void poke(struct log_watch *w)
{
    ssize_t n = write(w->pipe[1], "x", 1);

    UNUSED(n); /* full: it will look anyway */
}

static void drain(int fd)
{
    char buf[4096];

    while (read(fd, buf, sizeof buf) > 0) {
    }
}

/* Fill the poll set; returns its size. Called with the lock held. */
static size_t gather(struct log_watch *w, struct pollfd *fds, char (*ids)[ID_MAX], bool *waiting)
{
    struct engine *en = w->app->service->engine;
    size_t n = 1;

    fds[0] = (struct pollfd){.fd = w->pipe[0], .events = POLLIN};
    *waiting = false;
    for (size_t i = 0; i < w->count; i++) {
        struct watched *j = &w->jobs[i];

        if (j->fd < 0 && en) {
            j->fd = en->ops->job_watch(en, j->job_id);
            if (j->fd >= 0)
                fcntl(j->fd, F_SETFL, fcntl(j->fd, F_GETFL) | O_NONBLOCK);
        }
        if (j->fd < 0) {
            *waiting = true;
        } else {
            memcpy(ids[n], j->job_id, ID_MAX);
            fds[n++] = (struct pollfd){.fd = j->fd, .events = POLLIN};
        }
    }
    return n;
}

static void wake_waiting(struct log_watch *w)
{
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count; i++)
        if (w->jobs[i].fd < 0)
            app_wake(w->app, w->jobs[i].job_id);
    pthread_mutex_unlock(&w->lock);
}

static void *watch_main(void *arg)
{
    struct log_watch *w = arg;
    struct pollfd *fds = calloc(HTTP_FOLLOWERS_MAX + 1, sizeof *fds);
    char(*ids)[ID_MAX] = calloc(HTTP_FOLLOWERS_MAX + 1, sizeof *ids);
    bool stop = !fds || !ids;

    while (!stop) {
        bool waiting;
        size_t n;

        pthread_mutex_lock(&w->lock);
        n = gather(w, fds, ids, &waiting);
        stop = w->stop;
        pthread_mutex_unlock(&w->lock);
        if (stop || (poll(fds, n, waiting ? WATCH_RETRY_MS : -1) < 0 && errno != EINTR))
            break;
        if (waiting)
            wake_waiting(w);
        if (fds[0].revents)
            drain(w->pipe[0]);
        pthread_mutex_lock(&w->lock); /* a dropped job's descriptor is closed under the lock */
        for (size_t i = 1; i < n; i++)
            for (size_t k = 0; fds[i].revents && k < w->count; k++)
                if (w->jobs[k].fd == fds[i].fd && strcmp(w->jobs[k].job_id, ids[i]) == 0) {
                    drain(fds[i].fd);
                    app_wake(w->app, ids[i]);
                }
        pthread_mutex_unlock(&w->lock);
    }
    free(fds);
    free(ids);
    return NULL;
}

enum err_code log_watch_new(struct app *a, struct log_watch **out, struct err *e)
{
    struct log_watch *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(e, ERR_INTERNAL, "out of memory");
    w->app = a;
    pthread_mutex_init(&w->lock, NULL);
    if (pipe2(w->pipe, O_CLOEXEC | O_NONBLOCK)) {
        free(w);
        return err_set(e, ERR_INTERNAL, "no pipe for the log watch: %s", strerror(errno));
    }
    if (pthread_create(&w->thread, NULL, watch_main, w)) {
        log_watch_free(w);
        return err_set(e, ERR_INTERNAL, "no thread for the log watch");
    }
    w->running = true;
    *out = w;
    return ERR_OK;
}

void log_watch_stop(struct log_watch *w)
{
    if (!w || !w->running)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    poke(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void log_watch_free(struct log_watch *w)
{
    if (!w)
        return;
    log_watch_stop(w);
    for (size_t i = 0; i < w->count; i++)
        if (w->jobs[i].fd >= 0)
            close(w->jobs[i].fd);
    close(w->pipe[0]);
    close(w->pipe[1]);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static struct watched *find(struct log_watch *w, const char *job_id)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->jobs[i].job_id, job_id) == 0)
            return &w->jobs[i];
    return NULL;
}

enum err_code log_watch_add(struct log_watch *w, const char *job_id, struct err *e)
{
    struct watched *j;
    enum err_code rc = ERR_OK;

    pthread_mutex_lock(&w->lock);
    j = find(w, job_id);
    if (!j && w->count < HTTP_FOLLOWERS_MAX) {
        j = &w->jobs[w->count++];
        *j = (struct watched){.fd = -1};
        text_copy(j->job_id, sizeof j->job_id, job_id);
    }
    if (j)
        j->followers++;
    else
        rc = err_set(e, ERR_BUSY, "too many logs are being followed");
    pthread_mutex_unlock(&w->lock);
    poke(w);
    return rc;
}

void log_watch_drop(struct log_watch *w, const char *job_id)
{
    struct watched *j;

    pthread_mutex_lock(&w->lock);
    j = find(w, job_id);
    if (j && --j->followers == 0) {
        if (j->fd >= 0)
            close(j->fd);
        *j = w->jobs[--w->count];
    }
    pthread_mutex_unlock(&w->lock);
    poke(w);
}
