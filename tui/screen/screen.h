/* A terminal as the console needs it: show a canvas, give keys, be restored. One real terminal
 * (curses.c) and one in memory (memory.c) for scripts without a terminal and for tests. */
#ifndef TUI_SCREEN_SCREEN_H
#define TUI_SCREEN_SCREEN_H

#include "core/errs.h"
#include "tui/screen/canvas.h"
#include "tui/screen/keys.h"

struct screen;

struct screen_ops {
    void (*size)(struct screen *s, int *rows, int *cols);
    /* Write what differs from what was shown before; nothing when nothing does. */
    void (*show)(struct screen *s, const struct canvas *c);
    /* The next key that has arrived, 0 when there is none. Never waits. */
    uint32_t (*key)(struct screen *s);
    /* The window may have another size now. */
    void (*resized)(struct screen *s);
    /* Give the terminal back to the shell, and take it again with a whole repaint. */
    void (*leave)(struct screen *s);
    void (*enter)(struct screen *s);
    void (*close)(struct screen *s);
};

struct screen {
    const struct screen_ops *ops;
    int fd; /* readable when keys arrive; -1: none */
    bool ascii;
    char notice[128]; /* to tell the user once; "" nothing */
};

enum color_choice { COLOR_AUTO, COLOR_NEVER, COLOR_ALWAYS };

struct screen_options {
    const char *term;        /* NULL: TERM */
    bool ascii;              /* else decided by the locale */
    enum color_choice color; /* AUTO: as the terminal can, none with NO_COLOR */
};

/* The terminal on standard input and output. Leaving the process without screen_close(), by a
 * crash signal too, restores it. Only one may be open at a time. Caller owns *out.
 * Errors: ERR_INVALID not a terminal, or one that cannot position its cursor. */
enum err_code screen_open(const struct screen_options *o, struct screen **out,
                          struct err *e) MUST_CHECK;

/* A screen in memory. Errors: ERR_INTERNAL. Caller owns *out. */
enum err_code screen_memory_open(int rows, int cols, bool ascii, struct screen **out,
                                 struct err *e) MUST_CHECK;
/* What it shows, as canvas_dump() writes it. */
void screen_memory_text(const struct screen *s, struct strbuf *out);
/* How many frames differed from the one before. */
int64_t screen_memory_frames(const struct screen *s);
const struct canvas *screen_memory_canvas(const struct screen *s);
void screen_memory_resize(struct screen *s, int rows, int cols);

void screen_close(struct screen *s); /* accepts NULL */

#endif
