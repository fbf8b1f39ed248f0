/* The fake machine of the GPU tests. */
#include "tests/support/t.h"

#include "tests/support/fx_gpu.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/process.h"

#define ARGS_MAX   32
#define OUTPUT_MAX (4 * 1024 * 1024)

void fx_gpu_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_dir(const char *path)
{
    struct err e;

    assert_ok(dir_make(path, 0755, &e), &e);
}

static void bus_file(struct fx_gpu *fx, const char *address, const char *name, const char *text)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/%s", fx->sysfs, address, name);
    fx_gpu_file(path, text);
}

void fx_gpu_amd(struct fx_gpu *fx, int gpu_count, const char *script)
{
    text_copy(fx->amd_library, sizeof fx->amd_library, t_program("fake/rocm_smi.so"));
    fx_gpu_file(fx->amd_script, script);
    for (int i = 0; i < gpu_count; i++) {
        char address[32];

        snprintf(address, sizeof address, "0000:%02x:00.0", 0x50 + i);
        fx_gpu_bus_add(fx, address, "amdgpu");
        bus_file(fx, address, "vendor", "0x1002\n");
        bus_file(fx, address, "class", "0x120000\n");
        bus_file(fx, address, "current_link_width", "16\n");
        bus_file(fx, address, "max_link_width", "16\n");
        bus_file(fx, address, "current_link_speed", "32.0 GT/s PCIe\n");
        bus_file(fx, address, "max_link_speed", "32.0 GT/s PCIe\n");
    }
}

void fx_gpu_bus_add(struct fx_gpu *fx, const char *address, const char *driver)
{
    char path[1024], target[1024];

    snprintf(path, sizeof path, "%s/bus/pci/devices/%s", fx->sysfs, address);
    make_dir(path);
    bus_file(fx, address, "vendor", "0x10de\n");
    bus_file(fx, address, "class", "0x030200\n");
    if (!driver)
        return;
    snprintf(target, sizeof target, "../../../bus/pci/drivers/%s", driver);
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/driver", fx->sysfs, address);
    assert_int_equal(symlink(target, path), 0);
}

void fx_gpu_init(struct fx_gpu *fx, int gpu_count)
{
    char path[1024];

    memset(fx, 0, sizeof *fx);
    fx->dir = t_dir();
    fx->tier = "state";
    fx->deadline = "8s";
    fx->uptime_seconds = 24 * 3600;
    text_copy(fx->library, sizeof fx->library, t_program("fake/nvml.so"));
    text_copy(fx->cuda, sizeof fx->cuda, t_program("fake/cuda.so"));
    text_copy(fx->amd_library, sizeof fx->amd_library, "/nonexistent/librocm_smi64.so");
    snprintf(fx->script, sizeof fx->script, "%s/script", fx->dir);
    snprintf(fx->amd_script, sizeof fx->amd_script, "%s/amd_script", fx->dir);
    snprintf(fx->sysfs, sizeof fx->sysfs, "%s/sys", fx->dir);
    snprintf(fx->proc, sizeof fx->proc, "%s/proc", fx->dir);
    snprintf(fx->dev, sizeof fx->dev, "%s/dev", fx->dir);
    snprintf(fx->kmsg, sizeof fx->kmsg, "%s/kmsg", fx->dir);
    snprintf(path, sizeof path, "%s/bus/pci/devices", fx->sysfs);
    make_dir(path);
    make_dir(fx->proc);
    make_dir(fx->dev);
    for (int i = 0; i < gpu_count; i++) {
        snprintf(path, sizeof path, "0000:%02x:00.0", 0x10 + i);
        fx_gpu_bus_add(fx, path, "nvidia");
    }
    fx_gpu_file(fx->kmsg, "");
    fx_gpu_script(fx, "");
    strbuf_init(&fx->out, OUTPUT_MAX);
    strbuf_init(&fx->errors, OUTPUT_MAX);
}

void fx_gpu_release(struct fx_gpu *fx)
{
    strbuf_release(&fx->out);
    strbuf_release(&fx->errors);
}

void fx_gpu_script(struct fx_gpu *fx, const char *text)
{
    fx_gpu_file(fx->script, text);
}

