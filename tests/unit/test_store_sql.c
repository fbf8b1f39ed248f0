/* The statements as such: complete parameters, indexes instead of scans and sorts, schemas
 * that agree. What they do is told by tests/contract/test_rows_*. */
#include <ctype.h>
#include <sqlite3.h>

#include "tests/support/rows.h"

struct fixture {
    sqlite3 *db;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);
    char *why = NULL;

    assert_non_null(fx);
    assert_int_equal(sqlite3_open(":memory:", &fx->db), SQLITE_OK);
    for (size_t i = 0; store_schema(STORE_SQLITE, i); i++)
        if (sqlite3_exec(fx->db, store_schema(STORE_SQLITE, i), NULL, NULL, &why) != SQLITE_OK)
            fail_msg("schema step %zu: %s", i, why);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(sqlite3_close(fx->db), SQLITE_OK);
    free(fx);
    return 0;
}

static int highest_parameter(const char *text)
{
    int highest = 0;

    for (const char *p = strchr(text, '$'); p; p = strchr(p + 1, '$'))
        if (strtol(p + 1, NULL, 10) > highest)
            highest = (int)strtol(p + 1, NULL, 10);
    return highest;
}

static bool has_parameter(const char *text, int number)
{
    for (const char *p = strchr(text, '$'); p; p = strchr(p + 1, '$'))
        if (strtol(p + 1, NULL, 10) == number)
            return true;
    return false;
}

/* PostgreSQL cannot tell the type of a parameter that is not there. */
static void no_statement_leaves_out_a_parameter(void **state)
{
    (void)state;
    for (int d = STORE_SQLITE; d <= STORE_POSTGRES; d++) {
        const char *name, *text;

        for (size_t i = 0; (text = store_statement(d, i, &name)); i++)
            for (int n = 1; n <= highest_parameter(text); n++)
                if (!has_parameter(text, n))
                    fail_msg("%s has no $%d", name, n);
    }
}

static void statements_end_where_the_count_ends(void **state)
{
    const char *name = "untouched";

    (void)state;
    assert_non_null(store_statement(STORE_SQLITE, SQL_COUNT - 1, &name));
    assert_string_equal(name, "SCHEMA_TOUCH");
    assert_null(store_statement(STORE_SQLITE, SQL_COUNT, &name));
    assert_null(store_schema(STORE_POSTGRES, rows_migrations()->count));
}

static void statements_marked_read_do_not_write(void **state)
{
    struct fixture *fx = *state;

    for (int i = 0; i < SQL_COUNT; i++) {
        sqlite3_stmt *st = NULL;

        if (sqlite3_prepare_v2(fx->db, sql_text(STORE_SQLITE, i), -1, &st, NULL) != SQLITE_OK)
            fail_msg("%s: %s", sql_name(i), sqlite3_errmsg(fx->db));
        if (!sqlite3_stmt_readonly(st) != (sql_access(i) == SQL_WRITE))
            fail_msg("%s is marked wrongly", sql_name(i));
        sqlite3_finalize(st);
    }
}

/* What a statement does without being a mistake: count or sum all there is, list what is
 * few, or read its only row. */
static bool may_scan(enum sql_id id)
{
    switch ((int)id) {
    case SQL_POOL_LIST:
    case SQL_GRANT_SUM_ALL:
    case SQL_GRANT_LIVE_ALL:
    case SQL_ENTRY_SUM_ALL:
    case SQL_ENTRY_UNBALANCED:
    case SQL_INSTANCE_COUNT_ALL:
    case SQL_MEMBER_COUNT_ALL:
    case SQL_EVENT_FLOOR:
    case SQL_EVENT_FLOOR_SET:
    case SQL_EVENT_LAST:
    case SQL_SCHEMA_VERSION:
    case SQL_SCHEMA_TOUCH:
        return true;
    default:
        return false;
    }
}

static bool may_sort(enum sql_id id)
{
    return id == SQL_GRANT_LIVE_ALL || id == SQL_ENTRY_UNBALANCED || id == SQL_INSTANCE_COUNT;
}

