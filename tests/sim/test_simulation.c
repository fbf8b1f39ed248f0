/* A random life of one organization, from a seed: launches, jobs, stops, deadlines, expiries,
 * grants, engines that fail, are slow or lose things, clocks that step, and crashes between
 * the engine's act and the row. After every step every invariant of the ledger is asserted;
 * at the end what was charged is held against what the engine really ran.
 *
 * SIM_SEEDS=n runs n seeds (12), SIM_SEED=s begins with s (1), SIM_STEPS=n steps each (400). */
#include "tests/support/fx_check.h"
#include "tests/support/fx_ear.h"
#include "tests/support/fx_service.h"

#include "core/log.h"

#define SEEDS      12
#define STEPS      400

#define JOBS_MAX   256
#define GRANTS_MAX 24
#define DRAIN_MAX  400

struct sim {
    struct fx_service *fx;
    struct ear ear;
    struct worker *worker;
    uint64_t seed, state;
    bool clock_steps; /* then times prove nothing about amounts */
    char jobs[JOBS_MAX][ID_MAX];
    size_t job_count;
    int grants;
    /* Entries as they were seen last: they may only grow. */
    struct entry *entries;
    size_t entry_count;
    int64_t balances[ACCOUNT_COUNT];
    int64_t given; /* back, for bad GPUs */
};

/* splitmix64 */
static uint64_t draw(struct sim *s)
{
    uint64_t z = (s->state += 0x9E3779B97F4A7C15u);

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int64_t below(struct sim *s, int64_t n)
{
    return (int64_t)(draw(s) % (uint64_t)n);
}
static bool chance(struct sim *s, int percent)
{
    return below(s, 100) < percent;
}

/* --- the daemon ---------------------------------------------------------------------- */

static void worker_begin(struct sim *s)
{
    struct worker_config c = {.service = &s->fx->sv, .engine = &s->ear.base};
    struct err e = {0};

    assert_ok(worker_open(&c, &s->worker, &e), &e);
}

static void daemon_restart(struct sim *s)
{
    struct fx_service *fx = s->fx;
    struct store_config sc = {.clock = &fx->clock.base, .reader_count = 1};
    char url[URL_BYTES_MAX];
    struct catalogue c = {0};

    worker_close(s->worker);
    service_release(&fx->sv);
    store_close(fx->store);
    snprintf(url, sizeof url, "sqlite:%s/store.db", fx->dir);
    sc.url = url;
    sim_fail(fx->engine, SIM_CAPACITY, 0, ERR_OK, "");
    assert_ok(store_open(&sc, &fx->store, E), E);
    assert_ok(catalogue_load(fx->catalogue_path, &c, E), E);
    assert_ok(
        service_init(&fx->sv, fx->store, &fx->clock.base, fx->engine, fx->catalogue_path, &c, E),
        E);
    worker_begin(s);
}

/* Which periods the rows bill. */
static void meters_look(struct sim *s)
{
    struct fx_service *fx = s->fx;
    struct meter *items = NULL;
    size_t count = 0;

    OK(row_meter_list(TX, "", "", PAGE_ITEMS_MAX, &items, &count, E));
    for (size_t i = 0; i < count; i++) {
        struct truth *t = ear_truth(&s->ear, items[i].instance_id);

        assert_non_null(t);
        t->is_billed |= t->ready_at_ms != 0;
    }
    free(items);
}

static void work(struct sim *s)
{
    struct fx_service *fx = s->fx;

    s->ear.left = chance(s, 15) ? (int)below(s, 12) + 1 : -1;
    assert_ok(worker_step(s->worker, NULL, E), E);
    meters_look(s);
    if (s->ear.left != 0)
        return;
    /* Killed: what it knew beside the rows is gone. */
    worker_close(s->worker);
    worker_begin(s);
    s->ear.left = -1;
}

/* --- acts ---------------------------------------------------------------------------- */

/* One call by a member: sometimes run once for nothing first, as a batch that was rolled back
 * runs its calls again. `drop` releases what a call that succeeded answered. */
#define CALL(rc, call, drop)                                 \
    do {                                                     \
        for (bool twice_ = chance(s, 20);; twice_ = false) { \
            fx_begin(fx);                                    \
            rc = (call);                                     \
            if (!rc && twice_)                               \
                drop;                                        \
            leave(fx, rc || twice_);                         \
            if (!twice_)                                     \
                break;                                       \
        }                                                    \
        if (!rc)                                             \
            drop;                                            \
    } while (0)

static void leave(struct fx_service *fx, bool undo)
{
    struct err e = {0};

    assert_ok(fx->conn->driver->control(fx->conn, undo ? CONTROL_ROLLBACK : CONTROL_COMMIT, &e),
              &e);
}

/* The call was accepted, or refused with one of these codes. */
static void expect(struct fx_service *fx, enum err_code rc, const char *what,
                   const enum err_code *allowed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rc == ERR_OK || rc == allowed[i])
            return;
    fail_msg("%s: %s (%s)", what, err_slug(rc), fx->e.msg);
}
#define EXPECT(rc, ...)                                            \
    expect(fx, rc, __func__, (const enum err_code[]){__VA_ARGS__}, \
           sizeof((enum err_code[]){__VA_ARGS__}) / sizeof(enum err_code))

