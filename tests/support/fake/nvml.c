/* A drop-in libnvidia-ml.so.1 that answers from a script: the file named by
 * HOURGLASS_FAKE_NVML, one "key value" a line, or eight healthy GPUs without one. A key may
 * be for one GPU ("gpu3.temperature 91"), else it is for all. Besides the values below:
 *   code.<function> N    answer N instead        hang.<function> 1   never answer
 *   noise 1              write to standard output and error
 *   key.0, key.1, ...    of power, clock_sm, clock_memory, utilisation, memory_utilisation,
 *                        temperature, memory_used and field.N: the first, second, ... answer
 *   key_step S           the same: how much more each answer is than the one before
 *   field.N.linkL V      the same for one NVLink's field, else field.N
 *   crash.<function> 1   die of a signal         field.N V, field.N.code C, field.N.type T
 * With FAKE_NVML_OLD it lacks what drivers before 2022 lack. */
#include "gpu/nvml.h"
#include "tests/support/fake/script.h"

#define GPUS_MAX 128

struct nvml_device {
    int index;
};

static struct nvml_device devices[GPUS_MAX];
static unsigned calls[GPUS_MAX + 1]; /* of the functions whose answers change */

/* A number that may be another one at each call, see above. */
static long long sequence(int gpu, const char *key, long long otherwise, long long step)
{
    static struct {
        int gpu;
        char key[32];
        unsigned calls;
    } asked[GPUS_MAX * 32];
    size_t i = 0;
    char own[128];
    unsigned call;

    while (asked[i].key[0] && (asked[i].gpu != gpu || strcmp(asked[i].key, key) != 0))
        if (++i == sizeof asked / sizeof asked[0])
            abort();
    asked[i].gpu = gpu;
    snprintf(asked[i].key, sizeof asked[i].key, "%s", key);
    call = asked[i].calls++;
    snprintf(own, sizeof own, "%s_step", key);
    step = number(gpu, own, step);
    snprintf(own, sizeof own, "%s.%u", key, call);
    return number(gpu, own, number(gpu, key, otherwise) + step * (long long)call);
}

API(nvmlInit_v2, void)
{
    script_load();
    for (int i = 0; i < GPUS_MAX; i++)
        devices[i].index = i;
    if (number(-1, "noise", 0))
        for (int fd = 1; fd <= 2; fd++)
            dprintf(fd, "noise from the library\n");
    ENTER(-1);
    return 0;
}

API(nvmlDeviceGetCount_v2, unsigned *count)
{
    ENTER(-1);
    *count = (unsigned)number(-1, "count", 8);
    return 0;
}

API(nvmlDeviceGetHandleByIndex_v2, unsigned index, struct nvml_device **device)
{
    if (index >= GPUS_MAX)
        return NVML_INVALID_ARGUMENT;
    ENTER((int)index);
    *device = &devices[index];
    return 0;
}

API(nvmlSystemGetDriverVersion, char *out, unsigned size)
{
    ENTER(-1);
    text(-1, "driver", "580.95.05", out, size);
    return 0;
}

API(nvmlDeviceGetName, struct nvml_device *d, char *out, unsigned size)
{
    ENTER(d->index);
    text(d->index, "model", "NVIDIA H100 80GB HBM3", out, size);
    return 0;
}

API(nvmlDeviceGetUUID, struct nvml_device *d, char *out, unsigned size)
{
    char uuid[64];

    ENTER(d->index);
    snprintf(uuid, sizeof uuid, "GPU-00000000-0000-4000-8000-%012d", d->index);
    text(d->index, "uuid", uuid, out, size);
    return 0;
}

API(nvmlDeviceGetPciInfo_v3, struct nvml_device *d, struct nvml_pci *pci)
{
    ENTER(d->index);
    memset(pci, 0, sizeof *pci);
    pci->bus = (unsigned)number(d->index, "bus", 0x10 + d->index);
    snprintf(pci->bus_id, sizeof pci->bus_id, "00000000:%02X:00.0", pci->bus);
    return 0;
}

API(nvmlDeviceGetMemoryInfo, struct nvml_device *d, struct nvml_memory *m)
{
    ENTER(d->index);
    m->total = (unsigned long long)number(d->index, "memory_total", 85520809984LL);
    m->used = (unsigned long long)sequence(d->index, "memory_used", 600000000, 0);
    m->free = m->total - m->used;
    return 0;
}

