/* Addresses: what the client was given is checked once, here, by libcurl's own parser, so that
 * what was checked is what is connected to. */
#include "common/client/client_internal.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

/* "localhost" is resolved by libcurl itself, never by the resolver. */
static bool host_is_loopback(const char *host)
{
    struct in_addr v4;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static bool part_is_given(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool given = curl_url_get(u, part, &text, 0) == CURLUE_OK;

    curl_free(text);
    return given;
}

/* A key that crosses a network in the clear is a key given away. */
static enum err_code parsed_check(const struct client *cl, CURLU *u, struct err *e)
{
    char *host = NULL, *scheme = NULL;
    enum err_code rc = ERR_OK;

    if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        rc = err_set(e, ERR_INVALID, "'%s': there is no host in it", cl->name);
    else if (part_is_given(u, CURLUPART_USER) || part_is_given(u, CURLUPART_PASSWORD) ||
             part_is_given(u, CURLUPART_QUERY) || part_is_given(u, CURLUPART_FRAGMENT))
        rc = err_set(e, ERR_INVALID, "'%s': expected no user, no '?' and no '#' in it", cl->name);
    else if (cl->token[0] && strcasecmp(scheme, "https") != 0 && !host_is_loopback(host))
        rc = err_set(e, ERR_INVALID, "'%s': a key is sent beyond this machine by https only",
                     cl->name);
    curl_free(host);
    curl_free(scheme);
    return rc;
}

static enum err_code web_set(struct client *cl, const char *url, struct err *e)
{
    CURLU *u;
    size_t len;
    enum err_code rc;

    if (strncasecmp(url, "https://", 8) != 0 && strncasecmp(url, "http://", 7) != 0)
        return err_set(e, ERR_INVALID, "'%s': expected http://, https:// or unix:/path", url);
    u = curl_url();
    if (!u)
        return err_set(e, ERR_INTERNAL, "out of memory");
    /* libcurl forgives a third slash; whoever wrote it meant something else. */
    if (strstr(url, ":///") || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
        rc = err_set(e, ERR_INVALID, "'%s' is no address: expected http://host:port", url);
    else
        rc = parsed_check(cl, u, e);
    curl_url_cleanup(u);
    text_copy(cl->url, sizeof cl->url, url);
    len = strlen(cl->url);
    while (len && cl->url[len - 1] == '/')
        cl->url[--len] = '\0';
    return rc;
}

enum err_code client_url_set(struct client *cl, const char *url, struct err *e)
{
    if (!text_copy(cl->name, sizeof cl->name, url))
        return err_set(e, ERR_INVALID, "the address is too long");
    if (strncmp(url, "unix:", 5) != 0)
        return web_set(cl, url, e);
    if (url[5] != '/')
        return err_set(e, ERR_INVALID, "'%s': expected unix:/path/of/the/socket", url);
    if (strlen(url + 5) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return err_set(e, ERR_INVALID, "'%s': the path of a socket has at most %zu bytes", url,
                       sizeof((struct sockaddr_un *)0)->sun_path - 1);
    text_copy(cl->socket_path, sizeof cl->socket_path, url + 5);
    text_copy(cl->url, sizeof cl->url, "http://localhost");
    return ERR_OK;
}

bool path_is_valid(const char *path)
{
    if (path[0] != '/')
        return false;
    for (; *path; path++)
        if (*path <= ' ' || *path > '~')
            return false;
    return true;
}

void url_encode(struct strbuf *out, const char *value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

    for (; *value; value++) {
        if (strchr(plain, *value))
            strbuf_addc(out, *value);
        else
            strbuf_addf(out, "%%%02X", (unsigned char)*value);
    }
}
