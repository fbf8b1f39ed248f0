/* Jobs: what may be submitted, and what the engine's news do. The engine is played by hand. */
#include "tests/support/fx_service.h"

static void drop(struct job *j)
{
    shape_release(&job_shape, j);
}
static void drop_instance(struct instance *i)
{
    shape_release(&instance_shape, i);
}

static char command[] = "python3 train.py --epochs 3";

static struct job_create on(const struct instance *i)
{
    struct job_create in = {.command = command};

    text_copy(in.instance_id, sizeof in.instance_id, i->id);
    return in;
}

static void submit(struct fx_service *fx, struct instance *i, struct job *j)
{
    struct job_create in;

    fx_running(fx, i);
    in = on(i);
    OK(job_submit(AS(owner), &in, j, E));
}

static void see(struct fx_service *fx, struct job *j, struct engine_job seen)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, j->id);
    drop(j);
    OK(job_observe(AS(us), id, &seen, j, E));
}

static const struct engine_job absent = {.state = ENGINE_ABSENT, .exit_code = -1};
static const struct engine_job running = {
    .state = ENGINE_READY, .exit_code = -1, .started_at_ms = FX_AT_MS, .log_bytes = 10};

static struct engine_job ended(enum job_reason why, int64_t exit_code, int64_t sig)
{
    return (struct engine_job){.state = ENGINE_ENDED,
                               .reason = why,
                               .exit_code = exit_code,
                               .signal = sig,
                               .started_at_ms = FX_AT_MS,
                               .ended_at_ms = FX_AT_MS + 1,
                               .log_bytes = 99};
}

/* --- submitting ---------------------------------------------------------------------- */

static void a_job_waits_for_its_instance(void **state)
{
    struct fx_service *fx = *state;
    struct env_entry env[] = {{.name = "A", .value = command}, {.name = "_b2", .value = NULL}};
    struct instance i = {0};
    struct job j = {0}, seen = {0};
    struct job_create in;

    fx_launch(fx, &i); /* not running yet */
    in = on(&i);
    in.env = env;
    in.env_count = 2;
    in.time_limit_seconds = 60;
    OK(job_submit(AS(member), &in, &j, E));
    assert_int_equal(j.state, JOB_QUEUED);
    assert_int_equal(j.state_reason, JOB_REASON_WAITING);
    assert_int_equal(j.exit_code, -1);
    assert_false(j.owns_instance);
    assert_string_equal(j.project_id, i.project_id);
    assert_int_equal(strncmp(j.name, "python3-", 8), 0);
    assert_true(j.actions[0].available);
    OK(job_get(AS(viewer), j.id, &seen, E));
    assert_string_equal(seen.command, command);
    assert_int_equal(seen.env_count, 2);
    assert_string_equal(seen.env[1].value, "");
    assert_int_equal(seen.time_limit_seconds, 60);
    assert_contains(seen.actions[0].reason, "you are viewer");
    assert_int_equal(fx_events(fx, "job.state", j.id), 1);
    drop(&seen);
    REFUSED(ERR_CONFLICT, job_begin(AS(us), j.id, &seen, E));
    drop(&j);
    drop_instance(&i);
}

static void a_job_with_an_offer_brings_its_instance_in_one_transaction(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in = {.command = command,
                            .offer_id = "gpu-1.sim",
                            .name = "train",
                            .time_limit_seconds = 600,
                            .network = true};
    struct instance i = {0};
    struct job j = {0};
    struct credit c;

    OK(job_submit(AS(owner), &in, &j, E));
    assert_true(j.owns_instance);
    OK(instance_get(AS(owner), j.instance_id, &i, E));
    assert_string_equal(i.job_id, j.id);
    assert_string_equal(i.name, "train");
    assert_true(i.network);
    fx_credit(fx, &c); /* to its limit and the stop, and what every hold keeps for a stop */
    assert_int_equal(c.held.micros, (600 + FX_RESERVE + FX_RESERVE) * 1000);
    fx_check(fx);
    drop(&j);
    drop_instance(&i);
}

static void a_job_whose_launch_is_refused_is_not_there(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in = {.command = command, .offer_id = "gpu-1.sim", .time_limit_seconds = 60};
    struct page_query q = {.limit = 10};
    char next[CURSOR_BYTES_MAX];
    struct job *items = NULL, j = {0};
    size_t count = 1;

    REFUSED(ERR_NO_CREDIT, job_submit(AS(other), &in, &j, E));
    OK(job_list(AS(other), &q, &items, &count, next, E));
    assert_int_equal(count, 0);
    free(items);
}

