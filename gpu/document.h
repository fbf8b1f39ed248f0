/* JSON files that people and earlier runs wrote: bounded, checked against a shape, and refused
 * with the line of the mistake. */
#ifndef GPU_DOCUMENT_H
#define GPU_DOCUMENT_H

#include "core/json.h"

/* No figure of a GPU is larger: what is computed from one stays a number. */
#define GPU_FIGURE_MAX 1000000000000000

/* The bytes of a plain file, at most out's maximum. Errors: ERR_NOT_FOUND; ERR_TOO_LARGE;
 * ERR_INVALID it is a pipe, a device or a folder; ERR_IO. */
enum err_code gpu_document_load(const char *path, struct strbuf *out, struct err *e) MUST_CHECK;

/* Decode them into the zeroed struct *out; `name` stands in messages. Errors: ERR_INVALID
 * "FILE:LINE: what is wrong". Nothing is left to release then. */
enum err_code gpu_document_parse(const char *name, const char *bytes, size_t len,
                                 const struct shape *shape, void *out, struct err *e) MUST_CHECK;

/* ERR_INVALID with the place of the value at `pointer`. */
enum err_code gpu_document_refuse(const char *name, const char *bytes, size_t len,
                                  const char *pointer, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

#endif
