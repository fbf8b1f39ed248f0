/* Labels and values below each other, scrolled: what a details view is made of. The same calls
 * draw, or only count the lines. */
#ifndef TUI_VIEW_DETAILS_H
#define TUI_VIEW_DETAILS_H

#include "tui/screen/form.h"
#include "tui/view/view.h"

struct pen {
    struct canvas *canvas; /* NULL: only count */
    int cols;
    int row;    /* next line, before scrolling */
    int scroll; /* lines above the first one shown */
};

void pen_title(struct pen *p, const char *text);
/* Nothing is drawn when the value is "". */
void pen_value(struct pen *p, enum style style, const char *label, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void pen_text(struct pen *p, enum style style, const char *text);
void pen_gap(struct pen *p);

/* Writes all lines of `ctx`, whatever the size. */
typedef void lines_fn(const void *ctx, struct pen *p, int64_t now_ms);

/* Draws them, scrolled; where they do not all fit, the last row says how many are above and below,
 * and the keys that show them. */
void details_draw(lines_fn *lines, const void *ctx, struct canvas *c, int scroll, int64_t now_ms);
/* Moves of a scrolled page of this size. False: another action. */
bool details_act(lines_fn *lines, const void *ctx, int rows, int cols, int *scroll, int64_t now_ms,
                 enum key_action a);

/* A form with a title above it and a blank row below; in a small window only the fields that fit.
 * Returns the rows used: form_head_rows(). */
int form_head_draw(const struct form *f, struct canvas *c, const char *fmt, ...) PRINTF_LIKE(3, 4);
int form_head_rows(const struct form *f, int rows);

#endif
