/* Jobs, running and finished: state with exit code, where they run, their log, cancel. */
#include "tui/view/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"
#include "tui/view/money.h"
#include "tui/view/rows.h"

#define REFRESH_MS 30000

/* --- cancel ----------------------------------------------------------------------------------- */

static void cancel_answered(void *ctx, const struct reply *r)
{
    struct job_act_state *s = ctx;

    s->call = 0;
    feed_heard(console_feed(s->view->console), r);
    if (r->rc) {
        console_say_error(s->view->console, s->doing, r);
        return;
    }
    console_say(s->view->console, STYLE_GOOD, "%s: asked for", s->doing);
    resource_touch(s->resource);
}

void job_act_yes(struct job_act_state *s)
{
    char path[96];

    if (s->call)
        return;
    snprintf(path, sizeof path, "/v1/jobs/%s/cancel", s->id);
    s->call =
        feed_send(console_feed(s->view->console), "POST", path, NULL, s->key, cancel_answered, s);
}

bool job_act(struct view *v, struct job_act_state *s, struct resource *r, const struct job *j,
             enum key_action a, void (*yes)(struct view *v))
{
    struct question q = {.yes = yes};
    const struct action *offered;

    if (a != ACT_CANCEL)
        return false;
    if (console_refuses(v->console))
        return true;
    if (!j || s->call) {
        console_say(v->console, STYLE_WARN, j ? "one thing at a time" : "nothing is selected");
        return true;
    }
    offered = action_find(j->actions, j->action_count, "cancel");
    if (!offered || !offered->available) {
        console_say(v->console, STYLE_WARN, "cannot cancel %s: %s", j->name,
                    offered ? offered->reason : "the server does not offer it");
        return true;
    }
    s->view = v;
    s->resource = r;
    text_copy(s->id, sizeof s->id, j->id);
    id_new(ID_REQUEST, console_clock(v->console), s->key);
    snprintf(s->doing, sizeof s->doing, "cancel %s", j->name);
    snprintf(q.title, sizeof q.title, "%s?", s->doing);
    snprintf(q.text, sizeof q.text,
             "It gets SIGTERM and time to write a checkpoint, then it is killed. What it has "
             "printed is kept.\n%s",
             j->owns_instance
                 ? "The instance that was made for it is deleted with it, and stops costing."
                 : "The instance it runs on goes on running, and costing.");
    console_ask(v->console, v, &q);
    return true;
}

void job_act_close(struct job_act_state *s)
{
    if (s->view)
        feed_cancel(console_feed(s->view->console), s->call);
    s->call = 0;
}

/* --- the list --------------------------------------------------------------------------------- */

struct jobs_state {
    struct list list;
    struct job_act_state act;
};

enum job_column {
    JOB_C_NAME,
    JOB_C_STATE,
    JOB_C_SUBMITTED,
    JOB_C_TIME,
    JOB_C_LOG,
    JOB_C_INSTANCE,
};

static const struct column columns[] = {
    [JOB_C_NAME] = {"NAME", 18, 36, 0, false},
    [JOB_C_STATE] = {"STATE", 18, 36, 0, false},
    [JOB_C_SUBMITTED] = {"SUBMITTED", 17, 17, 2, false},
    [JOB_C_TIME] = {"RAN", 7, 7, 1, true},
    [JOB_C_LOG] = {"LOG", 9, 9, 3, true},
    [JOB_C_INSTANCE] = {"INSTANCE", 12, 44, 4, false},
};

static int64_t job_seconds(const struct job *j, int64_t now_ms)
{
    int64_t end = j->ended_at_ms ? j->ended_at_ms : now_ms;

    return j->started_at_ms ? (end - j->started_at_ms) / 1000 : 0;
}

static void job_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct job *j = row;

    switch ((enum job_column)column) {
    case JOB_C_NAME:
        text_copy(out->text, sizeof out->text, j->name);
        break;
    case JOB_C_STATE:
        job_state_text(j, out->text, sizeof out->text);
        out->style = job_style(j->state);
        break;
    case JOB_C_SUBMITTED:
        when_format(j->created_at_ms, out->text);
        break;
    case JOB_C_TIME:
        if (j->started_at_ms)
            duration_format(job_seconds(j, now_ms), out->text);
        else
            text_copy(out->text, sizeof out->text, "-");
        break;
    case JOB_C_LOG:
        bytes_format(j->log_bytes, out->text);
        break;
    case JOB_C_INSTANCE:
        text_copy(out->text, sizeof out->text, j->instance_id);
        break;
    }
}

