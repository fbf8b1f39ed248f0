/* The store as its callers see it: opening, the pool of readers, waiting writes. Which
 * calls share a commit is decided in writer.c, what a database does in its driver. */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/store/row.h"
#include "api/store/writer.h"

#define READERS_DEFAULT 4
#define READERS_MAX     64
#define BATCH_DEFAULT   128
#define QUEUE_DEFAULT   4096
#define READER_WAIT_MS  5000
#define PING_FRESH_MS   1000
#define STEPS_MAX       256

struct store {
    const struct driver *driver;
    char *where; /* of the URL */
    int64_t schema_version;
    struct conn *writer_conn;
    struct writer *writer;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t given_back;
    struct conn *idle[READERS_MAX];
    int idle_count, open_count, reader_max;
};

static const struct driver *const drivers[] = {&driver_sqlite};

/* --- opening ------------------------------------------------------------------------------ */

static const struct driver *driver_of(const char *url, const char **where)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        size_t len = strlen(drivers[i]->scheme);

        if (strncmp(url, drivers[i]->scheme, len) == 0 && url[len] == ':') {
            *where = url + len + 1;
            return drivers[i];
        }
    }
    return NULL;
}

static enum err_code reader_open(struct store *s, struct conn **out, struct err *e)
{
    struct conn *c = NULL;
    enum err_code rc = s->driver->open(s->where, CONN_READER, &c, e);

    if (rc)
        return rc;
    rc = s->driver->prepare(c, e);
    if (rc) {
        s->driver->close(c);
        return rc;
    }
    *out = c;
    return ERR_OK;
}

static enum err_code open_conns(struct store *s, const struct migrations *m, struct err *e)
{
    enum err_code rc = s->driver->open(s->where, CONN_WRITER, &s->writer_conn, e);

    if (!rc)
        rc = s->driver->migrate(s->writer_conn, m, e);
    if (!rc)
        rc = s->driver->prepare(s->writer_conn, e);
    /* The others are opened when two reads meet for the first time. */
    if (!rc)
        rc = reader_open(s, &s->idle[0], e);
    if (!rc)
        s->idle_count = s->open_count = 1;
    return rc;
}

static struct store *store_new(const struct store_config *c, const struct driver *d,
                               const char *where)
{
    struct store *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;

    if (!s)
        return NULL;
    s->driver = d;
    s->reader_max = c->reader_count > 0 ? c->reader_count : READERS_DEFAULT;
    if (s->reader_max > READERS_MAX)
        s->reader_max = READERS_MAX;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->given_back, &attr);
    pthread_condattr_destroy(&attr);
    s->where = strdup(where);
    if (s->where)
        return s;
    store_close(s);
    return NULL;
}

enum err_code store_open_as(const struct store_config *c, const struct migrations *m,
                            struct store **out, struct err *e)
{
    struct writer_config wc = {
        .batch_max = c->batch_max > 0 ? (size_t)c->batch_max : BATCH_DEFAULT,
        .queue_max = c->queue_max > 0 ? (size_t)c->queue_max : QUEUE_DEFAULT,
        .news = c->news,
        .news_ctx = c->news_ctx,
    };
    const char *where = NULL;
    const struct driver *d = driver_of(c->url, &where);
    struct store *s;
    enum err_code rc;

    if (!d)
        return err_set(e, ERR_INVALID, "store '%s': expected sqlite:<path>", c->url);
    s = store_new(c, d, where);
    if (!s)
        return err_set(e, ERR_STORAGE, "out of memory");
    s->schema_version = (int64_t)m->count;
    rc = open_conns(s, m, e);
    wc.conn = s->writer_conn;
    if (!rc)
        rc = writer_start(&wc, &s->writer, e);
    if (rc) {
        store_close(s);
        return rc;
    }
    *out = s;
    return ERR_OK;
}

enum err_code store_open(const struct store_config *c, struct store **out, struct err *e)
{
    const char *where, *texts[STEPS_MAX];
    const struct driver *d = driver_of(c->url, &where);
    struct migrations m = {.texts = texts};

    while (d && m.count < STEPS_MAX && store_schema(d->dialect, m.count)) {
        texts[m.count] = store_schema(d->dialect, m.count);
        m.count++;
    }
    return store_open_as(c, &m, out, e);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    writer_stop(s->writer);
    for (int i = 0; i < s->idle_count; i++)
        s->driver->close(s->idle[i]);
    s->driver->close(s->writer_conn);
    pthread_cond_destroy(&s->given_back);
    pthread_mutex_destroy(&s->lock);
    free(s->where);
    free(s);
}

/* --- writing ------------------------------------------------------------------------------ */

enum err_code store_write_async(struct store *s, tx_fn *fn, tx_done_fn *done, void *ctx,
                                struct err *e)
{
    return writer_push(s->writer, fn, done, ctx, e);
}

