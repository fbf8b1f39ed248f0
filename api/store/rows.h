/* Typed access to the tables, one set of functions per noun, the same for every driver.
 * Rules live in services: these functions read and write rows, no more.
 *
 * `get` answers ERR_NOT_FOUND; `insert` answers ERR_CONFLICT for a key that exists;
 * `update` writes the whole row where id and version match, raises version by one (also in
 * the caller's struct) and answers ERR_PRECONDITION when nothing matched. Any of them may
 * answer ERR_STORAGE, and ERR_INTERNAL for a write in a read transaction.
 *
 * Lists: *out is a malloc'ed array that the caller owns (each item has to be released
 * with its shape, if the shape owns memory, then the array freed: LIST_FREE). `next` gets the
 * cursor of the following page, "" at the end. An `organization_id` of "" means all
 * (staff and workers). Order: newest first, unless said otherwise. */
#ifndef API_STORE_ROWS_H
#define API_STORE_ROWS_H

#include "api/store/store.h"
#include "model/case.h"
#include "model/catalogue.h"
#include "model/credit.h"
#include "model/event.h"
#include "model/identity.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/node.h"
#include "model/page.h"
#include "model/report.h"

#define LIST_FREE(shape, items, count)                                    \
    do {                                                                  \
        for (size_t i_ = 0; (items) && i_ < (count); i_++)                \
            shape_release((shape), (char *)(items) + i_ * (shape)->size); \
        free(items);                                                      \
        (items) = NULL;                                                   \
    } while (0)

#define ROW enum err_code
#define E   struct err *e

/* identity */
ROW row_organization_insert(struct tx *tx, const struct organization *o, E) MUST_CHECK;
ROW row_organization_get(struct tx *tx, const char *id, struct organization *out, E) MUST_CHECK;
ROW row_organization_update(struct tx *tx, struct organization *o, E) MUST_CHECK;
ROW row_organization_list(struct tx *tx, const struct page_query *q, struct organization **out,
                          size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
ROW row_project_insert(struct tx *tx, const struct project *p, E) MUST_CHECK;
ROW row_project_get(struct tx *tx, const char *id, struct project *out, E) MUST_CHECK;
ROW row_project_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                     struct project **out, size_t *count, char next[CURSOR_BYTES_MAX],
                     E) MUST_CHECK;
ROW row_member_insert(struct tx *tx, const struct member *m, E) MUST_CHECK;
ROW row_member_get(struct tx *tx, const char *id, struct member *out, E) MUST_CHECK;
ROW row_member_update(struct tx *tx, struct member *m, E) MUST_CHECK;
ROW row_member_delete(struct tx *tx, const char *id, E) MUST_CHECK;
ROW row_member_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                    struct member **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
/* Members with this role, for "the last owner cannot leave". */
ROW row_member_count(struct tx *tx, const char *organization_id, enum role role, int64_t *out,
                     E) MUST_CHECK;
ROW row_api_key_insert(struct tx *tx, const struct api_key *k, const uint8_t hash[KEY_HASH_BYTES],
                       E) MUST_CHECK;
ROW row_api_key_get(struct tx *tx, const char *id, struct api_key *out, E) MUST_CHECK;
/* By the hash of the token; also revoked and expired ones (the service decides). */
ROW row_api_key_find(struct tx *tx, const uint8_t hash[KEY_HASH_BYTES], struct api_key *out,
                     E) MUST_CHECK;
ROW row_api_key_revoke(struct tx *tx, const char *id, int64_t at_ms, E) MUST_CHECK;
ROW row_api_key_touch(struct tx *tx, const char *id, int64_t at_ms, E) MUST_CHECK;
ROW row_api_key_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                     struct api_key **out, size_t *count, char next[CURSOR_BYTES_MAX],
                     E) MUST_CHECK;

/* stock */
/* Make the table agree with the catalogue: inserts pools and sets capacities, keeps used. */
ROW row_pool_set(struct tx *tx, const char *name, int64_t capacity_units, E) MUST_CHECK;
/* Take units or answer ERR_NO_STOCK; never more than the capacity. */
ROW row_pool_take(struct tx *tx, const char *name, int64_t units, E) MUST_CHECK;
ROW row_pool_give(struct tx *tx, const char *name, int64_t units, E) MUST_CHECK;
struct pool_row {
    char name[SLUG_BYTES_MAX];
    int64_t capacity_units, used_units;
};
ROW row_pool_list(struct tx *tx, struct pool_row **out, size_t *count, E) MUST_CHECK;

/* instances */
ROW row_instance_insert(struct tx *tx, const struct instance *i, E) MUST_CHECK;
ROW row_instance_get(struct tx *tx, const char *id, struct instance *out, E) MUST_CHECK;
ROW row_instance_update(struct tx *tx, struct instance *i, E) MUST_CHECK;
ROW row_instance_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                      struct instance **out, size_t *count, char next[CURSOR_BYTES_MAX],
                      E) MUST_CHECK;
