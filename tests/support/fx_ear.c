/* Listening to an engine, and dying at a chosen call. */
#include "tests/support/fx_ear.h"

#include <assert.h>
#include <string.h>

#include "core/strbuf.h"

struct truth *ear_truth(struct ear *ear, const char *id)
{
    for (size_t i = 0; i < ear->truth_count; i++)
        if (strcmp(ear->truths[i].id, id) == 0)
            return &ear->truths[i];
    return NULL;
}

void ear_follow(struct ear *ear, const char *id, int64_t rate_micros_per_hour)
{
    struct truth *t = &ear->truths[ear->truth_count++];

    assert(ear->truth_count <= EAR_TRUTHS_MAX);
    *t = (struct truth){.rate = rate_micros_per_hour};
    text_copy(t->id, sizeof t->id, id);
}

static int64_t cost_of(int64_t rate, int64_t ms)
{
    return ms > 0 ? (int64_t)((__int128)rate * (ms / 1000) / 3600) : 0;
}

static void hear(struct ear *ear, const char *id, const struct engine_instance *seen)
{
    struct truth *t = ear_truth(ear, id);

    if (!t)
        return;
    if (seen->state == ENGINE_READY && seen->gate_passed && !t->ready_at_ms) {
        t->ready_at_ms = seen->ready_at_ms;
        t->is_billed = false;
    }
    if (seen->state == ENGINE_ENDED && t->ready_at_ms) {
        if (t->is_billed)
            t->micros += cost_of(t->rate, seen->ended_at_ms - t->ready_at_ms);
        t->ready_at_ms = 0;
    }
    if ((seen->state == ENGINE_FAILED || seen->state == ENGINE_ABSENT) && t->ready_at_ms) {
        t->micros += cost_of(t->rate, clock_now_ms(ear->clock) - t->ready_at_ms);
        t->is_lost = true;
        t->ready_at_ms = 0;
    }
}

static enum err_code answer(struct ear *ear, enum err_code rc, struct err *e)
{
    if (ear->left < 0 || --ear->left > 0)
        return rc;
    return err_set(e, ERR_ENGINE, "killed before the answer was heard");
}

#define THROUGH(call)                                               \
    struct ear *ear = CONTAINER_OF(en, struct ear, base);           \
                                                                    \
    if (ear->left == 0)                                             \
        return err_set(e, ERR_ENGINE, "killed before it was said"); \
    en = ear->inner;                                                \
    return answer(ear, en->ops->call, e)

static enum err_code ear_capacity(struct engine *en, struct engine_capacity *out, struct err *e)
{
    THROUGH(capacity(en, out, e));
}

static enum err_code ear_provision(struct engine *en, const struct engine_provision *p,
                                   struct err *e)
{
    THROUGH(provision(en, p, e));
}

static enum err_code ear_describe(struct engine *en, const char *id, struct engine_instance *out,
                                  struct err *e)
{
    struct ear *ear = CONTAINER_OF(en, struct ear, base);
    enum err_code rc;

    if (ear->left == 0)
        return err_set(e, ERR_ENGINE, "killed before it was said");
    rc = ear->inner->ops->describe(ear->inner, id, out, e);
    if (!rc)
        hear(ear, id, out);
    return answer(ear, rc, e);
}

static enum err_code ear_stop(struct engine *en, const char *id, bool now, struct err *e)
{
    THROUGH(stop(en, id, now, e));
}

static enum err_code ear_remove(struct engine *en, const char *id, struct err *e)
{
    THROUGH(remove(en, id, e));
}

static enum err_code ear_job_start(struct engine *en, const struct engine_job_start *j,
                                   struct err *e)
{
    THROUGH(job_start(en, j, e));
}

static enum err_code ear_job_describe(struct engine *en, const char *id, struct engine_job *out,
                                      struct err *e)
{
    THROUGH(job_describe(en, id, out, e));
}

static enum err_code ear_job_cancel(struct engine *en, const char *id, struct err *e)
{
    THROUGH(job_cancel(en, id, e));
}

static enum err_code ear_check(struct engine *en, const struct engine_check *c, struct err *e)
{
    THROUGH(check(en, c, e));
}

static enum err_code ear_check_describe(struct engine *en, const char *id,
                                        struct engine_check_state *out, struct err *e)
{
    struct ear *ear = CONTAINER_OF(en, struct ear, base);
    enum err_code rc;

    if (ear->left == 0)
        return err_set(e, ERR_ENGINE, "killed before it was said");
    rc = ear->inner->ops->check_describe(ear->inner, id, out, e);
    if (!rc && answer(ear, rc, e)) {
        shape_release(&report_shape, &out->report);
        return ERR_ENGINE;
    }
    return rc;
}

static enum err_code ear_check_remove(struct engine *en, const char *id, struct err *e)
{
    THROUGH(check_remove(en, id, e));
}

static enum err_code ear_gate_report(struct engine *en, const char *id, struct report *out,
                                     struct err *e)
{
    struct ear *ear = CONTAINER_OF(en, struct ear, base);
    enum err_code rc;

    if (ear->left == 0)
        return err_set(e, ERR_ENGINE, "killed before it was said");
    rc = ear->inner->ops->gate_report(ear->inner, id, out, e);
    if (!rc && answer(ear, rc, e)) {
        shape_release(&report_shape, out);
        return ERR_ENGINE;
    }
    return rc;
}

static enum err_code ear_node_list(struct engine *en, struct engine_node **out, size_t *count,
                                   struct err *e)
{
    struct ear *ear = CONTAINER_OF(en, struct ear, base);
    enum err_code rc;

    if (ear->left == 0)
        return err_set(e, ERR_ENGINE, "killed before it was said");
    rc = ear->inner->ops->node_list(ear->inner, out, count, e);
    if (!rc && answer(ear, rc, e)) {
        free(*out);
        *out = NULL;
        return ERR_ENGINE;
    }
    return rc;
}

static enum err_code ear_node_drain(struct engine *en, const char *node, const char *reason,
                                    struct err *e)
{
    THROUGH(node_drain(en, node, reason, e));
}

static enum err_code ear_node_resume(struct engine *en, const char *node, struct err *e)
{
    THROUGH(node_resume(en, node, e));
}

static enum err_code ear_each(struct engine *en, bool (*fn)(const char *, bool, void *), void *ctx,
                              struct err *e)
{
    THROUGH(each(en, fn, ctx, e));
}

static const struct engine_ops ear_ops = {
    .name = "sim",
    .capacity = ear_capacity,
    .provision = ear_provision,
    .describe = ear_describe,
    .stop = ear_stop,
    .remove = ear_remove,
    .job_start = ear_job_start,
    .job_describe = ear_job_describe,
    .job_cancel = ear_job_cancel,
    .check = ear_check,
    .check_describe = ear_check_describe,
    .check_remove = ear_check_remove,
    .gate_report = ear_gate_report,
    .node_list = ear_node_list,
    .node_drain = ear_node_drain,
    .node_resume = ear_node_resume,
    .each = ear_each,
};

void ear_init(struct ear *ear, struct engine *inner, struct clock *clock)
{
    *ear = (struct ear){.base = {.ops = &ear_ops}, .inner = inner, .clock = clock, .left = -1};
}
