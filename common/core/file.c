/* Whole files: read with a maximum, written so that a crash leaves the old or the new
 * one. Knows nothing of what is in them. */
#include "core/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 16384

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define FD CLEANUP(fd_close) int

/* Errors: ERR_NOT_FOUND, ERR_IO. */
static enum err_code file_open(const char *path, int *fd, struct stat *st, struct err *e)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (opened < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(e, ERR_NOT_FOUND, "no file '%s'", path);
    if (opened < 0)
        return err_set(e, ERR_IO, "cannot open '%s': %m", path);
    *fd = opened;
    if (fstat(opened, st) != 0)
        return err_set(e, ERR_IO, "cannot look at '%s': %m", path);
    if (S_ISDIR(st->st_mode))
        return err_set(e, ERR_IO, "'%s' is a folder, not a file", path);
    return ERR_OK;
}

/* On failure `out` is as before. */
static enum err_code fd_read(int fd, const char *path, struct strbuf *out, struct err *e)
{
    size_t len_before = out->len;
    char bytes[READ_BYTES];
    enum err_code rc;

    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);

        if (n == 0)
            return ERR_OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = err_set(e, ERR_IO, "cannot read '%s': %m", path);
            break;
        }
        if ((size_t)n > out->len_max - out->len) {
            rc = err_set(e, ERR_TOO_LARGE, "'%s' is larger than %zu bytes", path, out->len_max);
            break;
        }
        strbuf_add(out, bytes, (size_t)n);
        if (out->failed) {
            rc = err_set(e, ERR_INTERNAL, "out of memory reading '%s'", path);
            break;
        }
    }
    out->len = len_before;
    if (out->size)
        out->data[len_before] = '\0';
    return rc;
}

enum err_code file_read(const char *path, struct strbuf *out, struct err *e)
{
    FD fd = -1;
    struct stat st = {0};
    enum err_code rc = file_open(path, &fd, &st, e);

    return rc ? rc : fd_read(fd, path, out, e);
}

enum err_code file_read_secret(const char *path, struct strbuf *out, struct err *e)
{
    FD fd = -1;
    struct stat st = {0};
    enum err_code rc = file_open(path, &fd, &st, e);

    if (rc)
        return rc;
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_FORBIDDEN, "'%s' is not a plain file", path);
    if (st.st_uid != geteuid())
        return err_set(e, ERR_FORBIDDEN, "'%s' belongs to another user", path);
    if (st.st_mode & 0177)
        return err_set(e, ERR_FORBIDDEN, "'%s' has mode %04o and must have 0600: chmod 600 '%s'",
                       path, (unsigned)(st.st_mode & 07777), path);
    return fd_read(fd, path, out, e);
}

static bool fd_write_all(int fd, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

/* The folder that holds `path`, for its fsync. */
static void folder_of(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (!slash)
        text_copy(folder, size, ".");
    else
        snprintf(folder, size, "%.*s", len ? (int)len : 1, path);
}

static bool folder_sync(const char *path)
{
    char folder[PATH_MAX];
    FD fd = -1;

    folder_of(path, folder, sizeof folder);
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

/* A rename over /dev/null takes it from the whole machine, and one over /dev/stdout, which is a
 * link to what may well be a plain file, from everybody who says that to mean a pipe. */
static enum err_code place_check(const char *path, struct err *e)
{
    struct stat there, folder, dev;
    char in[PATH_MAX];

    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode))
        return err_set(e, ERR_IO, "cannot write '%s': it is no plain file", path);
    folder_of(path, in, sizeof in);
    if (stat(in, &folder) == 0 && stat("/dev", &dev) == 0 && folder.st_dev == dev.st_dev &&
        folder.st_ino == dev.st_ino)
        return err_set(e, ERR_IO, "cannot write '%s': /dev is for devices", path);
    return ERR_OK;
}

static enum err_code replace(const char *path, const void *bytes, size_t len, unsigned mode,
                             bool is_synced, struct err *e)
{
    char beside[PATH_MAX];
    FD fd = -1;
    int n = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    enum err_code rc = place_check(path, e);

    assert(mode <= 07777);
    if (rc)
        return rc;
    if (n < 0 || (size_t)n >= sizeof beside)
        return err_set(e, ERR_IO, "the path '%.60s…' is too long", path);
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return err_set(e, ERR_IO, "cannot create a file beside '%s': %m", path);
    if (fchmod(fd, (mode_t)mode) != 0 || !fd_write_all(fd, bytes, len) ||
        (is_synced && fsync(fd) != 0) || rename(beside, path) != 0) {
        rc = err_set(e, ERR_IO, "cannot write '%s': %m", path);
        unlink(beside);
        return rc;
    }
    return ERR_OK;
}

enum err_code file_write(const char *path, const void *bytes, size_t len, unsigned mode,
                         struct err *e)
{
    enum err_code rc = replace(path, bytes, len, mode, true, e);

    if (!rc && !folder_sync(path))
        rc = err_set(e, ERR_IO, "cannot make sure that '%s' is on disk: %m", path);
    return rc;
}

enum err_code file_write_passing(const char *path, const void *bytes, size_t len, unsigned mode,
                                 struct err *e)
{
    return replace(path, bytes, len, mode, false, e);
}

static enum err_code dir_make_one(const char *path, unsigned mode, struct err *e)
{
    struct stat st;

    if (mkdir(path, (mode_t)mode) == 0)
        return ERR_OK;
    if (errno != EEXIST && errno != EISDIR)
        return err_set(e, ERR_IO, "cannot create the folder '%s': %m", path);
    if (stat(path, &st) != 0)
        return err_set(e, ERR_IO, "cannot look at '%s': %m", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_IO, "'%s' is in the way: it is not a folder", path);
    return ERR_OK;
}

enum err_code dir_make(const char *path, unsigned mode, struct err *e)
{
    char part[PATH_MAX];
    enum err_code rc = ERR_OK;

    if (!path[0] || !text_copy(part, sizeof part, path))
        return err_set(e, ERR_IO, "the path '%.60s' is empty or too long", path);
    for (char *p = part + 1; *p && !rc; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        rc = dir_make_one(part, mode, e);
        *p = '/';
    }
    return rc ? rc : dir_make_one(part, mode, e);
}
