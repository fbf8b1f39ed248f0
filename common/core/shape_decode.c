/* A JSON tree to a struct by its rows. Collects every mistake with its pointer instead of
 * stopping at the first; knows no rule beyond what a row says. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core/decoder.h"

static void decode_inline_string(struct decoder *d, const json_t *v, struct bounds b, char *out)
{
    size_t len = json_string_length(v);

    if (!json_is_string(v)) {
        wrong_type(d, "a string", v);
        return;
    }
    if (!length_check(d, len, b, "bytes") || !text_check(d, json_string_value(v), len, ""))
        return;
    memcpy(out, json_string_value(v), len);
    out[len] = '\0';
}

static void decode_text(struct decoder *d, const struct field *f, const json_t *v, char **out)
{
    size_t len = json_string_length(v);

    if (!json_is_string(v)) {
        wrong_type(d, "a string", v);
        return;
    }
    if (!length_check(d, len, field_bounds(f), "bytes") ||
        !text_check(d, json_string_value(v), len, "\n\t"))
        return;
    *out = strdup(json_string_value(v));
    d->no_memory = d->no_memory || !*out;
}

static void decode_int(struct decoder *d, const json_t *v, struct bounds b, int64_t *out)
{
    if (!json_is_integer(v))
        wrong_type(d, "an integer", v);
    else if (range_check(d, json_integer_value(v), b))
        *out = json_integer_value(v);
}

static void decode_number(struct decoder *d, const struct field *f, const json_t *v, double *out)
{
    struct bounds b = field_bounds(f);
    double n = json_number_value(v);
    char got[32];

    if (!json_is_number(v)) {
        wrong_type(d, "a number", v);
        return;
    }
    if (!(n >= (double)b.min && n <= (double)b.max) && (f->min || f->max) &&
        d->mode != DECODE_READ) {
        snprintf(got, sizeof got, "%g", n);
        out_of_range(d, b, got);
        return;
    }
    *out = n;
}

/* The epoch itself is no moment here: 0 is what a time that is left out has. */
static void decode_time(struct decoder *d, const json_t *v, int64_t *out)
{
    char shown[EXCERPT_SIZE];
    int64_t at_ms = 0;

    if (!json_is_string(v))
        wrong_type(d, "a string with a time such as 2026-11-20T13:35:20Z", v);
    else if (strlen(json_string_value(v)) != json_string_length(v) ||
             rfc3339_parse(json_string_value(v), &at_ms, NULL) || !at_ms)
        mistake(d, "bad_time", "expected a time such as 2026-11-20T13:35:20Z, got '%s'",
                excerpt(json_string_value(v), shown));
    else
        *out = at_ms;
}

