/* Runs checks: asks the driver what is there, gives each GPU a killable process of its own,
 * and assembles the report. It always answers by the deadline, whatever the driver does. */
#ifndef GPU_RUNNER_H
#define GPU_RUNNER_H

#include "gpu/check.h"

/* What is there, without any check. A driver that is absent, broken or silent is an answer
 * (state and reason), not an error. Errors: ERR_IO when no process can be started. */
enum err_code gpu_inventory_read(const struct gpu_options *o, struct gpu_inventory *out,
                                 struct err *e) MUST_CHECK;

/* Run all checks of `tier` and of those below it. Caller owns what *out holds
 * (shape_release(&report_shape)). Errors: ERR_IO when no process can be started. */
enum err_code gpu_report_run(const struct gpu_options *o, enum tier tier, struct report *out,
                             struct err *e) MUST_CHECK;

#endif
