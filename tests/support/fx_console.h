/* The console on a screen in memory with a fake API and a clock that stands still: keys in,
 * text out, nothing waits. */
#ifndef TESTS_SUPPORT_FX_CONSOLE_H
#define TESTS_SUPPORT_FX_CONSOLE_H

#include "tests/support/fake_api.h"
#include "tui/app_internal.h"

struct fx_console {
    struct console console;
    struct screen *screen;
    struct fake_api api;
    struct clock_test clock;
    struct strbuf text; /* of the last fx_console_text() */
};

/* With the demonstration data; nothing is sent before fx_console_start(). */
void fx_console_init(struct fx_console *fx, int rows, int cols, bool ascii);
void fx_console_release(struct fx_console *fx);
/* Begin, and let everything that is asked be answered. */
void fx_console_start(struct fx_console *fx);
/* All of that in a window of 24x80, as setup and teardown of a test: *state is the fx_console. */
int fx_console_begin(void **state);
int fx_console_end(void **state);
/* Let what is pending be answered and drawn; time goes on by so many milliseconds at the end. */
void fx_console_settle(struct fx_console *fx);
void fx_console_advance(struct fx_console *fx, int64_t ms);
/* Type as in a script ("jj<Enter>"), then settle. */
void fx_console_keys(struct fx_console *fx, const char *keys);
/* What is on the screen. Borrowed until the next call. */
const char *fx_console_text(struct fx_console *fx);
const char *fx_console_row(struct fx_console *fx, int row);
/* The screen is the picture tests/screen/golden/<name>.txt. UPDATE=1 writes it anew, to be read in
 * the diff. */
void fx_console_golden(struct fx_console *fx, const char *name);

#endif
