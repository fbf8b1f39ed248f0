/* The PCIe link as the driver tells it, at rest (link.c) and at work (transfer.c), and what is
 * copied over it and NVLink (peer.c). */
#ifndef GPU_CHECK_LINK_H
#define GPU_CHECK_LINK_H

#include "gpu/check.h"

#define PCIE_ACTION "have the slot, riser or cable checked"

struct pcie_link {
    unsigned gen, gen_max, width, width_max;
};

/* False after the finding says why there is none. */
bool pcie_link_read(struct gpu_target *t, struct finding *f, struct pcie_link *out);

/* Words that repeat nowhere, so that a byte from another place is a wrong byte; others for each
 * seed. What is left of `bytes` after the last whole word stays as it is. */
void copy_words_fill(unsigned char *to, int64_t bytes, uint64_t seed);

#endif
