/* Rows by description: a struct's columns are told once, in the order of its column list in
 * sql.def.h, and the same table binds and reads them. Private to api/store. */
#ifndef API_STORE_ROW_H
#define API_STORE_ROW_H

#include "api/store/driver.h"
#include "api/store/rows.h"

enum column_kind {
    COLUMN_TEXT,      /* char[size] */
    COLUMN_LONG_TEXT, /* char *, malloc'ed; NULL is NULL */
    COLUMN_INT,       /* int64_t */
    COLUMN_INT32,     /* int32_t */
    COLUMN_BOOL,      /* bool as 0 or 1 */
    COLUMN_ENUM,      /* int by its name */
    COLUMN_BYTES,     /* uint8_t[size], always whole */
    COLUMN_MONEY,     /* the micros of a struct money */
    COLUMN_CURRENCY,  /* the currency of all COLUMN_MONEY of the row; stands before them */
    COLUMN_JSON,      /* the lists of a shape over the same struct; "" when all are empty */
};

enum column_flags {
    COLUMN_FIXED = 1 << 0,   /* never updated */
    COLUMN_VERSION = 1 << 1, /* counts the updates */
};

struct column {
    const char *name;
    enum column_kind kind;
    unsigned flags;
    size_t offset, size;
    const char *const *names; /* ENUM */
    const struct shape *of;   /* JSON */
};

#define COLUMN(k, type, m, fl)                                \
    {                                                         \
        .name = #m, .kind = k, .flags = fl, FIELD_AT(type, m) \
    }
#define C_TEXT(type, m)      COLUMN(COLUMN_TEXT, type, m, 0)
#define C_FIXED(type, m)     COLUMN(COLUMN_TEXT, type, m, COLUMN_FIXED)
#define C_LONG_TEXT(type, m) COLUMN(COLUMN_LONG_TEXT, type, m, 0)
#define C_INT(type, m)       COLUMN(COLUMN_INT, type, m, 0)
#define C_INT32(type, m)     COLUMN(COLUMN_INT32, type, m, 0)
#define C_VERSION(type, m)   COLUMN(COLUMN_INT, type, m, COLUMN_VERSION)
#define C_BOOL(type, m)      COLUMN(COLUMN_BOOL, type, m, 0)
#define C_BYTES(type, m)     COLUMN(COLUMN_BYTES, type, m, 0)
#define C_ENUM(type, m, list)                                             \
    {                                                                     \
        .name = #m, .kind = COLUMN_ENUM, FIELD_AT(type, m), .names = list \
    }
#define C_MONEY(type, m)                                              \
    {                                                                 \
        .name = #m "_micros", .kind = COLUMN_MONEY, FIELD_AT(type, m) \
    }
/* `m` is the member whose currency is written. */
#define C_CURRENCY(type, m)                                            \
    {                                                                  \
        .name = "currency", .kind = COLUMN_CURRENCY, FIELD_AT(type, m) \
    }
#define C_JSON(label, shp)                            \
    {                                                 \
        .name = label, .kind = COLUMN_JSON, .of = shp \
    }

/* A noun. Its first column is its key; get and update statements have the key as $1, update
 * statements the version as $2 and then every column that is neither key, fixed nor
 * version. */
struct row_map {
    const char *noun;
    size_t size; /* of the struct */
    const struct column *columns;
    size_t column_count;
    const struct shape *shape; /* frees what a struct owns; NULL: it owns nothing */
    /* About how many bytes it is as JSON, for nouns that may be long; NULL: it is short. A page of
     * such ends with the item that brings it beyond PAGE_BYTES_MAX. */
    size_t (*bytes)(const void *obj);
};
#define PAGE_BYTES_MAX (4 * 1024 * 1024) /* quoted, it may double: an answer has 16 MiB */

#define ROW_MAP(var, type, word, table, shp)                              \
    static const struct row_map var = {.noun = word,                      \
                                       .size = sizeof(type),              \
                                       .columns = table,                  \
                                       .column_count = ARRAY_SIZE(table), \
                                       .shape = shp}

