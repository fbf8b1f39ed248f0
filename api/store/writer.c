/* Group commit. The thread takes what is queued, without waiting for more, and runs it in
 * one transaction, each call in its own savepoint: while one commit reaches the disk the
 * next batch gathers by itself. A call is answered only after the commit that holds it, a
 * refused one too, because its refusal may rest on what another call of the batch did. */
#include "api/store/writer.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

struct call {
    struct call *next;
    tx_fn *fn;
    tx_done_fn *done;
    void *ctx;
    enum err_code rc;
    struct err *why; /* of a refused call; NULL: only its code is known */
};

struct writer {
    struct writer_config c;
    pthread_t thread;
    struct err scratch; /* of the call that runs */
    struct call **batch;
    int64_t event_seq; /* highest that the batch added; 0: none */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t queued;
    struct call *first, **last;
    size_t count;
    bool closing;
    bool healthy;
    int64_t commit_mono_ms;
    struct store_stats stats;
};

/* --- one call ----------------------------------------------------------------------------- */

static void call_settle(struct call *call, enum err_code rc, const struct err *why)
{
    call->rc = rc;
    if (!rc || !why)
        return;
    if (!call->why)
        call->why = malloc(sizeof *call->why);
    if (call->why)
        *call->why = *why;
}

static enum err_code control(struct writer *w, enum sql_control what)
{
    struct conn *c = w->c.conn;

    return c->driver->control(c, what, &w->scratch);
}

/* Undo; what cannot be undone was undone by the failure itself. */
static void roll_back(struct writer *w)
{
    struct conn *c = w->c.conn;

    (void)c->driver->control(c, CONTROL_ROLLBACK, NULL);
    c->failed = false;
}

static enum err_code begin(struct writer *w)
{
    w->c.conn->failed = false;
    w->event_seq = 0;
    return control(w, CONTROL_BEGIN_WRITE);
}

static enum err_code call_run(struct writer *w, struct call *call, int64_t *event_seq)
{
    struct tx tx = {.conn = w->c.conn, .is_write = true};
    enum err_code rc;

    err_clear(&w->scratch);
    rc = call->fn(&tx, call->ctx, &w->scratch);
    *event_seq = tx.event_seq;
    /* A function that did not pass on a failure of the storage has not succeeded. */
    if (!rc && w->c.conn->failed)
        rc = err_set(&w->scratch, ERR_STORAGE, "the storage failed within the transaction");
    return rc;
}

/* In a transaction of its own: when it fails, nobody else does. */
static void call_alone(struct writer *w, struct call *call)
{
    enum err_code rc = begin(w);

    if (rc) {
        call_settle(call, rc, &w->scratch);
        return;
    }
    rc = call_run(w, call, &w->event_seq);
    if (!rc)
        rc = control(w, CONTROL_COMMIT);
    call_settle(call, rc, &w->scratch);
    if (rc) {
        w->event_seq = 0;
        roll_back(w);
    }
}

/* In a savepoint of the batch. False when the whole transaction is lost. */
static bool call_among(struct writer *w, struct call *call)
{
    int64_t event_seq;
    enum err_code rc;

    if (control(w, CONTROL_SAVEPOINT))
        return false;
    rc = call_run(w, call, &event_seq);
    if (w->c.conn->failed)
        return false;
    call_settle(call, rc, &w->scratch);
    if (rc && control(w, CONTROL_ROLLBACK_TO))
        return false;
    if (control(w, CONTROL_RELEASE))
        return false;
    if (!rc && event_seq > w->event_seq)
        w->event_seq = event_seq;
    return true;
}

/* --- a batch ------------------------------------------------------------------------------ */

static bool batch_together(struct writer *w, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!call_among(w, w->batch[i]))
            return false;
    return control(w, CONTROL_COMMIT) == ERR_OK;
}

static void batch_apart(struct writer *w, size_t count)
{
    int64_t event_seq = 0;

    for (size_t i = 0; i < count; i++) {
        call_alone(w, w->batch[i]);
        if (w->event_seq > event_seq)
            event_seq = w->event_seq;
    }
    w->event_seq = event_seq;
}

static void batch_refuse(struct writer *w, size_t count, enum err_code rc)
{
    for (size_t i = 0; i < count; i++)
        call_settle(w->batch[i], rc, &w->scratch);
}

/* Returns how many calls were run a second time. */
static size_t batch_run(struct writer *w, size_t count)
{
    enum err_code rc;

    if (count == 1) {
        call_alone(w, w->batch[0]);
        return 0;
    }
    /* Nothing ran yet, so no call is to blame and each of them would only wait for the
     * same lock again. */
    rc = begin(w);
    if (rc) {
        batch_refuse(w, count, rc);
        return 0;
    }
    if (batch_together(w, count))
        return 0;
    roll_back(w);
    batch_apart(w, count);
    return count;
}

