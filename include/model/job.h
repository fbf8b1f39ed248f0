/* A command with a GPU request, run on an instance of its owner or on one made for it. */
#ifndef MODEL_JOB_H
#define MODEL_JOB_H

#include "core/json.h"
#include "model/instance.h"

#define JOB_STATE_LIST(X)                                                                         \
    X(JOB_QUEUED, "queued", TO(STARTING) | TO(CANCELLED) | TO(FAILED))                            \
    X(JOB_STARTING, "starting",                                                                   \
      TO(RUNNING) | TO(SUCCEEDED) | TO(FAILED) | TO(TIMED_OUT) | TO(CANCELLING) | TO(CANCELLED) | \
          TO(LOST))                                                                               \
    X(JOB_RUNNING, "running",                                                                     \
      TO(SUCCEEDED) | TO(FAILED) | TO(TIMED_OUT) | TO(CANCELLING) | TO(CANCELLED) | TO(LOST))     \
    X(JOB_CANCELLING, "cancelling",                                                               \
      TO(CANCELLED) | TO(SUCCEEDED) | TO(FAILED) | TO(TIMED_OUT) | TO(LOST))                      \
    X(JOB_SUCCEEDED, "succeeded", 0)                                                              \
    X(JOB_FAILED, "failed", 0)                                                                    \
    X(JOB_TIMED_OUT, "timed_out", 0)                                                              \
    X(JOB_CANCELLED, "cancelled", 0)                                                              \
    X(JOB_LOST, "lost", 0)

enum job_state {
#define X(id, name, moves) id,
    JOB_STATE_LIST(X)
#undef X
        JOB_STATE_COUNT
};
extern const char *const job_state_names[];

#define JOB_REASON_LIST(X)                           \
    X(JOB_REASON_NONE, "none")                       \
    X(JOB_REASON_WAITING, "waiting_for_instance")    \
    X(JOB_REASON_EXITED, "exited")                   \
    X(JOB_REASON_SIGNAL, "killed_by_signal")         \
    X(JOB_REASON_TIME_LIMIT, "time_limit_reached")   \
    X(JOB_REASON_MEMORY, "memory_limit_reached")     \
    X(JOB_REASON_LOG_QUOTA, "log_quota_exceeded")    \
    X(JOB_REASON_BY_MEMBER, "by_member")             \
    X(JOB_REASON_INSTANCE_ENDED, "instance_ended")   \
    X(JOB_REASON_INSTANCE_FAILED, "instance_failed") \
    X(JOB_REASON_ENGINE, "engine_error")             \
    X(JOB_REASON_LOST, "supervisor_lost")
enum job_reason {
#define X(id, name) id,
    JOB_REASON_LIST(X)
#undef X
};
extern const char *const job_reason_names[];

struct env_entry {
    char name[NAME_BYTES_MAX]; /* [A-Za-z_][A-Za-z0-9_]* */
    char *value;
};

struct job {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    char project_id[ID_MAX];
    char created_by[ID_MAX];
    char name[NAME_BYTES_MAX];
    char instance_id[ID_MAX]; /* where it runs */
    bool owns_instance;       /* made for it, deleted with it */
    char *command;            /* given to /bin/sh -c */
    struct env_entry *env;
    size_t env_count;
    int64_t time_limit_seconds; /* 0: none */
    enum job_state state;
    enum job_reason state_reason;
    char state_detail[TEXT_BYTES_MAX];
    int64_t exit_code; /* -1 until it exited */
    int64_t signal;    /* 0: none */
    int64_t log_bytes; /* as last seen */
    int64_t created_at_ms, started_at_ms, ended_at_ms;
    struct action actions[1]; /* cancel */
    size_t action_count;
    int64_t version;
};

/* POST /v1/jobs and the job file. Exactly one of instance_id and offer_id. */
struct job_create {
    char name[NAME_BYTES_MAX];
    char instance_id[ID_MAX];
    char offer_id[SLUG_BYTES_MAX];
    char project_id[ID_MAX];
    char *command;
    struct env_entry *env;
    size_t env_count;
    int64_t time_limit_seconds; /* required with offer_id: it bounds the cost */
    bool network;               /* with offer_id */
};

/* One piece of a log as SSE carries it. */
struct log_event {
    int64_t offset;
    char stream[8]; /* "stdout" | "stderr" */
    char *b64;      /* base64 of the bytes */
};

extern const struct shape env_entry_shape, job_shape, job_create_shape, log_event_shape;

/* What the rows cannot say: exactly one of instance_id and offer_id; with offer_id a time
 * limit, without it no network; the names of variables are well-formed and occur once.
 * For the daemon and, with yaml_locate(), for job files.
 * Errors: ERR_INVALID with a detail for each mistake. */
enum err_code job_create_check(const struct job_create *j, struct err *e) MUST_CHECK;

bool job_may_move(enum job_state from, enum job_state to);
bool job_is_over(enum job_state state);

#endif
