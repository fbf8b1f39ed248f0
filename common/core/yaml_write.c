/* A JSON tree as block-style YAML that yaml_parse(), and any other YAML reader, reads back
 * to the same tree: a string that could be taken for something else is quoted. */
#include "common/core/yaml_scalar.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/core/shape.h"
#include "core/text.h"

#define INDENT          2
#define KEY_BYTES_MAX   500 /* YAML allows 1024 characters before the colon; escapes count */
#define WRITE_DEPTH_MAX 64

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static size_t digits(const char *text, size_t at, size_t len)
{
    size_t n = 0;

    while (at + n < len && text[at + n] >= '0' && text[at + n] <= '9')
        n++;
    return n;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static bool is_json_number(const char *text, size_t len)
{
    size_t i = len > 0 && text[0] == '-', n = digits(text, i, len);

    if (n == 0 || (n > 1 && text[i] == '0'))
        return false;
    i += n;
    if (i < len && text[i] == '.') {
        n = digits(text, i + 1, len);
        if (n == 0)
            return false;
        i += 1 + n;
    }
    if (i < len && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < len && (text[i] == '+' || text[i] == '-'))
            i++;
        n = digits(text, i, len);
        if (n == 0)
            return false;
        i += n;
    }
    return i == len;
}

enum yaml_scalar yaml_scalar_kind(const char *text, size_t len)
{
    if (len == 0 || is_word(text, len, "null") || is_word(text, len, "~"))
        return YAML_SCALAR_NULL;
    if (is_word(text, len, "true") || is_word(text, len, "false"))
        return YAML_SCALAR_BOOL;
    return is_json_number(text, len) ? YAML_SCALAR_NUMBER : YAML_SCALAR_STRING;
}

json_t *yaml_scalar_value(enum yaml_scalar kind, const char *text, size_t len, bool *too_large)
{
    json_error_t je;
    json_t *number;

    *too_large = false;
    switch (kind) {
    case YAML_SCALAR_NULL:
        return json_null();
    case YAML_SCALAR_BOOL:
        return json_boolean(text[0] == 't');
    case YAML_SCALAR_NUMBER:
        number = json_loadb(text, len, JSON_DECODE_ANY, &je);
        *too_large = !number && json_error_code(&je) == json_error_numeric_overflow;
        return number;
    case YAML_SCALAR_STRING:
        break;
    }
    return json_stringn(text, len);
}

/* Words that some YAML reader takes for null, true or false. */
static bool is_reserved(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
}

/* Starts with a letter and holds nothing that means something to YAML. */
static bool is_bare(const char *text, size_t len)
{
    if (len == 0 || len > KEY_BYTES_MAX || !is_letter(text[0]) || text[len - 1] == ' ' ||
        is_reserved(text))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_letter(text[i]) && !(text[i] >= '0' && text[i] <= '9') &&
            (text[i] == '\0' || !strchr("-.+@ ()", text[i])))
            return false;
    return true;
}

/* Line breaks of YAML 1.1, the byte order mark, and what its readers refuse raw. */
static bool needs_escape(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           (c & 0xFFFE) == 0xFFFE;
}

static void write_escape(struct strbuf *out, uint32_t c)
{
    if (c == '\n')
        strbuf_adds(out, "\\n");
    else if (c == '\t')
        strbuf_adds(out, "\\t");
    else if (c < 0x100)
        strbuf_addf(out, "\\x%02x", c);
    else if (c < 0x10000)
        strbuf_addf(out, "\\u%04x", c);
    else
        strbuf_addf(out, "\\U%08x", c);
}

static void write_quoted(struct strbuf *out, const char *text, size_t len)
{
    size_t n;

    strbuf_addc(out, '"');
    for (size_t i = 0; i < len; i += n) {
        uint32_t c;

        n = text_decode(text + i, len - i, &c);
        if (c == '"' || c == '\\')
            strbuf_addc(out, '\\');
        if (needs_escape(c))
            write_escape(out, c);
        else if (c == 0xFFFD && n == 1)
            strbuf_adds(out, "\uFFFD");
        else
            strbuf_add(out, text + i, n);
    }
    strbuf_addc(out, '"');
}

static void write_indent(struct strbuf *out, int depth)
{
    for (int i = 0; i < depth * INDENT; i++)
        strbuf_addc(out, ' ');
}

/* Several lines that can stand as they are after `|`: a script is then readable. The
 * first line must not be empty or indented, and nothing may need an escape. */