API(nvmlDeviceGetUtilizationRates, struct nvml_device *d, struct nvml_utilisation *u)
{
    ENTER(d->index);
    u->gpu_percent = (unsigned)sequence(d->index, "utilisation", 0, 0);
    u->memory_percent = (unsigned)sequence(d->index, "memory_utilisation", 0, 0);
    return 0;
}

API(nvmlDeviceGetPowerUsage, struct nvml_device *d, unsigned *milliwatts)
{
    ENTER(d->index);
    *milliwatts = (unsigned)sequence(d->index, "power", 70000 + 100 * d->index, 0);
    return 0;
}

API(nvmlDeviceGetClockInfo, struct nvml_device *d, int which, unsigned *mhz)
{
    ENTER(d->index);
    *mhz = which == NVML_CLOCK_SM ? (unsigned)sequence(d->index, "clock_sm", 345, 0)
                                  : (unsigned)sequence(d->index, "clock_memory", 2619, 0);
    return 0;
}

API(nvmlDeviceGetPcieThroughput, struct nvml_device *d, int direction, unsigned *kilobytes)
{
    ENTER(d->index);
    *kilobytes = (unsigned)sequence(d->index, direction ? "pcie_rx" : "pcie_tx", 1000, 0);
    return 0;
}

/* What an idle and healthy GPU knows, and by how much the counters grow from call to call. */
static const struct {
    unsigned id;
    long long value, step;
} known_fields[] = {
    {1, 1, 0},   {3, 0, 0},      {4, 0, 0},       {6, 0, 0},        {74, 0, 0},     {75, 0, 0},
    {82, 36, 0}, {83, 1, 70000}, {94, 0, 0},      {140, 1, 2048},   {141, 1, 1024}, {143, 0, 0},
    {144, 0, 0}, {145, 0, 0},    {186, 71000, 0}, {197, 1, 500000}, {198, 1, 0},    {230, 0, 0},
    {269, 0, 0}, {270, 0, 0},    {271, 0, 0},
};

/* Fields of one link: "field.162.link5" before "field.162"; NVLink 4's are known. */
static int link_field_answer(int gpu, struct nvml_field *f)
{
    char key[64], own[64], step[64];

    if ((f->id < 161 || f->id > 163) && (f->id < 206 || f->id > 222))
        return 0;
    snprintf(key, sizeof key, "field.%u", f->id);
    snprintf(own, sizeof own, "field.%u.link%u", f->id, f->scope);
    snprintf(step, sizeof step, "field.%u_step", f->id);
    f->code = f->scope >= number(gpu, "nvlinks", 18)                         ? NVML_INVALID_ARGUMENT
              : f->id <= 163 || value_find(gpu, key) || value_find(gpu, own) ? 0
                                                                             : NVML_NOT_SUPPORTED;
    f->value_type = NVML_VALUE_ULONGLONG;
    f->value.sll = sequence(gpu, own, number(gpu, key, 0), number(gpu, step, 0));
    f->timestamp_us = 1;
    snprintf(key, sizeof key, "field.%u.code", f->id);
    f->code = (int)number(gpu, key, f->code);
    return 1;
}

static void field_answer(int gpu, struct nvml_field *f)
{
    long long value = 0, step = 0;
    char key[64];
    int known = f->id >= 173 && f->id <= 183; /* errors of PCIe: none */

    if (link_field_answer(gpu, f))
        return;
    for (size_t i = 0; i < sizeof known_fields / sizeof known_fields[0]; i++) {
        if (known_fields[i].id != f->id)
            continue;
        known = 1;
        value = known_fields[i].value;
        step = known_fields[i].step;
    }
    snprintf(key, sizeof key, "field.%u", f->id);
    known |= value_find(gpu, key) != NULL;
    value = sequence(gpu, key, value, step);
    snprintf(key, sizeof key, "field.%u.code", f->id);
    f->code = (int)number(gpu, key, known ? 0 : NVML_NOT_SUPPORTED);
    snprintf(key, sizeof key, "field.%u.type", f->id);
    f->value_type = (int)number(gpu, key, NVML_VALUE_ULONGLONG);
    f->value.sll = value;
    f->timestamp_us = 1;
}

