/* Jobs: submitting, reading, cancelling; and the one function that moves their state. What
 * the engine reports is job_observe.c's. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

void job_release(struct job *j)
{
    shape_release(&job_shape, j);
}

static enum err_code job_fetch(struct tx *tx, const struct actor *by, enum rule_action a,
                               const char *id, struct job *out, struct err *e)
{
    struct job j = {0};
    enum err_code rc = row_job_get(tx, id, &j, e);

    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "no job %s", id);
    if (rc)
        return rc;
    rc = rule_check_object(by, a, j.organization_id, "job", id, e);
    if (rc)
        job_release(&j);
    else
        *out = j;
    return rc;
}

/* --- moves --------------------------------------------------------------------------- */

/* The instance that was made for a job goes with it. */
static enum err_code own_instance_dismiss(struct service *sv, struct tx *tx, const struct actor *by,
                                          const struct job *j, struct err *e)
{
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, j->instance_id, &i, e);

    if (rc || !instance_may_move(i.state, INSTANCE_TERMINATING))
        return rc;
    return instance_dismiss(sv, tx, by, &i, INSTANCE_REASON_JOB_ENDED, "its job has ended", e);
}

enum err_code job_move(struct service *sv, struct tx *tx, const struct actor *by, struct job *j,
                       const struct job_change *c, struct err *e)
{
    struct record r = {c->action,     "job.state", j->organization_id,
                       j->project_id, j->id,       job_state_names[c->to]};
    const char *was = job_state_names[j->state];
    enum err_code rc;

    if (!job_may_move(j->state, c->to))
        return err_set(e, ERR_CONFLICT, "job %s is %s and cannot become %s", j->name, was,
                       job_state_names[c->to]);
    j->state = c->to;
    j->state_reason = c->why;
    text_copy(j->state_detail, sizeof j->state_detail, c->detail);
    if (job_is_over(j->state) && !j->ended_at_ms)
        j->ended_at_ms = clock_now_ms(sv->clock);
    rc = row_job_update(tx, j, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "job %s: %s -> %s%s%s", j->name, was,
                          job_state_names[c->to], c->detail[0] ? ": " : "", c->detail);
    if (rc || !job_is_over(j->state) || !j->owns_instance)
        return rc;
    return own_instance_dismiss(sv, tx, by, j, e);
}

static const char *cancel_refusal(const struct job *j)
{
    if (job_is_over(j->state))
        return "it has ended";
    return j->state == JOB_CANCELLING ? "it is being cancelled already" : NULL;
}

void job_fill(const struct actor *by, struct job *j)
{
    struct action *act = &j->actions[0];
    const char *no = cancel_refusal(j);
    struct err e;

    text_copy(act->name, sizeof act->name, "cancel");
    if (!no && rule_check_object(by, ACTION_JOB_CANCEL, j->organization_id, "job", j->id, &e))
        no = e.msg;
    act->available = !no;
    text_copy(act->reason, sizeof act->reason, no ? no : "");
    j->action_count = 1;
}

/* --- reading ------------------------------------------------------------------------- */

enum err_code job_get(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                      struct job *out, struct err *e)
{
    enum err_code rc = job_fetch(tx, by, ACTION_JOB_READ, id, out, e);

    UNUSED(sv);
    if (!rc)
        job_fill(by, out);
    return rc;
}

enum err_code job_list(struct service *sv, struct tx *tx, const struct actor *by,
                       const struct page_query *q, struct job **out, size_t *count,
                       char next[CURSOR_BYTES_MAX], struct err *e)
{
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_JOB_READ, q, scope, e);

    UNUSED(sv);
    if (!rc)
        rc = input_state(q, job_state_names, e);
    if (!rc)
        rc = row_job_list(tx, scope, q, out, count, next, e);
    for (size_t i = 0; !rc && i < *count; i++)
        job_fill(by, &(*out)[i]);
    return rc;
}

/* --- submitting ---------------------------------------------------------------------- */

static bool env_name_is_good(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    return name[0] && strchr(letters, name[0]) && name[strspn(name, all)] == '\0';
}

static enum err_code env_check(const struct job_create *in, struct err *e)
{
    char pointer[ERR_POINTER_MAX];

    for (size_t i = 0; i < in->env_count; i++) {
        snprintf(pointer, sizeof pointer, "/env/%zu/name", i);
        if (!env_name_is_good(in->env[i].name))
            return input_refuse(e, pointer, "env_name",
                                "a name has letters, digits and underscores, no digit first");
        for (size_t n = 0; n < i; n++)
            if (strcmp(in->env[n].name, in->env[i].name) == 0)
                return input_refuse(e, pointer, "duplicate", "'%s' is given twice",
                                    in->env[i].name);
    }
    return ERR_OK;
}

