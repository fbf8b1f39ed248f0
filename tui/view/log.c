/* The output of a job, followed live: bounded lines, search, wrap, sideways. Following stops when
 * one scrolls up, and only then. */
#include "tui/view/view.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "model/job.h"
#include "tui/screen/text.h"
#include "tui/view/ring.h"

#define SIDE_STEP 20

struct log_state {
    struct view *view;
    char id[ID_MAX], name[NAME_BYTES_MAX];
    struct ring ring;
    int stream;
    bool ended;
    bool was_away;          /* the link was lost while it was followed */
    char note[ERR_MSG_MAX]; /* why nothing comes; "" when all is well */
    int64_t received;       /* bytes of the log that are in the ring or were */
    int64_t missed;         /* bytes that never came */
    int64_t skipped;        /* bytes at the start that were not asked for */
    bool follow, wrap;
    int64_t top; /* first line shown, counted from the first line ever; when not following */
    int side;    /* cells hidden on the left */
    char search[FILTER_BYTES_MAX];
    int64_t match; /* line of the last match; -1 none */
};

/* --- the stream ------------------------------------------------------------------------------- */

static void bytes_take(struct log_state *s, int64_t offset, const char *bytes, size_t len)
{
    int64_t known = s->received - offset;

    if (known < 0) {
        s->missed -= known;
        known = 0;
    }
    if (known >= (int64_t)len)
        return; /* sent again after a reconnection */
    if (ring_add(&s->ring, bytes + known, len - (size_t)known, NULL))
        s->missed += (int64_t)len - known;
    s->received = offset + (int64_t)len;
}

