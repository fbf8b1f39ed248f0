/* The patterns of memory_patterns, one by one, by the real kernels on the emulator: which finds
 * which fault. A pattern that cannot find a fault is shown not to: then another one must. */
#include "tests/support/t.h"

#include "gpu/check/memory_patterns.c" /* the table of patterns is its own */

#include "tests/support/fx_gpu.h"

/* So that valgrind can run it, too. */
#define MACHINE "count 1\nmemory 524288\n"

static const struct gpu_inventory inventory;
static struct gpu_info info;
static struct gpu_options options;
static struct compute compute;
static char script[512];

static struct gpu_target target_make(const char *fault)
{
    char text[512];

    snprintf(text, sizeof text, MACHINE "%s%s\n", fault[0] ? "fault.0 " : "", fault);
    fx_gpu_file(script, text);
    options = gpu_options_default();
    options.cuda_path = t_program("fake/cuda.so");
    text_copy(info.gpu.pci, sizeof info.gpu.pci, "0000:10:00.0");
    return (struct gpu_target){.options = &options,
                               .inventory = &inventory,
                               .info = &info,
                               .compute = &compute,
                               .tier = TIER_QUICK};
}

/* Run pattern number n alone; true when it finds something. */
static bool is_found(const char *fault, size_t n)
{
    struct gpu_target t = target_make(fault);
    struct test x = {.c = &compute};
    enum err_code rc = ERR_OK;
    struct err e;

    assert_ok(compute_open(&t, &compute, &e), &e);
    assert_ok(test_open(&x, &e), &e);
    assert_true(x.tested_bytes > x.free_bytes / 100 * 85);
    /* Once it has found something, more seeds are only time, of which valgrind takes much. */
    for (unsigned s = 0; s < plans[n].seed_count && !rc && !x.w.found; s++)
        rc = pattern_run(&x, &plans[n], s, &e);
    assert_ok(rc, &e);
    test_close(&x);
    compute_close(&compute);
    return x.w.found > 0;
}

static int setup(void **state)
{
    UNUSED(state);
    snprintf(script, sizeof script, "%s/script", t_dir());
    return setenv("HOURGLASS_FAKE_NVML", script, 1);
}

/* a own address, z zeros and ones, r random, w walking bits, m modulo 20, b block move. */
static const char letters[ARRAY_SIZE(plans) + 1] = "azrwmb";

static const struct {
    const char *fault, *found_by;
} cases[] = {
    {"", ""},
    /* A block move writes one value only, which may be what the bit is stuck at. */
    {"stuck 0x12344 5 0", "azrwm"},
    {"stuck 0x12340 31 1", "azrwmb"},
    {"address_line 2 0", "azrwmb"},
    {"address_line 3 1", "azrwmb"},
    {"address_line 4 0", "azrwmb"},
    /* Places that a thread reads and writes together, and that hold the same. */
    {"address_line 13 1", "armb"},
    {"address_line 18 0", "azrwmb"},
    {"couple 0x10000 0x20000 7", "azrw"},
    {"couple 0x20000 0x10000 7", "azrwm"},
    {"couple 0x20004 0x20000 7", "azrwmb"},
    /* Not found: the same 16 bytes, and the cell that flips is written right after. */
    {"couple 0x20000 0x20004 7", ""},
    {"forget 0x10000 3 100", "azrwmb"},
    /* Not found: it forgets later than the memory is read again. */
    {"forget 0x10000 3 100000", ""},
    {"wear 0x10000 4 1", "azrwmb"},
    {"wear 0x10000 4 2", "r"},
    {"wear 0x10000 4 3", "r"},
    /* Not found: nothing reads it so often. */
    {"wear 0x10000 4 4", ""},
    {"flip 0x10000 9 2", "azrwm"},
};

static void each_pattern_finds_the_faults_it_is_for_and_no_other(void **state)
{
    size_t wrong = 0;

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char found_by[ARRAY_SIZE(letters)] = "";
        size_t used = 0;

        for (size_t n = 0; n < ARRAY_SIZE(plans); n++) {
            if (is_found(cases[i].fault, n))
                found_by[used++] = letters[n];
        }
        if (strcmp(found_by, cases[i].found_by) == 0)
            continue;
        print_error("%s: found by '%s', expected '%s'\n", cases[i].fault, found_by,
                    cases[i].found_by);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void nothing_is_relied_on_that_only_a_slow_pattern_would_find(void **state)
{
    UNUSED(state);
    /* When time runs out, the first patterns alone must have found what can be found. */
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (cases[i].found_by[0])
            assert_true(strcspn(cases[i].found_by, "azr") < strlen(cases[i].found_by));
    }
    assert_int_equal(PLANS_NEEDED, strlen("azr"));
}

static void a_round_fits_into_ten_seconds_of_an_h200(void **state)
{
    double traversals = 0;

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
        double of_plan = 0;

        for (const char *step = plans[i].steps; *step; step++)
            of_plan += *step == 'W' || *step == 'R' || *step == 'r' ? 1 : *step == 'M' ? 1.5 : 2;
        traversals += of_plan * plans[i].seed_count;
    }
    assert_true(traversals <= 99);
    assert_true(traversals * 141e9 / 4.0e12 < 10); /* at 4 TB/s */
}

static void a_long_burn_leaves_the_patterns_their_time(void **state)
{
    struct gpu_target t = target_make("");

    UNUSED(state);
    t.tier = TIER_BURN;
    assert_int_equal(time_ms(&t), 30 * 1000);
    options.burn_ms = 3600 * 1000;
    assert_int_equal(time_ms(&t), 30 * 1000);
    options.burn_ms = 2000;
    assert_int_equal(time_ms(&t), 2000);
    t.tier = TIER_QUICK;
    assert_int_equal(time_ms(&t), 10 * 1000);
}

/* Of 1 GB that is free. */
static struct finding judged(int64_t tested_bytes, size_t plans_done)
{
    struct test x = {
        .free_bytes = 1000000000, .tested_bytes = tested_bytes, .plans_done = plans_done};
    struct finding f = {0};

    coverage_judge(&x, &f);
    return f;
}

static void less_than_95_percent_of_free_memory_or_of_the_patterns_is_no_pass(void **state)
{
    size_t all = ARRAY_SIZE(plans);
    struct finding f = judged(950000000, all);

    UNUSED(state);
    assert_int_equal(f.result, CHECK_PASS);
    assert_contains(f.detail, "95.0 % of free memory");
    f = judged(949000000, all);
    assert_int_equal(f.result, CHECK_ERROR);
    assert_contains(f.detail, "only 0.949 GB could be tested, 94.9 % of what is free");
    f = judged(0, all);
    assert_int_equal(f.result, CHECK_ERROR);
    f = judged(990000000, PLANS_NEEDED);
    assert_int_equal(f.result, CHECK_PASS);
    assert_contains(f.detail, "no time for walking bits, modulo 20, block move");
    f = judged(990000000, PLANS_NEEDED - 1);
    assert_int_equal(f.result, CHECK_ERROR);
    assert_contains(f.detail, "no time for the patterns that matter: random");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_pattern_finds_the_faults_it_is_for_and_no_other, setup),
        cmocka_unit_test(nothing_is_relied_on_that_only_a_slow_pattern_would_find),
        cmocka_unit_test(a_round_fits_into_ten_seconds_of_an_h200),
        cmocka_unit_test_setup(a_long_burn_leaves_the_patterns_their_time, setup),
        cmocka_unit_test(less_than_95_percent_of_free_memory_or_of_the_patterns_is_no_pass),
    };

    return T_RUN("gpu_memory_patterns", tests);
}