static const char *draw_offer(struct sim *s)
{
    static const char *const offers[] = {"gpu-1.sim", "gpu-4.sim", "odd-1.sim",
                                         "odd-1.sim", "cpu-2.sim", "gpu-1.far"};

    return offers[below(s, ARRAY_SIZE(offers))];
}

static void act_launch(struct sim *s)
{
    struct fx_service *fx = s->fx;
    struct instance_create in = {0};
    struct instance i = {0};
    enum err_code rc;

    if (s->ear.truth_count + 2 > EAR_TRUTHS_MAX)
        return;
    text_copy(in.offer_id, sizeof in.offer_id, draw_offer(s));
    if (chance(s, 25))
        in.deadline_at_ms = clock_now_ms(&fx->clock.base) + 1 + below(s, 8000000);
    else if (chance(s, 30))
        in.stop_after_seconds = 1 + below(s, 8000);
    CALL(rc, instance_launch(AS(member), &in, &i, E), shape_release(&instance_shape, &i));
    EXPECT(rc, ERR_NO_STOCK, ERR_NO_CREDIT);
}

/* Instances come from two kinds of calls: those that are new get their truth here. */
static void truths_update(struct sim *s)
{
    struct fx_service *fx = s->fx;
    struct page_query q = {.limit = 8};
    struct instance *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(instance_list(AS(us), &q, &items, &count, next, E));
    for (size_t i = 0; i < count; i++)
        if (!ear_truth(&s->ear, items[i].id))
            ear_follow(&s->ear, items[i].id, items[i].price_per_hour.micros);
    LIST_FREE(&instance_shape, items, count);
}

static const char *draw_instance(struct sim *s)
{
    size_t recent = s->ear.truth_count < 16 ? s->ear.truth_count : 16;

    return recent ? s->ear.truths[s->ear.truth_count - 1 - (size_t)below(s, (int64_t)recent)].id
                  : "ins_none";
}

static const char *draw_job(struct sim *s)
{
    size_t recent = s->job_count < 12 ? s->job_count : 12;

    return recent ? s->jobs[s->job_count - 1 - (size_t)below(s, (int64_t)recent)] : "job_none";
}

static void act_act(struct sim *s)
{
    struct fx_service *fx = s->fx;
    enum instance_action a = (enum instance_action)below(s, INSTANCE_ACTION_COUNT);
    const char *id = draw_instance(s);
    struct instance i = {0};
    enum err_code rc;

    CALL(rc, instance_act(AS(owner), id, 0, a, &i, E), shape_release(&instance_shape, &i));
    EXPECT(rc, ERR_CONFLICT, ERR_NO_STOCK, ERR_NO_CREDIT, ERR_NOT_FOUND);
}

static void act_deadline(struct sim *s)
{
    struct fx_service *fx = s->fx;
    struct instance_patch in = {0};
    const char *id = draw_instance(s);
    struct instance i = {0};
    enum err_code rc;

    if (chance(s, 70))
        in.deadline_at_ms = clock_now_ms(&fx->clock.base) + 1 + below(s, 10000000);
    CALL(rc, instance_update(AS(admin), id, 0, &in, 2, &i, E), shape_release(&instance_shape, &i));
    EXPECT(rc, ERR_CONFLICT, ERR_INVALID, ERR_NOT_FOUND);
}

