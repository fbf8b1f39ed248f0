/* The kernels of matrix products, run on the processor: every word of every tile against plain
 * arithmetic, and who is blamed when a GPU errs once. GPU 0 multiplies by wgmma, GPU 1 by
 * mma.sync; GPUs 2 and 3 are the same and ill. */
#include "tests/support/t.h"

#include "core/text.h"
#include "gpu/matmul.h"
#include "tests/support/fx_gpu.h"

#define TENSOR_PLAIN
#include "gpu/kernel/matmul.h"

static const char script[] = "count 4\nmemory 33554432\nsms 3\n"
                             "gpu1.capability 80\ngpu3.capability 80\n"
                             "gpu2.fault.0 silent bf16 3 7 150000\n"
                             "gpu3.fault.0 silent bf16 1 7 400000\n";

struct fixture {
    struct gpu_options options;
    struct gpu_info info;
    struct gpu_target target;
    struct compute compute;
    struct matmul matmul;
    struct votes votes;
};

/* More slices than stages, and not a multiple; more tiles than SMs, and not a multiple; and no
 * more of either, since valgrind takes thirty times as long. */
enum { TILES = 4 };
static const struct matmul_size size = {.tile_rows = 2, .tile_cols = 2, .slices = 5};
static const char *const name = "products";

static void open_gpu(struct fixture *fx, int gpu, u32 kind)
{
    struct err e;

    fx->options = gpu_options_default();
    fx->options.cuda_path = t_program("fake/cuda.so");
    snprintf(fx->info.gpu.pci, sizeof fx->info.gpu.pci, "0000:%02x:00.0", 0x10 + gpu);
    fx->target = (struct gpu_target){.options = &fx->options, .info = &fx->info};
    assert_ok(compute_open(&fx->target, &fx->compute, &e), &e);
    assert_ok(matmul_open(&fx->compute, kind, &size, &fx->matmul, &e), &e);
    votes_init(&fx->votes, &name, 1);
}

static void close_gpu(struct fixture *fx)
{
    matmul_close(&fx->matmul);
    compute_close(&fx->compute);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void assert_product(struct fixture *fx)
{
    const size_t words = TILES * MATMUL_THREADS;
    u32 *sums = calloc(words, sizeof *sums);
    struct err e;

    assert_non_null(sums);
    assert_ok(matmul_operands(&fx->matmul, 0, &e), &e);
    assert_ok(matmul_known(&fx->matmul, &fx->votes, &e), &e);
    assert_ok(compute_read(&fx->compute, sums, fx->matmul.sums, words * sizeof *sums, &e), &e);
    for (u32 tile = 0; tile < TILES; tile++) {
        for (u32 thread = 0; thread < MATMUL_THREADS; thread += 5)
            assert_int_equal(sums[tile * MATMUL_THREADS + thread],
                             matmul_word_known(&fx->matmul, tile, thread));
    }
    free(sums);
}

static void every_product_is_what_the_processor_says(void **state)
{
    static const u32 kinds[] = {TENSOR_BF16, TENSOR_FP16, TENSOR_TF32};
    struct fixture *fx = *state;
    struct finding f;

    for (int gpu = 0; gpu < 2; gpu++) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
            open_gpu(fx, gpu, kinds[i]);
            assert_true(fx->matmul.is_wgmma == (gpu == 0));
            assert_product(fx);
            assert_true(votes_answered(&fx->votes, &f));
            close_gpu(fx);
        }
    }
}

static void repeats_on_other_sms_agree(void **state)
{
    struct fixture *fx = *state;
    struct finding f;
    struct err e;

    for (int gpu = 0; gpu < 2; gpu++) {
        open_gpu(fx, gpu, TENSOR_BF16);
        assert_ok(matmul_operands(&fx->matmul, 1, &e), &e);
        assert_ok(matmul_agreed(&fx->matmul, &fx->votes, &e), &e);
        assert_ok(matmul_queue(&fx->matmul, 2, &e), &e);
        assert_ok(matmul_differences(&fx->matmul, &fx->votes, &e), &e);
        assert_true(votes_answered(&fx->votes, &f));
        close_gpu(fx);
    }
}

