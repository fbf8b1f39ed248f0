/* The engine `sim`: nothing runs. Everything is in memory and happens by the clock that the
 * engine was opened with, so a test that turns the hands decides what is seen, the same way
 * each time. It can be told how long things take, how they end, and to fail. Its ids may be
 * any text. What it knows is gone when it is closed. Thread-safe. */
#ifndef API_ENGINE_SIM_H
#define API_ENGINE_SIM_H

#include "api/engine/engine.h"

#define SIM_NEVER INT64_MAX
#define SIM_NODE  "sim-1" /* the one node */

/* How instances provisioned from now on behave. A zeroed plan is ready at once, healthy. */
struct sim_instance_plan {
    int64_t provision_ms;           /* until the gate runs */
    int64_t check_ms;               /* until the gate is done */
    int64_t stop_ms;                /* from TERM to the end, at most the grace */
    const char *failure;            /* borrowed; not NULL: fails after provision_ms, saying this */
    enum verdict gate_verdict;      /* VERDICT_NONE: healthy */
    const char *gate_summary;       /* borrowed; may be NULL */
    const struct finding *findings; /* of the gate's report; borrowed; may be NULL */
    size_t finding_count;
};

/* How checks asked for from now on end. A zeroed plan is over at once, healthy. */
struct sim_check_plan {
    int64_t lasts_ms;               /* SIM_NEVER: until it is removed */
    enum verdict verdict;           /* VERDICT_NONE: healthy */
    const char *summary;            /* borrowed; may be NULL */
    const char *failure;            /* borrowed; not NULL: gives no verdict, saying this */
    const struct finding *findings; /* borrowed; may be NULL */
    size_t finding_count;
};

/* How jobs started from now on behave. A zeroed plan ends at once with exit code 0. */
struct sim_job_plan {
    int64_t start_ms; /* until it runs */
    int64_t lasts_ms; /* from then on; SIM_NEVER: until it is told to end */
    int64_t exit_code;
    int64_t signal;     /* not 0: ends by it instead */
    bool out_of_memory; /* ends for that reason */
    int64_t term_ms;    /* from TERM to the end, at most the grace; SIM_NEVER: needs the KILL */
    int64_t term_code;  /* exit code after TERM */
    const char *output; /* borrowed; written when it runs */
    size_t output_len;
    bool output_is_stderr;
};

#define SIM_OP_LIST(X)    \
    X(SIM_CAPACITY)       \
    X(SIM_PROVISION)      \
    X(SIM_DESCRIBE)       \
    X(SIM_STOP)           \
    X(SIM_REMOVE)         \
    X(SIM_JOB_START)      \
    X(SIM_JOB_DESCRIBE)   \
    X(SIM_JOB_CANCEL)     \
    X(SIM_JOB_OUTPUT)     \
    X(SIM_LOGIN_SOCKET)   \
    X(SIM_EACH)           \
    X(SIM_CHECK)          \
    X(SIM_CHECK_DESCRIBE) \
    X(SIM_CHECK_REMOVE)   \
    X(SIM_GATE_REPORT)    \
    X(SIM_NODE_LIST)      \
    X(SIM_NODE_DRAIN)     \
    X(SIM_NODE_RESUME)
enum sim_op {
#define X(id) id,
    SIM_OP_LIST(X)
#undef X
        SIM_OP_COUNT
};

/* `en` must be a sim. Plans are copied. */
void sim_plan_instances(struct engine *en, const struct sim_instance_plan *plan);
void sim_plan_checks(struct engine *en, const struct sim_check_plan *plan);
void sim_plan_jobs(struct engine *en, const struct sim_job_plan *plan);

/* The next n calls of the operation fail with this code and sentence (borrowed) before they
 * do anything; n = -1: all of them, until told otherwise. */
void sim_fail(struct engine *en, enum sim_op op, int n, enum err_code code, const char *text);
/* Calls of the operation so far, failed ones too. */
int64_t sim_calls(struct engine *en, enum sim_op op);

/* The supervisor of this instance (and of its jobs) or job is gone, now: FAILED. */
void sim_lose(struct engine *en, const char *id);
/* A running job writes; false when there is none. */
bool sim_job_write(struct engine *en, const char *job_id, bool to_stderr, const void *bytes,
                   size_t len);
/* Real slots instead of virtual ones, or another number of them. */
void sim_slots(struct engine *en, int64_t count, bool are_virtual);

#endif
