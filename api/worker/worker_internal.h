/* What the parts of the worker share. Private to this folder. */
#ifndef API_WORKER_INTERNAL_H
#define API_WORKER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/worker/worker.h"

#define PAGE_ITEMS 100

/* An object whose engine call failed, and when it is worth another one. */
struct delay {
    char id[ID_MAX];
    const char *doing; /* what failed last, static */
    int failures;      /* of all kinds: they make the wait longer */
    int in_row;        /* of that kind */
    int64_t until_ms;  /* of the monotonic clock */
};

struct worker {
    struct worker_config config;
    struct service *sv;
    struct engine *en;
    struct actor by;
    struct delay *delays;
    size_t delay_count, delay_size;
    char (*orphans)[ID_MAX]; /* reported since the start */
    size_t orphan_count;
    int64_t orphans_next_ms, trim_next_ms, logs_next_ms; /* of the monotonic clock */
    bool busy, expire;                                   /* found by this step */
    bool logs; /* this step writes down how far logs have grown */
    atomic_bool ending;
    pthread_t thread;
    bool threaded;
    int wake_fd; /* eventfd; -1: none */
};

/* --- worker.c --- */
bool worker_is_ending(struct worker *w);
bool delay_applies(struct worker *w, const char *id);
/* An engine call failed: log it and wait longer each time. `doing` is static. Returns how often
 * this kind of call has failed since another one did or delay_clear(). */
int delay_raise(struct worker *w, const char *id, const char *doing, const struct err *e);
void delay_clear(struct worker *w, const char *id);
/* Whether our engine is the one of this zone; a zone that left the catalogue was ours. */
bool zone_is_ours(struct worker *w, const char *zone);
/* Log an error of the store. */
void worker_complain(const char *id, const char *doing, const struct err *e);

#define FAILURES_MAX 5 /* calls in a row, before what was asked for is given up */

/* --- instances.c, jobs.c: one pass over all that is not settled --- */
enum err_code instances_reconcile(struct worker *w, struct err *e) MUST_CHECK;
enum err_code jobs_reconcile(struct worker *w, struct err *e) MUST_CHECK;
/* The jobs of one instance, before its files go. */
void jobs_settle(struct worker *w, const char *instance_id);

/* --- nodes.c --- */
/* Nodes: their list, who drains, who is idle and to be checked. */
enum err_code nodes_reconcile(struct worker *w, struct err *e) MUST_CHECK;

/* --- checks.c --- */
/* Begin the check that was asked for on this instance, or take its report. */
void check_reconcile(struct worker *w, const struct instance *i);

/* --- upkeep.c --- */
enum err_code expiries_apply(struct worker *w, struct err *e) MUST_CHECK;
enum err_code orphans_find(struct worker *w, struct err *e) MUST_CHECK;
enum err_code rows_trim(struct worker *w, struct err *e) MUST_CHECK;

#endif
