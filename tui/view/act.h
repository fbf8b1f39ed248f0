/* An act that needs a word or a choice: a form says what will happen and asks for it, then the
 * request is sent once. The view `act` is the form; who opens it says what it asks for. */
#ifndef TUI_VIEW_ACT_H
#define TUI_VIEW_ACT_H

#include "model/instance.h"
#include "tui/view/details.h"

/* One kind of act. All three depend on what is in the form alone. */
struct act_kind {
    void (*fields)(struct form *f);
    void (*lines)(const struct form *f, struct pen *p); /* what will happen */
    /* The body to send. Errors: ERR_INVALID what was typed cannot be meant. */
    enum err_code (*body)(const struct form *f, struct strbuf *out, struct err *e);
};

/* Argument of view_act; copied, but `kind`, which is static. */
struct act_request {
    const struct act_kind *kind;
    char doing[128]; /* "drain node-7" */
    char path[128];  /* of a POST */
};

/* Opens the form for `verb` ("drain") on the object with this name, if its actions say that it may
 * be done now; says why not otherwise. `name` NULL: nothing is selected. Returns true. */
bool act_ask(struct view *v, struct act_request *r, const char *verb, const char *name,
             const struct action *actions, size_t action_count);

/* Key `c` on an instance: says why not, or opens the form of a check. False: another action. */
bool instance_check_act(struct view *v, const struct instance *i, enum key_action a);

#endif
