/* Contract of the rows of grants, holds, entries, meters and usage, and of the rules that
 * the schema itself keeps. */
#include <sqlite3.h>

#include "tests/support/rows.h"

static void grants_come_back_and_change_by_version(void **state)
{
    struct rows_fx *fx = *state;
    struct grant g, got;

    rows_grant(fx, 100, &g);
    g.priority = -5;
    g.expires_at_ms = ROWS_AT_MS + 1000;
    assert_ok(row_grant_insert(TX, &g, E), E);
    assert_err(ERR_CONFLICT, row_grant_insert(TX, &g, E), E);
    assert_ok(row_grant_get(TX, g.id, &got, E), E);
    rows_assert_same(&grant_shape, &got, &g);
    g.available.micros = 10;
    g.held.micros = 20;
    g.consumed.micros = 30;
    g.expired.micros = 25;
    g.voided.micros = 15;
    assert_ok(row_grant_update(TX, &g, E), E);
    assert_ok(row_grant_get(TX, g.id, &got, E), E);
    rows_assert_same(&grant_shape, &got, &g);
    g.version = 1;
    assert_err(ERR_PRECONDITION, row_grant_update(TX, &g, E), E);
    assert_err(ERR_NOT_FOUND, row_grant_get(TX, "grt_none", &got, E), E);
}

/* The second net: a mistake in the ledger must not reach the disk. */
static void a_grant_that_does_not_add_up_is_refused(void **state)
{
    struct rows_fx *fx = *state;
    struct grant g;

    rows_grant(fx, 100, &g);
    g.available.micros = 99;
    assert_err(ERR_INTERNAL, row_grant_insert(TX, &g, E), E);
    assert_contains(fx->e.msg, "credit_grant_adds_up");
    g.available.micros = 100;
    assert_ok(row_grant_insert(TX, &g, E), E);
    g.available.micros = -1;
    g.consumed.micros = 101;
    assert_err(ERR_INTERNAL, row_grant_update(TX, &g, E), E);
    assert_int_equal(g.version, 1);
}

static void live_grants_have_credit_available_or_held(void **state)
{
    struct rows_fx *fx = *state;
    struct grant spent, held, fresh, *items;
    size_t count;

    rows_grant(fx, 100, &spent);
    spent.consumed = spent.amount;
    spent.available.micros = 0;
    rows_grant(fx, 100, &held);
    held.held = held.amount;
    held.available.micros = 0;
    rows_grant(fx, 100, &fresh);
    assert_ok(row_grant_insert(TX, &fresh, E), E);
    assert_ok(row_grant_insert(TX, &held, E), E);
    assert_ok(row_grant_insert(TX, &spent, E), E);
    assert_ok(row_grant_live(TX, fx->organization.id, &items, &count, E), E);
    assert_int_equal(count, 2);
    assert_string_equal(items[0].id, held.id);
    assert_string_equal(items[1].id, fresh.id);
    LIST_FREE(&grant_shape, items, count);
    assert_ok(row_grant_live(TX, "", &items, &count, E), E);
    assert_int_equal(count, 2);
    LIST_FREE(&grant_shape, items, count);
}

static void more_live_grants_than_can_be_weighed_are_refused(void **state)
{
    struct rows_fx *fx = *state;
    struct grant g, *items = NULL;
    size_t count = 0;

    for (int i = 0; i < 1000; i++) {
        rows_grant(fx, 1, &g);
        assert_ok(row_grant_insert(TX, &g, E), E);
    }
    assert_ok(row_grant_live(TX, fx->organization.id, &items, &count, E), E);
    assert_int_equal(count, 1000);
    LIST_FREE(&grant_shape, items, count);
    rows_grant(fx, 1, &g);
    assert_ok(row_grant_insert(TX, &g, E), E);
    assert_err(ERR_LIMIT, row_grant_live(TX, fx->organization.id, &items, &count, E), E);
    assert_null(items);
}