static void act_submit(struct sim *s)
{
    static char command[] = "true";
    struct fx_service *fx = s->fx;
    struct job_create in = {.command = command};
    struct job j = {0};
    char id[ID_MAX] = "";
    enum err_code rc;

    if (s->job_count == JOBS_MAX || s->ear.truth_count + 2 > EAR_TRUTHS_MAX)
        return;
    if (chance(s, 40)) {
        text_copy(in.offer_id, sizeof in.offer_id, draw_offer(s));
        in.time_limit_seconds = 1 + below(s, 5000);
    } else {
        text_copy(in.instance_id, sizeof in.instance_id, draw_instance(s));
        in.time_limit_seconds = below(s, 2) * (1 + below(s, 5000));
    }
    CALL(rc, job_submit(AS(member), &in, &j, E),
         (text_copy(id, sizeof id, j.id), shape_release(&job_shape, &j)));
    EXPECT(rc, ERR_CONFLICT, ERR_NO_STOCK, ERR_NO_CREDIT, ERR_NOT_FOUND);
    if (!rc)
        text_copy(s->jobs[s->job_count++], ID_MAX, id);
}

static void act_cancel(struct sim *s)
{
    struct fx_service *fx = s->fx;
    const char *id = draw_job(s);
    struct job j = {0};
    enum err_code rc;

    CALL(rc, job_cancel(AS(member), id, 0, &j, E), shape_release(&job_shape, &j));
    EXPECT(rc, ERR_CONFLICT, ERR_NOT_FOUND);
}

static void act_grant(struct sim *s)
{
    struct fx_service *fx = s->fx;
    int64_t now_ms = clock_now_ms(&fx->clock.base);
    struct grant_create in = {.kind = (enum grant_kind)below(s, 6), .priority = below(s, 3)};
    struct grant g;
    enum err_code rc;

    if (s->grants == GRANTS_MAX)
        return;
    s->grants++;
    in.amount = money_of(1 + below(s, 4000000), "EUR");
    text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
    if (chance(s, 30))
        in.effective_at_ms = now_ms + below(s, 3600000);
    if (chance(s, 60))
        in.expires_at_ms =
            (in.effective_at_ms ? in.effective_at_ms : now_ms) + 1 + below(s, 4 * 3600000);
    CALL(rc, grant_create(AS(support), &in, &g, E), (void)0);
    EXPECT(rc, ERR_OK);
}

static void act_plan(struct sim *s)
{
    struct sim_instance_plan i = {
        .provision_ms = below(s, 20000), .check_ms = below(s, 10000), .stop_ms = below(s, 40000)};
    struct sim_job_plan j = {.start_ms = below(s, 3000),
                             .lasts_ms = chance(s, 30) ? SIM_NEVER : below(s, 3000000),
                             .exit_code = below(s, 2),
                             .signal = chance(s, 10) ? 11 : 0,
                             .term_ms = chance(s, 20) ? SIM_NEVER : below(s, 40000)};

    if (chance(s, 8))
        i.failure = "it did not come up";
    if (chance(s, 12))
        i.gate_verdict = VERDICT_UNHEALTHY;
    sim_plan_instances(s->fx->engine, &i);
    sim_plan_jobs(s->fx->engine, &j);
}

static void act_check(struct sim *s)
{
    fx_check_shake(s->fx, draw(s), draw_instance(s));
}

static void act_fault(struct sim *s)
{
    enum sim_op op = (enum sim_op)below(s, SIM_OP_COUNT);
    enum err_code code = op == SIM_PROVISION && chance(s, 40) ? ERR_NO_STOCK : ERR_ENGINE;

    if (op == SIM_CAPACITY)
        return; /* asked at the start only */
    sim_fail(s->fx->engine, op, (int)below(s, 4), code, "a fault");
}

static void act_lose(struct sim *s)
{
    sim_lose(s->fx->engine, chance(s, 50) ? draw_instance(s) : draw_job(s));
}

static void act_time(struct sim *s)
{
    int64_t seconds = chance(s, 85)   ? below(s, 45)
                      : chance(s, 80) ? below(s, 1200)
                                      : below(s, 9000);

    if (s->clock_steps && chance(s, 10))
        seconds = chance(s, 50) ? -below(s, 600) : below(s, 600);
    clock_test_advance(&s->fx->clock, seconds * 1000 + below(s, 1000));
}

