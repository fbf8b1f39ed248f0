/* Jobs of the engine `sim`: of all that may end one, the first by the clock does. */
#include "api/engine/sim_internal.h"

#include <stdlib.h>

struct sim_job *sim_job_find(struct engine_sim *s, const char *id)
{
    for (struct sim_job *j = s->jobs; j; j = j->next)
        if (strcmp(j->id, id) == 0)
            return j;
    return NULL;
}

bool sim_job_add(struct engine_sim *s, struct sim_job *j, bool to_stderr, const void *bytes,
                 size_t len)
{
    struct sim_part *last = j->part_count ? &j->parts[j->part_count - 1] : NULL;
    struct sim_part *parts;
    int64_t room = j->log_bytes_max - (int64_t)j->output.len;

    if (!last || last->from_stderr != to_stderr) {
        parts = realloc(j->parts, (j->part_count + 1) * sizeof *parts);
        if (!parts)
            return false;
        j->parts = parts;
        j->parts[j->part_count++] =
            (struct sim_part){.from = (int64_t)j->output.len, .from_stderr = to_stderr};
    }
    strbuf_add(&j->output, bytes, (int64_t)len < room ? len : (size_t)room);
    if ((int64_t)len > room)
        j->quota_at_ms = sim_least(j->quota_at_ms, clock_now_ms(s->clock));
    return (int64_t)len <= room;
}

struct ending {
    int64_t at_ms;
    enum job_reason reason;
};

static void ending_take(struct ending *best, int64_t at_ms, enum job_reason reason)
{
    if (at_ms < best->at_ms)
        *best = (struct ending){at_ms, reason};
}

/* The first thing that ends it. One that TERM ends takes its time from then on. */
static struct ending job_ending(const struct sim_job *j, const struct sim_instance *in)
{
    int64_t runs_at_ms = sim_plus(j->asked_at_ms, j->plan.start_ms);
    int64_t term_ms = sim_least(j->plan.term_ms, j->grace_ms);
    struct ending best = {sim_plus(runs_at_ms, j->plan.lasts_ms),
                          j->plan.out_of_memory ? JOB_REASON_MEMORY
                          : j->plan.signal      ? JOB_REASON_SIGNAL
                                                : JOB_REASON_EXITED};

    if (j->limit_ms > 0)
        ending_take(&best, sim_plus(sim_plus(runs_at_ms, j->limit_ms), term_ms),
                    JOB_REASON_TIME_LIMIT);
    if ((int64_t)j->plan.output_len > j->log_bytes_max)
        ending_take(&best, sim_plus(runs_at_ms, term_ms), JOB_REASON_LOG_QUOTA);
    ending_take(&best, sim_plus(j->quota_at_ms, term_ms), JOB_REASON_LOG_QUOTA);
    ending_take(&best, sim_plus(j->cancelled_at_ms, term_ms), JOB_REASON_BY_MEMBER);
    ending_take(&best, j->lost_at_ms, JOB_REASON_LOST);
    if (in) {
        int64_t grace_ms = in->stopped_now ? 0 : sim_least(term_ms, in->grace_ms);

        ending_take(&best, sim_plus(in->stopped_at_ms, grace_ms), JOB_REASON_INSTANCE_ENDED);
        ending_take(&best, in->lost_at_ms, JOB_REASON_LOST);
    }
    return best;
}

static bool was_told(enum job_reason reason)
{
    return reason == JOB_REASON_TIME_LIMIT || reason == JOB_REASON_LOG_QUOTA ||
           reason == JOB_REASON_BY_MEMBER || reason == JOB_REASON_INSTANCE_ENDED;
}

/* It is over; so is an instance that was there for it. */
static void job_over(struct engine_sim *s, struct sim_job *j, const struct ending *end)
{
    struct sim_instance *in = sim_instance_find(s, j->instance_id);

    j->is_over = true;
    j->is_lost = end->reason == JOB_REASON_LOST;
    j->ended_at_ms = end->at_ms;
    j->reason = end->reason;
    if (j->ends_instance && in && in->stopped_at_ms == SIM_NEVER)
        in->stopped_at_ms = end->at_ms;
}