/* Those that a reconciler must look at: not over and not settled, i.e. everything but
 * terminated, and stopped/failed where that is what is wanted. Oldest first, by id after `after`.
 */
ROW row_instance_unsettled(struct tx *tx, const char *after, int64_t limit, struct instance **out,
                           size_t *count, E) MUST_CHECK;
ROW row_instance_count_by_state(struct tx *tx, const char *organization_id,
                                int64_t counts[INSTANCE_STATE_COUNT], E) MUST_CHECK;
/* Instances on this node that are not settled, but this one (""), and those that have GPUs. */
struct node_load {
    int64_t instances, with_gpus;
};
ROW row_instance_of_node(struct tx *tx, const char *node_id, const char *but_id,
                         struct node_load *out, E) MUST_CHECK;

/* jobs; env and command are stored and returned */
ROW row_job_insert(struct tx *tx, const struct job *j, E) MUST_CHECK;
ROW row_job_get(struct tx *tx, const char *id, struct job *out, E) MUST_CHECK;
ROW row_job_update(struct tx *tx, struct job *j, E) MUST_CHECK;
ROW row_job_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                 struct job **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
/* Jobs that are not over; oldest first, by id after `after`. */
ROW row_job_unsettled(struct tx *tx, const char *after, int64_t limit, struct job **out,
                      size_t *count, E) MUST_CHECK;
/* Jobs of this instance that are not over. */
ROW row_job_of_instance(struct tx *tx, const char *instance_id, struct job **out, size_t *count,
                        E) MUST_CHECK;

/* money; the ledger decides, these remember. Entries are never updated. */
ROW row_grant_insert(struct tx *tx, const struct grant *g, E) MUST_CHECK;
ROW row_grant_get(struct tx *tx, const char *id, struct grant *out, E) MUST_CHECK;
ROW row_grant_update(struct tx *tx, struct grant *g, E) MUST_CHECK;
ROW row_grant_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                   struct grant **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
/* Every grant with credit available or held, oldest first; at most as many as one organization
 * may have (ERR_LIMIT past it). */
#define GRANTS_LIVE_MAX 1000
ROW row_grant_live(struct tx *tx, const char *organization_id, struct grant **out, size_t *count,
                   E) MUST_CHECK;
/* Grants whose expiry has passed and that still have available credit. */
ROW row_grant_expired(struct tx *tx, int64_t at_ms, int64_t limit, struct grant **out,
                      size_t *count, E) MUST_CHECK;
struct grant_sums {
    int64_t granted, available, held, consumed, expired, voided;
};
ROW row_grant_sums(struct tx *tx, const char *organization_id, struct grant_sums *out,
                   E) MUST_CHECK;
ROW row_hold_insert(struct tx *tx, const struct hold *h, E) MUST_CHECK; /* with its parts */
ROW row_hold_get(struct tx *tx, const char *id, struct hold *out, E) MUST_CHECK;
ROW row_hold_update(struct tx *tx, const struct hold *h,
                    E) MUST_CHECK; /* state, captured, window, parts */
ROW row_hold_open(struct tx *tx, const char *instance_id, struct hold *out, E) MUST_CHECK;
ROW row_hold_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                  struct hold **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
ROW row_entry_insert(struct tx *tx, const struct entry *en, E) MUST_CHECK;
ROW row_entry_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                   struct entry **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
/* Sum of all entries of an account ("" organization: of all), for the invariants. */
ROW row_entry_sum(struct tx *tx, const char *organization_id, enum account account, int64_t *out,
                  E) MUST_CHECK;
/* Transactions whose entries do not sum to zero: must be none. */
ROW row_entry_unbalanced(struct tx *tx, int64_t *out, E) MUST_CHECK;

/* The meter of an instance that is billed. Seconds are whole, counted from started_at. */
struct meter {
    char instance_id[ID_MAX];
    char organization_id[ID_MAX];
    char hold_id[ID_MAX]; /* the open hold it runs against */
    int64_t rate_micros_per_hour;
    int64_t started_at_ms;   /* of this period of billing */
    int64_t metered_seconds; /* charged so far in this period */
    int32_t remainder;       /* of money_accrue() */
    int64_t window_seconds;  /* metered_seconds when the open window began */
    int64_t window_micros;   /* accrued in the open window, not yet captured */
    int64_t captured_micros; /* captured in this period before the window */
    int64_t window_ends_at_ms;
    int64_t version;
};
ROW row_meter_insert(struct tx *tx, const struct meter *m, E) MUST_CHECK;
ROW row_meter_get(struct tx *tx, const char *instance_id, struct meter *out, E) MUST_CHECK;
ROW row_meter_update(struct tx *tx, struct meter *m, E) MUST_CHECK;
ROW row_meter_delete(struct tx *tx, const char *instance_id, E) MUST_CHECK;
/* All meters of an organization ("": all), by instance id after `after`. */
ROW row_meter_list(struct tx *tx, const char *organization_id, const char *after, int64_t limit,
                   struct meter **out, size_t *count, E) MUST_CHECK;

