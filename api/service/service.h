/* Services: rules, money and state moves, as functions of an open transaction. No JSON, no
 * SQL, no I/O, no clock of their own: safe to run again. Each change writes its event and
 * its audit record in the same transaction.
 *
 * Someone else's object is ERR_NOT_FOUND, never ERR_FORBIDDEN: existence is not told. */
#ifndef API_SERVICE_SERVICE_H
#define API_SERVICE_SERVICE_H

#include "api/engine/engine.h"
#include "api/store/rows.h"
#include "api/store/store.h"
#include "model/catalogue.h"
#include "model/credit.h"
#include "model/identity.h"
#include "model/page.h"
#include "model/telemetry.h"

/* A catalogue that may be replaced while requests use the old one. */
struct catalogue_ref;
/* What watchers posted (telemetry.c). */
struct telemetry_memory;
struct service {
    struct store *store;
    struct clock *clock;
    struct catalogue_ref *catalogue;    /* owned */
    struct engine *engine;              /* of zones whose engine is its name; NULL: none */
    struct telemetry_memory *telemetry; /* owned */
};

/* Takes `first` (its contents move in), loaded from `file`, and brings the pools in line, as
 * catalogue_replace() does. Errors: ERR_INTERNAL out of memory; ERR_STORAGE, ERR_ENGINE. */
enum err_code service_init(struct service *sv, struct store *store, struct clock *clock,
                           struct engine *engine, const char *file, struct catalogue *first_take,
                           struct err *e) MUST_CHECK;
void service_release(struct service *sv);
/* The present catalogue; hold it as briefly as a request. Give back with catalogue_put(). */
const struct catalogue *catalogue_hold(struct service *sv);
void catalogue_put(struct service *sv, const struct catalogue *c);
/* Load a file and, if it is good, put it in the place of the present one and bring the
 * pools in line (in a store_write of its own; pools of zones with our engine are capped by
 * its capacity). What differs from the last one leaves an audit record of no organization, for
 * staff. On error nothing has changed. Errors: as catalogue_load(), and ERR_INVALID, with the
 * place, for another price of an offer under the same version; ERR_STORAGE, ERR_ENGINE. */
enum err_code catalogue_replace(struct service *sv, const char *path, struct err *e) MUST_CHECK;

/* --- rules.h: action x role; every service function asks it ------------------------------- */

/* action id, wire name, roles that may (set of R(x)), staff roles that may (set of S(x)),
 * what it is in words */
