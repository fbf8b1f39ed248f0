/* YAML text to the same tree as JSON, through libyaml's events, with the place of each
 * node kept beside it. Refuses what a configuration file does not need: anchors, tags,
 * several documents. Writing is in yaml_write.c. */
#include "core/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/core/yaml_scalar.h"
#include "core/file.h"
#include "core/text.h"

#define FILE_BYTES_MAX 121 /* of the file's name in messages */
#define NO_PARENT      UINT32_MAX
#define PATH_STEPS_MAX (JSON_DEPTH_MAX + 1)

/* One node: of which parent it is which member, and where it and its key stand. Lines and
 * columns count from one. */
struct node {
    uint32_t parent;
    uint32_t index;  /* in a sequence */
    const char *key; /* in a mapping; borrowed from the tree */
    uint32_t line, column;
    uint32_t key_line, key_column;
};

struct yaml_doc {
    char file[FILE_BYTES_MAX];
    json_t *root;
    struct node *nodes; /* nodes[0] is the root; parents come before their members */
    size_t count, size;
};

/* An open mapping or sequence. */
struct level {
    json_t *tree;
    uint32_t node;
    bool has_key; /* a mapping's key was read and waits for its value */
    const char *key;
    yaml_mark_t key_mark;
    char *key_text;
};

struct reader {
    struct yaml_doc *doc;
    struct level levels[JSON_DEPTH_MAX];
    size_t depth;
    bool done; /* a whole document was read */
    struct err *e;
};

