/* What things look like, by meaning rather than by colour. A style never carries meaning
 * alone: a word or a sign stands beside it. */
#ifndef TUI_SCREEN_THEME_H
#define TUI_SCREEN_THEME_H

#include "core/base.h"

enum style {
    STYLE_NORMAL,
    STYLE_DIM,      /* labels, hints */
    STYLE_STRONG,   /* what the eye should find first */
    STYLE_BAR,      /* the header line */
    STYLE_HEAD,     /* column heads, section titles */
    STYLE_SELECTED, /* the row under the cursor; a '>' stands beside it */
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_ACCENT, /* money, keys */
    STYLE_INPUT,  /* text that is being typed */
    STYLE_COUNT
};

enum style_attr {
    ATTR_BOLD = 1 << 0,
    ATTR_DIM = 1 << 1,
    ATTR_REVERSE = 1 << 2,
    ATTR_UNDERLINE = 1 << 3
};

#define COLOR_DEFAULT (-1) /* the terminal's own: works on light and dark */

struct look {
    short foreground, background; /* index of the terminal's palette, or COLOR_DEFAULT */
    unsigned attrs;
};

/* The look of a style where the terminal has this many colours (0: none). */
struct look theme_look(enum style style, int colors);

#endif
