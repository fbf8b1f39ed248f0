/* One rented machine: its wire form, its states and the moves between them. */
#ifndef MODEL_INSTANCE_H
#define MODEL_INSTANCE_H

#include "core/json.h"
#include "model/report.h"

/* state, wire name, states it may move to (a set of TO(x)), billing while in it */
#define INSTANCE_STATE_LIST(X)                                                                    \
    X(INSTANCE_REQUESTED, "requested", TO(PROVISIONING) | TO(TERMINATING) | TO(FAILED), OFF)      \
    X(INSTANCE_PROVISIONING, "provisioning",                                                      \
      TO(HEALTH_CHECK) | TO(TERMINATING) | TO(STOPPING) | TO(FAILED), OFF)                        \
    X(INSTANCE_HEALTH_CHECK, "health_check",                                                      \
      TO(RUNNING) | TO(FAILED) | TO(TERMINATING) | TO(STOPPING), OFF)                             \
    X(INSTANCE_RUNNING, "running", TO(STOPPING) | TO(TERMINATING) | TO(UNREACHABLE) | TO(FAILED), \
      ON)                                                                                         \
    X(INSTANCE_UNREACHABLE, "unreachable",                                                        \
      TO(RUNNING) | TO(STOPPING) | TO(TERMINATING) | TO(FAILED), ON)                              \
    X(INSTANCE_STOPPING, "stopping", TO(STOPPED) | TO(TERMINATING) | TO(FAILED), ON)              \
    X(INSTANCE_STOPPED, "stopped", TO(STARTING) | TO(TERMINATING), OFF)                           \
    X(INSTANCE_STARTING, "starting",                                                              \
      TO(HEALTH_CHECK) | TO(STOPPING) | TO(TERMINATING) | TO(FAILED), OFF)                        \
    X(INSTANCE_TERMINATING, "terminating", TO(TERMINATED), ON)                                    \
    X(INSTANCE_TERMINATED, "terminated", 0, OFF)                                                  \
    X(INSTANCE_FAILED, "failed", TO(TERMINATING), OFF)

enum instance_state {
#define X(id, name, moves, billing) id,
    INSTANCE_STATE_LIST(X)
#undef X
        INSTANCE_STATE_COUNT
};
extern const char *const instance_state_names[];

/* What the owner wants; the reconciler drives towards it. */
#define INSTANCE_DESIRED_LIST(X)        \
    X(INSTANCE_WANT_RUNNING, "running") \
    X(INSTANCE_WANT_STOPPED, "stopped") \
    X(INSTANCE_WANT_TERMINATED, "terminated")
enum instance_desired {
#define X(id, name) id,
    INSTANCE_DESIRED_LIST(X)
#undef X
};
extern const char *const instance_desired_names[];

/* Why it is in this state. */
#define INSTANCE_REASON_LIST(X)                            \
    X(INSTANCE_REASON_NONE, "none")                        \
    X(INSTANCE_REASON_BY_MEMBER, "by_member")              \
    X(INSTANCE_REASON_BY_STAFF, "by_staff")                \
    X(INSTANCE_REASON_DEADLINE, "deadline_reached")        \
    X(INSTANCE_REASON_NO_CREDIT, "credit_exhausted")       \
    X(INSTANCE_REASON_BUDGET, "budget_exhausted")          \
    X(INSTANCE_REASON_CHECK_FAILED, "health_check_failed") \
    X(INSTANCE_REASON_ENGINE, "engine_error")              \
    X(INSTANCE_REASON_LOST, "lost")                        \
    X(INSTANCE_REASON_JOB_ENDED, "job_ended")
enum instance_reason {
#define X(id, name) id,
    INSTANCE_REASON_LIST(X)
#undef X
};
extern const char *const instance_reason_names[];

#define BILLING_LIST(X)   \
    X(BILLING_OFF, "off") \
    X(BILLING_ON, "on")   \
    X(BILLING_STORAGE_ONLY, "storage_only")
enum billing {
#define X(id, name) id,
    BILLING_LIST(X)
#undef X
};
extern const char *const billing_names[];

/* What may be asked of an object now, and why not. */
struct action {
    char name[16]; /* "stop" */
    bool available;
    char reason[TEXT_BYTES_MAX]; /* a sentence; "" when available */
};
extern const struct shape action_shape;

