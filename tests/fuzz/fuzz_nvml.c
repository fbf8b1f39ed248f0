/* NVML's answers: the table of functions is filled by hand, every answer is the fuzzer's. */
#include "tests/fuzz/answers.h"

#include "gpu/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Functions that fill one thing. */
#define ASK(name, type)                               \
    static int name(struct nvml_device *d, type *out) \
    {                                                 \
        (void)d;                                      \
        bytes_take(out, sizeof *out);                 \
        return code_take();                           \
    }
ASK(ask_pci, struct nvml_pci)
ASK(ask_memory, struct nvml_memory)
ASK(ask_unrepairable, struct nvml_unrepairable)
ASK(ask_spare_rows, struct nvml_spare_rows)
ASK(ask_sram, struct nvml_sram)
ASK(ask_repair, struct nvml_repair)
ASK(ask_mask, unsigned long long)
ASK(ask_temperature_v, struct nvml_temperature)
ASK(ask_margin, struct nvml_margin)
ASK(ask_number, unsigned)
ASK(ask_int, int)
ASK(ask_fabric, struct nvml_fabric)

static int ask_text(struct nvml_device *d, char *text, unsigned size)
{
    (void)d;
    bytes_take(text, size);
    return code_take();
}

static int ask_index(unsigned index, struct nvml_device **device)
{
    (void)index;
    *device = (struct nvml_device *)&said; /* only passed through */
    return code_take();
}

/* The counters are many: of a link, only every eighth byte decides. */
static int ask_fields(struct nvml_device *d, int count, struct nvml_field *fields)
{
    int code = code_take();

    (void)d;
    said.answered -= code == 0; /* each field's own code tells */
    for (int i = 0; i < count; i++) {
        uint8_t kind = byte_take();

        fields[i].code = kind & 0x80 ? code_take() : 0;
        said.answered += code == 0 && !(kind & 0x80);
        fields[i].value_type = kind & 7;
        if (kind & 0x40)
            bytes_take(&fields[i].value, sizeof fields[i].value);
        else
            fields[i].value.ull = kind >> 3 & 7;
    }
    return code;
}

static int ask_errors(struct nvml_device *d, int type, int counter, int location,
                      unsigned long long *count)
{
    (void)d;
    (void)type;
    (void)counter;
    (void)location;
    bytes_take(count, sizeof *count);
    return code_take();
}

static int ask_sensor(struct nvml_device *d, int sensor, unsigned *celsius)
{
    (void)sensor;
    return ask_number(d, celsius);
}

static int ask_link(struct nvml_device *d, unsigned link, int *active)
{
    (void)link;
    (void)d;
    *active = byte_take() & 3;
    return code_take();
}

static int ask_mig(struct nvml_device *d, unsigned *current, unsigned *pending)
{
    *current = byte_take() & 3;
    *pending = byte_take() & 3;
    (void)d;
    return code_take();
}

/* With too little room the count is an answer, too. */
static int ask_processes(struct nvml_device *d, unsigned *count, struct nvml_process *processes)
{
    unsigned room = *count;
    int code = code_take();

    (void)d;
    bytes_take(count, sizeof *count);
    said.answered += code == NVML_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < *count && i < room; i++)
        processes[i].pid = i;
    return code;
}

static int ask_inforom(struct nvml_device *d)
{
    (void)d;
    return code_take();
}

static const struct nvml whole = {
    .device_by_index = ask_index,
    .device_name = ask_text,
    .device_uuid = ask_text,
    .device_pci = ask_pci,
    .memory = ask_memory,
    .fields = ask_fields,
    .error_counter = ask_errors,
    .sram_status = ask_sram,
    .spare_rows = ask_spare_rows,
    .unrepairable = ask_unrepairable,
    .repair_status = ask_repair,
    .clocks_event_reasons = ask_mask,
    .clocks_throttle_reasons = ask_mask,
    .temperature_v = ask_temperature_v,
    .temperature = ask_sensor,
    .temperature_margin = ask_margin,
    .temperature_threshold = ask_sensor,
    .power_limit_enforced = ask_number,
    .power_limit_default = ask_number,
    .performance_state = ask_int,
    .pcie_gen = ask_number,
    .pcie_width = ask_number,
    .pcie_gen_max = ask_number,
    .pcie_width_max = ask_number,
    .pcie_replays = ask_number,
    .nvlink_state = ask_link,
    .fabric_info = ask_fabric,
    .mig_mode = ask_mig,
    .compute_mode = ask_int,
    .compute_processes = ask_processes,
    .inforom_validate = ask_inforom,
    .persistence_mode = ask_int,
};

/* A driver without some of its functions, by the bits of a mask. */
static struct nvml driver_some(void)
{
    static const size_t optional[] = {
        offsetof(struct nvml, fields),       offsetof(struct nvml, temperature_v),
        offsetof(struct nvml, fabric_info),  offsetof(struct nvml, temperature_margin),
        offsetof(struct nvml, pcie_replays), offsetof(struct nvml, clocks_event_reasons),
        offsetof(struct nvml, nvlink_state), offsetof(struct nvml, performance_state),
    };
    uint8_t missing = byte_take() & byte_take();
    struct nvml n = whole;

    for (size_t i = 0; i < ARRAY_SIZE(optional); i++) {
        if (missing >> i & 1)
            memset((char *)&n + optional[i], 0, sizeof(void *));
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gpu_inventory inventory = {.listed_count = 8, .gpu_count = 8};
    struct gpu_options options = gpu_options_default();
    struct gpu_info info = {.gpu = {.index = 3}, .vendor_index = 3};
    struct gpu_target t = {.options = &options, .inventory = &inventory};
    struct nvml n;

    said.data = data;
    said.size = size;
    said.at = 0;
    n = driver_some();
    t.nvml = &n;
    options.kmsg_path = "/nonexistent/kmsg";
    options.uptime_ms = byte_take() * 60000;
    gpu_identify(&t, &info);
    need(is_clean(info.gpu.model, sizeof info.gpu.model));
    need(is_clean(info.gpu.uuid, sizeof info.gpu.uuid));
    need(is_clean(info.gpu.pci, sizeof info.gpu.pci));
    t.info = &info;
    checks_run(&t);
    return 0;
}
