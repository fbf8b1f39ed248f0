/* The functions of AMD's library that the checks call: member, exported symbol, whether nothing
 * works without it, parameters. Only those whose form is the same in every version, or grew
 * at its end (ecc_count): the ones that fill large structs (PCI bandwidth, clocks, metrics)
 * changed their layout under one name. */
AMD(init, "rsmi_init", true, (uint64_t flags))
AMD(device_count, "rsmi_num_monitor_devices", true, (uint32_t *count))
AMD(version, "rsmi_version_str_get", false, (int component, char *text, uint32_t size))
AMD(device_id, "rsmi_dev_id_get", true, (uint32_t index, uint16_t *id))
AMD(device_name, "rsmi_dev_name_get", false, (uint32_t index, char *text, size_t size))
AMD(unique_id, "rsmi_dev_unique_id_get", false, (uint32_t index, uint64_t *id))
AMD(pci_id, "rsmi_dev_pci_id_get", false, (uint32_t index, uint64_t *id))
AMD(memory_total, "rsmi_dev_memory_total_get", false, (uint32_t index, int kind, uint64_t *bytes))
AMD(memory_used, "rsmi_dev_memory_usage_get", false, (uint32_t index, int kind, uint64_t *bytes))
AMD(temperature, "rsmi_dev_temp_metric_get", false,
    (uint32_t index, uint32_t sensor, int metric, int64_t *millicelsius))
AMD(power_cap, "rsmi_dev_power_cap_get", false,
    (uint32_t index, uint32_t sensor, uint64_t *microwatts))
AMD(power_cap_default, "rsmi_dev_power_cap_default_get", false,
    (uint32_t index, uint64_t *microwatts))
AMD(ecc_enabled, "rsmi_dev_ecc_enabled_get", false, (uint32_t index, uint64_t *blocks))
AMD(ecc_count, "rsmi_dev_ecc_count_get", false,
    (uint32_t index, uint64_t block, struct amd_errors *errors))
AMD(reserved_pages, "rsmi_dev_memory_reserved_pages_get", false,
    (uint32_t index, uint32_t *count, struct amd_page *pages))
AMD(pcie_replays, "rsmi_dev_pci_replay_counter_get", false, (uint32_t index, uint64_t *count))
AMD(xgmi_status, "rsmi_dev_xgmi_error_status", false, (uint32_t index, int *status))
AMD(partition, "rsmi_dev_compute_partition_get", false, (uint32_t index, char *text, uint32_t size))
