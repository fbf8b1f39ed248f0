/* JSON: the report as its shape has it, and the schema out of the same rows. */
#include <stdlib.h>
#include <string.h>

#include "gpu/format.h"
#include "gpu/output.h"

#define SCHEMA_URI "https://json-schema.org/draft/2020-12/schema"

/* How shape_schema() refers to other shapes, which is OpenAPI's way, and how it is done here. */
#define OPENAPI_REFERENCE "#/components/schemas/"
#define LOCAL_REFERENCE   "#/$defs/"

void gpu_format_json(const struct report *r, const struct gpu_style *style, struct strbuf *out)
{
    UNUSED(style);
    shape_encode(&report_shape, r, out);
    strbuf_addc(out, '\n');
}

static void definition_add(const struct shape *s, void *ctx)
{
    struct strbuf *out = ctx;

    if (out->data[out->len - 1] != '{')
        strbuf_addc(out, ',');
    json_quote(out, s->name);
    strbuf_addc(out, ':');
    shape_schema(s, out);
}

static void references_localise(const char *text, struct strbuf *out)
{
    for (const char *at; (at = strstr(text, OPENAPI_REFERENCE)) != NULL;
         text = at + strlen(OPENAPI_REFERENCE)) {
        strbuf_add(out, text, (size_t)(at - text));
        strbuf_adds(out, LOCAL_REFERENCE);
    }
    strbuf_adds(out, text);
}

void gpu_report_schema(struct strbuf *out)
{
    json_t *tree = NULL;
    char *pretty = NULL;
    STRBUF openapi, local;

    strbuf_init(&openapi, GPU_OUTPUT_BYTES_MAX);
    strbuf_init(&local, GPU_OUTPUT_BYTES_MAX);
    strbuf_addf(&openapi, "{\"$schema\":\"%s\",\"title\":\"hourglass-gpu check -o json\",",
                SCHEMA_URI);
    strbuf_addf(&openapi, "\"$ref\":\"%s%s\",\"$defs\":{", OPENAPI_REFERENCE, report_shape.name);
    shape_each(&report_shape, definition_add, &openapi);
    strbuf_adds(&openapi, "}}");
    references_localise(openapi.data, &local);
    if (!local.failed && !json_parse(local.data, local.len, &tree, NULL))
        pretty = json_dumps(tree, JSON_INDENT(2));
    out->failed = out->failed || !pretty;
    if (pretty)
        strbuf_addf(out, "%s\n", pretty);
    free(pretty);
    json_decref(tree);
}
