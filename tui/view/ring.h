/* The lines of a log in bounded memory: the newest are kept, what is dropped is counted. Bytes
 * go in as they arrive; lines come out clean. */
#ifndef TUI_VIEW_RING_H
#define TUI_VIEW_RING_H

#include "core/errs.h"
#include "core/strbuf.h"

#define RING_BYTES_MAX      (512 * 1024) /* of clean text */
#define RING_LINES_MAX      20000
#define RING_LINE_BYTES_MAX 4096 /* a longer line continues on the next one */

struct ring {
    char *bytes;       /* grows up to RING_BYTES_MAX, then goes round */
    size_t size, used; /* where the next line goes */
    bool full;         /* at its maximum: goes round */
    struct ring_line {
        uint32_t at, len; /* into bytes; a line never goes over the end of it */
    } * lines;
    size_t line_size, line_first, line_count;
    int64_t dropped;       /* lines */
    struct strbuf partial; /* the last line, until its newline comes */
    bool returned;         /* a carriage return stands before what comes */
    bool ascii;
};

void ring_init(struct ring *r, bool ascii);
void ring_release(struct ring *r);
/* A carriage return that no newline follows begins the line anew, as on a terminal.
 * Errors: ERR_INTERNAL out of memory; what fitted is there. */
enum err_code ring_add(struct ring *r, const char *bytes, size_t len, struct err *e);
/* Lines that can be read, with the unfinished last one. */
size_t ring_count(const struct ring *r);
/* Line `index` of those kept, NUL-terminated, in `out` (its old contents are gone). */
void ring_line(const struct ring *r, size_t index, struct strbuf *out);

#endif
