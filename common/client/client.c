/* The client's loop: starting requests, waiting for the network and other descriptors, handing
 * answers to their callbacks. Streams are in stream.c, decoding in answer.c. */
#include "common/client/client_internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS_DEFAULT 5000
#define REQUEST_MS_DEFAULT 30000
/* libcurl looks at its own time-outs only when it is called: never sleep longer than this
 * while something is on its way. */
#define NETWORK_WAIT_MS_MAX 1000

static bool host_is_loopback(const char *url)
{
    static const char *const local[] = {"http://127.", "http://localhost:", "http://localhost/",
                                        "http://[::1]"};

    for (size_t i = 0; i < ARRAY_SIZE(local); i++)
        if (strncasecmp(url, local[i], strlen(local[i])) == 0)
            return true;
    return strcasecmp(url, "http://localhost") == 0;
}

static enum err_code url_set(struct client *cl, const char *url, struct err *e)
{
    size_t len;

    if (strncmp(url, "unix:", 5) == 0) {
        if (url[5] != '/' || !text_copy(cl->socket_path, sizeof cl->socket_path, url + 5))
            return err_set(e, ERR_INVALID, "'%s': expected unix:/path/of/the/socket", url);
        text_copy(cl->url, sizeof cl->url, "http://localhost");
        return ERR_OK;
    }
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return err_set(e, ERR_INVALID, "'%s': expected http://, https:// or unix:/path", url);
    if (!text_copy(cl->url, sizeof cl->url, url))
        return err_set(e, ERR_INVALID, "the address is too long");
    len = strlen(cl->url);
    if (cl->url[len - 1] == '/')
        cl->url[len - 1] = '\0';
    /* A key that crosses a network in the clear is a key given away. */
    if (cl->token[0] && strncmp(url, "http://", 7) == 0 && !host_is_loopback(url))
        return err_set(e, ERR_INVALID, "'%s': a key is sent beyond this machine by https only",
                       url);
    return ERR_OK;
}

enum err_code client_open(const struct client_config *c, struct client **out, struct err *e)
{
    struct client *cl = calloc(1, sizeof *cl);
    enum err_code rc;

    if (!cl)
        return err_set(e, ERR_INTERNAL, "out of memory");
    cl->clock = c->clock ? c->clock : clock_real();
    cl->connect_ms_max = c->connect_ms_max ? c->connect_ms_max : CONNECT_MS_DEFAULT;
    cl->request_ms_max = c->request_ms_max ? c->request_ms_max : REQUEST_MS_DEFAULT;
    if (!text_copy(cl->token, sizeof cl->token, c->token ? c->token : "") ||
        !text_copy(cl->ca_file, sizeof cl->ca_file, c->ca_file ? c->ca_file : ""))
        rc = err_set(e, ERR_INVALID, "the API key or the CA file's name is too long");
    else
        rc = url_set(cl, c->url ? c->url : "", e);
    if (rc) {
        client_close(cl);
        return rc;
    }
    *out = cl;
    return ERR_OK;
}

void client_close(struct client *cl)
{
    if (!cl)
        return;
    stream_free_all(cl);
    while (cl->transfers)
        transfer_free(cl->transfers);
    if (cl->multi)
        curl_multi_cleanup(cl->multi);
    explicit_bzero(cl->token, sizeof cl->token);
    free(cl);
}

enum err_code client_network(struct client *cl, struct err *e)
{
    if (cl->multi)
        return ERR_OK;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, ERR_INTERNAL, "the network library does not start");
    cl->multi = curl_multi_init();
    if (!cl->multi)
        return err_set(e, ERR_INTERNAL, "out of memory");
    /* Small: a console keeps a stream or two and a few requests open. */
    curl_multi_setopt(cl->multi, CURLMOPT_MAXCONNECTS, 8L);
    return ERR_OK;
}

int client_send(struct client *cl, const char *method, const char *path, const char *body,
                const struct request_options *o, reply_fn *done, void *ctx)
{
    struct transfer *t = transfer_new(cl, method, path, o);
    struct err e;

    if (!t)
        return 0;
    t->done = done;
    t->ctx = ctx;
    if (t->easy && body) {
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, body);
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
    } else if (t->easy && strcmp(method, "POST") == 0) {
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, "");
    }
    if (transfer_start(t, &e))
        t->err = e; /* told at the next poll, like every other end */
    return t->number;
}

void client_cancel(struct client *cl, int call)
{
    struct transfer *t = cl->transfers;

    if (call <= 0 || stream_cancel(cl, call))
        return;
    while (t && t->number != call)
        t = t->next;
    if (t)
        transfer_free(t);
}

size_t client_in_flight(const struct client *cl)
{
    size_t count = 0;

    for (const struct transfer *t = cl->transfers; t; t = t->next)
        count += t->stream == NULL;
    return count;
}

/* Tell the owner and forget the transfer. It leaves the list first: the callback may send,
 * cancel or poll. */
