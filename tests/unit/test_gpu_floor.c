/* The floors of GPU models: the table itself, which line applies, what a figure then means, and
 * the user's own file. */
#include "tests/support/t.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpu/floor.h"

#define H100 "NVIDIA H100 80GB HBM3"

static const struct gpu_floor_place sxm = {5, 16, 8};

/* Why: a wrong floor drains good machines, or, like DCGM's for the H200, is never reached. */
static void every_line_of_the_table_is_plausible(void **state)
{
    static const struct {
        const char *prefix, *unit;
        double lowest, highest; /* of any peak in that unit */
    } figures[] = {
        {"memory_", "GB/s", 200, 20000},
        {"pcie_", "GB/s", 10, 130},
        {"peer", "GB/s", 20, 2000},
        {"matmul_", "TFLOP/s", 50, 10000},
    };

    UNUSED(state);
    for (size_t i = 0; i < gpu_floor_table_count; i++) {
        const struct gpu_floor *f = &gpu_floor_table[i];
        bool known = false;

        for (size_t k = 0; k < ARRAY_SIZE(figures); k++) {
            if (strncmp(f->check, figures[k].prefix, strlen(figures[k].prefix)) != 0)
                continue;
            known = strcmp(f->unit, figures[k].unit) == 0 && f->peak >= figures[k].lowest &&
                    f->peak <= figures[k].highest;
        }
        if (!known || !(f->fail_below < f->warn_below && f->warn_below < f->peak) ||
            f->fail_below < 0.40 * f->peak || f->fail_below > 0.95 * f->peak)
            fail_msg("%s, %s: %g < %g < %g %s", f->model, f->check, f->fail_below, f->warn_below,
                     f->peak, f->unit);
        assert_true(f->source[0]);
        assert_true(strlen(f->source) < sizeof f->source - 1);
        assert_memory_equal(f->model, "NVIDIA ", 7);
    }
}

static void no_gpu_meets_two_lines_of_the_table(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < gpu_floor_table_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (gpu_floors_overlap(&gpu_floor_table[i], &gpu_floor_table[k]))
                fail_msg("lines %zu and %zu are both about %s, %s", k, i, gpu_floor_table[i].model,
                         gpu_floor_table[i].check);
        }
    }
}

/* "memory_" of "memory_read": a floor whose check was renamed would judge nothing. */
static void every_floor_names_a_check_where_there_are_some_of_its_kind(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < gpu_floor_table_count; i++) {
        const char *name = gpu_floor_table[i].check;
        size_t kind = strcspn(name, "_") + 1;
        bool has_kind = false, has_name = false;

        for (size_t k = 0; k < gpu_check_count; k++) {
            has_kind = has_kind || strncmp(gpu_checks[k]->name, name, kind) == 0;
            has_name = has_name || strcmp(gpu_checks[k]->name, name) == 0;
        }
        if (has_kind && !has_name)
            fail_msg("no check is called %s", name);
    }
}

/* Why: Azure's checks judged PCIe cards with the numbers of SXM modules. */
static void each_form_factor_has_floors_of_its_own(void **state)
{
    static const char *const models[] = {
        H100,
        "NVIDIA H100 PCIe",
        "NVIDIA H100 NVL",
        "NVIDIA H200",
        "NVIDIA H200 NVL",
        "NVIDIA A100-SXM4-40GB",
        "NVIDIA A100-SXM4-80GB",
        "NVIDIA A100-PCIE-40GB",
        "NVIDIA A100 80GB PCIe",
        "NVIDIA L40S",
        "NVIDIA L4",
        "NVIDIA B200",
        "NVIDIA GH200 480GB",
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
        const struct gpu_floor *f = gpu_floor_find(NULL, models[i], "memory_read", &sxm);

        if (!f)
            fail_msg("%s has no floor", models[i]);
        assert_string_equal(f->model, models[i]);
    }
    assert_true(gpu_floor_find(NULL, H100, "matmul_bf16", &sxm)->fail_below >
                gpu_floor_find(NULL, "NVIDIA H100 PCIe", "matmul_bf16", &sxm)->fail_below);
    assert_null(gpu_floor_find(NULL, "NVIDIA H100 PCIe", "peer", &sxm));
}

