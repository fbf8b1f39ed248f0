/* The rows and names of credit. The rules are in api/ledger. */
#include "model/credit.h"

#define GRANT_MICROS_MAX 1000000000000000 /* a thousand million */
#define PRIORITY_MAX     1000000
#define ESTIMATE_GRANTS  HOLD_PARTS_MAX

const char *const grant_kind_names[] = {
#define X(id, name) name,
    GRANT_KIND_LIST(X)
#undef X
        NULL};

const char *const hold_state_names[] = {
#define X(id, name) name,
    HOLD_STATE_LIST(X)
#undef X
        NULL};

const char *const entry_kind_names[] = {
#define X(id, name) name,
    ENTRY_KIND_LIST(X)
#undef X
        NULL};

const char *const account_names[] = {
#define X(id, name) [id] = name,
    ACCOUNT_LIST(X)
#undef X
        [ACCOUNT_COUNT] = NULL};

static const struct field grant_fields[] = {
    F_STRING(struct grant, id, FIELD_REQUIRED, 1, 0, "Identifier of the grant."),
    F_STRING(struct grant, organization_id, 0, 0, 0, "The organization that may use it."),
    F_ENUM(struct grant, kind, 0, grant_kind_names, "Where it comes from."),
    F_STRING(struct grant, note, FIELD_OMIT, 0, 0, "What it is for, in words."),
    F_MONEY(struct grant, amount, 0, 0, 0, "What was granted."),
    F_MONEY(struct grant, available, 0, 0, 0,
            "What is neither held, consumed, expired nor voided."),
    F_MONEY(struct grant, held, 0, 0, 0, "What is set aside in open holds."),
    F_MONEY(struct grant, consumed, 0, 0, 0, "What was used."),
    F_MONEY(struct grant, expired, 0, 0, 0, "What expired unused."),
    F_MONEY(struct grant, voided, 0, 0, 0, "What was taken back."),
    F_INT(struct grant, priority, 0, 0, 0, "Lower burns first."),
    F_TIME(struct grant, effective_at, FIELD_OMIT, "From when it can be used."),
    F_TIME(struct grant, expires_at, FIELD_OMIT,
           "From when it can no longer be used; left out: never."),
    F_TIME(struct grant, created_at, FIELD_OMIT, "When it was made."),
    F_INT(struct grant, version, 0, 0, 0, "Grows with every change; the ETag."),
};
SHAPE(grant_shape, struct grant, "Grant", "Credit with an expiry.", grant_fields);

static const struct field grant_create_fields[] = {
    F_STRING(struct grant_create, organization_id, FIELD_REQUIRED, 1, 0,
             "The organization that may use it."),
    F_ENUM(struct grant_create, kind, FIELD_REQUIRED, grant_kind_names, "Where it comes from."),
    F_STRING(struct grant_create, note, FIELD_OMIT, 0, 0, "What it is for, in words."),
    F_MONEY(struct grant_create, amount, FIELD_REQUIRED, 1, GRANT_MICROS_MAX, "How much."),
    F_INT(struct grant_create, priority, FIELD_OMIT, 0, PRIORITY_MAX, "Lower burns first."),
    F_TIME(struct grant_create, effective_at, FIELD_OMIT,
           "From when it can be used; now when left out."),
    F_TIME(struct grant_create, expires_at, FIELD_OMIT,
           "From when it can no longer be used; never when left out."),
};
SHAPE(grant_create_shape, struct grant_create, "GrantCreate", "A grant to make.",
      grant_create_fields);

static const struct field hold_part_fields[] = {
    F_STRING(struct hold_part, grant_id, FIELD_REQUIRED, 1, 0, "The grant it draws on."),
    F_MONEY(struct hold_part, amount, 0, 0, 0, "What is set aside of it."),
    F_MONEY(struct hold_part, captured, 0, 0, 0, "What of that was used."),
};
SHAPE(hold_part_shape, struct hold_part, "HoldPart", "The part of a hold that one grant bears.",
      hold_part_fields);

