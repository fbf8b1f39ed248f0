/* GPUs of one model against their median. */
#include "tests/support/t.h"

#include "gpu/peers.h"

#define SHARE 0.95

static void judge(struct finding *f, const double *values, size_t n, double share, bool worse)
{
    struct finding *of[8];

    for (size_t i = 0; i < n; i++) {
        f[i] = (struct finding){.result = CHECK_PASS, .value = values[i]};
        text_copy(f[i].unit, sizeof f[i].unit, "GB/s");
        of[i] = &f[i];
    }
    gpu_peers_judge(of, n, share, worse);
}

static void assert_results(const double *values, size_t n, double share, bool worse,
                           const char *want)
{
    static const char letters[] = {
        [CHECK_PASS] = 'p', [CHECK_WARN] = 'w', [CHECK_FAIL] = 'f', [CHECK_SKIP] = 's'};
    struct finding f[8];
    char got[9] = "";

    judge(f, values, n, share, worse);
    for (size_t i = 0; i < n; i++)
        got[i] = letters[f[i].result];
    assert_string_equal(got, want);
}

static void one_bad_gpu_is_found_and_does_not_drag_its_peers(void **state)
{
    static const double values[] = {100, 101, 99, 60, 100, 100, 98, 102};

    UNUSED(state);
    assert_results(values, 8, SHARE, false, "pppfpppp");
}

static void one_gpu_that_is_too_good_condemns_nobody(void **state)
{
    static const double values[] = {100, 100, 400, 100};

    UNUSED(state);
    assert_results(values, 4, SHARE, false, "pppp");
}

static void five_percent_behind_warns_and_ten_fails(void **state)
{
    static const double values[] = {100, 100, 100, 95.1, 94, 90.3, 90.2};

    UNUSED(state);
    assert_results(values, 5, SHARE, false, "ppppw");
    assert_results((const double[]){100, 100, 100, 90.3}, 4, SHARE, false, "pppw");
    assert_results((const double[]){100, 100, 100, 90.2}, 4, SHARE, false, "pppf");
}

static void of_two_the_worse_is_judged_by_the_better(void **state)
{
    UNUSED(state);
    assert_results((const double[]){100, 60}, 2, SHARE, false, "pf");
    assert_results((const double[]){100, 97}, 2, SHARE, false, "pp");
    assert_results((const double[]){10, 200}, 2, 0.1, true, "pw");
}

static void one_alone_and_all_slow_together_are_for_the_floor(void **state)
{
    UNUSED(state);
    assert_results((const double[]){10}, 1, SHARE, false, "p");
    assert_results((const double[]){10, 10, 10, 10}, 4, SHARE, false, "pppp");
}

static void where_higher_is_worse_the_slow_one_is_the_high_one(void **state)
{
    UNUSED(state);
    assert_results((const double[]){5, 6, 5, 49}, 4, 0.1, true, "pppp");
    assert_results((const double[]){5, 5, 5, 51}, 4, 0.1, true, "pppw");
    assert_results((const double[]){5, 5, 5, 501}, 4, 0.1, true, "pppf");
    assert_results((const double[]){5, 5, 5, 0.01}, 4, 0.1, true, "pppp");
}

static void a_share_of_one_fails_whatever_is_less(void **state)
{
    UNUSED(state);
    assert_results((const double[]){18, 18, 17, 18}, 4, 1, false, "ppfp");
}

static void a_figure_of_nothing_is_no_peer_and_none_divides_by_it(void **state)
{
    UNUSED(state);
    assert_results((const double[]){0, 0, 0}, 3, SHARE, false, "fff");
    assert_results((const double[]){100, 100, 0}, 3, SHARE, false, "ppf");
    assert_results((const double[]){100, 100, -5}, 3, SHARE, false, "ppf");
}

static void a_finding_says_what_its_peers_have(void **state)
{
    static const double values[] = {4500, 4510, 3000};
    struct finding f[8];

    UNUSED(state);
    judge(f, values, 3, SHARE, false);
    assert_string_equal(f[2].detail, "3000 GB/s, where its peers have 4500");
    assert_string_equal(f[2].source, "median of 3 GPUs of this model in this machine");
    assert_true(f[2].floor == 4500 * SHARE);
    assert_true(f[2].action[0]);
    assert_int_equal(f[2].remedy, REMEDY_INSPECT);
}

static void a_warning_by_the_floor_keeps_its_words_unless_peers_fail_it(void **state)
{
    struct finding f[3] = {0}, *of[] = {&f[0], &f[1], &f[2]};

    UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        gpu_pass(&f[i], "fine");
        gpu_figure(&f[i], i == 2 ? 94 : 100, 0, "GB/s");
    }
    gpu_warn(&f[2], REMEDY_INSPECT, "look", "under its floor");
    gpu_peers_judge(of, 3, SHARE, false);
    assert_string_equal(f[2].detail, "under its floor");
    f[2].value = 50;
    gpu_peers_judge(of, 3, SHARE, false);
    assert_int_equal(f[2].result, CHECK_FAIL);
}

#define TEST(f) cmocka_unit_test(f)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_bad_gpu_is_found_and_does_not_drag_its_peers),
        TEST(one_gpu_that_is_too_good_condemns_nobody),
        TEST(five_percent_behind_warns_and_ten_fails),
        TEST(of_two_the_worse_is_judged_by_the_better),
        TEST(one_alone_and_all_slow_together_are_for_the_floor),
        TEST(where_higher_is_worse_the_slow_one_is_the_high_one),
        TEST(a_share_of_one_fails_whatever_is_less),
        TEST(a_figure_of_nothing_is_no_peer_and_none_divides_by_it),
        TEST(a_finding_says_what_its_peers_have),
        TEST(a_warning_by_the_floor_keeps_its_words_unless_peers_fail_it),
    };

    return T_RUN("gpu peers", tests);
}
