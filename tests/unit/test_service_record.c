/* Events, audit records and reports of checks. */
#include "tests/support/fx_service.h"

#include "api/service/service_internal.h"

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

static void a_change_leaves_who_what_and_from_where(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .name = "blue"};
    struct page_query q = {.limit = 10};
    char next[CURSOR_BYTES_MAX];
    struct audit_record *audits = NULL;
    struct event *events = NULL;
    struct instance i = {0};
    size_t count = 0;

    text_copy(fx->member.request_id, ID_MAX, "req_1");
    text_copy(fx->member.key_id, ID_MAX, "key_1");
    text_copy(fx->member.address, sizeof fx->member.address, "192.0.2.7");
    OK(instance_launch(AS(member), &in, &i, E));
    OK(audit_list(AS(owner), &q, &audits, &count, next, E));
    /* Newest first: the hold, and before it the launch. */
    assert_string_equal(audits[1].action, "instance.launch");
    assert_string_equal(audits[1].object_id, i.id);
    assert_string_equal(audits[1].member_id, fx->member.member_id);
    assert_string_equal(audits[1].key_id, "key_1");
    assert_string_equal(audits[1].request_id, "req_1");
    assert_string_equal(audits[1].address, "192.0.2.7");
    assert_int_equal(audits[1].at_ms, FX_AT_MS);
    free(audits);
    OK(event_list(AS(viewer), &q, &events, &count, next, E));
    assert_string_equal(events[1].kind, "instance.state");
    assert_string_equal(events[1].state, "requested");
    assert_string_equal(events[1].actor_id, fx->member.member_id);
    assert_string_equal(events[1].project_id, fx->member.project_id);
    assert_contains(events[1].summary, "instance blue launched");
    free(events);
    drop(&i);
}

static void what_a_worker_did_names_nobody(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 1};
    char next[CURSOR_BYTES_MAX];
    struct event *events = NULL;
    struct instance i = {0};
    size_t count = 0;

    fx_running(fx, &i);
    OK(event_list(AS(viewer), &q, &events, &count, next, E));
    assert_string_equal(events[0].actor_id, "");
    assert_string_equal(events[0].state, "running");
    free(events);
    drop(&i);
}

static void a_refused_change_leaves_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    REFUSED(ERR_NO_CREDIT, instance_launch(AS(other), &in, &i, E));
    assert_int_equal(fx_audits(fx, "instance.launch", ""), 0);
    assert_int_equal(fx_events(fx, "instance.state", ""), 0);
}

static void events_of_others_are_not_seen(void **state)
{
    struct fx_service *fx = *state;
    struct event *events = NULL;
    struct instance i = {0};
    size_t count = 0;

    fx_launch(fx, &i);
    OK(event_after(AS(other), 0, 200, &events, &count, E));
    for (size_t n = 0; n < count; n++)
        assert_string_equal(events[n].organization_id, fx->other_org.id);
    free(events);
    OK(event_after(AS(viewer), 0, 200, &events, &count, E));
    assert_true(count > 0);
    for (size_t n = 0; n < count; n++)
        assert_string_equal(events[n].organization_id, fx->org.id);
    free(events);
    REFUSED(ERR_INVALID, event_after(AS(viewer), 0, 0, &events, &count, E));
    REFUSED(ERR_INVALID, event_after(AS(viewer), -1, 10, &events, &count, E));
    drop(&i);
}

static void only_owners_admins_and_staff_read_the_audit(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 200};
    char next[CURSOR_BYTES_MAX];
    struct audit_record *items = NULL;
    size_t count = 0;

    REFUSED(ERR_FORBIDDEN, audit_list(AS(member), &q, &items, &count, next, E));
    OK(audit_list(AS(admin), &q, &items, &count, next, E));
    for (size_t n = 0; n < count; n++)
        assert_string_equal(items[n].organization_id, fx->org.id);
    free(items);
}

