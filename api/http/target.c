/* The request target ("/v1/jobs/job_1?limit=5") taken apart and percent-decoded, segment by
 * segment, so that an encoded slash never makes a segment. */
#include <string.h>

#include "api/http/http_internal.h"
#include "core/text.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Decode in place up to one of `stops` or the end; `out_len` is of the decoded text, which
 * gets no NUL. Returns what follows, or NULL for a bad escape or an encoded NUL. */
static char *part_decode(char *text, const char *stops, bool plus_is_space, size_t *out_len)
{
    char *out = text, *p = text;

    for (; *p && !strchr(stops, *p); p++) {
        if (*p == '%') {
            int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);

            if (low < 0 || (high == 0 && low == 0))
                return NULL;
            *out++ = (char)(high * 16 + low);
            p += 2;
        } else {
            *out++ = plus_is_space && *p == '+' ? ' ' : *p;
        }
    }
    *out_len = (size_t)(out - text);
    return text_is_utf8(text, *out_len) ? p : NULL;
}

/* RFC 3986: a target is printable ASCII. */
static bool target_is_clean(const char *uri)
{
    for (const unsigned char *p = (const unsigned char *)uri; *p; p++)
        if (*p <= 0x20 || *p >= 0x7F)
            return false;
    return true;
}

static bool has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return true;
    return false;
}

/* Returns what follows the path, or NULL. */
static char *path_parse(char *p, struct target *out)
{
    while (*p == '/') {
        char *segment = p + 1;
        size_t len;

        p = part_decode(segment, "/?#", false, &len);
        if (!p || has_control(segment, len))
            return NULL;
        if (out->segment_count < HTTP_SEGMENTS_MAX) {
            out->segments[out->segment_count] = segment;
            out->segment_lens[out->segment_count] = len;
        }
        if (out->segment_count <= HTTP_SEGMENTS_MAX)
            out->segment_count++;
    }
    return p;
}

/* One "name=value" at p; both get a NUL, which overwrites what separated them.
 * Returns the next one, or NULL. */
static char *query_parse_one(char *p, struct target_query *q, bool *last)
{
    char *end, stop;
    size_t len;

    q->name = p;
    q->value = "";
    end = part_decode(p, "=&#", true, &len);
    if (!end)
        return NULL;
    stop = *end;
    p[len] = '\0';
    if (stop == '=') {
        char *value = end + 1;

        q->value = value;
        end = part_decode(value, "&#", true, &len);
        if (!end)
            return NULL;
        stop = *end;
        value[len] = '\0';
    }
    *last = stop != '&';
    return *last ? end : end + 1;
}

static enum err_code query_parse(char *p, struct target *out, struct err *e)
{
    for (bool last = *p == '\0'; !last;) {
        struct target_query q;

        p = query_parse_one(p, &q, &last);
        if (!p)
            return err_set(e, ERR_BAD_REQUEST, "the query has a bad escape or is not UTF-8");
        if (q.name[0] == '\0' && q.value[0] == '\0')
            continue; /* "?&" */
        if (out->query_count == HTTP_QUERY_MAX)
            return err_set(e, ERR_BAD_REQUEST, "the query has more than %d arguments",
                           HTTP_QUERY_MAX);
        out->query[out->query_count++] = q;
    }
    return ERR_OK;
}

enum err_code target_parse(char *uri, struct target *out, struct err *e)
{
    char *rest;

    memset(out, 0, sizeof *out);
    if (!target_is_clean(uri))
        return err_set(e, ERR_BAD_REQUEST,
                       "the address holds a space or a byte that must be percent-encoded");
    if (uri[0] != '/' && strcmp(uri, "*") != 0)
        return err_set(e, ERR_BAD_REQUEST, "the address must begin with '/'");
    rest = path_parse(uri, out);
    if (!rest)
        return err_set(e, ERR_BAD_REQUEST,
                       "the path has a bad escape, a control character or is not UTF-8");
    return *rest == '?' ? query_parse(rest + 1, out, e) : ERR_OK;
}
