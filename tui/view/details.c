/* The pen of details views. */
#include "tui/view/details.h"

#include <stdio.h>
#include <string.h>

#include "tui/screen/text.h"

#define LABEL_CELLS 18

static void text_at(struct pen *p, int col, enum style style, const char *text)
{
    int width = p->cols - col;
    int lines = paragraph_draw(NULL, 0, 0, width, 0, style, text);

    /* Lines that are scrolled away are cut off by the canvas. */
    if (p->canvas)
        paragraph_draw(p->canvas, p->row - p->scroll, col, width, lines, style, text);
    p->row += lines > 0 ? lines : 1;
}

void pen_title(struct pen *p, const char *text)
{
    text_at(p, 1, STYLE_HEAD, text);
}

void pen_value(struct pen *p, enum style style, const char *label, const char *fmt, ...)
{
    STRBUF value = {0};
    va_list ap;

    strbuf_init(&value, CANVAS_TEXT_MAX);
    va_start(ap, fmt);
    strbuf_vaddf(&value, fmt, ap);
    va_end(ap);
    if (value.len == 0)
        return;
    if (p->canvas)
        canvas_text(p->canvas, p->row - p->scroll, 2, LABEL_CELLS - 1, STYLE_DIM, label);
    text_at(p, 2 + LABEL_CELLS, style, value.data);
}

void pen_text(struct pen *p, enum style style, const char *text)
{
    text_at(p, 2, style, text);
}

void pen_gap(struct pen *p)
{
    p->row++;
}

/* Rows that are left for lines: one says what is not seen. */
static int page_of(int lines, int rows)
{
    return lines > rows && rows > 1 ? rows - 1 : rows;
}

static int scroll_most(int lines, int rows)
{
    int page = page_of(lines, rows);

    return lines > page ? lines - page : 0;
}

static int lines_count(lines_fn *lines, const void *ctx, int cols, int64_t now_ms)
{
    struct pen p = {.cols = cols};

    lines(ctx, &p, now_ms);
    return p.row;
}

void details_draw(lines_fn *lines, const void *ctx, struct canvas *c, int scroll, int64_t now_ms)
{
    int count = lines_count(lines, ctx, c->cols, now_ms);
    int page = page_of(count, c->rows), most = scroll_most(count, c->rows);
    struct canvas part = canvas_part(c, 0, 0, page, c->cols);
    struct pen p = {.canvas = &part, .cols = c->cols};
    char above[32] = "", below[32] = "";

    p.scroll = scroll < most ? scroll : most;
    lines(ctx, &p, now_ms);
    if (page == c->rows)
        return;
    if (p.scroll > 0)
        snprintf(above, sizeof above, "PgUp: %d more above", p.scroll);
    if (p.scroll < most)
        snprintf(below, sizeof below, "PgDn: %d more below", most - p.scroll);
    /* Where there is no room for both, what is still to be read counts. */
    if (!below[0] || (int)strlen(above) + (int)strlen(below) + 5 <= c->cols)
        canvas_text(c, c->rows - 1, 2, c->cols - 2, STYLE_ACCENT, above);
    canvas_right(c, c->rows - 1, 2, c->cols - 3, STYLE_ACCENT, below);
}

bool details_act(lines_fn *lines, const void *ctx, int rows, int cols, int *scroll, int64_t now_ms,
                 enum key_action a)
{
    int count = lines_count(lines, ctx, cols, now_ms), most = scroll_most(count, rows);
    int page = page_of(count, rows), step = page > 1 ? page - 1 : 1;
    int at = *scroll < most ? *scroll : most;

    if (a == ACT_UP)
        at -= 1;
    else if (a == ACT_DOWN)
        at += 1;
    else if (a == ACT_PAGE_UP)
        at -= step;
    else if (a == ACT_PAGE_DOWN)
        at += step;
    else if (a == ACT_TOP)
        at = 0;
    else if (a == ACT_BOTTOM)
        at = most;
    else
        return false;
    *scroll = at > most ? most : at < 0 ? 0 : at;
    return true;
}

/* --- forms ------------------------------------------------------------------------------------ */

static bool is_roomy(const struct form *f, int rows)
{
    return rows >= (int)f->count + 6;
}

static int fields_shown(const struct form *f, int rows)
{
    int most = rows / 4 > 1 ? rows / 4 : 1;

    return is_roomy(f, rows) || most > (int)f->count ? (int)f->count : most;
}

int form_head_rows(const struct form *f, int rows)
{
    return fields_shown(f, rows) + (is_roomy(f, rows) ? 2 : 0);
}

int form_head_draw(const struct form *f, struct canvas *c, const char *fmt, ...)
{
    char title[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(title, sizeof title, fmt, ap);
    va_end(ap);
    if (is_roomy(f, c->rows))
        canvas_text(c, 0, 1, c->cols - 1, STYLE_HEAD, title);
    form_draw(f, c, is_roomy(f, c->rows), fields_shown(f, c->rows), true);
    return form_head_rows(f, c->rows);
}
