/* The raw side of an upgraded connection: what `hourglass instance ssh` uses as ssh's
 * ProxyCommand. libcurl makes the connection (and its TLS); bytes are pumped here. */
#include "common/client/client_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TUNNEL_HEAD_BYTES_MAX 16384
#define TUNNEL_WAIT_MS_MAX    30000

static bool socket_wait(curl_socket_t fd, short events, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};

    return poll(&p, 1, timeout_ms) > 0;
}

static enum err_code send_all(CURL *easy, curl_socket_t fd, const char *bytes, size_t len,
                              struct err *e)
{
    while (len) {
        size_t n = 0;
        CURLcode rc = curl_easy_send(easy, bytes, len, &n);

        if (rc == CURLE_AGAIN) {
            if (!socket_wait(fd, POLLOUT, TUNNEL_WAIT_MS_MAX))
                return err_set(e, ERR_TIMEOUT, "the tunnel takes no more bytes");
            continue;
        }
        if (rc != CURLE_OK)
            return err_set(e, ERR_UNREACHABLE, "the tunnel broke (%s)", curl_easy_strerror(rc));
        bytes += n;
        len -= n;
    }
    return ERR_OK;
}

static enum err_code write_all(int fd, const char *bytes, size_t len, struct err *e)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, ERR_IO, "writing what came through the tunnel: %s", strerror(errno));
        bytes += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

static void request_text(const struct client *cl, const char *path, struct strbuf *out)
{
    const char *host = strstr(cl->url, "://");
    size_t len;

    host = host ? host + 3 : cl->url;
    len = strcspn(host, "/");
    strbuf_addf(out, "GET %s HTTP/1.1\r\nHost: %.*s\r\n", path, (int)len, host);
    strbuf_adds(out, "Connection: Upgrade\r\nUpgrade: hourglass-tunnel\r\n");
    if (cl->token[0])
        strbuf_addf(out, "Authorization: Bearer %s\r\n", cl->token);
    strbuf_adds(out, "\r\n");
}

/* Read the head of the answer; what follows it in the same read stays in `in`. */
static enum err_code head_read(CURL *easy, curl_socket_t fd, struct strbuf *in, struct err *e)
{
    char buf[4096];
    size_t n;

    while (!strstr(in->data, "\r\n\r\n")) {
        CURLcode rc = curl_easy_recv(easy, buf, sizeof buf, &n);

        if (rc == CURLE_AGAIN) {
            if (!socket_wait(fd, POLLIN, TUNNEL_WAIT_MS_MAX))
                return err_set(e, ERR_TIMEOUT, "the server does not answer in time");
            continue;
        }
        if (rc != CURLE_OK || n == 0)
            return err_set(e, ERR_UNREACHABLE, "the server closed the connection");
        strbuf_add(in, buf, n);
        if (in->failed)
            return err_set(e, ERR_TOO_LARGE, "the answer's head is larger than allowed");
    }
    return ERR_OK;
}

static enum err_code refused(CURL *easy, curl_socket_t fd, struct strbuf *in, int status,
                             struct err *e)
{
    char buf[4096];
    size_t n = 1;
    const char *body;

    /* The problem document may still be on its way; the server closes after it. */
    while (!in->failed && socket_wait(fd, POLLIN, 500) &&
           curl_easy_recv(easy, buf, sizeof buf, &n) == CURLE_OK && n)
        strbuf_add(in, buf, n);
    body = strstr(in->data, "\r\n\r\n");
    body = body ? body + 4 : "";
    if (problem_read(body, strlen(body), status, e))
        return e->code;
    return err_set(e, ERR_UNREACHABLE, "the tunnel was refused with status %d", status);
}

/* Both ways until both ends are closed. */
static enum err_code pump(CURL *easy, curl_socket_t fd, int fd_in, int fd_out, struct err *e)
{
    struct pollfd p[2] = {{.fd = fd_in, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    char buf[32768];
    enum err_code rc;

    for (;;) {
        size_t n = 0;
        CURLcode got = curl_easy_recv(easy, buf, sizeof buf, &n);

        /* TLS may hold bytes that poll() does not see: read until there are none. */
        if (got == CURLE_OK && n) {
            rc = write_all(fd_out, buf, n, e);
            if (rc)
                return rc;
            continue;
        }
        if (got != CURLE_AGAIN)
            return ERR_OK; /* the other end is done: so is ssh */
        if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
            return err_set(e, ERR_IO, "waiting for the tunnel: %s", strerror(errno));
        if (p[0].revents) {
            ssize_t got_in = read(fd_in, buf, sizeof buf);

            if (got_in <= 0)
                return ERR_OK;
            rc = send_all(easy, fd, buf, (size_t)got_in, e);
            if (rc)
                return rc;
        }
    }
}

static enum err_code tunnel_run(struct client *cl, CURL *easy, const char *path, int fd_in,
                                int fd_out, struct err *e)
{
    STRBUF text, in;
    curl_socket_t fd = CURL_SOCKET_BAD;
    enum err_code rc;
    const char *rest;
    int status;

    strbuf_init(&text, TUNNEL_HEAD_BYTES_MAX);
    strbuf_init(&in, TUNNEL_HEAD_BYTES_MAX);
    request_text(cl, path, &text);
    if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
        return err_set(e, ERR_INTERNAL, "the connection has no socket");
    rc = send_all(easy, fd, text.data, text.len, e);
    explicit_bzero(text.data, text.len);
    if (!rc)
        rc = head_read(easy, fd, &in, e);
    if (rc)
        return rc;
    status = strncmp(in.data, "HTTP/1.1 ", 9) == 0 ? (int)strtol(in.data + 9, NULL, 10) : 0;
    if (status != 101)
        return refused(easy, fd, &in, status, e);
    rest = strstr(in.data, "\r\n\r\n") + 4;
    rc = write_all(fd_out, rest, in.len - (size_t)(rest - in.data), e);
    return rc ? rc : pump(easy, fd, fd_in, fd_out, e);
}

enum err_code client_tunnel(struct client *cl, const char *path, int fd_in, int fd_out,
                            struct err *e)
{
    struct curl_slist *headers = NULL;
    CURL *easy;
    CURLcode code;
    enum err_code rc = client_network(cl, e);

    if (rc)
        return rc;
    easy = client_easy(cl, path, &headers);
    if (!easy)
        return err_set(e, ERR_INTERNAL, "out of memory");
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    code = curl_easy_perform(easy);
    if (code != CURLE_OK)
        rc = err_set(e, ERR_UNREACHABLE, "%s cannot be reached (%s)", cl->url,
                     curl_easy_strerror(code));
    else
        rc = tunnel_run(cl, easy, path, fd_in, fd_out, e);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return rc;
}
