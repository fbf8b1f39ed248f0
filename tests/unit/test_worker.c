/* The worker with the engine `sim`: step by step, with faults, and once with its thread. */
#include "tests/support/fx_service.h"

#include <poll.h>

#include "core/log.h"

static void drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}

static enum engine_state engine_sees(struct fx_service *fx, const char *id)
{
    struct engine_instance seen = {0};

    assert_ok(fx->engine->ops->describe(fx->engine, id, &seen, E), E);
    return seen.state;
}

/* --- instances ----------------------------------------------------------------------- */

static void it_takes_an_instance_through_its_life(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan plan = {.provision_ms = 5000, .check_ms = 3000, .stop_ms = 2000};
    struct instance i = {0};

    sim_plan_instances(fx->engine, &plan);
    fx_launch(fx, &i);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_PROVISIONING);
    fx_advance(fx, 5);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_HEALTH_CHECK);
    fx_advance(fx, 4);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.running_at_ms, FX_AT_MS + 8000); /* when the gate passed, not when we saw */
    fx_advance(fx, 100);
    fx_step(fx);
    fx_act(fx, &i, INSTANCE_DELETE);
    fx_step(fx);
    assert_int_equal(engine_sees(fx, i.id), ENGINE_STOPPING);
    fx_advance(fx, 10);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_TERMINATED);
    assert_int_equal(i.cost.micros, 103 * 1000); /* 8 s to 111 s: ended 2 s after TERM at 109 */
    assert_int_equal(engine_sees(fx, i.id), ENGINE_ABSENT);
    fx_check(fx);
    drop(&i);
}

static void a_settled_fleet_costs_no_engine_calls_and_no_commits(void **state)
{
    struct fx_service *fx = *state;
    struct store_stats before, after;
    struct instance i = {0};
    int64_t calls;

    fx_running(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_step(fx);
    calls = sim_calls(fx->engine, SIM_DESCRIBE);
    store_stats(fx->store, &before);
    fx_step(fx);
    fx_step(fx);
    store_stats(fx->store, &after);
    assert_int_equal(sim_calls(fx->engine, SIM_DESCRIBE), calls);
    assert_int_equal(after.commits, before.commits);
    drop(&i);
}

static void a_running_instance_is_only_written_when_something_is_due(void **state)
{
    struct fx_service *fx = *state;
    struct store_stats before, after;
    struct instance i = {0};

    fx_running(fx, &i);
    store_stats(fx->store, &before);
    for (int n = 0; n < 9; n++) {
        fx_advance(fx, 1);
        fx_step(fx);
    }
    store_stats(fx->store, &after);
    assert_int_equal(after.commits, before.commits);
    fx_advance(fx, 1);
    fx_step(fx);
    store_stats(fx->store, &after);
    assert_int_equal(after.commits, before.commits + 1);
    drop(&i);
}

static void a_gate_that_fails_stops_the_engine_and_costs_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan plan = {.gate_verdict = VERDICT_UNHEALTHY, .gate_summary = "XID 79"};
    struct instance i = {0};

    sim_plan_instances(fx->engine, &plan);
    fx_launch(fx, &i);
    fx_step(fx);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_CHECK_FAILED);
    assert_int_equal(i.desired_state, INSTANCE_WANT_STOPPED);
    assert_int_equal(engine_sees(fx, i.id), ENGINE_ENDED);
    assert_int_equal(i.cost.micros, 0);
    fx_act(fx, &i, INSTANCE_DELETE);
    fx_step(fx);
    assert_int_equal(engine_sees(fx, i.id), ENGINE_ABSENT);
    fx_check(fx);
    drop(&i);
}

static void inconclusive_passes_on_virtual_slots_only(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan plan = {.gate_verdict = VERDICT_INCONCLUSIVE};
    struct instance a = {0}, b = {0};

    sim_plan_instances(fx->engine, &plan);
    fx_launch(fx, &a);
    fx_step(fx);
    fx_look(fx, &a);
    assert_int_equal(a.state, INSTANCE_RUNNING);
    assert_int_equal(a.gate_verdict, VERDICT_INCONCLUSIVE);
    assert_true(a.slots[0].is_virtual);
    sim_slots(fx->engine, FX_SLOTS, false);
    fx_launch(fx, &b);
    fx_step(fx);
    fx_look(fx, &b);
    assert_int_equal(b.state, INSTANCE_FAILED);
    drop(&a);
    drop(&b);
}

static void an_engine_that_cannot_start_it_ends_it(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan plan = {.failure = "no sandbox"};
    struct instance i = {0};

    sim_plan_instances(fx->engine, &plan);
    fx_launch(fx, &i);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_string_equal(i.state_detail, "no sandbox");
    fx_check(fx);
    drop(&i);
}

