/* The emulator that runs our kernels on the processor: threads that wait for each other, memory
 * that is checked, and that a fault which is planted is really there. It is part of this program,
 * since the fake driver only runs kernels that the checks use. */
#include "tests/support/t.h"

#include "tests/support/fake/cuda/emulator.c"
#include "tests/support/fake/cuda/fiber.c"
#include "tests/support/fake/cuda/machine.c"
#include "tests/support/fake/cuda/cells.c"

#include "core/text.h"

#define SPACE (64 * 1024)

static struct machine_gpu *play(const char *lines)
{
    text_copy(script, sizeof script, lines);
    memset(gpus, 0, sizeof gpus);
    gpu_count = 2;
    for (int i = 0; i < gpu_count; i++) {
        gpu_load(&gpus[i], i);
        machine_power_on(&gpus[i]);
    }
    return &gpus[0];
}

static u64 space(struct machine_gpu *g)
{
    u64 address = 0;

    assert_int_equal(cells_take(g, SPACE, &address), 0);
    return address;
}

static int start(struct machine_gpu *g, void (*kernel)(const void *), u32 blocks, u32 threads,
                 const void *args)
{
    struct emulator_launch launch = {g, kernel, args, blocks, threads, 4096};

    return emulator_run(&launch);
}

static int teardown(void **state)
{
    UNUSED(state);
    for (int i = 0; i < gpu_count; i++)
        munmap(gpus[i].memory, gpus[i].bytes);
    gpu_count = 0;
    return 0;
}

/* --- threads --------------------------------------------------------------------------------- */

/* Each thread leaves its number, waits, and takes its neighbour's, many times. */
static void turn_kernel(const void *args)
{
    u64 out = *(const u64 *)args;
    u32 *shared = emulator_shared(0, 4 * thread_count());
    u32 mine = thread_index();

    for (int i = 0; i < 5; i++) {
        shared[thread_index()] = mine;
        block_barrier();
        mine = shared[(thread_index() + 1) % thread_count()];
        block_barrier();
    }
    store1(out + 4 * (block_index() * thread_count() + thread_index()), mine);
}

static void threads_of_a_block_wait_for_each_other_at_a_barrier(void **state)
{
    struct machine_gpu *g = play("");
    u64 out = space(g);

    UNUSED(state);
    for (u32 threads = 1; threads <= 1024; threads = threads * 3 + 1) {
        assert_int_equal(start(g, turn_kernel, 3, threads, &out), 0);
        for (u32 i = 0; i < 3 * threads; i++) {
            u32 word;

            assert_int_equal(cells_read(g, out + 4 * i, &word, 4), 0);
            assert_int_equal(word, (i % threads + 5) % threads);
        }
    }
}

static void add_all(void *const *payloads, unsigned count, void *ctx)
{
    u32 sum = 0;

    UNUSED(ctx);
    for (unsigned i = 0; i < count; i++)
        sum += payloads[i] ? *(u32 *)payloads[i] : 0;
    for (unsigned i = 0; i < count; i++) {
        if (payloads[i])
            *(u32 *)payloads[i] = sum + i;
    }
}

/* Warps meet a different number of times, one thread of each leaves early. */
static void meet_kernel(const void *args)
{
    u64 out = *(const u64 *)args;
    u32 value = thread_index() % 32, warp = thread_index() / 32;

    if (value == 31)
        return;
    for (u32 i = 0; i <= warp; i++) {
        value = 1;
        emulator_meet(32, &value, add_all, NULL);
    }
    store1(out + 4 * thread_index(), value);
}

static void warps_meet_with_what_each_lane_brings(void **state)
{
    struct machine_gpu *g = play("");
    u64 out = space(g);

    UNUSED(state);
    assert_int_equal(start(g, meet_kernel, 1, 128, &out), 0);
    for (u32 i = 0; i < 128; i++) {
        u32 word;

        cells_read(g, out + 4 * i, &word, 4);
        if (i % 32 != 31)
            assert_int_equal(word, 31 + i % 32);
    }
}

