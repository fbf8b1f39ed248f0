/* Instances as their owners see them: reading, changing, acting; and the one function that
 * moves their state. Launching is launch.c's, what engines report is instance_observe.c's. */
#include <assert.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

void instance_release(struct instance *i)
{
    shape_release(&instance_shape, i);
}

enum err_code instance_fetch(struct service *sv, struct tx *tx, const struct actor *by,
                             enum rule_action a, const char *id, struct instance *out,
                             struct err *e)
{
    struct instance i = {0};
    enum err_code rc = row_instance_get(tx, id, &i, e);

    UNUSED(sv);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no instance %s", id);
    if (rc)
        return rc;
    rc = rule_check_object(by, a, i.organization_id, "instance", id, e);
    if (rc)
        instance_release(&i);
    else
        *out = i;
    return rc;
}

bool instance_holds_stock(enum instance_state s)
{
    return s != INSTANCE_STOPPED && s != INSTANCE_FAILED && s != INSTANCE_TERMINATED;
}

/* --- moves --------------------------------------------------------------------------- */

/* Never before the move before it, so that a clock that stepped back does not make the end that an
 * engine still tells of the end of what was started since. */
static int64_t moved_at(struct service *sv, const struct instance *i)
{
    int64_t now_ms = clock_now_ms(sv->clock);

    return now_ms > i->state_since_ms ? now_ms : i->state_since_ms;
}

/* A check ends with what it looked at, and has no verdict: that of the check before it, which may
 * be of another tier, must not stand for it. */
static void check_cut(struct instance *i)
{
    i->check_id[0] = '\0';
    i->check_verdict = VERDICT_NONE;
    i->checked_at_ms = 0;
}

enum err_code instance_move(struct service *sv, struct tx *tx, const struct actor *by,
                            struct instance *i, const struct instance_change *c, struct err *e)
{
    struct record r = {c->action, "instance.state",           i->organization_id, i->project_id,
                       i->id,     instance_state_names[c->to]};
    const char *was = instance_state_names[i->state];
    enum err_code rc;

    if (!instance_may_move(i->state, c->to))
        return err_set(e, ERR_CONFLICT, "instance %s is %s and cannot become %s", i->name, was,
                       instance_state_names[c->to]);
    /* On its way out it is billed only if it was billed before. */
    if (instance_billing(c->to) != BILLING_ON ||
        (c->to != INSTANCE_STOPPING && c->to != INSTANCE_TERMINATING))
        i->billing = instance_billing(c->to);
    i->state = c->to;
    i->state_reason = c->why;
    i->state_since_ms = moved_at(sv, i);
    text_copy(i->state_detail, sizeof i->state_detail, c->detail);
    if (i->check_id[0] && c->to != INSTANCE_RUNNING && c->to != INSTANCE_UNREACHABLE)
        check_cut(i);
    if (c->to == INSTANCE_TERMINATED)
        i->ended_at_ms = i->state_since_ms;
    rc = row_instance_update(tx, i, e);
    if (rc)
        return rc;
    return record_write(sv, tx, by, &r, e, "instance %s: %s -> %s%s%s", i->name, was,
                        instance_state_names[c->to], c->detail[0] ? ": " : "", c->detail);
}

enum err_code instance_wind_down(struct service *sv, struct tx *tx, const struct actor *by,
                                 struct instance *i, enum instance_reason why, const char *detail,
                                 struct err *e)
{
    struct instance_change c = {INSTANCE_STOPPING, why, ACTION_INSTANCE_STOP, detail};
    enum err_code rc;

    if (i->state != INSTANCE_REQUESTED) {
        i->desired_state = INSTANCE_WANT_STOPPED;
        return instance_move(sv, tx, by, i, &c, e);
    }
    /* Nothing runs yet, so nothing has to stop. What it wants stays, which keeps the reconciler
     * looking until the engine is known to have nothing of it. */
    c.to = INSTANCE_FAILED;
    rc = billing_end(sv, tx, by, i, 0, e);
    return rc ? rc : instance_move(sv, tx, by, i, &c, e);
}