#define INSTANCE_ACTION_LIST(X)  \
    X(INSTANCE_STOP, "stop")     \
    X(INSTANCE_START, "start")   \
    X(INSTANCE_DELETE, "delete") \
    X(INSTANCE_CHECK, "check")
enum instance_action {
#define X(id, name) id,
    INSTANCE_ACTION_LIST(X)
#undef X
        INSTANCE_ACTION_COUNT
};
extern const char *const instance_action_names[];

struct gpu_slot {
    int64_t index;
    char label[NAME_BYTES_MAX]; /* "NVIDIA H200" or "virtual" */
    char uuid[64];              /* "" for virtual */
    bool is_virtual;
};

struct instance {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    char project_id[ID_MAX];
    char created_by[ID_MAX]; /* member */
    char job_id[ID_MAX];     /* set when it exists only for this job */
    char name[NAME_BYTES_MAX];
    char offer_id[SLUG_BYTES_MAX];
    char zone[SLUG_BYTES_MAX];
    char gpu_model[SLUG_BYTES_MAX];
    int64_t gpu_count, vcpu_count, memory_gib;
    enum instance_state state;
    enum instance_desired desired_state;
    enum instance_reason state_reason;
    char state_detail[TEXT_BYTES_MAX]; /* a sentence */
    int64_t state_since_ms;
    enum billing billing;
    struct money price_per_hour; /* frozen at launch */
    int64_t price_version;
    struct money cost; /* so far, exact to `cost_at` */
    int64_t cost_at_ms;
    int64_t created_at_ms, running_at_ms, ended_at_ms, deadline_at_ms;
    int64_t stop_after_seconds; /* until it runs: its deadline will be so long after that */
    enum verdict gate_verdict;  /* of the check before billing; VERDICT_NONE before it */
    char gate_summary[TEXT_BYTES_MAX];
    char node_id[ID_MAX];       /* where it is; staff see it, "" for others */
    char check_id[ID_MAX];      /* of the check under way: its report gets this id; "": none */
    enum tier check_tier;       /* of that check, or of the last one */
    enum verdict check_verdict; /* of the last check that was asked for; NONE before it */
    int64_t checked_at_ms;      /* when its report came */
    /* What it costs from here on is given back when a check of ours finds a GPU of it bad: the
     * last moment at which one found it healthy, or to which it was given back already. */
    int64_t credit_from_ms;
    char limits[SLUG_BYTES_MAX]; /* what enforces them: "cgroup2", "cgroup1", "rlimit" */
    bool network;                /* it may reach the network */
    struct gpu_slot *slots;
    size_t slot_count;
    struct action actions[INSTANCE_ACTION_COUNT]; /* encoded as a list */
    size_t action_count;
    int64_t version;           /* ETag */
    char ssh_public_key[1024]; /* who may log in; "" nobody */
};

/* POST /v1/instances */
struct instance_create {
    char name[NAME_BYTES_MAX]; /* "": made from the offer */
    char offer_id[SLUG_BYTES_MAX];
    char project_id[ID_MAX];    /* "": the key's */
    int64_t deadline_at_ms;     /* 0: none; it is stopped then */
    int64_t stop_after_seconds; /* 0: none; a deadline relative to running */
    bool network;
    char ssh_public_key[1024];
    struct money price_max; /* refuse when the price has risen above it; zero: any */
};

/* PATCH /v1/instances/{id} */
struct instance_patch {
    char name[NAME_BYTES_MAX];
    int64_t deadline_at_ms;
};

/* POST /v1/instances/{id}/actions */
struct instance_act {
    enum instance_action action;
    enum tier tier; /* check only: state, quick (when left out) or burn */
    bool disturb;   /* check only: also while a job runs, which it slows down */
};

extern const struct shape gpu_slot_shape, instance_shape, instance_create_shape,
    instance_patch_shape, instance_act_shape;

/* True when the table allows the move. */
bool instance_may_move(enum instance_state from, enum instance_state to);
enum billing instance_billing(enum instance_state state);
/* No more engine work and no more cost can come: terminated. */
bool instance_is_over(enum instance_state state);

#endif
