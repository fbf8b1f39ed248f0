/* Nodes: their rows, draining and resuming, gates that fail. */
#include "tests/support/fx_service.h"

#include "core/log.h"

#define HOUR 3600

static const struct node_act drain = {.action = NODE_DRAIN, .reason = "fan 3 is loud"};
static const struct node_act resume = {.action = NODE_RESUME};

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

/* The one node, after a look by the worker. */
static void the_node(struct fx_service *fx, struct node *out)
{
    struct page_query q = {.limit = 10};
    struct node *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    fx_step(fx);
    OK(node_list(AS(operator_), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    *out = items[0];
    free(items);
}

static void act(struct fx_service *fx, struct node *n, const struct node_act *in)
{
    OK(node_act(AS(operator_), n->id, 0, in, n, E));
}

/* --- rows ---------------------------------------------------------------------------- */

static void the_engines_node_gets_a_row_once(void **state)
{
    struct fx_service *fx = *state;
    struct node n, again;

    the_node(fx, &n);
    assert_true(id_is(ID_NODE, n.id));
    assert_string_equal(n.name, SIM_NODE);
    assert_string_equal(n.engine, "sim");
    assert_string_equal(n.zone, "sim");
    assert_int_equal(n.state, NODE_READY);
    assert_int_equal(n.gpu_count, FX_SLOTS);
    assert_true(n.is_virtual);
    the_node(fx, &again);
    assert_int_equal(again.version, n.version);
    assert_int_equal(fx_audits(fx, "node.update", n.id), 1);
    OK(node_get(AS(support), n.id, &again, E));
    assert_string_equal(again.id, n.id);
}

static void a_node_that_changed_is_brought_in_line(void **state)
{
    struct fx_service *fx = *state;
    struct node n;

    the_node(fx, &n);
    sim_slots(fx->engine, 4, false);
    the_node(fx, &n);
    assert_int_equal(n.gpu_count, 4);
    assert_false(n.is_virtual);
}

/* Why: what was launched by a version that knew no nodes would be on none: no check could drain its
 * machine, and the machine would count as empty. */
static void an_instance_of_an_earlier_version_is_found_on_its_node(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;

    fx_running(fx, &i);
    i.node_id[0] = '\0';
    OK(row_instance_update(TX, &i, E));
    the_node(fx, &n); /* nodes come before instances */
    the_node(fx, &n);
    assert_int_equal(n.instance_count, 1);
    fx_look(fx, &i);
    assert_string_equal(i.node_id, n.id);
    the_node(fx, &n);
    act(fx, &n, &drain);
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_DRAINING); /* not drained: it is there */
    fx_check(fx);
    drop(&i);
}

static void an_engine_that_cannot_list_its_nodes_keeps_nothing_else_waiting(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    log_fd_set(-1);
    sim_fail(fx->engine, SIM_NODE_LIST, -1, ERR_ENGINE, "no answer");
    fx_running(fx, &i);
    log_fd_set(2);
    drop(&i);
}

static void nodes_are_for_staff(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct node *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;
    struct node n;

    the_node(fx, &n);
    REFUSED(ERR_FORBIDDEN, node_list(AS(owner), &q, &items, &count, next, E));
    REFUSED(ERR_FORBIDDEN, node_get(AS(owner), n.id, &n, E));
    REFUSED(ERR_FORBIDDEN, node_act(AS(owner), n.id, 0, &drain, &n, E));
    REFUSED(ERR_NOT_FOUND, node_get(AS(operator_), "nod_none", &n, E));
    text_copy(q.state, sizeof q.state, "broken");
    REFUSED(ERR_INVALID, node_list(AS(operator_), &q, &items, &count, next, E));
}

/* --- draining ------------------------------------------------------------------------ */

static void draining_needs_a_reason_and_is_recorded_with_it(void **state)
{
    struct fx_service *fx = *state;
    struct node_act silent = {.action = NODE_DRAIN};
    struct page_query q = {.limit = 1};
    struct audit_record *records = NULL;
    char next[CURSOR_BYTES_MAX];
    struct instance i = {0};
    size_t count = 0;
    struct node n;

    fx_running(fx, &i);
    the_node(fx, &n);
    REFUSED(ERR_INVALID, node_act(AS(operator_), n.id, 0, &silent, &n, E));
    assert_pointer("/reason");
    REFUSED(ERR_PRECONDITION, node_act(AS(operator_), n.id, n.version + 1, &drain, &n, E));
    act(fx, &n, &drain);
    assert_int_equal(n.state, NODE_DRAINING);
    assert_string_equal(n.reason, drain.reason);
    assert_int_equal(n.instance_count, 1);
    OK(audit_list(AS(operator_), &q, &records, &count, next, E));
    assert_string_equal(records[0].action, "node.drain");
    assert_string_equal(records[0].object_id, n.id);
    assert_string_equal(records[0].member_id, fx->operator_.member_id);
    assert_contains(records[0].detail, drain.reason);
    assert_int_equal(fx_events(fx, "node.state", n.id), 1);
    free(records);
    drop(&i);
}

static void a_move_that_makes_no_sense_is_refused(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;

    fx_running(fx, &i);
    the_node(fx, &n);
    assert_false(n.actions[NODE_RESUME].available);
    assert_string_equal(n.actions[NODE_RESUME].reason, "it takes new instances already");
    REFUSED(ERR_CONFLICT, node_act(AS(operator_), n.id, 0, &resume, &n, E));
    act(fx, &n, &drain);
    REFUSED(ERR_CONFLICT, node_act(AS(operator_), n.id, 0, &drain, &n, E));
    assert_contains(fx->e.msg, "it is draining already");
    drop(&i);
}

/* Why: the words of staff are not for customers. */
static void a_draining_node_takes_no_new_instance_and_does_not_say_why(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct page_query q = {.limit = 10};
    struct instance i = {0}, out = {0};
    struct offer *offers = NULL;
    struct estimate x = {0};
    size_t count = 0;
    struct node n;

    fx_running(fx, &i);
    the_node(fx, &n);
    act(fx, &n, &drain);
    fx_step(fx);
    REFUSED(ERR_NO_STOCK, instance_launch(AS(owner), &in, &out, E));
    assert_null(strstr(fx->e.msg, "fan"));
    assert_contains(fx->e.msg, "no stock");
    assert_int_equal(fx->e.fact_count, 0); /* and no alternative on the same node */
    OK(instance_estimate(AS(owner), &in, &x, E));
    assert_false(x.accepted);
    assert_int_equal(x.stock, 0);
    OK(offer_list(AS(owner), &q, &offers, &count, E));
    for (size_t k = 0; k < count; k++)
        assert_int_equal(offers[k].stock, 0);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING); /* what runs, runs */
    act(fx, &n, &resume);
    fx_step(fx);
    OK(instance_launch(AS(owner), &in, &out, E));
    fx_step(fx);
    fx_look(fx, &out);
    assert_int_equal(out.state, INSTANCE_RUNNING);
    fx_check(fx);
    free(offers);
    shape_release(&estimate_shape, &x);
    drop(&out);
    drop(&i);
}

