/* One case for support: a renter's own report says that an instance of theirs is not well. */
#ifndef MODEL_CASE_H
#define MODEL_CASE_H

#include "core/json.h"
#include "model/instance.h"
#include "model/report.h"

#define CASE_STATE_LIST(X) \
    X(CASE_OPEN, "open")   \
    X(CASE_CLOSED, "closed")
enum case_state {
#define X(id, name) id,
    CASE_STATE_LIST(X)
#undef X
};
extern const char *const case_state_names[];

#define CASE_ACTION_LIST(X) X(CASE_CLOSE, "close")
enum case_action {
#define X(id, name) id,
    CASE_ACTION_LIST(X)
#undef X
        CASE_ACTION_COUNT
};
extern const char *const case_action_names[];

/* `case` is a word of C. */
struct support_case {
    char id[ID_MAX];
    char organization_id[ID_MAX];
    char instance_id[ID_MAX];
    char report_id[ID_MAX]; /* the one that opened it */
    int64_t report_count;   /* with those that joined it while it was open */
    enum verdict verdict;   /* of the last of them */
    char summary[TEXT_BYTES_MAX];
    enum case_state state;
    int64_t opened_at_ms, closed_at_ms;
    char closed_by[ID_MAX]; /* member of staff */
    char note[TEXT_BYTES_MAX];
    struct action actions[CASE_ACTION_COUNT]; /* encoded as a list */
    size_t action_count;
    int64_t version; /* ETag */
};

/* POST /v1/cases/{id}/actions */
struct case_act {
    enum case_action action;
    char note[TEXT_BYTES_MAX];
};

extern const struct shape support_case_shape, case_act_shape;

#endif
