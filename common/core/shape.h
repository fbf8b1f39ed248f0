/* What the files behind json.h share: access to members by their row, and numbers as
 * JSON writes them. Private to common/core. */
#ifndef CORE_SHAPE_H
#define CORE_SHAPE_H

#include "core/json.h"

#define MONEY_AMOUNT   "amount_micros"
#define MONEY_CURRENCY "currency"

/* What a row's min and max mean for its kind, with the defaults filled in. */
struct bounds {
    int64_t min, max;
};

static inline void *field_of(const struct field *f, void *obj)
{
    return (char *)obj + f->offset;
}

static inline const void *field_in(const struct field *f, const void *obj)
{
    return (const char *)obj + f->offset;
}

static inline size_t *field_count_of(const struct field *f, void *obj)
{
    return (size_t *)(void *)((char *)obj + f->count_offset);
}

static inline size_t field_count_in(const struct field *f, const void *obj)
{
    return *(const size_t *)(const void *)((const char *)obj + f->count_offset);
}

/* Bytes of one element of a FIELD_LIST. */
static inline size_t field_item_size(const struct field *f)
{
    return f->of ? f->of->size : f->item_size;
}

/* A list is a malloc'ed array behind a pointer, or an array inside the struct (a fixed
 * maximum, nothing to free). The size of the member tells. */
static inline bool field_list_is_inline(const struct field *f)
{
    return f->size != sizeof(void *);
}

static inline void *field_items_of(const struct field *f, void *obj)
{
    return field_list_is_inline(f) ? field_of(f, obj) : *(void **)field_of(f, obj);
}

static inline const void *field_items_in(const struct field *f, const void *obj)
{
    return field_list_is_inline(f) ? field_in(f, obj) : *(const void *const *)field_in(f, obj);
}

/* Range of a number, an amount or the count of a list; lengths for texts. Both 0 is
 * unlimited; a max below min is no upper limit. */
struct bounds field_bounds(const struct field *f);

/* True when the field may be null on the wire: it can be absent, and says so. */
bool field_is_nullable(const struct field *f);

/* True for what FIELD_OMIT leaves out. */
bool field_is_empty(const struct field *f, const void *obj);

/* Free what one member owns and zero it. */
void field_release(const struct field *f, void *obj);

/* Append as JSON. The number is the shortest text that reads back to the same double, with a
 * point whatever the locale; what is not finite is null. */
void json_add_int(struct strbuf *out, int64_t value);
void json_add_number(struct strbuf *out, double value);

#endif
