/* The keys of a view, drawn from the table that decides what they do, and the commands. */
#include "tui/view/details.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"

#define HELP_LINES_MAX 96

struct help_state {
    char view[32];
    int scroll;
};

static void help_open(struct view *v, const void *argument)
{
    text_copy(((struct help_state *)v->state)->view, sizeof((struct help_state *)v->state)->view,
              argument ? argument : "");
}

static void keys_of(const char *view, const char *title, struct pen *p)
{
    struct key_help lines[HELP_LINES_MAX];
    size_t count = keymap_help(view, lines, ARRAY_SIZE(lines));

    pen_title(p, title);
    for (size_t i = 0; i < count; i++)
        pen_value(p, STYLE_NORMAL, lines[i].keys, "%s", lines[i].text);
    pen_gap(p);
}

static void views_of(struct pen *p)
{
    static const struct view_ops *const views[] = {
#define VIEW(name) &view_##name,
#include "tui/view/views.def.h"
#undef VIEW
    };
    char name[40];

    pen_title(p, "Commands");
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        snprintf(name, sizeof name, ":%s", views[i]->name);
        pen_value(p, STYLE_NORMAL, name, "%s", views[i]->help);
    }
    pen_value(p, STYLE_NORMAL, ":VIEW TEXT", "Go there and filter by the text");
    pen_value(p, STYLE_NORMAL, ":submit FILE", "Submit a job from this file, after asking");
    pen_value(p, STYLE_NORMAL, ":screendump FILE", "Write what is shown into a file");
    pen_value(p, STYLE_NORMAL, ":q", "Leave");
    pen_gap(p);
}

static void help_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct help_state *s = ctx;
    char title[64];

    UNUSED(now_ms);
    snprintf(title, sizeof title, "Keys in %s", s->view);
    keys_of(s->view, title, p);
    keys_of(KEYMAP_TYPING, "Where something is typed", p);
    views_of(p);
    pen_text(p, STYLE_DIM,
             "All times are UTC. Nothing is stopped, deleted or paid for without a question that "
             "is answered by a word. Should the terminal ever stay in disorder: reset");
}

static void help_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct help_state *s = v->state;

    details_draw(help_lines, s, c, s->scroll, now_ms);
}

static bool help_act(struct view *v, enum key_action a)
{
    struct help_state *s = v->state;

    if (a == ACT_HELP) {
        console_back(v->console);
        return true;
    }
    return details_act(help_lines, s, v->rows, v->cols, &s->scroll, 0, a);
}

const struct view_ops view_help = {
    .name = "help",
    .help = "Keys and commands",
    .state_size = sizeof(struct help_state),
    .open = help_open,
    .draw = help_draw,
    .act = help_act,
};
