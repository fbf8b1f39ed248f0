/* The OpenAPI 3.1 document, out of the route table and the shapes that decode and encode:
 * it cannot promise what the code does not do. */
#include <stdlib.h>
#include <string.h>

#include "api/http/http.h"

#define DOCUMENT_BYTES_MAX (8 * 1024 * 1024)
#define SHAPES_MAX         512

static void key(struct strbuf *out, const char *name)
{
    char last = out->len ? out->data[out->len - 1] : '{';

    if (last != '{' && last != '[')
        strbuf_addc(out, ',');
    json_quote(out, name);
    strbuf_addc(out, ':');
}

static void text(struct strbuf *out, const char *name, const char *value)
{
    key(out, name);
    json_quote(out, value);
}

static void raw(struct strbuf *out, const char *name, const char *json)
{
    key(out, name);
    strbuf_adds(out, json);
}

static void item(struct strbuf *out)
{
    if (out->data[out->len - 1] != '[')
        strbuf_addc(out, ',');
}

/* --- parameters --------------------------------------------------------------------------- */

static void parameter(struct strbuf *out, const char *name, const char *in, bool required,
                      const char *schema, const char *help)
{
    item(out);
    strbuf_addc(out, '{');
    text(out, "name", name);
    text(out, "in", in);
    raw(out, "required", required ? "true" : "false");
    text(out, "description", help);
    raw(out, "schema", schema);
    strbuf_addc(out, '}');
}

static void path_parameters(struct strbuf *out, const char *pattern)
{
    for (const char *p = strchr(pattern, '{'); p; p = strchr(p, '{')) {
        char name[64];
        size_t len = strcspn(++p, "}");

        if (len >= sizeof name)
            return;
        memcpy(name, p, len);
        name[len] = '\0';
        parameter(out, name, "path", true, "{\"type\":\"string\",\"maxLength\":63}",
                  "Which object.");
    }
}

static void list_parameters(struct strbuf *out)
{
    STRBUF limit = {0}, cursor = {0};

    strbuf_init(&limit, 256);
    strbuf_init(&cursor, 256);
    strbuf_addf(&limit, "{\"type\":\"integer\",\"minimum\":1,\"maximum\":%d,\"default\":%d}",
                PAGE_ITEMS_MAX, PAGE_ITEMS_DEFAULT);
    strbuf_addf(&cursor, "{\"type\":\"string\",\"maxLength\":%d}", CURSOR_BYTES_MAX - 1);
    parameter(out, "limit", "query", false, limit.data, "Items in a page.");
    parameter(out, "cursor", "query", false, cursor.data,
              "next_cursor of the page before; opaque.");
    parameter(out, "state", "query", false, "{\"type\":\"string\"}",
              "Only objects in this state, where they have one.");
    parameter(out, "text", "query", false, "{\"type\":\"string\"}",
              "Only objects whose name or id contains this.");
}

static void header_parameters(struct strbuf *out, const struct route *r)
{
    static const char any[] = "{\"type\":\"string\"}";

    if (r->flags & ROUTE_IDEMPOTENT)
        parameter(out, "Idempotency-Key", "header", r->flags & ROUTE_KEY_REQUIRED,
                  "{\"type\":\"string\",\"minLength\":1,\"maxLength\":128}",
                  "A unique text: a repetition with the same body gets the same answer.");
    if (r->method == HTTP_PATCH || r->method == HTTP_DELETE)
        parameter(out, "If-Match", "header", false, any,
                  "ETag of the state that is to be changed.");
    if (r->flags & ROUTE_STREAM)
        parameter(out, "Last-Event-ID", "header", false, any, "Continue after this event.");
}

static void parameters(struct strbuf *out, const struct route *r)
{
    size_t mark = out->len;

    key(out, "parameters");
    strbuf_addc(out, '[');
    path_parameters(out, r->pattern);
    for (const struct route_query *q = r->query; q && q->name; q++)
        parameter(out, q->name, "query", false, q->schema, q->help);
    if (!r->query && (r->flags & ROUTE_LIST))
        list_parameters(out);
    if (r->flags & ROUTE_DRY_RUN)
        parameter(out, "dry_run", "query", false, "{\"type\":\"boolean\",\"default\":false}",
                  "Answer what would happen and what it would cost; change nothing.");
    header_parameters(out, r);
    if (out->data[out->len - 1] == '[' && !out->failed) { /* none: no empty list */
        out->len = mark;
        out->data[mark] = '\0';
        return;
    }
    strbuf_addc(out, ']');
}

/* --- bodies --------------------------------------------------------------------------------- */

static void schema_reference(struct strbuf *out, const char *name)
{
    strbuf_adds(out, "{\"$ref\":\"#/components/schemas/");
    strbuf_adds(out, name);
    strbuf_adds(out, "\"}");
}