static void stuck_kernel(const void *args)
{
    UNUSED(args);
    emulator_meet(thread_index() ? 32 : 0, NULL, NULL, NULL);
}

static void plain_kernel(const void *args)
{
    store1(*(const u64 *)args + 4 * thread_index(), sm_index() << 16 | thread_index());
}

static void threads_that_wait_for_ever_end_the_kernel_and_the_next_one_runs(void **state)
{
    struct machine_gpu *g = play("");
    u64 out = space(g);

    UNUSED(state);
    assert_int_equal(start(g, stuck_kernel, 1, 32, NULL), CUDA_LAUNCH_TIMEOUT);
    assert_int_equal(start(g, turn_kernel, 1, 64, &out), 0);
}

static void blocks_are_spread_over_units_whose_numbers_have_gaps(void **state)
{
    struct machine_gpu *g = play("sms 4\n");
    u64 out = space(g);
    u32 word;

    UNUSED(state);
    assert_int_equal(start(g, plain_kernel, 4, 1, &out), 0);
    cells_read(g, out, &word, 4);
    assert_int_equal(word >> 16, 4);
}

/* --- memory ---------------------------------------------------------------------------------- */

static void poke_kernel(const void *args)
{
    store1(*(const u64 *)args, 1);
}

static void an_access_outside_of_what_is_allocated_ends_the_kernel(void **state)
{
    struct machine_gpu *g = play("");
    u64 at = space(g), other = space(&gpus[1]), bad;

    UNUSED(state);
    bad = at + SPACE;
    assert_int_equal(start(g, poke_kernel, 1, 1, &bad), CUDA_ILLEGAL_ADDRESS);
    bad = 0;
    assert_int_equal(start(g, poke_kernel, 1, 1, &bad), CUDA_ILLEGAL_ADDRESS);
    bad = at + 2;
    assert_int_equal(start(g, poke_kernel, 1, 1, &bad), CUDA_MISALIGNED_ADDRESS);
    assert_int_equal(start(g, poke_kernel, 1, 1, &other), CUDA_ILLEGAL_ADDRESS);
    g->peers = 1u << 1;
    assert_int_equal(start(g, poke_kernel, 1, 1, &other), 0);
    assert_int_equal(start(g, poke_kernel, 1, 1, &at), 0);
}

static void shared_kernel(const void *args)
{
    *(u32 *)emulator_shared(*(const u32 *)args, 4) = 1;
}

static void shared_memory_has_an_end(void **state)
{
    u32 inside = 4092, outside = 4096;

    UNUSED(state);
    assert_int_equal(start(play(""), shared_kernel, 1, 1, &inside), 0);
    assert_int_equal(start(play(""), shared_kernel, 1, 1, &outside), CUDA_ILLEGAL_ADDRESS);
}

static void memory_is_given_out_whole_and_taken_back(void **state)
{
    struct machine_gpu *g = play("memory 4096\n");
    u64 a[9], free_bytes = cells_free_bytes(g);

    UNUSED(state);
    for (int i = 0; i < 8; i++)
        assert_int_equal(cells_take(g, 500, &a[i]), 0);
    assert_int_equal(cells_take(g, 1, &a[8]), CUDA_OUT_OF_MEMORY);
    assert_int_equal(cells_give(a[3]), 0);
    assert_int_equal(cells_give(a[3]), CUDA_INVALID_VALUE);
    assert_false(cells_are_taken(g, a[3], 1));
    assert_true(cells_are_taken(g, a[4], 512));
    assert_false(cells_are_taken(g, a[4], 513));
    assert_int_equal(cells_take(g, 512, &a[8]), 0);
    assert_true(a[8] == a[3]);
    for (int i = 0; i < 8; i++)
        assert_int_equal(cells_give(a[i]), 0);
    assert_true(cells_free_bytes(g) == free_bytes);
}

