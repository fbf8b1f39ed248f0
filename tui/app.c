/* The console: its views, its keys and its loop. What is drawn around a view is in frame.c, the
 * ':' prompt in command.c. */
#include "tui/app_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tui/script.h"
#include "tui/view/typing.h"

#define FRAME_MS_MIN 100  /* between frames that no key asked for */
#define KEYS_MAX     4096 /* of one turn */

static const struct view_ops *const root_list[] = {
#define VIEW(name) &view_##name,
#include "tui/view/views.def.h"
#undef VIEW
};

/* --- for views -------------------------------------------------------------------------------- */

struct feed *console_feed(struct console *c)
{
    return &c->feed;
}

struct clock *console_clock(struct console *c)
{
    return c->clock;
}

bool console_is_ascii(const struct console *c)
{
    return c->screen->ascii;
}

void console_say(struct console *c, enum style style, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c->message, sizeof c->message, fmt, ap);
    va_end(ap);
    c->message_style = style;
    c->feed.changed = true;
}

void console_say_error(struct console *c, const char *what, const struct reply *r)
{
    const struct err *e = r->err;
    bool has_detail = e->detail_count > 0 && !strstr(e->msg, e->details[0].text);

    console_say(c, STYLE_BAD, "cannot %s: %s%s%s%s%s%s", what, e->msg, has_detail ? ": " : "",
                has_detail ? e->details[0].text : "", r->request_id[0] ? " (request " : "",
                r->request_id, r->request_id[0] ? ")" : "");
}

bool console_refuses(struct console *c)
{
    if (c->read_only)
        console_say(c, STYLE_WARN, "this console only looks: it was started with --read-only");
    return c->read_only;
}

struct view *console_front(const struct console *c)
{
    const struct view *v = c->depth ? &c->stack[c->depth - 1] : &c->roots[c->root];

    return (struct view *)(uintptr_t)v;
}

static void view_show(struct view *v, bool shown)
{
    if (v->ops->show)
        v->ops->show(v, shown);
}

static bool view_start(struct console *c, struct view *v, const struct view_ops *ops,
                       const void *argument)
{
    struct canvas body = console_body(c);
    void *state = calloc(1, ops->state_size);

    if (!state) {
        console_say(c, STYLE_BAD, "out of memory");
        return false;
    }
    *v = (struct view){
        .ops = ops, .console = c, .state = state, .rows = body.rows, .cols = body.cols};
    ops->open(v, argument);
    return true;
}

static void view_end(struct view *v)
{
    if (!v->ops)
        return;
    if (v->console->asker == v && v->console->mode == MODE_ASK)
        v->console->mode = MODE_VIEW;
    if (v->ops->close)
        v->ops->close(v);
    free(v->state);
    *v = (struct view){0};
}

void console_open(struct console *c, const struct view_ops *ops, const void *argument)
{
    struct view *behind = console_front(c);

    if (c->depth == STACK_MAX) {
        console_say(c, STYLE_WARN, "too many views on top of each other: Esc goes back");
        return;
    }
    if (!view_start(c, &c->stack[c->depth], ops, argument))
        return;
    view_show(behind, false);
    c->depth++;
    view_show(console_front(c), true);
    c->dirty = true;
}

void console_back(struct console *c)
{
    if (c->depth == 0)
        return;
    view_show(console_front(c), false);
    view_end(&c->stack[--c->depth]);
    view_show(console_front(c), true);
    c->dirty = true;
}

void console_go_index(struct console *c, size_t index)
{
    if (index >= c->root_count)
        return;
    while (c->depth)
        console_back(c);
    if (c->roots[index].ops == NULL && !view_start(c, &c->roots[index], c->root_ops[index], NULL))
        return;
    view_show(&c->roots[c->root], false);
    c->root = index;
    view_show(&c->roots[index], true);
    c->dirty = true;
}

void console_go(struct console *c, const struct view_ops *root, const char *select)
{
    for (size_t i = 0; i < c->root_count; i++)
        if (c->root_ops[i] == root)
            console_go_index(c, i);
    feed_refresh(&c->feed);
    if (select && root->select && console_front(c)->ops == root)
        root->select(console_front(c), select);
}

void console_ask(struct console *c, struct view *v, const struct question *q)
{
    c->mode = MODE_ASK;
    c->question = *q;
    c->asker = v;
    c->question_scroll = 0;
    c->message[0] = '\0';
    c->line.len_max = 16;
    line_set(&c->line, "");
    c->dirty = true;
}

/* --- keys ------------------------------------------------------------------------------------- */

