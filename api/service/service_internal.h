/* What the services share among themselves: checked reading, records, money, moves. Private
 * to this folder. */
#ifndef API_SERVICE_INTERNAL_H
#define API_SERVICE_INTERNAL_H

#include "api/ledger/ledger.h"
#include "api/ledger/runway.h"
#include "api/service/service.h"

#define MS_PER_SECOND 1000
#define MS_PER_MINUTE (60 * MS_PER_SECOND)

/* Where a report belongs. */
struct report_place {
    const char *id; /* "": a new one */
    const char *organization_id, *instance_id;
    enum report_origin origin;
};

/* The actor of what a worker does. */
extern const struct actor system_actor;

/* --- telemetry (telemetry.c) ---------------------------------------------------------- */

/* NULL when out of memory. */
struct telemetry_memory *telemetry_memory_new(void);
void telemetry_memory_free(struct telemetry_memory *m); /* accepts NULL */

/* --- who may see and do what (rules.c) ----------------------------------------------- */

/* May `by` do this to an object of that organization? Errors: ERR_NOT_FOUND "no <noun> <id>"
 * for somebody else's, ERR_FORBIDDEN. */
enum err_code rule_check_object(const struct actor *by, enum rule_action a,
                                const char *organization_id, const char *noun, const char *id,
                                struct err *e) MUST_CHECK;
/* Rule and scope of a list in one. Errors: ERR_FORBIDDEN. */
enum err_code rule_list(const struct actor *by, enum rule_action a, const struct page_query *q,
                        char organization_id[ID_MAX], struct err *e) MUST_CHECK;

/* --- input (input.c); all: ERR_INVALID with a detail at `pointer` -------------------- */

enum err_code input_refuse(struct err *e, const char *pointer, const char *code, const char *fmt,
                           ...) PRINTF_LIKE(4, 5);
/* Not blank, no control characters. */
enum err_code input_name(const char *pointer, const char *name, struct err *e) MUST_CHECK;
enum err_code input_email(const char *pointer, const char *email, struct err *e) MUST_CHECK;
enum err_code input_country(const char *pointer, const char *country, struct err *e) MUST_CHECK;
#define DEADLINE_SECONDS_MAX (5LL * 365 * 24 * 3600)
/* In the future, and within five years; 0: none. */
enum err_code input_deadline(int64_t at_ms, int64_t now_ms, struct err *e) MUST_CHECK;
/* One OpenSSH public key without options, or "". */
enum err_code input_ssh_key(const char *pointer, const char *key, struct err *e) MUST_CHECK;
/* "" or a value of the list. */
enum err_code input_state(const struct page_query *q, const char *const *names,
                          struct err *e) MUST_CHECK;
/* "<stem>-<4 hex>" for what people did not name. */
void name_make(char out[NAME_BYTES_MAX], const char *stem);

/* --- records (record.c) -------------------------------------------------------------- */

struct record {
    enum rule_action action;
    const char *kind; /* of the event; NULL: only the audit record */
    const char *organization_id, *project_id, *object_id;
    const char *state; /* new state of the object; NULL: it has none */
};
/* Write the event and the audit record of a change, with one sentence. */
enum err_code record_write(struct service *sv, struct tx *tx, const struct actor *by,
                           const struct record *r, struct err *e, const char *fmt, ...)
    PRINTF_LIKE(6, 7) MUST_CHECK;

/* --- reports (report.c) ------------------------------------------------------------------ */

/* Keep a report of ours: `id` "" gives it a new one, in `out_id`. */
enum err_code report_keep(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct report *in, const struct report_place *at,
                          char out_id[ID_MAX], struct err *e) MUST_CHECK;
/* Does it say that a physical GPU of this instance (NULL: any GPU), or the machine, is bad? What is
 * wrong with a neighbour's does not count; nor, unless the check was `alone` on the machine, does a
 * figure below its floor, which whoever runs something beside the check can bring about. `fault`
 * gets the first that counts in one line: "memory-pattern, GPU 3: 12 words differ". Pure. */
bool report_is_bad(const struct report *r, const struct instance *i, bool alone,
                   char fault[TEXT_BYTES_MAX]);

/* --- nodes (node.c) ---------------------------------------------------------------------- */

/* Note where the engine has the instance; the caller saves it. */
enum err_code node_place(struct service *sv, struct tx *tx, struct instance *i,
                         const struct engine_instance *seen, struct err *e) MUST_CHECK;
/* A report of ours about GPUs of this node ("" none): remember it; `fault` not NULL: it is bad, and
 * the node drains if it does not yet. */
enum err_code node_judge(struct service *sv, struct tx *tx, const struct actor *by,
                         const char *node_id, const char *report_id, enum verdict verdict,
                         const char *fault, struct err *e) MUST_CHECK;
