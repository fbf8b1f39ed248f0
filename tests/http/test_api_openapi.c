/* The OpenAPI file is the contract: the committed file is what the table writes, every route is in
 * it, and live answers have the shape that it promises. */
#include "tests/support/t.h"

#include <signal.h>

#include "api/resource/resource.h"
#include "core/file.h"
#include "core/json.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

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

/* --- a small check of values against the schemas that the document uses ----------------------- */

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

/* --- live answers, held against it ------------------------------------------------------------ */

struct live {
    struct fx_daemon d;
    json_t *doc;
    struct raw_client c;
    struct raw_reply r;
    int keys, asked;
    bool covered[128]; /* by index of api_routes */
};

static void live_free(struct live *l)
{
    raw_close(&l->c);
    raw_reply_release(&l->r);
    json_decref(l->doc);
    fx_daemon_clear(&l->d);
    free(l);
}

static const json_t *responses(struct live *l, const struct route *r)
{
    static const char *const methods[] = {"get", "post", "patch", "delete"};
    const json_t *path = json_object_get(json_object_get(l->doc, "paths"), r->pattern);

    return json_object_get(json_object_get(path, methods[r->method]), "responses");
}

static size_t route_index(enum http_method method, const char *pattern)
{
    for (size_t i = 0; i < api_routes_count; i++)
        if (api_routes[i].method == method && strcmp(api_routes[i].pattern, pattern) == 0)
            return i;
    fail_msg("no route %s %s", http_method_names[method], pattern);
    return 0;
}

/* The last answer: a status that the document names, in the shape that it promises for it. */
static json_t *promised(struct live *l, const struct route *r)
{
    const json_t *said, *content, *schema;
    char status[16];
    json_t *v = NULL;
    struct err e;

    snprintf(status, sizeof status, "%d", l->r.status);
    said = json_object_get(responses(l, r), status);
    if (!said)
        fail_msg("%s %s answers %s, which is not documented: %s", http_method_names[r->method],
                 r->pattern, status, l->r.body.data);
    content = json_object_get(said, "content");
    schema = json_object_get(json_object_get(content, "application/json"), "schema");
    if (!schema)
        return NULL;
    assert_contains(raw_header(&l->r, "Content-Type"), "application/json");
    assert_ok(json_parse(l->r.body.data, l->r.body.len, &v, &e), &e);
    fits(l->doc, schema, v, r->pattern);
    return v;
}

/* Ask for `path`, an instance of `pattern`; the answer's tree (NULL: not JSON). Caller owns. */
static json_t *ask(struct live *l, enum http_method method, const char *pattern, const char *path,
                   const char *body)
{
    size_t index = route_index(method, pattern);

    raw_close(&l->c);
    assert_true(raw_open_unix(&l->c, l->d.socket));
    raw_sendf(&l->c, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n",
              http_method_names[method], path, l->d.token);
    if (method == HTTP_POST)
        raw_sendf(&l->c, "Idempotency-Key: key-%d\r\n", l->keys++);
    if (body)
        raw_sendf(&l->c, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    raw_sendf(&l->c, "\r\n%s", body ? body : "");
    raw_read(&l->c, &l->r, false);
    l->covered[index] = true;
    l->asked++;
    return promised(l, &api_routes[index]);
}

/* The same for an object: "/v1/things/{id}…", and the id of the answer is kept. */
static void ask_one(struct live *l, enum http_method method, const char *pattern, char id[ID_MAX],
                    const char *body)
{
    char path[256];
    json_t *v;

    snprintf(path, sizeof path, "%.*s%s%s", (int)strcspn(pattern, "{"), pattern, id,
             strchr(pattern, '}') ? strchr(pattern, '}') + 1 : "");
    v = ask(l, method, pattern, strchr(pattern, '{') ? path : pattern, body);
    if (v && method == HTTP_POST && !strchr(pattern, '{'))
        text_copy(id, ID_MAX, fx_text(v, "id"));
    json_decref(v);
}

static void lists_and_singles(struct live *l)
{
    for (size_t i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];

        if (r->method == HTTP_GET && !strchr(r->pattern, '{'))
            json_decref(ask(l, HTTP_GET, r->pattern, r->pattern, NULL));
    }
}

