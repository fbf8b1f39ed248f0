/* The parser of event streams: whatever the pieces, the events are the same. */
#include "tests/support/t.h"

#include "common/client/sse.h"

#define LINE_MAX_TEST 256

/* All events as one text: "[id|type|data]…". */
static void parse(struct sse *s, const char *bytes, size_t len, struct strbuf *out)
{
    struct sse_event ev;

    while (sse_next(s, &bytes, &len, &ev)) {
        assert_int_equal(strlen(ev.data), ev.len);
        if (ev.has_data)
            strbuf_addf(out, "[%s|%s|%s]", ev.id, ev.type, ev.data);
        else
            strbuf_addf(out, "[%s|%s]", ev.id, ev.type);
    }
    assert_int_equal(len, 0);
}

static void assert_parses(const char *bytes, size_t len, const char *want)
{
    for (size_t piece = 1; piece <= len; piece++) {
        struct sse s;
        STRBUF out = {0};

        strbuf_init(&out, 10000);
        sse_init(&s, LINE_MAX_TEST);
        for (size_t at = 0; at < len; at += piece) {
            /* Each piece in memory of its own: reading past it is found. */
            size_t n = len - at < piece ? len - at : piece;
            char *own = malloc(n);

            assert_non_null(own);
            memcpy(own, bytes + at, n);
            parse(&s, own, n, &out);
            free(own);
        }
        assert_string_equal(out.data, want);
        sse_release(&s);
    }
}

