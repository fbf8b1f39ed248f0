/* A struct to JSON text by its rows, straight into the buffer: this runs once per row
 * of every list, so no tree is built and no format string is parsed. */
#include "common/core/shape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define INT_TEXT_MAX     21
#define WHOLE_NUMBER_MAX 1e15 /* below it a double holds every whole number */

void json_add_int(struct strbuf *out, int64_t value)
{
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char text[INT_TEXT_MAX], *p = text + sizeof text;

    do
        *--p = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--p = '-';
    strbuf_add(out, p, (size_t)(text + sizeof text - p));
}

void json_add_number(struct strbuf *out, double value)
{
    char text[64];
    bool point = false;

    if (!isfinite(value)) {
        strbuf_adds(out, "null");
        return;
    }
    if (fabs(value) < WHOLE_NUMBER_MAX && value == (double)(int64_t)value) {
        json_add_int(out, (int64_t)value);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    /* What is neither digit, sign nor exponent is the locale's decimal point. */
    for (const char *p = text; *p; p++) {
        if (strchr("0123456789+-e", *p))
            strbuf_addc(out, *p);
        else if (!point)
            strbuf_addc(out, '.');
        point = point || !strchr("0123456789+-e", *p);
    }
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void quote_ascii(struct strbuf *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *at = c ? strchr(from, c) : NULL;

    if (at) {
        strbuf_addc(out, '\\');
        strbuf_addc(out, to[at - from]);
        return;
    }
    strbuf_adds(out, "\\u00");
    strbuf_addc(out, hex[c >> 4]);
    strbuf_addc(out, hex[c & 15]);
}

static void json_quote_bytes(struct strbuf *out, const char *bytes, size_t len)
{
    size_t i = 0, run;

    strbuf_addc(out, '"');
    while (i < len) {
        uint32_t c;

        for (run = i; run < len && is_plain((unsigned char)bytes[run]); run++)
            continue;
        strbuf_add(out, bytes + i, run - i);
        i = run;
        if (i == len)
            break;
        run = text_decode(bytes + i, len - i, &c);
        if (c < 0x80)
            quote_ascii(out, (unsigned char)c);
        else if (run == 1)
            strbuf_adds(out, "\uFFFD");
        else
            strbuf_add(out, bytes + i, run);
        i += run;
    }
    strbuf_addc(out, '"');
}

void json_quote(struct strbuf *out, const char *text)
{
    json_quote_bytes(out, text, strlen(text));
}

static void encode_time(struct strbuf *out, int64_t at_ms)
{
    char text[RFC3339_MAX];

    if (at_ms == 0) {
        strbuf_add(out, "null", 4);
        return;
    }
    rfc3339_format(at_ms, text);
    strbuf_addc(out, '"');
    strbuf_adds(out, text);
    strbuf_addc(out, '"');
}

static void encode_money(struct strbuf *out, const struct money *m)
{
    if (!m->currency[0]) {
        strbuf_add(out, "null", 4);
        return;
    }
    strbuf_adds(out, "{\"" MONEY_AMOUNT "\":");
    json_add_int(out, m->micros);
    strbuf_adds(out, ",\"" MONEY_CURRENCY "\":");
    json_quote_bytes(out, m->currency, strnlen(m->currency, sizeof m->currency));
    strbuf_addc(out, '}');
}

static void encode_list(struct strbuf *out, const struct field *f, const void *obj)
{
    const char *items = field_items_in(f, obj);
    size_t count = field_count_in(f, obj), size = field_item_size(f);

    strbuf_addc(out, '[');
    for (size_t i = 0; i < count; i++) {
        const char *item = items + i * size;

        if (i > 0)
            strbuf_addc(out, ',');
        if (f->of)
            shape_encode(f->of, item, out);
        else
            json_quote_bytes(out, item, strnlen(item, size));
    }
    strbuf_addc(out, ']');
}

static void encode_enum(struct strbuf *out, const struct field *f, int value)
{
    /* A value without a name can only come from a damaged row: show nothing rather than
     * read past the names. */
    if (value < 0 || (size_t)value >= names_count(f->names))
        strbuf_add(out, "null", 4);
    else
        json_quote(out, f->names[value]);
}

static void encode_value(struct strbuf *out, const struct field *f, const void *obj)
{
    const void *at = field_in(f, obj);
    const char *text;

    switch (f->kind) {
    case FIELD_STRING:
        json_quote_bytes(out, at, strnlen(at, f->size));
        break;
    case FIELD_TEXT:
        text = *(const char *const *)at;
        if (text)
            json_quote(out, text);
        else
            strbuf_add(out, "null", 4);
        break;
    case FIELD_BOOL:
        strbuf_adds(out, *(const bool *)at ? "true" : "false");
        break;
    case FIELD_INT:
        json_add_int(out, *(const int64_t *)at);
        break;
    case FIELD_NUMBER:
        json_add_number(out, *(const double *)at);
        break;
    case FIELD_TIME:
        encode_time(out, *(const int64_t *)at);
        break;
    case FIELD_MONEY:
        encode_money(out, at);
        break;
    case FIELD_ENUM:
        encode_enum(out, f, *(const int *)at);
        break;
    case FIELD_OBJECT:
        shape_encode(f->of, at, out);
        break;
    case FIELD_LIST:
        encode_list(out, f, obj);
        break;
    }
}

void shape_encode(const struct shape *s, const void *in, struct strbuf *out)
{
    bool first = true;

    strbuf_addc(out, '{');
    for (size_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];

        if (f->flags & FIELD_SECRET || (f->flags & FIELD_OMIT && field_is_empty(f, in)))
            continue;
        strbuf_adds(out, first ? "\"" : ",\"");
        strbuf_adds(out, f->name);
        strbuf_add(out, "\":", 2);
        encode_value(out, f, in);
        first = false;
    }
    strbuf_addc(out, '}');
}

void shape_encode_list(const struct shape *s, const void *items, size_t count,
                       const char *next_cursor, struct strbuf *out)
{
    strbuf_adds(out, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_addc(out, ',');
        shape_encode(s, (const char *)items + i * s->size, out);
    }
    strbuf_addc(out, ']');
    if (next_cursor && next_cursor[0]) {
        strbuf_adds(out, ",\"next_cursor\":");
        json_quote(out, next_cursor);
    }
    strbuf_addc(out, '}');
}

json_t *shape_to_json(const struct shape *s, const void *in)
{
    STRBUF text;

    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    shape_encode(s, in, &text);
    return text.failed ? NULL : json_loadb(text.data, text.len, 0, NULL);
}
