/* Small files, whole and atomically. */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include "core/errs.h"
#include "core/strbuf.h"

/* Append the file's bytes. Errors: ERR_NOT_FOUND, ERR_TOO_LARGE (over out's
 * maximum), ERR_IO. */
enum err_code file_read(const char *path, struct strbuf *out, struct err *e) MUST_CHECK;

/* Write beside, fsync, rename over, fsync the folder: after success the new contents
 * survive a power cut, after failure the old ones are whole. A device, a pipe or a socket in its
 * place stays, and so does /dev. Errors: ERR_IO. */
enum err_code file_write(const char *path, const void *bytes, size_t len, unsigned mode,
                         struct err *e) MUST_CHECK;

/* As file_write(), but nothing waits for the disk: a reader finds the old or the new contents
 * whole, and a power cut may take both. For what is written anew at every start. */
enum err_code file_write_passing(const char *path, const void *bytes, size_t len, unsigned mode,
                                 struct err *e) MUST_CHECK;

/* mkdir -p. Errors: ERR_IO. */
enum err_code dir_make(const char *path, unsigned mode, struct err *e) MUST_CHECK;

/* As file_read(), but refuses a file that others may read: a token must be mode 0600
 * (or 0400) and ours. Errors: ERR_FORBIDDEN, else as file_read(). */
enum err_code file_read_secret(const char *path, struct strbuf *out, struct err *e) MUST_CHECK;

#endif