static void expired_grants_are_those_with_credit_past_their_time(void **state)
{
    static const struct {
        int64_t available, expires_at_ms;
        bool want;
    } row[] = {{5, 0, false}, {5, 1000, true}, {5, 1001, false}, {0, 1000, false}, {5, 999, true}};
    struct rows_fx *fx = *state;
    struct grant g, *items;
    size_t count;

    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        rows_grant(fx, 5, &g);
        g.available.micros = row[i].available;
        g.consumed.micros = 5 - row[i].available;
        g.expires_at_ms = row[i].expires_at_ms;
        text_copy(g.note, sizeof g.note, row[i].want ? "yes" : "no");
        assert_ok(row_grant_insert(TX, &g, E), E);
    }
    assert_ok(row_grant_expired(TX, 1000, 10, &items, &count, E), E);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(items[i].note, "yes");
    LIST_FREE(&grant_shape, items, count);
    assert_ok(row_grant_expired(TX, 1000, 1, &items, &count, E), E);
    assert_int_equal(count, 1);
    LIST_FREE(&grant_shape, items, count);
}

static void grants_are_summed_and_listed(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 10, .text = "welcome"};
    struct grant_sums sums;
    struct grant g, *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    assert_ok(row_grant_sums(TX, fx->organization.id, &sums, E), E);
    assert_int_equal(sums.granted, 0);
    for (int i = 0; i < 3; i++) {
        rows_grant(fx, 100, &g);
        g.available.micros = 40;
        g.held.micros = 30;
        g.consumed.micros = 20;
        g.expired.micros = 7;
        g.voided.micros = 3;
        assert_ok(row_grant_insert(TX, &g, E), E);
    }
    assert_ok(row_grant_sums(TX, fx->organization.id, &sums, E), E);
    assert_int_equal(sums.granted, 300);
    assert_int_equal(sums.available, 120);
    assert_int_equal(sums.held, 90);
    assert_int_equal(sums.consumed, 60);
    assert_int_equal(sums.expired, 21);
    assert_int_equal(sums.voided, 9);
    assert_ok(row_grant_sums(TX, "", &sums, E), E);
    assert_int_equal(sums.granted, 300);
    assert_ok(row_grant_sums(TX, "org_none", &sums, E), E);
    assert_int_equal(sums.granted, 0);
    assert_ok(row_grant_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 3);
    LIST_FREE(&grant_shape, items, count);
}

static void give_parts(struct rows_fx *fx, struct hold *h, size_t count)
{
    h->parts = calloc(count, sizeof *h->parts);
    assert_non_null(h->parts);
    h->part_count = count;
    for (size_t i = 0; i < count; i++) {
        id_new(ID_GRANT, &fx->clock.base, h->parts[i].grant_id);
        h->parts[i].amount = money_of(h->amount.micros / (int64_t)count, "EUR");
        h->parts[i].captured = money_of(0, "EUR");
    }
}

static void a_hold_comes_back_with_its_parts(void **state)
{
    struct rows_fx *fx = *state;
    struct hold h, got;

    rows_hold(fx, 90, &h);
    give_parts(fx, &h, 3);
    assert_ok(row_hold_insert(TX, &h, E), E);
    assert_err(ERR_CONFLICT, row_hold_insert(TX, &h, E), E);
    assert_ok(row_hold_get(TX, h.id, &got, E), E);
    assert_int_equal(got.part_count, 3);
    rows_assert_same(&hold_shape, &got, &h);
    shape_release(&hold_shape, &got);
    shape_release(&hold_shape, &h);
}

static void a_hold_is_resolved_once(void **state)
{
    struct rows_fx *fx = *state;
    struct hold h, got;

    rows_hold(fx, 90, &h);
    give_parts(fx, &h, 1);
    assert_ok(row_hold_insert(TX, &h, E), E);
    h.window_from_ms = 5;
    h.window_to_ms = 6;
    assert_ok(row_hold_update(TX, &h, E), E);
    assert_ok(row_hold_open(TX, h.instance_id, &got, E), E);
    assert_int_equal(got.window_to_ms, 6);
    shape_release(&hold_shape, &got);
    h.state = HOLD_CLOSED;
    h.captured.micros = 40;
    h.parts[0].captured.micros = 40;
    h.closed_at_ms = 7;
    assert_ok(row_hold_update(TX, &h, E), E);
    assert_ok(row_hold_get(TX, h.id, &got, E), E);
    assert_int_equal(got.captured.micros, 40);
    assert_int_equal(got.parts[0].captured.micros, 40);
    assert_int_equal(got.closed_at_ms, 7);
    shape_release(&hold_shape, &got);

    h.captured.micros = 90;
    assert_err(ERR_CONFLICT, row_hold_update(TX, &h, E), E);
    assert_err(ERR_NOT_FOUND, row_hold_open(TX, h.instance_id, &got, E), E);
    shape_release(&hold_shape, &h);
    assert_err(ERR_NOT_FOUND, row_hold_update(TX, &(struct hold){.id = "hld_none"}, E), E);
    assert_err(ERR_NOT_FOUND, row_hold_get(TX, "hld_none", &got, E), E);
}