static void what_makes_no_sense_is_refused_with_its_place(void **state)
{
    static char blank[] = " \n", good[] = "true";
    static struct env_entry digit = {.name = "1A", .value = good};
    static struct env_entry dash = {.name = "A-B", .value = good};
    static struct env_entry twice[] = {{.name = "A", .value = good}, {.name = "A", .value = good}};
    static const struct {
        const char *pointer;
        struct job_create in;
    } rows[] = {
        {"", {.command = good}},
        {"/instance_id", {.command = good, .instance_id = "ins_1", .offer_id = "gpu-1.sim"}},
        {"/time_limit_seconds", {.command = good, .offer_id = "gpu-1.sim"}},
        {"/time_limit_seconds",
         {.command = good, .offer_id = "gpu-1.sim", .time_limit_seconds = -1}},
        {"/network", {.command = good, .instance_id = "ins_1", .network = true}},
        {"/project_id", {.command = good, .instance_id = "ins_1", .project_id = "prj_1"}},
        {"/command", {.command = blank, .instance_id = "ins_1"}},
        {"/command", {.instance_id = "ins_1"}},
        {"/name", {.command = good, .instance_id = "ins_1", .name = "\x1b[2J"}},
        {"/env/0/name", {.command = good, .instance_id = "ins_1", .env = &digit, .env_count = 1}},
        {"/env/0/name", {.command = good, .instance_id = "ins_1", .env = &dash, .env_count = 1}},
        {"/env/1/name", {.command = good, .instance_id = "ins_1", .env = twice, .env_count = 2}},
        {"/offer_id", {.command = good, .offer_id = "nothing", .time_limit_seconds = 1}},
    };
    struct fx_service *fx = *state;
    struct estimate x = {0};
    struct job j = {0};

    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        REFUSED(ERR_INVALID, job_submit(AS(owner), &rows[n].in, &j, E));
        assert_pointer(rows[n].pointer);
        REFUSED(ERR_INVALID, job_estimate(AS(owner), &rows[n].in, &x, E));
    }
}

static void an_instance_that_takes_no_jobs_is_a_conflict(void **state)
{
    struct fx_service *fx = *state;
    struct job_create own = {.command = command, .offer_id = "gpu-1.sim", .time_limit_seconds = 9};
    struct job_create in;
    struct instance i = {0};
    struct job j = {0}, other = {0};

    fx_running(fx, &i);
    in = on(&i);
    fx_act(fx, &i, INSTANCE_STOP);
    REFUSED(ERR_CONFLICT, job_submit(AS(owner), &in, &j, E));
    assert_contains(fx->e.msg, "takes no jobs");
    OK(job_submit(AS(owner), &own, &other, E));
    text_copy(in.instance_id, sizeof in.instance_id, other.instance_id);
    REFUSED(ERR_CONFLICT, job_submit(AS(owner), &in, &j, E));
    assert_contains(fx->e.msg, "another job");
    drop(&other);
    drop_instance(&i);
}

static void an_instance_of_somebody_else_is_not_found(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in;
    struct instance i = {0};
    struct job j = {0};

    fx_running(fx, &i);
    in = on(&i);
    REFUSED(ERR_NOT_FOUND, job_submit(AS(other), &in, &j, E));
    REFUSED(ERR_FORBIDDEN, job_submit(AS(viewer), &in, &j, E));
    REFUSED(ERR_FORBIDDEN, job_submit(AS(support), &in, &j, E));
    OK(job_submit(AS(member), &in, &j, E));
    {
        struct job out = {0};

        REFUSED(ERR_NOT_FOUND, job_get(AS(other), j.id, &out, E));
        REFUSED(ERR_NOT_FOUND, job_cancel(AS(other), j.id, 0, &out, E));
        REFUSED(ERR_FORBIDDEN, job_cancel(AS(viewer), j.id, 0, &out, E));
    }
    drop(&j);
    drop_instance(&i);
}

