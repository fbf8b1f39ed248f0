/* The parts of the HTTP layer that need no socket: the route tree, problems, the OpenAPI
 * document. */
#include "tests/support/t.h"

#include "tests/support/fx_http.h"

#include "api/http/http_internal.h"

static const struct route_node *find(const struct route_node *tree, const char *path,
                                     char params[HTTP_PARAMS_MAX][64])
{
    char uri[256];
    struct target t;
    struct err e;

    text_copy(uri, sizeof uri, path);
    assert_ok(target_parse(uri, &t, &e), &e);
    return route_find(tree, &t, params);
}

static void every_route_is_found_by_its_pattern(void **state)
{
    struct route_node *tree;
    char params[HTTP_PARAMS_MAX][64];
    struct err e;

    UNUSED(state);
    assert_ok(route_tree_new(fx_http_routes, fx_http_route_count, &tree, &e), &e);
    for (size_t i = 0; i < fx_http_route_count; i++) {
        const struct route *r = &fx_http_routes[i];
        STRBUF path = {0};
        const struct route_node *n;

        strbuf_init(&path, 256);
        for (const char *p = r->pattern; *p; p++) {
            if (*p == '{') {
                strbuf_adds(&path, "x");
                p = strchr(p, '}');
            } else {
                strbuf_addc(&path, *p);
            }
        }
        n = find(tree, path.data, params);
        assert_non_null(n);
        assert_ptr_equal(n->routes[r->method], r);
        assert_contains(n->allow, http_method_names[r->method]);
    }
    route_tree_free(tree);
}

static void a_literal_wins_and_the_parameter_is_tried_after(void **state)
{
    static const struct route routes[] = {
        {.method = HTTP_GET, .pattern = "/a/{x}/c", .handle = (route_fn *)1},
        {.method = HTTP_GET, .pattern = "/a/b/{y}", .handle = (route_fn *)1},
        {.method = HTTP_GET, .pattern = "/a/b/d/e", .handle = (route_fn *)1},
        {.method = HTTP_GET, .pattern = "/", .handle = (route_fn *)1},
    };
    struct route_node *tree;
    char params[HTTP_PARAMS_MAX][64];
    struct err e;

    UNUSED(state);
    assert_ok(route_tree_new(routes, ARRAY_SIZE(routes), &tree, &e), &e);
    assert_ptr_equal(find(tree, "/a/b/c", params)->routes[HTTP_GET], &routes[1]);
    assert_string_equal(params[0], "c");
    assert_ptr_equal(find(tree, "/a/z/c", params)->routes[HTTP_GET], &routes[0]);
    assert_string_equal(params[0], "z");
    assert_ptr_equal(find(tree, "/a/b/d", params)->routes[HTTP_GET], &routes[1]);
    assert_ptr_equal(find(tree, "/a/b/d/e", params)->routes[HTTP_GET], &routes[2]);
    assert_ptr_equal(find(tree, "/", params)->routes[HTTP_GET], &routes[3]);
    assert_null(find(tree, "/a/b/d/f", params));
    assert_null(find(tree, "/a//c", params));
    assert_null(find(tree, "/a", params));
    route_tree_free(tree);
}

static void methods_are_read_exactly(void **state)
{
    UNUSED(state);
    assert_int_equal(method_parse("GET"), HTTP_GET);
    assert_int_equal(method_parse("HEAD"), HTTP_GET);
    assert_int_equal(method_parse("DELETE"), HTTP_DELETE);
    assert_int_equal(method_parse("get"), HTTP_METHOD_COUNT);
    assert_int_equal(method_parse(""), HTTP_METHOD_COUNT);
}

