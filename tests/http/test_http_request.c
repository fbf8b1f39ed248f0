/* What the HTTP server makes of requests: routes, limits, refusals, keep-alive. Raw bytes
 * over loopback. */
#include "tests/support/t.h"

#include <sys/socket.h>

#include "core/id.h"
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

static void a_get_is_answered_with_all_headers(void **state)
{
    struct fx_http *fx = *state;

    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/v1/things/t7")), 200);
    assert_string_equal(fx->reply.body.data, "{\"id\":\"t7\",\"name\":\"127.0.0.1\",\"size\":3}");
    assert_string_equal(raw_header(&fx->reply, "Content-Type"), "application/json");
    assert_string_equal(raw_header(&fx->reply, "ETag"), "\"v3\"");
    assert_string_equal(raw_header(&fx->reply, "Cache-Control"), "private, no-cache");
    assert_true(id_is(ID_REQUEST, raw_header(&fx->reply, "X-Request-Id")));
    assert_null(raw_header(&fx->reply, "Connection"));
}

static void what_a_key_reads_is_not_stored(void **state)
{
    struct fx_http *fx = *state;

    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/v1/things?limit=5")), 200);
    assert_string_equal(raw_header(&fx->reply, "Cache-Control"), "no-store");
    assert_contains(raw_header(&fx->reply, "Link"), "rel=\"next\"");
}

static void a_good_request_id_of_the_client_is_kept(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "GET /livez HTTP/1.1\r\nHost: t\r\nX-Request-Id: my-id.1_2\r\n\r\n");
    assert_string_equal(raw_header(&fx->reply, "X-Request-Id"), "my-id.1_2");
}

static void a_bad_request_id_of_the_client_is_replaced(void **state)
{
    static const char *const bad[] = {"", "a b", "a\"b", "x\x01y",
                                      "0123456789012345678901234567890123456789012345"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(raw_ask(&fx->client, &fx->reply,
                                 "GET /livez HTTP/1.1\r\nHost: t\r\nX-Request-Id: %s\r\n\r\n",
                                 bad[i]),
                         200);
        assert_true(id_is(ID_REQUEST, raw_header(&fx->reply, "X-Request-Id")));
    }
}

static void one_connection_serves_many_requests(void **state)
{
    struct fx_http *fx = *state;
    struct http_stats st;

    for (int i = 0; i < 200; i++)
        assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/v1/things/x")), 200);
    http_stats(fx->server, &st);
    assert_int_equal(st.connections, 1);
    assert_int_equal(st.requests[2], 200);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fx_http *fx = *state;

    assert_true(raw_sendf(&fx->client, "%s%s%s", GET("/v1/things/a"), GET("/nowhere"),
                          GET("/v1/things/b")));
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 200);
    assert_contains(fx->reply.body.data, "\"id\":\"a\"");
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 404);
    assert_int_equal(raw_read(&fx->client, &fx->reply, false), 200);
    assert_contains(fx->reply.body.data, "\"id\":\"b\"");
}

static void a_refusal_keeps_the_connection(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "POST /v1/things HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
    assert_problem(fx, 401, "unauthenticated");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/livez")), 200);
}

static void connection_close_is_obeyed(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    assert_int_equal(fx->reply.status, 200);
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS));
}

static void head_is_get_without_a_body(void **state)
{
    struct fx_http *fx = *state;

    assert_int_equal(
        raw_ask(&fx->client, &fx->reply, "HEAD /v1/things/t7 HTTP/1.1\r\n" FX_AUTH "\r\n"), 200);
    assert_string_equal(raw_header(&fx->reply, "Content-Length"), "39");
    assert_int_equal(
        raw_ask(&fx->client, &fx->reply, "HEAD /v1/events HTTP/1.1\r\n" FX_AUTH "\r\n"), 200);
    assert_string_equal(raw_header(&fx->reply, "Content-Type"), "text/event-stream");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/livez")), 200);
    assert_true(fx_http_await(fx_http_streams_are, fx, 0));
}

static void options_names_the_methods(void **state)
{
    struct fx_http *fx = *state;

    assert_int_equal(
        raw_ask(&fx->client, &fx->reply, "OPTIONS /v1/things HTTP/1.1\r\nHost: t\r\n\r\n"), 204);
    assert_string_equal(raw_header(&fx->reply, "Allow"), "GET, HEAD, POST, OPTIONS");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"),
                     204);
    raw_ask(&fx->client, &fx->reply, "OPTIONS /nowhere HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_problem(fx, 404, "not-found");
}

