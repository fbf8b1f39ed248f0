/* The listening socket: TCP on a numeric address, or a UNIX socket that only its owner may
 * use. Beyond loopback it insists on TLS. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http/http_internal.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
};

bool address_is_local(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)sa;

        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    if (sa->sa_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

        return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
    }
    return true;
}

void address_format(const struct sockaddr *sa, char *out, size_t size)
{
    const void *bytes = NULL;

    if (sa && sa->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    else if (sa && sa->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    if (!bytes || !inet_ntop(sa->sa_family, bytes, out, (socklen_t)size))
        text_copy(out, size, "unix");
}

static enum err_code port_parse(const char *text, in_port_t *out, struct err *e)
{
    char *end;
    long port;

    errno = 0;
    port = strtol(text, &end, 10);
    if (errno || end == text || *end || text[0] < '0' || text[0] > '9' || port > 65535)
        return err_set(e, ERR_INVALID, "'%s' is not a port (0..65535)", text);
    *out = htons((in_port_t)port);
    return ERR_OK;
}

/* "127.0.0.1:7070", "[::1]:7070", "localhost:7070": no name is looked up. */
static enum err_code tcp_parse(const char *text, union address *out, socklen_t *len, struct err *e)
{
    const char *colon = strrchr(text, ':');
    char host[64];
    size_t host_len = colon ? (size_t)(colon - text) : 0;

    memset(out, 0, sizeof *out);
    if (host_len == 0 || host_len >= sizeof host)
        return err_set(e, ERR_INVALID,
                       "'%s' is not an address: use 127.0.0.1:PORT, [::1]:PORT or unix:/PATH",
                       text);
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    if (strcmp(host, "localhost") == 0)
        text_copy(host, sizeof host, "127.0.0.1");
    if (host[0] == '[' && host[host_len - 1] == ']') {
        host[host_len - 1] = '\0';
        out->v6.sin6_family = AF_INET6;
        *len = sizeof out->v6;
        if (inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1)
            return port_parse(colon + 1, &out->v6.sin6_port, e);
    } else {
        out->v4.sin_family = AF_INET;
        *len = sizeof out->v4;
        if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1)
            return port_parse(colon + 1, &out->v4.sin_port, e);
    }
    return err_set(e, ERR_INVALID, "'%s' is not a numeric address", text);
}

static int socket_new(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static enum err_code tcp_open(const char *text, bool tls, struct listener *out, struct err *e)
{
    union address a;
    socklen_t len = 0;
    int one = 1;
    enum err_code rc = tcp_parse(text, &a, &len, e);

    if (rc)
        return rc;
    if (!tls && !address_is_local(&a.any))
        return err_set(e, ERR_INVALID,
                       "%s is reachable from other machines: give a TLS certificate and key, or "
                       "listen on 127.0.0.1, [::1] or a UNIX socket",
                       text);
    out->fd = socket_new(a.any.sa_family);
    if (out->fd < 0)
        return err_set(e, ERR_IO, "socket: %s", strerror(errno));
    setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(out->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* accepted ones inherit */
    if (bind(out->fd, &a.any, len) != 0 || listen(out->fd, SOMAXCONN) != 0 ||
        getsockname(out->fd, &a.any, &len) != 0)
        return err_set(e, ERR_IO, "cannot listen on %s: %s", text, strerror(errno));
    out->port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
    return ERR_OK;
}

/* A socket file that nobody answers on is left over from a crash and goes away. */
static enum err_code unix_make_way(const struct sockaddr_un *un, struct err *e)
{
    struct stat st;
    int fd, rc;

    if (lstat(un->sun_path, &st) != 0)
        return ERR_OK;
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, ERR_IO, "%s exists and is not a socket", un->sun_path);
    fd = socket_new(AF_UNIX);
    if (fd < 0)
        return err_set(e, ERR_IO, "socket: %s", strerror(errno));
    rc = connect(fd, (const struct sockaddr *)un, sizeof *un) == 0 ? 0 : errno;
    close(fd);
    if (rc != ECONNREFUSED)
        return err_set(e, ERR_IO, "another process listens on %s", un->sun_path);
    if (unlink(un->sun_path) != 0)
        return err_set(e, ERR_IO, "cannot remove %s: %s", un->sun_path, strerror(errno));
    return ERR_OK;
}

static enum err_code unix_open(const char *path, struct listener *out, struct err *e)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    enum err_code rc;

    if (path[0] != '/' || !text_copy(un.sun_path, sizeof un.sun_path, path))
        return err_set(e, ERR_INVALID, "'%s' is not an absolute path of at most %zu bytes", path,
                       sizeof un.sun_path - 1);
    rc = unix_make_way(&un, e);
    if (rc)
        return rc;
    out->fd = socket_new(AF_UNIX);
    if (out->fd < 0)
        return err_set(e, ERR_IO, "socket: %s", strerror(errno));
    if (bind(out->fd, (struct sockaddr *)&un, sizeof un) != 0)
        return err_set(e, ERR_IO, "cannot listen on %s: %s", path, strerror(errno));
    text_copy(out->unix_path, sizeof out->unix_path, path);
    /* Nobody can connect before listen(), so the mode is there in time. */
    if (chmod(path, 0600) != 0 || listen(out->fd, SOMAXCONN) != 0)
        return err_set(e, ERR_IO, "cannot listen on %s: %s", path, strerror(errno));
    return ERR_OK;
}

enum err_code listener_open(const char *address, bool tls, struct listener *out, struct err *e)
{
    struct listener l = {.fd = -1};
    enum err_code rc;

    if (!address)
        return err_set(e, ERR_INVALID, "no address to listen on was given");
    rc = strncmp(address, "unix:", 5) == 0 ? unix_open(address + 5, &l, e)
                                           : tcp_open(address, tls, &l, e);
    if (rc) {
        listener_close(&l);
        return rc;
    }
    *out = l;
    return ERR_OK;
}

void listener_close(struct listener *l)
{
    if (l->unix_path[0])
        unlink(l->unix_path);
    if (l->fd >= 0)
        close(l->fd);
    *l = (struct listener){.fd = -1};
}
