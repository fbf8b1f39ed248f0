/* An API for the console's tests: a transport that answers from a table, inside this process. It
 * remembers what was asked; it can be away, slow or wrong. */
#ifndef TESTS_SUPPORT_FAKE_API_H
#define TESTS_SUPPORT_FAKE_API_H

#include "tui/feed/transport.h"

#define FAKE_ANSWERS_MAX  48
#define FAKE_REQUESTS_MAX 256
#define FAKE_PENDING_MAX  64
#define FAKE_STREAMS_MAX  8

struct fake_request {
    char what[512]; /* "POST /v1/instances?dry_run=true" */
    char *body;     /* "" none */
    char key[64];   /* idempotency key, "" none */
};

struct fake_api {
    struct transport base;
    struct {
        char what[128];
        int status;
        char *body;
    } answers[FAKE_ANSWERS_MAX];
    size_t answer_count;
    struct fake_request requests[FAKE_REQUESTS_MAX]; /* the oldest ones, when there are more */
    size_t request_count;
    struct {
        int number;
        size_t request;
        reply_fn *done;
        void *ctx;
    } pending[FAKE_PENDING_MAX];
    size_t pending_count;
    struct {
        int number;
        char path[256], last_id[64];
        const struct stream_ops *ops;
        void *ctx;
        bool told;
    } streams[FAKE_STREAMS_MAX];
    size_t stream_count;
    int last_number;
    bool away;    /* nothing answers */
    bool holding; /* answers wait until it is false again */
};

void fake_api_init(struct fake_api *f);
void fake_api_release(struct fake_api *f);

/* What requests that begin so are answered; the longest beginning wins, the last one of equals. */
void fake_api_on(struct fake_api *f, const char *what, int status, const char *body);
/* A small organization: credit, offers, two instances, three jobs, events, a report. Its times
 * are around FAKE_NOW_MS. */
#define FAKE_NOW_MS 1795183200000 /* 2026-11-20T14:00:00Z */
void fake_api_demo(struct fake_api *f);
/* Problem document with this slug and sentence for requests that begin so. */
void fake_api_problem(struct fake_api *f, const char *what, int status, const char *slug,
                      const char *detail);

/* Deliver what is pending, without waiting. */
void fake_api_deliver(struct fake_api *f);
/* An event on the streams whose path begins so. Returns how many got it. */
size_t fake_api_event(struct fake_api *f, const char *path, const char *id, const char *type,
                      const char *data);
/* A piece of a log, its bytes in base64 made here. */
void fake_api_log(struct fake_api *f, int64_t offset, const char *bytes);
/* The server ends these streams, or the line to them breaks. */
void fake_api_end(struct fake_api *f, const char *path);
void fake_api_break(struct fake_api *f);

/* The last request that begins so; NULL: none. */
const struct fake_request *fake_api_asked(const struct fake_api *f, const char *what);
size_t fake_api_count(const struct fake_api *f, const char *what);

#endif
