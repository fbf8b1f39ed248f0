/* A job from a file: read, checked here with file:line:column, estimated by the server, asked
 * about, then submitted. */
#include "tui/view/view.h"

#include <stdio.h>
#include <string.h>

#include "core/id.h"
#include "core/text.h"
#include "core/yaml.h"
#include "model/job.h"
#include "tui/screen/form.h"
#include "tui/screen/text.h"
#include "tui/view/money.h"
#include "tui/view/typing.h"

enum submit_step { SUBMIT_TYPING, SUBMIT_ESTIMATING, SUBMIT_ASKING, SUBMIT_SENDING };

struct submit_state {
    struct view *view;
    struct form form;
    enum submit_step step;
    struct yaml_doc *doc;     /* owned; for the places of the server's mistakes */
    struct job_create create; /* owned */
    bool has_estimate;
    struct estimate estimate; /* owned */
    struct err err;
    char request_id[ID_MAX];
    struct strbuf sent; /* the last body, and the key it went with: see submit_yes() */
    char key[ID_MAX];
    int call;
    int scroll; /* of the estimate, or of the mistakes */
};

static void forget(struct submit_state *s)
{
    yaml_doc_free(s->doc);
    s->doc = NULL;
    shape_release(&job_create_shape, &s->create);
    shape_release(&estimate_shape, &s->estimate);
    s->has_estimate = false;
    err_clear(&s->err);
    s->request_id[0] = '\0';
    s->scroll = 0;
}

static enum err_code file_take(struct submit_state *s, struct err *e)
{
    char path[LINE_BYTES_MAX];
    enum err_code rc;

    if (!s->form.fields[0].line.len)
        return err_set(e, ERR_INVALID, "which file? see share/examples for what one looks like");
    rc = yaml_load(path_expand(s->form.fields[0].line.text, path, sizeof path), &s->doc, e);
    if (rc)
        return rc;
    rc = yaml_decode(s->doc, &job_create_shape, &s->create, e);
    if (rc)
        return rc;
    return job_create_check(&s->create, e) ? yaml_locate(s->doc, e) : ERR_OK;
}

static void body_of(const struct submit_state *s, struct strbuf *body)
{
    strbuf_init(body, HTTP_BODY_BYTES_MAX);
    shape_encode(&job_create_shape, &s->create, body);
}

static void answer_failed(struct submit_state *s, const struct reply *r)
{
    s->err = *r->err;
    s->step = SUBMIT_TYPING;
    text_copy(s->request_id, sizeof s->request_id, r->request_id);
    if (s->doc && s->err.detail_count)
        yaml_locate(s->doc, &s->err);
}

static void submit_answered(void *ctx, const struct reply *r)
{
    struct submit_state *s = ctx;
    struct console *console = s->view->console;
    struct job made = {0};
    char what[NAME_BYTES_MAX + 8], id[ID_MAX] = "";

    s->call = 0;
    feed_heard(console_feed(console), r);
    if (r->rc) {
        snprintf(what, sizeof what, "submit %s", s->create.name[0] ? s->create.name : "the job");
        console_say_error(console, what, r);
        answer_failed(s, r);
        if (r->status) /* see launch.c: an answer uses its key up */
            strbuf_reset(&s->sent);
        return;
    }
    if (answer_decode(r->body, r->len, &job_shape, &made, NULL) == ERR_OK)
        console_say(console, STYLE_GOOD, "%s is submitted (%s)", made.name, made.id);
    else
        console_say(console, STYLE_WARN, "submitted, but the answer was not understood");
    text_copy(id, sizeof id, made.id);
    shape_release(&job_shape, &made);
    console_go(console, &view_jobs, id[0] ? id : NULL); /* closes this view: s is gone */
}

static void submit_yes(struct view *v)
{
    struct submit_state *s = v->state;
    STRBUF body = {0};

    if (s->call)
        return;
    body_of(s, &body);
    /* A body that got no answer goes again with its key, so that it cannot run twice. */
    if (s->sent.len == 0 || strcmp(s->sent.data, body.data) != 0)
        id_new(ID_REQUEST, console_clock(v->console), s->key);
    strbuf_reset(&s->sent);
    strbuf_add(&s->sent, body.data, body.len);
    s->step = SUBMIT_SENDING;
    s->call = feed_send(console_feed(v->console), "POST", "/v1/jobs", body.data, s->key,
                        submit_answered, s);
}