/* What only makes sense together with an instance of its own. */
static enum err_code place_check(const struct job_create *in, struct err *e)
{
    if (!in->instance_id[0] && !in->offer_id[0])
        return input_refuse(e, "", "required", "give instance_id or offer_id");
    if (in->instance_id[0] && in->offer_id[0])
        return input_refuse(e, "/instance_id", "conflict",
                            "give instance_id or offer_id, not both");
    if (in->offer_id[0] && !in->time_limit_seconds)
        return input_refuse(e, "/time_limit_seconds", "required",
                            "with offer_id a time limit bounds the cost");
    if (in->instance_id[0] && in->network)
        return input_refuse(e, "/network", "conflict",
                            "network belongs to an instance made for the job: give offer_id");
    if (in->instance_id[0] && in->project_id[0])
        return input_refuse(e, "/project_id", "conflict",
                            "a job on an instance belongs to that instance's project");
    return ERR_OK;
}

static enum err_code job_check(const struct job_create *in, struct err *e)
{
    enum err_code rc = in->name[0] ? input_name("/name", in->name, e) : ERR_OK;

    if (!rc && (!in->command || !in->command[strspn(in->command, " \t\r\n")]))
        rc = input_refuse(e, "/command", "blank", "a command may not be blank");
    if (!rc && in->time_limit_seconds < 0)
        rc = input_refuse(e, "/time_limit_seconds", "out_of_range",
                          "a time limit must be above zero");
    if (!rc)
        rc = env_check(in, e);
    return rc ? rc : place_check(in, e);
}

/* The first word of the command without its folder, for a job without a name. */
static void job_name_make(char out[NAME_BYTES_MAX], const char *command)
{
    char stem[NAME_BYTES_MAX] = "job";
    const char *word = command + strspn(command, " \t\r\n");
    size_t len = strcspn(word, " \t\r\n;|&<>()\"'$`");
    size_t n = 0;

    for (size_t i = len; i > 0; i--)
        if (word[i - 1] == '/') {
            word += i;
            len -= i;
            break;
        }
    for (size_t i = 0; i < len && n < 32; i++)
        if ((unsigned char)word[i] > ' ' && (unsigned char)word[i] < 0x7f)
            stem[n++] = word[i];
    if (n)
        stem[n] = '\0';
    name_make(out, stem);
}

static enum err_code env_copy(const struct job_create *in, struct job *j, struct err *e)
{
    j->command = strdup(in->command);
    j->env = calloc(in->env_count + 1, sizeof *j->env);
    if (!j->command || !j->env)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (; j->env_count < in->env_count; j->env_count++) {
        const struct env_entry *from = &in->env[j->env_count];
        struct env_entry *to = &j->env[j->env_count];

        text_copy(to->name, sizeof to->name, from->name);
        to->value = strdup(from->value ? from->value : "");
        if (!to->value)
            return err_set(e, ERR_INTERNAL, "out of memory");
    }
    return ERR_OK;
}

/* The launch that a job with an offer stands for. The deadline is only a safety net behind the
 * job's own limit. */
static void launch_of_job(struct service *sv, const struct job_create *in,
                          struct instance_create *out)
{
    const struct catalogue *c = catalogue_hold(sv);

    *out = (struct instance_create){.network = in->network};
    out->stop_after_seconds =
        in->time_limit_seconds + c->checkpoint_grace_seconds + c->stop_margin_seconds;
    catalogue_put(sv, c);
    text_copy(out->offer_id, sizeof out->offer_id, in->offer_id);
    text_copy(out->project_id, sizeof out->project_id, in->project_id);
    text_copy(out->name, sizeof out->name, in->name);
}

static enum err_code job_place_own(struct service *sv, struct tx *tx, const struct actor *by,
                                   const struct job_create *in, struct job *j, struct err *e)
{
    struct instance_create launch;
    struct launch_order order = {.in = &launch, .job_id = j->id};
    INSTANCE_OWN i = {0};
    enum err_code rc;

    launch_of_job(sv, in, &launch);
    rc = launch_instance(sv, tx, by, &order, &i, e);
    if (rc)
        return rc;
    j->owns_instance = true;
    text_copy(j->instance_id, sizeof j->instance_id, i.id);
    text_copy(j->project_id, sizeof j->project_id, i.project_id);
    return ERR_OK;
}

static enum err_code job_place_on(struct service *sv, struct tx *tx, const struct actor *by,
                                  const struct job_create *in, struct job *j, struct err *e)
{
    INSTANCE_OWN i = {0};
    enum err_code rc = instance_fetch(sv, tx, by, ACTION_JOB_SUBMIT, in->instance_id, &i, e);

    if (rc)
        return rc;
    if (i.job_id[0])
        return err_set(e, ERR_CONFLICT, "instance %s was made for another job", i.name);
    if (i.desired_state != INSTANCE_WANT_RUNNING || i.state == INSTANCE_FAILED)
        return err_set(e, ERR_CONFLICT, "instance %s is %s and takes no jobs", i.name,
                       instance_state_names[i.state]);
    text_copy(j->instance_id, sizeof j->instance_id, i.id);
    text_copy(j->project_id, sizeof j->project_id, i.project_id);
    return ERR_OK;
}

