/* A growing text with a maximum. `data` is never NULL and always ends in NUL,
 * so it can be printed at any time. Going over the maximum or out of memory
 * sets `failed`, which sticks: append freely, check once at the end. */
#ifndef CORE_STRBUF_H
#define CORE_STRBUF_H

#include <stdarg.h>

#include "core/base.h"

struct strbuf {
    char *data;
    size_t len;     /* bytes before the NUL */
    size_t size;    /* bytes allocated; 0 while data is the shared empty text */
    size_t len_max; /* growing past this fails */
    bool failed;
};

void strbuf_init(struct strbuf *s, size_t len_max);
/* Frees the contents; the struct is as after strbuf_init(). Accepts a zeroed struct. */
void strbuf_release(struct strbuf *s);
/* Empty and forget `failed`; keeps the memory. */
void strbuf_reset(struct strbuf *s);

void strbuf_add(struct strbuf *s, const void *bytes, size_t len);
void strbuf_adds(struct strbuf *s, const char *text);
void strbuf_addc(struct strbuf *s, char c);
void strbuf_addf(struct strbuf *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *s, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Drop the first n bytes (n <= len). */
void strbuf_consume(struct strbuf *s, size_t n);
/* The text as malloc'ed memory that the caller owns (never NULL unless failed);
 * the buffer is empty afterwards. */
char *strbuf_take(struct strbuf *s);

/* Released on every return, so never left uninitialised: `STRBUF s = {0};` where a return
 * may come before strbuf_init(). */
#define STRBUF CLEANUP(strbuf_release) struct strbuf

/* Copy with truncation: always NUL-terminates, returns false when cut. */
bool text_copy(char *dst, size_t size, const char *src);

#endif
