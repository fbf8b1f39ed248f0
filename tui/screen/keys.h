/* What a terminal's keyboard sends, as one number per key: Unicode code points, control
 * characters as they are, and the codes below. Bindings are in tui/key. */
#ifndef TUI_SCREEN_KEYS_H
#define TUI_SCREEN_KEYS_H

#include "core/base.h"

#define KEY_CTRL(letter) ((uint32_t)(letter)&0x1f)
#define KEY_ENTER        ((uint32_t)'\r') /* line feed is turned into it */
#define KEY_ESCAPE       0x1bu
#define KEY_TAB          ((uint32_t)'\t')
#define KEY_ERASE        0x7fu /* backspace, whatever the terminal sends for it */

/* code, label. Above Unicode, so that no character is mistaken for one. */
#define KEY_SPECIAL_LIST(X)          \
    X(KEY_ARROW_UP, "Up")            \
    X(KEY_ARROW_DOWN, "Down")        \
    X(KEY_ARROW_LEFT, "Left")        \
    X(KEY_ARROW_RIGHT, "Right")      \
    X(KEY_PAGE_UP, "PgUp")           \
    X(KEY_PAGE_DOWN, "PgDn")         \
    X(KEY_START, "Home")             \
    X(KEY_FINISH, "End")             \
    X(KEY_DELETE, "Del")             \
    X(KEY_BACK_TAB, "S-Tab")         \
    X(KEY_F1, "F1")                  \
    X(KEY_PASTE_BEGIN, "PasteBegin") \
    X(KEY_PASTE_END, "PasteEnd")     \
    X(KEY_UNKNOWN, "Unknown")

enum key_special {
    KEY_SPECIAL_BASE = 0x110000,
#define X(id, label) id,
    KEY_SPECIAL_LIST(X)
#undef X
};

#define KEY_LABEL_MAX 16

/* "j", "^D", "Enter", "PgDn": how help writes a key. Returns buf. */
const char *key_label(uint32_t key, char buf[KEY_LABEL_MAX]);

/* One key of a script: a character, or "<Enter>", "<^D>", "<PgDn>", "<lt>" for '<'. Moves
 * *text past it; 0 at the end or where no key is named so. */
uint32_t key_parse(const char **text);

#endif
