/* The engine `sim`: instances, and what tests ask for. Nothing happens between calls: each
 * call works out what is by the clock, from the moments at which things were asked for. */
#include "api/engine/sim_internal.h"

#include <stdlib.h>

enum err_code sim_enter(struct engine_sim *s, enum sim_op op, struct err *e)
{
    s->calls[op]++;
    if (s->faults[op].left == 0)
        return ERR_OK;
    if (s->faults[op].left > 0)
        s->faults[op].left--;
    return err_set(e, s->faults[op].code, "%s", s->faults[op].text);
}

struct sim_instance *sim_instance_find(struct engine_sim *s, const char *id)
{
    for (struct sim_instance *in = s->instances; in; in = in->next)
        if (strcmp(in->id, id) == 0)
            return in;
    return NULL;
}

static int64_t instance_checks_at(const struct sim_instance *in)
{
    return sim_plus(in->asked_at_ms, in->plan.provision_ms);
}

int64_t sim_instance_ready_at(const struct sim_instance *in)
{
    return in->plan.failure ? SIM_NEVER : sim_plus(instance_checks_at(in), in->plan.check_ms);
}

static int64_t instance_ended_at(const struct sim_instance *in)
{
    int64_t takes_ms = in->stopped_now ? 0 : sim_least(in->plan.stop_ms, in->grace_ms);

    return sim_plus(in->stopped_at_ms, takes_ms);
}

static bool instance_has_failed(const struct sim_instance *in, int64_t now_ms)
{
    return in->lost_at_ms <= now_ms ||
           (in->plan.failure && instance_checks_at(in) <= sim_least(now_ms, in->stopped_at_ms));
}

enum engine_state sim_instance_state(const struct sim_instance *in, int64_t now_ms)
{
    if (instance_ended_at(in) <= sim_least(now_ms, in->lost_at_ms))
        return ENGINE_ENDED;
    if (instance_has_failed(in, now_ms))
        return ENGINE_FAILED;
    if (in->stopped_at_ms <= now_ms)
        return ENGINE_STOPPING;
    if (sim_instance_ready_at(in) <= now_ms)
        return ENGINE_READY;
    return instance_checks_at(in) <= now_ms ? ENGINE_CHECKING : ENGINE_STARTING;
}

bool sim_instance_passed(const struct engine_sim *s, const struct sim_instance *in)
{
    switch (in->plan.gate_verdict) {
    case VERDICT_NONE:
    case VERDICT_HEALTHY:
    case VERDICT_DEGRADED:
        return true;
    case VERDICT_INCONCLUSIVE:
        return s->capacity.gpus_are_virtual;
    case VERDICT_UNHEALTHY:
        break;
    }
    return false;
}

static enum err_code sim_capacity(struct engine *en, struct engine_capacity *out, struct err *e)
{
    SIM_LOCKED(s, en);
    enum err_code rc = sim_enter(s, SIM_CAPACITY, e);

    if (!rc)
        *out = s->capacity;
    return rc;
}

static enum err_code slots_take(struct engine_sim *s, struct sim_instance *in, int64_t want,
                                struct err *e)
{
    bool taken[SIM_SLOTS_MAX] = {false};

    if (want < 0 || want > GPUS_PER_INSTANCE_MAX)
        return err_set(e, ERR_INVALID, "the size of the instance is out of range");
    for (const struct sim_instance *o = s->instances; o; o = o->next)
        if (o != in && !sim_is_over(sim_instance_state(o, clock_now_ms(s->clock))))
            for (size_t i = 0; i < o->slot_count; i++)
                taken[o->slots[i]] = true;
    in->slot_count = 0;
    for (int64_t i = 0; i < s->capacity.gpu_slots && (int64_t)in->slot_count < want; i++)
        if (!taken[i])
            in->slots[in->slot_count++] = i;
    if ((int64_t)in->slot_count == want)
        return ERR_OK;
    return err_set(e, ERR_NO_STOCK, "%lld GPU slots are asked for, %zu of %lld are free",
                   (long long)want, in->slot_count, (long long)s->capacity.gpu_slots);
}

