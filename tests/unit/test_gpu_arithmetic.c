/* The arithmetic that the checks hold GPUs against, held against the C library's. */
#include "tests/support/t.h"

#include <math.h>

#define ARITHMETIC_PLAIN
#define TENSOR_PLAIN
#include "gpu/kernel/arithmetic.h"
#include "gpu/kernel/plain_tensor.h"

#define ROUNDS 200000

static void fp32_multiply_add_is_rounded_once(void **state)
{
    u32 r = 1;

    for (int i = 0; i < ROUNDS; i++) {
        u32 a = r = unit_random(r), b = r = unit_random(r), c = r = unit_random(r);
        float want;

        a = unit_fp32(a);
        b = unit_fp32(b);
        c = unit_fp32(c) - (i % 3 ? 0 : (u32)(i % 30) << 23); /* far apart, and cancelling */
        want = fmaf(plain_float(a), plain_float(b), plain_float(c));
        if (plain_fma32(a, b, c) != plain_float_bits(want))
            fail_msg("%08x * %08x + %08x", a, b, c);
    }
}

static void fp64_multiply_add_is_rounded_once(void **state)
{
    u32 r = 2;

    for (int i = 0; i < ROUNDS; i++) {
        u64 a = r = unit_random(r), b = r = unit_random(r), c = r = unit_random(r);
        double want;

        a = unit_fp64(a << 32 | b);
        b = unit_fp64(b << 32 | c);
        c = unit_fp64(c << 32 | (a >> 7 & 0xffffffff)) - (i % 3 ? 0 : (u64)(i % 60) << 52);
        want = fma(plain_double(a), plain_double(b), plain_double(c));
        if (plain_fma64(a, b, c) != plain_double_bits(want))
            fail_msg("%016llx * %016llx + %016llx", a, b, c);
    }
}

static void every_half_survives_the_way_through_a_double(void **state)
{
    for (u32 h = 0; h < 0x10000; h++) {
        if ((h & 0x7c00) != 0x7c00)
            assert_int_equal(plain_half_bits(plain_half(h)), h);
    }
    assert_true(plain_half(0x3c00) == 1 && plain_half(0x7bff) == 65504);
    assert_true(plain_half(0x0001) == ldexp(1, -24));
}

static void halves_are_rounded_to_the_nearest_and_ties_to_even(void **state)
{
    assert_int_equal(plain_half_bits(1 + ldexp(1, -11)), 0x3c00);
    assert_int_equal(plain_half_bits(1 + ldexp(3, -11)), 0x3c02);
    assert_int_equal(plain_half_bits(1 + ldexp(1, -11) + ldexp(1, -30)), 0x3c01);
    assert_int_equal(plain_half_bits(ldexp(2047.9, -11)), 0x3c00); /* a carry */
    assert_int_equal(plain_half_bits(-ldexp(1.6, -24)), 0x8002);
}

/* A matrix product by rows and columns, filled through the fragments that NVIDIA describes. */
static void a_warp_multiplies_matrices(void **state)
{
    for (u32 kind = 0; kind < TENSOR_COUNT; kind++) {
        struct tensor_chain c[WARP_THREADS] = {0};
        struct tensor_fragment *lanes[WARP_THREADS];
        struct plain_tile in = {0}, out = {0};

        for (u32 i = 0; i < WARP_THREADS; i++) {
            tensor_begin(kind, 3, i, &c[i]);
            tensor_draw(kind, 0, &c[i]);
            lanes[i] = &c[i].f;
            plain_gather(kind, lanes[i], i, &in);
        }
        plain_mma(kind, lanes);
        for (u32 i = 0; i < WARP_THREADS; i++)
            plain_gather(kind, lanes[i], i, &out);
        for (u32 i = 0; i < (kind == TENSOR_FP64 ? 8U : 16U); i++) {
            for (u32 j = 0; j < 8; j++) {
                double want = 0;

                for (u32 k = 0; k < plain_depth(kind); k++) {
                    assert_true(fabs(in.a[i][k]) <= 7 && fabs(in.b[k][j]) <= 7);
                    want += in.a[i][k] * in.b[k][j];
                }
                assert_true(out.d[i][j] == want);
            }
        }
    }
}

/* The first elements of PTX's own tables, so that both sides cannot be wrong alike. */
static void fragments_are_where_the_manual_says(void **state)
{
    struct tensor_fragment f = {.a = {0x40003f80, 0, 0x3f80, 0}, .b = {0x3f80, 0x40000000}};
    struct plain_tile t = {0};

    plain_gather(TENSOR_BF16, &f, 5, &t); /* group 1, thread 1 of it */
    assert_true(t.a[1][2] == 1 && t.a[1][3] == 2 && t.a[9][2] == 0 && t.a[1][10] == 1);
    assert_true(t.b[2][1] == 1 && t.b[3][1] == 0 && t.b[11][1] == 2);
    f = (struct tensor_fragment){.a = {0x04030201}, .b = {0, 0x04030201}};
    plain_gather(TENSOR_INT8, &f, 5, &t);
    assert_true(t.a[1][4] == 1 && t.a[1][7] == 4 && t.b[20][1] == 1 && t.b[23][1] == 4);
    f = (struct tensor_fragment){.a = {0x3f800000, 0x40000000, 0x40400000, 0x40800000}};
    plain_gather(TENSOR_TF32, &f, 6, &t);
    assert_true(t.a[1][2] == 1 && t.a[9][2] == 2 && t.a[1][6] == 3 && t.a[9][6] == 4);
}

static void random_operands_are_finite_and_of_all_signs(void **state)
{
    u32 r = 5;

    for (u32 kind = 0; kind < TENSOR_FP64; kind++) {
        int negative = 0;

        for (int i = 0; i < 1000 && kind != TENSOR_INT8; i++) {
            double x = plain_element(kind, tensor_any(kind, r = unit_random(r)), 0);

            assert_true(fabs(x) >= 0.5 && fabs(x) < 2);
            negative += x < 0;
        }
        assert_true(kind == TENSOR_INT8 || (negative > 400 && negative < 600));
    }
}

/* A stuck bit is wrong in result after result. */
static void the_same_wrong_bit_in_many_results_does_not_cancel_out(void **state)
{
    for (u32 bit = 0; bit < 32; bit++) {
        for (u32 zeros = 0; zeros < 2; zeros++) {
            u32 right = 0, wrong = 0, r = 11;

            for (int i = 0; i < 4096; i++) {
                u32 x = zeros ? 0 : (r = unit_random(r));

                right = unit_fold(right, x);
                wrong = unit_fold(wrong, x ^ 1u << bit);
                if (right == wrong)
                    fail_msg("bit %u hides after %d results", bit, i + 1);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fp32_multiply_add_is_rounded_once),
        cmocka_unit_test(fp64_multiply_add_is_rounded_once),
        cmocka_unit_test(every_half_survives_the_way_through_a_double),
        cmocka_unit_test(halves_are_rounded_to_the_nearest_and_ties_to_even),
        cmocka_unit_test(a_warp_multiplies_matrices),
        cmocka_unit_test(fragments_are_where_the_manual_says),
        cmocka_unit_test(the_same_wrong_bit_in_many_results_does_not_cancel_out),
        cmocka_unit_test(random_operands_are_finite_and_of_all_signs),
    };

    return T_RUN("gpu arithmetic", tests);
}
