/* What can be rented, with price, stock, carbon and jurisdiction before anything is asked. */
#include "tui/view/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "model/catalogue.h"
#include "tui/screen/text.h"
#include "tui/view/details.h"

#define REFRESH_MS 60000

struct offers_state {
    struct list list;
};

enum offer_column {
    OFFER_NAME,
    OFFER_GPU,
    OFFER_PRICE,
    OFFER_STOCK,
    OFFER_CARBON,
    OFFER_COUNTRY,
    OFFER_JURISDICTION,
    OFFER_ZONE,
    OFFER_VCPU,
    OFFER_MEMORY,
    OFFER_OPERATOR,
};

static const struct column columns[] = {
    [OFFER_NAME] = {"OFFER", 14, 22, 0, false},
    [OFFER_GPU] = {"GPU", 16, 20, 1, false},
    [OFFER_PRICE] = {"PRICE/H", 9, 9, 0, true},
    [OFFER_STOCK] = {"STOCK", 6, 6, 0, true},
    [OFFER_CARBON] = {"CO2 G/H", 7, 7, 4, true},
    [OFFER_COUNTRY] = {"IN", 2, 2, 2, false},
    [OFFER_JURISDICTION] = {"LAW", 3, 3, 3, false},
    [OFFER_ZONE] = {"ZONE", 10, 16, 5, false},
    [OFFER_VCPU] = {"VCPU", 4, 4, 7, true},
    [OFFER_MEMORY] = {"RAM GIB", 7, 7, 6, true},
    [OFFER_OPERATOR] = {"OPERATOR", 12, 16, 8, false},
};

static void stock_cell(const struct offer *o, struct table_cell *out)
{
    switch (o->availability) {
    case AVAILABILITY_AVAILABLE:
        out->style = STYLE_GOOD;
        break;
    case AVAILABILITY_SCARCE:
        out->style = STYLE_WARN;
        break;
    case AVAILABILITY_SHORTAGE:
        text_copy(out->text, sizeof out->text, "none");
        out->style = STYLE_BAD;
        return;
    case AVAILABILITY_NOT_CONNECTED:
        text_copy(out->text, sizeof out->text, "-");
        out->style = STYLE_DIM;
        return;
    }
    snprintf(out->text, sizeof out->text, "%s%" PRId64,
             o->availability == AVAILABILITY_SCARCE ? "!" : "", o->stock);
}

static void gpu_text(const struct offer *o, char *out, size_t size)
{
    if (o->gpu_count == 0)
        snprintf(out, size, "no GPU");
    else
        snprintf(out, size, "%" PRId64 "x %s", o->gpu_count, o->gpu_model);
}

static void offer_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct offer *o = row;
    char figure[MONEY_TEXT_MAX];

    UNUSED(now_ms);
    switch ((enum offer_column)column) {
    case OFFER_NAME:
        text_copy(out->text, sizeof out->text, o->name);
        break;
    case OFFER_GPU:
        gpu_text(o, out->text, sizeof out->text);
        break;
    case OFFER_PRICE:
        snprintf(out->text, sizeof out->text, "%s%s", money_figure(o->price_per_hour, 3, figure),
                 o->price_is_example ? "*" : " ");
        break;
    case OFFER_STOCK:
        stock_cell(o, out);
        break;
    case OFFER_CARBON:
        text_copy(out->text, sizeof out->text, carbon_figure(o->carbon_g_per_hour, figure));
        break;
    case OFFER_COUNTRY:
        text_copy(out->text, sizeof out->text, o->country);
        break;
    case OFFER_JURISDICTION:
        text_copy(out->text, sizeof out->text, o->jurisdiction);
        out->style = strcmp(o->country, o->jurisdiction) == 0 ? STYLE_NORMAL : STYLE_WARN;
        break;
    case OFFER_ZONE:
        text_copy(out->text, sizeof out->text, o->zone);
        break;
    case OFFER_VCPU:
        snprintf(out->text, sizeof out->text, "%" PRId64, o->vcpu_count);
        break;
    case OFFER_MEMORY:
        snprintf(out->text, sizeof out->text, "%" PRId64, o->memory_gib);
        break;
    case OFFER_OPERATOR:
        text_copy(out->text, sizeof out->text, o->cloud_operator);
        break;
    }
}

