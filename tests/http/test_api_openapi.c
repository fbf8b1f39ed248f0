/* The OpenAPI file is the contract: the committed file is what the table writes, every route is in
 * it, and live answers have the shape that it promises. */
#include "tests/support/t.h"

#include <signal.h>

#include "api/resource/resource.h"
#include "core/file.h"
#include "core/json.h"
#include "tests/support/fx_daemon.h"

static json_t *document(void)
{
    json_t *doc = NULL;
    struct err e;
    STRBUF text;

    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    openapi_write(api_routes, api_routes_count, &text);
    assert_false(text.failed);
    assert_ok(json_parse(text.data, text.len, &doc, &e), &e);
    return doc;
}

static void the_committed_file_is_what_the_table_writes(void **state)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[512];
    struct err e;
    STRBUF text = {0}, file = {0};

    (void)state;
    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    strbuf_init(&file, HTTP_RESPONSE_BYTES_MAX);
    snprintf(path, sizeof path, "%s/api/openapi.json", source ? source : ".");
    assert_ok(file_read(path, &file, &e), &e);
    openapi_write(api_routes, api_routes_count, &text);
    if (strcmp(text.data, file.data) != 0)
        fail_msg("api/openapi.json is not what the routes say: run 'make openapi'");
}

static void every_route_is_documented_and_unique(void **state)
{
    json_t *doc = document();
    static const char *const methods[] = {"get", "post", "patch", "delete"};

    (void)state;
    for (size_t i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];
        json_t *path = json_object_get(json_object_get(doc, "paths"), r->pattern);

        assert_true(strlen(r->summary) > 0);
        assert_non_null(json_object_get(path, methods[r->method]));
        for (size_t k = 0; k < i; k++)
            assert_false(api_routes[k].method == r->method &&
                         strcmp(api_routes[k].pattern, r->pattern) == 0);
    }
    json_decref(doc);
}

/* --- a small check of values against the schemas that the document uses ------------------------
 */

static const json_t *resolve(const json_t *doc, const json_t *schema)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    const char *name = ref ? strrchr(ref, '/') : NULL;

    return name ? json_object_get(json_object_get(json_object_get(doc, "components"), "schemas"),
                                  name + 1)
                : schema;
}

static bool type_is(const char *type, const json_t *v)
{
    if (strcmp(type, "object") == 0)
        return json_is_object(v);
    if (strcmp(type, "array") == 0)
        return json_is_array(v);
    if (strcmp(type, "string") == 0)
        return json_is_string(v);
    if (strcmp(type, "integer") == 0)
        return json_is_integer(v);
    if (strcmp(type, "number") == 0)
        return json_is_number(v);
    if (strcmp(type, "boolean") == 0)
        return json_is_boolean(v);
    return strcmp(type, "null") == 0 && json_is_null(v);
}

static bool type_fits(const json_t *type, const json_t *v)
{
    size_t i;
    json_t *one;

    if (json_is_string(type))
        return type_is(json_string_value(type), v);
    json_array_foreach(type, i, one)
    {
        if (type_is(json_string_value(one), v))
            return true;
    }
    return type == NULL;
}

static void fits(const json_t *doc, const json_t *schema, const json_t *v, const char *where)
{
    const json_t *s = resolve(doc, schema), *any = json_object_get(s, "anyOf");
    const char *key;
    json_t *member;
    size_t i;

    assert_non_null(s);
    if (any) { /* [a schema, null] */
        if (!json_is_null(v))
            fits(doc, json_array_get(any, 0), v, where);
        return;
    }
    if (!type_fits(json_object_get(s, "type"), v))
        fail_msg("%s has another type than its schema", where);
    json_object_foreach((json_t *)(uintptr_t)v, key, member)
    {
        const json_t *sub = json_object_get(json_object_get(s, "properties"), key);

        if (json_is_object(v) && !sub)
            fail_msg("%s/%s is not in the schema", where, key);
        fits(doc, sub, member, key);
    }
    json_array_foreach(v, i, member)
    {
        fits(doc, json_object_get(s, "items"), member, where);
    }
}

static void live_answers_have_the_promised_shape(void **state)
{
    struct fx_daemon d = {0};
    json_t *doc = document();
    int asked = 0;

    (void)state;
    fx_daemon_init(&d);
    fx_daemon_start(&d);
    for (size_t i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];
        const json_t *schema;
        json_t *v;

        if (r->method != HTTP_GET || !r->out || strchr(r->pattern, '{'))
            continue;
        schema = json_object_get(
            json_object_get(json_object_get(json_object_get(doc, "paths"), r->pattern), "get"),
            "responses");
        schema = json_object_get(json_object_get(schema, "200"), "content");
        schema = json_object_get(json_object_get(schema, "application/json"), "schema");
        v = fx_must(&d, "GET", r->pattern, NULL);
        fits(doc, schema, v, r->pattern);
        json_decref(v);
        asked++;
    }
    assert_true(asked > 15);
    json_decref(doc);
    fx_daemon_clear(&d);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_file_is_what_the_table_writes),
        cmocka_unit_test(every_route_is_documented_and_unique),
        cmocka_unit_test(live_answers_have_the_promised_shape),
    };

    return T_RUN("api_openapi", tests);
}
