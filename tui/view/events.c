/* What happened, newest first, live. */
#include "tui/view/rows.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "model/instance.h"
#include "model/job.h"
#include "tui/screen/text.h"

#define REFRESH_MS 60000

struct events_state {
    struct list list;
};

enum event_column { EVENT_C_AT, EVENT_C_KIND, EVENT_C_SUMMARY, EVENT_C_OBJECT, EVENT_C_REQUEST };

static const struct column columns[] = {
    [EVENT_C_AT] = {"AT", 15, 15, 1, false},
    [EVENT_C_KIND] = {"KIND", 15, 18, 2, false},
    [EVENT_C_SUMMARY] = {"WHAT", 50, 120, 0, false},
    [EVENT_C_OBJECT] = {"OBJECT", 41, 41, 3, false},
    [EVENT_C_REQUEST] = {"REQUEST", 41, 41, 4, false},
};

static void event_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct event *ev = row;

    UNUSED(now_ms);
    switch ((enum event_column)column) {
    case EVENT_C_AT:
        moment_format(ev->at_ms, out->text);
        break;
    case EVENT_C_KIND:
        text_copy(out->text, sizeof out->text, ev->kind);
        out->style = STYLE_DIM;
        break;
    case EVENT_C_SUMMARY:
        text_copy(out->text, sizeof out->text, ev->summary);
        break;
    case EVENT_C_OBJECT:
        text_copy(out->text, sizeof out->text, ev->object_id);
        break;
    case EVENT_C_REQUEST:
        text_copy(out->text, sizeof out->text, ev->request_id);
        break;
    }
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = event_cell,
    .empty = "nothing happened yet",
};

static void events_open(struct view *v, const void *argument)
{
    struct events_state *s = v->state;

    UNUSED(argument);
    s->list = (struct list){.shape = &event_shape,
                            .path = "/v1/events",
                            .page_items = PAGE_ITEMS_DEFAULT,
                            .pages_wanted = 1,
                            .id_is_number = true};
    list_open(&s->list, console_feed(v->console), TOPIC_ALL, REFRESH_MS);
}

static void events_close(struct view *v)
{
    list_close(&((struct events_state *)v->state)->list);
}

static void events_show(struct view *v, bool shown)
{
    resource_show(&((struct events_state *)v->state)->list.resource, shown);
}

static void events_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    rows_draw(&((const struct events_state *)v->state)->list, &look, c, now_ms);
}

/* Enter goes to what the event is about. */
static bool events_act(struct view *v, enum key_action a)
{
    struct events_state *s = v->state;
    const struct event *ev = list_selected(&s->list);

    if (a == ACT_OPEN && ev) {
        if (strncmp(ev->object_id, "ins_", 4) == 0)
            console_open(v->console, &view_instance, ev->object_id);
        else if (strncmp(ev->object_id, "job_", 4) == 0)
            console_open(v->console, &view_job, ev->object_id);
        else if (strncmp(ev->object_id, "rep_", 4) == 0)
            console_open(v->console, &view_report, ev->object_id);
        return true;
    }
    return rows_act(v, &s->list, &look, a, v->rows - 1);
}

static const char *events_filter_text(const struct view *v)
{
    return ((const struct events_state *)v->state)->list.filter;
}

static void events_filter(struct view *v, const char *text)
{
    list_filter(&((struct events_state *)v->state)->list, text);
}

static void events_title(const struct view *v, struct strbuf *out)
{
    rows_title(&((const struct events_state *)v->state)->list, &look, out);
}

const struct view_ops view_events = {
    .name = "events",
    .help = "What happened, newest first, live",
    .state_size = sizeof(struct events_state),
    .open = events_open,
    .close = events_close,
    .show = events_show,
    .draw = events_draw,
    .act = events_act,
    .filter_text = events_filter_text,
    .filter = events_filter,
    .title = events_title,
};
