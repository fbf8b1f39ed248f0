/* What stands around a view: header, tabs, message, hints; and the question in front of it. */
#include "tui/app_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"

#define ROWS_MIN               8
#define COLS_MIN               40
#define TABS_ROWS_MIN          12 /* smaller windows do without the line of tabs */
#define HINTS_MAX              32
#define ASK_COLS_MAX           64
#define NARROW_COLS            60 /* shorter words in narrower windows */
#define NAME_CELLS_MIN         11 /* of the header, for the name of the program */
#define ORGANIZATION_CELLS_MIN 16 /* with that of the organization */
#define MESSAGE_ROWS           4  /* a sentence with its request id is never cut in two */

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

static void link_text(const struct console *c, int64_t now_ms, char *out, size_t size)
{
    const struct feed *f = &c->feed;
    char age[WHEN_TEXT_MAX];
    int64_t retry = (f->retry_mono_ms - clock_mono_ms(c->clock) + 999) / 1000;
    bool narrow = c->canvas.cols < NARROW_COLS;

    switch (f->link) {
    case LINK_STARTING:
        snprintf(out, size, "connecting");
        break;
    case LINK_LIVE:
        snprintf(out, size, f->stream_open ? "live" : "polling");
        break;
    case LINK_AWAY:
        snprintf(out, size, "AWAY %s, %s in %lld s", age_format(f->away_since_ms, now_ms, age),
                 narrow ? "try" : "next try", (long long)(retry > 0 ? retry : 0));
        break;
    case LINK_REFUSED:
        snprintf(out, size, "KEY REFUSED");
        break;
    }
}

static void draw_header(const struct console *c, struct canvas *canvas, int64_t now_ms)
{
    char link[96], when[WHEN_TEXT_MAX], right[160];
    const struct me *me = &c->feed.me;
    const char *what = c->read_only ? "read-only  " : "";
    int width, left;

    link_text(c, now_ms, link, sizeof link);
    snprintf(right, sizeof right, "%s%s  %.5sZ ", what, link, time_format(now_ms, when));
    /* The time of day goes first where there is no room for all. */
    if (text_width(right) > canvas->cols - NAME_CELLS_MIN)
        snprintf(right, sizeof right, "%s%s ", what, link);
    canvas_fill(canvas, 0, 0, canvas->cols, STYLE_BAR);
    width = text_width(right);
    left = canvas->cols - width - 2;
    if (left < ORGANIZATION_CELLS_MIN)
        canvas_text(canvas, 0, 1, left, STYLE_BAR, "hourglass");
    else if (c->feed.has_me)
        canvas_textf(canvas, 0, 1, left, STYLE_BAR, "hourglass  %s / %s", me->organization.name,
                     me->project.name);
    else
        canvas_textf(canvas, 0, 1, left, STYLE_BAR, "hourglass  %s", c->profile ? c->profile : "");
    canvas_right(canvas, 0, left > 0 ? left + 2 : 0, width, STYLE_BAR, right);
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
    char age[WHEN_TEXT_MAX], key[KEY_LABEL_MAX];
    int col = 1;

    if (f->link != LINK_AWAY && f->link != LINK_REFUSED)
        return;
    keymap_label(console_keys_of(c), ACT_REFRESH, key);
    if (key[0])
        col +=
            canvas_textf(canvas, row, col, canvas->cols - col, STYLE_ACCENT, "%s: try now  ", key);
    if (f->link == LINK_AWAY && f->heard_at_ms)
        canvas_textf(canvas, row, col, canvas->cols - col, STYLE_BAD, "what is shown is %s old: %s",
                     age_format(f->heard_at_ms, now_ms, age), f->link_error);
    else
        canvas_text(canvas, row, col, canvas->cols - col, STYLE_BAD, f->link_error);
}

/* A sentence grows upwards over the view: it is there until the next key. */
static void draw_sentence(const struct console *c, struct canvas *canvas, int row)
{
    int cols = canvas->cols - 2;
    int lines = paragraph_draw(NULL, 0, 0, cols, 0, c->message_style, c->message);

    lines = lines < MESSAGE_ROWS ? lines : MESSAGE_ROWS;
    for (int i = 0; i < lines; i++)
        canvas_fill(canvas, row - i, 0, canvas->cols, STYLE_NORMAL);
    paragraph_draw(canvas, row - lines + 1, 1, cols, lines, c->message_style, c->message);
}

static void draw_message(const struct console *c, struct canvas *canvas, int row, int64_t now_ms)
{
    int col = 0;

    if (c->mode == MODE_COMMAND || c->mode == MODE_FILTER) {
        col += canvas_text(canvas, row, 0, 1, STYLE_STRONG, c->mode == MODE_COMMAND ? ":" : "/");
        line_draw(&c->line, canvas, row, col, canvas->cols - col, true);
    } else if (c->message[0]) {
        draw_sentence(c, canvas, row);
    } else {
        draw_link_trouble(c, canvas, row, now_ms);
    }
}