static void request_body(struct strbuf *out, const struct route *r)
{
    if (!r->in)
        return;
    raw(out, "requestBody", "{\"required\":true,\"content\":{\"application/json\":{\"schema\":");
    schema_reference(out, r->in->name);
    strbuf_addc(out, '}');
    if (r->method == HTTP_PATCH) {
        strbuf_adds(out, ",\"application/merge-patch+json\":{\"schema\":");
        schema_reference(out, r->in->name);
        strbuf_addc(out, '}');
    }
    strbuf_adds(out, "}}");
}

static void answer_schema(struct strbuf *out, const struct route *r, const struct shape *s)
{
    if (!(r->flags & ROUTE_LIST)) {
        schema_reference(out, s->name);
        return;
    }
    strbuf_adds(out, "{\"type\":\"object\",\"required\":[\"items\"],\"properties\":{\"items\":"
                     "{\"type\":\"array\",\"items\":");
    schema_reference(out, s->name);
    strbuf_adds(out, "},\"next_cursor\":{\"type\":\"string\"}}}");
}

static void success_one(struct strbuf *out, const struct route *r, int code, const struct shape *s)
{
    bool stream = r->flags & ROUTE_STREAM;
    char status[16];

    snprintf(status, sizeof status, "%d", code);

    key(out, status);
    strbuf_adds(out, "{\"description\":\"Done.\"");
    if (s || stream) {
        raw(out, "content", "{");
        if (s) {
            raw(out, "application/json", "{\"schema\":");
            answer_schema(out, r, s);
            strbuf_addc(out, '}');
        }
        if (stream)
            raw(out, "text/event-stream", "{\"schema\":{\"type\":\"string\"}}");
        strbuf_addc(out, '}');
    }
    strbuf_addc(out, '}');
}

/* As the route says; otherwise a POST that creates answers 201; one that acts on an object, or
 * is a dry run, 200; what has nothing to show for it 204. */
static void success(struct strbuf *out, const struct route *r)
{
    bool shows = r->out || (r->flags & ROUTE_STREAM) || r->method == HTTP_GET;

    if (r->flags & ROUTE_TUNNEL) {
        raw(out, "101", "{\"description\":\"The connection carries raw bytes from here on.\"}");
        return;
    }
    if (r->status) {
        success_one(out, r, r->status, r->out);
        if (r->dry_out)
            success_one(out, r, 200, r->dry_out);
        return;
    }
    success_one(out, r, shows ? 200 : 204, r->out);
    if (r->out && r->method == HTTP_POST)
        success_one(out, r, 201, r->out);
}

static void operation(struct strbuf *out, const struct route *r)
{
    static const char *const names[] = {"get", "post", "patch", "delete"};

    key(out, names[r->method]);
    strbuf_addc(out, '{');
    text(out, "operationId", r->name);
    if (r->summary)
        text(out, "summary", r->summary);
    if (r->flags & ROUTE_PUBLIC)
        raw(out, "security", "[]");
    parameters(out, r);
    request_body(out, r);
    raw(out, "responses", "{");
    success(out, r);
    raw(out, "default", "{\"$ref\":\"#/components/responses/Problem\"}");
    strbuf_adds(out, "}}");
}

/* --- the document ------------------------------------------------------------------------------
 */

/* Methods of one path stand together, paths in the order of the table. */
static void paths(struct strbuf *out, const struct route *routes, size_t count)
{
    raw(out, "paths", "{");
    for (size_t i = 0; i < count; i++) {
        bool seen = false;

        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(routes[k].pattern, routes[i].pattern) == 0;
        if (seen)
            continue;
        raw(out, routes[i].pattern, "{");
        for (size_t k = i; k < count; k++)
            if (strcmp(routes[k].pattern, routes[i].pattern) == 0)
                operation(out, &routes[k]);
        strbuf_addc(out, '}');
    }
    strbuf_addc(out, '}');
}

struct shape_set {
    const struct shape *shapes[SHAPES_MAX];
    size_t count;
};

static void shape_add(const struct shape *s, void *ctx)
{
    struct shape_set *set = ctx;

    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->shapes[i]->name, s->name) == 0)
            return;
    if (set->count < SHAPES_MAX)
        set->shapes[set->count++] = s;
}

static const char money_schema[] =
    "{\"type\":\"object\",\"description\":\"An amount: 1500000 EUR is 1.50 euro.\","
    "\"required\":[\"amount_micros\",\"currency\"],\"additionalProperties\":false,\"properties\":{"
    "\"amount_micros\":{\"type\":\"integer\",\"format\":\"int64\"},"
    "\"currency\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\"}}}";

