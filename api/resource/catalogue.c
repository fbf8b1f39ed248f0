/* Operators, zones, GPU models, offers: the catalogue, with stock. The plain list of offers is what
 * every client asks all the time: its answer is made once and shared until stock changes. */
#include "api/resource/app_internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* A catalogue list is small and answered whole. */
static void answer_all(struct response *resp, const struct shape *s, const void *items,
                       size_t count)
{
    shape_encode_list(s, items, count, "", &resp->body);
}

static enum err_code no_query(const struct request *req, struct err *e)
{
    return request_query_only(req, (const char *const[]){NULL}, e);
}

enum err_code operator_list_route(struct request *req, struct response *resp, struct err *e)
{
    const struct catalogue *c;
    enum err_code rc = no_query(req, e);

    if (rc)
        return rc;
    c = catalogue_hold(app_service(req));
    answer_all(resp, &cloud_operator_shape, c->operators, c->operator_count);
    catalogue_put(app_service(req), c);
    return ERR_OK;
}

enum err_code zone_list_route(struct request *req, struct response *resp, struct err *e)
{
    const struct catalogue *c;
    enum err_code rc = no_query(req, e);

    if (rc)
        return rc;
    c = catalogue_hold(app_service(req));
    answer_all(resp, &zone_shape, c->zones, c->zone_count);
    catalogue_put(app_service(req), c);
    return ERR_OK;
}

enum err_code gpu_model_list_route(struct request *req, struct response *resp, struct err *e)
{
    const struct catalogue *c;
    enum err_code rc = no_query(req, e);

    if (rc)
        return rc;
    c = catalogue_hold(app_service(req));
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

static struct http_shared *offers_remembered(struct app *a, const struct catalogue *c)
{
    struct http_shared *s = NULL;

    pthread_mutex_lock(&a->offers_lock);
    if (a->offers && a->offers_generation == a->stock_generation && a->offers_catalogue == c) {
        s = a->offers;
        http_shared_ref(s);
    }
    pthread_mutex_unlock(&a->offers_lock);
    return s;
}

static enum err_code offers_make(struct request *req, const struct catalogue *c,
                                 struct http_shared **out, struct err *e)
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
    a->offers_catalogue = c;
    pthread_mutex_unlock(&a->offers_lock);
    return ERR_OK;
}

static enum err_code offers_shared(struct request *req, struct response *resp, struct err *e)
{
    const struct catalogue *c = catalogue_hold(app_service(req));
    enum err_code rc = ERR_OK;

    resp->shared = offers_remembered(app_of(req), c);
    if (!resp->shared)
        rc = offers_make(req, c, &resp->shared, e);
    catalogue_put(app_service(req), c);
    return rc;
}

enum err_code offer_list_route(struct request *req, struct response *resp, struct err *e)
{
    static const char *const names[] = {"limit", "text", "zone", "gpu_model", NULL};
    struct page_query q;
    enum err_code rc;
    bool plain = true;

    for (size_t i = 0; names[i]; i++)
        plain = plain && !request_query(req, names[i]);
    rc = request_query_only(req, names, e);
    if (rc)
        return rc;
    if (plain)
        return offers_shared(req, resp, e);
    rc = page_parse(req, NULL, NULL, &q, e);
    return rc ? rc : offers_encode(req, &q, &resp->body, e);
}
