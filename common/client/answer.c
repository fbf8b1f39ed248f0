/* Answers into structs: problems, single objects, pages. */
#include "common/client/client_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

/* The codes that a shape's errors carry; a detail keeps a pointer to a static one. */
static const char *detail_code(const char *code)
{
    static const char *const known[] = {
        "unknown_field", "required",      "read_only", "wrong_type", "out_of_range",
        "too_short",     "too_long",      "bad_text",  "bad_time",   "bad_currency",
        "bad_name",      "unknown_value", "duplicate", "conflict"};

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(known[i], code) == 0)
            return known[i];
    return "detail";
}

static void problem_details(const json_t *list, struct err *e)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        err_detail(e, text_of(item, "pointer"), detail_code(text_of(item, "code")), "%s",
                   text_of(item, "detail"));
    }
}

static bool is_currency(const char *text)
{
    return strlen(text) == CURRENCY_MAX - 1 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static void fact_money(struct err *e, const char *name, const json_t *m)
{
    if (json_is_object(m) && json_is_integer(json_object_get(m, "amount_micros")) &&
        is_currency(text_of(m, "currency")))
        err_fact_money(e, name, json_integer_value(json_object_get(m, "amount_micros")),
                       text_of(m, "currency"));
}

/* Members beside the standard ones are the facts; the program acts on these by name. */
static void problem_facts(const json_t *o, struct err *e)
{
    static const char *const money[] = {"available", "required", "price_per_hour", "price_max"};
    static const char *const texts[] = {"alternatives", "allowed"};

    for (size_t i = 0; i < ARRAY_SIZE(money); i++)
        fact_money(e, money[i], json_object_get(o, money[i]));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const json_t *list = json_object_get(o, texts[i]);
        size_t k;
        json_t *item;

        if (json_is_string(list))
            err_fact_text(e, texts[i], "%s", json_string_value(list));
        json_array_foreach(list, k, item)
        {
            if (json_is_string(item))
                err_fact_text(e, texts[i], "%s", json_string_value(item));
        }
    }
}

enum err_code err_of_status(int status)
{
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++)
        if (err_http_status((enum err_code)code) == status)
            return (enum err_code)code;
    if (status >= 400 && status < 500)
        return ERR_BAD_REQUEST;
    return ERR_UNREACHABLE;
}

bool problem_read(const char *body, size_t len, int status, struct err *e)
{
    json_t *o = NULL;
    enum err_code code;
    const char *slug;

    if (json_parse(body, len, &o, NULL))
        return false;
    slug = text_of(o, "code");
    if (!slug[0]) {
        json_decref(o);
        return false;
    }
    code = err_from_slug(slug);
    /* A newer server has errors that this program does not know: their status says enough. */
    if (code == ERR_INTERNAL && strcmp(slug, err_slug(ERR_INTERNAL)) != 0)
        code = err_of_status(status);
    err_set(e, code, "%s", text_of(o, "detail")[0] ? text_of(o, "detail") : text_of(o, "title"));
    if (e && !e->msg[0])
        err_set(e, code, "refused with status %d (%s)", status, slug);
    problem_details(json_object_get(o, "errors"), e);
    problem_facts(o, e);
    json_decref(o);
    return true;
}

enum err_code answer_decode(const char *body, size_t len, const struct shape *s, void *out,
                            struct err *e)
{
    json_t *tree;
    enum err_code rc = json_parse(body, len, &tree, e);

    if (!rc) {
        rc = shape_read(s, tree, out, e);
        json_decref(tree);
    }
    return rc ? err_wrap(e, ERR_INVALID, "the server's answer") : ERR_OK;
}

static enum err_code items_read(const json_t *list, const struct shape *s, void **items,
                                size_t *count, struct err *e)
{
    size_t n = json_array_size(list);
    char *all = calloc(n ? n : 1, s->size);

    if (!all)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < n; i++) {
        enum err_code rc = shape_read(s, json_array_get(list, i), all + i * s->size, e);

        if (!rc)
            continue;
        while (i--)
            shape_release(s, all + i * s->size);
        free(all);
        return rc;
    }
    *items = all;
    *count = n;
    return ERR_OK;
}

static enum err_code page_read(const json_t *tree, const struct shape *s, void **items,
                               size_t *count, char next[CURSOR_BYTES_MAX], struct err *e)
{
    const json_t *list = json_object_get(tree, "items");
    const char *cursor = text_of(tree, "next_cursor");
    enum err_code rc;

    if (!json_is_array(list))
        return err_set(e, ERR_INVALID, "there is no list in it");
    if (strlen(cursor) >= CURSOR_BYTES_MAX)
        return err_set(e, ERR_INVALID, "its cursor is longer than allowed");
    rc = items_read(list, s, items, count, e);
    if (!rc)
        text_copy(next, CURSOR_BYTES_MAX, cursor);
    return rc;
}

enum err_code answer_decode_list(const char *body, size_t len, const struct shape *s, void **items,
                                 size_t *count, char next[CURSOR_BYTES_MAX], struct err *e)
{
    json_t *tree;
    enum err_code rc = json_parse(body, len, &tree, e);

    if (!rc) {
        rc = page_read(tree, s, items, count, next, e);
        json_decref(tree);
    }
    return rc ? err_wrap(e, ERR_INVALID, "the server's answer") : ERR_OK;
}
