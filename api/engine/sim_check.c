/* The engine `sim`: checks that end as they were told to, and the one node. */
#include "api/engine/sim_internal.h"

#include <stdlib.h>

enum tier sim_gate_tier(const struct engine_sim *s, const struct sim_instance *in)
{
    bool real = in->slot_count && !s->capacity.gpus_are_virtual;

    return real && in->start_count == 1 ? TIER_QUICK : TIER_STATE;
}

static struct sim_check *check_find(struct engine_sim *s, const char *id)
{
    for (struct sim_check *c = s->checks; c; c = c->next)
        if (strcmp(c->id, id) == 0)
            return c;
    return NULL;
}

static bool instance_is_ready(struct engine_sim *s, const char *id)
{
    const struct sim_instance *in = sim_instance_find(s, id);

    return in && sim_instance_state(in, clock_now_ms(s->clock)) == ENGINE_READY;
}

static bool node_is_idle(struct engine_sim *s)
{
    for (const struct sim_instance *in = s->instances; in; in = in->next)
        if (in->slot_count && !sim_is_over(sim_instance_state(in, clock_now_ms(s->clock))))
            return false;
    return true;
}

static enum err_code check_place(struct engine_sim *s, const struct engine_check *c, struct err *e)
{
    if (c->instance_id[0]) {
        if (!sim_instance_find(s, c->instance_id))
            return err_set(e, ERR_NOT_FOUND, "there is no instance %s here", c->instance_id);
        if (!instance_is_ready(s, c->instance_id))
            return err_set(e, ERR_CONFLICT, "the instance %s is not ready", c->instance_id);
        return ERR_OK;
    }
    if (strcmp(c->node, SIM_NODE) != 0)
        return err_set(e, ERR_NOT_FOUND, "there is no node '%.60s' here", c->node);
    if (s->capacity.gpus_are_virtual || !s->capacity.gpu_slots)
        return err_set(e, ERR_CONFLICT, SIM_NODE " has no physical GPU");
    if (!node_is_idle(s))
        return err_set(e, ERR_CONFLICT, "the node is not idle");
    return ERR_OK;
}

enum err_code sim_check(struct engine *en, const struct engine_check *c, struct err *e)
{
    SIM_LOCKED(s, en);
    struct sim_check *made;
    enum err_code rc = sim_enter(s, SIM_CHECK, e);

    if (!rc && check_find(s, c->check_id))
        return ERR_OK;
    if (!rc)
        rc = check_place(s, c, e);
    if (rc)
        return rc;
    made = calloc(1, sizeof *made);
    if (!made)
        return err_set(e, ERR_ENGINE, "out of memory");
    text_copy(made->id, sizeof made->id, c->check_id);
    text_copy(made->instance_id, sizeof made->instance_id, c->instance_id);
    made->plan = s->check_plan;
    made->tier = c->tier;
    made->asked_at_ms = clock_now_ms(s->clock);
    made->next = s->checks;
    s->checks = made;
    return ERR_OK;
}

/* A report of its own: what it lists is copied. */
static enum err_code report_make(const struct gpu_slot *slots, size_t slot_count,
                                 const struct finding *findings, size_t finding_count,
                                 struct report *out, struct err *e)
{
    out->gpus = calloc(slot_count + 1, sizeof *out->gpus);
    out->findings = calloc(finding_count + 1, sizeof *out->findings);
    if (!out->gpus || !out->findings) {
        shape_release(&report_shape, out);
        return err_set(e, ERR_ENGINE, "out of memory");
    }
    for (size_t i = 0; i < slot_count; i++) {
        out->gpus[i].index = slots[i].index;
        out->gpus[i].is_virtual = slots[i].is_virtual;
        text_copy(out->gpus[i].model, sizeof out->gpus[i].model, slots[i].label);
    }
    for (size_t i = 0; i < finding_count; i++)
        out->findings[i] = findings[i];
    out->gpu_count = slot_count;
    out->finding_count = finding_count;
    text_copy(out->host, sizeof out->host, SIM_NODE);
    return ERR_OK;
}

static enum err_code check_report(struct engine_sim *s, const struct sim_check *c,
                                  struct report *out, struct err *e)
{
    const struct sim_instance *in = sim_instance_find(s, c->instance_id);
    const struct sim_check_plan *p = &c->plan;
    struct gpu_slot slots[GPUS_PER_INSTANCE_MAX];

    *out = (struct report){.tier = c->tier,
                           .verdict = p->verdict ? p->verdict : VERDICT_HEALTHY,
                           .started_at_ms = c->asked_at_ms,
                           .ended_at_ms = sim_plus(c->asked_at_ms, p->lasts_ms)};
    text_copy(out->summary, sizeof out->summary,
              p->summary ? p->summary : verdict_names[out->verdict]);
    if (in)
        sim_slots_describe(s, in, slots);
    return report_make(slots, in ? in->slot_count : 0, p->findings, p->finding_count, out, e);
}

