/* Opening, migrating, reading: the store around its writer. */
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/writes.h"

#define READERS    12
#define READS_EACH 50
#define STEPS_MAX  64

struct fixture {
    struct store *store;
    struct err e;
    struct store_config config;
    char url[URL_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx->config =
        (struct store_config){.url = rows_url(fx->url), .clock = clock_real(), .reader_count = 2};
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    store_close(fx->store);
    free(fx);
    return 0;
}

static const char *path_of(const struct fixture *fx)
{
    return strchr(fx->url, ':') + 1;
}

static void urls_that_name_no_file_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "sqlite",
                                      "sqlite:",
                                      "sqlite::memory:",
                                      "/tmp/x",
                                      "postgres://localhost/x",
                                      "SQLITE:/tmp/x",
                                      "sqlitex:/tmp/x"};
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        fx->config.url = bad[i];
        assert_err(ERR_INVALID, store_open(&fx->config, &fx->store, E), E);
        assert_null(fx->store);
    }
}

static void a_folder_that_is_not_there_is_a_storage_error(void **state)
{
    struct fixture *fx = *state;

    fx->config.url = "sqlite:/nowhere/at/all/x.db";
    assert_err(ERR_STORAGE, store_open(&fx->config, &fx->store, E), E);
    assert_contains(fx->e.msg, "/nowhere/at/all/x.db");
}

static void a_file_that_is_no_database_is_a_storage_error(void **state)
{
    struct fixture *fx = *state;
    FILE *f = fopen(path_of(fx), "w");

    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("not a database", f);
    fclose(f);
    assert_err(ERR_STORAGE, store_open(&fx->config, &fx->store, E), E);
}

