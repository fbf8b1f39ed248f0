/* Nodes, for staff: what takes new instances, what our checks say of it, drain and resume. */
#include "tui/view/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "model/node.h"
#include "tui/screen/text.h"
#include "tui/view/act.h"
#include "tui/view/money.h"

#define REFRESH_MS 30000

struct nodes_state {
    struct list list;
};

enum node_column {
    NODE_C_NAME,
    NODE_C_STATE,
    NODE_C_SINCE,
    NODE_C_VERDICT,
    NODE_C_CHECKED,
    NODE_C_GPUS,
    NODE_C_INSTANCES,
    NODE_C_ZONE,
    NODE_C_REASON,
};

static const struct column columns[] = {
    [NODE_C_NAME] = {"NAME", 14, 30, 0, false},
    [NODE_C_STATE] = {"STATE", 8, 8, 0, false},
    [NODE_C_SINCE] = {"SINCE", 7, 7, 4, true},
    [NODE_C_VERDICT] = {"VERDICT", 12, 12, 1, false},
    [NODE_C_CHECKED] = {"CHECKED", 7, 7, 3, true},
    [NODE_C_GPUS] = {"GPUS", 4, 4, 5, true},
    [NODE_C_INSTANCES] = {"INSTANCES", 9, 9, 2, true},
    [NODE_C_ZONE] = {"ZONE", 10, 14, 6, false},
    [NODE_C_REASON] = {"REASON", 20, 80, 7, false},
};

static enum style node_style(enum node_state state)
{
    return state == NODE_READY ? STYLE_GOOD : state == NODE_DRAINING ? STYLE_WARN : STYLE_DIM;
}

static void node_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct node *n = row;

    switch ((enum node_column)column) {
    case NODE_C_NAME:
        text_copy(out->text, sizeof out->text, n->name);
        break;
    case NODE_C_STATE:
        text_copy(out->text, sizeof out->text, node_state_names[n->state]);
        out->style = node_style(n->state);
        break;
    case NODE_C_SINCE:
        age_format(n->since_ms, now_ms, out->text);
        break;
    case NODE_C_VERDICT:
        text_copy(out->text, sizeof out->text,
                  n->check_id[0] ? "under way" : verdict_names[n->verdict]);
        out->style = verdict_style(n->verdict);
        break;
    case NODE_C_CHECKED:
        age_format(n->checked_at_ms, now_ms, out->text);
        break;
    case NODE_C_GPUS:
        snprintf(out->text, sizeof out->text, "%" PRId64 "%s", n->gpu_count,
                 n->is_virtual ? "v" : "");
        break;
    case NODE_C_INSTANCES:
        snprintf(out->text, sizeof out->text, "%" PRId64, n->instance_count);
        break;
    case NODE_C_ZONE:
        text_copy(out->text, sizeof out->text, n->zone);
        break;
    case NODE_C_REASON:
        text_copy(out->text, sizeof out->text, n->reason);
        break;
    }
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = node_cell,
    .empty = "no nodes: no engine has told of one",
};

/* --- acts ------------------------------------------------------------------------------------- */

static void reason_field(struct form *f)
{
    form_add(f, "reason", "for other staff, as a sentence", false);
}

static void drain_lines(const struct form *f, struct pen *p)
{
    UNUSED(f);
    pen_text(p, STYLE_NORMAL,
             "It takes no new instance. What runs there goes on and is billed on; when nothing is "
             "left on it, it is drained.");
}

static void resume_lines(const struct form *f, struct pen *p)
{
    UNUSED(f);
    pen_text(p, STYLE_NORMAL, "It takes new instances again, whatever was found there.");
}

static void reason_add(const struct form *f, struct strbuf *out)
{
    if (f->fields[0].line.len) {
        strbuf_adds(out, ",\"reason\":");
        json_quote(out, f->fields[0].line.text);
    }
    strbuf_addc(out, '}');
}

