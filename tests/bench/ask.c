/* ask PORT TOKEN_FILE METHOD TARGET [BODY]: one request to a server on loopback; prints the
 * answer's body. Ends with 0 when the status is 2xx. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/limits.h"
#include "core/strbuf.h"
#include "tests/bench/bench.h"

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect to port %d: %s", port, strerror(errno));
    return fd;
}

int main(int argc, char **argv)
{
    char token[TOKEN_BYTES_MAX], bytes[65536];
    const char *body = argc > 5 ? argv[5] : "", *begin;
    ssize_t n;
    STRBUF text = {0};
    int fd;

    if (argc < 5)
        die("usage: ask PORT TOKEN_FILE METHOD TARGET [BODY]");
    line_read(argv[2], token, sizeof token);
    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    strbuf_addf(&text,
                "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                "Authorization: Bearer %s\r\nIdempotency-Key: ask-%lld\r\n",
                argv[3], argv[4], token, (long long)now_us());
    if (body[0])
        strbuf_addf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                    strlen(body));
    strbuf_addf(&text, "\r\n%s", body);
    fd = dial((int)number(argv[1]));
    if (write(fd, text.data, text.len) != (ssize_t)text.len)
        die("the request was not sent: %s", strerror(errno));
    strbuf_reset(&text);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        strbuf_add(&text, bytes, (size_t)n);
    close(fd);
    begin = strstr(text.data, "\r\n\r\n");
    if (!begin)
        die("no answer");
    fputs(begin + 4, stdout);
    return strncmp(text.data, "HTTP/1.1 2", 10) != 0;
}
