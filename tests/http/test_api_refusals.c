/* What bad input gets from the real API: 4xx problems that name the place, and nothing done. */
#include "tests/support/t.h"

#include <signal.h>

#include "core/json.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

struct fixture {
    struct fx_daemon d;
    struct raw_client c;
    struct raw_reply r;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    fx->d.grant = "8.00"; /* two of the larger offers need more */
    fx_daemon_init(&fx->d);
    fx_daemon_start(&fx->d);
    assert_true(raw_open_unix(&fx->c, fx->d.socket));
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    raw_close(&fx->c);
    raw_reply_release(&fx->r);
    fx_daemon_clear(&fx->d);
    free(fx);
    return 0;
}

/* Ask with the owner's key; a connection that the last refusal closed is opened again. */
static int ask(struct fixture *fx, const char *method, const char *path, const char *headers,
               const char *body, size_t len)
{
    raw_close(&fx->c);
    assert_true(raw_open_unix(&fx->c, fx->d.socket));
    assert_true(raw_sendf(&fx->c,
                          "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
                          method, path, fx->d.token, len, headers));
    assert_true(raw_send(&fx->c, body, len));
    return raw_read(&fx->c, &fx->r, false);
}

static json_t *problem(struct fixture *fx)
{
    json_t *p = NULL;
    struct err e;

    assert_contains(raw_header(&fx->r, "Content-Type"), "application/problem+json");
    assert_ok(json_parse(fx->r.body.data, fx->r.body.len, &p, &e), &e);
    assert_true(fx_text(p, "request_id")[0] != '\0');
    assert_int_equal(json_integer_value(json_object_get(p, "status")), fx->r.status);
    return p;
}

#define KEY    "Idempotency-Key: k\r\n"
#define LAUNCH "POST", "/v1/instances"

static const struct refusal {
    const char *what, *method, *path, *headers, *body;
    int status;
    const char *code, *pointer; /* pointer "": none is asked for */
} refusals[] = {
    {"unknown field", LAUNCH, KEY, "{\"offer_id\":\"local-gpu-1.local\",\"colour\":1}", 422,
     "invalid-request", "/colour"},
    {"wrong type", LAUNCH, KEY, "{\"offer_id\":7}", 422, "invalid-request", "/offer_id"},
    {"missing field", LAUNCH, KEY, "{}", 422, "invalid-request", "/offer_id"},
    {"no object", LAUNCH, KEY, "[]", 422, "invalid-request", ""},
    {"negative number", LAUNCH, KEY,
     "{\"offer_id\":\"local-gpu-1.local\",\"stop_after_seconds\":-1}", 422, "invalid-request",
     "/stop_after_seconds"},
    {"overflowing number", LAUNCH, KEY,
     "{\"offer_id\":\"local-gpu-1.local\",\"stop_after_seconds\":99999999999999999999}", 400,
     "bad-request", "/stop_after_seconds"},
    {"fraction for a whole number", LAUNCH, KEY,
     "{\"offer_id\":\"local-gpu-1.local\",\"stop_after_seconds\":1.5}", 422, "invalid-request",
     "/stop_after_seconds"},
    {"duplicate key", LAUNCH, KEY, "{\"offer_id\":\"a\",\"offer_id\":\"b\"}", 400, "bad-request",
     "/offer_id"},
    {"NUL in a text", LAUNCH, KEY, "{\"offer_id\":\"a\\u0000b\"}", 400, "bad-request", "/offer_id"},
    {"bad UTF-8", LAUNCH, KEY, "{\"offer_id\":\"\xff\xfe\"}", 400, "bad-request", "/offer_id"},
    {"bad UTF-8 further in", "POST", "/v1/jobs", KEY,
     "{\"command\":\"true\",\"env\":[{\"name\":\"A\"},{\"name\":\"\xff\"}]}", 400, "bad-request",
     "/env/1/name"},
    {"half a document", LAUNCH, KEY, "{\"offer_id\":", 400, "bad-request", "/offer_id"},
    {"two documents", LAUNCH, KEY, "{}{}", 400, "bad-request", ""},
    {"no body", LAUNCH, KEY, "", 422, "invalid-request", "/offer_id"},
    {"money in another currency", LAUNCH, KEY,
     "{\"offer_id\":\"local-gpu-1.local\",\"price_max\":{\"amount_micros\":1,\"currency\":\"euro\"}"
     "}",
     422, "invalid-request", "/price_max/currency"},
    {"unknown enum", "POST", "/v1/instances/ins_x/actions", "", "{\"action\":\"explode\"}", 422,
     "invalid-request", "/action"},
    {"unknown offer", LAUNCH, KEY, "{\"offer_id\":\"no-such-offer\"}", 422, "invalid-request",
     "/offer_id"},
    {"price risen", LAUNCH, KEY,
     "{\"offer_id\":\"local-gpu-1.local\",\"price_max\":{\"amount_micros\":1,\"currency\":\"EUR\"}"
     "}",
     409, "conflict", ""},
    {"deadline gone by", LAUNCH, KEY,
     "{\"offer_id\":\"local-gpu-1.local\",\"deadline_at\":\"2001-01-01T00:00:00Z\"}", 422,
     "invalid-request", "/deadline_at"},
    {"no idempotency key", LAUNCH, "", "{\"offer_id\":\"local-gpu-1.local\"}", 400, "bad-request",
     ""},
    {"job with neither instance nor offer", "POST", "/v1/jobs", KEY, "{\"command\":\"true\"}", 422,
     "invalid-request", ""},
    {"job without a command", "POST", "/v1/jobs", KEY, "{\"offer_id\":\"local-gpu-1.local\"}", 422,
     "invalid-request", "/command"},
    {"environment name", "POST", "/v1/jobs", KEY,
     "{\"offer_id\":\"local-gpu-1.local\",\"time_limit_seconds\":9,\"command\":\"true\","
     "\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"A=B\",\"value\":\"1\"}]}",
     422, "invalid-request", "/env/1/name"},
    {"unknown parameter", "GET", "/v1/instances?colour=red", "", "", 422, "invalid-request",
     "?colour"},
    {"bad limit", "GET", "/v1/instances?limit=0", "", "", 422, "invalid-request", "?limit"},
    {"bad state", "GET", "/v1/instances?state=flying", "", "", 422, "invalid-request", "?state"},
    {"bad cursor", "GET", "/v1/instances?cursor=%21%21", "", "", 422, "invalid-request", ""},
    {"no such instance", "GET", "/v1/instances/ins_01890000-0000-7000-8000-000000000000", "", "",
     404, "not-found", ""},
    {"no such path", "GET", "/v1/teapots", "", "", 404, "not-found", ""},
    {"other method", "DELETE", "/v1/offers", "", "", 405, "method-not-allowed", ""},
    {"granting to oneself", "POST", "/v1/credit/grants", KEY,
     "{\"organization_id\":\"org_x\",\"kind\":\"paid\",\"amount\":{\"amount_micros\":1,"
     "\"currency\":\"EUR\"}}",
     403, "forbidden", ""},
    {"zone without an engine", LAUNCH, KEY, "{\"offer_id\":\"h100-1-80g.fr-par-2\"}", 409,
     "out-of-stock", ""},
};

