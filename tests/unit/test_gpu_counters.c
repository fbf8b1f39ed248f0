/* What counters say, and states that need several looks. The driver is a struct of functions
 * filled by hand: each counter starts at 1000 of a long life and goes on by what a test says. */
#include "tests/support/t.h"

#include "core/clock.h"
#include "gpu/check.h"

#define FIELDS     400
#define LIFE_COUNT 1000

static struct {
    int code;
    bool known[FIELDS];
    int field_code[FIELDS]; /* of one that is known and fails */
    int64_t step[FIELDS];   /* between two looks */
    int64_t link_step[FIELDS][NVML_NVLINKS_MAX];
    int64_t value[FIELDS]; /* of fields that do not count */
    unsigned looks[FIELDS][NVML_NVLINKS_MAX];
    unsigned links, links_up, link_looks, up_after; /* links come up after so many looks */
    unsigned replays, replay_step, gen, lanes, limit;
} says;

static int ask_fields(struct nvml_device *d, int count, struct nvml_field *f)
{
    UNUSED(d);
    for (int i = 0; i < count; i++) {
        unsigned id = f[i].id, link = f[i].scope, look;
        bool of_link = (id >= 161 && id <= 163) || (id >= 206 && id <= 222);

        assert_in_range(id, 0, FIELDS - 1);
        assert_in_range(link, 0, NVML_NVLINKS_MAX - 1);
        look = says.looks[id][link]++;
        f[i].code = !says.known[id]                 ? NVML_NOT_SUPPORTED
                    : of_link && link >= says.links ? NVML_INVALID_ARGUMENT
                                                    : says.field_code[id];
        f[i].value_type = NVML_VALUE_LONGLONG;
        f[i].value.sll = says.value[id]
                             ? says.value[id]
                             : LIFE_COUNT + look * (says.step[id] + says.link_step[id][link]);
    }
    return says.code;
}

static int ask_link(struct nvml_device *d, unsigned link, int *active)
{
    UNUSED(d);
    if (link == 0)
        says.link_looks++;
    if (link >= says.links)
        return NVML_INVALID_ARGUMENT;
    *active = link < says.links_up || (says.up_after && says.link_looks > says.up_after);
    return says.code;
}

#define ASK(name, member)                                 \
    static int name(struct nvml_device *d, unsigned *out) \
    {                                                     \
        UNUSED(d);                                        \
        *out = says.member;                               \
        return says.code;                                 \
    }
ASK(ask_gen, gen)
ASK(ask_lanes, lanes)

static int ask_replays(struct nvml_device *d, unsigned *out)
{
    UNUSED(d);
    *out = says.replays;
    says.replays += says.replay_step;
    return says.code;
}

static int ask_threshold(struct nvml_device *d, int which, unsigned *celsius)
{
    UNUSED(d);
    assert_int_equal(which, NVML_THRESHOLD_MEMORY_MAX);
    *celsius = says.limit;
    return says.code;
}

static const struct nvml driver = {
    .fields = ask_fields,
    .nvlink_state = ask_link,
    .pcie_replays = ask_replays,
    .pcie_gen = ask_gen,
    .pcie_width = ask_lanes,
    .temperature_threshold = ask_threshold,
};

static int setup(void **state)
{
    UNUSED(state);
    memset(&says, 0, sizeof says);
    says.links = says.links_up = 18;
    says.gen = 5;
    says.lanes = 16;
    says.limit = 95;
    for (unsigned id = 0; id < FIELDS; id++)
        says.known[id] = id == 74 || (id >= 269 && id <= 271) || (id >= 161 && id <= 163) ||
                         (id >= 173 && id <= 183);
    return 0;
}

static struct gpu_info h100 = {.gpu = {.index = 3, .model = "NVIDIA H100 80GB HBM3"},
                               .answered = true};
static int64_t uptime_ms = 3600 * 1000;