static void an_estimate_of_a_job_says_what_its_launch_would(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in = {.command = command, .offer_id = "gpu-1.sim", .time_limit_seconds = 600};
    struct instance i = {0};
    struct estimate x = {0};

    OK(job_estimate(AS(owner), &in, &x, E));
    assert_true(x.accepted);
    assert_int_equal(x.hold.micros, (600 + 2 * FX_RESERVE) * 1000);
    assert_int_equal(x.cost_to_deadline.micros, (600 + FX_RESERVE) * 1000);
    shape_release(&estimate_shape, &x);
    fx_running(fx, &i);
    in = on(&i);
    OK(job_estimate(AS(owner), &in, &x, E));
    assert_true(x.accepted);
    assert_int_equal(x.hold.micros, 0);
    assert_int_equal(x.cost_to_deadline.micros, 0);
    shape_release(&estimate_shape, &x);
    drop_instance(&i);
}

/* --- what the engine says ------------------------------------------------------------ */

static void every_end_has_its_state_and_reason(void **state)
{
    static const struct {
        enum job_reason seen;
        int64_t exit_code, sig;
        enum job_state want;
        enum job_reason why;
    } rows[] = {
        {JOB_REASON_EXITED, 0, 0, JOB_SUCCEEDED, JOB_REASON_EXITED},
        {JOB_REASON_EXITED, 3, 0, JOB_FAILED, JOB_REASON_EXITED},
        {JOB_REASON_SIGNAL, -1, 11, JOB_FAILED, JOB_REASON_SIGNAL},
        {JOB_REASON_TIME_LIMIT, -1, 15, JOB_TIMED_OUT, JOB_REASON_TIME_LIMIT},
        {JOB_REASON_MEMORY, -1, 9, JOB_FAILED, JOB_REASON_MEMORY},
        {JOB_REASON_LOG_QUOTA, -1, 9, JOB_FAILED, JOB_REASON_LOG_QUOTA},
        {JOB_REASON_BY_MEMBER, -1, 15, JOB_CANCELLED, JOB_REASON_BY_MEMBER},
        {JOB_REASON_INSTANCE_ENDED, -1, 15, JOB_FAILED, JOB_REASON_INSTANCE_ENDED},
        {JOB_REASON_NONE, -1, 0, JOB_FAILED, JOB_REASON_ENGINE},
    };
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        struct job_create in = on(&i);
        struct job j = {0};

        OK(job_submit(AS(owner), &in, &j, E));
        see(fx, &j, running);
        assert_int_equal(j.state, JOB_RUNNING);
        assert_int_equal(j.started_at_ms, FX_AT_MS);
        see(fx, &j, ended(rows[n].seen, rows[n].exit_code, rows[n].sig));
        assert_int_equal(j.state, rows[n].want);
        assert_int_equal(j.state_reason, rows[n].why);
        assert_int_equal(j.exit_code, rows[n].exit_code);
        assert_int_equal(j.signal, rows[n].sig);
        assert_int_equal(j.log_bytes, 99);
        assert_false(j.actions[0].available);
        drop(&j);
    }
    drop_instance(&i);
}

static void a_job_that_ended_stays_as_it_ended(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct job j = {0};

    submit(fx, &i, &j);
    see(fx, &j, ended(JOB_REASON_EXITED, 0, 0)); /* quicker than anybody looked */
    assert_int_equal(j.state, JOB_SUCCEEDED);
    see(fx, &j, running);
    see(fx, &j, absent);
    see(fx, &j, ended(JOB_REASON_EXITED, 1, 0));
    assert_int_equal(j.state, JOB_SUCCEEDED);
    assert_int_equal(j.exit_code, 0);
    assert_int_equal(fx_events(fx, "job.state", j.id), 3);
    drop(&j);
    drop_instance(&i);
}

static void intent_is_written_before_the_engine_is_asked(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct job j = {0}, out = {0};

    submit(fx, &i, &j);
    OK(job_begin(AS(us), j.id, &out, E));
    assert_int_equal(out.state, JOB_STARTING);
    drop(&out);
    OK(job_begin(AS(us), j.id, &out, E)); /* again, after a crash */
    assert_int_equal(out.state, JOB_STARTING);
    drop(&out);
    see(fx, &j, absent);
    assert_int_equal(j.state, JOB_STARTING);
    see(fx, &j, running);
    assert_int_equal(j.state, JOB_RUNNING);
    drop(&j);
    drop_instance(&i);
}

