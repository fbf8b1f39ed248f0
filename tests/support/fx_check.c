/* The fixture's checks. */
#include "tests/support/fx_check.h"

void fx_real_running(struct fx_service *fx, struct instance *out)
{
    sim_slots(fx->engine, FX_SLOTS, false);
    fx_running(fx, out);
}

void fx_check_plan(struct fx_service *fx, enum verdict verdict, int64_t gpu)
{
    static struct finding f;
    struct sim_check_plan p = {.verdict = verdict, .summary = "12 words differ"};

    f = (struct finding){.check = "memory-pattern", .gpu_index = gpu, .result = CHECK_FAIL};
    text_copy(f.detail, sizeof f.detail, "12 words differ");
    p.findings = gpu == -2 ? NULL : &f;
    p.finding_count = gpu == -2 ? 0 : 1;
    sim_plan_checks(fx->engine, &p);
}

void fx_check_ask(struct fx_service *fx, struct instance *i, enum tier tier)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, i->id);
    shape_release(&instance_shape, i);
    OK(instance_check(AS(owner), id, 0, tier, false, i, E));
}

void fx_check_run(struct fx_service *fx, struct instance *i)
{
    fx_check_ask(fx, i, TIER_QUICK);
    fx_step(fx);
    fx_step(fx);
    fx_look(fx, i);
    assert_string_equal(i->check_id, "");
}

void fx_node(struct fx_service *fx, struct node *out)
{
    struct page_query q = {.limit = 10};
    struct node *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(node_list(AS(operator_), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    *out = items[0];
    free(items);
}

int64_t fx_given(struct fx_service *fx, size_t *count)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    struct grant *items = NULL;
    char next[CURSOR_BYTES_MAX];
    int64_t sum = 0;
    size_t n = 0;

    *count = 0;
    OK(grant_list(AS(owner), &q, &items, &n, next, E));
    for (size_t k = 0; k < n; k++)
        if (items[k].kind == GRANT_SLA) {
            sum += items[k].amount.micros;
            ++*count;
        }
    free(items);
    return sum;
}

static void node_shake(struct fx_service *fx, enum node_action action)
{
    struct node_act in = {.action = action, .reason = "why not"};
    struct page_query q = {.limit = 1};
    char next[CURSOR_BYTES_MAX];
    struct node *items = NULL;
    size_t count = 0;
    struct node n;

    OK(node_list(AS(operator_), &q, &items, &count, next, E));
    if (count && items[0].actions[action].available)
        OK(node_act(AS(operator_), items[0].id, 0, &in, &n, E));
    free(items);
}

void fx_check_shake(struct fx_service *fx, uint64_t random, const char *instance_id)
{
    static const enum verdict verdicts[] = {VERDICT_HEALTHY, VERDICT_UNHEALTHY, VERDICT_DEGRADED,
                                            VERDICT_UNHEALTHY};
    struct sim_check_plan plan = {.lasts_ms = (int64_t)(random >> 8) % 30000,
                                  .verdict = verdicts[random % ARRAY_SIZE(verdicts)]};
    struct instance i = {0};
    enum err_code rc;

    if (random >> 60 == 0)
        plan.failure = "it was lost";
    sim_plan_checks(fx->engine, &plan);
    node_shake(fx, random >> 61 == 1 ? NODE_DRAIN : NODE_RESUME);
    fx_begin(fx);
    rc = instance_check(AS(owner), instance_id, 0, TIER_QUICK, true, &i, E);
    if (rc && rc != ERR_CONFLICT && rc != ERR_NOT_FOUND)
        fail_msg("%s", fx->e.msg);
    fx_end(fx, rc, rc, "instance_check", __FILE__, __LINE__);
    shape_release(&instance_shape, &i);
}

static int64_t costs(struct fx_service *fx)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX];
    int64_t sum = 0;

    do {
        struct instance *items = NULL;
        size_t count = 0;

        OK(instance_list(AS(us), &q, &items, &count, next, E));
        for (size_t i = 0; i < count; i++)
            sum += items[i].cost.micros;
        LIST_FREE(&instance_shape, items, count);
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    return sum;
}

int64_t fx_given_check(struct fx_service *fx)
{
    struct entry *entries;
    int64_t given = 0, cost = costs(fx);
    size_t count;

    entries = fx_entries(fx, &count);
    for (size_t i = 0; i < count; i++)
        if (entries[i].account == ACCOUNT_GRANT && entries[i].kind == ENTRY_GRANT &&
            entries[i].instance_id[0])
            given += entries[i].amount.micros;
    free(entries);
    if (given > cost)
        fail_msg("%lld given back for %lld", (long long)given, (long long)cost);
    return given;
}
