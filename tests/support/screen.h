/* A program in a terminal of our own: a pty, a libvterm that reads what the program writes, and a
 * small shell between, so that job control works as under a real one. */
#ifndef TESTS_SUPPORT_SCREEN_H
#define TESTS_SUPPORT_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct term;

struct term_options {
    int rows, cols;         /* 0: 24, 80 */
    const char *name;       /* TERM; NULL: xterm-256color */
    const char *const *env; /* "NAME=value"…, NULL-terminated; "NAME" removes it; may be NULL */
    char *const *argv;      /* the program; NULL: `run` in a forked process */
    int (*run)(void *ctx);  /* its exit code */
    void *ctx;
    const char *stderr_file; /* NULL: the terminal, like standard output */
};

/* Fails the test when it cannot be started. Ended and freed by term_free(). */
struct term *term_start(const struct term_options *o);
void term_free(struct term *t); /* kills what still runs; accepts NULL */

/* Type as in a script: "jj<Enter>", "<Esc>", "<^D>", "<Up>", "<PgDn>". */
void term_keys(struct term *t, const char *keys);
void term_bytes_in(struct term *t, const char *bytes, size_t len);

/* Read until the text is (not) on the screen. False after ms. */
bool term_wait(struct term *t, const char *text, int ms);
bool term_wait_gone(struct term *t, const char *text, int ms);
/* The same, failing the test with the screen in the message. */
#define assert_screen(t, text)      term_assert(t, text, true, __FILE__, __LINE__)
#define assert_screen_gone(t, text) term_assert(t, text, false, __FILE__, __LINE__)
#define TERM_WAIT_MS                15000
void term_assert(struct term *t, const char *text, bool there, const char *file, int line);
/* Read what comes until it is silent for `quiet_ms`. Returns the bytes that came. */
size_t term_drain(struct term *t, int quiet_ms);
/* Read for exactly so long. Returns the bytes that came. */
size_t term_listen(struct term *t, int ms);

/* Rows without blanks at their ends. Borrowed until the next call. */
const char *term_text(struct term *t);
const char *term_row(struct term *t, int row);
void term_cursor(const struct term *t, int *row, int *col, bool *visible);
struct term_cell {
    char text[24];
    bool bold, reverse, underline, colored;
};
struct term_cell term_cell_at(struct term *t, int row, int col);

void term_resize(struct term *t, int rows, int cols);
void term_signal(struct term *t, int number); /* to the program */
void term_hang_up(struct term *t);            /* the line is cut */
pid_t term_pid(const struct term *t);

/* The program's end: its wait status, or -1 after ms. */
int term_exit(struct term *t, int ms);
/* It was stopped (^Z) within ms; the shell has the terminal then. */
bool term_stopped(struct term *t, int ms);
void term_continue(struct term *t); /* fg */

/* "" when the terminal is as before the start: no alternate screen, cursor seen, no mouse, no
 * paste mode, line settings as they were; else what is wrong. Static text. */
const char *term_disorder(struct term *t);
/* All bytes that came since the start or the last call, NUL-terminated. */
const char *term_raw(struct term *t, size_t *len);

#endif
