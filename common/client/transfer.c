/* One HTTP transfer: its handle and headers, the bytes that come back, and what its end means. */
#include "common/client/client_internal.h"

#include <stdlib.h>
#include <string.h>

/* Called by libcurl: puts away, calls nobody. */
static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * count;

    if (stream_takes(t))
        return stream_bytes(t->stream, bytes, len);
    strbuf_add(&t->body, bytes, len);
    return t->body.failed ? 0 : len;
}

CURL *client_easy(struct client *cl, const char *path, struct curl_slist **headers)
{
    CURL *easy = curl_easy_init();
    char text[URL_BYTES_MAX + HTTP_LINE_BYTES_MAX];

    if (!easy)
        return NULL;
    snprintf(text, sizeof text, "%s%s", cl->url, path);
    curl_easy_setopt(easy, CURLOPT_URL, text);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* Else removing a handle waits for its name resolver's thread, for up to half a minute. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hourglass/" HOURGLASS_VERSION);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)cl->connect_ms_max);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    /* A redirect would take the key to where it was not meant for. */
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    /* One proxy variable in the environment must not carry a key elsewhere unseen. */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (cl->socket_path[0])
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, cl->socket_path);
    if (cl->ca_file[0])
        curl_easy_setopt(easy, CURLOPT_CAINFO, cl->ca_file);
    if (cl->token[0] && headers) {
        snprintf(text, sizeof text, "Authorization: Bearer %s", cl->token);
        *headers = curl_slist_append(*headers, text);
        explicit_bzero(text, sizeof text);
    }
    return easy;
}

void transfer_header(struct transfer *t, const char *name, const char *value)
{
    char line[HTTP_IDEMPOTENCY_KEY_BYTES_MAX + 64];
    struct curl_slist *longer;
    int n = snprintf(line, sizeof line, "%s: %s", name, value);

    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7F)
            n = -1;
    if (n < 0 || (size_t)n >= sizeof line) {
        err_set(&t->err, ERR_INVALID, "%s: not a value that may be sent", name);
        return;
    }
    longer = curl_slist_append(t->headers, line);
    if (longer)
        t->headers = longer;
    else
        err_set(&t->err, ERR_INTERNAL, "out of memory");
}

static void headers_set(struct transfer *t, const char *method, const struct request_options *o)
{
    if (strcmp(method, "GET") != 0) {
        transfer_header(t, "Content-Type",
                        o && o->content_type ? o->content_type : "application/json");
        /* libcurl would wait a second for a "100 Continue" before a long body. */
        t->headers = curl_slist_append(t->headers, "Expect:");
    }
    if (o && o->idempotency_key)
        transfer_header(t, "Idempotency-Key", o->idempotency_key);
    if (o && o->if_match)
        transfer_header(t, "If-Match", o->if_match);
}

static void transfer_set_up(struct transfer *t, const char *method, const char *path,
                            const struct request_options *o)
{
    if (strlen(path) >= HTTP_LINE_BYTES_MAX) {
        err_set(&t->err, ERR_URI_TOO_LONG, "the request's path is longer than allowed");
        return;
    }
    if (!path_is_valid(path)) {
        err_set(&t->err, ERR_INVALID, "the request's path has characters that may not be sent");
        return;
    }
    if (client_network(t->client, &t->err))
        return;
    t->easy = client_easy(t->client, path, &t->headers);
    if (!t->easy) {
        err_set(&t->err, ERR_INTERNAL, "out of memory");
        return;
    }
    headers_set(t, method, o);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_error);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)t->client->request_ms_max);
    if (strcmp(method, "GET") != 0)
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
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
    transfer_set_up(t, method, path, o);
    return t;
}

void transfer_start(struct transfer *t)
{
    if (t->err.code)
        return;
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    if (curl_multi_add_handle(t->client->multi, t->easy) != CURLM_OK)
        err_set(&t->err, ERR_INTERNAL, "the network library refused the request");
}

void transfer_unlink(struct transfer *t)
{
    struct transfer **at = &t->client->transfers;

    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
    t->next = NULL;
}

void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    transfer_unlink(t);
    if (t->easy) {
        curl_multi_remove_handle(t->client->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->headers);
    strbuf_release(&t->body);
    free(t);
}

const char *transfer_answer_header(const struct transfer *t, const char *name)
{
    struct curl_header *h = NULL;

    if (!t->easy || curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return "";
    return h->value;
}

/* Once the connection stood, the server may have acted on the request. */
static bool was_connected(const struct transfer *t)
{
    curl_off_t us = 0;

    return curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &us) == CURLE_OK && us > 0;
}

/* For a socket in the file system libcurl speaks of a host and a port that do not exist. */
static const char *reason_of(const struct transfer *t, CURLcode code)
{
    long os_error = 0;

    curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error);
    if (t->client->socket_path[0] && code == CURLE_COULDNT_CONNECT)
        return os_error ? strerror((int)os_error) : curl_easy_strerror(code);
    return t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);
}

static void transport_error(const struct transfer *t, CURLcode code, struct outcome *out)
{
    const char *why = reason_of(t, code);
    const char *name = t->client->name;

    out->broke = was_connected(t);
    switch ((int)code) {
    case CURLE_OPERATION_TIMEDOUT:
        out->rc = err_set(&out->err, ERR_TIMEOUT, "%s does not answer in time (%s)", name, why);
        return;
    case CURLE_WRITE_ERROR:
        out->broke = false;
        out->rc =
            err_set(&out->err, ERR_TOO_LARGE, "the answer of %s is larger than allowed", name);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        out->rc = err_set(&out->err, ERR_UNREACHABLE,
                          "%s has no certificate that is trusted here (%s)", name, why);
        return;
    default:
        out->rc = err_set(&out->err, ERR_UNREACHABLE,
                          out->broke ? "%s broke the connection (%s)" : "%s cannot be reached (%s)",
                          name, why);
    }
}

static enum err_code status_error(const struct transfer *t, int status, struct err *e)
{
    if (problem_read(t->body.data, t->body.len, status, e))
        return e->code;
    if (status >= 300 && status < 400)
        return err_set(e, ERR_UNREACHABLE,
                       "%s answered with a redirect (status %d), which is not followed: the key is "
                       "for this address only",
                       t->client->name, status);
    return err_set(e, err_of_status(status), "%s answered with status %d and no explanation",
                   t->client->name, status);
}

void transfer_outcome(struct transfer *t, CURLcode code, struct outcome *out)
{
    long status = 0;
    curl_off_t later = 0;

    memset(out, 0, sizeof *out);
    if (!t->easy || t->err.code) {
        out->err = t->err;
        out->rc = t->err.code;
        return;
    }
    if (code != CURLE_OK) {
        transport_error(t, code, out);
        return;
    }
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &later);
    out->status = (int)status;
    out->retry_after_seconds = later < 0                          ? 0
                               : later > CLIENT_RETRY_SECONDS_MAX ? CLIENT_RETRY_SECONDS_MAX
                                                                  : later;
    if (status < 200 || status >= 300)
        out->rc = status_error(t, out->status, &out->err);
}
