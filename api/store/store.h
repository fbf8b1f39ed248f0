/* The store: transactions over named SQL statements (sql.def.h), one driver for SQLite
 * and room for one for PostgreSQL. Typed functions per noun are in rows.h. Nothing else
 * in the tree contains SQL.
 *
 * Reads run on their own connections and see one snapshot. Writes are queued to one
 * thread, which puts many calls, each in its own savepoint, into one commit and one
 * fsync: `done` is called only after that commit is durable. */
#ifndef API_STORE_STORE_H
#define API_STORE_STORE_H

#include "core/clock.h"
#include "core/errs.h"

struct store;
struct tx; /* an open transaction; valid only inside the function it was given to */

struct store_config {
    const char *url;  /* "sqlite:/var/lib/hourglass/hourglass.db" */
    int reader_count; /* read connections; 0: 4 */
    int batch_max;    /* calls in one commit; 0: 128 */
    int queue_max;    /* waiting calls; past it ERR_BUSY; 0: 4096 */
    struct clock *clock;
    /* Called on the writer's thread after each commit that added events, with the
     * highest sequence number; must be quick. NULL: nobody listens. */
    void (*news)(void *ctx, int64_t event_seq);
    void *news_ctx;
};

/* Open, migrate under a lock, prepare every statement. Caller owns *out.
 * Errors: ERR_INVALID unknown url; ERR_STORAGE with what failed; ERR_CONFLICT when the
 * schema is newer than this program knows. */
enum err_code store_open(const struct store_config *c, struct store **out,
                         struct err *e) MUST_CHECK;
/* Finish what is queued, then close. Accepts NULL. */
void store_close(struct store *s);

/* A function of an open transaction: no I/O of its own, safe to run again. If it returns
 * an error its changes are rolled back, the others' in the batch are not. */
typedef enum err_code tx_fn(struct tx *tx, void *ctx, struct err *e);
typedef void tx_done_fn(void *ctx, enum err_code rc, const struct err *e);

/* Queue a write. `done` is called exactly once, on the writer's thread, after the commit
 * is durable (ERR_OK) or the call was refused; `fn` may run more than once before. When
 * the outer commit fails (disk full, I/O error), the calls are run again one by one.
 * Errors (returned at once, `done` not called): ERR_BUSY queue full or closing.
 * Errors (to done): those of fn; ERR_STORAGE, ERR_BUSY. */
enum err_code store_write_async(struct store *s, tx_fn *fn, tx_done_fn *done, void *ctx,
                                struct err *e) MUST_CHECK;
/* The same, waiting. Never call it from inside a tx_fn. */
enum err_code store_write(struct store *s, tx_fn *fn, void *ctx, struct err *e) MUST_CHECK;
/* Run fn in a read transaction on a reader's connection, on this thread. A write inside is
 * refused with ERR_INTERNAL. Errors: those of fn; ERR_STORAGE. */
enum err_code store_read(struct store *s, tx_fn *fn, void *ctx, struct err *e) MUST_CHECK;

/* Errors: ERR_STORAGE when it cannot be read and written now. For /readyz. */
enum err_code store_ping(struct store *s, struct err *e) MUST_CHECK;

struct store_stats {
    int64_t commits, calls, refusals, retries, queue_len;
    int64_t schema_version;
};
void store_stats(struct store *s, struct store_stats *out);

/* For tests and `hourglassd --check`: every statement as the given dialect writes it.
 * Returns NULL past the end. */
enum store_dialect { STORE_SQLITE, STORE_POSTGRES };
const char *store_statement(enum store_dialect d, size_t index, const char **name);
const char *store_schema(enum store_dialect d, size_t index); /* migration by number, from 0 */

#endif
