/* What the engine saw, brought into the rows. Every function here may be repeated with the
 * same observation, and with an old one, without harm. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

/* A move that the engine caused. */
static enum err_code engine_move(struct service *sv, struct tx *tx, const struct actor *by,
                                 struct instance *i, enum instance_state to,
                                 enum instance_reason why, const char *detail, struct err *e)
{
    struct instance_change c = {to, why, ACTION_INSTANCE_UPDATE, detail};

    return instance_move(sv, tx, by, i, &c, e);
}

static enum err_code slots_copy(struct instance *i, const struct engine_instance *seen,
                                struct err *e)
{
    struct gpu_slot *slots = NULL;

    assert(seen->slot_count <= GPUS_PER_INSTANCE_MAX);
    if (seen->slot_count) {
        slots = malloc(seen->slot_count * sizeof *slots);
        if (!slots)
            return err_set(e, ERR_INTERNAL, "out of memory");
        memcpy(slots, seen->slots, seen->slot_count * sizeof *slots);
    }
    free(i->slots);
    i->slots = slots;
    i->slot_count = seen->slot_count;
    return ERR_OK;
}

/* What is known where the engine has no whole report: its verdict and what was looked at. */
static void gate_compose(const struct instance *i, const struct engine_instance *seen,
                         struct report_gpu gpus[GPUS_PER_INSTANCE_MAX], struct report *out)
{
    *out = (struct report){.tier = seen->gate_tier,
                           .started_at_ms = i->state_since_ms,
                           .ended_at_ms = seen->ready_at_ms};
    for (size_t n = 0; n < seen->slot_count; n++) {
        gpus[n] = (struct report_gpu){.index = seen->slots[n].index,
                                      .is_virtual = seen->slots[n].is_virtual};
        text_copy(gpus[n].uuid, sizeof gpus[n].uuid, seen->slots[n].uuid);
        text_copy(gpus[n].model, sizeof gpus[n].model, seen->slots[n].label);
    }
    out->gpus = gpus;
    out->gpu_count = seen->slot_count;
}

/* What the engine's gate found, in the instance and as a report, once per run of the gate. */
static enum err_code gate_copy(struct service *sv, struct tx *tx, const struct actor *by,
                               struct instance *i, const struct engine_instance *seen,
                               struct err *e)
{
    struct report_place at = {"", i->organization_id, i->id, REPORT_GATE};
    struct report_gpu gpus[GPUS_PER_INSTANCE_MAX];
    char id[ID_MAX], fault[TEXT_BYTES_MAX];
    struct node_load others = {0};
    struct report rep;
    bool bad;
    enum err_code rc = slots_copy(i, seen, e);

    if (rc || seen->gate_verdict == VERDICT_NONE)
        return rc;
    i->gate_verdict = seen->gate_verdict;
    text_copy(i->gate_summary, sizeof i->gate_summary, seen->gate_summary);
    if (seen->gate_report)
        rep = *seen->gate_report;
    else
        gate_compose(i, seen, gpus, &rep);
    rep.verdict = seen->gate_verdict;
    text_copy(rep.summary, sizeof rep.summary, seen->gate_summary);
    rc = report_keep(sv, tx, by, &rep, &at, id, e);
    if (!rc) /* who has the node's other GPUs can make what they share slow */
        rc = row_instance_of_node(tx, i->node_id, i->id, &others, e);
    bad = report_is_bad(&rep, i, !others.instances, fault);
    return rc ? rc : node_judge(sv, tx, by, i->node_id, id, rep.verdict, bad ? fault : NULL, e);
}

/* It will not come up, or is lost: nothing more is billed. The engine is told to stop it by the
 * reconciler, which looks at it until the engine has nothing that runs. */
static enum err_code instance_give_up(struct service *sv, struct tx *tx, const struct actor *by,
                                      struct instance *i, int64_t end_ms, enum instance_reason why,
                                      const char *detail, struct err *e)
{
    enum err_code rc = billing_end(sv, tx, by, i, end_ms, e);

    if (rc)
        return rc;
    i->desired_state = INSTANCE_WANT_RUNNING;
    return engine_move(sv, tx, by, i, INSTANCE_FAILED, why, detail, e);
}

/* --- coming up ----------------------------------------------------------------------- */

/* Step by step to `to`, so that every state has its event. */
static enum err_code climb(struct service *sv, struct tx *tx, const struct actor *by,
                           struct instance *i, enum instance_state to, struct err *e)
{
    enum err_code rc = ERR_OK;

