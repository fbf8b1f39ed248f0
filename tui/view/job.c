/* Everything about one job. */
#include "tui/view/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"
#include "tui/view/money.h"
#include "tui/view/rows.h"

#define REFRESH_MS 30000

struct job_view {
    char id[ID_MAX];
    struct resource resource;
    bool loaded;
    struct job job; /* owned */
    struct job_act_state act;
    int scroll;
};

static bool job_ask(struct resource *r, struct strbuf *path)
{
    strbuf_addf(path, "/v1/jobs/%s", CONTAINER_OF(r, struct job_view, resource)->id);
    return true;
}

static enum err_code job_take(struct resource *r, const struct reply *reply, struct err *e)
{
    struct job_view *s = CONTAINER_OF(r, struct job_view, resource);
    struct job fresh = {0};
    enum err_code rc = answer_decode(reply->body, reply->len, &job_shape, &fresh, e);

    if (rc)
        return rc;
    shape_release(&job_shape, &s->job);
    s->job = fresh;
    s->loaded = true;
    return ERR_OK;
}

static void job_open(struct view *v, const void *argument)
{
    struct job_view *s = v->state;

    text_copy(s->id, sizeof s->id, argument);
    s->resource = (struct resource){
        .ask = job_ask, .take = job_take, .topics = TOPIC_JOB, .refresh_ms = REFRESH_MS};
    feed_add(console_feed(v->console), &s->resource);
}

static void job_close(struct view *v)
{
    struct job_view *s = v->state;

    job_act_close(&s->act);
    feed_remove(&s->resource);
    shape_release(&job_shape, &s->job);
}

static void job_show(struct view *v, bool shown)
{
    resource_show(&((struct job_view *)v->state)->resource, shown);
}

static void time_lines(const struct job *j, struct pen *p, int64_t now_ms)
{
    char when[WHEN_TEXT_MAX], text[DURATION_TEXT_MAX];
    int64_t end = j->ended_at_ms ? j->ended_at_ms : now_ms;

    pen_value(p, STYLE_NORMAL, "submitted", "%s", when_format(j->created_at_ms, when));
    if (j->started_at_ms)
        pen_value(p, STYLE_NORMAL, "started", "%s", when_format(j->started_at_ms, when));
    if (j->ended_at_ms)
        pen_value(p, STYLE_NORMAL, "ended", "%s", when_format(j->ended_at_ms, when));
    if (j->started_at_ms)
        pen_value(p, STYLE_NORMAL, "ran", "%s",
                  duration_format((end - j->started_at_ms) / 1000, text));
    if (j->time_limit_seconds)
        pen_value(p, STYLE_NORMAL, "time limit", "%s",
                  duration_format(j->time_limit_seconds, text));
}

static void job_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct job_view *s = ctx;
    const struct job *j = &s->job;
    char note[512], state[96], size[WHEN_TEXT_MAX];
    enum style style = resource_note(&s->resource, s->loaded, now_ms, note, sizeof note);

    if (note[0])
        pen_text(p, style, note);
    if (!s->loaded)
        return;
    job_state_text(j, state, sizeof state);
    pen_title(p, j->name);
    pen_value(p, STYLE_DIM, "id", "%s", j->id);
    pen_value(p, job_style(j->state), "state", "%s", state);
    pen_value(p, STYLE_NORMAL, "why", "%s", j->state_detail);
    if (j->exit_code >= 0)
        pen_value(p, STYLE_NORMAL, "exit code", "%" PRId64, j->exit_code);
    if (j->signal)
        pen_value(p, STYLE_NORMAL, "signal", "%" PRId64, j->signal);
    pen_value(p, STYLE_NORMAL, "log", "%s (l shows it)", bytes_format(j->log_bytes, size));
    pen_value(p, STYLE_NORMAL, "instance", "%s%s", j->instance_id,
              j->owns_instance ? ", made for it and deleted with it" : "");
    pen_value(p, STYLE_NORMAL, "submitted by", "%s", j->created_by);
    pen_gap(p);
    time_lines(j, p, now_ms);
    pen_gap(p);
    for (size_t i = 0; i < j->env_count; i++)
        pen_value(p, STYLE_NORMAL, i == 0 ? "environment" : "", "%s=%s", j->env[i].name,
                  j->env[i].value ? j->env[i].value : "");
    pen_value(p, STYLE_NORMAL, "command", "%s", j->command ? j->command : "");
    for (size_t i = 0; i < j->action_count; i++)
        pen_value(p, j->actions[i].available ? STYLE_NORMAL : STYLE_DIM,
                  i == 0 ? "may be asked" : "", "%s: %s", j->actions[i].name,
                  j->actions[i].available ? "yes" : j->actions[i].reason);
}

static void job_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct job_view *s = v->state;

    details_draw(job_lines, s, c, s->scroll, now_ms);
}

static void job_yes(struct view *v)
{
    job_act_yes(&((struct job_view *)v->state)->act);
}

static bool job_view_act(struct view *v, enum key_action a)
{
    struct job_view *s = v->state;

    if (s->loaded && (a == ACT_LOG || a == ACT_OPEN)) {
        console_open(v->console, &view_log, &s->job);
        return true;
    }
    if (job_act(v, &s->act, &s->resource, s->loaded ? &s->job : NULL, a, job_yes))
        return true;
    return details_act(job_lines, s, v->rows, v->cols, &s->scroll,
                       clock_now_ms(console_clock(v->console)), a);
}

static bool job_ticks(const struct view *v)
{
    const struct job_view *s = v->state;

    return !s->loaded || !job_is_over(s->job.state);
}

static bool job_opens(const struct view *v)
{
    return ((const struct job_view *)v->state)->loaded;
}

const struct view_ops view_job = {
    .name = "job",
    .help = "One job",
    .state_size = sizeof(struct job_view),
    .open = job_open,
    .close = job_close,
    .show = job_show,
    .draw = job_draw,
    .act = job_view_act,
    .opens = job_opens,
    .ticks = job_ticks,
};
