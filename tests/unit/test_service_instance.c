/* What owners and staff may do with an instance: stop, start, delete, change. The engine is
 * played by hand. */
#include "tests/support/fx_service.h"

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

/* Hand an observation in; `i` gets the answer. */
static void see(struct fx_service *fx, struct instance *i, struct engine_instance seen)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, i->id);
    drop(i);
    OK(instance_observe(AS(us), id, &seen, i, E));
}

static struct engine_instance ready(int64_t at_ms)
{
    return (struct engine_instance){.state = ENGINE_READY,
                                    .ready_at_ms = at_ms,
                                    .gate_verdict = VERDICT_HEALTHY,
                                    .gate_passed = true,
                                    .gate_summary = "1 GPU is healthy",
                                    .limits = "cgroup2",
                                    .slots = {{.index = 3, .label = "H100", .uuid = "GPU-1"}},
                                    .slot_count = 1};
}

static struct engine_instance ended(int64_t at_ms)
{
    struct engine_instance x = ready(FX_AT_MS);

    x.state = ENGINE_ENDED;
    x.ended_at_ms = at_ms;
    return x;
}

static const struct engine_instance starting = {.state = ENGINE_STARTING};
static const struct engine_instance checking = {.state = ENGINE_CHECKING};
static const struct engine_instance absent = {.state = ENGINE_ABSENT};

static void to_running(struct fx_service *fx, struct instance *i)
{
    fx_launch(fx, i);
    see(fx, i, ready(FX_AT_MS));
    assert_int_equal(i->state, INSTANCE_RUNNING);
}

static const struct action *action(const struct instance *i, enum instance_action a)
{
    assert_int_equal(i->action_count, INSTANCE_ACTION_COUNT);
    return &i->actions[a];
}

/* --- deletion and restart ------------------------------------------------------------ */

static void a_deleted_instance_is_billed_until_it_ended_and_gone_when_the_engine_says(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, 10);
    fx_act(fx, &i, INSTANCE_DELETE);
    assert_int_equal(i.state, INSTANCE_TERMINATING);
    assert_int_equal(i.billing, BILLING_ON);
    fx_advance(fx, 10);
    see(fx, &i, ended(FX_AT_MS + 12000));
    assert_int_equal(i.state, INSTANCE_TERMINATING);
    assert_int_equal(i.billing, BILLING_OFF);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    fx_advance(fx, 10);
    see(fx, &i, ended(FX_AT_MS + 12000));
    see(fx, &i, absent);
    assert_int_equal(i.state, INSTANCE_TERMINATED);
    assert_int_equal(i.ended_at_ms, FX_AT_MS + 30000);
    assert_int_equal(i.cost.micros, 12 * 1000);
    see(fx, &i, absent);
    fx_check(fx);
    drop(&i);
}

static void deleting_before_it_ran_costs_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_launch(fx, &i);
    fx_act(fx, &i, INSTANCE_DELETE);
    assert_int_equal(i.billing, BILLING_OFF);
    see(fx, &i, absent);
    assert_int_equal(i.state, INSTANCE_TERMINATED);
    assert_int_equal(fx_account(fx, ACCOUNT_HELD), 0);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    fx_check(fx);
    drop(&i);
}

static void stopping_while_it_comes_up_costs_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_launch(fx, &i);
    see(fx, &i, checking);
    fx_act(fx, &i, INSTANCE_STOP);
    assert_int_equal(i.billing, BILLING_OFF);
    see(fx, &i, ready(FX_AT_MS)); /* it passed its gate all the same */
    assert_int_equal(i.state, INSTANCE_STOPPING);
    fx_advance(fx, 100);
    see(fx, &i, ended(FX_AT_MS + 100000));
    assert_int_equal(i.state, INSTANCE_STOPPED);
    assert_int_equal(i.cost.micros, 0);
    fx_check(fx);
    drop(&i);
}

