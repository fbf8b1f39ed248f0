/* The application of the HTTP tests. */
#include "tests/support/t.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/fx_http.h"

static const struct field thing_fields[] = {
    F_STRING(struct fx_thing, id, FIELD_READ_ONLY, 0, 0, "Which."),
    F_STRING(struct fx_thing, name, FIELD_REQUIRED, 1, 32, "What people call it."),
    F_INT(struct fx_thing, size, 0, 0, 1000, "How large."),
};
SHAPE(fx_http_thing_shape, struct fx_thing, "Thing", "A thing.", thing_fields);

static struct fx_http *fx_of(struct request *req)
{
    struct fx_http *fx = CONTAINER_OF(req->app, struct fx_http, app);

    __atomic_add_fetch(&fx->handled, 1, __ATOMIC_RELAXED);
    return fx;
}

/* --- handlers --------------------------------------------------------------------------------- */

static enum err_code livez(struct request *req, struct response *resp, struct err *e)
{
    fx_of(req);
    resp->content_type = "text/plain";
    strbuf_adds(&resp->body, "ok\n");
    return request_query_only(req, NULL, e);
}

static enum err_code thing_list(struct request *req, struct response *resp, struct err *e)
{
    static const char *const names[] = {"limit", "cursor", NULL};
    struct fx_thing things[2] = {{.id = "1", .name = "a"}, {.id = "2", .name = "b", .size = 7}};
    enum err_code rc = request_query_only(req, names, e);

    fx_of(req);
    if (rc)
        return rc;
    shape_encode_list(&fx_http_thing_shape, things, 2, "", &resp->body);
    text_copy(resp->link, sizeof resp->link, "</v1/things?cursor=x>; rel=\"next\"");
    return ERR_OK;
}

static enum err_code thing_create(struct request *req, struct response *resp, struct err *e)
{
    struct fx_thing *in = req->in;

    UNUSED(e);
    fx_of(req);
    if (strcmp(in->name, "conflict") == 0)
        return err_set(e, ERR_CONFLICT, "there is one");
    text_copy(in->id, sizeof in->id, req->dry_run ? "dry" : "new");
    shape_encode(&fx_http_thing_shape, in, &resp->body);
    resp->status = req->dry_run ? 200 : 201;
    text_copy(resp->location, sizeof resp->location, "/v1/things/new");
    return ERR_OK;
}

static enum err_code thing_get(struct request *req, struct response *resp, struct err *e)
{
    struct fx_thing t = {.size = 3};

    UNUSED(e);
    fx_of(req);
    text_copy(t.id, sizeof t.id, req->params[0]);
    text_copy(t.name, sizeof t.name, req->address);
    shape_encode(&fx_http_thing_shape, &t, &resp->body);
    text_copy(resp->etag, sizeof resp->etag, "v3");
    return ERR_OK;
}

static enum err_code thing_patch(struct request *req, struct response *resp, struct err *e)
{
    UNUSED(e);
    fx_of(req);
    shape_encode(&fx_http_thing_shape, req->in, &resp->body);
    text_copy(resp->extra_name, sizeof resp->extra_name, "X-Named");
    text_copy(resp->extra_value, sizeof resp->extra_value,
              json_object_get(req->in_json, "size") ? "size" : "other");
    return ERR_OK;
}

static enum err_code thing_delete(struct request *req, struct response *resp, struct err *e)
{
    const char *match = request_header(req, "if-match");

    fx_of(req);
    if (match && strcmp(match, "\"v3\"") != 0)
        return err_set(e, ERR_PRECONDITION, "it has changed");
    resp->status = 204;
    return ERR_OK;
}

static enum err_code thing_part(struct request *req, struct response *resp, struct err *e)
{
    UNUSED(e);
    fx_of(req);
    strbuf_addf(&resp->body, "[\"%s\",\"%s\"]", req->params[0], req->params[1]);
    return ERR_OK;
}

static enum err_code thing_summary(struct request *req, struct response *resp, struct err *e)
{
    UNUSED(e);
    fx_of(req);
    strbuf_adds(&resp->body, "\"summary\"");
    return ERR_OK;
}

static enum err_code echo(struct request *req, struct response *resp, struct err *e)
{
    const char *text = request_query(req, "text");

    UNUSED(e);
    fx_of(req);
    json_quote(&resp->body, text ? text : "(absent)");
    return ERR_OK;
}

static enum err_code shared(struct request *req, struct response *resp, struct err *e)
{
    struct fx_http *fx = fx_of(req);

    UNUSED(e);
    http_shared_ref(fx->shared);
    resp->shared = fx->shared;
    return ERR_OK;
}

static enum err_code big(struct request *req, struct response *resp, struct err *e)
{
    static const char line[] = "0123456789abcdef";

