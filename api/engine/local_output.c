/* A job's output by offset, while it is being written and afterwards. */
#include "api/engine/local.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 16384

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define FD CLEANUP(fd_close) int

/* The part of one stream that an offset is in. */
struct part {
    int64_t end; /* exclusive; INT64_MAX in the last */
    bool from_stderr;
};

static bool part_read(int fd, int64_t n, int64_t *offset, bool *from_stderr)
{
    struct spool_part p;
    uint64_t value;

    if (pread(fd, &p, sizeof p, n * (int64_t)sizeof p) != sizeof p)
        return false;
    value = le64toh(p.offset_and_stream);
    *offset = (int64_t)(value >> 1);
    *from_stderr = value & 1;
    return true;
}

/* The last record at or before the offset, by halving. */
static bool part_find(int fd, int64_t offset, struct part *out)
{
    struct stat st;
    int64_t low = 0, high, at;
    bool from_stderr;

    *out = (struct part){.end = INT64_MAX};
    if (fstat(fd, &st) != 0)
        return false;
    high = st.st_size / (int64_t)sizeof(struct spool_part);
    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (!part_read(fd, middle, &at, &from_stderr))
            return false;
        if (at <= offset) {
            low = middle + 1;
            out->from_stderr = from_stderr;
        } else {
            high = middle;
            out->end = at;
        }
    }
    return true;
}

static bool bytes_read(int fd, int64_t offset, int64_t len, struct strbuf *out)
{
    char bytes[READ_BYTES];

    while (len > 0) {
        ssize_t n = pread(fd, bytes, len < READ_BYTES ? (size_t)len : READ_BYTES, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        strbuf_add(out, bytes, (size_t)n);
        offset += n;
        len -= n;
    }
    return !out->failed;
}

static int64_t size_of(int fd)
{
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
}

static int open_in(const struct engine_local *el, const char *id, const char *file)
{
    char path[SPOOL_PATH_BYTES_MAX];

    if (snprintf(path, sizeof path, "%s/%s/%s", el->root, id, file) >= (int)sizeof path)
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* How much of the part can be given now. */
static int64_t piece_len(int64_t offset, int64_t size, const struct part *part, size_t len_max,
                         const struct strbuf *out)
{
    int64_t end = part->end < size ? part->end : size;
    int64_t len = end - offset;
    size_t room = out->len_max - out->len;

    if (len_max > room)
        len_max = room;
    return len <= 0 ? 0 : (uint64_t)len < len_max ? len : (int64_t)len_max;
}

/* Nothing follows: the job is over, and was when its output had this size. */
static enum err_code end_find(struct engine_local *el, const char *id, int fd, int64_t next,
                              bool *ended, struct err *e)
{
    LOCAL_VIEW v;
    enum err_code rc = local_view_load(el, id, &v, e);

    if (rc)
        return rc;
    if (!v.has_spec && v.state == ENGINE_ABSENT)
        return err_set(e, ERR_NOT_FOUND, "there is no job %s here", id);
    *ended = (v.state == ENGINE_ENDED || v.state == ENGINE_FAILED) && next >= size_of(fd);
    return ERR_OK;
}

enum err_code local_job_output(struct engine *en, const char *job_id, int64_t offset,
                               size_t len_max, struct strbuf *out, struct engine_output *info,
                               struct err *e)
{
    struct engine_local *el = local_from(en);
    FD out_fd = -1;
    FD index_fd = -1;
    struct part part = {.end = INT64_MAX};
    int64_t size, len = 0;
    bool ended = false;
    enum err_code rc = ERR_OK;

    if (offset < 0)
        return err_set(e, ERR_INVALID, "an offset cannot be negative");
    if (!id_is(ID_JOB, job_id))
        return err_set(e, ERR_NOT_FOUND, "there is no job %.50s here", job_id);
    out_fd = open_in(el, job_id, SPOOL_OUT);
    size = size_of(out_fd);
    if (offset < size) {
        /* After the size: every byte below it has its record by now. */
        index_fd = open_in(el, job_id, SPOOL_INDEX);
        if (index_fd < 0 || !part_find(index_fd, offset, &part))
            return err_set(e, ERR_ENGINE, "cannot read the output of %s: %m", job_id);
        len = piece_len(offset, size, &part, len_max, out);
    }
    if (offset + len >= size)
        rc = end_find(el, job_id, out_fd, offset + len, &ended, e);
    if (rc)
        return rc;
    if (!bytes_read(out_fd, offset, len, out))
        return err_set(e, ERR_ENGINE, "cannot read the output of %s: %m", job_id);
    *info =
        (struct engine_output){.offset = offset, .from_stderr = part.from_stderr, .ended = ended};
    return ERR_OK;
}
