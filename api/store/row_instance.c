/* Rows of instances. Which state may follow which is decided in the services. */
#include "api/store/row.h"

#include <stdlib.h>
#include <string.h>

static const struct field slots_fields[] = {
    F_LIST(struct instance, slots, slot_count, 0, &gpu_slot_shape, GPUS_PER_INSTANCE_MAX, ""),
};
static SHAPE(slots_shape, struct instance, "Slots", "", slots_fields);

static const struct column instance_columns[] = {
    C_TEXT(struct instance, id),
    C_FIXED(struct instance, organization_id),
    C_TEXT(struct instance, project_id),
    C_TEXT(struct instance, created_by),
    C_TEXT(struct instance, job_id),
    C_TEXT(struct instance, name),
    C_TEXT(struct instance, offer_id),
    C_TEXT(struct instance, zone),
    C_TEXT(struct instance, gpu_model),
    C_INT(struct instance, gpu_count),
    C_INT(struct instance, vcpu_count),
    C_INT(struct instance, memory_gib),
    C_ENUM(struct instance, state, instance_state_names),
    C_ENUM(struct instance, desired_state, instance_desired_names),
    C_ENUM(struct instance, state_reason, instance_reason_names),
    C_TEXT(struct instance, state_detail),
    C_INT(struct instance, state_since_ms),
    C_ENUM(struct instance, billing, billing_names),
    C_CURRENCY(struct instance, price_per_hour),
    {.name = "price_micros", .kind = COLUMN_MONEY, FIELD_AT(struct instance, price_per_hour)},
    C_INT(struct instance, price_version),
    C_MONEY(struct instance, cost),
    C_INT(struct instance, cost_at_ms),
    C_INT(struct instance, created_at_ms),
    C_INT(struct instance, running_at_ms),
    C_INT(struct instance, ended_at_ms),
    C_INT(struct instance, deadline_at_ms),
    C_ENUM(struct instance, gate_verdict, verdict_names),
    C_TEXT(struct instance, gate_summary),
    C_TEXT(struct instance, limits),
    C_BOOL(struct instance, network),
    C_JSON("slots", &slots_shape),
    C_TEXT(struct instance, ssh_public_key),
    C_INT(struct instance, stop_after_seconds),
    C_TEXT(struct instance, node_id),
    C_TEXT(struct instance, check_id),
    C_ENUM(struct instance, check_tier, tier_names),
    C_ENUM(struct instance, check_verdict, verdict_names),
    C_INT(struct instance, checked_at_ms),
    C_INT(struct instance, credit_from_ms),
    C_VERSION(struct instance, version),
};
ROW_MAP(instances, struct instance, "instance", instance_columns, &instance_shape);
ROW_MAP_FITS(struct instance);
static const struct page_of instance_page = {
    .map = &instances,
    .list = SQL_INSTANCE_LIST,
    .list_all = SQL_INSTANCE_LIST_ALL,
    .filters = PAGE_STATE | PAGE_TEXT | PAGE_PROJECT | PAGE_ZONE | PAGE_GPU_MODEL | PAGE_RANGE,
};

struct state_count {
    int state;
    int64_t count;
};

static const struct column state_count_columns[] = {
    C_ENUM(struct state_count, state, instance_state_names),
    C_INT(struct state_count, count),
};
ROW_MAP(state_counts, struct state_count, "instance", state_count_columns, NULL);

enum err_code row_instance_insert(struct tx *tx, const struct instance *i, struct err *e)
{
    return row_insert(tx, &instances, SQL_INSTANCE_INSERT, i, e);
}

enum err_code row_instance_get(struct tx *tx, const char *id, struct instance *out, struct err *e)
{
    return row_get(tx, &instances, SQL_INSTANCE_GET, ARGS(value_text(id)), out, e);
}

enum err_code row_instance_update(struct tx *tx, struct instance *i, struct err *e)
{
    return row_update(tx, &instances, SQL_INSTANCE_UPDATE, i, e);
}

enum err_code row_instance_list(struct tx *tx, const char *organization_id,
                                const struct page_query *q, struct instance **out, size_t *count,
                                char next[CURSOR_BYTES_MAX], struct err *e)
{
    return row_page(tx, &instance_page, organization_id, q, out, count, next, e);
}

enum err_code row_instance_unsettled(struct tx *tx, const char *after, int64_t limit,
                                     struct instance **out, size_t *count, struct err *e)
{
    return row_list(tx, &instances, SQL_INSTANCE_UNSETTLED,
                    ARGS(value_text(after), value_int(limit)), out, count, e);
}

enum err_code row_instance_of_node(struct tx *tx, const char *node_id, const char *but_id,
                                   struct node_load *out, struct err *e)
{
    int64_t numbers[2] = {0};
    enum err_code rc =
        row_numbers(tx, SQL_INSTANCE_OF_NODE, ARGS(value_text(node_id), value_text(but_id)),
                    numbers, ARRAY_SIZE(numbers), e);

    if (!rc)
        *out = (struct node_load){numbers[0], numbers[1]};
    return rc;
}

enum err_code row_instance_count_by_state(struct tx *tx, const char *organization_id,
                                          int64_t counts[INSTANCE_STATE_COUNT], struct err *e)
{
    const struct value scope = value_text(organization_id);
    bool is_all = !organization_id[0];
    struct state_count *items = NULL;
    size_t count = 0;
    enum err_code rc =
        row_list(tx, &state_counts, is_all ? SQL_INSTANCE_COUNT_ALL : SQL_INSTANCE_COUNT, &scope,
                 is_all ? 0 : 1, &items, &count, e);

    if (rc)
        return rc;
    memset(counts, 0, INSTANCE_STATE_COUNT * sizeof counts[0]);
    for (size_t i = 0; i < count; i++)
        counts[items[i].state] = items[i].count;
    free(items);
    return ERR_OK;
}
