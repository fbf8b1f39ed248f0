/* The PCIe link as the driver tells it, at rest (link.c) and at work (transfer.c). */
#ifndef GPU_CHECK_LINK_H
#define GPU_CHECK_LINK_H

#include "gpu/check.h"

#define PCIE_ACTION "have the slot, riser or cable checked"

struct pcie_link {
    unsigned gen, gen_max, width, width_max;
};

/* False after the finding says why there is none. */
bool pcie_link_read(struct gpu_target *t, struct finding *f, struct pcie_link *out);

#endif