static void act(struct sim *s)
{
    static const struct {
        int weight;
        void (*act)(struct sim *s);
    } acts[] = {{30, work},         {24, act_time},    {9, act_launch}, {8, act_act},
                {4, act_check},     {7, act_submit},   {4, act_cancel}, {3, act_grant},
                {3, act_plan},      {3, act_deadline}, {2, act_fault},  {2, act_lose},
                {1, daemon_restart}};
    int64_t at = below(s, 100);

    for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
        if (at < acts[i].weight) {
            acts[i].act(s);
            return;
        }
        at -= acts[i].weight;
    }
    fail_msg("the weights do not add up to 100");
}

/* --- what must always hold ----------------------------------------------------------- */

/* Entries only grow, and the balance of a moment is the same whenever it is worked out. */
static void history_check(struct sim *s)
{
    int64_t replay[ACCOUNT_COUNT] = {0};
    size_t count;
    struct entry *now = fx_entries(s->fx, &count);

    assert_true(count >= s->entry_count);
    for (size_t i = 0; i < s->entry_count; i++) {
        assert_memory_equal(&now[i], &s->entries[i], sizeof now[i]);
        replay[now[i].account] += now[i].amount.micros;
    }
    if (s->entry_count)
        assert_memory_equal(replay, s->balances, sizeof replay);
    for (size_t i = s->entry_count; i < count; i++)
        replay[now[i].account] += now[i].amount.micros;
    memcpy(s->balances, replay, sizeof replay);
    free(s->entries);
    s->entries = now;
    s->entry_count = count;
}

/* A hold and stock exactly while an instance may need them; a meter exactly while it is billed. */
static void instances_check(struct sim *s)
{
    struct fx_service *fx = s->fx;

    for (size_t n = 0; n < s->ear.truth_count; n++) {
        struct instance i = {0};
        struct hold h = {0};
        struct meter m;
        bool held, metered;
        enum instance_state is;

        fx_begin(fx);
        assert_ok(row_instance_get(TX, s->ear.truths[n].id, &i, E), E);
        held = row_hold_open(TX, i.id, &h, NULL) == ERR_OK;
        metered = row_meter_get(TX, i.id, &m, NULL) == ERR_OK;
        leave(fx, true);
        is = i.state;
        if ((i.billing == BILLING_ON) != metered)
            fail_msg("%s is %s: billing and meter do not agree", i.id, instance_state_names[is]);
        if (metered && !held)
            fail_msg("%s is billed without a hold", i.id);
        if (is == INSTANCE_STOPPED || is == INSTANCE_FAILED || is == INSTANCE_TERMINATED)
            assert_false(held);
        else if (is != INSTANCE_TERMINATING)
            assert_true(held);
        shape_release(&hold_shape, &h);
        shape_release(&instance_shape, &i);
    }
}

static void check(struct sim *s)
{
    struct fx_service *fx = s->fx;
    struct credit c;

    fx_check(fx);
    fx_credit(fx, &c);
    assert_true(c.available.micros >= 0 && c.accrued.micros <= c.held.micros);
    assert_true(c.consumed.micros <= c.granted.micros);
    instances_check(s);
}

/* --- the end ------------------------------------------------------------------------- */

static int64_t loss_of(const struct sim *s, const char *instance_id)
{
    int64_t sum = 0;

    for (size_t i = 0; i < s->entry_count; i++)
        if (s->entries[i].account == ACCOUNT_PROVIDER_LOSS &&
            strcmp(s->entries[i].instance_id, instance_id) == 0)
            sum += s->entries[i].amount.micros;
    return sum;
}

static void truths_check(struct sim *s)
{
    struct fx_service *fx = s->fx;

    for (size_t n = 0; n < s->ear.truth_count; n++) {
        const struct truth *t = &s->ear.truths[n];
        struct instance i = {0};
        int64_t charged;

        OK(instance_get(AS(us), t->id, &i, E));
        charged = i.cost.micros + loss_of(s, t->id);
        if (!s->clock_steps && (t->is_lost ? charged > t->micros : charged != t->micros))
            fail_msg("%s: charged %lld, ran for %lld%s", t->id, (long long)charged,
                     (long long)t->micros, t->is_lost ? " at most" : "");
        shape_release(&instance_shape, &i);
    }
}

