/* NVIDIA's and AMD's GPUs as the PCI bus shows them, whatever the drivers think. */
#ifndef GPU_PCI_H
#define GPU_PCI_H

#include "core/errs.h"
#include "core/limits.h"

#define PCI_ADDRESS_MAX   20

#define PCI_VENDOR_NVIDIA 0x10de
#define PCI_VENDOR_AMD    0x1002

struct pci_gpu {
    unsigned vendor;
    char address[PCI_ADDRESS_MAX]; /* "0000:18:00.0" */
    char driver[SLUG_BYTES_MAX];   /* kernel driver bound to it; "" when none */
};

/* Up to `max` GPUs below sysfs_dir, in no order. Errors: ERR_NOT_FOUND when the bus cannot be
 * seen from here. */
enum err_code pci_gpus_list(const char *sysfs_dir, struct pci_gpu *out, size_t max, size_t *count,
                            struct err *e) MUST_CHECK;

/* Reads "18:00.0", "0000:18:00", "PCI:0000:18:00" or "00000000:18:00.0" at the start of
 * `text` into the form above. False when it is no PCI address. */
bool pci_address_read(const char *text, char out[PCI_ADDRESS_MAX]);

#endif