PRINTF_LIKE(3, 4)
static enum err_code refuse(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
    char what[ERR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(r->e, ERR_INVALID, "%s:%zu:%zu: %s", r->doc->file, at.line + 1, at.column + 1,
                   what);
}

static enum err_code no_memory(struct reader *r)
{
    return err_set(r->e, ERR_INTERNAL, "%s: out of memory", r->doc->file);
}

/* Note the place of the node that is about to be added to the innermost level. */
static enum err_code node_add(struct reader *r, yaml_mark_t at, uint32_t *out)
{
    struct yaml_doc *d = r->doc;
    struct level *l = r->depth ? &r->levels[r->depth - 1] : NULL;
    struct node *n;

    if (d->count == YAML_NODES_MAX)
        return refuse(r, at, "more than %d values in one file", YAML_NODES_MAX);
    if (d->count == d->size) {
        size_t size = d->size ? d->size * 2 : 64;
        struct node *nodes = realloc(d->nodes, size * sizeof *nodes);

        if (!nodes)
            return no_memory(r);
        d->nodes = nodes;
        d->size = size;
    }
    n = &d->nodes[d->count];
    *n = (struct node){
        .parent = NO_PARENT, .line = (uint32_t)at.line + 1, .column = (uint32_t)at.column + 1};
    if (l) {
        n->parent = l->node;
        n->index = json_is_array(l->tree) ? (uint32_t)json_array_size(l->tree) : 0;
        n->key_line = (uint32_t)(l->has_key ? l->key_mark.line + 1 : n->line);
        n->key_column = (uint32_t)(l->has_key ? l->key_mark.column + 1 : n->column);
    }
    *out = (uint32_t)d->count++;
    return ERR_OK;
}

/* Put a value where it belongs; takes `value` (which may be NULL: out of memory). */
static enum err_code value_add_take(struct reader *r, json_t *value, uint32_t node)
{
    struct level *l = r->depth ? &r->levels[r->depth - 1] : NULL;
    int rc;

    if (!value)
        return no_memory(r);
    if (!l) {
        r->doc->root = value;
        return ERR_OK;
    }
    if (json_is_array(l->tree)) {
        rc = json_array_append_new(l->tree, value);
    } else {
        rc = json_object_set_new(l->tree, l->key_text, value);
        /* The tree's own copy of the key lives as long as the document. */
        if (rc == 0)
            r->doc->nodes[node].key =
                json_object_iter_key(json_object_iter_at(l->tree, l->key_text));
        free(l->key_text);
        l->key_text = NULL;
        l->has_key = false;
    }
    return rc == 0 ? ERR_OK : no_memory(r);
}

static bool wants_key(const struct reader *r)
{
    const struct level *l = r->depth ? &r->levels[r->depth - 1] : NULL;

    return l && json_is_object(l->tree) && !l->has_key;
}

static enum err_code on_key(struct reader *r, const yaml_event_t *ev)
{
    struct level *l = &r->levels[r->depth - 1];
    const char *text = (const char *)ev->data.scalar.value;

    if (strlen(text) != ev->data.scalar.length)
        return refuse(r, ev->start_mark, "a NUL character is not allowed in a name");
    if (json_object_get(l->tree, text)) {
        STRBUF shown;

        strbuf_init(&shown, ERR_TEXT_MAX / 2);
        text_clean(&shown, text, strnlen(text, ERR_TEXT_MAX / 4), TEXT_ONE_LINE);
        return refuse(r, ev->start_mark, "'%s' occurs twice in one mapping", shown.data);
    }
    l->key_text = strdup(text);
    if (!l->key_text)
        return no_memory(r);
    l->has_key = true;
    l->key_mark = ev->start_mark;
    return ERR_OK;
}

static enum err_code on_scalar(struct reader *r, const yaml_event_t *ev)
{
    const char *text = (const char *)ev->data.scalar.value;
    size_t len = ev->data.scalar.length;
    bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    enum yaml_scalar kind = plain ? yaml_scalar_kind(text, len) : YAML_SCALAR_STRING;
    enum err_code rc;
    uint32_t node = 0;
    bool too_large;
    json_t *value;

    if (wants_key(r))
        return on_key(r, ev);
    if (memchr(text, '\0', len))
        return refuse(r, ev->start_mark, "a NUL character is not allowed in text");
    value = yaml_scalar_value(kind, text, len, &too_large);
    if (too_large)
        return refuse(r, ev->start_mark, "the number is too large (integers must fit in 64 bits)");
    rc = node_add(r, ev->start_mark, &node);
    if (rc) {
        json_decref(value);
        return rc;
    }
    return value_add_take(r, value, node);
}

/* The new level's tree is in its parent at once, so that freeing the root frees all. */
static enum err_code on_open(struct reader *r, const yaml_event_t *ev, bool mapping)
{
    json_t *tree;
    uint32_t node = 0;
    enum err_code rc;

    if (wants_key(r))
        return refuse(r, ev->start_mark, "a name must be plain text");
    if (r->depth == JSON_DEPTH_MAX)
        return refuse(r, ev->start_mark, "nested deeper than %d levels", JSON_DEPTH_MAX);
    rc = node_add(r, ev->start_mark, &node);
    if (rc)
        return rc;
    tree = mapping ? json_object() : json_array();
    rc = value_add_take(r, tree, node);
    if (rc)
        return rc;
    r->levels[r->depth++] = (struct level){.tree = tree, .node = node};
    return ERR_OK;
}

static enum err_code on_close(struct reader *r)
{
    r->depth--;
    r->done = r->done || r->depth == 0;
    return ERR_OK;
}

static enum err_code no_anchor(struct reader *r, const yaml_event_t *ev, const yaml_char_t *anchor,
                               const yaml_char_t *tag)
{
    if (anchor)
        return refuse(r, ev->start_mark, "anchors (&) are not supported");
    if (tag)
        return refuse(r, ev->start_mark, "tags (!) are not supported");
    return ERR_OK;
}

static enum err_code on_event(struct reader *r, const yaml_event_t *ev)
{
    enum err_code rc;

    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->doc->count > 0)
            return refuse(r, ev->start_mark, "a file must hold one document only");
        return ERR_OK;
    case YAML_ALIAS_EVENT:
        return refuse(r, ev->start_mark, "aliases (*) are not supported");
    case YAML_SCALAR_EVENT:
        rc = no_anchor(r, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
        return rc ? rc : on_scalar(r, ev);
    case YAML_SEQUENCE_START_EVENT:
        rc = no_anchor(r, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
        return rc ? rc : on_open(r, ev, false);
    case YAML_MAPPING_START_EVENT:
        rc = no_anchor(r, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
        return rc ? rc : on_open(r, ev, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(r);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return ERR_OK;
}

static enum err_code parser_error(struct reader *r, const yaml_parser_t *p)
{
    yaml_mark_t at = p->problem_mark;

    if (p->error == YAML_MEMORY_ERROR)
        return no_memory(r);
    if (p->error == YAML_READER_ERROR)
        at = p->mark;
    if (p->context)
        return refuse(r, at, "%s, %s", p->problem ? p->problem : "not valid YAML", p->context);
    return refuse(r, at, "%s", p->problem ? p->problem : "not valid YAML");
}

static enum err_code read_events(struct reader *r, yaml_parser_t *p)
{
    enum err_code rc = ERR_OK;
    bool more = true;

    while (more && !rc) {
        yaml_event_t ev;

        if (!yaml_parser_parse(p, &ev))
            return parser_error(r, p);
        more = ev.type != YAML_STREAM_END_EVENT;
        rc = on_event(r, &ev);
        yaml_event_delete(&ev);
    }
    return rc;
}

static enum err_code read_document(struct reader *r, const char *bytes, size_t len)
{
    yaml_parser_t p;
    enum err_code rc;

    if (!yaml_parser_initialize(&p))
        return no_memory(r);
    yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p, (const unsigned char *)bytes, len);
    rc = read_events(r, &p);
    yaml_parser_delete(&p);
    for (size_t i = 0; i < r->depth; i++)
        free(r->levels[i].key_text);
    return rc;
}

/* libyaml says where, but not in a plain sentence. */
static enum err_code bytes_check(struct reader *r, const char *bytes, size_t len)
{
    yaml_mark_t at = {0};
    size_t n;

    if (len > YAML_BYTES_MAX)
        return err_set(r->e, ERR_INVALID, "%s:1:1: larger than %d bytes", r->doc->file,
                       YAML_BYTES_MAX);
    for (size_t i = 0; i < len; i += n) {
        uint32_t c;

        n = text_decode(bytes + i, len - i, &c);
        if (c == 0 || (c == 0xFFFD && n == 1))
            return refuse(r, at, c ? "the text is not valid UTF-8" : "a NUL byte is not allowed");
        at.column++;
        if (c == '\n')
            at = (yaml_mark_t){.line = at.line + 1};
    }
    return ERR_OK;
}

enum err_code yaml_parse(const char *file, const char *bytes, size_t len, struct yaml_doc **out,
                         struct err *e)
{
    struct yaml_doc *d = calloc(1, sizeof *d);
    struct reader r = {.doc = d, .e = e};
    size_t file_len = strlen(file);
    enum err_code rc;

    if (!d)
        return err_set(e, ERR_INTERNAL, "%.200s: out of memory", file);
    /* Of a long path the end says more. */
    text_copy(d->file, sizeof d->file,
              file_len < sizeof d->file ? file : file + file_len + 1 - sizeof d->file);
    rc = bytes_check(&r, bytes, len);
    if (!rc)
        rc = read_document(&r, bytes, len);
    if (!rc && !d->root)
        rc = err_set(e, ERR_INVALID, "%s:1:1: the file is empty", d->file);
    if (rc) {
        yaml_doc_free(d);
        return rc;
    }
    *out = d;
    return ERR_OK;
}

enum err_code yaml_load(const char *path, struct yaml_doc **out, struct err *e)
{
    STRBUF bytes;
    enum err_code rc;

    strbuf_init(&bytes, YAML_BYTES_MAX);
    rc = file_read(path, &bytes, e);
    return rc ? rc : yaml_parse(path, bytes.data, bytes.len, out, e);
}

void yaml_doc_free(struct yaml_doc *d)
{
    if (!d)
        return;
    json_decref(d->root);
    free(d->nodes);
    free(d);
}

const json_t *yaml_root(const struct yaml_doc *d)
{
    return d->root;
}

/* Take one step off a JSON pointer, unescaped. False when there is none. */
static bool step_take(const char **pointer, char *step, size_t size)
{
    const char *p = *pointer;
    size_t n = 0;

    if (*p++ != '/')
        return false;
    for (; *p && *p != '/' && n + 1 < size; p++) {
        char c = *p;

        if (c == '~' && (p[1] == '0' || p[1] == '1'))
            c = *++p == '0' ? '~' : '/';
        step[n++] = c;
    }
    step[n] = '\0';
    *pointer = p;
    return true;
}

static const struct node *member_find(const struct yaml_doc *d, size_t parent, const char *step)
{
    char index[16];

    for (size_t i = parent + 1; i < d->count; i++) {
        const struct node *n = &d->nodes[i];

        if (n->parent != parent)
            continue;
        snprintf(index, sizeof index, "%u", n->index);
        if (strcmp(n->key ? n->key : index, step) == 0)
            return n;
    }
    return NULL;
}

/* The node at the pointer, or its nearest parent. */
static const struct node *node_find(const struct yaml_doc *d, const char *pointer)
{
    const struct node *n = &d->nodes[0], *member;
    char step[ERR_POINTER_MAX];

    while (step_take(&pointer, step, sizeof step)) {
        member = member_find(d, (size_t)(n - d->nodes), step);
        if (!member)
            break;
        n = member;
    }
    return n;
}

const char *yaml_place(const struct yaml_doc *d, const char *pointer, char *buf, size_t size)
{
    const struct node *n = node_find(d, pointer);

    snprintf(buf, size, "%s:%u:%u", d->file, n->line, n->column);
    return buf;
}

/* A wrong name is shown where the name stands, a wrong value where the value stands. */
static void detail_locate(const struct yaml_doc *d, struct err_detail *detail,
                          char text[ERR_MSG_MAX])
{
    const struct node *n = node_find(d, detail->pointer);
    bool at_key = n->key && (strcmp(detail->code, "unknown_field") == 0 ||
                             strcmp(detail->code, "read_only") == 0);

    snprintf(text, ERR_MSG_MAX, "%s:%u:%u: %s", d->file, at_key ? n->key_line : n->line,
             at_key ? n->key_column : n->column, detail->text);
    text_copy(detail->text, sizeof detail->text, text);
}

enum err_code yaml_locate(const struct yaml_doc *d, struct err *e)
{
    char text[ERR_MSG_MAX];

    if (!e)
        return ERR_INVALID;
    for (size_t i = e->detail_count; i-- > 0;)
        detail_locate(d, &e->details[i], text);
    /* The sentence has more room than the detail: it keeps what the detail lost. */
    if (e->detail_count > 0)
        text_copy(e->msg, sizeof e->msg, text);
    return e->code;
}

enum err_code yaml_decode(const struct yaml_doc *d, const struct shape *s, void *out, struct err *e)
{
    enum err_code rc = shape_decode(s, d->root, out, e);

    if (rc == ERR_INVALID)
        yaml_locate(d, e);
    return rc;
}
