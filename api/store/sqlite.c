/* The SQLite driver: connections in WAL mode with every statement prepared. Knows no noun;
 * how calls share a commit is in writer.c. */
#include "api/store/driver.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/store/row.h"

#define BUSY_TIMEOUT_MS 2000
#define WAL_TRIES_MAX   100
#define WAL_WAIT_MS     20
#define JSON_BYTES_MAX  (4 * 1024 * 1024)
#define DIALECT         STORE_SQLITE

struct sq_conn {
    struct conn base;
    sqlite3 *db;
    sqlite3_stmt *stmt[SQL_COUNT];        /* NULL where this kind of connection has none */
    sqlite3_stmt *control[CONTROL_COUNT]; /* transactions only */
};

static struct sq_conn *sq_from(struct conn *c)
{
    return CONTAINER_OF(c, struct sq_conn, base);
}

/* --- errors ------------------------------------------------------------------------------- */

static enum err_code constraint_error(sqlite3 *db, struct err *e)
{
    switch (sqlite3_extended_errcode(db)) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return err_set(e, ERR_CONFLICT, "exists already");
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return err_set(e, ERR_CONFLICT, "refers to an object that does not exist");
    default:
        return err_set(e, ERR_INTERNAL, "%s", sqlite3_errmsg(db));
    }
}

/* The code of the last failure. What may have taken the transaction with it marks the
 * connection, so that the one who began it does not go on. */
static enum err_code sq_fail(struct sq_conn *q, const char *doing, struct err *e)
{
    int code = sqlite3_errcode(q->db);

    switch (code) {
    case SQLITE_CONSTRAINT:
        return constraint_error(q->db, e);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        q->base.failed = true;
        return err_set(e, ERR_BUSY, "%s: the database is locked by another program", doing);
    case SQLITE_ERROR:
    case SQLITE_RANGE:
    case SQLITE_MISUSE:
        return err_set(e, ERR_STORAGE, "%s: %s", doing, sqlite3_errmsg(q->db));
    default:
        q->base.failed = true;
        return err_set(e, ERR_STORAGE, "%s: %s", doing, sqlite3_errmsg(q->db));
    }
}

/* --- statements --------------------------------------------------------------------------- */

/* SQLite numbers "$1" by first appearance and "?1" by its number: write the latter. */
static void number_parameters(char *text)
{
    for (char *p = text; *p; p++)
        if (p[0] == '$' && p[1] >= '1' && p[1] <= '9')
            *p = '?';
}

