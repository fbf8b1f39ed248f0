/* The loop: one thread, one wait, at most one frame a turn. Signals are read like keys. */
#include "tui/app_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tui/script.h"

#define KEYS_MAX    4096 /* of one turn: a paste does not starve the network */
#define MEMORY_ROWS 24
#define MEMORY_COLS 80

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

struct runner {
    struct console console;
    int signal_fd;
    sigset_t before;
    struct sigaction pipe_before;
};

/* --- signals ---------------------------------------------------------------------------------- */

static enum err_code signals_open(struct runner *r, struct err *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
        sigaddset(&set, caught[i]);
    sigaction(SIGPIPE, &ignore, &r->pipe_before);
    sigprocmask(SIG_BLOCK, &set, &r->before);
    r->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (r->signal_fd < 0) {
        sigprocmask(SIG_SETMASK, &r->before, NULL);
        return err_set(e, ERR_IO, "signalfd: %s", strerror(errno));
    }
    return ERR_OK;
}

static void signals_close(struct runner *r)
{
    close(r->signal_fd);
    sigprocmask(SIG_SETMASK, &r->before, NULL);
    sigaction(SIGPIPE, &r->pipe_before, NULL);
}

/* ^Z: the terminal goes back to the shell, then this process stops as the shell expects. */
static void stop_here(struct runner *r)
{
    struct screen *screen = r->console.screen;
    struct sigaction before, plain = {.sa_handler = SIG_DFL};
    sigset_t set;

    screen->ops->leave(screen);
    sigaction(SIGTSTP, &plain, &before);
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &set, NULL); /* stops here, until SIGCONT */
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGTSTP, &before, NULL);
    screen->ops->enter(screen);
    console_resized(&r->console);
}

static void signal_take(struct runner *r, int number)
{
    struct console *c = &r->console;

    switch (number) {
    case SIGTSTP:
        stop_here(r);
        break;
    case SIGCONT: /* after a stop that cannot be caught */
        c->screen->ops->enter(c->screen);
        console_resized(c);
        break;
    case SIGWINCH:
        console_resized(c);
        break;
    default:
        c->exit_code = 128 + number;
        c->quit = true;
        break;
    }
}

static void signals_take(struct runner *r)
{
    struct signalfd_siginfo info;

    while (read(r->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        signal_take(r, (int)info.ssi_signo);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void keys_take(struct console *c)
{
    uint32_t key;

    for (int i = 0; i < KEYS_MAX && !c->quit && (key = c->screen->ops->key(c->screen)); i++)
        console_key(c, key);
}

static int timeout_of(int64_t a, int64_t b)
{
    int64_t wait = a < 0 ? b : b < 0 || a < b ? a : b;

    return wait < 0 ? -1 : wait > 3600000 ? 3600000 : (int)wait;
}

/* Wait for a key, a signal, the network or the next moment that matters. */
static void turn(struct runner *r, int64_t script_ms)
{
    struct console *c = &r->console;
    struct pollfd fds[2] = {{.fd = r->signal_fd, .events = POLLIN},
                            {.fd = c->screen->fd, .events = POLLIN}};
    size_t count = c->screen->fd >= 0 ? 2 : 1;
    struct pollfd gone = {.fd = c->screen->fd};
    struct err e;

    if (c->net->ops->poll(c->net, fds, count, timeout_of(console_wait_ms(c), script_ms), &e)) {
        console_say(c, STYLE_BAD, "%s", e.msg);
        c->exit_code = 1;
        c->quit = true;
        return;
    }
    signals_take(r);
    if (c->quit)
        return;
    if (count == 2 && poll(&gone, 1, 0) == 1 && gone.revents & (POLLHUP | POLLERR | POLLNVAL)) {
        c->exit_code = 128 + SIGHUP; /* the terminal is gone and nobody told us */
        c->quit = true;
        return;
    }
    keys_take(c);
    console_tick(c);
}

static void loop(struct runner *r, bool ends_with_script)
{
    struct console *c = &r->console;
    int64_t script_ms = -1;

    /* The first screen stands before the network library is even started. */
    console_frame(c);
    feed_start(&c->feed);
    while (!c->quit) {
        if (c->script) {
            script_ms = script_run(c->script, c);
            if (script_ms < 0 && ends_with_script)
                break;
        }
        if (c->quit)
            break;
        console_frame(c);
        turn(r, script_ms);
    }
}

static enum err_code screen_of(const struct console_options *o, struct screen **out, struct err *e)
{
    struct screen_options so = {.ascii = o->ascii, .color = o->color};

    if (o->script && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
        return screen_memory_open(MEMORY_ROWS, MEMORY_COLS, o->ascii, out, e);
    return screen_open(&so, out, e);
}

static enum err_code extras_open(struct console *c, const struct console_options *o, struct err *e)
{
    c->read_only = o->read_only;
    c->profile = o->profile;
    if (o->trace) {
        c->trace = c->feed.trace = fopen(o->trace, "we");
        if (!c->trace)
            return err_set(e, ERR_IO, "%s: %s", o->trace, strerror(errno));
    }
    return o->script ? script_load(o->script, &c->script, e) : ERR_OK;
}

static enum err_code run_on(struct runner *r, struct screen *screen,
                            const struct console_options *o, struct transport *net, struct err *e)
{
    struct console *c = &r->console;
    enum err_code rc = console_init(c, screen, net, o->clock ? o->clock : clock_real(), e);

    if (!rc)
        rc = extras_open(c, o, e);
    if (!rc) {
        loop(r, screen->fd < 0);
        if (o->dump) {
            console_draw(c, clock_now_ms(c->clock));
            rc = console_dump(c, o->dump, e);
        }
        if (c->exit_code == 1 && !rc)
            rc = err_set(e, ERR_INTERNAL, "%.300s", c->message);
    }
    if (c->trace)
        fclose(c->trace);
    script_free(c->script);
    console_release(c);
    return rc;
}

int console_run_on(const struct console_options *o, struct transport *net)
{
    struct runner *r = calloc(1, sizeof *r);
    struct screen *screen = NULL;
    struct err e;
    int exit_code = 1;
    enum err_code rc;

    err_clear(&e);
    rc = r ? signals_open(r, &e) : err_set(&e, ERR_INTERNAL, "out of memory");
    if (!rc) {
        rc = screen_of(o, &screen, &e);
        if (!rc)
            rc = run_on(r, screen, o, net, &e);
        screen_close(screen);
        signals_close(r);
        exit_code = r->console.exit_code;
    }
    free(r);
    if (rc) {
        fprintf(stderr, "hourglass: %s\n", e.msg);
        return 1;
    }
    return exit_code;
}

int console_run(const struct console_options *o)
{
    struct transport_client net;
    struct client *client;
    struct err e;
    int exit_code;

    if (client_open(o->client, &client, &e)) {
        fprintf(stderr, "hourglass: %s\n", e.msg);
        return 1;
    }
    transport_client_init(&net, client);
    exit_code = console_run_on(o, &net.base);
    client_close(client);
    return exit_code;
}