static void an_orphan_is_an_event_for_staff_only(void **state)
{
    struct fx_service *fx = *state;
    struct event *events = NULL;
    size_t count = 0;

    OK(orphan_report(AS(us), "ins_lost", false, E));
    assert_int_equal(fx_events(fx, "engine.orphan", "ins_lost"), 1);
    OK(event_after(AS(owner), 0, 200, &events, &count, E));
    for (size_t n = 0; n < count; n++)
        assert_string_not_equal(events[n].kind, "engine.orphan");
    free(events);
}

/* --- the catalogue ------------------------------------------------------------------- */

static int loads(struct fx_service *fx)
{
    return fx_audits(fx, "catalogue.load", "catalogue");
}

static void a_catalogue_that_changes_something_leaves_a_record(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 1};
    char next[CURSOR_BYTES_MAX];
    struct audit_record *audits = NULL;
    size_t count = 0;

    assert_int_equal(loads(fx), 1); /* the first one */
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    assert_int_equal(loads(fx), 1);
    fx_catalogue_write(fx, 2 * FX_GPU_RATE, FX_SLOTS, 0);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    assert_int_equal(loads(fx), 2);
    OK(audit_list(AS(support), &q, &audits, &count, next, E));
    assert_string_equal(audits[0].action, "catalogue.load");
    assert_string_equal(audits[0].member_id, "");
    assert_contains(audits[0].detail, "version 8");
    assert_contains(audits[0].detail, fx->catalogue_path);
    free(audits);
    sim_slots(fx->engine, 3, true); /* the pools have less then */
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    assert_int_equal(loads(fx), 3);
}

