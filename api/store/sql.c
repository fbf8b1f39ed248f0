/* The statements and the schemas as tables. No logic. */
#include "api/store/driver.h"

struct sql_row {
    const char *name;
    enum sql_access access;
    const char *text[2]; /* by dialect */
};

static const struct sql_row rows[SQL_COUNT] = {
#define SQL(mode, id, sql)                   [SQL_##id] = {#id, SQL_##mode, {sql, sql}},
#define SQL_PAIR(mode, id, sqlite, postgres) [SQL_##id] = {#id, SQL_##mode, {sqlite, postgres}},
#define SQL_CONTROL(id, sqlite, postgres)
#include "api/store/sql.def.h"
#undef SQL
#undef SQL_PAIR
#undef SQL_CONTROL
};

static const char *const controls[CONTROL_COUNT][2] = {
#define SQL(mode, id, sql)
#define SQL_PAIR(mode, id, sqlite, postgres)
#define SQL_CONTROL(id, sqlite, postgres) [CONTROL_##id] = {sqlite, postgres},
#include "api/store/sql.def.h"
#undef SQL
#undef SQL_PAIR
#undef SQL_CONTROL
};

static const char *const schema_sqlite[] = {
#define MIGRATION(text) text,
#include "api/store/schema_sqlite.def.h"
#undef MIGRATION
};

static const char *const schema_postgres[] = {
#define MIGRATION(text) text,
#include "api/store/schema_postgres.def.h"
#undef MIGRATION
};

_Static_assert(ARRAY_SIZE(schema_sqlite) == ARRAY_SIZE(schema_postgres),
               "both dialects have the same steps");

const char *sql_text(enum store_dialect d, enum sql_id id)
{
    return rows[id].text[d];
}

const char *sql_name(enum sql_id id)
{
    return rows[id].name;
}

enum sql_access sql_access(enum sql_id id)
{
    return rows[id].access;
}

const char *sql_control_text(enum store_dialect d, enum sql_control id)
{
    return controls[id][d];
}

const char *store_statement(enum store_dialect d, size_t index, const char **name)
{
    if (index >= SQL_COUNT)
        return NULL;
    if (name)
        *name = rows[index].name;
    return rows[index].text[d];
}

const char *store_schema(enum store_dialect d, size_t index)
{
    if (index >= ARRAY_SIZE(schema_sqlite))
        return NULL;
    return d == STORE_SQLITE ? schema_sqlite[index] : schema_postgres[index];
}