#define ACTION_LIST(X)                                                                            \
    X(ACTION_CATALOGUE_READ, "catalogue.read", R_ALL, S_ALL, "see offers, zones and GPU models")  \
    X(ACTION_ORGANIZATION_READ, "organization.read", R_ALL, S_ALL, "see the organization")        \
    X(ACTION_ORGANIZATION_CREATE, "organization.create", 0, S(SUPPORT), "create an organization") \
    X(ACTION_PROJECT_READ, "project.read", R_ALL, S_ALL, "see projects")                          \
    X(ACTION_PROJECT_CREATE, "project.create", R(OWNER) | R(ADMIN), 0, "create a project")        \
    X(ACTION_MEMBER_READ, "member.read", R_ALL, S_ALL, "see members")                             \
    X(ACTION_MEMBER_CREATE, "member.create", R(OWNER) | R(ADMIN), 0, "add a member")              \
    X(ACTION_MEMBER_UPDATE, "member.update", R(OWNER) | R(ADMIN), 0, "change a member's role")    \
    X(ACTION_MEMBER_DELETE, "member.delete", R(OWNER) | R(ADMIN), 0, "remove a member")           \
    X(ACTION_KEY_READ, "key.read", R(OWNER) | R(ADMIN) | R(BILLING) | R(MEMBER) | R(VIEWER),      \
      S_ALL, "see API keys")                                                                      \
    X(ACTION_KEY_CREATE, "key.create", R(OWNER) | R(ADMIN) | R(MEMBER), 0, "create an API key")   \
    X(ACTION_KEY_REVOKE, "key.revoke", R(OWNER) | R(ADMIN) | R(MEMBER), 0, "revoke an API key")   \
    X(ACTION_INSTANCE_READ, "instance.read", R_ALL, S_ALL, "see instances")                       \
    X(ACTION_INSTANCE_LAUNCH, "instance.launch", R(OWNER) | R(ADMIN) | R(MEMBER), 0,              \
      "launch an instance")                                                                       \
    X(ACTION_INSTANCE_UPDATE, "instance.update", R(OWNER) | R(ADMIN) | R(MEMBER), 0,              \
      "change an instance")                                                                       \
    X(ACTION_INSTANCE_STOP, "instance.stop", R(OWNER) | R(ADMIN) | R(MEMBER), S(SUPPORT),         \
      "stop an instance")                                                                         \
    X(ACTION_INSTANCE_START, "instance.start", R(OWNER) | R(ADMIN) | R(MEMBER), 0,                \
      "start an instance")                                                                        \
    X(ACTION_INSTANCE_DELETE, "instance.delete", R(OWNER) | R(ADMIN) | R(MEMBER), 0,              \
      "delete an instance")                                                                       \
    X(ACTION_INSTANCE_LOGIN, "instance.login", R(OWNER) | R(ADMIN) | R(MEMBER), 0,                \
      "log in to an instance")                                                                    \
    X(ACTION_INSTANCE_CHECK, "instance.check", R(OWNER) | R(ADMIN) | R(MEMBER),                   \
      S(SUPPORT) | S(OPERATOR), "check the GPUs of an instance")                                  \
    X(ACTION_JOB_READ, "job.read", R_ALL, S_ALL, "see jobs and their logs")                       \
    X(ACTION_JOB_SUBMIT, "job.submit", R(OWNER) | R(ADMIN) | R(MEMBER), 0, "submit a job")        \
    X(ACTION_JOB_CANCEL, "job.cancel", R(OWNER) | R(ADMIN) | R(MEMBER), S(SUPPORT),               \
      "cancel a job")                                                                             \
    X(ACTION_CREDIT_READ, "credit.read", R_ALL, S_ALL, "see credit, entries and holds")           \
    X(ACTION_GRANT_CREATE, "grant.create", 0, S(SUPPORT), "grant credit")                         \
    X(ACTION_USAGE_READ, "usage.read", R_ALL, S_ALL, "see usage")                                 \
    X(ACTION_EVENT_READ, "event.read", R_ALL, S_ALL, "see events")                                \
    X(ACTION_REPORT_READ, "report.read", R_ALL, S_ALL, "see reports of checks")                   \
    X(ACTION_REPORT_POST, "report.post", R(OWNER) | R(ADMIN) | R(MEMBER), 0,                      \
      "post a report of checks")                                                                  \
    X(ACTION_TELEMETRY_READ, "telemetry.read", R_ALL, S_ALL, "see telemetry")                     \
    X(ACTION_TELEMETRY_POST, "telemetry.post", R(OWNER) | R(ADMIN) | R(MEMBER), 0,                \
      "post telemetry")                                                                           \
    X(ACTION_METRICS_READ, "metrics.read", 0, S_ALL, "read the service's metrics")                \
    X(ACTION_AUDIT_READ, "audit.read", R(OWNER) | R(ADMIN), S_ALL, "read audit records")          \
    X(ACTION_CATALOGUE_LOAD, "catalogue.load", 0, 0, "load a catalogue")                          \
    X(ACTION_NODE_READ, "node.read", 0, S_ALL, "see nodes")                                       \
    X(ACTION_NODE_DRAIN, "node.drain", 0, S(SUPPORT) | S(OPERATOR), "drain a node")               \
    X(ACTION_NODE_RESUME, "node.resume", 0, S(SUPPORT) | S(OPERATOR), "resume a node")            \
    X(ACTION_NODE_UPDATE, "node.update", 0, 0, "keep the list of nodes")                          \
    X(ACTION_CASE_READ, "case.read", R_ALL, S_ALL, "see cases")                                   \
    X(ACTION_CASE_CLOSE, "case.close", 0, S(SUPPORT) | S(OPERATOR), "close a case")

enum rule_action {
#define X(id, name, roles, staff, help) id,
    ACTION_LIST(X)
#undef X
        RULE_ACTION_COUNT
};
const char *rule_action_name(enum rule_action a);
bool rule_allows(enum rule_action a, enum role role, enum staff_role staff);
/* Errors: ERR_FORBIDDEN "only owner, admin may launch an instance; you are viewer". */
enum err_code rule_check(const struct actor *by, enum rule_action a, struct err *e) MUST_CHECK;
/* The organization a read is confined to: the actor's, or for staff the one asked for
 * ("" all). Errors: ERR_NOT_FOUND when somebody asks for another one. */
