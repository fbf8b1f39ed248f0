/* Every check's judgement, as tables: the driver is a struct of functions filled by hand. */
#include "tests/support/t.h"

#include "gpu/check.h"

/* What the driver of the moment answers. Functions of a driver take no context. */
static struct {
    int code; /* of every function, when not 0 */
    int64_t fields[400];
    int field_codes[400];
    unsigned enforced, standard, gen, gen_max, width, width_max, celsius;
    int margin, state, mode;
    struct nvml_fabric fabric;
    unsigned mig, mig_pending, sram_flag, unrepairable, channel, tpc, processes;
    unsigned long long sram_errors;
    unsigned spare_none; /* banks of memory */
    int inforom;
} says;

static int ask_fields(struct nvml_device *d, int count, struct nvml_field *f)
{
    UNUSED(d);
    for (int i = 0; i < count; i++) {
        f[i].code = says.field_codes[f[i].id];
        f[i].value_type = NVML_VALUE_LONGLONG;
        f[i].value.sll = says.fields[f[i].id];
    }
    return says.code;
}

#define ASK(name, type, member)                       \
    static int name(struct nvml_device *d, type *out) \
    {                                                 \
        UNUSED(d);                                    \
        *out = says.member;                           \
        return says.code;                             \
    }
ASK(ask_enforced, unsigned, enforced)
ASK(ask_standard, unsigned, standard)
ASK(ask_gen, unsigned, gen)
ASK(ask_gen_max, unsigned, gen_max)
ASK(ask_width, unsigned, width)
ASK(ask_width_max, unsigned, width_max)
ASK(ask_state, int, state)
ASK(ask_mode, int, mode)

static int ask_temperature(struct nvml_device *d, struct nvml_temperature *t)
{
    UNUSED(d);
    t->celsius = (int)says.celsius;
    return says.code;
}

static int ask_margin(struct nvml_device *d, struct nvml_margin *m)
{
    UNUSED(d);
    m->celsius = says.margin;
    return says.code;
}

static int ask_fabric(struct nvml_device *d, struct nvml_fabric *f)
{
    UNUSED(d);
    *f = says.fabric;
    return says.code;
}

static int ask_mig(struct nvml_device *d, unsigned *current, unsigned *pending)
{
    UNUSED(d);
    *current = says.mig;
    *pending = says.mig_pending;
    return says.code;
}

static int ask_sram(struct nvml_device *d, struct nvml_sram *s)
{
    UNUSED(d);
    s->threshold_exceeded = says.sram_flag;
    return says.code;
}

static int ask_sram_errors(struct nvml_device *d, int type, int counter, int location,
                           unsigned long long *count)
{
    UNUSED(d);
    assert_int_equal(type, NVML_ERRORS_UNCORRECTED);
    assert_int_equal(counter, NVML_COUNTER_AGGREGATE);
    assert_int_equal(location, NVML_LOCATION_SRAM);
    *count = says.sram_errors;
    return says.code;
}

static int ask_spare_rows(struct nvml_device *d, struct nvml_spare_rows *rows)
{
    UNUSED(d);
    rows->none = says.spare_none;
    return says.code;
}

static int ask_unrepairable(struct nvml_device *d, struct nvml_unrepairable *u)
{
    UNUSED(d);
    u->flag = says.unrepairable;
    return says.code;
}

static int ask_repair(struct nvml_device *d, struct nvml_repair *r)
{
    UNUSED(d);
    r->channel_pending = says.channel;
    r->tpc_pending = says.tpc;
    return says.code;
}

static int ask_processes(struct nvml_device *d, unsigned *count, struct nvml_process *p)
{
    unsigned room = *count;

    UNUSED(d);
    UNUSED(p);
    *count = says.processes;
    return says.code ? says.code : says.processes > room ? NVML_INSUFFICIENT_SIZE : NVML_OK;
}

static int ask_inforom(struct nvml_device *d)
{
    UNUSED(d);
    return says.code ? says.code : says.inforom;
}

