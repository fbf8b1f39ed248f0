/* The meters of a GPU, one a line:
 *   id; name, which ends in the unit that is shown; the same number's name in dcgm-exporter, ""
 *   where it has none; how it moves: GAUGE, COUNTER, or RATE (read as a counter, shown per
 *   second); the unit as it is read; what makes the shown unit of it; NVML's field, or CALL for a
 *   function of its own (gpu/telemetry.c); the field's scope; meaning.
 * Names and types are dcgm-exporter's (etc/default-counters.csv and dcp-metrics-included.csv at
 * d5e5f51, DCGM's dcgm_fields.h); fields are those of nvml.h, API 13. PCIe and NVLink bytes
 * include protocol headers, as DCGM's do. */
METER(GPU_UTIL, "utilisation_percent", "DCGM_FI_DEV_GPU_UTIL", GAUGE, "%", 1, CALL, 0,
      "share of the last sample period in which a kernel ran")
METER(MEM_UTIL, "memory_utilisation_percent", "DCGM_FI_DEV_MEM_COPY_UTIL", GAUGE, "%", 1, CALL, 0,
      "share of the last sample period in which memory was read or written")
METER(MEM_USED, "memory_used_mib", "DCGM_FI_DEV_FB_USED", GAUGE, "MiB", 1, CALL, 0,
      "memory in use")
METER(MEM_FREE, "memory_free_mib", "DCGM_FI_DEV_FB_FREE", GAUGE, "MiB", 1, CALL, 0,
      "memory not in use")
METER(MEM_RESERVED, "memory_reserved_mib", "DCGM_FI_DEV_FB_RESERVED", GAUGE, "MiB", 1, CALL, 0,
      "memory that driver and firmware keep for themselves")
METER(POWER, "power_watts", "DCGM_FI_DEV_POWER_USAGE", GAUGE, "mW", 1e-3, CALL, 0,
      "power drawn; since Ampere the mean of a second")
METER(POWER_INSTANT, "power_instant_watts", "DCGM_FI_DEV_POWER_USAGE_INSTANT", GAUGE, "mW", 1e-3,
      NVML_FIELD_POWER_INSTANT, 0, "power drawn at this moment")
METER(ENERGY, "energy_millijoules", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", COUNTER, "mJ", 1,
      NVML_FIELD_ENERGY, 0, "energy since the driver was loaded")
METER(SM_CLOCK, "sm_clock_mhz", "DCGM_FI_DEV_SM_CLOCK", GAUGE, "MHz", 1, CALL, 0,
      "clock of the processors")
METER(MEM_CLOCK, "memory_clock_mhz", "DCGM_FI_DEV_MEM_CLOCK", GAUGE, "MHz", 1, CALL, 0,
      "clock of the memory")
METER(TEMPERATURE, "temperature_celsius", "DCGM_FI_DEV_GPU_TEMP", GAUGE, "C", 1, CALL, 0,
      "temperature of the GPU")
METER(MEM_TEMPERATURE, "memory_temperature_celsius", "DCGM_FI_DEV_MEMORY_TEMP", GAUGE, "C", 1,
      NVML_FIELD_MEMORY_TEMPERATURE, 0, "temperature of the memory")
METER(PCIE_RX, "pcie_received_bytes_per_second", "DCGM_FI_PROF_PCIE_RX_BYTES", RATE, "B", 1,
      NVML_FIELD_PCIE_RX_BYTES, 0, "what the GPU received over PCIe")
METER(PCIE_TX, "pcie_sent_bytes_per_second", "DCGM_FI_PROF_PCIE_TX_BYTES", RATE, "B", 1,
      NVML_FIELD_PCIE_TX_BYTES, 0, "what the GPU sent over PCIe")
METER(PCIE_REPLAYS, "pcie_replays", "DCGM_FI_DEV_PCIE_REPLAY_COUNTER", COUNTER, "", 1,
      NVML_FIELD_PCIE_REPLAYS, 0, "PCIe packets sent again")
METER(NVLINK_RX, "nvlink_received_bytes_per_second", "DCGM_FI_PROF_NVLINK_RX_BYTES", RATE, "KiB",
      1024, NVML_FIELD_NVLINK_RAW_RX, NVML_SCOPE_ALL_LINKS, "what the GPU received over NVLink")
METER(NVLINK_TX, "nvlink_sent_bytes_per_second", "DCGM_FI_PROF_NVLINK_TX_BYTES", RATE, "KiB",
      1024, NVML_FIELD_NVLINK_RAW_TX, NVML_SCOPE_ALL_LINKS, "what the GPU sent over NVLink")
METER(THROTTLE_REASONS, "clock_event_reasons", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", GAUGE, "", 1,
      CALL, 0, "what holds the clocks down, as NVML's bits")
METER(THROTTLE_POWER, "throttled_by_power_ns", "DCGM_FI_DEV_POWER_VIOLATION", COUNTER, "ns", 1,
      NVML_FIELD_THROTTLE_POWER, 0, "time slowed by the power cap")
METER(THROTTLE_THERMAL, "throttled_by_heat_ns", "DCGM_FI_DEV_THERMAL_VIOLATION", COUNTER, "ns", 1,
      NVML_FIELD_THROTTLE_THERMAL, 0, "time slowed by heat")
METER(THROTTLE_BRAKE, "throttled_by_power_brake_ns",
      "DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS", COUNTER, "ns", 1,
      NVML_FIELD_THROTTLE_BRAKE, 0, "time slowed by the machine's power brake")
METER(ECC_SBE, "ecc_corrected", "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", COUNTER, "", 1,
      NVML_FIELD_ECC_SBE_VOLATILE, 0, "corrected memory errors since the driver was loaded")
METER(ECC_DBE, "ecc_uncorrected", "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", COUNTER, "", 1,
      NVML_FIELD_ECC_DBE_VOLATILE, 0, "uncorrected memory errors since the driver was loaded")
