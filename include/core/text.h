/* Text from outside. One function, used at the border where data enters a
 * screen or a terminal, makes it harmless: nothing in it can move the cursor,
 * change a colour, reorder or hide its neighbours. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/strbuf.h"

enum text_flags {
    TEXT_ONE_LINE = 1 << 0,  /* newline becomes a visible mark */
    TEXT_ASCII = 1 << 1,     /* what is not ASCII becomes '?' */
    TEXT_KEEP_TABS = 1 << 2, /* else a tab becomes spaces to the next 8th column */
};

/* Append `len` bytes to `out` as clean UTF-8: invalid bytes become U+FFFD; C0, C1
 * and DEL are shown as ^X or dropped; bidi controls, zero-width characters, tags and
 * variation selectors are dropped; at most two combining marks follow a base. */
void text_clean(struct strbuf *out, const char *bytes, size_t len, unsigned flags);

/* True when bytes are well-formed UTF-8 without NUL. */
bool text_is_utf8(const char *bytes, size_t len);

/* Decode one code point (U+FFFD and one byte consumed when malformed).
 * Returns bytes consumed, 0 at len == 0. */
size_t text_decode(const char *bytes, size_t len, uint32_t *code_point);

/* Cells that a code point takes on a terminal: 0, 1 or 2. */
int text_width_of(uint32_t code_point);
/* Cells of a clean text. */
int text_width(const char *text);

#endif
