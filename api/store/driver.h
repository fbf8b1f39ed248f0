/* The seam between the typed functions and a database. A driver opens connections,
 * migrates, runs named statements with bound values and steps through their rows; it knows
 * no noun and no rule. Private to api/store and its tests. */
#ifndef API_STORE_DRIVER_H
#define API_STORE_DRIVER_H

#include "api/store/store.h"
#include "core/strbuf.h"

enum sql_id {
#define SQL(access, name, text)                  SQL_##name,
#define SQL_PAIR(access, name, sqlite, postgres) SQL_##name,
#define SQL_CONTROL(name, sqlite, postgres)
#include "api/store/sql.def.h"
#undef SQL
#undef SQL_PAIR
#undef SQL_CONTROL
    SQL_COUNT
};

enum sql_control {
#define SQL(access, name, text)
#define SQL_PAIR(access, name, sqlite, postgres)
#define SQL_CONTROL(name, sqlite, postgres) CONTROL_##name,
#include "api/store/sql.def.h"
#undef SQL
#undef SQL_PAIR
#undef SQL_CONTROL
    CONTROL_COUNT
};

enum sql_access { SQL_READ, SQL_WRITE };

/* A statement in the words of a dialect; never NULL for an id below its count. */
const char *sql_text(enum store_dialect d, enum sql_id id);
const char *sql_name(enum sql_id id);
enum sql_access sql_access(enum sql_id id);
const char *sql_control_text(enum store_dialect d, enum sql_control id);

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_TEXT, VALUE_BYTES };

/* A value on its way in or out. Bytes are borrowed: until the statement is finished on the
 * way in, until its next step on the way out (there a text ends in NUL). */
struct value {
    enum value_kind kind;
    int64_t number;
    const void *bytes;
    size_t len;
};

struct driver;

enum conn_kind { CONN_READER, CONN_WRITER };

/* One connection; first member of every driver's own. Used by one thread at a time. */
struct conn {
    const struct driver *driver;
    enum conn_kind kind;
    /* A failure of the storage, not of one statement: what the transaction did so far may
     * be undone already. Set by the driver; cleared by the one who begins anew. */
    bool failed;
    struct strbuf json; /* for columns that are written as JSON */
    void *scratch;      /* ROW_BYTES_MAX bytes to read one row into */
};

/* Steps of the schema: migration i takes version i to version i + 1. The first one creates
 * the table schema_version with version 0. */
struct migrations {
    const char *const *texts;
    size_t count;
};

struct driver {
    const char *scheme; /* of the URL */
    enum store_dialect dialect;
    /* `where` is the URL behind the scheme. A writer creates what is missing. Caller owns
     * *out. Errors: ERR_INVALID where; ERR_STORAGE, ERR_BUSY. */
    enum err_code (*open)(const char *where, enum conn_kind kind, struct conn **out, struct err *e);
    void (*close)(struct conn *c);
    /* Bring the schema to m->count under a lock, in one transaction.
     * Errors: ERR_CONFLICT newer than known; ERR_STORAGE, ERR_BUSY. */
    enum err_code (*migrate)(struct conn *c, const struct migrations *m, struct err *e);
    /* Prepare every statement that this kind of connection may run. Errors: ERR_STORAGE. */
    enum err_code (*prepare)(struct conn *c, struct err *e);
    enum err_code (*control)(struct conn *c, enum sql_control what, struct err *e);
    /* Bind. finish() ends what run() began, on every path. */
    enum err_code (*run)(struct conn *c, enum sql_id id, const struct value *args, size_t count,
                         struct err *e);
    /* Errors: ERR_CONFLICT a key exists or is missing elsewhere; ERR_INTERNAL a rule of the
     * schema was broken; ERR_STORAGE, ERR_BUSY. */
    enum err_code (*step)(struct conn *c, enum sql_id id, bool *is_row, struct err *e);
    void (*column)(struct conn *c, enum sql_id id, int index, struct value *out);
    void (*finish)(struct conn *c, enum sql_id id);
    int64_t (*changes)(struct conn *c); /* rows that the last write changed */
};

extern const struct driver driver_sqlite;

struct tx {
    struct conn *conn;
    bool is_write;
    int64_t event_seq; /* highest that was inserted; 0: none */
};

/* As store_open() with another list of migrations, for tests of upgrades. */
enum err_code store_open_as(const struct store_config *c, const struct migrations *m,
                            struct store **out, struct err *e) MUST_CHECK;

#endif
