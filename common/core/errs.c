/* The error list made into tables, and the sentence that grows. Knows nothing of
 * HTTP beyond the numbers in that list. */
#include "core/errs.h"

#undef err_set /* the definitions themselves, for the analyser too */
#undef err_wrap

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/strbuf.h"

struct err_row {
    int http;
    const char *slug, *text;
};

static const struct err_row rows[ERR_COUNT] = {[ERR_OK] = {200, "ok", "no error"},
#define X(code, http, slug, text) [code] = {http, slug, text},
                                               ERR_LIST(X)
#undef X
};

static const struct err_row *row_of(enum err_code code)
{
    return &rows[code < ERR_COUNT ? code : ERR_INTERNAL];
}

/* A sentence cut at the buffer's end must not end in half a character. */
static void text_trim(char *text, size_t size, int wanted)
{
    size_t len = strlen(text);

    if (wanted >= 0 && (size_t)wanted < size)
        return;
    while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
        len--;
    if (len > 0 && (unsigned char)text[len - 1] >= 0xC0)
        len--;
    text[len] = '\0';
}

/* Only the cut tail may be incomplete; a full buffer that ends well loses at most one
 * character, which nobody misses. */
PRINTF_LIKE(3, 0)
static void text_vformat(char *text, size_t size, const char *fmt, va_list ap)
{
    int wanted = vsnprintf(text, size, fmt, ap);

    text_trim(text, size, wanted);
}

void err_clear(struct err *e)
{
    if (!e)
        return;
    e->code = ERR_OK;
    e->msg[0] = '\0';
    e->detail_count = e->fact_count = 0;
}

enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    char msg[ERR_MSG_MAX]; /* the arguments may point into e itself */
    va_list ap;

    assert(code != ERR_OK);
    if (!e)
        return code;
    va_start(ap, fmt);
    text_vformat(msg, sizeof msg, fmt, ap);
    va_end(ap);
    err_clear(e);
    e->code = code;
    memcpy(e->msg, msg, sizeof msg);
    return code;
}

enum err_code err_wrap(struct err *e, enum err_code code, const char *fmt, ...)
{
    char old[ERR_MSG_MAX], context[ERR_MSG_MAX];
    va_list ap;

    assert(code != ERR_OK);
    if (!e)
        return code;
    va_start(ap, fmt);
    text_vformat(context, sizeof context, fmt, ap);
    va_end(ap);
    text_copy(old, sizeof old, e->msg[0] ? e->msg : err_text(code));
    text_trim(e->msg, sizeof e->msg, snprintf(e->msg, sizeof e->msg, "%s: %s", context, old));
    e->code = code;
    return code;
}

void err_detail(struct err *e, const char *pointer, const char *code, const char *fmt, ...)
{
    struct err_detail *d;
    va_list ap;

    assert(code);
    if (!e || e->detail_count >= ERR_DETAILS_MAX)
        return;
    d = &e->details[e->detail_count++];
    text_trim(d->pointer, sizeof d->pointer,
              snprintf(d->pointer, sizeof d->pointer, "%s", pointer));
    d->code = code;
    va_start(ap, fmt);
    text_vformat(d->text, sizeof d->text, fmt, ap);
    va_end(ap);
}

static struct err_fact *fact_new(struct err *e, const char *key, enum err_fact_kind kind)
{
    struct err_fact *f;

    assert(key);
    if (!e || e->fact_count >= ERR_FACTS_MAX)
        return NULL;
    f = &e->facts[e->fact_count++];
    f->key = key;
    f->kind = kind;
    f->value = 0;
    f->text[0] = '\0';
    return f;
}

void err_fact_text(struct err *e, const char *key, const char *fmt, ...)
{
    struct err_fact *f = fact_new(e, key, ERR_FACT_TEXT);
    va_list ap;

    if (!f)
        return;
    va_start(ap, fmt);
    text_vformat(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
}

void err_fact_int(struct err *e, const char *key, int64_t value)
{
    struct err_fact *f = fact_new(e, key, ERR_FACT_INT);

    if (f)
        f->value = value;
}

void err_fact_money(struct err *e, const char *key, int64_t micros, const char *currency)
{
    struct err_fact *f = fact_new(e, key, ERR_FACT_MONEY);

    if (!f)
        return;
    f->value = micros;
    snprintf(f->text, sizeof f->text, "%s", currency);
}

int err_http_status(enum err_code code)
{
    return row_of(code)->http;
}

const char *err_slug(enum err_code code)
{
    return row_of(code)->slug;
}

const char *err_text(enum err_code code)
{
    return row_of(code)->text;
}

enum err_code err_from_slug(const char *slug)
{
    for (size_t i = 0; slug && i < ERR_COUNT; i++)
        if (strcmp(rows[i].slug, slug) == 0)
            return (enum err_code)i;
    return ERR_INTERNAL;
}
