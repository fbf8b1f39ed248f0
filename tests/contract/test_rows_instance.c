/* Contract of the rows of instances, jobs and reports. */
#include "tests/support/rows.h"

static void give_slots(struct instance *i, size_t count)
{
    i->slots = calloc(count, sizeof *i->slots);
    assert_non_null(i->slots);
    i->slot_count = count;
    for (size_t n = 0; n < count; n++) {
        i->slots[n].index = (int64_t)n;
        text_copy(i->slots[n].label, sizeof i->slots[n].label, "NVIDIA \"H100\"");
        text_copy(i->slots[n].uuid, sizeof i->slots[n].uuid, "GPU-1");
        i->slots[n].is_virtual = n % 2;
    }
}

static void assert_same_instance(const struct instance *got, const struct instance *want)
{
    rows_assert_same(&instance_shape, got, want);
    assert_string_equal(got->ssh_public_key, want->ssh_public_key);
}

static size_t list_count(struct rows_fx *fx, const char *organization_id, struct page_query q)
{
    struct instance *items;
    char next[CURSOR_BYTES_MAX];
    size_t count, total;

    q.limit = 100;
    assert_ok(row_instance_list(TX, organization_id, &q, &items, &count, next, E), E);
    total = count;
    LIST_FREE(&instance_shape, items, count);
    return total;
}

static void every_member_of_an_instance_comes_back(void **state)
{
    struct rows_fx *fx = *state;
    struct instance in, got;

    rows_instance(fx, &in);
    give_slots(&in, 3);
    text_copy(in.job_id, sizeof in.job_id, "job_1");
    text_copy(in.state_detail, sizeof in.state_detail, "Détail; with 'quotes' and \n a line");
    text_copy(in.gate_summary, sizeof in.gate_summary, "3 of 3 GPUs pass");
    text_copy(in.limits, sizeof in.limits, "cgroup2");
    text_copy(in.ssh_public_key, sizeof in.ssh_public_key, "ssh-ed25519 AAAA");
    in.state = INSTANCE_UNREACHABLE;
    in.desired_state = INSTANCE_WANT_TERMINATED;
    in.state_reason = INSTANCE_REASON_LOST;
    in.billing = BILLING_ON;
    in.gate_verdict = VERDICT_DEGRADED;
    in.cost = money_of(INT64_MAX, "EUR");
    in.cost_at_ms = 11;
    in.running_at_ms = 12;
    in.ended_at_ms = 13;
    in.deadline_at_ms = 14;
    in.checked_at_ms = 15;
    in.credit_from_ms = 16;
    in.check_tier = TIER_BURN;
    in.check_verdict = VERDICT_UNHEALTHY;
    text_copy(in.node_id, sizeof in.node_id, "nod_1");
    text_copy(in.check_id, sizeof in.check_id, "rep_1");
    in.network = true;
    assert_ok(row_instance_insert(TX, &in, E), E);
    assert_ok(row_instance_get(TX, in.id, &got, E), E);
    assert_same_instance(&got, &in);
    shape_release(&instance_shape, &got);
    shape_release(&instance_shape, &in);
}

static void update_writes_the_whole_instance(void **state)
{
    struct rows_fx *fx = *state;
    struct instance in, got;

    rows_instance(fx, &in);
    assert_ok(row_instance_insert(TX, &in, E), E);
    give_slots(&in, 8);
    text_copy(in.name, sizeof in.name, "green");
    in.state = INSTANCE_RUNNING;
    in.billing = BILLING_ON;
    in.cost = money_of(5, "EUR");
    in.running_at_ms = ROWS_AT_MS + 5;
    in.network = true;
    assert_ok(row_instance_update(TX, &in, E), E);
    assert_int_equal(in.version, 2);
    assert_ok(row_instance_get(TX, in.id, &got, E), E);
    assert_same_instance(&got, &in);
    shape_release(&instance_shape, &got);

    in.version = 1;
    assert_err(ERR_PRECONDITION, row_instance_update(TX, &in, E), E);
    shape_release(&instance_shape, &in);
}

