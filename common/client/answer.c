/* Answers into structs: problems, single objects, pages. */
#include "common/client/client_internal.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

static void problem_details(const json_t *list, struct err *e)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        err_detail(e, text_of(item, "pointer"), "detail", "%s", text_of(item, "detail"));
    }
}

/* Members beside the standard ones are the facts; the program acts on these by name. */
static void problem_facts(const json_t *o, struct err *e)
{
    static const char *const money[] = {"available", "required", "price"};
    static const char *const texts[] = {"alternatives", "allowed"};

    for (size_t i = 0; i < ARRAY_SIZE(money); i++) {
        const json_t *m = json_object_get(o, money[i]);

        if (json_is_object(m))
            err_fact_money(e, money[i], json_integer_value(json_object_get(m, "amount_micros")),
                           text_of(m, "currency"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const json_t *list = json_object_get(o, texts[i]);
        size_t k;
        json_t *item;

        if (json_is_string(list))
            err_fact_text(e, texts[i], "%s", json_string_value(list));
        json_array_foreach(list, k, item)
        {
            err_fact_text(e, texts[i], "%s",
                          json_string_value(item) ? json_string_value(item) : "");
        }
    }
}

bool problem_read(const char *body, size_t len, int status, struct err *e)
{
    json_t *o = NULL;
    enum err_code code;

    if (json_parse(body, len, &o, NULL))
        return false;
    if (!json_is_object(o) || !json_is_string(json_object_get(o, "code"))) {
        json_decref(o);
        return false;
    }
    code = err_from_slug(text_of(o, "code"));
    err_set(e, code, "%s", text_of(o, "detail")[0] ? text_of(o, "detail") : text_of(o, "title"));
    if (!e->msg[0])
        err_set(e, code, "refused with status %d", status);
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

    if (rc)
        return err_wrap(e, ERR_INVALID, "the server's answer");
    rc = shape_read(s, tree, out, e);
    json_decref(tree);
    return rc ? err_wrap(e, rc, "the server's answer") : ERR_OK;
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

enum err_code answer_decode_list(const char *body, size_t len, const struct shape *s, void **items,
                                 size_t *count, char next[CURSOR_BYTES_MAX], struct err *e)
{
    json_t *tree;
    enum err_code rc = json_parse(body, len, &tree, e);
    const json_t *list;

    if (rc)
        return err_wrap(e, ERR_INVALID, "the server's answer");
    list = json_object_get(tree, "items");
    if (!json_is_array(list))
        rc = err_set(e, ERR_INVALID, "there is no list in it");
    else
        rc = items_read(list, s, items, count, e);
    if (!rc)
        text_copy(next, CURSOR_BYTES_MAX, text_of(tree, "next_cursor"));
    json_decref(tree);
    return rc ? err_wrap(e, ERR_INVALID, "the server's answer") : ERR_OK;
}

void url_encode(struct strbuf *out, const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    for (; *value; value++) {
        if (strchr(plain, *value))
            strbuf_addc(out, *value);
        else
            strbuf_addf(out, "%%%02X", (unsigned char)*value);
    }
}