    if (!rc && i->state == INSTANCE_REQUESTED)
        rc = engine_move(sv, tx, by, i, INSTANCE_PROVISIONING, i->state_reason, "", e);
    if (!rc && to != INSTANCE_PROVISIONING &&
        (i->state == INSTANCE_PROVISIONING || i->state == INSTANCE_STARTING))
        rc = engine_move(sv, tx, by, i, INSTANCE_HEALTH_CHECK, i->state_reason, "", e);
    if (!rc && to == INSTANCE_RUNNING && i->state == INSTANCE_HEALTH_CHECK)
        rc = engine_move(sv, tx, by, i, INSTANCE_RUNNING, i->state_reason, "", e);
    return rc;
}

/* The gate has passed: it runs, and is billed from the moment written down on the node. */
static enum err_code instance_begin(struct service *sv, struct tx *tx, const struct actor *by,
                                    struct instance *i, const struct engine_instance *seen,
                                    struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock), at_ms = seen->ready_at_ms;
    enum err_code rc;

    if (at_ms < i->state_since_ms)
        at_ms = i->state_since_ms;
    if (at_ms > now_ms || !seen->ready_at_ms)
        at_ms = now_ms;
    rc = gate_copy(sv, tx, by, i, seen, e);
    if (rc)
        return rc;
    i->running_at_ms = i->credit_from_ms = at_ms;
    if (i->stop_after_seconds)
        i->deadline_at_ms = at_ms + i->stop_after_seconds * MS_PER_SECOND;
    i->stop_after_seconds = 0;
    text_copy(i->limits, sizeof i->limits, seen->limits);
    rc = billing_start(sv, tx, i, at_ms, e);
    return rc ? rc : climb(sv, tx, by, i, INSTANCE_RUNNING, e);
}

static enum err_code gate_refused(struct service *sv, struct tx *tx, const struct actor *by,
                                  struct instance *i, const struct engine_instance *seen,
                                  struct err *e)
{
    char why[TEXT_BYTES_MAX];
    enum err_code rc = gate_copy(sv, tx, by, i, seen, e);

    snprintf(why, sizeof why, "the health check before billing did not pass: %.180s",
             seen->gate_summary[0] ? seen->gate_summary : verdict_names[seen->gate_verdict]);
    if (rc)
        return rc;
    return instance_give_up(sv, tx, by, i, 0, INSTANCE_REASON_CHECK_FAILED, why, e);
}

static enum err_code observe_coming(struct service *sv, struct tx *tx, const struct actor *by,
                                    struct instance *i, const struct engine_instance *seen,
                                    struct err *e)
{
    bool checked = seen->gate_verdict != VERDICT_NONE && !seen->gate_passed;

    switch (seen->state) {
    case ENGINE_STARTING:
        return climb(sv, tx, by, i, INSTANCE_PROVISIONING, e);
    case ENGINE_CHECKING:
        return climb(sv, tx, by, i, INSTANCE_HEALTH_CHECK, e);
    case ENGINE_READY:
        return seen->gate_passed ? instance_begin(sv, tx, by, i, seen, e)
                                 : gate_refused(sv, tx, by, i, seen, e);
    case ENGINE_ENDED:
        /* After a start from `stopped` the engine still tells of the end before. */
        if (i->state == INSTANCE_REQUESTED ||
            (i->state == INSTANCE_STARTING && seen->ended_at_ms <= i->state_since_ms))
            return ERR_OK;
        if (checked)
            return gate_refused(sv, tx, by, i, seen, e);
        return instance_give_up(sv, tx, by, i, 0, INSTANCE_REASON_ENGINE,
                                seen->detail[0] ? seen->detail : "it ended while it came up", e);
    case ENGINE_FAILED:
        if (checked)
            return gate_refused(sv, tx, by, i, seen, e);
        return instance_give_up(sv, tx, by, i, 0, INSTANCE_REASON_ENGINE,
                                seen->detail[0] ? seen->detail : "the engine could not start it",
                                e);
    case ENGINE_ABSENT: /* the reconciler asks for it again */
    case ENGINE_STOPPING:
        break;
    }
    return ERR_OK;
}

/* --- running ------------------------------------------------------------------------- */

static enum err_code instance_ended(struct service *sv, struct tx *tx, const struct actor *by,
                                    struct instance *i, int64_t end_ms, const char *detail,
                                    struct err *e)
{
    enum instance_reason why = i->state_reason;
    char text[TEXT_BYTES_MAX];
    enum err_code rc = billing_end(sv, tx, by, i, end_ms, e);

