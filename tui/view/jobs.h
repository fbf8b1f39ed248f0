/* The act on one job: the same question and request from the list and from the details. */
#ifndef TUI_VIEW_JOBS_H
#define TUI_VIEW_JOBS_H

#include "core/id.h"
#include "model/job.h"
#include "tui/view/view.h"

struct job_act_state {
    struct view *view;
    struct resource *resource; /* asked again when it is done */
    char id[ID_MAX];
    char key[ID_MAX];
    char doing[96];
    int call;
};

/* False: not an act on a job. `yes` is given to console_ask() and calls job_act_yes(). */
bool job_act(struct view *v, struct job_act_state *s, struct resource *r, const struct job *j,
             enum key_action a, void (*yes)(struct view *v));
void job_act_yes(struct job_act_state *s);
void job_act_close(struct job_act_state *s);

#endif