static void an_engine_without_room_fails_it_for_good(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_launch(fx, &i);
    sim_slots(fx->engine, 0, true);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_ENGINE);
    assert_contains(i.state_detail, "GPU slots");
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    fx_check(fx);
    drop(&i);
}

static void an_engine_that_is_away_is_asked_again_each_time_later(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    int64_t calls;

    log_fd_set(-1);
    sim_fail(fx->engine, SIM_DESCRIBE, -1, ERR_ENGINE, "away");
    fx_launch(fx, &i);
    fx_step(fx);
    calls = sim_calls(fx->engine, SIM_DESCRIBE);
    fx_step(fx); /* too soon */
    assert_int_equal(sim_calls(fx->engine, SIM_DESCRIBE), calls);
    for (int n = 0; n < 100; n++) {
        fx_advance(fx, 1);
        fx_step(fx);
    }
    /* After 0.5, 1, 2, 4, 8, 16, 30, 30 … seconds, not a hundred times. */
    assert_in_range(sim_calls(fx->engine, SIM_DESCRIBE) - calls, 5, 10);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_REQUESTED);
    sim_fail(fx->engine, SIM_DESCRIBE, 0, ERR_ENGINE, "");
    fx_advance(fx, 30);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    log_fd_set(2);
    drop(&i);
}

/* Why: the times that it was away are no times that it could not. */
static void an_engine_that_is_back_may_stumble_once(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    log_fd_set(-1);
    sim_fail(fx->engine, SIM_DESCRIBE, -1, ERR_ENGINE, "away");
    fx_launch(fx, &i);
    for (int n = 0; n < 100; n++) {
        fx_advance(fx, 1);
        fx_step(fx);
    }
    sim_fail(fx->engine, SIM_DESCRIBE, 0, ERR_OK, "");
    sim_fail(fx->engine, SIM_PROVISION, 1, ERR_ENGINE, "hiccup");
    fx_advance(fx, 30);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_REQUESTED);
    fx_advance(fx, 30);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    log_fd_set(2);
    drop(&i);
}

static void an_engine_that_answers_but_cannot_bring_it_up_fails_it(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    log_fd_set(-1);
    sim_fail(fx->engine, SIM_PROVISION, -1, ERR_ENGINE, "no supervisor");
    fx_launch(fx, &i);
    for (int n = 0; n < 30; n++) {
        fx_advance(fx, 1);
        fx_step(fx);
    }
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_ENGINE);
    assert_string_equal(i.state_detail, "no supervisor");
    assert_int_equal(i.cost.micros, 0);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    fx_check(fx);
    log_fd_set(2);
    drop(&i);
}

static void
an_engine_that_stays_away_makes_it_unreachable_and_bills_it_when_it_is_back(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    log_fd_set(-1);
    fx_running(fx, &i);
    sim_fail(fx->engine, SIM_DESCRIBE, -1, ERR_ENGINE, "no answer");
    for (int n = 0; n < 100; n++) {
        fx_advance(fx, 1);
        fx_step(fx);
    }
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_UNREACHABLE);
    assert_string_equal(i.state_detail, "no answer");
    assert_int_equal(i.billing, BILLING_ON);
    fx_check(fx);
    sim_fail(fx->engine, SIM_DESCRIBE, 0, ERR_OK, "");
    fx_advance(fx, 30);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.state_reason, INSTANCE_REASON_NONE);
    assert_int_equal(i.cost.micros, 130 * 1000);
    log_fd_set(2);
    drop(&i);
}

/* Why: an engine that was swapped in the configuration knows nothing of the others' instances. */
static void instances_of_another_engine_are_left_alone(void **state)
{
    struct fx_service *fx = *state;
    struct engine_ops local = *fx->engine->ops;
    const struct engine_ops *was = fx->engine->ops;
    struct instance i = {0};
    struct job j = {0};
    struct job_create in = {.command = (char[]){"true"}};
    int64_t calls;

    fx_running(fx, &i);
    text_copy(in.instance_id, sizeof in.instance_id, i.id);
    OK(job_submit(AS(owner), &in, &j, E));
    local.name = "local";
    fx->engine->ops = &local;
    calls = sim_calls(fx->engine, SIM_DESCRIBE);
    fx_step(fx);
    assert_int_equal(sim_calls(fx->engine, SIM_DESCRIBE), calls);
    assert_int_equal(sim_calls(fx->engine, SIM_JOB_START), 0);
    fx->engine->ops = was;
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    shape_release(&job_shape, &j);
    drop(&i);
}

