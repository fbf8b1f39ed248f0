/* JSON text to a tree, through jansson with our limits in front of it, and a few
 * helpers that rows need. Decoding, encoding and schemas are in shape_*.c. */
#include "core/json.h"

#include <stdio.h>
#include <string.h>

#include "common/core/decoder.h"
#include "core/text.h"

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

/* The sentence has the line and column, the detail the member that the text before `end`
 * leads to. */
static enum err_code refuse(const char *bytes, size_t end, struct place p, const char *code,
                            const char *what, struct err *e)
{
    struct decoder d = {.e = e};

    err_set(e, ERR_BAD_REQUEST, "line %zu, column %zu: %s", p.line, p.column, what);
    if (e)
        pointer_follow(&d, bytes, end);
    err_detail(e, d.pointer, code, "%s", what);
    return ERR_BAD_REQUEST;
}

static enum err_code refuse_at(const char *bytes, size_t at, const char *code, const char *what,
                               struct err *e)
{
    return refuse(bytes, at, place_of(bytes, at), code, what, e);
}

static enum err_code utf8_check(const char *bytes, size_t len, struct err *e)
{
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        uint32_t c;

        n = text_decode(bytes + i, len - i, &c);
        if (c == 0)
            return refuse_at(bytes, i, "bad_text", "a NUL byte is not allowed", e);
        if (c == 0xFFFD && n == 1)
            return refuse_at(bytes, i, "bad_text", "the text is not valid UTF-8", e);
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
            return refuse_at(bytes, i, "too_deep", what, e);
        }
    }
    return ERR_OK;
}

/* What jansson found: the code of the detail and a plain sentence. */
static const struct fault {
    enum json_error_code found;
    const char *code, *what;
} faults[] = {
    {json_error_end_of_input_expected, "bad_json", "there is more text after the document"},
    {json_error_premature_end_of_input, "bad_json", "the document ends too early"},
    {json_error_duplicate_key, "duplicate_field", "the same field occurs twice in one object"},
    {json_error_null_character, "bad_text", "\\u0000 is not allowed in text"},
    {json_error_null_byte_in_key, "bad_text", "\\u0000 is not allowed in text"},
    {json_error_numeric_overflow, "out_of_range",
     "the number is too large (integers must fit in 64 bits)"},
    {json_error_out_of_memory, "bad_json", "out of memory"},
    {json_error_stack_overflow, "too_deep", "nested too deeply"},
};

/* Where there is no plain sentence, a token stands where it must not: jansson's own words, and
 * the place is before the token. */
static enum err_code parse_error(const char *bytes, const json_error_t *je, struct err *e)
{
    struct place p = {(size_t)je->line, (size_t)je->column};
    size_t end = je->position > 0 ? (size_t)je->position : 0;
    STRBUF words = {0};

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
        if (faults[i].found == json_error_code(je))
            return refuse(bytes, end, p, faults[i].code, faults[i].what, e);
    strbuf_init(&words, 4 * sizeof je->text);
    text_clean(&words, je->text, strlen(je->text), TEXT_ONE_LINE);
    return refuse(bytes, end ? end - 1 : 0, p, "bad_json", words.data, e);
}

enum err_code json_parse(const char *bytes, size_t len, json_t **out, struct err *e)
{
    json_error_t je;
    enum err_code rc;
    json_t *tree;

    if (len == 0)
        return refuse_at(bytes, 0, "bad_json", "the document is empty", e);
    rc = utf8_check(bytes, len, e);
    if (!rc)
        rc = depth_check(bytes, len, e);
    if (rc)
        return rc;
    tree = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &je);
    if (!tree)
        return parse_error(bytes, &je, e);
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