static void events_are_the_same_in_pieces_of_any_size(void **state)
{
    static const struct {
        const char *bytes, *want;
    } rows[] = {
        {"data: one\n\n", "[|message|one]"},
        {"id: 7\nevent: log\ndata: {\"a\":1}\n\n", "[7|log|{\"a\":1}]"},
        {"data: one\r\n\r\ndata: two\r\n\r\n", "[|message|one][|message|two]"},
        {"data: one\r\rdata: two\r\r", "[|message|one][|message|two]"},
        {"data: a\rdata: b\ndata: c\r\n\n", "[|message|a\nb\nc]"},
        {": keep-alive\n\ndata: x\n\n", "[|message|x]"},
        {":\n\n\n\n:\n", ""},
        {"data:no blank\n\n", "[|message|no blank]"},
        {"data:  two blanks\n\n", "[|message| two blanks]"},
        {"data\n\n", "[|message|]"},
        {"data:\n\n", "[|message|]"},
        {"data\ndata\n\n", "[|message|\n]"},
        {"data: a: b\n\n", "[|message|a: b]"},
        {"event: end\n\n", "[|end]"},
        {"event: end\nid: 9\ndata: {}\n\n", "[9|end|{}]"},
        {"unknown: field\nnocolon\ndata: x\n\n", "[|message|x]"},
        {"Data: upper case is another field\n\n", ""},
        {"id: 1\ndata: a\n\ndata: b\n\n", "[1|message|a][1|message|b]"},
        {"id: 1\ndata: a\n\nid\ndata: b\n\n", "[1|message|a][|message|b]"},
        {"event: log\ndata: a\n\ndata: b\n\n", "[|log|a][|message|b]"},
        {"id: 3\n\ndata: b\n\n", "[3|message|b]"},
        {"\xEF\xBB\xBF"
         "data: marked\n\n",
         "[|message|marked]"},
        {"data: x\n\n\xEF\xBB\xBF"
         "data: not again\n\n",
         "[|message|x]"},
        {"data: never ended\n", ""},
        {"data: never ended", ""},
        {"data: \xC3\xA9\xE6\xBC\xA2\n\n", "[|message|\xC3\xA9\xE6\xBC\xA2]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_parses(rows[i].bytes, strlen(rows[i].bytes), rows[i].want);
}

static void a_huge_line_costs_its_event_and_nothing_else(void **state)
{
    char bytes[2000];
    int n = snprintf(bytes, sizeof bytes, "id: 1\ndata: %0600d\n\nid: 2\ndata: ok\n\n", 0);

    (void)state;
    assert_parses(bytes, (size_t)n, "[2|message|ok]");
    /* Many short lines are as much as a long one. */
    n = snprintf(bytes, sizeof bytes, "data: %0100d\ndata: %0100d\ndata: %0100d\n\ndata: ok\n\n", 0,
                 0, 0);
    assert_parses(bytes, (size_t)n, "[|message|ok]");
    n = snprintf(bytes, sizeof bytes, ":%0600d\n\ndata: ok\n\n", 0);
    assert_parses(bytes, (size_t)n, "[|message|ok]");
}

static void a_huge_event_still_moves_the_place_on(void **state)
{
    char bytes[1000];
    int n = snprintf(bytes, sizeof bytes, "id: 5\ndata: %0600d\n\ndata: next\n\n", 0);

    (void)state;
    assert_parses(bytes, (size_t)n, "[5|message|next]");
}

static void an_id_that_would_be_cut_or_broken_is_no_id(void **state)
{
    char bytes[300];
    int n = snprintf(bytes, sizeof bytes, "id: 4\nid: %0100d\ndata: x\n\n", 7);

    (void)state;
    assert_parses(bytes, (size_t)n, "[4|message|x]");
    assert_parses("id: 4\nid: a\0b\ndata: x\n\n", 23, "[4|message|x]");
}

static void a_nul_byte_ends_no_line(void **state)
{
    static const char bytes[] = "\0\n\ndata: x\n\n";

    (void)state;
    assert_parses(bytes, sizeof bytes - 1, "[|message|x]");
}

static void retry_takes_digits_only(void **state)
{
    static const struct {
        const char *bytes;
        int64_t want;
    } rows[] = {{"retry: 1500\n", 1500}, {"retry: -1\n", 0},         {"retry: 1e9\n", 0},
                {"retry:\n", 0},         {"retry: 9999999999\n", 0}, {"retry: 0\n", 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *bytes = rows[i].bytes;
        size_t len = strlen(bytes);
        struct sse s;
        struct sse_event ev;

        sse_init(&s, LINE_MAX_TEST);
        assert_false(sse_next(&s, &bytes, &len, &ev));
        assert_int_equal(s.retry_ms, rows[i].want);
        sse_release(&s);
    }
}

static void a_new_connection_forgets_what_was_begun(void **state)
{
    const char *first = "id: 1\nevent: log\ndata: ha", *second = "data: whole\n\n";
    size_t len = strlen(first);
    struct sse s;
    struct sse_event ev;

    (void)state;
    sse_init(&s, LINE_MAX_TEST);
    assert_false(sse_next(&s, &first, &len, &ev));
    sse_reset(&s);
    len = strlen(second);
    assert_true(sse_next(&s, &second, &len, &ev));
    assert_string_equal(ev.data, "whole");
    assert_string_equal(ev.type, "message");
    assert_string_equal(ev.id, "");
    sse_release(&s);
}

static void memory_of_a_long_event_is_given_back(void **state)
{
    struct sse s;
    struct sse_event ev;
    char *bytes = malloc(200000);
    const char *at = bytes;
    size_t len = 200000;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    memcpy(bytes, "data: ", 6);
    memcpy(bytes + len - 2, "\n\n", 2);
    sse_init(&s, 300000);
    assert_true(sse_next(&s, &at, &len, &ev));
    assert_int_equal(ev.len, 200000 - 8);
    assert_false(sse_next(&s, &at, &len, &ev));
    assert_true(s.data.size + s.line.size < 65536);
    sse_release(&s);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_in_pieces_of_any_size),
        cmocka_unit_test(a_huge_line_costs_its_event_and_nothing_else),
        cmocka_unit_test(a_huge_event_still_moves_the_place_on),
        cmocka_unit_test(an_id_that_would_be_cut_or_broken_is_no_id),
        cmocka_unit_test(a_nul_byte_ends_no_line),
        cmocka_unit_test(retry_takes_digits_only),
        cmocka_unit_test(a_new_connection_forgets_what_was_begun),
        cmocka_unit_test(memory_of_a_long_event_is_given_back),
    };

    return T_RUN("client sse", tests);
}
