/* Any bytes as a JSON request body: parsed, decoded, patched, encoded. What was accepted
 * must encode to something that decodes to the same again. */
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const color_names[] = {"red", "green", NULL};

struct part {
    char name[16];
    char *note;
    double weight;
};

struct thing {
    char name[24];
    char *text;
    bool fast;
    int64_t count;
    double power;
    int64_t at_ms;
    struct money price;
    int color;
    struct part main;
    struct part *parts;
    size_t part_count;
    char (*zones)[12];
    size_t zone_count;
};

static const struct field part_fields[] = {
    F_STRING(struct part, name, FIELD_REQUIRED, 1, 0, ""),
    F_TEXT(struct part, note, 0, 0, 100, ""),
    F_NUMBER(struct part, weight, FIELD_OMIT, 0, 100, ""),
};
static SHAPE(part_shape, struct part, "Part", "", part_fields);

static const struct field thing_fields[] = {
    F_STRING(struct thing, name, 0, 0, 0, ""),
    F_TEXT(struct thing, text, FIELD_OMIT, 0, 0, ""),
    F_BOOL(struct thing, fast, FIELD_OMIT, ""),
    F_INT(struct thing, count, 0, 0, 0, ""),
    F_NUMBER(struct thing, power, 0, 0, 0, ""),
    F_TIME(struct thing, at, 0, ""),
    F_MONEY(struct thing, price, 0, 0, 0, ""),
    F_ENUM(struct thing, color, 0, color_names, ""),
    F_OBJECT(struct thing, main, FIELD_OMIT, &part_shape, ""),
    F_LIST(struct thing, parts, part_count, FIELD_OMIT, &part_shape, 8, ""),
    F_STRINGS(struct thing, zones, zone_count, FIELD_OMIT, 12, 8, ""),
};
static SHAPE(thing_shape, struct thing, "Thing", "", thing_fields);

static void need(bool held)
{
    if (!held)
        abort();
}

/* Decode what was encoded and encode it again: the texts must agree. */
static void check_round_trip(const struct thing *t)
{
    STRBUF once = {0}, twice = {0};
    struct thing again = {0};
    json_t *tree = NULL;
    struct err e;

    strbuf_init(&once, HTTP_RESPONSE_BYTES_MAX);
    strbuf_init(&twice, HTTP_RESPONSE_BYTES_MAX);
    shape_encode(&thing_shape, t, &once);
    need(!once.failed);
    need(json_parse(once.data, once.len, &tree, &e) == ERR_OK);
    need(shape_decode(&thing_shape, tree, &again, &e) == ERR_OK);
    shape_encode(&thing_shape, &again, &twice);
    need(strcmp(once.data, twice.data) == 0);
    shape_release(&thing_shape, &again);
    json_decref(tree);
}

static void check_error(const struct err *e)
{
    need(e->code != ERR_OK);
    need(memchr(e->msg, '\0', sizeof e->msg) != NULL);
    need(e->msg[0] != '\0');
    need(e->detail_count <= ERR_DETAILS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct thing t = {0};
    json_t *tree = NULL;
    uint64_t present;
    struct err e = {0};

    if (json_parse((const char *)data, size, &tree, &e)) {
        check_error(&e);
        return 0;
    }
    if (shape_decode(&thing_shape, tree, &t, &e) == ERR_OK)
        check_round_trip(&t);
    else
        check_error(&e);
    if (shape_patch(&thing_shape, tree, &t, &present, &e) == ERR_OK)
        check_round_trip(&t);
    shape_release(&thing_shape, &t);
    if (shape_read(&thing_shape, tree, &t, &e) != ERR_OK)
        check_error(&e);
    shape_release(&thing_shape, &t);
    json_decref(tree);
    return 0;
}
