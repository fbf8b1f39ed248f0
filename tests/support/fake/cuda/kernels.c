/* What the driver is given by address, kernels take as a struct. */
#include "gpu/kernel/device.h"
#include "tests/support/fake/cuda/driver.h"

#define KERNEL_ENTRY(module, name, args)   \
    void name(const struct args a);        \
    void enter_##name(const void *given)   \
    {                                      \
        name(*(const struct args *)given); \
    }
#include "gpu/kernel/kernels.def.h"
#undef KERNEL_ENTRY
