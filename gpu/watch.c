/* The loop of `hourglass-gpu watch`: asks for a sample when it is time, shows what came, gives up
 * who does not answer, and serves whoever asks meanwhile. */
#include "gpu/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/text.h"
#include "gpu/command.h"
#include "gpu/watch_http.h"

#define LINGERING_MAX  3    /* killed processes that the driver does not let go */
#define OUT_STEP_BYTES 4096 /* a pipe that can be written to takes so much without waiting */

struct watch {
    const struct watch_options *o;
    struct clock *clock;
    struct watch_state state;
    struct watch_sampler sampler;
    struct watch_reporter reporter;
    struct watch_http http;
    struct strbuf out; /* what is to be shown, and how much of it has been */
    size_t out_at;
    int64_t unshown_count; /* samples for which the reader was too slow */
    bool running, ready;   /* the sampler's process; the driver has told its GPUs */
    bool ever_ready;
    uint64_t asked, told; /* GPUs of this round */
    int64_t asked_at_ms;  /* 0: no round is open */
    int64_t next_at_ms, again_at_ms;
    int64_t skip_until_ms[GPUS_PER_INSTANCE_MAX];
    int64_t shown_count;
    int lingering;
    bool redraws, stopped;
    size_t lines; /* of the table on the terminal */
    char reason[TEXT_BYTES_MAX];
};

static int64_t mono(const struct watch *w)
{
    return clock_mono_ms(w->clock);
}

static void note(const char *text)
{
    STRBUF clean;

    strbuf_init(&clean, TEXT_BYTES_MAX * 8);
    text_clean(&clean, text, strlen(text), TEXT_ONE_LINE);
    fprintf(stderr, "hourglass-gpu: %s\n", clean.data);
}

/* --- showing ------------------------------------------------------------------------------ */

/* Write what can be written without waiting: a reader that sleeps delays nothing here. */
static void out_write(struct watch *w)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

    while (!w->out.failed && w->out_at < w->out.len && poll(&p, 1, 0) == 1) {
        size_t left = w->out.len - w->out_at;
        ssize_t n = write(STDOUT_FILENO, w->out.data + w->out_at,
                          left < OUT_STEP_BYTES ? left : OUT_STEP_BYTES);

        if (n < 0 && errno != EINTR)
            w->out.failed = true;
        w->out_at += n > 0 ? (size_t)n : 0;
    }
    if (w->out.failed) {
        text_copy(w->reason, sizeof w->reason, "cannot write what there is to show");
        w->out_at = w->out.len;
        w->stopped = true;
    }
}

static bool out_is_pending(const struct watch *w)
{
    return w->out_at < w->out.len;
}

/* Cursor up to the first line of the table, and erase what a longer line left behind. */
static void text_show(struct watch *w)
{
    STRBUF text;

    strbuf_init(&text, WATCH_OUTPUT_BYTES_MAX);
    if (!w->redraws) {
        watch_text(&w->state, &w->out);
        strbuf_addc(&w->out, '\n');
        return;
    }
    strbuf_adds(&w->out, w->lines ? "" : "\033[?25l");
    if (w->lines)
        strbuf_addf(&w->out, "\033[%zuA\r", w->lines);
    w->lines = watch_text(&w->state, &text);
    for (char *line = text.data; *line;) {
        size_t n = strcspn(line, "\n");

        strbuf_add(&w->out, line, n);
        strbuf_adds(&w->out, "\033[K\n");
        line += n + (line[n] == '\n');
    }
    strbuf_adds(&w->out, "\033[J");
}

static void sample_write(struct watch *w)
{
    if (out_is_pending(w)) {
        w->unshown_count++;
        return;
    }
    strbuf_reset(&w->out);
    w->out_at = 0;
    switch (w->o->format) {
    case WATCH_TEXT:
        text_show(w);
        break;
    case WATCH_JSON:
        watch_json(&w->state, NULL, &w->out);
        break;
    case WATCH_PROMETHEUS:
        watch_prometheus(&w->state, w->state.taken_at_ms, &w->out);
        break;
    case WATCH_NOTHING:
        return;
    }
    out_write(w);
}

static void sample_show(struct watch *w)
{
    w->state.taken_at_ms = clock_now_ms(w->clock);
    sample_write(w);
    watch_reporter_offer(&w->reporter, &w->state, mono(w));
    w->shown_count++;
    if (w->o->count && w->shown_count >= w->o->count)
        w->stopped = true;
}

static void body_write(struct strbuf *out, void *ctx)
{
    const struct watch *w = ctx;

    watch_prometheus(&w->state, clock_now_ms(w->clock), out);
}

