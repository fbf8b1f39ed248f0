/* Bars for what was measured, against what the model can do. */
#ifndef GPU_CHART_H
#define GPU_CHART_H

#include "gpu/format.h"

/* One line of at most 80 columns for each rate (a check with a peer_share under 1) of each GPU, by
 * check; of more than eight GPUs the slowest of each check only. A full bar is the model's peak,
 * or, where none is known, the best GPU's figure; '|' is the floor, where the bar does not reach
 * it. Adds nothing when nothing was measured. */
void gpu_chart_text(const struct report *r, const struct gpu_style *style, struct strbuf *out);

/* The lines of one check. */
void gpu_chart_check_text(const struct report *r, const char *check, const struct gpu_style *style,
                          struct strbuf *out);

/* A figure for a person: four digits, or all of a whole number. Returns buf. */
#define GPU_NUMBER_BYTES 32
const char *gpu_number_text(double value, char buf[GPU_NUMBER_BYTES]);

#endif