static void what_is_not_known_has_no_floor(void **state)
{
    static const char *const models[] = {
        "",           "NVIDIA H100",          "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "NVIDIA H20", "GRID H100-80C",        "NVIDIA GeForce RTX 4090",
        "Tesla V100", "NVIDIA H100 64GB HBM2"};

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        assert_null(gpu_floor_find(NULL, models[i], "memory_read", &sxm));
    assert_null(gpu_floor_find(NULL, H100, "temperature", &sxm));
}

static void the_floor_of_a_transfer_follows_the_slot(void **state)
{
    struct gpu_floor_place place = {5, 16, 8};

    UNUSED(state);
    assert_true(gpu_floor_find(NULL, H100, "pcie_to_gpu", &place)->warn_below == 48);
    place.pcie_generation = 4;
    assert_true(gpu_floor_find(NULL, H100, "pcie_to_gpu", &place)->warn_below == 21);
    place.pcie_generation = 3;
    assert_null(gpu_floor_find(NULL, H100, "pcie_to_gpu", &place));
    place = (struct gpu_floor_place){5, 8, 8};
    assert_null(gpu_floor_find(NULL, H100, "pcie_to_gpu", &place));
    place = (struct gpu_floor_place){0, 0, 8};
    assert_null(gpu_floor_find(NULL, H100, "pcie_to_gpu", &place));
}

/* Why: on boards of four, links are shared out among three peers. */
static void the_floor_between_peers_needs_a_board_of_eight(void **state)
{
    struct gpu_floor_place place = {5, 16, 4};

    UNUSED(state);
    assert_null(gpu_floor_find(NULL, H100, "peer", &place));
    place.gpu_count = 8;
    assert_non_null(gpu_floor_find(NULL, H100, "peer", &place));
}

static const struct gpu_floor floor_of_test = {.model = H100,
                                               .check = "memory_read",
                                               .unit = "GB/s",
                                               .peak = 4800,
                                               .warn_below = 4320,
                                               .fail_below = 3840,
                                               .source = "a table"};

