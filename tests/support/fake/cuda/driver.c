/* A drop-in libcuda.so.1 that answers from a script and runs kernels on the processor. What it
 * understands is in script.h (code, hang, crash of a function) and machine.h. Work is done when
 * it is queued; what time it would have taken is kept per stream and engine, so that copies both
 * ways overlap and kernels of two streams do not. Functions that old drivers lack are in
 * optional.c: fake/cuda_old.so is made without it. */
#include "tests/support/fake/cuda/driver.h"

#include <stdlib.h>
#include <string.h>

struct cu_context *context_current;
static struct cu_context contexts[CONTEXTS_MAX];
static struct cu_stream default_stream;
static bool is_ready;

static const struct {
    const char *module, *name;
    void (*enter)(const void *args);
    size_t args_bytes;
} kernels[] = {
#define KERNEL_ENTRY(module, name, args) {#module, #name, enter_##name, sizeof(struct args)},
#include "gpu/kernel/kernels.def.h"
#undef KERNEL_ENTRY
    {"", "", NULL, 0},
};

int gpu_current(void)
{
    return context_current ? context_current->gpu->index : -1;
}

/* Nothing works before cuInit(), and nothing after a GPU's kernel has failed. */
int driver_enter(int gpu, const char *function)
{
    int code = enter(gpu, function);

    if (code)
        return code;
    if (!is_ready)
        return CUDA_NOT_INITIALIZED;
    return machine_gpu(gpu) ? machine_gpu(gpu)->broken : CUDA_OK;
}

/* CUDA's numbers run the other way than NVML's. */
static int gpu_of(int device)
{
    return machine_gpu_count() - 1 - device;
}

API(cuInit, unsigned flags)
{
    machine_load();
    (void)flags;
    ENTER(-1);
    is_ready = true;
    return machine_gpu_count() > 0 ? CUDA_OK : CUDA_NO_DEVICE;
}

API(cuDeviceGet, int *device, int ordinal)
{
    DRIVER(gpu_of(ordinal));
    if (!machine_gpu(gpu_of(ordinal)))
        return CUDA_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_OK;
}

API(cuDeviceGetByPCIBusId, int *device, const char *address)
{
    unsigned domain, bus, slot, function;

    DRIVER(-1);
    if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
        return CUDA_INVALID_VALUE;
    for (int i = 0; i < machine_gpu_count(); i++) {
        int code;

        if (bus != number(i, "bus", 0x10 + i) || domain || slot)
            continue;
        code = enter(i, __func__);
        *device = gpu_of(i);
        return code;
    }
    return CUDA_INVALID_DEVICE;
}

API(cuDeviceGetAttribute, int *value, int attribute, int device)
{
    int i = gpu_of(device), capability = (int)number(i, "capability", 90);
    char key[32];

    DRIVER(i);
    if (!machine_gpu(i))
        return CUDA_INVALID_DEVICE;
    snprintf(key, sizeof key, "attribute.%d", attribute);
    switch (attribute) {
    case CUDA_ATTRIBUTE_SM_COUNT:
        *value = (int)machine_gpu(i)->sm_count;
        return CUDA_OK;
    case CUDA_ATTRIBUTE_L2_BYTES:
        *value = (int)number(i, "l2_bytes", 65536);
        return CUDA_OK;
    case CUDA_ATTRIBUTE_MAJOR:
        *value = capability / 10;
        return CUDA_OK;
    case CUDA_ATTRIBUTE_MINOR:
        *value = capability % 10;
        return CUDA_OK;
    case CUDA_ATTRIBUTE_SHARED_BYTES_MAX:
        *value = (int)number(i, "shared_bytes", SHARED_BYTES_MAX);
        return CUDA_OK;
    default:
        *value = (int)number(i, key, 0);
        return value_find(i, key) ? CUDA_OK : CUDA_INVALID_VALUE;
    }
}

/* --- contexts -------------------------------------------------------------------------------- */

API(cuCtxCreate_v2, struct cu_context **context, unsigned flags, int device)
{
    struct machine_gpu *g = machine_gpu(gpu_of(device));

    (void)flags;
    DRIVER(gpu_of(device));
    if (!g)
        return CUDA_INVALID_DEVICE;
    for (int i = 0; i < CONTEXTS_MAX; i++) {
        if (contexts[i].gpu)
            continue;
        machine_power_on(g);
        contexts[i].gpu = g;
        context_current = *context = &contexts[i];
        return CUDA_OK;
    }
    return CUDA_OUT_OF_MEMORY;
}

