/* The scripted server. */
#include "tests/support/t.h"

#include "tests/support/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void *peer_thread(void *arg)
{
    struct peer *p = arg;

    p->run(p);
    return NULL;
}

static void run_on(struct peer *p, int fd, const struct sockaddr *a, socklen_t len)
{
    if (fd < 0 || bind(fd, a, len) || listen(fd, 16))
        fail_msg("cannot listen: %s", strerror(errno));
    p->listener = fd;
    sem_init(&p->go, 0, 0);
    if (pthread_create(&p->thread, NULL, peer_thread, p))
        fail_msg("cannot start a thread");
}

void peer_start(struct peer *p, void (*run)(struct peer *p), void *ctx)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    memset(p, 0, sizeof *p);
    p->run = run;
    p->ctx = ctx;
    run_on(p, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&a, sizeof a);
    getsockname(p->listener, (struct sockaddr *)&a, &len);
    p->port = ntohs(a.sin_port);
}

void peer_start_unix(struct peer *p, void (*run)(struct peer *p), const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    memset(p, 0, sizeof *p);
    p->run = run;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    run_on(p, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&a, sizeof a);
}

void peer_stop(struct peer *p)
{
    pthread_join(p->thread, NULL);
    close(p->listener);
    sem_destroy(&p->go);
}

static bool readable(int fd)
{
    struct pollfd w = {.fd = fd, .events = POLLIN};
    int n;

    do {
        n = poll(&w, 1, PEER_WAIT_MS);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

int peer_accept(struct peer *p)
{
    int fd = readable(p->listener) ? accept4(p->listener, NULL, NULL, SOCK_CLOEXEC) : -1;

    if (fd >= 0)
        p->accepted++;
    return fd;
}

static size_t request_length(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\nContent-Length:");

    if (!end)
        return SIZE_MAX;
    return (size_t)(end + 4 - text) +
           (length && length < end ? (size_t)strtoul(length + 17, NULL, 10) : 0);
}

bool peer_request(struct peer *p, int fd)
{
    char *text;
    size_t len = 0;

    if (p->request_count == PEER_REQUESTS_MAX)
        return false;
    text = p->requests[p->request_count];
    while (len < request_length(text)) {
        ssize_t n;

        if (len + 1 >= PEER_REQUEST_BYTES || !readable(fd))
            return false;
        n = recv(fd, text + len, PEER_REQUEST_BYTES - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
    }
    p->request_count++;
    return true;
}

void peer_send_bytes(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* the client is gone: the test sees what it sees */
        at += n;
        len -= (size_t)n;
    }
}

void peer_send(int fd, const char *text)
{
    peer_send_bytes(fd, text, strlen(text));
}

void peer_answer(int fd, const char *status, const char *headers, const char *body)
{
    char head[2048];

    snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers,
             strlen(body));
    peer_send(fd, head);
    peer_send(fd, body);
}

bool peer_gone(int fd)
{
    char bytes[4096];

    while (readable(fd))
        if (recv(fd, bytes, sizeof bytes, 0) <= 0)
            return true;
    return false;
}

void peer_wait(struct peer *p)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PEER_WAIT_MS / 1000;
    while (sem_timedwait(&p->go, &until) && errno == EINTR) {
    }
}