static void a_stopped_instance_does_not_start_on_a_draining_node(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};
    struct node n;

    fx_running(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_step(fx);
    the_node(fx, &n);
    act(fx, &n, &drain);
    REFUSED(ERR_NO_STOCK, instance_act(AS(owner), i.id, 0, INSTANCE_START, &out, E));
    fx_check(fx);
    drop(&i);
}

/* Why: it was admitted before; the engine is told before it is asked to make it. */
static void what_was_admitted_before_the_drain_fails_without_cost(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;

    log_fd_set(-1);
    the_node(fx, &n);
    fx_launch(fx, &i);
    act(fx, &n, &drain);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.cost.micros, 0);
    assert_null(strstr(i.state_detail, "fan"));
    fx_check(fx);
    log_fd_set(2);
    drop(&i);
}

static void a_node_is_drained_when_its_last_instance_has_ended(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;

    fx_running(fx, &i);
    the_node(fx, &n);
    act(fx, &n, &drain);
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_DRAINING);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_step(fx);
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_DRAINED);
    assert_string_equal(n.reason, drain.reason);
    assert_int_equal(n.instance_count, 0);
    act(fx, &n, &resume);
    assert_int_equal(n.state, NODE_READY);
    assert_string_equal(n.reason, "");
    drop(&i);
}

static void an_empty_node_is_drained_at_once(void **state)
{
    struct fx_service *fx = *state;
    struct node n;

    the_node(fx, &n);
    act(fx, &n, &drain);
    assert_int_equal(n.state, NODE_DRAINED);
    REFUSED(ERR_CONFLICT, node_act(AS(operator_), n.id, 0, &drain, &n, E));
    assert_contains(fx->e.msg, "it is drained already");
}

static void every_state_of_a_node_can_be_reached_and_left(void **state)
{
    (void)state;
    for (int to = 0; to < NODE_STATE_COUNT; to++) {
        int into = 0, out = 0;

        for (int from = 0; from < NODE_STATE_COUNT; from++) {
            into += node_may_move((enum node_state)from, (enum node_state)to);
            out += node_may_move((enum node_state)to, (enum node_state)from);
        }
        assert_true(into > 0);
        assert_true(out > 0);
        assert_false(node_may_move((enum node_state)to, (enum node_state)to));
    }
    assert_false(node_may_move(NODE_READY, NODE_DRAINED)); /* never without draining */
}

/* --- gates --------------------------------------------------------------------------- */

static void a_failed_gate_costs_nothing_and_drains_its_node(void **state)
{
    static const struct finding pending = {
        .check = "row-remap", .gpu_index = 0, .result = CHECK_FAIL, .detail = "a remap failed"};
    struct sim_instance_plan plan = {.gate_verdict = VERDICT_UNHEALTHY,
                                     .gate_summary = "gpu0 fails",
                                     .findings = &pending,
                                     .finding_count = 1};
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct credit c;
    struct node n;

    sim_slots(fx->engine, FX_SLOTS, false);
    sim_plan_instances(fx->engine, &plan);
    fx_launch(fx, &i);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.cost.micros, 0);
    fx_credit(fx, &c);
    assert_int_equal(c.available.micros, FX_GRANT);
    assert_int_equal(c.granted.micros, FX_GRANT); /* nothing to give back either */
    the_node(fx, &n);
    assert_int_not_equal(n.state, NODE_READY);
    assert_string_equal(n.reason, "row-remap, GPU 0: a remap failed");
    fx_check(fx);
    drop(&i);
}

