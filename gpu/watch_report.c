/* The process that posts samples, and the parent's end of it. It may wait for the network as long
 * as it likes: samples queue up here, the oldest are dropped, and no sampling is delayed. */
#include "gpu/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/id.h"

#define QUEUE_MAX        60 /* ten minutes */
#define SAMPLE_BYTES_MAX (256 * 1024)
#define BACKOFF_MS_MIN   1000
#define BACKOFF_MS_MAX   60000

struct queued {
    struct strbuf body;
    char key[ID_MAX];
};

/* In the child. */
struct reporter {
    struct post post;
    struct clock *clock;
    int samples_fd, said_fd, parents_end;
    struct queued queue[QUEUE_MAX];
    size_t count;
    int64_t dropped, backoff_ms, next_at_ms;
    bool troubled;
};

static void say(const struct reporter *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The parent has the terminal: it prints what is said here. */
static void say(const struct reporter *r, const char *fmt, ...)
{
    char text[TEXT_BYTES_MAX * 2];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (write(r->said_fd, text, strlen(text) + 1) < 0)
        return;
}

static void queue_pop(struct reporter *r)
{
    strbuf_release(&r->queue[0].body);
    memmove(&r->queue[0], &r->queue[1], (r->count - 1) * sizeof r->queue[0]);
    r->count--;
}

/* Take one message; false when there is none now. *ended: the parent is gone. */
static bool sample_take(struct reporter *r, bool *ended)
{
    static char bytes[SAMPLE_BYTES_MAX];
    ssize_t n = recv(r->samples_fd, bytes, sizeof bytes, MSG_DONTWAIT);
    struct queued *q;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        *ended = true;
        return false;
    }
    if (r->count == QUEUE_MAX) {
        queue_pop(r);
        r->dropped++;
    }
    q = &r->queue[r->count++];
    strbuf_init(&q->body, SAMPLE_BYTES_MAX);
    strbuf_add(&q->body, bytes, (size_t)n);
    id_new(ID_REQUEST, r->clock, q->key);
    return true;
}

static void post_failed(struct reporter *r, enum err_code rc, const struct err *e)
{
    if (!post_may_retry(rc)) {
        /* Trying the same again would be refused again. */
        if (!r->troubled)
            say(r, "a sample was refused: %s", e->msg);
        r->troubled = true;
        r->dropped++;
        queue_pop(r);
        return;
    }
    if (!r->troubled)
        say(r, "cannot report, trying again: %s", e->msg);
    r->troubled = true;
    r->backoff_ms = r->backoff_ms ? r->backoff_ms * 2 : BACKOFF_MS_MIN;
    if (r->backoff_ms > BACKOFF_MS_MAX)
        r->backoff_ms = BACKOFF_MS_MAX;
    r->next_at_ms = clock_mono_ms(r->clock) + r->backoff_ms;
}

static void oldest_post(struct reporter *r)
{
    STRBUF answer;
    struct err e;
    enum err_code rc;

    err_clear(&e);
    strbuf_init(&answer, HTTP_BODY_BYTES_MAX);
    rc = post_send(&r->post, "/v1/telemetry", &r->queue[0].body, r->queue[0].key, &answer, &e);
    if (rc) {
        post_failed(r, rc, &e);
        return;
    }
    if (r->troubled)
        say(r, "reporting again; %lld sample%s lost", (long long)r->dropped,
            r->dropped == 1 ? " was" : "s were");
    r->troubled = false;
    r->dropped = 0;
    r->backoff_ms = 0;
    queue_pop(r);
}

static void reporter_main(int fd, void *ctx)
{
    struct reporter *r = ctx;
    bool ended = false;

    close(r->parents_end);
    r->said_fd = fd;
    while (!ended) {
        int64_t left_ms = r->next_at_ms - clock_mono_ms(r->clock);
        struct pollfd p = {.fd = r->samples_fd, .events = POLLIN};

        poll(&p, 1, !r->count ? -1 : left_ms > 0 ? (int)left_ms : 0);
        while (sample_take(r, &ended))
            ;
        if (!ended && r->count && clock_mono_ms(r->clock) >= r->next_at_ms)
            oldest_post(r);
    }
}

/* --- in the parent ---------------------------------------------------------------------- */

enum err_code watch_reporter_start(struct watch_reporter *r, const struct watch_options *o,
                                   struct err *e)
{
    static struct reporter child; /* its size is no stack's; only the child uses it */
    int ends[2];
    enum err_code rc;

    *r = (struct watch_reporter){.fd = -1, .options = o};
    rc = post_open(&child.post, &o->post, e);
    if (rc)
        return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        post_close(&child.post);
        return err_set(e, ERR_IO, "cannot make a socket: %m");
    }
    child.clock = o->gpu.clock;
    child.samples_fd = ends[0];
    child.parents_end = ends[1];
    rc = gpu_child_start(&r->child, reporter_main, &child, e);
    post_close(&child.post); /* the key lives in the child alone */
    close(ends[0]);
    if (rc) {
        close(ends[1]);
        return rc;
    }
    r->fd = ends[1];
    fcntl(r->child.fd, F_SETFL, O_NONBLOCK);
    return ERR_OK;
}

void watch_reporter_offer(struct watch_reporter *r, const struct watch_state *s, int64_t mono_ms)
{
    STRBUF body = {0};

    if (r->fd < 0 || mono_ms < r->next_at_ms)
        return;
    r->next_at_ms = mono_ms + WATCH_REPORT_EVERY_MS;
    strbuf_init(&body, SAMPLE_BYTES_MAX);
    watch_json(s, r->options->instance_id, &body);
    if (body.failed || send(r->fd, body.data, body.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        r->dropped++;
}

void watch_reporter_end(struct watch_reporter *r)
{
    if (r->fd < 0)
        return;
    close(r->fd);
    r->fd = -1;
    gpu_child_release(&r->child);
}
