/* The table of checks and the words they answer with. What is healthy is not decided here
 * but in gpu/check/. */
#include "gpu/check.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "gpu/alone.h"
#include "gpu/compute.h"

#define ALONE_SHARE   4 /* of the run's time, at most, to wait for neighbours */
#define YOUNG_MS_MAX  (180 * 1000)
#define RESET_ACTION  "reset the GPU (nvidia-smi --gpu-reset), or restart the machine"
#define REBOOT_ACTION "restart the machine; if it comes back, have the GPU replaced"

#define CHECK(name)   extern const struct gpu_check gpu_check_##name;
#include "gpu/checks.def.h"
#undef CHECK

const struct gpu_check *const gpu_checks[] = {
#define CHECK(name) &gpu_check_##name,
#include "gpu/checks.def.h"
#undef CHECK
};
const size_t gpu_check_count = ARRAY_SIZE(gpu_checks);

const char *const gpu_vendor_names[] = {"NVIDIA", "AMD", NULL};

const struct gpu_check *gpu_check_find(const char *name)
{
    for (size_t i = 0; i < gpu_check_count; i++) {
        if (strcmp(gpu_checks[i]->name, name) == 0)
            return gpu_checks[i];
    }
    return NULL;
}

bool gpu_check_is_among(const char *names, const struct gpu_check *check)
{
    size_t length = strlen(check->name);

    for (const char *at = names; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strcspn(at, ",") == length && strncmp(at, check->name, length) == 0)
            return true;
    }
    return !names;
}

struct gpu_options gpu_options_default(void)
{
    return (struct gpu_options){.sysfs_dir = "/sys",
                                .proc_dir = "/proc",
                                .dev_dir = "/dev",
                                .kmsg_path = "/dev/kmsg",
                                .uptime_ms = -1,
                                .clock = clock_real()};
}

static void PRINTF_LIKE(5, 0)
    answer(struct finding *f, enum check_result result, enum remedy remedy, const char *action,
           const char *fmt, va_list ap)
{
    f->result = result;
    f->is_moot = false;
    f->remedy = remedy;
    vsnprintf(f->detail, sizeof f->detail, fmt, ap);
    text_copy(f->action, sizeof f->action, action);
}

void gpu_pass(struct finding *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    answer(f, CHECK_PASS, REMEDY_NONE, "", fmt, ap);
    va_end(ap);
}

void gpu_warn(struct finding *f, enum remedy remedy, const char *action, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    answer(f, CHECK_WARN, remedy, action, fmt, ap);
    va_end(ap);
}

void gpu_fail(struct finding *f, enum remedy remedy, const char *action, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    answer(f, CHECK_FAIL, remedy, action, fmt, ap);
    va_end(ap);
}

void gpu_skip(struct finding *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    answer(f, CHECK_SKIP, REMEDY_NONE, "", fmt, ap);
    va_end(ap);
}

void gpu_not_applicable(struct finding *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    answer(f, CHECK_SKIP, REMEDY_NONE, "", fmt, ap);
    va_end(ap);
    f->is_moot = true;
}

void gpu_error(struct finding *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    answer(f, CHECK_ERROR, REMEDY_NONE, "", fmt, ap);
    va_end(ap);
}

void gpu_figure(struct finding *f, double value, double floor, const char *unit)
{
    f->value = value;
    f->floor = floor;
    text_copy(f->unit, sizeof f->unit, unit);
}

