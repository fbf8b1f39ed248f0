/* Reports of GPU checks, and what one of them found. */
#include "tui/view/rows.h"

#include <inttypes.h>
#include <stdio.h>
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
    REPORT_C_AT,
    REPORT_C_VERDICT,
    REPORT_C_TIER,
    REPORT_C_ORIGIN,
    REPORT_C_HOST,
    REPORT_C_SUMMARY,
};

static const struct column columns[] = {
    [REPORT_C_AT] = {"AT", 17, 17, 1, false},
    [REPORT_C_VERDICT] = {"VERDICT", 12, 12, 0, false},
    [REPORT_C_TIER] = {"TIER", 5, 5, 3, false},
    [REPORT_C_ORIGIN] = {"BY", 6, 6, 4, false},
    [REPORT_C_HOST] = {"HOST", 12, 20, 2, false},
    [REPORT_C_SUMMARY] = {"SUMMARY", 20, 80, 0, false},
};

static enum style verdict_style(enum verdict v)
{
    return v == VERDICT_HEALTHY                              ? STYLE_GOOD
           : v == VERDICT_UNHEALTHY || v == VERDICT_DEGRADED ? STYLE_BAD
                                                             : STYLE_WARN;
}

static void report_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct report *r = row;

    UNUSED(now_ms);
    switch ((enum report_column)column) {
    case REPORT_C_AT:
        when_format(r->received_at_ms ? r->received_at_ms : r->started_at_ms, out->text);
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
    case REPORT_C_SUMMARY:
        text_copy(out->text, sizeof out->text, verdict_reason(r->summary, r->verdict));
        break;
    }
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = report_cell,
    .empty = "no reports yet: hourglass check run posts one",
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
        console_open(v->console, &view_report, r);
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
};

/* --- one report ------------------------------------------------------------------------------- */

struct report_state {
    struct report report; /* a copy; owned */
    int scroll;
};

/* A copy that owns its lists, made through its own description. */
static void report_open(struct view *v, const void *argument)
{
    struct report_state *s = v->state;
    json_t *tree = shape_to_json(&report_shape, argument);

    if (tree && shape_read(&report_shape, tree, &s->report, NULL))
        console_say(v->console, STYLE_BAD, "the report cannot be shown");
    json_decref(tree);
}

static void report_close(struct view *v)
{
    shape_release(&report_shape, &((struct report_state *)v->state)->report);
}

static enum style result_style(enum check_result r)
{
    return r == CHECK_PASS                       ? STYLE_GOOD
           : r == CHECK_FAIL || r == CHECK_ERROR ? STYLE_BAD
                                                 : STYLE_WARN;
}

static void finding_line(const struct finding *f, struct pen *p)
{
    char gpu[32] = "machine", value[96] = "";

    if (f->gpu_index >= 0)
        snprintf(gpu, sizeof gpu, "GPU %" PRId64, f->gpu_index);
    if (f->unit[0])
        snprintf(value, sizeof value, " %.6g %s (floor %.6g)", f->value, f->unit, f->floor);
    pen_value(p, result_style(f->result), f->check, "%s %s:%s %s%s%s",
              check_result_names[f->result], gpu, value, f->detail, f->action[0] ? " Do: " : "",
              f->action);
}

static void report_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct report *r = ctx;
    char when[WHEN_TEXT_MAX];

    UNUSED(now_ms);
    pen_title(p, verdict_reason(r->summary, r->verdict));
    pen_value(p, STYLE_DIM, "id", "%s", r->id);
    pen_value(p, verdict_style(r->verdict), "verdict", "%s", verdict_names[r->verdict]);
    pen_value(p, STYLE_NORMAL, "tier", "%s, by %s", tier_names[r->tier],
              report_origin_names[r->origin]);
    pen_value(p, STYLE_NORMAL, "host", "%s", r->host);
    pen_value(p, STYLE_NORMAL, "instance", "%s", r->instance_id);
    pen_value(p, STYLE_NORMAL, "driver", "%s", r->driver_version);
    pen_value(p, STYLE_NORMAL, "began", "%s", when_format(r->started_at_ms, when));
    pen_gap(p);
    for (size_t i = 0; i < r->gpu_count; i++)
        pen_value(p, STYLE_NORMAL, i == 0 ? "GPUs" : "", "%" PRId64 ": %s%s", r->gpus[i].index,
                  r->gpus[i].model,
                  r->gpus[i].is_virtual ? " (no physical GPU behind it)" : r->gpus[i].uuid);
    pen_gap(p);
    for (size_t i = 0; i < r->finding_count; i++)
        finding_line(&r->findings[i], p);
}

static void report_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct report_state *s = v->state;

    details_draw(report_lines, &s->report, c, s->scroll, now_ms);
}

static bool report_act(struct view *v, enum key_action a)
{
    struct report_state *s = v->state;

    return details_act(report_lines, &s->report, v->rows, v->cols, &s->scroll, 0, a);
}

const struct view_ops view_report = {
    .name = "report",
    .help = "One report",
    .state_size = sizeof(struct report_state),
    .open = report_open,
    .close = report_close,
    .draw = report_draw,
    .act = report_act,
};
