/* Request headers: read once into a table, then judged. Framing that two parsers could read
 * differently is refused here. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/http/http_internal.h"

static const struct {
    const char *name;
    size_t len;
    bool repeats; /* may be sent more than once; the first counts */
} head_rows[HEAD_COUNT] = {
#define ROW(text, rep)             \
    {                              \
        text, sizeof text - 1, rep \
    }
    [HEAD_AUTHORIZATION] = ROW("Authorization", false),
    [HEAD_CONTENT_LENGTH] = ROW("Content-Length", false),
    [HEAD_CONTENT_TYPE] = ROW("Content-Type", false),
    [HEAD_HOST] = ROW("Host", false),
    [HEAD_IDEMPOTENCY_KEY] = ROW("Idempotency-Key", false),
    [HEAD_IF_MATCH] = ROW("If-Match", false),
    [HEAD_LAST_EVENT_ID] = ROW("Last-Event-ID", false),
    [HEAD_REQUEST_ID] = ROW("X-Request-Id", false),
    [HEAD_TRANSFER_ENCODING] = ROW("Transfer-Encoding", false),
    [HEAD_UPGRADE] = ROW("Upgrade", true),
    [HEAD_EXPECT] = ROW("Expect", true),
    [HEAD_CONNECTION] = ROW("Connection", true),
    [HEAD_IF_NONE_MATCH] = ROW("If-None-Match", true),
#undef ROW
};

static enum MHD_Result head_add(void *cls, enum MHD_ValueKind kind, const char *key,
                                size_t key_size, const char *value, size_t value_size)
{
    struct heads *h = cls;

    UNUSED(kind);
    h->bytes += key_size + value_size + 4; /* ": " and CRLF */
    if (memchr(key, '\0', key_size) || (value && memchr(value, '\0', value_size)))
        h->has_nul = true;
    for (int i = 0; i < HEAD_COUNT; i++) {
        if (head_rows[i].len != key_size || strncasecmp(head_rows[i].name, key, key_size) != 0)
            continue;
        if (!h->value[i])
            h->value[i] = value ? value : "";
        else if (!head_rows[i].repeats)
            h->repeated = (enum head_name)i;
        break;
    }
    return MHD_YES;
}

void heads_read(struct MHD_Connection *connection, struct heads *out)
{
    memset(out, 0, sizeof *out);
    out->repeated = HEAD_COUNT;
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, head_add, out);
}

bool heads_framing_bad(const struct heads *h)
{
    const char *coding = h->value[HEAD_TRANSFER_ENCODING];

    return (coding && (strcasecmp(coding, "chunked") != 0 || h->value[HEAD_CONTENT_LENGTH])) ||
           h->repeated == HEAD_CONTENT_LENGTH || h->repeated == HEAD_TRANSFER_ENCODING;
}

enum err_code heads_check(const struct heads *h, const char *version, struct err *e)
{
    if (h->bytes > HTTP_HEADERS_BYTES_MAX)
        return err_set(e, ERR_HEADERS_LARGE, "the headers are larger than %d bytes",
                       HTTP_HEADERS_BYTES_MAX);
    if (h->has_nul)
        return err_set(e, ERR_BAD_REQUEST, "a header holds a NUL byte");
    if (h->repeated != HEAD_COUNT)
        return err_set(e, ERR_BAD_REQUEST, "the header %s is sent more than once",
                       head_rows[h->repeated].name);
    if (!h->value[HEAD_HOST] && strcmp(version, "HTTP/1.1") == 0)
        return err_set(e, ERR_BAD_REQUEST, "HTTP/1.1 requires the header Host");
    if (heads_framing_bad(h))
        return err_set(e, ERR_BAD_REQUEST,
                       "send either Content-Length or 'Transfer-Encoding: chunked'");
    return ERR_OK;
}

int64_t heads_body_bytes(const struct heads *h)
{
    const char *length = h->value[HEAD_CONTENT_LENGTH];

    if (h->value[HEAD_TRANSFER_ENCODING])
        return -1;
    /* libmicrohttpd has refused what is not a number; too large saturates. */
    return length ? strtoll(length, NULL, 10) : 0;
}

enum err_code heads_bearer(const struct heads *h, char *out, size_t size, struct err *e)
{
    const char *value = h->value[HEAD_AUTHORIZATION];

    out[0] = '\0';
    if (!value)
        return ERR_OK;
    if (strncasecmp(value, "Bearer ", 7) != 0)
        return err_set(e, ERR_UNAUTHENTICATED, "send the API key as 'Authorization: Bearer KEY'");
    value += 7 + strspn(value + 7, " ");
    if (value[0] == '\0' || strpbrk(value, " \t,") || !text_copy(out, size, value)) {
        out[0] = '\0';
        return err_set(e, ERR_UNAUTHENTICATED, "the API key is malformed");
    }
    return ERR_OK;
}

bool heads_list_has(const char *list, const char *token)
{
    size_t len = strlen(token);

    for (const char *p = list; p && *p;) {
        size_t n;

        p += strspn(p, " \t,");
        n = strcspn(p, " \t,");
        if (n == len && strncasecmp(p, token, len) == 0)
            return true;
        p += n;
    }
    return false;
}

/* The part of a tag between its quotes. */
static const char *tag_core(const char *tag, size_t *len)
{
    const char *end;

    if (tag[0] == 'W' && tag[1] == '/')
        tag += 2;
    if (tag[0] != '"') {
        *len = strcspn(tag, ", \t");
        return tag;
    }
    end = strchr(tag + 1, '"');
    *len = end ? (size_t)(end - tag - 1) : strlen(tag + 1);
    return tag + 1;
}

bool heads_etag_match(const char *if_none_match, const char *etag)
{
    size_t want_len, len;
    const char *want = tag_core(etag, &want_len);

    for (const char *p = if_none_match; *p;) {
        const char *core;

        p += strspn(p, " \t,");
        if (*p == '*')
            return true;
        core = tag_core(p, &len);
        if (len == want_len && memcmp(core, want, len) == 0)
            return true;
        p = core + len;
        p += *p == '"';
    }
    return false;
}