API(nvmlDeviceGetMemoryErrorCounter, struct nvml_device *d, int type, int counter, int location,
    unsigned long long *count)
{
    (void)type;
    (void)counter;
    (void)location;
    ENTER(d->index);
    *count = (unsigned long long)number(d->index, "sram_errors", 0);
    return 0;
}

#ifndef FAKE_NVML_OLD
API(nvmlDeviceGetFieldValues, struct nvml_device *d, int count, struct nvml_field *fields)
{
    ENTER(d->index);
    for (int i = 0; i < count; i++)
        field_answer(d->index, &fields[i]);
    return 0;
}

API(nvmlDeviceGetMemoryInfo_v2, struct nvml_device *d, struct nvml_memory_v2 *m)
{
    ENTER(d->index);
    if (m->version != NVML_STRUCT_VERSION(sizeof *m, 2))
        return NVML_ARGUMENT_VERSION;
    m->total = (unsigned long long)number(d->index, "memory_total", 85520809984LL);
    m->reserved = (unsigned long long)number(d->index, "memory_reserved", 570425344);
    m->used = (unsigned long long)sequence(d->index, "memory_used", 600000000, 0);
    m->used -= m->used < m->reserved ? m->used : m->reserved;
    m->free = m->total - m->reserved - m->used;
    return 0;
}

API(nvmlDeviceGetSramEccErrorStatus, struct nvml_device *d, struct nvml_sram *s)
{
    ENTER(d->index);
    if (s->version != NVML_STRUCT_VERSION(sizeof *s, 1))
        return NVML_ARGUMENT_VERSION;
    s->threshold_exceeded = (unsigned)number(d->index, "sram_threshold", 0);
    return 0;
}

API(nvmlDeviceGetRowRemapperHistogram, struct nvml_device *d, struct nvml_spare_rows *rows)
{
    ENTER(d->index);
    *rows = (struct nvml_spare_rows){.all = 2560};
    rows->none = (unsigned)number(d->index, "spare_none", 0);
    return 0;
}

API(nvmlDeviceGetUnrepairableMemoryFlag_v1, struct nvml_device *d, struct nvml_unrepairable *u)
{
    ENTER(d->index);
    u->flag = (unsigned)number(d->index, "unrepairable", 0);
    return 0;
}

API(nvmlDeviceGetRepairStatus, struct nvml_device *d, struct nvml_repair *r)
{
    ENTER(d->index);
    if (r->version != NVML_STRUCT_VERSION(sizeof *r, 1))
        return NVML_ARGUMENT_VERSION;
    r->channel_pending = (unsigned)number(d->index, "repair_channel", 0);
    r->tpc_pending = (unsigned)number(d->index, "repair_tpc", 0);
    return 0;
}

API(nvmlDeviceGetCurrentClocksEventReasons, struct nvml_device *d, unsigned long long *mask)
{
    char key[32];

    ENTER(d->index);
    /* "clocks.0" is the first answer, "clocks.1" the second; else "clocks". */
    snprintf(key, sizeof key, "clocks.%u", calls[d->index]++);
    *mask = (unsigned long long)number(d->index, key, number(d->index, "clocks", 1));
    return 0;
}

API(nvmlDeviceGetTemperatureV, struct nvml_device *d, struct nvml_temperature *t)
{
    ENTER(d->index);
    if (t->version != NVML_STRUCT_VERSION(sizeof *t, 1))
        return NVML_ARGUMENT_VERSION;
    t->celsius = (int)sequence(d->index, "temperature", 31 + d->index % 4, 0);
    return 0;
}

API(nvmlDeviceGetMarginTemperature, struct nvml_device *d, struct nvml_margin *m)
{
    ENTER(d->index);
    if (m->version != NVML_STRUCT_VERSION(sizeof *m, 1))
        return NVML_ARGUMENT_VERSION;
    m->celsius = (int)number(d->index, "margin", 56 - d->index % 4);
    return 0;
}

