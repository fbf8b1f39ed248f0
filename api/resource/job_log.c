/* A job's output: raw bytes by offset, or live as server-sent events whose id is the offset
 * after them, so that Last-Event-ID resumes to the byte. */
#include "api/resource/app_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct log_stream {
    struct http_stream base;
    struct app *app;
    char job_id[ID_MAX];
    int64_t offset;
    bool watched, told_end;
};

static void piece_event(struct strbuf *out, const struct strbuf *bytes,
                        const struct engine_output *info)
{
    struct log_event ev = {.offset = info->offset};
    size_t size = sodium_base64_encoded_len(bytes->len, sodium_base64_VARIANT_ORIGINAL);

    ev.b64 = malloc(size);
    if (!ev.b64) {
        out->failed = true;
        return;
    }
    sodium_bin2base64(ev.b64, size, (const unsigned char *)bytes->data, bytes->len,
                      sodium_base64_VARIANT_ORIGINAL);
    text_copy(ev.stream, sizeof ev.stream, info->from_stderr ? "stderr" : "stdout");
    strbuf_addf(out,
                "id: %lld\nevent: log\ndata: ", (long long)(info->offset + (int64_t)bytes->len));
    shape_encode(&log_event_shape, &ev, out);
    strbuf_adds(out, "\n\n");
    free(ev.b64);
}

static enum err_code log_next(struct http_stream *base, struct strbuf *out, size_t len_max,
                              bool *end)
{
    struct log_stream *s = CONTAINER_OF(base, struct log_stream, base);
    struct engine *en = s->app->service->engine;
    struct engine_output info = {0};
    size_t room = len_max / 2; /* base64 and the frame around it */
    enum err_code rc;
    STRBUF bytes = {0};

    if (s->told_end) {
        *end = true;
        return ERR_OK;
    }
    if (room > LOG_CHUNK_BYTES_MAX)
        room = LOG_CHUNK_BYTES_MAX;
    strbuf_init(&bytes, room);
    rc = en->ops->job_output(en, s->job_id, s->offset, room > 64 ? room - 32 : room, &bytes, &info,
                             NULL);
    if (rc == ERR_NOT_FOUND)
        return ERR_OK; /* not started yet: woken when it is */
    if (rc) {
        *end = true;
        return rc;
    }
    if (bytes.len) {
        piece_event(out, &bytes, &info);
        s->offset = info.offset + (int64_t)bytes.len;
    }
    if (info.ended) {
        strbuf_addf(out, "id: %lld\nevent: end\ndata: {\"offset\":%lld}\n\n", (long long)s->offset,
                    (long long)s->offset);
        s->told_end = true;
    }
    return ERR_OK;
}

static void log_free(struct http_stream *base)
{
    struct log_stream *s = CONTAINER_OF(base, struct log_stream, base);

    if (s->watched)
        log_watch_drop(s->app->log_watch, s->job_id);
    free(s);
}

static enum err_code offset_of(const struct request *req, int64_t *out, struct err *e)
{
    const char *text = request_header(req, "Last-Event-ID");
    char *end;
    long long n;

    if (!text)
        text = request_query(req, "offset");
    *out = 0;
    if (!text)
        return ERR_OK;
    errno = 0;
    n = strtoll(text, &end, 10);
    if (errno || end == text || *end || n < 0)
        return err_set(e, ERR_INVALID, "?offset: expected a number of bytes from 0");
    *out = n;
    return ERR_OK;
}

static enum err_code follow(struct request *req, struct response *resp, const char *job_id,
                            int64_t offset, struct err *e)
{
    struct log_stream *s = calloc(1, sizeof *s);
    enum err_code rc;

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->app = app_of(req);
    s->base = (struct http_stream){.next = log_next, .free = log_free, .heartbeat = true};
    text_copy(s->base.topic_text, sizeof s->base.topic_text, job_id);
    s->base.topic = s->base.topic_text;
    text_copy(s->job_id, sizeof s->job_id, job_id);
    s->offset = offset;
    rc = log_watch_add(s->app->log_watch, job_id, e);
    if (rc) {
        free(s);
        return rc;
    }
    s->watched = true;
    resp->content_type = "text/event-stream";
    resp->stream = &s->base;
    return ERR_OK;
}

static enum err_code bytes_from(struct request *req, struct response *resp, const char *job_id,
                                int64_t offset, struct err *e)
{
    struct engine *en = app_service(req)->engine;
    int64_t at = offset;

    /* A piece is of one stream: raw bytes join them up to a chunk. */
    while (resp->body.len < LOG_CHUNK_BYTES_MAX) {
        struct engine_output info = {0};
        size_t before = resp->body.len;
        enum err_code rc = en->ops->job_output(en, job_id, at, LOG_CHUNK_BYTES_MAX - before,
                                               &resp->body, &info, e);

        if (rc == ERR_NOT_FOUND)
            break; /* it has not written anything */
        if (rc)
            return rc;
        if (resp->body.len == before)
            break;
        at += (int64_t)(resp->body.len - before);
    }
    resp->content_type = "application/octet-stream";
    text_copy(resp->extra_name, sizeof resp->extra_name, "X-Next-Offset");
    snprintf(resp->extra_value, sizeof resp->extra_value, "%lld", (long long)at);
    return ERR_OK;
}

static enum err_code job_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return job_get(r->sv, tx, r->by, r->req->params[0], r->out, e);
}

static bool wants_stream(const struct request *req)
{
    const char *follow_text = request_query(req, "follow");
    const char *accept = request_header(req, "Accept");

    return (follow_text && strcmp(follow_text, "true") == 0) ||
           (accept && strstr(accept, "text/event-stream"));
}

enum err_code job_log_route(struct request *req, struct response *resp, struct err *e)
{
    struct job job = {0};
    struct read_call r = {.out = &job};
    int64_t offset;
    enum err_code rc = request_query_only(req, (const char *const[]){"offset", "follow", NULL}, e);

    if (!rc)
        rc = offset_of(req, &offset, e);
    if (!rc)
        rc = read_run(req, &r, job_read, e); /* is it theirs? */
    if (rc)
        return rc;
    if (!app_service(req)->engine)
        rc = err_set(e, ERR_ENGINE, "no engine is connected");
    else if (wants_stream(req))
        rc = follow(req, resp, job.id, offset, e);
    else
        rc = bytes_from(req, resp, job.id, offset, e);
    shape_release(&job_shape, &job);
    return rc;
}
