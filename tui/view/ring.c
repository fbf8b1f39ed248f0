/* Bounded lines. The bytes of a line lie together, so that a search needs no copy of the rest. */
#include "tui/view/ring.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define FIRST_BYTES 16384
#define FIRST_LINES 256

void ring_init(struct ring *r, bool ascii)
{
    memset(r, 0, sizeof *r);
    strbuf_init(&r->partial, RING_LINE_BYTES_MAX + 1);
    r->ascii = ascii;
}

void ring_release(struct ring *r)
{
    free(r->bytes);
    free(r->lines);
    strbuf_release(&r->partial);
    memset(r, 0, sizeof *r);
}

static struct ring_line *line_at(const struct ring *r, size_t index)
{
    return &r->lines[(r->line_first + index) % r->line_size];
}

static void drop_first(struct ring *r)
{
    r->line_first = (r->line_first + 1) % r->line_size;
    r->line_count--;
    r->dropped++;
}

/* Twice the room, in the order of the lines. Until the maximum; then the oldest go. */
static bool grow_lines(struct ring *r)
{
    size_t size = r->line_size ? r->line_size * 2 : FIRST_LINES;
    struct ring_line *more;

    if (size > RING_LINES_MAX)
        size = RING_LINES_MAX;
    if (size <= r->line_size)
        return false;
    more = calloc(size, sizeof *more);
    if (!more)
        return false;
    for (size_t i = 0; i < r->line_count; i++)
        more[i] = *line_at(r, i);
    free(r->lines);
    r->lines = more;
    r->line_size = size;
    r->line_first = 0;
    return true;
}

static bool grow_bytes(struct ring *r, size_t wanted)
{
    size_t size = r->size ? r->size * 2 : FIRST_BYTES;
    char *more;

    while (size < wanted)
        size *= 2;
    if (size > RING_BYTES_MAX)
        size = RING_BYTES_MAX;
    if (size <= r->size)
        return false;
    more = realloc(r->bytes, size);
    if (!more)
        return false;
    r->bytes = more;
    r->size = size;
    return true;
}

/* Make [at, at + len) free: the lines that lie there are the oldest ones. */
static void free_place(struct ring *r, size_t at, size_t len)
{
    while (r->line_count > 0) {
        const struct ring_line *first = line_at(r, 0);

        if (first->at >= at + len || first->at + first->len + 1 <= at)
            return;
        drop_first(r);
    }
}

static size_t place_for(struct ring *r, size_t len)
{
    if (r->used + len > r->size && !r->full && !grow_bytes(r, r->used + len))
        r->full = true;
    if (r->used + len > r->size) {
        /* What lies between here and the end goes with the turn. */
        free_place(r, r->used, r->size - r->used);
        r->used = 0;
    }
    free_place(r, r->used, len);
    return r->used;
}

static enum err_code line_push(struct ring *r, struct err *e)
{
    STRBUF clean = {0};
    size_t at;

    strbuf_init(&clean, (size_t)8 * RING_LINE_BYTES_MAX);
    text_clean(&clean, r->partial.data, r->partial.len, r->ascii ? TEXT_ASCII : 0);
    strbuf_reset(&r->partial);
    if (r->line_count == r->line_size && !grow_lines(r)) {
        if (r->line_size == 0)
            return err_set(e, ERR_INTERNAL, "out of memory");
        drop_first(r);
    }
    if (!r->bytes && !grow_bytes(r, clean.len + 1))
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (clean.len + 1 > RING_BYTES_MAX)
        return ERR_OK;
    at = place_for(r, clean.len + 1);
    if (at + clean.len + 1 > r->size)
        return err_set(e, ERR_INTERNAL, "out of memory");
    memcpy(r->bytes + at, clean.data, clean.len + 1);
    r->line_count++;
    *line_at(r, r->line_count - 1) = (struct ring_line){(uint32_t)at, (uint32_t)clean.len};
    r->used = at + clean.len + 1;
    return ERR_OK;
}

enum err_code ring_add(struct ring *r, const char *bytes, size_t len, struct err *e)
{
    for (size_t i = 0; i < len; i++) {
        bool newline = bytes[i] == '\n';

        if (r->returned && !newline && bytes[i] != '\r')
            strbuf_reset(&r->partial);
        r->returned = bytes[i] == '\r';
        if (!newline && !r->returned)
            strbuf_addc(&r->partial, bytes[i]);
        /* Cut long lines between characters, not inside one. */
        if (newline ||
            (r->partial.len >= RING_LINE_BYTES_MAX - 4 &&
             (i + 1 == len || ((unsigned char)bytes[i + 1] & 0xC0) != 0x80)) ||
            r->partial.len >= RING_LINE_BYTES_MAX) {
            enum err_code rc = line_push(r, e);

            if (rc)
                return rc;
        }
    }
    return ERR_OK;
}

size_t ring_count(const struct ring *r)
{
    return r->line_count + (r->partial.len > 0);
}

void ring_line(const struct ring *r, size_t index, struct strbuf *out)
{
    strbuf_reset(out);
    if (index < r->line_count)
        strbuf_add(out, r->bytes + line_at(r, index)->at, line_at(r, index)->len);
    else if (index == r->line_count)
        text_clean(out, r->partial.data, r->partial.len, r->ascii ? TEXT_ASCII : 0);
}
