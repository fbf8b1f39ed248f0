/* Reports of GPU checks, newest first. */
#include "tui/view/rows.h"

#include <string.h>

#include "core/text.h"
#include "model/report.h"
#include "tui/screen/text.h"
#include "tui/view/details.h"
#include "tui/view/money.h"

#define REFRESH_MS 60000

struct reports_state {
    struct list list;
};

enum report_column {
    REPORT_C_AGE,
    REPORT_C_VERDICT,
    REPORT_C_TIER,
    REPORT_C_ORIGIN,
    REPORT_C_HOST,
    REPORT_C_INSTANCE,
    REPORT_C_AT,
    REPORT_C_SUMMARY,
};

static const struct column columns[] = {
    [REPORT_C_AGE] = {"AGE", 7, 7, 1, true},
    [REPORT_C_VERDICT] = {"VERDICT", 12, 12, 0, false},
    [REPORT_C_TIER] = {"TIER", 5, 5, 3, false},
    [REPORT_C_ORIGIN] = {"BY", 6, 6, 4, false},
    [REPORT_C_HOST] = {"HOST", 12, 20, 2, false},
    [REPORT_C_INSTANCE] = {"INSTANCE", 12, 40, 5, false},
    [REPORT_C_AT] = {"AT", 17, 17, 6, false},
    [REPORT_C_SUMMARY] = {"SUMMARY", 18, 80, 0, false},
};

static void report_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct report *r = row;
    int64_t at_ms = r->received_at_ms ? r->received_at_ms : r->started_at_ms;

    switch ((enum report_column)column) {
    case REPORT_C_AGE:
        age_format(at_ms, now_ms, out->text);
        break;
    case REPORT_C_VERDICT:
        text_copy(out->text, sizeof out->text, verdict_names[r->verdict]);
        out->style = verdict_style(r->verdict);
        break;
    case REPORT_C_TIER:
        text_copy(out->text, sizeof out->text, tier_names[r->tier]);
        break;
    case REPORT_C_ORIGIN:
        text_copy(out->text, sizeof out->text, report_origin_names[r->origin]);
        break;
    case REPORT_C_HOST:
        text_copy(out->text, sizeof out->text, r->host);
        break;
    case REPORT_C_INSTANCE:
        text_copy(out->text, sizeof out->text, r->instance_id);
        break;
    case REPORT_C_AT:
        when_format(at_ms, out->text);
        break;
    case REPORT_C_SUMMARY:
        text_copy(out->text, sizeof out->text, verdict_reason(r->summary, r->verdict));
        break;
    }
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = report_cell,
    .empty = "no reports yet: c on an instance (3) asks for a check, hourglass check run posts one",
};

static void reports_open(struct view *v, const void *argument)
{
    struct reports_state *s = v->state;

    UNUSED(argument);
    s->list = (struct list){
        .shape = &report_shape, .path = "/v1/reports", .page_items = 20, .pages_wanted = 1};
    list_open(&s->list, console_feed(v->console), TOPIC_REPORT | TOPIC_INSTANCE, REFRESH_MS);
}

static void reports_close(struct view *v)
{
    list_close(&((struct reports_state *)v->state)->list);
}

static void reports_show(struct view *v, bool shown)
{
    resource_show(&((struct reports_state *)v->state)->list.resource, shown);
}

static void reports_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    rows_draw(&((const struct reports_state *)v->state)->list, &look, c, now_ms);
}

static bool reports_act(struct view *v, enum key_action a)
{
    struct reports_state *s = v->state;
    const struct report *r = list_selected(&s->list);

    if (r && (a == ACT_OPEN || a == ACT_DETAILS)) {
        console_open(v->console, &view_report, r->id);
        return true;
    }
    return rows_act(v, &s->list, &look, a, v->rows - 1);
}

static const char *reports_filter_text(const struct view *v)
{
    return ((const struct reports_state *)v->state)->list.filter;
}

static void reports_filter(struct view *v, const char *text)
{
    list_filter(&((struct reports_state *)v->state)->list, text);
}

static void reports_title(const struct view *v, struct strbuf *out)
{
    rows_title(&((const struct reports_state *)v->state)->list, &look, out);
}

/* Ages grow. */
static bool reports_ticks(const struct view *v)
{
    return ((const struct reports_state *)v->state)->list.count > 0;
}

const struct view_ops view_reports = {
    .name = "reports",
    .help = "What GPU checks found",
    .state_size = sizeof(struct reports_state),
    .open = reports_open,
    .close = reports_close,
    .show = reports_show,
    .draw = reports_draw,
    .act = reports_act,
    .filter_text = reports_filter_text,
    .filter = reports_filter,
    .title = reports_title,
    .ticks = reports_ticks,
};