    UNUSED(e);
    fx_of(req);
    resp->content_type = "application/octet-stream";
    for (size_t i = 0; i < FX_BIG_LEN / (sizeof line - 1); i++)
        strbuf_add(&resp->body, line, sizeof line - 1);
    return ERR_OK;
}

static enum err_code too_big(struct request *req, struct response *resp, struct err *e)
{
    char block[4096] = {0};

    UNUSED(e);
    fx_of(req);
    while (!resp->body.failed)
        strbuf_add(&resp->body, block, sizeof block);
    return ERR_OK;
}

/* ?code=slug: fails so, with everything a problem can carry. */
static enum err_code failing(struct request *req, struct response *resp, struct err *e)
{
    const char *slug = request_query(req, "code");
    enum err_code rc = err_from_slug(slug ? slug : "");

    fx_of(req);
    strbuf_adds(&resp->body, "half an answer");
    text_copy(resp->etag, sizeof resp->etag, "x");
    err_set(e, rc, "on \"purpose\"");
    err_detail(e, "/name", "too_long", "at most 3");
    err_fact_int(e, "retry_after_seconds", 7);
    err_fact_money(e, "available", 1500000, "EUR");
    err_fact_text(e, "offers", "one");
    err_fact_text(e, "offers", "two");
    return rc;
}

/* --- streams ------------------------------------------------------------------------------------
 */

struct fx_stream {
    struct http_stream base;
    struct fx_http *fx;
    int64_t seen;
};

static enum err_code stream_next(struct http_stream *base, struct strbuf *out, size_t len_max,
                                 bool *end)
{
    struct fx_stream *st = CONTAINER_OF(base, struct fx_stream, base);
    struct fx_http *fx = st->fx;

    if (__atomic_load_n(&fx->events_fail, __ATOMIC_ACQUIRE))
        return ERR_STORAGE;
    while (st->seen < __atomic_load_n(&fx->events, __ATOMIC_ACQUIRE) && out->len + 64 <= len_max)
        strbuf_addf(out, base->heartbeat ? "id: %lld\ndata: e\n\n" : "line %lld\n",
                    (long long)++st->seen);
    *end = __atomic_load_n(&fx->events_end, __ATOMIC_ACQUIRE) && out->len == 0;
    return ERR_OK;
}

static void stream_free(struct http_stream *base)
{
    struct fx_stream *st = CONTAINER_OF(base, struct fx_stream, base);

    __atomic_sub_fetch(&st->fx->streams, 1, __ATOMIC_ACQ_REL);
    free(st);
}

static enum err_code stream_open(struct request *req, struct response *resp, bool heartbeat,
                                 struct err *e)
{
    struct fx_stream *st = calloc(1, sizeof *st);
    const char *last = request_header(req, "Last-Event-ID");

    if (!st)
        return err_set(e, ERR_INTERNAL, "out of memory");
    st->fx = fx_of(req);
    st->seen = last ? strtoll(last, NULL, 10) : 0;
    st->base = (struct http_stream){.next = stream_next, .free = stream_free};
    st->base.heartbeat = heartbeat;
    text_copy(st->base.topic_text, sizeof st->base.topic_text, req->params[0]);
    st->base.topic = st->base.topic_text;
    __atomic_add_fetch(&st->fx->streams, 1, __ATOMIC_ACQ_REL);
    resp->stream = &st->base;
    return ERR_OK;
}

static enum err_code events(struct request *req, struct response *resp, struct err *e)
{
    return stream_open(req, resp, true, e);
}

static enum err_code plain_log(struct request *req, struct response *resp, struct err *e)
{
    resp->content_type = "text/plain; charset=utf-8";
    return stream_open(req, resp, false, e);
}

/* --- tunnels ------------------------------------------------------------------------------------
 */

static void *echo_run(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char bytes[8192];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < n;) {
            ssize_t put = send(fd, bytes + at, (size_t)(n - at), MSG_NOSIGNAL);

            if (put <= 0)
                goto out;
            at += put;
        }
out:
    close(fd);
    return NULL;
}

static bool guard_holds(struct http_guard *g)
{
    return !__atomic_load_n(&CONTAINER_OF(g, struct fx_http, guard)->guard_refuses,
                            __ATOMIC_ACQUIRE);
}

static void guard_free(struct http_guard *g)
{
    __atomic_add_fetch(&CONTAINER_OF(g, struct fx_http, guard)->guards_freed, 1, __ATOMIC_ACQ_REL);
}

static enum err_code tunnel(struct request *req, struct response *resp, struct err *e)
{
    struct fx_http *fx = fx_of(req);
    int sv[2];