static void submit_ask(struct submit_state *s)
{
    struct question q = {.short_word = true, .yes = submit_yes};
    const struct estimate *est = &s->estimate;
    char price[MONEY_TEXT_MAX], hold[MONEY_TEXT_MAX];

    s->step = SUBMIT_ASKING;
    snprintf(q.title, sizeof q.title, "Submit %s?", s->create.name[0] ? s->create.name : "the job");
    if (s->create.instance_id[0])
        snprintf(q.text, sizeof q.text,
                 "It runs on %s, which costs what it costs already; the job adds nothing.",
                 s->create.instance_id);
    else
        snprintf(q.text, sizeof q.text,
                 "An instance %s is launched for it: %s per hour while it runs, at most %s. It "
                 "is deleted with the job.",
                 s->create.offer_id, money_grouped(est->price_per_hour, 6, price),
                 money_grouped(est->cost_to_deadline.micros ? est->cost_to_deadline : est->hold, 6,
                               hold));
    console_ask(s->view->console, s->view, &q);
}

static void estimate_answered(void *ctx, const struct reply *r)
{
    struct submit_state *s = ctx;

    s->call = 0;
    feed_heard(console_feed(s->view->console), r);
    if (r->rc) {
        answer_failed(s, r);
        return;
    }
    s->step = SUBMIT_TYPING;
    if (answer_decode(r->body, r->len, &estimate_shape, &s->estimate, &s->err))
        return;
    s->has_estimate = true;
    if (!s->estimate.accepted) {
        console_say(s->view->console, STYLE_BAD, "it would be refused: %s", s->estimate.refusal);
        return;
    }
    submit_ask(s);
}

static void submit_start(struct view *v)
{
    struct submit_state *s = v->state;
    STRBUF body = {0};

    forget(s);
    if (file_take(s, &s->err)) {
        s->step = SUBMIT_TYPING;
        return;
    }
    body_of(s, &body);
    s->step = SUBMIT_ESTIMATING;
    s->call = feed_send(console_feed(v->console), "POST", "/v1/jobs?dry_run=true", body.data, NULL,
                        estimate_answered, s);
}

/* --- the view --------------------------------------------------------------------------------- */

static void submit_open(struct view *v, const void *argument)
{
    struct submit_state *s = v->state;

    s->view = v;
    strbuf_init(&s->sent, HTTP_BODY_BYTES_MAX);
    form_add(&s->form, "job file", "YAML; Tab completes", false);
    if (!argument)
        return;
    line_set(&s->form.fields[0].line, argument);
    submit_start(v);
}

static void submit_close(struct view *v)
{
    struct submit_state *s = v->state;

    feed_cancel(console_feed(v->console), s->call);
    strbuf_release(&s->sent);
    forget(s);
}

static void error_lines(const struct submit_state *s, struct pen *p)
{
    /* The first mistake is the sentence already. */
    if (s->err.detail_count == 0)
        pen_text(p, STYLE_BAD, s->err.msg);
    for (size_t i = 0; i < s->err.detail_count; i++)
        pen_text(p, STYLE_BAD, s->err.details[i].text);
    if (s->request_id[0])
        pen_value(p, STYLE_DIM, "request", "%s", s->request_id);
}

static void submit_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct submit_state *s = ctx;

    if (s->step == SUBMIT_ESTIMATING)
        pen_text(p, STYLE_DIM, "asking what it would cost");
    if (s->step == SUBMIT_SENDING)
        pen_text(p, STYLE_WARN, "submitting");
    if (s->err.code)
        error_lines(s, p);
    else if (s->has_estimate)
        estimate_lines(&s->estimate, p, now_ms);
    else if (s->step == SUBMIT_TYPING)
        pen_text(p, STYLE_DIM, "Enter reads the file and asks what it would cost.");
}

static void submit_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct submit_state *s = v->state;
    struct canvas below;
    int row = form_head_draw(&s->form, c, "Submit a job from a file");

    below = canvas_part(c, row, 0, c->rows - row, c->cols);
    details_draw(submit_lines, s, &below, s->scroll, now_ms);
}

static bool submit_act(struct view *v, enum key_action a)
{
    struct submit_state *s = v->state;
    enum line_op op;

    if (s->call)
        return true; /* on its way: neither changed nor left */
    if (a == ACT_ACCEPT)
        submit_start(v);
    else if (a == ACT_DISMISS)
        console_back(v->console);
    else if (a == ACT_COMPLETE)
        path_complete(&s->form.fields[0].line);
    else if (line_op_of(a, &op))
        form_edit(&s->form, op);
    else
        return details_act(submit_lines, s, v->rows - form_head_rows(&s->form, v->rows), v->cols,
                           &s->scroll, clock_now_ms(console_clock(v->console)), a);
    return true;
}

static void submit_type(struct view *v, uint32_t code_point)
{
    struct submit_state *s = v->state;

    if (!s->call)
        form_type(&s->form, code_point);
}

const struct view_ops view_submit = {
    .name = "submit",
    .help = "Submit a job from a file",
    .state_size = sizeof(struct submit_state),
    .typing = true,
    .completes = true,
    .open = submit_open,
    .close = submit_close,
    .draw = submit_draw,
    .act = submit_act,
    .type = submit_type,
};