enum err_code instance_dismiss(struct service *sv, struct tx *tx, const struct actor *by,
                               struct instance *i, enum instance_reason why, const char *detail,
                               struct err *e)
{
    struct instance_change c = {INSTANCE_TERMINATING, why, ACTION_INSTANCE_DELETE, detail};

    i->desired_state = INSTANCE_WANT_TERMINATED;
    return instance_move(sv, tx, by, i, &c, e);
}

/* --- actions ------------------------------------------------------------------------- */

static const enum rule_action action_rules[INSTANCE_ACTION_COUNT] = {
    [INSTANCE_STOP] = ACTION_INSTANCE_STOP,
    [INSTANCE_START] = ACTION_INSTANCE_START,
    [INSTANCE_DELETE] = ACTION_INSTANCE_DELETE,
    [INSTANCE_CHECK] = ACTION_INSTANCE_CHECK,
};

/* Why the state does not allow a stop; NULL when it does. */
static const char *stop_refusal(const struct instance *i)
{
    switch (i->state) {
    case INSTANCE_REQUESTED:
        return "it has not begun to start; delete it instead";
    case INSTANCE_STOPPING:
        return "it is stopping already";
    case INSTANCE_STOPPED:
        return "it is stopped already";
    case INSTANCE_TERMINATING:
    case INSTANCE_TERMINATED:
        return "it is deleted";
    case INSTANCE_FAILED:
        return "it has failed and does not run";
    case INSTANCE_PROVISIONING:
    case INSTANCE_HEALTH_CHECK:
    case INSTANCE_RUNNING:
    case INSTANCE_UNREACHABLE:
    case INSTANCE_STARTING:
    case INSTANCE_STATE_COUNT:
        break;
    }
    return NULL;
}

static const char *start_refusal(const struct instance *i, int64_t now_ms)
{
    if (i->state == INSTANCE_STOPPED) {
        if (i->job_id[0])
            return "it was made for a job and goes with it";
        if (i->deadline_at_ms && i->deadline_at_ms <= now_ms)
            return "its deadline has passed; set another one first";
        return NULL;
    }
    if (i->state == INSTANCE_STOPPING)
        return "it is still stopping";
    if (i->state == INSTANCE_FAILED)
        return "it has failed; delete it and launch another";
    if (i->state == INSTANCE_TERMINATING || i->state == INSTANCE_TERMINATED)
        return "it is deleted";
    return "it is not stopped";
}

static const char *check_refusal(const struct instance *i)
{
    if (i->state == INSTANCE_UNREACHABLE)
        return "it cannot be reached";
    if (i->state != INSTANCE_RUNNING)
        return "it is not running";
    if (i->gpu_count == 0)
        return "it has no GPU";
    return i->check_id[0] ? "a check is under way" : NULL;
}

static const char *action_refusal(const struct instance *i, enum instance_action a, int64_t now_ms)
{
    switch (a) {
    case INSTANCE_STOP:
        return stop_refusal(i);
    case INSTANCE_START:
        return start_refusal(i, now_ms);
    case INSTANCE_DELETE:
        return i->state == INSTANCE_TERMINATING || i->state == INSTANCE_TERMINATED
                   ? "it is deleted already"
                   : NULL;
    case INSTANCE_CHECK:
        return check_refusal(i);
    case INSTANCE_ACTION_COUNT:
        break;
    }
    return "there is no such action";
}

