/* From findings to a verdict, one line, and a report that fits. */
#include "tests/support/t.h"

#include "gpu/verdict.h"

struct fixture {
    struct report report;
    struct gpu_inventory inventory;
    struct gpu_options options;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx->report.gpus = calloc(GPUS_PER_INSTANCE_MAX, sizeof *fx->report.gpus);
    fx->report.findings = calloc(4096, sizeof *fx->report.findings);
    assert_non_null(fx->report.gpus);
    assert_non_null(fx->report.findings);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    shape_release(&report_shape, &fx->report);
    free(fx);
    return 0;
}

static void gpu_add(struct fixture *fx, const char *model)
{
    struct report_gpu *g = &fx->report.gpus[fx->report.gpu_count];

    g->index = (int64_t)fx->report.gpu_count++;
    text_copy(g->model, sizeof g->model, model);
}

static struct finding *say(struct fixture *fx, const char *check, int64_t gpu_index,
                           enum check_result result, const char *detail)
{
    struct finding *f = &fx->report.findings[fx->report.finding_count++];

    *f = (struct finding){.gpu_index = gpu_index, .result = result};
    text_copy(f->check, sizeof f->check, check);
    text_copy(f->detail, sizeof f->detail, detail);
    return f;
}

static void judge(struct fixture *fx)
{
    struct err e;

    assert_ok(gpu_report_judge(&fx->report, &fx->inventory, &fx->options, &e), &e);
}

static void the_worst_answer_decides_and_nothing_bad_becomes_good(void **state)
{
    static const struct {
        enum check_result answers[4];
        size_t count;
        enum verdict want;
    } cases[] = {
        {{CHECK_PASS, CHECK_PASS}, 2, VERDICT_HEALTHY},
        {{CHECK_PASS, CHECK_SKIP}, 2, VERDICT_HEALTHY},
        {{CHECK_PASS, CHECK_WARN}, 2, VERDICT_DEGRADED},
        {{CHECK_PASS, CHECK_ERROR}, 2, VERDICT_INCONCLUSIVE},
        {{CHECK_PASS, CHECK_ERROR, CHECK_WARN}, 3, VERDICT_INCONCLUSIVE},
        {{CHECK_PASS, CHECK_ERROR, CHECK_FAIL}, 3, VERDICT_UNHEALTHY},
        {{CHECK_FAIL, CHECK_WARN, CHECK_PASS}, 3, VERDICT_UNHEALTHY},
        {{CHECK_SKIP, CHECK_SKIP}, 2, VERDICT_INCONCLUSIVE},
        {{CHECK_SKIP, CHECK_WARN}, 2, VERDICT_INCONCLUSIVE},
        {{CHECK_PASS}, 0, VERDICT_INCONCLUSIVE},
    };
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fx->report.finding_count = 0;
        for (size_t k = 0; k < cases[i].count; k++)
            say(fx, "recovery", 0, cases[i].answers[k], "words");
        judge(fx);
        if (fx->report.verdict != cases[i].want)
            fail_msg("case %zu is %s", i, verdict_names[fx->report.verdict]);
        assert_memory_equal(fx->report.summary, verdict_names[cases[i].want],
                            strlen(verdict_names[cases[i].want]));
    }
}

static void a_gpu_of_which_nothing_is_known_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    gpu_add(fx, "H100");
    say(fx, "recovery", 0, CHECK_PASS, "");
    say(fx, "recovery", 1, CHECK_SKIP, "");
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
}

static void no_gpu_and_no_driver_are_inconclusive(void **state)
{
    struct fixture *fx = *state;

    say(fx, "driver", -1, CHECK_PASS, "");
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
    gpu_add(fx, "H100");
    say(fx, "recovery", 0, CHECK_PASS, "");
    fx->inventory.state = GPU_DRIVER_SILENT;
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
}

