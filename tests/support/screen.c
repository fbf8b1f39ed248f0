/* The terminal and its small shell. */
#include "tests/support/t.h"

#include "tests/support/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vterm.h>

#include "core/clock.h"
#include "core/strbuf.h"
#include "tui/screen/keys.h"

#define RAW_BYTES_MAX (8u * 1024 * 1024)

struct term {
    int master;
    int reports; /* from the shell: wait statuses of the program */
    int orders;  /* to the shell */
    pid_t shell, program;
    VTerm *vt;
    VTermScreen *screen;
    int rows, cols;
    bool alternate, cursor_visible, mouse, paste;
    struct termios before;
    int exit_status; /* -1: still there */
    bool stopped;
    struct strbuf text, raw;
};

/* What the shell tells: the program's pid first, then each change of its state. */
struct report {
    pid_t pid;
    int status;
};

/* --- the shell -------------------------------------------------------------------------------- */

static void set_environment(const struct term_options *o)
{
    setenv("TERM", o->name ? o->name : "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    unsetenv("LINES");
    unsetenv("COLUMNS");
    for (size_t i = 0; o->env && o->env[i]; i++) {
        char *pair = strdup(o->env[i]), *equals = strchr(pair, '=');

        if (equals) {
            *equals = '\0';
            setenv(pair, equals + 1, 1);
        } else {
            unsetenv(pair);
        }
        free(pair);
    }
}

static void program_run(const struct term_options *o)
{
    /* The test program catches crashes to report them; the program under test does not. */
    static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    sigset_t none;

    for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
        signal(crashes[i], SIG_DFL);
    setpgid(0, 0);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(STDIN_FILENO, getpid());
    signal(SIGTTOU, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    set_environment(o);
    prctl(PR_SET_DUMPABLE, 0); /* crashes on purpose need no core, which may take seconds */
    if (o->stderr_file) {
        int fd = open(o->stderr_file, O_WRONLY | O_CREAT | O_APPEND, 0600);

        if (fd >= 0)
            dup2(fd, STDERR_FILENO);
    }
    if (!o->argv)
        _exit(o->run(o->ctx));
    execvp(o->argv[0], o->argv);
    _exit(127);
}

/* The session's leader: starts the program in front, tells what becomes of it, brings it back to
 * the front when it is told so. */
static void shell_run(const struct term_options *o, int orders, int reports)
{
    struct report r;
    char go;

    signal(SIGHUP, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    if (read(orders, &go, 1) != 1)
        _exit(1);
    r = (struct report){.pid = fork()};
    if (r.pid == 0) {
        signal(SIGINT, SIG_DFL);
        program_run(o);
    }
    setpgid(r.pid, r.pid);
    tcsetpgrp(STDIN_FILENO, r.pid);
    if (write(reports, &r, sizeof r) != (ssize_t)sizeof r)
        _exit(1);
    for (;;) {
        if (waitpid(r.pid, &r.status, WUNTRACED) != r.pid)
            _exit(1);
        tcsetpgrp(STDIN_FILENO, getpid());
        if (write(reports, &r, sizeof r) != (ssize_t)sizeof r || !WIFSTOPPED(r.status))
            break;
        if (read(orders, &go, 1) != 1)
            break;
        tcsetpgrp(STDIN_FILENO, r.pid);
        kill(-r.pid, SIGCONT);
    }
    /* The line stays open until the driver has looked at its settings. */
    while (read(orders, &go, 1) > 0) {
    }
    _exit(0);
}

/* --- what the program writes ------------------------------------------------------------------ */

static int on_property(VTermProp prop, VTermValue *value, void *user)
{
    struct term *t = user;

    if (prop == VTERM_PROP_ALTSCREEN)
        t->alternate = value->boolean;
    else if (prop == VTERM_PROP_MOUSE)
        t->mouse = value->number != VTERM_PROP_MOUSE_NONE;
    return 1;
}

static const VTermScreenCallbacks screen_callbacks = {.settermprop = on_property};

/* Answers to the program's questions (DA, DSR). */
static void on_output(const char *bytes, size_t len, void *user)
{
    struct term *t = user;

    if (t->master >= 0 && write(t->master, bytes, len) < 0)
        errno = 0; /* the program is gone: nobody asks any more */
}

/* What the library does not tell, or tells otherwise than terminals do: its "restore cursor" brings
 * back whether the cursor was visible, too. `from`: what was there before; a sequence may be split
 * between two reads. */
static void note_modes(struct term *t, size_t from)
{
    static const struct {
        const char *bytes;
        bool cursor, on;
    } modes[] = {{"\033[?2004h", false, true},
                 {"\033[?2004l", false, false},
                 {"\033[?25h", true, true},
                 {"\033[?25l", true, false}};

    for (size_t i = from < 7 ? 0 : from - 7; i < t->raw.len; i++)
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++)
            if (strncmp(t->raw.data + i, modes[m].bytes, strlen(modes[m].bytes)) == 0)
                *(modes[m].cursor ? &t->cursor_visible : &t->paste) = modes[m].on;
}

/* One read, waiting at most ms. Returns its bytes; 0: nothing came or the line is closed. */
static size_t pump(struct term *t, int ms)
{
    struct pollfd fd = {.fd = t->master, .events = POLLIN};
    char bytes[65536];
    ssize_t n;

    if (t->master < 0 || poll(&fd, 1, ms) <= 0)
        return 0;
    n = read(t->master, bytes, sizeof bytes);
    if (n <= 0) {
        if (ms > 0)
            poll(NULL, 0, ms < 5 ? ms : 5); /* closed: do not spin on it */
        return 0;
    }
    strbuf_add(&t->raw, bytes, (size_t)n);
    note_modes(t, t->raw.len - (size_t)n);
    vterm_input_write(t->vt, bytes, (size_t)n);
    return (size_t)n;
}

static int64_t mono(void)
{
    return clock_mono_ms(clock_real());
}

static int left_of(int64_t end)
{
    int64_t left = end - mono();

    return left < 0 ? 0 : (int)left;
}

/* --- start and end ---------------------------------------------------------------------------- */

static void report_take(struct term *t, int ms)
{
    struct pollfd fd = {.fd = t->reports, .events = POLLIN};
    struct report r;

    if (poll(&fd, 1, ms) <= 0 || read(t->reports, &r, sizeof r) != (ssize_t)sizeof r)
        return;
    if (t->program == 0)
        t->program = r.pid;
    else if (WIFSTOPPED(r.status))
        t->stopped = true;
    else
        t->exit_status = r.status;
}

static void terminal_open(struct term *t, const struct term_options *o)
{
    t->rows = o->rows ? o->rows : 24;
    t->cols = o->cols ? o->cols : 80;
    t->cursor_visible = true;
    t->exit_status = -1;
    strbuf_init(&t->text, (size_t)4 * 1024 * 1024);
    strbuf_init(&t->raw, RAW_BYTES_MAX);
    t->vt = vterm_new(t->rows, t->cols);
    vterm_set_utf8(t->vt, 1);
    vterm_output_set_callback(t->vt, on_output, t);
    t->screen = vterm_obtain_screen(t->vt);
    vterm_screen_set_callbacks(t->screen, &screen_callbacks, t);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_reset(t->screen, 1);
}

struct term *term_start(const struct term_options *o)
{
    struct term *t = calloc(1, sizeof *t);
    struct winsize size = {0};
    int orders[2], reports[2];

    assert_non_null(t);
    terminal_open(t, o);
    size.ws_row = (unsigned short)t->rows;
    size.ws_col = (unsigned short)t->cols;
    if (pipe2(orders, O_CLOEXEC) || pipe2(reports, O_CLOEXEC))
        fail_msg("no pipes");
    t->shell = forkpty(&t->master, NULL, NULL, &size);
    if (t->shell < 0)
        fail_msg("no pseudo-terminal: %s", strerror(errno));
    if (t->shell == 0) {
        close(orders[1]);
        close(reports[0]);
        shell_run(o, orders[0], reports[1]);
    }
    close(orders[0]);
    close(reports[1]);
    t->orders = orders[1];
    t->reports = reports[0];
    fcntl(t->master, F_SETFD, FD_CLOEXEC);
    tcgetattr(t->master, &t->before);
    if (write(t->orders, "g", 1) != 1)
        fail_msg("the shell of the terminal is gone");
    report_take(t, TERM_WAIT_MS);
    if (t->program == 0)
        fail_msg("the program did not start");
    return t;
}

void term_free(struct term *t)
{
    if (!t)
        return;
    if (t->exit_status < 0 && t->program > 0)
        kill(t->program, SIGKILL);
    close(t->orders);
    if (t->master >= 0)
        close(t->master);
    kill(t->shell, SIGKILL);
    waitpid(t->shell, NULL, 0);
    close(t->reports);
    vterm_free(t->vt);
    strbuf_release(&t->text);
    strbuf_release(&t->raw);
    free(t);
}

/* --- keys ------------------------------------------------------------------------------------- */

void term_bytes_in(struct term *t, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(t->master, bytes, len);

        if (n <= 0)
            fail_msg("the terminal takes no keys: %s", strerror(errno));
        bytes += n;
        len -= (size_t)n;
    }
}

static const char *bytes_of_key(uint32_t key, char buf[8])
{
    static const struct {
        uint32_t key;
        const char *bytes;
    } special[] = {
        {KEY_ARROW_UP, "\033OA"},     {KEY_ARROW_DOWN, "\033OB"}, {KEY_ARROW_RIGHT, "\033OC"},
        {KEY_ARROW_LEFT, "\033OD"},   {KEY_PAGE_UP, "\033[5~"},   {KEY_PAGE_DOWN, "\033[6~"},
        {KEY_START, "\033OH"},        {KEY_FINISH, "\033OF"},     {KEY_DELETE, "\033[3~"},
        {KEY_BACK_TAB, "\033[Z"},     {KEY_F1, "\033OP"},         {KEY_PASTE_BEGIN, "\033[200~"},
        {KEY_PASTE_END, "\033[201~"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(special); i++)
        if (special[i].key == key)
            return special[i].bytes;
    buf[0] = (char)key;
    buf[1] = '\0';
    return buf;
}

void term_keys(struct term *t, const char *keys)
{
    STRBUF bytes;

    strbuf_init(&bytes, 1024 * 1024);
    while (*keys) {
        const char *at = keys;
        uint32_t key = key_parse(&keys);
        char buf[8];

        if (key == 0)
            fail_msg("no such key: %s", at);
        if (key >= 0x80 && key < KEY_SPECIAL_BASE)
            strbuf_add(&bytes, at, (size_t)(keys - at));
        else
            strbuf_adds(&bytes, bytes_of_key(key, buf));
    }
    term_bytes_in(t, bytes.data, bytes.len);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void add_row(struct term *t, int row)
{
    VTermRect rect = {.start_row = row, .end_row = row + 1, .start_col = 0, .end_col = t->cols};
    size_t start = t->text.len, room = (size_t)t->cols * 24 + 1, n;
    char *line = malloc(room);

    assert_non_null(line);
    n = vterm_screen_get_text(t->screen, line, room, rect);
    strbuf_add(&t->text, line, n < room ? n : room);
    free(line);
    while (t->text.len > start && t->text.data[t->text.len - 1] == ' ')
        t->text.data[--t->text.len] = '\0';
}

const char *term_text(struct term *t)
{
    strbuf_reset(&t->text);
    for (int row = 0; row < t->rows; row++) {
        add_row(t, row);
        strbuf_addc(&t->text, '\n');
    }
    return t->text.data;
}

const char *term_row(struct term *t, int row)
{
    strbuf_reset(&t->text);
    add_row(t, row);
    return t->text.data;
}

void term_cursor(const struct term *t, int *row, int *col, bool *visible)
{
    VTermPos at;

    vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &at);
    *row = at.row;
    *col = at.col;
    *visible = t->cursor_visible;
}

struct term_cell term_cell_at(struct term *t, int row, int col)
{
    struct term_cell out = {.text = ""};
    VTermPos at = {.row = row, .col = col};
    VTermRect rect = {.start_row = row, .end_row = row + 1, .start_col = col, .end_col = col + 1};
    VTermScreenCell cell;
    size_t n = vterm_screen_get_text(t->screen, out.text, sizeof out.text - 1, rect);

    out.text[n < sizeof out.text ? n : sizeof out.text - 1] = '\0';
    if (!vterm_screen_get_cell(t->screen, at, &cell))
        return out;
    out.bold = cell.attrs.bold;
    out.reverse = cell.attrs.reverse;
    out.underline = cell.attrs.underline != 0;
    out.colored = !VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg);
    return out;
}

static bool wait_text(struct term *t, const char *text, bool there, int ms)
{
    int64_t end = mono() + ms;

    while ((strstr(term_text(t), text) != NULL) != there) {
        if (left_of(end) == 0)
            return false;
        pump(t, left_of(end) < 50 ? left_of(end) : 50);
    }
    return true;
}

bool term_wait(struct term *t, const char *text, int ms)
{
    return wait_text(t, text, true, ms);
}

bool term_wait_gone(struct term *t, const char *text, int ms)
{
    return wait_text(t, text, false, ms);
}

void term_assert(struct term *t, const char *text, bool there, const char *file, int line)
{
    if (wait_text(t, text, there, TERM_WAIT_MS))
        return;
    print_error("the screen %s '%s':\n%s", there ? "never showed" : "still shows", text,
                term_text(t));
    _fail(file, line);
}

size_t term_drain(struct term *t, int quiet_ms)
{
    size_t total = 0, n;
    int64_t end = mono() + TERM_WAIT_MS;

    while ((n = pump(t, quiet_ms)) > 0 && left_of(end) > 0)
        total += n;
    return total;
}

size_t term_listen(struct term *t, int ms)
{
    int64_t end = mono() + ms;
    size_t total = 0;

    while (left_of(end) > 0)
        total += pump(t, left_of(end));
    return total;
}

const char *term_raw(struct term *t, size_t *len)
{
    static __thread struct strbuf last;

    strbuf_release(&last);
    last = t->raw;
    strbuf_init(&t->raw, RAW_BYTES_MAX);
    *len = last.len;
    return last.data;
}

/* --- acting on the program -------------------------------------------------------------------- */

void term_resize(struct term *t, int rows, int cols)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    t->rows = rows;
    t->cols = cols;
    vterm_set_size(t->vt, rows, cols);
    ioctl(t->master, TIOCSWINSZ, &size);
}