static void actions_fill(const struct actor *by, struct instance *i, int64_t now_ms)
{
    for (int a = 0; a < INSTANCE_ACTION_COUNT; a++) {
        struct action *act = &i->actions[a];
        const char *no = action_refusal(i, (enum instance_action)a, now_ms);
        struct err e;

        text_copy(act->name, sizeof act->name, instance_action_names[a]);
        if (!no &&
            rule_check_object(by, action_rules[a], i->organization_id, "instance", i->id, &e))
            no = e.msg;
        act->available = !no;
        text_copy(act->reason, sizeof act->reason, no ? no : "");
    }
    i->action_count = INSTANCE_ACTION_COUNT;
}

enum err_code instance_fill(struct service *sv, struct tx *tx, const struct actor *by,
                            struct instance *i, struct err *e)
{
    int64_t seconds, micros;
    struct meter m;
    enum err_code rc;

    actions_fill(by, i, clock_now_ms(sv->clock));
    if (!by->is_system && by->staff_role == STAFF_NONE)
        i->node_id[0] = '\0'; /* machines are the provider's business */
    if (i->billing != BILLING_ON)
        return ERR_OK;
    rc = row_meter_get(tx, i->id, &m, e);
    if (!rc)
        rc = meter_owed(sv, tx, &m, &seconds, &micros, e);
    if (!rc)
        rc = micros_add(i->cost.micros, micros, &i->cost.micros, e);
    if (!rc)
        i->cost_at_ms = m.started_at_ms + seconds * MS_PER_SECOND;
    return rc;
}

/* Fill and hand over, or release. */
static enum err_code instance_answer(struct service *sv, struct tx *tx, const struct actor *by,
                                     struct instance *i_take, struct instance *out, struct err *e)
{
    enum err_code rc = instance_fill(sv, tx, by, i_take, e);

    if (rc) {
        instance_release(i_take);
        return rc;
    }
    *out = *i_take;
    *i_take = (struct instance){0};
    return ERR_OK;
}

/* --- reading ------------------------------------------------------------------------- */

enum err_code instance_get(struct service *sv, struct tx *tx, const struct actor *by,
                           const char *id, struct instance *out, struct err *e)
{
    struct instance i = {0};
    enum err_code rc = instance_fetch(sv, tx, by, ACTION_INSTANCE_READ, id, &i, e);

    return rc ? rc : instance_answer(sv, tx, by, &i, out, e);
}

enum err_code instance_list(struct service *sv, struct tx *tx, const struct actor *by,
                            const struct page_query *q, struct instance **out, size_t *count,
                            char next[CURSOR_BYTES_MAX], struct err *e)
{
    struct instance *items = NULL;
    char scope[ID_MAX];
    size_t n = 0;
    enum err_code rc = rule_list(by, ACTION_INSTANCE_READ, q, scope, e);

    if (!rc)
        rc = input_state(q, instance_state_names, e);
    if (!rc)
        rc = row_instance_list(tx, scope, q, &items, &n, next, e);
    for (size_t i = 0; !rc && i < n; i++)
        rc = instance_fill(sv, tx, by, &items[i], e);
    if (rc) {
        LIST_FREE(&instance_shape, items, n);
        return rc;
    }
    *out = items;
    *count = n;
    return ERR_OK;
}

/* --- changing ------------------------------------------------------------------------ */

static enum err_code version_check(const struct instance *i, int64_t if_version, struct err *e)
{
    if (!if_version || if_version == i->version)
        return ERR_OK;
    return err_set(e, ERR_PRECONDITION, "instance %s has changed since", i->name);
}

/* The bit of a field in instance_patch_shape. */
static uint64_t patch_bit(const char *name)
{
    for (size_t i = 0; i < instance_patch_shape.field_count; i++)
        if (strcmp(instance_patch_shape.fields[i].name, name) == 0)
            return UINT64_C(1) << i;
    assert(!"a field of the patch");
    return 0;
}

