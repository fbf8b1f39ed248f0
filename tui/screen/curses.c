/* The terminal through ncurses, and the only file that knows it. The grid is compared with what
 * was shown before; curses then finds the cheapest bytes for what differs. What curses lacks
 * (bracketed paste, synchronized output) is here too. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>
/* curses names its keys in the way that ours are named. */
enum curses_key {
    CURSES_UP = KEY_UP,
    CURSES_DOWN = KEY_DOWN,
    CURSES_LEFT = KEY_LEFT,
    CURSES_RIGHT = KEY_RIGHT,
    CURSES_NPAGE = KEY_NPAGE,
    CURSES_PPAGE = KEY_PPAGE,
    CURSES_HOME = KEY_HOME,
    CURSES_END = KEY_END,
    CURSES_BACKSPACE = KEY_BACKSPACE,
    CURSES_DC = KEY_DC,
    CURSES_BTAB = KEY_BTAB,
    CURSES_ENTER = KEY_ENTER,
    CURSES_F1 = KEY_F(1),
    CURSES_RESIZE = KEY_RESIZE,
    CURSES_PASTE_BEGIN = KEY_MAX + 1,
    CURSES_PASTE_END = KEY_MAX + 2,
};
#undef KEY_ENTER
#undef KEY_F1
#undef COLOR_PAIR_NONE

#include "tui/screen/screen.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "core/text.h"
#include "tui/screen/restore.h"

#define ESCAPE_DELAY_MS 25
#define FALLBACK_TERM   "xterm-256color"
/* A repaint of more cells than this is shown at once by terminals that can. */
#define SYNC_CELLS_MIN 1000
#define SYNC_BEGIN     "\033[?2026h"
#define SYNC_END       "\033[?2026l"
#define PASTE_ON       "\033[?2004h"
#define PASTE_OFF      "\033[?2004l"

struct terminal {
    struct screen base;
    SCREEN *curses;
    WINDOW *keys; /* a pad: reading from it never refreshes the screen */
    struct canvas shown;
    bool repaint;  /* what the terminal shows is unknown */
    bool is_xterm; /* understands private modes */
    bool colored;
    attr_t attrs[STYLE_COUNT];
    short pairs[STYLE_COUNT];
};

static struct terminal *terminal_of(struct screen *s)
{
    return CONTAINER_OF(s, struct terminal, base);
}

static void write_all(const char *bytes)
{
    size_t len = strlen(bytes);

    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);

        if (n <= 0)
            return; /* hung up: the signal tells */
        bytes += n;
        len -= (size_t)n;
    }
}

static const char *capability(const char *name)
{
    const char *text = tigetstr(name);

    return text == NULL || text == (const char *)-1 ? "" : text; /* NOLINT */
}

/* Terminfo marks delays as $<5>: useless bytes for a terminal of this century. */
static void add_capability(struct strbuf *out, const char *name)
{
    for (const char *at = capability(name); *at; at++) {
        const char *end = at[0] == '$' && at[1] == '<' ? strchr(at, '>') : NULL;

        if (end)
            at = end;
        else
            strbuf_addc(out, *at);
    }
}

static void prepare_bytes(const struct terminal *t)
{
    STRBUF bytes = {0};

    strbuf_init(&bytes, RESTORE_BYTES_MAX);
    if (t->is_xterm)
        strbuf_adds(&bytes, SYNC_END PASTE_OFF);
    add_capability(&bytes, "sgr0");
    add_capability(&bytes, "rmkx");
    add_capability(&bytes, "cnorm");
    add_capability(&bytes, "rmcup");
    restore_bytes(bytes.data);
}

static attr_t attrs_of(unsigned attrs)
{
    return (attrs & ATTR_BOLD ? A_BOLD : 0) | (attrs & ATTR_DIM ? A_DIM : 0) |
           (attrs & ATTR_REVERSE ? A_REVERSE : 0) | (attrs & ATTR_UNDERLINE ? A_UNDERLINE : 0);
}

static bool wants_color(enum color_choice choice)
{
    const char *no_color = getenv("NO_COLOR");

    if (choice == COLOR_AUTO)
        return !(no_color && no_color[0]);
    return choice == COLOR_ALWAYS;
}

static void prepare_styles(struct terminal *t, enum color_choice choice)
{
    int colors = 0;

    t->colored = wants_color(choice) && has_colors() && start_color() == OK;
    if (t->colored) {
        use_default_colors();
        colors = COLORS;
    }
    for (int i = 0; i < STYLE_COUNT; i++) {
        struct look look = theme_look((enum style)i, colors);

        t->attrs[i] = attrs_of(look.attrs);
        if (colors > 0 && (look.foreground != COLOR_DEFAULT || look.background != COLOR_DEFAULT)) {
            t->pairs[i] = (short)(i + 1);
            init_pair(t->pairs[i], look.foreground, look.background);
        }
    }
}

