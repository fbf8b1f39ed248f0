/* Who computes wrongly, by what the blocks of each SM left. */
#include "tests/support/t.h"

#include "gpu/votes.h"

static const char *const kinds[] = {"sums", "products"};

struct fixture {
    struct votes votes;
    struct finding f;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    votes_init(&fx->votes, kinds, 2);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* Blocks on SMs 0, 2, 4, …, each with one number. */
static void count(struct fixture *fx, size_t kind, const uint32_t *words, size_t n,
                  const uint32_t *right)
{
    uint32_t sms[64];

    for (size_t i = 0; i < n; i++) {
        sms[i] = (uint32_t)(2 * i);
        votes_block(&fx->votes, sms[i]);
    }
    votes_count(&fx->votes, kind, words, 1, sms, n, right);
}

static void equal_answers_are_right(void **state)
{
    struct fixture *fx = *state;

    count(fx, 0, (uint32_t[]){7, 7, 7}, 3, NULL);
    assert_true(votes_answered(&fx->votes, &fx->f));
    assert_int_equal(votes_sm_count(&fx->votes), 3);
}

static void the_minority_is_wrong(void **state)
{
    struct fixture *fx = *state;

    count(fx, 1, (uint32_t[]){7, 7, 9, 7}, 4, NULL);
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_int_equal(fx->f.result, CHECK_FAIL);
    assert_int_equal(fx->f.remedy, REMEDY_REPLACE);
    assert_contains(fx->f.detail, "products wrong on SM 4 (of 4; 1 wrong sums in 1 blocks)");
}

static void the_processor_outvotes_a_majority(void **state)
{
    struct fixture *fx = *state;
    const uint32_t right = 9;

    count(fx, 0, (uint32_t[]){7, 7, 9, 7}, 4, &right);
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_contains(fx->f.detail, "sums wrong on SMs 0, 2, 6 (of 4");
}

static void when_all_differ_from_the_processor_nobody_is_named(void **state)
{
    struct fixture *fx = *state;
    const uint32_t right = 9;

    count(fx, 0, (uint32_t[]){7, 7, 7}, 3, &right);
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_int_equal(fx->f.result, CHECK_FAIL);
    assert_int_equal(fx->f.remedy, REMEDY_INSPECT);
    assert_contains(fx->f.detail, "all 3 SMs compute sums differently from the processor");
}

static void without_a_majority_somebody_is_wrong(void **state)
{
    struct fixture *fx = *state;

    count(fx, 0, (uint32_t[]){7, 7, 8, 9}, 4, NULL);
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_int_equal(fx->f.result, CHECK_FAIL);
    assert_contains(fx->f.detail, "do not agree on sums");
}

static void an_sm_that_cannot_be_is_an_error_and_no_memory_is_touched(void **state)
{
    struct fixture *fx = *state;
    const uint32_t sm = UINT32_MAX, word = 1, right = 2;

    votes_block(&fx->votes, sm);
    votes_count(&fx->votes, 0, &word, 1, &sm, 1, &right);
    votes_wrong(&fx->votes, 0, VOTES_SMS_MAX, 3);
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_int_equal(fx->f.result, CHECK_ERROR);
}

static void many_wrong_sms_are_counted_and_few_are_named(void **state)
{
    struct fixture *fx = *state;

    for (uint32_t sm = 0; sm < 40; sm++) {
        votes_block(&fx->votes, sm);
        if (sm % 2)
            votes_wrong(&fx->votes, 0, sm, UINT32_MAX);
        votes_wrong(&fx->votes, 0, sm, sm % 2); /* does not overflow to none */
    }
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_contains(fx->f.detail, "SMs 1, 3, 5, 7, 9, 11 and 14 more (of 40");
}

/* Memory that does not keep what it is given: no SM is to blame. */
static void a_count_for_an_sm_that_never_ran_is_garbage(void **state)
{
    struct fixture *fx = *state;

    votes_block(&fx->votes, 0);
    votes_wrong(&fx->votes, 0, 0, 4);
    votes_wrong(&fx->votes, 0, 900, 70000);
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_int_equal(fx->f.result, CHECK_FAIL);
    assert_contains(fx->f.detail, "left in its memory for sums makes no sense");
}

static void an_echo_is_not_blamed(void **state)
{
    struct fixture *fx = *state;

    for (uint32_t sm = 0; sm < 3; sm++)
        votes_block(&fx->votes, sm);
    votes_wrong(&fx->votes, 0, 0, 2);
    votes_wrong(&fx->votes, 0, 1, 24);
    votes_wrong(&fx->votes, 0, 2, 6);
    votes_still_echo(&fx->votes);
    assert_false(votes_answered(&fx->votes, &fx->f));
    assert_contains(fx->f.detail, "sums wrong on SMs 1, 2 (of 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(equal_answers_are_right),
        TEST(the_minority_is_wrong),
        TEST(the_processor_outvotes_a_majority),
        TEST(when_all_differ_from_the_processor_nobody_is_named),
        TEST(without_a_majority_somebody_is_wrong),
        TEST(an_sm_that_cannot_be_is_an_error_and_no_memory_is_touched),
        TEST(many_wrong_sms_are_counted_and_few_are_named),
        TEST(a_count_for_an_sm_that_never_ran_is_garbage),
        TEST(an_echo_is_not_blamed),
#undef TEST
    };

    return T_RUN("gpu votes", tests);
}
