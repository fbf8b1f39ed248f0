/* The rows, names and moves of an instance. No rules beyond the state table. */
#include "model/instance.h"

#define SECONDS_PER_YEAR (365 * 24 * 3600)
#define PRICE_MICROS_MAX 1000000000000 /* a million per hour */

const char *const instance_state_names[] = {
#define X(id, name, moves, billing) [id] = name,
    INSTANCE_STATE_LIST(X)
#undef X
        [INSTANCE_STATE_COUNT] = NULL};

const char *const instance_desired_names[] = {
#define X(id, name) name,
    INSTANCE_DESIRED_LIST(X)
#undef X
        NULL};

const char *const instance_reason_names[] = {
#define X(id, name) name,
    INSTANCE_REASON_LIST(X)
#undef X
        NULL};

const char *const billing_names[] = {
#define X(id, name) name,
    BILLING_LIST(X)
#undef X
        NULL};

const char *const instance_action_names[] = {
#define X(id, name) [id] = name,
    INSTANCE_ACTION_LIST(X)
#undef X
        [INSTANCE_ACTION_COUNT] = NULL};

static const struct {
    unsigned moves; /* set of 1 << state */
    enum billing billing;
} states[INSTANCE_STATE_COUNT] = {
#define TO(state)                   (1u << INSTANCE_##state)
#define X(id, name, allowed, bills) [id] = {allowed, BILLING_##bills},
    INSTANCE_STATE_LIST(X)
#undef X
#undef TO
};

bool instance_may_move(enum instance_state from, enum instance_state to)
{
    if ((unsigned)from >= INSTANCE_STATE_COUNT || (unsigned)to >= INSTANCE_STATE_COUNT)
        return false;
    return states[from].moves & (1u << to);
}

enum billing instance_billing(enum instance_state state)
{
    return (unsigned)state < INSTANCE_STATE_COUNT ? states[state].billing : BILLING_OFF;
}

bool instance_is_over(enum instance_state state)
{
    return (unsigned)state < INSTANCE_STATE_COUNT && !states[state].moves;
}

static const struct field action_fields[] = {
    F_STRING(struct action, name, FIELD_REQUIRED, 1, 0, "What may be asked."),
    F_BOOL(struct action, available, FIELD_REQUIRED, "Whether it can be asked now."),
    F_STRING(struct action, reason, FIELD_OMIT, 0, 0, "Why not, as a sentence."),
};
SHAPE(action_shape, struct action, "Action", "What may be asked of an object now, and why not.",
      action_fields);

static const struct field gpu_slot_fields[] = {
    F_INT(struct gpu_slot, index, FIELD_REQUIRED, 0, GPUS_PER_INSTANCE_MAX - 1,
          "Position of the GPU on its machine."),
    F_STRING(struct gpu_slot, label, FIELD_REQUIRED, 0, 0,
             "Model name as the driver reports it, or \"virtual\"."),
    F_STRING(struct gpu_slot, uuid, FIELD_OMIT, 0, 0,
             "Identifier of the physical GPU; left out for a virtual slot."),
    F_BOOL(struct gpu_slot, is_virtual, 0, "True when no physical GPU stands behind the slot."),
};
SHAPE(gpu_slot_shape, struct gpu_slot, "GpuSlot", "One GPU that an instance holds.",
      gpu_slot_fields);