static const struct field hold_fields[] = {
    F_STRING(struct hold, id, FIELD_REQUIRED, 1, 0, "Identifier of the hold."),
    F_STRING(struct hold, organization_id, 0, 0, 0, "The organization that pays."),
    F_STRING(struct hold, instance_id, FIELD_OMIT, 0, 0, "The instance it is for."),
    F_ENUM(struct hold, state, 0, hold_state_names, "Open until it is resolved."),
    F_MONEY(struct hold, amount, 0, 0, 0, "What is set aside."),
    F_MONEY(struct hold, captured, 0, 0, 0, "What of that was used."),
    F_TIME(struct hold, window_from, FIELD_OMIT,
           "Begin of its billing window; left out until billing starts."),
    F_TIME(struct hold, window_to, FIELD_OMIT, "End of its billing window."),
    F_TIME(struct hold, created_at, FIELD_OMIT, "When it was placed."),
    F_TIME(struct hold, closed_at, FIELD_OMIT, "When it was resolved."),
    F_LIST(struct hold, parts, part_count, 0, &hold_part_shape, HOLD_PARTS_MAX,
           "The grants that bear it, in burn order."),
};
SHAPE(hold_shape, struct hold, "Hold", "Credit set aside.", hold_fields);

static const struct field entry_fields[] = {
    F_STRING(struct entry, id, FIELD_REQUIRED, 1, 0, "Identifier of the entry."),
    F_STRING(struct entry, transaction_id, 0, 0, 0,
             "The transaction it belongs to, whose entries sum to zero."),
    F_STRING(struct entry, organization_id, 0, 0, 0, "The organization whose credit moved."),
    F_ENUM(struct entry, kind, 0, entry_kind_names, "What moved it."),
    F_ENUM(struct entry, account, 0, account_names, "The account it changes."),
    F_STRING(struct entry, grant_id, FIELD_OMIT, 0, 0, "The grant, for grant and held accounts."),
    F_STRING(struct entry, hold_id, FIELD_OMIT, 0, 0, "The hold, where there is one."),
    F_STRING(struct entry, instance_id, FIELD_OMIT, 0, 0, "The instance, where there is one."),
    F_MONEY(struct entry, amount, 0, 0, 0, "Positive raises the account, negative lowers it."),
    F_TIME(struct entry, at, FIELD_OMIT, "When."),
    F_STRING(struct entry, detail, FIELD_OMIT, 0, 0, "More, as a sentence."),
    F_STRING(struct entry, corrects, FIELD_OMIT, 0, 0,
             "The transaction that it corrects, where it corrects one."),
};
SHAPE(entry_shape, struct entry, "Entry", "One line of the ledger.", entry_fields);

static const struct field credit_fields[] = {
    F_TIME(struct credit, as_of, FIELD_OMIT, "The moment for which everything here is exact."),
    F_MONEY(struct credit, granted, 0, 0, 0, "All grants in effect or used."),
    F_MONEY(struct credit, consumed, 0, 0, 0, "What was used."),
    F_MONEY(struct credit, expired, 0, 0, 0, "What expired or was voided."),
    F_MONEY(struct credit, held, 0, 0, 0, "What is set aside in open holds."),
    F_MONEY(struct credit, available, 0, 0, 0, "What is free for new launches."),
    F_MONEY(struct credit, accrued, 0, 0, 0,
            "What was used since the last capture; a part of held."),
    F_MONEY(struct credit, left, 0, 0, 0, "What is not yet spent: available + held - accrued."),
    F_MONEY(struct credit, burn_per_hour, 0, 0, 0, "What all that runs costs per hour."),
    F_INT(struct credit, running_count, 0, 0, 0, "Instances that cost money now."),
    F_TIME(struct credit, runway_ends_at, FIELD_OMIT,
           "When what is left is used up under what now runs; left out: not in sight."),
    F_STRING(struct credit, runway_basis, FIELD_OMIT, 0, 0, "What that date assumes, in words."),
};
SHAPE(credit_shape, struct credit, "Credit", "The balance, its burn and its runway.",
      credit_fields);

