/* Contract of the rows of events and audit records. */
#include "tests/support/rows.h"

static int64_t add_event(struct rows_fx *fx, const char *organization_id, const char *summary)
{
    struct event ev = {.at_ms = ROWS_AT_MS,
                       .kind = "instance.state",
                       .object_id = "ins_1",
                       .project_id = "prj_1",
                       .actor_id = "mem_1",
                       .request_id = "req_1",
                       .state = "running"};

    text_copy(ev.organization_id, sizeof ev.organization_id, organization_id);
    text_copy(ev.summary, sizeof ev.summary, summary);
    assert_ok(row_event_insert(TX, &ev, E), E);
    assert_int_equal(fx->tx.event_seq, ev.seq);
    return ev.seq;
}

static size_t count_after(struct rows_fx *fx, const char *organization_id, int64_t seq)
{
    struct event *items;
    size_t count, total;

    assert_ok(row_event_after(TX, organization_id, seq, 100, &items, &count, E), E);
    for (size_t i = 0; i < count; i++) {
        assert_true(items[i].seq > seq);
        assert_true(!organization_id[0] || strcmp(items[i].organization_id, organization_id) == 0);
    }
    total = count;
    LIST_FREE(&event_shape, items, count);
    return total;
}

static void events_are_numbered_and_come_back_in_order(void **state)
{
    struct rows_fx *fx = *state;
    int64_t first = add_event(fx, "org_a", "one"), second = add_event(fx, "org_a", "two"), last;
    struct event *items;
    size_t count;

    assert_true(second > first);
    assert_ok(row_event_after(TX, "org_a", 0, 1, &items, &count, E), E);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].seq, first);
    assert_string_equal(items[0].summary, "one");
    assert_string_equal(items[0].kind, "instance.state");
    assert_string_equal(items[0].object_id, "ins_1");
    assert_string_equal(items[0].project_id, "prj_1");
    assert_string_equal(items[0].actor_id, "mem_1");
    assert_string_equal(items[0].request_id, "req_1");
    assert_string_equal(items[0].state, "running");
    assert_int_equal(items[0].at_ms, ROWS_AT_MS);
    LIST_FREE(&event_shape, items, count);
    assert_ok(row_event_last(TX, &last, E), E);
    assert_int_equal(last, second);
    assert_int_equal(count_after(fx, "org_a", first), 1);
    assert_int_equal(count_after(fx, "org_a", second), 0);
}

static void events_are_confined_to_their_organization(void **state)
{
    struct rows_fx *fx = *state;

    add_event(fx, "org_a", "one");
    add_event(fx, "org_b", "two");
    add_event(fx, "", "of the system");
    assert_int_equal(count_after(fx, "org_a", 0), 1);
    assert_int_equal(count_after(fx, "org_b", 0), 1);
    assert_int_equal(count_after(fx, "", 0), 3);
}

static void trimmed_events_are_gone_and_not_merely_absent(void **state)
{
    struct rows_fx *fx = *state;
    struct event *items = NULL;
    int64_t seq[5], last;
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(seq); i++)
        seq[i] = add_event(fx, "org_a", "one");
    assert_ok(row_event_trim(TX, 10, E), E);
    assert_int_equal(count_after(fx, "", 0), 5);
    assert_ok(row_event_trim(TX, 2, E), E);
    assert_err(ERR_GONE, row_event_after(TX, "org_a", 0, 10, &items, &count, E), E);
    assert_err(ERR_GONE, row_event_after(TX, "org_b", seq[2] - 1, 10, &items, &count, E), E);
    assert_int_equal(count_after(fx, "org_a", seq[2]), 2);
    assert_ok(row_event_trim(TX, 0, E), E);
    assert_int_equal(count_after(fx, "org_a", seq[4]), 0);
    assert_err(ERR_GONE, row_event_after(TX, "", seq[3], 10, &items, &count, E), E);
    assert_ok(row_event_last(TX, &last, E), E);
    assert_int_equal(last, seq[4]);
    assert_err(ERR_INVALID, row_event_trim(TX, -1, E), E);
}

