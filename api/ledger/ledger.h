/* The ledger: double entry over grants and holds, as pure functions. No I/O, no clock, no
 * allocation; who calls them reads the rows before and writes what changed afterwards, in
 * one transaction. On error nothing has changed.
 *
 * Each function appends the lines of one transaction to an empty `struct postings`; they
 * sum to zero. A positive amount raises its account:
 *   issue    funding - x    grant + x
 *   hold     grant   - x    held + x
 *   capture  held    - x    revenue + x
 *   release  held    - x    grant + x
 *   expire   grant   - x    breakage + x        (void: the same)
 *   loss     funding - x    provider_loss + x   (use beyond the hold: the provider pays)
 * so that revenue is exactly what grants consumed. */
#ifndef API_LEDGER_LEDGER_H
#define API_LEDGER_LEDGER_H

#include "model/credit.h"

struct posting {
    enum account account;
    char grant_id[ID_MAX]; /* "" where no grant is touched */
    int64_t micros;
};

#define POSTINGS_MAX (2 * HOLD_PARTS_MAX)
/* The lines of one transaction; start from a zeroed struct. */
struct postings {
    enum entry_kind kind;
    char currency[CURRENCY_MAX];
    struct posting items[POSTINGS_MAX];
    size_t count;
};

/* True when the lines sum to zero, and do not overflow on the way. */
bool postings_balance(const struct postings *p);

/* available + held + consumed + expired + voided = amount, none of them negative, one
 * currency. Every function below keeps it so. */
bool grant_adds_up(const struct grant *g);

/* The order in which grants burn: lower priority number, sooner expiry (never is last),
 * promotional kinds before paid, sooner effective date, creation, id. Negative when `a`
 * burns before `b`. */
int grant_burn_compare(const struct grant *a, const struct grant *b);

/* When the credit of a grant may be set aside. A window of the past (nobody was there to
 * place its hold) may use what was not expired when it began. */
struct hold_time {
    int64_t now_ms;  /* grants must be in effect */
    int64_t from_ms; /* and must not have expired at the begin of the window; <= now_ms */
};
bool grant_is_usable(const struct grant *g, const struct hold_time *t);

/* What a new hold could take of these grants. Errors: ERR_LIMIT the sum does not fit. */
enum err_code grants_available(const struct grant *grants, size_t count, const struct hold_time *t,
                               int64_t *out, struct err *e) MUST_CHECK;

/* A new grant: fills the amounts from g->amount. Errors: ERR_INVALID not above zero. */
enum err_code ledger_grant_issue(struct grant *g, struct postings *out, struct err *e) MUST_CHECK;

/* Set `micros` (>= 0) aside. `grants` in any order, all of one organization and currency;
 * they are changed in place. `parts` (HOLD_PARTS_MAX of them) and `part_count` get who
 * bears it, in burn order. Credit set aside does not expire until the hold is resolved.
 * When more than HOLD_PARTS_MAX grants would be needed, the smallest wait for another hold.
 * Errors: ERR_NO_CREDIT with facts "available" and "required"; ERR_LIMIT. */
enum err_code ledger_hold_place(struct grant *grants, size_t count, int64_t micros,
                                const char *currency, const struct hold_time *t,
                                struct hold_part *parts, size_t *part_count, struct postings *out,
                                struct err *e) MUST_CHECK;

/* Use `micros` (0 <= micros <= h->amount) of an open hold, its parts in burn order.
 * `grants` must contain the grant of every part. The hold stays open for the release.
 * Errors: ERR_CONFLICT the hold is closed or was captured before; ERR_INVALID more than it
 * holds; ERR_INTERNAL a grant is missing. */
enum err_code ledger_hold_capture(struct hold *h, struct grant *grants, size_t count,
                                  int64_t micros, struct postings *out, struct err *e) MUST_CHECK;

/* Give back what was not captured and close the hold. Errors: ERR_CONFLICT it is closed
 * already; ERR_INTERNAL a grant is missing. */
enum err_code ledger_hold_release(struct hold *h, struct grant *grants, size_t count, int64_t at_ms,
                                  struct postings *out, struct err *e) MUST_CHECK;

/* What is available of a grant past its expiry becomes breakage; what is held stays held.
 * Errors: ERR_CONFLICT it has not expired. */
enum err_code ledger_grant_expire(struct grant *g, int64_t at_ms, struct postings *out,
                                  struct err *e) MUST_CHECK;

/* Take back what is available. */
enum err_code ledger_grant_void(struct grant *g, struct postings *out, struct err *e) MUST_CHECK;

/* Use beyond what was held: `micros` > 0. Errors: ERR_INVALID. */
enum err_code ledger_loss(int64_t micros, const char *currency, struct postings *out,
                          struct err *e) MUST_CHECK;

#endif
