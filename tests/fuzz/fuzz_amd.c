/* The answers of AMD's library: the table of functions is filled by hand, every answer is the
 * fuzzer's. */
#include "tests/fuzz/answers.h"

#include "gpu/probe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ask_id(uint32_t index, uint16_t *id)
{
    (void)index;
    bytes_take(id, sizeof *id);
    return code_take();
}

static int ask_name(uint32_t index, char *text, size_t size)
{
    (void)index;
    bytes_take(text, size);
    return code_take();
}

static int ask_partition(uint32_t index, char *text, uint32_t size)
{
    return ask_name(index, text, size);
}

static int ask_number(uint32_t index, uint64_t *out)
{
    (void)index;
    bytes_take(out, sizeof *out);
    return code_take();
}

static int ask_memory(uint32_t index, int kind, uint64_t *bytes)
{
    (void)kind;
    return ask_number(index, bytes);
}

static int ask_temperature(uint32_t index, uint32_t sensor, int metric, int64_t *milli)
{
    (void)index;
    (void)sensor;
    (void)metric;
    bytes_take(milli, byte_take() & 1 ? 8 : 3);
    return code_take();
}

static int ask_cap(uint32_t index, uint32_t sensor, uint64_t *microwatts)
{
    (void)sensor;
    return ask_number(index, microwatts);
}

static int ask_errors(uint32_t index, uint64_t block, struct amd_errors *errors)
{
    (void)index;
    (void)block;
    bytes_take(errors, sizeof *errors);
    return code_take();
}

/* With too little room the count is an answer, too. */
static int ask_pages(uint32_t index, uint32_t *count, struct amd_page *pages)
{
    uint32_t room = *count;
    int code = code_take();

    (void)index;
    bytes_take(count, sizeof *count);
    said.answered += code == AMD_INSUFFICIENT_SIZE;
    for (uint32_t i = 0; i < *count && i < room; i++)
        pages[i].state = (int8_t)byte_take();
    return code;
}

static int ask_xgmi(uint32_t index, int *status)
{
    (void)index;
    *status = (int8_t)byte_take();
    return code_take();
}

static const struct amd library = {
    .device_id = ask_id,
    .device_name = ask_name,
    .unique_id = ask_number,
    .pci_id = ask_number,
    .memory_total = ask_memory,
    .memory_used = ask_memory,
    .temperature = ask_temperature,
    .power_cap = ask_cap,
    .power_cap_default = ask_number,
    .ecc_enabled = ask_number,
    .ecc_count = ask_errors,
    .reserved_pages = ask_pages,
    .pcie_replays = ask_number,
    .xgmi_status = ask_xgmi,
    .partition = ask_partition,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gpu_inventory inventory = {.listed_count = 8, .gpu_count = 8};
    struct gpu_options options = gpu_options_default();
    struct gpu_info info = {.gpu = {.index = 3}, .vendor = GPU_VENDOR_AMD, .vendor_index = 3};
    struct gpu_target t = {.options = &options, .inventory = &inventory, .amd = &library};

    said.data = data;
    said.size = size;
    said.at = 0;
    options.kmsg_path = "/nonexistent/kmsg";
    options.sysfs_dir = "/nonexistent/sys";
    options.uptime_ms = byte_take() * 60000;
    gpu_identify(&t, &info);
    need(is_clean(info.gpu.model, sizeof info.gpu.model));
    need(is_clean(info.gpu.uuid, sizeof info.gpu.uuid));
    need(is_clean(info.gpu.pci, sizeof info.gpu.pci));
    t.info = &info;
    checks_run(&t);
    return 0;
}
