/* Answers of a server that may be newer, older, broken or hostile. */
#include "tests/support/t.h"

#include "common/client/client_internal.h"
#include "model/instance.h"
#include "model/report.h"

static void a_newer_server_is_understood(void **state)
{
    static const char body[] =
        "{\"id\":\"ins_1\",\"name\":\"blue\",\"state\":\"hibernating\",\"flavour\":{\"deep\":[1]},"
        "\"billing\":\"on\",\"vcpu_count\":8,\"created_at\":\"2026-11-20T10:00:00Z\","
        "\"actions\":[{\"name\":\"stop\",\"available\":true,\"cost\":1}]}";
    struct instance in = {0};
    struct err e;

    (void)state;
    assert_ok(answer_decode(body, sizeof body - 1, &instance_shape, &in, &e), &e);
    assert_string_equal(in.name, "blue");
    assert_int_equal(in.vcpu_count, 8);
    assert_int_equal(in.billing, BILLING_ON);
    assert_int_equal(in.action_count, 1);
    assert_true(in.actions[0].available);
    shape_release(&instance_shape, &in);
}

static void a_wrong_type_is_told_with_its_place(void **state)
{
    static const char body[] = "{\"id\":\"ins_1\",\"vcpu_count\":\"many\"}";
    struct instance in = {0};
    struct err e;

    (void)state;
    assert_err(ERR_INVALID, answer_decode(body, sizeof body - 1, &instance_shape, &in, &e), &e);
    assert_contains(e.msg, "the server's answer: ");
    assert_string_equal(e.details[0].pointer, "/vcpu_count");
}

static void what_is_no_json_is_an_error(void **state)
{
    static const char *const bodies[] = {"", "<html>", "{", "[1,2", "{\"a\":1}{", "\xFF", "42"};
    struct instance in = {0};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        err_clear(&e);
        assert_err(ERR_INVALID,
                   answer_decode(bodies[i], strlen(bodies[i]), &instance_shape, &in, &e), &e);
        assert_contains(e.msg, "the server's answer: ");
    }
}

static void a_page_is_its_items_and_its_cursor(void **state)
{
    static const char body[] = "{\"items\":[{\"id\":\"ins_1\"},{\"id\":\"ins_2\",\"new\":true}],"
                               "\"next_cursor\":\"abc\",\"total\":9}";
    static const char last[] = "{\"items\":[]}";
    char next[CURSOR_BYTES_MAX];
    void *items;
    size_t count;
    struct err e;

    (void)state;
    assert_ok(answer_decode_list(body, sizeof body - 1, &instance_shape, &items, &count, next, &e),
              &e);
    assert_int_equal(count, 2);
    assert_string_equal(((struct instance *)items)[1].id, "ins_2");
    assert_string_equal(next, "abc");
    free(items);
    assert_ok(answer_decode_list(last, sizeof last - 1, &instance_shape, &items, &count, next, &e),
              &e);
    assert_int_equal(count, 0);
    assert_string_equal(next, "");
    free(items);
}

static void a_page_with_a_mistake_leaves_nothing_behind(void **state)
{
    static const char *const bodies[] = {
        "{\"items\":{}}",
        "{}",
        "[]",
        "{\"items\":[{\"id\":\"ins_1\",\"slots\":[{\"index\":0}]},{\"id\":7}]}",
        "{\"items\":[null]}",
    };
    char next[CURSOR_BYTES_MAX];
    void *items = NULL;
    size_t count = 77;
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        err_clear(&e);
        assert_err(ERR_INVALID,
                   answer_decode_list(bodies[i], strlen(bodies[i]), &instance_shape, &items, &count,
                                      next, &e),
                   &e);
    }
    assert_null(items);
    assert_int_equal(count, 77);
}

static void a_cursor_that_would_be_cut_is_refused(void **state)
{
    char body[400], next[CURSOR_BYTES_MAX];
    int n = snprintf(body, sizeof body, "{\"items\":[],\"next_cursor\":\"%0200d\"}", 1);
    void *items = NULL;
    size_t count;
    struct err e;

    (void)state;
    assert_err(ERR_INVALID,
               answer_decode_list(body, (size_t)n, &instance_shape, &items, &count, next, &e), &e);
}

