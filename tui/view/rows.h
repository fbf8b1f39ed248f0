/* What all views of lists have in common: moving, sorting, filtering, and the line that says
 * why there are no rows. */
#ifndef TUI_VIEW_ROWS_H
#define TUI_VIEW_ROWS_H

#include "tui/feed/list.h"
#include "tui/screen/table.h"
#include "tui/view/view.h"

/* One cell of a row; `now_ms` for ages. */
typedef void row_cell_fn(const void *row, size_t column, int64_t now_ms, struct table_cell *out);

struct rows_look {
    const struct column *columns;
    size_t column_count;
    row_cell_fn *cell;
    const char *empty; /* when the list has no rows and no filter */
};

/* Moves, sort keys and refresh. False: not for lists. `page`: rows that are seen. */
bool rows_act(struct view *v, struct list *l, const struct rows_look *look, enum key_action a,
              int page);
/* The table, or why there is none; below it a line when what is shown is old. */
void rows_draw(const struct list *l, const struct rows_look *look, struct canvas *c,
               int64_t now_ms);
/* "12 rows, filter 'h100', by price". */
void rows_title(const struct list *l, const struct rows_look *look, struct strbuf *out);

/* The sentence about a resource that failed or is still awaited; "" when all is well. Returns
 * the style to draw it in. */
enum style resource_note(const struct resource *r, bool loaded, int64_t now_ms, char *out,
                         size_t size);

#endif