static void missing_or_repeated_instances_are_refused(void **state)
{
    struct rows_fx *fx = *state;
    struct instance in, got = {.version = 99};

    rows_instance(fx, &in);
    assert_err(ERR_NOT_FOUND, row_instance_get(TX, in.id, &got, E), E);
    assert_int_equal(got.version, 99);
    assert_err(ERR_PRECONDITION, row_instance_update(TX, &in, E), E);
    assert_ok(row_instance_insert(TX, &in, E), E);
    assert_err(ERR_CONFLICT, row_instance_insert(TX, &in, E), E);
    assert_contains(fx->e.msg, in.id);
}

static void two_currencies_in_one_row_are_refused(void **state)
{
    struct rows_fx *fx = *state;
    struct instance in;

    rows_instance(fx, &in);
    in.cost = money_of(1, "USD");
    assert_err(ERR_INTERNAL, row_instance_insert(TX, &in, E), E);
    assert_contains(fx->e.msg, "USD");
}

static void a_negative_price_breaks_a_rule_of_the_schema(void **state)
{
    struct rows_fx *fx = *state;
    struct instance in;

    rows_instance(fx, &in);
    in.price_per_hour.micros = -1;
    assert_err(ERR_INTERNAL, row_instance_insert(TX, &in, E), E);
}

static void instances_filter_by_each_member(void **state)
{
    struct rows_fx *fx = *state;
    struct instance a, b;

    rows_instance(fx, &a);
    rows_instance(fx, &b);
    b.state = INSTANCE_RUNNING;
    text_copy(b.name, sizeof b.name, "green");
    text_copy(b.zone, sizeof b.zone, "nl-ams-1");
    text_copy(b.gpu_model, sizeof b.gpu_model, "l4");
    b.created_at_ms += 10;
    assert_ok(row_instance_insert(TX, &a, E), E);
    assert_ok(row_instance_insert(TX, &b, E), E);

    assert_int_equal(list_count(fx, "", (struct page_query){0}), 2);
    assert_int_equal(list_count(fx, a.organization_id, (struct page_query){0}), 2);
    assert_int_equal(list_count(fx, "org_none", (struct page_query){0}), 0);
    assert_int_equal(list_count(fx, "", (struct page_query){.state = "running"}), 1);
    assert_int_equal(list_count(fx, "", (struct page_query){.state = "stopped"}), 0);
    assert_int_equal(list_count(fx, "", (struct page_query){.text = "REE"}), 1);
    assert_int_equal(list_count(fx, "", (struct page_query){.text = "ins_"}), 2);
    assert_int_equal(list_count(fx, "", (struct page_query){.zone = "nl-ams-1"}), 1);
    assert_int_equal(list_count(fx, "", (struct page_query){.gpu_model = "h100"}), 1);
    assert_int_equal(list_count(fx, "", (struct page_query){.from_ms = b.created_at_ms}), 1);
    assert_int_equal(
        list_count(fx, "", (struct page_query){.zone = "nl-ams-1", .state = "requested"}), 0);

    struct page_query q = {0};
    text_copy(q.project_id, sizeof q.project_id, a.project_id);
    assert_int_equal(list_count(fx, a.organization_id, q), 1);
}

static void pages_stay_whole_while_instances_are_added(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 2};
    struct instance in, *items;
    char next[CURSOR_BYTES_MAX];
    size_t count, seen = 0;

    for (int i = 0; i < 5; i++) {
        rows_instance(fx, &in);
        give_slots(&in, 2);
        assert_ok(row_instance_insert(TX, &in, E), E);
        shape_release(&instance_shape, &in);
    }
    do {
        assert_ok(row_instance_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(items[i].slot_count, 2);
        seen += count;
        LIST_FREE(&instance_shape, items, count);
        text_copy(q.cursor, sizeof q.cursor, next);
        rows_instance(fx, &in);
        assert_ok(row_instance_insert(TX, &in, E), E);
    } while (next[0]);
    assert_int_equal(seen, 5);
}

