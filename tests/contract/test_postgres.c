/* The schema and every statement on a real PostgreSQL: what SQLite takes must be taken
 * there too, with the same types. */
#include <libpq-fe.h>
#include <sqlite3.h>

#include "tests/support/postgres.h"
#include "tests/support/rows.h"

/* Types by their number in pg_type, which never changes. */
#define TYPE_BYTEA     17
#define TYPE_INT8      20
#define TYPE_TEXT      25
#define PARAMETERS_MAX 64

struct fixture {
    struct postgres server;
    PGconn *db;
};

static void exec_ok(struct fixture *fx, const char *text)
{
    PGresult *r = PQexec(fx->db, text);
    ExecStatusType status = PQresultStatus(r);

    PQclear(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%.200s: %s", text, PQerrorMessage(fx->db));
}

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    *state = fx;
    if (!postgres_programs()) {
        print_message("no PostgreSQL on this machine (package postgresql): its tests are "
                      "skipped\n");
        return 0;
    }
    postgres_start(&fx->server);
    fx->db = PQconnectdb(fx->server.conninfo);
    if (PQstatus(fx->db) != CONNECTION_OK)
        fail_msg("connect: %s", PQerrorMessage(fx->db));
    exec_ok(fx, "SET client_min_messages = warning");
    for (size_t i = 0; store_schema(STORE_POSTGRES, i); i++)
        exec_ok(fx, store_schema(STORE_POSTGRES, i));
    for (int i = 0; i < SQL_COUNT; i++) {
        PGresult *r = PQprepare(fx->db, sql_name(i), sql_text(STORE_POSTGRES, i), 0, NULL);

        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            fail_msg("%s: %s", sql_name(i), PQerrorMessage(fx->db));
        PQclear(r);
    }
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    PQfinish(fx->db);
    postgres_stop(&fx->server);
    free(fx);
    return 0;
}

static struct fixture *needs_server(void **state)
{
    struct fixture *fx = *state;

    if (!fx->db)
        skip();
    return fx;
}

static bool is_known(Oid type)
{
    return type == TYPE_TEXT || type == TYPE_INT8 || type == TYPE_BYTEA;
}

/* A parameter that was taken for a 32-bit integer would refuse times and amounts. */
static void every_statement_is_taken_with_whole_types(void **state)
{
    struct fixture *fx = needs_server(state);

    for (int i = 0; i < SQL_COUNT; i++) {
        PGresult *r = PQdescribePrepared(fx->db, sql_name(i));

        assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
        for (int n = 0; n < PQnparams(r); n++)
            if (!is_known(PQparamtype(r, n)))
                fail_msg("%s takes $%d as type %u", sql_name(i), n + 1, PQparamtype(r, n));
        for (int n = 0; n < PQnfields(r); n++)
            if (!is_known(PQftype(r, n)))
                fail_msg("%s answers column %s as type %u", sql_name(i), PQfname(r, n),
                         PQftype(r, n));
        PQclear(r);
    }
}

static PGresult *run_with_something(struct fixture *fx, enum sql_id id)
{
    PGresult *about = PQdescribePrepared(fx->db, sql_name(id)), *r;
    const char *values[PARAMETERS_MAX] = {0};
    int count = PQnparams(about);

    assert_true(count <= PARAMETERS_MAX);
    for (int n = 0; n < count; n++)
        values[n] = PQparamtype(about, n) == TYPE_INT8 ? "1" : "a%\\_b";
    for (int n = 0; n < count; n++)
        if (PQparamtype(about, n) == TYPE_BYTEA)
            values[n] = "\\x0000000000000000000000000000000000000000000000000000000000000000";
    PQclear(about);
    r = PQexecPrepared(fx->db, sql_name(id), count, values, NULL, NULL, 0);
    return r;
}