    if (fx->echo_count == FX_ECHOES || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0)
        return err_set(e, ERR_BUSY, "no more echoes");
    if (pthread_create(&fx->echoes[fx->echo_count], NULL, echo_run, (void *)(intptr_t)sv[1]) != 0)
        abort();
    fx->echo_count++;
    resp->tunnel_fd = sv[0];
    resp->guard = &fx->guard;
    return ERR_OK;
}

#define THING &fx_http_thing_shape
const struct route fx_http_routes[] = {
    {HTTP_GET, "/livez", "livez", livez, ROUTE_PUBLIC, 0, NULL, NULL, "Alive."},
    {HTTP_GET, "/v1/things", "thing_list", thing_list, ROUTE_LIST, 1, NULL, THING, "List things."},
    {HTTP_POST, "/v1/things", "thing_create", thing_create,
     ROUTE_WRITE | ROUTE_IDEMPOTENT | ROUTE_KEY_REQUIRED | ROUTE_DRY_RUN, 2, THING, THING,
     "Create a thing."},
    {HTTP_GET, "/v1/things/summary", "thing_summary", thing_summary, 0, 1, NULL, NULL, "Sum."},
    {HTTP_GET, "/v1/things/{id}", "thing_get", thing_get, 0, 1, NULL, THING, "Show \"one\" \\."},
    {HTTP_PATCH, "/v1/things/{id}", "thing_patch", thing_patch, ROUTE_WRITE, 2, THING, THING,
     "Change a thing."},
    {HTTP_DELETE, "/v1/things/{id}", "thing_delete", thing_delete, ROUTE_WRITE, 2, NULL, NULL,
     "Delete a thing."},
    {HTTP_GET, "/v1/things/{id}/parts/{part}", "thing_part", thing_part, 0, 1, NULL, NULL, "Part."},
    {HTTP_GET, "/v1/echo", "echo", echo, ROUTE_PUBLIC, 0, NULL, NULL, "Echo."},
    {HTTP_GET, "/v1/shared", "shared", shared, ROUTE_PUBLIC, 0, NULL, NULL, "Shared."},
    {HTTP_GET, "/v1/big", "big", big, ROUTE_PUBLIC, 0, NULL, NULL, "Big."},
    {HTTP_GET, "/v1/too-big", "too_big", too_big, ROUTE_PUBLIC, 0, NULL, NULL, "Too big."},
    {HTTP_GET, "/v1/fail", "fail", failing, ROUTE_PUBLIC, 0, NULL, NULL, "Fail."},
    {HTTP_GET, "/v1/events", "events", events, ROUTE_STREAM, 1, NULL, NULL, "Follow."},
    {HTTP_GET, "/v1/topics/{topic}/events", "topic", events, ROUTE_STREAM, 1, NULL, NULL,
     "Follow."},
    {HTTP_GET, "/v1/log", "log", plain_log, ROUTE_STREAM, 1, NULL, NULL, "Log."},
    {HTTP_GET, "/v1/tunnel", "tunnel", tunnel, ROUTE_TUNNEL, 2, NULL, NULL, "Tunnel."},
};
const size_t fx_http_route_count = ARRAY_SIZE(fx_http_routes);

/* --- the application
 * ------------------------------------------------------------------------------ */

static enum err_code authenticate(struct http_app *app, struct request *req, const char *token,
                                  struct err *e)
{
    UNUSED(app);
    if (strcmp(token, FX_TOKEN) != 0 && strcmp(token, FX_READER) != 0)
        return err_set(e, ERR_UNAUTHENTICATED, "this key is not known");
    if (strcmp(token, FX_READER) == 0 && req->route->action == 2)
        return err_set(e, ERR_FORBIDDEN, "this key may only read");
    req->actor = strdup("somebody");
    return ERR_OK;
}

static enum err_code app_write(struct http_app *app, struct request *req, struct response *resp,
                               void (*done)(struct request *, enum err_code, const struct err *),
                               struct err *e)
{
    struct fx_http *fx = CONTAINER_OF(app, struct fx_http, app);
    enum err_code rc = ERR_OK;

    pthread_mutex_lock(&fx->lock);
    if (fx->busy || fx->job_count == FX_JOBS)
        rc = err_set(e, ERR_BUSY, "too many writes wait");
    else
        fx->jobs[fx->job_count++] = (struct fx_job){req, resp, done};
    pthread_cond_broadcast(&fx->changed);
    pthread_mutex_unlock(&fx->lock);
    return rc;
}

static struct fx_job job_take(struct fx_http *fx, size_t i)
{
    struct fx_job job = fx->jobs[i];

    memmove(fx->jobs + i, fx->jobs + i + 1, (fx->job_count - i - 1) * sizeof job);
    fx->job_count--;
    return job;
}