static u32 word_of(struct machine_gpu *g, u64 address)
{
    u32 word = 0;

    assert_int_equal(cells_read(g, address, &word, 4), 0);
    return word;
}

static void word_set(struct machine_gpu *g, u64 address, u32 word)
{
    assert_int_equal(cells_write(g, address, &word, 4), 0);
}

static void a_healthy_gpu_keeps_what_it_is_given(void **state)
{
    struct machine_gpu *g = play("gpu1.fault.0 stuck 0 0 1\n");
    u64 at = space(g);

    UNUSED(state);
    assert_true(word_of(g, at) != word_of(g, at + 4)); /* noise, not zeros */
    for (u32 i = 0; i < SPACE; i += 4)
        word_set(g, at + i, i * 77);
    for (u32 i = 0; i < SPACE; i += 4)
        assert_int_equal(word_of(g, at + i), i * 77);
}

static void a_stuck_bit_is_stuck(void **state)
{
    struct machine_gpu *g = play("fault.0 stuck 0x100 5 1\nfault.1 stuck 0x104 31 0\n");
    u64 at = space(g);

    UNUSED(state);
    word_set(g, at + 0x100, 0);
    word_set(g, at + 0x104, ~0u);
    word_set(g, at + 0x108, 0);
    assert_int_equal(word_of(g, at + 0x100), 1u << 5);
    assert_int_equal(word_of(g, at + 0x104), ~(1u << 31));
    assert_int_equal(word_of(g, at + 0x108), 0);
}

static void a_stuck_address_line_makes_two_places_one(void **state)
{
    struct machine_gpu *g = play("fault.0 address_line 12 0\n");
    u64 at = space(g);

    UNUSED(state);
    word_set(g, at, 1);
    word_set(g, at + 4096, 2);
    word_set(g, at + 8192, 3);
    assert_int_equal(word_of(g, at), 2);
    assert_int_equal(word_of(g, at + 4096), 2);
    assert_int_equal(word_of(g, at + 8192), 3);
}

static void a_coupled_cell_flips_when_the_other_changes(void **state)
{
    struct machine_gpu *g = play("fault.0 couple 0x100 0x200 7\n");
    u64 at = space(g);

    UNUSED(state);
    word_set(g, at + 0x100, 1);
    word_set(g, at + 0x200, 0);
    word_set(g, at + 0x100, 1);
    assert_int_equal(word_of(g, at + 0x200), 0);
    word_set(g, at + 0x100, 2);
    assert_int_equal(word_of(g, at + 0x200), 1u << 7);
}

static void cells_forget_wear_and_flip_once(void **state)
{
    struct machine_gpu *g =
        play("fault.0 forget 0x100 3 1000\nfault.1 wear 0x104 4 3\nfault.2 flip 0x108 5 2\n");
    u64 at = space(g);

    UNUSED(state);
    for (u32 i = 0x100; i < 0x10c; i += 4)
        word_set(g, at + i, ~0u);
    assert_int_equal(word_of(g, at + 0x100), ~0u);
    g->now_ns += 1000;
    assert_int_equal(word_of(g, at + 0x100), ~(1u << 3));
    assert_int_equal(word_of(g, at + 0x104), ~0u);
    assert_int_equal(word_of(g, at + 0x104), ~0u);
    assert_int_equal(word_of(g, at + 0x104), ~(1u << 4));
    assert_int_equal(word_of(g, at + 0x108), ~0u);
    assert_int_equal(word_of(g, at + 0x108), ~(1u << 5));
    word_set(g, at + 0x108, ~0u);
    for (int i = 0; i < 9; i++)
        assert_int_equal(word_of(g, at + 0x108), ~0u);
}

static void peek_kernel(const void *args)
{
    load1(*(const u64 *)args + 4 * thread_index());
}

