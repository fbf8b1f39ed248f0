/* Credit as customers see it: grants, holds, entries, the balance with its burn and
 * runway, usage and estimates. The rules are in api/ledger. */
#ifndef MODEL_CREDIT_H
#define MODEL_CREDIT_H

#include "core/json.h"

#define GRANT_KIND_LIST(X)              \
    X(GRANT_PAID, "paid")               \
    X(GRANT_PROMOTIONAL, "promotional") \
    X(GRANT_PROGRAMME, "programme")     \
    X(GRANT_SLA, "sla")                 \
    X(GRANT_POC, "poc")                 \
    X(GRANT_CORRECTION, "correction")
enum grant_kind {
#define X(id, name) id,
    GRANT_KIND_LIST(X)
#undef X
};
extern const char *const grant_kind_names[];

struct grant {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    enum grant_kind kind;
    char note[TEXT_BYTES_MAX];
    struct money amount;    /* granted */
    struct money available; /* neither held, consumed, expired nor voided */
    struct money held;
    struct money consumed;
    struct money expired;
    struct money voided;
    int64_t priority; /* lower burns first */
    int64_t effective_at_ms;
    int64_t expires_at_ms; /* exclusive; 0: never */
    int64_t created_at_ms;
    int64_t version;
};

struct grant_create {
    char organization_id[ID_MAX];
    enum grant_kind kind;
    char note[TEXT_BYTES_MAX];
    struct money amount;
    int64_t priority;
    int64_t effective_at_ms; /* 0: now */
    int64_t expires_at_ms;
};

#define HOLD_STATE_LIST(X) \
    X(HOLD_OPEN, "open")   \
    X(HOLD_CLOSED, "closed")
enum hold_state {
#define X(id, name) id,
    HOLD_STATE_LIST(X)
#undef X
};
extern const char *const hold_state_names[];

#define HOLD_PARTS_MAX 32
struct hold_part {
    char grant_id[ID_MAX];
    struct money amount;
    struct money captured;
};

/* Credit set aside for one instance for one billing window. Resolved exactly once:
 * captured (any part, also nothing) and the rest released. */
struct hold {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    char instance_id[ID_MAX];
    enum hold_state state;
    struct money amount;
    struct money captured;
    int64_t window_from_ms, window_to_ms; /* 0,0 until billing starts */
    int64_t created_at_ms, closed_at_ms;
    struct hold_part *parts; /* in burn order */
    size_t part_count;
};

#define ENTRY_KIND_LIST(X)      \
    X(ENTRY_GRANT, "grant")     \
    X(ENTRY_HOLD, "hold")       \
    X(ENTRY_CAPTURE, "capture") \
    X(ENTRY_RELEASE, "release") \
    X(ENTRY_EXPIRE, "expire")   \
    X(ENTRY_VOID, "void")       \
    X(ENTRY_LOSS, "loss")       \
    X(ENTRY_CORRECTION, "correction")
enum entry_kind {
#define X(id, name) id,
    ENTRY_KIND_LIST(X)
#undef X
};
extern const char *const entry_kind_names[];

/* Accounts of the double entry. Customer accounts belong to one grant. */
#define ACCOUNT_LIST(X)                                                            \
    X(ACCOUNT_GRANT, "grant")                 /* credit that a customer may use */ \
    X(ACCOUNT_HELD, "held")                   /* credit set aside */               \
    X(ACCOUNT_FUNDING, "funding")             /* where grants come from */         \
    X(ACCOUNT_REVENUE, "revenue")             /* what was used */                  \
    X(ACCOUNT_BREAKAGE, "breakage")           /* what expired or was voided */     \
    X(ACCOUNT_PROVIDER_LOSS, "provider_loss") /* use beyond what was held */
enum account {
#define X(id, name) id,
    ACCOUNT_LIST(X)
#undef X
        ACCOUNT_COUNT
};
extern const char *const account_names[];

/* One line of one transaction; the lines of a transaction sum to zero. */
struct entry {
    char id[ID_MAX];
    char transaction_id[ID_MAX];
    char organization_id[ID_MAX];
    enum entry_kind kind;
    enum account account;
    char grant_id[ID_MAX];    /* for grant and held accounts */
    char hold_id[ID_MAX];     /* "" where there is none */
    char instance_id[ID_MAX]; /* "" where there is none */
    struct money amount;      /* positive raises the account */
    int64_t at_ms;
    char detail[TEXT_BYTES_MAX];
    char corrects[ID_MAX]; /* the transaction it corrects, or "" */
};

/* GET /v1/credit. Everything is exact at `as_of`. */
struct credit {
    int64_t as_of_ms;       /* wire name as_of */
    struct money granted;   /* of all grants in effect or used */
    struct money consumed;  /* captured */
    struct money expired;   /* expired or voided */
    struct money held;      /* in open holds */
    struct money available; /* free for new launches */
    struct money accrued;   /* metered since the last capture; part of held */
    struct money left;      /* available + held - accrued: what is not yet spent */
    struct money burn_per_hour;
    int64_t running_count;
    int64_t runway_ends_at_ms; /* when `left` is used up under what now runs; 0: not in sight */
    char runway_basis[TEXT_BYTES_MAX]; /* the assumptions, in words */
};

/* GET /v1/usage: one row per instance in the asked range. */
struct usage {
    char instance_id[ID_MAX];
    char instance_name[NAME_BYTES_MAX];
    char offer_id[SLUG_BYTES_MAX];
    int64_t from_ms, to_ms;
    int64_t seconds; /* billed */
    struct money cost;
    double kwh;      /* at TDP with PUE */
    double carbon_g; /* use phase, location based */
};

struct burn_part {
    char grant_id[ID_MAX];
    enum grant_kind kind;
    struct money amount;
};

/* The answer to dry_run: what a launch would cost and whether it would be accepted. */
struct estimate {
    char offer_id[SLUG_BYTES_MAX];
    bool accepted;
    char refusal_code[SLUG_BYTES_MAX]; /* problem slug; "" when accepted */
    char refusal[TEXT_BYTES_MAX];      /* a sentence; "" when accepted */
    struct money price_per_hour;
    struct money price_per_day;
    struct money cost_to_deadline; /* zero without one */
    struct money hold;             /* set aside at launch */
    struct money available_before, available_after;
    int64_t runway_before_at_ms, runway_after_at_ms; /* 0: not in sight */
    int64_t stock;
    char country[3], jurisdiction[3];
    char cloud_operator[SLUG_BYTES_MAX];
    double carbon_g_per_hour;
    struct burn_part *grants; /* in burn order */
    size_t grant_count;
    char rounding[TEXT_BYTES_MAX]; /* the rule, in words */
};

extern const struct shape grant_shape, grant_create_shape, hold_part_shape, hold_shape, entry_shape,
    credit_shape, usage_shape, burn_part_shape, estimate_shape;

#endif
