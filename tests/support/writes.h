/* Writes to a store that tests queue behind a gate, so that they are known to share a
 * batch, and whose answers they await. */
#ifndef TESTS_SUPPORT_WRITES_H
#define TESTS_SUPPORT_WRITES_H

#include <pthread.h>

#include "tests/support/rows.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_held; /* the writer's thread stands at the gate */
    bool is_open;
    size_t answered; /* writes that came back */
};

/* One write: sets the setting `name` to `value`, then answers `refuse`. */
struct write {
    struct gate *gate;
    char name[32];
    const char *value; /* NULL: "1" */
    enum err_code refuse;
    bool adds_event;
    /* what came back */
    int runs;
    size_t order; /* 1 is the first answer */
    enum err_code rc;
    struct err e;
    int64_t event_seq;
};

void gate_init(struct gate *g);
void gate_release(struct gate *g);
/* Stop the writer at the gate: returns when it stands there. Everything queued from now on
 * waits until gate_open(). */
void gate_close(struct gate *g, struct store *s);
void gate_open(struct gate *g);

enum err_code write_run(struct tx *tx, void *ctx, struct err *e); /* the tx_fn of a write */
void write_queue(struct store *s, struct write *w);
/* Wait until so many answers came back through this gate (the gate's own not counted). */
void gate_await(struct gate *g, size_t answered);

/* True when the setting is stored, as a reader sees it. */
bool setting_is_there(struct store *s, const char *name);

#endif
