/* The full-screen console: a terminal, a client, one loop. */
#ifndef TUI_APP_H
#define TUI_APP_H

#include "client/client.h"
#include "tui/screen/screen.h"

struct console_options {
    const struct client_config *client; /* where and who; borrowed while it runs */
    const char *profile;                /* its name, for the header; NULL none */
    struct clock *clock;                /* NULL: the machine's */
    bool read_only;                     /* nothing that changes or costs is sent */
    bool ascii;
    enum color_choice color;
    /* A file of keys and waits (docs in script.h): typed as if by hand, then the console goes on.
     * Without a terminal the screen is in memory and the end of the script ends it. */
    const char *script;
    const char *dump;  /* the last screen as text is written there at the end */
    const char *trace; /* frames, requests and answers, one line each */
};

/* Runs until it is left. Returns the exit code: 0; 1 with the sentence on standard error;
 * 128 + n when the signal n ended it. The terminal is restored in every case. */
int console_run(const struct console_options *o);

#endif