static void a_hold_captures_at_most_its_amount(void **state)
{
    struct rows_fx *fx = *state;
    struct hold h;

    rows_hold(fx, 90, &h);
    assert_ok(row_hold_insert(TX, &h, E), E);
    h.captured.micros = 91;
    assert_err(ERR_INTERNAL, row_hold_update(TX, &h, E), E);
    assert_contains(fx->e.msg, "at_most_its_amount");
}

static void holds_are_listed_by_state_and_instance(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 10, .state = "open"};
    struct hold h, *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    rows_hold(fx, 90, &h);
    h.state = HOLD_CLOSED;
    assert_ok(row_hold_insert(TX, &h, E), E);
    rows_hold(fx, 90, &h);
    give_parts(fx, &h, 2);
    assert_ok(row_hold_insert(TX, &h, E), E);
    assert_ok(row_hold_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].part_count, 2);
    LIST_FREE(&hold_shape, items, count);
    q = (struct page_query){.limit = 1};
    assert_ok(row_hold_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_string_not_equal(next, "");
    LIST_FREE(&hold_shape, items, count);
    text_copy(q.instance_id, sizeof q.instance_id, "ins_none");
    assert_ok(row_hold_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 0);
    LIST_FREE(&hold_shape, items, count);
    shape_release(&hold_shape, &h);
}

static void entry_of(struct rows_fx *fx, struct entry *en, const char *transaction,
                     enum account account, int64_t micros)
{
    *en = (struct entry){.kind = ENTRY_CAPTURE,
                         .account = account,
                         .detail = "an hour",
                         .amount = money_of(micros, "EUR"),
                         .at_ms = ROWS_AT_MS,
                         .instance_id = "ins_1",
                         .grant_id = "grt_1",
                         .hold_id = "hld_1",
                         .corrects = "txn_0"};
    id_new(ID_ENTRY, &fx->clock.base, en->id);
    text_copy(en->transaction_id, sizeof en->transaction_id, transaction);
    text_copy(en->organization_id, sizeof en->organization_id, fx->organization.id);
}

static void entries_are_listed_summed_and_balanced(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 10, .instance_id = "ins_1", .text = "txn_1"};
    struct entry a, b, *items;
    char next[CURSOR_BYTES_MAX];
    int64_t sum, unbalanced;
    size_t count;

    entry_of(fx, &a, "txn_1", ACCOUNT_HELD, -70);
    entry_of(fx, &b, "txn_1", ACCOUNT_REVENUE, 70);
    assert_ok(row_entry_insert(TX, &a, E), E);
    assert_err(ERR_CONFLICT, row_entry_insert(TX, &a, E), E);
    assert_ok(row_entry_unbalanced(TX, &unbalanced, E), E);
    assert_int_equal(unbalanced, 1);
    assert_ok(row_entry_insert(TX, &b, E), E);
    assert_ok(row_entry_unbalanced(TX, &unbalanced, E), E);
    assert_int_equal(unbalanced, 0);
    assert_ok(row_entry_sum(TX, fx->organization.id, ACCOUNT_HELD, &sum, E), E);
    assert_int_equal(sum, -70);
    assert_ok(row_entry_sum(TX, "", ACCOUNT_REVENUE, &sum, E), E);
    assert_int_equal(sum, 70);
    assert_ok(row_entry_sum(TX, "", ACCOUNT_FUNDING, &sum, E), E);
    assert_int_equal(sum, 0);
    assert_err(ERR_INTERNAL, row_entry_sum(TX, "", ACCOUNT_COUNT, &sum, E), E);
    assert_ok(row_entry_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 2);
    rows_assert_same(&entry_shape, &items[0], &b);
    rows_assert_same(&entry_shape, &items[1], &a);
    LIST_FREE(&entry_shape, items, count);
}

