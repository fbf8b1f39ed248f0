/* Credit: the balance, and below it grants, holds or entries, on three tabs. */
#include "tui/view/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"

#define REFRESH_MS   30000
#define BALANCE_ROWS 3
#define ROWS_SMALL   10 /* fewer rows: what is left, the tabs and the table */
#define NARROW_COLS  70 /* fewer columns: the shorter sentences */

enum credit_tab { TAB_GRANTS, TAB_HOLDS, TAB_ENTRIES, TAB_COUNT };

struct credit_state {
    struct list lists[TAB_COUNT];
    int tab;
    bool shown;
};

/* --- grants ----------------------------------------------------------------------------------- */

enum grant_column {
    GRANT_C_KIND,
    GRANT_C_NOTE,
    GRANT_C_AMOUNT,
    GRANT_C_AVAILABLE,
    GRANT_C_HELD,
    GRANT_C_CONSUMED,
    GRANT_C_EXPIRES,
    GRANT_C_PRIORITY,
};

static const struct column grant_columns[] = {
    [GRANT_C_KIND] = {"KIND", 11, 11, 0, false},
    [GRANT_C_NOTE] = {"FOR", 10, 40, 5, false},
    [GRANT_C_AMOUNT] = {"GRANTED", 10, 12, 2, true},
    [GRANT_C_AVAILABLE] = {"FREE", 10, 12, 0, true},
    [GRANT_C_HELD] = {"HELD", 9, 10, 3, true},
    [GRANT_C_CONSUMED] = {"USED", 9, 10, 4, true},
    [GRANT_C_EXPIRES] = {"EXPIRES", 10, 10, 1, false},
    [GRANT_C_PRIORITY] = {"PRIO", 4, 4, 6, true},
};

static void grant_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct grant *g = row;

    switch ((enum grant_column)column) {
    case GRANT_C_KIND:
        text_copy(out->text, sizeof out->text, grant_kind_names[g->kind]);
        break;
    case GRANT_C_NOTE:
        text_copy(out->text, sizeof out->text, g->note);
        break;
    case GRANT_C_AMOUNT:
        money_figure(g->amount, 2, out->text);
        break;
    case GRANT_C_AVAILABLE:
        money_figure(g->available, 2, out->text);
        out->style = STYLE_STRONG;
        break;
    case GRANT_C_HELD:
        money_figure(g->held, 2, out->text);
        break;
    case GRANT_C_CONSUMED:
        money_figure(g->consumed, 2, out->text);
        break;
    case GRANT_C_EXPIRES:
        if (g->expires_at_ms == 0)
            text_copy(out->text, sizeof out->text, "never");
        else
            date_format(g->expires_at_ms, out->text);
        if (g->expires_at_ms && g->expires_at_ms <= now_ms)
            out->style = STYLE_DIM;
        break;
    case GRANT_C_PRIORITY:
        snprintf(out->text, sizeof out->text, "%" PRId64, g->priority);
        break;
    }
}

/* --- holds ------------------------------------------------------------------------------------ */

enum hold_column {
    HOLD_C_STATE,
    HOLD_C_AMOUNT,
    HOLD_C_CAPTURED,
    HOLD_C_WINDOW,
    HOLD_C_INSTANCE,
    HOLD_C_ID
};

static const struct column hold_columns[] = {
    [HOLD_C_STATE] = {"STATE", 6, 6, 0, false},
    [HOLD_C_AMOUNT] = {"HELD", 11, 12, 0, true},
    [HOLD_C_CAPTURED] = {"CAPTURED", 11, 12, 1, true},
    [HOLD_C_WINDOW] = {"WINDOW FROM", 17, 17, 2, false},
    [HOLD_C_INSTANCE] = {"INSTANCE", 20, 41, 3, false},
    [HOLD_C_ID] = {"HOLD", 20, 41, 4, false},
};

static void hold_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct hold *h = row;

    UNUSED(now_ms);
    switch ((enum hold_column)column) {
    case HOLD_C_STATE:
        text_copy(out->text, sizeof out->text, hold_state_names[h->state]);
        out->style = h->state == HOLD_OPEN ? STYLE_WARN : STYLE_DIM;
        break;
    case HOLD_C_AMOUNT:
        money_figure(h->amount, 6, out->text);
        break;
    case HOLD_C_CAPTURED:
        money_figure(h->captured, 6, out->text);
        break;
    case HOLD_C_WINDOW:
        when_format(h->window_from_ms, out->text);
        break;
    case HOLD_C_INSTANCE:
        text_copy(out->text, sizeof out->text, h->instance_id);
        break;
    case HOLD_C_ID:
        text_copy(out->text, sizeof out->text, h->id);
        break;
    }
}