static void one_object_in_trouble_does_not_keep_the_others_waiting(void **state)
{
    struct fx_service *fx = *state;
    struct instance a = {0}, b = {0};

    log_fd_set(-1);
    fx_launch(fx, &a);
    fx_launch(fx, &b);
    sim_fail(fx->engine, SIM_PROVISION, 1, ERR_ENGINE, "hiccup");
    fx_step(fx);
    fx_look(fx, &a);
    fx_look(fx, &b);
    assert_int_equal(a.state, INSTANCE_REQUESTED);
    assert_int_equal(b.state, INSTANCE_RUNNING);
    fx_advance(fx, 1);
    fx_step(fx);
    fx_look(fx, &a);
    assert_int_equal(a.state, INSTANCE_RUNNING);
    log_fd_set(2);
    drop(&a);
    drop(&b);
}

/* Why: the engine acted, and we died before it was written down. */
static void a_crash_between_the_engine_and_the_row_is_adopted(void **state)
{
    struct fx_service *fx = *state;
    struct engine_provision p = {.gpu_count = 1, .grace_seconds = FX_GRACE};
    struct instance i = {0};

    fx_launch(fx, &i);
    p.instance_id = i.id;
    assert_ok(fx->engine->ops->provision(fx->engine, &p, E), E);
    fx_advance(fx, 60);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.running_at_ms, FX_AT_MS);
    assert_int_equal(sim_calls(fx->engine, SIM_PROVISION), 1);
    drop(&i);
}

static void a_lost_instance_is_billed_to_the_last_look(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    fx_advance(fx, 100);
    fx_step(fx);
    fx_advance(fx, 7200); /* nobody looks for two hours; it dies on the way */
    sim_lose(fx->engine, i.id);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_LOST);
    assert_int_equal(i.cost.micros, 100 * 1000);
    fx_check(fx);
    drop(&i);
}

static void running_out_of_credit_stops_it_within_what_is_held(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan plan = {.stop_ms = 20000};
    struct instance_create in = {.offer_id = "gpu-4.sim"};
    struct instance i = {0};
    struct credit c;

    sim_plan_instances(fx->engine, &plan);
    OK(instance_launch(AS(owner), &in, &i, E)); /* 14.40 an hour of 100 */
    for (int n = 0; n < 8 * 360; n++) {
        fx_step(fx);
        fx_advance(fx, 10);
        if (n % 60 == 0)
            fx_check(fx);
    }
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_STOPPED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_NO_CREDIT);
    fx_credit(fx, &c);
    assert_int_equal(fx_account(fx, ACCOUNT_PROVIDER_LOSS), 0);
    assert_int_equal(c.held.micros, 0);
    /* All but what is kept for stopping and less than a minute of use. */
    assert_in_range(c.available.micros, 0, (FX_RESERVE + 60) * 4000);
    fx_check(fx);
    drop(&i);
}

static void a_deadline_stops_it(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .stop_after_seconds = 90};
    struct instance i = {0};

    OK(instance_launch(AS(owner), &in, &i, E));
    fx_step(fx);
    fx_advance(fx, 90);
    fx_step(fx);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_STOPPED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_DEADLINE);
    assert_int_equal(i.cost.micros, 90 * 1000);
    drop(&i);
}

static void a_stopped_instance_starts_again_with_its_files(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    fx_advance(fx, 10);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_advance(fx, 10);
    fx_act(fx, &i, INSTANCE_START);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(sim_calls(fx->engine, SIM_REMOVE), 0);
    assert_int_equal(i.running_at_ms, FX_AT_MS + 20000);
    fx_check(fx);
    drop(&i);
}

static void a_restart_that_ended_while_it_came_up_is_not_tried_for_ever(void **state)
{
    struct fx_service *fx = *state;
    struct sim_instance_plan slow = {.provision_ms = 60000};
    struct instance i = {0};

    fx_running(fx, &i);
    fx_act(fx, &i, INSTANCE_STOP);
    fx_step(fx);
    fx_advance(fx, 10);
    sim_plan_instances(fx->engine, &slow);
    fx_act(fx, &i, INSTANCE_START);
    fx_step(fx);
    fx_advance(fx, 10);
    assert_ok(fx->engine->ops->stop(fx->engine, i.id, true, E), E);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_FAILED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_ENGINE);
    assert_int_equal(sim_calls(fx->engine, SIM_PROVISION), 2);
    fx_check(fx);
    drop(&i);
}

/* --- orphans and upkeep -------------------------------------------------------------- */