/* --- asking ------------------------------------------------------------------------------- */

static void children_reap(struct watch *w)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == w->sampler.child.pid) {
            w->sampler.child.pid = 0;
            w->sampler.child.status = status;
        } else if (pid == w->reporter.child.pid) {
            w->reporter.child.pid = 0;
        } else if (w->lingering) {
            w->lingering--;
        }
    }
}

static void all_trouble(struct watch *w, const char *why)
{
    for (size_t i = 0; i < w->state.gpu_count; i++) {
        if (why)
            watch_gpu_trouble(&w->state.gpus[i], why);
        else
            watch_gpu_silent(&w->state.gpus[i]);
    }
}

static void sampler_stop(struct watch *w)
{
    children_reap(w);
    w->lingering += w->sampler.child.pid != 0;
    watch_sampler_end(&w->sampler);
    w->running = w->ready = false;
    w->asked_at_ms = 0;
    w->state.restarts++;
}

/* The process ended, or the driver refused to start: nothing to ask for a while. */
static void sampler_lost(struct watch *w, const char *why)
{
    char text[TEXT_BYTES_MAX];

    children_reap(w);
    text_copy(text, sizeof text, why);
    if (!why[0])
        gpu_child_end(&w->sampler.child, text, sizeof text);
    sampler_stop(w);
    all_trouble(w, text);
    w->again_at_ms = mono(w) + WATCH_AGAIN_MS;
    if (!w->ever_ready) {
        text_copy(w->reason, sizeof w->reason, text);
        w->stopped = true;
    } else {
        note(text);
        sample_show(w);
    }
}

/* It hangs: in the driver's start, or over one GPU, which is left alone while the others go on. */
static void sampler_given_up(struct watch *w)
{
    uint64_t late = w->asked & ~w->told;
    char text[TEXT_BYTES_MAX];
    int gpu;

    if (!w->ready || !late) {
        sampler_lost(w, "the driver does not answer");
        return;
    }
    gpu = __builtin_ctzll(late); /* they are asked in this order */
    sampler_stop(w);
    watch_gpu_silent(&w->state.gpus[gpu]);
    w->skip_until_ms[gpu] = mono(w) + WATCH_AGAIN_MS;
    snprintf(text, sizeof text, "GPU %d does not answer; asking it again in %d s", gpu,
             WATCH_AGAIN_MS / 1000);
    note(text);
}

static struct watch_question question_make(const struct watch *w)
{
    struct watch_question q = {.gpus = UINT64_MAX};

    if (!w->ever_ready)
        return q;
    q.gpus = 0;
    for (size_t i = 0; i < w->state.gpu_count; i++) {
        if (w->skip_until_ms[i] > mono(w))
            continue;
        q.gpus |= 1ULL << i;
        if (watch_gpu_wants_pcie(&w->state.gpus[i]))
            q.pcie |= 1ULL << i;
    }
    return q;
}

static void round_start(struct watch *w)
{
    struct watch_question q = question_make(w);
    struct err e;

    if (!w->running) {
        if (mono(w) < w->again_at_ms || w->lingering > LINGERING_MAX) {
            sample_show(w);
            return;
        }
        if (watch_sampler_start(&w->sampler, &e)) {
            note(e.msg);
            w->again_at_ms = mono(w) + WATCH_AGAIN_MS;
            return;
        }
        w->running = true;
    }
    if (!watch_sampler_ask(&w->sampler, &q)) {
        sampler_lost(w, "");
        return;
    }
    w->asked = q.gpus;
    w->told = 0;
    w->asked_at_ms = mono(w);
}

/* A round that is still open when the next is due: say who is late, and after a while act. */
static void round_late(struct watch *w)
{
    if (mono(w) - w->asked_at_ms >= WATCH_SILENCE_MS) {
        sampler_given_up(w);
        if (!w->stopped)
            round_start(w);
        return;
    }
    if (!w->ready)
        return;
    for (size_t i = 0; i < w->state.gpu_count; i++) {
        if ((w->asked & ~w->told) >> i & 1)
            watch_gpu_silent(&w->state.gpus[i]);
    }
    sample_show(w);
}

/* --- hearing ------------------------------------------------------------------------------ */

static void reading_take(struct watch *w, const struct watch_record *r)
{
    struct watch_gpu *g = &w->state.gpus[r->gpu];

    w->told |= 1ULL << r->gpu;
    if (r->as.reading.code != NVML_OK) {
        if (g->answered || !g->trouble[0])
            watch_gpu_trouble(g, nvml_code_text(r->as.reading.code));
        return;
    }
    watch_gpu_take(g, &r->as.reading.telemetry, &r->as.reading.pcie, r->as.reading.read_at_ms);
    g->heard_at_ms = clock_now_ms(w->clock);
}