static void tags_are_compared_weakly(void **state)
{
    static const struct {
        const char *asked, *tag;
        bool match;
    } rows[] = {
        {"\"a\"", "\"a\"", true},        {"W/\"a\"", "\"a\"", true},  {"\"a\"", "W/\"a\"", true},
        {"\"b\", \"a\"", "\"a\"", true}, {"*", "\"a\"", true},        {"a", "\"a\"", true},
        {"\"aa\"", "\"a\"", false},      {"", "\"a\"", false},        {"\"", "\"a\"", false},
        {"\"b\",,,", "\"a\"", false},    {"\"b, \"a", "\"a\"", true}, {"W/", "\"a\"", false},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (heads_etag_match(rows[i].asked, rows[i].tag) != rows[i].match)
            fail_msg("row %zu", i);
}

static void a_problem_carries_details_and_facts(void **state)
{
    STRBUF out = {0};
    struct err e;
    json_t *p = NULL;

    UNUSED(state);
    strbuf_init(&out, 65536);
    err_set(&e, ERR_NO_CREDIT, "needs %s", "\"more\"\n");
    err_detail(&e, "/a/0", "out_of_range", "at most %d", 3);
    err_fact_money(&e, "available", -5, "EUR");
    err_fact_text(&e, "offers", "x");
    err_fact_int(&e, "wait_seconds", 9);
    err_fact_text(&e, "offers", "y");
    problem_write(&e, ERR_NO_CREDIT, "req_1", &out);
    assert_string_equal(
        out.data,
        "{\"type\":\"urn:hourglass:problem:insufficient-credit\",\"title\":\"not enough credit\","
        "\"status\":402,\"detail\":\"needs \\\"more\\\"\\n\",\"code\":\"insufficient-credit\","
        "\"request_id\":\"req_1\",\"errors\":[{\"pointer\":\"/a/0\",\"code\":\"out_of_range\","
        "\"detail\":\"at most 3\"}],\"available\":{\"amount_micros\":-5,\"currency\":\"EUR\"},"
        "\"offers\":[\"x\",\"y\"],\"wait_seconds\":9}");
    assert_ok(json_parse(out.data, out.len, &p, &e), &e);
    json_decref(p);
}

static void every_error_makes_a_problem(void **state)
{
    UNUSED(state);
    for (int rc = 1; rc < ERR_COUNT; rc++) {
        STRBUF out = {0};
        struct err e;
        json_t *p = NULL;

        strbuf_init(&out, 65536);
        problem_write(NULL, (enum err_code)rc, "r", &out);
        assert_ok(json_parse(out.data, out.len, &p, &e), &e);
        assert_string_equal(json_string_value(json_object_get(p, "detail")),
                            err_text((enum err_code)rc));
        json_decref(p);
    }
}

static json_t *openapi(void)
{
    STRBUF out = {0};
    json_error_t why;
    json_t *doc;

    strbuf_init(&out, 8 << 20);
    openapi_write(fx_http_routes, fx_http_route_count, &out);
    assert_false(out.failed);
    assert_int_equal(out.data[out.len - 1], '\n');
    doc = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &why);
    if (!doc)
        fail_msg("line %d: %s", why.line, why.text);
    return doc;
}

static const json_t *at(const json_t *doc, const char *a, const char *b, const char *c)
{
    const json_t *j = json_object_get(json_object_get(doc, a), b);

    return c ? json_object_get(j, c) : j;
}

static bool has_parameter(const json_t *operation, const char *name, const char *in)
{
    const json_t *list = json_object_get(operation, "parameters");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);

        if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0 &&
            strcmp(json_string_value(json_object_get(p, "in")), in) == 0)
            return true;
    }
    return false;
}

static void the_document_has_every_route(void **state)
{
    static const char *const names[] = {"get", "post", "patch", "delete"};
    json_t *doc = openapi();

    UNUSED(state);
    assert_string_equal(json_string_value(json_object_get(doc, "openapi")), "3.1.0");
    for (size_t i = 0; i < fx_http_route_count; i++) {
        const struct route *r = &fx_http_routes[i];
        const json_t *op = at(doc, "paths", r->pattern, names[r->method]);

        assert_non_null(op);
        assert_string_equal(json_string_value(json_object_get(op, "operationId")), r->name);
        assert_string_equal(json_string_value(json_object_get(op, "summary")), r->summary);
        assert_non_null(at(op, "responses", "default", NULL));
        assert_true((json_object_get(op, "security") != NULL) == !!(r->flags & ROUTE_PUBLIC));
        assert_true((json_object_get(op, "requestBody") != NULL) == (r->in != NULL));
    }
    json_decref(doc);
}

