/* YAML 1.1 files over libyaml, read into the same tree as JSON, with the place of
 * every node kept, so that a mistake found by shape_decode() is reported as
 * file:line:column. Anchors and aliases are refused (no expansion bombs), as are
 * duplicate keys, several documents, tags and depth over JSON_DEPTH_MAX.
 *
 * Scalars: plain `true|false`, integers and decimals become JSON values, `null` and
 * `~` become null, everything else and everything quoted is a string. */
#ifndef CORE_YAML_H
#define CORE_YAML_H

#include "core/json.h"

struct yaml_doc; /* a tree and the places of its nodes */

/* `file` is only for messages. Caller owns *out.
 * Errors: ERR_INVALID "file:line:column: what is wrong". */
enum err_code yaml_parse(const char *file, const char *bytes, size_t len, struct yaml_doc **out,
                         struct err *e) MUST_CHECK;
/* Errors: ERR_NOT_FOUND, ERR_IO, ERR_TOO_LARGE; else as yaml_parse(). */
enum err_code yaml_load(const char *path, struct yaml_doc **out, struct err *e) MUST_CHECK;
void yaml_doc_free(struct yaml_doc *d); /* accepts NULL; not yaml_free(): libyaml exports one */

const json_t *yaml_root(const struct yaml_doc *d); /* borrowed until yaml_doc_free() */

/* "file:line:column" of the node at a JSON pointer, or of its nearest parent. */
const char *yaml_place(const struct yaml_doc *d, const char *pointer, char *buf, size_t size);

/* Decode the root; each detail becomes "file:line:column: text" and the first one is
 * the sentence. Errors: ERR_INVALID. */
enum err_code yaml_decode(const struct yaml_doc *d, const struct shape *s, void *out,
                          struct err *e) MUST_CHECK;

/* Rewrite an error whose details carry pointers into this document (from a further
 * check of the decoded struct) as above. Returns e's code. */
enum err_code yaml_locate(const struct yaml_doc *d, struct err *e);

/* Write a JSON tree as YAML (for -o yaml). */
void yaml_write(const json_t *tree, struct strbuf *out);

#endif