struct waiting {
    tx_fn *fn;
    void *ctx;
    struct err *e;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_done;
    enum err_code rc;
};

static enum err_code waiting_run(struct tx *tx, void *ctx, struct err *e)
{
    struct waiting *w = ctx;

    return w->fn(tx, w->ctx, e);
}

static void waiting_done(void *ctx, enum err_code rc, const struct err *e)
{
    struct waiting *w = ctx;

    pthread_mutex_lock(&w->lock);
    if (rc && w->e)
        *w->e = *e;
    w->rc = rc;
    w->is_done = true;
    pthread_cond_signal(&w->answered);
    pthread_mutex_unlock(&w->lock);
}

enum err_code store_write(struct store *s, tx_fn *fn, void *ctx, struct err *e)
{
    struct waiting w = {.fn = fn, .ctx = ctx, .e = e};
    enum err_code rc;

    /* The writer would wait for itself. */
    if (writer_is_self(s->writer))
        return err_set(e, ERR_INTERNAL, "a write waits inside a write");
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.answered, NULL);
    rc = writer_push(s->writer, waiting_run, waiting_done, &w, e);
    if (!rc) {
        pthread_mutex_lock(&w.lock);
        while (!w.is_done)
            pthread_cond_wait(&w.answered, &w.lock);
        rc = w.rc;
        pthread_mutex_unlock(&w.lock);
    }
    pthread_cond_destroy(&w.answered);
    pthread_mutex_destroy(&w.lock);
    return rc;
}

/* --- reading ------------------------------------------------------------------------------ */

/* With the lock held: wait until a reader is idle or one more may be opened. False when
 * that took too long. */
static bool reader_wait(struct store *s)
{
    int64_t until_ms = clock_mono_ms(clock_real()) + READER_WAIT_MS;
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};

    while (!s->idle_count && s->open_count >= s->reader_max)
        if (pthread_cond_timedwait(&s->given_back, &s->lock, &until) != 0)
            return s->idle_count > 0;
    return true;
}

static enum err_code reader_take(struct store *s, struct conn **out, struct err *e)
{
    struct conn *c = NULL;
    enum err_code rc;

    pthread_mutex_lock(&s->lock);
    if (!reader_wait(s)) {
        pthread_mutex_unlock(&s->lock);
        return err_set(e, ERR_BUSY, "all %d readers are in use", s->reader_max);
    }
    if (s->idle_count)
        c = s->idle[--s->idle_count];
    else
        s->open_count++;
    pthread_mutex_unlock(&s->lock);
    rc = c ? ERR_OK : reader_open(s, &c, e);
    if (rc) {
        pthread_mutex_lock(&s->lock);
        s->open_count--;
        pthread_cond_signal(&s->given_back);
        pthread_mutex_unlock(&s->lock);
        return rc;
    }
    *out = c;
    return ERR_OK;
}

static void reader_give(struct store *s, struct conn *c)
{
    pthread_mutex_lock(&s->lock);
    s->idle[s->idle_count++] = c;
    pthread_cond_signal(&s->given_back);
    pthread_mutex_unlock(&s->lock);
}

enum err_code store_read(struct store *s, tx_fn *fn, void *ctx, struct err *e)
{
    struct tx tx = {0};
    enum err_code rc = reader_take(s, &tx.conn, e);

    if (rc)
        return rc;
    assert(tx.conn);
    tx.conn->failed = false;
    rc = s->driver->control(tx.conn, CONTROL_BEGIN_READ, e);
    if (!rc)
        rc = fn(&tx, ctx, e);
    /* Nothing was written, so ending it either way cannot lose anything. */
    if (rc || s->driver->control(tx.conn, CONTROL_COMMIT, NULL))
        (void)s->driver->control(tx.conn, CONTROL_ROLLBACK, NULL);
    reader_give(s, tx.conn);
    return rc;
}

/* --- health ------------------------------------------------------------------------------- */

static enum err_code ping_read(struct tx *tx, void *ctx, struct err *e)
{
    return row_numbers(tx, SQL_SCHEMA_VERSION, NO_ARGS, ctx, 1, e);
}

static enum err_code ping_write(struct tx *tx, void *ctx, struct err *e)
{
    UNUSED(ctx);
    return row_run(tx, SQL_SCHEMA_TOUCH, NO_ARGS, NULL, e);
}

enum err_code store_ping(struct store *s, struct err *e)
{
    int64_t version;
    enum err_code rc = store_read(s, ping_read, &version, e);

    if (rc)
        return err_wrap(e, ERR_STORAGE, "cannot read");
    if (writer_is_fresh(s->writer, PING_FRESH_MS))
        return ERR_OK;
    rc = store_write(s, ping_write, NULL, e);
    return rc ? err_wrap(e, ERR_STORAGE, "cannot write") : ERR_OK;
}

void store_stats(struct store *s, struct store_stats *out)
{
    writer_stats(s->writer, out);
    out->schema_version = s->schema_version;
}