/* Hints for keys that would do nothing here mislead. */
static bool is_useful(const struct console *c, enum key_action a)
{
    const struct view *v = console_front(c);

    if (a == ACT_OPEN)
        return v->ops->opens ? v->ops->opens(v) : c->depth == 0;
    if (a == ACT_COMPLETE)
        return c->mode == MODE_COMMAND || c->mode == MODE_VIEW;
    if (a == ACT_BACK)
        return c->depth > 0 || c->root > 0;
    return a != ACT_FILTER || v->ops->filter;
}

static const char *hint_name(const struct console *c, enum key_action a)
{
    if (a == ACT_COMPLETE && c->mode == MODE_VIEW && !console_front(c)->ops->completes)
        return "next-field";
    return key_action_name(a);
}

static int draw_hint(const struct console *c, struct canvas *canvas, int row, int col, int end,
                     enum key_action a)
{
    char label[KEY_LABEL_MAX];
    int width;

    keymap_label(console_keys_of(c), a, label);
    width = text_width(label) + 1 + text_width(hint_name(c, a));
    if (!label[0] || col + width > end || !is_useful(c, a))
        return col;
    canvas_text(canvas, row, col, width, STYLE_ACCENT, label);
    canvas_right(canvas, row, col, width, STYLE_DIM, hint_name(c, a));
    return col + width + 2;
}

/* Hints of what helps most here: the view's own keys, but sorting, which help names; help and the
 * way out on the right. */
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
        if (help[i].own && help[i].action > ACT_BACK && help[i].action != ACT_SORT &&
            help[i].action != ACT_SORT_TURN)
            col = draw_hint(c, canvas, row, col, end, help[i].action);
    for (size_t i = 0; i < (is_typing ? ARRAY_SIZE(typing) : ARRAY_SIZE(general)); i++)
        col = draw_hint(c, canvas, row, col, end, is_typing ? typing[i] : general[i]);
}

/* --- the question ----------------------------------------------------------------------------- */

static int question_cols(const struct canvas *c)
{
    return c->cols - 4 < ASK_COLS_MAX ? c->cols - 4 : ASK_COLS_MAX;
}

static int question_lines(const struct console *c)
{
    return paragraph_draw(NULL, 0, 0, question_cols(&c->canvas) - 4, 0, STYLE_NORMAL,
                          c->question.text);
}

/* Lines of its text that are seen: all, or what a small window has room for. */
static int question_page(const struct console *c)
{
    int lines = question_lines(c), room = c->canvas.rows - 3;

    return lines < room ? lines : room > 1 ? room : 1;
}

bool console_question_scroll(struct console *c, enum key_action a)
{
    int page = question_page(c), most = question_lines(c) - page;
    int step = page > 1 ? page - 1 : 1;

    if (a == ACT_FIELD_UP || a == ACT_FIELD_DOWN)
        step = 1;
    else if (a != ACT_PAGE_UP && a != ACT_PAGE_DOWN)
        return false;
    c->question_scroll += a == ACT_FIELD_UP || a == ACT_PAGE_UP ? -step : step;
    c->question_scroll = c->question_scroll > most ? most : c->question_scroll;
    c->question_scroll = c->question_scroll < 0 ? 0 : c->question_scroll;
    return true;
}

/* The lines from `scroll` on: the ones before are cut off by a part that begins lower. */
static void draw_question_text(const struct console *c, struct canvas *box, int page, int scroll)
{
    struct canvas part = canvas_part(box, 1, 2, page, box->cols - 4);

    paragraph_draw(&part, -scroll, 0, part.cols, CANVAS_ROWS_MAX, STYLE_NORMAL, c->question.text);
}

static void draw_question(const struct console *c, struct canvas *canvas)
{
    const char *word = c->question.short_word ? "y or yes" : "yes";
    bool narrow = canvas->cols < NARROW_COLS;
    int cols = question_cols(canvas), lines = question_lines(c), page = question_page(c);
    int rows = page + 5 < canvas->rows ? page + 5 : page + 3, col;
    int most = lines - page, scroll = c->question_scroll < most ? c->question_scroll : most;
    struct canvas box =
        canvas_part(canvas, (canvas->rows - rows) / 2, (canvas->cols - cols) / 2, rows, cols);

    canvas_box(&box, STYLE_WARN, c->question.title);
    draw_question_text(c, &box, page, scroll);
    if (scroll < most)
        canvas_textf(&box, rows - 1, 2, cols - 4, STYLE_ACCENT, " PgDn: %d more below ",
                     most - scroll);
    else if (most > 0)
        canvas_textf(&box, rows - 1, 2, cols - 4, STYLE_ACCENT, " PgUp: %d more above ", scroll);
    col = 2 + canvas_textf(
                  &box, rows - 2, 2, cols - 4, STYLE_STRONG,
                  narrow ? "%s, Enter (or Esc): " : "Type %s and Enter; Esc does nothing: ", word);
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
