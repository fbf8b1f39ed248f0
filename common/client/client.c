/* The client's loop: starting requests, waiting for the network and other descriptors, handing
 * answers to their callbacks. Streams are in stream.c, decoding in answer.c. */
#include "common/client/client_internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS_DEFAULT 5000
#define REQUEST_MS_DEFAULT 30000
#define IDLE_CONNECTIONS   8 /* a console keeps a stream or two and a few requests open */
#define DESCRIPTORS_MAX    16

static enum err_code token_set(struct client *cl, const char *token, struct err *e)
{
    if (!text_copy(cl->token, sizeof cl->token, token))
        return err_set(e, ERR_INVALID, "the API key is longer than keys are");
    for (const char *p = token; *p; p++)
        if (*p <= ' ' || *p > '~')
            return err_set(e, ERR_INVALID, "the API key has characters that no key has");
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
    rc = token_set(cl, c->token ? c->token : "", e);
    if (!rc && !text_copy(cl->ca_file, sizeof cl->ca_file, c->ca_file ? c->ca_file : ""))
        rc = err_set(e, ERR_INVALID, "the name of the file of certificates is too long");
    if (!rc)
        rc = client_url_set(cl, c->url ? c->url : "", e);
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
    streams_cancel_all(cl);
    while (cl->transfers)
        transfer_free(cl->transfers);
    if (cl->depth) {
        cl->closing = true; /* client_poll(), which called us, does the rest */
        return;
    }
    streams_reap(cl);
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
    curl_multi_setopt(cl->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return ERR_OK;
}

int client_send(struct client *cl, const char *method, const char *path, const char *body,
                const struct request_options *o, reply_fn *done, void *ctx)
{
    struct transfer *t = transfer_new(cl, method, path, o);
    int number;

    if (!t)
        return 0;
    number = t->number;
    t->done = done;
    t->ctx = ctx;
    if (t->easy && (body || strcmp(method, "POST") == 0)) {
        const char *bytes = body ? body : "";

        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(bytes));
        curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, bytes);
    }
    transfer_start(t);
    return number;
}

void client_cancel(struct client *cl, int call)
{
    struct transfer *t = cl->transfers;

    if (call <= 0 || stream_cancel(cl, call))
        return;
    while (t && (t->number != call || t->stream))
        t = t->next;
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
 * cancel, poll or close. */
static void transfer_finish(struct transfer *t, CURLcode code)
{
    struct outcome o;
    struct reply r;

    transfer_outcome(t, code, &o);
    transfer_unlink(t);
    if (t->stream) {
        stream_transfer_over(t->stream, &o);
        transfer_free(t);
        return;
    }
    r = (struct reply){.rc = o.rc,
                       .err = &o.err,
                       .status = o.status,
                       .body = t->body.data,
                       .len = t->body.len,
                       .etag = transfer_answer_header(t, "ETag"),
                       .request_id = transfer_answer_header(t, "X-Request-Id"),
                       .retry_after_seconds = o.retry_after_seconds,
                       .broke = o.broke};
    if (t->done)
        t->done(t->ctx, &r);
    transfer_free(t);
}

static bool finish_failed(struct client *cl)
{
    struct transfer *t = cl->transfers;

    while (t && !t->err.code)
        t = t->next;
    if (t)
        transfer_finish(t, CURLE_FAILED_INIT);
    return t != NULL;
}

static void network_do(struct client *cl)
{
    int running, left;
    CURLMsg *m;

    curl_multi_perform(cl->multi, &running);
    while (!cl->closing && (m = curl_multi_info_read(cl->multi, &left))) {
        struct transfer *t = NULL;

        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        transfer_finish(t, m->data.result);
    }
}

/* libcurl shortens the wait by its own time-outs. */
static int wait_ms(const struct client *cl, int timeout_ms)
{
    int64_t due = streams_wait_ms(cl);
    int64_t wait = timeout_ms < 0 ? INT32_MAX : timeout_ms;

    for (const struct transfer *t = cl->transfers; t; t = t->next)
        if (t->err.code)
            return 0;
    return (int)(due >= 0 && due < wait ? due : wait);
}

static short wait_events(short events)
{
    return (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                   (events & POLLPRI ? CURL_WAIT_POLLPRI : 0) |
                   (events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
}

static enum err_code wait_for(struct client *cl, struct pollfd *fds, size_t count, int wait,
                              struct err *e)
{
    struct curl_waitfd extra[DESCRIPTORS_MAX];
    int ready;

    if (count > ARRAY_SIZE(extra))
        return err_set(e, ERR_IO, "too many descriptors to wait for");
    for (size_t i = 0; i < count; i++) {
        fds[i].revents = 0;
        extra[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = wait_events(fds[i].events)};
    }
    if (!cl->multi) {
        poll(fds, count, wait); /* cut short by a signal: the caller looks at its own flags */
        return ERR_OK;
    }
    if (curl_multi_poll(cl->multi, extra, (unsigned)count, wait, &ready) != CURLM_OK)
        return err_set(e, ERR_IO, "waiting for the network failed");
    /* libcurl does not tell of hang-ups: a closed terminal would look like no news, for ever. */
    if (count)
        poll(fds, count, 0);
    return ERR_OK;
}

enum err_code client_poll(struct client *cl, struct pollfd *fds, size_t fd_count, int timeout_ms,
                          struct err *e)
{
    enum err_code rc = wait_for(cl, fds, fd_count, wait_ms(cl, timeout_ms), e);

    if (rc)
        return rc;
    cl->depth++;
    if (cl->multi)
        network_do(cl);
    while (!cl->closing && finish_failed(cl)) {
    }
    if (!cl->closing)
        streams_serve(cl);
    cl->depth--;
    if (cl->closing) {
        if (!cl->depth)
            client_close(cl);
        return err_set(e, ERR_GONE, "the client was closed");
    }
    if (!cl->depth)
        streams_reap(cl);
    return ERR_OK;
}