static void a_running_job_that_the_engine_forgot_is_lost(void **state)
{
    struct fx_service *fx = *state;
    struct engine_job gone = {.state = ENGINE_FAILED, .exit_code = -1, .detail = "no supervisor"};
    struct instance i = {0};
    struct job a = {0}, b = {0};
    struct job_create in;

    submit(fx, &i, &a);
    in = on(&i);
    OK(job_submit(AS(owner), &in, &b, E));
    see(fx, &a, running);
    see(fx, &a, absent);
    assert_int_equal(a.state, JOB_LOST);
    assert_int_equal(a.state_reason, JOB_REASON_LOST);
    see(fx, &b, running);
    see(fx, &b, gone);
    assert_int_equal(b.state, JOB_LOST);
    assert_string_equal(b.state_detail, "no supervisor");
    drop(&a);
    drop(&b);
    drop_instance(&i);
}

/* Bring the instance under a job into `to`, as the engine would report it. */
static void end_instance(struct fx_service *fx, struct instance *i, enum engine_state to)
{
    struct engine_instance seen = {.state = to, .ended_at_ms = FX_AT_MS};
    struct instance out = {0};

    OK(instance_observe(AS(us), i->id, &seen, &out, E));
    drop_instance(&out);
}

static void a_job_ends_with_its_instance(void **state)
{
    struct fx_service *fx = *state;
    struct instance a = {0}, b = {0};
    struct job ja = {0}, jb = {0};

    submit(fx, &a, &ja);
    see(fx, &ja, running);
    end_instance(fx, &a, ENGINE_ENDED);
    see(fx, &ja, running); /* stopped, but its files are there and may say how it ended */
    assert_int_equal(ja.state, JOB_RUNNING);
    fx_act(fx, &a, INSTANCE_DELETE);
    end_instance(fx, &a, ENGINE_ABSENT);
    see(fx, &ja, running); /* nothing can run where nothing is */
    assert_int_equal(ja.state, JOB_FAILED);
    assert_int_equal(ja.state_reason, JOB_REASON_INSTANCE_ENDED);
    submit(fx, &b, &jb); /* still queued */
    end_instance(fx, &b, ENGINE_FAILED);
    see(fx, &jb, absent);
    assert_int_equal(jb.state, JOB_FAILED);
    assert_int_equal(jb.state_reason, JOB_REASON_INSTANCE_FAILED);
    drop(&ja);
    drop(&jb);
    drop_instance(&a);
    drop_instance(&b);
}

static void a_job_killed_with_its_instance_says_so(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct job j = {0};

    submit(fx, &i, &j);
    see(fx, &j, running);
    fx_act(fx, &i, INSTANCE_STOP);
    see(fx, &j, ended(JOB_REASON_SIGNAL, -1, 15));
    assert_int_equal(j.state_reason, JOB_REASON_INSTANCE_ENDED);
    drop(&j);
    drop_instance(&i);
}

static void the_end_of_a_job_dismisses_the_instance_made_for_it(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in = {.command = command, .offer_id = "gpu-1.sim", .time_limit_seconds = 60};
    struct instance i = {0};
    struct job j = {0};

    OK(job_submit(AS(owner), &in, &j, E));
    fx_step(fx);
    see(fx, &j, ended(JOB_REASON_EXITED, 0, 0));
    OK(instance_get(AS(owner), j.instance_id, &i, E));
    assert_int_equal(i.desired_state, INSTANCE_WANT_TERMINATED);
    assert_int_equal(i.state_reason, INSTANCE_REASON_JOB_ENDED);
    drop(&j);
    drop_instance(&i);
}

/* --- cancelling ---------------------------------------------------------------------- */

static void a_queued_job_is_cancelled_at_once_with_its_instance(void **state)
{
    struct fx_service *fx = *state;
    struct job_create in = {.command = command, .offer_id = "gpu-1.sim", .time_limit_seconds = 60};
    struct instance i = {0};
    struct job j = {0}, out = {0};

    OK(job_submit(AS(owner), &in, &j, E));
    OK(job_cancel(AS(owner), j.id, j.version, &out, E));
    assert_int_equal(out.state, JOB_CANCELLED);
    assert_int_equal(out.ended_at_ms, FX_AT_MS);
    OK(instance_get(AS(owner), j.instance_id, &i, E));
    assert_int_equal(i.state, INSTANCE_TERMINATING);
    drop(&out);
    drop(&j);
    drop_instance(&i);
}