static bool instances_dismiss(struct sim *s)
{
    struct fx_service *fx = s->fx;
    bool all = true;

    for (size_t n = 0; n < s->ear.truth_count; n++) {
        struct instance i = {0};
        enum err_code rc;

        OK(instance_get(AS(us), s->ear.truths[n].id, &i, E));
        all &= i.state == INSTANCE_TERMINATED;
        shape_release(&instance_shape, &i);
        CALL(rc, instance_act(AS(owner), s->ear.truths[n].id, 0, INSTANCE_DELETE, &i, E),
             shape_release(&instance_shape, &i));
        EXPECT(rc, ERR_CONFLICT);
    }
    return all;
}

static bool instance_is_left(const char *id, bool is_job, void *ctx)
{
    (void)id;
    *(int *)ctx += !is_job;
    return true;
}

/* Everything is told to go, the engine is well again: nothing may be left, held or owed. */
static void drain(struct sim *s)
{
    struct fx_service *fx = s->fx;
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX];
    struct job *jobs = NULL;
    size_t count = 0;
    int left = 0, n = 0;

    for (int op = 0; op < SIM_OP_COUNT; op++)
        sim_fail(fx->engine, (enum sim_op)op, 0, ERR_OK, "");
    while (!instances_dismiss(s)) {
        assert_true(n++ < DRAIN_MAX);
        clock_test_advance(&fx->clock, 10000);
        work(s);
    }
    s->ear.left = -1;
    /* Longer than any step of the clock, which is also the one that delays go by here. */
    for (n = 0; n < 20; n++) {
        clock_test_advance(&fx->clock, 60000);
        assert_ok(worker_step(s->worker, NULL, E), E);
    }
    check(s);
    history_check(s);
    OK(job_list(AS(us), &q, &jobs, &count, next, E));
    for (size_t i = 0; i < count; i++)
        if (!job_is_over(jobs[i].state))
            fail_msg("job %s is left %s", jobs[i].id, job_state_names[jobs[i].state]);
    LIST_FREE(&job_shape, jobs, count);
    assert_ok(fx->engine->ops->each(fx->engine, instance_is_left, &left, E), E);
    assert_int_equal(left, 0);
    assert_int_equal(fx_account(fx, ACCOUNT_HELD), 0);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    assert_int_equal(fx_pool_used(fx, "cpu"), 0);
    truths_check(s);
}

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);

    return text && *text ? strtoll(text, NULL, 10) : otherwise;
}

static void run_seed(uint64_t seed, int64_t steps)
{
    struct sim *s = calloc(1, sizeof *s);
    void *fixture = NULL;

    assert_non_null(s);
    assert_int_equal(fx_service_setup(&fixture), 0);
    s->fx = fixture;
    s->seed = s->state = seed;
    s->clock_steps = seed % 3 == 0;
    sim_slots(s->fx->engine, FX_SLOTS, seed % 2 == 0);
    ear_init(&s->ear, s->fx->engine, &s->fx->clock.base);
    worker_begin(s);
    act_plan(s);
    for (int64_t n = 0; n < steps; n++) {
        act(s);
        truths_update(s);
        check(s);
        if (n % 25 == 0) {
            history_check(s);
            if (!s->clock_steps)
                s->given = fx_given_check(s->fx);
        }
    }
    drain(s);
    print_message(
        "seed %llu: %zu instances, %zu jobs, %zu entries, %lld micros of loss, %lld given back\n",
        (unsigned long long)seed, s->ear.truth_count, s->job_count, s->entry_count,
        (long long)s->balances[ACCOUNT_PROVIDER_LOSS], (long long)s->given);
    worker_close(s->worker);
    free(s->entries);
    free(s);
    fx_service_teardown(&fixture);
}

static void every_invariant_holds_after_every_step(void **state)
{
    int64_t seeds = number_of("SIM_SEEDS", SEEDS), first = number_of("SIM_SEED", 1);
    int64_t steps = number_of("SIM_STEPS", STEPS);

    (void)state;
    log_fd_set(-1);
    for (int64_t seed = first; seed < first + seeds; seed++) {
        print_message("SIM_SEED=%lld SIM_SEEDS=1 SIM_STEPS=%lld\n", (long long)seed,
                      (long long)steps);
        run_seed((uint64_t)seed, steps);
    }
    log_fd_set(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_invariant_holds_after_every_step),
    };

    return T_RUN("simulation", tests);
}