static void a_price_changed_under_its_version_is_refused_and_changes_nothing(void **state)
{
    struct fx_service *fx = *state;
    const struct catalogue *before, *after;

    fx_catalogue_write(fx, 2 * FX_GPU_RATE, FX_SLOTS, 0);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    before = catalogue_hold(&fx->sv);
    fx_catalogue_write(fx, 3 * FX_GPU_RATE, 1, 0); /* version 8 again */
    assert_err(ERR_INVALID, catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    assert_contains(fx->e.msg, "catalogue.yaml:");
    assert_contains(fx->e.msg, "gpu-1.sim costs 10.8000 EUR per hour here and 7.2000 EUR");
    assert_int_equal(catalogue_replace(&fx->sv, fx->catalogue_path, NULL), ERR_INVALID);
    after = catalogue_hold(&fx->sv);
    assert_ptr_equal(before, after);
    assert_int_equal(loads(fx), 2);
    catalogue_put(&fx->sv, before);
    catalogue_put(&fx->sv, after);
}

/* --- reports ------------------------------------------------------------------------- */

static void a_report_of_a_member_is_theirs_whatever_it_says(void **state)
{
    struct fx_service *fx = *state;
    struct finding findings[] = {{.check = "ecc", .gpu_index = 0, .result = CHECK_FAIL}};
    struct report_gpu gpus[] = {{.index = 0, .uuid = "GPU-1", .model = "H100"}};
    struct report in = {.origin = REPORT_GATE,
                        .verdict = VERDICT_UNHEALTHY,
                        .summary = "ECC",
                        .organization_id = "org_x",
                        .id = "rep_x",
                        .started_at_ms = FX_AT_MS,
                        .gpus = gpus,
                        .gpu_count = 1,
                        .findings = findings,
                        .finding_count = 1};
    struct page_query q = {.limit = 10};
    char next[CURSOR_BYTES_MAX];
    struct report out = {0}, *items = NULL;
    size_t count = 0;

    OK(report_post(AS(member), &in, &out, E));
    assert_int_equal(out.origin, REPORT_MEMBER);
    assert_string_equal(out.organization_id, fx->org.id);
    assert_true(id_is(ID_REPORT, out.id));
    assert_int_equal(out.received_at_ms, FX_AT_MS);
    assert_int_equal(out.finding_count, 1);
    shape_release(&report_shape, &out);
    OK(report_list(AS(other), &q, &items, &count, next, E));
    assert_int_equal(count, 0);
    free(items);
    OK(report_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    LIST_FREE(&report_shape, items, count);
}

static void a_report_about_somebody_elses_instance_is_refused(void **state)
{
    struct fx_service *fx = *state;
    struct report in = {.verdict = VERDICT_HEALTHY, .summary = "fine"};
    struct report out = {0};
    struct instance i = {0};

    fx_launch(fx, &i);
    text_copy(in.instance_id, sizeof in.instance_id, i.id);
    REFUSED(ERR_INVALID, report_post(AS(other), &in, &out, E));
    assert_pointer("/instance_id");
    REFUSED(ERR_FORBIDDEN, report_post(AS(viewer), &in, &out, E));
    in.started_at_ms = 2;
    in.ended_at_ms = 1;
    REFUSED(ERR_INVALID, report_post(AS(owner), &in, &out, E));
    assert_pointer("/ended_at");
    drop(&i);
}

static void a_report_is_read_by_those_whose_it_is_and_by_staff(void **state)
{
    struct fx_service *fx = *state;
    struct finding findings[] = {{.check = "ecc", .gpu_index = 1, .result = CHECK_WARN}};
    struct report in = {.verdict = VERDICT_DEGRADED, .findings = findings, .finding_count = 1};
    struct report posted = {0}, out = {0};

    OK(report_post(AS(member), &in, &posted, E));
    OK(report_get(AS(viewer), posted.id, &out, E));
    assert_int_equal(out.finding_count, 1);
    assert_int_equal(out.findings[0].gpu_index, 1);
    shape_release(&report_shape, &out);
    out = (struct report){0};
    OK(report_get(AS(support), posted.id, &out, E));
    shape_release(&report_shape, &out);
    out = (struct report){0};
    REFUSED(ERR_NOT_FOUND, report_get(AS(other), posted.id, &out, E));
    REFUSED(ERR_NOT_FOUND, report_get(AS(owner), "rep_none", &out, E));
    assert_null(out.findings);
    shape_release(&report_shape, &posted);
}

/* Why: it is of a machine that other people rent, too. */
static void a_report_of_an_idle_node_is_for_staff_only(void **state)
{
    struct fx_service *fx = *state;
    struct report_place at = {"", "", "", REPORT_IDLE};
    struct report in = {.verdict = VERDICT_HEALTHY}, out = {0};
    char id[ID_MAX];

    OK(report_keep(AS(us), &in, &at, id, E));
    REFUSED(ERR_NOT_FOUND, report_get(AS(owner), id, &out, E));
    OK(report_get(AS(support), id, &out, E));
    assert_int_equal(out.origin, REPORT_IDLE);
    shape_release(&report_shape, &out);
}

/* Why: only checks that we ran ourselves move money. */
static void a_bad_report_of_a_member_stops_no_bill(void **state)
{
    struct fx_service *fx = *state;
    struct report in = {.verdict = VERDICT_UNHEALTHY, .summary = "all broken"};
    struct report out = {0};
    struct instance i = {0};

    fx_running(fx, &i);
    text_copy(in.instance_id, sizeof in.instance_id, i.id);
    OK(report_post(AS(owner), &in, &out, E));
    shape_release(&report_shape, &out);
    fx_advance(fx, 10);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.cost.micros, 10 * 1000);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_change_leaves_who_what_and_from_where),
        FX_TEST(what_a_worker_did_names_nobody),
        FX_TEST(a_refused_change_leaves_nothing),
        FX_TEST(events_of_others_are_not_seen),
        FX_TEST(only_owners_admins_and_staff_read_the_audit),
        FX_TEST(an_orphan_is_an_event_for_staff_only),
        FX_TEST(a_catalogue_that_changes_something_leaves_a_record),
        FX_TEST(a_price_changed_under_its_version_is_refused_and_changes_nothing),
        FX_TEST(a_report_of_a_member_is_theirs_whatever_it_says),
        FX_TEST(a_report_is_read_by_those_whose_it_is_and_by_staff),
        FX_TEST(a_report_of_an_idle_node_is_for_staff_only),
        FX_TEST(a_report_about_somebody_elses_instance_is_refused),
        FX_TEST(a_bad_report_of_a_member_stops_no_bill),
    };

    return T_RUN("service record", tests);
}
