/* Columns of text for people. Whatever came from the driver or the machine is cleaned on its way
 * to a terminal. */
#ifndef GPU_CELLS_H
#define GPU_CELLS_H

#include "gpu/check.h"

void gpu_clean(struct strbuf *out, const char *text);
/* Text, then spaces up to `width` cells and one more. */
void gpu_column(struct strbuf *out, const char *text, int width);
/* No line ends in spaces. */
void gpu_line_end(struct strbuf *out);
/* The table of GPUs. */
void gpu_gpus_text(const struct report_gpu *gpus, size_t count, struct strbuf *out);

#endif
