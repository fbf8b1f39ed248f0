/* One HTTP transfer: its handle and headers, the bytes that come back, and what its end means. */
#include "common/client/client_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * count;
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (t->stream && status == 200) {
        stream_bytes(t->stream, bytes, len);
        return len;
    }
    strbuf_add(&t->body, bytes, len);
    return t->body.failed ? 0 : len;
}

/* The value of the header when the line starts with its name, else NULL. */
static const char *header_value(const char *line, size_t len, const char *name, char *buf,
                                size_t size)
{
    size_t n = strlen(name);

    if (len <= n + 1 || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    line += n + 1;
    len -= n + 1;
    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    if (len >= size)
        return NULL;
    memcpy(buf, line, len);
    buf[len] = '\0';
    return buf;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * count;
    char value[128];

    if (header_value(bytes, len, "etag", value, sizeof value))
        text_copy(t->etag, sizeof t->etag, value);
    else if (header_value(bytes, len, "x-request-id", value, sizeof value))
        text_copy(t->request_id, sizeof t->request_id, value);
    else if (header_value(bytes, len, "retry-after", value, sizeof value))
        t->retry_after_seconds = strtoll(value, NULL, 10);
    return len;
}

CURL *client_easy(struct client *cl, const char *path, struct curl_slist **headers)
{
    CURL *easy = curl_easy_init();
    char text[URL_BYTES_MAX + HTTP_LINE_BYTES_MAX];

    if (!easy)
        return NULL;
    snprintf(text, sizeof text, "%s%s", cl->url, path);
    curl_easy_setopt(easy, CURLOPT_URL, text);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hourglass/" HOURGLASS_VERSION);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)cl->connect_ms_max);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* One proxy variable in the environment must not carry a key elsewhere unseen. */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (cl->socket_path[0])
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, cl->socket_path);
    if (cl->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, cl->ca_file);
    if (cl->token[0]) {
        snprintf(text, sizeof text, "Authorization: Bearer %s", cl->token);
        *headers = curl_slist_append(*headers, text);
        explicit_bzero(text, sizeof text);
    }
    return easy;
}

static void headers_set(struct transfer *t, const char *method, const struct request_options *o)
{
    char line[HTTP_IDEMPOTENCY_KEY_BYTES_MAX + 64];

    if (strcmp(method, "GET") != 0) {
        const char *type = o && o->content_type ? o->content_type : "application/json";

        snprintf(line, sizeof line, "Content-Type: %s", type);
        t->headers = curl_slist_append(t->headers, line);
        t->headers = curl_slist_append(t->headers, "Expect:");
    }
    if (o && o->idempotency_key) {
        snprintf(line, sizeof line, "Idempotency-Key: %s", o->idempotency_key);
        t->headers = curl_slist_append(t->headers, line);
    }
    if (o && o->if_match) {
        snprintf(line, sizeof line, "If-Match: %s", o->if_match);
        t->headers = curl_slist_append(t->headers, line);
    }
}

struct transfer *transfer_new(struct client *cl, const char *method, const char *path,
                              const struct request_options *o)
{
    struct transfer *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->client = cl;
    t->number = ++cl->last_number;
    strbuf_init(&t->body, HTTP_RESPONSE_BYTES_MAX);
    t->next = cl->transfers;
    cl->transfers = t;
    if (client_network(cl, &t->err))
        return t;
    t->easy = client_easy(cl, path, &t->headers);
    if (!t->easy) {
        err_set(&t->err, ERR_INTERNAL, "out of memory");
        return t;
    }
    headers_set(t, method, o);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_error);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)cl->request_ms_max);
    if (strcmp(method, "GET") != 0)
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
    return t;
}

enum err_code transfer_start(struct transfer *t, struct err *e)
{
    if (!t->easy)
        return err_set(e, t->err.code, "%s", t->err.msg);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    if (curl_multi_add_handle(t->client->multi, t->easy) != CURLM_OK)
        return err_set(e, ERR_INTERNAL, "the network library refused the request");
    return ERR_OK;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    for (struct transfer **at = &t->client->transfers; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    if (t->easy) {
        curl_multi_remove_handle(t->client->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->headers);
    strbuf_release(&t->body);
    free(t);
}

static enum err_code transport_error(const struct transfer *t, CURLcode code, struct err *e)
{
    const char *why = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);

    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(e, ERR_TIMEOUT, "%s does not answer in time (%s)", t->client->url, why);
    case CURLE_WRITE_ERROR:
        return err_set(e, ERR_TOO_LARGE, "the answer of %s is larger than allowed", t->client->url);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(e, ERR_UNREACHABLE, "%s has no certificate that is trusted here (%s)",
                       t->client->url, why);
    default:
        return err_set(e, ERR_UNREACHABLE, "%s cannot be reached (%s)", t->client->url, why);
    }
}

enum err_code transfer_result(struct transfer *t, CURLcode code, int *status, struct err *e)
{
    long http = 0;

    if (code != CURLE_OK)
        return transport_error(t, code, e);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &http);
    *status = (int)http;
    if (http >= 200 && http < 400)
        return ERR_OK;
    if (problem_read(t->body.data, t->body.len, (int)http, e))
        return e->code;
    return err_set(e, http >= 500 ? ERR_UNREACHABLE : ERR_INTERNAL,
                   "%s answered with status %ld and no explanation", t->client->url, http);
}