/* Every state with every wish: the words of the index must agree with the header. */
static void unsettled_are_all_but_terminated_and_those_at_rest(void **state)
{
    struct rows_fx *fx = *state;
    struct instance in, *items;
    size_t count, want = 0, seen = 0;
    char after[ID_MAX] = "";

    for (int s = 0; s < INSTANCE_STATE_COUNT; s++)
        for (int d = 0; instance_desired_names[d]; d++) {
            rows_instance(fx, &in);
            in.state = (enum instance_state)s;
            in.desired_state = (enum instance_desired)d;
            assert_ok(row_instance_insert(TX, &in, E), E);
            want += s != INSTANCE_TERMINATED && !((s == INSTANCE_STOPPED || s == INSTANCE_FAILED) &&
                                                  d == INSTANCE_WANT_STOPPED);
        }
    do {
        assert_ok(row_instance_unsettled(TX, after, 4, &items, &count, E), E);
        for (size_t i = 0; i < count; i++) {
            assert_true(strcmp(items[i].id, after) > 0);
            assert_false(instance_is_over(items[i].state));
            text_copy(after, sizeof after, items[i].id);
        }
        seen += count;
        LIST_FREE(&instance_shape, items, count);
    } while (count == 4 || seen < want);
    assert_int_equal(seen, want);
}

static void instances_are_counted_by_state(void **state)
{
    struct rows_fx *fx = *state;
    int64_t counts[INSTANCE_STATE_COUNT];
    struct instance in;

    for (int i = 0; i < 3; i++) {
        rows_instance(fx, &in);
        in.state = i ? INSTANCE_RUNNING : INSTANCE_FAILED;
        assert_ok(row_instance_insert(TX, &in, E), E);
    }
    assert_ok(row_instance_count_by_state(TX, fx->organization.id, counts, E), E);
    assert_int_equal(counts[INSTANCE_RUNNING], 2);
    assert_int_equal(counts[INSTANCE_FAILED], 1);
    assert_int_equal(counts[INSTANCE_STOPPED], 0);
    assert_ok(row_instance_count_by_state(TX, "", counts, E), E);
    assert_int_equal(counts[INSTANCE_RUNNING], 2);
    assert_ok(row_instance_count_by_state(TX, "org_none", counts, E), E);
    assert_int_equal(counts[INSTANCE_RUNNING], 0);
}

static void give_env(struct job *j)
{
    j->command = strdup("echo \"$NAME\" > 'out'");
    j->env = calloc(2, sizeof *j->env);
    assert_non_null(j->env);
    j->env_count = 2;
    text_copy(j->env[0].name, NAME_BYTES_MAX, "NAME");
    j->env[0].value = strdup("a\tb\\\"c\" é");
    text_copy(j->env[1].name, NAME_BYTES_MAX, "EMPTY");
    j->env[1].value = strdup("");
}

static void every_member_of_a_job_comes_back(void **state)
{
    struct rows_fx *fx = *state;
    struct job in, got;

    rows_job(fx, &in);
    give_env(&in);
    text_copy(in.created_by, sizeof in.created_by, "mem_1");
    in.owns_instance = true;
    in.time_limit_seconds = 60;
    in.state = JOB_TIMED_OUT;
    in.state_reason = JOB_REASON_TIME_LIMIT;
    text_copy(in.state_detail, sizeof in.state_detail, "ended after 60 s");
    in.signal = 15;
    in.log_bytes = 1 << 20;
    in.started_at_ms = 5;
    in.ended_at_ms = 6;
    assert_ok(row_job_insert(TX, &in, E), E);
    assert_ok(row_job_get(TX, in.id, &got, E), E);
    assert_string_equal(got.command, in.command);
    assert_string_equal(got.env[0].value, in.env[0].value);
    rows_assert_same(&job_shape, &got, &in);
    shape_release(&job_shape, &got);
    shape_release(&job_shape, &in);
}

static void a_job_changes_only_from_its_last_version(void **state)
{
    struct rows_fx *fx = *state;
    struct job in, got;

    rows_job(fx, &in);
    assert_ok(row_job_insert(TX, &in, E), E);
    assert_err(ERR_CONFLICT, row_job_insert(TX, &in, E), E);
    in.state = JOB_RUNNING;
    in.log_bytes = 77;
    assert_ok(row_job_update(TX, &in, E), E);
    assert_ok(row_job_get(TX, in.id, &got, E), E);
    rows_assert_same(&job_shape, &got, &in);
    assert_null(got.command);
    in.version = 1;
    assert_err(ERR_PRECONDITION, row_job_update(TX, &in, E), E);
    assert_err(ERR_NOT_FOUND, row_job_get(TX, "job_none", &got, E), E);
}