static void an_unknown_method_is_405_with_those_allowed(void **state)
{
    static const char *const methods[] = {"PUT", "DELETE", "TRACE", "get", "BREW"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        raw_ask(&fx->client, &fx->reply, "%s /v1/things HTTP/1.1\r\n" FX_AUTH "\r\n", methods[i]);
        assert_problem(fx, 405, "method-not-allowed");
        assert_string_equal(raw_header(&fx->reply, "Allow"), "GET, HEAD, POST, OPTIONS");
    }
}

static void an_unknown_address_is_404(void **state)
{
    static const char *const paths[] = {"/",
                                        "/v1",
                                        "/v1/",
                                        "/v1/things/",
                                        "/v1//things",
                                        "/v1/things/a/b",
                                        "/V1/things",
                                        "/v1/things%2fx/y",
                                        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p",
                                        "/v1/../livez"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        raw_ask(&fx->client, &fx->reply, "GET %s HTTP/1.1\r\n" FX_AUTH "\r\n", paths[i]);
        assert_problem(fx, 404, "not-found");
    }
}

static void parameters_are_taken_from_the_path(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, GET("/v1/things/a%%20b%%2Fc/parts/.."));
    assert_int_equal(fx->reply.status, 200);
    assert_string_equal(fx->reply.body.data, "[\"a b/c\",\"..\"]");
    raw_ask(&fx->client, &fx->reply, GET("/v1/things/summary/parts/2"));
    assert_string_equal(fx->reply.body.data, "[\"summary\",\"2\"]");
    raw_ask(&fx->client, &fx->reply, GET("/v1/things/summary"));
    assert_string_equal(fx->reply.body.data, "\"summary\"");
}

static void a_parameter_longer_than_any_id_is_404(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, "GET /v1/things/%063d HTTP/1.1\r\n" FX_AUTH "\r\n", 1);
    assert_int_equal(fx->reply.status, 200);
    raw_ask(&fx->client, &fx->reply, "GET /v1/things/%064d HTTP/1.1\r\n" FX_AUTH "\r\n", 1);
    assert_problem(fx, 404, "not-found");
}

static void a_malformed_address_is_400(void **state)
{
    static const char *const uris[] = {
        "/v1/things/%00",    "/v1/things/%",     "/v1/things/%4",       "/v1/things/%zz",
        "/v1/things/%ff",    "/v1/things/a%0ab", "/v1/things/\xc3\xa9", "/v1/echo?text=%00",
        "/v1/echo?text=%c3", "/v1/echo?%zz=1",   "http://t/livez",      "livez"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
        raw_sendf(&fx->client, "GET %s HTTP/1.1\r\n" FX_AUTH "\r\n", uris[i]);
        raw_read(&fx->client, &fx->reply, false);
        assert_problem(fx, 400, "bad-request");
    }
}

/* libmicrohttpd refuses some of these itself, closes, or (1.0, a space) sends elsewhere. */
static void garbage_is_refused_and_the_server_lives(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
#define ROW(text) {text, sizeof text - 1}
        ROW("GET /a b HTTP/1.1\r\nHost: t\r\n\r\n"),
        ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ROW("GET\r\n\r\n"),
        ROW("GET /livez HTTP/9.9\r\nHost: t\r\n\r\n"),
        ROW("GET /livez HTTP/1.1\r\nHost: t\r\nno colon\r\n\r\n"),
        ROW("\r\n\r\n\r\nFOO\r\n\r\n"),
#undef ROW
    };
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        raw_close(&fx->client);
        assert_true(raw_open(&fx->client, http_port(fx->server)));
        raw_send(&fx->client, rows[i].bytes, rows[i].len);
        raw_read(&fx->client, &fx->reply, false);
        if (fx->reply.status != 0 && fx->reply.status < 300)
            fail_msg("row %zu is answered %d", i, fx->reply.status);
    }
    raw_close(&fx->client);
    assert_true(raw_open(&fx->client, http_port(fx->server)));
    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/livez")), 200);
}

static void query_arguments_are_decoded(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, GET("/v1/echo?x=1&text=a+b%%26c%%C3%%A9=d&y"));
    assert_string_equal(fx->reply.body.data, "\"a b&c\xc3\xa9=d\"");
    raw_ask(&fx->client, &fx->reply, GET("/v1/echo?text"));
    assert_string_equal(fx->reply.body.data, "\"\"");
    raw_ask(&fx->client, &fx->reply, GET("/v1/echo"));
    assert_string_equal(fx->reply.body.data, "\"(absent)\"");
}

