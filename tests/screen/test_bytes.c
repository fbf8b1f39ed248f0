/* How much the console writes: figures that decide how it feels over a slow line. */
#include "tests/support/t.h"

#include <unistd.h>

#include "tests/support/console_child.h"

/* A move of the selection, a scrolled line and a page, in bytes (reference figures of the good
 * programs of this kind are 200 to 350 for a move). */
#define MOVE_BYTES_MAX 400
#define PAGE_BYTES_MAX 3500

static const struct console_child plain = {.script = NULL};
static const struct console_child still = {.still = true};

static void nothing_is_written_when_nothing_changes(void **state)
{
    struct term *t = console_child_ready(&still, 24, 80);

    (void)state;
    term_drain(t, 300);
    assert_int_equal(term_listen(t, 2500), 0);
    term_free(t);
}

static void the_falling_credit_costs_some_bytes_a_second(void **state)
{
    struct term *t = console_child_start(&plain, NULL, 24, 80);
    size_t bytes;

    (void)state;
    assert_screen(t, "train-1");
    term_drain(t, 200);
    bytes = term_listen(t, 3000);
    assert_true(bytes > 0);
    assert_true(bytes <= 3 * 250);
    term_free(t);
}

static void moves_and_pages_stay_within_their_bytes(void **state)
{
    const struct console_child many = {.offers = 150, .still = true};
    struct term *t = console_child_start(&many, NULL, 50, 200);
    size_t bytes;

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "2");
    assert_screen(t, "> OFFER-000");
    term_drain(t, 300);
    term_keys(t, "j");
    assert_screen(t, "> OFFER-001");
    term_raw(t, &bytes);
    term_keys(t, "j");
    assert_screen(t, "> OFFER-002");
    term_drain(t, 50);
    term_raw(t, &bytes);
    print_message("move %zu bytes\n", bytes);
    assert_true(bytes <= MOVE_BYTES_MAX);
    term_keys(t, "<^D>");
    term_drain(t, 100);
    term_raw(t, &bytes);
    term_keys(t, "<^D>"); /* the first one moved within the page */
    term_drain(t, 100);
    term_raw(t, &bytes);
    print_message("page %zu bytes\n", bytes);
    assert_true(bytes <= PAGE_BYTES_MAX);
    term_free(t);
}

static void fifty_keys_at_once_are_a_frame_or_two(void **state)
{
    const struct console_child many = {.offers = 150, .still = true};
    struct term *t = console_child_start(&many, NULL, 50, 200);
    size_t bytes;

    (void)state;
    assert_screen(t, "train-1");
    term_keys(t, "2");
    assert_screen(t, "> OFFER-000");
    term_drain(t, 300);
    term_raw(t, &bytes);
    term_keys(t, "jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj");
    term_drain(t, 100);
    term_raw(t, &bytes);
    print_message("50 keys %zu bytes\n", bytes);
    assert_true(bytes <= 2500);
    assert_contains(term_text(t), "> OFFER-050");
    term_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_written_when_nothing_changes),
        cmocka_unit_test(the_falling_credit_costs_some_bytes_a_second),
        cmocka_unit_test(moves_and_pages_stay_within_their_bytes),
        cmocka_unit_test(fifty_keys_at_once_are_a_frame_or_two),
    };

    return T_RUN("bytes", tests);
}