static void unsettled_jobs_are_those_that_are_not_over(void **state)
{
    struct rows_fx *fx = *state;
    struct job in, *items;
    char instance_id[ID_MAX] = "ins_one", after[ID_MAX];
    size_t count, want = 0;

    for (int s = 0; s < JOB_STATE_COUNT; s++) {
        rows_job(fx, &in);
        in.state = (enum job_state)s;
        text_copy(in.instance_id, sizeof in.instance_id, instance_id);
        assert_ok(row_job_insert(TX, &in, E), E);
        want += !job_is_over(in.state);
    }
    rows_job(fx, &in);
    assert_ok(row_job_insert(TX, &in, E), E);

    assert_ok(row_job_of_instance(TX, instance_id, &items, &count, E), E);
    assert_int_equal(count, want);
    LIST_FREE(&job_shape, items, count);
    assert_ok(row_job_unsettled(TX, "", 100, &items, &count, E), E);
    assert_int_equal(count, want + 1);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(items[i - 1].id, items[i].id) < 0);
    text_copy(after, sizeof after, items[want - 1].id);
    LIST_FREE(&job_shape, items, count);
    assert_ok(row_job_unsettled(TX, after, 100, &items, &count, E), E);
    assert_int_equal(count, 1);
    LIST_FREE(&job_shape, items, count);
}

static void jobs_filter_by_state_instance_project_and_text(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query none = {.limit = 10}, q[4] = {none, none, none, none};
    struct job a, b, *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    rows_job(fx, &a);
    rows_job(fx, &b);
    b.state = JOB_FAILED;
    text_copy(b.name, sizeof b.name, "evaluate");
    assert_ok(row_job_insert(TX, &a, E), E);
    assert_ok(row_job_insert(TX, &b, E), E);
    text_copy(q[0].state, sizeof q[0].state, "failed");
    text_copy(q[1].instance_id, sizeof q[1].instance_id, b.instance_id);
    text_copy(q[2].project_id, sizeof q[2].project_id, b.project_id);
    text_copy(q[3].text, sizeof q[3].text, "valu");
    for (size_t i = 0; i < ARRAY_SIZE(q); i++) {
        assert_ok(row_job_list(TX, i % 2 ? "" : b.organization_id, &q[i], &items, &count, next, E),
                  E);
        assert_int_equal(count, 1);
        assert_string_equal(items[0].id, b.id);
        LIST_FREE(&job_shape, items, count);
    }
    assert_ok(row_job_list(TX, "", &none, &items, &count, next, E), E);
    assert_int_equal(count, 2);
    LIST_FREE(&job_shape, items, count);
}

static void report_of(struct rows_fx *fx, struct report *r)
{
    *r = (struct report){.origin = REPORT_GATE,
                         .tier = TIER_QUICK,
                         .verdict = VERDICT_UNHEALTHY,
                         .summary = "GPU 0 has 3 uncorrected errors",
                         .host = "node-1",
                         .driver_version = "570.1",
                         .checker_version = "0.1",
                         .started_at_ms = 1,
                         .ended_at_ms = 2,
                         .received_at_ms = ROWS_AT_MS};
    id_new(ID_REPORT, &fx->clock.base, r->id);
    id_new(ID_INSTANCE, &fx->clock.base, r->instance_id);
    text_copy(r->organization_id, sizeof r->organization_id, fx->organization.id);
    r->gpus = calloc(1, sizeof *r->gpus);
    r->gpu_count = 1;
    r->findings = calloc(2, sizeof *r->findings);
    assert_non_null(r->gpus);
    assert_non_null(r->findings);
    r->finding_count = 2;
    text_copy(r->gpus[0].model, NAME_BYTES_MAX, "NVIDIA H200");
    text_copy(r->findings[0].check, SLUG_BYTES_MAX, "ecc");
    r->findings[0].result = CHECK_FAIL;
    r->findings[0].value = 3.25;
    r->findings[0].floor = 0.1;
    text_copy(r->findings[1].check, SLUG_BYTES_MAX, "driver");
    r->findings[1].gpu_index = -1;
}