static void the_summary_names_the_first_of_the_worst_and_fits(void **state)
{
    struct fixture *fx = *state;

    for (int i = 0; i < 8; i++)
        gpu_add(fx, "H100");
    for (int i = 0; i < 8; i++)
        say(fx, "clocks", i, CHECK_WARN, "slow");
    say(fx, "row_remap", 3, CHECK_FAIL, "a row could not be remapped");
    say(fx, "row_remap", 5, CHECK_FAIL, "other words");
    judge(fx);
    assert_string_equal(fx->report.summary,
                        "unhealthy: gpu3 row_remap: a row could not be r... (2 of 8 GPUs)");
    assert_true(strlen(fx->report.summary) <= GPU_SUMMARY_COLUMNS_MAX);
}

static void a_long_sentence_of_two_clauses_keeps_the_first(void **state)
{
    struct fixture *fx = *state;

    fx->inventory.state = GPU_DRIVER_ABSENT;
    say(fx, "driver", -1, CHECK_ERROR,
        "no NVIDIA driver: libnvidia-ml.so.1 not found; no AMD driver: librocm_smi64.so not found");
    judge(fx);
    assert_string_equal(fx->report.summary,
                        "inconclusive: no NVIDIA driver: libnvidia-ml.so.1 not found");
}

static void a_summary_is_one_line_of_ascii(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    say(fx, "row_remap", 0, CHECK_FAIL, "a\nb\x1b[31m\xc3\xa9");
    judge(fx);
    for (const char *c = fx->report.summary; *c; c++)
        assert_in_range(*c, ' ', '~');
}

static void peers_of_one_model_are_compared_and_others_are_not(void **state)
{
    struct fixture *fx = *state;
    static const char *const models[] = {"H100", "H100", "H100", "L40S"};
    static const int links[] = {18, 18, 17, 4};

    for (int i = 0; i < 4; i++) {
        struct finding *f;

        gpu_add(fx, models[i]);
        f = say(fx, "nvlink", i, CHECK_PASS, "links are up");
        f->value = links[i];
        text_copy(f->unit, sizeof f->unit, "links");
    }
    judge(fx);
    assert_int_equal(fx->report.findings[0].result, CHECK_PASS);
    assert_int_equal(fx->report.findings[2].result, CHECK_FAIL);
    assert_true(fx->report.findings[2].floor == 18);
    assert_int_equal(fx->report.findings[3].result, CHECK_PASS);
}

/* `nvlink` is of the state tier; `memory_read` of a deeper one need not be. */
static void strict_counts_what_was_not_tested_although_it_applies(void **state)
{
    static const struct {
        const char *check;
        bool is_moot;
        enum tier tier;
        enum verdict want;
    } cases[] = {
        {"nvlink", false, TIER_STATE, VERDICT_INCONCLUSIVE},
        {"nvlink", true, TIER_STATE, VERDICT_HEALTHY},
        {"nvlink", false, TIER_QUICK, VERDICT_HEALTHY},
        {"baseline", false, TIER_QUICK, VERDICT_INCONCLUSIVE},
    };
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    fx->options.strict = true;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fx->report.finding_count = 0;
        fx->report.tier = cases[i].tier;
        say(fx, "recovery", 0, CHECK_PASS, "");
        say(fx, "pcie_to_gpu", 0, CHECK_PASS, "");
        say(fx, cases[i].check, 0, CHECK_SKIP, "only root may")->is_moot = cases[i].is_moot;
        judge(fx);
        if (fx->report.verdict != cases[i].want)
            fail_msg("case %zu is %s", i, verdict_names[fx->report.verdict]);
        if (cases[i].want == VERDICT_INCONCLUSIVE)
            assert_contains(fx->report.summary, "only root may");
    }
}

/* Where kernels cannot run, the state tier's passes are no answer to a deeper question. */
static void a_tier_of_which_nothing_ran_on_a_gpu_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    gpu_add(fx, "H100");
    fx->report.tier = TIER_QUICK;
    for (int i = 0; i < 2; i++) {
        say(fx, "recovery", i, CHECK_PASS, "");
        say(fx, "pcie_to_gpu", i, i ? CHECK_SKIP : CHECK_PASS, "no CUDA driver");
    }
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
    assert_string_equal(fx->report.summary,
                        "inconclusive: gpu1 pcie_to_gpu: no CUDA driver (1 of 2 GPUs)");
    fx->report.tier = TIER_STATE;
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_HEALTHY);
}

