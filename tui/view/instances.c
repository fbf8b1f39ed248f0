/* Rented machines: state with its reason, cost, and the acts on them, which ask first. */
#include "tui/view/instances.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"
#include "tui/view/act.h"
#include "tui/view/money.h"
#include "tui/view/rows.h"

#define REFRESH_MS 30000

/* --- acts ------------------------------------------------------------------------------------- */

static void act_answered(void *ctx, const struct reply *r)
{
    struct instance_act_state *s = ctx;

    s->call = 0;
    feed_heard(console_feed(s->view->console), r);
    if (r->rc) {
        console_say_error(s->view->console, s->doing, r);
        return;
    }
    console_say(s->view->console, STYLE_GOOD, "%s: asked for", s->doing);
    resource_touch(s->resource);
}

static void act_send(struct instance_act_state *s)
{
    struct feed *f = console_feed(s->view->console);
    char path[96], body[64];

    if (s->call)
        return;
    if (s->action == INSTANCE_DELETE) {
        snprintf(path, sizeof path, "/v1/instances/%s", s->id);
        s->call = feed_send(f, "DELETE", path, NULL, NULL, act_answered, s);
        return;
    }
    snprintf(path, sizeof path, "/v1/instances/%s/actions", s->id);
    snprintf(body, sizeof body, "{\"action\":\"%s\"}", instance_action_names[s->action]);
    s->call = feed_send(f, "POST", path, body, s->key, act_answered, s);
}

static void question_text(const struct instance *i, enum instance_action action, int64_t now_ms,
                          char *out, size_t size)
{
    char cost[MONEY_TEXT_MAX], price[MONEY_TEXT_MAX];

    money_grouped(instance_cost_now(i, now_ms), 4, cost);
    money_grouped(i->price_per_hour, 4, price);
    switch (action) {
    case INSTANCE_STOP:
        snprintf(out, size,
                 "What runs on it gets SIGTERM and time to write a checkpoint, then it is killed. "
                 "Billing by the hour (%s) ends when it has stopped, and what is set aside and "
                 "not used is released.\nCost so far: %s.",
                 price, cost);
        break;
    case INSTANCE_START:
        snprintf(out, size,
                 "It costs %s per hour from the moment its health check has passed; credit for "
                 "the next billing window is set aside now.\nCost so far: %s.",
                 price, cost);
        break;
    case INSTANCE_DELETE:
        snprintf(out, size,
                 "It is stopped, and everything on it is lost. Billing ends when it has stopped, "
                 "and what is set aside and not used is released.\nCost so far: %s.",
                 cost);
        break;
    case INSTANCE_CHECK:
    case INSTANCE_ACTION_COUNT:
        break;
    }
}

static bool action_of(enum key_action a, enum instance_action *out)
{
    if (a != ACT_STOP && a != ACT_START && a != ACT_DELETE)
        return false;
    *out = a == ACT_STOP ? INSTANCE_STOP : a == ACT_START ? INSTANCE_START : INSTANCE_DELETE;
    return true;
}

bool instances_act(struct view *v, struct instance_act_state *s, struct resource *r,
                   const struct instance *i, enum key_action a, void (*yes)(struct view *v))
{
    struct question q = {.yes = yes};
    const struct action *offered;
    enum instance_action action;

    if (!action_of(a, &action))
        return instance_check_act(v, i, a);
    if (console_refuses(v->console))
        return true;
    if (!i || s->call) {
        console_say(v->console, STYLE_WARN, i ? "one thing at a time" : "nothing is selected");
        return true;
    }
    offered = action_find(i->actions, i->action_count, instance_action_names[action]);
    if (!offered || !offered->available) {
        console_say(v->console, STYLE_WARN, "cannot %s %s: %s", instance_action_names[action],
                    i->name, offered ? offered->reason : "the server does not offer it");
        return true;
    }
    s->view = v;
    s->resource = r;
    s->action = action;
    text_copy(s->id, sizeof s->id, i->id);
    id_new(ID_REQUEST, console_clock(v->console), s->key);
    snprintf(s->doing, sizeof s->doing, "%s %s", instance_action_names[action], i->name);
    snprintf(q.title, sizeof q.title, "%s?", s->doing);
    question_text(i, action, clock_now_ms(console_clock(v->console)), q.text, sizeof q.text);
    console_ask(v->console, v, &q);
    return true;
}

void instance_act_yes(struct instance_act_state *s)
{
    act_send(s);
}

void instance_act_close(struct instance_act_state *s)
{
    if (s->view)
        feed_cancel(console_feed(s->view->console), s->call);
    s->call = 0;
}

/* --- the list --------------------------------------------------------------------------------- */

struct instances_state {
    struct list list;
    struct instance_act_state act;
};

enum instance_column {
    INSTANCE_C_NAME,
    INSTANCE_C_STATE,
    INSTANCE_C_OFFER,
    INSTANCE_C_PRICE,
    INSTANCE_C_COST,
    INSTANCE_C_SINCE,
    INSTANCE_C_DEADLINE,
    INSTANCE_C_GPUS,
    INSTANCE_C_ZONE,
};

