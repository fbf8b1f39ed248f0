/* Lists on the screen. */
#include "tui/view/rows.h"

#include <stdio.h>
#include <string.h>

#include "tui/screen/text.h"

static void move_to(struct list *l, size_t index, int page)
{
    list_select(l, index);
    l->top = table_top(l->top, l->selected, l->count, page);
}

static bool rows_move(struct list *l, enum key_action a, int page)
{
    size_t step = page > 1 ? (size_t)page - 1 : 1, at = l->selected;

    if (a == ACT_UP)
        at -= at > 0;
    else if (a == ACT_DOWN)
        at++;
    else if (a == ACT_PAGE_UP)
        at -= at < step ? at : step;
    else if (a == ACT_PAGE_DOWN)
        at += step;
    else if (a == ACT_TOP)
        at = 0;
    else if (a == ACT_BOTTOM)
        at = l->count;
    else
        return false;
    move_to(l, at, page);
    return true;
}

static void rows_sort(struct view *v, struct list *l, const struct rows_look *look, bool turn)
{
    int column = l->sort_column;
    bool descending = l->descending;

    if (turn && column >= 0) {
        descending = !descending;
    } else {
        column = column + 1 < (int)look->column_count ? column + 1 : -1;
        descending = false;
    }
    if (!list_sort(l, column, descending))
        console_say(v->console, STYLE_WARN,
                    "more rows than are loaded: narrow them with / before sorting");
    else if (column < 0)
        console_say(v->console, STYLE_NORMAL, "in the server's order");
    else
        console_say(v->console, STYLE_NORMAL, "sorted by %s, %s", look->columns[column].title,
                    descending ? "highest first" : "lowest first");
}

bool rows_act(struct view *v, struct list *l, const struct rows_look *look, enum key_action a,
              int page)
{
    if (rows_move(l, a, page))
        return true;
    if ((a == ACT_SORT || a == ACT_SORT_TURN) && l->compare) {
        rows_sort(v, l, look, a == ACT_SORT_TURN);
        return true;
    }
    return false;
}

enum style resource_note(const struct resource *r, bool loaded, int64_t now_ms, char *out,
                         size_t size)
{
    bool away = r->feed && r->feed->link == LINK_AWAY;
    int64_t at = away && r->topics && !r->stale && r->feed->heard_at_ms > r->loaded_at_ms
                     ? r->feed->heard_at_ms /* nothing was said to have changed until then */
                     : r->loaded_at_ms;
    char age[WHEN_TEXT_MAX];

    out[0] = '\0';
    if (away || (!loaded && !r->err.code)) {
        /* Why it is away stands at the bottom of the screen. */
        if (loaded)
            snprintf(out, size, "as of %s ago", age_format(at, now_ms, age));
        else
            snprintf(out, size, "%s", away ? "waiting for the server" : "loading");
        return STYLE_DIM;
    }
    if (r->err.code && loaded) {
        snprintf(out, size, "as of %s ago: %s", age_format(r->loaded_at_ms, now_ms, age),
                 r->err.msg);
        return STYLE_WARN;
    }
    if (r->err.code)
        snprintf(out, size, "%s%s%s%s", r->err.msg, r->request_id[0] ? " (request " : "",
                 r->request_id, r->request_id[0] ? ")" : "");
    return r->err.code ? STYLE_BAD : STYLE_DIM;
}

struct cell_ctx {
    const struct list *list;
    const struct rows_look *look;
    int64_t now_ms;
};

static void cell_of_row(const void *ctx, size_t row, size_t column, struct table_cell *out)
{
    const struct cell_ctx *cc = ctx;
    const void *item = list_row(cc->list, row);

    if (item)
        cc->look->cell(item, column, cc->now_ms, out);
}

void rows_draw(const struct list *l, const struct rows_look *look, struct canvas *c, int64_t now_ms)
{
    struct cell_ctx ctx = {l, look, now_ms};
    struct table t = {.columns = look->columns,
                      .column_count = look->column_count,
                      .row_count = l->count,
                      .selected = l->count ? l->selected : 1,
                      .top = l->top,
                      .sorted = l->order ? l->sort_column : -1,
                      .descending = l->descending,
                      .cell = cell_of_row,
                      .ctx = &ctx};
    char note[512];
    enum style style = resource_note(&l->resource, l->loaded, now_ms, note, sizeof note);
    struct canvas body = canvas_part(c, 0, 0, note[0] && l->count ? c->rows - 1 : c->rows, c->cols);

    table_draw(&t, &body);
    if (l->count == 0 && !note[0] && l->filter[0])
        snprintf(note, sizeof note, "nothing matches '%s'; / changes the filter", l->filter);
    else if (l->count == 0 && !note[0])
        snprintf(note, sizeof note, "%s", look->empty);
    if (l->count == 0)
        paragraph_draw(c, 2, 2, c->cols - 2, c->rows - 2, style, note);
    else if (note[0])
        canvas_text(c, c->rows - 1, 2, c->cols - 2, style, note);
}

void rows_title(const struct list *l, const struct rows_look *look, struct strbuf *out)
{
    if (!l->loaded)
        return;
    strbuf_addf(out, "%zu%s row%s", l->before + l->count, l->next[0] ? "+" : "",
                l->before + l->count == 1 ? "" : "s");
    if (l->filter[0])
        strbuf_addf(out, ", filter '%s'", l->filter);
    if (l->order && l->sort_column >= 0)
        strbuf_addf(out, ", by %s", look->columns[l->sort_column].title);
}
