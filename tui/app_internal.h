/* The console from inside, for its own files and for tests, which give it a screen in memory and
 * a transport of their own. */
#ifndef TUI_APP_INTERNAL_H
#define TUI_APP_INTERNAL_H

#include "tui/app.h"
#include "tui/screen/line.h"
#include "tui/view/view.h"

#define STACK_MAX   8 /* views in front of the one of the tab */
#define ROOTS_MAX   9
#define MESSAGE_MAX 600

enum console_mode {
    MODE_VIEW,
    MODE_COMMAND, /* the line after ':' */
    MODE_FILTER,  /* the line after '/' */
    MODE_ASK,     /* a question */
};

struct script;

struct console {
    struct screen *screen;
    struct canvas canvas;
    struct transport *net;
    struct clock *clock;
    struct feed feed;
    bool read_only;
    const char *profile;
    FILE *trace;

    const struct view_ops *root_ops[ROOTS_MAX];
    struct view roots[ROOTS_MAX]; /* opened when first shown, kept until the end */
    size_t root_count, root;
    struct view stack[STACK_MAX];
    size_t depth;

    enum console_mode mode;
    struct line line;
    struct question question;
    int question_scroll; /* lines of its text above the first one seen */
    struct view *asker;
    bool pasting;

    char message[MESSAGE_MAX];
    enum style message_style;

    struct script *script; /* NULL: none */
    bool dirty;            /* a key was pressed: the next frame is due at once */
    int64_t frame_mono_ms, frame_second;
    int64_t frames;
    bool quit;
    int exit_code;
};

/* `screen`, `net` and `clock` are borrowed. Errors: ERR_INTERNAL. */
enum err_code console_init(struct console *c, struct screen *screen, struct transport *net,
                           struct clock *clock, struct err *e) MUST_CHECK;
void console_release(struct console *c);

/* The view in front. */
struct view *console_front(const struct console *c);
const char *console_keys_of(const struct console *c); /* name of the bindings that hold now */

void console_key(struct console *c, uint32_t key);
/* Draw and show, if something changed or a second passed where that matters; data wait for
 * their turn, keys do not. */
void console_frame(struct console *c);
/* Milliseconds until the next turn of the loop has something to do, -1: only events. */
int64_t console_wait_ms(struct console *c);
void console_resized(struct console *c);
/* One turn after the network was polled: feed and the view's own. */
void console_tick(struct console *c);

/* The screen's rows: which part is the view's. */
struct canvas console_body(const struct console *c);
void console_draw(struct console *c, int64_t now_ms);

/* Moves in a question that is longer than the window. False: another action. */
bool console_question_scroll(struct console *c, enum key_action a);

/* Run a line of the ':' prompt; complete the word in it. */
void console_command(struct console *c, const char *text);
void console_complete(struct console *c);
enum err_code console_dump(struct console *c, const char *path, struct err *e) MUST_CHECK;
/* console_run() with another transport. */
int console_run_on(const struct console_options *o, struct transport *net);
void console_go_index(struct console *c, size_t index);

#endif
