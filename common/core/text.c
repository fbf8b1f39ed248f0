/* Text from outside made harmless, and how wide it is. Depends on no locale and keeps
 * no state. */
#include "core/text.h"

#include <string.h>

#include "common/core/text_ranges.h"

#define REPLACEMENT   0xFFFDu
#define TAB_CELLS     8
#define MARKS_MAX     2  /* combining marks kept after one base */
#define CSI_BYTES_MAX 32 /* a longer one is shown, not dropped */

static bool range_has(const struct text_range *r, size_t count, uint32_t c)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (c > r[mid].last)
            low = mid + 1;
        else if (c < r[mid].first)
            high = mid;
        else
            return true;
    }
    return false;
}

int text_width_of(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7F && c < 0xA0))
        return 0;
    if (c < 0x300)
        return 1;
    if (range_has(ranges_zero, ARRAY_SIZE(ranges_zero), c))
        return 0;
    return range_has(ranges_wide, ARRAY_SIZE(ranges_wide), c) ? 2 : 1;
}

/* Length of the sequence that starts with this byte, and the least value it may have
 * (shorter forms exist for what is below: overlong ones are malformed). */
static size_t sequence_len(unsigned char first, uint32_t *bits, uint32_t *least)
{
    if (first >= 0xC2 && first <= 0xDF) {
        *bits = first & 0x1Fu;
        *least = 0x80;
        return 2;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        *bits = first & 0x0Fu;
        *least = 0x800;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        *bits = first & 0x07u;
        *least = 0x10000;
        return 4;
    }
    return 0;
}

/* As text_decode(), but 0 when malformed. */
static size_t decode_strict(const char *bytes, size_t len, uint32_t *code_point)
{
    const unsigned char *b = (const unsigned char *)bytes;
    uint32_t c, least;
    size_t n;

    if (b[0] < 0x80) {
        *code_point = b[0];
        return 1;
    }
    n = sequence_len(b[0], &c, &least);
    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (b[i] & 0x3Fu);
    }
    if (c < least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *code_point = c;
    return n;
}

size_t text_decode(const char *bytes, size_t len, uint32_t *code_point)
{
    size_t n;

    if (len == 0)
        return 0;
    n = decode_strict(bytes, len, code_point);
    if (n == 0) {
        *code_point = REPLACEMENT;
        n = 1;
    }
    return n;
}

bool text_is_utf8(const char *bytes, size_t len)
{
    uint32_t c;
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = decode_strict(bytes + i, len - i, &c);
        if (n == 0 || c == 0)
            return false;
    }
    return true;
}

int text_width(const char *text)
{
    size_t len = strlen(text), n;
    int cells = 0;
    uint32_t c;

    for (size_t i = 0; i < len; i += n) {
        n = text_decode(text + i, len - i, &c);
        cells += text_width_of(c);
    }
    return cells;
}

/* Nothing to see, but able to reorder, hide or tag what is beside it: bidi controls,
 * joiners, fillers, variation selectors, tags, interlinear and line separators. */
static bool is_hidden(uint32_t c)
{
    static const struct text_range hidden[] = {
        {0x00AD, 0x00AD},   {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},
        {0x17B4, 0x17B5},   {0x180B, 0x180F}, {0x200B, 0x200F},   {0x2028, 0x202E},
        {0x2060, 0x206F},   {0x3164, 0x3164}, {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},
        {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
        {0xE0000, 0xE0FFF},
    };

    return range_has(hidden, ARRAY_SIZE(hidden), c);
}

/* Bytes of a whole colour or cursor sequence (ESC [ … letter) at `bytes`; 0 if it is not
 * one. Programs colour their logs; dropped whole, the log stays readable. */
static size_t csi_len(const char *bytes, size_t len)
{
    size_t i = 2;

    if (len < 3 || bytes[0] != '\033' || bytes[1] != '[')
        return 0;
    while (i < len && i < CSI_BYTES_MAX && bytes[i] >= 0x20 && bytes[i] <= 0x3F)
        i++;
    return i < len && i < CSI_BYTES_MAX && bytes[i] >= 0x40 && bytes[i] <= 0x7E ? i + 1 : 0;
}

struct cleaner {
    struct strbuf *out;
    unsigned flags;
    int column;
    int marks; /* after the last base; MARKS_MAX while there is no base */
};

static void clean_newline(struct cleaner *k)
{
    k->marks = MARKS_MAX;
    if (k->flags & TEXT_ONE_LINE) {
        strbuf_adds(k->out, k->flags & TEXT_ASCII ? "\\n" : "\u21B5");
        k->column += k->flags & TEXT_ASCII ? 2 : 1;
        return;
    }
    strbuf_addc(k->out, '\n');
    k->column = 0;
}

static void clean_control(struct cleaner *k, uint32_t c)
{
    k->marks = MARKS_MAX;
    if (c == '\t' && k->flags & TEXT_KEEP_TABS) {
        strbuf_addc(k->out, '\t');
        k->column += TAB_CELLS - k->column % TAB_CELLS;
    } else if (c == '\t') {
        do
            strbuf_addc(k->out, ' ');
        while (++k->column % TAB_CELLS);
    } else {
        strbuf_addc(k->out, '^');
        strbuf_addc(k->out, (char)(c ^ 0x40));
        k->column += 2;
    }
}

/* What is printed: `bytes` is its well-formed sequence. */
static void clean_visible(struct cleaner *k, uint32_t c, const char *bytes, size_t len)
{
    int width = text_width_of(c);

    if (width == 0 && (k->marks >= MARKS_MAX || k->flags & TEXT_ASCII))
        return;
    k->marks = width == 0 ? k->marks + 1 : 0;
    if (c >= 0x80 && k->flags & TEXT_ASCII) {
        strbuf_addc(k->out, '?');
        width = 1;
    } else if (c == REPLACEMENT) {
        strbuf_adds(k->out, "\uFFFD");
    } else {
        strbuf_add(k->out, bytes, len);
    }
    k->column += width;
}

/* One step; returns bytes used. */
static size_t clean_next(struct cleaner *k, const char *bytes, size_t len)
{
    size_t n = csi_len(bytes, len);
    uint32_t c = 0;

    if (n > 0)
        return n;
    n = text_decode(bytes, len, &c);
    if (c == '\r' && len > 1 && bytes[1] == '\n')
        return n; /* a line that ends as on Windows */
    if (c == '\n')
        clean_newline(k);
    else if (c < 0x20 || c == 0x7F)
        clean_control(k, c);
    else if (!(c >= 0x80 && c < 0xA0) && !is_hidden(c))
        clean_visible(k, c, bytes, n);
    return n;
}

void text_clean(struct strbuf *out, const char *bytes, size_t len, unsigned flags)
{
    struct cleaner k = {.out = out, .flags = flags, .marks = MARKS_MAX};
    size_t i = 0;

    while (i < len && !out->failed) {
        size_t plain = i;

        /* Nearly all text is plain: copy it in runs. */
        while (plain < len && bytes[plain] >= 0x20 && bytes[plain] < 0x7F)
            plain++;
        if (plain > i) {
            strbuf_add(out, bytes + i, plain - i);
            k.column += (int)(plain - i);
            k.marks = 0;
            i = plain;
        } else {
            i += clean_next(&k, bytes + i, len - i);
        }
    }
}
