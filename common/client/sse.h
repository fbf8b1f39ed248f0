/* The parser of text/event-stream, as the WHATWG HTML standard has it (section 9.2.6), fed in
 * pieces of any size. Knows nothing of connections. Private to common/client. */
#ifndef COMMON_CLIENT_SSE_H
#define COMMON_CLIENT_SSE_H

#include "core/strbuf.h"

#define SSE_NAME_BYTES_MAX 64

struct sse {
    struct strbuf line, data;
    char id[SSE_NAME_BYTES_MAX], type[SSE_NAME_BYTES_MAX];
    bool has_data, too_long;
    bool told;        /* the event has been given out; cleared at the next call */
    bool after_cr;    /* a line feed that follows belongs to it */
    bool begun;       /* the byte order mark can only be before */
    int64_t retry_ms; /* the last "retry:" field; 0: none */
};

struct sse_event {
    const char *id;   /* of the last event that had one, "" none */
    const char *type; /* "message" when it has none */
    const char *data; /* NUL-terminated; borrowed, like all of these, until the next call */
    size_t len;
    bool has_data;
};

/* Lines and events over `len_max` bytes are skipped, their ids kept. */
void sse_init(struct sse *s, size_t len_max);
/* Forget what was begun, as at a new connection. */
void sse_reset(struct sse *s);
void sse_release(struct sse *s);

/* Take bytes up to the end of the next event; *bytes and *len move on. False when all are
 * taken and no event is complete. */
bool sse_next(struct sse *s, const char **bytes, size_t *len, struct sse_event *out);

#endif