static const struct nvml driver = {
    .fields = ask_fields,
    .power_limit_enforced = ask_enforced,
    .power_limit_default = ask_standard,
    .pcie_gen = ask_gen,
    .pcie_gen_max = ask_gen_max,
    .pcie_width = ask_width,
    .pcie_width_max = ask_width_max,
    .performance_state = ask_state,
    .compute_mode = ask_mode,
    .persistence_mode = ask_mode,
    .temperature_v = ask_temperature,
    .temperature_margin = ask_margin,
    .fabric_info = ask_fabric,
    .mig_mode = ask_mig,
    .sram_status = ask_sram,
    .error_counter = ask_sram_errors,
    .spare_rows = ask_spare_rows,
    .unrepairable = ask_unrepairable,
    .repair_status = ask_repair,
    .compute_processes = ask_processes,
    .inforom_validate = ask_inforom,
};

static int setup(void **state)
{
    UNUSED(state);
    memset(&says, 0, sizeof says);
    says.fields[NVML_FIELD_ECC_CURRENT] = 1;
    return 0;
}

static const struct gpu_check *check_find(const char *name)
{
    for (size_t i = 0; i < gpu_check_count; i++) {
        if (strcmp(gpu_checks[i]->name, name) == 0)
            return gpu_checks[i];
    }
    fail_msg("no check is called %s", name);
    return NULL;
}

static struct finding judge_with(const struct nvml *n, const struct gpu_check *check)
{
    static const struct gpu_inventory inventory = {.listed_count = 8, .gpu_count = 8};
    struct gpu_options options = gpu_options_default();
    struct gpu_info info = {.gpu = {.index = 3}, .answered = true};
    struct gpu_target t = {.options = &options, .inventory = &inventory, .nvml = n, .info = &info};
    struct finding f;

    options.uptime_ms = 3600 * 1000;
    options.kmsg_path = "/nonexistent/kmsg";
    t.device = (struct nvml_device *)&info; /* only passed through */
    t.device_code = says.code;
    gpu_check_run(check, &t, &f);
    assert_string_equal(f.check, check->name);
    assert_int_equal(f.gpu_index, 3);
    return f;
}

static void assert_judged(const char *name, enum check_result want, const char *words)
{
    struct finding f = judge_with(&driver, check_find(name));

    if (f.result != want)
        fail_msg("%s is %s, expected %s: %s", name, check_result_names[f.result],
                 check_result_names[want], f.detail);
    assert_contains(f.detail, words);
    /* Whoever is told that something is wrong is told what to do. */
    if (want == CHECK_FAIL || want == CHECK_WARN)
        assert_true(f.action[0]);
}