static void a_restart_after_the_clock_stepped_back_is_not_ended_by_the_end_before(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, 100);
    fx_act(fx, &i, INSTANCE_STOP);
    see(fx, &i, ended(FX_AT_MS + 100000));
    fx_advance(fx, -60);
    fx_act(fx, &i, INSTANCE_START);
    see(fx, &i, ended(FX_AT_MS + 100000));
    assert_int_equal(i.state, INSTANCE_STARTING);
    see(fx, &i, ready(FX_AT_MS + 41000));
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.running_at_ms, FX_AT_MS + 40000); /* not later than now */
    fx_check(fx);
    drop(&i);
}

static void a_restart_takes_stock_and_credit_again_and_is_checked_again(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    fx_advance(fx, 100);
    fx_act(fx, &i, INSTANCE_STOP);
    see(fx, &i, ended(FX_AT_MS + 100000));
    fx_advance(fx, 1000);
    fx_act(fx, &i, INSTANCE_START);
    assert_int_equal(i.state, INSTANCE_STARTING);
    assert_int_equal(i.gate_verdict, VERDICT_NONE);
    assert_int_equal(fx_pool_used(fx, "gpu"), 1);
    assert_int_equal(fx_account(fx, ACCOUNT_HELD), 3660000);
    see(fx, &i, ended(FX_AT_MS + 100000)); /* the engine still tells of the end before */
    assert_int_equal(i.state, INSTANCE_STARTING);
    fx_advance(fx, 20);
    see(fx, &i, ready(FX_AT_MS + 1110000));
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.running_at_ms, FX_AT_MS + 1110000);
    fx_advance(fx, 50);
    fx_act(fx, &i, INSTANCE_STOP);
    see(fx, &i, ended(FX_AT_MS + 1160000));
    assert_int_equal(i.cost.micros, 150 * 1000);
    fx_check(fx);
    drop(&i);
}

static void a_restart_without_stock_stays_stopped(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, hog = {0};
    struct instance_create in = {.offer_id = "gpu-4.sim", .deadline_at_ms = FX_AT_MS + 20000000};
    char id[ID_MAX];

    to_running(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    see(fx, &i, ended(FX_AT_MS));
    text_copy(id, sizeof id, i.id);
    for (int n = 0; n < 2; n++) {
        OK(instance_launch(AS(owner), &in, &hog, E));
        drop(&hog);
    }
    REFUSED(ERR_NO_STOCK, instance_act(AS(owner), id, 0, INSTANCE_START, &hog, E));
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_STOPPED);
    fx_check(fx);
    drop(&i);
}

static void an_engine_without_room_leaves_a_restart_stopped(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    to_running(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    see(fx, &i, ended(FX_AT_MS));
    fx_advance(fx, 5);
    fx_act(fx, &i, INSTANCE_START);
    OK(instance_fail(AS(us), i.id, INSTANCE_REASON_ENGINE, "no free GPU", E));
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_STOPPED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_ENGINE);
    assert_string_equal(i.state_detail, "no free GPU");
    assert_true(action(&i, INSTANCE_START)->available);
    fx_check(fx);
    drop(&i);
}

/* --- actions ------------------------------------------------------------------------- */

static void actions_say_what_may_be_asked_and_why_not(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, seen = {0};

    fx_launch(fx, &i);
    assert_false(action(&i, INSTANCE_STOP)->available);
    assert_contains(action(&i, INSTANCE_STOP)->reason, "not begun");
    assert_false(action(&i, INSTANCE_START)->available);
    assert_true(action(&i, INSTANCE_DELETE)->available);
    assert_string_equal(action(&i, INSTANCE_DELETE)->reason, "");
    see(fx, &i, ready(FX_AT_MS));
    OK(instance_get(AS(owner), i.id, &seen, E));
    assert_true(action(&seen, INSTANCE_STOP)->available);
    drop(&seen);
    OK(instance_get(AS(viewer), i.id, &seen, E));
    assert_false(action(&seen, INSTANCE_STOP)->available);
    assert_contains(action(&seen, INSTANCE_STOP)->reason, "you are viewer");
    drop(&seen);
    OK(instance_get(AS(support), i.id, &seen, E));
    assert_true(action(&seen, INSTANCE_STOP)->available);
    assert_false(action(&seen, INSTANCE_DELETE)->available);
    drop(&seen);
    drop(&i);
}