static enum err_code patch_apply(struct service *sv, struct instance *i,
                                 const struct instance_patch *in, uint64_t present, struct err *e)
{
    enum err_code rc;

    if (present & patch_bit("name")) {
        rc = input_name("/name", in->name, e);
        if (rc)
            return rc;
        text_copy(i->name, sizeof i->name, in->name);
    }
    if (!(present & patch_bit("deadline_at")))
        return ERR_OK;
    if (i->job_id[0])
        return input_refuse(e, "/deadline_at", "fixed",
                            "the time limit of its job is its deadline");
    rc = input_deadline(in->deadline_at_ms, clock_now_ms(sv->clock), e);
    if (rc)
        return rc;
    i->deadline_at_ms = in->deadline_at_ms;
    i->stop_after_seconds = 0;
    return ERR_OK;
}

enum err_code instance_update(struct service *sv, struct tx *tx, const struct actor *by,
                              const char *id, int64_t if_version, const struct instance_patch *in,
                              uint64_t present, struct instance *out, struct err *e)
{
    INSTANCE_OWN i = {0};
    struct record r = {
        ACTION_INSTANCE_UPDATE, "instance.updated", i.organization_id, i.project_id, i.id, NULL};
    enum err_code rc = instance_fetch(sv, tx, by, ACTION_INSTANCE_UPDATE, id, &i, e);

    if (!rc)
        rc = version_check(&i, if_version, e);
    if (!rc && instance_is_over(i.state))
        rc = err_set(e, ERR_CONFLICT, "instance %s is deleted", i.name);
    if (!rc)
        rc = patch_apply(sv, &i, in, present, e);
    if (!rc)
        rc = row_instance_update(tx, &i, e);
    r.state = rc ? NULL : instance_state_names[i.state];
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "instance %s changed", i.name);
    return rc ? rc : instance_answer(sv, tx, by, &i, out, e);
}

/* Seconds that a start may run until its deadline; 0: no end is known. */
static int64_t run_seconds(const struct instance *i, int64_t now_ms)
{
    if (i->stop_after_seconds)
        return i->stop_after_seconds;
    return i->deadline_at_ms ? (i->deadline_at_ms - now_ms + MS_PER_SECOND - 1) / MS_PER_SECOND : 0;
}

/* Stock and credit as for a launch, at the price that was frozen then. */
static enum err_code start_admit(struct service *sv, struct tx *tx, const struct actor *by,
                                 struct instance *i, const struct catalogue *c, struct err *e)
{
    struct hold_time when = {.now_ms = clock_now_ms(sv->clock), .from_ms = clock_now_ms(sv->clock)};
    const struct offer *o = catalogue_offer(c, i->offer_id);
    struct organization org;
    struct hold_room room;
    PURSE_OWN purse = {0};
    int64_t micros;
    enum err_code rc;

    if (!o)
        return err_set(e, ERR_CONFLICT, "offer %s is no longer in the catalogue", i->offer_id);
    rc = stock_take(sv, tx, c, o, e);
    if (!rc)
        rc = row_organization_get(tx, i->organization_id, &org, e);
    if (!rc)
        rc = purse_open(tx, &org, &purse, e);
    if (!rc)
        rc = money_ceil(i->price_per_hour.micros, hold_seconds(c, run_seconds(i, when.now_ms)),
                        &micros, e);
    if (!rc)
        rc = hold_place(sv, tx, by, &purse, i, micros, &when, &room, e);
    return rc ? rc : purse_save(tx, &purse, e);
}

static enum err_code instance_start(struct service *sv, struct tx *tx, const struct actor *by,
                                    struct instance *i, enum instance_reason why, struct err *e)
{
    struct instance_change to = {INSTANCE_STARTING, why, ACTION_INSTANCE_START, ""};
    const struct catalogue *c = catalogue_hold(sv);
    enum err_code rc = start_admit(sv, tx, by, i, c, e);

    catalogue_put(sv, c);
    if (rc)
        return rc;
    i->desired_state = INSTANCE_WANT_RUNNING;
    i->gate_verdict = VERDICT_NONE; /* it is checked again before it is billed again */
    i->gate_summary[0] = '\0';
    return instance_move(sv, tx, by, i, &to, e);
}