const char *console_keys_of(const struct console *c)
{
    const struct view *v = console_front(c);

    return c->mode != MODE_VIEW || v->ops->typing ? KEYMAP_TYPING : v->ops->name;
}

static void prompt_open(struct console *c, enum console_mode mode, const char *text)
{
    c->mode = mode;
    c->line.len_max = mode == MODE_FILTER ? FILTER_BYTES_MAX - 1 : 0;
    line_set(&c->line, text);
}

static void answer(struct console *c)
{
    bool yes = strcmp(c->line.text, "yes") == 0 ||
               (c->question.short_word && strcmp(c->line.text, "y") == 0);

    c->mode = MODE_VIEW;
    if (yes)
        c->question.yes(c->asker);
    else
        console_say(c, STYLE_NORMAL, "nothing was done");
}

static void prompt_accept(struct console *c)
{
    enum console_mode mode = c->mode;
    struct view *v = console_front(c);
    char text[LINE_BYTES_MAX];

    if (mode == MODE_ASK) {
        answer(c);
        return;
    }
    text_copy(text, sizeof text, c->line.text);
    c->mode = MODE_VIEW;
    if (mode == MODE_COMMAND)
        console_command(c, text);
    else
        v->ops->filter(v, text);
}

static void prompt_key(struct console *c, uint32_t key)
{
    enum key_action a = keymap_find(KEYMAP_TYPING, key);
    enum line_op op;

    if (a == ACT_ACCEPT) {
        prompt_accept(c);
    } else if (a == ACT_DISMISS || (a == ACT_ERASE && c->line.len == 0 && c->mode != MODE_ASK)) {
        if (c->mode == MODE_ASK)
            console_say(c, STYLE_NORMAL, "nothing was done");
        c->mode = MODE_VIEW;
    } else if (a == ACT_COMPLETE && c->mode == MODE_COMMAND) {
        console_complete(c);
    } else if (line_op_of(a, &op)) {
        line_edit(&c->line, op);
    } else if (c->mode == MODE_ASK && console_question_scroll(c, a)) {
        return;
    } else if (a == ACT_NONE) {
        line_insert(&c->line, key);
    }
}

static void act_back(struct console *c)
{
    struct view *v = console_front(c);

    if (v->ops->filter && v->ops->filter_text(v)[0])
        v->ops->filter(v, "");
    else if (c->depth)
        console_back(c);
    else
        console_go_index(c, 0);
}

/* What every view understands. */
static void act_general(struct console *c, enum key_action a)
{
    struct view *v = console_front(c);

    if (a >= ACT_VIEW_1 && a <= ACT_VIEW_7) {
        console_go_index(c, (size_t)(a - ACT_VIEW_1));
    } else if (a == ACT_NEXT_VIEW) {
        console_go_index(c, (c->root + 1) % c->root_count);
    } else if (a == ACT_PREVIOUS_VIEW) {
        console_go_index(c, (c->root + c->root_count - 1) % c->root_count);
    } else if (a == ACT_COMMAND) {
        prompt_open(c, MODE_COMMAND, "");
    } else if (a == ACT_FILTER && v->ops->filter) {
        prompt_open(c, MODE_FILTER, v->ops->searches ? "" : v->ops->filter_text(v));
    } else if (a == ACT_FILTER) {
        console_say(c, STYLE_NORMAL, "nothing to filter here");
    } else if (a == ACT_REFRESH) {
        feed_refresh(&c->feed);
    } else if (a == ACT_HELP) {
        console_open(c, &view_help, v->ops->name);
    } else if (a == ACT_BACK) {
        act_back(c);
    } else if (a == ACT_QUIT) {
        c->quit = true;
    }
}

/* Pasted letters are text where text is typed, and nothing elsewhere: none may stop a machine. */
static void pasted_key(struct console *c, uint32_t key)
{
    struct view *v = console_front(c);

    if (key == KEY_PASTE_END)
        c->pasting = false;
    else if (key < 0x20 || key >= KEY_SPECIAL_BASE || c->mode == MODE_ASK)
        return;
    else if (c->mode != MODE_VIEW)
        line_insert(&c->line, key);
    else if (v->ops->typing)
        v->ops->type(v, key);
}

void console_key(struct console *c, uint32_t key)
{
    struct view *v = console_front(c);
    enum key_action a;

    c->dirty = true;
    if (c->pasting) {
        pasted_key(c, key);
        return;
    }
    if (key == KEY_PASTE_BEGIN) {
        c->pasting = true;
        return;
    }
    c->message[0] = '\0';
    if (c->mode != MODE_VIEW) {
        prompt_key(c, key);
        return;
    }
    a = keymap_find(console_keys_of(c), key);
    if (v->ops->typing && a == ACT_NONE && key < KEY_SPECIAL_BASE)
        v->ops->type(v, key);
    else if (a != ACT_NONE && !v->ops->act(v, a))
        act_general(c, a);
}

