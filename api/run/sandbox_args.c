/* What a sandbox looks like, as arguments to bubblewrap. Only constants and paths of our own
 * making go in: names, commands and environments of tenants never do. */
#include "api/run/sandbox_args.h"

#include <stdarg.h>
#include <unistd.h>

#include "api/run/inside.h"

#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)

static void add(struct sandbox_args *a, const char *arg)
{
    if (a->count + 1 >= SANDBOX_ARGS_MAX)
        a->failed = true;
    else
        a->argv[a->count++] = arg;
}

static void add_all(struct sandbox_args *a, const char *const *args)
{
    for (; *args; args++)
        add(a, *args);
}

static void PRINTF_LIKE(2, 3) addf(struct sandbox_args *a, const char *fmt, ...)
{
    size_t room = sizeof a->text - a->text_len;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(a->text + a->text_len, room, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room) {
        a->failed = true;
        return;
    }
    add(a, a->text + a->text_len);
    a->text_len += (size_t)n + 1;
}

static void bind(struct sandbox_args *a, const char *how, const char *from, const char *to)
{
    add(a, how);
    add(a, from);
    add(a, to);
}

/* The same path inside as outside, when it is there. */
static void share(struct sandbox_args *a, const char *const *paths)
{
    for (; *paths; paths++)
        bind(a, "--ro-bind-try", *paths, *paths);
}

static void add_system(struct sandbox_args *a, bool network)
{
    static const char *const made[] = {"--ro-bind", "/usr",    "/usr",     "--proc",
                                       "/proc",     "--dev",   "/dev",     "--tmpfs",
                                       "/tmp",      "--tmpfs", "/var/tmp", NULL};
    static const char *const merged[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    static const char *const etc[] = {
        "/etc/alternatives", "/etc/bash.bashrc", "/etc/ca-certificates.conf",
        "/etc/inputrc",      "/etc/ld.so.cache", "/etc/ld.so.conf",
        "/etc/ld.so.conf.d", "/etc/localtime",   "/etc/OpenCL",
        "/etc/profile",      "/etc/profile.d",   "/etc/ssl/certs",
        "/etc/terminfo",     "/etc/vulkan",      NULL};
    static const char *const etc_network[] = {"/etc/resolv.conf", "/etc/services", "/etc/protocols",
                                              NULL};

    add_all(a, made);
    for (size_t i = 0; i < ARRAY_SIZE(merged); i++) {
        add(a, "--symlink");
        addf(a, "usr/%s", merged[i]);
        addf(a, "/%s", merged[i]);
    }
    share(a, etc);
    if (network)
        share(a, etc_network);
}

static void add_etc(struct sandbox_args *a, const char *etc)
{
    static const char *const files[] = {"passwd", "group", "nsswitch.conf", "hosts"};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        add(a, "--ro-bind");
        addf(a, "%s/%s", etc, files[i]);
        addf(a, "/etc/%s", files[i]);
    }
    add(a, "--ro-bind-try");
    addf(a, "%s/ssh", etc);
    add(a, "/etc/ssh");
}

static void add_gpus(struct sandbox_args *a, const struct spool_spec *instance)
{
    static const char *const common[] = {"/dev/nvidiactl", "/dev/nvidia-uvm",
                                         "/dev/nvidia-uvm-tools", NULL};
    bool real = false;

    for (size_t i = 0; i < instance->gpu_count; i++) {
        if (instance->gpus[i].is_virtual || instance->gpus[i].device < 0)
            continue;
        real = true;
        add(a, "--dev-bind");
        addf(a, "/dev/nvidia%lld", (long long)instance->gpus[i].device);
        addf(a, "/dev/nvidia%lld", (long long)instance->gpus[i].device);
    }
    if (!real)
        return;
    for (const char *const *path = common; *path; path++)
        bind(a, "--dev-bind-try", *path, *path);
    /* Topology, which libraries for several GPUs read. */
    bind(a, "--ro-bind-try", "/sys", "/sys");
}

static void add_hostname(struct sandbox_args *a, const char *id)
{
    char name[ID_MAX];

    text_copy(name, sizeof name, id);
    for (char *p = name; *p; p++)
        if (*p == '_')
            *p = '-';
    add(a, "--hostname");
    addf(a, "%s", name);
}

void sandbox_args_make(struct sandbox_args *a, const struct spool_spec *instance,
                       const struct sandbox_sources *from)
{
    static const char *const first[] = {"bwrap",
                                        "--unshare-all",
                                        "--unshare-user",
                                        "--disable-userns",
                                        "--new-session",
                                        "--as-pid-1",
                                        "--cap-drop",
                                        "ALL",
                                        "--clearenv",
                                        "--uid",
                                        STRINGIFY(INSIDE_USER_ID),
                                        "--gid",
                                        STRINGIFY(INSIDE_USER_ID),
                                        NULL};
    static const char *const last[] = {"--remount-ro", "/",        "--chdir", INSIDE_HOME, "--",
                                       INSIDE_PROGRAM, "--inside", NULL};

    *a = (struct sandbox_args){.count = 0};
    add_all(a, first);
    if (instance->network)
        add(a, "--share-net");
    add_hostname(a, instance->id);
    add_system(a, instance->network);
    add_etc(a, from->etc);
    add_gpus(a, instance);
    bind(a, "--bind", from->home, INSIDE_HOME);
    bind(a, "--ro-bind", from->program, INSIDE_PROGRAM);
    add_all(a, last);
    a->argv[a->count] = NULL;
}