static enum err_code job_compose(struct service *sv, struct tx *tx, const struct actor *by,
                                 const struct job_create *in, struct job *j, struct err *e)
{
    enum err_code rc = env_copy(in, j, e);

    id_new(ID_JOB, sv->clock, j->id);
    j->created_at_ms = clock_now_ms(sv->clock);
    j->time_limit_seconds = in->time_limit_seconds;
    text_copy(j->organization_id, sizeof j->organization_id, by->organization_id);
    text_copy(j->created_by, sizeof j->created_by, by->member_id);
    if (in->name[0])
        text_copy(j->name, sizeof j->name, in->name);
    else
        job_name_make(j->name, in->command);
    if (rc)
        return rc;
    if (in->offer_id[0])
        return job_place_own(sv, tx, by, in, j, e);
    return job_place_on(sv, tx, by, in, j, e);
}

enum err_code job_submit(struct service *sv, struct tx *tx, const struct actor *by,
                         const struct job_create *in, struct job *out, struct err *e)
{
    JOB_OWN j = {
        .state = JOB_QUEUED, .state_reason = JOB_REASON_WAITING, .exit_code = -1, .version = 1};
    enum err_code rc = rule_check(by, ACTION_JOB_SUBMIT, e);

    if (!rc)
        rc = job_check(in, e);
    if (!rc)
        rc = job_compose(sv, tx, by, in, &j, e);
    if (!rc)
        rc = row_job_insert(tx, &j, e);
    if (!rc) {
        struct record r = {ACTION_JOB_SUBMIT, "job.state", j.organization_id,
                           j.project_id,      j.id,        job_state_names[j.state]};

        rc = record_write(sv, tx, by, &r, e, "job %s submitted", j.name);
    }
    if (rc)
        return rc;
    job_fill(by, &j);
    *out = j;
    j = (struct job){0};
    return ERR_OK;
}

/* On an instance that runs already, a job costs nothing more than the instance does. */
static enum err_code estimate_on(struct service *sv, struct tx *tx, const struct actor *by,
                                 const struct job_create *in, struct estimate *out, struct err *e)
{
    struct job j = {0};
    enum err_code rc = job_place_on(sv, tx, by, in, &j, e);
    struct estimate x = {.accepted = true};
    struct credit credit;
    INSTANCE_OWN i = {0};

    if (rc)
        return rc;
    rc = row_instance_get(tx, j.instance_id, &i, e);
    if (!rc)
        rc = credit_get(sv, tx, by, by->organization_id, &credit, e);
    if (rc)
        return rc;
    text_copy(x.offer_id, sizeof x.offer_id, i.offer_id);
    x.price_per_hour = x.price_per_day = x.cost_to_deadline = x.hold =
        money_of(0, i.price_per_hour.currency);
    x.available_before = x.available_after = credit.available;
    x.runway_before_at_ms = x.runway_after_at_ms = credit.runway_ends_at_ms;
    text_copy(x.rounding, sizeof x.rounding,
              "The instance is paid for already; a job on it costs nothing more.");
    *out = x;
    return ERR_OK;
}

enum err_code job_estimate(struct service *sv, struct tx *tx, const struct actor *by,
                           const struct job_create *in, struct estimate *out, struct err *e)
{
    struct instance_create launch;
    enum err_code rc = job_check(in, e);

    if (rc)
        return rc;
    if (in->instance_id[0])
        return estimate_on(sv, tx, by, in, out, e);
    launch_of_job(sv, in, &launch);
    return instance_estimate(sv, tx, by, &launch, out, e);
}

/* --- cancelling ---------------------------------------------------------------------- */

enum err_code job_cancel(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                         int64_t if_version, struct job *out, struct err *e)
{
    struct job_change c = {JOB_CANCELLING, JOB_REASON_BY_MEMBER, ACTION_JOB_CANCEL, ""};
    JOB_OWN j = {0};
    enum err_code rc = job_fetch(tx, by, ACTION_JOB_CANCEL, id, &j, e);

    if (rc)
        return rc;
    if (if_version && if_version != j.version)
        return err_set(e, ERR_PRECONDITION, "job %s has changed since", j.name);
    if (cancel_refusal(&j))
        return err_set(e, ERR_CONFLICT, "cannot cancel job %s: %s", j.name, cancel_refusal(&j));
    if (j.state == JOB_QUEUED)
        c.to = JOB_CANCELLED;
    rc = job_move(sv, tx, by, &j, &c, e);
    if (rc)
        return rc;
    job_fill(by, &j);
    *out = j;
    j = (struct job){0};
    return ERR_OK;
}
