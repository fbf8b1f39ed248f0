/* The form of a launch: its estimate follows what is typed, from the same request body that
 * launches. Nothing is launched without an answer to a question that says the price. */
#include "tui/view/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/id.h"
#include "core/text.h"
#include "model/catalogue.h"
#include "model/instance.h"
#include "tui/screen/form.h"
#include "tui/screen/text.h"
#include "tui/view/money.h"
#include "tui/view/typing.h"

#define ESTIMATE_AFTER_MS 250 /* of the last key: not one question per letter */

static const char asking[] = "asking what it would cost";

enum launch_field { FIELD_NAME, FIELD_STOP_AFTER, FIELD_NETWORK, FIELD_SSH_KEY };

struct launch_state {
    struct view *view;
    struct offer offer;
    struct form form;
    struct instance_create create; /* what the form says, once it is understood */
    bool has_estimate, is_current; /* the estimate is for what the form says now */
    bool asks_when_known;          /* Enter was pressed before the price was there */
    struct estimate estimate;      /* owned */
    struct err err;                /* of the form or of the last answer */
    char request_id[ID_MAX];
    int estimate_call, launch_call;
    int64_t estimate_due_mono_ms; /* -1: not wanted */
    char key[ID_MAX];             /* idempotency key of what the form says now */
    int scroll;                   /* of the estimate */
};

/* --- the form --------------------------------------------------------------------------------- */

static enum err_code ssh_key_read(const char *path, char *out, size_t size, struct err *e)
{
    char full[LINE_BYTES_MAX];
    STRBUF text = {0};
    enum err_code rc;

    if (!path[0])
        return ERR_OK;
    strbuf_init(&text, size - 1);
    rc = file_read(path_expand(path, full, sizeof full), &text, e);
    if (rc)
        return err_wrap(e, rc, "SSH key");
    text.data[strcspn(text.data, "\r\n")] = '\0';
    text_copy(out, size, text.data);
    return ERR_OK;
}

static enum err_code form_read(struct launch_state *s, struct err *e)
{
    struct instance_create c = {.network = s->form.fields[FIELD_NETWORK].on};
    const char *stop_after = s->form.fields[FIELD_STOP_AFTER].line.text;
    enum err_code rc;

    text_copy(c.offer_id, sizeof c.offer_id, s->offer.id);
    text_copy(c.name, sizeof c.name, s->form.fields[FIELD_NAME].line.text);
    if (stop_after[0]) {
        rc = duration_parse(stop_after, &c.stop_after_seconds, e);
        if (rc)
            return err_wrap(e, rc, "stop after");
    }
    rc = ssh_key_read(s->form.fields[FIELD_SSH_KEY].line.text, c.ssh_public_key,
                      sizeof c.ssh_public_key, e);
    if (rc)
        return rc;
    s->create = c;
    return ERR_OK;
}

static void form_changed(struct launch_state *s)
{
    struct clock *clock = console_clock(s->view->console);

    s->is_current = s->asks_when_known = false;
    s->scroll = 0;
    s->estimate_due_mono_ms = clock_mono_ms(clock) + ESTIMATE_AFTER_MS;
    id_new(ID_REQUEST, clock, s->key);
}

/* --- the estimate ----------------------------------------------------------------------------- */

static void launch_ask(struct launch_state *s);

/* Enter was pressed, and there will be no price for it. */
static void estimate_failed(struct launch_state *s)
{
    if (s->asks_when_known)
        console_say(s->view->console, STYLE_BAD, "nothing was asked for: %s", s->err.msg);
    s->asks_when_known = false;
}

static void estimate_answered(void *ctx, const struct reply *r)
{
    struct launch_state *s = ctx;
    struct estimate fresh = {0};

    s->estimate_call = 0;
    feed_heard(console_feed(s->view->console), r);
    text_copy(s->request_id, sizeof s->request_id, r->request_id);
    if (r->rc)
        s->err = *r->err;
    if (r->rc || answer_decode(r->body, r->len, &estimate_shape, &fresh, &s->err)) {
        estimate_failed(s);
        return;
    }
    err_clear(&s->err);
    shape_release(&estimate_shape, &s->estimate);
    s->estimate = fresh;
    s->has_estimate = true;
    s->is_current = s->estimate_due_mono_ms < 0;
    if (s->is_current && s->asks_when_known)
        launch_ask(s);
}

