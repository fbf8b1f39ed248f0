/* Editing of one line. Positions are bytes on borders of characters. */
#include "tui/screen/line.h"

#include <string.h>

#include "core/text.h"

void line_set(struct line *l, const char *text)
{
    size_t max = l->len_max && l->len_max < sizeof l->text ? l->len_max : sizeof l->text - 1;
    size_t len = strlen(text);

    if (len > max)
        for (len = max; len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--;
    memcpy(l->text, text, len);
    l->text[len] = '\0';
    l->len = l->at = len;
}

static size_t encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

void line_insert(struct line *l, uint32_t c)
{
    size_t max = l->len_max && l->len_max < sizeof l->text ? l->len_max : sizeof l->text - 1;
    char bytes[4];
    size_t n;

    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c >= 0x110000 || (c >= 0xd800 && c < 0xe000) ||
        text_width_of(c) == 0)
        return;
    n = encode(c, bytes);
    if (l->len + n > max)
        return;
    memmove(l->text + l->at + n, l->text + l->at, l->len - l->at + 1);
    memcpy(l->text + l->at, bytes, n);
    l->len += n;
    l->at += n;
}

/* The border before `at`. */
static size_t before(const struct line *l, size_t at)
{
    while (at > 0 && ((unsigned char)l->text[--at] & 0xC0) == 0x80) {
    }
    return at;
}

static size_t after(const struct line *l, size_t at)
{
    uint32_t code;

    return at + text_decode(l->text + at, l->len - at, &code);
}

static void erase(struct line *l, size_t from, size_t to)
{
    memmove(l->text + from, l->text + to, l->len - to + 1);
    l->len -= to - from;
    l->at = from;
}

static size_t word_start(const struct line *l)
{
    size_t at = l->at;

    while (at > 0 && l->text[at - 1] == ' ')
        at--;
    while (at > 0 && l->text[at - 1] != ' ')
        at--;
    return at;
}

void line_edit(struct line *l, enum line_op op)
{
    switch (op) {
    case LINE_LEFT:
        l->at = before(l, l->at);
        break;
    case LINE_RIGHT:
        l->at = after(l, l->at);
        break;
    case LINE_START:
        l->at = 0;
        break;
    case LINE_END:
        l->at = l->len;
        break;
    case LINE_ERASE:
        erase(l, before(l, l->at), l->at);
        break;
    case LINE_DELETE:
        erase(l, l->at, after(l, l->at));
        break;
    case LINE_ERASE_WORD:
        erase(l, word_start(l), l->at);
        break;
    case LINE_ERASE_ALL:
        line_set(l, "");
        break;
    }
}

void line_draw(const struct line *l, struct canvas *c, int row, int col, int width, bool active)
{
    enum style style = active ? STYLE_INPUT : STYLE_NORMAL;
    char head[LINE_BYTES_MAX];
    int cursor, skip;

    if (width <= 0)
        return;
    memcpy(head, l->text, l->at);
    head[l->at] = '\0';
    cursor = text_width(head);
    skip = active && cursor >= width ? cursor - width + 1 : 0;
    canvas_fill(c, row, col, width, style);
    canvas_slice(c, row, col, width, style, l->text, skip);
    if (active)
        canvas_cursor_at(c, row, col + cursor - skip, true);
}
