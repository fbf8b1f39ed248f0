/* Where a decoding is, and the sentences it has for what it finds there. Knows rows only
 * to guess a misspelt name. */
#include "common/core/decoder.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

#define TYPO_BYTES_MAX 40 /* longer names are not compared */

/* Step into a member; `step` is escaped as RFC 6901 says. */
struct mark pointer_push(struct decoder *d, const char *step)
{
    struct mark before = {d->pointer_len, d->pointer_cut};
    size_t at = d->pointer_len;
    char *p = d->pointer;

    if (d->pointer_cut || at + 2 * strlen(step) + 2 > sizeof d->pointer) {
        d->pointer_cut = true;
        return before;
    }
    p[at++] = '/';
    for (; *step; step++) {
        if (*step == '~' || *step == '/') {
            p[at++] = '~';
            p[at++] = *step == '~' ? '0' : '1';
        } else {
            p[at++] = *step;
        }
    }
    p[at] = '\0';
    d->pointer_len = at;
    return before;
}

struct mark pointer_push_index(struct decoder *d, size_t index)
{
    char step[24];

    snprintf(step, sizeof step, "%zu", index);
    return pointer_push(d, step);
}

void pointer_pop(struct decoder *d, struct mark before)
{
    d->pointer_len = before.len;
    d->pointer_cut = before.cut;
    d->pointer[before.len] = '\0';
}

void mistake(struct decoder *d, const char *code, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;

    if (d->mistakes++ == 0)
        err_clear(d->e);
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    err_detail(d->e, d->pointer, code, "%s", text);
}

const char *excerpt(const char *text, char buf[EXCERPT_SIZE])
{
    STRBUF clean;
    size_t len = strlen(text);
    bool cut = len > EXCERPT_BYTES_MAX;

    strbuf_init(&clean, 4 * EXCERPT_BYTES_MAX);
    text_clean(&clean, text, cut ? EXCERPT_BYTES_MAX - 8 : len, TEXT_ONE_LINE);
    snprintf(buf, EXCERPT_SIZE, "%.*s%s", EXCERPT_BYTES_MAX - 8, clean.data, cut ? "…" : "");
    return buf;
}

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

void wrong_type(struct decoder *d, const char *expected, const json_t *v)
{
    bool unquoted =
        strncmp(expected, "a string", 8) == 0 && (json_is_number(v) || json_is_boolean(v));

    mistake(d, "wrong_type", "expected %s, got %s%s", expected, type_name(v),
            unquoted ? "; put it in quotes" : "");
}

bool text_check(struct decoder *d, const char *text, size_t len, const char *allowed)
{
    size_t n;

    if (d->mode == DECODE_READ)
        return true;
    for (size_t i = 0; i < len; i += n) {
        uint32_t c;

        n = text_decode(text + i, len - i, &c);
        if (c == 0xFFFD && n == 1) {
            mistake(d, "bad_text", "the text is not valid UTF-8");
            return false;
        }
        if ((c < 0x20 && (c == 0 || !strchr(allowed, (int)c))) || (c >= 0x7F && c < 0xA0)) {
            mistake(d, "bad_text", "control character U+%04" PRIX32 " is not allowed here", c);
            return false;
        }
    }
    return true;
}

bool length_check(struct decoder *d, size_t len, struct bounds b, const char *unit)
{
    if ((int64_t)len < b.min && d->mode != DECODE_READ) {
        if (len == 0)
            mistake(d, "too_short", "must not be empty");
        else
            mistake(d, "too_short", "at least %" PRId64 " %s expected, got %zu", b.min, unit, len);
        return false;
    }
    if ((int64_t)len > b.max) {
        mistake(d, "too_long", "at most %" PRId64 " %s allowed, got %zu", b.max, unit, len);
        return false;
    }
    return true;
}

/* The words "between 1 and 8", "at least 1", "at most 8". */
void out_of_range(struct decoder *d, struct bounds b, const char *got)
{
    if (b.max == INT64_MAX)
        mistake(d, "out_of_range", "must be at least %" PRId64 ", got %s", b.min, got);
    else if (b.min == INT64_MIN)
        mistake(d, "out_of_range", "must be at most %" PRId64 ", got %s", b.max, got);
    else
        mistake(d, "out_of_range", "must be between %" PRId64 " and %" PRId64 ", got %s", b.min,
                b.max, got);
}

bool range_check(struct decoder *d, int64_t n, struct bounds b)
{
    char got[24];

    if ((n >= b.min && n <= b.max) || d->mode == DECODE_READ)
        return true;
    snprintf(got, sizeof got, "%" PRId64, n);
    out_of_range(d, b, got);
    return false;
}

/* Changes that take the number of single letters away from a to b, and two neighbours
 * swapped count as one (optimal string alignment). */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][TYPO_BYTES_MAX + 1], la = strlen(a), lb = strlen(b);

    if (la > TYPO_BYTES_MAX || lb > TYPO_BYTES_MAX)
        return SIZE_MAX;
    for (size_t k = 0; k <= lb; k++)
        rows[0][k] = k;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

        now[0] = i;
        for (size_t k = 1; k <= lb; k++) {
            size_t best = above[k - 1] + (a[i - 1] != b[k - 1]);

            best = above[k] + 1 < best ? above[k] + 1 : best;
            best = now[k - 1] + 1 < best ? now[k - 1] + 1 : best;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                best = above2[k - 2] + 1 < best ? above2[k - 2] + 1 : best;
            now[k] = best;
        }
    }
    return rows[la % 3][lb];
}

const char *field_guess(const struct shape *s, const char *name)
{
    size_t best = strlen(name) / 3 + 1, distance;
    const char *guess = NULL;

    for (size_t i = 0; i < s->field_count; i++) {
        if (s->fields[i].flags & FIELD_READ_ONLY)
            continue;
        distance = edit_distance(name, s->fields[i].name);
        if (distance < best) {
            best = distance;
            guess = s->fields[i].name;
        }
    }
    return guess;
}

void unknown_field(struct decoder *d, const char *name, const char *guess)
{
    char shown[EXCERPT_SIZE];
    struct mark before = pointer_push(d, name);

    mistake(d, "unknown_field", "unknown field '%s'%s%s%s", excerpt(name, shown),
            guess ? ", did you mean '" : "", guess ? guess : "", guess ? "'?" : "");
    pointer_pop(d, before);
}

void missing_field(struct decoder *d, const char *name)
{
    struct mark before = pointer_push(d, name);

    mistake(d, "required", "field '%s' is required", name);
    pointer_pop(d, before);
}

enum err_code decoder_finish(struct decoder *d)
{
    const struct err_detail *first;
    char more[24] = "";

    if (d->no_memory)
        return err_set(d->e, ERR_INTERNAL, "out of memory");
    if (d->mistakes == 0)
        return ERR_OK;
    if (d->e) {
        first = &d->e->details[0];
        if (d->mistakes > 1)
            snprintf(more, sizeof more, " (and %u more)", (unsigned)d->mistakes - 1);
        snprintf(d->e->msg, sizeof d->e->msg, "%s%s%s%s", first->pointer,
                 first->pointer[0] ? ": " : "", first->text, more);
        d->e->code = ERR_INVALID;
    }
    return ERR_INVALID;
}
