/* Errors: the list, the sentence that grows, details and facts. */
#include "tests/support/t.h"

#include "core/text.h"

static void set_records_code_and_sentence(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(err_set(&e, ERR_CONFLICT, "instance %s is %s", "blue", "stopped"),
                     ERR_CONFLICT);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_string_equal(e.msg, "instance blue is stopped");
    assert_int_equal(e.detail_count, 0);
    assert_int_equal(e.fact_count, 0);
}

static void set_forgets_earlier_details_and_facts(void **state)
{
    struct err e = {0};

    (void)state;
    err_detail(&e, "/a", "required", "x");
    err_fact_int(&e, "seconds", 3);
    err_set(&e, ERR_IO, "later");
    assert_int_equal(e.detail_count, 0);
    assert_int_equal(e.fact_count, 0);
}

static void wrap_grows_the_sentence_and_keeps_details(void **state)
{
    struct err e;

    (void)state;
    err_set(&e, ERR_INVALID, "too small");
    err_detail(&e, "/gpus", "out_of_range", "must be at least %d", 1);
    assert_int_equal(err_wrap(&e, ERR_INVALID, "launch '%s'", "blue"), ERR_INVALID);
    err_wrap(&e, ERR_INVALID, "offer %d", 7);
    assert_string_equal(e.msg, "offer 7: launch 'blue': too small");
    assert_int_equal(e.detail_count, 1);
    assert_string_equal(e.details[0].pointer, "/gpus");
    assert_string_equal(e.details[0].code, "out_of_range");
    assert_string_equal(e.details[0].text, "must be at least 1");
}

static void wrap_of_an_empty_error_uses_the_default_text(void **state)
{
    struct err e = {0};

    (void)state;
    assert_int_equal(err_wrap(&e, ERR_BUSY, "write"), ERR_BUSY);
    assert_string_equal(e.msg, "write: try again later");
    assert_int_equal(e.code, ERR_BUSY);
}

static void wrap_may_quote_the_sentence_it_wraps(void **state)
{
    struct err e;

    (void)state;
    err_set(&e, ERR_IO, "disk");
    err_wrap(&e, ERR_IO, "%s again", e.msg);
    assert_string_equal(e.msg, "disk again: disk");
    err_set(&e, ERR_STORAGE, "%s!", e.msg);
    assert_string_equal(e.msg, "disk again: disk!");
}

static void null_error_is_accepted_everywhere(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_IO, "x"), ERR_IO);
    assert_int_equal(err_wrap(NULL, ERR_IO, "x"), ERR_IO);
    err_clear(NULL);
    err_detail(NULL, "/a", "required", "x");
    err_fact_int(NULL, "a", 1);
    err_fact_text(NULL, "a", "x");
    err_fact_money(NULL, "a", 1, "EUR");
}

static void long_sentences_are_cut_between_characters(void **state)
{
    struct err e;
    char text[1000];

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\u20AC", 3); /* the euro sign: three bytes */
        text[sizeof text - 4] = '\0';
        err_set(&e, ERR_INVALID, "%s", text);
        assert_in_range(strlen(e.msg), ERR_MSG_MAX - 5, ERR_MSG_MAX - 1);
        assert_true(text_is_utf8(e.msg, strlen(e.msg)));
        err_wrap(&e, ERR_INVALID, "context");
        assert_true(text_is_utf8(e.msg, strlen(e.msg)));
        err_detail(&e, text, "bad_text", "%s", text);
        assert_true(text_is_utf8(e.details[0].text, strlen(e.details[0].text)));
        assert_true(text_is_utf8(e.details[0].pointer, strlen(e.details[0].pointer)));
    }
}

static void details_and_facts_past_the_maximum_are_dropped(void **state)
{
    struct err e = {0};

    (void)state;
    for (int i = 0; i < 20; i++) {
        err_detail(&e, "/a", "required", "%d", i);
        err_fact_int(&e, "n", i);
    }
    assert_int_equal(e.detail_count, ERR_DETAILS_MAX);
    assert_int_equal(e.fact_count, ERR_FACTS_MAX);
    assert_string_equal(e.details[0].text, "0");
    assert_string_equal(e.details[ERR_DETAILS_MAX - 1].text, "7");
    assert_int_equal(e.facts[ERR_FACTS_MAX - 1].value, 7);
}

static void facts_keep_their_kind(void **state)
{
    struct err e = {0};

    (void)state;
    err_fact_text(&e, "offer", "%s-%d", "h100", 8);
    err_fact_int(&e, "retry_seconds", 15);
    err_fact_money(&e, "available", 1500000, "EUR");
    assert_int_equal(e.facts[0].kind, ERR_FACT_TEXT);
    assert_string_equal(e.facts[0].text, "h100-8");
    assert_int_equal(e.facts[1].kind, ERR_FACT_INT);
    assert_int_equal(e.facts[1].value, 15);
    assert_int_equal(e.facts[2].kind, ERR_FACT_MONEY);
    assert_int_equal(e.facts[2].value, 1500000);
    assert_string_equal(e.facts[2].text, "EUR");
}

static void every_code_has_a_status_a_text_and_a_slug_of_its_own(void **state)
{
    (void)state;
    for (int i = 1; i < ERR_COUNT; i++) {
        assert_in_range(err_http_status((enum err_code)i), 400, 599);
        assert_true(strlen(err_text((enum err_code)i)) > 0);
        assert_int_equal(err_from_slug(err_slug((enum err_code)i)), i);
    }
    assert_int_equal(err_http_status(ERR_OK), 200);
    assert_string_equal(err_slug(ERR_OK), "ok");
}

static void unknown_slugs_and_codes_are_internal(void **state)
{
    (void)state;
    assert_int_equal(err_from_slug("no-such-slug"), ERR_INTERNAL);
    assert_int_equal(err_from_slug(NULL), ERR_INTERNAL);
    assert_int_equal(err_http_status(ERR_COUNT), 500);
    assert_string_equal(err_slug((enum err_code)999), "internal");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(set_records_code_and_sentence),
    cmocka_unit_test(set_forgets_earlier_details_and_facts),
    cmocka_unit_test(wrap_grows_the_sentence_and_keeps_details),
    cmocka_unit_test(wrap_of_an_empty_error_uses_the_default_text),
    cmocka_unit_test(wrap_may_quote_the_sentence_it_wraps),
    cmocka_unit_test(null_error_is_accepted_everywhere),
    cmocka_unit_test(long_sentences_are_cut_between_characters),
    cmocka_unit_test(details_and_facts_past_the_maximum_are_dropped),
    cmocka_unit_test(facts_keep_their_kind),
    cmocka_unit_test(every_code_has_a_status_a_text_and_a_slug_of_its_own),
    cmocka_unit_test(unknown_slugs_and_codes_are_internal),
};

int main(void)
{
    return T_RUN("errs", tests);
}