bool gpu_answered(struct gpu_target *t, struct finding *f, int code, const char *what)
{
    switch (code) {
    case NVML_OK:
        return true;
    case NVML_NO_SYMBOL:
    case NVML_FUNCTION_NOT_FOUND:
        gpu_skip(f, "the driver is too old to tell about %s", what);
        return false;
    case NVML_ARGUMENT_VERSION:
    case NVML_DEPRECATED:
        gpu_skip(f, "the driver tells about %s in a form unknown to this version", what);
        return false;
    case NVML_NOT_SUPPORTED:
        gpu_not_applicable(f, "this GPU does not report %s", what);
        return false;
    case NVML_NO_PERMISSION:
        gpu_skip(f, "only root may read %s", what);
        return false;
    case NVML_GPU_IS_LOST:
        t->lost = true;
        gpu_fail(f, REMEDY_RESTART, REBOOT_ACTION, "the GPU fell off the bus");
        return false;
    case NVML_RESET_REQUIRED:
        gpu_fail(f, REMEDY_RESET, RESET_ACTION, "the GPU must be reset before it can be used");
        return false;
    case NVML_INSUFFICIENT_POWER:
        gpu_fail(f, REMEDY_INSPECT, "have the power cables checked", "%s", nvml_code_text(code));
        return false;
    case NVML_IRQ_ISSUE:
        gpu_fail(f, REMEDY_RESTART, REBOOT_ACTION, "%s", nvml_code_text(code));
        return false;
    default:
        gpu_error(f, "cannot read %s: %s", what, nvml_code_text(code));
        return false;
    }
}

bool gpu_field(struct gpu_target *t, struct finding *f, unsigned id, const char *what,
               int64_t lowest, int64_t highest, int64_t *out)
{
    int64_t value = 0;

    if (!gpu_answered(t, f, nvml_field_read(t->nvml, t->device, id, &value), what))
        return false;
    if (value < lowest || value > highest) {
        gpu_error(f, "the driver's figure for %s makes no sense: %lld", what, (long long)value);
        return false;
    }
    *out = value;
    return true;
}

/* The function that looks at this target; NULL, with the reason, when there is none. */
static gpu_check_fn *run_of(const struct gpu_check *check, const struct gpu_target *t,
                            struct finding *f)
{
    bool amd = t->info && t->info->vendor == GPU_VENDOR_AMD;

    if (amd && check->needs_compute)
        gpu_skip(f, "kernels run on NVIDIA GPUs only");
    else if (amd && !check->run_amd)
        gpu_not_applicable(f, "not known for AMD GPUs");
    else
        return amd ? check->run_amd : check->run;
    return NULL;
}

static bool has_handle(const struct gpu_target *t)
{
    return t->info && t->info->vendor == GPU_VENDOR_AMD ? t->amd && t->device_code == NVML_OK
                                                        : t->device != NULL;
}

void gpu_check_run(const struct gpu_check *check, struct gpu_target *t, struct finding *f)
{
    gpu_check_fn *run;

    *f = (struct finding){.gpu_index = t->info ? t->info->gpu.index : -1};
    text_copy(f->check, sizeof f->check, check->name);
    gpu_error(f, "the check gave no answer");
    if (t->lost || (check->scope == GPU_SCOPE_GPU && !has_handle(t) && !check->without_device)) {
        gpu_skip(f, "the GPU does not answer");
        return;
    }
    run = run_of(check, t, f);
    if (!run)
        return;
    if (check->applies && !check->applies(t, f)) {
        f->is_moot = f->result == CHECK_SKIP;
        return;
    }
    if (check->needs_compute && check->scope == GPU_SCOPE_GPU && !compute_ready(t, f))
        return;
    /* Who waited in vain once goes on without: one that hangs must not cost its neighbours more. */
    if (check->alone &&
        !alone_begin(t->alone_fd, t->options->clock, t->options->deadline_ms / ALONE_SHARE))
        t->alone_fd = 0;
    run(t, f);
    if (check->alone)
        alone_end(t->alone_fd);
}

void gpu_text_copy(char *out, size_t size, const char *bytes, size_t len)
{
    STRBUF clean;

    strbuf_init(&clean, TEXT_BYTES_MAX * 4);
    text_clean(&clean, bytes, strnlen(bytes, len), TEXT_ONE_LINE | TEXT_ASCII);
    text_copy(out, size, clean.data);
}

void gpu_pause_ms(int ms)
{
    poll(NULL, 0, ms);
}

int64_t gpu_uptime_ms(const struct gpu_target *t)
{
    /* The monotonic clock starts with the machine; /proc/uptime may be a container's. */
    return t->options->uptime_ms >= 0 ? t->options->uptime_ms : clock_mono_ms(t->options->clock);
}

bool gpu_machine_is_young(const struct gpu_target *t)
{
    return gpu_uptime_ms(t) < YOUNG_MS_MAX;
}
