/* Rows of reports of checks; GPUs and findings are one document inside the row. */
#include <string.h>

#include "api/store/row.h"

static const struct field body_fields[] = {
    F_LIST(struct report, gpus, gpu_count, 0, &report_gpu_shape, GPUS_PER_INSTANCE_MAX, ""),
    F_LIST(struct report, findings, finding_count, 0, &finding_shape, REPORT_FINDINGS_MAX, ""),
};
static SHAPE(body_shape, struct report, "Body", "", body_fields);

static const struct column report_columns[] = {
    C_TEXT(struct report, id),
    C_FIXED(struct report, organization_id),
    C_TEXT(struct report, instance_id),
    C_ENUM(struct report, origin, report_origin_names),
    C_ENUM(struct report, tier, tier_names),
    C_ENUM(struct report, verdict, verdict_names),
    C_TEXT(struct report, summary),
    C_TEXT(struct report, host),
    C_TEXT(struct report, driver_version),
    C_TEXT(struct report, checker_version),
    C_INT(struct report, started_at_ms),
    C_INT(struct report, ended_at_ms),
    C_INT(struct report, received_at_ms),
    C_JSON("body", &body_shape),
};

/* With the names of the fields. A member may post a million bytes, and staff list everybody's. */
static size_t report_bytes(const void *obj)
{
    const struct report *r = obj;
    size_t bytes = 1024 + r->gpu_count * 256;

    for (size_t i = 0; i < r->finding_count; i++) {
        const struct finding *f = &r->findings[i];

        bytes += 256 + strlen(f->detail) + strlen(f->source) + strlen(f->action);
    }
    return bytes;
}

static const struct row_map reports = {.noun = "report",
                                       .size = sizeof(struct report),
                                       .columns = report_columns,
                                       .column_count = ARRAY_SIZE(report_columns),
                                       .shape = &report_shape,
                                       .bytes = report_bytes};
static const struct page_of report_page = {
    .map = &reports,
    .list = SQL_REPORT_LIST,
    .list_all = SQL_REPORT_LIST_ALL,
    .filters = PAGE_TEXT | PAGE_INSTANCE | PAGE_RANGE,
};

enum err_code row_report_insert(struct tx *tx, const struct report *r, struct err *e)
{
    return row_insert(tx, &reports, SQL_REPORT_INSERT, r, e);
}

enum err_code row_report_get(struct tx *tx, const char *id, struct report *out, struct err *e)
{
    return row_get(tx, &reports, SQL_REPORT_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_report_list(struct tx *tx, const char *organization_id,
                              const struct page_query *q, struct report **out, size_t *count,
                              char next[CURSOR_BYTES_MAX], struct err *e)
{
    return row_page(tx, &report_page, organization_id, q, out, count, next, e);
}