static void estimate_send(struct launch_state *s)
{
    struct feed *f = console_feed(s->view->console);
    STRBUF body = {0};

    s->estimate_due_mono_ms = -1;
    feed_cancel(f, s->estimate_call);
    s->estimate_call = 0;
    err_clear(&s->err);
    s->request_id[0] = '\0';
    if (form_read(s, &s->err)) {
        estimate_failed(s);
        return;
    }
    strbuf_init(&body, HTTP_BODY_BYTES_MAX);
    shape_encode(&instance_create_shape, &s->create, &body);
    s->estimate_call =
        feed_send(f, "POST", "/v1/instances?dry_run=true", body.data, NULL, estimate_answered, s);
}

static int64_t launch_tick(struct view *v, int64_t mono_ms)
{
    struct launch_state *s = v->state;

    if (s->estimate_due_mono_ms < 0)
        return -1;
    if (s->estimate_due_mono_ms > mono_ms)
        return s->estimate_due_mono_ms - mono_ms;
    estimate_send(s);
    return -1;
}

/* --- the launch ------------------------------------------------------------------------------- */

static void launch_failed(struct launch_state *s, const struct reply *r)
{
    struct console *console = s->view->console;
    char what[NAME_BYTES_MAX + 8];

    snprintf(what, sizeof what, "launch %s", s->create.name[0] ? s->create.name : s->offer.name);
    console_say_error(console, what, r);
    s->err = *r->err;
    text_copy(s->request_id, sizeof s->request_id, r->request_id);
    /* Without an answer the same key asks again for the same launch; an answer to it is
     * kept by the server, so another try needs another key, and what it costs may be new. */
    if (r->status) {
        id_new(ID_REQUEST, console_clock(console), s->key);
        s->is_current = false;
    }
}

static void launch_answered(void *ctx, const struct reply *r)
{
    struct launch_state *s = ctx;
    struct console *console = s->view->console;
    struct instance made = {0};
    char id[ID_MAX] = "";

    s->launch_call = 0;
    feed_heard(console_feed(console), r);
    if (r->rc) {
        launch_failed(s, r);
        return;
    }
    if (answer_decode(r->body, r->len, &instance_shape, &made, NULL) == ERR_OK)
        console_say(console, STYLE_GOOD, "%s is asked for (%s)", made.name, made.id);
    else
        console_say(console, STYLE_WARN, "launched, but the answer was not understood");
    text_copy(id, sizeof id, made.id);
    shape_release(&instance_shape, &made);
    console_go(console, &view_instances, id[0] ? id : NULL); /* closes this view: s is gone */
}

static void launch_yes(struct view *v)
{
    struct launch_state *s = v->state;
    STRBUF body = {0};

    if (s->launch_call)
        return;
    strbuf_init(&body, HTTP_BODY_BYTES_MAX);
    /* The price that was said yes to, not one that rose meanwhile. */
    s->create.price_max = s->estimate.price_per_hour;
    shape_encode(&instance_create_shape, &s->create, &body);
    s->launch_call = feed_send(console_feed(v->console), "POST", "/v1/instances", body.data, s->key,
                               launch_answered, s);
}

static void launch_ask(struct launch_state *s)
{
    struct console *console = s->view->console;
    struct question q = {.short_word = true, .yes = launch_yes};
    char price[MONEY_TEXT_MAX], hold[MONEY_TEXT_MAX], left[DURATION_TEXT_MAX] = "";

    s->asks_when_known = false;
    if (!s->estimate.accepted) {
        console_say(console, STYLE_BAD, "it would be refused: %s", s->estimate.refusal);
        return;
    }
    if (s->create.stop_after_seconds)
        duration_format(s->create.stop_after_seconds, left);
    snprintf(q.title, sizeof q.title, "Launch %s?", s->offer.name);
    snprintf(q.text, sizeof q.text,
             "%s per hour, by the second, from the moment its health check has passed%s%s. %s are "
             "set aside now.",
             money_grouped(s->estimate.price_per_hour, 6, price),
             left[0] ? "; it is stopped after " : "", left,
             money_grouped(s->estimate.hold, 6, hold));
    console_ask(console, s->view, &q);
}