static void the_document_names_the_parameters(void **state)
{
    json_t *doc = openapi();
    const json_t *list = at(doc, "paths", "/v1/things", "get");
    const json_t *create = at(doc, "paths", "/v1/things", "post");
    const json_t *part = at(doc, "paths", "/v1/things/{id}/parts/{part}", "get");

    UNUSED(state);
    assert_true(has_parameter(list, "limit", "query"));
    assert_true(has_parameter(list, "cursor", "query"));
    assert_true(has_parameter(create, "dry_run", "query"));
    assert_true(has_parameter(create, "Idempotency-Key", "header"));
    assert_true(has_parameter(part, "id", "path"));
    assert_true(has_parameter(part, "part", "path"));
    assert_true(has_parameter(at(doc, "paths", "/v1/things/{id}", "patch"), "If-Match", "header"));
    assert_true(has_parameter(at(doc, "paths", "/v1/events", "get"), "Last-Event-ID", "header"));
    assert_null(json_object_get(at(doc, "paths", "/livez", "get"), "parameters"));
    json_decref(doc);
}

/* Every "$ref" leads somewhere. */
static void references_check(const json_t *doc, const json_t *j)
{
    const char *key;
    json_t *value;
    size_t i;

    json_object_foreach((json_t *)(uintptr_t)j, key, value)
    {
        if (strcmp(key, "$ref") == 0) {
            const char *name = strrchr(json_string_value(value), '/') + 1;

            if (!at(doc, "components", "schemas", name) &&
                !at(doc, "components", "responses", name))
                fail_msg("%s leads nowhere", json_string_value(value));
        }
        references_check(doc, value);
    }
    json_array_foreach((json_t *)(uintptr_t)j, i, value) references_check(doc, value);
}

static void the_document_refers_to_what_it_has(void **state)
{
    json_t *doc = openapi();

    UNUSED(state);
    assert_non_null(at(doc, "components", "schemas", "Thing"));
    assert_non_null(at(doc, "components", "schemas", "Money"));
    assert_non_null(at(doc, "components", "schemas", "Problem"));
    assert_non_null(at(doc, "components", "securitySchemes", "bearer"));
    references_check(doc, doc);
    json_decref(doc);
}

static void the_document_is_the_same_each_time(void **state)
{
    STRBUF a = {0}, b = {0};

    UNUSED(state);
    strbuf_init(&a, 8 << 20);
    strbuf_init(&b, 8 << 20);
    openapi_write(fx_http_routes, fx_http_route_count, &a);
    openapi_write(fx_http_routes, fx_http_route_count, &b);
    assert_string_equal(a.data, b.data);
    assert_contains(a.data, "{\n  \"openapi\": \"3.1.0\",\n  \"info\": {\n    \"title\"");
    assert_contains(a.data, "\"summary\": \"Show \\\"one\\\" \\\\.\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_found_by_its_pattern),
        cmocka_unit_test(a_literal_wins_and_the_parameter_is_tried_after),
        cmocka_unit_test(methods_are_read_exactly),
        cmocka_unit_test(tags_are_compared_weakly),
        cmocka_unit_test(a_problem_carries_details_and_facts),
        cmocka_unit_test(every_error_makes_a_problem),
        cmocka_unit_test(the_document_has_every_route),
        cmocka_unit_test(the_document_names_the_parameters),
        cmocka_unit_test(the_document_refers_to_what_it_has),
        cmocka_unit_test(the_document_is_the_same_each_time),
    };

    return T_RUN("http_contract", tests);
}
