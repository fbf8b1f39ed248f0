/* A small application behind the HTTP server, for its tests: things that can be listed,
 * created and patched, streams of numbered events, an echoing tunnel. */
#ifndef TESTS_SUPPORT_FX_HTTP_H
#define TESTS_SUPPORT_FX_HTTP_H

#include <pthread.h>

#include "api/http/http.h"
#include "tests/support/http_client.h"

#define FX_TOKEN   "hgk_test-token" /* the one key; FX_READER may read only */
#define FX_READER  "hgk_test-reader"
#define FX_AUTH    "Host: test\r\nAuthorization: Bearer " FX_TOKEN "\r\n"
#define FX_JSON    "Content-Type: application/json\r\n"
#define FX_KEY     "Idempotency-Key: k1\r\n"
#define FX_JOBS    256
#define FX_ECHOES  8
#define FX_BIG_LEN (3 * 1024 * 1024)

struct fx_thing {
    char id[ID_MAX];
    char name[NAME_BYTES_MAX];
    int64_t size;
};
extern const struct shape fx_http_thing_shape;

struct fx_http {
    struct http_app app;
    struct http_server *server;
    struct raw_client client; /* connected */
    struct raw_reply reply;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t worker;
    bool worker_stops;
    /* Writes that wait: the worker takes the oldest, unless they are held for the test. */
    struct fx_job {
        struct request *req;
        struct response *resp;
        void (*done)(struct request *req, enum err_code rc, const struct err *e);
    } jobs[FX_JOBS];
    size_t job_count;
    bool hold, busy;

    int64_t events;   /* atomic: published so far */
    int64_t streams;  /* atomic: open now */
    bool events_end;  /* atomic */
    bool events_fail; /* atomic */
    int64_t handled;  /* atomic: handlers run */
    struct http_shared *shared;
    pthread_t echoes[FX_ECHOES];
    int echo_count;
    struct http_guard guard; /* of every tunnel */
    bool guard_refuses;      /* atomic */
    int64_t guards_freed;    /* atomic */
};

extern const struct route fx_http_routes[];
extern const size_t fx_http_route_count;

/* Start with this configuration (app and, when NULL, listen are filled in) and connect. */
void fx_http_open(struct fx_http *fx, struct http_config c);
void fx_http_close(struct fx_http *fx);
/* Stop the server only. */
void fx_http_stop(struct fx_http *fx, int64_t grace_ms);

/* One more event, and the wake. */
void fx_http_publish(struct fx_http *fx);
/* Hold writes for the test, or refuse them. */
void fx_http_writes_set(struct fx_http *fx, bool hold, bool busy);
/* Wait until `want` writes wait. */
void fx_http_jobs_await(struct fx_http *fx, size_t want);
/* Run the i-th waiting write here. */
void fx_http_job_run(struct fx_http *fx, size_t i);
/* Poll a condition that another thread makes true; false after RAW_WAIT_MS. */
bool fx_http_await(bool (*is_true)(struct fx_http *fx, int64_t want), struct fx_http *fx,
                   int64_t want);
bool fx_http_streams_are(struct fx_http *fx, int64_t want);
bool fx_http_connections_are(struct fx_http *fx, int64_t want);

#endif