static void ready_take(struct watch *w, const struct watch_record *r)
{
    w->state.gpu_count = (size_t)r->as.ready.count;
    text_copy(w->state.driver_version, sizeof w->state.driver_version, r->as.ready.version);
    w->asked &= w->state.gpu_count == 64 ? UINT64_MAX : (1ULL << w->state.gpu_count) - 1;
    if (!w->state.gpu_count) {
        text_copy(w->reason, sizeof w->reason, "the driver lists no GPU");
        w->stopped = !w->ever_ready;
    }
    w->ready = w->ever_ready = true;
}

static bool any_gone(const struct watch *w)
{
    for (size_t i = 0; i < w->state.gpu_count; i++)
        if (!w->state.gpus[i].answered && w->skip_until_ms[i] <= mono(w))
            return true;
    return false;
}

/* A GPU that is lost stays so for this process of the driver, even after a reset. */
static void round_end(struct watch *w)
{
    w->asked_at_ms = 0;
    sample_show(w);
    if (!any_gone(w)) {
        w->again_at_ms = 0;
    } else if (!w->again_at_ms) {
        w->again_at_ms = mono(w) + WATCH_AGAIN_MS;
    } else if (mono(w) >= w->again_at_ms && !w->stopped) {
        sampler_stop(w);
        w->again_at_ms = 0;
    }
}

static void record_take(struct watch *w, const struct watch_record *r)
{
    struct watch_gpu *g = &w->state.gpus[r->gpu];

    switch ((enum watch_record_kind)r->kind) {
    case WATCH_FAILED:
        sampler_lost(w, r->as.reason);
        break;
    case WATCH_READY:
        ready_take(w, r);
        break;
    case WATCH_IDENTITY:
        text_copy(g->uuid, sizeof g->uuid, r->as.identity.uuid);
        text_copy(g->model, sizeof g->model, r->as.identity.model);
        text_copy(g->pci, sizeof g->pci, r->as.identity.pci);
        break;
    case WATCH_READING:
        reading_take(w, r);
        break;
    case WATCH_ROUND:
        round_end(w);
        break;
    }
}

static void sampler_hear(struct watch *w)
{
    struct watch_record r;
    bool alive = watch_sampler_hear(&w->sampler);

    while (w->running && !w->stopped && watch_sampler_next(&w->sampler, &r))
        record_take(w, &r);
    if (!alive && w->running)
        sampler_lost(w, "");
}

static void reporter_hear(struct watch *w)
{
    char text[TEXT_BYTES_MAX * 2];
    ssize_t n = read(w->reporter.child.fd, text, sizeof text - 1);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        text[n] = '\0';
        note(text);
        return;
    }
    note("reporting has ended: its process is gone");
    watch_reporter_end(&w->reporter);
}

/* --- the loop ------------------------------------------------------------------------------ */

enum { FD_SIGNAL, FD_OUT, FD_SAMPLER, FD_REPORTER, FD_HTTP, FD_COUNT = FD_HTTP + WATCH_HTTP_FDS };

static void wait_once(struct watch *w, int signals)
{
    struct pollfd fds[FD_COUNT];
    int64_t now_ms = mono(w), wait_ms = w->next_at_ms - now_ms;
    int64_t http_ms = watch_http_poll(&w->http, fds + FD_HTTP, now_ms);

    fds[FD_SIGNAL] = (struct pollfd){.fd = signals, .events = POLLIN};
    fds[FD_OUT] = (struct pollfd){.fd = out_is_pending(w) ? STDOUT_FILENO : -1, .events = POLLOUT};
    fds[FD_SAMPLER] =
        (struct pollfd){.fd = w->running ? w->sampler.child.fd : -1, .events = POLLIN};
    fds[FD_REPORTER] =
        (struct pollfd){.fd = w->reporter.fd >= 0 ? w->reporter.child.fd : -1, .events = POLLIN};
    if (http_ms >= 0 && http_ms < wait_ms)
        wait_ms = http_ms;
    if (poll(fds, FD_COUNT, wait_ms > 0 ? (int)wait_ms : 0) < 0)
        return;
    if (fds[FD_SIGNAL].revents) {
        w->stopped = true;
        return;
    }
    if (fds[FD_OUT].revents)
        out_write(w);
    if (fds[FD_SAMPLER].revents)
        sampler_hear(w);
    if (fds[FD_REPORTER].revents)
        reporter_hear(w);
    watch_http_serve(&w->http, fds + FD_HTTP, mono(w));
}