static void the_drivers_advice_is_obeyed(void **state)
{
    static const struct {
        int64_t advice;
        enum check_result want;
        const char *words;
    } cases[] = {
        {0, CHECK_PASS, "nothing"},
        {1, CHECK_FAIL, "reset the GPU"},
        {2, CHECK_FAIL, "restart the machine"},
        {3, CHECK_FAIL, "peer-to-peer"},
        {4, CHECK_FAIL, "drain, then reset"},
        {5, CHECK_FAIL, "IMEX"},
        {6, CHECK_FAIL, "action 6"},
        {-1, CHECK_ERROR, "no sense"},
        {1000, CHECK_ERROR, "no sense"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        says.fields[NVML_FIELD_RECOVERY_ACTION] = cases[i].advice;
        assert_judged("recovery", cases[i].want, cases[i].words);
    }
}

static void remapping_is_judged_by_flags_and_by_nvidias_limit(void **state)
{
    static const struct {
        int64_t rows, pending, failure;
        enum check_result want;
        const char *words;
    } cases[] = {
        {0, 0, 0, CHECK_PASS, ""},
        {511, 0, 0, CHECK_PASS, ""},
        {512, 0, 0, CHECK_FAIL, "512 rows"},
        {1, 1, 0, CHECK_FAIL, "wait to be remapped"},
        {1, 0, 1, CHECK_FAIL, "could not be remapped"},
        {1, 1, 1, CHECK_FAIL, "could not be remapped"},
        {-5, 0, 0, CHECK_ERROR, "no sense"},
        {0, 2, 0, CHECK_ERROR, "no sense"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        says.fields[NVML_FIELD_REMAPPED_UNCORRECTABLE] = cases[i].rows;
        says.fields[NVML_FIELD_REMAP_PENDING] = cases[i].pending;
        says.fields[NVML_FIELD_REMAP_FAILURE] = cases[i].failure;
        assert_judged("row_remap", cases[i].want, cases[i].words);
    }
}

static void a_bank_without_spare_rows_is_watched(void **state)
{
    UNUSED(state);
    says.spare_none = 1;
    assert_judged("row_remap", CHECK_WARN, "1 memory bank has no spare row left");
    says.spare_none = 0xffffffff; /* cannot be, and takes nothing from what was answered */
    assert_judged("row_remap", CHECK_PASS, "");
}

static void retired_pages_are_judged_by_number_and_wait(void **state)
{
    UNUSED(state);
    says.fields[NVML_FIELD_RETIRED_SBE] = 30;
    says.fields[NVML_FIELD_RETIRED_DBE] = 32;
    assert_judged("retired_pages", CHECK_PASS, "");
    says.fields[NVML_FIELD_RETIRED_DBE] = 33;
    assert_judged("retired_pages", CHECK_FAIL, "63 memory pages");
    says.fields[NVML_FIELD_RETIRED_DBE] = 0;
    says.fields[NVML_FIELD_RETIRED_PENDING] = 1;
    assert_judged("retired_pages", CHECK_FAIL, "wait to be retired");
}

static void fresh_memory_errors_fail_and_repaired_ones_do_not(void **state)
{
    UNUSED(state);
    assert_judged("ecc_volatile", CHECK_PASS, "");
    assert_judged("ecc_aggregate", CHECK_PASS, "");
    says.fields[NVML_FIELD_ECC_SBE_VOLATILE] = 12;
    assert_judged("ecc_volatile", CHECK_PASS, "12 corrected");
    says.fields[NVML_FIELD_ECC_DBE_VOLATILE] = 1;
    assert_judged("ecc_volatile", CHECK_FAIL, "1 uncorrectable memory error since");
    says.fields[NVML_FIELD_ECC_DBE_AGGREGATE] = 7;
    assert_judged("ecc_aggregate", CHECK_PASS, "remapping repairs");
    says.sram_errors = 2;
    assert_judged("ecc_aggregate", CHECK_WARN, "2 uncorrectable SRAM errors");
    says.sram_errors = ~0ULL;
    assert_judged("ecc_aggregate", CHECK_ERROR, "no sense");
}

static void switched_off_error_correction_is_skipped(void **state)
{
    UNUSED(state);
    says.fields[NVML_FIELD_ECC_CURRENT] = 0;
    assert_judged("ecc_volatile", CHECK_SKIP, "switched off");
    assert_judged("ecc_aggregate", CHECK_SKIP, "switched off");
}

static void flags_of_the_memory_and_the_inforom_are_obeyed(void **state)
{
    UNUSED(state);
    says.sram_flag = 1;
    assert_judged("sram_threshold", CHECK_FAIL, "above NVIDIA's threshold");
    says.unrepairable = 1;
    assert_judged("unrepairable_memory", CHECK_FAIL, "cannot be repaired");
    says.tpc = 1;
    assert_judged("repair_pending", CHECK_WARN, "processor cluster");
    says.channel = 1;
    assert_judged("repair_pending", CHECK_WARN, "memory channel");
    says.inforom = NVML_CORRUPTED_INFOROM;
    assert_judged("inforom", CHECK_FAIL, "corrupted");
}

static void heat_is_judged_by_its_margin(void **state)
{
    static const struct {
        unsigned celsius;
        int margin;
        enum check_result want;
    } cases[] = {
        {35, 50, CHECK_PASS},   {82, 5, CHECK_PASS},           {83, 4, CHECK_WARN},
        {87, 0, CHECK_FAIL},    {95, -8, CHECK_FAIL},          {201, 10, CHECK_ERROR},
        {35, 999, CHECK_ERROR}, {0xffffffc0, 60, CHECK_ERROR},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        says.celsius = cases[i].celsius;
        says.margin = cases[i].margin;
        assert_judged("temperature", cases[i].want, "");
    }
}

static void a_lowered_power_limit_is_a_warning(void **state)
{
    UNUSED(state);
    says.enforced = says.standard = 700000;
    assert_judged("power_limit", CHECK_PASS, "full power");
    says.enforced = 450000;
    assert_judged("power_limit", CHECK_WARN, "450 W of 700 W");
    says.enforced = 0;
    assert_judged("power_limit", CHECK_ERROR, "no sense");
}

static void pcie_is_compared_with_what_the_slot_allows(void **state)
{
    static const struct {
        unsigned gen, gen_max, width, width_max;
        int state;
        enum check_result want;
        const char *words;
    } cases[] = {
        {5, 5, 16, 16, 0, CHECK_PASS, "generation 5"},
        {3, 3, 1, 1, 0, CHECK_PASS, ""},
        {1, 5, 16, 16, 8, CHECK_PASS, "as at idle"},
        {4, 5, 16, 16, 0, CHECK_WARN, "generation 4 of 5"},
        {5, 5, 8, 16, 8, CHECK_WARN, "8 lanes of 16"},
        {0, 5, 16, 16, 0, CHECK_ERROR, "no sense"},
        {5, 5, 4096, 16, 0, CHECK_ERROR, "no sense"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        says.gen = cases[i].gen;
        says.gen_max = cases[i].gen_max;
        says.width = cases[i].width;
        says.width_max = cases[i].width_max;
        says.state = cases[i].state;
        assert_judged("pcie_link", cases[i].want, cases[i].words);
    }
}

static void the_fabrics_health_is_read_bit_by_bit(void **state)
{
    static const struct {
        unsigned char state;
        int status;
        unsigned mask;
        unsigned char summary;
        enum check_result want;
        const char *words;
    } cases[] = {
        {0, 0, 0, 0, CHECK_SKIP, "no NVSwitch"},
        {1, 0, 0, 0, CHECK_FAIL, "has not started"},
        {2, 0, 0, 0, CHECK_FAIL, "does not end"},
        {3, 0, 0, 0, CHECK_PASS, "registered"},
        {3, 0, 0x1aa, 1, CHECK_PASS, "registered"},
        {3, 999, 0, 0, CHECK_FAIL, "failed"},
        {3, 0, 0x1, 0, CHECK_FAIL, "degraded"},
        {3, 0, 0x4, 0, CHECK_WARN, "recovering"},
        {3, 0, 0x10, 0, CHECK_FAIL, "route"},
        {3, 0, 0x40, 0, CHECK_WARN, "recovering"},
        {3, 0, 0x500, 0, CHECK_FAIL, "too few NVLinks"},
        {3, 0, 0xf00, 0, CHECK_FAIL, "unknown mistake"},
        {3, 0, 0, 2, CHECK_FAIL, "unhealthy"},
        {3, 0, 0, 3, CHECK_WARN, "limited"},
        {9, 0, 0, 0, CHECK_ERROR, "no sense"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        says.fabric = (struct nvml_fabric){.state = cases[i].state,
                                           .status = cases[i].status,
                                           .health_mask = cases[i].mask,
                                           .health_summary = cases[i].summary};
        assert_judged("fabric", cases[i].want, cases[i].words);
    }
}

static void modes_are_told_unless_they_forbid_work(void **state)
{
    UNUSED(state);
    assert_judged("compute_mode", CHECK_PASS, "open to programs");
    says.mode = 3;
    assert_judged("compute_mode", CHECK_PASS, "one program");
    says.mode = 2;
    assert_judged("compute_mode", CHECK_FAIL, "prohibited");
    says.mode = 0;
    assert_judged("persistence", CHECK_PASS, "off");
    says.processes = 100; /* more than the check has room for */
    assert_judged("processes", CHECK_PASS, "100 processes");
}

/* The rule that everything rests on, tried for every check and every answer of a driver. */
static void no_refusal_of_the_driver_ever_passes(void **state)
{
    static const int codes[] = {1,  2,  3,  4,  6,  8,  9,  10, 11, 12, 13, 14,  15, 16,
                                17, 18, 19, 20, 21, 25, 26, 27, 28, 29, 30, 999, -1, 12345};

    UNUSED(state);
    for (size_t i = 0; i < gpu_check_count; i++) {
        if (gpu_checks[i]->scope != GPU_SCOPE_GPU)
            continue;
        for (size_t k = 0; k < ARRAY_SIZE(codes); k++) {
            struct finding f;

            says.code = codes[k];
            f = judge_with(&driver, gpu_checks[i]);
            if (f.result == CHECK_PASS || f.result == CHECK_WARN || !f.detail[0])
                fail_msg("%s is %s when the driver says %d", f.check, check_result_names[f.result],
                         codes[k]);
        }
    }
}

static void a_lost_gpu_fails_in_every_check_that_asks_for_it(void **state)
{
    static const char *const asking[] = {"reachable",   "recovery",     "row_remap", "inforom",
                                         "temperature", "compute_mode", "mig_mode"};

    UNUSED(state);
    says.code = NVML_GPU_IS_LOST;
    for (size_t i = 0; i < ARRAY_SIZE(asking); i++)
        assert_judged(asking[i], CHECK_FAIL, "fell off the bus");
}

static void a_driver_without_any_function_is_skipped_throughout(void **state)
{
    static const struct nvml bare;

    UNUSED(state);
    for (size_t i = 0; i < gpu_check_count; i++) {
        struct finding f;

        if (gpu_checks[i]->scope != GPU_SCOPE_GPU || gpu_checks[i]->without_device)
            continue;
        f = judge_with(&bare, gpu_checks[i]);
        if (f.result != CHECK_SKIP)
            fail_msg("%s is %s without a driver function: %s", f.check,
                     check_result_names[f.result], f.detail);
    }
}

static void answer_nothing(struct gpu_target *t, struct finding *f)
{
    UNUSED(t);
    UNUSED(f);
}

static void a_check_that_forgets_to_answer_is_an_error(void **state)
{
    static const struct gpu_check forgetful = {
        .name = "forgetful", .scope = GPU_SCOPE_GPU, .run = answer_nothing};

    UNUSED(state);
    assert_int_equal(judge_with(&driver, &forgetful).result, CHECK_ERROR);
}

static void every_check_has_a_name_and_help_of_its_own(void **state)
{
    bool gpus = false;

    UNUSED(state);
    for (size_t i = 0; i < gpu_check_count; i++) {
        const struct gpu_check *c = gpu_checks[i];

        assert_in_range(strlen(c->name), 2, 20);
        assert_int_equal(strspn(c->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(c->name));
        assert_in_range(strlen(c->help), 10, 80);
        assert_non_null(c->run);
        assert_true(c->tier <= TIER_SOAK);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(c->name, gpu_checks[k]->name);
        /* The machine first: reports are read from the top. */
        gpus = gpus || c->scope == GPU_SCOPE_GPU;
        assert_true(c->scope == (gpus ? GPU_SCOPE_GPU : GPU_SCOPE_MACHINE));
        /* What is quick to find is found first. */
        if (i > 0 && gpu_checks[i - 1]->scope == c->scope)
            assert_true(gpu_checks[i - 1]->tier <= c->tier);
        if (c->tier == TIER_STATE)
            assert_false(c->needs_compute);
    }
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_drivers_advice_is_obeyed),
        TEST(remapping_is_judged_by_flags_and_by_nvidias_limit),
        TEST(a_bank_without_spare_rows_is_watched),
        TEST(retired_pages_are_judged_by_number_and_wait),
        TEST(fresh_memory_errors_fail_and_repaired_ones_do_not),
        TEST(switched_off_error_correction_is_skipped),
        TEST(flags_of_the_memory_and_the_inforom_are_obeyed),
        TEST(heat_is_judged_by_its_margin),
        TEST(a_lowered_power_limit_is_a_warning),
        TEST(pcie_is_compared_with_what_the_slot_allows),
        TEST(the_fabrics_health_is_read_bit_by_bit),
        TEST(modes_are_told_unless_they_forbid_work),
        TEST(no_refusal_of_the_driver_ever_passes),
        TEST(a_lost_gpu_fails_in_every_check_that_asks_for_it),
        TEST(a_driver_without_any_function_is_skipped_throughout),
        TEST(a_check_that_forgets_to_answer_is_an_error),
        TEST(every_check_has_a_name_and_help_of_its_own),
    };

    return T_RUN("gpu checks", tests);
}
