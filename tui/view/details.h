/* Labels and values below each other, scrolled: what a details view is made of. The same calls
 * draw, or only count the lines. */
#ifndef TUI_VIEW_DETAILS_H
#define TUI_VIEW_DETAILS_H

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

/* Moves of a scrolled page. False: another action. `lines`: all there are. */
bool details_act(int *scroll, int lines, int page, enum key_action a);

#endif
