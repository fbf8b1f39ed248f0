/* One line, written over with carriage returns and spaces: what every terminal knows. */
#include "gpu/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_COLUMNS_MAX 78

static void all_write(int fd, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n < 0 && errno == EINTR)
            continue;
        /* Progress that cannot be shown is no reason to stop. */
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

/* ASCII of at most LINE_COLUMNS_MAX columns over what is there. */
static void line_show(struct gpu_progress_line *l, const char *text)
{
    int columns = (int)strlen(text);
    char line[LINE_COLUMNS_MAX * 2 + 4];

    snprintf(line, sizeof line, "\r%s%*s", text, l->columns > columns ? l->columns - columns : 0,
             "");
    all_write(l->fd, line, strlen(line));
    l->columns = columns;
}

static void line_tell(struct gpu_progress *p, const struct gpu_step *step)
{
    struct gpu_progress_line *l = CONTAINER_OF(p, struct gpu_progress_line, base);
    int64_t seconds = (clock_mono_ms(l->clock) - l->from_mono_ms) / 1000;
    char line[LINE_COLUMNS_MAX + 1], where[32] = "machine";

    if (step->gpu_index >= 0)
        snprintf(where, sizeof where, "gpu%" PRId64, step->gpu_index);
    snprintf(line, sizeof line, "hourglass-gpu: %zu of %zu, %" PRId64 " s: %s %s%s", step->done,
             step->total, seconds, where, step->check, step->ended ? " done" : "");
    line_show(l, line);
}

void gpu_progress_init(struct gpu_progress_line *l, int fd, struct clock *clock)
{
    *l = (struct gpu_progress_line){
        .base = {line_tell}, .fd = fd, .clock = clock, .from_mono_ms = clock_mono_ms(clock)};
}

bool gpu_progress_open(struct gpu_progress_line *l, int fd, struct clock *clock)
{
    const char *term = getenv("TERM");

    gpu_progress_init(l, fd, clock);
    return isatty(fd) && term && term[0] && strcmp(term, "dumb") != 0;
}

void gpu_progress_close(struct gpu_progress_line *l)
{
    if (!l->columns)
        return;
    line_show(l, "");
    all_write(l->fd, "\r", 1);
}
