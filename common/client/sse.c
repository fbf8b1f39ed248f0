/* Lines into events. */
#include "common/client/sse.h"

#include <string.h>

#define RETRY_DIGITS_MAX 9
#define KEEP_BYTES       (32 * 1024) /* memory of a long line is not kept for the next */

void sse_init(struct sse *s, size_t len_max)
{
    memset(s, 0, sizeof *s);
    strbuf_init(&s->line, len_max);
    strbuf_init(&s->data, len_max);
}

void sse_reset(struct sse *s)
{
    strbuf_release(&s->line);
    strbuf_release(&s->data);
    s->id[0] = s->type[0] = '\0';
    s->has_data = s->too_long = s->after_cr = s->begun = s->told = false;
}

void sse_release(struct sse *s)
{
    strbuf_release(&s->line);
    strbuf_release(&s->data);
}

static void take_retry(struct sse *s, const char *value)
{
    int64_t ms = 0;
    size_t len = strlen(value);

    if (!len || len > RETRY_DIGITS_MAX || strspn(value, "0123456789") != len)
        return;
    for (; *value; value++)
        ms = ms * 10 + (*value - '0');
    s->retry_ms = ms;
}

static void take_field(struct sse *s, const char *name, const char *value, size_t len)
{
    if (strcmp(name, "data") == 0) {
        if (s->has_data)
            strbuf_addc(&s->data, '\n');
        strbuf_add(&s->data, value, len);
        s->has_data = true;
        s->too_long = s->too_long || s->data.failed;
    } else if (strcmp(name, "id") == 0) {
        /* One that was cut would name another place: better none. */
        if (len < sizeof s->id && strlen(value) == len)
            text_copy(s->id, sizeof s->id, value);
    } else if (strcmp(name, "event") == 0) {
        text_copy(s->type, sizeof s->type, value);
    } else if (strcmp(name, "retry") == 0) {
        take_retry(s, value);
    }
}

static void take_line(struct sse *s)
{
    char *line = s->line.data, *value = memchr(line, ':', s->line.len);

    if (value == line)
        return; /* a comment: the heartbeat */
    if (!value) {
        take_field(s, line, "", 0);
        return;
    }
    *value++ = '\0';
    if (*value == ' ')
        value++;
    take_field(s, line, value, s->line.len - (size_t)(value - line));
}

/* An empty line ends an event. False when there was nothing in it. */
static bool event_end(struct sse *s, struct sse_event *out)
{
    bool told = !s->too_long && (s->has_data || s->type[0]);

    s->too_long = false;
    s->told = told;
    *out = (struct sse_event){.id = s->id,
                              .type = s->type[0] ? s->type : "message",
                              .data = s->data.data,
                              .len = s->data.len,
                              .has_data = s->has_data};
    return told;
}

/* What the last event left, once its reader is done with it. */
static void event_begin(struct sse *s)
{
    s->type[0] = '\0';
    s->has_data = s->told = false;
    if (s->data.size > KEEP_BYTES)
        strbuf_release(&s->data);
    strbuf_reset(&s->data);
}

/* The line is complete. True when it ended an event. */
static bool line_end(struct sse *s, struct sse_event *out)
{
    bool ended = false, empty = s->line.len == 0 && !s->line.failed;

    if (!s->begun && s->line.len >= 3 && memcmp(s->line.data, "\xEF\xBB\xBF", 3) == 0) {
        strbuf_consume(&s->line, 3);
        empty = s->line.len == 0;
    }
    s->begun = true;
    if (s->line.failed)
        s->too_long = true;
    else if (empty)
        ended = event_end(s, out);
    else
        take_line(s);
    if (s->line.size > KEEP_BYTES)
        strbuf_release(&s->line);
    strbuf_reset(&s->line);
    if (empty && !ended)
        event_begin(s);
    return ended;
}

bool sse_next(struct sse *s, const char **bytes, size_t *len, struct sse_event *out)
{
    if (s->told)
        event_begin(s);
    while (*len) {
        size_t n = 0;

        if (s->after_cr && **bytes == '\n') {
            s->after_cr = false;
            ++*bytes;
            --*len;
            continue;
        }
        s->after_cr = false;
        while (n < *len && (*bytes)[n] != '\n' && (*bytes)[n] != '\r')
            n++;
        strbuf_add(&s->line, *bytes, n);
        *bytes += n;
        *len -= n;
        if (!*len)
            return false;
        s->after_cr = **bytes == '\r';
        ++*bytes;
        --*len;
        if (line_end(s, out))
            return true;
    }
    return false;
}
