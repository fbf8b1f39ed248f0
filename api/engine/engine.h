/* Engines: where instances and jobs really run. Services decide and remember; the
 * reconciler (api/worker) calls an engine, never a request. Every call is idempotent
 * on our id, returns soon (milliseconds; what takes long is started and seen later by
 * describe), and may be repeated after a crash.
 *
 * A second implementation, `sim`, has a virtual clock and faults for tests. */
#ifndef API_ENGINE_ENGINE_H
#define API_ENGINE_ENGINE_H

#include "core/clock.h"
#include "core/errs.h"
#include "core/strbuf.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/report.h"

struct engine;

struct engine_capacity {
    int64_t gpu_slots; /* real or virtual */
    bool gpus_are_virtual;
    char gpu_label[NAME_BYTES_MAX];
};

/* What an engine knows about one instance. */
#define ENGINE_STATE_LIST(X)                                                   \
    X(ENGINE_ABSENT, "absent") /* never provisioned, or terminated and gone */ \
    X(ENGINE_STARTING, "starting")                                             \
    X(ENGINE_CHECKING, "checking") /* the health gate runs */                  \
    X(ENGINE_READY, "ready")                                                   \
    X(ENGINE_STOPPING, "stopping")                                             \
    X(ENGINE_ENDED, "ended")   /* not running; its files are kept */           \
    X(ENGINE_FAILED, "failed") /* could not start, or its supervisor is lost */
enum engine_state {
#define X(id, name) id,
    ENGINE_STATE_LIST(X)
#undef X
};
extern const char *const engine_state_names[];

struct engine_instance {
    enum engine_state state;
    char detail[TEXT_BYTES_MAX]; /* a sentence, for failed and ended */
    int64_t ready_at_ms;         /* when the gate passed; written down on the node */
    int64_t ended_at_ms;         /* written down on the node by hourglass-run */
    char limits[SLUG_BYTES_MAX];
    char node[NAME_BYTES_MAX]; /* the machine it is on; "": not known */
    enum tier gate_tier;
    enum verdict gate_verdict;
    char gate_summary[TEXT_BYTES_MAX];
    /* Healthy or degraded, inconclusive on virtual slots, or no GPU to check. READY without it
     * takes no jobs and has no ready_at. */
    bool gate_passed;
    struct gpu_slot slots[GPUS_PER_INSTANCE_MAX];
    size_t slot_count;
    /* For who observes: what gate_report() gave, borrowed. describe() leaves it NULL. */
    const struct report *gate_report;
};

/* A machine. */
struct engine_node {
    char name[NAME_BYTES_MAX]; /* unique in the engine, and the same for ever */
    int64_t gpu_count;
    bool is_virtual;  /* its slots have no physical GPU */
    bool is_draining; /* takes no new instance */
};

/* A check of an instance's own GPUs, or of all GPUs of a node on which no instance has one. */
struct engine_check {
    const char *check_id;    /* ours: that of the report to come */
    const char *instance_id; /* "": the idle node */
    const char *node;        /* of an idle node; else not read */
    enum tier tier;
};

struct engine_check_state {
    enum engine_state state;     /* ABSENT, CHECKING, ENDED, FAILED (= it gave no verdict) */
    char detail[TEXT_BYTES_MAX]; /* FAILED: a sentence */
    struct report report;        /* ENDED: without our id and origin; caller releases it */
};

struct engine_job {
    enum engine_state
        state; /* ABSENT, STARTING, READY (= running), STOPPING, ENDED, FAILED (= lost) */
    char detail[TEXT_BYTES_MAX];
    int64_t started_at_ms, ended_at_ms;
    int64_t exit_code; /* -1 unless it exited */
    int64_t signal;
    /* ENDED: EXITED, SIGNAL, TIME_LIMIT, MEMORY, LOG_QUOTA, BY_MEMBER, INSTANCE_ENDED.
     * FAILED: LOST its supervisor is gone, ENGINE it could not be started. */
    enum job_reason reason;
    int64_t log_bytes;
};

/* What provision needs; everything else the engine must not know. */
struct engine_provision {
    const char *instance_id;
    int64_t gpu_count, vcpu_count, memory_gib;
    bool network;
    const char *ssh_public_key; /* "" nobody */
    int64_t grace_seconds;      /* from TERM to KILL when it is stopped */
};

struct engine_job_start {
    const char *job_id, *instance_id, *command;
    const struct env_entry *env;
    size_t env_count;
    int64_t time_limit_seconds; /* 0: none */
    int64_t grace_seconds;
    int64_t log_bytes_max;
    /* The instance is there for this job: it ends with it, at once and by itself, also when
     * nobody is there to ask for it. */
    bool ends_instance;
};

/* One piece of output, as asked by offset. */
struct engine_output {
    int64_t offset;   /* of the first byte */
    bool from_stderr; /* one piece is of one stream */
    bool ended;       /* nothing will follow these bytes */
};

struct engine_ops {
    const char *name;

    enum err_code (*capacity)(struct engine *en, struct engine_capacity *out, struct err *e);

