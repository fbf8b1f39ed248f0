/* The growing text. Doubles its memory, never beyond its maximum. */
#include "core/strbuf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRBUF_BYTES_FIRST 64

/* What `data` points at before the first byte; shared by all, so never written. */
static char empty[1];

void strbuf_init(struct strbuf *s, size_t len_max)
{
    /* So that sums of lengths cannot overflow. */
    size_t max = len_max < SIZE_MAX / 4 ? len_max : SIZE_MAX / 4;

    *s = (struct strbuf){.data = empty, .len_max = max};
}

void strbuf_release(struct strbuf *s)
{
    size_t len_max = s->len_max;

    if (s->size)
        free(s->data);
    strbuf_init(s, len_max);
}

void strbuf_reset(struct strbuf *s)
{
    s->len = 0;
    s->failed = false;
    if (s->size)
        s->data[0] = '\0';
}

/* Make room for `more` bytes and the NUL. */
static bool strbuf_grow_slowly(struct strbuf *s, size_t more)
{
    size_t need, size;
    char *data;

    if (s->failed)
        return false;
    if (more > s->len_max - s->len) {
        s->failed = true;
        return false;
    }
    need = s->len + more + 1;
    if (need <= s->size)
        return true;
    size = s->size ? s->size : STRBUF_BYTES_FIRST;
    while (size < need)
        size *= 2;
    if (size - 1 > s->len_max)
        size = s->len_max + 1;
    data = realloc(s->size ? s->data : NULL, size);
    if (!data) {
        s->failed = true;
        return false;
    }
    if (!s->size)
        data[0] = '\0';
    s->data = data;
    s->size = size;
    return true;
}

/* Nearly every append fits: the memory never exceeds the maximum, so one test will do. */
static inline bool strbuf_grow(struct strbuf *s, size_t more)
{
    return (more < s->size - s->len && !s->failed) || strbuf_grow_slowly(s, more);
}

void strbuf_add(struct strbuf *s, const void *bytes, size_t len)
{
    if (len == 0 || !strbuf_grow(s, len))
        return;
    memcpy(s->data + s->len, bytes, len);
    s->len += len;
    s->data[s->len] = '\0';
}

void strbuf_adds(struct strbuf *s, const char *text)
{
    strbuf_add(s, text, strlen(text));
}

void strbuf_addc(struct strbuf *s, char c)
{
    if (!strbuf_grow(s, 1))
        return;
    s->data[s->len++] = c;
    s->data[s->len] = '\0';
}

void strbuf_vaddf(struct strbuf *s, const char *fmt, va_list ap)
{
    size_t room = s->size ? s->size - s->len : 0;
    va_list again;
    int n;

    if (s->failed)
        return;
    va_copy(again, ap);
    n = vsnprintf(room ? s->data + s->len : NULL, room, fmt, ap);
    if (n < 0) {
        s->failed = true;
    } else if (n > 0 && (size_t)n >= room) {
        /* The first try may have written a cut text: close it again if this fails. */
        if (room)
            s->data[s->len] = '\0';
        if (strbuf_grow(s, (size_t)n))
            vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
    }
    if (n > 0 && !s->failed)
        s->len += (size_t)n;
    va_end(again);
    assert(!s->size || s->data[s->len] == '\0');
}

void strbuf_addf(struct strbuf *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(s, fmt, ap);
    va_end(ap);
}

void strbuf_consume(struct strbuf *s, size_t n)
{
    assert(n <= s->len);
    if (n == 0)
        return;
    memmove(s->data, s->data + n, s->len - n + 1);
    s->len -= n;
}

char *strbuf_take(struct strbuf *s)
{
    char *text = NULL;

    if (!s->failed && s->size) {
        text = s->data;
        s->size = 0;
    } else if (!s->failed) {
        text = calloc(1, 1);
    }
    strbuf_release(s);
    return text;
}

bool text_copy(char *dst, size_t size, const char *src)
{
    size_t len = strlen(src);
    bool fits = len < size;

    assert(size > 0);
    if (!fits)
        len = size - 1;
    memmove(dst, src, len);
    dst[len] = '\0';
    return fits;
}