#define COLUMNS_MAX        48
#define ROW_BYTES_MAX      8192
#define ROW_MAP_FITS(type) _Static_assert(sizeof(type) <= ROW_BYTES_MAX, "row too large")

static inline struct value value_text(const char *text)
{
    return (struct value){.kind = VALUE_TEXT, .bytes = text, .len = __builtin_strlen(text)};
}

static inline struct value value_int(int64_t number)
{
    return (struct value){.kind = VALUE_INT, .number = number};
}

static inline struct value value_bytes(const void *bytes, size_t len)
{
    return (struct value){.kind = VALUE_BYTES, .bytes = bytes, .len = len};
}

#define ARGS(...)                          \
    ((const struct value[]){__VA_ARGS__}), \
        (sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value))
#define NO_ARGS NULL, 0

/* Fill `args` with the columns of obj that `skip` (column_flags) does not exclude; the
 * values are borrowed from obj and from the connection's JSON buffer.
 * Errors: ERR_INTERNAL a value that has no name, or two currencies in one row. */
enum err_code row_bind(struct tx *tx, const struct row_map *map, const void *obj,
                       struct value args[COLUMNS_MAX], size_t *count, struct err *e) MUST_CHECK;
/* The row under the statement, as a struct whose bytes are in the connection's scratch and
 * whose memory the caller owns. Errors: ERR_STORAGE damaged; ERR_INTERNAL no memory. */
enum err_code row_read(struct tx *tx, const struct row_map *map, enum sql_id id, void **out,
                       struct err *e) MUST_CHECK;

/* Run a write to its end. *changed may be NULL. */
enum err_code row_run(struct tx *tx, enum sql_id id, const struct value *args, size_t count,
                      int64_t *changed, struct err *e) MUST_CHECK;
/* Errors: ERR_CONFLICT "project prj_… exists already". */
enum err_code row_insert(struct tx *tx, const struct row_map *map, enum sql_id id, const void *obj,
                         struct err *e) MUST_CHECK;
/* Raises the version in obj. Errors: ERR_PRECONDITION. */
enum err_code row_update(struct tx *tx, const struct row_map *map, enum sql_id id, void *obj,
                         struct err *e) MUST_CHECK;
/* The one row of a query. Errors: ERR_NOT_FOUND. */
enum err_code row_get(struct tx *tx, const struct row_map *map, enum sql_id id,
                      const struct value *args, size_t count, void *out, struct err *e) MUST_CHECK;
/* All rows of a query; `out` is the address of a pointer to the array. */
enum err_code row_list(struct tx *tx, const struct row_map *map, enum sql_id id,
                       const struct value *args, size_t arg_count, void *out, size_t *count,
                       struct err *e) MUST_CHECK;
/* The integers of the one row of a query. */
enum err_code row_numbers(struct tx *tx, enum sql_id id, const struct value *args, size_t count,
                          int64_t *out, size_t out_count, struct err *e) MUST_CHECK;

/* Filters of a list, in the order of their parameters. */
enum page_filter {
    PAGE_STATE = 1 << 0,
    PAGE_TEXT = 1 << 1,
    PAGE_PROJECT = 1 << 2,
    PAGE_INSTANCE = 1 << 3,
    PAGE_ZONE = 1 << 4,
    PAGE_GPU_MODEL = 1 << 5,
    PAGE_RANGE = 1 << 6,
};

struct page_of {
    const struct row_map *map; /* its key is the order of the list, newest first */
    enum sql_id list;          /* of one organization */
    enum sql_id list_all;
    unsigned filters;
};

/* One page. `organization_id` NULL: the noun has none and list_all is the only statement.
 * Errors: ERR_INVALID cursor or limit. */
enum err_code row_page(struct tx *tx, const struct page_of *p, const char *organization_id,
                       const struct page_query *q, void *out, size_t *count,
                       char next[CURSOR_BYTES_MAX], struct err *e) MUST_CHECK;

#endif
