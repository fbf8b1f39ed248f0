/* Operators, zones, GPU models, offers: the catalogue, with stock. The plain list of offers is what
 * every client asks all the time: its answer is made once and shared until stock changes, and for
 * OFFERS_KEEP_MS at most. */
#include "api/resource/app_internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define OFFERS_KEEP_MS 1000

/* A catalogue list is small and answered whole. */
static void answer_all(struct response *resp, const struct shape *s, const void *items,
                       size_t count)
{
    shape_encode_list(s, items, count, "", &resp->body);
}

enum err_code operator_list_route(struct request *req, struct response *resp, struct err *e)
{
    const struct catalogue *c = catalogue_hold(app_service(req));

    UNUSED(e);
    answer_all(resp, &cloud_operator_shape, c->operators, c->operator_count);
    catalogue_put(app_service(req), c);
    return ERR_OK;
}

enum err_code zone_list_route(struct request *req, struct response *resp, struct err *e)
{
    const struct catalogue *c = catalogue_hold(app_service(req));

    UNUSED(e);
    answer_all(resp, &zone_shape, c->zones, c->zone_count);
    catalogue_put(app_service(req), c);
    return ERR_OK;
}

enum err_code gpu_model_list_route(struct request *req, struct response *resp, struct err *e)
{
    const struct catalogue *c = catalogue_hold(app_service(req));

    UNUSED(e);
    answer_all(resp, &gpu_model_shape, c->gpu_models, c->gpu_model_count);
    catalogue_put(app_service(req), c);
    return ERR_OK;
}

struct offers_read {
    struct service *sv;
    const struct actor *by;
    struct page_query page;
    struct offer *items;
    size_t count;
};

static enum err_code offers_read(struct tx *tx, void *ctx, struct err *e)
{
    struct offers_read *r = ctx;

    return offer_list(r->sv, tx, r->by, &r->page, &r->items, &r->count, e);
}

static enum err_code offers_encode(struct request *req, const struct page_query *q,
                                   struct strbuf *out, struct err *e)
{
    struct offers_read r = {.sv = app_service(req), .by = app_actor(req), .page = *q};
    enum err_code rc = store_read(r.sv->store, offers_read, &r, e);

    if (rc)
        return rc;
    shape_encode_list(&offer_shape, r.items, r.count, "", out);
    LIST_FREE(&offer_shape, r.items, r.count);
    return ERR_OK;
}

static struct http_shared *offers_remembered(struct app *a)
{
    int64_t now_ms = clock_mono_ms(a->clock);
    struct http_shared *s = NULL;

    pthread_mutex_lock(&a->offers_lock);
    if (a->offers && a->offers_generation == a->stock_generation &&
        now_ms < a->offers_until_mono_ms) {
        s = a->offers;
        http_shared_ref(s);
    }
    pthread_mutex_unlock(&a->offers_lock);
    return s;
}

static enum err_code offers_make(struct request *req, struct http_shared **out, struct err *e)
{
    struct app *a = app_of(req);
    struct page_query all = {.limit = PAGE_ITEMS_MAX};
    uint8_t hash[16];
    char etag[64];
    uint64_t generation;
    enum err_code rc;
    STRBUF text;

    pthread_mutex_lock(&a->offers_lock);
    generation = a->stock_generation; /* of before the read: a change meanwhile wins */
    pthread_mutex_unlock(&a->offers_lock);
    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    rc = offers_encode(req, &all, &text, e);
    if (rc)
        return rc;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)text.data, text.len, NULL, 0);
    etag[0] = '"';
    sodium_bin2hex(etag + 1, sizeof etag - 1, hash, sizeof hash);
    memcpy(etag + 1 + 2 * sizeof hash, "\"", 2); /* closes the quote behind the hex digits */
    *out = http_shared_new("application/json", etag, text.data, text.len);
    if (!*out)
        return err_set(e, ERR_INTERNAL, "out of memory");
    pthread_mutex_lock(&a->offers_lock);
    http_shared_unref(a->offers);
    a->offers = *out;
    http_shared_ref(*out);
    a->offers_generation = generation;
    a->offers_until_mono_ms = clock_mono_ms(a->clock) + OFFERS_KEEP_MS;
    pthread_mutex_unlock(&a->offers_lock);
    return ERR_OK;
}

enum err_code offer_list_route(struct request *req, struct response *resp, struct err *e)
{
    struct page_query q;
    enum err_code rc;
    bool plain = true;

    for (const struct route_query *name = req->route->query; name->name; name++)
        plain = plain && !request_query(req, name->name);
    if (plain) {
        resp->shared = offers_remembered(app_of(req));
        return resp->shared ? ERR_OK : offers_make(req, &resp->shared, e);
    }
    rc = page_parse(req, NULL, &q, e);
    return rc ? rc : offers_encode(req, &q, &resp->body, e);
}
