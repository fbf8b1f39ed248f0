/* What the engine saw of a job, brought into its row. Repeatable, also with an old
 * observation. */
#include <assert.h>
#include <stdlib.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

static enum err_code engine_move(struct service *sv, struct tx *tx, const struct actor *by,
                                 struct job *j, enum job_state to, enum job_reason why,
                                 const char *detail, struct err *e)
{
    struct job_change c = {to, why, ACTION_JOB_SUBMIT, detail};

    if (j->state == JOB_QUEUED && to != JOB_STARTING && to != JOB_FAILED && to != JOB_CANCELLED) {
        /* It was started and the row does not know yet. */
        struct job_change first = {JOB_STARTING, JOB_REASON_NONE, ACTION_JOB_SUBMIT, ""};
        enum err_code rc = job_move(sv, tx, by, j, &first, e);

        if (rc)
            return rc;
    }
    return job_move(sv, tx, by, j, &c, e);
}

/* Nothing can run on it any more. */
static bool instance_is_down(enum instance_state s)
{
    return s == INSTANCE_STOPPED || s == INSTANCE_FAILED || s == INSTANCE_TERMINATED;
}

static enum err_code observe_down(struct service *sv, struct tx *tx, const struct actor *by,
                                  struct job *j, enum instance_state instance, struct err *e)
{
    if (j->state == JOB_CANCELLING)
        return engine_move(sv, tx, by, j, JOB_CANCELLED, JOB_REASON_BY_MEMBER, "", e);
    if (instance == INSTANCE_FAILED)
        return engine_move(sv, tx, by, j, JOB_FAILED, JOB_REASON_INSTANCE_FAILED,
                           "its instance has failed", e);
    return engine_move(sv, tx, by, j, JOB_FAILED, JOB_REASON_INSTANCE_ENDED,
                       "its instance has ended", e);
}

/* What an end means, by what ended it. */
static enum job_state end_state(const struct job *j, const struct engine_job *seen,
                                enum job_reason *why)
{
    *why = seen->reason;
    switch (seen->reason) {
    case JOB_REASON_EXITED:
        return seen->exit_code == 0 ? JOB_SUCCEEDED : JOB_FAILED;
    case JOB_REASON_TIME_LIMIT:
        return JOB_TIMED_OUT;
    case JOB_REASON_BY_MEMBER:
        return JOB_CANCELLED;
    case JOB_REASON_NONE:
    case JOB_REASON_WAITING:
    case JOB_REASON_SIGNAL:
    case JOB_REASON_MEMORY:
    case JOB_REASON_LOG_QUOTA:
    case JOB_REASON_INSTANCE_ENDED:
    case JOB_REASON_INSTANCE_FAILED:
    case JOB_REASON_ENGINE:
    case JOB_REASON_LOST:
        break;
    }
    if (j->state == JOB_CANCELLING &&
        (seen->reason == JOB_REASON_SIGNAL || seen->reason == JOB_REASON_INSTANCE_ENDED)) {
        *why = JOB_REASON_BY_MEMBER;
        return JOB_CANCELLED;
    }
    if (*why == JOB_REASON_NONE || *why == JOB_REASON_WAITING)
        *why = JOB_REASON_ENGINE;
    return JOB_FAILED;
}

static enum err_code observe_ended(struct service *sv, struct tx *tx, const struct actor *by,
                                   struct job *j, const struct engine_job *seen,
                                   enum instance_state instance, struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock);
    enum job_reason why;
    enum job_state to = end_state(j, seen, &why);
    const char *detail = seen->detail;

    if (why == JOB_REASON_SIGNAL && instance != INSTANCE_RUNNING &&
        instance != INSTANCE_UNREACHABLE) { /* it was killed with its instance */
        why = JOB_REASON_INSTANCE_ENDED;
        detail = "its instance was stopped";
    }
    if (seen->started_at_ms)
        j->started_at_ms = seen->started_at_ms;
    j->ended_at_ms = seen->ended_at_ms && seen->ended_at_ms < now_ms ? seen->ended_at_ms : now_ms;
    j->exit_code = seen->exit_code;
    j->signal = seen->signal;
    j->log_bytes = seen->log_bytes;
    return engine_move(sv, tx, by, j, to, why, detail, e);
}

static enum err_code observe_absent(struct service *sv, struct tx *tx, const struct actor *by,
                                    struct job *j, enum instance_state instance, struct err *e)
{
    if (instance_is_down(instance))
        return observe_down(sv, tx, by, j, instance, e);
    if (j->state == JOB_CANCELLING)
        return engine_move(sv, tx, by, j, JOB_CANCELLED, JOB_REASON_BY_MEMBER, "", e);
    if (j->state == JOB_RUNNING)
        return engine_move(sv, tx, by, j, JOB_LOST, JOB_REASON_LOST,
                           "the engine does not know it any more", e);
    return ERR_OK;
}