static void a_figure_passes_warns_or_fails_by_its_floor(void **state)
{
    static const struct {
        double value;
        bool is_power_limited;
        enum check_result want;
        const char *words;
    } cases[] = {
        {4560, false, CHECK_PASS, "4560 GB/s, 95 % of 4800"}, {4320, false, CHECK_PASS, "90 %"},
        {4319, false, CHECK_WARN, "healthy is 4320"},         {3840, false, CHECK_WARN, "80 %"},
        {3839, false, CHECK_FAIL, "at least 3840 is needed"}, {0, false, CHECK_FAIL, "0 GB/s"},
        {3839, true, CHECK_WARN, "power limit was lowered"},  {NAN, false, CHECK_ERROR, "measured"},
        {INFINITY, false, CHECK_ERROR, "measured"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct finding f = {0};

        gpu_floor_judge(&floor_of_test, cases[i].is_power_limited, &f, cases[i].value, "GB/s");
        if (f.result != cases[i].want)
            fail_msg("%g is %s", cases[i].value, check_result_names[f.result]);
        assert_contains(f.detail, cases[i].words);
        assert_string_equal(f.source, "a table");
        if (f.result != CHECK_ERROR)
            assert_true(f.floor == 4320);
        if (f.result == CHECK_WARN || f.result == CHECK_FAIL)
            assert_true(f.action[0] && f.remedy != REMEDY_NONE);
    }
}

static void a_floor_in_another_unit_judges_nothing(void **state)
{
    struct finding f = {0};

    UNUSED(state);
    gpu_floor_judge(&floor_of_test, false, &f, 4560000, "MB/s");
    assert_int_equal(f.result, CHECK_ERROR);
    assert_contains(f.detail, "measured in MB/s, but the floor is in GB/s");
    assert_true(f.floor == 0);
}

static struct {
    unsigned mig, generation, limit;
} machine;

static int fake_mig(struct nvml_device *d, unsigned *current, unsigned *pending)
{
    UNUSED(d);
    *current = *pending = machine.mig;
    return NVML_OK;
}

static int fake_generation(struct nvml_device *d, unsigned *out)
{
    UNUSED(d);
    *out = machine.generation;
    return NVML_OK;
}

static int fake_lanes(struct nvml_device *d, unsigned *out)
{
    UNUSED(d);
    *out = 16;
    return NVML_OK;
}

static int fake_limit(struct nvml_device *d, unsigned *out)
{
    UNUSED(d);
    *out = machine.limit;
    return NVML_OK;
}

static int fake_limit_normal(struct nvml_device *d, unsigned *out)
{
    UNUSED(d);
    *out = 700000;
    return NVML_OK;
}

static struct finding measure(const char *check, double value, const struct gpu_floors *own)
{
    static int handle;
    struct nvml n = {.mig_mode = fake_mig,
                     .pcie_gen_max = fake_generation,
                     .pcie_width_max = fake_lanes,
                     .power_limit_enforced = fake_limit,
                     .power_limit_default = fake_limit_normal};
    struct gpu_options o = {.floors = own};
    struct gpu_info info = {.gpu = {.model = H100}};
    static struct gpu_inventory inventory = {.listed_count = 8};
    struct gpu_target t = {.options = &o,
                           .inventory = &inventory,
                           .nvml = &n,
                           .device = (struct nvml_device *)&handle,
                           .info = &info};
    struct finding f = {0};

    text_copy(f.check, sizeof f.check, check);
    gpu_measured(&t, &f, value, "GB/s");
    return f;
}

static void a_measured_gpu_is_judged_as_it_stands_in_its_slot(void **state)
{
    UNUSED(state);
    machine.mig = 0;
    machine.generation = 5;
    machine.limit = 700000;
    assert_int_equal(measure("pcie_to_gpu", 26, NULL).result, CHECK_FAIL);
    machine.generation = 4;
    assert_int_equal(measure("pcie_to_gpu", 26, NULL).result, CHECK_PASS);
    assert_int_equal(measure("memory_read", 2000, NULL).result, CHECK_FAIL);
    machine.limit = 400000;
    assert_int_equal(measure("memory_read", 2000, NULL).result, CHECK_WARN);
}

static void a_slice_of_a_gpu_has_no_floor_and_says_so(void **state)
{
    struct finding f;

    UNUSED(state);
    machine.mig = 1;
    f = measure("memory_read", 400, NULL);
    assert_int_equal(f.result, CHECK_PASS);
    /* Nor a figure, which peers would be held against. */
    assert_true(f.floor == 0 && f.value == 0 && !f.unit[0]);
    assert_contains(f.detail, "400 GB/s on a MIG instance, which is held to no floor");
    f = measure("memory_read", NAN, NULL);
    assert_int_equal(f.result, CHECK_ERROR);
    assert_true(f.value == 0);
    machine.mig = 0;
}

static void floors_parse(const char *text, struct gpu_floors *out)
{
    struct err e;

    memset(out, 0, sizeof *out);
    assert_ok(gpu_floors_parse("own.json", text, strlen(text), out, &e), &e);
}

static void a_file_of_ones_own_replaces_the_table_for_that_model_and_check(void **state)
{
    static const char text[] = "{\"floors\":[{\"model\":\"" H100 "\",\"check\":\"nvlink\","
                               "\"unit\":\"GB/s\",\"peak\":100,\"warn_below\":50,"
                               "\"fail_below\":40,\"pcie_generation\":5}]}";
    struct gpu_floors own;

    UNUSED(state);
    floors_parse(text, &own);
    text_copy(own.floors[0].check, sizeof own.floors[0].check, "memory_read");
    machine.generation = 5;
    machine.limit = 700000;
    assert_int_equal(measure("memory_read", 60, &own).result, CHECK_PASS);
    assert_int_equal(measure("memory_read", 45, &own).result, CHECK_WARN);
    assert_string_equal(measure("memory_read", 45, &own).source, "own.json");
    assert_true(
        gpu_floor_peak(&own, H100, &(struct finding){.check = "memory_read", .floor = 50}) == 100);
    /* Their lines are all there is for it, also where none of them fits. */
    machine.generation = 4;
    assert_true(measure("memory_read", 45, &own).floor == 0);
    assert_true(measure("memory_copy", 45, &own).floor > 0);
    shape_release(&gpu_floors_shape, &own);
}

#define LINE(more)                                                                               \
    "{\"floors\": [\n  {\"model\": \"m\", \"check\": \"nvlink\", \"unit\": \"links\",\n   " more \
    "}\n]}\n"

static void a_mistake_in_a_file_of_floors_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "own.json: line 1"},
        {"{\"floors\": [}", "own.json: line 1, column 13"},
        {"[]", "own.json:1: "},
        {"{}", "own.json:1: "},
        {LINE("\"warn_below\": 2"), "own.json:2: "},
        {LINE("\"warn_below\": 2, \"fail_below\": 2"), "own.json:2: fail_below must be over 0"},
        {LINE("\"warn_below\": 1e300, \"fail_below\": 1"), "own.json:3: "},
        {LINE("\"warn_below\": 2, \"fail_below\": 0"), "own.json:2: fail_below must be over 0"},
        {LINE("\"warn_below\": 2, \"fail_below\": 1, \"peak\": 2"),
         "warn_below must be under peak"},
        {LINE("\"warn_below\": \"2\", \"fail_below\": 1"), "own.json:3: "},
        {LINE("\"warn_below\": 2, \"fail_below\": 1,\n  \"pcie_lanes\": 99"), "own.json:4: "},
        {LINE("\"warn_below\": 2, \"fail_below\": 1, \"warn\": 2"), "unknown field 'warn'"},
        {"{\"floors\":[{\"model\":\"m\",\"check\":\"memroy\",\"unit\":\"x\",\"warn_below\":2,"
         "\"fail_below\":1}]}",
         "no check is called 'memroy'"},
        {LINE(
             "\"warn_below\": 2, \"fail_below\": 1}, \n\n{\"model\": \"m\", \"check\": \"nvlink\", "
             "\"unit\": \"links\", \"pcie_lanes\": 8, \"warn_below\": 2, \"fail_below\": 1"),
         "own.json:5: the same GPU and check as floor 1"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct gpu_floors own = {0};
        struct err e;

        assert_err(ERR_INVALID,
                   gpu_floors_parse("own.json", cases[i].text, strlen(cases[i].text), &own, &e),
                   &e);
        assert_contains(e.msg, cases[i].words);
        assert_null(own.floors);
    }
}