/* False when our engine has nodes and none of them takes new instances. */
enum err_code nodes_take_new(struct service *sv, struct tx *tx, bool *out,
                             struct err *e) MUST_CHECK;

/* --- cases (case.c) ---------------------------------------------------------------------- */

/* A member's report says that their instance is not well: open a case, or join the open one. */
enum err_code case_note(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct report *r, struct err *e) MUST_CHECK;

/* --- money (purse.c) ----------------------------------------------------------------- */

/* The grants of one organization: read together, changed by the ledger, written back. */
struct purse {
    char organization_id[ID_MAX];
    char currency[CURRENCY_MAX];
    struct grant *grants;
    size_t count;
    struct grant *before; /* as read, to write only what changed */
};
enum err_code purse_open(struct tx *tx, const struct organization *o, struct purse *out,
                         struct err *e) MUST_CHECK;
void purse_release(struct purse *p); /* accepts a zeroed one */
#define PURSE_OWN CLEANUP(purse_release) struct purse
const struct grant *purse_grant(const struct purse *p, const char *id);
enum err_code purse_save(struct tx *tx, struct purse *p, struct err *e) MUST_CHECK;

/* Where the lines of a transaction belong; "" or NULL where nothing is. */
struct posting_place {
    const char *organization_id, *hold_id, *instance_id, *detail;
};
/* Write the lines as entries of one new transaction; none for no lines. */
enum err_code postings_save(struct service *sv, struct tx *tx, const struct postings *p,
                            const struct posting_place *at, struct err *e) MUST_CHECK;

/* A hold with room for its parts, so that nothing is allocated. */
struct hold_room {
    struct hold h;
    struct hold_part parts[HOLD_PARTS_MAX];
};
/* Set `micros` aside for an instance in the purse and in the rows; the purse is not saved.
 * Errors: ERR_NO_CREDIT, ERR_STORAGE. */
enum err_code hold_place(struct service *sv, struct tx *tx, const struct actor *by, struct purse *p,
                         const struct instance *i, int64_t micros, const struct hold_time *t,
                         struct hold_room *out, struct err *e) MUST_CHECK;
/* Write a hold that ledger_hold_place() has put into `room` already. */
enum err_code hold_save(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct instance *i, struct hold_room *room,
                        const struct postings *lines, struct err *e) MUST_CHECK;

/* --- metering (meter.c, billing.c) --------------------------------------------------- */

/* Whole seconds from the begin of this period of billing to a moment, never before the open
 * window, and what the open window has accrued by then. Pure. Errors: ERR_LIMIT. */
enum err_code meter_at(const struct meter *m, int64_t at_ms, int64_t *seconds, int64_t *micros,
                       struct err *e) MUST_CHECK;
/* Bring the meter to a moment (also back, within the open window). Errors: ERR_LIMIT. */
enum err_code meter_move(struct meter *m, int64_t at_ms, struct err *e) MUST_CHECK;
/* As meter_at() for now, but never more than its hold bears: what the customer owes. */
enum err_code meter_owed(struct service *sv, struct tx *tx, const struct meter *m, int64_t *seconds,
                         int64_t *micros, struct err *e) MUST_CHECK;

/* Move the parts into the room; `h_take` is empty afterwards. */
void hold_into_room(struct hold *h_take, struct hold_room *room);
/* Billing begins at a moment: the meter starts on the hold of the launch. */
enum err_code billing_start(struct service *sv, struct tx *tx, struct instance *i, int64_t at_ms,
                            struct err *e) MUST_CHECK;
/* Capture what the open window accrued, release the rest, write the range of use; the caller
 * saves instance and purse. */
struct capture {
    struct hold_room *room;
    struct postings captured, released;
};
enum err_code window_save(struct service *sv, struct tx *tx, const struct actor *by,
                          struct instance *i, const struct meter *m, struct capture *c,
                          struct err *e) MUST_CHECK;
/* Billing ends: one capture, the rest released, use beyond the hold to provider_loss, stock
 * given back. `end_ms` 0: when is not known, so at the last moment that was metered.
 * Idempotent: nothing where nothing is billed or held. The caller saves the instance. */
enum err_code billing_end(struct service *sv, struct tx *tx, const struct actor *by,
                          struct instance *i, int64_t end_ms, struct err *e) MUST_CHECK;

/* --- instances (instance*.c) --------------------------------------------------------- */

enum err_code instance_fetch(struct service *sv, struct tx *tx, const struct actor *by,
                             enum rule_action a, const char *id, struct instance *out,
                             struct err *e) MUST_CHECK;
void instance_release(struct instance *i);
#define INSTANCE_OWN CLEANUP(instance_release) struct instance

struct instance_change {
    enum instance_state to;
    enum instance_reason why;
    enum rule_action action;
    const char *detail; /* a sentence, or "" */
};
/* The only place where an instance's state changes: checks the table, saves the row, writes
 * event and audit record. Errors: ERR_CONFLICT with a sentence. */
