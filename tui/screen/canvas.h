/* A grid of cells that views draw into; nothing here knows a terminal. Every text drawn passes
 * through text_clean(), so nothing from outside can leave its place. Drawing outside the
 * grid is cut off, never an error: a view need not check sizes.
 *
 * A canvas may be a part of another one: it shares the cells and has its own origin. */
#ifndef TUI_SCREEN_CANVAS_H
#define TUI_SCREEN_CANVAS_H

#include "core/errs.h"
#include "core/strbuf.h"
#include "tui/screen/theme.h"

#define CELL_MARKS_MAX    2
#define CANVAS_ROWS_MAX   500
#define CANVAS_COLS_MAX   1000
#define CANVAS_TEXT_MAX   8192 /* bytes of one drawn text */
#define CANVAS_TO_THE_END CANVAS_COLS_MAX

struct cell {
    uint32_t base; /* code point; 0 in the right half of a wide character */
    uint32_t marks[CELL_MARKS_MAX];
    uint8_t width; /* 1, 2; 0 in the right half */
    uint8_t style; /* enum style */
    uint16_t unused;
};

/* Where the terminal's cursor rests; shared by all parts of a grid. */
struct canvas_cursor {
    int row, col;
    bool visible;
};

struct canvas {
    int rows, cols;
    bool ascii; /* what is not ASCII becomes '?', lines are drawn with - | + */
    struct cell *cells;
    int stride;
    int row_origin, col_origin; /* in the whole grid */
    struct canvas_cursor *cursor;
};

/* Errors: ERR_INTERNAL out of memory. Sizes are cut to the maxima above, and raised to 1.
 * Caller owns the contents (canvas_release). */
enum err_code canvas_init(struct canvas *c, int rows, int cols, bool ascii,
                          struct err *e) MUST_CHECK;
void canvas_release(struct canvas *c);
/* All cells blank, the cursor hidden in the corner. */
void canvas_clear(struct canvas *c);
/* The part of `c` that lies inside it; may be empty (0 rows or columns). */
struct canvas canvas_part(const struct canvas *c, int row, int col, int rows, int cols);

/* Draw at most `width` cells of `text`; a cut is shown by an ellipsis. Returns the cells used. */
int canvas_text(struct canvas *c, int row, int col, int width, enum style style, const char *text);
int canvas_textf(struct canvas *c, int row, int col, int width, enum style style, const char *fmt,
                 ...) PRINTF_LIKE(6, 7);
/* The same, against the right edge of the field. Cells left of the text stay as they are. */
int canvas_right(struct canvas *c, int row, int col, int width, enum style style, const char *text);
/* Draw cells `skip`... of a text that is clean already (a log line), without an ellipsis. */
int canvas_slice(struct canvas *c, int row, int col, int width, enum style style, const char *text,
                 int skip);
/* Change the style of cells, not what they show. */
void canvas_restyle(struct canvas *c, int row, int col, int width, enum style style);
/* Blank cells in a style. */
void canvas_fill(struct canvas *c, int row, int col, int width, enum style style);
/* A frame along the edge of `c` with a title, and its inside blanked. */
void canvas_box(struct canvas *c, enum style style, const char *title);
/* Park the cursor here; visible where something is typed. */
void canvas_cursor_at(struct canvas *c, int row, int col, bool visible);

/* Rows as text, blanks at their ends cut off, each ended by a newline. */
void canvas_dump(const struct canvas *c, struct strbuf *out);

#endif