static void stop_twice_is_a_conflict(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    to_running(fx, &i);
    OK(instance_act(AS(owner), i.id, 0, INSTANCE_STOP, &out, E));
    drop(&out);
    REFUSED(ERR_CONFLICT, instance_act(AS(owner), i.id, 0, INSTANCE_STOP, &out, E));
    assert_contains(fx->e.msg, "stopping already");
    drop(&i);
}

static void every_action_that_the_state_forbids_is_a_conflict(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    fx_launch(fx, &i);
    REFUSED(ERR_CONFLICT, instance_act(AS(owner), i.id, 0, INSTANCE_STOP, &out, E));
    REFUSED(ERR_CONFLICT, instance_act(AS(owner), i.id, 0, INSTANCE_START, &out, E));
    see(fx, &i, ready(FX_AT_MS));
    REFUSED(ERR_CONFLICT, instance_act(AS(owner), i.id, 0, INSTANCE_START, &out, E));
    fx_act(fx, &i, INSTANCE_DELETE);
    REFUSED(ERR_CONFLICT, instance_act(AS(owner), i.id, 0, INSTANCE_DELETE, &out, E));
    REFUSED(ERR_CONFLICT, instance_act(AS(owner), i.id, 0, INSTANCE_STOP, &out, E));
    drop(&i);
}

static void an_action_needs_the_version_it_was_meant_for(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    to_running(fx, &i);
    REFUSED(ERR_PRECONDITION, instance_act(AS(owner), i.id, i.version - 1, INSTANCE_STOP, &out, E));
    OK(instance_act(AS(owner), i.id, i.version, INSTANCE_STOP, &out, E));
    drop(&out);
    drop(&i);
}

static void somebody_elses_instance_is_not_found(void **state)
{
    struct fx_service *fx = *state;
    struct instance_patch patch = {.name = "mine"};
    struct instance i = {0}, out = {0};

    fx_launch(fx, &i);
    REFUSED(ERR_NOT_FOUND, instance_get(AS(other), i.id, &out, E));
    {
        char said[ERR_MSG_MAX], want[ERR_MSG_MAX];

        text_copy(said, sizeof said, fx->e.msg);
        snprintf(want, sizeof want, "no instance %s", i.id);
        assert_string_equal(said, want);
    }
    REFUSED(ERR_NOT_FOUND, instance_act(AS(other), i.id, 0, INSTANCE_DELETE, &out, E));
    REFUSED(ERR_NOT_FOUND, instance_update(AS(other), i.id, 0, &patch, 1, &out, E));
    REFUSED(ERR_NOT_FOUND, instance_get(AS(owner), "ins_nothing", &out, E));
    drop(&i);
}

static void support_may_stop_and_nothing_more(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0}, out = {0};

    to_running(fx, &i);
    REFUSED(ERR_FORBIDDEN, instance_act(AS(support), i.id, 0, INSTANCE_DELETE, &out, E));
    REFUSED(ERR_FORBIDDEN, instance_act(AS(operator_), i.id, 0, INSTANCE_STOP, &out, E));
    REFUSED(ERR_FORBIDDEN, instance_act(AS(viewer), i.id, 0, INSTANCE_STOP, &out, E));
    OK(instance_act(AS(support), i.id, 0, INSTANCE_STOP, &out, E));
    assert_int_equal(out.state_reason, INSTANCE_REASON_BY_STAFF);
    drop(&out);
    drop(&i);
}

/* --- changes ------------------------------------------------------------------------- */

