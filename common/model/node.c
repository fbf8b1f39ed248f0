/* The rows, names and moves of a node. */
#include "model/node.h"

const char *const node_state_names[] = {
#define X(id, name, moves) [id] = name,
    NODE_STATE_LIST(X)
#undef X
        [NODE_STATE_COUNT] = NULL};

const char *const node_action_names[] = {
#define X(id, name) [id] = name,
    NODE_ACTION_LIST(X)
#undef X
        [NODE_ACTION_COUNT] = NULL};

static const unsigned moves_from[NODE_STATE_COUNT] = {
#define TO(state)            (1u << NODE_##state)
#define X(id, name, allowed) [id] = allowed,
    NODE_STATE_LIST(X)
#undef X
#undef TO
};

bool node_may_move(enum node_state from, enum node_state to)
{
    if ((unsigned)from >= NODE_STATE_COUNT || (unsigned)to >= NODE_STATE_COUNT)
        return false;
    return moves_from[from] & (1u << to);
}

static const struct field node_fields[] = {
    F_STRING(struct node, id, FIELD_REQUIRED, 1, 0, "Identifier of the node."),
    F_STRING(struct node, name, 0, 0, 0, "Its name, as its engine says it."),
    F_STRING(struct node, zone, FIELD_OMIT, 0, 0, "The zone where it stands."),
    F_STRING(struct node, engine, 0, 0, 0, "The engine that runs it."),
    F_ENUM(struct node, state, FIELD_REQUIRED, node_state_names,
           "Whether it takes new instances: only when ready."),
    F_STRING(struct node, reason, FIELD_OMIT, 0, 0,
             "Why it is in this state: the words of staff, or what a check found."),
    F_TIME(struct node, since, FIELD_OMIT, "When it entered this state."),
    F_INT(struct node, gpu_count, 0, 0, 0, "GPU slots that it has."),
    F_BOOL(struct node, is_virtual, 0, "True when no physical GPU stands behind its slots."),
    F_INT(struct node, instance_count, 0, 0, 0, "Instances on it that are not over."),
    F_STRING(struct node, check_id, FIELD_OMIT, 0, 0,
             "The check that is under way while it is idle; its report will have this id."),
    F_STRING(struct node, report_id, FIELD_OMIT, 0, 0, "The last report of a check of ours on it."),
    F_ENUM(struct node, verdict, 0, verdict_names, "Verdict of that report."),
    F_TIME(struct node, checked_at, FIELD_OMIT, "When a check of ours was last done or tried."),
    F_LIST(struct node, actions, action_count, 0, &action_shape, NODE_ACTION_COUNT,
           "What may be asked of it now, and why not."),
    F_INT(struct node, version, 0, 0, 0, "Grows with every change; the ETag."),
};
SHAPE(node_shape, struct node, "Node", "One physical machine.", node_fields);

static const struct field node_act_fields[] = {
    F_ENUM(struct node_act, action, FIELD_REQUIRED, node_action_names, "What to do."),
    F_STRING(struct node_act, reason, FIELD_OMIT, 1, 0,
             "Why, as a sentence for other staff; required to drain."),
};
SHAPE(node_act_shape, struct node_act, "NodeAction", "An action to take.", node_act_fields);