static int order_of(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int job_compare(const void *x, const void *y, int column)
{
    const struct job *a = x, *b = y;

    switch ((enum job_column)column) {
    case JOB_C_NAME:
        return strcmp(a->name, b->name);
    case JOB_C_STATE:
        return order_of(a->state, b->state);
    case JOB_C_SUBMITTED:
        return order_of(a->created_at_ms, b->created_at_ms);
    case JOB_C_TIME: /* those that still run count as longest */
        return order_of(job_seconds(a, INT64_MAX), job_seconds(b, INT64_MAX));
    case JOB_C_LOG:
        return order_of(a->log_bytes, b->log_bytes);
    case JOB_C_INSTANCE:
        return strcmp(a->instance_id, b->instance_id);
    }
    return 0;
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = job_cell,
    .empty = "no jobs yet: n submits one from a file",
};

static void jobs_open(struct view *v, const void *argument)
{
    struct jobs_state *s = v->state;

    UNUSED(argument);
    s->list = (struct list){.shape = &job_shape,
                            .path = "/v1/jobs",
                            .page_items = PAGE_ITEMS_DEFAULT,
                            .pages_wanted = 1,
                            .compare = job_compare};
    list_open(&s->list, console_feed(v->console), TOPIC_JOB, REFRESH_MS);
}

static void jobs_close(struct view *v)
{
    struct jobs_state *s = v->state;

    job_act_close(&s->act);
    list_close(&s->list);
}

static void jobs_show(struct view *v, bool shown)
{
    resource_show(&((struct jobs_state *)v->state)->list.resource, shown);
}

static void jobs_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    rows_draw(&((const struct jobs_state *)v->state)->list, &look, c, now_ms);
}

static void jobs_yes(struct view *v)
{
    job_act_yes(&((struct jobs_state *)v->state)->act);
}

static bool jobs_act(struct view *v, enum key_action a)
{
    struct jobs_state *s = v->state;
    const struct job *j = list_selected(&s->list);

    if (a == ACT_NEW) {
        if (!console_refuses(v->console))
            console_open(v->console, &view_submit, NULL);
        return true;
    }
    if (a == ACT_OPEN || a == ACT_LOG || a == ACT_DETAILS) {
        if (!j)
            console_say(v->console, STYLE_WARN, "nothing is selected");
        else if (a == ACT_DETAILS)
            console_open(v->console, &view_job, j->id);
        else
            console_open(v->console, &view_log, j);
        return true;
    }
    if (job_act(v, &s->act, &s->list.resource, j, a, jobs_yes))
        return true;
    return rows_act(v, &s->list, &look, a, v->rows - 1);
}

static const char *jobs_filter_text(const struct view *v)
{
    return ((const struct jobs_state *)v->state)->list.filter;
}

static void jobs_filter(struct view *v, const char *text)
{
    list_filter(&((struct jobs_state *)v->state)->list, text);
}

static void jobs_select(struct view *v, const char *id)
{
    list_want(&((struct jobs_state *)v->state)->list, id);
}

static void jobs_title(const struct view *v, struct strbuf *out)
{
    rows_title(&((const struct jobs_state *)v->state)->list, &look, out);
}

static bool jobs_ticks(const struct view *v)
{
    const struct jobs_state *s = v->state;

    for (size_t i = 0; i < s->list.count; i++)
        if (!job_is_over(((const struct job *)list_row(&s->list, i))->state))
            return true;
    return false;
}

const struct view_ops view_jobs = {
    .name = "jobs",
    .help = "Jobs: submit, follow, cancel",
    .state_size = sizeof(struct jobs_state),
    .open = jobs_open,
    .close = jobs_close,
    .show = jobs_show,
    .draw = jobs_draw,
    .act = jobs_act,
    .filter_text = jobs_filter_text,
    .filter = jobs_filter,
    .select = jobs_select,
    .title = jobs_title,
    .ticks = jobs_ticks,
};