/* Modes that a program may set for itself each time it gets the terminal. */
static void take_modes(struct terminal *t)
{
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    if (t->is_xterm)
        write_all(PASTE_ON);
    t->repaint = true;
    restore_arm(true);
}

static void terminal_leave(struct screen *s)
{
    struct terminal *t = terminal_of(s);

    restore_arm(false);
    if (t->is_xterm)
        write_all(PASTE_OFF);
    endwin();
}

static void terminal_enter(struct screen *s)
{
    reset_prog_mode();
    take_modes(terminal_of(s));
}

static void terminal_size(struct screen *s, int *rows, int *cols)
{
    UNUSED(s);
    *rows = LINES;
    *cols = COLS;
}

static void terminal_resized(struct screen *s)
{
    struct terminal *t = terminal_of(s);
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        (size.ws_row != LINES || size.ws_col != COLS)) {
        resizeterm(size.ws_row, size.ws_col);
        t->repaint = true;
    }
}

/* Our widths come from a table of our own, curses' from the C library: where they differ, what
 * follows would drift, so the character is replaced. */
static bool width_agrees(const struct cell *cell)
{
    return cell->base < 0x7f || wcwidth((wchar_t)cell->base) == cell->width;
}

static void put_cell(const struct terminal *t, int row, int col, const struct cell *cell)
{
    wchar_t text[CELL_MARKS_MAX + 2] = {(wchar_t)cell->base};
    cchar_t out;
    int n = 1;

    if (!width_agrees(cell)) {
        for (int i = 0; i < cell->width; i++)
            put_cell(t, row, col + i,
                     &(struct cell){.base = '?', .width = 1, .style = cell->style});
        return;
    }
    for (int i = 0; i < CELL_MARKS_MAX && cell->marks[i]; i++)
        text[n++] = (wchar_t)cell->marks[i];
    if (setcchar(&out, text, t->attrs[cell->style], t->pairs[cell->style], NULL) == OK)
        mvadd_wch(row, col, &out);
}

/* Cells of one row that differ go to curses. Returns how many did. */
static int put_row(struct terminal *t, int row, const struct cell *cells, int cols)
{
    struct cell *shown = t->shown.cells + (size_t)row * (size_t)t->shown.stride;
    int changed = 0;

    for (int col = 0; col < cols; col++) {
        if (!t->repaint && memcmp(&shown[col], &cells[col], sizeof *cells) == 0)
            continue;
        changed++;
        shown[col] = cells[col];
        if (cells[col].width > 0)
            put_cell(t, row, col, &cells[col]);
    }
    return changed;
}

static bool shown_fits(struct terminal *t, const struct canvas *c)
{
    struct canvas fresh;

    if (t->shown.rows == c->rows && t->shown.cols == c->cols)
        return true;
    if (canvas_init(&fresh, c->rows, c->cols, c->ascii, NULL))
        return false;
    canvas_release(&t->shown);
    t->shown = fresh;
    t->repaint = true;
    return true;
}

static void terminal_show(struct screen *s, const struct canvas *c)
{
    struct terminal *t = terminal_of(s);
    bool moved;
    int changed = 0;

    if (!shown_fits(t, c))
        return;
    if (t->repaint) {
        erase();
        clearok(stdscr, TRUE);
    }
    for (int row = 0; row < c->rows; row++)
        changed += put_row(t, row, c->cells + (size_t)row * (size_t)c->stride, c->cols);
    moved = t->shown.cursor->row != c->cursor->row || t->shown.cursor->col != c->cursor->col ||
            t->shown.cursor->visible != c->cursor->visible;
    if (changed == 0 && !moved && !t->repaint)
        return;
    if (t->shown.cursor->visible != c->cursor->visible || t->repaint)
        curs_set(c->cursor->visible ? 1 : 0);
    *t->shown.cursor = *c->cursor;
    t->repaint = false;
    move(c->cursor->row, c->cursor->col);
    if (changed > SYNC_CELLS_MIN && t->is_xterm)
        write_all(SYNC_BEGIN);
    refresh();
    if (changed > SYNC_CELLS_MIN && t->is_xterm)
        write_all(SYNC_END);
}