enum err_code sim_check_describe(struct engine *en, const char *check_id,
                                 struct engine_check_state *out, struct err *e)
{
    SIM_LOCKED(s, en);
    const struct sim_check *c;
    enum err_code rc = sim_enter(s, SIM_CHECK_DESCRIBE, e);

    if (rc)
        return rc;
    c = check_find(s, check_id);
    *out = (struct engine_check_state){.state = c ? ENGINE_CHECKING : ENGINE_ABSENT};
    if (!c)
        return ERR_OK;
    if (c->plan.failure || (c->instance_id[0] && !instance_is_ready(s, c->instance_id))) {
        out->state = ENGINE_FAILED;
        text_copy(out->detail, sizeof out->detail,
                  c->plan.failure ? c->plan.failure : "its instance ended");
    } else if (sim_plus(c->asked_at_ms, c->plan.lasts_ms) <= clock_now_ms(s->clock)) {
        out->state = ENGINE_ENDED;
        rc = check_report(s, c, &out->report, e);
    }
    return rc;
}

static void check_unlink(struct engine_sim *s, const char *id)
{
    for (struct sim_check **p = &s->checks; *p; p = &(*p)->next) {
        struct sim_check *c = *p;

        if (strcmp(c->id, id) != 0)
            continue;
        *p = c->next;
        free(c);
        return;
    }
}

enum err_code sim_check_remove(struct engine *en, const char *check_id, struct err *e)
{
    SIM_LOCKED(s, en);
    enum err_code rc = sim_enter(s, SIM_CHECK_REMOVE, e);

    if (!rc)
        check_unlink(s, check_id);
    return rc;
}

enum err_code sim_gate_report(struct engine *en, const char *instance_id, struct report *out,
                              struct err *e)
{
    SIM_LOCKED(s, en);
    struct gpu_slot slots[GPUS_PER_INSTANCE_MAX];
    const struct sim_instance *in;
    struct report r;
    enum err_code rc = sim_enter(s, SIM_GATE_REPORT, e);

    if (rc)
        return rc;
    in = sim_instance_find(s, instance_id);
    if (!in || sim_instance_ready_at(in) > clock_now_ms(s->clock))
        return err_set(e, ERR_NOT_FOUND, "the gate of %s has no report yet", instance_id);
    r = (struct report){.tier = sim_gate_tier(s, in),
                        .verdict = in->plan.gate_verdict ? in->plan.gate_verdict : VERDICT_HEALTHY,
                        .started_at_ms = sim_plus(in->asked_at_ms, in->plan.provision_ms),
                        .ended_at_ms = sim_instance_ready_at(in)};
    text_copy(r.summary, sizeof r.summary,
              in->plan.gate_summary ? in->plan.gate_summary : verdict_names[r.verdict]);
    sim_slots_describe(s, in, slots);
    rc = report_make(slots, in->slot_count, in->plan.findings, in->plan.finding_count, &r, e);
    if (!rc)
        *out = r;
    return rc;
}

void sim_checks_end(struct engine_sim *s, const char *instance_id)
{
    for (struct sim_check **p = &s->checks; *p;) {
        struct sim_check *c = *p;

        if (strcmp(c->instance_id, instance_id) != 0) {
            p = &c->next;
            continue;
        }
        *p = c->next;
        free(c);
    }
}

void sim_checks_free(struct engine_sim *s)
{
    while (s->checks)
        check_unlink(s, s->checks->id);
}

/* --- the node ---------------------------------------------------------------------------- */

enum err_code sim_node_list(struct engine *en, struct engine_node **out, size_t *count,
                            struct err *e)
{
    SIM_LOCKED(s, en);
    struct engine_node *n;
    enum err_code rc = sim_enter(s, SIM_NODE_LIST, e);

    if (rc)
        return rc;
    n = calloc(1, sizeof *n);
    if (!n)
        return err_set(e, ERR_ENGINE, "out of memory");
    *n = (struct engine_node){.name = SIM_NODE,
                              .gpu_count = s->capacity.gpu_slots,
                              .is_virtual = s->capacity.gpus_are_virtual,
                              .is_draining = s->is_draining};
    *out = n;
    *count = 1;
    return ERR_OK;
}

static enum err_code node_set(struct engine_sim *s, enum sim_op op, const char *node, struct err *e)
{
    enum err_code rc = sim_enter(s, op, e);

    if (!rc && strcmp(node, SIM_NODE) != 0)
        rc = err_set(e, ERR_NOT_FOUND, "there is no node '%.60s' here", node);
    if (!rc)
        s->is_draining = op == SIM_NODE_DRAIN;
    return rc;
}

enum err_code sim_node_drain(struct engine *en, const char *node, const char *reason, struct err *e)
{
    SIM_LOCKED(s, en);
    UNUSED(reason);
    return node_set(s, SIM_NODE_DRAIN, node, e);
}

enum err_code sim_node_resume(struct engine *en, const char *node, struct err *e)
{
    SIM_LOCKED(s, en);
    return node_set(s, SIM_NODE_RESUME, node, e);
}