static void a_running_job_is_cancelling_until_the_engine_says_how_it_ended(void **state)
{
    static const struct {
        struct engine_job seen;
        enum job_state want;
    } rows[] = {
        {{.state = ENGINE_ENDED, .reason = JOB_REASON_BY_MEMBER, .exit_code = -1}, JOB_CANCELLED},
        {{.state = ENGINE_ENDED, .reason = JOB_REASON_SIGNAL, .signal = 15}, JOB_CANCELLED},
        {{.state = ENGINE_ENDED, .reason = JOB_REASON_INSTANCE_ENDED}, JOB_CANCELLED},
        {{.state = ENGINE_ENDED, .reason = JOB_REASON_EXITED, .exit_code = 0}, JOB_SUCCEEDED},
        {{.state = ENGINE_ABSENT}, JOB_CANCELLED},
        {{.state = ENGINE_FAILED}, JOB_LOST},
    };
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        struct job_create in = on(&i);
        struct job j = {0}, out = {0};

        OK(job_submit(AS(owner), &in, &j, E));
        see(fx, &j, running);
        OK(job_cancel(AS(owner), j.id, 0, &out, E));
        assert_int_equal(out.state, JOB_CANCELLING);
        drop(&out);
        see(fx, &j, running);
        assert_int_equal(j.state, JOB_CANCELLING);
        see(fx, &j, rows[n].seen);
        assert_int_equal(j.state, rows[n].want);
        drop(&j);
    }
    drop_instance(&i);
}

static void cancelling_twice_or_too_late_is_a_conflict(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};
    struct job j = {0}, out = {0};

    submit(fx, &i, &j);
    see(fx, &j, running);
    REFUSED(ERR_PRECONDITION, job_cancel(AS(owner), j.id, j.version - 1, &out, E));
    OK(job_cancel(AS(support), j.id, 0, &out, E));
    drop(&out);
    REFUSED(ERR_CONFLICT, job_cancel(AS(owner), j.id, 0, &out, E));
    assert_contains(fx->e.msg, "already");
    see(fx, &j, ended(JOB_REASON_BY_MEMBER, -1, 15));
    REFUSED(ERR_CONFLICT, job_cancel(AS(owner), j.id, 0, &out, E));
    assert_contains(fx->e.msg, "has ended");
    REFUSED(ERR_NOT_FOUND, job_cancel(AS(owner), "job_nothing", 0, &out, E));
    drop(&j);
    drop_instance(&i);
}

static void a_list_filters_by_state_and_instance(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10, .state = "running"};
    char next[CURSOR_BYTES_MAX];
    struct instance i = {0};
    struct job j = {0}, *items = NULL;
    size_t count = 0;

    submit(fx, &i, &j);
    OK(job_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 0);
    free(items);
    see(fx, &j, running);
    text_copy(q.instance_id, sizeof q.instance_id, i.id);
    OK(job_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_int_equal(items[0].action_count, 1);
    LIST_FREE(&job_shape, items, count);
    text_copy(q.state, sizeof q.state, "flying");
    REFUSED(ERR_INVALID, job_list(AS(viewer), &q, &items, &count, next, E));
    drop(&j);
    drop_instance(&i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_job_waits_for_its_instance),
        FX_TEST(a_job_with_an_offer_brings_its_instance_in_one_transaction),
        FX_TEST(a_job_whose_launch_is_refused_is_not_there),
        FX_TEST(what_makes_no_sense_is_refused_with_its_place),
        FX_TEST(an_instance_that_takes_no_jobs_is_a_conflict),
        FX_TEST(an_instance_of_somebody_else_is_not_found),
        FX_TEST(an_estimate_of_a_job_says_what_its_launch_would),
        FX_TEST(every_end_has_its_state_and_reason),
        FX_TEST(a_job_that_ended_stays_as_it_ended),
        FX_TEST(intent_is_written_before_the_engine_is_asked),
        FX_TEST(a_running_job_that_the_engine_forgot_is_lost),
        FX_TEST(a_job_ends_with_its_instance),
        FX_TEST(a_job_killed_with_its_instance_says_so),
        FX_TEST(the_end_of_a_job_dismisses_the_instance_made_for_it),
        FX_TEST(a_queued_job_is_cancelled_at_once_with_its_instance),
        FX_TEST(a_running_job_is_cancelling_until_the_engine_says_how_it_ended),
        FX_TEST(cancelling_twice_or_too_late_is_a_conflict),
        FX_TEST(a_list_filters_by_state_and_instance),
    };

    return T_RUN("service job", tests);
}