/* One captured range of seconds. Unique by (instance, from): charging twice is ERR_CONFLICT. */
struct usage_row {
    char instance_id[ID_MAX];
    char organization_id[ID_MAX];
    char hold_id[ID_MAX];
    int64_t from_ms, to_ms, seconds, micros;
};
ROW row_usage_insert(struct tx *tx, const struct usage_row *u, E) MUST_CHECK;
/* Sums per instance in [from,to) by capture range; cost in the organization's currency;
 * kwh and carbon left 0. */
ROW row_usage_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                   struct usage **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
ROW row_usage_sum(struct tx *tx, const char *instance_id, int64_t *micros, int64_t *seconds,
                  E) MUST_CHECK;

/* events and audit; insert sets seq */
ROW row_event_insert(struct tx *tx, struct event *ev, E) MUST_CHECK;
/* Events after `seq`, oldest first. Errors: ERR_GONE when some after `seq` were deleted. */
ROW row_event_after(struct tx *tx, const char *organization_id, int64_t seq, int64_t limit,
                    struct event **out, size_t *count, E) MUST_CHECK;
ROW row_event_last(struct tx *tx, int64_t *seq, E) MUST_CHECK;
ROW row_event_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                   struct event **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
ROW row_event_trim(struct tx *tx, int64_t keep, E) MUST_CHECK;
ROW row_audit_insert(struct tx *tx, struct audit_record *a, E) MUST_CHECK;
ROW row_audit_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                   struct audit_record **out, size_t *count, char next[CURSOR_BYTES_MAX],
                   E) MUST_CHECK;

/* reports */
ROW row_report_insert(struct tx *tx, const struct report *r, E) MUST_CHECK;
ROW row_report_get(struct tx *tx, const char *id, struct report *out, E) MUST_CHECK;
ROW row_report_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                    struct report **out, size_t *count, char next[CURSOR_BYTES_MAX], E) MUST_CHECK;

/* nodes; instance_count is not in the row. Filters: state, text, zone. */
ROW row_node_insert(struct tx *tx, const struct node *n, E) MUST_CHECK;
ROW row_node_get(struct tx *tx, const char *id, struct node *out, E) MUST_CHECK;
/* By the name that its engine gives it. Errors: ERR_NOT_FOUND. */
ROW row_node_find(struct tx *tx, const char *engine, const char *name, struct node *out,
                  E) MUST_CHECK;
ROW row_node_update(struct tx *tx, struct node *n, E) MUST_CHECK;
ROW row_node_list(struct tx *tx, const struct page_query *q, struct node **out, size_t *count,
                  char next[CURSOR_BYTES_MAX], E) MUST_CHECK;
/* All of one engine, by name. */
ROW row_node_of_engine(struct tx *tx, const char *engine, struct node **out, size_t *count,
                       E) MUST_CHECK;
struct node_counts {
    int64_t all, ready;
};
ROW row_node_count(struct tx *tx, const char *engine, struct node_counts *out, E) MUST_CHECK;

/* cases; at most one of an instance is open (ERR_CONFLICT) */
ROW row_case_insert(struct tx *tx, const struct support_case *c, E) MUST_CHECK;
ROW row_case_get(struct tx *tx, const char *id, struct support_case *out, E) MUST_CHECK;
ROW row_case_open(struct tx *tx, const char *instance_id, struct support_case *out, E) MUST_CHECK;
ROW row_case_update(struct tx *tx, struct support_case *c, E) MUST_CHECK;
ROW row_case_list(struct tx *tx, const char *organization_id, const struct page_query *q,
                  struct support_case **out, size_t *count, char next[CURSOR_BYTES_MAX],
                  E) MUST_CHECK;

/* Idempotency: the answer that a key got, scoped to the API key and route. */
struct idempotency {
    char scope[160]; /* "<key id> <route>" */
    char key[HTTP_IDEMPOTENCY_KEY_BYTES_MAX + 1];
    uint8_t fingerprint[32]; /* BLAKE2b of method, path and body */
    int64_t status;
    char *body; /* malloc'ed in out of find: caller owns (free) */
    char object_id[ID_MAX];
    int64_t created_at_ms;
};
ROW row_idempotency_find(struct tx *tx, const char *scope, const char *key, struct idempotency *out,
                         E) MUST_CHECK;
ROW row_idempotency_insert(struct tx *tx, const struct idempotency *i, E) MUST_CHECK;
ROW row_idempotency_trim(struct tx *tx, int64_t before_ms, E) MUST_CHECK;

/* Small settings of this installation ("catalogue_version", "seeded"). */
ROW row_setting_get(struct tx *tx, const char *name, char *out, size_t size, E) MUST_CHECK;
ROW row_setting_set(struct tx *tx, const char *name, const char *value, E) MUST_CHECK;

#undef ROW
#undef E
#endif
