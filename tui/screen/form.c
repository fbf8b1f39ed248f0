/* Forms: fields, moving between them, typing into them. */
#include "tui/screen/form.h"

#include <assert.h>
#include <string.h>

#include "core/text.h"

#define MARK_CELLS      2
#define VALUE_CELLS_MAX 44
#define HINT_CELLS      32

struct form_field *form_add(struct form *f, const char *label, const char *hint, bool is_toggle)
{
    struct form_field *field = &f->fields[f->count];

    assert(f->count < FORM_FIELDS_MAX);
    *field = (struct form_field){.label = label, .hint = hint, .is_toggle = is_toggle};
    f->count++;
    return field;
}

void form_move(struct form *f, int by)
{
    if (by < 0 && f->at > 0)
        f->at--;
    if (by > 0 && f->at + 1 < f->count)
        f->at++;
}

bool form_type(struct form *f, uint32_t code_point)
{
    struct form_field *field = &f->fields[f->at];
    size_t len = field->line.len;
    bool was = field->on;

    if (!field->is_toggle) {
        line_insert(&field->line, code_point);
        return field->line.len != len;
    }
    if (code_point == ' ')
        field->on = !field->on;
    else if (code_point == 'y' || code_point == 'n')
        field->on = code_point == 'y';
    return field->on != was;
}

bool form_edit(struct form *f, enum line_op op)
{
    struct form_field *field = &f->fields[f->at];
    size_t len = field->line.len;

    if (field->is_toggle) {
        if (op == LINE_LEFT || op == LINE_RIGHT)
            field->on = !field->on;
        return op == LINE_LEFT || op == LINE_RIGHT;
    }
    line_edit(&field->line, op);
    return field->line.len != len;
}

static int label_cells(const struct form *f)
{
    int widest = 0;

    for (size_t i = 0; i < f->count; i++)
        if (text_width(f->fields[i].label) > widest)
            widest = text_width(f->fields[i].label);
    return widest + 2;
}

/* The hint gets its room where there is enough for both. */
static int value_cells(int room)
{
    int width = room - HINT_CELLS;

    if (width < HINT_CELLS / 2)
        width = room;
    return width < VALUE_CELLS_MAX ? width : VALUE_CELLS_MAX;
}

static void field_draw(const struct form_field *field, struct canvas *c, int row, int label,
                       bool here)
{
    int col = MARK_CELLS + label, width = value_cells(c->cols - col);

    canvas_text(c, row, 0, 1, STYLE_STRONG, here ? ">" : " ");
    canvas_text(c, row, MARK_CELLS, label, STYLE_DIM, field->label);
    if (field->is_toggle) {
        canvas_text(c, row, col, width, here ? STYLE_INPUT : STYLE_NORMAL,
                    field->on ? "yes" : "no");
        if (here)
            canvas_cursor_at(c, row, col, true);
        width = 3;
    } else {
        line_draw(&field->line, c, row, col, width, here);
    }
    canvas_text(c, row, col + width + 1, c->cols - col - width - 1, STYLE_DIM, field->hint);
}

int form_draw(const struct form *f, struct canvas *c, int row, int rows_max, bool active)
{
    size_t rows = rows_max < 1 ? 1 : (size_t)rows_max < f->count ? (size_t)rows_max : f->count;
    size_t first = f->at < rows ? 0 : f->at - rows + 1;

    for (size_t i = 0; i < rows; i++)
        field_draw(&f->fields[first + i], c, row + (int)i, label_cells(f),
                   active && first + i == f->at);
    return (int)rows;
}
