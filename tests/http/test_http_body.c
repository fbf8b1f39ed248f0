/* What the HTTP server makes of bodies: framing, size, type, JSON, shape. Raw bytes over
 * loopback. */
#include "tests/support/t.h"

#include "tests/support/fx_http.h"

static int setup(void **state)
{
    struct fx_http *fx = malloc(sizeof *fx);

    fx_http_open(fx, (struct http_config){.threads = 2});
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    fx_http_close(*state);
    free(*state);
    return 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\n" FX_AUTH "\r\n"
#define POST_THING(body)                                                                   \
    "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY "Content-Length: %zu\r\n\r\n%s", \
        strlen(body), (body)

static json_t *body_of(struct fx_http *fx)
{
    struct err e;
    json_t *json = NULL;

    assert_ok(json_parse(fx->reply.body.data, fx->reply.body.len, &json, &e), &e);
    return json;
}

/* The answer is a problem that is whole: status, code, request id, type. */
static void assert_problem(struct fx_http *fx, int status, const char *code)
{
    json_t *p;

    assert_int_equal(fx->reply.status, status);
    assert_string_equal(raw_header(&fx->reply, "Content-Type"), "application/problem+json");
    p = body_of(fx);
    assert_string_equal(json_string_value(json_object_get(p, "code")), code);
    assert_int_equal(json_integer_value(json_object_get(p, "status")), status);
    assert_string_equal(json_string_value(json_object_get(p, "request_id")),
                        raw_header(&fx->reply, "X-Request-Id"));
    assert_contains(json_string_value(json_object_get(p, "type")), code);
    assert_true(strlen(json_string_value(json_object_get(p, "detail"))) > 5);
    json_decref(p);
}

/* Two parsers could read these bodies differently: nothing after the headers is read. */
static void ambiguous_framing_is_400_and_closes(void **state)
{
    static const char *const framings[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x10\r\n",
    };
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(framings); i++) {
        raw_close(&fx->client);
        assert_true(raw_open(&fx->client, http_port(fx->server)));
        raw_ask(&fx->client, &fx->reply,
                "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
                "%s\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: t\r\n\r\n",
                framings[i]);
        assert_true(fx->reply.status == 400 || fx->reply.status == 0);
        assert_true(raw_closes(&fx->client, RAW_WAIT_MS));
    }
    assert_int_equal(fx->handled, 0);
}

static void a_declared_body_too_large_is_413_at_once(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
            "Content-Length: 1048577\r\n\r\n");
    assert_problem(fx, 413, "too-large");
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS));
    assert_true(raw_open(&fx->client, http_port(fx->server)));
    raw_ask(&fx->client, &fx->reply,
            "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
            "Content-Length: 99999999999999999999999999\r\n\r\n");
    assert_int_equal(fx->reply.status, 413);
}

static bool send_chunks(struct fx_http *fx, size_t count)
{
    static char block[65536];
    bool ok = raw_sendf(&fx->client, "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
                                     "Transfer-Encoding: chunked\r\n\r\n");

    memset(block, ' ', sizeof block);
    for (size_t i = 0; i < count && ok; i++)
        ok = raw_sendf(&fx->client, "10000\r\n") && raw_send(&fx->client, block, sizeof block) &&
             raw_sendf(&fx->client, "\r\n");
    return ok && raw_sendf(&fx->client, "0\r\n\r\n");
}

static void a_chunked_body_too_large_is_413_by_counting(void **state)
{
    struct fx_http *fx = *state;

    assert_true(send_chunks(fx, 17));
    raw_read(&fx->client, &fx->reply, false);
    assert_problem(fx, 413, "too-large");
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS));
}

static void a_chunked_body_without_end_is_cut(void **state)
{
    struct fx_http *fx = *state;

    assert_false(send_chunks(fx, 4096));
    raw_close(&fx->client);
    assert_true(raw_open(&fx->client, http_port(fx->server)));
    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/livez")), 200);
}

static void the_largest_body_is_taken(void **state)
{
    struct fx_http *fx = *state;
    char *body = malloc(HTTP_BODY_BYTES_MAX + 1);
    int n = snprintf(body, 64, "{\"name\":\"a\"}");

    memset(body + n, ' ', (size_t)(HTTP_BODY_BYTES_MAX - n));
    body[HTTP_BODY_BYTES_MAX] = '\0';
    raw_ask(&fx->client, &fx->reply, POST_THING(body));
    assert_int_equal(fx->reply.status, 201);
    free(body);
}

static void a_chunked_body_is_taken(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
            "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"name\"\r\n5\r\n:\"ab\"\r\n1\r\n}\r\n"
            "0\r\nX-Trailer: 1\r\n\r\n");
    assert_int_equal(fx->reply.status, 201);
    assert_contains(fx->reply.body.data, "\"name\":\"ab\"");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/livez")), 200);
}

