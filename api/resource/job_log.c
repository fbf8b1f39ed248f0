/* A job's output: raw bytes by offset, or live as server-sent events whose id is the offset
 * after them, so that Last-Event-ID resumes to the byte. */
#include "api/resource/app_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* How often one that follows a job without any output looks whether there will be some. */
#define LOOK_EVERY_MS 1000

struct log_stream {
    struct http_stream base;
    struct app *app;
    struct auth_watch auth;
    int64_t look_mono_ms;
    char job_id[ID_MAX];
    int64_t offset;
    bool watched, told_end;
    bool is_over, whole; /* as last read */
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
                "id: %lld\nevent: log\ndata: ", (long long)info->offset + (long long)bytes->len);
    shape_encode(&log_event_shape, &ev, out);
    strbuf_adds(out, "\n\n");
    free(ev.b64);
}

static void end_event(struct log_stream *s, struct strbuf *out)
{
    strbuf_addf(out, "id: %lld\nevent: end\ndata: {\"offset\":%lld}\n\n", (long long)s->offset,
                (long long)s->offset);
    s->told_end = true;
}

static enum err_code followed_read(struct tx *tx, void *ctx, struct err *e)
{
    struct log_stream *s = ctx;
    struct job job = {0};
    enum err_code rc = job_get(s->app->service, tx, &s->auth.by, s->job_id, &job, e);

    if (rc)
        return rc;
    s->is_over = job_is_over(job.state);
    s->whole = s->offset >= job.log_bytes;
    shape_release(&job_shape, &job);
    return ERR_OK;
}

/* The engine knows of no output: it is to come, or there was never any, or it was cleared away
 * while somebody read it; who then asks again is told 410. */
static enum err_code log_absent(struct log_stream *s, struct strbuf *out, bool *end)
{
    int64_t now_ms = clock_mono_ms(s->app->clock);
    enum err_code rc;

    if (now_ms < s->look_mono_ms)
        return ERR_OK;
    s->look_mono_ms = now_ms + LOOK_EVERY_MS;
    rc = store_read(s->app->service->store, followed_read, s, NULL);
    if (rc && rc != ERR_NOT_FOUND)
        return ERR_OK; /* unreadable now: look again */
    if (!rc && !s->is_over)
        return ERR_OK;
    if (!rc && s->whole)
        end_event(s, out);
    else
        *end = true;
    return ERR_OK;
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

    if (s->told_end || !auth_watch_holds(s->app, &s->auth, ACTION_JOB_READ)) {
        *end = true; /* the client asks again and is told 401 or 403 */
        return ERR_OK;
    }
    if (room > LOG_CHUNK_BYTES_MAX)
        room = LOG_CHUNK_BYTES_MAX;
    strbuf_init(&bytes, room);
    rc = en->ops->job_output(en, s->job_id, s->offset, room > 64 ? room - 32 : room, &bytes, &info,
                             NULL);
    if (rc == ERR_NOT_FOUND)
        return log_absent(s, out, end);
    if (rc) {
        *end = true;
        return rc;
    }
    if (bytes.len) {
        piece_event(out, &bytes, &info);
        s->offset = info.offset + (int64_t)bytes.len;
    }
    if (info.ended)
        end_event(s, out);
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
        return bad_argument(e, "offset", "a number of bytes from 0");
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
    s->auth.by = *app_actor(req);
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

static enum err_code wants_stream(const struct request *req, bool *out, struct err *e)
{
    const char *text = request_query(req, "follow");
    const char *accept = request_header(req, "Accept");

    if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return bad_argument(e, "follow", "true or false");
    *out = text ? text[0] == 't' : accept && strstr(accept, "text/event-stream");
    return ERR_OK;
}

/* Output outlives its instance, but not for ever. */
static enum err_code still_kept(struct engine *en, const struct job *job, struct err *e)
{
    struct engine_output info = {0};
    STRBUF none = {0};
    enum err_code rc;

    strbuf_init(&none, 64);
    if (!job_is_over(job->state) || job->log_bytes == 0)
        return ERR_OK;
    rc = en->ops->job_output(en, job->id, 0, 0, &none, &info, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    return err_set(e, ERR_GONE, "the output of job '%s' (%lld bytes) is no longer kept", job->name,
                   (long long)job->log_bytes);
}

static enum err_code log_answer(struct request *req, struct response *resp, const struct job *job,
                                int64_t offset, bool live, struct err *e)
{
    struct engine *en = app_service(req)->engine;
    enum err_code rc;

    if (!en)
        return err_set(e, ERR_ENGINE, "no engine is connected");
    rc = still_kept(en, job, e);
    if (rc)
        return rc;
    return live ? follow(req, resp, job->id, offset, e) : bytes_from(req, resp, job->id, offset, e);
}

enum err_code job_log_route(struct request *req, struct response *resp, struct err *e)
{
    struct job job = {0};
    struct read_call r = {.out = &job};
    int64_t offset;
    bool live = false;
    enum err_code rc = wants_stream(req, &live, e);

    if (!rc)
        rc = offset_of(req, &offset, e);
    if (!rc)
        rc = read_run(req, &r, job_read, e); /* is it theirs? */
    if (rc)
        return rc;
    rc = log_answer(req, resp, &job, offset, live, e);
    shape_release(&job_shape, &job);
    return rc;
}