static struct finding judge(const char *name)
{
    static const struct gpu_inventory inventory = {.listed_count = 8, .gpu_count = 8};
    struct gpu_options options = gpu_options_default();
    struct gpu_target t = {
        .options = &options, .inventory = &inventory, .nvml = &driver, .info = &h100};
    struct finding f = {0};
    size_t i = 0;

    options.uptime_ms = uptime_ms;
    t.device = (struct nvml_device *)&h100; /* only passed through */
    while (i < gpu_check_count && strcmp(gpu_checks[i]->name, name) != 0)
        i++;
    assert_true(i < gpu_check_count);
    gpu_check_run(gpu_checks[i], &t, &f);
    return f;
}

static void assert_judged(const char *name, enum check_result want, const char *words)
{
    struct finding f = judge(name);

    if (f.result != want)
        fail_msg("%s is %s, expected %s: %s", name, check_result_names[f.result],
                 check_result_names[want], f.detail);
    assert_contains(f.detail, words);
    if (want == CHECK_FAIL || want == CHECK_WARN)
        assert_true(f.action[0] && f.remedy != REMEDY_NONE);
}

static void a_long_life_of_errors_is_no_finding(void **state)
{
    UNUSED(state);
    assert_judged("nvlink_errors", CHECK_PASS, "no NVLink counts errors");
    setup(state);
    assert_judged("pcie_errors", CHECK_PASS, "counts no errors");
    setup(state);
    says.replays = 4000000000U;
    assert_judged("pcie_replay", CHECK_PASS, "repeats nothing");
    setup(state);
    assert_judged("throttle_time", CHECK_PASS, "no time is lost");
}

static void an_nvlink_that_counts_errors_now_is_named(void **state)
{
    static const struct {
        unsigned field;
        int64_t step;
        enum check_result want;
        const char *words;
    } cases[] = {
        {161, 1, CHECK_WARN, "NVLink 5: 1 packets sent again"},
        {162, 2, CHECK_WARN, "NVLink 5: 2 recoveries"},
        {163, 5, CHECK_PASS, ""},
        {163, 5000, CHECK_FAIL, "NVLink 5: 5000 checksum errors"},
        {206, 1, CHECK_WARN, "malformed"},
        {214, 1, CHECK_FAIL, "failed recoveries"},
        {219, 3, CHECK_WARN, "could not hide"},
        {221, 3000, CHECK_PASS, ""}, /* symbols that correction hides are life as usual */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(state);
        says.known[cases[i].field] = true;
        says.link_step[cases[i].field][5] = cases[i].step;
        assert_judged("nvlink_errors", cases[i].want, cases[i].words);
    }
}

static void the_worst_nvlink_error_is_told(void **state)
{
    UNUSED(state);
    says.link_step[161][2] = 9;
    says.known[214] = true;
    says.link_step[214][7] = 1;
    assert_judged("nvlink_errors", CHECK_FAIL, "NVLink 7");
}

static void what_does_not_apply_is_skipped_by_the_drivers_answer(void **state)
{
    static const char *const names[] = {"nvlink_errors", "pcie_errors", "throttle_time",
                                        "memory_temperature"};

    UNUSED(state);
    memset(says.known, 0, sizeof says.known);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_judged(names[i], CHECK_SKIP, "does not report");
    says.code = NVML_GPU_IS_LOST;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_judged(names[i], CHECK_FAIL, "fell off the bus");
    says.code = NVML_NO_PERMISSION;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_judged(names[i], CHECK_SKIP, "only root");
}

/* Why: "counts no errors" must not rest on the counters that happened to answer. */
static void a_counter_that_cannot_be_read_is_no_counter_without_errors(void **state)
{
    static const struct {
        const char *name;
        unsigned field;
    } cases[] = {{"nvlink_errors", 162}, {"pcie_errors", 176}, {"throttle_time", 270}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(state);
        says.field_code[cases[i].field] = NVML_UNKNOWN;
        assert_judged(cases[i].name, CHECK_ERROR, "internal driver error");
        setup(state);
        says.field_code[cases[i].field] = NVML_NO_PERMISSION;
        assert_judged(cases[i].name, CHECK_PASS, "");
    }
}