static bool is_block(const char *text, size_t len)
{
    size_t n;

    if (len < 2 || !memchr(text, '\n', len - 1) || strchr(" \t\n", text[0]))
        return false;
    if (text[len - 1] == '\n' && text[len - 2] == '\n')
        return false; /* `|` keeps one newline at the end */
    for (size_t i = 0; i < len; i += n) {
        uint32_t c;

        n = text_decode(text + i, len - i, &c);
        if ((c != '\n' && needs_escape(c)) || (c == 0xFFFD && n == 1))
            return false;
        /* A line of blanks only could be taken for indentation. */
        if (c == '\n' && i + 1 < len && text[i + 1] == ' ')
            return false;
    }
    return true;
}

static void write_block(struct strbuf *out, const char *text, size_t len, int depth)
{
    bool ends = text[len - 1] == '\n';

    strbuf_adds(out, ends ? "|\n" : "|-\n");
    len -= ends;
    for (size_t i = 0; i < len;) {
        const char *end = memchr(text + i, '\n', len - i);
        size_t n = end ? (size_t)(end - text) - i : len - i;

        if (n > 0)
            write_indent(out, depth);
        strbuf_add(out, text + i, n);
        i += n + 1;
        if (i <= len)
            strbuf_addc(out, '\n');
    }
}

static void write_number(struct strbuf *out, double value)
{
    size_t at = out->len;

    json_add_number(out, value);
    /* 5.0 must not come back as the integer 5. */
    if (isfinite(value) && !strpbrk(out->data + at, ".e"))
        strbuf_adds(out, ".0");
}

static void write_string(struct strbuf *out, const json_t *v, int depth)
{
    const char *text = json_string_value(v);
    size_t len = json_string_length(v);

    if (is_bare(text, len))
        strbuf_add(out, text, len);
    else if (is_block(text, len))
        write_block(out, text, len, depth);
    else
        write_quoted(out, text, len);
}

/* What stands on the line of its key; a block's lines are indented to `depth`. */
static void write_scalar(struct strbuf *out, const json_t *v, int depth)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        write_string(out, v, depth);
        break;
    case JSON_INTEGER:
        json_add_int(out, json_integer_value(v));
        break;
    case JSON_REAL:
        write_number(out, json_real_value(v));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        strbuf_adds(out, json_is_true(v) ? "true" : "false");
        break;
    case JSON_NULL:
        strbuf_adds(out, "null");
        break;
    case JSON_OBJECT:
        strbuf_adds(out, "{}");
        break;
    case JSON_ARRAY:
        strbuf_adds(out, "[]");
        break;
    }
}

static bool has_members(const json_t *v)
{
    return json_object_size(v) > 0 || json_array_size(v) > 0;
}

static void write_members(struct strbuf *out, const json_t *v, int depth, bool on_line);

static void write_key(struct strbuf *out, const char *key)
{
    size_t len = strlen(key);

    if (len > KEY_BYTES_MAX)
        strbuf_adds(out, "? ");
    if (is_bare(key, len))
        strbuf_add(out, key, len);
    else
        write_quoted(out, key, len);
}

static void write_pair(struct strbuf *out, const char *key, const json_t *v, int depth)
{
    write_key(out, key);
    if (strlen(key) > KEY_BYTES_MAX) {
        strbuf_addc(out, '\n');
        write_indent(out, depth);
    }
    strbuf_addc(out, ':');
    if (has_members(v)) {
        strbuf_addc(out, '\n');
        write_members(out, v, depth + 1, false);
        return;
    }
    strbuf_addc(out, ' ');
    write_scalar(out, v, depth + 1);
    strbuf_addc(out, '\n');
}

static void write_item(struct strbuf *out, const json_t *v, int depth)
{
    strbuf_adds(out, "- ");
    if (has_members(v)) {
        write_members(out, v, depth + 1, true);
        return;
    }
    write_scalar(out, v, depth + 1);
    strbuf_addc(out, '\n');
}

/* One line or more per member. `on_line`: the first one continues the line of a dash. */
static void write_members(struct strbuf *out, const json_t *v, int depth, bool on_line)
{
    json_t *tree = (json_t *)(uintptr_t)v, *member;
    const char *key;
    size_t i;

    if (depth > WRITE_DEPTH_MAX) {
        out->failed = true;
        return;
    }
    json_object_foreach(tree, key, member)
    {
        if (!on_line)
            write_indent(out, depth);
        on_line = false;
        write_pair(out, key, member, depth);
    }
    json_array_foreach(tree, i, member)
    {
        if (!on_line)
            write_indent(out, depth);
        on_line = false;
        write_item(out, member, depth);
    }
}

void yaml_write(const json_t *tree, struct strbuf *out)
{
    if (has_members(tree)) {
        write_members(out, tree, 0, false);
        return;
    }
    write_scalar(out, tree, 1);
    strbuf_addc(out, '\n');
}
