/* What stands around a view: header, tabs, message, hints; and the question in front of it. */
#include "tui/app_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"

#define ROWS_MIN      8
#define COLS_MIN      40
#define TABS_ROWS_MIN 12 /* smaller windows do without the line of tabs */
#define HINTS_MAX     32
#define ASK_COLS_MAX  64

static bool has_tabs(const struct canvas *c)
{
    return c->rows >= TABS_ROWS_MIN;
}

struct canvas console_body(const struct console *c)
{
    int top = has_tabs(&c->canvas) ? 2 : 1;

    return canvas_part(&c->canvas, top, 0, c->canvas.rows - top - 2, c->canvas.cols);
}

/* --- header ----------------------------------------------------------------------------------- */

static enum style link_text(const struct console *c, int64_t now_ms, char *out, size_t size)
{
    const struct feed *f = &c->feed;
    char age[WHEN_TEXT_MAX];
    int64_t retry = (f->retry_mono_ms - clock_mono_ms(c->clock) + 999) / 1000;

    switch (f->link) {
    case LINK_STARTING:
        snprintf(out, size, "connecting");
        break;
    case LINK_LIVE:
        snprintf(out, size, f->stream_open ? "live" : "polling");
        break;
    case LINK_AWAY:
        snprintf(out, size, "AWAY %s, next try in %lld s",
                 age_format(f->away_since_ms, now_ms, age), (long long)(retry > 0 ? retry : 0));
        return STYLE_BAD;
    case LINK_REFUSED:
        snprintf(out, size, "KEY REFUSED");
        return STYLE_BAD;
    }
    return STYLE_BAR;
}

static void draw_header(const struct console *c, struct canvas *canvas, int64_t now_ms)
{
    char link[96], when[WHEN_TEXT_MAX], right[160];
    const struct me *me = &c->feed.me;
    int width, left;

    link_text(c, now_ms, link, sizeof link);
    snprintf(right, sizeof right, "%s%s  %.5sZ ", c->read_only ? "read-only  " : "", link,
             time_format(now_ms, when));
    canvas_fill(canvas, 0, 0, canvas->cols, STYLE_BAR);
    width = text_width(right);
    left = canvas->cols - width - 1;
    if (c->feed.has_me)
        canvas_textf(canvas, 0, 1, left, STYLE_BAR, "hourglass  %s / %s", me->organization.name,
                     me->project.name);
    else
        canvas_textf(canvas, 0, 1, left, STYLE_BAR, "hourglass  %s", c->profile ? c->profile : "");
    canvas_right(canvas, 0, left > 0 ? left + 1 : 0, width, STYLE_BAR, right);
}

static int tabs_width(const struct console *c)
{
    int width = 1;

    for (size_t i = 0; i < c->root_count; i++)
        width += text_width(c->root_ops[i]->name) + 3 + 2 * (i == c->root);
    return width;
}

/* The names of the other tabs go first where there is no room for all. */
static void draw_tabs(const struct console *c, struct canvas *canvas)
{
    const struct view *v = console_front(c);
    bool names;
    STRBUF title = {0};
    int col = 1;

    strbuf_init(&title, 512);
    if (c->depth)
        strbuf_addf(&title, "%s  ", v->ops->name);
    if (v->ops->title)
        v->ops->title(v, &title);
    names = tabs_width(c) + text_width(title.data) + 1 <= canvas->cols;
    for (size_t i = 0; i < c->root_count; i++) {
        bool here = i == c->root;
        const char *name = here || names ? c->root_ops[i]->name : "";

        col += 1 + canvas_textf(canvas, 1, col, canvas->cols - col, here ? STYLE_STRONG : STYLE_DIM,
                                here ? "[%zu %s]" : "%zu%s%s", i + 1,
                                here      ? name
                                : name[0] ? " "
                                          : "",
                                name);
    }
    canvas_right(canvas, 1, col, canvas->cols - col - 1, STYLE_NORMAL, title.data);
}

/* --- footer ----------------------------------------------------------------------------------- */

static void draw_link_trouble(const struct console *c, struct canvas *canvas, int row,
                              int64_t now_ms)
{
    const struct feed *f = &c->feed;
    char age[WHEN_TEXT_MAX];

    if (f->link == LINK_AWAY && f->heard_at_ms)
        canvas_textf(canvas, row, 1, canvas->cols - 1, STYLE_BAD, "what is shown is %s old: %s",
                     age_format(f->heard_at_ms, now_ms, age), f->link_error);
    else if (f->link == LINK_AWAY || f->link == LINK_REFUSED)
        canvas_text(canvas, row, 1, canvas->cols - 1, STYLE_BAD, f->link_error);
}

