/* The pen of details views. */
#include "tui/view/details.h"

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

bool details_act(int *scroll, int lines, int page, enum key_action a)
{
    int most = lines > page ? lines - page : 0, step = page > 1 ? page - 1 : 1;

    if (a == ACT_UP)
        *scroll -= 1;
    else if (a == ACT_DOWN)
        *scroll += 1;
    else if (a == ACT_PAGE_UP)
        *scroll -= step;
    else if (a == ACT_PAGE_DOWN)
        *scroll += step;
    else if (a == ACT_TOP)
        *scroll = 0;
    else if (a == ACT_BOTTOM)
        *scroll = most;
    else
        return false;
    *scroll = *scroll > most ? most : *scroll < 0 ? 0 : *scroll;
    return true;
}