static void log_event(void *ctx, const char *id, const char *type, const char *data, size_t len)
{
    struct log_state *s = ctx;
    struct log_event ev = {0};
    size_t b64_len, got = 0;
    unsigned char *bytes;

    UNUSED(id);
    console_feed(s->view->console)->changed = true;
    if (strcmp(type, "end") == 0 || answer_decode(data, len, &log_event_shape, &ev, NULL))
        return;
    b64_len = ev.b64 ? strlen(ev.b64) : 0;
    bytes = malloc(b64_len + 1);
    if (bytes && ev.offset >= 0 &&
        sodium_base642bin(bytes, b64_len + 1, ev.b64 ? ev.b64 : "", b64_len, NULL, &got, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0)
        bytes_take(s, ev.offset, (const char *)bytes, got);
    free(bytes);
    shape_release(&log_event_shape, &ev);
}

static void log_stream_state(void *ctx, enum stream_state st, const struct err *err,
                             int64_t retry_in_ms)
{
    struct log_state *s = ctx;

    console_feed(s->view->console)->changed = true;
    s->note[0] = '\0';
    if (st == STREAM_ENDED) {
        s->ended = true;
        s->stream = 0;
    }
    if (err && st == STREAM_ENDED)
        text_copy(s->note, sizeof s->note, err->msg);
    else if (err && st == STREAM_WAITING)
        snprintf(s->note, sizeof s->note, "%.240s; next try in %" PRId64 " s", err->msg,
                 retry_in_ms / 1000);
}

static const struct stream_ops log_handlers = {.event = log_event, .state = log_stream_state};

/* From the first byte that is not here yet. */
static void log_ask(struct log_state *s)
{
    STRBUF path = {0};

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    strbuf_addf(&path, "/v1/jobs/%s/log?follow=true", s->id);
    if (s->received)
        strbuf_addf(&path, "&offset=%" PRId64, s->received);
    s->note[0] = '\0';
    s->stream = feed_stream(console_feed(s->view->console), path.data, &log_handlers, s);
}

static void log_open(struct view *v, const void *argument)
{
    const struct job *j = argument;
    struct log_state *s = v->state;

    s->view = v;
    s->follow = true;
    s->match = -1;
    text_copy(s->id, sizeof s->id, j->id);
    text_copy(s->name, sizeof s->name, j->name);
    ring_init(&s->ring, console_is_ascii(v->console));
    /* Of a long log its end is what is wanted, and all that would be kept. */
    if (j->log_bytes > RING_BYTES_MAX)
        s->received = s->skipped = j->log_bytes - RING_BYTES_MAX;
    log_ask(s);
}

/* The stream has a back-off of its own; when the server is back it need not wait for that. */
static int64_t log_tick(struct view *v, int64_t mono_ms)
{
    struct log_state *s = v->state;
    struct feed *f = console_feed(v->console);

    UNUSED(mono_ms);
    if (f->link == LINK_AWAY)
        s->was_away = true;
    if (f->link != LINK_LIVE || !s->was_away)
        return -1;
    s->was_away = false;
    if (s->stream && s->note[0]) {
        feed_cancel(f, s->stream);
        log_ask(s);
    }
    return -1;
}

static void log_close(struct view *v)
{
    struct log_state *s = v->state;

    feed_cancel(console_feed(v->console), s->stream);
    ring_release(&s->ring);
}

/* --- lines ------------------------------------------------------------------------------------ */

static int64_t line_end(const struct log_state *s)
{
    return s->ring.dropped + (int64_t)ring_count(&s->ring);
}

static int page_rows(const struct view *v)
{
    return v->rows > 1 ? v->rows - 1 : 1;
}

/* Rows that a line takes. */
static int line_rows(const struct log_state *s, int64_t line, int cols, struct strbuf *text)
{
    int cells;

    ring_line(&s->ring, (size_t)(line - s->ring.dropped), text);
    if (!s->wrap || cols <= 0)
        return 1;
    cells = text_width(text->data);
    return cells <= cols ? 1 : (cells + cols - 1) / cols;
}

/* The first line of the last page. */
static int64_t last_top(const struct log_state *s, int rows, int cols)
{
    int64_t top = line_end(s);
    STRBUF text = {0};

    strbuf_init(&text, (size_t)8 * RING_LINE_BYTES_MAX);
    while (top > s->ring.dropped) {
        rows -= line_rows(s, top - 1, cols, &text);
        if (rows < 0)
            break;
        top--;
    }
    /* A line that is longer than the page is shown from its start. */
    if (top == line_end(s) && top > s->ring.dropped)
        top--;
    return top;
}

static int64_t top_now(const struct log_state *s, int rows, int cols)
{
    int64_t top = s->top;

    if (s->follow)
        return last_top(s, rows, cols);
    return top < s->ring.dropped ? s->ring.dropped : top;
}

static void draw_line(const struct log_state *s, struct canvas *c, int row, int rows,
                      const struct strbuf *text, bool is_match)
{
    const char *hit = s->search[0] ? strcasestr(text->data, s->search) : NULL;
    STRBUF head = {0};
    int at;

    for (int i = 0; i < rows; i++)
        canvas_slice(c, row + i, 0, c->cols, STYLE_NORMAL, text->data,
                     s->wrap ? i * c->cols : s->side);
    if (!hit)
        return;
    strbuf_init(&head, (size_t)8 * RING_LINE_BYTES_MAX);
    strbuf_add(&head, text->data, (size_t)(hit - text->data));
    at = text_width(head.data) - (s->wrap ? 0 : s->side);
    if (at >= 0 && c->cols > 0)
        canvas_restyle(c, row + (s->wrap ? at / c->cols : 0), s->wrap ? at % c->cols : at,
                       (int)strlen(s->search), is_match ? STYLE_SELECTED : STYLE_STRONG);
}

static void status_line(const struct log_state *s, struct canvas *c)
{
    char size[WHEN_TEXT_MAX];
    STRBUF text = {0};

    strbuf_init(&text, CANVAS_TEXT_MAX);
    strbuf_addf(&text, "%s, %s", s->name, bytes_format(s->received, size));
    if (s->skipped)
        strbuf_addf(&text, ", from %s on", bytes_format(s->skipped, size));
    if (s->ring.dropped)
        strbuf_addf(&text, ", the first %" PRId64 " lines are no longer kept here",
                    s->ring.dropped);
    if (s->missed)
        strbuf_addf(&text, ", %" PRId64 " bytes missing", s->missed);
    if (s->note[0])
        strbuf_addf(&text, ": %s", s->note);
    else
        strbuf_adds(&text, s->ended    ? ", complete"
                           : s->follow ? ", following"
                                       : ", not following (F follows)");
    canvas_text(c, c->rows - 1, 1, c->cols - 1, s->note[0] ? STYLE_WARN : STYLE_DIM, text.data);
}

static void log_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct log_state *s = v->state;
    struct canvas page = canvas_part(c, 0, 0, c->rows - 1, c->cols);
    int64_t line = top_now(s, page.rows, page.cols);
    STRBUF text = {0};

    UNUSED(now_ms);
    strbuf_init(&text, (size_t)8 * RING_LINE_BYTES_MAX);
    for (int row = 0; row < page.rows && line < line_end(s); line++) {
        int rows = line_rows(s, line, page.cols, &text);

        draw_line(s, &page, row, rows, &text, line == s->match);
        row += rows;
    }
    if (line_end(s) == 0)
        canvas_text(&page, 1, 2, page.cols - 2, STYLE_DIM,
                    s->ended ? "it printed nothing" : "nothing was printed yet");
    status_line(s, c);
}