static void counters_that_train_after_a_start_are_no_finding(void **state)
{
    UNUSED(state);
    says.step[162] = 1;
    uptime_ms = 60 * 1000;
    assert_judged("nvlink_errors", CHECK_ERROR, "still training");
    uptime_ms = 3600 * 1000;
}

static void counters_that_go_back_are_no_errors(void **state)
{
    UNUSED(state);
    says.step[161] = -500;
    assert_judged("nvlink_errors", CHECK_PASS, "");
    setup(state);
    says.step[269] = says.step[270] = says.step[271] = -1;
    assert_judged("throttle_time", CHECK_SKIP, "went back");
    setup(state);
    says.replays = 7;
    says.replay_step = (unsigned)-3;
    assert_judged("pcie_replay", CHECK_SKIP, "went back");
}

/* In a tenth of a second every generation is allowed one, see pcie_allowed(). */
static void pcie_repeats_are_judged_by_what_the_specification_allows(void **state)
{
    UNUSED(state);
    says.replay_step = 1;
    assert_judged("pcie_replay", CHECK_PASS, "no more PCIe replays than");
    says.replay_step = 40;
    assert_judged("pcie_replay", CHECK_WARN, "40 PCIe replays in ");
    says.gen = says.lanes = 1;
    assert_judged("pcie_replay", CHECK_WARN, "where 1 is allowed");
    says.gen = 99; /* what cannot be is not believed, and the most is allowed */
    assert_judged("pcie_replay", CHECK_WARN, "where 1 is allowed");
}

