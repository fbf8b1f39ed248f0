/* What the files of the client share: one transfer, and the client that owns them all.
 * Private to common/client. */
#ifndef COMMON_CLIENT_CLIENT_INTERNAL_H
#define COMMON_CLIENT_CLIENT_INTERNAL_H

#include <curl/curl.h>

#include "client/client.h"

#define CLIENT_TRANSFERS_MAX 64
#define CLIENT_ETAG_MAX      64

/* One request on its way. A stream's transfer is replaced at each reconnection. */
struct transfer {
    struct client *client;
    CURL *easy; /* NULL: failed before it started */
    struct curl_slist *headers;
    int number;
    struct strbuf body;
    char etag[CLIENT_ETAG_MAX];
    char request_id[ID_MAX];
    int64_t retry_after_seconds;
    char curl_error[CURL_ERROR_SIZE];
    struct err err; /* when it failed before it started */
    reply_fn *done;
    void *ctx;
    struct stream *stream; /* NULL: an ordinary call */
    struct transfer *next;
};

struct client {
    char url[URL_BYTES_MAX];
    char socket_path[URL_BYTES_MAX]; /* "" unless unix: */
    char token[TOKEN_BYTES_MAX];
    char ca_file[URL_BYTES_MAX];
    int64_t connect_ms_max, request_ms_max;
    struct clock *clock;
    CURLM *multi; /* NULL until the first request */
    struct transfer *transfers;
    struct stream *streams;
    int last_number;
};

/* Initialise the network library, once. Errors: ERR_INTERNAL. */
enum err_code client_network(struct client *cl, struct err *e) MUST_CHECK;
/* A handle with everything that all requests share. NULL when out of memory. */
CURL *client_easy(struct client *cl, const char *path, struct curl_slist **headers);

/* A new transfer in the client's list; its easy handle is set up but not started. */
struct transfer *transfer_new(struct client *cl, const char *method, const char *path,
                              const struct request_options *o);
enum err_code transfer_start(struct transfer *t, struct err *e) MUST_CHECK;
void transfer_free(struct transfer *t);
/* What a finished transfer means: rc, and a sentence with details in `e`. */
enum err_code transfer_result(struct transfer *t, CURLcode code, int *status, struct err *e);
/* A problem document into an error; false when it is none. */
bool problem_read(const char *body, size_t len, int status, struct err *e);

/* Streams: bytes as they come, the end of a connection, and reconnections that are due.
 * stream_wait_ms: milliseconds until the next one, -1 for none. */
void stream_bytes(struct stream *s, const char *bytes, size_t len);
void stream_closed(struct stream *s, enum err_code rc, int status, int64_t retry_after_seconds,
                   const struct err *e);
void stream_due(struct client *cl);
int64_t stream_wait_ms(const struct client *cl);
bool stream_cancel(struct client *cl, int number);
void stream_free_all(struct client *cl);

#endif