/* --- frames ----------------------------------------------------------------------------------- */

static bool ticks_now(const struct console *c)
{
    const struct view *v = console_front(c);

    return c->feed.link == LINK_AWAY || (v->ops->ticks && v->ops->ticks(v));
}

void console_frame(struct console *c)
{
    int64_t now = clock_now_ms(c->clock), mono = clock_mono_ms(c->clock);
    /* The clock in the header has minutes; where seconds are shown, each of them counts. */
    int64_t second = now / (ticks_now(c) ? 1000 : 60000);
    bool due = c->feed.changed && mono - c->frame_mono_ms >= FRAME_MS_MIN;

    if (!c->dirty && !due && second == c->frame_second && c->frames > 0)
        return;
    c->dirty = c->feed.changed = false;
    c->frame_second = second;
    c->frame_mono_ms = mono;
    c->frames++;
    console_draw(c, now);
    c->screen->ops->show(c->screen, &c->canvas);
    if (c->trace) {
        fprintf(c->trace, "frame %lld\n", (long long)c->frames);
        fflush(c->trace);
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

int64_t console_wait_ms(struct console *c)
{
    int64_t now = clock_now_ms(c->clock), mono = clock_mono_ms(c->clock);
    int64_t unit = ticks_now(c) ? 1000 : 60000;
    int64_t wait = unit - now % unit;
    struct view *v = console_front(c);

    if (c->dirty)
        return 0;
    if (c->feed.changed)
        wait = sooner(wait, FRAME_MS_MIN - (mono - c->frame_mono_ms) > 0
                                ? FRAME_MS_MIN - (mono - c->frame_mono_ms)
                                : 0);
    wait = sooner(wait, feed_wait_ms(&c->feed));
    if (v->ops->tick)
        wait = sooner(wait, v->ops->tick(v, mono));
    return wait;
}

void console_tick(struct console *c)
{
    struct view *v = console_front(c);

    feed_tick(&c->feed);
    if (v->ops->tick)
        v->ops->tick(v, clock_mono_ms(c->clock));
}

void console_resized(struct console *c)
{
    struct canvas fresh, body;
    int rows, cols;

    c->screen->ops->resized(c->screen);
    c->screen->ops->size(c->screen, &rows, &cols);
    c->dirty = true;
    if (rows == c->canvas.rows && cols == c->canvas.cols)
        return;
    if (canvas_init(&fresh, rows, cols, c->screen->ascii, NULL))
        return;
    canvas_release(&c->canvas);
    c->canvas = fresh;
    body = console_body(c);
    for (size_t i = 0; i < c->root_count; i++) {
        c->roots[i].rows = body.rows;
        c->roots[i].cols = body.cols;
    }
    for (size_t i = 0; i < c->depth; i++) {
        c->stack[i].rows = body.rows;
        c->stack[i].cols = body.cols;
    }
}

/* --- life ------------------------------------------------------------------------------------- */

enum err_code console_init(struct console *c, struct screen *screen, struct transport *net,
                           struct clock *clock, struct err *e)
{
    int rows, cols;
    enum err_code rc;

    memset(c, 0, sizeof *c);
    assert(ARRAY_SIZE(root_list) <= ROOTS_MAX);
    c->screen = screen;
    c->net = net;
    c->clock = clock;
    for (size_t i = 0; i < ARRAY_SIZE(root_list); i++)
        c->root_ops[i] = root_list[i];
    c->root_count = ARRAY_SIZE(root_list);
    screen->ops->size(screen, &rows, &cols);
    rc = canvas_init(&c->canvas, rows, cols, screen->ascii, e);
    if (rc)
        return rc;
    feed_init(&c->feed, net, clock);
    if (!view_start(c, &c->roots[0], c->root_ops[0], NULL))
        return err_set(e, ERR_INTERNAL, "out of memory");
    view_show(&c->roots[0], true);
    if (screen->notice[0])
        console_say(c, STYLE_WARN, "%s", screen->notice);
    return ERR_OK;
}

void console_release(struct console *c)
{
    while (c->depth)
        view_end(&c->stack[--c->depth]);
    for (size_t i = 0; i < c->root_count; i++)
        view_end(&c->roots[i]);
    feed_release(&c->feed);
    canvas_release(&c->canvas);
}
