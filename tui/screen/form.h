/* A column of labelled fields, one of which is being typed into. */
#ifndef TUI_SCREEN_FORM_H
#define TUI_SCREEN_FORM_H

#include "tui/screen/line.h"

#define FORM_FIELDS_MAX 8

struct form_field {
    const char *label;
    const char *hint; /* shown while it is empty or selected; "" none */
    bool is_toggle;   /* yes or no: any character but 'y' and 'n' turns it */
    bool on;
    struct line line;
};

struct form {
    struct form_field fields[FORM_FIELDS_MAX];
    size_t count, at;
};

struct form_field *form_add(struct form *f, const char *label, const char *hint, bool is_toggle);
/* To another field; stops at the ends. */
void form_move(struct form *f, int by);
/* A character typed. Returns true when a value changed. */
bool form_type(struct form *f, uint32_t code_point);
bool form_edit(struct form *f, enum line_op op);
/* Draws at most `rows_max` fields, the selected one among them. Returns the rows used: one each. */
int form_draw(const struct form *f, struct canvas *c, int row, int rows_max, bool active);

#endif