/* Open at its end: money that an error has to tell follows. */
static const char problem_schema[] =
    "{\"type\":\"object\",\"description\":\"An error (RFC 9457); further members are facts to act "
    "on.\",\"required\":[\"type\",\"title\",\"status\",\"detail\",\"code\",\"request_id\"],"
    "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
    "\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},"
    "\"code\":{\"type\":\"string\"},\"request_id\":{\"type\":\"string\"},"
    "\"errors\":{\"type\":\"array\",\"description\":\"400 and 422: each mistake and its place.\","
    "\"items\":{\"type\":\"object\",\"required\":[\"pointer\","
    "\"code\",\"detail\"],\"properties\":{\"pointer\":{\"type\":\"string\",\"description\":"
    "\"JSON pointer into the body (empty: the whole of it), or ?name of a query argument; in a "
    "body that is not JSON as far as the place is known.\"},"
    "\"code\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}}}},"
    "\"alternatives\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":"
    "\"out-of-stock: ids of offers that have stock, those with the same GPU if there are "
    "any.\"}";

static const struct {
    const char *name, *help;
} money_facts[] = {
    {"available", "insufficient-credit: what can be used."},
    {"required", "insufficient-credit: what would be set aside."},
    {"price_per_hour", "conflict: the price now, where it is above price_max."},
    {"price_max", "conflict: the most that was to be paid."},
};

static void problem(struct strbuf *out)
{
    raw(out, "Problem", problem_schema);
    for (size_t i = 0; i < ARRAY_SIZE(money_facts); i++) {
        raw(out, money_facts[i].name, "{");
        text(out, "description", money_facts[i].help);
        raw(out, "$ref", "\"#/components/schemas/Money\"}");
    }
    strbuf_adds(out, "}}");
}

static void components(struct strbuf *out, const struct route *routes, size_t count)
{
    struct shape_set *set = calloc(1, sizeof *set);

    raw(out, "components",
        "{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}},"
        "\"responses\":{\"Problem\":{\"description\":\"It did not work; the body says why.\","
        "\"content\":{\"application/problem+json\":{\"schema\":"
        "{\"$ref\":\"#/components/schemas/Problem\"}}}}}");
    raw(out, "schemas", "{");
    for (size_t i = 0; set && i < count; i++) {
        if (routes[i].in)
            shape_each(routes[i].in, shape_add, set);
        if (routes[i].out)
            shape_each(routes[i].out, shape_add, set);
        if (routes[i].dry_out)
            shape_each(routes[i].dry_out, shape_add, set);
    }
    raw(out, "Money", money_schema);
    problem(out);
    for (size_t i = 0; set && i < set->count; i++) {
        key(out, set->shapes[i]->name);
        shape_schema(set->shapes[i], out);
    }
    strbuf_adds(out, "}}");
    if (!set)
        out->failed = true;
    free(set);
}

static void line_start(struct strbuf *out, int depth)
{
    strbuf_addf(out, "\n%*s", depth * 2, "");
}

/* Append compact JSON with two spaces of indent. */
static void indent_write(const char *json, size_t len, struct strbuf *out)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < len; i++) {
        char c = json[i];

        if (quoted || c == '"') {
            quoted = c == '"' ? !quoted : quoted;
            strbuf_addc(out, c);
            if (c == '\\')
                strbuf_addc(out, json[++i]);
        } else if (c == '{' || c == '[') {
            strbuf_addc(out, c);
            depth++;
            if (json[i + 1] != '}' && json[i + 1] != ']')
                line_start(out, depth);
        } else if (c == '}' || c == ']') {
            depth--;
            if (json[i - 1] != '{' && json[i - 1] != '[')
                line_start(out, depth);
            strbuf_addc(out, c);
        } else {
            strbuf_addc(out, c);
            if (c == ',')
                line_start(out, depth);
            if (c == ':')
                strbuf_addc(out, ' ');
        }
    }
}

void openapi_write(const struct route *routes, size_t count, struct strbuf *out)
{
    STRBUF json = {0};

    strbuf_init(&json, DOCUMENT_BYTES_MAX);
    strbuf_adds(&json, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"hourglass\",\"summary\":"
                       "\"Rent GPU hours, run jobs on them, see what they cost.\",");
    strbuf_adds(&json, "\"version\":\"v1\",\"license\":{\"name\":\"MIT\",\"identifier\":\"MIT\"}},"
                       "\"servers\":[{\"url\":\"/\"}],\"security\":[{\"bearer\":[]}]");
    paths(&json, routes, count);
    components(&json, routes, count);
    strbuf_addc(&json, '}');
    if (json.failed)
        out->failed = true;
    else
        indent_write(json.data, json.len, out);
    strbuf_addc(out, '\n');
}