static enum err_code sq_compile(struct sq_conn *q, const char *text, const char *name,
                                sqlite3_stmt **out, struct err *e)
{
    char *own = strdup(text);
    int rc;

    if (!own)
        return err_set(e, ERR_STORAGE, "out of memory");
    number_parameters(own);
    rc = sqlite3_prepare_v3(q->db, own, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    free(own);
    return rc == SQLITE_OK ? ERR_OK : sq_fail(q, name, e);
}

static enum err_code sq_prepare(struct conn *c, struct err *e)
{
    struct sq_conn *q = sq_from(c);

    for (int i = 0; i < SQL_COUNT; i++) {
        enum err_code rc;

        if (sql_access(i) == SQL_WRITE && c->kind == CONN_READER)
            continue;
        rc = sq_compile(q, sql_text(DIALECT, i), sql_name(i), &q->stmt[i], e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

static int bind_value(sqlite3_stmt *st, int index, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return sqlite3_bind_null(st, index);
    case VALUE_INT:
        return sqlite3_bind_int64(st, index, v->number);
    case VALUE_TEXT:
        return sqlite3_bind_text(st, index, v->bytes, (int)v->len, SQLITE_STATIC);
    case VALUE_BYTES:
        return sqlite3_bind_blob(st, index, v->bytes, (int)v->len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static enum err_code sq_run(struct conn *c, enum sql_id id, const struct value *args, size_t count,
                            struct err *e)
{
    struct sq_conn *q = sq_from(c);
    sqlite3_stmt *st = q->stmt[id];

    assert(st);
    assert((size_t)sqlite3_bind_parameter_count(st) == count);
    for (size_t i = 0; i < count; i++)
        if (bind_value(st, (int)i + 1, &args[i]) != SQLITE_OK)
            return sq_fail(q, sql_name(id), e);
    return ERR_OK;
}

static enum err_code sq_step(struct conn *c, enum sql_id id, bool *is_row, struct err *e)
{
    struct sq_conn *q = sq_from(c);
    int rc = sqlite3_step(q->stmt[id]);

    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sq_fail(q, sql_name(id), e);
    *is_row = rc == SQLITE_ROW;
    return ERR_OK;
}

/* By the value, which is looked up once and not for each question; that is allowed because a
 * connection is used by one thread at a time. */
static void sq_column(struct conn *c, enum sql_id id, int index, struct value *out)
{
    sqlite3_value *v = sqlite3_column_value(sq_from(c)->stmt[id], index);

    *out = (struct value){0};
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        out->kind = VALUE_INT;
        out->number = sqlite3_value_int64(v);
        return;
    case SQLITE_TEXT:
        out->kind = VALUE_TEXT;
        out->bytes = sqlite3_value_text(v);
        break;
    case SQLITE_BLOB:
        out->kind = VALUE_BYTES;
        out->bytes = sqlite3_value_blob(v);
        break;
    default:
        return;
    }
    if (out->bytes)
        out->len = (size_t)sqlite3_value_bytes(v);
    else
        out->kind = VALUE_NULL; /* an empty blob, or no memory */
}

/* The error of a failed step was told already; reset only repeats it. */
static void sq_finish(struct conn *c, enum sql_id id)
{
    sqlite3_stmt *st = sq_from(c)->stmt[id];

    if (!st)
        return;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

static int64_t sq_changes(struct conn *c)
{
    return sqlite3_changes(sq_from(c)->db);
}

/* --- transactions ------------------------------------------------------------------------- */

static enum err_code sq_control(struct conn *c, enum sql_control what, struct err *e)
{
    struct sq_conn *q = sq_from(c);
    const char *text = sql_control_text(DIALECT, what);
    int rc;

    /* A failure has ended the transaction on its own: there is nothing left to undo. */
    if (what == CONTROL_ROLLBACK && sqlite3_get_autocommit(q->db))
        return ERR_OK;
    if (!q->control[what]) {
        enum err_code bad = sq_compile(q, text, text, &q->control[what], e);

        if (bad)
            return bad;
    }
    rc = sqlite3_step(q->control[what]);
    if (rc != SQLITE_DONE) {
        enum err_code bad = sq_fail(q, text, e);

        sqlite3_reset(q->control[what]);
        return bad;
    }
    sqlite3_reset(q->control[what]);
    return ERR_OK;
}

/* --- migrations --------------------------------------------------------------------------- */

static enum err_code sq_exec(struct sq_conn *q, const char *text, const char *doing, struct err *e)
{
    if (sqlite3_exec(q->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return sq_fail(q, doing, e);
    return ERR_OK;
}

/* Run a control statement that answers, or takes, one number. */
static enum err_code sq_number(struct sq_conn *q, enum sql_control what, int64_t in, int64_t *out,
                               struct err *e)
{
    sqlite3_stmt *st = NULL;
    enum err_code rc = sq_compile(q, sql_control_text(DIALECT, what), "schema version", &st, e);
    int step;

    if (rc)
        return rc;
    if (sqlite3_bind_parameter_count(st) == 1)
        sqlite3_bind_int64(st, 1, in);
    step = sqlite3_step(st);
    if (step == SQLITE_ROW && out)
        *out = sqlite3_column_int64(st, 0);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        rc = sq_fail(q, "schema version", e);
    sqlite3_finalize(st);
    return rc;
}

static enum err_code sq_version(struct sq_conn *q, int64_t *out, struct err *e)
{
    int64_t tables = 0;
    enum err_code rc = sq_number(q, CONTROL_SCHEMA_FIND, 0, &tables, e);

    *out = 0;
    if (rc || !tables)
        return rc;
    return sq_number(q, CONTROL_SCHEMA_READ, 0, out, e);
}

static enum err_code migrate_locked(struct sq_conn *q, const struct migrations *m, struct err *e)
{
    int64_t version;
    enum err_code rc = sq_version(q, &version, e);

    if (rc)
        return rc;
    if (version < 0 || (size_t)version > m->count)
        return err_set(e, ERR_CONFLICT,
                       "the database has schema version %lld, this program knows %zu: use a "
                       "newer program",
                       (long long)version, m->count);
    if ((size_t)version == m->count)
        return ERR_OK;
    for (size_t i = (size_t)version; i < m->count; i++) {
        char doing[40];

        snprintf(doing, sizeof doing, "schema step %zu", i);
        rc = sq_exec(q, m->texts[i], doing, e);
        if (rc)
            return rc;
    }
    return sq_number(q, CONTROL_SCHEMA_SET, (int64_t)m->count, NULL, e);
}

static enum err_code sq_migrate(struct conn *c, const struct migrations *m, struct err *e)
{
    enum err_code rc = sq_control(c, CONTROL_BEGIN_WRITE, e);

    if (rc)
        return rc;
    rc = migrate_locked(sq_from(c), m, e);
    if (!rc)
        rc = sq_control(c, CONTROL_COMMIT, e);
    if (rc)
        (void)sq_control(c, CONTROL_ROLLBACK, NULL);
    c->failed = false;
    return rc;
}

/* --- open and close ----------------------------------------------------------------------- */

static void sq_close(struct conn *c)
{
    struct sq_conn *q;

    if (!c)
        return;
    q = sq_from(c);
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(q->stmt[i]);
    for (int i = 0; i < CONTROL_COUNT; i++)
        sqlite3_finalize(q->control[i]);
    sqlite3_close(q->db);
    strbuf_release(&c->json);
    free(c->scratch);
    free(q);
}

/* Made by us rather than by SQLite so that nobody else may read it; the files beside it
 * inherit its mode. */
static enum err_code make_private(const char *path, struct err *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_set(e, ERR_STORAGE, "%s: %s", path, strerror(errno));
    close(fd);
    return ERR_OK;
}

/* Another program that opens at the same moment holds the lock that the change of mode
 * needs, and SQLite does not wait for that one. */
static enum err_code use_wal(struct sq_conn *q, struct err *e)
{
    for (int i = 0; i < WAL_TRIES_MAX; i++) {
        if (sqlite3_exec(q->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) == SQLITE_OK)
            return ERR_OK;
        if (sqlite3_errcode(q->db) != SQLITE_BUSY)
            break;
        sqlite3_sleep(WAL_WAIT_MS);
    }
    return sq_fail(q, "journal mode", e);
}

static enum err_code sq_settings(struct sq_conn *q, struct err *e)
{
    enum err_code rc;

    sqlite3_extended_result_codes(q->db, 0);
    sqlite3_busy_timeout(q->db, BUSY_TIMEOUT_MS);
    rc = q->base.kind == CONN_WRITER ? use_wal(q, e) : ERR_OK;
    if (!rc)
        rc = sq_exec(q,
                     "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                     "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0;"
                     "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864",
                     "settings", e);
    if (!rc && q->base.kind == CONN_WRITER)
        rc = sq_exec(q, "PRAGMA cache_size = -4096", "settings", e);
    if (!rc && q->base.kind == CONN_READER)
        rc = sq_exec(q, "PRAGMA cache_size = -1024; PRAGMA query_only = ON", "settings", e);
    q->base.failed = false;
    return rc;
}

/* Nobody asks how much memory SQLite has, and counting it takes a lock that all connections share
 * at every allocation. Refused, without harm, when SQLite is in use already. */
static void stop_counting(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum err_code sq_open(const char *where, enum conn_kind kind, struct conn **out,
                             struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct sq_conn *q;
    enum err_code rc;

    if (!where[0] || where[0] == ':')
        return err_set(e, ERR_INVALID, "sqlite:%s: expected sqlite:<path of a file>", where);
    pthread_once(&once, stop_counting);
    rc = kind == CONN_WRITER ? make_private(where, e) : ERR_OK;
    if (rc)
        return rc;
    q = calloc(1, sizeof *q);
    if (!q)
        return err_set(e, ERR_STORAGE, "out of memory");
    q->base.driver = &driver_sqlite;
    q->base.kind = kind;
    strbuf_init(&q->base.json, JSON_BYTES_MAX);
    q->base.scratch = malloc(ROW_BYTES_MAX);
    if (!q->base.scratch)
        rc = err_set(e, ERR_STORAGE, "out of memory");
    else if (sqlite3_open_v2(where, &q->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
        rc = sq_fail(q, where, e);
    else
        rc = sq_settings(q, e);
    if (rc) {
        sq_close(&q->base);
        return err_wrap(e, rc, "open %s", where);
    }
    *out = &q->base;
    return ERR_OK;
}

const struct driver driver_sqlite = {
    .scheme = "sqlite",
    .dialect = STORE_SQLITE,
    .open = sq_open,
    .close = sq_close,
    .migrate = sq_migrate,
    .prepare = sq_prepare,
    .control = sq_control,
    .run = sq_run,
    .step = sq_step,
    .column = sq_column,
    .finish = sq_finish,
    .changes = sq_changes,
};