static void name_and_deadline_change_and_nothing_else(void **state)
{
    struct fx_service *fx = *state;
    struct instance_patch patch = {.name = "green", .deadline_at_ms = FX_AT_MS + 5000};
    struct instance i = {0}, out = {0};

    to_running(fx, &i);
    OK(instance_update(AS(member), i.id, i.version, &patch, 1, &out, E));
    assert_string_equal(out.name, "green");
    assert_int_equal(out.deadline_at_ms, 0);
    assert_int_equal(fx_audits(fx, "instance.update", i.id), 4);
    drop(&out);
    OK(instance_update(AS(member), i.id, 0, &patch, 2, &out, E));
    assert_int_equal(out.deadline_at_ms, FX_AT_MS + 5000);
    drop(&out);
    patch.deadline_at_ms = 0;
    OK(instance_update(AS(member), i.id, 0, &patch, 2, &out, E));
    assert_int_equal(out.deadline_at_ms, 0);
    drop(&out);
    patch.deadline_at_ms = FX_AT_MS;
    REFUSED(ERR_INVALID, instance_update(AS(member), i.id, 0, &patch, 2, &out, E));
    assert_pointer("/deadline_at");
    patch.deadline_at_ms = FX_AT_MS + 6LL * 365 * 24 * 3600 * 1000; /* as at a launch */
    REFUSED(ERR_INVALID, instance_update(AS(member), i.id, 0, &patch, 2, &out, E));
    assert_pointer("/deadline_at");
    patch.name[0] = '\0';
    REFUSED(ERR_INVALID, instance_update(AS(member), i.id, 0, &patch, 1, &out, E));
    assert_pointer("/name");
    REFUSED(ERR_PRECONDITION, instance_update(AS(member), i.id, 1, &patch, 1, &out, E));
    REFUSED(ERR_FORBIDDEN, instance_update(AS(viewer), i.id, 0, &patch, 1, &out, E));
    drop(&i);
}

static void a_list_shows_live_cost_and_filters_by_state(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10, .state = "running"};
    struct instance *items = NULL, i = {0}, waiting = {0};
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    to_running(fx, &i);
    fx_launch(fx, &waiting);
    fx_advance(fx, 7);
    OK(instance_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].id, i.id);
    assert_int_equal(items[0].cost.micros, 7000);
    assert_int_equal(items[0].cost_at_ms, FX_AT_MS + 7000);
    LIST_FREE(&instance_shape, items, count);
    OK(instance_list(AS(other), &q, &items, &count, next, E));
    assert_int_equal(count, 0);
    free(items);
    text_copy(q.state, sizeof q.state, "flying");
    REFUSED(ERR_INVALID, instance_list(AS(viewer), &q, &items, &count, next, E));
    drop(&waiting);
    drop(&i);
}

/* What is told without a transaction must agree with what the transaction does. */
static void a_look_that_changes_nothing_is_known_before(void **state)
{
    struct fx_service *fx = *state;
    struct engine_instance seen[] = {
        absent, starting, checking, ready(FX_AT_MS), {.state = ENGINE_STOPPING}};
    struct instance i = {0};

    to_running(fx, &i);
    for (size_t n = 1; n < ARRAY_SIZE(seen); n++) {
        int64_t version = i.version;

        assert_false(instance_observe_due(&i, &seen[n]));
        see(fx, &i, seen[n]);
        assert_int_equal(i.version, version);
    }
    assert_true(instance_observe_due(&i, &seen[0]));
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_deleted_instance_is_billed_until_it_ended_and_gone_when_the_engine_says),
        FX_TEST(deleting_before_it_ran_costs_nothing),
        FX_TEST(stopping_while_it_comes_up_costs_nothing),
        FX_TEST(a_restart_takes_stock_and_credit_again_and_is_checked_again),
        FX_TEST(a_restart_after_the_clock_stepped_back_is_not_ended_by_the_end_before),
        FX_TEST(a_restart_without_stock_stays_stopped),
        FX_TEST(an_engine_without_room_leaves_a_restart_stopped),
        FX_TEST(actions_say_what_may_be_asked_and_why_not),
        FX_TEST(stop_twice_is_a_conflict),
        FX_TEST(every_action_that_the_state_forbids_is_a_conflict),
        FX_TEST(an_action_needs_the_version_it_was_meant_for),
        FX_TEST(somebody_elses_instance_is_not_found),
        FX_TEST(support_may_stop_and_nothing_more),
        FX_TEST(name_and_deadline_change_and_nothing_else),
        FX_TEST(a_list_shows_live_cost_and_filters_by_state),
        FX_TEST(a_look_that_changes_nothing_is_known_before),
    };

    return T_RUN("service instance", tests);
}