enum err_code rule_scope(const struct actor *by, const char *asked, char organization_id[ID_MAX],
                         struct err *e) MUST_CHECK;

/* --- identity ----------------------------------------------------------------------------- */

#define SV      struct service *sv, struct tx *tx, const struct actor *by
#define SERVICE enum err_code
#define E       struct err *e
#define PAGE(type) \
    const struct page_query *q, type **out, size_t *count, char next[CURSOR_BYTES_MAX]

/* The actor behind a token, found by its hash, so that time tells nothing about it. Unknown,
 * expired and revoked keys are the same ERR_UNAUTHENTICATED and take the same path. */
SERVICE key_authenticate(struct service *sv, struct tx *tx, const char *token, struct actor *out,
                         E) MUST_CHECK;
/* The actor behind a key as it is now, for what began with a token and lasts (streams).
 * Errors: ERR_UNAUTHENTICATED it has expired or was revoked, or its member is gone. */
SERVICE key_actor(struct service *sv, struct tx *tx, const char *key_id, struct actor *out,
                  E) MUST_CHECK;
/* Remember that the actor's key was used; writes at most once per minute. For a write of the
 * caller's own, after the answer; key_touch_due() is a read that says whether it is worth one. */
SERVICE key_touch(SV, E) MUST_CHECK;
SERVICE key_touch_due(SV, bool *out, E) MUST_CHECK;
/* First start: an organization with one owner, a project, a key and a grant, unless the
 * database has an organization already (then *token is "" and nothing changes). */
struct seed {
    const char *organization, *member, *email, *project, *country, *token; /* token "": made */
    const char *currency;
    int64_t grant_micros, grant_days;
    bool staff_support; /* the member may grant, for trying things out */
};
/* A new token: 256 random bits in text. */
void token_make(char out[TOKEN_BYTES_MAX]);
SERVICE service_seed(struct service *sv, struct tx *tx, const struct seed *seed,
                     char token[TOKEN_BYTES_MAX], E) MUST_CHECK;
SERVICE me_get(SV, struct me *out, E) MUST_CHECK;
SERVICE organization_get(SV, const char *id, struct organization *out, E) MUST_CHECK;
SERVICE organization_list(SV, PAGE(struct organization), E) MUST_CHECK;
SERVICE organization_create(SV, const struct organization_create *in, struct organization *out,
                            E) MUST_CHECK;
SERVICE project_get(SV, const char *id, struct project *out, E) MUST_CHECK;
SERVICE project_list(SV, PAGE(struct project), E) MUST_CHECK;
SERVICE project_create(SV, const struct project_create *in, struct project *out, E) MUST_CHECK;
SERVICE member_get(SV, const char *id, struct member *out, E) MUST_CHECK;
SERVICE member_list(SV, PAGE(struct member), E) MUST_CHECK;
SERVICE member_create(SV, const struct member_create *in, struct member *out, E) MUST_CHECK;
SERVICE member_update(SV, const char *id, int64_t if_version, const struct member_patch *in,
                      struct member *out, E) MUST_CHECK; /* if_version 0: any, on every update */
SERVICE member_delete(SV, const char *id, E) MUST_CHECK;
SERVICE key_list(SV, PAGE(struct api_key), E) MUST_CHECK;
SERVICE key_create(SV, const struct api_key_create *in, struct api_key *out,
                   E) MUST_CHECK; /* with token */
SERVICE key_revoke(SV, const char *id, struct api_key *out, E) MUST_CHECK;

/* --- catalogue ------------------------------------------------------------------------------ */
/* All offers with stock and availability now; filters zone, gpu_model, text. Caller owns (free). */
SERVICE offer_list(SV, const struct page_query *q, struct offer **out, size_t *count, E) MUST_CHECK;

/* --- instances ------------------------------------------------------------------------------ */
SERVICE instance_estimate(SV, const struct instance_create *in, struct estimate *out, E) MUST_CHECK;
/* Checks rule, offer, price_max, deadline, stock (ERR_NO_STOCK with facts "alternatives"), credit
 * (ERR_NO_CREDIT with facts "available" and "required"); takes stock, places the hold, writes the
 * instance as requested. */
