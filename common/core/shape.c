/* Rows and members: bounds, emptiness, release. What every direction of json.h needs. */
#include "common/core/shape.h"

#include <stdlib.h>
#include <string.h>

struct bounds field_bounds(const struct field *f)
{
    struct bounds b = {f->min, f->max};
    bool is_length = f->kind == FIELD_STRING || f->kind == FIELD_TEXT || f->kind == FIELD_LIST;
    int64_t most = INT64_MAX;

    if (f->kind == FIELD_STRING)
        most = (int64_t)f->size - 1;
    else if (f->kind == FIELD_TEXT)
        most = JSON_TEXT_BYTES_MAX;
    else if (f->kind == FIELD_LIST && field_list_is_inline(f))
        most = (int64_t)(f->size / field_item_size(f));
    if (!is_length && b.min == 0 && b.max == 0)
        return (struct bounds){INT64_MIN, INT64_MAX};
    if ((is_length && b.max == 0) || b.max < b.min || b.max > most)
        b.max = most;
    return b;
}

bool field_is_nullable(const struct field *f)
{
    return !(f->flags & FIELD_REQUIRED) &&
           (f->kind == FIELD_TEXT || f->kind == FIELD_TIME || f->kind == FIELD_MONEY);
}

static bool object_is_empty(const struct shape *s, const void *obj)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (!field_is_empty(&s->fields[i], obj))
            return false;
    return true;
}

bool field_is_empty(const struct field *f, const void *obj)
{
    const void *at = field_in(f, obj);
    const char *text;

    switch (f->kind) {
    case FIELD_STRING:
        return *(const char *)at == '\0';
    case FIELD_TEXT:
        text = *(const char *const *)at;
        return !text || !text[0];
    case FIELD_BOOL:
        return !*(const bool *)at;
    case FIELD_INT:
    case FIELD_TIME:
        return *(const int64_t *)at == 0;
    case FIELD_NUMBER:
        return *(const double *)at == 0;
    case FIELD_MONEY:
        return ((const struct money *)at)->micros == 0;
    case FIELD_ENUM:
        return *(const int *)at == 0;
    case FIELD_OBJECT:
        return object_is_empty(f->of, at);
    case FIELD_LIST:
        return field_count_in(f, obj) == 0;
    }
    return true;
}

void field_release(const struct field *f, void *obj)
{
    void *at = field_of(f, obj);

    if (f->kind == FIELD_OBJECT) {
        shape_release(f->of, at);
        return;
    }
    if (f->kind == FIELD_LIST) {
        char *items = field_items_of(f, obj);
        size_t *count = field_count_of(f, obj);

        for (size_t i = 0; f->of && i < *count; i++)
            shape_release(f->of, items + i * f->of->size);
        if (!field_list_is_inline(f))
            free(items);
        *count = 0;
    } else if (f->kind == FIELD_TEXT) {
        free(*(char **)at);
    }
    memset(at, 0, f->size);
}

void shape_release(const struct shape *s, void *obj)
{
    for (size_t i = 0; i < s->field_count; i++)
        field_release(&s->fields[i], obj);
    memset(obj, 0, s->size);
}

/* Shapes nest a few levels and a program has some dozens of them. */
#define SHAPES_MAX 128

static size_t list_add(const struct shape **list, size_t count, const struct shape *s)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == s)
            return count;
    if (count == SHAPES_MAX)
        return count;
    list[count] = s;
    return count + 1;
}

void shape_each(const struct shape *s, void (*fn)(const struct shape *s, void *ctx), void *ctx)
{
    const struct shape *list[SHAPES_MAX] = {s};
    size_t count = 1;

    for (size_t i = 0; i < count; i++) {
        fn(list[i], ctx);
        for (size_t k = 0; k < list[i]->field_count; k++)
            if (list[i]->fields[k].of)
                count = list_add(list, count, list[i]->fields[k].of);
    }
}