static void pcie_errors_are_told_by_their_kind(void **state)
{
    static const struct {
        unsigned field;
        int64_t step;
        enum check_result want;
        const char *words;
    } cases[] = {
        {173, 1, CHECK_PASS, "no more PCIe errors than"},
        {173, 30, CHECK_WARN, "30 PCIe errors in "},
        {176, 30, CHECK_WARN, "bad packets"},
        {182, 30, CHECK_WARN, "checksum errors"},
        {179, 1, CHECK_WARN, "uncorrected errors"},
        {180, 1, CHECK_FAIL, "1 fatal"},
        {181, 900, CHECK_PASS, "counts no errors"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(state);
        says.step[cases[i].field] = cases[i].step;
        assert_judged("pcie_errors", cases[i].want, cases[i].words);
    }
}

/* The counters are in nanoseconds, and a millisecond of a tenth of a second is nothing. */
static void slowed_time_is_a_share_and_never_zero_seconds(void **state)
{
    static const struct {
        unsigned field;
        int64_t ns;
        enum check_result want;
        const char *words;
    } cases[] = {
        {269, 1, CHECK_PASS, "no time is lost"},
        {270, 1000000, CHECK_PASS, "no time is lost"},
        {269, 900000000, CHECK_WARN, "100 % of the time: heat"},
        {270, 900000000, CHECK_WARN, "heat, clocks halved"},
        {271, 900000000, CHECK_WARN, "power brake"},
        {74, 900000000, CHECK_PASS, "power limit only"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct finding f;

        setup(state);
        says.step[cases[i].field] = cases[i].ns;
        assert_judged("throttle_time", cases[i].want, cases[i].words);
        setup(state);
        says.step[cases[i].field] = cases[i].ns;
        f = judge("throttle_time");
        assert_true(f.value >= 0 && f.value <= 100);
    }
}

static void the_memorys_heat_is_judged_by_its_own_limit(void **state)
{
    static const struct {
        int64_t celsius;
        unsigned limit;
        enum check_result want;
        const char *words;
    } cases[] = {
        {60, 95, CHECK_PASS, "60 C"},        {91, 95, CHECK_WARN, "4 C below"},
        {95, 95, CHECK_FAIL, "at the temp"}, {300, 95, CHECK_ERROR, "no sense"},
        {60, 0, CHECK_ERROR, "no sense"},    {60, 5000, CHECK_ERROR, "no sense"},
    };

    UNUSED(state);
    says.known[NVML_FIELD_MEMORY_TEMPERATURE] = true;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        says.value[NVML_FIELD_MEMORY_TEMPERATURE] = cases[i].celsius;
        says.limit = cases[i].limit;
        assert_judged("memory_temperature", cases[i].want, cases[i].words);
    }
}

static void links_are_compared_with_what_the_model_has(void **state)
{
    static const struct {
        const char *model;
        unsigned links, up;
        enum check_result want;
        const char *words;
    } cases[] = {
        {"NVIDIA H100 80GB HBM3", 18, 18, CHECK_PASS, "links are up"},
        {"NVIDIA H100 80GB HBM3", 18, 17, CHECK_WARN, "17 NVLinks are up, where this model has 18"},
        {"NVIDIA H100 PCIe", 18, 12, CHECK_PASS, "links are up"},
        {"NVIDIA H100 NVL", 18, 12, CHECK_PASS, "links are up"},
        {"NVIDIA A100-SXM4-80GB", 12, 12, CHECK_PASS, "links are up"},
        {"NVIDIA A100-SXM4-80GB", 12, 10, CHECK_WARN, "this model has 12"},
        {"a model of tomorrow", 18, 3, CHECK_PASS, "links are up"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        setup(state);
        text_copy(h100.gpu.model, sizeof h100.gpu.model, cases[i].model);
        says.links = cases[i].links;
        says.links_up = cases[i].up;
        assert_judged("nvlink", cases[i].want, cases[i].words);
    }
    text_copy(h100.gpu.model, sizeof h100.gpu.model, "NVIDIA H100 80GB HBM3");
}

static void a_link_that_comes_back_within_several_looks_is_up(void **state)
{
    UNUSED(state);
    says.links_up = 17;
    says.up_after = 1;
    assert_judged("nvlink", CHECK_PASS, "links are up");
    assert_true(says.link_looks >= 2);
}

static void checks_that_compare_two_moments_share_one_pause(void **state)
{
    static const struct gpu_inventory inventory = {.listed_count = 8, .gpu_count = 8};
    struct gpu_options options = gpu_options_default();
    struct gpu_target t = {.options = &options,
                           .inventory = &inventory,
                           .nvml = &driver,
                           .info = &h100,
                           .device = (struct nvml_device *)&h100};

    UNUSED(state);
    gpu_counters_read(&t);
    gpu_counters_read(&t);
    assert_int_equal(says.looks[271][0], 2);
    assert_int_equal(says.looks[161][17], 2);
    assert_true(t.counters.interval_ms >= 1);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_long_life_of_errors_is_no_finding),
        TEST(an_nvlink_that_counts_errors_now_is_named),
        TEST(the_worst_nvlink_error_is_told),
        TEST(what_does_not_apply_is_skipped_by_the_drivers_answer),
        TEST(a_counter_that_cannot_be_read_is_no_counter_without_errors),
        TEST(counters_that_train_after_a_start_are_no_finding),
        TEST(counters_that_go_back_are_no_errors),
        TEST(pcie_repeats_are_judged_by_what_the_specification_allows),
        TEST(pcie_errors_are_told_by_their_kind),
        TEST(slowed_time_is_a_share_and_never_zero_seconds),
        TEST(the_memorys_heat_is_judged_by_its_own_limit),
        TEST(links_are_compared_with_what_the_model_has),
        TEST(a_link_that_comes_back_within_several_looks_is_up),
        TEST(checks_that_compare_two_moments_share_one_pause),
    };

    return T_RUN("gpu counters", tests);
}
