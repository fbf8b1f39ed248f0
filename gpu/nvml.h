/* NVIDIA's management library (NVML), declared here as far as the checks use it, so that
 * the program builds without the vendor's header and runs without the driver. It holds no
 * judgement: what a value means is in gpu/check/. */
#ifndef GPU_NVML_H
#define GPU_NVML_H

#include <limits.h>

#include "core/errs.h"

/* Answers of the driver. The list is NVIDIA's; the negative ones are ours. */
enum nvml_code {
    NVML_NO_SYMBOL = -1, /* this driver has no such function */
    NVML_GARBAGE = -2,   /* it answered with something that cannot be */
    NVML_OK = 0,
    NVML_UNINITIALIZED = 1,
    NVML_INVALID_ARGUMENT = 2,
    NVML_NOT_SUPPORTED = 3,
    NVML_NO_PERMISSION = 4,
    NVML_NOT_FOUND = 6,
    NVML_INSUFFICIENT_SIZE = 7,
    NVML_INSUFFICIENT_POWER = 8,
    NVML_DRIVER_NOT_LOADED = 9,
    NVML_TIMEOUT = 10,
    NVML_IRQ_ISSUE = 11,
    NVML_LIBRARY_NOT_FOUND = 12,
    NVML_FUNCTION_NOT_FOUND = 13,
    NVML_CORRUPTED_INFOROM = 14,
    NVML_GPU_IS_LOST = 15,
    NVML_RESET_REQUIRED = 16,
    NVML_OPERATING_SYSTEM = 17,
    NVML_VERSION_MISMATCH = 18,
    NVML_IN_USE = 19,
    NVML_MEMORY = 20,
    NVML_NO_DATA = 21,
    NVML_ARGUMENT_VERSION = 25,
    NVML_DEPRECATED = 26,
    NVML_NOT_READY = 27,
    NVML_GPU_NOT_FOUND = 28,
    NVML_INVALID_STATE = 29,
    NVML_UNKNOWN = 999,
};

enum nvml_field_id {
    NVML_FIELD_ECC_CURRENT = 1,
    NVML_FIELD_ECC_SBE_VOLATILE = 3,
    NVML_FIELD_ECC_DBE_VOLATILE = 4,
    NVML_FIELD_ECC_DBE_AGGREGATE = 6,
    NVML_FIELD_RETIRED_SBE = 29,
    NVML_FIELD_RETIRED_DBE = 30,
    NVML_FIELD_RETIRED_PENDING = 31,
    NVML_FIELD_THROTTLE_POWER = 74,
    NVML_FIELD_THROTTLE_THERMAL = 75,
    NVML_FIELD_MEMORY_TEMPERATURE = 82,
    NVML_FIELD_ENERGY = 83,
    NVML_FIELD_PCIE_REPLAYS = 94,
    NVML_FIELD_NVLINK_RAW_TX = 140,
    NVML_FIELD_NVLINK_RAW_RX = 141,
    NVML_FIELD_REMAPPED_UNCORRECTABLE = 143,
    NVML_FIELD_REMAP_PENDING = 144,
    NVML_FIELD_REMAP_FAILURE = 145,
    NVML_FIELD_POWER_INSTANT = 186,
    NVML_FIELD_PCIE_TX_BYTES = 197,
    NVML_FIELD_PCIE_RX_BYTES = 198,
    NVML_FIELD_RECOVERY_ACTION = 230,
    NVML_FIELD_THROTTLE_BRAKE = 271,
};

enum nvml_value_type {
    NVML_VALUE_DOUBLE = 0,
    NVML_VALUE_UINT = 1,
    NVML_VALUE_ULONG = 2,
    NVML_VALUE_ULONGLONG = 3,
    NVML_VALUE_LONGLONG = 4,
    NVML_VALUE_INT = 5,
    NVML_VALUE_USHORT = 6,
};

enum {
    NVML_ERRORS_UNCORRECTED = 1,
    NVML_COUNTER_AGGREGATE = 1,
    NVML_LOCATION_SRAM = 7,
    NVML_THRESHOLD_SLOWDOWN = 1,
    NVML_THRESHOLD_MEMORY_MAX = 2,
    NVML_NVLINKS_MAX = 18,
    NVML_P2P_NVLINK = 2, /* nvmlDeviceGetP2PStatus: by NVLink */
    NVML_P2P_OK = 0,
    NVML_CLOCK_SM = 1,
    NVML_CLOCK_MEMORY = 2,
};

#define NVML_SCOPE_ALL_LINKS UINT_MAX /* of a field that is per NVLink: their sum */

struct nvml_device; /* the library's own */