static void a_file_of_floors_is_a_plain_one_of_bounded_size(void **state)
{
    struct gpu_floors own = {0};
    char path[600];
    struct err e;
    FILE *file;

    UNUSED(state);
    assert_err(ERR_NOT_FOUND, gpu_floors_read("/nonexistent/floors", &own, &e), &e);
    assert_err(ERR_INVALID, gpu_floors_read("/dev/zero", &own, &e), &e);
    assert_err(ERR_INVALID, gpu_floors_read(t_dir(), &own, &e), &e);
    snprintf(path, sizeof path, "%s/pipe", t_dir());
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_err(ERR_INVALID, gpu_floors_read(path, &own, &e), &e);
    snprintf(path, sizeof path, "%s/large", t_dir());
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(truncate(path, GPU_FLOOR_FILE_BYTES_MAX + 1), 0);
    assert_err(ERR_TOO_LARGE, gpu_floors_read(path, &own, &e), &e);
}

#define TEST(f) cmocka_unit_test(f)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_line_of_the_table_is_plausible),
        TEST(no_gpu_meets_two_lines_of_the_table),
        TEST(every_floor_names_a_check_where_there_are_some_of_its_kind),
        TEST(each_form_factor_has_floors_of_its_own),
        TEST(what_is_not_known_has_no_floor),
        TEST(the_floor_of_a_transfer_follows_the_slot),
        TEST(the_floor_between_peers_needs_a_board_of_eight),
        TEST(a_figure_passes_warns_or_fails_by_its_floor),
        TEST(a_floor_in_another_unit_judges_nothing),
        TEST(a_measured_gpu_is_judged_as_it_stands_in_its_slot),
        TEST(a_slice_of_a_gpu_has_no_floor_and_says_so),
        TEST(a_file_of_ones_own_replaces_the_table_for_that_model_and_check),
        TEST(a_mistake_in_a_file_of_floors_is_named_with_its_line),
        TEST(a_file_of_floors_is_a_plain_one_of_bounded_size),
    };

    return T_RUN("gpu floors", tests);
}
