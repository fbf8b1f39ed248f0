/* The answering. The demonstration's data are in tests/screen/data/demo.json. */
#include "tests/support/t.h"

#include "tests/support/fake_api.h"

#include <poll.h>
#include <sodium.h>

#include "core/file.h"
#include "core/json.h"

static struct fake_api *fake_of(struct transport *t)
{
    return CONTAINER_OF(t, struct fake_api, base);
}

static size_t remember(struct fake_api *f, const char *method, const char *path, const char *body,
                       const char *key)
{
    size_t at = f->request_count < FAKE_REQUESTS_MAX ? f->request_count++ : FAKE_REQUESTS_MAX - 1;
    struct fake_request *r = &f->requests[at];

    free(r->body);
    snprintf(r->what, sizeof r->what, "%s %s", method, path);
    r->body = strdup(body ? body : "");
    snprintf(r->key, sizeof r->key, "%s", key ? key : "");
    return at;
}

static int fake_send(struct transport *t, const char *method, const char *path, const char *body,
                     const struct request_options *o, reply_fn *done, void *ctx)
{
    struct fake_api *f = fake_of(t);
    size_t request = remember(f, method, path, body, o ? o->idempotency_key : NULL);

    if (f->pending_count == FAKE_PENDING_MAX)
        return 0;
    f->pending[f->pending_count].number = ++f->last_number;
    f->pending[f->pending_count].request = request;
    f->pending[f->pending_count].done = done;
    f->pending[f->pending_count].ctx = ctx;
    f->pending_count++;
    return f->last_number;
}

static int fake_stream(struct transport *t, const char *path, const char *last_event_id,
                       const struct stream_ops *ops, void *ctx)
{
    struct fake_api *f = fake_of(t);
    size_t at = f->stream_count;

    if (at == FAKE_STREAMS_MAX)
        return 0;
    remember(f, "STREAM", path, NULL, NULL);
    f->streams[at].number = ++f->last_number;
    snprintf(f->streams[at].path, sizeof f->streams[at].path, "%s", path);
    snprintf(f->streams[at].last_id, sizeof f->streams[at].last_id, "%s", last_event_id);
    f->streams[at].ops = ops;
    f->streams[at].ctx = ctx;
    f->streams[at].told = false;
    f->stream_count++;
    return f->last_number;
}

static void drop_pending(struct fake_api *f, size_t at)
{
    memmove(&f->pending[at], &f->pending[at + 1],
            (f->pending_count - at - 1) * sizeof f->pending[0]);
    f->pending_count--;
}

static void drop_stream(struct fake_api *f, size_t at)
{
    memmove(&f->streams[at], &f->streams[at + 1],
            (f->stream_count - at - 1) * sizeof f->streams[0]);
    f->stream_count--;
}

static void fake_cancel(struct transport *t, int call)
{
    struct fake_api *f = fake_of(t);

    for (size_t i = 0; i < f->pending_count; i++)
        if (f->pending[i].number == call) {
            drop_pending(f, i);
            return;
        }
    for (size_t i = 0; i < f->stream_count; i++)
        if (f->streams[i].number == call) {
            drop_stream(f, i);
            return;
        }
}

static enum err_code fake_poll(struct transport *t, struct pollfd *fds, size_t fd_count,
                               int timeout_ms, struct err *e)
{
    struct fake_api *f = fake_of(t);
    bool busy = !f->holding && f->pending_count > 0;

    (void)e;
    for (size_t i = 0; i < f->stream_count; i++)
        busy = busy || (!f->holding && !f->streams[i].told);
    if (poll(fds, fd_count, busy ? 0 : timeout_ms) < 0)
        for (size_t i = 0; i < fd_count; i++)
            fds[i].revents = 0;
    fake_api_deliver(f);
    return ERR_OK;
}

static const struct transport_ops fake_ops = {
    .send = fake_send, .stream = fake_stream, .cancel = fake_cancel, .poll = fake_poll};

void fake_api_init(struct fake_api *f)
{
    memset(f, 0, sizeof *f);
    f->base.ops = &fake_ops;
}

void fake_api_release(struct fake_api *f)
{
    for (size_t i = 0; i < f->answer_count; i++)
        free(f->answers[i].body);
    for (size_t i = 0; i < f->request_count; i++)
        free(f->requests[i].body);
}

void fake_api_on(struct fake_api *f, const char *what, int status, const char *body)
{
    size_t at;

    for (at = 0; at < f->answer_count; at++)
        if (strcmp(f->answers[at].what, what) == 0)
            break;
    if (at == FAKE_ANSWERS_MAX)
        fail_msg("more than %d answers", FAKE_ANSWERS_MAX);
    if (at == f->answer_count)
        f->answer_count++;
    free(f->answers[at].body);
    snprintf(f->answers[at].what, sizeof f->answers[at].what, "%s", what);
    f->answers[at].status = status;
    f->answers[at].body = strdup(body);
}

void fake_api_problem(struct fake_api *f, const char *what, int status, const char *slug,
                      const char *detail)
{
    char body[512];

    snprintf(body, sizeof body, "%s|%s", slug, detail);
    fake_api_on(f, what, status, body);
}

static int answer_for(const struct fake_api *f, const char *what)
{
    int best = -1;

    for (size_t i = 0; i < f->answer_count; i++) {
        size_t len = strlen(f->answers[i].what);

        if (strncmp(what, f->answers[i].what, len) == 0 &&
            (best < 0 || len > strlen(f->answers[best].what)))
            best = (int)i;
    }
    return best;
}