/* --- moving and searching --------------------------------------------------------------------- */

static void move_by(struct view *v, int64_t by)
{
    struct log_state *s = v->state;
    int64_t last = last_top(s, page_rows(v), v->cols);

    s->top = top_now(s, page_rows(v), v->cols) + by;
    if (s->top > last)
        s->top = last;
    if (s->top < s->ring.dropped)
        s->top = s->ring.dropped;
    if (by < 0)
        s->follow = false;
}

static void search(struct view *v, int direction, int64_t from)
{
    struct log_state *s = v->state;
    STRBUF text = {0};

    if (!s->search[0]) {
        console_say(v->console, STYLE_NORMAL, "nothing to search for: / asks");
        return;
    }
    strbuf_init(&text, (size_t)8 * RING_LINE_BYTES_MAX);
    for (int64_t line = from; line >= s->ring.dropped && line < line_end(s); line += direction) {
        ring_line(&s->ring, (size_t)(line - s->ring.dropped), &text);
        if (!strcasestr(text.data, s->search))
            continue;
        s->match = line;
        s->follow = false;
        s->top = line - page_rows(v) / 2;
        move_by(v, 0);
        return;
    }
    console_say(v->console, STYLE_WARN, "no '%s' %s", s->search,
                direction > 0 ? "further down" : "further up");
}

static void search_next(struct view *v, int direction)
{
    struct log_state *s = v->state;
    int64_t top = top_now(s, page_rows(v), v->cols);

    if (s->match < 0)
        search(v, direction, direction > 0 ? top : line_end(s) - 1);
    else
        search(v, direction, s->match + direction);
}

static bool log_toggle(struct log_state *s, enum key_action a)
{
    if (a == ACT_FOLLOW || a == ACT_BOTTOM) {
        s->follow = true;
    } else if (a == ACT_WRAP) {
        s->wrap = !s->wrap;
        s->side = 0;
    } else if (a == ACT_LEFT) {
        s->side = s->side > SIDE_STEP ? s->side - SIDE_STEP : 0;
    } else if (a == ACT_RIGHT) {
        if (!s->wrap && s->side < RING_LINE_BYTES_MAX)
            s->side += SIDE_STEP;
    } else {
        return false;
    }
    return true;
}

static bool log_act(struct view *v, enum key_action a)
{
    struct log_state *s = v->state;

    if (a == ACT_UP || a == ACT_DOWN)
        move_by(v, a == ACT_UP ? -1 : 1);
    else if (a == ACT_PAGE_UP || a == ACT_PAGE_DOWN)
        move_by(v, a == ACT_PAGE_UP ? 1 - page_rows(v) : page_rows(v) - 1);
    else if (a == ACT_TOP)
        move_by(v, -line_end(s));
    else if (a == ACT_NEXT_MATCH || a == ACT_PREVIOUS_MATCH)
        search_next(v, a == ACT_NEXT_MATCH ? 1 : -1);
    else
        return log_toggle(s, a);
    return true;
}

static const char *log_search_text(const struct view *v)
{
    return ((const struct log_state *)v->state)->search;
}

static void log_search(struct view *v, const char *text)
{
    struct log_state *s = v->state;

    text_copy(s->search, sizeof s->search, text);
    s->match = -1;
    if (s->search[0])
        search(v, 1, s->follow ? s->ring.dropped : s->top);
}

static void log_title(const struct view *v, struct strbuf *out)
{
    const struct log_state *s = v->state;

    if (s->search[0])
        strbuf_addf(out, "search '%s', ", s->search);
    strbuf_adds(out, s->ended ? "complete" : s->follow ? "following" : "not following");
}

const struct view_ops view_log = {
    .name = "log",
    .help = "The output of a job, live",
    .state_size = sizeof(struct log_state),
    .searches = true,
    .open = log_open,
    .close = log_close,
    .draw = log_draw,
    .act = log_act,
    .filter_text = log_search_text,
    .filter = log_search,
    .tick = log_tick,
    .title = log_title,
};
