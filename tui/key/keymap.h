/* Which key does what, where. Help is drawn from it, so it cannot lie. */
#ifndef TUI_KEY_KEYMAP_H
#define TUI_KEY_KEYMAP_H

#include "tui/key/action.h"
#include "tui/screen/keys.h"

/* Where text is typed, only the bindings of this name hold; the rest are characters. */
#define KEYMAP_TYPING "typing"

struct binding {
    const char *view; /* NULL: in all of them */
    uint32_t key;
    enum key_action action;
};

/* The action of a key in a view: the view's own binding before the general one. ACT_NONE:
 * not bound. */
enum key_action keymap_find(const char *view, uint32_t key);

/* The table; NULL past its end. */
const struct binding *keymap_at(size_t index);

/* One line of help: "j, Down" and what it does. */
struct key_help {
    char keys[40];
    const char *text; /* static */
    enum key_action action;
    bool own; /* of this view, not of all */
};
/* Fills the actions that have a key in this view: its own first, then the general ones, in the
 * order of the list. Returns their number. */
size_t keymap_help(const char *view, struct key_help *out, size_t max);
/* The label of the first key for this action in this view; "" when there is none. */
const char *keymap_label(const char *view, enum key_action a, char buf[KEY_LABEL_MAX]);

#endif