static void a_report_comes_back_with_its_findings(void **state)
{
    struct rows_fx *fx = *state;
    struct report in, got;

    report_of(fx, &in);
    assert_ok(row_report_insert(TX, &in, E), E);
    assert_err(ERR_CONFLICT, row_report_insert(TX, &in, E), E);
    assert_ok(row_report_get(TX, in.id, &got, E), E);
    assert_int_equal(got.gpu_count, 1);
    assert_int_equal(got.finding_count, 2);
    rows_assert_same(&report_shape, &got, &in);
    shape_release(&report_shape, &got);
    shape_release(&report_shape, &in);
    assert_err(ERR_NOT_FOUND, row_report_get(TX, "rep_none", &got, E), E);
}

/* Why: one member posts reports as long as may be, and the list of them all is an answer that is
 * too large for whoever asks, staff included. */
static void long_reports_come_in_shorter_pages(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 40};
    char next[CURSOR_BYTES_MAX], last[ID_MAX] = "rep_~";
    struct report in, *items;
    size_t count, seen = 0, pages = 0;

    report_of(fx, &in);
    free(in.findings);
    in.finding_count = REPORT_FINDINGS_MAX;
    in.findings = calloc(in.finding_count, sizeof *in.findings);
    assert_non_null(in.findings);
    for (size_t i = 0; i < in.finding_count; i++) {
        text_copy(in.findings[i].check, SLUG_BYTES_MAX, "ecc");
        memset(in.findings[i].detail, 'x', sizeof in.findings[i].detail - 1);
    }
    for (int i = 0; i < 40; i++) {
        id_new(ID_REPORT, clock_real(), in.id);
        assert_ok(row_report_insert(TX, &in, E), E);
    }
    do {
        assert_ok(row_report_list(TX, in.organization_id, &q, &items, &count, next, E), E);
        assert_in_range(count, 1, 39);
        for (size_t i = 0; i < count; i++, seen++) {
            assert_true(strcmp(items[i].id, last) < 0); /* none twice */
            text_copy(last, sizeof last, items[i].id);
        }
        LIST_FREE(&report_shape, items, count);
        text_copy(q.cursor, sizeof q.cursor, next);
        pages++;
    } while (next[0]);
    assert_int_equal(seen, 40);
    assert_in_range(pages, 2, 5);
    shape_release(&report_shape, &in);
}

static void reports_are_listed_by_instance(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 10};
    struct report in, *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    for (int i = 0; i < 3; i++) {
        if (i)
            shape_release(&report_shape, &in);
        report_of(fx, &in);
        assert_ok(row_report_insert(TX, &in, E), E);
    }
    assert_ok(row_report_list(TX, in.organization_id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 3);
    LIST_FREE(&report_shape, items, count);
    text_copy(q.instance_id, sizeof q.instance_id, in.instance_id);
    assert_ok(row_report_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].finding_count, 2);
    LIST_FREE(&report_shape, items, count);
    shape_release(&report_shape, &in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ROWS_TEST(every_member_of_an_instance_comes_back),
        ROWS_TEST(update_writes_the_whole_instance),
        ROWS_TEST(missing_or_repeated_instances_are_refused),
        ROWS_TEST(two_currencies_in_one_row_are_refused),
        ROWS_TEST(a_negative_price_breaks_a_rule_of_the_schema),
        ROWS_TEST(instances_filter_by_each_member),
        ROWS_TEST(pages_stay_whole_while_instances_are_added),
        ROWS_TEST(unsettled_are_all_but_terminated_and_those_at_rest),
        ROWS_TEST(instances_are_counted_by_state),
        ROWS_TEST(every_member_of_a_job_comes_back),
        ROWS_TEST(a_job_changes_only_from_its_last_version),
        ROWS_TEST(unsettled_jobs_are_those_that_are_not_over),
        ROWS_TEST(jobs_filter_by_state_instance_project_and_text),
        ROWS_TEST(a_report_comes_back_with_its_findings),
        ROWS_TEST(long_reports_come_in_shorter_pages),
        ROWS_TEST(reports_are_listed_by_instance),
    };

    return T_RUN("rows_instance", tests);
}