static void draw_message(const struct console *c, struct canvas *canvas, int row, int64_t now_ms)
{
    int col = 0;

    if (c->mode == MODE_COMMAND || c->mode == MODE_FILTER) {
        col += canvas_text(canvas, row, 0, 1, STYLE_STRONG, c->mode == MODE_COMMAND ? ":" : "/");
        line_draw(&c->line, canvas, row, col, canvas->cols - col, true);
    } else if (c->message[0]) {
        canvas_text(canvas, row, 1, canvas->cols - 1, c->message_style, c->message);
    } else {
        draw_link_trouble(c, canvas, row, now_ms);
    }
}

/* Hints for keys that would do nothing here mislead. */
static bool is_useful(const struct console *c, enum key_action a)
{
    const struct view *v = console_front(c);

    if (a == ACT_OPEN)
        return c->depth == 0 || v->ops == &view_offer || v->ops == &view_job;
    return a != ACT_FILTER || v->ops->filter;
}

static int draw_hint(const struct console *c, struct canvas *canvas, int row, int col, int end,
                     enum key_action a)
{
    char label[KEY_LABEL_MAX];
    int width;

    keymap_label(console_keys_of(c), a, label);
    width = text_width(label) + 1 + text_width(key_action_name(a));
    if (!label[0] || col + width > end || !is_useful(c, a))
        return col;
    canvas_text(canvas, row, col, width, STYLE_ACCENT, label);
    canvas_right(canvas, row, col, width, STYLE_DIM, key_action_name(a));
    return col + width + 2;
}

/* Hints of what helps most here: the view's own keys; help and the way out on the right. */
static void draw_hints(const struct console *c, struct canvas *canvas, int row)
{
    static const enum key_action general[] = {ACT_OPEN, ACT_BACK, ACT_FILTER, ACT_COMMAND};
    static const enum key_action typing[] = {ACT_ACCEPT, ACT_DISMISS, ACT_COMPLETE};
    bool is_typing = strcmp(console_keys_of(c), KEYMAP_TYPING) == 0;
    struct key_help help[HINTS_MAX];
    size_t count = is_typing ? 0 : keymap_help(console_keys_of(c), help, ARRAY_SIZE(help));
    int col = 1, end = canvas->cols - (is_typing ? 1 : 16);

    if (!is_typing)
        draw_hint(c, canvas, row, draw_hint(c, canvas, row, end + 1, canvas->cols, ACT_HELP),
                  canvas->cols, ACT_QUIT);
    for (size_t i = 0; i < count; i++)
        if (help[i].own && help[i].action > ACT_BACK && help[i].action != ACT_SORT_TURN)
            col = draw_hint(c, canvas, row, col, end, help[i].action);
    for (size_t i = 0; i < (is_typing ? ARRAY_SIZE(typing) : ARRAY_SIZE(general)); i++)
        col = draw_hint(c, canvas, row, col, end, is_typing ? typing[i] : general[i]);
}

/* --- the question ----------------------------------------------------------------------------- */

static void draw_question(const struct console *c, struct canvas *canvas)
{
    const char *word = c->question.short_word ? "y or yes" : "yes";
    int cols = canvas->cols - 4 < ASK_COLS_MAX ? canvas->cols - 4 : ASK_COLS_MAX;
    int lines = paragraph_draw(NULL, 0, 0, cols - 4, 0, STYLE_NORMAL, c->question.text);
    int rows = lines + 5 < canvas->rows ? lines + 5 : canvas->rows, col;
    struct canvas box =
        canvas_part(canvas, (canvas->rows - rows) / 2, (canvas->cols - cols) / 2, rows, cols);

    canvas_box(&box, STYLE_WARN, c->question.title);
    paragraph_draw(&box, 1, 2, cols - 4, rows - 4, STYLE_NORMAL, c->question.text);
    col = 2 + canvas_textf(&box, rows - 2, 2, cols - 4, STYLE_STRONG,
                           "Type %s and Enter; Esc does nothing: ", word);
    line_draw(&c->line, &box, rows - 2, col, cols - 2 - col, true);
}

void console_draw(struct console *c, int64_t now_ms)
{
    struct canvas *canvas = &c->canvas;
    struct canvas body = console_body(c);
    const struct view *v = console_front(c);

    canvas_clear(canvas);
    if (canvas->rows < ROWS_MIN || canvas->cols < COLS_MIN) {
        canvas_textf(canvas, 0, 0, canvas->cols, STYLE_NORMAL, "window too small (need %dx%d)",
                     COLS_MIN, ROWS_MIN);
        return;
    }
    v->ops->draw(v, &body, now_ms);
    draw_header(c, canvas, now_ms);
    if (has_tabs(canvas))
        draw_tabs(c, canvas);
    draw_message(c, canvas, canvas->rows - 2, now_ms);
    draw_hints(c, canvas, canvas->rows - 1);
    if (c->mode == MODE_ASK)
        draw_question(c, canvas);
}
