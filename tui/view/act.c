/* The form of an act: typed into, explained, sent, and closed when it is done. */
#include "tui/view/act.h"

#include <stdio.h>
#include <string.h>

#include "core/id.h"
#include "core/text.h"
#include "tui/view/money.h"
#include "tui/view/typing.h"

struct act_state {
    struct view *view;
    struct act_request request;
    struct form form;
    struct err err;     /* of the last try; code 0: none */
    struct strbuf sent; /* the last body, and the key it went with: see act_send() */
    char key[ID_MAX];
    int call;
    int scroll;
};

static void act_answered(void *ctx, const struct reply *r)
{
    struct act_state *s = ctx;
    struct console *console = s->view->console;

    s->call = 0;
    feed_heard(console_feed(console), r);
    if (r->rc) {
        s->err = *r->err;
        console_say_error(console, s->request.doing, r);
        if (r->status) /* an answer uses its key up */
            strbuf_reset(&s->sent);
        return;
    }
    console_say(console, STYLE_GOOD, "%s: asked for", s->request.doing);
    console_back(console); /* closes this view: s is gone */
    feed_refresh(console_feed(console));
}

static void act_send(struct act_state *s)
{
    struct feed *f = console_feed(s->view->console);
    STRBUF body = {0};

    strbuf_init(&body, HTTP_BODY_BYTES_MAX);
    err_clear(&s->err);
    if (s->request.kind->body(&s->form, &body, &s->err)) {
        console_say(s->view->console, STYLE_BAD, "nothing was asked for: %s", s->err.msg);
        return;
    }
    /* A body that got no answer goes again with its key, so that it cannot be done twice. */
    if (s->sent.len == 0 || strcmp(s->sent.data, body.data) != 0)
        id_new(ID_REQUEST, console_clock(s->view->console), s->key);
    strbuf_reset(&s->sent);
    strbuf_add(&s->sent, body.data, body.len);
    s->call = feed_send(f, "POST", s->request.path, body.data, s->key, act_answered, s);
}

bool act_ask(struct view *v, struct act_request *r, const char *verb, const char *name,
             const struct action *actions, size_t action_count)
{
    const struct action *offered = action_find(actions, action_count, verb);

    if (console_refuses(v->console))
        return true;
    if (!name)
        console_say(v->console, STYLE_WARN, "nothing is selected");
    else if (!offered || !offered->available)
        console_say(v->console, STYLE_WARN, "cannot %s %s: %s", verb, name,
                    offered ? offered->reason : "the server does not offer it");
    if (!name || !offered || !offered->available)
        return true;
    snprintf(r->doing, sizeof r->doing, "%s %s", verb, name);
    console_open(v->console, &view_act, r);
    return true;
}

/* --- the view --------------------------------------------------------------------------------- */

static void act_open(struct view *v, const void *argument)
{
    struct act_state *s = v->state;

    s->view = v;
    s->request = *(const struct act_request *)argument;
    strbuf_init(&s->sent, HTTP_BODY_BYTES_MAX);
    s->request.kind->fields(&s->form);
}

static void act_close(struct view *v)
{
    struct act_state *s = v->state;

    feed_cancel(console_feed(v->console), s->call);
    strbuf_release(&s->sent);
}

static void act_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct act_state *s = ctx;

    UNUSED(now_ms);
    if (s->call)
        pen_text(p, STYLE_WARN, "asking for it");
    if (s->err.code)
        pen_text(p, STYLE_BAD, s->err.msg);
    s->request.kind->lines(&s->form, p);
}

static void act_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct act_state *s = v->state;
    struct canvas below;
    int row = form_head_draw(&s->form, c, "%s? Enter does it, Esc does nothing", s->request.doing);

    below = canvas_part(c, row, 0, c->rows - row, c->cols);
    details_draw(act_lines, s, &below, s->scroll, now_ms);
}

static bool act_act(struct view *v, enum key_action a)
{
    struct act_state *s = v->state;
    enum line_op op;

    if (s->call)
        return true; /* on its way: neither changed nor left */
    if (a == ACT_ACCEPT)
        act_send(s);
    else if (a == ACT_DISMISS)
        console_back(v->console);
    else if (a == ACT_COMPLETE || a == ACT_FIELD_DOWN)
        form_move(&s->form, 1);
    else if (a == ACT_FIELD_UP)
        form_move(&s->form, -1);
    else if (line_op_of(a, &op))
        form_edit(&s->form, op);
    else
        return details_act(act_lines, s, v->rows - form_head_rows(&s->form, v->rows), v->cols,
                           &s->scroll, 0, a);
    return true;
}

static void act_type(struct view *v, uint32_t code_point)
{
    struct act_state *s = v->state;

    if (!s->call)
        form_type(&s->form, code_point);
}

const struct view_ops view_act = {
    .name = "act",
    .help = "What will happen, and the word for it",
    .state_size = sizeof(struct act_state),
    .typing = true,
    .open = act_open,
    .close = act_close,
    .draw = act_draw,
    .act = act_act,
    .type = act_type,
};