static void what_nobody_knows_is_reported_once_and_left_alone(void **state)
{
    struct fx_service *fx = *state;
    struct engine_provision p = {.instance_id = "ins_stranger", .gpu_count = 1};

    log_fd_set(-1);
    assert_ok(fx->engine->ops->provision(fx->engine, &p, E), E);
    for (int n = 0; n < 5; n++) {
        fx_step(fx);
        fx_advance(fx, 61);
    }
    assert_int_equal(fx_events(fx, "engine.orphan", "ins_stranger"), 1);
    assert_int_equal(engine_sees(fx, "ins_stranger"), ENGINE_READY);
    assert_int_equal(sim_calls(fx->engine, SIM_STOP), 0);
    log_fd_set(2);
}

static void answers_kept_for_repeats_are_forgotten_in_time(void **state)
{
    struct fx_service *fx = *state;
    struct idempotency i = {
        .scope = "key_1 launch", .key = "k", .status = 201, .created_at_ms = FX_AT_MS};
    struct idempotency out = {0};
    char body[] = "{}";

    i.body = body;
    OK(row_idempotency_insert(TX, &i, E));
    fx_step(fx);
    OK(row_idempotency_find(TX, i.scope, i.key, &out, E));
    free(out.body);
    fx_advance(fx, IDEMPOTENCY_KEEP_SECONDS + 3600);
    fx_step(fx);
    REFUSED(ERR_NOT_FOUND, row_idempotency_find(TX, i.scope, i.key, &out, E));
}

/* --- the thread ---------------------------------------------------------------------- */

/* Wait for the row, at most ten seconds. */
static bool comes_to(struct fx_service *fx, const char *id, enum instance_state want)
{
    for (int n = 0; n < 1000; n++) {
        struct instance i = {0};
        enum instance_state is;

        OK(instance_get(AS(us), id, &i, E));
        is = i.state;
        drop(&i);
        if (is == want)
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

static void a_wake_is_enough_without_the_timer(void **state)
{
    struct fx_service *fx = *state;
    struct worker_config c = {
        .service = &fx->sv, .engine = fx->engine, .busy_ms = 3600000, .idle_ms = 3600000};
    struct instance i = {0};
    struct worker *w;

    assert_ok(worker_start(&c, &w, E), E);
    fx_launch(fx, &i);
    worker_wake(w);
    assert_true(comes_to(fx, i.id, INSTANCE_RUNNING));
    fx_act(fx, &i, INSTANCE_STOP);
    worker_wake(w);
    worker_wake(w);
    assert_true(comes_to(fx, i.id, INSTANCE_STOPPED));
    worker_stop(w);
    drop(&i);
}

static void the_timer_is_enough_without_a_wake(void **state)
{
    struct fx_service *fx = *state;
    struct worker_config c = {.service = &fx->sv, .engine = fx->engine, .busy_ms = 5, .idle_ms = 5};
    struct instance i = {0};
    struct worker *w;

    assert_ok(worker_start(&c, &w, E), E);
    fx_launch(fx, &i);
    assert_true(comes_to(fx, i.id, INSTANCE_RUNNING));
    worker_stop(w);
    worker_stop(NULL);
    worker_wake(NULL);
    drop(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(it_takes_an_instance_through_its_life),
        FX_TEST(a_settled_fleet_costs_no_engine_calls_and_no_commits),
        FX_TEST(a_running_instance_is_only_written_when_something_is_due),
        FX_TEST(a_gate_that_fails_stops_the_engine_and_costs_nothing),
        FX_TEST(inconclusive_passes_on_virtual_slots_only),
        FX_TEST(an_engine_that_cannot_start_it_ends_it),
        FX_TEST(an_engine_without_room_fails_it_for_good),
        FX_TEST(an_engine_that_is_away_is_asked_again_each_time_later),
        FX_TEST(an_engine_that_is_back_may_stumble_once),
        FX_TEST(an_engine_that_answers_but_cannot_bring_it_up_fails_it),
        FX_TEST(an_engine_that_stays_away_makes_it_unreachable_and_bills_it_when_it_is_back),
        FX_TEST(instances_of_another_engine_are_left_alone),
        FX_TEST(one_object_in_trouble_does_not_keep_the_others_waiting),
        FX_TEST(a_crash_between_the_engine_and_the_row_is_adopted),
        FX_TEST(a_lost_instance_is_billed_to_the_last_look),
        FX_TEST(running_out_of_credit_stops_it_within_what_is_held),
        FX_TEST(a_deadline_stops_it),
        FX_TEST(a_stopped_instance_starts_again_with_its_files),
        FX_TEST(a_restart_that_ended_while_it_came_up_is_not_tried_for_ever),
        FX_TEST(what_nobody_knows_is_reported_once_and_left_alone),
        FX_TEST(answers_kept_for_repeats_are_forgotten_in_time),
        FX_TEST(a_wake_is_enough_without_the_timer),
        FX_TEST(the_timer_is_enough_without_a_wake),
    };

    return T_RUN("worker", tests);
}