/* Class 23 is a rule of the schema that the made-up values break. */
static void every_statement_runs(void **state)
{
    struct fixture *fx = needs_server(state);

    exec_ok(fx, sql_control_text(STORE_POSTGRES, CONTROL_BEGIN_WRITE));
    for (int i = 0; i < SQL_COUNT; i++) {
        const char *code;
        PGresult *r;

        exec_ok(fx, sql_control_text(STORE_POSTGRES, CONTROL_SAVEPOINT));
        r = run_with_something(fx, i);
        code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        if (code && (sql_access(i) == SQL_READ || strncmp(code, "23", 2) != 0))
            fail_msg("%s: %s", sql_name(i), PQresultErrorMessage(r));
        if (code)
            exec_ok(fx, sql_control_text(STORE_POSTGRES, CONTROL_ROLLBACK_TO));
        PQclear(r);
        exec_ok(fx, sql_control_text(STORE_POSTGRES, CONTROL_RELEASE));
    }
    exec_ok(fx, sql_control_text(STORE_POSTGRES, CONTROL_ROLLBACK));
    exec_ok(fx, sql_control_text(STORE_POSTGRES, CONTROL_BEGIN_READ));
    exec_ok(fx, sql_control_text(STORE_POSTGRES, CONTROL_COMMIT));
}

static void the_schema_is_found_read_and_set(void **state)
{
    struct fixture *fx = needs_server(state);
    const char *one = "1";
    PGresult *r = PQexec(fx->db, sql_control_text(STORE_POSTGRES, CONTROL_SCHEMA_FIND));

    assert_string_equal(PQgetvalue(r, 0, 0), "1");
    PQclear(r);
    r = PQexecParams(fx->db, sql_control_text(STORE_POSTGRES, CONTROL_SCHEMA_SET), 1, NULL, &one,
                     NULL, NULL, 0);
    assert_string_equal(PQcmdTuples(r), "1");
    PQclear(r);
    r = PQexec(fx->db, sql_control_text(STORE_POSTGRES, CONTROL_SCHEMA_READ));
    assert_string_equal(PQgetvalue(r, 0, 0), "1");
    PQclear(r);
}

static void entries_and_audit_records_cannot_be_changed(void **state)
{
    static const char *const bad[] = {"DELETE FROM audit_record",
                                      "UPDATE audit_record SET action = 'x'"};
    struct fixture *fx = needs_server(state);

    exec_ok(fx, "BEGIN");
    PQclear(run_with_something(fx, SQL_AUDIT_INSERT));
    exec_ok(fx, "COMMIT");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        PGresult *r = PQexec(fx->db, bad[i]);

        assert_int_equal(PQresultStatus(r), PGRES_FATAL_ERROR);
        assert_contains(PQresultErrorMessage(r), "append-only");
        PQclear(r);
    }
}

/* The tables and their columns, one per line, as both dialects name them. */
static void both_schemas_have_the_same_columns(void **state)
{
    struct fixture *fx = needs_server(state);
    PGresult *r = PQexec(fx->db, "SELECT name FROM (SELECT table_name || '.' || column_name AS name"
                                 " FROM information_schema.columns WHERE table_schema = 'public')"
                                 " AS columns ORDER BY name COLLATE \"C\"");
    sqlite3_stmt *st;
    sqlite3 *db;
    int n = 0;

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (size_t i = 0; store_schema(STORE_SQLITE, i); i++)
        assert_int_equal(sqlite3_exec(db, store_schema(STORE_SQLITE, i), NULL, NULL, NULL), 0);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT m.name || '.' || c.name FROM sqlite_master m,"
                                        " pragma_table_info(m.name) c WHERE m.type = 'table'"
                                        " AND m.name NOT LIKE 'sqlite_%' ORDER BY 1",
                                        -1, &st, NULL),
                     SQLITE_OK);
    for (; sqlite3_step(st) == SQLITE_ROW; n++) {
        assert_true(n < PQntuples(r));
        assert_string_equal((const char *)sqlite3_column_text(st, 0), PQgetvalue(r, n, 0));
    }
    assert_int_equal(n, PQntuples(r));
    PQclear(r);
    sqlite3_finalize(st);
    sqlite3_close(db);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_is_taken_with_whole_types),
        cmocka_unit_test(every_statement_runs),
        cmocka_unit_test(the_schema_is_found_read_and_set),
        cmocka_unit_test(entries_and_audit_records_cannot_be_changed),
        cmocka_unit_test(both_schemas_have_the_same_columns),
    };

    return t_run("postgres", tests, ARRAY_SIZE(tests), setup, teardown);
}