/* --- entries ---------------------------------------------------------------------------------- */

enum entry_column {
    ENTRY_C_AT,
    ENTRY_C_KIND,
    ENTRY_C_ACCOUNT,
    ENTRY_C_AMOUNT,
    ENTRY_C_DETAIL,
    ENTRY_C_TRANSACTION
};

static const struct column entry_columns[] = {
    [ENTRY_C_AT] = {"AT", 17, 17, 1, false},
    [ENTRY_C_KIND] = {"KIND", 10, 10, 0, false},
    [ENTRY_C_ACCOUNT] = {"ACCOUNT", 13, 13, 2, false},
    [ENTRY_C_AMOUNT] = {"AMOUNT", 13, 14, 0, true},
    [ENTRY_C_DETAIL] = {"DETAIL", 12, 60, 3, false},
    [ENTRY_C_TRANSACTION] = {"TRANSACTION", 20, 41, 4, false},
};

static void entry_cell(const void *row, size_t column, int64_t now_ms, struct table_cell *out)
{
    const struct entry *en = row;

    UNUSED(now_ms);
    switch ((enum entry_column)column) {
    case ENTRY_C_AT:
        when_format(en->at_ms, out->text);
        break;
    case ENTRY_C_KIND:
        text_copy(out->text, sizeof out->text, entry_kind_names[en->kind]);
        break;
    case ENTRY_C_ACCOUNT:
        text_copy(out->text, sizeof out->text, account_names[en->account]);
        break;
    case ENTRY_C_AMOUNT:
        money_figure(en->amount, 6, out->text);
        break;
    case ENTRY_C_DETAIL:
        text_copy(out->text, sizeof out->text, en->detail);
        break;
    case ENTRY_C_TRANSACTION:
        text_copy(out->text, sizeof out->text, en->transaction_id);
        break;
    }
}

static const struct {
    const char *name, *path;
    const struct shape *shape;
    struct rows_look look;
} tabs[TAB_COUNT] = {
    [TAB_GRANTS] = {"grants",
                    "/v1/credit/grants",
                    &grant_shape,
                    {grant_columns, ARRAY_SIZE(grant_columns), grant_cell,
                     "no credit was granted yet"}},
    [TAB_HOLDS] = {"holds",
                   "/v1/credit/holds",
                   &hold_shape,
                   {hold_columns, ARRAY_SIZE(hold_columns), hold_cell, "nothing is set aside"}},
    [TAB_ENTRIES] = {"entries",
                     "/v1/credit/entries",
                     &entry_shape,
                     {entry_columns, ARRAY_SIZE(entry_columns), entry_cell,
                      "no entries in the ledger yet"}},
};

/* --- the view --------------------------------------------------------------------------------- */

static void show_tab(struct credit_state *s)
{
    for (int i = 0; i < TAB_COUNT; i++)
        resource_show(&s->lists[i].resource, s->shown && i == s->tab);
}

static void credit_open(struct view *v, const void *argument)
{
    struct credit_state *s = v->state;

    UNUSED(argument);
    for (int i = 0; i < TAB_COUNT; i++) {
        s->lists[i] = (struct list){.shape = tabs[i].shape,
                                    .path = tabs[i].path,
                                    .page_items = PAGE_ITEMS_DEFAULT,
                                    .pages_wanted = 1};
        list_open(&s->lists[i], console_feed(v->console), TOPIC_CREDIT, REFRESH_MS);
    }
}

static void credit_close(struct view *v)
{
    struct credit_state *s = v->state;

    for (int i = 0; i < TAB_COUNT; i++)
        list_close(&s->lists[i]);
}

static void credit_show(struct view *v, bool shown)
{
    struct credit_state *s = v->state;

    s->shown = shown;
    show_tab(s);
}

static bool is_small(int rows)
{
    return rows < ROWS_SMALL;
}

/* Rows above the table: the balance, a blank one, and the tabs. */
static int head_rows(int rows)
{
    return is_small(rows) ? 2 : BALANCE_ROWS + 2;
}

static void balance_narrow(const struct credit *cr, struct money left, struct canvas *c)
{
    char a[MONEY_TEXT_MAX], b[MONEY_TEXT_MAX], d[MONEY_TEXT_MAX];

    canvas_textf(c, 0, 2, c->cols - 2, STYLE_STRONG, "left %s of %s", money_figure(left, 4, a),
                 money_grouped(cr->granted, 2, b));
    if (is_small(c->rows))
        return;
    canvas_textf(c, 1, 2, c->cols - 2, STYLE_NORMAL, "free %s, held %s, used %s",
                 money_figure(cr->available, 2, a), money_figure(cr->held, 2, b),
                 money_figure(cr->accrued, 2, d));
    canvas_textf(c, 2, 2, c->cols - 2, STYLE_NORMAL, "burning %s per hour",
                 money_grouped(cr->burn_per_hour, 4, d));
}

