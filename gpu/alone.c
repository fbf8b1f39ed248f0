/* A record lock on a file without a name. */
#include "gpu/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEP_MS 2

int alone_open(void)
{
    /* A child replaces the first three descriptors, of which the caller may have closed some. */
    int low = memfd_create("hourglass-gpu-alone", MFD_CLOEXEC);
    int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (low >= 0)
        close(low);
    return fd < 0 ? 0 : fd;
}

void alone_close(int fd)
{
    if (fd > 0)
        close(fd);
}

static bool lock_set(int fd, short type)
{
    /* Record locks belong to a process, not to the descriptor that all children share. */
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};

    while (fcntl(fd, F_SETLK, &whole) != 0) {
        if (errno != EINTR)
            return false;
    }
    return true;
}

bool alone_begin(int fd, struct clock *clock, int64_t wait_ms)
{
    int64_t until_ms = clock_mono_ms(clock) + wait_ms;

    if (fd <= 0)
        return false;
    while (!lock_set(fd, F_WRLCK)) {
        if (clock_mono_ms(clock) >= until_ms)
            return false;
        poll(NULL, 0, STEP_MS);
    }
    return true;
}

void alone_end(int fd)
{
    if (fd > 0)
        lock_set(fd, F_UNLCK);
}
