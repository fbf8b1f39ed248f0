/* Every SQL statement, by name; nothing else in the tree contains SQL except the schemas.
 * Included with these macros defined:
 *   SQL(access, name, text)               a statement that both dialects take
 *   SQL_PAIR(access, name, sqlite, postgres)  where they must differ
 *   SQL_CONTROL(name, sqlite, postgres)   transaction control; cannot be prepared everywhere
 * access is READ (prepared on every connection) or WRITE (on the writer's only).
 *
 * Parameters are $1, $2, … and each occurs in its statement at least once. For PostgreSQL,
 * which infers their types: compare a parameter with a column or with '' before anything
 * else. Column lists are in the order of the column tables in row_*.c. */

/* --- lists ------------------------------------------------------------------------------- *
 * $1 is the key after which the page begins, $2 the count, then the filters of the noun in
 * the order of page.h, then the organization unless it is the list of all. */
#define SQL_IF(n, column) " AND (" n " = '' OR " column " = " n ")"
#define SQL_LIKE(n, column) "LOWER(" column ") LIKE LOWER(" n ") ESCAPE '\\'"
#define SQL_TEXT(n, a, b) \
    " AND (" n " = '' OR " SQL_LIKE(n, a) " OR " SQL_LIKE(n, b) ")"
#define SQL_TEXT3(n, a, b, c) \
    " AND (" n " = '' OR " SQL_LIKE(n, a) " OR " SQL_LIKE(n, b) " OR " SQL_LIKE(n, c) ")"
#define SQL_RANGE(from, to, column) " AND " column " >= " from " AND " column " < " to
#define SQL_BY_ID " ORDER BY id DESC LIMIT $2"
#define SQL_BY_SEQ " ORDER BY seq DESC LIMIT $2"

/* --- identity ---------------------------------------------------------------------------- */
#define ORGANIZATION_COLUMNS "id, name, country, currency, created_at_ms, version"
SQL(WRITE, ORGANIZATION_INSERT,
    "INSERT INTO organization (" ORGANIZATION_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)")
SQL(READ, ORGANIZATION_GET, "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE id = $1")
SQL(WRITE, ORGANIZATION_UPDATE,
    "UPDATE organization SET name = $3, country = $4, currency = $5, created_at_ms = $6,"
    " version = version + 1 WHERE id = $1 AND version = $2")
SQL(READ, ORGANIZATION_LIST,
    "SELECT " ORGANIZATION_COLUMNS " FROM organization WHERE id < $1" SQL_TEXT("$3", "name", "id")
    SQL_RANGE("$4", "$5", "created_at_ms") SQL_BY_ID)

#define PROJECT_COLUMNS "id, organization_id, name, created_at_ms, version"
#define PROJECT_PAGE(scope)                                              \
    "SELECT " PROJECT_COLUMNS " FROM project WHERE id < $1" scope        \
    SQL_TEXT("$3", "name", "id") SQL_RANGE("$4", "$5", "created_at_ms") SQL_BY_ID
SQL(WRITE, PROJECT_INSERT,
    "INSERT INTO project (" PROJECT_COLUMNS ") VALUES ($1, $2, $3, $4, $5)")
SQL(READ, PROJECT_GET, "SELECT " PROJECT_COLUMNS " FROM project WHERE id = $1")
SQL(READ, PROJECT_LIST, PROJECT_PAGE(" AND organization_id = $6"))
SQL(READ, PROJECT_LIST_ALL, PROJECT_PAGE(""))

#define MEMBER_COLUMNS "id, organization_id, name, email, role, staff_role, created_at_ms, version"
#define MEMBER_PAGE(scope)                                               \
    "SELECT " MEMBER_COLUMNS " FROM member WHERE id < $1" scope          \
    SQL_TEXT3("$3", "name", "id", "email") SQL_RANGE("$4", "$5", "created_at_ms") SQL_BY_ID