static void job_do(struct fx_job job)
{
    struct err e;
    enum err_code rc;

    /* Twice, as an executor does whose transaction was refused. */
    err_clear(&e);
    rc = job.req->route->handle(job.req, job.resp, &e);
    response_clear(job.resp);
    rc = rc ? rc : job.req->route->handle(job.req, job.resp, &e);
    job.done(job.req, rc, &e);
}

static void *worker_run(void *arg)
{
    struct fx_http *fx = arg;

    pthread_mutex_lock(&fx->lock);
    while (!fx->worker_stops) {
        if (fx->job_count && !fx->hold) {
            struct fx_job job = job_take(fx, 0);

            pthread_mutex_unlock(&fx->lock);
            job_do(job);
            pthread_mutex_lock(&fx->lock);
        } else {
            pthread_cond_wait(&fx->changed, &fx->lock);
        }
    }
    pthread_mutex_unlock(&fx->lock);
    return NULL;
}

void fx_http_job_run(struct fx_http *fx, size_t i)
{
    struct fx_job job;

    pthread_mutex_lock(&fx->lock);
    assert_true(i < fx->job_count);
    job = job_take(fx, i);
    pthread_mutex_unlock(&fx->lock);
    job_do(job);
}

void fx_http_jobs_await(struct fx_http *fx, size_t want)
{
    struct timespec until = {.tv_sec = (clock_now_ms(clock_real()) + RAW_WAIT_MS) / 1000};

    pthread_mutex_lock(&fx->lock);
    while (fx->job_count < want)
        if (pthread_cond_timedwait(&fx->changed, &fx->lock, &until) != 0)
            break;
    assert_int_equal(fx->job_count, want);
    pthread_mutex_unlock(&fx->lock);
}

void fx_http_writes_set(struct fx_http *fx, bool hold, bool busy)
{
    pthread_mutex_lock(&fx->lock);
    fx->hold = hold;
    fx->busy = busy;
    pthread_cond_broadcast(&fx->changed);
    pthread_mutex_unlock(&fx->lock);
}

bool fx_http_streams_are(struct fx_http *fx, int64_t want)
{
    return __atomic_load_n(&fx->streams, __ATOMIC_ACQUIRE) == want;
}

bool fx_http_connections_are(struct fx_http *fx, int64_t want)
{
    struct http_stats st;

    http_stats(fx->server, &st);
    return st.connections == want;
}

bool fx_http_await(bool (*is_true)(struct fx_http *fx, int64_t want), struct fx_http *fx,
                   int64_t want)
{
    for (int waited_ms = 0; waited_ms < RAW_WAIT_MS; waited_ms += 5) {
        if (is_true(fx, want))
            return true;
        poll(NULL, 0, 5);
    }
    return is_true(fx, want);
}

void fx_http_publish(struct fx_http *fx)
{
    __atomic_add_fetch(&fx->events, 1, __ATOMIC_ACQ_REL);
    http_wake(fx->server, NULL);
}

void fx_http_open(struct fx_http *fx, struct http_config c)
{
    struct err e;

    memset(fx, 0, sizeof *fx);
    fx->app = (struct http_app){.routes = fx_http_routes,
                                .route_count = fx_http_route_count,
                                .clock = clock_real(),
                                .authenticate = authenticate,
                                .write = app_write};
    pthread_mutex_init(&fx->lock, NULL);
    pthread_cond_init(&fx->changed, NULL);
    assert_int_equal(pthread_create(&fx->worker, NULL, worker_run, fx), 0);
    fx->shared = http_shared_new("application/json", "s1", "{\"shared\":true}", 15);
    assert_non_null(fx->shared);
    c.app = &fx->app;
    if (!c.listen)
        c.listen = "127.0.0.1:0";
    assert_ok(http_start(&c, &fx->server, &e), &e);
    fx->client.fd = -1;
    fx->guard = (struct http_guard){.holds = guard_holds, .free = guard_free};
    if (http_port(fx->server))
        assert_true(raw_open(&fx->client, http_port(fx->server)));
}

void fx_http_stop(struct fx_http *fx, int64_t grace_ms)
{
    http_stop(fx->server, grace_ms);
    fx->server = NULL;
}

void fx_http_close(struct fx_http *fx)
{
    raw_close(&fx->client);
    raw_reply_release(&fx->reply);
    fx_http_stop(fx, RAW_WAIT_MS);
    pthread_mutex_lock(&fx->lock);
    fx->worker_stops = true;
    pthread_cond_broadcast(&fx->changed);
    pthread_mutex_unlock(&fx->lock);
    pthread_join(fx->worker, NULL);
    for (int i = 0; i < fx->echo_count; i++)
        pthread_join(fx->echoes[i], NULL);
    http_shared_unref(fx->shared);
    pthread_mutex_destroy(&fx->lock);
    pthread_cond_destroy(&fx->changed);
}
