/* The life cycles of instances and jobs, walked whole. */
#include "tests/support/t.h"

#include "model/instance.h"
#include "model/job.h"

typedef bool may_move_fn(int from, int to);

static bool instance_move(int from, int to)
{
    return instance_may_move((enum instance_state)from, (enum instance_state)to);
}

static bool job_move(int from, int to)
{
    return job_may_move((enum job_state)from, (enum job_state)to);
}

static unsigned reachable(may_move_fn *may_move, int count, int first)
{
    unsigned seen = 1u << first, before;

    do {
        before = seen;
        for (int from = 0; from < count; from++)
            for (int to = 0; to < count; to++)
                if (seen & (1u << from) && may_move(from, to))
                    seen |= 1u << to;
    } while (seen != before);
    return seen;
}

static void every_state_can_be_reached_from_the_first(void **state)
{
    UNUSED(state);
    assert_int_equal(reachable(instance_move, INSTANCE_STATE_COUNT, INSTANCE_REQUESTED),
                     (1u << INSTANCE_STATE_COUNT) - 1);
    assert_int_equal(reachable(job_move, JOB_STATE_COUNT, JOB_QUEUED), (1u << JOB_STATE_COUNT) - 1);
}

static void every_life_can_end(void **state)
{
    UNUSED(state);
    for (int from = 0; from < INSTANCE_STATE_COUNT; from++)
        assert_true(reachable(instance_move, INSTANCE_STATE_COUNT, from) &
                    (1u << INSTANCE_TERMINATED));
    for (int from = 0; from < JOB_STATE_COUNT; from++) {
        bool ends = job_is_over((enum job_state)from);

        for (int to = 0; to < JOB_STATE_COUNT; to++)
            ends = ends || (job_is_over((enum job_state)to) &&
                            reachable(job_move, JOB_STATE_COUNT, from) & (1u << to));
        assert_true(ends);
    }
}

static void a_state_that_is_over_is_never_left(void **state)
{
    UNUSED(state);
    assert_true(instance_is_over(INSTANCE_TERMINATED));
    assert_false(instance_is_over(INSTANCE_FAILED));
    assert_false(instance_is_over(INSTANCE_STOPPED));
    for (int to = 0; to < INSTANCE_STATE_COUNT; to++)
        assert_false(instance_move(INSTANCE_TERMINATED, to));
    for (int from = JOB_SUCCEEDED; from <= JOB_LOST; from++) {
        assert_true(job_is_over((enum job_state)from));
        for (int to = 0; to < JOB_STATE_COUNT; to++)
            assert_false(job_move(from, to));
    }
    for (int from = JOB_QUEUED; from <= JOB_CANCELLING; from++)
        assert_false(job_is_over((enum job_state)from));
}

static void no_state_moves_to_itself(void **state)
{
    UNUSED(state);
    for (int s = 0; s < INSTANCE_STATE_COUNT; s++)
        assert_false(instance_move(s, s));
    for (int s = 0; s < JOB_STATE_COUNT; s++)
        assert_false(job_move(s, s));
}

static void a_value_that_is_no_state_moves_nowhere(void **state)
{
    UNUSED(state);
    assert_false(instance_move(-1, INSTANCE_RUNNING));
    assert_false(instance_move(INSTANCE_RUNNING, INSTANCE_STATE_COUNT));
    assert_false(instance_move(INSTANCE_STATE_COUNT, INSTANCE_RUNNING));
    assert_false(job_move(-1, JOB_RUNNING));
    assert_false(job_move(JOB_RUNNING, JOB_STATE_COUNT));
    assert_false(instance_is_over((enum instance_state)99));
    assert_false(job_is_over((enum job_state)99));
    assert_int_equal(instance_billing((enum instance_state)99), BILLING_OFF);
}

static void the_health_check_comes_before_running(void **state)
{
    UNUSED(state);
    for (int from = 0; from < INSTANCE_STATE_COUNT; from++)
        if (instance_move(from, INSTANCE_RUNNING))
            assert_true(from == INSTANCE_HEALTH_CHECK || from == INSTANCE_UNREACHABLE);
    assert_true(instance_move(INSTANCE_STARTING, INSTANCE_HEALTH_CHECK));
    assert_true(instance_move(INSTANCE_PROVISIONING, INSTANCE_HEALTH_CHECK));
}

static void compute_is_billed_from_running_until_the_end_is_confirmed(void **state)
{
    UNUSED(state);
    for (int s = 0; s < INSTANCE_STATE_COUNT; s++) {
        bool on = s == INSTANCE_RUNNING || s == INSTANCE_UNREACHABLE || s == INSTANCE_STOPPING ||
                  s == INSTANCE_TERMINATING;

        assert_int_equal(instance_billing((enum instance_state)s), on ? BILLING_ON : BILLING_OFF);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_state_can_be_reached_from_the_first),
    cmocka_unit_test(every_life_can_end),
    cmocka_unit_test(a_state_that_is_over_is_never_left),
    cmocka_unit_test(no_state_moves_to_itself),
    cmocka_unit_test(a_value_that_is_no_state_moves_nowhere),
    cmocka_unit_test(the_health_check_comes_before_running),
    cmocka_unit_test(compute_is_billed_from_running_until_the_end_is_confirmed),
};

int main(void)
{
    return T_RUN("model_states", tests);
}