static void an_unknown_query_argument_is_named(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, GET("/v1/things?limit=1&colour=red&limit=2"));
    assert_problem(fx, 422, "invalid-request");
    assert_contains(fx->reply.body.data, "\"pointer\":\"?colour\",\"code\":\"unknown_parameter\"");
    assert_contains(fx->reply.body.data, "\"pointer\":\"?limit\",\"code\":\"duplicate_parameter\"");
}

static void too_many_query_arguments_are_400(void **state)
{
    struct fx_http *fx = *state;
    STRBUF uri = {0};

    strbuf_init(&uri, 4096);
    for (int i = 0; i < 40; i++)
        strbuf_addf(&uri, "&a%d=1", i);
    raw_ask(&fx->client, &fx->reply, "GET /v1/echo?%s HTTP/1.1\r\n" FX_AUTH "\r\n", uri.data);
    assert_problem(fx, 400, "bad-request");
}

static void no_key_is_401_and_says_how(void **state)
{
    static const char *const headers[] = {"",
                                          "Authorization: Basic dTpw\r\n",
                                          "Authorization: Bearer\r\n",
                                          "Authorization: Bearer  \r\n",
                                          "Authorization: Bearer wrong\r\n",
                                          "Authorization: Bearer a b\r\n",
                                          "Authorization: " FX_TOKEN "\r\n"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        raw_ask(&fx->client, &fx->reply, "GET /v1/things HTTP/1.1\r\nHost: t\r\n%s\r\n",
                headers[i]);
        assert_problem(fx, 401, "unauthenticated");
        assert_string_equal(raw_header(&fx->reply, "WWW-Authenticate"), "Bearer");
    }
    raw_ask(&fx->client, &fx->reply,
            "GET /v1/things HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %0200d\r\n\r\n", 1);
    assert_problem(fx, 401, "unauthenticated");
}

static void the_scheme_is_read_in_any_case(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "GET /v1/things HTTP/1.1\r\nHost: t\r\nauthorization: bEARER " FX_TOKEN "\r\n\r\n");
    assert_int_equal(fx->reply.status, 200);
}

static void a_key_without_the_right_is_403(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply,
            "DELETE /v1/things/1 HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer " FX_READER
            "\r\n\r\n");
    assert_problem(fx, 403, "forbidden");
}

static void an_address_too_long_is_414(void **state)
{
    struct fx_http *fx = *state;
    struct http_stats st;

    raw_ask(&fx->client, &fx->reply, "GET /v1/echo?text=%05000d HTTP/1.1\r\n" FX_AUTH "\r\n", 1);
    assert_problem(fx, 414, "uri-too-long");
    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/livez")), 200);
    http_stats(fx->server, &st);
    assert_int_equal(st.refused_limits, 1);
}

static void headers_too_large_are_431(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\nHost: t\r\nX-Pad: %016000d\r\n\r\n",
            1);
    assert_int_equal(fx->reply.status, 200);
    raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\nHost: t\r\nX-Pad: %016400d\r\n\r\n",
            1);
    assert_problem(fx, 431, "headers-too-large");
}

/* Beyond its memory libmicrohttpd answers by itself, without a problem, and closes. */
static void headers_without_end_are_431_and_the_connection_is_closed(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\nHost: t\r\nX-Pad: %0100000d\r\n\r\n",
            1);
    assert_int_equal(fx->reply.status, 431);
    assert_true(raw_closes(&fx->client, RAW_WAIT_MS));
    assert_true(raw_open(&fx->client, http_port(fx->server)));
    raw_ask(&fx->client, &fx->reply, "GET /%0100000d HTTP/1.1\r\nHost: t\r\n\r\n", 1);
    assert_int_equal(fx->reply.status, 414);
}

static void a_header_sent_twice_is_400(void **state)
{
    static const char *const pairs[] = {
        "Authorization: Bearer " FX_TOKEN "\r\nAuthorization: Bearer x\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Host: b\r\n",
        "Idempotency-Key: a\r\nIdempotency-Key: b\r\n",
    };
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        raw_close(&fx->client);
        assert_true(raw_open(&fx->client, http_port(fx->server)));
        raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\nHost: t\r\n%s\r\n", pairs[i]);
        assert_int_equal(fx->reply.status, 400);
    }
}

