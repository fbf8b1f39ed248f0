/* One physical machine, as staff see it: where instances run, whether it takes new ones, and
 * what our own checks last said about it. */
#ifndef MODEL_NODE_H
#define MODEL_NODE_H

#include "core/json.h"
#include "model/instance.h"
#include "model/report.h"

/* state, wire name, states it may move to (a set of TO(x)) */
#define NODE_STATE_LIST(X)                                                        \
    X(NODE_READY, "ready", TO(DRAINING))                                          \
    X(NODE_DRAINING, "draining", TO(DRAINED) | TO(READY)) /* takes nothing new */ \
    X(NODE_DRAINED, "drained", TO(READY))                 /* and nothing is on it any more */
enum node_state {
#define X(id, name, moves) id,
    NODE_STATE_LIST(X)
#undef X
        NODE_STATE_COUNT
};
extern const char *const node_state_names[];

#define NODE_ACTION_LIST(X) \
    X(NODE_DRAIN, "drain")  \
    X(NODE_RESUME, "resume")
enum node_action {
#define X(id, name) id,
    NODE_ACTION_LIST(X)
#undef X
        NODE_ACTION_COUNT
};
extern const char *const node_action_names[];

struct node {
    char id[ID_MAX];
    char name[NAME_BYTES_MAX]; /* the engine's, unique there */
    char zone[SLUG_BYTES_MAX]; /* the first of its engine; "": no zone names that engine */
    char engine[SLUG_BYTES_MAX];
    enum node_state state;
    char reason[TEXT_BYTES_MAX]; /* of its state: staff's words, or what a check found */
    int64_t since_ms;            /* in this state */
    int64_t gpu_count;
    bool is_virtual;        /* no physical GPU: never checked while idle */
    int64_t instance_count; /* that are on it and not over; answered, not stored */
    char check_id[ID_MAX];  /* of the check under way while it is idle; "": none */
    char report_id[ID_MAX]; /* the last report by us about a GPU of it; "": none */
    enum verdict verdict;   /* of that report */
    int64_t checked_at_ms;  /* when that report came, or a check was last tried */
    struct action actions[NODE_ACTION_COUNT]; /* encoded as a list */
    size_t action_count;
    int64_t version; /* ETag */
};

/* POST /v1/nodes/{id}/actions */
struct node_act {
    enum node_action action;
    char reason[TEXT_BYTES_MAX];
};

extern const struct shape node_shape, node_act_shape;

/* True when the table allows the move. */
bool node_may_move(enum node_state from, enum node_state to);

#endif
