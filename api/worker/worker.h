/* The worker: compares what is wanted with what the engine has, and drives the engine; keeps
 * the meters going; ends what has expired. One thread, woken by commits, with a timer as the
 * safety net. It decides nothing about money or states: services do.
 *
 * Every step may be repeated, and a crash between any two is harmless: intent is in the rows
 * before the engine is called, and the engine's calls are idempotent on our ids. */
#ifndef API_WORKER_WORKER_H
#define API_WORKER_WORKER_H

#include "api/engine/engine.h"
#include "api/service/service.h"

struct worker;

struct worker_config {
    struct service *service; /* borrowed; its store and its clock are used */
    struct engine *engine;   /* borrowed; NULL: only meters and expiries */
    int64_t busy_ms;         /* between steps while something comes, goes or runs; 0: 200 */
    int64_t idle_ms;         /* between steps otherwise; 0: 1000 */
    int64_t check_ms;        /* between checks of a node while it is idle; 0: none */
};

/* Without a thread, for worker_step(). Caller owns *out (worker_close).
 * Errors: ERR_INTERNAL. */
enum err_code worker_open(const struct worker_config *c, struct worker **out,
                          struct err *e) MUST_CHECK;
void worker_close(struct worker *w); /* accepts NULL */

/* Look once at everything that is not settled and do what is due. What one object's engine
 * call answers does not keep the others waiting: it is tried again later, each time after
 * twice as long. `*busy` (may be NULL): something is on its way and worth looking at soon.
 * Errors: ERR_STORAGE when the rows cannot be read. */
enum err_code worker_step(struct worker *w, bool *busy, struct err *e) MUST_CHECK;

/* worker_open() and a thread that steps. Errors: ERR_INTERNAL. */
enum err_code worker_start(const struct worker_config *c, struct worker **out,
                           struct err *e) MUST_CHECK;
/* Step soon; cheap, from any thread. Accepts NULL. */
void worker_wake(struct worker *w);
/* End the thread after the object it is at, and close. Accepts NULL. */
void worker_stop(struct worker *w);

#endif
