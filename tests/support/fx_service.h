/* Services on a real SQLite store in a fresh folder, a clock that the test turns, the engine
 * `sim`, a small catalogue, two organizations and somebody of every role. */
#ifndef TESTS_SUPPORT_FX_SERVICE_H
#define TESTS_SUPPORT_FX_SERVICE_H

#include "tests/support/t.h"

#include "api/engine/sim.h"
#include "api/service/service.h"
#include "api/store/driver.h"
#include "api/worker/worker.h"
#include "core/id.h"
#include "core/strbuf.h"

#define FX_AT_MS    1800000000000 /* where the clock stands at first */
#define FX_SLOTS    8             /* GPUs of the engine and of its pool */
#define FX_GRACE    30            /* seconds */
#define FX_RESERVE  60            /* grace and margin, held beyond each window */
#define FX_WINDOW   3600
#define FX_GPU_RATE 3600000 /* per hour of "gpu-1.sim": 1000 a second */
#define FX_EUR(n)   ((n)*INT64_C(1000000))
#define FX_GRANT    FX_EUR(100) /* what the organization begins with */

struct fx_service {
    struct err e;
    struct clock_test clock;
    char dir[128], catalogue_path[192];
    struct store *store;
    struct engine *engine;
    struct service sv;
    struct worker *worker; /* to be stepped; no thread */
    struct conn *conn;
    struct tx tx; /* open between fx_begin() and fx_end() */
    struct organization org, other_org;
    struct actor owner, admin, billing, member, viewer, other, support, operator_, us;
    struct grant grant; /* of org, as it was made */
};

int fx_service_setup(void **state);
int fx_service_teardown(void **state);
#define FX_TEST(fn) cmocka_unit_test_setup_teardown(fn, fx_service_setup, fx_service_teardown)

/* One call of a service in a transaction of its own, rolled back when it is refused. */
void fx_begin(struct fx_service *fx);
void fx_end(struct fx_service *fx, enum err_code want, enum err_code rc, const char *call,
            const char *file, int line);
#define TX                  &fx->tx
#define E                   &fx->e
#define AS(who)             &fx->sv, &fx->tx, &fx->who
#define OK(call)            (fx_begin(fx), fx_end(fx, ERR_OK, (call), #call, __FILE__, __LINE__))
#define REFUSED(code, call) (fx_begin(fx), fx_end(fx, (code), (call), #call, __FILE__, __LINE__))

/* The detail of the last refusal is at this pointer. */
#define assert_pointer(pointer_) \
    (assert_true(fx->e.detail_count > 0), assert_string_equal(fx->e.details[0].pointer, pointer_))

/* Write the catalogue again: another price for gpu-1.sim, other units of its pool. */
void fx_catalogue_write(struct fx_service *fx, int64_t gpu_price_micros, int64_t gpu_units,
                        int64_t minimum_seconds);

void fx_advance(struct fx_service *fx, int64_t seconds);
void fx_step(struct fx_service *fx);
/* Every invariant of the ledger, and of stock, holds. */
void fx_check(struct fx_service *fx);

/* Launch gpu-1.sim as the owner; not stepped. */
void fx_launch(struct fx_service *fx, struct instance *out);
/* ... and step until it runs. The clock stands where it stood. */
void fx_running(struct fx_service *fx, struct instance *out);
/* As it is now, with release of what `i` had. */
void fx_look(struct fx_service *fx, struct instance *i);
void fx_act(struct fx_service *fx, struct instance *i, enum instance_action action);
void fx_credit(struct fx_service *fx, struct credit *out);
int64_t fx_pool_used(struct fx_service *fx, const char *name);
int64_t fx_account(struct fx_service *fx, enum account account);
/* All entries there are, oldest first. Caller owns (free). */
struct entry *fx_entries(struct fx_service *fx, size_t *count);
void fx_grant_make(struct fx_service *fx, enum grant_kind kind, int64_t micros,
                   int64_t expires_at_ms, struct grant *out);
/* Events of this kind about this object ("" all) so far. */
int fx_events(struct fx_service *fx, const char *kind, const char *object_id);
int fx_audits(struct fx_service *fx, const char *action, const char *object_id);

#endif