/* The instance as far as this may be done to it now. */
static enum err_code act_open(struct service *sv, struct tx *tx, const struct actor *by,
                              const char *id, int64_t if_version, enum instance_action action,
                              struct instance *i, struct err *e)
{
    const char *no;
    enum err_code rc = instance_fetch(sv, tx, by, action_rules[action], id, i, e);

    if (!rc)
        rc = version_check(i, if_version, e);
    if (rc)
        return rc;
    no = action_refusal(i, action, clock_now_ms(sv->clock));
    if (no)
        return err_set(e, ERR_CONFLICT, "cannot %s instance %s: %s", instance_action_names[action],
                       i->name, no);
    return ERR_OK;
}

enum err_code instance_act(struct service *sv, struct tx *tx, const struct actor *by,
                           const char *id, int64_t if_version, enum instance_action action,
                           struct instance *out, struct err *e)
{
    enum instance_reason why;
    INSTANCE_OWN i = {0};
    enum err_code rc;

    assert((unsigned)action < INSTANCE_ACTION_COUNT);
    if (action == INSTANCE_CHECK)
        return instance_check(sv, tx, by, id, if_version, TIER_QUICK, false, out, e);
    rc = act_open(sv, tx, by, id, if_version, action, &i, e);
    if (rc)
        return rc;
    why = strcmp(by->organization_id, i.organization_id) == 0 ? INSTANCE_REASON_BY_MEMBER
                                                              : INSTANCE_REASON_BY_STAFF;
    if (action == INSTANCE_STOP)
        rc = instance_wind_down(sv, tx, by, &i, why, "", e);
    else if (action == INSTANCE_START)
        rc = instance_start(sv, tx, by, &i, why, e);
    else
        rc = instance_dismiss(sv, tx, by, &i, why, "", e);
    return rc ? rc : instance_answer(sv, tx, by, &i, out, e);
}

/* --- checks that are asked for ------------------------------------------------------- */

/* A job that is queued has no GPU to lose. */
static enum err_code disturb_check(struct tx *tx, const struct instance *i, enum tier tier,
                                   struct err *e)
{
    struct job *jobs = NULL;
    size_t count = 0;
    enum err_code rc = row_job_of_instance(tx, i->id, &jobs, &count, e);

    for (size_t n = 0; !rc && n < count; n++)
        if (jobs[n].state != JOB_QUEUED)
            rc = err_set(e, ERR_CONFLICT,
                         "cannot check instance %s: job %s runs, and a %s check would slow it "
                         "down; say disturb to check it all the same, or take the state tier",
                         i->name, jobs[n].name, tier_names[tier]);
    LIST_FREE(&job_shape, jobs, count);
    return rc;
}

enum err_code instance_check(struct service *sv, struct tx *tx, const struct actor *by,
                             const char *id, int64_t if_version, enum tier tier, bool disturb,
                             struct instance *out, struct err *e)
{
    INSTANCE_OWN i = {0};
    struct record r = {
        ACTION_INSTANCE_CHECK, "instance.check", i.organization_id, i.project_id, i.id, NULL};
    enum err_code rc = act_open(sv, tx, by, id, if_version, INSTANCE_CHECK, &i, e);

    if (!rc && tier == TIER_SOAK)
        rc = input_refuse(e, "/tier", "not_offered",
                          "a soak takes hours: run it yourself with hourglass-gpu, or ask for a "
                          "burn");
    if (!rc && tier != TIER_STATE && !disturb)
        rc = disturb_check(tx, &i, tier, e);
    if (rc)
        return rc;
    id_new(ID_REPORT, sv->clock, i.check_id);
    i.check_tier = tier;
    rc = row_instance_update(tx, &i, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "instance %s: a %s check was asked for", i.name,
                          tier_names[tier]);
    return rc ? rc : instance_answer(sv, tx, by, &i, out, e);
}
