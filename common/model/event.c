/* The rows of events and audit records. */
#include "model/event.h"

static const struct field event_fields[] = {
    F_INT(struct event, seq, FIELD_REQUIRED, 0, INT64_MAX,
          "Position in the stream of the organization; grows."),
    F_TIME(struct event, at, FIELD_OMIT, "When it happened."),
    F_STRING(struct event, organization_id, 0, 0, 0, "The organization it concerns."),
    F_STRING(struct event, project_id, FIELD_OMIT, 0, 0, "The project it concerns."),
    F_STRING(struct event, kind, FIELD_REQUIRED, 1, 0,
             "What happened: noun and fact, such as instance.state."),
    F_STRING(struct event, object_id, FIELD_OMIT, 0, 0, "The object it happened to."),
    F_STRING(struct event, actor_id, FIELD_OMIT, 0, 0,
             "The member who did it; left out for the system."),
    F_STRING(struct event, request_id, FIELD_OMIT, 0, 0, "The request that caused it."),
    F_STRING(struct event, state, FIELD_OMIT, 0, 0, "The object's new state, where it has one."),
    F_STRING(struct event, summary, 0, 0, 0, "What happened, as a sentence."),
};
SHAPE(event_shape, struct event, "Event", "Something that happened.", event_fields);

static const struct field audit_record_fields[] = {
    F_INT(struct audit_record, seq, FIELD_REQUIRED, 0, INT64_MAX, "Position in the log; grows."),
    F_TIME(struct audit_record, at, FIELD_OMIT, "When it was done."),
    F_STRING(struct audit_record, organization_id, FIELD_OMIT, 0, 0,
             "The organization it concerns."),
    F_STRING(struct audit_record, member_id, FIELD_OMIT, 0, 0,
             "Who did it; left out for the system."),
    F_STRING(struct audit_record, key_id, FIELD_OMIT, 0, 0, "The API key that was used."),
    F_STRING(struct audit_record, request_id, FIELD_OMIT, 0, 0, "The request."),
    F_STRING(struct audit_record, address, FIELD_OMIT, 0, 0, "Where the request came from."),
    F_STRING(struct audit_record, action, FIELD_REQUIRED, 1, 0,
             "What was done, such as instance.launch."),
    F_STRING(struct audit_record, object_id, FIELD_OMIT, 0, 0, "The object it was done to."),
    F_STRING(struct audit_record, detail, FIELD_OMIT, 0, 0, "More, as a sentence."),
};
SHAPE(audit_record_shape, struct audit_record, "AuditRecord", "Who changed what.",
      audit_record_fields);
