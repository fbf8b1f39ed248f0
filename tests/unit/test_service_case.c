/* Cases: what a renter's own report opens, who sees and closes it, and that it does no more. */
#include "tests/support/fx_service.h"

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

static void post(struct fx_service *fx, const struct instance *i, enum verdict verdict,
                 const char *summary)
{
    struct report in = {.verdict = verdict}, out = {0};

    text_copy(in.summary, sizeof in.summary, summary);
    text_copy(in.instance_id, sizeof in.instance_id, i ? i->id : "");
    OK(report_post(AS(member), &in, &out, E));
    shape_release(&report_shape, &out);
}

/* All cases that `by` sees; *out is the newest. */
static size_t cases(struct fx_service *fx, const struct actor *by, struct support_case *out)
{
    struct page_query q = {.limit = 10};
    struct support_case *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(case_list(&fx->sv, TX, by, &q, &items, &count, next, E));
    if (count)
        *out = items[0];
    free(items);
    return count;
}

static void a_bad_report_about_an_instance_opens_one_case(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct support_case c = {0};

    fx_running(fx, &i);
    post(fx, &i, VERDICT_DEGRADED, "copy is slow");
    assert_int_equal(cases(fx, &fx->viewer, &c), 1);
    assert_true(id_is(ID_CASE, c.id));
    assert_int_equal(c.state, CASE_OPEN);
    assert_int_equal(c.opened_at_ms, FX_AT_MS);
    assert_string_equal(c.instance_id, i.id);
    assert_string_equal(c.summary, "copy is slow");
    assert_int_equal(c.report_count, 1);
    assert_int_equal(fx_events(fx, "case.state", c.id), 1);
    post(fx, &i, VERDICT_UNHEALTHY, "GPU 0 is gone");
    assert_int_equal(cases(fx, &fx->support, &c), 1); /* it joined */
    assert_int_equal(c.report_count, 2);
    assert_int_equal(c.verdict, VERDICT_UNHEALTHY);
    assert_string_equal(c.summary, "GPU 0 is gone");
    assert_int_equal(fx_events(fx, "case.report", c.id), 1);
    drop(&i);
}

static void a_good_report_and_one_of_another_machine_open_none(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct support_case c;

    fx_running(fx, &i);
    post(fx, &i, VERDICT_HEALTHY, "fine");
    post(fx, &i, VERDICT_INCONCLUSIVE, "no driver");
    post(fx, NULL, VERDICT_UNHEALTHY, "my own machine");
    assert_int_equal(cases(fx, &fx->support, &c), 0);
    drop(&i);
}

/* Why: whoever rents a machine can post what they like about it. */
static void a_case_moves_no_money_and_drains_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct node *nodes = NULL;
    char next[CURSOR_BYTES_MAX];
    struct instance i = {0};
    size_t count = 0;
    struct credit c;

    sim_slots(fx->engine, FX_SLOTS, false);
    fx_running(fx, &i);
    fx_advance(fx, 100);
    post(fx, &i, VERDICT_UNHEALTHY, "all broken");
    fx_step(fx);
    fx_credit(fx, &c);
    assert_int_equal(c.granted.micros, FX_GRANT);
    OK(node_list(AS(operator_), &q, &nodes, &count, next, E));
    assert_int_equal(nodes[0].state, NODE_READY);
    fx_check(fx);
    free(nodes);
    drop(&i);
}

static void only_support_and_operators_close_a_case_and_say_what_they_found(void **state)
{
    static const struct case_act close = {.note = "the cable was loose"}, silent = {.note = " "};
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct support_case c = {0};

    fx_running(fx, &i);
    post(fx, &i, VERDICT_UNHEALTHY, "GPU 0 is gone");
    assert_int_equal(cases(fx, &fx->owner, &c), 1);
    assert_false(c.actions[CASE_CLOSE].available);
    REFUSED(ERR_FORBIDDEN, case_act(AS(owner), c.id, 0, &close, &c, E));
    REFUSED(ERR_NOT_FOUND, case_act(AS(other), c.id, 0, &close, &c, E));
    REFUSED(ERR_NOT_FOUND, case_get(AS(other), c.id, &c, E));
    REFUSED(ERR_NOT_FOUND, case_get(AS(support), "cas_none", &c, E));
    REFUSED(ERR_INVALID, case_act(AS(support), c.id, 0, &silent, &c, E));
    assert_pointer("/note");
    REFUSED(ERR_PRECONDITION, case_act(AS(support), c.id, 9, &close, &c, E));
    OK(case_act(AS(support), c.id, c.version, &close, &c, E));
    assert_int_equal(c.state, CASE_CLOSED);
    assert_string_equal(c.closed_by, fx->support.member_id);
    assert_string_equal(c.note, close.note);
    assert_int_equal(fx_audits(fx, "case.close", c.id), 1);
    REFUSED(ERR_CONFLICT, case_act(AS(operator_), c.id, 0, &close, &c, E));
    assert_contains(fx->e.msg, "closed already");
    OK(case_get(AS(viewer), c.id, &c, E)); /* the customer reads the note */
    assert_string_equal(c.note, close.note);
    drop(&i);
}

static void a_report_after_the_close_opens_another(void **state)
{
    static const struct case_act close = {.note = "nothing found"};
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct support_case c = {0};

    fx_running(fx, &i);
    post(fx, &i, VERDICT_UNHEALTHY, "GPU 0 is gone");
    assert_int_equal(cases(fx, &fx->support, &c), 1);
    OK(case_act(AS(operator_), c.id, 0, &close, &c, E));
    post(fx, &i, VERDICT_UNHEALTHY, "again");
    assert_int_equal(cases(fx, &fx->support, &c), 2);
    assert_int_equal(c.state, CASE_OPEN);
    assert_int_equal(c.report_count, 1);
    drop(&i);
}

static void cases_of_others_are_not_seen(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10, .state = "ajar"};
    struct support_case *items = NULL, c;
    char next[CURSOR_BYTES_MAX];
    struct instance i = {0};
    size_t count = 0;

    fx_running(fx, &i);
    post(fx, &i, VERDICT_UNHEALTHY, "GPU 0 is gone");
    assert_int_equal(cases(fx, &fx->other, &c), 0);
    REFUSED(ERR_INVALID, case_list(AS(owner), &q, &items, &count, next, E));
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_bad_report_about_an_instance_opens_one_case),
        FX_TEST(a_good_report_and_one_of_another_machine_open_none),
        FX_TEST(a_case_moves_no_money_and_drains_nothing),
        FX_TEST(only_support_and_operators_close_a_case_and_say_what_they_found),
        FX_TEST(a_report_after_the_close_opens_another),
        FX_TEST(cases_of_others_are_not_seen),
    };

    return T_RUN("service_case", tests);
}