static void an_uncorrectable_error_ends_the_kernel(void **state)
{
    struct machine_gpu *g = play("fault.0 uncorrectable 0x40\n");
    u64 at = space(g);

    UNUSED(state);
    assert_int_equal(start(g, peek_kernel, 1, 16, &at), 0);
    assert_int_equal(start(g, peek_kernel, 1, 32, &at), CUDA_ECC_UNCORRECTABLE);
}

static void links_flip_bits_at_a_steady_pace(void **state)
{
    struct machine_gpu *g = play("fault.0 link_in 3 100\n");
    unsigned char bytes[60] = {0};
    int wrong = 0;

    UNUSED(state);
    for (int n = 0; n < 10; n++) {
        memset(bytes, 0, sizeof bytes);
        cells_link(g, FAULT_LINK_IN, bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++)
            wrong += bytes[i] == 8;
    }
    assert_int_equal(wrong, 6);
    memset(bytes, 0, sizeof bytes);
    cells_link(g, FAULT_LINK_OUT, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0);
}

/* --- arithmetic ------------------------------------------------------------------------------ */

static void sum_kernel(const void *args)
{
    u64 out = *(const u64 *)args;
    u32 wrong = 0;

    for (int i = 0; i < 100; i++)
        wrong += emulator_result(EMULATOR_fp32, 0, 32) != 0;
    emulator_count(EMULATOR_fp32, 200);
    store1(out + 4 * block_index(), wrong);
}

static void a_wrong_unit_is_wrong_on_its_sm_only(void **state)
{
    struct machine_gpu *g = play("fault.0 wrong fp32 3 9\nfault.1 wrong bf16 1 9\n");
    u64 at = space(g);

    UNUSED(state);
    assert_int_equal(start(g, sum_kernel, 8, 1, &at), 0);
    for (u32 b = 0; b < 8; b++) /* the third slot is number 3 */
        assert_int_equal(word_of(g, at + 4 * b), b % 4 == 2 ? 100 : 0);
}

static void a_silent_error_strikes_one_in_so_many(void **state)
{
    struct machine_gpu *g = play("fault.0 silent fp32 -1 9 50\n");
    u64 at = space(g);

    UNUSED(state);
    assert_int_equal(start(g, sum_kernel, 4, 1, &at), 0);
    for (u32 b = 0; b < 4; b++)
        assert_int_equal(word_of(g, at + 4 * b), 2);
}

static void time_follows_from_what_was_moved_and_computed(void **state)
{
    struct machine_gpu *g = play("memory_write_gbps 100\nfp32_tflops 1\n");
    u64 at = space(g);

    UNUSED(state);
    assert_int_equal(start(g, poke_kernel, 1, 100, &at), 0);
    assert_true(machine_work_ns(g) == 4.0); /* 400 bytes at 100 a nanosecond */
    assert_int_equal(start(g, sum_kernel, 1, 10, &at), 0);
    assert_true(machine_work_ns(g) == 2.0); /* 2000 operations at 1000 a nanosecond */
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        T(threads_of_a_block_wait_for_each_other_at_a_barrier),
        T(warps_meet_with_what_each_lane_brings),
        T(threads_that_wait_for_ever_end_the_kernel_and_the_next_one_runs),
        T(blocks_are_spread_over_units_whose_numbers_have_gaps),
        T(an_access_outside_of_what_is_allocated_ends_the_kernel),
        T(shared_memory_has_an_end),
        T(memory_is_given_out_whole_and_taken_back),
        T(a_healthy_gpu_keeps_what_it_is_given),
        T(a_stuck_bit_is_stuck),
        T(a_stuck_address_line_makes_two_places_one),
        T(a_coupled_cell_flips_when_the_other_changes),
        T(cells_forget_wear_and_flip_once),
        T(an_uncorrectable_error_ends_the_kernel),
        T(links_flip_bits_at_a_steady_pace),
        T(a_wrong_unit_is_wrong_on_its_sm_only),
        T(a_silent_error_strikes_one_in_so_many),
        T(time_follows_from_what_was_moved_and_computed),
    };

    return T_RUN("emulator", tests);
}
