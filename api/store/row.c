/* Binding, reading and the few things that every noun does with its rows. Knows neither
 * nouns nor the database behind the driver. */
#include "api/store/row.h"

#include <stdlib.h>
#include <string.h>

#define LIST_ITEMS_FIRST 16
#define LIST_GROWTH      4 /* items are large, and each step copies them */

static const void *member_in(const struct column *c, const void *obj)
{
    return (const char *)obj + c->offset;
}

static void *member_of(const struct column *c, void *obj)
{
    return (char *)obj + c->offset;
}

static enum err_code damaged(const struct row_map *map, const struct column *c, struct err *e)
{
    return err_set(e, ERR_STORAGE, "a stored %s has no readable %s", map->noun, c->name);
}

/* --- binding ------------------------------------------------------------------------------ */

static enum err_code bind_enum(const struct column *c, int number, struct value *out, struct err *e)
{
    if (number < 0 || (size_t)number >= names_count(c->names))
        return err_set(e, ERR_INTERNAL, "%s %d has no name", c->name, number);
    *out = value_text(c->names[number]);
    return ERR_OK;
}

static bool lists_are_empty(const struct shape *s, const void *obj)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (*(const size_t *)(const void *)((const char *)obj + s->fields[i].count_offset))
            return false;
    return true;
}

static enum err_code bind_json(struct tx *tx, const struct column *c, const void *obj,
                               struct value *out, struct err *e)
{
    struct strbuf *json = &tx->conn->json;

    *out = value_text("");
    if (lists_are_empty(c->of, obj))
        return ERR_OK;
    strbuf_reset(json);
    shape_encode(c->of, obj, json);
    if (json->failed)
        return err_set(e, ERR_TOO_LARGE, "%s is too large to be stored", c->name);
    *out = (struct value){.kind = VALUE_TEXT, .bytes = json->data, .len = json->len};
    return ERR_OK;
}

static enum err_code bind_money(const struct column *c, const struct money *m, const char *currency,
                                struct value *out, struct err *e)
{
    if (m->currency[0] && currency[0] && strcmp(m->currency, currency) != 0)
        return err_set(e, ERR_INTERNAL, "%s is in %s, its row in %s", c->name, m->currency,
                       currency);
    *out = value_int(m->micros);
    return ERR_OK;
}

static enum err_code bind_column(struct tx *tx, const struct column *c, const void *obj,
                                 const char **currency, struct value *out, struct err *e)
{
    const void *at = member_in(c, obj);

    switch (c->kind) {
    case COLUMN_TEXT:
        *out = (struct value){.kind = VALUE_TEXT, .bytes = at, .len = strnlen(at, c->size)};
        return ERR_OK;
    case COLUMN_LONG_TEXT:
        *out = *(char *const *)at ? value_text(*(char *const *)at) : (struct value){0};
        return ERR_OK;
    case COLUMN_INT:
        *out = value_int(*(const int64_t *)at);
        return ERR_OK;
    case COLUMN_INT32:
        *out = value_int(*(const int32_t *)at);
        return ERR_OK;
    case COLUMN_BOOL:
        *out = value_int(*(const bool *)at);
        return ERR_OK;
    case COLUMN_ENUM:
        return bind_enum(c, *(const int *)at, out, e);
    case COLUMN_BYTES:
        *out = value_bytes(at, c->size);
        return ERR_OK;
    case COLUMN_CURRENCY:
        *currency = ((const struct money *)at)->currency;
        *out = value_text(*currency);
        return ERR_OK;
    case COLUMN_MONEY:
        return bind_money(c, at, *currency, out, e);
    case COLUMN_JSON:
        return bind_json(tx, c, obj, out, e);
    }
    return err_set(e, ERR_INTERNAL, "%s is of no kind", c->name);
}

static enum err_code bind_columns(struct tx *tx, const struct row_map *map, const void *obj,
                                  size_t first, unsigned skip, struct value *args, size_t *count,
                                  struct err *e)
{
    const char *currency = "";