SERVICE instance_launch(SV, const struct instance_create *in, struct instance *out, E) MUST_CHECK;
SERVICE instance_get(SV, const char *id, struct instance *out, E) MUST_CHECK;
SERVICE instance_list(SV, PAGE(struct instance), E) MUST_CHECK;
/* present: bits of instance_patch_shape's fields that were given. */
SERVICE instance_update(SV, const char *id, int64_t if_version, const struct instance_patch *in,
                        uint64_t present, struct instance *out, E) MUST_CHECK;
SERVICE instance_act(SV, const char *id, int64_t if_version, enum instance_action action,
                     struct instance *out, E) MUST_CHECK;
/* Ask for a check of its GPUs by us; the worker begins it, and its report has the id that
 * check_id shows until then. A quick check or a burn uses the GPUs in full: while a job runs it is
 * refused (ERR_CONFLICT) unless `disturb`. ERR_INVALID for the tier soak. */
SERVICE instance_check(SV, const char *id, int64_t if_version, enum tier tier, bool disturb,
                       struct instance *out, E) MUST_CHECK;

/* --- jobs ----------------------------------------------------------------------------------- */
SERVICE job_estimate(SV, const struct job_create *in, struct estimate *out, E) MUST_CHECK;
/* With offer_id: launches an instance for it in the same transaction. */
SERVICE job_submit(SV, const struct job_create *in, struct job *out, E) MUST_CHECK;
SERVICE job_get(SV, const char *id, struct job *out, E) MUST_CHECK;
SERVICE job_list(SV, PAGE(struct job), E) MUST_CHECK;
SERVICE job_cancel(SV, const char *id, int64_t if_version, struct job *out, E) MUST_CHECK;

/* --- money ---------------------------------------------------------------------------------- */
SERVICE credit_get(SV, const char *organization_id, struct credit *out, E) MUST_CHECK;
SERVICE grant_list(SV, PAGE(struct grant), E) MUST_CHECK;
SERVICE grant_create(SV, const struct grant_create *in, struct grant *out, E) MUST_CHECK;
SERVICE hold_list(SV, PAGE(struct hold), E) MUST_CHECK;
SERVICE entry_list(SV, PAGE(struct entry), E) MUST_CHECK;
/* Captured ranges and what the meters have accrued since, with energy and carbon. */
SERVICE usage_list(SV, PAGE(struct usage), E) MUST_CHECK;

/* --- events, audit, reports ------------------------------------------------------------------ */
SERVICE event_list(SV, PAGE(struct event), E) MUST_CHECK;
SERVICE event_after(SV, int64_t seq, int64_t limit, struct event **out, size_t *count,
                    E) MUST_CHECK;
SERVICE audit_list(SV, PAGE(struct audit_record), E) MUST_CHECK;
SERVICE report_post(SV, const struct report *in, struct report *out,
                    E) MUST_CHECK; /* origin member */
SERVICE report_get(SV, const char *id, struct report *out, E) MUST_CHECK;
SERVICE report_list(SV, PAGE(struct report), E) MUST_CHECK;

/* --- telemetry ------------------------------------------------------------------------------- */
/* The last hour of each machine, one sample in ten seconds, in memory: gone with the process.
 * Errors: ERR_INVALID, ERR_LIMIT too many machines, ERR_BUSY. */
SERVICE telemetry_post(SV, const struct telemetry_sample *in, E) MUST_CHECK;
/* The newest sample of each machine; with q->text (the machine's name) or an instance all of
 * theirs, the newest first, as far as an answer has room. No cursor: go on with `to`. Caller
 * owns. */
SERVICE telemetry_list(SV, PAGE(struct telemetry_sample), E) MUST_CHECK;

/* --- nodes, cases ----------------------------------------------------------------------------- */
SERVICE node_get(SV, const char *id, struct node *out, E) MUST_CHECK;
SERVICE node_list(SV, PAGE(struct node), E) MUST_CHECK;
/* Drain (with a reason) or resume. A node that drains takes no new instance, and is drained when
 * the last one on it is over. */
SERVICE node_act(SV, const char *id, int64_t if_version, const struct node_act *in,
                 struct node *out, E) MUST_CHECK;
SERVICE case_get(SV, const char *id, struct support_case *out, E) MUST_CHECK;
SERVICE case_list(SV, PAGE(struct support_case), E) MUST_CHECK;
SERVICE case_act(SV, const char *id, int64_t if_version, const struct case_act *in,
                 struct support_case *out, E) MUST_CHECK;

/* --- for the workers: called with a system actor ---------------------------------------------- */
/* What the engine saw, brought into the row: moves state, starts and ends billing at the
 * times written on the node. Idempotent. */
