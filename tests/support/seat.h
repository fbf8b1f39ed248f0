/* Somebody at the real console: the built `hourglass` in a pseudo-terminal, talking to a real
 * hourglassd or to whatever the test puts in its place. */
#ifndef TESTS_SUPPORT_SEAT_H
#define TESTS_SUPPORT_SEAT_H

#include "tests/support/fx_daemon.h"
#include "tests/support/screen.h"

struct seat {
    /* Set by the test before seat_open(), all optional. */
    int rows, cols;
    const char *terminal; /* TERM */
    const char *const *env;
    const char *url; /* NULL: the daemon's */
    /* The rest belongs to the seat. */
    char dir[128], config[192], trace[192], errors[192];
    struct term *term; /* NULL: not open */
};

/* Start the console on a profile with the daemon's key. Nothing is awaited. */
void seat_open(struct seat *s, const struct fx_daemon *d);
/* Type q and fail the test unless it ends with exit code 0, an orderly terminal and not a word
 * on standard error (where a sanitizer would speak). */
void seat_leave(struct seat *s);
/* What every end must look like: the wait status's exit code, the terminal, standard error. */
void seat_ended(struct seat *s, int exit_code);
void seat_drop(struct seat *s); /* for teardown; harmless when it is closed */

/* The first row with this text, blanks squeezed to one; "" when there is none. Borrowed until
 * the next call. */
const char *seat_row(struct seat *s, const char *text);
/* Wait until a row that has `name` has `text` too; fails the test when it never does. */
void seat_await(struct seat *s, const char *name, const char *text);
/* The amount behind a label, in micro-units: "credit left     249.9835 EUR". Fails without. */
int64_t seat_micros(struct seat *s, const char *label);
/* Lines of the trace that begin so: "frame ", "send ", "send GET /v1/me", "stream ". */
size_t seat_traced(struct seat *s, const char *beginning);
/* Everything traced. Borrowed until the next call. */
const char *seat_trace(struct seat *s);

#endif