static const struct field usage_fields[] = {
    F_STRING(struct usage, instance_id, FIELD_REQUIRED, 1, 0, "The instance."),
    F_STRING(struct usage, instance_name, FIELD_OMIT, 0, 0, "Its name."),
    F_STRING(struct usage, offer_id, FIELD_OMIT, 0, 0, "The offer it was launched from."),
    F_TIME(struct usage, from, FIELD_OMIT, "Begin of the range."),
    F_TIME(struct usage, to, FIELD_OMIT, "End of the range, exclusive."),
    F_INT(struct usage, seconds, 0, 0, 0, "Seconds billed in the range."),
    F_MONEY(struct usage, cost, 0, 0, 0, "What they cost."),
    F_NUMBER(struct usage, kwh, 0, 0, 0,
             "Energy if the GPUs drew their full rated power, data centre included."),
    F_NUMBER(struct usage, carbon_g, 0, 0, 0,
             "Grams of CO2 equivalent of that energy on the grid of the zone."),
};
SHAPE(usage_shape, struct usage, "Usage", "What one instance used in a range of time.",
      usage_fields);

static const struct field burn_part_fields[] = {
    F_STRING(struct burn_part, grant_id, FIELD_REQUIRED, 1, 0, "The grant."),
    F_ENUM(struct burn_part, kind, 0, grant_kind_names, "Where it comes from."),
    F_MONEY(struct burn_part, amount, 0, 0, 0, "What would be set aside of it."),
};
SHAPE(burn_part_shape, struct burn_part, "BurnPart", "The part that one grant would bear.",
      burn_part_fields);

static const struct field estimate_fields[] = {
    F_STRING(struct estimate, offer_id, 0, 0, 0, "The offer."),
    F_BOOL(struct estimate, accepted, FIELD_REQUIRED, "Whether the launch would be accepted now."),
    F_STRING(struct estimate, refusal_code, FIELD_OMIT, 0, 0,
             "The code of the problem that a launch would answer."),
    F_STRING(struct estimate, refusal, FIELD_OMIT, 0, 0, "Why it would be refused, as a sentence."),
    F_MONEY(struct estimate, price_per_hour, 0, 0, 0, "Price per hour without VAT."),
    F_MONEY(struct estimate, price_per_day, 0, 0, 0, "The same for 24 hours."),
    F_MONEY(struct estimate, cost_to_deadline, 0, 0, 0,
            "What it costs at most until its deadline; zero without one."),
    F_MONEY(struct estimate, hold, 0, 0, 0, "What is set aside at launch."),
    F_MONEY(struct estimate, available_before, 0, 0, 0, "Available credit now."),
    F_MONEY(struct estimate, available_after, 0, 0, 0, "Available credit after the launch."),
    F_TIME(struct estimate, runway_before_at, FIELD_OMIT,
           "When the credit ends without it; left out: not in sight."),
    F_TIME(struct estimate, runway_after_at, FIELD_OMIT,
           "When the credit ends with it; left out: not in sight."),
    F_INT(struct estimate, stock, 0, 0, 0, "Instances that can be launched now."),
    F_STRING(struct estimate, country, FIELD_OMIT, 0, 0, "Where it stands, ISO 3166-1 alpha-2."),
    F_STRING(struct estimate, jurisdiction, FIELD_OMIT, 0, 0,
             "Country whose law binds the operator's ultimate parent."),
    {.name = "operator",
     .help = "The company that runs the zone.",
     .kind = FIELD_STRING,
     .flags = FIELD_OMIT,
     FIELD_AT(struct estimate, cloud_operator)},
    F_NUMBER(struct estimate, carbon_g_per_hour, 0, 0, 0,
             "Grams of CO2 equivalent per hour at full rated power."),
    F_LIST(struct estimate, grants, grant_count, 0, &burn_part_shape, ESTIMATE_GRANTS,
           "The grants that would bear the hold, in burn order."),
    F_STRING(struct estimate, rounding, FIELD_OMIT, 0, 0, "How amounts are rounded, in words."),
};
SHAPE(estimate_shape, struct estimate, "Estimate",
      "What a launch would cost, and whether it would be accepted.", estimate_fields);
