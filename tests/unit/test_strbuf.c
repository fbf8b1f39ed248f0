/* The growing text: its maximum, its sticky failure, its ends. */
#include "tests/support/t.h"

#include "core/strbuf.h"

static void grows_and_always_ends_in_nul(void **state)
{
    STRBUF s;

    (void)state;
    strbuf_init(&s, 10000);
    assert_string_equal(s.data, "");
    for (int i = 0; i < 1000; i++) {
        strbuf_addc(&s, (char)('a' + i % 26));
        assert_int_equal(s.data[s.len], 0);
    }
    strbuf_adds(&s, "-");
    strbuf_addf(&s, "%d:%s", 42, "x");
    strbuf_add(&s, "\0b", 2);
    assert_int_equal(s.len, 1000 + 1 + 4 + 2);
    assert_string_equal(s.data + 1000, "-42:x");
    assert_memory_equal(s.data + 1005, "\0b", 3);
    assert_false(s.failed);
}

static void holds_exactly_its_maximum(void **state)
{
    STRBUF s;

    (void)state;
    strbuf_init(&s, 8);
    strbuf_adds(&s, "12345678");
    assert_false(s.failed);
    assert_int_equal(s.len, 8);
    strbuf_addc(&s, '9');
    assert_true(s.failed);
    assert_string_equal(s.data, "12345678");
}

static void failure_sticks_and_keeps_what_was_there(void **state)
{
    STRBUF s;

    (void)state;
    strbuf_init(&s, 5);
    strbuf_adds(&s, "abc");
    strbuf_adds(&s, "toolong");
    assert_true(s.failed);
    assert_string_equal(s.data, "abc");
    strbuf_addc(&s, 'd');
    strbuf_addf(&s, "%d", 1);
    assert_string_equal(s.data, "abc");
    assert_null(strbuf_take(&s));
    assert_string_equal(s.data, "");
}

static void a_formatted_text_over_the_maximum_leaves_no_trace(void **state)
{
    STRBUF s;

    (void)state;
    strbuf_init(&s, 80);
    strbuf_adds(&s, "abc");
    strbuf_addf(&s, "%200d", 7);
    assert_true(s.failed);
    assert_string_equal(s.data, "abc");
    assert_int_equal(s.len, 3);
}

static void formatting_grows_as_far_as_needed(void **state)
{
    STRBUF s;

    (void)state;
    strbuf_init(&s, 100000);
    for (int n = 0; n < 300; n++) {
        strbuf_reset(&s);
        strbuf_addf(&s, "%*d", n + 1, 7);
        assert_int_equal(s.len, n + 1);
        assert_int_equal(strlen(s.data), n + 1);
    }
    strbuf_addf(&s, "%s", "");
    assert_int_equal(s.len, 300);
}

static void reset_forgets_failure_and_keeps_memory(void **state)
{
    STRBUF s;
    size_t size;

    (void)state;
    strbuf_init(&s, 4);
    strbuf_reset(&s);
    strbuf_adds(&s, "abcd");
    size = s.size;
    strbuf_adds(&s, "e");
    strbuf_reset(&s);
    assert_false(s.failed);
    assert_int_equal(s.len, 0);
    assert_string_equal(s.data, "");
    assert_int_equal(s.size, size);
}

static void consume_drops_the_front(void **state)
{
    STRBUF s;

    (void)state;
    strbuf_init(&s, 100);
    strbuf_consume(&s, 0);
    strbuf_adds(&s, "hello world");
    strbuf_consume(&s, 6);
    assert_string_equal(s.data, "world");
    strbuf_consume(&s, 5);
    assert_string_equal(s.data, "");
    assert_int_equal(s.len, 0);
}

static void take_hands_over_and_empties(void **state)
{
    STRBUF s;
    char *text;

    (void)state;
    strbuf_init(&s, 100);
    strbuf_adds(&s, "mine");
    text = strbuf_take(&s);
    assert_string_equal(text, "mine");
    assert_string_equal(s.data, "");
    assert_int_equal(s.len_max, 100);
    free(text);
    text = strbuf_take(&s);
    assert_string_equal(text, "");
    free(text);
}

static void release_accepts_a_zeroed_struct_and_twice(void **state)
{
    struct strbuf s = {0};

    (void)state;
    strbuf_release(&s);
    assert_string_equal(s.data, "");
    strbuf_release(&s);
    strbuf_init(&s, SIZE_MAX);
    strbuf_adds(&s, "x");
    assert_false(s.failed);
    strbuf_release(&s);
}

static void copy_says_when_it_cuts(void **state)
{
    char buf[4];

    (void)state;
    assert_true(text_copy(buf, sizeof buf, "abc"));
    assert_string_equal(buf, "abc");
    assert_false(text_copy(buf, sizeof buf, "abcd"));
    assert_string_equal(buf, "abc");
    assert_true(text_copy(buf, sizeof buf, ""));
    assert_string_equal(buf, "");
    assert_false(text_copy(buf, 1, "a"));
    assert_string_equal(buf, "");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(grows_and_always_ends_in_nul),
    cmocka_unit_test(holds_exactly_its_maximum),
    cmocka_unit_test(failure_sticks_and_keeps_what_was_there),
    cmocka_unit_test(a_formatted_text_over_the_maximum_leaves_no_trace),
    cmocka_unit_test(formatting_grows_as_far_as_needed),
    cmocka_unit_test(reset_forgets_failure_and_keeps_memory),
    cmocka_unit_test(consume_drops_the_front),
    cmocka_unit_test(take_hands_over_and_empties),
    cmocka_unit_test(release_accepts_a_zeroed_struct_and_twice),
    cmocka_unit_test(copy_says_when_it_cuts),
};

int main(void)
{
    return T_RUN("strbuf", tests);
}
