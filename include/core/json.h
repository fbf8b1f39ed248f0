/* JSON by description. A struct is described once, by a `struct shape`: the same
 * rows decode it (with a JSON pointer in each error), encode it, and write its
 * JSON schema for the OpenAPI file. YAML files go through the same rows (yaml.h).
 *
 * Memory: FIELD_STRING is an inline array, FIELD_TEXT a malloc'ed `char *`,
 * FIELD_LIST a malloc'ed array with a size_t count beside it, or, where the member is an
 * array and no pointer, an inline one of fixed maximum. shape_release() frees them all; a
 * zeroed struct is a valid empty object. */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <jansson.h>

#include "core/clock.h"
#include "core/errs.h"
#include "core/limits.h"
#include "core/money.h"
#include "core/strbuf.h"

enum field_kind {
    FIELD_STRING, /* char[size]; min..max is its length in bytes (max 0: size-1) */
    FIELD_TEXT,   /* char *; min..max is its length in bytes; NULL is absent */
    FIELD_BOOL,   /* bool */
    FIELD_INT,    /* int64_t; min..max is its range */
    FIELD_NUMBER, /* double; min..max is its range; for physics, never for money */
    FIELD_TIME,   /* int64_t ms; RFC 3339 text outside; 0 is absent */
    FIELD_MONEY,  /* struct money; {"amount_micros","currency"}; min..max in micros */
    FIELD_ENUM,   /* int (an enum starting at 0); `names` is NULL-terminated */
    FIELD_OBJECT, /* struct described by `of`, inline */
    FIELD_LIST,   /* array of `of` (or of char[ID_MAX..] strings, see LIST_OF_STRINGS) */
};

enum field_flags {
    FIELD_REQUIRED = 1 << 0,  /* decoding fails without it */
    FIELD_OMIT = 1 << 1,      /* left out of the answer when empty or zero; else written */
    FIELD_SECRET = 1 << 2,    /* decoded, never encoded */
    FIELD_READ_ONLY = 1 << 3, /* encoded; decoding refuses it with "read_only" */
};

struct shape;

struct field {
    const char *name; /* snake_case */
    const char *help; /* one sentence; the schema's description */
    enum field_kind kind;
    unsigned flags;
    size_t offset, size; /* of the member */
    size_t count_offset; /* FIELD_LIST: offset of its size_t count */
    int64_t min, max;    /* meaning by kind; both 0: unlimited (FIELD_LIST: items) */
    const char *const *names;
    const struct shape *of; /* OBJECT, LIST; NULL in a LIST: strings of `item_size` */
    size_t item_size;       /* LIST of strings: bytes of each inline string */
};

struct shape {
    const char *name; /* schema name, e.g. "Instance" */
    const char *help;
    size_t size; /* of the struct */
    const struct field *fields;
    size_t field_count;
};

#define FIELD_BYTES(type, member) sizeof(((type *)0)->member)
#define FIELD_AT(type, m)         .offset = offsetof(type, m), .size = FIELD_BYTES(type, m)

#define F_STRING(type, m, fl, lo, hi, txt)                                                        \
    {                                                                                             \
        .name = #m, .help = txt, .kind = FIELD_STRING, .flags = fl, FIELD_AT(type, m), .min = lo, \
        .max = hi                                                                                 \
    }
#define F_TEXT(type, m, fl, lo, hi, txt)                                                        \
    {                                                                                           \
        .name = #m, .help = txt, .kind = FIELD_TEXT, .flags = fl, FIELD_AT(type, m), .min = lo, \
        .max = hi                                                                               \
    }
#define F_BOOL(type, m, fl, txt)                                                    \
    {                                                                               \
        .name = #m, .help = txt, .kind = FIELD_BOOL, .flags = fl, FIELD_AT(type, m) \
    }
#define F_INT(type, m, fl, lo, hi, txt)                                                        \
    {                                                                                          \
        .name = #m, .help = txt, .kind = FIELD_INT, .flags = fl, FIELD_AT(type, m), .min = lo, \
        .max = hi                                                                              \
    }
#define F_NUMBER(type, m, fl, lo, hi, txt)                                                        \
    {                                                                                             \
        .name = #m, .help = txt, .kind = FIELD_NUMBER, .flags = fl, FIELD_AT(type, m), .min = lo, \
        .max = hi                                                                                 \
    }
#define F_MONEY(type, m, fl, lo, hi, txt)                                                        \
    {                                                                                            \
        .name = #m, .help = txt, .kind = FIELD_MONEY, .flags = fl, FIELD_AT(type, m), .min = lo, \
        .max = hi                                                                                \
    }
#define F_ENUM(type, m, fl, list, txt)                                                             \
    {                                                                                              \
        .name = #m, .help = txt, .kind = FIELD_ENUM, .flags = fl, FIELD_AT(type, m), .names = list \
    }
#define F_OBJECT(type, m, fl, shp, txt)                                                          \
    {                                                                                            \
        .name = #m, .help = txt, .kind = FIELD_OBJECT, .flags = fl, FIELD_AT(type, m), .of = shp \
    }