static void identity_life(struct live *l)
{
    char id[ID_MAX] = "";

    ask_one(l, HTTP_POST, "/v1/organizations", id, "{\"name\":\"o\",\"country\":\"DE\"}");
    ask_one(l, HTTP_GET, "/v1/organizations/{id}", id, NULL);
    ask_one(l, HTTP_POST, "/v1/projects", id, "{\"name\":\"p\"}");
    ask_one(l, HTTP_GET, "/v1/projects/{id}", id, NULL);
    ask_one(l, HTTP_POST, "/v1/members", id,
            "{\"name\":\"m\",\"email\":\"m@example.org\",\"role\":\"viewer\"}");
    ask_one(l, HTTP_GET, "/v1/members/{id}", id, NULL);
    ask_one(l, HTTP_PATCH, "/v1/members/{id}", id, "{\"role\":\"member\"}");
    ask_one(l, HTTP_DELETE, "/v1/members/{id}", id, NULL);
    ask_one(l, HTTP_POST, "/v1/keys", id, "{\"name\":\"k\"}");
    ask_one(l, HTTP_DELETE, "/v1/keys/{id}", id, NULL);
}

static void money_life(struct live *l)
{
    json_t *list = ask(l, HTTP_GET, "/v1/organizations", "/v1/organizations", NULL);
    char body[256], id[ID_MAX] = "";

    snprintf(body, sizeof body,
             "{\"organization_id\":\"%s\",\"kind\":\"paid\",\"amount\":"
             "{\"amount_micros\":1000000,\"currency\":\"EUR\"}}",
             fx_text(json_array_get(json_object_get(list, "items"), 0), "id"));
    ask_one(l, HTTP_POST, "/v1/credit/grants", id, body);
    ask_one(l, HTTP_POST, "/v1/reports", id,
            "{\"tier\":\"state\",\"verdict\":\"healthy\",\"summary\":\"fine\","
            "\"started_at\":\"2026-01-01T00:00:00Z\",\"ended_at\":\"2026-01-01T00:00:01Z\","
            "\"gpus\":[{\"index\":0,\"uuid\":\"GPU-x\",\"model\":\"m\"}],\"findings\":[]}");
    json_decref(list);
}

static void telemetry_life(struct live *l)
{
    char body[256], at[RFC3339_MAX];

    snprintf(body, sizeof body,
             "{\"taken_at\":\"%s\",\"host\":\"node-1\",\"gpus\":[{\"index\":0,"
             "\"readings\":[{\"meter\":\"power_watts\",\"value\":70.5}]}]}",
             rfc3339_format(clock_now_ms(clock_real()), at));
    json_decref(ask(l, HTTP_POST, "/v1/telemetry", "/v1/telemetry", body));
    json_decref(ask(l, HTTP_GET, "/v1/telemetry", "/v1/telemetry?host=node-1", NULL));
}

static void first_of(struct live *l, const char *list, char id[ID_MAX])
{
    json_t *v = ask(l, HTTP_GET, list, list, NULL);

    text_copy(id, ID_MAX, fx_text(json_array_get(json_object_get(v, "items"), 0), "id"));
    json_decref(v);
}

static void staff_life(struct live *l, const char *instance_id)
{
    char id[ID_MAX] = "", body[512];

    snprintf(body, sizeof body,
             "{\"tier\":\"state\",\"verdict\":\"unhealthy\",\"summary\":\"bad\","
             "\"started_at\":\"2026-01-01T00:00:00Z\",\"ended_at\":\"2026-01-01T00:00:01Z\","
             "\"instance_id\":\"%s\"}",
             instance_id);
    ask_one(l, HTTP_POST, "/v1/reports", id, body);
    ask_one(l, HTTP_GET, "/v1/reports/{id}", id, NULL);
    first_of(l, "/v1/cases", id);
    ask_one(l, HTTP_GET, "/v1/cases/{id}", id, NULL);
    ask_one(l, HTTP_POST, "/v1/cases/{id}/actions", id, "{\"action\":\"close\",\"note\":\"ok\"}");
    first_of(l, "/v1/nodes", id);
    ask_one(l, HTTP_GET, "/v1/nodes/{id}", id, NULL);
    ask_one(l, HTTP_POST, "/v1/nodes/{id}/actions", id,
            "{\"action\":\"drain\",\"reason\":\"fan\"}");
    ask_one(l, HTTP_POST, "/v1/nodes/{id}/actions", id, "{\"action\":\"resume\"}");
}

