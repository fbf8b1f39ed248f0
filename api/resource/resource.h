/* Resources: one file per noun that decodes a request, calls the service and encodes the
 * answer. No rules here. This header is what they share: the application behind the HTTP
 * server, and the few shapes that every handler has. */
#ifndef API_RESOURCE_RESOURCE_H
#define API_RESOURCE_RESOURCE_H

#include "api/http/http.h"
#include "api/service/service.h"

struct app;

/* What req->tx points to in a ROUTE_WRITE. */
struct write_context {
    struct tx *tx;
    /* What a repetition with the same Idempotency-Key is answered, where that is not the answer
     * itself (a token is shown once). Empty: the answer. */
    struct strbuf replay;
};

struct app_config {
    struct service *service; /* borrowed, like everything here */
    struct clock *clock;
};

/* Errors: ERR_INTERNAL. Caller owns *out (app_free, after http_stop). */
enum err_code app_new(const struct app_config *c, struct app **out, struct err *e) MUST_CHECK;
void app_free(struct app *a); /* accepts NULL */
/* For http_config.app; borrowed until app_free(). */
struct http_app *app_http(struct app *a);
/* Start waking streams of this server, stop before http_stop(). Errors: ERR_INTERNAL. */
enum err_code app_attach(struct app *a, struct http_server *server, struct err *e) MUST_CHECK;
void app_detach(struct app *a);
/* For store_config.news: there are events up to `seq`. Cheap, any thread. */
void app_news(void *app, int64_t event_seq);
/* The catalogue was replaced: what was made from the last one is made again. Any thread. */
void app_catalogue_changed(struct app *a);

extern const struct route api_routes[];
extern const size_t api_routes_count;

/* --- for handlers ------------------------------------------------------------------------- */

struct service *app_service(const struct request *req);
struct http_server *app_server(const struct request *req);
const struct actor *app_actor(const struct request *req);

/* A read: fn gets this struct as its ctx, in a read transaction. */
struct read_call {
    struct request *req;
    struct service *sv;
    const struct actor *by;
    struct page_query page;
    void *out;    /* one object */
    void **items; /* or a list */
    size_t *count;
    char *next;
};
enum err_code read_run(struct request *req, struct read_call *r, tx_fn *fn,
                       struct err *e) MUST_CHECK;

/* Parse limit, cursor, filters and times of a list. Which of them a route takes is in routes.c
 * and was checked before. `states` are the names that ?state= may have.
 * Errors: ERR_INVALID with the argument as pointer. */
enum err_code page_parse(const struct request *req, const char *const *states,
                         struct page_query *out, struct err *e) MUST_CHECK;
/* Errors: ERR_INVALID that names the argument, as "?name". */
enum err_code bad_argument(struct err *e, const char *name, const char *expected);
/* Page and Link header. Takes the items: frees them with their shape. */
void answer_page(const struct request *req, struct response *resp, const struct shape *s,
                 void *items_take, size_t count, const char *next);
/* One object, with the status of success of the route (200 for a dry run); version > 0 makes an
 * ETag. Takes what the object owns (shape_release). */
void answer_object(const struct request *req, struct response *resp, const struct shape *s,
                   void *object_take, int64_t version);
/* Location of what a POST to a collection made, where there is a route to get it. */
void answer_location(const struct request *req, struct response *resp, const char *id);
/* If-Match as a version; 0 when absent or "*". Errors: ERR_PRECONDITION what is no tag of ours. */
enum err_code if_match_version(const struct request *req, int64_t *version,
                               struct err *e) MUST_CHECK;

/* GET one by id, as a handler: service function `noun_get`, shape `noun_shape`. */
#define GET_ROUTE(noun, type, ver)                                                            \
    static enum err_code noun##_get_read(struct tx *tx, void *ctx, struct err *e)             \
    {                                                                                         \
        struct read_call *r = ctx;                                                            \
        return noun##_get(r->sv, tx, r->by, r->req->params[0], (struct type *)r->out, e);     \
    }                                                                                         \
    enum err_code noun##_get_route(struct request *req, struct response *resp, struct err *e) \
    {                                                                                         \
        struct type out = {0};                                                                \
        struct read_call r = {.out = &out};                                                   \
        enum err_code rc = read_run(req, &r, noun##_get_read, e);                             \
        if (!rc)                                                                              \
            answer_object(req, resp, &type##_shape, &out, ver);                               \
        return rc;                                                                            \
    }

/* GET a page, as a handler: service function `noun_list`. */
#define LIST_ROUTE(noun, type, states)                                                         \
    static enum err_code noun##_list_read(struct tx *tx, void *ctx, struct err *e)             \
    {                                                                                          \
        struct read_call *r = ctx;                                                             \
        return noun##_list(r->sv, tx, r->by, &r->page, (struct type **)r->items, r->count,     \
                           r->next, e);                                                        \
    }                                                                                          \
    enum err_code noun##_list_route(struct request *req, struct response *resp, struct err *e) \
    {                                                                                          \
        struct type *items = NULL;                                                             \
        size_t count = 0;                                                                      \
        char next[CURSOR_BYTES_MAX] = "";                                                      \
        struct read_call r = {.items = (void **)&items, .count = &count, .next = next};        \
        enum err_code rc = page_parse(req, states, &r.page, e);                                \
        if (!rc)                                                                               \
            rc = read_run(req, &r, noun##_list_read, e);                                       \
        if (!rc)                                                                               \
            answer_page(req, resp, &type##_shape, items, count, next);                         \
        return rc;                                                                             \
    }

#define ROUTE(method, pattern, name, flags, status, action, in, out, query, summary) \
    route_fn name##_route;
#include "api/resource/routes.def.h"
#undef ROUTE

#endif
