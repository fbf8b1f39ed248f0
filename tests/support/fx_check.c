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
