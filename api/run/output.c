/* Appending to a job's output. The index speaks of bytes before they are there, so that a
 * reader who sees a byte always sees its stream. */
#include "api/run/output.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_in(const char *dir, const char *file)
{
    char path[SPOOL_PATH_BYTES_MAX];

    if (spool_path(path, dir, file, NULL))
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
}

enum err_code output_open(struct output *o, const char *dir, int64_t bytes_max, struct err *e)
{
    *o = (struct output){.bytes_max = bytes_max, .stream = -1};
    o->index_fd = open_in(dir, SPOOL_INDEX);
    o->out_fd = open_in(dir, SPOOL_OUT);
    if (o->out_fd >= 0 && o->index_fd >= 0)
        return ERR_OK;
    err_set(e, ERR_IO, "cannot make the output files: %m");
    output_close(o);
    return ERR_IO;
}

/* How many of the bytes could be written. */
static size_t write_all(int fd, const char *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

static bool note_stream(struct output *o, int stream)
{
    struct spool_part part = {htole64((uint64_t)o->bytes * 2 + (uint64_t)stream)};

    if (stream == o->stream)
        return true;
    if (o->used + (int64_t)sizeof part >= o->bytes_max ||
        write_all(o->index_fd, (const char *)&part, sizeof part) != sizeof part)
        return false;
    o->used += (int64_t)sizeof part;
    o->stream = stream;
    return true;
}

void output_add(struct output *o, bool from_errors, const void *bytes, size_t len)
{
    size_t room, done;

    if (o->is_full || len == 0)
        return;
    if (!note_stream(o, from_errors)) {
        o->is_full = true;
        return;
    }
    room = (size_t)(o->bytes_max - o->used);
    done = write_all(o->out_fd, bytes, len < room ? len : room);
    o->bytes += (int64_t)done;
    o->used += (int64_t)done;
    o->is_full = done < len;
}

void output_close(struct output *o)
{
    if (o->out_fd >= 0) {
        fdatasync(o->out_fd);
        close(o->out_fd);
    }
    if (o->index_fd >= 0) {
        fdatasync(o->index_fd);
        close(o->index_fd);
    }
    o->out_fd = o->index_fd = -1;
}