static uint32_t key_of_curses(wint_t code)
{
    static const struct {
        int curses;
        uint32_t key;
    } table[] = {
        {CURSES_UP, KEY_ARROW_UP},
        {CURSES_DOWN, KEY_ARROW_DOWN},
        {CURSES_LEFT, KEY_ARROW_LEFT},
        {CURSES_RIGHT, KEY_ARROW_RIGHT},
        {CURSES_NPAGE, KEY_PAGE_DOWN},
        {CURSES_PPAGE, KEY_PAGE_UP},
        {CURSES_HOME, KEY_START},
        {CURSES_END, KEY_FINISH},
        {CURSES_BACKSPACE, KEY_ERASE},
        {CURSES_DC, KEY_DELETE},
        {CURSES_BTAB, KEY_BACK_TAB},
        {CURSES_ENTER, KEY_ENTER},
        {CURSES_F1, KEY_F1},
        {CURSES_PASTE_BEGIN, KEY_PASTE_BEGIN},
        {CURSES_PASTE_END, KEY_PASTE_END},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if ((wint_t)table[i].curses == code)
            return table[i].key;
    return KEY_UNKNOWN;
}

static uint32_t terminal_key(struct screen *s)
{
    struct terminal *t = terminal_of(s);
    wint_t code;
    int rc;

    while ((rc = wget_wch(t->keys, &code)) == KEY_CODE_YES && code == CURSES_RESIZE)
        t->repaint = true;
    if (rc == ERR || (rc == OK && code == 0))
        return 0;
    if (rc == KEY_CODE_YES)
        return key_of_curses(code);
    if (code == '\n')
        return KEY_ENTER;
    return code == '\b' ? KEY_ERASE : (uint32_t)code;
}

static void terminal_close(struct screen *s)
{
    struct terminal *t = terminal_of(s);

    terminal_leave(s);
    delwin(t->keys);
    delscreen(t->curses);
    restore_forget();
    canvas_release(&t->shown);
    free(t);
}

static const struct screen_ops terminal_ops = {
    .size = terminal_size,
    .show = terminal_show,
    .key = terminal_key,
    .resized = terminal_resized,
    .leave = terminal_leave,
    .enter = terminal_enter,
    .close = terminal_close,
};

/* Ours are plain characters only where the locale says that the terminal reads UTF-8. */
static bool locale_is_utf8(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static enum err_code terminal_start(struct terminal *t, const struct screen_options *o,
                                    struct err *e)
{
    const char *term = o->term ? o->term : getenv("TERM");

    if (!term || !term[0])
        term = "unknown";
    t->base.ascii = o->ascii || !locale_is_utf8();
    /* Line drawing as characters: PuTTY and others ignore the alternate set under UTF-8. */
    setenv("NCURSES_NO_UTF8_ACS", "1", 0);
    t->curses = newterm(term, stdout, stdin);
    if (!t->curses) {
        t->curses = newterm(FALLBACK_TERM, stdout, stdin);
        snprintf(t->base.notice, sizeof t->base.notice,
                 "terminal type '%.60s' is unknown here, using " FALLBACK_TERM, term);
        term = FALLBACK_TERM;
    }
    if (!t->curses)
        return err_set(e, ERR_INVALID, "no description of the terminal '%s' was found", term);
    set_term(t->curses);
    if (!capability("cup")[0]) {
        endwin();
        delscreen(t->curses);
        return err_set(e, ERR_INVALID,
                       "the terminal '%s' cannot place its cursor; use the commands instead, "
                       "see hourglass --help",
                       term);
    }
    t->is_xterm = strncmp(term, "xterm", 5) == 0 || capability("BE")[0];
    return ERR_OK;
}

enum err_code screen_open(const struct screen_options *o, struct screen **out, struct err *e)
{
    struct terminal *t;
    enum err_code rc;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(e, ERR_INVALID,
                       "the console needs a terminal; use the commands instead, see "
                       "hourglass --help");
    t = calloc(1, sizeof *t);
    if (!t)
        return err_set(e, ERR_INTERNAL, "out of memory");
    t->base.ops = &terminal_ops;
    t->base.fd = STDIN_FILENO;
    restore_prepare(STDOUT_FILENO);
    rc = terminal_start(t, o, e);
    if (rc) {
        restore_forget();
        free(t);
        return rc;
    }
    prepare_bytes(t);
    prepare_styles(t, o->color);
    set_escdelay(ESCAPE_DELAY_MS);
    t->keys = newpad(1, 1);
    keypad(t->keys, TRUE);
    nodelay(t->keys, TRUE);
    define_key("\033[200~", CURSES_PASTE_BEGIN);
    define_key("\033[201~", CURSES_PASTE_END);
    take_modes(t);
    *out = &t->base;
    return ERR_OK;
}
