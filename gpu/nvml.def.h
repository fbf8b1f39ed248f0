/* The driver's functions that the checks call: member, exported symbol, whether nothing
 * works without it, parameters. The unsuffixed names are macros in NVIDIA's header and the
 * exports of that name are an older ABI, so symbols carry their version. */
NVML(init, "nvmlInit_v2", true, (void))
NVML(device_count, "nvmlDeviceGetCount_v2", true, (unsigned *count))
NVML(device_by_index, "nvmlDeviceGetHandleByIndex_v2", true,
     (unsigned index, struct nvml_device **device))
NVML(driver_version, "nvmlSystemGetDriverVersion", false, (char *text, unsigned size))
NVML(device_name, "nvmlDeviceGetName", false, (struct nvml_device *d, char *text, unsigned size))
NVML(device_uuid, "nvmlDeviceGetUUID", false, (struct nvml_device *d, char *text, unsigned size))
NVML(device_pci, "nvmlDeviceGetPciInfo_v3", false, (struct nvml_device *d, struct nvml_pci *pci))
NVML(memory, "nvmlDeviceGetMemoryInfo", false, (struct nvml_device *d, struct nvml_memory *m))
NVML(memory_v2, "nvmlDeviceGetMemoryInfo_v2", false,
     (struct nvml_device *d, struct nvml_memory_v2 *m))
NVML(utilisation, "nvmlDeviceGetUtilizationRates", false,
     (struct nvml_device *d, struct nvml_utilisation *u))
NVML(power, "nvmlDeviceGetPowerUsage", false, (struct nvml_device *d, unsigned *milliwatts))
NVML(clock, "nvmlDeviceGetClockInfo", false, (struct nvml_device *d, int which, unsigned *mhz))
NVML(pcie_throughput, "nvmlDeviceGetPcieThroughput", false,
     (struct nvml_device *d, int direction, unsigned *kilobytes_per_second))
NVML(fields, "nvmlDeviceGetFieldValues", false,
     (struct nvml_device *d, int count, struct nvml_field *fields))
NVML(error_counter, "nvmlDeviceGetMemoryErrorCounter", false,
     (struct nvml_device *d, int type, int counter, int location, unsigned long long *count))
NVML(sram_status, "nvmlDeviceGetSramEccErrorStatus", false,
     (struct nvml_device *d, struct nvml_sram *s))
NVML(spare_rows, "nvmlDeviceGetRowRemapperHistogram", false,
     (struct nvml_device *d, struct nvml_spare_rows *rows))
NVML(unrepairable, "nvmlDeviceGetUnrepairableMemoryFlag_v1", false,
     (struct nvml_device *d, struct nvml_unrepairable *u))
NVML(repair_status, "nvmlDeviceGetRepairStatus", false,
     (struct nvml_device *d, struct nvml_repair *r))
NVML(clocks_event_reasons, "nvmlDeviceGetCurrentClocksEventReasons", false,
     (struct nvml_device *d, unsigned long long *mask))
NVML(clocks_throttle_reasons, "nvmlDeviceGetCurrentClocksThrottleReasons", false,
     (struct nvml_device *d, unsigned long long *mask))
NVML(temperature_v, "nvmlDeviceGetTemperatureV", false,
     (struct nvml_device *d, struct nvml_temperature *t))
NVML(temperature, "nvmlDeviceGetTemperature", false,
     (struct nvml_device *d, int sensor, unsigned *celsius))
NVML(temperature_margin, "nvmlDeviceGetMarginTemperature", false,
     (struct nvml_device *d, struct nvml_margin *m))
NVML(temperature_threshold, "nvmlDeviceGetTemperatureThreshold", false,
     (struct nvml_device *d, int which, unsigned *celsius))
NVML(power_limit_enforced, "nvmlDeviceGetEnforcedPowerLimit", false,
     (struct nvml_device *d, unsigned *milliwatts))
NVML(power_limit_default, "nvmlDeviceGetPowerManagementDefaultLimit", false,
     (struct nvml_device *d, unsigned *milliwatts))
NVML(performance_state, "nvmlDeviceGetPerformanceState", false,
     (struct nvml_device *d, int *state))
NVML(pcie_gen, "nvmlDeviceGetCurrPcieLinkGeneration", false,
     (struct nvml_device *d, unsigned *gen))
NVML(pcie_width, "nvmlDeviceGetCurrPcieLinkWidth", false, (struct nvml_device *d, unsigned *width))
NVML(pcie_gen_max, "nvmlDeviceGetMaxPcieLinkGeneration", false,
     (struct nvml_device *d, unsigned *gen))
NVML(pcie_width_max, "nvmlDeviceGetMaxPcieLinkWidth", false,
     (struct nvml_device *d, unsigned *width))
NVML(pcie_replays, "nvmlDeviceGetPcieReplayCounter", false,
     (struct nvml_device *d, unsigned *count))
NVML(nvlink_state, "nvmlDeviceGetNvLinkState", false,
     (struct nvml_device *d, unsigned link, int *active))
NVML(fabric_info, "nvmlDeviceGetGpuFabricInfoV", false,
     (struct nvml_device *d, struct nvml_fabric *f))
NVML(p2p_status, "nvmlDeviceGetP2PStatus", false,
     (struct nvml_device *d, struct nvml_device *peer, int what, int *status))
NVML(mig_mode, "nvmlDeviceGetMigMode", false,
     (struct nvml_device *d, unsigned *current, unsigned *pending))
NVML(compute_mode, "nvmlDeviceGetComputeMode", false, (struct nvml_device *d, int *mode))
NVML(compute_processes, "nvmlDeviceGetComputeRunningProcesses_v3", false,
     (struct nvml_device *d, unsigned *count, struct nvml_process *processes))
NVML(inforom_validate, "nvmlDeviceValidateInforom", false, (struct nvml_device *d))
NVML(persistence_mode, "nvmlDeviceGetPersistenceMode", false, (struct nvml_device *d, int *mode))
