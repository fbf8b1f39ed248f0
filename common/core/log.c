/* One event, one line, one write(2). Formats into a fixed buffer, so that logging
 * works when memory does not. */
#include "core/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/limits.h"
#include "core/strbuf.h"
#include "core/text.h"

#define LOG_TEXT_BYTES_MAX 4096 /* of one event's key=value pairs */
#define LOG_LINE_BYTES_MAX (LOG_TEXT_BYTES_MAX + 512)

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static int level_now = LOG_INFO;
static int fd_now = STDERR_FILENO;
static __thread char request_now[ID_MAX];

struct line {
    char bytes[LOG_LINE_BYTES_MAX];
    size_t len;
};

void log_level_set(enum log_level level)
{
    __atomic_store_n(&level_now, (int)level, __ATOMIC_RELAXED);
}

void log_fd_set(int fd)
{
    __atomic_store_n(&fd_now, fd, __ATOMIC_RELAXED);
}

void log_request_set(const char *request_id)
{
    text_copy(request_now, sizeof request_now, request_id);
}

/* Two bytes are kept for the newline and the NUL. */
static void line_add(struct line *l, const char *bytes, size_t len)
{
    size_t room = sizeof l->bytes - 2 - l->len;

    if (len > room)
        len = room;
    memcpy(l->bytes + l->len, bytes, len);
    l->len += len;
}

static void line_adds(struct line *l, const char *text)
{
    line_add(l, text, strlen(text));
}

static void line_add_escape(struct line *l, unsigned char c)
{
    char escape[8];

    switch (c) {
    case '\n':
        line_adds(l, "\\n");
        break;
    case '\r':
        line_adds(l, "\\r");
        break;
    case '\t':
        line_adds(l, "\\t");
        break;
    default:
        snprintf(escape, sizeof escape, "\\x%02x", c);
        line_adds(l, escape);
    }
}

/* Whatever could start a line or speak to a terminal becomes visible. */
static void line_add_clean(struct line *l, const char *text)
{
    size_t len = strlen(text), used;

    for (size_t i = 0; i < len; i += used) {
        uint32_t c;

        used = text_decode(text + i, len - i, &c);
        if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c == 0xFFFD && used == 1))
            for (size_t k = 0; k < used; k++)
                line_add_escape(l, (unsigned char)text[i + k]);
        else
            line_add(l, text + i, used);
    }
}

static void line_start(struct line *l, enum log_level level, const char *module, const char *event)
{
    char at[RFC3339_MAX];

    l->len = 0;
    line_adds(l, rfc3339_format(clock_now_ms(clock_real()), at));
    line_adds(l, " ");
    line_adds(l, level_names[level]);
    line_adds(l, " ");
    line_add_clean(l, module);
    line_adds(l, ": ");
    line_add_clean(l, event);
    if (request_now[0]) {
        line_adds(l, " request=");
        line_add_clean(l, request_now);
    }
}

/* A short write is finished; a line that cannot be written is lost, there being nobody
 * left to tell. */
static void line_write(const struct line *l)
{
    int fd = __atomic_load_n(&fd_now, __ATOMIC_RELAXED);

    for (size_t done = 0; done < l->len;) {
        ssize_t n = write(fd, l->bytes + done, l->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

void log_line(enum log_level level, const char *module, const char *event, const char *fmt, ...)
{
    char text[LOG_TEXT_BYTES_MAX];
    struct line l;
    int errno_before = errno;
    va_list ap;
    int n;

    if ((int)level < __atomic_load_n(&level_now, __ATOMIC_RELAXED))
        return;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    line_start(&l, level, module, event);
    if (n > 0) {
        line_adds(&l, " ");
        line_add_clean(&l, text);
        if ((size_t)n >= sizeof text)
            line_adds(&l, " cut=true");
    }
    l.bytes[l.len++] = '\n';
    line_write(&l);
    errno = errno_before;
}

bool log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
        if (strcmp(level_names[i], name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}