static void batch_account(struct writer *w, size_t count, size_t retried)
{
    int64_t refused = 0, failed = 0;

    for (size_t i = 0; i < count; i++) {
        refused += w->batch[i]->rc != ERR_OK;
        failed += w->batch[i]->rc == ERR_STORAGE || w->batch[i]->rc == ERR_BUSY;
    }
    pthread_mutex_lock(&w->lock);
    w->stats.calls += (int64_t)count;
    w->stats.refusals += refused;
    w->stats.retries += (int64_t)retried;
    w->stats.commits += retried ? (int64_t)count - refused : failed < (int64_t)count;
    w->healthy = failed == 0;
    if (w->healthy)
        w->commit_mono_ms = clock_mono_ms(clock_real());
    pthread_mutex_unlock(&w->lock);
}

static void batch_answer(struct writer *w, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct call *call = w->batch[i];

        if (call->rc && !call->why)
            err_set(&w->scratch, call->rc, "%s", err_text(call->rc));
        else
            err_clear(&w->scratch);
        call->done(call->ctx, call->rc, call->why ? call->why : &w->scratch);
        free(call->why);
        free(call);
    }
    if (w->event_seq && w->c.news)
        w->c.news(w->c.news_ctx, w->event_seq);
}

/* Waits for calls; 0 when the queue is empty for ever. */
static size_t batch_take(struct writer *w)
{
    size_t count = 0;

    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->closing)
        pthread_cond_wait(&w->queued, &w->lock);
    while (w->first && count < w->c.batch_max) {
        w->batch[count++] = w->first;
        w->first = w->first->next;
    }
    if (!w->first)
        w->last = &w->first;
    w->count -= count;
    pthread_mutex_unlock(&w->lock);
    return count;
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    size_t count;

    while ((count = batch_take(w)) > 0) {
        size_t retried = batch_run(w, count);

        batch_account(w, count, retried);
        batch_answer(w, count);
    }
    return NULL;
}

/* --- from other threads ------------------------------------------------------------------- */

/* NULL, or why there is no place for it. */
static const char *queue_add(struct writer *w, struct call *call)
{
    const char *why = NULL;

    pthread_mutex_lock(&w->lock);
    if (w->closing)
        why = "the store is closing";
    else if (w->count >= w->c.queue_max)
        why = "too many writes are waiting";
    if (!why) {
        *w->last = call;
        w->last = &call->next;
        w->count++;
        pthread_cond_signal(&w->queued);
    }
    pthread_mutex_unlock(&w->lock);
    return why;
}

enum err_code writer_push(struct writer *w, tx_fn *fn, tx_done_fn *done, void *ctx, struct err *e)
{
    struct call *call = malloc(sizeof *call);
    const char *why;

    if (!call)
        return err_set(e, ERR_BUSY, "out of memory");
    *call = (struct call){.fn = fn, .done = done, .ctx = ctx};
    why = queue_add(w, call);
    if (!why)
        return ERR_OK;
    free(call);
    return err_set(e, ERR_BUSY, "%s", why);
}

bool writer_is_self(const struct writer *w)
{
    return pthread_equal(w->thread, pthread_self());
}

bool writer_is_fresh(struct writer *w, int64_t age_ms_max)
{
    bool fresh;

    pthread_mutex_lock(&w->lock);
    fresh = w->healthy && clock_mono_ms(clock_real()) - w->commit_mono_ms <= age_ms_max;
    pthread_mutex_unlock(&w->lock);
    return fresh;
}

void writer_stats(struct writer *w, struct store_stats *out)
{
    pthread_mutex_lock(&w->lock);
    *out = w->stats;
    out->queue_len = (int64_t)w->count;
    pthread_mutex_unlock(&w->lock);
}

enum err_code writer_start(const struct writer_config *c, struct writer **out, struct err *e)
{
    struct writer *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(e, ERR_INTERNAL, "out of memory");
    w->c = *c;
    w->last = &w->first;
    w->batch = calloc(c->batch_max, sizeof(struct call *));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->queued, NULL);
    if (!w->batch || pthread_create(&w->thread, NULL, writer_main, w) != 0) {
        pthread_cond_destroy(&w->queued);
        pthread_mutex_destroy(&w->lock);
        free(w->batch);
        free(w);
        return err_set(e, ERR_INTERNAL, "no thread for the writer");
    }
    *out = w;
    return ERR_OK;
}

void writer_stop(struct writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_signal(&w->queued);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    assert(!w->first);
    pthread_cond_destroy(&w->queued);
    pthread_mutex_destroy(&w->lock);
    free(w->batch);
    free(w);
}
