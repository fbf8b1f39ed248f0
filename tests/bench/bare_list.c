/* bare_list DATABASE TOKEN_FILE CATALOGUE SECONDS [BODY_FILE]: the work of
 * GET /v1/instances?limit=50 without HTTP, in a loop on one thread: a read transaction, the same
 * service call with the same query, the same JSON. Prints "LISTS_PER_SECOND BYTES"; with
 * BODY_FILE, a body that the server answered, it first makes sure that it makes the same bytes. */
#include <sodium.h>

#include "api/service/service.h"
#include "tests/bench/bench.h"

#define LIMIT   50
#define WARM_US (US_PER_SECOND / 2)

struct list {
    struct service sv;
    const char *token;
    struct actor by;
    struct strbuf json;
};

static enum err_code find(struct tx *tx, void *ctx, struct err *e)
{
    struct list *l = ctx;

    return key_authenticate(&l->sv, tx, l->token, &l->by, e);
}

static enum err_code list_once(struct tx *tx, void *ctx, struct err *e)
{
    struct list *l = ctx;
    struct page_query q = {.limit = LIMIT};
    struct instance *items = NULL;
    char next[CURSOR_BYTES_MAX] = "";
    size_t count = 0;
    enum err_code rc = instance_list(&l->sv, tx, &l->by, &q, &items, &count, next, e);

    if (rc)
        return rc;
    strbuf_reset(&l->json);
    shape_encode_list(&instance_shape, items, count, next, &l->json);
    LIST_FREE(&instance_shape, items, count);
    if (count != LIMIT || l->json.failed)
        return err_set(e, ERR_INTERNAL, "a list of %zu items", count);
    return ERR_OK;
}

static int64_t loop(struct list *l, int64_t for_us)
{
    int64_t count = 0, end_us = now_us() + for_us;
    struct err e;

    for (; now_us() < end_us; count++)
        must(store_read(l->sv.store, list_once, l, &e), &e);
    return count;
}

static void compare(const struct list *l, const char *path)
{
    struct err e;
    STRBUF body;

    strbuf_init(&body, HTTP_RESPONSE_BYTES_MAX);
    must(file_read(path, &body, &e), &e);
    if (body.len != l->json.len || memcmp(body.data, l->json.data, body.len) != 0)
        die("the server answers %zu bytes, the loop makes %zu, and they are not the same", body.len,
            l->json.len);
}

int main(int argc, char **argv)
{
    char url[4096], token[TOKEN_BYTES_MAX];
    struct store_config c = {.url = url, .clock = clock_real()};
    struct catalogue catalogue = {0};
    struct list l = {.token = token};
    struct store *s;
    int64_t count, from_us;
    struct err e;

    if (argc < 5 || sodium_init() < 0)
        die("usage: bare_list DATABASE TOKEN_FILE CATALOGUE SECONDS [BODY_FILE]");
    snprintf(url, sizeof url, "sqlite:%s", argv[1]);
    line_read(argv[2], token, sizeof token);
    must(store_open(&c, &s, &e), &e);
    must(catalogue_load(argv[3], &catalogue, &e), &e);
    must(service_init(&l.sv, s, clock_real(), NULL, argv[3], &catalogue, &e), &e);
    strbuf_init(&l.json, HTTP_RESPONSE_BYTES_MAX);
    must(store_read(s, find, &l, &e), &e);
    loop(&l, WARM_US);
    if (argc > 5)
        compare(&l, argv[5]);
    from_us = now_us();
    count = loop(&l, number(argv[4]) * US_PER_SECOND);
    printf("%.1f %zu\n", (double)count * US_PER_SECOND / (double)(now_us() - from_us), l.json.len);
    strbuf_release(&l.json);
    store_close(s);
    service_release(&l.sv);
    return 0;
}