static void module_free(struct cu_module *m)
{
    free(m->ptx);
    free(m);
}

API(cuCtxDestroy_v2, struct cu_context *context)
{
    ENTER(context->gpu->index);
    /* What a program leaves behind goes with its context. */
    while (context->modules) {
        struct cu_module *m = context->modules;

        context->modules = m->next;
        module_free(m);
    }
    while (context->streams) {
        struct cu_stream *s = context->streams;

        context->streams = s->next;
        free(s);
    }
    context->gpu->taken_count = 0;
    context->gpu->broken = CUDA_OK;
    context->gpu->peers = 0;
    context->gpu = NULL;
    if (context_current == context)
        context_current = NULL;
    for (int i = 0; i < CONTEXTS_MAX; i++) {
        if (contexts[i].gpu)
            return CUDA_OK;
    }
    /* A test in this process may play another machine next. */
    machine_unload();
    default_stream = (struct cu_stream){0};
    return CUDA_OK;
}

API(cuCtxSetCurrent, struct cu_context *context)
{
    DRIVER(context ? context->gpu->index : -1);
    context_current = context;
    return CUDA_OK;
}

/* --- modules --------------------------------------------------------------------------------- */

/* ".version 7.0" is 70, ".target sm_90a" is 90; 0: it says none. */
static int ptx_version(const char *image)
{
    const char *at = strstr(image, ".version ");
    int major, minor;

    return at && sscanf(at, ".version %d.%d", &major, &minor) == 2 ? major * 10 + minor : 0;
}

static int ptx_target(const char *image, char *letter)
{
    const char *at = strstr(image, ".target sm_");
    int target;

    return at && sscanf(at, ".target sm_%d%c", &target, letter) == 2 ? target : 0;
}

/* What a driver says to PTX; 0: it takes it. */
static int ptx_judge(int gpu, const char *image)
{
    char letter = '\0';
    int version = ptx_version(image), target = ptx_target(image, &letter);
    int capability = (int)number(gpu, "capability", 90);

    if (number(gpu, "ptx_code", 0))
        return (int)number(gpu, "ptx_code", 0);
    if (!version || !target)
        return CUDA_INVALID_PTX;
    if (version > number(gpu, "ptx_version", 90))
        return CUDA_UNSUPPORTED_PTX_VERSION;
    if (target > capability || (letter == 'a' && target != capability))
        return CUDA_NO_BINARY_FOR_GPU;
    return CUDA_OK;
}

API(cuModuleLoadDataEx, struct cu_module **module, const void *image, unsigned option_count,
    int *options, void **values)
{
    bool is_elf = memcmp(image, "\177ELF", 4) == 0;
    bool is_fat = memcmp(image, "\x50\xed\x55\xba", 4) == 0;
    struct cu_module *m;
    int code;

    (void)option_count;
    (void)options;
    (void)values;
    DRIVER_CONTEXT();
    if (is_elf || is_fat)
        code = (int)number(gpu_current(), "cubin_code", 0);
    else
        code = ptx_judge(gpu_current(), image);
    if (code)
        return code;
    m = calloc(1, sizeof *m);
    if (!m)
        return CUDA_OUT_OF_MEMORY;
    m->ptx = is_elf || is_fat ? NULL : strdup(image);
    m->next = context_current->modules;
    context_current->modules = m;
    *module = m;
    return CUDA_OK;
}

/* PTX tells which kernels it has; of machine code we believe it. */
static bool module_has(const struct cu_module *m, const char *name)
{
    char entry[128];
    const char *at;
    int n = snprintf(entry, sizeof entry, ".entry %s", name);

    if (!m->ptx)
        return true;
    at = strstr(m->ptx, entry);
    return at && (at[n] == '(' || at[n] == '\n' || at[n] == ' ');
}

API(cuModuleGetFunction, struct cu_function **function, struct cu_module *module, const char *name)
{
    DRIVER_CONTEXT();
    for (size_t i = 0; kernels[i].enter; i++) {
        struct cu_function *f = &module->functions[i];

        if (strcmp(kernels[i].name, name) != 0 || !module_has(module, name))
            continue;
        if (i >= FUNCTIONS_MAX)
            abort();
        f->enter = kernels[i].enter;
        if (!f->shared_bytes_max)
            f->shared_bytes_max = SHARED_BYTES_PLAIN;
        *function = f;
        return CUDA_OK;
    }
    return CUDA_NOT_FOUND;
}

/* --- work ------------------------------------------------------------------------------------ */