static void a_problem_becomes_an_error_with_details_and_facts(void **state)
{
    static const char body[] =
        "{\"type\":\"urn:hourglass:problem:insufficient-credit\",\"title\":\"not enough credit\","
        "\"status\":402,\"detail\":\"2.73 EUR are needed\",\"code\":\"insufficient-credit\","
        "\"request_id\":\"req_1\",\"errors\":[{\"pointer\":\"/name\",\"code\":\"too_long\","
        "\"detail\":\"at most 63\"}],\"required\":{\"amount_micros\":2730000,\"currency\":\"EUR\"},"
        "\"available\":{\"amount_micros\":5,\"currency\":\"EUR\"},"
        "\"alternatives\":[\"l4.fr-par-1\",\"l4.nl-ams-1\",7]}";
    struct err e;

    (void)state;
    assert_true(problem_read(body, sizeof body - 1, 402, &e));
    assert_int_equal(e.code, ERR_NO_CREDIT);
    assert_string_equal(e.msg, "2.73 EUR are needed");
    assert_int_equal(e.detail_count, 1);
    assert_string_equal(e.details[0].pointer, "/name");
    assert_string_equal(e.details[0].code, "too_long");
    assert_int_equal(e.fact_count, 4);
    assert_string_equal(e.facts[0].key, "available");
    assert_int_equal(e.facts[1].value, 2730000);
    assert_string_equal(e.facts[3].text, "l4.nl-ams-1");
}

static void an_error_unknown_here_keeps_the_meaning_of_its_status(void **state)
{
    static const struct {
        int status;
        enum err_code want;
    } rows[] = {{404, ERR_NOT_FOUND}, {409, ERR_CONFLICT},       {422, ERR_INVALID},
                {402, ERR_NO_CREDIT}, {418, ERR_BAD_REQUEST},    {429, ERR_RATE},
                {503, ERR_BUSY},      {502, ERR_UNREACHABLE},    {500, ERR_INTERNAL},
                {403, ERR_FORBIDDEN}, {401, ERR_UNAUTHENTICATED}};
    static const char body[] = "{\"code\":\"quantum-flux\",\"detail\":\"too much\"}";
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_true(problem_read(body, sizeof body - 1, rows[i].status, &e));
        assert_int_equal(e.code, rows[i].want);
        assert_string_equal(e.msg, "too much");
    }
}

static void a_hostile_problem_does_no_harm(void **state)
{
    static const char *const bodies[] = {
        "{\"code\":\"conflict\",\"errors\":7,\"available\":\"much\",\"alternatives\":{\"a\":1}}",
        "{\"code\":\"conflict\",\"errors\":[7,null,{\"pointer\":1}]}",
        "{\"code\":\"conflict\",\"available\":{\"amount_micros\":\"1\",\"currency\":\"EUR\"}}",
        "{\"code\":\"conflict\",\"available\":{\"amount_micros\":1,\"currency\":\"\\u001b[A\"}}",
        "{\"code\":\"conflict\",\"required\":{\"amount_micros\":1,\"currency\":\"eur\"}}",
    };
    static const char *const not_problems[] = {"", "[]", "7", "{}", "{\"code\":7}", "oops"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        assert_true(problem_read(bodies[i], strlen(bodies[i]), 409, &e));
        assert_int_equal(e.code, ERR_CONFLICT);
        assert_int_equal(e.fact_count, 0);
        assert_true(e.msg[0]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(not_problems); i++)
        assert_false(problem_read(not_problems[i], strlen(not_problems[i]), 500, &e));
}

static void many_details_are_cut_not_overrun(void **state)
{
    struct err e;
    STRBUF body = {0};

    (void)state;
    strbuf_init(&body, 100000);
    strbuf_adds(&body, "{\"code\":\"invalid-request\",\"detail\":\"bad\",\"errors\":[");
    for (int i = 0; i < 100; i++)
        strbuf_addf(&body, "%s{\"pointer\":\"/%0200d\",\"detail\":\"%0300d\"}", i ? "," : "", i, i);
    strbuf_adds(&body, "]}");
    assert_true(problem_read(body.data, body.len, 422, &e));
    assert_int_equal(e.detail_count, ERR_DETAILS_MAX);
}

static void every_byte_of_a_value_is_safe_in_a_url(void **state)
{
    STRBUF out = {0};

    (void)state;
    strbuf_init(&out, 1000);
    url_encode(&out, "a-Z_0.9~/?#&=+ %\n\xC3\xA9");
    assert_string_equal(out.data, "a-Z_0.9~%2F%3F%23%26%3D%2B%20%25%0A%C3%A9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_server_is_understood),
        cmocka_unit_test(a_wrong_type_is_told_with_its_place),
        cmocka_unit_test(what_is_no_json_is_an_error),
        cmocka_unit_test(a_page_is_its_items_and_its_cursor),
        cmocka_unit_test(a_page_with_a_mistake_leaves_nothing_behind),
        cmocka_unit_test(a_cursor_that_would_be_cut_is_refused),
        cmocka_unit_test(a_problem_becomes_an_error_with_details_and_facts),
        cmocka_unit_test(an_error_unknown_here_keeps_the_meaning_of_its_status),
        cmocka_unit_test(a_hostile_problem_does_no_harm),
        cmocka_unit_test(many_details_are_cut_not_overrun),
        cmocka_unit_test(every_byte_of_a_value_is_safe_in_a_url),
    };

    return T_RUN("client answer", tests);
}
