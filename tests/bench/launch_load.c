/* launch_load PORT TOKEN_FILE OFFER CLIENTS SECONDS: clients that launch, each waiting for its
 * answer before it launches again, every launch with a key of its own. Prints launches per
 * second and the latencies in milliseconds: "PER_SECOND P50 P99 COUNT". One thread, so that the
 * clients cost the server as little as they can. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "core/limits.h"
#include "tests/bench/bench.h"

#define CLIENTS_MAX   1024
#define ANSWER_MAX    16384
#define LATENCIES_MAX 4000000
#define EVENTS_MAX    256
#define WARM_US       (US_PER_SECOND / 2)

struct client {
    int fd;
    int64_t asked_us;
    char answer[ANSWER_MAX];
    size_t len;
};

struct load {
    char token[TOKEN_BYTES_MAX];
    const char *offer;
    int epoll_fd;
    int64_t serial, begin_us; /* counted from then on */
    int64_t *latencies;
    size_t count;
};

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect to port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* A request is smaller than any socket's buffer, so it leaves at once. */
static void launch(struct load *l, struct client *c)
{
    char body[256], request[1024];
    int n, body_len;

    body_len = snprintf(body, sizeof body, "{\"offer_id\":\"%s\",\"name\":\"load-%lld\"}", l->offer,
                        (long long)l->serial);
    n = snprintf(request, sizeof request,
                 "POST /v1/instances HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                 "Idempotency-Key: load-%d-%lld\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n\r\n%s",
                 l->token, (int)getpid(), (long long)l->serial++, body_len, body);
    c->len = 0;
    c->asked_us = now_us();
    if (n >= (int)sizeof request || write(c->fd, request, (size_t)n) != n)
        die("a request was not sent: %s", strerror(errno));
}

/* True when the answer is whole; anything but a created instance ends the bench. */
static bool answer_whole(const struct client *c)
{
    const char *body = strstr(c->answer, "\r\n\r\n"), *length;

    if (!body)
        return false;
    length = strcasestr(c->answer, "\r\nContent-Length:");
    if (!length || length > body)
        die("an answer without its length");
    if (c->len < (size_t)(body + 4 - c->answer) + strtoul(length + 17, NULL, 10))
        return false;
    if (strncmp(c->answer, "HTTP/1.1 201", 12) != 0)
        die("a launch was refused: %s", c->answer);
    return true;
}

static void client_read(struct load *l, struct client *c)
{
    ssize_t n = read(c->fd, c->answer + c->len, sizeof c->answer - 1 - c->len);
    int64_t at_us;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("the server closed a connection");
    c->len += (size_t)n;
    c->answer[c->len] = '\0';
    if (!answer_whole(c))
        return;
    at_us = now_us();
    if (at_us >= l->begin_us && l->count < LATENCIES_MAX)
        l->latencies[l->count++] = at_us - c->asked_us;
    launch(l, c);
}

static void run(struct load *l, int64_t end_us)
{
    struct epoll_event events[EVENTS_MAX];

    while (now_us() < end_us) {
        int n = epoll_wait(l->epoll_fd, events, EVENTS_MAX, 100);

        for (int i = 0; i < n; i++)
            client_read(l, events[i].data.ptr);
    }
}

int main(int argc, char **argv)
{
    struct load l = {0};
    struct client *clients;
    int64_t count, end_us;

    if (argc != 6)
        die("usage: launch_load PORT TOKEN_FILE OFFER CLIENTS SECONDS");
    line_read(argv[2], l.token, sizeof l.token);
    l.offer = argv[3];
    count = number(argv[4]);
    clients = calloc(CLIENTS_MAX, sizeof *clients);
    l.latencies = malloc(LATENCIES_MAX * sizeof *l.latencies);
    l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || !l.latencies || l.epoll_fd < 0 || count < 1 || count > CLIENTS_MAX)
        die("1 to %d clients", CLIENTS_MAX);
    l.begin_us = now_us() + WARM_US;
    end_us = l.begin_us + number(argv[5]) * US_PER_SECOND;
    for (int64_t i = 0; i < count; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &clients[i]};

        clients[i].fd = dial((int)number(argv[1]));
        epoll_ctl(l.epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &ev);
        launch(&l, &clients[i]);
    }
    run(&l, end_us);
    if (l.count == 0)
        die("no launch was answered");
    qsort(l.latencies, l.count, sizeof *l.latencies, by_number);
    printf("%.1f %.3f %.3f %zu\n", (double)l.count * US_PER_SECOND / (double)(end_us - l.begin_us),
           (double)l.latencies[l.count / 2] / 1000, (double)l.latencies[l.count * 99 / 100] / 1000,
           l.count);
    for (int64_t i = 0; i < count; i++)
        close(clients[i].fd);
    free(l.latencies);
    free(clients);
    return 0;
}
