/* Scripts: one step after the other, each done when the screen says so. No sleeping. */
#include "tui/script.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"

#define SCRIPT_BYTES_MAX (1024 * 1024)
#define WAIT_SECONDS     10
#define AGAIN_MS         20 /* while something is awaited */

struct script {
    char *text;       /* owned */
    char *at;         /* next line */
    int number;       /* of the line at work */
    const char *keys; /* of this line that are still to be typed; NULL none */
    int64_t wait_ms_max;
    int64_t waiting_since_mono_ms; /* -1: not waiting */
};

static const char *const words[] = {"keys", "wait", "gone", "settle", "seconds", "dump"};

enum err_code script_load(const char *path, struct script **out, struct err *e)
{
    STRBUF text = {0};
    struct script *s;
    enum err_code rc;

    strbuf_init(&text, SCRIPT_BYTES_MAX);
    rc = file_read(path, &text, e);
    if (rc)
        return rc;
    s = calloc(1, sizeof *s);
    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->text = strbuf_take(&text);
    if (!s->text) {
        free(s);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    s->at = s->text;
    s->wait_ms_max = WAIT_SECONDS * 1000;
    s->waiting_since_mono_ms = -1;
    *out = s;
    return ERR_OK;
}

void script_free(struct script *s)
{
    if (!s)
        return;
    free(s->text);
    free(s);
}

static void fail(const struct script *s, struct console *c, const char *line, const char *what)
{
    console_say(c, STYLE_BAD, "script line %d: %s: %s", s->number, line, what);
    c->exit_code = 1;
    c->quit = true;
}

static bool on_screen(struct console *c, const char *text)
{
    STRBUF dump = {0};

    console_draw(c, clock_now_ms(c->clock));
    strbuf_init(&dump, (size_t)8 * 1024 * 1024);
    canvas_dump(&c->canvas, &dump);
    return strstr(dump.data, text) != NULL;
}

static bool type_keys(struct script *s, struct console *c)
{
    const char *at = s->keys;

    while (*at && !c->quit) {
        uint32_t key = key_parse(&at);

        if (key == 0) {
            fail(s, c, s->keys, "no such key");
            return false;
        }
        console_key(c, key);
    }
    return true;
}

/* True: done. False: not yet, or failed (then the console quits). */
static bool step(struct script *s, struct console *c, const char *word, const char *rest)
{
    struct err e;

    if (strcmp(word, "keys") == 0) {
        s->keys = rest;
        return type_keys(s, c);
    }
    if (strcmp(word, "wait") == 0)
        return on_screen(c, rest);
    if (strcmp(word, "gone") == 0)
        return !on_screen(c, rest);
    if (strcmp(word, "settle") == 0)
        return feed_is_settled(&c->feed);
    if (strcmp(word, "seconds") == 0) {
        s->wait_ms_max = strtoll(rest, NULL, 10) * 1000;
        return true;
    }
    console_draw(c, clock_now_ms(c->clock));
    if (console_dump(c, rest, &e))
        fail(s, c, rest, e.msg);
    return true;
}

static bool is_word(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* The line at `at`, split; false at the end of the script. */
static bool line_split(const struct script *s, char word[16], char *rest, size_t size)
{
    size_t len = strcspn(s->at, "\n"), head;

    if (*s->at == '\0')
        return false;
    head = strcspn(s->at, " \n");
    snprintf(word, 16, "%.*s", (int)(head < 16 ? head : 15), s->at);
    if (head < len)
        head++;
    snprintf(rest, size, "%.*s", (int)(len - head < size ? len - head : size - 1), s->at + head);
    return true;
}

static void line_next(struct script *s)
{
    s->at += strcspn(s->at, "\n");
    s->at += *s->at == '\n';
    s->waiting_since_mono_ms = -1;
}

int64_t script_run(struct script *s, struct console *c)
{
    char word[16], rest[1024];

    while (!c->quit && line_split(s, word, rest, sizeof rest)) {
        if (s->waiting_since_mono_ms < 0) {
            s->number++;
            s->waiting_since_mono_ms = clock_mono_ms(c->clock);
        }
        if (word[0] != '#' && word[0] != '\0') {
            if (!is_word(word)) {
                fail(s, c, word, "expected keys, wait, gone, settle, seconds or dump");
                return -1;
            }
            if (!step(s, c, word, rest)) {
                if (clock_mono_ms(c->clock) - s->waiting_since_mono_ms > s->wait_ms_max)
                    fail(s, c, rest, "waited too long");
                return AGAIN_MS;
            }
        }
        line_next(s);
    }
    return -1;
}