/* "healthy" is about every GPU, also when it is about one check only. */
static void a_gpu_that_no_named_check_could_look_at_is_inconclusive(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    gpu_add(fx, "H100");
    fx->options.only = "repair_pending";
    say(fx, "repair_pending", 0, CHECK_PASS, "");
    say(fx, "repair_pending", 1, CHECK_SKIP, "only root");
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
    assert_string_equal(fx->report.summary,
                        "inconclusive: gpu1 repair_pending: only root (1 of 2 GPUs)");
    /* Where there is nothing to look at, nothing is left out. */
    fx->report.findings[1].is_moot = true;
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_HEALTHY);
    fx->report.findings[0].result = CHECK_SKIP;
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_INCONCLUSIVE);
}

/* A sick GPU's copies arrive wrong at its neighbours, too; the line must name it. */
static void the_summary_names_a_gpu_before_what_its_neighbours_saw(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    gpu_add(fx, "H100");
    fx->report.tier = TIER_QUICK;
    say(fx, "peer", -1, CHECK_FAIL, "from GPU 1 to GPU 0 1 of 262144 bytes arrived wrong");
    say(fx, "memory_patterns", 1, CHECK_FAIL, "16 words wrong");
    judge(fx);
    assert_string_equal(fx->report.summary,
                        "unhealthy: gpu1 memory_patterns: 16 words wrong (1 of 2 GPUs)");
    fx->report.findings[1].result = CHECK_PASS;
    judge(fx);
    assert_contains(fx->report.summary, "unhealthy: peer: from GPU 1");
    /* What the machine itself lacks stays first. */
    fx->report.findings[1].result = CHECK_FAIL;
    text_copy(fx->report.findings[0].check, sizeof fx->report.findings[0].check, "gpu_count");
    judge(fx);
    assert_contains(fx->report.summary, "unhealthy: gpu_count: ");
}

static void strict_does_not_soften_a_failure(void **state)
{
    struct fixture *fx = *state;

    gpu_add(fx, "H100");
    fx->options.strict = true;
    say(fx, "nvlink", 0, CHECK_SKIP, "");
    say(fx, "recovery", 0, CHECK_FAIL, "bad");
    judge(fx);
    assert_int_equal(fx->report.verdict, VERDICT_UNHEALTHY);
}

static void a_report_that_is_too_long_loses_passes_first(void **state)
{
    struct fixture *fx = *state;
    size_t fails = 0;

    gpu_add(fx, "H100");
    for (int i = 0; i < 1000; i++)
        say(fx, "clocks", 0, i % 10 == 0 ? CHECK_FAIL : i % 3 ? CHECK_PASS : CHECK_SKIP, "");
    judge(fx);
    assert_int_equal(fx->report.finding_count, REPORT_FINDINGS_MAX);
    for (size_t i = 0; i < fx->report.finding_count; i++)
        fails += fx->report.findings[i].result == CHECK_FAIL;
    assert_int_equal(fails, 100);
    assert_int_equal(fx->report.verdict, VERDICT_UNHEALTHY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_worst_answer_decides_and_nothing_bad_becomes_good),
        TEST(a_gpu_of_which_nothing_is_known_is_inconclusive),
        TEST(no_gpu_and_no_driver_are_inconclusive),
        TEST(the_summary_names_the_first_of_the_worst_and_fits),
        TEST(a_long_sentence_of_two_clauses_keeps_the_first),
        TEST(a_summary_is_one_line_of_ascii),
        TEST(peers_of_one_model_are_compared_and_others_are_not),
        TEST(strict_counts_what_was_not_tested_although_it_applies),
        TEST(a_tier_of_which_nothing_ran_on_a_gpu_is_inconclusive),
        TEST(a_gpu_that_no_named_check_could_look_at_is_inconclusive),
        TEST(the_summary_names_a_gpu_before_what_its_neighbours_saw),
        TEST(strict_does_not_soften_a_failure),
        TEST(a_report_that_is_too_long_loses_passes_first),
    };

    return T_RUN("gpu verdict", tests);
}
