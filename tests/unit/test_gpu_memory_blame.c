/* From wrong words to their likely cause. */
#include "tests/support/t.h"

#include "gpu/kernel/memory.h"
#include "gpu/memory_blame.h"

#define BASE 0x7f0000000000ULL

static struct memory_wrongs wrongs;
static char text[256];

static uint32_t word_at(uint32_t pattern, uint64_t address)
{
    struct words4 v = memory_unit(pattern, 1, address / 16, 0);
    const uint32_t words[] = {v.x, v.y, v.z, v.w};

    return words[address / 4 % 4];
}

static struct memory_wrong *wrong_add(uint64_t offset, uint32_t flipped)
{
    struct memory_wrong *w = &wrongs.list[wrongs.count++];
    uint32_t expected = word_at(MEMORY_RANDOM, BASE + offset);

    *w = (struct memory_wrong){.pattern = MEMORY_RANDOM,
                               .seed = 1,
                               .address = BASE + offset,
                               .offset = offset,
                               .expected = expected,
                               .got = expected ^ flipped,
                               .again = expected ^ flipped,
                               .sm = (uint32_t)wrongs.count};
    wrongs.found++;
    return w;
}

static enum memory_blame blame(void)
{
    return memory_blame(&wrongs, text, sizeof text);
}

static int setup(void **state)
{
    UNUSED(state);
    memset(&wrongs, 0, sizeof wrongs);
    return 0;
}

static void one_bit_that_always_reads_the_same_is_stuck(void **state)
{
    UNUSED(state);
    for (int i = 0; i < 3; i++) {
        wrong_add(0x1240, 1U << 9)->got = 0x5a5a0000U | 1U << 9;
        wrongs.list[i].expected = 0x5a5a0000U;
    }
    assert_int_equal(blame(), MEMORY_BLAME_CELL);
    assert_string_equal(text, "bit 9 of the word at 0x1240 is stuck at 1");
}

static void one_bit_that_is_wrong_both_ways_is_weak(void **state)
{
    struct memory_wrong *w;

    UNUSED(state);
    w = wrong_add(0x40, 4);
    w = wrong_add(0x40, 4);
    w->expected = ~w->expected;
    w->got = ~w->got;
    assert_int_equal(blame(), MEMORY_BLAME_WEAK);
    assert_contains(text, "bit 2 of the word at 0x40 does not keep");
}

static void several_bits_of_one_word_are_counted(void **state)
{
    UNUSED(state);
    wrong_add(0x40, 0x111);
    assert_int_equal(blame(), MEMORY_BLAME_WORD);
    assert_contains(text, "3 bits of the word at 0x40");
}

static void a_word_that_is_right_when_read_again_is_no_cell(void **state)
{
    struct memory_wrong *w = wrong_add(0x40, 1);

    UNUSED(state);
    w->again = w->expected;
    assert_int_equal(blame(), MEMORY_BLAME_READING);
    w = wrong_add(0x80, 2);
    w->again = w->expected;
    assert_int_equal(blame(), MEMORY_BLAME_READING);
}

static void words_of_another_place_are_an_address_line(void **state)
{
    UNUSED(state);
    for (unsigned line = 2; line < 37; line++) {
        setup(NULL);
        for (uint64_t at = 0; at < 4096; at += 52) {
            struct memory_wrong *w = wrong_add(at, 0);

            w->got = word_at(MEMORY_RANDOM, w->address ^ 1ULL << line);
        }
        assert_int_equal(blame(), MEMORY_BLAME_ADDRESS);
    }
    assert_contains(text, "places 64 GiB apart are one");
}

static void the_same_bit_at_many_places_is_a_data_line(void **state)
{
    UNUSED(state);
    for (uint64_t at = 0; at < 400; at += 40)
        wrong_add(at, 1U << 31);
    assert_int_equal(blame(), MEMORY_BLAME_DATA);
    assert_contains(text, "always bit 31");
}

static void what_one_sm_alone_sees_is_that_sm(void **state)
{
    UNUSED(state);
    for (uint64_t at = 0; at < 400; at += 20)
        wrong_add(at * 4, (uint32_t)at + 1)->sm = 77;
    assert_int_equal(blame(), MEMORY_BLAME_SM);
    assert_contains(text, "only SM 77");
    for (size_t i = 0; i < wrongs.count; i++)
        wrongs.list[i].sm = MEMORY_SM_UNKNOWN;
    assert_int_equal(blame(), MEMORY_BLAME_SCATTERED);
}

static void errors_without_a_rule_are_called_so(void **state)
{
    UNUSED(state);
    for (uint64_t at = 0x100; at < 0x400; at += 20)
        wrong_add(at, (uint32_t)at * 2654435761U | 1);
    assert_int_equal(blame(), MEMORY_BLAME_SCATTERED);
    assert_contains(text, "the first at 0x100");
    setup(NULL);
    wrongs.found = 1;
    assert_int_equal(blame(), MEMORY_BLAME_SCATTERED);
    assert_contains(text, "report");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        T(one_bit_that_always_reads_the_same_is_stuck),
        T(one_bit_that_is_wrong_both_ways_is_weak),
        T(several_bits_of_one_word_are_counted),
        T(a_word_that_is_right_when_read_again_is_no_cell),
        T(words_of_another_place_are_an_address_line),
        T(the_same_bit_at_many_places_is_a_data_line),
        T(what_one_sm_alone_sees_is_that_sm),
        T(errors_without_a_rule_are_called_so),
    };

    return T_RUN("gpu_memory_blame", tests);
}