static void decode_currency(struct decoder *d, const json_t *v, char out[CURRENCY_MAX])
{
    char shown[EXCERPT_SIZE];
    const char *text = json_string_value(v);

    if (!json_is_string(v)) {
        wrong_type(d, "a string", v);
        return;
    }
    if (json_string_length(v) != CURRENCY_MAX - 1 ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
        mistake(d, "bad_currency", "expected a currency such as EUR, got '%s'",
                excerpt(text, shown));
    else
        memcpy(out, text, CURRENCY_MAX);
}

static void money_check_names(struct decoder *d, const json_t *v)
{
    const char *name;
    json_t *member;

    if (d->mode == DECODE_READ)
        return;
    json_object_foreach((json_t *)(uintptr_t)v, name, member)
    {
        if (strcmp(name, MONEY_AMOUNT) != 0 && strcmp(name, MONEY_CURRENCY) != 0)
            unknown_field(d, name, NULL);
    }
}

/* An amount is one value: both halves are required even in a patch. */
static void decode_money(struct decoder *d, const struct field *f, const json_t *v,
                         struct money *out)
{
    const json_t *amount = json_object_get(v, MONEY_AMOUNT);
    const json_t *currency = json_object_get(v, MONEY_CURRENCY);
    struct mark before;

    if (!json_is_object(v)) {
        wrong_type(d, "an object with " MONEY_AMOUNT " and " MONEY_CURRENCY, v);
        return;
    }
    money_check_names(d, v);
    if (amount) {
        before = pointer_push(d, MONEY_AMOUNT);
        decode_int(d, amount, field_bounds(f), &out->micros);
        pointer_pop(d, before);
    } else {
        missing_field(d, MONEY_AMOUNT);
    }
    if (currency) {
        before = pointer_push(d, MONEY_CURRENCY);
        decode_currency(d, currency, out->currency);
        pointer_pop(d, before);
    } else {
        missing_field(d, MONEY_CURRENCY);
    }
}

static void decode_enum(struct decoder *d, const struct field *f, const json_t *v, int *out)
{
    char shown[EXCERPT_SIZE];
    STRBUF allowed = {0};
    int value;

    if (!json_is_string(v)) {
        wrong_type(d, "a string", v);
        return;
    }
    value = names_find(f->names, json_string_value(v));
    if (value >= 0 && strlen(json_string_value(v)) == json_string_length(v)) {
        *out = value;
        return;
    }
    if (d->mode == DECODE_READ)
        return;
    strbuf_init(&allowed, ERR_TEXT_MAX);
    for (size_t i = 0; f->names[i]; i++)
        strbuf_addf(&allowed, "%s%s", i ? ", " : "", f->names[i]);
    mistake(d, "unknown_value", "unknown value '%s', expected %s%s%s",
            excerpt(json_string_value(v), shown), f->names[0] && f->names[1] ? "one of " : "",
            allowed.data, allowed.failed ? ", …" : "");
}

static void decode_object(struct decoder *d, const struct shape *s, const json_t *v, void *out);

/* Room for `count` items; already part of the object, so that its release frees what
 * the items hold. */
static char *list_room(const struct field *f, void *obj, size_t count)
{
    if (!field_list_is_inline(f))
        *(void **)field_of(f, obj) = calloc(count, field_item_size(f));
    if (field_items_of(f, obj))
        *field_count_of(f, obj) = count;
    return field_items_of(f, obj);
}

/* The items of a list are whole values, in a patch too. */
static void decode_list(struct decoder *d, const struct field *f, const json_t *v, void *obj)
{
    size_t count = json_array_size(v), size = field_item_size(f);
    struct bounds item_bounds = {0, (int64_t)size - 1};
    enum decode_mode mode = d->mode;
    char *items;

    assert(size > 0);
    if (!json_is_array(v)) {
        wrong_type(d, "a list", v);
        return;
    }
    if (!length_check(d, count, field_bounds(f), "items") || count == 0)
        return;
    items = list_room(f, obj, count);
    if (!items) {
        d->no_memory = true;
        return;
    }
    d->mode = mode == DECODE_PATCH ? DECODE_STRICT : mode;
    for (size_t i = 0; i < count && !d->no_memory; i++) {
        struct mark before = pointer_push_index(d, i);

        if (f->of)
            decode_object(d, f->of, json_array_get(v, i), items + i * size);
        else
            decode_inline_string(d, json_array_get(v, i), item_bounds, items + i * size);
        pointer_pop(d, before);
    }
    d->mode = mode;
}

static void decode_bool(struct decoder *d, const json_t *v, bool *out)
{
    if (!json_is_boolean(v))
        wrong_type(d, "true or false", v);
    else
        *out = json_is_true(v);
}

/* An object that the target does not have yet must be whole, or a patch could leave one
 * without what it requires. */
static void decode_member_object(struct decoder *d, const struct field *f, const json_t *v,
                                 void *out)
{
    enum decode_mode mode = d->mode;
    const void *target = d->target;

    if (mode == DECODE_PATCH && field_is_empty(f, target))
        d->mode = DECODE_STRICT;
    else if (mode == DECODE_PATCH)
        d->target = field_in(f, target);
    decode_object(d, f->of, v, out);
    d->mode = mode;
    d->target = target;
}

static void decode_value(struct decoder *d, const struct field *f, const json_t *v, void *obj)
{
    void *at = field_of(f, obj);

    switch (f->kind) {
    case FIELD_STRING:
        decode_inline_string(d, v, field_bounds(f), at);
        break;
    case FIELD_TEXT:
        decode_text(d, f, v, at);
        break;
    case FIELD_BOOL:
        decode_bool(d, v, at);
        break;
    case FIELD_INT:
        decode_int(d, v, field_bounds(f), at);
        break;
    case FIELD_NUMBER:
        decode_number(d, f, v, at);
        break;
    case FIELD_TIME:
        decode_time(d, v, at);
        break;
    case FIELD_MONEY:
        decode_money(d, f, v, at);
        break;
    case FIELD_ENUM:
        decode_enum(d, f, v, at);
        break;
    case FIELD_OBJECT:
        decode_member_object(d, f, v, at);
        break;
    case FIELD_LIST:
        decode_list(d, f, v, obj);
        break;
    }
}

/* Null where it means "absent". A patch removes with it whatever is optional. */
static bool decode_null(struct decoder *d, const struct field *f)
{
    if (d->mode == DECODE_PATCH && !(f->flags & FIELD_REQUIRED))
        return true;
    if (d->mode == DECODE_PATCH) {
        mistake(d, "required", "field '%s' is required and cannot be removed", f->name);
        return true;
    }
    return d->mode == DECODE_READ || field_is_nullable(f);
}

static void decode_member(struct decoder *d, const struct field *f, const json_t *v, void *out)
{
    struct mark before = pointer_push(d, f->name);

    if (f->flags & FIELD_READ_ONLY && d->mode != DECODE_READ)
        mistake(d, "read_only", "field '%s' is read-only", f->name);
    else if (!json_is_null(v) || !decode_null(d, f))
        decode_value(d, f, v, out);
    pointer_pop(d, before);
}

static const struct field *field_find(const struct shape *s, const char *name)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return &s->fields[i];
    return NULL;
}