static bool names_pointer(const json_t *p, const char *pointer)
{
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(p, "errors"), i, item)
    {
        if (strcmp(fx_text(item, "pointer"), pointer) == 0)
            return true;
    }
    return false;
}

static void each_kind_of_bad_input_is_refused_and_its_place_named(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        const struct refusal *row = &refusals[i];
        int status = ask(fx, row->method, row->path, row->headers, row->body, strlen(row->body));
        json_t *p;

        if (status != row->status)
            fail_msg("%s: status %d, not %d: %s", row->what, status, row->status, fx->r.body.data);
        p = problem(fx);
        if (row->code[0] && strcmp(fx_text(p, "code"), row->code) != 0)
            fail_msg("%s: %s", row->what, fx->r.body.data);
        if (row->pointer[0] && !names_pointer(p, row->pointer))
            fail_msg("%s: %s is not named in %s", row->what, row->pointer, fx->r.body.data);
        json_decref(p);
    }
}

static void nothing_was_done_by_refused_requests(void **state)
{
    struct fixture *fx = *state;
    json_t *list = fx_must(&fx->d, "GET", "/v1/instances", NULL);
    json_t *credit = fx_must(&fx->d, "GET", "/v1/credit", NULL);

    assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
    assert_int_equal(fx_micros(credit, "available"), 8000000);
    json_decref(list);
    json_decref(credit);
}

static void a_huge_body_is_413(void **state)
{
    struct fixture *fx = *state;
    size_t len = HTTP_BODY_BYTES_MAX + 1;
    char *body = malloc(len);

    memset(body, ' ', len);
    raw_close(&fx->c);
    assert_true(raw_open_unix(&fx->c, fx->d.socket));
    raw_sendf(&fx->c,
              "POST /v1/instances HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
              fx->d.token, len);
    assert_int_equal(raw_read(&fx->c, &fx->r, false), 413);
    json_decref(problem(fx));
    free(body);
}