static int order_of(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int order_of_gpu(const struct offer *a, const struct offer *b)
{
    int c = strcmp(a->gpu_model, b->gpu_model);

    return c ? c : order_of(a->gpu_count, b->gpu_count);
}

static int offer_compare(const void *x, const void *y, int column)
{
    const struct offer *a = x, *b = y;

    switch ((enum offer_column)column) {
    case OFFER_NAME:
        return strcmp(a->name, b->name);
    case OFFER_GPU:
        return order_of_gpu(a, b);
    case OFFER_PRICE:
        return order_of(a->price_per_hour.micros, b->price_per_hour.micros);
    case OFFER_STOCK:
        return order_of(a->stock, b->stock);
    case OFFER_CARBON:
        return a->carbon_g_per_hour < b->carbon_g_per_hour
                   ? -1
                   : a->carbon_g_per_hour > b->carbon_g_per_hour;
    case OFFER_COUNTRY:
        return strcmp(a->country, b->country);
    case OFFER_JURISDICTION:
        return strcmp(a->jurisdiction, b->jurisdiction);
    case OFFER_ZONE:
        return strcmp(a->zone, b->zone);
    case OFFER_VCPU:
        return order_of(a->vcpu_count, b->vcpu_count);
    case OFFER_MEMORY:
        return order_of(a->memory_gib, b->memory_gib);
    case OFFER_OPERATOR:
        return strcmp(a->cloud_operator, b->cloud_operator);
    }
    return 0;
}

static const struct rows_look look = {
    .columns = columns,
    .column_count = ARRAY_SIZE(columns),
    .cell = offer_cell,
    .empty = "the catalogue has no offers",
};

static void offers_open(struct view *v, const void *argument)
{
    struct offers_state *s = v->state;

    UNUSED(argument);
    s->list = (struct list){.shape = &offer_shape, .path = "/v1/offers", .compare = offer_compare};
    list_open(&s->list, console_feed(v->console), TOPIC_OFFER, REFRESH_MS);
}

static void offers_close(struct view *v)
{
    list_close(&((struct offers_state *)v->state)->list);
}

static void offers_show(struct view *v, bool shown)
{
    resource_show(&((struct offers_state *)v->state)->list.resource, shown);
}

static void offers_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct offers_state *s = v->state;
    const struct offer *o = list_selected(&s->list);
    struct canvas table = canvas_part(c, 0, 0, c->rows - 1, c->cols);

    rows_draw(&s->list, &look, &table, now_ms);
    if (o && c->rows > 4)
        canvas_textf(c, c->rows - 1, 2, c->cols - 2, STYLE_DIM, "%s without VAT%s%s",
                     o->price_per_hour.currency, o->price_is_example ? "; * an example price" : "",
                     o->availability == AVAILABILITY_NOT_CONNECTED
                         ? "; shown only: not connected here"
                         : "; Enter shows what it would cost");
}

static bool offers_act(struct view *v, enum key_action a)
{
    struct offers_state *s = v->state;
    const struct offer *o = list_selected(&s->list);

    if (o && (a == ACT_OPEN || a == ACT_DETAILS)) {
        console_open(v->console, a == ACT_OPEN ? &view_launch : &view_offer, o);
        return true;
    }
    return rows_act(v, &s->list, &look, a, v->rows - 2);
}

static const char *offers_filter_text(const struct view *v)
{
    return ((const struct offers_state *)v->state)->list.filter;
}

static void offers_filter(struct view *v, const char *text)
{
    list_filter(&((struct offers_state *)v->state)->list, text);
}

static void offers_title(const struct view *v, struct strbuf *out)
{
    rows_title(&((const struct offers_state *)v->state)->list, &look, out);
}

const struct view_ops view_offers = {
    .name = "offers",
    .help = "What can be rented, with price, stock, carbon and jurisdiction",
    .state_size = sizeof(struct offers_state),
    .open = offers_open,
    .close = offers_close,
    .show = offers_show,
    .draw = offers_draw,
    .act = offers_act,
    .filter_text = offers_filter_text,
    .filter = offers_filter,
    .title = offers_title,
};

/* --- one offer -------------------------------------------------------------------------------- */

struct offer_state {
    struct offer offer;
    int scroll;
};

static void offer_open(struct view *v, const void *argument)
{
    ((struct offer_state *)v->state)->offer = *(const struct offer *)argument;
}

static void offer_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct offer *o = ctx;
    char money[MONEY_TEXT_MAX], gpu[64], carbon[CARBON_TEXT_MAX];

    UNUSED(now_ms);
    gpu_text(o, gpu, sizeof gpu);
    pen_title(p, o->id);
    pen_value(p, STYLE_STRONG, "price per hour", "%s%s", money_grouped(o->price_per_hour, 6, money),
              o->price_is_example ? " (an example, not a public price)" : " (without VAT)");
    pen_value(p, STYLE_NORMAL, "source", "%s", o->price_source);
    pen_value(p, STYLE_NORMAL, "GPU", "%s", gpu);
    pen_value(p, STYLE_NORMAL, "machine",
              "%" PRId64 " vCPU, %" PRId64 " GiB memory, %" PRId64 " GiB scratch", o->vcpu_count,
              o->memory_gib, o->scratch_gib);
    pen_value(p, STYLE_NORMAL, "stock", "%" PRId64 " (%s)", o->stock,
              availability_names[o->availability]);
    pen_gap(p);
    pen_value(p, STYLE_NORMAL, "zone", "%s", o->zone);
    pen_value(p, STYLE_NORMAL, "operator", "%s", o->cloud_operator);
    pen_value(p, STYLE_NORMAL, "location", "%s", o->country);
    pen_value(p, STYLE_NORMAL, "jurisdiction", "%s%s", o->jurisdiction,
              strcmp(o->country, o->jurisdiction) ? " (the law that binds the operator's parent)"
                                                  : "");
    pen_value(p, STYLE_NORMAL, "carbon", "%s gCO2e per hour at full load",
              carbon_figure(o->carbon_g_per_hour, carbon));
}

static void offer_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct offer_state *s = v->state;

    details_draw(offer_lines, &s->offer, c, s->scroll, now_ms);
}

static bool offer_act(struct view *v, enum key_action a)
{
    struct offer_state *s = v->state;

    if (a == ACT_OPEN) {
        console_open(v->console, &view_launch, &s->offer);
        return true;
    }
    return details_act(offer_lines, &s->offer, v->rows, v->cols, &s->scroll, 0, a);
}

static bool offer_opens(const struct view *v)
{
    UNUSED(v);
    return true;
}

const struct view_ops view_offer = {
    .name = "offer",
    .help = "One offer",
    .state_size = sizeof(struct offer_state),
    .open = offer_open,
    .draw = offer_draw,
    .act = offer_act,
    .opens = offer_opens,
};
