/* What the files of the engine `sim` share: sim.c has instances and what tests ask for,
 * sim_job.c jobs,
 * sim_check.c checks and the node. */
#ifndef API_ENGINE_SIM_INTERNAL_H
#define API_ENGINE_SIM_INTERNAL_H

#include <pthread.h>
#include <string.h>

#include "api/engine/sim.h"

#define SIM_SLOTS_MAX 4096

struct sim_job {
    struct sim_job *next;
    char id[ID_MAX], instance_id[ID_MAX];
    struct sim_job_plan plan;
    int64_t asked_at_ms, limit_ms, grace_ms, log_bytes_max;
    int64_t cancelled_at_ms; /* SIM_NEVER until then */
    int64_t lost_at_ms, quota_at_ms;
    bool is_over, is_lost, ends_instance;
    int64_t ended_at_ms, exit_code, signal;
    enum job_reason reason;
    struct strbuf output;
    struct sim_part {
        int64_t from;
        bool from_stderr;
    } * parts;
    size_t part_count;
};

struct sim_instance {
    struct sim_instance *next;
    char id[ID_MAX];
    struct sim_instance_plan plan;
    int64_t asked_at_ms, grace_ms;
    int64_t stopped_at_ms; /* SIM_NEVER until then */
    bool stopped_now;
    int64_t lost_at_ms;
    bool has_key;
    int64_t slots[GPUS_PER_INSTANCE_MAX];
    size_t slot_count;
    int64_t start_count;
};

struct sim_check {
    struct sim_check *next;
    char id[ID_MAX], instance_id[ID_MAX];
    struct sim_check_plan plan;
    enum tier tier;
    int64_t asked_at_ms;
};

struct engine_sim {
    struct engine base;
    struct clock *clock;
    pthread_mutex_t mutex;
    struct engine_capacity capacity;
    struct sim_instance_plan instance_plan;
    struct sim_check_plan check_plan;
    bool is_draining;
    struct sim_job_plan job_plan;
    struct {
        int left;
        enum err_code code;
        const char *text;
    } faults[SIM_OP_COUNT];
    int64_t calls[SIM_OP_COUNT];
    struct sim_instance *instances;
    struct sim_job *jobs;
    struct sim_check *checks;
};

static inline struct engine_sim *sim_from(struct engine *en)
{
    return CONTAINER_OF(en, struct engine_sim, base);
}

static inline void sim_unlock(struct engine_sim **s)
{
    pthread_mutex_unlock(&(*s)->mutex);
}
/* Locked until the function returns. */
#define SIM_LOCKED(s, en)                                    \
    CLEANUP(sim_unlock) struct engine_sim *s = sim_from(en); \
    pthread_mutex_lock(&s->mutex)

/* Moments add up without overflow; what never begins never ends. */
static inline int64_t sim_plus(int64_t at_ms, int64_t more_ms)
{
    return more_ms == SIM_NEVER || at_ms > SIM_NEVER - more_ms ? SIM_NEVER : at_ms + more_ms;
}
static inline int64_t sim_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline bool sim_is_over(enum engine_state state)
{
    return state == ENGINE_ABSENT || state == ENGINE_ENDED || state == ENGINE_FAILED;
}

/* Count the call; fail it when a test wants that. */
enum err_code sim_enter(struct engine_sim *s, enum sim_op op, struct err *e) MUST_CHECK;

/* All below: with the lock held. */
struct sim_instance *sim_instance_find(struct engine_sim *s, const char *id);
enum engine_state sim_instance_state(const struct sim_instance *in, int64_t now_ms);
bool sim_instance_passed(const struct engine_sim *s, const struct sim_instance *in);

struct sim_job *sim_job_find(struct engine_sim *s, const char *id);
/* Bring it up to now, then say. */
enum engine_state sim_job_state(struct engine_sim *s, struct sim_job *j);
/* False when it was more than is kept. */
bool sim_job_add(struct engine_sim *s, struct sim_job *j, bool to_stderr, const void *bytes,
                 size_t len);
/* Bring all jobs of the instance up to now, before it begins anew or goes. */
void sim_jobs_settle(struct engine_sim *s, const char *instance_id);
void sim_jobs_free(struct engine_sim *s);

/* Of the gate of its present start. */
enum tier sim_gate_tier(const struct engine_sim *s, const struct sim_instance *in);
/* When its gate passes or does not; SIM_NEVER for one that fails before. */
int64_t sim_instance_ready_at(const struct sim_instance *in);
/* The slots it has, as describe() tells them. */
void sim_slots_describe(const struct engine_sim *s, const struct sim_instance *in,
                        struct gpu_slot *out);
/* End checks of idle slots ("") or of this instance. */
void sim_checks_end(struct engine_sim *s, const char *instance_id);
void sim_checks_free(struct engine_sim *s);

/* engine_ops */
enum err_code sim_check(struct engine *en, const struct engine_check *c, struct err *e);
enum err_code sim_check_describe(struct engine *en, const char *check_id,
                                 struct engine_check_state *out, struct err *e);
enum err_code sim_check_remove(struct engine *en, const char *check_id, struct err *e);
enum err_code sim_gate_report(struct engine *en, const char *instance_id, struct report *out,
                              struct err *e);
enum err_code sim_node_list(struct engine *en, struct engine_node **out, size_t *count,
                            struct err *e);
enum err_code sim_node_drain(struct engine *en, const char *node, const char *reason,
                             struct err *e);
enum err_code sim_node_resume(struct engine *en, const char *node, struct err *e);
enum err_code sim_job_start(struct engine *en, const struct engine_job_start *w, struct err *e);
enum err_code sim_job_describe(struct engine *en, const char *job_id, struct engine_job *out,
                               struct err *e);
enum err_code sim_job_cancel(struct engine *en, const char *job_id, struct err *e);
enum err_code sim_job_output(struct engine *en, const char *job_id, int64_t offset, size_t len_max,
                             struct strbuf *out, struct engine_output *info, struct err *e);
int sim_job_watch(struct engine *en, const char *job_id);

#endif