    /* Start making it, or return OK when it is being made or there already. After
     * stop, starts it again with its files. Errors: ERR_NO_STOCK no free GPU slot;
     * ERR_ENGINE with what failed (try again). */
    enum err_code (*provision)(struct engine *en, const struct engine_provision *p, struct err *e);
    /* Never fails for an unknown id: state ABSENT. Errors: ERR_ENGINE. */
    enum err_code (*describe)(struct engine *en, const char *instance_id,
                              struct engine_instance *out, struct err *e);
    /* TERM to all in it, KILL after its grace; files stay. `now`: KILL at once. */
    enum err_code (*stop)(struct engine *en, const char *instance_id, bool now, struct err *e);
    /* Remove its files, but not what its jobs printed and how they ended; only what is ENDED,
     * FAILED or ABSENT. Errors: ERR_CONFLICT else. */
    enum err_code (*remove)(struct engine *en, const char *instance_id, struct err *e);

    /* Errors: ERR_NOT_FOUND the instance is not there; ERR_CONFLICT it is not READY. */
    enum err_code (*job_start)(struct engine *en, const struct engine_job_start *j, struct err *e);
    enum err_code (*job_describe)(struct engine *en, const char *job_id, struct engine_job *out,
                                  struct err *e);
    enum err_code (*job_cancel)(struct engine *en, const char *job_id, struct err *e);

    /* Append at most `len_max` bytes of output from `offset` on; nothing appended and
     * !ended means wait. Thread-safe; called from requests. Errors: ERR_NOT_FOUND. */
    enum err_code (*job_output)(struct engine *en, const char *job_id, int64_t offset,
                                size_t len_max, struct strbuf *out, struct engine_output *info,
                                struct err *e);
    /* A descriptor that becomes readable when the job may have written more or ended
     * (-1: none, poll). Caller closes it. */
    int (*job_watch)(struct engine *en, const char *job_id);

    /* Path of the UNIX socket that answers as sshd. Errors: ERR_NOT_FOUND, ERR_CONFLICT. */
    enum err_code (*login_socket)(struct engine *en, const char *instance_id, char *path,
                                  size_t size, struct err *e);

    /* Begin a check under the credential of the node, beside whatever runs there. OK when it has
     * begun or is over already. It ends with its instance. Errors: ERR_NOT_FOUND there is no such
     * instance or node; ERR_CONFLICT the instance is not READY, or the node is not idle or has no
     * physical GPU; ERR_ENGINE. */
    enum err_code (*check)(struct engine *en, const struct engine_check *c, struct err *e);
    /* Never fails for an unknown id: state ABSENT. Errors: ERR_ENGINE. */
    enum err_code (*check_describe)(struct engine *en, const char *check_id,
                                    struct engine_check_state *out, struct err *e);
    /* Forget it; what still runs is ended first. OK for an unknown id. Errors: ERR_ENGINE. */
    enum err_code (*check_remove)(struct engine *en, const char *check_id, struct err *e);
    /* The whole report of the gate of this start; caller releases it. Errors: ERR_NOT_FOUND there
     * is none: no gate yet, no GPU, or a checker that gave none; ERR_ENGINE. */
    enum err_code (*gate_report)(struct engine *en, const char *instance_id, struct report *out,
                                 struct err *e);

    /* All its machines; caller frees *out. Errors: ERR_ENGINE. */
    enum err_code (*node_list)(struct engine *en, struct engine_node **out, size_t *count,
                               struct err *e);
    /* Nothing new is provisioned there (ERR_NO_STOCK) until it is resumed; what runs there goes
     * on. Errors: ERR_NOT_FOUND; ERR_ENGINE. */
    enum err_code (*node_drain)(struct engine *en, const char *node, const char *reason,
                                struct err *e);
    enum err_code (*node_resume)(struct engine *en, const char *node, struct err *e);

    /* Ids of everything it has, for adoption and orphans: fn returns false to stop. */
    enum err_code (*each)(struct engine *en, bool (*fn)(const char *id, bool is_job, void *ctx),
                          void *ctx, struct err *e);
    void (*close)(struct engine *en);
};

struct engine {
    const struct engine_ops *ops; /* first member of every engine */
};

struct engine_config {
    const char *state_dir;     /* its spool lives in <state_dir>/<name>/ */
    const char *run_program;   /* hourglass-run */
    const char *gpu_program;   /* hourglass-gpu, the health gate */
    int64_t virtual_gpu_slots; /* when there is no real GPU */
    struct clock *clock;
};

/* name, constructor: one line per engine. */
#define ENGINE_LIST(X) \
    X(local)           \
    X(sim)
#define X(n)                                                                            \
    enum err_code engine_##n##_open(const struct engine_config *c, struct engine **out, \
                                    struct err *e);
ENGINE_LIST(X)
#undef X

/* Open by name. Caller owns *out (ops->close). Errors: ERR_INVALID unknown name;
 * ERR_ENGINE with what is missing. */
enum err_code engine_open(const char *name, const struct engine_config *c, struct engine **out,
                          struct err *e) MUST_CHECK;

#endif