/* Below every function of ours: whoever gets at the file with the library is refused. */
static void entries_and_audit_records_cannot_be_changed(void **state)
{
    static const char *const bad[] = {"UPDATE entry SET amount_micros = 0", "DELETE FROM entry",
                                      "UPDATE audit_record SET action = ''",
                                      "DELETE FROM audit_record"};
    struct rows_fx *fx = *state;
    struct audit_record a = {.at_ms = 1, .action = "instance.launch"};
    struct entry en;
    const struct driver *d = fx->tx.conn->driver;
    sqlite3 *db;

    entry_of(fx, &en, "txn_1", ACCOUNT_HELD, 0);
    assert_ok(row_entry_insert(TX, &en, E), E);
    assert_ok(row_audit_insert(TX, &a, E), E);
    assert_ok(d->control(fx->tx.conn, CONTROL_COMMIT, E), E);
    assert_int_equal(sqlite3_open(strchr(fx->url, ':') + 1, &db), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(sqlite3_exec(db, bad[i], NULL, NULL, NULL), SQLITE_CONSTRAINT);
        assert_contains(sqlite3_errmsg(db), "append-only");
    }
    sqlite3_close(db);
    assert_ok(d->control(fx->tx.conn, CONTROL_BEGIN_WRITE, E), E);
}

static void meter_of(struct rows_fx *fx, struct meter *m)
{
    struct instance in;

    rows_instance(fx, &in);
    assert_ok(row_instance_insert(TX, &in, E), E);
    *m = (struct meter){.hold_id = "hld_1",
                        .rate_micros_per_hour = 2730000,
                        .started_at_ms = ROWS_AT_MS,
                        .metered_seconds = 61,
                        .remainder = 3599,
                        .window_seconds = 60,
                        .window_micros = 758,
                        .captured_micros = 9,
                        .window_ends_at_ms = ROWS_AT_MS + 3600000,
                        .version = 1};
    text_copy(m->instance_id, sizeof m->instance_id, in.id);
    text_copy(m->organization_id, sizeof m->organization_id, fx->organization.id);
}

static void assert_same_meter(const struct meter *a, const struct meter *b)
{
    assert_string_equal(a->instance_id, b->instance_id);
    assert_string_equal(a->organization_id, b->organization_id);
    assert_string_equal(a->hold_id, b->hold_id);
    assert_int_equal(a->rate_micros_per_hour, b->rate_micros_per_hour);
    assert_int_equal(a->started_at_ms, b->started_at_ms);
    assert_int_equal(a->metered_seconds, b->metered_seconds);
    assert_int_equal(a->remainder, b->remainder);
    assert_int_equal(a->window_seconds, b->window_seconds);
    assert_int_equal(a->window_micros, b->window_micros);
    assert_int_equal(a->captured_micros, b->captured_micros);
    assert_int_equal(a->window_ends_at_ms, b->window_ends_at_ms);
    assert_int_equal(a->version, b->version);
}

static void meters_are_kept_while_they_run(void **state)
{
    struct rows_fx *fx = *state;
    struct meter a, b, got, *items;
    size_t count;

    meter_of(fx, &a);
    meter_of(fx, &b);
    assert_ok(row_meter_insert(TX, &a, E), E);
    assert_ok(row_meter_insert(TX, &b, E), E);
    assert_err(ERR_CONFLICT, row_meter_insert(TX, &a, E), E);
    a.metered_seconds = 100;
    a.remainder = 0;
    assert_ok(row_meter_update(TX, &a, E), E);
    assert_ok(row_meter_get(TX, a.instance_id, &got, E), E);
    assert_same_meter(&got, &a);
    got.version = 1;
    assert_err(ERR_PRECONDITION, row_meter_update(TX, &got, E), E);
    assert_ok(row_meter_list(TX, fx->organization.id, "", 10, &items, &count, E), E);
    assert_int_equal(count, 2);
    free(items);
    assert_ok(row_meter_list(TX, "", a.instance_id, 10, &items, &count, E), E);
    assert_int_equal(count, 1);
    assert_string_equal(items[0].instance_id, b.instance_id);
    free(items);
    assert_ok(row_meter_delete(TX, a.instance_id, E), E);
    assert_err(ERR_NOT_FOUND, row_meter_delete(TX, a.instance_id, E), E);
    assert_err(ERR_NOT_FOUND, row_meter_get(TX, a.instance_id, &got, E), E);
}

static void a_meter_needs_its_instance_and_a_true_remainder(void **state)
{
    struct rows_fx *fx = *state;
    struct meter m;

    meter_of(fx, &m);
    m.remainder = 3600;
    assert_err(ERR_INTERNAL, row_meter_insert(TX, &m, E), E);
    m.remainder = 0;
    text_copy(m.instance_id, sizeof m.instance_id, "ins_none");
    assert_err(ERR_CONFLICT, row_meter_insert(TX, &m, E), E);
}

