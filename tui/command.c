/* The ':' prompt: names of views, and a few commands. */
#include "tui/app_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "tui/view/typing.h"

#define DUMP_BYTES_MAX (4 * 1024 * 1024)

enum command_id {
    COMMAND_QUIT,
    COMMAND_HELP,
    COMMAND_REFRESH,
    COMMAND_SUBMIT,
    COMMAND_DUMP,
    COMMAND_NODES,
    COMMAND_CASES,
};

static const struct {
    const char *name;
    enum command_id id;
} commands[] = {
    {"q", COMMAND_QUIT},          {"quit", COMMAND_QUIT},     {"help", COMMAND_HELP},
    {"refresh", COMMAND_REFRESH}, {"submit", COMMAND_SUBMIT}, {"screendump", COMMAND_DUMP},
    {"nodes", COMMAND_NODES},     {"cases", COMMAND_CASES},
};

/* The n-th name that may be typed, NULL past the last. */
static const char *name_at(const struct console *c, size_t n)
{
    if (n < c->root_count)
        return c->root_ops[n]->name;
    n -= c->root_count;
    return n < ARRAY_SIZE(commands) ? commands[n].name : NULL;
}

enum err_code console_dump(struct console *c, const char *path, struct err *e)
{
    STRBUF text = {0};

    strbuf_init(&text, DUMP_BYTES_MAX);
    canvas_dump(&c->canvas, &text);
    return file_write(path, text.data, text.len, 0600, e);
}

static void dump(struct console *c, const char *argument)
{
    char path[LINE_BYTES_MAX];
    struct err e;

    if (!argument[0])
        console_say(c, STYLE_WARN, "screendump: into which file?");
    else if (console_dump(c, path_expand(argument, path, sizeof path), &e))
        console_say(c, STYLE_BAD, "screendump: %s", e.msg);
    else
        console_say(c, STYLE_GOOD, "written to %s", argument);
}

static void submit(struct console *c, const char *argument)
{
    if (console_refuses(c))
        return;
    console_open(c, &view_submit, argument[0] ? argument : NULL);
}

static bool run(struct console *c, const char *name, const char *argument)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        switch (commands[i].id) {
        case COMMAND_QUIT:
            c->quit = true;
            break;
        case COMMAND_HELP:
            console_open(c, &view_help, console_front(c)->ops->name);
            break;
        case COMMAND_REFRESH:
            feed_refresh(&c->feed);
            break;
        case COMMAND_SUBMIT:
            submit(c, argument);
            break;
        case COMMAND_DUMP:
            dump(c, argument);
            break;
        case COMMAND_NODES:
            console_open(c, &view_nodes, NULL);
            break;
        case COMMAND_CASES:
            console_open(c, &view_cases, NULL);
            break;
        }
        return true;
    }
    return false;
}

/* ":instances", ":instances web", and any beginning of a name that only one has. */
static bool go(struct console *c, const char *name, const char *argument)
{
    size_t len = strlen(name), found = c->root_count, matches = 0;
    struct view *v;

    for (size_t i = 0; i < c->root_count; i++) {
        if (strncmp(c->root_ops[i]->name, name, len) != 0)
            continue;
        found = i;
        matches++;
        if (c->root_ops[i]->name[len] == '\0') {
            matches = 1;
            break;
        }
    }
    if (matches != 1)
        return false;
    console_go_index(c, found);
    v = console_front(c);
    if (argument[0] && v->ops->filter)
        v->ops->filter(v, argument[0] == '/' ? argument + 1 : argument);
    return true;
}

void console_command(struct console *c, const char *text)
{
    char name[64];
    size_t len = strcspn(text, " ");
    const char *argument = text + len;

    while (*argument == ' ')
        argument++;
    if (len == 0)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), text);
    if (!run(c, name, argument) && !go(c, name, argument))
        console_say(c, STYLE_WARN, "no command '%s'; Tab completes, ? helps", name);
}

void console_complete(struct console *c)
{
    char match[2 * LINE_BYTES_MAX] = "", list[256] = "";
    size_t typed = c->line.len, found = 0;
    const char *name;

    if (strncmp(c->line.text, "submit ", 7) == 0 || strncmp(c->line.text, "screendump ", 11) == 0) {
        struct line path = {.len = 0};
        size_t head = strcspn(c->line.text, " ") + 1;

        line_set(&path, c->line.text + head);
        path_complete(&path);
        snprintf(match, sizeof match, "%.*s%s", (int)head, c->line.text, path.text);
        line_set(&c->line, match);
        return;
    }
    for (size_t i = 0; (name = name_at(c, i)); i++) {
        size_t used = strlen(list);

        if (strncmp(name, c->line.text, typed) != 0)
            continue;
        snprintf(list + used, sizeof list - used, " %s", name);
        if (found++ == 0) {
            text_copy(match, sizeof match, name);
        } else {
            size_t same = 0;

            while (match[same] && match[same] == name[same])
                same++;
            match[same] = '\0';
        }
    }
    if (found)
        line_set(&c->line, match);
    if (found == 1)
        line_insert(&c->line, ' ');
    console_say(c, STYLE_DIM, "%s%s", found ? "" : "no command begins so", found > 1 ? list : "");
}
