/* The grid of cells: drawing and clipping. Writes nothing to a terminal. */
#include "tui/screen/canvas.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define ELLIPSIS 0x2026u

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static struct cell *cell_at(const struct canvas *c, int row, int col)
{
    return &c->cells[(size_t)row * (size_t)c->stride + (size_t)col];
}

static bool has(const struct canvas *c, int row, int col)
{
    return row >= 0 && row < c->rows && col >= 0 && col < c->cols;
}

static void cell_blank(struct cell *cell, enum style style)
{
    *cell = (struct cell){.base = ' ', .width = 1, .style = (uint8_t)style};
}

enum err_code canvas_init(struct canvas *c, int rows, int cols, bool ascii, struct err *e)
{
    struct canvas made = {.ascii = ascii};

    made.rows = clamp(rows, 1, CANVAS_ROWS_MAX);
    made.cols = made.stride = clamp(cols, 1, CANVAS_COLS_MAX);
    made.cells = calloc((size_t)made.rows * (size_t)made.cols, sizeof *made.cells);
    made.cursor = calloc(1, sizeof *made.cursor);
    if (!made.cells || !made.cursor) {
        canvas_release(&made);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    canvas_clear(&made);
    *c = made;
    return ERR_OK;
}

void canvas_release(struct canvas *c)
{
    free(c->cells);
    free(c->cursor);
    memset(c, 0, sizeof *c);
}

void canvas_clear(struct canvas *c)
{
    for (int row = 0; row < c->rows; row++)
        canvas_fill(c, row, 0, c->cols, STYLE_NORMAL);
    canvas_cursor_at(c, 0, 0, false);
}

struct canvas canvas_part(const struct canvas *c, int row, int col, int rows, int cols)
{
    struct canvas part = *c;
    int top = clamp(row, 0, c->rows), left = clamp(col, 0, c->cols);

    part.rows = clamp(row + rows, top, c->rows) - top;
    part.cols = clamp(col + cols, left, c->cols) - left;
    if (part.rows > 0 && part.cols > 0)
        part.cells = cell_at(c, top, left);
    else
        part.rows = part.cols = 0;
    part.row_origin += top;
    part.col_origin += left;
    return part;
}

/* A wide character of which one half is about to be overwritten loses the other half. */
static void unpair(struct canvas *c, int row, int col)
{
    struct cell *cell = cell_at(c, row, col);

    if (cell->width == 0 && col > 0)
        cell_blank(cell_at(c, row, col - 1), (enum style)cell_at(c, row, col - 1)->style);
    if (cell->width == 2 && col + 1 < c->cols)
        cell_blank(cell_at(c, row, col + 1), (enum style)cell_at(c, row, col + 1)->style);
}

/* Put one character; the caller has checked that it fits into its field. */
static void put(struct canvas *c, int row, int col, uint32_t base, int width, enum style style)
{
    if (!has(c, row, col))
        return;
    unpair(c, row, col);
    if (width == 2) {
        if (!has(c, row, col + 1)) {
            cell_blank(cell_at(c, row, col), style);
            return;
        }
        unpair(c, row, col + 1);
        *cell_at(c, row, col + 1) = (struct cell){.style = (uint8_t)style};
    }
    *cell_at(c, row, col) =
        (struct cell){.base = base, .width = (uint8_t)width, .style = (uint8_t)style};
}

static void put_mark(struct canvas *c, int row, int col, uint32_t mark)
{
    if (!has(c, row, col))
        return;
    if (cell_at(c, row, col)->width == 0 && col > 0)
        col--;
    for (int i = 0; i < CELL_MARKS_MAX; i++)
        if (!cell_at(c, row, col)->marks[i]) {
            cell_at(c, row, col)->marks[i] = mark;
            return;
        }
}

/* Draw clean text from its cell `skip` on. Stops before a character that does not fit. */
static int draw_clean(struct canvas *c, int row, int col, int width, enum style style,
                      const char *text, int skip)
{
    size_t len = strlen(text), at = 0;
    int passed = 0, used = 0;

    while (at < len) {
        uint32_t code;
        size_t n = text_decode(text + at, len - at, &code);
        int cells = text_width_of(code);

        at += n;
        if (cells == 0) {
            if (used > 0 && code >= 0x300)
                put_mark(c, row, col + used - 1, code);
            continue;
        }
        passed += cells;
        if (passed <= skip)
            continue;
        if (passed - skip < cells) { /* the right half of a character that is cut */
            code = ' ';
            cells = 1;
        }
        if (used + cells > width)
            break;
        put(c, row, col + used, code, cells, style);
        used += cells;
    }
    return used;
}

/* Most texts are short and plain: they need no cleaning. */
static bool is_plain(const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at < 0x20 || *at > 0x7e)
            return false;
    return true;
}

static void clean(const struct canvas *c, const char *text, struct strbuf *out)
{
    size_t len = strnlen(text, CANVAS_TEXT_MAX);

    text_clean(out, text, len, TEXT_ONE_LINE | (c->ascii ? TEXT_ASCII : 0));
}

static int draw_cut(struct canvas *c, int row, int col, int width, enum style style,
                    const char *text, int cells)
{
    int used;

    if (cells <= width)
        return draw_clean(c, row, col, width, style, text, 0);
    used = draw_clean(c, row, col, width - 1, style, text, 0);
    put(c, row, col + used, c->ascii ? '~' : ELLIPSIS, 1, style);
    return used + 1;
}