SERVICE instance_observe(SV, const char *id, const struct engine_instance *seen,
                         struct instance *out, E) MUST_CHECK;
/* The engine has not answered about it for a while: `unreachable`, until it is observed again.
 * It goes on costing, to the end that the node wrote down; nothing is metered meanwhile. */
SERVICE instance_unreachable(SV, const char *id, const char *detail, E) MUST_CHECK;
/* Whether instance_observe() would change the row: pure, so that looking costs no write. */
bool instance_observe_due(const struct instance *row, const struct engine_instance *seen);
/* The instance of a queued job runs: the job is starting, and then the engine is asked to
 * start it (intent first). A job that is not queued is answered as it is.
 * Errors: ERR_CONFLICT the instance does not run. */
SERVICE job_begin(SV, const char *id, struct job *out, E) MUST_CHECK;
SERVICE job_observe(SV, const char *id, const struct engine_job *seen, struct job *out,
                    E) MUST_CHECK;
bool job_observe_due(const struct job *row, const struct engine_job *seen,
                     enum instance_state instance);
/* The engine refused or failed for good. */
SERVICE instance_fail(SV, const char *id, enum instance_reason why, const char *detail,
                      E) MUST_CHECK;
/* Advance this meter to now; at the end of a window capture and place the next hold (the last
 * one as short as the credit, at least a minute); when that cannot be held, set desired_state
 * stopped with reason credit_exhausted: the hold that is open pays for stopping.
 * Rounding: whole seconds count, a second that has begun is billed when it is complete; n
 * seconds cost floor(rate * n / 3600) micro-units since the begin of the period of billing,
 * whatever the ticks and windows in between. */
SERVICE meter_tick(SV, const char *instance_id, E) MUST_CHECK;
/* Whether meter_tick() has something to write: pure, for who reads many meters. */
bool meter_tick_due(const struct meter *m, int64_t now_ms);
/* Grants past their expiry: available credit to breakage. Deadlines past: desired stopped. */
SERVICE expire_due(SV, E) MUST_CHECK;
/* Whether expire_due() would stop this instance: pure. */
bool deadline_is_due(const struct instance *row, int64_t now_ms);
/* Forget old events and answers kept for repeated requests; for once an hour. */
SERVICE service_trim(SV, E) MUST_CHECK;
/* The engine has something that no row knows: an event for staff, nothing is killed. */
SERVICE orphan_report(SV, const char *id, bool is_job, E) MUST_CHECK;
/* The report of the check that instance_check() asked for; its id says which, and any other does
 * nothing, so that one is taken once. Found healthy, the instance's credit_from moves on; found
 * unhealthy on a physical GPU of its own, what it cost since then (at most 24 h) is granted, and
 * its node drains: docs/adr/0005. */
SERVICE check_observe(SV, const char *instance_id, const struct report *seen, E) MUST_CHECK;
/* Keep the rows of our engine's nodes as the engine says. */
SERVICE node_sync(SV, const struct engine_node *seen, size_t count, E) MUST_CHECK;
/* Whether node_sync() would write: pure. `rows` are those of the engine. */
bool node_sync_due(struct service *sv, const struct node *rows, size_t row_count,
                   const struct engine_node *seen, size_t count);
/* Drained, when it drains and nothing is on it any more. Idempotent. */
SERVICE node_settle(SV, const char *id, E) MUST_CHECK;
/* Whether an idle node is to be checked now: pure. interval_ms 0: never. */
bool node_check_due(const struct node *row, const struct node_load *load, int64_t interval_ms,
                    int64_t now_ms);
/* Intent first: what check comes, in *out. Errors: ERR_CONFLICT it is no longer idle. */
SERVICE node_check_begin(SV, const char *id, struct node *out, E) MUST_CHECK;
/* Its report, kept with origin idle; unhealthy: the node drains. NULL: there will be none. Another
 * check than the one under way does nothing. */
SERVICE node_check_end(SV, const char *id, const char *check_id, const struct report *seen,
                       E) MUST_CHECK;
/* The invariants of the ledger over the whole store; used by tests and `hourglassd --check`.
 * Errors: ERR_INTERNAL naming the first that does not hold. */
SERVICE ledger_audit(struct service *sv, struct tx *tx, E) MUST_CHECK;

#undef SV
#undef SERVICE
#undef E
#undef PAGE
#endif
