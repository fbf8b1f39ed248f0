/* Bars for what was measured, against what the model can do. */
#ifndef GPU_CHART_H
#define GPU_CHART_H

#include "gpu/format.h"

/* For each rate (a check with a peer_share under 1) lines of at most 80 columns, the slowest GPU
 * first: those that are within 2 % of it share its line and its figure, then the next; four lines
 * at most. A full bar is the model's peak,
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
