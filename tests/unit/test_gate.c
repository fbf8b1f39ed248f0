/* What the gate says of a machine that others have GPUs of too, or that lacks one. */
#include "tests/support/t.h"

#include <sys/stat.h>

#include "api/run/gate.h"
#include "core/file.h"

#define FINDING(check, gpu, result, detail)                               \
    "{\"check\":\"" check "\",\"gpu_index\":" gpu ",\"result\":\"" result \
    "\",\"detail\":\"" detail "\"}"
#define REPORT(verdict, gpus, findings)                                                    \
    "{\"tier\":\"state\",\"verdict\":\"" verdict "\",\"summary\":\"theirs: GPU 0 burns\"," \
    "\"started_at\":\"2026-11-20T14:00:00Z\",\"ended_at\":\"2026-11-20T14:00:01Z\","       \
    "\"gpus\":[" gpus "],\"findings\":[" findings "]}"
#define THREE "{\"index\":0},{\"index\":1},{\"index\":2}"

/* The gate of an instance that has GPUs 1 (and 2), where the checker says this. */
static void run(size_t gpu_count, const char *report, struct gate_result *out, struct report *kept)
{
    struct spool_gpu gpus[] = {{.index = 1}, {.index = 2}};
    struct spool_spec s = {.id = "ins_1", .gpus = gpus, .gpu_count = gpu_count};
    const char *dir = t_dir();
    char path[512], text[4096];
    struct err e;

    snprintf(path, sizeof path, "%s/gpu", dir);
    snprintf(text, sizeof text, "#!/bin/sh\necho '%s'\n", report);
    assert_ok(file_write(path, text, strlen(text), 0700, &e), &e);
    text_copy(s.gpu_program, sizeof s.gpu_program, path);
    gate_run(dir, &s, out);
    assert_ok(spool_load(dir, SPOOL_REPORT, &report_shape, kept, &e), &e);
    assert_string_equal(kept->summary, out->summary);
    assert_int_equal(kept->verdict, out->verdict);
}

/* Why: who rents GPU 1 has no business with what is wrong with GPU 0, and could not tell that it
 * is another's. */
static void the_summary_is_of_the_tenants_own_gpus(void **state)
{
    static const struct {
        const char *report, *summary;
    } row[] = {
        {REPORT("unhealthy", THREE,
                FINDING("heat", "0", "fail", "it burns") "," FINDING("ecc", "1", "pass", "")),
         "healthy: its own of 3 GPUs"},
        {REPORT(
             "unhealthy", THREE,
             FINDING("heat", "0", "fail", "it burns") "," FINDING("ecc", "1", "fail", "12 errors")),
         "unhealthy: its own of 3 GPUs: ecc, GPU 1: 12 errors"},
        {REPORT("degraded", THREE,
                FINDING("heat", "0", "warn", "warm") "," FINDING(
                    "ecc", "1", "pass", "") "," FINDING("driver", "-1", "warn", "old")),
         "degraded: its own of 3 GPUs: driver: old"},
        {REPORT("unhealthy", THREE,
                FINDING("heat", "0", "fail", "it burns") "," FINDING("ecc", "1", "error",
                                                                     "no answer")),
         "inconclusive: its own of 3 GPUs: ecc, GPU 1: no answer"},
        /* All that there are: as the checker says it. */
        {REPORT("degraded", "{\"index\":1}", FINDING("ecc", "1", "warn", "")),
         "theirs: GPU 0 burns"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct gate_result result;
        struct report kept = {0};

        run(1, row[i].report, &result, &kept);
        assert_string_equal(result.summary, row[i].summary);
        assert_int_equal(kept.gpu_count, 1);
        for (size_t k = 0; k < kept.finding_count; k++)
            assert_int_not_equal(kept.findings[k].gpu_index, 0);
        shape_release(&report_shape, &kept);
    }
}

/* Why: a GPU that is gone from the bus is in no list, and what is left is healthy. */
static void a_gpu_that_is_not_found_does_not_pass_the_gate(void **state)
{
    static const struct {
        const char *report, *summary;
        enum verdict verdict;
    } row[] = {
        {REPORT("healthy", "{\"index\":1}", FINDING("ecc", "1", "pass", "")),
         "inconclusive: 1 of its 2 GPUs not found", VERDICT_INCONCLUSIVE},
        {REPORT("healthy", "{\"index\":0},{\"index\":1}", FINDING("ecc", "1", "pass", "")),
         "inconclusive: 1 of its 2 GPUs not found", VERDICT_INCONCLUSIVE},
        {REPORT("unhealthy", "{\"index\":1}", FINDING("gpu_count", "-1", "fail", "1 of 2")),
         "unhealthy: 1 of its 2 GPUs not found: gpu_count: 1 of 2", VERDICT_UNHEALTHY},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct gate_result result;
        struct report kept = {0};

        run(2, row[i].report, &result, &kept);
        assert_string_equal(result.summary, row[i].summary);
        assert_int_equal(result.verdict, row[i].verdict);
        assert_false(result.passed);
        shape_release(&report_shape, &kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_summary_is_of_the_tenants_own_gpus),
        cmocka_unit_test(a_gpu_that_is_not_found_does_not_pass_the_gate),
    };

    return T_RUN("gate", tests);
}