static const struct field instance_fields[] = {
    F_STRING(struct instance, id, FIELD_REQUIRED, 1, 0, "Identifier of the instance."),
    F_STRING(struct instance, organization_id, 0, 0, 0, "The organization that pays."),
    F_STRING(struct instance, project_id, 0, 0, 0, "The project it belongs to."),
    F_STRING(struct instance, created_by, FIELD_OMIT, 0, 0, "The member who launched it."),
    F_STRING(struct instance, job_id, FIELD_OMIT, 0, 0,
             "The job it was made for; it is deleted when that job ends."),
    F_STRING(struct instance, name, 0, 0, 0, "Name that people chose."),
    F_STRING(struct instance, offer_id, 0, 0, 0, "The offer it was launched from."),
    F_STRING(struct instance, zone, 0, 0, 0, "The zone where it runs."),
    F_STRING(struct instance, gpu_model, FIELD_OMIT, 0, 0,
             "Its GPU model; left out when it has no GPU."),
    F_INT(struct instance, gpu_count, 0, 0, 0, "GPUs that it holds."),
    F_INT(struct instance, vcpu_count, 0, 0, 0, "Virtual CPUs that it holds."),
    F_INT(struct instance, memory_gib, 0, 0, 0, "Memory in GiB."),
    F_ENUM(struct instance, state, FIELD_REQUIRED, instance_state_names,
           "Where it is in its life."),
    F_ENUM(struct instance, desired_state, 0, instance_desired_names, "What its owner wants."),
    F_ENUM(struct instance, state_reason, 0, instance_reason_names,
           "Why it is in this state, for programs."),
    F_STRING(struct instance, state_detail, FIELD_OMIT, 0, 0,
             "Why it is in this state, for people."),
    F_TIME(struct instance, state_since, FIELD_OMIT, "When it entered this state."),
    F_ENUM(struct instance, billing, 0, billing_names, "Whether it costs money now."),
    F_MONEY(struct instance, price_per_hour, 0, 0, 0,
            "Price per hour without VAT, frozen at launch."),
    F_INT(struct instance, price_version, 0, 0, 0, "Version of the catalogue that set the price."),
    F_MONEY(struct instance, cost, 0, 0, 0, "What it has cost until cost_at."),
    F_TIME(struct instance, cost_at, FIELD_OMIT, "The moment to which cost is exact."),
    F_TIME(struct instance, created_at, FIELD_OMIT, "When it was asked for."),
    F_TIME(struct instance, running_at, FIELD_OMIT, "When it last began to run."),
    F_TIME(struct instance, ended_at, FIELD_OMIT, "When it was terminated."),
    F_TIME(struct instance, deadline_at, FIELD_OMIT, "When it will be stopped."),
    F_INT(struct instance, stop_after_seconds, FIELD_OMIT, 0, 0,
          "Until it runs: how long after that it will be stopped."),
    F_ENUM(struct instance, gate_verdict, 0, verdict_names,
           "Verdict of the health check before billing began."),
    F_STRING(struct instance, gate_summary, FIELD_OMIT, 0, 0,
             "What that health check found, in one line."),
    F_STRING(struct instance, node_id, FIELD_OMIT, 0, 0, "The node where it is (staff)."),
    F_STRING(struct instance, check_id, FIELD_OMIT, 0, 0,
             "The check that is under way; its report will have this id."),
    F_ENUM(struct instance, check_tier, 0, tier_names, "Tier of that check, or of the last one."),
    F_ENUM(struct instance, check_verdict, 0, verdict_names,
           "Verdict of the last check that was asked for; none, when it ended with its instance."),
    F_TIME(struct instance, checked_at, FIELD_OMIT, "When the report of that check came."),
    F_TIME(struct instance, credit_from, FIELD_OMIT,
           "What it costs from here on, at most 24 hours, is given back when a check by the "
           "provider finds a GPU of it bad."),
    F_STRING(struct instance, limits, FIELD_OMIT, 0, 0,
             "What enforces its limits: cgroup2, cgroup1 or rlimit."),
    F_BOOL(struct instance, network, 0, "Whether it may reach the network."),
    F_LIST(struct instance, slots, slot_count, 0, &gpu_slot_shape, GPUS_PER_INSTANCE_MAX,
           "The GPUs that it holds."),
    F_LIST(struct instance, actions, action_count, 0, &action_shape, INSTANCE_ACTION_COUNT,
           "What may be asked of it now, and why not."),
    F_INT(struct instance, version, 0, 0, 0, "Grows with every change; the ETag."),
    F_STRING(struct instance, ssh_public_key, FIELD_OMIT, 0, 0,
             "The public key that may log in; left out when nobody may."),
};
SHAPE(instance_shape, struct instance, "Instance", "One rented machine.", instance_fields);

static const struct field instance_create_fields[] = {
    F_STRING(struct instance_create, offer_id, FIELD_REQUIRED, 1, 0, "The offer to launch."),
    F_STRING(struct instance_create, name, FIELD_OMIT, 1, 0,
             "Name of the instance; made from the offer when left out."),
    F_STRING(struct instance_create, project_id, FIELD_OMIT, 1, 0,
             "The project it belongs to; the key's own when left out."),
    F_TIME(struct instance_create, deadline_at, FIELD_OMIT,
           "When to stop it; it runs until it is stopped when left out."),
    F_INT(struct instance_create, stop_after_seconds, FIELD_OMIT, 1, SECONDS_PER_YEAR,
          "Stop it so many seconds after it began to run."),
    F_BOOL(struct instance_create, network, FIELD_OMIT, "Whether it may reach the network."),
    F_STRING(struct instance_create, ssh_public_key, FIELD_OMIT, 1, 0,
             "An OpenSSH public key that may log in."),
    F_MONEY(struct instance_create, price_max, FIELD_OMIT, 1, PRICE_MICROS_MAX,
            "Refuse the launch when the price per hour is above this."),
};
SHAPE(instance_create_shape, struct instance_create, "InstanceCreate", "An instance to launch.",
      instance_create_fields);

static const struct field instance_patch_fields[] = {
    F_STRING(struct instance_patch, name, FIELD_OMIT, 1, 0, "A new name."),
    F_TIME(struct instance_patch, deadline_at, FIELD_OMIT,
           "A new moment to stop it; null removes the deadline."),
};
SHAPE(instance_patch_shape, struct instance_patch, "InstancePatch", "What to change.",
      instance_patch_fields);

static const struct field instance_act_fields[] = {
    F_ENUM(struct instance_act, action, FIELD_REQUIRED, instance_action_names, "What to do."),
    F_ENUM(struct instance_act, tier, FIELD_OMIT, tier_names,
           "Check only: state, quick or burn; quick when left out. All but state use the GPUs in "
           "full: a quick check for up to a minute, a burn for minutes."),
    F_BOOL(struct instance_act, disturb, FIELD_OMIT,
           "Check only: also while a job runs, which is slowed down, or fails if it leaves the "
           "check no GPU memory; without it such a check is refused."),
};
SHAPE(instance_act_shape, struct instance_act, "InstanceAction", "An action to take.",
      instance_act_fields);
