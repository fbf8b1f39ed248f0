/* Control groups by their files. Every step may be refused by the kernel or by rights; then
 * the next best is used, and its name is what the instance shows. */
#include "api/run/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"

#define CGROUP_FILE_BYTES_MAX 65536
#define CPU_PERIOD_MICROS     100000
#define REMOVE_TRIES          50
#define PREFIX                "hourglass-"

const struct limits_place limits_place_real = {"/sys/fs/cgroup", "/proc/self/cgroup"};

static bool write_text(const char *dir, const char *file, const char *text)
{
    char path[TEXT_BYTES_MAX * 2];
    int fd;
    bool ok;

    if (snprintf(path, sizeof path, "%s/%s", dir, file) >= (int)sizeof path)
        return false;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return close(fd) == 0 && ok;
}

static bool write_number(const char *dir, const char *file, int64_t n)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)n);
    return write_text(dir, file, text);
}

/* The number after `key` and a blank at the start of a line, or 0. */
static int64_t number_after(const char *text, const char *key)
{
    size_t len = strlen(key);

    while (text && *text) {
        if (strncmp(text, key, len) == 0 && text[len] == ' ')
            return strtoll(text + len, NULL, 10);
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return 0;
}

/* True when `word` is one of the blank-separated words of the file. */
static bool file_has_word(const char *dir, const char *file, const char *word)
{
    STRBUF text;
    char path[TEXT_BYTES_MAX * 2];
    size_t len = strlen(word);

    strbuf_init(&text, CGROUP_FILE_BYTES_MAX);
    snprintf(path, sizeof path, "%s/%s", dir, file);
    if (file_read(path, &text, NULL))
        return false;
    for (const char *p = text.data; (p = strstr(p, word)); p += len)
        if ((p == text.data || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\n' || !p[len]))
            return true;
    return false;
}

static bool dir_new(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

static bool remember(struct limits *l, const char *path)
{
    if (l->group_count == SPOOL_CGROUPS_MAX)
        return false;
    return text_copy(l->groups[l->group_count++], TEXT_BYTES_MAX, path);
}

/* Make <parent>/hourglass-<instance> and in it the leaf. */
static bool make_pair(const struct limits_want *want, const char *parent, struct limits *l,
                      char group[TEXT_BYTES_MAX], char leaf[TEXT_BYTES_MAX])
{
    int n = snprintf(group, TEXT_BYTES_MAX, "%s/" PREFIX "%s", parent, want->instance_id);

    if (n >= TEXT_BYTES_MAX || !dir_new(group))
        return false;
    n = snprintf(leaf, TEXT_BYTES_MAX, "%s/%s", group, want->leaf);
    if (n >= TEXT_BYTES_MAX)
        return false;
    /* The leaf first: that is the order of removal. */
    return remember(l, leaf) && remember(l, group);
}

/* Let children of `dir` be held to memory, processes and, if it can be, processors. */
static bool delegate(const char *dir)
{
    write_text(dir, "cgroup.subtree_control", "+cpu");
    return (write_text(dir, "cgroup.subtree_control", "+memory") ||
            file_has_word(dir, "cgroup.subtree_control", "memory")) &&
           (write_text(dir, "cgroup.subtree_control", "+pids") ||
            file_has_word(dir, "cgroup.subtree_control", "pids"));
}

static bool make_v2_in(const char *parent, const struct limits_want *want, struct limits *l)
{
    char group[TEXT_BYTES_MAX], leaf[TEXT_BYTES_MAX], cpu[64];

    if (!file_has_word(parent, "cgroup.controllers", "memory") || !delegate(parent) ||
        !make_pair(want, parent, l, group, leaf))
        return false;
    snprintf(cpu, sizeof cpu, "%lld %d", (long long)want->vcpu_count * CPU_PERIOD_MICROS,
             CPU_PERIOD_MICROS);
    if (want->vcpu_count > 0)
        write_text(group, "cpu.max", cpu);
    if (!write_number(group, "memory.max", want->memory_gib << 30) ||
        !write_number(group, "pids.max", want->process_count_max) || !delegate(group) ||
        !dir_new(leaf))
        return false;
    text_copy(l->leaves[l->leaf_count++], TEXT_BYTES_MAX, leaf);
    snprintf(l->events, sizeof l->events, "%.*s/memory.events", TEXT_BYTES_MAX - 16, leaf);
    text_copy(l->kind, sizeof l->kind, "cgroup2");
    return true;
}

/* Our group by /proc/self/cgroup: the path of the line whose controller list has `name`
 * ("" is v2's line). */
static bool own_group(const char *self, const char *name, char path[TEXT_BYTES_MAX])
{
    size_t len = strlen(name);

    for (const char *line = self; line && *line;) {
        const char *list = strchr(line, ':');
        const char *end = strchr(line, '\n');
        const char *group = list ? strchr(list + 1, ':') : NULL;

        if (!group || (end && group > end))
            return false;
        for (const char *p = list + 1; p <= group; p += strcspn(p, ",:") + 1)
            if (strcspn(p, ",:") == len && strncmp(p, name, len) == 0) {
                size_t n = end ? (size_t)(end - group - 1) : strlen(group + 1);

                return (size_t)snprintf(path, TEXT_BYTES_MAX, "%.*s", (int)n, group + 1) == n &&
                       n < TEXT_BYTES_MAX;
            }
        line = end ? end + 1 : NULL;
    }
    return false;
}

/* Processes may not live beside subgroups in v2, so what we were given may be our own group
 * or, when a service manager put us into a leaf of it, the one above. */
static bool make_v2(const struct limits_place *place, const char *self,
                    const struct limits_want *want, struct limits *l)
{
    char own[TEXT_BYTES_MAX], parent[TEXT_BYTES_MAX];

    if (!own_group(self, "", own) ||
        snprintf(parent, sizeof parent, "%s%s", place->root, own) >= (int)sizeof parent)
        return false;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(parent, '/');

        if (make_v2_in(parent, want, l))
            return true;
        limits_remove(l, false);
        *l = (struct limits){.kind = ""};
        if (!slash || strlen(parent) <= strlen(place->root) + 1)
            return false;
        *slash = '\0';
    }
    return false;
}

static bool make_v1_of(const struct limits_place *place, const char *self, const char *controller,
                       const struct limits_want *want, struct limits *l, char group[TEXT_BYTES_MAX])
{
    char own[TEXT_BYTES_MAX], parent[TEXT_BYTES_MAX], leaf[TEXT_BYTES_MAX];
    size_t before = l->group_count;

    if (!own_group(self, controller, own))
        return false;
    if (snprintf(parent, sizeof parent, "%s/%s%s", place->root, controller,
                 strcmp(own, "/") == 0 ? "" : own) >= (int)sizeof parent)
        return false;
    if (!make_pair(want, parent, l, group, leaf) || !dir_new(leaf)) {
        l->group_count = before;
        return false;
    }
    return text_copy(l->leaves[l->leaf_count++], TEXT_BYTES_MAX, leaf);
}

static bool make_v1(const struct limits_place *place, const char *self,
                    const struct limits_want *want, struct limits *l)
{
    char group[TEXT_BYTES_MAX];

    if (!make_v1_of(place, self, "memory", want, l, group) ||
        !write_number(group, "memory.limit_in_bytes", want->memory_gib << 30))
        return false;
    snprintf(l->events, sizeof l->events, "%.*s/memory.oom_control", TEXT_BYTES_MAX - 24,
             l->leaves[0]);
    if (!make_v1_of(place, self, "pids", want, l, group) ||
        !write_number(group, "pids.max", want->process_count_max))
        return false;
    if (want->vcpu_count > 0 && make_v1_of(place, self, "cpu", want, l, group))
        write_number(group, "cpu.cfs_quota_us", want->vcpu_count * CPU_PERIOD_MICROS);
    text_copy(l->kind, sizeof l->kind, "cgroup1");
    return true;
}

void limits_make(const struct limits_place *place, const struct limits_want *want,
                 struct limits *out)
{
    STRBUF self;

    *out = (struct limits){.kind = ""};
    strbuf_init(&self, CGROUP_FILE_BYTES_MAX);
    if (!file_read(place->self, &self, NULL) && want->memory_gib > 0 &&
        want->process_count_max > 0) {
        if (make_v2(place, self.data, want, out))
            return;
        *out = (struct limits){.kind = ""};
        if (make_v1(place, self.data, want, out))
            return;
        limits_remove(out, false);
    }
    *out = (struct limits){.kind = "rlimit"};
}

bool limits_enter(const struct limits *l)
{
    bool ok = true;

    for (size_t i = 0; i < l->leaf_count; i++)
        ok = write_text(l->leaves[i], "cgroup.procs", "0") && ok;
    return ok;
}

void limits_try(struct limits *l)
{
    int status = -1;
    pid_t pid = l->leaf_count ? fork() : -1;

    if (pid == 0)
        _exit(limits_enter(l) ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!l->leaf_count || status == 0)
        return;
    limits_remove(l, false);
    *l = (struct limits){.kind = "rlimit"};
}

int64_t limits_memory_kills(const struct limits *l)
{
    STRBUF text;

    strbuf_init(&text, CGROUP_FILE_BYTES_MAX);
    if (!l->events[0] || file_read(l->events, &text, NULL))
        return 0;
    return number_after(text.data, "oom_kill");
}

void limits_group_remove(const char *group)
{
    char path[TEXT_BYTES_MAX * 2];
    struct dirent *entry;
    DIR *dir = opendir(group);

    /* Its files cannot be removed, and go with it. */
    while (dir && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
            snprintf(path, sizeof path, "%s/%s", group, entry->d_name) < (int)sizeof path)
            rmdir(path);
    if (dir)
        closedir(dir);
    rmdir(group);
}

void limits_remove(const struct limits *l, bool leaves)
{
    const struct timespec pause = {0, 2000000};

    /* Leaf and group take turns. The kernel lets go of a leaf's last process a moment after
     * it was reaped; a group is busy for as long as others have leaves in it. */
    for (size_t i = 0; i < l->group_count; i++) {
        int tries = i % 2 == 0 ? REMOVE_TRIES : 0;

        while (rmdir(l->groups[i]) != 0 && errno == EBUSY && tries-- > 0)
            nanosleep(&pause, NULL);
        if (leaves && i % 2 == 1)
            limits_group_remove(l->groups[i]);
    }
}
