/* One line that is being typed: command, filter, field of a form, the word of a confirmation. */
#ifndef TUI_SCREEN_LINE_H
#define TUI_SCREEN_LINE_H

#include "tui/screen/canvas.h"

#define LINE_BYTES_MAX 1024

enum line_op {
    LINE_LEFT,
    LINE_RIGHT,
    LINE_START,
    LINE_END,
    LINE_ERASE,      /* the character before the cursor */
    LINE_DELETE,     /* the one under it */
    LINE_ERASE_WORD, /* before the cursor */
    LINE_ERASE_ALL,
};

struct line {
    char text[LINE_BYTES_MAX]; /* UTF-8 */
    size_t len, at;            /* the cursor, in bytes */
    size_t len_max;            /* bytes that may be typed; 0: all that fit */
};

void line_set(struct line *l, const char *text); /* cursor behind it; cut where it is too long */
/* Insert a character; control characters and what no longer fits are dropped. */
void line_insert(struct line *l, uint32_t code_point);
void line_edit(struct line *l, enum line_op op);
/* Draw so that the cursor is seen, and park the terminal's cursor there if `active`. */
void line_draw(const struct line *l, struct canvas *c, int row, int col, int width, bool active);

#endif
