/* What the script says about the GPUs. */
#include "tests/support/fake/cuda/machine.h"

#include <sys/mman.h>

#include "tests/support/fake/script.h"

static struct machine_gpu gpus[MACHINE_GPUS_MAX];
static int gpu_count;
static bool is_loaded;

static const char *const unit_names[] = {
#define X(name, tera) #name,
    EMULATOR_UNITS(X)
#undef X
};

static const struct {
    const char *name;
    int numbers; /* after the unit, if there is one */
    bool has_unit;
} fault_kinds[FAULT_KIND_COUNT] = {
    [FAULT_STUCK] = {"stuck", 3, false},
    [FAULT_ADDRESS_LINE] = {"address_line", 2, false},
    [FAULT_COUPLE] = {"couple", 3, false},
    [FAULT_FORGET] = {"forget", 3, false},
    [FAULT_WEAR] = {"wear", 3, false},
    [FAULT_FLIP] = {"flip", 3, false},
    [FAULT_UNCORRECTABLE] = {"uncorrectable", 1, false},
    [FAULT_LINK_IN] = {"link_in", 2, false},
    [FAULT_LINK_OUT] = {"link_out", 2, false},
    [FAULT_LINK_PEER] = {"link_peer", 2, false},
    [FAULT_WRONG] = {"wrong", 2, true},
    [FAULT_SILENT] = {"silent", 3, true},
};

/* A script that is not understood must never look like a healthy machine. */
static void script_is_wrong(const char *line)
{
    fprintf(stderr, "fake driver: cannot understand: %.*s\n", (int)strcspn(line, "\n"), line);
    abort();
}

static int word_find(const char *word, const char *const *list, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(word, list[i]) == 0)
            return i;
    }
    return -1;
}

static void fault_parse(const char *line, struct machine_fault *out)
{
    const char *names[FAULT_KIND_COUNT];
    char word[32] = "", unit[32] = "";
    int used = 0, kind, n = 0;

    for (int i = 0; i < FAULT_KIND_COUNT; i++)
        names[i] = fault_kinds[i].name;
    if (sscanf(line, "%31s%n", word, &used) != 1)
        script_is_wrong(line);
    kind = word_find(word, names, FAULT_KIND_COUNT);
    if (kind < 0)
        script_is_wrong(line);
    *out = (struct machine_fault){.kind = (enum fault_kind)kind};
    line += used;
    if (fault_kinds[kind].has_unit) {
        if (sscanf(line, "%31s%n", unit, &used) != 1)
            script_is_wrong(line);
        line += used;
        out->n[n] = word_find(unit, unit_names, EMULATOR_UNIT_COUNT);
        if (out->n[n++] < 0)
            script_is_wrong(unit);
    }
    for (int i = 0; i < fault_kinds[kind].numbers; i++) {
        if (sscanf(line, "%lli%n", &out->n[n++], &used) != 1)
            script_is_wrong(line);
        line += used;
    }
}

static void faults_load(struct machine_gpu *g)
{
    char key[32];

    for (int i = 0; i < MACHINE_FAULTS_MAX; i++) {
        struct machine_fault *f = &g->faults[g->fault_count];
        const char *line;

        snprintf(key, sizeof key, "fault.%d", i);
        line = value_find(g->index, key);
        if (!line)
            continue;
        fault_parse(line, f);
        g->memory_is_faulty |= f->kind <= FAULT_UNCORRECTABLE;
        g->units_are_faulty |= f->kind >= FAULT_WRONG;
        g->fault_count++;
    }
}

static void gpu_load(struct machine_gpu *g, int index)
{
    static const double tera[] = {
#define X(name, tera) tera,
        EMULATOR_UNITS(X)
#undef X
    };
    double gbps = real(index, "memory_gbps", 3350);
    char key[32];

    g->index = index;
    g->bytes = (u64)number(index, "memory", 2 << 20);
    g->sm_count = (unsigned)number(index, "sms", 4);
    g->sms_idle = (unsigned)number(index, "sms_idle", 0);
    g->clock_rise = (unsigned)number(index, "clock_rise", 0);
    /* What good kernels reach of the datasheet's figure, see docs/checks.md. */
    g->read_gbps = real(index, "memory_read_gbps", gbps * 0.97);
    g->write_gbps = real(index, "memory_write_gbps", gbps * 0.90);
    g->peer_gbps = real(index, "peer_gbps", 380);
    for (int i = 0; i < EMULATOR_UNIT_COUNT; i++) {
        snprintf(key, sizeof key, "%s_tflops", unit_names[i]);
        g->tera[i] = real(index, key, tera[i]);
    }
    faults_load(g);
}

void machine_load(void)
{
    if (is_loaded)
        return;
    is_loaded = true;
    script_load();
    gpu_count = (int)number(-1, "cuda_count", number(-1, "count", 8));
    if (gpu_count > MACHINE_GPUS_MAX)
        gpu_count = MACHINE_GPUS_MAX;
    for (int i = 0; i < gpu_count; i++)
        gpu_load(&gpus[i], i);
}

void machine_unload(void)
{
    for (int i = 0; i < gpu_count; i++) {
        if (gpus[i].memory)
            munmap(gpus[i].memory, gpus[i].bytes);
    }
    memset(gpus, 0, sizeof gpus);
    is_loaded = false;
}

int machine_gpu_count(void)
{
    return gpu_count;
}

struct machine_gpu *machine_gpu(int index)
{
    return index >= 0 && index < gpu_count ? &gpus[index] : NULL;
}

struct machine_gpu *machine_gpu_at(u64 address)
{
    struct machine_gpu *g = machine_gpu((int)(address >> MACHINE_ADDRESS_BIT) - 1);

    return g && g->memory ? g : NULL;
}

void machine_power_on(struct machine_gpu *g)
{
    u64 noise = 0x9e3779b97f4a7c15ull * (u64)(g->index + 1);

    if (g->memory)
        return;
    g->memory = mmap(NULL, g->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->memory == MAP_FAILED)
        abort();
    for (u64 i = 0; i + 8 <= g->bytes; i += 8) {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        memcpy(g->memory + i, &noise, 8);
    }
}

double machine_work_ns(const struct machine_gpu *g)
{
    double memory_ns =
        (double)g->work.loaded_bytes / g->read_gbps + (double)g->work.stored_bytes / g->write_gbps;
    double units_ns = (double)g->work.peer_bytes / g->peer_gbps;

    for (int i = 0; i < EMULATOR_UNIT_COUNT; i++)
        units_ns += (double)g->work.operations[i] / (g->tera[i] * 1000);
    return memory_ns > units_ns ? memory_ns : units_ns;
}
