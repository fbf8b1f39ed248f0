/* Posting to hourglassd. libcurl is loaded when something is posted and not before, so that the
 * program runs where there is none. */
#ifndef GPU_POST_H
#define GPU_POST_H

#include "core/clock.h"
#include "core/errs.h"
#include "core/limits.h"
#include "core/strbuf.h"

/* Where to and as whom; NULL: from the environment. The key itself is never an argument, where
 * every user of the machine could read it. */
struct post_options {
    const char *server;     /* else HOURGLASS_URL: https://, http:// to this machine, unix:PATH */
    const char *token_file; /* else HOURGLASS_TOKEN is the key; a file nobody else may read */
    const char *ca_file;    /* trusted instead of the system's certificates */
};

struct post_library;
struct post {
    char name[URL_BYTES_MAX];        /* as it was given, for people */
    char url[URL_BYTES_MAX];         /* what paths are added to */
    char socket_path[URL_BYTES_MAX]; /* "" unless unix: */
    char token[TOKEN_BYTES_MAX];
    char ca_file[URL_BYTES_MAX];
    struct post_library *library; /* NULL until something was posted */
};

/* Check and take the options; nothing is loaded or connected yet. Errors: ERR_INVALID no server
 * or not an address, no key, a key that cannot be; ERR_FORBIDDEN a key file that others may read;
 * ERR_NOT_FOUND no such file; ERR_IO. */
enum err_code post_open(struct post *p, const struct post_options *o, struct err *e) MUST_CHECK;

/* POST a JSON body and wait for the answer, which is left in `answer` (cut off, it is an error).
 * Certificates are verified, redirects are not followed. `key`: the Idempotency-Key.
 * Errors: ERR_UNREACHABLE no libcurl, no connection, or no answer that can be read; ERR_TIMEOUT;
 * else what the server's problem says, in its words. */
enum err_code post_send(struct post *p, const char *path, const struct strbuf *body,
                        const char *key, struct strbuf *answer, struct err *e) MUST_CHECK;

/* True when the same may work later. */
bool post_may_retry(enum err_code code);

/* Forget the key. Accepts a zeroed struct. */
void post_close(struct post *p);

#endif
