/* The JSON pointer of a place in text that could not be parsed: how far it is known from
 * what stands before the place. Knows brackets, keys and commas, no values. */
#include <string.h>

#include "common/core/decoder.h"

struct level {
    bool is_list;
    bool is_named;          /* the key of the present member is whole */
    size_t key_at, key_len; /* with its quotes */
    size_t index;           /* of the present item */
};

struct path {
    struct level levels[JSON_DEPTH_MAX];
    size_t depth;
};

/* Just past the quote that ends the string which begins at `from`; 0 when it does not end. */
static size_t string_end(const char *bytes, size_t from, size_t end)
{
    for (size_t i = from + 1; i < end; i++) {
        if (bytes[i] == '\\')
            i++;
        else if (bytes[i] == '"')
            return i + 1;
    }
    return 0;
}

static void path_open(struct path *p, bool is_list)
{
    p->levels[p->depth++] = (struct level){.is_list = is_list};
}

/* Ends early where the place is in a string, or deeper than any document that is taken. */
static void path_follow(struct path *p, const char *bytes, size_t end)
{
    for (size_t i = 0; i < end; i++) {
        struct level *l = p->depth ? &p->levels[p->depth - 1] : NULL;
        size_t after;

        if (bytes[i] == '"') {
            after = string_end(bytes, i, end);
            if (!after)
                return;
            if (l && !l->is_list && !l->is_named)
                *l = (struct level){.is_named = true, .key_at = i, .key_len = after - i};
            i = after - 1;
        } else if (bytes[i] == '{' || bytes[i] == '[') {
            if (p->depth == JSON_DEPTH_MAX)
                return;
            path_open(p, bytes[i] == '[');
        } else if ((bytes[i] == '}' || bytes[i] == ']') && l) {
            p->depth--;
        } else if (bytes[i] == ',' && l) {
            l->index++;
            l->is_named = false;
        }
    }
}

/* The key may be written with escapes: jansson knows what they mean. */
static bool key_push(struct decoder *d, const char *key, size_t len)
{
    json_t *name = json_loadb(key, len, JSON_DECODE_ANY, NULL);

    if (name)
        pointer_push(d, json_string_value(name));
    json_decref(name);
    return name != NULL;
}

void pointer_follow(struct decoder *d, const char *bytes, size_t end)
{
    struct path p = {.depth = 0};

    path_follow(&p, bytes, end);
    for (size_t i = 0; i < p.depth; i++) {
        const struct level *l = &p.levels[i];

        if (l->is_list)
            pointer_push_index(d, l->index);
        else if (!l->is_named || !key_push(d, bytes + l->key_at, l->key_len))
            return; /* in an object, before or in a key */
    }
}