/* Enter: asks, now or when the price is there. One that cannot be had is asked for once more. */
static void launch_enter(struct launch_state *s)
{
    struct console *console = s->view->console;

    if (console_refuses(console))
        return;
    if (s->is_current) {
        launch_ask(s);
        return;
    }
    s->asks_when_known = true;
    console_say(console, STYLE_NORMAL, "a moment: the question comes with the price");
    if (s->estimate_due_mono_ms >= 0 || !s->estimate_call)
        estimate_send(s);
}

/* --- the view --------------------------------------------------------------------------------- */

static void launch_open(struct view *v, const void *argument)
{
    struct launch_state *s = v->state;

    s->view = v;
    s->offer = *(const struct offer *)argument;
    form_add(&s->form, "name", "made from the offer when empty", false)->line.len_max =
        NAME_BYTES_MAX - 1;
    form_add(&s->form, "stop after", "2h, 30m; empty: never", false)->line.len_max = 20;
    form_add(&s->form, "network", "Space turns it", true);
    form_add(&s->form, "SSH key file", "empty: nobody logs in", false);
    form_changed(s);
    s->estimate_due_mono_ms = 0;
}

static void launch_close(struct view *v)
{
    struct launch_state *s = v->state;

    feed_cancel(console_feed(v->console), s->estimate_call);
    feed_cancel(console_feed(v->console), s->launch_call);
    shape_release(&estimate_shape, &s->estimate);
}

/* What is known about the price, below the form. */
static void launch_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct launch_state *s = ctx;

    if (s->launch_call)
        pen_text(p, STYLE_WARN, "launching");
    else if (!s->has_estimate && !s->err.code)
        pen_text(p, STYLE_DIM, asking);
    if (s->has_estimate && !s->err.code)
        estimate_lines(&s->estimate, p, now_ms);
    if (!s->err.code)
        return;
    pen_text(p, STYLE_BAD, s->err.msg);
    for (size_t i = 0; i < s->err.detail_count; i++)
        pen_value(p, STYLE_BAD, s->err.details[i].pointer, "%s", s->err.details[i].text);
    if (s->request_id[0])
        pen_value(p, STYLE_DIM, "request", "%s", s->request_id);
}

static void launch_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct launch_state *s = v->state;
    struct canvas below;
    int row = form_head_draw(&s->form, c, "Launch %s in %s", s->offer.name, s->offer.zone);

    /* Beside the title, so that the figures below stay where they are. */
    if (s->has_estimate && !s->is_current && !s->err.code && row > (int)s->form.count)
        canvas_right(c, 0, 1, c->cols - 2, STYLE_DIM, asking);
    below = canvas_part(c, row, 0, c->rows - row, c->cols);
    details_draw(launch_lines, s, &below, s->scroll, now_ms);
}

static bool launch_act(struct view *v, enum key_action a)
{
    struct launch_state *s = v->state;
    enum line_op op;

    if (s->launch_call)
        return true; /* on its way: neither changed nor left */
    if (a == ACT_ACCEPT)
        launch_enter(s);
    else if (a == ACT_DISMISS)
        console_back(v->console);
    else if (a == ACT_COMPLETE || a == ACT_FIELD_DOWN)
        form_move(&s->form, 1);
    else if (a == ACT_FIELD_UP)
        form_move(&s->form, -1);
    else if (!line_op_of(a, &op))
        return details_act(launch_lines, s, v->rows - form_head_rows(&s->form, v->rows), v->cols,
                           &s->scroll, clock_now_ms(console_clock(v->console)), a);
    else if (form_edit(&s->form, op))
        form_changed(s);
    return true;
}

static void launch_type(struct view *v, uint32_t code_point)
{
    struct launch_state *s = v->state;

    if (!s->launch_call && form_type(&s->form, code_point))
        form_changed(s);
}

const struct view_ops view_launch = {
    .name = "launch",
    .help = "What a launch would cost, and the launch",
    .state_size = sizeof(struct launch_state),
    .typing = true,
    .open = launch_open,
    .close = launch_close,
    .draw = launch_draw,
    .act = launch_act,
    .type = launch_type,
    .tick = launch_tick,
};