static void nobody_else_may_read_the_files(void **state)
{
    struct fixture *fx = *state;
    char wal[URL_BYTES_MAX];
    struct stat st;

    umask(0);
    assert_ok(store_open(&fx->config, &fx->store, E), E);
    snprintf(wal, sizeof wal, "%s-wal", path_of(fx));
    assert_int_equal(stat(path_of(fx), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    umask(022);
}

static int64_t pragma(const struct fixture *fx, const char *text)
{
    sqlite3_stmt *st;
    sqlite3 *db;
    int64_t out;

    assert_int_equal(sqlite3_open(path_of(fx), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    out = sqlite3_column_type(st, 0) == SQLITE_TEXT
              ? strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0
              : sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return out;
}

static void what_was_stored_is_found_again(void **state)
{
    struct fixture *fx = *state;
    struct store_stats stats;

    for (int i = 0; i < 2; i++) {
        assert_ok(store_open(&fx->config, &fx->store, E), E);
        assert_int_equal(setting_is_there(fx->store, "a"), i);
        assert_ok(store_write(fx->store, write_run, &(struct write){.name = "a"}, E), E);
        store_stats(fx->store, &stats);
        assert_int_equal(stats.schema_version, rows_migrations()->count);
        assert_int_equal(pragma(fx, "SELECT version FROM schema_version"), stats.schema_version);
        assert_int_equal(pragma(fx, "PRAGMA journal_mode"), 1);
        store_close(fx->store);
        fx->store = NULL;
    }
}

static void set_version(const struct fixture *fx, const char *version)
{
    char text[80];
    sqlite3 *db;

    snprintf(text, sizeof text, "UPDATE schema_version SET version = %s", version);
    assert_int_equal(sqlite3_open(path_of(fx), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct fixture *fx = *state;

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    store_close(fx->store);
    fx->store = NULL;
    set_version(fx, "999");
    assert_err(ERR_CONFLICT, store_open(&fx->config, &fx->store, E), E);
    assert_contains(fx->e.msg, "999");
    assert_int_equal(pragma(fx, "SELECT version FROM schema_version"), 999);
    set_version(fx, "-1");
    assert_err(ERR_CONFLICT, store_open(&fx->config, &fx->store, E), E);
}

static void run_text(const struct fixture *fx, const char *text)
{
    char *why = NULL;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path_of(fx), &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s", why);
    sqlite3_close(db);
}

/* Why: the second step makes the table of reports anew and adds to that of instances. */
static void what_the_first_schema_kept_comes_through(void **state)
{
    struct fixture *fx = *state;

    run_text(fx, rows_migrations()->texts[0]);
    set_version(fx, "1");
    run_text(fx, "INSERT INTO organization VALUES ('org_1', 'o', 'FR', 'EUR', 1, 1);"
                 "INSERT INTO instance VALUES ('ins_1', 'org_1', 'prj_1', 'mem_1', '', 'blue', 'o',"
                 " 'z', 'h100', 1, 1, 1, 'running', 'running', 'none', '', 1, 'on', 'EUR', 5, 1, 0,"
                 " 1, 1, 77, 0, 0, 'healthy', '', '', 0, '', '', 0, 1);"
                 "INSERT INTO report VALUES ('rep_1', 'org_1', 'ins_1', 'gate', 'state', 'healthy',"
                 " 'kept', 'h', '', '', 1, 2, 3, '');");
    assert_ok(store_open(&fx->config, &fx->store, E), E);
    assert_int_equal(pragma(fx, "SELECT COUNT(*) FROM report WHERE summary = 'kept'"), 1);
    /* What runs is given back from when it began, since nobody has checked it. */
    assert_int_equal(pragma(fx, "SELECT credit_from_ms FROM instance WHERE node_id = ''"), 77);
}

/* The schema of this program with one and two further steps. */
static struct migrations steps_with(const char *texts[], const char *third, const char *fourth)
{
    const struct migrations *now = rows_migrations();
    struct migrations m = {.texts = texts};

    for (; m.count < now->count; m.count++)
        texts[m.count] = now->texts[m.count];
    if (third)
        texts[m.count++] = third;
    if (fourth)
        texts[m.count++] = fourth;
    return m;
}

static void an_old_schema_is_brought_up_step_by_step(void **state)
{
    struct fixture *fx = *state;
    const char *texts[STEPS_MAX];
    struct migrations m =
        steps_with(texts, "CREATE TABLE later (x INTEGER NOT NULL) STRICT",
                   "INSERT INTO later SELECT COUNT(*) FROM setting WHERE name = 'kept'");

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    assert_ok(store_write(fx->store, write_run, &(struct write){.name = "kept"}, E), E);
    store_close(fx->store);
    fx->store = NULL;
    assert_ok(store_open_as(&fx->config, &m, &fx->store, E), E);
    assert_int_equal(pragma(fx, "SELECT x FROM later"), 1);
    assert_int_equal(pragma(fx, "SELECT version FROM schema_version"), m.count);
    assert_true(setting_is_there(fx->store, "kept"));
}

static void a_step_that_fails_changes_nothing(void **state)
{
    struct fixture *fx = *state;
    const char *texts[STEPS_MAX];
    struct migrations m = steps_with(texts, "CREATE TABLE later (x INTEGER)", "CREATE NONSENSE");

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    store_close(fx->store);
    fx->store = NULL;
    assert_err(ERR_STORAGE, store_open_as(&fx->config, &m, &fx->store, E), E);
    assert_contains(fx->e.msg, "schema step");
    assert_int_equal(pragma(fx, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'later'"), 0);
    assert_ok(store_open(&fx->config, &fx->store, E), E);
}

static void a_first_schema_that_fails_leaves_no_table(void **state)
{
    struct fixture *fx = *state;
    const char *texts[STEPS_MAX];
    struct migrations m = steps_with(texts, "CREATE NONSENSE", NULL);

    assert_err(ERR_STORAGE, store_open_as(&fx->config, &m, &fx->store, E), E);
    assert_int_equal(pragma(fx, "SELECT COUNT(*) FROM sqlite_master"), 0);
}

static void two_stores_share_one_file(void **state)
{
    struct fixture *fx = *state;
    struct store *other;

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    assert_ok(store_open(&fx->config, &other, E), E);
    for (int i = 0; i < 20; i++) {
        struct write w = {0};

        snprintf(w.name, sizeof w.name, "n%d", i);
        assert_ok(store_write(i % 2 ? fx->store : other, write_run, &w, E), E);
        assert_true(setting_is_there(i % 2 ? other : fx->store, w.name));
    }
    store_close(other);
}

/* The child's part: no assertion, it must not run the parent's clean-up. */
static int open_and_write(const struct store_config *c, int number)
{
    struct store *s = NULL;
    struct write w = {0};
    struct err e;
    int bad;

    snprintf(w.name, sizeof w.name, "process-%d", number);
    bad = store_open(c, &s, &e) != ERR_OK || store_write(s, write_run, &w, &e) != ERR_OK;
    if (bad)
        fprintf(stderr, "process %d: %s\n", number, e.msg);
    store_close(s);
    return bad;
}

/* Why: two daemons started at once on a new file must not both create the tables. */
static void processes_that_open_a_new_file_at_once_all_succeed(void **state)
{
    struct fixture *fx = *state;
    pid_t child[6];
    int status;

    for (int i = 0; i < (int)ARRAY_SIZE(child); i++) {
        child[i] = fork();
        assert_true(child[i] >= 0);
        if (child[i] == 0)
            _exit(open_and_write(&fx->config, i));
    }
    for (size_t i = 0; i < ARRAY_SIZE(child); i++) {
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_ok(store_open(&fx->config, &fx->store, E), E);
    for (int i = 0; i < (int)ARRAY_SIZE(child); i++) {
        char name[32];

        snprintf(name, sizeof name, "process-%d", i);
        assert_true(setting_is_there(fx->store, name));
    }
}

static void a_write_in_a_read_is_refused(void **state)
{
    struct fixture *fx = *state;
    struct write w = {.name = "a"};

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    assert_err(ERR_INTERNAL, store_read(fx->store, write_run, &w, E), E);
    assert_false(setting_is_there(fx->store, "a"));
}

static enum err_code refuse(struct tx *tx, void *ctx, struct err *e)
{
    (void)tx;
    (void)ctx;
    return err_set(e, ERR_GONE, "gone");
}

static void the_error_of_a_read_comes_out(void **state)
{
    struct fixture *fx = *state;

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    for (int i = 0; i < 10; i++)
        assert_err(ERR_GONE, store_read(fx->store, refuse, NULL, E), E);
    assert_ok(store_ping(fx->store, E), E);
}

struct snapshot {
    struct store *store;
    bool before, between;
};

/* Reads, has another connection write, reads again. */
static enum err_code look_twice(struct tx *tx, void *ctx, struct err *e)
{
    struct snapshot *s = ctx;
    char value[8];
    enum err_code rc;

    s->before = row_setting_get(tx, "late", value, sizeof value, e) == ERR_OK;
    rc = store_write(s->store, write_run, &(struct write){.name = "late"}, e);
    if (rc)
        return rc;
    s->between = row_setting_get(tx, "late", value, sizeof value, e) == ERR_OK;
    return ERR_OK;
}

static void a_read_sees_one_moment(void **state)
{
    struct fixture *fx = *state;
    struct snapshot s;

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    s.store = fx->store;
    assert_ok(store_read(fx->store, look_twice, &s, E), E);
    assert_false(s.before);
    assert_false(s.between);
    assert_true(setting_is_there(fx->store, "late"));
}

static void *read_many(void *ctx)
{
    struct fixture *fx = ctx;

    for (int i = 0; i < READS_EACH; i++)
        if (store_ping(fx->store, NULL) != ERR_OK)
            return fx;
    return NULL;
}

static void more_threads_than_readers_take_turns(void **state)
{
    struct fixture *fx = *state;
    pthread_t threads[READERS];
    void *bad;

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_many, fx), 0);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
}

static enum err_code read_in_read(struct tx *tx, void *ctx, struct err *e)
{
    struct fixture *fx = ctx;

    (void)tx;
    return store_read(fx->store, refuse, NULL, e);
}

/* With a single reader the inner read waits for the outer one, but not for ever. */
static void a_read_that_finds_no_reader_is_busy(void **state)
{
    struct fixture *fx = *state;

    fx->config.reader_count = 1;
    assert_ok(store_open(&fx->config, &fx->store, E), E);
    assert_err(ERR_BUSY, store_read(fx->store, read_in_read, fx, E), E);
    assert_ok(store_ping(fx->store, E), E);
}

static enum err_code damage_seen(struct tx *tx, void *ctx, struct err *e)
{
    struct organization *items = NULL;
    struct page_query q = {.limit = 1};
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;
    enum err_code rc = row_organization_list(tx, &q, &items, &count, next, e);

    (void)ctx;
    LIST_FREE(&organization_shape, items, count);
    return rc;
}

static void a_damaged_row_is_told_and_not_guessed(void **state)
{
    struct fixture *fx = *state;
    sqlite3 *db;

    assert_ok(store_open(&fx->config, &fx->store, E), E);
    assert_int_equal(sqlite3_open(path_of(fx), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO organization VALUES"
                                  " ('org_1', 'x', 'FRANCE', 'EUR', 1, 1)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_err(ERR_STORAGE, store_read(fx->store, damage_seen, NULL, E), E);
    assert_string_equal(fx->e.msg, "a stored organization has no readable country");
}

static void closing_nothing_is_fine(void **state)
{
    (void)state;
    store_close(NULL);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(urls_that_name_no_file_are_refused),
        TEST(a_folder_that_is_not_there_is_a_storage_error),
        TEST(a_file_that_is_no_database_is_a_storage_error),
        TEST(nobody_else_may_read_the_files),
        TEST(what_was_stored_is_found_again),
        TEST(a_newer_schema_is_refused_and_left_alone),
        TEST(what_the_first_schema_kept_comes_through),
        TEST(an_old_schema_is_brought_up_step_by_step),
        TEST(a_step_that_fails_changes_nothing),
        TEST(a_first_schema_that_fails_leaves_no_table),
        TEST(two_stores_share_one_file),
        TEST(processes_that_open_a_new_file_at_once_all_succeed),
        TEST(a_write_in_a_read_is_refused),
        TEST(the_error_of_a_read_comes_out),
        TEST(a_read_sees_one_moment),
        TEST(more_threads_than_readers_take_turns),
        TEST(a_read_that_finds_no_reader_is_busy),
        TEST(a_damaged_row_is_told_and_not_guessed),
        cmocka_unit_test(closing_nothing_is_fine),
    };

    return T_RUN("store", tests);
}
