/* Reads what gzip wrote: kernels are packed in the program, where they would be most of it. */
#ifndef GPU_GUNZIP_H
#define GPU_GUNZIP_H

#include "core/errs.h"

/* Unpack one gzip member (RFC 1952) of at most `len_max` bytes. Caller frees *out, which has a
 * NUL after its last byte. Errors: ERR_INVALID it is no such thing, or damaged (its checksum is
 * compared); ERR_TOO_LARGE; ERR_IO no memory. */
enum err_code gunzip(const void *bytes, size_t size, size_t len_max, char **out, size_t *len,
                     struct err *e) MUST_CHECK;

#endif