#define F_LIST(type, m, cnt, fl, shp, hi, txt)                                       \
    {                                                                                \
        .name = #m, .help = txt, .kind = FIELD_LIST, .flags = fl, FIELD_AT(type, m), \
        .count_offset = offsetof(type, cnt), .max = hi, .of = shp                    \
    }
#define F_STRINGS(type, m, cnt, fl, bytes, hi, txt)                                  \
    {                                                                                \
        .name = #m, .help = txt, .kind = FIELD_LIST, .flags = fl, FIELD_AT(type, m), \
        .count_offset = offsetof(type, cnt), .max = hi, .item_size = bytes           \
    }
/* A moment: the member is `<m>_ms`, the wire name is `m` ("created_at"). */
#define F_TIME(type, m, fl, txt)                                                         \
    {                                                                                    \
        .name = #m, .help = txt, .kind = FIELD_TIME, .flags = fl, FIELD_AT(type, m##_ms) \
    }

#define SHAPE(var, type, wire_name, txt, table)     \
    const struct shape var = {.name = wire_name,    \
                              .help = txt,          \
                              .size = sizeof(type), \
                              .fields = table,      \
                              .field_count = ARRAY_SIZE(table)}

/* Parse a whole document: UTF-8, no NUL, no duplicate keys, depth at most
 * JSON_DEPTH_MAX, nothing after it. Caller owns *out (json_decref).
 * Errors: ERR_BAD_REQUEST with line and column in the sentence, and one detail with the pointer
 * of the member there, or of the nearest one whose name is whole. Codes of the detail: bad_json,
 * bad_text, duplicate_field, out_of_range, too_deep. */
enum err_code json_parse(const char *bytes, size_t len, json_t **out, struct err *e) MUST_CHECK;

/* The line, from 1, on which the value at this JSON pointer begins; where there is none, the
 * nearest one around it. `bytes` is a document that json_parse() has taken. */
size_t json_line(const char *bytes, size_t len, const char *pointer);

/* Decode `in` into the zeroed struct `out`. Unknown field, wrong type, unknown enum
 * name, number or length out of range: all mistakes are collected in e->details, each
 * with its pointer; the first one is the sentence. `null` is accepted where the field is
 * optional and can be absent (FIELD_TEXT, FIELD_TIME, FIELD_MONEY). On error nothing is
 * left to release. Codes of details: unknown_field, required, read_only, wrong_type,
 * out_of_range, too_short, too_long, bad_text, bad_time, bad_currency, unknown_value.
 * Errors: ERR_INVALID; ERR_INTERNAL when out of memory. */
enum err_code shape_decode(const struct shape *s, const json_t *in, void *out,
                           struct err *e) MUST_CHECK;

/* As shape_decode(), but changes only what `in` names (merge patch) and ignores
 * FIELD_REQUIRED, except inside an object that `out` does not have yet; null removes what is
 * optional; a list is replaced whole. `present`, if not NULL, gets bit i set for fields[i]
 * that was named (field_count <= 64). On error `out` is unchanged. Errors: ERR_INVALID. */
enum err_code shape_patch(const struct shape *s, const json_t *in, void *out, uint64_t *present,
                          struct err *e) MUST_CHECK;

/* Decode what another program of ours wrote, maybe a newer one: unknown fields and unknown
 * enum names are ignored, read-only fields are taken, nothing is required, null is absent.
 * Types and maximum lengths are still checked. On error nothing is left to release.
 * Errors: as shape_decode(). */
enum err_code shape_read(const struct shape *s, const json_t *in, void *out,
                         struct err *e) MUST_CHECK;

/* Append `in` as compact JSON, fields in the order of the rows. Strings that are not
 * UTF-8 are written with U+FFFD. */
void shape_encode(const struct shape *s, const void *in, struct strbuf *out);
/* The same as a tree for -o yaml and for tests. Caller owns; NULL when out of memory. */
json_t *shape_to_json(const struct shape *s, const void *in);

/* Append {"items":[…],"next_cursor":"…"}; next_cursor is left out when "". */
void shape_encode_list(const struct shape *s, const void *items, size_t count,
                       const char *next_cursor, struct strbuf *out);

/* Free what decoding allocated inside `obj` (not obj itself) and zero it. */
void shape_release(const struct shape *s, void *obj);

/* Append the JSON schema of the shape; objects refer to "#/components/schemas/<name>". */
void shape_schema(const struct shape *s, struct strbuf *out);
/* Call fn for the shape and, once each, for every shape that it mentions. */
void shape_each(const struct shape *s, void (*fn)(const struct shape *s, void *ctx), void *ctx);

/* The enum value with this name, or -1. */
int names_find(const char *const *names, const char *name);
size_t names_count(const char *const *names);

/* Append a JSON string with quotes and escapes. */
void json_quote(struct strbuf *out, const char *text);

#endif