    for (size_t i = first; i < map->column_count; i++) {
        enum err_code rc;

        if (map->columns[i].flags & skip)
            continue;
        rc = bind_column(tx, &map->columns[i], obj, &currency, &args[(*count)++], e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

enum err_code row_bind(struct tx *tx, const struct row_map *map, const void *obj,
                       struct value args[COLUMNS_MAX], size_t *count, struct err *e)
{
    *count = 0;
    return bind_columns(tx, map, obj, 0, 0, args, count, e);
}

/* --- reading ------------------------------------------------------------------------------ */

/* Decode beside the row and move the lists over, because decoding wants an empty struct. */
static enum err_code read_json(const struct row_map *map, const struct column *c,
                               const struct value *v, void *obj, struct err *e)
{
    json_t *tree = NULL;
    void *beside;
    enum err_code rc;

    if (v->len == 0)
        return ERR_OK;
    beside = calloc(1, c->of->size);
    if (!beside)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = json_parse(v->bytes, v->len, &tree, NULL);
    if (!rc)
        rc = shape_decode(c->of, tree, beside, NULL);
    if (!rc)
        for (size_t i = 0; i < c->of->field_count; i++) {
            const struct field *f = &c->of->fields[i];

            memcpy((char *)obj + f->offset, (char *)beside + f->offset, f->size);
            memcpy((char *)obj + f->count_offset, (char *)beside + f->count_offset, sizeof(size_t));
        }
    json_decref(tree);
    free(beside);
    return rc ? damaged(map, c, e) : ERR_OK;
}

static enum err_code read_text(const struct row_map *map, const struct column *c,
                               const struct value *v, void *at, struct err *e)
{
    char **text = at;

    if (c->kind == COLUMN_TEXT) {
        if (v->kind != VALUE_TEXT || v->len >= c->size)
            return damaged(map, c, e);
        memcpy(at, v->bytes, v->len + 1);
        return ERR_OK;
    }
    if (v->kind == VALUE_NULL)
        return ERR_OK;
    if (v->kind != VALUE_TEXT)
        return damaged(map, c, e);
    *text = malloc(v->len + 1);
    if (!*text)
        return err_set(e, ERR_INTERNAL, "out of memory");
    memcpy(*text, v->bytes, v->len + 1);
    return ERR_OK;
}

static enum err_code read_number(const struct row_map *map, const struct column *c,
                                 const struct value *v, const char *currency, void *at,
                                 struct err *e)
{
    struct money *m = at;

    if (v->kind != VALUE_INT)
        return damaged(map, c, e);
    if (c->kind == COLUMN_MONEY) {
        m->micros = v->number;
        text_copy(m->currency, sizeof m->currency, currency);
    } else if (c->kind == COLUMN_INT32) {
        if (v->number < INT32_MIN || v->number > INT32_MAX)
            return damaged(map, c, e);
        *(int32_t *)at = (int32_t)v->number;
    } else if (c->kind == COLUMN_BOOL) {
        *(bool *)at = v->number != 0;
    } else {
        *(int64_t *)at = v->number;
    }
    return ERR_OK;
}

static enum err_code read_column(const struct row_map *map, const struct column *c,
                                 const struct value *v, char currency[CURRENCY_MAX], void *obj,
                                 struct err *e)
{
    void *at = member_of(c, obj);
    int number;

    switch (c->kind) {
    case COLUMN_TEXT:
    case COLUMN_LONG_TEXT:
        return read_text(map, c, v, at, e);
    case COLUMN_INT:
    case COLUMN_INT32:
    case COLUMN_BOOL:
    case COLUMN_MONEY:
        return read_number(map, c, v, currency, at, e);
    case COLUMN_ENUM:
        number = v->kind == VALUE_TEXT ? names_find(c->names, v->bytes) : -1;
        if (number < 0)
            return damaged(map, c, e);
        *(int *)at = number;
        return ERR_OK;
    case COLUMN_BYTES:
        if (v->kind != VALUE_BYTES || v->len != c->size)
            return damaged(map, c, e);
        memcpy(at, v->bytes, v->len);
        return ERR_OK;
    case COLUMN_CURRENCY:
        if (v->kind != VALUE_TEXT || !text_copy(currency, CURRENCY_MAX, v->bytes))
            return damaged(map, c, e);
        return ERR_OK;
    case COLUMN_JSON:
        return v->kind == VALUE_TEXT ? read_json(map, c, v, obj, e) : damaged(map, c, e);
    }
    return damaged(map, c, e);
}

static void release(const struct row_map *map, void *obj)
{
    if (map->shape)
        shape_release(map->shape, obj);
}

enum err_code row_read(struct tx *tx, const struct row_map *map, enum sql_id id, void **out,
                       struct err *e)
{
    struct conn *c = tx->conn;
    char currency[CURRENCY_MAX] = "";
    void *obj = c->scratch;

    memset(obj, 0, map->size);
    for (size_t i = 0; i < map->column_count; i++) {
        struct value v = {0};
        enum err_code rc;

        c->driver->column(c, id, (int)i, &v);
        rc = read_column(map, &map->columns[i], &v, currency, obj, e);
        if (rc) {
            release(map, obj);
            return rc;
        }
    }
    *out = obj;
    return ERR_OK;
}

/* --- statements --------------------------------------------------------------------------- */

static enum err_code begin(struct tx *tx, enum sql_id id, const struct value *args, size_t count,
                           struct err *e)
{
    if (sql_access(id) == SQL_WRITE && !tx->is_write)
        return err_set(e, ERR_INTERNAL, "%s writes in a read transaction", sql_name(id));
    return tx->conn->driver->run(tx->conn, id, args, count, e);
}

enum err_code row_run(struct tx *tx, enum sql_id id, const struct value *args, size_t count,
                      int64_t *changed, struct err *e)
{
    const struct driver *d = tx->conn->driver;
    bool is_row = false;
    enum err_code rc = begin(tx, id, args, count, e);

    if (!rc)
        rc = d->step(tx->conn, id, &is_row, e);
    d->finish(tx->conn, id);
    if (!rc && changed)
        *changed = d->changes(tx->conn);
    return rc;
}

enum err_code row_insert(struct tx *tx, const struct row_map *map, enum sql_id id, const void *obj,
                         struct err *e)
{
    struct value args[COLUMNS_MAX];
    size_t count;
    enum err_code rc = row_bind(tx, map, obj, args, &count, e);

    if (!rc)
        rc = row_run(tx, id, args, count, NULL, e);
    if (rc && map->columns[0].kind == COLUMN_TEXT)
        return err_wrap(e, rc, "%s %s", map->noun, (const char *)member_in(map->columns, obj));
    return rc;
}

enum err_code row_update(struct tx *tx, const struct row_map *map, enum sql_id id, void *obj,
                         struct err *e)
{
    const struct column *key = &map->columns[0], *version = &map->columns[map->column_count - 1];
    struct value args[COLUMNS_MAX];
    size_t count = 2;
    int64_t changed = 0, *number = member_of(version, obj);
    enum err_code rc;

    args[0] = value_text(member_in(key, obj));
    args[1] = value_int(*number);
    rc = bind_columns(tx, map, obj, 1, COLUMN_FIXED | COLUMN_VERSION, args, &count, e);
    if (!rc)
        rc = row_run(tx, id, args, count, &changed, e);
    if (rc)
        return err_wrap(e, rc, "%s %s", map->noun, (const char *)member_in(key, obj));
    if (!changed)
        return err_set(e, ERR_PRECONDITION, "%s %s has changed since it was read", map->noun,
                       (const char *)member_in(key, obj));
    ++*number;
    return ERR_OK;
}

static enum err_code not_found(const struct row_map *map, const struct value *args, size_t count,
                               struct err *e)
{
    if (count > 0 && args[0].kind == VALUE_TEXT)
        return err_set(e, ERR_NOT_FOUND, "no %s %s", map->noun, (const char *)args[0].bytes);
    return err_set(e, ERR_NOT_FOUND, "no such %s", map->noun);
}

enum err_code row_get(struct tx *tx, const struct row_map *map, enum sql_id id,
                      const struct value *args, size_t count, void *out, struct err *e)
{
    const struct driver *d = tx->conn->driver;
    bool is_row = false;
    void *obj = NULL;
    enum err_code rc = begin(tx, id, args, count, e);

    if (!rc)
        rc = d->step(tx->conn, id, &is_row, e);
    if (!rc && !is_row)
        rc = not_found(map, args, count, e);
    if (!rc)
        rc = row_read(tx, map, id, &obj, e);
    if (!rc)
        memcpy(out, obj, map->size);
    d->finish(tx->conn, id);
    return rc;
}

struct items {
    char *bytes;
    size_t count, room;
    size_t weight; /* as the map's bytes() say */
};

static enum err_code items_add(struct items *l, const struct row_map *map, void *obj, struct err *e)
{
    if (l->count == l->room) {
        size_t room = l->room ? l->room * LIST_GROWTH : LIST_ITEMS_FIRST;
        char *bytes = realloc(l->bytes, room * map->size);

        if (!bytes) {
            release(map, obj);
            return err_set(e, ERR_INTERNAL, "out of memory");
        }
        l->bytes = bytes;
        l->room = room;
    }
    memcpy(l->bytes + l->count++ * map->size, obj, map->size);
    return ERR_OK;
}

static void items_release(struct items *l, const struct row_map *map)
{
    for (size_t i = 0; i < l->count; i++)
        release(map, l->bytes + i * map->size);
    free(l->bytes);
}

static enum err_code collect(struct tx *tx, const struct row_map *map, enum sql_id id,
                             struct items *l, struct err *e)
{
    const struct driver *d = tx->conn->driver;

    for (;;) {
        bool is_row = false;
        void *obj = NULL;
        enum err_code rc = d->step(tx->conn, id, &is_row, e);

        if (rc || !is_row)
            return rc;
        rc = row_read(tx, map, id, &obj, e);
        if (!rc)
            rc = items_add(l, map, obj, e);
        if (rc)
            return rc;
        l->weight += map->bytes ? map->bytes(obj) : 0;
        if (l->weight > PAGE_BYTES_MAX && l->count > 1)
            return ERR_OK; /* page_cut() sees the same, and that this one is too many */
    }
}

enum err_code row_list(struct tx *tx, const struct row_map *map, enum sql_id id,
                       const struct value *args, size_t arg_count, void *out, size_t *count,
                       struct err *e)
{
    struct items l = {0};
    enum err_code rc = begin(tx, id, args, arg_count, e);

    if (!rc)
        rc = collect(tx, map, id, &l, e);
    tx->conn->driver->finish(tx->conn, id);
    if (rc) {
        items_release(&l, map);
        return rc;
    }
    memcpy(out, &l.bytes, sizeof l.bytes);
    *count = l.count;
    return ERR_OK;
}

enum err_code row_numbers(struct tx *tx, enum sql_id id, const struct value *args, size_t count,
                          int64_t *out, size_t out_count, struct err *e)
{
    const struct driver *d = tx->conn->driver;
    bool is_row = false;
    enum err_code rc = begin(tx, id, args, count, e);

    if (!rc)
        rc = d->step(tx->conn, id, &is_row, e);
    if (!rc && !is_row)
        rc = err_set(e, ERR_STORAGE, "%s found no row", sql_name(id));
    for (size_t i = 0; !rc && i < out_count; i++) {
        struct value v = {0};

        d->column(tx->conn, id, (int)i, &v);
        out[i] = v.number;
    }
    /* A write that answers a row is done when it has no more of them. */
    while (!rc && is_row && sql_access(id) == SQL_WRITE)
        rc = d->step(tx->conn, id, &is_row, e);
    d->finish(tx->conn, id);
    return rc;
}
