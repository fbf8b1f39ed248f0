/* Any bytes as a request target: taken apart, decoded, routed. What was found must be found
 * again when the same segments are sent with every byte escaped. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

/* The two files under test need no server; the harness links no HTTP library. */
#include "api/http/route.c"
#include "api/http/target.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err_code handle(struct request *req, struct response *resp, struct err *e)
{
    UNUSED(req);
    UNUSED(resp);
    return err_set(e, ERR_INTERNAL, "never called");
}

static const struct route routes[] = {
    {.method = HTTP_GET, .pattern = "/livez", .handle = handle},
    {.method = HTTP_GET, .pattern = "/v1/jobs", .handle = handle},
    {.method = HTTP_POST, .pattern = "/v1/jobs", .handle = handle},
    {.method = HTTP_GET, .pattern = "/v1/jobs/summary", .handle = handle},
    {.method = HTTP_GET, .pattern = "/v1/jobs/{id}", .handle = handle},
    {.method = HTTP_GET, .pattern = "/v1/jobs/{id}/log", .handle = handle},
    {.method = HTTP_GET, .pattern = "/v1/{noun}/{id}", .handle = handle},
};

static void query_check(const struct target *t)
{
    for (size_t i = 0; i < t->query_count; i++) {
        assert(text_is_utf8(t->query[i].name, strlen(t->query[i].name)));
        assert(text_is_utf8(t->query[i].value, strlen(t->query[i].value)));
    }
}

static void params_check(char params[HTTP_PARAMS_MAX][64])
{
    for (int i = 0; i < HTTP_PARAMS_MAX; i++)
        assert(memchr(params[i], '\0', sizeof params[i]));
}

/* The path again, escaped as far as can be. */
static char *path_escape(const struct target *t)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 1;
    char *out, *p;

    for (size_t i = 0; i < t->segment_count; i++)
        len += 1 + 3 * t->segment_lens[i];
    p = out = malloc(len);
    assert(out);
    for (size_t i = 0; i < t->segment_count; i++) {
        *p++ = '/';
        for (size_t k = 0; k < t->segment_lens[i]; k++) {
            unsigned char c = (unsigned char)t->segments[i][k];

            *p++ = '%';
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        }
    }
    *p = '\0';
    return out;
}

static void again_check(const struct route_node *tree, const struct target *t,
                        const struct route_node *found, char params[HTTP_PARAMS_MAX][64])
{
    char other[HTTP_PARAMS_MAX][64] = {{0}};
    struct target u;
    char *path = path_escape(t);

    assert(target_parse(path, &u, NULL) == ERR_OK);
    assert(route_find(tree, &u, other) == found);
    assert(memcmp(other, params, sizeof other) == 0);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct route_node *tree;
    char params[HTTP_PARAMS_MAX][64] = {{0}};
    const struct route_node *n;
    struct target t;
    struct err e;
    char *uri;

    if (!tree && route_tree_new(routes, ARRAY_SIZE(routes), &tree, &e))
        abort();
    uri = malloc(size + 1);
    assert(uri);
    memcpy(uri, data, size);
    uri[size] = '\0';
    if (target_parse(uri, &t, &e) == ERR_OK) {
        query_check(&t);
        n = route_find(tree, &t, params);
        params_check(params);
        if (n)
            again_check(tree, &t, n, params);
    }
    free(uri);
    return 0;
}
