/* Layout and drawing of tables. */
#include "tui/screen/table.h"

#include <stdio.h>
#include <string.h>

#define MARK_CELLS 2 /* ">" and a blank */
#define GAP_CELLS  1

static int width_needed(const struct column *columns, size_t count, const int *widths)
{
    int needed = MARK_CELLS - GAP_CELLS;

    for (size_t i = 0; i < count; i++)
        if (widths[i] > 0)
            needed += columns[i].width + GAP_CELLS;
    return needed;
}

/* Index of the column to drop next, or -1 when only what must stay is left. */
static int least_wanted(const struct column *columns, size_t count, const int *widths)
{
    int worst = -1;

    for (size_t i = 0; i < count; i++)
        if (widths[i] > 0 && columns[i].priority > 0 &&
            (worst < 0 || columns[i].priority >= columns[worst].priority))
            worst = (int)i;
    return worst;
}

/* What must stay gets narrower from the right when even that is too wide. */
static void squeeze(size_t count, int *widths, int excess)
{
    for (size_t i = count; i-- > 0 && excess > 0;) {
        int cut = widths[i] + GAP_CELLS;

        if (widths[i] == 0)
            continue;
        if (cut <= excess) {
            widths[i] = 0;
            excess -= cut;
        } else {
            widths[i] -= excess;
            excess = 0;
            if (widths[i] < 0)
                widths[i] = 0;
        }
    }
}

/* What is left over goes to the columns that can use it, a cell each in turn. */
static void stretch(const struct column *columns, size_t count, int *widths, int spare)
{
    bool given = true;

    while (spare > 0 && given) {
        given = false;
        for (size_t i = 0; i < count && spare > 0; i++) {
            if (widths[i] == 0 || widths[i] >= columns[i].width_max)
                continue;
            widths[i]++;
            spare--;
            given = true;
        }
    }
}

void table_layout(const struct column *columns, size_t count, int total,
                  int widths[TABLE_COLUMNS_MAX])
{
    int needed, worst;

    for (size_t i = 0; i < count; i++)
        widths[i] = columns[i].width;
    while ((needed = width_needed(columns, count, widths)) > total &&
           (worst = least_wanted(columns, count, widths)) >= 0)
        widths[worst] = 0;
    if (needed > total)
        squeeze(count, widths, needed - total);
    else
        stretch(columns, count, widths, total - needed);
}

size_t table_top(size_t top, size_t selected, size_t row_count, int page)
{
    size_t height = page > 0 ? (size_t)page : 1;

    if (selected >= row_count)
        selected = row_count ? row_count - 1 : 0;
    if (top > selected)
        top = selected;
    if (selected - top >= height)
        top = selected - height + 1;
    /* No empty lines below the last row while there are rows above the first one. */
    if (row_count < height)
        top = 0;
    else if (top > row_count - height)
        top = row_count - height;
    return top;
}

static void draw_heads(const struct table *t, struct canvas *c, const int *widths)
{
    int col = MARK_CELLS;

    for (size_t i = 0; i < t->column_count; i++) {
        char title[64];

        if (widths[i] == 0)
            continue;
        snprintf(title, sizeof title, "%s%s", t->columns[i].title,
                 t->sorted != (int)i ? ""
                 : t->descending     ? "v"
                                     : "^");
        if (t->columns[i].right)
            canvas_right(c, 0, col, widths[i], STYLE_HEAD, title);
        else
            canvas_text(c, 0, col, widths[i], STYLE_HEAD, title);
        col += widths[i] + GAP_CELLS;
    }
}

static void draw_row(const struct table *t, struct canvas *c, const int *widths, size_t row, int at)
{
    bool selected = row == t->selected;
    int col = MARK_CELLS, end = MARK_CELLS;

    for (size_t i = 0; i < t->column_count; i++) {
        struct table_cell cell = {.style = STYLE_NORMAL};

        if (widths[i] == 0)
            continue;
        t->cell(t->ctx, row, i, &cell);
        if (t->columns[i].right) {
            canvas_right(c, at, col, widths[i], cell.style, cell.text);
            end = col + widths[i];
        } else {
            end = col + canvas_text(c, at, col, widths[i], cell.style, cell.text);
        }
        col += widths[i] + GAP_CELLS;
    }
    if (!selected)
        return;
    canvas_text(c, at, 0, 1, STYLE_SELECTED, ">");
    canvas_restyle(c, at, 0, end, STYLE_SELECTED);
    canvas_cursor_at(c, at, 0, false);
}

void table_draw(const struct table *t, struct canvas *c)
{
    int widths[TABLE_COLUMNS_MAX];
    size_t top = table_top(t->top, t->selected, t->row_count, c->rows - 1);

    table_layout(t->columns, t->column_count, c->cols, widths);
    draw_heads(t, c, widths);
    for (int at = 1; at < c->rows && top + (size_t)at - 1 < t->row_count; at++)
        draw_row(t, c, widths, top + (size_t)at - 1, at);
}