static void loop(struct watch *w, int signals)
{
    w->next_at_ms = mono(w);
    while (!w->stopped) {
        int64_t now_ms = mono(w);

        if (now_ms >= w->next_at_ms) {
            children_reap(w);
            /* In step with the first tick, without making up for those that were missed. */
            w->next_at_ms += ((now_ms - w->next_at_ms) / w->o->every_ms + 1) * w->o->every_ms;
            if (w->asked_at_ms)
                round_late(w);
            else
                round_start(w);
        }
        if (!w->stopped)
            wait_once(w, signals);
    }
}

/* The last sample belongs to what was asked for: wait for its reader, unless told to stop. */
static void out_finish(struct watch *w, int signals)
{
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                            {.fd = STDOUT_FILENO, .events = POLLOUT}};
    char text[TEXT_BYTES_MAX];

    while (out_is_pending(w) && poll(fds, 2, -1) >= 0 && !fds[0].revents)
        out_write(w);
    if (w->unshown_count) {
        snprintf(text, sizeof text, "%lld sample%s not shown: what reads them is too slow",
                 (long long)w->unshown_count, w->unshown_count == 1 ? " was" : "s were");
        note(text);
    }
}

static bool any_answered(const struct watch *w)
{
    for (size_t i = 0; i < w->state.gpu_count; i++)
        if (w->state.gpus[i].answered)
            return true;
    return false;
}

static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT); /* a terminal's, too: the cursor is hidden */
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool terminal_redraws(const struct watch_options *o)
{
    const char *term = getenv("TERM");

    return o->format == WATCH_TEXT && isatty(STDOUT_FILENO) && term && term[0] &&
           strcmp(term, "dumb") != 0;
}

static enum err_code parts_open(struct watch *w, struct err *e)
{
    const struct watch_options *o = w->o;
    enum err_code rc = ERR_OK;

    if (o->report)
        rc = watch_reporter_start(&w->reporter, o, e);
    if (!rc && o->listen)
        rc = watch_http_open(&w->http, o->listen, o->listen_any, body_write, w, e);
    if (!rc && o->listen)
        fprintf(stderr, "hourglass-gpu: metrics at %s\n", w->http.where);
    return rc;
}

static int verdict(const struct watch *w)
{
    if (w->reason[0]) {
        note(w->reason);
        return GPU_EXIT_INCONCLUSIVE;
    }
    return any_answered(w) ? GPU_EXIT_HEALTHY : GPU_EXIT_INCONCLUSIVE;
}

int watch_run(const struct watch_options *o)
{
    static struct watch w; /* its size is no stack's */
    int signals = signals_open(), code;
    struct err e;

    w = (struct watch){.o = o, .clock = o->gpu.clock, .http.fd = -1, .reporter.fd = -1};
    w.sampler.options = o->gpu;
    w.redraws = terminal_redraws(o);
    strbuf_init(&w.out, WATCH_OUTPUT_BYTES_MAX);
    if (gethostname(w.state.host, sizeof w.state.host - 1) != 0 || !w.state.host[0])
        text_copy(w.state.host, sizeof w.state.host, "unknown");
    if (parts_open(&w, &e)) {
        note(e.msg);
        code = e.code == ERR_INVALID || e.code == ERR_FORBIDDEN ? GPU_EXIT_USAGE
                                                                : GPU_EXIT_INCONCLUSIVE;
    } else {
        loop(&w, signals);
        out_finish(&w, signals);
        code = verdict(&w);
    }
    if (w.redraws && w.lines && write(STDOUT_FILENO, "\033[?25h", 6) < 0)
        code = GPU_EXIT_INCONCLUSIVE;
    if (w.running)
        watch_sampler_end(&w.sampler);
    watch_reporter_end(&w.reporter);
    watch_http_close(&w.http);
    strbuf_release(&w.out);
    close(signals);
    return code;
}

int watch_main(int argc, char **argv)
{
    struct watch_options o;
    bool help;
    struct err e;
    STRBUF text;

    strbuf_init(&text, WATCH_OUTPUT_BYTES_MAX);
    if (watch_command_read(argc, argv, &o, &help, &e)) {
        fprintf(stderr, "hourglass-gpu: %s\nTry 'hourglass-gpu watch --help'.\n", e.msg);
        return GPU_EXIT_USAGE;
    }
    if (!help)
        return watch_run(&o);
    watch_help_text(&text);
    return fputs(text.data, stdout) >= 0 && fflush(stdout) == 0 ? GPU_EXIT_HEALTHY
                                                                : GPU_EXIT_INCONCLUSIVE;
}