/* So long an engine is busy with something for this stream. */
static void time_spend(struct cu_stream *stream, enum machine_engine engine, double ns)
{
    struct machine_gpu *g = context_current->gpu;
    struct cu_stream *s = stream ? stream : &default_stream;
    double from =
        s->ready_ns > g->engine_ready_ns[engine] ? s->ready_ns : g->engine_ready_ns[engine];

    s->ready_ns = g->engine_ready_ns[engine] = from + ns;
    if (engine == ENGINE_IN && number(g->index, "pcie_half_duplex", 0))
        g->engine_ready_ns[ENGINE_OUT] = from + ns;
    if (engine == ENGINE_OUT && number(g->index, "pcie_half_duplex", 0))
        g->engine_ready_ns[ENGINE_IN] = from + ns;
    if (from + ns > g->now_ns)
        g->now_ns = from + ns;
}

static u64 work_size(const struct machine_work *w)
{
    u64 size = w->loaded_bytes + w->stored_bytes + w->peer_bytes;

    for (int i = 0; i < EMULATOR_UNIT_COUNT; i++)
        size += w->operations[i];
    return size;
}

API(cuLaunchKernel, struct cu_function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
    unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
    struct cu_stream *stream, void **parameters, void **extra)
{
    struct machine_gpu *g;
    struct emulator_launch launch;
    double ns;

    DRIVER_CONTEXT();
    g = context_current->gpu;
    if (!grid_x || grid_y != 1 || grid_z != 1 || !block_x || block_x > 1024 || block_y != 1 ||
        block_z != 1 || extra || shared_bytes > function->shared_bytes_max)
        return CUDA_INVALID_VALUE;
    launch =
        (struct emulator_launch){g, function->enter, parameters[0], grid_x, block_x, shared_bytes};
    g->broken = emulator_run(&launch);
    ns = machine_work_ns(g);
    /* The memory is so small that a launch would count for more than the work, unlike on a real
     * GPU: only kernels that do next to nothing pay for it. */
    if (work_size(&g->work) < SMALL_WORK)
        ns += real(g->index, "launch_us", 2.2) * 1000;
    if (g->launches++ < g->clock_rise)
        ns *= 1 + 4.0 * (g->clock_rise - g->launches + 1) / g->clock_rise;
    time_spend(stream, ENGINE_SM, ns);
    memset(&g->work, 0, sizeof g->work);
    /* Like the real one, the launch itself tells nothing. */
    return CUDA_OK;
}

API(cuStreamCreate, struct cu_stream **stream, unsigned flags)
{
    (void)flags;
    DRIVER_CONTEXT();
    *stream = calloc(1, sizeof **stream);
    if (!*stream)
        return CUDA_OUT_OF_MEMORY;
    (*stream)->next = context_current->streams;
    context_current->streams = *stream;
    return CUDA_OK;
}

API(cuStreamDestroy_v2, struct cu_stream *stream)
{
    ENTER(gpu_current());
    for (int i = 0; i < CONTEXTS_MAX; i++) {
        for (struct cu_stream **at = &contexts[i].streams; *at; at = &(*at)->next) {
            if (*at != stream)
                continue;
            *at = stream->next;
            free(stream);
            return CUDA_OK;
        }
    }
    return CUDA_INVALID_VALUE;
}

API(cuStreamSynchronize, struct cu_stream *stream)
{
    (void)stream;
    DRIVER_CONTEXT();
    return CUDA_OK;
}

API(cuStreamWaitEvent, struct cu_stream *stream, struct cu_event *event, unsigned flags)
{
    struct cu_stream *s = stream ? stream : &default_stream;

    (void)flags;
    DRIVER_CONTEXT();
    if (event->at_ns > s->ready_ns)
        s->ready_ns = event->at_ns;
    return CUDA_OK;
}

API(cuEventCreate, struct cu_event **event, unsigned flags)
{
    (void)flags;
    DRIVER_CONTEXT();
    *event = calloc(1, sizeof **event);
    return *event ? CUDA_OK : CUDA_OUT_OF_MEMORY;
}

API(cuEventDestroy_v2, struct cu_event *event)
{
    ENTER(gpu_current());
    free(event);
    return CUDA_OK;
}

API(cuEventRecord, struct cu_event *event, struct cu_stream *stream)
{
    DRIVER_CONTEXT();
    event->at_ns = (stream ? stream : &default_stream)->ready_ns;
    event->is_recorded = true;
    return CUDA_OK;
}

API(cuEventSynchronize, struct cu_event *event)
{
    (void)event;
    DRIVER_CONTEXT();
    return CUDA_OK;
}