/* A follower that remembers a number must never meet it again on another event. */
static void a_number_is_not_given_again_after_a_trim(void **state)
{
    struct rows_fx *fx = *state;
    int64_t old = add_event(fx, "org_a", "one");

    assert_ok(row_event_trim(TX, 0, E), E);
    assert_true(add_event(fx, "org_a", "two") > old);
    assert_int_equal(count_after(fx, "org_a", old), 1);
}

static void events_page_newest_first_and_filter(void **state)
{
    static const struct {
        struct page_query q;
        size_t want;
    } row[] = {
        {{.limit = 10}, 4},
        {{.limit = 10, .text = "number 2"}, 1},
        {{.limit = 10, .text = "INSTANCE.state"}, 4},
        {{.limit = 10, .state = "stopped"}, 0},
        {{.limit = 10, .state = "running"}, 4},
        {{.limit = 10, .project_id = "prj_2"}, 0},
        {{.limit = 10, .instance_id = "ins_1"}, 4},
        {{.limit = 10, .to_ms = ROWS_AT_MS}, 0},
    };
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 3};
    struct event *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;
    int64_t lowest;

    for (int i = 0; i < 4; i++) {
        char text[32];

        snprintf(text, sizeof text, "number %d", i);
        add_event(fx, "org_a", text);
    }
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        assert_ok(row_event_list(TX, i % 2 ? "org_a" : "", &row[i].q, &items, &count, next, E), E);
        assert_int_equal(count, row[i].want);
        LIST_FREE(&event_shape, items, count);
    }
    assert_ok(row_event_list(TX, "org_a", &q, &items, &count, next, E), E);
    assert_int_equal(count, 3);
    assert_true(items[0].seq > items[2].seq);
    lowest = items[2].seq;
    LIST_FREE(&event_shape, items, count);
    text_copy(q.cursor, sizeof q.cursor, next);
    assert_ok(row_event_list(TX, "org_a", &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_true(items[0].seq < lowest);
    assert_string_equal(next, "");
    LIST_FREE(&event_shape, items, count);
}

static void a_cursor_of_ids_is_no_cursor_of_events(void **state)
{
    static const char *const bad[] = {"aW9yZ18x", "cw", "cy0x", "czF4",
                                      "czk5OTk5OTk5OTk5OTk5OTk5OTk5OTk"};
    struct rows_fx *fx = *state;
    struct event *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct page_query q = {.limit = 3};

        text_copy(q.cursor, sizeof q.cursor, bad[i]);
        assert_err(ERR_INVALID, row_event_list(TX, "", &q, &items, &count, next, E), E);
    }
}

static void audit_records_come_back_whole(void **state)
{
    struct rows_fx *fx = *state;
    struct audit_record a = {.at_ms = ROWS_AT_MS,
                             .organization_id = "org_a",
                             .member_id = "mem_1",
                             .key_id = "key_1",
                             .request_id = "req_1",
                             .address = "127.0.0.1",
                             .action = "instance.launch",
                             .object_id = "ins_1",
                             .detail = "launched blue"},
                        b = a, *items;
    struct page_query q = {.limit = 10, .text = "blue"};
    char next[CURSOR_BYTES_MAX];
    size_t count;

    text_copy(b.organization_id, sizeof b.organization_id, "org_b");
    assert_ok(row_audit_insert(TX, &a, E), E);
    assert_ok(row_audit_insert(TX, &b, E), E);
    assert_true(b.seq > a.seq);
    assert_ok(row_audit_list(TX, "org_a", &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    rows_assert_same(&audit_record_shape, &items[0], &a);
    LIST_FREE(&audit_record_shape, items, count);
    assert_ok(row_audit_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 2);
    rows_assert_same(&audit_record_shape, &items[0], &b);
    LIST_FREE(&audit_record_shape, items, count);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ROWS_TEST(events_are_numbered_and_come_back_in_order),
        ROWS_TEST(events_are_confined_to_their_organization),
        ROWS_TEST(trimmed_events_are_gone_and_not_merely_absent),
        ROWS_TEST(a_number_is_not_given_again_after_a_trim),
        ROWS_TEST(events_page_newest_first_and_filter),
        ROWS_TEST(a_cursor_of_ids_is_no_cursor_of_events),
        ROWS_TEST(audit_records_come_back_whole),
    };

    return T_RUN("rows_event", tests);
}
