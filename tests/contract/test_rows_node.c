/* Contract of the rows of nodes and of cases. */
#include "tests/support/rows.h"

static void a_node(struct rows_fx *fx, const char *name, enum node_state state, struct node *out)
{
    *out = (struct node){.state = state, .gpu_count = 8, .since_ms = ROWS_AT_MS, .version = 1};
    id_new(ID_NODE, &fx->clock.base, out->id);
    text_copy(out->name, sizeof out->name, name);
    text_copy(out->engine, sizeof out->engine, "sim");
    text_copy(out->zone, sizeof out->zone, "z");
}

static void every_member_of_a_node_comes_back(void **state)
{
    struct rows_fx *fx = *state;
    struct node in, got;

    a_node(fx, "n1", NODE_DRAINING, &in);
    in.is_virtual = true;
    in.verdict = VERDICT_UNHEALTHY;
    in.checked_at_ms = 17;
    text_copy(in.reason, sizeof in.reason, "fan; 'loud' \"é\"");
    text_copy(in.check_id, sizeof in.check_id, "rep_1");
    text_copy(in.report_id, sizeof in.report_id, "rep_2");
    assert_ok(row_node_insert(TX, &in, E), E);
    assert_ok(row_node_get(TX, in.id, &got, E), E);
    rows_assert_same(&node_shape, &got, &in);
    in.state = NODE_DRAINED;
    in.checked_at_ms = 18;
    assert_ok(row_node_update(TX, &in, E), E);
    assert_int_equal(in.version, 2);
    assert_ok(row_node_find(TX, "sim", "n1", &got, E), E);
    rows_assert_same(&node_shape, &got, &in);
    in.version = 1;
    assert_err(ERR_PRECONDITION, row_node_update(TX, &in, E), E);
    assert_err(ERR_NOT_FOUND, row_node_find(TX, "local", "n1", &got, E), E);
    assert_err(ERR_NOT_FOUND, row_node_get(TX, "nod_none", &got, E), E);
}

static void an_engine_has_one_node_of_a_name(void **state)
{
    struct rows_fx *fx = *state;
    struct node one, two;

    a_node(fx, "n1", NODE_READY, &one);
    a_node(fx, "n1", NODE_READY, &two);
    assert_ok(row_node_insert(TX, &one, E), E);
    assert_err(ERR_CONFLICT, row_node_insert(TX, &two, E), E);
}

static void nodes_are_counted_and_listed_by_their_state(void **state)
{
    static const enum node_state states[] = {NODE_READY, NODE_DRAINING, NODE_READY, NODE_DRAINED};
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 3, .state = "ready"};
    struct node_counts counts;
    struct node *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    assert_ok(row_node_count(TX, "sim", &counts, E), E);
    assert_int_equal(counts.all, 0);
    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        struct node n;
        char name[] = {'n', (char)('0' + i), '\0'};

        a_node(fx, name, states[i], &n);
        assert_ok(row_node_insert(TX, &n, E), E);
    }
    assert_ok(row_node_count(TX, "sim", &counts, E), E);
    assert_int_equal(counts.all, 4);
    assert_int_equal(counts.ready, 2);
    assert_ok(row_node_list(TX, &q, &items, &count, next, E), E);
    assert_int_equal(count, 2);
    assert_string_equal(items[0].name, "n2"); /* newest first */
    free(items);
    text_copy(q.state, sizeof q.state, "");
    assert_ok(row_node_list(TX, &q, &items, &count, next, E), E);
    assert_int_equal(count, 3);
    assert_true(next[0]);
    free(items);
    assert_ok(row_node_of_engine(TX, "sim", &items, &count, E), E);
    assert_int_equal(count, 4);
    assert_string_equal(items[0].name, "n0");
    free(items);
}

static void what_is_on_a_node_is_counted(void **state)
{
    struct rows_fx *fx = *state;
    struct node_load load;
    struct instance i;

    for (int n = 0; n < 3; n++) {
        rows_instance(fx, &i);
        text_copy(i.node_id, sizeof i.node_id, "nod_1");
        i.gpu_count = n ? 1 : 0;
        i.state = n == 2 ? INSTANCE_STOPPED : INSTANCE_RUNNING;
        i.desired_state = n == 2 ? INSTANCE_WANT_STOPPED : INSTANCE_WANT_RUNNING;
        assert_ok(row_instance_insert(TX, &i, E), E);
    }
    assert_ok(row_instance_of_node(TX, "nod_1", "", &load, E), E);
    assert_int_equal(load.instances, 2);
    assert_int_equal(load.with_gpus, 1);
    assert_ok(row_instance_of_node(TX, "nod_2", "", &load, E), E);
    assert_int_equal(load.instances + load.with_gpus, 0);
}

/* --- cases ------------------------------------------------------------------------------- */

static void a_case(struct rows_fx *fx, const char *instance_id, struct support_case *out)
{
    *out = (struct support_case){.report_count = 1,
                                 .verdict = VERDICT_UNHEALTHY,
                                 .summary = "GPU 3; 'gone'",
                                 .report_id = "rep_1",
                                 .opened_at_ms = ROWS_AT_MS,
                                 .version = 1};
    id_new(ID_CASE, &fx->clock.base, out->id);
    text_copy(out->organization_id, ID_MAX, fx->organization.id);
    text_copy(out->instance_id, ID_MAX, instance_id);
}

static void an_instance_has_one_open_case(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 10, .state = "closed"};
    struct support_case one, two, got, *items = NULL;
    char next[CURSOR_BYTES_MAX];
    struct instance i;
    size_t count;

    rows_instance(fx, &i);
    assert_ok(row_instance_insert(TX, &i, E), E);
    a_case(fx, i.id, &one);
    a_case(fx, i.id, &two);
    assert_ok(row_case_insert(TX, &one, E), E);
    assert_ok(row_case_open(TX, i.id, &got, E), E);
    rows_assert_same(&support_case_shape, &got, &one);
    assert_err(ERR_CONFLICT, row_case_insert(TX, &two, E), E);
    one.state = CASE_CLOSED;
    one.closed_at_ms = 12;
    one.report_count = 3;
    text_copy(one.closed_by, sizeof one.closed_by, "mem_1");
    text_copy(one.note, sizeof one.note, "loose cable");
    assert_ok(row_case_update(TX, &one, E), E);
    assert_ok(row_case_get(TX, one.id, &got, E), E);
    rows_assert_same(&support_case_shape, &got, &one);
    assert_err(ERR_NOT_FOUND, row_case_open(TX, i.id, &got, E), E);
    assert_ok(row_case_insert(TX, &two, E), E);
    assert_ok(row_case_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_string_equal(items[0].id, one.id);
    free(items);
    assert_ok(row_case_list(TX, "org_other", &q, &items, &count, next, E), E);
    assert_int_equal(count, 0);
    free(items);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ROWS_TEST(every_member_of_a_node_comes_back),
        ROWS_TEST(an_engine_has_one_node_of_a_name),
        ROWS_TEST(nodes_are_counted_and_listed_by_their_state),
        ROWS_TEST(what_is_on_a_node_is_counted),
        ROWS_TEST(an_instance_has_one_open_case),
    };

    return T_RUN("rows_node", tests);
}