static void check_plan(struct fixture *fx, enum sql_id id)
{
    char text[8192];
    sqlite3_stmt *st = NULL;

    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql_text(STORE_SQLITE, id));
    assert_int_equal(sqlite3_prepare_v2(fx->db, text, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(st, 3);

        if (strncmp(detail, "SCAN", 4) == 0 && !may_scan(id))
            fail_msg("%s reads a whole table: %s", sql_name(id), detail);
        if (strstr(detail, "TEMP B-TREE") && !may_sort(id))
            fail_msg("%s sorts: %s", sql_name(id), detail);
    }
    sqlite3_finalize(st);
}

static void no_statement_scans_or_sorts_without_leave(void **state)
{
    for (int i = 0; i < SQL_COUNT; i++)
        check_plan(*state, i);
}

static void assert_uses(struct fixture *fx, enum sql_id id, const char *index)
{
    char text[8192], plan[2048] = "";
    sqlite3_stmt *st = NULL;

    snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %s", sql_text(STORE_SQLITE, id));
    assert_int_equal(sqlite3_prepare_v2(fx->db, text, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        size_t len = strlen(plan);

        snprintf(plan + len, sizeof plan - len, "%s\n", sqlite3_column_text(st, 3));
    }
    sqlite3_finalize(st);
    if (!strstr(plan, index))
        fail_msg("%s does not use %s but:\n%s", sql_name(id), index, plan);
}

/* 100,000 finished instances must cost the reconciler nothing. */
static void work_lists_and_pages_use_their_index(void **state)
{
    static const struct {
        enum sql_id id;
        const char *index;
    } row[] = {
        {SQL_INSTANCE_UNSETTLED, "instance_unsettled"},
        {SQL_JOB_UNSETTLED, "job_unsettled"},
        {SQL_JOB_OF_INSTANCE, "job_of_instance"},
        {SQL_GRANT_LIVE, "credit_grant_live"},
        {SQL_GRANT_EXPIRED, "credit_grant_expiry"},
        {SQL_HOLD_OPEN, "hold_open"},
        {SQL_INSTANCE_COUNT_ALL, "instance_by_state"},
        {SQL_INSTANCE_LIST, "instance_by_organization (organization_id=? AND id<?)"},
        {SQL_JOB_LIST, "job_by_organization (organization_id=? AND id<?)"},
        {SQL_GRANT_LIST, "credit_grant_by_organization (organization_id=? AND id<?)"},
        {SQL_HOLD_LIST, "hold_by_organization (organization_id=? AND id<?)"},
        {SQL_ENTRY_LIST, "entry_by_organization (organization_id=? AND id<?)"},
        {SQL_EVENT_LIST, "event_by_organization (organization_id=? AND seq<?)"},
        {SQL_EVENT_AFTER, "event_by_organization (organization_id=? AND seq>?)"},
        {SQL_AUDIT_LIST, "audit_record_by_organization (organization_id=? AND seq<?)"},
        {SQL_INSTANCE_OF_NODE, "instance_of_node"},
        {SQL_CASE_FIND_OPEN, "support_case_open"},
        {SQL_CASE_LIST, "support_case_by_organization (organization_id=? AND id<?)"},
        {SQL_REPORT_LIST, "report_by_organization (organization_id=? AND id<?)"},
        {SQL_USAGE_LIST, "usage_by_organization (organization_id=? AND instance_id<?)"},
        {SQL_METER_LIST, "meter_by_organization (organization_id=? AND instance_id>?)"},
        {SQL_MEMBER_LIST, "member_by_organization (organization_id=? AND id<?)"},
        {SQL_PROJECT_LIST, "project_by_organization (organization_id=? AND id<?)"},
        {SQL_API_KEY_LIST, "api_key_by_organization (organization_id=? AND id<?)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        assert_uses(*state, row[i].id, row[i].index);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_statement_leaves_out_a_parameter),
        cmocka_unit_test(statements_end_where_the_count_ends),
        cmocka_unit_test_setup_teardown(statements_marked_read_do_not_write, setup, teardown),
        cmocka_unit_test_setup_teardown(no_statement_scans_or_sorts_without_leave, setup, teardown),
        cmocka_unit_test_setup_teardown(work_lists_and_pages_use_their_index, setup, teardown),
    };

    return T_RUN("store_sql", tests);
}