    text_copy(text, sizeof text, i->state_detail);
    i->desired_state = INSTANCE_WANT_STOPPED;
    if (!rc && i->state != INSTANCE_STOPPING) { /* nobody asked for it */
        why = i->job_id[0] ? INSTANCE_REASON_JOB_ENDED : INSTANCE_REASON_ENGINE;
        if (!i->job_id[0])
            text_copy(text, sizeof text, detail[0] ? detail : "it ended by itself");
        else
            text_copy(text, sizeof text, "its job has ended");
        rc = engine_move(sv, tx, by, i, INSTANCE_STOPPING, why, text, e);
    }
    return rc ? rc : engine_move(sv, tx, by, i, INSTANCE_STOPPED, why, text, e);
}

/* Billed to the last moment at which it is known to have lived. */
static enum err_code instance_lost(struct service *sv, struct tx *tx, const struct actor *by,
                                   struct instance *i, const struct engine_instance *seen,
                                   struct err *e)
{
    const char *detail = seen->detail[0] ? seen->detail : "its supervisor is lost";
    struct meter m;
    int64_t end_ms = seen->ended_at_ms;
    enum err_code rc = row_meter_get(tx, i->id, &m, e);

    if (rc && rc != ERR_NOT_FOUND)
        return rc;
    if (!rc && end_ms > m.started_at_ms + m.metered_seconds * MS_PER_SECOND)
        end_ms = 0;
    err_clear(e);
    return instance_give_up(sv, tx, by, i, end_ms, INSTANCE_REASON_LOST, detail, e);
}

static enum err_code observe_running(struct service *sv, struct tx *tx, const struct actor *by,
                                     struct instance *i, const struct engine_instance *seen,
                                     struct err *e)
{
    switch (seen->state) {
    case ENGINE_READY:
        if (i->state == INSTANCE_UNREACHABLE)
            return engine_move(sv, tx, by, i, INSTANCE_RUNNING, INSTANCE_REASON_NONE, "", e);
        return ERR_OK;
    case ENGINE_ENDED:
        return instance_ended(sv, tx, by, i, seen->ended_at_ms, seen->detail, e);
    case ENGINE_FAILED:
    case ENGINE_ABSENT:
        return instance_lost(sv, tx, by, i, seen, e);
    case ENGINE_STARTING:
    case ENGINE_CHECKING:
    case ENGINE_STOPPING:
        break;
    }
    return ERR_OK;
}

/* --- going --------------------------------------------------------------------------- */

static enum err_code observe_stopping(struct service *sv, struct tx *tx, const struct actor *by,
                                      struct instance *i, const struct engine_instance *seen,
                                      struct err *e)
{
    if (seen->state == ENGINE_ENDED || seen->state == ENGINE_ABSENT)
        return instance_ended(sv, tx, by, i, seen->ended_at_ms, seen->detail, e);
    if (seen->state == ENGINE_FAILED)
        return instance_lost(sv, tx, by, i, seen, e);
    return ERR_OK;
}

static enum err_code observe_terminating(struct service *sv, struct tx *tx, const struct actor *by,
                                         struct instance *i, const struct engine_instance *seen,
                                         struct err *e)
{
    bool quiet =
        seen->state == ENGINE_ENDED || seen->state == ENGINE_FAILED || seen->state == ENGINE_ABSENT;
    bool was_billed = i->billing == BILLING_ON;
    enum err_code rc;

    if (!quiet)
        return ERR_OK;
    rc = billing_end(sv, tx, by, i, seen->ended_at_ms, e);
    if (rc)
        return rc;
    if (seen->state == ENGINE_ABSENT)
        return engine_move(sv, tx, by, i, INSTANCE_TERMINATED, i->state_reason, i->state_detail, e);
    /* Its files go next; until then it is terminating, but it costs nothing any more. */
    return was_billed ? row_instance_update(tx, i, e) : ERR_OK;
}

static enum err_code observe_failed(struct tx *tx, struct instance *i,
                                    const struct engine_instance *seen, struct err *e)
{
    bool quiet =
        seen->state == ENGINE_ENDED || seen->state == ENGINE_FAILED || seen->state == ENGINE_ABSENT;

    if (!quiet || i->desired_state == INSTANCE_WANT_STOPPED)
        return ERR_OK;
    i->desired_state = INSTANCE_WANT_STOPPED; /* settled: nobody has to look again */
    return row_instance_update(tx, i, e);
}

