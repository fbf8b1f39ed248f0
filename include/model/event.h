/* What happened, in order, as one stream per organization. */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "core/json.h"

struct event {
    int64_t seq; /* grows; the SSE id */
    int64_t at_ms;
    char organization_id[ID_MAX];
    char project_id[ID_MAX];
    char kind[SLUG_BYTES_MAX]; /* "instance.state", "job.state", "credit.hold", … */
    char object_id[ID_MAX];
    char actor_id[ID_MAX]; /* member, or "" for the system */
    char request_id[ID_MAX];
    char state[SLUG_BYTES_MAX];   /* new state of the object, where it has one */
    char summary[TEXT_BYTES_MAX]; /* a sentence */
};

/* Every change, who and what, in the transaction of the change. */
struct audit_record {
    int64_t seq;
    int64_t at_ms;
    char organization_id[ID_MAX];
    char member_id[ID_MAX]; /* "" for the system */
    char key_id[ID_MAX];
    char request_id[ID_MAX];
    char address[64];
    char action[SLUG_BYTES_MAX]; /* a row of the rules table: "instance.launch" */
    char object_id[ID_MAX];
    char detail[TEXT_BYTES_MAX];
};

extern const struct shape event_shape, audit_record_shape;

#endif
