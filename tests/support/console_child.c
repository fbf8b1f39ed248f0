/* The process that is the console. */
#include "tests/support/t.h"

#include "tests/support/console_child.h"

static void many_offers(struct fake_api *api, size_t count)
{
    STRBUF body;

    strbuf_init(&body, (size_t)4 * 1024 * 1024);
    strbuf_adds(&body, "{\"items\":[");
    for (size_t i = 0; i < count; i++)
        strbuf_addf(
            &body,
            "%s{\"id\":\"o%03zu\",\"name\":\"OFFER-%03zu\",\"zone\":\"fr-par-2\","
            "\"gpu_model\":\"h100\",\"gpu_count\":%zu,\"vcpu_count\":8,\"memory_gib\":64,"
            "\"scratch_gib\":1,\"price_per_hour\":{\"amount_micros\":%zu,\"currency\":"
            "\"EUR\"},\"price_is_example\":false,\"price_source\":\"x\",\"pool\":\"p\","
            "\"pool_units\":1,\"stock\":%zu,\"availability\":\"available\",\"country\":"
            "\"FR\",\"jurisdiction\":\"FR\",\"operator\":\"scaleway\",\"carbon_g_per_hour\":"
            "%zu}",
            i ? "," : "", i, i, i % 8 + 1, 1000000 + i * 1000, i % 9, i);
    strbuf_adds(&body, "]}");
    fake_api_on(api, "GET /v1/offers", 200, body.data);
}

/* The time of day stands still; what is planned for later still comes. */
static int64_t still_now(struct clock *c)
{
    (void)c;
    return FAKE_NOW_MS;
}

static int64_t real_mono(struct clock *c)
{
    (void)c;
    return clock_mono_ms(clock_real());
}

static int run_for_real(const struct console_options *o, const char *url)
{
    const struct client_config config = {.url = url, .token = "hgk_none"};
    struct console_options real = *o;

    real.client = &config;
    return console_run(&real);
}

int console_child_run(void *ctx)
{
    const struct console_child *child = ctx;
    struct fake_api *api = calloc(1, sizeof *api);
    struct console_options o = {.script = child->script,
                                .trace = child->trace,
                                .read_only = child->read_only,
                                .color = child->color};
    struct clock clock = {.now_ms = still_now, .mono_ms = real_mono};
    int exit_code;

    if (child->still)
        o.clock = &clock;
    if (child->url) {
        free(api);
        return run_for_real(&o, child->url);
    }
    if (!api)
        return 99;
    fake_api_init(api);
    fake_api_demo(api);
    if (child->offers)
        many_offers(api, child->offers);
    exit_code = console_run_on(&o, &api->base);
    fake_api_release(api);
    free(api);
    return exit_code;
}

struct term *console_child_start(const struct console_child *child, const char *name, int rows,
                                 int cols)
{
    struct term_options o = {.rows = rows,
                             .cols = cols,
                             .name = name,
                             .run = console_child_run,
                             .ctx = (void *)(uintptr_t)child};

    return term_start(&o);
}

struct term *console_child_ready(const struct console_child *child, int rows, int cols)
{
    struct term *t = console_child_start(child, NULL, rows, cols);

    assert_screen(t, "train-1");
    assert_screen(t, "live");
    return t;
}
