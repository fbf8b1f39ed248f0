/* How the checks look at a GPU of AMD's. Each is the run_amd of the check whose question it
 * answers; private to gpu/check/. */
#ifndef GPU_CHECK_AMD_H
#define GPU_CHECK_AMD_H

#include "gpu/check.h"

gpu_check_fn amd_ecc_run, amd_pages_run, amd_temperature_run, amd_memory_temperature_run,
    amd_power_limit_run, amd_pcie_link_run, amd_pcie_replay_run, amd_xgmi_run, amd_partition_run;

/* Distance between a temperature and the one that slows the GPU, both plausible: the same words
 * for both vendors. In gpu/check/power.c. */
void gpu_celsius_judge(struct finding *f, int64_t celsius, int64_t limit);

#endif