static enum err_code observe(struct service *sv, struct tx *tx, const struct actor *by,
                             struct instance *i, const struct engine_instance *seen, struct err *e)
{
    switch (i->state) {
    case INSTANCE_REQUESTED:
    case INSTANCE_PROVISIONING:
    case INSTANCE_HEALTH_CHECK:
    case INSTANCE_STARTING:
        return observe_coming(sv, tx, by, i, seen, e);
    case INSTANCE_RUNNING:
    case INSTANCE_UNREACHABLE:
        return observe_running(sv, tx, by, i, seen, e);
    case INSTANCE_STOPPING:
        return observe_stopping(sv, tx, by, i, seen, e);
    case INSTANCE_TERMINATING:
        return observe_terminating(sv, tx, by, i, seen, e);
    case INSTANCE_FAILED:
        return observe_failed(tx, i, seen, e);
    case INSTANCE_STOPPED:
    case INSTANCE_TERMINATED:
    case INSTANCE_STATE_COUNT:
        break;
    }
    return ERR_OK;
}

/* It runs and nobody knows where: it was launched before nodes were known, by an earlier version or
 * while the engine could not list them. Unknown, it would not count as being on its node. */
static bool place_due(const struct instance *i, const struct engine_instance *seen)
{
    return i->state == INSTANCE_RUNNING && seen->state == ENGINE_READY && !i->node_id[0] &&
           seen->node[0];
}

enum err_code instance_observe(struct service *sv, struct tx *tx, const struct actor *by,
                               const char *id, const struct engine_instance *seen,
                               struct instance *out, struct err *e)
{
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, id, &i, e);
    bool is_due = !rc && place_due(&i, seen);

    if (!rc)
        rc = node_place(sv, tx, &i, seen, e);
    if (!rc && is_due && i.node_id[0]) /* else it is saved with what is observed */
        rc = row_instance_update(tx, &i, e);
    if (!rc)
        rc = observe(sv, tx, by, &i, seen, e);
    if (!rc)
        rc = instance_fill(sv, tx, by, &i, e);
    if (rc)
        return rc;
    *out = i;
    i = (struct instance){0};
    return ERR_OK;
}

enum err_code instance_unreachable(struct service *sv, struct tx *tx, const struct actor *by,
                                   const char *id, const char *detail, struct err *e)
{
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, id, &i, e);

    if (rc || i.state != INSTANCE_RUNNING)
        return rc;
    return engine_move(sv, tx, by, &i, INSTANCE_UNREACHABLE, INSTANCE_REASON_ENGINE, detail, e);
}

/* What instance_observe() would change, told without a transaction. */
bool instance_observe_due(const struct instance *i, const struct engine_instance *seen)
{
    bool quiet =
        seen->state == ENGINE_ENDED || seen->state == ENGINE_FAILED || seen->state == ENGINE_ABSENT;

    if (place_due(i, seen))
        return true;
    switch (i->state) {
    case INSTANCE_REQUESTED:
        return seen->state != ENGINE_ABSENT && seen->state != ENGINE_ENDED;
    case INSTANCE_PROVISIONING:
    case INSTANCE_STARTING:
        return seen->state != ENGINE_ABSENT && seen->state != ENGINE_STARTING;
    case INSTANCE_HEALTH_CHECK:
        return seen->state == ENGINE_READY || seen->state == ENGINE_ENDED ||
               seen->state == ENGINE_FAILED;
    case INSTANCE_RUNNING:
    case INSTANCE_STOPPING:
        return quiet;
    case INSTANCE_UNREACHABLE:
        return quiet || seen->state == ENGINE_READY;
    case INSTANCE_TERMINATING:
        return seen->state == ENGINE_ABSENT || (quiet && i->billing == BILLING_ON);
    case INSTANCE_FAILED:
        return quiet && i->desired_state != INSTANCE_WANT_STOPPED;
    case INSTANCE_STOPPED:
    case INSTANCE_TERMINATED:
    case INSTANCE_STATE_COUNT:
        break;
    }
    return false;
}

enum err_code instance_fail(struct service *sv, struct tx *tx, const struct actor *by,
                            const char *id, enum instance_reason why, const char *detail,
                            struct err *e)
{
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, id, &i, e);

    if (rc || !instance_may_move(i.state, INSTANCE_FAILED))
        return rc; /* failed, deleted or stopped already: nothing left to fail */
    if (i.state == INSTANCE_STARTING && why == INSTANCE_REASON_ENGINE) {
        /* Its files are there: it may be started again later. */
        rc = instance_wind_down(sv, tx, by, &i, why, detail, e);
        return rc ? rc : instance_ended(sv, tx, by, &i, 0, detail, e);
    }
    return instance_give_up(sv, tx, by, &i, 0, why, detail, e);
}
