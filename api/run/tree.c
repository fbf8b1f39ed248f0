/* rm -rf for hostile trees: by descriptors, links never followed, folders without rights
 * opened up first, deep ones moved up instead of descended into without end. */
#include "api/run/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX  32
#define PASSES_MAX 100000

struct removal {
    int root_fd;
    dev_t device;
    uint64_t moved; /* to make names for what was moved up */
};

static bool empty_dir(struct removal *r, int fd, int depth);

/* A stranger may have taken his own rights away; the folder is ours to remove. */
static int open_dir(int parent, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);

    if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0)
        fd = openat(parent, name, flags);
    return fd;
}

/* Too deep: becomes a direct child of the root, and the next pass begins from there. */
static bool move_up(struct removal *r, int parent, const char *name)
{
    char to[64];

    /* Its own entry ".." changes, so it must be writable itself. */
    if (fchmodat(parent, name, 0700, 0) < 0 && errno == ENOENT)
        return false;
    for (int i = 0; i < 1000; i++) {
        snprintf(to, sizeof to, ".moved-%llu", (unsigned long long)r->moved++);
        if (renameat2(parent, name, r->root_fd, to, RENAME_NOREPLACE) == 0)
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

static bool remove_dir(struct removal *r, int parent, const char *name, int depth)
{
    struct stat st;
    bool ok;
    int fd;

    if (depth >= DEPTH_MAX)
        return move_up(r, parent, name);
    fd = open_dir(parent, name);
    if (fd < 0)
        return errno == ENOENT;
    ok = fstat(fd, &st) == 0 && st.st_dev == r->device && empty_dir(r, fd, depth + 1);
    close(fd);
    return unlinkat(parent, name, AT_REMOVEDIR) == 0 && ok;
}

static bool remove_entry(struct removal *r, int parent, const char *name, int depth)
{
    struct stat st;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    if (S_ISDIR(st.st_mode))
        return remove_dir(r, parent, name, depth);
    return unlinkat(parent, name, 0) == 0 || errno == ENOENT;
}

/* Keeps `fd` open. */
static bool empty_dir(struct removal *r, int fd, int depth)
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir;
    struct dirent *entry;
    bool ok = true;

    /* Entries can only be taken out of a folder that may be written. */
    fchmod(fd, 0700);
    dir = again >= 0 ? fdopendir(again) : NULL;
    if (!dir) {
        if (again >= 0)
            close(again);
        return false;
    }
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = remove_entry(r, fd, entry->d_name, depth) && ok;
    closedir(dir);
    return ok;
}

bool tree_remove(const char *path)
{
    struct removal r = {.root_fd = open_dir(AT_FDCWD, path)};
    struct stat st;
    bool ok = true;

    if (r.root_fd < 0)
        return errno == ENOENT;
    if (fstat(r.root_fd, &st) != 0) {
        close(r.root_fd);
        return false;
    }
    r.device = st.st_dev;
    /* Each pass that moved something up has more to do. */
    for (int pass = 0; ok && pass < PASSES_MAX; pass++) {
        uint64_t moved = r.moved;

        ok = empty_dir(&r, r.root_fd, 0);
        if (r.moved == moved)
            break;
    }
    close(r.root_fd);
    return rmdir(path) == 0 && ok;
}