static void usage_of(struct rows_fx *fx, struct usage_row *u, int64_t from_ms)
{
    struct meter m;

    meter_of(fx, &m);
    *u = (struct usage_row){.hold_id = "hld_1",
                            .from_ms = from_ms,
                            .to_ms = from_ms + 60000,
                            .seconds = 60,
                            .micros = 45500};
    text_copy(u->instance_id, sizeof u->instance_id, m.instance_id);
    text_copy(u->organization_id, sizeof u->organization_id, fx->organization.id);
}

static void a_second_is_charged_once(void **state)
{
    struct rows_fx *fx = *state;
    struct usage_row u;
    int64_t micros, seconds;

    usage_of(fx, &u, ROWS_AT_MS);
    assert_ok(row_usage_insert(TX, &u, E), E);
    assert_err(ERR_CONFLICT, row_usage_insert(TX, &u, E), E);
    u.from_ms += 60000;
    assert_ok(row_usage_insert(TX, &u, E), E);
    assert_ok(row_usage_sum(TX, u.instance_id, &micros, &seconds, E), E);
    assert_int_equal(micros, 91000);
    assert_int_equal(seconds, 120);
    assert_ok(row_usage_sum(TX, "ins_none", &micros, &seconds, E), E);
    assert_int_equal(micros, 0);
    assert_int_equal(seconds, 0);
}

static void usage_adds_up_per_instance_within_a_range(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 1};
    struct usage_row a, b;
    struct usage *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    usage_of(fx, &a, ROWS_AT_MS);
    usage_of(fx, &b, ROWS_AT_MS);
    assert_ok(row_usage_insert(TX, &a, E), E);
    assert_ok(row_usage_insert(TX, &b, E), E);
    a.from_ms += 60000;
    a.to_ms += 60000;
    assert_ok(row_usage_insert(TX, &a, E), E);

    assert_ok(row_usage_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_string_equal(items[0].instance_id, b.instance_id);
    assert_int_equal(items[0].cost.micros, 45500);
    LIST_FREE(&usage_shape, items, count);
    text_copy(q.cursor, sizeof q.cursor, next);
    assert_ok(row_usage_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_string_equal(next, "");
    assert_string_equal(items[0].instance_name, "blue");
    assert_string_equal(items[0].offer_id, "h100-1-80g.fr-par-2");
    assert_int_equal(items[0].from_ms, ROWS_AT_MS);
    assert_int_equal(items[0].to_ms, ROWS_AT_MS + 120000);
    assert_int_equal(items[0].seconds, 120);
    assert_int_equal(items[0].cost.micros, 91000);
    assert_string_equal(items[0].cost.currency, "EUR");
    LIST_FREE(&usage_shape, items, count);

    q = (struct page_query){.limit = 10, .from_ms = ROWS_AT_MS + 60000};
    assert_ok(row_usage_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].seconds, 60);
    LIST_FREE(&usage_shape, items, count);
    text_copy(q.zone, sizeof q.zone, "nl-ams-1");
    assert_ok(row_usage_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 0);
    LIST_FREE(&usage_shape, items, count);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ROWS_TEST(grants_come_back_and_change_by_version),
        ROWS_TEST(a_grant_that_does_not_add_up_is_refused),
        ROWS_TEST(live_grants_have_credit_available_or_held),
        ROWS_TEST(more_live_grants_than_can_be_weighed_are_refused),
        ROWS_TEST(expired_grants_are_those_with_credit_past_their_time),
        ROWS_TEST(grants_are_summed_and_listed),
        ROWS_TEST(a_hold_comes_back_with_its_parts),
        ROWS_TEST(a_hold_is_resolved_once),
        ROWS_TEST(a_hold_captures_at_most_its_amount),
        ROWS_TEST(holds_are_listed_by_state_and_instance),
        ROWS_TEST(entries_are_listed_summed_and_balanced),
        ROWS_TEST(entries_and_audit_records_cannot_be_changed),
        ROWS_TEST(meters_are_kept_while_they_run),
        ROWS_TEST(a_meter_needs_its_instance_and_a_true_remainder),
        ROWS_TEST(a_second_is_charged_once),
        ROWS_TEST(usage_adds_up_per_instance_within_a_range),
    };

    return T_RUN("rows_money", tests);
}
