/* Writes: a handler inside a transaction of the writer's thread, and the memory of answers that
 * makes a repeated request harmless. The answer is stored in the transaction of the change, so
 * there is no moment at which one exists without the other. */
#include "api/resource/app_internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct write_call {
    struct app *app;
    struct request *req;
    struct response *resp;
    void (*done)(struct request *req, enum err_code rc, const struct err *e);
    const char *key; /* Idempotency-Key, or NULL */
    uint8_t fingerprint[32];
};

/* Same key, same request: method, path and body. No route that writes takes an argument. */
static void fingerprint(const struct request *req, uint8_t out[32])
{
    const char *method = http_method_names[req->route->method];
    crypto_generichash_state st;

    crypto_generichash_init(&st, NULL, 0, 32);
    crypto_generichash_update(&st, (const unsigned char *)method, strlen(method) + 1);
    crypto_generichash_update(&st, (const unsigned char *)req->path, strlen(req->path) + 1);
    crypto_generichash_update(&st, (const unsigned char *)req->body, req->body_len);
    crypto_generichash_final(&st, out, 32);
}

static void scope_of(const struct write_call *c, char out[160])
{
    const struct actor *by = c->req->actor;

    snprintf(out, 160, "%s %s", by->key_id, c->req->route->name);
}

/* The headers that come from the object are those of the first answer, as its body is. */
static void replay_headers(const struct write_call *c, const char *body)
{
    json_t *tree = NULL;
    const char *id;
    long long version;

    if (json_parse(body, strlen(body), &tree, NULL))
        return;
    id = json_string_value(json_object_get(tree, "id"));
    version = json_integer_value(json_object_get(tree, "version"));
    if (id)
        answer_location(c->req, c->resp, id);
    if (version > 0)
        snprintf(c->resp->etag, sizeof c->resp->etag, "\"%lld\"", version);
    json_decref(tree);
}

static enum err_code replay(const struct write_call *c, struct idempotency *seen, struct err *e)
{
    if (sodium_memcmp(seen->fingerprint, c->fingerprint, sizeof c->fingerprint) != 0) {
        free(seen->body);
        return err_set(e, ERR_KEY_REUSED,
                       "this Idempotency-Key was used with another request: use a new one");
    }
    c->resp->status = (int)seen->status;
    strbuf_adds(&c->resp->body, seen->body ? seen->body : "");
    replay_headers(c, c->resp->body.data);
    text_copy(c->resp->extra_name, sizeof c->resp->extra_name, "Idempotency-Replayed");
    text_copy(c->resp->extra_value, sizeof c->resp->extra_value, "true");
    free(seen->body);
    return ERR_OK;
}

static enum err_code keep_answer(const struct write_call *c, struct write_context *w,
                                 const char *scope, struct err *e)
{
    struct idempotency i = {.status = c->resp->status ? c->resp->status : 200,
                            .created_at_ms = clock_now_ms(c->app->clock)};

    text_copy(i.scope, sizeof i.scope, scope);
    text_copy(i.key, sizeof i.key, c->key);
    memcpy(i.fingerprint, c->fingerprint, sizeof i.fingerprint);
    i.body = w->replay.len ? w->replay.data : c->resp->body.data;
    return row_idempotency_insert(w->tx, &i, e);
}

static enum err_code write_once(struct write_call *c, struct write_context *w, struct err *e)
{
    struct idempotency seen = {0};
    char scope[160];
    enum err_code rc;

    if (!c->key)
        return c->req->route->handle(c->req, c->resp, e);
    scope_of(c, scope);
    rc = row_idempotency_find(w->tx, scope, c->key, &seen, e);
    if (rc == ERR_OK)
        return replay(c, &seen, e);
    if (rc != ERR_NOT_FOUND)
        return rc;
    err_clear(e);
    rc = c->req->route->handle(c->req, c->resp, e);
    return rc ? rc : keep_answer(c, w, scope, e);
}

static enum err_code write_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct write_call *c = ctx;
    struct write_context w = {.tx = tx};
    enum err_code rc;

    response_clear(c->resp);
    strbuf_init(&w.replay, HTTP_RESPONSE_BYTES_MAX);
    c->req->tx = &w;
    rc = write_once(c, &w, e);
    c->req->tx = NULL;
    strbuf_release(&w.replay);
    return rc;
}

static bool changes_identity(const struct request *req)
{
    switch (req->route->action) {
    case ACTION_ORGANIZATION_CREATE:
    case ACTION_MEMBER_CREATE:
    case ACTION_MEMBER_UPDATE:
    case ACTION_MEMBER_DELETE:
    case ACTION_KEY_CREATE:
    case ACTION_KEY_REVOKE:
        return true;
    default:
        return false;
    }
}

static void write_done(void *ctx, enum err_code rc, const struct err *e)
{
    struct write_call *c = ctx;

    if (!rc && changes_identity(c->req))
        auth_forget(c->app);
    c->done(c->req, rc, e);
    free(c);
}

/* Nothing that only the engine can do is begun while it can do nothing. */
static enum err_code engine_check(const struct app *a, const struct request *req, struct err *e)
{
    struct engine *en = a->service->engine;
    struct engine_capacity has;

    switch (req->route->action) {
    case ACTION_INSTANCE_LAUNCH:
    case ACTION_JOB_SUBMIT:
        return en ? en->ops->capacity(en, &has, e) : ERR_OK;
    default:
        return ERR_OK;
    }
}

enum err_code app_write(struct http_app *http, struct request *req, struct response *resp,
                        void (*done)(struct request *req, enum err_code rc, const struct err *e),
                        struct err *e)
{
    struct app *a = CONTAINER_OF(http, struct app, http);
    /* Its form, and whether it is there where it must be, was checked before. */
    const char *key =
        req->route->flags & ROUTE_IDEMPOTENT ? request_header(req, "Idempotency-Key") : NULL;
    enum err_code rc = engine_check(a, req, e);
    struct write_call *c;

    if (rc)
        return rc;
    c = calloc(1, sizeof *c);
    if (!c)
        return err_set(e, ERR_INTERNAL, "out of memory");
    *c = (struct write_call){.app = a, .req = req, .resp = resp, .done = done, .key = key};
    if (key)
        fingerprint(req, c->fingerprint);
    rc = store_write_async(a->service->store, write_tx, write_done, c, e);
    if (rc)
        free(c);
    return rc;
}
