/* A screen without a terminal: keeps the last frame. It has no keyboard of its own. */
#include "tui/screen/screen.h"

#include <stdlib.h>
#include <string.h>

struct memory {
    struct screen base;
    struct canvas shown;
    int64_t frames;
};

static struct memory *memory_of(struct screen *s)
{
    return CONTAINER_OF(s, struct memory, base);
}

static void memory_size(struct screen *s, int *rows, int *cols)
{
    *rows = memory_of(s)->shown.rows;
    *cols = memory_of(s)->shown.cols;
}

static void memory_show(struct screen *s, const struct canvas *c)
{
    struct memory *m = memory_of(s);
    size_t row_bytes = (size_t)m->shown.cols * sizeof *c->cells;
    bool differs = false;

    if (c->rows != m->shown.rows || c->cols != m->shown.cols)
        return; /* drawn before the size changed: the next frame fits */
    for (int row = 0; row < c->rows; row++) {
        struct cell *mine = m->shown.cells + (size_t)row * (size_t)m->shown.stride;
        const struct cell *theirs = c->cells + (size_t)row * (size_t)c->stride;

        if (memcmp(mine, theirs, row_bytes) == 0)
            continue;
        memcpy(mine, theirs, row_bytes);
        differs = true;
    }
    *m->shown.cursor = *c->cursor;
    m->frames += differs;
}

static uint32_t memory_key(struct screen *s)
{
    UNUSED(s);
    return 0;
}

static void memory_nothing(struct screen *s)
{
    UNUSED(s);
}

static void memory_close(struct screen *s)
{
    canvas_release(&memory_of(s)->shown);
    free(memory_of(s));
}

static const struct screen_ops memory_ops = {
    .size = memory_size,
    .show = memory_show,
    .key = memory_key,
    .resized = memory_nothing,
    .leave = memory_nothing,
    .enter = memory_nothing,
    .close = memory_close,
};

enum err_code screen_memory_open(int rows, int cols, bool ascii, struct screen **out, struct err *e)
{
    struct memory *m = calloc(1, sizeof *m);
    enum err_code rc;

    if (!m)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = canvas_init(&m->shown, rows, cols, ascii, e);
    if (rc) {
        free(m);
        return rc;
    }
    m->base = (struct screen){.ops = &memory_ops, .fd = -1, .ascii = ascii};
    *out = &m->base;
    return ERR_OK;
}

const struct canvas *screen_memory_canvas(const struct screen *s)
{
    return &((const struct memory *)(const void *)s)->shown;
}

void screen_memory_text(const struct screen *s, struct strbuf *out)
{
    canvas_dump(screen_memory_canvas(s), out);
}

int64_t screen_memory_frames(const struct screen *s)
{
    return ((const struct memory *)(const void *)s)->frames;
}

void screen_memory_resize(struct screen *s, int rows, int cols)
{
    struct memory *m = memory_of(s);
    struct canvas resized;

    if (canvas_init(&resized, rows, cols, s->ascii, NULL))
        return;
    canvas_release(&m->shown);
    m->shown = resized;
}

void screen_close(struct screen *s)
{
    if (s)
        s->ops->close(s);
}