/* Bring it up to now. Its end, once reached, is written down and stays. */
static void job_settle(struct engine_sim *s, struct sim_job *j)
{
    int64_t now_ms = clock_now_ms(s->clock);
    struct ending end = job_ending(j, sim_instance_find(s, j->instance_id));
    bool killed;

    if (j->is_over || sim_plus(j->asked_at_ms, j->plan.start_ms) > sim_least(now_ms, end.at_ms))
        return;
    if (!j->part_count && j->plan.output_len)
        sim_job_add(s, j, j->plan.output_is_stderr, j->plan.output, j->plan.output_len);
    if (end.at_ms > now_ms)
        return;
    job_over(s, j, &end);
    killed = was_told(end.reason) && j->plan.term_ms > j->grace_ms;
    j->exit_code = -1;
    if (killed || end.reason == JOB_REASON_MEMORY)
        j->signal = 9;
    else if (end.reason == JOB_REASON_SIGNAL)
        j->signal = j->plan.signal;
    else if (!j->is_lost)
        j->exit_code = end.reason == JOB_REASON_EXITED ? j->plan.exit_code : j->plan.term_code;
}

/* Told to end before it runs, it never does. */
static void job_settle_early(struct engine_sim *s, struct sim_job *j)
{
    int64_t now_ms = clock_now_ms(s->clock);
    struct ending end = job_ending(j, sim_instance_find(s, j->instance_id));

    job_settle(s, j);
    if (j->is_over || end.at_ms > now_ms)
        return;
    job_over(s, j, &end);
    j->exit_code = -1;
}

enum engine_state sim_job_state(struct engine_sim *s, struct sim_job *j)
{
    int64_t now_ms = clock_now_ms(s->clock);
    const struct sim_instance *in = sim_instance_find(s, j->instance_id);

    job_settle_early(s, j);
    if (j->is_over)
        return j->is_lost ? ENGINE_FAILED : ENGINE_ENDED;
    if (j->cancelled_at_ms <= now_ms || (in && in->stopped_at_ms <= now_ms))
        return ENGINE_STOPPING;
    return sim_plus(j->asked_at_ms, j->plan.start_ms) <= now_ms ? ENGINE_READY : ENGINE_STARTING;
}

static void job_free(struct sim_job *j)
{
    strbuf_release(&j->output);
    free(j->parts);
    free(j);
}

void sim_jobs_settle(struct engine_sim *s, const char *instance_id)
{
    for (struct sim_job *j = s->jobs; j; j = j->next)
        if (strcmp(j->instance_id, instance_id) == 0)
            sim_job_state(s, j);
}

void sim_jobs_free(struct engine_sim *s)
{
    while (s->jobs) {
        struct sim_job *next = s->jobs->next;

        job_free(s->jobs);
        s->jobs = next;
    }
}

enum err_code sim_job_start(struct engine *en, const struct engine_job_start *w, struct err *e)
{
    SIM_LOCKED(s, en);
    const struct sim_instance *in = sim_instance_find(s, w->instance_id);
    enum engine_state state;
    struct sim_job *j;
    enum err_code rc = sim_enter(s, SIM_JOB_START, e);

    if (rc)
        return rc;
    j = sim_job_find(s, w->job_id);
    if (j)
        return strcmp(j->instance_id, w->instance_id) == 0
                   ? ERR_OK
                   : err_set(e, ERR_CONFLICT, "%s was started on %s", w->job_id, j->instance_id);
    state = in ? sim_instance_state(in, clock_now_ms(s->clock)) : ENGINE_ABSENT;
    if (state == ENGINE_ABSENT)
        return err_set(e, ERR_NOT_FOUND, "there is no instance %s here", w->instance_id);
    if (state != ENGINE_READY || !sim_instance_passed(s, in))
        return err_set(e, ERR_CONFLICT, "instance %s is not ready", w->instance_id);
    j = calloc(1, sizeof *j);
    if (!j)
        return err_set(e, ERR_ENGINE, "out of memory");
    text_copy(j->id, sizeof j->id, w->job_id);
    text_copy(j->instance_id, sizeof j->instance_id, w->instance_id);
    j->plan = s->job_plan;
    j->asked_at_ms = clock_now_ms(s->clock);
    j->limit_ms = w->time_limit_seconds * 1000;
    j->grace_ms = w->grace_seconds * 1000;
    j->ends_instance = w->ends_instance;
    j->log_bytes_max = w->log_bytes_max > 0 ? w->log_bytes_max : LOG_BYTES_MAX;
    j->cancelled_at_ms = j->lost_at_ms = j->quota_at_ms = SIM_NEVER;
    strbuf_init(&j->output, LOG_BYTES_MAX);
    j->next = s->jobs;
    s->jobs = j;
    return ERR_OK;
}