void fx_gpu_log(struct fx_gpu *fx, unsigned priority, int64_t seconds_ago, const char *text)
{
    int64_t at_us = (fx->uptime_seconds - seconds_ago) * 1000000;
    FILE *file = fopen(fx->kmsg, "a");

    assert_non_null(file);
    fprintf(file, "%u,1,%lld,-;%s\n", priority, (long long)at_us, text);
    assert_int_equal(fclose(file), 0);
}

static size_t keep_env(const char **env, char (*texts)[600], const char *const *names, size_t n)
{
    for (size_t i = 0; *names; names++) {
        const char *value = getenv(*names);

        if (!value)
            continue;
        snprintf(texts[i], sizeof texts[i], "%s=%s", *names, value);
        env[n++] = texts[i++];
    }
    return n;
}

static void run_args(struct fx_gpu *fx, const char *const *argv)
{
    static const char *const kept[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", NULL};
    char texts[4][600], script[600], amd_script[600];
    const char *env[10] = {script, amd_script, "PATH=/usr/bin:/bin"};
    size_t n = 3;
    struct process p = {.argv = argv, .env = env, .timeout_ms = 60000};
    int64_t from = clock_mono_ms(clock_real());
    int status = 0;
    struct err e;

    snprintf(script, sizeof script, "HOURGLASS_FAKE_NVML=%s", fx->script);
    snprintf(amd_script, sizeof amd_script, "HOURGLASS_FAKE_AMD=%s", fx->amd_script);
    if (fx->variable)
        env[n++] = fx->variable;
    env[keep_env(env, texts, kept, n)] = NULL;
    strbuf_reset(&fx->out);
    strbuf_reset(&fx->errors);
    p.out = &fx->out;
    p.errors = &fx->errors;
    assert_ok(process_run(&p, &status, &e), &e);
    fx->took_ms = clock_mono_ms(clock_real()) - from;
    fx->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int fx_gpu_run(struct fx_gpu *fx, const char *verb, ...)
{
    const char *argv[ARGS_MAX] = {t_program("hourglass-gpu"), verb};
    const char *machine[] = {"--nvml",  fx->library, "--cuda",        fx->cuda, "--sysfs",
                             fx->sysfs, "--amd",     fx->amd_library, "--proc", fx->proc,
                             "--dev",   fx->dev,     "--kmsg",        fx->kmsg};
    char uptime[32];
    size_t n = 2;
    va_list ap;

    snprintf(uptime, sizeof uptime, "%lld", (long long)fx->uptime_seconds);
    argv[n++] = "--uptime";
    argv[n++] = uptime;
    for (size_t i = 0; i < ARRAY_SIZE(machine); i++)
        argv[n++] = machine[i];
    va_start(ap, verb);
    for (const char *arg = va_arg(ap, const char *); arg && n < ARGS_MAX - 1;
         arg = va_arg(ap, const char *))
        argv[n++] = arg;
    va_end(ap);
    argv[n] = NULL;
    run_args(fx, argv);
    return fx->code;
}

int fx_gpu_check(struct fx_gpu *fx, struct report *out)
{
    json_t *tree = NULL;
    struct err e;

    fx_gpu_run(fx, "check", "-o", "json", "--tier", fx->tier, "--deadline", fx->deadline,
               fx->only ? "--only" : NULL, fx->only, NULL);
    memset(out, 0, sizeof *out);
    assert_string_equal(fx->errors.data, "");
    assert_ok(json_parse(fx->out.data, fx->out.len, &tree, &e), &e);
    assert_ok(shape_decode(&report_shape, tree, out, &e), &e);
    json_decref(tree);
    return fx->code;
}

const struct finding *fx_gpu_finding(const struct report *r, const char *check, int64_t gpu_index)
{
    const struct finding *found = NULL;

    for (size_t i = 0; i < r->finding_count; i++) {
        const struct finding *f = &r->findings[i];

        if (strcmp(f->check, check) != 0 || f->gpu_index != gpu_index)
            continue;
        if (found)
            fail_msg("%s says two things about GPU %d", check, (int)gpu_index);
        found = f;
    }
    if (!found)
        fail_msg("%s says nothing about GPU %d", check, (int)gpu_index);
    return found;
}
