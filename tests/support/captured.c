/* Standard output and error, into files and back. */
#include "tests/support/t.h"

#include "tests/support/captured.h"

#include <fcntl.h>
#include <unistd.h>

static int file_open(void)
{
    char path[] = "/tmp/hourglass-captured.XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        fail_msg("cannot make a file like %s", path);
    unlink(path);
    return fd;
}

void capture_begin(struct captured *c)
{
    for (int i = 0; i < 2; i++) {
        fflush(i ? stderr : stdout);
        c->files[i] = file_open();
        c->saved[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 10);
        dup2(c->files[i], i + 1);
    }
}

void capture_end(struct captured *c)
{
    for (int i = 0; i < 2; i++) {
        char *to = i ? c->err : c->out;
        ssize_t n;

        fflush(i ? stderr : stdout);
        dup2(c->saved[i], i + 1);
        close(c->saved[i]);
        n = pread(c->files[i], to, CAPTURED_BYTES - 1, 0);
        to[n > 0 ? n : 0] = '\0';
        close(c->files[i]);
    }
}

int words_split(char *text, char **argv, int count)
{
    char *save = NULL;
    int argc = 0;

    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (argc + 1 == count)
            fail_msg("more than %d words", count);
        argv[argc++] = w;
    }
    argv[argc] = NULL;
    return argc;
}