static void balance_draw(const struct feed *f, struct canvas *c, int64_t now_ms)
{
    const struct credit *cr = &f->credit;
    char a[MONEY_TEXT_MAX], b[MONEY_TEXT_MAX], d[MONEY_TEXT_MAX];
    struct money left;

    if (!feed_credit_left(f, now_ms, &left)) {
        canvas_text(c, 0, 2, c->cols - 2, STYLE_DIM, "loading");
        return;
    }
    if (c->cols < NARROW_COLS) {
        balance_narrow(cr, left, c);
        return;
    }
    canvas_textf(c, 0, 2, c->cols - 2, STYLE_STRONG, "left %s of %s granted",
                 money_grouped(left, cr->burn_per_hour.micros ? 4 : 2, a),
                 money_grouped(cr->granted, 2, b));
    if (is_small(c->rows))
        return;
    canvas_textf(c, 1, 2, c->cols - 2, STYLE_NORMAL, "free %s, held %s, of which used %s",
                 money_grouped(cr->available, 2, a), money_grouped(cr->held, 4, b),
                 money_grouped(cr->accrued, 4, d));
    canvas_textf(c, 2, 2, c->cols - 2, STYLE_NORMAL, "consumed %s, expired %s, burning %s per hour",
                 money_grouped(cr->consumed, 4, a), money_grouped(cr->expired, 2, b),
                 money_grouped(cr->burn_per_hour, 4, d));
}

static void tabs_draw(const struct credit_state *s, struct canvas *c, int row)
{
    char label[KEY_LABEL_MAX];
    int col = 2;

    for (int i = 0; i < TAB_COUNT; i++)
        col +=
            1 + canvas_textf(c, row, col, c->cols - col, i == s->tab ? STYLE_SELECTED : STYLE_DIM,
                             i == s->tab ? "[%s]" : " %s ", tabs[i].name);
    col += canvas_textf(c, row, col, c->cols - col, STYLE_ACCENT, "%s",
                        keymap_label("credit", ACT_LEFT, label));
    col += canvas_textf(c, row, col, c->cols - col, STYLE_ACCENT, "/%s",
                        keymap_label("credit", ACT_RIGHT, label));
    if (c->cols >= NARROW_COLS)
        canvas_text(c, row, col, c->cols - col, STYLE_DIM, " change the tab");
}

static void credit_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct credit_state *s = v->state;
    int head = head_rows(c->rows);
    struct canvas table = canvas_part(c, head, 0, c->rows - head, c->cols);

    balance_draw(console_feed(v->console), c, now_ms);
    tabs_draw(s, c, head - 1);
    rows_draw(&s->lists[s->tab], &tabs[s->tab].look, &table, now_ms);
}

/* The instance that the selected row is about, "" when it is about none. */
static const char *instance_of(const struct credit_state *s)
{
    const void *row = list_selected(&s->lists[s->tab]);

    if (row && s->tab == TAB_HOLDS)
        return ((const struct hold *)row)->instance_id;
    if (row && s->tab == TAB_ENTRIES)
        return ((const struct entry *)row)->instance_id;
    return "";
}

static bool credit_opens(const struct view *v)
{
    return instance_of(v->state)[0] != '\0';
}

static bool credit_act(struct view *v, enum key_action a)
{
    struct credit_state *s = v->state;

    if (a == ACT_LEFT || a == ACT_RIGHT) {
        s->tab = (s->tab + (a == ACT_RIGHT ? 1 : TAB_COUNT - 1)) % TAB_COUNT;
        show_tab(s);
        return true;
    }
    if (a == ACT_OPEN && credit_opens(v)) {
        console_open(v->console, &view_instance, instance_of(s));
        return true;
    }
    return rows_act(v, &s->lists[s->tab], &tabs[s->tab].look, a, v->rows - head_rows(v->rows) - 1);
}

static void credit_title(const struct view *v, struct strbuf *out)
{
    const struct credit_state *s = v->state;

    strbuf_addf(out, "%s: ", tabs[s->tab].name);
    rows_title(&s->lists[s->tab], &tabs[s->tab].look, out);
}

static bool credit_ticks(const struct view *v)
{
    return console_feed(v->console)->credit.burn_per_hour.micros > 0;
}

const struct view_ops view_credit = {
    .name = "credit",
    .help = "Balance, grants, holds and entries",
    .state_size = sizeof(struct credit_state),
    .open = credit_open,
    .close = credit_close,
    .show = credit_show,
    .draw = credit_draw,
    .act = credit_act,
    .opens = credit_opens,
    .title = credit_title,
    .ticks = credit_ticks,
};