API(nvmlDeviceGetGpuFabricInfoV, struct nvml_device *d, struct nvml_fabric *f)
{
    unsigned version = (unsigned)number(d->index, "fabric_version", 3);
    unsigned size = version == 3 ? sizeof *f : NVML_FABRIC_V2_SIZE;

    ENTER(d->index);
    if (f->version != NVML_STRUCT_VERSION(size, version))
        return NVML_ARGUMENT_VERSION;
    f->state = (unsigned char)number(d->index, "fabric_state", 3);
    f->status = (int)number(d->index, "fabric_status", 0);
    f->health_mask = (unsigned)number(d->index, "fabric_mask", 0x1aa);
    if (version == 3)
        f->health_summary = (unsigned char)number(d->index, "fabric_summary", 1);
    return 0;
}

API(nvmlDeviceGetComputeRunningProcesses_v3, struct nvml_device *d, unsigned *count,
    struct nvml_process *processes)
{
    unsigned room = *count, there = (unsigned)number(d->index, "processes", 0);

    ENTER(d->index);
    *count = there;
    for (unsigned i = 0; i < there && i < room; i++)
        processes[i].pid = 1000 + i;
    return there > room ? NVML_INSUFFICIENT_SIZE : 0;
}

API(nvmlDeviceValidateInforom, struct nvml_device *d)
{
    ENTER(d->index);
    return 0;
}
#else
API(nvmlDeviceGetCurrentClocksThrottleReasons, struct nvml_device *d, unsigned long long *mask)
{
    ENTER(d->index);
    (void)calls;
    (void)field_answer;
    *mask = (unsigned long long)number(d->index, "clocks", 1);
    return 0;
}
#endif

API(nvmlDeviceGetTemperature, struct nvml_device *d, int sensor, unsigned *celsius)
{
    (void)sensor;
    ENTER(d->index);
    *celsius = (unsigned)sequence(d->index, "temperature", 33, 0);
    return 0;
}

API(nvmlDeviceGetTemperatureThreshold, struct nvml_device *d, int which, unsigned *celsius)
{
    (void)which;
    ENTER(d->index);
    *celsius = (unsigned)number(d->index, "threshold", 92);
    return 0;
}

/* Functions that give one number. */
#define NUMBER(name, type, key, otherwise)             \
    API(name, struct nvml_device *d, type *out)        \
    {                                                  \
        ENTER(d->index);                               \
        *out = (type)number(d->index, key, otherwise); \
        return 0;                                      \
    }
NUMBER(nvmlDeviceGetEnforcedPowerLimit, unsigned, "power_enforced", 700000)
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, "power_default", 700000)
NUMBER(nvmlDeviceGetPerformanceState, int, "pstate", 0)
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, "pcie_gen", 5)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, unsigned, "pcie_width", 16)
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, "pcie_gen_max", 5)
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, unsigned, "pcie_width_max", 16)
NUMBER(nvmlDeviceGetComputeMode, int, "compute", 0)
NUMBER(nvmlDeviceGetPersistenceMode, int, "persistence", 1)

API(nvmlDeviceGetPcieReplayCounter, struct nvml_device *d, unsigned *count)
{
    static unsigned asked;

    ENTER(d->index);
    *count =
        (unsigned)(number(d->index, "replays", 0) + number(d->index, "replay_step", 0) * asked++);
    return 0;
}

API(nvmlDeviceGetNvLinkState, struct nvml_device *d, unsigned link, int *active)
{
    ENTER(d->index);
    if (link >= number(d->index, "nvlinks", 18))
        return NVML_INVALID_ARGUMENT;
    *active = link < number(d->index, "nvlinks_up", 18);
    return 0;
}

/* "nvlink_peer 0": no NVLink between any two; "gpu2.nvlink_peer.5 0": not from this to that. */
API(nvmlDeviceGetP2PStatus, struct nvml_device *d, struct nvml_device *peer, int what, int *status)
{
    char key[32];

    ENTER(d->index);
    snprintf(key, sizeof key, "nvlink_peer.%d", peer->index);
    *status = !number(d->index, key, number(d->index, "nvlink_peer", what == NVML_P2P_NVLINK));
    return 0;
}

API(nvmlDeviceGetMigMode, struct nvml_device *d, unsigned *current, unsigned *pending)
{
    ENTER(d->index);
    *current = (unsigned)number(d->index, "mig", 0);
    *pending = (unsigned)number(d->index, "mig_pending", *current);
    return 0;
}