static void renting_life(struct live *l)
{
    static const char launch[] = "{\"offer_id\":\"local-cpu-2.local\"}";
    char id[ID_MAX] = "", job[ID_MAX] = "", body[256], path[160];

    json_decref(ask(l, HTTP_POST, "/v1/instances", "/v1/instances?dry_run=true", launch));
    ask_one(l, HTTP_POST, "/v1/instances", id, launch);
    ask_one(l, HTTP_GET, "/v1/instances/{id}", id, NULL);
    ask_one(l, HTTP_PATCH, "/v1/instances/{id}", id, "{\"name\":\"renamed\"}");
    snprintf(path, sizeof path, "/v1/instances/%s", id);
    json_decref(fx_await_state(&l->d, path, "running"));
    snprintf(body, sizeof body, "{\"instance_id\":\"%s\",\"command\":\"sleep 60\"}", id);
    json_decref(ask(l, HTTP_POST, "/v1/jobs", "/v1/jobs?dry_run=true", body));
    ask_one(l, HTTP_POST, "/v1/jobs", job, body);
    ask_one(l, HTTP_GET, "/v1/jobs/{id}", job, NULL);
    ask_one(l, HTTP_GET, "/v1/jobs/{id}/log", job, NULL);
    lists_and_singles(l); /* with something in them */
    staff_life(l, id);
    ask_one(l, HTTP_POST, "/v1/jobs/{id}/cancel", job, NULL);
    ask_one(l, HTTP_POST, "/v1/instances/{id}/actions", id, "{\"action\":\"stop\"}");
    ask_one(l, HTTP_DELETE, "/v1/instances/{id}", id, NULL);
}

/* Refusals with each kind of further member, and the one that must be there. */
static const struct {
    int status;
    const char *body, *member;
} refused[] = {
    {400, "{\"offer_id\":\"\xff\"}", "errors"},
    {422, "{\"offer_id\":\"local-cpu-2.local\",\"colour\":1}", "errors"},
    {409, "{\"offer_id\":\"h100-1-80g.fr-par-2\"}", "alternatives"},
    {409,
     "{\"offer_id\":\"local-cpu-2.local\",\"price_max\":{\"amount_micros\":1,\"currency\":\"EUR\"}"
     "}",
     "price_max"},
    {402, "{\"offer_id\":\"local-gpu-4.local\"}", "required"},
};

static void refusals_have_only_members_that_the_document_names(void **state)
{
    struct live *l = calloc(1, sizeof *l);
    const json_t *schemas;

    (void)state;
    l->doc = document();
    l->c.fd = -1;
    l->d.grant = "0.10";
    fx_daemon_init(&l->d);
    fx_daemon_start(&l->d);
    schemas = json_object_get(json_object_get(l->doc, "components"), "schemas");
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        json_t *p = NULL;
        struct err e;

        raw_close(&l->c);
        assert_true(raw_open_unix(&l->c, l->d.socket));
        raw_ask(&l->c, &l->r,
                "POST /v1/instances HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                "Idempotency-Key: k\r\nContent-Length: %zu\r\n"
                "Content-Type: application/json\r\n\r\n%s",
                l->d.token, strlen(refused[i].body), refused[i].body);
        assert_int_equal(l->r.status, refused[i].status);
        assert_ok(json_parse(l->r.body.data, l->r.body.len, &p, &e), &e);
        fits(l->doc, json_object_get(schemas, "Problem"), p, "problem");
        assert_non_null(json_object_get(p, refused[i].member));
        json_decref(p);
    }
    live_free(l);
}

static void live_answers_are_what_the_document_promises(void **state)
{
    struct live *l = calloc(1, sizeof *l);

    (void)state;
    l->doc = document();
    l->c.fd = -1;
    l->d.staff = true;
    fx_daemon_init(&l->d);
    fx_daemon_start(&l->d);
    lists_and_singles(l);
    identity_life(l);
    money_life(l);
    telemetry_life(l);
    renting_life(l);
    for (size_t i = 0; i < api_routes_count; i++)
        if (!l->covered[i] && !(api_routes[i].flags & ROUTE_TUNNEL))
            fail_msg("%s %s was not asked", http_method_names[api_routes[i].method],
                     api_routes[i].pattern);
    live_free(l);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_file_is_what_the_table_writes),
        cmocka_unit_test(every_route_is_documented_and_unique),
        cmocka_unit_test(refusals_have_only_members_that_the_document_names),
        cmocka_unit_test(live_answers_are_what_the_document_promises),
    };

    return T_RUN("api_openapi", tests);
}
