/* Acts on one instance: the same question and the same request from the list and from the
 * details. Private to the two views. */
#ifndef TUI_VIEW_INSTANCES_H
#define TUI_VIEW_INSTANCES_H

#include "core/id.h"
#include "model/instance.h"
#include "tui/view/view.h"

struct instance_act_state {
    struct view *view;
    struct resource *resource; /* asked again when it is done */
    enum instance_action action;
    char id[ID_MAX];
    char key[ID_MAX]; /* idempotency key of this question */
    char doing[96];   /* "stop web-1" */
    int call;         /* in flight; 0 none */
};

/* Ask what the action asks. False: not an act on an instance. `yes` is given to console_ask()
 * and calls instance_act_yes(). */
bool instances_act(struct view *v, struct instance_act_state *s, struct resource *r,
                   const struct instance *i, enum key_action a, void (*yes)(struct view *v));
void instance_act_yes(struct instance_act_state *s);
void instance_act_close(struct instance_act_state *s);

#endif
