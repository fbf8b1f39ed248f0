/* Cases for support: what renters' own reports opened; staff close them with a note. */
#include "tui/view/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "model/case.h"
#include "tui/screen/text.h"
#include "tui/view/act.h"
#include "tui/view/money.h"

#define REFRESH_MS 30000

struct cases_state {
    struct list list;
};

enum case_column {
    CASE_C_STATE,
    CASE_C_OPENED,
    CASE_C_VERDICT,
    CASE_C_REPORTS,
    CASE_C_INSTANCE,
    CASE_C_SUMMARY,
};

static const struct column columns[] = {
    [CASE_C_STATE] = {"STATE", 6, 6, 0, false},
    [CASE_C_OPENED] = {"OPENED", 7, 7, 1, true},
    [CASE_C_VERDICT] = {"VERDICT", 12, 12, 2, false},
    [CASE_C_REPORTS] = {"REPORTS", 7, 7, 3, true},
    [CASE_C_INSTANCE] = {"INSTANCE", 12, 40, 4, false},
    [CASE_C_SUMMARY] = {"SUMMARY", 18, 80, 0, false},
};

static void case_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct support_case *k = row;

    switch ((enum case_column)column) {
    case CASE_C_STATE:
        text_copy(out->text, sizeof out->text, case_state_names[k->state]);
        out->style = k->state == CASE_OPEN ? STYLE_WARN : STYLE_DIM;
        break;
    case CASE_C_OPENED:
        age_format(k->opened_at_ms, now_ms, out->text);
        break;
    case CASE_C_VERDICT:
        text_copy(out->text, sizeof out->text, verdict_names[k->verdict]);
        out->style = verdict_style(k->verdict);
        break;
    case CASE_C_REPORTS:
        snprintf(out->text, sizeof out->text, "%" PRId64, k->report_count);
        break;
    case CASE_C_INSTANCE:
        text_copy(out->text, sizeof out->text, k->instance_id);
        break;
    case CASE_C_SUMMARY:
        text_copy(out->text, sizeof out->text, verdict_reason(k->summary, k->verdict));
        break;
    }
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = case_cell,
    .empty = "no cases: a report of your own that says an instance is not well opens one",
};

/* --- closing ---------------------------------------------------------------------------------- */

static void close_field(struct form *f)
{
    form_add(f, "note", "what was found or done", false);
}

static void close_lines(const struct form *f, struct pen *p)
{
    UNUSED(f);
    pen_text(p, STYLE_NORMAL,
             "The customer reads the note. Another bad report of the instance opens a new case.");
}

static enum err_code close_body(const struct form *f, struct strbuf *out, struct err *e)
{
    if (!f->fields[0].line.len)
        return err_set(e, ERR_INVALID, "say what was found or done");
    strbuf_adds(out, "{\"action\":\"close\",\"note\":");
    json_quote(out, f->fields[0].line.text);
    strbuf_addc(out, '}');
    return ERR_OK;
}

static const struct act_kind close_kind = {close_field, close_lines, close_body};

static bool case_close_open(struct view *v, const struct support_case *k, enum key_action a)
{
    struct act_request r = {.kind = &close_kind};

    if (a != ACT_CLOSE)
        return false;
    snprintf(r.path, sizeof r.path, "/v1/cases/%s/actions", k ? k->id : "");
    return act_ask(v, &r, "close", k ? k->id : NULL, k ? k->actions : NULL,
                   k ? k->action_count : 0);
}

/* --- the list --------------------------------------------------------------------------------- */

static void cases_open(struct view *v, const void *argument)
{
    struct cases_state *s = v->state;

    UNUSED(argument);
    s->list = (struct list){.shape = &support_case_shape,
                            .path = "/v1/cases",
                            .page_items = PAGE_ITEMS_DEFAULT,
                            .pages_wanted = 1};
    list_open(&s->list, console_feed(v->console), TOPIC_OTHER | TOPIC_REPORT, REFRESH_MS);
}

static void cases_close(struct view *v)
{
    list_close(&((struct cases_state *)v->state)->list);
}

static void cases_show(struct view *v, bool shown)
{
    resource_show(&((struct cases_state *)v->state)->list.resource, shown);
}

static void cases_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct cases_state *s = v->state;
    const struct support_case *k = list_selected(&s->list);
    struct canvas table = canvas_part(c, 0, 0, c->rows - 1, c->cols);

    rows_draw(&s->list, &look, &table, now_ms);
    if (k && k->note[0] && c->rows > 4)
        canvas_textf(c, c->rows - 1, 2, c->cols - 2, STYLE_DIM, "note: %s", k->note);
}

static bool cases_act(struct view *v, enum key_action a)
{
    struct cases_state *s = v->state;
    const struct support_case *k = list_selected(&s->list);

    if (a == ACT_OPEN && k) {
        console_open(v->console, &view_report, k->report_id);
        return true;
    }
    return case_close_open(v, k, a) || rows_act(v, &s->list, &look, a, v->rows - 2);
}

static bool cases_opens(const struct view *v)
{
    return list_selected(&((const struct cases_state *)v->state)->list) != NULL;
}

static const char *cases_filter_text(const struct view *v)
{
    return ((const struct cases_state *)v->state)->list.filter;
}

static void cases_filter(struct view *v, const char *text)
{
    list_filter(&((struct cases_state *)v->state)->list, text);
}

static void cases_title(const struct view *v, struct strbuf *out)
{
    rows_title(&((const struct cases_state *)v->state)->list, &look, out);
}

static bool cases_ticks(const struct view *v)
{
    return ((const struct cases_state *)v->state)->list.count > 0;
}

const struct view_ops view_cases = {
    .name = "cases",
    .help = "Cases for support; Enter opens the report",
    .state_size = sizeof(struct cases_state),
    .open = cases_open,
    .close = cases_close,
    .show = cases_show,
    .draw = cases_draw,
    .act = cases_act,
    .filter_text = cases_filter_text,
    .filter = cases_filter,
    .opens = cases_opens,
    .title = cases_title,
    .ticks = cases_ticks,
};
