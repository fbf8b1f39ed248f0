/* hourglass-gpu on this machine's own GPUs and driver. Where NVML lists none every test here is
 * skipped: nothing about a GPU has been tested then. */
#include "tests/support/t.h"

#include <sys/wait.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/process.h"
#include "gpu/output.h"

#define OUTPUT_MAX   (4 * 1024 * 1024)
#define STATE_MS_MAX 5000 /* after which the shortest-tempered callers kill it */
#define SHARE_MIN    0.95 /* of the memory that is free */

struct answer {
    struct strbuf out;
    int code;
    int64_t took_ms;
};

static struct answer program_run(const char *verb, const char *option, const char *value)
{
    const char *argv[] = {t_program("hourglass-gpu"), verb, "-o", "json", option, value, NULL};
    struct answer a = {.code = -1};
    char libraries[4096]; /* that came along with it */
    const char *env[] = {"PATH=/usr/bin:/bin", libraries, NULL};
    struct process p = {.argv = argv, .env = env, .timeout_ms = 120000, .out = &a.out};
    int64_t from = clock_mono_ms(clock_real());
    int status = 0;
    struct err e;

    snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s",
             getenv("LD_LIBRARY_PATH") ? getenv("LD_LIBRARY_PATH") : "");
    strbuf_init(&a.out, OUTPUT_MAX);
    assert_ok(process_run(&p, &status, &e), &e);
    a.took_ms = clock_mono_ms(clock_real()) - from;
    a.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return a;
}

static void json_read(const struct answer *a, const struct shape *shape, void *out)
{
    json_t *tree = NULL;
    struct err e;

    assert_ok(json_parse(a->out.data, a->out.len, &tree, &e), &e);
    assert_ok(shape_decode(shape, tree, out, &e), &e);
    json_decref(tree);
}

/* Skips the test where there is no GPU; AMD's do not count, kernels do not run there. */
static void gpu_needed(void)
{
    struct gpu_listing l = {0};
    struct answer a = program_run("list", "--amd", "/nonexistent/librocm_smi64.so");
    size_t count;

    json_read(&a, &gpu_listing_shape, &l);
    count = l.gpu_count;
    if (count == 0)
        print_message("no GPU here: %s\n", l.reason);
    shape_release(&gpu_listing_shape, &l);
    strbuf_release(&a.out);
    if (count == 0)
        skip();
}

/* A check that could not answer is a defect of ours, or of this machine's setup. */
static void assert_no_errors(const struct report *r)
{
    for (size_t i = 0; i < r->finding_count; i++) {
        if (r->findings[i].result == CHECK_ERROR)
            fail_msg("%s of GPU %d: %s", r->findings[i].check, (int)r->findings[i].gpu_index,
                     r->findings[i].detail);
    }
}

static struct report quick; /* one run serves all tests below */
static int quick_code = -1;

static const struct report *quick_needed(void)
{
    gpu_needed();
    if (quick_code < 0) {
        struct answer a = program_run("check", "--tier", "quick");

        json_read(&a, &report_shape, &quick);
        quick_code = a.code;
        strbuf_release(&a.out);
    }
    return &quick;
}

static void the_state_tier_answers_in_time_without_an_error(void **state)
{
    struct report r = {0};
    struct answer a;

    gpu_needed();
    a = program_run("check", "--tier", "state");
    json_read(&a, &report_shape, &r);
    assert_true(r.gpu_count > 0);
    assert_no_errors(&r);
    assert_true(a.took_ms < STATE_MS_MAX);
    shape_release(&report_shape, &r);
    strbuf_release(&a.out);
}

static void the_quick_tier_says_healthy_or_degraded_and_nothing_is_an_error(void **state)
{
    const struct report *r = quick_needed();

    assert_no_errors(r);
    if (r->verdict != VERDICT_HEALTHY && r->verdict != VERDICT_DEGRADED)
        fail_msg("%s", r->summary);
    assert_int_equal(quick_code, r->verdict == VERDICT_HEALTHY ? 0 : 4);
}

static const struct finding *finding_of(const struct report *r, const char *check, size_t gpu)
{
    for (size_t i = 0; i < r->finding_count; i++) {
        if (strcmp(r->findings[i].check, check) == 0 && r->findings[i].gpu_index == (int64_t)gpu)
            return &r->findings[i];
    }
    fail_msg("%s says nothing of GPU %zu", check, gpu);
    return NULL;
}

static void every_sm_is_reached_and_computes_right(void **state)
{
    static const char *const checks[] = {"arithmetic", "tensor"};
    const struct report *r = quick_needed();

    for (size_t gpu = 0; gpu < r->gpu_count; gpu++) {
        for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
            const struct finding *f = finding_of(r, checks[i], gpu);

            assert_int_equal(f->result, CHECK_PASS); /* less than all SMs is an error */
            assert_contains(f->detail, "SMs compute right");
            assert_true(f->value > 0);
        }
    }
}

static void all_patterns_cover_nearly_all_free_memory(void **state)
{
    const struct report *r = quick_needed();

    for (size_t gpu = 0; gpu < r->gpu_count; gpu++) {
        const struct finding *f = finding_of(r, "memory_patterns", gpu);
        const char *share = strchr(f->detail, '(');

        assert_int_equal(f->result, CHECK_PASS);
        assert_contains(f->detail, "hold 6 patterns (");
        assert_null(strstr(f->detail, "no time"));
        assert_non_null(share);
        assert_true(strtod(share + 1, NULL) >= 100 * SHARE_MIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_tier_answers_in_time_without_an_error),
        cmocka_unit_test(the_quick_tier_says_healthy_or_degraded_and_nothing_is_an_error),
        cmocka_unit_test(every_sm_is_reached_and_computes_right),
        cmocka_unit_test(all_patterns_cover_nearly_all_free_memory),
    };

    return T_RUN("this machine's GPUs", tests);
}
