/* What the installation remembers about itself: answers to idempotency keys and small
 * settings. */
#include "api/store/row.h"

#include <stdlib.h>
#include <string.h>

static const struct column idempotency_columns[] = {
    C_TEXT(struct idempotency, scope),        C_TEXT(struct idempotency, key),
    C_BYTES(struct idempotency, fingerprint), C_INT(struct idempotency, status),
    C_LONG_TEXT(struct idempotency, body),    C_TEXT(struct idempotency, object_id),
    C_INT(struct idempotency, created_at_ms),
};
ROW_MAP(idempotencies, struct idempotency, "answer for", idempotency_columns, NULL);

struct setting {
    char *value;
};

static const struct column setting_columns[] = {C_LONG_TEXT(struct setting, value)};
ROW_MAP(settings, struct setting, "setting", setting_columns, NULL);

enum err_code row_idempotency_find(struct tx *tx, const char *scope, const char *key,
                                   struct idempotency *out, struct err *e)
{
    return row_get(tx, &idempotencies, SQL_IDEMPOTENCY_FIND,
                   ARGS(value_text(scope), value_text(key)), out, e);
}

enum err_code row_idempotency_insert(struct tx *tx, const struct idempotency *i, struct err *e)
{
    return row_insert(tx, &idempotencies, SQL_IDEMPOTENCY_INSERT, i, e);
}

enum err_code row_idempotency_trim(struct tx *tx, int64_t before_ms, struct err *e)
{
    return row_run(tx, SQL_IDEMPOTENCY_TRIM, ARGS(value_int(before_ms)), NULL, e);
}

enum err_code row_setting_get(struct tx *tx, const char *name, char *out, size_t size,
                              struct err *e)
{
    struct setting s;
    enum err_code rc = row_get(tx, &settings, SQL_SETTING_GET, ARGS(value_text(name)), &s, e);

    if (rc)
        return rc;
    if (strlen(s.value) >= size)
        rc = err_set(e, ERR_LIMIT, "setting %s is longer than %zu bytes", name, size - 1);
    else
        memcpy(out, s.value, strlen(s.value) + 1);
    free(s.value);
    return rc;
}

enum err_code row_setting_set(struct tx *tx, const char *name, const char *value, struct err *e)
{
    return row_run(tx, SQL_SETTING_SET, ARGS(value_text(name), value_text(value)), NULL, e);
}