static void instance_begin(struct engine_sim *s, struct sim_instance *in,
                           const struct engine_provision *p)
{
    sim_jobs_settle(s, p->instance_id);
    in->plan = s->instance_plan;
    in->asked_at_ms = clock_now_ms(s->clock);
    in->grace_ms = p->grace_seconds * 1000;
    in->stopped_at_ms = in->lost_at_ms = SIM_NEVER;
    in->stopped_now = false;
    in->start_count++;
    in->has_key = p->ssh_public_key && p->ssh_public_key[0];
}

static enum err_code sim_provision(struct engine *en, const struct engine_provision *p,
                                   struct err *e)
{
    SIM_LOCKED(s, en);
    struct sim_instance *in, *made = NULL;
    enum engine_state state;
    enum err_code rc = sim_enter(s, SIM_PROVISION, e);

    if (rc)
        return rc;
    in = sim_instance_find(s, p->instance_id);
    state = in ? sim_instance_state(in, clock_now_ms(s->clock)) : ENGINE_ABSENT;
    if (state == ENGINE_STOPPING)
        return err_set(e, ERR_ENGINE, "%s is still stopping", p->instance_id);
    if (!sim_is_over(state))
        return ERR_OK;
    if (s->is_draining)
        return err_set(e, ERR_NO_STOCK, "no machine takes new instances now");
    sim_checks_end(s, "");
    if (!in)
        in = made = calloc(1, sizeof *in);
    if (!in)
        return err_set(e, ERR_ENGINE, "out of memory");
    text_copy(in->id, sizeof in->id, p->instance_id);
    rc = slots_take(s, in, p->gpu_count, e);
    if (rc) {
        free(made);
        return rc;
    }
    instance_begin(s, in, p);
    if (made) {
        made->next = s->instances;
        s->instances = made;
    }
    return ERR_OK;
}

void sim_slots_describe(const struct engine_sim *s, const struct sim_instance *in,
                        struct gpu_slot *out)
{
    for (size_t i = 0; i < in->slot_count; i++) {
        out[i] =
            (struct gpu_slot){.index = in->slots[i], .is_virtual = s->capacity.gpus_are_virtual};
        text_copy(out[i].label, NAME_BYTES_MAX, s->capacity.gpu_label);
    }
}

static void describe_gate(const struct engine_sim *s, const struct sim_instance *in,
                          struct engine_instance *out)
{
    if (sim_instance_ready_at(in) > sim_least(clock_now_ms(s->clock), in->stopped_at_ms))
        return;
    out->gate_tier = sim_gate_tier(s, in);
    out->gate_verdict = in->plan.gate_verdict ? in->plan.gate_verdict : VERDICT_HEALTHY;
    out->gate_passed = sim_instance_passed(s, in);
    text_copy(out->gate_summary, sizeof out->gate_summary,
              in->plan.gate_summary ? in->plan.gate_summary : verdict_names[out->gate_verdict]);
    if (out->gate_passed)
        out->ready_at_ms = sim_instance_ready_at(in);
}

static enum err_code sim_describe(struct engine *en, const char *instance_id,
                                  struct engine_instance *out, struct err *e)
{
    SIM_LOCKED(s, en);
    const struct sim_instance *in;
    int64_t now_ms = clock_now_ms(s->clock);
    enum err_code rc = sim_enter(s, SIM_DESCRIBE, e);

    if (rc)
        return rc;
    sim_jobs_settle(s, instance_id); /* one that was made for a job ends with it */
    in = sim_instance_find(s, instance_id);
    *out = (struct engine_instance){.state = in ? sim_instance_state(in, now_ms) : ENGINE_ABSENT};
    if (!in)
        return ERR_OK;
    text_copy(out->limits, sizeof out->limits, "sim");
    text_copy(out->node, sizeof out->node, SIM_NODE);
    sim_slots_describe(s, in, out->slots);
    out->slot_count = in->slot_count;
    describe_gate(s, in, out);
    if (out->state == ENGINE_ENDED) {
        out->ended_at_ms = instance_ended_at(in);
        text_copy(out->detail, sizeof out->detail, "the instance was told to stop");
    } else if (out->state == ENGINE_FAILED) {
        out->ended_at_ms = in->lost_at_ms <= now_ms ? in->lost_at_ms : instance_checks_at(in);
        text_copy(out->detail, sizeof out->detail,
                  in->lost_at_ms <= now_ms ? "its supervisor is gone" : in->plan.failure);
    }
    return ERR_OK;
}