static enum err_code observe_lost(struct service *sv, struct tx *tx, const struct actor *by,
                                  struct job *j, const struct engine_job *seen,
                                  enum instance_state instance, struct err *e)
{
    j->log_bytes = seen->log_bytes;
    if (instance_is_down(instance))
        return observe_down(sv, tx, by, j, instance, e);
    return engine_move(sv, tx, by, j, JOB_LOST, JOB_REASON_LOST,
                       seen->detail[0] ? seen->detail : "its supervisor is lost", e);
}

static enum err_code observe_running(struct service *sv, struct tx *tx, const struct actor *by,
                                     struct job *j, const struct engine_job *seen, struct err *e)
{
    if (j->state == JOB_QUEUED || j->state == JOB_STARTING) {
        j->started_at_ms = seen->started_at_ms ? seen->started_at_ms : clock_now_ms(sv->clock);
        j->log_bytes = seen->log_bytes;
        return engine_move(sv, tx, by, j, JOB_RUNNING, JOB_REASON_NONE, "", e);
    }
    if (seen->log_bytes <= j->log_bytes)
        return ERR_OK;
    j->log_bytes = seen->log_bytes;
    return row_job_update(tx, j, e);
}

static enum err_code observe(struct service *sv, struct tx *tx, const struct actor *by,
                             struct job *j, const struct engine_job *seen,
                             enum instance_state instance, struct err *e)
{
    switch (seen->state) {
    case ENGINE_ABSENT:
        return observe_absent(sv, tx, by, j, instance, e);
    case ENGINE_STARTING:
    case ENGINE_CHECKING:
        return j->state == JOB_QUEUED
                   ? engine_move(sv, tx, by, j, JOB_STARTING, JOB_REASON_NONE, "", e)
                   : ERR_OK;
    case ENGINE_READY:
    case ENGINE_STOPPING:
        if (instance == INSTANCE_TERMINATED) /* nothing can run where nothing is */
            return observe_down(sv, tx, by, j, instance, e);
        return observe_running(sv, tx, by, j, seen, e);
    case ENGINE_ENDED:
        return observe_ended(sv, tx, by, j, seen, instance, e);
    case ENGINE_FAILED:
        return observe_lost(sv, tx, by, j, seen, instance, e);
    }
    return ERR_OK;
}

enum err_code job_observe(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                          const struct engine_job *seen, struct job *out, struct err *e)
{
    INSTANCE_OWN i = {0};
    JOB_OWN j = {0};
    enum err_code rc = row_job_get(tx, id, &j, e);

    if (!rc)
        rc = row_instance_get(tx, j.instance_id, &i, e);
    if (!rc && !job_is_over(j.state))
        rc = observe(sv, tx, by, &j, seen, i.state, e);
    if (rc)
        return rc;
    job_fill(by, &j);
    *out = j;
    j = (struct job){0};
    return ERR_OK;
}

bool job_observe_due(const struct job *j, const struct engine_job *seen,
                     enum instance_state instance)
{
    if (job_is_over(j->state))
        return false;
    switch (seen->state) {
    case ENGINE_ABSENT:
        return instance_is_down(instance) || j->state == JOB_CANCELLING || j->state == JOB_RUNNING;
    case ENGINE_STARTING:
    case ENGINE_CHECKING:
        return j->state == JOB_QUEUED;
    case ENGINE_READY:
    case ENGINE_STOPPING:
        return j->state == JOB_QUEUED || j->state == JOB_STARTING ||
               instance == INSTANCE_TERMINATED || seen->log_bytes > j->log_bytes;
    case ENGINE_ENDED:
    case ENGINE_FAILED:
        return true;
    }
    return false;
}

enum err_code job_begin(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                        struct job *out, struct err *e)
{
    INSTANCE_OWN i = {0};
    JOB_OWN j = {0};
    enum err_code rc = row_job_get(tx, id, &j, e);

    if (!rc)
        rc = row_instance_get(tx, j.instance_id, &i, e);
    if (rc)
        return rc;
    if (j.state == JOB_QUEUED) {
        if (i.state != INSTANCE_RUNNING)
            return err_set(e, ERR_CONFLICT, "instance %s does not run", i.name);
        rc = engine_move(sv, tx, by, &j, JOB_STARTING, JOB_REASON_NONE, "", e);
        if (rc)
            return rc;
    }
    job_fill(by, &j);
    *out = j;
    j = (struct job){0};
    return ERR_OK;
}
