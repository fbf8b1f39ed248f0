/* The console in a process and a terminal of its own, with a fake API inside that process. */
#ifndef TESTS_SUPPORT_CONSOLE_CHILD_H
#define TESTS_SUPPORT_CONSOLE_CHILD_H

#include "tests/support/fake_api.h"
#include "tests/support/screen.h"
#include "tui/app_internal.h"

struct console_child {
    const char *script, *trace;
    bool read_only;
    enum color_choice color;
    bool still;      /* the time of day stands still: nothing changes by itself */
    size_t offers;   /* so many instead of the demonstration's; 0: those */
    const char *url; /* the real client, to this address; NULL: the fake API */
};

/* For term_options.run; ctx is a struct console_child. */
int console_child_run(void *ctx);
/* `name` is TERM; NULL: xterm-256color. `child` must live until term_free(). */
struct term *console_child_start(const struct console_child *child, const char *name, int rows,
                                 int cols);
/* The same, waiting until the demonstration is shown. */
struct term *console_child_ready(const struct console_child *child, int rows, int cols);

#endif