/* The SM that erred is named, not those that held its tile later. */
static void an_sm_that_errs_now_and_then_is_the_one_that_is_named(void **state)
{
    static const char *const words[] = {"products wrong on SM 3 (", "products wrong on SM 1 ("};
    struct fixture *fx = *state;
    struct finding f;
    struct err e;

    for (int gpu = 2; gpu < 4; gpu++) {
        open_gpu(fx, gpu, TENSOR_BF16);
        assert_ok(matmul_operands(&fx->matmul, 1, &e), &e);
        assert_ok(matmul_agreed(&fx->matmul, &fx->votes, &e), &e);
        assert_ok(matmul_queue(&fx->matmul, 3, &e), &e);
        assert_ok(matmul_differences(&fx->matmul, &fx->votes, &e), &e);
        assert_false(votes_answered(&fx->votes, &f));
        assert_int_equal(f.result, CHECK_FAIL);
        assert_contains(f.detail, words[gpu - 2]);
        close_gpu(fx);
    }
}

/* What lies in memory is what is said of the data: signs and mantissas random, 0.5 to 2. */
static void a_wrong_word_of_an_operand_changes_the_product(void **state)
{
    struct fixture *fx = *state;
    struct finding f;
    struct err e;
    u32 word;

    open_gpu(fx, 0, TENSOR_BF16);
    assert_ok(matmul_operands(&fx->matmul, 1, &e), &e);
    assert_ok(matmul_agreed(&fx->matmul, &fx->votes, &e), &e);
    assert_ok(compute_read(&fx->compute, &word, fx->matmul.b + 4096, sizeof word, &e), &e);
    word ^= 1; /* the lowest bit of a mantissa */
    assert_ok(compute_write(&fx->compute, fx->matmul.b + 4096, &word, sizeof word, &e), &e);
    assert_ok(matmul_queue(&fx->matmul, 1, &e), &e);
    assert_ok(matmul_differences(&fx->matmul, &fx->votes, &e), &e);
    assert_false(votes_answered(&fx->votes, &f));
    close_gpu(fx);
}

/* Each tile once, however many blocks and wherever they begin. */
static void every_tile_has_its_turn(void **state)
{
    for (u32 rows = 1; rows < 40; rows += 3) {
        for (u32 rotation = 0; rotation < rows * 3; rotation += 5) {
            struct matmul_args a = {.tile_rows = rows, .tile_cols = 3, .rotation = rotation};
            bool seen[120] = {false};

            for (u32 turn = 0; turn < rows * 3; turn++) {
                u32 tile, row, col;

                matmul_tile(&a, turn, &tile, &row, &col);
                assert_true(row < rows && col < 3 && tile == row * 3 + col && !seen[tile]);
                seen[tile] = true;
            }
        }
    }
}

static void every_element_of_a_tile_has_one_thread(void **state)
{
    static bool seen[MATMUL_ROWS][MATMUL_COLS];

    for (u32 shape = MATMUL_WARPS; shape <= MATMUL_WARPGROUPS; shape++) {
        memset(seen, 0, sizeof seen);
        for (u32 thread = 0; thread < MATMUL_THREADS; thread++) {
            for (u32 n = 0; n < MATMUL_THREAD_ELEMENTS; n++) {
                u32 row, col;

                matmul_element(shape, thread, n, &row, &col);
                assert_true(row < MATMUL_ROWS && col < MATMUL_COLS && !seen[row][col]);
                seen[row][col] = true;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(every_product_is_what_the_processor_says),
        TEST(repeats_on_other_sms_agree),
        TEST(an_sm_that_errs_now_and_then_is_the_one_that_is_named),
        TEST(a_wrong_word_of_an_operand_changes_the_product),
        TEST(every_tile_has_its_turn),
        TEST(every_element_of_a_tile_has_one_thread),
#undef TEST
    };
    char path[512];

    snprintf(path, sizeof path, "%s/script", t_dir());
    fx_gpu_file(path, script);
    setenv("HOURGLASS_FAKE_NVML", path, 1);
    return T_RUN("gpu matmul", tests);
}
