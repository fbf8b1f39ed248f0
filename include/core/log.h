/* One event per line on standard error: time, level, module, request id,
 * key=value pairs. Library code returns errors; only main programs, the HTTP
 * layer and workers log, once. Never hand it a secret. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below `level` are dropped. The only mutable global of the program. */
void log_level_set(enum log_level level);
/* Where lines go: a file descriptor, 2 by default. */
void log_fd_set(int fd);
/* The id of the request this thread is working on ("" for none); copied. */
void log_request_set(const char *request_id);

/* log_line(LOG_INFO, "http", "listening", "address=%s port=%d", a, p): control
 * characters and newlines in the values are escaped, so one call is one line. */
void log_line(enum log_level level, const char *module, const char *event, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Errors: none; returns false for an unknown name. */
bool log_level_parse(const char *name, enum log_level *level);

#endif
