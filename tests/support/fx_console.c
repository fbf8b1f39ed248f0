/* The turns of the loop, by hand. */
#include "tests/support/t.h"

#include "tests/support/fx_console.h"

#include "core/file.h"

#define TURNS_MAX 50

void fx_console_init(struct fx_console *fx, int rows, int cols, bool ascii)
{
    struct err e;

    memset(fx, 0, sizeof *fx);
    clock_test_init(&fx->clock, FAKE_NOW_MS);
    fake_api_init(&fx->api);
    fake_api_demo(&fx->api);
    strbuf_init(&fx->text, (size_t)4 * 1024 * 1024);
    assert_ok(screen_memory_open(rows, cols, ascii, &fx->screen, &e), &e);
    assert_ok(console_init(&fx->console, fx->screen, &fx->api.base, &fx->clock.base, &e), &e);
}

void fx_console_release(struct fx_console *fx)
{
    console_release(&fx->console);
    screen_close(fx->screen);
    fake_api_release(&fx->api);
    strbuf_release(&fx->text);
}

void fx_console_settle(struct fx_console *fx)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        fake_api_deliver(&fx->api);
        console_tick(&fx->console);
        if (fx->api.pending_count == 0 || fx->api.holding)
            break;
    }
    fx->console.dirty = true;
    console_frame(&fx->console);
}

void fx_console_advance(struct fx_console *fx, int64_t ms)
{
    clock_test_advance(&fx->clock, ms);
    fx_console_settle(fx);
}

void fx_console_start(struct fx_console *fx)
{
    console_frame(&fx->console);
    feed_start(&fx->console.feed);
    fx_console_settle(fx);
    /* The stream opens when the newest events are known, and makes everything be asked again. */
    fx_console_advance(fx, 600);
    fx_console_advance(fx, 600);
}

int fx_console_begin(void **state)
{
    struct fx_console *fx = calloc(1, sizeof *fx);

    if (!fx)
        return -1;
    fx_console_init(fx, 24, 80, false);
    fx_console_start(fx);
    *state = fx;
    return 0;
}

int fx_console_end(void **state)
{
    fx_console_release(*state);
    free(*state);
    return 0;
}

void fx_console_keys(struct fx_console *fx, const char *keys)
{
    while (*keys) {
        uint32_t key = key_parse(&keys);

        if (key == 0)
            fail_msg("no such key: %s", keys);
        console_key(&fx->console, key);
    }
    fx_console_settle(fx);
}

const char *fx_console_text(struct fx_console *fx)
{
    strbuf_reset(&fx->text);
    screen_memory_text(fx->screen, &fx->text);
    return fx->text.data;
}

const char *fx_console_row(struct fx_console *fx, int row)
{
    char *at = (char *)(uintptr_t)fx_console_text(fx);

    for (; row > 0 && at; row--) {
        at = strchr(at, '\n');
        at += at != NULL;
    }
    if (!at)
        return "";
    at[strcspn(at, "\n")] = '\0';
    return at;
}

void fx_console_golden(struct fx_console *fx, const char *name)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    const char *text = fx_console_text(fx);
    char path[512];
    STRBUF want = {0};
    struct err e;

    snprintf(path, sizeof path, "%s/tests/screen/golden/%s.txt", source ? source : ".", name);
    if (getenv("UPDATE")) {
        assert_ok(file_write(path, text, strlen(text), 0644, &e), &e);
        return;
    }
    strbuf_init(&want, 1024 * 1024);
    assert_ok(file_read(path, &want, &e), &e);
    if (strcmp(text, want.data) != 0)
        fail_msg("%s differs; expected\n%s\ngot\n%s", name, want.data, text);
}