static void host_is_required(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.1\r\n\r\n");
    assert_int_equal(fx->reply.status, 400);
    raw_close(&fx->client);
    assert_true(raw_open(&fx->client, http_port(fx->server)));
    assert_int_equal(raw_ask(&fx->client, &fx->reply, "GET /livez HTTP/1.0\r\n\r\n"), 200);
}

static void an_etag_that_matches_is_304(void **state)
{
    static const char *const tags[] = {"\"v3\"", "W/\"v3\"", "\"a\", \"v3\"", "*"};
    struct fx_http *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
        raw_ask(&fx->client, &fx->reply,
                "GET /v1/things/1 HTTP/1.1\r\n" FX_AUTH "If-None-Match: %s\r\n\r\n", tags[i]);
        assert_int_equal(fx->reply.status, 304);
        assert_string_equal(raw_header(&fx->reply, "ETag"), "\"v3\"");
    }
    raw_ask(&fx->client, &fx->reply,
            "GET /v1/things/1 HTTP/1.1\r\n" FX_AUTH "If-None-Match: \"v2\", \"v33\", \"\r\n\r\n");
    assert_int_equal(fx->reply.status, 200);
}

static void a_shared_body_is_answered_many_times(void **state)
{
    struct fx_http *fx = *state;

    for (int i = 0; i < 10; i++) {
        assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/v1/shared")), 200);
        assert_string_equal(fx->reply.body.data, "{\"shared\":true}");
        assert_string_equal(raw_header(&fx->reply, "ETag"), "\"s1\"");
        assert_string_equal(raw_header(&fx->reply, "Cache-Control"), "no-cache");
    }
    raw_ask(&fx->client, &fx->reply,
            "GET /v1/shared HTTP/1.1\r\nHost: t\r\nIf-None-Match: \"s1\"\r\n\r\n");
    assert_int_equal(fx->reply.status, 304);
}

static void a_large_answer_arrives_whole(void **state)
{
    struct fx_http *fx = *state;

    assert_int_equal(raw_ask(&fx->client, &fx->reply, GET("/v1/big")), 200);
    assert_int_equal(fx->reply.body.len, FX_BIG_LEN);
    assert_string_equal(raw_header(&fx->reply, "X-Content-Type-Options"), "nosniff");
}

static void an_answer_too_large_is_500_without_details(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, GET("/v1/too-big"));
    assert_problem(fx, 500, "internal");
    assert_null(strstr(fx->reply.body.data, "larger"));
}

static void a_failure_drops_what_the_handler_had_written(void **state)
{
    struct fx_http *fx = *state;

    raw_ask(&fx->client, &fx->reply, GET("/v1/fail?code=busy"));
    assert_problem(fx, 503, "busy");
    assert_string_equal(raw_header(&fx->reply, "Retry-After"), "7");
    assert_null(raw_header(&fx->reply, "ETag"));
    assert_null(strstr(fx->reply.body.data, "half"));
    assert_contains(fx->reply.body.data, "\"offers\":[\"one\",\"two\"]");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_get_is_answered_with_all_headers),
        T(what_a_key_reads_is_not_stored),
        T(a_good_request_id_of_the_client_is_kept),
        T(a_bad_request_id_of_the_client_is_replaced),
        T(one_connection_serves_many_requests),
        T(pipelined_requests_are_answered_in_order),
        T(a_refusal_keeps_the_connection),
        T(connection_close_is_obeyed),
        T(head_is_get_without_a_body),
        T(options_names_the_methods),
        T(an_unknown_method_is_405_with_those_allowed),
        T(an_unknown_address_is_404),
        T(parameters_are_taken_from_the_path),
        T(a_parameter_longer_than_any_id_is_404),
        T(a_malformed_address_is_400),
        T(garbage_is_refused_and_the_server_lives),
        T(query_arguments_are_decoded),
        T(an_unknown_query_argument_is_named),
        T(too_many_query_arguments_are_400),
        T(no_key_is_401_and_says_how),
        T(the_scheme_is_read_in_any_case),
        T(a_key_without_the_right_is_403),
        T(an_address_too_long_is_414),
        T(headers_too_large_are_431),
        T(headers_without_end_are_431_and_the_connection_is_closed),
        T(a_header_sent_twice_is_400),
        T(host_is_required),
        T(an_etag_that_matches_is_304),
        T(a_shared_body_is_answered_many_times),
        T(a_large_answer_arrives_whole),
        T(an_answer_too_large_is_500_without_details),
        T(a_failure_drops_what_the_handler_had_written),
    };

    return T_RUN("http_request", tests);
}
