/* From findings to a verdict and one line. Pure: no driver, no clock, no output. */
#ifndef GPU_VERDICT_H
#define GPU_VERDICT_H

#include "gpu/check.h"

#define GPU_SUMMARY_COLUMNS_MAX 64 /* with the program's name before it still under 80 */

/* Compare GPUs with their peers (gpu/peers.h) and o->baseline, decide the verdict, write the
 * summary, and drop what does not fit into a report (passes first). Any fail: unhealthy. Else any
 * error, no GPU, or a GPU of which nothing could be said: inconclusive. Else any warning: degraded.
 * With o->strict, a check of the run's own tier that was skipped although it applies is
 * inconclusive, too. Errors: ERR_IO out of memory. */
enum err_code gpu_report_judge(struct report *r, const struct gpu_inventory *inv,
                               const struct gpu_options *o, struct err *e) MUST_CHECK;

#endif