static void an_inconclusive_gate_drains_nothing(void **state)
{
    struct sim_instance_plan plan = {.gate_verdict = VERDICT_INCONCLUSIVE};
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct node n;

    sim_slots(fx->engine, FX_SLOTS, false);
    sim_plan_instances(fx->engine, &plan);
    fx_launch(fx, &i);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_READY);
    drop(&i);
}

/* The newest report there is, as staff see it. Caller releases. */
static void newest_report(struct fx_service *fx, struct report *out)
{
    struct page_query q = {.limit = 1};
    struct report *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(report_list(AS(operator_), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    *out = items[0];
    free(items);
}

static void the_gates_whole_report_is_kept_with_its_tier(void **state)
{
    static const struct finding copy = {
        .check = "copy", .result = CHECK_PASS, .value = 4.4, .unit = "TB/s"};
    struct sim_instance_plan plan = {.findings = &copy, .finding_count = 1};
    struct fx_service *fx = *state;
    struct report r = {0};
    struct instance i = {0};

    sim_slots(fx->engine, FX_SLOTS, false);
    sim_plan_instances(fx->engine, &plan);
    fx_running(fx, &i);
    newest_report(fx, &r);
    assert_int_equal(r.origin, REPORT_GATE);
    assert_int_equal(r.tier, TIER_QUICK);
    assert_string_equal(r.host, SIM_NODE);
    assert_int_equal(r.finding_count, 1);
    assert_string_equal(r.findings[0].check, "copy");
    shape_release(&report_shape, &r);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_step(fx);
    fx_advance(fx, 1);
    fx_act(fx, &i, INSTANCE_START);
    fx_step(fx);
    newest_report(fx, &r);
    assert_int_equal(r.tier, TIER_STATE); /* it was checked in full when it was made */
    shape_release(&report_shape, &r);
    drop(&i);
}

/* Floors count where nothing of a tenant runs: two programs on one machine share its memory and its
 * PCIe switches, and either can make the other's copies slow. */
static const struct finding slow_copy = {.check = "copy",
                                         .gpu_index = -1,
                                         .result = CHECK_FAIL,
                                         .value = 2.1,
                                         .floor = 4.2,
                                         .unit = "TB/s",
                                         .detail = "2.1 TB/s"};

static void a_neighbours_load_drains_no_node_by_slowing_a_gate_down(void **state)
{
    struct sim_instance_plan plan = {.gate_verdict = VERDICT_UNHEALTHY,
                                     .gate_summary = "slow",
                                     .findings = &slow_copy,
                                     .finding_count = 1};
    struct fx_service *fx = *state;
    struct instance neighbour = {0}, i = {0};
    struct node n;

    sim_slots(fx->engine, FX_SLOTS, false);
    fx_running(fx, &neighbour);
    sim_plan_instances(fx->engine, &plan);
    fx_launch(fx, &i);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED); /* it is not sold as it is */
    the_node(fx, &n);
    assert_int_equal(n.state, NODE_READY);
    fx_act(fx, &neighbour, INSTANCE_DELETE);
    fx_step(fx);
    fx_step(fx);
    drop(&i);
    fx_launch(fx, &i);
    fx_step(fx);
    the_node(fx, &n); /* it was alone, and has not come up: what it found counts */
    assert_int_not_equal(n.state, NODE_READY);
    drop(&neighbour);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(the_engines_node_gets_a_row_once),
        FX_TEST(a_node_that_changed_is_brought_in_line),
        FX_TEST(an_instance_of_an_earlier_version_is_found_on_its_node),
        FX_TEST(an_engine_that_cannot_list_its_nodes_keeps_nothing_else_waiting),
        FX_TEST(nodes_are_for_staff),
        FX_TEST(draining_needs_a_reason_and_is_recorded_with_it),
        FX_TEST(a_move_that_makes_no_sense_is_refused),
        FX_TEST(a_draining_node_takes_no_new_instance_and_does_not_say_why),
        FX_TEST(a_stopped_instance_does_not_start_on_a_draining_node),
        FX_TEST(what_was_admitted_before_the_drain_fails_without_cost),
        FX_TEST(a_node_is_drained_when_its_last_instance_has_ended),
        FX_TEST(an_empty_node_is_drained_at_once),
        cmocka_unit_test(every_state_of_a_node_can_be_reached_and_left),
        FX_TEST(a_failed_gate_costs_nothing_and_drains_its_node),
        FX_TEST(an_inconclusive_gate_drains_nothing),
        FX_TEST(the_gates_whole_report_is_kept_with_its_tier),
        FX_TEST(a_neighbours_load_drains_no_node_by_slowing_a_gate_down),
    };

    return T_RUN("service_node", tests);
}
