/* What the files of the client share: one transfer, and the client that owns them all.
 * Private to common/client.
 *
 * libcurl's callbacks only put bytes away. Everything that a caller gave us to call runs
 * between two calls of libcurl, from client_poll(), so it may send, cancel, poll again, or
 * close the client. What may still be on the stack then is freed when the outermost poll
 * ends: `depth` counts them. */
#ifndef COMMON_CLIENT_CLIENT_INTERNAL_H
#define COMMON_CLIENT_CLIENT_INTERNAL_H

#include <curl/curl.h>

#include "client/client.h"

#define CLIENT_ETAG_BYTES_MAX    64
#define CLIENT_RETRY_SECONDS_MAX 3600 /* of a Retry-After that is believed */

/* One request on its way. A stream's transfer is replaced at each reconnection. */
struct transfer {
    struct client *client;
    CURL *easy; /* NULL: failed before it started */
    struct curl_slist *headers;
    int number;
    struct strbuf body;
    char curl_error[CURL_ERROR_SIZE];
    struct err err; /* when it failed before it started */
    reply_fn *done;
    void *ctx;
    struct stream *stream; /* NULL: an ordinary call */
    struct transfer *next;
};

struct client {
    char name[URL_BYTES_MAX];        /* as it was given, for people */
    char url[URL_BYTES_MAX];         /* what paths are added to; no slash at its end */
    char socket_path[URL_BYTES_MAX]; /* "" unless unix: */
    char token[TOKEN_BYTES_MAX];
    char ca_file[URL_BYTES_MAX];
    int64_t connect_ms_max, request_ms_max;
    struct clock *clock;
    CURLM *multi; /* NULL until the first request */
    struct transfer *transfers;
    struct stream *streams;
    int last_number;
    int depth;    /* polls on the stack */
    bool closing; /* client_close() came from a callback */
};

/* What a finished transfer amounts to; header values are borrowed from its handle. */
struct outcome {
    enum err_code rc;
    int status;
    bool broke;
    int64_t retry_after_seconds;
    struct err err;
};

/* Check and take the address. Errors: as client_open(). */
enum err_code client_url_set(struct client *cl, const char *url, struct err *e) MUST_CHECK;
/* False for what may not stand in a request line: anything but "/" and visible ASCII. */
bool path_is_valid(const char *path);

/* Initialise the network library, once. Errors: ERR_INTERNAL. */
enum err_code client_network(struct client *cl, struct err *e) MUST_CHECK;
/* A handle with everything that all requests share. NULL when out of memory. */
CURL *client_easy(struct client *cl, const char *path, struct curl_slist **headers);

/* A new transfer in the client's list, set up but not started; what is wrong with it is in its
 * `err`. NULL when out of memory. */
struct transfer *transfer_new(struct client *cl, const char *method, const char *path,
                              const struct request_options *o);
/* A value that would break out of its header makes the transfer fail. */
void transfer_header(struct transfer *t, const char *name, const char *value);
/* Hand it to the network; a failure is told at the next poll. */
void transfer_start(struct transfer *t);
void transfer_unlink(struct transfer *t);
void transfer_free(struct transfer *t); /* accepts NULL */
void transfer_outcome(struct transfer *t, CURLcode code, struct outcome *out);
/* The value of a header of the answer, or "". */
const char *transfer_answer_header(const struct transfer *t, const char *name);

/* What a status without a problem document means. */
enum err_code err_of_status(int status);
/* A problem document into an error; false when it is none. */
bool problem_read(const char *body, size_t len, int status, struct err *e);

/* Streams. stream_bytes() is called by libcurl and only puts away: the bytes taken, or what
 * pauses or ends the transfer. stream_transfer_over() forgets the transfer, which is freed by
 * the caller. streams_serve() tells their owners, and connects those that are due.
 * streams_wait_ms(): milliseconds until there is something to serve, -1 for never. */
bool stream_takes(const struct transfer *t);
size_t stream_bytes(struct stream *s, const char *bytes, size_t len);
void stream_transfer_over(struct stream *s, const struct outcome *o);
void streams_serve(struct client *cl);
int64_t streams_wait_ms(const struct client *cl);
bool stream_cancel(struct client *cl, int number);
void streams_cancel_all(struct client *cl);
/* Free those that were cancelled. Not while a poll is on the stack. */
void streams_reap(struct client *cl);

#endif