static void decode_object(struct decoder *d, const struct shape *s, const json_t *v, void *out)
{
    const char *name;
    json_t *member;

    if (!json_is_object(v)) {
        wrong_type(d, "an object", v);
        return;
    }
    if (d->mode != DECODE_READ)
        json_object_foreach((json_t *)(uintptr_t)v, name, member)
        {
            if (!field_find(s, name))
                unknown_field(d, name, field_guess(s, name));
        }
    for (size_t i = 0; i < s->field_count && !d->no_memory; i++) {
        const struct field *f = &s->fields[i];

        member = json_object_get(v, f->name);
        if (member)
            decode_member(d, f, member, out);
        else if (f->flags & FIELD_REQUIRED && d->mode == DECODE_STRICT)
            missing_field(d, f->name);
    }
}

static enum err_code decode_whole(enum decode_mode mode, const struct shape *s, const json_t *in,
                                  const void *target, void *out, struct err *e)
{
    struct decoder d = {.e = e, .mode = mode, .target = target};
    enum err_code rc;

    decode_object(&d, s, in, out);
    rc = decoder_finish(&d);
    if (rc)
        shape_release(s, out);
    return rc;
}

enum err_code shape_decode(const struct shape *s, const json_t *in, void *out, struct err *e)
{
    return decode_whole(DECODE_STRICT, s, in, NULL, out, e);
}

enum err_code shape_read(const struct shape *s, const json_t *in, void *out, struct err *e)
{
    return decode_whole(DECODE_READ, s, in, NULL, out, e);
}

/* Move what `in` names from the decoded patch into the object. */
static void patch_move(const struct shape *s, const json_t *in, void *from, void *out)
{
    for (size_t i = 0; i < s->field_count; i++) {
        const struct field *f = &s->fields[i];
        const json_t *v = json_object_get(in, f->name);

        if (!v)
            continue;
        if (f->kind == FIELD_OBJECT && json_is_object(v)) {
            patch_move(f->of, v, field_of(f, from), field_of(f, out));
            continue;
        }
        field_release(f, out);
        memcpy(field_of(f, out), field_of(f, from), f->size);
        memset(field_of(f, from), 0, f->size);
        if (f->kind == FIELD_LIST) {
            *field_count_of(f, out) = *field_count_of(f, from);
            *field_count_of(f, from) = 0;
        }
    }
}

enum err_code shape_patch(const struct shape *s, const json_t *in, void *out, uint64_t *present,
                          struct err *e)
{
    void *decoded = calloc(1, s->size);
    uint64_t named = 0;
    enum err_code rc;

    assert(!present || s->field_count <= 64);
    if (!decoded)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = decode_whole(DECODE_PATCH, s, in, out, decoded, e);
    if (!rc) {
        patch_move(s, in, decoded, out);
        for (size_t i = 0; present && i < s->field_count; i++)
            if (json_object_get(in, s->fields[i].name))
                named |= UINT64_C(1) << i;
        if (present)
            *present = named;
    }
    shape_release(s, decoded);
    free(decoded);
    return rc;
}
