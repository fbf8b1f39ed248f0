/* Three columns: no colours, the eight (or sixteen) of the terminal, its 256. Backgrounds stay the
 * terminal's own, so that light and dark ones work alike; bars and marks are reverse video. */
#include "tui/screen/theme.h"

#define D COLOR_DEFAULT

static const struct look looks[STYLE_COUNT][3] = {
    /*                  none                              8 and 16             256 */
    [STYLE_NORMAL] = {{D, D, 0}, {D, D, 0}, {D, D, 0}},
    [STYLE_DIM] = {{D, D, 0}, {D, D, 0}, {243, D, 0}},
    [STYLE_STRONG] = {{D, D, ATTR_BOLD}, {D, D, ATTR_BOLD}, {D, D, ATTR_BOLD}},
    [STYLE_BAR] = {{D, D, ATTR_REVERSE}, {D, D, ATTR_REVERSE}, {D, D, ATTR_REVERSE}},
    [STYLE_HEAD] = {{D, D, ATTR_BOLD}, {6, D, ATTR_BOLD}, {31, D, ATTR_BOLD}},
    [STYLE_SELECTED] = {{D, D, ATTR_REVERSE}, {D, D, ATTR_REVERSE}, {D, D, ATTR_REVERSE}},
    [STYLE_GOOD] = {{D, D, 0}, {2, D, 0}, {34, D, 0}},
    [STYLE_WARN] = {{D, D, ATTR_BOLD}, {3, D, ATTR_BOLD}, {172, D, ATTR_BOLD}},
    [STYLE_BAD] = {{D, D, ATTR_BOLD}, {1, D, ATTR_BOLD}, {160, D, ATTR_BOLD}},
    [STYLE_ACCENT] = {{D, D, ATTR_BOLD}, {6, D, 0}, {31, D, 0}},
    [STYLE_INPUT] = {{D, D, ATTR_UNDERLINE}, {D, D, ATTR_UNDERLINE}, {D, D, ATTR_UNDERLINE}},
};

struct look theme_look(enum style style, int colors)
{
    int column = colors >= 256 ? 2 : colors >= 8 ? 1 : 0;

    if ((unsigned)style >= STYLE_COUNT)
        style = STYLE_NORMAL;
    return looks[style][column];
}
