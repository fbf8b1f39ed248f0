/* Rows of jobs, with their command and environment. */
#include "api/store/row.h"

static const struct field env_fields[] = {
    F_LIST(struct job, env, env_count, 0, &env_entry_shape, JOB_ENV_MAX, ""),
};
static SHAPE(env_shape, struct job, "Env", "", env_fields);

static const struct column job_columns[] = {
    C_TEXT(struct job, id),
    C_FIXED(struct job, organization_id),
    C_TEXT(struct job, project_id),
    C_TEXT(struct job, created_by),
    C_TEXT(struct job, name),
    C_TEXT(struct job, instance_id),
    C_BOOL(struct job, owns_instance),
    C_LONG_TEXT(struct job, command),
    C_JSON("env", &env_shape),
    C_INT(struct job, time_limit_seconds),
    C_ENUM(struct job, state, job_state_names),
    C_ENUM(struct job, state_reason, job_reason_names),
    C_TEXT(struct job, state_detail),
    C_INT(struct job, exit_code),
    C_INT(struct job, signal),
    C_INT(struct job, log_bytes),
    C_INT(struct job, created_at_ms),
    C_INT(struct job, started_at_ms),
    C_INT(struct job, ended_at_ms),
    C_VERSION(struct job, version),
};
ROW_MAP(jobs, struct job, "job", job_columns, &job_shape);
ROW_MAP_FITS(struct job);
static const struct page_of job_page = {
    .map = &jobs,
    .list = SQL_JOB_LIST,
    .list_all = SQL_JOB_LIST_ALL,
    .filters = PAGE_STATE | PAGE_TEXT | PAGE_PROJECT | PAGE_INSTANCE | PAGE_RANGE,
};

enum err_code row_job_insert(struct tx *tx, const struct job *j, struct err *e)
{
    return row_insert(tx, &jobs, SQL_JOB_INSERT, j, e);
}

enum err_code row_job_get(struct tx *tx, const char *id, struct job *out, struct err *e)
{
    return row_get(tx, &jobs, SQL_JOB_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_job_update(struct tx *tx, struct job *j, struct err *e)
{
    return row_update(tx, &jobs, SQL_JOB_UPDATE, j, e);
}

enum err_code row_job_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                           struct job **out, size_t *count, char next[CURSOR_BYTES_MAX],
                           struct err *e)
{
    return row_page(tx, &job_page, organization_id, q, out, count, next, e);
}

enum err_code row_job_unsettled(struct tx *tx, const char *after, int64_t limit, struct job **out,
                                size_t *count, struct err *e)
{
    return row_list(tx, &jobs, SQL_JOB_UNSETTLED, ARGS(value_text(after), value_int(limit)), out,
                    count, e);
}

enum err_code row_job_of_instance(struct tx *tx, const char *instance_id, struct job **out,
                                  size_t *count, struct err *e)
{
    return row_list(tx, &jobs, SQL_JOB_OF_INSTANCE, ARGS(value_text(instance_id)), out, count, e);
}