static const struct column columns[] = {
    [INSTANCE_C_NAME] = {"NAME", 16, 30, 0, false},
    [INSTANCE_C_STATE] = {"STATE", 20, 36, 0, false},
    [INSTANCE_C_OFFER] = {"OFFER", 12, 28, 4, false},
    [INSTANCE_C_PRICE] = {"PRICE/H", 8, 8, 2, true},
    [INSTANCE_C_COST] = {"COST", 10, 10, 1, true},
    [INSTANCE_C_SINCE] = {"SINCE", 7, 7, 3, true},
    [INSTANCE_C_DEADLINE] = {"STOPS AT", 17, 17, 6, false},
    [INSTANCE_C_GPUS] = {"GPUS", 4, 4, 5, true},
    [INSTANCE_C_ZONE] = {"ZONE", 10, 14, 7, false},
};

static void instance_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct instance *i = row;

    switch ((enum instance_column)column) {
    case INSTANCE_C_NAME:
        text_copy(out->text, sizeof out->text, i->name);
        break;
    case INSTANCE_C_STATE:
        instance_state_text(i, out->text, sizeof out->text);
        out->style = instance_style(i->state);
        break;
    case INSTANCE_C_OFFER:
        text_copy(out->text, sizeof out->text, i->offer_id);
        break;
    case INSTANCE_C_PRICE:
        money_figure(i->price_per_hour, 3, out->text);
        break;
    case INSTANCE_C_COST:
        money_figure(instance_cost_now(i, now_ms), 4, out->text);
        break;
    case INSTANCE_C_SINCE:
        age_format(i->state_since_ms, now_ms, out->text);
        break;
    case INSTANCE_C_DEADLINE:
        when_format(instance_ends_at(i), out->text);
        break;
    case INSTANCE_C_GPUS:
        snprintf(out->text, sizeof out->text, "%" PRId64 "%s", i->gpu_count,
                 i->slot_count && i->slots[0].is_virtual ? "v" : "");
        break;
    case INSTANCE_C_ZONE:
        text_copy(out->text, sizeof out->text, i->zone);
        break;
    }
}

static int order_of(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int instance_compare(const void *x, const void *y, int column)
{
    const struct instance *a = x, *b = y;

    switch ((enum instance_column)column) {
    case INSTANCE_C_NAME:
        return strcmp(a->name, b->name);
    case INSTANCE_C_STATE:
        return order_of(a->state, b->state);
    case INSTANCE_C_OFFER:
        return strcmp(a->offer_id, b->offer_id);
    case INSTANCE_C_PRICE:
        return order_of(a->price_per_hour.micros, b->price_per_hour.micros);
    case INSTANCE_C_COST:
        return order_of(a->cost.micros, b->cost.micros);
    case INSTANCE_C_SINCE:
        return order_of(b->state_since_ms, a->state_since_ms);
    case INSTANCE_C_DEADLINE:
        return order_of(instance_ends_at(a), instance_ends_at(b));
    case INSTANCE_C_GPUS:
        return order_of(a->gpu_count, b->gpu_count);
    case INSTANCE_C_ZONE:
        return strcmp(a->zone, b->zone);
    }
    return 0;
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = instance_cell,
    .empty = "no instances yet: choose an offer (2) and press Enter to see what it would cost",
};

static void instances_open(struct view *v, const void *argument)
{
    struct instances_state *s = v->state;

    UNUSED(argument);
    s->list = (struct list){.shape = &instance_shape,
                            .path = "/v1/instances",
                            .page_items = PAGE_ITEMS_DEFAULT,
                            .pages_wanted = 1,
                            .compare = instance_compare};
    list_open(&s->list, console_feed(v->console), TOPIC_INSTANCE, REFRESH_MS);
}

static void instances_close(struct view *v)
{
    struct instances_state *s = v->state;

    instance_act_close(&s->act);
    list_close(&s->list);
}

static void instances_show(struct view *v, bool shown)
{
    resource_show(&((struct instances_state *)v->state)->list.resource, shown);
}

static void instances_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    rows_draw(&((const struct instances_state *)v->state)->list, &look, c, now_ms);
}

static void instances_yes(struct view *v)
{
    instance_act_yes(&((struct instances_state *)v->state)->act);
}

static bool instances_key(struct view *v, enum key_action a)
{
    struct instances_state *s = v->state;
    const struct instance *i = list_selected(&s->list);

    if (i && (a == ACT_OPEN || a == ACT_DETAILS)) {
        console_open(v->console, &view_instance, i->id);
        return true;
    }
    if (instances_act(v, &s->act, &s->list.resource, i, a, instances_yes))
        return true;
    return rows_act(v, &s->list, &look, a, v->rows - 1);
}

static const char *instances_filter_text(const struct view *v)
{
    return ((const struct instances_state *)v->state)->list.filter;
}

static void instances_filter(struct view *v, const char *text)
{
    list_filter(&((struct instances_state *)v->state)->list, text);
}

static void instances_select(struct view *v, const char *id)
{
    list_want(&((struct instances_state *)v->state)->list, id);
}

static void instances_title(const struct view *v, struct strbuf *out)
{
    rows_title(&((const struct instances_state *)v->state)->list, &look, out);
}

/* Costs and ages grow while anything is there. */
static bool instances_ticks(const struct view *v)
{
    return ((const struct instances_state *)v->state)->list.count > 0;
}

const struct view_ops view_instances = {
    .name = "instances",
    .help = "Rented machines: state, cost, stop and delete",
    .state_size = sizeof(struct instances_state),
    .open = instances_open,
    .close = instances_close,
    .show = instances_show,
    .draw = instances_draw,
    .act = instances_key,
    .filter_text = instances_filter_text,
    .filter = instances_filter,
    .select = instances_select,
    .title = instances_title,
    .ticks = instances_ticks,
};