static enum err_code sim_stop(struct engine *en, const char *instance_id, bool now, struct err *e)
{
    SIM_LOCKED(s, en);
    struct sim_instance *in;
    int64_t now_ms = clock_now_ms(s->clock);
    enum err_code rc = sim_enter(s, SIM_STOP, e);

    if (rc)
        return rc;
    in = sim_instance_find(s, instance_id);
    if (!in || sim_is_over(sim_instance_state(in, now_ms)))
        return ERR_OK;
    if (in->stopped_at_ms == SIM_NEVER || (now && !in->stopped_now)) {
        in->stopped_at_ms = now_ms;
        in->stopped_now = now;
    }
    return ERR_OK;
}

static enum err_code sim_remove(struct engine *en, const char *instance_id, struct err *e)
{
    SIM_LOCKED(s, en);
    enum engine_state state;
    enum err_code rc = sim_enter(s, SIM_REMOVE, e);

    if (rc)
        return rc;
    for (struct sim_instance **p = &s->instances; *p; p = &(*p)->next) {
        struct sim_instance *in = *p;

        if (strcmp(in->id, instance_id) != 0)
            continue;
        state = sim_instance_state(in, clock_now_ms(s->clock));
        if (!sim_is_over(state))
            return err_set(e, ERR_CONFLICT, "%s is %s; stop it first", instance_id,
                           engine_state_names[state]);
        sim_jobs_settle(s, instance_id); /* what they printed stays */
        sim_checks_end(s, instance_id);
        *p = in->next;
        free(in);
        break;
    }
    return ERR_OK;
}

static enum err_code sim_login_socket(struct engine *en, const char *instance_id, char *path,
                                      size_t size, struct err *e)
{
    SIM_LOCKED(s, en);
    const struct sim_instance *in;
    enum err_code rc = sim_enter(s, SIM_LOGIN_SOCKET, e);

    if (rc)
        return rc;
    in = sim_instance_find(s, instance_id);
    if (!in)
        return err_set(e, ERR_NOT_FOUND, "there is no instance %s here", instance_id);
    if (sim_instance_state(in, clock_now_ms(s->clock)) != ENGINE_READY || !in->has_key)
        return err_set(e, ERR_CONFLICT, "nobody can log in to %s now", instance_id);
    if (snprintf(path, size, "/nonexistent/%s/ssh", instance_id) >= (int)size)
        return err_set(e, ERR_ENGINE, "the path of its login socket is too long");
    return ERR_OK;
}

/* A copy of all ids, so that what is called for each may call the engine. */
struct sim_ids {
    struct {
        char id[ID_MAX];
        bool is_job;
    } * items;
    size_t count;
};

static enum err_code ids_copy(struct engine *en, struct sim_ids *out, struct err *e)
{
    SIM_LOCKED(s, en);
    size_t count = 0;
    enum err_code rc = sim_enter(s, SIM_EACH, e);

    if (rc)
        return rc;
    for (const struct sim_instance *in = s->instances; in; in = in->next)
        count++;
    for (const struct sim_job *j = s->jobs; j; j = j->next)
        count++;
    out->items = calloc(count + 1, sizeof *out->items);
    if (!out->items)
        return err_set(e, ERR_ENGINE, "out of memory");
    for (const struct sim_instance *in = s->instances; in; in = in->next)
        text_copy(out->items[out->count++].id, ID_MAX, in->id);
    for (const struct sim_job *j = s->jobs; j; j = j->next) {
        text_copy(out->items[out->count].id, ID_MAX, j->id);
        out->items[out->count++].is_job = true;
    }
    return ERR_OK;
}

