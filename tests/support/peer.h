/* A server whose every byte a test decides: a function of the test's runs on a thread of its
 * own, accepts, reads requests and writes whatever it wants. All waits are bounded; what it was
 * asked is kept for the test to look at after peer_stop(). */
#ifndef TESTS_SUPPORT_PEER_H
#define TESTS_SUPPORT_PEER_H

#include <pthread.h>
#include <semaphore.h>

#include "core/base.h"

#define PEER_WAIT_MS       10000
#define PEER_REQUESTS_MAX  32
#define PEER_REQUEST_BYTES 8192

struct peer {
    int listener, port; /* 127.0.0.1 */
    pthread_t thread;
    void (*run)(struct peer *p);
    sem_t go; /* posted by the test: peer_wait() */
    void *ctx;
    char requests[PEER_REQUESTS_MAX][PEER_REQUEST_BYTES];
    size_t request_count;
    int accepted;
};

/* Listen and run; fails the test when it cannot. With a path: on that UNIX socket. */
void peer_start(struct peer *p, void (*run)(struct peer *p), void *ctx);
void peer_start_unix(struct peer *p, void (*run)(struct peer *p), const char *path);
/* Wait for its function to return; the port is free then. */
void peer_stop(struct peer *p);

/* --- for the function; false and -1 mean that what must come did not --- */
int peer_accept(struct peer *p);
/* Read a request with its body and keep it. */
bool peer_request(struct peer *p, int fd);
void peer_send(int fd, const char *text);
void peer_send_bytes(int fd, const void *bytes, size_t len);
/* "HTTP/1.1 <status>\r\n<headers>Content-Length: …\r\n\r\n<body>". */
void peer_answer(int fd, const char *status, const char *headers, const char *body);
/* True when the client closes. */
bool peer_gone(int fd);
/* Until the test posts p->go. */
void peer_wait(struct peer *p);

#endif