static void a_body_that_comes_byte_by_byte_is_taken(void **state)
{
    static const char request[] = "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
                                  "Content-Length: 12\r\n\r\n{\"name\":\"z\"}";
    struct fx_http *fx = *state;

    for (size_t i = 0; i < sizeof request - 1; i++)
        assert_true(raw_send(&fx->client, request + i, 1));
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 201);
}

static void a_client_that_asks_first_is_told_to_continue(void **state)
{
    struct fx_http *fx = *state;
    char line[32] = "";

    raw_sendf(&fx->client, "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON FX_KEY
                           "Expect: 100-continue\r\nContent-Length: 12\r\n\r\n");
    assert_int_equal(raw_recv(&fx->client, line, 25, RAW_WAIT_MS), 25);
    assert_string_equal(line, "HTTP/1.1 100 Continue\r\n\r\n");
    raw_sendf(&fx->client, "{\"name\":\"z\"}");
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 201);
}

static void a_client_that_asks_first_is_refused_before_it_sends(void **state)
{
    struct fx_http *fx = *state;

    raw_sendf(&fx->client, "POST /v1/things HTTP/1.1\r\nHost: t\r\n" FX_JSON
                           "Expect: 100-continue\r\nContent-Length: 12\r\n\r\n");
    assert_int_equal(raw_head_read(&fx->client, &fx->reply), 401);
}

static void a_body_of_another_type_is_415(void **state)
{
    static const char *const types[] = {"", "Content-Type: text/plain\r\n",
                                        "Content-Type: application/jsonx\r\n",
                                        "Content-Type: application/merge-patch+json\r\n"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        raw_ask(&fx->client, &fx->reply,
                "POST /v1/things HTTP/1.1\r\n" FX_AUTH "%sContent-Length: 2\r\n\r\n{}", types[i]);
        assert_problem(fx, 415, "unsupported-media-type");
    }
    raw_ask(&fx->client, &fx->reply,
            "PATCH /v1/things/1 HTTP/1.1\r\n" FX_AUTH
            "Content-Type: text/json\r\nContent-Length: 2\r\n\r\n{}");
    assert_contains(fx->reply.body.data, "merge-patch");
}

static void a_charset_after_the_type_is_fine(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_KEY
            "Content-Type: Application/JSON; charset=utf-8\r\nContent-Length: 12\r\n\r\n"
            "{\"name\":\"a\"}");
    assert_int_equal(fx->reply.status, 201);
}

static void malformed_json_is_400(void **state)
{
    static const char *const bodies[] = {"{",
                                         "{\"name\":\"a\",}",
                                         "{\"name\":\"a\"} x",
                                         "{\"name\":\"a\",\"name\":\"b\"}",
                                         "{\"name\":\"\xff\"}",
                                         "{\"name\":\"\\u0000\"}",
                                         "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        raw_ask(&fx->client, &fx->reply, POST_THING(bodies[i]));
        assert_problem(fx, 400, "bad-request");
    }
    assert_int_equal(fx->handled, 0);
}

static void wrong_fields_are_422_with_pointers(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, POST_THING("{\"name\":7,\"size\":-1,\"colour\":\"red\"}"));
    assert_problem(fx, 422, "invalid-request");
    assert_contains(fx->reply.body.data, "\"pointer\":\"/name\"");
    assert_contains(fx->reply.body.data, "\"pointer\":\"/size\"");
    assert_contains(fx->reply.body.data, "\"pointer\":\"/colour\"");
}

static void no_body_names_what_is_missing(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, "POST /v1/things HTTP/1.1\r\n" FX_AUTH FX_KEY "\r\n");
    assert_problem(fx, 422, "invalid-request");
    assert_contains(fx->reply.body.data, "\"pointer\":\"/name\"");
}

static void a_body_where_none_is_taken_is_400(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "GET /v1/things HTTP/1.1\r\n" FX_AUTH FX_JSON "Content-Length: 2\r\n\r\n{}");
    assert_problem(fx, 400, "bad-request");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/livez")), 200);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ambiguous_framing_is_400_and_closes),
        T(a_declared_body_too_large_is_413_at_once),
        T(a_chunked_body_too_large_is_413_by_counting),
        T(a_chunked_body_without_end_is_cut),
        T(the_largest_body_is_taken),
        T(a_chunked_body_is_taken),
        T(a_body_that_comes_byte_by_byte_is_taken),
        T(a_client_that_asks_first_is_told_to_continue),
        T(a_client_that_asks_first_is_refused_before_it_sends),
        T(a_body_of_another_type_is_415),
        T(a_charset_after_the_type_is_fine),
        T(malformed_json_is_400),
        T(wrong_fields_are_422_with_pointers),
        T(no_body_names_what_is_missing),
        T(a_body_where_none_is_taken_is_400),
    };

    return T_RUN("http_body", tests);
}