static void a_deep_document_is_400(void **state)
{
    struct fixture *fx = *state;
    char body[4096];

    memset(body, '[', sizeof body);
    assert_int_equal(ask(fx, "POST", "/v1/instances", KEY, body, sizeof body), 400);
    json_decref(problem(fx));
}

static void no_credit_is_402_with_what_is_there_and_what_is_needed(void **state)
{
    struct fixture *fx = *state;
    json_t *p;

    /* the hold for four GPUs fits once, not twice; stock is there for two */
    static const char body[] = "{\"offer_id\":\"local-gpu-4.local\"}";
    static const char *const keys[] = {"Idempotency-Key: a\r\n", "Idempotency-Key: b\r\n",
                                       "Idempotency-Key: c\r\n"};
    int status = 0;

    for (size_t i = 0; i < ARRAY_SIZE(keys) && status != 402; i++) {
        status = ask(fx, LAUNCH, keys[i], body, strlen(body));
        if (status == 409)
            break;
    }
    assert_int_equal(status, 402);
    p = problem(fx);
    assert_string_equal(fx_text(p, "code"), "insufficient-credit");
    assert_true(fx_micros(p, "required") > fx_micros(p, "available"));
    assert_true(fx_micros(p, "available") >= 0);
    json_decref(p);
}

/* The list of a refusal for want of stock; borrowed from *p, which the caller owns. */
static const json_t *alternatives(struct fixture *fx, json_t **p)
{
    static const char body[] = "{\"offer_id\":\"h100-1-80g.fr-par-2\"}";
    const json_t *list;

    assert_int_equal(ask(fx, LAUNCH, KEY, body, strlen(body)), 409);
    *p = problem(fx);
    assert_string_equal(fx_text(*p, "code"), "out-of-stock");
    list = json_object_get(*p, "alternatives");
    if (!json_is_array(list))
        fail_msg("alternatives is no list: %s", fx->r.body.data);
    return list;
}

static void no_stock_is_409_with_a_list_of_offers_that_have_some(void **state)
{
    struct fixture *fx = *state;
    json_t *p, *offer;
    size_t i;

    assert_true(json_array_size(alternatives(fx, &p)) > 1);
    json_array_foreach(json_object_get(p, "alternatives"), i, offer)
    {
        assert_contains(json_string_value(offer), ".local");
    }
    json_decref(p);
}

/* Without GPUs of ours only the offer without one has stock. */
static void a_single_offer_with_stock_is_a_list_too(void **state)
{
    struct fixture *fx = *state;
    const json_t *list;
    json_t *p;

    fx_daemon_stop(&fx->d);
    fx->d.extra[0] = "--virtual-gpu-slots=0";
    fx_daemon_start(&fx->d);
    list = alternatives(fx, &p);
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_array_get(list, 0)), "local-cpu-2.local");
    json_decref(p);
    fx_daemon_stop(&fx->d);
    fx->d.extra[0] = NULL;
    fx_daemon_start(&fx->d);
}

static void a_wrong_key_is_401_like_no_key(void **state)
{
    struct fixture *fx = *state;
    static const char *const keys[] = {
        "", "Authorization: Bearer hgk_0000000000000000000000000000000000000000000\r\n",
        "Authorization: Bearer x\r\n", "Authorization: Basic YTpi\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        raw_close(&fx->c);
        assert_true(raw_open_unix(&fx->c, fx->d.socket));
        assert_int_equal(
            raw_ask(&fx->c, &fx->r, "GET /v1/me HTTP/1.1\r\nHost: x\r\n%s\r\n", keys[i]), 401);
        assert_contains(raw_header(&fx->r, "WWW-Authenticate"), "Bearer");
        json_decref(problem(fx));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_bad_input_is_refused_and_its_place_named),
        cmocka_unit_test(nothing_was_done_by_refused_requests),
        cmocka_unit_test(a_huge_body_is_413),
        cmocka_unit_test(a_deep_document_is_400),
        cmocka_unit_test(a_wrong_key_is_401_like_no_key),
        cmocka_unit_test(no_stock_is_409_with_a_list_of_offers_that_have_some),
        cmocka_unit_test(a_single_offer_with_stock_is_a_list_too),
        cmocka_unit_test(no_credit_is_402_with_what_is_there_and_what_is_needed),
    };

    return t_run("api_refusals", tests, ARRAY_SIZE(tests), setup, teardown);
}