static enum err_code drain_body(const struct form *f, struct strbuf *out, struct err *e)
{
    if (!f->fields[0].line.len)
        return err_set(e, ERR_INVALID, "say why, for whoever finds it drained");
    strbuf_adds(out, "{\"action\":\"drain\"");
    reason_add(f, out);
    return ERR_OK;
}

static enum err_code resume_body(const struct form *f, struct strbuf *out, struct err *e)
{
    UNUSED(e);
    strbuf_adds(out, "{\"action\":\"resume\"");
    reason_add(f, out);
    return ERR_OK;
}

static const struct act_kind drain_kind = {reason_field, drain_lines, drain_body};
static const struct act_kind resume_kind = {reason_field, resume_lines, resume_body};

static bool node_act_open(struct view *v, const struct node *n, enum key_action a)
{
    struct act_request r = {.kind = a == ACT_DRAIN ? &drain_kind : &resume_kind};

    if (a != ACT_DRAIN && a != ACT_RESUME)
        return false;
    snprintf(r.path, sizeof r.path, "/v1/nodes/%s/actions", n ? n->id : "");
    return act_ask(v, &r, a == ACT_DRAIN ? "drain" : "resume", n ? n->name : NULL,
                   n ? n->actions : NULL, n ? n->action_count : 0);
}

/* --- the list --------------------------------------------------------------------------------- */

static void nodes_open(struct view *v, const void *argument)
{
    struct nodes_state *s = v->state;

    UNUSED(argument);
    s->list = (struct list){.shape = &node_shape,
                            .path = "/v1/nodes",
                            .page_items = PAGE_ITEMS_DEFAULT,
                            .pages_wanted = 1};
    list_open(&s->list, console_feed(v->console), TOPIC_OTHER | TOPIC_INSTANCE, REFRESH_MS);
}

static void nodes_close(struct view *v)
{
    list_close(&((struct nodes_state *)v->state)->list);
}

static void nodes_show(struct view *v, bool shown)
{
    resource_show(&((struct nodes_state *)v->state)->list.resource, shown);
}

static void nodes_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct nodes_state *s = v->state;
    const struct node *n = list_selected(&s->list);
    struct canvas table = canvas_part(c, 0, 0, c->rows - 1, c->cols);

    rows_draw(&s->list, &look, &table, now_ms);
    if (n && n->reason[0] && c->rows > 4)
        canvas_textf(c, c->rows - 1, 2, c->cols - 2, STYLE_DIM, "why: %s", n->reason);
}

static bool nodes_act(struct view *v, enum key_action a)
{
    struct nodes_state *s = v->state;
    const struct node *n = list_selected(&s->list);

    if (a == ACT_OPEN) {
        if (n && n->report_id[0])
            console_open(v->console, &view_report, n->report_id);
        else
            console_say(v->console, STYLE_WARN, "no check of ours has reported on it yet");
        return true;
    }
    return node_act_open(v, n, a) || rows_act(v, &s->list, &look, a, v->rows - 2);
}

static bool nodes_opens(const struct view *v)
{
    const struct node *n = list_selected(&((const struct nodes_state *)v->state)->list);

    return n && n->report_id[0];
}

static const char *nodes_filter_text(const struct view *v)
{
    return ((const struct nodes_state *)v->state)->list.filter;
}

static void nodes_filter(struct view *v, const char *text)
{
    list_filter(&((struct nodes_state *)v->state)->list, text);
}

static void nodes_title(const struct view *v, struct strbuf *out)
{
    rows_title(&((const struct nodes_state *)v->state)->list, &look, out);
}

static bool nodes_ticks(const struct view *v)
{
    return ((const struct nodes_state *)v->state)->list.count > 0;
}

const struct view_ops view_nodes = {
    .name = "nodes",
    .help = "Nodes (staff): drain and resume; Enter opens the last report",
    .state_size = sizeof(struct nodes_state),
    .open = nodes_open,
    .close = nodes_close,
    .show = nodes_show,
    .draw = nodes_draw,
    .act = nodes_act,
    .filter_text = nodes_filter_text,
    .filter = nodes_filter,
    .opens = nodes_opens,
    .title = nodes_title,
    .ticks = nodes_ticks,
};