API(cuEventElapsedTime, float *ms, struct cu_event *from, struct cu_event *to)
{
    DRIVER_CONTEXT();
    if (!from->is_recorded || !to->is_recorded)
        return CUDA_INVALID_VALUE;
    *ms = (float)((to->at_ns - from->at_ns) / 1e6);
    return CUDA_OK;
}

/* --- memory ---------------------------------------------------------------------------------- */

API(cuMemGetInfo_v2, size_t *free_bytes, size_t *total_bytes)
{
    DRIVER_CONTEXT();
    *free_bytes = (size_t)cells_free_bytes(context_current->gpu);
    *total_bytes = (size_t)context_current->gpu->bytes;
    return CUDA_OK;
}

API(cuMemAlloc_v2, uint64_t *address, size_t bytes)
{
    u64 taken;
    int code;

    DRIVER_CONTEXT();
    code = cells_take(context_current->gpu, bytes, &taken);
    if (!code)
        *address = taken;
    return code;
}

API(cuMemFree_v2, uint64_t address)
{
    DRIVER_CONTEXT();
    return cells_give(address);
}

API(cuMemHostAlloc, void **host, size_t bytes, unsigned flags)
{
    (void)flags;
    DRIVER_CONTEXT();
    *host = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    return *host ? CUDA_OK : CUDA_OUT_OF_MEMORY;
}

API(cuMemFreeHost, void *host)
{
    ENTER(gpu_current());
    free(host);
    return CUDA_OK;
}

static struct machine_gpu *range_gpu(u64 address, u64 bytes)
{
    struct machine_gpu *g = machine_gpu_at(address);

    return g && cells_are_taken(g, address, bytes) ? g : NULL;
}

API(cuMemcpyHtoDAsync_v2, uint64_t to, const void *from, size_t bytes, struct cu_stream *stream)
{
    struct machine_gpu *g;
    void *copy;
    int code;

    DRIVER_CONTEXT();
    g = range_gpu(to, bytes);
    if (!g)
        return CUDA_INVALID_VALUE;
    copy = malloc(bytes);
    if (!copy)
        return CUDA_OUT_OF_MEMORY;
    memcpy(copy, from, bytes);
    cells_link(g, FAULT_LINK_IN, copy, bytes);
    code = cells_write(g, to, copy, bytes);
    free(copy);
    g->broken = code;
    time_spend(stream, ENGINE_IN, (double)bytes / real(g->index, "pcie_in_gbps", 55));
    return code;
}

API(cuMemcpyDtoHAsync_v2, void *to, uint64_t from, size_t bytes, struct cu_stream *stream)
{
    struct machine_gpu *g;
    int code;

    DRIVER_CONTEXT();
    g = range_gpu(from, bytes);
    if (!g)
        return CUDA_INVALID_VALUE;
    code = cells_read(g, from, to, bytes);
    cells_link(g, FAULT_LINK_OUT, to, bytes);
    g->broken = code;
    time_spend(stream, ENGINE_OUT, (double)bytes / real(g->index, "pcie_out_gbps", 53));
    return code;
}

API(cuMemsetD32Async, uint64_t to, unsigned word, size_t count, struct cu_stream *stream)
{
    struct machine_gpu *g;

    DRIVER_CONTEXT();
    g = range_gpu(to, count * 4);
    if (!g || to % 4)
        return CUDA_INVALID_VALUE;
    for (size_t i = 0; i < count; i++)
        cells_write(g, to + i * 4, &word, 4);
    time_spend(stream, ENGINE_SM, (double)count * 4 / g->write_gbps);
    return CUDA_OK;
}

int copy_between(struct machine_gpu *to_gpu, uint64_t to, struct machine_gpu *from_gpu,
                 uint64_t from, size_t bytes, struct cu_stream *stream)
{
    char key[32];
    void *copy;
    int code;

    if (range_gpu(to, bytes) != to_gpu || range_gpu(from, bytes) != from_gpu)
        return CUDA_INVALID_VALUE;
    copy = malloc(bytes);
    if (!copy)
        return CUDA_OUT_OF_MEMORY;
    code = cells_read(from_gpu, from, copy, bytes);
    cells_link(from_gpu, FAULT_LINK_PEER, copy, bytes);
    if (!code)
        code = cells_write(to_gpu, to, copy, bytes);
    free(copy);
    snprintf(key, sizeof key, "peer.%d.gbps", to_gpu->index);
    time_spend(stream, ENGINE_PEER,
               (double)bytes / real(from_gpu->index, key, from_gpu->peer_gbps));
    return code;
}
