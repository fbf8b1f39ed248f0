/* What a view is, and what the console does for it. A view draws from its state alone; data
 * reach the state through the feed's resources, keys through actions. Adding one takes a
 * file and a line in views.def.h. */
#ifndef TUI_VIEW_VIEW_H
#define TUI_VIEW_VIEW_H

#include "tui/feed/feed.h"
#include "tui/key/keymap.h"
#include "tui/screen/canvas.h"

struct console;
struct view;

struct view_ops {
    const char *name;  /* ":instances", the tab, and the name of its key bindings */
    const char *help;  /* one line in the list of views */
    size_t state_size; /* zeroed before open */
    bool searches;     /* its filter is a search: the line begins empty */
    bool typing;       /* keys are typed into it: KEYMAP_TYPING holds */
    bool completes;    /* Tab completes what is typed; else it goes to the next field */

    /* Subscribe to what it needs. `argument`: by the view's header, borrowed for the call;
     * NULL for the views of the tabs. */
    void (*open)(struct view *v, const void *argument);
    void (*close)(struct view *v); /* NULL when the state owns nothing */
    /* It came to the front, or went behind another one. May be NULL. */
    void (*show)(struct view *v, bool shown);
    /* Same state, size and time: same cells. */
    void (*draw)(const struct view *v, struct canvas *c, int64_t now_ms);
    /* False: not for it. */
    bool (*act)(struct view *v, enum key_action a);
    void (*type)(struct view *v, uint32_t code_point); /* only if `typing` */
    /* What the filter line shows and sets; both NULL: nothing to filter. */
    const char *(*filter_text)(const struct view *v);
    void (*filter)(struct view *v, const char *text);
    /* The row with this id, which is new, becomes the selected one. NULL: no rows. */
    void (*select)(struct view *v, const char *id);
    /* Enter opens something now. NULL: it does on a tab, and does not in a view above it. */
    bool (*opens)(const struct view *v);
    /* Appended to the line of tabs: how many rows, which filter. May be NULL. */
    void (*title)(const struct view *v, struct strbuf *out);
    /* What it shows changes with every second. NULL: never. */
    bool (*ticks)(const struct view *v);
    /* Called in each turn of the loop while in front. Returns the milliseconds until it wants
     * to be called again, -1: only when something happens. May be NULL. */
    int64_t (*tick)(struct view *v, int64_t mono_ms);
};

struct view {
    const struct view_ops *ops;
    struct console *console;
    void *state;    /* owned by the console */
    int rows, cols; /* of the body, as it will be drawn */
};

/* --- what the console does for views ---------------------------------------------------------- */

struct feed *console_feed(struct console *c);
struct clock *console_clock(struct console *c);
bool console_is_ascii(const struct console *c);

/* One line at the bottom until the next key. */
void console_say(struct console *c, enum style style, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "cannot <what>: sentence (request req_…)", with the first detail; `what` is verb and object. */
void console_say_error(struct console *c, const char *what, const struct reply *r);
/* True, and said so, when this console must not change anything. */
bool console_refuses(struct console *c);

/* Put another view in front; it is closed by console_back(). */
void console_open(struct console *c, const struct view_ops *ops, const void *argument);
void console_back(struct console *c);
/* To a view of the tabs, closing what lies above; its list is asked for again. `select`: the id of
 * the row to select there, NULL: as it was. */
void console_go(struct console *c, const struct view_ops *root, const char *select);

/* A question that is answered by typing a word and Enter; anything else leaves it undone. */
struct question {
    char title[128];
    char text[1024]; /* what will happen and what it costs, in sentences; newlines separate */
    bool short_word; /* "y" is enough; else "yes" */
    void (*yes)(struct view *v);
};
void console_ask(struct console *c, struct view *v, const struct question *q);

/* --- the views -------------------------------------------------------------------------------- */

#define VIEW(name) extern const struct view_ops view_##name;
#include "tui/view/views.def.h"
#undef VIEW

/* Not on a tab: opened by another view. */
extern const struct view_ops view_offer;    /* argument: struct offer */
extern const struct view_ops view_launch;   /* argument: struct offer */
extern const struct view_ops view_instance; /* argument: char id[] */
extern const struct view_ops view_job;      /* argument: char id[] */
extern const struct view_ops view_log;      /* argument: struct job */
extern const struct view_ops view_submit;   /* argument: char path[], read at once, or NULL */
extern const struct view_ops view_report;   /* argument: char id[] */
extern const struct view_ops view_nodes;    /* argument: none; staff */
extern const struct view_ops view_cases;    /* argument: none */
extern const struct view_ops view_act;      /* argument: struct act_request (act.h) */
extern const struct view_ops view_help;     /* argument: name of the view it helps with */

#endif