static enum err_code sim_each(struct engine *en, bool (*fn)(const char *, bool, void *), void *ctx,
                              struct err *e)
{
    struct sim_ids ids = {.items = NULL};
    bool more = true;
    enum err_code rc = ids_copy(en, &ids, e);

    for (size_t i = 0; more && i < ids.count; i++)
        more = fn(ids.items[i].id, ids.items[i].is_job, ctx);
    free(ids.items);
    return rc;
}

static void sim_close(struct engine *en)
{
    struct engine_sim *s = sim_from(en);

    while (s->instances) {
        struct sim_instance *next = s->instances->next;

        free(s->instances);
        s->instances = next;
    }
    sim_jobs_free(s);
    sim_checks_free(s);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static const struct engine_ops sim_ops = {
    .name = "sim",
    .capacity = sim_capacity,
    .provision = sim_provision,
    .describe = sim_describe,
    .stop = sim_stop,
    .remove = sim_remove,
    .job_start = sim_job_start,
    .job_describe = sim_job_describe,
    .job_cancel = sim_job_cancel,
    .job_output = sim_job_output,
    .job_watch = sim_job_watch,
    .login_socket = sim_login_socket,
    .check = sim_check,
    .check_describe = sim_check_describe,
    .check_remove = sim_check_remove,
    .gate_report = sim_gate_report,
    .node_list = sim_node_list,
    .node_drain = sim_node_drain,
    .node_resume = sim_node_resume,
    .each = sim_each,
    .close = sim_close,
};

enum err_code engine_sim_open(const struct engine_config *c, struct engine **out, struct err *e)
{
    struct engine_sim *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->base.ops = &sim_ops;
    s->clock = c->clock ? c->clock : clock_real();
    pthread_mutex_init(&s->mutex, NULL);
    *out = &s->base;
    sim_slots(*out, c->virtual_gpu_slots, true);
    return ERR_OK;
}

/* --- what tests ask for ------------------------------------------------------------------ */

void sim_plan_instances(struct engine *en, const struct sim_instance_plan *plan)
{
    SIM_LOCKED(s, en);
    s->instance_plan = *plan;
}

void sim_plan_checks(struct engine *en, const struct sim_check_plan *plan)
{
    SIM_LOCKED(s, en);
    s->check_plan = *plan;
}

void sim_plan_jobs(struct engine *en, const struct sim_job_plan *plan)
{
    SIM_LOCKED(s, en);
    s->job_plan = *plan;
}

void sim_fail(struct engine *en, enum sim_op op, int n, enum err_code code, const char *text)
{
    SIM_LOCKED(s, en);
    s->faults[op].left = n;
    s->faults[op].code = code;
    s->faults[op].text = text;
}

int64_t sim_calls(struct engine *en, enum sim_op op)
{
    SIM_LOCKED(s, en);
    return s->calls[op];
}

void sim_lose(struct engine *en, const char *id)
{
    SIM_LOCKED(s, en);
    struct sim_instance *in = sim_instance_find(s, id);
    struct sim_job *j = sim_job_find(s, id);
    int64_t now_ms = clock_now_ms(s->clock);

    if (in && !sim_is_over(sim_instance_state(in, now_ms)))
        in->lost_at_ms = now_ms;
    if (j && !sim_is_over(sim_job_state(s, j)))
        j->lost_at_ms = now_ms;
}

bool sim_job_write(struct engine *en, const char *job_id, bool to_stderr, const void *bytes,
                   size_t len)
{
    SIM_LOCKED(s, en);
    struct sim_job *j = sim_job_find(s, job_id);

    return j && !sim_is_over(sim_job_state(s, j)) && sim_job_add(s, j, to_stderr, bytes, len);
}

void sim_slots(struct engine *en, int64_t count, bool are_virtual)
{
    SIM_LOCKED(s, en);
    s->capacity.gpu_slots = count < 0 ? 0 : sim_least(count, SIM_SLOTS_MAX);
    s->capacity.gpus_are_virtual = are_virtual;
    text_copy(s->capacity.gpu_label, sizeof s->capacity.gpu_label,
              are_virtual ? "virtual" : "simulated");
}
