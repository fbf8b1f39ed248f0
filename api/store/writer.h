/* The one thread that writes: a queue of calls, many of which share a commit. Private to
 * api/store. */
#ifndef API_STORE_WRITER_H
#define API_STORE_WRITER_H

#include "api/store/driver.h"

struct writer;

struct writer_config {
    struct conn *conn; /* borrowed until writer_stop() */
    size_t batch_max, queue_max;
    void (*news)(void *ctx, int64_t event_seq);
    void *news_ctx;
};

/* Caller owns *out. Errors: ERR_INTERNAL no memory, no thread. */
enum err_code writer_start(const struct writer_config *c, struct writer **out,
                           struct err *e) MUST_CHECK;
/* Finish what is queued, end the thread, free. Accepts NULL. */
void writer_stop(struct writer *w);

/* As store_write_async(). */
enum err_code writer_push(struct writer *w, tx_fn *fn, tx_done_fn *done, void *ctx,
                          struct err *e) MUST_CHECK;
bool writer_is_self(const struct writer *w); /* true on the writer's own thread */

/* True when the last commit succeeded, no longer than so many milliseconds ago. */
bool writer_is_fresh(struct writer *w, int64_t age_ms_max);
void writer_stats(struct writer *w, struct store_stats *out);

#endif