static void transfer_finish(struct transfer *t, CURLcode code)
{
    struct err e;
    int status = 0;
    enum err_code rc;
    struct reply r;

    err_clear(&e);
    rc = t->easy ? transfer_result(t, code, &status, &e) : t->err.code;
    if (!t->easy)
        e = t->err;
    if (t->stream) {
        struct stream *s = t->stream;
        int64_t retry = t->retry_after_seconds;

        transfer_free(t);
        stream_closed(s, rc, status, retry, &e);
        return;
    }
    r = (struct reply){.rc = rc,
                       .err = &e,
                       .status = status,
                       .body = t->body.data,
                       .len = t->body.len,
                       .etag = t->etag,
                       .request_id = t->request_id,
                       .retry_after_seconds = t->retry_after_seconds};
    for (struct transfer **at = &t->client->transfers; *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    t->next = NULL;
    if (t->done)
        t->done(t->ctx, &r);
    transfer_free(t);
}

static bool finish_failed(struct client *cl)
{
    for (struct transfer *t = cl->transfers; t; t = t->next)
        if (t->err.code) {
            if (t->easy) {
                curl_easy_cleanup(t->easy);
                t->easy = NULL;
            }
            transfer_finish(t, CURLE_FAILED_INIT);
            return true;
        }
    return false;
}

static void network_do(struct client *cl)
{
    int running, left;
    CURLMsg *m;

    curl_multi_perform(cl->multi, &running);
    while ((m = curl_multi_info_read(cl->multi, &left))) {
        struct transfer *t = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        transfer_finish(t, m->data.result);
    }
}

static int wait_ms(const struct client *cl, int timeout_ms)
{
    int64_t due = stream_wait_ms(cl);
    int64_t wait = timeout_ms < 0 ? INT32_MAX : timeout_ms;

    if (due >= 0 && due < wait)
        wait = due;
    if (cl->transfers && wait > NETWORK_WAIT_MS_MAX)
        wait = NETWORK_WAIT_MS_MAX;
    for (const struct transfer *t = cl->transfers; t; t = t->next)
        if (t->err.code)
            wait = 0;
    return timeout_ms < 0 && wait == INT32_MAX ? -1 : (int)wait;
}

static enum err_code wait_for(struct client *cl, struct pollfd *fds, size_t count, int wait,
                              struct err *e)
{
    struct curl_waitfd extra[16];
    int ready;

    if (!cl->multi) {
        if (poll(fds, count, wait) < 0)
            for (size_t i = 0; i < count; i++)
                fds[i].revents = 0; /* a signal: the caller looks at its own flags */
        return ERR_OK;
    }
    if (count > ARRAY_SIZE(extra))
        return err_set(e, ERR_IO, "too many descriptors to wait for");
    for (size_t i = 0; i < count; i++)
        extra[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = CURL_WAIT_POLLIN};
    /* curl_multi_poll() has no "for ever". */
    if (curl_multi_poll(cl->multi, extra, (unsigned)count, wait < 0 ? INT32_MAX : wait, &ready))
        return err_set(e, ERR_IO, "waiting for the network failed");
    for (size_t i = 0; i < count; i++)
        fds[i].revents = extra[i].revents ? POLLIN : 0;
    return ERR_OK;
}

enum err_code client_poll(struct client *cl, struct pollfd *fds, size_t fd_count, int timeout_ms,
                          struct err *e)
{
    enum err_code rc = wait_for(cl, fds, fd_count, wait_ms(cl, timeout_ms), e);

    if (rc)
        return rc;
    if (cl->multi)
        network_do(cl);
    while (finish_failed(cl)) {
    }
    stream_due(cl);
    return ERR_OK;
}

struct waiting {
    bool answered;
    struct answer *out;
    struct err *e;
    enum err_code rc;
};

static void answered(void *ctx, const struct reply *r)
{
    struct waiting *w = ctx;

    w->answered = true;
    w->rc = r->rc;
    if (w->e)
        *w->e = *r->err;
    if (r->rc || !w->out)
        return;
    w->out->status = r->status;
    w->out->len = r->len;
    text_copy(w->out->etag, sizeof w->out->etag, r->etag);
    text_copy(w->out->request_id, sizeof w->out->request_id, r->request_id);
    w->out->body = malloc(r->len + 1);
    if (!w->out->body) {
        w->rc = err_set(w->e, ERR_INTERNAL, "out of memory");
        return;
    }
    memcpy(w->out->body, r->body, r->len + 1);
}

enum err_code client_call(struct client *cl, const char *method, const char *path, const char *body,
                          const struct request_options *o, struct answer *out, struct err *e)
{
    struct waiting w = {.out = out, .e = e};

    if (out)
        memset(out, 0, sizeof *out);
    if (!client_send(cl, method, path, body, o, answered, &w))
        return err_set(e, ERR_INTERNAL, "out of memory");
    while (!w.answered) {
        enum err_code rc = client_poll(cl, NULL, 0, -1, e);

        if (rc)
            return rc;
    }
    return w.rc;
}

void answer_release(struct answer *a)
{
    free(a->body);
    memset(a, 0, sizeof *a);
}
