/* From the actions of typing to edits of a line. */
#ifndef TUI_VIEW_TYPING_H
#define TUI_VIEW_TYPING_H

#include "tui/key/action.h"
#include "tui/screen/line.h"

/* False: not an edit of a line. */
bool line_op_of(enum key_action a, enum line_op *op);

/* "~/x" becomes "$HOME/x"; anything else stays. Returns out. */
const char *path_expand(const char *path, char *out, size_t size);
/* Complete the file name at the end of the line as far as it is unique. False: no such file. */
bool path_complete(struct line *l);

#endif
