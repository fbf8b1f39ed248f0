/* What may be asked: each refusal with the place of its mistake. */
#include "tests/support/t.h"

#include "model/credit.h"
#include "model/identity.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/report.h"

/* What a request may not say: the shape, the body, where the mistake is, and which. */
static const struct {
    const struct shape *shape;
    const char *body, *pointer, *code;
} refused[] = {
    {&instance_create_shape, "{}", "/offer_id", "required"},
    {&instance_create_shape, "{\"offer_id\":\"\"}", "/offer_id", "too_short"},
    {&instance_create_shape, "{\"offer_id\":\"a\",\"name\":\"\"}", "/name", "too_short"},
    {&instance_create_shape, "{\"offer_id\":\"a\",\"stop_after_seconds\":0}", "/stop_after_seconds",
     "out_of_range"},
    {&instance_create_shape, "{\"offer_id\":\"a\",\"stop_after_seconds\":31536001}",
     "/stop_after_seconds", "out_of_range"},
    {&instance_create_shape,
     "{\"offer_id\":\"a\",\"price_max\":{\"amount_micros\":-1,\"currency\":\"EUR\"}}",
     "/price_max/amount_micros", "out_of_range"},
    {&instance_create_shape, "{\"offer_id\":\"a\",\"gpus\":8}", "/gpus", "unknown_field"},
    {&instance_act_shape, "{\"action\":\"explode\"}", "/action", "unknown_value"},
    {&instance_act_shape, "{}", "/action", "required"},
    {&job_create_shape, "{}", "/command", "required"},
    {&job_create_shape, "{\"command\":\"\"}", "/command", "too_short"},
    {&job_create_shape, "{\"command\":\"true\",\"time_limit_seconds\":0}", "/time_limit_seconds",
     "out_of_range"},
    {&job_create_shape, "{\"command\":\"true\",\"time_limit_seconds\":31536001}",
     "/time_limit_seconds", "out_of_range"},
    {&job_create_shape, "{\"command\":\"true\",\"env\":[{\"name\":\"A\"}]}", "/env/0/value",
     "required"},
    {&job_create_shape, "{\"command\":\"true\",\"env\":[{\"value\":\"\"}]}", "/env/0/name",
     "required"},
    {&job_create_shape, "{\"command\":\"true\",\"env\":[{\"name\":\"\",\"value\":\"\"}]}",
     "/env/0/name", "too_short"},
    {&job_create_shape,
     "{\"command\":\"true\",\"env\":[{\"name\":\"a23456789012345678901234567890123456789012345"
     "6789012345678901234\",\"value\":\"\"}]}",
     "/env/0/name", "too_long"},
    {&grant_create_shape,
     "{\"organization_id\":\"o\",\"kind\":\"paid\",\"amount\":{\"amount_micros\":0,"
     "\"currency\":\"EUR\"}}",
     "/amount/amount_micros", "out_of_range"},
    {&grant_create_shape,
     "{\"organization_id\":\"o\",\"kind\":\"gift\",\"amount\":{\"amount_micros\":1,"
     "\"currency\":\"EUR\"}}",
     "/kind", "unknown_value"},
    {&organization_create_shape, "{\"name\":\"a\",\"country\":\"FRA\"}", "/country", "too_long"},
    {&organization_create_shape, "{\"country\":\"FR\"}", "/name", "required"},
    {&project_create_shape, "{}", "/name", "required"},
    {&member_create_shape, "{\"name\":\"a\",\"email\":\"a@b\",\"role\":\"king\"}", "/role",
     "unknown_value"},
    {&member_create_shape,
     "{\"name\":\"a\",\"email\":\"a@b\",\"role\":\"owner\",\"staff_role\":\"operator\"}",
     "/staff_role", "unknown_field"},
    {&api_key_create_shape, "{\"name\":\"a\",\"expires_at\":\"soon\"}", "/expires_at", "bad_time"},
    {&report_create_shape,
     "{\"tier\":\"state\",\"verdict\":\"healthy\",\"started_at\":\"2026-01-01T00:00:00Z\","
     "\"ended_at\":\"2026-01-01T00:00:00Z\",\"origin\":\"gate\"}",
     "/origin", "unknown_field"},
};

static void requests_are_refused_with_the_place_of_the_mistake(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        void *out = calloc(1, refused[i].shape->size);
        json_t *tree = NULL;
        struct err e;

        err_clear(&e);
        assert_ok(json_parse(refused[i].body, strlen(refused[i].body), &tree, &e), &e);
        assert_err(ERR_INVALID, shape_decode(refused[i].shape, tree, out, &e), &e);
        assert_int_equal(e.detail_count, 1);
        assert_string_equal(e.details[0].pointer, refused[i].pointer);
        assert_string_equal(e.details[0].code, refused[i].code);
        json_decref(tree);
        free(out);
    }
}