enum err_code sim_job_describe(struct engine *en, const char *job_id, struct engine_job *out,
                               struct err *e)
{
    SIM_LOCKED(s, en);
    struct sim_job *j;
    enum err_code rc = sim_enter(s, SIM_JOB_DESCRIBE, e);

    if (rc)
        return rc;
    j = sim_job_find(s, job_id);
    *out = (struct engine_job){.state = j ? sim_job_state(s, j) : ENGINE_ABSENT, .exit_code = -1};
    if (!j)
        return ERR_OK;
    out->log_bytes = (int64_t)j->output.len;
    if (sim_plus(j->asked_at_ms, j->plan.start_ms) <= clock_now_ms(s->clock))
        out->started_at_ms = sim_plus(j->asked_at_ms, j->plan.start_ms);
    if (!j->is_over)
        return ERR_OK;
    out->ended_at_ms = j->ended_at_ms;
    out->exit_code = j->exit_code;
    out->signal = j->signal;
    out->reason = j->reason;
    text_copy(out->detail, sizeof out->detail,
              j->is_lost ? "its supervisor is gone" : job_reason_names[j->reason]);
    return ERR_OK;
}

enum err_code sim_job_cancel(struct engine *en, const char *job_id, struct err *e)
{
    SIM_LOCKED(s, en);
    struct sim_job *j;
    enum err_code rc = sim_enter(s, SIM_JOB_CANCEL, e);

    if (rc)
        return rc;
    j = sim_job_find(s, job_id);
    if (j && !sim_is_over(sim_job_state(s, j)) && j->cancelled_at_ms == SIM_NEVER)
        j->cancelled_at_ms = clock_now_ms(s->clock);
    return ERR_OK;
}

/* The part an offset is in: its end and its stream. */
static int64_t part_end(const struct sim_job *j, int64_t offset, bool *from_stderr)
{
    int64_t end = (int64_t)j->output.len;

    *from_stderr = false;
    for (size_t i = 0; i < j->part_count; i++) {
        if (j->parts[i].from > offset)
            return j->parts[i].from;
        *from_stderr = j->parts[i].from_stderr;
    }
    return end;
}

enum err_code sim_job_output(struct engine *en, const char *job_id, int64_t offset, size_t len_max,
                             struct strbuf *out, struct engine_output *info, struct err *e)
{
    SIM_LOCKED(s, en);
    struct sim_job *j;
    bool over, from_stderr;
    int64_t end, len;
    enum err_code rc = sim_enter(s, SIM_JOB_OUTPUT, e);

    if (!rc && offset < 0)
        rc = err_set(e, ERR_INVALID, "an offset cannot be negative");
    if (rc)
        return rc;
    j = sim_job_find(s, job_id);
    if (!j)
        return err_set(e, ERR_NOT_FOUND, "there is no job %s here", job_id);
    over = sim_is_over(sim_job_state(s, j));
    end = part_end(j, offset, &from_stderr);
    len = offset < end ? sim_least(end - offset, (int64_t)len_max) : 0;
    len = sim_least(len, (int64_t)(out->len_max - out->len));
    if (len > 0)
        strbuf_add(out, j->output.data + offset, (size_t)len);
    *info = (struct engine_output){.offset = offset,
                                   .from_stderr = from_stderr,
                                   .ended = over && offset + len >= (int64_t)j->output.len};
    return ERR_OK;
}

int sim_job_watch(struct engine *en, const char *job_id)
{
    UNUSED(en);
    UNUSED(job_id);
    return -1;
}
