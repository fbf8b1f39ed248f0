/* Sentences about instances and money that several views say in the same words. */
#ifndef TUI_VIEW_MONEY_H
#define TUI_VIEW_MONEY_H

#include "model/credit.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/report.h"
#include "tui/view/details.h"

/* What it has cost until now: as answered, and at its price since, while it bills. */
struct money instance_cost_now(const struct instance *i, int64_t now_ms);
/* When it will end by itself; 0: never, or nothing is left to end. */
int64_t instance_ends_at(const struct instance *i);
enum style instance_style(enum instance_state state);
enum style job_style(enum job_state state);
/* "stopped: credit_exhausted", "running: quick check" while it is checked; only the state where
 * there is no reason. */
void instance_state_text(const struct instance *i, char *out, size_t size);
void job_state_text(const struct job *j, char *out, size_t size);
/* NULL: the server does not offer it. */
const struct action *action_find(const struct action *actions, size_t count, const char *name);
/* What a summary says besides the verdict that stands beside it, and that it may begin with. */
const char *verdict_reason(const char *summary, enum verdict v);
enum style verdict_style(enum verdict v);
/* The figures of an estimate; a lines_fn of a struct estimate. */
void estimate_lines(const void *ctx, struct pen *p, int64_t now_ms);

#endif
