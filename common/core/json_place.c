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

/* Past what stands at `i`: a bracket, a comma, a whole string, any other byte. `end` where it can
 * go no further: the place is in a string, or deeper than any document that is taken. */
static size_t path_step(struct path *p, const char *bytes, size_t i, size_t end)
{
    struct level *l = p->depth ? &p->levels[p->depth - 1] : NULL;
    size_t after;

    if (bytes[i] == '"') {
        after = string_end(bytes, i, end);
        if (!after)
            return end;
        if (l && !l->is_list && !l->is_named)
            *l = (struct level){.is_named = true, .key_at = i, .key_len = after - i};
        return after;
    }
    if (bytes[i] == '{' || bytes[i] == '[') {
        if (p->depth == JSON_DEPTH_MAX)
            return end;
        path_open(p, bytes[i] == '[');
    } else if ((bytes[i] == '}' || bytes[i] == ']') && l) {
        p->depth--;
    } else if (bytes[i] == ',' && l) {
        l->index++;
        l->is_named = false;
    }
    return i + 1;
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

static void path_write(const struct path *p, struct decoder *d, const char *bytes)
{
    for (size_t i = 0; i < p->depth; i++) {
        const struct level *l = &p->levels[i];

        if (l->is_list)
            pointer_push_index(d, l->index);
        else if (!l->is_named || !key_push(d, bytes + l->key_at, l->key_len))
            return; /* in an object, before or in a key */
    }
}

void pointer_follow(struct decoder *d, const char *bytes, size_t end)
{
    struct path p = {.depth = 0};

    for (size_t i = 0; i < end;)
        i = path_step(&p, bytes, i, end);
    path_write(&p, d, bytes);
}

/* The first byte of a value, not of a key and not between values. */
static bool is_value(const struct path *p, char c)
{
    const struct level *l = p->depth ? &p->levels[p->depth - 1] : NULL;

    return strchr("\"{[-0123456789tfn", c) && (!l || l->is_list || l->is_named);
}

static size_t line_of(const char *bytes, size_t len, const char *pointer)
{
    struct path p = {.depth = 0};
    size_t line = 1;

    for (size_t i = 0, next; i < len; i = next) {
        if (is_value(&p, bytes[i])) {
            struct decoder d = {0};

            path_write(&p, &d, bytes);
            if (strcmp(d.pointer, pointer) == 0)
                return line;
        }
        next = path_step(&p, bytes, i, len);
        for (size_t k = i; k < next; k++)
            line += bytes[k] == '\n';
    }
    return 0;
}

size_t json_line(const char *bytes, size_t len, const char *pointer)
{
    char around[ERR_POINTER_MAX], *slash;

    text_copy(around, sizeof around, pointer);
    while (around[0]) {
        size_t line = line_of(bytes, len, around);

        if (line)
            return line;
        slash = strrchr(around, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    return 1;
}
