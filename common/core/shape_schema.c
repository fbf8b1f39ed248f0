/* The JSON schema (draft 2020-12, as OpenAPI 3.1 takes it) of a shape, out of the same
 * rows that decode it, so that the contract cannot promise what the code refuses. */
#include "common/core/shape.h"

#include <string.h>

/* Appends `,"key":` or, for the first member, `"key":`. */
static void add_key(struct strbuf *out, const char *key)
{
    if (out->len > 0 && out->data[out->len - 1] != '{')
        strbuf_addc(out, ',');
    json_quote(out, key);
    strbuf_addc(out, ':');
}

static void add_text(struct strbuf *out, const char *key, const char *value)
{
    add_key(out, key);
    json_quote(out, value);
}

static void add_int(struct strbuf *out, const char *key, int64_t value)
{
    add_key(out, key);
    json_add_int(out, value);
}

static void add_type(struct strbuf *out, const char *type, bool nullable)
{
    add_key(out, "type");
    if (nullable)
        strbuf_addf(out, "[\"%s\",\"null\"]", type);
    else
        json_quote(out, type);
}

static void add_ref(struct strbuf *out, const char *name)
{
    add_key(out, "$ref");
    strbuf_addf(out, "\"#/components/schemas/%s\"", name);
}

/* Lengths count bytes here and characters in JSON schema: the schema's maximum is then
 * necessary, not sufficient, and says nothing wrong. */
static void add_lengths(struct strbuf *out, struct bounds b)
{
    if (b.min == 1)
        add_int(out, "minLength", 1);
    if (b.max < INT64_MAX)
        add_int(out, "maxLength", b.max);
}

static void add_range(struct strbuf *out, const struct field *f)
{
    struct bounds b = field_bounds(f);

    if (b.min > INT64_MIN)
        add_int(out, "minimum", b.min);
    if (b.max < INT64_MAX)
        add_int(out, "maximum", b.max);
}

static void add_names(struct strbuf *out, const struct field *f)
{
    add_type(out, "string", false);
    add_key(out, "enum");
    for (size_t i = 0; f->names[i]; i++) {
        strbuf_addc(out, i ? ',' : '[');
        json_quote(out, f->names[i]);
    }
    strbuf_addc(out, ']');
}

static void add_money(struct strbuf *out, bool nullable)
{
    if (!nullable) {
        add_ref(out, "Money");
        return;
    }
    add_key(out, "anyOf");
    strbuf_adds(out, "[{\"$ref\":\"#/components/schemas/Money\"},{\"type\":\"null\"}]");
}

static void add_list(struct strbuf *out, const struct field *f)
{
    struct bounds b = field_bounds(f);

    add_type(out, "array", false);
    add_key(out, "items");
    strbuf_addc(out, '{');
    if (f->of) {
        add_ref(out, f->of->name);
    } else {
        add_type(out, "string", false);
        add_int(out, "maxLength", (int64_t)f->item_size - 1);
    }
    strbuf_addc(out, '}');
    if (b.min > 0)
        add_int(out, "minItems", b.min);
    if (b.max < INT64_MAX)
        add_int(out, "maxItems", b.max);
}

static void add_kind(struct strbuf *out, const struct field *f)
{
    bool nullable = field_is_nullable(f) && !(f->flags & FIELD_OMIT);

    switch (f->kind) {
    case FIELD_STRING:
    case FIELD_TEXT:
        add_type(out, "string", nullable);
        add_lengths(out, field_bounds(f));
        break;
    case FIELD_BOOL:
        add_type(out, "boolean", false);
        break;
    case FIELD_INT:
        add_type(out, "integer", false);
        add_text(out, "format", "int64");
        add_range(out, f);
        break;
    case FIELD_NUMBER:
        add_type(out, "number", false);
        add_range(out, f);
        break;
    case FIELD_TIME:
        add_type(out, "string", nullable);
        add_text(out, "format", "date-time");
        break;
    case FIELD_MONEY:
        add_money(out, nullable);
        break;
    case FIELD_ENUM:
        add_names(out, f);
        break;
    case FIELD_OBJECT:
        add_ref(out, f->of->name);
        break;
    case FIELD_LIST:
        add_list(out, f);
        break;
    }
}

static void add_property(struct strbuf *out, const struct field *f)
{
    add_key(out, f->name);
    strbuf_addc(out, '{');
    if (f->help && f->help[0])
        add_text(out, "description", f->help);
    add_kind(out, f);
    if (f->flags & FIELD_READ_ONLY) {
        add_key(out, "readOnly");
        strbuf_adds(out, "true");
    }
    if (f->flags & FIELD_SECRET) {
        add_key(out, "writeOnly");
        strbuf_adds(out, "true");
    }
    strbuf_addc(out, '}');
}

static void add_required(struct strbuf *out, const struct shape *s)
{
    bool any = false;

    for (size_t i = 0; i < s->field_count; i++) {
        if (!(s->fields[i].flags & FIELD_REQUIRED))
            continue;
        if (any)
            strbuf_addc(out, ',');
        else
            strbuf_adds(out, ",\"required\":[");
        json_quote(out, s->fields[i].name);
        any = true;
    }
    if (any)
        strbuf_addc(out, ']');
}

void shape_schema(const struct shape *s, struct strbuf *out)
{
    strbuf_addc(out, '{');
    add_type(out, "object", false);
    if (s->help && s->help[0])
        add_text(out, "description", s->help);
    add_key(out, "properties");
    strbuf_addc(out, '{');
    for (size_t i = 0; i < s->field_count; i++)
        add_property(out, &s->fields[i]);
    strbuf_addc(out, '}');
    add_required(out, s);
    strbuf_adds(out, ",\"additionalProperties\":false}");
}