/* Problems are kept as "slug|sentence": the real client has decoded them by now. */
static void reply_to(struct fake_api *f, const char *what, struct reply *r, struct err *e)
{
    int at = answer_for(f, what);

    err_clear(e);
    *r = (struct reply){.err = e, .body = "", .etag = "", .request_id = "req_fake"};
    if (f->away) {
        r->request_id = "";
        r->rc = err_set(e, ERR_UNREACHABLE, "cannot reach the server: connection refused");
    } else if (at < 0) {
        r->status = 404;
        r->rc = err_set(e, ERR_NOT_FOUND, "no answer for %s", what);
    } else if (f->answers[at].status >= 400) {
        const char *bar = strchr(f->answers[at].body, '|');
        char slug[64];

        snprintf(slug, sizeof slug, "%.*s", (int)(bar - f->answers[at].body), f->answers[at].body);
        r->status = f->answers[at].status;
        r->rc = err_set(e, err_from_slug(slug), "%s", bar + 1);
    } else {
        r->status = f->answers[at].status;
        r->body = f->answers[at].body;
        r->len = strlen(r->body);
    }
}

static void tell_streams(struct fake_api *f)
{
    for (size_t i = 0; i < f->stream_count; i++) {
        const struct stream_ops *ops = f->streams[i].ops;
        struct err e;

        if (f->streams[i].told)
            continue;
        f->streams[i].told = true;
        if (f->away) {
            err_set(&e, ERR_UNREACHABLE, "cannot reach the server: connection refused");
            ops->state(f->streams[i].ctx, STREAM_WAITING, &e, 1000);
        } else {
            ops->state(f->streams[i].ctx, STREAM_OPEN, NULL, 0);
        }
    }
}

void fake_api_deliver(struct fake_api *f)
{
    size_t many = f->pending_count;

    if (f->holding)
        return;
    tell_streams(f);
    /* What is asked by an answer waits for the next time. */
    while (many-- > 0 && f->pending_count > 0) {
        reply_fn *done = f->pending[0].done;
        void *ctx = f->pending[0].ctx;
        struct reply r;
        struct err e;

        reply_to(f, f->requests[f->pending[0].request].what, &r, &e);
        drop_pending(f, 0);
        done(ctx, &r);
    }
}

size_t fake_api_event(struct fake_api *f, const char *path, const char *id, const char *type,
                      const char *data)
{
    size_t told = 0;

    for (size_t i = 0; i < f->stream_count; i++)
        if (strncmp(f->streams[i].path, path, strlen(path)) == 0) {
            f->streams[i].ops->event(f->streams[i].ctx, id, type, data, strlen(data));
            told++;
        }
    return told;
}

void fake_api_log(struct fake_api *f, int64_t offset, const char *bytes)
{
    size_t len = strlen(bytes),
           size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    char *b64 = malloc(size), *data = malloc(size + 128);

    assert_non_null(b64);
    assert_non_null(data);
    sodium_bin2base64(b64, size, (const unsigned char *)bytes, len, sodium_base64_VARIANT_ORIGINAL);
    snprintf(data, size + 128, "{\"offset\":%lld,\"stream\":\"stdout\",\"b64\":\"%s\"}",
             (long long)offset, b64);
    fake_api_event(f, "/v1/jobs/", "", "log", data);
    free(b64);
    free(data);
}

void fake_api_end(struct fake_api *f, const char *path)
{
    for (size_t i = f->stream_count; i-- > 0;)
        if (strncmp(f->streams[i].path, path, strlen(path)) == 0) {
            const struct stream_ops *ops = f->streams[i].ops;
            void *ctx = f->streams[i].ctx;

            drop_stream(f, i);
            ops->state(ctx, STREAM_ENDED, NULL, 0);
        }
}

void fake_api_break(struct fake_api *f)
{
    for (size_t i = 0; i < f->stream_count; i++)
        f->streams[i].told = false;
    fake_api_deliver(f);
}

const struct fake_request *fake_api_asked(const struct fake_api *f, const char *what)
{
    for (size_t i = f->request_count; i-- > 0;)
        if (strncmp(f->requests[i].what, what, strlen(what)) == 0)
            return &f->requests[i];
    return NULL;
}

size_t fake_api_count(const struct fake_api *f, const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < f->request_count; i++)
        n += strncmp(f->requests[i].what, what, strlen(what)) == 0;
    return n;
}

/* --- the demonstration ------------------------------------------------------------------------ */

/* {"GET /v1/me": {"status": 200, "body": {...}}, ...} */
void fake_api_demo(struct fake_api *f)
{
    const char *source = getenv("HOURGLASS_SOURCE"), *what;
    json_t *all = NULL, *one;
    char path[512];
    STRBUF text = {0};
    struct err e;

    snprintf(path, sizeof path, "%s/tests/screen/data/demo.json", source ? source : ".");
    strbuf_init(&text, JSON_TEXT_BYTES_MAX);
    assert_ok(file_read(path, &text, &e), &e);
    assert_ok(json_parse(text.data, text.len, &all, &e), &e);
    json_object_foreach(all, what, one)
    {
        char *body = json_dumps(json_object_get(one, "body"), JSON_COMPACT);

        assert_non_null(body);
        fake_api_on(f, what, (int)json_integer_value(json_object_get(one, "status")), body);
        free(body);
    }
    json_decref(all);
}
