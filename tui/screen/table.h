/* Rows and columns: which columns fit, how wide they are, where the selection is. A table knows
 * neither where its rows come from nor which keys move it. */
#ifndef TUI_SCREEN_TABLE_H
#define TUI_SCREEN_TABLE_H

#include "tui/screen/canvas.h"

#define TABLE_COLUMNS_MAX 16
#define TABLE_CELL_MAX    256

struct column {
    const char *title;
    int width, width_max; /* width_max > width: takes what is left over */
    int priority;         /* 0 is never dropped; the highest number goes first */
    bool right;           /* figures */
};

struct table_cell {
    char text[TABLE_CELL_MAX];
    enum style style;
};
typedef void table_cell_fn(const void *ctx, size_t row, size_t column, struct table_cell *out);

struct table {
    const struct column *columns;
    size_t column_count;
    size_t row_count;
    size_t selected; /* row_count: none */
    size_t top;      /* first row shown */
    int sorted;      /* column with the sort mark, -1 none */
    bool descending;
    table_cell_fn *cell;
    const void *ctx;
};

/* Width of each column in `total` cells, 0: dropped. One cell lies between two columns and one is
 * left of the first, for the selection's mark. Columns never overlap and never stand beyond
 * `total`. */
void table_layout(const struct column *columns, size_t count, int total,
                  int widths[TABLE_COLUMNS_MAX]);
/* The first row to show so that `selected` is seen in `page` rows, nearest to `top`. */
size_t table_top(size_t top, size_t selected, size_t row_count, int page);
/* Heads in the first row, then the rows. The cursor is parked on the selected row. */
void table_draw(const struct table *t, struct canvas *c);

#endif