SQL(WRITE, MEMBER_INSERT,
    "INSERT INTO member (" MEMBER_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
SQL(READ, MEMBER_GET, "SELECT " MEMBER_COLUMNS " FROM member WHERE id = $1")
SQL(WRITE, MEMBER_UPDATE,
    "UPDATE member SET name = $3, email = $4, role = $5, staff_role = $6, created_at_ms = $7,"
    " version = version + 1 WHERE id = $1 AND version = $2")
SQL(WRITE, MEMBER_DELETE, "DELETE FROM member WHERE id = $1")
SQL(READ, MEMBER_LIST, MEMBER_PAGE(" AND organization_id = $6"))
SQL(READ, MEMBER_LIST_ALL, MEMBER_PAGE(""))
SQL(READ, MEMBER_COUNT, "SELECT COUNT(*) FROM member WHERE role = $1 AND organization_id = $2")
SQL(READ, MEMBER_COUNT_ALL, "SELECT COUNT(*) FROM member WHERE role = $1")

#define API_KEY_COLUMNS                                                        \
    "id, organization_id, member_id, project_id, name, hint, created_at_ms, expires_at_ms," \
    " revoked_at_ms, last_used_at_ms"
#define API_KEY_PAGE(scope)                                              \
    "SELECT " API_KEY_COLUMNS " FROM api_key WHERE id < $1" scope        \
    SQL_TEXT3("$3", "name", "id", "hint") SQL_IF("$4", "project_id")     \
    SQL_RANGE("$5", "$6", "created_at_ms") SQL_BY_ID
SQL(WRITE, API_KEY_INSERT,
    "INSERT INTO api_key (" API_KEY_COLUMNS ", hash)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
SQL(READ, API_KEY_GET, "SELECT " API_KEY_COLUMNS " FROM api_key WHERE id = $1")
SQL(READ, API_KEY_FIND, "SELECT " API_KEY_COLUMNS " FROM api_key WHERE hash = $1")
SQL(WRITE, API_KEY_REVOKE,
    "UPDATE api_key SET revoked_at_ms = $2 WHERE id = $1 AND revoked_at_ms = 0")
SQL(WRITE, API_KEY_TOUCH,
    "UPDATE api_key SET last_used_at_ms = $2 WHERE id = $1 AND last_used_at_ms < $2")
SQL(READ, API_KEY_LIST, API_KEY_PAGE(" AND organization_id = $7"))
SQL(READ, API_KEY_LIST_ALL, API_KEY_PAGE(""))

/* --- stock ------------------------------------------------------------------------------- */
SQL(WRITE, POOL_SET,
    "INSERT INTO pool (name, capacity_units, used_units) VALUES ($1, $2, 0)"
    " ON CONFLICT (name) DO UPDATE SET capacity_units = excluded.capacity_units")
SQL(WRITE, POOL_TAKE,
    "UPDATE pool SET used_units = used_units + $2"
    " WHERE name = $1 AND used_units <= capacity_units - $2")
SQL(WRITE, POOL_GIVE,
    "UPDATE pool SET used_units = used_units - $2 WHERE name = $1 AND used_units >= $2")
SQL(READ, POOL_GET, "SELECT name, capacity_units, used_units FROM pool WHERE name = $1")
SQL(READ, POOL_LIST, "SELECT name, capacity_units, used_units FROM pool ORDER BY name")

/* --- instances --------------------------------------------------------------------------- */
#define INSTANCE_COLUMNS                                                                    \
    "id, organization_id, project_id, created_by, job_id, name, offer_id, zone, gpu_model," \
    " gpu_count, vcpu_count, memory_gib, state, desired_state, state_reason, state_detail," \
    " state_since_ms, billing, currency, price_micros, price_version, cost_micros, cost_at_ms," \
    " created_at_ms, running_at_ms, ended_at_ms, deadline_at_ms, gate_verdict, gate_summary," \
    " limits, network, slots, ssh_public_key, stop_after_seconds, node_id, check_id, check_tier," \
    " check_verdict, checked_at_ms, credit_from_ms, version"
/* The words of the partial index instance_unsettled. */
#define INSTANCE_UNSETTLED_IF                                  \
    "state <> 'terminated' AND"                                \
    " NOT (state IN ('stopped', 'failed') AND desired_state = 'stopped')"
#define INSTANCE_PAGE(scope)                                                        \
    "SELECT " INSTANCE_COLUMNS " FROM instance WHERE id < $1" scope                 \
    SQL_IF("$3", "state") SQL_TEXT("$4", "name", "id") SQL_IF("$5", "project_id")   \
    SQL_IF("$6", "zone") SQL_IF("$7", "gpu_model")                                  \
    SQL_RANGE("$8", "$9", "created_at_ms") SQL_BY_ID
SQL(WRITE, INSTANCE_INSERT,
    "INSERT INTO instance (" INSTANCE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
    " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26,"
    " $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41)")
SQL(READ, INSTANCE_GET, "SELECT " INSTANCE_COLUMNS " FROM instance WHERE id = $1")
SQL(WRITE, INSTANCE_UPDATE,
    "UPDATE instance SET project_id = $3, created_by = $4, job_id = $5, name = $6,"
    " offer_id = $7, zone = $8, gpu_model = $9, gpu_count = $10, vcpu_count = $11,"
    " memory_gib = $12, state = $13, desired_state = $14, state_reason = $15,"
    " state_detail = $16, state_since_ms = $17, billing = $18, currency = $19,"
    " price_micros = $20, price_version = $21, cost_micros = $22, cost_at_ms = $23,"
    " created_at_ms = $24, running_at_ms = $25, ended_at_ms = $26, deadline_at_ms = $27,"
    " gate_verdict = $28, gate_summary = $29, limits = $30, network = $31, slots = $32,"
    " ssh_public_key = $33, stop_after_seconds = $34, node_id = $35, check_id = $36,"
    " check_tier = $37, check_verdict = $38, checked_at_ms = $39, credit_from_ms = $40,"
    " version = version + 1 WHERE id = $1 AND version = $2")
SQL(READ, INSTANCE_LIST, INSTANCE_PAGE(" AND organization_id = $10"))
SQL(READ, INSTANCE_LIST_ALL, INSTANCE_PAGE(""))
SQL(READ, INSTANCE_UNSETTLED,
    "SELECT " INSTANCE_COLUMNS " FROM instance WHERE " INSTANCE_UNSETTLED_IF
    " AND id > $1 ORDER BY id LIMIT $2")
/* Partial index instance_of_node. $2: not counted. */
SQL(READ, INSTANCE_OF_NODE,
    "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN gpu_count > 0 THEN 1 ELSE 0 END), 0) AS BIGINT)"
    " FROM instance WHERE node_id = $1 AND id <> $2 AND " INSTANCE_UNSETTLED_IF)
SQL(READ, INSTANCE_COUNT,
    "SELECT state, COUNT(*) FROM instance WHERE organization_id = $1 GROUP BY state")
SQL(READ, INSTANCE_COUNT_ALL, "SELECT state, COUNT(*) FROM instance GROUP BY state")

/* --- jobs -------------------------------------------------------------------------------- */
#define JOB_COLUMNS                                                                          \
    "id, organization_id, project_id, created_by, name, instance_id, owns_instance, command," \
    " env, time_limit_seconds, state, state_reason, state_detail, exit_code, signal, log_bytes," \
    " created_at_ms, started_at_ms, ended_at_ms, version"
/* The words of the partial indexes job_unsettled and job_of_instance. */
#define JOB_UNSETTLED_IF "state IN ('queued', 'starting', 'running', 'cancelling')"
#define JOB_PAGE(scope)                                                             \
    "SELECT " JOB_COLUMNS " FROM job WHERE id < $1" scope                           \
    SQL_IF("$3", "state") SQL_TEXT("$4", "name", "id") SQL_IF("$5", "project_id")   \
    SQL_IF("$6", "instance_id") SQL_RANGE("$7", "$8", "created_at_ms") SQL_BY_ID
SQL(WRITE, JOB_INSERT,
    "INSERT INTO job (" JOB_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
    " $12, $13, $14, $15, $16, $17, $18, $19, $20)")
SQL(READ, JOB_GET, "SELECT " JOB_COLUMNS " FROM job WHERE id = $1")
SQL(WRITE, JOB_UPDATE,
    "UPDATE job SET project_id = $3, created_by = $4, name = $5, instance_id = $6,"
    " owns_instance = $7, command = $8, env = $9, time_limit_seconds = $10, state = $11,"
    " state_reason = $12, state_detail = $13, exit_code = $14, signal = $15, log_bytes = $16,"
    " created_at_ms = $17, started_at_ms = $18, ended_at_ms = $19, version = version + 1"
    " WHERE id = $1 AND version = $2")
SQL(READ, JOB_LIST, JOB_PAGE(" AND organization_id = $9"))
SQL(READ, JOB_LIST_ALL, JOB_PAGE(""))
SQL(READ, JOB_UNSETTLED,
    "SELECT " JOB_COLUMNS " FROM job WHERE " JOB_UNSETTLED_IF
    " AND id > $1 ORDER BY id LIMIT $2")
SQL(READ, JOB_OF_INSTANCE,
    "SELECT " JOB_COLUMNS " FROM job WHERE instance_id = $1 AND " JOB_UNSETTLED_IF
    " ORDER BY id")

/* --- money ------------------------------------------------------------------------------- *
 * The table is credit_grant because GRANT is a reserved word. */
#define GRANT_COLUMNS                                                                         \
    "id, organization_id, kind, note, currency, amount_micros, available_micros, held_micros," \
    " consumed_micros, expired_micros, voided_micros, priority, effective_at_ms, expires_at_ms," \
    " created_at_ms, version"
/* The words of the partial index credit_grant_live. */
#define GRANT_LIVE_IF "(available_micros > 0 OR held_micros > 0)"
#define GRANT_PAGE(scope)                                                \
    "SELECT " GRANT_COLUMNS " FROM credit_grant WHERE id < $1" scope     \
    SQL_TEXT("$3", "note", "id") SQL_RANGE("$4", "$5", "created_at_ms") SQL_BY_ID
#define GRANT_SUMS                                                                            \
    "SELECT CAST(COALESCE(SUM(amount_micros), 0) AS BIGINT),"                                 \
    " CAST(COALESCE(SUM(available_micros), 0) AS BIGINT),"                                    \
    " CAST(COALESCE(SUM(held_micros), 0) AS BIGINT),"                                         \
    " CAST(COALESCE(SUM(consumed_micros), 0) AS BIGINT),"                                     \
    " CAST(COALESCE(SUM(expired_micros), 0) AS BIGINT),"                                      \
    " CAST(COALESCE(SUM(voided_micros), 0) AS BIGINT) FROM credit_grant"
SQL(WRITE, GRANT_INSERT,
    "INSERT INTO credit_grant (" GRANT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
    " $10, $11, $12, $13, $14, $15, $16)")
SQL(READ, GRANT_GET, "SELECT " GRANT_COLUMNS " FROM credit_grant WHERE id = $1")
SQL(WRITE, GRANT_UPDATE,
    "UPDATE credit_grant SET kind = $3, note = $4, currency = $5, amount_micros = $6,"
    " available_micros = $7, held_micros = $8, consumed_micros = $9, expired_micros = $10,"
    " voided_micros = $11, priority = $12, effective_at_ms = $13, expires_at_ms = $14,"
    " created_at_ms = $15, version = version + 1 WHERE id = $1 AND version = $2")
SQL(READ, GRANT_LIST, GRANT_PAGE(" AND organization_id = $6"))
SQL(READ, GRANT_LIST_ALL, GRANT_PAGE(""))
SQL(READ, GRANT_LIVE,
    "SELECT " GRANT_COLUMNS " FROM credit_grant WHERE " GRANT_LIVE_IF
    " AND organization_id = $2 ORDER BY id LIMIT $1")
SQL(READ, GRANT_LIVE_ALL,
    "SELECT " GRANT_COLUMNS " FROM credit_grant WHERE " GRANT_LIVE_IF " ORDER BY id LIMIT $1")
/* Partial index credit_grant_expiry. */
SQL(READ, GRANT_EXPIRED,
    "SELECT " GRANT_COLUMNS " FROM credit_grant WHERE available_micros > 0 AND expires_at_ms > 0"
    " AND expires_at_ms <= $1 ORDER BY expires_at_ms, id LIMIT $2")
SQL(READ, GRANT_SUM, GRANT_SUMS " WHERE organization_id = $1")
SQL(READ, GRANT_SUM_ALL, GRANT_SUMS)

#define HOLD_COLUMNS                                                                      \
    "id, organization_id, instance_id, state, currency, amount_micros, captured_micros,"  \
    " window_from_ms, window_to_ms, created_at_ms, closed_at_ms, parts"
#define HOLD_PAGE(scope)                                                          \
    "SELECT " HOLD_COLUMNS " FROM hold WHERE id < $1" scope                       \
    SQL_IF("$3", "state") SQL_TEXT("$4", "id", "instance_id")                     \
    SQL_IF("$5", "instance_id") SQL_RANGE("$6", "$7", "created_at_ms") SQL_BY_ID
SQL(WRITE, HOLD_INSERT,
    "INSERT INTO hold (" HOLD_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
SQL(READ, HOLD_GET, "SELECT " HOLD_COLUMNS " FROM hold WHERE id = $1")
/* A hold is resolved once: a closed one never changes again. */
SQL(WRITE, HOLD_UPDATE,
    "UPDATE hold SET state = $2, captured_micros = $3, window_from_ms = $4, window_to_ms = $5,"
    " closed_at_ms = $6, parts = $7 WHERE id = $1 AND state = 'open'")
SQL(READ, HOLD_OPEN,
    "SELECT " HOLD_COLUMNS " FROM hold WHERE instance_id = $1 AND state = 'open'"
    " ORDER BY id DESC LIMIT 1")
SQL(READ, HOLD_LIST, HOLD_PAGE(" AND organization_id = $8"))
SQL(READ, HOLD_LIST_ALL, HOLD_PAGE(""))

#define ENTRY_COLUMNS                                                                         \
    "id, transaction_id, organization_id, kind, account, grant_id, hold_id, instance_id,"     \
    " currency, amount_micros, at_ms, detail, corrects"
#define ENTRY_PAGE(scope)                                                             \
    "SELECT " ENTRY_COLUMNS " FROM entry WHERE id < $1" scope                         \
    SQL_TEXT3("$3", "id", "transaction_id", "detail") SQL_IF("$4", "instance_id")     \
    SQL_RANGE("$5", "$6", "at_ms") SQL_BY_ID
#define ENTRY_SUMS "SELECT CAST(COALESCE(SUM(amount_micros), 0) AS BIGINT) FROM entry"
SQL(WRITE, ENTRY_INSERT,
    "INSERT INTO entry (" ENTRY_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
SQL(READ, ENTRY_LIST, ENTRY_PAGE(" AND organization_id = $7"))
SQL(READ, ENTRY_LIST_ALL, ENTRY_PAGE(""))
SQL(READ, ENTRY_SUM, ENTRY_SUMS " WHERE account = $1 AND organization_id = $2")
SQL(READ, ENTRY_SUM_ALL, ENTRY_SUMS " WHERE account = $1")
SQL(READ, ENTRY_UNBALANCED,
    "SELECT COUNT(*) FROM (SELECT transaction_id FROM entry GROUP BY transaction_id, currency"
    " HAVING SUM(amount_micros) <> 0) AS unbalanced")

/* --- metering ---------------------------------------------------------------------------- */
#define METER_COLUMNS                                                                      \
    "instance_id, organization_id, hold_id, rate_micros_per_hour, started_at_ms,"          \
    " metered_seconds, remainder, window_seconds, window_micros, captured_micros,"         \
    " window_ends_at_ms, version"
SQL(WRITE, METER_INSERT,
    "INSERT INTO meter (" METER_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
SQL(READ, METER_GET, "SELECT " METER_COLUMNS " FROM meter WHERE instance_id = $1")
SQL(WRITE, METER_UPDATE,
    "UPDATE meter SET hold_id = $3, rate_micros_per_hour = $4, started_at_ms = $5,"
    " metered_seconds = $6, remainder = $7, window_seconds = $8, window_micros = $9,"
    " captured_micros = $10, window_ends_at_ms = $11, version = version + 1"
    " WHERE instance_id = $1 AND version = $2")
SQL(WRITE, METER_DELETE, "DELETE FROM meter WHERE instance_id = $1")
SQL(READ, METER_LIST,
    "SELECT " METER_COLUMNS " FROM meter WHERE instance_id > $1 AND organization_id = $3"
    " ORDER BY instance_id LIMIT $2")
SQL(READ, METER_LIST_ALL,
    "SELECT " METER_COLUMNS " FROM meter WHERE instance_id > $1 ORDER BY instance_id LIMIT $2")

#define USAGE_COLUMNS "instance_id, from_ms, organization_id, hold_id, to_ms, seconds, micros"
/* A captured range counts in the window where it begins, so that windows add up. */
#define USAGE_PAGE(scope)                                                                     \
    "SELECT u.instance_id, MIN(i.name), MIN(i.offer_id), MIN(u.from_ms), MAX(u.to_ms),"       \
    " CAST(SUM(u.seconds) AS BIGINT), MIN(o.currency), CAST(SUM(u.micros) AS BIGINT)"         \
    " FROM usage u JOIN instance i ON i.id = u.instance_id"                                   \
    " JOIN organization o ON o.id = u.organization_id WHERE u.instance_id < $1" scope         \
    SQL_TEXT("$3", "i.name", "i.id") SQL_IF("$4", "i.project_id")                             \
    SQL_IF("$5", "u.instance_id") SQL_IF("$6", "i.zone") SQL_IF("$7", "i.gpu_model")          \
    SQL_RANGE("$8", "$9", "u.from_ms")                                                        \
    " GROUP BY u.instance_id ORDER BY u.instance_id DESC LIMIT $2"
SQL(WRITE, USAGE_INSERT,
    "INSERT INTO usage (" USAGE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)")
SQL(READ, USAGE_LIST, USAGE_PAGE(" AND u.organization_id = $10"))
SQL(READ, USAGE_LIST_ALL, USAGE_PAGE(""))
SQL(READ, USAGE_SUM,
    "SELECT CAST(COALESCE(SUM(micros), 0) AS BIGINT), CAST(COALESCE(SUM(seconds), 0) AS BIGINT)"
    " FROM usage WHERE instance_id = $1")

/* --- events and audit -------------------------------------------------------------------- */
#define EVENT_COLUMNS                                                                 \
    "at_ms, organization_id, project_id, kind, object_id, actor_id, request_id, state," \
    " summary"
#define EVENT_PAGE(scope)                                                                  \
    "SELECT seq, " EVENT_COLUMNS " FROM event WHERE seq < $1" scope                        \
    SQL_IF("$3", "state") SQL_TEXT3("$4", "summary", "object_id", "kind")                  \
    SQL_IF("$5", "project_id") SQL_IF("$6", "object_id") SQL_RANGE("$7", "$8", "at_ms") SQL_BY_SEQ
SQL(WRITE, EVENT_INSERT,
    "INSERT INTO event (" EVENT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    " RETURNING seq")
SQL(READ, EVENT_AFTER,
    "SELECT seq, " EVENT_COLUMNS " FROM event WHERE seq > $1 AND organization_id = $3"
    " ORDER BY seq LIMIT $2")
SQL(READ, EVENT_AFTER_ALL,
    "SELECT seq, " EVENT_COLUMNS " FROM event WHERE seq > $1 ORDER BY seq LIMIT $2")
SQL(READ, EVENT_LAST,
    "SELECT COALESCE((SELECT MAX(seq) FROM event), (SELECT seq FROM event_floor))")
SQL(READ, EVENT_FLOOR, "SELECT seq FROM event_floor")
SQL(WRITE, EVENT_FLOOR_SET, "UPDATE event_floor SET seq = $1 WHERE seq < $1")
SQL(WRITE, EVENT_TRIM, "DELETE FROM event WHERE seq <= $1")
SQL(READ, EVENT_LIST, EVENT_PAGE(" AND organization_id = $9"))
SQL(READ, EVENT_LIST_ALL, EVENT_PAGE(""))

#define AUDIT_COLUMNS                                                                     \
    "at_ms, organization_id, member_id, key_id, request_id, address, action, object_id," \
    " detail"
#define AUDIT_PAGE(scope)                                                    \
    "SELECT seq, " AUDIT_COLUMNS " FROM audit_record WHERE seq < $1" scope   \
    SQL_TEXT3("$3", "action", "object_id", "detail")                         \
    SQL_IF("$4", "object_id") SQL_RANGE("$5", "$6", "at_ms") SQL_BY_SEQ
SQL(WRITE, AUDIT_INSERT,
    "INSERT INTO audit_record (" AUDIT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    " RETURNING seq")
SQL(READ, AUDIT_LIST, AUDIT_PAGE(" AND organization_id = $7"))
SQL(READ, AUDIT_LIST_ALL, AUDIT_PAGE(""))

/* --- reports ----------------------------------------------------------------------------- */
#define REPORT_COLUMNS                                                                      \
    "id, organization_id, instance_id, origin, tier, verdict, summary, host, driver_version," \
    " checker_version, started_at_ms, ended_at_ms, received_at_ms, body"
#define REPORT_PAGE(scope)                                                  \
    "SELECT " REPORT_COLUMNS " FROM report WHERE id < $1" scope             \
    SQL_TEXT3("$3", "host", "id", "summary") SQL_IF("$4", "instance_id")    \
    SQL_RANGE("$5", "$6", "received_at_ms") SQL_BY_ID
SQL(WRITE, REPORT_INSERT,
    "INSERT INTO report (" REPORT_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
SQL(READ, REPORT_GET, "SELECT " REPORT_COLUMNS " FROM report WHERE id = $1")
SQL(READ, REPORT_LIST, REPORT_PAGE(" AND organization_id = $7"))
SQL(READ, REPORT_LIST_ALL, REPORT_PAGE(""))

/* --- nodes --------------------------------------------------------------------------------- */
#define NODE_COLUMNS                                                                         \
    "id, name, zone, engine, state, reason, since_ms, gpu_count, is_virtual, check_id,"      \
    " report_id, verdict, checked_at_ms, version"
SQL(WRITE, NODE_INSERT,
    "INSERT INTO node (" NODE_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
SQL(READ, NODE_GET, "SELECT " NODE_COLUMNS " FROM node WHERE id = $1")
SQL(READ, NODE_FIND, "SELECT " NODE_COLUMNS " FROM node WHERE engine = $1 AND name = $2")
SQL(WRITE, NODE_UPDATE,
    "UPDATE node SET zone = $3, state = $4, reason = $5, since_ms = $6, gpu_count = $7,"
    " is_virtual = $8, check_id = $9, report_id = $10, verdict = $11, checked_at_ms = $12,"
    " version = version + 1 WHERE id = $1 AND version = $2")
SQL(READ, NODE_LIST,
    "SELECT " NODE_COLUMNS " FROM node WHERE id < $1" SQL_IF("$3", "state")
    SQL_TEXT3("$4", "name", "id", "reason") SQL_IF("$5", "zone") SQL_BY_ID)
SQL(READ, NODE_OF_ENGINE,
    "SELECT " NODE_COLUMNS " FROM node WHERE engine = $1 ORDER BY name")
SQL(READ, NODE_COUNT,
    "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN state = 'ready' THEN 1 ELSE 0 END), 0)"
    " AS BIGINT) FROM node WHERE engine = $1")

/* --- cases: CASE is a reserved word ---------------------------------------------------------- */
#define CASE_COLUMNS                                                                      \
    "id, organization_id, instance_id, report_id, report_count, verdict, summary, state," \
    " opened_at_ms, closed_at_ms, closed_by, note, version"
#define CASE_PAGE(scope)                                                        \
    "SELECT " CASE_COLUMNS " FROM support_case WHERE id < $1" scope             \
    SQL_IF("$3", "state") SQL_TEXT3("$4", "summary", "id", "note")              \
    SQL_IF("$5", "instance_id") SQL_RANGE("$6", "$7", "opened_at_ms") SQL_BY_ID
SQL(WRITE, CASE_INSERT,
    "INSERT INTO support_case (" CASE_COLUMNS ")"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)")
SQL(READ, CASE_GET, "SELECT " CASE_COLUMNS " FROM support_case WHERE id = $1")
/* Partial index support_case_open: one at most. */
SQL(READ, CASE_FIND_OPEN,
    "SELECT " CASE_COLUMNS " FROM support_case WHERE instance_id = $1 AND state = 'open'")
SQL(WRITE, CASE_UPDATE,
    "UPDATE support_case SET report_count = $3, verdict = $4, summary = $5, state = $6,"
    " closed_at_ms = $7, closed_by = $8, note = $9, version = version + 1"
    " WHERE id = $1 AND version = $2")
SQL(READ, CASE_LIST, CASE_PAGE(" AND organization_id = $8"))
SQL(READ, CASE_LIST_ALL, CASE_PAGE(""))

/* --- idempotency, settings, health -------------------------------------------------------- */
SQL(READ, IDEMPOTENCY_FIND,
    "SELECT scope, key, fingerprint, status, body, object_id, created_at_ms FROM idempotency"
    " WHERE scope = $1 AND key = $2")
SQL(WRITE, IDEMPOTENCY_INSERT,
    "INSERT INTO idempotency (scope, key, fingerprint, status, body, object_id, created_at_ms)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)")
SQL(WRITE, IDEMPOTENCY_TRIM, "DELETE FROM idempotency WHERE created_at_ms < $1")
SQL(READ, SETTING_GET, "SELECT value FROM setting WHERE name = $1")
SQL(WRITE, SETTING_SET,
    "INSERT INTO setting (name, value) VALUES ($1, $2)"
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value")
SQL(READ, SCHEMA_VERSION, "SELECT version FROM schema_version")
/* A number that changes: SQLite does not write what is the same already. */
SQL(WRITE, SCHEMA_TOUCH, "UPDATE schema_version SET checks = checks + 1")

/* --- transactions ------------------------------------------------------------------------- */
SQL_CONTROL(BEGIN_READ, "BEGIN DEFERRED", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
SQL_CONTROL(BEGIN_WRITE, "BEGIN IMMEDIATE", "BEGIN ISOLATION LEVEL SERIALIZABLE")
SQL_CONTROL(COMMIT, "COMMIT", "COMMIT")
SQL_CONTROL(ROLLBACK, "ROLLBACK", "ROLLBACK")
SQL_CONTROL(SAVEPOINT, "SAVEPOINT one_call", "SAVEPOINT one_call")
SQL_CONTROL(RELEASE, "RELEASE one_call", "RELEASE SAVEPOINT one_call")
SQL_CONTROL(ROLLBACK_TO, "ROLLBACK TO one_call", "ROLLBACK TO SAVEPOINT one_call")

/* --- the schema itself; run by the driver when it migrates --------------------------------- */
SQL_CONTROL(SCHEMA_FIND,
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'",
            "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema()"
            " AND tablename = 'schema_version'")
SQL_CONTROL(SCHEMA_READ, "SELECT version FROM schema_version", "SELECT version FROM schema_version")
SQL_CONTROL(SCHEMA_SET, "UPDATE schema_version SET version = $1",
            "UPDATE schema_version SET version = $1")