void term_signal(struct term *t, int number)
{
    kill(t->program, number);
}

void term_hang_up(struct term *t)
{
    close(t->master);
    t->master = -1;
}

pid_t term_pid(const struct term *t)
{
    return t->program;
}

int term_exit(struct term *t, int ms)
{
    int64_t end = mono() + ms;

    while (t->exit_status < 0 && left_of(end) > 0) {
        pump(t, 10);
        report_take(t, 0);
        if (t->master < 0)
            poll(NULL, 0, 10);
    }
    while (pump(t, 20) > 0) {
    }
    return t->exit_status;
}

bool term_stopped(struct term *t, int ms)
{
    int64_t end = mono() + ms;

    while (!t->stopped && left_of(end) > 0) {
        pump(t, 10);
        report_take(t, 0);
    }
    while (pump(t, 20) > 0) {
    }
    return t->stopped;
}

void term_continue(struct term *t)
{
    t->stopped = false;
    if (write(t->orders, "c", 1) != 1)
        fail_msg("the shell of the terminal is gone");
}

const char *term_disorder(struct term *t)
{
    struct termios now;

    if (t->alternate)
        return "the alternate screen is still shown";
    if (!t->cursor_visible)
        return "the cursor is hidden";
    if (t->mouse)
        return "the mouse is captured";
    if (t->paste)
        return "bracketed paste is on";
    if (t->master < 0)
        return "";
    if (tcgetattr(t->master, &now))
        return "the line's settings cannot be read";
    if (now.c_iflag != t->before.c_iflag || now.c_oflag != t->before.c_oflag ||
        now.c_cflag != t->before.c_cflag || now.c_lflag != t->before.c_lflag ||
        memcmp(now.c_cc, t->before.c_cc, sizeof now.c_cc) != 0)
        return "the line's settings differ";
    return "";
}