static int draw(struct canvas *c, int row, int col, int width, enum style style, const char *text,
                bool right)
{
    STRBUF cleaned = {0};
    const char *shown = text;
    int cells;

    strbuf_init(&cleaned, 4 * CANVAS_TEXT_MAX);
    if (!is_plain(text)) {
        clean(c, text, &cleaned);
        shown = cleaned.data;
    }
    if (col + width > c->cols)
        width = c->cols - col;
    if (width <= 0 || row < 0 || row >= c->rows)
        return 0;
    cells = text_width(shown);
    if (right && cells < width)
        col += width - cells;
    return draw_cut(c, row, col, width, style, shown, cells);
}

int canvas_text(struct canvas *c, int row, int col, int width, enum style style, const char *text)
{
    return draw(c, row, col, width, style, text, false);
}

int canvas_right(struct canvas *c, int row, int col, int width, enum style style, const char *text)
{
    return draw(c, row, col, width, style, text, true);
}

int canvas_textf(struct canvas *c, int row, int col, int width, enum style style, const char *fmt,
                 ...)
{
    STRBUF text = {0};
    va_list ap;
    int used;

    strbuf_init(&text, CANVAS_TEXT_MAX);
    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    used = draw(c, row, col, width, style, text.data, false);
    return used;
}

int canvas_slice(struct canvas *c, int row, int col, int width, enum style style, const char *text,
                 int skip)
{
    if (col + width > c->cols)
        width = c->cols - col;
    if (width <= 0 || row < 0 || row >= c->rows)
        return 0;
    return draw_clean(c, row, col, width, style, text, skip);
}

void canvas_restyle(struct canvas *c, int row, int col, int width, enum style style)
{
    for (int i = clamp(col, 0, c->cols); i < clamp(col + width, 0, c->cols); i++)
        if (has(c, row, i))
            cell_at(c, row, i)->style = (uint8_t)style;
}

void canvas_fill(struct canvas *c, int row, int col, int width, enum style style)
{
    int end = clamp(col + width, 0, c->cols);

    for (int i = clamp(col, 0, c->cols); i < end && row >= 0 && row < c->rows; i++)
        put(c, row, i, ' ', 1, style);
}

static void put_line(struct canvas *c, int row, int col, int width, enum style style)
{
    for (int i = 0; i < width && col + i < c->cols; i++)
        put(c, row, col + i, c->ascii ? '-' : 0x2500u, 1, style);
}

void canvas_box(struct canvas *c, enum style style, const char *title)
{
    static const uint32_t corners[] = {0x250Cu, 0x2510u, 0x2514u, 0x2518u};
    int last_row = c->rows - 1, last_col = c->cols - 1;

    for (int row = 0; row < c->rows; row++) {
        canvas_fill(c, row, 0, c->cols, STYLE_NORMAL);
        put(c, row, 0, c->ascii ? '|' : 0x2502u, 1, style);
        put(c, row, last_col, c->ascii ? '|' : 0x2502u, 1, style);
    }
    put_line(c, 0, 0, c->cols, style);
    put_line(c, last_row, 0, c->cols, style);
    for (int i = 0; i < 4; i++)
        put(c, i < 2 ? 0 : last_row, i % 2 ? last_col : 0, c->ascii ? '+' : corners[i], 1, style);
    canvas_textf(c, 0, 2, c->cols - 4, STYLE_STRONG, " %s ", title);
}

void canvas_cursor_at(struct canvas *c, int row, int col, bool visible)
{
    if (!c->cursor || c->rows == 0 || c->cols == 0)
        return;
    c->cursor->row = c->row_origin + clamp(row, 0, c->rows - 1);
    c->cursor->col = c->col_origin + clamp(col, 0, c->cols - 1);
    c->cursor->visible = visible;
}

static void dump_code(struct strbuf *out, uint32_t code)
{
    if (code < 0x80) {
        strbuf_addc(out, (char)code);
    } else if (code < 0x800) {
        strbuf_addc(out, (char)(0xC0 | code >> 6));
        strbuf_addc(out, (char)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        strbuf_addc(out, (char)(0xE0 | code >> 12));
        strbuf_addc(out, (char)(0x80 | (code >> 6 & 0x3F)));
        strbuf_addc(out, (char)(0x80 | (code & 0x3F)));
    } else {
        strbuf_addc(out, (char)(0xF0 | code >> 18));
        strbuf_addc(out, (char)(0x80 | (code >> 12 & 0x3F)));
        strbuf_addc(out, (char)(0x80 | (code >> 6 & 0x3F)));
        strbuf_addc(out, (char)(0x80 | (code & 0x3F)));
    }
}

void canvas_dump(const struct canvas *c, struct strbuf *out)
{
    for (int row = 0; row < c->rows; row++) {
        int end = c->cols;

        while (end > 0 && cell_at(c, row, end - 1)->base == ' ')
            end--;
        for (int col = 0; col < end; col++) {
            const struct cell *cell = cell_at(c, row, col);

            if (cell->width == 0)
                continue;
            dump_code(out, cell->base);
            for (int i = 0; i < CELL_MARKS_MAX && cell->marks[i]; i++)
                dump_code(out, cell->marks[i]);
        }
        strbuf_addc(out, '\n');
    }
}
