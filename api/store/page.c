/* Keyset pages: the cursor that clients hold and the filters of a list as parameters. */
#include "api/store/row.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The first letter of a cursor says how the rest is to be read, so that another order can
 * come later and an old cursor be told from a new one. */
#define CURSOR_ID         'i'
#define CURSOR_SEQ        's'
#define CURSOR_BASE64     sodium_base64_VARIANT_URLSAFE_NO_PADDING

#define KEY_TEXT_MAX      (ID_MAX + 1)
#define PATTERN_BYTES_MAX (2 * FILTER_BYTES_MAX + 3)
#define ID_LAST           "~" /* behind every id */

static bool key_is_seq(const struct row_map *map)
{
    return map->columns[0].kind == COLUMN_INT;
}

static enum err_code cursor_bad(struct err *e)
{
    return err_set(e, ERR_INVALID, "the cursor is not one that a list gave");
}

static bool id_is_plausible(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && !strchr("_-.", *p))
            return false;
    return text[0];
}

static bool seq_parse(const char *text, int64_t *out)
{
    char *end;
    long long number;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    number = strtoll(text, &end, 10);
    *out = number;
    return !errno && !*end;
}

/* The key after which the page begins. `text` is where an id is kept. */
static enum err_code cursor_read(const char *cursor, bool is_seq, char text[KEY_TEXT_MAX],
                                 struct value *out, struct err *e)
{
    size_t len = 0;
    int64_t seq = INT64_MAX;

    text_copy(text, KEY_TEXT_MAX, "i" ID_LAST);
    if (cursor[0]) {
        if (sodium_base642bin((unsigned char *)text, KEY_TEXT_MAX - 1, cursor,
                              strnlen(cursor, CURSOR_BYTES_MAX), NULL, &len, NULL,
                              CURSOR_BASE64) != 0 ||
            memchr(text, 0, len))
            return cursor_bad(e);
        text[len] = '\0';
        if (text[0] != (is_seq ? CURSOR_SEQ : CURSOR_ID))
            return cursor_bad(e);
        if (is_seq ? !seq_parse(text + 1, &seq) : !id_is_plausible(text + 1))
            return cursor_bad(e);
    }
    *out = is_seq ? value_int(seq) : value_text(text + 1);
    return ERR_OK;
}

static void cursor_write(const struct row_map *map, const void *item, char out[CURSOR_BYTES_MAX])
{
    const void *key = (const char *)item + map->columns[0].offset;
    char text[KEY_TEXT_MAX];
    int len;

    if (key_is_seq(map))
        len = snprintf(text, sizeof text, "%c%lld", CURSOR_SEQ, (long long)*(const int64_t *)key);
    else
        len = snprintf(text, sizeof text, "%c%s", CURSOR_ID, (const char *)key);
    sodium_bin2base64(out, CURSOR_BYTES_MAX, (const unsigned char *)text, (size_t)len,
                      CURSOR_BASE64);
}

/* "50%" becomes "%50\%%"; nothing stays nothing, which matches all. */
static const char *pattern_of(const char *filter, char out[PATTERN_BYTES_MAX])
{
    char *p = out;

    if (filter[0]) {
        *p++ = '%';
        for (size_t i = 0; i < FILTER_BYTES_MAX && filter[i]; i++) {
            if (strchr("%_\\", filter[i]))
                *p++ = '\\';
            *p++ = filter[i];
        }
        *p++ = '%';
    }
    *p = '\0';
    return out;
}

static void add_filters(unsigned filters, const struct page_query *q, const char *pattern,
                        struct value *args, size_t *count)
{
    if (filters & PAGE_STATE)
        args[(*count)++] = value_text(q->state);
    if (filters & PAGE_TEXT)
        args[(*count)++] = value_text(pattern);
    if (filters & PAGE_PROJECT)
        args[(*count)++] = value_text(q->project_id);
    if (filters & PAGE_INSTANCE)
        args[(*count)++] = value_text(q->instance_id);
    if (filters & PAGE_ZONE)
        args[(*count)++] = value_text(q->zone);
    if (filters & PAGE_GPU_MODEL)
        args[(*count)++] = value_text(q->gpu_model);
    if (filters & PAGE_RANGE) {
        args[(*count)++] = value_int(q->from_ms);
        args[(*count)++] = value_int(q->to_ms ? q->to_ms : INT64_MAX);
    }
}

static enum err_code page_limit(const struct page_query *q, int64_t *out, struct err *e)
{
    if (q->limit < 0 || q->limit > PAGE_ITEMS_MAX)
        return err_set(e, ERR_INVALID, "a page has 1 to %d items", PAGE_ITEMS_MAX);
    *out = q->limit ? q->limit : PAGE_ITEMS_DEFAULT;
    return ERR_OK;
}

/* Items that fit into an answer, at least one. */
static size_t page_room(const struct row_map *map, const char *items, size_t count, int64_t limit)
{
    size_t most = count < (size_t)limit ? count : (size_t)limit, weight = 0;

    for (size_t i = 0; map->bytes && i < most; i++) {
        weight += map->bytes(items + i * map->size);
        if (weight > PAGE_BYTES_MAX)
            return i ? i : 1;
    }
    return most;
}

/* One item more than the page has was fetched, to know whether a page follows. */
static void page_cut(const struct row_map *map, char *items, size_t *count, int64_t limit,
                     char next[CURSOR_BYTES_MAX])
{
    next[0] = '\0';
    if (*count <= page_room(map, items, *count, limit))
        return;
    --*count;
    if (map->shape)
        shape_release(map->shape, items + *count * map->size);
    cursor_write(map, items + (*count - 1) * map->size, next);
}

enum err_code row_page(struct tx *tx, const struct page_of *p, const char *organization_id,
                       const struct page_query *q, void *out, size_t *count,
                       char next[CURSOR_BYTES_MAX], struct err *e)
{
    bool is_all = !organization_id || !organization_id[0];
    char key[KEY_TEXT_MAX], pattern[PATTERN_BYTES_MAX];
    struct value args[12];
    size_t arg_count = 2;
    int64_t limit = 0;
    char *items = NULL;
    enum err_code rc = page_limit(q, &limit, e);

    if (!rc)
        rc = cursor_read(q->cursor, key_is_seq(p->map), key, &args[0], e);
    if (rc)
        return rc;
    args[1] = value_int(limit + 1);
    add_filters(p->filters, q, pattern_of(q->text, pattern), args, &arg_count);
    if (!is_all)
        args[arg_count++] = value_text(organization_id);
    rc = row_list(tx, p->map, is_all ? p->list_all : p->list, args, arg_count, &items, count, e);
    if (rc)
        return rc;
    page_cut(p->map, items, count, limit, next);
    memcpy(out, &items, sizeof items);
    return ERR_OK;
}