struct nvml_pci {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

struct nvml_memory {
    unsigned long long total, free, used;
};

struct nvml_memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

struct nvml_utilisation {
    unsigned gpu_percent, memory_percent;
};

union nvml_value {
    double d;
    int si;
    unsigned ui;
    unsigned long ul;
    unsigned long long ull;
    long long sll;
    unsigned short us;
};

struct nvml_field {
    unsigned id, scope;
    long long timestamp_us, latency_us;
    int value_type;
    int code;
    union nvml_value value;
};

struct nvml_sram {
    unsigned version;
    unsigned long long aggregate_parity, aggregate_secded, aggregate_corrected;
    unsigned long long volatile_parity, volatile_secded, volatile_corrected;
    unsigned long long bucket_l2, bucket_sm, bucket_pcie, bucket_mcu, bucket_other;
    unsigned threshold_exceeded;
};

struct nvml_unrepairable {
    unsigned flag;
};

/* Banks of memory by how many spare rows they have left. */
struct nvml_spare_rows {
    unsigned all, many, some, few, none;
};

struct nvml_repair {
    unsigned version, channel_pending, tpc_pending;
};

struct nvml_temperature {
    unsigned version;
    int sensor, celsius;
};

struct nvml_margin {
    unsigned version;
    int celsius;
};

struct nvml_fabric {
    unsigned version;
    unsigned char cluster_uuid[16];
    int status;
    unsigned clique_id;
    unsigned char state;
    unsigned health_mask;
    unsigned char health_summary; /* version 3 */
};

struct nvml_process {
    unsigned pid;
    unsigned long long memory_bytes;
    unsigned gpu_instance_id, compute_instance_id;
};

/* The version word of a versioned struct: its size and its number. */
#define NVML_STRUCT_VERSION(size, number) ((unsigned)(size) | ((unsigned)(number) << 24))
#define NVML_FABRIC_V2_SIZE               36

_Static_assert(sizeof(struct nvml_pci) == 68, "nvmlPciInfo_t");
_Static_assert(sizeof(struct nvml_memory) == 24, "nvmlMemory_t");
_Static_assert(sizeof(struct nvml_memory_v2) == 40, "nvmlMemory_v2_t");
_Static_assert(sizeof(struct nvml_utilisation) == 8, "nvmlUtilization_t");
_Static_assert(sizeof(struct nvml_field) == 40, "nvmlFieldValue_t");
_Static_assert(offsetof(struct nvml_field, value) == 32, "nvmlFieldValue_t.value");
_Static_assert(sizeof(struct nvml_sram) == 104, "nvmlEccSramErrorStatus_v1_t");
_Static_assert(sizeof(struct nvml_unrepairable) == 4, "nvmlUnrepairableMemoryStatus_v1_t");
_Static_assert(sizeof(struct nvml_spare_rows) == 20, "nvmlRowRemapperHistogramValues_t");
_Static_assert(sizeof(struct nvml_repair) == 12, "nvmlRepairStatus_v1_t");
_Static_assert(sizeof(struct nvml_temperature) == 12, "nvmlTemperature_v1_t");
_Static_assert(sizeof(struct nvml_margin) == 8, "nvmlMarginTemperature_v1_t");
_Static_assert(sizeof(struct nvml_fabric) == 40, "nvmlGpuFabricInfo_v3_t");
_Static_assert(offsetof(struct nvml_fabric, health_summary) == NVML_FABRIC_V2_SIZE,
               "nvmlGpuFabricInfo_v2_t");
_Static_assert(sizeof(struct nvml_process) == 24, "nvmlProcessInfo_t");

/* The functions found; NULL where this driver has none. Tests fill it by hand. */
struct nvml {
    void *library;
#define NVML(member, symbol, required, args) int(*member) args;
#include "gpu/nvml.def.h"
#undef NVML
};

/* Call an optional function: NVML_CALL(n, mig_mode, d, &current, &pending). */
#define NVML_CALL(n, member, ...) ((n)->member ? (n)->member(__VA_ARGS__) : NVML_NO_SYMBOL)

/* Load the library, from `path` or, when NULL, from where drivers put it. It stays loaded:
 * callers are short-lived processes, and unloading a driver library is a place to hang.
 * Errors: ERR_NOT_FOUND no such library; ERR_ENGINE not an NVML that can be used. */
enum err_code nvml_open(struct nvml *n, const char *path, struct err *e) MUST_CHECK;

/* "the GPU fell off the bus (15)" for a person; never NULL. */
const char *nvml_code_text(int code);

/* What a call for many fields left in one of them, as nvml_field_read() gives it. */
int nvml_field_value(const struct nvml_field *f, int64_t *out);

/* One field as a number. Returns the driver's code, NVML_NO_SYMBOL, or NVML_GARBAGE for a
 * type or a number that cannot be; *out is written for NVML_OK only. */
int nvml_field_read(const struct nvml *n, struct nvml_device *d, unsigned id, int64_t *out);

#endif