enum err_code instance_move(struct service *sv, struct tx *tx, const struct actor *by,
                            struct instance *i, const struct instance_change *c,
                            struct err *e) MUST_CHECK;
/* Tell it to stop, from any state in which it may still come up or run: `stopping`, or
 * `failed` where it was only asked for. */
enum err_code instance_wind_down(struct service *sv, struct tx *tx, const struct actor *by,
                                 struct instance *i, enum instance_reason why, const char *detail,
                                 struct err *e) MUST_CHECK;
/* Tell it to go away for good. */
enum err_code instance_dismiss(struct service *sv, struct tx *tx, const struct actor *by,
                               struct instance *i, enum instance_reason why, const char *detail,
                               struct err *e) MUST_CHECK;
/* What is answered but not stored: cost to now, actions. */
enum err_code instance_fill(struct service *sv, struct tx *tx, const struct actor *by,
                            struct instance *i, struct err *e) MUST_CHECK;
bool instance_holds_stock(enum instance_state s);

/* Give an offer's units back; an offer that left the catalogue has none to give. */
enum err_code stock_give(struct service *sv, struct tx *tx, const struct instance *i,
                         struct err *e) MUST_CHECK;
/* Take them, or ERR_NO_STOCK with the alternatives. */
enum err_code stock_take(struct service *sv, struct tx *tx, const struct catalogue *c,
                         const struct offer *o, struct err *e) MUST_CHECK;
bool offer_is_connected(const struct service *sv, const struct catalogue *c, const struct offer *o);
/* All pools; those of our engine without a free unit while none of its nodes takes new instances.
 * Caller owns (free). */
enum err_code pools_read(struct service *sv, struct tx *tx, const struct catalogue *c,
                         struct pool_row **out, size_t *count, struct err *e) MUST_CHECK;
/* Instances of this offer that can be launched now, by the pools as read. */
int64_t offer_stock(const struct offer *o, const struct pool_row *pools, size_t count);
/* ERR_NO_STOCK with facts "alternatives". */
enum err_code stock_refuse(struct service *sv, struct tx *tx, const struct catalogue *c,
                           const struct offer *o, struct err *e);

/* Seconds that a hold must pay for: a window (or less, where the run is shorter) and what
 * stopping takes. `run_seconds` 0: no end is known. */
int64_t hold_seconds(const struct catalogue *c, int64_t run_seconds);

/* --- launches (launch.c) ------------------------------------------------------------- */

/* A launch asked for by a member or for a job. */
struct launch_order {
    const struct instance_create *in;
    const char *job_id; /* "" */
};
enum err_code launch_instance(struct service *sv, struct tx *tx, const struct actor *by,
                              const struct launch_order *order, struct instance *out,
                              struct err *e) MUST_CHECK;

/* --- jobs ---------------------------------------------------------------------------- */

void job_release(struct job *j);
#define JOB_OWN CLEANUP(job_release) struct job
struct job_change {
    enum job_state to;
    enum job_reason why;
    enum rule_action action;
    const char *detail;
};
/* As instance_move(); the end of a job dismisses the instance that was made for it. */
enum err_code job_move(struct service *sv, struct tx *tx, const struct actor *by, struct job *j,
                       const struct job_change *c, struct err *e) MUST_CHECK;
void job_fill(const struct actor *by, struct job *j);

/* --- organizations (organization.c) ------------------------------------------------- */

/* An organization and its first project. */
enum err_code organization_make(struct service *sv, struct tx *tx, const struct actor *by,
                                const struct organization_create *in, const char *project,
                                struct organization *out, struct project *first,
                                struct err *e) MUST_CHECK;

/* --- keys (key.c) --------------------------------------------------------------------- */

void token_hash(const char *token, uint8_t hash[KEY_HASH_BYTES]);
/* Fills id, hint and creation; k->token is hashed, the row does not keep it. */
enum err_code key_insert(struct service *sv, struct tx *tx, const struct actor *by,
                         struct api_key *k, struct err *e) MUST_CHECK;

/* --- credit -------------------------------------------------------------------------- */

/* Give a grant: kind, amount, note, times and priority are the caller's; the rest is filled.
 * `instance_id` "" or what it is for. Errors: ERR_LIMIT too many grants already. */
enum err_code grant_issue(struct service *sv, struct tx *tx, const struct actor *by,
                          const struct organization *o, const char *instance_id, struct grant *g,
                          struct err *e) MUST_CHECK;

/* When the organization's credit ends, with one more load (NULL: as it is). */
enum err_code runway_find(struct service *sv, struct tx *tx, const struct purse *p,
                          const struct runway_load *extra, int64_t *ends_at_ms,
                          struct err *e) MUST_CHECK;

#endif
