/* JSON text to a tree, through jansson with our limits in front of it, and a few
 * helpers that rows need. Decoding, encoding and schemas are in shape_*.c. */
#include "core/json.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"

#define NEAR_BYTES_MAX 60

struct place {
    size_t line, column;
};

/* Counted as an editor does: from one, a column being a byte. */
static struct place place_of(const char *bytes, size_t at)
{
    struct place p = {1, 1};

    for (size_t i = 0; i < at; i++) {
        p.column++;
        if (bytes[i] == '\n')
            p = (struct place){p.line + 1, 1};
    }
    return p;
}

static enum err_code refuse_at(const char *bytes, size_t at, const char *what, struct err *e)
{
    struct place p = place_of(bytes, at);

    return err_set(e, ERR_BAD_REQUEST, "line %zu, column %zu: %s", p.line, p.column, what);
}

static enum err_code utf8_check(const char *bytes, size_t len, struct err *e)
{
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        uint32_t c;

        n = text_decode(bytes + i, len - i, &c);
        if (c == 0)
            return refuse_at(bytes, i, "a NUL byte is not allowed", e);
        if (c == 0xFFFD && n == 1)
            return refuse_at(bytes, i, "the text is not valid UTF-8", e);
    }
    return ERR_OK;
}

/* jansson's parser is recursive: bound it before it starts. Brackets in strings do not
 * count; malformed documents are left for jansson to refuse. */
static enum err_code depth_check(const char *bytes, size_t len, struct err *e)
{
    int depth = 0;
    bool quoted = false;
    char what[64];

    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        if (depth > JSON_DEPTH_MAX) {
            snprintf(what, sizeof what, "nested deeper than %d levels", JSON_DEPTH_MAX);
            return refuse_at(bytes, i, what, e);
        }
    }
    return ERR_OK;
}

/* A plain sentence for what jansson found; its own words where they are plain. */
static const char *plain_words(const json_error_t *je)
{
    switch ((int)json_error_code(je)) {
    case json_error_end_of_input_expected:
        return "there is more text after the document";
    case json_error_premature_end_of_input:
        return "the document ends too early";
    case json_error_duplicate_key:
        return "the same field occurs twice in one object";
    case json_error_null_character:
        return "\\u0000 is not allowed in text";
    case json_error_numeric_overflow:
        return "the number is too large (integers must fit in 64 bits)";
    case json_error_out_of_memory:
        return "out of memory";
    case json_error_stack_overflow:
        return "nested too deeply";
    default:
        return NULL;
    }
}

static enum err_code parse_error(const json_error_t *je, struct err *e)
{
    const char *plain = plain_words(je);
    STRBUF words = {0};

    if (plain)
        return err_set(e, ERR_BAD_REQUEST, "line %d, column %d: %s", je->line, je->column, plain);
    strbuf_init(&words, 4 * sizeof je->text);
    text_clean(&words, je->text, strlen(je->text), TEXT_ONE_LINE);
    return err_set(e, ERR_BAD_REQUEST, "line %d, column %d: %s", je->line, je->column, words.data);
}

enum err_code json_parse(const char *bytes, size_t len, json_t **out, struct err *e)
{
    json_error_t je;
    enum err_code rc;
    json_t *tree;

    if (len == 0)
        return err_set(e, ERR_BAD_REQUEST, "line 1, column 1: the document is empty");
    rc = utf8_check(bytes, len, e);
    if (!rc)
        rc = depth_check(bytes, len, e);
    if (rc)
        return rc;
    tree = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &je);
    if (!tree)
        return parse_error(&je, e);
    *out = tree;
    return ERR_OK;
}

int names_find(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

size_t names_count(const char *const *names)
{
    size_t n = 0;

    while (names[n])
        n++;
    return n;
}