/* The actions of a job lie inside its struct: one more than fits must not be written. */
static void more_actions_than_fit_are_refused(void **state)
{
    static const char body[] = "{\"id\":\"job_1\",\"state\":\"queued\",\"actions\":["
                               "{\"name\":\"cancel\",\"available\":true},"
                               "{\"name\":\"cancel\",\"available\":true}]}";
    struct job job = {0};
    json_t *tree = NULL;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    assert_ok(json_parse(body, sizeof body - 1, &tree, &e), &e);
    assert_err(ERR_INVALID, shape_read(&job_shape, tree, &job, &e), &e);
    assert_string_equal(e.details[0].pointer, "/actions");
    assert_string_equal(e.details[0].code, "too_long");
    json_decref(tree);
}

static void the_longest_name_of_a_variable_is_accepted(void **state)
{
    static const char body[] =
        "{\"command\":\"true\",\"env\":[{\"name\":\"a23456789012345678901234567890123456789012345"
        "678901234567890123\",\"value\":\"\"}]}";
    struct job_create job = {0};
    json_t *tree = NULL;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    assert_ok(json_parse(body, sizeof body - 1, &tree, &e), &e);
    assert_ok(shape_decode(&job_create_shape, tree, &job, &e), &e);
    assert_int_equal(strlen(job.env[0].name), NAME_BYTES_MAX - 1);
    json_decref(tree);
    shape_release(&job_create_shape, &job);
}

/* One mistake of a job each. */
static void a_job_that_cannot_run_is_refused_with_its_place(void **state)
{
    char empty[] = "", *value = empty;
    struct env_entry digit = {.name = "1A", .value = value};
    struct env_entry dash = {.name = "A-B", .value = value};
    struct env_entry twice[] = {{.name = "A", .value = value}, {.name = "A", .value = value}};
    const struct {
        struct job_create job;
        const char *pointer, *text;
    } row[] = {
        {{.time_limit_seconds = 1}, "", "expected instance_id or offer_id: where it is to run"},
        {{.instance_id = "ins_1", .offer_id = "a", .time_limit_seconds = 1},
         "/instance_id",
         "both instance_id and offer_id are given; expected one of them"},
        {{.offer_id = "a"},
         "/time_limit_seconds",
         "expected time_limit_seconds with offer_id: it bounds the cost"},
        {{.instance_id = "ins_1", .network = true},
         "/network",
         "network belongs to the instance; expected it with offer_id only"},
        {{.instance_id = "ins_1", .env = &digit, .env_count = 1},
         "/env/0/name",
         "'1A' is not a variable; expected letters, digits, '_', no digit first"},
        {{.instance_id = "ins_1", .env = &dash, .env_count = 1},
         "/env/0/name",
         "'A-B' is not a variable; expected letters, digits, '_', no digit first"},
        {{.instance_id = "ins_1", .env = twice, .env_count = 2},
         "/env/1/name",
         "variable 'A' occurs twice; expected it once"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct err e;

        err_clear(&e);
        assert_err(ERR_INVALID, job_create_check(&row[i].job, &e), &e);
        assert_int_equal(e.detail_count, 1);
        assert_string_equal(e.details[0].pointer, row[i].pointer);
        assert_string_equal(e.details[0].text, row[i].text);
        assert_string_equal(e.msg, row[i].text);
        assert_int_equal(job_create_check(&row[i].job, NULL), ERR_INVALID);
    }
}

static void a_job_with_one_place_and_good_names_is_accepted(void **state)
{
    char empty[] = "";
    struct env_entry env[] = {{.name = "_A1", .value = empty}, {.name = "b", .value = empty}};
    struct job_create job = {.instance_id = "ins_1", .env = env, .env_count = 2};
    struct err e;

    UNUSED(state);
    err_clear(&e);
    assert_ok(job_create_check(&job, &e), &e);
    job = (struct job_create){.offer_id = "a", .time_limit_seconds = 1, .network = true};
    assert_ok(job_create_check(&job, &e), &e);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(requests_are_refused_with_the_place_of_the_mistake),
    cmocka_unit_test(more_actions_than_fit_are_refused),
    cmocka_unit_test(the_longest_name_of_a_variable_is_accepted),
    cmocka_unit_test(a_job_that_cannot_run_is_refused_with_its_place),
    cmocka_unit_test(a_job_with_one_place_and_good_names_is_accepted),
};

int main(void)
{
    return T_RUN("model_requests", tests);
}
