/* A drop-in librocm_smi64.so that answers from the script named by HOURGLASS_FAKE_AMD, or eight
 * healthy MI300X without one. Besides the values below:
 *   code.<function> N    answer N instead        hang.<function> 1   never answer
 *   crash.<function> 1   die of a signal         ecc.BLOCK N, corrected.BLOCK N, deferred.BLOCK N
 * (in hex) With FAKE_AMD_OLD it lacks what libraries before ROCm 5.7 lack. */
#define SCRIPT_VARIABLE "HOURGLASS_FAKE_AMD"

#include "gpu/amd.h"
#include "tests/support/fake/script.h"

API(rsmi_init, uint64_t flags)
{
    script_load();
    ENTER(-1);
    return flags == AMD_INIT_FLAGS ? AMD_OK : AMD_INVALID_ARGUMENT;
}

API(rsmi_num_monitor_devices, uint32_t *count)
{
    ENTER(-1);
    *count = (uint32_t)number(-1, "count", 8);
    return AMD_OK;
}

API(rsmi_version_str_get, int component, char *out, uint32_t size)
{
    ENTER(-1);
    if (component != AMD_COMPONENT_DRIVER)
        return AMD_INVALID_ARGUMENT;
    text(-1, "driver", "6.12.12", out, size);
    return AMD_OK;
}

API(rsmi_dev_id_get, uint32_t index, uint16_t *id)
{
    ENTER((int)index);
    *id = 0x74a1;
    return AMD_OK;
}

API(rsmi_dev_name_get, uint32_t index, char *out, size_t size)
{
    ENTER((int)index);
    text((int)index, "model", "AMD Instinct MI300X OAM", out, size);
    return AMD_OK;
}

API(rsmi_dev_unique_id_get, uint32_t index, uint64_t *id)
{
    ENTER((int)index);
    *id = 0x1234567890abcd00ULL + index;
    return AMD_OK;
}

API(rsmi_dev_pci_id_get, uint32_t index, uint64_t *id)
{
    ENTER((int)index);
    *id = (uint64_t)number((int)index, "bus", 0x50 + index) << 8;
    return AMD_OK;
}

API(rsmi_dev_memory_total_get, uint32_t index, int kind, uint64_t *bytes)
{
    ENTER((int)index);
    *bytes = kind == AMD_MEMORY_VRAM ? 206141652992ULL : 0;
    return AMD_OK;
}

API(rsmi_dev_memory_usage_get, uint32_t index, int kind, uint64_t *bytes)
{
    ENTER((int)index);
    *bytes = kind == AMD_MEMORY_VRAM ? 297795584ULL : 0;
    return AMD_OK;
}

API(rsmi_dev_temp_metric_get, uint32_t index, uint32_t sensor, int metric, int64_t *milli)
{
    static const char *const sensors[] = {"edge", "junction", "memory"};
    char key[64];

    ENTER((int)index);
    /* As MI300X answers: it has no edge sensor. */
    if (sensor > AMD_SENSOR_MEMORY || (sensor == AMD_SENSOR_EDGE && !number(-1, "has_edge", 0)) ||
        (sensor == AMD_SENSOR_JUNCTION && number(-1, "no_junction", 0)))
        return AMD_NOT_SUPPORTED;
    snprintf(key, sizeof key, "%s.%s", sensors[sensor],
             metric == AMD_TEMPERATURE_CRITICAL ? "limit" : "now");
    *milli = number((int)index, key, metric == AMD_TEMPERATURE_CRITICAL ? 100000 : 38000);
    return AMD_OK;
}

API(rsmi_dev_power_cap_get, uint32_t index, uint32_t sensor, uint64_t *microwatts)
{
    ENTER((int)index);
    if (sensor != 0)
        return AMD_INVALID_ARGUMENT;
    *microwatts = (uint64_t)number((int)index, "power_cap", 750000000);
    return AMD_OK;
}

API(rsmi_dev_power_cap_default_get, uint32_t index, uint64_t *microwatts)
{
    ENTER((int)index);
    *microwatts = (uint64_t)number((int)index, "power_default", 750000000);
    return AMD_OK;
}

API(rsmi_dev_ecc_enabled_get, uint32_t index, uint64_t *blocks)
{
    ENTER((int)index);
    *blocks = (uint64_t)number((int)index, "ecc_blocks", 0xcf);
    return AMD_OK;
}

API(rsmi_dev_ecc_count_get, uint32_t index, uint64_t block, struct amd_errors *errors)
{
    char key[64];

    ENTER((int)index);
    snprintf(key, sizeof key, "ecc.%llx", (unsigned long long)block);
    errors->uncorrected = (uint64_t)number((int)index, key, 0);
    snprintf(key, sizeof key, "corrected.%llx", (unsigned long long)block);
    errors->corrected = (uint64_t)number((int)index, key, 0);
#ifndef FAKE_AMD_OLD
    snprintf(key, sizeof key, "deferred.%llx", (unsigned long long)block);
    errors->deferred = (uint64_t)number((int)index, key, 0);
    memset(errors->reserved, 0xee, sizeof errors->reserved); /* theirs to write */
#endif
    return AMD_OK;
}

API(rsmi_dev_memory_reserved_pages_get, uint32_t index, uint32_t *count, struct amd_page *pages)
{
    uint32_t room = *count, there = (uint32_t)number((int)index, "pages", 0);

    ENTER((int)index);
    *count = there;
    for (uint32_t i = 0; i < there && i < room; i++)
        pages[i] = (struct amd_page){.address = i << 12, .size = 4096};
    if (there && room)
        pages[0].state = (int)number((int)index, "page_state", AMD_PAGE_RESERVED);
    return there > room ? AMD_INSUFFICIENT_SIZE : AMD_OK;
}

API(rsmi_dev_pci_replay_counter_get, uint32_t index, uint64_t *count)
{
    static uint64_t asked;

    ENTER((int)index);
    *count = (uint64_t)number((int)index, "replays", 7) +
             (uint64_t)number((int)index, "replay_step", 0) * asked++;
    return AMD_OK;
}

/* Like the kernel's file, it forgets what it has told, unless errors go on ("xgmi_now"). */
API(rsmi_dev_xgmi_error_status, uint32_t index, int *status)
{
    static int asked;

    ENTER((int)index);
    *status = asked++ ? (int)number((int)index, "xgmi_now", 0)
                      : (int)number((int)index, "xgmi", number((int)index, "xgmi_now", 0));
    return AMD_OK;
}

#ifndef FAKE_AMD_OLD
API(rsmi_dev_compute_partition_get, uint32_t index, char *out, uint32_t size)
{
    ENTER((int)index);
    text((int)index, "partition", "SPX", out, size);
    return AMD_OK;
}
#endif
